package campaigns

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
)

const (
	maxCompared = 48                  // items that a new one is weighed against
	countedMost = largeCampaign + 100 // postings of one value that are counted
	askKeys     = 16                  // keys that one statement asks for
	askRanges   = 4                   // keys of which one statement asks for several items each
	mergedMost  = 2000                // members of a campaign that is merged while placing; larger ones wait for Settle
	likeOnline  = 64
)

// Put places one item: it joins the campaign that it is linked to, begins one with another
// item, brings campaigns together, or stands alone. Putting an item again changes only
// its findings. Settle may place it better once more is known.
func (w *Writer) Put(ctx context.Context, item Item) (Placement, error) {
	place := Placement{Event: item.Event}
	if item.Event == "" {
		return place, errors.New("an item without an event cannot be placed")
	}
	if err := w.turn(ctx); err != nil {
		return place, err
	}
	p := newProfile(item)
	known, err := w.item(ctx, p.event)
	if err != nil {
		return place, err
	}
	if known != nil {
		place.Known, place.Campaign = true, known.campaign
		return place, w.again(ctx, known, p)
	}
	if err := w.insert(ctx, p); err != nil {
		return place, err
	}
	return w.place(ctx, p)
}

// again brings a known item up to date. Its values are those of immutable bytes; findings
// and people may have grown.
func (w *Writer) again(ctx context.Context, known, p *profile) error {
	p.num, p.campaign = known.num, known.campaign
	if p.time == known.time && bytes.Equal(p.pack(), known.pack()) {
		return nil
	}
	if err := w.exec(ctx, "item", `DELETE FROM campaigns_posting WHERE item=$1 AND time=$2 AND key IN (`+numbers(keysOf(known))+`)`, p.num, known.time); err != nil {
		return err
	}
	if err := w.exec(ctx, "item", `UPDATE campaigns_item SET time=$2, body=$3 WHERE num=$1`, p.num, p.time, p.pack()); err != nil {
		return err
	}
	if err := w.index(ctx, p); err != nil || p.campaign == "" {
		return err
	}
	return w.refresh(ctx, p.campaign)
}

// numbers writes integers into a statement that is used once.
func numbers(list []int64) string {
	var b strings.Builder
	for i, n := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, n)
	}
	if len(list) == 0 {
		return "NULL"
	}
	return b.String()
}

func (w *Writer) insert(ctx context.Context, p *profile) error {
	err := w.QueryRowContext(ctx, `INSERT INTO campaigns_item (event, time, body) VALUES ($1,$2,$3) RETURNING num`,
		string(p.event), p.time, p.pack()).Scan(&p.num)
	if err != nil {
		return fmt.Errorf("store item %s: %w", p.event, err)
	}
	return w.index(ctx, p)
}

// keysOf are the keys under which an item is found again.
func keysOf(p *profile) []int64 {
	keys := bandKeys(p.text)
	if p.words < 20 {
		keys = keys[:0]
	}
	for _, f := range p.feats {
		keys = append(keys, f.key)
	}
	if key, ok := structureKey(p.structure); ok {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (w *Writer) index(ctx context.Context, p *profile) error {
	for chunk := range slices.Chunk(keysOf(p), askKeys) {
		chunk = padded(chunk, chunk[0])
		args := make([]any, 0, 2+len(chunk))
		args = append(args, p.time, p.num)
		for _, key := range chunk {
			args = append(args, key)
		}
		if err := w.exec(ctx, "values of an item", postingInserts[len(chunk)], args...); err != nil {
			return err
		}
	}
	for _, person := range p.people {
		if err := w.exec(ctx, "target", `INSERT INTO campaigns_target (person, item) VALUES ($1,$2) ON CONFLICT DO NOTHING`, string(person), p.num); err != nil {
			return err
		}
	}
	return nil
}

// place finds the group of an item that was just stored.
func (w *Writer) place(ctx context.Context, p *profile) (Placement, error) {
	place := Placement{Event: p.event}
	list, wg, err := w.surroundings(ctx, p)
	if err != nil || len(list) == 0 {
		return place, err
	}
	links := linksOf(p, list, wg)
	if len(links) == 0 {
		return place, nil
	}
	closest := list[links[0].b]
	place.With, place.Why = closest.event, wg.reasons(p, closest)
	if p.echo {
		links = links[:1]
	}
	members, rows, err := w.gather(ctx, p, list, links, wg)
	if err != nil {
		return place, err
	}
	return w.join(ctx, place, p, members, rows)
}

// linksOf are the links of an item, strongest first; b is the position in list.
func linksOf(p *profile, list []*profile, wg *weigher) (links []link) {
	for i, q := range list {
		if q.echo {
			continue
		}
		if v := wg.weigh(p, q, nil); v.linked() {
			links = append(links, link{b: i, bits: v.total()})
		}
	}
	slices.SortFunc(links, func(a, b link) int {
		return cmp.Or(cmp.Compare(b.bits, a.bits), list[a.b].before(list[b.b]))
	})
	return links
}

// gather follows the links: it returns the single items and the campaigns that come
// together with p, as the rules of cluster.go have it.
func (w *Writer) gather(ctx context.Context, p *profile, list []*profile, links []link, wg *weigher) (singles []*profile, rows []row, err error) {
	var d *decided
	items := []*profile{p}
	c := &clustering{w: wg, failed: map[[2]int]int{}, groups: map[int]*group{}}
	roots := map[portcullis.ID]int{}
	stored := map[int]row{}
	add := func(q *profile) int {
		items = append(items, q)
		return len(items) - 1
	}
	for _, l := range links {
		q := list[l.b]
		if q.campaign == "" {
			l.b = add(q)
			c.grow(items)
		} else if root, ok := roots[q.campaign]; ok {
			l.b = root
		} else {
			if d == nil {
				if d, err = w.decisions(ctx); err != nil {
					return nil, nil, err
				}
			}
			if l.b, err = w.campaignGroup(ctx, q.campaign, c, &items, d, stored); err != nil {
				return nil, nil, err
			}
			roots[q.campaign] = l.b
		}
		c.grow(items)
		l.a = 0
		c.take(l)
	}
	c.grow(items)
	for i := 1; i < len(items); i++ {
		if c.root(i) != c.root(0) {
			continue
		}
		if r, ok := stored[i]; ok {
			rows = append(rows, r)
		} else if items[i].campaign == "" {
			singles = append(singles, items[i])
		}
	}
	return singles, rows, nil
}

// grow gives new items a group of their own.
func (c *clustering) grow(items []*profile) {
	c.items = items
	for i := len(c.parent); i < len(items); i++ {
		c.parent = append(c.parent, i)
		c.groups[i] = &group{samples: []int{i}, size: 1}
	}
}

// campaignGroup adds a stored campaign as one group and returns its root.
func (w *Writer) campaignGroup(ctx context.Context, id portcullis.ID, c *clustering, items *[]*profile, d *decided, stored map[int]row) (int, error) {
	r, err := w.row(ctx, id)
	if err != nil {
		return 0, err
	}
	members, err := w.profiles(ctx, `SELECT `+itemColumns+` FROM campaigns_item WHERE campaign=$1 AND campaign<>'' ORDER BY time DESC, num LIMIT $2`, string(id), samples)
	if err != nil {
		return 0, err
	}
	root := len(*items)
	for _, q := range members {
		q.know(w.d.Groups)
		*items = append(*items, q)
	}
	c.grow(*items)
	for i := root + 1; i < len(*items); i++ {
		c.union(root, i)
	}
	g := c.groups[root]
	g.size = r.Events + r.Echoes
	if g.sides, err = w.sidesOf(ctx, id, d); err != nil {
		return 0, err
	}
	stored[root] = r
	return root, nil
}

// sidesOf gathers which sides of which decisions a campaign holds.
func (w *Writer) sidesOf(ctx context.Context, id portcullis.ID, d *decided) (sides map[int]uint8, err error) {
	if len(d.parts) == 0 {
		return nil, nil
	}
	list, err := w.eventsOf(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, event := range list {
		sides = joinSides(sides, d.sides(event))
	}
	return sides, nil
}

func (r *Reader) eventsOf(ctx context.Context, id portcullis.ID) (list []portcullis.ID, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT event FROM campaigns_item WHERE campaign=$1 AND campaign<>'' ORDER BY time, num`, string(id))
	if err != nil {
		return nil, fmt.Errorf("read members of %s: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var event portcullis.ID
		if err := rows.Scan(&event); err != nil {
			return nil, fmt.Errorf("read members of %s: %w", id, err)
		}
		list = append(list, event)
	}
	return list, rows.Err()
}

// join stores what gather found.
func (w *Writer) join(ctx context.Context, place Placement, p *profile, singles []*profile, rows []row) (Placement, error) {
	members := append([]*profile{p}, singles...)
	if len(rows) == 0 {
		if !eligible(members, newDecided(nil)) {
			return place, nil
		}
		slices.SortFunc(members, (*profile).before)
		id, err := w.freshID(ctx, members[0].event)
		if err != nil {
			return place, err
		}
		place.Campaign, place.New = id, true
		r := summarise(id, members)
		return place, errors.Join(w.assign(ctx, members, id), w.putRow(ctx, &r), w.note(ctx, id, Change{What: "made"}))
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Events+b.Echoes, a.Events+a.Echoes), cmp.Compare(a.ID, b.ID))
	})
	into := rows[0]
	place.Campaign = into.ID
	for _, q := range members {
		into.grow(q)
	}
	errs := []error{w.assign(ctx, members, into.ID)}
	for _, r := range rows[1:] {
		if r.Events+r.Echoes > mergedMost {
			continue
		}
		into.absorb(r)
		place.Merged = append(place.Merged, r.ID)
		errs = append(errs, w.mergeRow(ctx, r, into.ID, Change{}))
	}
	errs = append(errs, w.putRow(ctx, &into))
	return place, errors.Join(errs...)
}

// assign puts items into a campaign.
func (w *Writer) assign(ctx context.Context, members []*profile, id portcullis.ID) error {
	for _, p := range members {
		p.campaign = id
		if err := w.exec(ctx, "member", `UPDATE campaigns_item SET campaign=$2 WHERE num=$1`, p.num, string(id)); err != nil {
			return err
		}
	}
	return nil
}

// mergeRow lets a campaign go up in another.
func (w *Writer) mergeRow(ctx context.Context, r row, into portcullis.ID, c Change) error {
	if err := w.exec(ctx, "members", `UPDATE campaigns_item SET campaign=$2 WHERE campaign=$1 AND campaign<>''`, string(r.ID), string(into)); err != nil {
		return err
	}
	gone := row{Summary: Summary{ID: r.ID, Version: r.Version, MergedInto: into, First: r.First, Last: r.Last, Made: r.Made}, gone: true}
	if err := w.putRow(ctx, &gone); err != nil {
		return err
	}
	c.What, c.Other = "merged", into
	if err := w.note(ctx, r.ID, c); err != nil {
		return err
	}
	c.Other = r.ID
	return w.note(ctx, into, c)
}

// refresh makes a campaign's summary anew from its members.
func (w *Writer) refresh(ctx context.Context, id portcullis.ID) error {
	old, err := w.row(ctx, id)
	if err != nil {
		return err
	}
	members, err := w.members(ctx, id)
	if err != nil {
		return err
	}
	r := summarise(id, members)
	r.Version, r.Human, r.Made, r.gone = old.Version, old.Human, old.Made, len(members) == 0
	if r.gone {
		r.First, r.Last = old.First, old.Last
	}
	return w.putRow(ctx, &r)
}

// members are the items of a campaign in canonical order.
func (r *Reader) members(ctx context.Context, id portcullis.ID) ([]*profile, error) {
	list, err := r.profiles(ctx, `SELECT `+itemColumns+` FROM campaigns_item WHERE campaign=$1 AND campaign<>'' ORDER BY time, event`, string(id))
	for _, p := range list {
		p.know(r.d.Groups)
	}
	return list, err
}
