package assessment

import (
	"math"
	"slices"
)

// correlation is how far facts of one group are taken to say the same thing. With n
// of them, each is raised to the power 1/(1+ρ(n−1)): Kish's design effect, by which n
// correlated observations are worth as many independent ones. It is a declaration,
// not an estimate. What is drafted from profiles is not tempered again: its likelihoods
// are joint ones already, shared out over its values.
const correlation = 0.15

// Ungrouped is the Group of evidence that hangs together with nothing, or whose
// likelihoods allow for it.
const Ungrouped = "-"

// scale is one question ready for weighing: for each fact and hypothesis a
// likelihood relative to the fact's baseline, and for each origin the facts that
// rest on it first.
type scale struct {
	priors []float64
	facts  []weight
	origin [][]bundle // facts by their first origin
	source []trust    // trust in each origin's facts together; see joint
	base   []float64  // logarithm of each origin's baseline
}

// bundle is facts that are tempered alike, so that one logarithm does for all.
type bundle struct {
	temper float64
	facts  []int
}

// weight is one fact on the scale.
type weight struct {
	ratio   []float64 // L/baseline, by hypothesis
	temper  float64
	content trust   // of the first origin's report
	others  float64 // reliability of the other origins' reports together
	source  trust   // of the first origin
}

func newScale(q Question, facts []fact) *scale {
	s := &scale{priors: make([]float64, len(q.Hypotheses))}
	for i, h := range q.Hypotheses {
		s.priors[i] = h.Prior
	}
	groups := groupSizes(facts)
	index := map[string]int{}
	for i, f := range facts {
		w := weight{ratio: relative(f.rungs, s.priors), temper: 1 / (1 + correlation*float64(groups[f.group]-1))}
		if f.group == "" || f.group == Ungrouped {
			w.temper = 1
		}
		first := f.supports[0]
		w.source, w.content = first.grade.trusts()
		doubt := 1.0
		for _, other := range f.supports[1:] {
			doubt *= 1 - other.grade.Reliability()
		}
		w.others = 1 - doubt
		s.facts = append(s.facts, w)
		n, ok := index[first.origin]
		if !ok {
			n = len(s.origin)
			index[first.origin] = n
			s.origin, s.source = append(s.origin, nil), append(s.source, w.source)
		}
		s.bundle(n, i)
		if w.source.at > s.source[n].at {
			s.source[n] = w.source
		}
	}
	s.baseline()
	return s
}

// bundle puts a fact with those of its origin.
func (s *scale) bundle(n, i int) {
	for b := range s.origin[n] {
		if one := &s.origin[n][b]; one.temper == s.facts[i].temper && len(one.facts) < 32 {
			one.facts = append(one.facts, i)
			return
		}
	}
	s.origin[n] = append(s.origin[n], bundle{s.facts[i].temper, []int{i}})
}

func groupSizes(facts []fact) map[string]int {
	sizes := map[string]int{}
	for _, f := range facts {
		if f.group != "" && slices.Max(f.rungs) != slices.Min(f.rungs) {
			sizes[f.group]++
		}
	}
	for _, f := range facts { // a group without a word to say still has a size
		sizes[f.group] = max(sizes[f.group], 1)
	}
	return sizes
}

// relative divides each likelihood by the baseline: what one would expect of a report
// that has nothing to do with the truth, the average over the hypotheses as they
// stood before any evidence.
func relative(rungs []Rung, priors []float64) []float64 {
	ratio := make([]float64, len(rungs))
	baseline, total := 0.0, 0.0
	for i, r := range rungs {
		ratio[i] = r.Likelihood()
		baseline += float64(priors[i] * ratio[i])
		total += priors[i]
	}
	if baseline <= 0 || total <= 0 {
		baseline, total = 1, 1
	}
	for i := range ratio {
		ratio[i] *= total / baseline
	}
	return ratio
}

// joint is the logarithm of what one origin's facts together say for a hypothesis.
//
// The Admiralty letter is about the source and the digit about what it says, so they
// are applied where they belong. The digit is applied to each fact:
// c·L + (1−c)·baseline. The letter is applied to all that the source says together:
// s·L + (1−s)·baseline, where L is the product over its facts and the baseline is again
// the average of that over the hypotheses. A source that is mistaken is mistaken
// as a whole: it has taken one actor for another, and then everything it says fits that
// other. So nobody becomes surer than the source is reliable, however much it says. What
// other origins confirm still counts when this one does not. For one fact from one
// source it comes to r·L + (1−r)·baseline with r = source·content.
func (s *scale) joint(n int, h int, d *draw) float64 {
	sound, unsound := s.told(n, h, d)
	unsound += s.base[n]
	switch t := d.source(s, n); {
	case t <= 0:
		return unsound
	case t >= 1:
		return sound
	default:
		return logSum2(math.Log(t)+sound, math.Log(1-t)+unsound)
	}
}

// told is the logarithm of what the origin's facts say if it is sound, and of what is
// left of them if it is not: what others confirm.
func (s *scale) told(n int, h int, d *draw) (sound, unsound float64) {
	for _, b := range s.origin[n] {
		with, without := 1.0, 1.0
		for _, i := range b.facts {
			f := &s.facts[i]
			ratio, c := d.ratio(s, i, h), d.content(s, i)
			r := c + f.others - float64(c*f.others)
			with *= float64(r*ratio) + 1 - r
			without *= float64(f.others*ratio) + 1 - f.others
		}
		sound += b.temper * math.Log(with)
		if without != 1 {
			unsound += b.temper * math.Log(without)
		}
	}
	return sound, unsound
}

// baseline finds what to expect of each origin if it has nothing to do with the truth.
func (s *scale) baseline() {
	s.base = make([]float64, len(s.origin))
	for n := range s.origin {
		sum := 0.0
		for h, p := range s.priors {
			sound, unsound := s.told(n, h, nil)
			sum += float64(p * math.Exp(sound-unsound))
		}
		s.base[n] = math.Log(max(sum, 1e-300))
	}
}

func logSum2(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// posterior is Bayes' rule over all origins.
func (s *scale) posterior(d *draw) []float64 {
	out := make([]float64, len(s.priors))
	for h := range out {
		out[h] = math.Log(max(d.prior(s, h), 1e-300))
		for n := range s.origin {
			out[h] += s.joint(n, h, d)
		}
	}
	return normalise(out)
}

// normalise turns logarithms into shares that add up to 1.
func normalise(logs []float64) []float64 {
	top := slices.Max(append([]float64{math.Inf(-1)}, logs...))
	total := 0.0
	for i, l := range logs {
		logs[i] = math.Exp(l - top)
		total += logs[i]
	}
	for i := range logs {
		logs[i] /= total
	}
	return logs
}

// chanceOf sums the shares of the hypotheses that are marked.
func chanceOf(posterior []float64, marked []bool) (sum float64) {
	for i, p := range posterior {
		if marked[i] {
			sum += p
		}
	}
	return min(sum, 1)
}
