package campaigns

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// world is an invented house's mail as items, with an archive of all of it and the truth
// about which belong together. It knows nothing of weights and thresholds.
type world struct {
	r       *rand.Rand
	items   []Item
	truth   map[portcullis.ID]string // event to campaign; "" belongs to none
	archive *fakeArchive
	people  []portcullis.ID
	next    int
	texts   map[portcullis.ID][]uint32 // of all mail, with findings or without
}

type fakeArchive struct {
	total int
	seen  map[portcullis.Observable][]Sighting
}

func (a *fakeArchive) Total(context.Context) (int, error) { return a.total, nil }

func (a *fakeArchive) Frequency(_ context.Context, values []portcullis.Observable) ([]int, error) {
	counts := make([]int, len(values))
	for i, v := range values {
		events := map[portcullis.ID]bool{}
		for _, s := range a.seen[v] {
			events[s.Event] = true
		}
		counts[i] = len(events)
	}
	return counts, nil
}

func (a *fakeArchive) Seen(_ context.Context, v portcullis.Observable, limit int) ([]Sighting, error) {
	return a.seen[v][:min(limit, len(a.seen[v]))], nil
}

func (w *world) Like(_ context.Context, event portcullis.ID, limit int) (list []Likeness, _ error) {
	text := w.texts[event]
	for _, id := range slices.Sorted(mapKeys(w.texts)) {
		if like := alike(text, w.texts[id]); like >= .5 && len(list) < limit {
			list = append(list, Likeness{Event: id, Alike: like})
		}
	}
	return list, nil
}

func mapKeys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// committees: person n is on committee n modulo 6.
type committees struct{}

func (committees) GroupsOf(p portcullis.ID) []string {
	var n int
	_, _ = fmt.Sscanf(string(p), "person:%d", &n)
	return []string{fmt.Sprintf("on committee %d", n%6)}
}

func newWorld(seed uint64) *world {
	w := &world{r: rand.New(rand.NewPCG(seed, 7)), truth: map[portcullis.ID]string{}, archive: &fakeArchive{seen: map[portcullis.Observable][]Sighting{}}, texts: map[portcullis.ID][]uint32{}}
	for n := range 60 {
		w.people = append(w.people, portcullis.ID(fmt.Sprintf("person:%d", n)))
	}
	return w
}

func (w *world) deps() Deps {
	return Deps{Archive: w.archive, Resembling: w, Groups: committees{}, Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }}
}

// note is one mail: what it holds in which role, and what it says.
type note struct {
	at     time.Time
	to     portcullis.ID
	values []Feature
	text   string
	dom    string
	echo   bool
	found  portcullis.Severity // 0: no finding
}

func dom(name string) portcullis.Observable {
	return portcullis.Observable{Type: portcullis.TypeDomain, Value: name}
}
func mailbox(name string) portcullis.Observable {
	return portcullis.Observable{Type: portcullis.TypeEmail, Value: name}
}
func f(kind string, o portcullis.Observable) Feature { return Feature{kind, o} }
func named_(kind string, t portcullis.ObservableType, v string) Feature {
	return Feature{kind, portcullis.Observable{Type: t, Value: v}}
}

// add puts a mail into the archive, and among the items if it has a finding.
func (w *world) add(campaign string, n note) portcullis.ID {
	w.next++
	id := portcullis.NewID("event", fmt.Sprint(w.next))
	text := minHash(strings.Fields(n.text))
	w.archive.total++
	seen := map[portcullis.Observable]bool{}
	for _, v := range n.values {
		switch v.Observable.Type {
		case TypeName, TypePath, TypeTool:
			continue // the archive knows nothing of these
		}
		if !seen[v.Observable] {
			seen[v.Observable] = true
			w.archive.seen[v.Observable] = append(w.archive.seen[v.Observable], Sighting{Event: id, Time: n.at, Person: n.to})
		}
	}
	if len(text) > 0 {
		w.texts[id] = text
	}
	if n.found == 0 {
		return id
	}
	item := Item{Event: id, Sensor: "mail", Time: n.at, People: []portcullis.ID{n.to}, Features: n.values, Echo: n.echo,
		Findings: []FindingRef{{ID: portcullis.NewID("finding", string(id)), Rule: "mail/test@1", Severity: n.found, Attention: portcullis.Targeted}},
		Words:    len(strings.Fields(n.text)), Text: text, Structure: minHash(strings.Fields(n.dom))}
	if n.found == portcullis.Informational {
		item.Findings[0].Attention = portcullis.Ordinary
	}
	w.items = append(w.items, item)
	w.truth[id] = campaign
	return id
}

// minHash is a signature of words and pairs of words.
func minHash(words []string) []uint32 {
	if len(words) == 0 {
		return nil
	}
	sig := make([]uint32, 64)
	for i := range sig {
		sig[i] = math.MaxUint32
	}
	for i := range words {
		for _, s := range []string{words[i], strings.Join(words[max(0, i-1):i+1], " ")} {
			h := fnv.New64a()
			_, _ = h.Write([]byte(s))
			x := h.Sum64()
			for k := range sig {
				x = mix(x + uint64(k))
				sig[k] = min(sig[k], uint32(x>>32))
			}
		}
	}
	return sig
}

// prose is a text of n words of its own.
func (w *world) prose(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("w%d", w.r.IntN(3000))
	}
	return strings.Join(words, " ")
}

// varied changes a share of the words.
func (w *world) varied(text string, share float64) string {
	words := strings.Fields(text)
	for i := range words {
		if w.r.Float64() < share {
			words[i] = fmt.Sprintf("w%d", w.r.IntN(3000))
		}
	}
	return strings.Join(words, " ")
}

func (w *world) day(from, to int) time.Time {
	return time.Date(2024, 1, 1, 6, 0, 0, 0, time.UTC).AddDate(0, 0, from+w.r.IntN(max(1, to-from))).Add(time.Duration(w.r.IntN(12*3600)) * time.Second)
}

func (w *world) token() string { return fmt.Sprintf("%x", w.r.Uint32()) }

func (w *world) one() portcullis.ID { return w.people[w.r.IntN(len(w.people))] }

// member picks somebody of a committee.
func (w *world) member(committee int) portcullis.ID { return w.people[w.r.IntN(10)*6+committee] }

// relays are what all sorts of mail comes through.
func (w *world) relay(name string) []Feature {
	return []Feature{f(RoleSignature, dom(name)), f(RoleEnvelope, dom("bounce."+name)), f(RoleLink, dom("click."+name)),
		f(RoleReceived, portcullis.Observable{Type: portcullis.TypeIP, Value: fmt.Sprintf("198.51.100.%d", len(name)+int(name[0])%7)}), f(RoleOrigin, dom(name))}
}

var platforms = []string{"massmail.example", "sendings.example", "newsrelay.example"}

// ordinary is two years of mail without findings, and a few false alarms.
func (w *world) ordinary(n int) {
	for i := range n {
		nt := note{at: w.day(0, 730), to: w.one()}
		switch i % 4 {
		case 0, 1: // newsletters over a platform, all built alike
			who := w.r.IntN(40)
			nt.values = append(w.relay(platforms[who%3]), f(RoleSender, dom(fmt.Sprintf("letter%d.example", who))), f(RoleLink, dom("cdn.example")),
				f(RoleRemote, dom("cdn.example")), f(RoleLink, dom(fmt.Sprintf("site%d.example", who))), named_(RoleName, TypeName, fmt.Sprintf("Newsletter %d", who)), named_(RoleTool, TypeTool, "Sender 3"))
			nt.text, nt.dom = w.prose(150), fmt.Sprintf("table tr td a img layout%d", who%3)
		case 2: // letters from anybody at a provider
			nt.values = []Feature{f(RoleSender, mailbox("~"+w.token()+"@post.example")), f(RoleSender, dom("post.example")), f(RoleSignature, dom("post.example")), named_(RoleName, TypeName, w.token())}
			nt.text = w.prose(80)
		default: // small senders on shared hosting
			who := w.r.IntN(300)
			nt.values = []Feature{f(RoleSender, dom(fmt.Sprintf("firm%d.example", who))), f(RoleZone, dom("hosting.example")), f(RoleLink, dom(fmt.Sprintf("firm%d.hosting.example", who))),
				f(RoleReceived, portcullis.Observable{Type: portcullis.TypeIP, Value: "203.0.113.9"}), f(RoleLink, dom("short.example"))}
			nt.text = w.prose(60)
		}
		if i%97 == 0 {
			nt.found = portcullis.Low
		}
		w.add("", nt)
	}
}

// lone are attacks by hands that came once, over what everybody uses.
func (w *world) lone(n int) {
	for range n {
		own := "x" + w.token() + ".example"
		nt := note{at: w.day(0, 730), to: w.one(), found: portcullis.Medium, text: w.prose(60), dom: "html p a " + w.token()}
		nt.values = []Feature{f(RoleSender, dom(own)), f(RoleLink, dom("l"+own)), named_(RoleName, TypeName, w.token())}
		switch w.r.IntN(5) {
		case 0:
			nt.values = append(nt.values, w.relay(platforms[w.r.IntN(3)])...)
		case 1:
			nt.values = append(nt.values, f(RoleZone, dom("hosting.example")), f(RoleLink, dom(w.token()+".hosting.example")))
		case 2:
			nt.values = append(nt.values, f(RoleLink, dom("short.example")), f(RoleRemote, dom("cdn.example")))
		case 3:
			nt.values = append(nt.values, f(RoleSender, mailbox("~"+w.token()+"@post.example")), f(RoleSender, dom("post.example")))
		}
		w.add("", nt)
	}
}

// campaign is k mails of one hand, in one of the ways that hands work.
func (w *world) campaign(name string, k, style int) {
	own := "h" + w.token() + ".example"
	tracker, sender, committee := "t."+own, "s"+own, w.r.IntN(6)
	body, start := w.prose(70), w.r.IntN(650)
	persona, layout := w.token(), "html body p a img "+w.token()+" "+w.token()
	for i := range k {
		nt := note{at: w.day(start, start+6+style*3), to: w.member(committee), found: portcullis.Medium, text: w.varied(body, .06), dom: layout}
		add := func(features ...Feature) { nt.values = append(nt.values, features...) }
		add(named_(RoleName, TypeName, persona), named_(RolePath, TypePath, "/"+own[:5]+"/#"))
		switch style % 6 {
		case 0: // one domain, one tracker
			add(f(RoleSender, dom(sender)), f(RoleRemote, dom(tracker)))
		case 1: // a new sender each time, one tracker, text rewritten
			add(f(RoleSender, dom(w.token()+".example")), f(RoleRemote, dom(tracker)))
			nt.text = w.prose(70)
		case 2: // infrastructure that rolls on
			add(f(RoleSender, dom(fmt.Sprintf("s%d%s", i/2, own))), f(RoleLink, dom(fmt.Sprintf("l%d%s", (i+1)/2, own))))
		case 3: // nothing stays but the words, to one committee within days
			add(f(RoleSender, dom(w.token()+".example")), f(RoleLink, dom(w.token()+".example")))
			nt.at = w.day(start, start+3)
		case 4: // over a platform, with one account
			add(w.relay(platforms[style%3])...)
			add(f(RoleSender, mailbox("~"+own+"@"+own)), f(RoleSender, dom(sender)), f(RoleLink, dom(tracker)))
			nt.text = w.varied(body, .4)
		case 5: // freemail, answers to one box, over months
			nt.at = w.day(start, start+70)
			add(f(RoleSender, mailbox("~"+w.token()+"@post.example")), f(RoleSender, dom("post.example")), f(RoleReplyTo, mailbox("~"+own+"@post.example")))
			nt.text = w.varied(body, .3)
		}
		w.add(name, nt)
		if i == 0 && style%2 == 0 { // somebody forwards it
			e := nt
			e.at, e.to, e.echo = nt.at.Add(2*time.Hour), w.one(), true
			e.values = slices.Concat([]Feature{f(RoleSender, dom("parliament.example"))}, nt.values[2:])
			w.add(name, e)
		}
	}
}

// letters are n people who sign one text; found of them were marked by mistake.
func (w *world) letters(n int, platform bool) {
	body, start := w.prose(120), w.r.IntN(600)
	for i := range n {
		nt := note{at: w.day(start, start+14), to: w.one(), text: w.varied(body, .05)}
		who := w.token()
		nt.values = []Feature{named_(RoleName, TypeName, who), named_(RoleSubject, portcullis.TypeSubject, "~s"+body[:9])}
		if platform {
			nt.values = append(nt.values, f(RoleSender, mailbox("campaigns@act.example")), f(RoleSender, dom("act.example")), f(RoleReplyTo, mailbox("~"+who+"@post.example")),
				f(RoleLink, dom("act.example")), f(RoleSignature, dom("act.example")))
		} else {
			nt.values = append(nt.values, f(RoleSender, mailbox("~"+who+"@post.example")), f(RoleSender, dom("post.example")))
		}
		if i%3 == 0 {
			nt.found = portcullis.Low
		}
		w.add("", nt)
	}
}

// full is everything at once.
func full(seed uint64) *world {
	w := newWorld(seed)
	w.ordinary(3000)
	w.lone(80)
	w.letters(600, seed%2 == 0)
	for i := range 24 {
		w.campaign(fmt.Sprintf("campaign %d", i), 2+i%5, i)
	}
	return w
}

// f1 is over pairs of items: how many that were put together belong together, and the reverse.
func f1(truth map[portcullis.ID]string, found map[portcullis.ID]string) (f1, precision, recall float64) {
	both, put, belong := 0, 0, 0
	ids := slices.Sorted(mapKeys(truth))
	for i, a := range ids {
		for _, b := range ids[:i] {
			same := truth[a] != "" && truth[a] == truth[b]
			got := found[a] != "" && found[a] == found[b]
			if same {
				belong++
			}
			if got {
				put++
			}
			if same && got {
				both++
			}
		}
	}
	precision, recall = float64(both)/float64(max(1, put)), float64(both)/float64(max(1, belong))
	return 2 * precision * recall / max(1e-9, precision+recall), precision, recall
}
