package message

import (
	"sort"
	"strconv"
	"strings"
)

// parameters is a value with parameters as in Content-Type (RFC 2045 §5.1), read leniently.
type parameters struct {
	value   string // lower case
	params  map[string]string
	trouble string // what parsers read differently; "" if nothing
	comment bool
}

func parseParameters(s string) parameters {
	var p parameters
	s = strings.TrimSpace(s)
	head, rest, _ := strings.Cut(s, ";")
	if strings.IndexByte(head, '(') >= 0 {
		p.comment = true
		head, rest = splitCommented(s)
	}
	head = strings.TrimSpace(head)
	if i := strings.IndexAny(head, " \t"); i >= 0 {
		// "text/html charset=utf-8": the semicolon is missing.
		if strings.IndexByte(head[i:], '=') >= 0 {
			p.trouble = "no semicolon before the parameters"
			rest = head[i:] + ";" + rest
		}
		head = head[:i]
	}
	p.value = strings.ToLower(head)
	segments := p.read(rest)
	p.join(segments)
	return p
}

// splitCommented cuts at the first semicolon outside comments and removes the
// comments before it.
func splitCommented(s string) (head, rest string) {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ';' && depth == 0:
			return b.String(), s[i+1:]
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// segment is one piece of a continued or encoded parameter (RFC 2231).
type segment struct {
	name    string
	index   int
	encoded bool
	value   string
}

func (p *parameters) read(s string) (segments []segment) {
	for s != "" {
		s = strings.TrimLeft(s, " \t\r\n;")
		if strings.HasPrefix(s, "(") {
			p.comment = true
			s = skipComment(s)
			continue
		}
		eq := strings.IndexAny(s, "=;")
		if eq < 0 {
			break
		}
		name := strings.ToLower(strings.TrimSpace(s[:eq]))
		if s[eq] == ';' {
			s = s[eq+1:]
			continue
		}
		var value string
		value, s = p.paramValue(strings.TrimLeft(s[eq+1:], " \t\r\n"))
		if seg, ok := cutSegment(name, value); ok {
			segments = append(segments, seg)
			continue
		}
		p.set(name, value)
	}
	return segments
}

func (p *parameters) set(name, value string) {
	if p.params == nil {
		p.params = make(map[string]string, 2)
	}
	if old, ok := p.params[name]; ok {
		if old != value {
			p.trouble = "parameter " + name + " given twice"
		}
		return
	}
	p.params[name] = value
}

// paramValue reads a quoted or bare value and returns what follows it.
func (p *parameters) paramValue(s string) (value, rest string) {
	if strings.HasPrefix(s, `"`) {
		value, rest, ok := unquote(s)
		if !ok {
			p.trouble = "a quoted parameter is not closed"
		}
		return value, rest
	}
	end := strings.IndexByte(s, ';')
	if end < 0 {
		end = len(s)
	}
	value, rest = s[:end], s[end:]
	if i := strings.IndexAny(value, " \t"); i >= 0 {
		next := strings.TrimLeft(value[i:], " \t")
		eq := strings.IndexByte(next, '=')
		switch {
		case strings.HasPrefix(next, "("):
			p.comment = true
			return value[:i], next + rest
		case eq > 0 && !strings.ContainsAny(next[:eq], " \t\""):
			p.trouble = "no semicolon between parameters"
			return value[:i], next + rest
		}
	}
	return strings.TrimSpace(value), rest
}

// unquote reads the quoted string s begins with. A backslash only escapes a
// quote or a backslash: senders write Windows paths there.
func unquote(s string) (value, rest string, closed bool) {
	end := strings.IndexByte(s[1:], '"')
	if end >= 0 && strings.IndexByte(s[1:1+end], '\\') < 0 {
		return s[1 : 1+end], s[end+2:], true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", false
}

// skipComment returns what follows the comment s begins with.
func skipComment(s string) string {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return s[i+1:]
			}
		}
	}
	return ""
}

func cutSegment(name, value string) (segment, bool) {
	base, mark, ok := strings.Cut(name, "*")
	if !ok {
		return segment{}, false
	}
	seg := segment{name: base, value: value}
	if mark == "" {
		seg.encoded = true
		return seg, true
	}
	mark, seg.encoded = strings.CutSuffix(mark, "*")
	n, err := strconv.Atoi(mark)
	seg.index = n
	return seg, err == nil
}

// join puts continued parameters together (RFC 2231 §3, §4). The extended form
// wins over a plain one of the same name, as RFC 6266 §4.3 has it.
func (p *parameters) join(segments []segment) {
	if len(segments) == 0 {
		return
	}
	sort.SliceStable(segments, func(i, j int) bool {
		a, b := segments[i], segments[j]
		return a.name < b.name || a.name == b.name && a.index < b.index
	})
	for len(segments) > 0 {
		n := 1
		for n < len(segments) && segments[n].name == segments[0].name {
			n++
		}
		if old, ok := p.params[segments[0].name]; ok {
			delete(p.params, segments[0].name)
			if v := joinSegments(segments[:n]); v != old {
				p.trouble = "parameter " + segments[0].name + " given in two forms"
			}
		}
		p.set(segments[0].name, joinSegments(segments[:n]))
		segments = segments[n:]
	}
}

func joinSegments(segments []segment) string {
	var raw []byte
	charset := ""
	for i, s := range segments {
		if !s.encoded {
			raw = append(raw, s.value...)
			continue
		}
		value := s.value
		if i == 0 {
			if parts := strings.SplitN(value, "'", 3); len(parts) == 3 {
				charset, value = parts[0], parts[2]
			}
		}
		raw = appendPercentDecoded(raw, value)
	}
	return decodeLenient(raw, charset)
}

func appendPercentDecoded(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			dst = append(dst, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		dst = append(dst, s[i])
	}
	return dst
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	default:
		return c - 'A' + 10
	}
}
