package names

import "testing"

// Surnames with particles are written apart and in one word.
func TestParticlesWrittenTogether(t *testing.T) {
	x := NewIndex([]Entry{{Key: 1, Name: "Jan van den Berg"}, {Key: 2, Name: "Lucas Vanderlinden"}, {Key: 3, Name: "Sofia de la Cruz"}, {Key: 4, Name: "Omar Al Hashimi"}, {Key: 5, Name: "Maria Gado"}})
	for _, c := range []struct {
		text string
		key  int
	}{
		{"Jan Vandenberg", 1}, {"Vandenberg, Jan", 1}, {"Jan VandenBerg MP", 1}, {"Lucas van der Linden", 2}, {"Sofia Delacruz", 3}, {"Omar Alhashimi", 4},
		{"Jan Vanderlinden", 0}, {"Maria Delgado", 0}, {"Petra Vandenberg", 0},
	} {
		found := x.Lookup(c.text)
		switch {
		case c.key == 0 && len(found) > 0:
			t.Errorf("%s: found %+v, want nobody", c.text, found)
		case c.key != 0 && (len(found) == 0 || found[0].Key != c.key):
			t.Errorf("%s: found %+v, want %d", c.text, found, c.key)
		}
	}
}
