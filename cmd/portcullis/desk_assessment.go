package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/assessment"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web"
)

// attributionOff says why who did it does not stand on the page.
const attributionOff = "off by default; an approver can export it under their own name with “portcullis assess --attribution”"

// assessment is what a campaign's evidence comes to, as it was weighed last; nil where nothing was.
func (d *deskService) assessment(ctx context.Context, id portcullis.ID) (*web.Assessment, error) {
	reader := assessment.NewReader(d.app.store.DB())
	stored, ok, err := reader.Latest(ctx, id)
	if err != nil || !ok {
		return nil, err
	}
	entered, head, err := reader.Case(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &web.Assessment{Version: int(head.Seq), Head: fmt.Sprintf("%d %s", head.Seq, head.Hash), Calibration: "calibrated on simulation only", Updated: stored.At}
	if out.By, err = d.weighedBy(ctx, id); err != nil {
		return nil, err
	}
	hands, err := reader.Hands(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, a := range stored.Assessment.Answers {
		p := proposition(a, caller(ctx), hands)
		if !a.Proposition.Attribution() {
			p.Rivals = rivals(entered, a.Proposition)
		}
		out.Propositions = append(out.Propositions, p)
	}
	return out, nil
}

func proposition(a assessment.Answer, c api.Caller, hands map[string]assessment.Hand) web.Proposition {
	p := web.Proposition{Key: string(a.Proposition), Text: titled(a.Proposition)}
	if a.Proposition.Attribution() && !c.Has(api.Approver) {
		p.Off = attributionOff
		return p
	}
	if len(a.Matrix.Rows) == 0 { // what was assumed beforehand is no assessment
		p.Off = "nothing has been entered that bears on it"
		return p
	}
	p.Word, p.Leading = a.Likelihood.Word, a.Statement
	p.Confidence, p.Reasons = string(a.Confidence.Level), a.Confidence.Reasons
	for _, limit := range a.Likelihood.Caps {
		p.Caps = append(p.Caps, limit.Reason)
	}
	for _, s := range a.Posteriors[:min(len(a.Posteriors), 12)] {
		h := web.Hypothesis{Name: s.Title, Prior: s.Prior, Low: s.Posterior, Mid: s.Posterior, High: s.Posterior, Word: assessment.Word(s.Posterior)}
		if s.Hypothesis == a.Lead {
			h.Low, h.Mid, h.High, h.Word = a.Likelihood.Low, a.Likelihood.Chance, a.Likelihood.High, a.Likelihood.Word
		}
		p.Hypotheses = append(p.Hypotheses, h)
	}
	p.Evidence = weighedRows(a, hands)
	return p
}

// titled is a proposition as the page's heading.
func titled(p assessment.Proposition) string {
	switch p {
	case assessment.OneCampaign:
		return "These mails are one campaign"
	case assessment.Actor:
		return "Who did it"
	case assessment.StateAffiliated:
		return "A state stands behind it"
	case assessment.Accessed:
		return "Something was accessed"
	case assessment.Taken:
		return "Something was taken"
	}
	return string(p)
}

// weighedRows are the rows of the matrix with their cells in the order of the hypotheses.
func weighedRows(a assessment.Answer, hands map[string]assessment.Hand) (list []web.Weighed) {
	column := map[string]int{}
	for i, c := range a.Matrix.Columns {
		column[c.Hypothesis] = i
	}
	for _, r := range a.Matrix.Rows[:min(len(a.Matrix.Rows), 200)] {
		row := web.Weighed{Text: cmp.Or(r.Note, r.Claim, strings.Join(r.Evidence, ", ")), Origin: strings.Join(r.Origins, ", "), Vertex: string(r.Vertex), Grade: grades(r.Grades)}
		row.By, row.At = enteredBy(r.Evidence, hands)
		if len(r.Origins) < len(r.Evidence) {
			row.Note = "several reports, counted once for each origin"
		}
		for _, s := range a.Posteriors[:min(len(a.Posteriors), 12)] {
			at, ok := column[s.Hypothesis]
			if !ok || at >= len(r.Cells) {
				row.Cells = append(row.Cells, web.Cell{Word: "no bearing"})
				continue
			}
			c := r.Cells[at]
			row.Cells = append(row.Cells, web.Cell{Word: rungWord(c.Rung), Effective: c.Rung.Likelihood(), Leans: leaning(c.Bearing)})
		}
		list = append(list, row)
	}
	return list
}

// enteredBy names everybody who entered one of the reports of a row, and when the last of them was.
func enteredBy(evidence []string, hands map[string]assessment.Hand) (by string, at time.Time) {
	var names []string
	for _, id := range evidence {
		if h, ok := hands[id]; ok {
			names, at = append(names, orMachine(h.Who)), later(at, h.At)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", "), at
}

func leaning(bearing string) int {
	return strings.Count(bearing, "+") - strings.Count(bearing, "−")
}

func grades(list []assessment.Grade) string {
	var words []string
	for _, g := range list {
		words = append(words, fmt.Sprint(g))
	}
	slices.Sort(words)
	return strings.Join(slices.Compact(words), ", ")
}

// plainQuestions are what the desk weighs of each campaign by itself, with the priors that
// docs/ASSESSMENTS.md declares. Who did it is not among them.
const plainQuestions = `schema = 1
[[proposition]]
about = "campaign"
[[proposition]]
about = "accessed"
[[proposition]]
about = "taken"
`

// weigh assesses a campaign by what the house's own sensors say, beside what people entered, and
// records it where that comes to something else than before. What a person entered or struck stands.
func (d *deskService) weigh(ctx context.Context, c campaigns.Campaign) error {
	own, err := assessment.ReadFile("what the desk asks", strings.NewReader(plainQuestions), nil, c.ID, false, ownEvidence(c))
	if err != nil {
		return err
	}
	outdated, err := assessment.NewReader(d.app.store.DB()).Outdated(ctx, response.Machine, own)
	if err != nil || !outdated {
		return err
	}
	return d.app.store.Tx(ctx, func(tx *sql.Tx) error {
		_, err := assessment.NewWriter(tx).Observe(ctx, response.Machine, d.now(), own)
		return err
	})
}

// weighedBy is who entered last what a campaign's assessment rests on; "" is nobody.
func (d *deskService) weighedBy(ctx context.Context, id portcullis.ID) (string, error) {
	last, err := chain.Latest(ctx, d.app.store.DB(), assessment.LogOf(id), 0, 1)
	if err != nil || len(last) == 0 {
		return "", err
	}
	return last[0].Who, nil
}

// rungWord is the word of a rung of the ladder, or of the named one next to it: what is drafted
// from profiles stands between those that people name, and its number says nothing to them.
func rungWord(r assessment.Rung) string {
	best, away := "", 0
	for _, word := range assessment.RungWords() {
		named, err := assessment.ParseRung(word)
		if d := max(named-r, r-named); err == nil && (best == "" || int(d) < away) {
			best, away = word, int(d)
		}
	}
	if away > 0 {
		best = "about " + best
	}
	return strings.ReplaceAll(best, "-", " ")
}
