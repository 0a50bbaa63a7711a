package assessment

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Limits of a case. A matrix that nobody can read helps nobody, but machines draft
// against whole galaxies.
const (
	maxHypotheses = 5000
	maxEvidence   = 5000
	maxText       = 2000
)

// InvalidError lists all that is wrong with a case.
type InvalidError struct{ Problems []string }

func (e *InvalidError) Error() string {
	return "the case cannot be weighed: " + strings.Join(e.Problems, "; ")
}

// Validate tells everything that keeps a case from being weighed, as an *InvalidError.
func (c Case) Validate() error {
	var v validation
	if c.Campaign == "" {
		v.add("it names no campaign")
	}
	if len(c.Questions) == 0 {
		v.add("it asks nothing")
	}
	if len(c.Evidence) > maxEvidence {
		v.add("%d pieces of evidence are more than the %d that fit", len(c.Evidence), maxEvidence)
	}
	asked := map[Proposition]map[string]bool{}
	for _, q := range c.Questions {
		if _, twice := asked[q.Proposition]; twice {
			v.add("%q is asked twice", q.Proposition)
		}
		asked[q.Proposition] = v.question(q)
	}
	seen := map[string]bool{}
	for _, e := range c.Evidence {
		if seen[e.ID] {
			v.add("evidence %q is there twice", e.ID)
		}
		seen[e.ID] = true
		v.evidence(e, asked)
	}
	if len(v.problems) > 0 {
		return &InvalidError{v.problems}
	}
	return nil
}

type validation struct{ problems []string }

func (v *validation) add(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

func (v *validation) question(q Question) map[string]bool {
	if !slices.Contains(Propositions(), q.Proposition) {
		v.add("%q is no proposition", q.Proposition)
	}
	if len(q.Hypotheses) > maxHypotheses {
		v.add("%q has %d hypotheses, more than the %d that fit", q.Proposition, len(q.Hypotheses), maxHypotheses)
	}
	ids, sum, holds := map[string]bool{}, 0.0, false
	for _, h := range q.Hypotheses {
		switch {
		case h.ID == "":
			v.add("%q has a hypothesis without an id", q.Proposition)
		case ids[h.ID]:
			v.add("%q has the hypothesis %q twice", q.Proposition, h.ID)
		case !(h.Prior > 0 && h.Prior < 1): // NaN included
			v.add("the prior of %q is %v; it must lie between 0 and 1, for nothing is ever quite excluded", h.ID, h.Prior)
		}
		ids[h.ID], holds = true, holds || h.Holds
		sum += h.Prior
	}
	if !holds {
		v.add("%q has no hypothesis for which it holds", q.Proposition)
	}
	for _, id := range []string{Unknown, Ordinary, FalseFlag} {
		if !ids[id] {
			v.add("%q lacks the hypothesis %q, which is always among the rivals", q.Proposition, id)
		}
	}
	if math.Abs(sum-1) > 1e-6 {
		v.add("the priors of %q add up to %.4f instead of 1", q.Proposition, sum)
	}
	return ids
}

func (v *validation) evidence(e Evidence, asked map[Proposition]map[string]bool) {
	switch {
	case e.ID == "":
		v.add("a piece of evidence has no id")
	case e.Origin == "":
		v.add("evidence %q names no origin", e.ID)
	case !e.Grade.valid():
		v.add("evidence %q has the grade %q; want one such as B2", e.ID, e.Grade)
	case !e.Vertex.known():
		v.add("evidence %q has the vertex %q; want adversary, capability, infrastructure or victim", e.ID, e.Vertex)
	case max(len(e.Note), len(e.Claim), len(e.Origin), len(e.Via), len(e.ID)) > maxText:
		v.add("evidence %q has a text of more than %d bytes", e.ID, maxText)
	}
	for p, rungs := range e.Likelihood {
		for id, r := range rungs {
			if asked[p] != nil && !asked[p][id] {
				v.add("evidence %q speaks of %q, which is no hypothesis of %q", e.ID, id, p)
			}
			if r != r.within() {
				v.add("evidence %q has rung %d for %q, which is off the ladder", e.ID, int(r), id)
			}
		}
	}
}

func (v Vertex) known() bool {
	return v == Adversary || v == Capability || v == Infrastructure || v == Victim
}
