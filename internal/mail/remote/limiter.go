package remote

import (
	"context"

	"golang.org/x/time/rate"
)

// Limiter bounds how much is asked of a server. A nil one bounds nothing.
type Limiter struct{ l *rate.Limiter }

// NewLimiter allows so many requests a minute, a tenth of them at once; nil for 0.
func NewLimiter(perMinute int) *Limiter {
	if perMinute <= 0 {
		return nil
	}
	return &Limiter{rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, perMinute/10))}
}

// Wait waits until one request more is allowed.
func (l *Limiter) Wait(ctx context.Context) error {
	if l == nil {
		return ctx.Err()
	}
	return l.l.Wait(ctx)
}
