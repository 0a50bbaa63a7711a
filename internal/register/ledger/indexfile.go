package ledger

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

func readRefs(b []byte, from int64) ([]blockRef, error) {
	r := reader{b: b}
	var refs []blockRef
	leaf, hour := uint64(from), int64(0)
	for len(r.b) > 0 {
		var ref blockRef
		leaf += r.uvarint(math.MaxInt64 / 2)
		ref.leaf, ref.offset, ref.size = int64(leaf), int(r.uvarint(maxBundle)), int(r.uvarint(maxLeaf))
		hour += r.varint()
		ref.hour, ref.count = hour, int(r.uvarint(8*maxLeaf))
		first := r.uvarint(math.MaxUint32)
		ref.first, ref.last = uint32(first), uint32(first+r.uvarint(math.MaxUint32-first))
		if r.err != nil {
			return nil, r.err
		}
		refs = append(refs, ref)
	}
	return refs, r.err
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// inChunk finds the principals whose container has the value.
func inChunk(b []byte, low uint16, principals int) (hits []int, err error) {
	r := reader{b: b}
	at := 0
	for len(r.b) > 0 {
		at += int(r.uvarint(math.MaxInt32))
		count := int(r.uvarint(1 << 16))
		has := r.container(count, low)
		if r.err != nil {
			return nil, r.err
		}
		if at >= principals {
			return nil, errors.New("a principal it does not know")
		}
		if has {
			hits = append(hits, at)
		}
	}
	return hits, r.err
}

// container takes a container off and says whether it has the value.
func (r *reader) container(count int, low uint16) bool {
	if count > listLimit {
		b := r.take(8 << 10)
		return b != nil && b[low>>3]&(1<<(low&7)) != 0
	}
	if count == 0 {
		r.fail(errors.New("an empty container"))
		return false
	}
	in, k, value, has := bitReader{b: r.b}, containerRice(count), uint64(0), false
	for range count {
		value += in.rice(k) + 1
		has = has || value == uint64(low)+1
	}
	if in.short || value > 1<<16 {
		r.fail(errors.New("a damaged container"))
		return false
	}
	r.b = r.b[len(r.b)-len(in.b)-in.n/8:]
	return has
}

// indexFile is a part on the disk.
type indexFile struct {
	path          string
	file          *os.File
	from, to      int64
	month, period month
	principals    []principalRef
	chunks        []chunkRef
	entries       []entryRef
}

type principalRef struct {
	name           string
	offset, size   int64
	pairs, numbers uint64
}

type chunkRef struct {
	high         uint16
	offset, size int64
}

func indexName(from, to int64) string { return fmt.Sprintf("%014d-%014d%s", from, to, indexEnding) }

func parseIndexName(name string) (from, to int64, ok bool) {
	a, b, cut := strings.Cut(strings.TrimSuffix(name, indexEnding), "-")
	from, err := strconv.ParseInt(a, 10, 64)
	to, err2 := strconv.ParseInt(b, 10, 64)
	return from, to, cut && err == nil && err2 == nil && from < to && indexName(from, to) == name
}

func openIndex(path string) (*indexFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	x := &indexFile{path: path, file: f}
	if err := x.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("index %s is damaged (%w): remove it, it is made anew from the leaves", path, err), f.Close())
	}
	return x, nil
}

func (x *indexFile) load() error {
	header := make([]byte, indexHeader)
	if _, err := x.file.ReadAt(header, 0); err != nil {
		return err
	}
	const sum = 8 + 8 + 8 + 4 + 4 + 3*4 + 8
	if string(header[:8]) != indexMagic || crc32.Checksum(header[:sum], castagnoli) != binary.LittleEndian.Uint32(header[sum:]) {
		return errors.New("its header")
	}
	x.from, x.to = int64(binary.LittleEndian.Uint64(header[8:])), int64(binary.LittleEndian.Uint64(header[16:]))
	x.month, x.period = month(binary.LittleEndian.Uint32(header[24:])), month(binary.LittleEndian.Uint32(header[28:]))
	at := int64(binary.LittleEndian.Uint64(header[44:]))
	var sections [3][]byte
	for i := range sections {
		size := int64(binary.LittleEndian.Uint32(header[32+4*i:]))
		var err error
		if sections[i], err = x.section(at, size); err != nil {
			return err
		}
		at += size + 4
	}
	return cmp.Or(x.readPrincipals(sections[0]), x.readChunks(sections[1]), x.readEntries(sections[2]))
}

func (x *indexFile) section(offset, size int64) ([]byte, error) {
	info, err := x.file.Stat()
	if err != nil {
		return nil, err
	}
	if size < 0 || size > maxSection || offset < 0 || offset > info.Size()-size-4 {
		return nil, errors.New("a section outside the file")
	}
	b := make([]byte, size+4)
	if _, err := x.file.ReadAt(b, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if crc32.Checksum(b[:size], castagnoli) != binary.LittleEndian.Uint32(b[size:]) {
		return nil, errors.New("a checksum")
	}
	return b[:size], nil
}

func (x *indexFile) readPrincipals(b []byte) error {
	r := reader{b: b}
	count := r.uvarint(uint64(len(b)))
	for range count {
		p := principalRef{name: string(r.bytes(maxName)), offset: int64(r.uvarint(maxIndex)), size: int64(r.uvarint(maxSection))}
		p.pairs, p.numbers = r.uvarint(math.MaxInt64), r.uvarint(math.MaxInt64)
		if r.err != nil {
			return r.err
		}
		x.principals = append(x.principals, p)
	}
	return r.err
}

func (x *indexFile) readChunks(b []byte) error {
	r := reader{b: b}
	high := uint64(0)
	for len(r.b) > 0 {
		high += r.uvarint(math.MaxUint16)
		c := chunkRef{high: uint16(high), offset: int64(r.uvarint(maxIndex)), size: int64(r.uvarint(maxSection))}
		if r.err != nil || high > math.MaxUint16 {
			return errors.Join(errors.New("its chunks"), r.err)
		}
		x.chunks = append(x.chunks, c)
	}
	return r.err
}

func (x *indexFile) readEntries(b []byte) error {
	r := reader{b: b}
	leaf := x.from
	for len(r.b) > 0 {
		leaf += int64(r.uvarint(math.MaxInt32))
		e := entryRef{leaf: leaf, offset: int(r.uvarint(maxBundle))}
		size := r.uvarint(2*maxLeaf + 1)
		e.size, e.covers = int(size>>1), size&1 == 1
		if r.err != nil {
			return r.err
		}
		x.entries = append(x.entries, e)
	}
	return r.err
}

func (x *indexFile) refs(p principalRef) ([]blockRef, error) {
	b, err := x.section(p.offset, p.size)
	if err != nil {
		return nil, err
	}
	return readRefs(b, x.from)
}

// hits finds the principals who were given this number.
func (x *indexFile) hits(number uint32) ([]int, error) {
	i, ok := slices.BinarySearchFunc(x.chunks, uint16(number>>16), func(c chunkRef, high uint16) int { return cmp.Compare(c.high, high) })
	if !ok {
		return nil, nil
	}
	b, err := x.section(x.chunks[i].offset, x.chunks[i].size)
	if err != nil {
		return nil, err
	}
	return inChunk(b, uint16(number), len(x.principals))
}
