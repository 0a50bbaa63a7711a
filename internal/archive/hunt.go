package archive

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/rows"
)

// Hunt calls fn for every entry that one of the patterns matches, by pattern in the
// order given, then time, then event.
//
// A domain matches itself and all below it, a network its addresses, a URL itself with
// http and https, a URL that ends in "/*" all that begin so, an address itself (in clear
// and, WithKey, keyed), "@domain" every address there. All of one hunt comes
// from one moment of the store. fn may ask the database other things.
func (r *Reader) Hunt(ctx context.Context, patterns []portcullis.Observable, fn func(Hit) error) error {
	h := hunt{key: r.key, fn: fn}
	end, err := h.begin(ctx, r.q)
	if err != nil {
		return fmt.Errorf("hunt: %w", err)
	}
	defer end()
	seen := make(map[portcullis.Observable]bool, len(patterns))
	for _, p := range patterns {
		if seen[p] {
			continue
		}
		seen[p] = true
		if err := h.pattern(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// hunt is one run over many patterns.
type hunt struct {
	q                     querier
	key                   *Key
	fn                    func(Hit) error
	exact, within, events *sql.Stmt        // nil: the querier prepares by itself
	words                 map[int64]string // nil: not needed yet
}

const (
	huntSelect  = `SELECT key, event, places, tail FROM archive_place WHERE `
	huntExact   = huntSelect + `key=$1`
	huntWithin  = huntSelect + `key>=$1 AND key<$2`
	eventQuery  = `SELECT time, id, entries FROM archive_event WHERE num=$1`
	mostEntries = 8 << 20 // bytes of entries that are held while hits are put in order; beyond it they are read again
)

// begin opens a snapshot to read from, where the caller has not done so, and
// prepares the statements in it.
func (h *hunt) begin(ctx context.Context, q querier) (end func(), err error) {
	h.q, end = q, func() {}
	preparer, _ := q.(interface {
		PrepareContext(context.Context, string) (*sql.Stmt, error)
	})
	if db, ok := q.(*sql.DB); ok {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err != nil {
			if tx, err = db.BeginTx(ctx, nil); err != nil {
				return nil, err
			}
		}
		h.q, preparer, end = tx, tx, func() { _ = tx.Rollback() }
	}
	if preparer == nil {
		return end, nil // a Writer prepares by itself
	}
	for query, stmt := range map[string]**sql.Stmt{huntExact: &h.exact, huntWithin: &h.within, eventQuery: &h.events} {
		if *stmt, err = preparer.PrepareContext(ctx, query); err != nil {
			end()
			return nil, err
		}
	}
	return end, nil
}

// hit is an event in which values are.
type hit struct {
	event, micros int64
	id            portcullis.ID
	entries       []byte  // nil: not held
	matches       []match // in the order of entries
}

// match is an entry that holds a value that a pattern matched.
type match struct {
	entry int
	*value
}

type value struct {
	observable portcullis.Observable
	how        string
}

func (h *hunt) pattern(ctx context.Context, p portcullis.Observable) error {
	lookups, err := lookupsFor(p, h.key)
	if err != nil {
		return fmt.Errorf("hunt for %s: %w", p, err)
	}
	found := map[int64][]match{}
	for _, l := range lookups {
		if err := h.look(ctx, l, found); err != nil {
			return fmt.Errorf("hunt for %s: %w", p, err)
		}
	}
	if len(found) == 0 {
		return nil
	}
	hits, err := h.inOrder(ctx, found)
	if err == nil {
		err = h.tell(ctx, p, hits)
	}
	if err != nil {
		return fmt.Errorf("hunt for %s: %w", p, err)
	}
	return nil
}

// look asks one question. Queries that can be cancelled take a goroutine each, and
// most answer nothing at once, so it is the rows that look at the context.
func (h *hunt) look(ctx context.Context, l lookup, found map[int64][]match) error {
	answer, err := h.ask(context.WithoutCancel(ctx), l)
	if err != nil {
		return err
	}
	defer answer.Close()
	var last []byte // the key of v
	var v *value
	for ctx.Err() == nil && answer.Next() {
		var key, packed, tail sql.RawBytes
		var event int64
		if err := answer.Scan(&key, &event, &packed, &tail); err != nil {
			return err
		}
		if last == nil || !bytes.Equal(key, last) { // the rows of one value come together
			last, v = bytes.Clone(key), nil
			full := whole(key[1:], tail)
			if how, ok := l.matches(full); ok {
				v = &value{portcullis.Observable{Type: kindTypes[l.kind], Value: decode(l.kind, full)}, how}
			}
		}
		if v == nil {
			continue
		}
		places, err := unpackPlaces(event, packed)
		if err != nil {
			return err
		}
		for _, p := range places {
			found[p.event] = append(found[p.event], match{p.entry, v})
		}
	}
	return errors.Join(ctx.Err(), answer.Err())
}

func (h *hunt) ask(ctx context.Context, l lookup) (*sql.Rows, error) {
	query, stmt, args := huntExact, h.exact, []any{ofKind(l.kind, l.from)}
	if !l.exact {
		to := []byte{byte(l.kind) + 1} // to the end of the kind
		if l.to != nil {
			to = ofKind(l.kind, l.to)
		}
		query, stmt, args = huntWithin, h.within, append(args, to)
	}
	if stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return h.q.QueryContext(ctx, query, args...)
}

// inOrder reads the events and puts them in the order of time. Places of events that
// were removed are there until the next Sweep, and are no hits.
func (h *hunt) inOrder(ctx context.Context, found map[int64][]match) ([]hit, error) {
	hits, held := make([]hit, 0, len(found)), 0
	for event, matches := range found {
		one := hit{event: event, matches: matches}
		err := h.read(ctx, &one)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		if held += len(one.entries); held > mostEntries {
			one.entries = nil
		}
		slices.SortFunc(one.matches, func(a, b match) int { return a.entry - b.entry })
		hits = append(hits, one)
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.micros, b.micros), cmp.Compare(a.id, b.id))
	})
	return hits, nil
}

func (h *hunt) read(ctx context.Context, one *hit) error {
	ctx = context.WithoutCancel(ctx)
	var id []byte
	err := h.eventRow(ctx, one.event).Scan(&one.micros, &id, &one.entries)
	one.id = rows.ID(id)
	return err
}

func (h *hunt) eventRow(ctx context.Context, num int64) *sql.Row {
	if h.events != nil {
		return h.events.QueryRowContext(ctx, num)
	}
	return h.q.QueryRowContext(ctx, eventQuery, num)
}

// tell calls fn for what a pattern matched, event by event.
func (h *hunt) tell(ctx context.Context, p portcullis.Observable, hits []hit) (err error) {
	if h.words == nil {
		if h.words, err = (&Reader{q: h.q}).readWords(ctx); err != nil {
			return err
		}
	}
	for _, one := range hits {
		if one.entries == nil {
			if err := h.read(ctx, &one); err != nil {
				return err
			}
		}
		entries, err := unpack(one.entries)
		if err != nil {
			return err
		}
		for _, m := range one.matches {
			if m.entry >= len(entries) {
				return errDamaged
			}
			e := entries[m.entry]
			err := h.fn(Hit{Pattern: p, Match: m.how, Event: one.id, Time: time.UnixMicro(one.micros).UTC(), Entry: Entry{
				Observable: m.observable, Form: h.text(e.form, e.formIs), Part: h.text(e.part, e.partIs), Start: e.start, End: e.end,
			}})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *hunt) text(word int64, inPlace string) string {
	if word == 0 {
		return inPlace
	}
	return h.words[word]
}
