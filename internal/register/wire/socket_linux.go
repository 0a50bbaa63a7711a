package wire

import (
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket reads a bare socket in ways net.Conn does not have.
type socket struct {
	raw     syscall.RawConn
	attempt func(fd uintptr) bool // kept, so that a read allocates nothing
	buf     []byte
	n       int
	err     error
	low     bool // the kernel wakes nobody for less than lowWater
}

// newSocket is nil for what is not a socket itself, as TLS.
func newSocket(conn net.Conn) *socket {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{raw: raw}
	s.attempt = s.try
	return s
}

// read is net.Conn's.
func (s *socket) read(b []byte) (int, error) {
	s.buf = b
	err := s.raw.Read(s.attempt)
	s.buf = nil
	if err != nil {
		return 0, err
	}
	return s.n, s.err
}

// try says whether the read is over; if not, the runtime waits until there is something.
func (s *socket) try(fd uintptr) bool {
	for {
		n, err := syscall.Read(int(fd), s.buf)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN && s.low:
			// Whoever waits is to be woken for a single byte again. What came
			// since the read wakes too: the kernel looks when this is set.
			if s.wake(int(fd), 1) != nil {
				s.n, s.err = 0, io.ErrUnexpectedEOF
				return true
			}
			s.low = false
			continue
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			s.n, s.err = 0, os.NewSyscallError("read", err)
		case n == 0:
			s.n, s.err = 0, io.EOF
		default:
			s.n, s.err = n, nil
		}
		return true
	}
}

// lowWater is more than comes within a moment where little comes.
const lowWater = 512 << 10

// patient has the kernel wake nobody for less than lowWater, until a read
// finds nothing. To wait for bytes meanwhile is wrong: the last of them may be fewer.
func (s *socket) patient() bool {
	if s.low {
		return true
	}
	_ = s.raw.Control(func(fd uintptr) { s.low = s.wake(int(fd), lowWater) == nil })
	return s.low
}

func (s *socket) wake(fd, from int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, from)
}
