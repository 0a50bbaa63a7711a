package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// restoreFolder is where a database is put together before it gets its place.
const restoreFolder = "restore" + partialSuffix

// Restore makes a store out of a backup. The target must be empty: a data folder without
// a database, or a PostgreSQL database without tables. The checksum of the whole file is
// compared before anything is touched, and the store is there whole or not at all. A
// backup of an older program is restored at its version; the next Open brings it up to
// date. One of a newer program is refused with a NewerError.
func Restore(ctx context.Context, src string, cfg Config) error {
	if err := restore(ctx, src, cfg); err != nil {
		return CheckDisk(fmt.Errorf("restore %s: %w", src, err))
	}
	return nil
}

func restore(ctx context.Context, src string, cfg Config) error {
	if cfg.ReadOnly {
		return ErrReadOnlyStore
	}
	f, err := os.Open(src)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := verifyDump(f, info.Size()); err != nil {
		return err
	}
	d, err := newDumpReader(f, info.Size())
	if err != nil {
		return err
	}
	defer func() { _ = d.close() }()
	if cfg.URL == "" {
		return restoreFile(ctx, d, cfg)
	}
	s, err := connect(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(s.load(ctx, s.writes, d), s.Close())
}

// restoreFile builds the database in a folder of its own and moves the file into place.
func restoreFile(ctx context.Context, d *dumpReader, cfg Config) (err error) {
	if cfg.files == nil {
		cfg.files = osFiles{}
	}
	if cfg.Dir == "" {
		return errors.New("no data folder is given")
	}
	if err := makeFolder(cfg.files, cfg.Dir); err != nil {
		return err
	}
	lock, err := lockFile(filepath.Join(cfg.Dir, lockName))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	target := filepath.Join(cfg.Dir, databaseFile)
	if err := refuseFilled(target); err != nil {
		return err
	}
	build := cfg
	build.Dir = filepath.Join(cfg.Dir, restoreFolder)
	if err := os.RemoveAll(build.Dir); err != nil { // of a restore that was interrupted
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(build.Dir)) }()
	if err := buildFile(ctx, d, build); err != nil {
		return err
	}
	return moveDurably(cfg.files, filepath.Join(build.Dir, databaseFile), target)
}

// refuseFilled also refuses a log without its database: SQLite would take it for the
// restored one's.
func refuseFilled(target string) error {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		if _, err := os.Stat(target + suffix); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s exists; name an empty data folder, or move what is there away", target+suffix)
		}
	}
	return nil
}

func buildFile(ctx context.Context, d *dumpReader, cfg Config) error {
	s, err := connect(ctx, cfg)
	if err != nil {
		return err
	}
	db, err := s.migrationDB()
	if err != nil {
		return errors.Join(err, s.Close())
	}
	err = s.load(ctx, db, d)
	if err == nil {
		err = settle(ctx, db)
	}
	return errors.Join(err, db.Close(), s.Close())
}

// settle checks the new database and moves all of it from the log into the file, which
// syncs the file too. SQLite would do that at Close as well, but without telling whether
// it worked.
func settle(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("integrity check: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("integrity check: %s", verdict)
	}
	return emptyLog(ctx, db)
}

// load makes the schema and fills it, in one transaction.
func (s *Store) load(ctx context.Context, db *sql.DB, d *dumpReader) error {
	all, err := loadMigrations(s.cfg.Migrations, s.dialect)
	if err != nil {
		return err
	}
	if err := d.header.Versions.check(newest(all)); err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := s.lockMigrations(ctx, tx); err != nil {
		return err
	}
	tables, err := s.tableNames(ctx, tx)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		return fmt.Errorf("the database holds %d tables (%s …); name an empty one", len(tables), tables[0])
	}
	if err := s.upgradeIn(ctx, tx, all, d.header.Versions); err != nil {
		return err
	}
	if err := s.emptyTables(ctx, tx); err != nil {
		return err
	}
	if err := s.loadTables(ctx, conn, tx, d); err != nil {
		return err
	}
	return tx.Commit()
}

// emptyTables removes the rows that migrations put in: the backup has them, as they
// became since, or has them no longer.
func (s *Store) emptyTables(ctx context.Context, tx *sql.Tx) error {
	tables, err := s.tableNames(ctx, tx)
	if err != nil {
		return err
	}
	if tables, err = s.parentsFirst(ctx, tx, tables); err != nil {
		return err
	}
	for _, table := range slices.Backward(tables) {
		if table == schemaTable {
			continue
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+quote(table)); err != nil {
			return fmt.Errorf("empty table %s: %w", table, err)
		}
	}
	return nil
}

func (s *Store) loadTables(ctx context.Context, conn *sql.Conn, tx *sql.Tx, d *dumpReader) error {
	for {
		table, err := d.nextTable()
		if err != nil {
			return err
		}
		if table == nil {
			break
		}
		if err := s.loadTable(ctx, conn, tx, d, table); err != nil {
			return fmt.Errorf("table %s: %w", table.Name, err)
		}
	}
	if s.dialect == SQLite {
		return checkForeignKeys(ctx, tx)
	}
	return nil
}

func (s *Store) loadTable(ctx context.Context, conn *sql.Conn, tx *sql.Tx, d *dumpReader, table *dumpTable) error {
	if err := s.fits(ctx, tx, table); err != nil {
		return err
	}
	source := &dumpRowSource{d: d, values: make([]any, len(table.Columns))}
	var err error
	if s.dialect == Postgres {
		err = copyRows(ctx, conn, table, source)
	} else {
		err = insertRows(ctx, tx, table, source)
	}
	if err != nil {
		return err
	}
	return s.setLastNumber(ctx, tx, table.Name, table.Last)
}

// fits tells whether the schema has the table and its columns.
func (s *Store) fits(ctx context.Context, tx *sql.Tx, table *dumpTable) error {
	columns, err := s.columns(ctx, tx, table.Name)
	if err != nil {
		return err
	}
	for _, name := range table.Columns {
		if !slices.Contains(columns, name) {
			return fmt.Errorf("column %q is in the backup but not in the %s schema of its version", name, s.dialect)
		}
	}
	return nil
}

func insertRows(ctx context.Context, tx *sql.Tx, table *dumpTable, source *dumpRowSource) error {
	insert, err := tx.PrepareContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)",
		quote(table.Name), quoteAll(table.Columns), placeholders(1, len(table.Columns))))
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for source.Next() {
		if _, err := insert.ExecContext(ctx, source.values...); err != nil {
			return fmt.Errorf("row %d: %w", source.read, err)
		}
	}
	return source.err
}

// copyRows uses COPY on the connection of the transaction.
func copyRows(ctx context.Context, conn *sql.Conn, table *dumpTable, source *dumpRowSource) error {
	return conn.Raw(func(driverConn any) error {
		pg, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("connection is a %T", driverConn)
		}
		if _, err := pg.Conn().CopyFrom(ctx, pgx.Identifier{table.Name}, table.Columns, source); err != nil {
			return fmt.Errorf("near row %d: %w", source.read, err)
		}
		return source.err
	})
}

// dumpRowSource gives out the rows of one table; it is a pgx.CopyFromSource.
type dumpRowSource struct {
	d      *dumpReader
	values []any
	read   uint64
	err    error
}

func (r *dumpRowSource) Next() bool {
	var more bool
	if more, r.err = r.d.row(r.values, r.read); more {
		r.read++
	}
	return more && r.err == nil
}

func (r *dumpRowSource) Values() ([]any, error) { return r.values, nil }

func (r *dumpRowSource) Err() error { return r.err }
