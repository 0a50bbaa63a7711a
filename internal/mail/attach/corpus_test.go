package attach

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"
	"portcullis.example/portcullis/internal/testenv"
)

// TestCorpus looks into every attachment of the test mail: nothing may panic,
// and the counts per source are reported.
func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	for _, source := range []string{"phishing", "ham", "ham-2007", "newsletter-pairs"} {
		t.Run(source, func(t *testing.T) {
			counts := map[string]int{}
			var total, slowest time.Duration
			mails := 0
			err := filepath.WalkDir(testenv.Data(t, "mail", source), func(path string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				raw, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				mails++
				spent := corpusMail(t, path, raw, counts)
				total += spent
				slowest = max(slowest, spent)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d mails, %v in all, slowest %v", mails, total.Round(time.Millisecond), slowest.Round(100*time.Microsecond))
			for _, line := range sortedCounts(counts) {
				t.Log(line)
			}
		})
	}
}

func corpusMail(t *testing.T, path string, raw []byte, counts map[string]int) time.Duration {
	t.Helper()
	env, err := enmime.NewParser(enmime.SkipMalformedParts(true)).ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return 0
	}
	start := time.Now()
	b := NewBudget(DefaultLimits())
	for _, p := range append(append(env.Attachments, env.Inlines...), env.OtherParts...) {
		r := Inspect(p.FileName, p.ContentType, p.Content, b)
		check(t, r, DefaultLimits())
		counts["type "+r.Type]++
		for _, tr := range r.Traits {
			counts["trait "+tr.Kind]++
		}
		for _, u := range r.URLs {
			counts["url "+u.Where]++
		}
		if len(r.Incomplete) > 0 {
			counts["incomplete"]++
			if testing.Verbose() && os.Getenv("ATTACH_SHOW") != "" {
				t.Logf("%s: %q", filepath.Base(path), r.Incomplete)
			}
		}
		if testing.Verbose() && os.Getenv("ATTACH_SHOW") != "" && len(r.Traits) > 0 {
			t.Logf("%s %q: %+v", filepath.Base(path), p.FileName, r.Traits)
		}
	}
	return time.Since(start)
}

func sortedCounts(counts map[string]int) []string {
	var out []string
	for k, n := range counts {
		out = append(out, fmt.Sprintf("%-28s %d", k, n))
	}
	sort.Strings(out)
	return out
}
