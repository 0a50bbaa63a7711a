package meter

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Reason is why somebody was stopped.
type Reason string

// The reasons.
const (
	OverBudget     Reason = "budget"     // distinct voters
	OverRate       Reason = "rate"       // rows a minute
	OverStatements Reason = "statements" // statements an hour
	OutOfHours     Reason = "hours"
	Braked         Reason = "brake"
)

// Stop says what stopped somebody, with what they need to know to ask for more.
type Stop struct {
	Reason Reason
	Budget string // name of the budget
	Per    string // what it is counted by
	Who    string // whose it is
	Window string // "day"
	Limit  int64
	Used   int64
	Again  time.Time // when the first room appears by itself; zero: unknown
}

func (s *Stop) Error() string {
	switch s.Reason {
	case OutOfHours:
		return fmt.Sprintf("outside the working hours of the role %q", s.Who)
	case Braked:
		return fmt.Sprintf("bulk reading is stopped for everyone; %d rows a minute can be read", s.Limit)
	case OverRate:
		return fmt.Sprintf("more than %d rows a minute (budget %q, %s %q)", s.Limit, s.Budget, s.Per, s.Who)
	case OverStatements:
		return fmt.Sprintf("more than %d statements an hour (budget %q, %s %q)", s.Limit, s.Budget, s.Per, s.Who)
	}
	return fmt.Sprintf("the budget %q of %d voters per %s is used up (%s %q has had %d)", s.Budget, s.Limit, s.Window, s.Per, s.Who, s.Used)
}

// limits are the bounds of one tracker at one time.
type limits struct {
	of   [windows]int64
	mask uint8 // windows that have a bound
}

// Meter counts for a whole process. Its methods may be called at once from many sessions.
type Meter struct {
	inForce        atomic.Pointer[Policy] // policy, for who only asks
	emergencyUntil atomic.Int64           // of brake.emergency; 0: there is none

	mu       sync.Mutex // guards everything below
	policy   *Policy
	now      int64 // never goes back
	trackers map[counted]*tracker
	rates    map[counted]*rate // rows a minute
	asked    map[counted]*rate // statements an hour
	accounts map[Subject]*account
	last     *account // of accounts, the one asked for last; nil: none
	lastFor  Subject  // who it was asked for
	grants   []Grant
	holds    holds
	brake    brake
	store    Store // nil: budgets are this process's own
	others   others
}

// counted is what is counted together: a budget, and a person, role, purpose or program.
type counted struct{ budget, who string }

// account is what concerns one subject, found once.
type account struct {
	subject Subject
	lines   []line
	rows    *rate // of the person, for the brake
	until   int64 // when a grant begins or ends
}

// line is one budget of an account, with its bounds as they are now.
type line struct {
	budget   *Budget
	of       counted
	tracker  *tracker // nil: the budget bounds no voters, or a shared store has them
	limits   limits
	rows     *rate
	rowLimit int64
	asked    *rate
	askLimit int64
}

// New makes a meter that has counted nothing yet; Replay tells it what the ledger has.
func New(p *Policy) *Meter {
	m := &Meter{
		trackers: map[counted]*tracker{}, rates: map[counted]*rate{}, asked: map[counted]*rate{},
		accounts: map[Subject]*account{},
	}
	m.brake.total = newRate(minute)
	m.brake.people = map[string]*rate{}
	m.brake.pulled = func() { m.others.pulled = m.others.exchange != nil }
	m.policy = p
	m.inForce.Store(p)
	return m
}

// Policy is the one in force.
func (m *Meter) Policy() *Policy { return m.inForce.Load() }

// Reload takes a policy into force. Counts stay. If the file cannot be used, the old policy stays
// and the error says why.
func (m *Meter) Reload(path string) (*Policy, error) {
	p, err := Load(path)
	if err != nil {
		return nil, fmt.Errorf("the policy stays as it was: %w", err)
	}
	m.Use(p)
	return p, nil
}

// Use takes a policy into force that was read before. Counts stay.
func (m *Meter) Use(p *Policy) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.policy = p
	m.inForce.Store(p)
	m.accounts, m.last = map[Subject]*account{}, nil
}

// Emergency tells whether an emergency is running. It costs little.
func (m *Meter) Emergency(now time.Time) bool { return now.UnixMicro() < m.emergencyUntil.Load() }

// at moves the meter's time on, never back.
func (m *Meter) at(now time.Time) int64 {
	m.now = max(m.now, now.UnixMicro())
	return m.now
}

// account finds or makes what concerns a subject, with the bounds of now.
func (m *Meter) account(s Subject) *account {
	a := m.last
	if a == nil || m.lastFor != s {
		m.lastFor = s
		s = m.policy.countedAs(s)
		a = m.accounts[s]
	}
	if a == nil {
		if len(m.accounts) >= maxAccounts {
			clear(m.accounts)
		}
		a = m.open(s)
		m.accounts[s] = a
	}
	m.last = a
	if m.now >= a.until {
		m.bound(a)
	}
	return a
}

func (m *Meter) open(s Subject) *account {
	a := &account{subject: s, rows: m.brake.of(s.Person)}
	for i := range m.policy.Budgets {
		b := &m.policy.Budgets[i]
		if !b.concerns(s) {
			continue
		}
		l := line{budget: b, of: counted{b.Name, b.axis(s)}}
		if b.Hour|b.Day|b.Days30|b.Year != 0 && m.store == nil {
			l.tracker = find(m.trackers, l.of, newTracker)
		}
		if b.RowsPerMinute > 0 {
			l.rows = find(m.rates, l.of, func() *rate { return m.newRate(minute, rowsKey(l.of)) })
		}
		if b.StatementsPerHour > 0 {
			l.asked = find(m.asked, l.of, func() *rate { return m.newRate(hour, askedKey(l.of)) })
		}
		a.lines = append(a.lines, l)
	}
	return a
}

func find[T any](in map[counted]*T, key counted, make func() *T) *T {
	v := in[key]
	if v == nil {
		v = make()
		in[key] = v
	}
	return v
}

// bound works out the bounds of an account: the policy's, times the emergency's factor, and
// what was granted.
func (m *Meter) bound(a *account) {
	factor := int64(1)
	a.until = farOff
	if e := m.brake.emergency; e.running(m.now) {
		factor, a.until = m.policy.Emergency.Factor, e.until
	}
	for i := range a.lines {
		l := &a.lines[i]
		l.limits = limits{}
		for w := Hour; w < windows; w++ {
			n := l.budget.limit(w)
			if n == 0 {
				continue
			}
			l.limits.mask |= 1 << w
			l.limits.of[w] = n*factor + m.granted(l.of, l.budget, w, &a.until)
		}
		l.rowLimit = l.budget.RowsPerMinute * factor
		l.askLimit = l.budget.StatementsPerHour * factor
	}
}

const farOff = int64(1) << 62

// Charge reserves and commits in one.
func (m *Meter) Charge(ctx context.Context, s Subject, voters []uint64, now time.Time) (allowed int, why *Stop, err error) {
	h, why, err := m.Reserve(ctx, s, voters, now)
	if err != nil {
		return 0, nil, err
	}
	allowed = h.Allowed
	return allowed, why, h.Commit(ctx)
}

// Reserve counts the voters of rows, in the order in which they would leave, and says how many of the
// rows may: all before the first that a budget has no room for. Where several
// budgets bind, the smallest wins and why tells which. The rows may leave once the ledger has
// them; then Commit, otherwise Cancel. Voters is read until then.
//
// While the policy observes, everything may leave, and why tells what would have stopped it.
// An error comes from a shared store only; nothing may leave then.
func (m *Meter) Reserve(ctx context.Context, s Subject, voters []uint64, now time.Time) (h *Hold, why *Stop, err error) {
	if m.store != nil {
		return m.reserveShared(ctx, s, voters, now)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h, why = m.reserve(s, voters, now)
	return h, why, nil
}

func (m *Meter) reserve(s Subject, voters []uint64, now time.Time) (*Hold, *Stop) {
	at := m.at(now)
	a := m.account(s)
	h := m.holds.begin(m, a, voters)
	why := m.fill(h, a.lines, at)
	m.countRows(a, int64(h.Allowed))
	return h, why
}

// fill counts a hold's voters in every budget of its account.
func (m *Meter) fill(h *Hold, lines []line, at int64) *Stop {
	enforce := m.policy.Enforcing()
	n, why := m.rateRoom(h.account, int64(len(h.voters)), at)
	if !enforce {
		n = int64(len(h.voters))
	}
	var before [maxTold][windows]int64
	for i := range lines {
		if l := &lines[i]; l.tracker != nil {
			l.tracker.advance(at)
			if i < maxTold {
				before[i] = l.tracker.count
			}
			if stop := h.take(l, int(n), enforce); stop != nil {
				why = stop
			}
			if enforce {
				n = int64(h.Allowed)
			}
		}
	}
	h.Allowed = int(n)
	h.trim()
	for i := range lines[:min(len(lines), maxTold)] {
		h.nearly(&lines[i], &before[i])
	}
	return why
}

// maxTold is how many budgets of one subject are watched for coming near their end.
const maxTold = 16

// nearly notes the windows in which a budget passed four fifths.
func (h *Hold) nearly(l *line, before *[windows]int64) {
	if l.tracker == nil || l.tracker.count == *before {
		return
	}
	for w := Hour; w < windows; w++ {
		limit, used := l.limits.of[w], l.tracker.count[w]
		if l.limits.mask&(1<<w) != 0 && before[w]*5 < limit*4 && used*5 >= limit*4 {
			h.Nearly = append(h.Nearly, Left{l.budget.Name, l.budget.Per, l.of.who, w.String(), limit, used})
		}
	}
}

// maxAccounts bounds what is remembered about subjects; it is found again when needed.
const maxAccounts = 1 << 16

// rateRoom tells how many rows the rates and the brake leave room for.
func (m *Meter) rateRoom(a *account, want, now int64) (room int64, why *Stop) {
	room = want
	for i := range a.lines {
		l := &a.lines[i]
		if l.rows == nil {
			continue
		}
		l.rows.advance(now)
		if left := max(0, l.rowLimit-l.rows.used()); left < room {
			room, why = left, m.stop(l, OverRate, "minute", l.rowLimit, l.rows.used(), l.rows.clears(now))
		}
	}
	if left, stop := m.brake.room(m.policy, a, now, room); stop != nil {
		room, why = left, stop
	}
	return room, why
}

func (m *Meter) countRows(a *account, n int64) {
	for i := range a.lines {
		if r := a.lines[i].rows; r != nil {
			r.add(n)
		}
	}
	m.brake.count(m.policy, a, n)
}

func (m *Meter) stop(l *line, why Reason, window string, limit, used, again int64) *Stop {
	return &Stop{Reason: why, Budget: l.budget.Name, Per: l.budget.Per, Who: l.of.who, Window: window, Limit: limit, Used: used, Again: time.UnixMicro(again).UTC()}
}

// Statement counts one statement, and says whether it may run: within working hours, and
// within the budget of statements. While the policy observes, it counts and says what would have stopped it.
func (m *Meter) Statement(ctx context.Context, s Subject, now time.Time) (why *Stop, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.stale(); err != nil {
		return nil, err
	}
	at := m.at(now)
	a := m.account(s)
	if !m.brake.emergency.running(at) && !m.policy.working(s.Role, time.UnixMicro(at)) {
		return &Stop{Reason: OutOfHours, Who: s.Role}, nil
	}
	for i := range a.lines {
		l := &a.lines[i]
		if l.asked == nil {
			continue
		}
		l.asked.advance(at)
		if l.asked.used() >= l.askLimit && why == nil {
			why = m.stop(l, OverStatements, "hour", l.askLimit, l.asked.used(), l.asked.clears(at))
		}
	}
	if why != nil && m.policy.Enforcing() {
		return why, nil
	}
	for i := range a.lines {
		if r := a.lines[i].asked; r != nil {
			r.add(1)
		}
	}
	return why, nil
}

// Left is what remains of one bound.
type Left struct {
	Budget string `json:"budget"`
	Per    string `json:"per"`
	Who    string `json:"who"`
	Window string `json:"window"` // "hour", "day", "30 days", "year"; "minute" of rows, "statements an hour"
	Limit  int64  `json:"limit"`
	Used   int64  `json:"used"`
}

// Left lists what a subject has left, smallest windows first within each budget.
func (m *Meter) Left(ctx context.Context, s Subject, now time.Time) ([]Left, error) {
	if m.store != nil {
		return m.leftShared(ctx, s, now)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left(s, now), nil
}

func (m *Meter) left(s Subject, now time.Time) (all []Left) {
	at := m.at(now)
	return leftOf(m.account(s).lines, at)
}

func leftOf(lines []line, at int64) (all []Left) {
	for i := range lines {
		l := &lines[i]
		add := func(window string, limit, used int64) {
			all = append(all, Left{l.budget.Name, l.budget.Per, l.of.who, window, limit, used})
		}
		if l.rows != nil {
			l.rows.advance(at)
			add("minute", l.rowLimit, l.rows.used())
		}
		if l.asked != nil {
			l.asked.advance(at)
			add("statements an hour", l.askLimit, l.asked.used())
		}
		if l.tracker == nil {
			continue
		}
		l.tracker.advance(at)
		for w := Hour; w < windows; w++ {
			if l.limits.mask&(1<<w) != 0 {
				add(w.String(), l.limits.of[w], l.tracker.count[w])
			}
		}
	}
	return all
}

// Replay counts what was given out before this process began, from the ledger, in any order.
func (m *Meter) Replay(s Subject, voters []uint64, given, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.at(now)
	a := m.account(s)
	for i := range a.lines {
		if t := a.lines[i].tracker; t != nil {
			t.replay(voters, min(given.UnixMicro(), at), at)
		}
	}
}

// State tells what the counts take.
type State struct {
	Subjects int   `json:"subjects"` // things counted: a budget times a person, role, purpose or program
	Bytes    int64 `json:"bytes"`
	Largest  int64 `json:"largest"` // bytes of the largest of them
	Shared   bool  `json:"shared"`  // budgets are shared with other guards
}

// State measures the memory of all counts.
func (m *Meter) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := State{Subjects: len(m.trackers), Shared: m.store != nil}
	for _, t := range m.trackers {
		n := t.bytes()
		s.Bytes += n
		s.Largest = max(s.Largest, n)
	}
	return s
}
