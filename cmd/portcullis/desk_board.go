package main

import (
	"cmp"
	"context"
	"maps"
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

	mu        sync.Mutex
	made      time.Time                           // guarded by mu, by the real clock
	took      time.Duration                       // guarded by mu: making it
	dirty     bool                                // guarded by mu
	now       *boardState                         // guarded by mu; what it points to never changes
	campaigns map[portcullis.ID]campaigns.Summary // guarded by mu: those that are listed
	notices   map[portcullis.ID]*response.Notice  // guarded by mu: without the texts
	stands    map[portcullis.ID]campaigns.Stand   // guarded by mu; what it points to never changes
	sorted    []campaigns.Summary                 // guarded by mu; what it points to never changes
	turn      int64                               // guarded by mu: of the campaigns, when they were read
	position  int64                               // guarded by mu: in the log of notices
	tally     *tally                              // guarded by mu; what it points to never changes
	counting  bool                                // guarded by mu
}

const (
	boardPause = 200 * time.Millisecond // between two, where making one takes long
	boardQuick = 50 * time.Millisecond
	boardLife  = 30 * time.Second
	tallyLife  = 5 * time.Second
	quietAfter = 120 * 24 * time.Hour // a campaign of which nothing was heard for so long, and everybody told, is closed
)

// tally is what is counted over all mail. It takes as long as there is mail, so it is counted
// beside, and the page shows what was counted last.
type tally struct {
	at       time.Time // by the real clock
	activity records.Activity
	arrivals records.Arrivals
}

// boardState is the state of things at one moment.
type boardState struct {
	at        time.Time
	campaigns []campaigns.Summary // seen last first
	people    map[portcullis.ID]*personState
	clocks    map[portcullis.ID][]*response.Notice // by campaign
	counts    map[portcullis.ID]clockCount         // by campaign
	all       []*response.Notice                   // whose clock runs first, the most overdue on top
	notices   []*response.Notice                   // of these whose clock runs
	activity  records.Activity
	arrivals  records.Arrivals
}

// clockCount counts those whom a campaign reached and whose clock runs.
type clockCount struct{ untold, overdue int }

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

// take makes a boardState. The caller holds mu.
func (b *board) take(ctx context.Context) (*boardState, error) {
	s := &boardState{at: b.desk.now(), people: map[portcullis.ID]*personState{}, clocks: map[portcullis.ID][]*response.Notice{}, counts: map[portcullis.ID]clockCount{}}
	stands, err := b.followCampaigns(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.followNotices(ctx); err != nil {
		return nil, err
	}
	if err := b.followTally(ctx, s.at); err != nil {
		return nil, err
	}
	s.activity, s.arrivals = b.tally.activity, b.tally.arrivals
	s.campaigns = b.sorted
	s.all = make([]*response.Notice, 0, len(b.notices))
	for id, n := range b.notices {
		if now := n.At(s.at); now.State != n.State || now.Overdue != n.Overdue { // else it is as before, and shared
			n, b.notices[id] = &now, &now
		}
		s.all = append(s.all, n)
	}
	slices.SortFunc(s.all, func(a, b *response.Notice) int {
		return cmp.Or(bools(running(b), running(a)), a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
	})
	for _, n := range s.all {
		in := nowIn(stands, n.Campaign)
		s.clocks[in] = append(s.clocks[in], n)
		if !running(n) {
			continue
		}
		s.notices = append(s.notices, n)
		c := s.counts[in]
		if c.untold++; n.Overdue {
			c.overdue++
		}
		s.counts[in] = c
	}
	s.reached()
	return s, nil
}

// followCampaigns reads the campaigns that changed.
func (b *board) followCampaigns(ctx context.Context) (map[portcullis.ID]campaigns.Stand, error) {
	turn, err := b.desk.campaignRecords().Turn(ctx) // before the rest: what is written meanwhile is read next time
	if err != nil || b.sorted != nil && turn == b.turn {
		return b.stands, err
	}
	stands, err := b.desk.campaignRecords().Stands(ctx)
	if err != nil {
		return nil, err
	}
	if b.campaigns == nil {
		b.campaigns = make(map[portcullis.ID]campaigns.Summary, len(stands))
	}
	maps.DeleteFunc(b.campaigns, func(id portcullis.ID, _ campaigns.Summary) bool { return !stands[id].Listed })
	var changed []portcullis.ID
	for id, s := range stands {
		if known, ok := b.campaigns[id]; s.Listed && (!ok || known.Version != s.Version) {
			changed = append(changed, id)
		}
	}
	list, err := b.desk.campaignRecords().Summaries(ctx, changed)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		b.campaigns[c.ID] = c
	}
	b.sorted = slices.AppendSeq(make([]campaigns.Summary, 0, len(b.campaigns)), maps.Values(b.campaigns))
	slices.SortFunc(b.sorted, func(a, b campaigns.Summary) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID)) })
	b.stands, b.turn = stands, turn
	return stands, nil
}

// followNotices reads the notices that changed: all of them the first time, and when there
// are not as many as there should be, for an erasure takes some away.
func (b *board) followNotices(ctx context.Context) error {
	reader := b.desk.noticeRecords()
	if b.notices == nil {
		b.position = -1
	}
	changed, last, err := reader.Changed(ctx, b.position)
	if err != nil {
		return err
	}
	if b.notices != nil {
		list, err := reader.Those(ctx, changed)
		if err != nil {
			return err
		}
		for _, n := range list {
			b.notices[n.ID] = inShort(n)
		}
		if count, err := reader.Count(ctx); err != nil || count == len(b.notices) {
			b.position = last
			return err
		}
	}
	all := map[portcullis.ID]*response.Notice{}
	err = reader.Each(ctx, func(n response.Notice) bool {
		all[n.ID] = inShort(n)
		return true
	})
	if err != nil {
		return err
	}
	b.notices, b.position = all, last
	return nil
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

// followTally counts the first time, and later has it counted beside.
func (b *board) followTally(ctx context.Context, at time.Time) (err error) {
	switch {
	case b.tally == nil:
		b.tally, err = b.desk.tally(ctx, at)
	case time.Since(b.tally.at) > tallyLife && !b.counting:
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
	t := &tally{at: time.Now()}
	var err error
	if t.activity, err = d.mailRecords().Activity(ctx, at.Truncate(day).Add(-(activityDays-1)*day), day, activityDays); err != nil {
		return nil, err
	}
	t.arrivals, err = d.mailRecords().Arrivals(ctx, at)
	return t, err
}

// nowIn is the campaign that one has gone up in; itself, if it has not.
func nowIn(stands map[portcullis.ID]campaigns.Stand, id portcullis.ID) portcullis.ID {
	for range 1000 { // merging makes no circles
		into := stands[id].MergedInto
		if into == "" {
			break
		}
		id = into
	}
	return id
}

// running tells whether somebody is still to be told.
func running(n *response.Notice) bool { return n.Told.IsZero() && n.State != response.Withdrawn }

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
		if !s.open(c) {
			continue
		}
		for _, n := range s.clocks[c.ID] {
			if p := s.people[n.Person]; p != nil {
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
func (s *boardState) untold(id portcullis.ID) int { return s.counts[id].untold }

func (s *boardState) overdue(id portcullis.ID) int { return s.counts[id].overdue }

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
