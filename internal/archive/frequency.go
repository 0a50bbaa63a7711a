package archive

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"portcullis.example/portcullis"
)

// maxFrequency is how far Frequency counts: beyond it a value is commonplace anyway.
const maxFrequency = 50_000

// Frequency tells for each value in how many events it was seen, in whatever form, by the
// rules of Hunt; 0 for values of a type that is not kept. It counts up to 50,000.
func (r *Reader) Frequency(ctx context.Context, values []portcullis.Observable) ([]int, error) {
	h := hunt{key: r.key}
	end, err := h.begin(ctx, r.q)
	if err != nil {
		return nil, fmt.Errorf("count observables: %w", err)
	}
	defer end()
	counts := make([]int, len(values))
	for i, v := range values {
		lookups, err := lookupsFor(v, r.key)
		if err != nil {
			continue // no value that the archive could hold
		}
		seen := map[int64]bool{}
		for _, l := range lookups {
			if err := h.count(ctx, l, seen); err != nil {
				return nil, fmt.Errorf("count %s: %w", v, err)
			}
		}
		counts[i] = len(seen)
	}
	return counts, nil
}

// count notes in which events a lookup finds something.
func (h *hunt) count(ctx context.Context, l lookup, seen map[int64]bool) error {
	answer, err := h.ask(context.WithoutCancel(ctx), l)
	if err != nil {
		return err
	}
	defer answer.Close()
	for ctx.Err() == nil && len(seen) < maxFrequency && answer.Next() {
		var key, packed, tail sql.RawBytes
		var event int64
		if err := answer.Scan(&key, &event, &packed, &tail); err != nil {
			return err
		}
		if _, ok := l.matches(whole(key[1:], tail)); !ok {
			continue
		}
		places, err := unpackPlaces(event, packed)
		if err != nil {
			return err
		}
		for _, p := range places {
			seen[p.event] = true
		}
	}
	return errors.Join(ctx.Err(), answer.Err())
}

// Events is how many events the archive holds.
func (r *Reader) Events(ctx context.Context) (n int64, err error) {
	if err := r.q.QueryRowContext(ctx, `SELECT count(*) FROM archive_event`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	return n, nil
}

// Kept is an indicator with when it was added.
type Kept struct {
	portcullis.Indicator
	Added time.Time `json:"added"`
}

// Kept lists all indicators, those that are over as well, those added last first.
func (r *Reader) Kept(ctx context.Context) (list []Kept, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT type, value, source, marking, valid_from, valid_until, added FROM archive_indicator ORDER BY added DESC, id`)
	if err != nil {
		return nil, fmt.Errorf("read indicators: %w", err)
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	for rows.Next() {
		var k Kept
		var from, until, added int64
		if err := rows.Scan(&k.Pattern.Type, &k.Pattern.Value, &k.Source, &k.Marking, &from, &until, &added); err != nil {
			return nil, fmt.Errorf("read indicators: %w", err)
		}
		k.From, k.Until, k.Added = fromMicros(from), fromMicros(until), time.UnixMicro(added).UTC()
		list = append(list, k)
	}
	return list, rows.Err()
}
