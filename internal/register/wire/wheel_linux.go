package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
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
	bell int // an eventfd: something is kept, or the wheel stops

	turn   atomic.Uint64 // number of the turn under way; who changes it from his own has ended his turn
	asleep atomic.Bool   // the leader waits, or is about to: whoever has something for him rings
	stop   atomic.Bool

	mu       sync.Mutex // guards what follows
	links    []*link    // nil: the place is free
	last     int32      // given to links, to tell them from those before them in their places
	kept     *link      // whose promise was kept first; link.next are those after it
	keptLast *link
	ringing  sync.Mutex // guards bell from its closing, and gone
	gone     bool       // ep and bell are closed, and their numbers another's

	// only the leader has what follows
	events [64]unix.EpollEvent
	at, n  int
	turns  int // so many he has taken
}

// waits is told once whenever something changes (EPOLLET).
const waits = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// bellPlace is no link's.
const bellPlace = -1

func newWheel() (*wheel, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("register: wait for clients: %w", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil { // by edges: nobody has to read it
		err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, bell, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: bellPlace})
	}
	if err != nil {
		unix.Close(ep)
		unix.Close(bell)
		return nil, fmt.Errorf("register: wait for clients: %w", err)
	}
	w := &wheel{ep: ep, bell: bell}
	w.turn.Store(1) // 0 is that of a session that has had none
	go w.lead()
	return w, nil
}

// close ends the leader. All links have ended.
func (w *wheel) close() {
	w.stop.Store(true)
	w.ring()
}

// one is what a ring adds to the bell's number. It is never read, so it must not come near its end: on no machine may it be another.
var one = func() (b [8]byte) { binary.NativeEndian.PutUint64(b[:], 1); return b }()

// ring wakes the leader, if there still is one.
func (w *wheel) ring() {
	w.ringing.Lock()
	defer w.ringing.Unlock()
	if !w.gone {
		_, _ = unix.Write(w.bell, one[:])
	}
}

// free gives back what the kernel keeps for the wheel.
func (w *wheel) free() {
	w.ringing.Lock()
	defer w.ringing.Unlock()
	w.gone = true
	unix.Close(w.ep)
	unix.Close(w.bell)
}

// lead waits and takes turns until it has left one, or the wheel stops.
func (w *wheel) lead() {
	for {
		for ; w.at < w.n; w.at++ {
			e := &w.events[w.at]
			l := w.linkOf(e)
			if l == nil || !l.awake(e.Events) {
				continue
			}
			w.at++
			if !w.take(l, (*link).drive) {
				return
			}
			w.at--
		}
		for range w.events { // no more before the sockets are looked at again
			l := w.nextKept()
			if l == nil {
				break
			}
			if !w.take(l, (*link).resume) {
				return
			}
		}
		if w.stop.Load() {
			w.free()
			return
		}
		w.await()
	}
}

// yieldEvery is how often the leader lets others go first. It also keeps the runtime from taking him for
// one who never does, which has it look every 20 µs and interrupt him every 10 ms.
const yieldEvery = 256

// await asks what has happened, and waits where nothing has.
func (w *wheel) await() {
	w.at = 0
	if n, _ := unix.EpollWait(w.ep, w.events[:], 0); n > 0 {
		w.n = n
		return
	}
	w.asleep.Store(true)
	defer w.asleep.Store(false)
	if w.somethingKept() || w.stop.Load() {
		return
	}
	n, err := unix.EpollWait(w.ep, w.events[:], -1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		time.Sleep(time.Second) // it never fails otherwise
	}
	w.n = max(n, 0)
}

func (w *wheel) linkOf(e *unix.EpollEvent) *link {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Fd < 0 || int(e.Fd) >= len(w.links) {
		return nil
	}
	if l := w.links[e.Fd]; l != nil && l.number == e.Pad {
		return l
	}
	return nil
}

// resume has a link go on whose promise was kept. It may be called from anywhere.
func (w *wheel) resume(l *link) {
	w.mu.Lock()
	if w.kept == nil {
		w.kept = l
	} else {
		w.keptLast.next = l
	}
	w.keptLast = l
	w.mu.Unlock()
	if w.asleep.CompareAndSwap(true, false) {
		w.ring()
	}
}

func (w *wheel) nextKept() *link {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.kept
	if l != nil {
		w.kept, l.next = l.next, nil
	}
	return l
}

func (w *wheel) somethingKept() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.kept != nil
}

// take is one turn of the link that goes. False says that another leads now.
func (w *wheel) take(l *link, goes func(*link)) bool {
	if w.turns++; w.turns%yieldEvery == 0 {
		runtime.Gosched()
	}
	number := w.turn.Load()
	l.x.turn.Store(number)
	goes(l)
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
	x      *session
	in     *inbound
	conn   *bare
	step   func() error // deals with what was read
	finish func() error // goes on where step returned errPromised
	state  atomic.Int32
	last   atomic.Bool // the peer has hung up: read to the end
	number int32       // of all links of the wheel
	room   int         // what the last read had room for
	queued func()      // has the wheel resume it
	next   *link       // among those whose promises were kept; guarded by the wheel's mu
	ended  chan error  // has room for the one it gets
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

// drive reads and walks until nothing is there, or what was read may not leave yet.
func (l *link) drive() {
	for rounds := 1; l.round(); rounds++ {
		if rounds+1 == maxRounds {
			l.x.leave()
		}
	}
}

// round reads once, and says whether to go on.
func (l *link) round() bool {
	l.in.makeRoom()
	l.room = len(l.in.buf) - l.in.w
	err := l.readNow()
	if errors.Is(err, unix.EAGAIN) {
		if l.state.CompareAndSwap(driven, resting) {
			return false
		}
		l.state.Store(driven)
		return true
	}
	if err == nil {
		err = l.walk(l.step)
	}
	return l.after(err)
}

// resume goes on after a promise was kept.
func (l *link) resume() {
	if l.after(l.walk(l.finish)) {
		l.drive()
	}
}

// after says whether to read again. A read that brought less than there was
// room for has brought all: what comes later wakes again.
func (l *link) after(err error) bool {
	if errors.Is(err, errPromised) {
		if l.x.promised.goOn(l.queued) {
			return false
		}
		err = l.walk(l.finish)
	}
	if err != nil {
		l.state.Store(over)
		l.ended <- err
		return false
	}
	if l.in.last < l.room && !l.last.Load() && !l.in.sock.low && l.state.CompareAndSwap(driven, resting) {
		return false
	}
	l.state.CompareAndSwap(again, driven)
	return true
}

// readNow reads what is there, or returns EAGAIN.
func (l *link) readNow() error {
	s := l.in.sock
	for {
		n, errno := l.conn.receive(l.in.buf[l.in.w:])
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN && s.low:
			if err := s.wake(l.conn.fd, 1); err != nil {
				return err
			}
			s.low = false
		case errno == unix.EAGAIN:
			return unix.EAGAIN
		case errno != 0:
			return os.NewSyscallError("read", errno)
		case n == 0:
			return io.EOF
		default:
			l.in.took(n)
			return nil
		}
	}
}

var errFault = errors.New("a fault of ours")

func (l *link) walk(step func() error) (err error) {
	err = errFault
	l.x.contain(func() { err = step() })
	return err
}

// join puts a link onto the wheel and deals with what was read before.
func (w *wheel) join(l *link) error {
	l.state.Store(driven)
	err := l.walk(l.step)
	if errors.Is(err, errPromised) {
		l.x.promised.wait()
		err = l.walk(l.finish)
	}
	if err != nil {
		return err
	}
	place := w.place(l)
	l.conn.leave = func() {
		w.mu.Lock()
		w.links[place] = nil
		w.mu.Unlock()
	}
	err = l.conn.control(func(fd int) error {
		return unix.EpollCtl(w.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: waits, Fd: int32(place), Pad: l.number})
	})
	if err != nil {
		return fmt.Errorf("register: wait for a client: %w", err)
	}
	l.drive() // what has come meanwhile woke nobody
	return nil
}

// place finds a link one.
func (w *wheel) place(l *link) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	l.number, l.queued = w.last, func() { w.resume(l) }
	if i := slices.Index(w.links, nil); i >= 0 {
		w.links[i] = l
		return i
	}
	w.links = append(w.links, l)
	return len(w.links) - 1
}

// runOn runs a session on a wheel; see session.run.
func (x *session) runOn(ctx context.Context, w *wheel, end context.CancelFunc) {
	x.wheel = w
	r, c := newRows(x), &clientWalker{session: x, in: x.fromClient}
	asked := &link{x: x, in: x.fromClient, conn: x.client.(*bare), ended: make(chan error, 1), step: func() error { return c.step(ctx) }}
	answered := &link{x: x, in: x.fromPostgres, conn: x.upstream.(*bare), ended: make(chan error, 1), step: func() error { return r.step(ctx) }, finish: r.finish}
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
