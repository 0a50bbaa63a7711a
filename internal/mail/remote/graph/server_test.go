package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"portcullis.example/portcullis/internal/mail/remote/hosted"
	"portcullis.example/portcullis/internal/mail/remote/oauth"
	"portcullis.example/portcullis/internal/mail/remote/rest/resttest"
)

const (
	anna   = "anna@house.example"
	bela   = "bela@house.example"
	secret = "very-secret-word"
)

// fake answers as Microsoft documents: tokens, folders and messages by delta query, MIME. It numbers
// every change, and a link says since which one.
type fake struct {
	*resttest.Server
	t *testing.T

	mu       sync.Mutex
	boxes    map[string]*fakeBox
	tokens   int            // that were given
	lives    int            // requests that each token is good for; 0: all
	uses     int            // of the last token
	requests map[string]int // by what was asked
	fetched  map[string]int // by identifier of the message
	oldest   int            // links from before this change are gone (410)
	spoil    func(w http.ResponseWriter, r *http.Request, n int) bool
	count    int
	grant    func(w http.ResponseWriter, form url.Values) bool
}

type fakeBox struct {
	changes []change
	folders []fakeFolder
	known   map[string]string
}

type fakeFolder struct{ id, name, parent, kind string }

type change struct {
	folder, id, text string
	removed, draft   bool
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, boxes: map[string]*fakeBox{}, requests: map[string]int{}, fetched: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /house.example/oauth2/v2.0/token", f.token)
	mux.HandleFunc("GET /v1.0/users/{user}/mailFolders/delta", f.folders)
	mux.HandleFunc("GET /v1.0/users/{user}/mailFolders/{id}", f.folder)
	mux.HandleFunc("GET /v1.0/users/{user}/mailFolders/{id}/messages/delta", f.messages)
	mux.HandleFunc("GET /v1.0/users/{user}/messages/{id}/$value", f.value)
	f.Server = resttest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/token") {
			t.Errorf("it sent %s %s", r.Method, r.URL.Path)
		}
		mux.ServeHTTP(w, r)
	}))
	return f
}

// spoilWith sets what may spoil an answer. A reader killed before may still be asking.
func (f *fake) spoilWith(spoil func(w http.ResponseWriter, r *http.Request, n int) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = spoil
}

func (f *fake) box(name string) *fakeBox {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.boxes[name]
	if b == nil {
		b = &fakeBox{known: map[string]string{"inbox": "I=", "junkemail": "J=", "sentitems": "S=", "drafts": "D=", "deleteditems": "T="}}
		b.folders = []fakeFolder{{"I=", "Posteingang", "root", ""}, {"J=", "Junk", "root", ""}, {"S=", "Gesendet", "root", ""}, {"D=", "Entwürfe", "root", ""}, {"T=", "Papierkorb", "root", ""}, {"X=", "Budget/2026", "I=", ""}, {"V=", "Suche", "root", "#microsoft.graph.mailSearchFolder"}}
		f.boxes[name] = b
	}
	return b
}

// put adds messages to a folder, and returns them.
func (f *fake) put(box, folder string, from, n int) (texts []string) {
	b := f.box(box)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := from; i < from+n; i++ {
		text := resttest.Message(i, i%5*300)
		b.changes = append(b.changes, change{folder: folder, id: fmt.Sprintf("AA%d=", i), text: text})
		texts = append(texts, text)
	}
	return texts
}

func (f *fake) again(box string, c change) {
	b := f.box(box)
	f.mu.Lock()
	defer f.mu.Unlock()
	b.changes = append(b.changes, c)
}

func (f *fake) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		f.t.Error(err)
	}
	if f.grant != nil && f.grant(w, r.PostForm) {
		return
	}
	if r.PostForm.Get("client_secret") != secret {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided %s."}`, r.PostForm.Get("client_secret"))
		return
	}
	f.tokens++
	f.uses = 0
	fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"token-%d"}`, f.tokens)
}

// begin does what every request has in common, and says whether it is answered.
func (f *fake) begin(w http.ResponseWriter, r *http.Request) (*fakeBox, bool) {
	if strings.Contains(r.URL.Path, "/messages") { // a list of folders is asked for as a whole
		f.count++
	}
	if f.spoil != nil && f.spoil(w, r, f.count) {
		return nil, false
	}
	f.uses++
	if r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", f.tokens) || f.lives > 0 && f.uses > f.lives {
		fail(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
		return nil, false
	}
	if !strings.Contains(strings.Join(r.Header.Values("Prefer"), ","), `IdType="ImmutableId"`) {
		f.t.Error("identifiers are not asked to be immutable")
	}
	b := f.boxes[r.PathValue("user")]
	if b == nil {
		fail(w, http.StatusNotFound, "ErrorInvalidUser", "The requested user is invalid.")
		return nil, false
	}
	return b, true
}

func fail(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%q,"message":%q,"innerError":{"date":"2026-03-01T12:00:00"}}}`, code, message)
}

func (f *fake) folder(w http.ResponseWriter, r *http.Request) {
	b, ok := f.begin(w, r)
	if !ok {
		return
	}
	id, ok := b.known[r.PathValue("id")]
	if !ok {
		fail(w, http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
		return
	}
	reply(w, map[string]any{"id": id})
}

func (f *fake) folders(w http.ResponseWriter, r *http.Request) {
	b, ok := f.begin(w, r)
	if !ok {
		return
	}
	f.requests["folders"]++
	at, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken") + r.URL.Query().Get("$deltatoken"))
	var list []any
	end := min(at+3, len(b.folders))
	for _, d := range b.folders[min(at, end):end] {
		one := map[string]any{"id": d.id, "displayName": d.name, "parentFolderId": d.parent, "totalItemCount": 7}
		if d.kind != "" {
			one["@odata.type"] = d.kind
		}
		list = append(list, one)
	}
	f.end(w, r, list, end < len(b.folders), end)
}

func (f *fake) end(w http.ResponseWriter, r *http.Request, list []any, more bool, at int) {
	name, token := "@odata.deltaLink", "$deltatoken"
	if more {
		name, token = "@odata.nextLink", "$skiptoken"
	}
	if list == nil {
		list = []any{}
	}
	reply(w, map[string]any{"value": list, name: f.URL + r.URL.EscapedPath() + "?" + url.Values{token: {strconv.Itoa(at)}}.Encode()})
}

func (f *fake) messages(w http.ResponseWriter, r *http.Request) {
	b, ok := f.begin(w, r)
	if !ok {
		return
	}
	f.requests["messages"]++
	skip, delta := r.URL.Query().Get("$skiptoken"), r.URL.Query().Get("$deltatoken")
	at, _ := strconv.Atoi(skip + delta)
	if delta != "" && at < f.oldest {
		fail(w, http.StatusGone, "SyncStateNotFound", "The sync state generation is not found.")
		return
	}
	size := 10
	for _, p := range r.Header.Values("Prefer") {
		_, _ = fmt.Sscanf(p, "odata.maxpagesize=%d", &size)
	}
	var list []any
	for ; at < len(b.changes) && len(list) < size; at++ {
		c := b.changes[at]
		switch {
		case c.folder != r.PathValue("id"):
		case c.removed:
			list = append(list, map[string]any{"id": c.id, "@removed": map[string]string{"reason": "deleted"}})
		default:
			list = append(list, map[string]any{"id": c.id, "receivedDateTime": "2026-03-01T12:00:00Z", "isDraft": c.draft})
		}
	}
	f.end(w, r, list, at < len(b.changes), at)
}

func (f *fake) value(w http.ResponseWriter, r *http.Request) {
	b, ok := f.begin(w, r)
	if !ok {
		return
	}
	for i := len(b.changes) - 1; i >= 0; i-- {
		if c := b.changes[i]; c.id == r.PathValue("id") && !c.removed {
			f.fetched[c.id]++
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(w, c.text)
			return
		}
	}
	fail(w, http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
}

func reply(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func (f *fake) config(t *testing.T, mailboxes ...string) Config {
	return Config{Config: hosted.Config{
		Config: oauth.Config{
			Tenant: "house.example", ClientID: "11111111-2222-3333-4444-555555555555", Authority: f.URL, CAFile: f.CAFile,
			ClientSecretFile: resttest.File(t, secret+"\n"),
		},
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
