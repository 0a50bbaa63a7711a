package meter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// SQLStore shares counts through PostgreSQL. A count is one row that is locked while a guard
// counts (SELECT … FOR UPDATE), with the pages of its tracker beside it. It should lie in a
// database of its own, apart from the register, which may be written by people who are metered.
type SQLStore struct{ db *sql.DB }

// OpenSQLStore makes the tables it needs.
func OpenSQLStore(ctx context.Context, db *sql.DB) (*SQLStore, error) {
	for _, ddl := range append([]string{
		`CREATE TABLE IF NOT EXISTS register_meter_head (key text PRIMARY KEY, head bytea NOT NULL)`,
		`CREATE TABLE IF NOT EXISTS register_meter_page (key text NOT NULL, page bigint NOT NULL, data bytea NOT NULL, PRIMARY KEY (key, page))`,
		`CREATE TABLE IF NOT EXISTS register_meter_kept (key text NOT NULL, seq bigint NOT NULL, made timestamptz NOT NULL DEFAULT now(), data bytea NOT NULL, PRIMARY KEY (key, seq))`,
	}, commonTables...) {
		if _, err := db.ExecContext(ctx, ddl); err != nil {
			return nil, fmt.Errorf("tables of shared budgets: %w", err)
		}
	}
	return &SQLStore{db}, nil
}

type sqlTx struct {
	tx    *sql.Tx
	heads map[string][]byte
}

// Begin locks the counts of the keys, in their order.
func (s *SQLStore) Begin(ctx context.Context, keys []string) (StoreTx, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	t := &sqlTx{tx, map[string][]byte{}}
	for _, k := range keys {
		var head []byte
		const lock = `SELECT head FROM register_meter_head WHERE key = $1 FOR UPDATE`
		err := tx.QueryRowContext(ctx, lock, k).Scan(&head)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = tx.ExecContext(ctx, `INSERT INTO register_meter_head (key, head) VALUES ($1, '') ON CONFLICT DO NOTHING`, k)
			if err == nil {
				err = tx.QueryRowContext(ctx, lock, k).Scan(&head)
			}
		}
		if err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
		t.heads[k] = head
	}
	return t, nil
}

func (t *sqlTx) Head(key string) []byte { return t.heads[key] }

// Pages reads pages, a thousand with one statement.
func (t *sqlTx) Pages(ctx context.Context, key string, pages []uint64) (map[uint64][]byte, error) {
	found := map[uint64][]byte{}
	if pages == nil {
		return found, t.read(ctx, found, `SELECT page, data FROM register_meter_page WHERE key = $1`, key)
	}
	for some := range slices.Chunk(pages, 1000) {
		numbers := make([]int64, len(some))
		for i, p := range some {
			numbers[i] = int64(p)
		}
		if err := t.read(ctx, found, `SELECT page, data FROM register_meter_page WHERE key = $1 AND page = ANY($2)`, key, numbers); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (t *sqlTx) read(ctx context.Context, into map[uint64][]byte, query string, args ...any) error {
	rows, err := t.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		var data []byte
		if err := rows.Scan(&n, &data); err != nil {
			return err
		}
		into[uint64(n)] = data
	}
	return rows.Err()
}

// Put writes a head and pages, and what a reservation changed. What reservations changed is kept for two minutes: one that
// is older than that cannot be cancelled exactly any more, and stays counted.
func (t *sqlTx) Put(ctx context.Context, key string, head []byte, pages map[uint64][]byte, seq uint64, kept []byte) error {
	const write = `UPDATE register_meter_head SET head = $2 WHERE key = $1`
	const writeKept = `WITH head AS (UPDATE register_meter_head SET head = $2 WHERE key = $1),
 old AS (DELETE FROM register_meter_kept WHERE key = $1 AND made < now() - interval '2 minutes')
INSERT INTO register_meter_kept (key, seq, data) VALUES ($1, $3, $4)`
	var err error
	if kept == nil {
		_, err = t.tx.ExecContext(ctx, write, key, head)
	} else {
		_, err = t.tx.ExecContext(ctx, writeKept, key, head, int64(seq), kept)
	}
	if err != nil || len(pages) == 0 {
		return err
	}
	numbers, data := make([]int64, 0, len(pages)), make([][]byte, 0, len(pages))
	for n, raw := range pages {
		numbers, data = append(numbers, int64(n)), append(data, raw)
	}
	const put = `INSERT INTO register_meter_page (key, page, data) SELECT $1, p, d FROM unnest($2::bigint[], $3::bytea[]) AS u(p, d)
ON CONFLICT (key, page) DO UPDATE SET data = EXCLUDED.data`
	_, err = t.tx.ExecContext(ctx, put, key, numbers, data)
	return err
}

// Kept reads what reservations have changed.
func (t *sqlTx) Kept(ctx context.Context, key string, from uint64) (map[uint64][]byte, error) {
	found := map[uint64][]byte{}
	return found, t.read(ctx, found, `SELECT seq, data FROM register_meter_kept WHERE key = $1 AND seq >= $2`, key, int64(from))
}

// Keep writes it again, or forgets it.
func (t *sqlTx) Keep(ctx context.Context, key string, kept map[uint64][]byte) error {
	for seq, data := range kept {
		var err error
		if data == nil {
			_, err = t.tx.ExecContext(ctx, `DELETE FROM register_meter_kept WHERE key = $1 AND seq = $2`, key, int64(seq))
		} else {
			_, err = t.tx.ExecContext(ctx, `UPDATE register_meter_kept SET data = $3 WHERE key = $1 AND seq = $2`, key, int64(seq), data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *sqlTx) Commit() error   { return t.tx.Commit() }
func (t *sqlTx) Rollback() error { return t.tx.Rollback() }
