package imap

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/testenv"
)

// TestOnlyReads proves that nothing is asked of the server that could change anything.
func TestOnlyReads(t *testing.T) {
	d := testenv.Dovecot(t, map[string]string{anna: "long secret"})
	texts := deliver(t, d, "INBOX", 0, 20)
	d.Deliver(t, anna, "INBOX", []byte(message(99, 40_000)))
	texts = append(texts, message(99, 40_000))
	p := newProxy(t, d.Addr())
	cfg := configOf(t, d, anna, "long secret")
	cfg.TLS, cfg.Port = tlsNone, p.port()
	s := newShelf()
	src := open(t, cfg)
	src.settings.chunk = 10_000
	if err := remote.Watch(t.Context(), src, s.watching()); err != nil {
		t.Fatal(err)
	}
	if err := src.Wait(t.Context(), 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	s.once(t, texts)
	allowed := map[string]bool{"CAPABILITY": true, "AUTHENTICATE": true, "LIST": true, "NAMESPACE": true, "EXAMINE": true, "UID": true, "IDLE": true, "LOGOUT": true}
	for line := range strings.Lines(p.heard()) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue // DONE
		}
		if !allowed[words[1]] {
			t.Errorf("it said %q", words[1])
		}
		if words[1] == "UID" && (words[2] != "FETCH" && words[2] != "SEARCH" || strings.Contains(line, "BODY[")) {
			t.Errorf("it said %q", line)
		}
	}
	for _, want := range []string{"EXAMINE", "BODY.PEEK[]", "IDLE"} {
		if !strings.Contains(p.heard(), want) {
			t.Errorf("it never said %s: this test showed nothing\n%s", want, p.heard())
		}
	}
}

// TestCutAnywhere cuts connections after every so many bytes. Whatever was read by then, the next run goes on there.
func TestCutAnywhere(t *testing.T) {
	d := testenv.Dovecot(t, map[string]string{anna: "long secret"})
	texts := deliver(t, d, "INBOX", 0, 12)
	texts = append(texts, deliver(t, d, "Archive", 100, 6)...)
	texts = append(texts, message(7777, 60_000))
	d.Deliver(t, anna, "Archive", []byte(texts[len(texts)-1]))
	for _, mode := range []string{tlsNone, tlsImplicit, tlsStart} {
		t.Run(mode, func(t *testing.T) {
			to := d.Addr()
			if mode == tlsImplicit {
				to = fmt.Sprintf("127.0.0.1:%d", d.TLSPort)
			}
			p := newProxy(t, to)
			cfg := configOf(t, d, anna, "long secret")
			cfg.TLS, cfg.Port = mode, p.port()
			harmed, step := 0, int64(1777)
			if testing.Short() {
				step = 5003
			}
			for at := int64(0); ; at += step {
				s := newShelf()
				p.harm(at, -1, true)
				err := s.read2(t, cfg)
				if err == nil {
					s.once(t, texts)
					break // nothing is left to cut
				}
				harmed++
				for _, f := range remote.Failures(err) {
					if f.Kind != remote.Temporary {
						t.Fatalf("cut after %d bytes: %v is %v", at, f, f.Kind)
					}
				}
				if err := s.read2(t, cfg); err != nil {
					t.Fatalf("after a cut at %d: %v", at, err)
				}
				s.once(t, texts)
				if t.Failed() {
					t.Fatalf("cut after %d bytes", at)
				}
			}
			t.Logf("%d cuts", harmed)
			if harmed < 5 {
				t.Error("hardly anything was cut: this test showed nothing")
			}
		})
	}
}

// read2 reads with a small chunk, so that large messages come in parts.
func (s *shelf) read2(t *testing.T, cfg Config) error {
	t.Helper()
	src := open(t, cfg)
	defer src.Close()
	src.settings.chunk = 16_384
	return remote.Watch(t.Context(), src, s.watching())
}

// TestStall is a half-open connection: it stays, and says nothing more.
func TestStall(t *testing.T) {
	d := testenv.Dovecot(t, map[string]string{anna: "long secret"})
	texts := deliver(t, d, "INBOX", 0, 12)
	for _, mode := range []string{tlsNone, tlsImplicit} {
		to := d.Addr()
		if mode == tlsImplicit {
			to = fmt.Sprintf("127.0.0.1:%d", d.TLSPort)
		}
		p := newProxy(t, to)
		cfg := configOf(t, d, anna, "long secret")
		cfg.TLS, cfg.Port, cfg.TimeoutSeconds = mode, p.port(), 1
		for _, at := range []int64{0, 40, 400, 900, 2500} {
			s := newShelf()
			p.harm(-1, at, true)
			err := s.read(t, cfg)
			if err == nil {
				continue // there was less to say
			}
			f := remote.Failures(err)[0]
			if f.Kind != remote.Temporary || !strings.Contains(f.Error(), anna) ||
				!errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, stalled after %d bytes: %v (%v)", mode, at, err, f.Kind)
			}
			cfg.TimeoutSeconds = 20
			s.mustRead(t, cfg)
			s.once(t, texts)
			cfg.TimeoutSeconds = 1
		}
	}
}

func TestLetIn(t *testing.T) {
	d := testenv.Dovecot(t, map[string]string{anna: "long secret", bela: "another one"})
	d.Deliver(t, anna, "INBOX", []byte(message(1, 0)))
	d.Deliver(t, bela, "INBOX", []byte(message(2, 0)))
	good := configOf(t, d, anna, "long secret")
	other := t.TempDir() + "/ca.pem"
	if err := os.WriteFile(other, foreignCertificate(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		kind   remote.Kind
		want   string
	}{
		"wrong password": {func(c *Config) { c.PasswordFile = secretFile(t, "my guess it is") }, remote.Refused, "AUTHENTICATIONFAILED"},
		"wrong by login": {func(c *Config) { c.PasswordFile, c.Auth = secretFile(t, "my guess it is"), authLogin }, remote.Refused, "AUTHENTICATIONFAILED"},
		"untrusted":      {func(c *Config) { c.CAFile = other }, remote.Permanent, "ca_file"},
		"system's trust": {func(c *Config) { c.CAFile = "" }, remote.Permanent, "not trusted"},
		"not TLS":        {func(c *Config) { c.Port = d.Port }, remote.Permanent, "does not speak TLS"},
		"no server":      {func(c *Config) { c.Port = 1 }, remote.Temporary, "refused"},
		"open to others": {func(c *Config) { _ = os.Chmod(c.PasswordFile, 0o644) }, remote.Refused, "chmod 600"},
		"no such file":   {func(c *Config) { c.PasswordFile += ".missing" }, remote.Refused, "no such file"},
		"no such user":   {func(c *Config) { c.User = "nobody" }, remote.Refused, "AUTHENTICATIONFAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			cfg.PasswordFile = secretFile(t, "long secret")
			c.change(&cfg)
			err := newShelf().read(t, cfg)
			if err == nil {
				t.Fatal("it was let in")
			}
			f := remote.Failures(err)[0]
			if f.Kind != c.kind || !strings.Contains(f.Error(), c.want) {
				t.Errorf("got %v (%v), want %v with %q", f, f.Kind, c.kind, c.want)
			}
			if strings.Contains(err.Error(), "my guess") {
				t.Errorf("the secret is told: %v", err)
			}
		})
	}
	for _, auth := range []string{authLogin, authPlain} {
		cfg := good
		cfg.Auth = auth
		s := newShelf()
		s.mustRead(t, cfg)
		s.once(t, []string{message(1, 0)})
	}
}

// TestMaster reads the mailboxes that are named, and no other, with one password.
func TestMaster(t *testing.T) {
	d := testenv.Dovecot(t, map[string]string{anna: "x", bela: "y", "carla@house.example": "z"})
	for i, user := range []string{anna, bela, "carla@house.example"} {
		d.Deliver(t, user, "INBOX", []byte(message(i, 0)))
	}
	for _, by := range []string{byName, byAuthzid} {
		cfg := configOf(t, d, "", testenv.MasterPassword)
		cfg.MasterUser, cfg.MasterBy = testenv.MasterUser, by
		file := t.TempDir() + "/accounts.toml"
		if err := os.WriteFile(file, []byte("[[accounts]]\nmailbox = \""+anna+"\"\n[[accounts]]\nmailbox = \""+bela+"\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg.AccountsFile = file
		s := newShelf()
		s.mustRead(t, cfg)
		s.once(t, []string{message(0, 0), message(1, 0)})
		if it := s.items[1]; it.Source != "imap:members/"+bela+"/INBOX" || it.Mailbox != bela {
			t.Errorf("item is %+v", it.Item)
		}
	}
}

// TestOneOfMany has one mailbox refused among others.
func TestOneOfMany(t *testing.T) {
	d := testenv.Dovecot(t, map[string]string{anna: "x1x1", bela: "y1y1"})
	d.Deliver(t, anna, "INBOX", []byte(message(0, 0)))
	d.Deliver(t, bela, "INBOX", []byte(message(1, 0)))
	cfg := configOf(t, d, "", "")
	cfg.PasswordFile = ""
	cfg.Accounts = []Account{{Mailbox: anna, PasswordFile: secretFile(t, "wrong")}, {Mailbox: bela, PasswordFile: secretFile(t, "y1y1")}}
	s := newShelf()
	err := s.read(t, cfg)
	if f := remote.Failures(err); len(f) != 1 || f[0].Mailbox != anna || f[0].Kind != remote.Refused {
		t.Errorf("failures are %v", err)
	}
	s.once(t, []string{message(1, 0)})
}

// TestPoison has a server that breaks down over one message: all others are read, and that is told.
func TestPoison(t *testing.T) {
	port := scripted(t, func(conn net.Conn) {
		fmt.Fprint(conn, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n")
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			words := strings.Fields(lines.Text())
			tag, bodies := words[0], strings.Contains(lines.Text(), "BODY.PEEK")
			switch {
			case words[1] == "AUTHENTICATE":
				fmt.Fprintf(conn, "%s OK [CAPABILITY IMAP4rev1] in\r\n", tag)
				continue
			case words[1] == "LIST":
				fmt.Fprint(conn, "* LIST () \"/\" INBOX\r\n")
			case words[1] == "EXAMINE":
				fmt.Fprint(conn, "* 6 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 7] x\r\n")
			case words[1] == "UID" && words[2] == "SEARCH":
				from := 1
				for _, word := range words {
					_, _ = fmt.Sscanf(word, "%d:*", &from)
				}
				fmt.Fprint(conn, "* SEARCH")
				for uid := from; uid <= 6; uid++ {
					fmt.Fprintf(conn, " %d", uid)
				}
				fmt.Fprint(conn, "\r\n")
			case words[1] == "UID":
				for uid := 1; uid <= 6; uid++ {
					if !holds(words[3], uid) {
						continue
					}
					if bodies && uid == 4 {
						return
					}
					text := message(uid, 0)
					if bodies {
						fmt.Fprintf(conn, "* %d FETCH (UID %d BODY[]<0> {%d}\r\n%s)\r\n", uid, uid, len(text), text)
					} else {
						fmt.Fprintf(conn, "* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE \"01-Mar-2026 12:00:00 +0000\")\r\n", uid, uid, len(text))
					}
				}
			}
			fmt.Fprintf(conn, "%s OK done\r\n", tag)
		}
	})
	s := newShelf()
	src := open(t, Config{Host: "127.0.0.1", Port: port, TLS: tlsNone, Mailbox: anna, PasswordFile: secretFile(t, "pw")})
	for range 20 {
		if err := remote.Watch(t.Context(), src, s.watching()); err == nil {
			break
		}
	}
	s.once(t, []string{message(1, 0), message(2, 0), message(3, 0), message(5, 0), message(6, 0)})
	if len(s.problems) != 1 || s.problems[0].Offset != 4 {
		t.Errorf("problems: %v", s.problems)
	}
}

// holds tells whether a set of UIDs, as a client writes it, holds one.
func holds(set string, uid int) bool {
	for part := range strings.SplitSeq(set, ",") {
		from, to := 0, 0
		switch n, _ := fmt.Sscanf(part, "%d:%d", &from, &to); {
		case n == 1 && from == uid, n == 2 && from <= uid && uid <= to:
			return true
		}
	}
	return false
}

// TestServerGone asks a server that is not there once, not for each of its mailboxes.
func TestServerGone(t *testing.T) {
	var dialled atomic.Int32
	port := scripted(t, func(net.Conn) { dialled.Add(1) })
	cfg := Config{Host: "127.0.0.1", Port: port, TLS: tlsNone, PasswordFile: secretFile(t, "pw")}
	for i := range 20 {
		cfg.Accounts = append(cfg.Accounts, Account{Mailbox: fmt.Sprintf("m%d@house.example", i)})
	}
	err := newShelf().read(t, cfg)
	if f := remote.Failures(err); len(f) != 20 || dialled.Load() > 2 {
		t.Errorf("%d failures, dialled %d times: %v", len(f), dialled.Load(), err)
	}
}

func TestNewNumbersExpungedAndLarge(t *testing.T) {
	d := testenv.Dovecot(t, map[string]string{anna: "long secret"})
	texts := deliver(t, d, "INBOX", 0, 10)
	cfg := configOf(t, d, anna, "long secret")
	cfg.MaxMessage = 100_000
	s := newShelf()
	s.mustRead(t, cfg)
	first := s.items[0].State

	d.Forget(t, anna, "INBOX")
	s.items = nil
	s.mustRead(t, cfg)
	s.once(t, texts) // read again: the store knows them
	if t.Failed() || string(s.items[0].State) == string(first) {
		t.Error("the folder has the same UIDVALIDITY: this test showed nothing")
	}

	// Of what comes, some goes before it is read.
	s.items = nil
	for i := range 6 {
		file := d.Deliver(t, anna, "INBOX", []byte(message(50+i, 0)))
		if i%2 == 0 {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.mustRead(t, cfg)
	s.once(t, []string{message(51, 0), message(53, 0), message(55, 0)})

	// One that is larger than a chunk, and one that is larger than the limit.
	s.items = nil
	large, huge := message(60, 90_000), message(61, 300_000)
	d.Deliver(t, anna, "INBOX", []byte(large))
	d.Deliver(t, anna, "INBOX", []byte(huge))
	if err := s.read2(t, cfg); err != nil {
		t.Fatal(err)
	}
	s.once(t, []string{large, huge[:100_000]})
	if len(s.problems) != 1 || !strings.Contains(s.problems[0].Error(), "max_message") {
		t.Errorf("problems: %v", s.problems)
	}
}

// TestGoesOnWhereTheStoreStopped has the store fail in the middle.
func TestGoesOnWhereTheStoreStopped(t *testing.T) {
	d := testenv.Dovecot(t, map[string]string{anna: "long secret"})
	texts := deliver(t, d, "INBOX", 0, 250)
	cfg := configOf(t, d, anna, "long secret")
	s := newShelf()
	for s.full = 1; ; s.full += 37 {
		err := s.read(t, cfg)
		if err == nil {
			break
		}
		if !errors.Is(err, errFull) {
			t.Fatal(err)
		}
	}
	s.once(t, texts)
}

func TestIdle(t *testing.T) {
	d := testenv.Dovecot(t, map[string]string{anna: "long secret"})
	texts := deliver(t, d, "INBOX", 0, 3)
	p := newProxy(t, fmt.Sprintf("127.0.0.1:%d", d.TLSPort))
	cfg := configOf(t, d, anna, "long secret")
	cfg.Port = p.port()
	s := newShelf()
	w := s.watching()
	w.Once, w.Every = false, time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	src := open(t, cfg)
	ended := make(chan error)
	go func() { ended <- remote.Watch(ctx, src, w) }()
	await := func(n int) {
		t.Helper()
		for range n {
			select {
			case <-s.arrived:
			case <-time.After(30 * time.Second):
				t.Fatal("new mail was not heard of")
			}
		}
	}
	await(3)
	for i := range 3 {
		texts = append(texts, deliver(t, d, "INBOX", 10+i, 1)...)
		await(1)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: %v", err)
	}
	s.once(t, texts)
}

// TestThrottled has a server that asks for patience, in the words of several.
func TestThrottled(t *testing.T) {
	for _, c := range []struct {
		answer string
		kind   remote.Kind
		after  time.Duration
	}{
		{"NO [THROTTLED] slow down", remote.Throttled, 0},
		{"NO [LIMIT] Maximum number of connections from user+IP exceeded", remote.Throttled, 0},
		{"NO [OVERQUOTA] Account exceeded command or bandwidth limits.", remote.Throttled, 0},
		{"BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", remote.Throttled, 299961 * time.Millisecond},
		{"NO [UNAVAILABLE] Temporary authentication failure", remote.Temporary, 0},
		{"NO [AUTHENTICATIONFAILED] no, secret-word", remote.Refused, 0},
		{"NO go away", remote.Refused, 0},
	} {
		port := scripted(t, func(conn net.Conn) {
			fmt.Fprint(conn, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n")
			lines := bufio.NewScanner(conn)
			for lines.Scan() {
				tag, _, _ := strings.Cut(lines.Text(), " ")
				fmt.Fprintf(conn, "%s %s\r\n", tag, c.answer)
			}
		})
		err := newShelf().read(t, Config{Host: "127.0.0.1", Port: port, TLS: tlsNone, Mailbox: anna, PasswordFile: secretFile(t, "secret-word")})
		f := remote.Failures(err)
		if len(f) != 1 || f[0].Kind != c.kind || f[0].After != c.after || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("%s: got %v", c.answer, err)
		}
	}
}

// TestBye has a server that greets and hangs up.
func TestBye(t *testing.T) {
	port := scripted(t, func(conn net.Conn) {
		fmt.Fprint(conn, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n* BYE [LIMIT] too many of you\r\n")
	})
	err := newShelf().read(t, Config{Host: "127.0.0.1", Port: port, TLS: tlsNone, Mailbox: anna, PasswordFile: secretFile(t, "pw")})
	if f := remote.Failures(err); len(f) != 1 || f[0].Kind != remote.Throttled || !strings.Contains(err.Error(), "too many of you") {
		t.Errorf("got %v", err)
	}
}

// TestFirstOf has servers name messages in odd ways.
func TestFirstOf(t *testing.T) {
	set := imap.UIDSet{{Start: 20, Stop: 22}, {Start: 1, Stop: 7}, {Start: 5, Stop: 9}}
	uids, left, err := firstOf(set, 3, 0, 100, 5)
	if err != nil || left != 9 || fmt.Sprint(uids) != "[4 5 6 7 8]" {
		t.Errorf("got %v, %d left, %v", uids, left, err)
	}
	if uids, left, err := firstOf(set, 3, 6, 100, 5); err != nil || left != 3 || fmt.Sprint(uids) != "[4 5 6]" {
		t.Errorf("got %v, %d left, %v", uids, left, err)
	}
	if _, _, err := firstOf(imap.UIDSet{{Start: 1, Stop: 4294967295}}, 0, 0, 10, 5); err == nil {
		t.Error("four thousand million messages in a folder of ten are believed")
	}
	if _, _, err := firstOf(imap.UIDSet{{Start: 1, Stop: 0}}, 0, 0, 10, 5); err == nil {
		t.Error("* is taken for a number")
	}
	if uids, left, _ := firstOf(imap.UIDSet{{Start: 9, Stop: 9}}, 9, 0, 10, 5); len(uids) != 0 || left != 0 {
		t.Error("the last message is news")
	}
}
