package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	sealed "portcullis.example/portcullis/internal/pack"
)

type packShowCommand struct {
	Pack   string   `arg:"" help:"The pack, or a STIX bundle that carries it." type:"path"`
	Trust  []string `help:"Verifier key, or file of such, to trust for this once." placeholder:"KEY"`
	Format string   `help:"text or json." enum:"text,json" default:"text"`
}

// Run shows the header, and whether the pack may be used.
func (c *packShowCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, err := storeIfAny(ctx, g)
	if err != nil {
		return err
	}
	if a != nil {
		defer func() { err = errors.Join(err, a.close()) }()
	}
	known, err := trustedKeys(ctx, a, c.Trust)
	if err != nil {
		return err
	}
	raw, err := readPackFile(c.Pack)
	if err != nil {
		return err
	}
	h, digest, err := sealed.Describe(bytes.NewReader(raw))
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	_, wrong := sealed.Read(bytes.NewReader(raw), known, time.Now())
	if c.Format == "json" {
		why := ""
		if wrong != nil {
			why = wrong.Error()
		}
		err = writeJSON(std.out, map[string]any{"schema": 1, "header": h, "sha256": digest, "usable": wrong == nil, "why_not": why})
	} else {
		printPack(std.out, h, digest, wrong)
	}
	if err == nil && wrong != nil {
		return exitError{exitIncomplete, wrong}
	}
	return err
}

func readPackFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 2*sealed.MaxSize))
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return raw, nil
}

func printPack(out io.Writer, h sealed.Header, digest string, wrong error) {
	const at = "2 Jan 2006 15:04 UTC"
	if wrong != nil {
		fmt.Fprintf(out, "%s\n\n", newTheme(out).bold(unusable(wrong)))
	}
	line := func(name, text string) { fmt.Fprintf(out, "%-12s%s\n", name, printable(text)) }
	line("Issuer", h.Issuer+", key "+h.Key)
	line("For", h.For)
	line("Handling", h.TLP)
	line("Made", h.Created.Format(at))
	line("Until", h.Until.Format(at))
	line("Indicators", packCount(h))
	line("Kinds", kindWords(h))
	line("Texts", fmt.Sprintf("%d, sealed; only who has a value can read them", h.Texts))
	line("SHA-256", digest)
	fmt.Fprintln(out)
	rate := sealed.MeasureRate(h)
	printGuessing(out, h, rate)
	cores := runtime.GOMAXPROCS(0)
	fmt.Fprintf(out, "  A million values take about %s on the %s of this machine.\n", rate.Estimate(1e6, cores).Round(time.Second), count(cores, "core"))
}

// unusable says above a pack's own words what they are worth: of one whose time is not now, the signature was good.
func unusable(wrong error) string {
	_, over := errors.AsType[*sealed.ExpiredError](wrong)
	_, early := errors.AsType[*sealed.NotYetError](wrong)
	if over || early {
		return "This pack cannot be used now. Its issuer signed what follows."
	}
	return "This pack cannot be used, and nobody vouches for what follows."
}

func packCount(h sealed.Header) string {
	if h.Padded {
		return "at most " + thousands(h.Count)
	}
	return thousands(h.Count)
}

func kindWords(h sealed.Header) string {
	words := make([]string, len(h.Kinds))
	for i, k := range h.Kinds {
		words[i] = string(k)
	}
	text := strings.Join(words, ", ")
	if len(h.Networks) > 0 {
		text += " (of the lengths " + strings.Join(h.Networks, ", ") + ")"
	}
	return text
}

type packStixCommand struct {
	File   string `arg:"" help:"A pack, to be put into a bundle, or a bundle, to take the pack out of." type:"path"`
	Output string `short:"o" help:"File to write. Default: standard output." placeholder:"FILE" type:"path"`
}

// Run wraps or unwraps a pack. The signature is the issuer's in both.
func (c *packStixCommand) Run(std stdio) error {
	raw, err := readPackFile(c.File)
	if err != nil {
		return err
	}
	inner, err := sealed.Unwrap(raw)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	out := inner
	if bytes.Equal(inner, raw) {
		if out, err = sealed.Bundle(raw); err != nil {
			return exitError{exitIncomplete, err}
		}
	}
	return writePage(std, c.Output, out)
}
