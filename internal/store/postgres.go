package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// SQLSTATEs that the store acts on (PostgreSQL manual, appendix A).
const (
	stateSerialization = "40001"
	stateDeadlock      = "40P01"
	stateDiskFull      = "53100"
	stateReadOnly      = "25006"
	statePrivilege     = "42501"
	stateDataCorrupted = "XX001"
	stateIndexCorrupt  = "XX002"
)

// maxRepeats bounds how often a transaction is tried again. With the pauses below it
// is reached after about half a minute of nothing but conflicts.
const maxRepeats = 60

func (s *Store) openPostgres(ctx context.Context) error {
	cfg, err := pgx.ParseConfig(s.cfg.URL)
	if err != nil {
		return fmt.Errorf("database address %s: %w", redact(s.cfg.URL), redactParse(err))
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "portcullis"
	}
	conns := max(4, runtime.NumCPU())
	if !s.cfg.ReadOnly {
		s.writes = postgresDB(cfg.Copy(), conns)
	}
	reads := cfg.Copy()
	reads.RuntimeParams["default_transaction_read_only"] = "on"
	s.reads = postgresDB(reads, conns)
	if err := s.reads.PingContext(ctx); err != nil {
		return errors.Join(fmt.Errorf("connect to %s: %w; check that the server runs and the address, user and password are right",
			redact(s.cfg.URL), err), s.Close())
	}
	return nil
}

func postgresDB(cfg *pgx.ConnConfig, conns int) *sql.DB {
	db := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(demandDurable))
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db
}

// demandDurable undoes synchronous_commit=off, with which the server acknowledges what
// a crash can lose. Any other setting (local, remote_write, remote_apply) stays.
func demandDurable(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
		WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

// redact hides the password.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "postgres://…"
	}
	return u.Redacted()
}

// redactParse drops the text of pgx's error, which repeats the address.
func redactParse(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return errors.New("it can't be read")
}

// repeatable tells whether the server rolled back because transactions got in each
// other's way, where doing the same again is the right answer (manual §13.5).
func repeatable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == stateSerialization || pg.Code == stateDeadlock)
}

// pause waits a random time that doubles from 2 ms up to one second.
func pause(ctx context.Context, attempt int) error {
	limit := min(2*time.Millisecond<<min(attempt, 9), time.Second)
	timer := time.NewTimer(rand.N(limit))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
