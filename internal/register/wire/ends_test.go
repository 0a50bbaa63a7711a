//go:build unix

package wire

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// TestDeadlinesOfTheLastWrite: what is said long after the last message is said all the same: to a client why its session
// ends, to PostgreSQL what makes a stopped transaction fail.
func TestDeadlinesOfTheLastWrite(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	far, err := l.Accept()
	must(t, err)
	defer far.Close()
	long := time.Now().Add(-time.Minute)
	must(t, near.SetWriteDeadline(long))
	patience := time.Hour
	x := &session{server: &Server{cfg: DefaultConfig(), log: discard()}, client: near, upstream: near, queue: newQueue(), up: outbound{conn: near, patience: patience, deadline: long}}
	x.fatal.Store(&Refusal{Code: codeShutdown, Message: "the register guard is shutting down"})
	r := &rows{session: x, out: outbound{conn: near, patience: patience, deadline: long}}
	r.answeredAll(io.EOF)
	must(t, near.SetWriteDeadline(long))
	if err := x.insert(failingQuery(nil)); err != nil {
		t.Errorf("a statement of our own: %v", err)
	}
	must(t, near.Close())
	said, err := io.ReadAll(far)
	must(t, err)
	if want := len(x.fatal.Load().append(nil)); len(said) < want || said[0] != 'E' {
		t.Errorf("the client was told %q", said)
	}
}

// faulty is a guard that fails where it should judge.
type faulty struct{ scriptedSession }

func (*faulty) Release(context.Context, *Result, *Keys) (int, error) { panic("of the guard's") }
func (*faulty) Bind(context.Context, *Decision, Parameters) (*Decision, error) {
	panic("of the guard's")
}

// TestFaultOfTheGuard: a fault of the guard's in one direction does not have the other wait for ever.
func TestFaultOfTheGuard(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	g := &faulty{}
	x := &session{server: &Server{cfg: DefaultConfig(), log: discard()}, client: near, upstream: near, queue: newQueue(), guarded: g, binder: g}
	for name, direction := range map[string]func(){
		"rows": func() {
			r := &rows{session: x, in: &inbound{}, pending: &Result{Metered: true}}
			r.keys.Reset(1)
			r.keys.AppendInt(7)
			_ = r.settle(t.Context())
		},
		"a Bind": func() {
			c := &clientWalker{session: x}
			_, _, _ = c.bound(t.Context(), []*Decision{{}}, Parameters{})
		},
	} {
		x.contain(direction)
		if x.fatal.Load() == nil || !x.asking.TryLock() {
			t.Errorf("%s: nobody can ask the guard any more", name)
			x.asking = sync.Mutex{}
			continue
		}
		x.asking.Unlock()
	}
}

// brokenPipe takes a part of the first write and remembers what comes after it.
type brokenPipe struct {
	piecesConn
	failed bool
}

func (c *brokenPipe) Write(p []byte) (int, error) {
	if !c.failed {
		c.failed = true
		return len(p) / 2, io.ErrShortWrite
	}
	return c.piecesConn.Write(p)
}

// TestNothingIsSaidWithinAFrame: where a write has failed the client may have a part of a row, and what came then it would take for
// the rest of it.
func TestNothingIsSaidWithinAFrame(t *testing.T) {
	x := fuzzSession(&piecesConn{}, &piecesConn{})
	out := &brokenPipe{}
	x.client, x.fromPostgres = out, newInbound(&piecesConn{data: frameOf('D', "\x00\x01\x00\x00\x00\x01x"), piece: 100}, newBuffers())
	x.queue.push(owed{kind: 'Q', plan: passed})
	newRows(x).toClient(t.Context())
	if !out.failed || len(out.written) > 0 {
		t.Errorf("said %q", out.written)
	}
}
