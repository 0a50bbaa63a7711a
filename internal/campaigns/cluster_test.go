package campaigns

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"portcullis.example/portcullis"
)

// batch is what settling comes to, without a database.
func batch(t testing.TB, w *world, d *decided) map[portcullis.ID]string {
	t.Helper()
	var items []*profile
	for _, it := range w.items {
		p := newProfile(it)
		p.know(committees{})
		items = append(items, p)
	}
	slices.SortFunc(items, (*profile).before)
	wg, err := prepare(context.Background(), items, w.deps(), nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[portcullis.ID]string{}
	for n, members := range membersOf(items, partition(items, wg, d)) {
		if !eligible(members, d) {
			continue
		}
		for _, p := range members {
			found[p.event] = fmt.Sprint(n)
		}
	}
	return found
}

func TestQuality(t *testing.T) {
	for seed := range uint64(6) {
		w := full(seed)
		found := batch(t, w, newDecided(nil))
		score, precision, recall := f1(w.truth, found)
		t.Logf("seed %d: %d items, F1 %.3f, precision %.3f, recall %.3f", seed, len(w.items), score, precision, recall)
		if score < .95 {
			t.Errorf("seed %d: pairwise F1 %.3f (precision %.3f, recall %.3f), want at least 0.95", seed, score, precision, recall)
			w.misses(t, found)
		}
	}
}

// misses tells which campaigns were torn, and what was put together wrongly.
func (w *world) misses(t testing.TB, found map[portcullis.ID]string) {
	parts, mixed := map[string]map[string]int{}, map[string]map[string]int{}
	for id, name := range w.truth {
		if name != "" {
			if parts[name] == nil {
				parts[name] = map[string]int{}
			}
			parts[name][found[id]]++
		}
		if found[id] != "" {
			if mixed[found[id]] == nil {
				mixed[found[id]] = map[string]int{}
			}
			mixed[found[id]][name]++
		}
	}
	for _, name := range slices.Sorted(mapKeys(parts)) {
		if len(parts[name]) > 1 || parts[name][""] > 0 {
			t.Logf("torn: %s %v", name, parts[name])
		}
	}
	for _, id := range slices.Sorted(mapKeys(mixed)) {
		if len(mixed[id]) > 1 || mixed[id][""] > 0 {
			t.Logf("mixed: %v", mixed[id])
		}
	}
}
