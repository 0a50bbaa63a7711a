package graph

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/rest/resttest"
	"portcullis.example/portcullis/internal/mail/source"
)

const place = "graph:house"

func mustRead(t *testing.T, s *resttest.Shelf, src remote.Source) {
	t.Helper()
	if err := s.Read(t, src); err != nil {
		t.Fatal(err)
	}
}

// TestReads reads what is there, what comes, and nothing twice.
func TestReads(t *testing.T) {
	f := newFake(t)
	texts := f.put(anna, "I=", 0, 12)
	texts = append(texts, f.put(anna, "X=", 20, 3)...)
	texts = append(texts, f.put(anna, "S=", 30, 2)...)
	texts = append(texts, f.put(anna, "J=", 40, 1)...)
	f.put(anna, "D=", 50, 2) // drafts
	f.put(anna, "V=", 60, 1) // a search
	f.again(anna, change{folder: "I=", id: "AA3=", text: resttest.Message(3, 900)})
	src := open(t, f.config(t, anna))
	s := resttest.NewShelf()
	mustRead(t, s, src)
	if n := s.Once(t, place, texts); n != 0 {
		t.Errorf("%d were handed on twice", n)
	}
	for _, item := range s.Items {
		sent, junk := item.Source == place+"/Gesendet", item.Source == place+"/Junk"
		if (item.Mailbox == "") != sent || (item.Kept.State&source.Sent != 0) != sent || (item.Kept.State&source.Junk != 0) != junk || item.Envelope.Time.IsZero() {
			t.Errorf("%s: %+v of %q", item.Source, item.Kept, item.Mailbox)
		}
	}
	if !slices.ContainsFunc(s.Items, func(i source.Item) bool { return i.Source == place+"/Posteingang/Budget_2026" }) {
		t.Error("the folder in the folder is not named")
	}

	// Flagged, filed elsewhere, removed: nothing of it is fetched. New: it is.
	fetched := len(f.fetched)
	f.again(anna, change{folder: "I=", id: "AA5=", text: texts[5]})
	f.again(anna, change{folder: "X=", id: "AA6=", text: texts[6]})
	f.again(anna, change{folder: "I=", id: "AA6=", removed: true})
	texts = append(texts, f.put(anna, "I=", 100, 1)...)
	mustRead(t, s, open(t, f.config(t, anna)))
	if n := s.Once(t, place, texts); n != 0 || len(f.fetched) != fetched+1 {
		t.Errorf("%d were handed on twice, %d fetched", n, len(f.fetched)-fetched)
	}
	if s.Answered[anna] == 0 {
		t.Error("nobody was told that the mailbox answers")
	}
}

// TestKill kills the store at every point; the next run goes on, and nothing is missed or doubled.
func TestKill(t *testing.T) {
	f := newFake(t)
	texts := f.put(anna, "I=", 0, 17)
	texts = append(texts, f.put(anna, "X=", 20, 6)...)
	others := f.put(bela, "I=", 100, 4)
	for kill := 1; ; kill++ {
		s := resttest.NewShelf()
		s.Kill, s.Batch = kill, 1+kill%5
		err := s.Read(t, open(t, f.config(t, anna, bela)))
		if err == nil {
			break
		}
		if !errors.Is(err, resttest.ErrKilled) {
			t.Fatal(err)
		}
		s.Kill = 0
		mustRead(t, s, open(t, f.config(t, anna, bela)))
		if n := s.Once(t, place+"/"+anna, texts) + s.Once(t, place+"/"+bela, others); n != 0 {
			t.Errorf("killed at %d: %d handed on twice", kill, n)
		}
		if t.Failed() {
			t.Fatalf("killed after %d calls", kill)
		}
	}
}

// TestCutAnywhere cuts connections after every so many bytes.
func TestCutAnywhere(t *testing.T) {
	f := newFake(t)
	texts := f.put(anna, "I=", 0, 8)
	texts = append(texts, f.put(anna, "X=", 20, 3)...)
	step, cuts := int64(487), 0
	if testing.Short() {
		step = 2003
	}
	for at := int64(0); ; at += step {
		s := resttest.NewShelf()
		f.Cut(at)
		src := open(t, f.config(t, anna))
		err := s.Read(t, src)
		if !f.WasCut() {
			f.Cut(-1)
			mustRead(t, s, src)
			s.Once(t, place, texts)
			break
		}
		if cuts++; err == nil { // cut while idle, or the last byte of an answer
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

// TestTrouble has a server that throttles, breaks down, and takes no token for long. However often it is asked again, in the
// end nothing is missed or doubled.
func TestTrouble(t *testing.T) {
	for _, c := range []struct {
		name  string
		lives int
		kind  remote.Kind
		after time.Duration
		spoil func(w http.ResponseWriter, r *http.Request, n int) bool
	}{
		{name: "tokens end in the middle", lives: 9},
		{name: "429", kind: remote.Throttled, after: 17 * time.Second, spoil: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if !mail(r) || n%5 != 0 {
				return false
			}
			w.Header().Set("Retry-After", "17")
			fail(w, http.StatusTooManyRequests, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.")
			return true
		}},
		{name: "503 with Retry-After", kind: remote.Throttled, after: 3 * time.Second, spoil: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if !mail(r) || n%7 != 0 {
				return false
			}
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}},
		{name: "5xx", kind: remote.Temporary, spoil: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if !mail(r) || n%6 != 0 {
				return false
			}
			w.WriteHeader([]int{500, 502, 504}[n/6%3])
			fmt.Fprint(w, "<html>")
			return true
		}},
		{name: "half pages", kind: remote.Temporary, spoil: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if !mail(r) || n%6 != 0 || strings.HasSuffix(r.URL.Path, "$value") {
				return false
			}
			fmt.Fprint(w, `{"value":[{"id":"AA1=","receivedDateTime":"2026-`)
			return true
		}},
		{name: "pages without a link", kind: remote.Temporary, spoil: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if !mail(r) || n%6 != 0 || !strings.HasSuffix(r.URL.Path, "delta") {
				return false
			}
			fmt.Fprint(w, `{"value":[]}`)
			return true
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			texts := f.put(anna, "I=", 0, 23)
			f.lives, f.spoil = c.lives, c.spoil
			s := resttest.NewShelf()
			cfg := f.config(t, anna)
			cfg.Parallel = 2 // a token that is new is not used up before it is used
			src := open(t, cfg)
			failed := 0
			for {
				err := s.Read(t, src)
				if err == nil {
					break
				}
				if failed++; failed > 100 {
					t.Fatal("there is no end: ", err)
				}
				for _, failure := range remote.Failures(err) {
					if failure.Kind != c.kind || failure.After != c.after {
						t.Errorf("%v is %v, after %v", failure, failure.Kind, failure.After)
					}
				}
			}
			if n := s.Once(t, place, texts); n != 0 {
				t.Errorf("%d handed on twice", n)
			}
			if f.spoil != nil && failed == 0 || f.lives > 0 && f.tokens < 3 {
				t.Error("there was no trouble: this test showed nothing")
			}
		})
	}
}

func mail(r *http.Request) bool { return strings.Contains(r.URL.Path, "/messages") }

// TestResync has links expire, for a mailbox that was read and one that is being read.
func TestResync(t *testing.T) {
	f := newFake(t)
	texts := f.put(anna, "I=", 0, 31)
	s := resttest.NewShelf()
	mustRead(t, s, open(t, f.config(t, anna)))
	texts = append(texts, f.put(anna, "I=", 40, 6)...)
	f.oldest = 36
	mustRead(t, s, open(t, f.config(t, anna)))
	if n := s.Once(t, place, texts); n != 0 {
		t.Errorf("%d handed on twice", n)
	}

	f.oldest = 0
	for _, kill := range []int{9, 20, 33} {
		s = resttest.NewShelf()
		s.Kill, s.Batch = kill, 1
		if err := s.Read(t, open(t, f.config(t, anna))); !errors.Is(err, resttest.ErrKilled) {
			t.Fatal(err)
		}
		var gone atomic.Bool
		f.spoilWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if !strings.Contains(r.URL.RawQuery, "skiptoken") || strings.Contains(r.URL.Path, "Folders/delta") || gone.Swap(true) {
				return false
			}
			fail(w, http.StatusGone, "resyncRequired", "Resync required.")
			return true
		})
		s.Kill = 0
		mustRead(t, s, open(t, f.config(t, anna)))
		if n := s.Once(t, place, texts); n != 0 || !gone.Load() {
			t.Errorf("killed at %d: %d handed on twice", kill, n)
		}
		f.spoilWith(nil)
	}
}

// TestForeignLink has a server whose answers point elsewhere. No token goes there, and nothing is stored.
func TestForeignLink(t *testing.T) {
	var asked atomic.Int32
	thief := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer thief.Close()
	for _, link := range []string{
		thief.URL + "/v1.0/users/x/messages/delta?$skiptoken=1", "http://127.0.0.1/v1.0/x", "https://169.254.169.254/v1.0/x", "file:///etc/passwd", "//thief.example/v1.0/",
		"https://user:pw@127.0.0.1/v1.0/", "SELF/beta/users/x", "SELF/v1.0/../admin", "SELF@thief.example/v1.0/", "javascript:alert(1)",
	} {
		for _, redirect := range []bool{false, true} {
			f := newFake(t)
			f.put(anna, "I=", 0, 3)
			link := strings.Replace(link, "SELF", f.URL, 1)
			f.spoilWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if !strings.HasSuffix(r.URL.Path, "/messages/delta") {
					return false
				}
				if redirect {
					w.Header().Set("Location", link)
					w.WriteHeader(http.StatusTemporaryRedirect)
					return true
				}
				reply(w, map[string]any{"value": []any{}, "@odata.nextLink": link})
				return true
			})
			s := resttest.NewShelf()
			err := s.Read(t, open(t, f.config(t, anna)))
			if failures := remote.Failures(err); len(failures) != 1 || failures[0].Kind != remote.Permanent || !strings.Contains(err.Error(), "not followed") {
				t.Errorf("%s (redirect: %v): %v", link, redirect, err)
			}
			for key, state := range s.States {
				if strings.Contains(string(state), "thief") {
					t.Errorf("%q holds %s", key, state)
				}
			}
		}
	}
	if asked.Load() != 0 {
		t.Error("the other server was asked")
	}
}

// TestRefused has secrets and rights that are not good, and says what to do without telling the secret.
func TestRefused(t *testing.T) {
	f := newFake(t)
	f.put(anna, "I=", 0, 2)
	texts := f.put(bela, "I=", 10, 2)
	cfg := f.config(t, anna, bela)
	cfg.ClientSecretFile = resttest.File(t, "wrong-secret-word")
	err := resttest.NewShelf().Read(t, open(t, cfg))
	if list := remote.Failures(err); len(list) != 2 || list[0].Kind != remote.Refused || list[0].Mailbox != anna || f.requests["folders"] != 0 {
		t.Errorf("a wrong secret: %v", err)
	}
	if strings.Contains(err.Error(), "wrong-secret-word") || !strings.Contains(err.Error(), "client_secret_file") {
		t.Errorf("a wrong secret: %v", err)
	}

	f.spoilWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.PathValue("user") != anna {
			return false
		}
		fail(w, http.StatusForbidden, "ErrorAccessDenied", "Access to OData is disabled, token-1.")
		return true
	})
	s := resttest.NewShelf()
	err = s.Read(t, open(t, f.config(t, anna, bela)))
	if list := remote.Failures(err); len(list) != 1 || list[0].Kind != remote.Refused || list[0].Mailbox != anna || !strings.Contains(err.Error(), "access policy") {
		t.Errorf("no right: %v", err)
	}
	if strings.Contains(err.Error(), "token-1") {
		t.Errorf("the token is told: %v", err)
	}
	s.Once(t, place+"/"+bela, texts)

	f.spoilWith(nil)
	err = resttest.NewShelf().Read(t, open(t, f.config(t, "nobody@house.example")))
	if list := remote.Failures(err); len(list) != 1 || list[0].Kind != remote.Permanent || !strings.Contains(err.Error(), "no such mailbox") {
		t.Errorf("no mailbox: %v", err)
	}
}

// TestDamaged has messages that the server cannot give: others are read, and that is told.
func TestDamaged(t *testing.T) {
	f := newFake(t)
	texts := f.put(anna, "I=", 0, 14)
	f.spoilWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		switch r.PathValue("id") {
		case "AA3=":
			fail(w, http.StatusBadRequest, "ErrorMimeContentConversionFailed", "The MIME content could not be converted.")
		case "AA8=":
			fail(w, http.StatusInternalServerError, "ErrorInternalServerError", "An internal server error occurred.")
		default:
			return false
		}
		return true
	})
	s := resttest.NewShelf()
	src := open(t, f.config(t, anna))
	for range 20 {
		if s.Read(t, src) == nil {
			break
		}
	}
	texts = slices.Delete(slices.Clone(texts), 8, 9)
	texts = slices.Delete(texts, 3, 4)
	if n := s.Once(t, place, texts); n != 0 || len(s.Problems) != 2 {
		t.Errorf("%d doubles, problems: %v", n, s.Problems)
	}

	// If the server gives nothing of any, it is not the messages.
	f.put(bela, "I=", 200, 60)
	f.spoilWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if strings.HasSuffix(r.URL.Path, "$value") {
			fail(w, http.StatusBadRequest, "BadRequest", "no")
			return true
		}
		return false
	})
	if err := resttest.NewShelf().Read(t, open(t, f.config(t, bela))); err == nil || !strings.Contains(err.Error(), "in a row") {
		t.Errorf("got %v", err)
	}
}

// TestLimits has one message that is too large, an answer that is, and a server that goes quiet.
func TestLimits(t *testing.T) {
	f := newFake(t)
	large := resttest.Message(1, 50_000)
	f.again(anna, change{folder: "I=", id: "AAL=", text: large})
	cfg := f.config(t, anna)
	cfg.MaxMessage = 10_000
	s := resttest.NewShelf()
	mustRead(t, s, open(t, cfg))
	s.Once(t, place, []string{large[:10_000]})
	if len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Error(), "max_message") {
		t.Errorf("problems: %v", s.Problems)
	}
	src := open(t, f.config(t, anna))
	src.client.MaxAnswer = 100
	if err := resttest.NewShelf().Read(t, src); err == nil || !strings.Contains(err.Error(), "larger than 100") {
		t.Errorf("got %v", err)
	}
	cfg.TimeoutSeconds = 1
	release := make(chan struct{})
	f.spoilWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		fmt.Fprint(w, `{"value":[`)
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return true
	})
	err := resttest.NewShelf().Read(t, open(t, cfg))
	close(release)
	if list := remote.Failures(err); len(list) != 1 || list[0].Kind != remote.Temporary || !strings.Contains(err.Error(), "said nothing") {
		t.Errorf("got %v", err)
	}
}

// TestTurns reads a large mailbox without keeping a small one waiting.
func TestTurns(t *testing.T) {
	f := newFake(t)
	texts, others := f.put(anna, "I=", 0, 40), f.put(bela, "I=", 100, 2)
	src := open(t, f.config(t, anna, bela))
	src.settings.turnMessages = 12
	s := resttest.NewShelf()
	mustRead(t, s, src)
	if n := s.Once(t, place+"/"+anna, texts) + s.Once(t, place+"/"+bela, others); n != 0 {
		t.Errorf("%d handed on twice", n)
	}
	if at := slices.IndexFunc(s.Items, func(i source.Item) bool { return i.Mailbox == bela }); at != 12 {
		t.Errorf("the small mailbox came after %d messages", at)
	}
}

// TestQuiet asks folders in which nothing happens more seldom, and the inbox each time.
func TestQuiet(t *testing.T) {
	f := newFake(t)
	f.put(anna, "I=", 0, 1)
	src, s := open(t, f.config(t, anna)), resttest.NewShelf()
	var before int
	for n := range 40 {
		before = f.requests["messages"]
		mustRead(t, s, src)
		if n < 4 && f.requests["messages"]-before < 5 {
			t.Errorf("round %d: %d folders were asked", n, f.requests["messages"]-before)
		}
	}
	if n := f.requests["messages"]; n > 40*4 {
		t.Errorf("%d requests in 40 rounds", n)
	}
	texts := f.put(anna, "X=", 50, 1)
	for range longestQuiet + 1 {
		mustRead(t, s, src)
	}
	if got := s.Items[len(s.Items)-1]; string(got.Raw) != texts[0] {
		t.Error("what came to a quiet folder was not found")
	}
}

func TestCheckAndWatch(t *testing.T) {
	f := newFake(t)
	f.put(anna, "I=", 0, 2)
	cfg := f.config(t, anna)
	cfg.Exclude = []string{"Posteingang/**"}
	src := open(t, cfg)
	got := map[string]string{}
	if err := src.Check(t.Context(), func(folder remote.Folder) { got[folder.Name] = folder.Skipped }); err != nil {
		t.Fatal(err)
	}
	for name, skipped := range map[string]string{"Posteingang": "", "Entwürfe": "drafts", "Posteingang/Budget_2026": "excluded", "Suche": "it shows again what lies elsewhere", "Junk": ""} {
		if have, ok := got[name]; !ok || have != skipped {
			t.Errorf("%s: %q", name, have)
		}
	}
	if f.requests["messages"] != 0 {
		t.Error("mail was looked at")
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	if err := src.Wait(t.Context(), time.Hour); err == nil {
		t.Error("a source that is closed waits")
	}
}
