package store

import (
	"context"
	"fmt"
)

// A sequence goes on after a restore where it was: a number that was given out once may
// stand in somebody's notes and must not name something else.

const sqliteSequence = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = $1), 0)`

// sqliteHasSequence tells whether a table counts with AUTOINCREMENT; sqlite_sequence
// exists only once some table does.
const sqliteHasSequence = `SELECT count(*) FROM sqlite_schema
	WHERE type = 'table' AND name = $1 AND upper(sql) LIKE '%AUTOINCREMENT%'`

// lastNumber is the highest number that a table's sequence gave out, 0 without one.
func (s *Store) lastNumber(ctx context.Context, q querier, table string) (last int64, err error) {
	if s.dialect == SQLite {
		var n int64
		if err := scanOne(ctx, q, &n, sqliteHasSequence, table); err != nil || n == 0 {
			return 0, err
		}
		err := scanOne(ctx, q, &last, sqliteSequence, table)
		return last, err
	}
	column, sequence, err := s.postgresSequence(ctx, q, table)
	if err != nil || column == "" {
		return 0, err
	}
	err = scanOne(ctx, q, &last, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM "+sequence)
	return last, err
}

// postgresSequence finds the column that counts and its sequence, quoted as needed.
func (s *Store) postgresSequence(ctx context.Context, q querier, table string) (column, sequence string, err error) {
	rows, err := scanStrings(ctx, q, 2, `SELECT a.attname::text, pg_get_serial_sequence(quote_ident(c.relname), a.attname)
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1 AND a.attnum > 0 AND NOT a.attisdropped
		AND pg_get_serial_sequence(quote_ident(c.relname), a.attname) IS NOT NULL ORDER BY a.attnum LIMIT 1`, table)
	if err != nil || len(rows) == 0 {
		return "", "", err
	}
	return rows[0][0], rows[0][1], nil
}

// setLastNumber lets a table's sequence go on behind last and behind every row.
func (s *Store) setLastNumber(ctx context.Context, q querier, table string, last int64) error {
	if s.dialect == SQLite {
		return s.setLastSQLite(ctx, q, table, last)
	}
	column, sequence, err := s.postgresSequence(ctx, q, table)
	if err != nil || column == "" {
		return err
	}
	var highest int64
	err = scanOne(ctx, q, &highest, fmt.Sprintf("SELECT coalesce(max(%s), 0)::bigint FROM %s", quote(column), quote(table)))
	if err != nil {
		return err
	}
	if highest = max(highest, last); highest > 0 {
		_, err = q.ExecContext(ctx, "SELECT setval($1::text::regclass, $2)", sequence, highest)
	}
	return err
}

func (s *Store) setLastSQLite(ctx context.Context, q querier, table string, last int64) error {
	var n int64
	if err := scanOne(ctx, q, &n, sqliteHasSequence, table); err != nil || n == 0 || last == 0 {
		return err
	}
	result, err := q.ExecContext(ctx, "UPDATE sqlite_sequence SET seq = max(seq, $1) WHERE name = $2", last, table)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = q.ExecContext(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", table, last)
	return err
}

// scanOne reads the first column of the first row, if there is one.
func scanOne(ctx context.Context, q querier, target any, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		if err := rows.Scan(target); err != nil {
			return err
		}
	}
	return rows.Err()
}
