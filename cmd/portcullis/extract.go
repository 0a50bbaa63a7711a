package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/extract"
	"portcullis.example/portcullis/internal/register/ledger"
	budget "portcullis.example/portcullis/internal/register/meter"
)

type registerExtractCommand struct {
	For        string   `help:"Who gets it." required:"" placeholder:"RECIPIENT"`
	Name       string   `help:"Which of their extracts this is. Default: today's date."`
	Reason     string   `help:"Why, by which law. It stands in the ledger." required:""`
	From       string   `help:"The register: a file with a head, or with --database-file a table." required:"" placeholder:"SOURCE"`
	To         []string `help:"The recipient's public key, age1…; more than one if several people may open it." placeholder:"KEY"`
	Recipients []string `help:"Files with such keys, one a line." placeholder:"FILE" type:"path"`
	Out        string   `help:"The encrypted file; there must be none of that name." required:"" placeholder:"FILE" type:"path"`
	OneIn      int      `help:"One honey voter in so many rows." default:"1000"`
	Domain     string   `help:"Mail domain of the house for honey addresses." placeholder:"DOMAIN"`
	registerSource
	honeyKeys
	supervisor
}

// Help teaches what the one-line help cannot.
func (registerExtractCommand) Help() string {
	return `The lawful bulk copy. Each recipient's has honey voters of its own, so that a copy that turns up tells whose it was. The plain copy never touches the disk; without the ledger there is no copy.

A receipt (FILE.receipt.json) goes with it. It does not say how many honey voters there are: neither should you.`
}

// Run makes the extract.
func (c *registerExtractCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	cfg, err := registerConfig(g)
	if err != nil {
		return err
	}
	keys, err := c.keys()
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	b, dir, err := c.book(g)
	if err != nil {
		return err
	}
	src, columns, err := c.open(ctx, c.From)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close(context.WithoutCancel(ctx))) }()
	anonymous, err := c.anonymous(&cfg, src.Columns())
	if err != nil {
		return err
	}
	to, err := c.noter(ctx, &cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.close()) }()
	now := time.Now()
	if c.Name == "" {
		c.Name = now.Format(time.DateOnly)
	}
	m, err := extract.Make(ctx, extract.Options{
		Source: src, Columns: columns, Book: b, Noter: to.Noter, Recipient: c.For, Extract: c.Name, Reason: c.Reason,
		OneIn: c.OneIn, Mail: c.Domain, Keys: keys, Out: c.Out, Now: now, Filter: true, Anonymous: anonymous,
	})
	if err != nil {
		return err
	}
	if _, err := keepFilter(dir, m.Filter); err != nil {
		return err
	}
	if err := os.WriteFile(c.Out+".receipt.json", m.Receipt.JSON(), 0o600); err != nil {
		return err
	}
	tellLeftOut(std.err, m.Receipt.LeftOut)
	fmt.Fprintf(std.out, "%s: %s rows for %s, SHA-256 %s. The receipt is beside it; the honey voters are known to the holder of %s alone.\n", c.Out, thousands(m.Receipt.Rows), printable(c.For), m.Receipt.SHA256, dir)
	return nil
}

// keys reads the recipient's public keys.
func (c *registerExtractCommand) keys() (all []age.Recipient, err error) {
	for _, path := range c.Recipients {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		list, err := age.ParseRecipients(strings.NewReader(string(raw)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, list...)
	}
	for _, k := range c.To {
		r, err := age.ParseX25519Recipient(k)
		if err != nil {
			return nil, fmt.Errorf("--to: %w", err)
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, errors.New("to whom: --to age1… or --recipients FILE; the recipient makes a key with age-keygen and gives you the public half")
	}
	return all, nil
}

// extractOf is an entry as the guard takes it.
func extractOf(e extract.Entry) register.Extract { return register.Extract(e) }

// bookNoter writes to the ledger itself, where no guard is running.
type bookNoter struct {
	book *ledger.Ledger
	by   string
}

// Note writes the entry.
func (n bookNoter) Note(ctx context.Context, e extract.Entry) error {
	return register.NoteExtract(ctx, n.book, n.by, extractOf(e))
}

// Disclose records whose records the extract holds.
func (n bookNoter) Disclose(ctx context.Context, e extract.Entry, keys []string) error {
	return register.DiscloseExtract(ctx, n.book, extractOf(e), keys)
}

// guardNoter has the running guard write it: the ledger has one writer.
type guardNoter struct {
	token string
	cfg   *register.Config
}

// Note has the entry written.
func (n guardNoter) Note(ctx context.Context, e extract.Entry) error { return n.Disclose(ctx, e, nil) }

// Disclose has it recorded whose records the extract holds.
func (n guardNoter) Disclose(ctx context.Context, e extract.Entry, keys []string) error {
	return register.Call(ctx, n.cfg, "POST", "/extract", register.Extracting{Token: n.token, Extract: extractOf(e), Keys: keys}, &register.Answer{})
}

// closingNoter is a Noter that has to be closed.
type closingNoter struct {
	extract.Noter
	close func() error
}

// noter opens the ledger for a supervisor.
func (c *registerExtractCommand) noter(ctx context.Context, cfg *register.Config) (closingNoter, error) {
	token, err := c.token()
	if err != nil {
		return closingNoter{}, err
	}
	policy, err := budget.Load(cfg.Policy)
	if err != nil {
		return closingNoter{}, err
	}
	by, ok := policy.SupervisorOf(token)
	if !ok {
		return closingNoter{}, exitError{exitIncomplete, errors.New("this token is no supervisor's")}
	}
	var status register.Status
	if err := register.Call(ctx, cfg, "GET", "/status", nil, &status); !errors.Is(err, register.ErrNotRunning) {
		return closingNoter{guardNoter{token, cfg}, func() error { return nil }}, err
	}
	if err := os.MkdirAll(filepath.Dir(cfg.LedgerDir()), 0o700); err != nil {
		return closingNoter{}, err
	}
	book, err := ledger.Open(cfg.LedgerDir(), cfg.LedgerConfig(slog.New(slog.DiscardHandler)))
	if err != nil {
		return closingNoter{}, err
	}
	return closingNoter{bookNoter{book, by}, book.Close}, nil
}
