package screening

import (
	"slices"
	"sort"
)

// hashed maps 32-bit hashes of keys to numbers. Two keys with one hash share their
// numbers: whoever looks up compares what it finds, so that costs time and nothing
// else. It is one sorted array with an index over the first bits.
type hashed struct {
	keys   []uint32
	values []int32
	first  []int32 // of each bucket
	shift  uint
}

type filed struct {
	key   uint32
	value int32
}

// filing gathers what becomes a hashed.
type filing []filed

func (f *filing) add(key uint32, value int32) { *f = append(*f, filed{key, value}) }

func (f filing) build() hashed {
	slices.SortFunc(f, func(a, b filed) int {
		if a.key != b.key {
			if a.key < b.key {
				return -1
			}
			return 1
		}
		return int(a.value) - int(b.value)
	})
	f = slices.Compact(f)
	bits := uint(1)
	for 1<<bits < len(f) && bits < 20 {
		bits++
	}
	h := hashed{keys: make([]uint32, len(f)), values: make([]int32, len(f)), first: make([]int32, 1<<bits+1), shift: 32 - bits}
	for i, e := range f {
		h.keys[i], h.values[i] = e.key, e.value
	}
	for b := range h.first {
		h.first[b] = int32(sort.Search(len(f), func(i int) bool { return uint64(f[i].key) >= uint64(b)<<h.shift }))
	}
	return h
}

// find returns the numbers of a key.
func (h *hashed) find(key uint32) []int32 {
	b := key >> h.shift
	from, to := int(h.first[b]), int(h.first[b+1])
	for from < to && h.keys[from] < key {
		from++
	}
	end := from
	for end < to && h.keys[end] == key {
		end++
	}
	return h.values[from:end]
}

// The kinds of key.
const (
	keyForm uint32 = 0x811c9dc5 + iota*0x01000193
	keyDeleted
	keySkeleton
	keyWeak
	keyChinese
	keyText
	keyCanon
	keyAcronym
)

// hash is FNV-1a, beginning with the kind of key.
func hash(kind uint32, s string) uint32 {
	for i := range len(s) {
		kind = (kind ^ uint32(s[i])) * 0x01000193
	}
	return kind
}

// skeletonKey is the key of a skeleton. Whether the word begins with a vowel, or a letter
// that stands for one, survives most romanisations and halves what must be compared.
func skeletonKey(form, skel string) uint32 {
	k := hash(keySkeleton, skel)
	if form != "" && (isVowel(form[0]) || form[0] == 'y' || form[0] == 'w' || form[0] == 'j') {
		k ^= 0x5bd1e995
	}
	return k
}

// deletions yields the keys of s and of s with any one letter left out: two words one
// slip apart share at least one (Mor and Fraenkel 1982).
func deletions(s string, yield func(uint32)) {
	yield(hash(keyDeleted, s))
	before := uint32(keyDeleted) // the hash of what is before the letter left out
	for skip := range len(s) {
		if skip > 0 {
			before = (before ^ uint32(s[skip-1])) * 0x01000193
			if s[skip] == s[skip-1] {
				continue
			}
		}
		yield(hash(before, s[skip+1:]))
	}
}
