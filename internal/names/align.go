package names

import (
	"fmt"
	"slices"
	"strings"
)

// aligned is an indexed name laid beside a text.
type aligned struct {
	v        *variant
	segment  int
	score    float64
	at       [8]int8      // per word of the name the word of the text, or -1
	by       [8]candidate // and how it stands there
	whole    how          // byJoin, byShape, byInitial: the name is one word of the text
	from, to int          // that word or run of words
	text     string       // as written
	missing  bool         // a word of the name is not in the text
	extra    bool         // the text has other words
	turned   bool         // another order
}

// align assigns the words of a segment to the words of a name and scores the
// result. It needs a given name, or its initial, and a surname.
func (s *search) align(h hit) (aligned, bool) {
	v := &s.x.variants[h.variant]
	a := aligned{v: v, segment: h.segment, score: 1}
	used := s.assign(&a)
	given, surname := s.parts(&a)
	switch {
	case s.x.whole:
		if a.missingAny() {
			return a, false
		}
	case v.n == 1:
		if !surname && !given {
			return a, false
		}
	case !given || !surname || a.doubtful():
		return a, false
	}
	if v.n == 1 {
		a.score *= s.x.singleWorth(v)
	}
	a.scoreWords(s)
	if a.findOrder(); a.turned {
		a.score *= 0.98
	}
	s.scoreExtras(&a, used)
	if (a.extra || a.missing) && a.inexact() {
		a.score *= 0.7 // each alone happens to a name; together they are another's
	}
	return a, a.score >= Floor && !(a.extra && s.x.commonplace(v))
}

// assign gives each word of the name the best word of the text that is free;
// exact ones first, initials last.
func (s *search) assign(a *aligned) (used uint32) {
	seq := s.x.seq(a.v)
	a.unassign()
	for _, floor := range [...]float32{1, 0} {
		for k, w := range seq {
			if a.at[k] < 0 {
				used |= s.assignWord(a, k, w, used, floor)
			}
		}
	}
	for k := range seq {
		if a.at[k] < 0 && !s.x.whole {
			used |= s.assignInitial(a, k, seq[k], used)
		}
	}
	return used
}

func (a *aligned) unassign() {
	for k := range a.at {
		a.at[k] = -1
	}
}

func (s *search) assignWord(a *aligned, k int, w int32, used uint32, floor float32) uint32 {
	best := candidate{}
	for i := range s.toks {
		if used>>i&1 == 1 || s.toks[i].segment != a.segment {
			continue
		}
		for _, c := range s.cands[i] {
			if c.word == w && c.worth > best.worth && c.worth >= floor {
				best, a.at[k], a.by[k] = c, int8(i), c
			}
		}
	}
	if a.at[k] < 0 {
		return 0
	}
	return 1 << a.at[k]
}

// assignInitial lets a single letter stand for a given name.
func (s *search) assignInitial(a *aligned, k int, w int32, used uint32) uint32 {
	for i := range s.toks {
		letter, ok := s.toks[i].letter()
		if !ok || used>>i&1 == 1 || s.toks[i].segment != a.segment {
			continue
		}
		same := false
		s.x.eachInitial(w, func(l byte) { same = same || l == letter })
		if same && len(s.x.words[w].raw) > 1 {
			a.at[k], a.by[k] = int8(i), candidate{word: w, how: byInitial, worth: 1}
			return 1 << i
		}
	}
	return 0
}

// parts tells whether the text has a given name and a surname of the name. The
// surname must be spelled out, the given name may be an initial or a nickname.
func (s *search) parts(a *aligned) (given, surname bool) {
	seq := s.x.seq(a.v)
	if len(seq) == 2 && a.at[1] >= 0 && a.by[1].how == byInitial && s.x.surnameFirst(seq) {
		return true, a.spelled(0) // Wang X.
	}
	for k := range int(a.v.n) {
		given = given || k < int(a.v.givens) && a.at[k] >= 0
		surname = surname || k >= int(a.v.givens) && a.spelled(k)
	}
	return given, surname
}

func (a *aligned) spelled(k int) bool {
	return a.at[k] >= 0 && a.by[k].how != byInitial && a.by[k].how != byNickname
}

// doubtful holds where half of the surname is missing and the other half is not
// spelled as it is, and where only consonants agree and the order does not.
func (a *aligned) doubtful() bool {
	a.findOrder()
	last := int(a.v.n) - 1
	for k := range last + 1 {
		if a.at[k] < 0 {
			continue
		}
		how := a.by[k].how
		if a.turned && how == byVowels || a.at[last] < 0 && k >= int(a.v.givens) && (how >= bySpelling && how <= bySlip) {
			return true
		}
	}
	return false
}

// inexact holds where a word of the name is not itself in some spelling.
func (a *aligned) inexact() bool {
	for k := range int(a.v.n) {
		if a.at[k] < 0 {
			continue
		}
		switch a.by[k].how {
		case bySpelling, byVowels, byNickname, bySlip:
			return true
		}
	}
	return false
}

func (a *aligned) missingAny() bool {
	return slices.Contains(a.at[:a.v.n], -1)
}

// scoreWords multiplies what each word is worth. A missing middle name costs
// little, a missing half of a double surname more, and a first name that is
// missing while a middle one stands leaves much doubt.
func (a *aligned) scoreWords(s *search) {
	slips := 0
	for k := range int(a.v.n) {
		if a.at[k] < 0 {
			a.missing = true
			a.score *= a.absence(k)
			continue
		}
		if a.by[k].how == bySlip {
			slips++
		}
		a.score *= float64(a.by[k].worth)
	}
	if slips > 1 {
		a.score *= 0.6
	}
	switch {
	case s.x.whole || a.v.n == 1:
	case a.at[0] >= 0 && a.by[0].how == byInitial:
		a.score *= s.x.initialWorth(a.v, 0, int(a.v.n)-1) + a.moreInitials()
	case a.v.n == 2 && a.by[1].how == byInitial:
		a.score *= s.x.initialWorth(a.v, 1, 0)
	}
}

func (a *aligned) absence(k int) float64 {
	switch {
	case k == 0 && a.v.givens > 1:
		return 0.65
	case k < int(a.v.givens):
		return 0.95
	}
	return 0.88
}

// moreInitials: A. M. Keller says more than A. Keller.
func (a *aligned) moreInitials() float64 {
	for k := 1; k < int(a.v.givens); k++ {
		if a.at[k] >= 0 {
			return 0.08
		}
	}
	return 0
}

// findOrder notes whether the words stand in another order.
func (a *aligned) findOrder() {
	last := int8(-1)
	for k := range a.v.n {
		if a.at[k] < 0 {
			continue
		}
		a.turned = a.turned || a.at[k] < last
		last = a.at[k]
	}
}

// scoreExtras weighs the words of the segment that are neither of the name nor
// beside it by custom. One in front may be another first name and one between
// another middle name, so that it is somebody else; one behind says less.
func (s *search) scoreExtras(a *aligned, used uint32) {
	first, last := a.extent()
	worth := 1.0
	for i := range s.toks {
		t := &s.toks[i]
		if used>>i&1 == 1 || t.segment != a.segment || t.title || s.idle(t) {
			continue
		}
		a.extra = true
		switch {
		case s.x.whole && i > first && i < last:
			worth *= 0.86
		case i > first && i < last && a.missing && !t.initial():
			worth *= 0.6 // another middle name than this one's
		case i > first && i < last && !t.initial():
			worth *= 0.86
		case i < first && !s.x.whole:
			worth *= s.before(t)
		case s.x.whole:
			worth *= 0.96
		default:
			worth *= 0.93
		}
	}
	a.score *= max(worth, 0.45)
}

// before is what a word in front of a name leaves of its score: little if it is
// known to be a given name.
func (s *search) before(t *token) float64 {
	if w, ok := s.x.byRaw[t.raw]; givenName(t.raw) || ok && s.x.words[w].first > 0 {
		return 0.6
	}
	return 0.75
}

// idle holds for words that come and go in a name of this kind.
func (s *search) idle(t *token) bool {
	if s.x.whole {
		return corporate[t.raw]
	}
	return particles[t.raw]
}

// extent returns the first and last word of the text that are of the name.
func (a *aligned) extent() (first, last int) {
	first = maxTokens
	for k := range a.v.n {
		if i := int(a.at[k]); i >= 0 {
			first, last = min(first, i), max(last, i)
		}
	}
	return first, last
}

// match states an alignment in words.
func (s *search) match(a *aligned) Match {
	m := Match{Key: a.v.entry.Key, Name: a.v.entry.Name, Score: a.score, Rarity: s.x.rarity(a.v)}
	has := map[Class]bool{}
	var why []string
	if a.whole != asWritten {
		why = append(why, s.explainWhole(a, has))
	} else {
		for k := range a.v.n {
			why = append(why, s.explainWord(a, int(k), has)...)
		}
	}
	why = append(why, s.explainRest(a, has)...)
	for _, c := range byDeception {
		if has[c] {
			m.Classes = append(m.Classes, c)
		}
	}
	if len(m.Classes) == 0 {
		m.Classes = []Class{ClassExact}
	}
	m.Class, m.Why = m.Classes[0], strings.Join(why, "; ")
	return m
}

func (s *search) explainWhole(a *aligned, has map[Class]bool) string {
	how := "the name in one word"
	switch a.whole {
	case byShape:
		has[ClassHomoglyph] = true
		how = "the name in one word, with signs that look like its letters"
	case byInitial:
		has[ClassInitials] = true
		how = "an initial and the surname"
	}
	has[ClassPartial] = a.missing
	for _, t := range s.toks[a.from:a.to] {
		has[ClassInvisible] = has[ClassInvisible] || t.hidden
		has[ClassHomoglyph] = has[ClassHomoglyph] || t.mixed
	}
	if !isASCII(a.text) != !isASCII(a.v.entry.Name) && !has[ClassHomoglyph] && a.whole == byJoin {
		has[ClassTransliterated] = true
	}
	return fmt.Sprintf("%q is %s (%s)", a.text, how, a.v.entry.Name)
}

// explainWord says how the text writes one word of the name, and what class that is.
func (s *search) explainWord(a *aligned, k int, has map[Class]bool) []string {
	w := &s.x.words[s.x.seq(a.v)[k]]
	if a.at[k] < 0 {
		has[ClassPartial] = true
		return []string{fmt.Sprintf("%q is missing", w.raw)}
	}
	t := &s.toks[a.at[k]]
	var out []string
	if note := s.explainHow(t, w, a.by[k], has); note != "" {
		out = append(out, fmt.Sprintf("%q %s %q", t.written, note, w.raw))
	} else if !t.hidden {
		return nil
	}
	if t.hidden {
		has[ClassInvisible] = true
		out = append(out, fmt.Sprintf("invisible characters in or beside %q", t.written))
	}
	return out
}

func (s *search) explainHow(t *token, w *word, c candidate, has map[Class]bool) string {
	if t.mixed && c.how != byShape {
		has[ClassHomoglyph] = true
		return "is written with look-alike letters for"
	}
	switch c.how {
	case byShape:
		has[ClassHomoglyph] = true
		return "is written with look-alike letters for"
	case byScript, byVowels:
		has[ClassTransliterated] = true
		return "is another script's"
	case bySpelling:
		has[ClassTransliterated] = true
		return "is another spelling of"
	case byNickname:
		has[ClassNickname] = true
		return "is a familiar form of"
	case bySlip:
		has[ClassTypo] = true
		return "(" + c.slip.String() + ") stands for"
	case byInitial:
		has[ClassInitials] = true
		return "is the initial of"
	case byMarks:
		return "is, but for its marks,"
	}
	return ""
}

// explainRest names what stands around the name.
func (s *search) explainRest(a *aligned, has map[Class]bool) (out []string) {
	if a.turned {
		has[ClassReordered] = true
		out = append(out, "in another order")
	}
	if a.extra {
		has[ClassPartial] = true
		out = append(out, "with other words")
	}
	var around []string
	for i := range s.toks {
		ours := slices.Contains(a.at[:a.v.n], int8(i)) || i >= a.from && i < a.to
		if t := &s.toks[i]; t.title && !particles[t.raw] && !ours && len(around) < 6 {
			around = append(around, t.written)
		}
	}
	if len(around) > 0 && !s.local {
		has[ClassTitle] = true
		out = append(out, "beside it "+strings.Join(around, " "))
	}
	if len(out) == 0 && len(has) == 0 {
		out = append(out, "the name itself")
	}
	return out
}

func (x *Index) rarity(v *variant) Rarity {
	seq := x.seq(v)
	given, surname := &x.words[seq[0]], &x.words[seq[len(seq)-1]]
	r := Rarity{Surname: int(surname.last), Given: int(given.first), Common: commonSurname[surname.form()]}
	last := -1
	x.byJoined.each(x.key(kindJoined, shape(x.joinedName(v))), func(id int32) bool {
		if key := x.variants[id].entry.Key; r.Whole == 0 || key != last {
			r.Whole, last = r.Whole+1, key
		}
		return true
	})
	r.Whole = max(r.Whole, 1)
	return r
}
