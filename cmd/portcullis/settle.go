package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/records"
)

// settle compares every group that grew, and adds revisions to the verdicts
// that this changes.
func (s *scanner) settle(ctx context.Context) error {
	defer s.alone()()
	return s.settleAll(ctx)
}

// settleAll is settle for who has the turn.
func (s *scanner) settleAll(ctx context.Context) error {
	for {
		reader := records.NewReader(s.app.store.DB())
		groups, err := reader.Dirty(ctx)
		if err != nil {
			return err
		}
		if len(groups) == 0 {
			s.unsettled = 0
			return s.dropCompared(ctx)
		}
		err = s.app.store.Tx(ctx, func(tx *sql.Tx) error {
			w := records.NewWriter(tx)
			defer w.Close()
			var all, heeded []records.Judgement
			for _, group := range groups {
				changed, err := s.settleGroup(ctx, w, group)
				if err != nil {
					return err
				}
				for _, r := range changed {
					all = append(all, r.Judgement)
					if r.heeded {
						heeded = append(heeded, r.Judgement)
					}
				}
			}
			return errors.Join(w.PutVerdicts(ctx, all, s.now()), s.app.announceRevised(ctx, tx, heeded))
		})
		if err != nil {
			return err
		}
	}
}

// dropCompared removes the bytes that were kept for comparing only.
func (s *scanner) dropCompared(ctx context.Context) error {
	return s.app.store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.app.wipe(ctx, tx); err != nil {
			return err
		}
		w := records.NewWriter(tx)
		defer w.Close()
		return errors.Join(w.DropCompared(ctx, s.app.cfg.Keep == keepNone), s.app.wipeLess(ctx, tx))
	})
}

// settleGroup compares one group. Who is not, or no longer, among the copies
// that are compared loses what an earlier comparison found: the outcome depends
// on which mails there are, not on when they were compared.
func (s *scanner) settleGroup(ctx context.Context, w *records.Writer, group records.Group) (revised []revision, err error) {
	copies, err := w.Copies(ctx, group)
	if err != nil {
		return nil, err
	}
	if len(copies) > 1 {
		if err := w.Refresh(ctx, copies); err != nil {
			return nil, err
		}
	}
	found := s.judge.Compare(group.ID, copies)
	events, err := w.Revised(ctx, group)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		for _, c := range copies {
			events = append(events, c.Event)
		}
		slices.Sort(events)
		events = slices.Compact(events)
	}
	if len(events) > 0 {
		if revised, err = s.reviseAll(ctx, w, events, s.gatherer.base.group(group.ID, copies), found); err != nil {
			return nil, err
		}
	}
	return revised, w.Settled(ctx, group)
}

// group is what a comparison rests on.
func (b factsBase) group(id string, copies []mail.Copy) *mail.GroupFacts {
	return &mail.GroupFacts{Schema: 1, Group: id, People: b.people, Config: b.config, Model: b.model, Copies: copies}
}

func (s *scanner) reviseAll(ctx context.Context, w *records.Writer, events []portcullis.ID, facts *mail.GroupFacts, found []portcullis.Finding) (revised []revision, err error) {
	hash, encoded, err := facts.Encode()
	if err != nil {
		return nil, fmt.Errorf("encode group: %w", err)
	}
	for _, event := range events {
		last, next, err := s.revise(ctx, w, event, foundFor(event, facts.Copies, found), hash)
		if err != nil {
			return nil, err
		}
		if sameVerdict(last, next) {
			continue
		}
		j, err := records.NewComparison(event, next, encoded, facts.People)
		if err != nil {
			return nil, err
		}
		revised = append(revised, revision{j, worthPlacing(last) || worthPlacing(next)})
		if s.spool != nil {
			s.spool.revised[event] = true
		}
	}
	return revised, nil
}

// foundFor is what a comparison says of one message: nothing if it was not among
// the copies compared.
func foundFor(event portcullis.ID, copies []mail.Copy, found []portcullis.Finding) []portcullis.Finding {
	if !slices.ContainsFunc(copies, func(c mail.Copy) bool { return c.Event == event }) {
		return nil
	}
	return found
}

// revision is a verdict that comparing changed.
type revision struct {
	records.Judgement
	heeded bool // it asks for attention, or the one before did; nobody else has to hear of it
}

// revise is the last verdict on a message and what comparing makes of it; twice nothing if there is none.
func (s *scanner) revise(ctx context.Context, w *records.Writer, event portcullis.ID, found []portcullis.Finding, hash string) (last, next portcullis.Verdict, err error) {
	last, ok, err := w.Verdict(ctx, event)
	if err != nil || !ok {
		return portcullis.Verdict{}, portcullis.Verdict{}, err
	}
	next = s.judge.Revise(last, found)
	next.Revision, next.Facts = last.Revision+1, hash
	return last, next, nil
}

// sameVerdict compares all but revision and facts.
func sameVerdict(a, b portcullis.Verdict) bool {
	a.Revision, a.Facts = b.Revision, b.Facts
	return string(compactJSON(a)) == string(compactJSON(b))
}
