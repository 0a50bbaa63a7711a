package pack

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// entry is one sealed indicator: its tag, and sealed under the same secret what only its
// finder may know.
//
//	from (8 bytes), until (8): seconds since 1970, 0 is not stated
//	text (4): which of the pack's texts, from 1; 0 is none
//	key (32): of that text
//
// All integers are big-endian. An entry without a text looks the same.
type entry struct {
	from, until time.Time
	text        int
	key         [32]byte
}

const entryPlain = 8 + 8 + 4 + 32

func (e entry) seal(s secret) ([]byte, error) {
	plain := make([]byte, 0, entryPlain)
	plain = binary.BigEndian.AppendUint64(plain, uint64(seconds(e.from)))
	plain = binary.BigEndian.AppendUint64(plain, uint64(seconds(e.until)))
	plain = binary.BigEndian.AppendUint32(plain, uint32(e.text))
	plain = append(plain, e.key[:]...)
	t := s.tag()
	sealed, err := seal(s.expand(labelEntry, 32), plain, t[:])
	return append(t[:], sealed...), err
}

// openEntry opens what stands behind a tag.
func openEntry(s secret, raw [entrySize]byte) (e entry, err error) {
	plain, err := unseal(s.expand(labelEntry, 32), raw[tagSize:], raw[:tagSize])
	if err != nil || len(plain) != entryPlain {
		return e, errSealed
	}
	e.from, e.until = moment(binary.BigEndian.Uint64(plain)), moment(binary.BigEndian.Uint64(plain[8:]))
	e.text = int(binary.BigEndian.Uint32(plain[16:]))
	copy(e.key[:], plain[20:])
	return e, nil
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func moment(s uint64) time.Time {
	if s == 0 || s > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0).UTC()
}

// sealText seals a text, filled up so that all of a pack are of one size.
func sealText(key [32]byte, text string, size int) ([]byte, error) {
	if len(text)+4 > size {
		return nil, fmt.Errorf("a text of %d bytes does not fit into %d", len(text), size-4)
	}
	plain := make([]byte, size)
	binary.BigEndian.PutUint32(plain, uint32(len(text)))
	copy(plain[4:], text)
	return seal(key[:], plain, []byte(labelText))
}

func openText(key [32]byte, sealed []byte) (string, error) {
	plain, err := unseal(key[:], sealed, []byte(labelText))
	if err != nil || len(plain) < 4 {
		return "", errSealed
	}
	n := binary.BigEndian.Uint32(plain)
	if int64(n) > int64(len(plain)-4) {
		return "", errSealed
	}
	return string(plain[4 : 4+n]), nil
}

// sizeFor is the common size of sealed texts, without the 16 bytes that sealing adds.
func sizeFor(texts []string) (size int) {
	for _, t := range texts {
		size = max(size, (len(t)+4+textStep-1)/textStep*textStep)
	}
	return size
}

// cleanText takes out of an opened text what would act on a terminal or turn the direction of
// text: whoever may sign is trusted with words only.
func cleanText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		if r == '\t' {
			return ' '
		}
		return -1
	}, strings.ToValidUTF8(s, ""))
}
