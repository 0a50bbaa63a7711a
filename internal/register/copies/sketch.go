package copies

import (
	"math"
	"math/bits"
)

// sketch counts how many distinct voters were seen: exactly up to maxCounted, beyond that by estimate
// (HyperLogLog, Flajolet et al. 2007; 4,096 registers: 1.6 % standard error).
type sketch struct {
	counted  map[uint64]struct{}
	register *[1 << 12]uint8
}

const maxCounted = 4096

func (s *sketch) add(h uint64) {
	if s.register != nil {
		s.estimated(h)
		return
	}
	if s.counted == nil {
		s.counted = map[uint64]struct{}{}
	}
	if s.counted[h] = (struct{}{}); len(s.counted) <= maxCounted {
		return
	}
	s.register = new([1 << 12]uint8)
	for h := range s.counted {
		s.estimated(h)
	}
	s.counted = nil
}

func (s *sketch) estimated(h uint64) {
	at := h >> 52
	s.register[at] = max(s.register[at], uint8(bits.LeadingZeros64(h<<12|1<<11))+1)
}

// estimate counts, with the correction for small numbers.
func (s *sketch) estimate() int {
	if s.register == nil {
		return len(s.counted)
	}
	const m = 1 << 12
	sum, empty := 0.0, 0
	for _, r := range s.register {
		sum += math.Ldexp(1, -int(r))
		if r == 0 {
			empty++
		}
	}
	e := 0.7213 / (1 + 1.079/m) * m * m / sum
	if e <= 2.5*m && empty > 0 {
		e = m * math.Log(m/float64(empty))
	}
	return int(math.Round(e))
}
