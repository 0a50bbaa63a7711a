package imap

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between a client and a server, hears what is said, and harms it.
type proxy struct {
	net.Listener
	to string

	mu    sync.Mutex
	said  bytes.Buffer  // guarded by mu: by the client
	cut   int64         // guarded by mu: hang up after so many bytes of the server's; below 0: never
	stall int64         // guarded by mu: say nothing more after so many; below 0: never
	once  bool          // guarded by mu: only on the next connection
	freed chan struct{} // closed at the end: stalled connections end
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, to: to, cut: -1, stall: -1, freed: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() { close(p.freed); _ = l.Close(); wg.Wait() })
	return p
}

func (p *proxy) port() int { return p.Addr().(*net.TCPAddr).Port }

// harm cuts or stalls connections after so many bytes of the server's; below 0: not at all.
func (p *proxy) harm(cut, stall int64, once bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.stall, p.once = cut, stall, once
}

func (p *proxy) heard() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	cut, stall := p.cut, p.stall
	if p.once {
		p.cut, p.stall = -1, -1
	}
	p.mu.Unlock()
	go func() {
		defer server.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := client.Read(buf)
			p.mu.Lock()
			p.said.Write(buf[:n])
			p.mu.Unlock()
			if _, werr := server.Write(buf[:n]); err != nil || werr != nil {
				return
			}
		}
	}()
	switch {
	case cut >= 0:
		_, _ = io.CopyN(client, server, cut)
	case stall >= 0:
		_, _ = io.CopyN(client, server, stall)
		<-p.freed
	default:
		go func() { <-p.freed; _ = client.Close(); _ = server.Close() }()
		_, _ = io.Copy(client, server)
	}
}

// scripted is a server that says what a test tells it to.
func scripted(t testing.TB, serve func(conn net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
				serve(conn)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().(*net.TCPAddr).Port
}
