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
	"errors"
	"fmt"
	"io/fs"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/rows"
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
type Reader struct {
	q      querier
	recent windows // what a Writer remembers; nil elsewhere
}

// NewReader reads from a database or within a transaction.
func NewReader(q querier) *Reader { return &Reader{q: q} }

// Writer writes within one transaction, each statement prepared once. It is not
// safe for concurrent use. Close it before the transaction ends.
type Writer struct {
	Reader
	tx        *rows.Tx
	messages  rows.Counter
	numbers   map[portcullis.ID]int64 // of messages met in this transaction
	similarTo map[int]string          // queries by the number of bands
	facts     map[string]bool         // of comparisons, stored in this transaction
}

// NewWriter writes within tx.
func NewWriter(tx *sql.Tx) *Writer {
	w := &Writer{
		tx: rows.New(tx), numbers: map[portcullis.ID]int64{}, similarTo: map[int]string{}, facts: map[string]bool{},
		messages: rows.Counter{View: "mail_next", Table: "mail_counter", Rows: "mail_message"},
	}
	w.q, w.recent = w.tx, windows{}
	return w
}

// Close releases the prepared statements.
func (w *Writer) Close() { w.tx.Close() }

func (w *Writer) exec(ctx context.Context, what, query string, args ...any) error {
	_, err := w.tx.Exec(ctx, what, query, args...)
	return err
}

// keepRow lets rows that are there already stay as they are.
const keepRow = ` ON CONFLICT DO NOTHING`

// maxNumbers bounds the memory of one transaction's messages.
const maxNumbers = 1 << 16

// number is by what tables name a message; sql.ErrNoRows if it is not stored.
func (w *Writer) number(ctx context.Context, message portcullis.ID) (num int64, err error) {
	if num, ok := w.numbers[message]; ok {
		return num, nil
	}
	err = w.tx.QueryRowContext(ctx, `SELECT num FROM mail_message WHERE id=$1`, rows.Key(message)).Scan(&num)
	if err != nil {
		return 0, fmt.Errorf("look for message %s: %w", message, err)
	}
	w.remember(message, num)
	return num, nil
}

func (w *Writer) remember(message portcullis.ID, num int64) {
	if len(w.numbers) < maxNumbers {
		w.numbers[message] = num
	}
}

// ids reads the messages of a query for their keys.
func (r *Reader) ids(ctx context.Context, query string, args ...any) (list []portcullis.ID, err error) {
	keys, err := rows.Keys(r.q.QueryContext(ctx, query, args...))
	for _, key := range keys {
		list = append(list, rows.ID(key))
	}
	return list, err
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

// AddMessage stores a message and whom its sender wrote to; it is new to the store.
func (w *Writer) AddMessage(ctx context.Context, m Message, contacts []Contact) error {
	num, err := w.messages.Next(ctx, w.tx)
	if err != nil {
		return err
	}
	err = w.exec(ctx, "message",
		`INSERT INTO mail_message (num, id, time, time_known, recorded, size, message_id, sender, org) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
		num, rows.Key(m.ID), m.Time.UnixMicro(), flag(m.TimeKnown), m.Recorded.UnixMicro(), m.Size, m.MessageID, m.Sender, m.Org)
	if err != nil {
		return err
	}
	w.remember(m.ID, num)
	return w.addContacts(ctx, num, m.Time, contacts)
}

// ReplaceMessage brings up to date what a change of the people file changes of a
// message: times, and which addresses are stored in clear.
func (w *Writer) ReplaceMessage(ctx context.Context, m Message, contacts []Contact) error {
	num, err := w.number(ctx, m.ID)
	if err != nil {
		return err
	}
	err = w.exec(ctx, "message", `UPDATE mail_message SET time=$2, time_known=$3, sender=$4, org=$5 WHERE num=$1`,
		num, m.Time.UnixMicro(), flag(m.TimeKnown), m.Sender, m.Org)
	if err != nil {
		return err
	}
	w.forget()
	if err := w.exec(ctx, "contact", `DELETE FROM mail_contact WHERE message=$1`, num); err != nil {
		return err
	}
	return w.addContacts(ctx, num, m.Time, contacts)
}

func (w *Writer) addContacts(ctx context.Context, num int64, t time.Time, contacts []Contact) error {
	const columns = 7
	values := make([]any, 0, columns*len(contacts))
	for _, c := range contacts {
		values = append(values, num, c.Recipient, c.RecipientOrg, c.Sender, c.Org, c.Name, t.UnixMicro())
	}
	_, err := w.tx.Insert(ctx, "contact", `INSERT INTO mail_contact (message, recipient, recipient_org, sender, org, name, time) VALUES `, keepRow, columns, values)
	if err == nil {
		w.added(num, t.UnixMicro(), contacts)
	}
	return err
}

// AddDelivery stores where a message was found; finding it there again changes
// nothing. It reports whether it was new.
func (w *Writer) AddDelivery(ctx context.Context, d Delivery) (bool, error) {
	n, err := w.addDeliveries(ctx, []Delivery{d}, keepRow)
	return n > 0, err
}

// AddDeliveries stores where messages were found.
func (w *Writer) AddDeliveries(ctx context.Context, list []Delivery) error {
	_, err := w.addDeliveries(ctx, list, keepRow)
	return err
}

// ReplaceDeliveries stores where messages were found, and to whom that is by the present
// people file.
func (w *Writer) ReplaceDeliveries(ctx context.Context, list []Delivery) error {
	_, err := w.addDeliveries(ctx, list, ` ON CONFLICT (message, source, at) DO UPDATE SET recipient=excluded.recipient, person=excluded.person, how=excluded.how`)
	return err
}

func (w *Writer) addDeliveries(ctx context.Context, list []Delivery, conflict string) (int64, error) {
	const columns = 7
	values := make([]any, 0, columns*len(list))
	for _, d := range list {
		num, err := w.number(ctx, d.Message)
		if err != nil {
			return 0, err
		}
		values = append(values, num, d.Source, d.Offset, d.Recipient, string(d.Person), d.How, d.Recorded.UnixMicro())
	}
	return w.tx.Insert(ctx, "delivery", `INSERT INTO mail_delivery (message, source, at, recipient, person, how, recorded) VALUES `, conflict, columns, values)
}

// PutBody keeps a message's bytes and why.
func (w *Writer) PutBody(ctx context.Context, message portcullis.ID, reason string, raw []byte) error {
	num, err := w.number(ctx, message)
	if err != nil {
		return err
	}
	return w.exec(ctx, "body", `INSERT INTO mail_body (message, reason, body) VALUES ($1,$2,$3)`+keepRow, num, reason, rows.Pack(raw))
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

// PutInput keeps what a run judged with, by its hash.
func (w *Writer) PutInput(ctx context.Context, hash, kind string, body []byte, now time.Time) error {
	return w.exec(ctx, "input", `INSERT INTO mail_input (hash, kind, recorded, body) VALUES ($1,$2,$3,$4) ON CONFLICT (hash) DO UPDATE SET recorded=excluded.recorded`,
		hash, kind, now.UnixMicro(), rows.Pack(body))
}

// itsNumber finds a message's number by its id.
const itsNumber = `(SELECT num FROM mail_message WHERE id=$1)`

// Input returns what PutInput kept, and whether it is there.
func (r *Reader) Input(ctx context.Context, hash string) ([]byte, bool, error) {
	return r.packed(ctx, `SELECT body FROM mail_input WHERE hash=$1`, hash)
}

// Body returns a kept message, and whether it was kept.
func (r *Reader) Body(ctx context.Context, message portcullis.ID) ([]byte, bool, error) {
	return r.packed(ctx, `SELECT body FROM mail_body WHERE message=`+itsNumber, rows.Key(message))
}

// Known tells whether a message is in the store.
func (r *Reader) Known(ctx context.Context, message portcullis.ID) (bool, error) {
	var n int
	err := r.q.QueryRowContext(ctx, `SELECT 1 FROM mail_message WHERE id=$1`, rows.Key(message)).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (r *Reader) packed(ctx context.Context, query string, args ...any) ([]byte, bool, error) {
	body, ok, err := r.one(ctx, query, args...)
	if err != nil || !ok {
		return nil, false, err
	}
	raw, err := rows.Unpack(body)
	return raw, err == nil, err
}

func (r *Reader) one(ctx context.Context, query string, args ...any) (body []byte, ok bool, err error) {
	err = r.q.QueryRowContext(ctx, query, args...).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the store: %w", err)
	}
	return body, true, nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// LastInput returns the newest input of a kind, and whether there is one.
func (r *Reader) LastInput(ctx context.Context, kind string) ([]byte, bool, error) {
	return r.packed(ctx, `SELECT body FROM mail_input WHERE kind=$1 ORDER BY recorded DESC, hash LIMIT 1`, kind)
}
