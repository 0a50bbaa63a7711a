package lists_test

import (
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/screening"
	"portcullis.example/portcullis/internal/screening/lists"
	"portcullis.example/portcullis/internal/testenv"
)

func has(e screening.Entity, kind screening.NameKind) bool {
	for _, n := range e.Names {
		if n.Kind == kind {
			return true
		}
	}
	return false
}

// TestRealLists reads what there is of real lists and counts what must be there.
func TestRealLists(t *testing.T) {
	for _, c := range []struct {
		file, kind, published        string
		entries, births, original    int
		weak, identifiers, countries int
	}{
		{"UK_Sanctions_List.csv", "uk csv", "2025-08-12", 79, 55, 20, 0, 0, 49},
		{"un_consolidated.xml", "un xml", "2026-02-27", 1003, 670, 370, 220, 1000, 860},
		{"eu_journal_2026-08.csv", "eu journal csv", "", 7000, 2000, 1500, 20, 1500, 2000},
		{"ofac2021_sdn.csv", "ofac csv", "", 8976, 4000, 0, 800, 4000, 7000},
	} {
		t.Run(c.kind, func(t *testing.T) {
			l, err := lists.ReadFiles(t.Context(), []string{testenv.Data(t, "screening", c.file)}, lists.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var births, original, weak, identifiers, countries, names, people, consequences int
			for _, e := range l.Entities {
				births += one(len(e.Births) > 0)
				original += one(has(e, screening.NameOriginalScript))
				weak += one(has(e, screening.NameWeakAlias))
				identifiers += one(len(e.Identifiers) > 0)
				countries += one(len(e.Countries)+len(e.Nationalities) > 0)
				people += one(e.Kind == screening.KindPerson)
				consequences += one(len(e.Consequences) > 0)
				names += len(e.Names)
			}
			t.Logf("%s: %d entries, %d names, %d people, births %d, original script %d, weak %d, identifiers %d, countries %d, consequences %d; %d problems, %d lost",
				l.Files[0].Kind, len(l.Entities), names, people, births, original, weak, identifiers, countries, consequences, len(l.Problems), l.Lost)
			for i, p := range l.Problems {
				if i < 12 {
					t.Log(p)
				}
			}
			if l.Files[0].Kind != c.kind || l.Published != c.published || len(l.Entities) < c.entries || l.Lost > 0 {
				t.Errorf("got %s of %q with %d entries, %d lost", l.Files[0].Kind, l.Published, len(l.Entities), l.Lost)
			}
			if births < c.births || original < c.original || weak < c.weak || identifiers < c.identifiers || countries < c.countries {
				t.Error("less than there is")
			}
		})
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestTruncated cuts real lists off where a download may have ended, and takes a
// column out. None may pass for a list.
func TestTruncated(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"un_consolidated.xml", "cut off"},
		{"eu_journal_2026-08.csv", "ends here"},
		{"UK_Sanctions_List.csv", "ends here"},
		{"ofac2021_sdn.csv", "ends here"},
	} {
		raw := string(read(t, testenv.Data(t, "screening", c.file)))
		cut := len(raw) * 6 / 10
		for raw[cut] == '\n' || raw[cut-1] == '\n' {
			cut++
		}
		_, err := lists.Read(t.Context(), []lists.File{{Name: c.file, Content: strings.NewReader(raw[:cut])}}, lists.Options{})
		if err == nil || !(strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "not closed") || strings.Contains(err.Error(), "broken")) {
			t.Errorf("%s: got %v", c.file, err)
		}
	}
}
