package meter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// commonTables are what [Exchange] needs.
var commonTables = []string{
	`CREATE TABLE IF NOT EXISTS register_meter_common (id int PRIMARY KEY CHECK (id = 1), version bigint NOT NULL, data text NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS register_meter_told (guard text PRIMARY KEY, at timestamptz NOT NULL, data text NOT NULL)`,
}

// Common is what holds for all guards.
func (s *SQLStore) Common(ctx context.Context) (version int64, raw []byte, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT version, data FROM register_meter_common`).Scan(&version, &raw)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, nil
	}
	return version, raw, err
}

// Change replaces it. The row is locked from before fn is called until it is committed.
func (s *SQLStore) Change(ctx context.Context, fn func(raw []byte) ([]byte, error)) (version int64, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // it may be gone already
		}
	}()
	if _, err = tx.ExecContext(ctx, `INSERT INTO register_meter_common (id, version, data) VALUES (1, 0, '') ON CONFLICT DO NOTHING`); err != nil {
		return 0, err
	}
	var raw []byte
	if err = tx.QueryRowContext(ctx, `SELECT version, data FROM register_meter_common WHERE id = 1 FOR UPDATE`).Scan(&version, &raw); err != nil {
		return 0, err
	}
	next, err := fn(raw)
	if err != nil {
		return 0, err
	}
	if string(next) != string(raw) {
		version++
		if _, err = tx.ExecContext(ctx, `UPDATE register_meter_common SET version = $1, data = $2 WHERE id = 1`, version, string(next)); err != nil {
			return 0, err
		}
	}
	return version, tx.Commit()
}

// Tell stores what a guard has counted; what guards said that are gone is forgotten after a day.
func (s *SQLStore) Tell(ctx context.Context, guard string, raw []byte) error {
	const tell = `WITH gone AS (DELETE FROM register_meter_told WHERE at < now() - interval '1 day')
INSERT INTO register_meter_told (guard, at, data) VALUES ($1, now(), $2) ON CONFLICT (guard) DO UPDATE SET at = now(), data = EXCLUDED.data`
	if _, err := s.db.ExecContext(ctx, tell, guard, string(raw)); err != nil {
		return fmt.Errorf("tell other guards: %w", err)
	}
	return nil
}

// Heard is what all others have said within the longest window of a rate.
func (s *SQLStore) Heard(ctx context.Context, guard string) (all [][]byte, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT data FROM register_meter_told WHERE guard <> $1 AND at > now() - interval '70 minutes'`, guard)
	if err != nil {
		return nil, fmt.Errorf("hear other guards: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return nil, err
		}
		all = append(all, raw)
	}
	return all, rows.Err()
}
