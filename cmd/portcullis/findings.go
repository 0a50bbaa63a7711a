package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
)

type findingsCommand struct {
	Person string `help:"Only those that concern this person: name, address or id." placeholder:"WHO"`
	Since  string `help:"Only mail from this day on: 2026-11-01, or 30d for the last thirty days." placeholder:"WHEN"`
	Rule   string `help:"Only this rule, e.g. mail/impersonation." placeholder:"RULE"`
	All    bool   `help:"Informational findings too."`
	Limit  int    `help:"At most so many; 0 for all." default:"200"`
	Format string `help:"text, json, ndjson or csv." enum:"text,json,ndjson,csv" default:"text"`
	People string `help:"File of protected people, for names. Default: the one of the last scan." placeholder:"FILE" type:"path"`
}

// findingOut is the machine form of one finding.
type findingOut struct {
	Schema int `json:"schema"`
	portcullis.Finding
	Message portcullis.ID      `json:"message"`
	Score   uint8              `json:"score"`
	Action  portcullis.Action  `json:"action"`
	Where   []records.Delivery `json:"where"`
}

// Run lists findings.
func (c *findingsCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, reader, dir, err := openForReading(ctx, g, c.People)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	filter, err := c.filter(dir)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if filter.Limit > 0 {
		filter.Limit++ // one more, to know whether there are more
	}
	found, err := reader.Findings(ctx, filter)
	if err != nil {
		return err
	}
	if c.Limit > 0 && len(found) > c.Limit {
		found = found[:c.Limit]
		fmt.Fprintf(std.err, "Only the first %s are listed; --limit 0 lists all.\n", count(c.Limit, "finding"))
	}
	if c.Format == "text" {
		s := &summary{}
		if len(found) == 0 {
			fmt.Fprintln(std.out, "Nothing found.")
			return nil
		}
		for _, f := range found {
			s.finding(std.out, newTheme(std.out), printing{ctx: ctx, people: dir, reader: reader}, f)
			fmt.Fprintf(std.out, "      concerns %s\n", printable(nameAll(dir, f.Finding.People)))
		}
		return nil
	}
	var list []findingOut
	for _, f := range found {
		where, err := reader.Deliveries(ctx, f.Message.ID)
		if err != nil {
			return err
		}
		f.Finding.Flip = "" // what would have flipped it is for `explain`, never for export
		for i := range where {
			where[i].Source, _, _ = strings.Cut(where[i].Source, copySeparator)
		}
		list = append(list, findingOut{1, f.Finding, f.Message.ID, f.Message.Score, f.Message.Action, where})
	}
	return writeFindings(std.out, c.Format, list)
}

func writeFindings(out io.Writer, format string, list []findingOut) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	switch format {
	case "json":
		enc.SetIndent("", "  ")
		if list == nil {
			list = []findingOut{}
		}
		return enc.Encode(map[string]any{"schema": 1, "findings": list})
	case "ndjson":
		for _, f := range list {
			if err := enc.Encode(f); err != nil {
				return err
			}
		}
		return nil
	}
	w := csv.NewWriter(out)
	rows := [][]string{{"id", "time", "severity", "attention", "rule", "technique", "confidence", "people", "summary", "message", "score", "action", "source"}}
	for _, f := range list {
		source := ""
		if len(f.Where) > 0 {
			source = placeOf(f.Where[0])
		}
		rows = append(rows, []string{string(f.ID), f.Time.Format(time.RFC3339), f.Severity.String(), f.Attention.String(), f.Rule, f.Technique,
			itoa(int(f.Confidence)), joinIDs(f.People), cell(f.Summary), string(f.Message), itoa(int(f.Score)), f.Action.String(), cell(source)})
	}
	return w.WriteAll(rows)
}

// cell keeps a spreadsheet from taking attackers' text for a formula.
func cell(s string) string {
	s = printable(s)
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func joinIDs(ids []portcullis.ID) string {
	var s []string
	for _, id := range ids {
		s = append(s, string(id))
	}
	return strings.Join(s, ";")
}

func (c *findingsCommand) filter(dir *people.Directory) (f records.Filter, err error) {
	f = records.Filter{Rule: c.Rule, Informational: c.All, Limit: c.Limit}
	if c.Since != "" {
		if f.Since, err = parseSince(c.Since, time.Now()); err != nil {
			return f, err
		}
	}
	if c.Person != "" {
		f.People, err = findPeople(dir, c.Person)
	}
	return f, err
}

// parseSince reads a day, a time, or a number of days back.
func parseSince(s string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		if _, err := fmt.Sscanf(days, "%d", &n); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	for _, layout := range []string{"2006-01-02", time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q: want a day such as 2026-11-01, a time such as 2026-11-01T08:00:00Z, or 30d", s)
}

// findPeople finds who is meant by an id, an address or (part of) a name.
func findPeople(dir *people.Directory, who string) (ids []portcullis.ID, err error) {
	if p := dir.Person(portcullis.ID(who)); p != nil {
		return []portcullis.ID{p.ID}, nil
	}
	for _, p := range dir.ByAddress(who) {
		ids = append(ids, p.ID)
	}
	for _, p := range dir.People() {
		if strings.Contains(strings.ToLower(p.Name), strings.ToLower(who)) {
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("nobody called %q in the people file; give a name, an address or an id", who)
	}
	return ids, nil
}

func nameAll(dir *people.Directory, ids []portcullis.ID) string {
	var names []string
	for _, id := range ids {
		if p := dir.Person(id); p != nil {
			names = append(names, p.Name)
		} else {
			names = append(names, string(id))
		}
	}
	if len(names) == 0 {
		return "nobody in the people file"
	}
	return strings.Join(names, ", ")
}

// openForReading opens the store read-only, with the people of the last scan
// unless others are named.
func openForReading(ctx context.Context, g *Globals, peopleFile string) (*app, *records.Reader, *people.Directory, error) {
	cfg, err := loadConfig(g)
	if err != nil {
		return nil, nil, nil, exitError{exitIncomplete, err}
	}
	a, err := openApp(ctx, cfg, true, false)
	if err != nil {
		return nil, nil, nil, err
	}
	reader := records.NewReader(a.store.DB())
	dir, err := lastPeople(ctx, reader, peopleFile)
	if err != nil {
		return nil, nil, nil, errors.Join(err, a.close())
	}
	return a, reader, dir, nil
}

func lastPeople(ctx context.Context, reader *records.Reader, path string) (*people.Directory, error) {
	if path != "" {
		who, err := loadPeople(path)
		return who.dir, err
	}
	raw, _, err := reader.LastInput(ctx, "people")
	if err != nil {
		return nil, err
	}
	dir, _, err := people.Parse("the people file of the last scan", strings.NewReader(string(raw)))
	return dir, err
}
