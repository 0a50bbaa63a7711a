package response

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mailer hands one message to a mail server. It returns nil when the server has taken
// responsibility (RFC 5321 §4.2.5), a [NotSentError] when it certainly has not, and an
// [UnclearError] when nobody can know.
type Mailer interface {
	Send(ctx context.Context, from, to string, message []byte) (answer string, err error)
}

// NotSentError says that the server did not take the message.
type NotSentError struct {
	Temporary bool // it may take it later
	Err       error
}

func (e *NotSentError) Error() string {
	if e.Temporary {
		return fmt.Sprintf("the mail server did not take the notice this time: %v; nothing has left, try again later", e.Err)
	}
	return fmt.Sprintf("the mail server did not take the notice: %v; nothing has left", e.Err)
}

func (e *NotSentError) Unwrap() error { return e.Err }

// UnclearError says that the message was handed over whole and the answer never came.
// RFC 5321 §4.5.3.2.6 and RFC 1047 know the problem: the server may have taken it.
type UnclearError struct{ Err error }

func (e *UnclearError) Error() string {
	return fmt.Sprintf("the mail server got the whole notice, but its answer did not come: %v; it may have left. Look into the server's log for the message id, and say with `portcullis notices settle` what you found", e.Err)
}

func (e *UnclearError) Unwrap() error { return e.Err }

// SMTPMailer hands messages to the operator's own server.
type SMTPMailer struct{ cfg SMTP }

// NewSMTPMailer makes a mailer; the configuration has been validated.
func NewSMTPMailer(cfg SMTP) *SMTPMailer { return &SMTPMailer{cfg} }

// Send opens one connection for one message.
func (m *SMTPMailer) Send(ctx context.Context, from, to string, message []byte) (answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(m.cfg.TimeoutSeconds)*time.Second)
	defer cancel()
	c, err := m.connect(ctx)
	if err != nil {
		return "", notSent(err)
	}
	// The library has no context, so the connection is closed under it.
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer func() { _ = c.Close() }()
	if err := m.login(c); err != nil {
		return "", notSent(err)
	}
	if err := c.Mail(from, nil); err != nil {
		return "", notSent(fmt.Errorf("sender %s: %w", from, err))
	}
	if err := c.Rcpt(to, nil); err != nil {
		return "", notSent(fmt.Errorf("recipient %s: %w", to, err))
	}
	answer, err = deliver(c, message)
	if err == nil {
		_ = c.Quit() // it has the message; how it says goodbye changes nothing
	}
	return answer, err
}

// deliver writes the message. Until the final dot is written the server cannot have
// taken it; after that only its answer tells.
func deliver(c *smtp.Client, message []byte) (string, error) {
	w, err := c.Data()
	if err != nil {
		return "", notSent(err)
	}
	if _, err := w.Write(message); err != nil {
		return "", notSent(err)
	}
	response, err := w.CloseWithResponse()
	if err == nil {
		return clip(plain(response.StatusText), 200), nil
	}
	if _, answered := errors.AsType[*smtp.SMTPError](err); answered {
		return "", notSent(err)
	}
	return "", &UnclearError{err}
}

func notSent(err error) error {
	refusal, ok := errors.AsType[*smtp.SMTPError](err)
	if !ok {
		return &NotSentError{Temporary: true, Err: err} // the network; no server has said no
	}
	said := fmt.Errorf("%d %s", refusal.Code, clip(plain(refusal.Message), 200))
	if cause := strings.TrimSuffix(err.Error(), refusal.Error()); cause != "" {
		said = fmt.Errorf("%s%w", cause, said)
	}
	return &NotSentError{Temporary: refusal.Temporary(), Err: said}
}

// connect dials and sees to it that nothing travels in clear: TLS from the start or by
// STARTTLS, with the certificate checked against the server's name (RFC 8314 §3.3), or a
// connection that does not leave this machine.
func (m *SMTPMailer) connect(ctx context.Context) (*smtp.Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", m.cfg.Server)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w; check `server` in the section [notices.smtp]", m.cfg.Server, err)
	}
	c, err := m.secure(ctx, conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c.CommandTimeout = time.Duration(m.cfg.TimeoutSeconds) * time.Second
	c.SubmissionTimeout = c.CommandTimeout
	if err := c.Hello(m.hello()); err != nil {
		return nil, errors.Join(fmt.Errorf("greet %s: %w", m.cfg.Server, err), c.Close())
	}
	return c, nil
}

func (m *SMTPMailer) secure(ctx context.Context, conn net.Conn) (*smtp.Client, error) {
	if m.cfg.TLS == tlsNone {
		if host, _, err := net.SplitHostPort(conn.RemoteAddr().String()); err != nil || !loopback(host) {
			return nil, fmt.Errorf("%s is not this machine (it answers at %s), and without TLS the notice would travel in clear; set tls to \"starttls\"", m.cfg.Server, conn.RemoteAddr())
		}
		return smtp.NewClient(conn), nil
	}
	cfg, err := m.tls()
	if err != nil {
		return nil, err
	}
	if m.cfg.TLS == tlsImplicit {
		secured := tls.Client(conn, cfg)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS with %s: %w", m.cfg.Server, err)
		}
		return smtp.NewClient(secured), nil
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	c, err := smtp.NewClientStartTLS(conn, cfg)
	if err != nil {
		return nil, fmt.Errorf("STARTTLS with %s: %w; without TLS nothing is sent", m.cfg.Server, err)
	}
	return c, nil
}

func (m *SMTPMailer) tls() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: m.cfg.ServerName}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(m.cfg.Server)
	}
	if m.cfg.CAFile == "" {
		return cfg, nil
	}
	raw, err := os.ReadFile(m.cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("ca_file %s holds no certificate in PEM", m.cfg.CAFile)
	}
	return cfg, nil
}

// login authenticates, never over a connection that others could read.
func (m *SMTPMailer) login(c *smtp.Client) error {
	if m.cfg.User == "" {
		return nil
	}
	raw, err := os.ReadFile(m.cfg.PasswordFile)
	if err != nil {
		return fmt.Errorf("password_file: %w", err)
	}
	password := strings.TrimRight(string(raw), "\r\n")
	if !c.SupportsAuth(sasl.Plain) {
		return fmt.Errorf("the server does not offer AUTH PLAIN, which `user` in [notices.smtp] needs")
	}
	if err := c.Auth(sasl.NewPlainClient("", m.cfg.User, password)); err != nil {
		return fmt.Errorf("log in as %s: %w", m.cfg.User, err)
	}
	return nil
}

func (m *SMTPMailer) hello() string {
	if m.cfg.Hello != "" {
		return m.cfg.Hello
	}
	return domainOf(m.cfg.From)
}

// domainOf is the domain of an address, "localhost" where there is none.
func domainOf(address string) string {
	_, domain, ok := strings.Cut(bareAddress(address), "@")
	if !ok {
		return "localhost"
	}
	return domain
}
