package wire

import (
	"context"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// session is one client and its PostgreSQL process. Two goroutines run it:
// toPostgres reads what the client sends, toClient what PostgreSQL answers.
// Only toClient writes to the client. On a wheel there are two links instead.
type session struct {
	server   *Server
	client   net.Conn
	upstream net.Conn
	queue    *queue

	asking   sync.Mutex // so that calls of guarded never overlap
	guarded  Session
	binder   Binder
	leaves   bool          // guarded says before it waits
	wheel    *wheel        // on which the session runs; nil: it has a goroutine for each direction
	turn     atomic.Uint64 // the last one that it was given there
	promised promise       // of rows that have been decided about
	follow   Follower
	teller   Teller

	pid         uint32
	upstreamKey []byte
	cancelling  sync.Mutex // guards ended; held while a cancel is under way
	ended       bool

	up      outbound                   // to PostgreSQL; its mutex is taken to write
	within  bool                       // guarded by up's mutex: PostgreSQL has a part of a client's frame
	left    atomic.Bool                // the client has said goodbye or gone
	fatal   atomic.Pointer[Refusal]    // why the session ends, when it is we who end it
	cutting atomic.Pointer[time.Timer] // what cuts it then

	fromClient, fromPostgres *inbound
}

func newSession(s *Server, l *login, guarded Session) *session {
	x := &session{
		server: s, client: l.conn, upstream: l.upstream, queue: newQueue(), guarded: guarded,
		up:         outbound{conn: l.upstream, patience: s.cfg.stall()},
		fromClient: l.client, fromPostgres: l.backend,
	}
	x.binder, _ = guarded.(Binder)
	x.follow, _ = guarded.(Follower)
	x.teller, _ = guarded.(Teller)
	if leaver, ok := guarded.(Leaver); ok {
		x.leaves = leaver.Leaves(x.leave)
	}
	x.queue.leave = x.leave
	return x
}

// run returns when both directions have ended.
func (x *session) run(ctx context.Context) {
	w := x.server.wheelFor(x)
	defer x.uncut()
	stop := context.AfterFunc(ctx, func() {
		x.end(&Refusal{Fatal: true, Code: codeShutdown, Message: "the register guard is shutting down"})
	})
	defer stop()
	ctx, end := context.WithCancel(ctx)
	defer end()
	if w != nil {
		x.runOn(ctx, w, end)
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		defer end() // a Release that waits for a client that has gone may stop waiting
		x.contain(func() { x.toPostgres(ctx) })
		x.queue.shut()
	})
	x.contain(func() { newRows(x).toClient(ctx) })
	x.linger()
	x.client.Close()
	x.upstream.Close()
	x.queue.shut()
	both.Wait()
	x.fromClient.close()
	x.fromPostgres.close()
}

// lingering bounds how long, and for how much, a client that was told why its session ends is listened to.
const (
	lingering     = 2 * time.Second
	lingeringSize = 64 << 20
)

// linger takes what a client still sends after it was told why its session ends, so that it can read that: closing a
// connection with something unread resets it, and drops what was on its way (RFC 9293 §3.6.1, RFC 2525 §2.17).
func (x *session) linger() {
	half, ok := x.client.(interface{ CloseWrite() error })
	why := x.fatal.Load()
	if why == nil || why.Code == codeShutdown || !ok || half.CloseWrite() != nil {
		return
	}
	_ = x.client.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.CopyN(io.Discard, x.client, lingeringSize)
}

// ask takes the right to call guarded; whoever has it may wait for a disk.
func (x *session) ask() {
	if !x.asking.TryLock() {
		x.leave()
		x.asking.Lock()
	}
}

// asked calls guarded. A fault there leaves the right to others: the other direction may wait for it.
func (x *session) asked(call func()) {
	x.ask()
	defer x.asking.Unlock()
	call()
}

// lockUp takes the right to write to PostgreSQL.
func (x *session) lockUp() {
	if !x.up.mu.TryLock() {
		x.leave()
		x.up.mu.Lock()
	}
}

// contain keeps a fault of ours, or of the guard's, to the session it is in:
// the others go on, and this one ends with nothing more released.
func (x *session) contain(direction func()) {
	defer func() {
		if fault := recover(); fault != nil {
			x.server.log.Error("a session ended by a fault", "client", hostOf(x.client), "fault", fault, "stack", string(debug.Stack()))
			x.end(&Refusal{Fatal: true, Code: codeInternal, Message: "the register guard failed"})
			x.queue.shut()
		}
	}()
	direction()
}

// ending bounds how long a session that we end waits for a ledger that does not answer, and for a client that takes nothing.
const ending = 5 * time.Second

// end ends the session; toClient tells the client why.
func (x *session) end(r *Refusal) {
	if x.fatal.CompareAndSwap(nil, r) {
		x.cutting.Store(time.AfterFunc(x.server.ending, x.cut))
	}
	x.upstream.Close()
}

// cut ends it without a word, if it has not ended yet.
func (x *session) cut() {
	x.promised.giveUp()
	x.client.Close()
}

// uncut is of a session that has ended by itself.
func (x *session) uncut() {
	if t := x.cutting.Load(); t != nil {
		t.Stop()
	}
}

// insert writes messages of our own to PostgreSQL, between the client's. In
// the middle of one of the client's frames it does not: what followed would
// be read as messages that nobody judged.
func (x *session) insert(b []byte) error {
	if x.within {
		return &Refusal{Code: codeProtocol, Message: "COPY data in the middle of a stopped statement"}
	}
	x.up.extend() // the last deadline was of the client's last message
	_, err := x.upstream.Write(b)
	return err
}

// fails is a text PostgreSQL's parser refuses whatever the transaction's
// state: what a refused statement is replaced by. It is in PostgreSQL's log.
const fails = "portcullis refused this statement"

// failingQuery and failingParse are messages that fail.
func failingQuery(dst []byte) []byte {
	return message(dst, 'Q', func(b []byte) []byte { return append(append(b, fails...), 0) })
}

// The name is never taken: the text fails before PostgreSQL looks at it. The
// unnamed statement would be dropped first.
func failingParse(dst []byte) []byte {
	return message(dst, 'P', func(b []byte) []byte {
		b = append(append(b, "portcullis"...), 0)
		return append(append(b, fails...), 0, 0, 0)
	})
}
