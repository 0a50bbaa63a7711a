package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/term"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/mail/source"
	"portcullis.example/portcullis/internal/people"
)

// counts are what a run adds up.
type counts struct{ messages, fresh, again int64 }

// summary is what a scan has to tell at its end.
type summary struct {
	counts
	began    time.Time
	resumed  int    // files that an earlier scan has read, and that have not grown
	last     string // the one that was counted last
	passed   int
	mu       sync.Mutex // guards what the reading goroutine writes
	problems []source.Problem
}

func newSummary(began time.Time) *summary { return &summary{began: began} }

func (s *summary) add(c counts) {
	s.messages += c.messages
	s.fresh += c.fresh
	s.again += c.again
}

func (s *summary) ignored(string) { s.passed++ }

// goesOn counts a file that an earlier scan has read; files come one after the other.
func (s *summary) goesOn(file string) {
	s.resumed++
	s.last = file
}

// grew takes back what goesOn counted, when the file has more to give.
func (s *summary) grew(file string) {
	if s.last == file && file != "" {
		s.resumed--
		s.last = ""
	}
}

func (s *summary) problem(p source.Problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, p)
}

// printing is what printing a summary needs.
type printing struct {
	ctx       context.Context
	people    *people.Directory
	found     []records.Found
	reader    *records.Reader
	quiet     bool
	temporary bool
	dir       string
}

const (
	perPerson   = 5 // findings shown of one person
	maxProblems = 20
)

// print writes what a scan came to: person by person, then totals, then what
// could not be read.
func (s *summary) print(out io.Writer, p printing) {
	t := newTheme(out)
	if !p.quiet {
		s.findings(out, t, p)
	}
	s.totals(out, t, p)
	s.unread(out, t)
	if p.temporary {
		fmt.Fprintf(out, "\nThis scan used a temporary store, which is gone now. To keep what is found, hunt in it and ask why:\n  portcullis scan --data ./portcullis-data --people PEOPLE MAILBOX…\n")
	}
}

// stopped says how far an interrupted scan came, and what becomes of it.
func (s *summary) stopped(out io.Writer, temporary bool) {
	after := count(int(s.messages), "message")
	if temporary {
		fmt.Fprintf(out, "Stopped after %s. The store was a temporary one and is gone: with --data DIR a scan can be stopped and goes on later.\n", after)
		return
	}
	fmt.Fprintf(out, "Stopped after %s; what they held is stored. The same command goes on from here.\n", after)
}

func (s *summary) findings(out io.Writer, t theme, p printing) {
	groups := groupByPerson(p.found)
	if len(groups) == 0 {
		fmt.Fprintln(out, "Nobody is being targeted in this mail, as far as it shows.")
		return
	}
	for _, g := range groups {
		name, who := "Nobody in the people file", ""
		if person := p.people.Person(g.person); person != nil {
			name, who = person.Name, fmt.Sprintf(" --person %q", printable(person.Name))
			if about := cmp.Or(person.Role, person.Office); about != "" {
				name += ", " + about
			}
		}
		fmt.Fprintf(out, "\n%s\n", t.bold(printable(name)))
		for i, f := range g.found {
			if i == perPerson {
				fmt.Fprintf(out, "  … and %d more: portcullis findings%s\n", len(g.found)-perPerson, who)
				break
			}
			s.finding(out, t, p, f)
		}
	}
	fmt.Fprintln(out)
}

func (s *summary) finding(out io.Writer, t theme, p printing, f records.Found) {
	fmt.Fprintf(out, "  %s  %s  %s\n", t.severity(f.Finding.Severity), dayText(f.Finding.Time), shortID(f.Finding.ID))
	for _, line := range wrap(printable(statement(f.Finding.Summary)), t.width-6) {
		fmt.Fprintf(out, "      %s\n", line)
	}
	if where := whereIs(p, f); where != "" {
		fmt.Fprintf(out, "      %s\n", t.dim(printable(where)))
	}
}

// dayText is a day for people; of some mail none is known.
func dayText(t time.Time) string {
	if t.IsZero() {
		return "no date"
	}
	return t.Format("2 Jan 2006")
}

// statement is a summary without its reasons, which stand in brackets at its
// end: what is the case here, why in explain.
func statement(summary string) string {
	if !strings.HasSuffix(summary, ").") {
		return summary
	}
	depth := 0
	for i := len(summary) - 2; i > 0; i-- {
		switch summary[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				return strings.TrimRight(summary[:i], " ") + "."
			}
		}
	}
	return summary
}

func whereIs(p printing, f records.Found) string {
	list, err := p.reader.Deliveries(p.ctx, f.Message.ID)
	if err != nil || len(list) == 0 {
		return ""
	}
	return placeOf(list[0])
}

// placeOf is where a delivery lies, shorter for what is below the working folder.
func placeOf(d records.Delivery) string {
	name, _, _ := strings.Cut(d.Source, copySeparator)
	if wd, err := os.Getwd(); err == nil {
		name = strings.TrimPrefix(name, wd+string(os.PathSeparator))
	}
	if d.Offset > 0 && strings.HasPrefix(name, "imap:") {
		return fmt.Sprintf("%s, UID %d", name, d.Offset)
	}
	if d.Offset > 0 {
		return fmt.Sprintf("%s at byte %d", name, d.Offset)
	}
	return name
}

func (s *summary) totals(out io.Writer, t theme, p printing) {
	took := time.Since(s.began)
	fmt.Fprintf(out, "%s read in %s", count(int(s.messages), "message"), round(took))
	if known := s.messages - s.fresh; known > 0 {
		fmt.Fprintf(out, ", %s of them known from before", thousands(known))
	}
	if s.again > 0 {
		fmt.Fprintf(out, ", %s judged again with this people file", thousands(s.again))
	}
	if s.resumed > 0 {
		fmt.Fprintf(out, "; %s unchanged since an earlier scan", count(s.resumed, "file"))
	}
	fmt.Fprintln(out, ".")
	totals, err := p.reader.Totals(p.ctx)
	if err != nil {
		return
	}
	if n, err := p.reader.JudgedOtherwise(p.ctx, p.people.Version()); err == nil && n > 0 {
		fmt.Fprintf(out, "%s in the store, judged with another people file than this one: `portcullis scan --rejudge` with the same mailboxes judges again.\n", count(int(n), "message"))
	}
	by := map[portcullis.Severity]int{}
	for _, f := range p.found {
		by[f.Finding.Severity]++
	}
	var parts []string
	for sev := portcullis.Critical; sev >= portcullis.Low; sev-- {
		if by[sev] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", by[sev], sev))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	fmt.Fprintf(out, "The store holds %s in %s.\n", count(int(totals.Messages), "message"), deliveries(totals.Deliveries))
	fmt.Fprintf(out, "Findings worth a look: %s. Ordinary phishing tagged, nobody need look: %s.\n",
		strings.Join(parts, ", "), thousands(totals.Actions["tag"]+totals.Actions["hold"]+totals.Actions["refuse"]-int64(targetedMails(p.found))))
	fmt.Fprintf(out, "%s %s\n", t.dim("Why:"), "portcullis explain ID   "+t.dim("Who else got it:")+" portcullis hunt DOMAIN")
}

func deliveries(n int64) string {
	if n == 1 {
		return "1 delivery"
	}
	return thousands(n) + " deliveries"
}

// targetedMails counts the messages that findings worth a look are about and
// that are tagged as well.
func targetedMails(found []records.Found) int {
	seen := map[portcullis.ID]bool{}
	for _, f := range found {
		if f.Message.Action > portcullis.Pass {
			seen[f.Message.ID] = true
		}
	}
	return len(seen)
}

func (s *summary) unread(out io.Writer, t theme) {
	if len(s.problems) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", t.bold("Not read, or not wholly:"))
	for i, p := range s.problems {
		if i == maxProblems {
			fmt.Fprintf(out, "  … and %d more\n", len(s.problems)-i)
			return
		}
		fmt.Fprintf(out, "  %s\n", printable(p.Error()))
	}
}

// personFindings are one person's findings, most serious first.
type personFindings struct {
	person portcullis.ID
	found  []records.Found
}

// groupByPerson puts each finding under everyone it concerns; who is hit
// hardest comes first.
func groupByPerson(found []records.Found) []personFindings {
	index := map[portcullis.ID]int{}
	var groups []personFindings
	for _, f := range found {
		people := f.Finding.People
		if len(people) == 0 {
			people = []portcullis.ID{""}
		}
		for _, id := range people {
			i, ok := index[id]
			if !ok {
				i = len(groups)
				index[id] = i
				groups = append(groups, personFindings{person: id})
			}
			groups[i].found = append(groups[i].found, f)
		}
	}
	slices.SortStableFunc(groups, func(a, b personFindings) int {
		return cmp.Or(cmp.Compare(b.found[0].Finding.Severity, a.found[0].Finding.Severity), cmp.Compare(len(b.found), len(a.found)), cmp.Compare(a.person, b.person))
	})
	return groups
}

// shortID is enough of an id to find it again.
func shortID(id portcullis.ID) string {
	if s := string(id); len(s) > len("finding:")+10 {
		return s[:len("finding:")+10]
	}
	return string(id)
}

// theme is how the terminal looks: nothing is told by colour alone, and there
// is none where the output is no terminal or NO_COLOR is set.
type theme struct {
	colour bool
	width  int
}

func newTheme(out io.Writer) theme {
	t := theme{width: 100}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return t
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil {
		t.width = min(max(w, 40), 120)
	}
	t.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return t
}

func (t theme) style(code, s string) string {
	if !t.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t theme) bold(s string) string { return t.style("1", s) }
func (t theme) dim(s string) string  { return t.style("2", s) }

func (t theme) severity(s portcullis.Severity) string {
	word := fmt.Sprintf("%-8s", strings.ToUpper(s.String()))
	switch {
	case s >= portcullis.High:
		return t.style("1;31", word)
	case s == portcullis.Medium:
		return t.style("33", word)
	}
	return word
}

// printable escapes what could act on a terminal or deceive the eye: control
// and format characters, bidirectional ones among them.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return '·'
		}
		return r
	}, s)
}

// printableLines keeps line breaks: an error may be several, and may quote what an attacker named.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// wrap breaks a text into lines.
func wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func round(d time.Duration) time.Duration {
	if d > 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return thousands(n) + " " + thing + "s"
}
