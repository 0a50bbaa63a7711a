package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/response"
)

// Most of what is aimed at somebody is in no campaign: one false sign-in page, one letter in a
// colleague's name. Whoever got it is to be told as well, and by the same clock.

// attendAlone drafts the notices of those whom a mail reached that is in no campaign.
func (d *deskService) attendAlone(ctx context.Context, event portcullis.ID) error {
	v, ok, err := d.mailRecords().Verdict(ctx, event)
	if err != nil || !ok {
		return err
	}
	who, err := d.mailboxes(ctx, event)
	if err != nil {
		return err
	}
	for _, f := range v.Findings {
		if attacks(f) {
			who = append(who, f.People...)
		}
	}
	slices.Sort(who)
	for _, person := range slices.Compact(who) {
		if err := d.draftAlone(ctx, person); err != nil {
			return fmt.Errorf("draft a notice to %s: %w", person, err)
		}
	}
	return nil
}

// draftAlone drafts one notice of everything that was aimed at a person and that notices about
// campaigns do not tell them: of mail in no campaign, and of mail in their name to others. What
// a campaign has taken up since is told there, and leaves this one.
func (d *deskService) draftAlone(ctx context.Context, person portcullis.ID) error {
	told, err := d.noticeRecords().Notices(ctx, response.Query{Person: person})
	if err != nil {
		return err
	}
	events, err := d.outside(ctx, person, told)
	if err != nil {
		return err
	}
	reach, err := d.gather(ctx, person, "", events)
	if err != nil {
		return err
	}
	return d.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := response.NewWriter(tx, d.office.Config(), d.now())
		if len(reach.Events) > 0 {
			_, err := w.Draft(ctx, machine, reach)
			return err
		}
		return withdrawAlone(ctx, w, told)
	})
}

// outside are the mails aimed at a person that no notice about a campaign tells them of.
func (d *deskService) outside(ctx context.Context, person portcullis.ID, told []response.Notice) (events []portcullis.ID, err error) {
	known := map[portcullis.ID]bool{}
	for _, n := range told {
		for _, e := range n.Reach.Events {
			known[e.Event] = known[e.Event] || n.Campaign != "" && n.State != response.Withdrawn
		}
	}
	found, err := d.mailRecords().Findings(ctx, records.Filter{People: []portcullis.ID{person}})
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		id := f.Message.ID
		if known[id] || !attacks(f.Finding) {
			continue
		}
		known[id] = true
		events = append(events, id)
	}
	return events, nil
}

// withdrawAlone takes back what the machine drafted and nobody has seen.
func withdrawAlone(ctx context.Context, w *response.Writer, told []response.Notice) error {
	by := machine
	by.Roles = append(slices.Clone(by.Roles), "approver")
	for _, n := range told {
		if n.Campaign != "" || n.State != response.Drafted || n.DraftedBy != response.Machine {
			continue
		}
		_, err := w.Withdraw(ctx, by, n.ID, n.Version, "what it told of belongs to a campaign, or turned out to be ordinary")
		var conflict *response.ConflictError
		if err != nil && !errors.As(err, &conflict) {
			return err
		}
	}
	return nil
}

// joined looks at the notices of those whom a campaign is about beside those it reached: whose
// name it used, and who had a notice of their own that may tell what is the campaign's now.
func (d *deskService) joined(ctx context.Context, c campaigns.Campaign) error {
	who, err := d.named(ctx, c)
	if err != nil {
		return err
	}
	for _, t := range c.Targets {
		own, err := d.noticeRecords().Notices(ctx, response.Query{Person: t.Person, Open: true})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(own, func(o response.Notice) bool { return o.Campaign == "" }) {
			who = append(who, t.Person)
		}
	}
	slices.Sort(who)
	for _, person := range slices.Compact(who) {
		if err := d.draftAlone(ctx, person); err != nil {
			return err
		}
	}
	return nil
}

// mostNamed is how many of a campaign's mails are asked whose name they use.
const mostNamed = 500

// named are the people whom findings on a campaign's mails are about, and whom these mails did
// not reach.
func (d *deskService) named(ctx context.Context, c campaigns.Campaign) (who []portcullis.ID, err error) {
	for _, m := range c.Members[max(0, len(c.Members)-mostNamed):] {
		v, ok, err := d.mailRecords().Verdict(ctx, m.Event)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		for _, f := range v.Findings {
			for _, person := range f.People {
				if borrowsName(f, person) && !slices.Contains(m.People, person) {
					who = append(who, person)
				}
			}
		}
	}
	return who, nil
}

// attacks tells whether a finding is about something that was done to a person. A copy of
// personal data that lies in a mailbox is for the desk: there is no sender to warn of.
func attacks(f portcullis.Finding) bool {
	rule, _, _ := strings.Cut(f.Rule, "@")
	return f.Attention == portcullis.Targeted && rule != "mail/register-copy"
}
