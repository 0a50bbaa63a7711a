package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// Notices lists them, overdue ones first.
func (d *deskService) Notices(ctx context.Context, q web.NoticeQuery) (out web.Notices, err error) {
	s, err := d.board.get(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	var list []*response.Notice
	sees := d.sees(ctx)
	out.Counts = map[web.NoticeState]int{}
	for _, n := range s.all {
		if !sees(n.Person) || d.notYet(ctx, *n) {
			continue
		}
		if running(n) {
			out.Counts[web.NoticeState(n.State)]++
		}
		if n.Overdue {
			out.Late++
		}
		if askedFor(n, q) {
			list = append(list, n)
		}
	}
	out.Total = len(list)
	page, next := pageOf(list, q.Page, q.Limit)
	for _, n := range page {
		out.Rows = append(out.Rows, d.clock(*n))
	}
	out.Next = next
	return out, nil
}

// notYet tells whether a notice is the caller's own and nobody has told them yet: what an approver
// delays must not be read by whom it is kept from.
func (d *deskService) notYet(ctx context.Context, n response.Notice) bool {
	return n.Told.IsZero() && !caller(ctx).Has(api.Reader)
}

// askedFor tells whether a notice is among those that the page asks for.
func askedFor(n *response.Notice, q web.NoticeQuery) bool {
	if q.Campaign != "" && n.Campaign != q.Campaign || q.Person != "" && n.Person != q.Person {
		return false
	}
	switch q.State {
	case "", "open":
		return running(n)
	case "overdue":
		return n.Overdue
	case "all":
		return true
	}
	return n.State == response.State(q.State)
}

// clock is a notice as lists show it.
func (d *deskService) clock(n response.Notice) web.Clock {
	return web.Clock{
		Notice: n.ID, Person: d.person(n.Person), Campaign: d.campaignRef(n.Campaign), State: web.NoticeState(n.State),
		Could: n.CouldKnow, Knew: n.Knew, Due: n.Due, Told: n.Told, How: string(n.Way), Until: n.DelayUntil,
		By: cmp.Or(n.DelayedBy, n.ApprovedBy),
	}
}

func (d *deskService) campaignRef(id portcullis.ID) web.CampaignRef {
	if id == "" {
		return web.CampaignRef{}
	}
	return web.CampaignRef{ID: id, Name: handle(id)}
}

// Notice is one notice as its reader gets it, and what happened to it.
func (d *deskService) Notice(ctx context.Context, id portcullis.ID) (out web.Notice, err error) {
	n, err := d.noticeRecords().Notice(ctx, id)
	if err != nil {
		return out, d.plain(err)
	}
	if d.notYet(ctx, n) {
		return out, web.ErrNotFound
	}
	if err := d.decide(ctx, access.SeeNotices, d.about(n.ID, n.Person)); err != nil {
		return out, err
	}
	text, err := d.office.Notice(n)
	if err != nil {
		return out, err
	}
	out = web.Notice{Clock: d.clock(n), ID: n.ID, Version: n.Version, Subject: text.Title, Language: text.Language,
		DelayedBy: n.DelayedBy, DelayedWhy: n.DelayReason, ApprovedBy: n.ApprovedBy, Sections: sectionsOf(text)}
	if len(n.Reach.Addresses) > 0 {
		out.To = n.Reach.Addresses[0]
	}
	if p := d.dir.Person(n.Person); p != nil {
		out.Telephone = p.Telephone
	}
	out.MailRefused, err = d.mailRefused(ctx, n)
	if err != nil {
		return out, d.plain(err)
	}
	out.History, err = d.history(ctx, n.ID)
	return out, d.plain(err)
}

// mailRefused says why a notice must not go by mail, "" if it may: half a sentence, as the
// page goes on with what to do instead.
func (d *deskService) mailRefused(ctx context.Context, n response.Notice) (string, error) {
	why, err := d.noticeRecords().Suspected(ctx, n.Person)
	switch {
	case err != nil:
		return "", err
	case cmp.Or(why, n.Reach.Suspicion) != "":
		return "the account may be in other hands (" + strings.TrimRight(cmp.Or(why, n.Reach.Suspicion), ". ") + ")", nil
	case d.office.Config().SMTP.Server == "":
		return "no mail server is configured, section [notices.smtp] of the configuration", nil
	case len(n.Reach.Addresses) == 0:
		return "no address of this person is known", nil
	}
	return "", nil
}

func sectionsOf(doc response.Document) (list []web.Section) {
	lead := append(slices.Clone(doc.Marks), doc.Lead)
	list = append(list, web.Section{Paragraphs: lead})
	for _, s := range doc.Sections {
		list = append(list, web.Section{Heading: s.Heading, Paragraphs: s.Text, List: s.Items})
	}
	return append(list, web.Section{Paragraphs: []string{doc.Foot}})
}

// history is what the chain holds of a notice.
func (d *deskService) history(ctx context.Context, id portcullis.ID) (steps []web.Step, err error) {
	entries, err := chain.About(ctx, d.app.store.DB(), response.Log, string(id), 100)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		var h response.Happening
		if e.Body != nil {
			if err := json.Unmarshal(e.Body, &h); err != nil {
				return nil, fmt.Errorf("entry %d of the notices' log: %w", e.Seq, err)
			}
		}
		note := strings.Join(slices.DeleteFunc([]string{h.Reason, string(h.Way), h.To, h.Outcome, h.Format}, func(s string) bool { return s == "" }), "; ")
		steps = append(steps, web.Step{When: e.Time, Who: e.Who, What: e.Kind, Note: note})
	}
	slices.SortStableFunc(steps, func(a, b web.Step) int { return a.When.Compare(b.When) })
	return steps, nil
}

// Document is a notice as a file. That it was taken is written down first.
func (d *deskService) Document(ctx context.Context, id portcullis.ID, format string) (out web.Document, err error) {
	n, err := d.noticeRecords().Notice(ctx, id)
	if err != nil {
		return out, d.plain(err)
	}
	if d.notYet(ctx, n) {
		return out, web.ErrNotFound
	}
	err = d.act(ctx, access.SeeNotices, d.about(n.ID, n.Person), map[string]string{"format": format}, func(tx *sql.Tx) error {
		_, err := response.NewWriter(tx, d.office.Config(), d.now()).Took(ctx, caller(ctx), n.ID, format)
		return err
	})
	if err != nil {
		return out, err
	}
	raw, kind, err := renderNotice(d.office, n, format)
	if err != nil {
		return out, err
	}
	_, hash, _ := strings.Cut(string(n.ID), ":")
	return web.Document{Name: path.Base("notice-" + hash[:min(10, len(hash))] + "." + format), Type: kind, Bytes: raw}, nil
}

func renderNotice(o *response.Office, n response.Notice, format string) (raw []byte, mediaType string, err error) {
	if format == "pdf" {
		raw, err = o.NoticePDF(n)
		return raw, "application/pdf", err
	}
	doc, err := o.Notice(n)
	if err != nil {
		return nil, "", err
	}
	switch format {
	case "html":
		raw, err = doc.HTML()
		return raw, "text/html; charset=utf-8", err
	case "md":
		return doc.Markdown(), "text/markdown; charset=utf-8", nil
	}
	return nil, "", &web.InvalidError{Field: "format", Why: "A notice can be had as html, pdf or md."}
}

// step takes a notice one step further.
func (d *deskService) step(ctx context.Context, a access.Act, id portcullis.ID, take func(w *response.Writer) error) error {
	n, err := d.noticeRecords().Notice(ctx, id)
	if err != nil {
		return d.plain(err)
	}
	err = d.act(ctx, a, d.about(n.ID, n.Person), nil, func(tx *sql.Tx) error {
		return take(response.NewWriter(tx, d.office.Config(), d.now()))
	})
	d.changed("notices", id)
	return err
}

// changed tells open pages.
func (d *deskService) changed(topic string, subject portcullis.ID) {
	d.board.stale()
	if d.feed != nil {
		d.feed.Publish(web.Change{Topic: topic, Subject: subject}, web.Change{Topic: "situation"}, web.Change{Topic: "audit"})
	}
}

// Approve lets a notice leave.
func (d *deskService) Approve(ctx context.Context, a web.NoticeAct) error {
	return d.step(ctx, access.ApproveNotice, a.Notice, func(w *response.Writer) error {
		_, err := w.Approve(ctx, caller(ctx), a.Notice, a.Version)
		return err
	})
}

// Delay keeps a notice back.
func (d *deskService) Delay(ctx context.Context, a web.DelayAct) error {
	return d.step(ctx, access.DelayNotice, a.Notice, func(w *response.Writer) error {
		_, err := w.Delay(ctx, caller(ctx), a.Notice, a.Version, a.Why, a.Until)
		return err
	})
}

// ways are the words of the form.
var ways = map[string]response.Way{"telephone": response.ByTelephone, "in person": response.InPerson, "printed": response.OnPaper}

// MarkTold records that somebody was told without mail.
func (d *deskService) MarkTold(ctx context.Context, a web.ToldAct) error {
	way, ok := ways[a.How]
	if !ok {
		return &web.InvalidError{Field: "how", Why: "Say whether it was by telephone, in person, or printed."}
	}
	n, err := d.noticeRecords().Notice(ctx, a.Notice)
	if err != nil {
		return d.plain(err)
	}
	with := d.person(n.Person).Name
	return d.step(ctx, access.SendNotice, a.Notice, func(w *response.Writer) error {
		_, err := w.Told(ctx, caller(ctx), a.Notice, a.Version, response.Handing{Way: way, With: with, When: a.When, Note: a.Note})
		return err
	})
}

// Send sends an approved notice through the house's own server.
func (d *deskService) Send(ctx context.Context, a web.NoticeAct) error {
	n, err := d.noticeRecords().Notice(ctx, a.Notice)
	if err != nil {
		return d.plain(err)
	}
	object := d.about(n.ID, n.Person)
	if err := d.decide(ctx, access.SendNotice, object); err != nil {
		return err
	}
	_, err = d.office.Send(ctx, d.app.store, d.mailer, caller(ctx), n.ID, a.Version, "")
	audited := d.app.store.Tx(ctx, func(tx *sql.Tx) error {
		return access.Audit(ctx, tx, string(access.SendNotice), object.ID, nil, n.Person)
	})
	d.changed("notices", n.ID)
	if err != nil {
		return d.sending(err)
	}
	return d.plain(audited)
}

// sending is what the form says when a notice did not leave, or may not have.
func (d *deskService) sending(err error) error {
	var not *response.NotSentError
	var unclear *response.UnclearError
	if errors.As(err, &not) || errors.As(err, &unclear) {
		return &web.InvalidError{Why: sentence(err.Error())}
	}
	return d.plain(err)
}
