//go:build unix

package meter

import (
	"database/sql"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"portcullis.example/portcullis/internal/register/pgtest"
)

// TestSharedBudgets has three guards read for the same people at once: together they let out
// exactly one budget, also when now and then a ledger fails and gives back.
func TestSharedBudgets(t *testing.T) {
	pg := pgtest.Start(t)
	db, err := sql.Open("pgx", pg.URL("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	const text = "[[budget]]\nname=\"each\"\nper=\"person\"\nday=300\n[[budget]]\nname=\"all\"\nper=\"role\"\nday=450\nyear=100000\n"
	bob := alice
	bob.Person = "bob"
	var mu sync.Mutex
	left := map[Subject]map[uint64]bool{alice: {}, bob: {}}
	var wg sync.WaitGroup
	var guards []*Meter
	for g := range 3 {
		store, err := OpenSQLStore(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		m := New(policy(t, text))
		m.Share(store)
		guards = append(guards, m)
		for _, who := range []Subject{alice, bob} {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(g), uint64(len(who.Person))))
				for range 40 {
					var voters []uint64
					for range 1 + rng.IntN(15) {
						voters = append(voters, rng.Uint64N(200_000))
					}
					h, _, err := m.Reserve(t.Context(), who, voters, monday)
					if err != nil {
						t.Error(err)
						return
					}
					n := h.Allowed
					if rng.IntN(6) == 0 {
						if err := h.Cancel(t.Context()); err != nil {
							t.Error(err)
						}
						continue
					}
					_ = h.Commit(t.Context())
					mu.Lock()
					for _, v := range voters[:n] {
						left[who][v] = true
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	for i, who := range []Subject{alice, bob} { // what is not used up may be had now
		var voters []uint64
		for n := range 300 {
			voters = append(voters, uint64(300_000+1000*i+n))
		}
		h, _, err := guards[i].Reserve(t.Context(), who, voters, monday)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range voters[:h.Allowed] {
			left[who][v] = true
		}
		_ = h.Commit(t.Context())
	}
	a, b := len(left[alice]), len(left[bob])
	together := maps.Clone(left[alice])
	maps.Copy(together, left[bob])
	if n := len(together); a > 300 || b > 300 || n != 450 { // what was given back can be had again, to the last voter
		t.Errorf("%d and %d of at most 300 each, %d of 450 together", a, b, n)
	}
	for _, m := range guards {
		l, err := m.Left(t.Context(), alice, monday)
		if err != nil {
			t.Fatal(err)
		}
		if l[2].Used < int64(a) || l[2].Used > 300 {
			t.Errorf("another guard sees %+v; %d left", l, a)
		}
	}
	sharedYears(t, guards)
}

// TestGivingBackIsExact compares counts with a model, whoever of three guards reserves, keeps and cancels, in any order and
// over several slices of time.
func TestGivingBackIsExact(t *testing.T) {
	pg := pgtest.Start(t)
	db, err := sql.Open("pgx", pg.URL("postgres", "postgres"))
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	var guards []*Meter
	for range 3 {
		store, err := OpenSQLStore(t.Context(), db)
		must(t, err)
		m := New(policy(t, "[[budget]]\nname=\"each\"\nper=\"person\"\nday=60\nyear=5000\n"))
		m.Share(store)
		guards = append(guards, m)
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	type open struct {
		h      *Hold
		voters []uint64
	}
	var opened []open
	had := map[uint64]int{} // how many reservations that were not cancelled have each voter
	count := func(voters []uint64, n int) {
		for _, v := range voters {
			if had[v] += n; had[v] == 0 {
				delete(had, v)
			}
		}
	}
	at := monday
	for step := range 400 {
		if len(opened) < 6 && rng.IntN(2) == 0 {
			var voters []uint64
			for range 1 + rng.IntN(6) {
				voters = append(voters, rng.Uint64N(90)) // also twice in one, and the same in many
			}
			h, why, err := guards[rng.IntN(3)].Reserve(t.Context(), alice, voters, at)
			must(t, err)
			voters = voters[:h.Allowed]
			if count(voters, 1); why != nil && len(had) != 60 || len(had) > 60 {
				t.Fatalf("seed %d, step %d: stopped with %d of 60: %+v", seed, step, len(had), why)
			}
			opened = append(opened, open{h, voters})
		} else if len(opened) > 0 {
			i := rng.IntN(len(opened))
			o := opened[i]
			opened = append(opened[:i], opened[i+1:]...)
			if rng.IntN(4) == 0 && len(had) < 40 {
				must(t, o.h.Commit(t.Context()))
				continue
			}
			must(t, o.h.Cancel(t.Context()))
			count(o.voters, -1)
		}
		at = at.Add(time.Duration(rng.IntN(90)) * time.Second)
		left, err := guards[step%3].Left(t.Context(), alice, at)
		must(t, err)
		for _, l := range left {
			if l.Used != int64(len(had)) {
				t.Fatalf("seed %d, step %d: %d counted in a %s, want %d", seed, step, l.Used, l.Window, len(had))
			}
		}
	}
}

// sharedYears goes on for so long that tags are given anew, from guard to guard.
func sharedYears(t *testing.T, guards []*Meter) {
	at, total := monday.AddDate(2, 0, 0), 0
	for i := range 700 {
		at = at.Add(3 * time.Hour)
		h, _, err := guards[i%3].Reserve(t.Context(), alice, []uint64{uint64(i), uint64(i) + 1<<20}, at)
		if err != nil {
			t.Fatal(err)
		}
		total += h.Allowed
		_ = h.Commit(t.Context())
	}
	l, err := guards[0].Left(t.Context(), alice, at)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range l {
		if x.Window == "year" && x.Used != int64(total) {
			t.Errorf("%d within a year, want %d", x.Used, total)
		}
	}
}

// FuzzKept reads whatever a shared store may hold of reservations.
func FuzzKept(f *testing.F) {
	f.Add(kept{1, 2, []uint64{5, 3, 5}, []uint8{0, 1, 2}}.encode(), kept{1, 3, []uint64{3}, []uint8{2}}.encode())
	f.Fuzz(func(t *testing.T, own, next []byte) {
		tr := newTracker()
		tr.advance(monday.UnixMicro())
		_, _ = unlink(tr, map[uint64][]byte{1: own, 2: next}, 1)
	})
}

// FuzzStored reads whatever a shared store may hold.
func FuzzStored(f *testing.F) {
	tr := newTracker()
	tr.advance(monday.UnixMicro())
	tr.take(run(0, 40), make([]uint8, 40), &limits{})
	f.Add(tr.head(), tr.pages.page(0).encode())
	f.Add([]byte{1, 0, 0, 0}, []byte{1, 0, 1, 0, 0, 1})
	f.Fuzz(func(t *testing.T, head, raw []byte) {
		tr := newTracker()
		if tr.readHead(head) != nil {
			return
		}
		p, err := readPage(raw, len(tr.spans))
		if err != nil {
			return
		}
		tr.pages.put(0, p)
		tr.advance(monday.UnixMicro())
		before := make([]uint8, 10)
		tr.take(run(0, 10), before, &limits{})
		for i := range before {
			tr.restore(uint64(i), before[i], tr.cur)
		}
	})
}
