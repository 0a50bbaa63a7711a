package meter

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Grant lets somebody read more for a time, because a supervisor said so and why.
type Grant struct {
	ID     string    `json:"id"`
	Per    string    `json:"per"`    // "person", "role", "purpose", "program": whose budgets it widens
	Who    string    `json:"who"`    // which one
	Budget string    `json:"budget"` // only this one; "" all that are counted so
	Window string    `json:"window"` // only this window; "" all
	More   int64     `json:"more"`   // voters beyond the budget
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
}

// maxGrant is how long a grant lasts at most: what is needed for longer belongs into the policy.
const maxGrant = 31 * 24 * time.Hour

// Grant takes a grant into force. It is the caller's to know that By is who they say,
// and to record it first.
func (m *Meter) Grant(g Grant, now time.Time) (Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at(now)
	if g.ID == "" {
		g.ID = newID("grant")
	}
	if g.From.IsZero() {
		g.From = now
	}
	if err := m.mayGrant(g, now); err != nil {
		return g, err
	}
	if !slices.ContainsFunc(m.grants, func(o Grant) bool { return o.ID == g.ID }) {
		m.grants = append(m.grants, g)
	}
	m.rebound()
	return g, nil
}

func (m *Meter) mayGrant(g Grant, now time.Time) error {
	known := slices.ContainsFunc(m.policy.Supervisors, func(s Supervisor) bool { return s.Name == g.By })
	switch {
	case !known:
		return fmt.Errorf("%q is no supervisor of the policy", g.By)
	case g.Per == "person" && strings.EqualFold(g.Who, g.By):
		return errors.New("nobody grants more to themselves; ask another supervisor")
	case strings.TrimSpace(g.Reason) == "":
		return errors.New("a grant needs a reason")
	case g.More < 1:
		return errors.New("a grant is of at least one voter")
	case !g.Until.After(now) || g.Until.Sub(g.From) > maxGrant:
		return fmt.Errorf("a grant ends in the future, and after at most %d days; what is needed for longer belongs into the policy", int(maxGrant.Hours()/24))
	case g.Window != "" && !slices.Contains(windowNames[:], g.Window):
		return fmt.Errorf("window %q; want hour, day, 30 days or year", g.Window)
	case !slices.ContainsFunc(m.policy.Budgets, func(b Budget) bool { return b.Per == g.Per && either(g.Budget, b.Name) }):
		return fmt.Errorf("the policy has no budget %q that is counted per %q", g.Budget, g.Per)
	}
	return nil
}

// Withdraw ends a grant.
func (m *Meter) Withdraw(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.grants, func(g Grant) bool { return g.ID == id })
	if i < 0 {
		return fmt.Errorf("there is no grant %q", id)
	}
	m.grants = slices.Delete(m.grants, i, i+1)
	m.rebound()
	return nil
}

// Grants are those that are not over.
func (m *Meter) Grants(now time.Time) []Grant {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetGrants(m.at(now))
	return slices.Clone(m.grants)
}

func (m *Meter) forgetGrants(now int64) {
	m.grants = slices.DeleteFunc(m.grants, func(g Grant) bool { return g.Until.UnixMicro() <= now })
}

// rebound has every account work out its bounds anew.
func (m *Meter) rebound() {
	m.emergencyUntil.Store(m.brake.emergency.until)
	for _, a := range m.accounts {
		a.until = 0
	}
}

// granted sums what was granted to one bound, and notes when that changes.
func (m *Meter) granted(of counted, b *Budget, w Window, until *int64) (more int64) {
	for _, g := range m.grants {
		if g.Per != b.Per || g.Who != of.who || !either(g.Budget, b.Name) || !either(g.Window, w.String()) {
			continue
		}
		from, to := g.From.UnixMicro(), g.Until.UnixMicro()
		switch {
		case m.now < from:
			*until = min(*until, from)
		case m.now < to:
			*until = min(*until, to)
			more += g.More
		}
	}
	return more
}

func newID(kind string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return kind + "-" + hex.EncodeToString(b[:])
}
