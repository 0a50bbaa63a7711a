package archive

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portcullis.example/portcullis"
)

// Writer stores within one transaction, each statement prepared once. It is not
// safe for concurrent use. Close it before the transaction ends.
type Writer struct {
	Reader
	tx         *sql.Tx
	prepared   map[string]*sql.Stmt
	words      map[string]int64 // nil: not read yet
	values     map[string]int64 // kind and key to number, of values met in this transaction
	next, last int64            // numbers taken for new values
}

// maxValues bounds the memory of one transaction's values.
const maxValues = 1 << 16

// NewWriter writes within tx.
func NewWriter(tx *sql.Tx) *Writer {
	w := &Writer{tx: tx, prepared: map[string]*sql.Stmt{}, values: map[string]int64{}}
	w.q = w
	return w
}

// Close releases the prepared statements.
func (w *Writer) Close() {
	for _, s := range w.prepared {
		_ = s.Close() // the transaction's end closes them anyway
	}
}

func (w *Writer) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := w.prepared[query]; ok {
		return s, nil
	}
	s, err := w.tx.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	w.prepared[query] = s
	return s, nil
}

// ExecContext runs a statement, prepared on first use.
func (w *Writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := w.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext runs a query, prepared on first use.
func (w *Writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := w.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext runs a query, prepared on first use.
func (w *Writer) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := w.stmt(ctx, query)
	if err != nil {
		return w.tx.QueryRowContext(ctx, query, args...) // reports the same error through Scan
	}
	return s.QueryRowContext(ctx, args...)
}

func (w *Writer) exec(ctx context.Context, what, query string, args ...any) (changed int64, err error) {
	result, err := w.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("store %s: %w", what, err)
	}
	return result.RowsAffected()
}

// eventPrefix stands before the ids of events, and is not stored.
const eventPrefix = "event:"

// eventKey is the stored form of an event's id: 16 bytes for what NewID makes; any
// other stands behind 17 zeros, so that it is longer.
func eventKey(id portcullis.ID) []byte {
	if digits, ok := strings.CutPrefix(string(id), eventPrefix); ok && len(digits) == 32 && strings.ToLower(digits) == digits {
		if raw, err := hex.DecodeString(digits); err == nil {
			return raw
		}
	}
	return append(make([]byte, 17, 17+len(id)), id...)
}

func eventID(key string) portcullis.ID {
	if len(key) == 16 {
		return portcullis.ID(eventPrefix + hex.EncodeToString([]byte(key)))
	}
	return portcullis.ID(key[min(len(key), 17):])
}

// Put stores the (sealed) entries of an event. Storing an event again changes nothing.
//
// A hunt for a domain looks at domains only, so whoever stores a URL or an address
// stores its host as an entry as well.
func (w *Writer) Put(ctx context.Context, event portcullis.ID, t time.Time, entries []Entry) error {
	if _, _, err := w.event(ctx, event); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	list := make([]packedEntry, len(entries))
	for i, e := range entries {
		var err error
		if list[i], err = w.packedEntry(ctx, e); err != nil {
			return err
		}
	}
	var num int64
	err := w.QueryRowContext(ctx, `INSERT INTO archive_event (id, time, entries) VALUES ($1,$2,$3) RETURNING num`,
		eventKey(event), t.UnixMicro(), pack(list)).Scan(&num)
	if err != nil {
		return fmt.Errorf("store observables of %s: %w", event, err)
	}
	return w.places(ctx, num, valuesOf(list))
}

// event finds an event's number and entries; sql.ErrNoRows if it is not stored.
func (w *Writer) event(ctx context.Context, id portcullis.ID) (num int64, entries []byte, err error) {
	err = w.QueryRowContext(ctx, `SELECT num, entries FROM archive_event WHERE id=$1`, eventKey(id)).Scan(&num, &entries)
	if err != nil {
		err = fmt.Errorf("look for %s: %w", id, err)
	}
	return num, entries, err
}

func (w *Writer) packedEntry(ctx context.Context, e Entry) (p packedEntry, err error) {
	s, err := store(e.Observable)
	if err != nil {
		return p, err
	}
	if p.value, err = w.value(ctx, s); err != nil {
		return p, fmt.Errorf("store observable: %w", err)
	}
	if p.form, p.formIs, err = w.word(ctx, e.Form); err != nil {
		return p, err
	}
	p.part, p.partIs, err = w.word(ctx, e.Part)
	p.start, p.end = e.Start, e.End
	return p, err
}

// valuesOf lists the numbers of the values, each once and in order.
func valuesOf(list []packedEntry) []int64 {
	ids := make([]int64, len(list))
	for i, e := range list {
		ids[i] = e.value
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// cacheKey is what a value is remembered by.
func (s stored) cacheKey() string { return string(rune(s.kind)) + string(s.key) }

// value returns the number of a value and stores it where it is new.
func (w *Writer) value(ctx context.Context, s stored) (int64, error) {
	cached := s.cacheKey()
	if id, ok := w.values[cached]; ok {
		return id, nil
	}
	if w.next == w.last {
		if err := w.takeNumbers(ctx); err != nil {
			return 0, err
		}
	}
	id := w.next
	added, err := w.exec(ctx, "observable", `INSERT INTO archive_value (kind, key, id, tail) VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING`,
		int64(s.kind), s.key, id, s.tail)
	if err != nil {
		return 0, err
	}
	if added == 1 {
		w.next++
	} else if id, err = w.number(ctx, s); err != nil {
		return 0, err
	}
	if len(w.values) < maxValues {
		w.values[cached] = id
	}
	return id, nil
}

func (w *Writer) number(ctx context.Context, s stored) (id int64, err error) {
	err = w.QueryRowContext(ctx, `SELECT id FROM archive_value WHERE kind=$1 AND key=$2`, int64(s.kind), s.key).Scan(&id)
	return id, err
}

// block is how many numbers are taken at once; the sequence of PostgreSQL counts in
// the same steps. What a transaction leaves of its block is never used.
const block = 256

func (w *Writer) takeNumbers(ctx context.Context) error {
	err := w.QueryRowContext(ctx, `SELECT id FROM archive_next`).Scan(&w.next)
	if errors.Is(err, sql.ErrNoRows) { // the rows came from a database with sequences
		err = w.QueryRowContext(ctx, `INSERT INTO archive_counter (next) SELECT coalesce(max(id),0)+$1 FROM archive_value RETURNING next`, block).Scan(&w.next)
	}
	if err != nil {
		return fmt.Errorf("take numbers for observables: %w", err)
	}
	w.last = w.next + block
	_, err = w.exec(ctx, "observable", `UPDATE archive_counter SET next=$1`, w.last)
	return err
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
	if err := w.QueryRowContext(ctx, `INSERT INTO archive_word (text) VALUES ($1) RETURNING num`, text).Scan(&num); err != nil {
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

// With small rows the statement is what costs, so rows go in sixteen at a time, and
// what is left over eight, four, two, one at a time.
var insertPlaces = manyRows(`INSERT INTO archive_place (event, value) VALUES `, 2)

const mostRows = 16

// manyRows writes a statement for each number of rows that is a power of two.
func manyRows(before string, columns int) map[int]string {
	queries := map[int]string{}
	for rows := 1; rows <= mostRows; rows *= 2 {
		var b strings.Builder
		b.WriteString(before)
		for i := range rows * columns {
			switch {
			case i%columns > 0:
				b.WriteString(",")
			case i == 0:
				b.WriteString("(")
			default:
				b.WriteString("),(")
			}
			fmt.Fprintf(&b, "$%d", i+1)
		}
		queries[rows] = b.String() + ")"
	}
	return queries
}

// chunks cuts a list into pieces for which there is a statement.
func chunks[T any](list []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for size := mostRows; len(list) > 0; {
			for size > len(list) {
				size /= 2
			}
			if !yield(list[:size]) {
				return
			}
			list = list[size:]
		}
	}
}

func (w *Writer) places(ctx context.Context, event int64, values []int64) error {
	args := make([]any, 0, 2*mostRows)
	for chunk := range chunks(values) {
		args = args[:0]
		for _, v := range chunk {
			args = append(args, event, v)
		}
		if _, err := w.exec(ctx, "observables", insertPlaces[len(chunk)], args...); err != nil {
			return err
		}
	}
	return nil
}
