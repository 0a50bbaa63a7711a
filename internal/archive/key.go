package archive

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"portcullis.example/portcullis"
)

// Key is the secret under which local parts of correspondents' addresses, and
// subjects, are stored.
type Key [32]byte

// LoadKey reads the key file, and makes it where there is none. The file holds one line
// of hexadecimal or base64 and must be readable by its owner only.
func LoadKey(path string) (k Key, created bool, err error) {
	k, err = readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, false, err
	}
	if k, err = makeKey(path); errors.Is(err, fs.ErrExist) {
		k, err = readKey(path) // another process was faster
		return k, false, err
	}
	return k, err == nil, err
}

func readKey(path string) (k Key, err error) {
	f, err := os.Open(path)
	if err != nil {
		return k, fmt.Errorf("key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return k, fmt.Errorf("key file: %w", err)
	}
	// Windows has no such bits; there the folder's access list decides.
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return k, fmt.Errorf("key file %s has mode %#o: others could read the key of all stored addresses; run `chmod 600 %s`, and if others may have read it, begin a new store with a new key",
			path, mode.Perm(), path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return k, fmt.Errorf("key file %s: %w", path, err)
	}
	if !decodeKey(strings.TrimSpace(string(raw)), &k) {
		return k, fmt.Errorf("key file %s does not hold a key (one line: 64 hexadecimal digits, or 32 bytes in base64); put back the file that this store was made with: with any other, stored addresses are not found again",
			path)
	}
	return k, nil
}

// decodeKey reads any usual notation. A key of zeros is a mistake and no key.
func decodeKey(line string, k *Key) bool {
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if b, err := decode(line); err == nil && len(b) == len(k) && Key(b) != (Key{}) {
			copy(k[:], b)
			return true
		}
	}
	return false
}

// makeKey writes a new key so that it is there whole or not at all: a store without
// its key is of little use, so file and folder are synced before anything is stored.
func makeKey(path string) (k Key, err error) {
	if _, err := rand.Read(k[:]); err != nil {
		return k, fmt.Errorf("make a key: %w", err)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Key{}, fmt.Errorf("make the key file's folder: %w; name another place with key_file in the configuration", err)
	}
	f, err := os.CreateTemp(dir, ".archive.key-*") // mode 0600
	if err != nil {
		return Key{}, fmt.Errorf("make key file: %w; name another place with key_file in the configuration", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(hex.EncodeToString(k[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return Key{}, fmt.Errorf("make key file: %w", err)
	}
	if err := placeKey(f.Name(), path); err != nil {
		return Key{}, fmt.Errorf("make key file: %w", err)
	}
	return k, syncFolder(dir)
}

// placeKey gives the file its name unless that is taken. Not every file system has
// hard links; without them the name is taken by making an empty file first.
func placeKey(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there, and need not be
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync key folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// What is keyed says what it is, so that no digest of one kind can stand for another.
const (
	keyedAddress   = "portcullis address 1\x00"
	keyedText      = "portcullis text 1\x00"
	keyedURL       = "portcullis url 1\x00"
	keyedMessageID = "portcullis message id 1\x00"
)

var digits = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// mac is "~" and 128 bits: a stolen store without the key cannot be tried out, and
// by the birthday bound 2^64 addresses would be needed for two to look alike.
func (k Key) mac(what, text string) string {
	h := hmac.New(sha256.New, k[:])
	h.Write([]byte(what))
	h.Write([]byte(text))
	return "~" + digits.EncodeToString(h.Sum(nil)[:16])
}

// Address is the stored form of an address: the local part keyed, the domain in
// clear. The digest covers both, so that one name at two providers is not seen to be one.
func (k Key) Address(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return k.mac(keyedAddress, address)
	}
	return k.mac(keyedAddress, address) + address[at:]
}

// Text is the stored form of a subject, display name or other text.
func (k Key) Text(text string) string { return k.mac(keyedText, text) }

// MessageID is the stored form of a message id. It names a mail that two people have,
// and often holds an address; its host is an observable of its own.
func (k Key) MessageID(id string) string { return k.mac(keyedMessageID, id) }

// Seal is the stored form of an observable: addresses by Address unless clear
// says they are a protected person's own, subjects by Text, message ids by MessageID,
// URLs that carry an address by URL, others as they are.
func (k Key) Seal(o portcullis.Observable, clear func(address string) bool) portcullis.Observable {
	switch o.Type {
	case portcullis.TypeEmail:
		if clear == nil || !clear(o.Value) {
			o.Value = k.Address(o.Value)
		}
	case portcullis.TypeSubject:
		o.Value = k.Text(o.Value)
	case portcullis.TypeMessageID:
		o.Value = k.MessageID(o.Value)
	case portcullis.TypeURL:
		if isMailto(o.Value) {
			o.Value = k.mailto(o.Value, clear)
		} else {
			o.Value = k.URL(o.Value)
		}
	}
	return o
}

const mailtoScheme = "mailto:"

func isMailto(url string) bool {
	return len(url) > len(mailtoScheme) && strings.EqualFold(url[:len(mailtoScheme)], mailtoScheme)
}

// mailto seals the address of a mailto: link, and drops what would fill in the mail.
func (k Key) mailto(url string, clear func(string) bool) string {
	address, _, _ := strings.Cut(strings.ToLower(url[len(mailtoScheme):]), "?")
	if clear != nil && clear(address) {
		return mailtoScheme + address
	}
	return mailtoScheme + k.Address(address)
}
