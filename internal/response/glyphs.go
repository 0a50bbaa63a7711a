package response

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
)

// box stands for a character that the page cannot show.
const box = '□'

// maxFont bounds the operator's font file.
const maxFont = 64 << 20

// readFont reads the operator's font and sees to it that the PDF can hold it.
func readFont(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("notices: font: %w", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxFont+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("notices: font %s: %w", path, err)
	case len(raw) > maxFont:
		return nil, fmt.Errorf("notices: font %s is larger than %d MiB", path, maxFont>>20)
	case len(raw) < 4 || string(raw[:4]) != "\x00\x01\x00\x00" && string(raw[:4]) != "true":
		return nil, fmt.Errorf("notices: font %s is no TrueType font with TrueType outlines; take a .ttf file, not .otf, .ttc or .woff", path)
	}
	if _, err := sfnt.Parse(raw); err != nil {
		return nil, fmt.Errorf("notices: font %s: %w", path, err)
	}
	return raw, nil
}

// face is a font with the characters it has.
type face struct {
	name  string
	font  *sfnt.Font
	buf   sfnt.Buffer
	known map[rune]bool

	advances map[rune]float64 // in units of the size of type
}

func newFace(name string, raw []byte) (*face, error) {
	font, err := sfnt.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("font %s: %w", name, err)
	}
	return &face{name: name, font: font, known: map[rune]bool{}, advances: map[rune]float64{}}, nil
}

// has tells whether the font can show a character. Beyond the first plane the library
// that writes the file cannot.
func (f *face) has(r rune) bool {
	ok, seen := f.known[r]
	if !seen {
		index, err := f.font.GlyphIndex(&f.buf, r)
		ok = err == nil && index != 0 && r <= 0xFFFF
		f.known[r] = ok
	}
	return ok
}

// needShaping are scripts in which what is drawn is not one glyph a character, in the
// order of the text. Drawn without shaping they would be misspelt, which is worse than a
// mark. Arabic is missing here: its four forms are characters of their own.
var needShaping = []*unicode.RangeTable{
	unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
	unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Thai, unicode.Lao, unicode.Tibetan, unicode.Myanmar, unicode.Khmer,
	unicode.Mongolian, unicode.Nko, unicode.Syriac, unicode.Thaana, unicode.Javanese, unicode.Balinese,
}

// errUncovered says that a page would be boxes for the most part.
var errUncovered = errors.New("no font at hand can print this language; name a TrueType font that can with `font` in the section [notices], or use HTML")

// drawable makes a text fit for drawing: composed (NFC), Arabic letters in the forms they
// take in their words, and a box for each character that no face has. It counts those.
func drawable(text string, faces []*face) (out string, missing int) {
	var b strings.Builder
	for _, r := range joinArabic(norm.NFC.String(text)) {
		switch {
		case r == ' ':
			b.WriteRune(r)
		case r == '\u2068' || r == '\u2069': // isolates, for those who show the text themselves
		case unicode.IsOneOf(needShaping, r), !slices.ContainsFunc(faces, func(f *face) bool { return f.has(r) }):
			b.WriteRune(box)
			missing++
		default:
			b.WriteRune(r)
		}
	}
	return b.String(), missing
}

// arabicForms are the presentation forms of a letter: alone, at the end, at the
// beginning, in the middle. Letters that do not join to the left have the first two.
type arabicForms [4]rune

// arabicTable is taken from Unicode itself: the letters of Arabic Presentation Forms-B, and
// those of Forms-A that Persian, Urdu and others need, decompose to what they stand for
// (NFKC) and lie in the order alone, end, beginning, middle.
func arabicTable() (forms map[rune]arabicForms, ligatures map[[2]rune]arabicForms) {
	forms, ligatures = map[rune]arabicForms{}, map[[2]rune]arabicForms{}
	add := func(first, last rune) {
		for r := first; r <= last; {
			base := []rune(norm.NFKC.String(string(r)))
			var f arabicForms
			n := 0
			for ; n < 4 && r <= last && slices.Equal([]rune(norm.NFKC.String(string(r))), base); n++ {
				f[n] = r
				r++
			}
			switch {
			case n == 0:
				r++
			case len(base) == 1:
				forms[base[0]] = f
			case len(base) == 2 && base[0] == 'ل':
				ligatures[[2]rune{base[0], base[1]}] = f
			}
		}
	}
	add(0xFE80, 0xFEFC)
	add(0xFB50, 0xFBB1)
	add(0xFBD3, 0xFBFF)
	return forms, ligatures
}

// joinArabic replaces Arabic letters by the forms they take beside their neighbours
// (Unicode 17 §9.2, with the ligature of lam and alef, which is obligatory).
func joinArabic(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }) {
		return text
	}
	forms, ligatures := arabicTable()
	var out []rune
	runes := []rune(text)
	joined := false // the letter before reaches over to this one
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		if unicode.Is(unicode.Mn, r) { // vowel signs are transparent
			out = append(out, r)
			continue
		}
		f, known := forms[r]
		if i+1 < len(runes) {
			if l, ok := ligatures[[2]rune{r, runes[i+1]}]; ok {
				f, known = l, true
				i++
			}
		}
		if !known {
			out = append(out, r)
			joined = r == 'ـ' // tatweel joins on both sides
			continue
		}
		onwards := f[2] != 0 && joins(runes[i+1:], forms)
		out = append(out, f.pick(joined, onwards))
		joined = onwards
	}
	return string(out)
}

func (f arabicForms) pick(before, after bool) rune {
	want := 0
	switch {
	case before && after:
		want = 3
	case after:
		want = 2
	case before:
		want = 1
	}
	if f[want] == 0 {
		return f[0]
	}
	return f[want]
}

// joins tells whether the next letter takes a join from the one before it. All but hamza
// do, which has one form.
func joins(rest []rune, forms map[rune]arabicForms) bool {
	for _, r := range rest {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		return r == 'ـ' || forms[r][1] != 0
	}
	return false
}
