package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// Bounds of a campaign's page, as web.Campaign names them.
const (
	maxTargets = 200
	maxReasons = 50
	maxSteps   = 500
	maxNodes   = 2000
	maxEdges   = 10000
)

// Campaign is one campaign with all that belongs to it.
func (d *deskService) Campaign(ctx context.Context, id portcullis.ID) (out web.Campaign, err error) {
	c, err := d.campaignRecords().Campaign(ctx, id)
	if err != nil {
		return out, d.plain(err)
	}
	if err := d.glance(ctx, access.SeeCampaigns, d.about(c.ID, targetIDs(c)...), c.Version); err != nil {
		return out, err
	}
	s, err := d.board.get(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	c.Persons = targetIDs(c)
	out = web.Campaign{CampaignRow: d.campaignRow(s, &c.Summary), Version: c.Version, MembersTotal: len(c.Members)}
	out.Techniques = c.Techniques
	for _, from := range c.MergedFrom[:min(len(c.MergedFrom), 20)] {
		out.MergedFrom = append(out.MergedFrom, d.campaignRef(from.ID))
	}
	sees := d.sees(ctx)
	d.targets(s, c, sees, &out)
	if err := d.members(ctx, c, sees, &out); err != nil {
		return out, d.plain(err)
	}
	out.Reasons = reasonsOf(c.Reasons)
	if out.Indicators, err = d.campaignIndicators(ctx, c); err != nil {
		return out, d.plain(err)
	}
	out.Graph = d.graph(c, sees)
	out.Timeline = d.timeline(s, c, sees)
	out.Edits = edits(c.History)
	out.Others = d.others(s, c, sees)
	out.Assessment, err = d.assessment(ctx, c.ID)
	return out, d.plain(err)
}

func targetIDs(c campaigns.Campaign) (ids []portcullis.ID) {
	for _, t := range c.Targets {
		ids = append(ids, t.Person)
	}
	slices.Sort(ids)
	return ids
}

// targets are those whom findings name, and those whom only the archive knows.
func (d *deskService) targets(s *boardState, c campaigns.Campaign, sees func(portcullis.ID) bool, out *web.Campaign) {
	members := map[portcullis.ID]campaigns.Member{}
	for _, m := range c.Members {
		members[m.Event] = m
	}
	notices := map[portcullis.ID]int{}
	clocks := s.clocks[c.ID]
	for i, n := range clocks {
		notices[n.Person] = i + 1
	}
	add := func(person portcullis.ID, touches []web.Touch, beyond bool) {
		out.TargetsTotal++
		if !sees(person) || len(out.Targets) == maxTargets {
			return
		}
		t := web.Target{Person: d.person(person), Groups: d.links.GroupsOf(person), Times: touches, Beyond: beyond}
		if at := notices[person]; at > 0 {
			n := clocks[at-1]
			t.Notice, t.State, t.Due = n.ID, web.NoticeState(n.State), n.Due
		} else {
			out.Undrafted++
		}
		out.Targets = append(out.Targets, t)
	}
	for _, t := range c.Targets {
		var touches []web.Touch
		for _, event := range t.Events[:min(len(t.Events), 200)] {
			if m, ok := members[event]; ok {
				touches = append(touches, web.Touch{Time: m.Time, Finding: strongest(m.Findings)})
			}
		}
		add(t.Person, touches, false)
	}
	for _, n := range clocks {
		if slices.ContainsFunc(c.Targets, func(t campaigns.Target) bool { return t.Person == n.Person }) {
			continue
		}
		var touches []web.Touch
		for _, e := range n.Reach.Events {
			touches = append(touches, web.Touch{Time: e.Time})
		}
		add(n.Person, touches, true)
	}
}

// strongest is the most serious finding of an event.
func strongest(list []campaigns.FindingRef) (id portcullis.ID) {
	var worst portcullis.Severity
	for _, f := range list {
		if id == "" || f.Severity > worst {
			id, worst = f.ID, f.Severity
		}
	}
	return id
}

// members are the events, newest first.
func (d *deskService) members(ctx context.Context, c campaigns.Campaign, sees func(portcullis.ID) bool, out *web.Campaign) error {
	list := slices.Clone(c.Members)
	slices.SortStableFunc(list, func(a, b campaigns.Member) int { return b.Time.Compare(a.Time) })
	for _, m := range list[:min(len(list), web.MaxRows)] {
		row := web.Member{Event: m.Event, Finding: strongest(m.Findings), Time: m.Time, Sensor: m.Sensor, Why: because(m)}
		for _, f := range m.Findings {
			row.Severity = max(row.Severity, f.Severity)
		}
		for _, p := range m.People {
			switch {
			case !sees(p):
			case len(row.People) < 5:
				row.People = append(row.People, d.person(p))
			default:
				row.More++
			}
		}
		head, err := d.headFor(ctx, m.Event, m.People)
		if err != nil {
			return err
		}
		row.Title, row.From = head.subject, head.from
		for _, r := range m.Why {
			if r.Kind == campaigns.ReasonDecision {
				row.By = r.Text
			}
		}
		out.Members = append(out.Members, row)
	}
	return nil
}

// because joins what holds an event to the others.
func because(m campaigns.Member) string {
	text := ""
	for i, r := range m.Why {
		if i > 0 && len(text)+len(r.Text) > 160 {
			return text + "; and more"
		}
		if i > 0 {
			text += "; "
		}
		text += r.Text
	}
	return cmp.Or(text, "the campaign began with it")
}

// reasonsOf gives each reason its share in the whole.
func reasonsOf(list []campaigns.Reason) (out []web.Reason) {
	var sum float64
	for _, r := range list {
		sum += max(r.Bits, 0)
	}
	for _, r := range list[:min(len(list), maxReasons)] {
		row := web.Reason{Text: r.Text, Kind: r.Kind, Events: r.Among}
		if r.Value != nil {
			if row.Value = shown(*r.Value); strings.Contains(r.Text, row.Value) {
				row.Value = "" // once is enough
			}
		}
		if sum > 0 {
			row.Weight = max(r.Bits, 0) / sum
		}
		out = append(out, row)
	}
	return out
}

// campaignIndicators are the values that can be looked for elsewhere: those that tie its mails
// together or that somebody named. A link of one reader's own is none, nor is what is kept keyed.
func (d *deskService) campaignIndicators(ctx context.Context, c campaigns.Campaign) (out []web.IndicatorRow, err error) {
	for _, i := range c.Indicators {
		if keyed(i.Observable.Value) || i.Members < 2 && len(c.Members) > 1 && i.Source == "" {
			continue
		}
		if len(out) == maxReasons {
			break
		}
		row := web.IndicatorRow{Pattern: i.Observable, Source: cmp.Or(i.Source, "seen as "+cmp.Or(roleWords[i.Role], i.Role)), Marking: tlp(i.Marking), Sightings: i.Seen, Campaign: d.campaignRef(c.ID)}
		if err := d.seenBy(ctx, i.Observable, &row); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

// roleWords is what part values play in a mail, where the role's own name is not plain.
var roleWords = map[string]string{
	campaigns.RoleLink: "host of a link", campaigns.RoleRemote: "host of pictures or trackers", campaigns.RoleURL: "link",
	campaigns.RoleForm: "host of a form", campaigns.RoleReplyTo: "address for answers", campaigns.RoleEnvelope: "envelope sender",
	campaigns.RoleSignature: "signer", campaigns.RoleReceived: "sending server", campaigns.RoleOrigin: "message id’s domain",
	campaigns.RoleZone: "domain of links or senders", campaigns.RoleFileName: "name of a file", campaigns.RoleName: "sender’s name",
	campaigns.RolePath: "shape of a link", campaigns.RoleTool: "mail program",
}

// seenBy adds whom a value reached and when last, from the newest of its mails.
func (d *deskService) seenBy(ctx context.Context, o portcullis.Observable, row *web.IndicatorRow) error {
	list, err := d.links.Seen(ctx, o, 200)
	if err != nil {
		return err
	}
	who := map[portcullis.ID]bool{}
	for _, s := range list {
		if s.Person != "" {
			who[s.Person] = true
		}
		if s.Time.After(row.Last) {
			row.Last = s.Time
		}
	}
	row.People = len(who)
	return nil
}

// keyed tells whether a value is kept only in a form that stands for it (archive.Key).
func keyed(value string) bool { return strings.HasPrefix(value, "~") }

// shown is a value as people can read it.
func shown(o portcullis.Observable) string {
	switch {
	case !keyed(o.Value):
		return o.Value
	case o.Type == portcullis.TypeEmail:
		return "an address at " + o.Value[strings.LastIndexByte(o.Value, '@')+1:]
	}
	return "one " + string(o.Type)
}

// graph is mails, whom they reached, and the values that they share.
func (d *deskService) graph(c campaigns.Campaign, sees func(portcullis.ID) bool) (g web.Graph) {
	seen := map[portcullis.ID]bool{}
	node := func(n web.Node) {
		if !seen[n.ID] {
			seen[n.ID] = true
			g.Total++
			if len(g.Nodes) < maxNodes {
				g.Nodes = append(g.Nodes, n)
			}
		}
	}
	edge := func(from, to portcullis.ID, label string) {
		if len(g.Edges) < maxEdges {
			g.Edges = append(g.Edges, web.Edge{From: from, To: to, Label: label})
		}
	}
	for i, m := range c.Members {
		node(web.Node{ID: m.Event, Kind: "mail", Label: fmt.Sprintf("mail %d, %s", i+1, m.Time.UTC().Format("2 Jan 2006")), Weight: 1})
		for _, p := range m.People {
			if sees(p) {
				node(web.Node{ID: p, Kind: "person", Label: d.person(p).Name, Weight: 2})
				edge(m.Event, p, "sent to")
			}
		}
		for _, r := range m.Why {
			if r.Value == nil || r.Bits <= 0 {
				continue
			}
			id := portcullis.NewID("value", string(r.Value.Type), r.Value.Value)
			node(web.Node{ID: id, Kind: nodeKind(r.Value.Type), Label: shown(*r.Value), Weight: 3})
			edge(m.Event, id, "holds")
			if m.With != "" {
				edge(m.With, id, "holds")
			}
		}
	}
	g.Edges = slices.DeleteFunc(g.Edges, func(e web.Edge) bool { return !seen[e.From] || !seen[e.To] })
	slices.SortStableFunc(g.Edges, func(a, b web.Edge) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	g.Edges = slices.Compact(g.Edges)
	return g
}

func nodeKind(t portcullis.ObservableType) string {
	switch t {
	case portcullis.TypeEmail:
		return "sender"
	case portcullis.TypeHash, portcullis.TypeFileName:
		return "file"
	case portcullis.TypeIP, portcullis.TypeCIDR:
		return "ip"
	case portcullis.TypeURL:
		return "url"
	case portcullis.TypeDomain:
		return "domain"
	}
	return "tool"
}

// timeline is what happened, oldest first.
func (d *deskService) timeline(s *boardState, c campaigns.Campaign, sees func(portcullis.ID) bool) (steps []web.Moment) {
	for _, m := range c.Members {
		who := peopleCount(len(m.People))
		if len(m.People) == 1 && sees(m.People[0]) {
			who = d.person(m.People[0]).Name
		}
		steps = append(steps, web.Moment{Time: m.Time, Kind: "mail", Text: "Mail to " + who, Link: strongest(m.Findings)})
	}
	for _, h := range c.History {
		if h.What != "grew" && h.What != "made" {
			steps = append(steps, web.Moment{Time: h.When, Kind: "campaign", Text: "Campaign " + h.What + " by " + orMachine(h.Who)})
		}
	}
	for _, n := range s.clocks[c.ID] {
		if !n.Told.IsZero() && sees(n.Person) {
			steps = append(steps, web.Moment{Time: n.Told, Kind: "notice", Text: d.person(n.Person).Name + " was told", Link: n.ID})
		}
	}
	slices.SortStableFunc(steps, func(a, b web.Moment) int { return a.Time.Compare(b.Time) })
	if over := len(steps) - maxSteps; over > 0 {
		first := web.Moment{Time: steps[0].Time, Kind: "mail", Text: count(over+1, "earlier step"), Count: over + 1}
		steps = append([]web.Moment{first}, steps[over+1:]...)
	}
	return steps
}

// spark is how many mails, of those that notices name, fell in each of 40 equal steps.
func (s *boardState) spark(c *campaigns.Summary) []int {
	span := c.Last.Sub(c.First)
	if span <= 0 {
		return nil
	}
	counts, seen := make([]int, 40), map[portcullis.ID]bool{}
	for _, n := range s.clocks[c.ID] {
		for _, e := range n.Reach.Events {
			if !seen[e.Event] {
				seen[e.Event] = true
				at := int(float64(e.Time.Sub(c.First)) / float64(span+time.Second) * 40)
				counts[min(max(at, 0), 39)]++
			}
		}
	}
	return counts
}

func edits(history []campaigns.Change) (out []web.Edit) {
	for _, h := range slices.Backward(history) {
		if h.What == "grew" {
			continue
		}
		e := web.Edit{When: h.When, Who: orMachine(h.Who), What: h.What, Why: h.Why}
		if undoable(h) {
			e.Decision = h.Num
		}
		if h.Other != "" {
			e.What += ": " + handle(h.Other)
		}
		if h.Undone {
			e.What += " (taken back)"
		}
		if out = append(out, e); len(out) == maxReasons {
			break
		}
	}
	return out
}

// others are campaigns of about the same time or the same people.
func (d *deskService) others(s *boardState, c campaigns.Campaign, sees func(portcullis.ID) bool) (out []web.Other) {
	type rated struct {
		c      *campaigns.Summary
		shared int
		apart  time.Duration
	}
	var list []rated
	for _, o := range s.campaigns {
		if o.ID == c.ID || !slices.ContainsFunc(o.Persons, sees) {
			continue
		}
		r := rated{c: o, apart: max(o.First.Sub(c.Last), c.First.Sub(o.Last), 0)}
		for _, p := range o.Persons {
			if sees(p) && slices.Contains(c.Persons, p) {
				r.shared++
			}
		}
		list = append(list, r)
	}
	slices.SortStableFunc(list, func(a, b rated) int {
		return cmp.Or(cmp.Compare(b.shared, a.shared), cmp.Compare(a.apart, b.apart))
	})
	for _, r := range list[:min(len(list), 20)] {
		why := "seen" + between(r.c.First, r.c.Last)
		if r.shared > 0 {
			why = "reached " + itoa(r.shared) + " of the same people"
		}
		out = append(out, web.Other{CampaignRef: d.campaignRef(r.c.ID), Version: r.c.Version, Why: why})
	}
	return out
}
