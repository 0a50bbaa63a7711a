package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	sealed "portcullis.example/portcullis/internal/pack"
)

type packMakeCommand struct {
	Indicators []string `required:"" help:"File of indicators: STIX 2.1 or MISP JSON, CSV, or lines; - reads standard input. May be given several times." placeholder:"FILE"`
	Key        string   `required:"" help:"File of the secret key; \"portcullis pack key make\" makes one." placeholder:"FILE" type:"path"`
	For        string   `required:"" help:"What the pack is for, in a sentence that anybody may read." placeholder:"TEXT"`
	TLP        string   `required:"" help:"How the pack may be handled: clear, green, amber, amber+strict, red." placeholder:"TLP"`
	Until      string   `required:"" help:"Until when the pack may be used, such as 2027-01-01." placeholder:"WHEN"`
	Output     string   `required:"" short:"o" help:"The pack." placeholder:"FILE" type:"path"`
	Briefing   string   `help:"File with what a person who has one of these is to know. Only they can read it." placeholder:"FILE" type:"path"`
	Describe   bool     `name:"descriptions" help:"A STIX indicator's own description is what its finder is to know; --briefing is for those without one. Only for descriptions that are written for the person concerned."`
	Issuer     string   `help:"Who you are, as people call you. Default: the key's name." placeholder:"NAME"`
	Allow      []string `help:"Domain that is known to be good; an indicator on it is refused. May be given several times." placeholder:"DOMAIN"`
	Memory     uint32   `help:"Memory of one guess, in KiB. Default: 1536." placeholder:"KIB"`
	Passes     uint32   `help:"Passes over the memory." default:"1"`
	Filter     int      `help:"Add a filter that tells so many bits of each indicator, which makes a house and a guesser faster alike." placeholder:"BITS"`
	PadTo      int      `help:"Fill up to so many entries with ones that stand for nothing, so that the count is not told." placeholder:"N"`
	Fast       bool     `help:"Allow parameters with which one core of this machine tests more than 2,000 guesses a second."`
	Format     string   `help:"text or json." enum:"text,json" default:"text"`
}

// Help says what a pack keeps secret and what it does not.
func (packMakeCommand) Help() string {
	return `Whoever holds the pack can find out whether a value they have is in it, and can read the briefing for it. Whoever does not have a value has to guess it, at the rate that is printed. Nearly every registered domain can be guessed from public lists in days; host names, addresses of URLs with a path and hashes hardly. Give a pack to those you would nearly tell. docs/PACK.md says more.

Indicators that would match everybody's mail are refused. Those that are quickly guessed are sealed and named.

Exit status: 0 done; 2 something was refused or could not be read (the rest was sealed); 3 failed.`
}

// Run makes a pack.
func (c *packMakeCommand) Run(std stdio, g *Globals) error {
	cfg, err := loadConfig(g)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	opts, err := c.options(&app{cfg: cfg})
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	items, problems, err := c.items(std)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if len(items) == 0 {
		return exitError{exitIncomplete, errors.New("there is no indicator to seal")}
	}
	made, err := sealed.Make(opts, items)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if err := writePage(std, c.Output, made.Bytes); err != nil {
		return err
	}
	for _, p := range problems {
		fmt.Fprintln(std.err, "portcullis:", printable(p.Error()))
	}
	for _, r := range made.Refused {
		fmt.Fprintf(std.err, "portcullis: %s is not sealed: %s\n", printable(r.Indicator.Pattern.String()), printable(r.Why))
	}
	if c.Format == "json" {
		err = writeJSON(std.out, c.report(made))
	} else if c.Output != "-" {
		c.print(std.out, made)
	}
	if err == nil && len(made.Refused)+len(problems) > 0 {
		return exitError{exitIncomplete, nil}
	}
	return err
}

func (c *packMakeCommand) options(a *app) (o sealed.Options, err error) {
	o = sealed.Options{Issuer: c.Issuer, For: c.For, Created: time.Now(), Params: sealed.DefaultParams(),
		FilterBits: c.Filter, Pad: c.PadTo, Allow: c.Allow, Fast: c.Fast}
	o.Params.Memory, o.Params.Time = cmp.Or(c.Memory, o.Params.Memory), c.Passes
	if o.TLP, err = archive.ParseMarking(c.TLP); err != nil {
		return o, fmt.Errorf("--tlp: %w", err)
	}
	if o.Until, err = parseWhen("--until", c.Until); err != nil {
		return o, err
	}
	if o.Signer, err = sealed.LoadSigner(c.Key); err != nil {
		return o, err
	}
	lists, _, err := a.warninglists()
	if err != nil {
		return o, err
	}
	o.Lists = lists
	return o, nil
}

// maxBriefing is more than a pack takes, so that the pack says what is wrong.
const maxBriefing = 64 << 10

func (c *packMakeCommand) items(std stdio) (items []sealed.Item, problems []archive.Problem, err error) {
	words := ""
	if c.Briefing != "" {
		f, err := os.Open(c.Briefing)
		if err != nil {
			return nil, nil, fmt.Errorf("--briefing: %w", err)
		}
		defer f.Close()
		raw, err := io.ReadAll(io.LimitReader(f, maxBriefing))
		if err != nil {
			return nil, nil, fmt.Errorf("--briefing: %w", err)
		}
		words = strings.TrimSpace(string(raw))
	}
	for _, name := range c.Indicators {
		list, more, described, err := c.feed(std, name)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range more {
			if !p.Note {
				problems = append(problems, p)
			}
		}
		for _, i := range list {
			items = append(items, sealed.Item{Indicator: i, Text: cmp.Or(described[i.Pattern], words)})
		}
	}
	return items, problems, nil
}

// feed reads a file of indicators, and what it says of each.
func (c *packMakeCommand) feed(std stdio, name string) (list []portcullis.Indicator, problems []archive.Problem, described map[portcullis.Observable]string, err error) {
	if !c.Describe {
		list, problems, err = readFeed(std, name)
		return list, problems, nil, err
	}
	var raw []byte
	if name == "-" {
		raw, err = io.ReadAll(io.LimitReader(std.in, maxDescribed+1))
	} else {
		raw, err = readBounded(name, maxDescribed+1)
	}
	switch {
	case err != nil:
		return nil, nil, nil, fmt.Errorf("read indicators: %w", err)
	case len(raw) > maxDescribed:
		return nil, nil, nil, fmt.Errorf("%s is larger than %d MiB; split it", printable(name), maxDescribed>>20)
	}
	if list, problems, err = archive.ReadIndicators(filepath.Base(name), bytes.NewReader(raw)); err != nil {
		return nil, nil, nil, err
	}
	return list, problems, descriptions(raw), nil
}

// maxDescribed bounds a file whose descriptions are read.
const maxDescribed = 64 << 20

func readBounded(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// descriptions are what STIX indicators say of themselves, by the values they are about. What is no STIX
// has none.
func descriptions(raw []byte) map[portcullis.Observable]string {
	var bundle struct {
		Objects []json.RawMessage `json:"objects"`
	}
	if json.Unmarshal(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), &bundle) != nil {
		return nil
	}
	about := map[portcullis.Observable]string{}
	for _, object := range bundle.Objects {
		var one struct{ Type, Description string }
		if json.Unmarshal(object, &one) != nil || one.Type != "indicator" || strings.TrimSpace(one.Description) == "" {
			continue
		}
		list, _, err := archive.ReadIndicators("", bytes.NewReader(object)) // problems were told when the whole was read
		if err != nil {
			continue
		}
		for _, i := range list {
			text := strings.TrimSpace(one.Description)
			if before := about[i.Pattern]; before != "" && before != text {
				text = before + "\n\n" + text
			}
			about[i.Pattern] = text
		}
	}
	return about
}

// report is the machine form.
func (c *packMakeCommand) report(m *sealed.Made) any {
	return map[string]any{"schema": 1, "file": c.Output, "header": m.Header, "size": len(m.Bytes), "rate": m.Rate,
		"refused": append([]sealed.Refused{}, m.Refused...), "guessable": append([]sealed.Guessable{}, m.Guessable...), "classes": append([]sealed.Class{}, m.Classes...)}
}

const flaggedShown = 50

func (c *packMakeCommand) print(out io.Writer, m *sealed.Made) {
	t := newTheme(out)
	fmt.Fprintf(out, "%s sealed in %s (%s), signed with %s\n\n", count(m.Count, "indicator"), printable(filepath.Base(c.Output)), megabytes(int64(len(m.Bytes))), m.Key)
	printGuessing(out, m.Header, m.Rate)
	for _, class := range m.Classes {
		fmt.Fprintf(out, "  %s among the %s: one who tests all %s of these needs %s\n", thousands(class.Count), class.What, inWords(class.Guesses), coreDays(class.Days))
	}
	if len(m.Guessable) > 0 {
		fmt.Fprintf(out, "\n%s\n", t.bold("Guessed within a day on one core; think about leaving out "+count(len(m.Guessable), "indicator")+":"))
	}
	for n, g := range m.Guessable {
		if n == flaggedShown {
			fmt.Fprintf(out, "  … and %s more; --format json names all\n", thousands(len(m.Guessable)-n))
			break
		}
		fmt.Fprintf(out, "  %s  %s, %s\n", printable(g.Indicator.Pattern.String()), g.Why, coreDays(g.Days))
	}
}

// printGuessing says what it costs to guess.
func printGuessing(out io.Writer, h sealed.Header, r sealed.Rate) {
	fmt.Fprintf(out, "Guessing: this machine tests %s guesses a second and core through %s; the fastest other program that was measured %.1f times as many, graphics cards far more.\n",
		thousands(int(r.Hashed)), h.Params, r.Fastest/r.Guesses)
	if h.Slots > 0 {
		fmt.Fprintf(out, "  The filter tells %.2f bits of each indicator: it judges %s guesses a second, so that all in all %s are tested.\n",
			h.FilterBits, inWords(r.Filtered), thousands(int(r.Guesses)))
	} else {
		fmt.Fprintln(out, "  There is no filter, so every guess costs that much.")
	}
}

// inWords writes a large number in words.
func inWords(n float64) string {
	for _, unit := range []struct {
		least float64
		word  string
	}{{1e12, " trillion"}, {1e9, " billion"}, {1e6, " million"}} {
		if n >= unit.least {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", n/unit.least), ".0") + unit.word
		}
	}
	return thousands(int(n))
}

func coreDays(days float64) string {
	switch {
	case days < 1.5/24/60:
		return "a minute of one core or less"
	case days < 1.0/24:
		return fmt.Sprintf("%.0f minutes of one core", days*24*60)
	case days < 2:
		return fmt.Sprintf("%.1f hours of one core", days*24)
	}
	return fmt.Sprintf("%.1f days of one core", days)
}
