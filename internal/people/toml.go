package people

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// tomlReader walks over the expressions of a TOML file instead of decoding it in
// one go: each entry and each key keeps its line, an error in one place does not
// hide those in others, and 20,000 people are read in a fraction of the time.
type tomlReader struct {
	b       *builder
	data    []byte
	base    int // where the parser's input begins in data
	counted int // newlines before this offset are in lines
	lines   int
	current *record // the table being filled, or nil
	boxes   bool    // in [mailboxes]
	skip    bool    // in a table that is not ours
	opened  map[string]bool
	badLine int // of the last syntax error
}

func (b *builder) readTOML(data []byte) {
	r := tomlReader{b: b, data: bytes.Clone(data), opened: map[string]bool{}}
	r.data = r.data[:len(r.data):len(r.data)] // offsets are told by capacity
	var p unstable.Parser
	for {
		p.Reset(r.data[r.base:])
		for p.NextExpression() {
			r.expression(p.Expression())
		}
		if p.Error() == nil {
			break
		}
		if !r.recover(p.Error()) {
			break
		}
	}
	r.close()
}

// line is the line of an offset into data. Offsets mostly grow, so newlines are
// counted once.
func (r *tomlReader) line(offset int) int {
	if offset < r.counted {
		r.counted, r.lines = 0, 0
	}
	r.lines += bytes.Count(r.data[r.counted:offset], []byte("\n"))
	r.counted = offset
	return r.lines + 1
}

// recover notes a syntax error and goes on at the next line that begins a table or
// a key. It returns false at the end of the file.
func (r *tomlReader) recover(err error) bool {
	offset := r.base
	var pe *unstable.ParserError
	if errors.As(err, &pe) {
		if at := cap(r.data) - cap(pe.Highlight); at >= r.base && at <= len(r.data) {
			offset = at
		}
	}
	r.syntax(r.line(offset), "not TOML: "+err.Error())
	if start := bytes.LastIndexByte(r.data[:offset], '\n') + 1; start > r.base && bytes.HasPrefix(r.data[start:], []byte("[[")) {
		r.base = start // what came before ran into the next table
		return true
	}
	for next := offset; ; {
		nl := bytes.IndexByte(r.data[next:], '\n')
		if nl < 0 {
			return false
		}
		next += nl + 1
		if beginsExpression(r.data[next:]) {
			r.base = next
			return true
		}
	}
}

// syntax notes one syntax error a line.
func (r *tomlReader) syntax(line int, message string) {
	if r.badLine != line {
		r.b.problem(line, "", message, "see https://toml.io; text stands in quotes, lists in square brackets")
	}
	r.badLine = line
}

func beginsExpression(data []byte) bool {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return false
	}
	if line[0] == '[' {
		return len(line) > 1 && (line[1] == '[' || line[1] >= 'a' && line[1] <= 'z')
	}
	key, _, ok := bytes.Cut(line, []byte("="))
	return ok && len(bytes.Trim(key, "abcdefghijklmnopqrstuvwxyz_ \t")) == 0 && len(bytes.TrimSpace(key)) > 0
}

func (r *tomlReader) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.Table, unstable.ArrayTable:
		name, line := r.key(n)
		r.table(name, line, n.Kind == unstable.ArrayTable)
	case unstable.KeyValue:
		name, line := r.key(n)
		r.keyValue(name, line, n.Value())
	}
}

// key returns the dotted key of a node and its line.
func (r *tomlReader) key(n *unstable.Node) (name string, line int) {
	it := n.Key()
	for it.Next() {
		k := it.Node()
		if line == 0 {
			line = r.line(r.base + int(k.Raw.Offset))
			name = string(k.Data)
			continue
		}
		name += "." + string(k.Data)
	}
	return name, line
}

func (r *tomlReader) close() {
	if r.current != nil {
		r.b.records = append(r.b.records, *r.current)
	}
	r.current, r.boxes, r.skip = nil, false, false
}

func (r *tomlReader) table(name string, line int, many bool) {
	r.close()
	_, known := sections[name]
	switch {
	case known && many:
		r.current = &record{section: name, line: line, fields: make([]field, 0, 8)}
		return
	case known:
		r.b.problem(line, name, fmt.Sprintf("[%s] is a single table", name), fmt.Sprintf("write [[%s]]", name))
		r.current = &record{section: name, line: line}
		return
	case name == "mailboxes" && many:
		r.b.problem(line, name, "[[mailboxes]] is a list of tables", "write [mailboxes]")
	case name == "mailboxes":
		if r.opened[name] {
			r.b.problem(line, name, "[mailboxes] stands twice", "put all mailboxes under one")
		}
	default:
		r.skip = true
		r.b.problem(line, name, fmt.Sprintf("unknown table %q", name), "use person, organisation, outlet, partner, bulk or mailboxes")
		return
	}
	r.boxes, r.opened[name] = true, true
}

func (r *tomlReader) keyValue(name string, line int, v *unstable.Node) {
	switch {
	case r.skip:
	case r.boxes:
		r.mailbox(name, line, v)
	case r.current == nil:
		r.b.problem(line, name, fmt.Sprintf("%q stands outside any table", name), "put it below [[person]], [[organisation]] …")
	default:
		r.field(name, line, v)
	}
}

func (r *tomlReader) mailbox(name string, line int, v *unstable.Node) {
	if v.Kind != unstable.String {
		r.b.problem(line, name, "a mailbox must name one id or address", `write "mailbox" = "id"`)
		return
	}
	r.b.boxes = append(r.b.boxes, field{name: name, line: line, values: []string{strings.TrimSpace(string(v.Data))}})
}

func (r *tomlReader) field(name string, line int, v *unstable.Node) {
	f := field{name: name, line: line}
	want := sections[r.current.section][name]
	var ok bool
	switch {
	case want == unknownField:
		r.b.problem(line, name, fmt.Sprintf("unknown key %q in [[%s]]", name, r.current.section), "known keys: "+fieldNames(r.current.section))
		return
	case r.current.lineOf(name) != r.current.line:
		r.b.problem(line, name, fmt.Sprintf("%q stands twice in one entry", name), "keep one; a list can hold several values")
		return
	case want == yesNo:
		f.truth, ok = string(v.Data) == "true", v.Kind == unstable.Bool
	case v.Kind == unstable.String: // for a list too: one value needs no brackets
		f.values, ok = []string{string(v.Data)}, true
	case want == list && v.Kind == unstable.Array:
		f.values, ok = texts(v)
	}
	if !ok {
		r.b.problem(line, name, fmt.Sprintf("%q holds the wrong kind of value", name), fmt.Sprintf("write %s = %s", name, example(want)))
	}
	r.current.fields = append(r.current.fields, r.b.tidy(f))
}

// texts returns the strings of an array, and whether all its elements are.
func texts(v *unstable.Node) (out []string, ok bool) {
	ok = true
	it := v.Children()
	for it.Next() {
		switch e := it.Node(); e.Kind {
		case unstable.String:
			out = append(out, string(e.Data))
		case unstable.Comment:
		default:
			ok = false
		}
	}
	return out, ok
}

func example(s shapeOf) string {
	switch s {
	case list:
		return `["…", "…"]`
	case yesNo:
		return "true or false, without quotes"
	}
	return `"…"`
}
