package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The crash tests all do the same work and ask the same questions after it.
//
// Step n writes 1 + n%5 rows and a message "n" of topic "work" in one transaction. Every
// third step takes messages and, in one transaction, writes a row "done n", hands a
// message "n" on to topic "done", and acknowledges the first. So, whenever the lights go
// out: a step's rows are all there or none is, and each step has either its message or
// its result, never both and never neither.

// progress is what the program was told is safe.
type progress struct {
	opened bool           // the store is there, with its tables
	steps  int            // all steps up to this one
	done   map[int64]bool // and these results
}

func newProgress() *progress { return &progress{done: map[int64]bool{}} }

// rowsOf is how many rows a step writes; every 25th is large, so that the log is moved
// into the database at various places.
func rowsOf(n int) int { return 1 + n%5 }

func bodyOf(n, i int) []byte {
	size := 20 + (n*31+i*17)%400
	if n%25 == 0 {
		size = 9000
	}
	return []byte(strings.Repeat(string(rune('a'+(n+i)%26)), size))
}

// step does step n and reports what is committed.
func step(ctx context.Context, s *Store, n int, wrote func(n int), did func(n int64)) error {
	err := s.Tx(ctx, func(tx *sql.Tx) error {
		if err := writeRows(ctx, tx, n); err != nil {
			return err
		}
		return s.Enqueue(ctx, tx, "work", fmt.Sprint(n), bodyOf(n, 0))
	})
	if err != nil {
		return err
	}
	wrote(n)
	if n%3 != 0 {
		return nil
	}
	got, err := s.Claim(ctx, "work", "step", 4, time.Hour)
	if err != nil {
		return err
	}
	if err := s.Tx(ctx, func(tx *sql.Tx) error { return consume(ctx, s, tx, got) }); err != nil {
		return err
	}
	for _, m := range got {
		var key int64
		_, _ = fmt.Sscan(m.Key, &key)
		did(key)
	}
	return nil
}

func writeRows(ctx context.Context, tx *sql.Tx, n int) error {
	id := fmt.Sprintf("step %d", n)
	if _, err := tx.ExecContext(ctx, "INSERT INTO note (id, at) VALUES ($1, $2)", id, n); err != nil {
		return err
	}
	for i := range rowsOf(n) {
		if _, err := tx.ExecContext(ctx, "INSERT INTO attachment (note, body, weight) VALUES ($1, $2, $3)",
			id, bodyOf(n, i), n); err != nil {
			return err
		}
	}
	return nil
}

func consume(ctx context.Context, s *Store, tx *sql.Tx, got []Message) error {
	for _, m := range got {
		if _, err := tx.ExecContext(ctx, "INSERT INTO note (id, at) VALUES ($1, $2)", "done "+m.Key, -1); err != nil {
			return err
		}
		if err := s.Enqueue(ctx, tx, "done", m.Key, nil); err != nil {
			return err
		}
	}
	return s.Ack(ctx, tx, ids(got))
}

// lastStep is the highest step in the store.
func lastStep(ctx context.Context, s *Store) (n int, err error) {
	err = s.DB().QueryRowContext(ctx, "SELECT coalesce(max(at), 0) FROM note").Scan(&n)
	return n, err
}

// The questions; each counts what must not be.
var questions = map[string]string{
	"steps that are half there": `SELECT count(*) FROM (
		SELECT n.at FROM note n LEFT JOIN attachment a ON a.note = n.id WHERE n.at > 0
		GROUP BY n.at HAVING count(a.id) <> 1 + n.at % 5)`,
	"gaps between steps": `SELECT coalesce(max(at), 0) - count(*) FROM note WHERE at > 0`,
	"steps with neither or both of message and result": `SELECT count(*) FROM note n WHERE n.at > 0 AND 1 <>
		(SELECT count(*) FROM store_outbox o WHERE o.topic = 'work' AND o.key = n.at || '') +
		(SELECT count(*) FROM note d WHERE d.id = 'done ' || n.at)`,
	"results that were not handed on once": `SELECT count(*) FROM note d WHERE d.at = -1 AND 1 <>
		(SELECT count(*) FROM store_outbox o WHERE o.topic = 'done' AND 'done ' || o.key = d.id)`,
	"messages of steps that are not there": `SELECT count(*) FROM store_outbox o WHERE o.topic = 'work' AND NOT EXISTS
		(SELECT 1 FROM note n WHERE n.id = 'step ' || o.key)`,
}

// losses asks the questions and returns what is wrong.
func losses(ctx context.Context, s *Store, told *progress) error {
	for what, query := range questions {
		var n int
		if err := s.DB().QueryRowContext(ctx, query).Scan(&n); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if n != 0 {
			return fmt.Errorf("%d %s", n, what)
		}
	}
	last, err := lastStep(ctx, s)
	if err != nil {
		return err
	}
	if last < told.steps {
		return fmt.Errorf("step %d was acknowledged, the last one there is %d", told.steps, last)
	}
	if err := lostResults(ctx, s, told); err != nil {
		return err
	}
	var verdict string
	if err := s.DB().QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("integrity check: %s", verdict)
	}
	return nil
}

func lostResults(ctx context.Context, s *Store, told *progress) error {
	rows, err := scanStrings(ctx, s.DB(), 1, "SELECT substr(id, 6) FROM note WHERE at = -1")
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, row := range rows {
		there[row[0]] = true
	}
	for n := range told.done {
		if !there[fmt.Sprint(n)] {
			return fmt.Errorf("result of step %d was acknowledged and is not there", n)
		}
	}
	return nil
}

// checkStore opens the store as any program would and looks for losses.
func checkStore(ctx context.Context, dir string, told *progress) (err error) {
	cfg := Config{Dir: dir, Migrations: []Migrations{noteMigrations()}}
	if told.opened { // a reader makes no tables
		cfg.ReadOnly = true
		s, err := Open(ctx, cfg)
		if err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
		cfg.ReadOnly = false
	}
	s, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return losses(ctx, s, told)
}

func TestStepsWithoutCrash(t *testing.T) {
	s := open(t, sqliteConfig(t))
	told := newProgress()
	for n := 1; n <= 61; n++ {
		must(t, step(t.Context(), s, n, func(n int) { told.steps = n }, func(n int64) { told.done[n] = true }))
	}
	must(t, losses(t.Context(), s, told))
	// The questions can find something.
	for _, damage := range []string{
		"DELETE FROM attachment WHERE note = 'step 7'", "DELETE FROM store_outbox WHERE topic = 'work'",
		"DELETE FROM store_outbox WHERE topic = 'done'", "UPDATE store_outbox SET key = '999' WHERE topic = 'work'",
		"DELETE FROM note WHERE id = 'done 1'", "UPDATE note SET at = 100 WHERE id = 'step 60'",
	} {
		found := errUndone
		_ = s.Tx(t.Context(), func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(t.Context(), damage); err != nil {
				return err
			}
			for _, query := range questions {
				var n int
				if err := tx.QueryRowContext(t.Context(), query).Scan(&n); err != nil || n != 0 {
					found = nil
				}
			}
			return errUndone
		})
		if found != nil {
			t.Errorf("nothing found after %s", damage)
		}
	}
}

var errUndone = fmt.Errorf("undone")
