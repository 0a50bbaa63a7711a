package access

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const maxName = 200

// cleanName takes out of a name what does not show or changes how the rest shows
// (control characters, line breaks, direction marks): names end up in logs and on pages
// that people decide by. A name that is too long, or nothing afterwards, is "".
func cleanName(s string) string {
	if len(s) > maxName || !utf8.ValidString(s) {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// foldName is what two spellings of one name share: compatibility forms, case and spaces.
func foldName(s string) string {
	return strings.Join(strings.Fields(cases.Fold().String(norm.NFKC.String(cleanName(s)))), " ")
}

// samePerson tells whether two names are one person's as far as the rule of two people
// is concerned.
func samePerson(a, b string) bool { return foldName(a) == foldName(b) }
