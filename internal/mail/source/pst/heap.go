package pst

import (
	"encoding/binary"
	"fmt"
)

// heap is a heap on a node (MS-PST §2.3.1): small pieces of data with numbers.
type heap struct {
	f      *File
	n      node
	blocks []uint64
	kind   byte
	root   uint32
}

// Kinds of heaps (MS-PST §2.3.1.2).
const (
	heapTable      = 0x7C
	heapProperties = 0xBC
)

// maxHeapBlocks is what the number of a piece has room for.
const maxHeapBlocks = 1 << 16

func (f *File) openHeap(n node, kind byte) (*heap, error) {
	h := &heap{f: f, n: n}
	if n.data == 0 {
		return nil, &Damage{0, fmt.Sprintf("node %#x has no data", n.number)}
	}
	_, err := f.eachBlock(n.data, 3, func(number uint64) (bool, error) {
		h.blocks = append(h.blocks, number)
		return len(h.blocks) < maxHeapBlocks, nil
	})
	if err != nil {
		return nil, err
	}
	if len(h.blocks) == 0 {
		return nil, f.damagedBlock(n.data, "the list of blocks in block %#x is empty")
	}
	b, err := f.kept(h.blocks[0])
	if err != nil {
		return nil, err
	}
	if len(b) < 12 || b[2] != 0xEC || b[3] != kind {
		return nil, f.damagedBlock(h.blocks[0], fmt.Sprintf("block %%#x is no heap of kind %#x", kind))
	}
	h.kind, h.root = b[3], binary.LittleEndian.Uint32(b[4:])
	return h, nil
}

// get returns a piece. Number 0 is an empty one. Nobody may write to it.
func (h *heap) get(number uint32) ([]byte, error) {
	if number == 0 {
		return nil, nil
	}
	index := int(number >> 5 & (1<<h.f.form.hidBits - 1))
	block := int(number >> (5 + h.f.form.hidBits))
	if number&0x1f != 0 || index == 0 || block >= len(h.blocks) {
		return nil, h.damaged(0, number)
	}
	b, err := h.f.kept(h.blocks[block])
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if len(b) < 2 {
		return nil, h.damaged(block, number)
	}
	at := int(le.Uint16(b)) // the page map, MS-PST §2.3.1.5
	if at+4 > len(b) || index > int(le.Uint16(b[at:])) || at+4+2*index+2 > len(b) {
		return nil, h.damaged(block, number)
	}
	start, end := int(le.Uint16(b[at+4+2*(index-1):])), int(le.Uint16(b[at+4+2*index:]))
	if start > end || end > at {
		return nil, h.damaged(block, number)
	}
	return b[start:end], nil
}

func (h *heap) damaged(block int, number uint32) error {
	return h.f.damagedBlock(h.blocks[block], fmt.Sprintf("the heap at block %%#x has no piece %#x", number))
}

// maxRecords bounds a tree on a heap: properties of one object, rows of one table.
const maxRecords = 1 << 20

// records calls fn for the records of a tree on the heap, in order (MS-PST §2.3.2).
func (h *heap) records(root uint32, key, size int, fn func(record []byte)) error {
	head, err := h.get(root)
	if err != nil {
		return err
	}
	if len(head) < 8 || head[0] != 0xB5 || int(head[1]) != key || int(head[2]) < size || head[3] > maxLevels {
		return h.damaged(0, root)
	}
	w := treeWalk{h: h, key: key, size: int(head[2]), last: -1, left: maxRecords, fn: fn}
	return w.walk(binary.LittleEndian.Uint32(head[4:]), int(head[3]))
}

// treeWalk goes through a tree on a heap with rising keys.
type treeWalk struct {
	h         *heap
	key, size int
	last      int64
	left      int
	fn        func([]byte)
}

func (w *treeWalk) walk(piece uint32, level int) error {
	b, err := w.h.get(piece)
	if err != nil {
		return err
	}
	step := w.key + w.size
	if level > 0 {
		step = w.key + 4
	}
	for ; len(b) >= step; b = b[step:] {
		if w.left--; w.left < 0 {
			return w.h.damaged(0, piece)
		}
		if level > 0 {
			if err := w.walk(binary.LittleEndian.Uint32(b[w.key:]), level-1); err != nil {
				return err
			}
			continue
		}
		key := int64(binary.LittleEndian.Uint16(b))
		if w.key == 4 {
			key = int64(binary.LittleEndian.Uint32(b))
		}
		if key <= w.last {
			continue // the tree names a piece twice
		}
		w.last = key
		w.fn(b[:step])
	}
	return nil
}
