package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/store"
)

type huntCommand struct {
	Patterns   []string `arg:"" optional:"" name:"INDICATOR" help:"Domain, URL, address, @domain, IP, range, hash, message id, or type:value. Defanged notation is understood."`
	Indicators []string `help:"File of indicators: plain lines, CSV, MISP or STIX 2.1 JSON; - reads standard input. May be given several times." placeholder:"FILE"`
	Format     string   `help:"text, json, ndjson or csv." enum:"text,json,ndjson,csv" default:"text"`
	Purpose    string   `help:"Why you ask for an address or a subject. It is logged with your name and the time." placeholder:"TEXT"`
	From       string   `help:"Who holds these indicators, kept with them. Default: what the file says, else its name." placeholder:"SOURCE"`
	Marking    string   `help:"TLP marking to keep them under: clear, green, amber, amber+strict, red." placeholder:"TLP"`
	NoKeep     bool     `help:"Do not keep the indicators: later mail is not matched against them."`
	Since      string   `help:"Only mail from this day on: 2026-11-01, or 30d for the last thirty days." placeholder:"WHEN"`
	Limit      int      `help:"Show at most so many mails of each indicator; all are counted. 0 is all." default:"200"`
	People     string   `help:"File of protected people, for names. Default: the one of the last scan." placeholder:"FILE" type:"path"`
	Verbose    bool     `short:"v" help:"Name the indicators that were not found as well."`

	huntPackFlags
}

// Help teaches what the one-line help cannot.
func (huntCommand) Help() string {
	return `Finds every stored mail in which an indicator appeared, in whatever form: behind link wrappers and redirectors, in parameters and base64, in images and styles.

A domain finds all below it; a URL finds itself with http and with https, and with /* at its end all that begin so; @domain finds every address there. Indicators are kept, and later mail is matched against them as it is scanned.

Addresses and subjects are about people: they need --purpose, which is logged before the answer is given.

Exit status: 0 done, also if nothing was found; 2 some indicators could not be used (the others were looked for); 3 failed.

Examples:
  portcullis hunt news-tracker.example
  portcullis hunt --indicators partner.json --from "partner team" --marking amber
  portcullis hunt --purpose "incident 12" 'subject:Invitation to a briefing'`
}

// Run answers who received what, when, in which form.
func (c *huntCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	if c.Pack != "" {
		return c.huntPackFlags.run(ctx, std, g, c)
	}
	since, err := c.check()
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	list, problems, err := c.read(std)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	list, refused := c.allowed(list)
	incomplete := c.complain(std, problems, refused)
	if len(list) == 0 {
		if incomplete {
			return exitError{exitIncomplete, nil}
		}
		return exitError{exitIncomplete, errors.New("nothing to hunt for; name an indicator, or a file with --indicators")}
	}
	a, err := openExisting(ctx, g, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	logged, err := c.logged(ctx, a, list)
	if err != nil {
		return err
	}
	if err := c.answer(ctx, std, a, list, since); err != nil {
		return err
	}
	if !logged && !c.NoKeep {
		if err := c.keep(ctx, std, a.cfg, list); err != nil {
			return err
		}
	}
	if incomplete {
		return exitError{exitIncomplete, nil}
	}
	return nil
}

func (c *huntCommand) check() (since time.Time, err error) {
	if c.Since != "" {
		if since, err = parseSince(c.Since, time.Now()); err != nil {
			return since, err
		}
	}
	if c.Limit < 0 {
		return since, fmt.Errorf("--limit %d: want a number of mails, or 0 for all", c.Limit)
	}
	c.Marking, err = archive.ParseMarking(c.Marking)
	c.Purpose = strings.TrimSpace(c.Purpose)
	return since, err
}

// read gathers the indicators of the command line and of the files.
func (c *huntCommand) read(std stdio) (list []portcullis.Indicator, problems []archive.Problem, err error) {
	for _, text := range c.Patterns {
		p, err := archive.ParsePattern(text)
		if err != nil {
			problems = append(problems, archive.Problem{File: "command line", Message: err.Error()})
			continue
		}
		for _, p := range c.readings(text, p) {
			list = append(list, portcullis.Indicator{Pattern: p, Source: cmp.Or(c.From, "hunt"), Marking: c.Marking})
		}
	}
	for _, name := range c.Indicators {
		fromFile, more, err := c.readFile(std, name)
		if err != nil {
			return nil, nil, err
		}
		problems = append(problems, more...)
		for _, i := range fromFile {
			i.Source = cmp.Or(c.From, i.Source, filepath.Base(name))
			i.Marking = cmp.Or(c.Marking, i.Marking)
			list = append(list, i)
		}
	}
	return list, problems, nil
}

// readings adds what <a@b.example> may be as well. Message ids and addresses are both written so; where it
// looks like an address, the id is looked for too, and that alone where no purpose is stated.
func (c *huntCommand) readings(text string, p portcullis.Observable) []portcullis.Observable {
	text = strings.TrimSpace(text)
	if p.Type != portcullis.TypeEmail || !strings.HasPrefix(text, "<") || !strings.HasSuffix(text, ">") {
		return []portcullis.Observable{p}
	}
	id, err := observable.Canonical(portcullis.TypeMessageID, text)
	switch {
	case err != nil:
		return []portcullis.Observable{p}
	case c.Purpose == "":
		return []portcullis.Observable{id}
	}
	return []portcullis.Observable{id, p}
}

func (c *huntCommand) readFile(std stdio, name string) ([]portcullis.Indicator, []archive.Problem, error) {
	if name == "-" {
		return archive.ReadIndicators("standard input", std.in)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("indicators: %w", err)
	}
	defer f.Close()
	return archive.ReadIndicators(name, f)
}

// allowed leaves out what asks about people, unless a purpose is stated.
func (c *huntCommand) allowed(list []portcullis.Indicator) (kept []portcullis.Indicator, refused int) {
	if c.Purpose != "" {
		return list, 0
	}
	for _, i := range list {
		if archive.Personal(i.Pattern) {
			refused++
			continue
		}
		kept = append(kept, i)
	}
	return kept, refused
}

// complain tells what is not looked for, and whether that is somebody's mistake.
func (c *huntCommand) complain(std stdio, problems []archive.Problem, refused int) (incomplete bool) {
	for i, p := range problems {
		incomplete = incomplete || !p.Note
		if i < maxProblems || c.Verbose {
			fmt.Fprintln(std.err, "portcullis:", printable(p.Error()))
		} else if i == maxProblems {
			fmt.Fprintf(std.err, "portcullis: … and %d more; -v tells all\n", len(problems)-i)
		}
	}
	if refused > 0 {
		fmt.Fprintf(std.err, "portcullis: %s not looked for: addresses and subjects lead to people and what they write about, so asking for one needs a reason. State it with --purpose TEXT; it is logged with your name and the time.\n",
			count(refused, "indicator"))
	}
	return incomplete || refused > 0
}

// logged writes down who asks about people, and keeps the indicators with it. If
// that cannot be written there is no answer either.
func (c *huntCommand) logged(ctx context.Context, a *app, list []portcullis.Indicator) (bool, error) {
	var personal []portcullis.Observable
	for _, i := range list {
		if archive.Personal(i.Pattern) {
			personal = append(personal, i.Pattern)
		}
	}
	if len(personal) == 0 {
		return false, nil
	}
	err := writeArchive(ctx, a.cfg, func(w *archive.Writer) error {
		now := time.Now()
		if err := w.LogPurpose(ctx, now, userName(), c.Purpose, personal); err != nil {
			return err
		}
		if c.NoKeep {
			return nil
		}
		_, err := w.AddIndicators(ctx, list, now)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("the purpose could not be logged, so the question is not answered: %w", err)
	}
	return true, nil
}

// userName is who asks, as the system knows them.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("user %d", os.Getuid())
}

// keep stores the indicators, unless another process is writing.
func (c *huntCommand) keep(ctx context.Context, std stdio, cfg Config, list []portcullis.Indicator) error {
	fresh := 0
	err := writeArchive(ctx, cfg, func(w *archive.Writer) (err error) {
		fresh, err = w.AddIndicators(ctx, list, time.Now())
		return err
	})
	var locked *store.LockedError
	switch {
	case errors.As(err, &locked), errors.Is(err, store.ErrReadOnly), errors.Is(err, store.ErrPermission):
		fmt.Fprintf(std.err, "portcullis: the indicators were not kept: %v. Hunt again once it can be written, or say --no-keep.\n", err)
		return nil
	case err != nil:
		return fmt.Errorf("keep the indicators: %w", err)
	}
	if c.Format == "text" && fresh > 0 {
		fmt.Fprintf(std.out, "%s kept, for mail that is scanned from now on. --no-keep keeps none.\n", count(fresh, "new indicator"))
	}
	return nil
}

// writeArchive runs fn in one transaction of the store, opened for writing.
func writeArchive(ctx context.Context, cfg Config, fn func(*archive.Writer) error) (err error) {
	a, err := openApp(ctx, cfg, false, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	return a.store.Tx(ctx, func(tx *sql.Tx) error {
		w := archive.NewWriter(tx)
		defer w.Close()
		return fn(w)
	})
}

func (c *huntCommand) answer(ctx context.Context, std stdio, a *app, list []portcullis.Indicator, since time.Time) error {
	moment, err := newSnapshot(ctx, a.store.DB())
	if err != nil {
		return err
	}
	defer moment.close()
	reader := records.NewReader(moment)
	dir, err := lastPeople(ctx, reader, c.People)
	if err != nil {
		return err
	}
	out, err := c.output(std)
	if err != nil {
		return err
	}
	hunt := &mailHunt{ctx: ctx, reader: reader, dir: dir, since: since, limit: c.Limit, out: out}
	if err := hunt.run(archive.NewReader(moment).WithKey(a.key), list); err != nil {
		return err
	}
	return out.end(hunt.totals)
}
