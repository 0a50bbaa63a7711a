package campaigns

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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

// postgresConfig makes a database and drops it after the test.
func postgresConfig(t testing.TB) store.Config {
	server := testenv.Postgres(t)
	name := "test_" + strings.ToLower(rand.Text())
	administer(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { administer(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	address, err := url.Parse(server)
	must(t, err)
	address.Path = "/" + name
	cfg := sqliteConfig(t)
	cfg.URL, cfg.Dir = address.String(), ""
	return cfg
}

func administer(t testing.TB, server, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	must(t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	must(t, err)
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

// testMerge: what people put together stays together, and can be taken apart again.
func testMerge(t *testing.T, s *store.Store) {
	items := []Item{mailOf(1, "a.example", 1), mailOf(2, "a.example", 2), mailOf(3, "b.example", 11), mailOf(4, "b.example", 12)}
	putAll(t, s, tester, items)
	a, b := campaignOf(t, s, items[0]), campaignOf(t, s, items[2])
	act := func(fn func(w *Writer) error) error { return try(s, tester, fn) }
	merge := func(x, y portcullis.ID, version int) error {
		return act(func(w *Writer) error { _, err := w.Merge(t.Context(), "jo", "same actor", x, y, version); return err })
	}
	if err := merge(a.ID, a.ID, a.Version); !errors.Is(err, ErrSelf) {
		t.Errorf("merging with itself: %v", err)
	}
	if err := merge(a.ID, "campaign:none", a.Version); !errors.Is(err, ErrNotFound) {
		t.Errorf("merging with nothing: %v", err)
	}
	if err := act(func(w *Writer) error { _, err := w.Merge(t.Context(), "jo", " ", a.ID, b.ID, a.Version); return err }); err == nil {
		t.Error("merging without a reason was taken")
	}
	must(t, merge(a.ID, b.ID, a.Version))
	if err := merge(a.ID, b.ID, a.Version+1); !errors.Is(err, ErrSelf) {
		t.Errorf("merging again: %v", err)
	}
	settle(t, s, tester)
	merged := campaignOf(t, s, items[3])
	if merged.ID != a.ID || !merged.Human || merged.Events != 4 {
		t.Fatalf("settling undid a person's merger: %+v", merged)
	}
	c, err := NewReader(s.DB(), tester).Campaign(t.Context(), b.ID)
	must(t, err)
	last := c.History[len(c.History)-1]
	if len(c.MergedFrom) != 1 || last.Who != "jo" || last.Why != "same actor" || last.Num == 0 {
		t.Errorf("history %+v, merged from %+v", c.History, c.MergedFrom)
	}
	if !strings.Contains(Sentence(c.Reasons, 99), "by jo on 1 Jun 2025: same actor") {
		t.Errorf("reasons do not tell the decision: %+v", c.Reasons)
	}
	must(t, act(func(w *Writer) error { return w.Undo(t.Context(), "ann", "not so", last.Num) }))
	if back := campaignOf(t, s, items[2]); back.ID != b.ID || back.Events != 2 || campaignOf(t, s, items[0]).Events != 2 {
		t.Errorf("after undoing: %+v", back)
	}
	settle(t, s, tester)
	if campaignOf(t, s, items[2]).ID == campaignOf(t, s, items[0]).ID {
		t.Error("a decision that was taken back still holds")
	}
	if err := act(func(w *Writer) error { return w.Undo(t.Context(), "ann", "again", last.Num) }); err == nil {
		t.Error("undone twice")
	}
}

// testSplit: what people took apart stays apart, whatever the evidence, until they put it together.
func testSplit(t *testing.T, s *store.Store) {
	var items []Item
	for n := range 6 {
		items = append(items, mailOf(n, "a.example", 1+n))
	}
	putAll(t, s, tester, items)
	c := campaignOf(t, s, items[0])
	var part Summary
	write(t, s, tester, func(w *Writer) (err error) {
		part, err = w.Split(t.Context(), "jo", "another actor", c.ID, []portcullis.ID{items[1].Event, items[4].Event}, c.Version)
		return err
	})
	check := func(when string) {
		t.Helper()
		apart, rest := campaignOf(t, s, items[4]), campaignOf(t, s, items[0])
		if apart.ID != part.ID || apart.Events != 2 || rest.ID != c.ID || rest.Events != 4 {
			t.Fatalf("%s: %+v and %+v", when, apart, rest)
		}
	}
	check("at once")
	settle(t, s, tester)
	check("after settling")
	if err := try(s, tester, func(w *Writer) error {
		_, err := w.Split(t.Context(), "jo", "x", c.ID, []portcullis.ID{items[1].Event}, campaignOf(t, s, items[0]).Version)
		return err
	}); err == nil {
		t.Error("split off an event that is elsewhere")
	}
	more := mailOf(50, "a.example", 3)
	putAll(t, s, tester, []Item{more})
	settle(t, s, tester)
	if campaignOf(t, s, items[4]).ID == campaignOf(t, s, items[0]).ID {
		t.Fatal("a new mail brought together what a person took apart")
	}
	now := campaignOf(t, s, items[0])
	write(t, s, tester, func(w *Writer) error {
		_, err := w.Merge(t.Context(), "ann", "I was wrong", now.ID, part.ID, now.Version)
		return err
	})
	settle(t, s, tester)
	if all := campaignOf(t, s, items[4]); all.Events != 7 || all.ID != now.ID {
		t.Errorf("the later decision does not stand above the earlier: %+v", all)
	}
	alone := campaignOf(t, s, items[0])
	write(t, s, tester, func(w *Writer) (err error) {
		part, err = w.Split(t.Context(), "jo", "does not belong", alone.ID, []portcullis.ID{items[2].Event}, alone.Version)
		return err
	})
	settle(t, s, tester)
	if part.ID != "" || campaignOf(t, s, items[2]).ID != "" {
		t.Errorf("one event that was taken out: %+v, %+v", part, campaignOf(t, s, items[2]))
	}
}

// testConcurrent: the later of two edits is told, and nothing of it happens.
func testConcurrent(t *testing.T, s *store.Store) {
	items := []Item{mailOf(1, "a.example", 1), mailOf(2, "a.example", 2), mailOf(3, "b.example", 11), mailOf(4, "b.example", 12), mailOf(5, "c.example", 21), mailOf(6, "c.example", 22)}
	putAll(t, s, tester, items)
	a, b, c := campaignOf(t, s, items[0]), campaignOf(t, s, items[2]), campaignOf(t, s, items[4])
	results := make(chan error, 2)
	for who, other := range map[string]portcullis.ID{"ann": b.ID, "jo": c.ID} {
		go func() {
			results <- try(s, tester, func(w *Writer) error { _, err := w.Merge(t.Context(), who, "mine", a.ID, other, a.Version); return err })
		}()
	}
	first, second := <-results, <-results
	if (first == nil) == (second == nil) {
		t.Fatalf("exactly one edit must stand: %v, %v", first, second)
	}
	var changed *ChangedError
	if err := errors.Join(first, second); !errors.As(err, &changed) || changed.Saw != a.Version || changed.Is != a.Version+1 || changed.Who == "" || changed.What != "merged" {
		t.Errorf("the later one is told %v", err)
	}
	if got := campaignOf(t, s, items[0]).Events; got != 4 {
		t.Errorf("%d events, want 4", got)
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

func testRemove(t *testing.T, s *store.Store) {
	items := []Item{mailOf(1, "a.example", 1), mailOf(2, "a.example", 2), mailOf(3, "a.example", 3)}
	putAll(t, s, tester, items)
	c := campaignOf(t, s, items[0])
	write(t, s, tester, func(w *Writer) error { return w.RemovePerson(t.Context(), "person:2") })
	if got := campaignOf(t, s, items[0]); got.People != 2 || got.Events != 3 {
		t.Errorf("after erasing a person: %+v", got)
	}
	write(t, s, tester, func(w *Writer) error {
		return w.Remove(t.Context(), []portcullis.ID{items[0].Event, items[1].Event, items[2].Event, "event:none"})
	})
	for _, table := range []string{"item", "posting", "target"} {
		var n int
		must(t, s.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM campaigns_`+table).Scan(&n))
		if n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	list, err := NewReader(s.DB(), tester).Campaigns(t.Context(), Query{})
	must(t, err)
	if len(list) != 0 {
		t.Errorf("%s is left: %+v", c.ID, list)
	}
	settle(t, s, tester)
}

// testAgain: putting an item again changes findings and people, and nothing else.
func testAgain(t *testing.T, s *store.Store) {
	items := []Item{mailOf(1, "a.example", 1), mailOf(2, "a.example", 2)}
	putAll(t, s, tester, append(items, items...))
	c := campaignOf(t, s, items[0])
	if c.Events != 2 || c.Findings != 2 {
		t.Fatalf("put twice: %+v", c)
	}
	more := items[1]
	more.Findings = append(slices.Clone(more.Findings), FindingRef{ID: "finding:more", Rule: "mail/more@1", Severity: portcullis.Critical, Attention: portcullis.Targeted})
	more.People = append(slices.Clone(more.People), "person:9")
	putAll(t, s, tester, []Item{more})
	if got := campaignOf(t, s, items[0]); got.Findings != 3 || got.People != 3 || got.Severity != portcullis.Critical || got.Events != 2 || got.Version <= c.Version {
		t.Errorf("after more was found: %+v", got)
	}
	if err := try(s, tester, func(w *Writer) error { _, err := w.Put(t.Context(), Item{}); return err }); err == nil {
		t.Error("an item without event and time was taken")
	}
}

func testQuery(t *testing.T, s *store.Store) {
	items := []Item{mailOf(1, "a.example", 1), mailOf(2, "a.example", 2), mailOf(3, "b.example", 20), mailOf(4, "b.example", 21)}
	for i := range 2 {
		items[i].Findings[0].Attention = portcullis.Ordinary
	}
	putAll(t, s, tester, items)
	for _, c := range []struct {
		q    Query
		want int
	}{
		{Query{}, 1}, {Query{Ordinary: true}, 2}, {Query{Ordinary: true, Limit: 1}, 1}, {Query{Person: "person:3"}, 1}, {Query{Person: "person:1"}, 0},
		{Query{Person: "person:1", Ordinary: true}, 1}, {Query{Since: time.Date(2025, 3, 10, 0, 0, 0, 0, time.UTC), Ordinary: true}, 1},
		{Query{Until: time.Date(2025, 3, 10, 0, 0, 0, 0, time.UTC), Ordinary: true}, 1}, {Query{Event: items[3].Event}, 1}, {Query{Event: "event:none"}, 0},
	} {
		list, err := NewReader(s.DB(), tester).Campaigns(t.Context(), c.q)
		must(t, err)
		if len(list) != c.want {
			t.Errorf("%+v finds %d, want %d", c.q, len(list), c.want)
		}
	}
}
