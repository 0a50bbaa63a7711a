package attach

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Compound files (MS-CFB) hold the older office formats, VBA projects, Outlook
// messages and installers. The reader here works on the bytes in memory and
// allocates nothing that the file's own size does not pay for: chains are walked
// at most as far as there are sectors, and the directory stays flat instead of
// being followed as a tree, which hostile files make deep or circular.

const (
	cfbMagic      = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
	cfbEnd        = 0xfffffffa // greater values end a chain
	cfbMiniCutoff = 4096
	maxCFBEntries = 20_000
	cfbNone       = 0xffffffff
)

var errCFB = errors.New("compound file is damaged")

// cfbEntry is a storage or stream.
type cfbEntry struct {
	name   string
	parent int // index of the storage it lies in, -1 for the root or lost ones
	stream bool
	start  uint32
	size   uint64
	clsid  [16]byte
	left   uint32
	right  uint32
	child  uint32
}

type cfb struct {
	data    []byte
	shift   uint
	fat     []uint32
	minifat []uint32
	mini    []byte // the stream that holds the small ones
	entries []cfbEntry
	work    int // bytes that may still be read: streams can lie about sharing sectors
}

func openCFB(data []byte) (*cfb, error) {
	if len(data) < 512 || string(data[:8]) != cfbMagic {
		return nil, errCFB
	}
	f := &cfb{data: data, work: 8*len(data) + 1<<20, shift: uint(binary.LittleEndian.Uint16(data[30:]))}
	if f.shift != 9 && f.shift != 12 {
		return nil, fmt.Errorf("%w: sector shift %d", errCFB, f.shift)
	}
	f.readFAT()
	dir, err := f.chain(binary.LittleEndian.Uint32(data[48:]), maxCFBEntries*128)
	if err != nil && len(dir) < 128 {
		return nil, fmt.Errorf("directory: %w", err)
	}
	f.readDirectory(dir)
	if mini, err := f.chain(binary.LittleEndian.Uint32(data[60:]), len(data)); err == nil || len(mini) > 0 {
		f.minifat = words(mini)
	}
	if len(f.entries) > 0 && f.entries[0].size > 0 {
		f.mini, _ = f.chain(f.entries[0].start, int(min(f.entries[0].size, uint64(len(data)))))
	}
	return f, nil
}

func words(b []byte) []uint32 {
	out := make([]uint32, len(b)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return out
}

func (f *cfb) sector(n uint32) []byte {
	start := (uint64(n) + 1) << f.shift
	if start >= uint64(len(f.data)) {
		return nil
	}
	return f.data[start:min(start+1<<f.shift, uint64(len(f.data)))]
}

// readFAT collects the allocation table from the header's list and the DIFAT
// chain (MS-CFB §2.5), never more of it than the file has sectors.
func (f *cfb) readFAT() {
	sectors := len(f.data) >> f.shift
	per := 1 << f.shift / 4
	add := func(n uint32) bool {
		if n >= cfbEnd || len(f.fat) > sectors+per {
			return false
		}
		s := f.sector(n)
		if s == nil {
			return false
		}
		f.fat = append(f.fat, words(s)...)
		return true
	}
	for i := range 109 {
		add(binary.LittleEndian.Uint32(f.data[76+4*i:]))
	}
	next := binary.LittleEndian.Uint32(f.data[68:])
	for range sectors {
		s := f.sector(next)
		if next >= cfbEnd || len(s) < 1<<f.shift {
			return
		}
		list := words(s)
		for _, n := range list[:per-1] {
			add(n)
		}
		next = list[per-1]
	}
}

// chain reads the sectors from start on, at most limit bytes.
func (f *cfb) chain(start uint32, limit int) ([]byte, error) {
	var out []byte
	for n, steps := start, 0; n < cfbEnd; steps++ {
		s := f.sector(n)
		if s == nil || steps > len(f.fat) || int(n) >= len(f.fat) {
			return out, errCFB
		}
		if f.work -= len(s); f.work < 0 {
			return out, errCFB
		}
		if room := limit - len(out); len(s) >= room {
			return append(out, s[:room]...), nil
		}
		out = append(out, s...)
		n = f.fat[n]
	}
	return out, nil
}

// readDirectory reads the entries (MS-CFB §2.6.1) and then finds for each the
// storage it lies in.
func (f *cfb) readDirectory(dir []byte) {
	for ; len(dir) >= 128 && len(f.entries) < maxCFBEntries; dir = dir[128:] {
		nameLen := int(binary.LittleEndian.Uint16(dir[64:]))
		if nameLen > 64 {
			nameLen = 64
		}
		e := cfbEntry{
			name: string(utf16Bytes(dir[:max(nameLen-2, 0)], true)), parent: -1, stream: dir[66] == 2,
			left: binary.LittleEndian.Uint32(dir[68:]), right: binary.LittleEndian.Uint32(dir[72:]), child: binary.LittleEndian.Uint32(dir[76:]),
			start: binary.LittleEndian.Uint32(dir[116:]), size: uint64(binary.LittleEndian.Uint32(dir[120:])),
		}
		copy(e.clsid[:], dir[80:96])
		f.entries = append(f.entries, e)
	}
	for i := range f.entries {
		if !f.entries[i].stream {
			f.adopt(i)
		}
	}
}

// adopt marks the tree below a storage's child as lying in it. Each entry is
// adopted once, so damaged trees end.
func (f *cfb) adopt(storage int) {
	todo := []uint32{f.entries[storage].child}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if n == cfbNone || int(n) >= len(f.entries) || n == 0 || f.entries[n].parent >= 0 {
			continue
		}
		e := &f.entries[n]
		e.parent = storage
		todo = append(todo, e.left, e.right)
	}
}

// read returns a stream, as much of it as there is.
func (f *cfb) read(e *cfbEntry) ([]byte, error) {
	size := int(min(e.size, uint64(len(f.data))))
	if e.size >= cfbMiniCutoff {
		return f.chain(e.start, size)
	}
	if f.work -= size; f.work < 0 {
		return nil, errCFB
	}
	out := make([]byte, 0, size)
	for n, steps := e.start, 0; n < cfbEnd && len(out) < size; steps++ {
		at := int(n) * 64
		if steps > len(f.minifat) || int(n) >= len(f.minifat) || at >= len(f.mini) {
			return out, errCFB
		}
		s := f.mini[at:min(at+64, len(f.mini))]
		out = append(out, s[:min(len(s), size-len(out))]...)
		n = f.minifat[n]
	}
	return out, nil
}

// find returns the first stream of a name, in any storage.
func (f *cfb) find(name string) *cfbEntry {
	for i := range f.entries {
		if e := &f.entries[i]; e.stream && strings.EqualFold(e.name, name) {
			return e
		}
	}
	return nil
}

// storage finds a storage by name.
func (f *cfb) storage(name string) int {
	for i := range f.entries {
		if e := &f.entries[i]; !e.stream && strings.EqualFold(e.name, name) {
			return i
		}
	}
	return -1
}
