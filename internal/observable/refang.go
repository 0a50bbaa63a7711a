package observable

import "strings"

// Refang undoes the ways in which people write a dangerous link so that nobody
// clicks it: hxxp, [.], (dot), " dot ", [:]//, [at], \. and dots of other scripts.
func Refang(s string) string {
	for range 4 { // "[[.]]" occurs; deeper nesting is nobody's habit
		next := refangOnce(s)
		if next == s {
			break
		}
		s = next
	}
	return s
}

func refangOnce(s string) string {
	if !strings.ContainsAny(s, "[({\\xX*\uff0e\u3002\uff61\uff1a\uff0f\uff20") && !strings.Contains(strings.ToLower(s), " dot ") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if text, n := defanged(s, i); n > 0 {
			out = append(out, text...)
			i += n
			continue
		}
		out = append(out, s[i])
		i++
	}
	return string(out)
}

// defanged returns what the notation at s[i:] stands for and its length; length 0
// if there is none.
func defanged(s string, i int) (text string, n int) {
	switch c := s[i]; {
	case c == '[' || c == '(' || c == '{':
		return bracketed(s[i:])
	case c == '\\' && i+1 < len(s) && s[i+1] == '.':
		return ".", 2
	case c == '.' && i > 0 && i+2 < len(s) && s[i+1] == ']' && alnum(s[i-1]) && alnum(s[i+2]):
		return ".", 2 // "example.]com"
	case c == ' ' && len(s)-i > 5 && strings.EqualFold(s[i:i+5], " dot ") && i > 0 && s[i-1] != ' ':
		return ".", 5
	case c|0x20 == 'h' || c|0x20 == 'f':
		return defangedScheme(s, i)
	case c >= 0x80:
		return wideSign(s[i:])
	}
	return "", 0
}

// bracketed reads "[.]", "(dot)", "{at}", "[://]" and "[.com", with the bracket first.
func bracketed(s string) (text string, n int) {
	end := strings.IndexAny(s[:min(len(s), 12)], "])}")
	if end > 0 {
		switch inner := strings.ToLower(strings.TrimSpace(s[1:end])); inner {
		case ".", ":", "@", "/", "://", "//", ":/", "-":
			return inner, end + 1
		case "dot", "punkt", "point", "d0t":
			return ".", end + 1
		case "at", "ät":
			return "@", end + 1
		case "http", "https", "hxxp", "hxxps":
			return inner, end + 1
		}
	}
	if len(s) > 2 && s[1] == '.' && alnum(s[2]) {
		return ".", 2
	}
	return "", 0
}

// defangedScheme reads hxxp, hXXps, h**p and fxp before a colon, at the start of a word.
func defangedScheme(s string, i int) (text string, n int) {
	if i > 0 && alnum(s[i-1]) {
		return "", 0
	}
	end := i
	for end < len(s) && end < i+6 && (alnum(s[end]) || s[end] == '*') {
		end++
	}
	if end >= len(s) || s[end] != ':' && s[end] != '[' && s[end] != '(' && !strings.HasPrefix(s[end:], "\uff1a") {
		return "", 0
	}
	switch word := strings.ToLower(s[i:end]); word {
	case "hxxp", "h**p", "htxp", "hxtp":
		return "http", len(word)
	case "hxxps", "h**ps", "htxps", "hxtps":
		return "https", len(word)
	case "fxp", "f*p":
		return "ftp", len(word)
	}
	return "", 0
}

// wideSign reads the dots that IDNA takes for dots (UTS #46 §4) and the full-width
// forms of the other signs of a URL.
func wideSign(s string) (text string, n int) {
	for _, w := range [...][2]string{
		{"\uff0e", "."}, {"\u3002", "."}, {"\uff61", "."}, {"\uff1a", ":"}, {"\uff0f", "/"}, {"\uff20", "@"},
	} {
		if strings.HasPrefix(s, w[0]) {
			return w[1], len(w[0])
		}
	}
	return "", 0
}

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
