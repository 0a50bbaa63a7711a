package campaigns

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/rows"
)

// Limits of looking beyond what is known.
const (
	reachIndicators = 60
	reachEach       = 1000 // sightings of one value
	reachTexts      = 8
	reachBits       = 6.0 // what sharing a value must count for it to lead further
)

// Reach is what the archive knows of a campaign, or of values that somebody told us,
// beyond its members: forward and back in all retained history.
type Reach struct {
	Events []Reached       `json:"events"` // by time
	People []portcullis.ID `json:"people"` // reached and not among the known targets
	Cut    bool            `json:"cut,omitempty"`
}

// Reached is one event that reached somebody.
type Reached struct {
	Sighting
	By    *portcullis.Observable `json:"by,omitempty"` // the value it was found by; nil: by what it says
	Role  string                 `json:"role,omitempty"`
	Alike float64                `json:"alike,omitempty"`
	Known bool                   `json:"known,omitempty"` // it is a member already
	Why   string                 `json:"why"`
}

// Reach looks for whom a campaign reached beyond what is known, by its indicators and by
// texts like those of its members.
func (r *Reader) Reach(ctx context.Context, id portcullis.ID) (Reach, error) {
	found, err := r.follow(ctx, id)
	if err != nil {
		return Reach{}, err
	}
	members, err := r.members(ctx, found.ID)
	if err != nil {
		return Reach{}, err
	}
	wg, err := r.weigher(ctx, members)
	if err != nil {
		return Reach{}, err
	}
	list, err := r.indicators(ctx, members, wg)
	if err != nil {
		return Reach{}, err
	}
	g := gathering{r: r, known: map[portcullis.ID]bool{}, targets: map[portcullis.ID]bool{}, seen: map[Sighting]bool{}}
	for _, p := range members {
		g.known[p.event] = true
		for _, person := range p.people {
			g.targets[person] = true
		}
	}
	list = slices.DeleteFunc(list, func(i Indicator) bool { return i.Bits < reachBits && i.Source == "" })
	for _, i := range list[:min(len(list), reachIndicators)] {
		why := fmt.Sprintf("%s %s, as in %s of the campaign", roleOf(i.Role).phrase, i.Observable.Value, plural(i.Members, "mail"))
		if err := g.value(ctx, i.Observable, i.Role, why); err != nil {
			return Reach{}, err
		}
	}
	g.cut = g.cut || len(list) > reachIndicators
	if err := g.texts(ctx, members); err != nil {
		return Reach{}, err
	}
	return g.reach(), nil
}

// ReachOf looks for whom values reached that somebody told us.
func (r *Reader) ReachOf(ctx context.Context, values []portcullis.Observable) (Reach, error) {
	g := gathering{r: r, known: map[portcullis.ID]bool{}, targets: map[portcullis.ID]bool{}, seen: map[Sighting]bool{}}
	for _, o := range values {
		if err := g.value(ctx, o, "", string(o.Type)+" "+o.Value); err != nil {
			return Reach{}, err
		}
	}
	return g.reach(), nil
}

type gathering struct {
	r              *Reader
	known, targets map[portcullis.ID]bool
	seen           map[Sighting]bool
	events         []Reached
	cut            bool
}

func (g *gathering) value(ctx context.Context, o portcullis.Observable, role, why string) error {
	if g.r.d.Archive == nil {
		return nil
	}
	list, err := g.r.d.Archive.Seen(ctx, o, reachEach)
	if err != nil {
		return fmt.Errorf("look for %s in the archive: %w", o, err)
	}
	g.cut = g.cut || len(list) >= reachEach
	for _, s := range list {
		g.add(Reached{Sighting: s, By: &o, Role: role, Why: why})
	}
	return nil
}

func (g *gathering) add(e Reached) {
	if g.seen[e.Sighting] {
		return
	}
	g.seen[e.Sighting] = true
	e.Known = g.known[e.Event]
	g.events = append(g.events, e)
}

// texts looks for what says the same as a member. Each text is asked for once; a letter that many
// sign leads nowhere.
func (g *gathering) texts(ctx context.Context, members []*profile) error {
	if g.r.d.Resembling == nil {
		return nil
	}
	asked := map[*sharedText]bool{}
	n := 0
	for _, p := range members {
		if p.words < 20 || p.echo || p.same != nil && (asked[p.same] || p.same.letter) {
			continue
		}
		asked[p.same] = p.same != nil
		if n++; n > reachTexts {
			g.cut = true
			return nil
		}
		list, err := g.r.d.Resembling.Like(ctx, p.event, likeLimit)
		if err != nil {
			return fmt.Errorf("look for mails that say the same: %w", err)
		}
		for _, l := range list {
			if l.Alike < textAlike {
				continue
			}
			g.add(Reached{Sighting: Sighting{Event: l.Event, Time: l.Time, Recipient: l.Recipient, Person: l.Person}, Alike: l.Alike,
				Why: "says " + percent(l.Alike) + " the same as " + string(p.event)})
		}
	}
	return nil
}

func (g *gathering) reach() Reach {
	slices.SortStableFunc(g.events, func(a, b Reached) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Event, b.Event)) })
	reach := Reach{Events: g.events, Cut: g.cut}
	for _, e := range g.events {
		if e.Person != "" && !g.targets[e.Person] {
			g.targets[e.Person] = true
			reach.People = append(reach.People, e.Person)
		}
	}
	return reach
}

// Tell keeps values that a partner or the operator holds to be an attacker's: sharing one
// counts more than its frequency would make it. Settle afterwards. Only what Check takes should be told.
func (w *Writer) Tell(ctx context.Context, list []portcullis.Indicator) (fresh int, err error) {
	if err := w.turn(ctx); err != nil {
		return 0, err
	}
	const columns = 6
	values, now := make([]any, 0, columns*len(list)), w.d.now().UnixMicro()
	list = slices.SortedFunc(slices.Values(list), func(a, b portcullis.Indicator) int { // in the table's order: faster where there are many
		return cmp.Or(cmp.Compare(a.Pattern.Type, b.Pattern.Type), cmp.Compare(a.Pattern.Value, b.Pattern.Value))
	})
	for _, i := range list {
		o := portcullis.Observable{Type: i.Pattern.Type, Value: storable(i.Pattern.Value)}
		values = append(values, string(o.Type), o.Value, storable(i.Source), keyOf(o), i.Marking, now)
	}
	in := rows.New(w.tx)
	defer in.Close()
	n, err := in.Insert(ctx, "what we were told", `INSERT INTO campaigns_told (type, value, source, key, marking, added) VALUES `, ` ON CONFLICT DO NOTHING`, columns, values)
	return int(n), err
}

// Untell forgets what a source told us: a feed that turned out to lie.
func (w *Writer) Untell(ctx context.Context, source string) error {
	if err := w.turn(ctx); err != nil {
		return err
	}
	return w.exec(ctx, "removal", `DELETE FROM campaigns_told WHERE source=$1`, source)
}

// toldBy tells for each value who told us; the first of several.
func (r *Reader) toldBy(ctx context.Context) (map[portcullis.Observable]portcullis.Indicator, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT type, value, source, marking FROM campaigns_told ORDER BY added, source`)
	if err != nil {
		return nil, fmt.Errorf("read what we were told: %w", err)
	}
	defer rows.Close()
	told := map[portcullis.Observable]portcullis.Indicator{}
	for rows.Next() {
		var i portcullis.Indicator
		if err := rows.Scan(&i.Pattern.Type, &i.Pattern.Value, &i.Source, &i.Marking); err != nil {
			return nil, fmt.Errorf("read what we were told: %w", err)
		}
		if _, ok := told[i.Pattern]; !ok {
			told[i.Pattern] = i
		}
	}
	return told, rows.Err()
}

// Hits is an ability of archives that know patterns: how many events a pattern would hit, with
// all below a domain and within a network.
type Hits interface {
	Hits(ctx context.Context, patterns []portcullis.Observable) ([]int, error)
}

// An indicator that hits more than a twentieth of all mail, and more mails than a campaign is
// likely to have in a small archive, says nothing about any of them.
const (
	broadShare = .05
	broadLeast = 25
	broadMany  = 1000 // no campaign of ours; so many notices nobody sends
)

// Checked is an indicator with what it would hit.
type Checked struct {
	Indicator portcullis.Indicator `json:"indicator"`
	Hits      int                  `json:"hits"` // events in the archive
	Of        int                  `json:"of"`
	Refused   string               `json:"refused,omitempty"` // why, with the count; "" if it can be taken
	List      string               `json:"list,omitempty"`    // the warninglist that holds it
}

// Check tells what indicators would hit before they are taken, and which are refused: those
// that hit too much, that are commonplace, or whose times cannot be.
func (r *Reader) Check(ctx context.Context, list []portcullis.Indicator) ([]Checked, error) {
	total, hits, err := r.wouldHit(ctx, list)
	if err != nil {
		return nil, err
	}
	lists := r.d.Lists
	if lists == nil {
		lists = OwnLists()
	}
	now := r.d.now()
	checked := make([]Checked, len(list))
	for n, i := range list {
		c := Checked{Indicator: i, Hits: hits[n], Of: max(total, hits[n]), List: lists.Match(i.Pattern)}
		c.Refused = c.refusal(now)
		checked[n] = c
	}
	return checked, nil
}

func (r *Reader) wouldHit(ctx context.Context, list []portcullis.Indicator) (total int, hits []int, err error) {
	hits = make([]int, len(list))
	if r.d.Archive == nil || len(list) == 0 {
		return 0, hits, nil
	}
	if total, err = r.d.Archive.Total(ctx); err != nil {
		return 0, nil, fmt.Errorf("count events: %w", err)
	}
	patterns := make([]portcullis.Observable, len(list))
	for n, i := range list {
		patterns[n] = i.Pattern
	}
	count := r.d.Archive.Frequency
	if h, ok := r.d.Archive.(Hits); ok {
		count = h.Hits
	}
	found, err := count(ctx, patterns)
	if err != nil {
		return 0, nil, fmt.Errorf("look what the indicators would hit: %w", err)
	}
	if len(found) != len(list) {
		return 0, nil, fmt.Errorf("the archive answered for %d of %d indicators", len(found), len(list))
	}
	return total, found, nil
}

func (c Checked) refusal(now time.Time) string {
	would := fmt.Sprintf("it would hit %s of %s mails", thousands(c.Hits), thousands(c.Of))
	i := c.Indicator
	switch {
	case !i.From.IsZero() && !i.Until.IsZero() && i.Until.Before(i.From):
		return fmt.Sprintf("its times cannot be: valid from %s until %s, which is before; %s", day(i.From), day(i.Until), would)
	case i.From.After(now.AddDate(0, 0, 2)):
		return fmt.Sprintf("it is valid only from %s, which is in the future; %s", day(i.From), would)
	case !i.Until.IsZero() && i.Until.Before(now):
		return fmt.Sprintf("it expired on %s; %s", day(i.Until), would)
	case c.List != "":
		return fmt.Sprintf("it is commonplace (%s); %s", c.List, would)
	case c.Hits >= broadLeast && float64(c.Hits) > broadShare*float64(c.Of), c.Hits >= broadMany:
		return would + ": too many to mean anything"
	}
	return ""
}

func day(t time.Time) string { return t.UTC().Format("2 Jan 2006") }
