// Package pst reads the data files of Outlook: personal folders (.pst), in the
// old form with 32-bit offsets ("ANSI") and the later one ("Unicode"), and the
// offline copies of mailboxes (.ost) up to the form with pages of 4 KiB that
// Outlook 2013 brought. The format is MS-PST; what that leaves out, the 4 KiB
// form, follows what the authors of libpff and libpst found.
//
// A file is three layers, and so is the package: nodes and blocks (ndb.go,
// node.go), which know numbers only; heaps, trees and tables of properties
// (heap.go, props.go, table.go); folders and messages (folder.go, message.go).
//
// A file may have been made to break its readers, and old files are often broken
// by themselves. Nothing is read whole: pages and blocks are fetched when they
// are asked for, caches are bounded, and every tree is followed only downwards
// and with rising keys, so that one that bites its own tail ends. Where a piece
// is damaged, the error is a *Damage with its place in the file, and the rest can still be read.
//
// Nothing is ever written.
package pst

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Damage is a place where the file is not what it should be.
type Damage struct {
	Offset int64 // in the file
	What   string
}

func (d *Damage) Error() string { return d.What }

// Errors of Open that a caller can tell something about.
var (
	// ErrProtected says that the content is encrypted with keys that only the
	// organisation has, not with a password.
	ErrProtected = errors.New("encrypted with Windows Information Protection")
	// ErrAddresses says that it is a personal address book: it has the same layers and holds no mail.
	ErrAddresses = errors.New("an address book of Outlook, which holds no mail")
	// ErrFormat says that it is no file of Outlook, or one of a form that is not known.
	ErrFormat = errors.New("not a form of Outlook data file that is known")
)

// form is what differs between the three forms of the file.
type form struct {
	name     string
	wide     bool  // numbers and offsets have 64 bits
	page     int   // bytes of a page
	entries  int   // bytes of a page before the numbers that describe them
	trailer  int   // bytes at the end of a page, and of a block
	align    int64 // of blocks, trailer included
	maxBlock int   // bytes of a block without trailer, as read and as unpacked
	packed   bool  // blocks may be deflated
	hidBits  uint  // bits of the index in a heap's number
}

var forms = struct{ ansi, unicode, large form }{
	ansi:    form{name: ANSI, page: 512, entries: 496, trailer: 12, align: 64, maxBlock: 8192, hidBits: 11},
	unicode: form{name: "Unicode", wide: true, page: 512, entries: 488, trailer: 16, align: 64, maxBlock: 8192, hidBits: 11},
	large:   form{name: "Unicode with pages of 4 KiB", wide: true, page: 4096, entries: 4056, trailer: 24, align: 512, maxBlock: 65536, packed: true, hidBits: 14},
}

// File is an opened data file. It is not safe for concurrent use.
type File struct {
	at      io.ReaderAt
	size    int64
	form    form
	crypt   byte
	nbt     pageRef // root pages
	bbt     pageRef
	claimed int64 // size that the header states
	read    int64
	steps   int   // blocks read for the message being read
	total   int64 // and in all

	pages   cache[int64, *page]
	blocks  cache[uint64, []byte] // of heaps and of trees within nodes, decoded
	folders map[uint32]Folder
	store   *Store
	scratch []byte
	damage  []*Damage
	torn    bool      // the tree of nodes is broken
	saved   *salvaged // what was found without it
	silent  int       // damages that were not kept

	// Stopped ends a search of the whole file, which a broken one needs.
	Stopped func() bool

	// Text decodes strings of the ANSI form that state no code page: names of
	// folders. Without it they are taken as Latin-1.
	Text func([]byte) string
}

const headerBytes = 564

// Open reads the header of a file.
func Open(at io.ReaderAt, size int64) (*File, error) {
	head := make([]byte, min(size, headerBytes))
	if n, err := at.ReadAt(head, 0); err != nil && !(errors.Is(err, io.EOF) && n == len(head)) {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	if len(head) < 512 || string(head[:4]) != "!BDN" {
		return nil, fmt.Errorf("%w: the header is missing or cut off", ErrFormat)
	}
	f := &File{at: at, size: size, folders: map[uint32]Folder{}}
	if string(head[8:10]) == "AB" {
		return nil, ErrAddresses
	}
	if err := f.version(binary.LittleEndian.Uint16(head[10:])); err != nil {
		return nil, err
	}
	if len(head) < headerBytes && f.form.wide {
		return nil, fmt.Errorf("%w: the header is cut off", ErrFormat)
	}
	f.header(head)
	f.pages.limit, f.blocks.limit = 4<<20/f.form.page, 16<<20/f.form.maxBlock
	switch f.crypt {
	case plain, permuted, cyclic:
		return f, nil
	case protected:
		return nil, ErrProtected
	}
	return nil, fmt.Errorf("%w: encoding %#x", ErrFormat, f.crypt)
}

// version tells the form by wVer (MS-PST §2.2.2.6): 14 and 15 are ANSI, 21 was an
// early Unicode, 23 is what Outlook 2003 and later write, 36 and above have pages of 4 KiB.
func (f *File) version(v uint16) error {
	switch {
	case v == 14 || v == 15:
		f.form = forms.ansi
	case v >= 20 && v < 36:
		f.form = forms.unicode
	case v >= 36 && v < 64:
		f.form = forms.large
	default:
		return fmt.Errorf("%w: version %d", ErrFormat, v)
	}
	return nil
}

// header takes the roots of the trees out of the header (MS-PST §2.2.2.5, §2.2.2.6).
func (f *File) header(h []byte) {
	le := binary.LittleEndian
	if f.form.wide {
		f.claimed = clamp(le.Uint64(h[184:]))
		f.nbt, f.bbt = f.ref(h[216:]), f.ref(h[232:])
		f.crypt = h[513]
	} else {
		f.claimed = int64(le.Uint32(h[168:]))
		f.nbt, f.bbt = f.ref(h[184:]), f.ref(h[192:])
		f.crypt = h[461]
	}
	if checksum(h[8:8+471]) != le.Uint32(h[4:]) {
		f.note(4, "the checksum of the header is wrong")
	}
	if f.claimed > f.size {
		f.note(f.size, fmt.Sprintf("the file is cut off: it states %d bytes and has %d", f.claimed, f.size))
	}
}

// clamp keeps offsets from becoming negative.
func clamp(v uint64) int64 { return int64(min(v, 1<<62)) }

// checksum is that of MS-PST §5.3: CRC-32 without the inversions at both ends.
func checksum(b []byte) uint32 { return ^crc32.Update(0xffffffff, crc32.IEEETable, b) }

// ANSI is the name of the old form, whose strings are in code pages.
const ANSI = "ANSI"

// Form names the form of the file.
func (f *File) Form() string { return f.form.name }

// BytesRead is how much was fetched from the file, pages that were fetched twice counted twice.
func (f *File) BytesRead() int64 { return f.read }

// maxDamages are kept between two calls of Damages. A file that is broken all over says so often enough.
const maxDamages = 100

// note keeps a damage that did not stop the reading.
func (f *File) note(offset int64, what string) {
	if len(f.damage) >= maxDamages {
		f.silent++
		return
	}
	f.damage = append(f.damage, &Damage{Offset: offset, What: what})
}

// Damages returns what was found to be damaged since it was last asked, though
// what stands there was read as well as it could be.
func (f *File) Damages() []*Damage {
	list := f.damage
	if f.silent > 0 {
		list = append(list, &Damage{What: fmt.Sprintf("%d more places are damaged", f.silent)})
	}
	f.damage, f.silent = nil, 0
	return list
}

// fetch reads n bytes at an offset into buf, which it lets grow.
func (f *File) fetch(buf []byte, offset int64, n int) ([]byte, error) {
	if offset < 0 || int64(n) > f.size-offset {
		return nil, &Damage{Offset: offset, What: fmt.Sprintf("%d bytes lie beyond the end of the file", n)}
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	got, err := f.at.ReadAt(buf, offset)
	f.read += int64(got)
	if got < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read %d bytes at %d: %w", n, offset, err)
	}
	return buf, nil
}

// cache keeps what was used last. It has two halves; when the younger is full the
// older is forgotten, which costs less than a list and keeps nearly the same.
type cache[K comparable, V any] struct {
	limit        int
	young, older map[K]V
}

func (c *cache[K, V]) get(k K) (v V, ok bool) {
	if v, ok = c.young[k]; ok {
		return v, true
	}
	if v, ok = c.older[k]; ok {
		c.put(k, v)
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	if c.young == nil || len(c.young) >= max(c.limit/2, 1) {
		c.older, c.young = c.young, make(map[K]V, max(c.limit/2, 1))
	}
	c.young[k] = v
}
