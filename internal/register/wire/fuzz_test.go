//go:build unix

package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// FuzzStartup: what is parsed is all there is in the packet, and no name twice.
func FuzzStartup(f *testing.F) {
	f.Add(startPacket(major<<16, "user", "postgres", "database", "x"))
	f.Add(startPacket(major<<16|2, "user", "a", "replication", "database"))
	f.Add([]byte{0, 0, 0, 9, 0, 3, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		packet, version, err := readPacket(bytes.NewReader(raw))
		if err != nil {
			return
		}
		if len(packet) > maxStartup {
			t.Fatalf("%d bytes taken", len(packet))
		}
		s, err := parseStartup(packet, version)
		if err != nil {
			return
		}
		size := 9
		for name, value := range s.params {
			size += len(name) + len(value) + 2
		}
		if size != len(packet) {
			t.Errorf("parameters of %d bytes in a packet of %d", size, len(packet))
		}
		s.replicates()
	})
}

// FuzzClientFrames: whatever a client sends, in whatever pieces, walking it
// ends, and what is sent on is well framed.
func FuzzClientFrames(f *testing.F) {
	f.Add(append(parseFrame("a", "select forbidden"), append(bindFrame("", "a"), syncFrame()...)...), 3)
	f.Add(queryFrame("select 1 from voter"), 1)
	f.Add(append(queryFrame("copy x from stdin"), append(frameOf('d', "1\n"), frameOf('c', "")...)...), 7)
	f.Add(frameOf('B', "\x00\x00\x00\x01\x00\x01\x00\x01\x00\x00\x00\x02ab\x00\x01\x00\x01"), 100)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		out := &piecesConn{piece: 1 << 20}
		x := fuzzSession(&piecesConn{data: data, piece: piece}, out)
		c := &clientWalker{session: x, in: x.fromClient}
		_ = c.run(context.Background())
		if !framed(out.written, true) {
			t.Errorf("sent on: %q", out.written)
		}
	})
}

// FuzzServerFrames: whatever PostgreSQL answers to a metered statement, no
// row leaves that was not released.
func FuzzServerFrames(f *testing.F) {
	row := frameOf('D', "\x00\x02\x00\x00\x00\x012\x00\x00\x00\x01x")
	done := append(frameOf('C', "SELECT 1\x00"), frameOf('Z', "I")...)
	f.Add(append(append(bytes.Repeat(row, 5), done...), frameOf('Z', "I")...), 4)
	f.Add(append(frameOf('H', "\x00\x00\x02\x00\x00\x00\x00"), append(frameOf('d', "1\tx\n"), done...)...), 4)
	f.Add(append(frameOf('H', "\x01\x00\x02\x00\x01\x00\x01"), append(frameOf('d', string(copySignature)+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x011\x00\x00\x00\x01x"), done...)...), 9)
	f.Add(append(frameOf('E', "SERROR\x00C42601\x00Mx\x00\x00"), frameOf('Z', "E")...), 2)
	f.Add(frameOf('T', "\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x17\x00\x04\xff\xff\xff\xff\x00\x00"), 50)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		out := &piecesConn{piece: 1 << 20}
		x := fuzzSession(&piecesConn{}, out)
		x.fromPostgres = newInbound(&piecesConn{data: data, piece: piece}, newBuffers())
		x.client = out
		g := x.guarded.(*scriptedSession)
		g.budget = 3
		plan := &Decision{Results: []Result{{Metered: true, KeyColumns: []int{0}, Hidden: 1}}}
		x.queue.push(owed{kind: 'Q', plan: plan})
		x.queue.push(owed{kind: 'S'})
		_ = newRows(x).run(context.Background())
		if n := countRows(out.written); n > 3 || n > len(g.keys) {
			t.Errorf("%d rows left, %d released", n, len(g.keys))
		}
	})
}

// FuzzPromises: whatever PostgreSQL answers, and whatever comes of promises and when, no row leaves that was not kept, and
// none after one that could not be.
func FuzzPromises(f *testing.F) {
	row := frameOf('D', "\x00\x02\x00\x00\x00\x012\x00\x00\x00\x01x")
	result := append(bytes.Repeat(row, 3), frameOf('C', "SELECT 3\x00")...)
	for _, outcomes := range []uint64{0, 1, 2, 3, 4, 0b011_000_010, 0b100_010_010, 0b011_011_010_000} {
		f.Add(append(bytes.Repeat(result, 4), frameOf('Z', "I")...), 4096, outcomes)
		f.Add(append(bytes.Repeat(result, 4), frameOf('Z', "I")...), 50, outcomes)
	}
	f.Fuzz(func(t *testing.T, data []byte, piece int, outcomes uint64) {
		out := &piecesConn{}
		x := fuzzSession(&piecesConn{}, &piecesConn{})
		defer x.uncut()
		x.client, x.fromPostgres = out, newInbound(&piecesConn{data: data, piece: piece}, newBuffers())
		g := &promises{scriptedSession: x.guarded.(*scriptedSession), outcomes: outcomes}
		x.guarded = g
		r := newRows(x)
		r.promiser = g
		shown, secret := Result{Metered: true, KeyColumns: []int{0}}, Result{Metered: true, KeyColumns: []int{0}, Hidden: 1}
		x.queue.push(owed{kind: 'Q', plan: &Decision{Results: []Result{secret, shown, secret, secret}}})
		x.queue.push(owed{kind: 'S'})
		for {
			err := r.step(t.Context())
			if errors.Is(err, errPromised) {
				x.promised.wait()
				err = r.finish()
			}
			if n := countRows(out.written); n > int(g.kept.Load()) {
				t.Fatalf("%d rows left, %d were kept", n, g.kept.Load())
			}
			if err != nil || r.in.fill() != nil {
				return
			}
		}
	})
}

// promises is a session whose promises end as three bits each say.
type promises struct {
	*scriptedSession
	outcomes uint64
	kept     atomic.Int64 // rows that may leave
}

func (p *promises) Leaves(func()) bool { return true }

func (p *promises) Promise(_ context.Context, _ *Result, keys *Keys, kept func(error)) (int, bool, error) {
	n, outcome := keys.Rows(), p.outcomes&7
	p.outcomes >>= 3
	write := func() {
		p.kept.Add(int64(n))
		kept(nil)
	}
	switch outcome {
	case 1:
		p.kept.Add(int64(n))
		return n, false, nil
	case 2:
		go write()
	case 3:
		go kept(io.ErrShortWrite)
	case 4:
		kept(&Refusal{Message: "no"})
	case 5: // it stops behind the first row, when that was written down
		n = min(n, 1)
		go write()
		return n, true, &Refusal{Message: "enough"}
	default:
		write()
	}
	return n, true, nil
}

func FuzzFields(f *testing.F) {
	f.Add([]byte("SERROR\x00C42601\x00Mx\x00\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		fields, err := parseFields('E', body)
		if err != nil {
			return
		}
		if again := fields.append(nil); !bytes.Equal(again[headSize:], body) {
			t.Errorf("%q became %q", body, again[headSize:])
		}
	})
}

// FuzzCopyLine: cutting and reading agree on where fields are.
func FuzzCopyLine(f *testing.F) {
	f.Add([]byte("1\ta\\tb\t\\N"), false)
	f.Add([]byte(`1,"a,""b",c`), true)
	f.Fuzz(func(t *testing.T, line []byte, csv bool) {
		var c copyState
		c.text(CopyFormat{CSV: csv})
		a := current{copying: c, result: &Result{Metered: true}, keys: []keyColumn{{column: 0}}}
		var keys Keys
		keys.Reset(1)
		read := a.readLine(&keys, line)
		shown, ok := c.cut(line, 1)
		if ok && !bytes.HasPrefix(line, shown) {
			t.Errorf("%q is not the beginning of %q", shown, line)
		}
		if read && ok && len(shown) > 0 && keys.Len() != 1 {
			t.Errorf("%d keys of %q", keys.Len(), line)
		}
	})
}

func FuzzBind(f *testing.F) {
	f.Add([]byte("p\x00s\x00\x00\x01\x00\x01\x00\x02\x00\x00\x00\x02ab\xff\xff\xff\xff\x00\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := parseBind(body)
		if err != nil {
			return
		}
		for i := range m.params.Len() {
			m.params.Value(i)
		}
		if m.formatsAt+2+2*len(m.formats) != len(body) {
			t.Errorf("formats at %d of %d", m.formatsAt, len(body))
		}
	})
}

func fuzzSession(client, upstream net.Conn) *session {
	g := &scripted{budget: -1, decide: metered}
	s := &Server{cfg: DefaultConfig(), log: discard(), pool: newBuffers()}
	return &session{
		server: s, client: client, upstream: upstream, queue: newQueue(), guarded: &scriptedSession{scripted: g},
		up: outbound{conn: upstream}, fromClient: newInbound(client, s.pool),
	}
}

// framed says whether bytes are whole frames; a frame that passes unread may
// lack its end.
func framed(b []byte, mayLack bool) bool {
	for len(b) > 0 {
		_, size, err := head(b)
		if err != nil || size == 0 {
			return false
		}
		if size > len(b) {
			return mayLack
		}
		b = b[size:]
	}
	return true
}

func countRows(b []byte) (n int) {
	for len(b) > 0 {
		kind, size, err := head(b)
		if err != nil || size == 0 || size > len(b) {
			return n
		}
		if kind == 'D' || kind == 'd' && !strings.HasPrefix(string(b[headSize:size]), "PGCOPY") {
			n++
		}
		b = b[size:]
	}
	return n
}

// piecesConn reads in pieces of so many bytes and remembers what is written.
type piecesConn struct {
	net.Conn
	data    []byte
	piece   int
	written []byte
}

func (c *piecesConn) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := min(max(c.piece, 1), len(p), len(c.data))
	copy(p, c.data[:n])
	c.data = c.data[n:]
	return n, nil
}

func (c *piecesConn) Write(p []byte) (int, error) {
	c.written = append(c.written, p...)
	return len(p), nil
}
func (c *piecesConn) Close() error                     { return nil }
func (c *piecesConn) SetWriteDeadline(time.Time) error { return nil }
func (c *piecesConn) RemoteAddr() net.Addr             { return nil }
