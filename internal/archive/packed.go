package archive

import (
	"encoding/binary"
	"errors"
	"math"
)

// An event's entries are packed into one value:
//
//	version (2), then for each entry
//	  form and part, each the number of a word, or 0, a length and the text
//	  start (zigzag varint), length (zigzag varint)
//
// The value itself is with its places, which name an entry by its position here:
// an entry that is struck out leaves an empty one.

const packVersion = 2

// packedEntry is an entry with numbers for texts. A word of 0 is followed by its text.
type packedEntry struct {
	form, part     int64
	formIs, partIs string
	start, end     int
}

func pack(list []packedEntry) []byte {
	b := make([]byte, 1, 1+8*len(list))
	b[0] = packVersion
	for _, e := range list {
		b = appendWord(b, e.form, e.formIs)
		b = appendWord(b, e.part, e.partIs)
		b = binary.AppendVarint(b, int64(e.start))
		b = binary.AppendVarint(b, int64(e.end)-int64(e.start))
	}
	return b
}

func appendWord(b []byte, word int64, text string) []byte {
	b = binary.AppendUvarint(b, uint64(word))
	if word != 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

var errDamaged = errors.New("a stored list of observables is damaged; restore a backup")

func unpack(b []byte) (list []packedEntry, err error) {
	if len(b) == 0 || b[0] != packVersion {
		return nil, errDamaged
	}
	u := unpacker{b: b[1:]}
	for len(u.b) > 0 && !u.bad {
		var e packedEntry
		e.form, e.formIs = u.word()
		e.part, e.partIs = u.word()
		start := u.varint()
		end := start + u.varint()
		e.start, e.end = int(start), int(end)
		list = append(list, e)
	}
	if u.bad {
		return nil, errDamaged
	}
	return list, nil
}

type unpacker struct {
	b   []byte
	bad bool
}

func (u *unpacker) varint() int64 {
	v, n := binary.Varint(u.b)
	u.take(n)
	return v
}

func (u *unpacker) uvarint() uint64 {
	v, n := binary.Uvarint(u.b)
	u.take(n)
	u.bad = u.bad || v > math.MaxInt64
	return v
}

func (u *unpacker) take(n int) []byte {
	if n <= 0 || n > len(u.b) {
		u.bad, u.b = true, nil
		return nil
	}
	head := u.b[:n]
	u.b = u.b[n:]
	return head
}

func (u *unpacker) word() (int64, string) {
	v, n := binary.Uvarint(u.b)
	u.take(n)
	if v != 0 || u.bad {
		if v > math.MaxInt64 {
			u.bad = true
		}
		return int64(v), ""
	}
	size, n := binary.Uvarint(u.b)
	u.take(n)
	if size == 0 || u.bad {
		return 0, ""
	}
	return 0, string(u.take(int(min(size, math.MaxInt32))))
}
