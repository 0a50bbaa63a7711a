package response

import (
	"strings"
	"unicode"
)

// Defang makes a text of others' harmless to look at: no control or format character
// (bidirectional ones among them) is left, white space is one space, and what a program
// might turn into a link is broken so that none does: "hxxps[://]news[.]example".
func Defang(text string) string {
	text = plain(text)
	text = replaceFold(text, "http", "hxxp")
	text = strings.ReplaceAll(text, "://", "[://]")
	var out strings.Builder
	runes := []rune(text)
	for i, r := range runes {
		if isDot(r) && i > 0 && wordy(runes[i-1]) && i+1 < len(runes) && wordy(runes[i+1]) {
			out.WriteString("[.]")
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// isDot tells the full stops that end a label of a domain (UTS #46 §2.3).
func isDot(r rune) bool { return r == '.' || r == '。' || r == '．' || r == '｡' }

func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// replaceFold replaces a word of ASCII letters whatever its case.
func replaceFold(text, old, with string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		if len(text)-i >= len(old) && strings.EqualFold(text[i:i+len(old)], old) {
			out.WriteString(with)
			i += len(old)
			continue
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String()
}

// plain leaves out what could act on whoever shows the text.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// shorten cuts at a character and shows that it did. Marks that sit on the last
// character go with it, so that no pile of them is left.
func shorten(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	for limit > 0 && unicode.Is(unicode.Mn, runes[limit]) {
		limit--
	}
	return strings.TrimSpace(string(runes[:limit])) + "…"
}
