package imap

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/oauth"
	"portcullis.example/portcullis/internal/mail/remote/rest/resttest"
	"portcullis.example/portcullis/internal/testenv"
)

// tokenHouse is a Dovecot that takes tokens of a service of its own, and a mailbox on it.
type tokenHouse struct {
	*testenv.DovecotServer
	tokens *resttest.TokenServer
}

func newTokenHouse(t *testing.T) *tokenHouse {
	t.Helper()
	tokens := resttest.ServeTokens(t, anna)
	return &tokenHouse{testenv.DovecotWithTokens(t, map[string]string{anna: "nobody knows it"}, tokens.Introspect), tokens}
}

// config signs in to the mailbox by a mechanism, with tokens that are got by a grant.
func (h *tokenHouse) config(t *testing.T, mechanism, grant string) Config {
	t.Helper()
	sign := oauth.Config{
		Provider: oauth.Other, TokenURL: h.tokens.URL + "/token", CAFile: h.tokens.CAFile,
		ClientID: resttest.TokenClient, ClientSecretFile: resttest.File(t, resttest.TokenClientSecret),
	}
	if grant == "refresh_token" {
		sign.RefreshTokenFile = resttest.File(t, resttest.FirstRefreshToken)
	}
	client, err := oauth.Open(sign)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return Config{Host: "127.0.0.1", Port: h.TLSPort, CAFile: h.CAFile, Mailbox: anna, Auth: mechanism, TimeoutSeconds: 20, Tokens: client.For}
}

// TestOAuthEndToEnd goes from a secret to the mailbox: a token is fetched, Dovecot has it judged, and everything is read.
func TestOAuthEndToEnd(t *testing.T) {
	for _, grant := range []string{"client_credentials", "refresh_token"} {
		for _, mechanism := range []string{authX, authBearer, ""} {
			t.Run(grant+"/"+or(mechanism, "best"), func(t *testing.T) {
				h := newTokenHouse(t)
				texts := append(deliver(t, h.DovecotServer, "INBOX", 0, 8), deliver(t, h.DovecotServer, "Archive/2026", 100, 4)...)
				p := newProxy(t, h.Addr())
				cfg := h.config(t, mechanism, grant)
				cfg.TLS, cfg.Port = tlsNone, p.port()
				s := newShelf()
				s.mustRead(t, cfg)
				s.mustRead(t, cfg)
				s.once(t, texts)
				asked := h.tokens.Asked()
				if len(asked) != 1 || asked[0].Get("grant_type") != grant {
					t.Errorf("tokens were asked for by %v, want one %s", asked, grant)
				}
				want := strings.ToUpper(or(mechanism, authBearer))
				if !strings.Contains(p.heard(), "AUTHENTICATE "+want) || strings.Contains(p.heard(), "LOGIN") {
					t.Errorf("it did not sign in by %s alone", want)
				}
			})
		}
	}
}

// TestOAuthTokenEnds has connections lost and each token good for one sign-in only, while the mailbox is read: every new connection comes
// with a token that has ended, is refused, and gets in with a new one.
func TestOAuthTokenEnds(t *testing.T) {
	for _, grant := range []string{"client_credentials", "refresh_token"} {
		for _, mechanism := range []string{authX, authBearer} {
			t.Run(grant+"/"+mechanism, func(t *testing.T) {
				h := newTokenHouse(t)
				h.tokens.Lasts(1)
				texts := deliver(t, h.DovecotServer, "INBOX", 0, 6)
				for i := range 6 {
					texts = append(texts, message(500+i, 20_000))
					h.Deliver(t, anna, "INBOX", []byte(texts[len(texts)-1]))
				}
				p := newProxy(t, fmt.Sprintf("127.0.0.1:%d", h.TLSPort))
				cfg := h.config(t, mechanism, grant)
				cfg.Port = p.port()
				src := open(t, cfg)
				src.settings.chunk, src.settings.batch = 16_384, 16_384
				p.harm(60_000, -1, false)
				s := newShelf()
				w := s.watching()
				w.Attempts = 3
				if err := remote.Watch(t.Context(), src, w); err != nil {
					t.Fatal(err)
				}
				s.once(t, texts)
				given, good, bad := h.tokens.Count()
				if given < 3 || good < 3 || bad < 2 {
					t.Errorf("%d tokens were given, %d sign-ins let in, %d refused: this test showed nothing", given, good, bad)
				}
				for _, f := range s.failures {
					if f.Kind != remote.Temporary {
						t.Errorf("told of %v (%v): a token that ended is renewed and nothing to tell", f, f.Kind)
					}
				}
				s.silent(t)
			})
		}
	}
}

// TestOAuthRevoked has what was granted withdrawn between two readings.
func TestOAuthRevoked(t *testing.T) {
	for _, c := range []struct {
		name   string
		revoke func(*resttest.TokenServer)
		want   []string
	}{
		{"at the token server", (*resttest.TokenServer).Revoke, []string{"gives no token", "revoked", "sign in anew"}},
		{"at the mail server", (*resttest.TokenServer).RefuseAll, []string{"a new token was refused as well", "may still read this mailbox"}},
	} {
		for _, mechanism := range []string{authX, authBearer} {
			t.Run(c.name+"/"+mechanism, func(t *testing.T) {
				h := newTokenHouse(t)
				texts := deliver(t, h.DovecotServer, "INBOX", 0, 3)
				cfg := h.config(t, mechanism, "refresh_token")
				s := newShelf()
				s.mustRead(t, cfg)
				c.revoke(h.tokens)
				deliver(t, h.DovecotServer, "INBOX", 50, 2)
				err := s.read(t, cfg)
				f := remote.Failures(err)
				if len(f) != 1 || f[0].Kind != remote.Refused || f[0].Mailbox != anna {
					t.Fatalf("got %v", err)
				}
				for _, want := range c.want {
					if !strings.Contains(f[0].Error(), want) {
						t.Errorf("%q is not in %q", want, f[0])
					}
				}
				s.once(t, texts)
				s.silent(t)
			})
		}
	}
}

// TestOAuthJudgeIsDown has a Dovecot that cannot have tokens judged for a while: that is no refusal, and no new token is fetched for it.
func TestOAuthJudgeIsDown(t *testing.T) {
	for _, mechanism := range []string{authX, authBearer} {
		h := newTokenHouse(t)
		texts := deliver(t, h.DovecotServer, "INBOX", 0, 3)
		cfg := h.config(t, mechanism, "client_credentials")
		h.tokens.Faint(true)
		s := newShelf()
		err := s.read(t, cfg)
		if f := remote.Failures(err); len(f) != 1 || f[0].Kind != remote.Temporary || !strings.Contains(err.Error(), "UNAVAILABLE") {
			t.Errorf("%s: got %v", mechanism, err)
		}
		if given, _, _ := h.tokens.Count(); given != 1 {
			t.Errorf("%s: %d tokens were fetched, want 1", mechanism, given)
		}
		h.tokens.Faint(false)
		s.mustRead(t, cfg)
		s.once(t, texts)
		s.silent(t)
	}
}

// TestSaysAgain has servers say again what they were told, in several forms.
func TestSaysAgain(t *testing.T) {
	const secret = `sesame "open\`
	plain := base64.StdEncoding.EncodeToString([]byte("\x00anna\x00" + secret))
	b := newBearer(authBearer, "a,b=c", "sesame-token", "h.example", 993)
	_, initial, err := b.Start()
	if err != nil || !strings.HasPrefix(string(initial), "n,a=a=2Cb=3Dc,\x01host=h.example\x01port=993\x01auth=Bearer sesame-token\x01\x01") {
		t.Errorf("%q, %v", initial, err)
	}
	carried := base64.StdEncoding.EncodeToString(initial)
	for said, want := range map[string]string{
		"NO wrong: " + secret:                               "NO wrong: …",
		`BAD what is LOGIN anna "sesame \"open\\"?`:         `BAD what is LOGIN anna "…"?`,
		"BAD what is AUTHENTICATE PLAIN " + plain + "?":     "BAD what is AUTHENTICATE PLAIN …?",
		"BAD what is AUTHENTICATE OAUTHBEARER " + carried:   "BAD what is AUTHENTICATE OAUTHBEARER …",
		"BAD line begins " + carried[:len(carried)-9] + "…": "BAD line begins ……",
		"NO [AUTHENTICATIONFAILED] Authentication failed.":  "NO [AUTHENTICATIONFAILED] Authentication failed.",
	} {
		if got := scrub(&refusal{err: errors.New(said), again: true}, secret); got.Error() != want || !got.(*refusal).again {
			t.Errorf("%q became %q", said, got)
		}
	}
}

// silent demands that no secret is in anything that was told.
func (s *shelf) silent(t *testing.T) {
	t.Helper()
	for _, f := range s.failures {
		if text := fmt.Sprintf("%v %+v %#v", f, f.Err, f); strings.Contains(text, "sesame") {
			t.Errorf("a secret is told: %s", text)
		}
	}
	for _, p := range s.problems {
		if strings.Contains(p.Error(), "sesame") {
			t.Errorf("a secret is told: %v", p)
		}
	}
	for key, raw := range s.states {
		if strings.Contains(key+string(raw), "sesame") {
			t.Errorf("a secret is stored: %s %s", key, raw)
		}
	}
}
