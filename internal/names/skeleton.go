package names

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

//go:generate go run ./gen confusables.txt confusables_table.go

// Skeleton returns the skeleton of s (UTS #39 §4): two strings that look alike
// have the same one. It is for comparing only, never for showing. Case matters,
// because capital and small letters look different.
func Skeleton(s string) string {
	if isASCII(s) && !strings.ContainsAny(s, "01Im|`\"%") {
		return s
	}
	s = norm.NFD.String(s)
	var b strings.Builder
	b.Grow(len(s) + 8)
	for _, r := range s {
		switch prototype, ok := confusable(r); {
		case invisible(r):
		case ok:
			b.WriteString(prototype)
		default:
			b.WriteRune(r)
		}
	}
	return norm.NFD.String(b.String())
}

// confusable returns what r is taken for, if anything.
func confusable(r rune) (string, bool) {
	if r < utf8.RuneSelf {
		switch r { // the eight in ASCII, without a search
		case '0':
			return "O", true
		case '1', 'I', '|':
			return "l", true
		case 'm':
			return "rn", true
		case '`':
			return "'", true
		case '"':
			return "''", true
		case '%':
			return "º/₀", true
		}
		return "", false
	}
	i := sort.Search(len(confusables), func(i int) bool { return rune(confusables[i]>>32) >= r })
	if i == len(confusables) || rune(confusables[i]>>32) != r {
		return "", false
	}
	at, size := int(confusables[i]>>8&0xffffff), int(confusables[i]&0xff)
	return confusableTargets[at : at+size], true
}

// Invisible returns the byte offsets of the characters in s that take no room or
// turn the order of others: zero-width, bidi control (UAX #9), tag, variation
// selector, soft hyphen, filler. An emoji's own joiners and selectors, and the
// joiners that Arabic and Indic spelling needs, are reported too: the caller
// knows the text, this function only the characters.
func Invisible(s string) []int {
	if isASCII(s) {
		return nil
	}
	var at []int
	for i, r := range s {
		if invisible(r) {
			at = append(at, i)
		}
	}
	return at
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// invisible holds for Default_Ignorable_Code_Point (DerivedCoreProperties) and a
// few more without a glyph: the blank Braille pattern and the annotation marks.
func invisible(r rune) bool {
	if r < 0xAD {
		return false
	}
	switch {
	case r == 0xAD, r == 0x34F, r == 0x61C, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5,
		r >= 0x180B && r <= 0x180F, r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E,
		r >= 0x2060 && r <= 0x206F, r == 0x2800, r == 0x3164, r >= 0xFE00 && r <= 0xFE0F, r == 0xFEFF,
		r == 0xFFA0, r >= 0xFFF0 && r <= 0xFFFB, r >= 0x1BCA0 && r <= 0x1BCA3,
		r >= 0x1D173 && r <= 0x1D17A, r >= 0xE0000 && r <= 0xE0FFF:
		return true
	}
	return false
}

// overridden undoes right-to-left override (U+202E): what stands between it and
// the end of its scope is shown backwards, so that is how a reader sees it.
func overridden(s string) (shown string, was bool) {
	if !strings.ContainsRune(s, '\u202E') {
		return s, false
	}
	var out, turned []rune
	turning := false
	for _, r := range s {
		switch {
		case r == '\u202E':
			turning = true
		case r == '\u202C':
			out, turned, turning = appendReversed(out, turned), nil, false
		case turning:
			turned = append(turned, r)
		default:
			out = append(out, r)
		}
	}
	return string(appendReversed(out, turned)), true
}

func appendReversed(to, from []rune) []rune {
	for i := len(from) - 1; i >= 0; i-- {
		to = append(to, from[i])
	}
	return to
}

// leet is what a digit or sign stands for between letters, beside Unicode's own
// table, which knows 0 and 1 only.
func leet(r rune) rune {
	switch r {
	case '4', '@':
		return 'a'
	case '3', '€':
		return 'e'
	case '5', '$':
		return 's'
	case '7':
		return 't'
	case '8':
		return 'b'
	case '!':
		return 'i'
	}
	return r
}

// shape is what names and labels are compared by where looks count: the skeleton
// in small letters, marks dropped, and stroke pairs that read as one letter
// resolved. Case must be as written, since a capital I reads as l but a small i
// does not: "KeIIer", "Kеller" (Cyrillic е) and "keller" meet, "lian" and "ilan"
// don't.
func shape(s string) string {
	if plain(s) {
		return joinStrokes(s)
	}
	shouting := strings.ToUpper(s) == s // in capitals throughout an I is an I
	var b strings.Builder
	b.Grow(len(s) + 4)
	for _, r := range norm.NFKD.String(s) {
		if r == 'ς' {
			r = 'σ' // as the index has it: only its place in the word differs
		}
		prototype, ok := confusable(r)
		switch {
		case invisible(r), unicode.Is(unicode.Mn, r):
		case r == 'I' && shouting:
			b.WriteByte('i')
		case ok:
			for _, p := range norm.NFD.String(prototype) {
				if !unicode.Is(unicode.Mn, p) {
					b.WriteRune(unicode.ToLower(p))
				}
			}
		default:
			b.WriteRune(unicode.ToLower(leet(r)))
		}
	}
	return joinStrokes(b.String())
}

// capital writes the first letter large.
func capital(raw string) string {
	r, n := utf8.DecodeRuneInString(raw)
	return string(unicode.ToUpper(r)) + raw[n:]
}

// plain holds for small ASCII letters.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

// joinStrokes writes each letter that two others can imitate as those two: rn for
// m, which Unicode lists, vv for w and cl for d, which it does not.
func joinStrokes(s string) string {
	if !strings.ContainsAny(s, "mwd") {
		return s
	}
	b := make([]byte, 0, len(s)+4)
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case 'm':
			b = append(b, "rn"...)
		case 'w':
			b = append(b, "vv"...)
		case 'd':
			b = append(b, "cl"...)
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}
