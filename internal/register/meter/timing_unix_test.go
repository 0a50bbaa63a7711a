//go:build unix

package meter

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time of this process: a busy machine does not change it.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCharge charges batches of voters against three budgets at once.
func BenchmarkCharge(b *testing.B) {
	const text = `
[[budget]]
name = "each"
per = "person"
hour = 50000000
day = 50000000
days30 = 50000000
year = 50000000
[[budget]]
name = "role"
per = "role"
day = 50000000
[[budget]]
name = "program"
per = "program"
rows_per_minute = 100000000000
day = 50000000
`
	for _, c := range []struct {
		name   string
		batch  int
		random bool
	}{{"in order, 300 a batch", 300, false}, {"scattered, 300 a batch", 300, true}, {"scattered, one by one", 1, true}} {
		b.Run(c.name, func(b *testing.B) {
			m := New(policy(b, text))
			rng := rand.New(rand.NewPCG(1, 1))
			voters := make([]uint64, c.batch)
			next := uint64(0)
			now, began := time.Now(), cpu()
			for b.Loop() {
				for i := range voters {
					if c.random {
						voters[i] = rng.Uint64N(40_000_000)
					} else {
						voters[i] = next % 40_000_000
						next++
					}
				}
				if n, _, err := m.Charge(context.Background(), alice, voters, now); n != c.batch || err != nil {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64((cpu()-began).Nanoseconds())/float64(b.N*c.batch), "cpu-ns/row")
			b.ReportMetric(float64(m.State().Bytes), "state-bytes")
		})
	}
}
