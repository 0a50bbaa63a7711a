package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// rounds of the Feistel network. Ten is what NIST SP 800-38G (FF1) takes for domains of
// this size; with fewer, the small halves leave statistical traces.
const rounds = 10

// permutation is a keyed bijection of 0…size-1 onto itself. It is the generalised Feistel
// network of Black and Rogaway ("Ciphers with Arbitrary Finite Domains", method FE1 with
// additions instead of exclusive or, as in FFX): a number is written as (left, right) with left <
// a and right < b, where a·b is hardly more than size, and what falls outside walks on along
// its cycle. The round functions are tables of truly keyed values (AES-256 in counter mode),
// so that permuting costs ten loads of cached memory and no cipher call.
type permutation struct {
	size, a, b uint32
	table      [rounds][]uint16
}

func newPermutation(key []byte, size uint64) (*permutation, error) {
	if size == 0 || size > maxDomain {
		return nil, fmt.Errorf("permute %d numbers: want 1 to %d", size, uint64(maxDomain))
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "portcullis ledger permutation 1\n%d\n", size)
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("permutation: %w", err)
	}
	a := uint64(math.Ceil(math.Sqrt(float64(size))))
	p := &permutation{size: uint32(size), a: uint32(a), b: uint32((size + a - 1) / a)}
	stream := cipher.NewCTR(block, make([]byte, aes.BlockSize))
	for i := range p.table {
		in, out := p.b, p.a
		if i%2 == 1 {
			in, out = p.a, p.b
		}
		raw := make([]byte, 8*int(in))
		stream.XORKeyStream(raw, raw)
		p.table[i] = make([]uint16, in)
		for j := range p.table[i] { // the bias of the remainder is under 2^-48
			p.table[i][j] = uint16(binary.LittleEndian.Uint64(raw[8*j:]) % uint64(out))
		}
	}
	return p, nil
}

func (p *permutation) forward(x uint32) uint32 { return p.walkOn(p.step(uint64(x))) }

// step goes one step along the cycle. a·b can pass 2^32, so that a number on the way has 64 bits.
func (p *permutation) step(y uint64) uint64 {
	left, right := uint32(y/uint64(p.b)), uint32(y%uint64(p.b))
	for i := 0; i < rounds; i += 2 {
		left = addMod(left, uint32(p.table[i][right]), p.a)
		right = addMod(right, uint32(p.table[i+1][left]), p.b)
	}
	return uint64(left)*uint64(p.b) + uint64(right)
}

// walkOn goes on until the number is one of the domain.
func (p *permutation) walkOn(y uint64) uint32 {
	for y >= uint64(p.size) {
		y = p.step(y)
	}
	return uint32(y)
}

// addMod adds in 0…m-1; y may be m itself.
func addMod(x, y, m uint32) uint32 {
	x += y
	if x >= m {
		x -= m
	}
	return x
}

func (p *permutation) backward(x uint32) uint32 { return p.walkBack(p.stepBack(uint64(x))) }

func (p *permutation) stepBack(y uint64) uint64 {
	left, right := uint32(y/uint64(p.b)), uint32(y%uint64(p.b))
	for i := rounds - 2; i >= 0; i -= 2 {
		right = addMod(right, p.b-uint32(p.table[i+1][left]), p.b)
		left = addMod(left, p.a-uint32(p.table[i][right]), p.a)
	}
	return uint64(left)*uint64(p.b) + uint64(right)
}

func (p *permutation) walkBack(y uint64) uint32 {
	for y >= uint64(p.size) {
		y = p.stepBack(y)
	}
	return uint32(y)
}

// lanes is how many numbers are permuted beside each other: each round of one waits for a load, and
// the processor has room for several.
const lanes = 8

// forwardAll permutes each number in place.
func (p *permutation) forwardAll(x []uint32) {
	for ; len(x) >= lanes; x = x[lanes:] {
		var left, right [lanes]uint32
		for j, v := range x[:lanes] {
			left[j], right[j] = v/p.b, v%p.b
		}
		for i := 0; i < rounds; i += 2 {
			even, odd := p.table[i], p.table[i+1]
			for j := range lanes {
				left[j] = addMod(left[j], uint32(even[right[j]]), p.a)
			}
			for j := range lanes {
				right[j] = addMod(right[j], uint32(odd[left[j]]), p.b)
			}
		}
		for j := range lanes {
			x[j] = p.walkOn(uint64(left[j])*uint64(p.b) + uint64(right[j]))
		}
	}
	for j, v := range x {
		x[j] = p.forward(v)
	}
}

// backwardAll undoes forwardAll.
func (p *permutation) backwardAll(x []uint32) {
	for ; len(x) >= lanes; x = x[lanes:] {
		var left, right [lanes]uint32
		for j, v := range x[:lanes] {
			left[j], right[j] = v/p.b, v%p.b
		}
		for i := rounds - 2; i >= 0; i -= 2 {
			even, odd := p.table[i], p.table[i+1]
			for j := range lanes {
				right[j] = addMod(right[j], p.b-uint32(odd[left[j]]), p.b)
			}
			for j := range lanes {
				left[j] = addMod(left[j], p.a-uint32(even[right[j]]), p.a)
			}
		}
		for j := range lanes {
			x[j] = p.walkBack(uint64(left[j])*uint64(p.b) + uint64(right[j]))
		}
	}
	for j, v := range x {
		x[j] = p.backward(v)
	}
}
