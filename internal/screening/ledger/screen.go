package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/screening"
)

// Screening is what some requests came to, with all that the answers depend on.
type Screening struct {
	Schema  int       `json:"schema"`
	Terms   Terms     `json:"terms"`
	Lists   []ListRef `json:"lists"`
	Answers []Answer  `json:"answers"`
}

// record is the body of an entry in the chained log. What it seals is a list of items.
type record struct {
	Schema int       `json:"schema"`
	Terms  Terms     `json:"terms"`
	Lists  []ListRef `json:"lists"`
	Count  int       `json:"count"`
	Sealed []byte    `json:"sealed"`
}

// item is one request with the bytes of its answer, before decisions were added.
type item struct {
	Request   Request             `json:"request"`
	Answer    json.RawMessage     `json:"answer"`
	Decisions map[string]Decision `json:"decisions,omitempty"` // by list and entry
}

const (
	recordKind = "screening record"
	// maxRecord bounds what one entry of the log holds, well below what it may.
	maxRecord = 400 << 10
)

// Options of one screening.
type Options struct {
	Who       string
	All       bool    // every entry over the threshold, not the best only
	Threshold float64 // 0: the configured one
	Best      int     // 0: the configured number
}

func (l *Ledger) terms(o Options) (Terms, error) {
	t := Terms{Matcher: screening.MatcherVersion, Threshold: l.cfg.Threshold, Floor: screening.Floor, Best: l.cfg.Best}
	if o.Threshold != 0 {
		t.Threshold = o.Threshold
	}
	if o.Best != 0 {
		t.Best = o.Best
	}
	if o.All {
		t.Best = 0
	}
	if t.Threshold < screening.Floor || t.Threshold > 1 {
		return t, refusedf("the threshold %v: want %v to 1", t.Threshold, screening.Floor)
	}
	return t, nil
}

// Screen answers the requests, on all cores, and records them. Each request must pass
// its Check; one that does not refuses all.
func (l *Ledger) Screen(ctx context.Context, requests []Request, o Options) (*Screening, error) {
	terms, err := l.terms(o)
	if err != nil {
		return nil, err
	}
	for i, r := range requests {
		if err := r.Check(); err != nil {
			if len(requests) > 1 {
				return nil, refusedf("request %d: %v", i+1, err)
			}
			return nil, err
		}
	}
	x, err := l.current(ctx)
	if err != nil {
		return nil, err
	}
	s := &Screening{Schema: 1, Terms: terms, Lists: x.refs, Answers: make([]Answer, len(requests))}
	if err := x.answers(ctx, requests, terms, s.Answers); err != nil {
		return nil, err
	}
	items, err := l.items(ctx, s.Answers)
	if err != nil {
		return nil, err
	}
	err = l.d.Tx(ctx, func(tx *sql.Tx) error {
		if err := l.record(ctx, tx, o.Who, s, items); err != nil {
			return err
		}
		return l.keep(ctx, tx, requests)
	})
	if err != nil {
		return nil, fmt.Errorf("the screening could not be recorded, so it is not answered: %w", err)
	}
	return s, nil
}

// answers fills in the answers, with as many workers as there are cores.
func (x *loaded) answers(ctx context.Context, requests []Request, terms Terms, into []Answer) error {
	if len(requests) == 1 {
		into[0] = x.answer(requests[0], terms)
		return ctx.Err()
	}
	const share = 64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(requests); from += share {
		g.Go(func() error {
			for i := from; i < min(from+share, len(requests)); i++ {
				into[i] = x.answer(requests[i], terms)
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

// items encodes the answers, and then adds what was decided about them.
func (l *Ledger) items(ctx context.Context, answers []Answer) ([]item, error) {
	any, err := l.anyDecision(ctx)
	if err != nil {
		return nil, err
	}
	items := make([]item, len(answers))
	for i := range answers {
		a := &answers[i]
		raw, err := json.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("encode an answer: %w", err)
		}
		items[i] = item{Request: a.Query, Answer: raw}
		if !any {
			continue
		}
		if items[i].Decisions, err = l.decided(ctx, a); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// record appends the screening to the chained log, in as many entries as it takes.
func (l *Ledger) record(ctx context.Context, tx *sql.Tx, who string, s *Screening, items []item) error {
	for from := 0; from < len(items); {
		size, end := 0, from
		for end < len(items) && (end == from || size+len(items[end].Answer) < maxRecord) {
			size += len(items[end].Answer) + len(items[end].Request.Name) + 100
			end++
		}
		sealed, err := l.seal.closeJSON(recordKind, items[from:end])
		if err != nil {
			return err
		}
		body, err := json.Marshal(record{Schema: 1, Terms: s.Terms, Lists: s.Lists, Count: end - from, Sealed: sealed})
		if err != nil {
			return fmt.Errorf("encode the record: %w", err)
		}
		subject := portcullis.NewID("screening", string(sealed))
		if _, err := chain.Append(ctx, tx, chain.Entry{Log: Log, Time: l.d.Now(), Who: who, Kind: "screen", Subject: string(subject), Body: body}); err != nil {
			return err
		}
		from = end
	}
	return nil
}
