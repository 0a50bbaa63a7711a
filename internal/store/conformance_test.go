package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"portcullis.example/portcullis/internal/testenv"
)

// noteMigrations are a context's: two tables, one of which refers to the other, with a
// dialect's own file and one for both.
func noteMigrations() Migrations {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return Migrations{Context: "notes", FS: fstest.MapFS{
		"sqlite/00001_notes.sql": file(`-- +goose Up
CREATE TABLE attachment (id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT NOT NULL REFERENCES note(id), body BLOB, weight REAL) STRICT;
CREATE TABLE note (id TEXT PRIMARY KEY, at INTEGER NOT NULL, text TEXT) STRICT;
-- +goose Down
DROP TABLE attachment; DROP TABLE note;`),
		"postgres/00001_notes.sql": file(`-- +goose Up
CREATE TABLE note (id text PRIMARY KEY, at bigint NOT NULL, text text);
CREATE TABLE attachment (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text NOT NULL REFERENCES note(id), body bytea, weight double precision);
-- +goose Down
DROP TABLE attachment; DROP TABLE note;`),
		"any/00002_tally.sql": file(`-- +goose Up
-- +goose StatementBegin
CREATE TABLE tally (name TEXT PRIMARY KEY, n BIGINT NOT NULL);
-- +goose StatementEnd
INSERT INTO tally (name, n) VALUES ('reads', 0), ('writes', 0);`),
	}}
}

// forms are the databases that each case must pass on.
var forms = []struct {
	name string
	cfg  func(t testing.TB) Config
}{
	{"sqlite", sqliteConfig},
	{"postgres", postgresConfig},
}

func sqliteConfig(t testing.TB) Config {
	return Config{Dir: t.TempDir(), Migrations: []Migrations{noteMigrations()}}
}

// postgresConfig is a database of its own.
func postgresConfig(t testing.TB) Config {
	return Config{URL: testenv.Database(t), Migrations: []Migrations{noteMigrations()}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(context.Background(), cfg)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// execute runs one statement in a transaction of its own.
func execute(t testing.TB, s *Store, query string, args ...any) {
	t.Helper()
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), query, args...)
		return err
	}))
}

func number(t testing.TB, s *Store, query string, args ...any) (n int64) {
	t.Helper()
	must(t, s.DB().QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// TestConformance is what both databases must do alike.
func TestConformance(t *testing.T) {
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			form.cfg(t) // skips here and not in every case
			for name, run := range conformance {
				t.Run(name, func(t *testing.T) { run(t, form.cfg(t)) })
			}
		})
	}
}

var conformance = map[string]func(t *testing.T, cfg Config){
	"commit":          testCommit,
	"rollback":        testRollback,
	"panic":           testPanic,
	"cancel":          testCancel,
	"read pool":       testReadPool,
	"read only":       testReadOnly,
	"placeholders":    testPlaceholders,
	"no lost update":  testNoLostUpdate,
	"no write skew":   testNoWriteSkew,
	"migrate":         testMigrate,
	"migrate fails":   testMigrateFails,
	"newer":           testNewer,
	"foreign tables":  testForeignTables,
	"outbox":          testOutbox,
	"outbox rollback": testOutboxRollback,
	"outbox lease":    testOutboxLease,
	"outbox release":  testOutboxRelease,
	"outbox shared":   testOutboxShared,
	"outbox limits":   testOutboxLimits,
	"backup":          testBackup,
	"backup refuses":  testBackupRefuses,
	"backup snapshot": testBackupSnapshot,
	"restore refuses": testRestoreRefuses,
	"restore older":   testRestoreOlder,
	"compact":         testCompact,
}

func testCommit(t *testing.T, cfg Config) {
	s := open(t, cfg)
	execute(t, s, "INSERT INTO note (id, at, text) VALUES ($1, $2, $3)", "note:1", 17, "a")
	equal(t, "rows", number(t, s, "SELECT count(*) FROM note"), 1)
	must(t, s.Close())
	s = open(t, cfg)
	equal(t, "at", number(t, s, "SELECT at FROM note WHERE id = $1", "note:1"), 17)
}

func testRollback(t *testing.T, cfg Config) {
	s := open(t, cfg)
	mine := errors.New("mine")
	err := s.Tx(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), "UPDATE tally SET n = 5"); err != nil {
			return err
		}
		return mine
	})
	if !errors.Is(err, mine) {
		t.Errorf("got %v", err)
	}
	equal(t, "n", number(t, s, "SELECT sum(n) FROM tally"), 0)
	execute(t, s, "UPDATE tally SET n = 1") // and the store goes on
}

func testPanic(t *testing.T, cfg Config) {
	s := open(t, cfg)
	func() {
		defer func() { equal(t, "panic", recover(), any("mine")) }()
		_ = s.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE tally SET n = 5")
			must(t, err)
			panic("mine")
		})
	}()
	equal(t, "n", number(t, s, "SELECT sum(n) FROM tally"), 0)
	execute(t, s, "UPDATE tally SET n = 1")
}

func testCancel(t *testing.T, cfg Config) {
	s := open(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE tally SET n = 5"); err != nil {
			return err
		}
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("got %v", err)
	}
	equal(t, "n", number(t, s, "SELECT sum(n) FROM tally"), 0)
	execute(t, s, "UPDATE tally SET n = 1")
}

func testReadPool(t *testing.T, cfg Config) {
	s := open(t, cfg)
	if _, err := s.DB().ExecContext(t.Context(), "UPDATE tally SET n = 5"); err == nil {
		t.Error("DB() took a write")
	}
	// Readers see what is committed while a transaction is open, and do not wait for it.
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), "UPDATE tally SET n = 1 WHERE name = 'reads'")
		equal(t, "n", number(t, s, "SELECT sum(n) FROM tally"), 0)
		return err
	}))
	equal(t, "n", number(t, s, "SELECT sum(n) FROM tally"), 1)
}

func testReadOnly(t *testing.T, cfg Config) {
	reading := cfg
	reading.ReadOnly = true
	if _, err := Open(t.Context(), reading); err == nil {
		t.Fatal("a store that is not there was opened")
	}
	writer := open(t, cfg)
	reader := open(t, reading)
	execute(t, writer, "UPDATE tally SET n = 3 WHERE name = 'reads'")
	equal(t, "n", number(t, reader, "SELECT sum(n) FROM tally"), 3)
	nothing := func(*sql.Tx) error { return nil }
	if err := reader.Tx(t.Context(), nothing); !errors.Is(err, ErrReadOnlyStore) {
		t.Errorf("Tx: %v", err)
	}
	if _, err := reader.Claim(t.Context(), "x", "y", 1, time.Second); !errors.Is(err, ErrReadOnlyStore) {
		t.Errorf("Claim: %v", err)
	}
	must(t, reader.Close())
	must(t, writer.Close())
	reader = open(t, reading) // no writer, no log
	equal(t, "n", number(t, reader, "SELECT sum(n) FROM tally"), 3)
}

func testPlaceholders(t *testing.T, cfg Config) {
	s := open(t, cfg)
	equal(t, "In(0)", s.In(0), "(NULL)")
	equal(t, "In(3)", s.In(3), "($1, $2, $3)")
	equal(t, "rows", number(t, s, "SELECT count(*) FROM tally WHERE name IN "+s.In(2), "reads", "else"), 1)
	equal(t, "rows", number(t, s, "SELECT count(*) FROM tally WHERE name IN "+s.In(0)), 0)
	// Out of order and repeated.
	equal(t, "rows", number(t, s, "SELECT count(*) FROM tally WHERE n = $2 AND name = $1 AND n = $2", "reads", 0), 1)
}

// together runs fn n times at once and fails on any error.
func together(t *testing.T, n int, fn func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	must(t, errors.Join(errs...))
}

// Reading, then writing what was read plus one, from many goroutines.
func testNoLostUpdate(t *testing.T, cfg Config) {
	s := open(t, cfg)
	together(t, 4, func(int) error {
		for range 10 {
			err := s.Tx(t.Context(), func(tx *sql.Tx) error {
				var n int64
				if err := tx.QueryRowContext(t.Context(), "SELECT n FROM tally WHERE name = 'reads'").Scan(&n); err != nil {
					return err
				}
				_, err := tx.ExecContext(t.Context(), "UPDATE tally SET n = $1 WHERE name = 'reads'", n+1)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	equal(t, "n", number(t, s, "SELECT n FROM tally WHERE name = 'reads'"), 40)
}

// Each adds a copy to a group and writes down how many there are: the last one must have
// seen them all.
func testNoWriteSkew(t *testing.T, cfg Config) {
	s := open(t, cfg)
	together(t, 8, func(i int) error {
		return s.Tx(t.Context(), func(tx *sql.Tx) error {
			var n int64
			if err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM note").Scan(&n); err != nil {
				return err
			}
			_, err := tx.ExecContext(t.Context(), "INSERT INTO note (id, at) VALUES ($1, $2)", fmt.Sprint(i), n+1)
			return err
		})
	})
	equal(t, "highest", number(t, s, "SELECT max(at) FROM note"), 8)
	equal(t, "distinct", number(t, s, "SELECT count(DISTINCT at) FROM note"), 8)
}

// with adds files to the migrations of notes.
func with(cfg Config, files map[string]string) Config {
	notes := noteMigrations()
	tree := maps.Clone(notes.FS.(fstest.MapFS))
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	cfg.Migrations = []Migrations{{notes.Context, tree}}
	return cfg
}

func testMigrate(t *testing.T, cfg Config) {
	s := open(t, cfg)
	execute(t, s, "INSERT INTO note (id, at) VALUES ('a', 1)")
	must(t, s.Close())
	next := with(cfg, map[string]string{"any/00003_more.sql": "-- +goose Up\nALTER TABLE note ADD COLUMN more TEXT;"})
	for _, n := range []int64{1, 2} { // the second time there is nothing to do
		s = open(t, next)
		execute(t, s, "UPDATE note SET more = 'x', at = at + 1")
		equal(t, "at", number(t, s, "SELECT at FROM note WHERE more = 'x'"), n+1)
		must(t, s.Close())
	}
	next.Migrations = append(next.Migrations, Migrations{"late", fstest.MapFS{
		"any/00001_late.sql": {Data: []byte("-- +goose Up\nCREATE TABLE late (id TEXT PRIMARY KEY);")}}})
	s = open(t, next)
	equal(t, "rows", number(t, s, "SELECT count(*) FROM late"), 0)
	older := cfg
	older.ReadOnly = true
	must(t, s.Close())
	_, err := Open(t.Context(), older)
	wantError(t, err, "newer")
}

// A migration that fails leaves everything as it was, the ones before it included.
func testMigrateFails(t *testing.T, cfg Config) {
	must(t, open(t, cfg).Close())
	broken := with(cfg, map[string]string{
		"any/00003_good.sql": "-- +goose Up\nCREATE TABLE good (id TEXT PRIMARY KEY);",
		"any/00004_bad.sql":  "-- +goose Up\nCREATE TABLE other (id TEXT PRIMARY KEY);\nCREATE TABLE note (id TEXT);",
	})
	_, err := Open(t.Context(), broken)
	wantError(t, err, "any/00004_bad.sql", `"notes"`, "stays as it was")
	s := open(t, cfg)
	if _, err := s.DB().QueryContext(t.Context(), "SELECT * FROM good"); err == nil {
		t.Error("half of the upgrade is there")
	}
}

func testNewer(t *testing.T, cfg Config) {
	s := open(t, cfg)
	execute(t, s, "UPDATE store_schema SET version = 9 WHERE context = 'notes'")
	must(t, s.Close())
	_, err := Open(t.Context(), cfg)
	var newer *NewerError
	if !errors.As(err, &newer) || *newer != (NewerError{"notes", 9, 2}) {
		t.Fatalf("got %v", err)
	}
	wantError(t, err, `"notes" is at 9`, "knows 2", "use the newer program")
	cfg.Migrations = nil
	_, err = Open(t.Context(), cfg)
	wantError(t, err, "does not know that part")
}

func testForeignTables(t *testing.T, cfg Config) {
	s, err := connect(t.Context(), cfg)
	must(t, err)
	execute(t, s, "CREATE TABLE invoices (id TEXT)")
	must(t, s.Close())
	_, err = Open(t.Context(), cfg)
	wantError(t, err, "invoices", "database of its own")
}

func testCompact(t *testing.T, cfg Config) {
	s := open(t, cfg)
	execute(t, s, "INSERT INTO note (id, at, text) VALUES ('a', 1, 'b')")
	must(t, s.Compact(t.Context()))
	equal(t, "rows", number(t, s, "SELECT count(*) FROM note"), 1)
}

// TestMigrationFiles are mistakes in a context's files.
func TestMigrationFiles(t *testing.T) {
	up := "-- +goose Up\nCREATE TABLE x (id TEXT);"
	for name, c := range map[string]struct{ files, want string }{
		"gap":          {"any/00001_a.sql any/00003_b.sql", "want version 2"},
		"twice":        {"any/00001_a.sql sqlite/00001_b.sql", "want version 2"},
		"name":         {"any/first.sql", "00001_name.sql"},
		"none":         {"any/readme.txt", "no files"},
		"other folder": {"postgres/00001_a.sql", "no files"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for file := range strings.FieldsSeq(c.files) {
				tree[file] = &fstest.MapFile{Data: []byte(up)}
			}
			_, err := loadMigrations([]Migrations{{"x", tree}}, SQLite)
			wantError(t, err, `"x"`, c.want)
		})
	}
	for text, want := range map[string]string{
		"CREATE TABLE x (id TEXT);":                         "nothing after",
		"-- +goose Down\nDROP TABLE x;":                     "nothing after",
		"-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;": "not supported",
		"-- +goose ENVSUB ON\n-- +goose Up\nSELECT 1;":      "not supported",
	} {
		m := migration{"x", 1, "f.sql", fstest.MapFS{"f.sql": {Data: []byte(text)}}}
		_, err := m.sqlText()
		wantError(t, err, want)
	}
	_, err := loadMigrations([]Migrations{noteMigrations(), noteMigrations()}, SQLite)
	wantError(t, err, "given twice")
}

func TestDialectsHaveTheSameVersions(t *testing.T) {
	var lists [2][]int64
	for d := range Dialect(2) {
		all, err := loadMigrations(nil, d)
		must(t, err)
		for _, m := range all {
			lists[d] = append(lists[d], m.version)
		}
	}
	if !slices.Equal(lists[0], lists[1]) {
		t.Errorf("sqlite has %v, postgres has %v", lists[0], lists[1])
	}
}
