package store

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The files are in goose's notation, so goose can run them by hand, but the runner is
// our own: goose keeps one table and one transaction per context and file, while here
// an upgrade of all contexts is one transaction. It happens whole or not at all, and a
// store that is up to date costs one query to see it.

//go:embed migrations
var ownMigrations embed.FS

const (
	ownContext  = "store"
	schemaTable = "store_schema"
)

// NewerError says that a newer program wrote the store.
type NewerError struct {
	Context    string
	Have, Know int64 // version in the store, newest version this program knows (0: not even the context)
}

func (e *NewerError) Error() string {
	known := fmt.Sprintf("this one knows %d", e.Know)
	if e.Know == 0 {
		known = "this one does not know that part"
	}
	return fmt.Sprintf("the store was written by a newer version of the program: schema of %q is at %d, %s; "+
		"use the newer program, or restore a backup that the older one made", e.Context, e.Have, known)
}

type migration struct {
	context string
	version int64
	file    string
	fs      fs.FS
}

// loadMigrations lists all migrations in the order they run: the store's own first, then
// the contexts as they are given, each by version.
func loadMigrations(given []Migrations, d Dialect) ([]migration, error) {
	own, err := fs.Sub(ownMigrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("migrations of the store: %w", err)
	}
	var all []migration
	seen := map[string]bool{}
	for _, m := range append([]Migrations{{ownContext, own}}, given...) {
		if m.Context == "" || seen[m.Context] {
			return nil, fmt.Errorf("migrations: context %q is empty or given twice", m.Context)
		}
		seen[m.Context] = true
		list, err := listMigrations(m, d)
		if err != nil {
			return nil, fmt.Errorf("migrations of %q: %w", m.Context, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

func listMigrations(m Migrations, d Dialect) ([]migration, error) {
	var list []migration
	for _, dir := range []string{d.String(), "any"} {
		entries, err := fs.ReadDir(m.FS, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, entry := range entries {
			if path.Ext(entry.Name()) != ".sql" {
				continue
			}
			digits, _, _ := strings.Cut(entry.Name(), "_")
			version, err := strconv.ParseInt(digits, 10, 64)
			if err != nil || version < 1 {
				return nil, fmt.Errorf("file %s/%s: want a name like 00001_name.sql", dir, entry.Name())
			}
			list = append(list, migration{m.Context, version, path.Join(dir, entry.Name()), m.FS})
		}
	}
	slices.SortFunc(list, func(a, b migration) int { return cmp.Compare(a.version, b.version) })
	for i, m := range list {
		if m.version != int64(i+1) {
			return nil, fmt.Errorf("file %s: want version %d; versions go up by one and each appears once", m.file, i+1)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no files in %q or \"any\"", d)
	}
	return list, nil
}

// sqlText is the part of the file that goes up.
func (m migration) sqlText() (string, error) {
	data, err := fs.ReadFile(m.fs, m.file)
	if err != nil {
		return "", fmt.Errorf("migration of %q: %w", m.context, err)
	}
	var up strings.Builder
	inside := false
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		line := lines.Text()
		directive, found := strings.CutPrefix(strings.TrimSpace(line), "-- +goose")
		switch directive = strings.ToLower(strings.TrimSpace(directive)); {
		case found && directive == "up":
			inside = true
		case found && directive == "down":
			inside = false
		case found && directive != "statementbegin" && directive != "statementend":
			return "", fmt.Errorf("migration %s of %q: directive %q is not supported", m.file, m.context, directive)
		case inside:
			up.WriteString(line + "\n")
		}
	}
	if strings.TrimSpace(up.String()) == "" {
		return "", fmt.Errorf("migration %s of %q: nothing after \"-- +goose Up\"", m.file, m.context)
	}
	return up.String(), lines.Err()
}

// versions maps a context to the version of its schema.
type versions map[string]int64

func newest(all []migration) versions {
	v := versions{}
	for _, m := range all {
		v[m.context] = max(v[m.context], m.version)
	}
	return v
}

// check refuses what this program does not know.
func (v versions) check(known versions) error {
	for context, have := range v {
		if have > known[context] {
			return &NewerError{Context: context, Have: have, Know: known[context]}
		}
	}
	return nil
}

// migrate brings the store to the newest versions.
func (s *Store) migrate(ctx context.Context) error {
	all, err := loadMigrations(s.cfg.Migrations, s.dialect)
	if err != nil {
		return err
	}
	known := newest(all)
	have, err := s.versions(ctx, s.reads)
	if err != nil {
		return err
	}
	if err := have.check(known); err != nil {
		return err
	}
	if !have.behind(known) {
		return nil
	}
	if s.cfg.ReadOnly {
		return errors.New("the store was written by an older version of the program; open it once for writing with this one")
	}
	return s.upgrade(ctx, all, known)
}

func (v versions) behind(to versions) bool {
	for context, want := range to {
		if v[context] < want {
			return true
		}
	}
	return false
}

// versions reads the schema row of each context; none where the store is new.
func (s *Store) versions(ctx context.Context, db querier) (versions, error) {
	v, cause := readVersions(ctx, db)
	if cause == nil {
		return v, nil
	}
	tables, err := s.tableNames(ctx, db)
	switch {
	case err != nil:
		return nil, errors.Join(cause, err)
	case slices.Contains(tables, schemaTable): // there by now: another instance is making the store at this moment
		return readVersions(ctx, db)
	case len(tables) > 0: // it is left alone
		return nil, fmt.Errorf("the database holds %d tables of something else (%s …): give Portcullis a database of its own",
			len(tables), tables[0])
	}
	return versions{}, nil
}

func readVersions(ctx context.Context, db querier) (versions, error) {
	rows, err := db.QueryContext(ctx, "SELECT context, version FROM store_schema")
	if err != nil {
		return nil, fmt.Errorf("read schema versions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	v := versions{}
	for rows.Next() {
		var context string
		var version int64
		if err := rows.Scan(&context, &version); err != nil {
			return nil, fmt.Errorf("read schema versions: %w", err)
		}
		v[context] = version
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read schema versions: %w", err)
	}
	return v, nil
}

// querier is what a connection, a pool and a transaction share.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// upgrade runs what is missing, in one transaction.
func (s *Store) upgrade(ctx context.Context, all []migration, to versions) error {
	db := s.writes
	if s.dialect == SQLite {
		var err error
		if db, err = s.migrationDB(); err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
	}
	return transact(ctx, db, &sql.TxOptions{}, func(tx *sql.Tx) error {
		err := s.lockMigrations(ctx, tx)
		if err == nil {
			err = s.upgradeIn(ctx, tx, all, to)
		}
		if err != nil {
			return fmt.Errorf("upgrade the store (it stays as it was): %w", err)
		}
		return nil
	})
}

// migrationDB is a connection to SQLite without foreign keys. Rebuilding a table drops
// it, which with them on would delete what refers to it (SQLite, ALTER TABLE §7); they are
// checked before the commit instead.
func (s *Store) migrationDB() (*sql.DB, error) {
	return s.sqliteDB(filepath.Join(s.cfg.Dir, databaseFile), 1, writePragmas, "_txlock=immediate", "_foreign_keys=0")
}

// migrationLock is the key of the advisory lock under which one instance migrates while
// the others wait; the number has no meaning.
const migrationLock = 0x706f7274

func (s *Store) lockMigrations(ctx context.Context, tx *sql.Tx) error {
	if s.dialect == SQLite {
		return nil // the transaction is exclusive anyway
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock)
	return err
}

func (s *Store) upgradeIn(ctx context.Context, tx *sql.Tx, all []migration, to versions) error {
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS store_schema (
		context TEXT PRIMARY KEY, version BIGINT NOT NULL, applied BIGINT NOT NULL)`); err != nil {
		return err
	}
	have, err := s.versions(ctx, tx) // again: another instance may have been faster
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.version <= have[m.context] || m.version > to[m.context] {
			continue
		}
		if err := s.apply(ctx, tx, m); err != nil {
			return fmt.Errorf("migration %s of %q: %w", m.file, m.context, err)
		}
	}
	if s.dialect == SQLite {
		return checkForeignKeys(ctx, tx)
	}
	return nil
}

func (s *Store) apply(ctx context.Context, tx *sql.Tx, m migration) error {
	text, err := m.sqlText()
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, text); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO store_schema (context, version, applied) VALUES ($1, $2, $3)
		ON CONFLICT (context) DO UPDATE SET version = excluded.version, applied = excluded.applied`,
		m.context, m.version, time.Now().UnixMicro())
	if err == nil {
		s.cfg.Logger.InfoContext(ctx, "store migrated", "context", m.context, "version", m.version)
	}
	return err
}

func checkForeignKeys(ctx context.Context, q querier) error {
	rows, err := q.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return fmt.Errorf("check foreign keys: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		var table, parent string
		var rowid, key any
		if err := rows.Scan(&table, &rowid, &parent, &key); err != nil {
			return fmt.Errorf("check foreign keys: %w", err)
		}
		return fmt.Errorf("row %v of %s refers to a row of %s that is not there", rowid, table, parent)
	}
	return rows.Err()
}
