package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/rest/resttest"
)

// server gives tokens, or what answer says.
type server struct {
	*resttest.Server
	mu     sync.Mutex
	forms  []url.Values // guarded by mu
	answer func(w http.ResponseWriter, form url.Values, n int) bool
}

func newServer(t *testing.T) *server {
	s := &server{}
	s.Server = resttest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.URL.RawQuery != "" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		s.forms = append(s.forms, r.PostForm)
		if s.answer != nil && s.answer(w, r.PostForm, len(s.forms)) {
			return
		}
		fmt.Fprintf(w, `{"token_type":"bearer","expires_in":"3600","access_token":"token-%d"}`, len(s.forms))
	}))
	return s
}

func (s *server) microsoft(t *testing.T) Config {
	return Config{
		Provider: Microsoft, Authority: s.URL, Tenant: "house.example", ClientID: "the-app", ClientSecretFile: resttest.File(t, "first-secret\n"),
		CAFile: s.CAFile, Scopes: []string{"https://graph.example/.default"},
	}
}

func open(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestSecret(t *testing.T) {
	s := newServer(t)
	cfg := s.microsoft(t)
	c := open(t, cfg)
	for range 3 {
		if token, err := c.For("a@house.example").Token(t.Context(), false); err != nil || token != "token-1" {
			t.Fatalf("%q, %v", token, err)
		}
	}
	if err := os.WriteFile(cfg.ClientSecretFile, []byte("second-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if token, err := c.For("b@house.example").Token(t.Context(), true); err != nil || token != "token-2" {
		t.Fatalf("%q, %v", token, err)
	}
	for i, want := range []string{"first-secret", "second-secret"} {
		if f := s.forms[i]; f.Get("client_secret") != want || f.Get("grant_type") != "client_credentials" || f.Get("scope") != "https://graph.example/.default" || f.Get("client_id") != "the-app" {
			t.Errorf("form %d: %v", i, f)
		}
	}
	if err := os.Chmod(cfg.ClientSecretFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.For("").Token(t.Context(), true); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a secret that others may read: %v", err)
	}
}

// TestRenewal renews a token before it ends.
func TestRenewal(t *testing.T) {
	s := newServer(t)
	s.answer = func(w http.ResponseWriter, _ url.Values, n int) bool {
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":1,"access_token":"token-%d"}`, n)
		return true
	}
	c := open(t, s.microsoft(t))
	source := c.For("")
	for token := ""; token != "token-3"; time.Sleep(20 * time.Millisecond) {
		var err error
		if token, err = source.Token(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	if (&answer{ExpiresIn: json.RawMessage("null")}).lifetime() != defaultLifetime || (&answer{ExpiresIn: json.RawMessage("1e300")}).lifetime() > 24*time.Hour {
		t.Error("odd lifetimes are believed")
	}
}

func decode(t *testing.T, part string) (out map[string]any) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCertificate(t *testing.T) {
	s := newServer(t)
	key, keyFile, certificate := resttest.Pair(t, time.Now().Add(time.Hour))
	cfg := s.microsoft(t)
	cfg.ClientSecretFile, cfg.KeyFile, cfg.CertificateFile = "", keyFile, certificate
	if _, err := open(t, cfg).For("").Token(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	form := s.forms[0]
	parts := strings.Split(form.Get("client_assertion"), ".")
	if len(parts) != 3 || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Has("client_secret") {
		t.Fatalf("form: %v", form)
	}
	header, claims := decode(t, parts[0]), decode(t, parts[1])
	if header["alg"] != "PS256" || len(header["x5t#S256"].(string)) != 43 || claims["aud"] != s.URL+"/house.example/oauth2/v2.0/token" || claims["iss"] != "the-app" || claims["sub"] != "the-app" || claims["jti"] == "" {
		t.Errorf("%v %v", header, claims)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPSS(&key.PublicKey, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}); err != nil {
		t.Error(err)
	}

	_, otherKey, _ := resttest.Pair(t, time.Now().Add(time.Hour))
	_, oldKey, old := resttest.Pair(t, time.Now().Add(-time.Hour))
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint: it is to be refused
	if err != nil {
		t.Fatal(err)
	}
	damaged := "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IHNlY3JldA==\n-----END PRIVATE KEY-----\n"
	for _, c := range []struct{ key, certificate, want string }{
		{otherKey, certificate, "is not that of the key"},
		{oldKey, old, "ended on"},
		{keyFile, "", "no certificate"},
		{resttest.File(t, resttest.KeyPEM(t, curve)), certificate, "not RSA"},
		{resttest.File(t, resttest.KeyPEM(t, small)), certificate, "at least 2048"},
		{resttest.File(t, damaged), certificate, "damaged"},
		{resttest.File(t, "hello"), certificate, "no private key"},
		{resttest.File(t, strings.ReplaceAll(damaged, "PRIVATE", "ENCRYPTED PRIVATE")), certificate, "encrypted"},
	} {
		cfg.KeyFile, cfg.CertificateFile = c.key, c.certificate
		_, err := open(t, cfg).For("").Token(t.Context(), false)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
	if len(s.forms) != 1 {
		t.Error("the server was asked all the same")
	}
}

func TestRefreshToken(t *testing.T) {
	s := newServer(t)
	cfg := s.microsoft(t)
	cfg.RefreshTokenFile = resttest.File(t, "from-the-file")
	c := open(t, cfg)
	refused := ""
	s.answer = func(w http.ResponseWriter, form url.Values, n int) bool {
		if form.Get("refresh_token") == refused {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"AADSTS700082: The refresh token %s has expired."}`, refused)
			return true
		}
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"token-%d","refresh_token":"given-%d"}`, n, n)
		return true
	}
	for _, want := range []string{"from-the-file", "given-1"} {
		if _, err := c.For("a").Token(t.Context(), true); err != nil || s.forms[len(s.forms)-1].Get("refresh_token") != want {
			t.Fatalf("%v, %v", s.forms[len(s.forms)-1], err)
		}
	}
	refused = "given-2" // the file has a newer one
	if _, err := c.For("a").Token(t.Context(), true); err != nil {
		t.Error(err)
	}
	c, refused = open(t, cfg), "from-the-file"
	_, err := c.For("a").Token(t.Context(), false)
	if f := remote.Failures(err); len(f) != 1 || f[0].Kind != remote.Refused || !strings.Contains(err.Error(), "sign in anew") || strings.Contains(err.Error(), refused) {
		t.Errorf("got %v", err)
	}
}

func TestServiceAccount(t *testing.T) {
	s := newServer(t)
	key, _, _ := resttest.Pair(t, time.Now().Add(time.Hour))
	account, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "r@p.example", "private_key": resttest.KeyPEM(t, key), "private_key_id": "k", "token_uri": "https://thief.example/"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Provider: Google, TokenURL: s.URL + "/token", CAFile: s.CAFile, ServiceAccountFile: resttest.File(t, string(account)), Scopes: []string{"read"}}
	c := open(t, cfg)
	for i, who := range []string{"a@house.example", "b@house.example", "a@house.example"} {
		if _, err := c.For(who).Token(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			break // it is kept
		}
		parts := strings.Split(s.forms[i].Get("assertion"), ".")
		claims := decode(t, parts[1])
		if claims["sub"] != who || claims["scope"] != "read" || claims["aud"] != s.URL+"/token" || decode(t, parts[0])["alg"] != "RS256" {
			t.Errorf("%v", claims)
		}
	}
	if len(s.forms) != 2 {
		t.Errorf("%d tokens were fetched", len(s.forms))
	}
	for _, text := range []string{"{}", "no", `{"type":"authorized_user","client_email":"x"}`, `{"type":"service_account","client_email":"x","private_key":"SECRETSECRET"}`} {
		cfg.ServiceAccountFile = resttest.File(t, text)
		if _, err := open(t, cfg).For("a").Token(t.Context(), false); err == nil || strings.Contains(err.Error(), "SECRETSECRET") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestErrors has the server say what is wrong, in the words of the vendors.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		header http.Header
		kind   remote.Kind
		want   string
	}{
		{401, `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app 'x' are expired."}`, nil, remote.Refused, "make a new one"},
		{401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided: first-secret"}`, nil, remote.Refused, "its value, not its id"},
		{400, `{"error":"unauthorized_client","error_description":"AADSTS700016: Application with identifier 'x' was not found in the directory 'y'."}`, nil, remote.Refused, "client_id and tenant"},
		{400, `{"error":"invalid_request","error_description":"AADSTS90002: Tenant 'x' not found."}`, nil, remote.Refused, "no such directory"},
		{400, `{"error":"invalid_grant","error_description":"AADSTS65001: The user or administrator has not consented to use the application"}`, nil, remote.Refused, "consent is missing"},
		{401, `{"error":"invalid_client","error_description":"AADSTS700027: Client assertion failed signature validation."}`, nil, remote.Refused, "add the certificate"},
		{400, `{"error":"invalid_scope","error_description":"AADSTS1002012: The provided value for scope x is not valid."}`, nil, remote.Refused, "the scope is wrong"},
		{400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`, nil, remote.Refused, "revoked"},
		{400, `{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."}`, nil, remote.Refused, "clock"},
		{400, `{"error":"something_new"}`, nil, remote.Refused, "may still sign in"},
		{429, `{"error":"temporarily_unavailable"}`, http.Header{"Retry-After": {"40"}}, remote.Throttled, "429"},
		{503, `no`, http.Header{"Retry-After": {"40"}}, remote.Throttled, "503"},
		{503, `no`, nil, remote.Temporary, "503"},
		{400, `{"error":"temporarily_unavailable"}`, nil, remote.Temporary, "temporarily"},
		{307, ``, http.Header{"Location": {"https://thief.example/token"}}, remote.Permanent, "redirects"},
		{404, `<html>`, nil, remote.Permanent, "tenant"},
		{200, `<html>`, nil, remote.Temporary, "no token"},
		{200, `{"access_token":"a b","token_type":"Bearer"}`, nil, remote.Temporary, "no token"},
		{200, `{"access_token":"a","token_type":"mac"}`, nil, remote.Temporary, "no token"},
	} {
		s := newServer(t)
		s.answer = func(w http.ResponseWriter, _ url.Values, _ int) bool {
			for name, values := range c.header {
				w.Header()[name] = values
			}
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
			return true
		}
		_, err := open(t, s.microsoft(t)).For("").Token(t.Context(), false)
		f := remote.Failures(err)
		if len(f) != 1 || f[0].Kind != c.kind || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "first-secret") {
			t.Errorf("%d %s: got %v", c.status, c.body, err)
		}
		if c.kind == remote.Throttled && f[0].After != 40*time.Second {
			t.Errorf("%s: after %v", c.body, f[0].After)
		}
	}
	cfg := Config{Provider: Microsoft, Authority: "https://127.0.0.1:1", Tenant: "x.example", ClientID: "c", ClientSecretFile: resttest.File(t, "s3cr3t")}
	if f := remote.Failures(func() error { _, err := open(t, cfg).For("").Token(t.Context(), false); return err }()); f[0].Kind != remote.Temporary {
		t.Errorf("got %v", f)
	}
}

func TestValidate(t *testing.T) {
	ms := Config{Provider: Microsoft, Tenant: "house.example", ClientID: "c", ClientSecretFile: "s"}
	google := Config{Provider: Google, ServiceAccountFile: "k"}
	other := Config{Provider: Other, TokenURL: "https://login.example/token", ClientID: "c", ClientSecretFile: "s"}
	for _, c := range []struct {
		want   string
		base   Config
		change func(*Config)
	}{
		{"", ms, func(*Config) {}},
		{"", google, func(*Config) {}},
		{"", ms, func(c *Config) { c.ClientSecretFile, c.KeyFile, c.CertificateFile = "", "k", "c" }},
		{"", google, func(c *Config) { c.ServiceAccountFile, c.RefreshTokenFile, c.ClientID = "", "r", "c" }},
		{"provider is", ms, func(c *Config) { c.Provider = "another" }},
		{"", other, func(*Config) {}},
		{"", other, func(c *Config) { c.RefreshTokenFile = "r" }},
		{"token_url is missing", other, func(c *Config) { c.TokenURL = "" }},
		{"token_url or authority", other, func(c *Config) { c.TokenURL = "http://login.example/token" }},
		{"Microsoft's and Google's", other, func(c *Config) { c.Tenant = "house.example" }},
		{"Microsoft's and Google's", other, func(c *Config) { c.KeyFile = "k" }},
		{"client_id is missing", other, func(c *Config) { c.ClientID = "" }},
		{"how does the program", other, func(c *Config) { c.ClientSecretFile = "" }},
		{"tenant is", ms, func(c *Config) { c.Tenant = "" }},
		{"tenant is", ms, func(c *Config) { c.Tenant = "x/../../y" }},
		{"own directory", ms, func(c *Config) { c.Tenant = "common" }},
		{"client_id is missing", ms, func(c *Config) { c.ClientID = "" }},
		{"keep one", ms, func(c *Config) { c.KeyFile = "k" }},
		{"certificate_file needs", ms, func(c *Config) { c.CertificateFile = "k" }},
		{"how does the application", ms, func(c *Config) { c.ClientSecretFile = "" }},
		{"is Google's", ms, func(c *Config) { c.ServiceAccountFile = "k" }},
		{"authority", ms, func(c *Config) { c.Authority = "http://login.example" }},
		{"authority", ms, func(c *Config) { c.Authority = "https://user:pw@login.example" }},
		{"scopes", ms, func(c *Config) { c.Scopes = []string{"a b"} }},
		{"says everything", google, func(c *Config) { c.ClientID = "x" }},
		{"needs client_id", google, func(c *Config) { c.ServiceAccountFile, c.RefreshTokenFile = "", "r" }},
		{"how does the program", google, func(c *Config) { c.ServiceAccountFile = "" }},
	} {
		cfg := c.base
		c.change(&cfg)
		err := cfg.Validate()
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "pw@")) {
			t.Errorf("%+v: got %v, want %q", cfg, err, c.want)
		}
	}
	file := resttest.File(t, "x")
	link := file + ".link"
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	one, two := Config{ClientID: "a", ClientSecretFile: file}, Config{ClientID: "b", RefreshTokenFile: link}
	if err := one.Apart(&two); err == nil {
		t.Error("one file serves both")
	}
	two.RefreshTokenFile = "other"
	if err := one.Apart(&two); err != nil {
		t.Error(err)
	}
	two.ClientID = "A"
	if err := one.Apart(&two); err == nil {
		t.Error("one application serves both")
	}
}
