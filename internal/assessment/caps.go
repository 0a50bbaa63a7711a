package assessment

import (
	"fmt"
	"math"
)

// Names of the rules that hold statements back.
const (
	RuleTechniques = "techniques alone"
	RuleCertainty  = "almost certain"
)

const (
	// ownWeight is the Bayes factor that evidence other than techniques must reach
	// for a statement to rest on more than techniques: 3, "positive" evidence in the
	// scale of Kass and Raftery (1995).
	ownWeight = 3
	// moves is the change in log odds by which an origin counts as one that the
	// statement rests on.
	moves           = 0.05
	certainOrigins  = 3
	certainVertices = 2
	belowPossible   = 0.499 // just within "realistic possibility"
	belowCertain    = 0.949 // just within "highly likely"
)

// caps finds the rules that hold the statement back. They look at what it rests on and
// not at how large it is, so the uncapped chance stays what the weighing gave.
func (w *weighed) caps(chance float64, draws []float64) (list []Cap) {
	if reason := w.techniquesAlone(); reason != "" && above(belowPossible, chance, draws) {
		list = append(list, Cap{RuleTechniques, belowPossible, reason})
	}
	if reason := w.uncertain(); reason != "" && above(belowCertain, chance, draws) {
		list = append(list, Cap{RuleCertainty, belowCertain, reason})
	}
	return list
}

// above tells whether a cap would change what is printed: the chance, or the upper end
// of its span.
func above(limit, chance float64, draws []float64) bool {
	n := 0
	for _, d := range draws {
		if d > limit {
			n++
		}
	}
	return chance > limit || share(n, len(draws)) >= 0.05
}

// techniquesAlone says why the statement rests on techniques alone, "" if it does not.
// Many groups share techniques, and groups read the same reports as we do.
func (w *weighed) techniquesAlone() string {
	var rest []fact
	for _, f := range w.facts {
		if f.kind != KindTechnique {
			rest = append(rest, f)
		}
	}
	if len(rest) == len(w.facts) {
		return ""
	}
	before := chanceOf(w.scale.priors, w.marked)
	after := chanceOf(newScale(w.q, rest).posterior(nil), w.marked)
	if logOdds(after)-logOdds(before) >= math.Log(ownWeight) {
		return ""
	}
	if len(rest) == 0 {
		return "all evidence is techniques, which many groups share"
	}
	return fmt.Sprintf("without the techniques the rest speaks for it by less than %d to 1, and many groups share techniques", ownWeight)
}

// uncertain says why "almost certain" may not be said, "" if it may.
func (w *weighed) uncertain() string {
	origins, weakest, which := 0, 1.0, ""
	for _, o := range w.without {
		if logOdds(w.chance())-logOdds(o.Chance) > moves {
			origins++
		}
		if o.Chance < weakest {
			weakest, which = o.Chance, o.Origin
		}
	}
	switch vertices := w.vertices(); {
	case origins < certainOrigins:
		return fmt.Sprintf("it rests on %s; %d independent ones are needed", plural(origins, "origin"), certainOrigins)
	case len(vertices) < certainVertices:
		return fmt.Sprintf("it rests on %s of the Diamond Model; %d are needed", plural(len(vertices), "vertex"), certainVertices)
	case weakest < yardstick[len(yardstick)-1].above:
		return fmt.Sprintf("without origin %q it would be %s", which, Word(weakest))
	}
	return ""
}

// vertices are those on which some fact speaks for what is stated.
func (w *weighed) vertices() map[Vertex]bool {
	seen := map[Vertex]bool{}
	for i, f := range w.facts {
		if f.vertex != "" && w.speaksFor(i) > math.Log(1.1) {
			seen[f.vertex] = true
		}
	}
	return seen
}

// speaksFor is the logarithm of how much a fact by itself favours what is stated over
// all else, weighted as they stand before any evidence.
func (w *weighed) speaksFor(i int) float64 {
	var with, against, share float64
	for h, p := range w.scale.priors {
		if w.marked[h] {
			with += float64(p * w.scale.facts[i].ratio[h])
			share += p
		} else {
			against += float64(p * w.scale.facts[i].ratio[h])
		}
	}
	if share <= 0 || share >= 1 || with <= 0 || against <= 0 {
		return 0
	}
	return math.Log(with/share) - math.Log(against/(1-share))
}

// logOdds keeps away from the ends, where it would be infinite.
func logOdds(p float64) float64 {
	p = min(max(p, 1e-12), 1-1e-12)
	return math.Log(p) - math.Log(1-p)
}

func hold(chance float64, caps []Cap) float64 {
	for _, c := range caps {
		chance = min(chance, c.Below)
	}
	return chance
}

func holdAll(draws []float64, caps []Cap) []float64 {
	out := make([]float64, len(draws))
	for i, d := range draws {
		out[i] = hold(d, caps)
	}
	return out
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if what == "vertex" {
		return fmt.Sprintf("%d vertices", n)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
