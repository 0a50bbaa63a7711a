package assessment

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func two() Question {
	q := PlainQuestion(Accessed, Standing{Unknown: 0.1, Ordinary: 0.1, FalseFlag: 0.1, None: 0.2})
	return q // leaves 0.5 for yes
}

func piece(id, origin string, grade Grade, vertex Vertex, yes, others Rung) Evidence {
	rungs := map[string]Rung{HoldsID: yes, NoneID: others, Unknown: others, Ordinary: others, FalseFlag: others}
	return Evidence{ID: id, Origin: origin, Grade: grade, Vertex: vertex, Likelihood: map[Proposition]map[string]Rung{Accessed: rungs}}
}

func weighCase(evidence ...Evidence) Answer {
	c := Case{Campaign: "campaign:x", Questions: []Question{two()}, Evidence: evidence}
	a, _ := Assess(c).Answer(Accessed)
	return a
}

// One piece of evidence moves the chance as r·L + (1−r)·baseline says.
func TestEffectiveLikelihood(t *testing.T) {
	for _, grade := range []Grade{"A1", "B2", "C3", "D4", "E5", "F1", "A6", "F6"} {
		r := grade.Reliability()
		yes, other := Expected.Likelihood(), Rare.Likelihood()
		baseline := 0.5*yes + 0.5*other
		with, against := r*yes+(1-r)*baseline, r*other+(1-r)*baseline
		want := with / (with + against)
		got := weighCase(piece("e", "o", grade, Victim, Expected, Rare)).Likelihood.Uncapped
		if math.Abs(got-want) > 1e-5 {
			t.Errorf("%s: %.5f, want %.5f", grade, got, want)
		}
	}
	if Grade("F1").Reliability() != 0 {
		t.Error("F means that nobody knows, and not a half")
	}
}

// F counts for nothing in the statement, and widens the span all the same.
func TestUnknownReliabilityWidens(t *testing.T) {
	none, f := weighCase(piece("e", "o", "E5", Victim, Even, Even)), weighCase(piece("e", "o", "F1", Victim, Expected, Excluded))
	if f.Likelihood.Uncapped != none.Likelihood.Uncapped {
		t.Errorf("F moved the chance from %v to %v", none.Likelihood.Uncapped, f.Likelihood.Uncapped)
	}
	if f.Likelihood.High <= none.Likelihood.High {
		t.Errorf("with F up to %v, without up to %v: it should widen the span", f.Likelihood.High, none.Likelihood.High)
	}
}

// Nobody gets surer than the source is reliable, however much it says.
func TestOneSourceIsNeverMoreThanItsWord(t *testing.T) {
	var many []Evidence
	for i := range 40 {
		many = append(many, piece(fmt.Sprint("e", i), "one", "C1", Victim, Expected, VeryRare))
	}
	if p := weighCase(many...).Likelihood.Uncapped; p > 0.86 { // 0.7 + half of the rest
		t.Errorf("%.3f after forty statements of one source graded C", p)
	}
}

func TestEchoesChangeNothing(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	own := piece("own", "provider", "B2", Victim, Expected, Rare)
	own.Claim, own.Time, own.Hash = "signed in", day, "h1"
	echo := own
	echo.ID, echo.Via, echo.Grade, echo.Time, echo.Hash = "echo", "newspaper", "A1", day.AddDate(0, 0, 1), "h2"
	copied := own // word for word, without saying whose it is
	copied.ID, copied.Origin, copied.Time = "copied", "blog", day.AddDate(0, 0, 2)
	ofCopy := copied
	ofCopy.ID, ofCopy.Via, ofCopy.Hash, ofCopy.Time = "echo of the copy", "forum", "h3", day.AddDate(0, 0, 3)
	other := piece("other", "partner", "C2", Infrastructure, Expected, Improbable)
	want := weighCase(own, other)
	for name, list := range map[string][]Evidence{
		"an echo": {echo, own, other}, "many": {echo, copied, ofCopy, own, other}, "in another order": {other, ofCopy, own, copied, echo},
	} {
		got := weighCase(list...)
		if x, y := asJSON(t, want), asJSON(t, got); x != y {
			t.Errorf("%s changes the answer\n%s\n%s", name, x, y)
		}
	}
	second := own
	second.ID, second.Origin, second.Hash = "second", "another witness", ""
	if weighCase(own, other, second).Likelihood.Uncapped <= want.Likelihood.Uncapped {
		t.Error("a second, independent witness changes nothing")
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestOrderIsNothing(t *testing.T) {
	c := manyPieces()
	want := asJSON(t, Assess(c))
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 1))
		rng.Shuffle(len(c.Evidence), func(i, j int) { c.Evidence[i], c.Evidence[j] = c.Evidence[j], c.Evidence[i] })
		rng.Shuffle(len(c.Questions[0].Hypotheses), func(i, j int) {
			h := c.Questions[0].Hypotheses
			h[i], h[j] = h[j], h[i]
		})
		if got := asJSON(t, Assess(c)); got != want {
			t.Fatal("another order gives another assessment")
		}
	}
}

func manyPieces() Case {
	c := Case{Campaign: "campaign:x", Questions: []Question{two()}}
	for i := range 12 {
		e := piece(fmt.Sprint("e", i), fmt.Sprint("origin ", i%4), []Grade{"A1", "B2", "C3", "F3"}[i%4], []Vertex{Victim, Infrastructure, Adversary}[i%3], Rung(i%3), Rung(3+i%5))
		e.Claim, e.Kind = fmt.Sprint("claim ", i%7), "sign-in"
		c.Evidence = append(c.Evidence, e)
	}
	return c
}

func TestTempering(t *testing.T) {
	alone := func(group string) float64 {
		var list []Evidence
		for i := range 6 {
			e := piece(fmt.Sprint("e", i), fmt.Sprint("o", i), "A1", Victim, Expected, LessThan)
			e.Group = group
			list = append(list, e)
		}
		return logOdds(weighCase(list...).Likelihood.Uncapped)
	}
	if tempered, free := alone("same"), alone(""); tempered >= free || tempered < 0.5*free {
		t.Errorf("log odds %.2f in one group, %.2f without", tempered, free)
	}
}

func TestYardstick(t *testing.T) {
	for p, want := range map[float64]string{
		0: "remote chance", 0.05: "remote chance", 0.07: "highly unlikely", 0.10: "highly unlikely", 0.20: "highly unlikely", 0.22: "unlikely",
		0.35: "unlikely", 0.37: "realistic possibility", 0.40: "realistic possibility", 0.499: "realistic possibility", 0.52: "realistic possibility",
		0.55: "likely", 0.75: "likely", 0.79: "likely", 0.80: "highly likely", 0.90: "highly likely", 0.949: "highly likely", 0.95: "almost certain", 1: "almost certain",
	} {
		if got := Word(p); got != want {
			t.Errorf("%.3f is %q, want %q", p, got, want)
		}
	}
}

func TestSpans(t *testing.T) {
	draws := slices.Repeat([]float64{0.85}, 180)
	if s := phrase(0.85, append(draws, slices.Repeat([]float64{0.7}, 20)...)); s.Word != "highly likely" || s.Spans {
		t.Errorf("nine draws in ten agree: %+v", s)
	}
	if s := phrase(0.85, append(draws, slices.Repeat([]float64{0.7}, 21)...)); s.Word != "likely to highly likely" || !s.Spans {
		t.Errorf("fewer agree: %+v", s)
	}
	s := Statement{Word: "unlikely to likely", Spans: true}
	if got := s.Sentence("it is so"); got != "The chance that it is so lies somewhere between unlikely and likely." {
		t.Error(got)
	}
}

// strong is evidence that leaves no doubt by its numbers.
func strong(origins int, vertices []Vertex, kind string) []Evidence {
	var list []Evidence
	for i := range 3 * origins {
		e := piece(fmt.Sprint("e", i), fmt.Sprint("origin ", i%origins), "A1", vertices[i%len(vertices)], Expected, VeryRare)
		e.Kind = kind
		list = append(list, e)
	}
	return list
}

func TestCaps(t *testing.T) {
	both := []Vertex{Infrastructure, Victim}
	for _, c := range []struct {
		name     string
		evidence []Evidence
		rule     string
		most     string
	}{
		{"techniques alone", strong(4, []Vertex{Capability, Victim}, KindTechnique), RuleTechniques, RealisticPossibility},
		{"techniques and next to nothing", append(strong(4, both, KindTechnique), piece("x", "y", "C4", Victim, Even, LessThan)), RuleTechniques, RealisticPossibility},
		{"two origins", strong(2, both, "sign-in"), RuleCertainty, "highly likely"},
		{"one vertex", strong(4, both[:1], "sign-in"), RuleCertainty, "highly likely"},
		{"three origins on two vertices", strong(3, both, "sign-in"), "", AlmostCertain},
		{"one origin decides", append(strong(1, both, "sign-in"), piece("a", "y", "C3", Victim, Probable, LessThan), piece("b", "z", "C3", Victim, Probable, LessThan)), RuleCertainty, "highly likely"},
	} {
		a := weighCase(c.evidence...)
		if a.Likelihood.Uncapped < 0.95 {
			t.Errorf("%s: the case is too weak to try a cap: %.3f", c.name, a.Likelihood.Uncapped)
		}
		rules := ""
		if len(a.Likelihood.Caps) > 0 {
			rules = a.Likelihood.Caps[0].Rule
		}
		if rules != c.rule || a.Likelihood.Word != c.most {
			t.Errorf("%s: %q by %v, want %q by %q", c.name, a.Likelihood.Word, a.Likelihood.Caps, c.most, c.rule)
		}
	}
}

// Likelihood and confidence are two statements, and two sentences.
func TestConfidenceStandsApart(t *testing.T) {
	weak, sound := weighCase(piece("e", "o", "C3", Victim, Expected, Rare)), weighCase(strong(4, []Vertex{Infrastructure, Victim}, "sign-in")...)
	if weak.Confidence.Level != LowConfidence || sound.Confidence.Level != HighConfidence {
		t.Errorf("confidence %q of one doubtful report, %q of four good origins\n%v", weak.Confidence.Level, sound.Confidence.Level, sound.Confidence.Reasons)
	}
	if s := sound.Likelihood.Sentence(sound.Statement); strings.Contains(s, "confidence") || strings.Contains(sound.Confidence.Sentence(), sound.Likelihood.Word) {
		t.Errorf("mixed: %s %s", s, sound.Confidence.Sentence())
	}
	if a := weighCase(); a.Confidence.Level != LowConfidence {
		t.Errorf("confidence %q without any evidence", a.Confidence.Level)
	}
}

func TestMatrix(t *testing.T) {
	a := weighCase(piece("weak", "o", "E5", Victim, Expected, Rare), piece("telling", "p", "A1", Victim, Expected, Excluded))
	if len(a.Matrix.Columns) != 5 || len(a.Matrix.Rows) != 2 || a.Matrix.Rows[0].Evidence[0] != "telling" || a.Matrix.Columns[0].Hypothesis != HoldsID {
		t.Fatalf("%+v", a.Matrix)
	}
	if c := a.Matrix.Rows[0].Cells; c[0].Bearing != "+" || c[1].Bearing != "−−" || len(c) != 5 {
		t.Errorf("%+v", c)
	}
}

func TestValidate(t *testing.T) {
	c := Case{Questions: []Question{{Proposition: "weather", Hypotheses: []Hypothesis{{ID: "a", Prior: math.NaN()}, {ID: "a", Prior: 2}}}}}
	c.Evidence = []Evidence{{ID: "e"}, {ID: "e", Origin: "o", Grade: "B9"}, {ID: "g", Origin: "o", Grade: "A1", Vertex: "edge"}}
	err := c.Validate()
	for _, want := range []string{"no campaign", `"weather" is no proposition`, "NaN", "twice", "no hypothesis for which it holds", `lacks the hypothesis "unknown"`, "names no origin", `"B9"`, `"edge"`, "there twice"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s\n%v", want, err)
		}
	}
	for _, p := range Propositions() {
		q := PlainQuestion(p, DefaultStanding(p))
		if p == Actor {
			q = ActorQuestion([]Profile{{ID: "x", Name: "X"}}, DefaultStanding(p))
		}
		if err := (Case{Campaign: "campaign:x", Questions: []Question{q}}).Validate(); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkAssess(b *testing.B) {
	c := manyPieces()
	for b.Loop() {
		Assess(c)
	}
}
