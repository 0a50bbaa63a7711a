package assessment

import "fmt"

// Level is analytical confidence: how well founded a statement is, which is another
// thing than how likely it is. That a coin falls heads is a realistic possibility with
// high confidence.
type Level string

// The levels.
const (
	LowConfidence      Level = "low"
	ModerateConfidence Level = "moderate"
	HighConfidence     Level = "high"
)

// Analysis is the level with its reasons. It is printed apart from the likelihood and
// never in the same sentence.
type Analysis struct {
	Level   Level    `json:"level"`
	Reasons []string `json:"reasons"`
}

// Sentence is the statement of confidence, complete in itself.
func (a Analysis) Sentence() string {
	return fmt.Sprintf("Analytical confidence is %s.", a.Level)
}

// confidence judges the foundation by what PHIA's guidance names: the sources and their
// number, the coverage, and how the judgement depends on single pieces. Each
// weakness costs a step, three steps or no evidence at all make it low.
func (w *weighed) confidence(s Statement, missing []string) Analysis {
	var weak, sound []string
	note := func(good bool, yes, no string) {
		if good {
			sound = append(sound, yes)
		} else {
			weak = append(weak, no)
		}
	}
	origins := len(w.without)
	if len(w.facts) == 0 {
		return Analysis{Level: LowConfidence, Reasons: append([]string{"no evidence was weighed: the chance is what was assumed before"}, unknowns(missing)...)}
	}
	note(origins >= certainOrigins, plural(origins, "independent origin"), "only "+plural(origins, "independent origin"))
	vertices := w.covered()
	note(vertices >= certainVertices, plural(vertices, "vertex")+" of the Diamond Model", "evidence on "+plural(vertices, "vertex")+" of the Diamond Model only")
	good := w.graded()
	note(2*good >= len(w.facts) && good > 0, reliable(good, len(w.facts)), "only "+reliable(good, len(w.facts)))
	swing, which := w.swing(s.Uncapped)
	note(swing <= 0.2, "no single origin decides it", fmt.Sprintf("without origin %q the chance would move by %.0f points", which, 100*swing))
	note(!s.Spans, "small changes of what was put in do not change the word", "small changes of what was put in change the word")
	weak = append(weak, unknowns(missing)...)
	a := Analysis{Level: HighConfidence, Reasons: append(weak, sound...)}
	switch {
	case origins == 0 || len(weak) >= 3:
		a.Level = LowConfidence
	case len(weak) > 0:
		a.Level = ModerateConfidence
	}
	return a
}

func unknowns(missing []string) (list []string) {
	for _, m := range missing {
		list = append(list, "not known: "+m)
	}
	return list
}

func reliable(good, all int) string {
	if all == 1 {
		return fmt.Sprintf("%d of 1 fact rests on usually reliable sources", good)
	}
	return fmt.Sprintf("%d of %s rest on usually reliable sources", good, plural(all, "fact"))
}

// covered counts the vertices on which there is any evidence.
func (w *weighed) covered() int {
	seen := map[Vertex]bool{}
	for _, f := range w.facts {
		seen[f.vertex] = true
	}
	delete(seen, "")
	return len(seen)
}

// graded counts facts from sources graded A or B, or confirmed by others.
func (w *weighed) graded() (n int) {
	for _, f := range w.facts {
		if len(f.supports) > 1 || f.supports[0].grade.valid() && f.supports[0].grade[0] <= 'B' {
			n++
		}
	}
	return n
}

// swing is the largest change that leaving an origin out makes.
func (w *weighed) swing(chance float64) (most float64, which string) {
	for _, o := range w.without {
		if d := max(chance-o.Chance, o.Chance-chance); d > most {
			most, which = d, o.Origin
		}
	}
	return most, which
}
