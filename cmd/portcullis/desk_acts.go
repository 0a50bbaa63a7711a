package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// machine is who acts where no person does.
var machine = api.Caller{Name: response.Machine, Roles: []api.Role{api.Analyst}, Via: api.ViaCommandLine}

// follow places what waits in the outbox, drafts a notice for everybody whom a campaign that
// changed reached, and tells the open pages.
func (d *deskService) follow(ctx context.Context) ([]portcullis.ID, error) {
	_, placing := d.links.drain(ctx)
	changed, err := d.attendWaiting(ctx)
	if err = errors.Join(placing, err); err != nil || len(changed) == 0 {
		return changed, err
	}
	d.board.stale()
	if d.feed != nil {
		d.feed.Publish(web.Change{Topic: "campaigns"}, web.Change{Topic: "people"}, web.Change{Topic: "notices"}, web.Change{Topic: "situation"})
	}
	return changed, nil
}

// attendWaiting attends to the campaigns that changed. That they did was written down with the
// change, so that a crash in between costs nobody a notice. One that cannot be attended to does
// not keep the others waiting, and comes again when its lease is over.
func (d *deskService) attendWaiting(ctx context.Context) (changed []portcullis.ID, err error) {
	var errs []error
	for {
		waiting, err := d.app.store.Claim(ctx, topicChanged, "desk", placedAtOnce, placingLease)
		if err != nil || len(waiting) == 0 {
			slices.Sort(changed)
			return slices.Compact(changed), errors.Join(append(errs, err)...)
		}
		var done []store.MessageID
		for _, m := range waiting {
			if err := d.attend(ctx, portcullis.ID(m.Key)); err != nil {
				errs = append(errs, err)
				continue
			}
			changed, done = append(changed, portcullis.ID(m.Key)), append(done, m.ID)
		}
		if err := d.app.store.Tx(ctx, func(tx *sql.Tx) error { return d.app.store.Ack(ctx, tx, done) }); err != nil {
			return changed, errors.Join(append(errs, err)...)
		}
	}
}

// catchUp does what was left undone when the program ended, or was done without the desk: it
// settles what was being sent, places what waits, and drafts the notices of campaigns that
// have none.
func (d *deskService) catchUp(ctx context.Context) error {
	err := d.app.store.Tx(ctx, func(tx *sql.Tx) error {
		_, err := response.NewWriter(tx, d.office.Config(), d.now()).Recover(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := d.links.sightWaiting(ctx); err != nil {
		return err
	}
	if _, err := d.follow(ctx); err != nil {
		return err
	}
	d.board.stale()
	s, err := d.board.get(ctx)
	if err != nil {
		return err
	}
	for _, c := range s.campaigns {
		if len(s.clocks[c.ID]) > 0 {
			continue
		}
		if err := d.attend(ctx, c.ID); err != nil {
			return err
		}
	}
	d.board.stale()
	return nil
}

// attend does for a campaign what needs no person: notices are drafted, and what its own
// evidence comes to is weighed.
func (d *deskService) attend(ctx context.Context, id portcullis.ID) error {
	if id.Kind() == "event" {
		return d.attendAlone(ctx, id)
	}
	if _, err := d.draft(ctx, machine, id); err != nil {
		return fmt.Errorf("draft the notices of %s: %w", id, err)
	}
	c, err := d.campaignRecords().Campaign(ctx, id)
	if errors.Is(err, campaigns.ErrNotFound) { // it has dissolved
		return nil
	}
	if err != nil {
		return err
	}
	if err := d.joined(ctx, c); err != nil {
		return fmt.Errorf("notices beside those of %s: %w", id, err)
	}
	if err := d.weigh(ctx, c); err != nil {
		return fmt.Errorf("weigh %s: %w", id, err)
	}
	return nil
}

// draft makes sure that everybody whom a campaign reached has a notice.
func (d *deskService) draft(ctx context.Context, by api.Caller, id portcullis.ID) (drafted int, err error) {
	list, err := d.reach(ctx, id)
	if err != nil && !errors.Is(err, campaigns.ErrNotFound) { // a campaign may have dissolved
		return 0, err
	}
	err = d.app.store.Tx(ctx, func(tx *sql.Tx) error {
		drafted = 0
		w := response.NewWriter(tx, d.office.Config(), d.now())
		if err := withdrawDrafts(ctx, w, id, list); err != nil {
			return err
		}
		for _, one := range list {
			n, err := w.Draft(ctx, by, one)
			if err != nil {
				return err
			}
			if n.State == response.Drafted && n.Version == 1 {
				drafted++
			}
		}
		return nil
	})
	return drafted, err
}

// withdrawDrafts takes back what the machine drafted and nobody has seen, where what was found
// turned out to be ordinary: there is nothing to tell those people any more.
func withdrawDrafts(ctx context.Context, w *response.Writer, id portcullis.ID, list []response.Reach) error {
	open, err := w.Notices(ctx, response.Query{Campaign: id, State: response.Drafted, Open: true})
	if err != nil {
		return err
	}
	by := machine
	by.Roles = []api.Role{api.Analyst, api.Approver}
	for _, n := range open {
		if n.DraftedBy != response.Machine || slices.ContainsFunc(list, func(r response.Reach) bool { return r.Person == n.Person }) {
			continue
		}
		if _, err := w.Withdraw(ctx, by, n.ID, n.Version, "with more mail to compare, what was found turned out to be ordinary"); err != nil {
			return err
		}
	}
	return nil
}

// reach is what a notice to each person needs: those whom findings name, and those who
// got mail with the campaign's indicators that nothing was found about.
func (d *deskService) reach(ctx context.Context, id portcullis.ID) ([]response.Reach, error) {
	c, err := d.campaignRecords().Campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	beyond, err := d.campaignRecords().Reach(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	events := map[portcullis.ID][]portcullis.ID{}
	for _, t := range c.Targets {
		events[t.Person] = append(events[t.Person], t.Events...)
	}
	for _, r := range beyond.Events {
		if r.Person == "" || slices.Contains(events[r.Person], r.Event) {
			continue
		}
		in, err := d.campaignRecords().Campaigns(ctx, campaigns.Query{Event: r.Event, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(in) == 0 || in[0].ID == c.ID { // a mail of another campaign is told of there
			events[r.Person] = append(events[r.Person], r.Event)
		}
	}
	if err := d.elsewhere(ctx, c, events); err != nil {
		return nil, err
	}
	var list []response.Reach
	for person, all := range events {
		one, err := d.gather(ctx, person, c.ID, all)
		if err != nil {
			return nil, err
		}
		if len(one.Events) > 0 {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b response.Reach) int {
		if a.Person < b.Person {
			return -1
		}
		return 1
	})
	return list, nil
}

// elsewhere leaves out what notices about other campaigns say already: nobody is to be told
// the same twice.
func (d *deskService) elsewhere(ctx context.Context, c campaigns.Campaign, events map[portcullis.ID][]portcullis.ID) error {
	for person := range events {
		list, err := d.noticeRecords().Notices(ctx, response.Query{Person: person})
		if err != nil {
			return err
		}
		for _, n := range list {
			if says, err := d.saysAlready(ctx, c, n); err != nil {
				return err
			} else if !says {
				continue
			}
			for _, e := range n.Reach.Events {
				events[person] = slices.DeleteFunc(events[person], func(id portcullis.ID) bool { return id == e.Event })
			}
		}
	}
	return nil
}

// saysAlready tells whether what a notice says needs no other one: it is about a campaign that
// went up in this one; or it has left, or may have; or somebody approved or delayed it and its
// campaign has dissolved since, so that its events came here.
func (d *deskService) saysAlready(ctx context.Context, c campaigns.Campaign, n response.Notice) (bool, error) {
	switch {
	case n.Campaign == c.ID:
		return false, nil
	case slices.ContainsFunc(c.MergedFrom, func(from campaigns.MergedFrom) bool { return from.ID == n.Campaign }):
		return true, nil
	case n.State == response.Withdrawn || n.State == response.Drafted:
		return false, nil
	case n.State != response.Approved && n.State != response.Delayed:
		return true, nil
	}
	its, err := d.campaignRecords().Summary(ctx, n.Campaign)
	if errors.Is(err, campaigns.ErrNotFound) {
		return true, nil
	}
	return its.Events+its.Echoes == 0, err
}

// DraftNotices drafts what the machine has not.
func (d *deskService) DraftNotices(ctx context.Context, id portcullis.ID) (int, error) {
	c, err := d.campaignRecords().Campaign(ctx, id)
	if err != nil {
		return 0, d.plain(err)
	}
	if err := d.decide(ctx, access.DraftNotice, d.about(c.ID, targetIDs(c)...)); err != nil {
		return 0, err
	}
	n, err := d.draft(ctx, caller(ctx), c.ID)
	d.changed("notices", c.ID)
	return n, d.plain(err)
}

// Merge puts one campaign into another.
func (d *deskService) Merge(ctx context.Context, a web.MergeAct) (portcullis.ID, error) {
	into, err := d.campaignRecords().Campaign(ctx, a.Into)
	if err != nil {
		return "", &web.InvalidError{Field: "into", Why: "There is no such campaign. Choose one from the list."}
	}
	from, err := d.campaignRecords().Campaign(ctx, a.Campaign)
	if err != nil {
		return "", d.plain(err)
	}
	for _, one := range []campaigns.Campaign{into, from} { // each by itself: one within bounds is no door to another
		if err := d.decide(ctx, access.EditCampaigns, d.about(one.ID, targetIDs(one)...)); err != nil {
			return "", err
		}
	}
	if from.Version != a.Version {
		return "", d.plain(&campaigns.ChangedError{ID: from.ID, Saw: a.Version, Is: from.Version, When: from.Changed})
	}
	version := a.IntoVersion
	if version == 0 {
		version = into.Version
	}
	var kept campaigns.Summary
	who := append(targetIDs(into), targetIDs(from)...)
	err = d.act(ctx, access.EditCampaigns, d.about(into.ID, who...), map[string]string{"merge": string(from.ID), "why": a.Why}, func(tx *sql.Tx) error {
		w := campaigns.NewWriter(tx, d.links.deps())
		defer w.Close()
		if kept, err = w.Merge(ctx, caller(ctx).Name, a.Why, into.ID, from.ID, version); err != nil {
			return err
		}
		return d.app.store.EnqueueOnce(ctx, tx, topicChanged, keysOf([]portcullis.ID{kept.ID}))
	})
	if err != nil {
		return "", err
	}
	d.changed("campaigns", kept.ID)
	return kept.ID, nil
}

// Split takes events out of a campaign.
func (d *deskService) Split(ctx context.Context, a web.SplitAct) (portcullis.ID, error) {
	c, err := d.campaignRecords().Campaign(ctx, a.Campaign)
	if err != nil {
		return "", d.plain(err)
	}
	if len(a.Events) == 0 || len(a.Events) >= len(c.Members) {
		return "", &web.InvalidError{Field: "event", Why: "Tick the events that do not belong here: at least one, and not all."}
	}
	var apart campaigns.Summary
	err = d.act(ctx, access.EditCampaigns, d.about(c.ID, targetIDs(c)...), map[string]any{"split": a.Events, "why": a.Why}, func(tx *sql.Tx) error {
		w := campaigns.NewWriter(tx, d.links.deps())
		defer w.Close()
		if apart, err = w.Split(ctx, caller(ctx).Name, a.Why, c.ID, a.Events, a.Version); err != nil {
			return err
		}
		return d.app.store.EnqueueOnce(ctx, tx, topicChanged, keysOf([]portcullis.ID{c.ID, apart.ID}))
	})
	if err != nil {
		return "", err
	}
	d.changed("campaigns", apart.ID)
	return apart.ID, nil
}
