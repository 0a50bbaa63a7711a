package meter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Exchange is what guards that share a store tell each other beside their budgets.
type Exchange interface {
	// Common gives what holds for all guards, as it was stored; 0 and nothing if nobody has stored any.
	Common(ctx context.Context) (version int64, raw []byte, err error)
	// Change replaces it: fn is given what is there, while nobody else can change it.
	Change(ctx context.Context, fn func(raw []byte) ([]byte, error)) (version int64, err error)
	// Tell stores what one guard has counted, and Heard gives what all others have.
	Tell(ctx context.Context, guard string, raw []byte) error
	Heard(ctx context.Context, guard string) ([][]byte, error)
}

// Common is what holds for all guards that share a store: what supervisors decided, and the brake.
type Common struct {
	Grants    []Grant      `json:"grants,omitempty"`
	Since     int64        `json:"brake_since,omitempty"` // microseconds, as the rest
	Until     int64        `json:"brake_until,omitempty"`
	Why       string       `json:"brake_why,omitempty"`
	From      int64        `json:"emergency_from,omitempty"`
	Ends      int64        `json:"emergency_until,omitempty"`
	Emergency *Declaration `json:"emergency,omitempty"`
}

// others is what a meter knows of the guards that share its store.
type others struct {
	exchange Exchange
	guard    string // this one's name among them
	version  int64  // of what is common, as taken over
	heard    time.Time
	far      map[string]int64 // what the others have counted, by key of a rate
	pulled   bool             // the brake was pulled here and the others do not know
	told     []byte
}

// staleAfter is how long nothing may be heard of the others before nothing leaves any more: what they
// have let out, and what supervisors decided there, is unknown then.
const staleAfter = 10 * time.Second

// decideWithin bounds how long a supervisor's decision waits for the store: others wait behind it.
const decideWithin = 5 * time.Second

// countWithin bounds how long rows wait for the store to count them, or to give back: where another guard died with a count
// locked nobody else gets it before PostgreSQL has noticed, and whoever waits for ever cannot tell why.
const countWithin = 30 * time.Second

// maxFar bounds what is told and heard.
const maxFar = 100_000

// Join takes over what the guards of a store have decided, or gives them what this one knows if it is the first.
// From then on Sync has to be called every second or so.
func (m *Meter) Join(ctx context.Context, x Exchange, now time.Time) error {
	m.mu.Lock()
	m.others.exchange, m.others.guard, m.others.far = x, newID("guard"), map[string]int64{}
	m.mu.Unlock()
	version, err := x.Change(ctx, func(raw []byte) ([]byte, error) {
		if len(raw) > 0 {
			return raw, m.adopt(raw)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		return json.Marshal(m.common())
	})
	if err != nil {
		return fmt.Errorf("what the guards have in common cannot be read: %w", err)
	}
	m.mu.Lock()
	m.others.version, m.others.heard = version, time.Now()
	m.mu.Unlock()
	_, err = m.Sync(ctx, now)
	return err
}

// common is what this meter would have all others know. Its caller has the lock.
func (m *Meter) common() Common {
	c := Common{Grants: m.grants, Since: m.brake.since, Until: m.brake.until, Why: m.brake.why}
	if e := m.brake.emergency; e.until > 0 {
		act := e.act
		c.From, c.Ends, c.Emergency = e.from, e.until, &act
	}
	return c
}

// Common is what holds here, and where guards share a store for all of them.
func (m *Meter) Common() Common {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.common()
	c.Grants = slices.Clone(c.Grants)
	return c
}

// adopt takes over what all guards have in common.
func (m *Meter) adopt(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.adoptLocked(raw)
}

func (m *Meter) adoptLocked(raw []byte) error {
	var c Common
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("what the guards have in common is damaged: %w", err)
	}
	m.grants = c.Grants
	if !m.others.pulled || c.Until >= m.brake.until {
		m.brake.since, m.brake.until, m.brake.why = c.Since, c.Until, c.Why
		m.others.pulled = false
	}
	m.brake.emergency = emergency{}
	if c.Emergency != nil {
		m.brake.emergency = emergency{c.From, c.Ends, *c.Emergency}
	}
	m.rebound()
	return nil
}

// Decide makes a change to grants, the brake or an emergency. Where guards share a store it holds for
// all of them, within a second or so, or for none: an error undoes it here too.
func (m *Meter) Decide(ctx context.Context, change func() error) error {
	m.mu.Lock()
	x := m.others.exchange
	m.mu.Unlock()
	if x == nil {
		return change()
	}
	ctx, end := context.WithTimeout(ctx, decideWithin)
	defer end()
	var before, after []byte
	var refused error
	version, err := x.Change(ctx, func(raw []byte) (_ []byte, err error) {
		before = raw
		if err := m.adopt(raw); err != nil {
			return nil, err
		}
		if refused = change(); refused != nil {
			return nil, refused
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		after, err = json.Marshal(m.common())
		return after, err
	})
	switch {
	case refused != nil:
		return refused
	case err != nil && before != nil:
		err = errors.Join(err, m.adopt(before))
		fallthrough
	case err != nil:
		return fmt.Errorf("the guards that share this one's budgets cannot be told, so it holds nowhere: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if version < m.others.version {
		return nil
	}
	m.others.version = version
	return m.adoptLocked(after) // a Sync may have taken over what was there before, while this was being stored
}

// Sync tells the others what was counted here, hears what they have, and takes over what was decided
// there: news is true then.
func (m *Meter) Sync(ctx context.Context, now time.Time) (news bool, err error) {
	m.mu.Lock()
	o, counts := m.others, m.counts(now)
	m.mu.Unlock()
	if o.exchange == nil {
		return false, nil
	}
	told, err := json.Marshal(counts)
	if err != nil {
		return false, err
	}
	if string(told) != string(o.told) {
		if err := o.exchange.Tell(ctx, o.guard, told); err != nil {
			return false, err
		}
	}
	if o.pulled {
		if err := m.tellPulled(ctx, o.exchange); err != nil {
			return false, err
		}
	}
	heard, err := o.exchange.Heard(ctx, o.guard)
	if err != nil {
		return false, err
	}
	version, raw, err := o.exchange.Common(ctx)
	if err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if news = version > m.others.version; news {
		if err := m.adoptLocked(raw); err != nil {
			return false, err
		}
	}
	m.others.version = max(m.others.version, version)
	m.hear(heard, now)
	m.others.told, m.others.heard = told, time.Now()
	return news, nil
}

// tellPulled has the others brake too.
func (m *Meter) tellPulled(ctx context.Context, x Exchange) error {
	version, err := x.Change(ctx, func(raw []byte) ([]byte, error) {
		if err := m.adopt(raw); err != nil { // a brake that was pulled here stays
			return nil, err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		return json.Marshal(m.common())
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.others.version, m.others.pulled = max(m.others.version, version), false
	return nil
}

// stale says why nothing may leave: the others have not been heard of. Its caller has the lock.
func (m *Meter) stale() error {
	if m.others.exchange == nil {
		return nil
	}
	if silent := time.Since(m.others.heard); silent > staleAfter {
		return fmt.Errorf("the store that is shared with other guards has not answered for %v, so nothing leaves", silent.Round(time.Second))
	}
	return nil
}

// count is a rate as guards tell it each other.
type count struct {
	Unit int64            `json:"u"`
	At   int64            `json:"a"`
	N    [parts + 1]int64 `json:"n"`
}

// Keys of rates among guards.
func rowsKey(c counted) string    { return "r" + c.String() }
func askedKey(c counted) string   { return "s" + c.String() }
func personKey(who string) string { return "p" + who }

const totalKey = "t"

// ratesByKey are all that guards tell each other. Its caller has the lock.
func (m *Meter) ratesByKey() map[string]*rate {
	all := map[string]*rate{totalKey: m.brake.total}
	for c, r := range m.rates {
		all[rowsKey(c)] = r
	}
	for c, r := range m.asked {
		all[askedKey(c)] = r
	}
	for who, r := range m.brake.people {
		all[personKey(who)] = r
	}
	return all
}

// counts are this guard's own that are not over yet. Its caller has the lock.
func (m *Meter) counts(now time.Time) map[string]count {
	if m.others.exchange == nil {
		return nil
	}
	at, all := m.at(now), map[string]count{}
	for key, r := range m.ratesByKey() {
		if r.advance(at); r.sum != 0 && len(all) < maxFar {
			all[key] = count{r.unit, r.at, r.n}
		}
	}
	return all
}

// hear adds up what the others have counted. Its caller has the lock.
func (m *Meter) hear(heard [][]byte, now time.Time) {
	at, far := m.at(now), map[string]int64{}
	for _, raw := range heard {
		var counts map[string]count
		if json.Unmarshal(raw, &counts) != nil {
			continue // of a newer version: budgets hold all the same
		}
		for key, c := range counts {
			if key != "" && c.Unit > 0 && c.At >= 0 && len(far) < maxFar {
				far[key] += c.since(at)
			}
		}
	}
	for key := range far { // people who read elsewhere only count towards the brake
		if key[:1] == personKey("") {
			m.brake.of(key[1:])
		}
	}
	m.others.far = far
	for key, r := range m.ratesByKey() {
		r.far = far[key]
	}
}

// newRate begins with what the others have counted. Its caller has the lock.
func (m *Meter) newRate(window int64, key string) *rate {
	r := newRate(window)
	r.far = m.others.far[key]
	return r
}

// since sums what lies within the window.
func (c count) since(now int64) (sum int64) {
	r := rate{unit: c.Unit, at: c.At, n: c.N}
	for _, n := range c.N {
		r.sum += max(0, n)
	}
	r.advance(now)
	return max(0, r.sum)
}

// Together are what guards share, for status.
type Together struct {
	Guards bool      `json:"guards"` // there is a store in which guards tell each other
	Heard  time.Time `json:"heard,omitzero"`
	Far    int       `json:"far,omitempty"` // rates that others count in now
}

// Together tells what is known of the others.
func (m *Meter) Together() Together {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Together{m.others.exchange != nil, m.others.heard.UTC(), len(m.others.far)}
}
