package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/remote/rest/resttest"
	"portcullis.example/portcullis/internal/synth"
	"portcullis.example/portcullis/internal/testenv"
)

// TestWatchByOAuth goes from the configuration to the mailbox by OAuth 2.0, and has what was granted withdrawn.
func TestWatchByOAuth(t *testing.T) {
	tokens := resttest.ServeTokens(t, watched)
	h := &watchHouse{DovecotServer: testenv.DovecotWithTokens(t, map[string]string{watched: "nobody knows it"}, tokens.Introspect), dir: t.TempDir()}
	h.config = filepath.Join(h.dir, "portcullis.toml")
	writeFile(t, filepath.Join(h.dir, "client"), []byte(resttest.TokenClientSecret+"\n"))
	writeFile(t, filepath.Join(h.dir, "refresh"), []byte(resttest.FirstRefreshToken+"\n"))
	writeFile(t, h.config, fmt.Appendf(nil, "[[sources]]\nname = \"members\"\nkind = \"imap\"\n[sources.imap]\nhost = \"127.0.0.1\"\nport = %d\nca_file = %q\nmailbox = %q\n[sources.oauth]\nprovider = \"other\"\ntoken_url = %q\nca_file = %q\nclient_id = %q\nclient_secret_file = \"client\"\nrefresh_token_file = \"refresh\"\n",
		h.TLSPort, h.CAFile, watched, tokens.URL+"/token", tokens.CAFile, resttest.TokenClient))
	mails := synth.Everyday(11, synth.NewHouse(11, 20), 40)
	want := h.deliverAll(t, "INBOX", mails)
	h.run(t, "data", "watch", "--once", "-q")
	if n, deliveries := h.counted(t, "data"); n != want || len(deliveries) != want {
		t.Fatalf("%d messages with %d deliveries are stored, want %d", n, len(deliveries), want)
	}
	tokens.Revoke()
	h.age(t, "data", 24*time.Hour)
	out, err := h.portcullis("data", "watch", "--once").CombinedOutput()
	if exitStatus(err) != exitIncomplete {
		t.Fatalf("what was revoked ends with %v\n%s", err, out)
	}
	for _, want := range []string{"imap:members", watched, "revoked", "sign in anew, and put the new refresh token into its file"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
	found := h.run(t, "data", "findings", "--rule", "mail/source-silent")
	if !strings.Contains(found, "has answered nothing since") {
		t.Errorf("the silence is not told:\n%s", found)
	}
	if strings.Contains(string(out)+found, "sesame") {
		t.Errorf("a secret is told:\n%s%s", out, found)
	}
	for _, name := range []string{"portcullis.db", "portcullis.db-wal"} {
		if raw, err := os.ReadFile(filepath.Join(h.dir, "data", name)); err == nil && strings.Contains(string(raw), "sesame") {
			t.Errorf("a secret is stored in %s", name)
		}
	}
}
