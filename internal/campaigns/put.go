package campaigns

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
)

const (
	maxCompared = 64                  // items that a new one is weighed against
	countedMost = largeCampaign + 100 // postings of one value that are counted
	askKeys     = 16                  // keys that one statement asks for
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

// Statements by number of keys. One statement for sixteen keys costs little more than for one.
var (
	postingInserts = eachKey(`INSERT INTO campaigns_posting (key, time, item) VALUES `, `, `, ` ON CONFLICT DO NOTHING`,
		func(int) string { return `(%s,$1,$2)` })
	nearQueries = eachKey(``, ` UNION ALL `, ``, func(n int) string {
		return fmt.Sprintf(`SELECT key, item FROM (SELECT key, item FROM campaigns_posting WHERE key=%%[1]s AND time<=$1 AND item<>$2 ORDER BY time DESC, item DESC LIMIT %d) AS b%d
			UNION ALL SELECT key, item FROM (SELECT key, item FROM campaigns_posting WHERE key=%%[1]s AND time>$1 AND item<>$2 ORDER BY time, item LIMIT %d) AS a%d`, neighbours, n, neighbours, n)
	})
	countQueries = eachKey(``, ` UNION ALL `, ``, func(n int) string {
		return fmt.Sprintf(`SELECT %%[1]s, count(*) FROM (SELECT 1 FROM campaigns_posting WHERE key=%%[1]s AND time>=$1 AND item<>$2 LIMIT %d) AS c%d`, countedMost, n)
	})
)

func eachKey(before, between, after string, part func(n int) string) (queries [askKeys + 1]string) {
	for keys := 1; keys <= askKeys; keys++ {
		parts := make([]string, keys)
		for i := range parts {
			parts[i] = fmt.Sprintf(part(i), fmt.Sprintf("CAST($%d AS bigint)", i+3))
		}
		queries[keys] = before + strings.Join(parts, between) + after
	}
	return queries
}

// pairs asks one of these statements about keys, for pairs of numbers.
func (r *Reader) pairs(ctx context.Context, queries *[askKeys + 1]string, keys []int64, first, second int64, fn func(key, n int64)) error {
	for chunk := range slices.Chunk(keys, askKeys) {
		args := append(make([]any, 0, 2+len(chunk)), first, second)
		for _, key := range chunk {
			args = append(args, key)
		}
		rows, err := r.q.QueryContext(ctx, queries[len(chunk)], args...)
		if err != nil {
			return fmt.Errorf("look for items with the same values: %w", err)
		}
		for rows.Next() {
			var key, n int64
			if err := rows.Scan(&key, &n); err != nil {
				return errors.Join(fmt.Errorf("look for items with the same values: %w", err), rows.Close())
			}
			fn(key, n)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return fmt.Errorf("look for items with the same values: %w", err)
		}
	}
	return nil
}

// surroundings are the items next to a new one, with what is known of what they share.
func (w *Writer) surroundings(ctx context.Context, p *profile) ([]*profile, *weigher, error) {
	near := map[int64][]int64{} // key to items
	err := w.pairs(ctx, &nearQueries, keysOf(p), p.time, p.num, func(key, item int64) { near[key] = append(near[key], item) })
	if err != nil || len(near) == 0 {
		return nil, nil, err
	}
	p.know(w.d.Groups)
	wg := &weigher{total: w.base.Items, items: w.base.Items, groups: w.base.Groups, stats: map[int64]stat{}}
	if err := w.frequencies(ctx, p, near, wg); err != nil {
		return nil, nil, err
	}
	list, err := w.itemsByNum(ctx, choose(p, near, wg))
	if err != nil {
		return nil, nil, err
	}
	for _, q := range list {
		q.know(w.d.Groups)
	}
	return list, wg, w.sharedText(ctx, p, list, wg)
}

// frequencies asks about the values that have neighbours.
func (w *Writer) frequencies(ctx context.Context, p *profile, near map[int64][]int64, wg *weigher) error {
	if w.d.Archive != nil {
		n, err := w.d.Archive.Total(ctx)
		if err != nil {
			return fmt.Errorf("count events: %w", err)
		}
		wg.total = max(n, wg.total)
	}
	var keys []int64
	var values []portcullis.Observable
	for _, f := range p.feats {
		if len(near[f.key]) > 0 {
			keys, values = append(keys, f.key), append(values, f.obs)
		}
	}
	if key, ok := structureKey(p.structure); ok && len(near[key]) > 0 {
		keys = append(keys, key)
	}
	err := w.pairs(ctx, &countQueries, keys, minTime, p.num, func(key, n int64) {
		s := stat{seen: int(n) + 1, inside: int(n) + 1}
		if n >= countedMost {
			s.listed = "values that very many findings share" // how many exactly, settling finds out
		}
		wg.stats[key] = s
	})
	if err != nil {
		return err
	}
	told, err := w.toldOf(ctx, keys)
	if err != nil {
		return err
	}
	return wg.ask(ctx, values, w.d, told)
}

const minTime = -1 << 62

func (r *Reader) toldOf(ctx context.Context, keys []int64) (map[int64]bool, error) {
	told := map[int64]bool{}
	for _, key := range keys {
		var one int
		err := r.q.QueryRowContext(ctx, `SELECT 1 FROM campaigns_told WHERE key=$1 LIMIT 1`, key).Scan(&one)
		if err == nil {
			told[key] = true
		} else if !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("read what we were told: %w", err)
		}
	}
	return told, nil
}

// choose picks whom to weigh the item against: those that share its rarest values first.
func choose(p *profile, near map[int64][]int64, wg *weigher) []int64 {
	type source struct {
		key  int64
		bits float64
	}
	var sources []source
	for key := range wg.worthy(p) {
		if len(near[key]) == 0 {
			continue
		}
		bits := 3.0 // a band of the text
		if s, ok := wg.stats[key]; ok {
			bits = wg.bits(s, &otherRole)
			for _, f := range p.feats {
				if f.key == key {
					bits = wg.bits(s, f.role)
				}
			}
		}
		sources = append(sources, source{key, bits})
	}
	slices.SortFunc(sources, func(a, b source) int { return cmp.Or(cmp.Compare(b.bits, a.bits), cmp.Compare(a.key, b.key)) })
	seen := map[int64]bool{}
	var chosen []int64
	for _, s := range sources {
		for _, item := range near[s.key] {
			if !seen[item] && len(chosen) < maxCompared {
				seen[item] = true
				chosen = append(chosen, item)
			}
		}
	}
	return chosen
}

var itemsByNumQueries = func() (queries [askKeys + 1]string) {
	for n := 1; n <= askKeys; n++ {
		marks := make([]string, n)
		for i := range marks {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
		queries[n] = `SELECT ` + itemColumns + ` FROM campaigns_item WHERE num IN (` + strings.Join(marks, ",") + `)`
	}
	return queries
}()

func (r *Reader) itemsByNum(ctx context.Context, nums []int64) (list []*profile, err error) {
	for chunk := range slices.Chunk(nums, askKeys) {
		args := make([]any, len(chunk))
		for i, n := range chunk {
			args[i] = n
		}
		some, err := r.profiles(ctx, itemsByNumQueries[len(chunk)], args...)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// sharedText estimates from the neighbours how many say the same. Settle counts.
func (w *Writer) sharedText(ctx context.Context, p *profile, list []*profile, wg *weigher) error {
	if p.words < 20 {
		return nil
	}
	same := []*profile{p}
	for _, q := range list {
		if q.words >= 20 && alike(p.text, q.text) >= textAlike {
			same = append(same, q)
		}
	}
	if len(same) < 2 {
		return nil
	}
	t := wg.describe(same)
	if w.d.Resembling != nil {
		like, err := w.d.Resembling.Like(ctx, p.event, likeOnline)
		if err != nil {
			return fmt.Errorf("look for mails that say the same: %w", err)
		}
		known := map[portcullis.ID]bool{}
		for _, q := range same {
			known[q.event] = true
		}
		t.outside = strangers(like, known)
	}
	for _, q := range same {
		q.same = t
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
