package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/assessment"
)

// assessmentPrinter writes an assessment for a terminal.
type assessmentPrinter struct {
	out io.Writer
	t   theme
}

func (p assessmentPrinter) print(s assessment.Stored, h assessment.History, attribution, matrix bool) {
	fmt.Fprintf(p.out, "%s  assessed %s, entry %d of its record\n", p.t.bold(string(s.Assessment.Campaign)), s.At.Format("2 Jan 2006 15:04 UTC"), s.Seq)
	fmt.Fprintf(p.out, "Weighing is %s.\n", h.Calibration())
	hidden := 0
	for _, a := range s.Assessment.Answers {
		if a.Proposition.Attribution() && !attribution {
			hidden++
			continue
		}
		p.answer(a)
		if matrix {
			p.matrix(a.Matrix)
		}
	}
	if hidden > 0 {
		fmt.Fprintf(p.out, "\nWho did it was weighed and is not shown; --attribution shows it.\n")
	}
	if n := len(s.Assessment.Echoes); n > 0 {
		fmt.Fprintf(p.out, "\n%s\n", p.t.dim(fmt.Sprintf("%s left out as an echo: its origin had spoken already, and counts once.", pieces(n))))
	}
}

func (p assessmentPrinter) answer(a assessment.Answer) {
	fmt.Fprintln(p.out)
	p.lines(a.Likelihood.Sentence(a.Statement), "")
	fmt.Fprintf(p.out, "  %s  %.0f–%.0f %%\n", chanceBar(a.Likelihood), 100*a.Likelihood.Low, 100*a.Likelihood.High)
	for _, c := range a.Likelihood.Caps {
		p.lines(fmt.Sprintf("held back (%s): %s", c.Rule, c.Reason), "  ")
	}
	p.lines(a.Confidence.Sentence(), "")
	for _, r := range a.Confidence.Reasons {
		p.lines("- "+r, "  ")
	}
}

func (p assessmentPrinter) lines(text, indent string) {
	for _, l := range wrap(printable(text), p.t.width-len(indent)) {
		fmt.Fprintf(p.out, "%s%s\n", indent, l)
	}
}

// barWidth is a column for five points of a hundred.
const barWidth = 20

// chanceBar shows where the chance lies: brackets where nine draws in ten are, a mark at
// the chance itself.
func chanceBar(s assessment.Statement) string {
	at := func(p float64) int { return min(int(p*barWidth), barWidth-1) }
	bar := []rune(strings.Repeat("·", barWidth))
	for i := at(s.Low); i <= at(s.High); i++ {
		bar[i] = '━'
	}
	bar[at(s.Chance)] = '┃'
	return "0 " + string(bar) + " 100"
}

const (
	matrixColumns = 8 // hypotheses that fit a terminal; the likeliest
	columnWidth   = 9
)

// matrix writes the competing hypotheses as columns and the evidence as rows.
func (p assessmentPrinter) matrix(m assessment.Matrix) {
	n := min(len(m.Columns), matrixColumns, max((p.t.width-40)/columnWidth, 2))
	name := max(p.t.width-n*columnWidth-2, 30)
	fmt.Fprintln(p.out)
	for i, c := range m.Columns[:n] {
		fmt.Fprintf(p.out, "  %c  %s, %.1f %% before, %.1f %% now\n", 'A'+i, printable(c.Title), 100*c.Prior, 100*c.Posterior)
	}
	if n < len(m.Columns) {
		fmt.Fprintf(p.out, "  and %d less likely\n", len(m.Columns)-n)
	}
	signs := make([]string, n)
	for i := range signs {
		signs[i] = string(rune('A' + i))
	}
	fmt.Fprintln(p.out)
	p.cells("  evidence, most telling first", signs, name)
	var silent []string
	for _, r := range m.Rows {
		if saysNothing(r) {
			silent = append(silent, rowText(r))
			continue
		}
		p.row(r, n, name)
	}
	p.silent(silent)
	fmt.Fprintln(p.out, "  ++ and + speak for, −− and − against, · says nothing; two signs are a factor of four or more")
}

const silentShown = 3

// silent counts the evidence that is as likely under each hypothesis: rows of dots hide the
// few that tell something.
func (p assessmentPrinter) silent(list []string) {
	if len(list) == 0 {
		return
	}
	text := fmt.Sprintf("%s without any bearing: %s", pieces(len(list)), strings.Join(list[:min(len(list), silentShown)], "; "))
	if more := len(list) - silentShown; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	p.lines(text, "  ")
}

func pieces(n int) string {
	if n == 1 {
		return "1 piece"
	}
	return thousands(n) + " pieces"
}

// saysNothing tells that a row bears on no hypothesis, of those shown and of the rest.
func saysNothing(r assessment.Row) bool {
	return !slices.ContainsFunc(r.Cells, func(c assessment.Cell) bool { return c.Bearing != "·" })
}

func rowText(r assessment.Row) string {
	grades := make([]string, len(r.Grades))
	for i, g := range r.Grades {
		grades[i] = string(g)
	}
	return fmt.Sprintf("%s [%s]", cmp.Or(r.Note, r.Claim), strings.Join(grades, " "))
}

func (p assessmentPrinter) row(r assessment.Row, n, name int) {
	signs := make([]string, n)
	for i, c := range r.Cells[:n] {
		signs[i] = c.Bearing
	}
	for _, l := range wrap(printable(rowText(r)), name-4) {
		p.cells("  "+l, signs, name)
		signs = nil
	}
}

// cells writes one line of the matrix, without blanks at its end.
func (p assessmentPrinter) cells(lead string, signs []string, name int) {
	line := fmt.Sprintf("%-*s", name, lead)
	for _, s := range signs {
		line += fmt.Sprintf("%-*s", columnWidth, s)
	}
	fmt.Fprintln(p.out, strings.TrimRight(line, " "))
}
