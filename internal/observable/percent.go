package observable

import (
	"bytes"
	"strings"
)

// byteSet is a set of ASCII bytes.
type byteSet [4]uint32

func (s *byteSet) has(c byte) bool { return s[c>>5&3]&(1<<(c&31)) != 0 && c < 0x80 }

func makeSet(chars string) (s byteSet) {
	for c := range byte(0x20) {
		s[c>>5] |= 1 << (c & 31)
	}
	for i := range len(chars) {
		s[chars[i]>>5] |= 1 << (chars[i] & 31)
	}
	return s
}

// The percent-encode sets of the WHATWG URL standard. Both include controls; all
// that is not ASCII is encoded in any case.
var (
	pathSet  = makeSet(" \"#<>?^`{}\x7f")
	querySet = makeSet(" \"#<>'\x7f")
)

const upperHex = "0123456789ABCDEF"

// encode percent-encodes the bytes of the set and puts what is encoded already into
// the form of RFC 3986 §6.2.2: capitals in the triplets, unreserved characters plain. A
// stray percent sign becomes %25, without which a second pass could change the result.
func encode(s string, set byteSet) string {
	i := 0
	for i < len(s) && s[i] != '%' && s[i] < 0x80 && !set.has(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	out := make([]byte, 0, len(s)+len(s)/4+8)
	out = append(out, s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%':
			b, ok := triplet(s, i)
			switch {
			case !ok:
				out = append(out, "%25"...)
				continue
			case unreserved(b):
				out = append(out, b)
			default:
				out = append(out, '%', upperHex[b>>4], upperHex[b&15])
			}
			i += 2
		case c >= 0x80 || set.has(c):
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// unreserved is RFC 3986 §2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// triplet decodes the percent-encoded byte at s[i:].
func triplet(s string, i int) (byte, bool) {
	if i+2 >= len(s) {
		return 0, false
	}
	hi, lo := unhex(s[i+1]), unhex(s[i+2])
	return hi<<4 | lo, hi < 16 && lo < 16
}

// unhex returns the value of a hexadecimal digit, 255 if it is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// unpercent decodes every percent-encoded byte once, and tells whether there was one.
// %u002f, which JavaScript's escape writes, counts for what is Latin-1 in it.
func unpercent(s string) (string, bool) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, false
	}
	out := make([]byte, 0, len(s))
	out = append(out, s[:i]...)
	changed := false
	for ; i < len(s); i++ {
		if s[i] == '%' {
			if b, ok := triplet(s, i); ok {
				out, i, changed = append(out, b), i+2, true
				continue
			}
			if b, ok := triplet(s, i+3); ok && strings.HasPrefix(s[i+1:], "u00") {
				out, i, changed = append(out, b), i+5, true
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out), changed
}

// cleanPath removes dot segments (RFC 3986 §5.2.4). The path is encoded already, so
// %2e has become a dot.
func cleanPath(p string) string {
	if p == "" {
		return "/"
	}
	if !strings.Contains(p, "/.") {
		return p
	}
	out := make([]byte, 0, len(p))
	for p != "" {
		seg, rest := p, ""
		if next := strings.IndexByte(p[1:], '/'); next >= 0 {
			seg, rest = p[:next+1], p[next+1:]
		}
		switch seg {
		case "/..":
			out = out[:max(0, bytes.LastIndexByte(out, '/'))]
			fallthrough
		case "/.":
			if rest == "" {
				out = append(out, '/')
			}
		default:
			out = append(out, seg...)
		}
		p = rest
	}
	return string(out)
}
