package assessment

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/chain"
)

// What the machine sees goes on beside what people enter, in the same log and under its own
// name. A subject of the log (a question, a piece of evidence, what is missing) belongs to
// whoever touched it last. What belongs to a person, and what a person struck, the machine
// leaves as it is; what is its own it enters, mends and withdraws as findings come and go.
// Where a person says at first hand what the same origin shows on a proposition, that
// stands in place of what the machine says of it: one origin speaks once.

// held are the subjects that belong to a person, struck ones included.
type held map[string]bool

func subjectOf(e chain.Entry) string {
	switch e.Kind {
	case entryQuestion, entryEvidence, entryMissing:
		return e.Kind + " " + e.Subject
	case entryWithdrawn:
		return e.Subject
	}
	return "" // no subject of a case
}

func (h held) question(q Question) bool { return h[entryQuestion+" "+string(q.Proposition)] }
func (h held) evidence(e Evidence) bool { return h[entryEvidence+" "+e.ID] }
func (h held) missing() bool            { return h[entryMissing+" "] }

// Outdated tells whether the machine's own case says something that the log does not have
// yet, and that the machine may enter; see [Writer.Observe].
func (r *Reader) Outdated(ctx context.Context, machine string, own Case) (bool, error) {
	_, _, differ, err := r.beside(ctx, machine, own)
	return differ, err
}

// Observe enters under the machine's name what its own case says and the log does not have
// yet, as far as it belongs to nobody else; weighs the whole; and keeps the result. Where that changes
// nothing that is weighed, nothing is entered.
func (w *Writer) Observe(ctx context.Context, machine string, at time.Time, own Case) (entered bool, err error) {
	if machine == "" {
		return false, errors.New("enter what the machine sees: it has no name, and the log tells who entered what")
	}
	before, after, differ, err := w.beside(ctx, machine, own)
	if err != nil || !differ {
		return false, err
	}
	if err := after.Validate(); err != nil {
		return false, err
	}
	for _, e := range changes(before, after) {
		if err := w.enter(ctx, own.Campaign, machine, at, e); err != nil {
			return false, err
		}
	}
	_, err = w.assessed(ctx, machine, at, own.Campaign)
	return true, err
}

// beside is the case as it stands, as it should stand with what the machine sees, and whether
// the two are weighed differently.
func (r *Reader) beside(ctx context.Context, machine string, own Case) (before, after Case, differ bool, err error) {
	before, theirs, err := r.holdings(ctx, machine, own.Campaign)
	if err != nil {
		return before, after, false, err
	}
	after = joined(before, own, theirs)
	differ = len(before.Questions) == 0 && len(after.Questions) > 0 || !bytes.Equal(before.weighed(), after.weighed())
	return before, after, differ && len(after.Evidence) <= maxEvidence, nil // people may have filled it
}

// holdings is the case as it stands, and what of it belongs to people.
func (r *Reader) holdings(ctx context.Context, machine string, campaign portcullis.ID) (Case, held, error) {
	s, theirs := newState(campaign), held{}
	_, err := r.walk(ctx, campaign, func(e chain.Entry) error {
		if subject := subjectOf(e); subject != "" {
			theirs[subject] = e.Who != machine
		}
		if e.Erased() {
			return nil
		}
		return s.apply(e)
	})
	return s.current(), theirs, err
}

// joined is what belongs to people, with the machine's own beside it.
func joined(before, own Case, theirs held) Case {
	after := Case{Campaign: own.Campaign, Missing: own.Missing}
	if theirs.missing() {
		after.Missing = before.Missing
	}
	after.Questions = slices.DeleteFunc(slices.Clone(before.Questions), func(q Question) bool { return !theirs.question(q) })
	for _, q := range own.Questions {
		if !theirs.question(q) {
			after.Questions = append(after.Questions, q)
		}
	}
	order := Propositions()
	slices.SortFunc(after.Questions, func(a, b Question) int {
		return cmp.Compare(slices.Index(order, a.Proposition), slices.Index(order, b.Proposition))
	})
	after.Evidence = slices.DeleteFunc(slices.Clone(before.Evidence), func(e Evidence) bool { return !theirs.evidence(e) })
	entered := slices.Clip(after.Evidence)
	for _, e := range own.Evidence {
		if theirs.evidence(e) {
			continue
		}
		if e.Likelihood = left(e, after.Questions, entered); len(e.Likelihood) > 0 {
			after.Evidence = append(after.Evidence, e)
		}
	}
	slices.SortFunc(after.Evidence, func(a, b Evidence) int { return cmp.Compare(a.ID, b.ID) })
	return after
}

// left is what remains of a piece of the machine's: on what is asked, of hypotheses that are
// asked about, and where no person spoke for its origin.
func left(e Evidence, asked []Question, entered []Evidence) map[Proposition]map[string]Rung {
	out := map[Proposition]map[string]Rung{}
	for _, q := range asked {
		rungs := map[string]Rung{}
		for _, h := range q.Hypotheses {
			if rung, ok := e.Likelihood[q.Proposition][h.ID]; ok {
				rungs[h.ID] = rung
			}
		}
		spoken := slices.ContainsFunc(entered, func(p Evidence) bool {
			return p.Origin == e.Origin && p.Via == "" && len(p.Likelihood[q.Proposition]) > 0
		})
		if len(rungs) > 0 && !spoken {
			out[q.Proposition] = rungs
		}
	}
	return out
}

// weighed is a digest of what a case is weighed by: two cases with the same come to the same.
func (c Case) weighed() []byte {
	kept, _ := independent(c.Evidence)
	var all []byte
	for _, q := range c.Questions {
		q.Hypotheses = slices.SortedFunc(slices.Values(q.Hypotheses), func(a, b Hypothesis) int { return cmp.Compare(a.ID, b.ID) })
		seed := seedOf(q, factsFor(q, kept))
		all = append(all, seed[:]...)
	}
	return append(all, strings.Join(c.Missing, "\x00")...)
}

// Hands tells who entered each piece of evidence that counts, and when.
func (r *Reader) Hands(ctx context.Context, campaign portcullis.ID) (map[string]Hand, error) {
	hands := map[string]Hand{}
	_, err := r.walk(ctx, campaign, func(e chain.Entry) error {
		if e.Kind == entryEvidence {
			hands[e.Subject] = Hand{e.Who, e.Time}
		}
		return nil
	})
	return hands, err
}

// Hand is who entered something, and when.
type Hand struct {
	Who string
	At  time.Time
}

// RecordBeside is [Writer.Record] for a case that holds the machine's own evidence: what of that is new is
// entered under the machine's name and stays the machine's to mend. What a person mended or struck of it
// stays as that person left it.
func (w *Writer) RecordBeside(ctx context.Context, who, machine string, own []Evidence, at time.Time, c Case) (Assessment, error) {
	before, theirs, err := w.holdings(ctx, machine, c.Campaign)
	if err != nil {
		return Assessment{}, err
	}
	mine, left := map[string]bool{}, map[string]Evidence{}
	for _, e := range before.Evidence {
		left[e.ID] = e
	}
	for _, e := range own {
		mine[e.ID] = true
	}
	var evidence []Evidence
	for _, e := range c.Evidence {
		if mine[e.ID] && theirs.evidence(e) {
			stands, ok := left[e.ID]
			if !ok {
				continue
			}
			e = stands
		}
		evidence = append(evidence, e)
	}
	c.Evidence = evidence
	return w.record(ctx, at, c, who, func(e logged) string {
		if e.kind == entryEvidence && mine[e.subject] {
			return machine
		}
		return who
	})
}
