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
	back := 0 // given back: others may have counted after them, and then they stay counted
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
						mu.Lock()
						back += n
						mu.Unlock()
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
	if n := len(together); a > 300 || b > 300 || n > 450 || n+back < 450 {
		t.Errorf("%d and %d of at most 300 each, %d of 450 together, and %d given back", a, b, n, back)
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
