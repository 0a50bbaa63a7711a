package campaigns

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/api"
)

// TestRoutes: the JSON interface answers, and says what is wrong so that a caller can act on it.
func TestRoutes(t *testing.T) {
	s := open(t, sqliteConfig(t))
	items := []Item{mailOf(1, "a.example", 1), mailOf(2, "a.example", 2), mailOf(3, "b.example", 11), mailOf(4, "b.example", 12),
		mailOf(5, "c.example", 21), mailOf(6, "c.example", 22), mailOf(7, "c.example", 23)}
	putAll(t, s, tester, items)
	a, b := campaignOf(t, s, items[0]), campaignOf(t, s, items[2])
	three := campaignOf(t, s, items[4])
	h := api.Handler(Routes(s.DB(), s.Tx, tester), func(api.Caller, api.Route) bool { return true })
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/campaigns", "", 200, `"events":2`},
		{"GET", "/campaigns?since=tomorrow", "", 400, "2026-11-01"},
		{"GET", "/campaigns?limit=0", "", 400, "from 1 to 500"},
		{"GET", "/campaigns?person=person:1&limit=5", "", 200, string(a.ID)},
		{"GET", "/campaigns/" + string(a.ID), "", 200, "same tracker host a.example"},
		{"GET", "/campaigns/" + string(a.ID) + "/reach", "", 200, `"events":`},
		{"GET", "/campaigns/campaign:none", "", 404, "no such campaign"},
		{"GET", fmt.Sprintf("/campaigns/explain?a=%s&b=%s", items[0].Event, items[1].Event), "", 200, `"linked":true`},
		{"GET", fmt.Sprintf("/campaigns/explain?a=%s&b=%s", items[0].Event, items[0].Event), "", 422, "against itself"},
		{"GET", fmt.Sprintf("/campaigns/explain?a=%s", items[0].Event), "", 422, "name both"},
		{"POST", "/campaigns/" + string(a.ID) + "/merge", fmt.Sprintf(`{"with":%q,"why":"x","version":%d}`, a.ID, a.Version), 422, "with itself"},
		{"POST", "/campaigns/" + string(a.ID) + "/merge", fmt.Sprintf(`{"with":%q,"why":"","version":%d}`, b.ID, a.Version), 422, "a reason"},
		{"POST", "/campaigns/" + string(a.ID) + "/merge", fmt.Sprintf(`{"with":%q,"why":"x","version":%d}`, b.ID, a.Version), 200, `"events":4`},
		{"POST", "/campaigns/" + string(a.ID) + "/merge", fmt.Sprintf(`{"with":%q,"why":"x","version":%d}`, b.ID, a.Version), 409, "by ann"},
		{"POST", "/campaigns/decisions/1/undo", `{"why":"no"}`, 200, ""},
		{"POST", "/campaigns/decisions/9/undo", `{"why":"no"}`, 422, "no decision 9"},
		{"POST", "/campaigns/decisions/x/undo", `{"why":"no"}`, 400, "number"},
		{"POST", "/campaigns/" + string(a.ID) + "/split", `{"events":["event:none"],"why":"x","version":3}`, 422, "is not in"},
		{"POST", "/campaigns/" + string(a.ID) + "/split", `{"event":[]}`, 400, ""},
		// One that leaves alone makes no campaign: what is answered is the one that stays.
		{"POST", "/campaigns/" + string(three.ID) + "/split", fmt.Sprintf(`{"events":[%q],"why":"x","version":%d}`, items[6].Event, three.Version), 200, fmt.Sprintf(`{"id":%q`, three.ID)},
	} {
		r := httptest.NewRequest(c.method, api.Prefix+c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		r = r.WithContext(api.WithCaller(r.Context(), api.Caller{Name: "ann", Roles: []api.Role{api.Analyst, api.Reader}}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s %s: %d %s, want %d and %q", c.method, c.path, c.body, w.Code, w.Body, c.status, c.want)
		}
	}
	if w := httptest.NewRecorder(); true {
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, api.Prefix+"/campaigns", nil))
		if w.Code != http.StatusUnauthorized {
			t.Errorf("nobody signed in: %d", w.Code)
		}
	}
}
