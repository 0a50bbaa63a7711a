package pst

import (
	"encoding/binary"
	"fmt"
)

// node is a number's data and the tree of nodes below it (MS-PST §2.2.1.2).
type node struct {
	number uint32
	data   uint64 // block
	subs   uint64 // block of the tree below it
	parent uint32 // folder, in the tree of the file
}

// Kinds of nodes, in the lowest five bits of their numbers (MS-PST §2.2.2.1).
const (
	kindFolder     = 0x02
	kindSearch     = 0x03
	kindMessage    = 0x04
	kindAttachment = 0x05
	nodeStore      = 0x21
	nodeNames      = 0x61
	nodeRoot       = 0x122
	nodeRecipients = 0x692
)

func (f *File) nodeOf(e []byte) node {
	return node{number: binary.LittleEndian.Uint32(e), data: f.word(e, 1), subs: f.word(e, 2), parent: uint32(f.word(e, 3))}
}

// node looks a number up in the tree of the file.
func (f *File) node(number uint32) (node, error) {
	e, at, err := f.find(f.nbt, pageNodes, uint64(number))
	if err != nil {
		if saved, ok := f.salvage().nodes[number]; ok {
			return saved.what, nil
		}
		return node{}, err
	}
	if e == nil {
		return node{}, &Damage{at, fmt.Sprintf("node %#x is not listed", number)}
	}
	return f.nodeOf(e), nil
}

// tree is the header of a block that holds numbers (MS-PST §2.2.2.8.3).
type tree struct {
	kind, level byte
	count       int
	entries     []byte
}

const (
	treeData = 1
	treeSubs = 2
	maxSubs  = 1 << 20 // nodes below one node
)

// treeBlock reads a block of numbers. With narrow numbers the tree of nodes has
// no padding behind its header (MS-PST §2.2.2.8.3.3.1.2), that of data the total size.
func (f *File) treeBlock(number uint64, kind byte) (t tree, err error) {
	b, err := f.kept(number)
	if err != nil {
		return t, err
	}
	head := 8
	if kind == treeSubs && !f.form.wide {
		head = 4
	}
	if len(b) < head || b[0] != kind {
		return t, f.damagedBlock(number, "block %#x is not the list that it should be")
	}
	t = tree{kind: b[0], level: b[1], count: int(binary.LittleEndian.Uint16(b[2:])), entries: b[head:]}
	return t, nil
}

func (f *File) damagedBlock(number uint64, format string) error {
	x, err := f.extent(number)
	if err != nil {
		return err
	}
	return &Damage{x.offset, fmt.Sprintf(format, number)}
}

func (f *File) wordBytes() int {
	if f.form.wide {
		return 8
	}
	return 4
}

// eachBlock calls fn for the numbers of the data blocks of a tree in order,
// until it returns false (MS-PST §2.2.2.8.3.2).
func (f *File) eachBlock(number uint64, level int, fn func(uint64) (bool, error)) (goOn bool, err error) {
	if !internal(number) {
		return fn(number)
	}
	t, err := f.treeBlock(number, treeData)
	if err != nil {
		return false, err
	}
	if int(t.level) >= level || t.level == 0 {
		return false, f.damagedBlock(number, "the tree of data at block %#x leads back upwards")
	}
	size := f.wordBytes()
	if t.count*size > len(t.entries) {
		return false, f.damagedBlock(number, "the list of blocks in block %#x is cut off")
	}
	for i := range t.count {
		child := f.word(t.entries[i*size:], 0)
		if internal(child) != (t.level > 1) {
			return false, f.damagedBlock(number, "the tree of data at block %#x is not even")
		}
		if goOn, err = f.eachBlock(child, int(t.level), fn); !goOn || err != nil {
			return goOn, err
		}
	}
	return true, nil
}

// content returns up to limit bytes of the data of a node. With an error comes what could be read.
func (f *File) content(n node, limit int) (out []byte, whole bool, err error) {
	if n.data == 0 {
		return nil, true, nil
	}
	whole = true
	if internal(n.data) {
		out = make([]byte, 0, f.expected(n.data, limit))
	}
	_, err = f.eachBlock(n.data, 3, func(number uint64) (bool, error) {
		b, err := f.readBlock(number, f.scratch)
		if err != nil {
			return false, err
		}
		if len(b) == 0 {
			return false, f.damagedBlock(number, "block %#x is empty")
		}
		if cap(b) > cap(f.scratch) {
			f.scratch = b[:0]
		}
		if len(out)+len(b) > limit {
			out, whole = append(out, b[:limit-len(out)]...), false
			return false, nil
		}
		if out == nil && !internal(n.data) {
			out = make([]byte, 0, len(b))
		}
		out = append(out, b...)
		return true, nil
	})
	return out, whole, err
}

// expected is how much the trees above its blocks say that a node has, as far as
// that many blocks can hold it.
func (f *File) expected(number uint64, limit int) int {
	t, err := f.treeBlock(number, treeData)
	if err != nil || t.level != 1 {
		return 0
	}
	b, _ := f.kept(number)
	return min(int(binary.LittleEndian.Uint32(b[4:])), t.count*f.form.maxBlock, limit)
}

// sub looks up a node below another one.
func (f *File) sub(subs uint64, number uint32) (node, error) {
	found := node{}
	if subs == 0 {
		return node{}, &Damage{0, fmt.Sprintf("node %#x is missing: there are none below it", number)}
	}
	err := f.eachSub(subs, number, func(n node) bool {
		if n.number == number {
			found = n
		}
		return n.number < number
	})
	if err == nil && found.number != number {
		err = f.damagedBlock(subs, fmt.Sprintf("node %#x is not listed in block %%#x", number))
	}
	return found, err
}

// eachSub calls fn for the nodes below another one, from a number on, in order,
// until it returns false (MS-PST §2.2.2.8.3.3).
func (f *File) eachSub(subs uint64, from uint32, fn func(node) bool) error {
	t, err := f.treeBlock(subs, treeSubs)
	if err != nil {
		return err
	}
	if t.level == 0 {
		return f.subLeaves(subs, t, from, fn)
	}
	if t.level > 1 {
		return f.damagedBlock(subs, "the tree of nodes at block %#x is too high")
	}
	size := 2 * f.wordBytes()
	if t.count*size > len(t.entries) {
		return f.damagedBlock(subs, "the list of nodes in block %#x is cut off")
	}
	goOn, last := true, int64(-1)
	for i := 0; i < t.count && goOn; i++ {
		if i+1 < t.count && binary.LittleEndian.Uint32(t.entries[(i+1)*size:]) <= from {
			continue // what is sought lies behind
		}
		child := f.word(t.entries[i*size:], 1)
		leaf, err := f.treeBlock(child, treeSubs)
		if err != nil {
			return err
		}
		if leaf.level != 0 {
			return f.damagedBlock(child, "the tree of nodes at block %#x leads back upwards")
		}
		err = f.subLeaves(child, leaf, from, func(n node) bool {
			if int64(n.number) <= last {
				goOn = false // out of order: the tree may name a block twice
				return false
			}
			last = int64(n.number)
			goOn = fn(n)
			return goOn
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *File) subLeaves(block uint64, t tree, from uint32, fn func(node) bool) error {
	size := 3 * f.wordBytes()
	if t.count*size > len(t.entries) {
		return f.damagedBlock(block, "the list of nodes in block %#x is cut off")
	}
	for i := range t.count {
		e := t.entries[i*size:]
		n := node{number: binary.LittleEndian.Uint32(e), data: f.word(e, 1), subs: f.word(e, 2)}
		if n.number >= from && !fn(n) {
			return nil
		}
	}
	return nil
}
