package archive

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/rows"
)

// Writer stores within one transaction, each statement prepared once. It is not
// safe for concurrent use. Close it before the transaction ends.
type Writer struct {
	Reader
	tx     *rows.Tx
	words  map[string]int64 // nil: not read yet
	events rows.Counter
}

// NewWriter writes within tx.
func NewWriter(tx *sql.Tx) *Writer {
	w := &Writer{tx: rows.New(tx), events: rows.Counter{View: "archive_next", Table: "archive_counter", Rows: "archive_event"}}
	w.q = w.tx
	return w
}

// Close releases the prepared statements.
func (w *Writer) Close() { w.tx.Close() }

func (w *Writer) exec(ctx context.Context, what, query string, args ...any) (changed int64, err error) {
	return w.tx.Exec(ctx, what, query, args...)
}

// Seen is an event with its (sealed) entries.
type Seen struct {
	Event   portcullis.ID
	Time    time.Time
	Entries []Entry
}

// Put stores the (sealed) entries of an event. Storing an event again changes nothing.
//
// A hunt for a domain looks at domains only, so whoever stores a URL or an address
// stores its host as an entry as well.
func (w *Writer) Put(ctx context.Context, event portcullis.ID, t time.Time, entries []Entry) error {
	return w.PutAll(ctx, []Seen{{event, t, entries}})
}

// mostPlaces bounds the memory that PutAll sorts places in.
const mostPlaces = 1 << 15

// PutAll stores several events as Put does. It costs less: a value that many of them
// hold takes one row.
func (w *Writer) PutAll(ctx context.Context, list []Seen) error {
	var places []place
	for _, s := range list {
		if len(places)+len(s.Entries) > mostPlaces {
			if err := w.places(ctx, places); err != nil {
				return err
			}
			places = places[:0]
		}
		var err error
		if places, err = w.event(ctx, s, places); err != nil {
			return fmt.Errorf("store observables of %s: %w", s.Event, err)
		}
	}
	return w.places(ctx, places)
}

// event stores one event and adds its places to a list, unless it is there already.
func (w *Writer) event(ctx context.Context, s Seen, places []place) ([]place, error) {
	before := len(places)
	packed := make([]packedEntry, len(s.Entries))
	num, err := w.events.Next(ctx, w.tx)
	if err != nil {
		return places, err
	}
	for i, e := range s.Entries {
		v, err := store(e.Observable)
		if err != nil {
			return places[:before], err
		}
		places = append(places, place{key: v.key, tail: v.tail, event: num, entry: i})
		if packed[i], err = w.packedEntry(ctx, e); err != nil {
			return places[:before], err
		}
	}
	added, err := w.exec(ctx, "observables", `INSERT INTO archive_event (num, id, time, entries) VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING`,
		num, rows.Key(s.Event), s.Time.UnixMicro(), pack(packed))
	if err != nil || added == 0 {
		return places[:before], err
	}
	return places, nil
}

func (w *Writer) packedEntry(ctx context.Context, e Entry) (p packedEntry, err error) {
	if p.form, p.formIs, err = w.word(ctx, e.Form); err != nil {
		return p, err
	}
	p.part, p.partIs, err = w.word(ctx, e.Part)
	p.start, p.end = e.Start, e.End
	return p, err
}

// place is where a value is: which entry of which event.
type place struct {
	key, tail []byte
	event     int64
	entry     int
}

// places stores where values are, in the order of keys: neighbours of the index are
// written together, and one value's places in one row.
func (w *Writer) places(ctx context.Context, list []place) error {
	slices.SortStableFunc(list, func(a, b place) int { return bytes.Compare(a.key, b.key) })
	var short, long []any
	for len(list) > 0 {
		n := 1
		for n < len(list) && bytes.Equal(list[n].key, list[0].key) {
			n++
		}
		first := list[0]
		if first.tail == nil {
			short = append(short, first.key, first.event, packPlaces(list[:n]))
		} else {
			long = append(long, first.key, first.event, packPlaces(list[:n]), first.tail)
		}
		list = list[n:]
	}
	_, err := w.tx.Insert(ctx, "observables", `INSERT INTO archive_place (key, event, places) VALUES `, ``, 3, short)
	if err == nil {
		_, err = w.tx.Insert(ctx, "observables", `INSERT INTO archive_place (key, event, places, tail) VALUES `, ``, 4, long)
	}
	return err
}

// packPlaces writes the places of one value, in the order of events: for each the
// event as the difference from the one before, and the entry.
func packPlaces(list []place) []byte {
	b := make([]byte, 0, 2*len(list))
	last := list[0].event
	for _, p := range list {
		b = binary.AppendUvarint(b, uint64(p.event-last))
		b = binary.AppendUvarint(b, uint64(p.entry))
		last = p.event
	}
	return b
}

// unpackPlaces undoes packPlaces: event is that of the row.
func unpackPlaces(event int64, b []byte) (list []place, err error) {
	u := unpacker{b: b}
	for len(u.b) > 0 && !u.bad {
		event += int64(u.uvarint())
		list = append(list, place{event: event, entry: int(u.uvarint())})
	}
	if u.bad {
		return nil, errDamaged
	}
	return list, nil
}

// Words are texts that repeat from event to event. What a sender can choose (the name
// of a parameter stands in quotes) is none, nor is anything once there are many: it is
// stored in place, so that nobody can fill the table.
const (
	maxWords      = 4096
	maxWordLength = 200
)

func (w *Writer) word(ctx context.Context, text string) (int64, string, error) {
	if w.words == nil {
		words, err := w.readWords(ctx)
		if err != nil {
			return 0, "", err
		}
		w.words = make(map[string]int64, len(words))
		for num, word := range words {
			w.words[word] = num
		}
	}
	if num, ok := w.words[text]; ok {
		return num, "", nil
	}
	if len(w.words) >= maxWords || len(text) > maxWordLength || text == "" || strings.ContainsAny(text, "\"'`\x00") || !utf8.ValidString(text) {
		return 0, text, nil
	}
	var num int64
	if err := w.tx.QueryRowContext(ctx, `INSERT INTO archive_word (text) VALUES ($1) RETURNING num`, text).Scan(&num); err != nil {
		return 0, "", fmt.Errorf("store form %q: %w", text, err)
	}
	w.words[text] = num
	return num, "", nil
}

func (r *Reader) readWords(ctx context.Context) (map[int64]string, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT num, text FROM archive_word`)
	if err != nil {
		return nil, fmt.Errorf("read forms: %w", err)
	}
	defer rows.Close()
	words := map[int64]string{}
	for rows.Next() {
		var num int64
		var text string
		if err := rows.Scan(&num, &text); err != nil {
			return nil, fmt.Errorf("read forms: %w", err)
		}
		words[num] = text
	}
	return words, rows.Err()
}
