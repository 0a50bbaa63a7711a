package assessment

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/chain"
)

// Kinds of entries in the log of a campaign.
const (
	entryQuestion  = "question"  // hypotheses with declared priors; replaces the proposition's earlier ones
	entryEvidence  = "evidence"  // one piece; replaces the one with the same id
	entryWithdrawn = "withdrawn" // a question (subject) or evidence that no longer counts
	entryMissing   = "missing"   // what is not known
	entryAssessed  = "assessed"  // the hash of what it came to
	entryScored    = "scored"    // how it turned out
	entryExported  = "exported"  // who approved that attribution leaves the house
)

// LogOf is the name of a campaign's log in package chain.
func LogOf(campaign portcullis.ID) string { return "assessment/" + string(campaign) }

// querier is *sql.DB or *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Reader answers from what is stored.
type Reader struct{ q querier }

// NewReader reads from a database or within a transaction.
func NewReader(q querier) *Reader { return &Reader{q: q} }

// Writer records within a transaction that the caller opened.
type Writer struct {
	Reader
	tx *sql.Tx
}

// NewWriter writes within a transaction.
func NewWriter(tx *sql.Tx) *Writer { return &Writer{Reader: Reader{tx}, tx: tx} }

// Record enters what is new in the case, or has changed, or is no longer in it, under
// the name of who entered it; weighs it; and keeps the result. What has not changed is
// not entered again, so the log tells who brought what.
func (w *Writer) Record(ctx context.Context, who string, at time.Time, c Case) (Assessment, error) {
	return w.record(ctx, at, c, who, func(logged) string { return who })
}

// record enters each change under the name that author gives.
func (w *Writer) record(ctx context.Context, at time.Time, c Case, who string, author func(logged) string) (Assessment, error) {
	if err := c.Validate(); err != nil {
		return Assessment{}, err
	}
	if who == "" {
		return Assessment{}, errors.New("record assessment: nobody's name is given, and the log tells who entered what")
	}
	before, _, err := w.Case(ctx, c.Campaign)
	if err != nil {
		return Assessment{}, err
	}
	for _, e := range changes(before, c) {
		if err := w.enter(ctx, c.Campaign, author(e), at, e); err != nil {
			return Assessment{}, err
		}
	}
	return w.assessed(ctx, who, at, c.Campaign)
}

// assessed weighs what the log holds, and not what the caller had, so that the
// result is what a replay gives.
func (w *Writer) assessed(ctx context.Context, who string, at time.Time, campaign portcullis.ID) (Assessment, error) {
	c, _, err := w.Case(ctx, campaign)
	if err != nil {
		return Assessment{}, err
	}
	a := Assess(c)
	body, err := canonical(a)
	if err != nil {
		return Assessment{}, err
	}
	sum := digest(body)
	entry, err := w.append(ctx, campaign, who, at, logged{entryAssessed, a.Case, result{a.Method, sum}})
	if err != nil {
		return Assessment{}, err
	}
	_, err = w.tx.ExecContext(ctx, `INSERT INTO assessment_result (campaign, seq, at, body, sha256) VALUES ($1, $2, $3, $4, $5)`,
		string(campaign), entry.Seq, entry.Time.UnixMicro(), string(body), sum)
	if err != nil {
		return Assessment{}, fmt.Errorf("keep the assessment of %s: %w", campaign, err)
	}
	return a, nil
}

// result is the body of an entry "assessed".
type result struct {
	Method string `json:"method"`
	SHA256 string `json:"sha256"`
}

// logged is an entry before it is chained.
type logged struct {
	kind, subject string
	body          any
}

// changes are the entries that turn one case into another, in a fixed order.
func changes(from, to Case) (list []logged) {
	list = append(list, changed(entryQuestion, from.Questions, to.Questions, func(q Question) string { return string(q.Proposition) })...)
	list = append(list, changed(entryEvidence, from.Evidence, to.Evidence, func(e Evidence) string { return e.ID })...)
	if !slices.Equal(from.Missing, to.Missing) {
		list = append(list, logged{entryMissing, "", append([]string{}, to.Missing...)})
	}
	return list
}

func changed[T any](kind string, from, to []T, id func(T) string) (list []logged) {
	old := map[string]T{}
	for _, x := range from {
		old[id(x)] = x
	}
	for _, x := range to {
		if before, ok := old[id(x)]; !ok || !same(before, x) {
			list = append(list, logged{kind, id(x), x})
		}
		delete(old, id(x))
	}
	gone := make([]string, 0, len(old))
	for k := range old {
		gone = append(gone, k)
	}
	slices.Sort(gone)
	for _, k := range gone {
		list = append(list, logged{entryWithdrawn, kind + " " + k, nil})
	}
	return list
}

// same compares as the log would hold them.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y) || reflect.DeepEqual(a, b)
}

func (w *Writer) enter(ctx context.Context, campaign portcullis.ID, who string, at time.Time, e logged) error {
	_, err := w.append(ctx, campaign, who, at, e)
	return err
}

func (w *Writer) append(ctx context.Context, campaign portcullis.ID, who string, at time.Time, e logged) (chain.Entry, error) {
	var body json.RawMessage
	if e.body != nil {
		raw, err := canonical(e.body)
		if err != nil {
			return chain.Entry{}, err
		}
		body = raw
	}
	entry, err := chain.Append(ctx, w.tx, chain.Entry{Log: LogOf(campaign), Time: at, Who: who, Kind: e.kind, Subject: e.subject, Body: body})
	if err != nil {
		return entry, fmt.Errorf("record assessment of %s: %w", campaign, err)
	}
	return entry, nil
}

// Case is a campaign's case as the log has it, and where the log stands. What was
// erased since is left out.
func (r *Reader) Case(ctx context.Context, campaign portcullis.ID) (Case, chain.Head, error) {
	s := newState(campaign)
	head, err := r.walk(ctx, campaign, func(e chain.Entry) error {
		if e.Erased() { // as if it had been withdrawn
			return nil
		}
		return s.apply(e)
	})
	return s.current(), head, err
}

// walk goes through the log from its beginning.
func (r *Reader) walk(ctx context.Context, campaign portcullis.ID, each func(chain.Entry) error) (chain.Head, error) {
	head := chain.Head{Log: LogOf(campaign)}
	for {
		list, err := chain.Entries(ctx, r.q, head.Log, head.Seq, 500)
		if err != nil {
			return head, fmt.Errorf("read the assessment log of %s: %w", campaign, err)
		}
		for _, e := range list {
			if err := each(e); err != nil {
				return head, fmt.Errorf("entry %d of the assessment log of %s: %w", e.Seq, campaign, err)
			}
			head.Seq, head.Hash = e.Seq, e.Hash
		}
		if len(list) == 0 {
			return head, nil
		}
	}
}

// state is a case being put together from entries.
type state struct {
	campaign  portcullis.ID
	questions map[string]Question
	evidence  map[string]Evidence
	missing   []string
}

func newState(campaign portcullis.ID) *state {
	return &state{campaign: campaign, questions: map[string]Question{}, evidence: map[string]Evidence{}}
}

func (s *state) apply(e chain.Entry) error {
	switch e.Kind {
	case entryQuestion:
		var q Question
		err := json.Unmarshal(e.Body, &q)
		s.questions[e.Subject] = q
		return err
	case entryEvidence:
		var v Evidence
		err := json.Unmarshal(e.Body, &v)
		s.evidence[e.Subject] = v
		return err
	case entryMissing:
		s.missing = nil
		return json.Unmarshal(e.Body, &s.missing)
	case entryWithdrawn:
		kind, id, _ := bytes.Cut([]byte(e.Subject), []byte(" "))
		if string(kind) == entryQuestion {
			delete(s.questions, string(id))
		} else {
			delete(s.evidence, string(id))
		}
	}
	return nil
}

func (s *state) current() Case {
	c := Case{Campaign: s.campaign, Missing: s.missing}
	for _, p := range Propositions() {
		if q, ok := s.questions[string(p)]; ok {
			c.Questions = append(c.Questions, q)
		}
	}
	for _, e := range s.evidence {
		c.Evidence = append(c.Evidence, e)
	}
	slices.SortFunc(c.Evidence, func(a, b Evidence) int { return cmp.Compare(a.ID, b.ID) })
	return c
}

// canonical is JSON that is the same for the same value: fields in the order of their
// declaration, maps by key, no escaping for HTML.
func canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write assessment as JSON: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
