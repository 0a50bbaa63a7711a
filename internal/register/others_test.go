//go:build unix

package register_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/pgtest"
)

// TestTwoGuards has two guards before one register that share a store: what one lets out, and what supervisors decide at
// one, holds at the other; with the store away nothing leaves at either.
func TestTwoGuards(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 60_000)
	pg.PSQL(t, "postgres", "CREATE DATABASE guards")
	guard := func() *office {
		dir := t.TempDir()
		cfg := config(t, pg, dir, testPolicy)
		cfg.SharedFile = filepath.Join(dir, "shared")
		if err := os.WriteFile(cfg.SharedFile, []byte(pg.URL("postgres", "guards")), 0o600); err != nil {
			t.Fatal(err)
		}
		return open(t, pg, cfg)
	}
	a, b := guard(), guard()
	read := func(o *office, from, to int) (int, error) {
		got, err := ids(t, o.connect(t, "alice", "desk/enquiry"), `SELECT id, name FROM voters WHERE id BETWEEN $1 AND $2 ORDER BY id`, from, to)
		return len(got), err
	}
	if n, err := read(a, 1001, 1200); n != 200 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := read(b, 2001, 2200); n != 100 || code(err) != "53400" {
		t.Errorf("at the other guard %d rows, %v; want the 100 that are left", n, err)
	}
	grant := register.Act{Token: carolToken, Do: "grant"}
	grant.Grant.Per, grant.Grant.Who, grant.Grant.More, grant.Grant.Reason, grant.Grant.Until = "person", "alice", 20, "recount", time.Now().Add(time.Hour)
	granted, err := a.act(t, grant)
	if err != nil {
		t.Fatal(err)
	}
	b.status(t, "a grant of the other guard", func(s register.Status) bool { return len(s.Grants) == 1 })
	if n, err := read(b, 3001, 3200); n != 20 || code(err) != "53400" {
		t.Errorf("with a grant of 20 from the other guard: %d rows, %v", n, err)
	}
	b.decided(t, "1 grants")
	if _, err := b.act(t, register.Act{Token: daveToken, Do: "withdraw", ID: granted.ID}); err != nil {
		t.Error("withdrawn at the other guard:", err)
	}
	a.status(t, "the grant's end", func(s register.Status) bool { return len(s.Grants) == 0 })
	b.emergency(t)
	a.status(t, "an emergency of the other guard", func(s register.Status) bool { return s.Brake.Emergency != nil })
	if n, err := read(a, 4001, 4200); n != 200 || err != nil {
		t.Errorf("in the emergency: %d rows, %v", n, err)
	}
	a.stop()
	a = open(t, pg, a.cfg)
	a.status(t, "what the others decided, after a restart", func(s register.Status) bool { return s.Brake.Emergency != nil && len(s.Grants) == 0 })
	storeAway(t, pg, a, b)
}

// status waits until the guard stands as it should.
func (o *office) status(t *testing.T, what string, as func(register.Status) bool) {
	t.Helper()
	var s register.Status
	for range 200 {
		if err := register.Call(t.Context(), &o.cfg, "GET", "/status", nil, &s); err == nil && as(s) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s does not come: %+v", what, s)
}

// decided looks into the guard's own ledger for what was decided elsewhere.
func (o *office) decided(t *testing.T, text string) {
	t.Helper()
	view, err := ledger.OpenView(t.Context(), o.cfg.LedgerDir(), o.cfg.LedgerConfig(quietLog()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = view.Close() }()
	for e, err := range view.Entries(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), register.KindShared) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(e.Text, text) && strings.Contains(string(e.Detail), "recount") {
			return
		}
	}
	t.Errorf("the guard's own ledger does not say %q", text)
}

func (o *office) emergency(t *testing.T) {
	t.Helper()
	a, err := o.act(t, register.Act{Token: carolToken, Do: "request", Request: register.Request{What: register.AskEmergency, Reason: "polling day", For: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.act(t, register.Act{Token: daveToken, Do: "approve", ID: a.ID}); err != nil {
		t.Fatal(err)
	}
}

// storeAway takes the store away, and gives it back.
func storeAway(t *testing.T, pg *pgtest.Server, guards ...*office) {
	t.Helper()
	allow := func(yes string) {
		pg.PSQL(t, "postgres", "ALTER DATABASE guards WITH ALLOW_CONNECTIONS "+yes)
		pg.PSQL(t, "postgres", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'guards'")
	}
	allow("false")
	for _, o := range guards {
		c := o.connect(t, "alice", "desk/enquiry")
		if got, err := ids(t, c, `SELECT id FROM voters WHERE id = 1001`); len(got) != 0 || code(err) != "58030" {
			t.Errorf("with the store away: %v, %v", got, err)
		}
		grant := register.Act{Token: carolToken, Do: "grant"}
		grant.Grant.Per, grant.Grant.Who, grant.Grant.More, grant.Grant.Reason, grant.Grant.Until = "person", "alice", 20, "recount", time.Now().Add(time.Hour)
		if _, err := o.act(t, grant); err == nil || !strings.Contains(err.Error(), "holds nowhere") {
			t.Errorf("a grant with the store away: %v", err)
		}
		var err error
		for range 100 { // what gives away counts only is refused once the others have not been heard of for some seconds
			if _, err = c.Exec(context.Background(), `SELECT count(*) FROM voters`); err != nil {
				break
			}
			time.Sleep(250 * time.Millisecond)
		}
		if code(err) != "58030" {
			t.Errorf("a count with the store away: %v", err)
		}
	}
	allow("true")
	for _, o := range guards {
		var err error
		var got []int64
		for range 100 {
			if got, err = ids(t, o.connect(t, "alice", "desk/enquiry"), `SELECT id FROM voters WHERE id = 1001`); err == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if err != nil || len(got) != 1 {
			t.Errorf("with the store back: %v, %v", got, err)
		}
	}
}

// TestSharedConnections: however many read, a guard has few connections to the store, and hears the others while counts are
// locked there.
func TestSharedConnections(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 1000)
	pg.PSQL(t, "postgres", "CREATE DATABASE guards")
	dir := t.TempDir()
	cfg := config(t, pg, dir, testPolicy)
	cfg.SharedFile = filepath.Join(dir, "shared")
	if err := os.WriteFile(cfg.SharedFile, []byte(pg.URL("postgres", "guards")), 0o600); err != nil {
		t.Fatal(err)
	}
	o := open(t, pg, cfg)
	locker, err := pgx.Connect(t.Context(), pg.URL("postgres", "guards"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = locker.Close(context.Background()) }()
	do(t, locker, `BEGIN`, `LOCK TABLE register_meter_head IN EXCLUSIVE MODE`)
	var all sync.WaitGroup
	for i := range 20 {
		c := o.connect(t, "alice", "desk/enquiry")
		all.Go(func() {
			if got, err := ids(t, c, `SELECT id FROM voters WHERE id = $1`, i+1); err != nil || len(got) != 1 {
				t.Errorf("once it is free: %v, %v", got, err)
			}
		})
	}
	const waiting = `SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'), count(*) FROM pg_stat_activity WHERE datname = 'guards' AND pid <> pg_backend_pid()`
	locked, conns := 0, 0
	for range 100 {
		if err := locker.QueryRow(t.Context(), waiting).Scan(&locked, &conns); err != nil {
			t.Fatal(err)
		}
		if conns > 10 {
			break
		}
		do(t, locker, `SELECT pg_stat_clear_snapshot()`)
		time.Sleep(20 * time.Millisecond)
	}
	if locked == 0 || conns > 10 {
		t.Errorf("%d connections, %d of them wait", conns, locked)
	}
	began := time.Now()
	o.status(t, "a word of the others", func(s register.Status) bool { return s.Others.Heard.After(began) })
	do(t, locker, `ROLLBACK`)
	all.Wait()
}

// planted are honey voters that change while the guard runs.
type planted struct{ path string }

func (p planted) Stamp() (string, error) { raw, err := os.ReadFile(p.path); return string(raw), err }

func (p planted) Load(func([]byte) (uint64, error)) (register.Watch, error) {
	raw, err := os.ReadFile(p.path)
	return watched(raw), err
}

// watched has every voter in it.
type watched string

func (w watched) Hit(uint64) (string, bool) { return "copy " + string(w), w != "" }

// TestHoneyFollowed: honey voters that appear while the guard runs are looked for within seconds, without a word to it.
func TestHoneyFollowed(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 1000)
	o := open(t, pg, config(t, pg, t.TempDir(), testPolicy))
	p := planted{filepath.Join(t.TempDir(), "sets")}
	if err := os.WriteFile(p.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.guard.FollowHoney(p); err != nil {
		t.Fatal(err)
	}
	c := o.connect(t, "alice", "desk/enquiry")
	hit := func() (found bool) {
		if _, err := ids(t, c, `SELECT id FROM voters WHERE id = 5`); err != nil {
			t.Fatal(err)
		}
		_, err := register.ReadSpool(filepath.Join(o.cfg.Data, "findings"), "", func(r register.Raised) error {
			found = found || r.Finding.Rule == register.RuleHoney && strings.Contains(r.Finding.Summary, "copy two")
			return nil
		})
		return found && err == nil
	}
	if hit() {
		t.Fatal("a hit with nothing planted")
	}
	if err := os.WriteFile(p.path, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if hit() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("what was planted while the guard ran is not looked for")
}
