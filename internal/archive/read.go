package archive

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"portcullis.example/portcullis"
)

// Limits of a file of indicators.
const (
	MaxIndicators     = 100_000
	maxIndicatorFile  = 256 << 20
	maxIndicatorLine  = 128 << 10 // the longest URL, twice
	maxIndicatorNotes = 1000      // problems that are told one by one
)

// Problem is a line or element of an indicator file that could not be used.
type Problem struct {
	File    string
	Line    int    // 0: not known (JSON)
	Path    string // in JSON: "objects[3].pattern"
	Message string
	Remedy  string
	Note    bool // left out on purpose, nothing is wrong
}

func (p Problem) Error() string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	if p.Path != "" {
		where += " " + p.Path
	}
	text := where + ": " + p.Message
	if p.Remedy != "" {
		text += "; " + p.Remedy
	}
	return text
}

// ReadIndicators reads a file of indicators, finding out by itself which it is:
//
//   - lines of what ParsePattern reads; # begins a comment
//   - CSV (commas, semicolons or tabs) with a header that names columns "indicator",
//     "type", "source", "tlp", "valid_from", "valid_until", or common words for these; or without
//     one, where the first column that can be read is taken
//   - MISP: events, attributes, or lists of them, as JSON
//   - STIX 2.1 bundles and indicators, with patterns of equalities joined by OR
//
// Defanged notation is allowed everywhere. What cannot be used is in the problems,
// none is dropped silently; the error says that the file is of no use at all.
func ReadIndicators(name string, r io.Reader) ([]portcullis.Indicator, []Problem, error) {
	b := bufio.NewReaderSize(io.LimitReader(r, maxIndicatorFile+1), 64<<10)
	l := &list{file: name, seen: map[portcullis.ID]bool{}}
	head, err := b.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, nil, fmt.Errorf("read indicators from %s: %w", name, err)
	}
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return nil, nil, fmt.Errorf("%s is in UTF-16; save it as UTF-8", name)
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return nil, nil, fmt.Errorf("%s is no text; give a list, CSV, MISP or STIX JSON, unpacked", name)
	}
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if looksLikeJSON(head) {
		err = l.readJSON(b)
	} else {
		err = l.readText(b)
	}
	if err != nil {
		return nil, l.problems, err
	}
	return l.indicators, l.finish(), nil
}

// looksLikeJSON tells JSON from a list that begins with a bracket ("[2001:db8::1]").
func looksLikeJSON(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 || head[0] == '{' {
		return len(head) > 0
	}
	next := bytes.TrimLeft(head[1:], " \t\r\n")
	return head[0] == '[' && len(next) > 0 && strings.IndexByte(`{["]`, next[0]) >= 0
}

// list is what a file comes to.
type list struct {
	file       string
	indicators []portcullis.Indicator
	seen       map[portcullis.ID]bool
	problems   []Problem
	untold     int // problems beyond those that are told
	surplus    int // indicators beyond the limit
	left       map[string]int
}

// add takes an indicator unless the same from the same source was there before.
func (l *list) add(i portcullis.Indicator) {
	id := i.ID()
	switch {
	case l.seen[id]:
		return
	case len(l.indicators) == MaxIndicators:
		l.surplus++
		return
	}
	l.seen[id] = true
	l.indicators = append(l.indicators, i)
}

func (l *list) problem(p Problem) {
	p.File = l.file
	p.Message = clip(p.Message)
	if len(l.problems) >= maxIndicatorNotes {
		l.untold++
		return
	}
	l.problems = append(l.problems, p)
}

// clip keeps what a file says from filling the screen.
func clip(s string) string {
	const most = 400
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// leaveOut counts what is left out on purpose.
func (l *list) leaveOut(why string) {
	if l.left == nil {
		l.left = map[string]int{}
	}
	l.left[why]++
}

func (l *list) finish() []Problem {
	if l.untold > 0 {
		l.problems = append(l.problems, Problem{File: l.file, Message: fmt.Sprintf("%d more problems", l.untold), Remedy: "mend the first ones and read the file again"})
	}
	if l.surplus > 0 {
		l.problems = append(l.problems, Problem{File: l.file,
			Message: fmt.Sprintf("%d indicators beyond the first %d were not read", l.surplus, MaxIndicators), Remedy: "split the file"})
	}
	for _, why := range []string{leftToIDS, leftDeleted, leftRevoked, leftObjects} {
		if n := l.left[why]; n > 0 {
			l.problems = append(l.problems, Problem{File: l.file, Message: fmt.Sprintf("%d %s", n, why), Note: true})
		}
	}
	return l.problems
}

// Why elements are left out.
const (
	leftToIDS   = "attributes that are not marked for detection (to_ids) were left out"
	leftDeleted = "deleted attributes were left out"
	leftRevoked = "revoked indicators were left out"
	leftObjects = "observed objects without an indicator's pattern were left out"
)

// marking is a TLP marking in one spelling, "" if the text is none.
func marking(text string) string {
	text = strings.ToUpper(strings.TrimSpace(text))
	text = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(text, "TLP"), ":"))
	switch text {
	case "WHITE":
		text = "CLEAR" // FIRST, TLP 2.0
	case "AMBER STRICT", "AMBER-STRICT":
		text = "AMBER+STRICT"
	}
	if tlpRank[text] == 0 {
		return ""
	}
	return "TLP:" + text
}

var tlpRank = map[string]int{"CLEAR": 1, "GREEN": 2, "AMBER": 3, "AMBER+STRICT": 4, "RED": 5}

// ParseMarking reads a TLP marking.
func ParseMarking(text string) (string, error) {
	if m := marking(text); m != "" || strings.TrimSpace(text) == "" {
		return m, nil
	}
	return "", fmt.Errorf("marking %.40q: want clear, green, amber, amber+strict or red", text)
}

// stricter returns the marking that allows less.
func stricter(a, b string) string {
	if tlpRank[strings.TrimPrefix(b, "TLP:")] > tlpRank[strings.TrimPrefix(a, "TLP:")] {
		return b
	}
	return cmp.Or(a, b)
}
