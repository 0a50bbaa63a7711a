package screening

import "math/bits"

// how says by which way two words are the same.
type how uint8

const (
	differs how = iota
	exact
	accents
	spelling
	slip
	transliteration
	otherScheme
	wadeGilesWay
	otherReading
	samePinyin
	nickname
	initialOf
	numeral
	disguise
	acronym
	legalForm
	repeated
)

var howNames = [...]string{
	differs: "differs", exact: "same", accents: "same but for accents", spelling: "another spelling of the same word", slip: "a slip away",
	transliteration: "transliterated", otherScheme: "romanised by another scheme", wadeGilesWay: "Wade–Giles for pinyin", otherReading: "another reading of the characters",
	samePinyin: "other characters that sound alike", nickname: "short form", initialOf: "initial", numeral: "same number", disguise: "look-alike characters",
	acronym: "acronym", legalForm: "same kind of company", repeated: "said twice",
}

// similar tells how far two words are the same, from 0 to 1.
func similar(a, b *word) (float32, how) {
	if a == b || a.text == b.text {
		return 1, exact
	}
	if a.form == b.form && a.script == latin && b.script == latin {
		return 1, accents
	}
	if a.canon != "" && a.canon == b.canon {
		if a.script != b.script {
			return 0.97, transliteration
		}
		return 0.97, spelling
	}
	if a.script == b.script && a.script != latin {
		return sameScript(a, b)
	}
	return acrossForms(a, b)
}

// sameScript compares two words of one script other than Latin by their
// characters. A Chinese character for another that sounds alike is another name, if one
// that is easily mistaken; so pinyin alone is worth little here.
func sameScript(a, b *word) (float32, how) {
	x, y := []rune(a.text), []rune(b.text)
	longest := max(len(x), len(y))
	edits := runeEdits(x, y)
	s := float32(0)
	if edits == 1 && longest >= 4 || edits > 1 && float32(edits)/float32(longest) <= 0.3 {
		s = closeness(float32(edits)*0.9, longest)
	}
	switch a.script {
	case han, kana:
		if s == 0 && a.form == b.form {
			return 0.5, samePinyin
		}
	case hangul:
		if edits > 0 && longest <= 3 {
			return 0, differs
		}
	case cyrillic, greek:
		if r, _ := romanCloseness(a.form, b.form); r > s {
			return r, slip
		}
	}
	if s == 0 {
		return 0, differs
	}
	return s, slip
}

// acrossForms compares words by their Latin forms, and a word of another script by
// the spellings that script's letters have.
func acrossForms(a, b *word) (best float32, h how) {
	try := func(s float32, by how) {
		if s > best {
			best, h = s, by
		}
	}
	foreign := a.script != latin || b.script != latin
	if foreign {
		if s := readAcross(a, b); s > 0 {
			try(s, transliteration)
		}
	}
	if !(foreign && (abjad(a) || abjad(b))) && !unlike(a, b) {
		s, by := romanCloseness(a.form, b.form)
		if foreign {
			s, by = s*0.97, transliteration
		}
		try(s, by)
	}
	if best > 0.95 {
		return best, h
	}
	if !foreign && best < 0.9 && (a.sound != "" || b.sound != "") {
		if s, _ := romanCloseness(a.sounded(), b.sounded()); s > 0.8 {
			try(s*0.95, otherScheme)
		}
	}
	for _, x := range a.alts {
		tryAlt(x, b.form, a, try)
	}
	for _, y := range b.alts {
		tryAlt(y, a.form, b, try)
	}
	if best < 0.9 && a.zh != "" && b.zh != "" {
		try(sameChinese(a, b), wadeGilesWay)
	}
	if best < 0.85 && (a.nick != nil || b.nick != nil) && (isNickname(a, b) || isNickname(b, a)) {
		try(0.85, nickname)
	}
	return best, h
}

// sounded is the word in the letters soundOf writes.
func (w *word) sounded() string {
	if w.sound != "" {
		return w.sound
	}
	return w.form
}

func tryAlt(alt, form string, of *word, try func(float32, how)) {
	s, by := romanCloseness(alt, form)
	switch {
	case s == 0:
	case of.script == han:
		try(s*0.95, otherReading)
	case of.script != latin:
		try(s*0.97, transliteration)
	case hasDigitAndLetter(of.form):
		try(s*0.93, disguise)
	case s == 1:
		try(1, accents)
	default:
		try(s, by)
	}
}

func abjad(w *word) bool { return w.script == arabic || w.script == hebrew }

// readAcross reads the Latin one of two words as the other, or both romanised.
func readAcross(a, b *word) float32 {
	if a.script == latin {
		a, b = b, a
	}
	if b.script != latin || !couldBe(a, b) {
		return 0
	}
	s := a.units.reads(b.form)
	if a.script == arabic && b.canon == "abdul" {
		s = max(s, a.units.reads("abd"))
	}
	if s == 0 {
		return 0
	}
	if n := len(a.skel); n <= 2 && abjad(a) {
		s -= 0.06 // two consonants fit many words
	}
	return s * 0.98
}

// unlike tells quickly that two words have too many letters that the other does not.
func unlike(a, b *word) bool {
	return bits.OnesCount32(a.mask^b.mask) > 4+max(0, max(len(a.form), len(b.form))-6)/3
}

// couldBe tells quickly whether two words could be the same: they begin with one
// consonant and have about as many.
func couldBe(a, b *word) bool {
	if n := len(a.skel) - len(b.skel); n > 2 || n < -2 {
		return false
	}
	if a.skel == "" || b.skel == "" {
		return true
	}
	fa, fb := a.skel[0], b.skel[0]
	return fa == fb || sibilant(fa) && sibilant(fb) || a.script != arabic
}

// romanCloseness compares two words in Latin letters.
func romanCloseness(a, b string) (float32, how) {
	if a == b {
		return 1, exact
	}
	longest := max(len(a), len(b))
	most := allowance(longest)
	c := editCost(a, b, most)
	if c > most {
		return 0, differs
	}
	s := closeness(c, longest)
	if c <= 0.75 && longest >= 4 || c <= 1.3 && longest >= 7 {
		if sameConsonants(a, b) {
			return s, spelling
		}
	}
	return s, slip
}

func sameConsonants(a, b string) bool { return skeleton(a) == skeleton(b) }

// allowance is the cost up to which two words of up to n letters can be the same.
func allowance(n int) float32 {
	switch {
	case n <= 2:
		return 0.7
	case n == 3:
		return 1
	case n <= 5:
		return 1.45
	}
	return min(0.3*float32(n), 3)
}

// closeness turns a cost into a similarity.
func closeness(cost float32, n int) float32 {
	return max(0, 1-1.15*cost/float32(n))
}

// sameChinese compares by Mandarin syllables: the two are the same under one of pinyin
// and Wade–Giles each.
func sameChinese(a, b *word) float32 {
	if a.zh != b.zh {
		return 0
	}
	if a.script == latin && b.script == latin {
		t := syllableTable()
		pa, pb := t.pinyin[a.form], t.pinyin[b.form]
		if pa && pb { // two different pinyin syllables, one of which may be Wade–Giles
			return 0.8
		}
		return 0.92
	}
	return 0.93
}

// isNickname tells whether a is short for b.
func isNickname(a, b *word) bool {
	for _, f := range a.nick {
		if f == b.form || b.canon != "" && (f == b.canon || sameWords[f] == b.canon) {
			return true
		}
	}
	return false
}
