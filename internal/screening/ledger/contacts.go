package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/screening"
)

// Contacts are kept in blocks of about a thousand, each sealed as one. A block holds of
// each contact the keys of its name before the name itself, so a changed list is held
// against a million of them by passing over numbers: only a contact that shares a key
// with a changed entry is read and compared.
//
//	block   = contact …
//	contact = number of keys (uvarint) ‖ keys (4 bytes each, little-endian) ‖ length (uvarint) ‖ JSON of Contact
const (
	blockKind = "contacts"
	hitKind   = "hit"
	blockSize = 1024
)

// Contact is a name that was screened, as far as it is kept.
type Contact struct {
	Name      string   `json:"n"`
	Schema    string   `json:"s,omitempty"`
	Born      string   `json:"b,omitempty"`
	Countries []string `json:"c,omitempty"`
	Ref       string   `json:"r,omitempty"`
	At        int64    `json:"t"` // microseconds since 1970
}

// Hit is a kept contact that a changed entry may mean.
type Hit struct {
	Finding portcullis.Finding `json:"finding"`
	Name    string             `json:"name"`
	Ref     string             `json:"ref,omitempty"`
	Seen    time.Time          `json:"seen"` // when the name was screened
	Match   Match              `json:"match"`
}

func appendContact(to []byte, c Contact) ([]byte, error) {
	kind, _ := ParseSchema(c.Schema)
	keys := screening.Keys(c.Name, kind)
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode a contact: %w", err)
	}
	to = binary.AppendUvarint(to, uint64(len(keys)))
	for _, k := range keys {
		to = binary.LittleEndian.AppendUint32(to, k)
	}
	to = binary.AppendUvarint(to, uint64(len(raw)))
	return append(to, raw...), nil
}

var errBlock = errors.New("a block of contacts is damaged")

// eachContact passes the keys and the JSON of every contact of a block.
func eachContact(block []byte, fn func(keys, raw []byte) error) error {
	for len(block) > 0 {
		n, used := binary.Uvarint(block)
		if used <= 0 || n > uint64(len(block)-used)/4 {
			return errBlock
		}
		keys := block[used : used+int(n)*4]
		block = block[used+int(n)*4:]
		length, used := binary.Uvarint(block)
		if used <= 0 || length > uint64(len(block)-used) {
			return errBlock
		}
		raw := block[used : used+int(length)]
		block = block[used+int(length):]
		if err := fn(keys, raw); err != nil {
			return err
		}
	}
	return nil
}

// keep adds the names of requests to the contacts of today, where the operator keeps any.
func (l *Ledger) keep(ctx context.Context, tx *sql.Tx, requests []Request) error {
	if l.cfg.ContactDays == 0 {
		return nil
	}
	now := l.d.Now()
	if _, err := tx.ExecContext(ctx, `DELETE FROM screening_contact WHERE expires<=$1`, days(now)); err != nil {
		return fmt.Errorf("remove contacts that have expired: %w", err)
	}
	contacts := make([]Contact, len(requests))
	for i, r := range requests {
		contacts[i] = Contact{r.Name, r.Schema, r.Born, r.Countries, r.Ref, now.UnixMicro()}
	}
	return l.addContacts(ctx, tx, contacts, days(now))
}

// addContacts fills the last block of the day, and begins others.
func (l *Ledger) addContacts(ctx context.Context, tx *sql.Tx, contacts []Contact, today int64) error {
	num, count, block, err := l.lastBlock(ctx, tx, today)
	if err != nil {
		return err
	}
	for len(contacts) > 0 {
		if count >= blockSize {
			num, count, block = 0, 0, nil
		}
		n := min(len(contacts), blockSize-count)
		for _, c := range contacts[:n] {
			if block, err = appendContact(block, c); err != nil {
				return err
			}
		}
		contacts, count = contacts[n:], count+n
		sealed := l.seal.close(blockKind, block)
		if num > 0 {
			_, err = tx.ExecContext(ctx, `UPDATE screening_contact SET count=$1, body=$2 WHERE num=$3`, count, sealed, num)
		} else {
			_, err = tx.ExecContext(ctx, `INSERT INTO screening_contact (day, expires, count, body) VALUES ($1,$2,$3,$4)`, today, today+int64(l.cfg.ContactDays), count, sealed)
		}
		if err != nil {
			return fmt.Errorf("store contacts: %w", err)
		}
		num, count, block = 0, 0, nil
	}
	return nil
}

func (l *Ledger) lastBlock(ctx context.Context, tx *sql.Tx, today int64) (num int64, count int, block []byte, err error) {
	var sealed []byte
	err = tx.QueryRowContext(ctx, `SELECT num, count, body FROM screening_contact WHERE day=$1 AND expires=$2 ORDER BY num DESC LIMIT 1`, today, today+int64(l.cfg.ContactDays)).Scan(&num, &count, &sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, 0, nil, nil
	case err != nil:
		return 0, 0, nil, fmt.Errorf("read contacts: %w", err)
	case count >= blockSize:
		return 0, 0, nil, nil
	}
	block, err = l.seal.open(blockKind, sealed)
	return num, count, block, err
}

// Contacts counts the names that are kept.
func (l *Ledger) Contacts(ctx context.Context) (n int64, err error) {
	err = l.d.DB.QueryRowContext(ctx, `SELECT coalesce(sum(count), 0) FROM screening_contact WHERE expires>$1`, days(l.d.Now())).Scan(&n)
	return n, err
}

// Forget removes contacts and hits that have expired.
func (l *Ledger) Forget(ctx context.Context, tx *sql.Tx) error {
	today := days(l.d.Now())
	if _, err := tx.ExecContext(ctx, `DELETE FROM screening_contact WHERE expires<=$1`, today); err != nil {
		return fmt.Errorf("remove contacts that have expired: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM screening_hit WHERE expires<=$1`, today); err != nil {
		return fmt.Errorf("remove hits that have expired: %w", err)
	}
	return nil
}

// keySet are the keys of the changed entries; bits passes over most others.
type keySet struct {
	keys map[uint32]struct{}
	bits [1 << 11]uint32 // by the first 16 bits of a key
}

func keysOf(entities []screening.Entity) *keySet {
	s := &keySet{keys: map[uint32]struct{}{}}
	for i := range entities {
		for _, n := range entities[i].Names {
			for _, k := range screening.Keys(n.Text, entities[i].Kind) {
				s.keys[k] = struct{}{}
				s.bits[k>>21] |= 1 << (k >> 16 & 31)
			}
		}
	}
	return s
}

func (s *keySet) shares(keys []byte) bool {
	for ; len(keys) >= 4; keys = keys[4:] {
		k := binary.LittleEndian.Uint32(keys)
		if s.bits[k>>21]&(1<<(k>>16&31)) == 0 {
			continue
		}
		if _, ok := s.keys[k]; ok {
			return true
		}
	}
	return false
}

// contacts holds what is new or changed against the names that are kept.
func (t *taking) contacts(ctx context.Context) (seen int, hits []Hit, err error) {
	hits = []Hit{}
	if len(t.fresh) == 0 {
		return 0, hits, nil
	}
	if err := t.l.Forget(ctx, t.tx); err != nil {
		return 0, nil, err
	}
	shared, seen, err := t.sharing(ctx)
	if err != nil || len(shared) == 0 {
		return seen, hits, err
	}
	v := t.version
	x := &loaded{refs: []ListRef{{v.List, v.Num, v.SHA256, v.Published, v.Taken}}, index: screening.NewIndex(t.fresh, screening.Options{})}
	requests := make([]Request, len(shared))
	for i, c := range shared {
		requests[i] = Request{Name: c.Name, Schema: c.Schema, Born: c.Born, Countries: c.Countries}
	}
	terms, err := t.l.terms(Options{})
	if err != nil {
		return seen, nil, err
	}
	answers := make([]Answer, len(requests))
	if err := x.answers(ctx, requests, terms, answers); err != nil {
		return seen, nil, err
	}
	told := map[portcullis.ID]bool{}
	for i, a := range answers {
		for _, group := range [][]Match{a.Designations, a.Influence} {
			for _, m := range group {
				hit := t.hit(shared[i], m)
				if told[hit.Finding.ID] { // the same name was screened twice
					continue
				}
				told[hit.Finding.ID] = true
				if err := t.raise(ctx, hit); err != nil {
					return seen, nil, err
				}
				hits = append(hits, hit)
			}
		}
	}
	return seen, hits, nil
}

// sharing reads the contacts that share a key with a changed entry.
func (t *taking) sharing(ctx context.Context) (shared []Contact, seen int, err error) {
	rows, err := t.tx.QueryContext(ctx, `SELECT count, body FROM screening_contact WHERE expires>$1 ORDER BY num`, days(t.now))
	if err != nil {
		return nil, 0, fmt.Errorf("read contacts: %w", err)
	}
	defer rows.Close()
	keys := keysOf(t.fresh)
	var sealed sql.RawBytes
	for rows.Next() {
		var count int
		if err := rows.Scan(&count, &sealed); err != nil {
			return nil, 0, fmt.Errorf("read contacts: %w", err)
		}
		seen += count
		block, err := t.l.seal.open(blockKind, sealed)
		if err != nil {
			return nil, 0, err
		}
		err = eachContact(block, func(have, raw []byte) error {
			if !keys.shares(have) {
				return nil
			}
			var c Contact
			if err := json.Unmarshal(raw, &c); err != nil {
				return fmt.Errorf("decode a contact: %w", err)
			}
			shared = append(shared, c)
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return shared, seen, rows.Err()
}

// Rule is the rule of findings about contacts.
const Rule = "screening/contact-on-list@1"

// hit states what a changed entry means for a contact.
func (t *taking) hit(c Contact, m Match) Hit {
	v := t.version
	event := portcullis.NewID("event", Sensor, v.List, v.SHA256)
	f := portcullis.Finding{
		ID:   portcullis.NewID("finding", Rule, v.List, m.ID, v.SHA256, folded(c.Name), c.Born),
		Rule: Rule, Time: t.now, Attention: portcullis.Targeted, Severity: portcullis.High,
		Confidence: portcullis.Confidence(max(1, min(100, int(m.Score*100)))),
		Evidence:   []portcullis.Evidence{{Event: event, Part: "entry:" + m.ID, Note: fmt.Sprintf("list %s of %s, SHA-256 %s", v.List, v.Published, v.SHA256)}},
	}
	seen := time.UnixMicro(c.At).UTC()
	what := "is designated on"
	if m.Influence != nil {
		what, f.Severity = "is registered for influence on", portcullis.Low
	}
	f.Summary = fmt.Sprintf("%s, screened on %s, resembles %s, who now %s the list %s (score %.2f)", c.Name, seen.Format(time.DateOnly), m.Name, what, v.List, m.Score)
	if m.Outcome == OutcomePossible {
		f.Severity = portcullis.Low
		f.Unknown = []string{"whether it is the same person: the name is too common without " + m.Needs}
	}
	return Hit{Finding: f, Name: c.Name, Ref: c.Ref, Seen: seen, Match: m}
}

// raise keeps the hit, and hands its finding on.
func (t *taking) raise(ctx context.Context, h Hit) error {
	sealed, err := t.l.seal.closeJSON(hitKind, h)
	if err != nil {
		return err
	}
	if _, err := t.tx.ExecContext(ctx, `INSERT INTO screening_hit (id, at, list, version, expires, body) VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT (id) DO NOTHING`,
		string(h.Finding.ID), t.now.UnixMicro(), t.version.List, t.version.Num, days(t.now)+int64(max(t.l.cfg.ContactDays, 1)), sealed); err != nil {
		return fmt.Errorf("store a hit: %w", err)
	}
	if t.l.d.Raise == nil {
		return nil
	}
	detail, err := json.Marshal(map[string]any{"class_uid": 2004, "class_name": "Detection Finding", "metadata": map[string]string{"version": "1.3.0"}, "list": h.Match.List, "entry": h.Match.ID})
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	event := portcullis.Event{ID: h.Finding.Evidence[0].Event, Sensor: Sensor, Time: t.now, Recorded: t.now, Digest: t.version.SHA256, Detail: detail}
	if err := t.l.d.Raise(ctx, t.tx, event, h.Finding); err != nil {
		return fmt.Errorf("raise a finding: %w", err)
	}
	return nil
}

// Hits are the contacts that changes of lists have met, the latest first.
func (l *Ledger) Hits(ctx context.Context) (hits []Hit, err error) {
	rows, err := l.d.DB.QueryContext(ctx, `SELECT body FROM screening_hit WHERE expires>$1 ORDER BY at DESC, id`, days(l.d.Now()))
	if err != nil {
		return nil, fmt.Errorf("read hits: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var sealed []byte
		if err := rows.Scan(&sealed); err != nil {
			return nil, fmt.Errorf("read hits: %w", err)
		}
		var h Hit
		if err := l.seal.openJSON(hitKind, sealed, &h); err != nil {
			return nil, err
		}
		hits = append(hits, h)
	}
	return hits, rows.Err()
}

// Erase removes a name from the kept contacts, hits, decisions and the record of
// screenings. An entry of the log loses its whole body with the name; the chain stays whole.
func (l *Ledger) Erase(ctx context.Context, tx *sql.Tx, name string) (removed int, err error) {
	e := eraser{l: l, tx: tx, name: folded(name)}
	for _, step := range []func(context.Context) error{e.contacts, e.hits, e.decisions, e.records} {
		if err := step(ctx); err != nil {
			return 0, err
		}
	}
	return e.removed, nil
}
