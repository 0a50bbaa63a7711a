package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// MessageID names one delivery of a queued message. It is worth something as long as the
// claim it comes from.
type MessageID struct {
	Seq   int64 // of the message
	Claim int64 // of the claim; never 0
}

// Message is a queued piece of work.
type Message struct {
	ID       MessageID
	Topic    string
	Key      string // natural key, for a consumer to know a repetition by
	Payload  []byte
	Enqueued time.Time
	Attempts int // 1 at the first claim; a consumer sets aside what it failed at too often
}

// Item is what is put into the outbox.
type Item struct {
	Key     string
	Payload []byte
}

// ErrLeaseLost says that a claim lapsed and the message may have gone to someone else. The
// transaction that got it must not commit: roll back and forget the work.
var ErrLeaseLost = errors.New("lease lost: the message was claimed again or is done; roll back")

// Claims are bounded, so that a lease can be worth its name.
const maxClaim = 10_000

// Enqueue puts a message into the outbox as part of tx: it is there if and only if tx
// commits.
func (s *Store) Enqueue(ctx context.Context, tx *sql.Tx, topic, key string, payload []byte) error {
	return s.EnqueueAll(ctx, tx, topic, []Item{{key, payload}})
}

// rowsPerInsert keeps the number of parameters (2 a row) small enough to be parsed quickly.
const rowsPerInsert = 64

// EnqueueAll puts many messages into the outbox, in their order.
func (s *Store) EnqueueAll(ctx context.Context, tx *sql.Tx, topic string, items []Item) error {
	now := time.Now().UnixMicro()
	for chunk := range slices.Chunk(items, rowsPerInsert) {
		args := make([]any, 0, 2+2*len(chunk))
		args = append(args, topic, now)
		for _, item := range chunk {
			payload := item.Payload
			if payload == nil {
				payload = []byte{} // nil would be NULL
			}
			args = append(args, item.Key, payload)
		}
		if _, err := tx.ExecContext(ctx, insertMessages(len(chunk)), args...); err != nil {
			return fmt.Errorf("enqueue for %q: %w", topic, err)
		}
	}
	return nil
}

// EnqueueOnce puts keys into the outbox as EnqueueAll does, without payload, but not those that
// wait there already and that nobody has claimed: for work that is done for all that came before it.
func (s *Store) EnqueueOnce(ctx context.Context, tx *sql.Tx, topic string, keys []string) error {
	waiting, err := unclaimed(ctx, tx, topic)
	if err != nil {
		return err
	}
	var items []Item
	for _, key := range keys {
		if !waiting[key] {
			waiting[key] = true
			items = append(items, Item{Key: key})
		}
	}
	return s.EnqueueAll(ctx, tx, topic, items)
}

func unclaimed(ctx context.Context, tx *sql.Tx, topic string) (map[string]bool, error) {
	rows, err := tx.QueryContext(ctx, "SELECT key FROM store_outbox WHERE topic = $1 AND claim = 0", topic)
	if err != nil {
		return nil, fmt.Errorf("look for messages of %q: %w", topic, err)
	}
	defer func() { _ = rows.Close() }()
	waiting := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, fmt.Errorf("look for messages of %q: %w", topic, err)
		}
		waiting[key] = true
	}
	return waiting, rows.Err()
}

func insertMessages(n int) string {
	query := []byte("INSERT INTO store_outbox (topic, enqueued, key, payload) VALUES ")
	for i := range n {
		if i > 0 {
			query = append(query, ", "...)
		}
		query = fmt.Appendf(query, "($1, $2, $%d, $%d)", 3+2*i, 4+2*i)
	}
	return string(query)
}

// Claim takes up to n messages of a topic for the lease: until it is over nobody else is
// given them. A topic is one queue; consumers of the same topic share the work, and what
// several parties are to see is put into several topics. consumer is the worker's name,
// kept for whoever looks into the table. Nothing to do is no error.
//
// Where the program ends without Ack the messages come again: on PostgreSQL after the
// lease, on SQLite at the next Open.
func (s *Store) Claim(ctx context.Context, topic, consumer string, n int, lease time.Duration) ([]Message, error) {
	if s.writes == nil {
		return nil, ErrReadOnlyStore
	}
	if n < 1 || lease <= 0 {
		return nil, fmt.Errorf("claim %d messages of %q for %v: want at least one and a lease", n, topic, lease)
	}
	n = min(n, maxClaim)
	idle, err := s.idle(ctx, topic)
	if err != nil || idle {
		return nil, err
	}
	opts := &sql.TxOptions{}
	if s.dialect == Postgres { // anything stricter would call two claims a conflict
		opts.Isolation = sql.LevelReadCommitted
	}
	claim := rand.Int64N(1<<62) + 1
	var messages []Message
	err = s.tx(ctx, opts, func(tx *sql.Tx) error {
		args := []any{topic, claim, s.holder, consumer, n, lease.Microseconds()}
		if s.dialect == SQLite {
			args = append(args, time.Now().UnixMicro())
		}
		var err error
		messages, err = readMessages(ctx, tx, claimQueries[s.dialect], args)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim messages of %q: %w", topic, err)
	}
	for i := range messages {
		messages[i].Topic, messages[i].ID.Claim = topic, claim
	}
	return messages, nil
}

// idle tells whether a topic is empty, so that polling does not write. What is in it
// may still be claimed by someone.
func (s *Store) idle(ctx context.Context, topic string) (bool, error) {
	var some bool
	err := s.reads.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM store_outbox WHERE topic = $1)", topic).Scan(&some)
	if err != nil {
		return false, CheckDisk(fmt.Errorf("look for messages of %q: %w", topic, err))
	}
	return !some, nil
}

func readMessages(ctx context.Context, tx *sql.Tx, query string, args []any) ([]Message, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var messages []Message
	for rows.Next() {
		var m Message
		var enqueued int64
		if err := rows.Scan(&m.ID.Seq, &m.Key, &m.Payload, &enqueued, &m.Attempts); err != nil {
			return nil, err
		}
		m.Enqueued = time.UnixMicro(enqueued).UTC()
		messages = append(messages, m)
	}
	// RETURNING has no order in either dialect.
	slices.SortFunc(messages, func(a, b Message) int { return cmp.Compare(a.ID.Seq, b.ID.Seq) })
	return messages, rows.Err()
}

// Ack deletes what has been done, in the transaction that wrote the result. If the lease
// of one of them is lost it returns ErrLeaseLost and tx must be rolled back.
func (s *Store) Ack(ctx context.Context, tx *sql.Tx, ids []MessageID) error {
	return each(ids, func(args []any) error {
		return touched(ctx, tx, len(args)-1, "DELETE FROM store_outbox WHERE claim = $1 AND seq IN ("+
			placeholders(2, len(args)-1)+")", args)
	})
}

// Release gives messages back before the lease is over, for a worker that shuts down.
func (s *Store) Release(ctx context.Context, tx *sql.Tx, ids []MessageID) error {
	return each(ids, func(args []any) error {
		return touched(ctx, tx, len(args)-1, "UPDATE store_outbox SET due = 0, claim = 0 WHERE claim = $1 AND seq IN ("+
			placeholders(2, len(args)-1)+")", args)
	})
}

// each goes through ids claim by claim, a bounded number at a time.
func each(ids []MessageID, do func(args []any) error) error {
	byClaim := map[int64][]int64{}
	for _, id := range ids {
		byClaim[id.Claim] = append(byClaim[id.Claim], id.Seq)
	}
	for claim, seqs := range byClaim {
		slices.Sort(seqs) // everyone in the same order: no deadlocks
		for chunk := range slices.Chunk(slices.Compact(seqs), 256) {
			args := make([]any, 1, 1+len(chunk))
			args[0] = claim
			for _, seq := range chunk {
				args = append(args, seq)
			}
			if err := do(args); err != nil {
				return err
			}
		}
	}
	return nil
}

// touched runs a statement that must find all its rows.
func touched(ctx context.Context, tx *sql.Tx, want int, query string, args []any) error {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("acknowledge messages: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("acknowledge messages: %w", err)
	}
	if n != int64(want) {
		return fmt.Errorf("%d of %d messages: %w", int64(want)-n, want, ErrLeaseLost)
	}
	return nil
}

// Pending counts the messages of a topic, claimed ones too.
func (s *Store) Pending(ctx context.Context, topic string) (n int64, err error) {
	err = s.reads.QueryRowContext(ctx, "SELECT count(*) FROM store_outbox WHERE topic = $1", topic).Scan(&n)
	if err != nil {
		return 0, CheckDisk(fmt.Errorf("count messages of %q: %w", topic, err))
	}
	return n, nil
}

// claimQueries take topic, claim, holder, consumer, how many, lease in µs.
var claimQueries = [...]string{SQLite: claimSQLite, Postgres: claimPostgres}
