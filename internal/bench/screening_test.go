package bench

import (
	"math"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

// TestScreening holds matching to its targets, but for those of speed.
func TestScreening(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for some seconds")
	}
	r, err := Run(t.Context(), Config{DataSet: testenv.Data(t), Only: []string{"screening"}, Quick: true})
	if err != nil {
		t.Fatal(err)
	}
	s := r.Sections[0]
	if f := s.Failed + s.Missing; f != "" {
		t.Fatal(f)
	}
	for _, f := range s.Figures {
		t.Logf("%s: %s", f.Name, f.Value)
		fast := strings.HasPrefix(f.Name, "Search") || strings.HasPrefix(f.Name, "Load")
		if f.Met != nil && !*f.Met && !fast {
			t.Errorf("%s: %s, target %s", f.Name, f.Value, f.Target)
		}
	}
	for _, d := range s.Details {
		t.Log(d)
	}
}

func TestRulesOfMandarin(t *testing.T) {
	for pinyin, want := range map[string][2]string{"zhao": {"chao", "чжао"}, "guang": {"kuang", "гуан"}, "zong": {"tsung", "цзун"}, "bin": {"pin", "бинь"}, "xiao": {"hsiao", "сяо"}, "gui": {"kuei", "гуй"}} {
		if w, p := wadeOf(pinyin), palladiusOf(pinyin); w != want[0] || p != want[1] {
			t.Errorf("%s: %s and %s, want %v", pinyin, w, p, want)
		}
	}
	if got := strings.Join(cutSyllables("guangzong"), " "); got != "guang zong" {
		t.Errorf("syllables: %s", got)
	}
}

// The bounds are those of published tables (Garwood 1936): 2.996 at none, 4.744 at one, 6.296 at two.
func TestPoissonUpper(t *testing.T) {
	for k, want := range []float64{2.996, 4.744, 6.296, 7.754} {
		if got := poissonUpper(k); math.Abs(got-want) > 0.001 {
			t.Errorf("poissonUpper(%d) = %.4f, want %.3f", k, got, want)
		}
	}
}
