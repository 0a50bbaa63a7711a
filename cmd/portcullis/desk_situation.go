package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// firstRows is how many of each the first page shows.
const firstRows = 12

// Situation is the first page.
func (d *deskService) Situation(ctx context.Context) (out web.Situation, err error) {
	if err := d.may(ctx, access.SeeSituation, access.Object{ID: "situation"}); err != nil {
		return out, err
	}
	s, err := d.board.get(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	out.AsOf = d.now()
	sees := d.sees(ctx)
	d.counts(ctx, s, sees, &out)
	for _, n := range s.notices {
		if sees(n.Person) && len(out.Clocks) < firstRows {
			out.Clocks = append(out.Clocks, d.clock(*n))
		}
	}
	out.Sensors = d.sensors(s.arrivals)
	if c := caller(ctx); c.Scope.Unbounded() {
		out.Activity = web.Activity{Start: s.activity.Start, Step: s.activity.Step, Targeted: s.activity.Targeted, Ordinary: s.activity.Ordinary}
	}
	if out.Requests, err = d.requests(ctx, 10); err != nil {
		return out, d.plain(err)
	}
	if out.Hunts, err = d.huntRequests(ctx, 10); err != nil {
		return out, d.plain(err)
	}
	if d.exercise != nil {
		out.Exercise = d.exercise()
	}
	return out, nil
}

// counts fills in the totals, the campaigns and the people.
func (d *deskService) counts(ctx context.Context, s *boardState, sees func(portcullis.ID) bool, out *web.Situation) {
	unbounded := caller(ctx).Scope.Unbounded()
	if unbounded {
		out.Totals.Findings, out.Totals.Targeted = s.activity.Findings, s.activity.AllTargeted
	}
	list := s.within(sees, unbounded)
	open := make([]pressing, 0, len(list))
	for _, c := range list {
		if s.open(c) {
			open = append(open, pressing{c, s.overdue(c.ID)})
		}
	}
	out.Totals.Campaigns = len(open)
	for _, p := range foremost(open, firstRows, byPressure) {
		out.Campaigns = append(out.Campaigns, d.campaignRow(s, p.campaign))
	}
	atRisk := s.concerned(sees)
	out.Totals.People = len(atRisk)
	for _, p := range foremost(atRisk, firstRows, urgent) {
		out.People = append(out.People, d.personRow(p))
	}
	for _, n := range s.notices {
		if !sees(n.Person) {
			continue
		}
		out.Totals.Running++
		if n.Overdue {
			out.Totals.Overdue++
		}
		if n.State == "drafted" {
			out.Totals.ToApprove++
		}
	}
}

// pressing is an open campaign with how many of those it reached should know by now.
type pressing struct {
	campaign *campaigns.Summary
	overdue  int
}

func byPressure(a, b pressing) int {
	if a.overdue != b.overdue {
		return cmp.Compare(b.overdue, a.overdue)
	}
	if a.campaign.Severity != b.campaign.Severity {
		return cmp.Compare(b.campaign.Severity, a.campaign.Severity)
	}
	return byLast(a.campaign, b.campaign)
}

func (d *deskService) campaignRow(s *boardState, c *campaigns.Summary) web.CampaignRow {
	row := web.CampaignRow{CampaignRef: d.campaignRef(c.ID), State: "closed", Severity: c.Severity, First: c.First, Last: c.Last,
		Events: c.Events, Findings: c.Findings, People: c.People, Overdue: s.overdue(c.ID), Untold: s.untold(c.ID), Techniques: c.Techniques}
	if s.open(c) {
		row.State = "open"
	}
	for _, n := range s.clocks[c.ID] {
		if _, named := slices.BinarySearch(c.Persons, n.Person); !named {
			row.Beyond++
		}
	}
	row.People += row.Beyond
	row.Summary, row.Spark = summaryOf(row), s.spark(c)
	return row
}

// summaryOf says in a sentence what a campaign is.
func summaryOf(c web.CampaignRow) string {
	text := count(c.Events, "mail") + " to " + peopleCount(c.People-c.Beyond) + between(c.First, c.Last)
	if c.Beyond > 0 {
		text += "; the archive shows that more mail with the same signs reached " + peopleCount(c.Beyond) + " beside them"
	}
	return text + "."
}

func between(first, last time.Time) string {
	from, to := first.UTC().Format("2 Jan 2006"), last.UTC().Format("2 Jan 2006")
	if from == to {
		return " on " + from
	}
	return " between " + from + " and " + to
}

// Campaigns lists them, those seen last first.
func (d *deskService) Campaigns(ctx context.Context, q web.CampaignQuery) (out web.Campaigns, err error) {
	if !caller(ctx).Has(api.Reader) { // others are on them, so they are not a member's
		return out, &web.ForbiddenError{Why: "This needs the role reader."}
	}
	s, err := d.board.get(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	var list []*campaigns.Summary
	sees := d.sees(ctx)
	words := strings.ToLower(strings.TrimSpace(q.Text))
	for _, c := range s.within(sees, caller(ctx).Scope.Unbounded()) {
		open := s.open(c)
		if q.State != "all" && open != (q.State != "closed") {
			continue
		}
		if words != "" && !strings.Contains(strings.ToLower(handle(c.ID)+" "+string(c.ID)+" "+strings.Join(d.namesOf(seen(c.Persons, sees)), " ")), words) {
			continue
		}
		list = append(list, c)
	}
	page, next := pageOf(list, q.Page, q.Limit)
	for _, c := range page {
		out.Rows = append(out.Rows, d.campaignRow(s, c))
	}
	out.Total, out.Next = len(list), next
	return out, nil
}

// reader refuses who may not read at all; what is in a list is bounded row by row.
func (d *deskService) reader(ctx context.Context) error {
	c := caller(ctx)
	if c.Has(api.Reader) || c.Has(api.Member) {
		return nil
	}
	return &web.ForbiddenError{Why: "This needs the role reader."}
}

// seen are those of the people whom the caller may see.
func seen(ids []portcullis.ID, sees func(portcullis.ID) bool) []portcullis.ID {
	return slices.DeleteFunc(slices.Clone(ids), func(id portcullis.ID) bool { return !sees(id) })
}

func (d *deskService) namesOf(ids []portcullis.ID) (names []string) {
	for _, id := range ids {
		names = append(names, d.person(id).Name)
	}
	return names
}

// People lists those at risk first, then everybody else who is protected.
func (d *deskService) People(ctx context.Context, q web.PeopleQuery) (out web.People, err error) {
	if err := d.reader(ctx); err != nil {
		return out, err
	}
	s, err := d.board.get(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	sees := d.sees(ctx)
	list := s.atRisk(sees)
	for _, p := range d.dir.People() {
		if s.people[p.ID] == nil && sees(p.ID) {
			list = append(list, &personState{id: p.ID})
		}
	}
	if words := strings.ToLower(strings.TrimSpace(q.Text)); words != "" {
		list = slices.DeleteFunc(list, func(p *personState) bool { return !strings.Contains(d.wordsOf(p.id), words) })
	}
	page, next := pageOf(list, q.Page, q.Limit)
	for _, p := range page {
		out.Rows = append(out.Rows, d.personRow(p))
	}
	out.Total, out.Next = len(list), next
	return out, nil
}

// wordsOf is what somebody can be searched by.
func (d *deskService) wordsOf(id portcullis.ID) string {
	p := d.dir.Person(id)
	if p == nil {
		p = &people.Person{Name: string(id)}
	}
	return strings.ToLower(strings.Join(slices.Concat([]string{p.Name, p.Role, p.Party, p.Organisation}, p.Names, p.Committees, p.Topics), " "))
}

// silentFor is how long mail may stay away before the desk says so, if it usually comes daily.
const silentFor = 26 * time.Hour

// sensors says when each source of events was heard last.
func (d *deskService) sensors(a records.Arrivals) []web.Sensor {
	s := web.Sensor{Name: "mail", Last: a.Last, Events: a.Day, Usual: a.Usual}
	switch quiet := d.now().Sub(a.Last); {
	case a.Last.IsZero():
		s.Silent, s.Note = true, "nothing has been read yet"
	case a.Usual > 0 && quiet > silentFor:
		s.Silent, s.Note = true, "no mail since "+a.Last.UTC().Format("2 Jan 2006 15:04 UTC")+"; usually "+itoa(a.Usual)+" a day"
	}
	list := []web.Sensor{s}
	if mailboxes := d.remote.Load(); mailboxes != nil {
		list = append(list, *mailboxes...)
	}
	return list
}
