package imap

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// guard is a connection that ends when the server is silent although it should
// speak, or says more than it was asked for. The library waits for answers
// without end, so this is where a half-open connection is noticed; and it wraps no causes, so they are kept here.
type guard struct {
	net.Conn
	timeout time.Duration

	mu       sync.Mutex
	waiting  bool   // guarded by mu: the server is to speak
	left     int64  // guarded by mu: bytes that it may still say
	why      error  // guarded by mu: what ended the connection first
	lastLine []byte // guarded by mu: the end of what it said
}

const (
	// answerBytes bounds an answer that holds no mail: a list of 100,000 folders is 10 MB, the UIDs of ten million messages are 80.
	answerBytes  = 128 << 20
	maxByeLine   = 400
	writeTimeout = 30 * time.Second
)

// tooMuch says that a server does not keep to what was asked of it.
var errTooMuch = errors.New("the server sent far more than it was asked for; it is not trusted any further")

func newGuard(conn net.Conn, timeout time.Duration) *guard {
	g := &guard{Conn: conn, timeout: timeout}
	g.expect(answerBytes)
	return g
}

// expect says that the server is to speak from now on, and at most so many bytes.
func (g *guard) expect(limit int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting, g.left = true, limit
	_ = g.Conn.SetReadDeadline(time.Now().Add(g.timeout)) // a connection that is closed says so by itself
}

// relax says that the server owes nothing.
func (g *guard) relax() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting, g.left = false, answerBytes
	_ = g.Conn.SetReadDeadline(time.Time{})
}

// Read reads within the bounds.
func (g *guard) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left -= int64(n); g.left < 0 && err == nil {
		err = errTooMuch
		_ = g.Conn.Close()
	}
	if n > 0 {
		g.remember(b[:n])
		if g.waiting {
			_ = g.Conn.SetReadDeadline(time.Now().Add(g.timeout))
		}
	}
	if err != nil && g.why == nil {
		g.why = g.readError(err)
	}
	return n, err
}

// readError is why a connection ended; mu is held.
func (g *guard) readError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the server has said nothing for %v although it was asked: %w", g.timeout, err)
	}
	if bye := g.farewell(); bye != nil {
		return bye
	}
	return err
}

// farewell is what the server said when it hung up, nil if it said nothing like that; mu is held.
func (g *guard) farewell() error {
	if line := bytes.TrimSpace(g.lastLine); bytes.HasPrefix(bytes.ToUpper(line), []byte("* BYE")) {
		return &byeError{text: string(bytes.ToValidUTF8(line[len("* BYE"):], []byte("?")))}
	}
	return nil
}

// bye is what the server said when it hung up: the library may end a connection for it before anything else does.
func (g *guard) bye() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.farewell()
}

// byeError is what a server said when it hung up (RFC 9051 §7.1.5).
type byeError struct{ text string }

func (e *byeError) Error() string { return fmt.Sprintf("the server hung up:%q", e.text) }

// remember keeps the last line; mu is held.
func (g *guard) remember(b []byte) {
	b = b[max(0, len(b)-2*maxByeLine):]
	whole := append(g.lastLine, b...)
	trimmed := bytes.TrimRight(whole, "\r\n")
	if i := bytes.LastIndexByte(trimmed, '\n'); i >= 0 {
		whole = whole[i+1:]
	}
	g.lastLine = append(g.lastLine[:0], whole[max(0, len(whole)-maxByeLine):]...)
}

// SetReadDeadline is the library's, whose deadlines are not ours.
func (g *guard) SetReadDeadline(time.Time) error { return nil }

// Write gives up on a peer that takes nothing.
func (g *guard) Write(b []byte) (int, error) {
	if err := g.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	n, err := g.Conn.Write(b)
	if err != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.why == nil {
			g.why = err
		}
	}
	return n, err
}

// cut ends the connection, and says why.
func (g *guard) cut(why error) {
	g.mu.Lock()
	if g.why == nil {
		g.why = why
	}
	g.mu.Unlock()
	_ = g.Conn.Close()
}

// ended is why the connection ended, nil if it did not.
func (g *guard) ended() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.why
}
