package records

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portcullis.example/portcullis"
)

// Filter chooses findings. The zero value chooses all above informational.
type Filter struct {
	People        []portcullis.ID // concerning or delivered to one of these
	Since, Until  time.Time
	Rule          string // name without version
	Informational bool   // those too
	Message       portcullis.ID
	Limit         int
}

// Found is one finding with the message it is about.
type Found struct {
	Finding portcullis.Finding
	Message Message
}

func ignoreNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// Findings lists findings, most serious and newest first. A comparison's
// finding comes once, with the earliest of its messages.
func (r *Reader) Findings(ctx context.Context, f Filter) ([]Found, error) {
	query, args := f.sql()
	rows, err := r.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	type key struct{ id, message portcullis.ID }
	var keys []key
	seen := map[portcullis.ID]bool{}
	for rows.Next() {
		var k key
		if err := rows.Scan(&k.id, &k.message); err != nil {
			rows.Close()
			return nil, fmt.Errorf("read findings: %w", err)
		}
		if !seen[k.id] {
			seen[k.id] = true
			keys = append(keys, k)
		}
	}
	if err := errors.Join(rows.Close(), rows.Err()); err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	var found []Found
	for _, k := range keys {
		one, ok, err := r.finding(ctx, k.id, k.message)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		found = append(found, one)
		if f.Limit > 0 && len(found) == f.Limit {
			break
		}
	}
	return found, nil
}

func (f Filter) sql() (string, []any) {
	query := `SELECT f.id, f.message FROM mail_finding f WHERE f.severity >= $1`
	args := []any{int(portcullis.Low)}
	if f.Informational {
		args[0] = 0
	}
	add := func(clause string, value any) {
		args = append(args, value)
		query += fmt.Sprintf(" AND "+clause, len(args))
	}
	if !f.Since.IsZero() {
		add("(f.time >= $%d OR f.time < 0)", f.Since.UnixMicro()) // below 0: no time is known, and that must hide nothing
	}
	if !f.Until.IsZero() {
		add("f.time < $%d", f.Until.UnixMicro())
	}
	if f.Rule != "" {
		add("f.rule LIKE $%d", f.Rule+"@%")
	}
	for i, person := range f.People {
		clause := " AND (EXISTS (SELECT 1 FROM mail_concerns c WHERE c.person = $%d AND c.message = f.message AND c.id = f.id)"
		if i > 0 {
			clause = " OR EXISTS (SELECT 1 FROM mail_concerns c WHERE c.person = $%d AND c.message = f.message AND c.id = f.id)"
		}
		args = append(args, person)
		query += fmt.Sprintf(clause, len(args))
	}
	if len(f.People) > 0 {
		query += ")"
	}
	if f.Message != "" {
		add("f.message = $%d", f.Message)
	}
	return query + ` ORDER BY f.severity DESC, f.time DESC, f.id, f.message`, args
}

// Finding looks one up by its id; a unique beginning of it is enough.
func (r *Reader) Finding(ctx context.Context, id portcullis.ID) (Found, error) {
	ids, err := r.strings(ctx, `SELECT DISTINCT id FROM mail_finding WHERE id LIKE $1 ORDER BY id LIMIT 2`, string(id)+"%")
	if err != nil {
		return Found{}, err
	}
	switch {
	case len(ids) == 0:
		return Found{}, fmt.Errorf("no finding %s in this store; `portcullis findings` lists them", id)
	case len(ids) > 1:
		return Found{}, fmt.Errorf("more than one finding begins with %s; give more of the id", id)
	}
	messages, err := r.strings(ctx, `SELECT message FROM mail_finding WHERE id=$1 ORDER BY time, message LIMIT 1`, ids[0])
	if err != nil || len(messages) == 0 {
		return Found{}, err
	}
	found, ok, err := r.finding(ctx, portcullis.ID(ids[0]), portcullis.ID(messages[0]))
	if err == nil && !ok {
		err = fmt.Errorf("finding %s is indexed but its verdict does not hold it: the store is damaged; restore a backup", id)
	}
	return found, err
}

func (r *Reader) finding(ctx context.Context, id, message portcullis.ID) (Found, bool, error) {
	v, ok, err := r.Verdict(ctx, message)
	if err != nil || !ok {
		return Found{}, false, err
	}
	m, err := r.Message(ctx, message)
	if err != nil {
		return Found{}, false, err
	}
	for _, f := range v.Findings {
		if f.ID == id {
			return Found{Finding: f, Message: m}, true, nil
		}
	}
	return Found{}, false, nil
}

// Message returns one message's row.
func (r *Reader) Message(ctx context.Context, id portcullis.ID) (m Message, err error) {
	var at, recorded int64
	var known, score int
	var action string
	err = r.q.QueryRowContext(ctx,
		`SELECT id, time, time_known, recorded, size, message_id, sender, org, score, action, revision FROM mail_message WHERE id=$1`, id).
		Scan(&m.ID, &at, &known, &recorded, &m.Size, &m.MessageID, &m.Sender, &m.Org, &score, &action, &m.Revision)
	if err != nil {
		return m, fmt.Errorf("read message %s: %w", id, err)
	}
	m.Time, m.Recorded = time.UnixMicro(at).UTC(), time.UnixMicro(recorded).UTC()
	m.TimeKnown, m.Score = known == 1, uint8(score)
	return m, m.Action.UnmarshalText([]byte(action))
}

// Deliveries tells where a message was found, in a fixed order.
func (r *Reader) Deliveries(ctx context.Context, message portcullis.ID) (list []Delivery, err error) {
	rows, err := r.q.QueryContext(ctx,
		`SELECT message, source, at, recipient, person, how, recorded FROM mail_delivery WHERE message=$1 ORDER BY source, at`, message)
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d Delivery
		var recorded int64
		if err := rows.Scan(&d.Message, &d.Source, &d.Offset, &d.Recipient, &d.Person, &d.How, &recorded); err != nil {
			return nil, fmt.Errorf("read deliveries: %w", err)
		}
		d.Recorded = time.UnixMicro(recorded).UTC()
		list = append(list, d)
	}
	return list, rows.Err()
}

// Revisions lists the stored revisions of all messages that have a body, for replaying them.
func (r *Reader) Revisions(ctx context.Context, fn func(message portcullis.ID, verdict portcullis.Verdict, stored, raw []byte) error) error {
	ids, err := r.strings(ctx, `SELECT message FROM mail_body ORDER BY message`)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := r.revisionsOf(ctx, portcullis.ID(id), fn); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) revisionsOf(ctx context.Context, id portcullis.ID, fn func(portcullis.ID, portcullis.Verdict, []byte, []byte) error) error {
	raw, _, err := r.Body(ctx, id)
	if err != nil {
		return err
	}
	for revision := 0; ; revision++ {
		stored, ok, err := r.VerdictJSON(ctx, id, revision)
		if err != nil || !ok {
			return err
		}
		var v portcullis.Verdict
		if err := json.Unmarshal(stored, &v); err != nil {
			return fmt.Errorf("decode verdict of %s: %w", id, err)
		}
		if err := fn(id, v, stored, raw); err != nil {
			return err
		}
	}
}

// Totals count what the store holds.
type Totals struct {
	Messages   int64            `json:"messages"`
	Deliveries int64            `json:"deliveries"`
	Bodies     int64            `json:"bodies"`
	Actions    map[string]int64 `json:"actions"`
}

// Totals counts.
func (r *Reader) Totals(ctx context.Context) (t Totals, err error) {
	t.Actions = map[string]int64{}
	rows, err := r.q.QueryContext(ctx, `SELECT action, count(*) FROM mail_message GROUP BY action`)
	if err != nil {
		return t, fmt.Errorf("count messages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var action string
		var n int64
		if err := rows.Scan(&action, &n); err != nil {
			return t, fmt.Errorf("count messages: %w", err)
		}
		t.Actions[action] = n
		t.Messages += n
	}
	if err := rows.Err(); err != nil {
		return t, err
	}
	err = r.q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM mail_delivery), (SELECT count(*) FROM mail_body)`).Scan(&t.Deliveries, &t.Bodies)
	return t, err
}
