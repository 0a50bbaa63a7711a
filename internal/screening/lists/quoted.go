package lists

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// latin reads UTF-8 where it is, and windows-1252 where it is not.
type latin struct {
	in   *bufio.Reader
	left []byte // of room
	room [4 << 10]byte
}

func newLatin(in *bufio.Reader) *latin { return &latin{in: in} }

func (l *latin) Read(p []byte) (int, error) {
	if len(l.left) == 0 {
		l.left = l.room[:0]
		for len(l.left) < len(l.room)-utf8.UTFMax && (len(l.left) == 0 || l.in.Buffered() >= utf8.UTFMax) {
			r, size, err := l.in.ReadRune()
			if err != nil {
				return 0, err // nothing was read yet: what is buffered does not fail
			}
			if r == utf8.RuneError && size == 1 {
				_ = l.in.UnreadRune()
				c, _ := l.in.ReadByte()
				r = charmap.Windows1252.DecodeByte(c)
			}
			l.left = utf8.AppendRune(l.left, r)
		}
	}
	n := copy(p, l.left)
	l.left = l.left[n:]
	return n, nil
}

// quotedTable reads CSV that puts every field between quotes and leaves the quotes within
// a field as they are: "Club "Aurora"","12 Quay". Such a file is broken to a reader that
// goes by RFC 4180; its fields are parted by what stands between two of them. Rows
// that are written as RFC 4180 has it are read the same.
type quotedTable struct {
	in     *bufio.Reader
	header []string
	line   int // where the row begins
	read   int
}

const (
	// maxQuotedRow bounds a row, and maxQuotedLines over how many lines it may go.
	maxQuotedRow   = 1 << 20
	maxQuotedLines = 50
)

func newQuotedTable(in io.Reader) *quotedTable {
	return &quotedTable{in: bufio.NewReaderSize(in, headSize)}
}

func (t *quotedTable) readHeader() error {
	row, err := t.next()
	if err != nil {
		return err
	}
	if row == nil {
		return refuse(t.line, "there is no header line: the file is empty or was cut off")
	}
	t.header = slices.Clone(row)
	return nil
}

// next is the next row, nil at the end. Line ends within a field are kept.
func (t *quotedTable) next() ([]string, error) {
	t.line = t.read + 1
	var row []byte
	for lines := 0; ; lines++ {
		line, err := t.physical()
		switch {
		case err != nil:
			return nil, err
		case line == nil && len(row) == 0:
			return nil, nil
		case line == nil:
			return nil, refuse(t.line, "a quote in this row is not closed: the file ends here, in the middle")
		case len(row)+len(line) > maxQuotedRow, lines >= maxQuotedLines:
			return nil, refuse(t.line, "a quote in this row is not closed where it should be")
		}
		if len(row) == 0 && len(bytes.TrimSpace(line)) == 0 {
			t.line, lines = t.read+1, -1
			continue
		}
		row = append(append(row, line...), '\n')
		fields, whole := quotedFields(string(bytes.TrimRight(row, "\r\n")), len(t.header))
		if next, _ := t.in.Peek(1); whole || fields != nil && string(next) == `"` { // a row with too few fields ends where the next begins
			return fields, nil
		}
	}
}

// physical is the next line of the file without its end.
func (t *quotedTable) physical() ([]byte, error) {
	var line []byte
	for {
		piece, err := t.in.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) <= maxQuotedRow:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, refuse(t.read+1, "a line is longer than %d bytes", maxQuotedRow)
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil, nil
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		}
		t.read++
		return bytes.TrimRight(line, "\r\n"), nil
	}
}

// quotedFields parts a row. It is not whole if it may go on in the next line: it ends
// without a quote, or has fewer fields than the header.
func quotedFields(row string, want int) (fields []string, whole bool) {
	if !strings.HasPrefix(row, `"`) {
		return strings.Split(row, ","), true
	}
	if len(row) < 2 || !strings.HasSuffix(row, `"`) {
		return nil, false
	}
	fields = strings.Split(row[1:len(row)-1], `","`)
	for i, f := range fields {
		fields[i] = strings.ReplaceAll(f, `""`, `"`)
	}
	return fields, len(fields) >= want
}
