package meter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// brake stops bulk reading for everyone.
type brake struct {
	total     *rate            // rows a minute of everybody, each up to a person's share
	people    map[string]*rate // rows a minute of each person
	until     int64            // it is on until then
	why       string
	since     int64
	emergency emergency
	pulled    func() // the others are to know
}

// emergency is what two supervisors declared.
type emergency struct {
	from, until int64
	act         Declaration
}

func (e emergency) running(now int64) bool { return e.from <= now && now < e.until }

// Declaration is what two supervisors declare together: an emergency, or that the brake is pulled.
type Declaration struct {
	By     []string      `json:"by"` // two different people
	Reason string        `json:"reason"`
	For    time.Duration `json:"for"`
	// Rehearsal goes through everything and changes no bound: it is noted, and ends.
	Rehearsal bool `json:"rehearsal,omitempty"`
}

func (b *brake) of(person string) *rate {
	r := b.people[person]
	if r == nil {
		r = newRate(minute)
		b.people[person] = r
	}
	return r
}

// room tells how many rows a person may read as far as the brake goes.
func (b *brake) room(p *Policy, a *account, now, want int64) (int64, *Stop) {
	a.rows.advance(now)
	b.total.advance(now)
	if b.emergency.running(now) {
		return want, nil
	}
	if share := p.Brake.PersonRowsPerMinute; p.Brake.RowsPerMinute > 0 && a.rows.used()+want > share {
		return max(0, share-a.rows.used()), &Stop{Reason: OverRate, Budget: "brake.person_rows_per_minute", Per: "person", Who: a.subject.Person, Window: "minute", Limit: share, Used: a.rows.used(), Again: time.UnixMicro(a.rows.clears(now)).UTC()}
	}
	if p.Brake.RowsPerMinute > 0 && now >= b.until && b.total.used()+want > p.Brake.RowsPerMinute && b.bulky(p, a, now) >= p.Brake.People {
		b.pull(now, now+int64(p.Brake.Minutes)*minute, fmt.Sprintf("%d people read more than %d rows a minute together", b.bulky(p, a, now), p.Brake.RowsPerMinute))
		b.pulled()
	}
	if now < b.until && a.rows.used()+want > p.Brake.Small {
		return max(0, p.Brake.Small-a.rows.used()), &Stop{Reason: Braked, Who: a.subject.Person, Limit: p.Brake.Small, Used: a.rows.used(), Again: time.UnixMicro(b.until).UTC()}
	}
	return want, nil
}

func (b *brake) pull(now, until int64, why string) { b.since, b.until, b.why = now, until, why }

// bulky counts who is reading in bulk: more than everyone may under the brake. It runs only
// while the whole is over its bound.
func (b *brake) bulky(p *Policy, a *account, now int64) (n int) {
	for who, r := range b.people {
		if r.advance(now); r.used() > p.Brake.Small || who == a.subject.Person {
			n++
		}
	}
	return n
}

func (b *brake) count(_ *Policy, a *account, n int64) {
	a.rows.add(n)
	b.total.add(n)
}

// BrakeState is how the brake stands.
type BrakeState struct {
	On        bool         `json:"on"`
	Why       string       `json:"why,omitempty"`
	Since     time.Time    `json:"since,omitzero"`
	Until     time.Time    `json:"until,omitzero"`
	Emergency *Declaration `json:"emergency,omitempty"`
	Ends      time.Time    `json:"ends,omitzero"` // of the emergency
	Rows      int64        `json:"rows"`          // of everybody within the last minute
}

// Brake tells how the brake stands.
func (m *Meter) Brake(now time.Time) BrakeState {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.at(now)
	m.brake.total.advance(at)
	s := BrakeState{Rows: m.brake.total.used()}
	if e := m.brake.emergency; e.running(at) {
		act := e.act
		s.Emergency, s.Ends = &act, time.UnixMicro(e.until).UTC()
	}
	if at < m.brake.until {
		s.On, s.Why = s.Emergency == nil, m.brake.why
		s.Since, s.Until = time.UnixMicro(m.brake.since).UTC(), time.UnixMicro(m.brake.until).UTC()
	}
	return s
}

// Declare declares an emergency: for its time the brake and working hours stop
// nobody, and budgets are the policy's factor as wide. Counting and the ledger go on. A rehearsal is checked as the
// real thing and changes nothing.
func (m *Meter) Declare(d Declaration, now time.Time) (until time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.at(now)
	if err := m.two(d, time.Duration(m.policy.Emergency.MaxHours)*time.Hour); err != nil {
		return time.Time{}, err
	}
	until = now.Add(d.For)
	if !d.Rehearsal {
		m.brake.emergency = emergency{at, until.UnixMicro(), d}
		m.rebound()
	}
	return until, nil
}

// EndEmergency ends it early; one supervisor is enough for that.
func (m *Meter) EndEmergency() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.brake.emergency = emergency{}
	m.rebound()
}

// Pull stops bulk reading for everyone by hand. It takes two people too: one alone could
// stop the polling.
func (m *Meter) Pull(d Declaration, now time.Time) (until time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.at(now)
	if err := m.two(d, 24*time.Hour); err != nil {
		return time.Time{}, err
	}
	until = now.Add(d.For)
	m.brake.pull(at, until.UnixMicro(), d.Reason)
	return until, nil
}

// Release lets the brake go.
func (m *Meter) Release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.brake.until = 0
}

// two checks that two different supervisors say so, why, and for how long.
func (m *Meter) two(d Declaration, longest time.Duration) error {
	for _, by := range d.By {
		if !slices.ContainsFunc(m.policy.Supervisors, func(s Supervisor) bool { return s.Name == by }) {
			return fmt.Errorf("%q is no supervisor of the policy", by)
		}
	}
	switch {
	case len(d.By) < 2 || d.By[0] == d.By[1]:
		return errors.New("this takes two different supervisors")
	case strings.TrimSpace(d.Reason) == "":
		return errors.New("this needs a reason")
	case d.For <= 0 || d.For > longest:
		return fmt.Errorf("this lasts more than nothing and at most %v", longest)
	}
	return nil
}
