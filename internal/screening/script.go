package screening

import (
	"strings"
	"unicode"

	"github.com/gosimple/unidecode"
	"golang.org/x/text/unicode/norm"

	"portcullis.example/portcullis/internal/names"
)

// script is the writing a word is in, as far as words in it are compared differently.
type script uint8

const (
	latin script = iota
	cyrillic
	greek
	arabic
	hebrew
	han
	hangul
	kana
	otherScript
)

var scriptNames = [...]string{"Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Chinese", "Korean", "Japanese", "other script"}

func scriptOf(r rune) script {
	switch {
	case r < 0x370 || unicode.Is(unicode.Latin, r):
		return latin
	case unicode.Is(unicode.Cyrillic, r):
		return cyrillic
	case unicode.Is(unicode.Greek, r):
		return greek
	case unicode.Is(unicode.Arabic, r):
		return arabic
	case unicode.Is(unicode.Hebrew, r):
		return hebrew
	case unicode.Is(unicode.Han, r):
		return han
	case unicode.Is(unicode.Hangul, r):
		return hangul
	case unicode.Is(unicode.Hiragana, r), unicode.Is(unicode.Katakana, r), r == 'ー':
		return kana
	}
	return otherScript
}

// scriptOfWord is the script most letters of w are in. Kana beside Han make it
// Japanese.
func scriptOfWord(w string) script {
	if isASCII(w) {
		return latin
	}
	var count [otherScript + 1]int
	for _, r := range w {
		if unicode.IsLetter(r) || unicode.Is(unicode.M, r) {
			count[scriptOf(r)]++
		}
	}
	if count[kana] > 0 {
		return kana
	}
	best := latin
	for s, n := range count {
		if n > count[best] {
			best = script(s)
		}
	}
	return best
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// fold brings a name into the form its words are cut from: compatibility forms
// and case are gone, and so is what cannot be seen. Letter case is used before,
// by splitJoined.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = strings.ToLower(norm.NFKC.String(strings.ReplaceAll(s, "ı", "i")))
	return strings.Map(foldRune, s)
}

func foldRune(r rune) rune {
	switch {
	case r == 0x200c: // Persian writes compounds with a non-joiner: پزشک‌فر
		return -1
	case unicode.Is(unicode.Cf, r), r == 0x640: // also the Arabic tatweel
		return -1
	case r == 'ς':
		return 'σ'
	case r == 'ё':
		return 'е'
	}
	if a, ok := arabicForms[r]; ok {
		return a
	}
	return r
}

// arabicForms are letters that Arabic, Persian, Urdu and Pashto encode
// differently although a reader takes them for the same.
var arabicForms = map[rune]rune{'ی': 'ي', 'ى': 'ي', 'ې': 'ي', 'ۍ': 'ي', 'ے': 'ي', 'ک': 'ك', 'ہ': 'ه', 'ھ': 'ه', 'ە': 'ه', 'ۀ': 'ه',
	'أ': 'ا', 'إ': 'ا', 'آ': 'ا', 'ٱ': 'ا', 'ؤ': 'و', 'ئ': 'ي', 'ں': 'ن', 'ٹ': 'ت', 'ټ': 'ت', 'ڈ': 'د', 'ډ': 'د', 'ړ': 'ر', 'ڑ': 'ر', 'ڼ': 'ن', 'ګ': 'گ'}

// withoutMarks drops the combining marks of scripts in which they are not
// letters: Arabic and Hebrew vowel points, Greek and Latin accents.
func withoutMarks(w string, sc script) string {
	if isASCII(w) || sc == otherScript || sc == kana || sc == hangul || sc == han {
		return w
	}
	var b strings.Builder
	for _, r := range norm.NFC.String(w) {
		if sc == cyrillic && r >= 0x400 {
			b.WriteRune(r)
			continue
		}
		for _, d := range norm.NFD.String(string(r)) {
			if !unicode.Is(unicode.M, d) {
				b.WriteRune(d)
			}
		}
	}
	return b.String()
}

// lookalikes are Cyrillic and Greek letters with the shape of a Latin one. They
// are undone in words that are mostly of the other script: «ЯAКУБЕЦ» with a Latin A.
var lookalikes = [...]string{latin: "aeopcyxbkmhtisj", cyrillic: "аеорсухвкмнтіѕј", greek: "αεορςυχβκμητι"}

// oneScript rewrites the letters of w that imitate those of the word's own script.
func oneScript(w string, sc script) string {
	if isASCII(w) || sc > greek {
		return w
	}
	to := []rune(lookalikes[sc])
	return strings.Map(func(r rune) rune {
		own := scriptOf(r)
		if own == sc || own > greek || !unicode.IsLetter(r) {
			return r
		}
		for i, x := range []rune(lookalikes[own]) {
			if x == r && i < len(to) {
				return to[i]
			}
		}
		return r
	}, w)
}

// romanised is w in the letters a to z and digits, other ways to write it after
// the likeliest.
func romanised(w string, sc script) []string {
	switch {
	case isASCII(w):
		return []string{w}
	case sc == arabic:
		return []string{spelled(w, arabicSpellings)}
	case sc == hebrew:
		return []string{spelled(w, hebrewSpellings)}
	case sc == han:
		return []string{strings.Join(pinyin([]rune(w), false), "")}
	case sc == otherScript:
		return []string{keepLetters(strings.ToLower(unidecode.Unidecode(w)))}
	}
	forms := names.Transliterate(w)
	if sc == latin || sc == hangul {
		return forms
	}
	return forms[:1]
}

func keepLetters(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
