package message

import (
	"strings"

	"golang.org/x/net/html"
)

// Character references (§13.2.5.72 to .80). The table of 2,231 names is
// golang.org/x/net/html's; what mail is full of is told here.

// unterminated are the names that count without a semicolon too (§13.5), each
// between spaces.
const unterminated = " AElig AMP Aacute Acirc Agrave Aring Atilde Auml COPY Ccedil ETH Eacute Ecirc Egrave Euml GT Iacute Icirc" +
	" Igrave Iuml LT Ntilde Oacute Ocirc Ograve Oslash Otilde Ouml QUOT REG THORN Uacute Ucirc Ugrave Uuml Yacute aacute acirc acute" +
	" aelig agrave amp aring atilde auml brvbar ccedil cedil cent copy curren deg divide eacute ecirc egrave eth euml frac12 frac14" +
	" frac34 gt iacute icirc iexcl igrave iquest iuml laquo lt macr micro middot nbsp not ntilde oacute ocirc ograve ordf ordm oslash" +
	" otilde ouml para plusmn pound quot raquo reg sect shy sup1 sup2 sup3 szlig thorn times uacute ucirc ugrave uml uuml yacute yen yuml "

// decodeAttr decodes the value of an attribute: references, CR as line end
// (§13.2.3.5), NUL as U+FFFD (§13.2.5.36).
func decodeAttr(s string) string {
	s = plainValue(s)
	amp := strings.IndexByte(s, '&')
	if amp < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; amp >= 0; amp = strings.IndexByte(s, '&') {
		b.WriteString(s[:amp])
		text, n := reference(s[amp:], true)
		b.WriteString(text)
		s = s[amp+n:]
	}
	b.WriteString(s)
	return b.String()
}

func isCoded(s string) bool {
	return strings.IndexByte(s, '&') >= 0 || strings.IndexByte(s, '\r') >= 0 || strings.IndexByte(s, 0) >= 0
}

func plainValue(s string) string {
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\ufffd")
	}
	return s
}

// reference reads the reference that s may begin with, and says how long it is;
// "&" and 1 where it is none.
func reference(s string, attribute bool) (text string, n int) {
	if len(s) > 1 && s[1] == '#' {
		return numeric(s)
	}
	end := 1
	for end < len(s) && isAlnum(s[end]) {
		end++
	}
	name := s[1:end]
	if end < len(s) && s[end] == ';' {
		end++
		if text = common(name); text != "" {
			return text, end
		}
		text = html.UnescapeString(s[:end])
		if attribute && text != ";" && text[len(text)-1] == ';' {
			return "&", 1 // only its beginning is a name, which counts in text alone
		}
		return text, end
	}
	switch {
	case len(name) < 2:
		return "&", 1
	case !attribute:
		return html.UnescapeString(s[:end]), end
	case len(name) > 6, end < len(s) && s[end] == '=', !strings.Contains(unterminated, " "+name+" "):
		return "&", 1 // §13.2.5.73: for historical reasons, as in ?a=1&copy=2
	}
	return html.UnescapeString(s[:end]), end
}

// common are the references that make up nearly all.
func common(name string) string {
	switch name {
	case "nbsp":
		return "\u00a0"
	case "amp":
		return "&"
	case "zwnj":
		return "\u200c"
	case "copy":
		return "©"
	case "quot":
		return `"`
	case "lt":
		return "<"
	case "gt":
		return ">"
	case "rsquo":
		return "’"
	case "reg":
		return "®"
	case "shy":
		return "\u00ad"
	}
	return ""
}

// numeric reads &#8203; and &#x200b; (§13.2.5.75 to .80).
func numeric(s string) (text string, n int) {
	end, value := 2, rune(0)
	hex := end < len(s) && s[end]|0x20 == 'x'
	if hex {
		end++
	}
	first := end
	for ; end < len(s); end++ {
		c := s[end]
		digit, base := rune(c-'0'), rune(10)
		if hex {
			base = 16
			if low := c | 0x20; low >= 'a' && low <= 'f' {
				c, digit = '0', rune(low-'a'+10)
			}
		}
		if c < '0' || c > '9' {
			break
		}
		if value <= 0x10ffff {
			value = value*base + digit
		}
	}
	if end == first {
		return "&", 1
	}
	if end < len(s) && s[end] == ';' {
		end++
	}
	if value >= 0xa0 && value < 0xd800 || value > 0 && value < 0x80 {
		return string(value), end
	}
	return html.UnescapeString(s[:end]), end // code page 1252, surrogates and what is too large
}

func isAlnum(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' }
