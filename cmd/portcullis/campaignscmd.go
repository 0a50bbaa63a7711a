package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/web/access"
)

type campaignsCommand struct {
	List    campaignsListCommand    `cmd:"" default:"withargs" help:"List campaigns, the latest first."`
	Show    campaignsShowCommand    `cmd:"" help:"All that is known of one campaign, and with --reach whom it reached beyond that."`
	Explain campaignsExplainCommand `cmd:"" help:"Say why the mails of a campaign belong together, or weigh two mails against each other."`
	Merge   campaignsMergeCommand   `cmd:"" help:"Put two campaigns together for good: the second goes up in the first."`
	Split   campaignsSplitCommand   `cmd:"" help:"Take mails out of a campaign for good."`
	Undo    campaignsUndoCommand    `cmd:"" help:"Take back a merger or split, by its number in the history."`
	Settle  campaignsSettleCommand  `cmd:"" help:"Place what waits, and weigh everything again with what is known by now."`
}

type campaignsListCommand struct {
	Person string `help:"Only those that reached this person: name, address or id." placeholder:"WHO"`
	Since  string `help:"Only those seen from this day on: 2026-11-01, or 30d." placeholder:"WHEN"`
	All    bool   `help:"Those that concern no protected person too."`
	Limit  int    `help:"At most so many; 0 for all." default:"50"`
	campaignsOutput
}

type campaignsShowCommand struct {
	ID    string `arg:"" name:"CAMPAIGN" help:"As list prints it, or one of its mails (event:…); a unique beginning is enough."`
	Reach bool   `help:"Search the archive for whom it reached beyond the known mails."`
	campaignsOutput
}

type campaignsExplainCommand struct {
	ID    string `arg:"" name:"CAMPAIGN|MAIL" help:"A campaign; or a mail (event:…), and behind it another."`
	Other string `arg:"" optional:"" name:"MAIL" help:"The mail to weigh the first against."`
	campaignsOutput
}

type campaignsMergeCommand struct {
	Into    string `arg:"" name:"CAMPAIGN" help:"The one that stays."`
	From    string `arg:"" name:"OTHER" help:"The one that goes up in it."`
	Why     string `help:"The reason. It is kept with your name." required:"" placeholder:"TEXT"`
	Version int    `help:"Do it only if the first is still at this version." placeholder:"N"`
}

type campaignsSplitCommand struct {
	ID      string   `arg:"" name:"CAMPAIGN" help:"As list prints it; a unique beginning is enough."`
	Events  []string `arg:"" name:"MAIL" help:"The mails (event:…) that leave it; unique beginnings are enough."`
	Why     string   `help:"The reason. It is kept with your name." required:"" placeholder:"TEXT"`
	Version int      `help:"Do it only if it is still at this version." placeholder:"N"`
}

type campaignsUndoCommand struct {
	Decision int64  `arg:"" name:"NUMBER" help:"As the history of campaigns show prints it."`
	Why      string `help:"The reason. It is kept with your name." required:"" placeholder:"TEXT"`
}

type campaignsSettleCommand struct {
	Format string `help:"text or json." enum:"text,json" default:"text"`
}

// campaignsOutput are the options of what only reads.
type campaignsOutput struct {
	Format string `help:"text or json." enum:"text,json" default:"text"`
	People string `help:"File of protected people, for names. Default: the one of the last scan." placeholder:"FILE" type:"path"`
}

// openCorrelator opens the store for commands about campaigns. Close k.app.
func openCorrelator(ctx context.Context, g *Globals, peopleFile string, readOnly bool) (k *correlator, err error) {
	a, err := openExisting(ctx, g, readOnly)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	dir, err := lastPeople(ctx, records.NewReader(a.store.DB()), peopleFile)
	if err != nil {
		return nil, err
	}
	return newCorrelator(a, dir)
}

// newCorrelator makes what places findings, for people as dir knows them.
func newCorrelator(a *app, dir *people.Directory) (*correlator, error) {
	model, err := loadModel(a.dir)
	if err != nil {
		return nil, err
	}
	base, err := newFactsBase(a.cfg, protected{dir: dir}, model)
	if err != nil {
		return nil, err
	}
	lists, _, err := a.warninglists()
	if err != nil {
		return nil, exitError{exitIncomplete, err}
	}
	return &correlator{app: a, dir: dir, judge: mail.NewJudge(dir, a.cfg.Mail, model), base: base, lists: lists, now: time.Now}, nil
}

// reading opens the store read-only and gives fn what answers about campaigns.
func reading(ctx context.Context, g *Globals, peopleFile string, fn func(k *correlator, r *campaigns.Reader) error) (err error) {
	k, err := openCorrelator(ctx, g, peopleFile, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.app.close()) }()
	return asked(fn(k, campaigns.NewReader(k.app.store.DB(), k.deps())))
}

// deciding opens the store and runs fn in one transaction.
func deciding(ctx context.Context, g *Globals, fn func(w *campaigns.Writer, d *decided) error) (err error) {
	k, err := openCorrelator(ctx, g, "", false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.app.close()) }()
	return asked(k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := campaigns.NewWriter(tx, k.deps())
		defer w.Close()
		var d decided
		if err := fn(w, &d); err != nil {
			return err
		}
		return auditActs(ctx, tx, access.EditCampaigns, d.subject, d.detail, d.people...)
	}))
}

// decided is what the audit keeps of a decision on the command line: the same as of one at
// the desk.
type decided struct {
	subject string
	detail  map[string]string
	people  []portcullis.ID
}

// auditActs appends to the audit what the account on this machine does.
func auditActs(ctx context.Context, tx *sql.Tx, act access.Act, subject string, detail any, people ...portcullis.ID) error {
	by := api.Caller{Name: userName(), Via: api.ViaCommandLine}
	return access.Audit(api.WithCaller(ctx, by), tx, string(act), subject, detail, people...)
}

// asked tells what was asked for wrongly from what failed.
func asked(err error) error {
	var changed *campaigns.ChangedError
	var refused *campaigns.RefusedError
	if errors.As(err, &changed) || errors.As(err, &refused) || errors.Is(err, campaigns.ErrNotFound) || errors.Is(err, campaigns.ErrSelf) {
		return exitError{exitIncomplete, err}
	}
	return err
}

// Run lists campaigns.
func (c *campaignsListCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return reading(ctx, g, c.People, func(k *correlator, r *campaigns.Reader) error {
		list, err := c.list(ctx, k.dir, r)
		if err != nil {
			return err
		}
		if c.Format == "json" {
			return writeJSON(std.out, map[string]any{"schema": 1, "campaigns": append([]campaigns.Summary{}, list...)})
		}
		if len(list) == 0 {
			fmt.Fprintln(std.out, "No campaigns. Findings that arrived since are placed by `portcullis campaigns settle`.")
		}
		t := newTheme(std.out)
		for _, s := range list {
			fmt.Fprintf(std.out, "%s  %s  %s\n", t.bold(string(s.ID)), t.severity(s.Severity), daysText(s.First, s.Last))
			fmt.Fprintf(std.out, "      %s to %s%s\n", count(s.Events, "mail"), countPeopleText(s.People), echoText(s))
		}
		return nil
	})
}

func (c *campaignsListCommand) list(ctx context.Context, dir *people.Directory, r *campaigns.Reader) (list []campaigns.Summary, err error) {
	q := campaigns.Query{Ordinary: c.All, Limit: c.Limit}
	if c.Since != "" {
		if q.Since, err = parseSince(c.Since, time.Now()); err != nil {
			return nil, exitError{exitIncomplete, err}
		}
	}
	if c.Person == "" {
		return r.Campaigns(ctx, q)
	}
	ids, err := findPeople(dir, c.Person)
	if err != nil {
		return nil, exitError{exitIncomplete, err}
	}
	seen := map[portcullis.ID]bool{}
	for _, q.Person = range ids {
		some, err := r.Campaigns(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, s := range some {
			if !seen[s.ID] {
				seen[s.ID] = true
				list = append(list, s)
			}
		}
	}
	return list, nil
}

// shownCampaign is the machine form of one campaign.
type shownCampaign struct {
	Schema int `json:"schema"`
	campaigns.Campaign
	Reach *campaigns.Reach `json:"reach,omitempty"`
}

// Run shows one campaign.
func (c *campaignsShowCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return reading(ctx, g, c.People, func(k *correlator, r *campaigns.Reader) error {
		id, err := r.Find(ctx, c.ID)
		if err != nil {
			return err
		}
		shown := shownCampaign{Schema: 1}
		if shown.Campaign, err = r.Campaign(ctx, id); err != nil {
			return err
		}
		if c.Reach {
			reach, err := r.Reach(ctx, id)
			if err != nil {
				return err
			}
			shown.Reach = &reach
		}
		if c.Format == "json" {
			return writeJSON(std.out, shown)
		}
		printCampaign(std.out, newTheme(std.out), k.dir, id, shown)
		return nil
	})
}

// Run explains a campaign in one sentence and per mail, or weighs two mails.
func (c *campaignsExplainCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return reading(ctx, g, c.People, func(k *correlator, r *campaigns.Reader) error {
		t := newTheme(std.out)
		if c.Other == "" {
			return c.campaign(ctx, std.out, t, r)
		}
		pair, err := findEvents(ctx, r, c.ID, c.Other)
		if err != nil {
			return err
		}
		w, err := r.Explain(ctx, pair[0], pair[1])
		if err != nil {
			return err
		}
		if c.Format == "json" {
			return writeJSON(std.out, shownWeighing{1, w})
		}
		printReasons(std.out, t, w.Reasons)
		fmt.Fprintf(std.out, "%s\n", t.bold(weighingText(w)))
		return nil
	})
}

// shownWeighing is the machine form of two mails weighed against each other.
type shownWeighing struct {
	Schema int `json:"schema"`
	campaigns.Weighing
}

// findEvents finds mails by the beginnings of their ids.
func findEvents(ctx context.Context, r *campaigns.Reader, list ...string) (events []portcullis.ID, err error) {
	for _, id := range list {
		event, err := r.FindEvent(ctx, id)
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}

func (c *campaignsExplainCommand) campaign(ctx context.Context, out io.Writer, t theme, r *campaigns.Reader) error {
	id, err := r.Find(ctx, c.ID)
	if err != nil {
		return err
	}
	campaign, err := r.Campaign(ctx, id)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return writeJSON(out, map[string]any{"schema": 1, "campaign": campaign.ID, "sentence": campaigns.Sentence(campaign.Reasons, 6), "reasons": campaign.Reasons, "members": campaign.Members})
	}
	printWrapped(out, t, "", printable(campaigns.Sentence(campaign.Reasons, 6)))
	for _, m := range campaign.Members {
		fmt.Fprintf(out, "\n%s, closest to %s (%.1f bits)\n", t.bold(string(m.Event)), m.With, m.Bits)
		printReasons(out, t, m.Why)
	}
	return nil
}

const takeBackHint = " `portcullis campaigns show` tells the number by which to take this back."

// versionOf is the version that the caller saw: as said, or that of now.
func versionOf(ctx context.Context, w *campaigns.Writer, id portcullis.ID, said int) (int, error) {
	if said > 0 {
		return said, nil
	}
	c, err := w.Summary(ctx, id)
	return c.Version, err
}

// Run merges two campaigns.
func (c *campaignsMergeCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return deciding(ctx, g, func(w *campaigns.Writer, d *decided) error {
		into, err := w.Find(ctx, c.Into)
		if err != nil {
			return err
		}
		from, err := w.Find(ctx, c.From)
		if err != nil {
			return err
		}
		version, err := versionOf(ctx, w, into, c.Version)
		if err != nil {
			return err
		}
		s, err := w.Merge(ctx, userName(), c.Why, into, from, version)
		if err == nil {
			*d = decided{string(s.ID), map[string]string{"merge": string(from), "why": c.Why}, s.Persons}
			fmt.Fprintf(std.out, "%s now has %s to %s.%s\n", s.ID, count(s.Events, "mail"), countPeopleText(s.People), takeBackHint)
		}
		return err
	})
}

// Run splits a campaign.
func (c *campaignsSplitCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return deciding(ctx, g, func(w *campaigns.Writer, d *decided) error {
		id, err := w.Find(ctx, c.ID)
		if err != nil {
			return err
		}
		version, err := versionOf(ctx, w, id, c.Version)
		if err != nil {
			return err
		}
		events, err := findEvents(ctx, &w.Reader, c.Events...)
		if err != nil {
			return err
		}
		s, err := w.Split(ctx, userName(), c.Why, id, events, version)
		*d = decided{string(id), map[string]string{"split": cmp.Or(string(s.ID), string(events[0])), "mails": count(len(events), "mail"), "why": c.Why}, s.Persons}
		switch {
		case err != nil:
			return err
		case s.ID == "":
			fmt.Fprintf(std.out, "%s stands alone now.%s\n", events[0], takeBackHint)
		default:
			fmt.Fprintf(std.out, "%s are %s now.%s\n", count(s.Events+s.Echoes, "mail"), s.ID, takeBackHint)
		}
		return nil
	})
}

// Run takes a decision back.
func (c *campaignsUndoCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return deciding(ctx, g, func(w *campaigns.Writer, d *decided) error {
		if err := w.Undo(ctx, userName(), c.Why, c.Decision); err != nil {
			return err
		}
		*d = decided{"campaigns", map[string]string{"undo": fmt.Sprint(c.Decision), "why": c.Why}, nil}
		fmt.Fprintf(std.out, "Decision %d is taken back.\n", c.Decision)
		return nil
	})
}

// Run places what waits and settles.
func (c *campaignsSettleCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	k, err := openCorrelator(ctx, g, "", false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.app.close()) }()
	if _, err := k.drain(ctx); err != nil {
		return err
	}
	if err := k.placeEarlier(ctx); err != nil {
		return err
	}
	var done campaigns.Settled
	err = k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := campaigns.NewWriter(tx, k.deps())
		defer w.Close()
		done, err = w.Settle(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return writeJSON(std.out, shownSettled{1, done})
	}
	fmt.Fprintf(std.out, "%s with findings are in %s; %s new, %s merged, %s dissolved.\n", count(done.Items, "mail"), count(done.Campaigns, "campaign"), thousands(done.Made), thousands(done.Merged), thousands(done.Dissolved))
	if done.Letters > 0 {
		fmt.Fprintf(std.out, "%s are letters that many people signed and make no campaign.\n", count(done.Letters, "mail"))
	}
	return nil
}

// shownSettled is the machine form of what settling did.
type shownSettled struct {
	Schema int `json:"schema"`
	campaigns.Settled
}

// placeEarlier places findings that nobody handed over: those of scans by a version that knew no campaigns.
func (k *correlator) placeEarlier(ctx context.Context) error {
	found, err := records.NewReader(k.app.store.DB()).Findings(ctx, records.Filter{})
	if err != nil {
		return err
	}
	known := campaigns.NewReader(k.app.store.DB(), k.deps())
	var missing []portcullis.ID
	seen := map[portcullis.ID]bool{}
	for _, f := range found {
		if seen[f.Message.ID] {
			continue
		}
		seen[f.Message.ID] = true
		if has, err := known.Has(ctx, f.Message.ID); err != nil {
			return err
		} else if !has {
			missing = append(missing, f.Message.ID)
		}
	}
	for part := range slices.Chunk(missing, placedAtOnce) {
		if err := k.placeEvents(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// placeEvents places messages that have findings.
func (k *correlator) placeEvents(ctx context.Context, events []portcullis.ID) error {
	var items []campaigns.Item
	for _, event := range events {
		item, ok, err := k.item(ctx, event)
		if err != nil {
			return fmt.Errorf("prepare %s for its campaign: %w", event, err)
		}
		if ok {
			items = append(items, item)
		}
	}
	return k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := campaigns.NewWriter(tx, k.deps())
		defer w.Close()
		for _, item := range items {
			if _, err := w.Put(ctx, item); err != nil {
				return err
			}
		}
		return nil
	})
}
