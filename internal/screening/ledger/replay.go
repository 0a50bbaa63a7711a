package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/screening"
)

// Replayed says what computing recorded answers again came to.
type Replayed struct {
	Entries   int          `json:"entries"` // of the log
	Answers   int          `json:"answers"`
	Same      int          `json:"same"`
	Erased    int          `json:"erased"`    // entries whose body was erased
	Otherwise int          `json:"otherwise"` // answers of another version of the matcher
	Different []Difference `json:"different"`
}

// Difference is an answer that came out otherwise.
type Difference struct {
	Seq     int64           `json:"seq"`
	Request Request         `json:"request"`
	Was     json.RawMessage `json:"was"`
	Is      json.RawMessage `json:"is"`
}

// mostDifferent bounds how many differences are kept.
const mostDifferent = 100

// batch is how many entries of the log are read at once.
const batch = 100

// Replay verifies the log, computes each recorded answer again on the lists of then, and
// compares the bytes. Answers of another matcher version are counted and not
// compared: another matcher may say something else.
func (l *Ledger) Replay(ctx context.Context) (*Replayed, error) {
	if _, err := chain.Verify(ctx, l.d.DB, Log); err != nil {
		return nil, err
	}
	r := &Replayed{Different: []Difference{}}
	var x *loaded
	for from := int64(1); ; {
		entries, err := chain.Entries(ctx, l.d.DB, Log, from, batch)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			return r, nil
		}
		from = entries[len(entries)-1].Seq + 1
		for _, e := range entries {
			if e.Kind != "screen" {
				continue
			}
			if x, err = l.replayEntry(ctx, r, x, e); err != nil {
				return nil, fmt.Errorf("entry %d of the log: %w", e.Seq, err)
			}
		}
	}
}

// replayEntry runs one entry, on the index of the one before where the lists are the same.
func (l *Ledger) replayEntry(ctx context.Context, r *Replayed, x *loaded, e chain.Entry) (*loaded, error) {
	r.Entries++
	if e.Erased() {
		r.Erased++
		return x, nil
	}
	var rec record
	if err := json.Unmarshal(e.Body, &rec); err != nil {
		return x, err
	}
	if rec.Terms.Matcher != screening.MatcherVersion {
		r.Answers += rec.Count
		r.Otherwise += rec.Count
		return x, nil
	}
	var items []item
	if err := l.seal.openJSON(recordKind, rec.Sealed, &items); err != nil {
		return x, err
	}
	if x == nil || !slices.Equal(x.refs, rec.Lists) {
		if err := l.checkRefs(ctx, rec.Lists); err != nil {
			return x, err
		}
		var err error
		if x, err = l.load(ctx, rec.Lists); err != nil {
			return nil, err
		}
	}
	requests := make([]Request, len(items))
	for i := range items {
		requests[i] = items[i].Request
	}
	answers := make([]Answer, len(items))
	if err := x.answers(ctx, requests, rec.Terms, answers); err != nil {
		return x, err
	}
	for i := range items {
		is, err := json.Marshal(answers[i])
		if err != nil {
			return x, fmt.Errorf("encode an answer: %w", err)
		}
		r.Answers++
		if bytes.Equal(is, items[i].Answer) {
			r.Same++
		} else if len(r.Different) < mostDifferent {
			r.Different = append(r.Different, Difference{e.Seq, items[i].Request, items[i].Answer, is})
		}
	}
	return x, nil
}

// checkRefs sees that the versions named are still those of the SHA-256 named.
func (l *Ledger) checkRefs(ctx context.Context, refs []ListRef) error {
	for _, r := range refs {
		all, err := versions(ctx, l.d.DB, `num=$1`, r.Version)
		if err != nil {
			return err
		}
		if len(all) == 0 || all[0].SHA256 != r.SHA256 || all[0].List != r.List {
			return fmt.Errorf("version %d of the list %s (SHA-256 %s) is not there any more", r.Version, r.List, r.SHA256)
		}
	}
	return nil
}
