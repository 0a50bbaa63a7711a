package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail/records"
	sealed "portcullis.example/portcullis/internal/pack"
	"portcullis.example/portcullis/internal/response"
)

// reached counts by person.
func (h *packHunt) reached(ctx context.Context, out *packHunted) error {
	var patterns []portcullis.Observable
	for _, f := range out.Found {
		if f.State == sealed.Taken {
			patterns = append(patterns, f.Pattern)
		}
	}
	events := map[portcullis.ID]time.Time{}
	err := archive.NewReader(h.k.app.store.DB()).WithKey(h.k.app.key).Hunt(ctx, patterns, func(hit archive.Hit) error {
		events[hit.Event] = hit.Time
		return nil
	})
	if err != nil {
		return err
	}
	out.Mails, out.events = len(events), events
	by := map[portcullis.ID]*packPerson{}
	reader := records.NewReader(h.k.app.store.DB())
	for event, at := range events {
		deliveries, err := reader.Deliveries(ctx, event)
		if err != nil {
			return err
		}
		if !h.count(by, deliveries, at) {
			out.Unknown++
		}
	}
	for _, p := range by {
		out.People = append(out.People, *p)
	}
	slices.SortFunc(out.People, func(a, b packPerson) int {
		return cmp.Or(cmp.Compare(b.Mails, a.Mails), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Person, b.Person))
	})
	return nil
}

// count adds one mail to everybody it reached, each once, and tells whether there was somebody known.
func (h *packHunt) count(by map[portcullis.ID]*packPerson, deliveries []records.Delivery, at time.Time) bool {
	seen := map[portcullis.ID]bool{"": true}
	for _, d := range deliveries {
		if seen[d.Person] {
			continue
		}
		seen[d.Person] = true
		p := by[d.Person]
		if p == nil {
			p = &packPerson{Person: d.Person, Name: nameAll(h.k.dir, []portcullis.ID{d.Person}), First: at, Last: at, Notices: []portcullis.ID{}}
			by[d.Person] = p
		}
		p.Mails++
		if at.Before(p.First) {
			p.First = at
		}
		if at.After(p.Last) {
			p.Last = at
		}
	}
	return len(seen) > 1
}

// desk is who drafts notices.
func (h *packHunt) desk() (*noticeDesk, error) {
	office, err := response.NewOffice(h.k.app.cfg.Notices)
	if err != nil {
		return nil, exitError{exitIncomplete, err}
	}
	return &noticeDesk{app: h.k.app, office: office, dir: h.k.dir, reader: records.NewReader(h.k.app.store.DB()), now: h.k.now()}, nil
}

// draft makes sure that everybody who was reached has a notice.
func (h *packHunt) draft(ctx context.Context, out *packHunted) (all []response.Notice, err error) {
	if len(out.People) == 0 {
		return nil, nil
	}
	d, err := h.desk()
	if err != nil {
		return nil, err
	}
	for n := range out.People {
		one := &out.People[n]
		person := h.k.dir.Person(one.Person)
		if person == nil {
			continue
		}
		if err := d.draftFor(ctx, person); err != nil {
			return nil, err
		}
		list, err := d.notices().Notices(ctx, response.Query{Person: person.ID, Open: true})
		if err != nil {
			return nil, err
		}
		list = h.about(list, out.events)
		for _, notice := range list {
			one.Notices = append(one.Notices, notice.ID)
		}
		all = append(all, list...)
	}
	return all, nil
}

// about are those of a person's notices that a pack led to. Others may wait for the same person, on matters that the pack
// has no part in. Where none names a mail of the pack (one that has very many names only the first), all are.
func (h *packHunt) about(list []response.Notice, events map[portcullis.ID]time.Time) (some []response.Notice) {
	for _, notice := range list {
		if slices.ContainsFunc(notice.Reach.Events, func(r response.Received) bool { return !events[r.Event].IsZero() }) {
			some = append(some, notice)
		}
	}
	if len(some) == 0 {
		return list
	}
	return some
}
