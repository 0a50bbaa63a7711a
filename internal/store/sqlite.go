package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"modernc.org/sqlite"
)

// The files in the data folder. SQLite adds -wal and -shm to the first.
const (
	databaseFile = "portcullis.db"
	lockName     = "portcullis.lock"
)

// Owns tells whether a file is one of the embedded store's in a data folder. Who reads
// whole folders passes it over: it changes as it is read, and holds what was read before.
func Owns(dir, path string) bool {
	if filepath.Dir(path) != filepath.Clean(dir) {
		return false
	}
	switch filepath.Base(path) {
	case databaseFile, databaseFile + "-wal", databaseFile + "-shm", databaseFile + "-journal", lockName:
		return true
	}
	return false
}

// pragmas of every connection. WAL lets readers go on while one writes; FULL syncs
// the log at each commit (NORMAL would only at checkpoints, and lose the last commits
// in a power cut); fullfsync makes macOS flush the drive's own cache too, where a plain
// fsync does not, and does nothing elsewhere.
var commonPragmas = []string{
	"synchronous(FULL)", "fullfsync(1)", "checkpoint_fullfsync(1)", "temp_store(MEMORY)", "trusted_schema(0)",
}

// pragmas of the connection that writes. secure_delete=FAST zeroes deleted rows in the
// pages that are written anyhow. The log is cut back to 64 MiB after a checkpoint, so
// one huge transaction doesn't keep its space for good.
var writePragmas = []string{
	"journal_mode(WAL)", "secure_delete(FAST)", "cache_size(-16384)", "journal_size_limit(67108864)",
}

// Readers share the page cache of the operating system; each needs little of its own.
// Memory mapping stays off: neither scanning nor looking up single rows got measurably
// faster, and a disk error would be a signal that ends the process, not an error.
var readPragmas = []string{"cache_size(-8192)"}

func (s *Store) openSQLite(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.cfg.Dir == "" {
		return errors.New("open store: neither a database address nor a data folder is given")
	}
	if s.cfg.Dir, err = filepath.Abs(s.cfg.Dir); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if s.cfg.ReadOnly {
		return s.openSQLiteReads(ctx)
	}
	if err := s.prepareFolder(); err != nil {
		return err
	}
	path := filepath.Join(s.cfg.Dir, databaseFile)
	s.writes, err = s.sqliteDB(path, 1, writePragmas, "_txlock=immediate", "_foreign_keys=1")
	if err != nil {
		return err
	}
	s.reads, err = s.sqliteDB(path, max(4, runtime.NumCPU()), readPragmas, "_query_only=1")
	if err != nil {
		return err
	}
	// Reading makes the log where there is none, and then its name must be synced: SQLite
	// does so only if the connection that made it is also the first to write, which here
	// may be the one that migrates.
	if err := probe(ctx, s.writes); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	return s.cfg.files.SyncDir(s.cfg.Dir)
}

// prepareFolder makes the folder and an empty database in it and takes the lock. The
// file is made here and not by SQLite so that it gets mode 0600, which SQLite hands on to
// its log. Its name is synced together with that of the log.
func (s *Store) prepareFolder() (err error) {
	if err := makeFolder(s.cfg.files, s.cfg.Dir); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if s.lock, err = lockFile(filepath.Join(s.cfg.Dir, lockName)); err != nil {
		return err
	}
	path := filepath.Join(s.cfg.Dir, databaseFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := s.cfg.files.Create(path)
	if err != nil {
		return fmt.Errorf("make database: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("make database: %w", err)
	}
	return nil
}

// openSQLiteReads opens a store that this process will not write. SQLite needs the -shm
// file even then and makes it where it is missing; in a folder that can't be written it
// can't, but if there is no log either, nobody is writing and the file can be read as
// one that does not change. (Where this user may not write but another may, and does so
// from now on, reading can go wrong; open it again then.)
func (s *Store) openSQLiteReads(ctx context.Context) (err error) {
	path := filepath.Join(s.cfg.Dir, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("open store for reading: %w; scan something first, or name the right data folder", err)
	}
	conns := max(4, runtime.NumCPU())
	s.reads, err = s.sqliteDB(path, conns, readPragmas, "mode=ro", "_query_only=1")
	if err != nil {
		return err
	}
	err = probe(ctx, s.reads)
	if err == nil {
		return nil
	}
	if log, statErr := os.Stat(path + "-wal"); statErr == nil && log.Size() > 0 {
		return fmt.Errorf("open %s for reading: %w", path, err)
	}
	_ = s.reads.Close()
	s.reads, err = s.sqliteDB(path, conns, readPragmas, "mode=ro", "immutable=1", "_query_only=1")
	if err != nil {
		return err
	}
	if err := probe(ctx, s.reads); err != nil {
		return fmt.Errorf("open %s for reading: %w", path, err)
	}
	return nil
}

// probe reads something, which is when SQLite first looks into the file.
func probe(ctx context.Context, db *sql.DB) error {
	var n int
	return db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
}

// emptyLog moves all of the log into the database, syncs that, and cuts the log to
// nothing.
func emptyLog(ctx context.Context, db *sql.DB) error {
	var busy, pages, moved int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
		return fmt.Errorf("empty the log: %w", err)
	}
	if busy != 0 || pages != moved {
		return fmt.Errorf("empty the log: %d of %d pages were moved, for someone is reading; try again", moved, pages)
	}
	return nil
}

func (s *Store) sqliteDB(path string, conns int, pragmas []string, params ...string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(s.sqliteDSN(path, pragmas, params...))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// sqliteDSN writes a file: address, in which a path may hold any character.
func (s *Store) sqliteDSN(path string, pragmas []string, params ...string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // C:/… on Windows
		path = "/" + path
	}
	var b strings.Builder
	b.WriteString((&url.URL{Scheme: "file", Path: path}).String())
	fmt.Fprintf(&b, "?_busy_timeout=%d", s.cfg.BusyTimeout.Milliseconds())
	for _, list := range [][]string{commonPragmas, pragmas} {
		for _, pragma := range list {
			b.WriteString("&_pragma=" + pragma)
		}
	}
	for _, param := range params {
		b.WriteString("&" + param)
	}
	if s.cfg.vfs != "" {
		b.WriteString("&vfs=" + s.cfg.vfs)
	}
	return b.String()
}
