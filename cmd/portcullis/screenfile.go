package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/screening/ledger"
	"portcullis.example/portcullis/internal/screening/lists"
)

// guestColumns are the usual headings of what a row may tell.
var guestColumns = map[string][]string{
	"name": {"name", "full name", "guest", "guest name", "query", "contact", "caption"}, "given": {"first name", "given name", "given names", "forename"}, "middle": {"middle name", "middle names"},
	"family": {"last name", "family name", "surname"}, "schema": {"schema", "kind"}, "born": {"born", "date of birth", "birth date", "birthdate", "dob"},
	"nationality": {"nationality", "nationalities", "citizenship"}, "country": {"country", "countries"}, "gender": {"gender", "sex"}, "number": {"passport", "passport number", "number", "registration number"},
}

// rowBatch is how many rows are screened, recorded and written at once.
const rowBatch = 512

// fileRun is one run over a file.
type fileRun struct {
	c       *screenNameCommand
	l       *ledger.Ledger
	std     stdio
	in      *rowReader
	columns map[string]int
	out     *rowWriter
	state   *runState
	meter   *rowMeter
	bad     int
	matches int
}

// row is one row with what became of it.
type guestRow struct {
	line    int
	cells   []string
	request ledger.Request
	problem string
	skip    bool // there is nothing to screen
	answer  ledger.Answer
}

// file screens every row of a file.
func (c *screenNameCommand) file(ctx context.Context, std stdio, l *ledger.Ledger) (err error) {
	format := cmp.Or(c.Format, "csv")
	if format != "csv" && format != "ndjson" {
		return exitError{exitIncomplete, errors.New("--file writes csv or ndjson; say --format csv or --format ndjson")}
	}
	f, err := openInput(std, c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	r := &fileRun{c: c, l: l, std: std, meter: newRowMeter(std.err)}
	if r.in, err = newRowReader(f, c.File, c.Columns, c.Encoding); err != nil {
		return err
	}
	if err := r.resolve(); err != nil {
		return err
	}
	if r.state, err = c.begin(ctx, l, format); err != nil {
		return err
	}
	sink, closeSink, err := r.state.open(std.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeSink()) }()
	r.out = newRowWriter(sink, format, r.in, c.All)
	return r.run(ctx)
}

// resolve finds the columns.
func (r *fileRun) resolve() error {
	r.columns = map[string]int{}
	for field, heading := range r.c.Column {
		if _, ok := guestColumns[field]; !ok {
			return exitError{exitIncomplete, fmt.Errorf("--column %s=…: want one of name, given, middle, family, schema, born, nationality, country, gender, number", printable(field))}
		}
		i := r.in.column(rowHeading(heading))
		if i < 0 {
			return exitError{exitIncomplete, fmt.Errorf("%s has no column %q; its header is: %s", r.in.name, heading, printable(strings.Join(r.in.header, ", ")))}
		}
		r.columns[field] = i
	}
	for field, usual := range guestColumns {
		if _, said := r.columns[field]; said {
			continue
		}
		if i := r.in.column(usual...); i >= 0 {
			r.columns[field] = i
		}
	}
	_, name := r.columns["name"]
	_, family := r.columns["family"]
	if !name && !family {
		return exitError{exitIncomplete, fmt.Errorf("%s: no column holds a name; say --column name=HEADING, or --columns name,… for a file without header. Its first line is: %s",
			r.in.name, printable(strings.Join(r.in.header, ", ")))}
	}
	return nil
}

func (r *fileRun) cell(row []string, field string) string {
	if i, ok := r.columns[field]; ok {
		return strings.TrimSpace(row[i])
	}
	return ""
}

// run reads, screens and writes batch after batch.
func (r *fileRun) run(ctx context.Context) error {
	if err := r.pass(); err != nil {
		return err
	}
	defer r.meter.stop()
	for {
		rows, readErr := r.batch()
		if err := r.screen(ctx, rows); err != nil {
			return err
		}
		switch {
		case errors.Is(readErr, io.EOF):
			return r.end()
		case readErr != nil:
			return exitError{exitIncomplete, fmt.Errorf("%w; the %s before it are done%s", readErr, count(r.state.Rows, "row"), r.state.hint())}
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// pass goes over rows that an earlier run has done.
func (r *fileRun) pass() error {
	for i := range r.state.Rows {
		if _, err := r.in.next(); err != nil {
			return exitError{exitIncomplete, fmt.Errorf("an earlier run did %s of %s, which now has %d: %w", count(r.state.Rows, "row"), r.in.name, i, err)}
		}
	}
	if r.state.Rows > 0 {
		fmt.Fprintf(r.std.err, "Going on after row %s.\n", thousands(r.state.Rows))
	}
	if r.state.Rows == 0 {
		return r.out.header()
	}
	return nil
}

func (r *fileRun) batch() (rows []guestRow, err error) {
	for len(rows) < rowBatch {
		cells, err := r.in.next()
		if err != nil {
			return rows, err
		}
		rows = append(rows, r.request(cells))
	}
	return rows, nil
}

// request makes a request of a row. What cannot be used of it is told and left out.
func (r *fileRun) request(cells []string) guestRow {
	g := guestRow{line: r.in.line, cells: cells}
	if !validRow(cells) {
		g.skip, g.problem = true, "the row is not UTF-8; say --encoding"
		return g
	}
	name := r.cell(cells, "name")
	if name == "" {
		name = strings.Join(strings.Fields(strings.Join([]string{r.cell(cells, "given"), r.cell(cells, "middle"), r.cell(cells, "family")}, " ")), " ")
	}
	g.request = ledger.Request{Name: name, Schema: cmp.Or(r.cell(cells, "schema"), r.c.Schema), Ref: fmt.Sprintf("row %d", r.in.line)}
	switch strings.ToLower(r.cell(cells, "gender")) {
	case "m", "male":
		g.request.Gender = "male"
	case "f", "female":
		g.request.Gender = "female"
	}
	if _, ok := ledger.ParseSchema(g.request.Schema); !ok {
		g.problem = fmt.Sprintf("the kind %q is not known; screened as any", g.request.Schema)
		g.request.Schema = ""
	}
	if born := r.cell(cells, "born"); born != "" {
		if d, err := lists.ParseDate(born, lists.DayFirst); err != nil {
			g.problem = fmt.Sprintf("birth date %q: %s; screened without it", born, strings.ReplaceAll(err.Error(), "\n", "; "))
		} else {
			g.request.Born = strings.TrimPrefix(lists.DateText(d), "about ")
			if d.To > 0 {
				g.request.Born = ""
			}
		}
	}
	for _, field := range []string{"nationality", "country"} {
		for c := range strings.SplitSeq(r.cell(cells, field), ";") {
			if c = strings.TrimSpace(c); c != "" && len(g.request.Countries) < 10 {
				g.request.Countries = append(g.request.Countries, c)
			}
		}
	}
	if n := r.cell(cells, "number"); n != "" {
		g.request.Identifiers = []ledger.Identifier{{Value: n}}
	}
	if err := g.request.Check(); err != nil {
		g.skip, g.problem = true, err.Error()
	}
	return g
}

// screen answers a batch, writes it, and remembers that it is done.
func (r *fileRun) screen(ctx context.Context, rows []guestRow) error {
	if len(rows) == 0 {
		return nil
	}
	var requests []ledger.Request
	for _, g := range rows {
		if !g.skip {
			requests = append(requests, g.request)
		}
	}
	var answers []ledger.Answer
	if len(requests) > 0 {
		s, err := r.l.Screen(ctx, requests, r.c.options())
		if err != nil {
			return err
		}
		answers = s.Answers
	}
	for i := range rows {
		g := &rows[i]
		if !g.skip {
			g.answer, answers = answers[0], answers[1:]
		}
		if g.problem != "" {
			r.bad++
			fmt.Fprintf(r.std.err, "%s:%d: %s\n", r.in.name, g.line, printable(g.problem))
		}
		if g.answer.Outcome == ledger.OutcomeMatch {
			r.matches++
		}
		if err := r.out.row(g); err != nil {
			return err
		}
	}
	if err := r.out.flush(); err != nil {
		return err
	}
	r.meter.add(len(rows))
	return r.state.done(len(rows))
}

func (r *fileRun) end() error {
	if err := r.state.finish(); err != nil {
		return err
	}
	r.meter.stop()
	fmt.Fprintf(r.std.err, "%s screened, %s.\n", count(r.state.Rows, "row"), matchText(r.matches))
	if r.bad > 0 {
		return exitError{exitIncomplete, fmt.Errorf("%s could not be used in full; each is named above, and in the column problem", count(r.bad, "row"))}
	}
	if r.c.ExitCode && r.matches > 0 {
		return exitError{exitFindings, nil}
	}
	return nil
}

func matchText(n int) string {
	if n == 1 {
		return "1 match"
	}
	return thousands(n) + " matches"
}

// rowWriter writes rows with what was found.
type rowWriter struct {
	format string
	in     *rowReader
	all    bool
	csv    *csv.Writer
	json   *json.Encoder
	added  []string
}

// addedColumns are what a CSV row gets.
var addedColumns = []string{"row", "outcome", "score", "list", "id", "entry", "matched", "listing", "consequence", "registered", "needs", "why", "against", "decided", "list_date", "list_sha256", "others", "problem"}

func newRowWriter(out io.Writer, format string, in *rowReader, all bool) *rowWriter {
	w := &rowWriter{format: format, in: in, all: all}
	if format == "csv" {
		w.csv = csv.NewWriter(out)
		w.csv.Comma = in.separator
		for _, name := range addedColumns {
			w.added = append(w.added, in.free(name))
		}
		return w
	}
	w.json = json.NewEncoder(out)
	w.json.SetEscapeHTML(false)
	return w
}

func (w *rowWriter) header() error {
	if w.csv == nil {
		return nil
	}
	return w.csv.Write(append(slices.Clone(w.in.header), w.added...))
}

func (w *rowWriter) flush() error {
	if w.csv == nil {
		return nil
	}
	w.csv.Flush()
	return w.csv.Error()
}

// ranked are an answer's entries, designations first.
func ranked(a ledger.Answer) []ledger.Match { return slices.Concat(a.Designations, a.Influence) }

func (w *rowWriter) row(g *guestRow) error {
	if w.json != nil {
		return w.jsonRow(g)
	}
	matches := ranked(g.answer)
	if len(matches) == 0 {
		return w.csv.Write(append(slices.Clone(g.cells), w.cells(g, nil, nil)...))
	}
	if !w.all {
		return w.csv.Write(append(slices.Clone(g.cells), w.cells(g, &matches[0], matches[1:])...))
	}
	for i := range matches {
		if err := w.csv.Write(append(slices.Clone(g.cells), w.cells(g, &matches[i], nil)...)); err != nil {
			return err
		}
	}
	return nil
}

// cells are the added columns, in the order of addedColumns.
func (w *rowWriter) cells(g *guestRow, m *ledger.Match, others []ledger.Match) []string {
	if m == nil {
		none := make([]string, len(addedColumns))
		none[0], none[1], none[len(none)-1] = strconv.Itoa(g.line), ledger.OutcomeNone, g.problem
		if g.skip {
			none[1] = "not screened"
		}
		return none
	}
	outcome, listing, registered, decided := m.Outcome, "designation", "", ""
	if i := m.Influence; i != nil {
		if outcome = "registered"; m.Outcome == ledger.OutcomePossible {
			outcome = "possibly registered"
		}
		listing, registered = "registered influence", influenceText(i.Register, i.Tier, i.Principal)
	}
	if d := m.Decision; d != nil {
		decided = sameText(d.Same) + ": " + d.Why
	}
	var follows, why, more []string
	for _, c := range m.Consequences {
		follows = append(follows, consequenceText(c.Measure, c.Detail))
	}
	for _, p := range m.Alignment {
		why = append(why, fmt.Sprintf("%s = %s (%s)", orNothing(p.Query), orNothing(p.Entry), p.Transformation))
	}
	why = append(why, m.For...)
	for _, o := range others {
		more = append(more, fmt.Sprintf("%s:%s %.4f", o.List.List, o.ID, o.Score))
	}
	problem := strings.Join(append(nonEmpty(g.problem), g.answer.Notes...), "; ")
	return []string{strconv.Itoa(g.line), outcome, strconv.FormatFloat(m.Score, 'f', 4, 64), m.List.List, m.ID, m.Name, m.Matched, listing, strings.Join(follows, "; "), registered, m.Needs,
		strings.Join(why, "; "), strings.Join(m.Against, "; "), decided, m.List.Published, m.List.SHA256, strings.Join(more, "; "), problem}
}

// jsonRow writes a row as one object: the best entry's score, id and list, and every entry below.
func (w *rowWriter) jsonRow(g *guestRow) error {
	input := make(map[string]string, len(g.cells))
	for i, c := range g.cells {
		input[w.in.header[i]] = c
	}
	type line struct {
		Schema       int               `json:"schema"`
		Row          int               `json:"row"`
		Input        map[string]string `json:"input"`
		Outcome      string            `json:"outcome"`
		Score        float64           `json:"score"`
		List         string            `json:"list"`
		ID           string            `json:"id"`
		Designations []ledger.Match    `json:"designations"`
		Influence    []ledger.Match    `json:"influence"`
		Notes        []string          `json:"notes,omitempty"`
		Problem      string            `json:"problem,omitempty"`
	}
	out := line{Schema: 1, Row: g.line, Input: input, Outcome: cmp.Or(g.answer.Outcome, "not screened"), Designations: append([]ledger.Match{}, g.answer.Designations...),
		Influence: append([]ledger.Match{}, g.answer.Influence...), Notes: g.answer.Notes, Problem: g.problem}
	if best := ranked(g.answer); len(best) > 0 {
		out.Score, out.List, out.ID = best[0].Score, best[0].List.List, best[0].ID
	}
	return w.json.Encode(out)
}

// rowMeter tells how far a run is, every ten seconds, on a terminal each second.
type rowMeter struct {
	out   io.Writer
	began time.Time
	told  time.Time
	rows  int
	bar   *meter
}

func newRowMeter(out io.Writer) *rowMeter {
	now := time.Now()
	return &rowMeter{out: out, began: now, told: now, bar: newMeter(out, 0)}
}

func (m *rowMeter) add(rows int) {
	m.rows += rows
	every := 10 * time.Second
	if m.bar.terminal {
		every = time.Second
	}
	if now := time.Now(); now.Sub(m.told) >= every {
		m.told = now
		line := fmt.Sprintf("%s screened, %.0f/s", count(m.rows, "row"), float64(m.rows)/now.Sub(m.began).Seconds())
		if m.bar.terminal {
			fmt.Fprintf(m.out, "\r%-60s", line)
		} else {
			fmt.Fprintln(m.out, line)
		}
	}
}

func (m *rowMeter) stop() {
	if m.bar.terminal && m.rows > 0 {
		fmt.Fprintf(m.out, "\r%60s\r", "")
	}
}
