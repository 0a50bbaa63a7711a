package lists

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"portcullis.example/portcullis/internal/screening"
)

// maxProblems bounds what is told of one list; the rest is counted.
const maxProblems = 1000

// builder gathers entries while files are read.
type builder struct {
	o         Options
	list      string
	limits    Limits
	read      int64
	fileName  string
	published string
	columns   []string

	byID     map[string]*screening.Entity
	order    []*screening.Entity
	lines    map[string]int // where an entry was first met
	problems []Problem
	untold   int
	gone     int                   // records that could not be kept
	cut      map[string]cutRemarks // of OFAC entries, whose rest another file may hold
}

func newBuilder(o Options) *builder {
	return &builder{o: o, list: o.List, limits: o.Limits.filled(), byID: map[string]*screening.Entity{}, lines: map[string]int{}, cut: map[string]cutRemarks{}}
}

// entity is the entry of the id, made where there is none yet.
func (b *builder) entity(id string, line int) (*screening.Entity, error) {
	if e, ok := b.byID[id]; ok {
		return e, nil
	}
	if len(b.order) >= b.limits.Entries {
		return nil, refuse(line, "it has more than %d entries, the limit for a list", b.limits.Entries)
	}
	e := &screening.Entity{ID: id}
	b.byID[id] = e
	b.order = append(b.order, e)
	b.lines[id] = line
	return e, nil
}

func (b *builder) problem(e *screening.Entity, line int, format string, args ...any) {
	b.tell(e, line, false, format, args...)
}

// lost tells of a record of which nothing could be kept.
func (b *builder) lost(line int, format string, args ...any) {
	b.gone++
	b.tell(nil, line, false, format, args...)
}

func (b *builder) note(e *screening.Entity, line int, format string, args ...any) {
	b.tell(e, line, true, format, args...)
}

func (b *builder) tell(e *screening.Entity, line int, note bool, format string, args ...any) {
	if len(b.problems) >= maxProblems {
		b.untold++
		return
	}
	p := Problem{File: b.fileName, Line: line, Note: note, Text: fmt.Sprintf(format, args...)}
	if e != nil {
		p.Entry = e.ID
	}
	b.problems = append(b.problems, p)
}

// name adds a name. A text in brackets that is in another script than the rest
// becomes a name of its own.
func (b *builder) name(e *screening.Entity, n screening.Name, line int) {
	n.Text = tidy(n.Text)
	if n.Text == "" {
		return
	}
	if outer, inner, ok := otherScriptInBrackets(n.Text); ok {
		n.Text = outer
		b.add(e, screening.Name{Text: inner, Kind: screening.NameOriginalScript}, line)
	}
	if n.Kind != screening.NamePrimary && !latinOnly(n.Text) {
		n.Kind = screening.NameOriginalScript
	}
	b.add(e, n, line)
}

func (b *builder) add(e *screening.Entity, n screening.Name, line int) {
	if !hasLetter(n.Text) && e.Kind == screening.KindPerson {
		b.note(e, line, "the name %q has no letters and is left out", shorten(n.Text))
		return
	}
	if length := utf8.RuneCountInString(n.Text); length > b.limits.Name {
		b.problem(e, line, "a name of %d characters: the first %d are compared, the whole stands in the remarks", length, b.limits.Name)
		b.remark(e, "Whole name: "+n.Text)
		n.Text, n.Parts = strings.TrimSpace(cut(n.Text, b.limits.Name)), nil
	}
	if len(e.Names) >= b.limits.Names {
		if len(e.Names) == b.limits.Names {
			b.problem(e, line, "it has more than %d names; the others are left out", b.limits.Names)
		}
		return
	}
	for i := range e.Names {
		if e.Names[i].Text == n.Text {
			if e.Names[i].Kind == screening.NameWeakAlias && n.Kind != screening.NameOriginalScript {
				e.Names[i] = n // listed twice: the stronger counts
			}
			return
		}
	}
	if n.Kind == "" {
		n.Kind = screening.NameAlias
	}
	e.Names = append(e.Names, n)
}

// birth adds the dates of a text. What is no date at all is worth a note; a date that
// cannot be is a problem.
func (b *builder) birth(e *screening.Entity, text string, order DateOrder, line int) {
	b.births(e, text, order, false, line)
}

func (b *builder) births(e *screening.Entity, text string, order DateOrder, approximate bool, line int) {
	dates, err := ParseDates(text, order)
	switch {
	case err != nil && err.Error() == ErrNoDate.Error():
		b.note(e, line, "date of birth %q: %v", shorten(text), err)
	case err != nil:
		b.problem(e, line, "date of birth %q: %v", shorten(text), strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	for _, d := range dates {
		d.Approximate = d.Approximate || approximate
		b.born(e, d)
	}
}

func (b *builder) born(e *screening.Entity, d screening.PartialDate) {
	if d != (screening.PartialDate{}) && !slices.Contains(e.Births, d) {
		e.Births = append(e.Births, d)
	}
}

func (b *builder) identifier(e *screening.Entity, kind, value, country string) {
	id := screening.Identifier{Kind: kind, Value: tidy(value), Country: tidy(country)}
	if id.Value != "" && len(id.Value) <= 200 && !slices.Contains(e.Identifiers, id) {
		e.Identifiers = append(e.Identifiers, id)
	}
}

func (b *builder) consequence(e *screening.Entity, c screening.Consequence) {
	if c.Measure != "" && !slices.Contains(e.Consequences, c) {
		e.Consequences = append(e.Consequences, c)
	}
}

func (b *builder) imposed(e *screening.Entity, text string) {
	for _, c := range measures(text) {
		b.consequence(e, c)
	}
}

func (b *builder) remark(e *screening.Entity, text string) {
	text = tidy(text)
	if text == "" || strings.Contains(e.Remarks, text) {
		return
	}
	if e.Remarks != "" {
		text = e.Remarks + " " + text
	}
	e.Remarks = cut(text, b.limits.Remarks)
}

func (b *builder) program(e *screening.Entity, text string) {
	text = tidy(text)
	if text == "" || slices.Contains(strings.Split(e.Program, "; "), text) {
		return
	}
	if e.Program != "" {
		text = e.Program + "; " + text
	}
	e.Program = text
}

// addTo appends what is not there yet.
func addTo(list *[]string, values ...string) {
	for _, v := range values {
		if v = tidy(v); v != "" && !slices.Contains(*list, v) {
			*list = append(*list, v)
		}
	}
}

// finish leaves out what has no name, and hands the rest over.
func (b *builder) finish(l *List) {
	b.finishRemarks()
	l.Name, l.Published, l.Columns, l.Lost = b.list, b.published, b.columns, b.gone
	if l.Name == "" {
		l.Name = string(l.Format)
	}
	l.Entities = make([]screening.Entity, 0, len(b.order))
	for _, e := range b.order {
		if len(e.Names) == 0 {
			l.Lost++
			b.problem(e, b.lines[e.ID], "the entry has no name and cannot be compared with any; it is left out")
			continue
		}
		if !slices.ContainsFunc(e.Names, func(n screening.Name) bool { return n.Kind == screening.NamePrimary }) {
			e.Names[best(e.Names)].Kind = screening.NamePrimary
		}
		slices.SortStableFunc(e.Names, func(x, y screening.Name) int { return rank(x) - rank(y) }) // some lists put aliases first
		e.List = l.Name
		l.Entities = append(l.Entities, *e)
	}
	l.Problems = b.problems
	if b.untold > 0 {
		l.Problems = append(l.Problems, Problem{File: b.fileName, Text: fmt.Sprintf("%d more like these", b.untold)})
	}
	l.SHA256 = l.Files[0].SHA256
	if len(l.Files) > 1 {
		h := sha256.New()
		for _, f := range l.Files {
			fmt.Fprintln(h, f.SHA256)
		}
		l.SHA256 = hex.EncodeToString(h.Sum(nil))
	}
}

// best is the name that stands for an entry whose list calls none primary: the first that
// is no weak alias and not in another script, if there is one.
func best(names []screening.Name) int {
	return max(0, slices.IndexFunc(names, func(n screening.Name) bool {
		return n.Kind != screening.NameWeakAlias && n.Kind != screening.NameOriginalScript
	}))
}

// rank is 0 of primary names, 1 of others.
func rank(n screening.Name) int {
	if n.Kind == screening.NamePrimary {
		return 0
	}
	return 1
}

// tidy joins white space, drops control and zero-width characters, and cuts what is
// no valid UTF-8. Direction marks and soft hyphens are how names are made to look alike.
func tidy(s string) string {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != '\u200c', r == unicode.ReplacementChar: // U+200C parts Persian words
			return -1
		}
		return r
	}, s)
	return strings.Trim(strings.Join(strings.Fields(s), " "), "\u200c ")
}

func cut(s string, runes int) string {
	n := 0
	for i := range s {
		if n == runes {
			return s[:i]
		}
		n++
	}
	return s
}

func shorten(s string) string {
	if short := cut(s, 60); short != s {
		return short + "…"
	}
	return s
}

func hasLetter(s string) bool { return strings.IndexFunc(s, unicode.IsLetter) >= 0 }

// isLetter is for files that import another package of the name unicode.
func isLetter(r rune) bool { return unicode.IsLetter(r) }

// otherScriptInBrackets takes "Salim (سالم)" apart.
func otherScriptInBrackets(s string) (outer, inner string, ok bool) {
	open := strings.IndexByte(s, '(')
	if open <= 0 {
		return "", "", false
	}
	length := strings.IndexByte(s[open:], ')')
	if length < 0 {
		return "", "", false
	}
	inner = strings.TrimSpace(s[open+1 : open+length])
	outer = tidy(s[:open] + " " + s[open+length+1:])
	if !hasLetter(inner) || !hasLetter(outer) || latinOnly(inner) || !latinOnly(outer) {
		return "", "", false
	}
	return outer, inner, true
}

// latinOnly tells whether every letter is Latin.
func latinOnly(s string) bool {
	for _, r := range s {
		if r >= 0x370 && unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) {
			return false
		}
	}
	return true
}

// shortHash tells apart what a list gives no number.
func shortHash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:5])
}
