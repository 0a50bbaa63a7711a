package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// huntCeiling is how many mails a hunt on a page lists; more are counted.
const huntCeiling = 2000

// Hunt asks the archive. That it was asked, by whom and for what, is written down first.
func (d *deskService) Hunt(ctx context.Context, q web.HuntQuery) (out web.Hunt, err error) {
	if q.Request != "" {
		return d.personalHunt(ctx, q)
	}
	if out.Requests, err = d.huntRequests(ctx, 20); err != nil {
		return out, d.plain(err)
	}
	text := strings.TrimSpace(q.Text)
	if text == "" {
		return out, d.may(ctx, access.Hunt, access.Object{ID: "hunt"})
	}
	p, err := archive.ParsePattern(text)
	if err != nil {
		return out, &web.InvalidError{Field: "q", Why: sentence(err.Error())}
	}
	if archive.Personal(p) {
		if err := d.refusedHunt(ctx); err != nil {
			return out, err
		}
		out.Personal, out.Understood = true, []portcullis.Observable{p}
		return out, nil
	}
	if err := d.look(ctx, access.Hunt, access.Object{ID: "hunt"}, map[string]string{"for": p.String()}); err != nil {
		return out, err
	}
	return d.search(ctx, q, p, out)
}

// search asks the archive; that it may be asked was decided and written down.
func (d *deskService) search(ctx context.Context, q web.HuntQuery, p portcullis.Observable, out web.Hunt) (web.Hunt, error) {
	began := time.Now()
	out.Understood = []portcullis.Observable{p}
	moment, err := newSnapshot(ctx, d.app.store.DB())
	if err != nil {
		return out, d.plain(err)
	}
	defer moment.close()
	collect := &deskHunt{desk: d, q: q, seen: map[portcullis.ID]int{}}
	h := &mailHunt{ctx: ctx, reader: d.mailRecords(), dir: d.dir, since: q.From, limit: huntCeiling, out: collect}
	if err := h.run(archive.NewReader(moment).WithKey(d.app.key), []portcullis.Indicator{{Pattern: p}}); err != nil {
		return out, d.plain(err)
	}
	return d.hunted(ctx, q, collect, out, began)
}

// refusedHunt writes down that somebody asked for a person's address or a subject; not for which.
func (d *deskService) refusedHunt(ctx context.Context) error {
	if err := d.may(ctx, access.Hunt, access.Object{ID: "hunt"}); err != nil {
		return d.decide(ctx, access.Hunt, access.Object{ID: "hunt"})
	}
	return d.app.store.Tx(ctx, func(tx *sql.Tx) error {
		return access.AuditRefusal(ctx, tx, access.HuntPerson, "hunt", "asked without a purpose and a second person")
	})
}

// hunted makes the page of what was found.
func (d *deskService) hunted(ctx context.Context, q web.HuntQuery, c *deskHunt, out web.Hunt, began time.Time) (web.Hunt, error) {
	s, err := d.board.get(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	slices.SortStableFunc(c.hits, func(a, b web.Hit) int { return b.Time.Compare(a.Time) })
	page, next := pageOf(c.hits, q.Page, q.Limit)
	for _, hit := range page {
		in, err := d.campaignRecords().Campaigns(ctx, campaigns.Query{Event: hit.Event, Limit: 1, Ordinary: true})
		if err != nil {
			return out, d.plain(err)
		}
		if len(in) > 0 {
			hit.Campaign = d.campaignRef(in[0].ID)
		}
		if v, ok, err := d.mailRecords().Verdict(ctx, hit.Event); err != nil {
			return out, d.plain(err)
		} else if ok && len(v.Findings) > 0 && v.Findings[0].Severity > portcullis.Informational {
			hit.Finding = v.Findings[0].ID
		}
		out.Hits = append(out.Hits, hit)
	}
	out.Total, out.Next = len(c.hits), next
	sees := d.sees(ctx)
	for id, n := range c.seen {
		if !sees(id) {
			continue
		}
		state := s.people[id]
		if state == nil {
			out.Beyond++
			state = &personState{id: id, events: n}
		}
		out.People = append(out.People, d.personRow(state))
	}
	slices.SortFunc(out.People, func(a, b web.PersonRow) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	out.People = out.People[:min(len(out.People), 50)]
	if out.Searched, err = d.links.Total(ctx); err != nil {
		return out, d.plain(err)
	}
	out.Took = time.Since(began)
	return out, nil
}

// deskHunt collects what mailHunt finds.
type deskHunt struct {
	desk *deskService
	q    web.HuntQuery
	hits []web.Hit
	seen map[portcullis.ID]int // mails by person
}

func (c *deskHunt) mail(m huntMail) error {
	if !c.q.To.IsZero() && m.Time.After(c.q.To) {
		return nil
	}
	hit := web.Hit{Event: m.Event, Time: m.Time}
	if len(m.Forms) > 0 {
		f := m.Forms[0]
		hit.Value, hit.Form, hit.Where = f.Observable.Value, f.Form, f.Part
		if len(m.Forms) > 1 {
			hit.Form += fmt.Sprintf(" and %d more", len(m.Forms)-1)
		}
	}
	if len(m.Recipients) == 0 {
		c.hits = append(c.hits, hit)
	}
	for _, r := range m.Recipients {
		one := hit
		one.Address = r.Address
		one.Person = web.PersonRef{Name: r.who()}
		if r.Person != "" {
			one.Person = c.desk.person(r.Person)
			c.seen[r.Person]++
		}
		c.hits = append(c.hits, one)
	}
	return nil
}

func (c *deskHunt) found(huntPattern) error            { return nil }
func (c *deskHunt) missed(portcullis.Observable) error { return nil }
func (c *deskHunt) end(huntTotals) error               { return nil }

// Indicators lists what is kept, the latest first.
func (d *deskService) Indicators(ctx context.Context, q web.IndicatorQuery) (out web.Indicators, err error) {
	if err := d.may(ctx, access.SeeIndicators, access.Object{ID: "indicators"}); err != nil {
		return out, err
	}
	reader := archive.NewReader(d.app.store.DB()).WithKey(d.app.key)
	kept, err := reader.Kept(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	words := strings.ToLower(strings.TrimSpace(q.Text))
	kept = slices.DeleteFunc(kept, func(k archive.Kept) bool {
		return words != "" && !strings.Contains(strings.ToLower(k.Pattern.String()+" "+k.Source), words)
	})
	slices.SortStableFunc(kept, func(a, b archive.Kept) int {
		return cmp.Or(b.Added.Compare(a.Added), cmp.Compare(a.Pattern.Value, b.Pattern.Value))
	})
	page, next := pageOf(kept, q.Page, q.Limit)
	for _, k := range page {
		row, err := d.indicatorRow(ctx, reader, k)
		if err != nil {
			return out, d.plain(err)
		}
		out.Rows = append(out.Rows, row)
	}
	out.Total, out.Next = len(kept), next
	out.Feeds, err = d.feeds(ctx)
	return out, d.plain(err)
}

func (d *deskService) indicatorRow(ctx context.Context, reader *archive.Reader, k archive.Kept) (row web.IndicatorRow, err error) {
	row = web.IndicatorRow{ID: k.ID(), Pattern: k.Pattern, Source: k.Source, Marking: tlp(k.Marking), From: k.From, Until: k.Until, Added: k.Added}
	seen, err := reader.Sightings(ctx, k.ID())
	if err != nil {
		return row, err
	}
	who, sees, all := map[portcullis.ID]bool{}, d.sees(ctx), caller(ctx).Scope.Unbounded()
	for i, s := range seen {
		row.Sightings++
		if s.Time.After(row.Last) {
			row.Last = s.Time
		}
		if i >= 200 {
			continue
		}
		deliveries, err := d.mailRecords().Deliveries(ctx, s.Event)
		if err != nil {
			return row, err
		}
		for _, one := range deliveries {
			if one.Person != "" && sees(one.Person) {
				who[one.Person] = true
			}
		}
		if row.Campaign.ID == "" {
			in, err := d.campaignRecords().Campaigns(ctx, campaigns.Query{Event: s.Event, Limit: 1, Ordinary: true})
			if err != nil {
				return row, err
			}
			if len(in) > 0 && (all || slices.ContainsFunc(in[0].Persons, sees)) {
				row.Campaign = d.campaignRef(in[0].ID)
			}
		}
	}
	row.People = len(who)
	return row, nil
}

// intake is what the audit keeps of indicators that came in.
type intake struct {
	At      time.Time `json:"at"`
	Source  string    `json:"source,omitempty"`
	Marking string    `json:"marking,omitempty"`
	New     int       `json:"new"`
	Known   int       `json:"known"`
	Refused int       `json:"refused"`
	Not     []string  `json:"not_taken,omitempty"` // the first of those refused, and why
}

func intakeOf(list []portcullis.Indicator, a web.Added, now time.Time) intake {
	in := intake{At: now, New: a.New, Known: a.Known, Refused: a.RefusedAll}
	if len(list) > 0 {
		in.Source, in.Marking = list[0].Source, list[0].Marking
	}
	refused := slices.Clone(a.Refused)
	slices.SortStableFunc(refused, func(a, b web.Refusal) int { return cmp.Compare(b.Hits, a.Hits) })
	for _, r := range refused[:min(len(refused), 10)] {
		if r.Hits > 0 {
			in.Not = append(in.Not, fmt.Sprintf("%s would hit %s", r.Value, count(r.Hits, "mail")))
		} else {
			in.Not = append(in.Not, strings.TrimSpace(r.Value+" "+r.Why))
		}
	}
	return in
}

func (in intake) words() string {
	text := fmt.Sprintf("%d new, %d known, %d refused", in.New, in.Known, in.Refused)
	if len(in.Not) > 0 {
		text += ": " + strings.Join(in.Not, "; ")
	}
	return printable(text)
}

// tlp is a marking as the pages write it, behind their own TLP.
func tlp(marking string) string { return strings.ToLower(strings.TrimPrefix(marking, "TLP:")) }

// feeds are those that came in last, with how much of each was refused.
func (d *deskService) feeds(ctx context.Context) (list []web.FeedRow, err error) {
	entries, err := chain.About(ctx, d.app.store.DB(), access.Log, "indicators", 50)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		var body struct {
			Detail intake `json:"detail"`
		}
		if e.Body == nil || json.Unmarshal(e.Body, &body) != nil || body.Detail.At.IsZero() {
			continue
		}
		in := body.Detail
		list = append(list, web.FeedRow{Name: in.Source, Source: in.Source, Marking: tlp(in.Marking), When: in.At, By: e.Who, New: in.New, Known: in.Known, Refused: in.Refused})
		if len(list) == 10 {
			break
		}
	}
	return list, nil
}

// AddIndicators keeps what was typed or came as a feed, and searches all history for it.
func (d *deskService) AddIndicators(ctx context.Context, a web.IndicatorAct) (out web.Added, err error) {
	if err := d.decide(ctx, access.EditIndicator, access.Object{ID: "indicators"}); err != nil {
		return out, err
	}
	marking, err := archive.ParseMarking(a.Marking)
	if err != nil {
		return out, &web.InvalidError{Field: "marking", Why: sentence(err.Error())}
	}
	if strings.TrimSpace(a.Source) == "" {
		return out, &web.InvalidError{Field: "source", Why: "Say who told us, so that it can be asked and thanked."}
	}
	list, problems, err := readAct(a)
	if err != nil {
		return out, err
	}
	for i := range list {
		list[i].Source, list[i].Marking = a.Source, cmp.Or(marking, list[i].Marking)
	}
	list, problems = withoutPersonal(list, problems)
	out, err = d.keepIndicators(ctx, list, problems, a.Anyway)
	if err == nil && !caller(ctx).Scope.Unbounded() {
		out = d.boundedAdded(ctx, out)
	}
	return out, err
}

// withoutPersonal sets aside addresses and subjects: keeping one looks for it in everybody's
// mail, and that needs a stated purpose.
func withoutPersonal(list []portcullis.Indicator, problems []archive.Problem) ([]portcullis.Indicator, []archive.Problem) {
	list = slices.DeleteFunc(list, func(i portcullis.Indicator) bool {
		if !archive.Personal(i.Pattern) {
			return false
		}
		problems = append(problems, archive.Problem{Message: i.Pattern.Value + " leads to people or to what they write about: add it with “portcullis indicators add --purpose”, which logs why"})
		return true
	})
	return list, problems
}

// boundedAdded leaves out of what adding came to whom the caller may not see, and how many.
func (d *deskService) boundedAdded(ctx context.Context, out web.Added) web.Added {
	sees := d.sees(ctx)
	out.People = slices.DeleteFunc(out.People, func(p web.PersonRow) bool { return !sees(p.ID) })
	out.Sightings = 0
	s, err := d.board.get(ctx)
	out.Campaigns = slices.DeleteFunc(out.Campaigns, func(c web.CampaignRef) bool {
		return err != nil || !slices.ContainsFunc(s.campaigns, func(one *campaigns.Summary) bool {
			return one.ID == c.ID && slices.ContainsFunc(one.Persons, sees)
		})
	})
	return out
}

// readAct reads both fields of the form.
func readAct(a web.IndicatorAct) (list []portcullis.Indicator, problems []archive.Problem, err error) {
	if text := strings.TrimSpace(a.Patterns); text != "" {
		list, problems, err = archive.ReadIndicators("typed", strings.NewReader(text))
		if err != nil {
			return nil, nil, &web.InvalidError{Field: "patterns", Why: sentence(err.Error())}
		}
	}
	if len(a.Feed) > 0 {
		more, wrong, err := archive.ReadIndicators(cmp.Or(a.FeedName, "feed"), bytes.NewReader(a.Feed))
		if err != nil {
			return nil, nil, &web.InvalidError{Field: "feed", Why: sentence(err.Error())}
		}
		list, problems = append(list, more...), append(problems, wrong...)
	}
	if len(list)+len(problems) == 0 {
		return nil, nil, &web.InvalidError{Field: "patterns", Why: "Type at least one indicator, or choose a file."}
	}
	return list, problems, nil
}

// keepIndicators takes those that do not hit too much, and follows each through all history.
func (d *deskService) keepIndicators(ctx context.Context, list []portcullis.Indicator, problems []archive.Problem, anyway bool) (out web.Added, err error) {
	began := time.Now()
	for _, p := range problems {
		out.Refused = append(out.Refused, web.Refusal{Line: p.Line, Why: sentence(p.Message)})
	}
	checked, err := d.campaignRecords().Check(ctx, list)
	if err != nil {
		return out, d.plain(err)
	}
	list = list[:0]
	for _, c := range checked {
		if c.Refused == "" || anyway {
			list = append(list, c.Indicator)
			continue
		}
		out.Refused = append(out.Refused, web.Refusal{Value: c.Indicator.Pattern.Value, Why: sentence(c.Refused), Hits: c.Hits})
	}
	out.RefusedAll = len(out.Refused)
	out.Refused = out.Refused[:min(len(out.Refused), 50)]
	before := d.knownPeople(ctx)
	err = d.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := archive.NewWriter(tx)
		defer w.Close()
		fresh, err := w.AddIndicators(ctx, list, d.now())
		if err != nil {
			return err
		}
		out.New, out.Known = fresh, len(list)-fresh
		c := campaigns.NewWriter(tx, d.links.deps())
		defer c.Close()
		if _, err := c.Tell(ctx, list); err != nil {
			return err
		}
		if err := d.watchFor(ctx, tx); err != nil {
			return err
		}
		if err := d.links.askHistory(ctx, tx, list); err != nil {
			return err
		}
		return access.Audit(ctx, tx, string(access.EditIndicator), "indicators", intakeOf(list, out, d.now()))
	})
	if err != nil {
		return out, d.plain(err)
	}
	seen, err := d.links.sightWaiting(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	changed, err := d.follow(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	out.Sightings = seen.sightings
	for _, id := range seen.people {
		if !before[id] && len(out.People) < 50 {
			out.People = append(out.People, d.personRow(&personState{id: id, events: 1}))
		}
	}
	for _, id := range changed {
		out.Campaigns = append(out.Campaigns, d.campaignRef(id))
	}
	if out.Searched, err = d.links.Total(ctx); err != nil {
		return out, d.plain(err)
	}
	out.Took = time.Since(began)
	d.changed("indicators", "")
	return out, nil
}

// watchFor has what comes from now on looked through for all that is kept. It is told before
// the transaction ends: mail that is judged after it is judged with the new ones.
func (d *deskService) watchFor(ctx context.Context, tx *sql.Tx) error {
	if d.watch == nil {
		return nil
	}
	kept, err := archive.NewReader(tx).Indicators(ctx, d.now())
	if err != nil {
		return err
	}
	d.watch(kept)
	return nil
}

// knownPeople are those whom open campaigns reached so far.
func (d *deskService) knownPeople(ctx context.Context) map[portcullis.ID]bool {
	known := map[portcullis.ID]bool{}
	if s, err := d.board.get(ctx); err == nil {
		for id := range s.people {
			known[id] = true
		}
	}
	return known
}
