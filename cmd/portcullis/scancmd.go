package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/authn/lookup"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/mail/source"
)

type scanCommand struct {
	Mail       []string `arg:"" name:"MAILBOX" help:"Files and folders to read: .eml, mbox, Maildir, .msg, .pst, .ost, .emlx, .gz, .zst, .zip, .tar of any of them; - reads standard input." type:"path"`
	People     string   `help:"File of protected people (TOML or CSV)." placeholder:"FILE" type:"path"`
	Verdicts   string   `help:"Write one JSON line per message, in input order, to this file (see docs/VERDICTS.md)." placeholder:"FILE" type:"path"`
	DNS        bool     `name:"dns" help:"Look up SPF, DKIM and DMARC records. Without it no socket is opened."`
	Resolver   string   `help:"DNS server for --dns, host:port. Default: the system's." placeholder:"ADDR"`
	Nested     bool     `help:"Judge messages that are attached to others for themselves as well, as people report mail by attaching it."`
	Journal    bool     `help:"The mailboxes are Exchange journals: judge what each report reports on, with the recipients it states. Only for mailboxes that nobody outside can write to."`
	BulkCopies bool     `help:"Look for lists of people only (register copies), as on a file server."`
	Again      bool     `help:"Read every file again, whatever earlier scans have read. Judged messages are not judged twice."`
	Rejudge    bool     `help:"Read every file again, and judge again what was judged with another people file than this one."`
	ExitCode   bool     `help:"Exit with 1 if there are findings above informational."`
	Quiet      bool     `short:"q" help:"Print totals only."`
	Keep       string   `help:"Keep the bytes of which messages: none, findings, all. Default: the configuration's." placeholder:"WHICH"`
}

// Help teaches what the one-line help cannot.
func (scanCommand) Help() string {
	return `Reads mail, judges every message, compares the copies of one mail that different people got, and prints person by person what deserves a look.

A scan can be interrupted with Ctrl-C at any time; the same command goes on from where it stopped. Scanning the same mail again changes nothing.

Exit status: 0 done; 1 with --exit-code, findings above informational; 2 something could not be read; 3 failed.

Examples:
  portcullis scan --people people.toml ~/export.mbox /var/vmail
  zstdcat archive.mbox.zst | portcullis scan --people people.toml -`
}

// Run scans.
func (c *scanCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	cfg, err := loadConfig(g)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if c.People == "" {
		c.People = cfg.People
	}
	if c.Keep != "" {
		cfg.Keep = c.Keep
		if err := cfg.Validate(); err != nil {
			return exitError{exitIncomplete, err}
		}
	}
	who, err := loadPeople(c.People)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	a, err := openApp(ctx, cfg, false, g.Config == "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	s, err := c.scanner(ctx, a, who, std)
	if err != nil {
		return err
	}
	return c.scan(ctx, s, who, std)
}

// scanner wires a scan from top to bottom.
func (c *scanCommand) scanner(ctx context.Context, a *app, who protected, std stdio) (*scanner, error) {
	model, err := loadModel(a.dir)
	if err != nil {
		return nil, err
	}
	base, err := newFactsBase(a.cfg, who, model)
	if err != nil {
		return nil, err
	}
	kept, err := archive.NewReader(a.store.DB()).Indicators(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	s := &scanner{
		app: a, judge: mail.NewJudge(who.dir, a.cfg.Mail, model),
		gatherer: &gatherer{cfg: a.cfg.Mail, dir: who.dir, key: a.key, base: base, bulk: c.BulkCopies},
		report:   newSummary(time.Now()), now: time.Now, fresh: c.Again || c.Rejudge || c.Verdicts != "", rejudge: c.Rejudge,
	}
	s.gatherer.matcher.Store(archive.NewMatcher(kept))
	if c.DNS {
		if s.gatherer.resolver, err = lookup.NewLive(c.Resolver, 5*time.Second); err != nil {
			return nil, exitError{exitIncomplete, err}
		}
	}
	bytes, _ := source.Size(c.Mail)
	s.meter = newMeter(std.err, bytes)
	if c.Verdicts != "" {
		if s.spool, err = newSpool(c.Verdicts); err != nil {
			return nil, err
		}
	}
	if err := s.putInputs(ctx, who, model); err != nil {
		if s.spool != nil {
			s.spool.close()
		}
		return nil, err
	}
	return s, nil
}

func (c *scanCommand) scan(ctx context.Context, s *scanner, who protected, std stdio) error {
	if s.spool != nil {
		defer s.spool.close()
	}
	s.meter.start("reading")
	err := s.scan(ctx, c.Mail, source.Config{Stdin: std.in, Nested: c.Nested, Journal: c.Journal})
	s.meter.stop()
	return c.finish(ctx, s, who, std, err)
}

// finish compares, places and tells what reading came to.
func (c *scanCommand) finish(ctx context.Context, s *scanner, who protected, std stdio, err error) error {
	if err == nil {
		err = s.settle(ctx)
	}
	if err == nil {
		err = c.place(ctx, s, who)
	}
	if err != nil {
		if errors.Is(err, context.Canceled) {
			s.report.stopped(std.err, s.app.temporary)
			return exitError{exitFailed, nil}
		}
		return err
	}
	fromPacks, err := s.huntKept(ctx, who)
	if err != nil {
		return err
	}
	reader := records.NewReader(s.app.store.DB())
	if s.spool != nil {
		if err := s.spool.write(ctx, reader); err != nil {
			return err
		}
	}
	found, err := reader.Findings(ctx, records.Filter{})
	if err != nil {
		return err
	}
	s.report.print(std.out, printing{people: who.dir, found: found, reader: reader, ctx: ctx, quiet: c.Quiet, temporary: s.app.temporary, dir: s.app.dir})
	for _, line := range fromPacks {
		fmt.Fprintln(std.out, printable(line))
	}
	return c.verdict(s, found)
}

// place puts what was found into campaigns, unless all of it is thrown away at the end.
func (c *scanCommand) place(ctx context.Context, s *scanner, who protected) error {
	if s.app.temporary {
		return nil
	}
	lists, _, err := s.app.warninglists()
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	links := &correlator{app: s.app, dir: who.dir, judge: s.judge, base: s.gatherer.base, lists: lists, now: s.now}
	changed, err := links.drain(ctx)
	if err != nil || len(changed) == 0 {
		return err
	}
	return links.settle(ctx)
}

// verdict is the exit status.
func (c *scanCommand) verdict(s *scanner, found []records.Found) error {
	if len(s.report.problems) > 0 {
		return exitError{exitIncomplete, nil}
	}
	if c.ExitCode {
		for _, f := range found {
			if f.Finding.Severity > portcullis.Informational {
				return exitError{exitFindings, nil}
			}
		}
	}
	return nil
}

// putInputs keeps what this run judges with, so that any revision can be
// replayed later.
func (s *scanner) putInputs(ctx context.Context, who protected, model mail.TextModel) error {
	return s.app.tx(ctx, func(w *records.Writer) error {
		now := s.now()
		base := s.gatherer.base
		if err := w.PutInput(ctx, base.people, "people", who.raw, now); err != nil {
			return err
		}
		if err := w.PutInput(ctx, base.config, "config", base.configJSON, now); err != nil {
			return err
		}
		if base.model == "" {
			return nil
		}
		return w.PutInput(ctx, base.model, "model", model.Encode(), now)
	})
}

// indicatorMatches looks for kept indicators among a message's observables.
func (g *gatherer) match(entries []archive.Entry) (list []mail.Match) {
	matcher := g.matcher.Load()
	for _, e := range entries {
		matcher.Match(e, func(i portcullis.Indicator) {
			list = append(list, mail.Match{
				Indicator: i.ID(), Observable: i.Pattern, Form: e.Form, Part: e.Part, Start: e.Start, End: e.End,
				Source: i.Source, Marking: i.Marking,
			})
		})
		if len(list) >= maxMatches {
			break
		}
	}
	return list
}

const maxMatches = 100 // of kept indicators in one message

// seal puts observables into the form in which they are stored.
func (g *gatherer) seal(entries []archive.Entry) []archive.Entry {
	for i := range entries {
		entries[i].Observable = g.key.Seal(entries[i].Observable, g.ownAddress)
	}
	return entries
}

func sightings(f *mail.Facts) (list []portcullis.Sighting) {
	seen := map[portcullis.ID]bool{}
	for _, m := range f.Indicators {
		if !seen[m.Indicator] {
			seen[m.Indicator] = true
			list = append(list, portcullis.Sighting{Indicator: m.Indicator, Event: portcullis.ID(f.Event), Time: f.Time})
		}
	}
	return list
}

// exists tells whether a file is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
