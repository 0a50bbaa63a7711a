package imap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"portcullis.example/portcullis/internal/mail/remote"
)

// connection is one to a mailbox.
type connection struct {
	*imapclient.Client
	guard *guard
	caps  imap.CapSet
	news  chan struct{} // the server has said that a folder grew, or that the connection is over
}

// connect returns the mailbox's connection, made and signed in if there is none.
func (s *Source) connect(ctx context.Context, a *account) (*connection, error) {
	if a.conn != nil {
		if a.conn.guard.ended() == nil {
			return a.conn, nil
		}
		s.drop(a)
	}
	if err := s.limiter.Wait(ctx); err != nil {
		return nil, err
	}
	c, err := s.signIn(ctx, a, false)
	var refused *refusal
	if errors.As(err, &refused) && refused.again { // the secret has changed, or is to be renewed: once more, not oftener
		c, err = s.signIn(ctx, a, true)
	}
	if err != nil {
		return nil, err
	}
	a.conn = c
	return c, nil
}

// signIn dials and signs in.
func (s *Source) signIn(ctx context.Context, a *account, renew bool) (*connection, error) {
	secret, err := s.secret(ctx, a, renew)
	if err != nil {
		return nil, err
	}
	c, err := s.dial(ctx)
	if err != nil {
		return nil, &dialError{err}
	}
	defer c.under(ctx)()
	if err := s.authenticate(c, a, secret); err != nil {
		err = c.cause(err)
		s.forget(c)
		var refused *refusal
		if errors.As(err, &refused) && !renew {
			refused.again = s.changed(ctx, a, secret)
		}
		return nil, scrub(err, secret)
	}
	c.guard.expect(answerBytes)
	if c.caps = c.Caps(); c.caps == nil {
		err := c.cause(errors.New("the server does not say what it can do"))
		s.forget(c)
		return nil, err
	}
	c.guard.relax()
	return c, nil
}

// secret is the password or token to sign in with.
func (s *Source) secret(ctx context.Context, a *account, renew bool) (string, error) {
	var secret string
	var err error
	switch {
	case a.PasswordFile != "":
		secret, err = remote.Secret(a.PasswordFile).Read()
	case a.TokenFile != "":
		secret, err = remote.Secret(a.TokenFile).Read()
	default:
		return s.cfg.Tokens(a.Mailbox).Token(ctx, renew)
	}
	if err != nil {
		return "", &remote.Failure{Kind: remote.Refused, Err: err}
	}
	return secret, nil
}

// changed tells whether signing in again could go better: the file says something else by
// now, or the token can be renewed.
func (s *Source) changed(ctx context.Context, a *account, secret string) bool {
	if a.PasswordFile == "" && a.TokenFile == "" {
		return true
	}
	now, err := s.secret(ctx, a, false)
	return err == nil && now != secret
}

// dial connects as far as a greeting over TLS.
func (s *Source) dial(ctx context.Context) (*connection, error) {
	config, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: min(s.cfg.timeout(), 30*time.Second), KeepAlive: 30 * time.Second}
	raw, err := dialer.DialContext(ctx, "tcp", s.cfg.address())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if s.cfg.TLS == tlsNone && !isLoopback(raw.RemoteAddr()) {
		_ = raw.Close()
		return nil, remote.Fail(remote.Permanent, `use tls = "implicit" or "starttls"`, "%s is not this machine, and without TLS everybody between could read the password and the mail", s.cfg.Host)
	}
	c, err := s.secure(ctx, raw, config)
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.guard.cut(errClosed)
		return nil, errClosed
	}
	s.open[c] = struct{}{}
	return c, nil
}

// secure makes an IMAP connection of a TCP one.
func (s *Source) secure(ctx context.Context, raw net.Conn, config *tls.Config) (*connection, error) {
	c := &connection{news: make(chan struct{}, 1)}
	options := &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				c.ring()
			}
		},
	}}
	conn := raw
	if s.cfg.TLS == tlsImplicit {
		secured := tls.Client(raw, config)
		shaking, cancel := context.WithTimeout(ctx, s.cfg.timeout())
		defer cancel()
		if err := secured.HandshakeContext(shaking); err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		conn = secured
	}
	c.guard = newGuard(conn, s.cfg.timeout())
	defer c.under(ctx)()
	if s.cfg.TLS == tlsStart {
		options.TLSConfig = config
		client, err := imapclient.NewStartTLS(c.guard, options)
		if err != nil {
			return nil, c.cause(startTLSError(err))
		}
		c.Client = client
	} else {
		c.Client = imapclient.New(c.guard, options)
	}
	if err := c.WaitGreeting(); err != nil {
		return nil, c.cause(fmt.Errorf("greeting: %w", err))
	}
	return c, nil
}

// startTLSError tells a server that does not do STARTTLS from one whose certificate is wrong.
func startTLSError(err error) error {
	var said *imap.Error
	if errors.As(err, &said) {
		return remote.Fail(remote.Permanent, `use tls = "implicit" if the server has it`, "the server refuses STARTTLS: %w", err)
	}
	return fmt.Errorf("STARTTLS: %w", err)
}

func (s *Source) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: s.cfg.Host, MinVersion: tls.VersionTLS12, NextProtos: []string{"imap"}}
	if s.cfg.CAFile == "" {
		return config, nil
	}
	raw, err := os.ReadFile(s.cfg.CAFile)
	if err != nil {
		return nil, remote.Fail(remote.Permanent, "", "ca_file: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(raw) {
		return nil, remote.Fail(remote.Permanent, "", "ca_file %s holds no certificate in PEM", s.cfg.CAFile)
	}
	return config, nil
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// authenticate signs in with the mechanism that is configured, or the best that is offered.
func (s *Source) authenticate(c *connection, a *account, secret string) error {
	c.guard.expect(answerBytes)
	caps := c.Caps()
	if caps == nil {
		return errors.New("the server does not say what it can do")
	}
	var err error
	switch auth := s.mechanism(a, caps); auth {
	case authLogin:
		if caps.Has(imap.CapLoginDisabled) {
			return remote.Fail(remote.Permanent, "name another with auth, or see the server's settings", "the server does not let anybody sign in by LOGIN")
		}
		err = c.Login(s.loginName(a), secret).Wait()
	case authPlain:
		identity, name := "", s.loginName(a)
		if s.cfg.MasterUser != "" && s.cfg.MasterBy == byAuthzid {
			identity, name = a.User, s.cfg.MasterUser
		}
		err = c.Authenticate(sasl.NewPlainClient(identity, name, secret))
	case authBearer, authX:
		return s.presentToken(c, a, auth, secret)
	}
	if err == nil {
		return nil
	}
	return asRefusal(err)
}

// presentToken signs in with a token. A server that refuses one may describe why before it says so.
func (s *Source) presentToken(c *connection, a *account, auth, token string) error {
	b := newBearer(auth, a.User, token, s.cfg.Host, s.cfg.Port)
	err := c.Authenticate(b)
	if err == nil {
		return nil
	}
	err = asRefusal(err)
	if b.refused && !errors.As(err, new(*refusal)) && notYet(err) == nil { // what it says to our answer does not matter any more
		return &refusal{err: err}
	}
	return err
}

// mechanism chooses how to sign in. A token is never offered as a password, and no password as a token.
func (s *Source) mechanism(a *account, caps imap.CapSet) string {
	switch {
	case s.cfg.Auth != "":
		return s.cfg.Auth
	case a.PasswordFile == "" && caps.Has(imap.AuthCap("OAUTHBEARER")):
		return authBearer
	case a.PasswordFile == "":
		return authX
	case caps.Has(imap.AuthCap("PLAIN")), s.cfg.MasterUser != "" && s.cfg.MasterBy == byAuthzid:
		return authPlain
	}
	return authLogin
}

func (s *Source) loginName(a *account) string {
	if s.cfg.MasterUser != "" {
		return a.User + s.cfg.MasterSeparator + s.cfg.MasterUser
	}
	return a.User
}

// under cuts the connection when ctx ends, until the function it returns is called.
func (c *connection) under(ctx context.Context) func() {
	stop := context.AfterFunc(ctx, func() { c.guard.cut(context.Cause(ctx)) })
	return func() { stop() }
}

// ring says that there may be something new.
func (c *connection) ring() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// cause replaces an error by what ended the connection, if something did: the library's own errors do not tell.
func (c *connection) cause(err error) error {
	why := c.guard.ended()
	if why == nil {
		why = c.guard.bye()
	}
	var said *imap.Error
	if why == nil || err == nil || errors.As(err, &said) {
		return err
	}
	return &lostError{why: why, err: err}
}

// lostError says what ended a connection, in place of what the library made of it.
type lostError struct{ why, err error }

func (e *lostError) Error() string   { return e.why.Error() }
func (e *lostError) Unwrap() []error { return []error{e.why, e.err} }

// drop closes a mailbox's connection at once.
func (s *Source) drop(a *account) {
	if a.conn != nil {
		s.forget(a.conn)
		a.conn = nil
	}
}

func (s *Source) forget(c *connection) {
	c.guard.cut(errClosed)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// leave signs out of a mailbox.
func (s *Source) leave(a *account) {
	if c := a.conn; c != nil && c.guard.ended() == nil {
		c.guard.expect(answerBytes)
		_ = c.Logout().Wait() // it is over either way
	}
	s.drop(a)
}
