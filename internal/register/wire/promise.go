package wire

import (
	"errors"
	"sync"
)

// A promise is a release whose end is outstanding: everything has been decided, and the rows are being written down. Until
// it is kept nothing leaves for the client. A session has one at a time.
type promise struct {
	open bool // belongs to who makes promises and ends them

	mu     sync.Mutex // guards what follows
	number uint64     // of the promise under way: whoever keeps one twice, or late, does not keep the next
	over   bool       // it has been kept
	broken error      // not nil: the session has ended, and no promise is waited for any more
	err    error      // why the rows may not leave
	then   func()     // is called once it is kept
}

// errPromised says that a step ends here until a promise is kept.
var errPromised = errors.New("rows wait until they are written down")

// errGivenUp is what comes of a promise that a session's end has outrun.
var errGivenUp = errors.New("the session ended before its rows were written down")

// make begins one; what it returns is called once, from anywhere.
func (p *promise) make() func(error) {
	p.open = true
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number++
	p.over, p.err, p.then = p.broken != nil, p.broken, nil
	number := p.number
	return func(err error) { p.keep(number, err) }
}

func (p *promise) keep(number uint64, err error) {
	p.mu.Lock()
	if p.over || number != p.number {
		p.mu.Unlock()
		return
	}
	then := p.ends(err)
	p.mu.Unlock()
	then()
}

// ends notes what came of it, and returns what is to be called without the lock.
func (p *promise) ends(err error) (then func()) {
	then = p.then
	p.over, p.err, p.then = true, err, nil
	if then == nil {
		return func() {}
	}
	return then
}

// giveUp has nobody wait for what is not kept by now, nor for what is promised from now on.
func (p *promise) giveUp() {
	p.mu.Lock()
	p.broken = errGivenUp
	then := func() {}
	if !p.over {
		then = p.ends(errGivenUp)
	}
	p.mu.Unlock()
	then()
}

// drop is of a promise that was not needed.
func (p *promise) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open, p.over = false, true
}

// isOver says that it has been kept, and what came of it can be had at once.
func (p *promise) isOver() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.over
}

// goOn has then called once the promise is kept. False says that it is kept already, and nothing is called.
func (p *promise) goOn(then func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return false
	}
	p.then = then
	return true
}

// wait waits in place.
func (p *promise) wait() {
	done := make(chan struct{})
	if p.goOn(func() { close(done) }) {
		<-done
	}
}

// result ends a promise that was kept.
func (p *promise) result() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = false
	return p.err
}

// kept waits until nothing is promised any more. With an error nothing that was collected may leave: what follows the rows
// tells of them too.
func (r *rows) kept() error {
	if !r.promised.open {
		return nil
	}
	if !r.promised.isOver() {
		r.leave()
		r.promised.wait()
	}
	err := r.promised.result()
	if err == nil {
		return nil
	}
	r.out.truncate(0)
	r.keys.Reset(0)
	r.pending, r.skip = nil, 0 // a frame that passes unread began behind the promise: nothing of it has left
	return r.unkept(err)
}

// unkept ends the session over a promise that was not kept: PostgreSQL has gone on, and nothing can be taken back.
func (r *rows) unkept(err error) *Refusal {
	end := *refusalOf(err)
	end.Fatal = true
	if end.Code == codeInternal {
		r.server.log.Error("rows could not be written down", "client", hostOf(r.client), "error", err)
		end.Message, end.Hint = "the register guard could not write down whose rows these are, so they do not leave", "The operator's log says why."
	}
	if end.Detail == "" {
		end.Detail = "The session ends because the statement, and what was sent after it, may have been run."
	}
	r.end(&end)
	return &end
}
