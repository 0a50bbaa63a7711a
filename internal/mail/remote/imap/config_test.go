package imap

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"portcullis.example/portcullis/internal/mail/remote"
)

func TestValidate(t *testing.T) {
	good := Config{Host: "mail.house.example", Mailbox: "a@house.example", PasswordFile: "p"}
	for want, change := range map[string]func(*Config){
		"":                        func(*Config) {},
		"host is":                 func(c *Config) { c.Host = "imaps://mail.house.example" },
		"port is":                 func(c *Config) { c.Port = 99999 },
		"tls is":                  func(c *Config) { c.TLS = "ssl" },
		"auth is":                 func(c *Config) { c.Auth = "cram-md5" },
		"does not go with":        func(c *Config) { c.Auth = "xoauth2" },
		"mailbox is missing":      func(c *Config) { c.Mailbox = "" },
		"both set":                func(c *Config) { c.Accounts = []Account{{Mailbox: "b@house.example"}} },
		"named twice":             func(c *Config) { c.Mailbox, c.Accounts = "", []Account{{Mailbox: "b"}, {Mailbox: "b"}} },
		"has no mailbox":          func(c *Config) { c.Mailbox, c.Accounts = "", []Account{{User: ""}} },
		"no password_file":        func(c *Config) { c.PasswordFile = "" },
		"more than one of":        func(c *Config) { c.TokenFile = "t" },
		"pattern":                 func(c *Config) { c.Include = []string{"[a"} },
		"one line":                func(c *Config) { c.Mailbox = "a\r\nb" },
		"master_user needs":       func(c *Config) { c.MasterUser, c.Auth, c.PasswordFile, c.TokenFile = "m", authBearer, "", "t" },
		"needs auth":              func(c *Config) { c.MasterUser, c.MasterBy, c.Auth = "m", byAuthzid, authLogin },
		"timeout_seconds, connec": func(c *Config) { c.TimeoutSeconds = -1 },
	} {
		c := good
		change(&c)
		err := c.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestReadAccounts(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"[[accounts]]\nmailbox = \"a\"\npassword_file = \"secrets/a\"\n": "",
		"[[accounts]]\nmailbox = \"a\"\npassword = \"word\"\n":           ":3: unknown key \"accounts.password\"",
		"":          "names no accounts",
		"accounts=": "accounts.toml",
	} {
		file := filepath.Join(dir, "accounts.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := readAccounts(file)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
		if err == nil && list[0].PasswordFile != filepath.Join(dir, "secrets", "a") {
			t.Errorf("path is %s", list[0].PasswordFile)
		}
	}
}

func TestFolders(t *testing.T) {
	list := func(name string, attrs ...imap.MailboxAttr) *imap.ListData {
		return &imap.ListData{Mailbox: name, Delim: '/', Attrs: attrs}
	}
	all := []*imap.ListData{
		list("Archive", imap.MailboxAttrArchive), list("INBOX"), list("Drafts", imap.MailboxAttrDrafts), list("Sent", imap.MailboxAttrSent),
		list("Junk", imap.MailboxAttrJunk), list("Trash", imap.MailboxAttrTrash), list("All", imap.MailboxAttrAll), list("Flagged", imap.MailboxAttrFlagged),
		list("Lists", "\\NOSELECT"), list("Lists/a"), list("Lists/a/b"), list("user/bela/INBOX"), list("shared/office"),
	}
	others := []namespace{{"user/", '/', true}, {"shared/", '/', false}}
	for _, c := range []struct {
		cfg   Config
		gmail bool
		want  string
	}{
		{Config{}, false, "INBOX Archive Sent Junk Trash Lists/a Lists/a/b"},
		{Config{Shared: true}, false, "INBOX Archive Sent Junk Trash Lists/a Lists/a/b user/bela/INBOX shared/office"},
		{Config{Exclude: []string{"Lists/**", "Sent"}}, false, "INBOX Archive Junk Trash"},
		{Config{Include: []string{"inbox", "Lists/*", "Drafts"}}, false, "INBOX Drafts Lists/a"},
		{Config{Include: []string{"shared/*"}}, false, "shared/office"},
		{Config{}, true, "All Junk Trash"},
		{Config{Include: []string{"INBOX"}}, true, "INBOX"},
	} {
		s := &Source{cfg: c.cfg}
		var folders []folder
		for _, l := range all {
			folders = append(folders, s.folder(l, others))
		}
		if c.gmail {
			s.labels(folders)
		}
		var names []string
		for _, f := range inOrder(folders) {
			if f.Skipped == "" {
				names = append(names, f.Name)
			}
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.cfg, got, c.want)
		}
	}
	s := &Source{}
	a := &account{Account: Account{Mailbox: anna}}
	if got := a.ownerOf(s.folder(list("user/bela/INBOX"), others)); got != bela {
		t.Errorf("another's folder is %s's", got)
	}
}

// tokens is a server that lets in who has a token, by either mechanism, and says that it has no folders.
type tokens struct {
	mu   sync.Mutex
	good string   // guarded by mu
	seen []string // guarded by mu
	mech string
}

func (s *tokens) serve(conn net.Conn) {
	fmt.Fprintf(conn, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=%s] hello\r\n", s.mech)
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		switch words[1] {
		case "AUTHENTICATE":
			response, _ := base64.StdEncoding.DecodeString(words[3])
			s.mu.Lock()
			s.seen = append(s.seen, words[2]+" "+strings.ReplaceAll(string(response), "\x01", "|"))
			ok := strings.Contains(string(response), "Bearer "+s.good+"\x01")
			s.mu.Unlock()
			if !ok {
				fmt.Fprintf(conn, "+ %s\r\n", base64.StdEncoding.EncodeToString([]byte(`{"status":"invalid_token"}`)))
				lines.Scan()
				fmt.Fprintf(conn, "%s NO [AUTHENTICATIONFAILED] expired\r\n", words[0])
				continue
			}
			fmt.Fprintf(conn, "%s OK [CAPABILITY IMAP4rev1] in\r\n", words[0])
		default:
			fmt.Fprintf(conn, "%s OK done\r\n", words[0])
		}
	}
}

// TestTokens signs in with tokens that expire: from a file that somebody else writes, and from this program.
func TestTokens(t *testing.T) {
	for _, mech := range []string{"XOAUTH2", "OAUTHBEARER"} {
		t.Run(mech, func(t *testing.T) {
			server := &tokens{good: "fresh", mech: mech}
			port := scripted(t, server.serve)
			cfg := Config{Host: "127.0.0.1", Port: port, TLS: tlsNone, Mailbox: anna}
			renewed := 0
			cfg.Tokens = func(string) remote.TokenSource {
				return remote.TokenFunc(func(_ context.Context, renew bool) (string, error) {
					if renew {
						renewed++
						return "fresh", nil
					}
					return "stale", nil
				})
			}
			newShelf().mustRead(t, cfg)
			if renewed != 1 || len(server.seen) != 2 {
				t.Errorf("renewed %d times, %d attempts", renewed, len(server.seen))
			}
			want := "XOAUTH2 user=" + anna + "|auth=Bearer fresh||"
			if mech == "OAUTHBEARER" {
				want = fmt.Sprintf("OAUTHBEARER n,a=%s,|host=127.0.0.1|port=%d|auth=Bearer fresh||", anna, port)
			}
			if got := server.seen[1]; got != want {
				t.Errorf("it said %q, want %q", got, want)
			}
			cfg.Tokens, cfg.TokenFile = nil, secretFile(t, "stale-token")
			err := newShelf().read(t, cfg)
			if f := remote.Failures(err); len(f) != 1 || f[0].Kind != remote.Refused || strings.Contains(err.Error(), "stale-token") {
				t.Errorf("a stale token: %v", err)
			}
			if err := os.WriteFile(cfg.TokenFile, []byte("fresh\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			newShelf().mustRead(t, cfg)
		})
	}
}

// TestRotation changes the password between two connections of one Source.
func TestRotation(t *testing.T) {
	server := &tokens{good: "one", mech: "XOAUTH2"}
	cfg := Config{Host: "127.0.0.1", Port: scripted(t, server.serve), TLS: tlsNone, Mailbox: anna, TokenFile: secretFile(t, "one")}
	src := open(t, cfg)
	s := newShelf()
	for _, token := range []string{"one", "two"} {
		server.mu.Lock()
		server.good = token
		server.mu.Unlock()
		if err := os.WriteFile(cfg.TokenFile, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := remote.Watch(t.Context(), src, s.watching()); err != nil {
			t.Errorf("%s: %v", token, err)
		}
		src.drop(src.accounts[0])
	}
}

func TestPlainOnlyToThisMachine(t *testing.T) {
	if !isLoopback(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 3)}) || !isLoopback(&net.TCPAddr{IP: net.IPv6loopback}) || isLoopback(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}) {
		t.Error("what is this machine is misjudged")
	}
}

// TestTooMuch has a server say more than it was asked for.
func TestTooMuch(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	g := newGuard(client, time.Minute)
	g.expect(1000)
	go func() {
		for {
			if _, err := server.Write(make([]byte, 300)); err != nil {
				return
			}
		}
	}()
	buf, sum := make([]byte, 512), 0
	for {
		n, err := g.Read(buf)
		sum += n
		if err != nil {
			break
		}
	}
	if sum > 1600 || g.ended() != errTooMuch {
		t.Errorf("%d bytes were read, ended by %v", sum, g.ended())
	}
}

// FuzzServer has a server say anything at all once somebody has signed in.
func FuzzServer(f *testing.F) {
	for _, seed := range []string{
		"* LIST () \"/\" INBOX\r\nT2 OK done\r\n", "* LIST () \"/\" {5}\r\nINBOX\r\nT3 OK\r\n* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 9] x\r\nT4 OK\r\n* SEARCH 1 2\r\nT5 OK\r\n",
		"* 1 FETCH (UID 1 BODY[]<0> {10}\r\nabc", "* BYE", "+ \r\n+ \r\n", "* LIST (", "T2 NO [\r\n", "* 1 FETCH\r\n* ESEARCH (TAG \"T4\") UID ALL 1:*\r\n", "* \r\n", "* LIST () NIL \"&\"\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		port := scripted(t, func(conn net.Conn) {
			fmt.Fprint(conn, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n")
			if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "T") {
				return
			}
			fmt.Fprint(conn, "T1 OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n")
			_, _ = conn.Write(said)
			_ = conn.(*net.TCPConn).CloseWrite()
			buf := make([]byte, 1024)
			for {
				if _, err := conn.Read(buf); err != nil {
					return
				}
			}
		})
		s := newShelf()
		err := s.read(t, Config{Host: "127.0.0.1", Port: port, TLS: tlsNone, Mailbox: anna, PasswordFile: secretFile(t, "secret-word"), TimeoutSeconds: 2})
		if err != nil && strings.Contains(err.Error(), "panic") {
			t.Error(err)
		}
	})
}

func FuzzSuggested(f *testing.F) {
	f.Add("[LIMIT] Suggested Backoff Time: 1000 milliseconds")
	f.Fuzz(func(t *testing.T, text string) {
		if d := suggested(text); d < 0 {
			t.Errorf("%q: %v", text, d)
		}
		codeOf(text)
		throttled(codeOf(text))
	})
}
