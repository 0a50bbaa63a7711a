// Package resttest has what tests of sources that speak HTTPS need: a server whose connections can be cut anywhere, and
// a store that can be killed.
package resttest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/source"
)

// Server speaks TLS on this machine.
type Server struct {
	URL    string // https://127.0.0.1:…
	CAFile string // its certificate

	mu   sync.Mutex
	left int64 // guarded by mu: bytes until a connection is cut; below 0: none is
}

// Serve starts a server.
func Serve(t testing.TB, handler http.Handler) *Server {
	t.Helper()
	s := &Server{left: -1}
	inner := httptest.NewUnstartedServer(handler)
	inner.Listener = &listener{inner.Listener, s}
	inner.Config.ErrorLog = nil
	inner.StartTLS()
	t.Cleanup(inner.Close)
	t.Cleanup(inner.CloseClientConnections)
	s.URL = inner.URL
	s.CAFile = File(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: inner.Certificate().Raw})))
	return s
}

// Cut ends the connection over which the server has sent so many bytes more, counted over all of them.
func (s *Server) Cut(after int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = after
}

// WasCut tells whether that has come to pass.
func (s *Server) WasCut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left < 0
}

type listener struct {
	net.Listener
	server *Server
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{c, l.server}, nil
}

type conn struct {
	net.Conn
	server *Server
}

func (c *conn) Write(p []byte) (int, error) {
	s := c.server
	s.mu.Lock()
	allowed, cut := int64(len(p)), false
	if s.left >= 0 {
		if allowed >= s.left {
			allowed, cut = s.left, true
			s.left = -1
		} else {
			s.left -= allowed
		}
	}
	s.mu.Unlock()
	n, err := c.Conn.Write(p[:allowed])
	if cut {
		_ = c.Close()
		return n, net.ErrClosed
	}
	return n, err
}

// File writes a file that only its owner may read.
func File(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Pair makes a key and its certificate, in PEM, that ends then.
func Pair(t testing.TB, end time.Time) (key *rsa.PrivateKey, keyFile, certificateFile string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "portcullis"}, NotBefore: end.Add(-time.Hour), NotAfter: end}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return key, File(t, KeyPEM(t, key)), File(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})))
}

// KeyPEM writes a key as PKCS #8.
func KeyPEM(t testing.TB, key any) string {
	t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// Shelf is a store. It stores what was handed on in batches, each whole or not at all, and knows a
// message by its mailbox and what it says.
type Shelf struct {
	Items    []source.Item // as they were handed on, doubles too
	States   map[string]json.RawMessage
	Problems []source.Problem
	Answered map[string]int
	Kill     int // after so many calls the store is gone, with what was not stored yet; 0: never
	Batch    int // calls that are stored together

	calls   int
	pending []func()
	ahead   map[string]json.RawMessage // states that are not stored yet
}

// ErrKilled is what a store says that was killed.
var ErrKilled = errors.New("killed")

// NewShelf makes an empty one.
func NewShelf() *Shelf {
	return &Shelf{States: map[string]json.RawMessage{}, Answered: map[string]int{}, Batch: 7, ahead: map[string]json.RawMessage{}}
}

// Read has a source read once.
func (s *Shelf) Read(t testing.TB, src remote.Source) error {
	t.Helper()
	s.calls, s.pending, s.ahead = 0, nil, map[string]json.RawMessage{}
	err := src.Read(t.Context(), remote.Session{
		Due: func(string) bool { return true },
		State: func(key string) (json.RawMessage, bool) {
			if raw, ok := s.ahead[key]; ok {
				return raw, true
			}
			raw, ok := s.States[key]
			return raw, ok
		},
		Emit: func(item remote.Item) error {
			return s.take(item.Key, item.State, func() { s.Items = append(s.Items, item.Item); s.States[item.Key] = item.State })
		},
		Advance: func(key string, state json.RawMessage) error {
			return s.take(key, state, func() { s.States[key] = state })
		},
		Problem:  func(p source.Problem) { s.Problems = append(s.Problems, p) },
		Progress: func(remote.Progress) {},
		Answered: func(mailbox string) { s.Answered[mailbox]++ },
	})
	if !errors.Is(err, ErrKilled) {
		s.commit()
	}
	return err
}

func (s *Shelf) take(key string, state json.RawMessage, store func()) error {
	if s.calls++; s.Kill > 0 && s.calls >= s.Kill {
		return ErrKilled
	}
	s.ahead[key] = state
	if s.pending = append(s.pending, store); len(s.pending) >= s.Batch {
		s.commit()
	}
	return nil
}

func (s *Shelf) commit() {
	for _, store := range s.pending {
		store()
	}
	s.pending = nil
}

// Once checks that the store holds exactly these messages of a place, each in one piece. Doubles is how often one was handed on that
// the store had already.
func (s *Shelf) Once(t testing.TB, arg string, want []string) (doubles int) {
	t.Helper()
	got := map[string]int{}
	for _, item := range s.Items {
		if item.Arg == arg {
			got[string(item.Raw)]++
		}
	}
	for _, text := range want {
		if got[text] == 0 {
			t.Errorf("%s: missing: %.60q", arg, text)
		}
		doubles += max(got[text]-1, 0)
		delete(got, text)
	}
	for text := range got {
		t.Errorf("%s: nobody sent %.60q", arg, text)
	}
	return doubles
}

// Message is a mail with a number and so many bytes more.
func Message(n, more int) string {
	filler := make([]byte, more)
	for i := range filler {
		filler[i] = 'a' + byte((i+n)%26)
	}
	return fmt.Sprintf("From: sender%d@example.org\r\nTo: anna@house.example\r\nSubject: number %d\r\nMessage-ID: <%d@example.org>\r\n\r\nText %d.\r\n%s", n, n, n, n, filler)
}
