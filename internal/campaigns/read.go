package campaigns

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// Campaigns lists campaigns that stand, the latest first.
func (r *Reader) Campaigns(ctx context.Context, q Query) ([]Summary, error) {
	where := `WHERE gone=0`
	var args []any
	add := func(clause string, value any) {
		args = append(args, value)
		where += fmt.Sprintf(clause, len(args))
	}
	if q.Event != "" {
		add(` AND id IN (SELECT campaign FROM campaigns_item WHERE event=$%d)`, string(q.Event))
	}
	if q.Person != "" {
		add(` AND id IN (SELECT i.campaign FROM campaigns_target t JOIN campaigns_item i ON i.num=t.item WHERE t.person=$%d)`, string(q.Person))
	}
	if !q.Since.IsZero() {
		add(` AND last>=$%d`, q.Since.UnixMicro())
	}
	if !q.Until.IsZero() {
		add(` AND first<$%d`, q.Until.UnixMicro())
	}
	if !q.Ordinary {
		where += ` AND ours=1`
	}
	where += ` ORDER BY last DESC, id`
	if q.Limit > 0 {
		add(` LIMIT $%d`, q.Limit)
	}
	rows, err := r.rows(ctx, where, args...)
	if err != nil {
		return nil, err
	}
	list := make([]Summary, 0, len(rows))
	for _, c := range rows {
		list = append(list, c.Summary)
	}
	return list, nil
}

const (
	closestMost    = 200 // members of which each is weighed against each
	indicatorsMost = 200
	valuesMost     = 2000 // distinct values of one campaign that are looked at
)

// Campaign tells all of a campaign: members with what holds them together, targets,
// indicators. The id of one that was merged finds what it was merged into.
func (r *Reader) Campaign(ctx context.Context, id portcullis.ID) (Campaign, error) {
	found, err := r.follow(ctx, id)
	if err != nil {
		return Campaign{}, err
	}
	c := Campaign{Summary: found.Summary}
	members, err := r.members(ctx, found.ID)
	if err != nil {
		return c, err
	}
	wg, err := r.weigher(ctx, members)
	if err != nil {
		return c, err
	}
	c.Members = wg.closest(members)
	c.Reasons = wg.grounds(members)
	c.Targets = targetsOf(members)
	if c.Indicators, err = r.indicators(ctx, members, wg); err != nil {
		return c, err
	}
	if c.MergedFrom, err = r.mergedFrom(ctx, found.ID); err != nil {
		return c, err
	}
	if c.History, err = r.history(ctx, found.ID); err != nil {
		return c, err
	}
	c.Reasons = append(c.Reasons, decisionReasons(c.History)...)
	return c, nil
}

// weigher knows of the members' values what settling would.
func (r *Reader) weigher(ctx context.Context, members []*profile) (*weigher, error) {
	told, err := r.told(ctx)
	if err != nil {
		return nil, err
	}
	var raw []byte
	b := &base{}
	if err := r.q.QueryRowContext(ctx, `SELECT base FROM campaigns_state WHERE id=1`).Scan(&raw); err != nil {
		return nil, fmt.Errorf("read what settling learnt: %w", err)
	}
	if err := json.Unmarshal(raw, b); err != nil {
		return nil, fmt.Errorf("read what settling learnt: %w", err)
	}
	wg, err := prepare(ctx, members, r.d, told)
	if err != nil {
		return nil, err
	}
	wg.total, wg.items = max(wg.total, b.Items), max(wg.items, b.Items)
	if len(b.Groups) > 0 {
		wg.groups = b.Groups
	}
	keys := make([]int64, 0, len(wg.stats))
	for key := range wg.stats {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	err = r.pairs(ctx, countQueries, keys, minTime, 0, func(key, n int64) {
		s := wg.stats[key]
		s.inside = max(s.inside, int(n))
		s.seen = max(s.seen, s.inside)
		wg.stats[key] = s
	})
	if err != nil || len(members) == 0 {
		return wg, err
	}
	return wg, r.meet(ctx, members, wg)
}

// closest finds for each member the one it is most strongly linked to.
func (w *weigher) closest(members []*profile) []Member {
	list := make([]Member, len(members))
	for i, p := range members {
		m := Member{Event: p.event, Sensor: p.sensor, Time: fromMicros(p.time), People: p.people, Findings: p.findings, Echo: p.echo}
		from, to := 0, len(members)
		if len(members) > closestMost {
			from, to = max(0, i-neighbours), min(len(members), i+neighbours+1)
		}
		best := -1
		for j := from; j < to; j++ {
			if v := w.weigh(p, members[j], nil); j != i && (best < 0 || v.total() > m.Bits) {
				best, m.Bits = j, v.total()
			}
		}
		if best >= 0 {
			m.With, m.Why = members[best].event, w.reasons(p, members[best])
		}
		list[i] = m
	}
	return list
}

func targetsOf(members []*profile) []Target {
	at := map[portcullis.ID]int{}
	var list []Target
	for _, p := range members {
		for _, person := range p.people {
			n, ok := at[person]
			if !ok {
				n, at[person] = len(list), len(list)
				list = append(list, Target{Person: person, First: fromMicros(p.time)})
			}
			list[n].Events = append(list[n].Events, p.event)
		}
	}
	return list
}

// indicators are the values by which the campaign can be found elsewhere: infrastructure
// that no list holds and that is rare.
func (r *Reader) indicators(ctx context.Context, members []*profile, wg *weigher) ([]Indicator, error) {
	held, roles := map[int64]int{}, map[int64]*role{}
	var values []portcullis.Observable
	for _, p := range members {
		for _, f := range p.feats {
			if f.role.content || f.role.word == RoleZone || p.echo && !f.role.vector {
				continue
			}
			if held[f.key]++; held[f.key] == 1 && len(values) < valuesMost {
				values = append(values, f.obs)
			}
			if known := roles[f.key]; known == nil || f.role.rank() < known.rank() {
				roles[f.key] = f.role
			}
		}
	}
	if err := r.complete(ctx, values, held, wg); err != nil {
		return nil, err
	}
	sources, err := r.toldBy(ctx)
	if err != nil {
		return nil, err
	}
	var list []Indicator
	for _, o := range values {
		key := keyOf(o)
		s := wg.stats[key]
		bits := wg.bits(s, roles[key])
		if bits < 3 {
			continue
		}
		told := sources[o]
		list = append(list, Indicator{Observable: o, Role: roles[key].word, Members: held[key], Seen: s.seen, Of: max(wg.total, s.seen), Bits: bits, Source: told.Source, Marking: told.Marking})
	}
	slices.SortFunc(list, func(a, b Indicator) int {
		return cmp.Or(cmp.Compare(b.Members, a.Members), cmp.Compare(b.Bits, a.Bits), cmp.Compare(a.Observable.Value, b.Observable.Value))
	})
	return list[:min(len(list), indicatorsMost)], nil
}

// complete asks about values that only one member holds as well.
func (r *Reader) complete(ctx context.Context, values []portcullis.Observable, held map[int64]int, wg *weigher) error {
	var ask []portcullis.Observable
	for _, o := range values {
		key := keyOf(o)
		if _, ok := wg.stats[key]; !ok {
			wg.stats[key] = stat{seen: held[key], inside: held[key]}
			ask = append(ask, o)
		}
	}
	told, err := r.told(ctx)
	if err != nil {
		return err
	}
	return wg.ask(ctx, ask, r.d, told)
}

func (r *Reader) mergedFrom(ctx context.Context, id portcullis.ID) (list []MergedFrom, err error) {
	rows, err := r.rows(ctx, `WHERE merged_into=$1 AND merged_into<>'' ORDER BY changed, id`, string(id))
	for _, c := range rows {
		list = append(list, MergedFrom{ID: c.ID, When: c.Changed})
	}
	return list, err
}

// history is what happened to a campaign, oldest first.
func (r *Reader) history(ctx context.Context, id portcullis.ID) (list []Change, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT c.at, c.who, c.what, c.why, c.other, c.decision, coalesce(d.undone, 0) FROM campaigns_change c
		LEFT JOIN campaigns_decision d ON d.num=c.decision WHERE c.campaign=$1 ORDER BY c.num`, string(id))
	if err != nil {
		return nil, fmt.Errorf("read history of %s: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var c Change
		var at int64
		var undone int
		if err := rows.Scan(&at, &c.Who, &c.What, &c.Why, &c.Other, &c.Num, &undone); err != nil {
			return nil, fmt.Errorf("read history of %s: %w", id, err)
		}
		c.When, c.Undone = time.UnixMicro(at).UTC(), undone != 0
		list = append(list, c)
	}
	return list, rows.Err()
}

// Find finds a campaign by its id or by that of one of its events; a unique beginning is
// enough, with or without the kind before it. The id of one that was merged is found as well.
func (r *Reader) Find(ctx context.Context, id string) (portcullis.ID, error) {
	if strings.HasPrefix(id, "event:") {
		return r.findByEvent(ctx, id)
	}
	full := id
	if !strings.HasPrefix(full, "campaign:") {
		full = "campaign:" + full
	}
	rows, err := r.rows(ctx, `WHERE id>=$1 AND id<$2 ORDER BY id LIMIT 2`, full, full+"~")
	switch {
	case err != nil:
		return "", err
	case len(rows) == 0 && full != id: // perhaps a mail, written as short
		found, err := r.findByEvent(ctx, id)
		if !errors.Is(err, ErrNotFound) || found != "" {
			return found, err
		}
		fallthrough
	case len(rows) == 0:
		return "", fmt.Errorf("%s: %w; `portcullis campaigns list` shows those there are", full, ErrNotFound)
	case len(rows) > 1 && string(rows[0].ID) != full:
		return "", refusef("%s is the beginning of more than one campaign; write more of it", full)
	}
	return rows[0].ID, nil
}

// findByEvent finds the campaign of an event.
func (r *Reader) findByEvent(ctx context.Context, id string) (portcullis.ID, error) {
	p, err := r.findItem(ctx, id)
	switch {
	case err != nil:
		return "", err
	case p.campaign == "":
		return "", refusef("%s stands alone, in no campaign", p.event)
	}
	return p.campaign, nil
}

// FindEvent finds one of the events that are placed; a unique beginning of its id is enough,
// with or without "event:".
func (r *Reader) FindEvent(ctx context.Context, id string) (portcullis.ID, error) {
	p, err := r.findItem(ctx, id)
	if err != nil {
		return "", err
	}
	return p.event, nil
}

func (r *Reader) findItem(ctx context.Context, id string) (*profile, error) {
	if !strings.HasPrefix(id, "event:") {
		id = "event:" + id
	}
	list, err := r.profiles(ctx, `SELECT `+itemColumns+` FROM campaigns_item WHERE event>=$1 AND event<$2 ORDER BY event LIMIT 2`, id, id+"~")
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0:
		return nil, &noEventError{id}
	case len(list) > 1 && string(list[0].event) != id:
		return nil, refusef("%s is the beginning of more than one mail; write more of it", id)
	}
	return list[0], nil
}

// noEventError says that an event is in no campaign because nothing was found about it.
type noEventError struct{ id string }

func (e *noEventError) Error() string {
	return e.id + ": no such mail is among those that ask for attention; `portcullis campaigns show CAMPAIGN` lists the mails of a campaign"
}

// Is makes it one of the things that are not there.
func (e *noEventError) Is(target error) bool { return target == ErrNotFound }

// Summary is a campaign without its members. That of one that was merged is of what it was merged into.
func (r *Reader) Summary(ctx context.Context, id portcullis.ID) (Summary, error) {
	c, err := r.follow(ctx, id)
	return c.Summary, err
}
