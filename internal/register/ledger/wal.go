package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The write-ahead log lies in segments that are written full of zeros when they are made,
// so that a sync has no size or allocation to write down and a full disk is met before a
// record is begun.
//
// A segment begins with a header: magic, its own number, the last sequence number that was
// synced when it was begun ("after"), a checksum. Frames follow: magic, length, checksum,
// sequence number, the last synced one, payload. Sequence numbers rise and never return, though not
// without gaps. What stands in earlier segments with a number above "after" was never
// acknowledged, and is void.

const (
	walEnding   = ".wal"
	walMagic    = "PCWAL\x00\x00\x01"
	walHeader   = 32
	frameMagic  = 0x4c524350 // "PCRL"
	frameHeader = 4 + 4 + 4 + 8 + 8
	maxFrame    = 4*maxVoters + 4<<10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrame leaves room for the header, which seal fills in once the number is known.
func appendFrame(b []byte, r *record) []byte {
	return r.append(append(b, make([]byte, frameHeader)...))
}

func sealFrame(frame []byte, segment, seq, synced uint64) {
	binary.LittleEndian.PutUint32(frame, frameMagic)
	binary.LittleEndian.PutUint32(frame[4:], uint32(len(frame)-frameHeader))
	binary.LittleEndian.PutUint64(frame[12:], seq)
	binary.LittleEndian.PutUint64(frame[20:], synced)
	binary.LittleEndian.PutUint32(frame[8:], frameSum(frame, segment))
}

// frameSum covers the segment's number too, so that what an earlier file left on the disk is no frame.
func frameSum(frame []byte, segment uint64) uint32 {
	var id [8]byte
	binary.LittleEndian.PutUint64(id[:], segment)
	sum := crc32.Update(0, castagnoli, id[:])
	sum = crc32.Update(sum, castagnoli, frame[4:8])
	return crc32.Update(sum, castagnoli, frame[12:])
}

type frame struct {
	seq, synced uint64
	payload     []byte
	size        int
}

// parseFrame reads the frame at the beginning of b.
func parseFrame(b []byte, segment uint64) (frame, bool) {
	if len(b) < frameHeader || binary.LittleEndian.Uint32(b) != frameMagic {
		return frame{}, false
	}
	size := frameHeader + int(binary.LittleEndian.Uint32(b[4:]))
	if size > frameHeader+maxFrame || size > len(b) ||
		frameSum(b[:size], segment) != binary.LittleEndian.Uint32(b[8:]) {
		return frame{}, false
	}
	return frame{
		seq: binary.LittleEndian.Uint64(b[12:]), synced: binary.LittleEndian.Uint64(b[20:]),
		payload: b[frameHeader:size], size: size,
	}, true
}

func segmentHeader(number, after uint64) []byte {
	b := make([]byte, walHeader)
	copy(b, walMagic)
	binary.LittleEndian.PutUint64(b[8:], number)
	binary.LittleEndian.PutUint64(b[16:], after)
	binary.LittleEndian.PutUint32(b[24:], crc32.Checksum(b[:24], castagnoli))
	return b
}

func parseSegmentHeader(b []byte, number uint64) (after uint64, ok bool) {
	if len(b) < walHeader || string(b[:8]) != walMagic || binary.LittleEndian.Uint64(b[8:]) != number ||
		crc32.Checksum(b[:24], castagnoli) != binary.LittleEndian.Uint32(b[24:]) {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[16:]), true
}

func segmentName(number uint64) string { return fmt.Sprintf("%012d%s", number, walEnding) }

func segmentNumber(name string) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimSuffix(name, walEnding), 10, 64)
	return n, err == nil && segmentName(n) == name
}

// wal writes. It isn't safe for concurrent use: the one that has the turn has it.
type wal struct {
	dir   string
	files fileLayer
	limit int64

	file   file   // nil: the next write begins a segment
	number uint64 // of the segment
	at     int64
	seq    uint64 // last one given out
	synced uint64 // last one that is on the disk
	old    []oldSegment
	spare  chan spare // a segment made ahead
	head   bool       // the header is written with the first frames
}

type oldSegment struct {
	number, last uint64
}

type spare struct {
	file   file
	number uint64
	err    error
}

// write puts frames behind each other and syncs them. On an error none of them counts: the
// segment is given up, since after a failed sync nobody knows what of it is on the disk.
func (w *wal) write(frames [][]byte, buf []byte) ([]byte, error) {
	total := int64(0)
	for _, f := range frames {
		total += int64(len(f))
	}
	if w.file != nil && w.at+total > w.limit {
		w.finish()
	}
	if w.file == nil {
		if err := w.begin(walHeader + total); err != nil {
			return buf, err
		}
	}
	buf = buf[:0]
	from := w.at
	if w.head {
		buf, from = append(buf, segmentHeader(w.number, w.synced)...), 0
	}
	for _, f := range frames {
		w.seq++
		sealFrame(f, w.number, w.seq, w.synced)
		buf = append(buf, f...)
	}
	_, err := w.file.WriteAt(buf, from)
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		w.finish()
		return buf, fmt.Errorf("write the log: %w", err)
	}
	w.at, w.head, w.synced = from+int64(len(buf)), false, w.seq
	return buf, nil
}

// finish ends the segment.
func (w *wal) finish() {
	if w.file == nil {
		return
	}
	_ = w.file.Close() // what had to be synced was
	w.old = append(w.old, oldSegment{w.number, w.synced})
	w.file = nil
}

// begin takes the segment that was made ahead, or makes one.
func (w *wal) begin(need int64) error {
	var s spare
	if w.spare != nil {
		s = <-w.spare
		w.spare = nil
	}
	if s.file == nil || s.err != nil || need > w.limit {
		if s.file != nil {
			_ = s.file.Close()
			w.old = append(w.old, oldSegment{s.number, 0})
		}
		if s = w.make(w.number+1+uint64(min(s.number, 1)), max(w.limit, need)); s.err != nil {
			return s.err
		}
	}
	w.file, w.number, w.at, w.head = s.file, s.number, walHeader, true
	ahead := make(chan spare, 1)
	go func(number uint64) { ahead <- w.make(number, w.limit) }(w.number + 1)
	w.spare = ahead
	return nil
}

// make writes a segment of zeros. A name that is taken already is a segment given up: it is passed over.
func (w *wal) make(number uint64, size int64) spare {
	path := filepath.Join(w.dir, segmentName(number))
	f, err := w.files.Open(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return spare{err: fmt.Errorf("make room for the log: %w", err), number: number}
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < size && err == nil; at += int64(len(zeros)) {
		_, err = f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = w.files.SyncDir(w.dir)
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("make room for the log: %w", err), f.Close(), w.files.Remove(path))
		return spare{err: err, number: number}
	}
	return spare{file: f, number: number}
}

// purge removes the segments that hold nothing above sealed. It isn't synced: a segment that
// comes back after a crash is purged again.
func (w *wal) purge(sealed uint64) error {
	var errs []error
	kept := w.old[:0]
	for _, s := range w.old {
		if s.last > sealed {
			kept = append(kept, s)
			continue
		}
		if err := w.files.Remove(filepath.Join(w.dir, segmentName(s.number))); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs, kept = append(errs, err), append(kept, s)
		}
	}
	w.old = kept
	return errors.Join(errs...)
}

func (w *wal) close() error {
	var err error
	if w.file != nil {
		err = w.file.Close()
		w.file = nil
	}
	if w.spare != nil {
		if s := <-w.spare; s.file != nil {
			err = errors.Join(err, s.file.Close(), w.files.Remove(filepath.Join(w.dir, segmentName(s.number))))
		}
		w.spare = nil
	}
	return err
}
