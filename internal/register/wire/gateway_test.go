//go:build unix

package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// scripted is a guard whose decisions a test sets by the text's beginning.
type scripted struct {
	mu      sync.Mutex
	decide  func(text string) (Decision, error)
	budget  int // rows that may leave; below 0: any number
	keys    []string
	starts  []Start
	tags    []string
	notice  func(*Fields)
	binding func(*Decision, Parameters) error
	begin   error
	block   chan struct{} // if set, Release waits for it
}

func (g *scripted) Begin(_ context.Context, who Start) (Session, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.starts = append(g.starts, who)
	return &scriptedSession{scripted: g}, g.begin
}

func (g *scripted) seen() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.keys...)
}

type scriptedSession struct {
	*scripted
	leave func()
}

// onWheel has sessions of scripted guards share a goroutine.
var onWheel atomic.Bool

func (s *scriptedSession) Leaves(leave func()) bool {
	s.leave = leave
	return onWheel.Load()
}

func (s *scriptedSession) Statement(_ context.Context, text string, _ bool) (Decision, error) {
	s.mu.Lock()
	decide := s.decide
	s.mu.Unlock()
	if decide == nil {
		return Pass(), nil
	}
	return decide(text)
}
func (s *scriptedSession) Changed(string, string) {}
func (s *scriptedSession) End()                   {}
func (s *scriptedSession) Notice(f *Fields) {
	if s.notice != nil {
		s.notice(f)
	}
}
func (s *scriptedSession) Bind(_ context.Context, d *Decision, p Parameters) (*Decision, error) {
	if s.binding == nil {
		return nil, nil
	}
	return nil, s.binding(d, p)
}
func (s *scriptedSession) Completed(_ *Result, tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tags = append(s.tags, tag)
}
func (s *scriptedSession) Ready(byte) {}

func (s *scriptedSession) Release(ctx context.Context, _ *Result, keys *Keys) (int, error) {
	if s.block != nil {
		s.leave()
		select {
		case <-s.block:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := keys.Rows()
	if s.budget >= 0 {
		n = min(n, s.budget)
		s.budget -= n
	}
	for i := range n * keys.Columns() {
		s.keys = append(s.keys, string(keys.Bytes(i)))
	}
	if n < keys.Rows() {
		return n, &Refusal{Code: "53400", Message: "budget used up", Hint: "Ask for more."}
	}
	return n, nil
}

// metered decides: texts that name the voters are metered by their first
// column, texts with "forbidden" refused.
func metered(text string) (Decision, error) {
	switch {
	case strings.Contains(text, "forbidden"):
		return Decision{}, &Refusal{Message: "not for you", Detail: "D", Hint: "Ask for it."}
	case strings.Contains(text, "from voter"):
		return Decision{Results: []Result{{Metered: true, KeyColumns: []int{0}, KeyTypes: []uint32{oidInt4}}}}, nil
	}
	return Pass(), nil
}

func connect(t testing.TB, address, options string) *pgx.Conn {
	t.Helper()
	if !strings.Contains(options, "sslmode") {
		options += "&sslmode=disable"
	}
	if !strings.Contains(options, "user=") {
		options += "&user=postgres"
	}
	conn, err := pgx.Connect(t.Context(), "postgres://"+address+"/postgres?"+strings.TrimPrefix(options, "&"))
	must(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestObserving(t *testing.T) {
	postgres(t)
	for _, mode := range []string{"simple_protocol", "cache_statement", "cache_describe", "describe_exec", "exec"} {
		t.Run(mode, func(t *testing.T) {
			g := &scripted{budget: -1, decide: metered}
			conn := connect(t, gateway(t, g, nil), "default_query_exec_mode="+mode)
			for range 2 {
				var n, sum int
				rows, err := conn.Query(t.Context(), "select id, name, born from voter where id <= $1", 1000)
				must(t, err)
				for rows.Next() {
					var id int
					var name string
					must(t, rows.Scan(&id, &name, nil))
					n, sum = n+1, sum+id
				}
				must(t, rows.Err())
				if n != 1000 || sum != 500500 {
					t.Errorf("%d rows, sum %d", n, sum)
				}
			}
			if got := g.seen(); len(got) != 2000 || got[999] != "1000" {
				t.Errorf("the guard saw %d keys", len(got))
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	postgres(t)
	g := &scripted{budget: -1, decide: metered}
	address := gateway(t, g, nil)
	for _, mode := range []string{"simple_protocol", "cache_statement", "exec"} {
		t.Run(mode, func(t *testing.T) {
			conn := connect(t, address, "default_query_exec_mode="+mode)
			_, err := conn.Exec(t.Context(), "select forbidden")
			if code(err) != "42501" || !strings.Contains(err.Error(), "not for you") {
				t.Errorf("got %v", err)
			}
			_, err = conn.Exec(t.Context(), "select 1")
			must(t, err)

			tx, err := conn.Begin(t.Context())
			must(t, err)
			_, err = tx.Exec(t.Context(), "select forbidden")
			if code(err) != "42501" {
				t.Errorf("in a transaction: %v", err)
			}
			if s := conn.PgConn().TxStatus(); s != 'E' {
				t.Errorf("transaction status %q", s)
			}
			_, err = tx.Exec(t.Context(), "select 1")
			if code(err) != "25P02" {
				t.Errorf("after it: %v", err)
			}
			must(t, tx.Rollback(t.Context()))
		})
	}
}

func TestRefusalInPipeline(t *testing.T) {
	postgres(t)
	conn := connect(t, gateway(t, &scripted{budget: -1, decide: metered}, nil), "")
	err := conn.PgConn().ExecBatch(t.Context(), func() *pgconn.Batch {
		b := &pgconn.Batch{}
		b.ExecParams("insert into other values (77)", nil, nil, nil, nil)
		b.ExecParams("select forbidden", nil, nil, nil, nil)
		b.ExecParams("insert into other values (78)", nil, nil, nil, nil)
		return b
	}()).Close()
	if code(err) != "42501" {
		t.Errorf("got %v", err)
	}
	var n int
	must(t, conn.QueryRow(t.Context(), "select count(*) from other where n in (77, 78)").Scan(&n))
	if n != 0 {
		t.Errorf("%d statements of the failed pipeline had an effect", n)
	}
}

func TestStop(t *testing.T) {
	postgres(t)
	texts := map[string]string{
		"small":   "select id, name from voter where id <= 50",
		"large":   "select id, name from voter a",
		"endless": "select id, name from voter, generate_series(1, 1000) s",
	}
	for name, text := range texts {
		text = strings.Replace(text, "voter a", "voter", 1)
		for _, mode := range []string{"simple_protocol", "cache_statement"} {
			for _, inside := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/%v", name, mode, inside), func(t *testing.T) { testStop(t, text, mode, inside) })
			}
		}
	}
}

func testStop(t *testing.T, text, mode string, inside bool) {
	g := &scripted{budget: 7, decide: metered}
	conn := connect(t, gateway(t, g, nil), "default_query_exec_mode="+mode)
	if inside {
		_, err := conn.Exec(t.Context(), "begin")
		must(t, err)
	}
	rows, err := conn.Query(t.Context(), text)
	must(t, err)
	n := 0
	for rows.Next() {
		n++
	}
	if n != 7 || code(rows.Err()) != "53400" {
		t.Errorf("%d rows, then %v", n, rows.Err())
	}
	want := byte('I')
	if inside {
		want = 'E'
	}
	if got := conn.PgConn().TxStatus(); got != want {
		t.Errorf("transaction status %q, want %q", got, want)
	}
	if inside {
		if _, err := conn.Exec(t.Context(), "select 1"); code(err) != "25P02" {
			t.Errorf("the transaction goes on: %v", err)
		}
		_, err := conn.Exec(t.Context(), "rollback")
		must(t, err)
	}
	for range 20 { // a late cancel would hit one of these
		_, err := conn.Exec(t.Context(), "select pg_sleep(0.001)")
		must(t, err)
	}
}

// TestStopWithEffects: what the client is told was skipped had been run.
func TestStopWithEffects(t *testing.T) {
	s := postgres(t)
	decide := func(text string) (Decision, error) {
		return Decision{Results: []Result{{Metered: true, KeyColumns: []int{0}}, {}}}, nil
	}
	conn := connect(t, gateway(t, &scripted{budget: 0, decide: decide}, nil), "default_query_exec_mode=simple_protocol")
	results, err := conn.PgConn().Exec(t.Context(), "select id from voter where id = 1; insert into other values (91)").ReadAll()
	if len(results) > 0 && len(results[0].Rows) > 0 {
		t.Errorf("%d rows left", len(results[0].Rows))
	}
	if c := code(err); c != "53400" && c != "40003" {
		t.Errorf("got %v", err)
	}
	ran := strings.TrimSpace(s.sql(t, "select count(*) from other where n = 91; delete from other where n = 91"))
	if ran != "0" && !conn.PgConn().IsClosed() {
		if _, err := conn.Exec(t.Context(), "select 1"); err == nil {
			t.Error("the session goes on though the insert was committed")
		}
	}
}

func TestStopCopy(t *testing.T) {
	postgres(t)
	for _, text := range []string{"copy (select * from voter) to stdout", "copy (select * from voter) to stdout (format binary)", "copy (select * from voter) to stdout csv"} {
		t.Run(text, func(t *testing.T) {
			decide := func(text string) (Decision, error) {
				return Decision{Results: []Result{{Metered: true, KeyColumns: []int{0}, KeyTypes: []uint32{oidInt4}, Copy: CopyFormat{CSV: strings.Contains(text, "csv")}}}}, nil
			}
			g := &scripted{budget: 100, decide: decide}
			conn := connect(t, gateway(t, g, nil), "")
			var out bytes.Buffer
			_, err := conn.PgConn().CopyTo(t.Context(), &out, text)
			if code(err) != "53400" {
				t.Errorf("got %v", err)
			}
			if !strings.Contains(text, "binary") && strings.Count(out.String(), "\n") != 100 {
				t.Errorf("%d rows left", strings.Count(out.String(), "\n"))
			}
			if keys := g.seen(); len(keys) != 100 || keys[99] != "100" {
				t.Errorf("keys %v", keys)
			}
			g.mu.Lock()
			g.budget, g.decide = -1, nil
			g.mu.Unlock()
			must(t, conn.Ping(t.Context()))
		})
	}
}

func TestHiddenColumns(t *testing.T) {
	postgres(t)
	decide := func(text string) (Decision, error) {
		if text == "select name, born from voter where id < $1" || text == "select name, born from voter where id < 4" {
			return Decision{Text: strings.Replace(text, "born", "born, id, code", 1), Results: []Result{{Metered: true, KeyColumns: []int{2, 3}, Hidden: 2}}}, nil
		}
		return Pass(), nil
	}
	for _, mode := range []string{"simple_protocol", "cache_statement", "cache_describe", "describe_exec", "exec"} {
		t.Run(mode, func(t *testing.T) {
			g := &scripted{budget: -1, decide: decide}
			conn := connect(t, gateway(t, g, nil), "default_query_exec_mode="+mode)
			text, args := "select name, born from voter where id < $1", []any{4}
			if mode == "simple_protocol" {
				text, args = "select name, born from voter where id < 4", nil
			}
			for range 2 {
				rows, err := conn.Query(t.Context(), text, args...)
				must(t, err)
				if got := len(rows.FieldDescriptions()); got > 2 {
					t.Errorf("%d columns described", got)
				}
				got, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
					var name string
					var born time.Time
					err := row.Scan(&name, &born)
					return name + born.Format(" 2006-01-02"), err
				})
				must(t, err)
				if len(got) != 3 || got[2] != "Name 3 1950-06-18" {
					t.Errorf("got %q", got)
				}
			}
			if keys := strings.Join(g.seen(), " "); keys != "1 C1 2 C2 3 C3 1 C1 2 C2 3 C3" {
				t.Errorf("keys %s", keys)
			}
		})
	}
}

func TestHiddenInCopy(t *testing.T) {
	postgres(t)
	for _, c := range []struct {
		format, want string
		copy         CopyFormat
	}{
		{"", "Name 1\t1950-06-16\nName 2\t1950-06-17\n", CopyFormat{}},
		{"(format csv, header)", "name,born\nName 1,1950-06-16\nName 2,1950-06-17\n", CopyFormat{CSV: true, Header: true}},
		{"(delimiter '|')", "Name 1|1950-06-16\nName 2|1950-06-17\n", CopyFormat{Delimiter: '|'}},
		{"(format csv, force_quote *)", "\"Name 1\",\"1950-06-16\"\n\"Name 2\",\"1950-06-17\"\n", CopyFormat{CSV: true}},
	} {
		t.Run(c.format, func(t *testing.T) {
			decide := func(string) (Decision, error) {
				return Decision{
					Text:    "copy (select name, born, id from voter where id < 3) to stdout " + c.format,
					Results: []Result{{Metered: true, KeyColumns: []int{2}, Hidden: 1, Copy: c.copy}},
				}, nil
			}
			g := &scripted{budget: -1, decide: decide}
			conn := connect(t, gateway(t, g, nil), "")
			var out bytes.Buffer
			_, err := conn.PgConn().CopyTo(t.Context(), &out, "copy …")
			must(t, err)
			if out.String() != c.want {
				t.Errorf("got %q", out.String())
			}
			if keys := strings.Join(g.seen(), " "); keys != "1 2" {
				t.Errorf("keys %s", keys)
			}
		})
	}
}

func TestMasks(t *testing.T) {
	postgres(t)
	decide := func(string) (Decision, error) {
		return Decision{Results: []Result{{Metered: true, KeyColumns: []int{0}, Masks: []Mask{{Column: 1, Kind: MaskText, Text: "***"}, {Column: 2, Kind: MaskYear}, {Column: 3, Kind: MaskNull}}}}}, nil
	}
	for _, mode := range []string{"simple_protocol", "cache_statement"} {
		conn := connect(t, gateway(t, &scripted{budget: -1, decide: decide}, nil), "default_query_exec_mode="+mode)
		var id int
		var name string
		var born time.Time
		var code *string
		must(t, conn.QueryRow(t.Context(), "select id, name, born, code from voter where id=5").Scan(&id, &name, &born, &code))
		if got := fmt.Sprint(id, name, born.Format(" 2006-01-02"), code); got != "5*** 1950-01-01<nil>" {
			t.Errorf("%s: got %q", mode, got)
		}
		_, err := conn.PgConn().CopyTo(t.Context(), &bytes.Buffer{}, "copy voter to stdout")
		if !strings.Contains(fmt.Sprint(err), "only in part") {
			t.Errorf("%s: COPY: %v", mode, err)
		}
		must(t, conn.Ping(t.Context()))
	}
}

func TestKeyTypes(t *testing.T) {
	postgres(t)
	g := &scripted{budget: -1, decide: func(string) (Decision, error) {
		return Decision{Results: []Result{{Metered: true, KeyColumns: []int{0, 1, 2, 3, 4}}}}, nil
	}}
	address := gateway(t, g, nil)
	for _, mode := range []string{"simple_protocol", "cache_statement"} {
		conn := connect(t, address, "default_query_exec_mode="+mode)
		_, err := conn.Exec(t.Context(), "select 4711::int2, -5::int8, 'x'::text, '00000000-0000-0000-0000-00000000000a'::uuid, null::int4")
		must(t, err)
	}
	const one = "4711 -5 x 00000000-0000-0000-0000-00000000000a "
	if got := strings.Join(g.seen(), " "); got != one+" "+one {
		t.Errorf("got %q", got)
	}
}
