package copies

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// Limits bound the reading of one file: what lies about was made by anybody.
type Limits struct {
	Depth   int   // layers of packing; default 5
	Members int   // of all archives of a file; default 200,000
	Expand  int64 // bytes a file unpacks to over all its layers; default 256 GiB
	Ratio   int64 // unpacked to packed, once past 256 MiB; default 1,000
	Memory  int64 // bytes held of an archive within an archive, or of a spreadsheet's strings; default 256 MiB
}

func (l Limits) withDefaults() Limits {
	l.Depth = int(orDefault(int64(l.Depth), 5))
	l.Members = int(orDefault(int64(l.Members), 200_000))
	l.Expand = orDefault(l.Expand, 256<<30)
	l.Ratio = orDefault(l.Ratio, 1000)
	l.Memory = orDefault(l.Memory, 256<<20)
	return l
}

func orDefault(v, def int64) int64 {
	if v <= 0 {
		return def
	}
	return v
}

// Limits that were met.
var (
	errDeep    = errors.New("packed in too many layers")
	errMembers = errors.New("too many members")
	errExpand  = errors.New("unpacks to too much")
	errMemory  = errors.New("too large to be held in memory; unpack it and look again")
)

// budget is what is left of the limits for one file.
type budget struct {
	limits  Limits
	members int
	packed  atomic.Int64 // bytes read of the file itself
	out     int64
}

// member pays for one more.
func (b *budget) member() error {
	if b.members++; b.members > b.limits.Members {
		return fmt.Errorf("%w (more than %d)", errMembers, b.limits.Members)
	}
	return nil
}

// metered counts what a decompressor gives.
type metered struct {
	r io.Reader
	b *budget
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.b.out += int64(n)
	if m.b.out > m.b.limits.Expand {
		return n, fmt.Errorf("%w (more than %d bytes)", errExpand, m.b.limits.Expand)
	}
	if m.b.out > 256<<20 && m.b.out/m.b.limits.Ratio > m.b.packed.Load() {
		return n, fmt.Errorf("%w (more than %d times its size)", errExpand, m.b.limits.Ratio)
	}
	return n, err
}
