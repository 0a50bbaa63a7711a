package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/api"
)

// asCaller signs everybody in, with the roles that the cookie "as" names.
func asCaller(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := api.Caller{Name: "Ada Okafor", Roles: []api.Role{api.Analyst, api.Approver}}
		if as, err := r.Cookie("as"); err == nil {
			c.Roles = nil
			for role := range strings.SplitSeq(as.Value, "+") {
				c.Roles = append(c.Roles, api.Role(role))
			}
			if c.Has(api.Member) {
				c.Person, c.Name = "person:0001", "Bao Marchetti"
			}
		}
		next.ServeHTTP(w, r.WithContext(api.WithCaller(r.Context(), c)))
	})
}

func newDesk(t testing.TB, f *fakeDesk) http.Handler {
	t.Helper()
	if f.feed == nil {
		f.feed = NewFeed(fakeNow)
	}
	h, err := New(Config{Desk: f, Guard: asCaller, Feed: f.feed, Title: "Parliament of Arcadia", Now: func() time.Time { return fakeNow }, SignOut: "/sign-out",
		SignIn: []Way{{"Sign in with the house's account", "/sign-in/oidc", ""}}, Token: func(*http.Request) string { return "token-1" }})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(t testing.TB, h http.Handler, path, as string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	if as != "" {
		r.AddCookie(&http.Cookie{Name: "as", Value: as})
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func post(t testing.TB, h http.Handler, path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// every page there is, with the roles it is looked at with.
var everyPage = []struct{ name, path, as string }{
	{"situation", "/", ""}, {"situation-reader", "/", "reader"}, {"campaigns", "/campaigns", ""}, {"campaign", "/campaigns/campaign:0000", ""}, {"people", "/people", ""}, {"person", "/people/person:0007", ""},
	{"person-held", "/people/person:0002", ""}, {"person-self", "/people/person:0001", "member"}, {"finding", "/findings/finding:0001", ""}, {"hunt", "/hunt", ""}, {"hunt-hits", "/hunt?q=seminar-news.example", ""},
	{"hunt-personal", "/hunt?q=press@mail.example", "analyst"}, {"hunt-wrong", "/hunt?q=a&from=yesterday", ""}, {"indicators", "/indicators", ""}, {"notices", "/notices", ""}, {"notice", "/notices/notice:0000", ""}, {"notice-refused", "/notices/notice:0001", ""},
	{"notice-delayed", "/notices/notice:0003", ""}, {"notice-sent", "/notices/notice:0014", ""}, {"knew", "/knew", ""}, {"contacts", "/contacts", "member"}, {"audit", "/audit", ""},
	{"screen", "/screening", "reader"}, {"audit-ask", "/audit?ask=finding:0001", "admin"}, {"signin", "/sign-in", ""}, {"notfound", "/nothing/here", ""}, {"forbidden", "/findings/finding:0001", "admin"},
}

// everyAnswer are pages that answer a form and have no address of their own.
var everyAnswer = []struct {
	name, path string
	form       map[string]string
}{
	{"screen-answer", "/screening", map[string]string{"name": "Радомир Кестрелов", "schema": "person", "born": "1971", "country": "Ozmark"}},
	{"screen-none", "/screening", map[string]string{"name": "Anna Keller"}},
	{"screen-hostile", "/screening", map[string]string{"name": attacks[0] + attacks[1] + attacks[3] + strings.Repeat("W", 700), "born": attacks[6], "country": attacks[1], "all": "yes"}},
	{"screen-wrong", "/screening", map[string]string{"name": "Anna Keller", "born": "the day before yesterday"}},
}

// pagesAndAnswers shows all of them.
func pagesAndAnswers(t testing.TB, h http.Handler) (all map[string]*httptest.ResponseRecorder) {
	t.Helper()
	all = map[string]*httptest.ResponseRecorder{}
	for _, p := range everyPage {
		all[p.name] = get(t, h, p.path, p.as)
	}
	for _, p := range everyAnswer {
		values := url.Values{}
		for name, value := range p.form {
			values.Set(name, value)
		}
		all[p.name] = post(t, h, p.path, values)
	}
	return all
}

func TestEveryPageAnswers(t *testing.T) {
	for _, f := range []*fakeDesk{{}, {hostile: true}, {empty: true}, {huge: true}} {
		for name, w := range pagesAndAnswers(t, newDesk(t, f)) {
			if w.Code >= 500 {
				t.Errorf("%s: %d", name, w.Code)
			}
		}
	}
}
