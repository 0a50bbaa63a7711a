package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"maps"
	"slices"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/assessment"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// Undo takes back a merge or split that is in the campaign's history.
func (d *deskService) Undo(ctx context.Context, a web.UndoAct) error {
	c, err := d.campaignRecords().Campaign(ctx, a.Campaign)
	if err != nil {
		return d.plain(err)
	}
	at := slices.IndexFunc(c.History, func(h campaigns.Change) bool { return h.Num == a.Decision && undoable(h) })
	if at < 0 {
		return &web.InvalidError{Field: "decision", Why: "That is not in this campaign's history, or was taken back already. Choose another."}
	}
	who := targetIDs(c)
	if other := c.History[at].Other; other != "" {
		its, err := d.campaignRecords().Campaign(ctx, other)
		if err != nil && !errors.Is(err, campaigns.ErrNotFound) {
			return d.plain(err)
		}
		if err == nil && its.ID != c.ID { // of a split: each by itself, for one within bounds is no door to another
			if err := d.decide(ctx, access.EditCampaigns, d.about(its.ID, targetIDs(its)...)); err != nil {
				return err
			}
			who = append(who, targetIDs(its)...)
		}
	}
	err = d.act(ctx, access.EditCampaigns, d.about(c.ID, who...), map[string]any{"undo": a.Decision, "why": a.Why}, func(tx *sql.Tx) error {
		return d.undo(ctx, tx, c.ID, a)
	})
	if err == nil {
		d.changed("campaigns", c.ID)
	}
	return err
}

// undoable tells whether an entry of a campaign's history is a decision that stands.
func undoable(h campaigns.Change) bool {
	return h.Num > 0 && !h.Undone && (h.What == "merged" || h.What == "split")
}

// undo takes the decision back if the campaign is still as it was seen, and has those attended
// to that this changed.
func (d *deskService) undo(ctx context.Context, tx *sql.Tx, id portcullis.ID, a web.UndoAct) error {
	w := campaigns.NewWriter(tx, d.links.deps())
	defer w.Close()
	seen, err := w.Summary(ctx, id)
	if err != nil {
		return err
	}
	if seen.Version != a.Version {
		return &campaigns.ChangedError{ID: id, Saw: a.Version, Is: seen.Version, When: seen.Changed, What: "it was changed"}
	}
	turn, err := w.Turn(ctx)
	if err != nil {
		return err
	}
	if err := w.Undo(ctx, caller(ctx).Name, a.Why, a.Decision); err != nil {
		return err
	}
	moved, err := w.StandsSince(ctx, turn)
	if err != nil {
		return err
	}
	return d.app.store.EnqueueOnce(ctx, tx, topicChanged, keysOf(slices.Sorted(maps.Keys(moved))))
}

// EndDelay takes a delay back.
func (d *deskService) EndDelay(ctx context.Context, a web.NoticeAct) error {
	return d.step(ctx, access.DelayNotice, a.Notice, func(w *response.Writer) error {
		_, err := w.EndDelay(ctx, caller(ctx), a.Notice, a.Version)
		return err
	})
}

// Withdraw ends a notice that is not to leave.
func (d *deskService) Withdraw(ctx context.Context, a web.WithdrawAct) error {
	return d.step(ctx, access.ApproveNotice, a.Notice, func(w *response.Writer) error {
		_, err := w.Withdraw(ctx, caller(ctx), a.Notice, a.Version, a.Why)
		return err
	})
}

// Settle says what became of a notice whose sending is unclear.
func (d *deskService) Settle(ctx context.Context, a web.SettleAct) error {
	return d.step(ctx, access.SendNotice, a.Notice, func(w *response.Writer) error {
		_, err := w.Resolve(ctx, caller(ctx), a.Notice, a.Version, a.Arrived, a.Why)
		return err
	})
}

// Account says that somebody's account may be in other hands, or is theirs again.
func (d *deskService) Account(ctx context.Context, a web.AccountAct) error {
	p := d.dir.Person(a.Person)
	if p == nil {
		return web.ErrNotFound
	}
	kind, take := access.ClearAccount, (*response.Writer).Clear
	if a.Suspected {
		kind, take = access.SuspectAccount, (*response.Writer).Suspect
	}
	err := d.act(ctx, kind, d.about(p.ID, p.ID), map[string]string{"why": a.Why}, func(tx *sql.Tx) error {
		by := caller(ctx)
		by.Scope = api.Scope{} // houses and parties were looked at: the desk knows them, the notices do not
		return take(response.NewWriter(tx, d.office.Config(), d.now()), ctx, by, p.ID, a.Why)
	})
	d.changed("people", p.ID)
	return err
}

// Weigh enters a piece of evidence into a campaign's assessment, under the caller's name.
func (d *deskService) Weigh(ctx context.Context, a web.EvidenceAct) error {
	c, err := d.campaignRecords().Campaign(ctx, a.Campaign)
	if err != nil {
		return d.plain(err)
	}
	proposition := assessment.Proposition(a.Proposition)
	e, err := evidenceOf(a, proposition)
	if err != nil {
		return err
	}
	e.Time = d.now().UTC()
	err = d.act(ctx, access.Assess, d.about(c.ID, targetIDs(c)...), map[string]string{"evidence": e.ID, "about": a.Proposition}, func(tx *sql.Tx) error {
		w := assessment.NewWriter(tx)
		entered, head, err := w.Case(ctx, c.ID)
		if err != nil {
			return err
		}
		if err := d.weighedMeanwhile(ctx, tx, c.ID, int64(a.Version), head.Seq); err != nil {
			return err
		}
		if !slices.ContainsFunc(entered.Questions, func(q assessment.Question) bool { return q.Proposition == proposition }) {
			return &web.InvalidError{Field: "likelihood", Why: "This is not asked of this campaign. “portcullis assess --hypotheses” asks it."}
		}
		entered.Evidence = append(entered.Evidence, e)
		_, err = w.Record(ctx, caller(ctx).Name, d.now(), entered)
		return err
	})
	var wrong *assessment.InvalidError
	if errors.As(err, &wrong) {
		return &web.InvalidError{Field: "note", Why: sentence(wrong.Error())}
	}
	if err != nil {
		return err
	}
	d.changed("campaigns", c.ID)
	return d.plain(d.weigh(ctx, c)) // one origin speaks once: the machine makes way where a person spoke for it
}

// weighedMeanwhile tells the later of two people who was faster. What the machine entered meanwhile
// stands beside and takes nothing from what was typed.
func (d *deskService) weighedMeanwhile(ctx context.Context, tx *sql.Tx, id portcullis.ID, seen, head int64) error {
	if seen < 0 || seen > head {
		return web.ErrNotFound
	}
	since, err := chain.Entries(ctx, tx, assessment.LogOf(id), seen, 500)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(since) {
		if e.Who != response.Machine {
			return &web.ConflictError{By: e.Who, When: e.Time, What: "the assessment was weighed anew"}
		}
	}
	return nil
}

// evidenceOf reads what was typed.
func evidenceOf(a web.EvidenceAct, about assessment.Proposition) (e assessment.Evidence, err error) {
	e = assessment.Evidence{ID: "desk " + rand.Text(), Hash: a.Hash, Origin: a.Origin, Via: a.Via, Vertex: assessment.Vertex(a.Vertex), Note: a.Note}
	if e.Grade, err = assessment.ParseGrade(a.Grade); err != nil {
		return e, &web.InvalidError{Field: "grade", Why: sentence(err.Error())}
	}
	if raw, err := hex.DecodeString(a.Hash); err != nil || a.Hash != "" && len(raw) != 32 {
		return e, &web.InvalidError{Field: "hash", Why: "A SHA-256 has 64 hexadecimal digits. Leave it empty if there is no document."}
	}
	rungs := map[string]assessment.Rung{}
	for hypothesis, word := range a.Likelihood {
		if rungs[hypothesis], err = assessment.ParseRung(word); err != nil {
			return e, &web.InvalidError{Field: "likelihood", Why: sentence(err.Error())}
		}
	}
	e.Likelihood = map[assessment.Proposition]map[string]assessment.Rung{about: rungs}
	return e, nil
}

// rivals are the hypotheses of a question for which evidence can be entered on a page.
func rivals(c assessment.Case, p assessment.Proposition) (list []web.Rival) {
	for _, q := range c.Questions {
		if q.Proposition != p {
			continue
		}
		for _, h := range q.Hypotheses[:min(len(q.Hypotheses), 40)] {
			list = append(list, web.Rival{Key: h.ID, Name: cmp.Or(h.Title, h.ID)})
		}
	}
	return list
}
