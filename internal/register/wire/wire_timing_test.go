//go:build unix

package wire

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// memoryConn is a connection whose reads give the same bytes again and again
// and whose writes are counted only.
type memoryConn struct {
	net.Conn
	data []byte
	at   int
	left int // bytes until EOF
}

func (c *memoryConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, c.data[c.at:])
	n = min(n, c.left)
	c.at = (c.at + n) % len(c.data)
	c.left -= n
	return n, nil
}
func (c *memoryConn) Write(p []byte) (int, error)      { return len(p), nil }
func (c *memoryConn) Close() error                     { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
func (c *memoryConn) RemoteAddr() net.Addr             { return nil }

type counting struct{ rows int }

func (c *counting) Statement(context.Context, string, bool) (Decision, error) { return Pass(), nil }
func (c *counting) Changed(string, string)                                    {}
func (c *counting) End()                                                      {}
func (c *counting) Release(_ context.Context, _ *Result, keys *Keys) (int, error) {
	c.rows += keys.Rows()
	return keys.Rows(), nil
}

// sampleRows are DataRows with a key and four more columns, some 100 bytes.
func sampleRows(isBinary bool) []byte {
	var all []byte
	for i := range 1000 {
		key := []byte(strconv.Itoa(10_000_000 + i))
		if isBinary {
			key = binary.BigEndian.AppendUint32(nil, uint32(10_000_000+i))
		}
		all = message(all, 'D', func(b []byte) []byte {
			b = append(b, 0, 5)
			for _, v := range [][]byte{key, []byte("Family Name of Somebody"), []byte("Given Name"), []byte("1950-06-15"), []byte("1 Long Street, Some Town")} {
				b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
			}
			return b
		})
	}
	return all
}

// BenchmarkWalk is the gateway's own work per row, without the kernel's.
func BenchmarkWalk(b *testing.B) {
	for name, c := range map[string]struct {
		binary bool
		result Result
		pass   bool
	}{
		"pass":   {pass: true},
		"text":   {result: Result{Metered: true, KeyColumns: []int{0}}},
		"binary": {binary: true, result: Result{Metered: true, KeyColumns: []int{0}, KeyTypes: []uint32{oidInt4}}},
		"hidden": {result: Result{Metered: true, KeyColumns: []int{0}, Hidden: 1}},
		"masked": {result: Result{Metered: true, KeyColumns: []int{0}, Masks: []Mask{{Column: 3, Kind: MaskYear}}}},
	} {
		b.Run(name, func(b *testing.B) {
			data := sampleRows(c.binary)
			guard := &counting{}
			plan := &Decision{Pass: c.pass, Results: []Result{c.result}}
			before := cpu()
			for b.Loop() {
				walkSample(data, plan, guard, c.binary)
			}
			b.ReportMetric(float64(cpu()-before)/float64(b.N)/walkRounds/1000, "cpu-ns/row")
		})
	}
}

const walkRounds = 100

// cpu is the processor time of this process: what other programs take of the
// machine is not in it.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func walkSample(data []byte, plan *Decision, guard Session, isBinary bool) {
	pool := newBuffers()
	conn := &memoryConn{data: data, left: len(data) * walkRounds}
	x := &session{server: &Server{cfg: DefaultConfig(), log: discard()}, client: conn, upstream: conn, queue: newQueue(), guarded: guard, fromPostgres: newInbound(conn, pool)}
	x.queue.portals[""] = &portal{plan: plan}
	if isBinary {
		x.queue.portals[""].formats = []int16{1, 0, 0, 0, 0}
	}
	x.queue.push(owed{kind: 'E'})
	_ = newRows(x).run(context.Background())
	x.fromPostgres.close()
}

// BenchmarkRows is one large result from PostgreSQL to a client that only
// reads.
func BenchmarkRows(b *testing.B) {
	s := postgres(b)
	var loaded sync.Once
	g := &fixed{decision: Decision{Results: []Result{{Metered: true, KeyColumns: []int{0}, KeyTypes: []uint32{oidInt4}}}}}
	for _, text := range []string{"select * from bulk", "copy bulk to stdout", "copy bulk to stdout (format binary)"} {
		for _, way := range []string{"direct", "pass", "keys", "synced"} {
			b.Run(way+"/"+text, func(b *testing.B) {
				loaded.Do(func() { s.sql(b, bulkSchema) })
				address := s.address()
				switch way {
				case "pass":
					address = gateway(b, &fixed{decision: Pass()}, nil)
				case "keys":
					address = gateway(b, g, nil)
				case "synced":
					address = gateway(b, &fixed{decision: g.decision, wait: 3 * time.Millisecond}, nil)
				}
				drainRows(b, address, text)
			})
		}
	}
}

const bulkRows = 1_000_000

var bulkSchema = `create unlogged table bulk as select n as id, 'Family '||n as family, 'Given '||n as given, date '1950-06-15' + n % 20000 as born, 'Street '||n as street from generate_series(1, ` + strconv.Itoa(bulkRows) + `) n; create index on bulk (id)`

type fixed struct {
	decision Decision
	wait     time.Duration // what each release takes, as a disk would
}

func (f *fixed) Begin(context.Context, Start) (Session, error) {
	return &fixedSession{f, counting{}}, nil
}

type fixedSession struct {
	*fixed
	counting
}

func (f *fixedSession) Statement(context.Context, string, bool) (Decision, error) {
	return f.decision, nil
}

func (f *fixedSession) Release(ctx context.Context, r *Result, keys *Keys) (int, error) {
	time.Sleep(f.wait)
	return f.counting.Release(ctx, r, keys)
}
func (f *fixedSession) End()                   {}
func (f *fixedSession) Changed(string, string) {}

func drainRows(b *testing.B, address, text string) {
	conn, err := net.Dial("tcp", address)
	must(b, err)
	defer conn.Close()
	_, err = conn.Write(append(startPacket(major<<16, "user", "postgres", "database", "postgres"), queryFrame(text)...))
	must(b, err)
	in := newInbound(conn, newBuffers())
	drain(b, in)
	for b.Loop() {
		_, err := conn.Write(queryFrame(text))
		must(b, err)
		drain(b, in)
	}
	b.ReportMetric(bulkRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// drain reads to ReadyForQuery after at least one row.
func drain(b *testing.B, in *inbound) {
	rows := 0
	for {
		kind, size, whole, err := in.next()
		must(b, err)
		if !whole {
			must(b, in.fill())
			continue
		}
		in.r += size
		if kind == 'D' || kind == 'd' {
			rows++
		}
		if kind == 'Z' && rows > 0 {
			if rows < bulkRows {
				b.Fatalf("%d rows", rows)
			}
			return
		}
	}
}
