package wire

import (
	"bytes"
	"context"
	"encoding/binary"
)

// copyState is how COPY TO STDOUT writes its rows.
type copyState struct {
	open      bool // PostgreSQL has said that data comes
	binary    bool
	begun     bool // the head of the data has passed
	delimiter byte
	quote     byte
	escape    byte
	null      []byte
	columns   int // as PostgreSQL has said
}

// copySignature begins binary COPY data (PostgreSQL manual, COPY, "Binary
// Format"); flags and the length of an extension follow.
var copySignature = []byte("PGCOPY\n\xff\r\n\x00")

const copyHeadSize = 11 + 4 + 4

// prepareCopy reads a CopyOutResponse: the format of all, and of each column.
func (a *current) prepareCopy(body []byte) *Refusal {
	if len(body) < 3 || len(body) != 3+2*int(be16(body[1:])) {
		return &Refusal{Code: codeProtocol, Message: "the beginning of COPY could not be read"}
	}
	if len(a.result.Masks) > 0 {
		return &Refusal{
			Code: codeUnsupported, Message: "COPY of columns you see only in part does not pass the register guard",
			Hint: "Use SELECT, or leave those columns out.",
		}
	}
	if int(be16(body[1:])) < a.result.Hidden {
		return &Refusal{Code: codeInternal, Message: "the register guard added columns that are not there"}
	}
	a.types, a.formats = nil, nil
	a.copying = copyState{open: true, binary: body[0] == 1, columns: int(be16(body[1:]))}
	if a.copying.binary {
		a.formats = []int16{1}
	} else {
		a.copying.text(a.result.Copy)
	}
	return a.prepare()
}

func (c *copyState) text(f CopyFormat) {
	c.delimiter, c.quote, c.null = '\t', 0, []byte(`\N`)
	if f.CSV {
		c.delimiter, c.quote, c.escape, c.null = ',', '"', '"', nil
		if f.Quote != 0 {
			c.quote, c.escape = f.Quote, f.Quote
		}
		if f.Escape != 0 {
			c.escape = f.Escape
		}
	}
	if f.Delimiter != 0 {
		c.delimiter = f.Delimiter
	}
	if f.NullSet {
		c.null = []byte(f.Null)
	}
	c.begun = !f.Header
}

// copyHead is a CopyOutResponse with so many columns fewer.
func copyHead(dst, body []byte, hidden int) []byte {
	shown := int(be16(body[1:])) - hidden
	return message(dst, 'H', func(b []byte) []byte {
		b = append(b, body[0], byte(shown>>8), byte(shown))
		return append(b, body[3:3+2*shown]...)
	})
}

// copyRow deals with a CopyData of PostgreSQL's, which is one row; the binary
// head comes with the first. What is not that, stops.
func (r *rows) copyRow(ctx context.Context, frame []byte) error {
	switch {
	case r.stop != nil:
		return nil
	case r.at.pass:
		r.out.pass(frame)
		return nil
	}
	data := frame[headSize:]
	if !r.at.copying.open {
		return r.unreadable(ctx)
	}
	if r.at.copying.binary {
		return r.copyBinary(ctx, frame, data)
	}
	line, ok := bytes.CutSuffix(data, []byte{'\n'})
	if !ok {
		return r.unreadable(ctx)
	}
	if r.at.copying.begun {
		if err := r.collect(ctx); err != nil || r.stop != nil {
			return err
		}
		if !r.at.readLine(&r.keys, line) {
			return r.unreadable(ctx)
		}
	}
	r.at.copying.begun = true
	if r.at.result.Hidden == 0 {
		r.out.pass(frame)
		return nil
	}
	shown, ok := r.at.copying.cut(line, r.at.result.Hidden)
	if !ok {
		return r.unreadable(ctx)
	}
	r.out.anew = message(r.out.anew, 'd', func(b []byte) []byte { return append(append(b, shown...), '\n') })
	return nil
}

// copyBinary: a row is a DataRow's body; -1 in place of its count ends.
func (r *rows) copyBinary(ctx context.Context, frame, data []byte) error {
	var first []byte
	if !r.at.copying.begun {
		n, ok := binaryHead(data)
		if !ok {
			return r.unreadable(ctx)
		}
		first, data = data[:n], data[n:]
		r.at.copying.begun = true
	}
	if len(data) == 0 || len(data) == 2 && be16(data) == 0xffff {
		r.out.pass(frame)
		return nil
	}
	if err := r.collect(ctx); err != nil || r.stop != nil {
		return err
	}
	if n, ok := rowWidth(data); !ok || n != len(data) || !r.at.read(&r.keys, data) {
		return r.unreadable(ctx)
	}
	if r.at.result.Hidden == 0 {
		r.out.pass(frame)
		return nil
	}
	shown := int(be16(data)) - r.at.result.Hidden
	n, ok := width(data[2:], max(shown, 0))
	if !ok || shown < 0 {
		return r.unreadable(ctx)
	}
	r.out.anew = message(r.out.anew, 'd', func(b []byte) []byte {
		return append(append(append(b, first...), byte(shown>>8), byte(shown)), data[2:2+n]...)
	})
	return nil
}

// rowWidth is how many bytes a binary row takes: what follows in the same
// message would be a second row that nobody counted.
func rowWidth(data []byte) (int, bool) {
	if len(data) < 2 {
		return 0, false
	}
	n, ok := width(data[2:], int(be16(data)))
	return n + 2, ok
}

func binaryHead(data []byte) (int, bool) {
	if len(data) < copyHeadSize || !bytes.HasPrefix(data, copySignature) {
		return 0, false
	}
	extension := int(binary.BigEndian.Uint32(data[copyHeadSize-4:]))
	if extension > len(data)-copyHeadSize {
		return 0, false
	}
	return copyHeadSize + extension, true
}

// readLine appends the keys of a row of COPY text. A line feed within a row
// is escaped in text and quoted in CSV; a bare one would hide a second row.
func (a *current) readLine(keys *Keys, line []byte) bool {
	if !a.result.Metered {
		return true
	}
	if a.copying.quote == 0 && bytes.IndexByte(line, '\n') >= 0 {
		return false
	}
	plain := a.copying.plain(line)
	rest, more, next := line, true, 0 // rest begins with column next
	for _, k := range a.keys {
		if behind := a.copying.columns - 1 - k.column; plain && behind >= 0 && behind < k.column-next {
			field, ok := a.copying.fromEnd(line, behind)
			if !ok || !a.copying.add(keys, field) {
				return false
			}
			continue
		}
		if k.column < next {
			rest, more, next = line, true, 0
		}
		var field []byte
		for ; next <= k.column; next++ {
			if !more {
				return false
			}
			if plain {
				field, rest, more = a.copying.plainField(rest)
			} else if field, rest, more = a.copying.field(rest); field == nil {
				return false
			}
		}
		if !a.copying.add(keys, field) {
			return false
		}
	}
	return true
}

// fromEnd is the field of a plain line that so many others stand behind, and one before.
func (c *copyState) fromEnd(line []byte, behind int) ([]byte, bool) {
	for range behind {
		i := bytes.LastIndexByte(line, c.delimiter)
		if i < 0 {
			return nil, false
		}
		line = line[:i]
	}
	i := bytes.LastIndexByte(line, c.delimiter)
	return line[i+1:], i >= 0
}

// plain tells that every delimiter of a line is one, as in most rows.
func (c *copyState) plain(line []byte) bool { return c.quote == 0 && bytes.IndexByte(line, '\\') < 0 }

// plainField is field for a plain line.
func (c *copyState) plainField(line []byte) (field, rest []byte, more bool) {
	if i := bytes.IndexByte(line, c.delimiter); i >= 0 {
		return line[:i:i], line[i+1:], true
	}
	return line[:len(line):len(line)], nil, false
}

// field cuts the first field off, as it is written. more says that another
// follows; a nil field, that a quote is not closed.
func (c *copyState) field(line []byte) (field, rest []byte, more bool) {
	quoted := false
	for i := 0; i < len(line); i++ {
		b := line[i]
		switch {
		case c.quote == 0 && b == '\\':
			i++
		case quoted && b == c.escape && c.escape != c.quote:
			i++
		case c.quote != 0 && b == c.quote:
			quoted = !quoted // an escaped quote turns twice
		case !quoted && b == c.delimiter:
			return line[:i:i], line[i+1:], true
		}
	}
	if quoted {
		return nil, nil, false
	}
	return line[:len(line):len(line)], nil, false
}

// add appends a field as a key.
func (c *copyState) add(keys *Keys, field []byte) bool {
	switch {
	case bytes.Equal(field, c.null):
		keys.AppendNull()
	case c.quote != 0:
		keys.AppendText(c.unquote(field))
	case bytes.IndexByte(field, '\\') >= 0:
		keys.AppendText(unescape(field))
	default:
		keys.AppendText(field)
	}
	return true
}

// unquote is the value of a CSV field.
func (c *copyState) unquote(field []byte) []byte {
	if len(field) < 2 || field[0] != c.quote {
		return field
	}
	inner := field[1 : len(field)-1]
	if bytes.IndexByte(inner, c.escape) < 0 {
		return inner
	}
	value := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		if inner[i] == c.escape && i+1 < len(inner) && (inner[i+1] == c.quote || inner[i+1] == c.escape) {
			i++
		}
		value = append(value, inner[i])
	}
	return value
}

// unescape is the value of a text field. COPY TO writes no octal or hex.
func unescape(field []byte) []byte {
	named := map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}
	value := make([]byte, 0, len(field))
	for i := 0; i < len(field); i++ {
		b := field[i]
		if b == '\\' && i+1 < len(field) {
			i++
			b = field[i]
			if plain, ok := named[b]; ok {
				b = plain
			}
		}
		value = append(value, b)
	}
	return value
}

// cut takes the last n fields off a line.
func (c *copyState) cut(line []byte, n int) ([]byte, bool) {
	if c.plain(line) {
		return c.cutPlain(line, n)
	}
	ends := make([]int, 0, 32)
	at, more := 0, true
	for more {
		var field []byte
		field, _, more = c.field(line[at:])
		if field == nil {
			return nil, false
		}
		at += len(field)
		ends = append(ends, at)
		at++
	}
	shown := len(ends) - n
	if shown < 0 {
		return nil, false
	}
	if shown == 0 {
		return nil, true
	}
	return line[:ends[shown-1]], true
}

// cutPlain is cut for a plain line.
func (c *copyState) cutPlain(line []byte, n int) ([]byte, bool) {
	end := len(line)
	for range n {
		if end < 0 {
			return nil, false
		}
		end = bytes.LastIndexByte(line[:end], c.delimiter)
	}
	if end < 0 {
		return nil, true
	}
	return line[:end], true
}
