package bench

import (
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
