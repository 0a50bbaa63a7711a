package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// What the first packet of a connection can be, by its code (PostgreSQL
// manual, "Message Formats": StartupMessage, SSLRequest, GSSENCRequest,
// CancelRequest).
const (
	codeCancel = 80877102
	codeSSL    = 80877103
	codeGSS    = 80877104
	major      = 3

	maxStartup = 10_000 // PostgreSQL's MAX_STARTUP_PACKET_LENGTH
	tlsRecord  = 0x16   // the first byte of a TLS handshake (RFC 8446 §5.1)
)

var errStartup = errors.New("malformed start-up packet")

// startup is a parsed StartupMessage.
type startup struct {
	raw     []byte // with its length, as it goes to PostgreSQL
	version uint32
	params  map[string]string
}

// readPacket reads one packet of the start, without buffering: what follows
// an SSLRequest must be read by TLS only, or somebody between could put
// statements before the handshake (CVE-2021-23214).
func readPacket(r io.Reader) (raw []byte, code uint32, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length < 8 || length > maxStartup {
		return nil, 0, fmt.Errorf("%w: it says it is %d bytes long", errStartup, length)
	}
	raw = make([]byte, length)
	copy(raw, head[:])
	if _, err := io.ReadFull(r, raw[8:]); err != nil {
		return nil, 0, err
	}
	return raw, binary.BigEndian.Uint32(head[4:]), nil
}

// parseStartup reads the parameters. PostgreSQL takes the last of a name that
// comes twice; what is judged must be what is used, so twice is an error.
func parseStartup(raw []byte, version uint32) (*startup, error) {
	s := &startup{raw: raw, version: version, params: map[string]string{}}
	if version>>16 != major {
		return nil, fmt.Errorf("%w: protocol %d.%d is not 3", errStartup, version>>16, version&0xffff)
	}
	rest := raw[8:]
	for len(rest) > 0 && rest[0] != 0 {
		name, after, ok := cstring(rest)
		if !ok {
			return nil, fmt.Errorf("%w: a name does not end", errStartup)
		}
		value, after, ok := cstring(after)
		if !ok {
			return nil, fmt.Errorf("%w: the value of %q does not end", errStartup, name)
		}
		if _, twice := s.params[string(name)]; twice {
			return nil, fmt.Errorf("%w: %q comes twice", errStartup, name)
		}
		s.params[string(name)] = string(value)
		rest = after
	}
	if len(rest) != 1 {
		return nil, fmt.Errorf("%w: it has no end", errStartup)
	}
	if s.params["user"] == "" {
		return nil, fmt.Errorf("%w: it names no user", errStartup)
	}
	return s, nil
}

// replicates says whether PostgreSQL would start a walsender: "database", or
// what its parse_bool does not take for false.
func (s *startup) replicates() bool {
	value, set := s.params["replication"]
	value = strings.ToLower(value)
	for _, no := range []string{"false", "no", "off", "0"} {
		if value != "" && value != "o" && strings.HasPrefix(no, value) {
			return false
		}
	}
	return set
}

// caller is a client whose start-up packet has been read.
type caller struct {
	conn   net.Conn
	start  *startup
	cancel []byte // a CancelRequest instead of a start: process id and key
	cert   string
}

// greet answers requests for encryption until the start-up packet comes.
func (s *Server) greet(ctx context.Context, conn net.Conn) (*caller, error) {
	c := &caller{conn: conn}
	first := bufio.NewReaderSize(conn, 16) // only ever peeks one byte
	if b, err := first.Peek(1); err != nil {
		return c, err
	} else if b[0] == tlsRecord {
		return c, s.directTLS(ctx, c, first)
	}
	return c, s.negotiate(ctx, c, &oneByteAhead{first, conn})
}

// oneByteAhead reads what a peek took, then the connection.
type oneByteAhead struct {
	ahead *bufio.Reader
	conn  net.Conn
}

func (o *oneByteAhead) Read(p []byte) (int, error) {
	if n := o.ahead.Buffered(); n > 0 {
		return o.ahead.Read(p[:min(n, len(p))])
	}
	return o.conn.Read(p)
}

// peeked is a connection of which some bytes were read ahead.
type peeked struct {
	net.Conn
	r io.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// directTLS is a handshake without asking, which must name the protocol so
// that no other protocol's TLS can be turned on us.
func (s *Server) directTLS(ctx context.Context, c *caller, first *bufio.Reader) error {
	if s.tls == nil {
		return fmt.Errorf("%w: a client began TLS, and the guard has no certificate", errStartup)
	}
	if err := s.handshake(ctx, c, &peeked{c.conn, &oneByteAhead{first, c.conn}}); err != nil {
		return err
	}
	if got := c.conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != alpn {
		return fmt.Errorf("%w: direct TLS without ALPN %q", errStartup, alpn)
	}
	return s.negotiate(ctx, c, c.conn)
}

func (s *Server) handshake(ctx context.Context, c *caller, conn net.Conn) error {
	secure := tls.Server(conn, s.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS with a client: %w", err)
	}
	c.conn = secure
	if certs := secure.ConnectionState().VerifiedChains; len(certs) > 0 {
		c.cert = certs[0][0].Subject.CommonName
	}
	return nil
}

// negotiate reads packets until one begins a session. PostgreSQL takes one
// request of each kind of encryption; so do we.
func (s *Server) negotiate(ctx context.Context, c *caller, r io.Reader) error {
	for range 3 {
		raw, code, err := readPacket(r)
		if err != nil {
			return err
		}
		switch code {
		case codeSSL:
			if r, err = s.answerSSL(ctx, c, r); err != nil {
				return err
			}
		case codeGSS:
			if _, err := c.conn.Write([]byte{'N'}); err != nil {
				return err
			}
		case codeCancel:
			c.cancel = raw[8:]
			return nil
		default:
			c.start, err = parseStartup(raw, code)
			return err
		}
	}
	return fmt.Errorf("%w: encryption asked for again and again", errStartup)
}

func (s *Server) answerSSL(ctx context.Context, c *caller, r io.Reader) (io.Reader, error) {
	_, secure := c.conn.(*tls.Conn)
	if s.tls == nil || secure {
		_, err := c.conn.Write([]byte{'N'})
		return r, err
	}
	if ahead, ok := r.(*oneByteAhead); ok && ahead.ahead.Buffered() > 0 {
		return r, fmt.Errorf("%w: bytes before TLS", errStartup)
	}
	if _, err := c.conn.Write([]byte{'S'}); err != nil {
		return r, err
	}
	err := s.handshake(ctx, c, c.conn)
	return c.conn, err
}

// refused says why a start is not let through, nil if it is.
func (s *Server) refused(c *caller) *Refusal {
	_, secure := c.conn.(*tls.Conn)
	switch {
	case s.cfg.requireTLS() && !secure:
		return &Refusal{Fatal: true, Code: codeAuth, Message: "the register guard wants TLS", Hint: "Connect with sslmode=verify-full."}
	case c.start.replicates() && !s.cfg.AllowReplication:
		return &Refusal{
			Fatal: true, Code: codeUnsupported, Message: "replication does not pass the register guard: it would copy everything unmetered",
			Hint: "Connect replicas and backups to PostgreSQL itself, from where its pg_hba.conf allows it.",
		}
	}
	return nil
}

// dial opens a connection to PostgreSQL, with TLS if it is to have it.
func (s *Server) dial(ctx context.Context) (net.Conn, error) {
	conn, err := s.dialer.DialContext(ctx, network(s.cfg.Upstream), s.cfg.Upstream)
	if err != nil || s.upstreamTLS == nil {
		return conn, err
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	secure, err := s.secure(ctx, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(noDeadline)
	return secure, nil
}

func (s *Server) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if !s.cfg.UpstreamDirect {
		if _, err := conn.Write(binary.BigEndian.AppendUint32([]byte{0, 0, 0, 8}, codeSSL)); err != nil {
			return nil, err
		}
		var answer [1]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			return nil, err
		}
		if answer[0] != 'S' {
			return nil, errors.New("PostgreSQL does not offer TLS: set ssl = on there, or upstream_tls = \"disable\" here")
		}
	}
	secure := tls.Client(conn, s.upstreamTLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS with PostgreSQL (upstream_tls = %q): %w", s.cfg.upstreamMode(), err)
	}
	if s.cfg.UpstreamDirect && secure.ConnectionState().NegotiatedProtocol != alpn {
		return nil, errors.New("PostgreSQL did not agree on ALPN \"postgresql\": it is older than 17; set upstream_direct = false")
	}
	return secure, nil
}

// plusMechanism is SCRAM with channel binding (RFC 5802 §4).
var plusMechanism = []byte("SCRAM-SHA-256-PLUS")

// withoutPlus takes channel binding out of an AuthenticationSASL's list where
// the two ends don't see one certificate: it could only fail.
func withoutPlus(body []byte) []byte {
	var kept []byte
	list := body[4:]
	for len(list) > 0 && list[0] != 0 {
		name, rest, ok := cstring(list)
		if !ok {
			return body
		}
		if !bytes.Equal(name, plusMechanism) {
			kept = append(append(kept, name...), 0)
		}
		list = rest
	}
	return append(append(bytes.Clone(body[:4]), kept...), 0)
}
