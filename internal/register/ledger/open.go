package ledger

import (
	"math/bits"
	"slices"
)

// pair is one disclosure in an open block: the permuted voter and, in the low 16 bits, the run.
type pair uint64

const (
	runBits       = 16
	maxStatements = 512 // of one block: 16 bytes each
)

// run says with which statement and in which minute of the block's hour.
type run struct {
	statement uint64
	minute    uint8
}

func compareRuns(a, b run) int {
	if a.statement != b.statement {
		if a.statement < b.statement {
			return -1
		}
		return 1
	}
	return int(a.minute) - int(b.minute)
}

// blockKey is what one block is about.
type blockKey struct {
	names
	period month
	hour   int64 // since 1970
}

// openBlock gathers disclosures until it is sealed.
type openBlock struct {
	runs       []run
	index      map[run]int
	statements map[uint64]struct{}
	pairs      []pair
}

// openBlocks are what the log will get next.
type openBlocks struct {
	blocks  map[blockKey][]*openBlock // a further one where the last has too many statements
	entries [][]byte                  // JSON, in order
	pairs   int
	alive   int64 // time of the newest record
	upto    uint64
}

func (o *openBlocks) add(r record) {
	o.alive = max(o.alive, r.time)
	switch {
	case r.kind == recordEntry:
		o.entries = append(o.entries, r.entry)
	case r.kind == recordDisclosure && len(r.voters) > 0:
		key := blockKey{r.names, r.period, r.time / microHour}
		if o.blocks == nil {
			o.blocks = map[blockKey][]*openBlock{}
		}
		list := o.blocks[key]
		if len(list) == 0 || !list[len(list)-1].hasRoom(r.statement) {
			list = append(list, &openBlock{index: map[run]int{}, statements: map[uint64]struct{}{}})
			o.blocks[key] = list
		}
		list[len(list)-1].add(run{r.statement, uint8(r.time % microHour / (60 * 1e6))}, r.voters)
		o.pairs += len(r.voters)
	}
}

func (b *openBlock) hasRoom(statement uint64) bool {
	_, known := b.statements[statement]
	return known || len(b.statements) < maxStatements
}

func (b *openBlock) add(r run, voters []uint32) {
	i, ok := b.index[r]
	if !ok {
		i = len(b.runs)
		b.index[r], b.runs = i, append(b.runs, r)
		b.statements[r.statement] = struct{}{}
	}
	b.pairs = slices.Grow(b.pairs, len(voters))
	for _, v := range voters {
		b.pairs = append(b.pairs, pair(v)<<runBits|pair(i))
	}
}

func (o *openBlocks) empty() bool { return len(o.blocks) == 0 && len(o.entries) == 0 }

// leaves encodes everything as leaves: the entries in order, then the blocks by hour and names.
func (o *openBlocks) leaves() ([][]byte, error) {
	var leaves [][]byte
	for _, e := range o.entries {
		leaves = append(leaves, append([]byte{leafEntry}, e...))
	}
	keys := make([]blockKey, 0, len(o.blocks))
	for key := range o.blocks {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareKeys)
	for _, key := range keys {
		for _, b := range o.blocks[key] {
			var err error
			if leaves, err = b.encode(leaves, key); err != nil {
				return nil, err
			}
		}
	}
	return leaves, nil
}

// encode sorts the pairs, drops repeated ones, and cuts them into blocks that fit a leaf.
func (b *openBlock) encode(leaves [][]byte, key blockKey) ([][]byte, error) {
	order := slices.Clone(b.runs)
	slices.SortFunc(order, compareRuns)
	place := make([]pair, len(b.runs))
	for i, r := range order {
		place[b.index[r]] = pair(i)
	}
	pairs := make([]pair, len(b.pairs))
	for i, p := range b.pairs {
		pairs[i] = p&^(1<<runBits-1) | place[p&(1<<runBits-1)]
	}
	pairs = slices.Compact(sortNumbers(pairs))
	for len(pairs) > 0 {
		n := fits(pairs, len(order))
		leaf, err := encodeBlock(key, order, pairs[:n])
		if err != nil {
			return nil, err
		}
		leaves, pairs = append(leaves, leaf), pairs[n:]
	}
	return leaves, nil
}

// sortNumbers sorts by radix where there are enough to gain by it: a bulk copy brings millions a minute. The
// first pass goes by the highest bits that differ, so that the others, from the lowest up, find each part in the
// processor's cache. What is returned is p or takes its place.
func sortNumbers[T pair | uint32](p []T) []T {
	if len(p) < 1<<12 {
		slices.Sort(p)
		return p
	}
	differ := differing(p)
	top := max(0, bits.Len64(uint64(differ))-8)
	var ends [1 << 8]int
	for _, v := range p {
		ends[v>>top&(1<<8-1)]++
	}
	begin(ends[:])
	other := make([]T, len(p))
	for _, v := range p {
		d := v >> top & (1<<8 - 1)
		other[ends[d]] = v
		ends[d]++
	}
	from := 0
	for _, end := range ends {
		sortPart(other[from:end], p[from:end], differ&(1<<top-1))
		from = end
	}
	return other
}

// differing are the bits that are not the same in all.
func differing[T pair | uint32](p []T) T {
	or, and := T(0), ^T(0)
	for _, v := range p {
		or, and = or|v, and&v
	}
	return or &^ and
}

// begin makes of how many there are of each where each begins.
func begin(count []int) {
	at := 0
	for i, n := range count {
		count[i], at = at, at+n
	}
}

// sortPart sorts p by the bits that differ; room is as large.
func sortPart[T pair | uint32](p, room []T, differ T) {
	if len(p) < 1<<8 {
		slices.Sort(p)
		return
	}
	const digit = 9
	elsewhere := false
	for differ != 0 {
		shift := bits.TrailingZeros64(uint64(differ))
		var count [1 << digit]int
		for _, v := range p {
			count[v>>shift&(1<<digit-1)]++
		}
		begin(count[:])
		for _, v := range p {
			d := v >> shift & (1<<digit - 1)
			room[count[d]] = v
			count[d]++
		}
		p, room, elsewhere = room, p, !elsewhere
		differ &^= (1<<digit - 1) << shift
	}
	if elsewhere {
		copy(room, p)
	}
}
