package access

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/api"
)

func TestFormTokenIsMasked(t *testing.T) {
	d, server := serve(t, nil)
	cookie := signedIn(t, d, server)
	a, b := body(t, get(t, server.URL+"/", cookie)), body(t, get(t, server.URL+"/", cookie))
	raw, _ := base64.RawURLEncoding.DecodeString(a)
	if a == b || len(raw) != 64 || bytes.Contains(raw, formSecret(cookie.Value)) {
		t.Error("the token shows the secret, or is the same twice")
	}
}

func TestSessionEnds(t *testing.T) {
	d, server := serve(t, nil)
	status := func(c *http.Cookie) int { return get(t, server.URL+"/", c).StatusCode }

	cookie := signedIn(t, d, server)
	for range 5 { // in use: idleness does not end it
		d.clock.pass(20 * time.Minute)
		if got := status(cookie); got != 200 {
			t.Fatalf("in use: %d", got)
		}
	}
	d.clock.pass(31 * time.Minute)
	if got := status(cookie); got != 303 {
		t.Errorf("idle for 31 minutes: %d", got)
	}
	cookie = signedIn(t, d, server)
	for range 12*60/25 + 1 {
		d.clock.pass(25 * time.Minute)
		if status(cookie) != 200 {
			break
		}
	}
	if got := status(cookie); got != 303 {
		t.Errorf("in use for more than 12 hours: %d", got)
	}
	one, two := signedIn(t, d, server), signedIn(t, d, server)
	if one.Value == two.Value {
		t.Error("two sessions, one id")
	}
	token := body(t, get(t, server.URL+"/", one))
	resp := post(t, server.URL+SignOutPath, one, token)
	if resp.StatusCode != 303 || status(one) != 303 || status(two) != 200 {
		t.Errorf("signing out: %s, then %d and %d", resp.Status, status(one), status(two))
	}
	three := signedIn(t, d, server)
	if resp := post(t, server.URL+SignOutAllPath, three, body(t, get(t, server.URL+"/", three))); resp.StatusCode != 303 || status(two) != 303 || status(three) != 303 {
		t.Errorf("signing out everywhere: %s, then %d and %d", resp.Status, status(two), status(three))
	}
	if resp := post(t, server.URL+SignOutPath, nil, ""); resp.StatusCode != 401 {
		t.Errorf("signing out without a session: %s", resp.Status)
	}
}

// TestSessionFixation brings an id along to signing in; it must not become the session's.
func TestSessionFixation(t *testing.T) {
	d, server := serve(t, nil)
	d.PrintLinks()
	planted := &http.Cookie{Name: plainCookie, Value: newSecret()}
	resp := get(t, d.links[defaultLocal], planted)
	if resp.StatusCode != 200 || resp.Cookies()[0].Value == planted.Value || get(t, server.URL+"/", planted).StatusCode != 303 {
		t.Error("the planted id is in force")
	}
	first := resp.Cookies()[0]
	d.PrintLinks()
	second := get(t, d.links[defaultLocal], first).Cookies()[0]
	if second.Value == first.Value || get(t, server.URL+"/", first).StatusCode != 303 || get(t, server.URL+"/", second).StatusCode != 200 {
		t.Error("signing in again leaves the old session")
	}
}

func TestSessionsAreStoredHashed(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		var s session
		must(t, d.store.Tx(t.Context(), func(tx *sql.Tx) (err error) {
			for range maxSessions + 5 {
				d.clock.pass(time.Second)
				if s, err = d.begin(t.Context(), tx, api.Caller{Name: "Ada", Roles: []api.Role{api.Reader}}, ""); err != nil {
					return err
				}
			}
			return nil
		}))
		var n int
		must(t, d.store.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM access_session WHERE hash<>$1`, s.id).Scan(&n))
		if n != maxSessions {
			t.Errorf("%d sessions are kept, or the id itself is stored", n)
		}
		found, ok, err := d.find(t.Context(), s.id)
		if err != nil || !ok || found.caller.Name != "Ada" || !found.caller.Has(api.Reader) {
			t.Errorf("got %+v, %v, %v", found, ok, err)
		}
		d.mapping = "another configuration"
		if _, ok, _ := d.find(t.Context(), s.id); ok {
			t.Error("a session outlives the configuration that gave its roles")
		}
	})
}

func TestSecureCookie(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.PublicURL = "https://desk.example" }, sqliteConfig)
	w := httptest.NewRecorder()
	d.setCookie(w, session{id: "x"})
	got := w.Result().Cookies()[0]
	if got.Name != "__Host-portcullis" || !got.Secure || got.Domain != "" || got.Path != "/" {
		t.Errorf("got %+v", got)
	}
	r := httptest.NewRequest("GET", "/sign-in", nil)
	r.Host = "desk.example"
	d.handler().ServeHTTP(w, r)
	if w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS")
	}
}

func FuzzFormToken(f *testing.F) {
	f.Add("x", "AAAA")
	f.Fuzz(func(t *testing.T, id, token string) {
		if checkFormToken(session{id: id}, token) && len(token) != 86 {
			t.Errorf("%q is taken", token)
		}
	})
}
