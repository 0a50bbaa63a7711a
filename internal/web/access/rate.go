package access

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// rates limits how often each of many may come. It holds a bounded number of them: when it
// is full, those that have been quiet long enough to be as good as new are forgotten, and
// if none has, newcomers share one limit until some have. So neither memory nor the limit
// of those already known can be taken away by coming from many addresses.
type rates struct {
	limit rate.Limit
	burst int
	most  int

	mu     sync.Mutex // guards all below
	known  map[string]*rate.Limiter
	others *rate.Limiter
	swept  time.Time
}

func newRates(perSecond float64, burst int) *rates {
	limit := rate.Limit(perSecond)
	return &rates{limit: limit, burst: burst, most: 10_000, known: map[string]*rate.Limiter{}, others: rate.NewLimiter(limit, burst)}
}

// allow counts one and tells whether it is within the limit.
func (r *rates) allow(key string, now time.Time) bool {
	r.mu.Lock()
	l := r.of(key, now)
	r.mu.Unlock()
	return l.AllowN(now, 1)
}

// spent tells whether nothing is left, without counting.
func (r *rates) spent(key string, now time.Time) bool {
	r.mu.Lock()
	l := r.known[key]
	r.mu.Unlock()
	return l != nil && l.TokensAt(now) < 1
}

func (r *rates) of(key string, now time.Time) *rate.Limiter {
	if l := r.known[key]; l != nil {
		return l
	}
	if len(r.known) >= r.most && now.Sub(r.swept) >= time.Second {
		r.swept = now
		for k, l := range r.known {
			if l.TokensAt(now) >= float64(r.burst) {
				delete(r.known, k)
			}
		}
	}
	if len(r.known) >= r.most {
		return r.others
	}
	l := rate.NewLimiter(r.limit, r.burst)
	r.known[key] = l
	return l
}

// rateKey puts an IPv6 network together: one customer has at least a /64 (RFC 6177).
func rateKey(addr netip.Addr) string {
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
