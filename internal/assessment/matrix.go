package assessment

import (
	"cmp"
	"math"
	"slices"
)

// Matrix is the matrix of competing hypotheses (Heuer, Psychology of Intelligence
// Analysis, ch. 8) as data for a view: a column for each hypothesis, a row for each
// fact, and in the cells how the fact bears on the hypothesis. It is read along the
// rows: a fact that every hypothesis leads one to expect tells nothing.
type Matrix struct {
	Columns []Column `json:"columns"` // likeliest first
	Rows    []Row    `json:"rows"`    // most telling first
}

// Column is one hypothesis.
type Column struct {
	Hypothesis string  `json:"hypothesis"`
	Title      string  `json:"title"`
	Prior      float64 `json:"prior"`
	Posterior  float64 `json:"posterior"`
}

// Row is one fact.
type Row struct {
	Evidence []string `json:"evidence"` // ids; more than one where origins confirm each other
	Claim    string   `json:"claim"`
	Note     string   `json:"note,omitempty"`
	Kind     string   `json:"kind,omitempty"`
	Vertex   Vertex   `json:"vertex,omitempty"`
	Origins  []string `json:"origins"`
	Grades   []Grade  `json:"grades"`
	// Weight is what is left of the fact after reliability and tempering, 0 to 1.
	Weight float64 `json:"weight"`
	// Telling is how far apart it sets the hypotheses: the largest less the
	// smallest effective likelihood, in steps of the ladder.
	Telling float64 `json:"telling"`
	Cells   []Cell  `json:"cells"` // in the order of Columns
}

// Cell is how one fact bears on one hypothesis.
type Cell struct {
	Rung Rung `json:"rung"`
	// Bearing is the word for a reader: "++", "+", "·", "−", "−−" against the baseline.
	Bearing string  `json:"bearing"`
	Steps   float64 `json:"steps"` // effective likelihood against the baseline, in steps of the ladder
}

// matrix lays out what was weighed.
func (w *weighed) matrix() (m Matrix) {
	order := make([]int, len(w.q.Hypotheses))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(w.posterior[b], w.posterior[a]) })
	for _, h := range order {
		about := w.q.Hypotheses[h]
		m.Columns = append(m.Columns, Column{about.ID, about.Title, about.Prior, round(w.posterior[h])})
	}
	for i := range w.facts {
		m.Rows = append(m.Rows, w.row(i, order))
	}
	slices.SortStableFunc(m.Rows, func(a, b Row) int { return cmp.Compare(b.Telling, a.Telling) })
	return m
}

func (w *weighed) row(i int, order []int) Row {
	f, on := w.facts[i], w.scale.facts[i]
	r := Row{Evidence: f.evidence, Claim: f.claim, Note: f.note, Kind: f.kind, Vertex: f.vertex}
	for _, s := range f.supports {
		r.Origins, r.Grades = append(r.Origins, s.origin), append(r.Grades, s.grade)
	}
	reliability := on.reliability()
	r.Weight = round(reliability * on.temper)
	low, high := math.Inf(1), math.Inf(-1)
	for _, h := range order {
		steps := on.temper * math.Log2(float64(reliability*on.ratio[h])+1-reliability) * 2
		low, high = min(low, steps), max(high, steps)
		r.Cells = append(r.Cells, Cell{f.rungs[h], bearing(steps), round(steps)})
	}
	r.Telling = round(high - low)
	return r
}

// reliability of a fact by itself: that of all its origins together.
func (f weight) reliability() float64 {
	first := f.source.at * f.content.at
	return first + f.others - float64(first*f.others)
}

// bearing is the sign that a reader sees: two for a factor of four or more.
func bearing(steps float64) string {
	switch {
	case steps >= 4:
		return "++"
	case steps >= 1:
		return "+"
	case steps <= -4:
		return "−−"
	case steps <= -1:
		return "−"
	}
	return "·"
}
