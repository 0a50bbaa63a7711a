package imap

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/source"
	"portcullis.example/portcullis/internal/testenv"
)

const (
	anna = "anna@house.example"
	bela = "bela@house.example"
)

// shelf is a store: items and states become kept together, in the order in which they come.
type shelf struct {
	mu       sync.Mutex
	states   map[string]json.RawMessage // guarded by mu
	items    []remote.Item              // guarded by mu
	problems []source.Problem           // guarded by mu
	failures []*remote.Failure          // guarded by mu
	arrived  chan struct{}
	full     int // Emit fails once so many are kept; 0: never
}

func newShelf() *shelf {
	return &shelf{states: map[string]json.RawMessage{}, arrived: make(chan struct{}, 1000)}
}

func (s *shelf) watching() remote.Watching {
	return remote.Watching{
		Once: true, Attempts: 1,
		State: func(key string) (json.RawMessage, bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			raw, ok := s.states[key]
			return raw, ok
		},
		Emit: func(item remote.Item) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.full > 0 && len(s.items) >= s.full {
				return errFull
			}
			s.items = append(s.items, item)
			s.states[item.Key] = item.State
			select {
			case s.arrived <- struct{}{}:
			default:
			}
			return nil
		},
		Advance: func(key string, state json.RawMessage) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.states[key] = state
			return nil
		},
		Problem:  func(p source.Problem) { s.mu.Lock(); s.problems = append(s.problems, p); s.mu.Unlock() },
		Progress: func(remote.Progress) {},
		Failed: func(f *remote.Failure, _ time.Duration) {
			s.mu.Lock()
			s.failures = append(s.failures, f)
			s.mu.Unlock()
		},
		Recovered: func(string) {},
		Remember: func(_ context.Context, key string, state json.RawMessage, _ *remote.Silence) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.states[key] = state
			return nil
		},
	}
}

var errFull = fmt.Errorf("the disk is full")

// read reads everything that is there, over a Source of its own, as another run of the program does.
func (s *shelf) read(t *testing.T, cfg Config) error {
	t.Helper()
	src := open(t, cfg)
	defer src.Close()
	return remote.Watch(t.Context(), src, s.watching())
}

func (s *shelf) mustRead(t *testing.T, cfg Config) {
	t.Helper()
	if err := s.read(t, cfg); err != nil {
		t.Fatalf("Watch: %v", err)
	}
	if len(s.problems) > 0 {
		t.Fatalf("problems: %v", s.problems)
	}
}

// once demands that every text was read exactly so often.
func (s *shelf) once(t *testing.T, texts []string) {
	t.Helper()
	count := map[[32]byte]int{}
	for _, item := range s.items {
		count[sha256.Sum256(item.Raw)]++
	}
	for i, text := range texts {
		if n := count[sha256.Sum256([]byte(text))]; n != 1 {
			t.Errorf("message %d was read %d times, want once", i, n)
		}
	}
	if len(s.items) != len(texts) {
		t.Errorf("%d messages were read, want %d", len(s.items), len(texts))
	}
}

func open(t *testing.T, cfg Config) *Source {
	t.Helper()
	src, err := Open("members", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = src.Close() })
	return src
}

func secretFile(t testing.TB, secret string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func configOf(t *testing.T, d *testenv.DovecotServer, mailbox, password string) Config {
	t.Helper()
	return Config{Host: "127.0.0.1", Port: d.TLSPort, CAFile: d.CAFile, Mailbox: mailbox, PasswordFile: secretFile(t, password), TimeoutSeconds: 20}
}

// message is an invented one, with line ends as IMAP has them.
func message(n, padding int) string {
	return fmt.Sprintf("From: Office <office@partner.example>\r\nTo: <anna@house.example>\r\nSubject: Agenda %d\r\nMessage-ID: <%d@partner.example>\r\n\r\nThe agenda of day %d.\r\n%s", n, n, n, strings.Repeat("Nothing else is on it, as far as we know.\r\n", padding/42))
}

func deliver(t *testing.T, d *testenv.DovecotServer, folder string, from, n int) (texts []string) {
	t.Helper()
	for i := range n {
		text := message(from+i, 0)
		d.Deliver(t, anna, folder, []byte(text))
		texts = append(texts, text)
	}
	return texts
}

func TestReadAllThenOnlyWhatIsNew(t *testing.T) {
	d := testenv.Dovecot(t, map[string]string{anna: "long secret"})
	texts := deliver(t, d, "INBOX", 0, 30)
	texts = append(texts, deliver(t, d, "Committee/&AMk-nergie &- co", 100, 5)...)
	texts = append(texts, deliver(t, d, "Junk", 200, 2)...)
	deliver(t, d, "Drafts", 300, 3)
	for _, mode := range []string{tlsImplicit, tlsStart, tlsNone} {
		t.Run(mode, func(t *testing.T) {
			cfg := configOf(t, d, anna, "long secret")
			if cfg.TLS = mode; mode != tlsImplicit {
				cfg.Port = d.Port
			}
			s := newShelf()
			s.mustRead(t, cfg)
			s.once(t, texts)
			item := s.items[0]
			if item.Source != "imap:members/INBOX" || item.Offset != 1 || item.Mailbox != anna || item.Envelope.Time.IsZero() || item.Arg != "imap:members" {
				t.Errorf("item is %+v", item.Item)
			}
			s.mustRead(t, cfg)
			s.once(t, texts)
		})
	}
	s := newShelf()
	cfg := configOf(t, d, anna, "long secret")
	s.mustRead(t, cfg)
	texts = append(texts, deliver(t, d, "INBOX", 1000, 3)...)
	texts = append(texts, deliver(t, d, "Appeared", 2000, 2)...)
	s.mustRead(t, cfg)
	s.once(t, texts)
}
