package ledger

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Kinds of leaves.
const (
	leafBlock = 1 // disclosures
	leafEntry = 2 // JSON of an Entry
)

// maxLeaf is what tlog-tiles' entry bundles can hold, whose lengths have 16 bits.
const maxLeaf = 1<<16 - 1

// block is a decoded leaf of disclosures.
type block struct {
	blockKey
	runs  []run
	pairs []pair // sorted, without repetition
}

func compareKeys(a, b blockKey) int {
	return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.principal, b.principal), cmp.Compare(a.program, b.program),
		cmp.Compare(a.purpose, b.purpose), cmp.Compare(a.period, b.period))
}

// rice is the parameter of a Rice code for gaps of this mean: the optimum for geometric gaps,
// which random sets have, is about log2(mean·ln 2).
func rice(mean uint64) int { return max(0, bits.Len64(mean*7/10)-1) }

func runWidth(runs int) int { return bits.Len(uint(runs - 1)) }

// fits says how many of the pairs certainly fit one leaf.
func fits(pairs []pair, runs int) int {
	statements := min(runs, maxStatements)
	room := 8 * (maxLeaf - 16*statements - 3*(maxName+2) - 64)
	n := len(pairs)
	for {
		// n codes of k+1+width bits, and the unary parts: the sum of all gaps over 2^k.
		span := uint64(pairs[n-1]>>runBits-pairs[0]>>runBits) + 1
		k := rice(span / uint64(n))
		if n*(k+1+runWidth(runs))+int(span>>k) <= room {
			return n
		}
		n = max(1, n*3/4)
	}
}

// encodeBlock writes a leaf: key, statements with the minutes they ran in, then for each pair
// the gap to the voter before it in a Rice code and the number of its run.
//
// A Rice code takes 2.4 bytes for a gap where a varint takes 3, and the minutes with their
// statement cost what is left: six bits for a clerk's hour of single look-ups.
func encodeBlock(key blockKey, runs []run, pairs []pair) ([]byte, error) {
	b := []byte{leafBlock}
	b = binary.AppendUvarint(b, uint64(key.period))
	b = binary.AppendUvarint(b, uint64(key.hour))
	b = key.names.append(b)
	b = appendRuns(b, runs)
	b = binary.AppendUvarint(b, uint64(len(pairs)))
	first := uint64(pairs[0] >> runBits)
	b = binary.AppendUvarint(b, first)
	k := rice((uint64(pairs[len(pairs)-1]>>runBits) - first + 1) / uint64(len(pairs)))
	w := bitWriter{b: append(b, byte(k))}
	width := runWidth(len(runs))
	before := first
	for _, p := range pairs {
		v := uint64(p >> runBits)
		w.rice(v-before, k)
		w.put(uint64(p)&(1<<runBits-1), width)
		before = v
	}
	if b = w.finish(); len(b) > maxLeaf {
		return nil, fmt.Errorf("a block of %d bytes does not fit a leaf", len(b))
	}
	return b, nil
}

// appendRuns writes the runs, which are sorted: for each statement the minutes as a mask.
func appendRuns(b []byte, runs []run) []byte {
	var flat []byte
	statements := 0
	for i := 0; i < len(runs); {
		s, mask := runs[i].statement, uint64(0)
		for ; i < len(runs) && runs[i].statement == s; i++ {
			mask |= 1 << runs[i].minute
		}
		flat = binary.LittleEndian.AppendUint64(flat, s)
		flat = binary.LittleEndian.AppendUint64(flat, mask)
		statements++
	}
	return append(binary.AppendUvarint(b, uint64(statements)), flat...)
}

// decodeBlock reads a leaf back. It takes only what encodeBlock writes: every block has one encoding.
func decodeBlock(leaf []byte, into *block) error {
	r := reader{b: leaf}
	if r.byte() != leafBlock {
		return errors.New("no block of disclosures")
	}
	into.period = month(r.uvarint(maxMonth))
	into.hour = int64(r.uvarint(math.MaxInt64 / uint64(microHour)))
	into.names = r.names()
	into.runs = readRuns(&r, into.runs[:0])
	count := r.uvarint(8 * maxLeaf)
	first := r.uvarint(math.MaxUint32)
	k := int(r.byte())
	switch {
	case r.err != nil:
		return r.err
	case k > 32 || count == 0 || len(into.runs) == 0:
		return errors.New("a block without disclosures, or with a wrong code")
	case uint64(len(r.b))*8 < count: // at least a bit each: bounds what a damaged count allocates
		return errShort
	}
	return into.readPairs(r.b, int(count), first, k)
}

func readRuns(r *reader, runs []run) []run {
	statements := r.uvarint(maxStatements)
	var last uint64
	for i := range statements {
		s, mask := r.uint64(), r.uint64()
		if r.err != nil {
			return runs
		}
		if i > 0 && s <= last || mask == 0 || mask>>60 != 0 {
			r.fail(errors.New("statements or minutes are out of order"))
			return runs
		}
		last = s
		for ; mask != 0; mask &= mask - 1 {
			runs = append(runs, run{s, uint8(bits.TrailingZeros64(mask))})
		}
	}
	return runs
}

func (b *block) readPairs(data []byte, count int, first uint64, k int) error {
	if cap(b.pairs) < count {
		b.pairs = make([]pair, count)
	}
	pairs := b.pairs[:count]
	in := bitReader{b: data}
	width, runs := runWidth(len(b.runs)), uint64(len(b.runs))
	voter, last := first, pair(0)
	for i := range pairs {
		voter += in.rice(k)
		r := in.take(width)
		p := pair(voter<<runBits | r)
		if voter > math.MaxUint32 || r >= runs || in.short || i > 0 && p <= last {
			return errors.New("its disclosures are damaged")
		}
		pairs[i], last = p, p
	}
	if pairs[0]>>runBits != pair(first) || in.rest() {
		return errors.New("its disclosures are damaged")
	}
	b.pairs = pairs
	return nil
}

// bitWriter puts bits behind each other, the low ones first.
type bitWriter struct {
	b   []byte
	acc uint64
	n   int
}

func (w *bitWriter) put(v uint64, width int) {
	w.acc |= v << w.n
	if w.n += width; w.n >= 32 {
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(w.acc))
		w.acc >>= 32
		w.n -= 32
	}
}

// rice writes v>>k as so many zeros and a one, then the low k bits.
func (w *bitWriter) rice(v uint64, k int) {
	q := v >> k
	for ; q >= 24; q -= 24 {
		w.put(0, 24)
	}
	w.put(1<<q, int(q)+1)
	if k > 16 {
		w.put(v&0xffff, 16)
		v, k = v>>16, k-16
	}
	w.put(v&(1<<k-1), k)
}

func (w *bitWriter) finish() []byte {
	for ; w.n > 0; w.n -= 8 {
		w.b = append(w.b, byte(w.acc))
		w.acc >>= 8
	}
	return w.b
}

// bitReader takes them off again.
type bitReader struct {
	b     []byte
	acc   uint64
	n     int
	short bool
}

func (r *bitReader) fill() {
	if len(r.b) >= 4 && r.n <= 32 {
		r.acc |= uint64(binary.LittleEndian.Uint32(r.b)) << r.n
		r.b, r.n = r.b[4:], r.n+32
		return
	}
	for r.n <= 56 && len(r.b) > 0 {
		r.acc |= uint64(r.b[0]) << r.n
		r.b, r.n = r.b[1:], r.n+8
	}
}

func (r *bitReader) take(width int) uint64 {
	if r.n < width {
		if r.fill(); r.n < width {
			r.short = true
			return 0
		}
	}
	v := r.acc & (1<<width - 1)
	r.acc >>= width
	r.n -= width
	return v
}

func (r *bitReader) rice(k int) uint64 {
	q := uint64(0)
	for r.acc == 0 {
		q += uint64(r.n)
		r.acc, r.n = 0, 0
		if r.fill(); r.n == 0 {
			r.short = true
			return 0
		}
	}
	zeros := bits.TrailingZeros64(r.acc)
	if zeros >= r.n { // what is above n is zero, so this can't be
		r.short = true
		return 0
	}
	r.acc >>= zeros + 1
	r.n -= zeros + 1
	q += uint64(zeros)
	if k > 16 {
		low := r.take(16)
		return q<<k | low | r.take(k-16)<<16
	}
	return q<<k | r.take(k)
}

// rest says whether more than the last byte's padding is left.
func (r *bitReader) rest() bool { return len(r.b) > 0 || r.n >= 8 || r.acc != 0 }
