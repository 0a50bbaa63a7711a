package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
)

// Log is the name of the chained log of what people looked at and did.
const Log = "audit"

// record is the body of an entry of the audit. It never holds evidence: whoever wants to
// know what was seen follows the subject.
type record struct {
	Via     string          `json:"via"`
	From    string          `json:"from,omitempty"`    // network address
	Refused string          `json:"refused,omitempty"` // why not
	Glass   portcullis.ID   `json:"glass,omitempty"`   // the breaking of the glass that made it possible
	People  []portcullis.ID `json:"people,omitempty"`  // whom it concerns
	Detail  json.RawMessage `json:"detail,omitempty"`
}

// querier is *sql.DB or *sql.Tx.
type querier = chain.Querier

// errNobody is a mistake of the program: an act that nobody does.
var errNobody = errors.New("the audit needs to know who acts, and nobody is in the context")

// Audit appends what the caller in ctx does, in the transaction in which it is done: either
// both are there afterwards or neither. Subject is an id, for it cannot be erased; detail is
// whatever JSON can hold, without evidence; people are those whom it concerns and who see it
// among the looks at their mail.
func Audit(ctx context.Context, tx *sql.Tx, kind, subject string, detail any, people ...portcullis.ID) error {
	return appendRecord(ctx, tx, kind, subject, record{People: people}, detail)
}

// AuditRefusal appends that the caller in ctx was refused an act, where it was not [Guard.Allow]
// that refused.
func AuditRefusal(ctx context.Context, tx *sql.Tx, act Act, subject, why string) error {
	return appendRecord(ctx, tx, string(act), subject, record{Refused: why}, nil)
}

func appendRecord(ctx context.Context, tx *sql.Tx, kind, subject string, r record, detail any) error {
	caller, ok := api.CallerFrom(ctx)
	if !ok {
		return errNobody
	}
	r.Via, r.From = caller.Via, addressFrom(ctx)
	if detail != nil {
		raw, err := json.Marshal(detail)
		if err != nil {
			return fmt.Errorf("audit of %s: %w", kind, err)
		}
		r.Detail = raw
	}
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("audit of %s: %w", kind, err)
	}
	e, err := chain.Append(ctx, tx, chain.Entry{Log: Log, Who: caller.Name, Kind: kind, Subject: printableSubject(subject), Body: body})
	if err != nil {
		return fmt.Errorf("audit of %s: %w", kind, err)
	}
	if r.Refused != "" {
		return nil // nothing was seen
	}
	return indexLooks(ctx, tx, e.Seq, r.People)
}

func indexLooks(ctx context.Context, tx *sql.Tx, seq int64, people []portcullis.ID) error {
	for _, p := range people {
		if _, err := tx.ExecContext(ctx, `INSERT INTO access_look (person, seq) VALUES ($1, $2) ON CONFLICT DO NOTHING`, string(p), seq); err != nil {
			return fmt.Errorf("index of looks: %w", err)
		}
	}
	return nil
}

// printableSubject keeps an address that somebody made up from keeping the refusal of it out
// of the log.
func printableSubject(s string) string {
	if len(s) > maxName {
		s = s[:maxName]
	}
	if clean := cleanName(s); clean == s {
		return s
	}
	return fmt.Sprintf("%+q", s)
}

// Line is an entry of the audit as it is shown.
type Line struct {
	Seq     int64           `json:"seq"`
	Time    time.Time       `json:"time"`
	Who     string          `json:"who"`
	Kind    string          `json:"kind"`
	Subject string          `json:"subject"`
	Via     string          `json:"via,omitempty"`
	Refused bool            `json:"refused,omitempty"`
	Why     string          `json:"why,omitempty"` // of a refusal
	Glass   portcullis.ID   `json:"glass,omitempty"`
	People  []portcullis.ID `json:"people,omitempty"`
	Detail  json.RawMessage `json:"detail,omitempty"` // what people wrote; for those who may see-audit-words
	Erased  bool            `json:"erased,omitempty"` // older than is kept: only the line itself is left
	Hash    string          `json:"hash,omitempty"`
}

// line decodes an entry. One whose body is not as it should be is shown without.
func line(e chain.Entry, words bool) Line {
	l := Line{Seq: e.Seq, Time: e.Time, Who: e.Who, Kind: e.Kind, Subject: e.Subject, Erased: e.Erased(), Hash: e.Hash}
	var r record
	if e.Body == nil || json.Unmarshal(e.Body, &r) != nil {
		return l
	}
	l.Via, l.Refused, l.Why, l.Glass, l.People = r.Via, r.Refused != "", r.Refused, r.Glass, r.People
	if words {
		l.Detail = r.Detail
	}
	return l
}

// Lines returns the audit, newest first, before the entry with that number (0: from the end),
// at most limit. Words says whether with what people wrote; the caller must be allowed
// [SeeAudit] or [SeeAuditWords].
func Lines(ctx context.Context, q querier, before int64, limit int, words bool) ([]Line, error) {
	entries, err := chain.Latest(ctx, q, Log, before, limit)
	if err != nil {
		return nil, err
	}
	lines := make([]Line, len(entries))
	for i, e := range entries {
		lines[i] = line(e, words)
	}
	return lines, nil
}

// LooksAt returns what has been looked at and done that concerns a person, newest first, at
// most limit (and 500), for that person ([SeeOwnLooks]); with the reasons for breaking the
// glass, which were written for them to read.
func LooksAt(ctx context.Context, q querier, person portcullis.ID, limit int) ([]Line, error) {
	seqs, err := lookSeqs(ctx, q, person, min(limit, 500))
	if err != nil {
		return nil, fmt.Errorf("looks at the mail of %s: %w", person, err)
	}
	entries, err := chain.At(ctx, q, Log, seqs...)
	if err != nil {
		return nil, err
	}
	lines := make([]Line, len(entries))
	for i, e := range entries {
		lines[i] = line(e, e.Kind == kindAskGlass || e.Kind == kindBreakGlass)
		lines[i].People = slices.DeleteFunc(lines[i].People, func(p portcullis.ID) bool { return p != person })
	}
	return lines, nil
}

func lookSeqs(ctx context.Context, q querier, person portcullis.ID, limit int) (seqs []int64, err error) {
	rows, err := q.QueryContext(ctx, `SELECT seq FROM access_look WHERE person=$1 ORDER BY seq DESC LIMIT $2`, string(person), limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		seqs = append(seqs, seq)
	}
	return seqs, rows.Err()
}

// VerifyAudit checks the whole audit: the chain, and that no look is missing from what
// members see although it is in the chain.
func VerifyAudit(ctx context.Context, q querier) (chain.Head, error) {
	var c chain.Checker
	err := c.Run(ctx, q, Log, func(batch []chain.Entry) error { return checkLooks(ctx, q, batch) })
	return c.Head(), err
}

// checked remembers how far the audit has been found whole.
type checked struct {
	mu      sync.Mutex // guards all below; held while checking, so that one does it for all
	checker chain.Checker
	whole   time.Time // when all of it was last read; zero: never
	err     error     // of the last check of all of it
}

// AuditState is what checking the audit came to.
type AuditState struct {
	Head  chain.Head // the last entry that fits
	Whole time.Time  // when all of it was last read; since then only what was added
	Err   error      // what does not fit; nil: it is whole
}

// CheckAudit says whether the audit is whole. All of it is read the first time and by
// [Guard.WatchAudit]; in between what has been added since, which takes milliseconds. A
// contradiction, once found, stays until all is read again.
func (g *Guard) CheckAudit(ctx context.Context) AuditState { return g.checkAudit(ctx, false) }

func (g *Guard) checkAudit(ctx context.Context, all bool) AuditState {
	c := &g.checked
	c.mu.Lock()
	defer c.mu.Unlock()
	checker, failed := c.checker, c.err
	if all = all || c.whole.IsZero(); all {
		checker, failed = chain.Checker{}, nil
	}
	if failed == nil {
		failed = checker.Run(ctx, g.deps.DB, Log, func(batch []chain.Entry) error { return checkLooks(ctx, g.deps.DB, batch) })
	}
	if _, broken := errors.AsType[*chain.BrokenError](failed); failed != nil && !broken {
		return AuditState{c.checker.Head(), c.whole, failed} // the store was not reached: nothing has been learnt
	}
	if c.checker, c.err = checker, failed; all {
		c.whole = g.deps.Now()
	}
	return AuditState{c.checker.Head(), c.whole, c.err}
}

// WatchAudit reads all of the audit now and then until ctx ends, and logs what does not fit.
func (g *Guard) WatchAudit(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if s := g.checkAudit(ctx, true); s.Err != nil && ctx.Err() == nil {
			g.deps.Log.Error("the audit is not whole, or could not be read", "error", s.Err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func checkLooks(ctx context.Context, q querier, batch []chain.Entry) error {
	have, err := looksBetween(ctx, q, batch[0].Seq, batch[len(batch)-1].Seq)
	if err != nil {
		return fmt.Errorf("check looks: %w", err)
	}
	for _, e := range batch {
		l := line(e, false)
		for _, p := range l.People {
			if !l.Refused && !have[look{p, e.Seq}] {
				return &chain.BrokenError{Log: Log, Seq: e.Seq, Why: fmt.Sprintf("is hidden from %s, whom it concerns: the index of looks has been changed", p)}
			}
		}
	}
	return nil
}

type look struct {
	person portcullis.ID
	seq    int64
}

func looksBetween(ctx context.Context, q querier, first, last int64) (map[look]bool, error) {
	rows, err := q.QueryContext(ctx, `SELECT person, seq FROM access_look WHERE seq BETWEEN $1 AND $2`, first, last)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := map[look]bool{}
	for rows.Next() {
		var l look
		if err := rows.Scan(&l.person, &l.seq); err != nil {
			return nil, err
		}
		found[l] = true
	}
	return found, rows.Err()
}

// Retain removes what is older than is kept: the words of the audit and its index of looks,
// with an entry that says so, and whatever of sessions and askings is over. The lines of the
// audit stay.
func Retain(ctx context.Context, tx *sql.Tx, before time.Time) (int64, error) {
	n, err := chain.EraseBefore(ctx, tx, Log, before)
	if err != nil {
		return 0, err
	}
	for _, text := range []string{
		`DELETE FROM access_look WHERE seq IN (SELECT seq FROM chain_entry WHERE log='audit' AND time<$1)`,
		`DELETE FROM access_glass WHERE asked<$1 AND expires<$1`,
		`DELETE FROM access_hunt WHERE expires<$1`,
		`DELETE FROM access_session WHERE expires<$1`,
		`DELETE FROM access_flow WHERE expires<$1`,
	} {
		if _, err := tx.ExecContext(ctx, text, before.UnixMicro()); err != nil {
			return 0, fmt.Errorf("retain audit: %w", err)
		}
	}
	if n == 0 {
		return 0, nil
	}
	return n, Audit(ctx, tx, "retain", Log, map[string]any{"before": before.UTC(), "erased": n})
}

// ErasePerson removes what the audit holds about a person beyond its lines, and appends an
// entry that says that something was erased.
func ErasePerson(ctx context.Context, tx *sql.Tx, person portcullis.ID) (int64, error) {
	if err := eraseHunts(ctx, tx, person); err != nil {
		return 0, err
	}
	n, err := eraseLooks(ctx, tx, person)
	if err != nil || n == 0 {
		return n, err
	}
	return n, Audit(ctx, tx, "erase", Log, map[string]int64{"erased": n})
}

func eraseLooks(ctx context.Context, tx *sql.Tx, person portcullis.ID) (n int64, err error) {
	for {
		seqs, err := lookSeqs(ctx, tx, person, 500)
		if err != nil {
			return n, fmt.Errorf("erase %s from the audit: %w", person, err)
		}
		for _, seq := range seqs {
			blanked, err := chain.EraseEntry(ctx, tx, Log, seq)
			if err != nil {
				return n, err
			}
			n += blanked
			if _, err := tx.ExecContext(ctx, `DELETE FROM access_look WHERE seq=$1 AND person=$2`, seq, string(person)); err != nil {
				return n, fmt.Errorf("erase %s from the audit: %w", person, err)
			}
		}
		if len(seqs) == 0 {
			return n, nil
		}
	}
}
