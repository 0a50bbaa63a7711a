package wire

import (
	"fmt"
	"slices"
)

// Fields are those of an ErrorResponse or NoticeResponse, by their code
// (PostgreSQL manual, "Error and Notice Message Fields"): 'S' severity,
// 'C' SQLSTATE, 'M' message, 'D' detail, 'H' hint, 'W' where, 'n' constraint …
type Fields struct {
	Error bool // ErrorResponse; else a notice
	all   []field
	dirty bool
}

type field struct {
	code  byte
	value string
}

// Get is the value of a field, "" if it is missing.
func (f *Fields) Get(code byte) string {
	for _, g := range f.all {
		if g.code == code {
			return g.value
		}
	}
	return ""
}

// Set replaces the value of a field that is there, or adds it.
func (f *Fields) Set(code byte, value string) {
	f.dirty = true
	for i := range f.all {
		if f.all[i].code == code {
			f.all[i].value = value
			return
		}
	}
	f.all = append(f.all, field{code, value})
}

// Drop takes fields out.
func (f *Fields) Drop(codes ...byte) {
	before := len(f.all)
	f.all = slices.DeleteFunc(f.all, func(g field) bool { return slices.Contains(codes, g.code) })
	f.dirty = f.dirty || len(f.all) != before
}

// fatal says whether PostgreSQL ends the session after it. 'V' is the
// severity that is never translated (since 9.6).
func (f *Fields) fatal() bool {
	v := f.Get('V')
	return v == "FATAL" || v == "PANIC"
}

func parseFields(kind byte, body []byte) (*Fields, error) {
	f := &Fields{Error: kind == 'E'}
	for len(body) > 0 && body[0] != 0 {
		value, rest, ok := cstring(body[1:])
		if !ok {
			break
		}
		f.all = append(f.all, field{body[0], string(value)})
		body = rest
	}
	if len(body) != 1 || body[0] != 0 {
		return nil, fmt.Errorf("%w: fields of a message %q do not end", errFrame, kind)
	}
	return f, nil
}

func (f *Fields) append(dst []byte) []byte {
	kind := byte('N')
	if f.Error {
		kind = 'E'
	}
	return message(dst, kind, func(b []byte) []byte {
		for _, g := range f.all {
			b = append(b, g.code)
			b = append(b, g.value...)
			b = append(b, 0)
		}
		return append(b, 0)
	})
}
