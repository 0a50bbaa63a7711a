package mail

import (
	"testing"
	"time"
)

// FuzzRegister: whatever the text, rows lie within it and in order, cells are no
// more than announced allows, and no statement counts more rows than there are.
func FuzzRegister(f *testing.F) {
	for _, text := range registerHits {
		f.Add(text)
	}
	f.Add(registerMisses["race"])
	f.Add("<table><tr><td>a</td><td>1</td><td>b</td></tr><TR><TD")
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		for _, find := range []func(string) []row{findRows, findMarkupRows} {
			rows := find(text)
			last := int32(0)
			for _, r := range rows {
				if r.start < last || r.end < r.start || int(r.end) > len(text) {
					t.Fatalf("row %v out of order or bounds of %d", r, len(text))
				}
				last = r.end
				if r.cells < minCells {
					t.Fatalf("row of %d cells", r.cells)
				}
				eachCell(text[r.start:r.end], r.sep, func(_ int, _, cell string) bool {
					cellShape(cell)
					return true
				})
			}
			if table, ok := biggest(text, find, now); ok && (table.rows > len(rows) || table.headEnd > len(text) || table.headStart > table.headEnd) {
				t.Fatalf("%d rows counted of %d, head %d–%d", table.rows, len(rows), table.headStart, table.headEnd)
			}
		}
	})
}
