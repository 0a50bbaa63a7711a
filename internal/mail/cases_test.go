package mail

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/message"
)

var update = flag.Bool("update", false, "write into testdata what the rules say")

// TestCases judges the mail in each testdata/RULE/CASE.txtar and compares what the
// rule says. An archive holds people.toml, message.eml, facts.json with what is
// known beside the message (optional) and want. What is common to the cases of
// a rule, the people say, stands in testdata/people.toml.
func TestCases(t *testing.T) {
	shared, err := os.ReadFile("testdata/people.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{"impersonation", "lure", "hijack", "authentication", "tracking", "structure"} {
		paths, err := filepath.Glob("testdata/" + rule + "/*.txtar")
		if err != nil || len(paths) == 0 {
			t.Fatalf("no cases for %s: %v", rule, err)
		}
		for _, path := range paths {
			t.Run(rule+"/"+strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { runCase(t, rule, path, string(shared)) })
		}
	}
}

func runCase(t *testing.T, rule, path, people string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var raw, facts, want []byte
	for _, f := range archive.Files {
		switch f.Name {
		case "message.eml":
			raw = bytes.TrimSuffix(f.Data, []byte("\n"))
		case "facts.json":
			facts = f.Data
		case "people.toml":
			people = string(f.Data)
		case "want":
			want = f.Data
		}
	}
	got := caseFindings(t, rule, people, raw, facts)
	if *update {
		setFile(archive, "want", []byte(got))
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func setFile(a *txtar.Archive, name string, data []byte) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = data
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: data})
}

// caseFindings prints what the rule says, with the bytes its evidence rests on.
func caseFindings(t *testing.T, rule, people string, raw, extra []byte) string {
	w := newMemory(t, people, "mx.parliament.example")
	m := message.Parse(raw, message.Limits{})
	f := w.facts(m, "event:case", time.Date(2025, 3, 4, 9, 0, 0, 0, time.UTC))
	f.History = History{Known: true}
	if len(extra) > 0 {
		if err := json.Unmarshal(extra, f); err != nil {
			t.Fatalf("facts.json: %v", err)
		}
	}
	v := w.judge.Judge(m, f)
	var b strings.Builder
	for _, found := range v.Findings {
		if strings.HasPrefix(found.Rule, "mail/"+rule+"@") {
			printFinding(&b, m, found)
		}
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func printFinding(b *strings.Builder, m *message.Message, f portcullis.Finding) {
	fmt.Fprintf(b, "%s %s, %d points, confidence %d, %s\n%s\n", f.Severity, f.Attention, f.Points, f.Confidence, f.Technique, f.Summary)
	for _, id := range f.People {
		fmt.Fprintf(b, "  concerns %s\n", id)
	}
	for _, e := range f.Evidence {
		fmt.Fprintf(b, "  evidence %s (%s): %s\n", e.Part, e.Note, oneLine(evidenceText(m, e)))
	}
	for _, u := range f.Unknown {
		fmt.Fprintf(b, "  unknown: %s\n", u)
	}
	if f.Flip != "" {
		fmt.Fprintf(b, "  would flip: %s\n", f.Flip)
	}
}

func evidenceText(m *message.Message, e portcullis.Evidence) string {
	if strings.HasPrefix(e.Part, "header:") {
		return string(m.Raw[e.Start:e.End])
	}
	for _, p := range m.Parts {
		if p.Path == e.Part && e.End <= len(p.Text()) {
			return p.Text()[e.Start:e.End]
		}
	}
	return ""
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 160 {
		s = s[:160] + "…"
	}
	return s
}
