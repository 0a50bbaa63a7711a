//go:build unix

package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestBackendKilledMidRow(t *testing.T) {
	s := postgres(t)
	g := &scripted{budget: -1, decide: metered}
	conn := connect(t, gateway(t, g, nil), "default_query_exec_mode=simple_protocol")
	rows, err := conn.Query(t.Context(), "select id, repeat(name, 20) from voter, generate_series(1, 100000) s")
	must(t, err)
	n := 0
	for rows.Next() {
		if n++; n == 1000 {
			s.sql(t, fmt.Sprintf("select pg_terminate_backend(%d)", conn.PgConn().PID()))
		}
	}
	if c := code(rows.Err()); c != "57P01" && c != codeLost {
		t.Errorf("after %d rows: %v", n, rows.Err())
	}
}

// TestPostgresVanishes: the connection is cut without a word.
func TestPostgresVanishes(t *testing.T) {
	s := postgres(t)
	cut, l := cutter(t, s.address())
	conn := connect(t, gateway(t, &scripted{budget: -1, decide: metered}, func(c *Config) { c.Upstream = l }), "default_query_exec_mode=simple_protocol")
	rows, err := conn.Query(t.Context(), "select id, name from voter, generate_series(1, 100000) s")
	must(t, err)
	for n := 0; rows.Next(); n++ {
		if n == 1000 {
			cut()
		}
	}
	if c := code(rows.Err()); c != codeLost {
		t.Errorf("got %v", rows.Err())
	}
}

// cutter forwards connections until it cuts them all.
func cutter(t *testing.T, to string) (cut func(), address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var all []net.Conn
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			mu.Lock()
			all = append(all, a, b)
			mu.Unlock()
			go func() { _, _ = io.Copy(a, b) }()
			go func() { _, _ = io.Copy(b, a) }()
		}
	}()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range all {
			c.Close()
		}
	}, l.Addr().String()
}

func TestCancel(t *testing.T) {
	s := postgres(t)
	t.Run("3.0", func(t *testing.T) { testCancel(t, "") })
	t.Run("3.2", func(t *testing.T) { // keys of up to 256 bytes
		if s.major(t) < 18 {
			t.Skip("protocol 3.2 is of PostgreSQL 18")
		}
		testCancel(t, "min_protocol_version=3.2&max_protocol_version=3.2")
	})
}

func testCancel(t *testing.T, options string) {
	g := &scripted{budget: -1}
	conn := connect(t, gateway(t, g, nil), options)
	if options != "" && g.starts[0].Version != major<<16|2 {
		t.Errorf("protocol %x", g.starts[0].Version)
	}
	for i := range 5 {
		statement := fmt.Sprintf("select pg_sleep(30) /* %s %d */", options, i)
		cancelled := make(chan error, 1)
		go func() {
			awaitRunning(t, statement) // a cancel that comes earlier hits nothing, as without a gateway
			cancelled <- conn.PgConn().CancelRequest(context.Background())
		}()
		_, err := conn.Exec(t.Context(), statement)
		if code(err) != "57014" {
			t.Errorf("got %v", err)
		}
		must(t, <-cancelled)
	}
	must(t, conn.Ping(t.Context()))
}

// awaitRunning waits until PostgreSQL runs a statement.
func awaitRunning(t *testing.T, statement string) {
	direct, err := pgx.Connect(t.Context(), "postgres://postgres@"+shared.server.address()+"/postgres?sslmode=disable")
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = direct.Close(context.Background()) }()
	for n := 0; n == 0; time.Sleep(10 * time.Millisecond) {
		if err := direct.QueryRow(t.Context(), "select count(*) from pg_stat_activity where state = 'active' and query = $1", statement).Scan(&n); err != nil {
			t.Error(err)
			return
		}
	}
}

// TestCancelOfOthers: a key hits its own session only, and none after its end.
func TestCancelOfOthers(t *testing.T) {
	postgres(t)
	address := gateway(t, &scripted{budget: -1}, nil)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 15 {
				conn, err := pgx.Connect(t.Context(), "postgres://postgres@"+address+"/postgres?sslmode=disable")
				if err != nil {
					t.Error(err)
					return
				}
				var cancels sync.WaitGroup
				cancels.Go(func() { _ = conn.PgConn().CancelRequest(context.Background()) })
				conn.Close(context.Background())
				cancels.Wait()
			}
		})
	}
	victim := connect(t, address, "")
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for {
		if _, err := victim.Exec(t.Context(), "select pg_sleep(0.002)"); err != nil {
			t.Fatalf("a session that nobody cancelled: %v", err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestWrongCancelKey(t *testing.T) {
	postgres(t)
	address := gateway(t, &scripted{budget: -1}, nil)
	conn := connect(t, address, "")
	packet := []byte{0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 0, 1, 2, 3, 4}
	pid := conn.PgConn().PID()
	packet[8], packet[9], packet[10], packet[11] = byte(pid>>24), byte(pid>>16), byte(pid>>8), byte(pid)
	go func() { _, _ = io.ReadAll(dialRaw(t, address, packet)) }()
	_, err := conn.Exec(t.Context(), "select pg_sleep(0.3)")
	must(t, err)
}

// TestNamesCannotDeceive: rows are tied to the statement PostgreSQL runs, not
// to the last text that came with its name.
func TestNamesCannotDeceive(t *testing.T) {
	postgres(t)
	g := &scripted{budget: 0, decide: func(text string) (Decision, error) {
		d, err := metered(text)
		switch {
		case strings.HasPrefix(text, "select 2"): // the guard overlooks the second
			return Decision{Results: []Result{{}}}, nil
		case strings.HasPrefix(text, "prepare"):
			return Decision{Results: []Result{{Creates: &Created{Name: "p", Decision: d}}}}, nil
		case strings.HasPrefix(text, "declare"):
			return Decision{Results: []Result{{Creates: &Created{Name: "p", Cursor: true, Decision: d}}}}, nil
		}
		return d, err
	}}
	address := gateway(t, g, nil)
	raw := func(t *testing.T) *conversation { return begin(t, address) }
	t.Run("a second Parse that fails", func(t *testing.T) {
		c := raw(t)
		c.say(parseFrame("p", "select id from voter"), syncFrame(), parseFrame("p", "select 1"), syncFrame(), bindFrame("", "p"), executeFrame("", 0), syncFrame())
		c.expect(t, "1Z EZ 2EZ", "53400")
	})
	t.Run("without a Sync between", func(t *testing.T) {
		c := raw(t)
		c.say(parseFrame("p", "select id from voter"), syncFrame(), parseFrame("p", "select 1"), bindFrame("", "p"), executeFrame("", 0), syncFrame(), bindFrame("", "p"), executeFrame("", 0), syncFrame())
		c.expect(t, "1Z EZ 2EZ", "53400")
	})
	t.Run("SQL PREPARE", func(t *testing.T) {
		c := raw(t)
		c.say(parseFrame("p", "select 1"), syncFrame(), queryFrame("deallocate p"), queryFrame("prepare p as select id from voter"), bindFrame("", "p"), executeFrame("", 0), syncFrame())
		c.expect(t, "1Z CZ CZ 2EZ", "53400")
	})
	t.Run("SQL DECLARE", func(t *testing.T) {
		c := raw(t)
		c.say(queryFrame("begin"), queryFrame("declare p cursor for select id from voter"), executeFrame("p", 0), syncFrame())
		c.expect(t, "CZ CZ EZ", "53400")
	})
	t.Run("a statement nobody saw", func(t *testing.T) {
		c := raw(t)
		c.say(queryFrame("do $$ begin execute 'prepare q as select id from voter'; end $$"), bindFrame("", "q"), executeFrame("", 0), syncFrame())
		c.expect(t, "CZ 2EZ", "42501")
	})
	t.Run("a portal rebound", func(t *testing.T) {
		c := raw(t)
		c.say(parseFrame("a", "select 1"), parseFrame("b", "select id from voter"), bindFrame("p", "a"), executeFrame("p", 0), closeFrame('P', "p"), bindFrame("p", "b"), executeFrame("p", 0), syncFrame())
		c.expect(t, "112DC32EZ", "53400")
	})
	t.Run("COPY FROM with Syncs that are swallowed", func(t *testing.T) {
		c := raw(t)
		c.say(parseFrame("", "copy other from stdin"), bindFrame("", ""), executeFrame("", 0), syncFrame(),
			frameOf('d', "5\n"), frameOf('c', ""), syncFrame(),
			parseFrame("", "select id from voter"), bindFrame("", ""), executeFrame("", 0), syncFrame())
		c.expect(t, "12GCZ 12EZ", "53400")
	})
	t.Run("COPY FROM that fails with Syncs", func(t *testing.T) {
		c := raw(t)
		c.say(parseFrame("", "copy other from stdin"), bindFrame("", ""), executeFrame("", 0), syncFrame(),
			frameOf('d', "five\n"), frameOf('c', ""), syncFrame(),
			parseFrame("", "select id from voter"), bindFrame("", ""), executeFrame("", 0), syncFrame())
		c.expect(t, "12GEZ 12EZ", "53400")
	})
	t.Run("a refusal after them", func(t *testing.T) {
		c := raw(t)
		c.say(parseFrame("", "copy other from stdin"), bindFrame("", ""), executeFrame("", 0), syncFrame(),
			frameOf('d', "five\n"), frameOf('c', ""), syncFrame(), queryFrame("select forbidden"), parseFrame("", "select forbidden"), bindFrame("", ""), syncFrame())
		c.expect(t, "12GEZ EZ EZ", "42501")
	})
	t.Run("several statements in one text", func(t *testing.T) {
		c := raw(t)
		c.say(queryFrame("select 2; select id from voter"))
		c.expect(t, "TDCEZ", "42501")
	})
}

// TestStopInPipeline: what follows a stopped statement in its pipeline is
// either undone, or the session ends with the word that it is not known.
func TestStopInPipeline(t *testing.T) {
	s := postgres(t)
	for n := range 10 {
		c := begin(t, gateway(t, &scripted{budget: 0, decide: metered}, nil))
		c.say(parseFrame("", "select id from voter where id < 5"), bindFrame("", ""), executeFrame("", 0),
			parseFrame("", fmt.Sprintf("insert into other values (%d)", 500+n)), bindFrame("", ""), executeFrame("", 0), syncFrame())
		var last Fields
		ready := false
		for !ready {
			kind, frame, err := readFrame(c.in, maxLogin)
			if err != nil {
				break
			}
			ready = kind == 'Z'
			if kind == 'D' || kind == 'C' {
				t.Errorf("%q left", frame)
			}
			if kind == 'E' {
				f, err := parseFields(kind, frame[headSize:])
				must(t, err)
				last = *f
			}
		}
		committed := strings.TrimSpace(s.sql(t, fmt.Sprintf("select count(*) from other where n = %d", 500+n))) == "1"
		if ready && committed || !ready && last.Get('C') != codeUnknown {
			t.Errorf("ready %v, committed %v, last error %s", ready, committed, last.Get('C'))
		}
	}
}

// TestNothingIsSmuggled: a message of ours never falls into a client's frame,
// whose rest PostgreSQL would take for messages.
func TestNothingIsSmuggled(t *testing.T) {
	postgres(t)
	g := &scripted{budget: 0, decide: metered, block: make(chan struct{})}
	c := begin(t, gateway(t, g, nil))
	c.say(queryFrame("begin"), queryFrame("select id from voter where id < 5"))
	c.say(frameOf('d', strings.Repeat("x", 20_000))[:15_000]) // the rest does not come yet
	time.Sleep(100 * time.Millisecond)
	close(g.block)
	rest, _ := io.ReadAll(c.conn)
	if !bytes.Contains(rest, []byte(codeUnknown)) || bytes.Contains(rest, []byte("Name 1")) {
		t.Errorf("got %q", rest)
	}
}

func TestMaxRowsAndCursors(t *testing.T) {
	postgres(t)
	g := &scripted{budget: 25, decide: func(text string) (Decision, error) {
		if strings.HasPrefix(text, "fetch") {
			return Decision{Results: []Result{{Metered: true, KeyColumns: []int{0}}}}, nil
		}
		return metered(text)
	}}
	c := begin(t, gateway(t, g, nil))
	c.say(queryFrame("begin"), parseFrame("s", "select id from voter"), bindFrame("p", "s"), executeFrame("p", 10), syncFrame(), executeFrame("p", 10), syncFrame(), executeFrame("p", 10), syncFrame())
	c.expect(t, "CZ 12"+strings.Repeat("D", 10)+"sZ "+strings.Repeat("D", 10)+"sZ DDDDDEZ", "53400")
	if got := g.seen(); len(got) != 25 || got[24] != "25" {
		t.Errorf("keys %v", got)
	}
	g.mu.Lock()
	g.budget = 3
	g.mu.Unlock()
	c.say(queryFrame("rollback"), queryFrame("begin; declare c cursor for select id, name from voter_of_no_guard"), queryFrame("rollback"))
	c.expect(t, "CZ CEZ CZ", "42P01")
	c.say(queryFrame("begin"), queryFrame("declare c cursor for select id from public.voter"), queryFrame("fetch 2 from c"), queryFrame("fetch 2 from c"))
	c.expect(t, "CZ CZ TDDCZ TDEZ", "53400")
}

func TestFunctionCall(t *testing.T) {
	postgres(t)
	c := begin(t, gateway(t, &scripted{budget: -1}, nil))
	call := frameOf('F', "\x00\x00\x05\x2b\x00\x00\x00\x00\x00\x00")
	c.say(call, queryFrame("select 1"))
	c.expect(t, "EZ TDCZ", codeUnsupported)
}

func TestNotices(t *testing.T) {
	postgres(t)
	g := &scripted{budget: -1, notice: func(f *Fields) {
		if strings.Contains(f.Get('M'), "secret") {
			f.Set('M', "left out")
			f.Drop('D', 'W', 'q')
		}
	}}
	address := gateway(t, g, nil)
	conf, err := pgx.ParseConfig("postgres://postgres@" + address + "/postgres?sslmode=disable")
	must(t, err)
	var notices []string
	conf.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notices = append(notices, n.Message) }
	conn, err := pgx.ConnectConfig(t.Context(), conf)
	must(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "do $$ begin raise notice 'secret %', 1; raise notice 'fine'; end $$")
	must(t, err)
	if got := strings.Join(notices, ","); got != "left out,fine" {
		t.Errorf("notices %s", got)
	}
	_, err = conn.Exec(t.Context(), "do $$ begin raise exception 'secret 2'; end $$")
	if !strings.Contains(fmt.Sprint(err), "left out") {
		t.Errorf("got %v", err)
	}
}

func TestLargeMessages(t *testing.T) {
	postgres(t)
	g := &scripted{budget: -1, decide: metered}
	address := gateway(t, g, func(c *Config) { c.MaxMessageMB, c.MaxRowMB = 2, 2 })
	conn := connect(t, address, "default_query_exec_mode=exec")
	var n int
	must(t, conn.QueryRow(t.Context(), "select length(repeat('x', 40000000))").Scan(&n))
	var long string
	must(t, conn.QueryRow(t.Context(), "select repeat('x', 40000000)").Scan(&long)) // passes unread, whatever its size
	if len(long) != 40000000 {
		t.Errorf("%d bytes came", len(long))
	}
	var id int
	must(t, conn.QueryRow(t.Context(), "select id, repeat('x', 1000000) from voter where id = 7").Scan(&id, nil))
	err := conn.QueryRow(t.Context(), "select id, repeat('x', 4000000) from voter where id = 8").Scan(&id, nil)
	if code(err) != codeTooLarge {
		t.Errorf("a row too large to meter: %v", err)
	}
	must(t, conn.Ping(t.Context()))
	_, err = conn.Exec(t.Context(), "select '"+strings.Repeat("x", 3<<20)+"'")
	if code(err) != codeTooLarge {
		t.Errorf("a statement too large: %v", err)
	}
	if got := strings.Join(g.seen(), ","); got != "7" {
		t.Errorf("keys %s", got)
	}
}

func TestSlowClient(t *testing.T) {
	postgres(t)
	g := &scripted{budget: -1}
	address := gateway(t, g, func(c *Config) { c.StallSeconds = 1 })
	c := begin(t, address)
	c.say(queryFrame("select repeat('x', 1000) from generate_series(1, 100000)"))
	time.Sleep(2500 * time.Millisecond) // takes nothing
	_, err := io.Copy(io.Discard, c.conn)
	if isTimeout(err) {
		t.Error("a client that takes no rows is kept")
	}
}

func TestShutdownTellsClients(t *testing.T) {
	s := postgres(t)
	cfg := DefaultConfig()
	cfg.Listen, cfg.Upstream = "127.0.0.1:0", s.address()
	g, err := New(cfg, &scripted{budget: -1}, discard())
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	l, err := g.Listen(ctx)
	must(t, err)
	done := make(chan error)
	go func() { done <- g.Serve(ctx, l) }()
	c := begin(t, l.Addr().String())
	stop()
	must(t, <-done)
	rest, _ := io.ReadAll(c.conn)
	if !bytes.Contains(rest, []byte(codeShutdown)) {
		t.Errorf("got %q", rest)
	}
}

// TestMalformedFrames: whatever a client sends after the login, the session
// ends with a word and nothing else is harmed.
func TestMalformedFrames(t *testing.T) {
	postgres(t)
	address := gateway(t, &scripted{budget: -1, decide: metered}, nil)
	for name, raw := range map[string][]byte{
		"2 GB":             {'Q', 0x7f, 0xff, 0xff, 0xff, 'x'},
		"4 GB":             {'Q', 0xff, 0xff, 0xff, 0xff, 'x'},
		"length 3":         {'Q', 0, 0, 0, 3},
		"unknown type":     {'?', 0, 0, 0, 4},
		"query, no end":    {'Q', 0, 0, 0, 5, 'x'},
		"query, more":      {'Q', 0, 0, 0, 8, 'x', 0, 'y', 0},
		"parse, no end":    {'P', 0, 0, 0, 5, 'x'},
		"bind, no end":     {'B', 0, 0, 0, 5, 'x'},
		"describe nothing": {'D', 0, 0, 0, 4},
		"describe ?":       {'D', 0, 0, 0, 6, '?', 0},
		"execute, no end":  {'E', 0, 0, 0, 4},
		"sync with a body": {'S', 0, 0, 0, 5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := begin(t, address)
			c.say(raw)
			rest, _ := io.ReadAll(c.conn)
			if !bytes.Contains(rest, []byte(codeProtocol)) && !bytes.Contains(rest, []byte(codeTooLarge)) {
				t.Errorf("got %q", rest)
			}
		})
	}
	must(t, connect(t, address, "").Ping(t.Context()))
}

// stub answers logins and queries as PostgreSQL would, without its processes.
func stub(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	greeting := append(frameOf('R', "\x00\x00\x00\x00"), append(frameOf('K', "\x00\x00\x00\x01abcd"), frameOf('Z', "I")...)...)
	answer := append(bytes.Repeat(frameOf('D', "\x00\x01\x00\x00\x04\x00"+strings.Repeat("x", 1024)), 100), append(frameOf('C', "SELECT 100\x00"), frameOf('Z', "I")...)...)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, _, err := readPacket(conn); err != nil {
					return
				}
				_, _ = conn.Write(greeting)
				var b [64]byte
				for {
					if _, err := conn.Read(b[:]); err != nil {
						return
					}
					_, _ = conn.Write(answer)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestManyConnections holds 5,000 sessions (fewer where the process may not
// have four descriptors for each) that have each had a large result, and
// bounds what an idle one holds: both ends and the stub are counted too.
func TestManyConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("takes thousands of connections")
	}
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	n := min(5000, int(limit.Cur-400)/4)
	to := stub(t)
	address := gateway(t, &scripted{budget: -1}, func(c *Config) { c.Upstream = to })
	before := held()
	all := make([]net.Conn, n)
	done, pool := 0, newBuffers()
	for i := range all {
		all[i] = dialRaw(t, address, startPacket(major<<16, "user", "postgres"))
		must(t, all[i].SetDeadline(time.Now().Add(5*time.Minute)))
		in := newInbound(all[i], pool)
		for {
			kind, _, err := readFrame(in, hugeSize)
			must(t, err)
			if kind == 'Z' && done == 1 {
				break
			}
			if kind == 'Z' {
				_, err := all[i].Write(queryFrame("select"))
				must(t, err)
				done++
			}
		}
		done = 0
		in.close()
	}
	each := (held() - before) / int64(n)
	t.Logf("%d sessions, %d bytes each, with both their peers", n, each)
	if each > 80<<10 {
		t.Errorf("an idle session holds %d bytes", each)
	}
}

// held is how much memory the process holds after a collection.
func held() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
