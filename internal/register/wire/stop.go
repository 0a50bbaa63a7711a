package wire

import (
	"context"
	"strings"
)

// stopping is a statement that was stopped while its rows came. The rows
// allowed have left; PostgreSQL was asked to cancel it. What the client is
// told must be true of its transaction:
//
//   - PostgreSQL reports an error: the transaction has failed, or a single
//     statement has had no effect. The client gets the refusal in its place.
//   - The statement had ended before the cancel came, within a transaction:
//     a statement that fails is sent, and the client sees the failed
//     transaction it has been told of.
//   - It had ended outside of one, and had effects or others ran after it
//     that the client believes skipped: the session ends, with the SQLSTATE
//     for not knowing (40003).
type stopping struct {
	refusal   *Refusal
	cancelled chan struct{} // closed when PostgreSQL has sent the signal, or did not
	err       error         // why it did not; read after cancelled is closed
	told      bool          // the client has the refusal
	ended     bool          // the statement has completed of itself
	failed    bool          // PostgreSQL has reported an error
	effects   bool          // what has completed may have changed data
	injected  bool          // the statement that fails was sent
}

func (s *stopping) wait() { <-s.cancelled }

// halt stops the statement under way after the first `allowed` of the pending rows.
func (r *rows) halt(ctx context.Context, allowed int, refusal *Refusal) error {
	if r.stop != nil {
		return nil
	}
	if r.keys.Rows() > 0 {
		r.out.truncate(r.after(allowed))
	}
	r.keys.Reset(0)
	r.pending, r.at.pass = nil, false
	if err := r.flush(); err != nil {
		return err
	}
	if refusal.Fatal || len(r.upstreamKey) == 0 {
		return refusal
	}
	s := &stopping{refusal: refusal, cancelled: make(chan struct{})}
	r.stop = s
	go func() {
		defer close(s.cancelled)
		s.err = r.session.cancel(ctx)
	}()
	return nil
}

// after is how many of the collected bytes leave with so many of the pending
// rows. Messages between the rows leave with those before them.
func (r *rows) after(allowed int) int {
	at := r.mark
	for n := 0; n < allowed && at < r.out.size(); {
		kind, size := r.collected(at)
		if kind == 'D' || kind == 'd' {
			n++
		}
		at += size
	}
	return at
}

// collected is the frame that begins at so many bytes of what is to leave. No
// frame lies across the two parts.
func (r *rows) collected(at int) (byte, int) {
	part := r.out.run
	if at >= len(part) {
		at, part = at-len(part), r.out.anew
	}
	return part[at], int(be32(part[at+1:])) + 1
}

// tell gives the client the refusal, once, and waits until no cancel can hit
// a later statement any more.
func (r *rows) tell() error {
	s := r.stop
	r.leave()
	s.wait()
	if s.err != nil {
		r.server.log.Error("a stopped statement could not be cancelled", "error", s.err)
		return s.refusal
	}
	if !s.told {
		s.told = true
		r.out.anew = s.refusal.append(r.out.anew)
	}
	return nil
}

// stopFailed is PostgreSQL's error, that of the cancel most likely.
func (r *rows) stopFailed() error {
	r.stop.failed = true
	return r.tell()
}

// stopCompleted is the end of the stopped statement, or of one after it, that
// no error came before.
func (r *rows) stopCompleted(tag string, extended bool) error {
	s := r.stop
	if s.ended || !readsOnly(tag) {
		s.effects = true
	}
	if s.ended {
		return nil
	}
	s.ended = true
	if extended {
		r.queue.skipRest()
	}
	return r.tell()
}

// readsOnly says whether a tag is of a statement that changes nothing itself.
// PortalSuspended and an empty query have none.
func readsOnly(tag string) bool {
	word, _, _ := strings.Cut(tag, " ")
	switch word {
	case "", "SELECT", "FETCH", "MOVE", "COPY", "SHOW", "EXPLAIN":
		return true
	}
	return false
}

// skipRest drops what the client still sends up to its Sync, unless that was
// sent on already.
func (q *queue) skipRest() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := q.first; i < len(q.items); i++ {
		if q.items[i].kind == 'S' {
			return
		}
	}
	q.discard = true
}

// stopReady is ReadyForQuery after a stop.
func (r *rows) stopReady(status byte, frame []byte) error {
	s := r.stop
	if err := r.tell(); err != nil {
		return err
	}
	switch {
	case s.failed || status == 'E' || status == 'I' && !s.effects:
	case status == 'T' && r.inject():
		s.injected = true
		return nil
	default:
		return &Refusal{
			Code: codeUnknown, Message: "statements after the one that was stopped had been run",
			Detail: "The session ends because they may have changed data.", Hint: "Look at what they changed before you repeat them.",
		}
	}
	r.stop = nil
	r.out.pass(frame)
	return nil
}

// inject sends a statement that fails, if the client has sent nothing that
// would come before it.
func (r *rows) inject() bool {
	if r.stop.injected {
		return false
	}
	r.lockUp() // before the queue's: what is noted later is also sent later
	defer r.up.mu.Unlock()
	r.queue.mu.Lock()
	empty := r.queue.head() == nil && !r.within
	if empty {
		r.queue.items = append(r.queue.items, owed{kind: 'Q', plan: passed})
	}
	r.queue.mu.Unlock()
	if !empty {
		return false
	}
	return r.insert(failingQuery(nil)) == nil
}
