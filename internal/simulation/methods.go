package simulation

import (
	"math"
	"slices"
)

// None is the answer that it is none of the listed.
const None = ""

// Method gives each listed group, and None, a probability.
type Method struct {
	Name  string
	Weigh func(*Knowledge, Incident) map[string]float64
}

// Methods are the simpler ones that weighing must beat.
func Methods() []Method {
	return []Method{
		{"ACH count", func(k *Knowledge, i Incident) map[string]float64 { return k.count(i.Reports) }},
		{"ACH count without echoes", func(k *Knowledge, i Incident) map[string]float64 { return k.count(once(i.Reports)) }},
		{"naive Bayes", func(k *Knowledge, i Incident) map[string]float64 { return k.bayes(i.Reports) }},
		{"naive Bayes without echoes", func(k *Knowledge, i Incident) map[string]float64 { return k.bayes(once(i.Reports)) }},
	}
}

// Knowledge is public profiles with what the methods need of them.
type Knowledge struct {
	public []Profile
	has    []map[string]map[string]bool
	held   map[string]map[string]float64 // by kind: in how many profiles a value is
	total  map[string]float64
}

// Know reads profiles.
func Know(public []Profile) *Knowledge {
	k := &Knowledge{public: public, held: map[string]map[string]float64{}, total: map[string]float64{}}
	for _, p := range public {
		has := map[string]map[string]bool{}
		for kind, values := range p.Traits {
			has[kind] = map[string]bool{}
			if k.held[kind] == nil {
				k.held[kind] = map[string]float64{}
			}
			for _, v := range values {
				has[kind][v] = true
				k.held[kind][v]++
				k.total[kind]++
			}
		}
		k.has = append(k.has, has)
	}
	return k
}

// once drops reports whose declared origin has said the same before. That a copy hides
// where it has it from is nothing that a simple method looks for.
func once(reports []Report) (out []Report) {
	seen := map[[3]string]bool{}
	for _, r := range reports {
		key := [3]string{r.Origin, r.Kind, r.Value}
		if !seen[key] {
			seen[key] = true
			out = append(out, r)
		}
	}
	return out
}

// count is an analysis of competing hypotheses as it is done by hand: a point for each
// report that fits the group, one off for each that does not, and nothing either way for
// an unknown actor, whom everything fits. A point is worth a factor e.
func (k *Knowledge) count(reports []Report) map[string]float64 {
	logs := make([]float64, len(k.public)+1)
	for i := range k.public {
		for _, r := range reports {
			if k.has[i][r.Kind][r.Value] {
				logs[i]++
			} else {
				logs[i]--
			}
		}
	}
	return k.shares(logs)
}

// bayes takes each report for independent, with Laplace's rule for what a profile does
// not have, the unknown actor for one who does what is common, and even chances that it
// is none of the listed.
func (k *Knowledge) bayes(reports []Report) map[string]float64 {
	logs := make([]float64, len(k.public)+1)
	logs[len(k.public)] = math.Log(0.5)
	for i := range k.public {
		logs[i] = math.Log(0.5 / float64(len(k.public)))
	}
	for _, r := range reports {
		size := float64(len(k.held[r.Kind]) + 1)
		for i := range k.public {
			n := 0.0
			if k.has[i][r.Kind][r.Value] {
				n = 1
			}
			logs[i] += math.Log((n + 1/size) / (float64(len(k.has[i][r.Kind])) + 1))
		}
		logs[len(k.public)] += math.Log((k.held[r.Kind][r.Value] + 1) / (k.total[r.Kind] + size))
	}
	return k.shares(logs)
}

func (k *Knowledge) shares(logs []float64) map[string]float64 {
	top, sum := slices.Max(logs), 0.0
	for i, l := range logs {
		logs[i] = math.Exp(l - top)
		sum += logs[i]
	}
	out := make(map[string]float64, len(logs))
	for i, p := range k.public {
		out[p.Name] = logs[i] / sum
	}
	out[None] = logs[len(logs)-1] / sum
	return out
}
