package screening_test

import (
	"slices"
	"testing"

	"portcullis.example/portcullis/internal/screening"
)

// TestKeys: names that a search finds alike share a key, whatever the script; strangers do not.
func TestKeys(t *testing.T) {
	for _, c := range []struct {
		a, b   string
		kind   screening.Kind
		shared bool
	}{
		{"Radomir Kestrelov", "KESTRELOV, Radomir", screening.KindPerson, true},
		{"Радомир Кестрелов", "Radomir Kestreloff", screening.KindPerson, true},
		{"赵光宗", "Guangzong Zhao", screening.KindPerson, true},
		{"Chao Kuang-tsung", "ZHAO Guangzong", screening.KindPerson, true},
		{"محمد الحسيني", "Mohammed al-Husseini", screening.KindPerson, true},
		{"Morvane Shipping LLC", "MORVANE SHIPPING LIMITED", screening.KindOrganisation, true},
		{"Radomir Kestrelov", "Belisarda Quonset", screening.KindPerson, false},
		{"Dr Radomir Kestrelov", "Dr Belisarda Quonset", screening.KindPerson, false},
	} {
		a, b := screening.Keys(c.a, c.kind), screening.Keys(c.b, c.kind)
		if got := slices.ContainsFunc(a, func(k uint32) bool { return slices.Contains(b, k) }); got != c.shared {
			t.Errorf("%s and %s: shared %v", c.a, c.b, got)
		}
		if len(a) == 0 || !slices.IsSorted(a) {
			t.Errorf("%s has keys %v", c.a, a)
		}
	}
	if len(screening.Keys("", screening.KindPerson)) != 0 {
		t.Error("nothing has keys")
	}
}
