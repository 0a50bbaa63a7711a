package message

import "strings"

// ParseAddresses reads an address list (RFC 5322 §3.4) as mail programs do:
// groups are opened, brackets may be missing, names need no quotes, encoded words
// may stand anywhere. What holds no address at all is left out, except that a
// text in brackets or alone is kept as an Address without Domain, so that a
// forged "From: Some Name" is still seen. Start and End are zero; Header.Addresses
// fills them in.
func ParseAddresses(s string) []Address {
	var list []Address
	pending := "" // "Doe, John <…>": a name cut at its comma
	size, lastAt := len(s), strings.LastIndexByte(s, '@')
	for s != "" {
		var item string
		var stop byte
		item, stop, s = cutMailbox(s)
		if stop == ':' {
			continue // the name of a group
		}
		if stop == ',' && !strings.ContainsAny(item, "@<") && strings.TrimSpace(item) != "" && lastAt >= size-len(s) {
			pending += strings.TrimSpace(item) + ", "
			if len(pending) > 1000 {
				pending = ""
			}
			continue
		}
		if a, ok := parseMailbox(pending + item); ok {
			list = append(list, a)
		}
		pending = ""
	}
	return list
}

// cutMailbox cuts s at the next separator that stands outside quotes, comments
// and brackets. A colon is one only where a group's semicolon follows.
func cutMailbox(s string) (item string, stop byte, rest string) {
	var skip skipper
	colon := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"', '(':
			i = skip.over(s, i)
		case '<':
			if j := strings.IndexByte(s[i:min(len(s), i+2000)], '>'); j > 0 {
				i += j
			}
		case ',', ';':
			return s[:i], s[i], s[i+1:]
		case ':':
			if !colon && isGroup(s, i) {
				return s[:i], ':', s[i+1:]
			}
			colon = true
		}
	}
	return s, 0, ""
}

// skipper passes over quoted strings and comments. Openings that never close
// stand for themselves; after a few of them no more are looked for, which keeps
// a value of nothing but openings linear.
type skipper struct{ failed int }

const (
	maxQuoted = 4000 // bytes in which a quote or comment must close
	maxFailed = 8
)

// over returns the offset of what closes the opening at i, or i.
func (k *skipper) over(s string, i int) int {
	if k.failed >= maxFailed {
		return i
	}
	end := 0
	if s[i] == '"' {
		end = closing(s, i, '"')
	} else {
		end = closingParen(s, i)
	}
	if end < 0 {
		k.failed++
		return i
	}
	return end
}

func closing(s string, i int, quote byte) int {
	for j := i + 1; j < min(len(s), i+maxQuoted); j++ {
		switch s[j] {
		case '\\':
			j++
		case quote:
			return j
		}
	}
	return -1
}

func closingParen(s string, i int) int {
	depth := 0
	for j := i; j < min(len(s), i+maxQuoted); j++ {
		switch s[j] {
		case '\\':
			j++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return j
			}
		}
	}
	return -1
}

// isGroup tells "Members: a@x.example, b@x.example;" from a name that happens to
// hold a colon, as in "Re: you <a@x.example>".
func isGroup(s string, colon int) bool {
	if strings.ContainsAny(s[:colon], "@<") {
		return false
	}
	rest := s[colon+1 : min(len(s), colon+1+64<<10)]
	semi := strings.IndexByte(rest, ';')
	return semi >= 0 || strings.TrimSpace(rest) == ""
}

func parseMailbox(item string) (Address, bool) {
	item = strings.TrimSpace(item)
	if item == "" {
		return Address{}, false
	}
	open := angle(item)
	if open < 0 {
		return bareMailbox(item)
	}
	inner := item[open+1:]
	after := ""
	if end := strings.IndexByte(inner, '>'); end >= 0 {
		inner, after = inner[:end], inner[end+1:]
	}
	name, comment := displayName(item[:open])
	if name == "" {
		name, comment = displayName(after)
	}
	if name == "" {
		name = comment
	}
	a := addrSpec(inner)
	a.Name = name
	return a, a.Addr != "" || name != ""
}

// angle finds the bracket that opens the address: the last one outside quotes
// and comments, so that "<a@x.example> <b@y.example>" is b, as most programs have it.
func angle(s string) int {
	last := -1
	var skip skipper
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"', '(':
			i = skip.over(s, i)
		case '<':
			last = i
		}
	}
	return last
}

// bareMailbox reads a mailbox without brackets: "a@x.example (A Name)", or a
// name and an address side by side.
func bareMailbox(item string) (Address, bool) {
	text, comment := stripComments(item)
	text = strings.TrimSpace(text)
	if at := strings.LastIndexByte(text, '@'); at < 0 || strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`) {
		name, _ := displayName(text)
		if open := strings.IndexByte(comment, '<'); open >= 0 && strings.IndexByte(comment[open:], '@') > 0 {
			// "Name,(<a@x.example>)": some programs take the address in the comment.
			a := addrSpec(comment[open+1:])
			a.Name = name
			return a, a.Addr != "" || name != ""
		}
		return Address{Name: name}, name != ""
	}
	name := ""
	if !strings.HasPrefix(text, `"`) && strings.ContainsAny(text, " \t") {
		words := strings.Fields(text)
		for i, w := range words {
			if at := strings.IndexByte(w, '@'); at > 0 && at < len(w)-1 {
				name = strings.Join(append(words[:i:i], words[i+1:]...), " ")
				text = w
				break
			}
		}
	}
	a := addrSpec(text)
	if a.Name, _ = displayName(name); a.Name == "" {
		a.Name = DecodeWords(strings.TrimSpace(comment))
	}
	return a, a.Addr != "" || a.Name != "" // "@:" is a route to nowhere
}

// addrSpec reads local@domain, with the obsolete route before it
// (RFC 5322 §4.4) and a mailto: that some programs write.
func addrSpec(s string) Address {
	s, _ = stripComments(s)
	s = strings.Trim(s, " \t<>")
	if strings.HasPrefix(s, "@") {
		if colon := strings.IndexByte(s, ':'); colon >= 0 {
			s = s[colon+1:]
		}
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	if strings.Contains(s, "=?") {
		s = DecodeWords(s)
	}
	s = validText(s)
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return Address{Addr: s, Local: s}
	}
	local, domain := strings.TrimSpace(s[:at]), strings.TrimSpace(s[at+1:])
	a := Address{Addr: s, Local: local, Domain: strings.TrimSuffix(strings.ToLower(domain), ".")}
	if strings.ContainsAny(s, " \t") {
		if !strings.HasPrefix(local, `"`) {
			a.Local = removeSpaces(local)
		}
		a.Domain = removeSpaces(a.Domain)
		a.Addr = a.Local + "@" + removeSpaces(domain)
	}
	if strings.HasPrefix(a.Local, `"`) {
		if v, rest, ok := unquote(a.Local); ok && rest == "" {
			a.Local = v
		}
	}
	return a
}

func removeSpaces(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, s)
}

// displayName undoes quotes, comments and encoded words. Words are decoded
// after quotes are gone: RFC 2047 §5 forbids them inside quotes, senders write them.
func displayName(s string) (name, comment string) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", ""
	}
	if strings.IndexByte(s, '(') >= 0 {
		s, comment = stripComments(s)
		s = strings.TrimSpace(s)
		comment = DecodeWords(strings.TrimSpace(comment))
	}
	if strings.ContainsAny(s, `"\`) {
		s = unquoteAll(s)
	}
	if strings.Contains(s, "=?") || !isASCIIString(s) {
		s = DecodeWords(s)
	}
	return strings.Join(strings.Fields(strings.Trim(s, "\" ,")), " "), comment
}

func isASCIIString(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// unquoteAll removes the quotes and escapes of a phrase.
func unquoteAll(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
		case c == '\\' && i+1 < len(s):
			i++
			out = append(out, s[i])
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// stripComments removes the comments that stand outside quotes and returns
// them, joined by spaces.
func stripComments(s string) (text, comments string) {
	if strings.IndexByte(s, '(') < 0 {
		return s, ""
	}
	var kept, gone strings.Builder
	var skip skipper
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '"' || c == '(' {
			if end := skip.over(s, i); end > i {
				if c == '"' {
					kept.WriteString(s[i : end+1])
				} else {
					gone.WriteByte(' ')
					gone.WriteString(unquoteAll(s[i+1 : end]))
				}
				i = end
				continue
			}
		}
		kept.WriteByte(s[i])
	}
	return kept.String(), strings.TrimSpace(gone.String())
}
