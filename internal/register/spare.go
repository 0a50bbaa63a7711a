package register

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis/internal/register/ledger"
)

// signerFile is the key that checkpoints are signed with. It lies with the ledger's keys,
// outside the data folder.
const signerFile, verifierFile = "checkpoint.key", "checkpoint.pub"

// openLedger opens the guard's ledger with its signer.
func openLedger(cfg Config, log *slog.Logger) (*ledger.Ledger, error) {
	lc := cfg.ledger(log)
	if err := os.MkdirAll(lc.Keys, 0o700); err != nil {
		return nil, fmt.Errorf("register: keys: %w", err)
	}
	var err error
	if lc.Signer, err = signer(cfg.KeysDir(), lc.Origin); err != nil {
		return nil, err
	}
	return ledger.Open(cfg.LedgerDir(), lc)
}

func signer(dir, origin string) (note.Signer, error) {
	path := filepath.Join(dir, signerFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		raw, err = makeSigner(dir, origin)
	}
	if err != nil {
		return nil, fmt.Errorf("register: the key of checkpoints: %w", err)
	}
	s, err := note.NewSigner(string(raw))
	if err != nil {
		return nil, fmt.Errorf("register: the key of checkpoints %s: %w", path, err)
	}
	return s, nil
}

func makeSigner(dir, origin string) ([]byte, error) {
	if origin == "" {
		origin = "portcullis.invalid/register"
	}
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, verifierFile), []byte(public+"\n"), 0o644); err != nil {
		return nil, err
	}
	return []byte(private), os.WriteFile(filepath.Join(dir, signerFile), []byte(private), 0o600)
}

// spare is the ledger elsewhere, which is opened when an emergency needs it.
type spare struct {
	mu   sync.Mutex
	dir  string
	cfg  ledger.Config
	book *ledger.Ledger
}

var errNoSpare = errors.New("no second_ledger is configured")

// config has keys of its own: the first ledger's folder may be what is full.
func (s *spare) config() ledger.Config {
	cfg := s.cfg
	cfg.Keys = filepath.Join(s.dir, "keys")
	return cfg
}

func (s *spare) open() (*ledger.Ledger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.book != nil {
		return s.book, nil
	}
	if s.dir == "" {
		return nil, errNoSpare
	}
	var err error
	s.book, err = ledger.Open(filepath.Join(s.dir, "ledger"), s.config())
	return s.book, err
}

func (s *spare) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.book == nil {
		return nil
	}
	return s.book.Close()
}
