package psttest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
)

// maxPiece is how large a piece of a heap may be (MS-PST §2.3.3.3).
const maxPiece = 3580

// heap puts a heap together (MS-PST §2.3.1).
type heap struct {
	w      *writer
	kind   byte
	blocks [][][]byte // pieces by block
	used   int        // bytes of the last block
	subs   []nodeEntry
}

func (w *writer) heap(kind byte) *heap { return &heap{w: w, kind: kind, blocks: make([][][]byte, 1)} }

// add adds a piece and returns its number.
func (h *heap) add(b []byte) uint32 {
	if len(b) == 0 {
		return 0
	}
	const room = 8192 - 200
	at := len(h.blocks) - 1
	if h.used+len(b)+2*len(h.blocks[at]) > room {
		h.blocks, h.used, at = append(h.blocks, nil), 0, at+1
	}
	h.blocks[at] = append(h.blocks[at], b)
	h.used += len(b)
	bits := 16
	if h.w.box.Form == Large {
		bits = 19
	}
	return uint32(at)<<bits | uint32(len(h.blocks[at]))<<5
}

// value stores something of any length: in the heap, or in a node below it.
func (h *heap) value(b []byte) uint32 {
	if len(b) <= maxPiece {
		return h.add(b)
	}
	return h.sub(0x1f, made{data: h.w.data(h.w.split(b))})
}

func (h *heap) sub(kind uint32, m made) uint32 {
	h.w.last++
	number := h.w.last<<5 | kind
	h.subs = append(h.subs, nodeEntry{number: number, data: m.data, subs: m.subs})
	return number
}

// records stores a tree of sorted records (MS-PST §2.3.2) and returns its number.
func (h *heap) records(list [][]byte, key int) uint32 {
	size, level, pieces := 0, byte(0), list
	if len(list) > 0 {
		size = len(list[0]) - key
	}
	root := uint32(0)
	for len(pieces) > 0 {
		var above [][]byte
		most := maxPiece / len(pieces[0])
		if h.w.box.Fanout > 0 {
			most = min(most, max(h.w.box.Fanout, 2))
		}
		for group := range slices.Chunk(pieces, most) {
			root = h.add(bytes.Join(group, nil))
			above = append(above, binary.LittleEndian.AppendUint32(bytes.Clone(group[0][:key]), root))
		}
		if len(above) == 1 {
			break
		}
		pieces, level = above, level+1
	}
	if len(list) == 0 {
		size = 6
		if key == 4 {
			size = h.w.rowIndex()
		}
	}
	return h.add(binary.LittleEndian.AppendUint32([]byte{0xB5, byte(key), byte(size), level}, root))
}

func (w *writer) rowIndex() int {
	if w.w.word == 4 {
		return 2
	}
	return 4
}

// finish writes the heap. root is what its users ask for first.
func (h *heap) finish(root uint32) made {
	var list [][]byte
	le := binary.LittleEndian
	for i, pieces := range h.blocks {
		head := make([]byte, 2)
		switch {
		case i == 0:
			head = append(head, 0xEC, h.kind)
			head = append(le.AppendUint32(head, root), 0, 0, 0, 0)
		case i >= 8 && (i-8)%128 == 0:
			head = append(head, make([]byte, 64)...)
		}
		b, ends := head, []int{len(head)}
		for _, p := range pieces {
			b = append(b, p...)
			ends = append(ends, len(b))
		}
		if len(b)%2 != 0 {
			b = append(b, 0)
		}
		le.PutUint16(b, uint16(len(b)))
		b = le.AppendUint16(le.AppendUint16(b, uint16(len(pieces))), 0)
		for _, end := range ends {
			b = le.AppendUint16(b, uint16(end))
		}
		list = append(list, b)
	}
	return made{h.w.data(list), h.w.subtree(h.subs)}
}

// value is a property: of a fixed size, or of any.
type value struct {
	tag  uint32
	data []byte
}

// text makes a string property, in the type that the form of the file has.
func (w *writer) text(id uint32, s string) value {
	if w.box.Form != ANSI {
		return value{id<<16 | 0x1f, encode16(s)}
	}
	b, err := charmap.Windows1251.NewEncoder().String(s)
	if err != nil {
		b = s
	}
	return value{id<<16 | 0x1e, []byte(b)}
}

func encode16(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func number(id, v uint32) value {
	return value{id<<16 | 3, binary.LittleEndian.AppendUint32(nil, v)}
}

func fixed(tag uint32) int {
	switch tag & 0xffff {
	case 0x0b:
		return 1
	case 0x02:
		return 2
	case 0x03:
		return 4
	case 0x40, 0x14:
		return 8
	}
	return 0
}

// properties stores a property context (MS-PST §2.3.3) in a heap of its own.
func (h *heap) properties(list []value) made {
	list = slices.DeleteFunc(list, func(v value) bool { return len(v.data) == 0 })
	slices.SortFunc(list, func(a, b value) int { return cmp.Compare(a.tag>>16, b.tag>>16) })
	var records [][]byte
	le := binary.LittleEndian
	for _, v := range list {
		b := le.AppendUint16(le.AppendUint16(nil, uint16(v.tag>>16)), uint16(v.tag))
		if n := fixed(v.tag); n > 0 && n <= 4 {
			b = append(append(b, v.data...), make([]byte, 4-len(v.data))...)
		} else {
			b = le.AppendUint32(b, h.value(v.data))
		}
		records = append(records, b)
	}
	return h.finish(h.records(records, 2))
}

// table stores a table context (MS-PST §2.3.4). All rows have the columns of the
// first; each begins with its number.
func (w *writer) table(ids []uint32, rows [][]value) made {
	h := w.heap(0x7C)
	columns := []uint32{0x67F20003, 0x67F30003}
	if len(rows) > 0 {
		for _, v := range rows[0] {
			columns = append(columns, v.tag)
		}
	}
	bitmap := 4 * len(columns)
	size := bitmap + (len(columns)+7)/8
	var index [][]byte
	var matrix []byte
	le := binary.LittleEndian
	for i, row := range rows {
		record := le.AppendUint32(nil, ids[i])
		index = append(index, append(record, le.AppendUint32(nil, uint32(i))[:w.rowIndex()]...))
		b := le.AppendUint32(le.AppendUint32(nil, ids[i]), 1)
		for _, v := range row {
			if fixed(v.tag) == 4 {
				b = append(b, v.data...)
			} else {
				b = le.AppendUint32(b, h.value(v.data))
			}
		}
		bits := make([]byte, size-bitmap)
		for c := range columns {
			bits[c/8] |= 1 << (7 - c%8)
		}
		matrix = append(append(matrix, b...), bits...)
	}
	slices.SortFunc(index, func(a, b []byte) int { return cmp.Compare(le.Uint32(a), le.Uint32(b)) })
	info := []byte{0x7C, byte(len(columns))}
	for _, end := range []int{bitmap, bitmap, bitmap, size} {
		info = le.AppendUint16(info, uint16(end))
	}
	info = le.AppendUint32(info, h.records(index, 4))
	info = le.AppendUint32(le.AppendUint32(info, h.matrix(matrix, size)), 0)
	for _, i := range columnOrder(columns) {
		info = le.AppendUint32(info, columns[i])
		info = append(le.AppendUint16(info, uint16(4*i)), 4, byte(i))
	}
	return h.finish(h.add(info))
}

// columnOrder is by tag, as MS-PST §2.3.4.2 demands.
func columnOrder(columns []uint32) []int {
	order := make([]int, len(columns))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(columns[a], columns[b]) })
	return order
}

// matrix stores the rows. None may lie in two blocks.
func (h *heap) matrix(b []byte, row int) uint32 {
	if len(b) <= maxPiece {
		return h.add(b)
	}
	whole := h.w.maxData() / row * row
	return h.sub(0x1f, made{data: h.w.data(slices.Collect(slices.Chunk(b, whole)))})
}
