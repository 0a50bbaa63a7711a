//go:build unix

package register_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/pgtest"
)

// readBy looks into the ledger for everybody who was given a voter's record.
func (o *office) readBy(t *testing.T, voter int) (who []string) {
	t.Helper()
	view, err := ledger.OpenView(t.Context(), o.cfg.LedgerDir(), o.cfg.LedgerConfig(quietLog()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = view.Close() }()
	h, err := view.WhoRead(t.Context(), []byte(strconv.Itoa(voter)), time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range h.Readings {
		who = append(who, r.Principal)
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// TestSetAndRolledBack: what a transaction took back of person, purpose and program no longer holds, and whose records are
// read afterwards is attributed to whom PostgreSQL would name.
func TestSetAndRolledBack(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 1000)
	o := open(t, pg, config(t, pg, t.TempDir(), deskPolicy))
	const thief = `SET portcullis.person = 'thief'`
	for i, c := range []struct {
		name  string
		run   []string
		whole bool // each fails or not as it may
		want  string
	}{
		{"rolled back", []string{`BEGIN`, thief, `ROLLBACK`}, false, "alice"},
		{"committed", []string{`BEGIN`, thief, `COMMIT`}, false, "thief"},
		{"within", []string{`BEGIN`, thief}, false, "thief"},
		{"local, within", []string{`BEGIN`, `SET LOCAL portcullis.person = 'thief'`}, false, "thief"},
		{"local", []string{`BEGIN`, `SET LOCAL portcullis.person = 'thief'`, `COMMIT`}, false, "alice"},
		{"set_config, local", []string{`BEGIN`, `SELECT set_config('portcullis.person', 'thief', true)`, `COMMIT`}, false, "alice"},
		{"savepoint", []string{`BEGIN`, `SAVEPOINT s`, thief, `ROLLBACK TO SAVEPOINT s`}, false, "alice"},
		{"savepoint by another spelling", []string{`BEGIN`, thief, `SAVEPOINT s`, `SET portcullis.person = 'alice'`, `ROLLBACK TO SAVEPOINT U&"\0073"`, `ROLLBACK`}, true, "alice"},
		{"savepoint too long", []string{`SAVEPOINT ` + strings.Repeat("s", 64)}, true, "alice"},
		{"failed", []string{`BEGIN`, thief, `SELECT 1/0`, `COMMIT`}, true, "alice"},
		{"in one text", []string{`SELECT 1/0;` + thief}, true, "alice"},
		{"before an error in one text", []string{thief + `; SELECT 1/0`}, true, "alice"},
		{"committed before an error", []string{`BEGIN; ` + thief + `; COMMIT; SELECT 1/0`}, true, "thief"},
		{"after the end of a failed one", []string{`BEGIN`, `SELECT 1/0`, `ROLLBACK; ` + thief}, true, "thief"},
		{"refused", []string{thief + `; COPY voters TO '/tmp/x'`}, true, "alice"},
		{"prepared by SQL", []string{`PREPARE p AS SELECT set_config('portcullis.person', 'thief', false)`}, false, "alice"},
		{"executed", []string{`PREPARE p AS SELECT set_config('portcullis.person', 'thief', false)`, `EXECUTE p`}, false, "thief"},
		{"all", []string{thief, `SET portcullis.person = 'alice'`}, false, "alice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := o.connect(t, "stranger", "desk/enquiry")
			do(t, conn, `SET portcullis.person = 'alice'`)
			for _, sql := range c.run {
				if _, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil && !c.whole {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			o.reads(t, conn, 101+i, c.want)
		})
	}
	t.Run("prepared and not run", func(t *testing.T) {
		conn := o.connect(t, "stranger", "desk/enquiry")
		do(t, conn, `SET portcullis.person = 'alice'`)
		if _, err := conn.Prepare(t.Context(), "later", thief); err != nil {
			t.Fatal(err)
		}
		o.reads(t, conn, 201, "alice")
	})
	for name, sql := range map[string]string{"pipeline that fails": `SELECT 1/0`, "pipeline with a refusal": `COPY voters TO '/tmp/x'`} {
		t.Run(name, func(t *testing.T) {
			conn := o.connect(t, "stranger", "desk/enquiry")
			do(t, conn, `SET portcullis.person = 'alice'`)
			var b pgx.Batch
			b.Queue(thief)
			b.Queue(sql)
			if err := conn.SendBatch(t.Context(), &b).Close(); err == nil {
				t.Fatal("it does not fail")
			}
			o.reads(t, conn, 202+len(name), "alice")
		})
	}
	t.Run("program", func(t *testing.T) { o.programRolledBack(t) })
}

// reads reads one voter and looks for whom the ledger says so.
func (o *office) reads(t *testing.T, conn *pgx.Conn, voter int, want string) {
	t.Helper()
	if got, err := ids(t, conn, `SELECT id FROM voters WHERE id = `+strconv.Itoa(voter), pgx.QueryExecModeSimpleProtocol); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if who := o.readBy(t, voter); !slices.Equal(who, []string{want}) {
		t.Errorf("the ledger has %v, want %s", who, want)
	}
}

// programRolledBack: the purpose comes from application_name, by which a date of birth is shown or not.
func (o *office) programRolledBack(t *testing.T) {
	conn := o.connect(t, "alice", "desk/enquiry")
	look := func(want bool) {
		t.Helper()
		if d, err := born(t, conn, `SELECT born FROM voters WHERE id = 100`, pgx.QueryExecModeSimpleProtocol); err != nil || newYear(d) != want {
			t.Errorf("masked %v, want %v; %v", newYear(d), want, err)
		}
	}
	do(t, conn, `BEGIN`, `SET application_name = 'desk/polling'`)
	look(true)
	do(t, conn, `ROLLBACK`)
	look(false)
	do(t, conn, `BEGIN`, `SET LOCAL portcullis.purpose = 'polling'`)
	look(true)
	do(t, conn, `COMMIT`)
	look(false)
	do(t, conn, `SET application_name = 'desk/polling'`)
	look(true)
}

// TestPassedBeforeProtected: what was prepared while nothing in it was protected does not run on unmetered once it is.
func TestPassedBeforeProtected(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 1000)
	o := open(t, pg, config(t, pg, t.TempDir(), testPolicy))
	c, cursor := o.connect(t, "alice", "desk/enquiry"), o.connect(t, "alice", "desk/enquiry")
	for name, sql := range map[string]string{"town": `SELECT id, name FROM offices`, "nothing": `SELECT 1`} {
		if _, err := c.Prepare(t.Context(), name, sql); err != nil {
			t.Fatal(err)
		}
	}
	do(t, c, `PREPARE hall AS SELECT id, name FROM offices`)
	do(t, cursor, `BEGIN`, `DECLARE d CURSOR FOR SELECT id, name FROM offices`)
	ran := func() (errs [4]error) {
		_, errs[0] = ids(t, c, "town")
		_, errs[1] = ids(t, c, `EXECUTE hall`, pgx.QueryExecModeSimpleProtocol)
		_, errs[2] = ids(t, cursor, `FETCH 1 FROM d`, pgx.QueryExecModeSimpleProtocol)
		_, errs[3] = c.Exec(t.Context(), "nothing")
		return errs
	}
	if errs := ran(); errs != [4]error{} {
		t.Fatal(errs)
	}
	next := testPolicy + "[[protected]]\nrelation = \"public.offices\"\nkey = \"id\"\n"
	if err := os.WriteFile(o.cfg.Policy, []byte(withTokens(next)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := register.Call(t.Context(), &o.cfg, "POST", "/reload", nil, &register.Answer{}); err != nil {
		t.Fatal(err)
	}
	errs := ran()
	for i, what := range []string{"a prepared statement", "EXECUTE", "FETCH"} {
		if code(errs[i]) != "26000" {
			t.Errorf("%s over what is protected by now: %v", what, errs[i])
		}
	}
	if errs[3] != nil {
		t.Errorf("a statement over nothing that is protected: %v", errs[3])
	}
	if _, err := c.Prepare(t.Context(), "town again", `SELECT id, name FROM offices`); err != nil {
		t.Fatal(err)
	}
	if got, err := ids(t, c, "town again"); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if who := o.readBy(t, 1); !slices.Equal(who, []string{"alice"}) {
		t.Errorf("the ledger has %v", who)
	}
}

// TestRecipientIsNoClerk: an extract for somebody who is called like a clerk is not the clerk's in the ledger.
func TestRecipientIsNoClerk(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 1000)
	o := open(t, pg, config(t, pg, t.TempDir(), testPolicy))
	o.reads(t, o.connect(t, "alice", "desk/enquiry"), 7, "alice")
	m := register.Extracting{Token: carolToken, Extract: register.Extract{Recipient: "alice", Reason: "the count"}}
	for id := 1; id <= 400; id++ { // more than a clerk may have in a day
		m.Keys = append(m.Keys, strconv.Itoa(100+id))
	}
	if err := register.Call(t.Context(), &o.cfg, "POST", "/extract", m, &register.Answer{}); err != nil {
		t.Fatal(err)
	}
	if who := o.readBy(t, 101); !slices.Equal(who, []string{"recipient: alice"}) {
		t.Errorf("the ledger has %v", who)
	}
	view, err := ledger.OpenView(t.Context(), o.cfg.LedgerDir(), o.cfg.LedgerConfig(quietLog()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = view.Close() }()
	if told, err := view.WhatRead(t.Context(), "alice", time.Now().Add(-time.Hour), time.Now().Add(time.Hour)); err != nil || told.Len() != 1 {
		t.Errorf("what the clerk was given: %v, %v", told.Len(), err)
	}
	o.stop()
	o = open(t, pg, o.cfg) // which counts again from the ledger
	o.reads(t, o.connect(t, "alice", "desk/enquiry"), 8, "alice")
}
