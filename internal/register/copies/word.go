package copies

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// maxWord bounds the bytes of a word that are looked at.
const maxWord = 64

// letters that do not decompose into a base and marks, as people write them without.
var plain = map[rune]string{
	'ß': "ss", 'ø': "o", 'ł': "l", 'đ': "d", 'æ': "ae", 'œ': "oe", 'ı': "i", 'ð': "d", 'þ': "th", 'ħ': "h",
}

// nextWord finds the first word at or after from: a run of letters. It returns -1 at the end.
func nextWord(p []byte, from int) (start, end int) {
	for from < len(p) {
		if c := p[from]; c < utf8.RuneSelf {
			if isLetter(c) {
				break
			}
			from++
			continue
		}
		n := letterAt(p[from:])
		if n > 0 {
			break
		}
		from -= n
	}
	if from >= len(p) {
		return -1, -1
	}
	for end = from; end < len(p); {
		if c := p[end]; c < utf8.RuneSelf {
			if !isLetter(c) {
				break
			}
			end++
			continue
		}
		n := letterAt(p[end:])
		if n <= 0 {
			break
		}
		end += n
	}
	return from, end
}

// letterAt is the width of the letter beyond ASCII that p begins with, or minus the width of what else it is.
func letterAt(p []byte) int {
	r, n := utf8.DecodeRune(p)
	if r == utf8.RuneError && n == 1 { // not UTF-8: an eight-bit code page
		if unicode.IsLetter(charmap.Windows1252.DecodeByte(p[0])) {
			return 1
		}
		return -1
	}
	if unicode.IsLetter(r) || unicode.Is(unicode.M, r) {
		return n
	}
	return -n
}

// folder writes letters without case and marks.
type folder struct {
	latin [folded - utf8.RuneSelf]string // what the letters of Latin-1 and Latin Extended-A and B fold to
}

const folded = 0x250

func newFolder() *folder {
	f := new(folder)
	for r := rune(utf8.RuneSelf); r < folded; r++ {
		f.latin[r-utf8.RuneSelf] = string(foldRune(nil, r))
	}
	return f
}

// word writes a word in the form that is hashed.
func (f *folder) word(dst, word []byte) []byte {
	word = word[:min(len(word), maxWord)]
	for i, c := range word {
		if c >= utf8.RuneSelf {
			return f.letters(dst, word[i:])
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

func (f *folder) letters(dst, word []byte) []byte {
	for len(word) > 0 {
		r, n := utf8.DecodeRune(word)
		if r == utf8.RuneError && n == 1 {
			r = charmap.Windows1252.DecodeByte(word[0])
		}
		word = word[n:]
		switch {
		case r < utf8.RuneSelf:
			dst = append(dst, byte(unicode.ToLower(r)))
		case r < folded:
			dst = append(dst, f.latin[r-utf8.RuneSelf]...)
		default:
			dst = foldRune(dst, r)
		}
	}
	return dst
}

func foldRune(dst []byte, r rune) []byte {
	for _, r := range norm.NFKD.String(string(unicode.ToLower(r))) {
		if s, ok := plain[r]; ok {
			dst = append(dst, s...)
		} else if !unicode.Is(unicode.Mn, r) && r != utf8.RuneError {
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// alone tells words that may be a whole name by themselves, as scripts that do not part words write it.
func alone(word []byte) bool {
	if len(word) < 4 || word[0] < utf8.RuneSelf {
		return false
	}
	r, _ := utf8.DecodeRune(word)
	return r >= folded && unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana)
}

// counts tells words that are worth a look-up: initials are not.
func counts(word []byte) bool { return len(word) >= 2 }
