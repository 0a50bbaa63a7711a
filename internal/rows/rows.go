// Package rows puts a context's rows into a transaction: statements that are
// prepared once, many rows with one statement, numbers in place of long ids, and
// what is stored packed.
//
// Storing is what a scan costs most after judging, and of storing it is the statement
// and the index entry, not the byte. So a row is named by a small number within the
// tables and by its id only where it is looked up, and rows go in many at a time.
//
// It knows no table. The statements it is given run on SQLite and on PostgreSQL.
package rows

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
)

// Tx runs statements in one transaction, each prepared on first use. It is not safe
// for concurrent use. Close it before the transaction ends.
//
// Statements do not watch the context while they run: SQLite would start a goroutine
// for each, and they take microseconds. Before each the context is asked.
type Tx struct {
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
	inserts  map[shape]string
}

// shape is what an insert's text depends on.
type shape struct {
	before, after string
	rows, columns int
}

// New runs statements within tx.
func New(tx *sql.Tx) *Tx {
	return &Tx{tx: tx, prepared: map[string]*sql.Stmt{}, inserts: map[shape]string{}}
}

// Close releases the prepared statements.
func (t *Tx) Close() {
	for _, s := range t.prepared {
		_ = s.Close() // the transaction's end closes them anyway
	}
}

func (t *Tx) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s, ok := t.prepared[query]; ok {
		return s, nil
	}
	s, err := t.tx.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	t.prepared[query] = s
	return s, nil
}

// ExecContext runs a statement.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := t.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.WithoutCancel(ctx), args...)
}

// QueryContext runs a query.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(context.WithoutCancel(ctx), args...)
}

// QueryRowContext runs a query for one row.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := t.stmt(ctx, query)
	if err != nil {
		return t.tx.QueryRowContext(ctx, query, args...) // reports the same error through Scan
	}
	return s.QueryRowContext(context.WithoutCancel(ctx), args...)
}

// Exec runs a statement and tells how many rows it changed; what names them in errors.
func (t *Tx) Exec(ctx context.Context, what, query string, args ...any) (changed int64, err error) {
	result, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("store %s: %w", what, err)
	}
	return result.RowsAffected()
}

// most is how many rows one statement inserts.
const most = 32

// Insert inserts rows of so many columns, their values behind each other, and tells
// how many went in. The text of a statement is before, the rows, after. So that few
// have to be prepared, rows go in 32 at a time and the rest 16, 8, 4, 2, one at a time.
func (t *Tx) Insert(ctx context.Context, what, before, after string, columns int, values []any) (changed int64, err error) {
	for n := most; len(values) > 0; {
		for n*columns > len(values) {
			n /= 2
		}
		key := shape{before, after, n, columns}
		query, ok := t.inserts[key]
		if !ok {
			query = before + places(n, columns) + after
			t.inserts[key] = query
		}
		added, err := t.Exec(ctx, what, query, values[:n*columns]...)
		if err != nil {
			return changed, err
		}
		changed += added
		values = values[n*columns:]
	}
	return changed, nil
}

// places writes ($1,$2),($3,$4)…
func places(rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%columns == 0:
			b.WriteString("),(")
		default:
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(i + 1))
	}
	b.WriteByte(')')
	return b.String()
}

// Strings reads the only column of a query's rows.
func Strings(rows *sql.Rows, err error) ([]string, error) { return column[string](rows, err) }

// Numbers reads the only column of a query's rows.
func Numbers(rows *sql.Rows, err error) ([]int64, error) { return column[int64](rows, err) }

// Keys reads the only column of a query's rows.
func Keys(rows *sql.Rows, err error) ([][]byte, error) { return column[[]byte](rows, err) }

func column[T any](rows *sql.Rows, err error) (list []T, _ error) {
	if err != nil {
		return nil, fmt.Errorf("read the store: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, fmt.Errorf("read the store: %w", err)
		}
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the store: %w", err)
	}
	return list, nil
}
