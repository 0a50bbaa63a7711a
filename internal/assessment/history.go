package assessment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"portcullis.example/portcullis"
)

// enoughHistory is how many scored statements make a history. With a hundred, the share
// of those that held is known to within some ten points, which is the width of the
// yardstick's bands; with fewer, nothing can be said.
const enoughHistory = 100

// Outcome is how a statement turned out.
type Outcome struct {
	Campaign    portcullis.ID `json:"campaign"`
	Entry       int64         `json:"entry"`
	Proposition Proposition   `json:"proposition"`
	Hypothesis  string        `json:"hypothesis,omitempty"`
	Chance      float64       `json:"chance"`
	Uncapped    float64       `json:"uncapped"`
	Word        string        `json:"word"`
	Held        bool          `json:"held"`
	At          time.Time     `json:"at"`
	Who         string        `json:"who"`
	Why         string        `json:"why"`
}

// RefusedError says why something cannot be entered, for whoever asked.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// Score enters how a campaign's latest statement on a proposition turned out: the
// ledger from which the house learns how far to trust its own words. A statement is
// scored once; the log keeps who said so and why.
func (w *Writer) Score(ctx context.Context, who string, at time.Time, campaign portcullis.ID, p Proposition, held bool, why string) (Outcome, error) {
	if who == "" || why == "" {
		return Outcome{}, &RefusedError{"say who says how it turned out, and how that is known"}
	}
	s, ok, err := w.Latest(ctx, campaign)
	if err != nil {
		return Outcome{}, err
	}
	a, asked := s.Assessment.Answer(p)
	if !ok {
		return Outcome{}, ErrNotAssessed
	}
	if !asked {
		return Outcome{}, &RefusedError{fmt.Sprintf("the latest assessment of %s says nothing of %q", campaign, p)}
	}
	o := Outcome{campaign, s.Seq, p, a.Lead, a.Likelihood.Chance, a.Likelihood.Uncapped, a.Likelihood.Word, held, utc(at), who, why}
	truth := 0
	if held {
		truth = 1
	}
	res, err := w.tx.ExecContext(ctx, `INSERT INTO assessment_outcome (campaign, seq, proposition, hypothesis, chance, uncapped, word, held, at, who, why)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
		string(campaign), o.Entry, string(p), o.Hypothesis, o.Chance, o.Uncapped, o.Word, truth, o.At.UnixMicro(), who, why)
	if err != nil {
		return Outcome{}, fmt.Errorf("score assessment of %s: %w", campaign, err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return Outcome{}, &RefusedError{fmt.Sprintf("this statement on %q has been scored already; the ledger (`portcullis assess score`, /assessments/history) lists what was", p)}
	}
	return o, w.enter(ctx, campaign, who, at, logged{entryScored, string(p), o})
}

// History is the ledger with what it says of the words.
type History struct {
	Schema   int       `json:"schema"`
	Outcomes []Outcome `json:"outcomes"`
	Scored   int       `json:"scored"`
	// Brier is the mean squared error of what was stated, 0 at best; Expected
	// calibration error as in the bench. Both are 0 where nothing was scored.
	Brier float64     `json:"brier"`
	ECE   float64     `json:"ece"`
	Words []WordScore `json:"words"`
}

// WordScore says how often a word was right.
type WordScore struct {
	Word string `json:"word"`
	Said int    `json:"said"`
	Held int    `json:"held"`
}

// Calibration is what an exported assessment must say.
func (h History) Calibration() string {
	if h.Scored < enoughHistory {
		return OnSimulation
	}
	return OnHistory
}

// History reads the ledger, oldest first. Which actor or state a statement named is left
// out: the ledger is no way round the approver that exporting it needs.
func (r *Reader) History(ctx context.Context) (h History, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT campaign, seq, proposition, hypothesis, chance, uncapped, word, held, at, who, why
		FROM assessment_outcome ORDER BY at, campaign, seq, proposition`)
	if err != nil {
		return h, fmt.Errorf("read the ledger of scored assessments: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	h = History{Schema: 1, Outcomes: []Outcome{}, Words: []WordScore{}}
	for rows.Next() {
		var o Outcome
		var campaign, proposition string
		var held int
		var at int64
		if err := rows.Scan(&campaign, &o.Entry, &proposition, &o.Hypothesis, &o.Chance, &o.Uncapped, &o.Word, &held, &at, &o.Who, &o.Why); err != nil {
			return h, fmt.Errorf("read the ledger of scored assessments: %w", err)
		}
		o.Campaign, o.Proposition, o.Held, o.At = portcullis.ID(campaign), Proposition(proposition), held == 1, time.UnixMicro(at).UTC()
		if o.Proposition.Attribution() {
			o.Hypothesis = ""
		}
		h.Outcomes = append(h.Outcomes, o)
	}
	h.score()
	return h, rows.Err()
}

func (h *History) score() {
	h.Scored = len(h.Outcomes)
	var bins [10]struct{ n, claimed, held float64 }
	words := map[string]*WordScore{}
	for _, o := range h.Outcomes {
		truth := 0.0
		if o.Held {
			truth = 1
		}
		h.Brier += (o.Chance - truth) * (o.Chance - truth)
		bin := &bins[min(int(o.Chance*10), 9)]
		bin.n, bin.claimed, bin.held = bin.n+1, bin.claimed+o.Chance, bin.held+truth
		if words[o.Word] == nil {
			words[o.Word] = &WordScore{Word: o.Word}
			h.Words = append(h.Words, WordScore{Word: o.Word})
		}
		words[o.Word].Said++
		words[o.Word].Held += int(truth)
	}
	for i := range h.Words {
		h.Words[i] = *words[h.Words[i].Word]
	}
	for _, bin := range bins {
		h.ECE += math.Abs(bin.claimed - bin.held)
	}
	n := float64(max(h.Scored, 1))
	h.Brier, h.ECE = round(h.Brier/n), round(h.ECE/n)
}
