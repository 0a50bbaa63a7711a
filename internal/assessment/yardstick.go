package assessment

import (
	"cmp"
	"slices"
	"strings"
)

// band is a word of the Professional Head of Intelligence Assessment's probability
// yardstick. The yardstick leaves gaps between its words (5–10 %, 20–25 %,
// 35–40 %, 50–55 %, 75–80 %, 90–95 %), so that neighbours are not confused. A
// computed probability falls into them all the same. Our rule: what falls into a
// gap takes the word that claims less, which is the one nearer to the middle. 92 %
// is "highly likely" and not "almost certain"; 7 % is "highly unlikely" and not a
// "remote chance"; 52 % is a "realistic possibility".
type band struct {
	word     string
	from, to float64 // as the yardstick prints them
	above    float64 // lower edge with the gaps given away
}

var yardstick = []band{
	{"remote chance", 0, 0.05, 0},
	{"highly unlikely", 0.10, 0.20, 0.05},
	{"unlikely", 0.25, 0.35, 0.20},
	{"realistic possibility", 0.40, 0.50, 0.35},
	{"likely", 0.55, 0.75, 0.55},
	{"highly likely", 0.80, 0.90, 0.80},
	{"almost certain", 0.95, 1, 0.95},
}

// Words of the yardstick that rules speak of.
const (
	AlmostCertain        = "almost certain"
	RealisticPossibility = "realistic possibility"
)

// Word is the yardstick's word for a probability. "Likely" is printed also where
// the yardstick says "likely or probable".
func Word(p float64) string { return yardstick[bandOf(p)].word }

// bandOf finds the band. Edges of the lower half belong to the word below them
// (5 % is still a remote chance), edges of the upper half to the word above (95 %
// is almost certain), as the yardstick has it.
func bandOf(p float64) int {
	n := 0
	for i, b := range yardstick {
		if (b.above <= 0.5 && p > b.above) || (b.above > 0.5 && p >= b.above) {
			n = i
		}
	}
	return n
}

// agreement is the share of draws that must fall into one band for its word to be
// printed alone.
const agreement = 0.9

// phrase puts draws of a chance into words: one word if nearly all draws agree on
// it, otherwise the span between the 5th and the 95th percentile.
func phrase(chance float64, draws []float64) (s Statement) {
	sorted := slices.Sorted(slices.Values(draws))
	s.Chance = chance
	s.Low, s.High = percentile(sorted, 0.05), percentile(sorted, 0.95)
	counts := make([]int, len(yardstick))
	for _, d := range draws {
		counts[bandOf(d)]++
	}
	best := 0
	for i, n := range counts {
		if n > counts[best] {
			best = i
		}
	}
	s.Agreed = share(counts[best], len(draws))
	low, high := bandOf(min(s.Low, chance)), bandOf(max(s.High, chance))
	if len(draws) == 0 || (s.Agreed >= agreement && best == bandOf(chance)) || low == high {
		s.Word = Word(chance)
		return s
	}
	s.Word, s.Spans = yardstick[low].word+" to "+yardstick[high].word, true
	return s
}

// Sentence puts a statement into a sentence with its likelihood and nothing else: the
// analytical confidence never stands in the same sentence.
func (s Statement) Sentence(statement string) string {
	if s.Spans {
		return "The chance that " + statement + " lies somewhere between " + strings.Replace(s.Word, " to ", " and ", 1) + "."
	}
	switch s.Word {
	case "remote chance", RealisticPossibility:
		return "There is a " + s.Word + " that " + statement + "."
	}
	return "It is " + s.Word + " that " + statement + "."
}

func share(n, of int) float64 { return float64(n) / float64(max(of, 1)) }

func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

// byShare orders hypotheses by posterior, then by id.
func byShare(a, b Share) int {
	return cmp.Or(cmp.Compare(b.Posterior, a.Posterior), cmp.Compare(a.Hypothesis, b.Hypothesis))
}
