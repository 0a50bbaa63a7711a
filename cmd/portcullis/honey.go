package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/copies"
	"portcullis.example/portcullis/internal/register/honey"
)

type registerHoneyCommand struct {
	Plant registerHoneyPlantCommand `cmd:"" help:"Invent voters for a view or a copy, and print them as CSV."`
	Check registerHoneyCheckCommand `cmd:"" help:"Look for honey voters in files, folders, mailboxes: which copy leaked."`
	List  registerHoneyListCommand  `cmd:"" help:"Which copies have honey voters."`
	Terms registerHoneyTermsCommand `cmd:"" help:"Addresses of honey voters, one a line, for hunt."`
}

type registerHoneyPlantCommand struct {
	For    string `help:"Whose copy or which view it is." required:"" placeholder:"RECIPIENT"`
	Name   string `help:"Which copy of theirs." required:""`
	From   string `help:"The register to be like: a file with a head, or with --database-file a table." required:"" placeholder:"SOURCE"`
	Count  int    `help:"How many." default:"100"`
	Domain string `help:"Mail domain of the house for honey addresses; all its mail must reach the house. Default: they have none." placeholder:"DOMAIN"`
	registerSource
	honeyKeys
}

type registerHoneyCheckCommand struct {
	Paths  []string `arg:"" name:"PATH" help:"Where to look." type:"path"`
	Format string   `help:"text or json." enum:"text,json" default:"text"`
	honeyKeys
}

type (
	registerHoneyListCommand  struct{ honeyKeys }
	registerHoneyTermsCommand struct{ honeyKeys }
)

// Run plants.
func (c *registerHoneyPlantCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	b, _, err := c.book(g)
	if err != nil {
		return err
	}
	src, columns, err := c.open(ctx, c.From)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close(ctx)) }()
	n, err := src.Count(ctx)
	if err != nil {
		return err
	}
	key, err := b.Key()
	if err != nil {
		return err
	}
	learner, err := honey.NewLearner(columns)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	known := copies.NewBuilder(key, "real voters", n+1)
	if err := src.Rows(ctx, func(row []string) error { learner.Add(row); return known.Add(honey.Person(columns, row)) }); err != nil {
		return err
	}
	model, err := learner.Model()
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	real := known.Filter(time.Now())
	all, set, err := b.Plant(model, honey.Order{Recipient: c.For, Extract: c.Name, Count: c.Count, Mail: c.Domain, Made: time.Now()}, real.Taken)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	w := csv.NewWriter(std.out)
	err = w.Write(src.Columns())
	for _, v := range all {
		err = errors.Join(err, w.Write(v.Row))
	}
	w.Flush()
	c.tellGuard(ctx, g)
	fmt.Fprintf(std.err, "%s for %s. Put them into a view or a copy, never into the register itself.\n", count(set.Count, "honey voter"), printable(set.Name()))
	return errors.Join(err, w.Error())
}

// tellGuard has a running guard look for them at once; it would find them by itself within seconds.
func (c *registerHoneyPlantCommand) tellGuard(ctx context.Context, g *Globals) {
	if cfg, err := loadConfig(g); err == nil && cfg.Register.On() {
		_ = register.Call(ctx, &cfg.Register, "POST", "/honey", nil, &register.Answer{})
	}
}

// Run looks for honey voters alone.
func (c *registerHoneyCheckCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	b, _, err := c.book(g)
	if err != nil {
		return err
	}
	cfg := copies.Config{AtLeast: 1 << 40, Other: readOther, Now: time.Now()}
	if cfg.Key, err = b.Key(); err != nil {
		return err
	}
	if cfg.Sets, err = b.Filters(); err != nil {
		return err
	}
	if len(cfg.Sets) == 0 {
		return exitError{exitIncomplete, errors.New("no honey voters were planted yet")}
	}
	return lookForCopies(ctx, std, c.Paths, cfg, copiesOutput{format: c.Format, exit: true})
}

// Run lists.
func (c *registerHoneyListCommand) Run(std stdio, g *Globals) error {
	b, _, err := c.book(g)
	if err != nil {
		return err
	}
	sets, err := b.Sets()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MADE\tFOR\tCOPY\tHONEY VOTERS\tID")
	for _, s := range sets {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", s.Made.Format(time.DateOnly), printable(s.Recipient), printable(s.Extract), s.Count, s.ID)
	}
	return w.Flush()
}

// Run prints terms.
func (c *registerHoneyTermsCommand) Run(std stdio, g *Globals) error {
	b, _, err := c.book(g)
	if err != nil {
		return err
	}
	terms, err := b.Terms()
	if err != nil {
		return err
	}
	for _, t := range terms {
		fmt.Fprintln(std.out, t.Value)
	}
	if len(terms) == 0 {
		fmt.Fprintln(std.err, "No honey voter has an address: plant with --domain.")
	}
	return nil
}
