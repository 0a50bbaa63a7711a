package pack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
	"math/bits"
)

// filter is a table of bits with one hash: a value whose slot is empty is in no entry, and needs
// not be hashed dearly. It is left out unless asked for, because it serves a guesser exactly as
// much as a house: whoever saves the house half of its work lets a guesser dismiss half of all
// guesses for nothing, and for good. What it tells of each indicator is log2(slots ÷ full slots)
// bits, and a pack says how many.
type filter struct {
	slots int
	table []byte
}

func newFilter(slots int) filter { return filter{slots, make([]byte, (slots+7)/8)} }

// slotsFor is how many slots n entries need so that about 2^-bits of them are full.
func slotsFor(n, filterBits int) int {
	share := math.Exp2(-float64(filterBits))
	return max(int(math.Ceil(float64(n)/-math.Log1p(-share))), 1<<filterBits)
}

func (f filter) slot(salt []byte, in Input) int {
	h := hmac.New(sha256.New, salt)
	h.Write([]byte("portcullis-pack v1 filter\n"))
	h.Write([]byte(string(in.Kind) + "\n" + in.Value))
	return int(binary.BigEndian.Uint64(h.Sum(nil)) % uint64(f.slots))
}

func (f filter) set(slot int) { f.table[slot/8] |= 0x80 >> (slot % 8) }

func (f filter) has(slot int) bool { return f.table[slot/8]&(0x80>>(slot%8)) != 0 }

func (f filter) full() (n int) {
	for _, b := range f.table {
		n += bits.OnesCount8(b)
	}
	return n
}

// tells is how many bits of each indicator the filter gives away.
func (f filter) tells() float64 { return math.Log2(float64(f.slots) / float64(f.full())) }

// fill sets slots at random until no more than so many bits are told.
func (f filter) fill(random io.Reader, filterBits int) error {
	want := int(math.Ceil(float64(f.slots) * math.Exp2(-float64(filterBits))))
	for f.full() < want {
		slot, err := f.anySlot(random)
		if err != nil {
			return err
		}
		f.set(slot)
	}
	return nil
}

func (f filter) anySlot(random io.Reader) (int, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint64(b[:]) % uint64(f.slots)), nil
}
