package main

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/response"
)

// boardState is the state of things at one moment. Pages hold on to it while the next one is
// made, so it never changes: what differs in the next one is copied, the rest is shared.
type boardState struct {
	at        time.Time
	campaigns []*campaigns.Summary // seen last first
	people    map[portcullis.ID]*personState
	clocks    map[portcullis.ID][]*response.Notice // by campaign, in the order of all
	counts    map[portcullis.ID]clockCount         // by campaign; those that are not zero
	all       []*response.Notice                   // whose clock runs first, the most overdue on top
	notices   []*response.Notice                   // of these whose clock runs
	activity  records.Activity
	arrivals  records.Arrivals
}

// clockCount counts those whom a campaign reached and whose clock runs.
type clockCount struct{ untold, overdue int }

// personState is somebody whom open campaigns reached, or whose clock runs.
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

// running tells whether somebody is still to be told.
func running(n *response.Notice) bool { return n.Told.IsZero() && n.State != response.Withdrawn }

func byUrgency(a, b *response.Notice) int {
	return cmp.Or(bools(running(b), running(a)), a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
}

func byLast(a, b *campaigns.Summary) int {
	return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID))
}

// count makes the state anew from everything that is known.
func (x *boardIndex) count(at time.Time) *boardState {
	s := &boardState{at: at, people: map[portcullis.ID]*personState{}, clocks: map[portcullis.ID][]*response.Notice{}, counts: map[portcullis.ID]clockCount{}}
	s.campaigns = slices.SortedFunc(maps.Values(x.campaigns), byLast)
	s.all = slices.SortedFunc(maps.Values(x.notices), byUrgency)
	for _, n := range s.all {
		in := x.home[n.ID]
		s.clocks[in] = append(s.clocks[in], n)
	}
	for id, list := range s.clocks {
		s.recount(id, list)
	}
	s.notices = runningOf(s.all)
	for id := range x.reached {
		s.reckon(x, id)
	}
	for id := range x.concerned {
		s.reckon(x, id)
	}
	return s
}

// with is the state after what moved, at a later time.
func (s *boardState) with(x *boardIndex, m *boardMoves, at time.Time) *boardState {
	next := *s
	next.at = at
	if len(m.campaigns) > 0 {
		next.campaigns = slices.Clone(s.campaigns)
		for id, was := range m.campaigns {
			next.campaigns = replaced(next.campaigns, was, x.campaigns[id], byLast)
		}
	}
	if len(m.notices) > 0 {
		next.all = slices.Clone(s.all)
		for id, was := range m.notices {
			if is := x.notices[id]; is != was.notice {
				next.all = replaced(next.all, was.notice, is, byUrgency)
			}
		}
		next.notices = runningOf(next.all)
		next.moveClocks(s, x, m)
	}
	for id := range m.touched {
		if c := x.campaigns[id]; c == nil || m.campaigns[id] != nil || next.open(c) != s.open(c) {
			m.disturb(c, next.clocks[id])
		}
	}
	if len(m.people) > 0 {
		next.people = maps.Clone(s.people)
		for id := range m.people {
			next.reckon(x, id)
		}
	}
	return &next
}

// moveClocks makes the lists anew of the campaigns from which or to which a notice moved.
func (s *boardState) moveClocks(before *boardState, x *boardIndex, m *boardMoves) {
	s.clocks, s.counts = maps.Clone(before.clocks), maps.Clone(before.counts)
	homes := map[portcullis.ID]bool{}
	for id, was := range m.notices {
		if was.notice != nil {
			list := slices.Clone(s.clocks[was.home])
			s.clocks[was.home] = slices.DeleteFunc(list, func(n *response.Notice) bool { return n.ID == id })
		}
		homes[was.home] = true
	}
	for id := range m.notices {
		home := x.home[id]
		s.clocks[home] = append(slices.Clip(s.clocks[home]), x.notices[id])
		homes[home] = true
	}
	for id := range homes {
		list := s.clocks[id]
		slices.SortFunc(list, byUrgency)
		if s.recount(id, list); len(list) == 0 {
			delete(s.clocks, id)
		}
		m.touched[id] = true
	}
}

func (s *boardState) recount(id portcullis.ID, list []*response.Notice) {
	var c clockCount
	for _, n := range list {
		if running(n) {
			c.untold++
		}
		if n.Overdue {
			c.overdue++
		}
	}
	if delete(s.counts, id); c != (clockCount{}) {
		s.counts[id] = c
	}
}

// reckon counts for one person what open campaigns did, and what they are to be told.
func (s *boardState) reckon(x *boardIndex, id portcullis.ID) {
	p := &personState{id: id}
	for campaign := range x.reached[id] {
		if c := x.campaigns[campaign]; s.open(c) {
			p.campaigns++
			p.worst = max(p.worst, c.Severity)
			p.last = later(p.last, c.Last)
		}
	}
	for notice := range x.concerned[id] { // each round of notices names the mails that the ones before did not
		n := x.notices[notice]
		c := x.campaigns[x.home[notice]]
		if running(n) || c != nil && s.open(c) {
			p.events += len(n.Reach.Events)
		}
		if !running(n) {
			continue
		}
		p.untold++
		p.overdue = p.overdue || n.Overdue
		if p.due.IsZero() || n.Due.Before(p.due) {
			p.due = n.Due
		}
	}
	if delete(s.people, id); p.campaigns > 0 || p.untold > 0 {
		s.people[id] = p
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// open tells whether a campaign still asks for attention.
func (s *boardState) open(c *campaigns.Summary) bool {
	return s.at.Sub(c.Last) < quietAfter || s.untold(c.ID) > 0
}

// untold counts those whom a campaign reached and whose clock runs.
func (s *boardState) untold(id portcullis.ID) int { return s.counts[id].untold }

func (s *boardState) overdue(id portcullis.ID) int { return s.counts[id].overdue }

// runningOf is the beginning of all that holds those whose clock runs.
func runningOf(all []*response.Notice) []*response.Notice {
	end := sort.Search(len(all), func(i int) bool { return !running(all[i]) })
	return all[:end:end]
}

// replaced puts one for another into a sorted list; nil is none.
func replaced[T any](list []*T, was, is *T, order func(a, b *T) int) []*T {
	if was != nil {
		if at, found := slices.BinarySearchFunc(list, was, order); found {
			list = slices.Delete(list, at, at+1)
		}
	}
	if is != nil {
		at, _ := slices.BinarySearchFunc(list, is, order)
		list = slices.Insert(list, at, is)
	}
	return list
}

// foremost are the first most of a list by an order, in that order: a page shows a few, and sorting
// ten thousand for them takes longer than all the rest of it.
func foremost[T any](list []T, most int, order func(a, b T) int) []T {
	first := make([]T, 0, most+1)
	for _, one := range list {
		if len(first) == most && order(one, first[most-1]) >= 0 {
			continue
		}
		at := sort.Search(len(first), func(i int) bool { return order(first[i], one) > 0 }) // after its equals
		if first = slices.Insert(first, at, one); len(first) > most {
			first = first[:most]
		}
	}
	return first
}
