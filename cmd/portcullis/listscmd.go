package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"portcullis.example/portcullis/internal/screening"
	"portcullis.example/portcullis/internal/screening/ledger"
	"portcullis.example/portcullis/internal/screening/lists"
)

type listsCommand struct {
	Add    listsAddCommand    `cmd:"" help:"Take a sanctions list or an influence register into use."`
	Update listsUpdateCommand `cmd:"" help:"Take a new version of a list: what changed, and which past contacts it hits."`
	Show   listsShowCommand   `cmd:"" default:"withargs" help:"Show the lists in force, the versions of one, or one of its entries."`
}

// Help teaches what the one-line help cannot.
func (listsCommand) Help() string {
	return `Lists are data of yours: none is built in and none is fetched. Download them from their publishers; docs/LISTS.md says where from, which formats are read and what their licences ask.

A file that was cut off or changed in its form is refused with what changed, and the version in force stays.

Examples:
  portcullis lists add uk UK_Sanctions_List.csv
  portcullis lists add ofac sdn.csv alt.csv add.csv
  portcullis lists add firs register.csv --map firs.toml
  portcullis lists update uk new.csv`
}

// listsReading are the options of what reads a list.
type listsReading struct {
	Map      string `help:"Which column is what, for csv, firs and fits (TOML, see docs/LISTS.md)." placeholder:"FILE" type:"path"`
	Encoding string `help:"Encoding of the file, where it is not UTF-8 and does not say so: windows-1252, iso-8859-1, windows-1251." placeholder:"NAME"`
	Notes    bool   `help:"Show everything unusual in the list, not only what could not be used."`
	Format   string `help:"text or json." enum:"text,json" default:"text"`
}

type listsAddCommand struct {
	Kind  string   `arg:"" name:"FORMAT" help:"uk, un, eu, ofac, opensanctions, fara, firs, fits, csv, or auto."`
	Files []string `arg:"" name:"FILE" help:"The list's files, .zip archives of them too." type:"path"`
	Name  string   `help:"What to call the list. Default: the format." placeholder:"NAME"`
	listsReading
}

type listsUpdateCommand struct {
	List   string   `arg:"" name:"LIST" help:"As lists show prints it."`
	Files  []string `arg:"" name:"FILE" type:"path"`
	Accept string   `help:"Take it although it looks damaged, because …. The reason is kept with your name." placeholder:"WHY"`
	listsReading
}

type listsShowCommand struct {
	List   string `arg:"" optional:"" name:"LIST"`
	Entry  string `arg:"" optional:"" name:"ENTRY" help:"The list's own number of an entry."`
	Format string `help:"text or json." enum:"text,json" default:"text"`
}

// ledger opens the ledger of screening over the store.
func (a *app) ledger() (*ledger.Ledger, error) {
	return ledger.New(a.cfg.Screening, ledger.Deps{DB: a.store.DB(), Tx: a.store.Tx, Key: ledger.KeyOf(a.key[:]), Raise: raiseScreening})
}

// withLedger opens the store for writing and gives fn the ledger.
func withLedger(ctx context.Context, g *Globals, fn func(l *ledger.Ledger) error) error {
	return openLedger(ctx, g, false, fn)
}

// readLedger opens the store for reading, which works beside a program that writes.
func readLedger(ctx context.Context, g *Globals, fn func(l *ledger.Ledger) error) error {
	return openLedger(ctx, g, true, fn)
}

func openLedger(ctx context.Context, g *Globals, readOnly bool, fn func(l *ledger.Ledger) error) (err error) {
	a, err := openExisting(ctx, g, readOnly)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	l, err := a.ledger()
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	return screeningAsked(fn(l))
}

// screeningAsked tells what was asked for wrongly from what failed.
func screeningAsked(err error) error {
	var refused *ledger.RefusedError
	var damaged *lists.RefusedError
	var suspect *ledger.SuspectError
	if errors.As(err, &refused) || errors.As(err, &damaged) || errors.As(err, &suspect) || errors.Is(err, ledger.ErrNoLists) || errors.Is(err, ledger.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return exitError{exitIncomplete, err}
	}
	return err
}

// Run takes a list for the first time.
func (c *listsAddCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	list, err := c.read(ctx, c.Files, lists.Options{Format: lists.Format(c.Kind), List: c.Name})
	if err != nil {
		return screeningAsked(err)
	}
	return withLedger(ctx, g, func(l *ledger.Ledger) error {
		all, err := l.Lists(ctx)
		if err != nil {
			return err
		}
		for _, v := range all {
			if v.List == list.Name && v.SHA256 != list.SHA256 {
				return exitError{exitIncomplete, fmt.Errorf("there is a list %s already; `portcullis lists update %s FILE` takes a new version of it, --name adds this as another", printable(v.List), printable(v.List))}
			}
		}
		return c.take(ctx, std, l, list, "")
	})
}

// Run takes a new version.
func (c *listsUpdateCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return withLedger(ctx, g, func(l *ledger.Ledger) error {
		all, err := l.Lists(ctx)
		if err != nil {
			return err
		}
		for _, v := range all {
			if v.List != c.List {
				continue
			}
			list, err := c.read(ctx, c.Files, lists.Options{Format: lists.Format(v.Format), List: v.List})
			if err != nil {
				return fmt.Errorf("%w; version %d of %s stays in force", err, v.Num, printable(v.List))
			}
			return c.take(ctx, std, l, list, c.Accept)
		}
		return exitError{exitIncomplete, fmt.Errorf("there is no list %q; `portcullis lists add FORMAT FILE` adds one", c.List)}
	})
}

// read reads the files by the options of the command.
func (c *listsReading) read(ctx context.Context, files []string, o lists.Options) (*lists.List, error) {
	o.Encoding = c.Encoding
	if c.Map != "" {
		f, err := os.Open(c.Map)
		if err != nil {
			return nil, fmt.Errorf("--map: %w", err)
		}
		defer f.Close()
		if o.Mapping, err = lists.ReadMapping(f); err != nil {
			return nil, exitError{exitIncomplete, fmt.Errorf("--map %s: %w", c.Map, err)}
		}
	}
	return lists.ReadFiles(ctx, files, o)
}

// take puts the list into force and tells what came of it.
func (c *listsReading) take(ctx context.Context, std stdio, l *ledger.Ledger, list *lists.List, why string) error {
	taken, err := l.Take(ctx, userName(), list, why)
	if err != nil {
		return err
	}
	bad := c.problems(std.err, list)
	if c.Format == "json" {
		if err := writeJSON(std.out, map[string]any{"schema": 1, "taken": taken, "problems": append([]lists.Problem{}, list.Problems...)}); err != nil {
			return err
		}
	} else {
		printTaken(std.out, list, taken)
	}
	if bad > 0 {
		return exitError{exitIncomplete, nil}
	}
	return nil
}

// mostTold is how many problems or names are printed of a kind.
const mostTold = 20

// problems prints what could not be used, and returns how many there were.
func (c *listsReading) problems(out io.Writer, list *lists.List) (bad int) {
	told, notes := 0, 0
	for _, p := range list.Problems {
		if p.Note {
			notes++
		} else {
			bad++
		}
		if p.Note && !c.Notes {
			continue
		}
		if told++; told <= mostTold || c.Notes {
			fmt.Fprintln(out, printable(p.String()))
		}
	}
	if told > mostTold && !c.Notes {
		fmt.Fprintf(out, "and %s more; --notes shows all\n", count(told-mostTold, "problem"))
	}
	if notes > 0 && !c.Notes {
		fmt.Fprintf(out, "%s on entries that were taken all the same; --notes shows them\n", count(notes, "note"))
	}
	return bad
}

func printTaken(out io.Writer, list *lists.List, taken ledger.Taken) {
	v := taken.Version
	if taken.Same {
		fmt.Fprintf(out, "%s: this very file is in force already, as version %d.\n", printable(v.List), v.Num)
		return
	}
	t := newTheme(out)
	fmt.Fprintf(out, "%s  version %d, %s%s\n", t.bold(printable(v.List)), v.Num, countEntries(v.Shape.Entries), datedText(v.Published))
	for _, f := range v.Files {
		fmt.Fprintf(out, "      %s (%s), SHA-256 %s\n", printable(f.Name), f.Kind, f.SHA256)
	}
	fmt.Fprintf(out, "      %s\n", shapeText(v.Shape))
	if taken.First() {
		printHits(out, taken)
		return
	}
	n := v.Changes.Counts
	fmt.Fprintf(out, "      %d added, %d changed, %d removed\n", n[0], n[1], n[2])
	names := map[string]string{}
	for _, e := range list.Entities {
		names[e.ID] = e.Names[0].Text
	}
	printChange(out, "added", v.Changes.Added, names)
	printChange(out, "changed", v.Changes.Changed, names)
	printChange(out, "removed", v.Changes.Removed, names)
	if taken.Ended > 0 {
		fmt.Fprintf(out, "      %s expired, because the entries they are about changed: `portcullis screen decisions --ended`\n", count(taken.Ended, "decision"))
	}
	printHits(out, taken)
}

func countEntries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return thousands(n) + " entries"
}

func datedText(published string) string {
	if published == "" {
		return ", which states no date"
	}
	return ", of " + printable(published)
}

// shapeText says what the entries hold.
func shapeText(s lists.Shape) string {
	var parts []string
	for _, name := range []string{"people", "organisations", "aliases", "names in their original script", "dates of birth", "nationalities", "identifiers", "consequences", "registrations of influence"} {
		if n := s.Filled[name]; n > 0 {
			parts = append(parts, thousands(n)+" "+strings.Replace(name, "people", "are people", 1))
		}
	}
	text := strings.Join(parts, ", ")
	text = strings.Replace(text, " organisations", " organisations", 1)
	if s.Filled["consequences"] == 0 && s.Filled["registrations of influence"] == 0 {
		text += "; it states no consequence for any entry"
	}
	return text
}

func printChange(out io.Writer, what string, ids []string, names map[string]string) {
	for i, id := range ids {
		if i == mostTold {
			fmt.Fprintf(out, "        and %d more %s\n", len(ids)-mostTold, what)
			return
		}
		fmt.Fprintf(out, "        %-8s %s  %s\n", what, printable(id), printable(names[id]))
	}
}

func printHits(out io.Writer, taken ledger.Taken) {
	switch {
	case taken.Contacts == 0:
		fmt.Fprintln(out, "      Held against no past contacts: none are kept (contact_days in [screening] is how many days they would be).")
	case len(taken.Hits) == 0:
		fmt.Fprintf(out, "      Held against %s: no hit.\n", count(taken.Contacts, "past contact"))
	default:
		fmt.Fprintf(out, "      Held against %s: %s.\n", count(taken.Contacts, "past contact"), count(len(taken.Hits), "hit"))
	}
	for _, h := range taken.Hits {
		printHit(out, h)
	}
}

func printHit(out io.Writer, h ledger.Hit) {
	fmt.Fprintf(out, "        %s  %s\n", newTheme(out).severity(h.Finding.Severity), printable(h.Finding.Summary))
	if h.Ref != "" {
		fmt.Fprintf(out, "                  as %s\n", printable(h.Ref))
	}
	for _, u := range h.Finding.Unknown {
		fmt.Fprintf(out, "                  not known: %s\n", printable(u))
	}
}

// Run shows.
func (c *listsShowCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	return readLedger(ctx, g, func(l *ledger.Ledger) error {
		switch {
		case c.Entry != "":
			return c.entry(ctx, std.out, l)
		case c.List != "":
			return c.history(ctx, std.out, l)
		}
		return c.inForce(ctx, std.out, l)
	})
}

func (c *listsShowCommand) inForce(ctx context.Context, out io.Writer, l *ledger.Ledger) error {
	all, err := l.Lists(ctx)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return writeJSON(out, ledger.Listing{Schema: 1, Lists: append([]ledger.Version{}, all...)})
	}
	if len(all) == 0 {
		fmt.Fprintln(out, "No lists. `portcullis lists add FORMAT FILE` adds one.")
	}
	for _, v := range all {
		printVersion(out, v)
	}
	return nil
}

func printVersion(out io.Writer, v ledger.Version) {
	state := ""
	if !v.InForce {
		state = ", no longer in force"
	}
	fmt.Fprintf(out, "%s  version %d, %s%s, taken %s by %s%s\n", newTheme(out).bold(printable(v.List)), v.Num, countEntries(v.Shape.Entries), datedText(v.Published),
		v.Taken.Format("2006-01-02 15:04"), printable(v.Who), state)
	fmt.Fprintf(out, "      SHA-256 %s\n      %s\n", v.SHA256, shapeText(v.Shape))
	if v.Why != "" {
		fmt.Fprintf(out, "      taken although %s: %s\n", printable(strings.Join(v.Despite, "; ")), printable(v.Why))
	}
}

func (c *listsShowCommand) history(ctx context.Context, out io.Writer, l *ledger.Ledger) error {
	all, err := l.History(ctx, c.List)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return exitError{exitIncomplete, fmt.Errorf("there is no list %q", c.List)}
	}
	if c.Format == "json" {
		return writeJSON(out, ledger.Listing{Schema: 1, Lists: all})
	}
	for _, v := range all {
		printVersion(out, v)
		n := v.Changes.Counts
		fmt.Fprintf(out, "      %d added, %d changed, %d removed\n", n[0], n[1], n[2])
	}
	return nil
}

func (c *listsShowCommand) entry(ctx context.Context, out io.Writer, l *ledger.Ledger) error {
	e, hash, err := l.Entry(ctx, c.List, c.Entry)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return writeJSON(out, map[string]any{"schema": 1, "hash": hash, "entry": e})
	}
	printEntity(out, e)
	return nil
}

func printEntity(out io.Writer, e screening.Entity) {
	fmt.Fprintf(out, "%s %s  %s\n", printable(e.List), printable(e.ID), kindText(e.Kind))
	for _, n := range e.Names {
		fmt.Fprintf(out, "      %s (%s)\n", newTheme(out).bold(printable(n.Text)), n.Kind)
	}
	line := func(label string, values []string) {
		if len(values) > 0 {
			fmt.Fprintf(out, "      %s: %s\n", label, printable(strings.Join(values, "; ")))
		}
	}
	var births, numbers, follows []string
	for _, b := range e.Births {
		births = append(births, lists.DateText(b))
	}
	for _, i := range e.Identifiers {
		numbers = append(numbers, strings.TrimSpace(i.Kind+" "+i.Value+" "+i.Country))
	}
	for _, c := range e.Consequences {
		follows = append(follows, consequenceText(string(c.Measure), c.Detail))
	}
	line("born", births)
	line("nationality", e.Nationalities)
	line("countries", e.Countries)
	line("numbers", numbers)
	line("consequence", follows)
	if i := e.Influence; i != nil {
		line("registered influence", []string{influenceText(i.Register, i.Tier, i.Principal)})
	}
	line("program", nonEmpty(e.Program))
	line("last changed", nonEmpty(e.Updated))
	for _, l := range wrap(e.Remarks, 90) {
		if l != "" {
			fmt.Fprintf(out, "      %s\n", printable(l))
		}
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func kindText(k screening.Kind) string {
	if k == screening.KindUnknown {
		return "person or organisation"
	}
	return string(k)
}
