package mail

import (
	"slices"
	"sort"
	"strings"

	"portcullis.example/portcullis"
)

// tracking is what differs between copies.
type tracking struct {
	readers  int      // distinct people who got a copy
	links    int      // in the copy that has most
	slots    []string // aligned places whose URL is each reader's own
	hidden   bool     // one of them is not seen by the reader
	odd      string   // a way of watching that mailings have no use for
	leaving  bool     // nothing but a link for leaving a list, by its place
	evidence []portcullis.Evidence
	urls     []portcullis.Observable
}

// track aligns the copies' resources by slot and keeps those whose value is
// individual: every reader has a value that no other reader has, in whatever
// place. Two values among ten readers are a test of two pictures, and the same
// links in another order are no tracking. Copies whose links a gateway has
// rewritten beyond reading neither count for nor against.
func track(copies mailing) tracking {
	t := tracking{readers: len(copies)}
	a := align(copies)
	for slot, urls := range a.bySlot {
		own := 0
		for _, u := range urls {
			if a.holders[u] == 1 {
				own++
			}
		}
		if strings.HasPrefix(slot, "link"+eachOwn) && (len(urls) < 3 || strings.HasSuffix(slot, " /")) {
			continue // letters that lead to a site each
		}
		expected := len(copies) - min(a.opaque, max(0, len(copies)-len(urls)))
		if own >= 2 && own*10 >= len(urls)*9 && own*10 >= expected*6 {
			t.slots = append(t.slots, slot)
			if a.ownHosts(urls) {
				t.odd = "a host name of each reader's own"
			}
		}
	}
	sort.Slice(t.slots, func(x, y int) bool { // hidden ones first: they are the evidence to show
		hx, hy := a.hidden[t.slots[x]], a.hidden[t.slots[y]]
		if hx != hy {
			return hx
		}
		return t.slots[x] < t.slots[y]
	})
	for _, c := range copies {
		t.links = max(t.links, c.Shape.Links)
	}
	t.show(copies, a)
	return t
}

// alignment is the copies' resources by slot.
type alignment struct {
	holders map[string]int      // URL → copies that have it
	hosts   map[string]int      // host → copies that have it
	bySlot  map[string][]string // → URLs
	hidden  map[string]bool     // slots whose first resource is hidden
	opaque  int                 // copies with links that cannot be read
	alone   map[string]bool     // organisations that a single copy leads to
	slots   [][]string          // of each copy's resources; "" for what cannot be read
}

func align(copies mailing) alignment {
	a := alignment{holders: map[string]int{}, hosts: map[string]int{}, bySlot: map[string][]string{}, hidden: map[string]bool{}, alone: map[string]bool{}}
	orgs := map[string]int{}
	for _, c := range copies {
		url, host, org := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, r := range c.Resources {
			_, o := slotParts(r.Slot)
			url[r.URL], host[hostIn(r.URL)], org[o] = true, true, true
		}
		addEach(a.holders, url)
		addEach(a.hosts, host)
		addEach(orgs, org)
	}
	for org, n := range orgs {
		a.alone[org] = n == 1 && len(copies) > 1
	}
	for i := range copies {
		a.slots = append(a.slots, a.place(&copies[i]))
	}
	return a
}

func addEach(count map[string]int, set map[string]bool) {
	for key := range set {
		count[key]++
	}
}

// place puts one copy's resources into their slots. Those of an organisation that
// no other copy leads to are aligned by what follows the host: who gives each
// reader a domain of his own does not escape by it, and a service that recommends
// a page of another site to each is not meant.
func (a *alignment) place(c *Copy) []string {
	unread := c.Opaque > 0
	slots := make([]string, len(c.Resources))
	for i, r := range c.Resources {
		if r.Host && a.holders[r.URL] > 1 {
			unread = true
			continue
		}
		slots[i] = r.Slot
		if _, org := slotParts(r.Slot); a.alone[org] {
			slots[i] = r.Kind + eachOwn + afterHost(r.URL)
		}
		if _, ok := a.hidden[slots[i]]; !ok {
			a.hidden[slots[i]] = r.Hidden
		}
		a.bySlot[slots[i]] = append(a.bySlot[slots[i]], r.URL)
	}
	if unread {
		a.opaque++
	}
	return slots
}

// eachOwn stands in a slot for an organisation that each copy has another of.
const eachOwn = " each-own "

// ownHosts tells that each reader has a host name of his own in a slot, which no
// newsletter needs: the name alone, once looked up, tells who looks.
func (a *alignment) ownHosts(urls []string) bool {
	return !slices.ContainsFunc(urls, func(u string) bool { return a.hosts[hostIn(u)] > 1 })
}

// hostIn is the host of a canonical URL.
func hostIn(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// afterHost is what follows the host of a canonical URL.
func afterHost(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	return rest[len(hostIn(url)):]
}

// show collects evidence: the individual values of up to three slots in up to
// eight copies.
func (t *tracking) show(copies []Copy, a alignment) {
	wanted := map[string]int{}
	for i, slot := range t.slots {
		wanted[slot] = i
	}
	t.leaving = len(copies) > 0
	for n := range copies {
		c := &copies[n]
		own := map[string]bool{}
		for i, r := range c.Resources {
			rank, ok := wanted[a.slots[n][i]]
			if !ok {
				continue
			}
			own[r.URL] = true
			t.hidden = t.hidden || r.Hidden
			if way := oddWays[r.Kind]; way != "" && (t.odd == "" || way < t.odd) {
				t.odd = way
			}
			if rank < 3 && n < 8 {
				where, _, _ := strings.Cut(r.URL, "#")
				t.evidence = append(t.evidence, portcullis.Evidence{Event: c.Event, Part: r.Part, Start: r.Start, End: r.End, Note: "this copy's own " + r.Kind + ": " + r.URL})
				t.urls = append(t.urls, portcullis.Observable{Type: portcullis.TypeURL, Value: where})
			}
		}
		t.leaving = t.leaving && c.leaving(own)
	}
}

// leaving tells that nothing is the reader's own but one link, and that it stands
// where one for leaving a list does: behind the others, among the last three.
func (c *Copy) leaving(own map[string]bool) bool {
	if len(own) == 0 {
		return true // says nothing
	}
	if len(own) > 1 {
		return false
	}
	before, after := map[string]bool{}, map[string]bool{}
	behind := map[string]bool{} // parts in which the link was seen
	for _, r := range c.Resources {
		switch {
		case own[r.URL] && r.Kind != "link":
			return false
		case own[r.URL]:
			behind[r.Part] = true
		case r.Kind == "link" && behind[r.Part]:
			after[r.URL] = true
		case r.Kind == "link":
			before[r.URL] = true
		}
	}
	for url := range after {
		delete(before, url)
	}
	return len(before) > 0 && len(after) <= 2
}

// oddWays are kinds of remote content that have no purpose of their own if each
// reader gets another. Fonts and style sheets are the same for everybody;
// prefetching is for pages that will be read next.
var oddWays = map[string]string{
	"font": "a font", "stylesheet": "a style sheet", "import": "a style sheet", "css-background": "a background", "prefetch": "a prefetch", "preload": "a prefetch",
	"dns-prefetch": "a prefetch", "preconnect": "a prefetch", "icon": "an icon", "media": "a sound or film", "object": "an object", "iframe": "a frame",
}
