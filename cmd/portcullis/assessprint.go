package main

import (
	"fmt"
	"io"
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
	for _, e := range s.Assessment.Echoes {
		fmt.Fprintf(p.out, "%s\n", p.t.dim(printable(fmt.Sprintf("left out: %s is an echo of %s", e.Evidence, e.Of))))
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
	fmt.Fprintf(p.out, "\n%-*s", name, "  evidence, most telling first")
	for i := range n {
		fmt.Fprintf(p.out, "%-*c", columnWidth, 'A'+i)
	}
	fmt.Fprintln(p.out)
	for _, r := range m.Rows {
		p.row(r, n, name)
	}
	fmt.Fprintln(p.out, "  ++ and + speak for, −− and − against, · says nothing; two signs are a factor of four or more")
}

func (p assessmentPrinter) row(r assessment.Row, n, name int) {
	grades := make([]string, len(r.Grades))
	for i, g := range r.Grades {
		grades[i] = string(g)
	}
	text := r.Note
	if text == "" {
		text = r.Claim
	}
	lines := wrap(printable(fmt.Sprintf("%s [%s]", text, strings.Join(grades, " "))), name-4)
	for i, l := range lines {
		fmt.Fprintf(p.out, "  %-*s", name-2, l)
		if i == 0 {
			for _, c := range r.Cells[:n] {
				fmt.Fprintf(p.out, "%-*s", columnWidth, c.Bearing)
			}
		}
		fmt.Fprintln(p.out)
	}
}
