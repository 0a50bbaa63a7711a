package assessment

import (
	"cmp"
	"slices"
)

// fact is one claim with everybody who makes it.
type fact struct {
	claim    string
	kind     string
	group    string
	vertex   Vertex
	rungs    []Rung // one a hypothesis, in the question's order
	supports []support
	evidence []string // ids of what it was made from
	note     string
}

// support is one origin's word for a fact.
type support struct {
	origin string
	grade  Grade
}

// independent drops echoes: of everything that one origin says about one claim a
// single report is left, its own word before others' and the earliest before later
// ones, so that whatever comes afterwards changes nothing, neither by its number nor
// by a better or worse grade.
func independent(all []Evidence) (kept []Evidence, echoes []Echo) {
	all = slices.Clone(all)
	slices.SortFunc(all, firstHand)
	for i := range all {
		if all[i].Claim == "" { // the same bytes twice are the same claim
			all[i].Claim = cmp.Or(all[i].Hash, all[i].ID)
		}
	}
	attribute(all)
	first := map[[2]string]string{}
	for _, e := range all {
		key := [2]string{e.Origin, e.Claim}
		if of, seen := first[key]; seen {
			echoes = append(echoes, Echo{Evidence: e.ID, Of: of})
			continue
		}
		first[key] = e.ID
		kept = append(kept, e)
	}
	slices.SortFunc(echoes, func(a, b Echo) int { return cmp.Compare(a.Evidence, b.Evidence) })
	return kept, echoes
}

// firstHand orders reports by how close they are to what happened.
func firstHand(a, b Evidence) int {
	if (a.Via == "") != (b.Via == "") {
		if a.Via == "" {
			return -1
		}
		return 1
	}
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Origin, b.Origin))
}

// attribute gives each report to whoever handed out its document first: two sources
// with the same bytes are one source, whatever they say of themselves. That holds for
// the document only, since whoever copies one may still see another for himself; and
// for what is later told of the copy, which names the copier as its origin.
func attribute(sorted []Evidence) {
	document, copied := map[string]string{}, map[[2]string]string{}
	for _, e := range sorted {
		if first, ok := document[e.Hash]; !ok {
			document[e.Hash] = e.Origin
		} else if e.Hash != "" && first != e.Origin {
			copied[[2]string{e.Origin, e.Claim}] = first
		}
	}
	for i, e := range sorted {
		if first, ok := copied[[2]string{e.Origin, e.Claim}]; ok {
			sorted[i].Origin = first
		}
	}
}

// factsFor gathers the evidence that bears on a question into facts, one a claim,
// in the order of their claims.
func factsFor(q Question, kept []Evidence) []fact {
	byClaim := map[string][]Evidence{}
	for _, e := range kept {
		if len(e.Likelihood[q.Proposition]) > 0 {
			byClaim[e.Claim] = append(byClaim[e.Claim], e)
		}
	}
	facts := make([]fact, 0, len(byClaim))
	for claim, list := range byClaim {
		facts = append(facts, factOf(q, claim, list))
	}
	slices.SortFunc(facts, func(a, b fact) int { return cmp.Compare(a.claim, b.claim) })
	return facts
}

// factOf is one claim. Where those who make it were given different likelihoods, the
// best graded report's stand, the earlier one's among equals.
func factOf(q Question, claim string, list []Evidence) fact {
	slices.SortFunc(list, func(a, b Evidence) int {
		return cmp.Or(cmp.Compare(b.Grade.Reliability(), a.Grade.Reliability()), firstHand(a, b))
	})
	best := list[0]
	f := fact{claim: claim, kind: best.Kind, group: cmp.Or(best.Group, best.Kind), vertex: best.Vertex, note: best.Note}
	f.rungs = make([]Rung, len(q.Hypotheses))
	for i, h := range q.Hypotheses {
		rung, ok := best.Likelihood[q.Proposition][h.ID]
		if !ok {
			rung = Even
		}
		f.rungs[i] = rung.within()
	}
	for _, e := range list {
		f.supports = append(f.supports, support{origin: e.Origin, grade: e.Grade})
		f.evidence = append(f.evidence, e.ID)
	}
	return f
}

// without is the facts as they would be had an origin said nothing.
func without(facts []fact, origin string) []fact {
	var left []fact
	for _, f := range facts {
		supports := slices.DeleteFunc(slices.Clone(f.supports), func(s support) bool { return s.origin == origin })
		if len(supports) > 0 {
			f.supports = supports
			left = append(left, f)
		}
	}
	return left
}

func originsIn(facts []fact) []string {
	seen := map[string]bool{}
	var list []string
	for _, f := range facts {
		for _, s := range f.supports {
			if !seen[s.origin] {
				seen[s.origin] = true
				list = append(list, s.origin)
			}
		}
	}
	slices.Sort(list)
	return list
}
