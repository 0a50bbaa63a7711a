package message

import (
	"slices"
	"strings"
)

// limits are the defects that say that something was not read.
var limits = []DefectKind{TooManyBytes, TooManyParts, TooDeep, TooManyFields, FieldTooLong, DecodedTooLong, HTMLTooLong}

// Unread lists what a limit kept from being read, so far: contents are decoded when
// they are asked for.
func (m *Message) Unread() (list []Defect) {
	for _, d := range m.Defects {
		if slices.Contains(limits, d.Kind) {
			list = append(list, d)
		}
	}
	return list
}

// Span is a stretch of Raw.
type Span struct{ Start, End int }

// Unopened lists what was not taken apart: parts beyond the limit of their number, and
// what is nested too deep. Nothing in them is decoded, but a search of the bytes finds
// what stands there in clear.
func (m *Message) Unopened() (list []Span) {
	for _, d := range m.Defects {
		s := Span{d.Offset, len(m.Raw)}
		switch d.Kind {
		case TooManyParts:
		case TooDeep:
			i := slices.IndexFunc(m.Parts, func(p *Part) bool { return p.Start == d.Offset && p.Path == d.Part })
			if i < 0 {
				continue
			}
			s.End = m.Parts[i].End
		default:
			continue
		}
		s.Start, s.End = min(s.Start, len(m.Raw)), min(s.End, len(m.Raw))
		if s.Start < s.End {
			list = append(list, s)
		}
	}
	return list
}

// Between lists what of multiparts belongs to no part: before the first, behind the last, and all of
// one whose boundary never occurs, which some programs show as text. Stretches too short for a link, and what
// lies inside attached messages' own multiparts only once, are left out.
func (m *Message) Between() (list []Span) {
	const shortest = 24
	add := func(start, end int) {
		if end = min(end, len(m.Raw)); end-start >= shortest {
			list = append(list, Span{start, end})
		}
	}
	for _, p := range m.Parts {
		if !strings.HasPrefix(p.MediaType, "multipart/") {
			continue
		}
		if len(p.Children) == 0 {
			add(p.Start, p.End)
			continue
		}
		first, last := p.Children[0], p.Children[len(p.Children)-1]
		add(p.Start, headStart(first))
		add(last.End, p.End)
	}
	return list
}

// headStart is where a part's header begins.
func headStart(p *Part) int {
	if len(p.Header) > 0 {
		return p.Header[0].Start
	}
	return p.Start
}
