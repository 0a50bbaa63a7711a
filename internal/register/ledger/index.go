package ledger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"path/filepath"
	"slices"
)

// The index says where to look: for a voter, which principals of a month were given the
// record; for a principal, in which leaves their blocks are. It is made from the leaves and
// can be made again; verifying does that and compares.
//
// A part of it covers a range of leaves whose blocks are all of one month. It holds a Roaring
// bitmap for each principal, turned on its side: the containers of all principals for one
// 2^16th of the numbers lie together, so that a look-up reads one short stretch of each
// month instead of three places in each principal's bitmap.

const (
	indexEnding = ".idx"
	indexMagic  = "PCIDX\x00\x00\x01"
	indexHeader = 64
	listLimit   = 8192 // values of a container that is a list of gaps; more are a bitmap of 8 KiB
	maxIndex    = 8 << 30
	maxSection  = 1 << 30
)

// blockRef says where a block is and what it covers.
type blockRef struct {
	leaf        int64
	offset      int // of the leaf's first byte in its bundle
	size        int
	hour        int64
	count       int
	first, last uint32 // permuted numbers
}

// entryRef says where an entry is.
type entryRef struct {
	leaf   int64
	offset int
	size   int
	covers bool // it says when the guard was off
}

// indexBuilder makes one part.
type indexBuilder struct {
	from, to   int64
	month      month
	period     month
	principals map[string]*principalIndex
	entries    []entryRef
	pairs      int
}

type principalIndex struct {
	numbers []uint32 // permuted; sorted and each once after settle
	refs    []blockRef
	pairs   int
}

// settle sorts the numbers. Adding them to a bitmap one by one costs four times as much, since
// they come scattered over all its containers.
func (p *principalIndex) settle() { p.numbers = slices.Compact(sortNumbers(p.numbers)) }

func newIndexBuilder(from int64) *indexBuilder {
	return &indexBuilder{from: from, to: from, month: -1, principals: map[string]*principalIndex{}}
}

// takes says whether a block belongs to this part.
func (x *indexBuilder) takes(b *block) bool {
	return x.month < 0 || x.month == b.month() && x.period == b.period
}

func (b *block) month() month { return hourMonth(b.hour) }

func (x *indexBuilder) add(leaf int64, offset, size int, b *block) {
	x.month, x.period, x.to = b.month(), b.period, leaf+1
	p := x.principals[b.principal]
	if p == nil {
		p = &principalIndex{}
		x.principals[b.principal] = p
	}
	for _, v := range b.pairs {
		p.numbers = append(p.numbers, uint32(v>>runBits))
	}
	first, last := b.pairs[0]>>runBits, b.pairs[len(b.pairs)-1]>>runBits
	p.refs = append(p.refs, blockRef{leaf, offset, size, b.hour, len(b.pairs), uint32(first), uint32(last)})
	p.pairs += len(b.pairs)
	x.pairs += len(b.pairs)
}

func (x *indexBuilder) addEntry(leaf int64, offset int, data []byte) {
	x.entries = append(x.entries, entryRef{leaf, offset, len(data), saysCoverage(data[1:])})
	x.to = leaf + 1
}

// section appends bytes and their checksum and says where they lie.
func section(b, content []byte) (out []byte, offset, size int) {
	offset = len(b)
	b = append(b, content...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(content, castagnoli)), offset, len(content)
}

// encode writes the part: header, block lists, chunks, entries, then the directories of
// principals and chunks, to which the header points.
func (x *indexBuilder) encode() ([]byte, error) {
	names := slices.Sorted(maps.Keys(x.principals))
	out := make([]byte, indexHeader)
	var principals, chunks, content []byte
	principals = binary.AppendUvarint(principals, uint64(len(names)))
	for _, name := range names {
		p := x.principals[name]
		p.settle()
		var offset, size int
		out, offset, size = section(out, appendRefs(nil, x.from, p.refs))
		principals = appendBytes(principals, []byte(name))
		for _, v := range []uint64{uint64(offset), uint64(size), uint64(p.pairs), uint64(len(p.numbers))} {
			principals = binary.AppendUvarint(principals, v)
		}
	}
	before := 0
	pieces := x.chunks(names)
	for _, high := range slices.Sorted(maps.Keys(pieces)) {
		var offset, size int
		out, offset, size = section(out, pieces[high].b)
		chunks = binary.AppendUvarint(chunks, uint64(int(high)-before))
		before = int(high)
		chunks = binary.AppendUvarint(binary.AppendUvarint(chunks, uint64(offset)), uint64(size))
	}
	for i, e := range x.entries {
		last := x.from
		if i > 0 {
			last = x.entries[i-1].leaf
		}
		content = binary.AppendUvarint(content, uint64(e.leaf-last))
		content = binary.AppendUvarint(content, uint64(e.offset))
		size := uint64(e.size) << 1
		if e.covers {
			size |= 1
		}
		content = binary.AppendUvarint(content, size)
	}
	header := append(make([]byte, 0, indexHeader), indexMagic...)
	header = binary.LittleEndian.AppendUint64(header, uint64(x.from))
	header = binary.LittleEndian.AppendUint64(header, uint64(x.to))
	header = binary.LittleEndian.AppendUint32(header, uint32(x.month))
	header = binary.LittleEndian.AppendUint32(header, uint32(x.period))
	at := uint64(len(out))
	for _, s := range [][]byte{principals, chunks, content} {
		if len(s) > maxSection {
			return nil, fmt.Errorf("index of %s: a section of %d bytes is more than it can hold", x.month, len(s))
		}
		var size int
		out, _, size = section(out, s)
		header = binary.LittleEndian.AppendUint32(header, uint32(size))
	}
	header = binary.LittleEndian.AppendUint64(header, at)
	header = binary.LittleEndian.AppendUint32(header, crc32.Checksum(header, castagnoli))
	copy(out, header)
	return out, nil
}

func appendRefs(b []byte, from int64, refs []blockRef) []byte {
	leaf, hour := from, int64(0)
	for _, r := range refs {
		for _, v := range []uint64{uint64(r.leaf - leaf), uint64(r.offset), uint64(r.size)} {
			b = binary.AppendUvarint(b, v)
		}
		b = binary.AppendVarint(b, r.hour-hour)
		for _, v := range []uint64{uint64(r.count), uint64(r.first), uint64(r.last - r.first)} {
			b = binary.AppendUvarint(b, v)
		}
		leaf, hour = r.leaf, r.hour
	}
	return b
}

// chunk gathers the containers for one high half.
type chunk struct {
	b    []byte
	last int // principal
}

// chunks turns the sets on their side.
func (x *indexBuilder) chunks(names []string) map[uint16]*chunk {
	pieces := map[uint16]*chunk{}
	low := make([]uint16, 0, 1<<16)
	flush := func(principal int, high uint16) {
		if len(low) == 0 {
			return
		}
		c := pieces[high]
		if c == nil {
			c = &chunk{}
			pieces[high] = c
		}
		c.b = binary.AppendUvarint(c.b, uint64(principal-c.last))
		c.b = appendContainer(binary.AppendUvarint(c.b, uint64(len(low))), low)
		c.last, low = principal, low[:0]
	}
	for i, name := range names {
		high := uint16(0)
		for _, v := range x.principals[name].numbers {
			if uint16(v>>16) != high {
				flush(i, high)
				high = uint16(v >> 16)
			}
			low = append(low, uint16(v))
		}
		flush(i, high)
	}
	return pieces
}

// containerRice is the parameter of the code for the gaps of a list of so many values.
func containerRice(count int) int { return rice((1 << 16) / uint64(count)) }

// appendContainer writes the values as gaps in a Rice code, or as a bitmap: 1.6 bytes for
// each of thirty where Roaring's own list takes 2.
func appendContainer(b []byte, low []uint16) []byte {
	if len(low) <= listLimit {
		w, k, last := bitWriter{b: b}, containerRice(len(low)), -1
		for _, v := range low {
			w.rice(uint64(int(v)-last-1), k)
			last = int(v)
		}
		return w.finish()
	}
	at := len(b)
	b = append(b, make([]byte, 8<<10)...)
	for _, v := range low {
		b[at+int(v>>3)] |= 1 << (v & 7)
	}
	return b
}

// index writes the parts that are complete: their month is over, or they have grown large.
func (l *Ledger) index() error {
	s := &l.seals
	parts, err := buildParts(filepath.Join(l.dir, "log"), s.state.Indexed, s.state.Size)
	if err != nil {
		return err
	}
	dir, next := filepath.Join(l.dir, "index"), s.state
	for i, x := range parts {
		if i == len(parts)-1 && x.pairs < maxPart {
			break
		}
		data, err := x.encode()
		if err != nil {
			return err
		}
		if err := replaceFile(l.cfg.files, filepath.Join(dir, indexName(x.from, x.to)), data); err != nil {
			return fmt.Errorf("write index: %w", err)
		}
		next.Indexed = x.to
	}
	if next.Indexed == s.state.Indexed {
		return nil
	}
	if err := l.putState(next); err != nil {
		return err
	}
	s.mu.Lock()
	s.state = next
	s.mu.Unlock()
	return nil
}

// maxPart bounds what a reader has to hold of leaves that have no index yet.
const maxPart = 48 << 20

// buildParts reads leaves and gathers them to parts of one month each.
func buildParts(dir string, from, to int64) ([]*indexBuilder, error) {
	x := newIndexBuilder(from)
	parts := []*indexBuilder{x}
	var b block
	for n := from / tileWidth; n*tileWidth < to; n++ {
		leaves, err := readBundle(dir, n, to)
		if err != nil {
			return nil, err
		}
		for i := range leaves.len() {
			leaf := n*tileWidth + int64(i)
			if leaf < from {
				continue
			}
			if x, err = x.take(leaf, leaves.start[i]+2, leaves.leaf(i), &b); err != nil {
				return nil, err
			}
			if x != parts[len(parts)-1] {
				parts = append(parts, x)
			}
		}
	}
	return parts, nil
}

// take adds a leaf, to a new part where it doesn't belong to this one.
func (x *indexBuilder) take(leaf int64, offset int, data []byte, b *block) (*indexBuilder, error) {
	switch {
	case len(data) > 0 && data[0] == leafEntry:
		x.addEntry(leaf, offset, data)
		return x, nil
	default:
		if err := decodeBlock(data, b); err != nil {
			return x, fmt.Errorf("leaf %d is damaged: %w", leaf, err)
		}
	}
	if !x.takes(b) || x.pairs >= maxPart {
		x = newIndexBuilder(leaf)
	}
	x.add(leaf, offset, len(data), b)
	return x, nil
}
