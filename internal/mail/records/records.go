// Package records keeps what the mail context came to: which messages there
// are and where each was delivered, who wrote to whom, the facts and verdicts of
// every revision, and the sketches by which copies of one mail find each other.
//
// It owns its tables and is written against database/sql in statements that
// SQLite and PostgreSQL both take. Whoever calls it opens the transaction, so
// that a batch of messages, their observables and their verdicts commit
// together. Addresses come in already keyed (see archive.Key).
package records

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
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

// querier is *sql.DB or *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Reader answers from what is stored.
type Reader struct{ q querier }

// NewReader reads from a database or within a transaction.
func NewReader(q querier) *Reader { return &Reader{q: q} }

// Writer writes within one transaction, each statement prepared once. It is not
// safe for concurrent use. Close it before the transaction ends.
type Writer struct {
	Reader
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
}

// NewWriter writes within tx.
func NewWriter(tx *sql.Tx) *Writer {
	w := &Writer{tx: tx, prepared: map[string]*sql.Stmt{}}
	w.q = w
	return w
}

// Close releases the prepared statements.
func (w *Writer) Close() {
	for _, s := range w.prepared {
		_ = s.Close() // the transaction's end closes them anyway
	}
}

func (w *Writer) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := w.prepared[query]; ok {
		return s, nil
	}
	s, err := w.tx.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	w.prepared[query] = s
	return s, nil
}

// ExecContext runs a statement, prepared on first use.
func (w *Writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := w.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext runs a query, prepared on first use.
func (w *Writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := w.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext runs a query, prepared on first use.
func (w *Writer) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := w.stmt(ctx, query)
	if err != nil {
		return w.tx.QueryRowContext(ctx, query, args...) // reports the same error through Scan
	}
	return s.QueryRowContext(ctx, args...)
}

func (w *Writer) exec(ctx context.Context, what, query string, args ...any) error {
	if _, err := w.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("store %s: %w", what, err)
	}
	return nil
}

// maxRows is how many rows one statement inserts: each number of rows is a
// statement of its own to prepare.
const maxRows = 16

// execRows inserts rows of so many columns, several at a time; rows that are
// there already stay as they are.
func (w *Writer) execRows(ctx context.Context, what, insert string, columns int, values []any) error {
	for len(values) > 0 {
		n := min(len(values)/columns, maxRows)
		if err := w.exec(ctx, what, insert+placeholders(n, columns)+` ON CONFLICT DO NOTHING`, values[:n*columns]...); err != nil {
			return err
		}
		values = values[n*columns:]
	}
	return nil
}

func placeholders(rows, columns int) string {
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

// Message is one message as stored. Addresses are keyed unless protected.
type Message struct {
	ID        portcullis.ID
	Time      time.Time
	TimeKnown bool
	Recorded  time.Time
	Size      int
	MessageID string
	Sender    string
	Org       string
	Score     uint8
	Action    portcullis.Action
	Revision  int
}

// Delivery is one place where a message was found.
type Delivery struct {
	Message   portcullis.ID `json:"message"`
	Source    string        `json:"source"`
	Offset    int64         `json:"offset"`
	Recipient string        `json:"recipient"`
	Person    portcullis.ID `json:"person,omitempty"`
	How       string        `json:"how"`
	Recorded  time.Time     `json:"recorded"`
}

// Contact says that sender wrote to recipient.
type Contact struct {
	Sender, Org, Name       string
	Recipient, RecipientOrg string
}

// AddMessage stores a message; it is new to the store.
func (w *Writer) AddMessage(ctx context.Context, m Message) error {
	return w.exec(ctx, "message",
		`INSERT INTO mail_message (id, time, time_known, recorded, size, message_id, sender, org) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
		m.ID, m.Time.UnixMicro(), flag(m.TimeKnown), m.Recorded.UnixMicro(), m.Size, m.MessageID, m.Sender, m.Org)
}

// AddDelivery stores where a message was found; finding it there again changes
// nothing. It reports whether it was new.
func (w *Writer) AddDelivery(ctx context.Context, d Delivery) (bool, error) {
	res, err := w.ExecContext(ctx,
		`INSERT INTO mail_delivery (message, source, at, recipient, person, how, recorded) VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT DO NOTHING`,
		d.Message, d.Source, d.Offset, d.Recipient, d.Person, d.How, d.Recorded.UnixMicro())
	if err != nil {
		return false, fmt.Errorf("store delivery: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// AddContact stores that somebody wrote to somebody.
func (w *Writer) AddContact(ctx context.Context, message portcullis.ID, t time.Time, c Contact) error {
	return w.exec(ctx, "contact",
		`INSERT INTO mail_contact (message, recipient, recipient_org, sender, org, name, time) VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT DO NOTHING`,
		message, c.Recipient, c.RecipientOrg, c.Sender, c.Org, c.Name, t.UnixMicro())
}

// PutBody keeps a message's bytes and why.
func (w *Writer) PutBody(ctx context.Context, message portcullis.ID, reason string, raw []byte) error {
	return w.exec(ctx, "body",
		`INSERT INTO mail_body (message, reason, body) VALUES ($1,$2,$3) ON CONFLICT DO NOTHING`,
		message, reason, pack(raw))
}

// ForComparing is the reason of bodies kept until copies were compared.
const ForComparing = "comparing"

// DropCompared ends the keeping for comparison: bodies that a finding worth a
// look rests on stay, unless none is to be kept; the others go.
func (w *Writer) DropCompared(ctx context.Context, all bool) error {
	if !all {
		err := w.exec(ctx, "bodies", `UPDATE mail_body SET reason='findings' WHERE reason=$1 AND EXISTS
			(SELECT 1 FROM mail_finding f WHERE f.message=mail_body.message AND f.severity >= $2)`, ForComparing, int(portcullis.Low))
		if err != nil {
			return err
		}
	}
	return w.exec(ctx, "bodies", `DELETE FROM mail_body WHERE reason=$1`, ForComparing)
}

// PutVerdict stores a revision with the facts it rests on, makes it the current
// one, and indexes its findings.
func (w *Writer) PutVerdict(ctx context.Context, message portcullis.ID, v portcullis.Verdict, facts []byte, now time.Time) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode verdict: %w", err)
	}
	if facts != nil {
		if err := w.exec(ctx, "facts", `INSERT INTO mail_facts (hash, body) VALUES ($1,$2) ON CONFLICT DO NOTHING`, v.Facts, pack(facts)); err != nil {
			return err
		}
	}
	if err := w.exec(ctx, "verdict", `INSERT INTO mail_verdict (message, revision, facts, recorded, body) VALUES ($1,$2,$3,$4,$5)`,
		message, v.Revision, v.Facts, now.UnixMicro(), pack(body)); err != nil {
		return err
	}
	if err := w.exec(ctx, "verdict", `UPDATE mail_message SET score=$2, action=$3, revision=$4 WHERE id=$1`,
		message, int(v.Score), v.Action.String(), v.Revision); err != nil {
		return err
	}
	return w.indexFindings(ctx, message, v, now)
}

func (w *Writer) indexFindings(ctx context.Context, message portcullis.ID, v portcullis.Verdict, now time.Time) error {
	if v.Revision > 0 {
		if err := w.forgetFindings(ctx, message); err != nil {
			return err
		}
	}
	var findings, concerns []any
	for _, f := range v.Findings {
		findings = append(findings, f.ID, message, f.Rule, int(f.Severity), int(f.Attention), f.Time.UnixMicro(), now.UnixMicro())
		for _, person := range f.People {
			concerns = append(concerns, person, message, f.ID)
		}
	}
	err := w.execRows(ctx, "findings", `INSERT INTO mail_finding (id, message, rule, severity, attention, time, recorded) VALUES `, 7, findings)
	if err != nil {
		return err
	}
	return w.execRows(ctx, "findings", `INSERT INTO mail_concerns (person, message, id) VALUES `, 3, concerns)
}

func (w *Writer) forgetFindings(ctx context.Context, message portcullis.ID) error {
	if err := w.exec(ctx, "findings", `DELETE FROM mail_finding WHERE message=$1`, message); err != nil {
		return err
	}
	return w.exec(ctx, "findings", `DELETE FROM mail_concerns WHERE message=$1`, message)
}

// PutInput keeps what a run judged with, by its hash.
func (w *Writer) PutInput(ctx context.Context, hash, kind string, body []byte, now time.Time) error {
	return w.exec(ctx, "input", `INSERT INTO mail_input (hash, kind, recorded, body) VALUES ($1,$2,$3,$4) ON CONFLICT (hash) DO UPDATE SET recorded=excluded.recorded`,
		hash, kind, now.UnixMicro(), pack(body))
}

// Input returns what PutInput kept, and whether it is there.
func (r *Reader) Input(ctx context.Context, hash string) ([]byte, bool, error) {
	return r.packed(ctx, `SELECT body FROM mail_input WHERE hash=$1`, hash)
}

// Body returns a kept message, and whether it was kept.
func (r *Reader) Body(ctx context.Context, message portcullis.ID) ([]byte, bool, error) {
	return r.packed(ctx, `SELECT body FROM mail_body WHERE message=$1`, message)
}

// ErrRemoved says that what a verdict rests on is not in the store any more.
var ErrRemoved = errors.New("not in the store any more: retention or an erasure removed it")

// Facts returns the facts of that hash.
func (r *Reader) Facts(ctx context.Context, hash string) (*mail.Facts, error) {
	raw, ok, err := r.packed(ctx, `SELECT body FROM mail_facts WHERE hash=$1`, hash)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("facts %s: %w", hash, ErrRemoved)
	}
	f := new(mail.Facts)
	return f, json.Unmarshal(raw, f)
}

// VerdictJSON returns the stored bytes of a revision; -1 is the current one.
func (r *Reader) VerdictJSON(ctx context.Context, message portcullis.ID, revision int) ([]byte, bool, error) {
	if revision < 0 {
		return r.packed(ctx, `SELECT body FROM mail_verdict WHERE message=$1 ORDER BY revision DESC LIMIT 1`, message)
	}
	return r.packed(ctx, `SELECT body FROM mail_verdict WHERE message=$1 AND revision=$2`, message, revision)
}

// Verdict returns the current verdict, and whether there is one.
func (r *Reader) Verdict(ctx context.Context, message portcullis.ID) (v portcullis.Verdict, ok bool, err error) {
	raw, ok, err := r.VerdictJSON(ctx, message, -1)
	if err != nil || !ok {
		return v, false, err
	}
	return v, true, json.Unmarshal(raw, &v)
}

// Known tells whether a message is in the store.
func (r *Reader) Known(ctx context.Context, message portcullis.ID) (bool, error) {
	var n int
	err := r.q.QueryRowContext(ctx, `SELECT 1 FROM mail_message WHERE id=$1`, message).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (r *Reader) packed(ctx context.Context, query string, args ...any) ([]byte, bool, error) {
	var body []byte
	err := r.q.QueryRowContext(ctx, query, args...).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the store: %w", err)
	}
	raw, err := unpack(body)
	return raw, err == nil, err
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// codec compresses what is stored. Encoder and decoder are safe for concurrent
// EncodeAll and DecodeAll.
var codec = sync.OnceValue(func() (c struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}) {
	c.enc, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2)) // fails on bad options only
	c.dec, _ = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(256<<20), zstd.WithDecoderConcurrency(2))
	return c
})

func pack(raw []byte) []byte { return codec().enc.EncodeAll(raw, nil) }

func unpack(body []byte) ([]byte, error) {
	raw, err := codec().dec.DecodeAll(body, nil)
	if err != nil {
		return nil, fmt.Errorf("a stored record cannot be unpacked (%w): the store is damaged; restore a backup", err)
	}
	return raw, nil
}

// LastInput returns the newest input of a kind, and whether there is one.
func (r *Reader) LastInput(ctx context.Context, kind string) ([]byte, bool, error) {
	return r.packed(ctx, `SELECT body FROM mail_input WHERE kind=$1 ORDER BY recorded DESC, hash LIMIT 1`, kind)
}

// GroupFacts returns what a revision after comparing rests on.
func (r *Reader) GroupFacts(ctx context.Context, hash string) (*mail.GroupFacts, error) {
	raw, ok, err := r.packed(ctx, `SELECT body FROM mail_facts WHERE hash=$1`, hash)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("facts %s: %w", hash, ErrRemoved)
	}
	g := new(mail.GroupFacts)
	return g, json.Unmarshal(raw, g)
}
