package message

import (
	"bytes"
	"sort"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// RawRange leads from a range of offsets into Text (of a text part) or Content
// (of any other) back to the bytes in Message.Raw that encode it. It is exact
// for unencoded bodies and quoted-printable, exact to a group of four characters
// for base64, and the whole body where the way back is not kept: charsets of
// several bytes other than UTF-8, and uuencode.
func (p *Part) RawRange(start, end int) (rawStart, rawEnd int) {
	if p.msg == nil {
		return p.Start, p.End
	}
	if p.isText() {
		size := len(p.Text())
		start, end = clampRange(start, end, size)
		if p.cache.form == formWide {
			return p.Start, p.End
		}
		if p.cache.form != formUTF8 {
			m := p.charsetMap()
			start, end = m.back(start, end)
		}
		start, end = start+p.cache.bom, end+p.cache.bom
	}
	start, end = clampRange(start, end, len(p.Content()))
	switch p.codec() {
	case "base64", "quoted-printable":
		start, end = p.transferMap().back(start, end)
	case "x-uuencode":
		return p.Start, p.End
	}
	return p.Start + start, p.Start + end
}

func clampRange(start, end, size int) (int, int) {
	start = min(max(start, 0), size)
	return start, min(max(end, start), size)
}

// offsetMap leads from offsets in decoded bytes to offsets in encoded ones. It
// keeps a mark every few kilobytes and decodes again from there.
type offsetMap struct {
	marks []mark
	size  int // of the encoded bytes
	step  func(i int) span
}

type mark struct{ out, in int }

// span is what one step of decoding reads, from start to next, and how many
// bytes it writes. same means that the bytes written are the bytes read.
type span struct {
	start, next, out int
	same             bool
}

const markEvery = 4096

func newOffsetMap(size int, step func(int) span) *offsetMap {
	m := &offsetMap{size: size, step: step, marks: []mark{{}}}
	last, out := 0, 0
	for in := 0; in < size; {
		s := step(in)
		out += s.out
		in = s.next
		if out-last >= markEvery {
			m.marks = append(m.marks, mark{out, in})
			last = out
		}
	}
	return m
}

func (m *offsetMap) back(start, end int) (int, int) {
	from, _ := m.find(start)
	if end <= start {
		return from, from
	}
	_, to := m.find(end - 1)
	return from, max(from, to)
}

// find returns the encoded bytes of the decoded byte at off.
func (m *offsetMap) find(off int) (start, end int) {
	i := sort.Search(len(m.marks), func(i int) bool { return m.marks[i].out > off })
	at := m.marks[max(i-1, 0)]
	for out, in := at.out, at.in; in < m.size; {
		s := m.step(in)
		if off < out+s.out {
			if s.same {
				return s.start + off - out, s.start + off - out + 1
			}
			return s.start, s.next
		}
		out, in = out+s.out, s.next
	}
	return m.size, m.size
}

func (p *Part) transferMap() *offsetMap {
	if p.cache.transfer == nil {
		src := p.body()
		step := func(i int) span { return base64Span(src, i) }
		if p.codec() == "quoted-printable" {
			step = func(i int) span { return qpSpan(src, i) }
		}
		p.cache.transfer = newOffsetMap(len(src), step)
	}
	return p.cache.transfer
}

func base64Span(src []byte, i int) span {
	g := nextGroup(src, i)
	return span{start: g.start, next: g.next, out: g.n}
}

// qpSpan is the step of decodeQP.
func qpSpan(src []byte, i int) span {
	switch src[i] {
	case '=':
		u := qpUnit(src, i)
		return span{start: i, next: u.next, out: u.n}
	case ' ', '\t':
		j := i
		for j < len(src) && (src[j] == ' ' || src[j] == '\t') {
			j++
		}
		if bytes.HasPrefix(src[j:], []byte("\n")) || bytes.HasPrefix(src[j:], []byte("\r\n")) {
			return span{start: i, next: j}
		}
		return span{start: i, next: j, out: j - i, same: true}
	}
	j := i
	for j < len(src) && src[j] != '=' && src[j] != ' ' && src[j] != '\t' {
		j++
	}
	return span{start: i, next: j, out: j - i, same: true}
}

func (p *Part) charsetMap() *offsetMap {
	if p.cache.charset == nil {
		src, table := p.Content()[p.cache.bom:], p.cache.table
		step := func(i int) span { return singleSpan(src, table, i) }
		if p.cache.form == formMended {
			step = func(i int) span { return mendedSpan(src, i) }
		}
		p.cache.charset = newOffsetMap(len(src), step)
	}
	return p.cache.charset
}

func singleSpan(src []byte, table *charmap.Charmap, i int) span {
	if src[i] < 0x80 {
		return span{start: i, next: i + 1, out: 1, same: true}
	}
	return span{start: i, next: i + 1, out: utf8.RuneLen(table.DecodeByte(src[i]))}
}

func mendedSpan(src []byte, i int) span {
	r, n := utf8.DecodeRune(src[i:])
	if r == utf8.RuneError && n == 1 {
		return span{start: i, next: i + 1, out: utf8.RuneLen(charmap.Windows1252.DecodeByte(src[i]))}
	}
	return span{start: i, next: i + n, out: n, same: true}
}
