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

	steady   bool         // base has a monotonic reading
	compared atomic.Int64 // when the wall was looked at last, since base
}

// comparesEvery is how often the wall is looked at: half of the price of a time is its reading.
const comparesEvery = 50 * time.Millisecond

// NewClock sets a clock by the wall, but not before what was recorded last.
func NewClock(wall func() time.Time, recorded time.Time) *Clock {
	base := wall()
	return &Clock{wall: wall, base: base, lead: max(0, recorded.Sub(base)), steady: base != base.Round(0)}
}

// Now is the time that budgets follow.
func (c *Clock) Now() time.Time {
	if c.steady {
		since := time.Since(c.base)
		if last := c.compared.Load(); int64(since)-last < int64(comparesEvery) && last > 0 {
			return c.base.Add(since + c.lead)
		}
		c.compared.Store(int64(since))
	}
	wall := c.wall()
	steady := c.base.Add(wall.Sub(c.base)) // Sub uses the monotonic readings where both have one
	c.skew.Store(int64(wall.Round(0).Sub(steady.Round(0))))
	return steady.Add(c.lead)
}

// Skew is how far the wall clock had stepped away when Now was asked, a moment ago at most. The caller
// raises a finding when it is more than a minute: times in the ledger are then in doubt.
func (c *Clock) Skew() time.Duration { return time.Duration(c.skew.Load()) }
