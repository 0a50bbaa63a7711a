package access

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"portcullis.example/portcullis/internal/api"
)

// signedIn is a browser that has taken the local link.
func signedIn(t testing.TB, d *desk, server *httptest.Server) (cookie *http.Cookie) {
	t.Helper()
	d.PrintLinks()
	resp := get(t, d.links[d.Guard.links.names[0]], nil)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the link answers %s: %s", resp.Status, body(t, resp))
	}
	for _, c := range resp.Cookies() {
		if c.Name == d.cookieName() {
			return c
		}
	}
	t.Fatal("no session cookie")
	return nil
}

// send makes a request without following redirects; header is in pairs.
func send(t testing.TB, method, target string, content io.Reader, cookie *http.Cookie, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, content)
	must(t, err)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	must(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func get(t testing.TB, target string, cookie *http.Cookie, header ...string) *http.Response {
	t.Helper()
	return send(t, "GET", target, nil, cookie, header...)
}

func body(t testing.TB, resp *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(raw)
}

// post sends a form with the token.
func post(t testing.TB, target string, cookie *http.Cookie, token string, header ...string) *http.Response {
	t.Helper()
	return send(t, "POST", target, strings.NewReader(url.Values{FormField: {token}, "x": {"1"}}.Encode()), cookie,
		append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

func TestFrontRefuses(t *testing.T) {
	_, server := serve(t, func(c *Config) { c.Hosts = []string{"Desk.example"} })
	for _, c := range []struct {
		name   string
		header []string
		status int
	}{
		{"itself", nil, 200},
		{"a configured name", []string{"Host", "desk.EXAMPLE"}, 200},
		{"another name (DNS rebinding)", []string{"Host", "attacker.example"}, 421},
		{"another port", []string{"Host", "127.0.0.1:1"}, 421},
		{"a name of a proxy", []string{"Host", "attacker.example", "X-Forwarded-Host", "desk.example"}, 421},
		{"an image on another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403},
		{"a sibling's script", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, 403},
		{"a frame", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"a link", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
	} {
		resp := get(t, server.URL+"/sign-in", nil, c.header...)
		if resp.StatusCode != c.status {
			t.Errorf("%s: got %s, want %d", c.name, resp.Status, c.status)
		}
		for _, h := range []string{"Content-Security-Policy", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy"} {
			if resp.Header.Get(h) == "" {
				t.Errorf("%s: no %s", c.name, h)
			}
		}
	}
}

func TestProtect(t *testing.T) {
	d, server := serve(t, nil)
	cookie := signedIn(t, d, server)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Secure {
		t.Errorf("cookie: %+v", cookie)
	}
	for _, c := range []struct {
		name, path string
		cookie     *http.Cookie
		header     []string
		status     int
		location   string
	}{
		{"signed in", "/campaigns", cookie, nil, 200, ""},
		{"not signed in", "/campaigns?q=a&b", nil, nil, 303, "/sign-in?to=%2Fcampaigns%3Fq%3Da%26b"},
		{"a link on another site, not signed in", "/hunt?for=x", nil, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 303, "/sign-in?to=%2Fhunt"},
		{"ahead of time", "/findings/x", cookie, []string{"Sec-Purpose", "prefetch"}, 403, ""},
		{"a stream", "/live", nil, []string{"Sec-Fetch-Mode", "cors"}, 401, ""},
		{"the interface for programs", "/api/v1/campaigns", nil, nil, 401, ""},
		{"the interface with a session", "/api/v1/campaigns", cookie, nil, 200, ""},
		{"a made-up session", "/", &http.Cookie{Name: plainCookie, Value: "x"}, nil, 303, "/sign-in?to=%2F"},
		{"two cookies", "/", cookie, []string{"Cookie", plainCookie + "=x; " + plainCookie + "=" + cookie.Value}, 303, "/sign-in?to=%2F"},
		{"a token of nobody's", "/api/v1/campaigns", cookie, []string{"Authorization", "Bearer " + NewToken()}, 401, ""},
	} {
		resp := get(t, server.URL+c.path, c.cookie, c.header...)
		if resp.StatusCode != c.status || resp.Header.Get("Location") != c.location {
			t.Errorf("%s: got %s to %q", c.name, resp.Status, resp.Header.Get("Location"))
		}
	}
	if got := d.kinds(t); got != "sign-in" {
		t.Errorf("the audit has %q", got)
	}
}

func TestForgery(t *testing.T) {
	d, server := serve(t, func(c *Config) { c.Local = []string{"one", "two"} })
	cookie := signedIn(t, d, server)
	token := body(t, get(t, server.URL+"/", cookie))
	other := body(t, get(t, server.URL+"/", signedIn(t, d, server)))
	same := []string{"Sec-Fetch-Site", "same-origin"}
	for _, c := range []struct {
		name, token string
		header      []string
		status      int
	}{
		{"a form of ours", token, same, 200},
		{"without Fetch metadata", token, []string{"Origin", server.URL}, 200},
		{"by the header", "", append([]string{FormTokenHeader, token}, same...), 200},
		{"another site", token, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another origin", token, []string{"Origin", "https://attacker.example"}, 403},
		{"no origin", token, []string{"Origin", "null"}, 403},
		{"no token", "", same, 403},
		{"another session's token", other, same, 403},
		{"a changed token", "A" + token[1:], same, 403},
		{"rubbish", "%%%", same, 403},
	} {
		if resp := post(t, server.URL+"/act", cookie, c.token, c.header...); resp.StatusCode != c.status {
			t.Errorf("%s: got %s, want %d", c.name, resp.Status, c.status)
		}
	}
	if resp := post(t, server.URL+"/act?"+FormField+"="+token, cookie, "", same...); resp.StatusCode != 403 {
		t.Errorf("a token in the address is taken: %s", resp.Status)
	}
	var file bytes.Buffer
	form := multipart.NewWriter(&file)
	must(t, form.WriteField(FormField, token))
	must(t, form.Close())
	if resp := send(t, "POST", server.URL+"/act", &file, cookie, "Content-Type", form.FormDataContentType()); resp.StatusCode != 200 {
		t.Errorf("a form with a file: %s", resp.Status)
	}
	large := strings.NewReader("x=" + strings.Repeat("y", maxForm+1) + "&" + FormField + "=" + token)
	if resp := send(t, "POST", server.URL+"/act", large, cookie, "Content-Type", "application/x-www-form-urlencoded"); resp.StatusCode != 403 {
		t.Errorf("a form too large: %s", resp.Status)
	}
}

func TestStoreGone(t *testing.T) {
	d, server := serve(t, nil)
	cookie := signedIn(t, d, server)
	broken := errors.New("the disk is gone")
	working := d.deps.Tx
	d.deps.Tx = func(context.Context, func(*sql.Tx) error) error { return broken }
	d.clock.pass(2 * time.Minute)
	if resp := get(t, server.URL+"/", cookie); resp.StatusCode != 200 {
		t.Errorf("reading stops when nothing can be written: %s", resp.Status)
	}
	err := d.Allow(as(t, "Ada", api.Reader), SeeEvidence, Object{ID: "event:1"}, nil)
	if !errors.Is(err, broken) {
		t.Errorf("evidence is shown that is not in the audit: %v", err)
	}
	d.PrintLinks()
	if resp := get(t, d.links[defaultLocal], nil); resp.StatusCode != 503 {
		t.Errorf("signing in: %s", resp.Status)
	}
	d.deps.Tx = working
	closed, err := sql.Open("sqlite", "file:"+t.TempDir()+"/none.db")
	must(t, err)
	must(t, closed.Close())
	d.deps.DB = closed
	if resp := get(t, server.URL+"/", cookie); resp.StatusCode != 503 || strings.Contains(body(t, resp), "sql") {
		t.Errorf("without a store: %s", resp.Status)
	}
}

func TestTooMany(t *testing.T) {
	d, server := serve(t, nil)
	cookie := signedIn(t, d, server)
	last := 0
	for range sessionBurst + 1 {
		last = get(t, server.URL+"/", cookie).StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("after %d requests: %d", sessionBurst+1, last)
	}
	d.clock.pass(time.Minute)
	for i := range attemptBurst + 1 {
		if resp := get(t, server.URL+"/api/v1/x", nil, "Authorization", "Bearer wrong"); (resp.StatusCode == 429) != (i == attemptBurst) {
			t.Fatalf("token number %d: %s", i, resp.Status)
		}
	}
	if resp := get(t, server.URL+localPath+"?token=x", nil); resp.StatusCode != 429 {
		t.Errorf("and then a link: %s", resp.Status)
	}
}

func TestLocalTarget(t *testing.T) {
	for in, want := range map[string]string{
		"/campaigns/campaign:1?x=1#y":   "/campaigns/campaign:1?x=1#y",
		"":                              "/",
		"https://attacker.example/":     "/",
		"//attacker.example":            "/",
		"///attacker.example":           "/",
		`/\attacker.example`:            "/",
		`\\attacker.example`:            "/",
		"/\t/attacker.example":          "/",
		"/a\r\nSet-Cookie: x=y":         "/",
		"javascript:alert(1)":           "/",
		"/sign-out":                     "/",
		"/x/../sign-out/everywhere":     "/",
		"/sign-in/local?token=x":        "/",
		"/" + strings.Repeat("x", 3000): "/",
	} {
		if got := localTarget(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestConcurrentUse signs in, reads and signs out from many browsers at once.
func TestConcurrentUse(t *testing.T) {
	d, server := serve(t, nil)
	cookie := signedIn(t, d, server)
	token := body(t, get(t, server.URL+"/", cookie))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if resp := post(t, server.URL+"/act", cookie, token); resp.StatusCode != 200 {
					t.Errorf("got %s", resp.Status)
				}
				if err := d.Allow(as(t, "Ida", api.Reader), SeeEvidence, Object{ID: "event:1", People: []Subject{ada}}, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(d.lines(t)); n != 41 {
		t.Errorf("%d entries in the audit, want 41", n)
	}
}

func FuzzLocalTarget(f *testing.F) {
	for _, s := range []string{"/a", "//a", `/\a`, "/a/../b?x", "/%2f/a", "/;a", "/.//a"} {
		f.Add(s)
	}
	base, err := url.Parse("https://desk.example/sign-in/callback")
	must(f, err)
	f.Fuzz(func(t *testing.T, to string) {
		got := localTarget(to)
		u, err := base.Parse(got)
		if err != nil {
			return // a browser may read it nonetheless, but begins with a single slash
		}
		if u.Host != "desk.example" || u.Scheme != "https" || !strings.HasPrefix(got, "/") {
			t.Errorf("%q leads to %s", to, u)
		}
	})
}

func FuzzCleanName(f *testing.F) {
	f.Add("Ada\u202e Ngata\n")
	f.Fuzz(func(t *testing.T, s string) {
		name := cleanName(s)
		if name != cleanName(name) || strings.ContainsAny(name, "\r\n\x00\u202e\u200b") || foldName(name) != foldName(s) {
			t.Errorf("%q becomes %q", s, name)
		}
		printed := printableSubject(s)
		if !utf8.ValidString(printed) || len(printed) > 1024 || strings.ContainsFunc(printed, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("%q is printed %q", s, printed)
		}
	})
}
