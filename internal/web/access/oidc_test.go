package access

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/api"
)

// idp is an OpenID Connect provider that signs whatever a test wants.
type idp struct {
	*httptest.Server
	t      testing.TB
	clock  *clock
	key    *rsa.PrivateKey
	signer *rsa.PrivateKey // another than key forges

	mu     sync.Mutex
	claims map[string]any              // of the next sign-in
	change func(claims map[string]any) // what is wrong with it
	codes  map[string]url.Values       // code → what the desk asked for
	alg    string
	noIss  bool
}

func newIDP(t testing.TB) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	p := &idp{t: t, key: key, signer: key, codes: map[string]url.Values{}, alg: "RS256",
		claims: map[string]any{"email": "ida@parliament.example", "email_verified": true, "sub": "u-1", "groups": []string{"analysts"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		api.WriteJSON(w, 200, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token",
			"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		api.WriteJSON(w, 200, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "kid": "k1", "alg": "RS256", "use": "sig",
			"n": base64.RawURLEncoding.EncodeToString(p.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(p.key.E)).Bytes())}}})
	})
	mux.HandleFunc("GET /auth", p.auth)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// auth signs anybody in and sends them back with a code.
func (p *idp) auth(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	code := newSecret()
	p.mu.Lock()
	p.codes[code] = q
	noIss := p.noIss
	p.mu.Unlock()
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	if !noIss {
		back.Set("iss", p.URL)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

// token gives an ID token for a code, once, to whoever has the verifier.
func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	if !ok || asked.Get("code_challenge") != challenge || asked.Get("code_challenge_method") != "S256" || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	now := p.clock.Now()
	claims := map[string]any{"iss": p.URL, "aud": asked.Get("client_id"), "nonce": asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	for k, v := range p.claims {
		claims[k] = v
	}
	if p.change != nil {
		p.change(claims)
	}
	api.WriteJSON(w, 200, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": p.sign(claims)})
}

func (p *idp) sign(claims map[string]any) string {
	head, _ := json.Marshal(map[string]string{"alg": p.alg, "kid": "k1", "typ": "JWT"})
	payload, err := json.Marshal(claims)
	must(p.t, err)
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(payload)
	if p.alg == "none" {
		return text + "."
	}
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.signer, crypto.SHA256, sum[:])
	must(p.t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// withIDP is a desk that trusts a provider.
func withIDP(t testing.TB, change func(c *Config)) (*desk, *httptest.Server, *idp) {
	t.Helper()
	p := newIDP(t)
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("s3cret\n"), 0o600))
	d, server := serve(t, func(c *Config) {
		c.OIDC.Issuer, c.OIDC.ClientID, c.OIDC.ClientSecretFile, c.OIDC.PersonClaim = p.URL, "desk", secret, "email"
		c.OIDC.Roles = []RoleConfig{
			{Group: "analysts", Roles: []api.Role{api.Analyst}},
			{Group: "upper", Roles: []api.Role{api.Reader}, Scope: api.Scope{Houses: []string{"Upper House"}}},
			{Group: "members", Roles: []api.Role{api.Member}},
			{Group: "admins", Roles: []api.Role{api.Admin}},
		}
		if change != nil {
			change(c)
		}
	})
	p.clock = d.clock
	return d, server, p
}

// journey signs in as far as the provider's answer: the address to which it sends the
// browser, and the cookie that the browser then has.
func journey(t testing.TB, server *httptest.Server, to string) (callback string, flow *http.Cookie) {
	t.Helper()
	begun := get(t, server.URL+oidcPath+"?to="+url.QueryEscape(to), nil)
	if begun.StatusCode != http.StatusSeeOther {
		t.Fatalf("beginning: %s %s", begun.Status, body(t, begun))
	}
	flow = begun.Cookies()[0]
	back := get(t, begun.Header.Get("Location"), nil)
	return back.Header.Get("Location"), flow
}

func TestOIDC(t *testing.T) {
	d, server, _ := withIDP(t, nil)
	callback, flow := journey(t, server, "/campaigns?x=1")
	if flow.SameSite != http.SameSiteLaxMode || !flow.HttpOnly {
		t.Errorf("flow cookie %+v", flow)
	}
	done := get(t, callback, flow, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	page := body(t, done)
	if done.StatusCode != 200 || !strings.Contains(page, `url=/campaigns?x=1`) {
		t.Fatalf("got %s\n%s\n%s", done.Status, page, d.log)
	}
	var session *http.Cookie
	for _, c := range done.Cookies() {
		if c.Name == plainCookie {
			session = c
		}
	}
	if resp := get(t, server.URL+"/", session); resp.StatusCode != 200 || resp.Header.Get("X-Caller") != "ida@parliament.example" {
		t.Errorf("then: %s as %q", resp.Status, resp.Header.Get("X-Caller"))
	}
	if again := get(t, callback, flow); again.StatusCode != 403 {
		t.Errorf("the same answer again: %s", again.Status)
	}
	lines := d.lines(t)
	if len(lines) != 1 || lines[0].Kind != "sign-in" || !strings.Contains(string(lines[0].Detail), "analyst") {
		t.Errorf("audit: %+v", lines)
	}
}

// TestOIDCRefuses changes one thing each about a sign-in that would be good.
func TestOIDCRefuses(t *testing.T) {
	d, server, p := withIDP(t, func(c *Config) { c.OIDC.ACR = []string{"mfa"}; c.OIDC.MaxAgeMinutes = 60 })
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	good := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.signer, p.alg, p.noIss = p.key, "RS256", false
		p.claims["acr"], p.claims["auth_time"] = "mfa", d.clock.Now().Unix()
		p.change = nil
	}
	claim := func(name string, value any) func() {
		return func() { p.change = func(c map[string]any) { c[name] = value } }
	}
	at := func(name string, d time.Duration) func() {
		return func() { p.change = func(c map[string]any) { c[name] = p.clock.Now().Add(d).Unix() } }
	}
	without := func(name string) func() {
		return func() { p.change = func(c map[string]any) { delete(c, name) } }
	}
	for _, c := range []struct {
		name   string
		set    func()
		answer func(u *url.URL, flow *http.Cookie)
		ok     bool
		why    string // in the log
	}{
		{name: "good", ok: true},
		{name: "good, without iss in the answer", set: func() { p.noIss = true }, ok: true},
		{name: "wrong nonce", why: "nonce", set: claim("nonce", "another")},
		{name: "no nonce", why: "nonce", set: without("nonce")},
		{name: "wrong audience", why: "expected audience", set: claim("aud", "another")},
		{name: "several audiences, none authorised", why: "another client", set: claim("aud", []string{"desk", "another"})},
		{name: "authorised party is another", why: "another client", set: claim("azp", "another")},
		{name: "wrong issuer", why: "different provider", set: claim("iss", "https://idp.example")},
		{name: "expired", why: "expired", set: at("exp", -time.Minute)},
		{name: "no expiry", why: "expired", set: without("exp")},
		{name: "from the future", why: "future", set: at("iat", time.Hour)},
		{name: "not yet valid", why: "nbf", set: at("nbf", time.Hour)},
		{name: "another's access token", why: "access token", set: claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
		{name: "no subject", why: "no subject", set: without("sub")},
		{name: "signed by a stranger", why: "signature", set: func() { p.signer = stranger }},
		{name: "not signed", why: "malformed jwt", set: func() { p.alg = "none" }},
		{name: "said to be HMAC", why: "malformed jwt", set: func() { p.alg = "HS256" }},
		{name: "one factor", why: "strongly", set: claim("acr", "password")},
		{name: "password long ago", why: "too long ago", set: at("auth_time", -3*time.Hour)},
		{name: "password nobody knows when", why: "too long ago", set: without("auth_time")},
		{name: "no role", why: "none of your groups", set: claim("groups", []string{"cleaners"})},
		{name: "groups of no sort", why: "none of your groups", set: claim("groups", map[string]any{"analysts": true})},
		{name: "no name", why: "who you are", set: claim("email", "")},
		{name: "address not verified", why: "verified", set: claim("email_verified", false)},
		{name: "wrong state", why: "does not belong", answer: func(u *url.URL, _ *http.Cookie) { setQuery(u, "state", newSecret()) }},
		{name: "state twice", why: "does not belong", answer: func(u *url.URL, _ *http.Cookie) { u.RawQuery += "&state=x" }},
		{name: "another provider's answer", why: "another provider", answer: func(u *url.URL, _ *http.Cookie) { setQuery(u, "iss", "https://idp.example") }},
		{name: "wrong code", why: "invalid_grant", answer: func(u *url.URL, _ *http.Cookie) { setQuery(u, "code", newSecret()) }},
		{name: "refused there", why: "access_denied", answer: func(u *url.URL, _ *http.Cookie) { setQuery(u, "error", "access_denied") }},
		{name: "another browser (login CSRF)", why: "no sign-in was begun", answer: func(_ *url.URL, flow *http.Cookie) { flow.Value = newSecret() }},
		{name: "too slow", why: "took too long", answer: func(*url.URL, *http.Cookie) { d.clock.pass(11 * time.Minute) }},
	} {
		good()
		if c.set != nil {
			c.set()
		}
		callback, flow := journey(t, server, "/")
		u, err := url.Parse(callback)
		must(t, err)
		if c.answer != nil {
			c.answer(u, flow)
		}
		resp := get(t, u.String(), flow)
		if (resp.StatusCode == 200) != c.ok {
			t.Errorf("%s: got %s\n%s", c.name, resp.Status, d.log)
		}
		if !strings.Contains(d.log.String(), c.why) {
			t.Errorf("%s: refused for another reason: %s", c.name, d.log)
		}
		for _, cookie := range resp.Cookies() {
			if cookie.Name == plainCookie && !c.ok {
				t.Errorf("%s: a session is given", c.name)
			}
		}
		d.clock.pass(3 * time.Minute) // attempts are limited
		d.log.Reset()
	}
}

func setQuery(u *url.URL, name, value string) {
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
}

// TestOIDCNames wants two people never to have one name, nor one person two.
func TestOIDCNames(t *testing.T) {
	d, server, p := withIDP(t, nil)
	in := func(sub, email string) (int, string) {
		p.mu.Lock()
		p.claims["sub"], p.claims["email"] = sub, email
		p.mu.Unlock()
		callback, flow := journey(t, server, "/")
		resp := get(t, callback, flow)
		d.clock.pass(time.Minute)
		if resp.StatusCode != 200 {
			return resp.StatusCode, ""
		}
		return 200, d.lines(t)[0].Who
	}
	if status, who := in("u-1", "ida@parliament.example"); status != 200 || who != "ida@parliament.example" {
		t.Errorf("first: %d %q", status, who)
	}
	if status, _ := in("u-2", "IDA@parliament.example"); status != 403 {
		t.Errorf("another account under the same name: %d", status)
	}
	if status, who := in("u-1", "second.self@parliament.example"); status != 200 || who != "ida@parliament.example" {
		t.Errorf("the same account under another name: %d %q", status, who)
	}
	if status, _ := in("u-3", "token nightly"); status != 403 {
		t.Errorf("a person under a program's name: %d", status)
	}
}

func TestOIDCAway(t *testing.T) {
	d, server, p := withIDP(t, nil)
	p.Close()
	if resp := get(t, server.URL+oidcPath, nil); resp.StatusCode != http.StatusBadGateway || strings.Contains(body(t, resp), "dial") {
		t.Errorf("got %s", resp.Status)
	}
	if !strings.Contains(d.log.String(), "ask the provider") {
		t.Errorf("the log says %s", d.log)
	}
	if resp := get(t, server.URL+localPath+"?token=x", nil); resp.StatusCode != 404 {
		t.Errorf("a local link beside a provider: %s", resp.Status)
	}
}

func TestOIDCMaps(t *testing.T) {
	d, _, _ := withIDP(t, func(c *Config) { c.OIDC.GroupClaim = "realm.groups" })
	for _, c := range []struct {
		name   string
		groups any
		email  string
		more   map[string]any
		roles  string
		houses string
		person string
	}{
		{name: "one", groups: "analysts", email: "x@example.org", roles: "analyst"},
		{name: "bounded", groups: []any{"upper", 3}, email: "x@example.org", roles: "reader", houses: "Upper House"},
		{name: "bounded reader and analyst: only what both include", groups: []any{"upper", "analysts"}, email: "x@example.org", roles: "analyst reader", houses: "Upper House"},
		{name: "member", groups: []any{"members"}, email: "ada.ngata@parliament.example", roles: "member", person: "person:ada"},
		{name: "member and bounded reader", groups: []any{"members", "upper"}, email: "ada.ngata@parliament.example", roles: "member reader", houses: "Upper House", person: "person:ada"},
		{name: "a member who is not protected", groups: []any{"members"}, email: "x@example.org"},
		{name: "a member with an address nobody verified", groups: []any{"members"}, email: "ada.ngata@parliament.example", more: map[string]any{"email_verified": nil}},
		{name: "nothing", groups: nil, email: "x@example.org"},
	} {
		all := map[string]any{"email": c.email, "email_verified": "true", "realm": map[string]any{"groups": c.groups}}
		for k, v := range c.more {
			all[k] = v
		}
		caller, account, err := d.callerOf(claims{"https://idp.example", "u", all})
		var roles []string
		for _, r := range caller.Roles {
			roles = append(roles, string(r))
		}
		if got := strings.Join(roles, " "); got != c.roles && err == nil || (err == nil) != (c.roles != "") {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
		if err == nil && (strings.Join(caller.Scope.Houses, " ") != c.houses || string(caller.Person) != c.person || account != "https://idp.example\x1fu") {
			t.Errorf("%s: got %+v", c.name, caller)
		}
	}
}

func TestMerge(t *testing.T) {
	reader, analyst := []api.Role{api.Reader}, []api.Role{api.Analyst}
	house := func(h ...string) api.Scope { return api.Scope{Houses: h} }
	for _, c := range []struct {
		name  string
		given []RoleConfig
		want  string // houses and parties, "none" where refused
	}{
		{"nobody", nil, "none"},
		{"same role, two houses", []RoleConfig{{"a", reader, house("A")}, {"b", reader, house("B")}}, "A B|"},
		{"same role, one without bounds", []RoleConfig{{"a", reader, house("A")}, {"b", reader, api.Scope{}}}, "|"},
		{"another role without bounds", []RoleConfig{{"a", analyst, house("A")}, {"b", reader, api.Scope{}}}, "A|"},
		{"another role, another house", []RoleConfig{{"a", analyst, house("A")}, {"b", reader, house("B")}}, "none"},
		{"same role, two kinds", []RoleConfig{{"a", reader, house("A")}, {"b", reader, api.Scope{Parties: []string{"P"}}}}, "A|P"},
		{"three", []RoleConfig{{"a", analyst, house("A", "B")}, {"b", reader, house("B", "C")}, {"c", reader, house("C")}}, "none"},
		{"three, order", []RoleConfig{{"b", reader, house("B")}, {"a", analyst, house("A", "B")}, {"c", reader, api.Scope{}}}, "B|"},
		{"admin bounds nothing", []RoleConfig{{"a", []api.Role{api.Admin}, api.Scope{}}, {"b", reader, house("B")}}, "B|"},
	} {
		_, scope, ok := merge(c.given)
		got := strings.Join(scope.Houses, " ") + "|" + strings.Join(scope.Parties, " ")
		if !ok {
			got = "none"
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzClaims(f *testing.F) {
	d := newDesk(f, func(c *Config) {
		c.OIDC.Issuer, c.OIDC.ClientID, c.OIDC.PersonClaim = "https://idp.example", "desk", "email"
		c.OIDC.Roles = []RoleConfig{{Group: "g", Roles: []api.Role{api.Reader}, Scope: api.Scope{Houses: []string{"A"}}}}
	}, sqliteConfig)
	f.Add([]byte(`{"email":"a@example.org","email_verified":true,"groups":["g"]}`))
	f.Add([]byte(`{"email":{"a":[]},"groups":{"g":1}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c claims
		if json.Unmarshal(raw, &c.all) != nil {
			return
		}
		caller, _, err := d.callerOf(c)
		if err == nil && (len(caller.Roles) != 1 || caller.Roles[0] != api.Reader || len(caller.Scope.Houses) != 1 || caller.Name != cleanName(caller.Name) || caller.Name == "") {
			t.Errorf("%s makes %+v", raw, caller)
		}
	})
}
