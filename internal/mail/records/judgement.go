package records

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/rows"
)

// Judgement is a revision of a verdict in the form in which it is stored. What a
// message was judged with alone is stored with the verdict, in one value:
//
//	length of the verdict (varint), the verdict and the facts, each in JSON
//
// What a comparison rests on is one for many messages and lies in a table by its hash.
type Judgement struct {
	message portcullis.ID
	verdict portcullis.Verdict
	people  string
	facts   []byte // of a comparison
	body    []byte
}

// NewJudgement encodes what judging a message alone came to, the facts it rests on (nil
// if they are erased), and which version of the people file it was judged with.
func NewJudgement(message portcullis.ID, v portcullis.Verdict, facts []byte, people string) (Judgement, error) {
	j := Judgement{message: message, verdict: v, people: people}
	body, err := json.Marshal(v)
	if err != nil {
		return j, fmt.Errorf("encode verdict: %w", err)
	}
	whole := binary.AppendUvarint(make([]byte, 0, len(body)+len(facts)+binary.MaxVarintLen32), uint64(len(body)))
	j.body = rows.Pack(append(append(whole, body...), facts...))
	return j, nil
}

// NewComparison encodes what comparing copies made of a verdict. The facts are those
// of the group, and the verdict holds their hash.
func NewComparison(message portcullis.ID, v portcullis.Verdict, facts []byte, people string) (Judgement, error) {
	j, err := NewJudgement(message, v, nil, people)
	j.facts = facts
	return j, err
}

// openJudgement undoes NewJudgement.
func openJudgement(body []byte) (verdict, facts []byte, err error) {
	whole, err := rows.Unpack(body)
	if err != nil {
		return nil, nil, err
	}
	size, n := binary.Uvarint(whole)
	if n <= 0 || size > uint64(len(whole)-n) {
		return nil, nil, errors.New("a stored verdict is cut off: the store is damaged; restore a backup")
	}
	whole = whole[n:]
	return whole[:size:size], whole[size:], nil
}

// PutVerdicts stores revisions with the facts they rest on, makes them the latest
// ones, and indexes their findings.
func (w *Writer) PutVerdicts(ctx context.Context, list []Judgement, now time.Time) error {
	const columns = 9
	values := make([]any, 0, columns*len(list))
	var x index
	for _, j := range list {
		num, err := w.number(ctx, j.message)
		if err != nil {
			return err
		}
		if err := w.putFacts(ctx, j); err != nil {
			return err
		}
		if j.verdict.Revision > 0 {
			if err := w.supersede(ctx, num); err != nil {
				return err
			}
		}
		values = append(values, num, j.verdict.Revision, 1, j.people, int(j.verdict.Score), j.verdict.Action.String(), now.UnixMicro(), j.hash(), j.body)
		x.add(num, j.verdict, now)
	}
	_, err := w.tx.Insert(ctx, "verdict", `INSERT INTO mail_verdict (message, revision, latest, people, score, action, recorded, facts, body) VALUES `, ``, columns, values)
	if err != nil {
		return err
	}
	return w.putIndex(ctx, &x)
}

// hash names the facts of a comparison; it is empty where the facts are the verdict's own.
func (j Judgement) hash() string {
	if j.facts == nil {
		return ""
	}
	return j.verdict.Facts
}

// putFacts stores what a comparison rests on, once for all its messages.
func (w *Writer) putFacts(ctx context.Context, j Judgement) error {
	if j.facts == nil || w.facts[j.hash()] {
		return nil
	}
	w.facts[j.hash()] = true
	return w.exec(ctx, "facts", `INSERT INTO mail_facts (hash, body) VALUES ($1,$2)`+keepRow, j.hash(), rows.Pack(j.facts))
}

// supersede makes room for a later revision.
func (w *Writer) supersede(ctx context.Context, num int64) error {
	if err := w.exec(ctx, "verdict", `UPDATE mail_verdict SET latest=0 WHERE message=$1 AND latest=1`, num); err != nil {
		return err
	}
	return w.forgetFindings(ctx, num)
}

// index is what findings are found by.
type index struct {
	findings, concerns []any
	others             informational
}

func (x *index) add(num int64, v portcullis.Verdict, now time.Time) {
	for _, f := range v.Findings {
		if f.Severity < portcullis.Low && x.others.add(num, f.ID) {
			// these are many, and hardly ever asked for
		} else {
			x.findings = append(x.findings, string(f.ID), num, f.Rule, int(f.Severity), int(f.Attention), f.Time.UnixMicro(), now.UnixMicro())
		}
		for _, person := range f.People {
			x.concerns = append(x.concerns, string(person), num, string(f.ID))
		}
	}
}

func (w *Writer) putIndex(ctx context.Context, x *index) error {
	_, err := w.tx.Insert(ctx, "findings", `INSERT INTO mail_finding (id, message, rule, severity, attention, time, recorded) VALUES `, keepRow, 7, x.findings)
	if err != nil {
		return err
	}
	if _, err = w.tx.Insert(ctx, "findings", `INSERT INTO mail_concerns (person, message, id) VALUES `, keepRow, 3, x.concerns); err != nil {
		return err
	}
	if len(x.others.packed) == 0 {
		return nil
	}
	return w.exec(ctx, "findings", `INSERT INTO mail_informational (last, ids) VALUES ($1,$2)`, x.others.highest, x.others.packed)
}

func (w *Writer) forgetFindings(ctx context.Context, num int64) error {
	if err := w.exec(ctx, "findings", `DELETE FROM mail_finding WHERE message=$1`, num); err != nil {
		return err
	}
	return w.exec(ctx, "findings", `DELETE FROM mail_concerns WHERE message=$1`, num)
}

// ErrRemoved says that what a verdict rests on is not in the store any more.
var ErrRemoved = errors.New("not in the store any more: retention or an erasure removed it")

// Facts returns what a revision rests on that judges the message alone; nil if it
// comes from a comparison.
func (r *Reader) Facts(ctx context.Context, message portcullis.ID, revision int) (*mail.Facts, error) {
	var body []byte
	var hash string
	err := r.q.QueryRowContext(ctx, `SELECT body, facts FROM mail_verdict WHERE message=`+itsNumber+` AND revision=$2`, rows.Key(message), revision).Scan(&body, &hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("facts of %s: %w", message, ErrRemoved)
	case err != nil:
		return nil, fmt.Errorf("read the store: %w", err)
	case hash != "":
		return nil, nil
	}
	_, raw, err := openJudgement(body)
	if err == nil && len(raw) == 0 {
		err = fmt.Errorf("facts of %s: %w", message, ErrRemoved)
	}
	if err != nil {
		return nil, err
	}
	f := new(mail.Facts)
	return f, json.Unmarshal(raw, f)
}

// GroupFacts returns what a revision after comparing rests on.
func (r *Reader) GroupFacts(ctx context.Context, hash string) (*mail.GroupFacts, error) {
	raw, ok, err := r.packed(ctx, `SELECT body FROM mail_facts WHERE hash=$1`, hash)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("facts %s: %w", hash, ErrRemoved)
	}
	g := new(mail.GroupFacts)
	return g, json.Unmarshal(raw, g)
}

// VerdictJSON returns the stored bytes of a revision; -1 is the latest one.
func (r *Reader) VerdictJSON(ctx context.Context, message portcullis.ID, revision int) ([]byte, bool, error) {
	query, args := `SELECT body FROM mail_verdict WHERE message=`+itsNumber+` AND revision=$2`, []any{rows.Key(message), revision}
	if revision < 0 {
		query, args = `SELECT body FROM mail_verdict WHERE message=`+itsNumber+` AND latest=1`, args[:1]
	}
	body, ok, err := r.one(ctx, query, args...)
	if err != nil || !ok {
		return nil, false, err
	}
	verdict, _, err := openJudgement(body)
	return verdict, err == nil, err
}

// Verdict returns the latest verdict, and whether there is one.
func (r *Reader) Verdict(ctx context.Context, message portcullis.ID) (v portcullis.Verdict, ok bool, err error) {
	raw, ok, err := r.VerdictJSON(ctx, message, -1)
	if err != nil || !ok {
		return v, false, err
	}
	return v, true, json.Unmarshal(raw, &v)
}

// JudgedWith tells the number of a message's latest revision and the version of the
// people file it was judged with; ok is false if it has no verdict.
func (r *Reader) JudgedWith(ctx context.Context, message portcullis.ID) (revision int, people string, ok bool, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT revision, people FROM mail_verdict WHERE message=`+itsNumber+` AND latest=1`, rows.Key(message)).Scan(&revision, &people)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", false, nil
	}
	if err != nil {
		return 0, "", false, fmt.Errorf("read the store: %w", err)
	}
	return revision, people, true, nil
}

// JudgedOtherwise counts the messages that were judged with another version of the
// people file.
func (r *Reader) JudgedOtherwise(ctx context.Context, people string) (n int64, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM mail_verdict WHERE latest=1 AND people<$1) + (SELECT count(*) FROM mail_verdict WHERE latest=1 AND people>$1)`, people).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count messages: %w", err)
	}
	return n, nil
}
