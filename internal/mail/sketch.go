package mail

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sketch is a message's text in 64 bytes: a MinHash signature (Broder 1997) over
// its words and word pairs. Two mails that say the same to different people
// have nearly the same sketch, whatever names and tokens were filled in.
type Sketch [sketchSize]uint32

const (
	sketchSize = 16
	bandRows   = 2 // values in one band: 8 bands of 2 find a likeness of 0.7 with 99.5 %
	sketchText = 64 << 10
)

// SameMail is the estimated likeness from which on two mails count as copies.
// Copies differ in a greeting and in tokens: their words are over 80 % alike
// even in a mail of thirty words. With 16 values the estimate steps by 1/16.
const SameMail = 0.62

// NewSketch takes the visible text. Words with digits, and links, are left out:
// they are what differs between copies.
func NewSketch(text string) (s Sketch, words int) {
	for i := range s {
		s[i] = math.MaxUint32
	}
	if len(text) > sketchText {
		text = text[:sketchText]
	}
	var previous uint64
	for word := range strings.FieldsFuncSeq(text, unicode.IsSpace) {
		h, ok := wordHash(word)
		if !ok {
			continue
		}
		if n := s.addUnspaced(word); n > 0 {
			words, previous = words+n/2+1, 0
			continue
		}
		words++
		s.add(h)
		if previous != 0 {
			s.add(previous*31 + h)
		}
		previous = h
	}
	return s, words
}

// add takes one feature: the position is chosen by multiply-shift hashing with
// odd constants, one per value.
func (s *Sketch) add(h uint64) {
	for i := range s {
		h = h*0xbf58476d1ce4e5b9 + 0x9e3779b97f4a7c15
		h ^= h >> 29
		if v := uint32(h >> 32); v < s[i] {
			s[i] = v
		}
	}
}

// addUnspaced takes text of a script that puts no spaces between words as pairs of
// characters, as search engines do, and returns how many: else a whole sentence
// would be one word.
func (s *Sketch) addUnspaced(word string) (pairs int) {
	first, _ := utf8.DecodeRuneInString(word)
	last, _ := utf8.DecodeLastRuneInString(word)
	if first < 0x0e00 && last < 0x0e00 && !strings.ContainsFunc(word, unspaced) {
		return 0
	}
	var previous rune
	for _, r := range word {
		if !unspaced(r) {
			previous = 0
			continue
		}
		if previous != 0 {
			s.add(uint64(previous)<<32 | uint64(r))
			pairs++
		}
		previous = r
	}
	return pairs
}

func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// By gives the sketch of the same text by one sender: sketches by different
// senders are never alike. Organisations share phrases and whole forms; a mailing
// is what one of them sends.
func (s Sketch) By(org string) Sketch {
	f := fnv.New32a()
	f.Write([]byte(org))
	for i := range s {
		s[i] ^= f.Sum32()*2654435761 + uint32(i)
	}
	return s
}

// wordHash folds case and drops punctuation around a word.
func wordHash(word string) (uint64, bool) {
	if strings.Contains(word, "://") || strings.ContainsRune(word, '@') {
		return 0, false
	}
	f := fnv.New64a()
	var buf [utf8.UTFMax]byte
	n := 0
	for _, r := range word {
		if unicode.IsDigit(r) {
			return 0, false
		}
		if !unicode.IsLetter(r) {
			continue
		}
		f.Write(buf[:utf8.EncodeRune(buf[:], unicode.ToLower(r))])
		n++
	}
	return f.Sum64(), n > 0
}

// Likeness estimates the Jaccard index of the two texts' words.
func (s Sketch) Likeness(t Sketch) float64 {
	same := 0
	for i := range s {
		if s[i] == t[i] {
			same++
		}
	}
	return float64(same) / sketchSize
}

// Bands are the keys under which a copy is looked up.
func (s Sketch) Bands() []int64 {
	bands := make([]int64, 0, sketchSize/bandRows)
	for i := 0; i < sketchSize; i += bandRows {
		h := uint64(i)
		for _, v := range s[i : i+bandRows] {
			h = (h ^ uint64(v)) * 0x9e3779b97f4a7c15
			h ^= h >> 31
		}
		bands = append(bands, int64(h))
	}
	return bands
}

// Bytes is the stored form.
func (s Sketch) Bytes() []byte {
	b := make([]byte, 0, 4*sketchSize)
	for _, v := range s {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// SketchFromBytes reads the stored form; a wrong length gives a sketch like no other.
func SketchFromBytes(b []byte) (s Sketch) {
	if len(b) != 4*sketchSize {
		return s
	}
	for i := range s {
		s[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return s
}
