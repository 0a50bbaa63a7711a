package chain

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const columns = `log, seq, time, who, kind, subject, body, salt, body_hash, hash`

// Entries returns the entries of a log after the one with that seq (0: from the first),
// at most limit of them, oldest first.
func Entries(ctx context.Context, q Querier, log string, after int64, limit int) ([]Entry, error) {
	return query(ctx, q, `SELECT `+columns+` FROM chain_entry WHERE log=$1 AND seq>$2 ORDER BY seq LIMIT $3`, log, after, limit)
}

// Latest returns the last entries of a log before the one with that seq (0: from the
// end), at most limit of them, newest first.
func Latest(ctx context.Context, q Querier, log string, before int64, limit int) ([]Entry, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	return query(ctx, q, `SELECT `+columns+` FROM chain_entry WHERE log=$1 AND seq<$2 ORDER BY seq DESC LIMIT $3`, log, before, limit)
}

// About returns the last entries of a log about a subject, at most limit, newest first.
func About(ctx context.Context, q Querier, log, subject string, limit int) ([]Entry, error) {
	return query(ctx, q, `SELECT `+columns+` FROM chain_entry WHERE log=$1 AND subject=$2 ORDER BY seq DESC LIMIT $3`, log, subject, limit)
}

// At returns the entries with those numbers, at most 500 of them, newest first.
func At(ctx context.Context, q Querier, log string, seqs ...int64) ([]Entry, error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	seqs = seqs[:min(len(seqs), 500)]
	args := []any{log}
	places := make([]string, len(seqs))
	for i, seq := range seqs {
		places[i] = "$" + strconv.Itoa(i+2)
		args = append(args, seq)
	}
	return query(ctx, q, `SELECT `+columns+` FROM chain_entry WHERE log=$1 AND seq IN (`+strings.Join(places, ",")+`) ORDER BY seq DESC`, args...)
}

func query(ctx context.Context, q Querier, text string, args ...any) (list []Entry, err error) {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read log %q: %w", args[0], err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read log %q: %w", args[0], err)
		}
		list = append(list, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read log %q: %w", args[0], err)
	}
	return list, nil
}

func scan(rows *sql.Rows) (e Entry, err error) {
	var at int64
	var body, salt sql.NullString
	err = rows.Scan(&e.Log, &e.Seq, &at, &e.Who, &e.Kind, &e.Subject, &body, &salt, &e.BodyHash, &e.Hash)
	e.Time, e.Salt = time.UnixMicro(at).UTC(), salt.String
	if body.Valid {
		e.Body = json.RawMessage(body.String)
	}
	return e, err
}

// HeadOf returns where a log stands, without checking it.
func HeadOf(ctx context.Context, q Querier, log string) (Head, error) {
	h := Head{Log: log}
	err := q.QueryRowContext(ctx, `SELECT seq, hash FROM chain_head WHERE log=$1`, log).Scan(&h.Seq, &h.Hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Head{}, fmt.Errorf("read head of log %q: %w", log, err)
	}
	return h, nil
}

// Heads returns where every log stands, by name.
func Heads(ctx context.Context, q Querier) (heads []Head, err error) {
	rows, err := q.QueryContext(ctx, `SELECT log, seq, hash FROM chain_head ORDER BY log`)
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var h Head
		if err := rows.Scan(&h.Log, &h.Seq, &h.Hash); err != nil {
			return nil, fmt.Errorf("list logs: %w", err)
		}
		heads = append(heads, h)
	}
	return heads, rows.Err()
}

// BrokenError says which entry of a log is the first that does not fit.
type BrokenError struct {
	Log string
	Seq int64
	Why string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("log %q is not what was written: entry %d %s; keep the store as it is for whoever investigates, and compare it with a backup", e.Log, e.Seq, e.Why)
}

// Verify goes through a whole log and computes every hash anew. The error is a
// [BrokenError] that names the first entry that does not fit; the head returned with it is
// the last entry before that. Entries that come in meanwhile are checked as far as they are
// seen.
func Verify(ctx context.Context, q Querier, log string) (Head, error) {
	c := &Checker{head: Head{Log: log}}
	err := c.Run(ctx, q, log, nil)
	return c.head, err
}

// Run checks what a log has beyond what the checker has seen, and that the last entry it saw
// is still there: so who checks often need not read everything each time. What was seen
// before and has been changed since, it finds only by its last entry; for the rest begin
// anew with a zero Checker. Each batch of entries that fit goes to also, if that is not nil.
func (c *Checker) Run(ctx context.Context, q Querier, log string, also func([]Entry) error) error {
	c.head.Log = log
	want, err := HeadOf(ctx, q, log) // before the entries: what comes in later is no contradiction
	if err != nil {
		return err
	}
	if c.head.Seq > 0 {
		if err := Matches(ctx, q, c.head); err != nil {
			return err
		}
	}
	for {
		batch, err := Entries(ctx, q, log, c.head.Seq, 500)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			return c.compare(ctx, q, want)
		}
		for _, e := range batch {
			if err := c.Check(e); err != nil {
				return err
			}
			if e.Seq == want.Seq && e.Hash != want.Hash {
				return &BrokenError{log, e.Seq, "is not the one that the head of the log names"}
			}
		}
		if also != nil {
			if err := also(batch); err != nil {
				return err
			}
		}
	}
}

// compare holds what was read against what the head of the log said before.
func (c *Checker) compare(ctx context.Context, q Querier, want Head) error {
	switch {
	case c.head.Seq < want.Seq:
		return &BrokenError{c.head.Log, c.head.Seq + 1, "is missing, though the head of the log counts on it"}
	case c.head.Seq == want.Seq && c.head.Hash != want.Hash:
		return &BrokenError{c.head.Log, c.head.Seq, "is not the one that the head of the log names"}
	case c.head.Seq > want.Seq:
		return checkLateHead(ctx, q, c.head)
	}
	return nil
}

// checkLateHead tells a log whose last entries came while it was read from one whose head has
// been removed or set back.
func checkLateHead(ctx context.Context, q Querier, seen Head) error {
	now, err := HeadOf(ctx, q, seen.Log)
	if err == nil && now.Seq < seen.Seq {
		err = &BrokenError{seen.Log, seen.Seq, "is there, but the head of the log does not count it"}
	}
	return err
}

// Checker checks entries one after the other, from the first, wherever they come from.
// The zero value is ready for the first entry of a log.
type Checker struct{ head Head }

// Head is the last entry that fitted.
func (c *Checker) Head() Head { return c.head }

// Check tells whether the entry follows the one before.
func (c *Checker) Check(e Entry) error {
	if c.head.Log == "" {
		c.head.Log = e.Log
	}
	broken := func(why string) error { return &BrokenError{c.head.Log, c.head.Seq + 1, why} }
	switch {
	case e.Log != c.head.Log:
		return broken(fmt.Sprintf("belongs to log %q", e.Log))
	case e.Seq != c.head.Seq+1:
		return broken("is missing")
	case e.BodyHash == "" && e.Body != nil:
		return broken("has a body that was never hashed")
	case e.Body != nil && !e.bodyFits():
		return broken("has a body that has been changed")
	case e.chained(c.head.Hash) != e.Hash:
		return broken("has been changed, or the one before it has")
	}
	c.head.Seq, c.head.Hash = e.Seq, e.Hash
	return nil
}

func (e Entry) bodyFits() bool {
	salt, err := hex.DecodeString(e.Salt)
	return err == nil && hashBody(salt, e.Body) == e.BodyHash
}
