package pack

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// Params are those of argon2id (RFC 9106), version 0x13.
type Params struct {
	Memory uint32 `json:"memory_kib"` // KiB
	Time   uint32 `json:"time"`       // passes
	Lanes  uint8  `json:"lanes"`
}

// DefaultParams cost one core of 2023 about 0.8 ms. Memory and not passes: at one price
// in time, memory is what makes a guesser's special hardware dear (RFC 9106 §4). One lane: there
// is always another value for the next core.
func DefaultParams() Params { return Params{Memory: 1536, Time: 1, Lanes: 1} }

// Limits of the parameters of a pack that is read. Whoever may sign packs must not be able to
// take a house's memory or weeks of its time with one; below the least, guessing costs nothing.
const (
	leastMemory = 64
	mostMemory  = 64 << 10
	mostTime    = 16
	mostLanes   = 4
	mostWork    = 128 << 10 // memory times passes
)

// Validate says what is wrong with parameters.
func (p Params) Validate() error {
	switch {
	case p.Memory < leastMemory || p.Memory > mostMemory:
		return fmt.Errorf("argon2id memory of %d KiB: from %d to %d are allowed", p.Memory, leastMemory, mostMemory)
	case p.Time < 1 || p.Time > mostTime:
		return fmt.Errorf("argon2id with %d passes: from 1 to %d are allowed", p.Time, mostTime)
	case p.Lanes < 1 || p.Lanes > mostLanes:
		return fmt.Errorf("argon2id with %d lanes: from 1 to %d are allowed", p.Lanes, mostLanes)
	case p.Memory*p.Time > mostWork:
		return fmt.Errorf("argon2id over %d KiB %d times: together at most %d KiB are allowed", p.Memory, p.Time, mostWork)
	}
	return nil
}

func (p Params) String() string {
	return fmt.Sprintf("argon2id 19 m=%d t=%d p=%d", p.Memory, p.Time, p.Lanes)
}

const (
	saltSize  = 32
	tagSize   = 16
	sealSize  = 68 // see entry.go
	entrySize = tagSize + sealSize
)

// What is derived from a secret says for what, so that nothing of one kind can stand for another.
const (
	labelInput = "portcullis-pack v1\n"
	labelTag   = "portcullis-pack v1 tag"
	labelEntry = "portcullis-pack v1 entry"
	labelText  = "portcullis-pack v1 text"
)

// secret is what only somebody who has the value can compute.
type secret [32]byte

// derive is the expensive step.
func (p Params) derive(salt []byte, in Input) secret {
	return secret(argon2.IDKey(in.bytes(), salt, p.Time, p.Memory, p.Lanes, uint32(len(secret{}))))
}

type tag [tagSize]byte

// tag is what stands in the pack for a value.
func (s secret) tag() (t tag) {
	copy(t[:], s.expand(labelTag, tagSize))
	return t
}

// expand is HKDF-Expand alone: the secret is uniform already (RFC 5869 §3.3).
func (s secret) expand(label string, size int) []byte {
	out, err := hkdf.Expand(sha256.New, s[:], label, size)
	if err != nil {
		return make([]byte, size) // cannot happen: 32 bytes are few
	}
	return out
}

var errSealed = errors.New("a sealed part does not open")

// seal encrypts under a key that is used for this one text and never again, which is what
// allows a nonce of zeros.
func seal(key, plain, about []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, make([]byte, aead.NonceSize()), plain, about), nil
}

func unseal(key, sealed, about []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed, about)
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return cipher.NewGCM(block)
}
