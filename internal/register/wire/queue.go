package wire

import (
	"fmt"
	"slices"
	"sync"
)

// maxQueue is how many messages PostgreSQL may owe an answer. It answers each
// with at least five bytes and sends its buffer when 8 KB are full, so the
// client never waits here for itself.
const maxQueue = 1 << 16

// owed is a message that was sent on and has not been answered. The answers
// come in order; that order is what ties rows to the statement they are of.
type owed struct {
	kind    byte      // 'Q' Query, 'P' Parse, 'B' Bind, 'D' Describe, 'E' Execute, 'C' Close, 'S' Sync, 'F' function call, 'c' end of COPY data
	what    byte      // of Describe and Close: 'S' statement or 'P' portal
	perhaps bool      // a Sync that COPY FROM STDIN may have swallowed
	name    string    // of the statement (Parse, Describe, Close) or portal
	source  string    // Bind: the statement
	plan    *Decision // Query, Parse; Bind: in place of that of the statement, if it is the one in of
	of      *Decision
	formats []int16  // Bind: of the output columns
	refusal *Refusal // PostgreSQL was sent what fails; the client is told this
}

// extended says that an error skips what follows up to a Sync.
func (o *owed) extended() bool {
	return o.kind != 'Q' && o.kind != 'F' && o.kind != 'S' && o.kind != 'c'
}

// prepared is a statement PostgreSQL has said it took, portal one it has bound.
type prepared struct {
	plan  *Decision
	types []uint32 // of the output columns, once described
}

type portal struct {
	plan    *Decision
	types   []uint32
	formats []int16
	hold    bool
	index   int // which of the plan's results
}

// queue is what both directions of a session share.
type queue struct {
	mu       sync.Mutex // guards all below
	room     sync.Cond
	leave    func() // is told before somebody waits for room
	items    []owed
	first    int  // items before it are answered
	skipping bool // PostgreSQL skips to the next Sync
	discard  bool // what the client sends up to its next Sync is dropped here
	closed   bool

	statements map[string]*prepared
	portals    map[string]*portal
	parses     []pendingParse // the Parse messages among items, in order
	syncs      int            // Syncs sent on so far
}

type pendingParse struct {
	name  string
	plan  *Decision
	epoch int // syncs when it was sent
}

func newQueue() *queue {
	q := &queue{leave: func() {}, statements: map[string]*prepared{}, portals: map[string]*portal{}}
	q.room.L = &q.mu
	return q
}

// push notes a message before it is sent on. False says the session is over.
func (q *queue) push(o owed) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items)-q.first >= maxQueue && !q.closed {
		q.leave()
		q.room.Wait()
	}
	if o.kind == 'S' {
		q.syncs++
		q.skipping = false
	}
	if q.skipping || o.kind == 'c' && len(q.items) > q.first && q.items[len(q.items)-1].kind == 'c' {
		return !q.closed
	}
	if o.kind == 'P' {
		q.parses = append(q.parses, pendingParse{o.name, o.plan, q.syncs})
	}
	q.items = append(q.items, o)
	return !q.closed
}

// head is the message whose answer is due, nil if none is. Ends of COPY data
// are never answered and step aside. The queue's lock is held.
func (q *queue) head() *owed {
	for q.first < len(q.items) && q.items[q.first].kind == 'c' {
		q.pop()
	}
	if q.first == len(q.items) {
		return nil
	}
	return &q.items[q.first]
}

// pop takes the head off. The queue's lock is held.
func (q *queue) pop() {
	if q.items[q.first].kind == 'P' {
		q.parses = slices.Delete(q.parses, 0, 1)
	}
	q.items[q.first] = owed{}
	q.first++
	switch {
	case q.first == len(q.items):
		q.items, q.first = q.items[:0], 0
		if cap(q.items) > 64 {
			q.items = nil
		}
	case q.first > 1024 && q.first > len(q.items)/2:
		q.items = append(q.items[:0], q.items[q.first:]...)
		q.first = 0
	default:
		return
	}
	q.room.Broadcast()
}

// answered is the head, checked to be of one of the kinds. Syncs that COPY
// may have swallowed are taken for swallowed if another answer comes.
func (q *queue) answered(kinds string) (*owed, error) {
	for {
		o := q.head()
		if o == nil {
			return nil, fmt.Errorf("%w: an answer to nothing that was asked", errFrame)
		}
		for i := range len(kinds) {
			if kinds[i] == o.kind {
				return o, nil
			}
		}
		if o.kind != 'S' || !o.perhaps {
			return nil, fmt.Errorf("%w: an answer to %q where %q was asked", errFrame, kinds, o.kind)
		}
		q.pop()
	}
}

// fail drops what an ErrorResponse answers: in the extended protocol
// everything up to the next Sync (PostgreSQL manual, "Extended Query"). It
// returns the refusal the client is to get in place of the error, if any.
func (q *queue) fail() *Refusal {
	o := q.head()
	for o != nil && o.kind == 'S' && o.perhaps {
		q.pop()
		o = q.head()
	}
	if o == nil {
		return nil
	}
	refusal := o.refusal
	if !o.extended() {
		return refusal
	}
	for q.first < len(q.items) {
		if q.items[q.first].kind == 'S' {
			return refusal
		}
		q.pop()
	}
	q.skipping = true
	return refusal
}

// copied ends a COPY FROM STDIN that went well: its data ended with the next
// 'c', and Syncs before that were swallowed (PostgreSQL ignores them there
// for libraries that send Execute and Sync at once).
func (q *queue) copied() {
	for i := q.first + 1; i < len(q.items); i++ {
		switch q.items[i].kind {
		case 'c':
			q.items = slices.Delete(q.items, q.first+1, i+1)
			return
		case 'S':
		default:
			return // PostgreSQL would have failed the COPY; what comes next will not fit
		}
	}
}

// copyFailed marks the Syncs that may have been swallowed: only PostgreSQL
// knows how far it had read.
func (q *queue) copyFailed() {
	for i := q.first; i < len(q.items); i++ {
		switch q.items[i].kind {
		case 'S':
			q.items[i].perhaps = true
		case 'c':
			return
		}
	}
}

// ready answers a Sync, Query or function call. If a Sync was only perhaps
// answered, then so is the one that follows it.
func (q *queue) ready() error {
	o := q.head()
	if o == nil {
		return fmt.Errorf("%w: ReadyForQuery to nothing that was asked", errFrame)
	}
	if o.extended() {
		err := fmt.Errorf("%w: ReadyForQuery where %q was asked", errFrame, o.kind)
		for o = q.head(); o != nil && o.extended(); o = q.head() { // who only observes goes on behind it
			q.pop()
		}
		if o != nil {
			q.pop()
		}
		return err
	}
	perhaps := o.perhaps
	q.pop()
	if next := q.head(); perhaps && next != nil && next.kind == 'S' {
		next.perhaps = true
	}
	return nil
}

// candidates are the decisions a Bind to a name can mean. Usually it is one.
// A Parse that fails takes the Bind with it, unless a Sync is between them;
// then the name may still mean what it meant before.
func (q *queue) candidates(name string) []*Decision {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []*Decision
	for i := len(q.parses) - 1; i >= 0; i-- {
		if p := q.parses[i]; p.name == name {
			all = append(all, p.plan)
			if p.epoch == q.syncs {
				return all
			}
		}
	}
	if known := q.statements[name]; known != nil {
		all = append(all, known.plan)
	}
	return all
}

// parsed notes that PostgreSQL took a Parse.
func (q *queue) parsed(o *owed) { q.statements[o.name] = &prepared{plan: o.plan} }

// bound notes a portal. A statement we have not seen made leaves a portal
// without a decision.
func (q *queue) bound(o *owed) {
	p := &portal{formats: o.formats}
	if known := q.statements[o.source]; known != nil {
		p.plan, p.types = known.plan, known.types
		if o.plan != nil && o.of == known.plan {
			p.plan = o.plan
		}
	}
	q.portals[o.name] = p
}

// closedName forgets a statement or portal.
func (q *queue) closedName(o *owed) {
	if o.what == 'S' {
		delete(q.statements, o.name)
	} else {
		delete(q.portals, o.name)
	}
}

// created notes what SQL made under a name.
func (q *queue) created(c *Created) {
	if c.Cursor {
		q.portals[c.Name] = &portal{plan: &c.Decision, hold: c.Hold}
		return
	}
	q.statements[c.Name] = &prepared{plan: &c.Decision}
}

// endTransaction forgets the portals that end with it.
func (q *queue) endTransaction() {
	if len(q.portals) == 0 { // looking at none costs more than asking
		return
	}
	for name, p := range q.portals {
		if !p.hold {
			delete(q.portals, name)
		}
	}
}

// deallocated forgets after DEALLOCATE ALL and DISCARD ALL.
func (q *queue) deallocated() { clear(q.statements) }

func (q *queue) shut() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.room.Broadcast()
}
