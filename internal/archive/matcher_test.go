package archive_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/store"
)

// TestMatcherAgreesWithHunt puts every pattern to both, on the same entries.
func TestMatcherAgreesWithHunt(t *testing.T) {
	patterns := []string{"evil.example", "www.evil.example", "github.io", "http://evil.example/a", "https://evil.example/a/*", "http://evil.example/*", "mona@mail.example",
		"@mail.example", "192.0.2.1", "192.0.2.0/24", "192.0.2.0/30", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1/128", strings.Repeat("ab", 20), "subject:Re: Hello", "filename:A.PDF", "message-id:<x@y>"}
	values := []string{"evil.example", "a.www.evil.example", "notevil.example", "x.github.io", "http://evil.example/a", "https://evil.example/a", "https://evil.example/a/",
		"http://evil.example/a/b?c=/d", "http://evil.example/", "mona@mail.example", "otto@mail.example", "mona@x.mail.example", "192.0.2.1", "192.0.2.9", "198.51.100.1",
		"2001:db8::1", "2001:db9::1", strings.Repeat("ab", 20), strings.Repeat("ab", 16), "subject:hello", "filename:a.pdf", "message-id:x@y", "message-id:X@y"}
	var list []portcullis.Indicator
	for _, p := range patterns {
		list = append(list, portcullis.Indicator{Pattern: pattern(t, p), Source: "a"}, portcullis.Indicator{Pattern: pattern(t, p), Source: "b"})
	}
	var entries []archive.Entry
	for _, v := range values {
		o, err := observable.Guess(v)
		must(t, err)
		entries = append(entries, archive.Entry{Observable: o})
	}
	s := open(t, sqliteConfig(t))
	write(t, s, func(w *archive.Writer) error { return w.Put(t.Context(), event(1), at(1), entries) })
	var want, got []string
	for _, h := range hunt(t, archive.NewReader(s.DB()), patterns...) {
		for _, source := range []string{"a", "b"} {
			want = append(want, fmt.Sprint(h.Pattern, " ", source, " in ", h.Observable))
		}
	}
	m := archive.NewMatcher(list)
	for _, e := range entries {
		m.Match(e, func(i portcullis.Indicator) {
			got = append(got, fmt.Sprint(i.Pattern, " ", i.Source, " in ", e.Observable))
		})
	}
	slices.Sort(want)
	slices.Sort(got)
	equal(t, "matches", got, want)
	if len(want) < 2*len(patterns) {
		t.Errorf("only %d matches", len(want))
	}
}

// seeds are the values that a form hides.
var seeds = []string{"http://news-tracker.example/story?id=7", "https://xn--nachrichtenbro-nsb.example/", "http://192.0.2.77/pixel.gif"}

// wrap are ways in which a URL hides in another.
var wrap = []func(string) string{
	func(u string) string { return u },
	func(u string) string { return "https://go.example/?u=" + escape(u) },
	func(u string) string { return "https://go.example/?u=" + escape(escape(u)) },
	func(u string) string { return "https://go.example/?d=" + base64of(u, false) },
	func(u string) string { return "https://go.example/c/" + base64of(u, true) + "/x" },
	func(u string) string { return "https://go.example/?j=" + escape(`{"to":"`+u+`"}`) },
	func(u string) string { return "https://go.example/#" + escape(u) },
	func(u string) string {
		return "https://eur01.safelinks.protection.outlook.com/?url=" + escape(u) + "&data=05&reserved=0"
	},
	func(u string) string { return "https://a.example/?r=" + escape("https://b.example/?r="+escape(u)) },
}

func escape(s string) string { return url.QueryEscape(s) }

func base64of(s string, forURL bool) string {
	if forURL {
		return base64.RawURLEncoding.EncodeToString([]byte(s))
	}
	return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s)))
}

// TestSeededForms hides each seed in each way, and demands that all are found again.
func TestSeededForms(t *testing.T) {
	s := open(t, sqliteConfig(t))
	planted := map[string][]portcullis.ID{}
	n := 0
	write(t, s, func(w *archive.Writer) error {
		for _, seed := range seeds {
			for i, hide := range wrap {
				n++
				var entries []archive.Entry
				observable.Forms(hide(seed), func(f observable.Form) {
					entries = append(entries, archive.Entry{Observable: f.Observable, Form: f.How, Part: "1", Start: i, End: i + 1})
				})
				must(t, w.Put(t.Context(), event(n), at(n), entries))
				planted[seed] = append(planted[seed], event(n))
			}
		}
		return nil
	})
	r := archive.NewReader(s.DB())
	for _, seed := range seeds {
		_, host, err := observable.URL(seed)
		must(t, err)
		for _, question := range []string{seed, host, observable.Unicode(host), strings.NewReplacer("http", "hxxp", ".", "[.]").Replace(seed)} {
			var got []portcullis.ID
			for _, h := range hunt(t, r, question) {
				got = append(got, h.Event)
			}
			equal(t, question, slices.Compact(got), planted[seed])
		}
	}
}

// TestBackup takes the archive from one database to the other and goes on there.
func TestBackup(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to func(testing.TB) store.Config
	}{{"sqlite to postgres", sqliteConfig, postgresConfig}, {"postgres to sqlite", postgresConfig, sqliteConfig}, {"sqlite to sqlite", sqliteConfig, sqliteConfig}} {
		t.Run(c.name, func(t *testing.T) {
			put := func(s *store.Store, n int) {
				write(t, s, func(w *archive.Writer) error {
					return w.Put(t.Context(), event(n), at(n), []archive.Entry{
						entry(portcullis.TypeDomain, fmt.Sprintf("d%d.example", n), fmt.Sprint("form ", n), "1", 0, 0), entry(portcullis.TypeDomain, "shared.test", "f", "1", 0, 0)})
				})
			}
			s := open(t, c.from(t))
			put(s, 1)
			put(s, 2)
			file := t.TempDir() + "/backup"
			must(t, s.Backup(t.Context(), file))
			cfg := c.to(t)
			must(t, store.Restore(t.Context(), file, cfg))
			s = open(t, cfg)
			put(s, 2)
			put(s, 3)
			put(s, 4)
			equal(t, "hits", told(hunt(t, archive.NewReader(s.DB()), "domain:d1.example", "domain:d2.example", "domain:d3.example", "domain:d4.example")),
				[]string{"exact domain:d1.example form 1", "exact domain:d2.example form 2", "exact domain:d3.example form 3", "exact domain:d4.example form 4"})
			equal(t, "shared", len(hunt(t, archive.NewReader(s.DB()), "shared.test")), 4)
		})
	}
}
