// Package store is where everything that must not be lost lies: a connection to
// SQLite (embedded, one data folder) or to PostgreSQL, the order of migrations, an
// outbox that hands work on in the transaction that made it, backup and restore.
//
// It knows no table but its own two. The contexts own their SQL and hand their
// migrations in; Store runs them and gives out transactions.
//
// # What "returned nil" guarantees
//
// [Store.Tx] returns nil only after the transaction is on the disk: on SQLite the
// write-ahead log has been synced (synchronous=FULL), on PostgreSQL the server has
// said so with synchronous_commit not off. A crash at any later point, of the
// program or of the machine, leaves all of the transaction there. A crash before
// leaves all of it or nothing.
//
// # Who retries
//
// Tx repeats the function itself when PostgreSQL reports a serialization failure or
// a deadlock, so the function must do nothing but database work and must be fit to
// run twice. Everything else goes to the caller, turned into a [DiskError] where
// disk or permissions are at fault; such an error leaves the store usable, and it
// goes on as soon as the cause is gone.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"
)

// Migrations are one context's schema. FS holds the folders "sqlite" and "postgres"
// with files named 00001_name.sql in goose's notation, and may hold "any" with files
// that are valid for both. A version number appears once over the dialect's folder
// and "any".
type Migrations struct {
	Context string
	FS      fs.FS
}

// Config says where the store is and what belongs into it.
type Config struct {
	URL         string        // "" is embedded SQLite in Dir; postgres://… is a database of its own there
	Dir         string        // data folder, created with mode 0700; for SQLite only
	Migrations  []Migrations  // in the order they are to run; all that the program knows, always
	ReadOnly    bool          // no lock is taken, nothing can be written, nothing is migrated
	BusyTimeout time.Duration // how long to wait for another program's lock on the file; 0 is 5 s
	Logger      *slog.Logger  // nil discards

	vfs   string    // SQLite VFS; tests record what reaches the disk with it
	files fileLayer // nil is the operating system
}

// ErrReadOnlyStore is what a write on a store opened with ReadOnly returns.
var ErrReadOnlyStore = errors.New("the store is open for reading only; open it without ReadOnly to write")

// Store is an open store. It is safe for use by several goroutines.
type Store struct {
	cfg     Config
	dialect Dialect
	writes  *sql.DB // one connection on SQLite; nil when read only
	reads   *sql.DB
	lock    *fileLock
	holder  string // names this opening of the store; see outbox_sqlite.go
}

// Open opens the store, creates it where there is none, and brings it to the version
// this program knows. A store that a newer program wrote is refused with a
// [NewerError], one that another process has open for writing with a [LockedError].
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := connect(ctx, cfg)
	if err != nil {
		return nil, CheckDisk(err)
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(CheckDisk(err), s.Close())
	}
	return s, nil
}

// connect opens without migrating.
func connect(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.BusyTimeout == 0 {
		cfg.BusyTimeout = 5 * time.Second
	}
	if cfg.files == nil {
		cfg.files = osFiles{}
	}
	s := &Store{cfg: cfg, holder: rand.Text()}
	switch {
	case cfg.URL == "":
		s.dialect = SQLite
		return s, s.openSQLite(ctx)
	case strings.HasPrefix(cfg.URL, "postgres://"), strings.HasPrefix(cfg.URL, "postgresql://"):
		s.dialect = Postgres
		return s, s.openPostgres(ctx)
	}
	scheme, _, _ := strings.Cut(cfg.URL, ":")
	return nil, fmt.Errorf("database address with scheme %q: want postgres://… or none for an embedded store", scheme)
}

// Dialect says which SQL the store speaks.
func (s *Store) Dialect() Dialect { return s.dialect }

// DB is for reading: it sees what is committed, waits for no writer, and refuses to
// write. On SQLite a result set that is left open keeps the write-ahead log from being
// shortened, so close it soon.
func (s *Store) DB() *sql.DB { return s.reads }

// Tx runs fn in a transaction and commits it durably. On SQLite there is one writer: a
// second Tx waits for the first, so calling Tx from within fn never returns. On
// PostgreSQL transactions run beside each other, serializable, and fn is repeated when
// they get in each other's way; what fn leaves outside the database must be reset at
// its start.
func (s *Store) Tx(ctx context.Context, fn func(tx *sql.Tx) error) error {
	if s.writes == nil {
		return ErrReadOnlyStore
	}
	opts := &sql.TxOptions{}
	if s.dialect == Postgres {
		opts.Isolation = sql.LevelSerializable
	}
	return s.tx(ctx, opts, fn)
}

func (s *Store) tx(ctx context.Context, opts *sql.TxOptions, fn func(tx *sql.Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := transact(ctx, s.writes, opts, fn)
		if err == nil {
			return nil
		}
		if s.dialect != Postgres || !repeatable(err) || attempt == maxRepeats {
			return CheckDisk(err)
		}
		if err := pause(ctx, attempt); err != nil {
			return fmt.Errorf("transaction given up after %d conflicts with others: %w", attempt+1, err)
		}
	}
}

// transact runs fn in one transaction. The drivers clean the connection up when a
// commit fails, so it can be used again at once.
func transact(ctx context.Context, db *sql.DB, opts *sql.TxOptions, fn func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Compact gives free space back and overwrites what has been deleted, as far as the
// database does: until then deleted rows can still be found in free pages of the file.
// It rewrites the whole store and needs as much free space as the store takes.
func (s *Store) Compact(ctx context.Context) error {
	if s.writes == nil {
		return ErrReadOnlyStore
	}
	if _, err := s.writes.ExecContext(ctx, "VACUUM"); err != nil {
		return CheckDisk(fmt.Errorf("compact the store: %w", err))
	}
	if s.dialect == SQLite {
		return CheckDisk(emptyLog(ctx, s.writes))
	}
	return nil
}

// Close ends all connections and gives the lock back. What was committed is safe
// without it.
func (s *Store) Close() error {
	var errs []error
	if s.reads != nil {
		errs = append(errs, s.reads.Close())
	}
	if s.writes != nil {
		errs = append(errs, s.writes.Close()) // last, so that it can shorten the log
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
		s.lock = nil
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close store: %w", CheckDisk(err))
	}
	return nil
}
