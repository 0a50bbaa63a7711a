package wire

import (
	"net"
	"runtime"
	"sync"
)

// wheels are a server's. One keeps up with PostgreSQL on two cores.
type wheels struct {
	mu     sync.Mutex // guards what follows
	all    []*wheel
	next   int
	closed bool
}

// wheelFor puts a session's sockets into a form that wheels take, if both are
// bare ones and the guard's session never waits without a word. Otherwise it is nil.
func (s *Server) wheelFor(x *session) *wheel {
	if !x.leaves || !isBare(x.client) || !isBare(x.upstream) {
		return nil
	}
	w := s.wheels.pick()
	if w == nil {
		return nil
	}
	patience := s.cfg.stall()
	client, err := newBare(x.client, x.leave, patience)
	if err != nil {
		return nil
	}
	upstream, err := newBare(x.upstream, x.leave, patience)
	if err != nil {
		client.giveBack()
		return nil
	}
	x.client.Close()
	x.upstream.Close()
	x.client, x.upstream, x.up.conn = client, upstream, upstream
	x.up.patience = 0 // theirs
	x.fromClient.conn, x.fromClient.sock = client, newSocket(client)
	x.fromPostgres.conn, x.fromPostgres.sock = upstream, newSocket(upstream)
	return w
}

func isBare(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

func (s *wheels) pick() *wheel {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if most := max(1, (runtime.GOMAXPROCS(0)-1)/2); len(s.all) < most {
		w, err := newWheel()
		if err != nil {
			return nil
		}
		s.all = append(s.all, w)
	}
	s.next++
	return s.all[s.next%len(s.all)]
}

func (s *wheels) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, w := range s.all {
		w.close()
	}
	s.all = nil
}
