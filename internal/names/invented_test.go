package names

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// invented makes names of people who don't exist: given names from several
// languages, surnames of syllables.
type invented struct {
	rnd  *rand.Rand
	seen map[string]bool
}

func newInvented(seed uint64) *invented {
	return &invented{rand.New(rand.NewPCG(seed, 1)), map[string]bool{}}
}

var inventedGiven = strings.Fields(`Anna Maria Peter Johanna Luis Carmen Igor Olena Leyla Claire Robert William Elizabeth Sven Ingrid Paolo Giulia Tomas Zofia Priya
 Arjun Tariq Katharina Alexander Michael Susanne Thomas Nikolai Dmitri Stefan Margaret Christopher Francesca Roberto Teresa Wolfgang Johannes Victoria Benjamin Samuel
 Daniel Matthew Joseph Catherine Patricia Richard Edward Frederick Gabriele Antonio Jürgen José Zoë Łukasz Søren`)

// surname of at least five letters.
func (v *invented) surname() string {
	heads := strings.Fields("Bar Cor Del Fen Gar Hol Kar Lem Mor Nor Pel Quin Ras Sol Tar Ul Ver Wes Yor Zan Bri Cla Dro Fle Gri Kle Pra Sta Tru Scho Lü Ø")
	middles := strings.Fields("an en il or um as et ik ol un ar is ev ök az")
	tails := strings.Fields("berg dale mann sen sson ski ova ez ini ard ton ley wick quist ian opoulos escu enko adze")
	return v.pick(heads) + v.pick(middles) + v.pick(middles) + v.pick(tails)
}

func (v *invented) pick(list []string) string { return list[v.rnd.IntN(len(list))] }

// name is a name not made before.
func (v *invented) name() (given, surname string) {
	for {
		given, surname = v.pick(inventedGiven), v.surname()
		if !v.seen[given+surname] {
			v.seen[given+surname] = true
			return given, surname
		}
	}
}

func (v *invented) entries(n int) []Entry {
	out := make([]Entry, n)
	for i := range out {
		g, s := v.name()
		out[i] = Entry{Key: i, Name: g + " " + s}
	}
	return out
}

// homoglyphs replaces one to all letters that have a twin in Cyrillic or Greek.
func (v *invented) homoglyphs(s string) string {
	twins := map[rune]rune{'a': 'а', 'c': 'с', 'e': 'е', 'o': 'о', 'p': 'р', 'x': 'х', 'y': 'у', 'i': 'і', 's': 'ѕ', 'A': 'Α', 'B': 'В', 'E': 'Е', 'K': 'К', 'M': 'М',
		'H': 'Н', 'O': 'О', 'P': 'Р', 'C': 'С', 'T': 'Т', 'l': 'ӏ', 'v': 'ν', 'n': 'ո', 'u': 'ս', 'd': 'ԁ', 'g': 'ɡ'}
	rs := []rune(s)
	changed := false
	for !changed {
		for i, r := range rs {
			if twin, ok := twins[r]; ok && v.rnd.IntN(3) == 0 {
				rs[i], changed = twin, true
			}
		}
	}
	return string(rs)
}

func (v *invented) invisible(s string) string {
	rs := []rune(s)
	at := 1 + v.rnd.IntN(len(rs)-1)
	marks := []rune{0x200B, 0x200C, 0x200D, 0x2060, 0xAD, 0xFEFF, 0x202A, 0x2066, 0xE0041, 0xFE0F, 0x180E, 0x200F}
	return string(rs[:at]) + string(marks[v.rnd.IntN(len(marks))]) + string(rs[at:])
}

// slip changes one inner letter of a surname, as a hurried reader overlooks it.
func (v *invented) slip(s string) string {
	rs := []rune(s)
	at := 2 + v.rnd.IntN(len(rs)-4)
	switch v.rnd.IntN(3) {
	case 0:
		return string(rs[:at]) + string(rs[at:at+1]) + string(rs[at:]) // doubled
	case 1:
		return string(rs[:at]) + string(rs[at+1:]) // missing
	}
	for ; at < len(rs)-2 && rs[at] == rs[at+1]; at++ {
	}
	rs[at], rs[at+1] = rs[at+1], rs[at]
	return string(rs)
}

// attack is a way to write a name deceptively.
type attack struct {
	class Class
	write func(v *invented, given, surname string) string // "" where the name has no such form
}

var attacks = map[string]attack{
	"exact":    {ClassExact, func(_ *invented, g, s string) string { return g + " " + s }},
	"capitals": {ClassExact, func(_ *invented, g, s string) string { return strings.ToUpper(g + " " + s) }},
	"quoted":   {ClassExact, func(_ *invented, g, s string) string { return `"` + g + " " + s + `"` }},
	"reordered": {ClassReordered, func(v *invented, g, s string) string {
		return s + v.pick([]string{" ", ", "}) + g
	}},
	"initials": {ClassInitials, func(v *invented, g, s string) string {
		initial := string([]rune(g)[:1])
		return fmt.Sprintf(v.pick([]string{"%[1]s. %[2]s", "%[1]s %[2]s", "%[2]s, %[1]s.", "%[2]s %[1]s"}), initial, s)
	}},
	"title": {ClassTitle, func(v *invented, g, s string) string {
		before := v.pick([]string{"Dr. ", "Prof. Dr. ", "The Rt Hon ", "Senator ", "Minister ", "Abgeordnete ", "Hon. ", "Sen. ", "MdB "})
		after := v.pick([]string{"", " MP", ", M.P.", " MEP", " (MP)", " via Office", " | Office of the Minister", ", Member of Parliament", " - Parliament"})
		return before + g + " " + s + after
	}},
	"nickname": {ClassNickname, func(v *invented, g, s string) string {
		lines := nicknames().full[strings.ToLower(g)]
		if len(lines) == 0 {
			return ""
		}
		shorts := nicknames().shorts[lines[0]]
		if len(shorts) == 0 {
			return ""
		}
		short := v.pick(shorts)
		return strings.ToUpper(short[:1]) + short[1:] + " " + s
	}},
	"homoglyph":  {ClassHomoglyph, func(v *invented, g, s string) string { return v.homoglyphs(g + " " + s) }},
	"capital-i":  {ClassHomoglyph, func(_ *invented, g, s string) string { return changed(g+" "+s, "l", "I") }},
	"rn-m":       {ClassHomoglyph, func(_ *invented, g, s string) string { return changed(g+" "+s, "m", "rn") }},
	"digits":     {ClassHomoglyph, func(_ *invented, g, s string) string { return changed(g+" "+s, "o", "0") }},
	"styled":     {ClassHomoglyph, func(_ *invented, g, s string) string { return styled(g + " " + s) }},
	"invisible":  {ClassInvisible, func(v *invented, g, s string) string { return v.invisible(g + " " + s) }},
	"overridden": {ClassInvisible, func(_ *invented, g, s string) string { return "\u202E" + reversed(g+" "+s) }},
	"typo":       {ClassTypo, func(v *invented, g, s string) string { return g + " " + v.slip(s) }},
	"joined":     {ClassExact, func(_ *invented, g, s string) string { return g + s }},
	"address":    {ClassExact, func(_ *invented, g, s string) string { return g + "." + s + "@parliament.example" }},
}

func changed(s, from, to string) string {
	if out := strings.ReplaceAll(s, from, to); out != s {
		return out
	}
	return ""
}

func styled(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 0x1D400
		case r >= 'a' && r <= 'z':
			return r - 'a' + 0x1D41A
		}
		return r
	}, s)
}

func reversed(s string) string { return string(appendReversed(nil, []rune(s))) }

func TestClassesAreFound(t *testing.T) {
	entries := newInvented(11).entries(20000)
	x := NewIndex(entries)
	for name, a := range attacks {
		t.Run(name, func(t *testing.T) {
			v := newInvented(12)
			tried, found, classed := 0, 0, 0
			for i := 0; tried < 600 && i < len(entries); i += 7 {
				given, surname, _ := strings.Cut(entries[i].Name, " ")
				display := a.write(v, given, surname)
				if display == "" {
					continue
				}
				tried++
				m, ok := byKeyOf(x.Lookup(display), i)
				if ok {
					found++
				} else if tried-found < 4 {
					t.Logf("missed %q as %q", entries[i].Name, display)
				}
				if ok && m.Has(a.class) {
					classed++
				}
			}
			t.Logf("%d of %d found, %d of them in their class", found, tried, classed)
			if tried < 50 || found*100 < tried*98 || classed*100 < found*95 {
				t.Errorf("%d of %d found, %d in their class; want 98 and 95 %%", found, tried, classed)
			}
		})
	}
}

func byKeyOf(matches []Match, key int) (Match, bool) {
	for _, m := range matches {
		if m.Key == key {
			return m, true
		}
	}
	return Match{}, false
}

func TestLocalPartsAreFound(t *testing.T) {
	entries := newInvented(21).entries(20000)
	x := NewIndex(entries)
	forms := []func(g, s string) string{
		func(g, s string) string { return g + "." + s },
		func(g, s string) string { return s + "_" + g + "77" },
		func(g, s string) string { return g + "." + s + ".mp" },
		func(g, s string) string { return g + s },
		func(g, s string) string { return "office-" + g + "-" + s },
		func(g, s string) string { return s + g },
		func(g, s string) string { return g[:1] + "." + s },
		func(g, s string) string { return g[:1] + s },
	}
	for n, form := range forms {
		tried, found := 0, 0
		for i := n; i < len(entries); i += 37 {
			given, surname, _ := strings.Cut(entries[i].Name, " ")
			local := form(foldMarks(strings.ToLower(given))[0], foldMarks(strings.ToLower(surname))[0])
			tried++
			if _, ok := byKeyOf(x.LookupLocal(local), i); ok {
				found++
			} else if tried-found < 3 {
				t.Logf("form %d: missed %q as %q", n, entries[i].Name, local)
			}
		}
		if found*100 < tried*98 {
			t.Errorf("form %d: %d of %d found", n, found, tried)
		}
	}
}

// Near misses: other people who share a part of a name.
func TestNearMissesAreNotFound(t *testing.T) {
	entries := newInvented(31).entries(20000)
	x := NewIndex(entries)
	taken := map[string]bool{}
	for _, e := range entries {
		taken[strings.ToLower(e.Name)] = true
	}
	v := newInvented(32)
	others := []string{"Beate", "Hilmar", "Ottilie", "Lorenzo", "Aylin", "Bogdan", "Ngozi", "Haruto", "Maren", "Cedric"}
	hits, tried := 0, 0
	for i := 0; i < len(entries); i += 5 {
		given, surname, _ := strings.Cut(entries[i].Name, " ")
		for _, display := range []string{surname, given, v.pick(others) + " " + surname, given + " and friends", "Dr. " + surname, given + " of the " + v.pick(others) + " Team"} {
			if taken[strings.ToLower(display)] {
				continue
			}
			tried++
			if m := x.Lookup(display); len(m) > 0 {
				if hits++; hits < 6 {
					t.Logf("%q is taken for %q: %.2f %v %s", display, m[0].Name, m[0].Score, m[0].Classes, m[0].Why)
				}
			}
		}
	}
	if hits*1000 > tried {
		t.Errorf("%d of %d near misses found", hits, tried)
	}
}

func TestOtherPeopleAreNotFound(t *testing.T) {
	x := NewIndex(newInvented(41).entries(20000))
	other := newInvented(42)
	countAccidents(t, x, func() string {
		given, surname := other.name()
		return given + " " + surname
	}, 20000, 1)
}

// countAccidents looks up n names of other people and fails where more than
// perMille are taken for somebody without being a namesake, middle names aside.
func countAccidents(t *testing.T, x *Index, next func() string, n, perMille int) {
	t.Helper()
	accidents, namesakes, middle := 0, 0, 0
	for range n {
		display := next()
		m := x.Lookup(display)
		switch {
		case len(m) == 0:
		case m[0].Class == ClassExact || m[0].Class == ClassReordered:
			namesakes++
		case m[0].Class == ClassPartial: // the same but for a middle name
			middle++
		default:
			if accidents++; accidents < 20 {
				t.Logf("%q is taken for %q: %.2f %v %s", display, m[0].Name, m[0].Score, m[0].Classes, m[0].Why)
			}
		}
	}
	t.Logf("%d accidents among %d; %d namesakes, %d more but for a middle name", accidents, n, namesakes, middle)
	if accidents*1000 > n*perMille {
		t.Errorf("%d of %d other people taken for somebody", accidents, n)
	}
}
