package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/screening/ledger"
)

type screenCommand struct {
	Name      screenNameCommand      `cmd:"" default:"withargs" help:"Screen a name, or a file of names, against the lists in force."`
	Compare   screenCompareCommand   `cmd:"" help:"How two names compare, and why."`
	Decide    screenDecideCommand    `cmd:"" help:"Remember that a name is, or is not, that of an entry."`
	Decisions screenDecisionsCommand `cmd:"" help:"List what people decided."`
	Hits      screenHitsCommand      `cmd:"" help:"List past contacts that a changed list has met."`
}

// Help teaches what the one-line help cannot.
func (screenCommand) Help() string {
	return `Every answer tells the entry, why it matched, what speaks against, what follows from it, and of which list, version and date it is. Registered influence is no designation, and is shown apart.

Names that very many people bear are never called a match by themselves: they are possible, and need a birth date or a nationality.

Each screening is recorded in a chained log, names sealed; --replay computes all of them again and compares byte for byte.

Examples:
  portcullis screen "Radomir Kestrelov" --born 1971 --country Ozmark
  portcullis screen --file guests.csv --format csv --out screened.csv
  portcullis screen compare "Radomir Kestrelov" "KESTRELOV, Radomir"
  portcullis screen decide house:V1 "Radomir Kestrelov" --different --why "born in 1990, seen his passport"`
}

type screenNameCommand struct {
	Name      string            `arg:"" optional:"" name:"NAME"`
	Born      string            `help:"Birth date, or as much of it as is known: 1985, 1985-04, 1985-04-23." placeholder:"DATE"`
	Country   []string          `help:"Nationality or country, by name or code. Repeatable." placeholder:"COUNTRY"`
	Gender    string            `help:"male or female." enum:",male,female" default:""`
	Schema    string            `help:"person, organisation, vessel or aircraft. Default: any." placeholder:"KIND"`
	Number    []string          `help:"A passport, registration or other number. Repeatable." placeholder:"NUMBER"`
	File      string            `help:"Screen every row of this CSV file (- is standard input)." placeholder:"FILE"`
	Out       string            `help:"With --file: write here instead of to standard output. An interrupted run goes on where it stopped." placeholder:"FILE" type:"path"`
	Column    map[string]string `help:"With --file: which column is what, e.g. name=Guest;born=DOB. Default: by the usual headings." placeholder:"FIELD=HEADING"`
	Columns   string            `help:"With --file: names of the columns of a file without a header line, e.g. name,born,nationality." placeholder:"LIST"`
	Encoding  string            `help:"With --file: its encoding, where it is not UTF-8." placeholder:"NAME"`
	All       bool              `help:"Everything over the threshold, not only the best entries."`
	Best      int               `help:"How many entries to show of each name. Default: the configuration's." placeholder:"N"`
	Threshold float64           `help:"Score from which on a hit is called a match. Default: the configuration's." placeholder:"0–1"`
	Replay    bool              `help:"Compute every recorded screening again and compare byte for byte."`
	ExitCode  bool              `help:"Exit with 1 if a name matches a designation."`
	Format    string            `help:"text or json; with --file csv or ndjson." enum:",text,json,csv,ndjson" default:""`
}

// screeningMemory is what screening holds to: an index of all lists takes half of it, and what reading them leaves behind
// is not to stay for the sake of a second.
const screeningMemory = 110 << 20

// Run screens.
func (c *screenNameCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	asked := 0
	for _, is := range []bool{c.Name != "", c.File != "", c.Replay} {
		if is {
			asked++
		}
	}
	if asked != 1 {
		return exitError{exitIncomplete, errors.New("say one of: a NAME, --file FILE, --replay")}
	}
	if c.File == "" && (c.Format == "csv" || c.Format == "ndjson" || c.Out != "" || len(c.Column) > 0 || c.Columns != "") {
		return exitError{exitIncomplete, errors.New("--out, --column, --columns and the formats csv and ndjson go with --file")}
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(screeningMemory))
	if c.Replay {
		return readLedger(ctx, g, func(l *ledger.Ledger) error { return c.replay(ctx, std, l) })
	}
	return withLedger(ctx, g, func(l *ledger.Ledger) error {
		if c.File != "" {
			return c.file(ctx, std, l)
		}
		return c.one(ctx, std, l)
	})
}

func (c *screenNameCommand) options() ledger.Options {
	return ledger.Options{Who: userName(), All: c.All, Threshold: c.Threshold, Best: c.Best}
}

func (c *screenNameCommand) one(ctx context.Context, std stdio, l *ledger.Ledger) error {
	r := ledger.Request{Name: c.Name, Schema: c.Schema, Born: c.Born, Countries: c.Country, Gender: c.Gender}
	for _, n := range c.Number {
		r.Identifiers = append(r.Identifiers, ledger.Identifier{Value: n})
	}
	s, err := l.Screen(ctx, []ledger.Request{r}, c.options())
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = writeJSON(std.out, s)
	} else {
		printAnswer(std.out, s.Answers[0], s)
	}
	if err == nil && c.ExitCode && s.Answers[0].Outcome == ledger.OutcomeMatch {
		return exitError{exitFindings, nil}
	}
	return err
}

func (c *screenNameCommand) replay(ctx context.Context, std stdio, l *ledger.Ledger) error {
	r, err := l.Replay(ctx)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = writeJSON(std.out, struct {
			Schema int `json:"schema"`
			*ledger.Replayed
		}{1, r})
	} else {
		printReplayed(std.out, r)
	}
	if err == nil && r.Same+r.Otherwise < r.Answers {
		return exitError{exitFailed, errors.New("recorded answers do not come out as they were recorded: the stored lists or the program have been changed")}
	}
	return err
}

func printReplayed(out io.Writer, r *ledger.Replayed) {
	fmt.Fprintf(out, "%s in %s of the log: %s the same, byte for byte.\n", count(r.Answers, "answer"), countEntries(r.Entries), thousands(r.Same))
	if r.Otherwise > 0 {
		fmt.Fprintf(out, "%s of another version of the matcher, and not compared.\n", are(r.Otherwise, "answer"))
	}
	if r.Erased > 0 {
		fmt.Fprintf(out, "%s erased since.\n", countEntries(r.Erased))
	}
	for _, d := range r.Different {
		fmt.Fprintf(out, "entry %d, %s:\n      was %s\n      is  %s\n", d.Seq, printable(d.Request.Name), printable(string(d.Was)), printable(string(d.Is)))
	}
}

// printAnswer tells what the lists say about a name.
func printAnswer(out io.Writer, a ledger.Answer, s *ledger.Screening) {
	t := newTheme(out)
	switch a.Outcome {
	case ledger.OutcomeMatch:
		fmt.Fprintf(out, "%s  %s\n", t.style("1;31", "MATCH"), t.bold(printable(a.Query.Name)))
	case ledger.OutcomePossible:
		fmt.Fprintf(out, "%s  %s\n", t.style("33", "POSSIBLE"), t.bold(printable(a.Query.Name)))
	default:
		fmt.Fprintf(out, "No designation resembles %s.\n", t.bold(printable(a.Query.Name)))
	}
	for _, n := range a.Notes {
		fmt.Fprintf(out, "      note: %s\n", printable(n))
	}
	for _, m := range a.Designations {
		printMatch(out, m)
	}
	if len(a.Influence) > 0 {
		fmt.Fprintln(out, "\nRegistered influence. This is no designation, and forbids nothing:")
	}
	for _, m := range a.Influence {
		printMatch(out, m)
	}
	var looked []string
	for _, l := range s.Lists {
		looked = append(looked, l.List+datedShort(l.Published))
	}
	fmt.Fprintf(out, "\n%s\n", t.dim(fmt.Sprintf("Lists: %s. Matcher %s, threshold %v.", printable(strings.Join(looked, ", ")), s.Terms.Matcher, s.Terms.Threshold)))
}

func datedShort(published string) string {
	if published == "" {
		return ""
	}
	return " of " + published
}

func printMatch(out io.Writer, m ledger.Match) {
	t := newTheme(out)
	fmt.Fprintf(out, "\n  %s  %s:%s  %s, score %.2f\n", t.bold(printable(m.Name)), printable(m.List.List), printable(m.ID), kindText(m.Kind), m.Score)
	if m.Needs != "" {
		fmt.Fprintf(out, "      possible only: it needs %s\n", m.Needs)
	}
	fmt.Fprintf(out, "      why: %s (%s)\n", printable(m.Matched), m.MatchedKind)
	printAlignment(out, m.Alignment)
	for _, f := range m.For {
		fmt.Fprintf(out, "      for: %s\n", printable(f))
	}
	for _, a := range m.Against {
		fmt.Fprintf(out, "      against: %s\n", printable(a))
	}
	switch {
	case m.Influence != nil:
		fmt.Fprintf(out, "      registered: %s\n", printable(influenceText(m.Influence.Register, m.Influence.Tier, m.Influence.Principal)))
	case len(m.Consequences) == 0:
		fmt.Fprintln(out, "      consequence: the list states none for this entry; ask its publisher")
	}
	for _, c := range m.Consequences {
		fmt.Fprintf(out, "      consequence: %s\n", printable(consequenceText(c.Measure, c.Detail)))
	}
	var known []string
	for _, part := range [][]string{m.Births, m.Nationalities, nonEmpty(m.Program)} {
		known = append(known, part...)
	}
	if len(known) > 0 {
		fmt.Fprintf(out, "      entry: %s\n", printable(strings.Join(known, "; ")))
	}
	fmt.Fprintf(out, "      list: %s, version %d%s, SHA-256 %s\n", printable(m.List.List), m.List.Version, datedText(m.List.Published), m.List.SHA256)
	if d := m.Decision; d != nil {
		fmt.Fprintf(out, "      decided: %s, by %s on %s: %s\n", sameText(d.Same), printable(d.Who), d.At.Format("2006-01-02"), printable(d.Why))
	}
}

func printAlignment(out io.Writer, alignment []ledger.Aligned) {
	for _, p := range alignment {
		fmt.Fprintf(out, "           %-20s %-20s %3.0f %% of the whole, fits %3.0f %%  %s\n", printable(orNothing(p.Query)), printable(orNothing(p.Entry)), p.Weight*100, p.Score*100, printable(p.Transformation))
	}
}

func orNothing(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

func consequenceText(measure, detail string) string {
	switch {
	case detail == "" || strings.EqualFold(measure, detail):
		return measure
	case measure == "other":
		return detail
	}
	return measure + " (" + detail + ")"
}

func influenceText(register, tier, principal string) string {
	text := register
	if tier != "" {
		text += ", tier: " + tier
	}
	if principal != "" {
		text += ", for " + principal
	}
	return text
}

func sameText(same bool) string {
	if same {
		return "the same"
	}
	return "not the same"
}

// raiseScreening puts a finding of screening among the campaigns, as any sensor's. It names
// nobody there: who was screened stays sealed in the ledger.
func raiseScreening(ctx context.Context, tx *sql.Tx, e portcullis.Event, f portcullis.Finding) error {
	w := campaigns.NewWriter(tx, campaigns.Deps{})
	defer w.Close()
	_, err := w.Put(ctx, campaigns.Item{Event: e.ID, Sensor: e.Sensor, Time: e.Time, Findings: []campaigns.FindingRef{
		{ID: f.ID, Rule: f.Rule, Technique: f.Technique, Severity: f.Severity, Attention: f.Attention},
	}})
	return err
}
