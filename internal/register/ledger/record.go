package ledger

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Kinds of entries that the ledger itself writes or reads. Others are the guard's own:
// refusals, grants, emergency, policy changes, extracts.
const (
	KindStart  = "start"  // the ledger was opened
	KindStop   = "stop"   // it was closed in order
	KindGap    = "gap"    // From–Until: nobody can tell what was read, Text says why
	KindBypass = "bypass" // From–Until: the guard was passed by; counts as a gap
	KindClock  = "clock"  // the wall clock stepped; From is where it stood, Until where it went
	KindErased = "erased" // the keys of the periods From–Until were destroyed
)

// Entry is what the ledger holds beside disclosures.
type Entry struct {
	Kind      string          `json:"kind"`
	Time      time.Time       `json:"time"`
	Principal string          `json:"principal,omitempty"`
	Program   string          `json:"program,omitempty"`
	Purpose   string          `json:"purpose,omitempty"`
	Statement uint64          `json:"statement,omitempty,string"`
	From      time.Time       `json:"from,omitzero"`
	Until     time.Time       `json:"until,omitzero"`
	Text      string          `json:"text,omitempty"`
	Detail    json.RawMessage `json:"detail,omitempty"`
}

// Kinds of records in the write-ahead log.
const (
	recordDisclosure = 1
	recordEntry      = 2
	recordAlive      = 3 // a heartbeat: says that the guard ran, and becomes no leaf
)

type names struct{ principal, program, purpose string }

// record is one line of the write-ahead log.
type record struct {
	kind      byte
	time      int64 // microseconds since 1970
	period    month
	names     names
	statement uint64
	voters    []uint32 // permuted
	entry     []byte   // JSON
}

func (r *record) append(b []byte) []byte {
	b = append(b, r.kind)
	b = binary.AppendUvarint(b, uint64(r.time))
	switch r.kind {
	case recordEntry:
		return appendBytes(b, r.entry)
	case recordAlive:
		return b
	}
	b = binary.AppendUvarint(b, uint64(r.period))
	b = r.names.append(b)
	b = binary.LittleEndian.AppendUint64(b, r.statement)
	b = binary.AppendUvarint(b, uint64(len(r.voters)))
	for _, v := range r.voters {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func decodeRecord(b []byte) (r record, err error) {
	in := reader{b: b}
	r.kind = in.byte()
	r.time = int64(in.uvarint(math.MaxInt64))
	switch r.kind {
	case recordEntry:
		r.entry = in.bytes(maxEntry)
	case recordAlive:
	case recordDisclosure:
		r.period = month(in.uvarint(maxMonth))
		r.names = in.names()
		r.statement = in.uint64()
		count := in.uvarint(maxVoters)
		if in.err == nil && uint64(len(in.b)) != 4*count {
			return r, fmt.Errorf("%d bytes for %d voters", len(in.b), count)
		}
		r.voters = make([]uint32, 0, len(in.b)/4)
		for ; in.err == nil && len(in.b) >= 4; in.b = in.b[4:] {
			r.voters = append(r.voters, binary.LittleEndian.Uint32(in.b))
		}
	default:
		return r, fmt.Errorf("unknown kind of record %d: written by a newer version?", r.kind)
	}
	if in.err == nil && len(in.b) > 0 {
		return r, errors.New("more behind the record")
	}
	return r, in.err
}

const maxMonth = 3000 * 12

func (n names) append(b []byte) []byte {
	b = appendBytes(b, []byte(n.principal))
	b = appendBytes(b, []byte(n.program))
	return appendBytes(b, []byte(n.purpose))
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader takes values off a buffer. The first error stays, and everything after it is zero.
type reader struct {
	b   []byte
	err error
}

var errShort = errors.New("it ends too early")

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.b = err, nil
	}
}

func (r *reader) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	if v > limit {
		r.fail(fmt.Errorf("%d where at most %d can be", v, limit))
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.fail(errShort)
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) bytes(limit uint64) []byte { return r.take(int(r.uvarint(limit))) }

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) names() names {
	return names{string(r.bytes(maxName)), string(r.bytes(maxName)), string(r.bytes(maxName))}
}
