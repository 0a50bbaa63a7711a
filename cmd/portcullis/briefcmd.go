package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/response"
)

type briefCommand struct {
	Who    string `arg:"" name:"PERSON|CAMPAIGN|NOTICE" help:"A person (name, address, id), a campaign (campaign:…, or event:… of one of its mails) or a notice (notice:…); of ids a unique beginning is enough."`
	Format string `help:"html, pdf, md or text." enum:"html,pdf,md,text" default:"text"`
	Output string `help:"File to write. Default: standard output." short:"o" placeholder:"FILE" type:"path"`
	People string `help:"File of protected people. Default: the one of the last scan." placeholder:"FILE" type:"path"`
}

// Help is what `portcullis brief --help` adds.
func (briefCommand) Help() string {
	return `A person's page says what reached them, what it could have learnt, what is not known, what to do and whom to call.
A campaign's page says whom it reached, and when we could have known, knew and told; it is for the desk, not for them.
Making a page tells nobody: a notice is a draft until somebody else approves it (portcullis notices approve).`
}

// noticeDesk is what the commands about notices share.
type noticeDesk struct {
	app    *app
	office *response.Office
	dir    *people.Directory
	reader *records.Reader
	now    time.Time
}

// openNotices opens the store for the commands about notices.
func openNotices(ctx context.Context, g *Globals, peopleFile string, readOnly bool) (d *noticeDesk, err error) {
	a, err := openExisting(ctx, g, readOnly)
	if err != nil {
		return nil, err
	}
	d = &noticeDesk{app: a, reader: records.NewReader(a.store.DB()), now: time.Now()}
	if d.office, err = response.NewOffice(a.cfg.Notices); err != nil {
		return nil, errors.Join(exitError{exitIncomplete, err}, a.close())
	}
	if d.dir, err = lastPeople(ctx, d.reader, peopleFile); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return d, nil
}

func (d *noticeDesk) notices() *response.Reader { return response.NewReader(d.app.store.DB(), d.now) }

// take runs one step in a transaction.
func (d *noticeDesk) take(ctx context.Context, fn func(w *response.Writer) error) error {
	return d.app.store.Tx(ctx, func(tx *sql.Tx) error {
		return fn(response.NewWriter(tx, d.office.Config(), d.now))
	})
}

// caller is who acts on the command line: the account on this machine. Whoever may write
// the data folder is an analyst; approving needs the name in the configuration as well.
func (d *noticeDesk) caller() api.Caller {
	c := api.Caller{Name: userName(), Roles: []api.Role{api.Analyst}, Via: api.ViaCommandLine}
	if slices.Contains(d.app.cfg.Notices.Approvers, c.Name) {
		c.Roles = append(c.Roles, api.Approver)
	}
	return c
}

// mailer sends through the operator's own server.
func (a *app) mailer() response.Mailer { return response.NewSMTPMailer(a.cfg.Notices.SMTP) }

// Run writes one page.
func (c *briefCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	d, err := openNotices(ctx, g, c.People, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.app.close()) }()
	var page []byte
	about := strings.HasPrefix(c.Who, "campaign:") || strings.HasPrefix(c.Who, "event:")
	if about {
		page, err = c.campaign(ctx, d)
	} else {
		page, err = c.notice(ctx, std, d)
	}
	if err != nil {
		return err
	}
	if !about && d.office.Config().Telephone == "" {
		fmt.Fprintln(std.err, "No telephone is configured (`telephone` in the section [notices]), so the page cannot say whom to call.")
	}
	return writePage(std, c.Output, page)
}

// writePage writes to a file only its owner may read, or to standard output.
func writePage(std stdio, path string, page []byte) error {
	if path == "" || path == "-" {
		_, err := std.out.Write(page)
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(page)
	return errors.Join(err, f.Close())
}

// notice writes the most urgent notice to a person.
func (c *briefCommand) notice(ctx context.Context, std stdio, d *noticeDesk) ([]byte, error) {
	n, err := c.choose(ctx, std, d)
	if err != nil {
		return nil, err
	}
	page, _, err := d.office.Write(n, c.Format)
	if err != nil {
		return nil, err
	}
	return page, d.take(ctx, func(w *response.Writer) error {
		_, err := w.Took(ctx, d.caller(), n.ID, c.Format)
		return err
	})
}

func (c *briefCommand) choose(ctx context.Context, std stdio, d *noticeDesk) (n response.Notice, err error) {
	if strings.HasPrefix(c.Who, "notice:") {
		n, err := d.notices().Notice(ctx, portcullis.ID(c.Who))
		return n, unknownNotice(err)
	}
	p, err := d.person(c.Who)
	if err != nil {
		return n, err
	}
	if err := d.draftFor(ctx, p); err != nil {
		return n, err
	}
	list, err := d.notices().Notices(ctx, response.Query{Person: p.ID})
	switch {
	case err != nil:
		return n, err
	case len(list) == 0:
		return n, exitError{exitIncomplete, fmt.Errorf("nothing is known to have reached %s, so there is nothing to tell", printable(p.Name))}
	}
	slices.SortStableFunc(list, func(a, b response.Notice) int { // of those due in the same hour, the one that says most
		if !a.Told.IsZero() || !b.Told.IsZero() || !a.Due.Truncate(time.Hour).Equal(b.Due.Truncate(time.Hour)) {
			return 0
		}
		return len(b.Reach.Events) - len(a.Reach.Events)
	})
	for _, other := range list[1:] {
		fmt.Fprintf(std.err, "There is also %s (%s): `portcullis brief %s` writes it.\n", other.ID, other.State, other.ID[:min(len(other.ID), len("notice:")+10)])
	}
	return list[0], nil
}

// unknownNotice makes a notice that is not there what was asked for wrongly.
func unknownNotice(err error) error {
	if errors.Is(err, response.ErrNotFound) {
		return exitError{exitIncomplete, err}
	}
	return err
}

// person finds the one person that is meant.
func (d *noticeDesk) person(who string) (*people.Person, error) {
	ids, err := findPeople(d.dir, who)
	if err != nil {
		return nil, exitError{exitIncomplete, err}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) > 1 {
		return nil, exitError{exitIncomplete, fmt.Errorf("%q may be %s; give an address or an id", who, nameAll(d.dir, ids))}
	}
	return d.dir.Person(ids[0]), nil
}

// draftFor makes sure that there are notices of all that reached a person: one for each
// campaign, as the desk drafts them, and one of what is in no campaign.
func (d *noticeDesk) draftFor(ctx context.Context, p *people.Person) error {
	k, err := newCorrelator(d.app, d.dir)
	if err != nil {
		return err
	}
	in, err := campaigns.NewReader(d.app.store.DB(), k.deps()).Campaigns(ctx, campaigns.Query{Person: p.ID})
	if err != nil {
		return err
	}
	for _, c := range in {
		if _, err := d.drafting(k).draft(ctx, machine, c.ID); err != nil {
			return fmt.Errorf("draft the notices of %s: %w", c.ID, err)
		}
	}
	return d.drafting(k).draftAlone(ctx, p.ID)
}

// drafting is as much of the desk as drafting notices needs.
func (d *noticeDesk) drafting(k *correlator) *deskService {
	return &deskService{app: d.app, dir: d.dir, office: d.office, links: k, now: func() time.Time { return d.now }}
}

// campaign writes the briefing about a campaign from its notices, which it drafts where there
// are none yet.
func (c *briefCommand) campaign(ctx context.Context, d *noticeDesk) ([]byte, error) {
	k, err := newCorrelator(d.app, d.dir)
	if err != nil {
		return nil, err
	}
	reader := campaigns.NewReader(d.app.store.DB(), k.deps())
	id, err := reader.Find(ctx, c.Who)
	if err != nil {
		return nil, asked(err)
	}
	s, err := reader.Campaign(ctx, id)
	if err != nil {
		return nil, asked(err)
	}
	if _, err := d.drafting(k).draft(ctx, machine, s.ID); err != nil {
		return nil, fmt.Errorf("draft the notices of %s: %w", s.ID, err)
	}
	list, err := d.noticesOf(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, exitError{exitIncomplete, fmt.Errorf("%s reached nobody in the people file, so there is nobody to brief about", s.ID)}
	}
	about := response.Campaign{ID: s.ID, Mails: s.Events, First: s.First, Last: s.Last}
	if c.Format == "pdf" {
		return d.office.BriefingPDF(about, list, d.now)
	}
	doc, err := d.office.Briefing(about, list, d.now)
	if err != nil {
		return nil, err
	}
	page, _, err := doc.Write(c.Format)
	return page, err
}

// noticesOf are those about a campaign, and about such as went up in it.
func (d *noticeDesk) noticesOf(ctx context.Context, c campaigns.Campaign) ([]response.Notice, error) {
	list, err := d.notices().Notices(ctx, response.Query{Campaign: c.ID, Limit: 100_000})
	for _, from := range c.MergedFrom {
		if err != nil {
			break
		}
		var more []response.Notice
		more, err = d.notices().Notices(ctx, response.Query{Campaign: from.ID, Limit: 100_000})
		list = append(list, more...)
	}
	return list, err
}
