package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/assessment"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/response"
)

type assessCommand struct {
	Weigh  assessWeighCommand  `cmd:"" default:"withargs" help:"Weigh rival explanations of a campaign and record what was weighed."`
	Replay assessReplayCommand `cmd:"" help:"Compute assessments again from the record and compare byte for byte."`
	Score  assessScoreCommand  `cmd:"" help:"Enter how a statement turned out, or show the ledger."`
}

// Help teaches what the one-line help cannot.
func (assessCommand) Help() string {
	return `Five propositions are assessed apart: these are one campaign, who the actor is, whether a state stands behind it, whether something was accessed, whether something was taken. Who did it is weighed only with --attribution, and leaves the house only with --approver.

docs/ASSESSMENTS.md explains the hypotheses file, the ladder, the words and the caps.

Examples:
  portcullis assess campaign:4f2a --hypotheses examples/hypotheses.toml
  portcullis assess campaign:4f2a --hypotheses h.toml --attribution --format matrix
  portcullis assess replay
  portcullis assess score campaign:4f2a accessed held --why "the provider's log of 3 March"`
}

type assessWeighCommand struct {
	Campaign    string `arg:"" name:"CAMPAIGN" help:"As campaigns prints it; a unique beginning is enough."`
	Hypotheses  string `help:"File of hypotheses and evidence (TOML). Without it the last assessment is shown." placeholder:"FILE" type:"path"`
	Attribution bool   `help:"Weigh and show who did it too. For the house's own analysts."`
	Approver    string `help:"With --format json and --attribution: who approves that it leaves the house. It is recorded. The account that runs this must be among the approvers of the section [notices]." placeholder:"NAME"`
	Why         string `help:"With --approver: why." placeholder:"TEXT"`
	Format      string `help:"text, matrix, or json: the form for other organisations." enum:"text,matrix,json" default:"text"`
}

type assessReplayCommand struct {
	Campaign string `arg:"" optional:"" name:"CAMPAIGN" help:"Default: all that were assessed."`
	Format   string `help:"text or json." enum:"text,json" default:"text"`
}

type assessScoreCommand struct {
	Campaign    string `arg:"" optional:"" name:"CAMPAIGN"`
	Proposition string `arg:"" optional:"" name:"PROPOSITION" help:"campaign, actor, state, accessed or taken."`
	Outcome     string `arg:"" optional:"" name:"held|failed" help:"How the latest statement on it turned out."`
	Why         string `help:"How that is known. It is kept with your name." placeholder:"TEXT"`
	Format      string `help:"text or json." enum:"text,json" default:"text"`
}

// Run weighs, records and prints.
func (c *assessWeighCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	if c.Approver != "" && (!c.Attribution || c.Format != "json" || c.Why == "") {
		return exitError{exitIncomplete, errors.New("--approver goes with --attribution, --format json and --why")}
	}
	if c.Attribution && c.Format == "json" && c.Approver == "" {
		return exitError{exitIncomplete, assessment.ErrNoApprover}
	}
	k, err := openCorrelator(ctx, g, "", false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.app.close()) }()
	if c.Approver != "" && !slices.Contains(k.app.cfg.Notices.Approvers, userName()) {
		return exitError{exitIncomplete, fmt.Errorf("%s may not let it leave: that needs the role approver; on the command line the account's name must stand under approvers in the section [notices] of the configuration", userName())}
	}
	reader := campaigns.NewReader(k.app.store.DB(), k.deps())
	id, err := reader.Find(ctx, c.Campaign)
	if err != nil {
		return asked(err)
	}
	if c.Hypotheses != "" {
		if err := c.weigh(ctx, k, reader, id); err != nil {
			return err
		}
	}
	return c.print(ctx, std.out, k.app, id)
}

// weigh reads the file, weighs and records.
func (c *assessWeighCommand) weigh(ctx context.Context, k *correlator, reader *campaigns.Reader, id portcullis.ID) error {
	f, err := os.Open(c.Hypotheses)
	if err != nil {
		return exitError{exitIncomplete, fmt.Errorf("--hypotheses: %w", err)}
	}
	defer f.Close()
	known, err := reader.Campaign(ctx, id)
	if err != nil {
		return asked(err)
	}
	dir, name := filepath.Split(c.Hypotheses)
	own := ownEvidence(known)
	entered, err := assessment.ReadFile(name, f, os.DirFS(cmp.Or(dir, ".")), id, c.Attribution, own)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	who := userName()
	if who == response.Machine { // an account of that name is somebody
		who = "account " + who
	}
	return k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		_, err := assessment.NewWriter(tx).RecordBeside(ctx, who, response.Machine, own.Evidence, k.now(), entered)
		return err
	})
}

func (c *assessWeighCommand) print(ctx context.Context, out io.Writer, a *app, id portcullis.ID) error {
	if c.Approver != "" {
		var e assessment.Exported
		err := a.store.Tx(ctx, func(tx *sql.Tx) (err error) {
			why := c.Why
			if who := userName(); who != c.Approver {
				why += " (entered by " + who + ")"
			}
			e, err = assessment.NewWriter(tx).Approved(ctx, c.Approver, time.Now(), id, why)
			return err
		})
		if err != nil {
			return err
		}
		return indented(out, e)
	}
	reader := assessment.NewReader(a.store.DB())
	stored, ok, err := reader.Latest(ctx, id)
	if err == nil && !ok {
		err = exitError{exitIncomplete, assessment.ErrNotAssessed}
	}
	if err != nil {
		return err
	}
	history, err := reader.History(ctx)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		e, err := stored.Export(history, false, "")
		if err != nil {
			return err
		}
		return indented(out, e)
	}
	p := assessmentPrinter{out, newTheme(out)}
	p.print(stored, history, c.Attribution, c.Format == "matrix")
	return nil
}

func indented(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// ownEvidence is what the house's sensors and the matching of campaigns say. Mails that
// only repeat another are left out: they are echoes.
func ownEvidence(c campaigns.Campaign) (own assessment.Own) {
	see := func(kind, value, note string, at time.Time) {
		own.Observations = append(own.Observations, assessment.Observation{
			ID: "own " + kind + " " + value, Kind: kind, Value: value, Origin: "own sensors", Grade: "A2", Time: at.UTC(), Note: note,
		})
	}
	seen := map[string]bool{}
	for _, m := range c.Members {
		for _, f := range m.Findings {
			if f.Technique != "" && !m.Echo && !seen[f.Technique] {
				seen[f.Technique] = true
				see(assessment.KindTechnique, f.Technique, "technique "+f.Technique+", by "+f.Rule, m.Time)
			}
		}
	}
	for _, i := range c.Indicators {
		switch i.Observable.Type {
		case portcullis.TypeDomain, portcullis.TypeIP: // profiles hold no URLs, which are made for each mail
			see(assessment.KindInfrastructure, i.Observable.Value, fmt.Sprintf("%s as %s", i.Observable.Value, i.Role), c.First)
		}
	}
	own.Evidence = heldTogether(c)
	return own
}

// heldTogether says what speaks for one hand, a piece for each kind of reason: what
// would be a coincidence of so many bits if the mails had nothing to do with each other.
func heldTogether(c campaigns.Campaign) (list []assessment.Evidence) {
	strongest := map[string]campaigns.Reason{} // of the whole; the reasons stand in that order
	for _, r := range c.Reasons {
		if _, ok := strongest[r.Kind]; !ok && r.Bits > 0 {
			strongest[r.Kind] = r
		}
	}
	for _, kind := range []struct {
		name             string
		vertex           assessment.Vertex
		ordinary, copied assessment.Rung
	}{
		{campaigns.ReasonInfrastructure, assessment.Infrastructure, assessment.Probable, assessment.Rare},
		{campaigns.ReasonContent, assessment.Capability, assessment.Probable, assessment.Probable},
		{campaigns.ReasonTiming, assessment.Adversary, assessment.Even, assessment.Even},
		{campaigns.ReasonTargets, assessment.Victim, assessment.Improbable, assessment.Even},
	} {
		r, ok := strongest[kind.name]
		if !ok {
			continue
		}
		chance := assessment.Rung(min(math.Round(2*r.Bits), float64(assessment.Excluded)))
		list = append(list, assessment.Evidence{
			ID: "own " + kind.name, Claim: "alike:" + kind.name, Kind: kind.name, Origin: "own sensors", Vertex: kind.vertex, Grade: "A2",
			Time: c.First.UTC(), Note: r.Text, Likelihood: map[assessment.Proposition]map[string]assessment.Rung{
				assessment.OneCampaign: {
					assessment.HoldsID: assessment.Expected, assessment.Unknown: chance, assessment.Ordinary: kind.ordinary, assessment.FalseFlag: kind.copied,
				},
			},
		})
	}
	return list
}

// Run replays.
func (c *assessReplayCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, err := openExisting(ctx, g, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	reader := assessment.NewReader(a.store.DB())
	list, err := reader.Assessed(ctx)
	if err != nil {
		return err
	}
	all := []assessment.Replayed{}
	differ := 0
	for _, id := range list {
		if !strings.HasPrefix(string(id), c.Campaign) && !strings.HasPrefix(strings.TrimPrefix(string(id), "campaign:"), c.Campaign) {
			continue
		}
		r, err := reader.Replay(ctx, id)
		if err != nil {
			return err
		}
		differ += len(r.Differ)
		all = append(all, r)
	}
	if c.Format == "json" {
		err = indented(std.out, map[string]any{"schema": 1, "campaigns": all})
	} else {
		printReplay(std.out, all)
	}
	if err == nil && differ > 0 {
		return exitError{exitFindings, fmt.Errorf("%s not the same byte for byte", count(differ, "assessment"))}
	}
	return err
}

func printReplay(out io.Writer, all []assessment.Replayed) {
	if len(all) == 0 {
		fmt.Fprintln(out, "Nothing was assessed.")
	}
	for _, r := range all {
		fmt.Fprintf(out, "%s  %s, the same byte for byte; the chain holds up to entry %d\n", r.Campaign, count(r.Same, "assessment"), r.Head.Seq)
		if r.Erased > 0 {
			fmt.Fprintf(out, "  %s on content that was erased since, and cannot be computed again\n", count(r.Erased, "assessment")+" resting")
		}
		if r.Other > 0 {
			fmt.Fprintf(out, "  %s made by rules that this version no longer has\n", count(r.Other, "assessment"))
		}
		for _, d := range r.Differ {
			fmt.Fprintf(out, "  %s\n", printable(d))
		}
	}
}

// Run enters an outcome, or shows the ledger.
func (c *assessScoreCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	if c.Campaign != "" && (c.Outcome != "held" && c.Outcome != "failed" || c.Why == "") {
		return exitError{exitIncomplete, errors.New("say CAMPAIGN PROPOSITION, held or failed, and how that is known with --why")}
	}
	k, err := openCorrelator(ctx, g, "", c.Campaign == "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.app.close()) }()
	if c.Campaign != "" {
		id, err := campaigns.NewReader(k.app.store.DB(), k.deps()).Find(ctx, c.Campaign)
		if err != nil {
			return asked(err)
		}
		err = k.app.store.Tx(ctx, func(tx *sql.Tx) error {
			_, err := assessment.NewWriter(tx).Score(ctx, userName(), time.Now(), id, assessment.Proposition(c.Proposition), c.Outcome == "held", c.Why)
			return err
		})
		if err != nil {
			return exitError{exitIncomplete, err}
		}
	}
	h, err := assessment.NewReader(k.app.store.DB()).History(ctx)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return indented(std.out, h)
	}
	printLedger(std.out, h)
	return nil
}

func printLedger(out io.Writer, h assessment.History) {
	for _, o := range h.Outcomes {
		outcome := "failed"
		if o.Held {
			outcome = "held"
		}
		fmt.Fprintf(out, "%s  %s  %s: %s (%.0f %%), %s — %s, %s\n", o.At.Format(time.DateOnly), o.Campaign, o.Proposition, o.Word, 100*o.Chance, outcome, printable(o.Why), printable(o.Who))
	}
	for _, w := range h.Words {
		fmt.Fprintf(out, "%q was said %s and held %s.\n", w.Word, times(w.Said), times(w.Held))
	}
	fmt.Fprintf(out, "%s scored. Assessments are %s.\n", count(h.Scored, "statement"), h.Calibration())
}
