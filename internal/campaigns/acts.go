package campaigns

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// Merge puts two campaigns together for good: b goes up in a. The version is that of a as
// the caller saw it; if a has changed since, the error is a *ChangedError and nothing happened.
func (w *Writer) Merge(ctx context.Context, who, why string, a, b portcullis.ID, version int) (Summary, error) {
	if err := w.begin(ctx, who, why); err != nil {
		return Summary{}, err
	}
	into, err := w.standing(ctx, a, version)
	if err != nil {
		return Summary{}, err
	}
	from, err := w.follow(ctx, b)
	switch {
	case err != nil:
		return Summary{}, err
	case from.ID == into.ID:
		return Summary{}, fmt.Errorf("%w: %s and %s are both %s", ErrSelf, a, b, into.ID)
	case from.gone:
		return Summary{}, refusef("%s has no members any more; there is nothing to merge", from.ID)
	}
	first, err := w.eventsOf(ctx, into.ID)
	if err != nil {
		return Summary{}, err
	}
	second, err := w.eventsOf(ctx, from.ID)
	if err != nil {
		return Summary{}, err
	}
	c, err := w.decide(ctx, decision{kind: together, a: first, b: second}, who, why, into.ID, from.ID)
	if err != nil {
		return Summary{}, err
	}
	if err := w.mergeRow(ctx, from, into.ID, c); err != nil {
		return Summary{}, err
	}
	into.absorb(from)
	into.Human = true
	return into.Summary, w.putRow(ctx, &into)
}

// Split takes events out of a campaign for good. They become a campaign of their own, whose
// summary is returned; a single event stands alone, and the summary is empty.
func (w *Writer) Split(ctx context.Context, who, why string, id portcullis.ID, list []portcullis.ID, version int) (Summary, error) {
	if err := w.begin(ctx, who, why); err != nil {
		return Summary{}, err
	}
	from, err := w.standing(ctx, id, version)
	if err != nil {
		return Summary{}, err
	}
	all, err := w.members(ctx, from.ID)
	if err != nil {
		return Summary{}, err
	}
	leave, stay, err := divide(from.ID, all, list)
	if err != nil {
		return Summary{}, err
	}
	to := portcullis.ID("")
	if len(leave) > 1 {
		if to, err = w.freshID(ctx, leave[0].event); err != nil {
			return Summary{}, err
		}
	}
	c, err := w.decide(ctx, decision{kind: apartly, a: events(leave), b: events(stay)}, who, why, from.ID, to)
	if err != nil {
		return Summary{}, err
	}
	if err := w.assign(ctx, leave, to); err != nil {
		return Summary{}, err
	}
	c.What, c.Other = "split", to
	if err := errors.Join(w.note(ctx, from.ID, c), w.human(ctx, from.ID)); err != nil || to == "" {
		return Summary{}, err
	}
	r := summarise(to, leave)
	r.Human = true
	c.Other = from.ID
	return r.Summary, errors.Join(w.putRow(ctx, &r), w.note(ctx, to, c))
}

// divide tells those that leave from those that stay.
func divide(id portcullis.ID, all []*profile, list []portcullis.ID) (leave, stay []*profile, err error) {
	for _, event := range list {
		if !slices.ContainsFunc(all, func(p *profile) bool { return p.event == event }) {
			return nil, nil, refusef("%s is not in %s; `portcullis campaigns show %s` lists its members", event, id, id)
		}
	}
	for _, p := range all {
		if slices.Contains(list, p.event) {
			leave = append(leave, p)
		} else {
			stay = append(stay, p)
		}
	}
	if len(leave) == 0 || len(stay) == 0 {
		return nil, nil, refusef("a split needs some events that leave and some that stay; %d of %d would leave", len(leave), len(all))
	}
	return leave, stay, nil
}

// Undo takes back a decision, by its number in the history. What was merged is taken apart
// again as it was, what was split is put back; the next settling is free to judge by the evidence.
func (w *Writer) Undo(ctx context.Context, who, why string, num int64) error {
	if err := w.begin(ctx, who, why); err != nil {
		return err
	}
	var kind string
	var a, b portcullis.ID
	var undone int
	err := w.QueryRowContext(ctx, `SELECT kind, a, b, undone FROM campaigns_decision WHERE num=$1`, num).Scan(&kind, &a, &b, &undone)
	if errors.Is(err, sql.ErrNoRows) {
		return refusef("there is no decision %d to take back; `portcullis campaigns show` lists them in the history", num)
	}
	if err != nil {
		return fmt.Errorf("read decision %d: %w", num, err)
	}
	if undone != 0 {
		return refusef("decision %d was taken back already", num)
	}
	if err := w.exec(ctx, "decision", `UPDATE campaigns_decision SET undone=1 WHERE num=$1`, num); err != nil {
		return err
	}
	side := sideA // of a split, those that left
	if kind == together {
		side = sideB // of a merger, those that came
	}
	back, err := w.decidedItems(ctx, num, side)
	if err != nil || len(back) == 0 {
		return err
	}
	return w.putBack(ctx, kind, a, b, back, Change{Num: num, Who: who, Why: why, What: "undone"})
}

func (w *Writer) decidedItems(ctx context.Context, num int64, side uint8) ([]*profile, error) {
	return w.profiles(ctx, `SELECT i.num, i.event, i.campaign, i.time, i.body FROM campaigns_item i
		JOIN campaigns_decided e ON e.event=i.event WHERE e.decision=$1 AND e.side=$2 ORDER BY i.time, i.event`, num, int(side))
}

// putBack moves items where they were before a decision. Such as have moved on since
// stay where they are now.
func (w *Writer) putBack(ctx context.Context, kind string, a, b portcullis.ID, back []*profile, c Change) error {
	now, err := w.follow(ctx, a)
	if err != nil {
		return err
	}
	from, to := now.ID, b
	if kind == apartly {
		from, to = b, now.ID
	}
	back = slices.DeleteFunc(back, func(p *profile) bool { return p.campaign != from })
	if len(back) == 0 || now.gone {
		return w.note(ctx, now.ID, c)
	}
	if err := w.assign(ctx, back, to); err != nil {
		return err
	}
	for _, id := range []portcullis.ID{from, to} {
		if id == "" {
			continue
		}
		if err := errors.Join(w.refresh(ctx, id), w.note(ctx, id, c)); err != nil {
			return err
		}
	}
	return nil
}

// begin waits for other writers and refuses acts that nobody stands for.
func (w *Writer) begin(ctx context.Context, who, why string) error {
	if strings.TrimSpace(who) == "" || strings.TrimSpace(why) == "" {
		return refusef("a decision about campaigns needs a name and a reason: both are kept with it")
	}
	return w.turn(ctx)
}

// standing finds a campaign that is still as the caller saw it.
func (w *Writer) standing(ctx context.Context, id portcullis.ID, version int) (row, error) {
	c, err := w.row(ctx, id)
	if err != nil {
		return c, err
	}
	if c.Version == version && !c.gone {
		return c, nil
	}
	e := &ChangedError{ID: id, Saw: version, Is: c.Version, When: c.Changed, What: "it grew"}
	history, err := w.history(ctx, id)
	if err != nil {
		return c, err
	}
	if n := len(history); n > 0 && history[n-1].When.Sub(c.Changed).Abs() < time.Second {
		e.Who, e.What = history[n-1].Who, history[n-1].What
	}
	return c, e
}

// decide stores a decision and about which events it is.
func (w *Writer) decide(ctx context.Context, d decision, who, why string, a, b portcullis.ID) (Change, error) {
	c := Change{Who: who, Why: why}
	err := w.QueryRowContext(ctx, `INSERT INTO campaigns_decision (at, who, why, kind, a, b) VALUES ($1,$2,$3,$4,$5,$6) RETURNING num`,
		w.d.now().UnixMicro(), storable(who), storable(why), d.kind, string(a), string(b)).Scan(&c.Num)
	if err != nil {
		return c, fmt.Errorf("store decision: %w", err)
	}
	for side, list := range map[uint8][]portcullis.ID{sideA: d.a, sideB: d.b} {
		for _, event := range list {
			if err := w.exec(ctx, "decision", `INSERT INTO campaigns_decided (decision, event, side) VALUES ($1,$2,$3)`, c.Num, string(event), int(side)); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// human refreshes a campaign that people had a hand in.
func (w *Writer) human(ctx context.Context, id portcullis.ID) error {
	if err := w.refresh(ctx, id); err != nil {
		return err
	}
	r, err := w.row(ctx, id)
	if err != nil {
		return err
	}
	r.Human, r.Version = true, r.Version-1 // one act, one version
	return w.putRow(ctx, &r)
}

// Remove forgets events, as retention and erasure demand. Campaigns that lose all members are gone.
func (w *Writer) Remove(ctx context.Context, list []portcullis.ID) error {
	if err := w.turn(ctx); err != nil {
		return err
	}
	touched := map[portcullis.ID]int{}
	for _, event := range list {
		p, err := w.item(ctx, event)
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		if p.campaign != "" {
			touched[p.campaign]++
		}
		if err := w.forget(ctx, p); err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(touched) {
		if err := w.refresh(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) forget(ctx context.Context, p *profile) error {
	return errors.Join(
		w.exec(ctx, "removal", `DELETE FROM campaigns_posting WHERE item=$1 AND time=$2 AND key IN (`+numbers(keysOf(p))+`)`, p.num, p.time),
		w.exec(ctx, "removal", `DELETE FROM campaigns_target WHERE item=$1`, p.num),
		w.exec(ctx, "removal", `DELETE FROM campaigns_decided WHERE event=$1`, string(p.event)),
		w.exec(ctx, "removal", `DELETE FROM campaigns_item WHERE num=$1`, p.num),
	)
}

// RemovePerson forgets that a person was reached; the items stay, for others got them too.
func (w *Writer) RemovePerson(ctx context.Context, person portcullis.ID) error {
	if err := w.turn(ctx); err != nil {
		return err
	}
	list, err := w.profiles(ctx, `SELECT i.num, i.event, i.campaign, i.time, i.body FROM campaigns_item i
		JOIN campaigns_target t ON t.item=i.num WHERE t.person=$1 ORDER BY i.num`, string(person))
	if err != nil {
		return err
	}
	touched := map[portcullis.ID]int{}
	for _, p := range list {
		p.people = slices.DeleteFunc(p.people, func(id portcullis.ID) bool { return id == person })
		if err := w.exec(ctx, "removal", `UPDATE campaigns_item SET body=$2 WHERE num=$1`, p.num, p.pack()); err != nil {
			return err
		}
		if p.campaign != "" {
			touched[p.campaign]++
		}
	}
	if err := w.exec(ctx, "removal", `DELETE FROM campaigns_target WHERE person=$1`, string(person)); err != nil {
		return err
	}
	for _, id := range sortedKeys(touched) {
		if err := w.refresh(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
