package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/rest/resttest"
)

func TestLink(t *testing.T) {
	c, err := New(Options{Base: "https://mail.example/v1/", Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for link, ok := range map[string]bool{
		"/users/a%40b.example/x?y=z":            true,
		"https://mail.example/v1/users/x?$a=b":  true,
		"https://MAIL.example:443/v1/users/x":   true,
		"https://mail.example:444/v1/users/x":   false,
		"https://mail.example./v1/users/x":      false,
		"https://mail.example/v1":               true,
		"https://mail.example/v10/x":            false,
		"https://mail.example/v1/../admin":      false,
		"https://mail.example/v1/%2e%2e/admin":  false,
		"https://mail.example.evil.example/v1/": false,
		"http://mail.example/v1/x":              false,
		"https://u@mail.example/v1/x":           false,
		"//evil.example/v1/x":                   false,
		"https://mail.example/v1/x#y":           false,
		"":                                      false,
		"x":                                     false,
		"\x00":                                  false,
		"https://mail.example/v1/" + strings.Repeat("x", maxLink): false,
	} {
		if _, err := c.Link(link); (err == nil) != ok {
			t.Errorf("%.80q: %v", link, err)
		}
	}
}

// FuzzLink holds every link that is followed against the only server there is.
func FuzzLink(f *testing.F) {
	c, err := New(Options{Base: "https://mail.example/v1", Timeout: time.Second})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"/x", "https://mail.example/v1/x", "https://mail.example\\@evil.example/v1/", "//x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, link string) {
		followed, err := c.Link(link)
		if err != nil {
			return
		}
		r, err := http.NewRequest(http.MethodGet, followed, nil)
		if err == nil && (r.URL.Scheme != "https" || !strings.EqualFold(r.URL.Hostname(), "mail.example") || r.URL.Port() != "" && r.URL.Port() != "443") {
			t.Errorf("%q leads to %q", link, r.URL.Host)
		}
	})
}

func TestInOrder(t *testing.T) {
	var under, most atomic.Int32
	items := make([]int, 50)
	for i := range items {
		items[i] = i
	}
	fetch := func(_ context.Context, i int) (int, error) {
		most.Store(max(most.Load(), under.Add(1)))
		defer under.Add(-1)
		if i == 40 {
			return 0, errors.New("no")
		}
		return i * i, nil
	}
	next := 0
	err := InOrder(t.Context(), 4, items, fetch, func(i, square int) error {
		if i != next || square != i*i {
			t.Errorf("%d: %d", i, square)
		}
		next++
		return nil
	})
	if err == nil || next != 40 || most.Load() > 4 || under.Load() != 0 {
		t.Errorf("%v, %d taken, %d at once", err, next, most.Load())
	}
}

func TestSeen(t *testing.T) {
	states := map[string]json.RawMessage{}
	load := func() *Seen {
		return LoadSeen("key", func(key string) (json.RawMessage, bool) { raw, ok := states[key]; return raw, ok })
	}
	save := func(key string, state json.RawMessage) error { states[key] = state; return nil }
	for i := range 60 {
		s := load()
		var ids IDs
		for n := range 100 {
			id := fmt.Sprint(i*50 + n) // half of them are known
			if known := i > 0 && n < 50; s.Has(id) != known {
				t.Fatalf("%s: %v", id, s.Has(id))
			}
			ids = ids.With(id)
		}
		if err := s.Save(ids, save); err != nil || !s.Has(fmt.Sprint(i*50)) {
			t.Fatal(err)
		}
	}
	if len(states) != 3 { // 3050 of them
		t.Errorf("%d chunks", len(states))
	}
	states["key\n1"] = json.RawMessage(`"***"`)
	if s := load(); !s.Has("0") || s.Has("3000") {
		t.Error("a chunk that is damaged")
	}
}

// TestRetry sends a request again that failed for a moment, and no other.
func TestRetry(t *testing.T) {
	for _, c := range []struct {
		status string
		after  string
		asked  int32
		kind   remote.Kind
	}{
		{"502", "", 2, 0}, {"429", "1", 2, 0}, {"429", "60", 1, remote.Throttled}, {"403", "", 1, remote.Refused}, {"404", "", 1, remote.Permanent},
	} {
		var asked atomic.Int32
		s := resttest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 1 {
				var status int
				_, _ = fmt.Sscan(c.status, &status)
				w.Header().Set("Retry-After", c.after)
				w.WriteHeader(status)
			}
			fmt.Fprint(w, "{}")
		}))
		client, err := New(Options{Base: s.URL, CAFile: s.CAFile, Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		tokens := &Tokens{Source: remote.TokenFunc(func(context.Context, bool) (string, error) { return "t", nil })}
		err = client.JSON(t.Context(), tokens, "/x", nil, new(struct{}))
		if asked.Load() != c.asked || (err == nil) != (c.asked == 2) || err != nil && remote.Failures(err)[0].Kind != c.kind {
			t.Errorf("%+v: asked %d times, %v", c, asked.Load(), err)
		}
	}
}

// TestNoLength refuses an answer whose end is the end of the connection: it may have been cut.
func TestNoLength(t *testing.T) {
	s := resttest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf a mess")
		_ = conn.Close()
	}))
	client, err := New(Options{Base: s.URL, CAFile: s.CAFile, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	tokens := &Tokens{Source: remote.TokenFunc(func(context.Context, bool) (string, error) { return "t", nil })}
	if raw, _, err := client.Bytes(t.Context(), tokens, "/x", nil, 1000); err == nil {
		t.Errorf("half a message is taken for one: %q", raw)
	}
	client.CAFile = ""
	other, err := New(Options{Base: s.URL, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.Bytes(t.Context(), tokens, "/x", nil, 1000); err == nil || remote.Failures(err)[0].Kind != remote.Permanent || !strings.Contains(err.Error(), "ca_file") {
		t.Errorf("a server that is not trusted: %v", err)
	}
}

// TestSaysTokenAgain has a service say again the token that it was asked with, wherever it can.
func TestSaysTokenAgain(t *testing.T) {
	const token = "sesame-token-0123456789"
	filler := strings.Repeat("x", 290)
	for _, answer := range []string{
		`{"error":{"code":"` + token + `","message":"y"}}`,
		`{"error":{"code":"` + filler + token + `","message":"y"}}`,
		`{"error":{"code":"x","message":"` + filler + token + `"}}`,
		`{"error":{"code":"x","message":"\u0073esame-token-0123456789 is no good"}}`,
		`{"error":{"code":401,"status":"` + token + `","errors":[{"reason":"` + token + `"}]}}`,
		token,
	} {
		for _, status := range []int{http.StatusForbidden, http.StatusUnauthorized, http.StatusFound} {
			s := resttest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://"+token+".example/"+token)
				w.WriteHeader(status)
				fmt.Fprint(w, answer)
			}))
			client, err := New(Options{Base: s.URL, CAFile: s.CAFile, Timeout: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			tokens := &Tokens{Source: remote.TokenFunc(func(context.Context, bool) (string, error) { return token, nil })}
			if err := client.JSON(t.Context(), tokens, "/x", nil, new(struct{})); err == nil || strings.Contains(err.Error(), "sesame") {
				t.Errorf("%d %.60s: %v", status, answer, err)
			}
		}
	}
}

// FuzzError holds what is told of an answer to a line.
func FuzzError(f *testing.F) {
	for _, seed := range []string{`{"error":{"code":"x","message":"y"}}`, `{"error":{"code":403,"status":"Z","errors":[{"reason":"r"}],"details":[{"reason":"R"}]}}`, `{"error":"x"}`, `<`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e := &Error{Status: 400}
		e.parse(raw)
		e.Message = Line(e.Message)
		if text := e.Error(); strings.ContainsAny(text, "\r\n\x00\x1b") || len(text) > 16_000 || len(e.Codes) > 8 {
			t.Errorf("%q", text)
		}
	})
}
