package pst

import (
	"cmp"
	"maps"
	"slices"
)

// salvaged is what was found by looking at every page of a file whose trees are
// broken. The pages at the bottom of a tree say all that is needed; those above
// only lead to them. Pages that are no longer in use are found as well, so the
// one with the higher number counts, and what a block is worth its own trailer
// says. Messages that were deleted not long ago may come back so.
type salvaged struct {
	nodes  map[uint32]found[node]
	blocks map[uint64]found[extent]
	full   bool
}

type found[T any] struct {
	page uint64
	what T
}

// maxSalvaged bounds the memory for a broken file: a million blocks are 8 GB of mail.
const maxSalvaged = 1 << 20

// salvage looks through the whole file, once.
func (f *File) salvage() *salvaged {
	if f.saved != nil {
		return f.saved
	}
	s := &salvaged{nodes: map[uint32]found[node]{}, blocks: map[uint64]found[extent]{}}
	f.saved = s
	f.note(0, "its trees are broken: all of the file was searched for what they should lead to")
	chunk := 1 << 20
	var buf []byte
	for at := int64(0); at+int64(f.form.page) <= f.size && !s.full; at += int64(chunk) {
		if f.Stopped != nil && f.Stopped() {
			return s
		}
		b, err := f.fetch(buf, at, int(min(int64(chunk), f.size-at)))
		if err != nil {
			f.noteError(at, err)
			continue
		}
		buf = b
		for i := 0; i+f.form.page <= len(b); i += f.form.page {
			f.salvagePage(s, at+int64(i), b[i:i+f.form.page])
		}
	}
	if s.full {
		f.note(0, "more blocks were found than are remembered of a broken file: the rest was not read")
	}
	return s
}

// salvagePage takes the entries of a page, if it is one at the bottom of a tree.
func (f *File) salvagePage(s *salvaged, at int64, b []byte) {
	kind := b[f.form.page-f.form.trailer]
	if kind != pageNodes && kind != pageBlocks {
		return
	}
	p, err := f.parsePage(at, kind, b)
	if err != nil || p.level != 0 {
		return
	}
	for i := range p.count {
		e := p.entry(i)
		if kind == pageNodes {
			n := f.nodeOf(e)
			keepNewer(s.nodes, n.number, p.number, n)
		} else if x, err := f.extentOf(e); err == nil {
			keepNewer(s.blocks, x.number, p.number, x)
		}
	}
	s.full = len(s.nodes)+len(s.blocks) > 2*maxSalvaged
}

func keepNewer[K comparable, T any](m map[K]found[T], key K, page uint64, what T) {
	if old, ok := m[key]; !ok || old.page < page {
		m[key] = found[T]{page, what}
	}
}

// lost calls yield for the messages that a broken tree no longer leads to.
func (f *File) lost(yield func(Entry) bool) {
	s := f.salvage()
	numbers := slices.SortedFunc(maps.Keys(s.nodes), cmp.Compare[uint32])
	for _, number := range numbers {
		if number&0x1f != kindMessage {
			continue
		}
		if e, _, err := f.find(f.nbt, pageNodes, uint64(number)); err == nil && e != nil {
			continue // it came in its turn
		}
		n := s.nodes[number].what
		if !yield(Entry{Number: number, Folder: n.parent, node: n}) {
			return
		}
	}
}
