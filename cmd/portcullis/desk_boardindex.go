package main

import (
	"slices"
	"sort"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/response"
)

// boardIndex is what the board knows between two states: everything by its id, and which of it
// concerns whom, so that a change costs what it changes and not what is stored.
type boardIndex struct {
	stands    map[portcullis.ID]campaigns.Stand
	campaigns map[portcullis.ID]*campaigns.Summary // those that are listed; what it points to never changes
	notices   map[portcullis.ID]*response.Notice   // without the texts; what it points to never changes
	home      map[portcullis.ID]portcullis.ID      // of notices: the campaign that theirs has gone up in
	reached   map[portcullis.ID]idSet              // campaigns by person
	concerned map[portcullis.ID]idSet              // notices by person
	delayed   idSet                                // notices whose state time changes
}

type idSet map[portcullis.ID]struct{}

func newBoardIndex() *boardIndex {
	x := &boardIndex{stands: map[portcullis.ID]campaigns.Stand{}, campaigns: map[portcullis.ID]*campaigns.Summary{}, reached: map[portcullis.ID]idSet{}}
	x.noNotices()
	return x
}

// noNotices forgets all notices.
func (x *boardIndex) noNotices() {
	x.notices, x.home = map[portcullis.ID]*response.Notice{}, map[portcullis.ID]portcullis.ID{}
	x.concerned, x.delayed = map[portcullis.ID]idSet{}, idSet{}
}

// boardMoves is what changed between two states.
type boardMoves struct {
	campaigns map[portcullis.ID]*campaigns.Summary // as they were; nil: not there
	notices   map[portcullis.ID]noticeWas
	people    map[portcullis.ID]bool
	touched   map[portcullis.ID]bool // campaigns that may have opened or closed
	many      bool                   // more than is worth following one by one
}

type noticeWas struct {
	notice *response.Notice // nil: not there
	home   portcullis.ID
}

// movesMost is how many changes are followed one by one: from there on counting anew is as fast.
const movesMost = 1000

func newBoardMoves() *boardMoves {
	return &boardMoves{campaigns: map[portcullis.ID]*campaigns.Summary{}, notices: map[portcullis.ID]noticeWas{}, people: map[portcullis.ID]bool{}, touched: map[portcullis.ID]bool{}}
}

// disturb has those reckoned anew whom a campaign, or a notice about it, concerns.
func (m *boardMoves) disturb(c *campaigns.Summary, clocks []*response.Notice) {
	if c != nil {
		for _, id := range c.Persons {
			m.people[id] = true
		}
	}
	for _, n := range clocks {
		m.people[n.Person] = true
	}
}

// campaignsAre takes in how campaigns stand now, with the summaries of those that are listed.
func (x *boardIndex) campaignsAre(stands map[portcullis.ID]campaigns.Stand, now map[portcullis.ID]*campaigns.Summary, m *boardMoves) {
	m.many = m.many || len(stands) > movesMost
	moved := idSet{} // campaigns in which notices lie that may now belong elsewhere
	for id, s := range stands {
		if x.stands[id].MergedInto != s.MergedInto {
			moved[x.nowIn(id)] = struct{}{}
		}
	}
	for id, s := range stands {
		if x.stands[id] == s {
			continue
		}
		x.stands[id] = s
		is := now[id]
		if !s.Listed {
			is = nil
		}
		if was := x.campaigns[id]; was != nil || is != nil {
			x.campaignIs(id, was, is, m)
		}
	}
	if len(moved) == 0 {
		return
	}
	for id, home := range x.home {
		if _, ok := moved[home]; ok {
			x.rehome(id, m)
		}
	}
}

// campaignIs takes in one campaign; nil is none.
func (x *boardIndex) campaignIs(id portcullis.ID, was, is *campaigns.Summary, m *boardMoves) {
	if _, known := m.campaigns[id]; !known {
		m.campaigns[id] = was
	}
	m.touched[id] = true
	if was != nil {
		m.disturb(was, nil)
		for _, p := range was.Persons {
			dropFrom(x.reached, p, id)
		}
		delete(x.campaigns, id)
	}
	if is == nil {
		return
	}
	m.disturb(is, nil)
	for _, p := range is.Persons {
		addTo(x.reached, p, id)
	}
	x.campaigns[id] = is
}

// nowIn is the campaign that one has gone up in; itself, if it has not.
func (x *boardIndex) nowIn(id portcullis.ID) portcullis.ID {
	for range 1000 { // merging makes no circles
		into := x.stands[id].MergedInto
		if into == "" {
			break
		}
		id = into
	}
	return id
}

// rehome notes that a notice may lie elsewhere now.
func (x *boardIndex) rehome(id portcullis.ID, m *boardMoves) {
	n := x.notices[id]
	if _, known := m.notices[id]; !known {
		m.notices[id] = noticeWas{n, x.home[id]}
	}
	m.people[n.Person] = true
	x.home[id] = x.nowIn(n.Campaign)
}

// noticeIs takes in a notice that is new, or as it is now.
func (x *boardIndex) noticeIs(n *response.Notice, m *boardMoves) {
	was, home := x.notices[n.ID], x.home[n.ID]
	if _, known := m.notices[n.ID]; !known && !m.many {
		m.notices[n.ID] = noticeWas{was, home}
	}
	m.many = m.many || len(m.notices) > movesMost
	m.people[n.Person] = true
	x.notices[n.ID], x.home[n.ID] = n, x.nowIn(n.Campaign)
	addTo(x.concerned, n.Person, n.ID)
	if delete(x.delayed, n.ID); n.State == response.Delayed {
		x.delayed[n.ID] = struct{}{}
	}
}

// passed takes in what time alone changed since a state: delays that ended, notices that became
// overdue, campaigns that nobody has heard of for long. The lists of the state are in the order
// of time, so that these are found without looking at all.
func (x *boardIndex) passed(s *boardState, at time.Time, m *boardMoves) {
	for id := range x.delayed {
		if n := x.notices[id].At(at); n.State != response.Delayed {
			x.noticeIs(&n, m)
		}
	}
	late := sort.Search(len(s.notices), func(i int) bool { return !s.notices[i].Due.Before(s.at) })
	for _, n := range s.notices[late:] {
		if !n.Due.Before(at) {
			break
		}
		if now := x.notices[n.ID].At(at); now.Overdue != x.notices[n.ID].Overdue {
			x.noticeIs(&now, m)
		}
	}
	quiet := sort.Search(len(s.campaigns), func(i int) bool { return at.Sub(s.campaigns[i].Last) >= quietAfter })
	for _, c := range s.campaigns[quiet:] {
		if s.at.Sub(c.Last) >= quietAfter {
			break
		}
		m.touched[c.ID] = true
	}
}

func addTo(sets map[portcullis.ID]idSet, key, id portcullis.ID) {
	if sets[key] == nil {
		sets[key] = idSet{}
	}
	sets[key][id] = struct{}{}
}

func dropFrom(sets map[portcullis.ID]idSet, key, id portcullis.ID) {
	if delete(sets[key], id); len(sets[key]) == 0 {
		delete(sets, key)
	}
}

// noticesOf lists somebody's notices, those that are due first on top.
func (s *boardState) noticesOf(person portcullis.ID) (list []*response.Notice) {
	for _, n := range s.all {
		if n.Person == person {
			list = append(list, n)
		}
	}
	slices.SortStableFunc(list, func(a, b *response.Notice) int { return a.Due.Compare(b.Due) })
	return list
}
