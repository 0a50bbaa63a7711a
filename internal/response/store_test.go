package response

import (
	"database/sql"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/testenv"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// databases are those on which each case must pass.
var databases = []struct {
	name string
	cfg  func(t testing.TB) store.Config
}{{"sqlite", sqliteConfig}, {"postgres", postgresConfig}}

func sqliteConfig(t testing.TB) store.Config {
	return store.Config{Dir: t.TempDir(), Migrations: []store.Migrations{{Context: "chain", FS: chain.Migrations()}, {Context: "response", FS: Migrations()}}}
}

// postgresConfig is a database of its own.
func postgresConfig(t testing.TB) store.Config {
	cfg := sqliteConfig(t)
	cfg.URL, cfg.Dir = testenv.Database(t), ""
	return cfg
}

func open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// each runs a case on both databases.
func each(t *testing.T, run func(t *testing.T, b *bench)) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			run(t, &bench{t: t, s: open(t, db.cfg(t)), now: noon, cfg: DefaultConfig()})
		})
	}
}

// bench is a store and a clock that tests set.
type bench struct {
	t   *testing.T
	s   *store.Store
	now time.Time
	cfg Config
}

func (b *bench) try(fn func(w *Writer) (Notice, error)) (n Notice, err error) {
	err = b.s.Tx(b.t.Context(), func(tx *sql.Tx) (err error) {
		n, err = fn(NewWriter(tx, b.cfg, b.now))
		return err
	})
	return n, err
}

func (b *bench) do(fn func(w *Writer) (Notice, error)) Notice {
	b.t.Helper()
	n, err := b.try(fn)
	must(b.t, err)
	return n
}

func (b *bench) draft(by api.Caller, r Reach) Notice {
	b.t.Helper()
	return b.do(func(w *Writer) (Notice, error) { return w.Draft(b.t.Context(), by, r) })
}

func (b *bench) approve(n Notice) Notice {
	b.t.Helper()
	return b.do(func(w *Writer) (Notice, error) { return w.Approve(b.t.Context(), maria, n.ID, n.Version) })
}

func (b *bench) read() *Reader { return NewReader(b.s.DB(), b.now) }

// kinds are the kinds of the entries, in order; the chain must be whole.
func (b *bench) kinds() (out []string) {
	b.t.Helper()
	_, err := chain.Verify(b.t.Context(), b.s.DB(), Log)
	must(b.t, err)
	entries, err := chain.Entries(b.t.Context(), b.s.DB(), Log, 0, 1000)
	must(b.t, err)
	for _, e := range entries {
		out = append(out, e.Kind)
	}
	return out
}

var (
	machineCaller = api.Caller{Name: Machine, Roles: []api.Role{api.Analyst}, Via: api.ViaCommandLine}
	paul          = api.Caller{Name: "Paul Reed", Roles: []api.Role{api.Analyst}}
	maria         = api.Caller{Name: "Maria Bauer", Roles: []api.Role{api.Approver}}
	both          = api.Caller{Name: "Nina Holt", Roles: []api.Role{api.Analyst, api.Approver}}
	admin         = api.Caller{Name: "Root", Roles: []api.Role{api.Admin}}
)

func TestStates(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		n := b.draft(machineCaller, anna())
		equal(t, "state", n.State, Drafted)
		equal(t, "due", n.Due, anna().Knew.Add(72*time.Hour))
		equal(t, "overdue", n.Overdue, false)
		again := b.draft(machineCaller, anna())
		equal(t, "version after drafting the same", again.Version, 1)

		n = b.approve(n)
		equal(t, "approved by", n.ApprovedBy, "Maria Bauer")
		b.now = b.now.Add(time.Hour)
		n = b.do(func(w *Writer) (Notice, error) {
			return w.Told(ctx, paul, n.ID, n.Version, Handing{Way: ByTelephone, With: "Anna Keller", Note: "called back"})
		})
		equal(t, "state", n.State, HandedOver)
		equal(t, "told", n.Told, b.now)
		equal(t, "log", b.kinds(), []string{"drafted", "approved", "handed over"})

		stored, err := b.read().Notice(ctx, n.ID[:len("notice:")+6])
		must(t, err)
		equal(t, "stored", stored, n)
	})
}

// TestWhoMay walks over everybody who may not.
func TestWhoMay(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		n := b.draft(both, anna())
		annaHerself := api.Caller{Name: "Anna Keller", Roles: []api.Role{api.Approver}, Person: "person:anna-keller"}
		elsewhere := api.Caller{Name: "Otto", Roles: []api.Role{api.Approver}, Scope: api.Scope{People: []portcullis.ID{"person:b"}}}
		for _, c := range []struct {
			name string
			by   api.Caller
			want string
		}{
			{"analyst", paul, "needs the role approver"},
			{"administrator", admin, "needs the role approver"},
			{"nobody", api.Caller{Roles: []api.Role{api.Approver}}, "whoever acts has a name"},
			{"the drafter", both, "they drafted it"},
			{"the program", api.Caller{Name: Machine, Roles: []api.Role{api.Approver}}, "the program's own name"},
			{"the person", annaHerself, "about themselves"},
			{"another's approver", elsewhere, "outside their scope"},
		} {
			_, err := b.try(func(w *Writer) (Notice, error) { return w.Approve(ctx, c.by, n.ID, n.Version) })
			if e, ok := errors.AsType[*RoleError](err); !ok || !strings.Contains(e.Error(), c.want) {
				t.Errorf("%s: got %v, want a refusal with %q", c.name, err, c.want)
			}
		}
		_, err := b.try(func(w *Writer) (Notice, error) { return w.Draft(ctx, maria, anna()) })
		if _, ok := errors.AsType[*RoleError](err); !ok {
			t.Errorf("an approver who is no analyst drafted: %v", err)
		}
		equal(t, "log: refusals leave no step", b.kinds(), []string{"drafted"})
		equal(t, "another approver may", b.approve(n).State, Approved)
	})
}

// TestConcurrentEdits: of two people who act on the same version, the later is told by
// whom and how it was changed.
func TestConcurrentEdits(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		n := b.draft(machineCaller, anna())
		var wg sync.WaitGroup
		results := make([]error, 8)
		for i := range results {
			wg.Go(func() {
				results[i] = b.s.Tx(ctx, func(tx *sql.Tx) error {
					_, err := NewWriter(tx, b.cfg, b.now).Approve(ctx, maria, n.ID, n.Version)
					return err
				})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
				continue
			}
			e, ok := errors.AsType[*ConflictError](err)
			if !ok {
				t.Fatalf("got %v, want a conflict", err)
			}
			equal(t, "told", []any{e.Seen, e.Have, e.State, e.By}, []any{1, 2, Approved, "Maria Bauer"})
		}
		equal(t, "one wins", won, 1)
		equal(t, "log", b.kinds(), []string{"drafted", "approved"})
	})
}

func TestApprovalLapses(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		n := b.approve(b.draft(machineCaller, anna()))
		more := anna()
		more.Events = append(more.Events, Received{Event: "event:3", Time: noon, TimeKnown: true, Address: "anna@home.example", Forms: []Form{Link}})
		more.Knew = more.Knew.Add(time.Hour)
		n2 := b.draft(machineCaller, more)
		equal(t, "state", n2.State, Drafted)
		equal(t, "approved by", n2.ApprovedBy, "")
		equal(t, "the clock does not begin anew", n2.Knew, n.Knew)
		equal(t, "events", len(n2.Reach.Events), 3)
		equal(t, "log", b.kinds(), []string{"drafted", "approved", "redrafted"})

		sooner := more
		sooner.Knew = anna().Knew.Add(-24 * time.Hour)
		n3 := b.draft(machineCaller, sooner)
		equal(t, "but it may begin earlier", n3.Knew, sooner.Knew)
		equal(t, "and is due earlier", n3.Due, sooner.Knew.Add(72*time.Hour))
	})
}

func TestDelay(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		n := b.approve(b.draft(machineCaller, anna()))
		delay := func(by api.Caller, reason string, until time.Time) (Notice, error) {
			return b.try(func(w *Writer) (Notice, error) { return w.Delay(ctx, by, n.ID, n.Version, reason, until) })
		}
		until := noon.Add(10 * 24 * time.Hour)
		for _, c := range []struct {
			by     api.Caller
			reason string
			until  time.Time
			want   string
		}{
			{paul, "police asked for it", until, "needs the role approver"},
			{maria, "  ", until, "needs a reason"},
			{maria, "police asked for it", noon, "an end that lies ahead"},
			{maria, "police asked for it", time.Time{}, "an end that lies ahead"},
			{maria, "police asked for it", noon.Add(31 * 24 * time.Hour), "within 30 days"},
		} {
			if _, err := delay(c.by, c.reason, c.until); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q until %v: got %v, want %q", c.reason, c.until, err, c.want)
			}
		}
		n, err := delay(maria, "police asked for it", until)
		must(t, err)
		equal(t, "delayed", []any{n.State, n.Due, n.DelayedBy, n.DelayReason}, []any{Delayed, until, "Maria Bauer", "police asked for it"})

		b.now = until.Add(-time.Second)
		n, err = b.read().Notice(ctx, n.ID)
		must(t, err)
		equal(t, "before its end", []any{n.State, n.Overdue}, []any{Delayed, false})
		_, err = b.try(func(w *Writer) (Notice, error) {
			return w.Told(ctx, paul, n.ID, n.Version, Handing{Way: InPerson, With: "Anna"})
		})
		if _, ok := errors.AsType[*StateError](err); !ok {
			t.Errorf("a delayed notice was told: %v", err)
		}
		b.now = until.Add(time.Second)
		n, err = b.read().Notice(ctx, n.ID)
		must(t, err)
		equal(t, "after its end", []any{n.State, n.Overdue, n.ApprovedBy}, []any{Approved, true, "Maria Bauer"})
	})
}

func TestEndDelayAndWithdraw(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		n := b.draft(machineCaller, anna())
		n = b.do(func(w *Writer) (Notice, error) {
			return w.Delay(ctx, maria, n.ID, n.Version, "an operation runs", noon.Add(48*time.Hour))
		})
		n = b.do(func(w *Writer) (Notice, error) { return w.EndDelay(ctx, maria, n.ID, n.Version) })
		equal(t, "as before", []any{n.State, n.Due}, []any{Drafted, n.Knew.Add(72 * time.Hour)})
		n = b.do(func(w *Writer) (Notice, error) {
			return w.Withdraw(ctx, maria, n.ID, n.Version, "a newsletter she had asked for")
		})
		equal(t, "state", n.State, Withdrawn)
		again := b.draft(machineCaller, anna())
		equal(t, "a human decision stands", []any{again.State, again.Round}, []any{Withdrawn, 1})
		b.now = noon.Add(100 * 24 * time.Hour)
		counts, err := b.read().Counts(ctx, nil)
		must(t, err)
		equal(t, "no clock runs", counts.Open+counts.Overdue, 0)
		equal(t, "log", b.kinds(), []string{"drafted", "delayed", "delay ended", "withdrawn"})
	})
}

// TestRounds: what comes after a person was told is another notice with its own clock.
func TestRounds(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		n := b.approve(b.draft(machineCaller, anna()))
		b.do(func(w *Writer) (Notice, error) {
			return w.Told(ctx, paul, n.ID, n.Version, Handing{Way: OnPaper, With: "her office"})
		})
		equal(t, "nothing new", b.draft(machineCaller, anna()).ID, n.ID)
		b.now = noon.Add(5 * 24 * time.Hour)
		more := anna()
		more.Events = append(more.Events, Received{Event: "event:3", Time: noon.Add(4 * 24 * time.Hour), TimeKnown: true, Forms: []Form{Reply}})
		second := b.draft(machineCaller, more)
		equal(t, "round", second.Round, 2)
		equal(t, "tells of the new alone", len(second.Reach.Events), 1)
		equal(t, "knew", second.Knew, b.now)
		equal(t, "could have known", second.CouldKnow, noon.Add(4*24*time.Hour))
		list, err := b.read().Notices(ctx, Query{Person: "person:anna-keller"})
		must(t, err)
		equal(t, "open first", []int{list[0].Round, list[1].Round}, []int{2, 1})
	})
}

func TestOverdueOnTop(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for i, who := range []portcullis.ID{"person:a", "person:b", "person:c"} {
			r := anna()
			r.Person, r.Knew = who, noon.Add(-time.Duration([]int{10, 100, 80}[i])*time.Hour)
			r.CouldKnow = time.Time{}
			b.draft(machineCaller, r)
		}
		list, err := b.read().Notices(t.Context(), Query{Open: true})
		must(t, err)
		var order []portcullis.ID
		var overdue []bool
		for _, n := range list {
			order, overdue = append(order, n.Person), append(overdue, n.Overdue)
		}
		equal(t, "order", order, []portcullis.ID{"person:b", "person:c", "person:a"})
		equal(t, "overdue", overdue, []bool{true, true, false})
		counts, err := b.read().Counts(t.Context(), func(p portcullis.ID) bool { return p != "person:b" })
		must(t, err)
		equal(t, "counts within a scope", counts, Counts{Open: 2, Overdue: 1, States: map[State]int{Drafted: 2}})
		late, err := b.read().Notices(t.Context(), Query{Overdue: true, Limit: 1})
		must(t, err)
		equal(t, "limit", len(late), 1)
	})
}

func TestTellingNeedsItsFacts(t *testing.T) {
	b := &bench{t: t, s: open(t, sqliteConfig(t)), now: noon, cfg: DefaultConfig()}
	n := b.draft(machineCaller, anna())
	told := func(h Handing) error {
		_, err := b.try(func(w *Writer) (Notice, error) { return w.Told(t.Context(), paul, n.ID, n.Version, h) })
		return err
	}
	if _, ok := errors.AsType[*StateError](told(Handing{Way: InPerson, With: "Anna"})); !ok {
		t.Error("a notice was told that nobody had approved")
	}
	n = b.approve(n)
	for _, c := range []struct {
		h    Handing
		want string
	}{
		{Handing{Way: ByMail, With: "Anna"}, "no way to hand over"},
		{Handing{Way: InPerson}, "with whom"},
		{Handing{Way: InPerson, With: "Anna", When: noon.Add(time.Hour)}, "in the future"},
		{Handing{Way: InPerson, With: "Anna", When: noon.Add(-time.Hour)}, "approved only after"},
	} {
		if err := told(c.h); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.h, err, c.want)
		}
	}
}

func TestErase(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		b.approve(b.draft(machineCaller, anna()))
		other := anna()
		other.Person = "person:b"
		b.draft(machineCaller, other)
		must(t, b.s.Tx(ctx, func(tx *sql.Tx) error {
			w := NewWriter(tx, b.cfg, b.now)
			if err := w.Suspect(ctx, paul, "person:anna-keller", "mail went out at night"); err != nil {
				return err
			}
			n, err := w.Erase(ctx, "person:anna-keller")
			equal(t, "erased", n, 1)
			return err
		}))
		entries, err := chain.Entries(ctx, b.s.DB(), Log, 0, 100)
		must(t, err)
		for _, e := range entries {
			if strings.Contains(string(e.Body), "anna-keller") || strings.Contains(e.Subject, "anna") {
				t.Errorf("the log still says %s %s", e.Subject, e.Body)
			}
		}
		b.kinds() // whole
		a, err := b.read().Audit(ctx, AuditQuery{})
		must(t, err)
		equal(t, "clocks", len(a.Clocks), 2)
		if text := a.Text(nil); !strings.Contains(text, "somebody who was erased") || !strings.Contains(text, "person:b") {
			t.Errorf("the audit does not say what is left:\n%s", text)
		}
		list, err := b.read().Notices(ctx, Query{})
		must(t, err)
		equal(t, "left", len(list), 1)
	})
}

func TestRetain(t *testing.T) {
	b := &bench{t: t, s: open(t, sqliteConfig(t)), now: noon, cfg: DefaultConfig()}
	n := b.draft(machineCaller, anna())
	b.do(func(w *Writer) (Notice, error) { return w.Withdraw(t.Context(), maria, n.ID, 1, "no longer needed") })
	other := anna()
	other.Person = "person:b"
	b.draft(machineCaller, other)
	for _, c := range []struct {
		before time.Time
		want   int
	}{{noon, 0}, {noon.Add(time.Second), 1}} {
		must(t, b.s.Tx(t.Context(), func(tx *sql.Tx) error {
			got, err := NewWriter(tx, b.cfg, b.now).Retain(t.Context(), c.before)
			equal(t, "removed", got, c.want)
			return err
		}))
	}
	list, err := b.read().Notices(t.Context(), Query{})
	must(t, err)
	equal(t, "an open notice stays whatever its age", len(list), 1)
}

func TestAuditTellsOfTampering(t *testing.T) {
	b := &bench{t: t, s: open(t, sqliteConfig(t)), now: noon, cfg: DefaultConfig()}
	b.approve(b.draft(machineCaller, anna()))
	a, err := b.read().Audit(t.Context(), AuditQuery{Person: "person:anna-keller"})
	must(t, err)
	equal(t, "whole", a.Broken, "")
	equal(t, "line", []any{len(a.Clocks), a.Clocks[0].ApprovedBy, a.Clocks[0].State}, []any{1, "Maria Bauer", Approved})
	raw, err := a.JSON()
	must(t, err)
	var back Audit
	must(t, json.Unmarshal(raw, &back))
	equal(t, "round trip", back.Clocks, a.Clocks)

	must(t, b.s.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE chain_entry SET who = 'Nobody' WHERE seq = 2`)
		return err
	}))
	a, err = b.read().Audit(t.Context(), AuditQuery{})
	must(t, err)
	if !strings.Contains(a.Broken, "entry 2") || !strings.Contains(a.Text(nil), "THE LOG IS BROKEN") {
		t.Errorf("the audit does not say that the log was changed: %q", a.Broken)
	}
	page, err := a.HTML(nil)
	must(t, err)
	if !strings.Contains(string(page), "THE LOG IS BROKEN") {
		t.Error("nor does the page")
	}
}
