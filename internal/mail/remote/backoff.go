package remote

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Backoff says how long to wait after each failure in a row. The zero value is ready.
type Backoff struct {
	failures int
}

// step is how waiting grows: the first wait, doubled with each failure in a row, up to the longest.
type step struct{ first, longest time.Duration }

// steps by kind. What a server refuses is tried again seldom: Dovecot, Exchange and most others lock
// or slow down accounts after a handful of wrong passwords within minutes.
var steps = [...]step{
	Temporary: {time.Second, 5 * time.Minute},
	Throttled: {30 * time.Second, 15 * time.Minute},
	Refused:   {2 * time.Minute, 2 * time.Hour},
	Permanent: {5 * time.Minute, time.Hour},
}

// longestAfter bounds what a server may ask for: one that names a year is asked again after a day.
const longestAfter = 24 * time.Hour

// Next returns how long to wait after one failure more. Half of it is random, so
// that clients cut off together don't come back together; what a server asked for is never undercut.
func (b *Backoff) Next(f *Failure) time.Duration {
	b.failures++
	if f.Kind == Throttled && f.After > 0 {
		asked := min(f.After, longestAfter)
		return asked + random(asked/10+time.Second)
	}
	s := steps[min(int(f.Kind), len(steps)-1)]
	d := s.longest
	if n := b.failures - 1; n < 20 {
		d = min(s.first<<n, s.longest)
	}
	return d/2 + random(d/2)
}

// Reset forgets failures once something has gone well.
func (b *Backoff) Reset() { b.failures = 0 }

func random(d time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(max(d, 1)))) }

// Sleep waits for d, or until ctx ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Retry calls fn until it succeeds, fails for good (Refused, Permanent), or has failed so many times.
// It is for single requests that take seconds; what lasts longer is Watch's to try again. A
// server that asks for more than a minute is given up as well.
func Retry(ctx context.Context, attempts int, fn func(context.Context) error) error {
	var b Backoff
	for n := 1; ; n++ {
		err := fn(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		f := worst(Failures(err))
		if n >= attempts || f.Kind == Refused || f.Kind == Permanent || f.After > time.Minute {
			return err
		}
		if Sleep(ctx, b.Next(f)) != nil {
			return errors.Join(err, ctx.Err())
		}
	}
}

// worst is the failure that asks for most patience.
func worst(list []*Failure) *Failure {
	out := list[0]
	for _, f := range list[1:] {
		if f.Kind > out.Kind || f.Kind == out.Kind && f.After > out.After {
			out = f
		}
	}
	return out
}

// RetryAfter reads the header field of that name (RFC 9110 §10.2.3): seconds or a date. 0 is
// for one that is missing, past, or neither.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return min(time.Duration(max(0, min(seconds, int64(longestAfter/time.Second))))*time.Second, longestAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), longestAfter)
	}
	return 0
}
