package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/web/access"
)

type auditCommand struct {
	Show       auditShowCommand       `cmd:"" help:"Who looked at what and did what, the latest first."`
	Verify     auditVerifyCommand     `cmd:"" help:"Check that the logs are as they were written, and as witnessed outside."`
	Checkpoint auditCheckpointCommand `cmd:"" help:"Sign where the logs stand, to be kept by somebody else."`
}

type auditShowCommand struct {
	Person string `help:"Only what concerns this person: name, address or id." placeholder:"WHO"`
	By     string `help:"Only what this user did, by name." placeholder:"NAME"`
	Kind   string `help:"Only this kind of act, such as see-evidence." placeholder:"ACT"`
	Since  string `help:"Only from this day on: 2026-11-01, or 30d for the last thirty days." placeholder:"WHEN"`
	Words  bool   `help:"With what people wrote: reasons, purposes, what was hunted."`
	Limit  int    `help:"At most so many." default:"200"`
	Format string `help:"text, json or ndjson." enum:"text,json,ndjson" default:"text"`
	People string `help:"File of protected people, for names. Default: the one of the last scan." placeholder:"FILE" type:"path"`
}

type auditVerifyCommand struct {
	Witnessed string `help:"Folder of checkpoints to compare with." placeholder:"DIR" type:"path"`
	Key       string `help:"Public key of the checkpoints, from where it was kept safe." placeholder:"FILE" type:"path"`
}

type auditCheckpointCommand struct {
	Out string `help:"Folder to add the checkpoints of all logs to. Default: print that of the audit." placeholder:"DIR" type:"path"`
	Key string `help:"Signing key; made when there is none. Default: key_file of [desk.witness]." placeholder:"FILE" type:"path"`
}

type tokenCommand struct {
	Make tokenMakeCommand `cmd:"" help:"Write a new bearer token for /api/v1 to a file."`
}

type tokenMakeCommand struct {
	Name string `arg:"" help:"What the token is for; the audit shows it."`
	File string `help:"File to write; there must be none of that name." required:"" placeholder:"FILE" type:"path"`
}

// Run prints the audit.
func (c *auditShowCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, _, dir, err := openForReading(ctx, g, c.People)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	keep, err := c.filter(dir)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	lines, err := c.lines(ctx, a.store.DB(), keep)
	if err != nil {
		return err
	}
	if c.Format != "text" {
		return c.machine(std.out, lines)
	}
	if len(lines) == 0 {
		fmt.Fprintln(std.out, "Nothing in the audit.")
	}
	for _, l := range lines {
		printAudit(std.out, dir, l)
	}
	return nil
}

// filter is what a line must be to be shown.
func (c *auditShowCommand) filter(dir *people.Directory) (keep func(access.Line) bool, err error) {
	var who []portcullis.ID
	var since time.Time
	if c.Person != "" {
		if who, err = findPeople(dir, c.Person); err != nil {
			return nil, err
		}
	}
	if c.Since != "" {
		if since, err = parseSince(c.Since, time.Now()); err != nil {
			return nil, err
		}
	}
	return func(l access.Line) bool {
		concerns := len(who) == 0 || slices.ContainsFunc(l.People, func(p portcullis.ID) bool { return slices.Contains(who, p) })
		return concerns && (c.By == "" || strings.EqualFold(l.Who, c.By)) && (c.Kind == "" || l.Kind == c.Kind) && !l.Time.Before(since)
	}, nil
}

func (c *auditShowCommand) lines(ctx context.Context, q chain.Querier, keep func(access.Line) bool) (kept []access.Line, err error) {
	for before := int64(0); ; {
		batch, err := access.Lines(ctx, q, before, 500, c.Words)
		if err != nil || len(batch) == 0 {
			return kept, err
		}
		for _, l := range batch {
			if before = l.Seq; keep(l) {
				kept = append(kept, l)
			}
			if len(kept) == c.Limit {
				return kept, nil
			}
		}
	}
}

func (c *auditShowCommand) machine(out io.Writer, lines []access.Line) error {
	enc := json.NewEncoder(out)
	if c.Format == "json" {
		if lines == nil {
			lines = []access.Line{}
		}
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"schema": 1, "audit": lines})
	}
	for _, l := range lines {
		if err := enc.Encode(struct {
			Schema int `json:"schema"`
			access.Line
		}{1, l}); err != nil {
			return err
		}
	}
	return nil
}

func printAudit(out io.Writer, dir *people.Directory, l access.Line) {
	what := l.Kind
	if l.Refused {
		what += " (refused)"
	}
	fmt.Fprintf(out, "%6d  %s  %s  %s  %s\n", l.Seq, l.Time.Format("2006-01-02 15:04:05"), printable(l.Who), printable(what), printable(l.Subject))
	if len(l.People) > 0 {
		fmt.Fprintf(out, "        concerns %s\n", printable(nameAll(dir, l.People)))
	}
	if l.Why != "" {
		fmt.Fprintf(out, "        %s\n", printable(l.Why))
	}
	if l.Detail != nil {
		fmt.Fprintf(out, "        %s\n", printable(string(l.Detail)))
	}
}

// Run checks every log, and the checkpoints in a folder if one is named.
func (c *auditVerifyCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	if (c.Witnessed == "") != (c.Key == "") {
		return exitError{exitIncomplete, errors.New("--witnessed and --key belong together: the folder, and the public key it is checked with")}
	}
	a, _, _, err := openForReading(ctx, g, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	broken, err := verifyLogs(ctx, std.out, a.store.DB())
	if err != nil {
		return err
	}
	if c.Witnessed != "" {
		n, err := c.compare(ctx, std.out, a.store.DB())
		if err != nil {
			return err
		}
		broken += n
	}
	if broken > 0 {
		return exitError{exitFailed, fmt.Errorf("%s not what was written; docs/ACCESS.md says what to do", are(broken, "log"))}
	}
	return nil
}

func are(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " is"
	}
	return count(n, thing) + " are"
}

func verifyLogs(ctx context.Context, out io.Writer, q chain.Querier) (broken int, err error) {
	heads, err := chain.Heads(ctx, q)
	if err != nil {
		return 0, err
	}
	if !slices.ContainsFunc(heads, func(h chain.Head) bool { return h.Log == access.Log }) {
		heads = append(heads, chain.Head{Log: access.Log}) // its entries may be there without a head
	}
	for _, h := range heads {
		verify := chain.Verify
		if h.Log == access.Log {
			verify = func(ctx context.Context, q chain.Querier, _ string) (chain.Head, error) {
				return access.VerifyAudit(ctx, q)
			}
		}
		head, err := verify(ctx, q, h.Log)
		var wrong *chain.BrokenError
		switch {
		case errors.As(err, &wrong):
			broken++
			fmt.Fprintf(out, "%s: %s\n", printable(h.Log), printable(err.Error()))
		case err != nil:
			return broken, err
		default:
			fmt.Fprintf(out, "%s: %s, whole\n", printable(h.Log), entries(head.Seq))
		}
	}
	return broken, nil
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func (c *auditVerifyCommand) compare(ctx context.Context, out io.Writer, q chain.Querier) (broken int, err error) {
	public, err := os.ReadFile(c.Key)
	if err != nil {
		return 0, exitError{exitIncomplete, fmt.Errorf("public key of the checkpoints: %w", err)}
	}
	found, err := access.CheckWitnessed(ctx, q, c.Witnessed, string(public))
	if err != nil {
		return 0, exitError{exitIncomplete, err}
	}
	if len(found) == 0 {
		return 0, exitError{exitIncomplete, fmt.Errorf("%s holds no checkpoints", c.Witnessed)}
	}
	for _, w := range found {
		if w.Err != nil {
			broken++
			fmt.Fprintf(out, "%s, against its checkpoints: %s\n", printable(w.Log), printable(w.Err.Error()))
			continue
		}
		fmt.Fprintf(out, "%s: as witnessed %s, up to entry %d\n", printable(w.Log), times(w.Checkpoints), w.Upto)
	}
	return broken, nil
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// Run signs where the logs stand.
func (c *auditCheckpointCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, _, _, err := openForReading(ctx, g, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	cfg := a.cfg.Desk.Witness
	cfg.URL, cfg.Dir = "", c.Out
	if c.Key != "" {
		cfg.KeyFile = c.Key
	}
	switch {
	case cfg.KeyFile == "":
		return exitError{exitIncomplete, errors.New("no signing key is named; give --key, or key_file in [desk.witness]")}
	case within(a.dir, cfg.KeyFile):
		return exitError{exitIncomplete, fmt.Errorf("the key %s would lie in the data folder: whoever can forge the log could sign it too; put it elsewhere", cfg.KeyFile)}
	}
	if c.Out != "" {
		w, err := access.NewWitness(cfg, nil, nil)
		if err != nil {
			return err
		}
		return w.Take(ctx, a.store.DB())
	}
	return printCheckpoint(ctx, std, a.store.DB(), cfg)
}

// printCheckpoint checks the audit first: what is broken gets no signature.
func printCheckpoint(ctx context.Context, std stdio, q chain.Querier, cfg access.WitnessConfig) error {
	head, err := access.VerifyAudit(ctx, q)
	if err != nil {
		return err
	}
	if head.Seq == 0 {
		fmt.Fprintln(std.err, "The audit is empty.")
		return nil
	}
	key, err := access.LoadWitnessKey(cfg.KeyFile, cfg.Name, true)
	if err != nil {
		return err
	}
	msg, err := chain.Checkpoint(head, key.Signer)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.err, "To check it one needs the public key: %s\n", key.Public)
	_, err = std.out.Write(msg)
	return err
}

// Run writes a token and says how to use it. The token itself is not printed: terminals
// remember.
func (c *tokenMakeCommand) Run(std stdio) error {
	if err := access.WriteSecret(c.File, access.NewToken()); err != nil {
		return exitError{exitIncomplete, fmt.Errorf("token: %w", err)}
	}
	fmt.Fprintf(std.out, `Written to %s, readable by you alone. Let the desk know it:

[[desk.token]]
name = %q
file = %q
roles = ["reader"]
# houses = ["…"]            # bound it where you can
# expires = "2027-01-31"    # and let it end

and send it as "Authorization: Bearer …" to /api/v1.
`, printable(c.File), c.Name, c.File)
	return nil
}
