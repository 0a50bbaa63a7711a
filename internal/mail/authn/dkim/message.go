package dkim

import (
	"bytes"
	"strings"
)

// maxFields bounds the header fields that are looked at. Behind it nothing can
// be verified, since what stands there might have been signed.
const maxFields = 10_000

// Message is a message taken apart as far as signatures need it.
type Message struct {
	Raw       []byte
	Fields    []Field
	Body      []byte
	Truncated bool // more fields than are looked at

	index  map[string][]int // lower-case names to positions in Fields; built when first needed
	bodies map[bodyKey]*bodySum
}

// Field is one header field as it stands, its line ends included.
type Field struct {
	Start, End int    // in Message.Raw
	Name       []byte // without the spaces that may stand before the colon
	Text       []byte // all of it
	Value      []byte // behind the colon, line end included
}

// Is compares the field's name, in which case is of no meaning.
func (f *Field) Is(name string) bool {
	return len(f.Name) == len(name) && strings.EqualFold(string(f.Name), name)
}

// Split takes a message apart. Lines may end in CRLF or in a bare LF, which
// mail stores leave behind; both are read as CRLF everywhere. A line without a
// colon in the header is no field and is passed over.
func Split(raw []byte) *Message {
	m := &Message{Raw: raw, Fields: make([]Field, 0, 48)}
	pos := 0
	for pos < len(raw) {
		if blank := blankLine(raw[pos:]); blank > 0 {
			pos += blank
			break
		}
		end := fieldEnd(raw, pos)
		if len(m.Fields) == maxFields {
			m.Truncated = true
		} else if f, ok := newField(raw, pos, end); ok {
			m.Fields = append(m.Fields, f)
		}
		pos = end
	}
	m.Body = raw[pos:]
	return m
}

// blankLine returns the length of the empty line b starts with, or 0.
func blankLine(b []byte) int {
	switch {
	case b[0] == '\n':
		return 1
	case b[0] == '\r' && len(b) > 1 && b[1] == '\n':
		return 2
	}
	return 0
}

// fieldEnd finds the end of the field that starts at pos, folded lines included.
func fieldEnd(raw []byte, pos int) int {
	for {
		i := bytes.IndexByte(raw[pos:], '\n')
		if i < 0 {
			return len(raw)
		}
		pos += i + 1
		if pos == len(raw) || raw[pos] != ' ' && raw[pos] != '\t' {
			return pos
		}
	}
}

func newField(raw []byte, start, end int) (Field, bool) {
	text := raw[start:end]
	colon := bytes.IndexByte(text, ':')
	if colon <= 0 {
		return Field{}, false
	}
	return Field{
		Start: start, End: end, Text: text,
		Name:  bytes.TrimRight(text[:colon], " \t"),
		Value: text[colon+1:],
	}, true
}

// Count returns how many fields of a name (lower case) the message has.
func (m *Message) Count(name string) int { return len(m.named()[name]) }

func (m *Message) named() map[string][]int {
	if m.index == nil {
		m.index = make(map[string][]int, len(m.Fields))
		for i := range m.Fields {
			name := strings.ToLower(string(m.Fields[i].Name))
			m.index[name] = append(m.index[name], i)
		}
	}
	return m.index
}
