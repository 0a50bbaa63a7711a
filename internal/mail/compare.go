package mail

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/people"
)

// The comparison of copies: the same mail to several people whose remote URLs
// differ is individually tracked. One copy alone can never show that.
//
// That it is tracked is a fact, and informational: newsletters do it every day.
// Whether it is reconnaissance is judged in context, and context is only what
// the sender cannot forge: what the house knows of the sender from before, who
// among its people got the mail and who did not, whether anybody ever wrote
// back. A List-Unsubscribe header or an aligned signature of the sender's own
// domain prove nothing and are not looked at. The weights are log-odds in
// tenths, fixed by argument and not fitted:
//
//   - a mail that only protected people got, few of them, in a house that has
//     many mailboxes, was addressed by hand (+)
//   - a tracker nobody sees is there for the sender's sake alone (+), and fonts,
//     style sheets, prefetching or a read receipt of each reader's own still more
//   - short text with a tracker is no newsletter: a newsletter has many links and
//     pictures (±); one individual link among others is for leaving a list (−)
//   - trackers of a known bulk sender, or all on one other domain as a provider's
//     are (−); trackers that the sender runs on its own domain (+)
//   - a sender whom the house never saw before (+), or whom its people wrote to
//     themselves (−), or who has long written to many others in the house (−)
//   - recipients who share a committee or a topic beyond chance (+), by how
//     seldom chance would do it
//   - another rule found the sender to pose as somebody else (+)
//
// Known misses: a campaign that is sent to one person only (no second copy; the
// lure and impersonation rules must see it), one whose copies come from a
// different domain each or over weeks, one sent through a known bulk sender, and
// one whose operators first ran a real newsletter for many readers over months.
var compareRule = Rule{
	Name:      "mail/reconnaissance",
	Version:   1,
	Technique: "T1598.003",
	About:     "The same mail to several people, each copy with its own tracker.",
}

// GroupFacts is what a revision after comparing rests on; it is stored by hash
// as Facts are.
type GroupFacts struct {
	Schema int    `json:"schema"`
	Group  string `json:"group"`
	People string `json:"people"`
	Config string `json:"config"`
	Model  string `json:"model,omitempty"`
	Copies []Copy `json:"copies"`
}

// Encode returns the stored form and its hash.
func (g *GroupFacts) Encode() (hash string, encoded []byte, err error) {
	encoded, err = json.Marshal(g)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:]), encoded, nil
}

// Compare looks at the copies of one mail. It depends on the set of copies and
// not on their order, and returns at most one finding: a group may hold several
// mailings of one sender, issues of a newsletter say, and the one that weighs
// most is stated.
func (j *Judge) Compare(group string, copies []Copy) []portcullis.Finding {
	var best *situation
	var of mailing
	for _, m := range mailings(copies) {
		t := track(m)
		if len(t.slots) == 0 {
			continue
		}
		s := j.context(m, t, copies)
		s.tracking = t
		if best == nil || s.tenths > best.tenths {
			best, of = &s, m
		}
	}
	if best == nil {
		return nil
	}
	return []portcullis.Finding{best.finding(group, of, j.cfg)}
}

// mailing is one sending of one mail: copies in the order of time, one a reader.
type mailing []Copy

// pause is how long a sender may rest within one mailing. Campaigns are spread
// over days so as not to be noticed, but hardly over longer.
const pause = 48 * time.Hour

// mailings tells the sendings in a group apart. A reader gets a mailing once, so
// a second copy for the same reader belongs to another.
func mailings(copies []Copy) []mailing {
	copies = slices.Clone(copies)
	slices.SortFunc(copies, func(a, b Copy) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(string(a.Event), string(b.Event)))
	})
	var list []mailing
	var readers []map[string]bool // of each
	for _, c := range copies {
		reader := c.reader()
		if reader == "" {
			continue
		}
		into := 0
		for into < len(list) && (readers[into][reader] || c.Time.Sub(list[into][len(list[into])-1].Time) > pause) {
			into++
		}
		if into == len(list) {
			list, readers = append(list, nil), append(readers, map[string]bool{})
		}
		list[into] = append(list[into], c)
		readers[into][reader] = true
	}
	return list
}

// Revise adds what comparing found to the verdict on one copy: the findings of
// rule-by-rule judging stay, those of an earlier comparison are replaced.
func (j *Judge) Revise(base portcullis.Verdict, found []portcullis.Finding) portcullis.Verdict {
	findings := slices.DeleteFunc(slices.Clone(base.Findings), func(f portcullis.Finding) bool { return f.Rule == compareRule.ID() })
	return j.cfg.Verdict(append(findings, found...), base.Unknown)
}

// tracking is what differs between copies.
type tracking struct {
	readers  int      // distinct people who got a copy
	links    int      // in the copy that has most
	slots    []string // aligned places whose URL is each reader's own
	hidden   bool     // one of them is not seen by the reader
	odd      string   // a way of watching that mailings have no use for
	evidence []portcullis.Evidence
	urls     []portcullis.Observable
}

// track aligns the copies' resources by slot and keeps those whose value is
// individual: every reader has a value that no other reader has, in whatever
// place. Two values among ten readers are a test of two pictures, and the same
// links in another order are no tracking.
func track(copies mailing) tracking {
	holders := map[string]int{} // URL → copies that have it
	bySlot := map[string][]string{}
	first := map[string]Resource{}
	t := tracking{readers: len(copies)}
	for _, c := range copies {
		mine := map[string]bool{}
		t.links = max(t.links, c.Shape.Links)
		for _, r := range c.Resources {
			if !mine[r.URL] {
				mine[r.URL] = true
				holders[r.URL]++
			}
			bySlot[r.Slot] = append(bySlot[r.Slot], r.URL)
			if _, ok := first[r.Slot]; !ok {
				first[r.Slot] = r
			}
		}
	}
	for slot, urls := range bySlot {
		own := 0
		for _, u := range urls {
			if holders[u] == 1 {
				own++
			}
		}
		if own >= 2 && own*10 >= len(urls)*9 && own*10 >= len(copies)*6 {
			t.slots = append(t.slots, slot)
		}
	}
	sort.Slice(t.slots, func(a, b int) bool { // hidden ones first: they are the evidence to show
		ra, rb := first[t.slots[a]], first[t.slots[b]]
		if ra.Hidden != rb.Hidden {
			return ra.Hidden
		}
		return t.slots[a] < t.slots[b]
	})
	t.show(copies)
	return t
}

// show collects evidence: the individual values of up to three slots in up to
// eight copies.
func (t *tracking) show(copies []Copy) {
	wanted := map[string]int{}
	for i, slot := range t.slots {
		wanted[slot] = i
	}
	for n, c := range copies {
		for _, r := range c.Resources {
			rank, ok := wanted[r.Slot]
			if !ok {
				continue
			}
			t.hidden = t.hidden || r.Hidden
			if way := oddWays[r.Kind]; way != "" && (t.odd == "" || way < t.odd) {
				t.odd = way
			}
			if rank < 3 && n < 8 {
				t.evidence = append(t.evidence, portcullis.Evidence{Event: c.Event, Part: r.Part, Start: r.Start, End: r.End, Note: "this copy's own " + r.Kind + ": " + r.URL})
				t.urls = append(t.urls, portcullis.Observable{Type: portcullis.TypeURL, Value: r.URL})
			}
		}
	}
}

// oddWays are kinds of remote content that have no purpose of their own if each
// reader gets another. Fonts and style sheets are the same for everybody;
// prefetching is for pages that will be read next.
var oddWays = map[string]string{
	"font": "a font", "stylesheet": "a style sheet", "import": "a style sheet", "css-background": "a background", "prefetch": "a prefetch", "preload": "a prefetch",
	"dns-prefetch": "a prefetch", "preconnect": "a prefetch", "icon": "an icon", "media": "a sound or film", "object": "an object", "iframe": "a frame",
}

// reader is who got the copy: the protected person, else the address.
func (c *Copy) reader() string {
	var names []string
	for _, r := range c.Recipients {
		if r.Person != "" {
			names = append(names, string(r.Person))
		} else if r.Address != "" {
			names = append(names, r.Address)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// situation is the context of a tracked mail, with what speaks for and against.
type situation struct {
	people  []portcullis.ID
	tenths  int // log-odds of reconnaissance, in tenths
	reasons []string
	flip    string
	first   time.Time

	tracking tracking
}

func (s *situation) weigh(tenths int, reason string) {
	s.tenths += tenths
	s.reasons = append(s.reasons, reason)
}

const threshold = 30 // log-odds of 3: twenty to one

// context weighs one mailing; all are the other copies of its group too.
func (j *Judge) context(copies mailing, t tracking, all []Copy) situation {
	s := situation{first: copies[0].Time}
	protected := map[string]bool{}
	links, images := 0, 0
	receipt, claims := false, false
	for _, c := range copies {
		links, images = max(links, c.Shape.Links), max(images, c.Shape.Images)
		receipt = receipt || c.Shape.Receipt
		claims = claims || len(c.Claims) > 0
		for _, r := range c.Recipients {
			if r.Person != "" {
				protected[c.reader()] = true
				s.people = append(s.people, r.Person)
			}
		}
	}
	slices.Sort(s.people)
	s.people = slices.Compact(s.people)
	s.audience(t.readers, len(protected))
	s.device(t, receipt, links, images)
	s.carrier(j.people, copies[0].Org, t)
	s.sender(copies, met(copies))
	s.public(all)
	s.shared(j.people, j.themes)
	if claims {
		s.weigh(35, "the sender poses as somebody else")
	}
	return s
}

// public recognises letters from the public: many people signed the same text,
// through a service that gives each letter a link of its own. Who spies on its
// readers writes to each under one name, or a few.
func (s *situation) public(all []Copy) {
	authors := map[uint16]bool{}
	for _, c := range all {
		authors[c.Author] = true
	}
	if len(authors) >= 8 && len(authors)*3 >= len(all) {
		s.weigh(-60, fmt.Sprintf("%d different people signed it: letters from the public", len(authors)))
	}
}

func (s *situation) audience(readers, protected int) {
	switch {
	case protected == 0:
		s.weigh(-100, "no protected person got it")
	case protected*5 >= readers*4 && readers <= 60:
		s.weigh(10, fmt.Sprintf("all but few of its %d readers are protected people", readers))
	case readers > 60:
		s.weigh(-20, fmt.Sprintf("%d readers: bulk mail", readers))
	}
}

func (s *situation) device(t tracking, receipt bool, links, images int) {
	if t.hidden {
		s.weigh(8, "the tracker is hidden from the reader")
	} else {
		s.weigh(3, "the links are each reader's own")
	}
	if receipt {
		s.weigh(15, "it asks for a read receipt as well")
	}
	if t.odd != "" {
		s.weigh(18, "it watches by "+t.odd+", which no newsletter needs")
	}
	switch {
	case links >= 12 || images >= 6 || links >= 8 && images >= 3:
		s.weigh(-25, "it looks like a newsletter: many links or pictures")
	case links <= 4 && images <= 2:
		s.weigh(6, "it looks like a letter, yet is tracked like a mailing")
	}
}

// carrier weighs whose the trackers are. Known bulk senders answer for their
// customers. Other organisations that track hand their mailings to a provider
// too, and then links and images alike lead to its domain; who runs the trackers
// on the very domain that sends the mail, or has images alone fetched from
// elsewhere, wants to see the readers with his own eyes.
func (s *situation) carrier(dir *people.Directory, sender string, t tracking) {
	bulk, own, links, images := "", 0, 0, 0
	hosts := map[string]bool{}
	for _, slot := range t.slots {
		kind, host := slotParts(slot)
		hosts[host] = true
		if o := dir.KnownDomain(host); o != nil && o.Kind == people.KindBulk {
			bulk = o.Name
		}
		switch {
		case host == sender:
			own++
		case kind == "link":
			links++
		default:
			images++
		}
	}
	if len(t.slots) == 1 && links+own == 1 && !t.hidden && strings.HasPrefix(t.slots[0], "link ") && t.links > 1 {
		s.weigh(-22, "only one of its links is the reader's own, as one for leaving a list is")
	}
	switch {
	case bulk != "" && len(hosts) == 1:
		s.weigh(-30, "its trackers are those of "+bulk+", a known bulk sender")
	case bulk != "":
		s.weigh(-10, "some of its trackers are those of "+bulk+", a known bulk sender")
	case own > 0:
		s.weigh(12, "the sender runs the trackers on its own domain")
	case links > 0 && len(hosts) == 1:
		s.weigh(-12, "all its trackers are on one other domain, as a sending provider's are")
	case images > 0 && links == 0:
		s.weigh(8, "only what is fetched unseen comes from elsewhere")
	}
}

// slotParts is the kind and the organisational domain that a slot names.
func slotParts(slot string) (kind, host string) {
	fields := strings.Fields(slot)
	if len(fields) < 2 {
		return "", ""
	}
	return fields[0], fields[1]
}

// met is the history as the first copy met it, when none of this mailing had
// arrived, and whether any of the readers wrote to the sender before theirs came.
func met(copies mailing) History {
	h := copies[0].History
	for _, c := range copies[1:] {
		h.Replied = max(h.Replied, c.History.Replied)
		h.RepliedDomain = max(h.RepliedDomain, c.History.RepliedDomain)
	}
	return h
}

func (s *situation) sender(copies mailing, h History) {
	for _, c := range copies {
		if c.Known != "" && len(c.Claims) == 0 { // a known domain that is forged helps nobody
			s.weigh(-40, "the sender is known: "+c.Known)
			s.flip = "the sender's domain not among the known ones"
			return
		}
	}
	days := 0
	if !h.DomainFirst.IsZero() {
		days = int(s.first.Sub(h.DomainFirst).Hours() / 24)
	}
	switch {
	case h.Replied > 0 || h.RepliedDomain > 1:
		s.weigh(-30, "a recipient has written to the sender before")
	case h.DomainReached >= 2*max(len(copies), 6):
		s.weigh(-12, fmt.Sprintf("its domain has written to %d mailboxes of the house before", h.DomainReached))
	case h.DomainMails == 0:
		s.weigh(15, "the house has never had mail from this domain")
	case h.DomainMails >= 12 && days >= 180:
		s.weigh(-5, fmt.Sprintf("its domain has written regularly for %d days", days))
	default:
		s.weigh(5, "the house hardly knows the sender")
	}
}

// shared weighs a committee or topic that the readers have in common. The weight
// is the surprise: how seldom so many readers drawn by chance would share one of
// as many themes as there are.
func (s *situation) shared(dir *people.Directory, all map[string]int) {
	n := len(s.people)
	if n < 2 {
		return
	}
	count := map[string]int{}
	for _, id := range s.people {
		for _, theme := range themesOf(dir.Person(id)) {
			count[theme]++
		}
	}
	best, surprise := "", 0.0
	for theme, have := range count {
		if have < 2 || have*10 < n*8 {
			continue
		}
		expected := float64(len(all)) * math.Pow(float64(all[theme])/float64(max(len(dir.People()), 1)), float64(have))
		if got := -math.Log(expected); got > surprise || got == surprise && theme < best {
			best, surprise = theme, got
		}
	}
	if tenths := int(min(25, 10*surprise)); best != "" && tenths > 0 {
		s.weigh(tenths, fmt.Sprintf("%d of %d recipients share %q", count[best], n, best))
	}
}

// themesOf are a person's committees and topics, each once.
func themesOf(p *people.Person) []string {
	if p == nil {
		return nil
	}
	var themes []string
	for _, what := range slices.Concat(p.Committees, p.Topics) {
		themes = append(themes, strings.ToLower(what))
	}
	slices.Sort(themes)
	return slices.Compact(themes)
}

// themeCounts tells how many protected people share each theme.
func themeCounts(dir *people.Directory) map[string]int {
	count := map[string]int{}
	for _, p := range dir.People() {
		for _, theme := range themesOf(p) {
			count[theme]++
		}
	}
	return count
}

func (s *situation) finding(group string, copies mailing, cfg Config) portcullis.Finding {
	t := s.tracking
	f := portcullis.Finding{
		ID: portcullis.NewID("finding", compareRule.ID(), group), Rule: compareRule.ID(), Time: s.first,
		Technique: compareRule.Technique, Evidence: t.evidence, Observables: t.urls, People: s.people,
		Severity: portcullis.Informational, Confidence: 90,
	}
	what := "each copy fetches its own images"
	if !t.hidden {
		what = "each copy has its own links"
	}
	f.Summary = fmt.Sprintf("The same mail reached %d people and %s: the sender learns who of them opened or followed it (%s).", t.readers, what, strings.Join(s.reasons, "; "))
	f.Flip = s.flip
	if f.Flip == "" {
		f.Flip = "identical remote URLs in all copies, or a sender whom the recipients have written to"
	}
	if s.tenths < threshold {
		return f
	}
	f.Attention, f.Severity = portcullis.Targeted, portcullis.Medium
	f.Confidence = portcullis.Confidence(min(95, 50+s.tenths/2))
	f.Points = cfg.scale(compareRule.Name, 60)
	if s.tenths >= threshold+20 {
		f.Severity = portcullis.High
		f.Points = cfg.scale(compareRule.Name, 80)
	}
	return f
}
