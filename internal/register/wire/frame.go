package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Frame sizes: a type byte and a length that counts itself (PostgreSQL
// manual, "Message Formats").
const (
	headSize  = 5
	smallSize = 4 << 10   // what an idle connection holds per direction
	largeSize = 128 << 10 // what a busy one reads at once
	bulkSize  = 1 << 20   // the same where rows come in bulk, or each release of them takes long
	hugeSize  = 1 << 30   // PostgreSQL's own limit of a message (MaxAllocSize)
)

var errFrame = errors.New("malformed frame")

// buffers gives read buffers out and takes them back, so that 5,000 idle
// connections hold small ones and the few busy ones share the large.
type buffers struct{ small, large, bulk sync.Pool }

func newBuffers() *buffers {
	return &buffers{
		small: sync.Pool{New: func() any { b := make([]byte, smallSize); return &b }},
		large: sync.Pool{New: func() any { b := make([]byte, largeSize); return &b }},
		bulk:  sync.Pool{New: func() any { b := make([]byte, bulkSize); return &b }},
	}
}

func (p *buffers) get(size int) []byte {
	switch {
	case size <= smallSize:
		return *p.small.Get().(*[]byte)
	case size <= largeSize:
		return *p.large.Get().(*[]byte)
	case size <= bulkSize:
		return *p.bulk.Get().(*[]byte)
	}
	return make([]byte, size)
}

func (p *buffers) put(b []byte) {
	switch len(b) {
	case smallSize:
		p.small.Put(&b)
	case largeSize:
		p.large.Put(&b)
	case bulkSize:
		p.bulk.Put(&b)
	}
}

// inbound reads frames of one direction. buf[r:w] has been read and not yet
// walked.
type inbound struct {
	conn net.Conn
	sock *socket // of conn, where it is a bare one; else nil
	pool *buffers
	buf  []byte
	r, w int
	want int // the size of the frame that begins at r, if it is known
	most int // up to what size a buffer grows because reads fill it
	last int // how much the last read brought
	flow int // how much has come since the conversation rested
}

func newInbound(conn net.Conn, pool *buffers) *inbound {
	return &inbound{conn: conn, sock: newSocket(conn), pool: pool, buf: pool.get(smallSize), most: largeSize}
}

// fill makes room and reads once. Everything walked before is given up.
func (in *inbound) fill() error {
	in.makeRoom()
	n, err := in.read(in.buf[in.w:])
	in.took(n)
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

func (in *inbound) took(n int) { in.w, in.last, in.flow = in.w+n, n, in.flow+n }

// read reads once. Between results it waits for any byte; in the middle of a
// large one it waits a moment first, so that a read brings much.
func (in *inbound) read(b []byte) (int, error) {
	if in.sock == nil {
		return in.conn.Read(b)
	}
	return in.sock.read(b)
}

// gathers says whether to wait for gatherFor before the next read, so that it brings much: PostgreSQL sends 8 KB at a time, and
// to wake up for each costs as much as to walk a hundred rows. All that was
// read has left by now, and PostgreSQL goes on meanwhile: what it sends fits
// the socket. A read that filled the buffer says that more is there already.
func (in *inbound) gathers() bool {
	if in.sock == nil || in.flow < gatherFrom || in.last < smallSize || in.w == len(in.buf) || !in.sock.patient() {
		return false
	}
	in.most = bulkSize
	return true
}

// A small result is never held up, and one of a megabyte some milliseconds.
const (
	gatherFrom = 64 << 10
	gatherFor  = time.Millisecond
)

// makeRoom moves what is left to the front. It takes a large buffer when the
// last read filled the small one, and a larger for a frame that needs it, but
// doubling: a length is believed only as far as its bytes arrive.
func (in *inbound) makeRoom() {
	left := in.w - in.r
	size := len(in.buf)
	switch {
	case in.want > size:
		size = min(in.want, max(2*size, largeSize))
		if left < len(in.buf) { // the buffer is not full yet
			size = len(in.buf)
		}
	case in.w == size && size < largeSize:
		size = largeSize
	case in.w == size && size < in.most:
		size = in.most
	case left == 0 && size > in.most:
		size = in.most
	}
	if size != len(in.buf) {
		next := in.pool.get(size)
		copy(next, in.buf[in.r:in.w])
		in.pool.put(in.buf)
		in.buf = next
	} else if left > 0 && in.r > 0 {
		copy(in.buf, in.buf[in.r:in.w])
	}
	in.r, in.w = 0, left
}

// rest gives a large buffer back when the conversation rests. Nothing may
// refer to it any more.
func (in *inbound) rest() {
	in.flow = 0
	if in.r == in.w && len(in.buf) > smallSize {
		in.pool.put(in.buf)
		in.buf, in.r, in.w = in.pool.get(smallSize), 0, 0
	}
}

func (in *inbound) close() { in.pool.put(in.buf); in.buf, in.r, in.w = nil, 0, 0 }

// next is the frame at r: its type, its size with head, and whether it is
// there as a whole. A size of 0 says that not even its head is.
func (in *inbound) next() (kind byte, size int, whole bool, err error) {
	kind, size, err = head(in.buf[in.r:in.w])
	in.want = size
	return kind, size, size > 0 && in.w-in.r >= size, err
}

// head reads the head of a frame.
func head(b []byte) (kind byte, size int, err error) {
	if len(b) < headSize {
		return 0, 0, nil
	}
	length := binary.BigEndian.Uint32(b[1:])
	if length < 4 || length >= hugeSize {
		return 0, 0, fmt.Errorf("%w: a message %q says it is %d bytes long", errFrame, b[0], length)
	}
	return b[0], int(length) + 1, nil
}

// outbound collects what leaves in one direction: a run of the read buffer as
// it is, and behind it what had to be written anew.
type outbound struct {
	mu       sync.Mutex // guards writing, where more than one goroutine does
	conn     net.Conn
	run      []byte // of the read buffer
	anew     []byte
	patience time.Duration // how long a peer may take nothing; 0 for ever
	deadline time.Time     // as last set
}

// pass takes a frame that stays as it is. Frames that follow one another in
// the read buffer become one run.
func (o *outbound) pass(frame []byte) {
	switch {
	case len(o.anew) > 0:
		o.anew = append(o.anew, frame...)
	case len(o.run) == 0:
		o.run = frame
	case len(o.run) < cap(o.run) && &o.run[:len(o.run)+1][len(o.run)] == &frame[0]:
		o.run = o.run[:len(o.run)+len(frame)]
	default:
		o.anew = append(o.anew, frame...)
	}
}

// size is how many bytes wait.
func (o *outbound) size() int { return len(o.run) + len(o.anew) }

// truncate drops what was added after there were n bytes. What was dropped before does not come back.
func (o *outbound) truncate(n int) {
	if n <= len(o.run) {
		o.run, o.anew = o.run[:n], o.anew[:0]
		return
	}
	o.anew = o.anew[:min(n-len(o.run), len(o.anew))]
}

// flush writes all.
func (o *outbound) flush() error {
	if o.size() == 0 {
		return nil
	}
	o.extend()
	var err error
	switch {
	case len(o.anew) == 0:
		_, err = o.conn.Write(o.run)
	case len(o.run) == 0:
		_, err = o.conn.Write(o.anew)
	default:
		both := net.Buffers{o.run, o.anew}
		_, err = both.WriteTo(o.conn)
	}
	o.run, o.anew = nil, o.anew[:0]
	return err
}

// rest lets go of a large buffer when the conversation rests.
func (o *outbound) rest() {
	if cap(o.anew) > smallSize {
		o.anew = nil
	}
}

// extend moves the deadline on, at most once in a tenth of the patience: the
// runtime's timers cost as much as walking ten rows.
func (o *outbound) extend() {
	if o.patience == 0 {
		return
	}
	now := time.Now()
	if o.deadline.Sub(now) > o.patience-o.patience/10 {
		return
	}
	o.deadline = now.Add(o.patience)
	_ = o.conn.SetWriteDeadline(o.deadline) // fails only on a closed connection, as the write will
}

// message appends a frame of the kind with the body that fill appends.
func message(dst []byte, kind byte, fill func([]byte) []byte) []byte {
	dst = append(dst, kind, 0, 0, 0, 0)
	start := len(dst)
	dst = fill(dst)
	binary.BigEndian.PutUint32(dst[start-4:], uint32(len(dst)-start+4))
	return dst
}

// cstring cuts a zero-terminated string off.
func cstring(b []byte) (s, rest []byte, ok bool) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}
