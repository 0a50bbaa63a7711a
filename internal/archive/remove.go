package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"portcullis.example/portcullis"
)

// Remove deletes everything of an event. Values that were in no other event stay
// until Sweep.
func (w *Writer) Remove(ctx context.Context, event portcullis.ID) error {
	if _, err := w.exec(ctx, "removal", `DELETE FROM archive_sighting WHERE event=$1`, string(event)); err != nil {
		return err
	}
	num, packed, err := w.event(ctx, event)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	list, err := unpack(packed)
	if err != nil {
		return fmt.Errorf("remove %s: %w", event, err)
	}
	for _, value := range valuesOf(list) {
		if _, err := w.exec(ctx, "removal", `DELETE FROM archive_place WHERE value=$1 AND event=$2`, value, num); err != nil {
			return err
		}
	}
	_, err = w.exec(ctx, "removal", `DELETE FROM archive_event WHERE num=$1`, num)
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
		id, err := w.number(ctx, s)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for a value to remove: %w", err)
		}
		if err := w.removeValue(ctx, s, id); err != nil {
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

func (w *Writer) removeValue(ctx context.Context, s stored, id int64) error {
	events, err := w.numbers(ctx, `SELECT event FROM archive_place WHERE value=$1 ORDER BY event`, id)
	if err != nil {
		return err
	}
	for _, event := range events {
		if err := w.strike(ctx, event, id); err != nil {
			return err
		}
	}
	if _, err := w.exec(ctx, "removal", `DELETE FROM archive_place WHERE value=$1`, id); err != nil {
		return err
	}
	delete(w.values, s.cacheKey())
	_, err = w.exec(ctx, "removal", `DELETE FROM archive_value WHERE kind=$1 AND key=$2`, int64(s.kind), s.key)
	return err
}

// strike takes a value out of an event's entries.
func (w *Writer) strike(ctx context.Context, event, value int64) error {
	var packed []byte
	if err := w.QueryRowContext(ctx, `SELECT entries FROM archive_event WHERE num=$1`, event).Scan(&packed); err != nil {
		return fmt.Errorf("read observables: %w", err)
	}
	list, err := unpack(packed)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(e packedEntry) bool { return e.value == value })
	_, err = w.exec(ctx, "removal", `UPDATE archive_event SET entries=$1 WHERE num=$2`, pack(list), event)
	return err
}

// sweepBatch is how many values are looked at with one query.
const sweepBatch = 2000

// Sweep deletes values that are in no event any more. It reads all values, so it is
// for the end of a removal of many events.
func (w *Writer) Sweep(ctx context.Context) error {
	after := stored{}
	for {
		orphans, last, n, err := w.orphans(ctx, after)
		if err != nil {
			return err
		}
		for _, o := range orphans {
			delete(w.values, o.cacheKey())
			if _, err := w.exec(ctx, "removal", `DELETE FROM archive_value WHERE kind=$1 AND key=$2`, int64(o.kind), o.key); err != nil {
				return err
			}
		}
		if n < sweepBatch {
			return nil
		}
		after = last
	}
}

// orphans looks at the next values in the order of keys.
func (w *Writer) orphans(ctx context.Context, after stored) (list []stored, last stored, n int, err error) {
	if after.key == nil {
		after.key = []byte{} // NULL compares with nothing
	}
	rows, err := w.QueryContext(ctx, `SELECT kind, key, CASE WHEN EXISTS (SELECT 1 FROM archive_place p WHERE p.value=v.id) THEN 1 ELSE 0 END
		FROM archive_value v WHERE (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3`, int64(after.kind), after.key, sweepBatch)
	if err != nil {
		return nil, last, 0, fmt.Errorf("look for values without events: %w", err)
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		var used, k int64
		last = stored{}
		if err := rows.Scan(&k, &last.key, &used); err != nil {
			return nil, last, 0, fmt.Errorf("look for values without events: %w", err)
		}
		if last.kind = kind(k); used == 0 {
			list = append(list, last)
		}
	}
	return list, last, n, rows.Err()
}

func (w *Writer) numbers(ctx context.Context, query string, args ...any) (list []int64, err error) {
	rows, err := w.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the store: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, fmt.Errorf("read the store: %w", err)
		}
		list = append(list, n)
	}
	return list, rows.Err()
}
