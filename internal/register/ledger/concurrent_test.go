package ledger

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestReadersBesideWriters records from many sides while blocks are sealed and months end, and
// reads all the time: what was acknowledged before a view was opened is in it, once.
func TestReadersBesideWriters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	cfg.openPairs, cfg.segmentSize, cfg.Heartbeat = 200, 16<<10, time.Millisecond
	l := open(t, dir, cfg)
	var mu sync.Mutex
	told := map[int]bool{}
	stop := make(chan struct{})
	var writers, readers sync.WaitGroup
	for lane := range 8 {
		writers.Go(func() {
			for n := 1 + lane; n < 2000; n += 8 {
				d := Disclosure{Principal: fmt.Sprint("clerk ", n%3), Statement: uint64(n), Time: noon.Add(time.Duration(n) * time.Hour), Voters: []uint64{uint64(n) + 10, 1}}
				if err := l.Record(background, &d); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				told[n] = true
				mu.Unlock()
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for last := false; !last; {
				select {
				case <-stop:
					last = true
				default:
				}
				mu.Lock()
				before := make(map[int]bool, len(told))
				for n := range told {
					before[n] = true
				}
				mu.Unlock()
				if err := sees(dir, cfg, before); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	must(t, l.Seal(t.Context()))
	close(stop)
	readers.Wait()
	must(t, l.Close())
	if r, err := Verify(t.Context(), dir, cfg); err != nil || !r.OK() || r.Disclosures != 2*1999 {
		t.Errorf("%v %+v", err, r)
	}
}

func sees(dir string, cfg Config, told map[int]bool) error {
	v, err := OpenView(background, dir, cfg)
	if err != nil {
		return err
	}
	defer v.Close()
	seen := map[uint64]int{}
	if err := v.Rebuild(background, time.Time{}, func(d *Disclosure) error { seen[d.Statement] += len(d.Voters); return nil }); err != nil {
		return err
	}
	for n := range told {
		if seen[uint64(n)] != 2 {
			return fmt.Errorf("disclosure %d was acknowledged; the view has %d of 2", n, seen[uint64(n)])
		}
	}
	h, err := v.WhoRead(background, []byte("1"), time.Time{}, far)
	if err == nil && len(h.Readings) < len(told) {
		err = fmt.Errorf("voter 1 was read %d times, %d are found", len(told), len(h.Readings))
	}
	return err
}
