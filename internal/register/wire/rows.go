package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// rows walks what PostgreSQL answers and is all that writes to the client.
type rows struct {
	*session
	in  *inbound
	out outbound

	noticer  Noticer
	notifier Notifier
	reporter Reporter
	promiser Promiser // nil also where there is no wheel

	at      current
	columns columns // of the last RowDescription of a simple Query
	seen    description
	number  int // of the statement within a simple Query

	keys    Keys
	pending *Result // whose keys they are
	mark    int     // how much had been collected to leave before the first row of keys

	copyIn bool // PostgreSQL waits for COPY data
	stop   *stopping
	idle   bool // PostgreSQL waits for the next query
	last   bool // PostgreSQL has said that it ends the session
	broken bool // a write to the client failed: it may have a part of a frame
	skip   int  // bytes of a frame that pass unread
	drop   bool // they are dropped instead
}

func newRows(x *session) *rows {
	r := &rows{session: x, in: x.fromPostgres, out: outbound{conn: x.client, patience: x.server.cfg.stall()}}
	r.noticer, _ = x.guarded.(Noticer)
	r.notifier, _ = x.guarded.(Notifier)
	r.reporter, _ = x.guarded.(Reporter)
	if x.wheel != nil {
		r.promiser, _ = x.guarded.(Promiser)
		r.out.patience = 0 // the socket's own
	}
	return r
}

// toClient runs until either side ends, and tells the client why.
func (r *rows) toClient(ctx context.Context) { r.answeredAll(r.run(ctx)) }

// answeredAll tells the client why the session ends.
func (r *rows) answeredAll(err error) {
	if r.stop != nil {
		r.stop.wait()
	}
	refusal := r.farewell(err)
	if refusal == nil || r.skip > 0 || r.broken {
		return // in the middle of a frame nothing can be said
	}
	r.out.extend()                             // the last deadline was of the last rows
	_, _ = r.client.Write(refusal.append(nil)) // it ends either way
}

// farewell is what the client is told at the end, nil if PostgreSQL has told
// it or it has gone itself.
func (r *rows) farewell(err error) *Refusal {
	var refusal *Refusal
	switch why := r.fatal.Load(); {
	case why != nil:
		refusal = why
	case errors.As(err, &refusal):
	case errors.Is(err, errFrame):
		r.server.log.Error("PostgreSQL's answer could not be placed", "client", hostOf(r.client), "error", err)
		refusal = &Refusal{Code: codeProtocol, Message: "the register guard lost track of PostgreSQL's answers", Hint: "Nothing unread was passed on. Connect again."}
	case r.left.Load() || r.last:
		return nil
	default:
		refusal = &Refusal{Code: codeLost, Message: "PostgreSQL closed the connection", Hint: "The server may have been stopped, or its process killed. Connect again."}
	}
	end := *refusal
	end.Fatal = true
	return &end
}

func (r *rows) run(ctx context.Context) error {
	for {
		if err := r.step(ctx); err != nil {
			return err
		}
		if err := r.in.fill(); err != nil {
			return err
		}
	}
}

// step deals with what has been read.
func (r *rows) step(ctx context.Context) error {
	err := r.walk(ctx)
	if err == nil {
		err = r.settle(ctx)
	}
	if err != nil && r.keys.Rows() > 0 { // rows nobody released
		r.out.truncate(r.mark)
	}
	if err == nil && r.promised.open {
		return errPromised
	}
	if failed := r.flush(); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	r.relax()
	return nil
}

// finish goes on behind a step that ended with errPromised.
func (r *rows) finish() error {
	if err := r.flush(); err != nil {
		return err
	}
	r.relax()
	return nil
}

// flush writes what may leave. Where that is not known yet it waits.
func (r *rows) flush() error {
	if err := r.kept(); err != nil {
		return err
	}
	err := r.out.flush()
	r.broken = r.broken || err != nil
	return err
}

// relax makes an idle session small, and lets more come of a large result.
func (r *rows) relax() {
	if r.idle { // all has left: the buffers can be given back
		r.rest()
	} else if r.in.gathers() {
		r.leave()
		time.Sleep(gatherFor)
	}
}

// rest keeps an idle session small.
func (r *rows) rest() {
	r.idle = false
	r.in.rest()
	r.out.rest()
	if cap(r.columns.types) > smallSize/16 {
		r.columns, r.seen = columns{}, description{}
	}
	if cap(r.keys.packed) > smallSize/8 || cap(r.keys.arena) > smallSize {
		r.keys = Keys{}
	}
}

// walk deals with every frame that has been read.
func (r *rows) walk(ctx context.Context) error {
	for {
		if r.skip > 0 {
			n := min(r.skip, r.in.w-r.in.r)
			if n == 0 {
				return nil
			}
			r.through(n)
			continue
		}
		kind, size, whole, err := r.in.next()
		if err != nil || size == 0 {
			return err
		}
		if !whole {
			again, err := r.partial(ctx, kind, size)
			if again && err == nil {
				continue
			}
			return err
		}
		frame := r.in.buf[r.in.r : r.in.r+size : r.in.w]
		r.in.r += size
		if err := r.message(ctx, kind, frame); err != nil {
			return err
		}
	}
}

// through passes or drops n bytes of a frame that is not read.
func (r *rows) through(n int) {
	if !r.drop {
		r.out.pass(r.in.buf[r.in.r : r.in.r+n : r.in.w])
	}
	r.in.r += n
	r.skip -= n
}

// partial deals with a frame of which a part is there. A large one that need
// not be read goes through as it comes; a metered one is waited for.
func (r *rows) partial(ctx context.Context, kind byte, size int) (again bool, err error) {
	if size <= smallSize {
		return false, nil
	}
	if kind == 'D' || kind == 'd' {
		if err := r.place(ctx); err != nil {
			return false, err
		}
		if r.at.pass || r.stop != nil {
			r.skip, r.drop, r.in.want = size, r.stop != nil, 0
			return true, nil
		}
	}
	if size <= r.server.cfg.maxRow() {
		return false, nil
	}
	if kind != 'D' && kind != 'd' {
		return false, fmt.Errorf("%w: a message %q of %d bytes", errFrame, kind, size)
	}
	if err := r.settle(ctx); err != nil {
		return true, err
	}
	return true, r.halt(ctx, 0, &Refusal{
		Code: codeTooLarge, Message: fmt.Sprintf("a row of %d bytes is larger than the register guard can meter", size),
		Hint: "Select fewer or shorter columns, or ask for a higher max_row_mb.",
	})
}

// message deals with one frame. Rows come first: everything else is rare.
func (r *rows) message(ctx context.Context, kind byte, frame []byte) error {
	switch kind {
	case 'D':
		if !r.at.on {
			if err := r.place(ctx); err != nil {
				return err
			}
		}
		return r.row(ctx, frame)
	case 'd':
		if !r.at.on {
			if err := r.place(ctx); err != nil {
				return err
			}
		}
		return r.copyRow(ctx, frame)
	case 'N', 'A', 'S':
		r.asynchronous(kind, frame)
		return nil
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	if kind == 'E' {
		return r.errorResponse(frame)
	}
	return r.answer(ctx, kind, frame)
}

// slowRelease is how long a release takes that waits for a disk; with fewer
// than manyRows nobody asks how long it took.
const (
	slowRelease = 500 * time.Microsecond
	manyRows    = 64
)

// settle asks the guard about the rows collected so far. It is asked before
// anything that follows them is looked at, so that a refusal finds the
// conversation where the rows are.
func (r *rows) settle(ctx context.Context) error {
	n := r.keys.Rows()
	if n == 0 {
		return nil
	}
	if err := r.kept(); err != nil {
		return err
	}
	allowed, err := r.released(ctx, n)
	if err == nil {
		r.keys.Reset(0)
		r.pending = nil
		return nil
	}
	refusal := refusalOf(err)
	if refusal.Code == codeInternal {
		r.server.log.Error("rows could not be released", "client", hostOf(r.client), "error", err)
	}
	return r.halt(ctx, max(0, min(allowed, n)), refusal)
}

// released asks for n rows. Few of them do not wait for the disk where others can have the turn meanwhile.
func (r *rows) released(ctx context.Context, n int) (allowed int, err error) {
	r.ask()
	defer r.asking.Unlock()
	if r.promiser != nil && n < manyRows {
		later := false
		allowed, later, err = r.promiser.Promise(ctx, r.pending, &r.keys, r.promised.make())
		if !later {
			r.promised.drop()
		}
		return allowed, err
	}
	var began time.Time
	if n >= manyRows {
		began = time.Now()
	}
	allowed, err = r.guarded.Release(ctx, r.pending, &r.keys)
	if n >= manyRows && time.Since(began) > slowRelease {
		r.in.most = bulkSize
	}
	return allowed, err
}

// row deals with a DataRow.
func (r *rows) row(ctx context.Context, frame []byte) error {
	switch {
	case r.stop != nil:
		return nil
	case r.at.pass:
		r.out.pass(frame)
		return nil
	}
	if err := r.collect(ctx); err != nil || r.stop != nil {
		return err
	}
	if !r.at.read(&r.keys, frame[headSize:]) {
		return r.unreadable(ctx)
	}
	if !r.at.rewrites {
		r.out.pass(frame)
		return nil
	}
	anew, ok := r.at.rewrite(r.out.anew, frame[headSize:])
	if !ok {
		return r.unreadable(ctx)
	}
	r.out.anew = anew
	return nil
}

// collect makes ready for the keys of a row of the current result.
func (r *rows) collect(ctx context.Context) error {
	if r.pending == r.at.result || !r.at.result.Metered {
		return nil
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	r.pending, r.mark = r.at.result, r.out.size()
	r.keys.Reset(len(r.at.keys))
	return nil
}

// unreadable stops at a row whose key could not be read.
func (r *rows) unreadable(ctx context.Context) error {
	r.keys.packed = r.keys.packed[:r.keys.Rows()*r.keys.columns]
	if err := r.settle(ctx); err != nil || r.stop != nil {
		return err
	}
	return r.halt(ctx, 0, &Refusal{Message: "the register guard could not read the key of a row", Hint: "Select the key as a column of its own, as text."})
}

// asynchronous deals with what can come at any time.
func (r *rows) asynchronous(kind byte, frame []byte) {
	body := frame[headSize:]
	switch kind {
	case 'N':
		r.fields('N', frame)
	case 'S':
		name, value, ok := status(body)
		if !ok {
			return
		}
		r.report(name, value, frame)
	case 'A':
		r.notification(frame)
	}
}

func (r *rows) report(name, value string, frame []byte) {
	r.ask()
	defer r.asking.Unlock()
	r.guarded.Changed(name, value)
	if r.reporter == nil {
		r.out.pass(frame)
		return
	}
	shown, ok := r.reporter.Report(name, value)
	if !ok {
		return
	}
	r.out.anew = message(r.out.anew, 'S', func(b []byte) []byte {
		return append(append(append(append(b, name...), 0), clean(shown)...), 0)
	})
}

func (r *rows) notification(frame []byte) {
	if r.notifier == nil {
		r.out.pass(frame)
		return
	}
	if len(frame) < headSize+4 {
		return
	}
	pid := be32(frame[headSize:])
	channel, payload, ok := status(frame[headSize+4:])
	if !ok {
		return
	}
	var shown string
	r.asked(func() { shown, ok = r.notifier.Notification(pid, channel, payload) })
	if !ok {
		return
	}
	r.out.anew = message(r.out.anew, 'A', func(b []byte) []byte {
		b = append(append(append(b, frame[headSize:headSize+4]...), channel...), 0)
		return append(append(b, clean(shown)...), 0)
	})
}

// fields passes an ErrorResponse or NoticeResponse, with the guard's changes.
func (r *rows) fields(kind byte, frame []byte) {
	if r.noticer == nil {
		r.out.pass(frame)
		return
	}
	f, err := parseFields(kind, frame[headSize:])
	if err != nil { // its texts could carry anything
		r.server.log.Error("a message of PostgreSQL's was dropped", "error", err)
		f = (&Refusal{Code: codeProtocol, Message: "a message of PostgreSQL's could not be read"}).fields()
		f.Error, f.dirty = kind == 'E', true
	}
	r.asked(func() { r.noticer.Notice(f) })
	if f.dirty {
		r.out.anew = f.append(r.out.anew)
		return
	}
	r.out.pass(frame)
}

// errorResponse ends what is under way.
func (r *rows) errorResponse(frame []byte) error {
	f, err := parseFields('E', frame[headSize:])
	if err != nil {
		return err
	}
	if f.fatal() {
		r.last = true
		r.fields('E', frame)
		return nil
	}
	r.queue.mu.Lock()
	if r.copyIn {
		r.copyIn = false
		r.queue.copyFailed()
	}
	refusal := r.queue.fail()
	r.at.on = false
	r.queue.mu.Unlock()
	switch {
	case r.stop != nil:
		return r.stopFailed()
	case refusal != nil:
		r.out.anew = refusal.append(r.out.anew)
		if refusal.Fatal {
			r.last = true
			return io.EOF
		}
	default:
		r.fields('E', frame)
	}
	return nil
}
