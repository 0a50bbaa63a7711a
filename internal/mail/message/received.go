package message

import (
	"net/netip"
	"strings"
	"time"
)

// Received is one trace field (RFC 5321 §4.4).
type Received struct {
	From   string     // the name the client gave itself
	FromIP netip.Addr // its address as the receiving server saw it; invalid if not stated
	By     string
	With   string
	For    string
	Time   time.Time // zero if unreadable
	Field  Field
}

// Received returns the trace fields, topmost (the latest) first. Only those
// that servers of one's own wrote can be believed.
func (m *Message) Received() []Received {
	var all []Received
	for i := range m.Header {
		if equalFold(m.Header[i].Name, "Received") {
			all = append(all, parseReceived(m.Header[i]))
		}
	}
	return all
}

func parseReceived(f Field) Received {
	r := Received{Field: f}
	clauses := f.Value
	if semi := strings.LastIndexByte(clauses, ';'); semi >= 0 {
		if t, err := ParseDate(clauses[semi+1:]); err == nil {
			r.Time = t
		}
		clauses = clauses[:semi]
	}
	var target *string
	inFrom := false
	for clauses != "" {
		var word string
		word, clauses = nextWord(clauses)
		if word == "" {
			continue
		}
		if word[0] == '(' {
			if inFrom && !r.FromIP.IsValid() {
				r.FromIP = addrIn(word)
			}
			continue
		}
		if key := receivedKey(word); key != "" {
			target, inFrom = r.field(key), key == "from"
			continue
		}
		if target != nil && *target == "" {
			*target = strings.Trim(word, "<>")
			if inFrom && !r.FromIP.IsValid() {
				r.FromIP = addrIn(word)
			}
		}
	}
	return r
}

func (r *Received) field(key string) *string {
	switch key {
	case "from":
		return &r.From
	case "by":
		return &r.By
	case "with":
		return &r.With
	case "for":
		return &r.For
	}
	return nil
}

func receivedKey(word string) string {
	for _, key := range [...]string{"from", "by", "with", "for", "via", "id"} {
		if equalFold(word, key) {
			return key
		}
	}
	return ""
}

// nextWord cuts a word or a whole comment off s.
func nextWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t")
	if strings.HasPrefix(s, "(") {
		if end := closingParen(s, 0); end > 0 {
			return s[:end+1], s[end+1:]
		}
		return "", s[1:]
	}
	end := strings.IndexAny(s, " \t(")
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}

// addrIn finds the address literal (RFC 5321 §4.1.3) in the comment that
// servers write behind the client's name, or an address that stands bare.
func addrIn(s string) netip.Addr {
	for rest := s; ; {
		open := strings.IndexByte(rest, '[')
		if open < 0 {
			break
		}
		rest = rest[open+1:]
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			break
		}
		if ip, ok := literal(rest[:end]); ok {
			return ip
		}
	}
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t()[]<>,;=", r) }) {
		if ip, ok := literal(w); ok {
			return ip
		}
	}
	return netip.Addr{}
}

func literal(s string) (netip.Addr, bool) {
	if len(s) > 5 && strings.EqualFold(s[:5], "IPv6:") {
		s = s[5:]
	}
	if len(s) < 3 || len(s) > 60 {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(s)
	return ip.Unmap().WithZone(""), err == nil
}
