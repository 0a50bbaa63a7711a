package message

import (
	"bytes"
	"strconv"
	"strings"
)

// header reads the fields of p up to the blank line, or to the line that shows
// that the header is over.
func (w *walker) header(p *Part, top bool) {
	start := w.pos
	if top {
		w.skipFromLine()
	}
	w.scratch = w.scratch[:0]
	end := w.fields(p)
	p.Header = make(Header, len(w.scratch))
	var kept strings.Builder // never grows past this, so what is cut from it stays
	kept.Grow(end - start)
	for i, f := range w.scratch {
		w.field(p, &f, &kept)
		p.Header[i] = f
	}
}

// field fills in name and value, both cut from kept.
func (w *walker) field(p *Part, f *Field, kept *strings.Builder) {
	line := w.raw[f.Start:f.End]
	colon := bytes.IndexByte(line, ':')
	name := bytes.TrimRight(line[:colon], " \t")
	from := kept.Len()
	kept.Write(name)
	f.Name = kept.String()[from:]
	if len(name) != colon {
		w.m.note(ParsersDisagree, partOr(p, f.Name), f.Start, "space before the colon")
	}
	f.ValueStart = f.Start + colon + 1
	for f.ValueStart < f.End && isSpace(w.raw[f.ValueStart]) {
		f.ValueStart++
	}
	value := line[colon+1:]
	if len(value) > w.lim.FieldBytes {
		w.m.note(FieldTooLong, partOr(p, f.Name), f.Start, "only the first "+strconv.Itoa(w.lim.FieldBytes)+" bytes are read")
		value = value[:w.lim.FieldBytes]
	}
	from = kept.Len()
	unfold(kept, bytes.Trim(value, " \t\r\n"))
	f.Value = kept.String()[from:]
}

// skipFromLine passes over the line that mbox files put before each message
// (RFC 4155), which some exports leave in.
func (w *walker) skipFromLine() {
	rest := w.raw[w.pos:]
	if bytes.HasPrefix(rest, []byte("From ")) || bytes.HasPrefix(rest, []byte(">From ")) {
		_, w.pos = w.line(w.pos)
	}
}

// fields collects the extents of the fields in scratch and returns where the
// header ends; w.pos is then the first byte of the body.
func (w *walker) fields(p *Part) int {
	first, dropped := w.pos, false
	for w.pos < len(w.raw) {
		at := w.pos
		end, next := w.line(at)
		switch c := w.raw[at]; {
		case end == at:
			w.pos = next
			return at
		case (c == ' ' || c == '\t') && len(w.scratch) > 0:
			if !dropped {
				w.scratch[len(w.scratch)-1].End = next
			}
			if len(bytes.TrimSpace(w.raw[at:end])) == 0 {
				w.m.note(ParsersDisagree, p.Path, at, "a header line of spaces only, the end of the header to some")
			}
		case isFieldStart(w.raw[at:end]):
			if dropped = len(w.scratch) >= w.lim.Fields; dropped {
				w.tooManyFields(p, at)
			} else {
				w.scratch = append(w.scratch, Field{Start: at, End: next})
			}
		default:
			if w.headerEnds(at, next) {
				w.noBlankLine(p, at, first)
				return at
			}
			w.m.note(MalformedField, p.Path, at, "a header line without a field name")
			w.m.note(ParsersDisagree, p.Path, at, "a header line without a field name")
			dropped = true
		}
		w.pos = next
	}
	return w.pos
}

func (w *walker) tooManyFields(p *Part, at int) {
	if !w.m.has(TooManyFields) {
		w.m.note(TooManyFields, p.Path, at, "more than "+strconv.Itoa(w.lim.Fields)+" header fields; the rest is not read")
	}
}

// headerEnds decides about a line that is no field: a boundary ends the header,
// and so does text, unless the header goes on right after it.
func (w *walker) headerEnds(at, next int) bool {
	if _, ok := w.match(at); ok {
		return true
	}
	if next >= len(w.raw) {
		return true
	}
	end, _ := w.line(next)
	return end != next && !isFieldStart(w.raw[next:end])
}

func (w *walker) noBlankLine(p *Part, at, first int) {
	if at == first {
		if p.Depth == 1 {
			w.m.note(NoHeader, p.Path, at, "the message begins without a header")
		}
		return
	}
	w.m.note(NoBlankLine, p.Path, at, "the header ends without a blank line")
	w.m.note(ParsersDisagree, p.Path, at, "the header ends without a blank line")
}

// isFieldStart reports whether a line begins with a field name and a colon
// (RFC 5322 §2.2; §4.5.3 for the spaces before the colon).
func isFieldStart(line []byte) bool {
	for i, c := range line {
		switch {
		case c == ':':
			return i > 0
		case c == ' ' || c == '\t':
			rest := bytes.TrimLeft(line[i:], " \t")
			return i > 0 && len(rest) > 0 && rest[0] == ':'
		case c <= ' ' || c >= 0x7f:
			return false
		}
	}
	return false
}

// unfold writes a value without its line ends (RFC 5322 §2.2.3).
func unfold(out *strings.Builder, value []byte) {
	for len(value) > 0 {
		i := bytes.IndexByte(value, '\n')
		line := value
		if i >= 0 {
			line, value = value[:i], value[i+1:]
		} else {
			value = nil
		}
		for {
			cr := bytes.IndexByte(line, '\r')
			if cr < 0 {
				break
			}
			out.Write(line[:cr])
			line = line[cr+1:]
		}
		out.Write(line)
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
