package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// tableQueries list the tables of the store. Views, virtual tables and the shadow tables
// behind them are made by migrations and hold nothing of their own; a partition's rows
// are those of its parent.
var tableQueries = [...]string{
	SQLite: `SELECT name FROM pragma_table_list
		WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`,
	Postgres: `SELECT c.relname::text FROM pg_class c
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		ORDER BY c.relname COLLATE "C"`,
}

// columnQueries list what a table's rows are made of, without what is computed from it,
// each with its type.
var columnQueries = [...]string{
	SQLite: `SELECT name, lower(type) FROM pragma_table_xinfo($1) WHERE hidden = 0 ORDER BY cid`,
	Postgres: `SELECT a.attname::text, format_type(a.atttypid, NULL) FROM pg_attribute a
		JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = $1
		AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum`,
}

// referenceQueries list pairs of tables of which the first refers to the second.
var referenceQueries = [...]string{
	SQLite: `SELECT t.name, f."table" FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) f
		WHERE t.schema = 'main' AND t.type = 'table'`,
	Postgres: `SELECT c.relname::text, p.relname::text FROM pg_constraint k
		JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
		WHERE k.contype = 'f' AND c.relnamespace = current_schema()::regnamespace`,
}

// portable are the column types whose values mean the same in both dialects. Times are
// int64, booleans 0 and 1, JSON is text, so no others are needed.
var portable = []string{"bigint", "integer", "smallint", "double precision", "text", "bytea"}

func (s *Store) tableNames(ctx context.Context, q querier) ([]string, error) {
	rows, err := scanStrings(ctx, q, 1, tableQueries[s.dialect])
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row[0]
	}
	return names, nil
}

func (s *Store) columns(ctx context.Context, q querier, table string) ([]string, error) {
	rows, err := scanStrings(ctx, q, 2, columnQueries[s.dialect], table)
	if err != nil {
		return nil, fmt.Errorf("list columns of %s: %w", table, err)
	}
	columns := make([]string, len(rows))
	for i, row := range rows {
		columns[i] = row[0]
		if s.dialect == Postgres && !slices.Contains(portable, row[1]) {
			return nil, fmt.Errorf("column %s of %s has type %s, which has no counterpart in SQLite; want one of %s",
				row[0], table, row[1], strings.Join(portable, ", "))
		}
	}
	return columns, nil
}

// parentsFirst orders tables so that a row never comes before the one it refers to.
// Tables that refer to each other in a circle come last; PostgreSQL takes those only if
// their constraints are deferrable.
func (s *Store) parentsFirst(ctx context.Context, q querier, tables []string) ([]string, error) {
	pairs, err := scanStrings(ctx, q, 2, referenceQueries[s.dialect])
	if err != nil {
		return nil, fmt.Errorf("list foreign keys: %w", err)
	}
	ordered := make([]string, 0, len(tables))
	waits := func(table string) bool {
		return slices.ContainsFunc(pairs, func(pair []string) bool {
			return pair[0] == table && pair[1] != table && !slices.Contains(ordered, pair[1])
		})
	}
	for rest := tables; len(rest) > 0; {
		before := len(ordered)
		var later []string
		for _, table := range rest {
			if waits(table) {
				later = append(later, table)
			} else {
				ordered = append(ordered, table)
			}
		}
		if len(ordered) == before {
			return append(ordered, later...), nil
		}
		rest = later
	}
	return ordered, nil
}

// quote makes a name an identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, ", ")
}

func scanStrings(ctx context.Context, q querier, columns int, query string, args ...any) ([][]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all [][]string
	for rows.Next() {
		row, targets := make([]string, columns), make([]any, columns)
		for i := range row {
			targets[i] = &row[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
