package wire

import (
	"errors"
	"net"
	"os"
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
