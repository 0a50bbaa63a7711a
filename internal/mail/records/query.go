package records

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/rows"
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
func (r *Reader) Findings(ctx context.Context, f Filter) (found []Found, err error) {
	seen := map[portcullis.ID]bool{}
	full := func() bool { return f.Limit > 0 && len(found) == f.Limit }
	keys, err := r.findingKeys(ctx, f)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if seen[k.id] || full() {
			continue
		}
		seen[k.id] = true
		one, ok, err := r.finding(ctx, k.id, k.message)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, one)
		}
	}
	if !f.Informational || full() {
		return found, nil
	}
	others, err := r.informational(ctx, f)
	for _, one := range others {
		if !seen[one.Finding.ID] && !full() {
			seen[one.Finding.ID] = true
			found = append(found, one)
		}
	}
	return found, err
}

func newestFirst(a, b Found) int {
	return cmp.Or(cmp.Compare(b.Finding.Severity, a.Finding.Severity), b.Finding.Time.Compare(a.Finding.Time),
		cmp.Compare(a.Finding.ID, b.Finding.ID), cmp.Compare(a.Message.ID, b.Message.ID))
}

type findingKey struct{ id, message portcullis.ID }

func (r *Reader) findingKeys(ctx context.Context, f Filter) (list []findingKey, err error) {
	query, args := f.sql()
	answer, err := r.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	defer answer.Close()
	for answer.Next() {
		var k findingKey
		var message []byte
		if err := answer.Scan(&k.id, &message); err != nil {
			return nil, fmt.Errorf("read findings: %w", err)
		}
		k.message = rows.ID(message)
		list = append(list, k)
	}
	if err := answer.Err(); err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	return list, nil
}

func (f Filter) sql() (string, []any) {
	query := `SELECT f.id, m.id FROM mail_finding f JOIN mail_message m ON m.num=f.message WHERE f.severity >= $1`
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
		args = append(args, string(person))
		query += fmt.Sprintf(clause, len(args))
	}
	if len(f.People) > 0 {
		query += ")"
	}
	if f.Message != "" {
		add("m.id = $%d", rows.Key(f.Message))
	}
	return query + ` ORDER BY f.severity DESC, f.time DESC, f.id, m.id`, args
}

// Finding looks one up by its id; a unique beginning of it is enough.
func (r *Reader) Finding(ctx context.Context, id portcullis.ID) (found Found, err error) {
	ids, err := rows.Strings(r.q.QueryContext(ctx, `SELECT DISTINCT id FROM mail_finding WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2`, string(id), string(id)+"~"))
	if err != nil {
		return found, err
	}
	if len(ids) < 2 {
		if found, ids, err = r.findInformational(ctx, id, ids); err != nil {
			return Found{}, err
		}
	}
	switch {
	case len(ids) == 0:
		return Found{}, missing("no finding " + string(id) + " in this store; `portcullis findings` lists them")
	case len(ids) > 1:
		return Found{}, missing("more than one finding begins with " + string(id) + "; give more of the id")
	case found.Finding.ID != "":
		return found, nil
	}
	messages, err := r.ids(ctx, `SELECT m.id FROM mail_finding f JOIN mail_message m ON m.num=f.message WHERE f.id=$1 ORDER BY f.time, m.id LIMIT 1`, ids[0])
	if err != nil || len(messages) == 0 {
		return Found{}, err
	}
	found, ok, err := r.finding(ctx, portcullis.ID(ids[0]), messages[0])
	if err == nil && !ok {
		err = fmt.Errorf("finding %s is indexed but its verdict does not hold it: the store is damaged; restore a backup", id)
	}
	return found, err
}

// findInformational looks for an informational finding whose id begins so, and adds
// the ids it finds to those that are known.
func (r *Reader) findInformational(ctx context.Context, id portcullis.ID, ids []string) (found Found, _ []string, err error) {
	digits, ok := strings.CutPrefix(string(id), "finding:")
	switch {
	case !ok && !strings.HasPrefix("finding:", string(id)):
		return found, ids, nil
	case !ok:
		digits = ""
	}
	nums, err := r.candidates(ctx, digits)
	if err != nil {
		return found, nil, err
	}
	for _, num := range nums {
		list, err := r.informationalOf(ctx, num, Filter{})
		if err != nil {
			return found, nil, err
		}
		for _, one := range list {
			if strings.HasPrefix(string(one.Finding.ID), string(id)) && !slices.Contains(ids, string(one.Finding.ID)) {
				found, ids = one, append(ids, string(one.Finding.ID))
			}
		}
		if len(ids) > 1 {
			break
		}
	}
	return found, ids, nil
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
	err = r.q.QueryRowContext(ctx, `SELECT m.time, m.time_known, m.recorded, m.size, m.message_id, m.sender, m.org,
		coalesce(v.score,0), coalesce(v.action,'undecided'), coalesce(v.revision,0)
		FROM mail_message m LEFT JOIN mail_verdict v ON v.message=m.num AND v.latest=1 WHERE m.id=$1`, rows.Key(id)).
		Scan(&at, &known, &recorded, &m.Size, &m.MessageID, &m.Sender, &m.Org, &score, &action, &m.Revision)
	if err != nil {
		return m, fmt.Errorf("read message %s: %w", id, err)
	}
	m.ID, m.Time, m.Recorded = id, time.UnixMicro(at).UTC(), time.UnixMicro(recorded).UTC()
	m.TimeKnown, m.Score = known == 1, uint8(score)
	return m, m.Action.UnmarshalText([]byte(action))
}

// Deliveries tells where a message was found, in a fixed order.
func (r *Reader) Deliveries(ctx context.Context, message portcullis.ID) (list []Delivery, err error) {
	answer, err := r.q.QueryContext(ctx,
		`SELECT source, at, recipient, person, how, recorded FROM mail_delivery WHERE message=`+itsNumber+` ORDER BY source, at`, rows.Key(message))
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	defer answer.Close()
	for answer.Next() {
		d := Delivery{Message: message}
		var recorded int64
		if err := answer.Scan(&d.Source, &d.Offset, &d.Recipient, &d.Person, &d.How, &recorded); err != nil {
			return nil, fmt.Errorf("read deliveries: %w", err)
		}
		d.Recorded = time.UnixMicro(recorded).UTC()
		list = append(list, d)
	}
	return list, answer.Err()
}

// Revisions lists the stored revisions of all messages that have a body, for replaying them.
func (r *Reader) Revisions(ctx context.Context, fn func(message portcullis.ID, verdict portcullis.Verdict, stored, raw []byte) error) error {
	ids, err := r.ids(ctx, `SELECT m.id FROM mail_body b JOIN mail_message m ON m.num=b.message ORDER BY m.id`)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := r.revisionsOf(ctx, id, fn); err != nil {
			return err
		}
	}
	return nil
}

// Unkept counts the revisions of messages whose bytes are not kept: they cannot be
// judged again.
func (r *Reader) Unkept(ctx context.Context) (n int, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT count(*) FROM mail_verdict v WHERE NOT EXISTS (SELECT 1 FROM mail_body b WHERE b.message=v.message)`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count revisions: %w", err)
	}
	return n, nil
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
	answer, err := r.q.QueryContext(ctx, `SELECT action, count(*) FROM mail_verdict WHERE latest=1 GROUP BY people, action`)
	if err != nil {
		return t, fmt.Errorf("count messages: %w", err)
	}
	defer answer.Close()
	var judged int64
	for answer.Next() {
		var action string
		var n int64
		if err := answer.Scan(&action, &n); err != nil {
			return t, fmt.Errorf("count messages: %w", err)
		}
		t.Actions[action] += n
		judged += n
	}
	if err := answer.Err(); err != nil {
		return t, err
	}
	err = r.q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM mail_message), (SELECT count(*) FROM mail_delivery), (SELECT count(*) FROM mail_body)`).
		Scan(&t.Messages, &t.Deliveries, &t.Bodies)
	if left := t.Messages - judged; left > 0 {
		t.Actions[portcullis.Undecided.String()] += left
	}
	return t, err
}

// missing is an [ErrNotFound] in words of its own.
type missing string

func (m missing) Error() string        { return string(m) }
func (m missing) Is(target error) bool { return target == ErrNotFound }
