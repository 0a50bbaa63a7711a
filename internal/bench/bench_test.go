package bench

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/synth"
)

func TestReportTellsMisses(t *testing.T) {
	r := &Report{Date: time.Unix(0, 0).UTC(), Version: "v1", Go: "go1", System: "x/y", Cores: 2}
	s := &Section{Name: "a", Title: "A part"}
	s.condition("Under a condition.")
	s.claim("Long enough", "3", "at least 4", false)
	s.claim("Zahl", "äöü", "x", true)
	s.tell("Told", "%d", 5)
	s.detail("a line")
	r.Sections = []*Section{s, {Name: "b", Title: "Another", Failed: "no disk"}, {Name: "c", Title: "Third", Missing: "not measured: no data set"}}
	if r.Missed() != 2 {
		t.Errorf("missed %d, want 2: one figure, one failed part", r.Missed())
	}
	var out bytes.Buffer
	if err := r.Text(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## A part\n", "| Long enough | 3        | at least 4 | MISSED |\n", "| Zahl        | äöü      | x          | met    |\n", "- a line\n", "FAILED: no disk", "not measured: no data set", "2 figures short"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	if err := r.JSON(&out); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Sections[0].Figures[0].Met == nil {
		t.Errorf("%v, %+v", err, back)
	}
}

func TestUnknownPart(t *testing.T) {
	if _, err := Run(t.Context(), Config{Only: []string{"nonsense"}}); err == nil || !strings.Contains(err.Error(), "conformance") {
		t.Errorf("got %v, want an error that names the parts", err)
	}
}

// TestMissingInput: a part that lacks its input says so and claims nothing.
func TestMissingInput(t *testing.T) {
	r, err := Run(t.Context(), Config{Program: "/nonexistent", Only: []string{"robustness", "legitimate", "peers"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Sections {
		if s.Missing == "" || len(s.Figures) > 0 || s.Failed != "" {
			t.Errorf("%s: %+v", s.Name, s)
		}
	}
}

func verdict(action string, findings ...string) *verdictLine {
	v := &verdictLine{Action: action}
	for _, f := range findings {
		rule, severity, _ := strings.Cut(f, " ")
		v.Findings = append(v.Findings, struct {
			ID        string   `json:"id"`
			Rule      string   `json:"rule"`
			Severity  string   `json:"severity"`
			Technique string   `json:"technique"`
			People    []string `json:"people"`
		}{Rule: rule, Severity: severity})
	}
	return v
}

// TestScore: what is counted as found, as missed and as a false alarm.
func TestScore(t *testing.T) {
	s := newScore()
	truth := func(class, campaign string, bad, background bool) synth.Mail {
		return synth.Mail{Truth: synth.Truth{Class: class, Campaign: campaign, Malicious: bad, Background: background}}
	}
	mails := []synth.Mail{
		truth("x/a", "1", true, false), truth("x/a", "1", true, false), truth("x/b", "2", true, false),
		truth("groom", "1", false, true), truth("news", "", false, false), truth("letter", "", false, false),
	}
	s.count("mail/x", 3, mails, []*verdictLine{
		verdict("pass", "mail/x@1 high"), verdict("tag", "mail/x@1 informational"), verdict("hold", "mail/y@1 low"),
		verdict("hold", "mail/x@1 high"), verdict("pass", "mail/x@1 informational"), verdict("pass", "mail/z@2 medium"),
	})
	if a := *s.classes["x/a"]; a != (tally{all: 2, found: 1, byRule: 1, marked: 2}) {
		t.Errorf("x/a: %+v", a)
	}
	if b := *s.classes["x/b"]; b != (tally{all: 1, found: 1, byRule: 0, marked: 1}) {
		t.Errorf("x/b: %+v", b)
	}
	if s.benign != 2 || len(s.wrong) != 1 || s.alarms["letter"] != 1 {
		t.Errorf("harmless: %d, %v, %v", s.benign, s.wrong, s.alarms)
	}
	var out Section
	s.reportCampaigns(&out, attack{target: 95})
	if got := out.Figures[0]; got.Value != "100.0 % (2 of 2)" || out.Figures[1].Value != "50.0 % (1 of 2)" {
		t.Errorf("campaigns: %+v", out.Figures)
	}
}

// TestFormsAreMessages: every form is one readable message whose value appears in
// no other, and whose file name is its own.
func TestFormsAreMessages(t *testing.T) {
	dir := t.TempDir()
	list := forms()
	if err := writeForms(dir, list); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for i, f := range list {
		names[f.name] = true
		raw, err := os.ReadFile(filepath.Join(dir, formFile(i, f)))
		if err != nil {
			t.Fatal(err)
		}
		m := message.Parse(raw, message.DefaultLimits())
		if len(m.From()) == 0 || m.MessageID() == "" {
			t.Errorf("%s: no author or no Message-ID in\n%s", f.name, raw)
		}
		if !formName.MatchString("/x/" + formFile(i, f)) {
			t.Errorf("%s: file name %s would not be recognised", f.name, formFile(i, f))
		}
	}
	if len(names) != len(list) {
		t.Errorf("%d names for %d forms", len(names), len(list))
	}
}

func TestDefang(t *testing.T) {
	for in, want := range map[string]string{
		"news.example":                   "news[.]example",
		"https://a.news.example/p.x?q=1": "hxxps://a[.]news[.]example/p.x?q=1",
	} {
		if got := defang(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestDefenseV2(t *testing.T) {
	if got, want := defenseV2("https://a.example/b?c=1&d=e_f"), "https-3A__a.example_b-3Fc-3D1-26d-3De-5Ff"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestWriteLarge: the mbox has its size, every mail its separator.
func TestWriteLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.mbox")
	n, err := writeLarge(path, 3<<20)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(append([]byte("\n\n"), raw...), []byte("\n\nFrom s")); got != n || len(raw) < 3<<20 {
		t.Errorf("%d separators for %d mails in %d bytes", got, n, len(raw))
	}
}

func TestVectors(t *testing.T) {
	var s Section
	vectors(&s)
	for _, f := range s.Figures {
		if !*f.Met {
			t.Errorf("%s: %s", f.Name, f.Value)
		}
	}
}

// TestCrowdLoads: what false alarms are counted with is a people file without faults.
func TestCrowdLoads(t *testing.T) {
	b, err := newBench(Config{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	path, err := b.crowd("[mailboxes]\nu1 = \"d00011\"\n")
	if err != nil {
		t.Fatal(err)
	}
	_, problems, err := people.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if !p.Warning {
			t.Fatalf("%s:%d: %s", p.File, p.Line, p.Message)
		}
	}
}

func TestCountPatterns(t *testing.T) {
	answer := `{"schema":1,"mails":[{"pattern":{"type":"domain","value":"a.example"},"event":"event:1"},{"pattern":{"type":"domain","value":"a.example"},"event":"event:2"},
		{"pattern":{"type":"domain","value":"b.example"},"event":"event:3"}],"patterns":[{"pattern":{"type":"domain","value":"c.example"},"mails":0}]}`
	if n := countPatterns([]byte(answer)); n != 2 {
		t.Errorf("got %d, want 2", n)
	}
}

// BenchmarkJudgeAsScanDoes is what the speed part repeats.
func BenchmarkJudgeAsScanDoes(b *testing.B) {
	dir, _, err := people.Parse("people.toml", strings.NewReader(synth.Directory(2, crowdSize)))
	if err != nil {
		b.Fatal(err)
	}
	model, err := mail.ShippedModel()
	if err != nil {
		b.Fatal(err)
	}
	mails := synth.Everyday(2, synth.NewHouse(2, housePeople), 300)
	judge := judgeWith(mail.NewJudge(dir, mail.DefaultConfig(), model))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		judge(mails[i%len(mails)].Raw)
		i++
	}
}
