package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/honey"
	"portcullis.example/portcullis/internal/register/ledger"
	budget "portcullis.example/portcullis/internal/register/meter"
)

type registerCommand struct {
	Status   registerStatusCommand   `cmd:"" help:"How the guard stands: policy, brake, grants, what its counts take."`
	WhoRead  registerWhoReadCommand  `cmd:"" name:"who-read" help:"Which people and programs were given this voter's record, when, for what."`
	WhatRead registerWhatReadCommand `cmd:"" name:"what-read" help:"How much a person was given; with --export whose records, for notification. Takes two approvals."`
	Verify   registerVerifyCommand   `cmd:"" help:"Check the whole ledger, from the first leaf, against published checkpoints."`
	Policy   registerPolicyCommand   `cmd:"" help:"Check the policy; which statements it would allow; what to allow."`
	Grant    registerGrantCommand    `cmd:"" help:"Let somebody read more for a time, with a reason."`
	Withdraw registerWithdrawCommand `cmd:"" help:"End a grant."`
	Request  registerRequestCommand  `cmd:"" help:"Ask for what takes two people."`
	Approve  registerApproveCommand  `cmd:"" help:"Be the second person."`
	Pending  registerPendingCommand  `cmd:"" help:"What waits for a second person."`
	Brake    registerBrakeCommand    `cmd:"" help:"Let the brake go that stops bulk reading. Pulling it by hand is a request."`
	Endings  registerEndCommand      `cmd:"" name:"end-emergency" help:"End a declared emergency early. Declaring and rehearsing are requests."`
	Left     registerLeftCommand     `cmd:"" help:"How much a person has left."`
	Findings registerFindingsCommand `cmd:"" help:"What the guard has found, as JSON lines for the mail side."`
	Token    registerTokenCommand    `cmd:"" help:"Make a supervisor's token."`

	Honey      registerHoneyCommand      `cmd:"" help:"Plant honey voters, and look for them."`
	Extract    registerExtractCommand    `cmd:"" help:"The lawful bulk copy: own honey set per recipient, encrypted, in the ledger."`
	FindCopies registerFindCopiesCommand `cmd:"" name:"find-copies" help:"Where copies of the register lie: file servers, archives, spreadsheets, mailboxes."`
	Demo       registerDemoCommand       `cmd:"" help:"Try the guard on an invented register, with a clerk and a thief."`
}

// supervisor is who acts, by the token that is theirs alone.
type supervisor struct {
	TokenFile string `help:"File with your supervisor's token, readable by you alone." placeholder:"FILE" type:"path" env:"PORTCULLIS_REGISTER_TOKEN_FILE"`
}

func (s supervisor) token() (string, error) {
	if s.TokenFile == "" {
		return "", exitError{exitIncomplete, errors.New("say who you are: --token-file, the file with your supervisor's token")}
	}
	info, err := os.Stat(s.TokenFile)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", exitError{exitIncomplete, fmt.Errorf("%s can be read by others (mode %04o); chmod 600 it, and have the token replaced if somebody could have read it", s.TokenFile, info.Mode().Perm())}
	}
	raw, err := os.ReadFile(s.TokenFile)
	return strings.TrimSpace(string(raw)), err
}

// registerConfig reads the section [register].
func registerConfig(g *Globals) (register.Config, error) {
	cfg, err := loadConfig(g)
	if err != nil {
		return cfg.Register, exitError{exitIncomplete, err}
	}
	if !cfg.Register.On() {
		return cfg.Register, exitError{exitIncomplete, errors.New("the configuration has no section [register]; docs/REGISTER.md shows one")}
	}
	return cfg.Register, nil
}

// act has a running guard do something, or does it in the ledger if none is running.
func (s supervisor) act(ctx context.Context, cfg *register.Config, a register.Act) (answer register.Answer, err error) {
	if a.Token, err = s.token(); err != nil {
		return answer, err
	}
	err = register.Call(ctx, cfg, "POST", "/act", a, &answer)
	if !errors.Is(err, register.ErrNotRunning) {
		return answer, err
	}
	policy, err := budget.Load(cfg.Policy)
	if err != nil {
		return answer, err
	}
	book, err := ledger.Open(cfg.LedgerDir(), cfg.LedgerConfig(slog.New(slog.DiscardHandler)))
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	office, end, err := register.NewOffice(ctx, cfg, book, policy)
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, end()) }()
	return office.Do(ctx, a)
}

// serveRegister runs the guard and nothing else: it is a process of its own, apart from mail.
func (c *serveCommand) serveRegister(ctx context.Context, all Config, std stdio) (err error) {
	cfg := all.Register
	if len(c.Watch) > 0 || c.Exercise != "" || len(all.Sources) > 0 {
		return exitError{exitIncomplete, errors.New("the guard runs as a process of its own, apart from mail: give [register] a configuration file of its own")}
	}
	debug.SetGCPercent(100)
	debug.SetMemoryLimit(2 << 30) // counts of people, not mail: see State in `register status`
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + waitForDisks)
	log := slog.New(slog.NewTextHandler(std.err, nil))
	g, err := register.Open(ctx, cfg, log)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	if err := g.FollowHoney(plantedHoney{filepath.Join(cfg.KeysDir(), "honey")}); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "The register guard listens on %s before %s.\n", cfg.Listen, cfg.Upstream)
	return g.Serve(ctx)
}

// waitForDisks is how many of the runtime's places the ledger's syncs may take without being missed. Where every place is
// taken the runtime looks every 20 µs whether one only waits, which costs more than the syncs do.
const waitForDisks = 2

// plantedHoney are the honey voters that were planted so far.
type plantedHoney struct{ dir string }

// Stamp changes with them.
func (p plantedHoney) Stamp() (string, error) {
	if _, err := os.Stat(p.dir); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	book, err := honey.OpenBook(p.dir)
	if err != nil {
		return "", err
	}
	return book.Stamp()
}

// Load derives them.
func (p plantedHoney) Load(number func([]byte) (uint64, error)) (register.Watch, error) {
	book, err := honey.OpenBook(p.dir)
	if err != nil {
		return nil, err
	}
	w, err := book.Watch(number)
	if err != nil || w.Len() == 0 {
		return nil, err
	}
	return w, nil
}

func (c *registerStatusCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	var s register.Status
	switch err := register.Call(ctx, &cfg, "GET", "/status", nil, &s); {
	case errors.Is(err, register.ErrNotRunning):
		fmt.Fprintln(std.out, "No guard is running: nobody reads through it.")
		return exitError{exitFailed, nil}
	case err != nil:
		return err
	}
	if c.JSON {
		return json.NewEncoder(std.out).Encode(s)
	}
	printStatus(std.out, s)
	return nil
}

type registerStatusCommand struct {
	JSON bool `help:"As JSON."`
}

func printStatus(out io.Writer, s register.Status) {
	shared := "this guard's own"
	if s.Counts.Shared {
		shared = "shared with other guards, last heard of at " + s.Others.Heard.Format("15:04:05")
	}
	fmt.Fprintf(out, "Policy %s, mode %s. Ledger: %s.\n", s.Policy, s.Mode, s.Ledger)
	fmt.Fprintf(out, "Budgets are %s: %d counts, %d KB, the largest %d KB.\n", shared, s.Counts.Subjects, s.Counts.Bytes>>10, s.Counts.Largest>>10)
	fmt.Fprintf(out, "%d rows within the last minute. %d anonymous entries. Catalogue of %s.\n", s.Brake.Rows, s.Anonymous, s.Catalogue.Format("15:04:05"))
	switch {
	case s.Brake.Emergency != nil:
		fmt.Fprintf(out, "EMERGENCY until %s, declared by %s: %s\n", s.Brake.Ends.Format(time.RFC3339), printable(strings.Join(s.Brake.Emergency.By, " and ")), printable(s.Brake.Emergency.Reason))
	case s.Brake.On:
		fmt.Fprintf(out, "BRAKE on until %s: %s\n", s.Brake.Until.Format(time.RFC3339), printable(s.Brake.Why))
	}
	for _, g := range s.Grants {
		fmt.Fprintf(out, "Grant %s: %d more for %s %s until %s, by %s: %s\n", g.ID, g.More, g.Per, printable(g.Who), g.Until.Format(time.RFC3339), printable(g.By), printable(g.Reason))
	}
	switch {
	case s.Rehearsed.IsZero():
		fmt.Fprintln(out, "The emergency has never been rehearsed: `portcullis register request rehearsal`.")
	default:
		fmt.Fprintf(out, "The emergency was rehearsed last on %s.\n", s.Rehearsed.Format(time.DateOnly))
	}
}

type registerLeftCommand struct {
	Person string `arg:"" help:"Whose."`
	supervisor
}

// Run prints what somebody has left.
func (c *registerLeftCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	a, err := c.act(ctx, &cfg, register.Act{Do: "left", Person: c.Person})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BUDGET\tPER\tWINDOW\tALLOWED\tUSED\tLEFT")
	for _, l := range a.Left {
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%d\t%d\t%d\n", printable(l.Budget), l.Per, printable(l.Who), l.Window, l.Limit, l.Used, max(0, l.Limit-l.Used))
	}
	return w.Flush()
}
