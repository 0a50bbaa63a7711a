package checkme

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// visit is a browser.
type visit struct {
	t    *testing.T
	base string
	c    *http.Client
}

func start(t *testing.T, cfg Config) (*visit, *Server, <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(cfg, l.Addr())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(t.Context(), l) }()
	jar, _ := cookiejar.New(nil)
	return &visit{t, "http://" + l.Addr().String(), &http.Client{Jar: jar, Timeout: 10 * time.Second}}, s, ended
}

func (v *visit) do(r *http.Request) (int, string) {
	v.t.Helper()
	answer, err := v.c.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func (v *visit) get(path string) (int, string) {
	v.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = v.base + path
	}
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(r)
}

func (v *visit) post(path string, form url.Values, header ...string) (int, string) {
	v.t.Helper()
	r, err := http.NewRequest(http.MethodPost, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return v.do(r)
}

var formToken = regexp.MustCompile(`name="form" value="([0-9a-f]+)"`)

func token(t *testing.T, page string) string {
	t.Helper()
	m := formToken.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no form:\n%s", page)
	}
	return m[1]
}

func (v *visit) until(path, want string) string {
	v.t.Helper()
	for range 200 {
		if _, body := v.get(path); strings.Contains(body, want) {
			return body
		}
		time.Sleep(20 * time.Millisecond)
	}
	v.t.Fatalf("%s never says %q", path, want)
	return ""
}

func TestWholeWay(t *testing.T) {
	var asked Request
	go1 := make(chan struct{})
	v, s, ended := start(t, Config{
		Candidates: []Candidate{{Path: "/home/member/old <b>.pst", Name: "old <b>.pst", About: "in Documents"}},
		Check: func(ctx context.Context, r Request, told func(string, float64)) (Answer, error) {
			asked = r
			told("judging", 0.42)
			<-go1
			return Answer{Page: []byte("<!DOCTYPE html><p>the answer")}, nil
		},
	})
	_, page := v.get(s.URL())
	if !strings.Contains(page, "old &lt;b&gt;.pst") {
		t.Fatalf("the candidate is not offered, or not escaped:\n%s", page)
	}
	form := url.Values{"form": {token(t, page)}, "mailbox": {"/home/member/old <b>.pst"}, "other": {` "C:\Mail\x.pst" `}, "otherpack": {"/x.pack"}, "issuer": {"key"}, "addresses": {"a@b.example, c@d.example"}}
	v.post("/check", form)
	v.until("/progress", "42 %")
	if _, body := v.get("/answer"); strings.Contains(body, "the answer") {
		t.Error("there is an answer before there is one")
	}
	close(go1)
	v.until("/progress", "Your answer is ready")
	if _, body := v.get("/answer"); !strings.Contains(body, "the answer") {
		t.Errorf("no answer: %s", body)
	}
	if len(asked.Mailboxes) != 2 || asked.Mailboxes[1] != `C:\Mail\x.pst` || len(asked.Addresses) != 2 {
		t.Errorf("asked for %+v", asked)
	}
	if _, body := v.post("/end", url.Values{"form": form["form"]}); !strings.Contains(body, "Nothing of what was read is kept") {
		t.Errorf("the end: %s", body)
	}
	if err := <-ended; err != nil {
		t.Errorf("serving ended with %v", err)
	}
}

func TestNobodyElseGetsIn(t *testing.T) {
	v, s, _ := start(t, Config{Check: func(context.Context, Request, func(string, float64)) (Answer, error) {
		t.Error("a check was started")
		return Answer{}, nil
	}})
	_, page := v.get(s.URL())
	good := token(t, page)
	stranger := &visit{t, v.base, &http.Client{Timeout: 10 * time.Second}}
	for name, c := range map[string]struct {
		status int
		fn     func() (int, string)
	}{
		"without a ticket":     {http.StatusForbidden, func() (int, string) { return stranger.get("/") }},
		"with the used ticket": {http.StatusForbidden, func() (int, string) { return stranger.get(s.URL()) }},
		"answer of another":    {http.StatusForbidden, func() (int, string) { return stranger.get("/answer") }},
		"form without token":   {http.StatusForbidden, func() (int, string) { return v.post("/check", url.Values{"mailbox": {"/x"}}) }},
		"form of another page": {http.StatusForbidden, func() (int, string) {
			return v.post("/check", url.Values{"mailbox": {"/x"}, "form": {good}}, "Origin", "http://evil.example")
		}},
		"name that points here": {http.StatusMisdirectedRequest, func() (int, string) {
			r, _ := http.NewRequest(http.MethodGet, v.base+"/", nil)
			r.Host = "rebound.example"
			return v.do(r)
		}},
		"no mailbox": {http.StatusBadRequest, func() (int, string) { return v.post("/check", url.Values{"form": {good}}) }},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := c.fn(); status != c.status {
				t.Errorf("status %d, want %d: %s", status, c.status, body)
			}
		})
	}
}

func TestErrorsAreShown(t *testing.T) {
	v, s, _ := start(t, Config{Check: func(context.Context, Request, func(string, float64)) (Answer, error) {
		return Answer{}, errors.New("the list <b>expired</b>")
	}})
	_, page := v.get(s.URL())
	v.post("/check", url.Values{"form": {token(t, page)}, "other": {"/x"}})
	page = v.until("/progress", "It could not be done")
	if !strings.Contains(page, "the list &lt;b&gt;expired&lt;/b&gt;") {
		t.Errorf("the reason is missing or not escaped:\n%s", page)
	}
	if _, page = v.post("/again", url.Values{"form": {token(t, page)}}); !strings.Contains(page, "Which mailbox?") {
		t.Errorf("no second try:\n%s", page)
	}
}

// TestListIsNotForgotten: somebody who has a key was given a list; "nothing was found" without it would be no good news.
func TestListIsNotForgotten(t *testing.T) {
	v, s, _ := start(t, Config{
		Candidates: []Candidate{{Path: "/home/a.pst", Name: "a.pst"}}, Packs: []Candidate{{Path: "/home/hunt.pack", Name: "hunt.pack"}},
		Check: func(_ context.Context, r Request, _ func(string, float64)) (Answer, error) {
			return Answer{}, errors.New("looked with " + r.Pack)
		},
	})
	_, page := v.get(s.URL())
	form := url.Values{"form": {token(t, page)}, "mailbox": {"/home/a.pst"}, "pack": {""}, "issuer": {"cert.example+1a2b3c4d+AbC"}, "addresses": {"a@b.example"}}
	status, page := v.post("/check", form)
	if status != http.StatusBadRequest || !strings.Contains(page, "chose no list") {
		t.Errorf("status %d: %s", status, page)
	}
	kept := func(more ...string) {
		t.Helper()
		for _, want := range append(more, `value="/home/a.pst" checked`, `value="cert.example&#43;1a2b3c4d&#43;AbC"`, `value="a@b.example"`) {
			if !strings.Contains(page, want) {
				t.Errorf("the form lost %s:\n%s", want, page)
			}
		}
	}
	kept()
	form.Set("pack", "/home/hunt.pack")
	v.post("/check", form)
	v.until("/progress", "looked with /home/hunt.pack")
	if _, page = v.post("/again", url.Values{"form": form["form"]}); true {
		kept(`value="/home/hunt.pack" checked`)
	}
}

func TestIdleEnds(t *testing.T) {
	_, _, ended := start(t, Config{Idle: time.Millisecond})
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("nobody asks any more, and it still serves")
	}
}

func TestFind(t *testing.T) {
	home := t.TempDir()
	write := func(path string) {
		path = filepath.Join(home, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{
		"Documents/Outlook Files/me.pst", "Downloads/takeout-2026.zip", "Downloads/holiday.zip", "Downloads/hunt.pack", "Mail/cur/1", "Downloads/Inbox.mbox/mbox",
		".thunderbird/abc.default/prefs.js", ".thunderbird/abc.default/Mail/Local/Inbox", "Secret/other.pst", "Library/Mail/V10/INBOX.mbox/1.emlx",
	} {
		write(path)
	}
	mailboxes, packs := Find(home)
	got := map[string]bool{}
	for _, c := range mailboxes {
		rel, _ := filepath.Rel(home, c.Path)
		got[filepath.ToSlash(rel)] = true
		if name := map[string]string{".thunderbird/abc.default": "Thunderbird", "Library/Mail/V10": "Apple Mail"}[filepath.ToSlash(rel)]; name != "" && c.Name != name {
			t.Errorf("%s is called %q, and nobody would know it by that", rel, c.Name)
		}
		if c.About == "" {
			t.Errorf("%s says nothing of itself", rel)
		}
	}
	for _, want := range []string{"Documents/Outlook Files/me.pst", "Downloads/takeout-2026.zip", "Mail", "Downloads/Inbox.mbox", ".thunderbird/abc.default", "Library/Mail/V10"} {
		if !got[want] {
			t.Errorf("%s is not found: %v", want, got)
		}
	}
	if len(mailboxes) != 6 || len(packs) != 1 {
		t.Errorf("%d mailboxes and %d lists, want 6 and 1: %v", len(mailboxes), len(packs), got)
	}
}
