package wire

import (
	"bytes"
	"context"
	"fmt"
)

// answer deals with an answer that is no row and no error: it takes what it
// answers off the queue and passes it on.
func (r *rows) answer(ctx context.Context, kind byte, frame []byte) error {
	switch kind {
	case 'Z':
		return r.ready(frame)
	case 'C', 'I', 's':
		return r.completed(kind, frame)
	case 'T', 'n':
		return r.described(ctx, kind, frame)
	case 'H':
		return r.copyOut(ctx, frame)
	case 'W':
		if !r.server.cfg.AllowReplication {
			return &Refusal{Code: codeUnsupported, Message: "replication does not pass the register guard"}
		}
	case 'G':
		return r.copyInBegins(frame)
	case '1', '2', '3':
		if err := r.simpleAnswer(kind); err != nil {
			return err
		}
	case 't', 'c', 'V':
	default:
		return fmt.Errorf("%w: PostgreSQL does not send %q", errFrame, kind)
	}
	r.pass(frame)
	return nil
}

// pass lets a frame leave, unless the statement it belongs to was stopped.
func (r *rows) pass(frame []byte) {
	if r.stop == nil {
		r.out.pass(frame)
	}
}

// tolerate turns an answer that could not be placed into the end of the
// session, or, when only observing, into nothing.
func (r *rows) tolerate(err error) error {
	if r.server.cfg.Observing {
		return nil
	}
	return err
}

// simpleAnswer deals with ParseComplete, BindComplete and CloseComplete.
func (r *rows) simpleAnswer(kind byte) error {
	r.queue.mu.Lock()
	defer r.queue.mu.Unlock()
	asked := "P"
	switch kind {
	case '2':
		asked = "B"
	case '3':
		asked = "C"
	}
	o, err := r.queue.answered(asked)
	if err != nil {
		return r.tolerate(err)
	}
	if o.refusal != nil {
		return fmt.Errorf("%w: PostgreSQL took what must fail", errFrame)
	}
	switch kind {
	case '1':
		r.queue.parsed(o)
	case '2':
		r.queue.bound(o)
	case '3':
		r.queue.closedName(o)
	}
	r.queue.pop()
	return nil
}

// ready deals with ReadyForQuery.
func (r *rows) ready(frame []byte) error {
	if len(frame) != headSize+1 {
		return fmt.Errorf("%w: a ReadyForQuery", errFrame)
	}
	status := frame[headSize]
	r.queue.mu.Lock()
	err := r.queue.ready()
	if status == 'I' {
		r.queue.endTransaction()
	}
	r.queue.mu.Unlock()
	r.at.on, r.number, r.copyIn = false, 0, false
	if err != nil {
		if err := r.tolerate(err); err != nil {
			return err
		}
	}
	if r.follow != nil {
		r.asked(func() { r.follow.Ready(status) })
	}
	if r.stop != nil {
		return r.stopReady(status, frame)
	}
	r.notices()
	r.out.pass(frame)
	r.idle = true
	return nil
}

// notices adds what the client is to be told by the guard.
func (r *rows) notices() {
	if r.teller == nil {
		return
	}
	var all []string
	r.asked(func() { all = r.teller.Tell() })
	for _, text := range all {
		f := Fields{all: []field{{'S', "NOTICE"}, {'V', "NOTICE"}, {'C', codeSuccess}, {'M', clean(text)}}}
		r.out.anew = f.append(r.out.anew)
	}
}

// completed deals with CommandComplete, EmptyQueryResponse, PortalSuspended.
func (r *rows) completed(kind byte, frame []byte) error {
	tag, _, ok := cstring(frame[headSize:])
	if kind == 'C' && !ok {
		return fmt.Errorf("%w: a CommandComplete", errFrame)
	}
	r.queue.mu.Lock()
	o, err := r.queue.answered("QE")
	if err != nil {
		r.queue.mu.Unlock()
		r.pass(frame)
		return r.tolerate(err)
	}
	result := r.resultOf(o)
	extended := o.kind == 'E'
	if r.copyIn {
		r.copyIn = false
		r.queue.copied()
	}
	if kind == 'C' {
		r.effects(result, tag)
	}
	if extended {
		r.queue.pop()
	} else {
		r.number++
	}
	r.at.on = false
	r.queue.mu.Unlock()
	if r.follow != nil && kind == 'C' && result != nil {
		r.asked(func() { r.follow.Completed(result, string(tag)) })
	}
	if r.stop != nil {
		return r.stopCompleted(string(tag), extended)
	}
	r.out.pass(frame)
	return nil
}

// effects is what a completed statement changes of what names mean. The
// queue's lock is held.
func (r *rows) effects(result *Result, tag []byte) {
	if result != nil && result.Creates != nil {
		r.queue.created(result.Creates)
	}
	switch string(tag) {
	case "DISCARD ALL":
		r.queue.deallocated()
		clear(r.queue.portals)
	case "DEALLOCATE ALL":
		r.queue.deallocated()
	case "COMMIT", "PREPARE TRANSACTION":
		r.queue.endTransaction()
	}
}

// resultOf is the entry of the statement under way, nil if there is none. The
// queue's lock is held.
func (r *rows) resultOf(o *owed) *Result {
	plan, index := o.plan, r.number
	if o.kind == 'E' {
		p := r.queue.portals[o.name]
		if p == nil {
			return nil
		}
		plan, index = p.plan, p.index
	}
	if plan == nil || index >= len(plan.Results) {
		return nil
	}
	return &plan.Results[index]
}

// described deals with RowDescription and NoData: those before the rows of a
// Query, and those that answer a Describe.
func (r *rows) described(ctx context.Context, kind byte, frame []byte) error {
	r.queue.mu.Lock()
	o, err := r.queue.answered("QD")
	if err != nil {
		r.queue.mu.Unlock()
		r.pass(frame)
		return r.tolerate(err)
	}
	if o.kind == 'Q' {
		r.queue.mu.Unlock()
		return r.rowsBegin(ctx, frame)
	}
	describe := *o
	r.queue.pop()
	plan, types, formats := r.queue.describes(&describe)
	r.queue.mu.Unlock()
	if kind == 'n' || plan == nil || plan.Pass || len(plan.Results) == 0 {
		r.pass(frame)
		return nil
	}
	columns, ok := (columns{}).parse(frame[headSize:])
	if !ok {
		return fmt.Errorf("%w: a RowDescription", errFrame)
	}
	*types = columns.types
	if formats != nil {
		*formats = columns.formats
	}
	return r.describe(&plan.Results[0], columns, frame)
}

// describes finds what a Describe describes, and where to note the types.
func (q *queue) describes(o *owed) (*Decision, *[]uint32, *[]int16) {
	if o.what == 'S' {
		if s := q.statements[o.name]; s != nil {
			return s.plan, &s.types, nil
		}
		return nil, nil, nil
	}
	if p := q.portals[o.name]; p != nil {
		return p.plan, &p.types, &p.formats
	}
	return nil, nil, nil
}

// describe passes a RowDescription without the hidden columns.
func (r *rows) describe(result *Result, columns columns, frame []byte) error {
	if result.Hidden == 0 || r.stop != nil {
		r.pass(frame)
		return nil
	}
	shown := len(columns.types) - result.Hidden
	if shown < 0 {
		return &Refusal{Code: codeInternal, Message: "the register guard added columns that are not there"}
	}
	body := frame[headSize:]
	r.out.anew = message(r.out.anew, 'T', func(b []byte) []byte {
		return append(append(b, byte(shown>>8), byte(shown)), body[2:columns.ends[shown]]...)
	})
	return nil
}

// rowsBegin is a RowDescription of a simple Query.
func (r *rows) rowsBegin(ctx context.Context, frame []byte) error {
	if err := r.place(ctx); err != nil {
		return err
	}
	if r.at.pass || r.stop != nil {
		r.pass(frame)
		return nil
	}
	seen := &r.seen
	again := seen.result == r.at.result && bytes.Equal(seen.frame, frame)
	if !again {
		seen.result = nil
		columns, ok := r.columns.parse(frame[headSize:])
		if !ok {
			return fmt.Errorf("%w: a RowDescription", errFrame)
		}
		r.columns = columns
	}
	r.at.types, r.at.formats = r.columns.types, r.columns.formats
	if refusal := r.at.prepare(); refusal != nil {
		return r.halt(ctx, 0, refusal)
	}
	if again {
		r.out.anew = append(r.out.anew, seen.shown...)
		return nil
	}
	from := len(r.out.anew)
	if err := r.describe(r.at.result, r.columns, frame); err != nil {
		return err
	}
	if shown := r.out.anew[from:]; len(shown) > 0 && len(frame) <= smallSize/4 {
		seen.result, seen.frame, seen.shown = r.at.result, append(seen.frame[:0], frame...), append(seen.shown[:0], shown...)
	}
	return nil
}

// description is one that was changed: most programs get the same again and again.
type description struct {
	result *Result // nil: none
	frame  []byte  // as it came
	shown  []byte  // and as it left
}

// copyOut is the beginning of COPY … TO STDOUT.
func (r *rows) copyOut(ctx context.Context, frame []byte) error {
	if err := r.place(ctx); err != nil {
		return err
	}
	if r.at.pass || r.stop != nil {
		r.pass(frame)
		return nil
	}
	refusal := r.at.prepareCopy(frame[headSize:])
	if refusal != nil {
		return r.halt(ctx, 0, refusal)
	}
	if hidden := r.at.result.Hidden; hidden > 0 {
		r.out.anew = copyHead(r.out.anew, frame[headSize:], hidden)
		return nil
	}
	r.out.pass(frame)
	return nil
}

// copyInBegins is PostgreSQL asking for COPY data.
func (r *rows) copyInBegins(frame []byte) error {
	r.copyIn = true
	if r.stop == nil {
		r.out.pass(frame)
		return nil
	}
	// The client was told that the statements ended: it will send no data.
	fail := message(nil, 'f', func(b []byte) []byte { return append(b, 0) })
	r.lockUp()
	defer r.up.mu.Unlock()
	return r.insert(fail)
}

// columns is what a RowDescription says; ends[i] is where column i begins in
// its body, ends[len] where the last ends.
type columns struct {
	types   []uint32
	formats []int16
	ends    []int
}

// After a column's name: table, attribute number, type, size, modifier, format.
const columnTail = 4 + 2 + 4 + 2 + 4 + 2

// parse reads a RowDescription's body into what the columns before were kept in.
func (c columns) parse(body []byte) (columns, bool) {
	if len(body) < 2 {
		return c, false
	}
	n, at := int(be16(body)), 2
	if len(body) < n*(columnTail+1) {
		return c, false
	}
	c.types, c.formats, c.ends = sized(c.types, n), sized(c.formats, n), sized(c.ends, n+1)
	for i := range n {
		c.ends[i] = at
		_, rest, ok := cstring(body[at:])
		if !ok || len(rest) < columnTail {
			return c, false
		}
		c.types[i], c.formats[i] = be32(rest[6:]), int16(be16(rest[16:]))
		at = len(body) - len(rest) + columnTail
	}
	c.ends[n] = at
	return c, at == len(body)
}

// sized is a slice of n, in the room of another where it has enough.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
