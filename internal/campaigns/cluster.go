package campaigns

import (
	"cmp"
	"math"
	"slices"

	"portcullis.example/portcullis"
)

const (
	// neighbours of an item under one value are those next to it in time. Mails of one
	// campaign come in runs, so the nearest few hold the links that matter, and a value
	// costs as much per item however many hold it.
	neighbours = 8
	// worthBits is what a value must count for its holders to be compared at all.
	worthBits = 1.0
	// textAlike is how alike bodies must be to count as one text.
	textAlike = .6
	// letterItems and letterNames: a text that so many items share under so many different
	// names, by share, is a letter that many people sign.
	letterItems = 12
	letterNames = .8
	// samples of a group stand for it where groups are held against each other.
	samples = 10
	// supporters is the share of a group's samples that must be linked to the other group
	// before the two become one; of a large group, that must be linked to a single item.
	supporters     = .5
	supportSingle  = .25
	bridges        = 2 // members on each side, so that no single mail makes two campaigns one
	smallGroup     = 4
	strongerSingle = 4.0 // or the one link is so much stronger
)

// link is a pair of items with evidence enough.
type link struct {
	a, b int // positions in the canonical order
	bits float64
}

// clustering puts items into groups. All of it depends on the set of items, the
// frequencies and what people decided, and on nothing else: items are taken in
// order of time and event, links in order of strength.
type clustering struct {
	items   []*profile // in canonical order, numbered by position
	w       *weigher
	decided *decided

	parent []int
	groups map[int]*group // by root
	failed map[[2]int]int // pairs of roots that were held apart, at which sizes
}

// group is what is known of a connected set. Its samples are the members whose ids hash
// lowest: a fair sample that does not depend on how the group came to be.
type group struct {
	samples []int
	size    int
	sides   map[int]uint8 // decisions that keep it from others: which sides of each it holds
}

// partition returns for each item the position of its group's first member.
func partition(items []*profile, w *weigher, d *decided) []int {
	c := newClustering(items, w, d)
	c.togetherByDecision()
	for _, l := range c.links() {
		c.take(l)
	}
	c.echoes()
	return c.labels()
}

func newClustering(items []*profile, w *weigher, d *decided) *clustering {
	c := &clustering{items: items, w: w, decided: d, parent: make([]int, len(items)), groups: make(map[int]*group, len(items)), failed: map[[2]int]int{}}
	for i, p := range items {
		c.parent[i] = i
		c.groups[i] = &group{samples: []int{i}, size: 1, sides: d.sides(p.event)}
	}
	return c
}

func (c *clustering) root(i int) int {
	for c.parent[i] != i {
		c.parent[i] = c.parent[c.parent[i]]
		i = c.parent[i]
	}
	return i
}

func (c *clustering) togetherByDecision() {
	first := map[int]int{}
	for i, p := range c.items {
		n, ok := c.decided.group[p.event]
		if !ok {
			continue
		}
		if j, ok := first[n]; ok {
			c.union(c.root(i), c.root(j))
		} else {
			first[n] = i
		}
	}
}

// links compares each item with its neighbours and returns the pairs with evidence
// enough, the strongest first.
func (c *clustering) links() (all []link) {
	near := nearest{}
	var found []int
	for i, p := range c.items {
		if p.echo {
			continue
		}
		found = found[:0]
		for key := range c.w.worthy(p) {
			found = near.add(key, i, found)
		}
		slices.Sort(found)
		for _, j := range slices.Compact(found) {
			if v := c.w.weigh(c.items[j], p, nil); v.linked() {
				all = append(all, link{j, i, v.total()})
			}
		}
	}
	slices.SortFunc(all, func(x, y link) int {
		return cmp.Or(cmp.Compare(y.bits, x.bits), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
	return all
}

// nearest remembers under each key the items that came last.
type nearest map[int64][]int

// add appends those before i to found, and i to them.
func (n nearest) add(key int64, i int, found []int) []int {
	last := n[key]
	found = append(found, last...)
	if len(last) == neighbours {
		last = append(last[:0], last[1:]...)
	}
	n[key] = append(last, i)
	return found
}

// take joins the groups of a link unless they do not belong together.
func (c *clustering) take(l link) {
	a, b := c.root(l.a), c.root(l.b)
	if a == b || c.apart(a, b) {
		return
	}
	pair := [2]int{min(a, b), max(a, b)}
	size := c.groups[a].size + c.groups[b].size
	if c.failed[pair] == size {
		return // nothing is new since they were compared
	}
	if !c.supported(c.groups[a], c.groups[b], l) {
		c.failed[pair] = size
		return
	}
	c.union(a, b)
}

// apart tells whether people decided that the two do not belong together.
func (c *clustering) apart(a, b int) bool {
	x, y := c.groups[a].sides, c.groups[b].sides
	if len(y) < len(x) {
		x, y = y, x
	}
	for n, side := range x {
		if other := y[n]; other != 0 && (side|other) == bothSides {
			return true
		}
	}
	return false
}

// supported keeps one weak link from chaining what does not belong together. A single
// item joins a small group by any link; a larger one, if a quarter of its sample agrees
// or the link is strong. Two groups join if half of the sample of one is linked to the other and more than
// one mail on either side takes part: a wave that came from new infrastructure joins, for each of its mails
// repeats something, and two campaigns that happen to meet in one mail don't. A pair has no
// more than two mails to show, so one will do.
func (c *clustering) supported(a, b *group, l link) bool {
	if a.size > b.size {
		a, b = b, a
	}
	if b.size == 1 {
		return true
	}
	inA, inB := c.linkedIn(a, b)
	ofA, ofB := float64(inA)/float64(len(a.samples)), float64(inB)/float64(len(b.samples))
	if a.size == 1 {
		return b.size < smallGroup || ofB >= supportSingle || l.bits >= linkBits+strongerSingle
	}
	return max(ofA, ofB) >= supporters && (a.size <= 2 || inA >= bridges && inB >= bridges)
}

// linkedIn counts the samples of each group that are linked to one of the other's.
func (c *clustering) linkedIn(a, b *group) (inA, inB int) {
	var linked [samples]bool
	for _, i := range a.samples {
		any := false
		for k, j := range b.samples {
			if c.w.weigh(c.items[i], c.items[j], nil).linked() {
				any, linked[k] = true, true
			}
		}
		if any {
			inA++
		}
	}
	for _, is := range linked {
		if is {
			inB++
		}
	}
	return inA, inB
}

func (c *clustering) union(a, b int) {
	if a == b {
		return
	}
	if a > b {
		a, b = b, a // the root is the first member
	}
	x, y := c.groups[a], c.groups[b]
	c.parent[b] = a
	delete(c.groups, b)
	x.size += y.size
	x.samples = append(x.samples, y.samples...)
	slices.SortFunc(x.samples, func(i, j int) int {
		return cmp.Or(cmp.Compare(c.items[i].order, c.items[j].order), cmp.Compare(i, j))
	})
	x.samples = slices.Clip(x.samples[:min(len(x.samples), samples)])
	x.sides = joinSides(x.sides, y.sides)
}

func joinSides(a, b map[int]uint8) map[int]uint8 {
	if len(b) == 0 {
		return a
	}
	joined := make(map[int]uint8, len(a)+len(b))
	for n, s := range a {
		joined[n] = s
	}
	for n, s := range b {
		joined[n] |= s
	}
	return joined
}

// echoes follow what they repeat: each joins the group of the item it is linked to most,
// and none brings groups together.
func (c *clustering) echoes() {
	held := map[int64][]int{}
	for i, p := range c.items {
		if !p.echo {
			continue
		}
		for key := range c.w.worthy(p) {
			held[key] = append(held[key], i)
		}
	}
	if len(held) == 0 {
		return
	}
	best := map[int]link{}
	near := nearest{}
	consider := func(echo, original int) {
		v := c.w.weigh(c.items[original], c.items[echo], nil)
		if l := (link{original, echo, v.total()}); v.linked() && (best[echo].bits < l.bits || best[echo].bits == l.bits && original < best[echo].a) {
			best[echo] = l
		}
	}
	for i, p := range c.items { // an echo comes after what it repeats, so the nearest before it do
		for key := range c.w.worthy(p) {
			if len(held[key]) == 0 {
				continue
			}
			if !p.echo {
				near.add(key, i, nil)
				continue
			}
			for _, j := range near[key] {
				consider(i, j)
			}
		}
	}
	c.follow(best)
}

func (c *clustering) follow(best map[int]link) {
	for i := range c.items {
		l, ok := best[i]
		if !ok || c.groups[c.root(i)].size > 1 {
			continue // people put it where it is
		}
		if a, b := c.root(l.a), c.root(i); a != b && !c.apart(a, b) {
			c.union(a, b)
		}
	}
}

func (c *clustering) labels() []int {
	labels := make([]int, len(c.items))
	for i := range labels {
		labels[i] = c.root(i)
	}
	return labels
}

// worthy yields the keys under which an item is compared with others: those of values, texts and
// structures that more than one item has and that are rare enough to say something.
func (w *weigher) worthy(p *profile) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for i := range p.feats {
			f := &p.feats[i]
			if s, shared := w.stats[f.key]; shared && f.role.alone && w.bits(s, f.role) >= worthBits && !yield(f.key) {
				return
			}
		}
		if p.words >= 20 && (p.same == nil || !p.same.letter) {
			for _, key := range bandKeys(p.text) {
				if !yield(key) {
					return
				}
			}
		}
		if key, ok := structureKey(p.structure); ok {
			if s, shared := w.stats[key]; shared && math.Log2(.3*w.mails()/s.effective(&otherRole)) >= worthBits && !yield(key) {
				return
			}
		}
	}
}

// eligible tells whether a group is a campaign: at least two mails that are no echo of
// one another, of which a third at least deserve somebody's eye; or somebody said so.
func eligible(members []*profile, d *decided) bool {
	origins, suspicious := 0, 0
	for _, p := range members {
		if p.echo {
			continue
		}
		origins++
		if p.suspicious() {
			suspicious++
		}
	}
	if origins >= 2 && suspicious > 0 && 3*suspicious >= origins {
		return true
	}
	return len(members) >= 2 && d.wanted(members)
}

// membersOf gathers the groups that have more than one member, by their first.
func membersOf(items []*profile, labels []int) (groups [][]*profile) {
	byRoot := map[int]int{}
	count := map[int]int{}
	for _, root := range labels {
		count[root]++
	}
	for i, root := range labels {
		if count[root] < 2 {
			continue
		}
		n, ok := byRoot[root]
		if !ok {
			n = len(groups)
			byRoot[root] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], items[i])
	}
	return groups
}

// events lists the ids of members.
func events(members []*profile) []portcullis.ID {
	ids := make([]portcullis.ID, len(members))
	for i, p := range members {
		ids[i] = p.event
	}
	return ids
}
