package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"io"
	"time"
)

// Position says how far a file has been read. A caller stores the latest one
// per File, in the same transaction as what it made of the items, and returns
// it from Config.Resume; the next run then goes on behind the last item stored,
// neither losing nor repeating one.
//
// A file whose Size and ModTime are unchanged is not opened if Done; otherwise
// a plain mbox is continued at Offset, and anything packed is unpacked again
// while its first Items messages are dropped. An mbox that has grown since is
// continued too, provided that its beginning (Head) and the bytes before Offset
// (Tail) are what they were; if what now stands at Offset is not a separator,
// the last message was incomplete when it was read, and it is read again from
// Start. A file that has changed otherwise is read from its beginning.
type Position struct {
	// File is the real path. For a message in a Maildir it is the Maildir and
	// the message's unique name, without the flags and without new or cur:
	// the content behind a unique name never changes, flags do.
	File    string    `json:"file"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mod_time"` // to the microsecond, UTC
	Head    string    `json:"head"`     // SHA-256 of the first 4 KiB, hex
	Start   int64     `json:"start"`    // of the last message, in the unpacked file
	Offset  int64     `json:"offset"`   // behind the last message, in the unpacked file
	Tail    uint32    `json:"tail"`     // CRC-32C of the 512 bytes before Offset
	Items   int64     `json:"items"`    // messages read so far
	Done    bool      `json:"done"`     // nothing is left
}

const (
	headBytes = 4 << 10
	tailBytes = 512
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func fingerprint(head []byte) string {
	sum := sha256.Sum256(head[:min(len(head), headBytes)])
	return hex.EncodeToString(sum[:])
}

// tailSum is a checksum of the last bytes of what lies before an offset. It
// guards against files rewritten in place, not against an adversary: nobody
// gains by making a mailbox be read twice.
func tailSum(before []byte) uint32 {
	return crc32.Checksum(before[max(0, len(before)-tailBytes):], castagnoli)
}

// same tells whether the file is, by its directory entry, what it was.
func (p Position) same(size int64, modTime time.Time) bool {
	return p.Size == size && p.ModTime.Equal(modTime)
}

// sameHead tells whether the file begins as it did.
func (p Position) sameHead(f io.ReaderAt) bool {
	buf := make([]byte, min(p.Size, headBytes))
	n, _ := f.ReadAt(buf, 0)
	return int64(n) == min(p.Size, headBytes) && fingerprint(buf[:n]) == p.Head
}

// mboxOffset returns where to go on in a plain mbox, and false where the stored
// offset no longer lies between two messages of it.
func (p Position) mboxOffset(f io.ReaderAt, size int64) (int64, bool) {
	if p.Offset > size || p.Offset <= p.Start || !p.sameTail(f) {
		return 0, false
	}
	if p.Offset == size {
		return size, true
	}
	buf := make([]byte, maxFromLine)
	n, _ := f.ReadAt(buf, p.Offset)
	rest := skipBlank(buf[:n])
	if len(rest) == 0 || bytes.HasPrefix(rest, fromLine) {
		return p.Offset, true
	}
	return p.Start, true
}

func (p Position) sameTail(f io.ReaderAt) bool {
	n := min(p.Offset-p.Start, tailBytes)
	buf := make([]byte, n)
	got, _ := f.ReadAt(buf, p.Offset-n)
	return int64(got) == n && tailSum(buf) == p.Tail
}
