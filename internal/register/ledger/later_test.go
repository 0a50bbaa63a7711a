package ledger

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// keepLater has many records under way at once. What is told comes in the order in which it was recorded.
func keepLater(r *recorder, l *Ledger, from, to int) error {
	told := make(chan error, to-from+1)
	var last atomic.Int64
	last.Store(int64(from - 1))
	for n := from; n <= to; n++ {
		d, err := page(l, n)
		if err != nil {
			return err
		}
		err = l.RecordLater(d, func(err error) {
			if before := last.Swap(int64(n)); err == nil && before != int64(n-1) {
				err = fmt.Errorf("disclosure %d was told after %d", n, before)
			}
			r.add(op{kind: opTold, told: n})
			told <- err
		})
		if err != nil {
			return err
		}
		if n%7 == 0 {
			time.Sleep(100 * time.Microsecond) // groups of all sizes
		}
	}
	var errs []error
	for range to - from + 1 {
		errs = append(errs, <-told)
	}
	return errors.Join(errs...)
}

// outcomes are what was told of disclosures.
type outcomes struct {
	mu    sync.Mutex
	times map[int]int // told so often
	safe  []int
}

func (o *outcomes) later(l *Ledger, n int) error {
	d, err := page(l, n)
	if err != nil {
		return err
	}
	return l.RecordLater(d, func(err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.times[n]++
		if err == nil {
			o.safe = append(o.safe, n)
		}
	})
}

// check looks for what was told not once, and for what was told to be safe and is not there.
func (o *outcomes) check(t *testing.T, dir string, cfg Config, taken []int) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range taken {
		if o.times[n] != 1 {
			t.Errorf("disclosure %d was told %d times", n, o.times[n])
		}
	}
	if len(o.times) != len(taken) {
		t.Errorf("%d disclosures were taken, %d told", len(taken), len(o.times))
	}
	seen := map[int]bool{}
	must(t, view(t, dir, cfg).Rebuild(t.Context(), time.Time{}, func(d *Disclosure) error { seen[int(d.Statement)] = true; return nil }))
	for _, n := range o.safe {
		if !seen[n] {
			t.Errorf("disclosure %d was told to be safe and is missing", n)
		}
	}
}

// TestCloseUnderWay closes a ledger while many records are under way: each that was taken is told once, before Close
// returns, and is there.
func TestCloseUnderWay(t *testing.T) {
	for round := range 20 {
		dir := filepath.Join(t.TempDir(), "ledger")
		cfg := small(dir)
		cfg.Integers = 100_000_000 // no lane comes to the end of them
		l := open(t, dir, cfg)
		o := &outcomes{times: map[int]int{}}
		var lanes sync.WaitGroup
		var mu sync.Mutex
		var taken []int
		for lane := range 4 {
			lanes.Go(func() {
				for n := lane + 1; ; n += 4 {
					if lane == 3 { // among some who wait: they lead others' records
						if d, err := page(l, n); err != nil || l.Record(background, d) != nil {
							return
						}
						continue
					}
					err := o.later(l, n)
					if err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					taken = append(taken, n)
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(round) * 200 * time.Microsecond)
		must(t, l.Close())
		o.mu.Lock()
		told := len(o.times)
		o.mu.Unlock()
		lanes.Wait()
		if told != len(taken) || len(o.safe) != len(taken) {
			t.Errorf("%d were taken; when Close returned %d had been told, %d of them as safe", len(taken), told, len(o.safe))
		}
		o.check(t, dir, cfg, taken)
	}
}

// TestLaterOnAFullDisk: who did not wait is told that the disk is full, once, and goes on once there is room.
func TestLaterOnAFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	cfg.segmentSize, cfg.openPairs = 8<<10, 100
	var full atomic.Bool
	cfg.files = &recorder{fail: func(k opKind, _ string) error {
		if full.Load() && (k == opWrite || k == opCreate) {
			return syscall.ENOSPC
		}
		return nil
	}}
	l := open(t, dir, cfg)
	o := &outcomes{times: map[int]int{}}
	var taken, expected []int
	for n := 1; n <= 600; n++ {
		full.Store(n > 200 && n <= 400)
		must(t, o.later(l, n))
		taken = append(taken, n)
		if n%200 == 0 {
			must(t, settled(o, n))
		}
		if n <= 200 || n > 400 {
			expected = append(expected, n)
		}
	}
	must(t, l.Close())
	slices.Sort(o.safe)
	if !slices.Equal(o.safe, expected) {
		t.Errorf("%d were told to be safe, want the %d before and after the disk was full", len(o.safe), len(expected))
	}
	o.check(t, dir, cfg, taken)
}

// settled waits until n have been told.
func settled(o *outcomes, n int) error {
	for range 3000 {
		o.mu.Lock()
		told := len(o.times)
		o.mu.Unlock()
		if told >= n {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("records are never told")
}

// TestLaterIsBounded: a disk that stands still does not let what waits for it grow without end.
func TestLaterIsBounded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	var stuck atomic.Bool
	gate := make(chan struct{})
	cfg.files = &recorder{fail: func(k opKind, path string) error {
		if stuck.Load() && k == opSync && filepath.Ext(path) == walEnding {
			<-gate
		}
		return nil
	}}
	l := open(t, dir, cfg)
	stuck.Store(true)
	voters := make([]uint64, 1<<18)
	for i := range voters {
		voters[i] = uint64(i % 1000)
	}
	var told atomic.Int64
	taken, err := 0, error(nil)
	for ; err == nil && taken < 1000; taken++ {
		err = l.RecordLater(&Disclosure{Principal: "alice", Time: noon, Voters: voters}, func(error) { told.Add(1) })
	}
	taken--
	if !errors.Is(err, errBusy) || taken > (maxUnled+2)*maxWait/(4*len(voters)) {
		t.Errorf("after %d: %v", taken, err)
	}
	stuck.Store(false)
	close(gate)
	must(t, l.Close())
	if told.Load() != int64(taken) {
		t.Errorf("%d of %d were told", told.Load(), taken)
	}
}
