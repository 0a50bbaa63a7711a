package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// promising is a guard whose sessions decide about rows before they are written down.
type promising struct {
	*scripted
	keep func(keys []string, kept func(error)) (later bool)
}

func (g *promising) Begin(ctx context.Context, who Start) (Session, error) {
	s, err := g.scripted.Begin(ctx, who)
	return &promisingSession{s.(*scriptedSession), g}, err
}

type promisingSession struct {
	*scriptedSession
	of *promising
}

func (s *promisingSession) Leaves(leave func()) bool {
	s.leave = leave
	return true
}

func (s *promisingSession) Promise(ctx context.Context, r *Result, keys *Keys, kept func(error)) (int, bool, error) {
	allowed, err := s.scriptedSession.Release(ctx, r, keys)
	if err != nil {
		return allowed, false, err
	}
	var all []string
	for i := range keys.Rows() {
		all = append(all, string(keys.Bytes(i*keys.Columns())))
	}
	return allowed, s.of.keep(all, kept), nil
}

// outstanding are promises that a test keeps.
type outstanding chan func(error)

func newOutstanding(decide func(string) (Decision, error)) (outstanding, *promising) {
	all := make(outstanding, 64)
	return all, &promising{&scripted{budget: -1, decide: decide}, func(_ []string, kept func(error)) bool { all <- kept; return true }}
}

// silent checks that nothing has come for the client.
func (c *conversation) silent(t *testing.T) {
	t.Helper()
	must(t, c.conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	var b [1]byte
	if n, err := c.conn.Read(b[:]); n > 0 || !isTimeout(err) {
		t.Fatalf("while a promise is open: %q, %v", b[:n], err)
	}
	must(t, c.conn.SetReadDeadline(time.Time{}))
}

// rest is what comes until the end: the types of the messages, and the last error.
func (c *conversation) rest(t *testing.T) (kinds string, last Fields) {
	t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Second)) // it may be closed
	for {
		kind, frame, err := readFrame(c.in, maxLogin)
		if err != nil {
			if isTimeout(err) {
				t.Errorf("after %q the session does not end", kinds)
			}
			return kinds, last
		}
		kinds += string(kind)
		if kind == 'E' {
			f, err := parseFields(kind, frame[headSize:])
			must(t, err)
			last = *f
		}
	}
}

// hidden is metered, and a key that is selected last never leaves: such rows are written anew.
func hidden(text string) (Decision, error) {
	if d, err := metered(text); err != nil || d.Pass {
		return d, err
	}
	var d Decision
	for one := range strings.SplitSeq(text, ";") {
		r := Result{Metered: true, KeyColumns: []int{0}}
		if strings.Contains(one, ", id from") {
			r = Result{Metered: true, KeyColumns: []int{1}, Hidden: 1}
		}
		d.Results = append(d.Results, r)
	}
	return d, nil
}

const twoResults = "select name, id from voter where id < 4; select id from voter where id < 3"

// TestNothingLeavesBeforeItIsKept: not the rows, not what follows them; others go on meanwhile.
func TestNothingLeavesBeforeItIsKept(t *testing.T) {
	postgres(t)
	for name, c := range map[string]struct {
		text, want string
		promises   int
	}{
		"a look-up":   {"select id from voter where id = 7", "TDCZ", 1},
		"hidden":      {"select name, id from voter where id < 4", "TDDDCZ", 1},
		"two results": {twoResults, "TDDDCTDDCZ", 2},
	} {
		t.Run(name, func(t *testing.T) {
			all, g := newOutstanding(hidden)
			address := gateway(t, g, nil)
			other := connect(t, address, "")
			client := begin(t, address)
			for range 3 {
				client.say(queryFrame(c.text))
				for range c.promises {
					kept := <-all
					must(t, other.Ping(t.Context()))
					client.silent(t)
					kept(nil)
				}
				client.expect(t, c.want, "")
			}
		})
	}
}

// TestExtendedPipelineOfPromises: each result of a pipeline waits for its own promise, whoever keeps it and when.
func TestExtendedPipelineOfPromises(t *testing.T) {
	postgres(t)
	look := func(id int) []byte {
		return bytes.Join([][]byte{parseFrame("", fmt.Sprintf("select id from voter where id = %d", id)), bindFrame("", ""), executeFrame("", 0)}, nil)
	}
	for name, keep := range map[string]func(kept func(error)) bool{
		"at once":        func(kept func(error)) bool { kept(nil); return true },
		"not needed":     func(func(error)) bool { return false },
		"elsewhere":      func(kept func(error)) bool { go kept(nil); return true },
		"after a moment": func(kept func(error)) bool { time.AfterFunc(time.Millisecond, func() { kept(nil) }); return true },
		"twice, and late": func(kept func(error)) bool {
			kept(nil)
			time.AfterFunc(time.Millisecond, func() { kept(errors.New("late")) })
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := &promising{&scripted{budget: -1, decide: metered}, func(_ []string, kept func(error)) bool { return keep(kept) }}
			c := begin(t, gateway(t, g, nil))
			for range 20 {
				c.say(look(1), look(2), look(3), syncFrame(), look(4), syncFrame())
				c.expect(t, "12DC12DC12DCZ 12DCZ", "")
			}
			if n := len(g.seen()); n != 80 {
				t.Errorf("%d keys", n)
			}
		})
	}
}

// TestPromiseThatCannotBeKept: no row leaves, and the client is told why and that its session ends.
func TestPromiseThatCannotBeKept(t *testing.T) {
	postgres(t)
	full := &Refusal{Code: "53100", Message: "the disk is full", Hint: "Make room."}
	for name, c := range map[string]struct {
		text   string
		err    error
		before int // promises that are kept
		kinds  string
		code   string
	}{
		"a refusal":                    {"select id from voter where id = 7", full, 0, "E", "53100"},
		"any error":                    {"select id from voter where id = 7", errors.New("a secret of the operator's"), 0, "E", codeInternal},
		"a refusal that is none":       {"select id from voter where id = 7", (*Refusal)(nil), 0, "E", codeInternal},
		"hidden":                       {"select name, id from voter where id < 4", full, 0, "E", "53100"},
		"the first of two":             {twoResults, full, 0, "E", "53100"},
		"the first of two, all hidden": {"select name, id from voter where id < 4; select id from voter where id = 1; select name, id from voter where id < 9", full, 0, "E", "53100"},
	} {
		for _, when := range []string{"at once", "later"} {
			t.Run(name+"/"+when, func(t *testing.T) {
				all, g := newOutstanding(hidden)
				if when == "at once" {
					g.keep = func(_ []string, kept func(error)) bool { kept(c.err); return true }
				}
				client := begin(t, gateway(t, g, nil))
				client.say(queryFrame(c.text))
				if when == "later" {
					kept := <-all
					client.silent(t)
					kept(c.err)
				}
				kinds, last := client.rest(t)
				if kinds != c.kinds || last.Get('C') != c.code || last.Get('S') != "FATAL" {
					t.Errorf("got %q, the last error %+v", kinds, last)
				}
				if strings.Contains(last.Get('M'), "secret") || strings.Contains(last.Get('M'), "PostgreSQL closed") || last.Get('D') == "" {
					t.Errorf("told %+v", last)
				}
			})
		}
	}
}

// TestSecondPromiseNotKept: what was promised first leaves alone.
func TestSecondPromiseNotKept(t *testing.T) {
	postgres(t)
	n := 0
	g := &promising{&scripted{budget: -1, decide: hidden}, nil}
	g.keep = func(keys []string, kept func(error)) bool {
		if n++; n == 1 {
			kept(nil)
		} else {
			go kept(&Refusal{Code: "58030", Message: "no"})
		}
		return true
	}
	client := begin(t, gateway(t, g, nil))
	client.say(queryFrame(twoResults))
	if kinds, last := client.rest(t); strings.Count(kinds, "D") > 3 || strings.Contains(kinds, "Z") || last.Get('C') != "58030" {
		t.Errorf("got %q (%s)", kinds, last.Get('C'))
	}
}

// TestStopBehindAPromise: rows before a stop leave when their promise is kept, and not before.
func TestStopBehindAPromise(t *testing.T) {
	postgres(t)
	for _, err := range []error{nil, &Refusal{Code: "58030", Message: "no"}} {
		all, g := newOutstanding(hidden)
		g.budget = 4
		client := begin(t, gateway(t, g, nil))
		client.say(queryFrame(twoResults)) // three rows, then one of two
		kept := <-all
		client.silent(t)
		kept(err)
		if err != nil {
			if kinds, last := client.rest(t); kinds != "E" || last.Get('C') != "58030" {
				t.Errorf("got %q (%s)", kinds, last.Get('C'))
			}
			continue
		}
		client.expect(t, "TDDDCTDEZ", "53400")
	}
}

// TestPromisesOfMany: many sessions, each with a few look-ups on their way at any time, and a ledger that answers from other
// goroutines at any time. What a client gets was written down before.
func TestPromisesOfMany(t *testing.T) {
	postgres(t)
	const sessions, each = 24, 150
	var written sync.Map
	ledger := make(chan func(), 1024)
	g := &promising{&scripted{budget: -1, decide: hidden}, nil}
	g.keep = func(keys []string, kept func(error)) bool {
		write := func() {
			for _, k := range keys {
				written.Store(k, true)
			}
			kept(nil)
		}
		switch rand.IntN(4) {
		case 0:
			write()
		case 1:
			go write()
		default:
			ledger <- write
		}
		return true
	}
	var ledgers, all sync.WaitGroup
	for range 2 {
		ledgers.Go(func() {
			for write := range ledger {
				if rand.IntN(8) == 0 {
					time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
				}
				write()
			}
		})
	}
	defer ledgers.Wait()
	defer close(ledger)
	address := gateway(t, g, nil)
	for s := range sessions {
		c := begin(t, address)
		must(t, c.conn.SetDeadline(time.Now().Add(2*time.Minute)))
		all.Go(func() { lookUp(t, c, 1+s*each, each, &written) })
	}
	all.Wait()
}

// lookUp sends n look-ups, up to three ahead of the answers.
func lookUp(t *testing.T, c *conversation, from, n int, written *sync.Map) {
	sent := 0
	for got := 0; got < n; {
		for ahead := rand.IntN(3); sent < n && sent <= got+ahead; sent++ {
			c.say(queryFrame(fmt.Sprintf("select id::text as shown, id from voter where id = %d", from+sent)))
		}
		kind, frame, err := readFrame(c.in, maxLogin)
		if err != nil || kind == 'E' {
			t.Errorf("after %d: %q, %v", got, frame, err)
			return
		}
		if kind == 'D' {
			want := strconv.Itoa(from + got)
			if _, ok := written.Load(want); !ok || !bytes.HasSuffix(frame, []byte(want)) || be16(frame[headSize:]) != 1 {
				t.Errorf("row %q: written down: %v", frame, ok)
			}
		}
		if kind == 'Z' {
			got++
		}
	}
}

// serving is a gateway that a test ends itself; end returns when all its sessions have gone, and checks that nothing of them is
// left.
func serving(t *testing.T, guard Guard, change func(*Config)) (address string, stop func(), ended <-chan error, left func()) {
	t.Helper()
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	cfg := DefaultConfig()
	cfg.Listen, cfg.Upstream = "127.0.0.1:0", postgres(t).address()
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg, guard, discard())
	must(t, err)
	g.ending = time.Second
	ctx, stop := context.WithCancel(t.Context())
	l, err := g.Listen(ctx)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- g.Serve(ctx, l) }()
	return l.Addr().String(), stop, done, func() {
		t.Helper()
		for range 400 { // closed timers and peers' ends take a moment
			if runtime.NumGoroutine() <= goroutines && openFiles(t) <= files {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines and %d files before, %d and %d after\n%s", goroutines, files, runtime.NumGoroutine(), openFiles(t), stacks[:runtime.Stack(stacks, true)])
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(all)
}

// TestEndsWhileAPromiseIsOpen: whoever goes first, nothing hangs, nothing is left over, and no row leaves that was not kept.
func TestEndsWhileAPromiseIsOpen(t *testing.T) {
	s := postgres(t)
	for name, c := range map[string]struct {
		happens func(t *testing.T, c *conversation, pid string, stop func())
		never   bool // the promise is kept only long after
		err     error
		kinds   string
		code    string
	}{
		"the client goes":             {func(_ *testing.T, c *conversation, _ string, _ func()) { c.conn.Close() }, false, nil, "", ""},
		"the client goes, not kept":   {func(_ *testing.T, c *conversation, _ string, _ func()) { c.conn.Close() }, false, io.EOF, "", ""},
		"the client says goodbye":     {func(_ *testing.T, c *conversation, _ string, _ func()) { c.say(frameOf('X', "")) }, false, nil, "TDCZ", ""},
		"the client says no more":     {func(t *testing.T, c *conversation, _ string, _ func()) { must(t, c.conn.(*net.TCPConn).CloseWrite()) }, false, nil, "TDCZ", ""},
		"the client breaks the rules": {func(_ *testing.T, c *conversation, _ string, _ func()) { c.say([]byte{'?', 0, 0, 0, 4}) }, false, nil, "TDCZE", codeProtocol},
		"PostgreSQL goes": {func(t *testing.T, _ *conversation, pid string, _ func()) {
			s.sql(t, "select pg_terminate_backend("+pid+")")
		}, false, nil, "TDCZE", "57P01"},
		"PostgreSQL goes, not kept": {func(t *testing.T, _ *conversation, pid string, _ func()) {
			s.sql(t, "select pg_terminate_backend("+pid+")")
		}, false, io.EOF, "E", codeInternal},
		"shutdown":             {func(_ *testing.T, _ *conversation, _ string, stop func()) { stop() }, false, nil, "TDCZE", codeShutdown},
		"shutdown, not kept":   {func(_ *testing.T, _ *conversation, _ string, stop func()) { stop() }, false, io.EOF, "E", codeShutdown},
		"shutdown, never kept": {func(_ *testing.T, _ *conversation, _ string, stop func()) { stop() }, true, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			all, g := newOutstanding(metered)
			address, stop, ended, left := serving(t, g, nil)
			defer stop()
			client := begin(t, address)
			client.say(queryFrame("select id from voter where id = 7"))
			kept := <-all
			c.happens(t, client, strconv.Itoa(int(g.starts[0].BackendPID)), stop)
			time.Sleep(20 * time.Millisecond)
			if !c.never {
				kept(c.err)
			}
			if kinds, last := client.rest(t); !c.never && c.kinds != "" && (kinds != c.kinds || last.Get('C') != c.code) || strings.Contains(kinds, "D") && (c.never || c.err != nil) {
				t.Errorf("got %q (%s)", kinds, last.Get('C'))
			}
			stop()
			select {
			case err := <-ended:
				must(t, err)
			case <-time.After(20 * time.Second):
				t.Fatal("the gateway does not end")
			}
			kept(nil) // harms nobody
			client.conn.Close()
			left()
		})
	}
}

// promisesAndFails takes a promise, and then fails itself.
type promisesAndFails struct{ *promisingSession }

func (*promisesAndFails) Promise(_ context.Context, _ *Result, _ *Keys, kept func(error)) (int, bool, error) {
	go kept(nil)
	panic("of the guard's")
}

type failing struct{ *promising }

func (g failing) Begin(ctx context.Context, who Start) (Session, error) {
	s, err := g.promising.Begin(ctx, who)
	return &promisesAndFails{s.(*promisingSession)}, err
}

// TestFaultWithAPromise: a fault of the guard's ends one session, with no row given.
func TestFaultWithAPromise(t *testing.T) {
	address, stop, ended, left := serving(t, failing{&promising{&scripted{budget: -1, decide: hidden}, nil}}, nil)
	defer stop()
	other := begin(t, address)
	for range 5 {
		c := begin(t, address)
		c.say(queryFrame("select name, id from voter where id < 4"))
		if kinds, last := c.rest(t); kinds != "E" || last.Get('C') != codeInternal {
			t.Errorf("got %q (%s)", kinds, last.Get('C'))
		}
		c.conn.Close()
	}
	other.say(queryFrame("select 1"))
	other.expect(t, "TDCZ", "")
	other.conn.Close()
	stop()
	must(t, <-ended)
	left()
}

// TestShutdownWithAStalledClient: one that takes nothing does not hold up the end for as long as it may stall.
func TestShutdownWithAStalledClient(t *testing.T) {
	for _, wheel := range []bool{true, false} {
		t.Run(fmt.Sprint(wheel), func(t *testing.T) {
			onWheel.Store(wheel)
			defer onWheel.Store(false)
			address, stop, ended, left := serving(t, &scripted{budget: -1}, nil)
			defer stop()
			c := begin(t, address)
			c.say(queryFrame("select repeat('x', 1000) from generate_series(1, 100000)"))
			time.Sleep(300 * time.Millisecond)
			stop()
			select {
			case err := <-ended:
				must(t, err)
			case <-time.After(20 * time.Second):
				t.Fatal("the gateway does not end")
			}
			c.conn.Close()
			left()
		})
	}
}

// TestPromise: a promise that is kept late, twice, or that was dropped says nothing of the next.
func TestPromise(t *testing.T) {
	var p promise
	broken := errors.New("broken")
	first := p.make()
	p.drop()
	second := p.make()
	first(nil)
	if p.isOver() {
		t.Error("a promise that was dropped keeps the next")
	}
	called := 0
	if !p.goOn(func() { called++ }) {
		t.Error("not kept, and nobody is to be called")
	}
	second(broken)
	second(nil)
	first(nil)
	if err := p.result(); called != 1 || !errors.Is(err, broken) || p.open {
		t.Errorf("called %d times, %v", called, err)
	}
	third := p.make()
	second(nil)
	if p.isOver() {
		t.Error("a promise that was kept again keeps the next")
	}
	third(nil)
	if p.goOn(func() { t.Error("called") }) || p.result() != nil {
		t.Error("kept, and yet waited for")
	}
	p.make()
	if !p.goOn(func() { called++ }) {
		t.Error("not kept")
	}
	p.giveUp()
	if err := p.result(); called != 2 || !errors.Is(err, errGivenUp) {
		t.Errorf("given up: called %d times, %v", called, err)
	}
	last := p.make()
	last(nil)
	if !p.isOver() || !errors.Is(p.result(), errGivenUp) {
		t.Error("a session that has ended still promises")
	}
}
