package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"portcullis.example/portcullis/internal/register"
)

// TestExtractMarks: every mark that a source has is heeded, and a table of the policy is not let go for another's mark.
func TestExtractMarks(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy.toml")
	text := `mode = "observe"
[[protected]]
relation = "public.voters"
key = "id"
anonymous = "at_risk"
[[protected]]
relation = "public.abroad"
key = "id"
anonymous = "hidden"
[[budget]]
name = "each"
per = "person"
day = 300
`
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := &register.Config{Policy: policy}
	for _, c := range []struct {
		database, from string
		columns, want  []string // nil: refused
	}{
		{"", "register.csv", []string{"id", "hidden", "at_risk"}, []string{"at_risk", "hidden"}},
		{"", "register.csv", []string{"id", "hidden"}, []string{"hidden"}},
		{"", "register.csv", []string{"id"}, nil},
		{"address", "public.voters", []string{"id", "at_risk"}, []string{"at_risk"}},
		{"address", "public.voters", []string{"id", "hidden"}, nil},
		{"address", "public.all_of_them", []string{"id", "hidden"}, []string{"hidden"}},
	} {
		got, err := (&registerExtractCommand{From: c.from, registerSource: registerSource{DatabaseFile: c.database}}).anonymous(cfg, c.columns)
		if !slices.Equal(got, c.want) || (err != nil) != (c.want == nil) {
			t.Errorf("%s with %q: marks %q (%v), want %q", c.from, c.columns, got, err, c.want)
		}
	}
}
