package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// sealer encrypts what names people, with AES-256-GCM under a random nonce. What a text
// is for is authenticated with it, so one kind cannot be put in another's place.
type sealer struct {
	aead cipher.AEAD
	mac  [32]byte
}

func newSealer(key [32]byte) (sealer, error) {
	block, err := aes.NewCipher(derived(key, "seal"))
	if err != nil {
		return sealer{}, fmt.Errorf("sealing key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return sealer{}, fmt.Errorf("sealing key: %w", err)
	}
	return sealer{aead, [32]byte(derived(key, "name"))}, nil
}

func derived(key [32]byte, use string) []byte {
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte(use))
	return m.Sum(nil)
}

func (s sealer) close(kind string, plain []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails, says crypto/rand
	return s.aead.Seal(nonce, nonce, plain, []byte(kind))
}

func (s sealer) open(kind string, sealed []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, fmt.Errorf("a sealed %s is cut off", kind)
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(kind))
	if err != nil {
		return nil, fmt.Errorf("a sealed %s cannot be opened: it was changed, or the key file is not the one it was sealed with", kind)
	}
	return plain, nil
}

func (s sealer) closeJSON(kind string, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a %s: %w", kind, err)
	}
	return s.close(kind, plain), nil
}

func (s sealer) openJSON(kind string, sealed []byte, into any) error {
	plain, err := s.open(kind, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, into); err != nil {
		return fmt.Errorf("decode a %s: %w", kind, err)
	}
	return nil
}

// nameKey finds a name again without telling it. Case, width and white space do not count.
func (s sealer) nameKey(name string) string {
	m := hmac.New(sha256.New, s.mac[:])
	m.Write([]byte(folded(name)))
	return hex.EncodeToString(m.Sum(nil)[:16])
}

func folded(name string) string {
	return strings.Join(strings.Fields(cases.Fold().String(norm.NFKC.String(name))), " ")
}
