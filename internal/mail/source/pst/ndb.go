package pst

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"

	"portcullis.example/portcullis/internal/mail/source/pst/internal/scramble"
)

// How the data of external blocks is written (MS-PST §2.2.2.6, bCryptMethod).
const (
	plain     = 0x00
	permuted  = 0x01
	cyclic    = 0x02
	protected = 0x10 // with Windows Information Protection
)

// Kinds of pages (MS-PST §2.2.2.7.1).
const (
	pageBlocks = 0x80 // where blocks lie
	pageNodes  = 0x81 // which blocks nodes have
)

// maxLevels is the height of a tree: 20 entries to a page reach 2^34 at eight.
const maxLevels = 10

// pageRef says where a page lies and which it is (MS-PST §2.2.2.4). Space is used
// again, so that the number matters.
type pageRef struct {
	number uint64
	at     int64
}

func (f *File) ref(b []byte) pageRef { return pageRef{f.word(b, 0), clamp(f.word(b, 1))} }

// page is one page of a tree (MS-PST §2.2.2.7.7).
type page struct {
	number  uint64
	at      int64
	level   int
	size    int // of an entry
	count   int
	entries []byte
}

// readPage reads a page and makes sure that it is one.
func (f *File) readPage(ref pageRef, kind byte) (*page, error) {
	at := ref.at
	if p, ok := f.pages.get(at); ok && p.number == ref.number {
		return p, nil
	}
	b, err := f.fetch(nil, at, f.form.page)
	if err != nil {
		return nil, err
	}
	p, err := f.parsePage(at, kind, b)
	if err != nil {
		return nil, err
	}
	if p.number != ref.number {
		return nil, &Damage{at, "a page stands where another one should"}
	}
	f.pages.put(at, p)
	return p, nil
}

// parsePage makes sure that bytes are a page of a kind.
func (f *File) parsePage(at int64, kind byte, b []byte) (*page, error) {
	tail := b[f.form.page-f.form.trailer:]
	if tail[0] != kind || tail[1] != kind {
		return nil, &Damage{at, fmt.Sprintf("page of kind %#x expected, but %#x stands there", kind, tail[0])}
	}
	number, sum := f.trailer(tail)
	if checksum(b[:f.form.page-f.form.trailer]) != sum {
		return nil, &Damage{at, "the checksum of a page is wrong"}
	}
	p := &page{number: number, at: at, entries: b[:f.form.entries]}
	if meta := b[f.form.entries:]; f.form.packed {
		p.count, p.size, p.level = int(binary.LittleEndian.Uint16(meta)), int(meta[4]), int(meta[5])
	} else {
		p.count, p.size, p.level = int(meta[0]), int(meta[2]), int(meta[3])
	}
	if p.size < f.leastEntry(kind, p.level) || p.count*p.size > len(p.entries) || p.level > maxLevels {
		return nil, &Damage{at, fmt.Sprintf("a page cannot have %d entries of %d bytes on level %d", p.count, p.size, p.level)}
	}
	return p, nil
}

// leastEntry is how large an entry must at least be.
func (f *File) leastEntry(kind byte, level int) int {
	words := 3 // key, block, offset
	switch {
	case level == 0 && kind == pageBlocks:
		words = 3 // number, offset; sizes
	case level == 0:
		words = 4
	}
	if f.form.wide {
		return words * 8
	}
	return words * 4
}

// trailer takes number and checksum from the end of a page or a block.
func (f *File) trailer(tail []byte) (number uint64, sum uint32) {
	le := binary.LittleEndian
	if f.form.wide {
		return le.Uint64(tail[8:]), le.Uint32(tail[4:])
	}
	return uint64(le.Uint32(tail[4:])), le.Uint32(tail[8:])
}

func (p *page) entry(i int) []byte { return p.entries[i*p.size : (i+1)*p.size] }

// word reads a number of the file's width.
func (f *File) word(b []byte, i int) uint64 {
	if f.form.wide {
		return binary.LittleEndian.Uint64(b[8*i:])
	}
	return uint64(binary.LittleEndian.Uint32(b[4*i:]))
}

// key is what entries are sorted by. The lowest bit of a block's number means
// nothing (MS-PST §2.2.2.2); of a node's, half of the field is unused.
func (f *File) key(kind byte, e []byte) uint64 {
	if kind == pageBlocks {
		return f.word(e, 0) &^ 1
	}
	return uint64(binary.LittleEndian.Uint32(e))
}

// find looks a key up in the tree below a root page and returns its entry.
func (f *File) find(root pageRef, kind byte, key uint64) (entry []byte, at int64, err error) {
	level := maxLevels + 1
	for {
		p, err := f.readPage(root, kind)
		if err != nil {
			return nil, root.at, err
		}
		if p.level >= level {
			return nil, root.at, &Damage{root.at, "a tree leads back upwards"}
		}
		level = p.level
		i := f.search(p, kind, key)
		if i < 0 {
			return nil, p.at, nil
		}
		e := p.entry(i)
		if level > 0 {
			root = f.ref(e[f.wordBytes():])
			continue
		}
		if f.key(kind, e) != key {
			return nil, p.at, nil
		}
		return e, p.at, nil
	}
}

// search finds the last entry whose key is not above the one that is wanted.
func (f *File) search(p *page, kind byte, key uint64) int {
	lo, hi := 0, p.count
	for lo < hi {
		mid := (lo + hi) / 2
		if f.key(kind, p.entry(mid)) <= key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// walk calls yield for the leaves of the node tree in order. Each page must lie
// within what its parent says of it, so none is visited twice. What is damaged is
// noted and passed over. It returns false if yield did.
func (f *File) walk(ref pageRef, level int, low, high uint64, yield func(e []byte) bool) bool {
	at := ref.at
	p, err := f.readPage(ref, pageNodes)
	if err != nil {
		f.torn = true
		f.noteError(at, err)
		return true
	}
	if p.level >= level {
		f.torn = true
		f.note(at, "the tree of nodes leads back upwards")
		return true
	}
	for i := range p.count {
		e := p.entry(i)
		key := f.key(pageNodes, e)
		if key < low || key >= high {
			f.torn = true
			f.note(at, "the tree of nodes is out of order")
			return true
		}
		low = key + 1
		if p.level == 0 {
			if !yield(e) {
				return false
			}
			continue
		}
		next := high
		if i+1 < p.count {
			next = min(high, f.key(pageNodes, p.entry(i+1)))
		}
		if !f.walk(f.ref(e[f.wordBytes():]), p.level, key, next, yield) {
			return false
		}
	}
	return true
}

func (f *File) noteError(at int64, err error) {
	if d, ok := err.(*Damage); ok {
		f.note(d.Offset, d.What)
		return
	}
	f.note(at, err.Error())
}

// One message may cost so many blocks, and the whole file so many for each four
// bytes of it and totalSteps beside: pieces may be shared, but a file that shares
// them without end was made to keep its reader busy. A letter of 64 MiB has 8,192.
const (
	maxSteps   = 200_000
	totalSteps = 10_000_000
)

var errTooMany = &Damage{What: "more pieces are named than can be meant"}

// extent is where a block lies.
type extent struct {
	number   uint64
	offset   int64
	size     int
	unpacked int // 0: not deflated
}

// internal tells blocks that hold numbers of other blocks. Their data is not encoded.
func internal(number uint64) bool { return number&2 != 0 }

func (f *File) extent(number uint64) (x extent, err error) {
	number &^= 1
	e, at, err := f.find(f.bbt, pageBlocks, number)
	if err != nil {
		if saved, ok := f.salvage().blocks[number]; ok {
			return saved.what, nil
		}
		return x, err
	}
	if e == nil {
		return x, &Damage{at, fmt.Sprintf("block %#x is not listed", number)}
	}
	return f.extentOf(e)
}

// extentOf reads an entry of the tree of blocks (MS-PST §2.2.2.7.7.3).
func (f *File) extentOf(e []byte) (x extent, err error) {
	number := f.key(pageBlocks, e)
	sizes := e[2*f.wordBytes():]
	x = extent{number: number, offset: clamp(f.word(e, 1)), size: int(binary.LittleEndian.Uint16(sizes))}
	if f.form.packed {
		if n := int(binary.LittleEndian.Uint16(sizes[2:])); n != x.size {
			x.unpacked = n
		}
	}
	if x.size > f.form.maxBlock {
		return x, &Damage{x.offset, fmt.Sprintf("block %#x cannot have %d bytes", number, x.size)}
	}
	return x, nil
}

// readBlock reads and decodes a block into buf. A wrong checksum is noted, and
// what stands there returned: a letter with a few wrong bytes is better than none. In
// a block of numbers it is an error.
func (f *File) readBlock(number uint64, buf []byte) ([]byte, error) {
	if f.steps, f.total = f.steps+1, f.total+1; f.steps > maxSteps || f.total > totalSteps+f.size/4 {
		return nil, errTooMany
	}
	x, err := f.extent(number)
	if err != nil {
		return nil, err
	}
	whole := (int64(x.size+f.form.trailer) + f.form.align - 1) / f.form.align * f.form.align
	b, err := f.fetch(buf, x.offset, int(whole))
	if err != nil {
		return nil, err
	}
	if err := f.checkBlock(x, b); err != nil {
		return nil, err
	}
	b = b[:x.size]
	if x.unpacked > 0 {
		return f.inflate(x, b)
	}
	if !internal(number) {
		f.decode(x.number, b)
	}
	return b, nil
}

func (f *File) decode(number uint64, b []byte) {
	switch f.crypt {
	case permuted:
		scramble.Unpermute(b)
	case cyclic:
		scramble.Cycle(b, uint32(number))
	}
}

// checkBlock compares a block with its trailer (MS-PST §2.2.2.8.1).
func (f *File) checkBlock(x extent, b []byte) error {
	number, sum := f.trailer(b[len(b)-f.form.trailer:])
	if number&^1 != x.number {
		return &Damage{x.offset, fmt.Sprintf("block %#x expected, but something else stands there", x.number)}
	}
	if checksum(b[:x.size]) == sum {
		return nil
	}
	what := fmt.Sprintf("the checksum of block %#x is wrong", x.number)
	if internal(x.number) {
		return &Damage{x.offset, what}
	}
	f.note(x.offset, what+"; its content was read as it stands")
	return nil
}

// inflate unpacks a block of the 4 KiB form.
func (f *File) inflate(x extent, b []byte) ([]byte, error) {
	if !internal(x.number) {
		f.decode(x.number, b)
	}
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, &Damage{x.offset, fmt.Sprintf("block %#x does not unpack: %v", x.number, err)}
	}
	out := make([]byte, x.unpacked)
	n, err := io.ReadFull(z, out)
	if err != nil {
		f.note(x.offset, fmt.Sprintf("block %#x unpacks to %d bytes, not %d", x.number, n, x.unpacked))
	}
	return out[:n], nil
}

// kept reads a block through the cache: for heaps and trees, whose blocks are
// asked for again and again. Nobody may write to it.
func (f *File) kept(number uint64) ([]byte, error) {
	number &^= 1
	if b, ok := f.blocks.get(number); ok {
		return b, nil
	}
	b, err := f.readBlock(number, nil)
	if err != nil {
		return nil, err
	}
	f.blocks.put(number, b)
	return b, nil
}
