package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"portcullis.example/portcullis/internal/testenv"
	"portcullis.example/portcullis/internal/web/access"
)

// TestStory plays the shipped exercise with the real program and in a real browser, from
// the first finding to the sent notice and the score; internal/web/browser/story.mjs says
// what happens on the pages. PORTCULLIS_SCREENSHOTS names a folder for pictures of them.
func TestStory(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	scripts, err := filepath.Abs("../../internal/web/browser")
	must(t, err)
	chromium, node := testenv.Browser(t, scripts)
	post := startPost(t)
	desk := startStory(t, post.address)

	job, err := json.Marshal(map[string]any{
		"browser": chromium, "screenshots": os.Getenv("PORTCULLIS_SCREENSHOTS"), "url": desk.url, "links": desk.links,
		"token": desk.token, "post": post.control,
	})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "story.mjs")
	var out, bad bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = scripts, bytes.NewReader(job), &out, &bad
	if err := cmd.Run(); err != nil {
		t.Errorf("story.mjs: %v\n%s", err, bad.String())
	}
	ended := false
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "COMPLAINT "); ok {
			t.Error(text)
			continue
		}
		ended = ended || strings.HasPrefix(line, "THE END")
		t.Log(line)
	}
	if !ended {
		t.Error("the story did not come to its end")
	}
	if t.Failed() {
		t.Logf("the program printed:\n%s", desk.printed())
	}
}

// playing is a desk on which the exercise runs.
type playing struct {
	url, token string
	links      []string // to sign in, of the first and of the second officer
	printed    func() string
}

// startStory starts the program with two people, a token that may not approve, one person
// whose mail is privileged, and the house's mail server.
func startStory(t *testing.T, post string) playing {
	t.Helper()
	dir := t.TempDir()
	token := access.NewToken()
	writeFile(t, filepath.Join(dir, "token"), []byte(token+"\n"))
	address := freeAddress(t)
	writeFile(t, filepath.Join(dir, "portcullis.toml"), fmt.Appendf(nil, `
[desk]
listen = %q
local = ["first officer", "second officer"]

[[desk.token]]
name = "helpdesk"
file = "token"
roles = ["reader", "analyst"]

[[desk.standing]]
people = ["person:p0012"]
privileged = "electoral secrecy"

[notices]
house = "Parliament of Verania"
office = "Security desk"
telephone = "+999 555 0100"

[notices.smtp]
server = %q
tls = "none"
from = "Security desk <security@parliament.example>"
`, address, post))
	exercise, err := filepath.Abs("../../examples/exercise")
	must(t, err)
	cmd := exec.Command("portcullis", "serve", "--config", filepath.Join(dir, "portcullis.toml"), "--exercise", exercise, "--speed", "5")
	links, printed := serving(t, cmd, dir, 2)
	return playing{url: "http://" + address, token: token, links: links, printed: printed}
}

// serving starts serve and waits until it has printed so many links to sign in. The program
// is stopped when the test ends.
func serving(t *testing.T, cmd *exec.Cmd, dir string, want int) (links []string, printed func() string) {
	t.Helper()
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "XDG_DATA_HOME="+filepath.Join(dir, "share"))
	var mu sync.Mutex
	var all bytes.Buffer
	printed = func() string { mu.Lock(); defer mu.Unlock(); return all.String() }
	out, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = &locked{&mu, &all}
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	found, ended := make(chan string, 16), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			_, _ = (&locked{&mu, &all}).Write([]byte(lines.Text() + "\n"))
			if _, link, ok := strings.Cut(lines.Text(), ":  "); ok && strings.HasPrefix(lines.Text(), "Sign in as ") {
				found <- link
			}
		}
	}()
	for len(links) < want {
		select {
		case link := <-found:
			links = append(links, link)
		case <-ended:
			t.Fatalf("serve ended before it printed %d links:\n%s", want, printed())
		case <-time.After(2 * time.Minute):
			t.Fatalf("serve printed no link within two minutes:\n%s", printed())
		}
	}
	return links, printed
}

// locked is a buffer that two write to.
type locked struct {
	mu  *sync.Mutex
	all *bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	return l.Addr().String()
}

// post is the house's mail server. What it took is served as JSON at control, for the
// browser's script to look at.
type post struct {
	address, control string

	mu   sync.Mutex
	took []letter // guarded by mu
}

type letter struct {
	From string `json:"from"`
	To   string `json:"to"`
	Text string `json:"text"`
}

func startPost(t *testing.T) *post {
	t.Helper()
	p := &post{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := smtp.NewServer(p)
	srv.Domain = "mail.parliament.example"
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	control := httptest.NewServer(p)
	t.Cleanup(control.Close)
	p.address, p.control = l.Addr().String(), control.URL
	return p
}

// NewSession is what the SMTP server asks for.
func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return &taking{post: p}, nil }

// ServeHTTP says what was taken.
func (p *post) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = json.NewEncoder(w).Encode(p.took)
}

type taking struct {
	post *post
	letter
}

func (s *taking) Mail(from string, _ *smtp.MailOptions) error { s.From = from; return nil }
func (s *taking) Rcpt(to string, _ *smtp.RcptOptions) error   { s.To = to; return nil }
func (s *taking) Reset()                                      {}
func (s *taking) Logout() error                               { return nil }

func (s *taking) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	s.Text = string(raw)
	s.post.took = append(s.post.took, s.letter)
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
