package pack

import (
	"math"
	"time"
)

// fastestKnown is how many times as many guesses the fastest other implementation tests that
// was measured on the same core: the reference implementation in C, compiled for AVX-512, against
// this program. docs/PACK.md has the figures.
const fastestKnown = 2.7

// Rate is what guessing costs.
type Rate struct {
	Hashed   float64 `json:"hashed"`   // guesses a second on one core that go through argon2id in this program
	Guesses  float64 `json:"guesses"`  // guesses a second on one core, those counted that a filter dismisses
	Fastest  float64 `json:"fastest"`  // the same with the fastest implementation known
	Filtered float64 `json:"filtered"` // guesses a second on one core that the filter alone judges; 0 without one
}

// MeasureRate measures on this machine. It takes the fastest of many: what else runs on the machine
// slows a measurement and no guesser.
func MeasureRate(h Header) Rate {
	const rounds, least = 30, 15 * time.Millisecond
	in := Input{KindDomain, "measure.example"}
	dear := fastest(rounds, least, func() { h.Params.derive(h.Salt, in) })
	r := Rate{Hashed: 1 / dear.Seconds()}
	r.Guesses = r.Hashed
	r.Fastest = r.Hashed * fastestKnown
	if h.Slots == 0 {
		return r
	}
	f := newFilter(h.Slots)
	const many = 200
	cheap := fastest(rounds, 0, func() {
		for range many {
			f.slot(h.Salt, in)
		}
	}).Seconds() / many
	r.Filtered = 1 / cheap
	share := h.passes()
	r.Guesses = 1 / (cheap + share*dear.Seconds())
	r.Fastest = 1 / (cheap/fastestKnown + share*dear.Seconds()/fastestKnown)
	return r
}

// passes is the share of values that a filter lets through.
func (h Header) passes() float64 {
	if h.Slots == 0 {
		return 1
	}
	return math.Exp2(-h.FilterBits)
}

// fastest runs fn at least so many times and so long, and returns the best time.
func fastest(rounds int, least time.Duration, fn func()) time.Duration {
	best, began := time.Hour, time.Now()
	for n := 0; n < rounds || time.Since(began) < least; n++ {
		start := time.Now()
		fn()
		best = min(best, time.Since(start))
	}
	return max(best, time.Nanosecond)
}

// Estimate is how long so many values take with so many workers, at a rate that was measured.
func (r Rate) Estimate(values int64, workers int) time.Duration {
	return time.Duration(float64(values) / r.Guesses / float64(max(workers, 1)) * float64(time.Second))
}
