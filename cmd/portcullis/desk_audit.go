package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// Audit shows who did what, the latest first, and whether the log is whole.
func (d *deskService) Audit(ctx context.Context, q web.AuditQuery) (out web.Audit, err error) {
	if err := d.decide(ctx, access.SeeAudit, access.Object{ID: "audit"}); err != nil {
		return out, err
	}
	words := access.May(caller(ctx), access.SeeAuditWords, access.Object{ID: "audit"}).Allowed
	before, _ := strconv.ParseInt(q.Page, 10, 64)
	db := d.app.store.DB()
	for len(out.Rows) < q.Limit {
		lines, err := access.Lines(ctx, db, before, 500, words)
		if err != nil {
			return out, d.plain(err)
		}
		if len(lines) == 0 {
			break
		}
		for _, l := range lines {
			before = l.Seq
			if !matchesAudit(l, q) {
				continue
			}
			if len(out.Rows) == q.Limit {
				out.Next = strconv.FormatInt(out.Rows[len(out.Rows)-1].Seq, 10)
				break
			}
			out.Rows = append(out.Rows, d.auditRow(l))
		}
		if out.Next != "" {
			break
		}
	}
	state := d.guard.CheckAudit(ctx)
	out.Checked, out.Verified = d.lately(state.Whole), state.Err == nil
	if state.Err != nil {
		out.Broken = sentence(state.Err.Error())
	}
	out.Total, out.Head = int(state.Head.Seq), fmt.Sprintf("%d %s", state.Head.Seq, state.Head.Hash)
	if out.Holds, err = d.holds(ctx); err != nil {
		return out, d.plain(err)
	}
	for i := range out.Holds {
		if !words {
			out.Holds[i].Why = ""
		}
	}
	if out.Hunts, err = d.huntRequests(ctx, 20); err != nil {
		return out, d.plain(err)
	}
	out.GlassHours = max(d.app.cfg.Desk.GlassMinutes/60, 1)
	out.Requests, err = d.requests(ctx, 20)
	return out, d.plain(err)
}

func matchesAudit(l access.Line, q web.AuditQuery) bool {
	return (q.Who == "" || l.Who == q.Who) && (q.Kind == "" || l.Kind == q.Kind) && (q.Subject == "" || l.Subject == q.Subject)
}

func (d *deskService) auditRow(l access.Line) web.AuditRow {
	row := web.AuditRow{Seq: l.Seq, Time: d.atDesk(l.Time), Who: l.Who, Via: l.Via, Kind: l.Kind, What: d.subjectWords(portcullis.ID(l.Subject)), Detail: d.detailWords(l.Detail), Hash: l.Hash, Erased: l.Erased}
	if l.Refused {
		row.Kind += " (refused)"
		row.Detail = l.Why
	}
	switch kind := portcullis.ID(l.Subject).Kind(); kind {
	case "finding", "notice":
		row.Link = portcullis.ID(l.Subject)
		if len(l.People) > 0 { // an id alone tells nobody anything
			row.What = kind + ": " + strings.Join(d.namesOf(l.People[:min(len(l.People), 3)]), ", ")
		}
	case "campaign", "person":
		row.Link = portcullis.ID(l.Subject)
	}
	return row
}

// subjectWords is what an entry is about, in words.
func (d *deskService) subjectWords(id portcullis.ID) string {
	switch id.Kind() {
	case "campaign":
		return "campaign " + handle(id)
	case "person":
		return d.person(id).Name
	case "hunt":
		if id != "hunt" { // one that a second person agrees to; its id tells nobody anything
			return "hunt for an address or a subject"
		}
	}
	return string(id)
}

// detailWords are the few words that stand in an entry's detail.
func (d *deskService) detailWords(raw json.RawMessage) string {
	var in intake
	if json.Unmarshal(raw, &in) == nil && !in.At.IsZero() {
		return in.words()
	}
	var fields map[string]any
	if len(raw) == 0 || json.Unmarshal(raw, &fields) != nil {
		return printable(string(raw))
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if fields[name] == "" || fields[name] == nil {
			continue
		}
		words = append(words, strings.ReplaceAll(name, "_", " ")+": "+d.valueWords(fields[name]))
	}
	return printable(strings.Join(words, "; "))
}

func (d *deskService) valueWords(v any) string {
	list, ok := v.([]any)
	if text, is := v.(string); is {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return d.atDesk(at).UTC().Format("2 Jan 2006 15:04 UTC")
		}
		if long, err := time.ParseDuration(text); err == nil && long > 0 {
			return count(int(long.Round(time.Minute)/time.Minute), "minute")
		}
		if portcullis.ID(text).Kind() == "campaign" {
			return handle(portcullis.ID(text))
		}
	}
	if !ok {
		return fmt.Sprint(v)
	}
	var words []string
	for _, one := range list {
		words = append(words, fmt.Sprint(one))
	}
	return strings.Join(words, ", ")
}

// atDesk is a time of the audit by the desk's clock, which an exercise sets: an act stands beside
// what happened in the exercise then. What lies ahead does so by as much as in life.
func (d *deskService) atDesk(t time.Time) time.Time {
	ahead := time.Until(t)
	switch {
	case t.IsZero() || d.deskTime == nil:
		return t
	case ahead > 0:
		return d.now().Add(ahead)
	}
	return d.deskTime(t)
}

// lately is a time by the desk's clock that lies back as far as in life: how long ago the audit
// was read is no event of an exercise, in which two minutes are two years.
func (d *deskService) lately(t time.Time) time.Time {
	if t.IsZero() || d.deskTime == nil {
		return t
	}
	return d.now().Add(-time.Since(t))
}

// requests are the askings to break the glass that wait, those of others first.
func (d *deskService) requests(ctx context.Context, limit int) (out []web.BreakGlass, err error) {
	c, longest := caller(ctx), time.Duration(d.app.cfg.Desk.GlassMinutes)*time.Minute
	waiting, err := d.guard.WaitingGlass(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range waiting {
		mine := g.AskedBy == c.Name
		decide := access.May(c, access.ApproveGlass, access.Object{ID: g.Object, People: d.standings().Of(g.People...), By: g.AskedBy}).Allowed
		if !mine && !decide || len(out) == limit {
			continue
		}
		out = append(out, web.BreakGlass{ID: g.ID, Subject: portcullis.ID(g.Object), What: d.subjectWords(portcullis.ID(g.Object)), Who: g.AskedBy, Why: g.Reason,
			Asked: d.atDesk(g.Asked), For: cmp.Or(g.Wanted, longest), State: "waiting", Until: d.atDesk(g.Expires), Mine: mine})
	}
	return out, nil
}

// AskBreakGlass asks to see what the caller may not.
func (d *deskService) AskBreakGlass(ctx context.Context, a web.BreakGlassAct) (portcullis.ID, error) {
	found, err := d.mailRecords().Finding(ctx, a.Subject)
	if err != nil {
		return "", d.plain(err)
	}
	who, err := d.reached(ctx, found)
	if err != nil {
		return "", d.plain(err)
	}
	wanted, longest := a.For, time.Duration(d.app.cfg.Desk.GlassMinutes)*time.Minute
	if longest < time.Hour { // less than the form can say
		wanted = min(wanted, longest)
	}
	asked, err := d.guard.AskGlass(ctx, d.about(found.Finding.ID, who...), a.Why, wanted)
	if err != nil {
		return "", d.glassError(err)
	}
	d.changed("audit", asked.ID)
	return asked.ID, nil
}

// DecideBreakGlass is the second person's answer.
func (d *deskService) DecideBreakGlass(ctx context.Context, a web.DecideAct) error {
	_, err := d.guard.DecideGlass(ctx, a.Request, a.Grant)
	d.changed("audit", a.Request)
	return d.glassError(err)
}

// glassError is what the form says. What is neither a refusal nor a decision made already is
// about what was typed.
func (d *deskService) glassError(err error) error {
	var refused *access.Refusal
	var long *access.WantedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &long):
		return &web.InvalidError{Field: "hours", Why: sentence(long.Error())}
	case errors.As(err, &refused):
		return forbidden(refused.Decision, "")
	case errors.Is(err, access.ErrDecided):
		return &web.ConflictError{By: "Somebody else", When: d.now(), What: sentence(err.Error())}
	}
	return &web.InvalidError{Field: "why", Why: sentence(err.Error())}
}

// standing adds who looked at somebody's mail, where the caller may know.
func (d *deskService) standing(ctx context.Context, id portcullis.ID, out *web.Person) error {
	for _, s := range d.standings().Of(id) {
		if s.Privileged != "" {
			out.Hold = &web.PrivilegeHold{By: "the configuration", Why: s.Privileged}
		}
	}
	list, err := access.Holds(ctx, d.app.store.DB())
	if err != nil {
		return err
	}
	for _, h := range list {
		if h.Person == id {
			out.Hold = &web.PrivilegeHold{Since: h.Since, By: h.By, Why: h.Why}
		}
	}
	if !access.May(caller(ctx), access.SeeOwnLooks, d.about(id, id)).Allowed {
		return nil
	}
	lines, err := access.LooksAt(ctx, d.app.store.DB(), id, web.MaxRows)
	if err != nil {
		return err
	}
	out.Looks = []web.Look{}
	for _, l := range lines {
		out.Looks = append(out.Looks, web.Look{When: d.atDesk(l.Time), Who: l.Who, Role: l.Via, Subject: portcullis.ID(l.Subject), What: l.Kind})
	}
	return nil
}

// Hold puts somebody's mail under privilege, or lifts that.
func (d *deskService) Hold(ctx context.Context, a web.HoldAct) error {
	p := d.dir.Person(a.Person)
	if p == nil {
		return web.ErrNotFound
	}
	h := access.Hold{Person: p.ID, Since: d.now(), By: caller(ctx).Name, Why: a.Why}
	var typed error
	err := d.act(ctx, access.HoldMail, d.about(p.ID, p.ID), map[string]any{"set": a.Set, "why": a.Why}, func(tx *sql.Tx) error {
		if a.Set {
			typed = access.SetHold(ctx, tx, h)
			return typed
		}
		had, err := access.LiftHold(ctx, tx, p.ID)
		if err == nil && !had {
			typed = errors.New("nobody's hold is there to be lifted; privilege that the configuration gives is ended there")
			return typed
		}
		return err
	})
	if typed != nil {
		return &web.InvalidError{Field: "why", Why: sentence(typed.Error())}
	}
	if err == nil {
		err = d.loadHolds(ctx)
	}
	d.changed("people", p.ID)
	return err
}

// loadHolds makes the holds that stand part of what decisions rest on.
func (d *deskService) loadHolds(ctx context.Context) error {
	list, err := access.Holds(ctx, d.app.store.DB())
	if err != nil {
		return d.plain(err)
	}
	d.held.Store(d.configured.WithHolds(list))
	return nil
}

// standings are what deciding knows of people now.
func (d *deskService) standings() *access.Standings { return d.held.Load() }

// holds are those that were set at the desk, for the audit page.
func (d *deskService) holds(ctx context.Context) (out []web.HoldRow, err error) {
	list, err := access.Holds(ctx, d.app.store.DB())
	for _, h := range list[:min(len(list), 50)] {
		out = append(out, web.HoldRow{Person: d.person(h.Person), PrivilegeHold: web.PrivilegeHold{Since: h.Since, By: h.By, Why: h.Why}})
	}
	return out, err
}
