package mail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portcullis.example/portcullis"
)

// TestFileCases are the cases of the rules about files, registers and indicators.
func TestFileCases(t *testing.T) {
	shared, err := os.ReadFile("testdata/people.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{"attachment", "register-copy", "indicator"} {
		paths, err := filepath.Glob("testdata/" + rule + "/*.txtar")
		if err != nil || len(paths) == 0 {
			t.Fatalf("no cases for %s: %v", rule, err)
		}
		for _, path := range paths {
			t.Run(rule+"/"+strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { runCase(t, rule, path, string(shared)) })
		}
	}
}

func TestDefang(t *testing.T) {
	for _, c := range []struct {
		kind portcullis.ObservableType
		in   string
		want string
	}{
		{portcullis.TypeDomain, "news-tracker.invalid", "news-tracker[.]invalid"},
		{portcullis.TypeURL, "https://a.invalid/x.png?u=http://b.invalid", "hxxps://a[.]invalid/x[.]png?u=hxxp://b[.]invalid"},
		{portcullis.TypeURL, "ftp://a.invalid/", "fxp://a[.]invalid/"},
		{portcullis.TypeEmail, "kim@a.invalid", "kim[@]a[.]invalid"},
		{portcullis.TypeIP, "192.0.2.1", "192[.]0[.]2[.]1"},
		{portcullis.TypeIP, "2001:db8::1", "2001[:]db8[:][:]1"},
		{portcullis.TypeCIDR, "2001:db8::/32", "2001[:]db8[:][:]/32"},
		{portcullis.TypeHash, strings.Repeat("ab", 16), `"` + strings.Repeat("ab", 16) + `"`},
		{portcullis.TypeSubject, "your invoice", `"your invoice"`},
	} {
		if got := defang(portcullis.Observable{Type: c.kind, Value: c.in}); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.kind, c.in, got, c.want)
		}
	}
}

// TestIndicatorsBounded: a list that matches everything drowns nobody.
func TestIndicatorsBounded(t *testing.T) {
	in := &Input{F: &Facts{}}
	for i := range 3 * maxIndicators {
		id := portcullis.ID("indicator:" + itoa(i/2))
		in.F.Indicators = append(in.F.Indicators, Match{Indicator: id, Observable: portcullis.Observable{Type: portcullis.TypeDomain, Value: "a.invalid"}, Form: "plain"})
	}
	list := judgeIndicator(in)
	if len(list) != maxIndicators || len(list[0].Evidence) != 2 || len(in.unknowns()) != 1 {
		t.Errorf("%d statements, %d pieces of evidence, unknown %v", len(list), len(list[0].Evidence), in.unknowns())
	}
}
