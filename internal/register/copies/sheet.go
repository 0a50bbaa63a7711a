package copies

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"
	"time"
)

// Spreadsheets: Office Open XML (ECMA-376 part 1, §18) and OpenDocument (OASIS ODF 1.3
// part 3, §9 and §19.385). Cells are written as text, a tab between them and a line for each row; dates,
// which are numbers with a style, as 1970-12-31.

// xlsx reads all sheets of a workbook.
func (o *opener) xlsx(c content, z *zip.Reader) error {
	book := sheetBook{limit: o.b.limits.Memory}
	for _, f := range z.File {
		switch f.Name {
		case "xl/sharedStrings.xml":
			if err := o.member(f, book.readStrings); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		case "xl/styles.xml":
			if err := o.member(f, book.readStyles); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	for _, f := range z.File {
		if !strings.HasPrefix(f.Name, "xl/worksheets/") || path.Ext(f.Name) != ".xml" {
			continue
		}
		name := c.name + "!" + strings.TrimSuffix(path.Base(clean(f.Name)), ".xml")
		err := o.leaf(name, func(w io.Writer) error {
			return o.member(f, func(r io.Reader) error { return book.sheet(w, r) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// member reads one member of a workbook within the limits.
func (o *opener) member(f *zip.File, read func(io.Reader) error) error {
	if err := o.b.member(); err != nil {
		return err
	}
	if f.Flags&1 != 0 {
		return errors.New("encrypted: what is in it cannot be told")
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	return errors.Join(read(&metered{r, &o.b}), r.Close())
}

// sheetBook is what the sheets of a workbook share.
type sheetBook struct {
	limit   int64
	text    []byte // of all shared strings
	strings []uint32
	dates   []bool // by style
}

// readStrings reads the table of strings (§18.4.9).
func (b *sheetBook) readStrings(r io.Reader) error {
	t := newTags(r)
	inText := false
	for {
		piece, isTag, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !isTag {
			if inText {
				b.text = unescape(b.text, piece)
			}
			continue
		}
		switch name, closing := tagName(piece); string(name) {
		case "t":
			inText = !closing && !bytes.HasSuffix(piece, []byte("/"))
		case "si":
			if !closing {
				b.strings = append(b.strings, uint32(len(b.text)))
			}
		}
		if int64(len(b.text))+int64(len(b.strings))*4 > min(b.limit, math.MaxUint32) {
			return errMemory
		}
	}
}

func (b *sheetBook) shared(i int) []byte {
	if i < 0 || i >= len(b.strings) {
		return nil
	}
	end := len(b.text)
	if i+1 < len(b.strings) {
		end = int(b.strings[i+1])
	}
	return b.text[b.strings[i]:end]
}

// readStyles finds out which styles show a number as a date (§18.8.30, §18.8.45).
func (b *sheetBook) readStyles(r io.Reader) error {
	t := newTags(r)
	custom := map[string]bool{}
	cells := false
	for {
		piece, isTag, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !isTag {
			continue
		}
		switch name, closing := tagName(piece); string(name) {
		case "numFmt":
			code := bytes.ToLower(attribute(piece, "formatCode"))
			if len(custom) < 4096 {
				custom[string(attribute(piece, "numFmtId"))] = bytes.ContainsRune(code, 'y') && bytes.ContainsRune(code, 'd')
			}
		case "cellXfs":
			cells = !closing
		case "xf":
			if cells && !closing && len(b.dates) < 1<<16 {
				id := string(attribute(piece, "numFmtId"))
				n, _ := strconv.Atoi(id)
				b.dates = append(b.dates, custom[id] || n >= 14 && n <= 17 || n == 22 || n >= 27 && n <= 36 || n >= 50 && n <= 58)
			}
		}
	}
}

// cellKind is how the value of a cell is to be read.
type cellKind struct {
	shared, date bool
	open         bool // within v or t
}

// sheet writes the cells of a sheet as text (§18.3.1.4).
func (b *sheetBook) sheet(w io.Writer, r io.Reader) error {
	t := newTags(r)
	out := bufio.NewWriterSize(w, 64<<10)
	var kind cellKind
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
			if kind.open {
				buf = b.value(buf[:0], piece, kind)
				_, _ = out.Write(flat(buf)) // a bufio.Writer keeps its first error for Flush
			}
			continue
		}
		name, closing := tagName(piece)
		switch string(name) {
		case "c":
			if !closing {
				style, _ := strconv.Atoi(string(attribute(piece, "s")))
				kind = cellKind{shared: string(attribute(piece, "t")) == "s", date: style > 0 && style < len(b.dates) && b.dates[style]}
				_ = out.WriteByte('\t')
			}
		case "v", "t":
			kind.open = !closing && !bytes.HasSuffix(piece, []byte("/"))
		case "row":
			_ = out.WriteByte('\n')
		}
	}
}

func (b *sheetBook) value(dst, raw []byte, kind cellKind) []byte {
	switch {
	case kind.shared:
		i, err := strconv.Atoi(string(raw))
		if err != nil {
			return dst
		}
		return append(dst, b.shared(i)...)
	case kind.date:
		// days since 30 December 1899 (§18.17.4.1)
		if n, err := strconv.ParseFloat(string(raw), 64); err == nil && n > 0 && n < 80_000 {
			return time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(n)).AppendFormat(dst, time.DateOnly)
		}
	}
	return unescape(dst, raw)
}

// ods reads an OpenDocument file.
func (o *opener) ods(c content, z *zip.Reader) error {
	for _, f := range z.File {
		if f.Name != "content.xml" {
			continue
		}
		return o.leaf(c.name, func(w io.Writer) error {
			return o.member(f, func(r io.Reader) error { return openDocument(w, r) })
		})
	}
	return nil
}

// openDocument writes the cells of all tables as text, and other text by paragraphs.
func openDocument(w io.Writer, r io.Reader) error {
	t := newTags(r)
	out := bufio.NewWriterSize(w, 64<<10)
	var buf []byte
	dated, table := false, false
	for {
		piece, isTag, err := t.next()
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		if !isTag {
			if !dated {
				buf = unescape(buf[:0], piece)
				_, _ = out.Write(flat(buf)) // a bufio.Writer keeps its first error for Flush
			}
			continue
		}
		name, closing := tagName(piece)
		switch string(name) {
		case "table-cell":
			_ = out.WriteByte('\t')
			day := attribute(piece, "office:date-value")
			dated = !closing && len(day) > 0
			_, _ = out.Write(day[:min(len(day), 10)])
		case "table":
			table = !closing
		case "table-row":
			if closing {
				_ = out.WriteByte('\n')
			}
		case "p", "h":
			if closing && !table {
				_ = out.WriteByte('\n')
			}
		}
	}
}
