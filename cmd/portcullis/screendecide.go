package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"portcullis.example/portcullis/internal/screening/ledger"
)

type screenDecideCommand struct {
	Entry     string `arg:"" name:"LIST:ENTRY" help:"As screen prints it, e.g. uk:CYB0001."`
	Name      string `arg:"" name:"NAME" help:"The name that was screened."`
	Same      bool   `help:"It is the same." xor:"decision"`
	Different bool   `help:"It is not the same." xor:"decision"`
	Why       string `help:"The reason. It is kept, sealed, with your name." required:"" placeholder:"TEXT"`
	Format    string `help:"text or json." enum:"text,json" default:"text"`
}

// Run remembers.
func (c *screenDecideCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	list, id, ok := strings.Cut(c.Entry, ":")
	if !ok {
		return exitError{exitIncomplete, fmt.Errorf("%q: want a list and an entry of it, such as uk:CYB0001", c.Entry)}
	}
	if c.Same == c.Different {
		return exitError{exitIncomplete, errors.New("say --same or --different")}
	}
	return withLedger(ctx, g, func(l *ledger.Ledger) error {
		d, err := l.Decide(ctx, userName(), ledger.Deciding{List: list, Entry: id, Name: c.Name, Same: c.Same, Why: c.Why})
		if err != nil {
			return err
		}
		if c.Format == "json" {
			return writeJSON(std.out, d)
		}
		fmt.Fprintf(std.out, "Decision %d: %s is %s as %s. It holds until the entry changes.\n", d.Num, printable(d.Name), sameText(d.Same), printable(c.Entry))
		return nil
	})
}

type screenDecisionsCommand struct {
	Ended  bool   `help:"Those that no longer hold too."`
	Format string `help:"text or json." enum:"text,json" default:"text"`
}

// Run lists decisions.
func (c *screenDecisionsCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return readLedger(ctx, g, func(l *ledger.Ledger) error {
		list, err := l.Decisions(ctx, c.Ended)
		if err != nil {
			return err
		}
		if c.Format == "json" {
			return writeJSON(std.out, ledger.DecisionListing{Schema: 1, Decisions: append([]ledger.Decision{}, list...)})
		}
		if len(list) == 0 {
			fmt.Fprintln(std.out, "No decisions.")
		}
		for _, d := range list {
			fmt.Fprintf(std.out, "%4d  %s  %s is %s as %s:%s, by %s\n      %s\n", d.Num, d.At.Format("2006-01-02"), newTheme(std.out).bold(printable(d.Name)), sameText(d.Same),
				printable(d.List), printable(d.Entry), printable(d.Who), printable(d.Why))
			if !d.Ended.IsZero() {
				fmt.Fprintf(std.out, "      ended %s: %s\n", d.Ended.Format("2006-01-02"), printable(d.EndedWhy))
			}
		}
		return nil
	})
}

type screenHitsCommand struct {
	Format string `help:"text or json." enum:"text,json" default:"text"`
}

// Run lists hits.
func (c *screenHitsCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return readLedger(ctx, g, func(l *ledger.Ledger) error {
		hits, err := l.Hits(ctx)
		if err != nil {
			return err
		}
		if c.Format == "json" {
			return writeJSON(std.out, ledger.HitListing{Schema: 1, Hits: append([]ledger.Hit{}, hits...)})
		}
		if len(hits) == 0 {
			fmt.Fprintln(std.out, "No past contact was met by a changed list.")
		}
		for _, h := range hits {
			printHit(std.out, h)
		}
		return nil
	})
}
