package wire

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

var noDeadline time.Time

// Server is the gateway.
type Server struct {
	cfg         Config
	guard       Guard
	log         *slog.Logger
	tls         *tls.Config // for clients; nil: none
	upstreamTLS *tls.Config
	dialer      net.Dialer
	pool        *buffers
	clients     atomic.Int64
	wheels      wheels
	ending      time.Duration // how long a session that we end waits for what stands before its end

	mu    sync.Mutex // guards byKey
	byKey map[string]*session
}

// keepalive finds peers that have gone without a word within two minutes.
var keepalive = net.KeepAliveConfig{Enable: true, Idle: 60 * time.Second, Interval: 15 * time.Second, Count: 4}

// New makes a gateway; Serve runs it.
func New(cfg Config, guard Guard, log *slog.Logger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, guard: guard, log: log, pool: newBuffers(), byKey: map[string]*session{}, ending: ending,
		dialer: net.Dialer{Timeout: 15 * time.Second, KeepAliveConfig: keepalive},
	}
	var err error
	if s.tls, err = cfg.serverTLS(); err != nil {
		return nil, err
	}
	s.upstreamTLS, err = cfg.clientTLS()
	return s, err
}

// Listen opens the configured address.
func (s *Server) Listen(ctx context.Context) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepalive}
	l, err := lc.Listen(ctx, network(s.cfg.Listen), s.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("register: listen for PostgreSQL's clients: %w", err)
	}
	return l, nil
}

// Clients is how many are connected.
func (s *Server) Clients() int { return int(s.clients.Load()) }

// Serve takes clients until the context ends, then ends their sessions and
// returns when all are gone.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	closed := context.AfterFunc(ctx, func() { l.Close() })
	defer closed()
	defer s.wheels.close()
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer stop()
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("register: listener closed: %w", err)
		case err != nil: // out of file descriptors, most likely: others will close
			s.log.Error("a client could not be accepted", "error", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		sessions.Go(func() { s.serve(ctx, conn) })
	}
}

// serve is one connection from its first byte to its last.
func (s *Server) serve(ctx context.Context, conn net.Conn) {
	defer s.clients.Add(-1)
	defer conn.Close()
	defer func() {
		if fault := recover(); fault != nil {
			s.log.Error("a connection ended by a fault", "fault", fault, "stack", string(debug.Stack()))
		}
	}()
	n := s.clients.Add(1)
	if int(n) > 2*s.cfg.MaxConnections { // who has not logged in counts too, up to here
		return
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	stopped := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stopped()
	_ = conn.SetDeadline(time.Now().Add(s.cfg.login()))
	c, err := s.greet(ctx, conn)
	if err != nil {
		s.tellStart(c, err)
		return
	}
	if c.cancel != nil {
		s.cancelRequest(ctx, c.cancel)
		return
	}
	if int(n) > s.cfg.MaxConnections {
		s.tell(c.conn, &Refusal{Fatal: true, Code: codeTooMany, Message: "too many clients of the register guard", Hint: "Close sessions, or raise max_connections."})
		return
	}
	if refusal := s.refused(c); refusal != nil {
		s.tell(c.conn, refusal)
		return
	}
	s.connect(ctx, c)
}

// tellStart answers a start-up that could not be read. A port scanner gets
// silence, a client of another protocol a sentence.
func (s *Server) tellStart(c *caller, err error) {
	if errors.Is(err, errStartup) {
		s.log.Info("a client was turned away", "client", hostOf(c.conn), "error", err)
		s.tell(c.conn, &Refusal{Fatal: true, Code: codeProtocol, Message: "the register guard could not read the start of the session: " + err.Error()})
	}
}

func (s *Server) tell(conn net.Conn, r *Refusal) {
	_, _ = conn.Write(r.append(nil)) // the session ends either way
}

// connect opens PostgreSQL for a client, carries the login and runs the session.
func (s *Server) connect(ctx context.Context, c *caller) {
	limit, end := context.WithTimeout(ctx, s.cfg.login())
	upstream, err := s.dial(limit)
	end()
	if err != nil {
		s.log.Error("PostgreSQL could not be reached", "upstream", s.cfg.Upstream, "error", err)
		s.tell(c.conn, &Refusal{Fatal: true, Code: codeConnect, Message: "the register guard cannot reach PostgreSQL"})
		return
	}
	defer upstream.Close()
	_ = upstream.SetDeadline(time.Now().Add(s.cfg.login()))
	stopped := context.AfterFunc(ctx, func() { upstream.Close() })
	l := newLogin(c, upstream, s.pool, sameCertificate(s.tls, upstream))
	if _, err = upstream.Write(c.start.raw); err == nil {
		err = l.run()
	}
	stopped()
	if err != nil {
		l.client.close()
		l.backend.close()
		s.tellLogin(c, err)
		return
	}
	_ = upstream.SetDeadline(noDeadline)
	_ = c.conn.SetDeadline(noDeadline)
	s.run(ctx, l, c)
}

func (s *Server) tellLogin(c *caller, err error) {
	if errors.Is(err, errLogin) {
		return
	}
	s.log.Info("a login failed", "client", hostOf(c.conn), "user", c.start.params["user"], "error", err)
	s.tell(c.conn, &Refusal{Fatal: true, Code: codeLost, Message: "the login was not completed"})
}

// run asks the guard and moves messages until the session ends.
func (s *Server) run(ctx context.Context, l *login, c *caller) {
	guarded, refusal := s.begin(ctx, l, c)
	if refusal != nil {
		s.tell(c.conn, refusal)
		l.client.close()
		l.backend.close()
		return
	}
	x := newSession(s, l, guarded)
	key := s.register(x, l)
	if err := l.admit(key); err == nil {
		l.greeting = nil
		x.run(ctx)
	}
	s.unregister(x, key, l.pid)
	guarded.End()
}

// register gives the session a cancel key of its own, as long as
// PostgreSQL's. The process id stays PostgreSQL's: clients compare it with
// pg_backend_pid().
func (s *Server) register(x *session, l *login) []byte {
	x.pid, x.upstreamKey = l.pid, l.key
	if l.keyAt < 0 {
		return nil
	}
	key := make([]byte, len(l.key))
	_, _ = rand.Read(key) // never fails
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byKey[cancelKey(l.pid, key)] = x
	return key
}

// unregister waits for a cancel under way: while it holds the session,
// PostgreSQL's process is there and its id no other's.
func (s *Server) unregister(x *session, key []byte, pid uint32) {
	s.mu.Lock()
	delete(s.byKey, cancelKey(pid, key))
	s.mu.Unlock()
	x.cancelling.Lock()
	x.ended = true
	x.cancelling.Unlock()
}

func cancelKey(pid uint32, key []byte) string {
	return string(append(binary.BigEndian.AppendUint32(nil, pid), key...))
}

// cancelRequest carries a client's cancel out. As PostgreSQL does, nothing is
// answered, and the connection is closed when the signal has been sent.
func (s *Server) cancelRequest(ctx context.Context, who []byte) {
	s.mu.Lock()
	x := s.byKey[string(who)]
	s.mu.Unlock()
	if x == nil {
		s.log.Info("a cancel request names no session")
		return
	}
	if err := x.cancel(ctx); err != nil {
		s.log.Warn("a cancel request failed", "error", err)
	}
}

// cancelTime bounds a cancel: dial, request, close.
const cancelTime = 10 * time.Second

// cancel asks PostgreSQL to cancel what the session runs, over a connection
// of its own and with the same TLS. When it returns nil, PostgreSQL has sent
// the signal: it closes the connection only after that.
func (x *session) cancel(ctx context.Context) error {
	x.cancelling.Lock()
	defer x.cancelling.Unlock()
	if x.ended || len(x.upstreamKey) == 0 {
		return nil
	}
	ctx, end := context.WithTimeout(ctx, cancelTime)
	defer end()
	conn, err := x.server.dial(ctx)
	if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(cancelTime))
	packet := binary.BigEndian.AppendUint32(nil, uint32(12+len(x.upstreamKey)))
	packet = binary.BigEndian.AppendUint32(packet, codeCancel)
	packet = binary.BigEndian.AppendUint32(packet, x.pid)
	if _, err := conn.Write(append(packet, x.upstreamKey...)); err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	var none [1]byte
	if n, err := conn.Read(none[:]); n != 0 || isTimeout(err) {
		return errors.New("cancel: PostgreSQL did not take the request")
	}
	return nil
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
