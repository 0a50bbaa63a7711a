package names

import "strings"

// how says by which transformation a word of the text is an indexed word.
type how uint8

const (
	asWritten how = iota
	byMarks       // Müller, Mueller
	byShape
	byScript
	bySpelling // another romanisation, particles in one word with the name
	byVowels   // a script without vowels
	byNickname
	bySlip
	byInitial
	byJoin // the whole name in one word
)

// candidate is an indexed word that a word of the text may stand for.
type candidate struct {
	word  int32
	how   how
	slip  slip
	worth float32 // 1 for the word itself
}

// The shortest word in which a swap, or another slip, is taken for one: shorter
// ones are simply other names.
const (
	shortestSwap = 4
	shortestSlip = shortestSwap
	shortestEdit = 5
)

// maxCandidates bounds the indexed words tried for one word of the text.
const maxCandidates = 24

// candidates appends the indexed words that t may stand for, each once by its
// best transformation: they are tried from the most to the least faithful.
func (x *Index) candidates(dst []candidate, t *token) []candidate {
	base := len(dst)
	add := func(w int32, h how, worth float32) bool {
		for i := base; i < len(dst); i++ {
			if dst[i].word == w {
				return true
			}
		}
		dst = append(dst, candidate{word: w, how: h, worth: worth})
		return len(dst)-base < maxCandidates
	}
	known, isKnown := x.byRaw[t.raw]
	if isKnown {
		add(known, asWritten, 1)
	}
	if t.title || t.raw == "" {
		return dst
	}
	forms, sc := []string(nil), latin
	if !isASCII(t.raw) {
		forms = romanise(t.raw)
		sc, _ = scripts(t.raw)
	}
	x.sameForm(t, forms, sc, add)
	x.sameShape(t, isKnown, add)
	if t.initial() {
		return dst
	}
	form := t.raw
	if forms != nil {
		form = forms[0]
	}
	if sc == latin && !isKnown {
		x.sameParticles(t, form, add)
	}
	if x.sameNickname(form, add); len(form) > 2 {
		x.sameRoman(form, sc, isKnown, add)
	}
	x.sameConsonants(t, form, sc, add)
	if len(form) >= shortestSlip && sc <= greek {
		dst = x.oneSlipAway(dst, base, form, sc, isKnown)
	}
	return dst
}

type adder func(w int32, h how, worth float32) bool

func (x *Index) sameForm(t *token, forms []string, sc script, add adder) {
	try := func(form string) {
		x.byForm.each(x.key(kindForm, form), func(w int32) bool {
			if x.words[w].script != sc {
				return add(w, byScript, 0.97)
			}
			if sc == han || sc == hangul {
				return true // other characters with the same reading are another name
			}
			return add(w, byMarks, 0.99)
		})
	}
	if forms == nil {
		try(t.raw)
	}
	for _, f := range forms {
		if f != "" {
			try(f)
		}
	}
}

// sameShape finds words that look alike. A word that others bear as it is, in
// plain letters, is that word and no imitation.
func (x *Index) sameShape(t *token, known bool, add adder) {
	if known && isASCII(t.written) && len(t.raw) == len(t.written) {
		return
	}
	try := func(written string) {
		x.byForm.each(x.key(kindShape, shape(written)), func(w int32) bool { return add(w, byShape, 0.97) })
	}
	try(t.written)
	if trimmed := strings.Trim(t.written, "0123456789"); len(trimmed) < len(t.written) {
		try(trimmed) // the digits were numbering, or stand for letters as the others do
	}
}

// sameRoman finds words that another scheme of romanisation could have led to.
// Between two given names in Latin letters that is not enough (Ana and Anna are two
// people), and a doubled letter is a slip.
func (x *Index) sameRoman(form string, sc script, known bool, add adder) {
	x.byForm.each(x.key(kindRoman, romanKey(form)), func(w int32) bool {
		truth := x.words[w].form()
		switch other := x.words[w].script; {
		case sc != other:
			return add(w, byScript, 0.94)
		case sc != latin && sc != cyrillic:
			return true // one script's own spelling is exact
		}
		if givenName(form) && givenName(truth) && !nicknames().sameFull(form, truth) {
			return true
		}
		if s, _ := oneSlip(form, truth); (s == missing || s == added) && !known {
			return true // left to oneSlipAway
		}
		if withoutVowels(form) == withoutVowels(truth) {
			return true
		}
		return add(w, bySpelling, 0.9)
	})
}

// sameConsonants matches a script that leaves vowels out with Latin letters. Two
// consonants are too few to tell a name by.
func (x *Index) sameConsonants(t *token, form string, sc script, add adder) {
	semitic := sc == arabic || sc == hebrew
	if !semitic && (sc != latin || !x.semitic) {
		return
	}
	key := consonants(withoutArticle(t.raw, form))
	if len(key) < 3 {
		return
	}
	kind := kindSemitic
	if semitic {
		kind = kindConsonants
	}
	x.byForm.each(x.key(kind, key), func(w int32) bool {
		if semitic && x.words[w].script != latin {
			return true
		}
		return add(w, byVowels, 0.9)
	})
}

// sameParticles matches a surname written in one word with its particles, and one
// written apart from them: Vandenberg, van den Berg.
func (x *Index) sameParticles(t *token, form string, add adder) {
	try := func(form string) {
		x.byForm.each(x.key(kindForm, form), func(w int32) bool { return add(w, bySpelling, 0.93) })
	}
	if t.whole != "" {
		try(t.whole)
	}
	if givenName(form) || commonSurname[form] {
		return
	}
	for _, particle := range writtenTogether {
		if rest, ok := strings.CutPrefix(form, particle); ok && (len(rest) >= 5 || len(rest) == 4 && len(particle) > 3) {
			try(rest)
		}
	}
}

// writtenTogether are particles, the longer first, that bearers and clerks write in
// one word with the name.
var writtenTogether = []string{"vanden", "vander", "vande", "vonder", "della", "dela", "delos", "delas", "van", "von", "del", "ter", "ten", "al", "el", "ben", "bin", "ibn", "di", "da", "de", "du", "la", "le"}

func (x *Index) sameNickname(form string, add adder) {
	try := func(names []string, h how, worth float32) {
		for _, n := range names {
			if n != form {
				x.byForm.each(x.key(kindForm, n), func(w int32) bool { return add(w, h, worth) })
			}
		}
	}
	for _, line := range nicknames().short[form] {
		try(nicknames().fulls[line], byNickname, 0.88)
		try(nicknames().shorts[line], byNickname, 0.7)
	}
	for _, line := range nicknames().full[form] {
		try(nicknames().shorts[line], byNickname, 0.88)
	}
	if line, ok := spellings[form]; ok {
		try(line, bySpelling, 0.9)
	}
}

// maxNeighbours is the number of indexed words one edit away up to which any edit
// is taken for a slip. Where more are that near, the names of these people simply
// lie close together, and one more like them is somebody else's; then only an edit
// that reads as the word itself counts.
const maxNeighbours = 2

// oneSlipAway finds words that differ by one edit. A word that somebody bears is
// that name, not a slip in another.
func (x *Index) oneSlipAway(dst []candidate, base int, form string, sc script, known bool) []candidate {
	if known || givenName(form) || commonSurname[form] {
		return dst
	}
	from := len(dst)
	deletions(form, func(b []byte) {
		x.byForm.each(x.keyBytes(kindDeletion, b), func(w int32) bool {
			for i := base; i < len(dst); i++ {
				if dst[i].word == w {
					return true
				}
			}
			truth := x.words[w].form()
			if s, at := oneSlip(form, truth); s != farApart && s != noSlip && x.words[w].script == sc {
				dst = append(dst, candidate{word: w, how: bySlip, slip: s, worth: slipWorth(s, at, form, truth)})
			}
			return len(dst)-base < maxCandidates
		})
	})
	least := float32(0.01)
	if len(dst)-from > maxNeighbours {
		least = overlooked
	}
	kept := dst[:from]
	for _, c := range dst[from:] {
		if c.worth >= least {
			kept = append(kept, c)
		}
	}
	return kept
}

// overlooked is the worth of a slip that reads as the word itself.
const overlooked = 0.91

// slipWorth says how likely a reader overlooks a slip, 0 where it makes another
// name: two names of real people often differ by one letter (Heller, Keller;
// Marko, Marka). So a letter may be doubled or single, swapped with its neighbour,
// or missing inside a long word; one for another counts only if it looks the same,
// see shape.
func slipWorth(s slip, at int, form, truth string) float32 {
	if len(truth) < shortestEdit && s != swapped {
		return 0
	}
	inside := at > 0 && at < len(truth)-1
	switch {
	case s == swapped && at > 0:
		return 0.93
	case s == missing && at > 0 && truth[at] == truth[at-1], s == added && at > 0 && form[at] == form[at-1]:
		return 0.92
	case s == missing && inside && len(truth) >= longWord:
		return 0.85
	}
	return 0
}

// longWord is the length from which a word is still itself with a letter missing.
const longWord = 7

// withoutVowels drops vowels, but not y, which schemes of romanisation differ in.
func withoutVowels(w string) string {
	var buf [48]byte
	b := buf[:0]
	for i := range len(w) {
		if c := w[i]; !vowel(c) || c == 'y' {
			b = append(b, c)
		}
	}
	return string(b)
}
