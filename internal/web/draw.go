package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portcullis.example/portcullis"
)

// The drawings: geometry worked out here, written as SVG by the templates.
// Colours come from the style sheet by class, so that dark mode and print need
// nothing from here. Each has a Summary, a sentence that says what it shows.

const (
	drawWidth   = 880.0
	labelWidth  = 190.0
	drawnPeople = 40
	drawnNodes  = 60
	drawnEdges  = 600
)

// short cuts a label to what fits into a drawing.
func short(s string, n int) string {
	s = visible(s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// activityChart shows findings over time: those that concern protected people
// above, all others below, each on its own scale, for the second are a
// hundred times as many.
type activityChart struct {
	Summary  string
	Targeted []bar
	Ordinary []bar
	Ticks    []tick
	Rows     []activityRow
	Most     int // targeted in one step
	MostRest int
}

type bar struct{ X, Y, Width, Height, Title string }

type activityRow struct {
	Start              time.Time
	Targeted, Ordinary int
}

func drawActivity(a Activity, zone *time.Location) activityChart {
	n := min(len(a.Targeted), len(a.Ordinary), 120)
	if n == 0 || a.Step <= 0 {
		return activityChart{}
	}
	c := activityChart{Most: slices.Max(a.Targeted[:n]), MostRest: slices.Max(a.Ordinary[:n])}
	width, sum, peak := drawWidth/float64(n), 0, 0
	for i := range n {
		start := a.Start.Add(time.Duration(i) * a.Step)
		t, o := a.Targeted[i], a.Ordinary[i]
		day := start.In(zone).Format("2 Jan 2006")
		c.Targeted = append(c.Targeted, upright(i, width, t, c.Most, 4, 92, fmt.Sprintf("%s: %d targeted", day, t)))
		c.Ordinary = append(c.Ordinary, upright(i, width, o, c.MostRest, 104, 30, fmt.Sprintf("%s: %d ordinary", day, o)))
		c.Rows = append(c.Rows, activityRow{start, t, o})
		if sum += t; t > a.Targeted[peak] {
			peak = i
		}
	}
	end := a.Start.Add(time.Duration(n-1) * a.Step)
	c.Ticks = []tick{{"0", a.Start.In(zone).Format("2 Jan 2006")}, {px(drawWidth), end.In(zone).Format("2 Jan 2006")}}
	c.Summary = "No finding concerned a protected person in this time."
	if sum > 0 {
		c.Summary = fmt.Sprintf("%s concerned protected people between %s and %s, most of them (%d) on %s.", plural(sum, "finding", "findings"),
			c.Ticks[0].Label, c.Ticks[1].Label, a.Targeted[peak], a.Start.Add(time.Duration(peak)*a.Step).In(zone).Format("2 January"))
	}
	return c
}

// upright is one bar of a row of bars that stands on top+height.
func upright(i int, width float64, n, most int, top, height float64, title string) bar {
	h := 0.0
	if n > 0 {
		h = max(height*float64(n)/float64(max(most, 1)), 2)
	}
	return bar{px(float64(i)*width + 1), px(top + height - h), px(max(width-2, 1)), px(h), title}
}

// timelineChart shows what happened in a campaign, a lane per kind.
type timelineChart struct {
	Summary string
	Height  float64
	Lanes   []lane
	Axis    axis
	Base    string // y of the axis
	Label   string // y of its labels
}

type lane struct {
	Kind, Name string
	Y, TextY   string
	Dots       []dot
}

type dot struct {
	X, Y, R string
	Title   string
	Href    string
	Class   string
}

// laneNames are the kinds of moments in the order of their lanes.
var laneNames = []struct{ kind, name string }{
	{"mail", "Mail"}, {"sign-in", "Sign-ins"}, {"dns", "Names looked up"}, {"indicator", "Indicators"},
	{"campaign", "Merges and splits"}, {"assessment", "Assessments"}, {"notice", "Notices"}, {"", "Other"},
}

func drawTimeline(moments []Moment, zone *time.Location) timelineChart {
	if len(moments) == 0 {
		return timelineChart{Summary: "Nothing has happened yet."}
	}
	var times []time.Time
	byKind := map[string][]Moment{}
	for _, m := range moments {
		times = append(times, m.Time)
		byKind[knownLane(m.Kind)] = append(byKind[knownLane(m.Kind)], m)
	}
	c := timelineChart{Axis: newAxis(times, labelWidth, drawWidth, zone)}
	y := 30.0
	for _, l := range laneNames {
		in := byKind[l.kind]
		if len(in) == 0 {
			continue
		}
		one := lane{Kind: l.kind, Name: l.name, Y: px(y), TextY: px(y + 4)}
		for _, m := range in {
			n := max(m.Count, 1)
			one.Dots = append(one.Dots, dot{X: px(c.Axis.at(m.Time)), Y: px(y), R: px(radius(n)), Href: linkTo(m.Link), Class: "dot dot-" + cmp.Or(l.kind, "other"),
				Title: m.Time.In(zone).Format("2 Jan 2006 15:04") + ": " + visible(m.Text)})
		}
		c.Lanes = append(c.Lanes, one)
		y += 32
	}
	c.Base, c.Label, c.Height = px(y-8), px(y+10), y+18
	c.Summary = tellTimeline(moments, zone)
	return c
}

func knownLane(kind string) string {
	for _, l := range laneNames {
		if l.kind == kind {
			return kind
		}
	}
	return ""
}

func tellTimeline(moments []Moment, zone *time.Location) string {
	first, last, n := moments[0].Time, moments[0].Time, 0
	for _, m := range moments {
		if m.Time.Before(first) {
			first = m.Time
		}
		if m.Time.After(last) {
			last = m.Time
		}
		if slices.Contains([]string{"mail", "sign-in", "dns"}, m.Kind) {
			n += max(m.Count, 1)
		}
	}
	return fmt.Sprintf("From %s to %s (%s): %s, and %s by us.", first.In(zone).Format("2 January 2006"), last.In(zone).Format("2 January 2006"),
		roughly(last.Sub(first)), plural(n, "event", "events"), plural(len(moments)-countKinds(moments), "step", "steps"))
}

func countKinds(moments []Moment) (n int) {
	for _, m := range moments {
		if slices.Contains([]string{"mail", "sign-in", "dns"}, m.Kind) {
			n++
		}
	}
	return n
}

// radius grows with the count so slowly that a hundred still fits into a lane.
func radius(n int) float64 {
	r := 4.5
	for n > 1 && r < 12 {
		n /= 2
		r += 1.1
	}
	return r
}

// targetMap shows who was reached when: a row per person, a dot per time.
type targetMap struct {
	Summary string
	Height  float64
	Rows    []targetRow
	Axis    axis
	Base    string
	Label   string
	Left    int // people not drawn
}

type targetRow struct {
	Y, TextY string
	Name     string
	Href     string
	Beyond   bool
	Told     string // "told", "to tell", "no notice"
	Dots     []dot
}

func drawTargets(targets []Target, zone *time.Location) targetMap {
	if len(targets) == 0 {
		return targetMap{Summary: "Nobody we know was reached."}
	}
	var times []time.Time
	beyond, told := 0, 0
	for i, t := range targets {
		if t.Beyond {
			beyond++
		}
		if t.State.Told() {
			told++
		}
		for _, touch := range t.Times {
			if i < drawnPeople {
				times = append(times, touch.Time)
			}
		}
	}
	const right = 96 // for the word at the end of a row
	m := targetMap{Axis: newAxis(times, labelWidth, drawWidth-right, zone), Left: max(len(targets)-drawnPeople, 0)}
	y := 26.0
	for _, t := range targets[:min(len(targets), drawnPeople)] {
		m.Rows = append(m.Rows, drawTarget(t, y, m.Axis, zone))
		y += 24
	}
	m.Base, m.Label, m.Height = px(y-4), px(y+14), y+22
	m.Summary = fmt.Sprintf("%s reached; %d of them no finding had named; %d told.", plural(len(targets), "person", "people"), beyond, told)
	return m
}

func drawTarget(t Target, y float64, a axis, zone *time.Location) targetRow {
	row := targetRow{Y: px(y), TextY: px(y + 4), Name: short(t.Person.Name, 26), Href: linkTo(t.Person.ID), Beyond: t.Beyond, Told: toldWord(t)}
	for _, touch := range t.Times {
		n := max(touch.Count, 1)
		class := "dot dot-mail"
		if t.Beyond {
			class = "dot dot-beyond"
		}
		row.Dots = append(row.Dots, dot{X: px(a.at(touch.Time)), Y: px(y), R: px(radius(n)), Href: linkTo(touch.Finding), Class: class,
			Title: fmt.Sprintf("%s: %s, %s", touch.Time.In(zone).Format("2 Jan 2006 15:04"), visible(t.Person.Name), plural(n, "event", "events"))})
	}
	return row
}

func toldWord(t Target) string {
	switch {
	case t.State.Told():
		return "told"
	case t.State == "":
		return "no notice"
	}
	return string(t.State)
}

// linkTo is the page of a thing, by the kind its id names; "" when it has none.
func linkTo(id portcullis.ID) string {
	switch id.Kind() {
	case "finding":
		return "/findings/" + string(id)
	case "campaign":
		return "/campaigns/" + string(id)
	case "person":
		return "/people/" + string(id)
	case "notice":
		return "/notices/" + string(id)
	}
	return ""
}

// graphPicture shows what joins the events of a campaign, in three columns:
// what they came from and point to, the events, and whom they reached. Columns
// are easier to read than any arrangement by forces, and the same each time.
type graphPicture struct {
	Summary string
	Height  float64
	Nodes   []drawnNode
	Edges   []drawnEdge
	Rows    []graphRow // the table twin
	Left    int        // nodes not drawn
}

type drawnNode struct {
	X, Y, TextX, TextY string
	Anchor             string
	Class, Label       string
	Title              string
	Path               string // the shape
}

type drawnEdge struct{ Path string }

type graphRow struct {
	From  Node
	Label string
	To    Node
}

// graphRows is how many rows the table twin has.
const graphRows = 200

// columns say where a kind stands; the rest stands left.
func column(kind string) int {
	switch kind {
	case "mail", "sign-in", "dns", "campaign":
		return 1
	case "person":
		return 2
	}
	return 0
}

func drawGraph(g Graph) graphPicture {
	p := graphPicture{Left: max(g.Total, len(g.Nodes)) - min(len(g.Nodes), drawnNodes)}
	byID := map[portcullis.ID]Node{}
	for _, n := range g.Nodes {
		byID[n.ID] = n
	}
	for _, e := range g.Edges[:min(len(g.Edges), graphRows)] {
		p.Rows = append(p.Rows, graphRow{byID[e.From], e.Label, byID[e.To]})
	}
	if len(g.Nodes) == 0 {
		p.Summary = "There is nothing to draw yet."
		return p
	}
	where := p.place(heaviest(g.Nodes, drawnNodes), g.Edges)
	for _, e := range g.Edges {
		if len(p.Edges) == drawnEdges {
			break
		}
		a, okA := where[e.From]
		b, okB := where[e.To]
		if okA && okB {
			mid := (a[0] + b[0]) / 2
			p.Edges = append(p.Edges, drawnEdge{fmt.Sprintf("M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", a[0], a[1], mid, a[1], mid, b[1], b[0], b[1])})
		}
	}
	p.Summary = tellGraph(g)
	return p
}

// heaviest keeps n nodes, the heaviest of each column: values alone, without
// what they join, would say nothing.
func heaviest(nodes []Node, n int) (kept []Node) {
	if len(nodes) <= n {
		return nodes
	}
	var cols [3][]Node
	for _, node := range nodes {
		cols[column(node.Kind)] = append(cols[column(node.Kind)], node)
	}
	for c := range cols {
		slices.SortStableFunc(cols[c], func(a, b Node) int { return cmp.Compare(b.Weight, a.Weight) })
	}
	for i := 0; len(kept) < n; i++ {
		for _, col := range cols {
			if i < len(col) && len(kept) < n {
				kept = append(kept, col[i])
			}
		}
	}
	return kept
}

// place puts the nodes into their columns, each column ordered by where its
// neighbours stand (the barycentre method of Sugiyama, Tagawa and Toda, 1981).
func (p *graphPicture) place(nodes []Node, edges []Edge) map[portcullis.ID][2]float64 {
	var cols [3][]Node
	for _, n := range nodes {
		cols[column(n.Kind)] = append(cols[column(n.Kind)], n)
	}
	next := map[portcullis.ID][]portcullis.ID{}
	for _, e := range edges {
		next[e.From], next[e.To] = append(next[e.From], e.To), append(next[e.To], e.From)
	}
	rank := map[portcullis.ID]float64{}
	for _, col := range cols {
		for i, n := range col {
			rank[n.ID] = share(i, len(col))
		}
	}
	for range 4 {
		for _, c := range []int{0, 2, 1} {
			reorder(cols[c], next, rank)
		}
	}
	tallest := max(len(cols[0]), len(cols[1]), len(cols[2]), 4)
	p.Height = float64(tallest)*21 + 20
	where := map[portcullis.ID][2]float64{}
	for c, x := range []float64{320, 480, 640} {
		for i, n := range cols[c] {
			y := 10 + share(i, len(cols[c]))*(p.Height-20)
			where[n.ID] = [2]float64{x, y}
			p.Nodes = append(p.Nodes, drawNode(n, c, x, y))
		}
	}
	return where
}

func share(i, n int) float64 { return (float64(i) + 0.5) / float64(max(n, 1)) }

func reorder(col []Node, next map[portcullis.ID][]portcullis.ID, rank map[portcullis.ID]float64) {
	middle := map[portcullis.ID]float64{}
	for _, n := range col {
		sum, count := 0.0, 0
		for _, m := range next[n.ID] {
			if r, ok := rank[m]; ok {
				sum, count = sum+r, count+1
			}
		}
		middle[n.ID] = rank[n.ID]
		if count > 0 {
			middle[n.ID] = sum / float64(count)
		}
	}
	slices.SortStableFunc(col, func(a, b Node) int { return cmp.Compare(middle[a.ID], middle[b.ID]) })
	for i, n := range col {
		rank[n.ID] = share(i, len(col))
	}
}

func drawNode(n Node, col int, x, y float64) drawnNode {
	d := drawnNode{X: px(x), Y: px(y), TextX: px(x + 12), TextY: px(y + 4), Anchor: "start", Class: []string{"node", "node node-event", "node node-person"}[col], Label: short(n.Label, 38),
		Title: visible(n.Kind + ": " + n.Label), Path: shape(n.Kind, x, y, 5+min(max(n.Weight, 1), 4))}
	switch col {
	case 0:
		d.TextX, d.Anchor = px(x-12), "end"
	case 1:
		d.Label = "" // a column of subjects would cover the lines; the title and the table have them
	}
	return d
}

// shape is a path per kind: nothing is told apart by colour alone.
func shape(kind string, x, y, r float64) string {
	switch kind {
	case "person":
		return fmt.Sprintf("M%.1f %.1fa%.1f %.1f 0 1 0 %.1f 0a%.1f %.1f 0 1 0 %.1f 0z", x-r, y, r, r, 2*r, r, r, -2*r)
	case "mail", "sign-in", "dns", "campaign":
		return fmt.Sprintf("M%.1f %.1fh%.1fv%.1fh%.1fz", x-r, y-r*0.8, 2*r, 1.6*r, -2*r)
	}
	return fmt.Sprintf("M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz", x, y-r, r, r, -r, r, -r, -r)
}

func tellGraph(g Graph) string {
	counts := [3]int{}
	for _, n := range g.Nodes {
		counts[column(n.Kind)]++
	}
	degree := map[portcullis.ID]int{}
	for _, e := range g.Edges {
		degree[e.From]++
		degree[e.To]++
	}
	best, most := "", 0
	for _, n := range g.Nodes {
		if d := degree[n.ID]; column(n.Kind) == 0 && d > most {
			best, most = n.Label, d
		}
	}
	parts := fmt.Sprintf("%s tie %s to %s", plural(counts[0], "value", "values"), plural(counts[1], "event", "events"), plural(counts[2], "person", "people"))
	if best != "" {
		parts += fmt.Sprintf("; the busiest, %s, joins %d", visible(best), most)
	}
	return strings.ToUpper(parts[:1]) + parts[1:] + "."
}
