package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// AddIndicators keeps indicators; later events are matched against them. It
// returns how many were new; of known ones marking and validity are brought up to date.
//
// Indicators are the operator's own list and stored in clear, addresses too.
func (w *Writer) AddIndicators(ctx context.Context, list []portcullis.Indicator, now time.Time) (int, error) {
	const columns = 8
	values := make([]any, 0, columns*len(list))
	for _, i := range list {
		i.Pattern.Value, i.Source = storable(i.Pattern.Value), storable(i.Source)
		values = append(values, string(i.ID()), string(i.Pattern.Type), i.Pattern.Value, i.Source, i.Marking, micros(i.From), micros(i.Until), now.UnixMicro())
	}
	order := slices.SortedStableFunc(slices.Chunk(values, columns), func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) }) // in the table's order: faster where there are many
	values = slices.Concat(order...)
	fresh, err := w.tx.Insert(ctx, "indicator", `INSERT INTO archive_indicator (id, type, value, source, marking, valid_from, valid_until, added) VALUES `,
		` ON CONFLICT (id) DO NOTHING`, columns, values)
	if err != nil || int(fresh) == len(list) {
		return int(fresh), err
	}
	for row := range slices.Chunk(values, columns) { // some were known
		if _, err := w.exec(ctx, "indicator", `UPDATE archive_indicator SET marking=$2, valid_from=$3, valid_until=$4
			WHERE id=$1 AND (marking<>$2 OR valid_from<>$3 OR valid_until<>$4)`, row[0], row[4], row[5], row[6]); err != nil {
			return int(fresh), err
		}
	}
	return int(fresh), nil
}

// storable drops what a text column of PostgreSQL does not take.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "")
}

// micros is a time as stored, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// AddSightings stores that indicators were seen.
func (w *Writer) AddSightings(ctx context.Context, list []portcullis.Sighting) error {
	for _, s := range list {
		if _, err := w.exec(ctx, "sighting", `INSERT INTO archive_sighting (indicator, event, time) VALUES ($1,$2,$3) ON CONFLICT DO NOTHING`,
			string(s.Indicator), string(s.Event), s.Time.UnixMicro()); err != nil {
			return err
		}
	}
	return nil
}

// LogPurpose records who asked for what, and why.
func (w *Writer) LogPurpose(ctx context.Context, at time.Time, who, purpose string, patterns []portcullis.Observable) error {
	body, err := json.Marshal(patterns)
	if err != nil {
		return fmt.Errorf("encode purpose: %w", err)
	}
	_, err = w.exec(ctx, "purpose", `INSERT INTO archive_purpose (at, who, purpose, patterns) VALUES ($1,$2,$3,$4)`,
		at.UnixMicro(), storable(who), storable(purpose), string(body))
	return err
}

// Indicators lists the kept indicators that are valid at the time.
func (r *Reader) Indicators(ctx context.Context, at time.Time) (list []portcullis.Indicator, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT type, value, source, marking, valid_from, valid_until FROM archive_indicator
		WHERE valid_from <= $1 AND (valid_until = 0 OR valid_until > $1) ORDER BY id`, at.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("read indicators: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var i portcullis.Indicator
		var from, until int64
		if err := rows.Scan(&i.Pattern.Type, &i.Pattern.Value, &i.Source, &i.Marking, &from, &until); err != nil {
			return nil, fmt.Errorf("read indicators: %w", err)
		}
		i.From, i.Until = fromMicros(from), fromMicros(until)
		list = append(list, i)
	}
	return list, rows.Err()
}

// Sightings lists when and where an indicator was seen, oldest first.
func (r *Reader) Sightings(ctx context.Context, indicator portcullis.ID) (list []portcullis.Sighting, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT indicator, event, time FROM archive_sighting WHERE indicator=$1 ORDER BY time, event`, string(indicator))
	if err != nil {
		return nil, fmt.Errorf("read sightings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s portcullis.Sighting
		var at int64
		if err := rows.Scan(&s.Indicator, &s.Event, &at); err != nil {
			return nil, fmt.Errorf("read sightings: %w", err)
		}
		s.Time = time.UnixMicro(at).UTC()
		list = append(list, s)
	}
	return list, rows.Err()
}

// Purpose is a line of the log of questions about people.
type Purpose struct {
	At       time.Time               `json:"at"`
	Who      string                  `json:"who"`
	Purpose  string                  `json:"purpose"`
	Patterns []portcullis.Observable `json:"patterns"`
}

// Purposes reads the log since a time, oldest first.
func (r *Reader) Purposes(ctx context.Context, since time.Time) (list []Purpose, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT at, who, purpose, patterns FROM archive_purpose WHERE at >= $1 ORDER BY num`, micros(since))
	if err != nil {
		return nil, fmt.Errorf("read purposes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p Purpose
		var at int64
		var patterns string
		if err := rows.Scan(&at, &p.Who, &p.Purpose, &patterns); err != nil {
			return nil, fmt.Errorf("read purposes: %w", err)
		}
		p.At = time.UnixMicro(at).UTC()
		if err := json.Unmarshal([]byte(patterns), &p.Patterns); err != nil {
			return nil, fmt.Errorf("decode purpose: %w", err)
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// Stats count what the archive holds.
type Stats struct {
	Events     int64                               `json:"events"`
	Values     map[portcullis.ObservableType]int64 `json:"values"` // distinct ones
	Places     int64                               `json:"places"` // values times the events they are in
	Indicators int64                               `json:"indicators"`
	Sightings  int64                               `json:"sightings"`
	Purposes   int64                               `json:"purposes"`
}

// Stats counts. It reads all of the archive's indexes.
func (r *Reader) Stats(ctx context.Context) (s Stats, err error) {
	if err := r.countPlaces(ctx, &s); err != nil {
		return s, fmt.Errorf("count observables: %w", err)
	}
	err = r.q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM archive_event),
		(SELECT count(*) FROM archive_indicator), (SELECT count(*) FROM archive_sighting), (SELECT count(*) FROM archive_purpose)`).
		Scan(&s.Events, &s.Indicators, &s.Sightings, &s.Purposes)
	if err != nil {
		return s, fmt.Errorf("count observables: %w", err)
	}
	return s, nil
}

func (r *Reader) countPlaces(ctx context.Context, s *Stats) error {
	s.Values = map[portcullis.ObservableType]int64{}
	last := placeRow{key: []byte{}}
	for {
		list, err := r.placesOf(ctx, nextPlaces, last.key, last.event, sweepBatch)
		if err != nil {
			return err
		}
		for _, row := range list {
			if k := row.key[0]; !bytes.Equal(row.key, last.key) && 0 < k && int(k) < len(kindTypes) {
				s.Values[kindTypes[k]]++
			}
			for i, p := range row.places {
				if i == 0 || p.event != row.places[i-1].event {
					s.Places++
				}
			}
			last = row
		}
		if len(list) < sweepBatch {
			return nil
		}
	}
}
