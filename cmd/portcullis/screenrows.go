package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// rowReader reads the rows of somebody's own CSV file, and says which line is at fault.
type rowReader struct {
	name      string
	r         *csv.Reader
	separator rune
	header    []string
	given     bool // the header was given, and is not in the file
	line      int  // where the row begins
	rows      int
}

// newRowReader reads the header line, or takes the columns given in its place.
func newRowReader(in io.Reader, name, columns, encoding string) (*rowReader, error) {
	in, err := decodeRows(in, encoding)
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	switch head, _ := buffered.Peek(3); {
	case bytes.Equal(head, []byte("\xef\xbb\xbf")):
		_, _ = buffered.Discard(3)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")): // as spreadsheets save "Unicode text"
		decoder := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
		buffered = bufio.NewReaderSize(transform.NewReader(buffered, decoder), 64<<10)
	}
	head, _ := buffered.Peek(64 << 10)
	if len(bytes.TrimSpace(head)) == 0 {
		return nil, exitError{exitIncomplete, fmt.Errorf("%s is empty", name)}
	}
	first, _, _ := bytes.Cut(head, []byte("\n"))
	r := &rowReader{name: name, r: csv.NewReader(buffered), separator: ','}
	for most, c := 0, 0; c < len(",;\t|"); c++ {
		if n := bytes.Count(first, []byte{",;\t|"[c]}); n > most {
			most, r.separator = n, rune(",;\t|"[c])
		}
	}
	r.r.Comma, r.r.FieldsPerRecord = r.separator, -1
	if columns != "" {
		r.given, r.header = true, strings.Split(columns, ",")
		return r, nil
	}
	if r.header, err = r.read(); err != nil {
		return nil, exitError{exitIncomplete, err}
	}
	return r, nil
}

func decodeRows(in io.Reader, encoding string) (io.Reader, error) {
	switch strings.ToLower(encoding) {
	case "", "utf-8", "utf8":
		return in, nil
	case "windows-1252", "iso-8859-1", "latin1":
		return transform.NewReader(in, charmap.Windows1252.NewDecoder()), nil
	case "windows-1251":
		return transform.NewReader(in, charmap.Windows1251.NewDecoder()), nil
	}
	return nil, exitError{exitIncomplete, fmt.Errorf("--encoding %s is not known; convert the file to UTF-8", printable(encoding))}
}

// read reads a row. What it returns is told with the line.
func (r *rowReader) read() ([]string, error) {
	row, err := r.r.Read()
	var broken *csv.ParseError
	switch {
	case errors.As(err, &broken) && broken.StartLine != broken.Line:
		return nil, fmt.Errorf("%s:%d: a quote in this row is not closed where it should be (noticed on line %d)", r.name, broken.StartLine, broken.Line)
	case errors.As(err, &broken):
		return nil, fmt.Errorf("%s:%d: a quote is broken at character %d", r.name, broken.Line, broken.Column)
	case err != nil:
		return nil, err
	}
	r.line, _ = r.r.FieldPos(0)
	return row, nil
}

// next returns a row that fits the header, passing over empty ones.
func (r *rowReader) next() ([]string, error) {
	for {
		row, err := r.read()
		if err != nil {
			return nil, err
		}
		if strings.Join(row, "") == "" {
			continue
		}
		r.rows++
		if len(row) != len(r.header) {
			return nil, fmt.Errorf("%s:%d: the row has %d fields, the header %d: a quote or separator is broken here", r.name, r.line, len(row), len(r.header))
		}
		return row, nil
	}
}

// column finds a column by any of the headings.
func (r *rowReader) column(headings ...string) int {
	for _, want := range headings {
		if i := slices.IndexFunc(r.header, func(h string) bool { return rowHeading(h) == want }); i >= 0 {
			return i
		}
	}
	return -1
}

// free is the name of a column that is added: with a prefix where there is one already.
func (r *rowReader) free(name string) string {
	if slices.ContainsFunc(r.header, func(h string) bool { return rowHeading(h) == name }) {
		return "screening_" + name
	}
	return name
}

func rowHeading(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(strings.NewReplacer("_", " ", "-", " ").Replace(s))), " ")
}

// validRow tells whether every cell is UTF-8.
func validRow(row []string) bool {
	return !slices.ContainsFunc(row, func(s string) bool { return !utf8.ValidString(s) })
}
