package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/records"
)

func (c *huntCommand) output(std stdio) (huntOutput, error) {
	switch c.Format {
	case "json":
		return newHuntJSON(std.out)
	case "ndjson":
		return &huntLines{out: std.out, verbose: c.Verbose}, nil
	case "csv":
		return newHuntCSV(std.out)
	}
	return &huntText{out: std.out, t: newTheme(std.out), verbose: c.Verbose}, nil
}

// huntText is for people: by indicator, then by person.
type huntText struct {
	out     io.Writer
	t       theme
	verbose bool
	mails   []huntMail
	missing []portcullis.Observable
}

const formsShown = 4 // of one mail

func (o *huntText) mail(m huntMail) error {
	o.mails = append(o.mails, m)
	return nil
}

func (o *huntText) missed(p portcullis.Observable) error {
	o.missing = append(o.missing, p)
	return nil
}

// found prints an indicator's mails under everyone who got them.
func (o *huntText) found(p huntPattern) error {
	b := bufio.NewWriter(o.out)
	fmt.Fprintf(b, "%s  %s to %s, %s\n", o.t.bold(printable(p.Pattern.String())), count(p.Mails, "mail"), peopleCount(p.People), span(p.First, p.Last))
	var names []string
	by := map[string][]huntMail{}
	for _, m := range o.mails {
		for _, who := range m.whom() {
			if by[who] == nil {
				names = append(names, who)
			}
			by[who] = append(by[who], m)
		}
	}
	for _, who := range names {
		fmt.Fprintf(b, "\n  %s\n", o.t.bold(printable(who)))
		for _, m := range by[who] {
			o.one(b, m, who)
		}
	}
	if rest := p.Mails - len(o.mails); rest > 0 {
		fmt.Fprintf(b, "\n  … and %s more; --limit 0 shows all\n", count(rest, "mail"))
	}
	fmt.Fprintln(b)
	o.mails = nil
	return b.Flush()
}

// whom lists who got a mail, each once.
func (m huntMail) whom() (names []string) {
	seen := map[string]bool{}
	for _, r := range m.Recipients {
		if who := r.who(); !seen[who] {
			seen[who] = true
			names = append(names, who)
		}
	}
	if names == nil {
		names = []string{"Recipient unknown"}
	}
	return names
}

func peopleCount(n int) string {
	switch n {
	case 0:
		return "nobody who is known"
	case 1:
		return "1 person"
	}
	return thousands(n) + " people"
}

func span(first, last time.Time) string {
	a, b := first.Format("2 Jan 2006"), last.Format("2 Jan 2006")
	if a == b {
		return a
	}
	return a + " to " + b
}

func (o *huntText) one(b *bufio.Writer, m huntMail, who string) {
	when := m.Time.Format("2 Jan 2006 15:04 UTC")
	if !m.TimeKnown {
		when += " (sender's clock)"
	}
	from := m.SenderDomain
	if from == "" {
		from = "an unknown sender"
	}
	fmt.Fprintf(b, "    %s  from %s  %s, score %d\n", when, printable(from), m.Action, m.Score)
	for _, r := range m.Recipients {
		if r.who() == who {
			fmt.Fprintf(b, "      %s\n", o.t.dim(printable(r.place())))
		}
	}
	for i, f := range m.Forms {
		if i == formsShown {
			fmt.Fprintf(b, "      … and in %s more\n", count(len(m.Forms)-i, "form"))
			break
		}
		fmt.Fprintf(b, "      %s\n", printable(f.String()))
	}
}

// String tells in which form the indicator appeared and where.
func (f huntForm) String() string {
	s := f.Form
	if s == "" {
		s = "as it is"
	}
	s += ": " + f.Observable.Value
	if f.Part != "" {
		where := "part " + f.Part
		if field, ok := strings.CutPrefix(f.Part, "header:"); ok {
			where = "header " + field
		} else if f.Part == rawMessage {
			where = "the message as it stands"
		}
		s += ", in " + where
	}
	if f.End > f.Start {
		s += fmt.Sprintf(", bytes %d to %d", f.Start, f.End)
	}
	if f.Match != "exact" {
		s += " (" + f.Match + ")"
	}
	return s
}

func (o *huntText) end(t huntTotals) error {
	b := bufio.NewWriter(o.out)
	switch {
	case t.Found == 0 && t.Indicators == 1:
		fmt.Fprintf(b, "Found nothing: %s is in no stored mail.\n", printable(o.missing[0].String()))
		return b.Flush()
	case t.Found == 0:
		fmt.Fprintf(b, "Found nothing: none of %s is in any stored mail.\n", count(t.Indicators, "indicator"))
	case t.Indicators > 1:
		fmt.Fprintf(b, "%s of %s found, in %s to %s; %s not.\n", thousands(t.Found), count(t.Indicators, "indicator"),
			count(t.Mails, "mail"), peopleCount(t.People), thousands(t.Indicators-t.Found))
	}
	if o.verbose && len(o.missing) > 0 {
		fmt.Fprintln(b, "In no stored mail:")
		for _, p := range o.missing {
			fmt.Fprintf(b, "  %s\n", printable(p.String()))
		}
	}
	return b.Flush()
}

// huntJSON writes one document, as it goes.
type huntJSON struct {
	out      *bufio.Writer
	patterns []huntPattern
	missing  []portcullis.Observable
	any      bool
}

func newHuntJSON(out io.Writer) (*huntJSON, error) {
	o := &huntJSON{out: bufio.NewWriter(out), patterns: []huntPattern{}, missing: []portcullis.Observable{}}
	_, err := o.out.WriteString(`{"schema":1,"mails":[`)
	return o, err
}

func (o *huntJSON) mail(m huntMail) error {
	if o.any {
		_ = o.out.WriteByte(',') // Flush reports it
	}
	o.any = true
	_ = o.out.WriteByte('\n')
	_, err := o.out.Write(visibleJSON(m))
	return err
}

func (o *huntJSON) found(p huntPattern) error {
	o.patterns = append(o.patterns, p)
	return nil
}

func (o *huntJSON) missed(p portcullis.Observable) error {
	o.missing = append(o.missing, p)
	return nil
}

func (o *huntJSON) end(t huntTotals) error {
	fmt.Fprintf(o.out, "\n],\n\"found\":%s,\n\"not_found\":%s,\n\"totals\":%s}\n", visibleJSON(o.patterns), visibleJSON(o.missing), visibleJSON(t))
	return o.out.Flush()
}

// visibleJSON escapes what JSON lets stand and terminals act on: control characters
// beyond ASCII, and marks that turn the direction of text.
func visibleJSON(v any) []byte {
	raw := compactJSON(v)
	out := make([]byte, 0, len(raw))
	for _, r := range string(raw) {
		if r >= 0x7f && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// huntLines writes one JSON document a line: mails, and with -v indicators that were not found.
type huntLines struct {
	out     io.Writer
	verbose bool
}

func (o *huntLines) line(v any) error {
	_, err := o.out.Write(append(visibleJSON(v), '\n'))
	return err
}

func (o *huntLines) mail(m huntMail) error   { return o.line(m) }
func (o *huntLines) found(huntPattern) error { return nil }
func (o *huntLines) end(huntTotals) error    { return nil }

func (o *huntLines) missed(p portcullis.Observable) error {
	if !o.verbose {
		return nil
	}
	return o.line(map[string]any{"schema": 1, "pattern": p, "not_found": true})
}

// huntCSV writes one row for each recipient of a mail.
type huntCSV struct{ w *csv.Writer }

func newHuntCSV(out io.Writer) (*huntCSV, error) {
	o := &huntCSV{csv.NewWriter(out)}
	return o, o.w.Write([]string{"type", "indicator", "time", "person", "name", "address", "sender_domain", "action", "score", "form", "observable", "source", "offset", "event"})
}

func (o *huntCSV) mail(m huntMail) error {
	var forms, values []string
	for _, f := range m.Forms {
		forms, values = append(forms, f.Form), append(values, f.Observable.Value)
	}
	recipients := m.Recipients
	if recipients == nil {
		recipients = []huntRecipient{{}}
	}
	for _, r := range recipients {
		if err := o.w.Write([]string{string(m.Pattern.Type), cell(m.Pattern.Value), m.Time.Format(time.RFC3339), cell(string(r.Person)), cell(r.Name), cell(r.Address),
			cell(m.SenderDomain), m.Action.String(), itoa(int(m.Score)), cell(strings.Join(forms, "; ")), cell(strings.Join(values, " ")),
			cell(r.Source), fmt.Sprint(r.Offset), string(m.Event)}); err != nil {
			return err
		}
	}
	return nil
}

func (o *huntCSV) found(huntPattern) error            { return nil }
func (o *huntCSV) missed(portcullis.Observable) error { return nil }

func (o *huntCSV) end(huntTotals) error {
	o.w.Flush()
	return o.w.Error()
}

// place is where a delivery lies.
func (r huntRecipient) place() string {
	return placeOf(records.Delivery{Source: r.Source, Offset: r.Offset})
}
