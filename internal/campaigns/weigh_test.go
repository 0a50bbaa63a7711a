package campaigns

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
)

func TestPacked(t *testing.T) {
	w := full(1)
	for _, it := range w.items[:50] {
		p := newProfile(it)
		q, err := unpack(p.pack())
		must(t, err)
		q.event, q.time = p.event, p.time
		q.finish()
		if !reflect.DeepEqual(p, q) {
			t.Fatalf("packed and unpacked:\n%+v\n%+v", p, q)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	w := newWorld(1)
	w.campaign("x", 2, 0)
	f.Add(newProfile(w.items[0]).pack())
	f.Add([]byte{packedVersion, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := unpack(body)
		if err != nil {
			return
		}
		p.finish()
		if again, err := unpack(p.pack()); err != nil || len(again.feats) != len(p.feats) {
			t.Fatalf("%v: what was read cannot be read again", err)
		}
	})
}

// group settles items without a database.
func grouped(t testing.TB, d Deps, items ...Item) (groups [][]*profile) {
	t.Helper()
	var list []*profile
	for _, it := range items {
		p := newProfile(it)
		p.know(d.Groups)
		list = append(list, p)
	}
	slices.SortFunc(list, (*profile).before)
	wg, err := prepare(context.Background(), list, d, nil)
	must(t, err)
	return slices.DeleteFunc(membersOf(list, partition(list, wg, newDecided(nil))), func(m []*profile) bool { return !eligible(m, newDecided(nil)) })
}

func sizes(groups [][]*profile) (list []int) {
	for _, g := range groups {
		list = append(list, len(g))
	}
	slices.Sort(list)
	return list
}

func want(t testing.TB, what string, groups [][]*profile, sizesWanted ...int) {
	t.Helper()
	if got := sizes(groups); !slices.Equal(got, sizesWanted) {
		t.Errorf("%s: groups of %v, want %v", what, got, sizesWanted)
	}
}

// TestDrift: a mail that two campaigns both resemble does not make them one; infrastructure that rolls
// on step by step does not tear one.
func TestDrift(t *testing.T) {
	var items []Item
	for n := range 6 {
		items = append(items, mailOf(n, "a.example", 1+n), mailOf(20+n, "b.example", 1+n))
	}
	bridge := mailOf(50, "c.example", 4, f(RoleLink, dom("a.example")), f(RoleLink, dom("b.example")))
	want(t, "bridged once", grouped(t, tester, append(items, bridge)...), 6, 7)

	var rolling []Item
	for n := range 8 {
		rolling = append(rolling, mailOf(n, fmt.Sprintf("r%d.example", n/2), 1+n, f(RoleLink, dom(fmt.Sprintf("l%d.example", (n+1)/2)))))
	}
	want(t, "rolling", grouped(t, tester, rolling...), 8)
}

// TestEchoes: a report that passes on two campaigns' mails follows one of them, and a mail and its echo are no campaign.
func TestEchoes(t *testing.T) {
	echo := mailOf(9, "house.example", 9, f(RoleLink, dom("a.example")), f(RoleRemote, dom("a.example")), f(RoleLink, dom("b.example")), f(RoleRemote, dom("b.example")))
	echo.Echo = true
	items := []Item{mailOf(1, "a.example", 1), mailOf(2, "a.example", 2), mailOf(3, "b.example", 3), mailOf(4, "b.example", 4), echo}
	want(t, "a report of two", grouped(t, tester, items...), 2, 3)
	want(t, "one mail and its echo", grouped(t, tester, items[0], echo))
}

// TestLetters: many people sign one text, over a platform or not. A text from one domain that plays many
// people is an attack.
func TestLetters(t *testing.T) {
	for _, platform := range []bool{false, true} {
		w := newWorld(4)
		w.letters(120, platform)
		want(t, fmt.Sprintf("letters, platform %v", platform), grouped(t, Deps{}, w.items...))
		want(t, "the same with an archive", grouped(t, w.deps(), w.items...))
	}
	w := newWorld(4)
	body := w.prose(80)
	for range 15 {
		who := w.token()
		w.add("x", note{at: w.day(1, 3), to: w.one(), found: portcullis.Medium, text: w.varied(body, .03), values: []Feature{
			named_(RoleName, TypeName, who), f(RoleSender, mailbox("~"+who+"@look-alike.example")), f(RoleSender, dom("look-alike.example")), f(RoleLink, dom("steal.example"))}})
	}
	want(t, "many roles of one domain", grouped(t, w.deps(), w.items...), 15)
}

// TestCommonplace: what a list or the archive knows to be everybody's makes no link, however few items hold it.
func TestCommonplace(t *testing.T) {
	shared := func(extra Feature) []Item {
		return []Item{mailOf(1, "a.example", 1, extra), mailOf(2, "b.example", 1, extra)}
	}
	want(t, "a listed host", grouped(t, tester, shared(f(RoleLink, dom("bit.ly")))...))
	want(t, "a link at a listed host", grouped(t, tester, shared(f(RoleURL, obs(portcullis.TypeURL, "https://bit.ly/3xYz")))...), 2)
	want(t, "a relay alone", grouped(t, tester, shared(f(RoleReceived, obs(portcullis.TypeIP, "192.0.2.1")))...))
	want(t, "a rare host", grouped(t, tester, shared(f(RoleLink, dom("rare.example")))...), 2)
	w := newWorld(1)
	w.ordinary(400)
	want(t, "a host of much ordinary mail", grouped(t, w.deps(), shared(f(RoleLink, dom("site3.example")))...))
}

// TestNobodysOwn: what comes from a service that many use, as many names or ordinary mail show, is not rare for being
// unknown to the lists; what one hand uses under one name stays rare.
func TestNobodysOwn(t *testing.T) {
	pair := func(provider string, names int) (w *world, items []Item) {
		w = newWorld(1)
		w.ordinary(400)
		for n := range max(names, 2) {
			who := fmt.Sprintf("name %d", n%names)
			items = append(items, mailOf(n, fmt.Sprintf("h%d.example", n), 1, f(RoleSender, dom(provider)), named_(RoleName, TypeName, who), f(RoleOrigin, dom("mail."+provider)), named_(RoleTool, TypeTool, "Writer 1")))
		}
		return w, items
	}
	w, items := pair("anybody.example", 9)
	want(t, "nine names with one provider", grouped(t, w.deps(), items...))
	w, items = pair("own.example", 1)
	want(t, "two mails of one name from one domain", grouped(t, w.deps(), items...), 2)

	wg := &weigher{total: 600, items: 150}
	rented, rentedToMany := stat{seen: 8, inside: 8}, stat{seen: 54, inside: 40}
	if own, many := wg.bits(rented, roleOf(RoleReceived)), wg.bits(rentedToMany, roleOf(RoleReceived)); own < 6 || many > 2 {
		t.Errorf("a server of one hand counts %.1f bits, one that ordinary mail comes from as well %.1f", own, many)
	}
	if first, ninth := (stat{seen: 12, inside: 12, names: 1}), (stat{seen: 12, inside: 12, names: 9, one: true}); first.common(roleOf(RoleSender)) != 0 || ninth.common(roleOf(RoleSender)) != 0 {
		t.Error("a domain with one name and an address have owners")
	}
}

// TestInformational: what is only marked makes no campaign.
func TestInformational(t *testing.T) {
	items := []Item{mailOf(1, "a.example", 1), mailOf(2, "a.example", 2), mailOf(3, "a.example", 3)}
	for i := range items {
		items[i].Findings[0].Severity, items[i].Findings[0].Attention = portcullis.Informational, portcullis.Ordinary
	}
	want(t, "mass mail", grouped(t, tester, items...))
}

// TestNoTime: events that tell no time are placed, and do not stretch a campaign to the year 1.
func TestNoTime(t *testing.T) {
	s := open(t, sqliteConfig(t))
	items := []Item{mailOf(1, "a.example", 5), mailOf(2, "a.example", 9), mailOf(3, "a.example", 3)}
	items[2].Time = time.Time{}
	putAll(t, s, tester, items)
	for range 2 {
		if c := campaignOf(t, s, items[0]); c.Events != 3 || c.First.Day() != 5 || c.Last.Day() != 9 {
			t.Errorf("%+v", c)
		}
		settle(t, s, tester)
	}
}

func TestWords(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 41208: "41,208", 1234567: "1,234,567", -1200: "-1,200"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q", n, got)
		}
	}
	if got := named(mailbox("~abcdef@post.example")); strings.Contains(got, "abcdef") || !strings.Contains(got, "post.example") {
		t.Errorf("a keyed address is told as %q", got)
	}
	keyed := portcullis.Observable{Type: TypeName, Value: "~abcdef"}
	if got := (&weigher{items: 150, total: 600}).valueReason(keyed, roleOf(RoleName), stat{seen: 5, inside: 5}, 3).Text; got != "same sender's name, seen in 5 of 150 mails with findings" {
		t.Errorf("a keyed name is told as %q", got)
	}
	if plural(2, "echo") != "2 echoes" || plural(2, "party") != "2 parties" || plural(1, "mail") != "1 mail" {
		t.Error("plurals")
	}
}
