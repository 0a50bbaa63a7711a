package source

import (
	"errors"
	"io"
	"math"
)

// window is a reader that can look ahead: a stretch of a stream held in memory.
// It grows only as far as its user asks it to look.
type window struct {
	src    io.Reader
	buf    []byte
	lo, hi int   // buf[lo:hi] is what has been read and not consumed
	off    int64 // of buf[lo] in the stream
	err    error // sticky, io.EOF at the end
	max    int   // growing stops doubling here, 0: nowhere
}

// windowBytes is large enough that system calls don't matter, small enough to stay in the cache.
const windowBytes = 256 << 10

func newWindow(src io.Reader, size int64) *window {
	n := int64(windowBytes)
	if size >= 0 && size < n {
		n = size + 1 // one more, so that the end is seen without growing
	}
	return &window{src: src, buf: make([]byte, max(n, 512))}
}

// need tries to have n bytes in the window and tells whether it has.
func (w *window) need(n int) bool {
	for w.hi-w.lo < n && w.err == nil {
		w.more()
	}
	return w.hi-w.lo >= n
}

// more reads once, making room first.
func (w *window) more() {
	if w.err != nil {
		return
	}
	if w.lo > 0 && (w.hi == len(w.buf) || w.lo == w.hi) {
		w.hi = copy(w.buf, w.buf[w.lo:w.hi])
		w.lo = 0
	}
	if w.hi == len(w.buf) {
		w.grow()
	}
	for empty := 0; ; empty++ {
		got, err := w.src.Read(w.buf[w.hi:])
		w.hi += got
		w.err = err
		if got > 0 || err != nil {
			return
		}
		if empty == 100 {
			w.err = io.ErrNoProgress
			return
		}
	}
}

// grow doubles, so that a large message costs no more than its own size in
// copies, whatever length its header claims.
func (w *window) grow() {
	size := max(2*len(w.buf), 512)
	if w.max > len(w.buf) {
		size = min(size, w.max)
	}
	buf := make([]byte, size)
	w.hi = copy(buf, w.buf[w.lo:w.hi])
	w.buf, w.lo = buf, 0
}

// ahead is what is in the window now.
func (w *window) ahead() []byte { return w.buf[w.lo:w.hi] }

// peek returns up to n bytes without consuming them.
func (w *window) peek(n int) []byte {
	w.need(n)
	return w.buf[w.lo:min(w.hi, w.lo+n)]
}

// skip consumes n bytes of the window.
func (w *window) skip(n int) {
	w.lo += n
	w.off += int64(n)
}

// discard consumes n bytes of the stream, or as many as there are.
func (w *window) discard(n int64) {
	for n > 0 {
		if w.lo == w.hi {
			w.more()
			if w.lo == w.hi {
				return
			}
		}
		step := min(n, int64(w.hi-w.lo))
		w.skip(int(step))
		n -= step
	}
}

// Read hands the stream on to a decompressor.
func (w *window) Read(p []byte) (int, error) {
	if w.lo == w.hi {
		w.more()
	}
	if w.lo == w.hi {
		return 0, w.err
	}
	n := copy(p, w.buf[w.lo:w.hi])
	w.skip(n)
	return n, nil
}

// failure is the error that ended the stream, nil at a regular end.
func (w *window) failure() error {
	if w.err == nil || errors.Is(w.err, io.EOF) {
		return nil
	}
	return w.err
}

// take consumes up to n bytes and returns at most keep of them, and how many there
// were. They are a copy, or the window's own memory where nothing else is left in it.
func (w *window) take(keep, n int64) (raw []byte, size int64) {
	start := w.off
	w.max = int(min(keep, math.MaxInt32)) + windowBytes
	for w.err == nil && int64(len(w.ahead())) < min(keep, n) {
		w.more()
	}
	if left := w.ahead(); w.err != nil && int64(len(left)) <= min(keep, n) && 2*len(left) > len(w.buf) {
		w.buf, w.lo, w.hi = nil, 0, 0
		w.off += int64(len(left))
		return left[:len(left):len(left)], int64(len(left))
	}
	raw = append(make([]byte, 0, min(keep, n, int64(len(w.ahead())))), w.ahead()[:min(keep, n, int64(len(w.ahead())))]...)
	w.discard(n)
	return raw, w.off - start
}

// restart empties the window: its source has been set to offset off.
func (w *window) restart(off int64) {
	w.lo, w.hi, w.off, w.err = 0, 0, off, nil
}
