package response

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// site is the JSON interface with a caller that tests choose.
type site struct {
	t       *testing.T
	handler http.Handler
}

func (s site) ask(as api.Caller, method, path, body string) (int, string) {
	s.t.Helper()
	r := httptest.NewRequest(method, api.Prefix+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r.WithContext(api.WithCaller(context.Background(), as)))
	return w.Code, w.Body.String()
}

func newSite(t *testing.T) (*bench, site, Notice) {
	s := serve(t, true, nil)
	b, o, _ := ready(t, s.config(tlsStart))
	other := anna()
	other.Person, other.Name = "person:thomas", "Thomas Wright"
	n := b.draft(machineCaller, other)
	return b, site{t, api.Handler(Routes(b.s, o, NewSMTPMailer(o.cfg.SMTP), nil), nil)}, n
}

func TestRoutes(t *testing.T) {
	_, s, n := newSite(t)
	one := "/notices/" + string(n.ID)
	for _, c := range []struct {
		name         string
		by           api.Caller
		method, path string
		body         string
		status       int
		want         string
	}{
		{"list", paul, "GET", "/notices", "", 200, `"person:thomas"`},
		{"counts", paul, "GET", "/notices/counts", "", 200, `"open":2`},
		{"one", paul, "GET", one, "", 200, `"drafted"`},
		{"none", paul, "GET", "/notices/notice:00000000", "", 404, "no such notice"},
		{"page", paul, "GET", one + "/page", "", 200, "Draft. Nobody has approved"},
		{"pdf", paul, "GET", one + "/page?format=pdf", "", 200, "%PDF"},
		{"no such format", paul, "GET", one + "/page?format=doc", "", 422, "choose html, pdf or md"},
		{"administrators read nothing", admin, "GET", one, "", 404, ""},
		{"nor the list", admin, "GET", "/notices", "", 403, ""},
		{"nor the audit", admin, "GET", "/notices/audit", "", 403, ""},
		{"approve without the role", paul, "POST", one + "/approve", `{"version":1}`, 403, "approver"},
		{"approve another version", maria, "POST", one + "/approve", `{"version":7}`, 409, "look again"},
		{"approve with rubbish", maria, "POST", one + "/approve", `{"version":1,"for":"me"}`, 400, ""},
		{"send a draft", paul, "POST", one + "/send", `{"version":1}`, 409, "must be approved"},
		{"delay without an end", maria, "POST", one + "/delay", `{"version":1,"reason":"police asked","until":"2020-01-01T00:00:00Z"}`, 422, "lies ahead"},
		{"approve", maria, "POST", one + "/approve", `{"version":1}`, 200, `"Maria Bauer"`},
		{"suspect", paul, "POST", "/accounts/person:thomas/suspect", `{"why":"forwards everything"}`, 204, ""},
		{"send to a suspected account", paul, "POST", one + "/send", `{"version":3}`, 422, "telephone or in person"},
		{"clear without the role", paul, "POST", "/accounts/person:thomas/clear", `{"why":"it is fine"}`, 403, ""},
		{"told", paul, "POST", one + "/told", `{"version":3,"way":"telephone","with":"Thomas Wright"}`, 200, `"handed over"`},
		{"audit", paul, "GET", "/notices/audit?person=person:thomas", "", 200, `"handed over"`},
	} {
		status, body := s.ask(c.by, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: got %d %.300s, want %d with %q", c.name, status, body, c.status, c.want)
		}
	}
}

// TestMembersSeeTheirOwn once it was told, and nothing else.
func TestMembersSeeTheirOwn(t *testing.T) {
	b, s, n := newSite(t)
	thomas := api.Caller{Name: "Thomas Wright", Roles: []api.Role{api.Member}, Person: "person:thomas"}
	one := "/notices/" + string(n.ID)
	list := func() (out noticeList) {
		status, body := s.ask(thomas, "GET", "/notices", "")
		equal(t, "status", status, 200)
		must(t, json.NewDecoder(bytes.NewReader([]byte(body))).Decode(&out))
		return out
	}
	equal(t, "before", len(list().Notices), 0)
	status, _ := s.ask(thomas, "GET", one, "")
	equal(t, "a draft is not there", status, 404)
	n = b.approve(n)
	b.do(func(w *Writer) (Notice, error) {
		return w.Told(t.Context(), paul, n.ID, n.Version, Handing{Way: InPerson, With: "Thomas Wright"})
	})
	equal(t, "after", len(list().Notices), 1)
	status, _ = s.ask(thomas, "GET", one+"/page", "")
	equal(t, "the page", status, 200)
	status, _ = s.ask(thomas, "POST", one+"/settle", `{"version":3,"arrived":true,"how":"I have it"}`)
	equal(t, "acts", status, 403)
}

// TestScope: who is bounded to some people sees no others, not even that they exist.
func TestScope(t *testing.T) {
	_, s, n := newSite(t)
	for name, scope := range map[string]api.Scope{
		"other people": {People: []portcullis.ID{"person:anna-keller"}},
		"a house":      {Houses: []string{"Upper House"}}, // cannot be judged here: nothing is shown
	} {
		bounded := api.Caller{Name: "Bo", Roles: []api.Role{api.Analyst}, Scope: scope}
		if status, _ := s.ask(bounded, "GET", "/notices/"+string(n.ID), ""); status != 404 {
			t.Errorf("%s: status %d", name, status)
		}
		for _, path := range []string{"/notices", "/notices/audit", "/notices/counts"} {
			if _, body := s.ask(bounded, "GET", path, ""); strings.Contains(body, "thomas") || strings.Contains(body, `"open":2`) {
				t.Errorf("%s: %s tells of somebody else: %s", name, path, body)
			}
		}
		if status, _ := s.ask(bounded, "POST", "/accounts/person:thomas/suspect", `{"why":"because"}`); status != 403 {
			t.Errorf("%s: status %d", name, status)
		}
	}
}
