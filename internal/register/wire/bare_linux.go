package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bare is a socket that the runtime does not wait for. Reading is a link's;
// writing waits where it must.
type bare struct {
	file          *os.File
	fd            int // of file, which is open until free: links have ended then
	local, remote net.Addr
	leave         func()        // takes it off the wheel
	before        func()        // is told before a write waits
	patience      time.Duration // how long a write may take that waits; 0: by the deadline alone

	waits    atomic.Bool // a write waits for room
	room     chan struct{}
	closing  chan struct{}
	once     sync.Once
	mu       sync.Mutex // guards deadline
	deadline time.Time
	until    time.Time // of reading; guarded by mu
}

// newBare takes a connection's socket over; the connection is then to be closed.
func newBare(conn net.Conn, before func(), patience time.Duration) (*bare, error) {
	c, ok := conn.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, errors.ErrUnsupported
	}
	held, err := c.File()
	if err != nil {
		return nil, err
	}
	// A file that is not marked as non-blocking at first is none that the runtime waits for.
	defer held.Close()
	fd, err := unix.FcntlInt(held.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "socket")
	if err := unix.SetNonblock(fd, true); err != nil {
		file.Close()
		return nil, os.NewSyscallError("fcntl", err)
	}
	b := &bare{
		file: file, fd: fd, local: conn.LocalAddr(), remote: conn.RemoteAddr(), before: before, patience: patience,
		room: make(chan struct{}, 1), closing: make(chan struct{}),
	}
	return b, nil
}

func (b *bare) control(do func(fd int) error) error {
	raw, err := b.file.SyscallConn()
	if err != nil {
		return err
	}
	if failed := raw.Control(func(fd uintptr) { err = do(int(fd)) }); failed != nil {
		return failed
	}
	return err
}

// Write writes all of p, and waits where the peer takes nothing.
func (b *bare) Write(p []byte) (int, error) {
	done := 0
	var late time.Time
	for done < len(p) {
		n, errno := b.send(p[done:])
		done += n
		switch errno {
		case 0, unix.EINTR:
		case unix.EAGAIN:
			if late.IsZero() {
				late = b.lateFrom(time.Now())
			}
			if err := b.await(late); err != nil {
				return done, err
			}
		default:
			return done, os.NewSyscallError("write", errno)
		}
	}
	return done, nil
}

// send writes what the socket has room for.
func (b *bare) send(p []byte) (int, syscall.Errno) { return outcome(syscall.Write(b.fd, p)) }

// receive reads what is there.
func (b *bare) receive(p []byte) (int, syscall.Errno) { return outcome(syscall.Read(b.fd, p)) }

// outcome is that of a call on a socket that never blocks.
func outcome(n int, err error) (int, syscall.Errno) {
	if err == nil {
		return n, 0
	}
	errno, ok := err.(syscall.Errno) //nolint:errorlint // the system's own, as it came
	if !ok {
		errno = unix.EIO
	}
	return 0, errno
}

// lateFrom is when a write that begins to wait now has waited too long; zero: never.
func (b *bare) lateFrom(now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.patience > 0 {
		return now.Add(b.patience)
	}
	return b.deadline
}

// await waits for room in the socket.
func (b *bare) await(late time.Time) error {
	b.before()
	b.waits.Store(true)
	defer b.waits.Store(false)
	if !late.IsZero() && time.Now().After(late) {
		return os.ErrDeadlineExceeded
	}
	if b.hasRoom() { // what came before nobody told
		return nil
	}
	var over <-chan time.Time
	if !late.IsZero() {
		t := time.NewTimer(time.Until(late))
		defer t.Stop()
		over = t.C
	}
	select {
	case <-b.room:
		return nil
	case <-b.closing:
		return net.ErrClosed
	case <-over:
		return os.ErrDeadlineExceeded
	}
}

// hasRoom asks the kernel. Whoever says first that it waits and asks then misses nothing.
func (b *bare) hasRoom() bool {
	ask := []unix.PollFd{{Fd: int32(b.fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(ask, 0)
	return err == nil && n > 0
}

// writable tells that there may be room.
func (b *bare) writable() {
	if !b.waits.Load() {
		return
	}
	select {
	case b.room <- struct{}{}:
	default:
	}
}

// Close ends both directions; who reads or writes is told.
func (b *bare) Close() error {
	b.once.Do(func() {
		close(b.closing)
		_ = b.control(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RDWR) })
	})
	return nil
}

// free gives the socket back, once both links have ended.
func (b *bare) free() {
	_ = b.Close()
	if b.leave != nil {
		b.leave()
	}
	_ = b.file.Close()
}

// giveBack leaves the socket to the connection that it is of.
func (b *bare) giveBack() {
	_ = b.file.Close()
}

// CloseWrite tells the peer that no more will come.
func (b *bare) CloseWrite() error {
	return b.control(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
}

// lookAgain is how long Read waits before it looks again. Only who lingers reads by it.
const lookAgain = 5 * time.Millisecond

// Read waits for what comes. On a wheel nobody reads by it; it is for the end of a session.
func (b *bare) Read(p []byte) (n int, err error) {
	for {
		var got int
		var failed error
		if err := b.control(func(fd int) error { got, _, failed = unix.Recvfrom(fd, p, unix.MSG_DONTWAIT); return nil }); err != nil {
			return 0, err
		}
		b.mu.Lock()
		late := !b.until.IsZero() && time.Now().After(b.until)
		b.mu.Unlock()
		switch {
		case failed == nil && got == 0 && len(p) > 0:
			return 0, io.EOF
		case failed == nil:
			return got, nil
		case failed != unix.EAGAIN && failed != unix.EINTR:
			return 0, os.NewSyscallError("recv", failed)
		case late:
			return 0, os.ErrDeadlineExceeded
		}
		select {
		case <-b.closing:
			return 0, net.ErrClosed
		case <-time.After(lookAgain):
		}
	}
}

func (b *bare) LocalAddr() net.Addr  { return b.local }
func (b *bare) RemoteAddr() net.Addr { return b.remote }

// SetDeadline and the others bound how long a write waits.
func (b *bare) SetDeadline(t time.Time) error { return b.SetWriteDeadline(t) }
func (b *bare) SetReadDeadline(t time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until = t
	return nil
}
func (b *bare) SetWriteDeadline(t time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deadline = t
	return nil
}

// SyscallConn is the socket's.
func (b *bare) SyscallConn() (syscall.RawConn, error) { return b.file.SyscallConn() }
