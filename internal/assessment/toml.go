package assessment

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
)

// section is a table of a TOML file with its lines.
type section struct {
	name   string
	line   int
	order  []string
	fields map[string]field
	below  []section // tables below it: evidence.likelihood.…
}

// field is one value.
type field struct {
	line     int
	text     string
	isText   bool
	number   float64
	isNumber bool
	truth    bool
	list     []string
	time     time.Time
}

// at is the field's line, or that of its table where the field is missing.
func (v field) at(s section) int {
	if v.line == 0 {
		return s.line
	}
	return v.line
}

// tomlWalk goes over the expressions of a file instead of decoding it in one go: each
// key keeps its line, and an error in one place does not hide those in others.
type tomlWalk struct {
	data     []byte
	base     int
	counted  int // newlines before this offset are in lines
	lines    int
	sections []section
	problems []Problem
}

func parseTOML(data []byte) ([]section, []Problem) {
	data = bytes.Clone(data)
	w := &tomlWalk{data: data[:len(data):len(data)], sections: []section{{line: 1, fields: map[string]field{}}}}
	var p unstable.Parser
	for {
		p.Reset(w.data[w.base:])
		for p.NextExpression() {
			w.expression(p.Expression())
		}
		if p.Error() == nil || !w.goOn(p.Error()) {
			return w.sections, w.problems
		}
	}
}

// lineAt is the line of an offset. Offsets mostly grow, so newlines are counted once.
func (w *tomlWalk) lineAt(offset int) int {
	offset = min(offset, len(w.data))
	if offset < w.counted {
		w.counted, w.lines = 0, 0
	}
	w.lines += bytes.Count(w.data[w.counted:offset], []byte("\n"))
	w.counted = offset
	return w.lines + 1
}

func (w *tomlWalk) problem(line int, format string, args ...any) {
	w.problems = append(w.problems, Problem{Line: line, Message: fmt.Sprintf(format, args...)})
}

// goOn notes a syntax error and finds the next line that begins a table.
func (w *tomlWalk) goOn(err error) bool {
	offset := w.base
	var pe *unstable.ParserError
	if errors.As(err, &pe) { // offsets are told by capacity
		if at := cap(w.data) - cap(pe.Highlight); at >= w.base && at <= len(w.data) {
			offset = at
		}
	}
	w.problem(w.lineAt(offset), "not TOML: %v; text stands in quotes, lists in square brackets", err)
	next := bytes.Index(w.data[offset:], []byte("\n["))
	if next < 0 {
		return false
	}
	w.base = offset + next + 1
	return true
}

func (w *tomlWalk) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.Table, unstable.ArrayTable:
		name, line := w.key(n)
		s := section{name: name, line: line, fields: map[string]field{}}
		last := &w.sections[len(w.sections)-1]
		if strings.Contains(name, ".") && strings.HasPrefix(name, last.name+".") {
			last.below = append(last.below, s)
			return
		}
		if single := name == "ordinary"; passOf(name) >= 0 && single == (n.Kind == unstable.ArrayTable) {
			brackets := map[bool]string{true: "[%s]", false: "[[%s]]"}[single]
			w.problem(line, "write "+brackets, name)
		}
		w.sections = append(w.sections, s)
	case unstable.KeyValue:
		name, line := w.key(n)
		w.keyValue(name, line, n.Value())
	}
}

func (w *tomlWalk) keyValue(name string, line int, n *unstable.Node) {
	s := &w.sections[len(w.sections)-1]
	if len(s.below) > 0 {
		s = &s.below[len(s.below)-1]
	}
	if _, twice := s.fields[name]; twice {
		w.problem(line, "%q stands twice", name)
		return
	}
	s.fields[name] = w.value(name, line, n)
	s.order = append(s.order, name)
}

func (w *tomlWalk) value(name string, line int, n *unstable.Node) field {
	v := field{line: line}
	switch n.Kind {
	case unstable.String:
		v.text, v.isText, v.list = string(n.Data), true, []string{string(n.Data)}
	case unstable.Bool:
		v.truth = string(n.Data) == "true"
	case unstable.Integer, unstable.Float:
		number, err := strconv.ParseFloat(strings.ReplaceAll(string(n.Data), "_", ""), 64)
		if err != nil {
			w.problem(line, "%q: %s is no number", name, n.Data)
		}
		v.number, v.isNumber = number, true
	case unstable.DateTime, unstable.LocalDateTime, unstable.LocalDate:
		v.time = w.date(name, line, string(n.Data))
	case unstable.Array:
		it := n.Children()
		for it.Next() {
			if it.Node().Kind == unstable.Comment {
				continue
			}
			if it.Node().Kind != unstable.String {
				w.problem(line, "%q must be a list of texts in quotes", name)
				return v
			}
			v.list = append(v.list, string(it.Node().Data))
		}
	default:
		w.problem(line, "%q has a value of a kind that is not used here", name)
	}
	return v
}

// date reads a TOML date or time; without a zone it is UTC.
func (w *tomlWalk) date(name string, line int, s string) time.Time {
	s = strings.Replace(s, " ", "T", 1)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return utc(t)
		}
	}
	w.problem(line, "%q: %s is no time", name, s)
	return time.Time{}
}

func (w *tomlWalk) key(n *unstable.Node) (name string, line int) {
	var parts []string
	it := n.Key()
	for it.Next() {
		if line == 0 {
			line = w.lineAt(w.base + int(it.Node().Raw.Offset))
		}
		parts = append(parts, string(it.Node().Data))
	}
	return strings.Join(parts, "."), line
}

// utc is a time as the record keeps it.
func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
