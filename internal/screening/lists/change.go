package lists

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// Shape is what can be compared of two versions of a list without having both.
type Shape struct {
	Published string         `json:"published,omitempty"`
	Columns   []string       `json:"columns,omitempty"`
	Entries   int            `json:"entries"`
	Filled    map[string]int `json:"filled"` // in how many entries a field holds something
}

// ShapeOf takes the shape of a list.
func ShapeOf(l *List) Shape {
	s := Shape{Published: l.Published, Columns: l.Columns, Entries: len(l.Entities), Filled: map[string]int{}}
	for i := range l.Entities {
		e := &l.Entities[i]
		for name, filled := range map[string]bool{
			"dates of birth": len(e.Births) > 0, "nationalities": len(e.Nationalities) > 0, "countries": len(e.Countries) > 0,
			"identifiers": len(e.Identifiers) > 0, "consequences": len(e.Consequences) > 0, "registrations of influence": e.Influence != nil,
			"aliases": len(e.Names) > 1, "people": e.Kind == screening.KindPerson, "organisations": e.Kind == screening.KindOrganisation,
			"names in their original script": slices.ContainsFunc(e.Names, func(n screening.Name) bool { return n.Kind == screening.NameOriginalScript }),
		} {
			if filled {
				s.Filled[name]++
			}
		}
	}
	return s
}

const (
	// mostGone is the share of entries that one update may take off a list before it
	// looks like a file that was cut off: delistings of a whole regime were a few
	// per cent of the large lists.
	mostGone = 0.20
	// fewFilled is below how many entries a field says nothing by vanishing.
	fewFilled = 5
)

// Suspicions tell what makes a new version look damaged beside the one in force.
// gone is how many entries of that one the new one lacks.
func Suspicions(old, new Shape, gone int) (why []string) {
	var missing []string
	for _, c := range old.Columns {
		if !slices.ContainsFunc(new.Columns, func(n string) bool { return heading(n) == heading(c) }) {
			missing = append(missing, fmt.Sprintf("%q", c))
		}
	}
	if len(missing) > 0 && len(new.Columns) > 0 {
		why = append(why, "the column "+strings.Join(missing, ", ")+" is gone")
	}
	if gone > 1 && float64(gone) > mostGone*float64(old.Entries) {
		why = append(why, fmt.Sprintf("%d of %d entries are missing", gone, old.Entries))
	}
	var fields []string
	for name := range old.Filled {
		fields = append(fields, name)
	}
	slices.Sort(fields)
	for _, name := range fields {
		was, is := old.Filled[name], new.Filled[name]
		if was >= fewFilled && is*old.Entries*2 < was*new.Entries {
			why = append(why, fmt.Sprintf("%s were in %d of %d entries and are in %d of %d", name, was, old.Entries, is, new.Entries))
		}
	}
	if isDay(old.Published) && isDay(new.Published) && new.Published < old.Published {
		why = append(why, fmt.Sprintf("it is of %s, older than the version in force, of %s", new.Published, old.Published))
	}
	return why
}

func isDay(s string) bool { return len(s) == 10 && s[4] == '-' && s[7] == '-' }

// EntryHash changes whenever anything of an entry does.
func EntryHash(e screening.Entity) (hash string, body []byte, err error) {
	if body, err = json.Marshal(e); err != nil {
		return "", nil, fmt.Errorf("encode entry %s: %w", e.ID, err)
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16]), body, nil
}
