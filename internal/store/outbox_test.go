package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// enqueue puts n messages with keys from, from+1 … into topic.
func enqueue(t testing.TB, s *Store, topic string, from, n int) {
	t.Helper()
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error {
		items := make([]Item, n)
		for i := range items {
			items[i] = Item{Key: fmt.Sprintf("k%03d", from+i), Payload: fmt.Appendf(nil, "p%d", from+i)}
		}
		return s.EnqueueAll(t.Context(), tx, topic, items)
	}))
}

func claim(t testing.TB, s *Store, topic string, n int, lease time.Duration) []Message {
	t.Helper()
	messages, err := s.Claim(t.Context(), topic, "tester", n, lease)
	must(t, err)
	return messages
}

func ids(messages []Message) []MessageID {
	all := make([]MessageID, len(messages))
	for i, m := range messages {
		all[i] = m.ID
	}
	return all
}

func ack(s *Store, t testing.TB, messages []Message) error {
	return s.Tx(t.Context(), func(tx *sql.Tx) error { return s.Ack(t.Context(), tx, ids(messages)) })
}

func testOutbox(t *testing.T, cfg Config) {
	s := open(t, cfg)
	before := time.Now().Add(-time.Minute)
	enqueue(t, s, "a", 0, 150)
	enqueue(t, s, "b", 500, 1)
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error { return s.Enqueue(t.Context(), tx, "empty", "", nil) }))

	first := claim(t, s, "a", 100, time.Hour)
	rest := claim(t, s, "a", 100, time.Hour)
	equal(t, "first", len(first), 100)
	equal(t, "rest", len(rest), 50)
	equal(t, "none left", len(claim(t, s, "a", 100, time.Hour)), 0)
	for i, m := range append(first, rest...) {
		equal(t, "key", m.Key, fmt.Sprintf("k%03d", i))
		equal(t, "payload", string(m.Payload), fmt.Sprintf("p%d", i))
		equal(t, "topic", m.Topic, "a")
		equal(t, "attempts", m.Attempts, 1)
		if m.Enqueued.Before(before) || m.ID.Claim == 0 {
			t.Errorf("message %+v", m)
		}
	}
	must(t, ack(s, t, append(first, rest...)))
	for topic, want := range map[string]int64{"a": 0, "b": 1, "empty": 1} {
		n, err := s.Pending(t.Context(), topic)
		must(t, err)
		equal(t, "pending "+topic, n, want)
	}
	equal(t, "empty payload", len(claim(t, s, "empty", 1, time.Hour)[0].Payload), 0)
}

// An event and its queue entry are there together or not at all, and so are a result and
// its acknowledgement.
func testOutboxRollback(t *testing.T, cfg Config) {
	s := open(t, cfg)
	mine := errors.New("mine")
	_ = s.Tx(t.Context(), func(tx *sql.Tx) error {
		must(t, s.Enqueue(t.Context(), tx, "a", "k", nil))
		return mine
	})
	equal(t, "after rollback", len(claim(t, s, "a", 9, time.Hour)), 0)
	enqueue(t, s, "a", 0, 1)
	got := claim(t, s, "a", 9, time.Millisecond)
	_ = s.Tx(t.Context(), func(tx *sql.Tx) error {
		must(t, s.Ack(t.Context(), tx, ids(got)))
		return mine
	})
	got = claimSoon(t, s, "a")
	equal(t, "attempts", got[0].Attempts, 2)
	must(t, ack(s, t, got))
}

// claimSoon waits for a lease to end.
func claimSoon(t testing.TB, s *Store, topic string) []Message {
	t.Helper()
	for range 1000 {
		if got := claim(t, s, topic, 9, time.Hour); len(got) > 0 {
			return got
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the lease does not end")
	return nil
}

// Whoever lost the lease can't acknowledge, so that the work of one of the two is undone.
func testOutboxLease(t *testing.T, cfg Config) {
	s := open(t, cfg)
	enqueue(t, s, "a", 0, 3)
	slow := claim(t, s, "a", 9, time.Millisecond)
	quick := claimSoon(t, s, "a")
	if err := ack(s, t, slow); !errors.Is(err, ErrLeaseLost) {
		t.Errorf("slow worker: %v", err)
	}
	must(t, ack(s, t, quick))
	if err := ack(s, t, quick); !errors.Is(err, ErrLeaseLost) {
		t.Errorf("a second time: %v", err)
	}
	must(t, ack(s, t, nil))
}

func testOutboxRelease(t *testing.T, cfg Config) {
	s := open(t, cfg)
	enqueue(t, s, "a", 0, 3)
	got := claim(t, s, "a", 9, time.Hour)
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error { return s.Release(t.Context(), tx, ids(got[:2])) }))
	again := claim(t, s, "a", 9, time.Hour)
	equal(t, "released", len(again), 2)
	must(t, ack(s, t, append(again, got[2])))
}

// Several workers that each take, write a result, hand on and acknowledge: each item gives
// one result, whatever conflicts they have.
func testOutboxShared(t *testing.T, cfg Config) {
	s := open(t, cfg)
	const total = 200
	enqueue(t, s, "in", 0, total)
	together(t, 4, func(i int) error {
		for {
			got, err := s.Claim(t.Context(), "in", fmt.Sprint("worker ", i), 7, time.Hour)
			if err != nil || len(got) == 0 {
				return err
			}
			err = s.Tx(t.Context(), func(tx *sql.Tx) error {
				for _, m := range got {
					if _, err := tx.ExecContext(t.Context(), "INSERT INTO note (id, at) VALUES ($1, $2)", m.Key, i); err != nil {
						return err
					}
					if err := s.Enqueue(t.Context(), tx, "out", m.Key, m.Payload); err != nil {
						return err
					}
				}
				return s.Ack(t.Context(), tx, ids(got))
			})
			if err != nil {
				return err
			}
		}
	})
	equal(t, "results", number(t, s, "SELECT count(*) FROM note"), total)
	equal(t, "left", number(t, s, "SELECT count(*) FROM store_outbox WHERE topic = 'in'"), 0)
	equal(t, "handed on", number(t, s, "SELECT count(DISTINCT key) FROM store_outbox WHERE topic = 'out'"), total)
}

func testOutboxLimits(t *testing.T, cfg Config) {
	s := open(t, cfg)
	_, err := s.Claim(t.Context(), "a", "tester", 0, time.Second)
	wantError(t, err, "at least one")
	_, err = s.Claim(t.Context(), "a", "tester", 1, 0)
	wantError(t, err, "a lease")
}

// On PostgreSQL a transaction that took a low number may commit after a higher one was
// consumed. A cursor would have passed it by.
func TestPostgresLateCommit(t *testing.T) {
	s := open(t, postgresConfig(t))
	var wg sync.WaitGroup
	taken, commit := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		err := s.Tx(t.Context(), func(tx *sql.Tx) error {
			err := s.Enqueue(t.Context(), tx, "a", "early", nil)
			close(taken)
			<-commit
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-taken
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error { return s.Enqueue(t.Context(), tx, "a", "late", nil) }))
	got := claim(t, s, "a", 9, time.Hour)
	equal(t, "claimed", len(got), 1)
	equal(t, "key", got[0].Key, "late")
	must(t, ack(s, t, got))
	close(commit)
	wg.Wait()
	late := claim(t, s, "a", 9, time.Hour)
	equal(t, "claimed", len(late), 1)
	equal(t, "key", late[0].Key, "early")
	if late[0].ID.Seq > got[0].ID.Seq {
		t.Errorf("numbers %d and %d: the case was not met", late[0].ID.Seq, got[0].ID.Seq)
	}
}

// Two instances on one PostgreSQL; while one holds rows, the other takes the next ones
// at once and does not wait.
func TestPostgresSkipsLocked(t *testing.T) {
	cfg := postgresConfig(t)
	one, two := open(t, cfg), open(t, cfg)
	enqueue(t, one, "a", 0, 10)
	must(t, one.tx(t.Context(), &sql.TxOptions{}, func(tx *sql.Tx) error {
		held, err := readMessages(t.Context(), tx, claimPostgres, []any{"a", 1, "x", "y", 4, int64(time.Hour / time.Microsecond)})
		must(t, err)
		equal(t, "held", len(held), 4)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // waiting is what must not happen
		defer cancel()
		others, err := two.Claim(ctx, "a", "tester", 9, time.Hour)
		equal(t, "others", len(others), 6)
		return err
	}))
}

// On SQLite the claims of a process that is gone are void at the next Open.
func TestSQLiteClaimsEndWithTheProcess(t *testing.T) {
	cfg := sqliteConfig(t)
	s := open(t, cfg)
	enqueue(t, s, "a", 0, 3)
	claim(t, s, "a", 2, time.Hour)
	equal(t, "meanwhile", len(claim(t, s, "a", 9, time.Hour)), 1)
	must(t, s.Close())
	s = open(t, cfg)
	equal(t, "after opening again", len(claim(t, s, "a", 9, time.Hour)), 3)
}
