package observable

import (
	"strings"
	"unicode/utf8"
)

// traits are what a value's bytes allow it to be.
type traits struct {
	percent, dot, at, colon, pair, escape, quote bool
	base64, hex                                  bool // consists of its digits only
}

func traitsOf(v string) traits {
	t := traits{base64: true, hex: true}
	for i := range len(v) {
		c := v[i]
		if base64Values[c] == 255 && c != '=' {
			t.base64 = false
		}
		if unhex(c) > 15 {
			t.hex = false
		}
		switch c {
		case '%':
			t.percent = true
		case '.':
			t.dot = true
		case '@':
			t.at = true
		case ':':
			t.colon = true
		case '=':
			t.pair = true
		case '\\':
			t.escape = true
		case '"':
			t.quote = true
		}
	}
	return t
}

// value walks a piece of a URL: as it is, and decoded in every way that fits.
func (w *walker) value(v string) {
	v = strings.TrimSpace(v)
	if len(v) < 4 || !w.spend(len(v)) {
		return
	}
	t := traitsOf(v)
	if t.colon && (hasWebScheme(v) || len(v) > 7 && strings.EqualFold(v[:7], "mailto:")) {
		w.link(v)
		return
	}
	plain := v
	if t.escape {
		if plain = unescapeJSON(v); plain != v {
			w.decoded("json", plain)
			return
		}
	}
	if t.percent {
		plain, t.percent = unpercent(v)
	}
	if t.quote {
		w.quoted(v)
	}
	switch {
	case strings.HasPrefix(v, "//") && t.dot && schemeless(v[2:]):
		w.link("https:" + v)
	case t.percent && !strings.Contains(v, "://"): // only the decoded value is text: "%2Fa.example" holds no 2fa.example
	case t.dot || t.at || t.escape || t.colon:
		w.text(v)
	}
	if t.percent {
		w.decoded("percent", plain)
	}
	if t.pair && !t.base64 {
		w.pairs(v)
	}
	if t.hex && len(v) >= 16 && len(v)%2 == 0 {
		w.bytes(unhexText(v), "hex")
	}
	w.encoded(v, t)
}

// encoded walks the runs of base64 digits in a value.
func (w *walker) encoded(v string, t traits) {
	if t.base64 {
		w.blob(v, "base64")
		return
	}
	for i := 0; i < len(v); {
		start := i
		for i < len(v) && base64Values[v[i]] != 255 && v[i] != ' ' {
			i++
		}
		if i-start >= 12 {
			w.blob(v[start:i], "base64")
		}
		i++
	}
}

// markers are how links begin in base64, "http" and "www." in the usual cases. With them a
// blob is found behind a prefix of any length (Bing's "a1").
var markers = [...]string{"aHR0c", "d3d3L", "SFRUU", "SHR0c", "bWFpbHRv"}

// blob decodes base64 and walks what is readable in it.
func (w *walker) blob(v, kind string) {
	if len(v) < 8 || !w.spend(len(v)) || !allBase64(v) {
		return
	}
	if strings.ContainsAny(v, "-_") {
		kind = "base64url"
	}
	var room [256]byte // most tokens fit, and hold nothing
	w.bytes(appendBase64(room[:0], v), kind)
	for _, m := range markers {
		if i := strings.Index(v, m); i > 0 && i%4 != 0 && w.spend(len(v)) {
			w.bytes(appendBase64(nil, v[i:]), kind)
		}
	}
}

// bytes walks the readable parts of decoded bytes.
func (w *walker) bytes(b []byte, kind string) {
	if len(b) >= 8 && b[1] == 0 && b[3] == 0 && b[5] == 0 { // UTF-16LE
		for i := range len(b) / 2 {
			b[i] = b[2*i]
		}
		b = b[:len(b)/2]
	}
	if readable(b) {
		w.decoded(kind, string(b))
		return
	}
	start := 0
	for i := 0; i <= len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if i < len(b) && r >= ' ' && r != 0x7f && r != utf8.RuneError {
			i += size
			continue
		}
		if i-start >= 6 {
			w.decoded(kind, string(b[start:i]))
		}
		i += max(size, 1)
		start = i
	}
}

// decoded walks a value that a decoding of the kind gave.
func (w *walker) decoded(kind, v string) {
	if w.enter(kind, "", false) {
		w.value(v)
		w.leave()
	}
}

// readable tells whether b is text: UTF-8 without controls but blanks.
func readable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}

// pairs walks name=value pairs outside a query.
func (w *walker) pairs(v string) {
	if !w.spend(len(v)) {
		return
	}
	for v != "" {
		end := strings.IndexAny(v, "&;,|\n ")
		pair := v
		if end >= 0 {
			pair, v = v[:end], v[end+1:]
		} else {
			v = ""
		}
		if name, value, ok := strings.Cut(pair, "="); ok && len(value) >= 4 {
			w.within("param ", strings.TrimPrefix(name, "amp;"), value)
		}
	}
}

// quoted walks the strings of JSON and the like whole: within quotes, punctuation at
// the end belongs to a link.
func (w *walker) quoted(v string) {
	if !w.spend(len(v)) {
		return
	}
	for {
		_, rest, ok := strings.Cut(v, `"`)
		if !ok {
			return
		}
		end := strings.IndexByte(rest, '"')
		if end < 0 {
			return
		}
		w.value(rest[:end])
		v = rest[end:]
	}
}

// unescapeJSON undoes \/ and \u00xx.
func unescapeJSON(s string) string {
	if !strings.Contains(s, `\/`) && !strings.Contains(s, `\u00`) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '/':
			continue
		case s[i] == '\\' && strings.HasPrefix(s[i+1:], "u00"):
			if b, ok := triplet(s, i+3); ok && b < 0x80 {
				out, i = append(out, b), i+5
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}
