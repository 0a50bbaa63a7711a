package campaigns

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"portcullis.example/portcullis"
)

// Settle weighs all items again, with the frequencies of now, and puts each where it
// belongs. What people decided stands. The partition that results depends on the items,
// the frequencies and the decisions only.
//
// A campaign keeps its id if it holds more of the id's members than any other does; an
// id whose members all went elsewhere is merged into where most of them are.
func (w *Writer) Settle(ctx context.Context) (s Settled, err error) {
	began := time.Now()
	if err := w.turn(ctx); err != nil {
		return s, err
	}
	items, err := w.profiles(ctx, `SELECT `+itemColumns+` FROM campaigns_item ORDER BY time, event`)
	if err != nil {
		return s, err
	}
	for _, p := range items {
		p.know(w.d.Groups)
	}
	d, err := w.decisions(ctx)
	if err != nil {
		return s, err
	}
	told, err := w.told(ctx)
	if err != nil {
		return s, err
	}
	wg, err := prepare(ctx, items, w.d, told)
	if err != nil {
		return s, err
	}
	groups := slices.DeleteFunc(membersOf(items, partition(items, wg, d)), func(members []*profile) bool { return !eligible(members, d) })
	s.Items, s.Campaigns, s.Letters = len(items), len(groups), letters(items)
	if err := w.apply(ctx, items, groups, d, &s); err != nil {
		return s, err
	}
	err = w.learnt(ctx, wg)
	s.Took = time.Since(began)
	return s, err
}

func letters(items []*profile) (n int) {
	for _, p := range items {
		if p.same != nil && p.same.letter {
			n++
		}
	}
	return n
}

// learnt keeps for placing what only settling sees.
func (w *Writer) learnt(ctx context.Context, wg *weigher) error {
	w.base = &base{Items: wg.items, Groups: wg.groups}
	raw, err := json.Marshal(w.base)
	if err != nil {
		return fmt.Errorf("encode what settling learnt: %w", err)
	}
	return w.exec(ctx, "what settling learnt", `UPDATE campaigns_state SET settled=$1, base=$2 WHERE id=1`, w.d.now().UnixMicro(), string(raw))
}

// apply makes the stored partition the one that was found.
func (w *Writer) apply(ctx context.Context, items []*profile, groups [][]*profile, d *decided, s *Settled) error {
	old, err := w.rows(ctx, `WHERE gone=0`)
	if err != nil {
		return err
	}
	before := make(map[portcullis.ID]row, len(old))
	for _, r := range old {
		before[r.ID] = r
	}
	ids, err := w.keepIDs(ctx, groups, before, s)
	if err != nil {
		return err
	}
	went := map[portcullis.ID]map[portcullis.ID]int{} // from an id, how many to which
	placed, changed := map[int64]portcullis.ID{}, map[portcullis.ID]bool{}
	for n, members := range groups {
		for _, p := range members {
			placed[p.num] = ids[n]
		}
	}
	for _, p := range items {
		to := placed[p.num]
		if p.campaign != "" {
			if went[p.campaign] == nil {
				went[p.campaign] = map[portcullis.ID]int{}
			}
			went[p.campaign][to]++
		}
		if p.campaign == to {
			continue
		}
		s.Moved++
		changed[p.campaign], changed[to] = true, true
		if err := w.assign(ctx, []*profile{p}, to); err != nil {
			return err
		}
	}
	if err := w.describe(ctx, groups, ids, before, changed, d); err != nil {
		return err
	}
	return w.dismiss(ctx, ids, before, went, s)
}

// keepIDs finds an id for each group: that of the campaign most of whose members it
// holds, or a new one.
func (w *Writer) keepIDs(ctx context.Context, groups [][]*profile, before map[portcullis.ID]row, s *Settled) ([]portcullis.ID, error) {
	type claim struct {
		group, members int
		id             portcullis.ID
	}
	var claims []claim
	for n, members := range groups {
		count := map[portcullis.ID]int{}
		for _, p := range members {
			if _, stands := before[p.campaign]; stands {
				count[p.campaign]++
			}
		}
		for id, k := range count {
			claims = append(claims, claim{n, k, id})
		}
	}
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(b.members, a.members), cmp.Compare(a.id, b.id), cmp.Compare(a.group, b.group))
	})
	ids, taken := make([]portcullis.ID, len(groups)), map[portcullis.ID]bool{}
	for _, c := range claims {
		if ids[c.group] == "" && !taken[c.id] {
			ids[c.group], taken[c.id] = c.id, true
		}
	}
	for n := range ids {
		if ids[n] != "" {
			continue
		}
		id, err := w.freshID(ctx, groups[n][0].event)
		if err != nil {
			return nil, err
		}
		ids[n] = id
		s.Made++
		if err := w.note(ctx, id, Change{What: "made"}); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// describe brings summaries up to date.
func (w *Writer) describe(ctx context.Context, groups [][]*profile, ids []portcullis.ID, before map[portcullis.ID]row, changed map[portcullis.ID]bool, d *decided) error {
	for n, members := range groups {
		r := summarise(ids[n], members)
		r.Human = d.touched(members)
		old, ok := before[ids[n]]
		r.Made = old.Made
		if ok {
			was, err := old.encode()
			if err != nil {
				return err
			}
			is, err := r.encode()
			if err != nil {
				return err
			}
			if was == is && old.First.Equal(r.First) && old.Last.Equal(r.Last) && !changed[ids[n]] {
				continue
			}
			r.Version = old.Version
		}
		if err := w.putRow(ctx, &r); err != nil {
			return err
		}
	}
	return nil
}

// dismiss lets go of ids that no group kept.
func (w *Writer) dismiss(ctx context.Context, ids []portcullis.ID, before map[portcullis.ID]row, went map[portcullis.ID]map[portcullis.ID]int, s *Settled) error {
	kept := map[portcullis.ID]bool{}
	for _, id := range ids {
		kept[id] = true
	}
	for _, id := range sortedKeys(before) {
		if kept[id] {
			continue
		}
		into, most := portcullis.ID(""), 0
		for _, to := range sortedKeys(went[id]) {
			if n := went[id][to]; to != "" && n > most {
				into, most = to, n
			}
		}
		old := before[id]
		gone := row{Summary: Summary{ID: id, Version: old.Version, First: old.First, Last: old.Last, Made: old.Made, MergedInto: into}, gone: true}
		if err := w.putRow(ctx, &gone); err != nil {
			return err
		}
		change := Change{What: "dissolved"}
		if into != "" {
			change = Change{What: "merged", Other: into}
			s.Merged++
			if err := w.note(ctx, into, Change{What: "merged", Other: id}); err != nil {
				return err
			}
		} else {
			s.Dissolved++
		}
		if err := w.note(ctx, id, change); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys[V any](m map[portcullis.ID]V) []portcullis.ID {
	keys := make([]portcullis.ID, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
