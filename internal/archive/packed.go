package archive

import (
	"encoding/binary"
	"errors"
	"math"
)

// An event's entries are packed into one value:
//
//	version (1), then for each entry
//	  number of the value, as the difference from the one before (zigzag varint)
//	  form and part, each the number of a word, or 0, a length and the text
//	  start (zigzag varint), length (zigzag varint)
//
// Values that an event is the first to have get successive numbers, so that an
// entry takes some six bytes.

const packVersion = 1

// packedEntry is an entry with numbers for texts. A word of 0 is followed by its text.
type packedEntry struct {
	value          int64
	form, part     int64
	formIs, partIs string
	start, end     int
}

func pack(list []packedEntry) []byte {
	b := make([]byte, 1, 1+8*len(list))
	b[0] = packVersion
	var last int64
	for _, e := range list {
		b = binary.AppendVarint(b, e.value-last)
		last = e.value
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
	var last int64
	for len(u.b) > 0 && !u.bad {
		var e packedEntry
		last += u.varint()
		e.value = last
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
