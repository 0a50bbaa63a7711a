//go:build unix

package register_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/pgtest"
)

// deskPolicy has an application that asks for many people.
const deskPolicy = testPolicy + `
[[person]]
name = "kiosk"
users = ["stranger"]
speaks_for = ["clerk", "auditor"]
`

// TestPreparedForOthers: what was prepared for one person, purpose or policy shows another no more than they may see, and
// what they are given is theirs in the ledger.
func TestPreparedForOthers(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 1000)
	o := open(t, pg, config(t, pg, t.TempDir(), deskPolicy))
	t.Run("purpose", func(t *testing.T) { o.preparedForPurpose(t) })
	t.Run("person", func(t *testing.T) { o.preparedForPerson(t) })
	t.Run("pipeline", func(t *testing.T) { o.preparedInPipeline(t) })
	t.Run("at risk", func(t *testing.T) { o.preparedBeforeRisk(t, pg) })
	t.Run("policy", func(t *testing.T) { o.preparedUnderPolicy(t) })
}

// born reads a date of birth by a statement that is there already.
func born(t *testing.T, c *pgx.Conn, sql string, args ...any) (d time.Time, err error) {
	t.Helper()
	err = c.QueryRow(t.Context(), sql, args...).Scan(&d)
	return d, err
}

func newYear(d time.Time) bool { return d.Month() == time.January && d.Day() == 1 }

func do(t *testing.T, c *pgx.Conn, all ...string) {
	t.Helper()
	for _, sql := range all {
		if _, err := c.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func (o *office) preparedForPurpose(t *testing.T) {
	c := o.connect(t, "alice", "desk")
	do(t, c, `SET portcullis.purpose = 'enquiry'`, `PREPARE two AS SELECT born FROM voters WHERE id = 100`)
	if _, err := c.Prepare(t.Context(), "one", `SELECT born FROM voters WHERE id = $1`); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Prepare(t.Context(), "older", `SELECT born + 1 FROM voters WHERE id = $1`); err != nil {
		t.Fatal(err)
	}
	if d, err := born(t, c, "one", 100); err != nil || newYear(d) {
		t.Fatalf("in clear: %v, %v", d, err)
	}
	do(t, c, `BEGIN`, `DECLARE three CURSOR FOR SELECT born FROM voters WHERE id = 100`, `SET portcullis.purpose = 'polling'`)
	if d, err := born(t, c, `FETCH 1 FROM three`, pgx.QueryExecModeSimpleProtocol); err != nil || !newYear(d) {
		t.Errorf("FETCH for a purpose that sees the year: %v, %v", d, err)
	}
	do(t, c, `COMMIT`)
	if d, err := born(t, c, "one", 100); err != nil || !newYear(d) {
		t.Errorf("a prepared statement for a purpose that sees the year: %v, %v", d, err)
	}
	if d, err := born(t, c, `EXECUTE two`, pgx.QueryExecModeSimpleProtocol); err != nil || !newYear(d) {
		t.Errorf("EXECUTE for a purpose that sees the year: %v, %v", d, err)
	}
	if _, err := born(t, c, "older", 100); code(err) != "42501" {
		t.Errorf("an expression over what is masked by now: %v", err)
	}
	do(t, c, `SET portcullis.purpose = 'enquiry'`)
	if d, err := born(t, c, "one", 100); err != nil || newYear(d) {
		t.Errorf("in clear again: %v, %v", d, err)
	}
}

func (o *office) preparedForPerson(t *testing.T) {
	c := o.connect(t, "stranger", "desk/enquiry")
	do(t, c, `SET portcullis.person = 'alice'`)
	for name, sql := range map[string]string{"q": `SELECT id FROM voters WHERE id = $1`, "as alice": `SET portcullis.person = 'alice'`, "as thief": `SET portcullis.person = 'thief'`} {
		if _, err := c.Prepare(t.Context(), name, sql); err != nil {
			t.Fatal(err)
		}
	}
	run := func(who string, id int) {
		t.Helper()
		if _, err := c.Exec(t.Context(), "as "+who); err != nil {
			t.Fatal(err)
		}
		if got, err := ids(t, c, "q", id); err != nil || len(got) != 1 {
			t.Fatalf("for %s: %v, %v", who, got, err)
		}
	}
	run("alice", 501)
	run("thief", 502)
	run("alice", 503)
	do(t, c, `SET portcullis.person = 'erin'`)
	if _, err := ids(t, c, "q", 504); code(err) != "42501" {
		t.Errorf("a statement that is not agreed on, for an auditor: %v", err)
	}
	o.contains(t, "alice", 501, 503)
	o.contains(t, "thief", 502)
}

// preparedInPipeline: PostgreSQL is asked for the next person before any row of the one before has come.
func (o *office) preparedInPipeline(t *testing.T) {
	c := o.connect(t, "stranger", "desk/enquiry")
	do(t, c, `SET portcullis.person = 'alice'`)
	if _, err := c.Prepare(t.Context(), "late", `SELECT id FROM voters WHERE id = $1`); err != nil {
		t.Fatal(err)
	}
	pipe := c.PgConn().StartPipeline(t.Context())
	for who, id := range map[string]string{"alice": "601", "thief": "602"} {
		pipe.SendQueryParams(`SET portcullis.person = '`+who+`'`, nil, nil, nil, nil)
		pipe.SendQueryPrepared("late", [][]byte{[]byte(id)}, nil, nil)
	}
	if err := pipe.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
	o.contains(t, "alice", 601)
	o.contains(t, "thief", 602)
}

// preparedBeforeRisk: who is listed as at risk by now does not leave by a statement that was prepared before.
func (o *office) preparedBeforeRisk(t *testing.T, pg *pgtest.Server) {
	c := o.connect(t, "alice", "desk/enquiry")
	if _, err := c.Prepare(t.Context(), "name", `SELECT o.id, (SELECT v.name FROM voters v WHERE v.id = o.id) FROM offices o WHERE o.id = $1`); err != nil {
		t.Fatal(err)
	}
	name := func() error {
		_, err := c.Exec(t.Context(), "name", 1)
		return err
	}
	if err := name(); err != nil {
		t.Fatal(err)
	}
	pg.PSQL(t, "postgres", `UPDATE voters SET at_risk = true WHERE id = 1`)
	if err := register.Call(t.Context(), &o.cfg, "POST", "/reload", nil, &register.Answer{}); err != nil {
		t.Fatal(err)
	}
	if err := name(); code(err) != "42501" {
		t.Errorf("an anonymous entry left: %v", err)
	}
}

func (o *office) preparedUnderPolicy(t *testing.T) {
	c := o.connect(t, "alice", "desk/enquiry")
	if _, err := c.Prepare(t.Context(), "one", `SELECT born FROM voters WHERE id = $1`); err != nil {
		t.Fatal(err)
	}
	if d, err := born(t, c, "one", 100); err != nil || newYear(d) {
		t.Fatalf("in clear: %v, %v", d, err)
	}
	next := strings.Replace(deskPolicy, `purposes = ["polling"]`, `purposes = ["polling", "enquiry"]`, 1)
	if err := os.WriteFile(o.cfg.Policy, []byte(withTokens(next)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := register.Call(t.Context(), &o.cfg, "POST", "/reload", nil, &register.Answer{}); err != nil {
		t.Fatal(err)
	}
	if d, err := born(t, c, "one", 100); err != nil || !newYear(d) {
		t.Errorf("prepared before the policy masks: %v, %v", d, err)
	}
	next += "[[protected]]\nrelation = \"public.offices\"\nkey = \"id\"\n"
	if err := os.WriteFile(o.cfg.Policy, []byte(withTokens(next)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := register.Call(t.Context(), &o.cfg, "POST", "/reload", nil, &register.Answer{}); err != nil {
		t.Fatal(err)
	}
	if _, err := born(t, c, "one", 100); code(err) != "26000" {
		t.Errorf("prepared before the policy protects more: %v", err)
	}
}
