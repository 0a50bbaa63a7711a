package assessment_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/assessment"
)

const campaignID = "campaign:example"

func readExample(t testing.TB, attribution bool) assessment.Case {
	t.Helper()
	raw, err := os.ReadFile("../../examples/hypotheses.toml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := assessment.ReadFile("hypotheses.toml", bytes.NewReader(raw), os.DirFS("../../examples"), campaignID, attribution, assessment.Own{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestExampleFile(t *testing.T) {
	a := assessment.Assess(readExample(t, true))
	if len(a.Answers) != 5 || len(a.Echoes) != 1 {
		t.Fatalf("%d answers and %d echoes, want 5 and 1", len(a.Answers), len(a.Echoes))
	}
	actor, _ := a.Answer(assessment.Actor)
	if actor.Lead != "grey-heron" {
		t.Errorf("%s leads, want grey-heron", actor.Lead)
	}
	accessed, _ := a.Answer(assessment.Accessed)
	if accessed.Likelihood.Chance > 0.2 {
		t.Errorf("accessed %.2f after a log without a sign-in", accessed.Likelihood.Chance)
	}
	t.Logf("%+v\n%+v", actor.Likelihood, actor.Posteriors)
}

// Without attribution nothing of the actor enters the case at all.
func TestAttributionIsOffByDefault(t *testing.T) {
	c := readExample(t, false)
	for _, q := range c.Questions {
		if q.Proposition.Attribution() {
			t.Errorf("%q is asked", q.Proposition)
		}
	}
	for _, e := range c.Evidence {
		for p := range e.Likelihood {
			if p.Attribution() {
				t.Errorf("%s bears on %q", e.ID, p)
			}
		}
	}
}

// All errors are told at once, each with its line.
func TestFileErrors(t *testing.T) {
	const file = `schema = 2
galaxies = ["none.json", "../up.json"]

[[proposition]]
about = "weather"

[[proposition]]
about = "taken"
unknown = 1.5

[[proposition]]
about = "taken"

[[actor]]
name = "Nobody"
prior = 0
colour = "red"

[[evidence]]
id = "one"
origin = "a"
grade = "G7"
vertex = "edge"
hash = "abc"
[evidence.likelihood.taken]
yes = "surely"
maybe = "even"

[[evidence]]
id = "one"
origin = "b"
grade = "A1"
vertex = "victim"

[[observation]]
kind = "tool"
value = ""
grade = "A1"

[unknown-table]
x = 1
`
	_, err := assessment.ReadFile("h.toml", strings.NewReader(file), os.DirFS("../../examples"), campaignID, true, assessment.Own{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"h.toml:1: schema 2", `h.toml:2: galaxy "none.json"`, `h.toml:2: galaxy "../up.json"`, `h.toml:5: "weather"`, `h.toml:9: the prior of "unknown"`,
		`h.toml:11: "taken" is asked in line 7`, "h.toml:16: a prior must lie", `h.toml:17: unknown key "colour"`, `h.toml:22: "G7"`, `h.toml:23: "edge"`,
		"h.toml:24: a hash", `h.toml:26: "surely"`, `h.toml:27: "maybe"`, `h.toml:30: "one" is the id of something in line 19`, `h.toml:29: evidence "one" bears on nothing`,
		`h.toml:37: "value" is empty`, `h.toml:35: [[observation]] lacks "origin"`, `h.toml:40: unknown table "unknown-table"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s", want)
		}
	}
	if t.Failed() {
		t.Logf("told:\n%v", err)
	}
}

func TestNoContraryOfActor(t *testing.T) {
	_, err := assessment.ReadFile("h.toml", strings.NewReader("[[proposition]]\nabout = \"campaign\"\nnone = 0.1\n"), nil, campaignID, true, assessment.Own{})
	if err == nil || !strings.Contains(err.Error(), "h.toml:3: ") {
		t.Error(err)
	}
}

func TestSyntaxErrorHidesNothingBehindIt(t *testing.T) {
	const file = "schema = 1\nmissing = [\"a\nx = 2\n[[proposition]]\nabout = \"weather\"\n[[actor]]\nname = \n[[evidence]]\nid = 7\n"
	_, err := assessment.ReadFile("h.toml", strings.NewReader(file), nil, campaignID, true, assessment.Own{})
	for _, want := range []string{"h.toml:2: not TOML", `h.toml:5: "weather"`, "h.toml:7: not TOML", `h.toml:9: "id" must be text`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s\n%v", want, err)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	raw, err := os.ReadFile("../../examples/hypotheses.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("[[evidence]]\n[evidence.likelihood.taken]\nyes=24\n"))
	f.Add([]byte("[[actor]]\nname=\"x\"\nprior=nan\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := assessment.ReadFile("h.toml", bytes.NewReader(raw), nil, campaignID, true, assessment.Own{})
		if err != nil {
			return
		}
		for _, a := range assessment.Assess(c).Answers {
			if s := a.Likelihood; !(s.Chance >= 0 && s.Chance <= 1 && s.Low <= s.High) {
				t.Errorf("%s: %+v", a.Proposition, s)
			}
		}
	})
}
