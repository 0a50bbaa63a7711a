package resttest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

// TokenServer gives access tokens (RFC 6749) and judges them for a mail server (RFC 7662). Every token and secret of its begins with
// "sesame", so that a test can look for one where none may be.
type TokenServer struct {
	*Server           // gives tokens, at /token
	Introspect string // judges them; plain HTTP, as a mail server beside it asks

	mailbox string
	mu      sync.Mutex
	left    map[string]int // guarded by mu: how often a token is still good
	uses    int            // guarded by mu: how often a new one is
	given   []url.Values   // guarded by mu: what was asked
	judged  map[bool]int   // guarded by mu: how often one was good or not
	refresh string         // guarded by mu: the token of that kind that is good; "" for none
	revoked bool           // guarded by mu
	faint   bool           // guarded by mu
	deaf    bool           // guarded by mu: it gives tokens, and finds none good
}

// The secret of the only client that a TokenServer knows, and the first refresh token.
const (
	TokenClient       = "reader"
	TokenClientSecret = "sesame-client"
	FirstRefreshToken = "sesame-refresh-0"
)

// ServeTokens starts a TokenServer whose tokens are good for one mailbox.
func ServeTokens(t testing.TB, mailbox string) *TokenServer {
	t.Helper()
	s := &TokenServer{mailbox: mailbox, left: map[string]int{}, uses: 1 << 30, judged: map[bool]int{}, refresh: FirstRefreshToken}
	s.Server = Serve(t, http.HandlerFunc(s.give))
	judge := httptest.NewServer(http.HandlerFunc(s.judge))
	t.Cleanup(judge.Close)
	s.Introspect = judge.URL + "/introspect"
	return s
}

// Lasts says for how many sign-ins each new token is good.
func (s *TokenServer) Lasts(signIns int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uses = signIns
}

// Revoke ends all tokens, and gives no more.
func (s *TokenServer) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = true
	clear(s.left)
}

// RefuseAll goes on to give tokens, and finds none of them good: the right to read the mailbox was withdrawn.
func (s *TokenServer) RefuseAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = true
}

// Faint has it judge no token while faint: it answers that it is broken.
func (s *TokenServer) Faint(faint bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faint = faint
}

// Count is how many tokens were given, and how many were found good and not good.
func (s *TokenServer) Count() (given, good, bad int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.left), s.judged[true], s.judged[false]
}

// Asked are the forms that were sent for tokens.
func (s *TokenServer) Asked() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]url.Values{}, s.given...)
}

func (s *TokenServer) give(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method != http.MethodPost || r.URL.Path != "/token" || r.ParseForm() != nil {
		http.NotFound(w, r)
		return
	}
	f := r.PostForm
	s.given = append(s.given, f)
	w.Header().Set("Content-Type", "application/json")
	known := f.Get("client_id") == TokenClient && f.Get("client_secret") == TokenClientSecret
	byRefresh := f.Get("grant_type") == "refresh_token"
	switch {
	case !known:
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client"}`)
		return
	case s.revoked || byRefresh && f.Get("refresh_token") != s.refresh || !byRefresh && f.Get("grant_type") != "client_credentials":
		w.WriteHeader(http.StatusBadRequest) // it says again what it was told, as a careless one does
		fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"Token %s of %s has been expired or revoked."}`, f.Get("refresh_token"), f.Get("client_secret"))
		return
	}
	token := fmt.Sprintf("sesame-access-%d", len(s.given))
	s.left[token] = s.uses
	renewed := ""
	if byRefresh {
		s.refresh = fmt.Sprintf("sesame-refresh-%d", len(s.given))
		renewed = fmt.Sprintf(`,"refresh_token":%q`, s.refresh)
	}
	fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3600,"access_token":%q%s}`, token, renewed)
}

func (s *TokenServer) judge(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faint {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	token := r.PostFormValue("token")
	good := s.left[token] > 0 && !s.deaf
	s.judged[good]++
	if good {
		s.left[token]--
	}
	w.Header().Set("Content-Type", "application/json")
	if !good {
		fmt.Fprint(w, `{"active":false}`)
		return
	}
	fmt.Fprintf(w, `{"active":true,"email":%q,"scope":"imap"}`, s.mailbox)
}
