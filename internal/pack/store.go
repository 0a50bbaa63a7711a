package pack

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis"
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
}

// Reader answers from what is stored.
type Reader struct{ q querier }

// NewReader reads from a database or within a transaction.
func NewReader(q querier) *Reader { return &Reader{q} }

// Writer stores within one transaction.
type Writer struct {
	Reader
	tx *sql.Tx
}

// NewWriter writes within tx.
func NewWriter(tx *sql.Tx) *Writer { return &Writer{Reader{tx}, tx} }

func (w *Writer) exec(ctx context.Context, what, query string, args ...any) (int64, error) {
	result, err := w.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("store %s: %w", what, err)
	}
	return result.RowsAffected()
}

// each reads all rows of a query.
func each(rows *sql.Rows, err error, scan func(*sql.Rows) error) error {
	if err != nil {
		return fmt.Errorf("read packs from the store: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("read packs from the store: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read packs from the store: %w", err)
	}
	return nil
}

// Issuer is somebody whose packs are used.
type Issuer struct {
	Key      string    `json:"key"`
	Verifier string    `json:"verifier"`
	Note     string    `json:"note,omitempty"`
	Who      string    `json:"who"`
	Added    time.Time `json:"added"`
}

// Trust takes an issuer's verifier key; note says how it was got.
func (w *Writer) Trust(ctx context.Context, verifier, remark, who string, now time.Time) (Issuer, error) {
	v, err := ReadVerifier(verifier)
	if err != nil {
		return Issuer{}, err
	}
	i := Issuer{Key: keyName(v.Name(), v.KeyHash()), Verifier: strings.TrimSpace(verifier), Note: remark, Who: who, Added: now}
	_, err = w.exec(ctx, "an issuer", `INSERT INTO pack_issuer (key, verifier, note, who, added) VALUES ($1,$2,$3,$4,$5)
		ON CONFLICT (key) DO UPDATE SET note = excluded.note, who = excluded.who`, i.Key, i.Verifier, i.Note, i.Who, i.Added.UnixMicro())
	return i, err
}

// ErrNoIssuer says that a key is not among those trusted.
var ErrNoIssuer = errors.New("no such key is trusted; `portcullis pack trust list` names those that are")

// Distrust removes a key, which a unique beginning may name.
func (w *Writer) Distrust(ctx context.Context, key string) (Issuer, error) {
	list, err := w.Issuers(ctx)
	if err != nil {
		return Issuer{}, err
	}
	var found []Issuer
	for _, i := range list {
		if strings.HasPrefix(i.Key, key) {
			found = append(found, i)
		}
	}
	switch {
	case len(found) == 0 || key == "":
		return Issuer{}, ErrNoIssuer
	case len(found) > 1:
		return Issuer{}, fmt.Errorf("%q may be %s or %s; write more of it", key, found[0].Key, found[1].Key)
	}
	_, err = w.exec(ctx, "an issuer", `DELETE FROM pack_issuer WHERE key = $1`, found[0].Key)
	return found[0], err
}

// Issuers lists whose packs are used.
func (r *Reader) Issuers(ctx context.Context) (list []Issuer, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT key, verifier, note, who, added FROM pack_issuer ORDER BY key`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var i Issuer
		var added int64
		if err := rows.Scan(&i.Key, &i.Verifier, &i.Note, &i.Who, &added); err != nil {
			return err
		}
		i.Added = time.UnixMicro(added).UTC()
		list = append(list, i)
		return nil
	})
	return list, err
}

// Trusted are the stored keys as note.Open wants them.
func (r *Reader) Trusted(ctx context.Context) (note.Verifiers, error) {
	list, err := r.Issuers(ctx)
	if err != nil {
		return nil, err
	}
	var keys []note.Verifier
	for _, i := range list {
		v, err := ReadVerifier(i.Verifier)
		if err != nil {
			return nil, fmt.Errorf("stored key %s: %w", i.Key, err)
		}
		keys = append(keys, v)
	}
	return note.VerifierList(keys...), nil
}

// Kept is a pack in the store.
type Kept struct {
	ID       portcullis.ID
	Raw      []byte
	Until    time.Time
	Who      string
	Added    time.Time
	Finished time.Time // zero: there is still something to test
}

// Keep stores a pack; one that is there already stays as it is.
func (w *Writer) Keep(ctx context.Context, p *Pack, who string, now time.Time) error {
	_, err := w.exec(ctx, "a pack", `INSERT INTO pack_pack (id, body, until, who, added, finished) VALUES ($1,$2,$3,$4,$5,0) ON CONFLICT (id) DO NOTHING`,
		string(p.ID), p.raw, p.Until.UnixMicro(), who, now.UnixMicro())
	return err
}

// Kept lists the stored packs, those added last first.
func (r *Reader) Kept(ctx context.Context) (list []Kept, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT id, body, until, who, added, finished FROM pack_pack ORDER BY added DESC, id`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var k Kept
		var id string
		var until, added, finished int64
		if err := rows.Scan(&id, &k.Raw, &until, &k.Who, &added, &finished); err != nil {
			return err
		}
		k.ID, k.Until, k.Added = portcullis.ID(id), time.UnixMicro(until).UTC(), time.UnixMicro(added).UTC()
		if finished != 0 {
			k.Finished = time.UnixMicro(finished).UTC()
		}
		list = append(list, k)
		return nil
	})
	return list, err
}

// Finish notes that everything stored was tested, or (zero) that there is more to test.
func (w *Writer) Finish(ctx context.Context, id portcullis.ID, at time.Time) error {
	micros := int64(0)
	if !at.IsZero() {
		micros = at.UnixMicro()
	}
	_, err := w.exec(ctx, "a pack", `UPDATE pack_pack SET finished = $1 WHERE id = $2`, micros, string(id))
	return err
}

// Forget removes what was tested against packs that have expired. What matched stays.
func (w *Writer) Forget(ctx context.Context, now time.Time) error {
	_, err := w.exec(ctx, "packs", `DELETE FROM pack_tested WHERE pack IN (SELECT id FROM pack_pack WHERE until <= $1)`, now.UnixMicro())
	return err
}

// Commit stores a batch.
func (w *Writer) Commit(ctx context.Context, id portcullis.ID, b Batch, now time.Time) error {
	var num int64
	if err := w.tx.QueryRowContext(ctx, `SELECT coalesce(max(num), 0) + 1 FROM pack_tested WHERE pack = $1`, string(id)).Scan(&num); err != nil {
		return fmt.Errorf("store what was tested: %w", err)
	}
	marks := make([]byte, 0, len(b.Marks)*len(Mark{}))
	for _, m := range b.Marks {
		marks = append(marks, m[:]...)
	}
	if _, err := w.exec(ctx, "what was tested", `INSERT INTO pack_tested (pack, num, marks) VALUES ($1,$2,$3)`, string(id), num, marks); err != nil {
		return err
	}
	for _, m := range b.Matches {
		body, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("store a match: %w", err)
		}
		if _, err := w.exec(ctx, "a match", `INSERT INTO pack_match (pack, mark, body, found, state, why) VALUES ($1,$2,$3,$4,$5,'') ON CONFLICT DO NOTHING`,
			string(id), m.Mark[:], string(body), now.UnixMicro(), string(New)); err != nil {
			return err
		}
	}
	return nil
}

// Tested reads what was tested against a pack.
func (r *Reader) Tested(ctx context.Context, id portcullis.ID) (marks []Mark, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT marks FROM pack_tested WHERE pack = $1 ORDER BY num`, string(id))
	err = each(rows, err, func(rows *sql.Rows) error {
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			return err
		}
		for len(raw) >= len(Mark{}) {
			marks = append(marks, Mark(raw[:len(Mark{})]))
			raw = raw[len(Mark{}):]
		}
		return nil
	})
	return marks, err
}

// State is what became of a match.
type State string

// The states.
const (
	New     State = "new"     // nobody was told of it yet
	Taken   State = "taken"   // it is kept as an indicator
	TooWide State = "refused" // it matches what everybody has: the issuer's mistake, or worse
)

// Found is a stored match.
type Found struct {
	Match
	At    time.Time `json:"at"`
	State State     `json:"state"`
	Why   string    `json:"why,omitempty"`
}

// Matches reads what of a pack was found.
func (r *Reader) Matches(ctx context.Context, id portcullis.ID) (list []Found, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT mark, body, found, state, why FROM pack_match WHERE pack = $1 ORDER BY found, mark`, string(id))
	err = each(rows, err, func(rows *sql.Rows) error {
		var f Found
		var mark []byte
		var body, state string
		var found int64
		if err := rows.Scan(&mark, &body, &found, &state, &f.Why); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(body), &f.Match); err != nil {
			return fmt.Errorf("a stored match is damaged; restore a backup: %w", err)
		}
		if len(mark) != len(f.Mark) {
			return errors.New("a stored match is damaged; restore a backup")
		}
		f.Mark, f.At, f.State = Mark(mark), time.UnixMicro(found).UTC(), State(state)
		list = append(list, f)
		return nil
	})
	return list, err
}

// Settle says what became of a match.
func (w *Writer) Settle(ctx context.Context, id portcullis.ID, m Mark, s State, why string) error {
	_, err := w.exec(ctx, "a match", `UPDATE pack_match SET state = $1, why = $2 WHERE pack = $3 AND mark = $4`, string(s), why, string(id), m[:])
	return err
}
