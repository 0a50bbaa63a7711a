package main

import (
	"cmp"
	"context"
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
// they reached, and whose clock runs. It is made anew when something has changed, from what
// it knows already and what is new in the store, so that a page costs no more when much is
// stored or many look at it.
type board struct {
	desk *deskService

	mu       sync.Mutex
	made     time.Time     // guarded by mu, by the real clock
	took     time.Duration // guarded by mu: making it
	dirty    bool          // guarded by mu
	now      *boardState   // guarded by mu; what it points to never changes
	index    *boardIndex   // guarded by mu
	turn     int64         // guarded by mu: of the campaigns, when they were read
	position int64         // guarded by mu: in the log of notices
	tally    *tally        // guarded by mu; what it points to never changes
	counting bool          // guarded by mu
}

const (
	boardPause = 200 * time.Millisecond // between two, where making one takes long
	boardQuick = 50 * time.Millisecond
	boardLife  = 30 * time.Second
	tallyLife  = 5 * time.Second
	tallyQuick = 20 * time.Millisecond
	tallyShare = 30                   // of the time at most one part in so many goes into counting
	quietAfter = 120 * 24 * time.Hour // a campaign of which nothing was heard for so long, and everybody told, is closed
)

// tally is what is counted over all mail. It takes as long as there is mail, so it is counted
// beside, and the page shows what was counted last.
type tally struct {
	at       time.Time     // by the real clock
	took     time.Duration // counting it
	activity records.Activity
	arrivals records.Arrivals
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
	if b.now != nil && age < boardLife && (!b.dirty || b.took > boardQuick && age < boardPause) {
		return b.now, nil
	}
	began, dirty := time.Now(), b.dirty
	b.dirty = false // before reading: what changes from now on is not in it
	s, err := b.take(ctx)
	if err != nil {
		b.dirty = dirty
		return nil, err
	}
	b.now, b.made, b.took = s, time.Now(), time.Since(began)
	return s, nil
}

const activityDays = 120 // as many as the drawing shows

// take makes a boardState: out of the one before and what changed since where there is one,
// and all of it anew the first time, when the clock went back, and when much changed at once.
// The caller holds mu.
func (b *board) take(ctx context.Context) (*boardState, error) {
	at := b.desk.now()
	if b.now == nil || at.Before(b.now.at) {
		b.index = nil
	}
	if b.index == nil {
		b.index, b.turn, b.position = newBoardIndex(), -1, -1
	}
	moves, err := b.follow(ctx, at)
	if err != nil {
		b.index = nil // it may be ahead of what is shown: begin anew
		return nil, err
	}
	if err := b.followTally(ctx, at); err != nil {
		b.index = nil
		return nil, err
	}
	var s *boardState
	if b.now == nil || moves.many {
		s = b.index.count(at)
	} else {
		s = b.now.with(b.index, moves, at)
	}
	s.activity, s.arrivals = b.tally.activity, b.tally.arrivals
	return s, nil
}

// follow brings the index up to what is stored, and tells what moved.
func (b *board) follow(ctx context.Context, at time.Time) (*boardMoves, error) {
	m := newBoardMoves()
	if err := b.followCampaigns(ctx, m); err != nil {
		return nil, err
	}
	if err := b.followNotices(ctx, at, m); err != nil {
		return nil, err
	}
	if !m.many && b.now != nil {
		b.index.passed(b.now, at, m)
	}
	return m, nil
}

// followCampaigns reads the campaigns that changed. None is ever deleted.
func (b *board) followCampaigns(ctx context.Context, m *boardMoves) error {
	reader := b.desk.campaignRecords()
	turn, err := reader.Turn(ctx) // before the rest: what is written meanwhile is read next time
	if err != nil || turn == b.turn {
		return err
	}
	stands, err := reader.StandsSince(ctx, b.turn)
	if err != nil {
		return err
	}
	var listed []portcullis.ID
	for id, s := range stands {
		if s.Listed && b.index.stands[id] != s {
			listed = append(listed, id)
		}
	}
	list, err := reader.Summaries(ctx, listed)
	if err != nil {
		return err
	}
	now := make(map[portcullis.ID]*campaigns.Summary, len(list))
	for i, c := range list {
		now[c.ID] = &list[i]
	}
	b.index.campaignsAre(stands, now, m)
	b.turn = turn
	return nil
}

// followNotices reads the notices that changed: all of them the first time, and when there
// are not as many as there should be, for an erasure takes some away.
func (b *board) followNotices(ctx context.Context, at time.Time, m *boardMoves) error {
	reader := b.desk.noticeRecords()
	changed, last, err := reader.Changed(ctx, b.position)
	if err != nil {
		return err
	}
	if b.position >= 0 {
		list, err := reader.Those(ctx, changed)
		if err != nil {
			return err
		}
		for _, n := range list {
			b.index.noticeIs(inShort(n.At(at)), m)
		}
		if count, err := reader.Count(ctx); err != nil || count == len(b.index.notices) {
			b.position = last
			return err
		}
	}
	m.many = true
	b.index.noNotices()
	err = reader.Each(ctx, func(n response.Notice) bool {
		b.index.noticeIs(inShort(n.At(at)), m)
		return true
	})
	b.position = max(last, 0)
	return err
}

// inShort is a notice without the texts, of which there may be much: which mails, and when.
func inShort(n response.Notice) *response.Notice {
	events := make([]response.Received, len(n.Reach.Events))
	for i, e := range n.Reach.Events {
		events[i] = response.Received{Event: e.Event, Time: e.Time}
	}
	n.Reach = response.Reach{Person: n.Reach.Person, Campaign: n.Reach.Campaign, Events: events}
	return &n
}

// followTally counts the first time and as long as that takes no time worth saving, and
// otherwise has it counted beside. In an exercise five seconds are a month.
func (b *board) followTally(ctx context.Context, at time.Time) (err error) {
	switch {
	case b.tally == nil || b.tally.took < tallyQuick && !b.counting:
		var fresh *tally
		if fresh, err = b.desk.tally(ctx, at); err == nil {
			b.tally = fresh
		}
	case time.Since(b.tally.at) > max(tallyLife, tallyShare*b.tally.took) && !b.counting:
		b.counting = true
		go b.recount(at)
	}
	return err
}

// recount counts while pages are shown, and tells them when it came to something else.
func (b *board) recount(at time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fresh, err := b.desk.tally(ctx, at)
	b.mu.Lock()
	b.counting = false
	changed := err == nil && (fresh.activity.Findings != b.tally.activity.Findings || !fresh.arrivals.Last.Equal(b.tally.arrivals.Last))
	if err == nil {
		b.tally, b.dirty = fresh, true
	}
	b.mu.Unlock()
	if changed && b.desk.feed != nil {
		b.desk.feed.Publish(web.Change{Topic: "situation"})
	}
}

func (d *deskService) tally(ctx context.Context, at time.Time) (*tally, error) {
	const day = 24 * time.Hour
	began := time.Now()
	t := &tally{at: began}
	var err error
	if t.activity, err = d.mailRecords().Activity(ctx, at.Truncate(day).Add(-(activityDays-1)*day), day, activityDays); err != nil {
		return nil, err
	}
	t.arrivals, err = d.mailRecords().Arrivals(ctx, at)
	t.took = time.Since(began)
	return t, err
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
func (s *boardState) atRisk(sees func(portcullis.ID) bool) []*personState {
	list := s.concerned(sees)
	slices.SortFunc(list, urgent)
	return list
}

// concerned are the same, in no order.
func (s *boardState) concerned(sees func(portcullis.ID) bool) (list []*personState) {
	for _, p := range s.people {
		if sees(p.id) {
			list = append(list, p)
		}
	}
	return list
}

// within are the campaigns that reached somebody whom the caller may see.
func (s *boardState) within(sees func(portcullis.ID) bool, unbounded bool) (list []*campaigns.Summary) {
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
