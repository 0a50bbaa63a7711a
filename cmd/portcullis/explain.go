package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
)

type explainCommand struct {
	ID     string `arg:"" name:"FINDING-ID" help:"As scan and findings print it; a unique beginning is enough."`
	People string `help:"File of protected people, for names. Default: the one of the last scan." placeholder:"FILE" type:"path"`
}

const (
	excerptBytes  = 400 // shown of one piece of evidence
	evidenceShown = 12
)

// Run explains one finding.
func (c *explainCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, reader, dir, err := openForReading(ctx, g, c.People)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	id := c.ID
	if !strings.HasPrefix(id, "finding:") {
		id = "finding:" + id
	}
	found, err := reader.Finding(ctx, portcullis.ID(id))
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	e := explanation{ctx: ctx, out: std.out, t: newTheme(std.out), reader: reader, dir: dir, raw: map[portcullis.ID]*message.Message{}}
	return e.print(found)
}

type explanation struct {
	ctx    context.Context
	out    io.Writer
	t      theme
	reader *records.Reader
	dir    *people.Directory
	raw    map[portcullis.ID]*message.Message
}

func (e *explanation) print(found records.Found) error {
	f := found.Finding
	fmt.Fprintf(e.out, "%s  %s\n", e.t.bold(string(f.ID)), e.t.severity(f.Severity))
	e.paragraph("", f.Summary)
	e.line("Rule", f.Rule+" — "+mail.AboutRule(f.Rule))
	if f.Technique != "" {
		e.line("Technique", "MITRE ATT&CK "+f.Technique)
	}
	e.line("Confidence", fmt.Sprintf("%d of 100", f.Confidence))
	e.line("Concerns", nameAll(e.dir, f.People))
	e.line("Score", fmt.Sprintf("%+d of the message's %d points; it would be: %s", f.Points, found.Message.Score, found.Message.Action))
	e.line("When", whenText(found.Message))
	list, err := e.reader.Deliveries(e.ctx, found.Message.ID)
	if err != nil {
		return err
	}
	for _, d := range list {
		e.line("Found in", placeOf(d)+" (recipient known by "+d.How+")")
	}
	if err := e.evidence(f, found.Message.ID); err != nil {
		return err
	}
	fmt.Fprintln(e.out, e.t.bold("\nWhat could not be known"))
	unknown := f.Unknown
	if v, ok, err := e.reader.Verdict(e.ctx, found.Message.ID); err != nil {
		return err
	} else if ok {
		unknown = append(unknown, v.Unknown...)
	}
	for _, u := range unknown {
		e.paragraph("- ", u)
	}
	if len(unknown) == 0 {
		e.paragraph("- ", "nothing that this rule asks for")
	}
	fmt.Fprintln(e.out, e.t.bold("\nThe smallest change that would have flipped it"))
	e.paragraph("", orNone(f.Flip))
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none is known to the rule"
	}
	return s
}

func whenText(m records.Message) string {
	if m.Time.IsZero() {
		return "not known: the message tells no time; scanned " + dayText(m.Recorded)
	}
	when := m.Time.Format("2 Jan 2006 15:04:05 UTC")
	if !m.TimeKnown {
		when += " (as the sender wrote it: no trusted server's time is known)"
	}
	return when
}

func (e *explanation) line(what, text string) {
	for i, l := range wrap(printable(text), e.t.width-14) {
		if i > 0 {
			what = ""
		}
		fmt.Fprintf(e.out, "%-12s  %s\n", what, l)
	}
}

func (e *explanation) paragraph(lead, text string) {
	for i, l := range wrap(printable(text), e.t.width-4) {
		if i > 0 {
			lead = strings.Repeat(" ", len(lead))
		}
		fmt.Fprintf(e.out, "  %s%s\n", lead, l)
	}
}

func (e *explanation) evidence(f portcullis.Finding, of portcullis.ID) error {
	fmt.Fprintln(e.out, e.t.bold("\nEvidence"))
	for i, ev := range f.Evidence {
		if i == evidenceShown {
			fmt.Fprintf(e.out, "  … and %d more\n", len(f.Evidence)-i)
			break
		}
		if ev.Event == "" {
			ev.Event = of
		}
		m, err := e.message(ev.Event)
		if err != nil {
			return err
		}
		e.one(i+1, ev, m, ev.Event != of)
	}
	return nil
}

// message is the kept message, nil where it was not kept.
func (e *explanation) message(id portcullis.ID) (*message.Message, error) {
	if m, ok := e.raw[id]; ok {
		return m, nil
	}
	raw, ok, err := e.reader.Body(e.ctx, id)
	if err != nil {
		return nil, err
	}
	var m *message.Message
	if ok {
		m = message.Parse(raw, message.DefaultLimits())
	}
	e.raw[id] = m
	return m, nil
}

func (e *explanation) one(n int, ev portcullis.Evidence, m *message.Message, other bool) {
	e.paragraph(fmt.Sprintf("%d. ", n), ev.Note)
	where := ev.Part
	if other {
		where = "in the copy " + string(ev.Event) + ", " + where
	}
	if m == nil {
		fmt.Fprintf(e.out, "     %s\n", e.t.dim(printable(fmt.Sprintf("%s, bytes %d–%d; the message's bytes were not kept", where, ev.Start, ev.End))))
		return
	}
	excerpt, from, to := quote(m, ev)
	fmt.Fprintf(e.out, "     %s\n", e.t.dim(printable(fmt.Sprintf("%s, bytes %d–%d; bytes %d–%d of the message", where, ev.Start, ev.End, from, to))))
	if excerpt != "" {
		fmt.Fprintf(e.out, "     %s\n", strconv.QuoteToGraphic(excerpt))
	}
}

// quote returns the bytes a piece of evidence points to, and where they lie in
// the raw message.
func quote(m *message.Message, ev portcullis.Evidence) (excerpt string, from, to int) {
	if strings.HasPrefix(ev.Part, "header:") {
		from, to = clamp(ev.Start, len(m.Raw)), clamp(ev.End, len(m.Raw))
		return cut(strings.TrimRight(string(m.Raw[from:max(from, to)]), "\r\n")), from, to
	}
	for _, p := range m.Parts {
		if p.Path != ev.Part || len(p.Children) > 0 {
			continue
		}
		if ev.Start == 0 && ev.End == 0 {
			return "", p.Start, p.End
		}
		from, to = p.RawRange(ev.Start, ev.End)
		text := string(p.Content())
		if strings.HasPrefix(p.MediaType, "text/") || p.IsHTML() {
			text = p.Text()
		}
		start, end := clamp(ev.Start, len(text)), clamp(ev.End, len(text))
		return cut(text[start:max(start, end)]), from, to
	}
	return "", ev.Start, ev.End
}

func clamp(n, limit int) int { return min(max(n, 0), limit) }

func cut(s string) string {
	if len(s) > excerptBytes {
		return s[:excerptBytes] + "…"
	}
	return s
}
