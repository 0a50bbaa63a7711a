package gmail

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/rest/resttest"
	"portcullis.example/portcullis/internal/mail/source"
)

func mustRead(t *testing.T, s *resttest.Shelf, src remote.Source) {
	t.Helper()
	if err := s.Read(t, src); err != nil {
		t.Fatal(err)
	}
}

func TestReads(t *testing.T) {
	f := newFake(t)
	texts := f.put(anna, 0, 12, "UNREAD", "INBOX")
	texts = append(texts, f.put(anna, 20, 2, "SENT")...)
	texts = append(texts, f.put(anna, 30, 1, "SPAM")...)
	texts = append(texts, f.put(anna, 40, 1, "TRASH", "Label_7")...)
	texts = append(texts, f.put(anna, 50, 1, "Label_7", "Label_8")...)
	texts = append(texts, f.put(anna, 55, 1)...)
	f.put(anna, 60, 2, "DRAFT")
	s := resttest.NewShelf()
	mustRead(t, s, open(t, f.config(anna)))
	if n := s.Once(t, place, texts); n != 0 {
		t.Errorf("%d were handed on twice", n)
	}
	want := map[string]source.Item{
		texts[0]:  {Source: place + "/INBOX", Mailbox: anna, Kept: source.Kept{Labels: []string{"UNREAD", "INBOX"}}},
		texts[12]: {Source: place + "/SENT", Kept: source.Kept{Labels: []string{"SENT"}, State: source.Sent}},
		texts[14]: {Source: place + "/SPAM", Mailbox: anna, Kept: source.Kept{Labels: []string{"SPAM"}, State: source.Junk}},
		texts[15]: {Source: place + "/TRASH", Mailbox: anna, Kept: source.Kept{Labels: []string{"TRASH", "Budget/2026"}, State: source.Deleted}},
		texts[16]: {Source: place + "/Budget/2026", Mailbox: anna, Kept: source.Kept{Labels: []string{"Budget/2026", "Label_8"}}},
		texts[17]: {Source: place + "/All Mail", Mailbox: anna},
	}
	for _, got := range s.Items {
		w, ok := want[string(got.Raw)]
		if !ok {
			continue
		}
		if got.Source != w.Source || got.Mailbox != w.Mailbox || got.Kept.State != w.Kept.State || !slices.Equal(got.Kept.Labels, w.Kept.Labels) || got.Envelope.Time.Year() != 2026 || got.Kept.Thread == "" {
			t.Errorf("got %s of %q, %+v", got.Source, got.Mailbox, got.Kept)
		}
	}

	// A label that changes fetches nothing; what is new is fetched; a draft that was sent is new.
	f.fetched = 0
	lists := f.lists
	f.boxes[anna].mails = append(f.boxes[anna].mails, fakeMail{id: "18f0001", changed: true})
	texts = append(texts, f.put(anna, 100, 7, "INBOX")...)
	f.put(anna, 120, 1, "DRAFT")
	texts = append(texts, f.put(anna, 121, 1, "SENT", "INBOX")...)
	mustRead(t, s, open(t, f.config(anna)))
	if n := s.Once(t, place, texts); n != 0 || f.fetched != 8 || f.lists != lists {
		t.Errorf("%d were handed on twice, %d fetched, listed %d times", n, f.fetched, f.lists-lists)
	}
	if last := s.Items[len(s.Items)-1]; last.Mailbox != anna {
		t.Error("what somebody sends to herself came in as well")
	}
}

func TestKill(t *testing.T) {
	f := newFake(t)
	texts := f.put(anna, 0, 17, "INBOX")
	others := f.put(bela, 100, 4, "INBOX")
	first := resttest.NewShelf()
	mustRead(t, first, open(t, f.config(anna, bela)))
	for kill := 1; ; kill++ {
		s := resttest.NewShelf()
		s.Kill, s.Batch = kill, 1+kill%5
		err := s.Read(t, open(t, f.config(anna, bela)))
		if err == nil {
			break
		}
		if !errors.Is(err, resttest.ErrKilled) {
			t.Fatal(err)
		}
		now := slices.Clone(texts)
		if kill%4 == 0 { // something comes in between
			now = append(now, f.put(anna, 1000+kill, 1, "INBOX")...)
		}
		s.Kill = 0
		mustRead(t, s, open(t, f.config(anna, bela)))
		if n := s.Once(t, place+"/"+anna, now) + s.Once(t, place+"/"+bela, others); n != 0 || t.Failed() {
			t.Fatalf("killed at %d: %d handed on twice", kill, n)
		}
		texts = now
	}
	// One that is killed while it reads what has come since.
	for kill := 1; kill < 60; kill++ {
		s := resttest.NewShelf()
		s.Items, s.Kill, s.Batch = slices.Clone(first.Items), kill, 1+kill%5
		for key, state := range first.States {
			s.States[key] = state
		}
		if err := s.Read(t, open(t, f.config(anna, bela))); err != nil && !errors.Is(err, resttest.ErrKilled) {
			t.Fatal(err)
		}
		s.Kill = 0
		mustRead(t, s, open(t, f.config(anna, bela)))
		if n := s.Once(t, place+"/"+anna, texts); n != 0 || t.Failed() {
			t.Fatalf("killed at %d: %d handed on twice", kill, n)
		}
	}
}

func TestCutAnywhere(t *testing.T) {
	f := newFake(t)
	texts := f.put(anna, 0, 11, "INBOX", "Label_7")
	step, cuts := int64(487), 0
	if testing.Short() {
		step = 2003
	}
	for at := int64(0); ; at += step {
		s := resttest.NewShelf()
		f.Cut(at)
		src := open(t, f.config(anna))
		err := s.Read(t, src)
		if !f.WasCut() {
			f.Cut(-1)
			s.Once(t, place, texts)
			break
		}
		if cuts++; err == nil {
			s.Once(t, place, texts)
			continue
		}
		for _, failure := range remote.Failures(err) {
			if failure.Kind != remote.Temporary || failure.Mailbox != anna {
				t.Fatalf("cut after %d bytes: %v is %v", at, failure, failure.Kind)
			}
		}
		mustRead(t, s, src)
		if n := s.Once(t, place, texts); n != 0 || t.Failed() {
			t.Fatalf("cut after %d bytes: %d handed on twice", at, n)
		}
	}
	t.Logf("%d cuts", cuts)
	if cuts < 5 {
		t.Error("hardly anything was cut: this test showed nothing")
	}
}

func TestTrouble(t *testing.T) {
	for _, c := range []struct {
		name  string
		lives int
		kind  remote.Kind
		after time.Duration // at least
		spoil func(w http.ResponseWriter, r *http.Request, n int) bool
	}{
		{name: "tokens end in the middle", lives: 9},
		{name: "403 rate limit", kind: remote.Throttled, spoil: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n%5 == 0 {
				fail(w, http.StatusForbidden, "userRateLimitExceeded", "User Rate Limit Exceeded")
			}
			return n%5 == 0
		}},
		{name: "429 until", kind: remote.Throttled, after: 30 * time.Minute, spoil: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n%5 == 0 {
				fail(w, http.StatusTooManyRequests, "rateLimitExceeded", "User-rate limit exceeded.  Retry after "+time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000Z"))
			}
			return n%5 == 0
		}},
		{name: "5xx", kind: remote.Temporary, spoil: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n%6 == 0 {
				fail(w, http.StatusInternalServerError, "backendError", "Backend Error")
			}
			return n%6 == 0
		}},
		{name: "half pages", kind: remote.Temporary, spoil: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n%6 == 0 {
				fmt.Fprint(w, `{"messages":[{"id":"18f`)
			}
			return n%6 == 0
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			texts := f.put(anna, 0, 23, "INBOX")
			f.lives, f.spoil = c.lives, c.spoil
			s, failed := resttest.NewShelf(), 0
			cfg := f.config(anna)
			cfg.Parallel = 2 // a token that is new is not used up before it is used
			src := open(t, cfg)
			for {
				err := s.Read(t, src)
				if err == nil {
					break
				}
				if failed++; failed > 100 {
					t.Fatal("there is no end: ", err)
				}
				for _, failure := range remote.Failures(err) {
					if failure.Kind != c.kind || failure.After < c.after {
						t.Errorf("%v is %v, after %v", failure, failure.Kind, failure.After)
					}
				}
			}
			if n := s.Once(t, place, texts); n != 0 {
				t.Errorf("%d handed on twice", n)
			}
			if f.spoil != nil && failed == 0 || f.lives > 0 && f.tokens[anna] < 3 {
				t.Error("there was no trouble: this test showed nothing")
			}
		})
	}
}

// TestResync has histories and pages expire.
func TestResync(t *testing.T) {
	f := newFake(t)
	texts := f.put(anna, 0, 31, "INBOX")
	s := resttest.NewShelf()
	mustRead(t, s, open(t, f.config(anna)))
	texts = append(texts, f.put(anna, 40, 6, "INBOX")...)
	f.oldest, f.fetched = 1035, 0
	mustRead(t, s, open(t, f.config(anna)))
	if n := s.Once(t, place, texts); n != 0 || f.fetched != 6 {
		t.Errorf("%d handed on twice, %d fetched", n, f.fetched)
	}
	f.oldest = 0
	for _, kill := range []int{9, 20, 33} {
		s = resttest.NewShelf()
		s.Kill, s.Batch = kill, 1
		if err := s.Read(t, open(t, f.config(anna))); !errors.Is(err, resttest.ErrKilled) {
			t.Fatal(err)
		}
		var bad atomic.Bool
		f.spoilWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.URL.Query().Get("pageToken") == "" || bad.Swap(true) {
				return false
			}
			fail(w, http.StatusBadRequest, "invalidArgument", "Invalid pageToken")
			return true
		})
		s.Kill = 0
		mustRead(t, s, open(t, f.config(anna)))
		if n := s.Once(t, place, texts); n != 0 || !bad.Load() {
			t.Errorf("killed at %d: %d handed on twice", kill, n)
		}
		f.spoilWith(nil)
	}
	// A history that is never there ends in an error, not in a loop.
	f.mu.Lock()
	f.oldest = 1 << 30
	f.mu.Unlock()
	if err := s.Read(t, open(t, f.config(anna))); err == nil {
		t.Error("nothing is told of a history that is never there")
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, want string
		kind       remote.Kind
		spoil      func(w http.ResponseWriter, r *http.Request, n int) bool
		grant      func(w http.ResponseWriter, form url.Values, subject string) bool
	}{
		{name: "scope", kind: remote.Refused, want: "gmail.readonly", spoil: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.PathValue("user") == anna {
				fail(w, http.StatusForbidden, "insufficientPermissions", "Insufficient Permission")
			}
			return r.PathValue("user") == anna
		}},
		{name: "API off", kind: remote.Permanent, want: "switch on the Gmail API", spoil: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.PathValue("user") == anna {
				fail(w, http.StatusForbidden, "accessNotConfigured", "Gmail API has not been used in project 1 before or it is disabled.")
			}
			return r.PathValue("user") == anna
		}},
		{name: "delegation", kind: remote.Refused, want: "domain-wide delegation", grant: func(w http.ResponseWriter, form url.Values, subject string) bool {
			if subject == anna {
				w.WriteHeader(http.StatusUnauthorized)
				fmt.Fprintf(w, `{"error":"unauthorized_client","error_description":"Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested. %s"}`, form.Get("assertion"))
			}
			return subject == anna
		}},
		{name: "gone", kind: remote.Refused, want: "no such mailbox", grant: func(w http.ResponseWriter, _ url.Values, subject string) bool {
			if subject == anna {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error":"invalid_grant","error_description":"Invalid email or User ID"}`)
			}
			return subject == anna
		}},
		{name: "revoked in the middle", kind: remote.Refused, want: "a new token was refused", spoil: func(w http.ResponseWriter, r *http.Request, n int) bool {
			revoked := r.PathValue("user") == anna && n > 4
			if revoked {
				fail(w, http.StatusUnauthorized, "authError", "Invalid Credentials, "+r.Header.Get("Authorization"))
			}
			return revoked
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.put(anna, 0, 8, "INBOX")
			texts := f.put(bela, 100, 2, "INBOX")
			f.spoil, f.grant = c.spoil, c.grant
			s := resttest.NewShelf()
			err := s.Read(t, open(t, f.config(anna, bela)))
			list := remote.Failures(err)
			if len(list) != 1 || list[0].Kind != c.kind || list[0].Mailbox != anna || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), anna+"-1") || strings.Contains(err.Error(), "eyJ")) {
				t.Errorf("a secret is told: %v", err)
			}
			s.Once(t, place+"/"+bela, texts)
		})
	}
	f := newFake(t)
	if err := resttest.NewShelf().Read(t, open(t, f.config("nobody@house.example"))); err == nil || !strings.Contains(err.Error(), "Mail service not enabled") {
		t.Errorf("got %v", err)
	}
}

// TestOtherAnswers has answers that are damaged or too large.
func TestOtherAnswers(t *testing.T) {
	f := newFake(t)
	texts := f.put(anna, 0, 6, "INBOX")
	cfg := f.config(anna)
	cfg.MaxMessage = 1024
	f.boxes[anna].mails[2].text = resttest.Message(2, 100_000)
	s := resttest.NewShelf()
	f.spoilWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.PathValue("id") == "18f0003" {
			fail(w, http.StatusInternalServerError, "backendError", "Backend Error")
			return true
		}
		return false
	})
	src := open(t, cfg)
	for range 20 {
		if s.Read(t, src) == nil {
			break
		}
	}
	s.Once(t, place, []string{texts[0], texts[1], texts[4], texts[5]})
	if len(s.Problems) != 2 {
		t.Errorf("problems: %v", s.Problems)
	}
	f.spoilWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		reply(w, map[string]any{"historyId": "soon", "raw": "***", "messages": []any{map[string]string{"id": "../../x"}}})
		return true
	})
	if err := resttest.NewShelf().Read(t, open(t, f.config(anna))); err == nil || !strings.Contains(err.Error(), "history") {
		t.Errorf("got %v", err)
	}
}

func TestUntil(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"User-rate limit exceeded.  Retry after 2026-03-01T12:00:30.500Z (Mail sending)": 30500 * time.Millisecond,
		"Retry after 2026-03-01T11:00:00Z":                                               0,
		"Retry after 9026-03-01T11:00:00Z":                                               24 * time.Hour,
		"Retry after 2026-99-01T11:00:00Z":                                               0,
		"":                                                                               0,
	} {
		if got := until(text, now); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// FuzzRawMail holds what a message decodes to against its length.
func FuzzRawMail(f *testing.F) {
	for _, seed := range []string{`""`, `"YQ=="`, `"YQ"`, `"-_8\u003d"`, `null`, `"*"`, `7`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m struct {
			Raw rawMail `json:"raw"`
		}
		if json.Unmarshal(append(append([]byte(`{"raw":`), b...), '}'), &m) == nil && len(m.Raw) > len(b) {
			t.Errorf("%q: %d bytes", b, len(m.Raw))
		}
	})
}

func TestCheckAndConfig(t *testing.T) {
	f := newFake(t)
	f.put(anna, 0, 3, "INBOX")
	var found []remote.Folder
	if err := open(t, f.config(anna)).Check(t.Context(), func(folder remote.Folder) { found = append(found, folder) }); err != nil || len(found) != 1 || found[0].Messages != 3 {
		t.Errorf("%v, %v", found, err)
	}
	good := f.config(anna, bela)
	for want, change := range map[string]func(*Config){
		"":                         func(*Config) {},
		"mailboxes is missing":     func(c *Config) { c.Mailboxes = nil },
		"named twice":              func(c *Config) { c.Mailboxes = []string{anna, "Anna@house.example"} },
		"want an address":          func(c *Config) { c.Mailboxes = []string{"me"} },
		"endpoint":                 func(c *Config) { c.Endpoint = "http://gmail.example" },
		"without a path":           func(c *Config) { c.Endpoint = "https://gmail.example/x" },
		"scopes: leave it away":    func(c *Config) { c.Scopes = []string{"https://mail.google.com/"} },
		"are Microsoft's":          func(c *Config) { c.Tenant = "x" },
		"how does the program":     func(c *Config) { c.ServiceAccountFile = "" },
		"refresh_token_file is":    func(c *Config) { c.ServiceAccountFile, c.RefreshTokenFile, c.ClientID = "", "r", "c" },
		"1 to 16":                  func(c *Config) { c.Parallel = 99 },
		"credentials of their own": func(c *Config) { pull := c.Config.Config; c.Pull = &pull },
	} {
		cfg := good
		change(&cfg)
		if err := cfg.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", want, err)
		}
	}
}
