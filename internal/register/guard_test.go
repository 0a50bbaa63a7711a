//go:build unix

package register_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/pgtest"
)

const (
	carolToken = "carol's token"
	daveToken  = "dave's token"
)

// testPolicy is of a small office: clerks with a day of 300, an auditor who may have agreed statements only.
const testPolicy = `
mode = "enforce"
group_size = 10
[[supervisor]]
name = "carol"
token_sha256 = "75a1cd9f2ae3c3e2ec6f66c9e5ecd4b6bf63c8e4e93f3d4ed90e1a47b38bd1a5"
[[supervisor]]
name = "dave"
token_sha256 = "83d6b6bc7e0a1f4d1dd8c3a5c1d2d6bb0e6b1c3c0b8b6e0c5fe6a8f6c8f6e2d1"
[[protected]]
relation = "public.voters"
key = "id"
anonymous = "at_risk"
[[role]]
name = "clerk"
[[role]]
name = "auditor"
allowed_only = true
[[purpose]]
name = "enquiry"
[[purpose]]
name = "polling"
[[person]]
name = "alice"
role = "clerk"
[[person]]
name = "thief"
role = "clerk"
[[person]]
name = "erin"
role = "auditor"
[[mask]]
column = "public.voters.born"
show = "year"
purposes = ["polling"]
[[budget]]
name = "each clerk"
per = "person"
role = "clerk"
day = 300
year = 20000
[[budget]]
name = "questions"
per = "person"
statements_per_hour = 5000
`

// office is a register of invented voters with a guard before it.
type office struct {
	pg    *pgtest.Server
	cfg   register.Config
	guard *register.Guard
	stop  func()
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// voters makes the register: n invented people, one in 50,000 at risk.
func voters(t testing.TB, pg *pgtest.Server, n int) {
	t.Helper()
	pg.PSQL(t, "postgres", fmt.Sprintf(`
CREATE TABLE public.voters (id bigint PRIMARY KEY, name text NOT NULL, street text NOT NULL, ward int NOT NULL, born date NOT NULL, at_risk boolean NOT NULL DEFAULT false);
INSERT INTO public.voters SELECT i, 'Voter ' || md5(i::text), 'Street ' || i %% 977, i %% 400, date '1930-01-01' + (i::bigint * 7919 %% 28000)::int, i %% 50000 = 77 FROM generate_series(1, %d) AS i;
CREATE INDEX ON public.voters (ward);
CREATE TABLE public.offices (id int PRIMARY KEY, name text); INSERT INTO public.offices VALUES (1, 'Town Hall');
CREATE ROLE alice LOGIN; CREATE ROLE thief LOGIN; CREATE ROLE erin LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE watcher LOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO alice, thief, erin, stranger;
GRANT SELECT (id, at_risk) ON public.voters TO watcher;
ANALYZE public.voters`, n))
}

func config(t testing.TB, pg *pgtest.Server, dir, policy string) register.Config {
	t.Helper()
	cfg := register.DefaultConfig()
	cfg.Listen, cfg.Upstream = freeAddr(t), pg.Addr()
	cfg.Data, cfg.Keys = filepath.Join(dir, "data"), filepath.Join(dir, "keys")
	cfg.Policy, cfg.Catalogue = filepath.Join(dir, "register.toml"), pg.URL("watcher", "postgres")
	cfg.Integers = 2_000_000
	if err := os.WriteFile(cfg.Policy, []byte(withTokens(policy)), 0o600); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func withTokens(policy string) string {
	return strings.NewReplacer(
		"75a1cd9f2ae3c3e2ec6f66c9e5ecd4b6bf63c8e4e93f3d4ed90e1a47b38bd1a5", hash(carolToken),
		"83d6b6bc7e0a1f4d1dd8c3a5c1d2d6bb0e6b1c3c0b8b6e0c5fe6a8f6c8f6e2d1", hash(daveToken)).Replace(policy)
}

func quietLog() *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	return slog.New(slog.DiscardHandler)
}

func open(t testing.TB, pg *pgtest.Server, cfg register.Config) *office {
	t.Helper()
	g, err := register.Open(t.Context(), cfg, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Serve(ctx) }()
	o := &office{pg: pg, cfg: cfg, guard: g}
	stopped := false
	o.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := errors.Join(<-done, g.Close()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(o.stop)
	o.await(t)
	return o
}

func (o *office) await(t testing.TB) {
	t.Helper()
	for range 1200 {
		if c, err := net.Dial("tcp", o.cfg.Listen); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the guard does not listen")
}

// connect opens a session through the guard.
func (o *office) connect(t testing.TB, user, application string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://%s@%s/postgres?sslmode=disable&application_name=%s", user, o.cfg.Listen, application))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// ids reads a statement's first column, and returns what arrived before any error.
func ids(t testing.TB, c *pgx.Conn, sql string, args ...any) (got []int64, err error) {
	t.Helper()
	rows, err := c.Query(t.Context(), sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return got, err
		}
		id, _ := v[0].(int64)
		got = append(got, id)
	}
	return got, rows.Err()
}

func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestClerkAndThief is the whole of it, before a register of a million: the clerk works on
// undisturbed, the thief is stopped exactly after the allowed rows, and the ledger can name the
// voters who are to be told.
func TestClerkAndThief(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 1_000_000)
	o := open(t, pg, config(t, pg, t.TempDir(), testPolicy))
	clerk, thief := o.connect(t, "alice", "desk/enquiry"), o.connect(t, "thief", "desk/enquiry")

	worked := make(chan error, 1)
	go func() {
		for i := range 200 {
			got, err := ids(t, clerk, `SELECT id, name, born FROM voters WHERE id = $1`, 1000+i*13)
			if err != nil || len(got) != 1 || got[0] != int64(1000+i*13) {
				worked <- fmt.Errorf("look-up %d: %v, %w", i, got, err)
				return
			}
		}
		worked <- nil
	}()
	got, err := ids(t, thief, `SELECT * FROM voters ORDER BY name`)
	if code(err) != "53400" {
		t.Errorf("the thief was told %v", err)
	}
	if len(got) != 300 && code(err) == "53400" {
		t.Errorf("the thief got %d rows, want 300", len(got))
	}
	again, err := ids(t, thief, `SELECT id FROM voters WHERE ward = 5 LIMIT 10`)
	if code(err) != "53400" || len(again) > 10 {
		t.Errorf("more for the thief: %v %v", again, err)
	}
	if err := <-worked; err != nil {
		t.Error("the clerk was disturbed:", err)
	}
	o.checkLedger(t, "thief", append(got, again...))
	o.checkFindings(t, register.RuleBudget, "thief was stopped")
}

// checkLedger compares what arrived with what the ledger says.
func (o *office) checkLedger(t testing.TB, who string, got []int64) {
	t.Helper()
	view, err := ledger.OpenView(t.Context(), o.cfg.LedgerDir(), o.cfg.LedgerConfig(quietLog()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = view.Close() }()
	told, err := view.WhatRead(t.Context(), who, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]bool{}
	for key, err := range told.Voters() {
		if err != nil {
			t.Fatal(err)
		}
		in[key] = true
	}
	want := map[string]bool{}
	for _, id := range got {
		want[fmt.Sprint(id)] = true
		if !in[fmt.Sprint(id)] {
			t.Fatalf("voter %d left to %s and is not in the ledger", id, who)
		}
	}
	if len(in) != len(want) {
		t.Errorf("the ledger names %d voters, %d left", len(in), len(want))
	}
}

func (o *office) checkFindings(t testing.TB, rule, text string) {
	t.Helper()
	found := false
	place, err := register.ReadSpool(filepath.Join(o.cfg.Data, "findings"), "", func(r register.Raised) error {
		found = found || r.Finding.Rule == rule && strings.Contains(r.Finding.Summary, text)
		var detail struct {
			Class int `json:"class_uid"`
		}
		if err := json.Unmarshal(r.Event.Detail, &detail); err != nil || detail.Class != 6005 {
			t.Errorf("the event is no Datastore Activity: %s", r.Event.Detail)
		}
		return nil
	})
	if err != nil || place == "" || !found {
		t.Errorf("no finding %s %q: %v", rule, text, err)
	}
}

// TestSession goes through what a clerk meets, one connection at a time.
func TestSession(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 60_000)
	o := open(t, pg, config(t, pg, t.TempDir(), testPolicy))

	t.Run("refusals", func(t *testing.T) { o.refusals(t) })
	t.Run("cursors and prepared statements", func(t *testing.T) { o.names(t) })
	t.Run("masks", func(t *testing.T) { o.masks(t) })
	t.Run("anonymous entries", func(t *testing.T) { o.anonymous(t) })
	t.Run("what is left, and a grant", func(t *testing.T) { o.left(t) })
	t.Run("reload and restart", func(t *testing.T) { o.restart(t) })
}

func (o *office) refusals(t *testing.T) {
	for _, c := range []struct{ user, application, sql, want string }{
		{"alice", "desk/enquiry", `SELECT name FROM offices`, ""},
		{"stranger", "x", `SELECT name FROM offices`, ""},
		{"stranger", "x", `SELECT id FROM voters WHERE id = 1`, "28000"},
		{"alice", "desk", `SELECT id FROM voters WHERE id = 1`, "28000"},
		{"alice", "desk/gossip", `SELECT id FROM voters WHERE id = 1`, "28000"},
		{"erin", "desk/enquiry", `SELECT id FROM voters WHERE id = 1`, "42501"},
		{"alice", "desk/enquiry", `SELECT string_agg(name, ',') FROM voters`, "42501"},
		{"alice", "desk/enquiry", `SELECT ward, count(*) FROM voters GROUP BY ward HAVING ward < 3`, ""},
		{"alice", "desk/enquiry", `SELECT count(*) FROM voters WHERE name = 'x'`, "42501"},
		{"alice", "desk/enquiry", `SELECT ward, count(*) FROM voters WHERE id < 50 GROUP BY ward`, "42501"},
		{"alice", "desk/enquiry", `SELECT name FROM voters WHERE id = 5`, ""},
		{"alice", "desk/enquiry", `COPY voters TO '/tmp/x'`, "42501"},
	} {
		conn := o.connect(t, c.user, c.application)
		_, err := conn.Exec(t.Context(), c.sql)
		if got := code(err); got != c.want && !(c.want == "42501" && strings.HasPrefix(got, "0A")) {
			t.Errorf("%s as %s (%s): %v; want %q", c.sql, c.user, c.application, err, c.want)
		}
		var e *pgconn.PgError
		if errors.As(err, &e) && e.Hint == "" {
			t.Errorf("%s: no hint: %s", c.sql, e.Message)
		}
		_ = conn.Close(t.Context())
	}
	if c, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://alice@%s/template1?sslmode=disable", o.cfg.Listen)); code(err) != "3D000" {
		t.Errorf("another database: %v %v", c, err)
	}
	o.checkFindings(t, register.RuleRefused, "was refused a statement")
}

func (o *office) names(t *testing.T) {
	c := o.connect(t, "alice", "desk")
	run := func(want, sql string) {
		t.Helper()
		if _, err := c.Exec(t.Context(), sql); code(err) != want {
			t.Errorf("%s: %v; want %q", sql, err, want)
		}
	}
	run("", `SET portcullis.purpose = 'enquiry'`)
	run("", `PREPARE one AS SELECT name FROM voters WHERE id = 4711`)
	run("42P05", `PREPARE one AS SELECT 1`)
	run("", `EXECUTE one`)
	run("26000", `EXECUTE two`)
	run("", `DEALLOCATE one`)
	run("", `PREPARE one AS SELECT 1`)
	run("", `BEGIN; DECLARE c CURSOR FOR SELECT name FROM voters WHERE id IN (4712, 4713)`)
	run("", `FETCH ALL FROM c`)
	run("", `COMMIT`)
	run("", `RESET portcullis.purpose`)
	run("28000", `SELECT name FROM voters WHERE id = 1`)
	o.contains(t, "alice", 4711, 4712, 4713)
}

// contains tells that the ledger has some voters.
func (o *office) contains(t testing.TB, who string, voters ...int64) {
	t.Helper()
	view, err := ledger.OpenView(t.Context(), o.cfg.LedgerDir(), o.cfg.LedgerConfig(quietLog()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = view.Close() }()
	for _, v := range voters {
		h, err := view.WhoRead(t.Context(), fmt.Append(nil, v), time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		if err != nil || len(h.Readings) == 0 || h.Readings[0].Principal != who {
			t.Errorf("voter %d was given to %s; the ledger says %+v, %v", v, who, h, err)
		}
	}
}

func (o *office) masks(t *testing.T) {
	born := func(application, sql string) (string, error) {
		c := o.connect(t, "alice", application)
		var d time.Time
		err := c.QueryRow(t.Context(), sql).Scan(&d)
		return d.Format(time.DateOnly), err
	}
	clear, err := born("desk/enquiry", `SELECT born FROM voters WHERE id = 100`)
	if err != nil {
		t.Fatal(err)
	}
	masked, err := born("desk/polling", `SELECT born FROM voters WHERE id = 100`)
	if err != nil || masked != clear[:4]+"-01-01" {
		t.Errorf("%s in clear, %s masked, %v", clear, masked, err)
	}
	if _, err := born("desk/polling", `SELECT born + 1 FROM voters WHERE id = 100`); code(err) != "42501" {
		t.Errorf("an expression over a masked column: %v", err)
	}
	if _, err := born("desk/polling", `SELECT current_date FROM voters WHERE born < '1950-01-01' LIMIT 1`); code(err) != "42501" {
		t.Errorf("a condition on a masked column: %v", err)
	}
	c := o.connect(t, "alice", "desk/polling")
	for _, sql := range []string{`SELECT EXISTS (SELECT FROM voters WHERE id = 100 AND born < '1950-01-01')`, `UPDATE voters SET ward = ward WHERE id = 100 AND born < '1950-01-01'`} {
		if _, err := c.Exec(t.Context(), sql); code(err) != "42501" || !strings.Contains(err.Error(), "masked") {
			t.Errorf("one bit of a masked column, by %s: %v", sql, err)
		}
	}
}

func (o *office) act(t testing.TB, a register.Act) (register.Answer, error) {
	t.Helper()
	var answer register.Answer
	err := register.Call(t.Context(), &o.cfg, "POST", "/act", a, &answer)
	return answer, err
}

func (o *office) anonymous(t *testing.T) {
	c := o.connect(t, "alice", "desk/enquiry")
	if _, err := ids(t, c, `SELECT id FROM voters WHERE id = 77`); code(err) != "42501" {
		t.Fatalf("an anonymous entry left: %v", err)
	}
	request := register.Act{Token: carolToken, Do: "request", Request: register.Request{What: register.AskAnonymous, Person: "alice", Voter: "77", Reason: "her own wish", For: time.Hour}}
	a, err := o.act(t, request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.act(t, register.Act{Token: carolToken, Do: "approve", ID: a.ID}); err == nil {
		t.Error("one person approved what she asked for")
	}
	if _, err := o.act(t, register.Act{Token: "nobody's", Do: "approve", ID: a.ID}); err == nil {
		t.Error("a stranger approved")
	}
	if _, err := o.act(t, register.Act{Token: daveToken, Do: "approve", ID: a.ID}); err != nil {
		t.Error(err)
	}
	if got, err := ids(t, c, `SELECT id FROM voters WHERE id = 77`); err != nil || len(got) != 1 {
		t.Errorf("after two approvals: %v, %v", got, err)
	}
}

func (o *office) left(t *testing.T) {
	c := o.connect(t, "thief", "desk/enquiry")
	left := func() (n int64) {
		rows, err := c.Query(t.Context(), `SHOW portcullis.left`, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			v, _ := rows.Values()
			if v[0] == "each clerk" && v[3] == "day" {
				n = v[6].(int64)
			}
		}
		return n
	}
	if n := left(); n != 300 {
		t.Errorf("%d left at first", n)
	}
	got, err := ids(t, c, `SELECT id FROM voters WHERE id BETWEEN 10001 AND 10500`)
	if len(got) != 300 || code(err) != "53400" || left() != 0 {
		t.Errorf("%d rows, %v, %d left", len(got), err, left())
	}
	grant := register.Act{Token: carolToken, Do: "grant"}
	grant.Grant.Per, grant.Grant.Who, grant.Grant.More, grant.Grant.Reason, grant.Grant.Until = "person", "thief", 20, "recount", time.Now().Add(time.Hour)
	if _, err := o.act(t, grant); err != nil {
		t.Fatal(err)
	}
	if got, err := ids(t, c, `SELECT id FROM voters WHERE id BETWEEN 10001 AND 10500`); len(got) != 320 || code(err) != "53400" {
		t.Errorf("after a grant of 20: %d rows, %v", len(got), err)
	}
}

// restart: a policy with an error changes nothing, and a new process knows what was read and granted.
func (o *office) restart(t *testing.T) {
	raw, err := os.ReadFile(o.cfg.Policy)
	if err != nil {
		t.Fatal(err)
	}
	_ = os.WriteFile(o.cfg.Policy, append(raw, "\n[[budget]]\nname = 7\n"...), 0o600)
	var answer register.Answer
	if err := register.Call(t.Context(), &o.cfg, "POST", "/reload", nil, &answer); err == nil || !strings.Contains(err.Error(), "stays as it was") {
		t.Errorf("reload: %v", err)
	}
	_ = os.WriteFile(o.cfg.Policy, raw, 0o600)
	var before, after register.Status
	if err := register.Call(t.Context(), &o.cfg, "GET", "/status", nil, &before); err != nil || before.Mode != "enforce" || len(before.Grants) != 1 {
		t.Errorf("status: %+v, %v", before, err)
	}
	o.stop()
	again := open(t, o.pg, o.cfg)
	if err := register.Call(t.Context(), &o.cfg, "GET", "/status", nil, &after); err != nil || len(after.Grants) != 1 {
		t.Errorf("status after a restart: %+v, %v", after, err)
	}
	c := again.connect(t, "thief", "desk/enquiry")
	if got, err := ids(t, c, `SELECT id FROM voters WHERE id BETWEEN 10301 AND 10500`); len(got) != 20 || code(err) != "53400" {
		t.Errorf("after a restart: %d rows, %v; the 20 that were granted cost nothing again", len(got), err)
	}
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
