package names

import (
	"encoding/csv"
	"os"
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

// TestRealisticPeople protects 10,000 people of a synthetic population from many
// countries and looks up the others.
func TestRealisticPeople(t *testing.T) {
	f, err := os.Open(testenv.Data(t, "screening", "negatives.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var entries []Entry
	var others []string
	for i, row := range rows[1:] {
		if i%5 < 2 {
			entries = append(entries, Entry{Key: i, Name: row[0]})
		} else {
			others = append(others, row[0])
		}
	}
	x := NewIndex(entries)
	i := -1
	// Dan Turner and Daniel Turner are two people of this population; three in a
	// thousand share that much with one of ten thousand.
	countAccidents(t, x, func() string { i++; return others[i] }, len(others), 3)
}
