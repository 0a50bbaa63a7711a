package archive

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"portcullis.example/portcullis"
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
	q                      querier
	key                    *Key
	fn                     func(Hit) error
	exact, within, entries *sql.Stmt        // nil: the querier prepares by itself
	words                  map[int64]string // nil: not needed yet
}

// The order of tables is stated: SQLite keeps it for CROSS JOIN, and the first is the
// only one of which few rows are read whatever the statistics say.
const (
	huntSelect = `SELECT v.key, v.tail, v.id, e.num, e.time, e.id
		FROM archive_value v CROSS JOIN archive_place p CROSS JOIN archive_event e
		WHERE p.value=v.id AND e.num=p.event AND v.kind=$1`
	huntExact  = huntSelect + ` AND v.key=$2`
	huntWithin = huntSelect + ` AND v.key>=$2 AND v.key<$3`
	huntBehind = huntSelect + ` AND v.key>=$2`

	entriesQuery = `SELECT entries FROM archive_event WHERE num=$1`
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
	for query, stmt := range map[string]**sql.Stmt{huntExact: &h.exact, huntWithin: &h.within, entriesQuery: &h.entries} {
		if *stmt, err = preparer.PrepareContext(ctx, query); err != nil {
			end()
			return nil, err
		}
	}
	return end, nil
}

// hit is an event in which a value is.
type hit struct {
	value, event, micros int64
	id                   string
}

// found is what one pattern matched.
type found struct {
	values map[int64]match
	hits   []hit
}

type match struct {
	observable portcullis.Observable
	how        string
}

func (h *hunt) pattern(ctx context.Context, p portcullis.Observable) error {
	lookups, err := lookupsFor(p, h.key)
	if err != nil {
		return fmt.Errorf("hunt for %s: %w", p, err)
	}
	var f found
	for _, l := range lookups {
		if err := h.look(ctx, l, &f); err != nil {
			return fmt.Errorf("hunt for %s: %w", p, err)
		}
	}
	if len(f.hits) == 0 {
		return nil
	}
	slices.SortFunc(f.hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.micros, b.micros), cmp.Compare(a.id, b.id))
	})
	if err := h.tell(ctx, p, &f); err != nil {
		return fmt.Errorf("hunt for %s: %w", p, err)
	}
	return nil
}

// look asks one question. Queries that can be cancelled take a goroutine each, and
// most answer nothing at once, so it is the rows that look at the context.
func (h *hunt) look(ctx context.Context, l lookup, f *found) error {
	rows, err := h.rows(context.WithoutCancel(ctx), l)
	if err != nil {
		return err
	}
	defer rows.Close()
	for ctx.Err() == nil && rows.Next() {
		var key, tail sql.RawBytes
		var one hit
		var id sql.RawBytes
		if err := rows.Scan(&key, &tail, &one.value, &one.event, &one.micros, &id); err != nil {
			return err
		}
		if _, known := f.values[one.value]; !known {
			full := whole(key, tail)
			how, ok := l.matches(full)
			if !ok {
				continue
			}
			if f.values == nil {
				f.values = map[int64]match{}
			}
			f.values[one.value] = match{portcullis.Observable{Type: kindTypes[l.kind], Value: decode(l.kind, full)}, how}
		}
		one.id = string(id)
		f.hits = append(f.hits, one)
	}
	return errors.Join(ctx.Err(), rows.Err())
}

func (h *hunt) rows(ctx context.Context, l lookup) (*sql.Rows, error) {
	query, stmt, args := huntExact, h.exact, []any{int64(l.kind), l.from, l.to}
	switch {
	case l.exact:
		args = args[:2]
	case l.to == nil:
		query, stmt, args = huntBehind, nil, args[:2]
	default:
		query, stmt = huntWithin, h.within
	}
	if stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return h.q.QueryContext(ctx, query, args...)
}

// tell calls fn for what a pattern matched, event by event.
func (h *hunt) tell(ctx context.Context, p portcullis.Observable, f *found) error {
	if h.words == nil {
		var err error
		if h.words, err = (&Reader{q: h.q}).readWords(ctx); err != nil {
			return err
		}
	}
	for i, one := range f.hits {
		if i > 0 && f.hits[i-1].event == one.event {
			continue // its entries of all values have been told
		}
		entries, err := h.entriesOf(ctx, one.event)
		if err != nil {
			return err
		}
		for _, e := range entries {
			m, ok := f.values[e.value]
			if !ok {
				continue
			}
			err := h.fn(Hit{Pattern: p, Match: m.how, Event: eventID(one.id), Time: time.UnixMicro(one.micros).UTC(), Entry: Entry{
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

func (h *hunt) entriesOf(ctx context.Context, event int64) ([]packedEntry, error) {
	var packed []byte
	row := h.q.QueryRowContext
	if h.entries != nil {
		row = func(ctx context.Context, _ string, args ...any) *sql.Row {
			return h.entries.QueryRowContext(ctx, args...)
		}
	}
	if err := row(ctx, entriesQuery, event).Scan(&packed); err != nil {
		return nil, err
	}
	return unpack(packed)
}
