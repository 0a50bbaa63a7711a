package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/rows"
)

// Remove deletes an event. From then on no hunt finds it; its values stay in the
// index until Sweep.
func (w *Writer) Remove(ctx context.Context, event portcullis.ID) error {
	if _, err := w.exec(ctx, "removal", `DELETE FROM archive_sighting WHERE event=$1`, string(event)); err != nil {
		return err
	}
	_, err := w.exec(ctx, "removal", `DELETE FROM archive_event WHERE id=$1`, rows.Key(event))
	return err
}

// RemoveValues deletes values of a type (in their stored form) from all events, and
// indicators that name them.
func (w *Writer) RemoveValues(ctx context.Context, t portcullis.ObservableType, values []string) error {
	for _, value := range values {
		if err := w.removeIndicators(ctx, t, value); err != nil {
			return err
		}
		s, err := store(portcullis.Observable{Type: t, Value: value})
		if err != nil {
			return err
		}
		if err := w.removeValue(ctx, s.key); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) removeIndicators(ctx context.Context, t portcullis.ObservableType, value string) error {
	for _, query := range []string{
		`DELETE FROM archive_sighting WHERE indicator IN (SELECT id FROM archive_indicator WHERE type=$1 AND value=$2)`,
		`DELETE FROM archive_indicator WHERE type=$1 AND value=$2`,
	} {
		if _, err := w.exec(ctx, "removal", query, string(t), value); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) removeValue(ctx context.Context, key []byte) error {
	list, err := w.placesOf(ctx, huntExact, key)
	if err != nil {
		return err
	}
	for _, row := range list {
		for _, p := range row.places {
			if err := w.strike(ctx, p); err != nil {
				return err
			}
		}
	}
	_, err = w.exec(ctx, "removal", `DELETE FROM archive_place WHERE key=$1`, key)
	return err
}

// strike empties an entry, so that those behind it keep their positions.
func (w *Writer) strike(ctx context.Context, p place) error {
	var packed []byte
	err := w.tx.QueryRowContext(ctx, `SELECT entries FROM archive_event WHERE num=$1`, p.event).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read observables: %w", err)
	}
	list, err := unpack(packed)
	if err != nil {
		return err
	}
	if p.entry < len(list) {
		list[p.entry] = packedEntry{}
	}
	_, err = w.exec(ctx, "removal", `UPDATE archive_event SET entries=$1 WHERE num=$2`, pack(list), p.event)
	return err
}

// placeRow is a row of archive_place.
type placeRow struct {
	key    []byte
	event  int64
	places []place
}

func (r *Reader) placesOf(ctx context.Context, query string, args ...any) (list []placeRow, err error) {
	answer, err := r.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read where values are: %w", err)
	}
	defer answer.Close()
	for answer.Next() {
		var row placeRow
		var packed, tail sql.RawBytes
		if err := answer.Scan(&row.key, &row.event, &packed, &tail); err != nil {
			return nil, fmt.Errorf("read where values are: %w", err)
		}
		if row.places, err = unpackPlaces(row.event, packed); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, answer.Err()
}

// sweepBatch is how many rows are looked at with one query.
const sweepBatch = 2000

const nextPlaces = huntSelect + `(key, event) > ($1, $2) ORDER BY key, event LIMIT $3`

// Sweep deletes what Remove left: places of events that are not there any more, and
// with them values that are in no other event. It reads the whole index, so it is for
// the end of a removal of many events.
func (w *Writer) Sweep(ctx context.Context) error {
	events, err := w.eventSet(ctx)
	if err != nil {
		return err
	}
	last := placeRow{key: []byte{}} // NULL compares with nothing
	for {
		list, err := w.placesOf(ctx, nextPlaces, last.key, last.event, sweepBatch)
		if err != nil {
			return err
		}
		for _, row := range list {
			if err := w.sweepRow(ctx, row, events); err != nil {
				return err
			}
		}
		if len(list) < sweepBatch {
			return nil
		}
		last = list[len(list)-1]
	}
}

func (w *Writer) sweepRow(ctx context.Context, row placeRow, events set) error {
	left := make([]place, 0, len(row.places))
	for _, p := range row.places {
		if events.has(p.event) {
			left = append(left, p)
		}
	}
	switch len(left) {
	case len(row.places):
		return nil
	case 0:
		_, err := w.exec(ctx, "removal", `DELETE FROM archive_place WHERE key=$1 AND event=$2`, row.key, row.event)
		return err
	}
	_, err := w.exec(ctx, "removal", `UPDATE archive_place SET event=$3, places=$4 WHERE key=$1 AND event=$2`, row.key, row.event, left[0].event, packPlaces(left))
	return err
}

// set holds the numbers of events, a bit each.
type set struct {
	first int64
	bits  []uint64
}

func (s set) has(n int64) bool {
	n -= s.first
	return n >= 0 && n/64 < int64(len(s.bits)) && s.bits[n/64]&(1<<(n%64)) != 0
}

func (r *Reader) eventSet(ctx context.Context) (s set, err error) {
	var last int64
	err = r.q.QueryRowContext(ctx, `SELECT coalesce(min(num),0), coalesce(max(num),0) FROM archive_event`).Scan(&s.first, &last)
	if err != nil {
		return s, fmt.Errorf("read events: %w", err)
	}
	s.bits = make([]uint64, (last-s.first)/64+1)
	answer, err := r.q.QueryContext(ctx, `SELECT num FROM archive_event`)
	if err != nil {
		return s, fmt.Errorf("read events: %w", err)
	}
	defer answer.Close()
	for answer.Next() {
		var n int64
		if err := answer.Scan(&n); err != nil {
			return s, fmt.Errorf("read events: %w", err)
		}
		n -= s.first
		s.bits[n/64] |= 1 << (n % 64)
	}
	return s, answer.Err()
}
