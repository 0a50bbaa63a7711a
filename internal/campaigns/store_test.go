package campaigns

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/testenv"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sqliteConfig(t testing.TB) store.Config {
	return store.Config{Dir: t.TempDir(), Migrations: []store.Migrations{{Context: "campaigns", FS: Migrations()}}}
}

// postgresConfig is a database of its own.
func postgresConfig(t testing.TB) store.Config {
	cfg := sqliteConfig(t)
	cfg.URL, cfg.Dir = testenv.Database(t), ""
	return cfg
}

func open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func try(s *store.Store, d Deps, fn func(w *Writer) error) error {
	return s.Tx(context.Background(), func(tx *sql.Tx) error {
		w := NewWriter(tx, d)
		defer w.Close()
		return fn(w)
	})
}

func write(t testing.TB, s *store.Store, d Deps, fn func(w *Writer) error) {
	t.Helper()
	must(t, try(s, d, fn))
}

// putAll places items in the order given.
func putAll(t testing.TB, s *store.Store, d Deps, items []Item) {
	t.Helper()
	for chunk := range slices.Chunk(items, 100) {
		write(t, s, d, func(w *Writer) error {
			for _, it := range chunk {
				if _, err := w.Put(t.Context(), it); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func settle(t testing.TB, s *store.Store, d Deps) (done Settled) {
	t.Helper()
	write(t, s, d, func(w *Writer) (err error) {
		done, err = w.Settle(t.Context())
		return err
	})
	return done
}

// stored reads which event is in which campaign.
func stored(t testing.TB, s *store.Store) map[portcullis.ID]string {
	t.Helper()
	rows, err := s.DB().QueryContext(t.Context(), `SELECT event, campaign FROM campaigns_item`)
	must(t, err)
	defer rows.Close()
	in := map[portcullis.ID]string{}
	for rows.Next() {
		var event portcullis.ID
		var campaign string
		must(t, rows.Scan(&event, &campaign))
		in[event] = campaign
	}
	must(t, rows.Err())
	return in
}

// shape writes a partition so that only who is with whom counts.
func shape(in map[portcullis.ID]string) string {
	groups := map[string][]string{}
	for event, campaign := range in {
		if campaign != "" {
			groups[campaign] = append(groups[campaign], string(event))
		}
	}
	var lines []string
	for _, g := range groups {
		slices.Sort(g)
		lines = append(lines, strings.Join(g, " "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestConformance is what both databases must do alike.
func TestConformance(t *testing.T) {
	for _, form := range []struct {
		name string
		cfg  func(testing.TB) store.Config
	}{{"sqlite", sqliteConfig}, {"postgres", postgresConfig}} {
		for _, c := range []struct {
			name string
			run  func(*testing.T, *store.Store)
		}{
			{"order", testOrder}, {"ids", testIDs}, {"merge", testMerge}, {"split", testSplit}, {"concurrent", testConcurrent},
			{"campaign", testCampaign}, {"reach", testReach}, {"told", testTold}, {"remove", testRemove}, {"again", testAgain}, {"query", testQuery},
		} {
			t.Run(form.name+"/"+c.name, func(t *testing.T) { c.run(t, open(t, form.cfg(t))) })
		}
	}
}

// small is a world of some campaigns among other findings.
func small(seed uint64) *world {
	w := newWorld(seed)
	w.ordinary(400)
	w.lone(12)
	w.letters(45, seed%2 == 0)
	for i := range 6 {
		w.campaign(fmt.Sprintf("campaign %d", i), 2+i%4, i+int(seed))
	}
	return w
}

// testOrder: whatever the order of arrival, and however often it is settled between, the
// partition is that of the batch.
func testOrder(t *testing.T, s *store.Store) {
	for seed := range uint64(4) {
		w := small(seed)
		want := shape(batch(t, w, newDecided(nil)))
		r := mrand.New(mrand.NewPCG(seed, 99))
		for range 3 {
			write(t, s, w.deps(), func(cw *Writer) error {
				for _, table := range []string{"item", "posting", "target", "campaign", "decision", "decided", "change"} {
					if _, err := cw.tx.Exec("DELETE FROM campaigns_" + table); err != nil {
						return err
					}
				}
				return nil
			})
			items := slices.Clone(w.items)
			r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
			for len(items) > 0 {
				n := min(len(items), 1+r.IntN(40))
				putAll(t, s, w.deps(), items[:n])
				if items = items[n:]; r.IntN(3) == 0 {
					settle(t, s, w.deps())
				}
			}
			settle(t, s, w.deps())
			if got := shape(stored(t, s)); got != want {
				t.Fatalf("seed %d: the partition depends on the order of arrival\n got:\n%s\nwant:\n%s", seed, got, want)
			}
		}
	}
}

// TestOnline: even before settling, placing one by one finds most of what belongs together.
func TestOnline(t *testing.T) {
	w := full(3)
	s := open(t, sqliteConfig(t))
	items := slices.Clone(w.items)
	slices.SortFunc(items, func(a, b Item) int { return a.Time.Compare(b.Time) })
	putAll(t, s, w.deps(), items)
	score, precision, recall := f1(w.truth, stored(t, s))
	t.Logf("before settling: F1 %.3f, precision %.3f, recall %.3f", score, precision, recall)
	if score < .9 {
		t.Errorf("F1 before settling %.3f, want at least 0.90", score)
	}
	done := settle(t, s, w.deps())
	t.Logf("%+v", done)
	if again := settle(t, s, w.deps()); again.Moved != 0 || again.Made != 0 || again.Merged != 0 {
		t.Errorf("settling twice changed something: %+v", again)
	}
}

// pairOf makes two items that share infrastructure, and a third of other infrastructure.
func mailOf(n int, host string, day int, extra ...Feature) Item {
	return Item{Event: portcullis.NewID("event", fmt.Sprint(n)), Sensor: "mail", Time: time.Date(2025, 3, day, 9, n%60, 0, 0, time.UTC),
		People:   []portcullis.ID{portcullis.ID(fmt.Sprintf("person:%d", n))},
		Findings: []FindingRef{{ID: portcullis.NewID("finding", fmt.Sprint(n)), Rule: "mail/test@1", Technique: "T1566.002", Severity: portcullis.High, Attention: portcullis.Targeted}},
		Features: append([]Feature{f(RoleRemote, dom(host)), f(RoleSender, dom("from-"+host))}, extra...)}
}

var tester = Deps{Now: func() time.Time { return time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC) }}

func campaignOf(t testing.TB, s *store.Store, it Item) Summary {
	t.Helper()
	list, err := NewReader(s.DB(), tester).Campaigns(t.Context(), Query{Event: it.Event})
	must(t, err)
	if len(list) == 0 {
		return Summary{}
	}
	return list[0]
}

// testIDs: an id survives growth, merging and settling, and a merged id is followed.
func testIDs(t *testing.T, s *store.Store) {
	a1, a2 := mailOf(1, "a.example", 1), mailOf(2, "a.example", 2)
	b1, b2, b3 := mailOf(3, "b.example", 3), mailOf(4, "b.example", 4), mailOf(5, "b.example", 4)
	putAll(t, s, tester, []Item{a1, a2, b1, b2, b3})
	a, b := campaignOf(t, s, a1), campaignOf(t, s, b1)
	if a.ID == "" || b.ID == "" || a.ID == b.ID || a.Events != 2 || b.Events != 3 || b.People != 3 {
		t.Fatalf("two campaigns expected: %+v, %+v", a, b)
	}
	bridge := mailOf(6, "a.example", 3, f(RoleLink, dom("b.example")), f(RoleSender, dom("from-b.example")))
	more := mailOf(7, "a.example", 4, f(RoleLink, dom("b.example")), f(RoleReplyTo, mailbox("~x@b.example")))
	var placed []Placement
	write(t, s, tester, func(w *Writer) error {
		for _, it := range []Item{bridge, more} {
			p, err := w.Put(t.Context(), it)
			if err != nil {
				return err
			}
			placed = append(placed, p)
		}
		return nil
	})
	settle(t, s, tester)
	now := campaignOf(t, s, a1)
	if now.ID != campaignOf(t, s, b3).ID || now.ID != b.ID && now.ID != a.ID {
		t.Fatalf("after two bridges, campaigns %+v and %+v; placed %+v", now, campaignOf(t, s, b3), placed)
	}
	for _, old := range []portcullis.ID{a.ID, b.ID} {
		c, err := NewReader(s.DB(), tester).Campaign(t.Context(), old)
		must(t, err)
		if c.ID != now.ID || c.Events != 7 {
			t.Errorf("%s leads to %s with %d events, want %s with 7", old, c.ID, c.Events, now.ID)
		}
	}
	if _, err := NewReader(s.DB(), tester).Campaign(t.Context(), "campaign:none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an id that never was: %v", err)
	}
}

func testCampaign(t *testing.T, s *store.Store) {
	w := newWorld(5)
	w.ordinary(300)
	w.campaign("one", 4, 0)
	putAll(t, s, w.deps(), w.items)
	settle(t, s, w.deps())
	r := NewReader(s.DB(), w.deps())
	list, err := r.Campaigns(t.Context(), Query{})
	must(t, err)
	if len(list) != 1 || list[0].Events != 4 || list[0].Echoes != 1 {
		t.Fatalf("campaigns: %+v", list)
	}
	c, err := r.Campaign(t.Context(), list[0].ID)
	must(t, err)
	why := Sentence(c.Reasons, 99)
	t.Log(why)
	for _, want := range []string{"same tracker host t.h", "seen in 5 of 30", "bodies ", " % alike", "targets on committee", "4 mails within", "1 echo"} {
		if !strings.Contains(why, want) {
			t.Errorf("the reasons lack %q: %s", want, why)
		}
	}
	for _, m := range c.Members {
		if len(m.Why) == 0 || m.With == "" || m.Bits < linkBits {
			t.Errorf("member %+v is not explained", m)
		}
	}
	if len(c.Indicators) == 0 || c.Indicators[0].Members != 5 || c.Indicators[0].Of < 300 {
		t.Errorf("indicators %+v", c.Indicators)
	}
	x, err := r.Explain(t.Context(), c.Members[0].Event, c.Members[1].Event)
	must(t, err)
	if !x.Linked || !x.SameCampaign || len(x.Reasons) < 3 {
		t.Errorf("weighing %+v", x)
	}
	var other portcullis.ID
	for id, name := range w.truth {
		if name == "" {
			other = id
		}
	}
	x, err = r.Explain(t.Context(), c.Members[0].Event, other)
	must(t, err)
	if x.Linked || x.SameCampaign {
		t.Errorf("weighing with a stranger %+v", x)
	}
}

func testReach(t *testing.T, s *store.Store) {
	w := newWorld(6)
	w.ordinary(300)
	w.campaign("one", 3, 0)
	members := slices.Clone(w.items[len(w.items)-4:])
	missed := note{at: w.day(700, 720), to: "person:elsewhere", values: []Feature{members[0].Features[2], members[0].Features[3]}, text: w.prose(50)}
	missedID := w.add("one", missed)
	var body string
	for _, it := range members {
		if len(it.Text) > 0 {
			body = string(it.Event)
		}
	}
	w.texts["event:alike"] = w.texts[portcullis.ID(body)]
	putAll(t, s, w.deps(), w.items)
	settle(t, s, w.deps())
	r := NewReader(s.DB(), w.deps())
	list, err := r.Campaigns(t.Context(), Query{Event: members[0].Event})
	must(t, err)
	reach, err := r.Reach(t.Context(), list[0].ID)
	must(t, err)
	found, alikeToo := false, false
	for _, e := range reach.Events {
		found = found || e.Event == missedID && !e.Known && e.By != nil
		alikeToo = alikeToo || e.Event == "event:alike" && e.Alike > .5
	}
	if !found || !alikeToo || !slices.Contains(reach.People, "person:elsewhere") {
		t.Errorf("reach %+v", reach)
	}
	of, err := r.ReachOf(t.Context(), []portcullis.Observable{members[0].Features[3].Observable})
	must(t, err)
	if len(of.Events) == 0 || !slices.Contains(of.People, "person:elsewhere") {
		t.Errorf("reach of one value %+v", of)
	}
}

// testTold: what a partner names brings together what its frequency would not.
func testTold(t *testing.T, s *store.Store) {
	w := newWorld(8)
	w.ordinary(400)
	shared := f(RoleLink, dom("quiet.example"))
	for i := range 12 {
		n := note{at: w.day(50*i, 50*i+3), to: w.one(), text: w.prose(50), values: []Feature{shared, f(RoleSender, dom(w.token()+".example"))}}
		if i < 3 {
			n.found = portcullis.Medium
		}
		w.add("quiet", n)
	}
	putAll(t, s, w.deps(), w.items)
	settle(t, s, w.deps())
	first := w.items[len(w.items)-3]
	r := NewReader(s.DB(), w.deps())
	ask := func() []Summary {
		list, err := r.Campaigns(t.Context(), Query{Event: first.Event})
		must(t, err)
		return list
	}
	if list := ask(); len(list) != 0 {
		t.Fatalf("together without being told: %+v", list)
	}
	i := portcullis.Indicator{Pattern: shared.Observable, Source: "partner", Marking: "TLP:AMBER"}
	checked, err := r.Check(t.Context(), []portcullis.Indicator{i})
	must(t, err)
	if checked[0].Refused != "" || checked[0].Hits != 12 {
		t.Fatalf("check: %+v", checked)
	}
	write(t, s, w.deps(), func(cw *Writer) error { _, err := cw.Tell(t.Context(), []portcullis.Indicator{i}); return err })
	settle(t, s, w.deps())
	list := ask()
	if len(list) != 1 || list[0].Events != 3 {
		t.Fatalf("after being told: %+v", list)
	}
	c, err := r.Campaign(t.Context(), list[0].ID)
	must(t, err)
	if !strings.Contains(Sentence(c.Reasons, 9), "named to us as an attacker's") || c.Indicators[0].Source != "partner" {
		t.Errorf("reasons %+v, indicators %+v", c.Reasons, c.Indicators)
	}
	write(t, s, w.deps(), func(cw *Writer) error { return cw.Untell(t.Context(), "partner") })
	settle(t, s, w.deps())
	if list := ask(); len(list) != 0 {
		t.Errorf("together after the feed was withdrawn: %+v", list)
	}
}

// TestCheck refuses what says nothing, with the count of what it would hit.
func TestCheck(t *testing.T) {
	w := newWorld(9)
	w.ordinary(500)
	now := w.deps().Now()
	domain := func(name string) portcullis.Indicator { return portcullis.Indicator{Pattern: dom(name)} }
	expired, swapped, future := domain("a.example"), domain("a.example"), domain("a.example")
	expired.Until = now.AddDate(0, -1, 0)
	swapped.From, swapped.Until = now.AddDate(0, -1, 0), now.AddDate(0, -2, 0)
	future.From = now.AddDate(1, 0, 0)
	checked, err := NewReader(nil, w.deps()).Check(t.Context(), []portcullis.Indicator{domain("cdn.example"), domain("gmail.com"), domain("firm7.example"), expired, swapped, future})
	must(t, err)
	for n, want := range []string{"it would hit 250 of 500 mails: too many", "commonplace (Mailbox providers); it would hit 0 of 500", "", "expired on", "times cannot be", "in the future"} {
		if got := checked[n].Refused; (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", checked[n].Indicator.Pattern, got, want)
		}
	}
}
