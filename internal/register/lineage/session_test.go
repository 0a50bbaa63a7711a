package lineage_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"

	"portcullis.example/portcullis/internal/register/lineage"
	"portcullis.example/portcullis/internal/testenv"
)

// register is a small invented register in a database of its own.
type register struct {
	url     string
	db      *sql.DB
	secrets map[string]int // what only one voter has
}

var protected = []lineage.Protected{{Relation: "app.voters", Key: "id", Flag: "shielded"}}

const groupSize = 5

// newRegister fills a database. Registers of different salts differ in every voter's values and in nothing else.
func newRegister(t testing.TB, salt string) *register {
	t.Helper()
	base := testenv.Postgres(t)
	name := fmt.Sprintf("lineage_%d_%s", os.Getpid(), strings.ToLower(salt))
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name} {
		if _, err := admin.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	url := withDatabase(base, name)
	r := &register{url: url, secrets: map[string]int{}}
	if r.db, err = sql.Open("pgx", url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.db.Close()
		admin.Exec("DROP DATABASE " + name + " WITH (FORCE)")
		admin.Close()
	})
	schema, err := os.ReadFile("testdata/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	conn := r.connect(t)
	if _, err := conn.Exec(t.Context(), strings.ReplaceAll(string(schema), "SALT", salt)).ReadAll(); err != nil {
		t.Fatalf("fill the register: %v", err)
	}
	r.readSecrets(t)
	return r
}

func withDatabase(base, name string) string {
	head, query, _ := strings.Cut(base, "?")
	head = head[:strings.LastIndex(head, "/")+1] + name
	if query != "" {
		return head + "?" + query
	}
	return head
}

func (r *register) connect(t testing.TB) *pgconn.PgConn {
	t.Helper()
	cfg, err := pgconn.ParseConfig(r.url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.RuntimeParams["search_path"] = "app, public"
	conn, err := pgconn.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (r *register) readSecrets(t testing.TB) {
	t.Helper()
	rows, err := r.db.Query(`SELECT id, given, surname FROM app.voters`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int
		var given, surname string
		if err := rows.Scan(&id, &given, &surname); err != nil {
			t.Fatal(err)
		}
		r.secrets[given[3:]], r.secrets[surname[3:]] = id, id
	}
}

func (r *register) analyse(t testing.TB, opts lineage.Options) *lineage.Analyser {
	t.Helper()
	cat, err := lineage.Load(t.Context(), r.db)
	if err != nil {
		t.Fatal(err)
	}
	a, err := lineage.New(cat, protected, opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// session does what a guard does, in the simplest way, and writes down all a client could see.
type session struct {
	conn     *pgconn.PgConn
	analyser *lineage.Analyser
	path     []string
	temp     []string
	named    map[string]*lineage.Result
	kinds    []lineage.Kind
	refused  *lineage.Refusal
	seen     strings.Builder // all that reaches the client
	unkeyed  strings.Builder // of it, what no key stands for
	rows     []string        // visible rows, in order
	counted  map[int]bool
}

func newSession(conn *pgconn.PgConn, a *lineage.Analyser) *session {
	return &session{conn: conn, analyser: a, path: []string{"app", "public"}, named: map[string]*lineage.Result{}, counted: map[int]bool{}}
}

func (s *session) run(ctx context.Context, text string) {
	settings := lineage.NewSettings(s.path, "postgres", s.temp, nil)
	plans, err := s.analyser.Analyse(text, settings)
	if err != nil {
		errors.As(err, &s.refused)
		s.kinds = append(s.kinds, lineage.Refused)
		return
	}
	for i := range plans {
		p := &plans[i]
		s.kinds = append(s.kinds, p.Kind)
		if p.Kind == lineage.Refused {
			s.refused = p.Refusal
			return
		}
		s.send(ctx, p)
	}
}

func (s *session) send(ctx context.Context, p *lineage.Plan) {
	result := p.Result
	name := fmt.Sprint(p.Cursor, p.Name)
	if p.Kind == lineage.Execute {
		result = s.named[name]
	}
	if result != nil && result.Copy != nil {
		s.copy(ctx, p)
		return
	}
	reader := s.conn.Exec(ctx, p.Text)
	for reader.NextResult() {
		rr := reader.ResultReader()
		for rr.NextRow() {
			s.row(result, rr.Values())
		}
		rr.Close()
	}
	err := reader.Close()
	if err == nil {
		s.changed(p, name)
		return
	}
	s.failed(p, err)
}

func (s *session) failed(p *lineage.Plan, err error) {
	if !p.BlankErrors {
		s.seen.WriteString(err.Error())
		s.unkeyed.WriteString(err.Error())
	}
}

func (s *session) changed(p *lineage.Plan, name string) {
	if p.Kind == lineage.Prepare {
		s.named[name] = p.Result
	}
	s.temp = append(s.temp, p.Temp...)
	for _, set := range p.Sets {
		if set.Name == "search_path" && !set.Reset {
			s.path = nil
			for _, part := range strings.Split(set.Value, ",") {
				s.path = append(s.path, strings.TrimSpace(part))
			}
		}
	}
}

// row counts a row's keys and shows the rest; a group that is too small is not shown, nor is what follows.
func (s *session) row(r *lineage.Result, values [][]byte) {
	if s.refused != nil {
		return
	}
	keyed := false
	if r != nil {
		for _, sup := range r.Supports {
			n, _ := strconv.Atoi(string(values[sup.Column]))
			if n < groupSize && !(n == 0 && sup.Zero && values[sup.Column] != nil) {
				s.refused = &lineage.Refusal{Message: "group too small"}
				return
			}
		}
		for _, col := range r.KeyColumns {
			if values[col] != nil {
				id, _ := strconv.Atoi(string(values[col]))
				s.counted[id], keyed = true, true
			}
		}
		values = values[:len(values)-r.Hidden]
	}
	line := ""
	for _, v := range values {
		line += fmt.Sprintf("|%v%s", v == nil, v)
	}
	s.rows = append(s.rows, line)
	s.seen.WriteString(line + "\n")
	if !keyed && (r == nil || len(r.Supports) == 0) {
		s.unkeyed.WriteString(line + "\n")
	}
}

func (s *session) copy(ctx context.Context, p *lineage.Plan) {
	var out strings.Builder
	_, err := s.conn.CopyTo(ctx, &out, p.Text)
	if err != nil {
		s.failed(p, err)
		return
	}
	sep := map[string]string{"text": "\t", "csv": ","}[p.Result.Copy.Format]
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		if i == 0 && p.Result.Copy.Header {
			continue
		}
		var values [][]byte
		for _, v := range strings.Split(line, sep) {
			values = append(values, []byte(v))
		}
		s.row(p.Result, values)
	}
}

// uncounted are the voters of whom something was seen without their key being counted.
func (r *register) uncounted(s *session) (ids []int) {
	seen := strings.ToLower(s.seen.String())
	seen += strings.NewReplacer("|", "", "\n", "", "false", "").Replace(seen) // values in pieces, one to a row
	for secret, id := range r.secrets {
		if strings.Contains(seen, strings.ToLower(secret)) && !s.counted[id] && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
