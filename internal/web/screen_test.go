package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestScreening: what is asked is answered whole, and stands nowhere but in the page.
func TestScreening(t *testing.T) {
	const name = "Радомир Кестрелов"
	for _, c := range []struct {
		about  string
		f      *fakeDesk
		form   url.Values
		status int
		says   []string
		not    []string
	}{
		{"a match", &fakeDesk{}, url.Values{"name": {" " + name + " "}, "schema": {"person"}, "born": {"1971"}}, 200,
			[]string{"A designation matches", ">possible</strong>", "it needs a birth date or nationality", "transliterated from Cyrillic", "only in the entry", "asset freeze", "asked for 1971", "the entry is of 1959",
				"version 4, of <bdi>2026-05-01</bdi>", "which states no date", "Registered influence", "Political influence", "seen his passport", "<option selected>person</option>", `value="1971"`}, nil},
		{"none", &fakeDesk{}, url.Values{"name": {"Anna Keller"}}, 200, []string{"no match", "No designation matches", "No register of influence that is loaded"}, []string{"<article"}},
		{"none with a date", &fakeDesk{}, url.Values{"name": {"Anna Keller"}, "born": {"1979"}}, 200, []string{"no match", "Leave it out to see which names resemble"}, nil},
		{"no name", &fakeDesk{}, url.Values{"name": {"  "}, "country": {"Ozmark"}}, 422, []string{`href="#screen-name"`, "Type the name", `value="Ozmark"`}, []string{"answer-title"}},
		{"no date", &fakeDesk{}, url.Values{"name": {name}, "born": {"the day before"}}, 422, []string{`href="#screen-born"`, name, "Lists in force"}, []string{"answer-title"}},
		{"no list", &fakeDesk{empty: true}, url.Values{"name": {name}}, 200, []string{"No list is loaded yet", "portcullis lists add uk"}, []string{"no match", "<form class=\"pc-hunt\""}},
		{"a form without end", &fakeDesk{}, url.Values{"name": {strings.Repeat("x", maxForm+1)}}, 422, []string{"larger than"}, nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := post(t, newDesk(t, c.f), "/screening?name=Anna+Other", c.form)
			body := w.Body.String()
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			for _, says := range c.says {
				if !strings.Contains(body, says) {
					t.Errorf("the page does not say %q", says)
				}
			}
			for _, no := range append(c.not, "Anna Other") {
				if strings.Contains(body, no) {
					t.Errorf("the page says %q", no)
				}
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("the answer may be kept: %q", got)
			}
			title, _, _ := strings.Cut(body[strings.Index(body, "<title>"):], "</title>")
			if strings.Contains(title, "Кестрелов") || strings.Contains(w.Header().Get("Location"), "name=") {
				t.Errorf("the name stands in the title or an address: %q, %q", title, w.Header().Get("Location"))
			}
		})
	}
}

// TestScreeningIsAsked: an address alone screens nobody, and what the desk refuses is a page.
func TestScreeningIsAsked(t *testing.T) {
	h := newDesk(t, &fakeDesk{})
	body := get(t, h, "/screening?name=Anna+Keller", "reader").Body.String()
	if strings.Contains(body, "Anna Keller") || strings.Contains(body, "answer-title") || !strings.Contains(body, "Lists in force") {
		t.Error("an address is taken for a question")
	}
	if !strings.Contains(body, `name="csrf" value="token-1"`) {
		t.Error("the form has no token")
	}
	if body := get(t, h, "/audit", "admin").Body.String(); strings.Contains(body, `href="/screening"`) {
		t.Error("the page is offered to those who may not see it")
	}
	for err, status := range map[error]int{&ForbiddenError{Why: "This needs the role reader."}: 403, ErrUnavailable: 503, http.ErrHandlerTimeout: 500} {
		f := &fakeDesk{}
		f.fail(err)
		if w := post(t, newDesk(t, f), "/screening", url.Values{"name": {"Anna Keller"}}); w.Code != status || strings.Contains(w.Body.String(), "Keller") {
			t.Errorf("%v: status %d, want %d", err, w.Code, status)
		}
	}
}
