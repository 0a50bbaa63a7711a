package mail

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
)

// Copies of registers: lists of people with where they live and when they were
// born, lying in a mailbox or leaving the house (ATT&CK T1213, Data from
// Information Repositories; T1048, Exfiltration Over Alternative Protocol).
//
// Somebody who wants to know who lives where doesn't break into the register's
// database when an extract of it lies in a mailbox. The rule looks for tables,
// in text, web pages, spreadsheets and archives, whose columns are what
// registers of people have. It reads shapes, not people: a column in which
// nearly every cell is a date between 14 and 110 years ago, spread over decades,
// hardly two the same, is dates of birth, whatever the language. Headings help
// where there are any.
//
// A table counts from 25 rows on that each have three of name, date of birth,
// address or postcode, identity number, and e-mail address or telephone number,
// a name or date of birth among them; ten are enough under a heading that only
// registers have. Names with telephone numbers alone are an office's list, and
// orders, results, programmes and books have headings of their own. No cell is
// ever quoted: the finding tells which columns there are and how many rows, and
// points to the head.
//
// Known misses: tables whose rows are spread over lines or pictures; encrypted
// files; lists without births whose head says nothing and whose addresses are
// written in a way not known here.
var registerRule = Rule{
	Name:      registerCopyRule,
	Version:   1,
	Technique: "T1213",
	About:     "Lists of people with dates of birth, addresses or numbers, as from a register of voters, members or inhabitants.",
	Judge:     judgeRegister,
}

const (
	registerRows      = 25 // rows that make a list of people
	registerRowsKnown = 10 // under a head that only registers have
	maxRegisters      = 10 // stated of one message
)

func judgeRegister(in *Input) []Statement {
	now := in.F.Time
	if now.Year() < 1990 {
		now = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) // no time is known
	}
	var list []Statement
	if part, t := in.registerInText(now); t.rows > 0 {
		list = append(list, in.registerCopy(part, "the text", t, true))
	}
	for _, a := range in.Attachments {
		if t, exact := attachedRegister(a, now); t.rows > 0 && len(list) < maxRegisters {
			list = append(list, in.registerCopy(a.Part.Path, "the attachment "+fileLabel(a), t, exact))
		}
	}
	return list
}

// registerInText looks through what the mail shows, and through all text of
// mail attached to it. The same list in two alternatives is one.
func (in *Input) registerInText(now time.Time) (part string, best table) {
	for _, p := range in.M.Parts {
		if p.IsAttachment() || len(p.Children) > 0 {
			continue // attachments are looked through one by one
		}
		if t, ok := biggest(p.Text(), finder(p), now); ok && t.rows > best.rows {
			part, best = p.Path, t
		}
	}
	return part, best
}

// attachedRegister looks through an attachment: its own text where it is text,
// since what was read of documents and archives is cut at a limit.
func attachedRegister(a Attachment, now time.Time) (t table, exact bool) {
	if text := a.Part.Text(); text != "" {
		t, _ = biggest(text, finder(a.Part), now)
		return t, true
	}
	t, _ = biggest(a.Report.Text, findRows, now)
	return t, false
}

func finder(p *message.Part) func(string) []row {
	if p.IsHTML() {
		return findMarkupRows
	}
	return findRows
}

// biggest finds the largest list of people in a text.
func biggest(text string, find func(string) []row, now time.Time) (best table, ok bool) {
	for _, group := range alike(find(text)) {
		t := newTable(text, group, now)
		if t.register() && t.rows > best.rows {
			best, ok = t, true
		}
	}
	return best, ok
}

// alike groups rows that have the same separator and number of cells.
func alike(rows []row) [][]row {
	if len(rows) < registerRowsKnown {
		return nil
	}
	var groups [][]row
	at := map[[2]uint8]int{}
	for _, r := range rows {
		key := [2]uint8{uint8(r.sep), r.cells}
		i, ok := at[key]
		if !ok {
			i = len(groups)
			at[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return slices.DeleteFunc(groups, func(g []row) bool { return len(g) < registerRowsKnown })
}

// registerCopy makes the statement.
func (in *Input) registerCopy(part, where string, t table, exact bool) Statement {
	s := Statement{
		Key: part, Attention: portcullis.Targeted, Severity: portcullis.Medium, Points: 60, Confidence: t.confidence(),
		People: slices.Clone(in.Targets), Flip: fmt.Sprintf("fewer than %d rows, or fewer than three of these columns", t.needs()),
	}
	e := portcullis.Evidence{Part: part, Note: fmt.Sprintf("%d rows", t.rows)}
	if exact && t.headEnd > 0 {
		e.Start, e.End, e.Note = t.headStart, t.headEnd, fmt.Sprintf("the head of %d rows", t.rows)
	}
	s.Evidence = []portcullis.Evidence{e}
	what := fmt.Sprintf("a list of %d people with %s", t.rows, t.describe())
	if in.F.BulkCopies {
		s.Summary = fmt.Sprintf("This file holds %s.", what)
		return s
	}
	if out := in.leavingTo(); out != "" {
		s.Severity, s.Points, s.Technique = portcullis.High, 80, "T1048"
		s.Summary = fmt.Sprintf("A mail out of the house, to %s, carries %s in %s.", out, what, where)
		s.Flip += "; or recipients within the house and its partners"
		return s
	}
	s.Summary = fmt.Sprintf("In %s of this mail lies %s.", where, what)
	return s
}

// leavingTo is the domain of the first recipient outside, if the mail is from
// within; "" if it stays.
func (in *Input) leavingTo() string {
	own := in.People.OwnDomain(in.SenderDomain) || len(in.People.ByAddress(in.Sender.Addr)) > 0
	if !own {
		return ""
	}
	for _, field := range []string{"To", "Cc", "Bcc"} {
		for _, a := range in.M.Header.Addresses(field) {
			if a.Domain == "" {
				continue
			}
			if o := in.People.KnownDomain(a.Domain); o == nil || o.Kind != people.KindOwn && o.Kind != people.KindPartner {
				return strings.ToLower(a.Domain)
			}
		}
	}
	return ""
}
