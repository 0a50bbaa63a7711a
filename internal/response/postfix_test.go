package response

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/testenv"
)

// postfix starts a Postfix of its own on a free port, with STARTTLS, that delivers
// parliament.example into a Maildir.
func postfix(t *testing.T) (cfg SMTP, maildir string) {
	t.Helper()
	skip := func(why string) {
		if testenv.CI() {
			t.Fatal(why + "; CI runs this test")
		}
		t.Skip(why)
	}
	owner, err := user.Lookup("postfix")
	if _, missing := exec.LookPath("postfix"); missing != nil || err != nil {
		skip("Postfix is not installed")
	}
	if os.Geteuid() != 0 {
		skip("Postfix can only be started by root")
	}
	dir, err := os.MkdirTemp("", "postfix-") // t.TempDir lies in a folder that others may not enter
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	for _, sub := range []string{"spool", "data", "mail"} {
		must(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
	}
	for _, sub := range []string{"data", "mail"} {
		must(t, exec.Command("chown", owner.Uid, filepath.Join(dir, sub)).Run())
	}
	cert, ca := certificate(t, "mail.parliament.example")
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	must(t, err)
	chain, err := os.ReadFile(ca)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "tls.pem"), append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}), chain...), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := l.Addr().String()
	must(t, l.Close())
	must(t, os.WriteFile(filepath.Join(dir, "main.cf"), fmt.Appendf(nil, `compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/data
myhostname = mail.parliament.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
smtpd_tls_chain_files = %[1]s/tls.pem
smtpd_tls_security_level = encrypt
virtual_mailbox_domains = parliament.example
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_maps = inline:{anna.keller@parliament.example=anna/}
virtual_minimum_uid = 1
virtual_uid_maps = static:%[2]s
virtual_gid_maps = static:%[3]s
`, dir, owner.Uid, owner.Gid), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "master.cf"), fmt.Appendf(nil, `%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
showq unix n - n - - showq
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
`, address), 0o644))
	if out, err := exec.Command("postfix", "-c", dir, "start").CombinedOutput(); err != nil {
		t.Fatalf("start Postfix: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("postfix", "-c", dir, "stop").Run() })
	return SMTP{Server: address, TLS: tlsStart, ServerName: "mail.parliament.example", CAFile: ca, From: "Security desk <security@parliament.example>", TimeoutSeconds: 20}, filepath.Join(dir, "mail", "anna", "new")
}

// TestPostfix sends through the mail server that most houses run, and reads what arrives.
func TestPostfix(t *testing.T) {
	cfg, maildir := postfix(t)
	b, o, n := ready(t, cfg)
	n, err := send(b, o, n)
	must(t, err)
	equal(t, "state", n.State, Sent)
	var files []string
	for deadline := time.Now().Add(time.Minute); len(files) == 0; time.Sleep(50 * time.Millisecond) {
		if files, _ = filepath.Glob(filepath.Join(maildir, "*")); time.Now().After(deadline) {
			t.Fatal("Postfix took the notice and did not deliver it within a minute")
		}
	}
	equal(t, "delivered", len(files), 1)
	raw, err := os.ReadFile(files[0])
	must(t, err)
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	must(t, err)
	equal(t, "message id", m.Header.Get("Message-ID"), "<"+n.MessageID+">")
	equal(t, "sender", m.Header.Get("Return-Path"), "<security@parliament.example>")

	other := anna() // an address that the server does not know
	other.Person, other.Addresses = "person:b", []string{"nobody@parliament.example"}
	unknown, err := send(b, o, b.approve(b.draft(machineCaller, other)))
	if e, ok := errors.AsType[*NotSentError](err); !ok || e.Temporary || unknown.State != Approved {
		t.Errorf("an unknown address: %v, %s", err, unknown.State)
	}
}
