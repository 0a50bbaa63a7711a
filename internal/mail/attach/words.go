package attach

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// clip cuts s to at most n bytes at a rune's edge.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// printable makes s fit for a report: valid UTF-8, no controls, bounded.
func printable(s string, n int) string {
	s = clip(s, 4*n)
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
	return clip(strings.Join(strings.Fields(s), " "), n)
}

// cleanURL trims what surrounds an address and refuses what is not one that
// leads anywhere: fragments, relative paths, data.
func cleanURL(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	if len(s) > maxURLLength {
		s = clip(s, maxURLLength)
	}
	if strings.HasPrefix(s, `\\`) && len(s) > 4 { // UNC path: leads to a server as well
		return s
	}
	if strings.HasPrefix(s, "//") && len(s) > 4 && strings.Contains(s, ".") {
		return "https:" + s
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" {
		return ""
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "ftp", "ftps", "file", "mailto", "smb", "webcal", "tel", "sms",
		"ms-word", "ms-excel", "ms-powerpoint", "ms-msdt", "search-ms", "mhtml", "ldap", "wss", "ws", "bitcoin", "otpauth":
		return s
	}
	return ""
}

// urlsIn finds plain http and https addresses in text.
func urlsIn(text []byte, each func(url string, start, end int)) {
	for at := 0; at < len(text); {
		i := bytes.Index(text[at:], []byte("://"))
		if i < 0 {
			return
		}
		i += at
		start := i
		for start > at && i-start < 5 && isLetter(text[start-1]) {
			start--
		}
		end := i + 3
		for end < len(text) && isURLByte(text[end]) && end-start < maxURLLength {
			end++
		}
		at = end
		scheme := strings.ToLower(string(text[start:i]))
		if k := strings.Index(scheme, "http"); k > 0 { // "xhttp://": the scheme has no edge
			start += k
			scheme = scheme[k:]
		}
		for end > i+3 && strings.IndexByte(".,;:!?)]}'\"*", text[end-1]) >= 0 {
			end--
		}
		if (scheme == "http" || scheme == "https") && end > i+6 {
			each(string(text[start:end]), start, end)
		}
	}
}

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }
func isDigit(b byte) bool  { return '0' <= b && b <= '9' }

func isURLByte(b byte) bool {
	if b <= ' ' || b == 0x7f {
		return false
	}
	switch b {
	case '"', '<', '>', '`', '\\', '^', '{', '|', '}', '\'':
		return false
	}
	return true
}

// containsFold is bytes.Contains for an ASCII word in lower case.
func containsFold(data []byte, lower string) bool { return indexFold(data, lower) >= 0 }

// indexFold finds an ASCII word, given in lower case, whatever its case in data.
func indexFold(data []byte, lower string) int {
	if lower == "" {
		return 0
	}
	first, upper := lower[0], lower[0]
	if isLetter(first) {
		upper = first &^ 0x20
	}
	for at := 0; at+len(lower) <= len(data); {
		i := indexEither(data[at:len(data)-len(lower)+1], first, upper)
		if i < 0 {
			return -1
		}
		at += i
		if foldEqual(data[at:at+len(lower)], lower) {
			return at
		}
		at++
	}
	return -1
}

func indexEither(data []byte, a, b byte) int {
	if a == b {
		return bytes.IndexByte(data, a)
	}
	for i, c := range data {
		if c == a || c == b {
			return i
		}
	}
	return -1
}

func foldEqual(data []byte, lower string) bool {
	for i := range lower {
		c := data[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// lazyRegexp compiles at first use: a program that looks at no attachment must
// not pay for the patterns at its start.
func lazyRegexp(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
