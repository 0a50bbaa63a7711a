package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Authentication requests (PostgreSQL manual, "Message Formats").
const (
	authOK        = 0
	authSASL      = 10
	authSASLFinal = 12

	maxLogin  = 64 << 10 // one message of the login; GSSAPI tokens are the largest
	maxGreets = 1000     // messages before the first ReadyForQuery
)

var errLogin = errors.New("the login was not completed")

// login passes messages between a client and PostgreSQL until PostgreSQL is
// ready for the first query. The gateway knows no password: it only carries.
type login struct {
	client, backend *inbound
	conn, upstream  net.Conn
	keepPlus        bool

	// greeting is what PostgreSQL says after the login. It is held back until
	// the guard has let the session begin.
	greeting []byte
	reported map[string]string
	pid      uint32
	key      []byte
	keyAt    int // where in greeting the key's message is; -1 without
	version  uint32
}

func newLogin(c *caller, upstream net.Conn, pool *buffers, keepPlus bool) *login {
	return &login{
		client: newInbound(c.conn, pool), backend: newInbound(upstream, pool), conn: c.conn, upstream: upstream,
		keepPlus: keepPlus, reported: map[string]string{}, keyAt: -1, version: c.start.version,
	}
}

// run returns once ReadyForQuery has come. errLogin says that PostgreSQL has
// told the client why not.
func (l *login) run() error {
	for range maxGreets {
		kind, frame, err := readFrame(l.backend, maxLogin)
		if err != nil {
			return err
		}
		done, err := l.step(kind, frame)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: PostgreSQL sends no end of greetings", errFrame)
}

func (l *login) step(kind byte, frame []byte) (done bool, err error) {
	body := frame[headSize:]
	switch kind {
	case 'R':
		return false, l.authenticate(frame)
	case 'E':
		_, err := l.conn.Write(frame)
		return false, errors.Join(errLogin, err)
	case 'v':
		var v pgproto3.NegotiateProtocolVersion
		if err := v.Decode(body); err != nil {
			return false, fmt.Errorf("read NegotiateProtocolVersion: %w", err)
		}
		l.version = major<<16 | uint32(v.NewestMinorProtocol)&0xffff
		_, err := l.conn.Write(frame)
		return false, err
	case 'S':
		if name, value, ok := status(body); ok {
			l.reported[name] = value
		}
	case 'K':
		var k pgproto3.BackendKeyData
		if err := k.Decode(body); err != nil {
			return false, fmt.Errorf("read BackendKeyData: %w", err)
		}
		l.pid, l.key, l.keyAt = k.ProcessID, bytes.Clone(k.SecretKey), len(l.greeting)
	case 'N', 'Z':
	default:
		return false, fmt.Errorf("%w: %q during the login", errFrame, kind)
	}
	l.greeting = append(l.greeting, frame...)
	return kind == 'Z', nil
}

// authenticate passes a request on and, if it wants an answer, the answer back.
func (l *login) authenticate(frame []byte) error {
	if len(frame) < headSize+4 {
		return fmt.Errorf("%w: a short Authentication", errFrame)
	}
	request := binary.BigEndian.Uint32(frame[headSize:])
	switch {
	case request == authOK: // held back: PostgreSQL's word that the login is good is not yet ours
		l.greeting = append(l.greeting, frame...)
		return nil
	case request == authSASL && !l.keepPlus:
		body := withoutPlus(frame[headSize:])
		frame = message(nil, 'R', func(b []byte) []byte { return append(b, body...) })
	}
	if _, err := l.conn.Write(frame); err != nil || request == authSASLFinal {
		return err
	}
	kind, answer, err := readFrame(l.client, maxLogin)
	if err != nil {
		return err
	}
	if kind != 'p' {
		return fmt.Errorf("%w: %q instead of a password message", errFrame, kind)
	}
	_, err = l.upstream.Write(answer)
	return err
}

// readFrame reads one whole frame; it is valid until the next.
func readFrame(in *inbound, limit int) (byte, []byte, error) {
	for {
		kind, size, whole, err := in.next()
		if err == nil && size > limit {
			err = fmt.Errorf("%w: %d bytes of %q during the login", errFrame, size, kind)
		}
		if err != nil {
			return 0, nil, err
		}
		if whole {
			in.r += size
			return kind, in.buf[in.r-size : in.r], nil
		}
		if err := in.fill(); err != nil {
			return 0, nil, err
		}
	}
}

// status reads a ParameterStatus.
func status(body []byte) (name, value string, ok bool) {
	n, rest, ok := cstring(body)
	if !ok {
		return "", "", false
	}
	v, _, ok := cstring(rest)
	return string(n), string(v), ok
}

// who says who begins.
func (l *login) who(c *caller) Start {
	_, secure := c.conn.(*tls.Conn)
	p := c.start.params
	database := p["database"]
	if database == "" {
		database = p["user"] // PostgreSQL's own default
	}
	return Start{
		User: p["user"], Database: database, Application: p["application_name"], Remote: hostOf(c.conn), TLS: secure, ClientCert: c.cert,
		Parameters: p, Reported: l.reported, Version: l.version, BackendPID: l.pid,
	}
}

// admit tells the client that it is in, with our key in place of PostgreSQL's.
func (l *login) admit(key []byte) error {
	if l.keyAt >= 0 {
		copy(l.greeting[l.keyAt+headSize+4:], key)
	}
	_, err := l.conn.Write(l.greeting)
	return err
}

// begin asks the guard.
func (s *Server) begin(ctx context.Context, l *login, c *caller) (Session, *Refusal) {
	session, err := s.guard.Begin(ctx, l.who(c))
	if err == nil {
		return session, nil
	}
	var known *Refusal
	if !errors.As(err, &known) {
		s.log.Error("a session could not begin", "user", c.start.params["user"], "error", err)
	}
	refusal := *refusalOf(err)
	refusal.Fatal = true
	return nil, &refusal
}
