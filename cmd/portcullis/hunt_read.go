package main

import (
	"context"
	"database/sql"
	"errors"
)

// snapshot reads one moment of the store, each statement prepared once: a hunt
// for ten thousand indicators asks the same few questions of thousands of mails.
type snapshot struct {
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
}

var errSnapshotOnly = errors.New("a hunt does not write")

func newSnapshot(ctx context.Context, db *sql.DB) (*snapshot, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &snapshot{tx: tx, prepared: map[string]*sql.Stmt{}}, nil
}

func (s *snapshot) close() { _ = s.tx.Rollback() } // nothing was written; closes the statements too

// PrepareContext prepares a statement, or gives the one that was prepared before.
func (s *snapshot) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := s.prepared[query]; ok {
		return stmt, nil
	}
	stmt, err := s.tx.PrepareContext(ctx, query)
	if err == nil {
		s.prepared[query] = stmt
	}
	return stmt, err
}

// QueryContext runs a query.
func (s *snapshot) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// QueryRowContext runs a query for one row.
func (s *snapshot) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := s.PrepareContext(ctx, query)
	if err != nil {
		return s.tx.QueryRowContext(ctx, query, args...) // reports the same error through Scan
	}
	return stmt.QueryRowContext(ctx, args...)
}

// ExecContext is there because readers of the store ask for it.
func (s *snapshot) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, errSnapshotOnly
}
