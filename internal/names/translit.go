package names

import (
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gosimple/unidecode"
	"golang.org/x/text/unicode/norm"
)

// script is the writing a word is in, as far as the ways to romanise it differ.
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

// scripts returns the script of the first letter of s, and whether letters of
// another follow. Kana and Han mix in ordinary Japanese.
func scripts(s string) (first script, mixed bool) {
	if isASCII(s) {
		return latin, false
	}
	seen := false
	for _, r := range s {
		if !unicode.IsLetter(r) {
			continue
		}
		switch sc := scriptOf(r); {
		case !seen:
			first, seen = sc, true
		case sc != first && !(first == han && sc == kana || first == kana && sc == han):
			mixed = true
		}
	}
	return first, mixed
}

// Transliterate returns the ways to write s in the letters a to z, in small
// letters and without repeats, the likeliest first. Words are romanised one by
// one under the same scheme. Text in Latin letters has its marks removed (Müller:
// muller, mueller).
func Transliterate(s string) []string {
	words := strings.Fields(s)
	if len(words) > maxTokens {
		words = words[:maxTokens]
	}
	per, most := make([][]string, len(words)), 0
	for i, w := range words {
		per[i] = romanise(lower(w))
		most = max(most, len(per[i]))
	}
	var out []string
	for k := range most {
		parts := make([]string, len(words))
		for i, forms := range per {
			parts[i] = forms[min(k, len(forms)-1)]
		}
		out = appendNew(out, strings.Join(parts, " "))
	}
	return out
}

// lower folds case and compatibility forms, and drops what cannot be seen.
func lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = strings.ToLower(norm.NFKC.String(s))
	return strings.Map(func(r rune) rune {
		switch {
		case invisible(r):
			return -1
		case r == 'ς':
			return 'σ'
		}
		return r
	}, s)
}

// romanise returns at least one form of one word, which lower has prepared.
func romanise(w string) []string {
	if isASCII(w) {
		return []string{w}
	}
	switch sc, _ := scripts(w); sc {
	case latin:
		return foldMarks(w)
	case cyrillic:
		return applyAll(cyrillicSchemes, stripMarks(w, 'й', 'ё', 'ї', 'ў', 'ѓ', 'ќ'))
	case greek:
		return applyAll(greekSchemes, stripMarks(w))
	case arabic:
		return applyAll(arabicSchemes, stripMarks(w, 'آ', 'أ', 'إ', 'ؤ', 'ئ'))
	case hebrew:
		return applyAll(hebrewSchemes, stripMarks(w))
	case han:
		return appendNew([]string{pinyin(w)}, wadeGiles(w))
	case hangul:
		return koreanForms(w)
	case kana:
		return kanaForms(w)
	}
	return []string{letters(unidecode.Unidecode(w))}
}

// foldMarks writes Latin letters with marks in the plain alphabet: once with the
// mark dropped, once with the spelling some languages use for it.
func foldMarks(w string) []string {
	bare := letters(unidecode.Unidecode(stripMarks(plainLetters.Replace(w))))
	full := letters(unidecode.Unidecode(stripMarks(spelledLetters.Replace(norm.NFC.String(w)))))
	return appendNew([]string{bare}, full)
}

var (
	plainLetters   = strings.NewReplacer("ß", "ss", "ø", "o", "œ", "oe", "æ", "ae", "ð", "d", "þ", "th", "ı", "i", "ł", "l", "đ", "d")
	spelledLetters = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "ø", "oe", "å", "aa", "đ", "dj", "ð", "dh", "ñ", "nh", "ő", "oe", "ű", "ue")
)

// stripMarks decomposes s and drops its combining marks, but for the letters in
// keep, which are letters of their own.
func stripMarks(s string, keep ...rune) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(s) {
		if containsRune(keep, r) {
			b.WriteRune(r)
			continue
		}
		for _, d := range norm.NFD.String(string(r)) {
			if !unicode.Is(unicode.Mn, d) {
				b.WriteRune(d)
			}
		}
	}
	return b.String()
}

func containsRune(in []rune, r rune) bool {
	for _, x := range in {
		if x == r {
			return true
		}
	}
	return false
}

// letters keeps a to z and digits.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, s)
}

func appendNew(to []string, more ...string) []string {
	for _, s := range more {
		known := s == ""
		for _, t := range to {
			known = known || t == s
		}
		if !known || len(to) == 0 {
			to = append(to, s)
		}
	}
	return to
}

// scheme maps a letter, or several, to Latin ones.
type scheme struct {
	of     map[string]string
	start  map[string]string // at the start of a word
	widest int               // letters in the longest key
}

// newScheme reads "ж=zh х=kh" on top of base; a key that begins with ^ holds at the
// start of a word only.
func newScheme(base *scheme, pairs string) *scheme {
	s := &scheme{of: map[string]string{}, start: map[string]string{}, widest: 1}
	if base != nil {
		s.of, s.start, s.widest = maps.Clone(base.of), maps.Clone(base.start), base.widest
	}
	for _, p := range strings.Fields(pairs) {
		k, v, _ := strings.Cut(p, "=")
		to := s.of
		if k[0] == '^' {
			k, to = k[1:], s.start
		}
		to[k] = v
		s.widest = max(s.widest, utf8.RuneCountInString(k))
	}
	return s
}

func (s *scheme) find(k string, first bool) (string, bool) {
	if first {
		if v, ok := s.start[k]; ok {
			return v, true
		}
	}
	v, ok := s.of[k]
	return v, ok
}

func (s *scheme) apply(w string) string {
	b := make([]byte, 0, 2*len(w))
	for i := 0; i < len(w); {
		var n int
		b, n = s.step(b, w, i)
		i += n
	}
	return letters(string(b))
}

// step appends the longest piece at i that the scheme knows, and returns its length.
func (s *scheme) step(b []byte, w string, i int) (_ []byte, n int) {
	var ends [4]int // of the first letter, the first two …
	count := 0
	for end := i; count < min(s.widest, len(ends)) && end < len(w); count++ {
		_, size := utf8.DecodeRuneInString(w[end:])
		end += size
		ends[count] = end
	}
	for k := count - 1; k >= 0; k-- {
		if v, ok := s.find(w[i:ends[k]], i == 0); ok {
			return append(b, v...), ends[k] - i
		}
	}
	return append(b, unidecode.Unidecode(w[i:ends[0]])...), ends[0] - i
}

func applyAll(schemes []*scheme, w string) []string {
	var out []string
	for _, s := range schemes {
		out = appendNew(out, s.apply(w))
	}
	return out
}

// romanKey is the same for the ways one name is romanised by different schemes
// (Sergey, Sergei, Sergej; Shcherbakov, Schtscherbakow). It loses much, so a match
// by it needs the whole name.
func romanKey(w string) string {
	var buf [48]byte
	b := buf[:0]
	for i := 0; i < len(w); {
		c, n := sound(w[i:])
		i += n
		if c == 'k' && n == 1 && w[i-1] == 'x' {
			b = append(b, 'k')
			c = 's'
		}
		if k := len(b); k > 0 {
			switch {
			case b[k-1] == c:
				continue
			case (b[k-1] == 'i' || b[k-1] == 'e') && c == 'o', b[k-1] == 'i' && c == 'e':
				b[k-1] = c // soft vowels: ie, io, eo
				continue
			}
		}
		b = append(b, c)
	}
	if n := len(b); n > 4 && b[n-1] == 'f' && b[n-2] == 'o' {
		b[n-1] = 'v'
	}
	return string(b)
}

// sound reads one sound at the beginning of w: a letter for it, and the letters
// it is spelled with.
func sound(w string) (c byte, n int) {
	for _, d := range digraphs[w[0]] {
		if strings.HasPrefix(w, d.from) {
			return d.to, len(d.from)
		}
	}
	switch c = w[0]; c {
	case 'w':
		return 'v', 1
	case 'y', 'j':
		return 'i', 1
	case 'q', 'x':
		return 'k', 1
	case 'c':
		if len(w) == 1 || w[1] != 'e' && w[1] != 'i' && w[1] != 'y' {
			return 'k', 1
		}
	}
	return c, 1
}

type digraph struct {
	from string
	to   byte
}

// digraphs by their first letter, the longest first.
var digraphs = [256][]digraph{
	'c': {{"chtch", '6'}, {"ch", '4'}, {"ck", 'k'}},
	'd': {{"dj", '7'}},
	'k': {{"kh", 'h'}},
	'o': {{"ou", 'u'}, {"oo", 'u'}},
	'p': {{"ph", 'f'}},
	's': {{"schtsch", '6'}, {"shch", '6'}, {"sch", '5'}, {"sh", '5'}},
	't': {{"tsch", '4'}, {"tch", '4'}, {"th", 't'}, {"tz", '9'}, {"ts", '9'}},
	'z': {{"zh", '7'}},
}

// consonants is the key by which a name in a script that leaves out vowels meets
// its Latin spellings: محمد and Mohammed are both mhmd. An initial vowel stays as
// a; long vowels, a final h and doubled letters go.
func consonants(w string) string {
	w = semiticDigraphs.Replace(strings.TrimPrefix(w, "al-"))
	b := make([]byte, 0, len(w))
	for i := 0; i < len(w); i++ {
		c := w[i]
		if m := strings.IndexByte("qcvpe", c); m >= 0 {
			c = "kkbba"[m]
		}
		switch {
		case strings.IndexByte("aiouwy", c) >= 0:
			switch {
			case i > 0:
				continue
			case c != 'w' && c != 'y':
				c = 'a'
			}
		case c == 'h' && i == len(w)-1 && len(b) > 1:
			continue
		}
		if n := len(b); n > 0 && b[n-1] == c {
			continue
		}
		b = append(b, c)
	}
	return string(b)
}

var semiticDigraphs = strings.NewReplacer("tch", "5", "ch", "5", "sh", "5", "kh", "h", "gh", "g", "th", "t", "dh", "d", "zh", "j", "dj", "j", "ph", "f", "ou", "u", "ts", "s", "tz", "s")
