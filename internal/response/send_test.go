package response

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"portcullis.example/portcullis/internal/api"
)

// server is a real SMTP server whose answers a test chooses.
type server struct {
	mu       sync.Mutex
	got      [][]byte
	from, to string
	user     string
	mailErr  error
	rcptErr  error
	dataErr  error
	onData   func() // once the whole message is there, before the answer
	address  string
	ca       string // file
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s}, nil }

type session struct{ *server }

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "desk" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return s.mailErr }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error   { s.to = to; return s.rcptErr }
func (s *session) Reset()                                      {}
func (s *session) Logout() error                               { return nil }

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onData != nil {
		s.onData()
	}
	if s.dataErr == nil {
		s.got = append(s.got, raw)
	}
	return s.dataErr
}

func (s *server) messages() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// certificate makes one for the name, and the file to trust it by.
func certificate(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, file
}

// serve starts the server. listen may wrap the listener.
func serve(t *testing.T, withTLS bool, wrap func(net.Listener) net.Listener) *server {
	t.Helper()
	s := &server{}
	srv := smtp.NewServer(s)
	srv.Domain = "mail.parliament.example"
	srv.AllowInsecureAuth = true
	if withTLS {
		cert, ca := certificate(t, "mail.parliament.example")
		srv.TLSConfig, s.ca = &tls.Config{Certificates: []tls.Certificate{cert}}, ca
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.address = l.Addr().String()
	if wrap != nil {
		l = wrap(l)
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return s
}

func (s *server) config(mode string) SMTP {
	return SMTP{Server: s.address, TLS: mode, ServerName: "mail.parliament.example", CAFile: s.ca, From: "Security desk <security@parliament.example>", TimeoutSeconds: 5}
}

// ready is a bench with an approved notice and an office that sends through s.
func ready(t *testing.T, cfg SMTP) (*bench, *Office, Notice) {
	t.Helper()
	b := &bench{t: t, s: open(t, sqliteConfig(t)), now: time.Now(), cfg: DefaultConfig()}
	b.cfg.SMTP, b.cfg.Office, b.cfg.Telephone = cfg, "Security desk", "+999 555 0100"
	must(t, b.cfg.Validate())
	o, err := NewOffice(b.cfg)
	must(t, err)
	return b, o, b.approve(b.draft(machineCaller, anna()))
}

func send(b *bench, o *Office, n Notice) (Notice, error) {
	return o.Send(b.t.Context(), b.s, NewSMTPMailer(o.cfg.SMTP), paul, n.ID, n.Version, "")
}

func TestSendsOverTLS(t *testing.T) {
	s := serve(t, true, nil)
	cfg := s.config(tlsStart)
	cfg.User, cfg.PasswordFile = "desk", filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(cfg.PasswordFile, []byte("secret\n"), 0o600))
	b, o, n := ready(t, cfg)
	n, err := send(b, o, n)
	must(t, err)
	equal(t, "state", []any{n.State, n.Way, n.To, n.Told.IsZero()}, []any{Sent, ByMail, "anna.keller@parliament.example", false})
	equal(t, "envelope", []string{s.user, s.from, s.to}, []string{"desk", "security@parliament.example", "anna.keller@parliament.example"})
	equal(t, "log", b.kinds(), []string{"drafted", "approved", "sending", "sent"})

	m, err := mail.ReadMessage(bytes.NewReader(s.got[0]))
	must(t, err)
	equal(t, "message id", m.Header.Get("Message-ID"), "<"+n.MessageID+">")
	equal(t, "subject", m.Header.Get("Subject"), "A security notice from Security desk")
	for line := range bytes.SplitSeq(s.got[0], []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsFunc(line, func(r rune) bool { return r > 0x7e }) {
			t.Fatalf("a line of the mail is longer than 998 bytes or not ASCII: %q", line)
		}
	}
	if _, err := send(b, o, n); err == nil || s.messages() != 1 {
		t.Errorf("it was sent twice: %v", err)
	}
}

// TestNothingLeaves: each way in which the server or the way to it fails before it has
// taken the message leaves the notice approved, to be sent again.
func TestNothingLeaves(t *testing.T) {
	full := &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
	never := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not here"}
	for _, c := range []struct {
		name      string
		tls       bool
		prepare   func(s *server, cfg *SMTP)
		temporary bool
		want      string
	}{
		{"4xx to RCPT", true, func(s *server, _ *SMTP) { s.rcptErr = full }, true, "452 mailbox full"},
		{"5xx to RCPT", true, func(s *server, _ *SMTP) { s.rcptErr = never }, false, "550 not here"},
		{"5xx to MAIL", true, func(s *server, _ *SMTP) { s.mailErr = never }, false, "550 not here"},
		{"4xx to the message", true, func(s *server, _ *SMTP) { s.dataErr = full }, true, "452 mailbox full"},
		{"5xx to the message", true, func(s *server, _ *SMTP) { s.dataErr = never }, false, "550 not here"},
		{"no STARTTLS", false, func(*server, *SMTP) {}, true, "doesn't support STARTTLS"},
		{"another name", true, func(_ *server, cfg *SMTP) { cfg.ServerName = "mail.elsewhere.example" }, true, "certificate"},
		{"nobody vouches", true, func(_ *server, cfg *SMTP) { cfg.CAFile = "" }, true, "certificate"},
		{"nobody answers", true, func(_ *server, cfg *SMTP) { cfg.Server = "127.0.0.1:1" }, true, "check `server`"},
		{"wrong password", true, func(_ *server, cfg *SMTP) {
			cfg.User, cfg.PasswordFile = "desk", filepath.Join(t.TempDir(), "p")
			must(t, os.WriteFile(cfg.PasswordFile, []byte("wrong"), 0o600))
		}, false, "log in as desk"},
		{"no password file", true, func(_ *server, cfg *SMTP) { cfg.User, cfg.PasswordFile = "desk", "/nonexistent/p" }, true, "password_file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.tls, nil)
			cfg := s.config(tlsStart)
			c.prepare(s, &cfg)
			b, o, n := ready(t, cfg)
			after, err := send(b, o, n)
			e, ok := errors.AsType[*NotSentError](err)
			if !ok || e.Temporary != c.temporary || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want that nothing left (temporary: %v) with %q", err, c.temporary, c.want)
			}
			equal(t, "state", []any{after.State, after.Told.IsZero(), after.ApprovedBy}, []any{Approved, true, "Maria Bauer"})
			equal(t, "taken", s.messages(), 0)
			equal(t, "log", b.kinds(), []string{"drafted", "approved", "sending", "not sent"})
			if strings.Contains(err.Error(), "wrong") && strings.Contains(err.Error(), "secret") {
				t.Error("the error tells the password")
			}
		})
	}
}

// dropping closes connections when told to.
type dropping struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (d *dropping) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns = append(d.conns, c)
	return c, err
}

func (d *dropping) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		_ = c.Close()
	}
}

// TestUnclear: the connection is lost between the final dot and the answer. Nobody
// knows, the program says so, and does not send again.
func TestUnclear(t *testing.T) {
	var d *dropping
	s := serve(t, true, func(l net.Listener) net.Listener { d = &dropping{Listener: l}; return d })
	s.onData = func() { d.drop() }
	b, o, n := ready(t, s.config(tlsStart))
	n, err := send(b, o, n)
	if _, ok := errors.AsType[*UnclearError](err); !ok {
		t.Fatalf("got %v, want that it is unclear", err)
	}
	equal(t, "state", []any{n.State, n.Told.IsZero(), s.messages()}, []any{Unclear, true, 1})
	id := n.MessageID
	if _, err := send(b, o, n); err == nil || s.messages() != 1 {
		t.Errorf("what is unclear was sent again: %v", err)
	}
	equal(t, "drafting changes nothing", b.draft(machineCaller, anna()).State, Unclear)

	arrived := b.do(func(w *Writer) (Notice, error) {
		return w.Resolve(t.Context(), paul, n.ID, n.Version, false, "not in the server's log")
	})
	equal(t, "a person says it did not arrive", arrived.State, Approved)
	s.onData = nil
	n, err = send(b, o, arrived)
	must(t, err)
	equal(t, "the message id is the same", n.MessageID, id)
	equal(t, "log", b.kinds(), []string{"drafted", "approved", "sending", "unclear", "settled", "sending", "sent"})
}

func TestResolvedAsArrived(t *testing.T) {
	b := &bench{t: t, s: open(t, sqliteConfig(t)), now: noon, cfg: DefaultConfig()}
	n := b.approve(b.draft(machineCaller, anna()))
	n.State, n.Started = Unclear, noon
	n = b.do(func(w *Writer) (Notice, error) { return w.store(t.Context(), paul, n, "unclear", Happening{}) })
	b.now = noon.Add(time.Hour)
	n = b.do(func(w *Writer) (Notice, error) {
		return w.Resolve(t.Context(), paul, n.ID, n.Version, true, "she has it on her screen")
	})
	equal(t, "told when it was sent", []any{n.State, n.Told}, []any{Sent, noon})
}

// TestTimeout: a server that takes the message and says nothing.
func TestTimeout(t *testing.T) {
	s := serve(t, true, nil)
	release := make(chan struct{})
	defer close(release)
	s.onData = func() { <-release }
	cfg := s.config(tlsStart)
	cfg.TimeoutSeconds = 1
	b, o, n := ready(t, cfg)
	n, err := send(b, o, n)
	if _, ok := errors.AsType[*UnclearError](err); !ok || n.State != Unclear {
		t.Fatalf("got %v (%s), want that it is unclear", err, n.State)
	}
}

// gone is a store that goes away after some transactions.
type gone struct {
	Transactor
	left int
}

var errGone = errors.New("connection refused")

func (g *gone) Tx(ctx context.Context, fn func(tx *sql.Tx) error) error {
	if g.left--; g.left < 0 {
		return errGone
	}
	return g.Transactor.Tx(ctx, fn)
}

// TestStoreGoesAway while the server has the message: nothing is lost, nothing is sent
// twice, and the log is whole.
func TestStoreGoesAway(t *testing.T) {
	s := serve(t, true, nil)
	b, o, n := ready(t, s.config(tlsStart))
	mailer := NewSMTPMailer(o.cfg.SMTP)
	if _, err := o.Send(t.Context(), &gone{b.s, 0}, mailer, paul, n.ID, n.Version, ""); !errors.Is(err, errGone) || s.messages() != 0 {
		t.Fatalf("without a store: %v, %d messages", err, s.messages())
	}
	_, err := o.Send(t.Context(), &gone{b.s, 1}, mailer, paul, n.ID, n.Version, "")
	if !errors.Is(err, errGone) || !strings.Contains(err.Error(), "could not be recorded") || s.messages() != 1 {
		t.Fatalf("got %v, %d messages", err, s.messages())
	}
	n, err = b.read().Notice(t.Context(), n.ID)
	must(t, err)
	equal(t, "state", n.State, Sending)
	if _, err := send(b, o, n); err == nil || s.messages() != 1 {
		t.Errorf("it was sent twice: %v", err)
	}
	recovered := func() (list []Notice) {
		must(t, b.s.Tx(t.Context(), func(tx *sql.Tx) (err error) {
			list, err = NewWriter(tx, b.cfg, b.now).Recover(t.Context())
			return err
		}))
		return list
	}
	b.now = time.Now()
	equal(t, "an attempt may still be under way", len(recovered()), 0)
	b.now = b.now.Add(time.Minute)
	list := recovered()
	equal(t, "then it is unclear", []any{len(list), list[0].State}, []any{1, Unclear})
	equal(t, "once", len(recovered()), 0)
	equal(t, "log", b.kinds(), []string{"drafted", "approved", "sending", "unclear"})
}

// TestCallerLeaves: whoever asked closes the browser while the server has the message.
func TestCallerLeaves(t *testing.T) {
	s := serve(t, true, nil)
	ctx, leave := context.WithCancel(t.Context())
	s.onData = leave
	b, o, n := ready(t, s.config(tlsStart))
	after, err := o.Send(ctx, b.s, NewSMTPMailer(o.cfg.SMTP), paul, n.ID, n.Version, "")
	must(t, err)
	equal(t, "state", after.State, Sent)
}

func TestRefusesToMail(t *testing.T) {
	s := serve(t, true, nil)
	for _, c := range []struct {
		name    string
		prepare func(b *bench, o *Office, n *Notice) (to string)
		want    string
	}{
		{"the account may be compromised", func(b *bench, _ *Office, n *Notice) string {
			must(t, b.s.Tx(t.Context(), func(tx *sql.Tx) error {
				return NewWriter(tx, b.cfg, b.now).Suspect(t.Context(), paul, n.Person, "a rule forwards everything")
			}))
			n.Version++
			return ""
		}, "by telephone or in person"},
		{"another's address", func(*bench, *Office, *Notice) string { return "somebody@else.example" }, "none of the person's own addresses"},
		{"no server", func(_ *bench, o *Office, _ *Notice) string { o.cfg.SMTP.Server = ""; return "" }, "no mail server is configured"},
		{"changed past the program", func(b *bench, _ *Office, n *Notice) string {
			n.Reach.Events[0].Subject = "something else"
			must(t, b.s.Tx(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE response_notice SET body = replace(body, 'Exclusive', 'Changed')`)
				return err
			}))
			return ""
		}, "not what the log of notices says was approved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, o, n := ready(t, s.config(tlsStart))
			to := c.prepare(b, o, &n)
			_, err := o.Send(t.Context(), b.s, NewSMTPMailer(o.cfg.SMTP), paul, n.ID, n.Version, to)
			if e, ok := errors.AsType[*RefusedError](err); !ok || !strings.Contains(e.Error(), c.want) {
				t.Errorf("got %v, want a refusal with %q", err, c.want)
			}
			equal(t, "taken", s.messages(), 0)
			after, err := b.read().Notice(t.Context(), n.ID)
			must(t, err)
			equal(t, "state", after.State, Approved)
		})
	}
	b, o, n := ready(t, s.config(tlsStart))
	for _, by := range []api.Caller{admin, {Name: "Lia", Roles: []api.Role{api.Reader}}} {
		_, err := o.Send(t.Context(), b.s, NewSMTPMailer(o.cfg.SMTP), by, n.ID, n.Version, "")
		if _, ok := errors.AsType[*RoleError](err); !ok {
			t.Errorf("%s sent it: %v", by.Name, err)
		}
	}
}

// TestClear: once the account is theirs again, mail goes.
func TestClear(t *testing.T) {
	s := serve(t, true, nil)
	b, o, n := ready(t, s.config(tlsStart))
	must(t, b.s.Tx(t.Context(), func(tx *sql.Tx) error {
		w := NewWriter(tx, b.cfg, b.now)
		return errors.Join(w.Suspect(t.Context(), paul, n.Person, "strange sign-in"), w.Clear(t.Context(), maria, n.Person, "password and keys renewed"))
	}))
	n, err := b.read().Notice(t.Context(), n.ID)
	must(t, err)
	equal(t, "suspicion", n.Reach.Suspicion, "")
	n, err = send(b, o, n)
	must(t, err)
	equal(t, "state", n.State, Sent)
}

// TestPlainOnlyWithinTheMachine: without TLS only to this machine, and by its address.
func TestPlainOnlyWithinTheMachine(t *testing.T) {
	s := serve(t, false, nil)
	b, o, n := ready(t, s.config(tlsNone))
	n, err := send(b, o, n)
	must(t, err)
	equal(t, "state", n.State, Sent)
	cfg := s.config(tlsNone)
	cfg.Server = "mail.parliament.example:25"
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "travel in clear") {
		t.Errorf("got %v", err)
	}
}
