package copies

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/bits"
)

// Key is the secret that filters are made with. All filters that are used together have one key.
type Key struct {
	k0, k1 uint64
	id     string
	fold   *folder
}

// KeySize is the size in bytes of a secret.
const KeySize = 32

// NewKey expands a secret of KeySize bytes.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) != KeySize {
		return nil, errors.New("copies: a key has 32 bytes")
	}
	k := expand(secret, "portcullis register filter: hash")
	return &Key{
		k0: binary.LittleEndian.Uint64(k), k1: binary.LittleEndian.Uint64(k[8:]),
		fold: newFolder(), id: hex.EncodeToString(expand(secret, "portcullis register filter: name")[:8]),
	}, nil
}

// ID names the key without telling it.
func (k *Key) ID() string { return k.id }

func expand(secret []byte, what string) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(what))
	return m.Sum(nil)
}

// sipState is the state of SipHash-2-4.
type sipState struct{ a, b, c, d uint64 }

func (k *Key) begin() sipState {
	return sipState{k.k0 ^ 0x736f6d6570736575, k.k1 ^ 0x646f72616e646f6d, k.k0 ^ 0x6c7967656e657261, k.k1 ^ 0x7465646279746573}
}

func (s *sipState) round() {
	s.a += s.b
	s.b = bits.RotateLeft64(s.b, 13) ^ s.a
	s.a = bits.RotateLeft64(s.a, 32)
	s.c += s.d
	s.d = bits.RotateLeft64(s.d, 16) ^ s.c
	s.a += s.d
	s.d = bits.RotateLeft64(s.d, 21) ^ s.a
	s.c += s.b
	s.b = bits.RotateLeft64(s.b, 17) ^ s.c
	s.c = bits.RotateLeft64(s.c, 32)
}

func (s *sipState) block(m uint64) {
	s.d ^= m
	s.round()
	s.round()
	s.a ^= m
}

func (s *sipState) end() uint64 {
	s.c ^= 0xff
	s.round()
	s.round()
	s.round()
	s.round()
	return s.a ^ s.b ^ s.c ^ s.d
}

// sum is SipHash-2-4 of a few bytes.
func (k *Key) sum(p []byte) uint64 {
	s := k.begin()
	last := uint64(len(p)) << 56
	for len(p) >= 8 {
		s.block(binary.LittleEndian.Uint64(p))
		p = p[8:]
	}
	for i, c := range p {
		last |= uint64(c) << (8 * i)
	}
	s.block(last)
	return s.end()
}

// word is the hash of a word, and the bytes that were hashed, in buf.
func (k *Key) word(buf, word []byte) (h uint64, folded []byte) {
	folded = k.fold.word(buf[:0], word)
	return k.sum(folded), folded
}

// pair is the hash of two names and a date. The names come in either order.
func (k *Key) pair(a, b uint64, day int32) uint64 {
	s := k.begin()
	s.block(a + b)
	s.block(uint64(uint32(day)) | 0xd<<60)
	return s.end()
}
