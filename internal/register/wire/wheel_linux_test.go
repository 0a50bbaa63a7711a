package wire

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOnWheel runs what is said of sessions for those that share a goroutine.
func TestOnWheel(t *testing.T) {
	onWheel.Store(true)
	defer onWheel.Store(false)
	for name, test := range map[string]func(*testing.T){
		"Observing": TestObserving, "Refusals": TestRefusals, "RefusalInPipeline": TestRefusalInPipeline,
		"Stop": TestStop, "StopWithEffects": TestStopWithEffects, "StopCopy": TestStopCopy, "StopInPipeline": TestStopInPipeline,
		"HiddenColumns": TestHiddenColumns, "HiddenInCopy": TestHiddenInCopy, "Masks": TestMasks, "KeyTypes": TestKeyTypes,
		"BackendKilledMidRow": TestBackendKilledMidRow, "PostgresVanishes": TestPostgresVanishes, "Cancel": TestCancel,
		"CancelOfOthers": TestCancelOfOthers, "WrongCancelKey": TestWrongCancelKey, "NamesCannotDeceive": TestNamesCannotDeceive,
		"NothingIsSmuggled": TestNothingIsSmuggled, "MaxRowsAndCursors": TestMaxRowsAndCursors, "FunctionCall": TestFunctionCall,
		"Notices": TestNotices, "LargeMessages": TestLargeMessages, "SlowClient": TestSlowClient, "ShutdownTellsClients": TestShutdownTellsClients,
		"MalformedFrames": TestMalformedFrames, "ManyConnections": TestManyConnections, "Clients": TestClients,
		"ReportsAndNotifications": TestReportsAndNotifications, "Binder": TestBinder, "BeginRefuses": TestBeginRefuses,
	} {
		t.Run(name, test)
	}
}

// pairOnWheel is a connection over the loopback whose one end is bare.
func pairOnWheel(t *testing.T) (*bare, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBare(near, func() {}, 0)
	if err != nil {
		t.Fatal(err)
	}
	near.Close()
	t.Cleanup(func() { b.free(); far.Close() })
	return b, far
}

// TestBareWrite: a write to a peer that takes nothing ends at its deadline, and at once when the other
// goroutine closes the connection.
func TestBareWrite(t *testing.T) {
	b, _ := pairOnWheel(t)
	if err := b.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	large := make([]byte, 64<<20)
	if _, err := b.Write(large); !isTimeout(err) {
		t.Errorf("a stalled write ended with %v, want a timeout", err)
	}
	b, _ = pairOnWheel(t)
	ended := make(chan error)
	go func() {
		_, err := b.Write(large)
		ended <- err
	}()
	b.Close()
	if err := <-ended; err == nil {
		t.Error("a write to a closed connection went well")
	}
}

// linkOnWheel puts one end of a pair of sockets on a wheel; the other is returned.
func linkOnWheel(t *testing.T, w *wheel, step func(in *inbound, far net.Conn) error) (far net.Conn, l *link) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	var ends [2]net.Conn
	for i, fd := range pair {
		f := os.NewFile(uintptr(fd), "pair")
		ends[i], err = net.FileConn(f)
		must(t, err)
		must(t, f.Close())
	}
	x := &session{server: &Server{cfg: DefaultConfig(), log: discard()}, queue: newQueue(), wheel: w}
	b, err := newBare(ends[0], x.leave, 0)
	must(t, err)
	must(t, ends[0].Close())
	x.client, x.upstream = b, b
	in := newInbound(b, newBuffers())
	l = &link{x: x, in: in, conn: b, ended: make(chan error, 1), step: func() error { return step(in, ends[1]) }}
	must(t, w.join(l))
	t.Cleanup(func() { b.Close(); <-l.ended; b.free(); ends[1].Close() })
	return ends[1], l
}

// TestEndlessPeer: a peer that always has more to send does not keep a wheel to itself.
func TestEndlessPeer(t *testing.T) {
	w, err := newWheel()
	must(t, err)
	t.Cleanup(w.close)
	var heard atomic.Bool
	other, _ := linkOnWheel(t, w, func(in *inbound, _ net.Conn) error {
		heard.Store(heard.Load() || in.w > in.r)
		in.r = in.w
		return nil
	})
	rounds, more := 0, make([]byte, largeSize)
	ended := make(chan bool, 1)
	endless, _ := linkOnWheel(t, w, func(in *inbound, far net.Conn) error {
		if in.r == in.w {
			return nil
		}
		in.r = in.w
		if rounds++; heard.Load() || rounds > 2000 {
			ended <- heard.Load()
			return errors.New("enough")
		}
		if rounds == 2 {
			if _, err := other.Write([]byte{1}); err != nil {
				return err
			}
		}
		if rounds > maxRounds {
			time.Sleep(time.Millisecond)
		}
		_, err := far.Write(more) // as much as is read at once
		return err
	})
	_, err = endless.Write(make([]byte, smallSize))
	must(t, err)
	if !<-ended {
		t.Error("nobody else got a turn")
	}
}

// TestPatience: a peer that takes a little now and then is waited for no longer than one that takes nothing.
func TestPatience(t *testing.T) {
	for name, takes := range map[string]bool{"nothing": false, "a little": true} {
		t.Run(name, func(t *testing.T) {
			w, err := newWheel()
			must(t, err)
			t.Cleanup(w.close)
			far, l := linkOnWheel(t, w, func(in *inbound, _ net.Conn) error { in.r = in.w; return nil })
			l.conn.patience = 200 * time.Millisecond
			if takes {
				go func() {
					b := make([]byte, 64<<10)
					for {
						if _, err := far.Read(b); err != nil {
							return
						}
						time.Sleep(5 * time.Millisecond)
					}
				}()
			}
			if _, err := l.conn.Write(make([]byte, 256<<20)); !isTimeout(err) {
				t.Errorf("ended with %v, want a timeout", err)
			}
		})
	}
}

// TestWritesThatWait: a write that waits for room goes on when there is some, however often the peer pauses.
func TestWritesThatWait(t *testing.T) {
	w, err := newWheel()
	must(t, err)
	t.Cleanup(w.close)
	const size, pieces = 96 << 10, 400
	var all sync.WaitGroup
	for range 4 {
		far, l := linkOnWheel(t, w, func(in *inbound, _ net.Conn) error { in.r = in.w; return nil })
		l.conn.patience = 20 * time.Second
		all.Go(func() {
			for range pieces {
				if _, err := l.conn.Write(make([]byte, size)); err != nil {
					t.Errorf("a write that waits: %v", err)
					far.Close()
					return
				}
			}
		})
		all.Go(func() {
			b := make([]byte, size)
			for n := 0; n < size*pieces; {
				m, err := far.Read(b[:1+rand.IntN(size)])
				if n += m; err != nil {
					t.Errorf("after %d bytes: %v", n, err)
					return
				}
				if rand.IntN(20) == 0 {
					time.Sleep(time.Duration(rand.IntN(500)) * time.Microsecond)
				}
			}
		})
	}
	all.Wait()
}

// TestPromisesDoNotStarveSockets: sessions whose promises are kept at once again and again leave others their turns.
func TestPromisesDoNotStarveSockets(t *testing.T) {
	w, err := newWheel()
	must(t, err)
	t.Cleanup(w.close)
	var heard atomic.Bool
	other, _ := linkOnWheel(t, w, func(in *inbound, _ net.Conn) error {
		heard.Store(heard.Load() || in.w > in.r)
		in.r = in.w
		return nil
	})
	var turns atomic.Int32
	ended := make(chan bool, 2)
	var links [2]*link
	for i := range links { // always one of the two is kept already
		far, l := linkOnWheel(t, w, func(in *inbound, _ net.Conn) error { in.r = in.w; return nil })
		_ = far
		links[i] = l
	}
	for i, l := range links {
		l.finish = func() error {
			n := turns.Add(1)
			if n == 10 {
				_, _ = other.Write([]byte{1})
			}
			if heard.Load() || n > 20_000 {
				ended <- heard.Load()
				return errors.New("enough")
			}
			w.resume(links[1-i])
			return errPromised
		}
		l.x.promised.make()
	}
	for _, l := range links {
		l.state.Store(driven)
	}
	w.resume(links[0])
	if !<-ended {
		t.Error("nobody else got a turn")
	}
	for _, l := range links { // one of them still waits
		if l.state.Swap(over) != over {
			l.ended <- nil
		}
	}
}

// TestRingAfterTheEnd: whoever rings for a wheel that has stopped does not write into what has its number now.
func TestRingAfterTheEnd(t *testing.T) {
	w, err := newWheel()
	must(t, err)
	w.close()
	for gone := false; !gone; time.Sleep(time.Millisecond) {
		w.ringing.Lock()
		gone = w.gone
		w.ringing.Unlock()
	}
	other, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	must(t, err)
	defer unix.Close(other)
	w.bell = other // as if the system had given the number out again
	w.ring()
	w.close()
	var b [8]byte
	if n, err := unix.Read(other, b[:]); err != unix.EAGAIN {
		t.Errorf("somebody else's file got %v", b[:max(n, 0)])
	}
}
