package spf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

var errMacro = errors.New("bad macro (RFC 7208 §7.1)")

// macro is one "%{…}" taken apart.
type macro struct {
	letter  byte // lower case
	escape  bool // written in upper case: URL-escape the value
	keep    int  // rightmost parts to keep; 0: all
	reverse bool
	delims  string
}

// nextMacro finds the first "%" in s. It returns the text before it, the macro
// or a replacement for "%%", "%_" and "%-", and what follows.
func nextMacro(s string) (before string, m *macro, literal, rest string, err error) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, nil, "", "", nil
	}
	if i+1 == len(s) {
		return "", nil, "", "", errMacro
	}
	before, rest = s[:i], s[i+2:]
	switch s[i+1] {
	case '%':
		literal = "%"
	case '_':
		literal = " "
	case '-':
		literal = "%20"
	case '{':
		body, tail, ok := strings.Cut(rest, "}")
		if !ok {
			return "", nil, "", "", errMacro
		}
		m, err = parseMacro(body)
		return before, m, "", tail, err
	default:
		err = errMacro
	}
	return before, nil, literal, rest, err
}

// parseMacro reads macro-letter transformers *delimiter.
func parseMacro(body string) (*macro, error) {
	if body == "" || strings.IndexByte("slodiphcrtv", body[0]|0x20) < 0 {
		return nil, errMacro
	}
	m := &macro{letter: body[0] | 0x20, escape: body[0] < 'a', delims: "."}
	body = body[1:]
	n := 0
	for n < len(body) && digit(body[n]) {
		n++
	}
	if n > 0 {
		keep, err := strconv.Atoi(body[:n])
		if err != nil && !errors.Is(err, strconv.ErrRange) || keep == 0 {
			return nil, errMacro
		}
		m.keep, body = keep, body[n:]
	}
	if body != "" && body[0]|0x20 == 'r' {
		m.reverse, body = true, body[1:]
	}
	if strings.Trim(body, ".-+,/_=") != "" {
		return nil, errMacro
	}
	if body != "" {
		m.delims = body
	}
	return m, nil
}

// checkMacros checks the syntax of a macro-string. The letters c, r and t are
// for explanation text only (§7.2).
func checkMacros(s string, explanation bool) error {
	for s != "" {
		_, m, _, rest, err := nextMacro(s)
		if err != nil {
			return err
		}
		if m != nil && !explanation && strings.IndexByte("crt", m.letter) >= 0 {
			return fmt.Errorf("%w: %%{%c} only in explanations", errMacro, m.letter)
		}
		s = rest
	}
	return nil
}

// checkDomainSpec checks domain-spec = macro-string domain-end, where domain-end
// is a macro, or a dot and a top label that is not all digits.
func checkDomainSpec(s string) error {
	if err := checkMacros(s, false); err != nil {
		return err
	}
	tail, afterMacro := s, false
	for {
		_, m, literal, rest, err := nextMacro(tail)
		if err != nil || m == nil && literal == "" {
			break
		}
		tail, afterMacro = rest, true
	}
	if afterMacro && tail == "" {
		return nil
	}
	tail = strings.TrimSuffix(tail, ".")
	i := strings.LastIndexByte(tail, '.')
	if i < 0 || !topLabel(tail[i+1:]) {
		return fmt.Errorf("bad domain %q: want a macro or .toplabel at its end", s)
	}
	return nil
}

// topLabel: ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
func topLabel(s string) bool {
	letter := false
	for i := 0; i < len(s); i++ {
		switch {
		case alpha(s[i]):
			letter = true
		case s[i] == '-' && i > 0 && i < len(s)-1:
			letter = true
		case !digit(s[i]):
			return false
		}
	}
	return letter
}

// expand replaces the macros of a checked macro-string.
func (c *check) expand(ctx context.Context, s, domain string) (string, error) {
	if strings.IndexByte(s, '%') < 0 {
		return s, nil
	}
	var b strings.Builder
	for s != "" {
		before, m, literal, rest, err := nextMacro(s)
		if err != nil {
			return "", err
		}
		b.WriteString(before)
		b.WriteString(literal)
		if m != nil {
			value, err := c.value(ctx, m.letter, domain)
			if err != nil {
				return "", err
			}
			b.WriteString(m.transform(value))
		}
		s = rest
	}
	return b.String(), nil
}

// value is what a macro letter stands for (§7.2).
func (c *check) value(ctx context.Context, letter byte, domain string) (string, error) {
	switch letter {
	case 's':
		return c.local + "@" + c.domain, nil
	case 'l':
		return c.local, nil
	case 'o':
		return c.domain, nil
	case 'd':
		return domain, nil
	case 'i':
		return dotted(c.ip), nil
	case 'p':
		return c.validatedName(ctx, domain)
	case 'v':
		if c.ip.Is4() {
			return "in-addr", nil
		}
		return "ip6", nil
	case 'h':
		return c.helo, nil
	case 'c':
		return c.ip.String(), nil
	case 'r':
		return c.receiver, nil
	default: // 't'
		return strconv.FormatInt(c.time.Unix(), 10), nil
	}
}

// transform splits, reverses, shortens, joins and escapes a value (§7.3).
func (m *macro) transform(value string) string {
	if m.keep > 0 || m.reverse || m.delims != "." {
		parts := splitAny(value, m.delims)
		if m.reverse {
			slices.Reverse(parts)
		}
		if m.keep > 0 && m.keep < len(parts) {
			parts = parts[len(parts)-m.keep:]
		}
		value = strings.Join(parts, ".")
	}
	if m.escape {
		value = urlEscape(value)
	}
	return value
}

func splitAny(s, delims string) (parts []string) {
	for {
		i := strings.IndexAny(s, delims)
		if i < 0 {
			return append(parts, s)
		}
		parts, s = append(parts, s[:i]), s[i+1:]
	}
}

// urlEscape escapes all but the unreserved characters of RFC 3986 §2.3.
func urlEscape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; alpha(c) || digit(c) || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// dotted writes an IPv6 address as 32 nibbles with dots between (§7.3).
func dotted(ip netip.Addr) string {
	if ip.Is4() {
		return ip.String()
	}
	const hex = "0123456789abcdef"
	raw := ip.As16()
	b := make([]byte, 0, 63)
	for i, c := range raw {
		if i > 0 {
			b = append(b, '.')
		}
		b = append(b, hex[c>>4], '.', hex[c&15])
	}
	return string(b)
}
