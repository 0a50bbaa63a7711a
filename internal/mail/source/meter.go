package source

import (
	"fmt"
	"io"
)

// meter bounds what a layer of packing unpacks to, against bombs. Each layer
// has its own ratio; what they unpack to together is bounded for the file.
//
// Ordinary mail packs to a third, a mailbox of identical newsletters to a
// fiftieth; deflate cannot pass 1:1032, so that bombs either nest, and are met
// by the depth and the sum, or let many members share bytes, and are met by the
// sum. Below ratioFloor a ratio costs nothing.
type meter struct {
	parent *meter
	out    int64
	maxOut int64        // 0: no bound of its own
	ratio  int64        // 0: none
	packed func() int64 // bytes that the layer was packed in, so far
}

const ratioFloor = 100 << 20

// expandError says that a bound was passed.
type expandError struct{ what string }

func (e *expandError) Error() string { return e.what }

func (m *meter) add(n int64) error {
	for l := m; l != nil; l = l.parent {
		l.out += n
		if l.maxOut > 0 && l.out > l.maxOut {
			return &expandError{fmt.Sprintf("unpacks to more than %d bytes in all", l.maxOut)}
		}
		if l.ratio > 0 && l.out > ratioFloor && l.out/l.ratio > l.packed() {
			return &expandError{fmt.Sprintf("unpacks to more than %d times its size", l.ratio)}
		}
	}
	return nil
}

// spent tells whether the sum for the whole file is used up.
func (m *meter) spent() bool {
	for l := m; l != nil; l = l.parent {
		if l.maxOut > 0 && l.out > l.maxOut {
			return true
		}
	}
	return false
}

// metered is the unpacked side of a layer.
type metered struct {
	src     io.Reader
	meter   *meter
	stopped func() error
}

func (m metered) Read(p []byte) (int, error) {
	if err := m.stopped(); err != nil {
		return 0, err
	}
	n, err := m.src.Read(p)
	if over := m.meter.add(int64(n)); over != nil {
		return n, over
	}
	return n, err
}
