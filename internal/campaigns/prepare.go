package campaigns

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"portcullis.example/portcullis"
)

const (
	askAtOnce  = 500 // values whose frequency is asked for at a time
	likeLimit  = 400 // mails of one text that are looked for in the archive
	namesLimit = 64  // names under one value that are told apart
)

// prepare gathers what weighing a set of items needs: how often values occur, which texts are
// shared, how many items are for whom. The items are in canonical order.
func prepare(ctx context.Context, items []*profile, d Deps, told map[int64]bool) (*weigher, error) {
	w := &weigher{total: len(items), items: len(items), groups: map[string]int{}}
	if d.Archive != nil {
		n, err := d.Archive.Total(ctx)
		if err != nil {
			return nil, fmt.Errorf("count events: %w", err)
		}
		w.total = max(n, len(items))
	}
	for _, p := range items {
		for _, g := range p.groups {
			w.groups[g]++
		}
	}
	shared := w.count(items)
	if err := w.ask(ctx, shared, d, told); err != nil {
		return nil, err
	}
	return w, w.texts(ctx, items, d.Resembling)
}

// count notes for each value that more than one item holds by how many and under how
// many names, and returns these values in the order in which they were met.
func (w *weigher) count(items []*profile) (shared []portcullis.Observable) {
	inside := make(map[int64]int32, 8*len(items))
	for _, p := range items {
		for i := range p.feats {
			inside[p.feats[i].key]++
		}
		if key, ok := structureKey(p.structure); ok {
			inside[key]++
		}
	}
	w.stats = map[int64]stat{}
	for _, p := range items {
		if key, ok := structureKey(p.structure); ok && inside[key] > 1 {
			w.stats[key] = stat{seen: int(inside[key]), inside: int(inside[key])}
		}
		for _, f := range p.feats {
			n := int(inside[f.key])
			if n < 2 {
				continue
			}
			if _, ok := w.stats[f.key]; !ok {
				w.stats[f.key] = stat{seen: n, inside: n}
				shared = append(shared, f.obs)
			}
		}
	}
	w.faces(items)
	return shared
}

// faces counts under how many names values occur that more than one item holds. Of a value that
// very many hold, some items are sample enough.
func (w *weigher) faces(items []*profile) {
	names := map[int64][]int64{}
	for _, p := range items {
		name := p.value(RoleName)
		if name == 0 {
			continue
		}
		for i := range p.feats {
			f := &p.feats[i]
			if _, shared := w.stats[f.key]; shared && f.role.faces {
				if set := names[f.key]; len(set) < namesLimit && !slices.Contains(set, name) {
					names[f.key] = append(set, name)
				}
			}
		}
	}
	for key, set := range names {
		s := w.stats[key]
		s.names = len(set)
		w.stats[key] = s
	}
}

// ask completes the statistics of values from the archive, the lists and what we were told.
func (w *weigher) ask(ctx context.Context, values []portcullis.Observable, d Deps, told map[int64]bool) error {
	lists := d.Lists
	if lists == nil {
		lists = OwnLists()
	}
	for chunk := range slices.Chunk(values, askAtOnce) {
		var seen []int
		if d.Archive != nil {
			var err error
			if seen, err = d.Archive.Frequency(ctx, chunk); err != nil {
				return fmt.Errorf("ask how common %s are: %w", plural(len(chunk), "value"), err)
			}
		}
		for i, o := range chunk {
			key := keyOf(o)
			s := w.stats[key]
			if i < len(seen) {
				s.seen = max(s.seen, seen[i])
			}
			s.one = o.Type == portcullis.TypeEmail
			s.listed, s.told = cmp.Or(lists.Match(o), s.listed), told[key]
			w.stats[key] = s
		}
	}
	return nil
}

// texts finds which items say the same, and asks the archive who else got it.
func (w *weigher) texts(ctx context.Context, items []*profile, r Resembling) error {
	groups := sameTexts(items)
	known := map[portcullis.ID]bool{}
	if len(groups) > 0 && r != nil {
		for _, p := range items {
			known[p.event] = true
		}
	}
	for _, members := range groups {
		t := w.describe(members)
		if r != nil {
			like, err := r.Like(ctx, members[0].event, likeLimit)
			if err != nil {
				return fmt.Errorf("look for mails that say the same: %w", err)
			}
			t.outside = strangers(like, known)
		}
		for _, p := range members {
			p.same = t
		}
	}
	return nil
}

// strangers counts the events among them that are no items.
func strangers(like []Likeness, known map[portcullis.ID]bool) (n int) {
	counted := map[portcullis.ID]bool{}
	for _, l := range like {
		if l.Alike >= textAlike && !known[l.Event] && !counted[l.Event] {
			counted[l.Event] = true
			n++
		}
	}
	return n
}

// sameTexts groups items whose bodies are alike, by the neighbours that share a band.
func sameTexts(items []*profile) (groups [][]*profile) {
	parent := make([]int, len(items))
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	near := nearest{}
	var found []int
	for i, p := range items {
		parent[i], p.same = i, nil
		if p.words < 20 {
			continue
		}
		found = found[:0]
		for _, key := range bandKeys(p.text) {
			found = near.add(key, i, found)
		}
		slices.Sort(found)
		for _, j := range slices.Compact(found) {
			a, b := root(i), root(j)
			if a != b && alike(p.text, items[j].text) >= textAlike {
				parent[max(a, b)] = min(a, b)
			}
		}
	}
	labels := make([]int, len(items))
	for i := range labels {
		labels[i] = root(i)
	}
	return membersOf(items, labels)
}

// describe counts who says a text.
func (w *weigher) describe(members []*profile) *sharedText {
	names, domains := map[int64]bool{}, map[int64]int{}
	origins, answered, armed := 0, 0, 0
	for _, p := range members {
		if p.echo {
			continue
		}
		origins++
		if name := p.value(RoleName); name != 0 {
			names[name] = true
		}
		if p.value(RoleReplyTo) != 0 {
			answered++
		}
		if p.vector {
			armed++
		}
		for _, f := range p.feats {
			if f.role.word == RoleSender && f.obs.Type == portcullis.TypeDomain {
				domains[f.key]++
			}
		}
	}
	t := &sharedText{items: origins, names: len(names)}
	t.letter = origins >= letterItems && float64(len(names)) >= letterNames*float64(origins) &&
		!(2*answered < origins && 2*armed > origins && w.oneHand(domains, origins))
	return t
}

// oneHand tells a text that came under many names from one domain which no ordinary mail ever
// came from: with something to attack with, that is an attacker who plays many people, not people who
// sign one letter. Where answers go to each signer, a platform sent it.
func (w *weigher) oneHand(domains map[int64]int, origins int) bool {
	for key, n := range domains {
		if s := w.stats[key]; float64(n) >= .8*float64(origins) && s.seen <= s.inside && s.listed == "" {
			return true
		}
	}
	return false
}
