package wire

import (
	"errors"
	"sync/atomic"
)

// A promise is a release whose end is outstanding: everything has been decided, and the rows are being written down. Until
// it is kept nothing leaves for the client.
type promise struct {
	state atomic.Int32
	err   error  // why the rows may not leave; written before the state says kept
	then  func() // written before the state says awaited
}

const (
	noPromise int32 = iota
	promised
	awaited
	keptNow
)

// errPromised says that a step ends here until a promise is kept.
var errPromised = errors.New("rows wait until they are written down")

// make begins one; what it returns is called once, from anywhere.
func (p *promise) make() func(error) {
	p.err, p.then = nil, nil
	p.state.Store(promised)
	return p.keep
}

func (p *promise) keep(err error) {
	p.err = err
	if p.state.Swap(keptNow) == awaited {
		p.then()
	}
}

// drop is of a promise that was not needed.
func (p *promise) drop() { p.state.Store(noPromise) }

func (p *promise) open() bool { return p.state.Load() != noPromise }

// over says that it has been kept, and what came of it can be had at once.
func (p *promise) over() bool { return p.state.Load() == keptNow }

// goOn has then called once the promise is kept. False says that it is kept already, and nothing is called.
func (p *promise) goOn(then func()) bool {
	p.then = then
	return p.state.CompareAndSwap(promised, awaited)
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
	p.state.Store(noPromise)
	return p.err
}
