package people

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits on a people file.
const (
	maxFile  = 256 << 20 // bytes
	maxItems = 256       // in one list
	maxText  = 1024      // bytes of one value

	maxProblems = 10000
)

// ErrTooLarge is returned for a file beyond what a list of people can be.
var ErrTooLarge = errors.New("people file is larger than 256 MiB: is it the right file?")

// Load reads the file at path, TOML or CSV by its content. The error tells that
// the file can't be read at all; what is wrong in it is in the problems, all of
// them, in the order of lines.
func Load(path string) (*Directory, []Problem, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open people file: %w", err)
	}
	defer f.Close()
	return Parse(path, f)
}

// Parse is Load for what is already open; name stands in the problems.
func Parse(name string, r io.Reader) (*Directory, []Problem, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read people file %s: %w", name, err)
	}
	if len(data) > maxFile {
		return nil, nil, fmt.Errorf("read %s: %w", name, ErrTooLarge)
	}
	b := builder{file: name}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if at := invalidUTF8(data); at >= 0 {
		b.problem(1+bytes.Count(data[:at], []byte("\n")), "", "the file is not UTF-8", "save it as UTF-8")
		data = bytes.ToValidUTF8(data, []byte("\ufffd"))
	}
	if looksLikeCSV(data) {
		b.readCSV(data)
	} else {
		b.readTOML(data)
	}
	d := b.directory()
	slices.SortStableFunc(b.problems, func(p, q Problem) int { return p.Line - q.Line })
	return d, b.problems, nil
}

func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// looksLikeCSV judges by the first line that says something: TOML begins with a
// table or a key, CSV with a row of column names.
func looksLikeCSV(data []byte) bool {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		return line[0] != '[' && !bytes.ContainsRune(line, '=')
	}
	return false
}

// record is one entry of a file, before it is understood.
type record struct {
	section string // "person", "organisation" …
	line    int
	fields  []field
}

type field struct {
	name   string
	line   int
	values []string
	truth  bool // of a yes-or-no field
}

// shapeOf says what a field holds.
type shapeOf uint8

const (
	unknownField shapeOf = iota
	text
	list
	yesNo
)

// sections says which fields a section has. Unknown ones are problems: a
// misspelled key would silently protect nobody.
var sections = map[string]map[string]shapeOf{
	"person": {"name": text, "id": text, "names": list, "addresses": list, "role": text, "office": text, "organisation": text,
		"party": text, "telephone": text,
		"topics": list, "committees": list, "staff": list, "delegates": list, "languages": list},
	"organisation": {"name": text, "id": text, "names": list, "domains": list, "login_hosts": list, "own": yesNo},
	"outlet":       {"name": text, "id": text, "names": list, "domains": list},
	"partner":      {"name": text, "id": text, "names": list, "domains": list},
	"bulk":         {"name": text, "id": text, "domains": list},
}

func fieldNames(section string) string {
	var out []string
	for name := range sections[section] {
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// text returns the value of a text field.
func (r *record) text(name string) string {
	for i := range r.fields {
		if r.fields[i].name == name && len(r.fields[i].values) > 0 {
			return r.fields[i].values[0]
		}
	}
	return ""
}

func (r *record) list(name string) []string {
	for i := range r.fields {
		if r.fields[i].name == name {
			return r.fields[i].values
		}
	}
	return nil
}

// lineOf is the line of a field, or of the record where it has none.
func (r *record) lineOf(name string) int {
	for i := range r.fields {
		if r.fields[i].name == name {
			return r.fields[i].line
		}
	}
	return r.line
}

// builder turns records into a directory and collects problems.
type builder struct {
	file     string
	records  []record
	boxes    []field // of [mailboxes]
	problems []Problem
}

// problem notes a problem. A file that is something else altogether would have one
// in every line, so their number is bounded.
func (b *builder) problem(line int, field, message, remedy string) {
	switch len(b.problems) {
	case maxProblems:
		field, message, remedy = "", "more problems follow", "mend these first"
	case maxProblems + 1:
		return
	}
	b.problems = append(b.problems, Problem{File: b.file, Line: line, Field: field, Message: message, Remedy: remedy})
}

func (b *builder) warn(line int, field, message, remedy string) {
	b.problem(line, field, message, remedy)
	b.problems[len(b.problems)-1].Warning = true
}

// tidy trims the values of a field, drops empty ones, and keeps to the limits.
func (b *builder) tidy(f field) field {
	kept := f.values[:0]
	for _, v := range f.values {
		v = strings.TrimSpace(v)
		switch {
		case v == "":
			b.warn(f.line, f.name, "an empty value", "remove it")
		case len(v) > maxText:
			b.problem(f.line, f.name, fmt.Sprintf("a value of %d bytes", len(v)), fmt.Sprintf("keep values below %d bytes", maxText))
		case len(kept) == maxItems:
			b.problem(f.line, f.name, fmt.Sprintf("more than %d values", maxItems), "the rest is left out; shorten the list")
			f.values = kept
			return f
		default:
			kept = append(kept, v)
		}
	}
	f.values = kept
	return f
}
