package mail

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Words are told apart once per message, and both the word lists of the
// phishing rules and the learned model work on what comes out: a hash per word.
//
// Writers of phishing mail misspell on purpose, leave accents out and set words
// in mathematical bold. So a word is folded before it is hashed: lower case,
// marks removed, compatibility characters undone (NFKC), invisible characters
// dropped, each run of digits written as one "0", and in a word that mixes
// Latin with Cyrillic or Greek the letters that look Latin made Latin. Scripts
// without spaces give pairs of characters.

// maxWords bounds how many words of a message are looked at. What a reader does
// not reach does not persuade him.
const maxWords = 3000

// word is one folded word of a message.
type word struct {
	hash       uint64
	start, end int32 // in the text it was read from
	subject    bool
}

// wordScan is the words of one message and what was odd about their spelling.
type wordScan struct {
	words []word
	mixed int // words that mix scripts
	fancy int // characters of mathematical alphabets and other compatibility forms
	blind int // invisible characters within words
	cut   bool
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// joined is the hash of a phrase: the hash of its beginning and the next word.
func joined(a, b uint64) uint64 { return (a*fnvPrime ^ b) * 0x9E3779B97F4A7C15 }

// hashWord is the hash of a single word as scan gives it, for tables.
func hashWord(s string) uint64 {
	var scan wordScan
	scan.read(s, false)
	h := uint64(0)
	for i, w := range scan.words {
		if i == 0 {
			h = w.hash
			continue
		}
		h = joined(h, w.hash)
	}
	return h
}

// read adds the words of a text.
func (s *wordScan) read(text string, subject bool) {
	i := 0
	for i < len(text) {
		if len(s.words) >= maxWords {
			s.cut = true
			return
		}
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		switch classOf(r) {
		case classLetter:
			i = s.word(text, i, subject)
		case classPair:
			i = s.pairs(text, i, subject)
		case classMoney:
			s.add(uint64(r)*fnvPrime, i, i+n, subject)
			i += n
		default:
			i += n
		}
	}
}

func (s *wordScan) add(hash uint64, start, end int, subject bool) {
	s.words = append(s.words, word{hash: hash, start: int32(start), end: int32(end), subject: subject})
}

// word reads one word from i on and returns where it ends.
func (s *wordScan) word(text string, i int, subject bool) int {
	h := uint64(fnvOffset)
	start := i
	digits, latin, other := false, false, false
	for i < len(text) {
		c := text[i]
		if c < utf8.RuneSelf {
			f := asciiFold[c]
			if f == 0 {
				if c == '\'' && i > start && i+1 < len(text) && asciiFold[text[i+1]] != 0 {
					i++ // don't
					continue
				}
				break
			}
			i++
			if f == '0' {
				if !digits {
					h = (h ^ '0') * fnvPrime
				}
				digits = true
				continue
			}
			digits, latin = false, true
			h = (h ^ uint64(f)) * fnvPrime
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		class := classOf(r)
		if class == classBlind {
			s.blind++
			i += n
			continue
		}
		if class != classLetter {
			break
		}
		digits = false
		f := foldRune(r)
		if f == 0 { // a combining mark
			if r >= 0x335 && r <= 0x338 {
				s.fancy++ // struck through
			}
			i += n
			continue
		}
		if isFancy(r) {
			s.fancy++
		}
		switch {
		case f < utf8.RuneSelf || f < 0x250:
			latin = true
		case f < 0x530:
			other = true
		}
		h = (h ^ uint64(f)) * fnvPrime
		i += n
	}
	if latin && other {
		s.mixed++
		h = hashUnmixed(text[start:i])
	}
	s.add(h, start, i, subject)
	return i
}

// hashUnmixed hashes a word that mixes scripts as the Latin word it looks like.
func hashUnmixed(text string) uint64 {
	h := uint64(fnvOffset)
	for _, r := range text {
		f := foldRune(r)
		if l, ok := looksLatin[f]; ok {
			f = l
		}
		if classOf(r) == classLetter && f != 0 {
			h = (h ^ uint64(f)) * fnvPrime
		}
	}
	return h
}

// pairs reads a run of characters of a script written without spaces.
func (s *wordScan) pairs(text string, i int, subject bool) int {
	previous, at := rune(0), i
	for i < len(text) && len(s.words) < maxWords {
		r, n := utf8.DecodeRuneInString(text[i:])
		if classOf(r) != classPair {
			break
		}
		if previous != 0 {
			s.add(((fnvOffset^uint64(previous))*fnvPrime^uint64(r))*fnvPrime, at, i+n, subject)
		}
		previous, at = r, i
		i += n
	}
	return i
}

type runeClass uint8

const (
	classOther  runeClass = iota
	classLetter           // part of a word
	classPair             // of a script without spaces between words
	classMoney            // a sign that stands for a word
	classBlind            // takes no room
)

// classOf sorts characters. ASCII takes the table.
func classOf(r rune) runeClass {
	if r < utf8.RuneSelf {
		return asciiClass[r]
	}
	switch {
	case r == '€' || r == '£' || r == '¥' || r == '₹' || r == '₽' || r == '₿':
		return classMoney
	case r == 0xAD || r >= 0x200B && r <= 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2060 && r <= 0x2064 || r == 0xFEFF || r == 0x034F || r == 0x180E:
		return classBlind
	case r >= 0x0E00 && r <= 0x0E7F || r >= 0x3040 && r <= 0x30FF || r >= 0x3400 && r <= 0x9FFF || r >= 0xF900 && r <= 0xFAFF || r >= 0x20000 && r <= 0x3FFFF:
		return classPair
	case unicode.IsLetter(r) || unicode.Is(unicode.M, r) || isFancy(r) || unicode.IsDigit(r):
		return classLetter
	}
	return classOther
}

// isFancy tells the alphabets that mail abuses as typefaces: mathematical,
// enclosed and full-width letters.
func isFancy(r rune) bool {
	return r >= 0x1D400 && r <= 0x1D7FF || r >= 0x24B6 && r <= 0x24E9 || r >= 0xFF21 && r <= 0xFF5A || r >= 0x1F130 && r <= 0x1F189
}

var asciiClass, asciiFold = asciiTables()

func asciiTables() (class [128]runeClass, fold [256]byte) {
	for c := range 128 {
		switch {
		case c >= 'a' && c <= 'z':
			class[c], fold[c] = classLetter, byte(c)
		case c >= 'A' && c <= 'Z':
			class[c], fold[c] = classLetter, byte(c)+'a'-'A'
		case c >= '0' && c <= '9':
			class[c], fold[c] = classLetter, '0'
		case c == '$':
			class[c] = classMoney
		}
	}
	return class, fold
}

// foldRune is the letter a reader takes r for, without case and marks. Zero for
// what vanishes.
func foldRune(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return rune(asciiFold[r])
	case r < 0x530:
		return foldLow()[r]
	case isFancy(r):
		if folded, _ := utf8.DecodeRuneInString(norm.NFKC.String(string(r))); folded < utf8.RuneSelf {
			return rune(asciiFold[folded])
		}
		return foldEnclosed(r)
	}
	return unicode.ToLower(r)
}

func foldEnclosed(r rune) rune {
	if r >= 0x1F130 && r <= 0x1F189 {
		return 'a' + (r-0x1F130)%0x20%26
	}
	return unicode.ToLower(r)
}

// foldLow covers the Latin, Greek and Cyrillic blocks.
var foldLow = sync.OnceValue(func() *[0x530]rune {
	var table [0x530]rune
	for r := rune(0); r < 0x530; r++ {
		base, _ := utf8.DecodeRuneInString(norm.NFKD.String(string(unicode.ToLower(r))))
		table[r] = unicode.ToLower(base)
		if unicode.Is(unicode.Mn, r) {
			table[r] = 0
		}
	}
	for from, to := range map[rune]rune{'ß': 's', 'ø': 'o', 'Ø': 'o', 'ł': 'l', 'Ł': 'l', 'đ': 'd', 'Đ': 'd', 'ı': 'i', 'æ': 'a', 'Æ': 'a', 'ð': 'd', 'þ': 't'} {
		table[from] = to
	}
	return &table
})

// looksLatin are Cyrillic and Greek small letters drawn as Latin ones
// (UTS #39, the single characters of its table).
var looksLatin = map[rune]rune{
	'а': 'a', 'е': 'e', 'о': 'o', 'р': 'p', 'с': 'c', 'у': 'y', 'х': 'x', 'і': 'i', 'ј': 'j', 'ѕ': 's', 'һ': 'h', 'ԁ': 'd', 'ԛ': 'q', 'ԝ': 'w', 'к': 'k', 'м': 'm', 'т': 't', 'в': 'b', 'н': 'h',
	'ο': 'o', 'α': 'a', 'ν': 'v', 'ρ': 'p', 'τ': 't', 'ι': 'i', 'κ': 'k', 'υ': 'u', 'ε': 'e', 'χ': 'x', 'γ': 'y', 'ω': 'w', 'η': 'n',
}
