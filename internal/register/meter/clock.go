package meter

import (
	"sync/atomic"
	"time"
)

// Clock tells a time that no step of the wall clock moves: it was set once, from the
// wall and from what was recorded before, and follows the monotonic clock from then on.
// While a machine sleeps it stands still, so budgets come back late rather than early.
type Clock struct {
	wall func() time.Time
	base time.Time // with the monotonic reading of when it was set
	lead time.Duration
	skew atomic.Int64
}

// NewClock sets a clock by the wall, but not before what was recorded last.
func NewClock(wall func() time.Time, recorded time.Time) *Clock {
	base := wall()
	return &Clock{wall: wall, base: base, lead: max(0, recorded.Sub(base))}
}

// Now is the time that budgets follow.
func (c *Clock) Now() time.Time {
	wall := c.wall()
	steady := c.base.Add(wall.Sub(c.base)) // Sub uses the monotonic readings where both have one
	c.skew.Store(int64(wall.Round(0).Sub(steady.Round(0))))
	return steady.Add(c.lead)
}

// Skew is how far the wall clock had stepped away when Now was asked last. The caller
// raises a finding when it is more than a minute: times in the ledger are then in doubt.
func (c *Clock) Skew() time.Duration { return time.Duration(c.skew.Load()) }
