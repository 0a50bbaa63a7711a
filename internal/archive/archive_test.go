package archive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/testenv"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func sqliteConfig(t testing.TB) store.Config {
	return store.Config{Dir: t.TempDir(), Migrations: []store.Migrations{{Context: "archive", FS: archive.Migrations()}}}
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

func write(t testing.TB, s *store.Store, fn func(w *archive.Writer) error) {
	t.Helper()
	must(t, s.Tx(context.Background(), func(tx *sql.Tx) error {
		w := archive.NewWriter(tx)
		defer w.Close()
		return fn(w)
	}))
}

func event(n int) portcullis.ID { return portcullis.NewID("event", "test", fmt.Sprint(n)) }

func at(n int) time.Time { return time.Date(2024, 1, 1, 0, n, 0, 0, time.UTC) }

// pattern reads what a person types.
func pattern(t testing.TB, s string) portcullis.Observable {
	t.Helper()
	p, err := archive.ParsePattern(s)
	must(t, err)
	return p
}

func entry(t portcullis.ObservableType, value, form, part string, start, end int) archive.Entry {
	return archive.Entry{Observable: portcullis.Observable{Type: t, Value: value}, Form: form, Part: part, Start: start, End: end}
}

func hunt(t testing.TB, r *archive.Reader, patterns ...string) (list []archive.Hit) {
	t.Helper()
	var all []portcullis.Observable
	for _, p := range patterns {
		all = append(all, pattern(t, p))
	}
	must(t, r.Hunt(t.Context(), all, func(h archive.Hit) error {
		list = append(list, h)
		return nil
	}))
	return list
}

// told writes hits as lines.
func told(hits []archive.Hit) (lines []string) {
	for _, h := range hits {
		lines = append(lines, fmt.Sprintf("%s %s %s", h.Match, h.Observable, h.Form))
	}
	return lines
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
			{"hits", testHits}, {"matches", testMatches}, {"order", testOrder}, {"keyed", testKeyed},
			{"remove", testRemove}, {"values", testRemoveValues}, {"indicators", testIndicators}, {"purposes", testPurposes},
			{"odd", testOdd}, {"within", testWithinTx}, {"many", testMany},
		} {
			t.Run(form.name+"/"+c.name, func(t *testing.T) { c.run(t, open(t, form.cfg(t))) })
		}
	}
}

func testHits(t *testing.T, s *store.Store) {
	entries := []archive.Entry{
		entry(portcullis.TypeURL, "https://a.news.example/x?r=1", "link", "1.2", 10, 40),
		entry(portcullis.TypeDomain, "a.news.example", `link: param "r" base64url`, "1.2", 10, 40),
		entry(portcullis.TypeDomain, "a.news.example", "signature", "header:DKIM-Signature", 0, 90),
		entry(portcullis.TypeIP, "192.0.2.7", "received", "header:Received", 5, 4),
	}
	for range 2 { // the second time changes nothing
		write(t, s, func(w *archive.Writer) error { return w.Put(t.Context(), event(1), at(1), entries) })
	}
	r := archive.NewReader(s.DB())
	hits := hunt(t, r, "a[.]news[.]example", "192.0.2.7")
	want := []archive.Hit{
		{Pattern: pattern(t, "a.news.example"), Match: archive.MatchExact, Event: event(1), Time: at(1), Entry: entries[1]},
		{Pattern: pattern(t, "a.news.example"), Match: archive.MatchExact, Event: event(1), Time: at(1), Entry: entries[2]},
		{Pattern: pattern(t, "192.0.2.7"), Match: archive.MatchExact, Event: event(1), Time: at(1), Entry: entries[3]},
	}
	equal(t, "hits", hits, want)
	stats, err := r.Stats(t.Context())
	must(t, err)
	equal(t, "stats", stats, archive.Stats{Events: 1, Places: 3, Values: map[portcullis.ObservableType]int64{
		portcullis.TypeURL: 1, portcullis.TypeDomain: 1, portcullis.TypeIP: 1}})
}

func testMatches(t *testing.T, s *store.Store) {
	long := "http://files.example/" + strings.Repeat("d/", 600)
	stored := []archive.Entry{
		entry(portcullis.TypeDomain, "evil.example", "f", "", 0, 0),
		entry(portcullis.TypeDomain, "www.evil.example", "f", "", 0, 0),
		entry(portcullis.TypeDomain, "notevil.example", "f", "", 0, 0),
		entry(portcullis.TypeDomain, "evil.example.org", "f", "", 0, 0),
		entry(portcullis.TypeDomain, "evil-x.example", "f", "", 0, 0),
		entry(portcullis.TypeURL, "http://evil.example/login/a", "f", "", 0, 0),
		entry(portcullis.TypeURL, "https://evil.example/login/a", "f", "", 0, 0),
		entry(portcullis.TypeURL, "https://evil.example/login", "f", "", 0, 0),
		entry(portcullis.TypeURL, "ftp://evil.example/login/a", "f", "", 0, 0),
		entry(portcullis.TypeURL, long+"1", "f", "", 0, 0),
		entry(portcullis.TypeURL, long+"2", "f", "", 0, 0),
		entry(portcullis.TypeEmail, "mona@mail.example", "f", "", 0, 0),
		entry(portcullis.TypeEmail, "otto@mail.example", "f", "", 0, 0),
		entry(portcullis.TypeEmail, "otto@sub.mail.example", "f", "", 0, 0),
		entry(portcullis.TypeIP, "192.0.2.0", "f", "", 0, 0),
		entry(portcullis.TypeIP, "192.0.2.255", "f", "", 0, 0),
		entry(portcullis.TypeIP, "192.0.3.0", "f", "", 0, 0),
		entry(portcullis.TypeIP, "2001:db8::1", "f", "", 0, 0),
		entry(portcullis.TypeHash, strings.Repeat("ab", 16), "f", "", 0, 0),
		entry(portcullis.TypeHash, strings.Repeat("ab", 32), "f", "", 0, 0),
		entry(portcullis.TypeFileName, "rechnung-ä.pdf", "f", "", 0, 0),
		entry(portcullis.TypeMessageID, "Ab1@host.example", "f", "", 0, 0),
	}
	write(t, s, func(w *archive.Writer) error { return w.Put(t.Context(), event(1), at(1), stored) })
	r := archive.NewReader(s.DB())
	for _, c := range []struct {
		pattern string
		want    []string
	}{
		{"evil.example", []string{"exact domain:evil.example f", "subdomain domain:www.evil.example f"}},
		{"www.evil.example", []string{"exact domain:www.evil.example f"}},
		{"nothing.example", nil},
		{"hxxp://evil[.]example/login/a", []string{"exact url:http://evil.example/login/a f", "other scheme url:https://evil.example/login/a f"}},
		{"https://evil.example/login", []string{"exact url:https://evil.example/login f"}},
		{"https://evil.example/login/*", []string{"prefix url:http://evil.example/login/a f", "prefix url:https://evil.example/login/a f"}},
		{"https://evil.example/*", []string{"prefix url:http://evil.example/login/a f", "prefix url:https://evil.example/login/a f", "prefix url:https://evil.example/login f"}},
		{long + "2", []string{"exact url:" + long + "2 f"}},
		{long + "*", []string{"prefix url:" + long + "1 f", "prefix url:" + long + "2 f"}},
		{long + "3/*", nil},
		{"mona@mail.example", []string{"exact email:mona@mail.example f"}},
		{"@mail.example", []string{"domain email:mona@mail.example f", "domain email:otto@mail.example f"}},
		{"192.0.2.0/24", []string{"range ip:192.0.2.0 f", "range ip:192.0.2.255 f"}},
		{"192.0.2.255/32", []string{"range ip:192.0.2.255 f"}},
		{"2001:db8::/32", []string{"range ip:2001:db8::1 f"}},
		{"2001:db8::1", []string{"exact ip:2001:db8::1 f"}},
		{strings.Repeat("AB", 16), []string{"exact hash:" + strings.Repeat("ab", 16) + " f"}},
		{"filename:Rechnung-A\u0308.PDF", []string{"exact filename:rechnung-ä.pdf f"}},
		{"message-id:<Ab1@host.example>", []string{"exact message-id:Ab1@host.example f"}},
	} {
		equal(t, c.pattern, told(hunt(t, r, c.pattern)), c.want)
	}
}

func testOrder(t *testing.T, s *store.Store) {
	one := []archive.Entry{entry(portcullis.TypeDomain, "b.x.example", "f", "", 0, 0), entry(portcullis.TypeDomain, "y.example", "f", "", 0, 0)}
	write(t, s, func(w *archive.Writer) error {
		return errors.Join(w.Put(t.Context(), event(1), at(3), one), w.Put(t.Context(), event(2), at(1), one), w.Put(t.Context(), event(3), at(1), one))
	})
	early := []portcullis.ID{event(2), event(3)}
	slices.Sort(early)
	order := append(slices.Clone(early), event(1))
	var got []portcullis.ID
	var patterns []string
	for _, h := range hunt(t, archive.NewReader(s.DB()), "y.example", "x.example", "y.example") {
		got, patterns = append(got, h.Event), append(patterns, h.Pattern.Value)
	}
	equal(t, "events", got, append(slices.Clone(order), order...))
	equal(t, "patterns", patterns, []string{"y.example", "y.example", "y.example", "x.example", "x.example", "x.example"})
	stop := errors.New("enough")
	err := archive.NewReader(s.DB()).Hunt(t.Context(), []portcullis.Observable{pattern(t, "y.example")}, func(archive.Hit) error { return stop })
	equal(t, "stopped", errors.Is(err, stop), true)
}

func testKeyed(t *testing.T, s *store.Store) {
	key := archive.Key{1}
	own := func(a string) bool { return a == "member@parliament.example" }
	clear := []portcullis.Observable{
		{Type: portcullis.TypeEmail, Value: "stranger@mail.example"}, {Type: portcullis.TypeEmail, Value: "member@parliament.example"},
		{Type: portcullis.TypeURL, Value: "https://t.example/open?mail=stranger@mail.example"}, {Type: portcullis.TypeMessageID, Value: "7@stranger.example"},
		{Type: portcullis.TypeSubject, Value: "a secret plan"}, {Type: portcullis.TypeURL, Value: "mailto:stranger@mail.example?subject=a%20secret%20plan"},
	}
	var entries []archive.Entry
	for _, o := range clear {
		entries = append(entries, archive.Entry{Observable: key.Seal(o, own), Form: "header"})
	}
	write(t, s, func(w *archive.Writer) error { return w.Put(t.Context(), event(1), at(1), entries) })
	r := archive.NewReader(s.DB())
	questions := []string{"stranger@mail.example", "member@parliament.example", "subject:Re: A secret plan"}
	equal(t, "without the key", len(hunt(t, r, questions...)), 1)
	equal(t, "with it", len(hunt(t, r.WithKey(key), questions...)), 3)
	equal(t, "with another", len(hunt(t, r.WithKey(archive.Key{2}), questions...)), 1)
	equal(t, "of a domain", len(hunt(t, r, "@mail.example")), 1)
	links := 0
	must(t, r.WithKey(key).Hunt(t.Context(), []portcullis.Observable{{Type: portcullis.TypeURL, Value: "mailto:stranger@mail.example"}}, func(archive.Hit) error {
		links++
		return nil
	}))
	equal(t, "a link to write", links, 1)
	carrying := []string{"http://t.example/open?mail=stranger@mail.example", "https://t.example/open?mail=stranger@mail.example", "message-id:7@stranger.example"}
	equal(t, "carrying, without the key", len(hunt(t, r, carrying...)), 0)
	equal(t, "carrying, with it", len(hunt(t, r.WithKey(key), carrying...)), 3)
	equal(t, "by its beginning", len(hunt(t, r, "https://t.example/*")), 1)
	questions = append(questions, carrying...)
	for _, h := range hunt(t, r.WithKey(key), questions...) {
		if strings.Contains(h.Observable.Value, "stranger") || strings.Contains(h.Observable.Value, "secret") {
			t.Errorf("stored in clear: %s", h.Observable)
		}
	}
}

func testRemove(t *testing.T, s *store.Store) {
	ind := portcullis.Indicator{Pattern: pattern(t, "shared.example")}
	write(t, s, func(w *archive.Writer) error {
		for i := range 50 {
			must(t, w.Put(t.Context(), event(i), at(i), []archive.Entry{
				entry(portcullis.TypeDomain, "shared.example", "f", "", 0, 0), entry(portcullis.TypeDomain, fmt.Sprintf("d%d.example", i), "f", "", 0, 0)}))
		}
		return w.AddSightings(t.Context(), []portcullis.Sighting{{Indicator: ind.ID(), Event: event(0), Time: at(0)}})
	})
	write(t, s, func(w *archive.Writer) error {
		for i := range 49 {
			must(t, w.Remove(t.Context(), event(i)))
		}
		must(t, w.Remove(t.Context(), event(1000)))
		return w.Sweep(t.Context())
	})
	r := archive.NewReader(s.DB())
	equal(t, "left", told(hunt(t, r, "d48.example", "d49.example", "shared.example")), []string{"exact domain:d49.example f", "exact domain:shared.example f"})
	stats, err := r.Stats(t.Context())
	must(t, err)
	equal(t, "stats", stats, archive.Stats{Events: 1, Places: 2, Values: map[portcullis.ObservableType]int64{portcullis.TypeDomain: 2}})
	write(t, s, func(w *archive.Writer) error { // what was swept can come back
		return w.Put(t.Context(), event(1), at(1), []archive.Entry{entry(portcullis.TypeDomain, "d1.example", "g", "", 0, 0)})
	})
	equal(t, "again", told(hunt(t, r, "d1.example")), []string{"exact domain:d1.example g"})
}

func testRemoveValues(t *testing.T, s *store.Store) {
	mine, other := "mona@mail.example", "otto@mail.example"
	write(t, s, func(w *archive.Writer) error {
		_, err := w.AddIndicators(t.Context(), []portcullis.Indicator{{Pattern: pattern(t, mine)}, {Pattern: pattern(t, other)}}, at(0))
		must(t, err)
		for i := range 3 {
			must(t, w.Put(t.Context(), event(i), at(i), []archive.Entry{
				entry(portcullis.TypeEmail, mine, "a", "p", 1, 2), entry(portcullis.TypeEmail, other, "b", "q", 3, 4)}))
		}
		return w.RemoveValues(t.Context(), portcullis.TypeEmail, []string{mine, "nobody@mail.example"})
	})
	r := archive.NewReader(s.DB())
	equal(t, "hits", told(hunt(t, r, "@mail.example")), []string{"domain email:otto@mail.example b", "domain email:otto@mail.example b", "domain email:otto@mail.example b"})
	kept, err := r.Indicators(t.Context(), at(1))
	must(t, err)
	equal(t, "indicators", kept, []portcullis.Indicator{{Pattern: pattern(t, other)}})
}

func testIndicators(t *testing.T, s *store.Store) {
	list := []portcullis.Indicator{
		{Pattern: pattern(t, "a.example"), Source: "x", Marking: "TLP:RED", From: at(10), Until: at(20)},
		{Pattern: pattern(t, "a.example"), Source: "y"},
	}
	add := func(want int) {
		write(t, s, func(w *archive.Writer) error {
			n, err := w.AddIndicators(t.Context(), list, at(0))
			equal(t, "new", n, want)
			return err
		})
	}
	add(2)
	list[0].Marking = "TLP:GREEN"
	add(0)
	r := archive.NewReader(s.DB())
	for minute, want := range map[int]int{9: 1, 10: 2, 19: 2, 20: 1} {
		got, err := r.Indicators(t.Context(), at(minute))
		must(t, err)
		equal(t, fmt.Sprintf("valid in minute %d", minute), len(got), want)
		for _, i := range got {
			equal(t, "indicator", slices.Contains(list, i), true)
		}
	}
	seen := portcullis.Sighting{Indicator: list[0].ID(), Event: event(1), Time: at(5)}
	write(t, s, func(w *archive.Writer) error { return w.AddSightings(t.Context(), []portcullis.Sighting{seen, seen}) })
	got, err := r.Sightings(t.Context(), list[0].ID())
	must(t, err)
	equal(t, "sightings", got, []portcullis.Sighting{seen})
}

func testPurposes(t *testing.T, s *store.Store) {
	patterns := []portcullis.Observable{pattern(t, "mona@mail.example")}
	write(t, s, func(w *archive.Writer) error {
		return w.LogPurpose(t.Context(), at(1), "otto", "case 12\nof today\x00", patterns)
	})
	got, err := archive.NewReader(s.DB()).Purposes(t.Context(), time.Time{})
	must(t, err)
	equal(t, "log", got, []archive.Purpose{{At: at(1), Who: "otto", Purpose: "case 12\nof today", Patterns: patterns}})
	got, err = archive.NewReader(s.DB()).Purposes(t.Context(), at(2))
	must(t, err)
	equal(t, "later", len(got), 0)
}

// testOdd stores what canonical forms never are, and ids that are no hashes.
func testOdd(t *testing.T, s *store.Store) {
	long := strings.Repeat("\xff", 600)
	entries := []archive.Entry{
		entry(portcullis.TypeDomain, "", "", "", 0, 0), entry(portcullis.TypeDomain, "a..b", "'", "\x00", -1, -5),
		entry(portcullis.TypeIP, "fe80::1%eth0", "", "", 0, 0), entry(portcullis.TypeIP, "not one", "", "", 0, 0),
		entry(portcullis.TypeHash, "abc", "", "", 0, 0), entry(portcullis.TypeEmail, "no at", "", "", 0, 0),
		entry(portcullis.TypeEmail, "a@b@[192.0.2.1]", "", "", 0, 0), entry(portcullis.TypeMessageID, long, "", "", 0, 0),
		entry(portcullis.TypeMessageID, long+"x", "", "", 0, 0), entry(portcullis.TypeURL, "cid:x\x00y", "", "", 0, 0),
	}
	ids := []portcullis.ID{"event:x", event(1), portcullis.ID("event:" + strings.Repeat("A", 32)), "0123456789abcdef", ""}
	write(t, s, func(w *archive.Writer) error {
		for i, id := range ids {
			must(t, w.Put(t.Context(), id, at(i), entries))
		}
		return nil
	})
	for _, e := range entries {
		var got []portcullis.ID
		must(t, archive.NewReader(s.DB()).Hunt(t.Context(), []portcullis.Observable{e.Observable}, func(h archive.Hit) error {
			if h.Observable == e.Observable && h.Entry != e {
				t.Errorf("%v came back as %v", e, h.Entry)
			}
			if h.Observable == e.Observable {
				got = append(got, h.Event)
			}
			return nil
		}))
		if e.Observable.Value != "" && !strings.Contains(e.Observable.Value, "%") {
			equal(t, e.Observable.String(), got, ids)
		}
	}
	err := s.Tx(t.Context(), func(tx *sql.Tx) error {
		return archive.NewWriter(tx).Put(t.Context(), "event:y", at(1), []archive.Entry{entry("shoe size", "44", "", "", 0, 0)})
	})
	if err == nil || !strings.Contains(err.Error(), "shoe size") {
		t.Errorf("an unknown type: %v", err)
	}
}

func testWithinTx(t *testing.T, s *store.Store) {
	write(t, s, func(w *archive.Writer) error {
		must(t, w.Put(t.Context(), event(1), at(1), []archive.Entry{entry(portcullis.TypeDomain, "a.example", "f", "", 0, 0)}))
		equal(t, "before the commit", len(hunt(t, &w.Reader, "a.example")), 1)
		return nil
	})
}

// testMany crosses blocks of numbers, batches of a sweep, and transactions.
func testMany(t *testing.T, s *store.Store) {
	const events, each = 60, 50
	for e := range events {
		write(t, s, func(w *archive.Writer) error {
			var list []archive.Entry
			for i := range each {
				list = append(list, entry(portcullis.TypeDomain, fmt.Sprintf("n%d.d%d.example", e, i), fmt.Sprint("form ", i%7), "1", i, i+1))
			}
			return w.Put(t.Context(), event(e), at(e), list)
		})
	}
	r := archive.NewReader(s.DB())
	equal(t, "all", len(hunt(t, r, "domain:d7.example")), events)
	for e := range events {
		got := hunt(t, r, fmt.Sprintf("n%d.d%d.example", e, e%each))
		if len(got) != 1 || got[0].Event != event(e) || got[0].Start != e%each {
			t.Fatalf("event %d: %v", e, got)
		}
	}
	write(t, s, func(w *archive.Writer) error {
		for e := range events - 1 {
			must(t, w.Remove(t.Context(), event(e)))
		}
		return w.Sweep(t.Context())
	})
	stats, err := r.Stats(t.Context())
	must(t, err)
	equal(t, "values left", stats.Values[portcullis.TypeDomain], int64(each))
}
