package meter

import (
	"math"
	"sync"
	"time"
)

// Normals learns how much people of a role read, and says when somebody reads far more,
// long before a budget ends.
//
// For each role and hour of the week there is a histogram, in steps of a fifth, of how many distinct
// voters a person of that role was given in an hour; one of statements an hour; and, by day of the week, one
// of distinct voters in a day. Unusual is what exceeds both a floor and the policy's
// factor times the 99th percentile. A percentile and not a mean and deviation: a few wild hours must
// not move it. Nor must a thief teach it: what exceeds the bound is learnt as the bound, and a person
// adds one observation per hour, however much they read. Old weeks fade with a half-life of half a
// year, so that a new way of working becomes normal.
//
// An hour of the week of which too little is known borrows from the same hour of the other
// working days (or weekend days); where the role has never worked at that hour, the floor is the bound.
//
// What it misses: a thief within the habits of the role, for whom the year's budget is there; and roles
// of a single person, who is their own normal. As it watches staff, it says nothing of anybody
// who is not unusual, and what it has learnt is per role only.
type Normals struct {
	mu     sync.Mutex // guards what follows
	policy func() *Policy
	roles  map[string]*habits
	people map[string]*reader
	last   *reader // of people, the one who was looked for last; nil: nobody

	minute int64 // the minute that today was worked out in; a day never begins within one
	zone   *time.Location
	today  int64
}

// measure is what is learnt.
type measure uint8

const (
	votersAnHour measure = iota
	statementsAnHour
	votersADay
	measures
)

var measureNames = [measures]string{"voters within an hour", "statements within an hour", "voters within a day"}

// enough is how many person-hours (or days) a histogram needs before its percentile means anything.
const enough = 100

// bins of a histogram: bin b begins at 1.2^b - 1.
const bins = 96

type histogram [bins]float32

// habits of one role.
type habits struct {
	since int64 // of the first observation
	week  int64 // of the last fading
	hours [2][168]histogram
	days  [7]histogram
}

// reader is one person's reading that is not over yet.
type reader struct {
	person string
	role   string
	seen   *tracker
	hour   int64 // number of the hour
	day    int64
	most   [measures]int64
	told   [measures]int64 // day on which it was last said
	bounds [measures]judged
}

// judged is a bound as it was worked out in one hour.
type judged struct {
	hour           int64
	bound, typical int64
	ok             bool
}

// Unusual is reading far beyond what is normal in a role.
type Unusual struct {
	Person  string
	Role    string
	What    string // "voters within an hour"
	Value   int64
	Bound   int64 // from where it is unusual
	Typical int64 // the middle of the role at that hour; 0: it never works then
	Time    time.Time
}

// NewNormals has learnt nothing. Policy is asked for bounds and the zone whenever they are needed.
func NewNormals(policy func() *Policy) *Normals {
	return &Normals{policy: policy, roles: map[string]*habits{}, people: map[string]*reader{}}
}

// Saw learns that somebody was given voters, in the order of time, and says what is unusual about it.
func (n *Normals) Saw(s Subject, voters []uint64, now time.Time) []Unusual {
	n.mu.Lock()
	defer n.mu.Unlock()
	p, r := n.roll(s, now)
	r.seen.advance(now.UnixMicro())
	var before [256]uint8
	for len(voters) > 0 {
		some := voters[:min(len(voters), len(before))]
		r.seen.take(some, before[:], &limits{})
		voters = voters[len(some):]
	}
	r.most[votersAnHour] = max(r.most[votersAnHour], r.seen.count[Hour])
	r.most[votersADay] = max(r.most[votersADay], r.seen.count[Day])
	return append(n.judge(p, s, r, votersAnHour, now), n.judge(p, s, r, votersADay, now)...)
}

// Asked learns that somebody sent a statement.
func (n *Normals) Asked(s Subject, now time.Time) []Unusual {
	n.mu.Lock()
	defer n.mu.Unlock()
	p, r := n.roll(s, now)
	r.most[statementsAnHour]++
	return n.judge(p, s, r, statementsAnHour, now)
}

// roll closes the hour and the day that are over, and learns from them.
func (n *Normals) roll(s Subject, now time.Time) (*Policy, *reader) {
	p := n.policy()
	r := n.last
	if r == nil || r.person != s.Person {
		r = n.people[s.Person]
	}
	if minute := now.Unix() / 60; minute != n.minute || p.Location() != n.zone {
		n.minute, n.zone, n.today = minute, p.Location(), dayNumber(now.In(p.Location()))
	}
	h, d := now.Unix()/3600, n.today
	if r == nil {
		r = &reader{person: s.Person, role: s.Role, seen: newTracker(), hour: h, day: d}
		n.people[s.Person] = r
	}
	if h > r.hour {
		at := time.Unix(r.hour*3600, 0).In(p.Location())
		n.learn(p, r, votersAnHour, at)
		n.learn(p, r, statementsAnHour, at)
		r.hour, r.most[votersAnHour], r.most[statementsAnHour] = h, 0, 0
	}
	if d > r.day {
		n.learn(p, r, votersADay, time.Unix(r.day*86400, 0).UTC())
		r.day, r.most[votersADay] = d, 0
	}
	r.role, n.last = s.Role, r
	return p, r
}

// dayNumber counts local days.
func dayNumber(local time.Time) int64 {
	y, m, d := local.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

func (n *Normals) of(role string, at time.Time) *habits {
	h := n.roles[role]
	week := at.Unix() / (7 * 86400)
	if h == nil {
		h = &habits{since: at.Unix(), week: week}
		n.roles[role] = h
	}
	if week > h.week {
		h.fade(float32(math.Pow(0.5, float64(week-h.week)/26)))
		h.week = week
	}
	return h
}

func (h *habits) fade(by float32) {
	for m := range h.hours {
		for i := range h.hours[m] {
			h.hours[m][i].scale(by)
		}
	}
	for i := range h.days {
		h.days[i].scale(by)
	}
}

func (g *histogram) scale(by float32) {
	for b := range g {
		g[b] *= by
	}
}

func (n *Normals) learn(p *Policy, r *reader, m measure, at time.Time) {
	value := r.most[m]
	if value == 0 {
		return
	}
	h := n.of(r.role, at)
	if bound, _, ok := h.bound(p, m, at); ok {
		value = min(value, bound) // a thief must not teach what is normal
	}
	h.histogram(m, at)[bin(value)]++
}

func (h *habits) histogram(m measure, at time.Time) *histogram {
	if m == votersADay {
		return &h.days[at.Weekday()]
	}
	return &h.hours[m][int(at.Weekday())*24+at.Hour()]
}

func bin(value int64) int {
	return min(bins-1, int(math.Log1p(float64(value))/math.Log(1.2)))
}

// top is the largest value of a bin.
func top(b int) int64 { return int64(math.Ceil(math.Pow(1.2, float64(b+1)) - 1)) }

// bound is from where reading is unusual, and what is typical. Not ok: too little is known.
func (h *habits) bound(p *Policy, m measure, at time.Time) (bound, typical int64, ok bool) {
	floor := p.Normals.Floor
	if m == votersADay {
		floor *= 4 // a day of many hours at the floor
	}
	if at.Unix()-h.since < int64(p.Normals.Weeks)*7*86400 {
		return 0, 0, false
	}
	g, total := h.pool(m, at)
	switch {
	case total >= enough:
		bound = max(floor, int64(p.Normals.Factor*float64(g.quantile(0.99, total))))
		return bound, g.quantile(0.5, total), true
	case total < 3 && h.all(m) >= 5*enough: // the role is known, and does not work at this hour
		return floor, 0, true
	}
	return 0, 0, false
}

// pool is the histogram of the hour of the week, or together with the same hour of like days.
func (h *habits) pool(m measure, at time.Time) (histogram, float32) {
	g := *h.histogram(m, at)
	if total := g.total(); total >= enough {
		return g, total
	}
	weekend := at.Weekday() == time.Saturday || at.Weekday() == time.Sunday
	for d := 1; d < 7; d++ {
		other := at.AddDate(0, 0, d)
		if w := other.Weekday(); (w == time.Saturday || w == time.Sunday) == weekend {
			for b, v := range h.histogram(m, other) {
				g[b] += v
			}
		}
	}
	return g, g.total()
}

func (g *histogram) total() (sum float32) {
	for _, v := range g {
		sum += v
	}
	return sum
}

func (h *habits) all(m measure) (sum float32) {
	if m == votersADay {
		for i := range h.days {
			sum += h.days[i].total()
		}
		return sum
	}
	for i := range h.hours[m] {
		sum += h.hours[m][i].total()
	}
	return sum
}

func (g *histogram) quantile(q, total float32) int64 {
	sum := float32(0)
	for b, v := range g {
		if sum += v; sum >= q*total {
			return top(b)
		}
	}
	return top(bins - 1)
}

// judge says once a day of each measure that it is beyond the bound.
func (n *Normals) judge(p *Policy, s Subject, r *reader, m measure, now time.Time) []Unusual {
	if p.Normals.Off || r.told[m] == r.day || r.most[m] <= p.Normals.Floor {
		return nil
	}
	b := &r.bounds[m]
	if b.hour != r.hour {
		*b = judged{hour: r.hour}
		if h := n.roles[s.Role]; h != nil {
			b.bound, b.typical, b.ok = h.bound(p, m, now.In(p.Location()))
		}
	}
	if !b.ok || r.most[m] <= b.bound {
		return nil
	}
	r.told[m] = r.day
	return []Unusual{{s.Person, s.Role, measureNames[m], r.most[m], b.bound, b.typical, now}}
}
