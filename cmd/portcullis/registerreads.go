package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
	budget "portcullis.example/portcullis/internal/register/meter"
)

type registerSpan struct {
	Between string `help:"From when: a day, a time, or 30d. Default: the beginning." placeholder:"WHEN"`
	And     string `help:"Until when. Default: now." placeholder:"WHEN"`
}

func (b registerSpan) times(now time.Time) (from, to time.Time, err error) {
	from, to = time.Unix(0, 0).UTC(), now
	if b.Between != "" {
		if from, err = parseSince(b.Between, now); err != nil {
			return from, to, exitError{exitIncomplete, err}
		}
	}
	if b.And != "" {
		if to, err = parseSince(b.And, now); err != nil {
			return from, to, exitError{exitIncomplete, err}
		}
	}
	if to.After(now) { // of what is to come nothing can be told, nor that it is missing
		to = now
	}
	return from, to, nil
}

type registerWhoReadCommand struct {
	Voter  string `arg:"" help:"The voter's key in the register."`
	Format string `help:"text or json." enum:"text,json" default:"text"`
	Reason string `help:"Why it is asked. It stands in the ledger." required:""`
	registerSpan
	supervisor
}

type registerWhatReadCommand struct {
	Person  string `arg:"" help:"Who."`
	Request string `help:"The approved request: portcullis register request what-read PERSON." required:"" placeholder:"ID"`
	Export  string `help:"Write the keys of the voters to this file, for notification." placeholder:"FILE" type:"path"`
	registerSpan
	supervisor
}

type registerVerifyCommand struct {
	Checkpoints []string `help:"Published checkpoints to compare with." placeholder:"FILE" type:"path" name:"checkpoint"`
	Key         []string `help:"Public key that signed them, from where it was kept safe; witnesses' too." placeholder:"FILE" type:"path"`
	Format      string   `help:"text or json." enum:"text,json" default:"text"`
}

// look asks whether one may, and has it noted.
func (s supervisor) look(ctx context.Context, cfg *register.Config, a register.Act) (*ledger.View, error) {
	a.Do = "look"
	if _, err := s.act(ctx, cfg, a); err != nil {
		return nil, err
	}
	return ledger.OpenView(ctx, cfg.LedgerDir(), cfg.LedgerConfig(slog.New(slog.DiscardHandler)))
}

// Run answers for one voter.
func (c *registerWhoReadCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	from, to, err := c.times(time.Now())
	if err != nil {
		return err
	}
	view, err := c.look(ctx, &cfg, register.Act{Text: "who read one voter's record: " + c.Reason})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	h, err := view.WhoRead(ctx, []byte(c.Voter), from, to)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return json.NewEncoder(std.out).Encode(map[string]any{"schema": 1, "voter": c.Voter, "history": h})
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	if len(h.Readings) > 0 {
		fmt.Fprintln(w, "WHEN (UTC, to the minute)\tPERSON\tPROGRAM\tPURPOSE\tSTATEMENT")
	} else {
		fmt.Fprintln(w, "As far as the ledger can tell, nobody was given this record.")
	}
	for _, r := range h.Readings {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%016x\n", r.Time.UTC().Format("2006-01-02 15:04"), printable(r.Principal), printable(r.Program), printable(r.Purpose), r.Statement)
	}
	printGaps(w, h.Gaps)
	return w.Flush()
}

// printGaps says for which times there is no answer: that is part of every answer.
func printGaps(out io.Writer, gaps []ledger.Gap) {
	if len(gaps) == 0 {
		return
	}
	fmt.Fprintln(out, "\nFor these times the ledger cannot tell:")
	for _, g := range gaps {
		from := "the beginning"
		if g.From.Unix() > 0 {
			from = g.From.UTC().Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(out, "  %s to %s: %s\n", from, g.Until.UTC().Format("2006-01-02 15:04:05"), printable(g.Why))
	}
}

// Run tells how much somebody was given; whose, only into a file.
func (c *registerWhatReadCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	from, to, err := c.times(time.Now())
	if err != nil {
		return err
	}
	act := register.Act{ID: c.Request, Person: c.Person, Text: "what " + c.Person + " read"}
	act.Request.What = register.AskWhatRead
	view, err := c.look(ctx, &cfg, act)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	read, err := view.WhatRead(ctx, c.Person, from, to)
	if err != nil {
		return err
	}
	totals, err := view.Totals(ctx, from, to)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s was given %s, %s.\n", printable(c.Person), count(read.Len(), "voter's record"), count(read.Disclosures, "disclosure"))
	for _, t := range slices.DeleteFunc(totals, func(t ledger.Total) bool { return t.Principal != c.Person }) {
		fmt.Fprintf(std.out, "  with %s for %s: %s\n", printable(t.Program), printable(t.Purpose), count(t.Voters, "voter"))
	}
	printGaps(std.out, read.Gaps)
	if c.Export == "" {
		return nil
	}
	return exportVoters(c.Export, read, std)
}

func exportVoters(path string, read *ledger.Notified, std stdio) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = read.Export(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "The keys of %s are in %s, for notification. The file is a register in small: delete it when they have been told.\n", count(read.Len(), "voter"), path)
	return nil
}

// Run verifies.
func (c *registerVerifyCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	known, err := c.keys(&cfg)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	seen, err := c.checkpoints(originOf(&cfg), known)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	own, damaged := ownCheckpoint(&cfg, known) // before the ledger: a running guard goes on
	began := time.Now()
	report, err := ledger.Verify(ctx, cfg.LedgerDir(), cfg.LedgerConfig(slog.New(slog.DiscardHandler)), append(seen, own...)...)
	if err != nil {
		return err
	}
	report.Damage = append(report.Damage, damaged...)
	if c.Format == "json" {
		err = json.NewEncoder(std.out).Encode(report)
	} else {
		fmt.Fprintf(std.out, "%d leaves, %d disclosures, %s agreed with, in %v.\n", report.Leaves, report.Disclosures, count(report.Checkpoints, "checkpoint"), time.Since(began).Round(time.Millisecond))
		printWaiting(ctx, std.out, &cfg, report)
		for _, d := range report.Damage {
			fmt.Fprintln(std.out, "DAMAGE:", printable(d.String()))
		}
	}
	if !report.OK() {
		return exitError{exitFailed, err}
	}
	return err
}

// printWaiting tells what is recorded and in no leaf yet, and when it will be.
func printWaiting(ctx context.Context, out io.Writer, cfg *register.Config, r *ledger.Report) {
	if r.SealedSince > 0 {
		fmt.Fprintf(out, "%d more leaves were sealed while this ran; run it again to have them checked too.\n", r.SealedSince)
	}
	w := r.Waiting
	if w.Disclosures == 0 && w.Entries == 0 {
		fmt.Fprintln(out, "Everything that is recorded is in leaves.")
		return
	}
	var status register.Status
	when := "within an hour of the guard's next start (none is running)"
	if err := register.Call(ctx, cfg, "GET", "/status", nil, &status); !errors.Is(err, register.ErrNotRunning) {
		when = "by " + w.SealedBy.Format("2006-01-02 15:04") + " UTC at the latest, or when the guard stops"
	}
	fmt.Fprintf(out, "Recorded since %s UTC and not yet sealed: %s and %s, whole by their checksums. They become leaves %s.\n",
		w.From.Format("2006-01-02 15:04"), count(int(w.Disclosures), "disclosure"), countEntries(int(w.Entries)), when)
}

// keys are those by which signatures are known: the ledger's own unless others are given.
func (c *registerVerifyCommand) keys(cfg *register.Config) (note.Verifiers, error) {
	keys := c.Key
	if len(keys) == 0 {
		keys = []string{filepath.Join(cfg.KeysDir(), "checkpoint.pub")}
	}
	var known []note.Verifier
	for _, path := range keys {
		raw, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) && len(c.Key) == 0 && len(c.Checkpoints) == 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		v, err := note.NewVerifier(strings.TrimSpace(string(raw)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		known = append(known, v)
	}
	return note.VerifierList(known...), nil
}

func originOf(cfg *register.Config) string { return cmp.Or(cfg.Origin, "portcullis.invalid/register") }

// checkpoints reads those that were published, each with a signature that one of the keys knows.
func (c *registerVerifyCommand) checkpoints(origin string, known note.Verifiers) (all []ledger.Checkpoint, err error) {
	for _, path := range c.Checkpoints {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		cp, err := ledger.OpenCheckpoint(raw, origin, known)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, cp)
	}
	return all, nil
}

// ownCheckpoint is the one that lies in the ledger itself, if anything is sealed yet. Who can write there can replace it, so
// it proves less than a published one; that it is as it was signed has to hold all the same.
func ownCheckpoint(cfg *register.Config, known note.Verifiers) ([]ledger.Checkpoint, []ledger.Damage) {
	path := filepath.Join(cfg.LedgerDir(), "log", "checkpoint")
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		var own ledger.Checkpoint
		if own, err = ledger.OpenCheckpoint(raw, originOf(cfg), known); err == nil {
			return []ledger.Checkpoint{own}, nil
		}
	}
	return nil, []ledger.Damage{{What: fmt.Sprintf("the ledger's own checkpoint (%s) is not as it was signed: %v; compare with a published one", path, err)}}
}

type registerPolicyCommand struct {
	Check  registerPolicyCheckCommand  `cmd:"" help:"Read the policy and tell what is wrong."`
	Reload registerPolicyReloadCommand `cmd:"" help:"Have the running guard read it again; on an error the old one stays."`
	Test   registerPolicyTestCommand   `cmd:"" help:"Which statements the policy would allow, from a log of PostgreSQL's or a file with one a line."`
	Learn  registerPolicyLearnCommand  `cmd:"" help:"Write an allow-list of what was seen: in a log, or by the guard."`
}

type (
	registerPolicyCheckCommand  struct{}
	registerPolicyReloadCommand struct{}
	registerPolicyTestCommand   struct {
		Log     string `arg:"" help:"The log; - for standard input."`
		Role    string `help:"For this role."`
		Purpose string `help:"For this purpose."`
	}
	registerPolicyLearnCommand struct {
		Log  string `arg:"" optional:"" help:"A log. Default: what the guard has seen."`
		Role string `help:"For this role."`
	}
)

// Run checks the policy.
func (c *registerPolicyCheckCommand) Run(std stdio, g *Globals) error {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	p, err := budget.Load(cfg.Policy)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	fmt.Fprintf(std.out, "The policy is in order: version %s, mode %s, %s.\n", p.Version(), p.Mode, count(len(p.Budgets), "budget"))
	return nil
}

// Run has the guard read the policy again.
func (c *registerPolicyReloadCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	var answer register.Answer
	if err := register.Call(ctx, &cfg, "POST", "/reload", nil, &answer); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "In force: version %s.\n", answer.Text)
	return nil
}

// Run tests statements.
func (c *registerPolicyTestCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	refused := 0
	err := eachStatement(ctx, std, g, c.Log, budget.Subject{Role: c.Role, Purpose: c.Purpose}, func(_ *register.Tester, line int, v register.Verdict) error {
		word := "allowed"
		if !v.Allowed {
			word = "REFUSED"
			refused++
		}
		fmt.Fprintf(std.out, "line %d: %s, %s, %s", line, word, v.Plan.Kind, v.Plan.Fingerprint)
		if v.Why != "" {
			fmt.Fprintf(std.out, ": %s", printable(v.Why))
		}
		fmt.Fprintln(std.out)
		return nil
	})
	if err == nil && refused > 0 {
		return exitError{exitFindings, nil}
	}
	return err
}

func eachStatement(ctx context.Context, std stdio, g *Globals, log string, who budget.Subject, fn func(*register.Tester, int, register.Verdict) error) (err error) {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	in := std.in
	if log != "-" {
		f, err := os.Open(log)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	t, err := register.OpenTester(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	return register.Statements(in, func(line int, text string) error {
		all, err := t.Judge(text, who)
		if err != nil {
			fmt.Fprintf(std.out, "line %d: REFUSED: %s\n", line, printable(err.Error()))
			return nil
		}
		for _, v := range all {
			if err := fn(t, line, v); err != nil {
				return err
			}
		}
		return nil
	})
}

// Run writes an allow-list.
func (c *registerPolicyLearnCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	if c.Log == "" {
		cfg, err := registerConfig(g)
		if err != nil {
			return err
		}
		all, err := register.ReadLearned(cfg.Data)
		if err != nil {
			return err
		}
		return register.TOML(std.out, all)
	}
	learner := register.NewLearner()
	err := eachStatement(ctx, std, g, c.Log, budget.Subject{Role: c.Role}, func(t *register.Tester, _ int, v register.Verdict) error {
		if v.Plan.Kind.String() != "pass" && v.Plan.Refusal == nil {
			learner.Add(c.Role, &v.Plan)
			learner.Outline(v.Plan.Fingerprint, func() string { return t.Outline(&v) })
		}
		return nil
	})
	if err != nil {
		return err
	}
	return register.TOML(std.out, learner.All())
}
