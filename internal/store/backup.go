package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Backup writes the whole store into the file dst, which must not exist. It sees one
// moment, whatever is written meanwhile, and keeps no writer waiting. When it returns
// nil the file is complete and synced; until then its name ends in ".partial".
//
// The file fits either dialect: it holds rows and schema versions, and no SQL.
func (s *Store) Backup(ctx context.Context, dst string) error {
	if _, err := os.Stat(dst); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("backup: %s exists; name a new file", dst)
	}
	err := writeDurably(s.cfg.files, dst, func(w io.Writer) error {
		return s.snapshot(ctx, func(tx *sql.Tx) error { return s.dump(ctx, tx, w) })
	})
	if err != nil {
		return CheckDisk(fmt.Errorf("backup: %w", err))
	}
	return nil
}

// snapshot runs fn in a transaction that sees one moment: on SQLite any reading
// transaction does, PostgreSQL needs repeatable read.
func (s *Store) snapshot(ctx context.Context, fn func(tx *sql.Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if s.dialect == Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := s.reads.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin reading: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	return fn(tx)
}

func (s *Store) dump(ctx context.Context, tx *sql.Tx, w io.Writer) error {
	have, err := s.versions(ctx, tx)
	if err != nil {
		return err
	}
	tables, err := s.tableNames(ctx, tx)
	if err != nil {
		return err
	}
	if tables, err = s.parentsFirst(ctx, tx, tables); err != nil {
		return err
	}
	d, err := newDumpWriter(w, dumpHeader{
		Schema: dumpSchema, Created: time.Now().UnixMicro(), Dialect: s.dialect.String(), Versions: have})
	if err != nil {
		return err
	}
	for _, table := range tables {
		if table == schemaTable { // the header holds what it says
			continue
		}
		if err := s.dumpTable(ctx, tx, d, table); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	s.cfg.Logger.InfoContext(ctx, "store backed up", "tables", d.tables, "rows", d.total)
	return d.close()
}

func (s *Store) dumpTable(ctx context.Context, tx *sql.Tx, d *dumpWriter, table string) error {
	columns, err := s.columns(ctx, tx, table)
	if err != nil {
		return err
	}
	last, err := s.lastNumber(ctx, tx, table)
	if err != nil {
		return fmt.Errorf("sequence: %w", err)
	}
	if err := d.table(dumpTable{Name: table, Columns: columns, Last: last}); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+quoteAll(columns)+" FROM "+quote(table))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if err := dumpRows(rows, d, len(columns)); err != nil {
		return err
	}
	return d.endTable()
}

func dumpRows(rows *sql.Rows, d *dumpWriter, columns int) error {
	values, targets := make([]any, columns), make([]any, columns)
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		if err := d.row(values); err != nil {
			return err
		}
	}
	return rows.Err()
}
