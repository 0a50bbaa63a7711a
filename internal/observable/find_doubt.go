package observable

import (
	"strings"
	"unicode"
)

// fileEndings are top-level domains that are usual endings of file names.
var fileEndings = map[string]bool{
	"zip": true, "mov": true, "md": true, "py": true, "sh": true, "rs": true, "pl": true, "so": true,
	"cc": true, "ps": true, "ai": true, "app": true, "bat": true, "cab": true, "cfg": true, "do": true,
	"java": true, "js": true, "map": true, "mm": true, "ms": true, "ml": true, "pm": true, "st": true,
	"vi": true, "tf": true, "la": true, "gz": true, "in": true, "am": true, "ac": true, "ad": true, "mk": true,
	"hm": true, "as": true, "cat": true, "page": true, "pub": true, "bar": true, "bin": true, "data": true, "dev": true,
}

// imageEndings follow an @ in the names of images for fine screens, and are no
// top-level domains.
var imageEndings = map[string]bool{"png": true, "jpg": true, "jpeg": true, "gif": true, "svg": true, "webp": true, "css": true, "js": true}

// sentenceWords are top-level domains that begin or end sentences where a blank is
// missing, in languages written without capitals at the start included.
var sentenceWords = map[string]bool{
	"is": true, "it": true, "in": true, "to": true, "no": true, "so": true, "at": true, "be": true, "me": true,
	"my": true, "as": true, "am": true, "do": true, "us": true, "pm": true, "by": true, "id": true, "la": true,
	"de": true, "du": true, "es": true, "et": true, "se": true, "si": true, "un": true, "ne": true, "ma": true,
	"now": true, "you": true, "here": true, "how": true, "one": true, "call": true, "get": true, "please": true,
	"link": true, "click": true, "name": true, "like": true, "open": true, "save": true, "buy": true, "blue": true, "new": true,
}

// unspaced tells the scripts that put no blank between words, so that running text
// touches a link in it.
func unspaced(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// latinTail returns how many bytes of running text precede an ASCII name: the length of
// "见" in "见example.com". A label wholly in such a script is a label. Mixed labels, which
// registries allow and nobody uses, are taken for text; scripts that look like Latin are not touched.
func latinTail(s string) int {
	label := s
	if dot := strings.IndexByte(s, '.'); dot >= 0 {
		label = s[:dot]
	}
	cut := 0
	for i, r := range label {
		if r >= 0x80 && unspaced(r) {
			cut = i + len(string(r))
		}
	}
	if cut == len(label) {
		return 0
	}
	return cut
}

// latinHead returns the length of an authority without the text that follows it: of
// "example.com" in "example.com见".
func latinHead(s string) int {
	from := strings.LastIndexByte(s, '.') + 1
	if from == len(s) || s[from] >= 0x80 {
		return len(s)
	}
	for i, r := range s[from:] {
		if r >= 0x80 && unspaced(r) {
			return from + i
		}
	}
	return len(s)
}
