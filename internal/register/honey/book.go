package honey

import (
	"compress/gzip"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/register/copies"
)

// Book keeps a key and what each set is derived from, in a folder that only its owner can read:
//
//	key              32 random bytes, hex
//	sets/ID.json     Set
//	models/HASH.json.gz   Model
//
// Whoever has the folder can name the honey voters: it belongs with the ledger's keys, not with the data.
type Book struct {
	dir string
	key []byte
}

// Set is what a set of honey voters is derived from.
type Set struct {
	Schema    int       `json:"schema"`
	ID        string    `json:"id"`
	Recipient string    `json:"recipient"`
	Extract   string    `json:"extract"` // which of the recipient's
	Made      time.Time `json:"made"`
	Model     string    `json:"model"`
	Mail      string    `json:"mail,omitempty"` // domain of the honey addresses
	Count     int       `json:"count"`
	Steps     []Step    `json:"steps"`
}

// Name says which copy it is.
func (s *Set) Name() string { return fmt.Sprintf("the extract %s for %s", s.Extract, s.Recipient) }

// OpenBook opens a book, and begins one where there is none.
func OpenBook(dir string) (*Book, error) {
	for _, d := range []string{dir, filepath.Join(dir, "sets"), filepath.Join(dir, "models")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("honey: the folder of keys: %w", err)
		}
	}
	key, err := secret(filepath.Join(dir, "key"))
	return &Book{dir: dir, key: key}, err
}

// secret reads a key, or makes one.
func secret(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		key := make([]byte, copies.KeySize)
		if _, err := rand.Read(key); err != nil {
			return nil, err
		}
		return key, writeNew(path, []byte(hex.EncodeToString(key)+"\n"))
	}
	if err != nil {
		return nil, fmt.Errorf("honey: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("honey: %s can be read by others (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(key) != copies.KeySize {
		return nil, fmt.Errorf("honey: %s holds no key of %d bytes", path, copies.KeySize)
	}
	return key, nil
}

// writeNew writes a file that is not there yet, and syncs it.
func writeNew(path string, raw []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("honey: %w", err)
	}
	_, err = f.Write(raw)
	return errors.Join(err, f.Sync(), f.Close())
}

// Key is the key of filters that are made with this book.
func (b *Book) Key() (*copies.Key, error) {
	return copies.NewKey(b.expand("filters"))
}

func (b *Book) expand(what ...string) []byte {
	h := hmac.New(sha256.New, b.key)
	for _, w := range what {
		fmt.Fprintf(h, "%d:%s", len(w), w)
	}
	return h.Sum(nil)
}

func (b *Book) seed(s *Set) []byte { return b.expand("set", s.Recipient, s.Extract, s.Model) }

// Order is what is wanted.
type Order struct {
	Recipient, Extract string
	Count              int
	Mail               string // domain for honey addresses, received by the house; "" gives none
	Made               time.Time
}

// maxSet bounds a set.
const maxSet = 1_000_000

// Plant invents a set and keeps what it is derived from. It is safe on disk when Plant returns.
func (b *Book) Plant(m *Model, o Order, taken Taken) ([]Voter, *Set, error) {
	switch {
	case o.Recipient == "" || o.Extract == "":
		return nil, nil, errors.New("honey: say for whom, and which extract")
	case o.Count < 1 || o.Count > maxSet:
		return nil, nil, fmt.Errorf("honey: %d voters cannot be planted", o.Count)
	}
	s := &Set{Schema: 1, Recipient: o.Recipient, Extract: o.Extract, Made: o.Made.UTC(), Model: m.Digest(), Mail: o.Mail}
	s.ID = hex.EncodeToString(b.expand("name", o.Recipient, o.Extract, s.Model)[:8])
	if _, err := os.Stat(b.setPath(s.ID)); err == nil {
		return nil, nil, fmt.Errorf("honey: %s has a set already; give the extract another name", s.Name())
	}
	m.ready()
	all, steps, err := newMaker(m, b.seed(s), o.Mail).plant(o.Count, taken)
	if err != nil {
		return nil, nil, err
	}
	s.Steps, s.Count = steps, len(all)
	if err := b.keepModel(m, s.Model); err != nil {
		return nil, nil, err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, nil, err
	}
	return all, s, writeNew(b.setPath(s.ID), append(raw, '\n'))
}

// Discard forgets a set whose copy was never made.
func (b *Book) Discard(s *Set) error {
	if err := os.Remove(b.setPath(s.ID)); err != nil {
		return fmt.Errorf("honey: %w", err)
	}
	return nil
}

func (b *Book) setPath(id string) string { return filepath.Join(b.dir, "sets", id+".json") }

func (b *Book) modelPath(id string) string { return filepath.Join(b.dir, "models", id+".json.gz") }

func (b *Book) keepModel(m *Model, digest string) error {
	if _, err := os.Stat(b.modelPath(digest)); err == nil {
		return nil
	}
	f, err := os.CreateTemp(filepath.Join(b.dir, "models"), "new-*")
	if err != nil {
		return fmt.Errorf("honey: %w", err)
	}
	z := gzip.NewWriter(f)
	err = errors.Join(json.NewEncoder(z).Encode(m), z.Close(), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), b.modelPath(digest))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Sets lists what was planted, by id.
func (b *Book) Sets() (all []Set, err error) {
	entries, err := os.ReadDir(filepath.Join(b.dir, "sets"))
	if err != nil {
		return nil, fmt.Errorf("honey: %w", err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(b.dir, "sets", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("honey: %w", err)
		}
		var s Set
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("honey: %s: %w", e.Name(), err)
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Set) int { return a.Made.Compare(b.Made) })
	return all, nil
}

// maxModel bounds a model as it is read.
const maxModel = 4 << 30

// ReadModel reads a model and checks that it is the one.
func (b *Book) ReadModel(digest string) (*Model, error) {
	f, err := os.Open(b.modelPath(filepath.Base(digest)))
	if err != nil {
		return nil, fmt.Errorf("honey: %w", err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("honey: model %s: %w", digest, err)
	}
	var m Model
	if err := json.NewDecoder(io.LimitReader(z, maxModel)).Decode(&m); err != nil {
		return nil, fmt.Errorf("honey: model %s: %w", digest, err)
	}
	if m.Digest() != digest {
		return nil, fmt.Errorf("honey: model %s is damaged", digest)
	}
	m.ready()
	return &m, nil
}

// Voters derives the voters of a set again.
func (b *Book) Voters(s *Set) ([]Voter, error) {
	m, err := b.ReadModel(s.Model)
	if err != nil {
		return nil, err
	}
	return newMaker(m, b.seed(s), s.Mail).again(s.Steps)
}
