package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	sealed "portcullis.example/portcullis/internal/pack"
	"portcullis.example/portcullis/internal/web/access"
)

type packCommand struct {
	Make    packMakeCommand    `cmd:"" help:"Seal indicators into a pack that a house can hunt with and not read."`
	Show    packShowCommand    `cmd:"" help:"Who made a pack, when, for what, how many, until when; not what."`
	Key     packKeyCommand     `cmd:"" help:"Keys to sign packs with."`
	Trust   packTrustCommand   `cmd:"" help:"Whose packs this house uses."`
	STIX    packStixCommand    `cmd:"" name:"stix" help:"Put a pack into a STIX 2.1 bundle, or take it out again."`
	Receipt packReceiptCommand `cmd:"" help:"Write the count that the issuer may be told; nothing is sent."`
}

type packKeyCommand struct {
	Make packKeyMakeCommand `cmd:"" help:"Make a key: the secret one into a file, the verifier key to standard output."`
}

type packKeyMakeCommand struct {
	Name   string `arg:"" help:"Whose key it is, best a domain: cert.example."`
	Output string `short:"o" help:"File for the secret key. Default: NAME.key." placeholder:"FILE" type:"path"`
}

// Run makes a key.
func (c *packKeyMakeCommand) Run(std stdio) error {
	secret, verifier, err := sealed.MakeKey(c.Name)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	path := c.Output
	if path == "" {
		path = filepath.Base(c.Name) + ".key"
	}
	if err := sealed.WriteKey(path, secret); err != nil {
		return err
	}
	fmt.Fprintf(std.err, "The secret key is in %s; whoever has it signs in your name. Give the line below to houses that are to use your packs, and read it out to them on the telephone.\n", printable(path))
	fmt.Fprintln(std.out, verifier)
	return nil
}

type packTrustCommand struct {
	List   packTrustListCommand   `cmd:"" default:"withargs" help:"List the issuers whose packs are used."`
	Add    packTrustAddCommand    `cmd:"" help:"Use the packs of an issuer."`
	Remove packTrustRemoveCommand `cmd:"" help:"Use the packs of an issuer no more."`
}

type packTrustListCommand struct {
	Format string `help:"text or json." enum:"text,json" default:"text"`
}

// Run lists trusted keys.
func (c *packTrustListCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, err := openExisting(ctx, g, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	list, err := sealed.NewReader(a.store.DB()).Issuers(ctx)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return writeJSON(std.out, map[string]any{"schema": 1, "issuers": append([]sealed.Issuer{}, list...)})
	}
	if len(list) == 0 {
		fmt.Fprintln(std.out, "No issuer is trusted yet. `portcullis pack trust add KEY` takes a verifier key that you got by a way you trust.")
	}
	for _, i := range list {
		fmt.Fprintf(std.out, "%s  since %s, added by %s", printable(i.Key), i.Added.Format("2 Jan 2006"), printable(i.Who))
		if i.Note != "" {
			fmt.Fprintf(std.out, ": %s", printable(i.Note))
		}
		fmt.Fprintln(std.out)
	}
	return nil
}

type packTrustAddCommand struct {
	Key string `arg:"" help:"Verifier key, such as cert.example+1a2b3c4d+AZ…, or a file that holds it."`
	How string `help:"How you got it and from whom. It is kept." placeholder:"TEXT"`
}

// Run trusts a key.
func (c *packTrustAddCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	key := c.Key
	if raw, err := os.ReadFile(c.Key); err == nil && len(raw) < 4096 {
		key = string(raw)
	}
	if _, err := sealed.ReadVerifier(key); err != nil {
		return exitError{exitIncomplete, err}
	}
	return changeTrust(ctx, g, "trusted", func(w *sealed.Writer) (sealed.Issuer, error) {
		i, err := w.Trust(ctx, key, c.How, userName(), time.Now())
		if err == nil {
			fmt.Fprintf(std.out, "Packs signed with %s are used from now on.\n", printable(i.Key))
		}
		return i, err
	})
}

type packTrustRemoveCommand struct {
	Key string `arg:"" help:"The key's name and hash; a unique beginning is enough."`
}

// Run trusts a key no more.
func (c *packTrustRemoveCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return changeTrust(ctx, g, "not trusted any more", func(w *sealed.Writer) (sealed.Issuer, error) {
		i, err := w.Distrust(ctx, c.Key)
		if err == nil {
			fmt.Fprintf(std.out, "Packs signed with %s are not used any more. What they found stays.\n", printable(i.Key))
		}
		return i, err
	})
}

// changeTrust changes whom the house trusts, with an entry in the audit.
func changeTrust(ctx context.Context, g *Globals, what string, change func(w *sealed.Writer) (sealed.Issuer, error)) (err error) {
	a, err := openExisting(ctx, g, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	err = a.store.Tx(ctx, func(tx *sql.Tx) error {
		i, err := change(sealed.NewWriter(tx))
		if err != nil {
			return err
		}
		return auditActs(ctx, tx, access.ChangeSetting, "pack issuers", map[string]string{"key": i.Key, "now": what, "how": i.Note})
	})
	if errors.Is(err, sealed.ErrNoIssuer) {
		return exitError{exitIncomplete, err}
	}
	return err
}

// trustedKeys are those of the store, where there is one, and those named for this run.
func trustedKeys(ctx context.Context, a *app, more []string) (note.Verifiers, error) {
	var rings []note.Verifiers
	if a != nil {
		stored, err := sealed.NewReader(a.store.DB()).Trusted(ctx)
		if err != nil {
			return nil, err
		}
		rings = append(rings, stored)
	}
	for _, text := range more {
		ring, err := keyring(text)
		if err != nil {
			return nil, exitError{exitIncomplete, fmt.Errorf("--trust: %w", err)}
		}
		rings = append(rings, ring)
	}
	return sealed.AnyOf(rings...), nil
}

// keyring reads a verifier key, or a file of them.
func keyring(text string) (note.Verifiers, error) {
	f, err := os.Open(text)
	if err != nil {
		return sealed.ReadKeyring(strings.NewReader(text))
	}
	defer f.Close()
	return sealed.ReadKeyring(f)
}

// storeIfAny opens the store for reading; nil where there is none yet.
func storeIfAny(ctx context.Context, g *Globals) (*app, error) {
	cfg, err := loadConfig(g)
	if err != nil {
		return nil, exitError{exitIncomplete, err}
	}
	a := &app{cfg: cfg, dir: cfg.Data}
	if err := a.place(false); err != nil {
		return nil, err
	}
	if _, err := os.Stat(a.dir); errors.Is(err, fs.ErrNotExist) && cfg.Database == "" && cfg.DatabaseFile == "" {
		return nil, nil
	}
	return openApp(ctx, cfg, true, false)
}

// openPack reads a pack from a file.
func openPack(path string, known note.Verifiers) (*sealed.Pack, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	defer f.Close()
	p, err := sealed.Read(f, known, time.Now())
	if err != nil {
		return p, exitError{exitIncomplete, err}
	}
	return p, nil
}
