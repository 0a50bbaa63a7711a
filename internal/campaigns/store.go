package campaigns

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// Reader answers from what is stored.
type Reader struct {
	q querier
	d Deps
}

// NewReader reads from a database or within a transaction.
func NewReader(q querier, d Deps) *Reader { return &Reader{q: q, d: d} }

// Writer stores within one transaction, each statement prepared once. It is not safe for
// concurrent use. Close it before the transaction ends.
//
// Writers of several processes take turns: the first statement of each act waits
// for the transaction of whoever was there before.
type Writer struct {
	Reader
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
	base     *base
}

// NewWriter writes within tx.
func NewWriter(tx *sql.Tx, d Deps) *Writer {
	w := &Writer{tx: tx, prepared: map[string]*sql.Stmt{}}
	w.q, w.d = w, d
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

func (w *Writer) exec(ctx context.Context, what, query string, args ...any) error {
	if _, err := w.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("store %s: %w", what, err)
	}
	return nil
}

// base is what settling learnt of all items and placing needs.
type base struct {
	Items  int            `json:"items"`
	Groups map[string]int `json:"groups"`
}

// turn waits for other writers, and reads what settling learnt.
func (w *Writer) turn(ctx context.Context) error {
	if w.base != nil {
		return nil
	}
	var raw string
	if err := w.QueryRowContext(ctx, `UPDATE campaigns_state SET turn=turn+1 WHERE id=1 RETURNING base`).Scan(&raw); err != nil {
		return fmt.Errorf("begin to write campaigns: %w", err)
	}
	b := &base{}
	if err := json.Unmarshal([]byte(raw), b); err != nil {
		return fmt.Errorf("read what settling learnt: %w", err)
	}
	w.base = b
	return nil
}

const itemColumns = `num, event, campaign, time, body`

// profiles runs a query for items.
func (r *Reader) profiles(ctx context.Context, query string, args ...any) (list []*profile, err error) {
	rows, err := r.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read items: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var num, at int64
		var event, campaign portcullis.ID
		var body sql.RawBytes
		if err := rows.Scan(&num, &event, &campaign, &at, &body); err != nil {
			return nil, fmt.Errorf("read items: %w", err)
		}
		p, err := unpack(body)
		if err != nil {
			return nil, fmt.Errorf("read item %s: %w", event, err)
		}
		p.num, p.event, p.campaign, p.time = num, event, campaign, at
		p.finish()
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read items: %w", err)
	}
	return list, nil
}

// item finds one, nil if there is none.
func (r *Reader) item(ctx context.Context, event portcullis.ID) (*profile, error) {
	list, err := r.profiles(ctx, `SELECT `+itemColumns+` FROM campaigns_item WHERE event=$1`, string(event))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// Has tells whether an event was put.
func (r *Reader) Has(ctx context.Context, event portcullis.ID) (bool, error) {
	var one int
	err := r.q.QueryRowContext(ctx, `SELECT 1 FROM campaigns_item WHERE event=$1`, string(event)).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", event, err)
	}
	return true, nil
}

// row is a campaign as stored.
type row struct {
	Summary
	gone bool
}

// Limits of a summary, which is read whole for every list.
const (
	maxPersons    = 5000
	maxTechniques = 100
)

func (r *Reader) row(ctx context.Context, id portcullis.ID) (row, error) {
	list, err := r.rows(ctx, `WHERE id=$1`, string(id))
	if err != nil {
		return row{}, err
	}
	if len(list) == 0 {
		return row{}, fmt.Errorf("%s: %w; `portcullis campaigns list` shows those there are", id, ErrNotFound)
	}
	return list[0], nil
}

func (r *Reader) rows(ctx context.Context, where string, args ...any) (list []row, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT id, version, merged_into, gone, first, last, changed, summary FROM campaigns_campaign `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read campaigns: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c row
		var id, into portcullis.ID
		var version int
		var first, last, changed, gone int64
		var summary []byte
		if err := rows.Scan(&id, &version, &into, &gone, &first, &last, &changed, &summary); err != nil {
			return nil, fmt.Errorf("read campaigns: %w", err)
		}
		if err := json.Unmarshal(summary, &c); err != nil {
			return nil, fmt.Errorf("read campaign %s: %w", id, err)
		}
		c.ID, c.Version, c.MergedInto, c.gone = id, version, into, gone == 1
		c.First, c.Last, c.Changed = fromMicros(first), fromMicros(last), fromMicros(changed)
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read campaigns: %w", err)
	}
	return list, nil
}

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// follow finds the campaign that an id stands for now. Merging makes no circles: what was
// merged has no members, and only campaigns with members are merged into.
func (r *Reader) follow(ctx context.Context, id portcullis.ID) (row, error) {
	if id != "" && !strings.Contains(string(id), ":") {
		id = "campaign:" + id
	}
	for range 1000 {
		c, err := r.row(ctx, id)
		if err != nil || c.MergedInto == "" {
			return c, err
		}
		id = c.MergedInto
	}
	return row{}, fmt.Errorf("%s was merged too often to be followed", id)
}

// encode is the stored part that has no column.
func (c row) encode() (string, error) {
	s := c
	s.ID, s.Version, s.MergedInto = "", 0, ""
	s.First, s.Last, s.Changed = time.Time{}, time.Time{}, time.Time{}
	raw, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode campaign: %w", err)
	}
	return string(raw), nil
}

// putRow stores a campaign; its version counts up each time.
func (w *Writer) putRow(ctx context.Context, c *row) error {
	c.Version++
	c.Changed = w.d.now()
	if c.Made.IsZero() {
		c.Made = c.Changed
	}
	summary, err := c.encode()
	if err != nil {
		return err
	}
	return w.exec(ctx, "campaign", `INSERT INTO campaigns_campaign (id, version, merged_into, gone, first, last, changed, summary, ours, turn)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,(SELECT turn FROM campaigns_state WHERE id=1)) ON CONFLICT (id) DO UPDATE SET version=excluded.version, merged_into=excluded.merged_into,
		gone=excluded.gone, ours=excluded.ours, first=excluded.first, last=excluded.last, changed=excluded.changed, summary=excluded.summary, turn=excluded.turn`,
		string(c.ID), c.Version, string(c.MergedInto), int(flag(c.gone)), c.First.UnixMicro(), c.Last.UnixMicro(), c.Changed.UnixMicro(), summary,
		int(flag(c.Attention == portcullis.Targeted || c.Human)))
}

// grow takes a member into a campaign's summary.
func (c *row) grow(p *profile) {
	c.span(fromMicros(p.time))
	if p.echo {
		c.Echoes++
	} else {
		c.Events++
	}
	c.Findings += len(p.findings)
	for _, f := range p.findings {
		c.Severity, c.Attention = max(c.Severity, f.Severity), max(c.Attention, f.Attention)
		c.Techniques = inserted(c.Techniques, f.Technique, maxTechniques)
	}
	c.addPersons(p.people)
}

// inserted puts a value into a sorted list, once.
func inserted[T ~string](list []T, v T, most int) []T {
	if at, known := slices.BinarySearch(list, v); v != "" && !known && len(list) < most {
		return slices.Insert(list, at, v)
	}
	return list
}

// span takes a time into the campaign's. That of an event that tells none does not count.
func (c *row) span(at time.Time) {
	known := at.UnixMicro() > unknownTime
	if first := c.First.UnixMicro() <= unknownTime; first || known && at.Before(c.First) {
		c.First = at
	}
	if known && at.After(c.Last) {
		c.Last = at
	}
}

func (c *row) addPersons(list []portcullis.ID) {
	for _, person := range list {
		c.Persons = inserted(c.Persons, person, maxPersons)
	}
	c.People = len(c.Persons)
}

// absorb takes a whole campaign into another.
func (c *row) absorb(b row) {
	c.span(b.First)
	c.span(b.Last)
	c.Events, c.Echoes, c.Findings = c.Events+b.Events, c.Echoes+b.Echoes, c.Findings+b.Findings
	c.Severity, c.Attention, c.Human = max(c.Severity, b.Severity), max(c.Attention, b.Attention), c.Human || b.Human
	c.addPersons(b.Persons)
	for _, t := range b.Techniques {
		c.Techniques = inserted(c.Techniques, t, maxTechniques)
	}
	if b.Made.Before(c.Made) {
		c.Made = b.Made
	}
}

// summarise makes a campaign's summary from its members.
func summarise(id portcullis.ID, members []*profile) row {
	c := row{Summary: Summary{ID: id}}
	for _, p := range members {
		c.grow(p)
	}
	return c
}

// freshID finds an id for a campaign that begins with an event. Ids are opaque: what the
// campaign comes to hold changes, its id does not.
func (w *Writer) freshID(ctx context.Context, first portcullis.ID) (portcullis.ID, error) {
	for n := 0; ; n++ {
		id := portcullis.NewID("campaign", string(first), fmt.Sprint(n))
		var one int
		err := w.QueryRowContext(ctx, `SELECT 1 FROM campaigns_campaign WHERE id=$1`, string(id)).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return id, nil
		}
		if err != nil {
			return "", fmt.Errorf("find an id for a campaign: %w", err)
		}
	}
}

// note writes a line of a campaign's history.
func (w *Writer) note(ctx context.Context, id portcullis.ID, c Change) error {
	return w.exec(ctx, "change", `INSERT INTO campaigns_change (campaign, at, who, what, why, other, decision) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
		string(id), w.d.now().UnixMicro(), storable(c.Who), c.What, storable(c.Why), string(c.Other), c.Num)
}

// told are the keys of values that somebody told us are an attacker's.
func (r *Reader) told(ctx context.Context) (map[int64]bool, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT key FROM campaigns_told`)
	if err != nil {
		return nil, fmt.Errorf("read what we were told: %w", err)
	}
	defer rows.Close()
	keys := map[int64]bool{}
	for rows.Next() {
		var key int64
		if err := rows.Scan(&key); err != nil {
			return nil, fmt.Errorf("read what we were told: %w", err)
		}
		keys[key] = true
	}
	return keys, rows.Err()
}

// decisions reads what people decided and nobody took back, in order.
func (r *Reader) decisions(ctx context.Context) (*decided, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT d.num, d.kind, e.event, e.side FROM campaigns_decision d
		JOIN campaigns_decided e ON e.decision=d.num WHERE d.undone=0 ORDER BY d.num, e.event`)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	defer rows.Close()
	var list []decision
	for rows.Next() {
		var num, side int
		var kind string
		var event portcullis.ID
		if err := rows.Scan(&num, &kind, &event, &side); err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
		if len(list) == 0 || list[len(list)-1].num != num {
			list = append(list, decision{num: num, kind: kind})
		}
		last := &list[len(list)-1]
		if uint8(side) == sideA {
			last.a = append(last.a, event)
		} else {
			last.b = append(last.b, event)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	return newDecided(list), nil
}
