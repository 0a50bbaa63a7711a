package message

import (
	"sort"
	"strings"
)

// IsCalendar tells an invitation (RFC 5545).
func (p *Part) IsCalendar() bool {
	return p.MediaType == "text/calendar" || p.MediaType == "text/x-vcalendar" || p.MediaType == "application/ics"
}

// Unfolded is the text of a calendar as its programs read it: lines longer than 75
// bytes are broken there, amid an address as well (RFC 5545 §3.1), and some characters
// are escaped (§3.3.11). at leads from a place in it back to the place in the text.
func Unfolded(text string) (plain string, at func(int) int) {
	var b strings.Builder
	type cut struct{ in, out int } // from in on, the text is at out
	var cuts []cut
	skip := func(to int) { cuts = append(cuts, cut{b.Len(), to}) }
	b.Grow(len(text))
	for i := 0; i < len(text); {
		switch n := foldAt(text[i:]); {
		case n > 0:
			i += n
			skip(i)
		case text[i] == '\\' && i+1 < len(text) && strings.IndexByte(`nN,;\`, text[i+1]) >= 0:
			c := text[i+1]
			if c == 'n' || c == 'N' {
				c = '\n'
			}
			b.WriteByte(c)
			i += 2
			skip(i)
		default:
			b.WriteByte(text[i])
			i++
		}
	}
	return b.String(), func(pos int) int {
		n := sort.Search(len(cuts), func(k int) bool { return cuts[k].in > pos })
		if n == 0 {
			return pos
		}
		return cuts[n-1].out + pos - cuts[n-1].in
	}
}

// foldAt is the length of a fold at the beginning of s: a line end and a blank.
func foldAt(s string) int {
	switch {
	case len(s) > 2 && s[0] == '\r' && s[1] == '\n' && (s[2] == ' ' || s[2] == '\t'):
		return 3
	case len(s) > 1 && s[0] == '\n' && (s[1] == ' ' || s[1] == '\t'):
		return 2
	}
	return 0
}
