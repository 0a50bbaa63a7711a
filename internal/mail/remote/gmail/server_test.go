package gmail

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/remote/hosted"
	"portcullis.example/portcullis/internal/mail/remote/oauth"
	"portcullis.example/portcullis/internal/mail/remote/rest/resttest"
)

const (
	anna  = "anna@house.example"
	bela  = "bela@house.example"
	place = "gmail:house"
)

// fake answers as Google documents: tokens for assertions, profile, lists in pages, history, raw messages.
type fake struct {
	*resttest.Server
	t *testing.T

	mu      sync.Mutex
	boxes   map[string]*fakeBox
	tokens  map[string]int // that were given, by subject
	uses    int
	lives   int
	fetched int
	count   int
	lists   int
	oldest  int // histories from before are gone (404)
	spoil   func(w http.ResponseWriter, r *http.Request, n int) bool
	grant   func(w http.ResponseWriter, form url.Values, subject string) bool
	key     string // of the service account
}

type fakeBox struct {
	mails  []fakeMail // in the order they came; the history is the place in it
	labels map[string]string
}

type fakeMail struct {
	id, text string
	labels   []string
	changed  bool // a label was: no message was added
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, boxes: map[string]*fakeBox{}, tokens: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", f.token)
	mux.HandleFunc("GET /gmail/v1/users/{user}/profile", f.profile)
	mux.HandleFunc("GET /gmail/v1/users/{user}/labels", f.labels)
	mux.HandleFunc("GET /gmail/v1/users/{user}/messages", f.list)
	mux.HandleFunc("GET /gmail/v1/users/{user}/history", f.history)
	mux.HandleFunc("GET /gmail/v1/users/{user}/messages/{id}", f.message)
	f.Server = resttest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Method != http.MethodGet && r.URL.Path != "/token" {
			t.Errorf("it sent %s %s", r.Method, r.URL.Path)
		}
		mux.ServeHTTP(w, r)
	}))
	f.key = resttest.File(t, serviceAccount(t))
	return f
}

// spoilWith sets what may spoil an answer. A reader killed before may still be asking.
func (f *fake) spoilWith(spoil func(w http.ResponseWriter, r *http.Request, n int) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = spoil
}

var (
	accountOnce sync.Once
	accountText string
)

// serviceAccount is the key of a service account. Making one takes long, so all tests have the same.
func serviceAccount(t *testing.T) string {
	accountOnce.Do(func() {
		key, _, _ := resttest.Pair(t, time.Now().Add(time.Hour))
		raw, err := json.Marshal(map[string]string{
			"type": "service_account", "client_email": "reader@project.example", "private_key_id": "k1", "private_key": resttest.KeyPEM(t, key),
			"token_uri": "https://thief.example/token",
		})
		if err != nil {
			t.Fatal(err)
		}
		accountText = string(raw)
	})
	return accountText
}

func (f *fake) put(box string, from, n int, labels ...string) (texts []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.boxes[box]
	if b == nil {
		b = &fakeBox{labels: map[string]string{"INBOX": "INBOX", "SENT": "SENT", "SPAM": "SPAM", "TRASH": "TRASH", "DRAFT": "DRAFT", "UNREAD": "UNREAD", "Label_7": "Budget/2026"}}
		f.boxes[box] = b
	}
	for i := from; i < from+n; i++ {
		text := resttest.Message(i, i%5*300)
		b.mails = append(b.mails, fakeMail{id: fmt.Sprintf("18f%04x", i), text: text, labels: labels})
		texts = append(texts, text)
	}
	return texts
}

func (f *fake) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		f.t.Error(err)
	}
	parts := strings.Split(r.PostForm.Get("assertion"), ".")
	if len(parts) != 3 {
		f.t.Fatalf("no assertion: %v", r.PostForm)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Iss, Sub, Scope, Aud string }
	if err := json.Unmarshal(raw, &claims); err != nil || claims.Scope != readOnly || claims.Iss != "reader@project.example" || claims.Aud != f.URL+"/token" {
		f.t.Errorf("claims: %s", raw)
	}
	if f.grant != nil && f.grant(w, r.PostForm, claims.Sub) {
		return
	}
	f.tokens[claims.Sub]++
	f.uses = 0
	fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"access_token":"%s-%d"}`, claims.Sub, f.tokens[claims.Sub])
}

func fail(w http.ResponseWriter, status int, reason, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"errors":[{"message":%q,"domain":"usageLimits","reason":%q}],"status":"X"}}`, status, message, message, reason)
}

func (f *fake) begin(w http.ResponseWriter, r *http.Request) (*fakeBox, bool) {
	f.count++
	if f.spoil != nil && f.spoil(w, r, f.count) {
		return nil, false
	}
	user := r.PathValue("user")
	f.uses++
	if r.Header.Get("Authorization") != fmt.Sprintf("Bearer %s-%d", user, f.tokens[user]) || f.lives > 0 && f.uses > f.lives {
		fail(w, http.StatusUnauthorized, "authError", "Request had invalid authentication credentials.")
		return nil, false
	}
	b := f.boxes[user]
	if b == nil {
		fail(w, http.StatusBadRequest, "failedPrecondition", "Mail service not enabled")
		return nil, false
	}
	return b, true
}

func reply(w http.ResponseWriter, answer any) { _ = json.NewEncoder(w).Encode(answer) }

func (f *fake) profile(w http.ResponseWriter, r *http.Request) {
	if b, ok := f.begin(w, r); ok {
		reply(w, map[string]any{"historyId": strconv.Itoa(1000 + len(b.mails)), "messagesTotal": len(b.mails)})
	}
}

func (f *fake) labels(w http.ResponseWriter, r *http.Request) {
	if b, ok := f.begin(w, r); ok {
		var list []any
		for id, name := range b.labels {
			list = append(list, map[string]string{"id": id, "name": name})
		}
		reply(w, map[string]any{"labels": list})
	}
}

// pages are tokens for the newest first, as Gmail lists.
func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	b, ok := f.begin(w, r)
	if !ok {
		return
	}
	f.lists++
	if r.URL.Query().Get("includeSpamTrash") != "true" {
		f.t.Error("spam and trash are left out")
	}
	at := len(b.mails)
	if token := r.URL.Query().Get("pageToken"); token != "" {
		at, _ = strconv.Atoi(token)
	}
	size, _ := strconv.Atoi(r.URL.Query().Get("maxResults"))
	answer := map[string]any{"resultSizeEstimate": 201}
	var list []any
	for ; at > 0 && len(list) < size; at-- {
		if m := b.mails[at-1]; !m.changed {
			list = append(list, map[string]string{"id": m.id, "threadId": m.id})
		}
	}
	if answer["messages"] = list; at > 0 {
		answer["nextPageToken"] = strconv.Itoa(at)
	}
	reply(w, answer)
}

func (f *fake) history(w http.ResponseWriter, r *http.Request) {
	b, ok := f.begin(w, r)
	if !ok {
		return
	}
	since, _ := strconv.Atoi(r.URL.Query().Get("startHistoryId"))
	if since < f.oldest {
		fail(w, http.StatusNotFound, "notFound", "Requested entity was not found.")
		return
	}
	at := since - 1000
	if token := r.URL.Query().Get("pageToken"); token != "" {
		at, _ = strconv.Atoi(token)
	}
	size, _ := strconv.Atoi(r.URL.Query().Get("maxResults"))
	answer := map[string]any{"historyId": strconv.Itoa(1000 + len(b.mails))}
	var list []any
	for ; at < len(b.mails) && len(list) < size; at++ {
		m := b.mails[at]
		record := map[string]any{"id": strconv.Itoa(1001 + at)}
		if !m.changed {
			record["messagesAdded"] = []any{map[string]any{"message": map[string]any{"id": m.id, "labelIds": m.labels}}}
		}
		list = append(list, record)
	}
	if list != nil {
		answer["history"] = list
	}
	if at < len(b.mails) {
		answer["nextPageToken"] = strconv.Itoa(at)
	}
	reply(w, answer)
}

func (f *fake) message(w http.ResponseWriter, r *http.Request) {
	b, ok := f.begin(w, r)
	if !ok {
		return
	}
	i := slices.IndexFunc(b.mails, func(m fakeMail) bool { return m.id == r.PathValue("id") })
	if i < 0 {
		fail(w, http.StatusNotFound, "notFound", "Requested entity was not found.")
		return
	}
	f.fetched++
	m := b.mails[i]
	reply(w, map[string]any{
		"labelIds": m.labels, "threadId": m.id, "internalDate": "1772366400000", "raw": base64.URLEncoding.EncodeToString([]byte(m.text)),
	})
}

func (f *fake) config(mailboxes ...string) Config {
	return Config{Config: hosted.Config{
		Config:   oauth.Config{ServiceAccountFile: f.key, TokenURL: f.URL + "/token", CAFile: f.CAFile},
		Endpoint: f.URL, Mailboxes: mailboxes, TimeoutSeconds: 10,
	}}
}

// open makes a source that reads small pages, and sends nothing twice by itself.
func open(t *testing.T, cfg Config) *Source {
	t.Helper()
	s, err := Open("house", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.settings.page = 5
	s.client.Attempts = 1
	return s
}
