package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/source"
)

type watchCommand struct {
	Sources  []string `arg:"" optional:"" name:"SOURCE" help:"Which of the configuration's [[sources]]. Default: all."`
	Once     bool     `help:"End when what is there has been read."`
	Check    bool     `help:"Sign in and list folders, read no mail, and end."`
	People   string   `help:"File of protected people (TOML or CSV). Default: the configuration's." placeholder:"FILE" type:"path"`
	DNS      bool     `name:"dns" help:"Look up SPF, DKIM and DMARC records."`
	Resolver string   `help:"DNS server for --dns, host:port. Default: the system's." placeholder:"ADDR"`
	ExitCode bool     `help:"Exit with 1 if there are findings above informational. For --once."`
	Quiet    bool     `short:"q" help:"Print totals, failures and findings only."`
	Keep     string   `help:"Keep the bytes of which messages: none, findings, all. Default: the configuration's." placeholder:"WHICH"`
}

// Help teaches what the one-line help cannot.
func (watchCommand) Help() string {
	return `Reads mailboxes where they lie: those that the configuration names under [[sources]] (docs/SOURCES.md). It judges what is there, then what comes, until Ctrl-C.

It only reads: no flag changes, and nobody can see by a mailbox that it is read. It can be stopped or killed at any time and goes on from there; nothing is missed and nothing counted twice.

Exit status, with --once: 0 done; 1 with --exit-code, findings above informational; 2 something could not be read; 3 failed.

Examples:
  portcullis watch --config portcullis.toml --check
  portcullis watch --config portcullis.toml --once members
  portcullis watch --config portcullis.toml`
}

// Run checks, or watches.
func (c *watchCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	cfg, err := loadConfig(g)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	chosen, err := chosenSources(cfg.Sources, c.Sources)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if c.Check {
		return checkSources(ctx, chosen, std)
	}
	scan := scanCommand{People: c.People, DNS: c.DNS, Resolver: c.Resolver, ExitCode: c.ExitCode, Quiet: c.Quiet, Keep: c.Keep}
	if scan.People == "" {
		scan.People = cfg.People
	}
	if scan.Keep != "" {
		cfg.Keep = scan.Keep
		if err := cfg.Validate(); err != nil {
			return exitError{exitIncomplete, err}
		}
	}
	who, err := loadPeople(scan.People)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	a, err := openApp(ctx, cfg, false, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	s, err := scan.scanner(ctx, a, who, std)
	if err != nil {
		return err
	}
	return c.watch(ctx, s, &scan, who, chosen, std)
}

// watch runs the sources, and tells what came of it when it is over.
func (c *watchCommand) watch(ctx context.Context, s *scanner, scan *scanCommand, who protected, chosen []sourceConfig, std stdio) error {
	tell := newWatchLines(std.err, c.Quiet, s.report)
	run := sourceRun{scan: s, sources: chosen, once: c.Once, tell: tell}
	if !c.Once {
		run.rest = func(ctx context.Context) error { return scan.place(ctx, s, who) }
		s.told = tell.news
	}
	quit := c.huntKept(ctx, s, who, tell)
	err := runSources(ctx, run)
	quit()
	if err != nil && ofSource(err) {
		if err := scan.finish(ctx, s, who, std, nil); err != nil && !errors.As(err, new(exitError)) {
			return err
		}
		return exitError{exitIncomplete, errors.New("not everything could be read; what failed stands above")}
	}
	return scan.finish(ctx, s, who, std, err)
}

// huntKept holds what comes against the sealed packs that are kept, beside the reading, until quit is called.
func (c *watchCommand) huntKept(ctx context.Context, s *scanner, who protected, tell *watchLines) (quit func()) {
	if c.Once { // the end of a scan does it
		return func() {}
	}
	packs := keptHunt{app: s.app, dir: who.dir, found: func(r packHunted) {
		tell.line("%s", keptText(r))
		if err := s.refreshMatcher(ctx); err != nil {
			tell.line("what was found is not looked for in new mail yet: %v", err)
		}
	}}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		packs.watch(ctx, func(err error) {
			tell.line("new mail was not held against the sealed packs: %v; it is tried again", err)
		})
	}()
	return func() { cancel(); <-ended }
}

// checkSources signs in everywhere and lists what would be read.
func checkSources(ctx context.Context, chosen []sourceConfig, std stdio) error {
	var errs []error
	for i := range chosen {
		if err := checkSource(ctx, &chosen[i], std.out); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return exitError{exitIncomplete, err}
	}
	return nil
}

func checkSource(ctx context.Context, c *sourceConfig, out io.Writer) (err error) {
	src, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	fmt.Fprintf(out, "%s\n", src.Name())
	checker, ok := src.(remote.Checker)
	if !ok {
		return fmt.Errorf("source %s cannot be checked without reading it", src.Name())
	}
	last := ""
	err = checker.Check(ctx, func(f remote.Folder) {
		if f.Mailbox != last {
			last = f.Mailbox
			fmt.Fprintf(out, "  %s\n", printable(f.Mailbox))
		}
		messages := ""
		if f.Messages >= 0 {
			messages = ", " + count(int(f.Messages), "message")
		}
		what := "read" + messages
		if f.Skipped != "" {
			what = "not read: " + f.Skipped
		}
		fmt.Fprintf(out, "    %s  (%s)\n", printable(f.Name), printable(what))
	})
	for _, f := range remote.Failures(err) {
		fmt.Fprintf(out, "  not signed in: %s\n", printable(f.Error()))
	}
	if err != nil {
		return fmt.Errorf("source %s: of its %d mailboxes %d could not be looked at", src.Name(), len(src.Mailboxes()), len(remote.Failures(err)))
	}
	return nil
}

// progressEvery is how often the progress of one source is told.
const progressEvery = 10 * time.Second

// watchLines tells how it goes, line by line.
type watchLines struct {
	quiet  bool
	report *summary
	mu     sync.Mutex
	out    io.Writer            // guarded by mu
	last   map[string]time.Time // guarded by mu: when progress of a source was told
}

func newWatchLines(out io.Writer, quiet bool, report *summary) *watchLines {
	return &watchLines{out: out, quiet: quiet, report: report, last: map[string]time.Time{}}
}

func (l *watchLines) line(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.out, printable(fmt.Sprintf(format, args...)))
}

// progress tells at most every few seconds, and when a mailbox is read to its end after that.
func (l *watchLines) progress(p remote.Progress) {
	l.mu.Lock()
	now := time.Now()
	last, told := l.last[p.Source]
	due := told && now.Sub(last) >= progressEvery
	if due || !told {
		l.last[p.Source] = now
	}
	l.mu.Unlock()
	if l.quiet || !due {
		return
	}
	where := p.Mailbox
	if p.Folder != "" {
		where += " " + p.Folder
	}
	if p.Of > 0 {
		l.line("%s: %s: %s of %s", p.Source, where, thousands(p.Done), thousands(p.Of))
		return
	}
	l.line("%s: %s: %s", p.Source, where, thousands(p.Done))
}

func (l *watchLines) failed(source string, f *remote.Failure, again time.Duration) {
	if again == 0 {
		l.line("%s: %s (%s)", source, f.Error(), f.Kind)
		return
	}
	l.line("%s: %s (%s; tried again in %s)", source, f.Error(), f.Kind, max(again.Round(time.Second), time.Second))
}

func (l *watchLines) recovered(source, mailbox string) {
	l.line("%s: %s answers again", source, mailbox)
}

func (l *watchLines) problem(p source.Problem) {
	l.report.problem(p)
	l.line("%s", p.Error())
}

func (l *watchLines) silent(s remote.Silence) { l.line("%s", silenceText(s)) }

// news tells of what deserves a look as it is found.
func (l *watchLines) news(list []*arrived) {
	for _, a := range list {
		for _, f := range a.verdict.Findings {
			if f.Severity > portcullis.Informational && f.Attention == portcullis.Targeted {
				l.line("%s  %s  %s", f.Severity, shortID(f.ID), statement(f.Summary))
			}
		}
	}
	if n := len(list); n > 0 && !l.quiet {
		l.line("%s new, the last from %s", count(n, "message"), list[n-1].item.Source)
	}
}
