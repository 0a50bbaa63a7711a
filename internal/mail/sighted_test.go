package mail

import (
	"testing"

	"portcullis.example/portcullis"
)

// TestSightAddsAndReplaces: an indicator learnt later raises the verdict, a second
// one is added to it, and neither touches what other rules found.
func TestSightAddsAndReplaces(t *testing.T) {
	j := NewJudge(nil, DefaultConfig(), nil)
	base := portcullis.Verdict{Action: portcullis.Pass, Score: 5, Findings: []portcullis.Finding{{ID: "finding:other", Rule: "mail/text@1", Severity: portcullis.Informational, Points: 5}}}
	match := func(name string) Match {
		return Match{Indicator: portcullis.NewID("indicator", name), Observable: portcullis.Observable{Type: portcullis.TypeDomain, Value: name}, Form: "link", Part: "1", Source: "partner"}
	}
	f := &SightedFacts{Schema: 1, Sighted: "event:1", Targets: []portcullis.ID{"person:anna"}, Indicators: []Match{match("a.example")}}
	once := j.Sight(base, f)
	if len(once.Findings) != 2 || once.Findings[0].Rule != indicatorRule.ID() || once.Findings[0].Severity != portcullis.High || once.Score != 85 {
		t.Fatalf("after one indicator: %+v", once)
	}
	if got := once.Findings[0]; len(got.People) != 1 || got.Evidence[0].Event != "event:1" || got.Attention != portcullis.Targeted {
		t.Errorf("the finding does not say whom or where: %+v", got)
	}
	f.Indicators = []Match{match("b.example")}
	twice := j.Sight(once, f)
	if len(twice.Findings) != 3 || twice.Findings[2].ID != "finding:other" {
		t.Errorf("after two indicators: %+v", twice.Findings)
	}
	if again := j.Sight(twice, f); len(again.Findings) != 3 || again.Score != twice.Score {
		t.Errorf("seen again it counts again: %+v", again)
	}
	hash, _, err := f.Encode()
	other, _, err2 := (&SightedFacts{Schema: 1, Sighted: "event:2"}).Encode()
	if err != nil || err2 != nil || hash == other || len(hash) != 64 {
		t.Errorf("hashes %q and %q, errors %v, %v", hash, other, err, err2)
	}
}
