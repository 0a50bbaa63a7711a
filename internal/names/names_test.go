package names

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCompare(t *testing.T) {
	tests := []struct {
		display, name string
		class         Class // "" where they must differ
	}{
		{"Anna Keller", "Anna Keller", ClassExact},
		{"ANNA KELLER", "Anna Keller", ClassExact},
		{"Keller, Anna", "Anna Keller", ClassReordered},
		{"Anna Keller", "Keller, Anna", ClassExact},
		{"A. Keller", "Anna Keller", ClassInitials},
		{"Dr. Anna Keller M.P.", "Anna Keller", ClassTitle},
		{"Anna Keller via Office of the Parliament", "Anna Keller", ClassTitle},
		{"Анна Келлер", "Anna Keller", ClassTransliterated},
		{"Anna Kеller", "Anna Keller", ClassHomoglyph},
		{"𝐀𝐧𝐧𝐚 Keller", "Anna Keller", ClassHomoglyph},
		{"Ａｎｎａ Keller", "Anna Keller", ClassHomoglyph},
		{"Anna Ke||er", "Anna Keller", ClassHomoglyph},
		{"An\u200bna Keller", "Anna Keller", ClassInvisible},
		{"\u202erelleK annA", "Anna Keller", ClassInvisible},
		{"Anna Kellre", "Anna Keller", ClassTypo},
		{"Bob O’Brien", "Robert O'Brien", ClassNickname},
		{"Robert OBrien", "Robert O'Brien", ClassExact},
		{"José García", "José García López", ClassPartial},
		{"Jose Garcia Lopez", "José García López", ClassExact},
		{"Juergen Mueller", "Jürgen Müller", ClassExact},
		{"Anna van den Berg", "Anna Berg", ClassExact},
		{"Wang Xiaoming", "王小明", ClassTransliterated},
		{"Xiao Ming Wang", "王小明", ClassTransliterated},
		{"王小明", "Wang Xiaoming", ClassTransliterated},
		{"Zeng Wei", "曾伟", ClassTransliterated},
		{"Lee Hyun-joon", "이현준", ClassTransliterated},
		{"Hyeonjun Lee", "이현준", ClassTransliterated},
		{"Mohammed al-Hashimi", "محمد الهاشمي", ClassTransliterated},
		{"سعيد قاسمي", "Said Qasimi", ClassTransliterated},
		{"Sergej Schtscherbakow", "Сергей Щербаков", ClassTransliterated},
		{"Sergei Chtcherbakov", "Сергей Щербаков", ClassTransliterated},
		{"Sergej Schtscherbakow", "Sergei Shcherbakov", ClassTransliterated},
		{"Giorgos Papadopoulos", "Γιώργος Παπαδόπουλος", ClassTransliterated},
		{"Tanaka Tarō", "たなか たろう", ClassTransliterated},
		{"Anna Heller", "Anna Keller", ""},
		{"Maria Keller", "Anna Keller", ""},
		{"Ana Keller", "Anna Keller", ""},
		{"Anna", "Anna Keller", ""},
		{"Keller", "Anna Keller", ""},
		{"Anna Maria", "Anna Maria Keller", ""},
		{"Lian Keller", "Ilan Keller", ""},
		{"Martina Keller", "Martin Keller", ""},
		{"Anna Peters and Karl Keller", "Anna Keller", ""},
		{"Peter Anna (Karl Keller)", "Anna Keller", ""},
		{"", "Anna Keller", ""},
		{"Anna Keller", "", ""},
	}
	for _, tt := range tests {
		m := Compare(tt.display, tt.name)
		if tt.class == "" && m.Score != 0 || tt.class != "" && m.Class != tt.class {
			t.Errorf("Compare(%q, %q) = %.2f %v %s, want %q", tt.display, tt.name, m.Score, m.Classes, m.Why, tt.class)
		}
	}
}

func TestRarity(t *testing.T) {
	x := NewIndex([]Entry{{1, "Anna Keller"}, {1, "A. Keller"}, {2, "Peter Keller"}, {3, "Anna Keller"}, {4, "Tom Smith"}})
	m := x.Lookup("Anna Keller")
	if len(m) != 2 || m[0].Rarity != (Rarity{Surname: 3, Given: 2, Whole: 2}) {
		t.Errorf("got %+v", m)
	}
	if m := x.Lookup("Tom Smith"); len(m) != 1 || !m[0].Rarity.Common {
		t.Errorf("got %+v", m)
	}
}

func TestOrganisationNames(t *testing.T) {
	x := NewOrganisationIndex([]Entry{{1, "The Daily Courier"}, {2, "Parliament of Example"}, {3, "Quorvus"}, {4, "Example Broadcasting Corporation"}, {5, "Assembly"}, {6, "BBQ"}})
	for display, want := range map[string]int{"Daily Courier": 1, "The Daily Courier Newsletter": 1, "Dаily Courier": 1, "Daily Cuorier": 1, "DailyCourier": 1,
		"Parliament of Example - Members' Office": 2, "Quorvus Alerts": 3, "QUORVUS": 3, "Example Broadcasting Corp.": 4,
		"Assembly": 5, "The Assembly": 5, "BBQ": 6, "BBQ Recipes": 0, "Assembly Instructions": 0, "Daily News": 0, "Courier Service": 0, "Parliament": 0, "Example": 0, "Evening Courier": 0} {
		m := x.Lookup(display)
		if want == 0 && len(m) > 0 || want > 0 && (len(m) == 0 || m[0].Key != want) {
			t.Errorf("%q: got %+v, want %d", display, m, want)
		}
	}
}

func TestLookupLocal(t *testing.T) {
	x := NewIndex([]Entry{{1, "Anna Keller"}, {2, "Jürgen Müller"}, {3, "Robert Quillfeather"}})
	for local, want := range map[string]int{"anna.keller": 1, "anna.keller.mp": 1, "keller_anna77": 1, "annakeller": 1, "akeller": 1, "a.keller": 1, "kellera": 1,
		"anna.ke11er": 1, "anna+keller": 0, "mueller.juergen": 2, "jmuller": 2, "bob.quillfeather": 3, "office.anna.keller": 1,
		"keller": 0, "anna": 0, "anna77": 0, "newsletter": 0, "info": 0, "a": 0, "": 0, "keller77": 0, "anna.k": 0} {
		m := x.LookupLocal(local)
		if want == 0 && len(m) > 0 || want > 0 && (len(m) == 0 || m[0].Key != want) {
			t.Errorf("%q: got %+v, want %d", local, m, want)
		}
	}
	if m := LocalPart("anna.keller", "Anna Keller"); m.Score < 0.9 {
		t.Errorf("got %+v", m)
	}
}

func TestSkeleton(t *testing.T) {
	for _, pair := range [][2]string{{"раураl", "paypal"}, {"rn", "m"}, {"l", "I"}, {"O", "0"}, {"pa\u200bypal", "paypal"}, {"ѕсоре", "scope"}} {
		if a, b := Skeleton(pair[0]), Skeleton(pair[1]); a != b {
			t.Errorf("Skeleton(%q) = %q, Skeleton(%q) = %q", pair[0], a, pair[1], b)
		}
	}
	if Skeleton("keller") == Skeleton("kellen") {
		t.Error("different words have one skeleton")
	}
}

func TestInvisible(t *testing.T) {
	if got := Invisible("a\u200bb\u00adc\U000E0041d\uFE0F"); !slices.Equal(got, []int{1, 5, 8, 13}) {
		t.Errorf("got %v", got)
	}
	if got := Invisible("plain, Ünïcödé, 王, עברית"); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestTransliterate(t *testing.T) {
	for s, want := range map[string]string{"Щербаков": "shcherbakov schtscherbakow chtcherbakov", "Müller": "muller mueller", "Søren": "soren soeren",
		"Γιώργος": "giorgos", "王小明": "wangxiaoming", "김": "kim gim", "さとう": "sato satou", "Ганна": "hanna ganna", "Ångström": "angstrom aangstroem",
		"Straße": "strasse", "محمد": "mhmd", "שלום": "shlvm", "Jones": "jones", "Євген": "yevhen"} {
		got := Transliterate(s)
		for _, w := range strings.Fields(want) {
			if !slices.Contains(got, w) {
				t.Errorf("Transliterate(%q) = %q, lacks %q", s, got, w)
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	if a, b := Fingerprint("Dr. Anna Keller"), Fingerprint("KeIIer Аnna"); a != b {
		t.Errorf("%q and %q", a, b)
	}
	if Words("Dr. A. von Keller") != 1 {
		t.Error("titles, initials and particles count as words")
	}
}

// TestLookupIsDeterministic: hashing is seeded anew for each index.
func TestLookupIsDeterministic(t *testing.T) {
	entries := newInvented(51).entries(500)
	a, b := NewIndex(entries), NewIndex(entries)
	for i, e := range entries {
		p, q := a.Lookup(e.Name+" Keller"), b.Lookup(e.Name+" Keller")
		if len(p) != len(q) {
			t.Fatalf("%d: %v and %v", i, p, q)
		}
		for k := range p {
			if p[k].Key != q[k].Key || p[k].Why != q[k].Why || p[k].Score != q[k].Score {
				t.Fatalf("%d: %v and %v", i, p[k], q[k])
			}
		}
	}
}

func FuzzSkeleton(f *testing.F) {
	for _, s := range []string{"", "paypal", "раураl", "a\u200bb", "\xff\xfe", "ﷺ", "Å̈́"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Skeleton(s)
		if utf8.ValidString(s) && !utf8.ValidString(once) {
			t.Fatalf("Skeleton(%q) = %q is not UTF-8", s, once)
		}
		if len(Invisible(once)) > 0 && utf8.ValidString(s) && !strings.ContainsAny(once, "\u115f\u1160") {
			t.Fatalf("Skeleton(%q) = %q keeps an invisible character", s, once)
		}
		for _, at := range Invisible(s) {
			if at < 0 || at >= len(s) || !utf8.RuneStart(s[at]) {
				t.Fatalf("Invisible(%q) holds %d", s, at)
			}
		}
		for _, form := range Transliterate(s) {
			if !isASCII(form) {
				t.Fatalf("Transliterate(%q) holds %q", s, form)
			}
		}
	})
}

func FuzzLookup(f *testing.F) {
	x := NewIndex([]Entry{{1, "Anna Keller"}, {2, "王小明"}, {3, "محمد الهاشمي"}, {4, "Сергей Щербаков"}, {5, "이현준"}, {6, "Ida"}, {7, ""}, {8, "José García López"}})
	orgs := NewOrganisationIndex([]Entry{{1, "The Daily Courier"}, {2, ""}})
	for _, s := range []string{"Anna Keller", "A. Keller", "\u202erelleK annA", "anna@x.example", "王小明", "|||", "a@b@c.d", "'''", "한", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, found := range [][]Match{x.Lookup(s), x.LookupLocal(s), orgs.Lookup(s)} {
			for i, m := range found {
				if m.Score < Floor || m.Score > 1.1 || m.Why == "" || len(m.Classes) == 0 || i > 0 && m.Score > found[i-1].Score {
					t.Fatalf("%q: %+v", s, found)
				}
			}
		}
		Compare(s, s)
	})
}
