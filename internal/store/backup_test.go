package store

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func fillNotes(t testing.TB, s *Store) {
	t.Helper()
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error {
		for i := range 300 {
			text := any(fmt.Sprintf("Zoë %d “x” 王", i))
			if i%10 == 0 {
				text = nil
			}
			if _, err := tx.ExecContext(t.Context(), "INSERT INTO note (id, at, text) VALUES ($1, $2, $3)",
				fmt.Sprintf("note:%03d", i), math.MinInt64+int64(i), text); err != nil {
				return err
			}
			body := any(bytes.Repeat([]byte{0, 255, byte(i)}, i))
			if i%7 == 0 {
				body = nil
			}
			if _, err := tx.ExecContext(t.Context(), "INSERT INTO attachment (note, body, weight) VALUES ($1, $2, $3)",
				fmt.Sprintf("note:%03d", i), body, float64(i)/3); err != nil {
				return err
			}
		}
		big := bytes.Repeat([]byte("0123456789"), 20_000)
		_, err := tx.ExecContext(t.Context(), "INSERT INTO attachment (note, body) VALUES ('note:001', $1)", big)
		return err
	}))
	execute(t, s, "DELETE FROM attachment WHERE body IS NOT NULL AND weight IS NULL") // its number is used up
	enqueue(t, s, "queue", 0, 20)
}

// contents are all rows as text, in a fixed order.
func contents(t testing.TB, s *Store) string {
	t.Helper()
	var b strings.Builder
	for _, query := range []string{
		"SELECT id, at, text FROM note ORDER BY id", "SELECT id, note, body, weight FROM attachment ORDER BY id",
		"SELECT name, n FROM tally ORDER BY name", "SELECT seq, topic, key, payload FROM store_outbox ORDER BY seq",
	} {
		rows, err := s.DB().QueryContext(t.Context(), query)
		must(t, err)
		columns, err := rows.Columns()
		must(t, err)
		for rows.Next() {
			values, targets := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				targets[i] = &values[i]
			}
			must(t, rows.Scan(targets...))
			fmt.Fprintf(&b, "%q\n", values)
		}
		must(t, rows.Err())
	}
	return b.String()
}

// testBackup restores into each dialect that there is.
func testBackup(t *testing.T, cfg Config) {
	s := open(t, cfg)
	fillNotes(t, s)
	want := contents(t, s)
	file := filepath.Join(t.TempDir(), "backup")
	must(t, s.Backup(t.Context(), file))
	info, err := os.Stat(file)
	must(t, err)
	equal(t, "mode", info.Mode().Perm(), 0o600)
	for _, form := range forms {
		t.Run("to "+form.name, func(t *testing.T) {
			target := form.cfg(t)
			must(t, Restore(t.Context(), file, target))
			r := open(t, target)
			if got := contents(t, r); got != want {
				t.Errorf("contents differ: %d and %d bytes", len(got), len(want))
			}
			// Numbers that were given out are not given out again.
			var id int64
			must(t, r.Tx(t.Context(), func(tx *sql.Tx) error {
				return tx.QueryRowContext(t.Context(), "INSERT INTO attachment (note) VALUES ('note:001') RETURNING id").Scan(&id)
			}))
			equal(t, "next number", id, 302)
			enqueue(t, r, "queue", 20, 1)
			equal(t, "queue", len(claim(t, r, "queue", 99, time.Hour)), 21)
			equal(t, "second restore is refused", Restore(t.Context(), file, target) != nil, true)
		})
	}
}

func testBackupRefuses(t *testing.T, cfg Config) {
	s := open(t, cfg)
	file := filepath.Join(t.TempDir(), "backup")
	must(t, os.WriteFile(file, []byte("precious"), 0o600))
	wantError(t, s.Backup(t.Context(), file), "exists", "new file")
	wantError(t, s.Backup(t.Context(), filepath.Join(t.TempDir(), "missing", "backup")), "missing")
	got, err := os.ReadFile(file)
	must(t, err)
	equal(t, "file", string(got), "precious")
}

// A backup that runs while others write holds one moment: in each transaction the two
// tallies change together.
func testBackupSnapshot(t *testing.T, cfg Config) {
	s := open(t, cfg)
	fillNotes(t, s)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			err := s.Tx(t.Context(), func(tx *sql.Tx) error {
				if _, err := tx.ExecContext(t.Context(), "UPDATE tally SET n = n + 1"); err != nil {
					return err
				}
				_, err := tx.ExecContext(t.Context(), "INSERT INTO note (id, at, text) VALUES ($1, $2, 'mark')", fmt.Sprint("w", i), i)
				return err
			})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	defer wg.Wait()
	defer close(stop)
	for range 3 {
		file := filepath.Join(t.TempDir(), "backup")
		must(t, s.Backup(t.Context(), file))
		target := sqliteConfig(t)
		must(t, Restore(t.Context(), file, target))
		r := open(t, target)
		reads := number(t, r, "SELECT n FROM tally WHERE name = 'reads'")
		equal(t, "writes", number(t, r, "SELECT n FROM tally WHERE name = 'writes'"), reads)
		equal(t, "marks", number(t, r, "SELECT count(*) FROM note WHERE text = 'mark'"), reads)
		must(t, r.Close())
	}
}

func testRestoreRefuses(t *testing.T, cfg Config) {
	s := open(t, cfg)
	fillNotes(t, s)
	want := contents(t, s)
	dir := t.TempDir()
	file := filepath.Join(dir, "backup")
	must(t, s.Backup(t.Context(), file))
	whole, err := os.ReadFile(file)
	must(t, err)
	damage := map[string][]byte{
		"empty": {}, "cut": whole[:len(whole)-1], "half": whole[:len(whole)/2], "longer": append(bytes.Clone(whole), 0),
		"other": bytes.Repeat([]byte("x"), 100),
	}
	for _, at := range []int{0, 9, 40, len(whole) / 2, len(whole) - 33, len(whole) - 1} {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 0x10
		damage[fmt.Sprint("bit in byte ", at)] = flipped
	}
	for name, data := range damage {
		path := filepath.Join(dir, "damaged")
		must(t, os.WriteFile(path, data, 0o600))
		target := Config{Dir: filepath.Join(dir, "never made"), Migrations: cfg.Migrations}
		if err := Restore(t.Context(), path, target); !errors.Is(err, ErrBadBackup) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(target.Dir); err == nil {
			t.Errorf("%s: the target was touched", name)
		}
	}
	must(t, s.Close())
	wantError(t, Restore(t.Context(), file, cfg), "name an empty")
	unknown := Config{Dir: t.TempDir()}
	var newer *NewerError
	if err := Restore(t.Context(), file, unknown); !errors.As(err, &newer) {
		t.Errorf("restore by a program that does not know the context: %v", err)
	}
	must(t, Restore(t.Context(), file, Config{Dir: unknown.Dir, Migrations: cfg.Migrations})) // the failure left nothing behind
	s = open(t, cfg)
	if contents(t, s) != want {
		t.Error("the refused target has changed")
	}
}

// A backup of an older program comes back at its version and is brought up to date.
func testRestoreOlder(t *testing.T, cfg Config) {
	s := open(t, cfg)
	fillNotes(t, s)
	file := filepath.Join(t.TempDir(), "backup")
	must(t, s.Backup(t.Context(), file))
	for _, form := range forms {
		t.Run("to "+form.name, func(t *testing.T) {
			target := with(form.cfg(t), map[string]string{
				"any/00003_more.sql": "-- +goose Up\nALTER TABLE note ADD COLUMN size INTEGER;\nUPDATE note SET size = length(id);"})
			must(t, Restore(t.Context(), file, target))
			r := open(t, target)
			equal(t, "sizes", number(t, r, "SELECT sum(size) FROM note"), 300*8)
		})
	}
}
