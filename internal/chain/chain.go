// Package chain keeps append-only logs in SQL whose entries are chained by hashes: each
// entry's hash covers the one before it, so that nobody can change, remove or slip in an
// entry without changing every hash that follows.
//
// # What is hashed
//
// The body of an entry is hashed by itself, with a random salt:
//
//	body hash = SHA-256(salt ‖ body)            and of no body at all: ""
//	hash      = SHA-256(P("portcullis chain 1") ‖ P(log) ‖ P(seq) ‖ P(time) ‖
//	                    P(who) ‖ P(kind) ‖ P(subject) ‖ P(body hash) ‖ P(previous hash))
//
// where P(x) is the length of x in bytes in decimal, a colon, and x; seq and time
// (microseconds since 1970, UTC) are in decimal, hashes and salt lower-case hexadecimal, except
// that the salt is hashed as its 16 bytes. The previous hash of the first entry is "".
//
// # Erasing
//
// Retention and the right to erasure meet a log that must not change. The chain
// therefore rests on the hash of a body, not on the body: [Erase] blanks body and salt
// together and leaves the hashes. Without the salt nobody can find out by trying what a
// short body said. Who, kind, subject and time stay, so a subject should be an id and
// never a text about somebody. That a body is gone shows, but not why: whoever erases
// appends an entry that says so.
//
// # What the chain proves, and what it does not
//
// Whoever can write to the database can compute the whole chain anew, and can cut off
// its end. Against that there are checkpoints ([Checkpoint]): signed statements of where
// a log stood, kept by others. [Matches] finds out whether a log still contains what a
// checkpoint saw.
package chain

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables, one folder per dialect.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return migrations // cannot happen: the folder is embedded
	}
	return sub
}

// Querier is *sql.DB or *sql.Tx.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Limits of what goes in. A body is a statement, not an attachment.
const (
	maxField = 1 << 10
	maxBody  = 1 << 20
)

// Entry is one line of a log.
type Entry struct {
	Log      string          `json:"log"`
	Seq      int64           `json:"seq"` // from 1, without gaps
	Time     time.Time       `json:"time"`
	Who      string          `json:"who"`
	Kind     string          `json:"kind"`
	Subject  string          `json:"subject"`             // an id: it cannot be erased
	Body     json.RawMessage `json:"body,omitempty"`      // nil when there is none or it was erased
	Salt     string          `json:"salt,omitempty"`      // hex
	BodyHash string          `json:"body_hash,omitempty"` // hex; "" when there never was a body
	Hash     string          `json:"hash"`                // hex
}

// Erased tells whether there was a body that is gone.
func (e Entry) Erased() bool { return e.BodyHash != "" && e.Body == nil }

// Head is the last entry of a log; Seq 0 is an empty one.
type Head struct {
	Log  string `json:"log"`
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// Append adds the entry to the end of its log and returns it as stored, with Seq, Salt
// and hashes set, Time as given (now, if zero) in UTC cut to microseconds.
//
// The row of the head is taken first, so that of two transactions the second waits: on
// SQLite for the only writer anyhow, on PostgreSQL until the first has ended. There, under
// serializable isolation, it then gets a serialization failure, to which a caller answers
// by running its transaction again, as store.Tx does.
func Append(ctx context.Context, tx *sql.Tx, e Entry) (Entry, error) {
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	e.sealBody()
	head, err := next(ctx, tx, e.Log)
	if err != nil {
		return Entry{}, fmt.Errorf("append to log %q: %w", e.Log, err)
	}
	e.Seq = head.Seq
	e.Hash = e.chained(head.Hash)
	if err := insert(ctx, tx, e); err != nil {
		return Entry{}, fmt.Errorf("append to log %q: %w", e.Log, err)
	}
	return e, nil
}

// sealBody salts and hashes the body, or clears what belongs to one.
func (e *Entry) sealBody() {
	e.Salt, e.BodyHash = "", ""
	if e.Body == nil {
		return
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails, says crypto/rand
	e.Salt = hex.EncodeToString(salt)
	e.BodyHash = hashBody(salt, e.Body)
}

// next takes the head's row and returns the seq to use with the hash to build on.
func next(ctx context.Context, tx *sql.Tx, log string) (Head, error) {
	if _, err := tx.ExecContext(ctx, `INSERT INTO chain_head (log, seq, hash) VALUES ($1, 0, '') ON CONFLICT (log) DO NOTHING`, log); err != nil {
		return Head{}, err
	}
	h := Head{Log: log}
	err := tx.QueryRowContext(ctx, `UPDATE chain_head SET seq=seq+1 WHERE log=$1 RETURNING seq, hash`, log).Scan(&h.Seq, &h.Hash)
	return h, err
}

func insert(ctx context.Context, tx *sql.Tx, e Entry) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO chain_entry (log, seq, time, who, kind, subject, body, salt, body_hash, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, e.Log, e.Seq, e.Time.UnixMicro(), e.Who, e.Kind, e.Subject,
		nullable(string(e.Body)), nullable(e.Salt), e.BodyHash, e.Hash); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE chain_head SET hash=$2 WHERE log=$1`, e.Log, e.Hash)
	return err
}

func nullable(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// check refuses what could not be stored and read back the same everywhere.
func (e Entry) check() error {
	var errs []error
	for _, field := range [...][2]string{{"log", e.Log}, {"who", e.Who}, {"kind", e.Kind}, {"subject", e.Subject}} {
		name, value := field[0], field[1]
		switch {
		case len(value) > maxField:
			errs = append(errs, fmt.Errorf("%s is longer than %d bytes", name, maxField))
		case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
			errs = append(errs, fmt.Errorf("%s is not valid UTF-8 or holds a NUL", name))
		case value == "" && name != "subject":
			errs = append(errs, fmt.Errorf("%s is empty", name))
		}
	}
	if strings.ContainsAny(e.Log, "\r\n") {
		errs = append(errs, errors.New("log holds a line break"))
	}
	if e.Body != nil && (len(e.Body) > maxBody || !json.Valid(e.Body) || !utf8.Valid(e.Body)) {
		errs = append(errs, fmt.Errorf("body is not JSON in valid UTF-8 of at most %d bytes", maxBody))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("entry for log %q cannot be appended: %w", e.Log, err)
	}
	return nil
}

func hashBody(salt []byte, body json.RawMessage) string {
	h := sha256.New()
	h.Write(salt)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// chained is the entry's hash over what it says and the hash before it.
func (e Entry) chained(previous string) string {
	h := sha256.New()
	for _, part := range [...]string{"portcullis chain 1", e.Log, strconv.FormatInt(e.Seq, 10), strconv.FormatInt(e.Time.UnixMicro(), 10),
		e.Who, e.Kind, e.Subject, e.BodyHash, previous} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}
