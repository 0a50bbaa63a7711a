package mail

import (
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// table is a group of rows of one shape and what its columns hold.
type table struct {
	rows               int // those with three kinds of data or more
	kinds              [columns]bool
	headed             int // columns whose heading says what a register has
	known              bool
	vetoed             bool
	headStart, headEnd int
}

const (
	sampleRows   = 300 // looked at to learn what the columns are
	headDistance = 600 // bytes before the first row in which a head may stand
)

// newTable learns from a sample what the columns hold, then counts the rows.
func newTable(text string, group []row, now time.Time) table {
	var t table
	profiles := make([]profile, group[0].cells)
	t.head(text, group[0], profiles)
	seen := make([]map[string]struct{}, len(profiles))
	for i := range seen {
		seen[i] = map[string]struct{}{}
	}
	step := max(1, len(group)/sampleRows)
	for i := 0; i < len(group); i += step {
		r := group[i]
		eachCell(text[r.start:r.end], r.sep, func(n int, key, cell string) bool {
			if n < len(profiles) {
				if i == 0 && key != "" {
					profiles[n].head = headingOf(key)
				}
				profiles[n].add(cell, now, seen[n])
			}
			return n+1 < len(profiles)
		})
	}
	holds := t.decide(profiles)
	if t.plausible() {
		t.count(text, group, holds)
	}
	return t
}

// head looks for the line of headings: the first row itself, and the lines
// before it, which hold no digit and so are no rows.
func (t *table) head(text string, first row, profiles []profile) {
	if first.sep == sepTuple || first.sep == sepObject {
		return // what there is of headings stands in every row, or far away
	}
	best := t.tryHead(text, int(first.start), int(first.end), first.sep, 1, profiles)
	if first.sep == sepMarkup {
		return // there every row is kept
	}
	from := max(0, int(first.start)-headDistance)
	for end := int(first.start) - 1; end > from; {
		start := strings.LastIndexByte(text[from:end], '\n') + from + 1
		if start <= from && from > 0 {
			return
		}
		best = t.tryHead(text, start, end, first.sep, best, profiles)
		end = start - 1
	}
}

// tryHead takes a line as the head if it has a cell for each column and more
// than best known headings among them. It returns the new best.
func (t *table) tryHead(text string, start, end int, sep separator, best int, profiles []profile) int {
	heads := make([]column, len(profiles))
	hits, n := 0, 0
	eachCell(text[start:end], sep, func(i int, _, cell string) bool {
		n++
		if i < len(heads) {
			if heads[i] = headingOf(cell); heads[i] != colNone {
				hits++
			}
		}
		return i < len(heads)
	})
	if n != len(profiles) || hits <= best {
		return best
	}
	for i := range profiles {
		profiles[i].head = heads[i]
	}
	t.headStart, t.headEnd = start, end
	return hits
}

// decide names the columns and notes what the head tells of the table.
func (t *table) decide(profiles []profile) []column {
	holds := make([]column, len(profiles))
	for i := range profiles {
		p := &profiles[i]
		switch p.head {
		case colNone:
		case colVeto:
			t.vetoed = true
		default:
			t.headed++
		}
		holds[i] = p.holds()
		if holds[i] != colNone {
			t.kinds[holds[i]] = true
		}
		t.known = t.known || holds[i] == colElector || holds[i] == colBirth && p.head == colBirth
	}
	for i := range profiles {
		if t.kinds[colBirth] && holds[i] == colNone {
			holds[i] = profiles[i].besideBirths()
			t.kinds[holds[i]] = t.kinds[holds[i]] || holds[i] != colNone
		}
	}
	t.known = t.known && t.headed >= 4
	return holds
}

// plausible tells whether the columns are those of a list of people.
func (t *table) plausible() bool {
	switch {
	case t.distinctKinds() < 3 || !t.kinds[colName] && !t.kinds[colBirth]:
		return false
	case t.vetoed && !t.kinds[colElector]:
		return false
	case t.kinds[colBirth] || t.kinds[colElector]:
		return true
	}
	// Without dates of birth a table of firms, rooms or parcels looks alike.
	return t.kinds[colAddress] && t.headed >= 2
}

// distinctKinds counts name, birth, address or postcode, number, contact.
func (t *table) distinctKinds() int {
	n := 0
	for _, has := range []bool{
		t.kinds[colName], t.kinds[colBirth], t.kinds[colAddress] || t.kinds[colPostcode],
		t.kinds[colID] || t.kinds[colElector] || t.kinds[colParty], t.kinds[colContact],
	} {
		if has {
			n++
		}
	}
	return n
}

// count counts the rows that hold three kinds of data.
func (t *table) count(text string, group []row, holds []column) {
	for _, r := range group {
		var row table
		eachCell(text[r.start:r.end], r.sep, func(n int, _, cell string) bool {
			if n < len(holds) && holds[n] != colNone && cell != "" {
				row.kinds[holds[n]] = row.kinds[holds[n]] || fits(holds[n], cell)
			}
			return n+1 < len(holds)
		})
		if row.distinctKinds() >= 3 {
			t.rows++
		}
	}
}

// fits tells whether a cell is what its column holds. Addresses and numbers have
// too many forms to doubt a cell in such a column.
func fits(c column, cell string) bool {
	switch c {
	case colName, colBirth:
		s, _ := cellShape(cell)
		return s.is(c)
	}
	return true
}

// register tells whether there are enough rows.
func (t *table) register() bool { return t.plausible() && t.rows >= t.needs() }

// needs is from how many rows on the table counts.
func (t *table) needs() int {
	if t.known {
		return registerRowsKnown
	}
	return registerRows
}

func (t *table) confidence() portcullis.Confidence {
	switch {
	case t.known:
		return 95
	case t.kinds[colBirth]:
		return 90
	}
	return 75
}

// describe lists the kinds of columns for a sentence.
func (t *table) describe() string {
	var list []string
	for c, has := range t.kinds {
		if has {
			list = append(list, columnWords[c])
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}
