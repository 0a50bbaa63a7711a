package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// maxSegment bounds what is read of one segment of the write-ahead log.
const maxSegment = 64 << 20

// logged is a record read back from the write-ahead log.
type logged struct {
	seq uint64
	record
}

// tail is what the write-ahead log holds.
type tail struct {
	records  []logged
	last     uint64 // highest sequence number seen
	number   uint64 // highest segment
	segments []oldSegment
	alive    int64      // time of the newest record, microseconds
	damage   []walRange // acknowledged records that can't be read
}

// walRange is a stretch of the write-ahead log that is damaged, between two records that are whole.
type walRange struct {
	segment     string
	offset      int
	after, upto uint64    // sequence numbers around it
	from, until time.Time // times around it; zero where there is none
}

func (d walRange) String() string {
	return fmt.Sprintf("%s is damaged from byte %d: up to %d acknowledged records after %s are lost", d.segment, d.offset, d.upto-d.after, d.from.UTC().Format(time.RFC3339))
}

// readTail reads the records above sealed. It works beside a writer: what the writer has not
// synced yet may be there or not.
func readTail(dir string, sealed uint64) (*tail, error) {
	names, err := listFiles(dir, walEnding)
	if err != nil {
		return nil, fmt.Errorf("read the write-ahead log: %w", err)
	}
	t := &tail{last: sealed}
	for _, name := range names {
		number, ok := segmentNumber(name)
		if !ok {
			continue
		}
		data, err := readLimited(filepath.Join(dir, name), maxSegment)
		if errors.Is(err, fs.ErrNotExist) {
			continue // sealed and removed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read the write-ahead log: %w", err)
		}
		t.number = max(t.number, number)
		if err := t.segment(name, number, data, sealed); err != nil {
			return nil, fmt.Errorf("write-ahead log %s: %w", name, err)
		}
	}
	return t, nil
}

func (t *tail) segment(name string, number uint64, data []byte, sealed uint64) error {
	after, ok := parseSegmentHeader(data, number)
	if !ok { // made ahead and never begun, or its first write was torn: nothing in it was acknowledged, unless frames say so
		after = t.last
	}
	t.void(after)
	last, at := t.last, walHeader
	if ok && after > t.last {
		t.damage = append(t.damage, walRange{segment: name, after: t.last, upto: after, from: time.UnixMicro(t.alive)})
		last = after
	}
	at = min(at, len(data))
	for at < len(data) {
		f, ok := parseFrame(data[at:], number)
		if !ok {
			next, found := nextFrame(data, at, number)
			if !found {
				break
			}
			f, _ = parseFrame(data[next:], number)
			if f.synced > last { // it was acknowledged, and is gone
				t.damage = append(t.damage, walRange{segment: name, offset: at, after: last, upto: f.synced, from: time.UnixMicro(t.alive)})
			}
			at = next
		}
		at += f.size
		if f.seq <= last {
			continue // of an earlier life, or sealed already
		}
		last = f.seq
		r, err := decodeRecord(f.payload)
		if err != nil {
			return fmt.Errorf("record %d: %w", f.seq, err)
		}
		t.add(f.seq, r, sealed)
	}
	t.segments = append(t.segments, oldSegment{number, max(last, t.last)})
	t.last = max(t.last, last)
	return nil
}

func (t *tail) add(seq uint64, r record, sealed uint64) {
	t.alive = max(t.alive, r.time)
	for i := range t.damage {
		if t.damage[i].until.IsZero() {
			t.damage[i].until = time.UnixMicro(r.time)
		}
	}
	t.last = seq
	if seq > sealed && r.kind != recordAlive {
		t.records = append(t.records, logged{seq, r})
	}
}

// void drops what was read above after: the writer gave that up.
func (t *tail) void(after uint64) {
	for len(t.records) > 0 && t.records[len(t.records)-1].seq > after {
		t.records = t.records[:len(t.records)-1]
	}
}

// nextFrame looks for a whole frame behind damaged bytes.
func nextFrame(data []byte, at int, number uint64) (int, bool) {
	for at++; at < len(data); at++ {
		skip := bytes.IndexByte(data[at:], frameMagic&0xff)
		if skip < 0 {
			break
		}
		if at += skip; at+frameHeader > len(data) {
			break
		}
		if _, ok := parseFrame(data[at:], number); ok {
			return at, true
		}
	}
	return 0, false
}
