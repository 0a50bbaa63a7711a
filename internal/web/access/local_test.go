package access

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/api"
)

func TestLocalLinkWorksOnce(t *testing.T) {
	d, server := serve(t, func(c *Config) { c.Local = []string{"Ana", "Bea"} })
	d.PrintLinks()
	ana, bea := d.links["Ana"], d.links["Bea"]
	if ana == bea || !strings.HasPrefix(ana, server.URL+"/sign-in/local?token=") || len(ana) < len(server.URL)+60 {
		t.Fatalf("links %q and %q", ana, bea)
	}
	if resp := send(t, "HEAD", ana, nil, nil); resp.StatusCode != 204 {
		t.Errorf("looking whether it is there: %s", resp.Status)
	}
	resp := get(t, ana, nil)
	if page := body(t, resp); resp.StatusCode != 200 || strings.Contains(page, "token=") {
		t.Errorf("first: %s %s", resp.Status, page)
	}
	if who := get(t, server.URL+"/", resp.Cookies()[0]).Header.Get("X-Caller"); who != "Ana" {
		t.Errorf("is %q", who)
	}
	if resp := get(t, ana, nil); resp.StatusCode != 403 {
		t.Errorf("again: %s", resp.Status)
	}
	if d.links["Ana"] == ana || d.links["Bea"] != bea {
		t.Error("no new link for Ana, or one for Bea")
	}
	d.clock.pass(10 * time.Minute)
	if resp := get(t, bea, nil); resp.StatusCode != 403 || d.links["Bea"] == bea {
		t.Errorf("after ten minutes: %s", resp.Status)
	}
	if resp := get(t, d.links["Bea"], nil); resp.StatusCode != 200 {
		t.Errorf("the new one: %s", resp.Status)
	}
	if before := d.links["Ana"]; get(t, server.URL+localPath+"?token="+newSecret(), nil).StatusCode != 403 || d.links["Ana"] != before {
		t.Error("a made-up link is taken, or makes a new one")
	}
	if strings.Contains(d.log.String(), "token=") {
		t.Errorf("the log holds a link: %s", d.log)
	}
}

func TestLocalLinkIsLocal(t *testing.T) {
	d, server := serve(t, nil)
	for name, header := range map[string][]string{
		"through a proxy":          {"X-Forwarded-For", "127.0.0.1"},
		"through another proxy":    {"Forwarded", "for=127.0.0.1"},
		"from another site":        {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
		"ahead of time":            {"Sec-Purpose", "prefetch"},
		"under another name":       {"Host", "attacker.example"},
		"as a picture on a page":   {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "image"},
		"from a sibling's page":    {"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
		"ahead of time, on a page": {"Sec-Purpose", "prefetch;prerender", "Sec-Fetch-Site", "none"},
	} {
		d.PrintLinks()
		link := d.links[defaultLocal]
		if resp := get(t, link, nil, header...); resp.StatusCode < 400 {
			t.Errorf("%s: %s", name, resp.Status)
		}
		if resp := get(t, link, nil); resp.StatusCode != 200 {
			t.Errorf("%s used the link up: %s", name, resp.Status)
		}
		d.clock.pass(time.Minute)
	}
	for name, c := range map[string]struct{ peer, own string }{
		"both here":       {"127.0.0.1:9", "127.0.0.1:8480"},
		"another machine": {"192.0.2.1:9", "127.0.0.1:8480"},
		"another address": {"127.0.0.1:9", "192.0.2.1:8480"},
		"six":             {"[::1]:9", "[::1]:8480"},
		"unknown":         {"@", "127.0.0.1:8480"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		own, err := net.ResolveTCPAddr("tcp", c.own)
		must(t, err)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, own))
		if got := localRequest(r); got != (name == "both here" || name == "six") {
			t.Errorf("%s: %v", name, got)
		}
	}
	_ = server
}

func TestConfig(t *testing.T) {
	must(t, DefaultConfig().Validate())
	for name, change := range map[string]func(c *Config){
		"open to others without a provider": func(c *Config) { c.Listen = "0.0.0.0:8480" },
		"all addresses":                     func(c *Config) { c.Listen = ":8480" },
		"in clear text":                     func(c *Config) { c.PublicURL = "http://desk.example" },
		"no port":                           func(c *Config) { c.Listen = "127.0.0.1" },
		"a path":                            func(c *Config) { c.PublicURL = "https://desk.example/x" },
		"a password":                        func(c *Config) { c.PublicURL = "https://a:b@desk.example" },
		"both ways":                         func(c *Config) { c.Local = []string{"x"}; oidcTo(c, "https://idp.example") },
		"provider in clear text":            func(c *Config) { oidcTo(c, "http://idp.example") },
		"nobody gets in":                    func(c *Config) { oidcTo(c, "https://idp.example"); c.OIDC.Roles = nil },
		"an admin who reads": func(c *Config) {
			oidcTo(c, "https://idp.example")
			c.OIDC.Roles[0].Roles = []api.Role{"admin", "reader"}
		},
		"an unknown role":              func(c *Config) { oidcTo(c, "https://idp.example"); c.OIDC.Roles[0].Roles = []api.Role{"boss"} },
		"members nobody knows":         func(c *Config) { oidcTo(c, "https://idp.example"); c.OIDC.Roles[0].Roles = []api.Role{"member"} },
		"two names that look the same": func(c *Config) { c.Local = []string{"Ana", "ana"} },
		"a name with a line break":     func(c *Config) { c.Local = []string{"Ana\nBea"} },
		"a proxy by name":              func(c *Config) { c.TrustedProxies = []string{"proxy.example"} },
		"no idling":                    func(c *Config) { c.IdleMinutes = 0 },
		"glass for a day":              func(c *Config) { c.GlassMinutes = 1440 },
		"a token that approves":        func(c *Config) { c.Tokens = []TokenConfig{{Name: "x", File: "y", Roles: []api.Role{"approver"}}} },
		"a token without a file":       func(c *Config) { c.Tokens = []TokenConfig{{Name: "x", Roles: []api.Role{"reader"}}} },
		"a token until when": func(c *Config) {
			c.Tokens = []TokenConfig{{Name: "x", File: "y", Roles: []api.Role{"reader"}, Expires: "soon"}}
		},
		"a witness in clear text": func(c *Config) { c.Witness.URL, c.Witness.KeyFile = "http://witness.example", "k" },
		"a witness without a key": func(c *Config) { c.Witness.Dir = "d" },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%s: is taken", name)
		}
	}
}

func oidcTo(c *Config, issuer string) {
	c.OIDC.Issuer, c.OIDC.ClientID = issuer, "desk"
	c.OIDC.Roles = []RoleConfig{{Group: "g", Roles: []api.Role{api.Reader}}}
}
