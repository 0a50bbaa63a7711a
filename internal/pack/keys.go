package pack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// MakeKey makes a key pair in the encoding of signed notes: the secret one to sign with, and the
// verifier key that houses get. The name is best a domain of the issuer's.
func MakeKey(name string) (secret, verifier string, err error) {
	if name == "" || strings.ContainsAny(name, " +\t\r\n") || printable(name) != nil || len(name) > 200 {
		return "", "", fmt.Errorf("the name %.80q of a key must be of up to 200 characters without blanks and plus signs, such as cert.example", name)
	}
	if secret, verifier, err = note.GenerateKey(rand.Reader, name); err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	return secret, verifier, nil
}

// WriteKey writes a secret key to a new file that only its owner may read.
func WriteKey(path, secret string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; a key that was used is not overwritten: name another file", path)
	}
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	_, err = io.WriteString(f, secret+"\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	return nil
}

// LoadSigner reads a secret key from a file that only its owner may read.
func LoadSigner(path string) (note.Signer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	// Windows has no such bits; there the folder's access list decides.
	if m := info.Mode(); m.IsRegular() && m.Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("key file %s has mode %#o, so others can sign in your name; run `chmod 600 %s`, and if others may have read it, make a new key and tell whoever trusts the old one", path, m.Perm(), path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	s, err := note.NewSigner(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, fmt.Errorf("key file %s holds no secret key as `portcullis pack key make` writes it", path) // the error may hold the key
	}
	return s, nil
}

// ReadVerifier reads a verifier key: name, hash and key, joined by plus signs.
func ReadVerifier(text string) (note.Verifier, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "PRIVATE+KEY+") {
		return nil, errors.New("that is a secret key, not a verifier key: whoever has it signs in its owner's name; tell them to make a new one")
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, fmt.Errorf("%.120q is no verifier key such as cert.example+1a2b3c4d+AZ…: %w; copy the whole line that `portcullis pack key make` printed", text, err)
	}
	if err := printable(v.Name()); err != nil {
		return nil, fmt.Errorf("the key's name: %w", err)
	}
	return v, nil
}

// maxKeyring bounds a file of verifier keys.
const maxKeyring = 1 << 20

// ReadKeyring reads verifier keys, one a line; # begins a comment.
func ReadKeyring(r io.Reader) (note.Verifiers, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxKeyring))
	if err != nil {
		return nil, fmt.Errorf("read verifier keys: %w", err)
	}
	var list []note.Verifier
	for line := range strings.Lines(string(raw)) {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		v, err := ReadVerifier(line)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return note.VerifierList(list...), nil
}

// AnyOf knows the keys that any of these know.
func AnyOf(rings ...note.Verifiers) note.Verifiers { return anyOf(rings) }

type anyOf []note.Verifiers

// Verifier finds a key.
func (a anyOf) Verifier(name string, hash uint32) (note.Verifier, error) {
	for _, ring := range a {
		v, err := ring.Verifier(name, hash)
		var unknown *note.UnknownVerifierError
		if errors.As(err, &unknown) {
			continue
		}
		return v, err
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}
