package ledger

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// testClock is a wall clock and a machine's clock that tests set.
type testClock struct {
	mu      sync.Mutex
	wall    time.Time
	elapsed time.Duration
}

func (c *testClock) now() (time.Time, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall, c.elapsed
}

// pass lets time pass on both clocks, step sets the wall clock.
func (c *testClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.elapsed = c.wall.Add(d), c.elapsed+d
}

func (c *testClock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

// die ends a ledger as a killed process would.
func die(t *testing.T, l *Ledger) {
	t.Helper()
	close(l.stop)
	l.beat.Wait()
	must(t, l.seals.wait(t.Context()))
	must(t, l.wal.close())
	must(t, l.lock.release())
}

func gaps(t *testing.T, dir string, cfg Config, from, to time.Time) string {
	t.Helper()
	all, err := view(t, dir, cfg).Gaps(t.Context(), from, to)
	must(t, err)
	var s []string
	for _, g := range all {
		s = append(s, fmt.Sprintf("%s–%s %s", g.From.Format("15:04"), g.Until.Format("15:04"), g.Why))
	}
	return strings.Join(s, "; ")
}

// TestGaps states the times the guard was off, however it ended, sealed or not.
func TestGaps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	clock := &testClock{wall: noon.Truncate(time.Hour)}
	cfg.clock, cfg.Heartbeat = clock.now, time.Minute
	l, err := Open(dir, cfg)
	must(t, err)
	now := func() time.Time { at, _ := clock.now(); return at }
	clock.pass(time.Hour)
	give(t, l, "alice", now(), 1)
	must(t, l.Note(t.Context(), Entry{Kind: KindBypass, From: now().Add(-30 * time.Minute), Until: now().Add(-20 * time.Minute), Text: "passed by"}))
	clock.pass(time.Hour)
	must(t, l.Close()) // 14:00
	clock.pass(time.Hour)
	l, err = Open(dir, cfg) // 15:00
	must(t, err)
	clock.pass(time.Hour)
	give(t, l, "alice", now(), 1) // 16:00
	clock.pass(10 * time.Minute)
	die(t, l)
	clock.pass(50 * time.Minute)
	whole := "11:00–12:00 the ledger had not begun; 12:30–12:40 passed by; 14:00–15:00 the guard was stopped; "
	if got, want := gaps(t, dir, cfg, noon.Add(-time.Hour-30*time.Second), now()), whole+"16:00–17:00 there was no sign of life of the guard since"; got != want {
		t.Errorf("while it is off:\n%s\nwant\n%s", got, want)
	}
	l, err = Open(dir, cfg) // 17:00
	must(t, err)
	want := whole + "16:00–17:00 the guard ended without closing the ledger"
	if got := gaps(t, dir, cfg, noon.Add(-time.Hour-30*time.Second), now()); got != want {
		t.Errorf("started again:\n%s\nwant\n%s", got, want)
	}
	must(t, l.Seal(t.Context()))
	if got := gaps(t, dir, cfg, noon.Add(-time.Hour-30*time.Second), now()); got != want {
		t.Errorf("sealed:\n%s\nwant\n%s", got, want)
	}
	if got, want := gaps(t, dir, cfg, noon.Add(140*time.Minute), noon.Add(145*time.Minute)), "14:20–14:25 the guard was stopped"; got != want {
		t.Errorf("five minutes: %q, want %q", got, want)
	}
	must(t, l.Close())
}

// TestClockSteps sets the wall clock forth and back. The steps are noted, and everything is
// found under the time the clock showed.
func TestClockSteps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	clock := &testClock{wall: noon}
	cfg.clock = clock.now
	l := open(t, dir, cfg)
	var want []string
	read := func() {
		at, _ := clock.now()
		want = append(want, "alice@"+at.Format("2006-01-02T15:04"))
		give(t, l, "alice", time.Time{}, 7)
	}
	read()
	for _, step := range []time.Duration{400 * 24 * time.Hour, -800 * 24 * time.Hour, 400 * 24 * time.Hour, -2 * time.Hour} {
		clock.step(step)
		read()
		clock.pass(90 * time.Minute)
		read()
		must(t, l.Seal(t.Context()))
	}
	clock.pass(40 * 24 * time.Hour)
	read()
	must(t, l.Close())
	v := view(t, dir, cfg)
	h, err := v.WhoRead(t.Context(), []byte("7"), time.Time{}, far)
	must(t, err)
	slices.Sort(want)
	if got := strings.Fields(readers(h)); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	steps := 0
	for e, err := range v.Entries(t.Context(), time.Time{}, far, KindClock) {
		must(t, err)
		t.Log(e.Text, e.From, e.Until)
		steps++
	}
	if steps != 4 {
		t.Errorf("%d steps were noted, want 4", steps)
	}
	if r, err := Verify(t.Context(), dir, cfg); err != nil || !r.OK() {
		t.Error(err, r)
	}
}

// TestStoppedMachine lets the process stand still: nobody can tell what happened meanwhile.
func TestStoppedMachine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	clock := &testClock{wall: noon}
	cfg.clock, cfg.Heartbeat = clock.now, 5*time.Millisecond
	l := open(t, dir, cfg)
	give(t, l, "alice", noon, 1)
	clock.pass(3 * time.Hour)
	for {
		at, _ := clock.now()
		if strings.Contains(gaps(t, dir, cfg, noon, at), "12:00–15:00 the guard gave no sign of life") {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
