package extract

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// csvFile is a register in a file with a head.
type csvFile struct {
	path    string
	comma   rune
	columns []string
}

// maxHead bounds the head of a file.
const maxHead = 1 << 20

// OpenCSV opens a file of comma, semicolon, tab or bar separated values with a head.
func OpenCSV(path string) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	defer func() { _ = f.Close() }()
	line, err := bufio.NewReader(io.LimitReader(f, maxHead)).ReadString('\n')
	if err != nil && line == "" {
		return nil, fmt.Errorf("extract: %s has no head", path)
	}
	s := &csvFile{path: path, comma: ','}
	for _, c := range ";\t|" {
		if strings.Count(line, string(c)) > strings.Count(line, string(s.comma)) {
			s.comma = c
		}
	}
	r := s.reader(strings.NewReader(line))
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("extract: the head of %s: %w", path, err)
	}
	s.columns = slices.Clone(head)
	s.columns[0] = strings.TrimPrefix(s.columns[0], "\ufeff")
	return s, nil
}

func (s *csvFile) reader(in io.Reader) *csv.Reader {
	r := csv.NewReader(in)
	r.Comma, r.ReuseRecord, r.LazyQuotes = s.comma, true, true
	return r
}

func (s *csvFile) Columns() []string           { return s.columns }
func (s *csvFile) Close(context.Context) error { return nil }

// Count counts lines: quoted ones of several only make it larger.
func (s *csvFile) Count(ctx context.Context) (n int, err error) {
	f, err := os.Open(s.path)
	if err != nil {
		return 0, fmt.Errorf("extract: %w", err)
	}
	defer func() { _ = f.Close() }()
	buf := make([]byte, 256<<10)
	for {
		k, err := f.Read(buf)
		n += bytes.Count(buf[:k], []byte{'\n'})
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return n, err
		}
	}
}

func (s *csvFile) Rows(ctx context.Context, fn func([]string) error) error {
	f, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	defer func() { _ = f.Close() }()
	r := s.reader(bufio.NewReaderSize(f, 1<<20))
	for n := 0; ; n++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("extract: %s: %w", s.path, err)
		}
		if n == 0 {
			continue // the head
		}
		if err := fn(row); err != nil {
			return err
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// table is a relation of a PostgreSQL database, read in one snapshot.
type table struct {
	conn    *pgx.Conn
	name    pgx.Identifier
	columns []string
}

// OpenTable opens a relation ("schema.table"). All passes see the same snapshot.
func OpenTable(ctx context.Context, url, relation string, columns []string) (_ Source, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	t := &table{conn: conn, name: pgx.Identifier(strings.SplitN(relation, ".", 2)), columns: columns}
	defer func() {
		if err != nil {
			err = errors.Join(err, conn.Close(ctx))
		}
	}()
	if _, err := conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	if len(columns) > 0 {
		return t, nil
	}
	rows, err := conn.Query(ctx, "SELECT * FROM "+t.name.Sanitize()+" LIMIT 0")
	if err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	for _, d := range rows.FieldDescriptions() {
		t.columns = append(t.columns, d.Name)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	return t, nil
}

func (t *table) Columns() []string { return t.columns }

func (t *table) Count(ctx context.Context) (n int, err error) {
	err = t.conn.QueryRow(ctx, "SELECT count(*) FROM "+t.name.Sanitize()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("extract: count the register: %w", err)
	}
	return n, nil
}

func (t *table) Close(ctx context.Context) error { return t.conn.Close(ctx) }

// Rows copies the relation out in text format.
func (t *table) Rows(ctx context.Context, fn func([]string) error) error {
	var list []string
	for _, c := range t.columns {
		list = append(list, pgx.Identifier{c}.Sanitize())
	}
	d := &copyText{fn: fn, row: make([]string, 0, len(t.columns)), columns: len(t.columns)}
	_, err := t.conn.PgConn().CopyTo(ctx, d, "COPY (SELECT "+strings.Join(list, ", ")+" FROM "+t.name.Sanitize()+") TO STDOUT")
	if err != nil {
		return fmt.Errorf("extract: copy the register: %w", err)
	}
	return nil
}

// copyText reads PostgreSQL's text format of COPY; pgx writes one row, or part of one, at a time.
type copyText struct {
	fn      func([]string) error
	row     []string
	rest    []byte
	columns int
}

// maxRow bounds a row.
const maxRow = 64 << 20

func (d *copyText) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			if d.rest = append(d.rest, p...); len(d.rest) > maxRow {
				return 0, errors.New("extract: a row has no end")
			}
			return n, nil
		}
		line := p[:i]
		if len(d.rest) > 0 {
			line = append(d.rest, line...)
			d.rest = d.rest[:0]
		}
		if err := d.line(line); err != nil {
			return 0, err
		}
		p = p[i+1:]
	}
}

func (d *copyText) line(line []byte) error {
	d.row = d.row[:0]
	for cell := range bytes.SplitSeq(line, []byte{'\t'}) {
		d.row = append(d.row, copyCell(cell))
	}
	if len(d.row) != d.columns {
		return fmt.Errorf("extract: a row of %d columns instead of %d", len(d.row), d.columns)
	}
	return d.fn(d.row)
}

// copyCell undoes the escapes of the text format (PostgreSQL, COPY, File Formats); NULL is empty.
func copyCell(cell []byte) string {
	if string(cell) == `\N` {
		return ""
	}
	if bytes.IndexByte(cell, '\\') < 0 {
		return string(cell)
	}
	out := make([]byte, 0, len(cell))
	for i := 0; i < len(cell); i++ {
		c := cell[i]
		if c == '\\' && i+1 < len(cell) {
			i++
			c = cell[i]
			if j := strings.IndexByte("bfnrtv", c); j >= 0 {
				c = "\b\f\n\r\t\v"[j]
			}
		}
		out = append(out, c)
	}
	return string(out)
}
