package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/web/access"
)

type indicatorsCommand struct {
	List indicatorsListCommand `cmd:"" default:"withargs" help:"List the indicators that are kept, and how often each was seen."`
	Add  indicatorsAddCommand  `cmd:"" help:"Take a feed of indicators, and look for each in all that is kept."`
}

type indicatorsListCommand struct {
	Format string `help:"text or json." enum:"text,json" default:"text"`
}

type indicatorsAddCommand struct {
	Feeds   []string `arg:"" name:"FEED" help:"File: plain lines, CSV, MISP or STIX 2.1 JSON; - reads standard input."`
	From    string   `help:"Who told us. It is kept with each indicator." required:"" placeholder:"NAME"`
	TLP     string   `help:"Marking to keep them under: clear, green, amber, amber+strict, red. Default: what the feed says." placeholder:"TLP"`
	Purpose string   `help:"Why you look for addresses or subjects, if the feed has any. It is logged with your name." placeholder:"TEXT"`
	Anyway  bool     `help:"Take those too that hit very many mails, are commonplace or out of date."`
	Format  string   `help:"text or json." enum:"text,json" default:"text"`
	People  string   `help:"File of protected people, for names. Default: the one of the last scan." placeholder:"FILE" type:"path"`
}

// Help tells what is refused.
func (indicatorsAddCommand) Help() string {
	return `Each indicator is tried on everything that is kept before it is taken. One that would hit a great part of all mail, or that is commonplace (a mailbox provider, a link shortener), is refused with the count of what it would hit. What is taken is looked for in all history at once, and in all later mail.

Exit status: 0 done; 2 something was refused or could not be read (the rest was taken); 3 failed.`
}

// fed is what came of a feed.
type fed struct {
	Schema    int                    `json:"schema"`
	Taken     int                    `json:"taken"`
	New       int                    `json:"new"`
	Refused   []campaigns.Checked    `json:"refused"`
	Problems  []string               `json:"problems"`
	Mails     int                    `json:"mails"`
	People    []portcullis.ID        `json:"people"`
	Campaigns []portcullis.ID        `json:"campaigns"`
	Took      time.Duration          `json:"took_ns"`
	list      []portcullis.Indicator // those that are taken
}

// Hits counts the messages that each pattern would hit, with all below a domain and within a network.
func (k *correlator) Hits(ctx context.Context, patterns []portcullis.Observable) ([]int, error) {
	count := map[portcullis.Observable]int{}
	var pattern portcullis.Observable
	var event portcullis.ID
	err := archive.NewReader(k.app.store.DB()).WithKey(k.app.key).Hunt(ctx, patterns, func(hit archive.Hit) error {
		if hit.Pattern != pattern || hit.Event != event {
			count[hit.Pattern]++
			pattern, event = hit.Pattern, hit.Event
		}
		return nil
	})
	hits := make([]int, len(patterns))
	for i, p := range patterns {
		hits[i] = count[p]
	}
	return hits, err
}

// Run takes feeds.
func (c *indicatorsAddCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	marking, err := archive.ParseMarking(c.TLP)
	if err != nil {
		return exitError{exitIncomplete, fmt.Errorf("--tlp: %w", err)}
	}
	list, problems, err := c.read(std, marking)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	k, err := openCorrelator(ctx, g, c.People, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.app.close()) }()
	out := fed{Schema: 1, Problems: problems, Refused: []campaigns.Checked{}, People: []portcullis.ID{}, Campaigns: []portcullis.ID{}}
	if err := c.take(ctx, k, list, &out); err != nil {
		return err
	}
	if c.Format == "json" {
		err = writeJSON(std.out, out)
	} else {
		c.print(std, k, out)
	}
	if err == nil && len(out.Refused)+len(out.Problems) > 0 {
		return exitError{exitIncomplete, nil}
	}
	return err
}

func (c *indicatorsAddCommand) read(std stdio, marking string) (list []portcullis.Indicator, problems []string, err error) {
	problems = []string{}
	for _, name := range c.Feeds {
		found, wrong, err := readFeed(std, name)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range wrong {
			if !p.Note {
				problems = append(problems, p.Error())
			}
		}
		for _, i := range found {
			i.Source, i.Marking = c.From, cmp.Or(marking, i.Marking)
			list = append(list, i)
		}
	}
	return list, problems, nil
}

func readFeed(std stdio, name string) ([]portcullis.Indicator, []archive.Problem, error) {
	if name == "-" {
		return archive.ReadIndicators("standard input", std.in)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("feed: %w", err)
	}
	defer f.Close()
	return archive.ReadIndicators(filepath.Base(name), f)
}

// take checks, keeps, and looks back. Where addresses or subjects are looked for, the
// reason is written down in the same transaction.
func (c *indicatorsAddCommand) take(ctx context.Context, k *correlator, list []portcullis.Indicator, out *fed) error {
	began := time.Now()
	checked, err := campaigns.NewReader(k.app.store.DB(), k.deps()).Check(ctx, list)
	if err != nil {
		return err
	}
	var personal []portcullis.Observable
	for _, one := range checked {
		private := archive.Personal(one.Indicator.Pattern)
		if private && strings.TrimSpace(c.Purpose) == "" {
			one.Refused = "it asks about a person or a subject; state the reason with --purpose"
		} else if c.Anyway {
			one.Refused = ""
		}
		if one.Refused != "" {
			out.Refused = append(out.Refused, one)
			continue
		}
		if private {
			personal = append(personal, one.Indicator.Pattern)
		}
		out.list = append(out.list, one.Indicator)
	}
	out.Taken = len(out.list)
	if err := c.keep(ctx, k, personal, out); err != nil {
		return err
	}
	seen, err := k.sight(ctx, out.list)
	if err != nil {
		return err
	}
	out.Mails, out.People = seen.sightings, append(out.People, seen.people...)
	if _, err := k.drain(ctx); err != nil {
		return err
	}
	out.Campaigns, err = k.campaignsOf(ctx, seen.events)
	out.Took = time.Since(began)
	return err
}

// campaignsOf are the campaigns in which any of these mails are.
func (k *correlator) campaignsOf(ctx context.Context, events []portcullis.ID) ([]portcullis.ID, error) {
	list := []portcullis.ID{}
	reader := campaigns.NewReader(k.app.store.DB(), k.deps())
	for _, event := range events {
		in, err := reader.Campaigns(ctx, campaigns.Query{Event: event, Limit: 1, Ordinary: true})
		if err != nil {
			return nil, err
		}
		for _, c := range in {
			if !slices.Contains(list, c.ID) {
				list = append(list, c.ID)
			}
		}
	}
	return list, nil
}

func (c *indicatorsAddCommand) keep(ctx context.Context, k *correlator, personal []portcullis.Observable, out *fed) error {
	return k.app.store.Tx(ctx, func(tx *sql.Tx) (err error) {
		w := archive.NewWriter(tx)
		defer w.Close()
		if len(personal) > 0 {
			if err := w.LogPurpose(ctx, time.Now(), userName(), c.Purpose, personal); err != nil {
				return err
			}
		}
		if out.New, err = w.AddIndicators(ctx, out.list, time.Now()); err != nil {
			return err
		}
		cw := campaigns.NewWriter(tx, k.deps())
		defer cw.Close()
		if _, err = cw.Tell(ctx, out.list); err != nil {
			return err
		}
		return auditActs(ctx, tx, access.EditIndicator, "indicators", c.takenIn(out))
	})
}

// takenIn is what the audit keeps of a feed: whose, and how much of it was taken.
func (c *indicatorsAddCommand) takenIn(out *fed) any {
	return struct {
		From    string `json:"from"`
		TLP     string `json:"tlp,omitempty"`
		Purpose string `json:"purpose,omitempty"`
		Taken   int    `json:"taken"`
		New     int    `json:"new"`
		Refused int    `json:"refused"`
	}{c.From, c.TLP, c.Purpose, out.Taken, out.New, len(out.Refused)}
}

func (c *indicatorsAddCommand) print(std stdio, k *correlator, out fed) {
	for _, p := range out.Problems {
		fmt.Fprintln(std.err, "portcullis:", printable(p))
	}
	for _, r := range out.Refused {
		fmt.Fprintf(std.err, "portcullis: %s is refused: %s\n", printable(r.Indicator.Pattern.String()), printable(r.Refused))
	}
	fmt.Fprintf(std.out, "%s from %s taken, %s new.\n", count(out.Taken, "indicator"), printable(c.From), thousands(out.New))
	if out.Taken == 0 {
		if len(out.Problems)+len(out.Refused) == 0 {
			fmt.Fprintln(std.err, "portcullis: there is no indicator in it; if there should be, ask whoever sent it")
		}
		return
	}
	if out.Mails == 0 {
		fmt.Fprintln(std.out, "None was ever seen. Later mail is matched against them.")
		return
	}
	fmt.Fprintf(std.out, "Seen in %s, which reached %s:\n", count(out.Mails, "mail"), countPeopleText(len(out.People)))
	for _, id := range out.People {
		fmt.Fprintf(std.out, "  %s\n", printable(nameAll(k.dir, []portcullis.ID{id})))
	}
	for _, id := range out.Campaigns {
		fmt.Fprintf(std.out, "In %s: `portcullis brief %s` drafts the notices\n", id, shortCampaign(id))
	}
}

// shortCampaign is enough of a campaign's id to type.
func shortCampaign(id portcullis.ID) portcullis.ID { return id[:min(len(id), len("campaign:")+10)] }

// Run lists kept indicators, the most often seen first.
func (c *indicatorsListCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, err := openExisting(ctx, g, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	list, err := indicatorsOf(ctx, archive.NewReader(a.store.DB()))
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b summaryOfIndicator) int {
		return cmp.Or(cmp.Compare(b.Sightings, a.Sightings), cmp.Compare(a.Pattern.String(), b.Pattern.String()), cmp.Compare(a.Source, b.Source))
	})
	if c.Format == "json" {
		if list == nil {
			list = []summaryOfIndicator{}
		}
		return writeJSON(std.out, map[string]any{"schema": 1, "indicators": list})
	}
	if len(list) == 0 {
		fmt.Fprintln(std.out, "No indicators are kept. `portcullis indicators add FEED --from NAME` takes some.")
	}
	for _, i := range list {
		fmt.Fprintf(std.out, "%s  from %s  %s  seen in %s\n", printable(i.Pattern.String()), printable(i.Source), i.Marking, count(i.Sightings, "mail"))
	}
	return nil
}

// summaryOfIndicator is one line of `indicators list`.
type summaryOfIndicator struct {
	portcullis.Indicator
	Sightings int `json:"sightings"`
}

func indicatorsOf(ctx context.Context, r *archive.Reader) (list []summaryOfIndicator, err error) {
	kept, err := r.Indicators(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	for _, i := range kept {
		seen, err := r.Sightings(ctx, i.ID())
		if err != nil {
			return nil, err
		}
		list = append(list, summaryOfIndicator{i, len(seen)})
	}
	return list, nil
}
