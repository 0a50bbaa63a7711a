package trial

import (
	"math"
	"slices"
	"sort"
	"strings"

	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
)

// The baselines are what anybody could write in an hour. A rule that does no
// better has learnt nothing, and a collection on which they do well is easy.

// tenWords are words that everybody thinks of.
var tenWords = []string{"account", "verify", "password", "urgent", "suspended", "click", "winner", "congratulations", "bitcoin", "invoice"}

type words map[string]bool

func wordsOf(j *mail.Judge, m Mail) words {
	in := j.NewInput(message.Parse(m.Raw, message.DefaultLimits()), Facts(m))
	set := words{}
	for _, w := range strings.FieldsFunc(strings.ToLower(in.Subject+" "+in.Body), func(r rune) bool { return r < 'a' && r != '\'' || r > 'z' && r < 0x80 }) {
		set[w] = true
	}
	return set
}

func baselines(j *mail.Judge, earlier, later []Source) []Phase {
	bayes := trainBayes(j, earlier)
	nb, ten := Phase{Name: NaiveBayes}, Phase{Name: TenWords}
	for _, s := range later {
		r, w := Result{Source: s.Name, Bad: s.Bad, Mails: len(s.Mails)}, Result{Source: s.Name, Bad: s.Bad, Mails: len(s.Mails)}
		for _, m := range s.Mails {
			set := wordsOf(j, m)
			if bayes.score(set) > bayes.threshold {
				r.Tagged++
			}
			if slices.ContainsFunc(tenWords, func(w string) bool { return set[w] }) {
				w.Tagged++
			}
		}
		nb.Results, ten.Results = append(nb.Results, r), append(ten.Results, w)
	}
	return []Phase{nb, ten}
}

type naiveBayes struct {
	ratio     map[string]float64
	threshold float64
}

// trainBayes counts in how many mails of each side a word stands, all mails
// alike, and takes the threshold that one in a hundred good mails passes.
func trainBayes(j *mail.Judge, sources []Source) *naiveBayes {
	counts := map[bool]map[string]float64{true: {}, false: {}}
	total := map[bool]float64{}
	var good []words
	for _, s := range sources {
		for _, m := range s.Mails {
			set := wordsOf(j, m)
			total[s.Bad]++
			for w := range set {
				counts[s.Bad][w]++
			}
			if !s.Bad {
				good = append(good, set)
			}
		}
	}
	n := &naiveBayes{ratio: map[string]float64{}}
	for _, side := range counts {
		for w := range side {
			n.ratio[w] = math.Log((counts[true][w]+1)/(total[true]+2)) - math.Log((counts[false][w]+1)/(total[false]+2))
		}
	}
	scores := make([]float64, len(good))
	for i, set := range good {
		scores[i] = n.score(set)
	}
	sort.Float64s(scores)
	if len(scores) > 0 {
		n.threshold = scores[len(scores)*99/100]
	}
	return n
}

func (n *naiveBayes) score(set words) float64 {
	var list []float64
	for w := range set {
		list = append(list, n.ratio[w])
	}
	sort.Float64s(list) // so that the sum does not depend on the order of a map
	sum := 0.0
	for _, x := range list {
		sum += x
	}
	return sum
}
