//go:build unix

package meter

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/register/pgtest"
)

const together = `
[[budget]]
name = "each"
per = "person"
day = 1000
rows_per_minute = 130
statements_per_hour = 20
[brake]
rows_per_minute = 300
person_rows_per_minute = 140
people = 3
minutes = 15
small = 10
`

// two are guards that share a store.
func two(t *testing.T) (a, b *Meter, pg *pgtest.Server, db *sql.DB) {
	t.Helper()
	pg = pgtest.Start(t)
	db, err := sql.Open("pgx", pg.URL("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	join := func() *Meter {
		store, err := OpenSQLStore(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		m := New(policy(t, together))
		m.Share(store)
		if err := m.Join(t.Context(), store, monday); err != nil {
			t.Fatal(err)
		}
		return m
	}
	return join(), join(), pg, db
}

func exchange(t *testing.T, at time.Time, all ...*Meter) (news bool) {
	t.Helper()
	for _, m := range all {
		n, err := m.Sync(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		news = news || n
	}
	return news
}

// TestGuardsShareRates: rows a minute and statements an hour that one guard has counted are used up at the other.
func TestGuardsShareRates(t *testing.T) {
	a, b, _, _ := two(t)
	if n, _ := charge(t, a, alice, run(0, 70), monday); n != 70 {
		t.Fatalf("%d of 70", n)
	}
	for range 15 {
		if why, err := a.Statement(t.Context(), alice, monday); why != nil || err != nil {
			t.Fatal(why, err)
		}
	}
	exchange(t, monday, a, b)
	n, why := charge(t, b, alice, run(0, 70), monday)
	if n != 60 || why == nil || why.Reason != OverRate || why.Used != 70 {
		t.Errorf("at the other guard %d rows, %+v; want the 60 that are left", n, why)
	}
	asked := 0
	for range 15 {
		why, err := b.Statement(t.Context(), alice, monday)
		if err != nil {
			t.Fatal(err)
		}
		if why == nil {
			asked++
		}
	}
	if asked != 5 {
		t.Errorf("%d statements at the other guard, want 5", asked)
	}
	later := monday.Add(2 * time.Minute)
	exchange(t, later, a, b)
	if n, why := charge(t, b, alice, run(0, 70), later); n != 70 {
		t.Errorf("a minute later: %d, %+v", n, why)
	}
}

// TestGuardsBrakeTogether: three people who read in bulk, each at another guard or at both, trip the brake for all.
func TestGuardsBrakeTogether(t *testing.T) {
	a, b, _, _ := two(t)
	who := func(name string) Subject { s := alice; s.Person = name; return s }
	charge(t, a, who("alice"), run(0, 100), monday)
	charge(t, a, who("bob"), run(0, 100), monday)
	exchange(t, monday, a, b)
	if n, why := charge(t, b, who("mallory"), run(0, 90), monday); n != 90 {
		t.Fatalf("within the rate of all: %d, %+v", n, why)
	}
	n, why := charge(t, b, who("mallory"), run(100, 150), monday)
	if why == nil || why.Reason != Braked && why.Reason != OverRate || !b.Brake(monday).On {
		t.Errorf("three people over two guards: %d, %+v, brake %+v", n, why, b.Brake(monday))
	}
	if !exchange(t, monday, b, a) || !a.Brake(monday).On {
		t.Errorf("the other guard does not brake: %+v", a.Brake(monday))
	}
	must(t, a.Decide(t.Context(), func() error { a.Release(); return nil }))
	exchange(t, monday, b)
	if b.Brake(monday).On {
		t.Error("released at one guard, and on at the other")
	}
}

// TestGuardsShareDecisions: a grant, its end, and an emergency hold at all guards, and at those that come later.
func TestGuardsShareDecisions(t *testing.T) {
	a, b, _, db := two(t)
	var g Grant
	must(t, a.Decide(t.Context(), func() (err error) {
		g, err = a.Grant(Grant{Per: "person", Who: "alice", More: 50, By: "carol", Reason: "recount", Until: monday.Add(time.Hour)}, monday)
		return err
	}))
	if exchange(t, monday, b); len(b.Grants(monday)) != 1 || b.Grants(monday)[0].ID != g.ID {
		t.Errorf("grants at the other guard: %+v", b.Grants(monday))
	}
	if err := b.Decide(t.Context(), func() error { return b.Withdraw("grant-of-nobody") }); err == nil || len(b.Grants(monday)) != 1 {
		t.Errorf("a decision that fails changes nothing: %v, %+v", err, b.Grants(monday))
	}
	must(t, b.Decide(t.Context(), func() error {
		_, err := b.Declare(Declaration{By: []string{"carol", "dave"}, Reason: "polling day", For: time.Hour}, monday)
		return err
	}))
	must(t, b.Decide(t.Context(), func() error { return b.Withdraw(g.ID) }))
	if exchange(t, monday, a); a.Brake(monday).Emergency == nil || len(a.Grants(monday)) != 0 {
		t.Errorf("at the first guard: %+v, %+v", a.Brake(monday), a.Grants(monday))
	}
	store, err := OpenSQLStore(t.Context(), db)
	must(t, err)
	late := New(policy(t, together))
	_, err = late.Grant(Grant{Per: "person", Who: "alice", More: 9, By: "carol", Reason: "an old one", Until: monday.Add(time.Hour)}, monday)
	must(t, err)
	late.Share(store)
	must(t, late.Join(t.Context(), store, monday))
	if late.Brake(monday).Emergency == nil || len(late.Grants(monday)) != 0 {
		t.Errorf("at a guard that came later: %+v, %+v", late.Brake(monday), late.Grants(monday))
	}
}

// TestGuardsApart: with the store away nothing leaves, no decision holds, and the reason is told.
func TestGuardsApart(t *testing.T) {
	a, _, _, db := two(t)
	must(t, db.Close())
	if _, err := a.Sync(t.Context(), monday); err == nil {
		t.Error("nothing was heard, and that is no error")
	}
	err := a.Decide(t.Context(), func() error {
		_, err := a.Grant(Grant{Per: "person", Who: "alice", More: 50, By: "carol", Reason: "recount", Until: monday.Add(time.Hour)}, monday)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "holds nowhere") || len(a.Grants(monday)) != 0 {
		t.Errorf("a grant that the others cannot know: %v, %+v", err, a.Grants(monday))
	}
	if _, _, err := a.Reserve(t.Context(), alice, run(0, 5), monday); err == nil {
		t.Error("rows left with the store away")
	}
	a.others.heard = time.Now().Add(-time.Minute)
	if _, err := a.Statement(t.Context(), alice, monday); err == nil || !strings.Contains(err.Error(), "has not answered") {
		t.Errorf("a statement was judged with the store away for a minute: %v", err)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
