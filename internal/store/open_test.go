package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestLocked(t *testing.T) {
	cfg := sqliteConfig(t)
	s := open(t, cfg)
	_, err := Open(t.Context(), cfg)
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatalf("got %v", err)
	}
	wantError(t, err, fmt.Sprintf("process %d", os.Getpid()), "wait until it ends")
	wantError(t, Restore(t.Context(), backupOf(t, s), cfg), "is writing this store")
	reading := cfg
	reading.ReadOnly = true
	must(t, open(t, reading).Close())
	must(t, s.Close())
	must(t, open(t, cfg).Close())
}

func backupOf(t *testing.T, s *Store) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backup")
	must(t, s.Backup(t.Context(), file))
	return file
}

func TestOpenRefuses(t *testing.T) {
	_, err := Open(t.Context(), Config{})
	wantError(t, err, "neither a database address nor a data folder")
	_, err = Open(t.Context(), Config{URL: "mysql://x:secret@example.com/y"})
	wantError(t, err, `"mysql"`, "postgres://")

	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	_, err = Open(t.Context(), Config{Dir: file})
	wantError(t, err, "name a folder")

	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, databaseFile), []byte("Dear Sir or Madam, "+string(make([]byte, 5000))), 0o600))
	_, err = Open(t.Context(), Config{Dir: dir})
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	wantError(t, err, "restore the last backup")
}

func TestPostgresUnreachable(t *testing.T) {
	_, err := Open(t.Context(), Config{URL: "postgres://someone:secret@127.0.0.1:1/x?connect_timeout=5"})
	wantError(t, err, "127.0.0.1:1", "check that the server runs")
	for _, address := range []string{"postgres://someone:secret@127.0.0.1:1/x", "postgres://someone:secret@127.0.0.1:port/x"} {
		if _, err := Open(t.Context(), Config{URL: address}); err == nil || containsSecret(err) {
			t.Errorf("got %v", err)
		}
	}
}

func containsSecret(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if matched, _ := filepath.Match("*secret*", err.Error()); matched {
			return true
		}
	}
	return false
}

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b?c%20 d#e") // any name will do
	s := open(t, Config{Dir: dir, Migrations: []Migrations{noteMigrations()}})
	execute(t, s, "UPDATE tally SET n = 1")
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, entry := range entries {
		info, err := entry.Info()
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
}

// A store on a disk that can't be written, with no log beside it, can still be read.
func TestReadOnlyFolder(t *testing.T) {
	cfg := sqliteConfig(t)
	s := open(t, cfg)
	execute(t, s, "UPDATE tally SET n = 7 WHERE name = 'reads'")
	must(t, s.Close())
	must(t, os.Chmod(cfg.Dir, 0o500))
	t.Cleanup(func() { _ = os.Chmod(cfg.Dir, 0o700) })
	cfg.ReadOnly = true
	s = open(t, cfg)
	equal(t, "n", number(t, s, "SELECT sum(n) FROM tally"), 7)
	if os.Geteuid() == 0 {
		t.Log("root may write everywhere: only the ordinary way was tested")
	}
}

// The promises about durability are settings; each is asked for by its connection.
func TestSQLiteSettings(t *testing.T) {
	s := open(t, sqliteConfig(t))
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "fullfsync": "1", "checkpoint_fullfsync": "1",
		"busy_timeout": "5000", "temp_store": "2", "trusted_schema": "0", "secure_delete": "2",
	} {
		var got string
		must(t, s.writes.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		equal(t, pragma, got, want)
	}
	var queryOnly int
	must(t, s.reads.QueryRowContext(t.Context(), "PRAGMA query_only").Scan(&queryOnly))
	equal(t, "query_only", queryOnly, 1)
}

// synchronous_commit=off, set for the user, is undone; a stricter setting is not.
func TestPostgresSettings(t *testing.T) {
	cfg := postgresConfig(t)
	for set, want := range map[string]string{"off": "on", "local": "local", "remote_apply": "remote_apply"} {
		with := cfg
		with.URL += "&synchronous_commit=" + set
		s := open(t, with)
		must(t, s.Tx(t.Context(), func(tx *sql.Tx) error {
			var commit, isolation string
			must(t, tx.QueryRowContext(t.Context(), "SHOW synchronous_commit").Scan(&commit))
			must(t, tx.QueryRowContext(t.Context(), "SHOW transaction_isolation").Scan(&isolation))
			equal(t, "synchronous_commit", commit, want)
			equal(t, "isolation", isolation, "serializable")
			return nil
		}))
		must(t, s.Close())
	}
}

// Several instances that start at once on a new database make it once.
func TestPostgresOpenTogether(t *testing.T) {
	cfg := postgresConfig(t)
	together(t, 4, func(int) error {
		s, err := Open(t.Context(), cfg)
		if err != nil {
			return err
		}
		return s.Close()
	})
	equal(t, "rows", number(t, open(t, cfg), "SELECT count(*) FROM tally"), 2)
}

func TestCheckDisk(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Trouble
	}{
		{syscall.ENOSPC, ErrDiskFull},
		{syscall.EDQUOT, ErrDiskFull},
		{syscall.EROFS, ErrReadOnly},
		{syscall.EIO, ErrDiskIO},
		{fs.ErrPermission, ErrPermission},
		{&pgconn.PgError{Code: "53100"}, ErrDiskFull},
		{&pgconn.PgError{Code: "25006"}, ErrReadOnly},
		{&pgconn.PgError{Code: "42501"}, ErrPermission},
		{&pgconn.PgError{Code: "XX001"}, ErrCorrupt},
		{&pgconn.PgError{Code: "23505"}, ""},
		{io.ErrUnexpectedEOF, ""},
	} {
		err := CheckDisk(fmt.Errorf("write: %w", c.err))
		var disk *DiskError
		if got := errors.As(err, &disk); got != (c.want != "") {
			t.Errorf("%v: got %v", c.err, err)
			continue
		}
		if c.want != "" && (!errors.Is(err, c.want) || !errors.Is(err, c.err) || disk.Remedy() == "" || CheckDisk(err) != err) {
			t.Errorf("%v: got %v, want %v", c.err, err, c.want)
		}
	}
	for code, want := range map[int]Trouble{
		13: ErrDiskFull, 8: ErrReadOnly, 3: ErrPermission, 14: ErrPermission, 11: ErrCorrupt, 26: ErrCorrupt,
		10: ErrDiskIO, 10 | 19<<8: ErrDiskFull, 5: ErrBusy, 8 | 1<<8: ErrReadOnly, 1: "", 19: "",
	} {
		equal(t, fmt.Sprint("code ", code), diagnoseSQLite(code), want)
	}
	if CheckDisk(nil) != nil {
		t.Error("nil is not an error")
	}
}

// A file that could not be written whole does not get its name.
func TestWriteDurablyFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	mine := errors.New("mine")
	err := writeDurably(osFiles{}, path, func(w io.Writer) error {
		_, err := io.Copy(w, io.MultiReader(iotest.HalfReader(iotest.ErrReader(mine))))
		return err
	})
	if !errors.Is(err, mine) {
		t.Errorf("got %v", err)
	}
	must(t, writeDurably(osFiles{}, path, func(w io.Writer) error { _, err := io.WriteString(w, "whole"); return err }))
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	equal(t, "files", len(entries), 1)
	equal(t, "name", entries[0].Name(), "file")
}
