package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/response"
)

type noticesCommand struct {
	List     noticesListCommand     `cmd:"" default:"withargs" help:"List notices, the most overdue first."`
	Approve  noticesApproveCommand  `cmd:"" help:"Approve a notice that somebody else drafted."`
	Delay    noticesDelayCommand    `cmd:"" help:"Delay a notice, for a reason and until a day."`
	Resume   noticesResumeCommand   `cmd:"" help:"Take a delay back."`
	Withdraw noticesWithdrawCommand `cmd:"" help:"Withdraw a notice that has not left, for a reason."`
	Send     noticesSendCommand     `cmd:"" help:"Send an approved notice by mail through the house's own server."`
	Told     noticesToldCommand     `cmd:"" help:"Record that an approved notice was told by telephone, in person or on paper."`
	Settle   noticesSettleCommand   `cmd:"" help:"Say whether a notice arrived whose sending is unclear."`
	Suspect  noticesSuspectCommand  `cmd:"" help:"Say that a person's account may be in other hands: no notice goes there by mail."`
	Clear    noticesClearCommand    `cmd:"" help:"Say that a person's account is theirs again."`
	Audit    noticesAuditCommand    `cmd:"" help:"Who knew what, when: from the chained log, which is verified."`
}

type noticesListCommand struct {
	Person   string `help:"Only to this person: name, address or id." placeholder:"WHO"`
	Campaign string `help:"Only of this campaign." placeholder:"ID"`
	Open     bool   `help:"Only those whose clock runs."`
	Overdue  bool   `help:"Only those that are overdue."`
	Format   string `help:"text or json." enum:"text,json" default:"text"`
	People   string `help:"File of protected people. Default: the one of the last scan." placeholder:"FILE" type:"path"`
}

// Run lists notices.
func (c *noticesListCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	d, err := openNotices(ctx, g, c.People, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.app.close()) }()
	q := response.Query{Campaign: portcullis.ID(c.Campaign), Open: c.Open, Overdue: c.Overdue}
	if c.Person != "" {
		p, err := d.person(c.Person)
		if err != nil {
			return err
		}
		q.Person = p.ID
	}
	list, err := d.notices().Notices(ctx, q)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		_, err := fmt.Fprintf(std.out, "%s\n", visibleJSON(map[string]any{"schema": 1, "notices": append([]response.Notice{}, list...)}))
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(std.out, "No notices. `portcullis brief PERSON` or CAMPAIGN drafts them; serve does by itself.")
	}
	for _, n := range list {
		fmt.Fprintln(std.out, d.line(newTheme(std.out), n))
	}
	return nil
}

// line is one notice in a list.
func (d *noticeDesk) line(t theme, n response.Notice) string {
	const at = "2006-01-02 15:04"
	clock := "due " + n.Due.UTC().Format(at)
	switch {
	case !n.Told.IsZero():
		clock = "told " + n.Told.UTC().Format(at)
	case n.Overdue:
		clock = t.bold("OVERDUE since " + n.Due.UTC().Format(at))
	}
	return fmt.Sprintf("%s  v%d  %-11s  %s  %s (%s)\n      could have known %s, knew %s%s", n.ID[:min(len(n.ID), len("notice:")+10)], n.Version, n.State, clock,
		printable(nameAll(d.dir, []portcullis.ID{n.Person})), count(len(n.Reach.Events), "message"), n.CouldKnow.UTC().Format(at), n.Knew.UTC().Format(at),
		detail(n))
}

// detail is what a person needs to know of the state a notice is in.
func detail(n response.Notice) string {
	switch n.State {
	case response.Delayed:
		return fmt.Sprintf("\n      delayed by %s: %s", printable(n.DelayedBy), printable(n.DelayReason))
	case response.Unclear:
		return fmt.Sprintf("\n      message id %s: %s", n.MessageID, printable(n.Outcome))
	case response.Approved:
		if n.Outcome != "" {
			return "\n      last attempt: " + printable(n.Outcome)
		}
	}
	return ""
}

// noticeStep is what commands that act on one notice have in common.
type noticeStep struct {
	ID      string `arg:"" help:"The notice; a unique beginning of its id is enough."`
	Version int    `help:"Do it only if this is still the version. Default: the present one." placeholder:"N"`
}

// run finds the notice, takes the step and tells how it stands.
func (s noticeStep) run(ctx context.Context, std stdio, g *Globals, step func(w *response.Writer, by api.Caller, id portcullis.ID, version int) (response.Notice, error)) error {
	return s.with(ctx, std, g, func(d *noticeDesk, id portcullis.ID, version int) (n response.Notice, err error) {
		err = d.take(ctx, func(w *response.Writer) error {
			n, err = step(w, d.caller(), id, version)
			return err
		})
		return n, err
	})
}

func (s noticeStep) with(ctx context.Context, std stdio, g *Globals, act func(d *noticeDesk, id portcullis.ID, version int) (response.Notice, error)) (err error) {
	d, err := openNotices(ctx, g, "", false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.app.close()) }()
	n, err := d.notices().Notice(ctx, portcullis.ID(s.ID))
	if err != nil {
		return unknownNotice(err)
	}
	n, err = act(d, n.ID, cmp.Or(s.Version, n.Version))
	if role, ok := errors.AsType[*response.RoleError](err); ok && role.Need == api.Approver {
		return fmt.Errorf("%w; on the command line the account's name must stand under approvers in the section [notices] of the configuration", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out, d.line(newTheme(std.out), n))
	return nil
}

type noticesApproveCommand struct{ noticeStep }

// Run approves.
func (c *noticesApproveCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.run(ctx, std, g, func(w *response.Writer, by api.Caller, id portcullis.ID, version int) (response.Notice, error) {
		return w.Approve(ctx, by, id, version)
	})
}

type noticesDelayCommand struct {
	noticeStep
	Reason string `help:"Why." required:""`
	Until  string `help:"Until when: a day such as 2026-11-30, or a time." required:"" placeholder:"WHEN"`
}

// Run delays.
func (c *noticesDelayCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	until, err := parseWhen("--until", c.Until)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	return c.run(ctx, std, g, func(w *response.Writer, by api.Caller, id portcullis.ID, version int) (response.Notice, error) {
		return w.Delay(ctx, by, id, version, c.Reason, until)
	})
}

func parseWhen(flag, s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %q: want a day such as 2026-11-30 or a time such as 2026-11-30T08:00 (UTC)", flag, s)
}

type noticesResumeCommand struct{ noticeStep }

// Run ends a delay.
func (c *noticesResumeCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.run(ctx, std, g, func(w *response.Writer, by api.Caller, id portcullis.ID, version int) (response.Notice, error) {
		return w.EndDelay(ctx, by, id, version)
	})
}

type noticesWithdrawCommand struct {
	noticeStep
	Reason string `help:"Why." required:""`
}

// Run withdraws.
func (c *noticesWithdrawCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.run(ctx, std, g, func(w *response.Writer, by api.Caller, id portcullis.ID, version int) (response.Notice, error) {
		return w.Withdraw(ctx, by, id, version, c.Reason)
	})
}

type noticesSendCommand struct {
	noticeStep
	To string `help:"To which of the person's own addresses. Default: the first." placeholder:"ADDRESS"`
}

// Run sends.
func (c *noticesSendCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.with(ctx, std, g, func(d *noticeDesk, id portcullis.ID, version int) (response.Notice, error) {
		return d.office.Send(ctx, d.app.store, d.app.mailer(), d.caller(), id, version, c.To)
	})
}

type noticesToldCommand struct {
	noticeStep
	By   string `help:"telephone, in-person or paper." enum:"telephone,in-person,paper" required:""`
	With string `help:"With whom was spoken, or who took it." required:"" placeholder:"NAME"`
	When string `help:"When, such as 2026-11-30T08:00 (UTC). Default: now." placeholder:"WHEN"`
	Note string `help:"A remark."`
}

// Run records that somebody was told.
func (c *noticesToldCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	h := response.Handing{Way: response.Way(strings.ReplaceAll(c.By, "-", " ")), With: c.With, Note: c.Note}
	if c.When != "" {
		var err error
		if h.When, err = parseWhen("--when", c.When); err != nil {
			return exitError{exitIncomplete, err}
		}
	}
	return c.run(ctx, std, g, func(w *response.Writer, by api.Caller, id portcullis.ID, version int) (response.Notice, error) {
		return w.Told(ctx, by, id, version, h)
	})
}

type noticesSettleCommand struct {
	noticeStep
	Arrived bool   `help:"It arrived. With --no-arrived it did not, and may be sent again." negatable:"" required:""`
	How     string `help:"How you know." required:""`
}

// Run settles.
func (c *noticesSettleCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return c.run(ctx, std, g, func(w *response.Writer, by api.Caller, id portcullis.ID, version int) (response.Notice, error) {
		return w.Resolve(ctx, by, id, version, c.Arrived, c.How)
	})
}

type noticesSuspectCommand struct {
	Person string `arg:"" help:"Name, address or id."`
	Why    string `help:"Why." required:""`
}

// Run says that an account may be compromised.
func (c *noticesSuspectCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return account(ctx, std, g, c.Person, c.Why, (*response.Writer).Suspect, "No notice goes to %s by mail any more. Tell them by telephone or in person.\n")
}

type noticesClearCommand struct {
	Person string `arg:"" help:"Name, address or id."`
	Why    string `help:"How that is known." required:""`
}

// Run says that an account is safe again.
func (c *noticesClearCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return account(ctx, std, g, c.Person, c.Why, (*response.Writer).Clear, "Notices may go to %s by mail again.\n")
}

func account(ctx context.Context, std stdio, g *Globals, who, why string, do func(*response.Writer, context.Context, api.Caller, portcullis.ID, string) error, done string) (err error) {
	d, err := openNotices(ctx, g, "", false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.app.close()) }()
	p, err := d.person(who)
	if err != nil {
		return err
	}
	if err := d.take(ctx, func(w *response.Writer) error { return do(w, ctx, d.caller(), p.ID, why) }); err != nil {
		return err
	}
	fmt.Fprintf(std.out, done, printable(p.Name))
	return nil
}

type noticesAuditCommand struct {
	Person   string `help:"Only about this person: name, address or id." placeholder:"WHO"`
	Campaign string `help:"Only of this campaign." placeholder:"ID"`
	Format   string `help:"text, json or html." enum:"text,json,html" default:"text"`
	Output   string `help:"File to write. Default: standard output." short:"o" placeholder:"FILE" type:"path"`
	People   string `help:"File of protected people, for names. Default: the one of the last scan." placeholder:"FILE" type:"path"`
}

// Run prints who knew what, when. A log that was changed makes it end with a failure,
// after all has been printed.
func (c *noticesAuditCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	d, err := openNotices(ctx, g, c.People, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.app.close()) }()
	q := response.AuditQuery{Campaign: portcullis.ID(c.Campaign)}
	if c.Person != "" {
		p, err := d.person(c.Person)
		if err != nil {
			return err
		}
		q.Person = p.ID
	}
	a, err := d.notices().Audit(ctx, q)
	if err != nil {
		return err
	}
	page, err := auditAs(a, c.Format, func(id portcullis.ID) string { return nameAll(d.dir, []portcullis.ID{id}) })
	if err != nil {
		return err
	}
	if err := writePage(std, c.Output, page); err != nil {
		return err
	}
	if a.Broken != "" {
		return exitError{exitFailed, errors.New(a.Broken)}
	}
	return nil
}

func auditAs(a *response.Audit, format string, name func(portcullis.ID) string) ([]byte, error) {
	switch format {
	case "json":
		return a.JSON()
	case "html":
		return a.HTML(name)
	}
	return []byte(a.Text(name)), nil
}
