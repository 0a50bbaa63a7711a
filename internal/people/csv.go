package people

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readCSV reads people from a table with a header row. Fields are separated by
// commas, by tabs, or by semicolons, as spreadsheets write them where the comma is the decimal sign; the values
// of a list by semicolons, then within quotation marks.
func (b *builder) readCSV(data []byte) {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord, r.ReuseRecord, r.TrimLeadingSpace, r.Comment = -1, true, true, '#'
	first, _, _ := bytes.Cut(data, []byte("\n"))
	commas := bytes.Count(first, []byte(","))
	switch {
	case bytes.Count(first, []byte("\t")) > commas:
		r.Comma = '\t'
	case bytes.Count(first, []byte(";")) > commas:
		r.Comma = ';'
	}
	var columns []string
	for {
		row, err := r.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return
		case errors.As(err, &bad):
			b.problem(bad.Line, "", "not CSV: "+bad.Err.Error(), "double the quotes inside a quoted field")
			continue
		case err != nil:
			b.problem(0, "", "not CSV: "+err.Error(), "")
			return
		}
		if columns == nil {
			columns = b.header(row, r)
			continue
		}
		b.row(columns, row, r)
	}
}

// header returns the field of each column, empty for one that is not ours.
func (b *builder) header(row []string, r *csv.Reader) []string {
	columns, seen := make([]string, len(row)), map[string]bool{}
	line, _ := r.FieldPos(0)
	for i, name := range row {
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case sections["person"][name] == unknownField:
			b.problem(line, name, fmt.Sprintf("unknown column %q", name), "known columns: "+fieldNames("person"))
		case seen[name]:
			b.problem(line, name, fmt.Sprintf("column %q stands twice", name), "keep one; semicolons separate several values")
		default:
			columns[i], seen[name] = name, true
		}
	}
	if !seen["name"] {
		b.problem(line, "name", "no column is called name", "begin the file with a header row such as name,names,addresses,role")
	}
	return columns
}

func (b *builder) row(columns, row []string, r *csv.Reader) {
	line, _ := r.FieldPos(0)
	rec := record{section: "person", line: line, fields: make([]field, 0, len(row))}
	if len(row) > len(columns) {
		b.problem(line, "", fmt.Sprintf("%d fields in a table of %d columns", len(row), len(columns)), "put a field that holds a comma in quotes")
		row = row[:len(columns)]
	}
	for i, value := range row {
		if columns[i] == "" || strings.TrimSpace(value) == "" {
			continue
		}
		at, _ := r.FieldPos(i)
		f := field{name: columns[i], line: at}
		if sections["person"][columns[i]] == list {
			for v := range strings.SplitSeq(value, ";") {
				if v = strings.TrimSpace(v); v != "" {
					f.values = append(f.values, strings.Clone(v))
				}
			}
		} else {
			f.values = []string{strings.Clone(value)}
		}
		rec.fields = append(rec.fields, b.tidy(f))
	}
	b.records = append(b.records, rec)
}
