package assessment

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
)

// Method names the rules and constants that an assessment was made by. It changes
// with any of them, so that a replay says which rules it was made with.
const Method = "portcullis-assessment/1"

// Assess weighs a case. It is pure: neither clock nor chance has a part in it, and the
// order of evidence has none either. The case must be valid (see Validate).
func Assess(c Case) Assessment {
	kept, echoes := independent(c.Evidence)
	a := Assessment{Schema: 1, Method: Method, Campaign: c.Campaign, Echoes: echoes, Missing: c.Missing}
	whole := sha256.New()
	for _, p := range Propositions() {
		for _, q := range c.Questions {
			if q.Proposition == p {
				w := weigh(q, kept)
				whole.Write(w.seed[:])
				a.Answers = append(a.Answers, w.answer(c.Missing))
			}
		}
	}
	a.Case = hex.EncodeToString(whole.Sum(nil))
	return a
}

// Answer finds the answer to a question.
func (a Assessment) Answer(p Proposition) (Answer, bool) {
	for _, answer := range a.Answers {
		if answer.Proposition == p {
			return answer, true
		}
	}
	return Answer{}, false
}

// weighed is a question with everything that was computed of it.
type weighed struct {
	q         Question
	facts     []fact
	scale     *scale
	posterior []float64
	lead      int
	marked    []bool // the hypotheses whose chance the statement is about
	seed      [32]byte
	without   []Without
}

func weigh(q Question, kept []Evidence) *weighed {
	q.Hypotheses = slices.SortedFunc(slices.Values(q.Hypotheses), func(a, b Hypothesis) int { return cmp.Compare(a.ID, b.ID) })
	w := &weighed{q: q, facts: factsFor(q, kept)}
	w.scale = newScale(q, w.facts)
	w.posterior = w.scale.posterior(nil)
	w.seed = seedOf(q, w.facts)
	w.mark()
	for _, origin := range originsIn(w.facts) {
		left := newScale(q, without(w.facts, origin))
		w.without = append(w.without, Without{Origin: origin, Chance: chanceOf(left.posterior(nil), w.marked)})
	}
	return w
}

// mark finds the lead, the likeliest hypothesis for which the proposition holds. Of an
// actor the statement is about the lead alone; the other propositions hold if any of
// theirs does.
func (w *weighed) mark() {
	w.lead, w.marked = -1, make([]bool, len(w.posterior))
	for i, h := range w.q.Hypotheses {
		if h.Holds && (w.lead < 0 || w.posterior[i] > w.posterior[w.lead]) {
			w.lead = i
		}
		w.marked[i] = h.Holds && w.q.Proposition != Actor
	}
	if w.lead >= 0 {
		w.marked[w.lead] = true
	}
}

func (w *weighed) chance() float64 { return chanceOf(w.posterior, w.marked) }

// answer puts the result into words.
func (w *weighed) answer(missing []string) Answer {
	a := Answer{Proposition: w.q.Proposition, Matrix: w.matrix()}
	for i, h := range w.q.Hypotheses {
		a.Posteriors = append(a.Posteriors, Share{h.ID, h.Title, h.Prior, round(w.posterior[i])})
	}
	slices.SortFunc(a.Posteriors, byShare)
	for _, o := range w.without {
		a.Without = append(a.Without, Without{o.Origin, round(o.Chance)})
	}
	if w.lead >= 0 {
		a.Lead = w.q.Hypotheses[w.lead].ID
		a.Statement = w.q.Proposition.Statement(w.q.Hypotheses[w.lead].Title)
	}
	chance, draws := w.chance(), w.scale.chances(w.posterior, w.marked, w.seed)
	caps := w.caps(chance, draws)
	a.Likelihood = phrase(hold(chance, caps), holdAll(draws, caps))
	a.Likelihood.Caps, a.Likelihood.Uncapped = caps, round(chance)
	a.Likelihood.rounded()
	a.Confidence = w.confidence(a.Likelihood, missing)
	return a
}

// rounded cuts what is stated to six decimals: what lies behind is lost in the
// arithmetic of one processor or another.
func (s *Statement) rounded() {
	s.Chance, s.Low, s.High, s.Agreed = round(s.Chance), round(s.Low), round(s.High), round(s.Agreed)
}

func round(x float64) float64 { return math.Round(x*1e6) / 1e6 }
