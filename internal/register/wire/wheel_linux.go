package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A wheel moves the messages of many sessions in one goroutine: it waits for
// all their sockets at once and walks what has come right where it is woken.
// With a goroutine for each direction a look-up costs the runtime two to
// three wake-ups of threads, more than all that the gateway does for it.
//
// Nothing in a turn may wait. Whatever has to says so first (leave): another
// goroutine leads then, and the one that waits goes on with its own link
// alone and ends with it ("leader and followers", Schmidt et al., Pattern-Oriented
// Software Architecture 2).
type wheel struct {
	ep   int
	stop int // an eventfd

	turn atomic.Uint64 // number of the turn under way; who changes it from his own has ended his turn

	mu    sync.Mutex // guards what follows
	links map[uint64]*link
	last  uint64

	// only the leader has what follows
	events [64]unix.EpollEvent
	at, n  int
}

// waits is told once whenever something changes (EPOLLET).
const waits = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

func newWheel() (*wheel, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("register: wait for clients: %w", err)
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err == nil {
		err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, stop, &unix.EpollEvent{Events: unix.EPOLLIN})
	}
	if err != nil {
		unix.Close(ep)
		return nil, fmt.Errorf("register: wait for clients: %w", err)
	}
	w := &wheel{ep: ep, stop: stop, links: map[uint64]*link{}}
	w.turn.Store(1) // 0 is that of a session that has had none
	go w.lead()
	return w, nil
}

// close ends the leader. All links have ended.
func (w *wheel) close() {
	_, _ = unix.Write(w.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// lead waits and takes turns until it has left one, or the wheel stops.
func (w *wheel) lead() {
	for {
		for ; w.at < w.n; w.at++ {
			e := &w.events[w.at]
			id := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
			if id == 0 {
				unix.Close(w.ep)
				unix.Close(w.stop)
				return
			}
			w.mu.Lock()
			l := w.links[id]
			w.mu.Unlock()
			if l == nil || !l.awake(e.Events) {
				continue
			}
			w.at++
			if !w.take(l) {
				return
			}
			w.at--
		}
		n, err := unix.EpollWait(w.ep, w.events[:], -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			time.Sleep(time.Second) // it never fails otherwise
		}
		w.at, w.n = 0, max(n, 0)
	}
}

// take is one turn. False says that another leads now.
func (w *wheel) take(l *link) bool {
	number := w.turn.Load()
	l.x.turn.Store(number)
	l.drive()
	return w.turn.CompareAndSwap(number, number+1)
}

// leave has another goroutine lead if the leader is in one of the session's turns.
func (x *session) leave() {
	if w := x.wheel; w != nil {
		if number := x.turn.Load(); number != 0 && w.turn.CompareAndSwap(number, number+1) {
			go w.lead()
		}
	}
}

// link is one direction of a session on a wheel.
type link struct {
	x     *session
	in    *inbound
	conn  *bare
	step  func() error
	state atomic.Int32
	last  atomic.Bool // the peer has hung up: read to the end
	ended chan error  // has room for the one it gets
}

// What a link is doing.
const (
	resting int32 = iota
	driven        // somebody walks what has come
	again         // and more has come
	over
)

// awake notes what has happened on the socket. True says that the link is now the caller's to drive.
func (l *link) awake(events uint32) bool {
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		l.last.Store(true)
	}
	if events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		l.conn.writable()
	}
	if events&^unix.EPOLLOUT == 0 {
		return false
	}
	for {
		switch s := l.state.Load(); s {
		case resting:
			if l.state.CompareAndSwap(resting, driven) {
				return true
			}
		case driven:
			if l.state.CompareAndSwap(driven, again) {
				return false
			}
		default:
			return false
		}
	}
}

// maxRounds is how many full buffers a link walks before another goroutine leads: where a peer sends without end and the
// other takes as fast, nothing ever waits.
const maxRounds = 8

// drive reads and walks until nothing is there. A read that brought less than
// there was room for has brought all: what comes later wakes again.
func (l *link) drive() {
	for rounds := 1; ; rounds++ {
		if rounds == maxRounds {
			l.x.leave()
		}
		l.in.makeRoom()
		room := len(l.in.buf) - l.in.w
		err := l.in.readNow()
		if errors.Is(err, unix.EAGAIN) {
			if l.state.CompareAndSwap(driven, resting) {
				return
			}
			l.state.Store(driven)
			continue
		}
		if err == nil {
			err = l.walk()
		}
		if err != nil {
			l.state.Store(over)
			l.ended <- err
			return
		}
		if l.in.last < room && !l.last.Load() && !l.in.sock.low && l.state.CompareAndSwap(driven, resting) {
			return
		}
		l.state.CompareAndSwap(again, driven)
	}
}

var errFault = errors.New("a fault of ours")

func (l *link) walk() (err error) {
	err = errFault
	l.x.contain(func() { err = l.step() })
	return err
}

// join puts a link onto the wheel and deals with what was read before.
func (w *wheel) join(l *link) error {
	l.state.Store(driven)
	if err := l.walk(); err != nil {
		return err
	}
	w.mu.Lock()
	w.last++
	id := w.last
	w.links[id] = l
	w.mu.Unlock()
	l.conn.leave = func() {
		w.mu.Lock()
		delete(w.links, id)
		w.mu.Unlock()
	}
	err := l.conn.control(func(fd int) error {
		return unix.EpollCtl(w.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: waits, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32))})
	})
	if err != nil {
		return fmt.Errorf("register: wait for a client: %w", err)
	}
	l.drive() // what has come meanwhile woke nobody
	return nil
}

// runOn runs a session on a wheel; see session.run.
func (x *session) runOn(ctx context.Context, w *wheel, end context.CancelFunc) {
	x.wheel = w
	r, c := newRows(x), &clientWalker{session: x, in: x.fromClient}
	asked := &link{x: x, in: x.fromClient, conn: x.client.(*bare), ended: make(chan error, 1), step: func() error { return c.step(ctx) }}
	answered := &link{x: x, in: x.fromPostgres, conn: x.upstream.(*bare), ended: make(chan error, 1), step: func() error { return r.step(ctx) }}
	var both sync.WaitGroup
	both.Go(func() {
		defer end()
		err := w.join(asked)
		if err == nil {
			err = <-asked.ended
		}
		x.contain(func() { x.askedAll(err) })
		x.queue.shut()
	})
	err := w.join(answered)
	if err == nil {
		err = <-answered.ended
	}
	x.contain(func() { r.answeredAll(err) })
	x.linger()
	x.client.Close()
	x.upstream.Close()
	x.queue.shut()
	both.Wait()
	asked.conn.free()
	answered.conn.free()
	x.fromClient.close()
	x.fromPostgres.close()
}

// wheels are a server's. One keeps up with PostgreSQL on two cores.
type wheels struct {
	mu     sync.Mutex // guards what follows
	all    []*wheel
	next   int
	closed bool
}

// wheelFor puts a session's sockets into a form that wheels take, if both are
// bare ones and the guard's session never waits without a word. Otherwise it is nil.
func (s *Server) wheelFor(x *session) *wheel {
	if !x.leaves || !isBare(x.client) || !isBare(x.upstream) {
		return nil
	}
	w := s.wheels.pick()
	if w == nil {
		return nil
	}
	client, err := newBare(x.client, x.leave)
	if err != nil {
		return nil
	}
	upstream, err := newBare(x.upstream, x.leave)
	if err != nil {
		client.giveBack()
		return nil
	}
	x.client.Close()
	x.upstream.Close()
	x.client, x.upstream, x.up.conn = client, upstream, upstream
	x.fromClient.conn, x.fromClient.sock = client, newSocket(client)
	x.fromPostgres.conn, x.fromPostgres.sock = upstream, newSocket(upstream)
	return w
}

func isBare(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

func (s *wheels) pick() *wheel {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if most := max(1, runtime.GOMAXPROCS(0)/2); len(s.all) < most {
		w, err := newWheel()
		if err != nil {
			return nil
		}
		s.all = append(s.all, w)
	}
	s.next++
	return s.all[s.next%len(s.all)]
}

func (s *wheels) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, w := range s.all {
		w.close()
	}
	s.all = nil
}
