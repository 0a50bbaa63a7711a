package honey

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
)

// maxValues bounds the distinct values of one table.
const maxValues = 2_000_000

// tally counts values.
type tally map[string]int

func (t tally) add(v string) {
	if _, ok := t[v]; ok || len(t) < maxValues {
		t[v]++
	}
}

// Weight is a value and how often it occurs.
type Weight struct {
	V string `json:"v"`
	N int    `json:"n"`
}

// Weights are values to draw from, in a fixed order.
type Weights struct {
	All   []Weight `json:"all"`
	sums  []int
	total int
}

func (t tally) weights() Weights {
	w := Weights{}
	for _, v := range slices.Sorted(maps.Keys(t)) {
		w.All = append(w.All, Weight{v, t[v]})
	}
	slices.SortStableFunc(w.All, func(a, b Weight) int { return cmp.Compare(b.N, a.N) })
	w.ready()
	return w
}

func (w *Weights) ready() {
	w.sums, w.total = make([]int, len(w.All)), 0
	for i, v := range w.All {
		w.total += max(0, v.N)
		w.sums[i] = w.total
	}
}

// index draws which one.
func (w *Weights) index(r *rand.Rand) int {
	if w.total == 0 {
		return -1
	}
	at, _ := slices.BinarySearch(w.sums, r.IntN(w.total)+1)
	return at
}

func (w *Weights) draw(r *rand.Rand) string {
	if i := w.index(r); i >= 0 {
		return w.All[i].V
	}
	return ""
}
