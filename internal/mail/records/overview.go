package records

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/rows"
)

// ErrNotFound says that there is no such message or finding.
var ErrNotFound = errors.New("not in this store")

// Activity counts findings in equal steps of time, and all of them.
type Activity struct {
	Start       time.Time
	Step        time.Duration
	Targeted    []int // findings above informational that concern protected people
	Ordinary    []int // messages tagged as ordinary phishing
	Findings    int   // all above informational
	AllTargeted int
}

// Activity counts what was found in n steps from start on, by the time of the messages.
func (r *Reader) Activity(ctx context.Context, start time.Time, step time.Duration, n int) (a Activity, err error) {
	a = Activity{Start: start, Step: step, Targeted: make([]int, n), Ordinary: make([]int, n)}
	answer, err := r.q.QueryContext(ctx, `SELECT attention, CASE WHEN time < $1 THEN -1 ELSE (time-$1)/$2 END AS at, count(*) FROM mail_finding GROUP BY attention, at`,
		start.UnixMicro(), step.Microseconds())
	err = eachCount(answer, err, func(attention int, at int64, count int) {
		a.Findings += count
		if portcullis.Attention(attention) != portcullis.Targeted {
			return
		}
		a.AllTargeted += count
		if at >= 0 && at < int64(n) {
			a.Targeted[at] += count
		}
	})
	if err != nil {
		return a, fmt.Errorf("count findings: %w", err)
	}
	// The order of tables is stated: the first is the one of which few rows are read.
	answer, err = r.q.QueryContext(ctx, `SELECT 0, (m.time-$1)/$2 AS at, count(*) FROM mail_verdict v CROSS JOIN mail_message m
		WHERE m.num=v.message AND v.latest=1 AND v.people IN (SELECT hash FROM mail_input WHERE kind='people') AND v.action='tag' AND m.time >= $1 GROUP BY at`,
		start.UnixMicro(), step.Microseconds())
	err = eachCount(answer, err, func(_ int, at int64, count int) {
		if at >= 0 && at < int64(n) {
			a.Ordinary[at] += count
		}
	})
	if err != nil {
		return a, fmt.Errorf("count tagged messages: %w", err)
	}
	return a, nil
}

func eachCount(answer *sql.Rows, err error, fn func(what int, at int64, count int)) error {
	if err != nil {
		return err
	}
	defer answer.Close()
	for answer.Next() {
		var what, count int
		var at int64
		if err := answer.Scan(&what, &at, &count); err != nil {
			return err
		}
		fn(what, at, count)
	}
	return answer.Err()
}

// Arrivals says when mail was read last, and how much usually is.
type Arrivals struct {
	Last  time.Time // zero: none ever
	Day   int       // in the last 24 hours
	Usual int       // a day, over the four weeks before
}

// Arrivals looks at when messages were recorded.
func (r *Reader) Arrivals(ctx context.Context, now time.Time) (a Arrivals, err error) {
	var last sql.NullInt64
	var month int
	day, four := now.Add(-24*time.Hour).UnixMicro(), now.Add(-29*24*time.Hour).UnixMicro()
	err = r.q.QueryRowContext(ctx, `SELECT (SELECT max(recorded) FROM mail_message), (SELECT count(*) FROM mail_message WHERE recorded > $1),
		(SELECT count(*) FROM mail_message WHERE recorded > $2 AND recorded <= $1)`, day, four).Scan(&last, &a.Day, &month)
	if err != nil {
		return a, fmt.Errorf("read when mail came: %w", err)
	}
	if last.Valid {
		a.Last = time.UnixMicro(last.Int64).UTC()
	}
	a.Usual = month / 28
	return a, nil
}

// EachSketch calls fn with the text's sketch of every message with a number above after
// whose text was kept to be compared, in the order of numbers. The sketch is as it is
// whoever sent the message, so that those of different senders can be held against each other.
func (r *Reader) EachSketch(ctx context.Context, after int64, fn func(num int64, s mail.Sketch)) error {
	answer, err := r.q.QueryContext(ctx, `SELECT m.num, m.org, c.sketch FROM mail_copy c JOIN mail_message m ON m.num=c.message WHERE c.message > $1 ORDER BY c.message`, after)
	if err != nil {
		return fmt.Errorf("read sketches: %w", err)
	}
	defer answer.Close()
	for answer.Next() {
		var num int64
		var org string
		var packed sql.RawBytes
		if err := answer.Scan(&num, &org, &packed); err != nil {
			return fmt.Errorf("read sketches: %w", err)
		}
		fn(num, mail.SketchFromBytes(packed).By(org)) // By undoes itself
	}
	return answer.Err()
}

// Number is a message's number, 0 if it is not in the store.
func (r *Reader) Number(ctx context.Context, event portcullis.ID) (num int64, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT num FROM mail_message WHERE id=$1`, rows.Key(event)).Scan(&num)
	return num, ignoreNoRows(err)
}

// Numbered finds a message by its number; false if it is gone.
func (r *Reader) Numbered(ctx context.Context, num int64) (event portcullis.ID, at time.Time, ok bool, err error) {
	var id []byte
	var micros int64
	err = r.q.QueryRowContext(ctx, `SELECT id, time FROM mail_message WHERE num=$1`, num).Scan(&id, &micros)
	if errors.Is(err, sql.ErrNoRows) {
		return "", at, false, nil
	}
	return rows.ID(id), time.UnixMicro(micros).UTC(), err == nil, err
}

// SightedFacts returns what a revision rests on that an indicator learnt later led to; false
// if it comes from a comparison.
func (r *Reader) SightedFacts(ctx context.Context, hash string) (*mail.SightedFacts, bool, error) {
	raw, ok, err := r.packed(ctx, `SELECT body FROM mail_facts WHERE hash=$1`, hash)
	if err != nil {
		return nil, false, err
	}
	if !ok {
		return nil, false, fmt.Errorf("facts %s: %w", hash, ErrRemoved)
	}
	f := new(mail.SightedFacts)
	if err := json.Unmarshal(raw, f); err != nil {
		return nil, false, fmt.Errorf("read facts %s: %w", hash, err)
	}
	return f, f.Sighted != "", nil
}

// Places is where each message in a person's mailbox lies, as its deliveries say.
func (r *Reader) Places(ctx context.Context, person portcullis.ID) ([]string, error) {
	sources, err := rows.Strings(r.q.QueryContext(ctx, `SELECT DISTINCT source FROM mail_delivery WHERE person=$1 ORDER BY source`, string(person)))
	if err != nil {
		return nil, fmt.Errorf("read where the mail of %s lies: %w", person, err)
	}
	return sources, nil
}

// KnewSince is when a revision first said of a message what asks for somebody's eye; zero where
// none does. Indicators learnt later make that later than when the message was recorded.
func (r *Reader) KnewSince(ctx context.Context, message portcullis.ID) (at time.Time, err error) {
	answer, err := r.q.QueryContext(ctx, `SELECT recorded, body FROM mail_verdict WHERE message=`+itsNumber+` ORDER BY revision`, rows.Key(message))
	if err != nil {
		return at, fmt.Errorf("read revisions of %s: %w", message, err)
	}
	defer answer.Close()
	for answer.Next() {
		var recorded int64
		var body []byte
		if err := answer.Scan(&recorded, &body); err != nil {
			return at, fmt.Errorf("read revisions of %s: %w", message, err)
		}
		raw, _, err := openJudgement(body)
		if err != nil {
			return at, err
		}
		var v portcullis.Verdict
		if err := json.Unmarshal(raw, &v); err != nil {
			return at, fmt.Errorf("read a revision of %s: %w", message, err)
		}
		for _, f := range v.Findings {
			if f.Attention == portcullis.Targeted && f.Severity > portcullis.Informational {
				return time.UnixMicro(recorded).UTC(), nil
			}
		}
	}
	return at, answer.Err()
}

// Message is which message the judgement is about.
func (j Judgement) Message() portcullis.ID { return j.message }

// Verdict is what it came to.
func (j Judgement) Verdict() portcullis.Verdict { return j.verdict }
