package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/store"
)

// Findings reach the campaigns by the outbox: whoever stores a verdict that asks for
// attention puts the message's id there in the same transaction, and the correlator takes
// it out in the transaction in which it places the message. A crash repeats work and
// loses none.

// topicFindings is the outbox topic of messages whose verdict asks for attention, topicChanged
// that of campaigns that changed and that nobody has attended to yet.
const (
	topicFindings = "findings"
	topicChanged  = "campaigns"
)

const (
	placedAtOnce = 64
	placingLease = 2 * time.Minute
)

// correlator puts findings into campaigns, and answers what these want to know of the archive.
type correlator struct {
	app   *app
	dir   *people.Directory
	judge *mail.Judge
	base  factsBase
	lists *campaigns.Warninglists
	now   func() time.Time

	sketches sketches
}

func (k *correlator) deps() campaigns.Deps {
	return campaigns.Deps{Archive: k, Resembling: k, Groups: k, Lists: k.lists, Now: k.now}
}

// worthPlacing tells whether a verdict goes into the campaigns.
func worthPlacing(v portcullis.Verdict) bool {
	return slices.ContainsFunc(v.Findings, func(f portcullis.Finding) bool {
		return f.Attention == portcullis.Targeted && f.Severity > portcullis.Informational
	})
}

// announce puts into the outbox which messages ask for attention.
func (a *app) announce(ctx context.Context, tx *sql.Tx, list []records.Judgement) error {
	return a.announceRevised(ctx, tx, slices.DeleteFunc(list, func(j records.Judgement) bool { return !worthPlacing(j.Verdict()) }))
}

// announceRevised puts all into the outbox: one that asks for attention no more has to leave
// its campaign. The first six of a thousand letters from the public look like a campaign.
func (a *app) announceRevised(ctx context.Context, tx *sql.Tx, list []records.Judgement) error {
	var items []store.Item
	for _, j := range list {
		items = append(items, store.Item{Key: string(j.Message())})
	}
	return a.store.EnqueueAll(ctx, tx, topicFindings, items)
}

func judgementsOf(list []*arrived) (out []records.Judgement) {
	for _, a := range list {
		out = append(out, a.judgement)
	}
	return out
}

// drain places everything that waits, and returns the campaigns that changed.
func (k *correlator) drain(ctx context.Context) (changed []portcullis.ID, err error) {
	for {
		waiting, err := k.app.store.Claim(ctx, topicFindings, "correlator", placedAtOnce, placingLease)
		if err != nil || len(waiting) == 0 {
			slices.Sort(changed)
			return slices.Compact(changed), err
		}
		more, err := k.placeAll(ctx, waiting)
		changed = append(changed, more...)
		if err != nil {
			return changed, err
		}
	}
}

// placeAll places together, or one by one where that fails: a message that cannot be placed
// must not keep the others waiting. It comes again when its lease is over.
func (k *correlator) placeAll(ctx context.Context, waiting []store.Message) (changed []portcullis.ID, err error) {
	changed, err = k.place(ctx, waiting)
	if _, disk := errors.AsType[*store.DiskError](err); err == nil || disk || len(waiting) == 1 || ctx.Err() != nil {
		return changed, err
	}
	var errs []error
	for i := range waiting {
		more, err := k.place(ctx, waiting[i:i+1])
		changed, errs = append(changed, more...), append(errs, err)
	}
	return changed, errors.Join(errs...)
}

func (k *correlator) place(ctx context.Context, waiting []store.Message) (changed []portcullis.ID, err error) {
	var items []campaigns.Item
	var ids []store.MessageID
	var gone []portcullis.ID
	for _, m := range waiting {
		ids = append(ids, m.ID)
		item, ok, err := k.item(ctx, portcullis.ID(m.Key))
		if err != nil {
			return nil, fmt.Errorf("prepare %s for its campaign: %w", m.Key, err)
		}
		if ok {
			items = append(items, item)
		} else {
			gone = append(gone, portcullis.ID(m.Key))
		}
	}
	err = k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		var alone []portcullis.ID // in no campaign, and yet somebody is to be told
		w := campaigns.NewWriter(tx, k.deps())
		defer w.Close()
		if changed, err = k.remove(ctx, tx, w, gone); err != nil {
			return err
		}
		for _, item := range items {
			p, err := w.Put(ctx, item)
			if err != nil {
				return err
			}
			if p.Campaign != "" {
				changed = append(changed, p.Campaign)
			} else {
				alone = append(alone, item.Event)
			}
		}
		if err := k.app.store.EnqueueOnce(ctx, tx, topicChanged, keysOf(slices.Concat(changed, alone))); err != nil {
			return err
		}
		return k.app.store.Ack(ctx, tx, ids)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

func keysOf(ids []portcullis.ID) (keys []string) {
	for _, id := range ids {
		keys = append(keys, string(id))
	}
	return keys
}

// remove takes out what asks for attention no more, and returns the campaigns it was in.
func (k *correlator) remove(ctx context.Context, tx *sql.Tx, w *campaigns.Writer, gone []portcullis.ID) (changed []portcullis.ID, err error) {
	if len(gone) == 0 {
		return nil, nil
	}
	reader := campaigns.NewReader(tx, k.deps())
	for _, event := range gone {
		in, err := reader.Campaigns(ctx, campaigns.Query{Event: event, Limit: 1, Ordinary: true})
		if err != nil {
			return nil, err
		}
		for _, c := range in {
			changed = append(changed, c.ID)
		}
	}
	return changed, w.Remove(ctx, gone)
}

// item is a message as correlation sees it; false where there is nothing to place any more.
func (k *correlator) item(ctx context.Context, event portcullis.ID) (item campaigns.Item, ok bool, err error) {
	reader := records.NewReader(k.app.store.DB())
	v, ok, err := reader.Verdict(ctx, event)
	if err != nil || !ok || !worthPlacing(v) {
		return item, false, err
	}
	row, err := reader.Message(ctx, event)
	if err != nil {
		return item, false, err
	}
	item = campaigns.Item{Event: event, Sensor: "mail", Time: row.Time}
	for _, f := range v.Findings {
		if f.Severity > portcullis.Informational {
			item.Findings = append(item.Findings, campaigns.FindingRef{ID: f.ID, Rule: f.Rule, Technique: f.Technique, Severity: f.Severity, Attention: f.Attention})
		}
	}
	deliveries, err := reader.Deliveries(ctx, event)
	if err != nil {
		return item, false, err
	}
	for _, d := range deliveries {
		if d.Person != "" && !slices.Contains(item.People, d.Person) {
			item.People = append(item.People, d.Person)
		}
	}
	slices.Sort(item.People)
	return item, true, k.traits(ctx, reader, row, v, &item)
}

// traits adds what the message shows of its sender: from its bytes where they were kept, else
// from what its findings name.
func (k *correlator) traits(ctx context.Context, reader *records.Reader, row records.Message, v portcullis.Verdict, item *campaigns.Item) error {
	raw, ok, err := reader.Body(ctx, item.Event)
	if err != nil {
		return err
	}
	if !ok {
		k.fromFindings(row, v, item)
		return nil
	}
	facts := &mail.Facts{Event: string(item.Event), Time: item.Time}
	in := k.judge.NewInput(message.Parse(raw, message.DefaultLimits()), facts)
	t := mail.NewTraits(in)
	item.Text, item.Structure, item.Words, item.Echo = t.Text, t.Structure, t.Words, t.Echo
	for _, f := range t.Features {
		item.Features = append(item.Features, campaigns.Feature{Kind: f.Kind, Observable: k.seal(f.Observable)})
	}
	return nil
}

// seal keys what names people. The archive keeps no display names, so its key knows nothing of them.
func (k *correlator) seal(o portcullis.Observable) portcullis.Observable {
	if o.Type == campaigns.TypeName {
		o.Value = k.app.key.Text(o.Value)
		return o
	}
	return k.app.key.Seal(o, func(canon string) bool { return len(k.dir.ByAddress(canon)) > 0 })
}

// fromFindings takes what the findings name, where the message's bytes were not kept.
func (k *correlator) fromFindings(row records.Message, v portcullis.Verdict, item *campaigns.Item) {
	add := func(role string, o portcullis.Observable) {
		f := campaigns.Feature{Kind: role, Observable: k.seal(o)}
		if o.Value != "" && !slices.Contains(item.Features, f) {
			item.Features = append(item.Features, f)
		}
	}
	add(campaigns.RoleSender, portcullis.Observable{Type: portcullis.TypeDomain, Value: row.Org})
	for _, f := range v.Findings {
		for _, o := range f.Observables {
			switch o.Type {
			case portcullis.TypeHash:
				add(campaigns.RoleAttachment, o)
			case portcullis.TypeDomain, portcullis.TypeIP:
				add(campaigns.RoleLink, o)
			case portcullis.TypeURL:
				add(campaigns.RoleURL, o)
			}
		}
	}
}

// Total is how many messages the archive knows.
func (k *correlator) Total(ctx context.Context) (int, error) {
	n, err := archive.NewReader(k.app.store.DB()).Events(ctx)
	return int(n), err
}

// Frequency tells in how many messages each value was seen.
func (k *correlator) Frequency(ctx context.Context, values []portcullis.Observable) ([]int, error) {
	return archive.NewReader(k.app.store.DB()).WithKey(k.app.key).Frequency(ctx, values)
}

// Seen tells who received a value, and when.
func (k *correlator) Seen(ctx context.Context, value portcullis.Observable, limit int) (list []campaigns.Sighting, err error) {
	reader := records.NewReader(k.app.store.DB())
	enough := fmt.Errorf("enough")
	last := portcullis.ID("")
	err = archive.NewReader(k.app.store.DB()).WithKey(k.app.key).Hunt(ctx, []portcullis.Observable{value}, func(hit archive.Hit) error {
		if hit.Event == last {
			return nil
		}
		last = hit.Event
		if len(list) >= limit {
			return enough
		}
		deliveries, err := reader.Deliveries(ctx, hit.Event)
		for _, d := range deliveries {
			list = append(list, campaigns.Sighting{Event: hit.Event, Time: hit.Time, Recipient: d.Recipient, Person: d.Person})
		}
		return err
	})
	if err == enough {
		err = nil
	}
	return list[:min(len(list), limit)], err
}

// Like finds messages that say nearly the same, whoever sent them.
func (k *correlator) Like(ctx context.Context, event portcullis.ID, limit int) (list []campaigns.Likeness, err error) {
	reader := records.NewReader(k.app.store.DB())
	alike, err := k.sketches.like(ctx, reader, event, limit)
	if err != nil {
		return nil, err
	}
	for _, a := range alike {
		id, at, ok, err := reader.Numbered(ctx, a.num)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		deliveries, err := reader.Deliveries(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, d := range deliveries {
			list = append(list, campaigns.Likeness{Event: id, Time: at, Alike: a.alike, Recipient: d.Recipient, Person: d.Person})
		}
	}
	return list, nil
}

// sketches holds the sketches of all mail whose text can be compared: 72 bytes each, so that
// looking through a million takes milliseconds.
type sketches struct {
	mu   sync.Mutex
	last int64         // guarded by mu: the highest number read so far
	nums []int64       // guarded by mu
	all  []mail.Sketch // guarded by mu
}

type alike struct {
	num   int64
	alike float64
}

func (x *sketches) like(ctx context.Context, r *records.Reader, event portcullis.ID, limit int) (list []alike, err error) {
	num, err := r.Number(ctx, event)
	if err != nil || num == 0 {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	err = r.EachSketch(ctx, x.last, func(num int64, s mail.Sketch) {
		x.last, x.nums, x.all = num, append(x.nums, num), append(x.all, s)
	})
	if err != nil {
		return nil, err
	}
	at, ok := slices.BinarySearch(x.nums, num)
	if !ok {
		return nil, nil
	}
	for i := range x.all {
		if i == at {
			continue
		}
		if like := x.all[i].Likeness(x.all[at]); like >= mail.SameMail {
			list = append(list, alike{x.nums[i], like})
		}
	}
	slices.SortStableFunc(list, func(a, b alike) int { return cmp.Compare(b.alike, a.alike) })
	return list[:min(len(list), limit)], nil
}

// GroupsOf is what a person has in common with others.
func (k *correlator) GroupsOf(id portcullis.ID) (groups []string) {
	p := k.dir.Person(id)
	if p == nil {
		return nil
	}
	for _, c := range p.Committees {
		groups = append(groups, strings.TrimSuffix(c, " Committee")+" committee")
	}
	return append(groups, p.Topics...)
}

// sighted is what came of looking for new indicators in all that is kept.
type sighted struct {
	sightings int
	events    []portcullis.ID
	people    []portcullis.ID // whom those mails reached
}

// topicIndicators is the outbox topic of indicators for which history is still to be searched.
const topicIndicators = "indicators"

// indicatorsAtOnce bounds one item of the outbox.
const indicatorsAtOnce = 2000

// askHistory writes down, with the indicators, that history is to be searched for them: a crash
// before it was leaves nothing unsearched.
func (k *correlator) askHistory(ctx context.Context, tx *sql.Tx, list []portcullis.Indicator) error {
	var items []store.Item
	for part := range slices.Chunk(list, indicatorsAtOnce) {
		raw, err := json.Marshal(part)
		if err != nil {
			return fmt.Errorf("encode indicators: %w", err)
		}
		items = append(items, store.Item{Key: string(part[0].ID()), Payload: raw})
	}
	return k.app.store.EnqueueAll(ctx, tx, topicIndicators, items)
}

// sightWaiting searches history for all indicators for which that is still to be done.
func (k *correlator) sightWaiting(ctx context.Context) (out sighted, err error) {
	for {
		waiting, err := k.app.store.Claim(ctx, topicIndicators, "correlator", 1, placingLease)
		if err != nil || len(waiting) == 0 {
			slices.Sort(out.people)
			out.people = slices.Compact(out.people)
			return out, err
		}
		var list []portcullis.Indicator
		if err := json.Unmarshal(waiting[0].Payload, &list); err != nil {
			return out, fmt.Errorf("read indicators that wait: %w", err)
		}
		one, err := k.sight(ctx, list)
		if err != nil {
			return out, err
		}
		out.sightings += one.sightings
		out.events, out.people = append(out.events, one.events...), append(out.people, one.people...)
		err = k.app.store.Tx(ctx, func(tx *sql.Tx) error { return k.app.store.Ack(ctx, tx, []store.MessageID{waiting[0].ID}) })
		if err != nil {
			return out, err
		}
	}
}

// sight looks for indicators in all history, adds what they say to the verdicts on the mails
// they are in, and hands these on to the campaigns.
func (k *correlator) sight(ctx context.Context, list []portcullis.Indicator) (out sighted, err error) {
	byPattern := map[portcullis.Observable][]portcullis.Indicator{}
	var patterns []portcullis.Observable
	for _, i := range list {
		if byPattern[i.Pattern] == nil {
			patterns = append(patterns, i.Pattern)
		}
		byPattern[i.Pattern] = append(byPattern[i.Pattern], i)
	}
	matches := map[portcullis.ID][]mail.Match{}
	err = archive.NewReader(k.app.store.DB()).WithKey(k.app.key).Hunt(ctx, patterns, func(hit archive.Hit) error {
		for _, i := range byPattern[hit.Pattern] {
			if len(matches[hit.Event]) < maxMatches {
				matches[hit.Event] = append(matches[hit.Event], mail.Match{Indicator: i.ID(), Observable: i.Pattern, Form: hit.Form, Part: hit.Part, Start: hit.Start, End: hit.End, Source: i.Source, Marking: i.Marking})
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	for event := range matches {
		out.events = append(out.events, event)
	}
	slices.Sort(out.events)
	for part := range slices.Chunk(out.events, placedAtOnce) {
		err := k.app.store.Tx(ctx, func(tx *sql.Tx) error {
			w := records.NewWriter(tx)
			defer w.Close()
			a := archive.NewWriter(tx)
			defer a.Close()
			for _, event := range part {
				who, err := k.sightOne(ctx, tx, w, a, event, matches[event])
				if err != nil {
					return fmt.Errorf("%s: %w", event, err)
				}
				out.people = append(out.people, who...)
			}
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	out.sightings = len(out.events)
	slices.Sort(out.people)
	out.people = slices.Compact(out.people)
	return out, nil
}

func (k *correlator) sightOne(ctx context.Context, tx *sql.Tx, w *records.Writer, a *archive.Writer, event portcullis.ID, list []mail.Match) ([]portcullis.ID, error) {
	current, ok, err := w.Verdict(ctx, event)
	if err != nil || !ok {
		return nil, err
	}
	row, err := w.Message(ctx, event)
	if err != nil {
		return nil, err
	}
	facts := mail.SightedFacts{Schema: 1, Sighted: event, People: k.base.people, Config: k.base.config, Model: k.base.model, Time: row.Time, TimeKnown: row.TimeKnown, Indicators: list}
	deliveries, err := w.Deliveries(ctx, event)
	if err != nil {
		return nil, err
	}
	for _, d := range deliveries {
		if d.Person != "" && !slices.Contains(facts.Targets, d.Person) {
			facts.Targets = append(facts.Targets, d.Person)
		}
		facts.House = facts.House || k.dir.OwnDomain(d.Recipient[strings.LastIndexByte(d.Recipient, '@')+1:])
	}
	slices.Sort(facts.Targets)
	slices.SortStableFunc(facts.Indicators, func(a, b mail.Match) int { return cmp.Compare(a.Indicator, b.Indicator) })
	hash, encoded, err := facts.Encode()
	if err != nil {
		return nil, err
	}
	next := k.judge.Sight(current, &facts)
	next.Revision, next.Facts = current.Revision+1, hash
	if sameVerdict(current, next) {
		return facts.Targets, nil
	}
	judgement, err := records.NewComparison(event, next, encoded, k.base.people)
	if err != nil {
		return nil, err
	}
	if err := w.PutVerdicts(ctx, []records.Judgement{judgement}, k.now()); err != nil {
		return nil, err
	}
	var sightings []portcullis.Sighting
	for _, m := range list {
		sightings = append(sightings, portcullis.Sighting{Indicator: m.Indicator, Event: event, Time: row.Time})
	}
	if err := a.AddSightings(ctx, sightings); err != nil {
		return nil, err
	}
	return facts.Targets, k.app.store.Enqueue(ctx, tx, topicFindings, string(event), nil)
}

// settle weighs everything anew with the frequencies of now. What it changed is attended to
// like what new mail changed.
func (k *correlator) settle(ctx context.Context) error {
	return k.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := campaigns.NewWriter(tx, k.deps())
		defer w.Close()
		before, err := w.Stands(ctx)
		if err != nil {
			return err
		}
		if _, err := w.Settle(ctx); err != nil {
			return err
		}
		after, err := w.Stands(ctx)
		if err != nil {
			return err
		}
		var changed []portcullis.ID
		for id, now := range after {
			if before[id].Version != now.Version {
				changed = append(changed, id)
			}
		}
		slices.Sort(changed)
		return k.app.store.EnqueueOnce(ctx, tx, topicChanged, keysOf(changed))
	})
}
