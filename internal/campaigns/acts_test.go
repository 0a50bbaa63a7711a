package campaigns

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/store"
)

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
