package rest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"
)

// chunkIDs is how many identifiers one state holds: few enough that it is cheap to store again
// with each page, many enough that a large mailbox has few of them.
const chunkIDs = 1024

// IDs are identifiers of messages, 8 bytes of a hash of each. Among ten million messages one
// that is new is taken for a known one with a chance of 5·10⁻¹³.
type IDs []byte

// HashID is how an identifier is remembered.
func HashID(id string) uint64 {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:])
}

// With returns the identifiers with one more.
func (ids IDs) With(id string) IDs { return binary.BigEndian.AppendUint64(ids, HashID(id)) }

// Has tells whether an identifier is one of them.
func (ids IDs) Has(id string) bool { return slices.Contains(ids.hashes(), HashID(id)) }

func (ids IDs) hashes() []uint64 {
	out := make([]uint64, 0, len(ids)/8)
	for ; len(ids) >= 8; ids = ids[8:] {
		out = append(out, binary.BigEndian.Uint64(ids))
	}
	return out
}

// Seen remembers over runs which messages of a mailbox were handed on. Services tell again of
// messages that were changed or moved, and of all of them once a link or history has expired; what was read
// need not be fetched again then.
type Seen struct {
	key     string
	stored  []uint64 // sorted
	recent  map[uint64]struct{}
	last    IDs // of the last chunk, which is not full
	chunk   int // its number
	unsaved bool
}

// LoadSeen reads what was stored under a key. A chunk that cannot be read ends it: what is behind is read again.
func LoadSeen(key string, state func(string) (json.RawMessage, bool)) *Seen {
	s := &Seen{key: key, recent: map[uint64]struct{}{}}
	for ; ; s.chunk++ {
		raw, ok := state(s.keyOf(s.chunk))
		var ids IDs
		if !ok || json.Unmarshal(raw, (*[]byte)(&ids)) != nil {
			break
		}
		s.stored = append(s.stored, ids.hashes()...)
		if s.last = ids; len(ids) < 8*chunkIDs {
			break
		}
		s.last = nil
	}
	slices.Sort(s.stored)
	return s
}

func (s *Seen) keyOf(chunk int) string { return s.key + "\n" + strconv.Itoa(chunk) }

// Has tells whether a message was handed on.
func (s *Seen) Has(id string) bool { return s.has(HashID(id)) }

func (s *Seen) has(h uint64) bool {
	if _, ok := s.recent[h]; ok {
		return true
	}
	_, ok := slices.BinarySearch(s.stored, h)
	return ok
}

// Save remembers more. All of them must have been emitted.
func (s *Seen) Save(ids IDs, advance func(key string, state json.RawMessage) error) error {
	for _, h := range ids.hashes() {
		if s.has(h) {
			continue
		}
		s.recent[h] = struct{}{}
		s.last, s.unsaved = binary.BigEndian.AppendUint64(s.last, h), true
		if len(s.last) < 8*chunkIDs {
			continue
		}
		if err := s.store(advance); err != nil {
			return err
		}
		s.last, s.chunk = nil, s.chunk+1
	}
	return s.store(advance)
}

func (s *Seen) store(advance func(key string, state json.RawMessage) error) error {
	if !s.unsaved {
		return nil
	}
	raw, err := json.Marshal([]byte(s.last))
	if err != nil {
		return err
	}
	if err := advance(s.keyOf(s.chunk), raw); err != nil {
		return err
	}
	s.unsaved = false
	return nil
}
