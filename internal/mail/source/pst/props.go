package pst

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
)

// Types of properties (MS-OXCDATA §2.11.1) that have a fixed size.
const (
	typeInteger16 = 0x0002
	typeInteger32 = 0x0003
	typeFloat32   = 0x0004
	typeFloat64   = 0x0005
	typeCurrency  = 0x0006
	typeFloatTime = 0x0007
	typeError     = 0x000A
	typeBoolean   = 0x000B
	typeObject    = 0x000D
	typeInteger64 = 0x0014
	typeString8   = 0x001E
	typeString    = 0x001F
	typeTime      = 0x0040
	typeBinary    = 0x0102
	typeBinaries  = 0x1102 // several
)

// fixedBytes is the size of a type that has one, 0 otherwise.
func fixedBytes(typ uint16) int {
	switch typ {
	case typeBoolean:
		return 1
	case typeInteger16:
		return 2
	case typeInteger32, typeFloat32, typeError:
		return 4
	case typeFloat64, typeCurrency, typeFloatTime, typeInteger64, typeTime:
		return 8
	}
	return 0
}

// Tag is a property's identifier and type: 0x0037001F is a subject in Unicode.
type Tag uint32

func (t Tag) typ() uint16 { return uint16(t) }

type property struct {
	tag   Tag
	value [8]byte // if it is fixed; else the number of where it lies, in four bytes
}

// Properties are those of a folder, a message, a recipient or an attachment.
type Properties struct {
	heap *heap
	list []property // by tag
}

// properties opens the property context of a node (MS-PST §2.3.3).
func (f *File) properties(n node) (*Properties, error) {
	h, err := f.openHeap(n, heapProperties)
	if err != nil {
		return nil, err
	}
	p := &Properties{heap: h}
	err = h.records(h.root, 2, 6, func(r []byte) {
		p.list = append(p.list, property{
			tag:   Tag(binary.LittleEndian.Uint16(r))<<16 | Tag(binary.LittleEndian.Uint16(r[2:])),
			value: [8]byte{r[4], r[5], r[6], r[7]},
		})
	})
	for i := range p.list { // of eight bytes: they lie in the heap
		if q := &p.list[i]; fixedBytes(q.tag.typ()) == 8 {
			b, missing := h.get(binary.LittleEndian.Uint32(q.value[:]))
			err = errors.Join(err, missing)
			q.value = [8]byte{}
			copy(q.value[:], b)
		}
	}
	return p, err
}

func (p *Properties) find(t Tag) (property, bool) {
	i, ok := slices.BinarySearchFunc(p.list, t, func(q property, t Tag) int { return int(int64(q.tag) - int64(t)) })
	if !ok {
		return property{}, false
	}
	return p.list[i], true
}

// Fixed returns a property of up to eight bytes.
func (p *Properties) Fixed(t Tag) (v [8]byte, ok bool) {
	q, ok := p.find(t)
	if !ok || fixedBytes(t.typ()) == 0 {
		return v, false
	}
	return q.value, true
}

// ErrTooLarge says that a property is larger than the limit, or than what the reader has left for the message.
var ErrTooLarge = errors.New("larger than the limit")

// Bytes returns a property of any length up to a limit, nil if it is not there.
// With an error comes what could be read.
func (p *Properties) Bytes(t Tag, limit int) ([]byte, error) {
	q, ok := p.find(t)
	if !ok || fixedBytes(t.typ()) > 0 {
		return nil, nil
	}
	return p.heap.value(binary.LittleEndian.Uint32(q.value[:]), limit)
}

// value returns what lies in a piece of the heap, or in a node below the heap's (MS-PST §2.3.3.2).
func (h *heap) value(number uint32, limit int) ([]byte, error) {
	if number&0x1f == 0 {
		b, err := h.get(number)
		if len(b) > limit {
			return slices.Clone(b[:limit]), ErrTooLarge
		}
		return slices.Clone(b), err
	}
	n, err := h.f.sub(h.n.subs, number)
	if err != nil {
		return nil, err
	}
	b, whole, err := h.f.content(n, limit)
	if err == nil && !whole {
		err = ErrTooLarge
	}
	return b, err
}

// object returns the node that a property of type object names.
func (p *Properties) object(t Tag) (n node, ok bool, err error) {
	q, found := p.find(t)
	if !found {
		return n, false, nil
	}
	b, err := p.heap.get(binary.LittleEndian.Uint32(q.value[:]))
	if err != nil {
		return n, false, err
	}
	if len(b) < 4 {
		return n, false, p.heap.damaged(0, binary.LittleEndian.Uint32(q.value[:]))
	}
	n, err = p.heap.f.sub(p.heap.n.subs, binary.LittleEndian.Uint32(b))
	return n, err == nil, err
}

// Tags lists what is there, in order.
func (p *Properties) Tags() []Tag {
	list := make([]Tag, len(p.list))
	for i, q := range p.list {
		list[i] = q.tag
	}
	return list
}

// text returns a short string in whichever of its types it is there.
func (p *Properties) text(id uint16) string {
	const limit = 64 << 10
	if b, _ := p.Bytes(Tag(id)<<16|typeString, limit); b != nil {
		return decode16(b)
	}
	b, _ := p.Bytes(Tag(id)<<16|typeString8, limit)
	if p.heap.f.Text != nil {
		return p.heap.f.Text(b)
	}
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

func decode16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// table calls fn for the rows of the table context of a node, in their order
// (MS-PST §2.3.4). At most limit rows are read.
func (f *File) table(n node, limit int, fn func(*Properties)) error {
	h, err := f.openHeap(n, heapTable)
	if err != nil {
		return err
	}
	info, err := h.get(h.root)
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	if len(info) < 22 || info[0] != heapTable || len(info) < 22+8*int(info[1]) {
		return h.damaged(0, h.root)
	}
	t := tableRows{h: h, bitmap: int(le.Uint16(info[6:])), size: int(le.Uint16(info[8:])), limit: limit, fn: fn}
	for i := range int(info[1]) {
		c := info[22+8*i:]
		t.columns = append(t.columns, column{Tag(le.Uint32(c)), int(le.Uint16(c[4:])), int(c[6]), int(c[7])})
	}
	slices.SortFunc(t.columns, func(a, b column) int { return int(int64(a.tag) - int64(b.tag)) })
	index := 4
	if !f.form.wide {
		index = 2
	}
	err = h.records(le.Uint32(info[10:]), 4, index, func(r []byte) {
		row := int(le.Uint16(r[4:]))
		if f.form.wide {
			row = int(le.Uint32(r[4:]))
		}
		t.rows = append(t.rows, row)
	})
	if err != nil {
		return err
	}
	slices.Sort(t.rows)
	t.rows = slices.Compact(t.rows)
	return t.read(le.Uint32(info[14:]))
}

type column struct {
	tag          Tag
	at, size, id int
}

// tableRows reads the matrix of a table. No row lies in two blocks.
type tableRows struct {
	h            *heap
	columns      []column
	bitmap, size int // of a row: where the bits begin, and its length
	rows         []int
	limit        int
	fn           func(*Properties)
}

func (t *tableRows) read(number uint32) error {
	if len(t.rows) == 0 {
		return nil
	}
	if t.size < 4 || t.bitmap >= t.size {
		return t.h.damaged(0, t.h.root)
	}
	if number&0x1f == 0 {
		b, err := t.h.get(number)
		if err != nil {
			return err
		}
		t.block(b, 0)
		return t.missing(number)
	}
	n, err := t.h.f.sub(t.h.n.subs, number)
	if err != nil || n.data == 0 {
		return err
	}
	first := 0
	_, err = t.h.f.eachBlock(n.data, 3, func(block uint64) (bool, error) {
		b, err := t.h.f.readBlock(block, nil)
		if err != nil {
			return false, err
		}
		if len(b) < t.size {
			return false, nil
		}
		t.block(b, first)
		first += len(b) / t.size
		return len(t.rows) > 0 && t.limit > 0, nil
	})
	if err != nil {
		return err
	}
	return t.missing(number)
}

func (t *tableRows) missing(number uint32) error {
	if len(t.rows) == 0 || t.limit == 0 {
		return nil
	}
	return &Damage{0, fmt.Sprintf("a table of node %#x lacks %d rows in its matrix %#x", t.h.n.number, len(t.rows), number)}
}

// block hands on the rows that lie in a block, whose first row has a number.
func (t *tableRows) block(b []byte, first int) {
	for len(t.rows) > 0 && t.limit > 0 {
		at := (t.rows[0] - first) * t.size
		if at < 0 || at+t.size > len(b) {
			return
		}
		t.fn(t.row(b[at : at+t.size]))
		t.rows, t.limit = t.rows[1:], t.limit-1
	}
}

func (t *tableRows) row(b []byte) *Properties {
	p := &Properties{heap: t.h, list: make([]property, 0, len(t.columns))}
	for _, c := range t.columns {
		bit := t.bitmap + c.id/8
		if c.at+c.size > t.bitmap || bit >= len(b) || b[bit]>>(7-c.id%8)&1 == 0 {
			continue
		}
		q := property{tag: c.tag}
		copy(q.value[:], b[c.at:c.at+c.size])
		if fixedBytes(c.tag.typ()) > 0 || c.size == 4 {
			p.list = append(p.list, q)
		}
	}
	return p
}
