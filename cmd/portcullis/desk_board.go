package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web"
)

// board is what the first page and the lists are made from: all campaigns in short, whom
// they reached, and whose clock runs. It is made anew when something has changed, at most
// every boardPause, so that a page costs no more when many look at it.
type board struct {
	desk *deskService

	mu    sync.Mutex
	made  time.Time   // guarded by mu, by the real clock
	dirty bool        // guarded by mu
	now   *boardState // guarded by mu; what it points to never changes
}

const (
	boardPause = 200 * time.Millisecond
	boardLife  = 30 * time.Second
	quietAfter = 120 * 24 * time.Hour // a campaign of which nothing was heard for so long, and everybody told, is closed
)

// boardState is the state of things at one moment.
type boardState struct {
	at        time.Time
	campaigns []campaigns.Summary // seen last first
	people    map[portcullis.ID]*personState
	clocks    map[portcullis.ID][]response.Notice // by campaign
	notices   []response.Notice                   // whose clock runs, overdue first
	activity  records.Activity
}

// personState is somebody whom open campaigns reached.
type personState struct {
	id        portcullis.ID
	campaigns int
	events    int
	last      time.Time
	worst     portcullis.Severity
	untold    int
	due       time.Time
	overdue   bool
}

// stale says that something changed.
func (b *board) stale() {
	b.mu.Lock()
	b.dirty = true
	b.mu.Unlock()
}

// get returns what is on the board.
func (b *board) get(ctx context.Context) (*boardState, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	age := time.Since(b.made)
	if b.now != nil && age < boardLife && (!b.dirty || age < boardPause) {
		return b.now, nil
	}
	s, err := b.desk.take(ctx)
	if err != nil {
		return nil, err
	}
	b.now, b.made, b.dirty = s, time.Now(), false
	return s, nil
}

const activityDays = 120 // as many as the drawing shows

// take makes a boardState.
func (d *deskService) take(ctx context.Context) (*boardState, error) {
	s := &boardState{at: d.now(), people: map[portcullis.ID]*personState{}, clocks: map[portcullis.ID][]response.Notice{}}
	var err error
	if s.campaigns, err = d.campaignRecords().Campaigns(ctx, campaigns.Query{}); err != nil {
		return nil, err
	}
	slices.SortFunc(s.campaigns, func(a, b campaigns.Summary) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID)) })
	all, err := d.noticeRecords().Notices(ctx, response.Query{Limit: 200_000})
	if err != nil {
		return nil, err
	}
	where, err := d.nowIn(ctx, s.campaigns, all)
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		s.clocks[where[n.Campaign]] = append(s.clocks[where[n.Campaign]], n)
		if running(n) {
			s.notices = append(s.notices, n)
		}
	}
	s.reached()
	day := 24 * time.Hour
	s.activity, err = d.mailRecords().Activity(ctx, s.at.Truncate(day).Add(-(activityDays-1)*day), day, activityDays)
	return s, err
}

// nowIn tells of each campaign that notices name which one it has gone up in.
func (d *deskService) nowIn(ctx context.Context, standing []campaigns.Summary, list []response.Notice) (map[portcullis.ID]portcullis.ID, error) {
	where := map[portcullis.ID]portcullis.ID{}
	for _, c := range standing {
		where[c.ID] = c.ID
	}
	for _, n := range list {
		if _, ok := where[n.Campaign]; ok {
			continue
		}
		c, err := d.campaignRecords().Campaign(ctx, n.Campaign)
		if err != nil && !errors.Is(err, campaigns.ErrNotFound) {
			return nil, err
		}
		where[n.Campaign] = cmp.Or(c.ID, n.Campaign)
	}
	return where, nil
}

// running tells whether somebody is still to be told.
func running(n response.Notice) bool { return n.Told.IsZero() && n.State != response.Withdrawn }

// reached counts by person what open campaigns did.
func (s *boardState) reached() {
	for _, c := range s.campaigns {
		if !s.open(c) {
			continue
		}
		for _, id := range c.Persons {
			p := s.people[id]
			if p == nil {
				p = &personState{id: id}
				s.people[id] = p
			}
			p.campaigns++
			p.worst = max(p.worst, c.Severity)
			if c.Last.After(p.last) {
				p.last = c.Last
			}
		}
	}
	for _, c := range s.campaigns { // each round of notices names the mails that the ones before did not
		for _, n := range s.clocks[c.ID] {
			if p := s.people[n.Person]; p != nil && s.open(c) {
				p.events += len(n.Reach.Events)
			}
		}
	}
	for _, n := range s.notices {
		p := s.people[n.Person]
		if p == nil {
			p = &personState{id: n.Person, events: len(n.Reach.Events)}
			s.people[n.Person] = p
		}
		p.untold++
		p.overdue = p.overdue || n.Overdue
		if p.due.IsZero() || n.Due.Before(p.due) {
			p.due = n.Due
		}
	}
}

// open tells whether a campaign still asks for attention.
func (s *boardState) open(c campaigns.Summary) bool {
	return s.at.Sub(c.Last) < quietAfter || s.untold(c.ID) > 0
}

// untold counts those whom a campaign reached and whose clock runs.
func (s *boardState) untold(id portcullis.ID) (n int) {
	for _, notice := range s.clocks[id] {
		if running(notice) {
			n++
		}
	}
	return n
}

func (s *boardState) overdue(id portcullis.ID) (n int) {
	for _, notice := range s.clocks[id] {
		if running(notice) && notice.Overdue {
			n++
		}
	}
	return n
}

// urgent orders people: overdue first, then how serious, then how lately.
func urgent(a, b *personState) int {
	return cmp.Or(bools(b.overdue, a.overdue), cmp.Compare(b.worst, a.worst), cmp.Compare(b.untold, a.untold), b.last.Compare(a.last), cmp.Compare(a.id, b.id))
}

func bools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// atRisk are the people whom the caller may see, most urgent first.
func (s *boardState) atRisk(sees func(portcullis.ID) bool) (list []*personState) {
	for _, p := range s.people {
		if sees(p.id) {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, urgent)
	return list
}

// within are the campaigns that reached somebody whom the caller may see.
func (s *boardState) within(sees func(portcullis.ID) bool, unbounded bool) (list []campaigns.Summary) {
	if unbounded {
		return s.campaigns
	}
	for _, c := range s.campaigns {
		if slices.ContainsFunc(c.Persons, sees) {
			list = append(list, c)
		}
	}
	return list
}

func (d *deskService) personRow(p *personState) web.PersonRow {
	row := web.PersonRow{PersonRef: d.person(p.id), Campaigns: p.campaigns, Events: p.events, Last: p.last, Worst: p.worst, Untold: p.untold, Due: p.due, Overdue: p.overdue}
	row.Groups = d.links.GroupsOf(p.id)
	return row
}
