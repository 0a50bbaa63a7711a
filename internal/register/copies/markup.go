package copies

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// tags is a pull reader of markup: it gives tags and the text between them and judges nothing else.
// Memory is bounded: a tag or text that is longer comes in pieces.
type tags struct {
	in  *bufio.Reader
	tag bool
}

const tagBuffer = 64 << 10

func newTags(r io.Reader) *tags { return &tags{in: bufio.NewReaderSize(r, tagBuffer)} }

// next gives a piece: isTag tells whether it is what stood between < and >.
func (t *tags) next() (piece []byte, isTag bool, err error) {
	end := byte('<')
	if t.tag {
		end = '>'
	}
	isTag = t.tag
	piece, err = t.in.ReadSlice(end)
	switch {
	case err == nil:
		t.tag = !t.tag
		return piece[:len(piece)-1], isTag, nil
	case errors.Is(err, bufio.ErrBufferFull):
		return piece, isTag, nil
	case len(piece) > 0 && errors.Is(err, io.EOF):
		return piece, isTag, nil
	}
	return nil, false, err
}

// tagName is the name without prefix, slash and attributes; closing tells end tags.
func tagName(tag []byte) (name []byte, closing bool) {
	if len(tag) > 0 && tag[0] == '/' {
		tag, closing = tag[1:], true
	}
	if i := bytes.IndexAny(tag, " \t\r\n/"); i >= 0 {
		tag = tag[:i]
	}
	if i := bytes.LastIndexByte(tag, ':'); i >= 0 {
		tag = tag[i+1:]
	}
	return tag, closing
}

// attribute finds the value of an attribute by its name with prefix.
func attribute(tag []byte, name string) []byte {
	rest := tag
	for {
		i := bytes.Index(rest, []byte(name))
		if i < 0 {
			return nil
		}
		before := i == 0 || rest[i-1] == ' ' || rest[i-1] == '\n' || rest[i-1] == '\t'
		rest = rest[i+len(name):]
		if before && len(rest) > 2 && rest[0] == '=' && (rest[1] == '"' || rest[1] == '\'') {
			if j := bytes.IndexByte(rest[2:], rest[1]); j >= 0 {
				return rest[2 : 2+j]
			}
			return nil
		}
	}
}

// unescape decodes the references that data has.
func unescape(dst, text []byte) []byte {
	for len(text) > 0 {
		i := bytes.IndexByte(text, '&')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		text = text[i:]
		j := bytes.IndexByte(text[:min(len(text), 12)], ';')
		if j < 0 {
			dst, text = append(dst, '&'), text[1:]
			continue
		}
		dst, text = reference(dst, text[1:j]), text[j+1:]
	}
	return dst
}

func reference(dst, name []byte) []byte {
	switch string(name) {
	case "amp":
		return append(dst, '&')
	case "lt":
		return append(dst, '<')
	case "gt":
		return append(dst, '>')
	case "quot":
		return append(dst, '"')
	case "apos":
		return append(dst, '\'')
	}
	if len(name) > 1 && name[0] == '#' {
		base, num := 10, name[1:]
		if num[0] == 'x' {
			base, num = 16, num[1:]
		}
		if n, err := strconv.ParseUint(string(num), base, 21); err == nil && utf8.ValidRune(rune(n)) {
			return utf8.AppendRune(dst, rune(n))
		}
	}
	return append(dst, ' ')
}

// rowTags end a row of a table or a record.
var rowTags = map[string]bool{"tr": true, "row": true, "table-row": true, "br": true, "record": true, "voter": true, "person": true, "item": true, "li": true}

// stripTags writes markup as text: a tab for a tag, a line for a row. With attributes, their values are kept.
func stripTags(w io.Writer, r io.Reader, attributes bool) error {
	t := newTags(r)
	out := bufio.NewWriterSize(w, 64<<10)
	var buf []byte
	for {
		piece, isTag, err := t.next()
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		if !isTag {
			buf = unescape(buf[:0], piece)
			_, _ = out.Write(flat(buf)) // a bufio.Writer keeps its first error for Flush
			continue
		}
		name, closing := tagName(piece)
		if attributes && !closing {
			writeValues(out, piece)
		}
		end := byte('\t')
		if rowTags[string(name)] {
			end = '\n'
		}
		_ = out.WriteByte(end)
	}
}

// flat makes text one line: rows are told by tags.
func flat(text []byte) []byte {
	for i, c := range text {
		if c == '\n' || c == '\r' {
			text[i] = ' '
		}
	}
	return text
}

// writeValues writes the values of a tag's attributes.
func writeValues(out *bufio.Writer, tag []byte) {
	for {
		i := bytes.IndexByte(tag, '=')
		if i < 0 || i+2 >= len(tag) || tag[i+1] != '"' && tag[i+1] != '\'' {
			return
		}
		q := tag[i+1]
		tag = tag[i+2:]
		j := bytes.IndexByte(tag, q)
		if j < 0 {
			return
		}
		_ = out.WriteByte('\t')
		_, _ = out.Write(unescape(nil, tag[:j]))
		tag = tag[j+1:]
	}
}
