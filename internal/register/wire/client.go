package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// toPostgres walks what the client sends: it shows statements to the guard,
// notes what PostgreSQL will owe an answer, and sends on.
func (x *session) toPostgres(ctx context.Context) {
	c := &clientWalker{session: x, in: x.fromClient}
	x.askedAll(c.run(ctx))
}

// askedAll ends the session when its client has gone or is refused.
func (x *session) askedAll(err error) {
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		x.end(refusal)
	case errors.Is(err, errFrame):
		x.server.log.Info("a client broke the protocol", "client", hostOf(x.client), "error", err)
		x.end(&Refusal{Fatal: true, Code: codeProtocol, Message: err.Error()})
	default:
		x.left.Store(true)
		x.hangUp()
	}
}

// hangUp tells PostgreSQL that no more will come. As without a gateway it
// finishes what it was sent before the client left.
func (x *session) hangUp() {
	half, ok := x.upstream.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		x.upstream.Close()
	}
}

type clientWalker struct {
	*session
	in   *inbound
	skip int       // bytes of a frame that pass unread
	bulk bool      // COPY data comes: the large buffer is needed again at once
	last *Decision // the guard's last one
}

var errTerminated = errors.New("the client has ended the session")

func (c *clientWalker) run(ctx context.Context) error {
	for {
		if err := c.step(ctx); err != nil {
			return err
		}
		if err := c.in.fill(); err != nil {
			return err
		}
	}
}

// step deals with what has been read.
func (c *clientWalker) step(ctx context.Context) error {
	err := c.walk(ctx)
	c.lockUp()
	failed := c.up.flush()
	c.up.rest()
	c.within = c.skip > 0
	c.up.mu.Unlock()
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	if !c.bulk {
		c.in.rest()
	}
	return nil
}

// walk deals with every frame that has been read. It holds up.mu only where
// it writes; adding to up is its alone, but for the failing query of a stop,
// which is written by itself.
func (c *clientWalker) walk(ctx context.Context) error {
	for {
		if c.skip > 0 {
			n := min(c.skip, c.in.w-c.in.r)
			if n == 0 {
				return nil
			}
			c.through(n)
			continue
		}
		kind, size, whole, err := c.in.next()
		if err != nil || size == 0 {
			return err
		}
		if !whole {
			if kind == 'd' { // COPY data passes unread
				c.in.want, c.skip, c.bulk = 0, size, true
				continue
			}
			return c.limit(kind, size)
		}
		frame := c.in.buf[c.in.r : c.in.r+size : c.in.w]
		c.in.r += size
		if err := c.message(ctx, kind, frame); err != nil {
			return err
		}
	}
}

// through passes n bytes of a frame that is not read.
func (c *clientWalker) through(n int) {
	c.up.pass(c.in.buf[c.in.r : c.in.r+n : c.in.w])
	c.in.r += n
	c.skip -= n
}

func (c *clientWalker) limit(kind byte, size int) error {
	if size <= c.server.cfg.maxMessage() {
		return nil
	}
	return &Refusal{
		Fatal: true, Code: codeTooLarge, Message: fmt.Sprintf("a message %q of %d bytes is larger than the register guard takes", kind, size),
		Hint: "Send large values with COPY, or ask for a higher max_message_mb.",
	}
}

// message deals with one frame.
func (c *clientWalker) message(ctx context.Context, kind byte, frame []byte) error {
	if c.discarding(kind) {
		return nil
	}
	body := frame[headSize:]
	c.bulk = kind == 'd'
	switch kind {
	case 'Q':
		return c.query(ctx, frame, body)
	case 'P':
		return c.parse(ctx, frame, body)
	case 'B':
		return c.bind(ctx, frame, body)
	case 'E':
		name, _, ok := cstring(body)
		return c.send(frame, owed{kind: 'E', name: string(name)}, ok)
	case 'D', 'C':
		if len(body) < 2 || body[0] != 'S' && body[0] != 'P' {
			return c.send(frame, owed{}, false)
		}
		name, _, ok := cstring(body[1:])
		return c.send(frame, owed{kind: kind, what: body[0], name: string(name)}, ok)
	case 'S':
		return c.send(frame, owed{kind: 'S'}, len(body) == 0)
	case 'F':
		return c.functionCall(frame)
	case 'c', 'f':
		return c.send(frame, owed{kind: 'c'}, true)
	case 'd', 'H':
		c.up.pass(frame)
		return nil
	case 'X':
		c.up.pass(frame)
		return errTerminated
	}
	return fmt.Errorf("%w: a client does not send %q", errFrame, kind)
}

// discarding says whether the message is dropped, because a stopped statement
// has told the client to skip to its Sync.
func (c *clientWalker) discarding(kind byte) bool {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	if kind == 'S' || kind == 'X' {
		c.queue.discard = false
	}
	return c.queue.discard
}

// send notes what is owed and passes the frame.
func (c *clientWalker) send(frame []byte, o owed, wellFormed bool) error {
	if !wellFormed {
		return fmt.Errorf("%w: a message %q", errFrame, frame[0])
	}
	if !c.queue.push(o) {
		return errTerminated
	}
	c.up.pass(frame)
	return nil
}

// refuse sends what fails in place of a message.
func (c *clientWalker) refuse(o owed, r *Refusal) error {
	o.refusal = r
	if !c.queue.push(o) {
		return errTerminated
	}
	if o.kind == 'Q' {
		c.up.anew = failingQuery(c.up.anew)
	} else {
		c.up.anew = failingParse(c.up.anew)
	}
	return nil
}

func (c *clientWalker) query(ctx context.Context, frame, body []byte) error {
	text, rest, ok := cstring(body)
	if !ok || len(rest) > 0 {
		return fmt.Errorf("%w: a Query's text", errFrame)
	}
	plan, send, err := c.statement(ctx, text, true)
	if err != nil {
		return c.refuse(owed{kind: 'Q'}, c.judged(err))
	}
	if !c.queue.push(owed{kind: 'Q', plan: plan}) {
		return errTerminated
	}
	if send == "" {
		c.up.pass(frame)
		return nil
	}
	c.up.anew = message(c.up.anew, 'Q', func(b []byte) []byte { return append(append(b, clean(send)...), 0) })
	return nil
}

func (c *clientWalker) parse(ctx context.Context, frame, body []byte) error {
	name, rest, ok := cstring(body)
	if !ok {
		return fmt.Errorf("%w: a Parse's name", errFrame)
	}
	text, types, ok := cstring(rest)
	if !ok || len(types) < 2 {
		return fmt.Errorf("%w: a Parse's text", errFrame)
	}
	o := owed{kind: 'P', name: string(name), plan: passed} // if refused: a Bind after it is skipped
	plan, send, err := c.statement(ctx, text, false)
	if err != nil {
		return c.refuse(o, c.judged(err))
	}
	o.plan = plan
	if !c.queue.push(o) {
		return errTerminated
	}
	if send == "" {
		c.up.pass(frame)
		return nil
	}
	c.up.anew = message(c.up.anew, 'P', func(b []byte) []byte {
		b = append(append(b, name...), 0)
		b = append(append(b, clean(send)...), 0)
		return append(b, types...)
	})
	return nil
}

// passed is the decision of what is not metered; there is one so that nothing
// is allocated for it.
var passed = &Decision{Pass: true}

// statement asks the guard about a text, and says what to send on in its place; "" sends what came.
func (c *clientWalker) statement(ctx context.Context, text []byte, simple bool) (plan *Decision, send string, err error) {
	c.ask()
	defer c.asking.Unlock()
	d, err := c.guarded.Statement(ctx, string(text), simple)
	if err != nil {
		return nil, "", err
	}
	send, d.Text = d.Text, ""
	switch {
	case d.Pass && send == "" && d.Tag == nil && len(d.Results) == 0:
		return passed, "", nil
	case c.last == nil || !c.last.same(&d):
		kept := d // so that one like the last allocates nothing
		c.last = &kept
	}
	return c.last, send, nil
}

// same says that two decisions differ in nothing: most programs send the same look-up again and again. Tags are not compared: not
// everything can be.
func (d *Decision) same(o *Decision) bool {
	return d.Pass == o.Pass && d.Tag == nil && o.Tag == nil && len(d.Results) > 0 && len(d.Results) == len(o.Results) && &d.Results[0] == &o.Results[0]
}

// judged is the refusal an error of the guard's becomes; what is no refusal
// is logged.
func (c *clientWalker) judged(err error) *Refusal {
	r := refusalOf(err)
	if r.Code == codeInternal {
		c.server.log.Error("a statement could not be judged", "client", hostOf(c.client), "error", err)
	}
	return r
}

// functionCall is the fast-path interface: it returns a value of any function
// without a statement.
func (c *clientWalker) functionCall(frame []byte) error {
	o := owed{kind: 'F', plan: passed}
	if c.server.cfg.AllowFunctionCall {
		return c.send(frame, o, true)
	}
	o.kind = 'Q'
	return c.refuse(o, &Refusal{
		Code: codeUnsupported, Message: "fast-path function calls do not pass the register guard",
		Hint: "Call the function in a statement: SELECT f(…). Large objects: SELECT lo_get(…).",
	})
}

// bindMessage is a Bind in parts, as slices of its body.
type bindMessage struct {
	portal, source []byte
	params         Parameters
	formats        []int16 // of the output columns
	formatsAt      int     // where they begin in the body
}

func (c *clientWalker) bind(ctx context.Context, frame, body []byte) error {
	o, ok := bindNames(body)
	if !ok {
		return errBind
	}
	candidates := c.queue.candidates(o.source)
	if len(candidates) == 1 && candidates[0].Pass {
		return c.send(frame, o, true)
	}
	m, err := parseBind(body)
	if err != nil {
		return err
	}
	o.formats = m.formats
	hidden, own, err := c.bound(ctx, candidates, m.params)
	if err != nil {
		return c.refuse(o, c.judged(err))
	}
	if own != nil {
		o.plan, o.of = own, candidates[0]
	}
	if hidden == 0 || len(m.formats) < 2 { // none or one holds for all columns
		return c.send(frame, o, true)
	}
	// One format per column that the client knows: the hidden ones are text.
	o.formats = append(m.formats, make([]int16, hidden)...)
	if !c.queue.push(o) {
		return errTerminated
	}
	c.up.anew = message(c.up.anew, 'B', func(b []byte) []byte {
		b = append(b, body[:m.formatsAt]...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(o.formats)))
		for _, f := range o.formats {
			b = binary.BigEndian.AppendUint16(b, uint16(f))
		}
		return b
	})
	return nil
}

// bound asks the guard about the parameters and returns how many columns are hidden, and
// what it decided for this portal alone.
func (c *clientWalker) bound(ctx context.Context, candidates []*Decision, p Parameters) (hidden int, own *Decision, err error) {
	for i, d := range candidates {
		n := 0
		if len(d.Results) > 0 {
			n = d.Results[0].Hidden
		}
		if i > 0 && n != hidden {
			return 0, nil, ambiguous
		}
		hidden = n
		if c.binder == nil || d.Pass {
			continue
		}
		var again *Decision
		var err error
		c.asked(func() { again, err = c.binder.Bind(ctx, d, p) })
		if err == nil && again != nil && len(candidates) > 1 {
			err = ambiguous
		}
		if err != nil {
			return 0, nil, err
		}
		own = again
	}
	return hidden, own, nil
}

var ambiguous = &Refusal{Code: codeUnsupported, Message: "the statement's name can mean two statements", Hint: "Wait for the answer to Parse before Bind, or use another name."}

var errBind = fmt.Errorf("%w: a Bind", errFrame)

// bindNames is what a Bind names, without its values.
func bindNames(body []byte) (o owed, ok bool) {
	portal, body, ok := cstring(body)
	if !ok {
		return o, false
	}
	source, _, ok := cstring(body)
	return owed{kind: 'B', name: string(portal), source: string(source)}, ok
}

func parseBind(body []byte) (m bindMessage, err error) {
	all := body
	var ok bool
	if m.portal, body, ok = cstring(body); !ok {
		return m, errBind
	}
	if m.source, body, ok = cstring(body); !ok {
		return m, errBind
	}
	if m.params.formats, body, ok = codes(body); !ok {
		return m, errBind
	}
	if m.params.values, body, ok = values(body); !ok {
		return m, errBind
	}
	if n := len(m.params.formats); n > 1 && n != len(m.params.values) {
		return m, errBind
	}
	m.formatsAt = len(all) - len(body)
	if m.formats, body, ok = codes(body); !ok || len(body) > 0 {
		return m, errBind
	}
	return m, nil
}

// codes reads a counted list of format codes.
func codes(b []byte) ([]int16, []byte, bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	if len(b) < 2*n {
		return nil, nil, false
	}
	if n == 0 {
		return nil, b, true
	}
	list := make([]int16, n)
	for i := range list {
		list[i] = int16(binary.BigEndian.Uint16(b[2*i:]))
	}
	return list, b[2*n:], true
}

// values reads a counted list of values, nil for NULL.
func values(b []byte) ([][]byte, []byte, bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	if len(b) < 4*n {
		return nil, nil, false
	}
	var list [][]byte
	if n > 0 {
		list = make([][]byte, n)
	}
	for i := range list {
		if len(b) < 4 {
			return nil, nil, false
		}
		size := int32(binary.BigEndian.Uint32(b))
		b = b[4:]
		if size == -1 {
			continue
		}
		if size < 0 || int(size) > len(b) {
			return nil, nil, false
		}
		list[i], b = b[:size:size], b[size:]
	}
	return list, b, true
}
