package meter

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const head = `
mode = "enforce"
zone = "Europe/Berlin"
[[supervisor]]
name = "carol"
token_sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
[[supervisor]]
name = "dave"
token_sha256 = "b7e94be513e96e8c45cd23d162275e5a12ebde9100a425c4ebcdd7fa4dcd897c"
[[protected]]
relation = "public.voters"
key = "id"
[[role]]
name = "clerk"
[[person]]
name = "alice"
role = "clerk"
[[person]]
name = "bob"
role = "clerk"
`

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

var alice = Subject{Person: "alice", Role: "clerk", Program: "other"}

func policy(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse("register.toml", []byte(head+text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(from, to uint64) (voters []uint64) {
	for v := from; v < to; v++ {
		voters = append(voters, v)
	}
	return voters
}

func charge(t testing.TB, m *Meter, s Subject, voters []uint64, at time.Time) (int, *Stop) {
	t.Helper()
	n, why, err := m.Charge(context.Background(), s, voters, at)
	if err != nil {
		t.Fatal(err)
	}
	return n, why
}

// TestChargeStopsExactly lets out the last row of a budget and not the next, whichever
// budget is the smallest.
func TestChargeStopsExactly(t *testing.T) {
	m := New(policy(t, `
[[budget]]
name = "each"
per = "person"
hour = 100
day = 250
[[budget]]
name = "all clerks"
per = "role"
hour = 130
`))
	if n, why := charge(t, m, alice, run(0, 80), monday); n != 80 || why != nil {
		t.Fatalf("80 of 100: %d, %v", n, why)
	}
	if n, why := charge(t, m, alice, run(0, 80), monday); n != 80 || why != nil {
		t.Fatalf("the same again: %d, %v", n, why)
	}
	n, why := charge(t, m, alice, append(run(70, 95), run(200, 300)...), monday)
	if n != 25+5 || why == nil || why.Budget != "each" || why.Window != "hour" || why.Used != 100 {
		t.Fatalf("over the hour: %d, %+v", n, why)
	}
	bob := alice
	bob.Person = "bob"
	n, why = charge(t, m, bob, run(1000, 1100), monday)
	if n != 30 || why == nil || why.Budget != "all clerks" {
		t.Fatalf("over the role's: %d, %+v", n, why)
	}
	left, _ := m.Left(t.Context(), bob, monday)
	if left[0].Used != 30 || left[2].Used != 130 {
		t.Errorf("what one budget counted beyond what the other allowed must be taken back: %+v", left)
	}
}

// TestNoDoubleBurst slides over every edge: in no stretch of a window's length do more
// distinct voters leave than its budget, and a budget comes back in the end.
func TestNoDoubleBurst(t *testing.T) {
	type given struct {
		at time.Time
		v  uint64
	}
	rng := rand.New(rand.NewPCG(1, 2))
	m := New(policy(t, "[[budget]]\nname=\"b\"\nper=\"person\"\nhour=20\nday=100\ndays30=900\nyear=2500\n"))
	var all []given
	at := monday
	for at.Before(monday.AddDate(0, 3, 0)) {
		at = at.Add(time.Duration(rng.Int64N(int64(40 * time.Minute))))
		var voters []uint64
		for range rng.IntN(12) {
			voters = append(voters, rng.Uint64N(200_000))
		}
		n, _ := charge(t, m, alice, voters, at)
		for _, v := range voters[:n] {
			all = append(all, given{at, v})
		}
	}
	limits := [windows]int{20, 100, 900, 2500}
	full := [windows]bool{}
	for w := Hour; w < windows; w++ {
		seen, from := map[uint64]int{}, 0
		for _, g := range all {
			seen[g.v]++
			for all[from].at.UnixMicro() <= g.at.UnixMicro()-lengths[w] {
				if seen[all[from].v]--; seen[all[from].v] == 0 {
					delete(seen, all[from].v)
				}
				from++
			}
			if len(seen) > limits[w] {
				t.Fatalf("%d distinct voters within the %s before %v", len(seen), w, g.at)
			}
			full[w] = full[w] || len(seen) == limits[w]
		}
	}
	if !full[Hour] || !full[Day] || !full[Year] {
		t.Errorf("budgets never used up: %v", full)
	}
	if n, why := charge(t, m, alice, run(500_000, 500_020), at.AddDate(2, 0, 0)); n != 20 {
		t.Errorf("after two years: %d, %v", n, why)
	}
}

// TestSlowThief takes 200 a day for 14 months. Every day is within the day's budget; the
// year's catches him, and lets not one more out.
func TestSlowThief(t *testing.T) {
	m := New(policy(t, "[[budget]]\nname=\"b\"\nper=\"person\"\nday=500\nyear=30000\n"))
	taken, caught := uint64(0), time.Time{}
	for d := monday; d.Before(monday.AddDate(0, 14, 0)); d = d.AddDate(0, 0, 1) {
		for range 8 {
			d = d.Add(time.Minute)
			n, why := charge(t, m, alice, run(taken*7, taken*7+25), d)
			taken += uint64(n)
			if why != nil && caught.IsZero() {
				caught = d
				if why.Window != "year" {
					t.Errorf("stopped by %+v", why)
				}
			}
		}
		d = d.Add(-8 * time.Minute)
	}
	if days := int(caught.Sub(monday).Hours() / 24); days != 149 && days != 150 {
		t.Errorf("caught after %d days", days)
	}
	// after a year what was taken first comes back, so at most 30,000 within any year
	if taken > 30_000+60*200 {
		t.Errorf("%d taken in 14 months", taken)
	}
	if b := m.State().Bytes; b > 400_000 {
		t.Errorf("%d bytes for 30,000 voters", b)
	}
}

// TestSessionsOfOnePerson read at once and overshoot by nothing, also when the ledger fails
// now and then and rows are given back.
func TestSessionsOfOnePerson(t *testing.T) {
	m := New(policy(t, "[[budget]]\nname=\"b\"\nper=\"person\"\nhour=5000\nday=5000\n"))
	var mu sync.Mutex
	left := map[uint64]bool{}
	var wg sync.WaitGroup
	var stopped atomic.Int64
	for g := range 16 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 3))
			for range 200 {
				var voters []uint64
				for range 1 + rng.IntN(40) {
					voters = append(voters, rng.Uint64N(20_000))
				}
				h, why, err := m.Reserve(t.Context(), alice, voters, monday)
				if err != nil {
					t.Error(err)
					return
				}
				if why != nil {
					stopped.Add(1)
				}
				n := h.Allowed
				if rng.IntN(5) == 0 {
					_ = h.Cancel(t.Context())
					continue
				}
				_ = h.Commit(t.Context())
				mu.Lock()
				for _, v := range voters[:n] {
					left[v] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	l, _ := m.Left(t.Context(), alice, monday)
	if len(left) > 5000 || l[0].Used < int64(len(left)) {
		t.Errorf("%d distinct voters left, %d counted, of 5000", len(left), l[0].Used)
	}
	if stopped.Load() == 0 || l[0].Used-int64(len(left)) > 50 {
		t.Errorf("stopped %d times; counted %d more than left", stopped.Load(), l[0].Used-int64(len(left)))
	}
	if m.holds.first != nil || m.holds.voters != 0 {
		t.Errorf("holds remain: %d voters", m.holds.voters)
	}
}

// TestCancel gives back exactly what nobody else relied on.
func TestCancel(t *testing.T) {
	m := New(policy(t, "[[budget]]\nname=\"b\"\nper=\"person\"\nhour=10\nday=100\n"))
	charge(t, m, alice, run(0, 5), monday.Add(-2*time.Hour))
	first, _, _ := m.Reserve(t.Context(), alice, run(0, 8), monday)
	second, _, _ := m.Reserve(t.Context(), alice, run(6, 10), monday)
	_ = second.Commit(t.Context())
	_ = first.Cancel(t.Context())
	left, _ := m.Left(t.Context(), alice, monday)
	if left[0].Used != 4 || left[1].Used != 9 {
		t.Errorf("after giving back: %+v; want 6..9 in the hour, and 0..4 with them in the day", left)
	}
}

// TestClockSteps never gives a budget back.
func TestClockSteps(t *testing.T) {
	m := New(policy(t, "[[budget]]\nname=\"b\"\nper=\"person\"\nday=10\n"))
	charge(t, m, alice, run(0, 10), monday)
	if n, _ := charge(t, m, alice, run(100, 101), monday.AddDate(-1, 0, 0)); n != 0 {
		t.Error("a clock set back refilled the day")
	}
	wall := time.Now()
	c := NewClock(func() time.Time { return wall }, wall)
	before := c.Now()
	wall = wall.Round(0).Add(400 * 24 * time.Hour) // without the monotonic reading Sub sees the step …
	_ = c.Now()
	if c.Skew() != 0 {
		t.Error("without monotonic readings there is nothing to compare")
	}
	c = NewClock(time.Now, time.Now().Add(time.Hour))
	if c.Now().Before(before.Add(time.Hour - time.Minute)) {
		t.Error("the ledger's last entry is the earliest that time can be")
	}
}

// TestReplay rebuilds the counts from disclosures in any order.
func TestReplay(t *testing.T) {
	text := "[[budget]]\nname=\"b\"\nper=\"person\"\nhour=1000\nday=5000\ndays30=50000\nyear=90000\n"
	live, rebuilt := New(policy(t, text)), New(policy(t, text))
	type given struct {
		at     time.Time
		voters []uint64
	}
	rng := rand.New(rand.NewPCG(4, 4))
	var all []given
	at := monday
	for range 3000 {
		at = at.Add(time.Duration(rng.Int64N(int64(2 * time.Hour))))
		g := given{at, []uint64{rng.Uint64N(5000), rng.Uint64N(5000)}}
		charge(t, live, alice, g.voters, at)
		all = append(all, g)
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, g := range all {
		rebuilt.Replay(alice, g.voters, g.at, at)
	}
	want, _ := live.Left(t.Context(), alice, at)
	got, _ := rebuilt.Left(t.Context(), alice, at)
	for i := range want {
		// sliced at other ages, so a window may hold a slice more or less
		if d := want[i].Used - got[i].Used; d < -60 || d > 60 {
			t.Errorf("%s: %d live, %d rebuilt", want[i].Window, want[i].Used, got[i].Used)
		}
	}
}

func TestGrants(t *testing.T) {
	m := New(policy(t, "[[budget]]\nname=\"b\"\nper=\"person\"\nday=10\nyear=100\n"))
	charge(t, m, alice, run(0, 10), monday)
	g := Grant{Per: "person", Who: "alice", Window: "day", More: 5, By: "carol", Reason: "recount in ward 7", Until: monday.Add(2 * time.Hour)}
	for name, change := range map[string]func(*Grant){
		"no supervisor": func(g *Grant) { g.By = "mallory" },
		"to themselves": func(g *Grant) { g.Who = "carol" },
		"a reason":      func(g *Grant) { g.Reason = " " },
		"at most":       func(g *Grant) { g.Until = monday.AddDate(1, 0, 0) },
		"no budget":     func(g *Grant) { g.Per = "role" },
		"one voter":     func(g *Grant) { g.More = -5 },
	} {
		bad := g
		change(&bad)
		if _, err := m.Grant(bad, monday); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.Grant(g, monday); err != nil {
		t.Fatal(err)
	}
	if n, _ := charge(t, m, alice, run(50, 60), monday); n != 5 {
		t.Errorf("%d with five more", n)
	}
	if n, _ := charge(t, m, alice, run(70, 80), monday.Add(3*time.Hour)); n != 0 {
		t.Errorf("%d after the grant ended", n)
	}
}

func TestHoursAndStatements(t *testing.T) {
	p := policy(t, "[[budget]]\nname=\"b\"\nper=\"person\"\nstatements_per_hour=3\n")
	p.roles["clerk"].Hours = make([]Hours, 1)
	if err := p.roles["clerk"].Hours[0].UnmarshalText([]byte("Mon-Fri 07:00-19:00")); err != nil {
		t.Fatal(err)
	}
	m := New(p)
	ask := func(at time.Time) Reason {
		why, err := m.Statement(t.Context(), alice, at)
		if err != nil {
			t.Fatal(err)
		}
		if why == nil {
			return ""
		}
		return why.Reason
	}
	if got := ask(time.Date(2026, 3, 2, 5, 59, 0, 0, time.UTC)); got != OutOfHours {
		t.Errorf("06:59 in Berlin: %q", got)
	}
	for range 3 {
		if got := ask(time.Date(2026, 3, 2, 6, 1, 0, 0, time.UTC)); got != "" {
			t.Errorf("07:01 in Berlin: %q", got)
		}
	}
	if got := ask(time.Date(2026, 3, 2, 6, 30, 0, 0, time.UTC)); got != OverStatements {
		t.Errorf("the fourth statement: %q", got)
	}
	if got := ask(time.Date(2026, 3, 2, 7, 10, 0, 0, time.UTC)); got != "" {
		t.Errorf("an hour later: %q", got)
	}
	if _, err := m.Declare(Declaration{By: []string{"carol", "dave"}, Reason: "recount", For: time.Hour}, time.Date(2026, 3, 2, 22, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if got := ask(time.Date(2026, 3, 2, 22, 30, 0, 0, time.UTC)); got != "" {
		t.Errorf("in an emergency at night: %q", got)
	}
}

// TestBrake is not tripped by one or two people, stops bulk reading of all when many read, lets
// single look-ups through, and releases.
func TestBrake(t *testing.T) {
	p := policy(t, "[[budget]]\nname=\"b\"\nper=\"person\"\nday=1000000\n[brake]\nrows_per_minute=1000\nperson_rows_per_minute=400\npeople=3\nsmall=20\n")
	m := New(p)
	who := func(name string) Subject { return Subject{Person: name, Role: "clerk"} }
	n, why := charge(t, m, who("mallory"), run(0, 100_000), monday)
	if n != 400 || why.Reason != OverRate {
		t.Fatalf("a single person: %d, %+v", n, why)
	}
	charge(t, m, who("mallory2"), run(0, 100_000), monday)
	if m.Brake(monday).On {
		t.Fatal("two people tripped the brake")
	}
	if n, why := charge(t, m, who("bob"), run(0, 15), monday); n != 15 || why != nil {
		t.Fatalf("a clerk beside them: %d, %v", n, why)
	}
	if n, why := charge(t, m, who("third"), run(0, 300), monday); n != 20 || why.Reason != Braked {
		t.Fatalf("the third: %d, %+v", n, why)
	}
	if n, _ := charge(t, m, who("bob"), run(20, 22), monday); n != 2 {
		t.Error("a look-up under the brake")
	}
	if n, _ := charge(t, m, who("bob"), run(20, 60), monday.Add(2*time.Minute)); n != 20 {
		t.Errorf("bulk under the brake: %d", n)
	}
	if _, err := m.Declare(Declaration{By: []string{"carol", "carol"}, Reason: "polling day", For: time.Hour}, monday); err == nil {
		t.Error("one person declared an emergency")
	}
	if _, err := m.Declare(Declaration{By: []string{"carol", "dave"}, Reason: "rehearsal", For: time.Hour, Rehearsal: true}, monday); err != nil || m.Brake(monday).Emergency != nil {
		t.Errorf("a rehearsal: %v", err)
	}
	if _, err := m.Declare(Declaration{By: []string{"carol", "dave"}, Reason: "polling day", For: time.Hour}, monday); err != nil {
		t.Fatal(err)
	}
	if n, _ := charge(t, m, who("bob"), run(100, 400), monday.Add(4*time.Minute)); n != 300 {
		t.Errorf("in an emergency: %d", n)
	}
	m.EndEmergency()
	if m.Brake(monday.Add(20 * time.Minute)).On {
		t.Error("the brake does not release by itself")
	}
}

// TestObserve stops nobody and says what would have.
func TestObserve(t *testing.T) {
	p := policy(t, "[[budget]]\nname=\"b\"\nper=\"person\"\nday=10\n")
	p.Mode = "observe"
	m := New(p)
	if n, why := charge(t, m, alice, run(0, 10), monday); n != 10 || why != nil {
		t.Errorf("%d, %+v", n, why)
	}
	if n, why := charge(t, m, alice, run(10, 30), monday); n != 20 || why == nil || why.Used != 30 {
		t.Errorf("%d, %+v", n, why)
	}
}
