package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/source"
	"portcullis.example/portcullis/internal/trial"
)

type tryCommand struct {
	Corpus    []string `arg:"" optional:"" name:"CORPUS" help:"Folder that --label paths are relative to; its subfolders bad and good are taken if there is no --label." type:"path"`
	Label     []string `help:"Labelled mail: bad=PATH or good=PATH. Repeatable; each path is a source of its own." placeholder:"SIDE=PATH" sep:"none"`
	People    string   `help:"File of protected people. Default: the configuration's." placeholder:"FILE" type:"path"`
	Normalise bool     `help:"Remove what only tells collections apart before judging." default:"true" negatable:""`
	Later     bool     `name:"split" help:"Judge only the later half of each source by date: the one to report after learning from the earlier."`
	Format    string   `help:"How to print: ${enum}." enum:"table,json" default:"table"`
}

// Help teaches what the one-line help cannot.
func (tryCommand) Help() string {
	return `Judges labelled mail and counts per source what is tagged, what would ask for attention, and in how many mails each rule had a part. Nothing is stored, and no history is used: on a house's own mail a scan does better.

The worst legitimate source is the figure that matters, not the average.

Example:
  portcullis try ~/corpus --label bad=reported --label good=newsletters --label good=inbox.mbox`
}

// Run tries.
func (c *tryCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	cfg, err := loadConfig(g)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if c.People == "" {
		c.People = cfg.People
	}
	who, err := loadPeople(c.People)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	a := &app{cfg: cfg, dir: cfg.Data}
	if err := a.place(false); err != nil {
		return err
	}
	model, err := loadModel(a.dir)
	if err != nil {
		return err
	}
	labels, err := c.labels()
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	results, unread, err := c.try(ctx, mail.NewJudge(who.dir, cfg.Mail, model), labels)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = json.NewEncoder(std.out).Encode(struct {
			Schema     int            `json:"schema"`
			Normalised bool           `json:"normalised"`
			Later      bool           `json:"later_half"`
			Tag        int            `json:"tag"`
			Sources    []trial.Result `json:"sources"`
		}{1, c.Normalise, c.Later, cfg.Mail.Tag, results})
	} else {
		err = c.print(std.out, results, cfg.Mail.Tag)
	}
	if err != nil {
		return err
	}
	return tellUnread(std.err, unread)
}

// label is one source and its side.
type label struct {
	bad        bool
	name, path string
}

func (c *tryCommand) labels() (list []label, err error) {
	given := c.Label
	if len(given) == 0 {
		if len(c.Corpus) == 0 {
			return nil, fmt.Errorf("no mail named; give --label bad=PATH and --label good=PATH")
		}
		given = []string{"bad=bad", "good=good"}
	}
	for _, one := range given {
		side, path, ok := strings.Cut(one, "=")
		if !ok || path == "" || side != "bad" && side != "good" {
			return nil, fmt.Errorf("--label %s: want bad=PATH or good=PATH", one)
		}
		found, err := c.find(path)
		if err != nil {
			return nil, err
		}
		list = append(list, label{side == "bad", path, found})
	}
	return list, nil
}

// find looks for a path as it stands, then below each corpus.
func (c *tryCommand) find(path string) (string, error) {
	for _, root := range c.Corpus {
		if below := filepath.Join(root, path); !filepath.IsAbs(path) && exists(below) {
			return below, nil
		}
	}
	if exists(path) {
		return path, nil
	}
	return "", fmt.Errorf("--label: there is no %s, nor below %s", path, strings.Join(c.Corpus, ", "))
}

func (c *tryCommand) try(ctx context.Context, j *mail.Judge, labels []label) (results []trial.Result, unread []source.Problem, err error) {
	for _, l := range labels {
		s, problems, err := trial.Read(ctx, l.name, l.bad, l.path)
		if err != nil {
			return nil, nil, err
		}
		unread = append(unread, problems...)
		if c.Normalise {
			s = s.Normalised()
		}
		if c.Later {
			_, s = s.Split()
		}
		r, err := trial.Try(ctx, j, s, nil)
		if err != nil {
			return nil, nil, err
		}
		results = append(results, r)
	}
	return results, unread, nil
}

func (c *tryCommand) print(out io.Writer, results []trial.Result, tag int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "source\tside\tmails\ttagged (score ≥ %d)\tasking for attention\n", tag)
	var rules []string
	for _, r := range results {
		side := "good"
		if r.Bad {
			side = "bad"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d  %.2f %%\t%d\n", printable(r.Source), side, r.Mails, r.Tagged, 100*r.Rate(), r.Targeted)
		for name := range r.Rules {
			if !slices.Contains(rules, name) {
				rules = append(rules, name)
			}
		}
	}
	slices.Sort(rules)
	fmt.Fprintf(w, "\nmails in which a rule added points\t")
	for _, r := range results {
		fmt.Fprintf(w, "\t%s", printable(r.Source))
	}
	fmt.Fprintln(w)
	for _, name := range rules {
		fmt.Fprintf(w, "%s\t", name)
		for _, r := range results {
			fmt.Fprintf(w, "\t%d  %.1f %%", r.Rules[name], 100*float64(r.Rules[name])/float64(max(1, r.Mails)))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\nNormalised: %s.  Later halves only: %s.\n", yesNo(c.Normalise), yesNo(c.Later))
	return w.Flush()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
