//go:build unix

package ledger

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The size of the ledger that is measured: PORTCULLIS_LEDGER_DISCLOSURES, 2 million where
// it isn't set.
func disclosures(tb testing.TB) int {
	n, err := strconv.Atoi(os.Getenv("PORTCULLIS_LEDGER_DISCLOSURES"))
	if err != nil {
		return 2_000_000
	}
	tb.Logf("%d disclosures", n)
	return n
}

const (
	registerSize = 40_000_000
	aMonth       = 20_000 // disclosures of a principal
	aBlock       = 200
)

// generated is a ledger to measure: the one that PORTCULLIS_LEDGER_AT names, which an earlier
// run made, or a new one.
func generated(b *testing.B) (dir string, cfg Config) {
	if dir := os.Getenv("PORTCULLIS_LEDGER_AT"); dir != "" {
		return dir, Config{Keys: dir + "-keys", Integers: registerSize, Others: 1, Heartbeat: time.Hour}
	}
	dir = filepath.Join(b.TempDir(), "ledger")
	return dir, generate(b, dir, disclosures(b), false)
}

// generate writes a ledger of principals who are given 20,000 records a month of a register
// of 40 million, 200 in each hour they work. With lookups each is a statement of its own,
// somewhere in the hour; else one statement gave all 200.
func generate(tb testing.TB, dir string, total int, lookups bool) Config {
	tb.Helper()
	cfg := Config{Keys: dir + "-keys", Integers: registerSize, Others: 1, Heartbeat: time.Hour, openPairs: 1 << 30}
	l, err := Open(dir, cfg)
	must(tb, err)
	principals := max(10, total/aMonth/120) // ten years
	months := max(1, total/aMonth/principals)
	rng := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for m := range months {
		first := start.AddDate(0, m, 0)
		for h := range aMonth / aBlock {
			at := first.Add(time.Duration(h*7) * time.Hour) // spread over the month
			p, err := l.periods.at(at)
			must(tb, err)
			for who := range principals {
				generateHour(l, p, fmt.Sprintf("clerk%04d", who), at, rng, lookups)
			}
			if h%10 == 9 {
				must(tb, l.Seal(context.Background()))
			}
		}
	}
	must(tb, l.Close())
	return cfg
}

func generateHour(l *Ledger, p *period, who string, at time.Time, rng *rand.Rand, lookups bool) {
	r := record{kind: recordDisclosure, period: p.from, names: names{who, "rolls-desk", "roll-maintenance"}}
	for range aBlock {
		r.voters = append(r.voters, p.permutation.forward(rng.Uint32N(registerSize)))
	}
	each := [][]uint32{r.voters}
	if lookups {
		each = slices.Collect(slices.Chunk(r.voters, 1))
	}
	for _, r.voters = range each {
		r.statement = 1 + uint64(rng.IntN(3))
		r.time = at.Add(time.Duration(rng.IntN(3600)) * time.Second).UnixMicro()
		l.open.add(r)
	}
}

func sizeOf(tb testing.TB, dir string) (total int64) {
	tb.Helper()
	must(tb, filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		total += info.Size()
		return err
	}))
	return total
}

// TestCost measures what a disclosure costs on the disk, tree and index included.
func TestCost(t *testing.T) {
	if testing.Short() {
		t.Skip("generates a ledger")
	}
	for _, lookups := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "ledger")
		cfg := generate(t, dir, disclosures(t), lookups)
		r, err := Verify(t.Context(), dir, cfg)
		must(t, err)
		if !r.OK() {
			t.Fatal(r.Damage)
		}
		each := func(part string) float64 {
			return float64(sizeOf(t, filepath.Join(dir, part))) / float64(r.Disclosures)
		}
		all := each("log") + each("index")
		t.Logf("single look-ups %v: %d disclosures in %d leaves: %.2f bytes each: leaves %.2f, tiles %.2f, index %.2f", lookups,
			r.Disclosures, r.Leaves, all, each("log/tile/entries"), each("log")-each("log/tile/entries"), each("index"))
		if all > 6 {
			t.Errorf("%.2f bytes for a disclosure: at most 6", all)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	dir, cfg := generated(b)
	n, began := int64(0), cpu(b)
	for b.Loop() {
		r, err := Verify(b.Context(), dir, cfg)
		must(b, err)
		if !r.OK() {
			b.Fatal(r.Damage)
		}
		n += r.Disclosures
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "disclosures/s")
	b.ReportMetric(float64(n)/(cpu(b)-began).Seconds(), "disclosures/cpu-s")
}

// BenchmarkWhoRead asks for ten years of one voter, opening the ledger included.
func BenchmarkWhoRead(b *testing.B) {
	dir, cfg := generated(b)
	rng := rand.New(rand.NewPCG(3, 4))
	found, began := 0, cpu(b)
	for b.Loop() {
		v, err := OpenView(b.Context(), dir, cfg)
		must(b, err)
		h, err := v.WhoRead(b.Context(), fmt.Appendf(nil, "%d", rng.IntN(registerSize)), time.Time{}, far.AddDate(20, 0, 0))
		must(b, err)
		found += len(h.Readings)
		must(b, v.Close())
	}
	b.ReportMetric(float64(found)/float64(b.N), "readings/op")
	b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N), "cpu-µs/op")
}

func BenchmarkRebuild(b *testing.B) {
	dir, cfg := generated(b)
	n, began := 0, cpu(b)
	for b.Loop() {
		v, err := OpenView(b.Context(), dir, cfg)
		must(b, err)
		must(b, v.Rebuild(b.Context(), time.Time{}, func(d *Disclosure) error { n += len(d.Voters); return nil }))
		must(b, v.Close())
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "disclosures/s")
	b.ReportMetric(float64(n)/(cpu(b)-began).Seconds(), "disclosures/cpu-s")
}

// BenchmarkRecord is what callers wait for: synced disclosures, so many voters each.
func BenchmarkRecord(b *testing.B) {
	for _, c := range []struct{ callers, voters int }{{1, 1}, {8, 1}, {64, 1}, {64, 200}, {1, 1000}, {2, 10_000}} {
		b.Run(fmt.Sprintf("%d callers %d voters", c.callers, c.voters), func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "ledger")
			l := open(b, dir, Config{Keys: dir + "-keys", Integers: registerSize})
			var left atomic.Int64
			left.Store(int64(b.N))
			took := make([][]time.Duration, c.callers)
			var callers sync.WaitGroup
			b.ResetTimer()
			began := cpu(b)
			for who := range c.callers {
				callers.Go(func() { took[who] = recordUntil(b, l, who, c.voters, &left) })
			}
			callers.Wait()
			b.StopTimer()
			busy := cpu(b) - began
			all := slices.Concat(took...)
			slices.Sort(all)
			b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(len(all)*c.voters)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(busy.Nanoseconds())/float64(len(all)*c.voters), "cpu-ns/row")
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
		})
	}
}

func recordUntil(b *testing.B, l *Ledger, who, voters int, left *atomic.Int64) (took []time.Duration) {
	rng := rand.New(rand.NewPCG(uint64(who), 1))
	d := Disclosure{Principal: fmt.Sprint("clerk", who), Program: "desk", Purpose: "roll", Statement: 7, Voters: make([]uint64, voters)}
	for left.Add(-1) >= 0 {
		for i := range d.Voters {
			d.Voters[i] = uint64(rng.IntN(registerSize))
		}
		start := time.Now()
		if err := l.Record(context.Background(), &d); err != nil {
			b.Error(err)
			return took
		}
		took = append(took, time.Since(start))
	}
	return took
}

// cpu is the time the processors have worked for this process: on a machine that does other
// things too, it says more than the clock.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	must(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkPermute(b *testing.B) {
	for _, size := range []uint64{40_000_000, maxDomain} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p, err := newPermutation(make([]byte, 32), size)
			must(b, err)
			x := make([]uint32, 1<<10)
			for i := range x {
				x[i] = uint32(i)
			}
			began, n := cpu(b), 0
			for b.Loop() {
				p.forwardAll(x)
				n += len(x)
			}
			b.ReportMetric(float64((cpu(b)-began).Nanoseconds())/float64(n), "cpu-ns/number")
		})
	}
}
