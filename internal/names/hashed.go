package names

import "math/bits"

// hashed maps 64-bit keys to the numbers filed under each. It is built at once
// and never changes: two flat slices, divided into buckets by the key's bits, so
// that building costs two passes and a look-up that misses about one cache line.
type hashed struct {
	shift  uint
	starts []uint32
	keys   []uint64
	values []int32
}

// filing collects what a hashed is built from.
type filing struct {
	keys   []uint64
	values []int32
}

func newFiling(size int) *filing {
	return &filing{keys: make([]uint64, 0, size), values: make([]int32, 0, size)}
}

func (f *filing) add(key uint64, value int32) {
	f.keys = append(f.keys, key)
	f.values = append(f.values, value)
}

// spread is the finaliser of MurmurHash3's family: keys that are pairs of small
// numbers would otherwise share buckets.
func spread(k uint64) uint64 {
	k ^= k >> 33
	k *= 0xff51afd7ed558ccd
	return k ^ k>>29
}

func (f *filing) build() hashed {
	n := max(bits.Len(uint(len(f.keys))), 1)
	h := hashed{shift: uint(64 - n), starts: make([]uint32, 1<<n+1),
		keys: make([]uint64, len(f.keys)), values: make([]int32, len(f.keys))}
	for _, k := range f.keys {
		h.starts[spread(k)>>h.shift+1]++
	}
	for i := 1; i < len(h.starts); i++ {
		h.starts[i] += h.starts[i-1]
	}
	next := make([]uint32, len(h.starts)-1)
	copy(next, h.starts)
	for i, k := range f.keys {
		b := spread(k) >> h.shift
		h.keys[next[b]], h.values[next[b]] = k, f.values[i]
		next[b]++
	}
	return h
}

// each calls yield with every value under key, in the order they were filed,
// until it returns false.
func (h *hashed) each(key uint64, yield func(int32) bool) {
	b := spread(key) >> h.shift
	for i := h.starts[b]; i < h.starts[b+1]; i++ {
		if h.keys[i] == key && !yield(h.values[i]) {
			return
		}
	}
}
