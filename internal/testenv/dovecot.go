package testenv

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// DovecotServer is an IMAP server of a test's own, in a folder of its own.
type DovecotServer struct {
	Dir      string
	CAFile   string // the certificate it shows, for 127.0.0.1 and localhost
	Port     int    // plain, and STARTTLS
	TLSPort  int
	cmd      *exec.Cmd
	uid      int
	serial   atomic.Int64
	password map[string]string
}

// MasterUser may sign in as anybody, as "anna@house.example*audit".
const MasterUser, MasterPassword = "audit", "master-secret"

// dovecotConf is for Dovecot 2.3. Two ports, Maildirs below mail/, users in a file.
const dovecotConf = `
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/run
log_path = {{.Dir}}/log
instance_name = {{.Name}}
protocols = imap
listen = 127.0.0.1
mail_location = maildir:{{.Dir}}/mail/%u
mail_uid = {{.UID}}
mail_gid = {{.GID}}
first_valid_uid = {{.UID}}
first_valid_gid = {{.GID}}
default_internal_user = {{.Internal}}
default_login_user = {{.Login}}
{{if .Group}}default_internal_group = {{.Group}}
{{end}}ssl = yes
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_master_user_separator = *
auth_failure_delay = 0 secs
auth_cache_size = 0
mail_max_userip_connections = 100
imap_capability = +XNOTHING
maildir_very_dirty_syncs = no
mailbox_idle_check_interval = 2 secs
passdb {
  driver = passwd-file
  args = {{.Dir}}/masters
  master = yes
  result_success = continue
}
passdb {
  driver = passwd-file
  mechanisms = plain login
  args = {{.Dir}}/users
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {{.Dir}}/oauth2.conf
}
userdb {
  driver = static
  args = uid={{.UID}} gid={{.GID}} home={{.Dir}}/mail/%u
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    special_use = \Drafts
  }
  mailbox Sent {
    special_use = \Sent
  }
  mailbox Junk {
    special_use = \Junk
  }
  mailbox Trash {
    special_use = \Trash
  }
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = {{.Port}}
  }
  inet_listener imaps {
    port = {{.TLSPort}}
  }
}
service stats {
  chroot =
}
`

// Dovecot starts a server with these users, each with the password in the map, and stops it
// when the test ends. It takes no tokens.
func Dovecot(t testing.TB, users map[string]string) *DovecotServer {
	t.Helper()
	return DovecotWithTokens(t, users, "")
}

// DovecotWithTokens is a Dovecot that has the service at introspect judge tokens (RFC 7662): it posts each one there, and takes it
// where "active" is true and "email" is who signs in.
func DovecotWithTokens(t testing.TB, users map[string]string, introspect string) *DovecotServer {
	t.Helper()
	binary := dovecotBinary(t)
	dir, err := os.MkdirTemp("", "dc") // short: a socket's path holds 107 bytes
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ports := freePorts(t, 2)
	d := &DovecotServer{Dir: dir, CAFile: filepath.Join(dir, "cert.pem"), Port: ports[0], TLSPort: ports[1], password: users}
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Mkdir(filepath.Join(dir, "mail"), 0o755))
	must(t, writeCertificate(dir))
	var list bytes.Buffer
	for name, password := range users {
		fmt.Fprintf(&list, "%s:{PLAIN}%s\n", name, password)
	}
	d.write(t, "users", list.String(), 0o644)
	d.write(t, "masters", MasterUser+":{PLAIN}"+MasterPassword+"\n", 0o644)
	judge := "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=" + dir + "/keys/\n"
	if introspect != "" {
		judge = "introspection_mode = post\nintrospection_url = " + introspect + "\nusername_attribute = email\nactive_attribute = active\nactive_value = true\n"
	}
	d.write(t, "oauth2.conf", judge, 0o644)
	d.write(t, "dovecot.conf", d.conf(t), 0o644)
	d.start(t, binary)
	return d
}

// dovecotBinary finds the program; packages dovecot-core and dovecot-imapd of Debian have it.
func dovecotBinary(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"dovecot", "/usr/sbin/dovecot", "/usr/local/sbin/dovecot"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if CI() {
		t.Fatal("Dovecot is not installed: in CI it must be (dovecot-imapd)")
	}
	t.Skip("Dovecot is not installed; install dovecot-imapd to run this test")
	return ""
}

func (d *DovecotServer) conf(t testing.TB) string {
	t.Helper()
	v := struct {
		*DovecotServer
		Name, Internal, Login, Group string
		UID, GID                     int
	}{DovecotServer: d, Name: filepath.Base(d.Dir), UID: os.Getuid(), GID: os.Getgid(), Internal: "dovecot", Login: "dovenull"}
	if os.Getuid() == 0 { // mail is never read as root
		v.UID, v.GID = 65534, 65534
	} else {
		me, err := user.Current()
		must(t, err)
		group, err := user.LookupGroupId(me.Gid)
		must(t, err)
		v.Internal, v.Login, v.Group = me.Username, me.Username, group.Name
	}
	d.uid = v.UID
	var out bytes.Buffer
	must(t, template.Must(template.New("conf").Parse(dovecotConf)).Execute(&out, v))
	return out.String()
}

func (d *DovecotServer) start(t testing.TB, binary string) {
	t.Helper()
	must(t, os.Chown(filepath.Join(d.Dir, "mail"), d.uid, -1))
	d.cmd = exec.Command(binary, "-F", "-c", filepath.Join(d.Dir, "dovecot.conf"))
	var said bytes.Buffer
	d.cmd.Stdout, d.cmd.Stderr = &said, &said
	must(t, d.cmd.Start())
	done := make(chan struct{})
	go func() { _ = d.cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = d.cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			t.Logf("Dovecot's log:\n%s", d.Log())
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		err := greeted(d.Addr())
		if err == nil {
			return
		}
		select {
		case <-done:
			t.Fatalf("Dovecot ended: %s\n%s", said.String(), d.Log())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("Dovecot does not listen: %v\n%s\n%s", err, said.String(), d.Log())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// greeted tells whether a server has come so far as to greet.
func greeted(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		return err
	}
	_, err = conn.Write([]byte("a LOGOUT\r\n"))
	return err
}

// Addr is where it listens without TLS.
func (d *DovecotServer) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Port)) }

// Log is what it has logged.
func (d *DovecotServer) Log() string {
	log, _ := os.ReadFile(filepath.Join(d.Dir, "log"))
	return string(log)
}

// Folder is the Maildir of a user's folder, "" or "INBOX" for the first one.
func (d *DovecotServer) Folder(user, folder string) string {
	dir := filepath.Join(d.Dir, "mail", user)
	if folder != "" && folder != "INBOX" {
		dir = filepath.Join(dir, "."+strings.ReplaceAll(folder, "/", "."))
	}
	return dir
}

// MakeFolder makes a user's folder, with those above it.
func (d *DovecotServer) MakeFolder(t testing.TB, user, folder string) {
	t.Helper()
	d.makeDir(t, filepath.Join(d.Dir, "mail", user))
	dir := d.Folder(user, folder)
	d.makeDir(t, dir)
	for _, sub := range []string{"cur", "new", "tmp"} {
		d.makeDir(t, filepath.Join(dir, sub))
	}
}

func (d *DovecotServer) makeDir(t testing.TB, dir string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o700))
	must(t, os.Chown(dir, d.uid, -1))
}

// Deliver puts a message into a folder, as a delivery agent does, and returns its file.
func (d *DovecotServer) Deliver(t testing.TB, user, folder string, raw []byte) string {
	t.Helper()
	d.awaitSecond(t)
	dir := d.Folder(user, folder)
	if _, err := os.Stat(filepath.Join(dir, "tmp")); err != nil {
		d.MakeFolder(t, user, folder)
	}
	name := fmt.Sprintf("%d.M%08dP1.test", 1_700_000_000+d.serial.Load(), d.serial.Add(1))
	tmp, file := filepath.Join(dir, "tmp", name), filepath.Join(dir, "new", name)
	must(t, os.WriteFile(tmp, raw, 0o600))
	must(t, os.Chown(tmp, d.uid, -1))
	must(t, os.Rename(tmp, file))
	return file
}

// awaitSecond waits, if somebody was just here, until the next second begins: Dovecot looks into a Maildir once a second at
// most, and until then answers STATUS with what it saw.
func (d *DovecotServer) awaitSecond(t testing.TB) {
	t.Helper()
	log, err := os.Stat(filepath.Join(d.Dir, "log"))
	must(t, err)
	seen := log.ModTime().Add(400 * time.Millisecond) // a look follows its line, on a busy machine not at once
	time.Sleep(time.Until(seen.Truncate(time.Second).Add(time.Second)))
}

// Forget removes what it keeps of a folder beside the mail, so that the folder gets a new UIDVALIDITY: the next one, which it keeps elsewhere.
func (d *DovecotServer) Forget(t testing.TB, user, folder string) {
	t.Helper()
	d.awaitNobody(t)
	for _, pattern := range []string{"dovecot.index*", "dovecot-uidlist*"} {
		files, err := filepath.Glob(filepath.Join(d.Folder(user, folder), pattern))
		must(t, err)
		for _, f := range files {
			must(t, os.RemoveAll(f))
		}
	}
}

// awaitNobody waits until all who signed in have gone, and nothing of theirs is written any more.
func (d *DovecotServer) awaitNobody(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		log := d.Log()
		gone := 0
		for line := range strings.Lines(log) {
			if strings.Contains(line, " imap(") && (strings.Contains(line, "Info: Disconnected") || strings.Contains(line, "Info: Logged out")) {
				gone++
			}
		}
		if gone >= strings.Count(log, "imap-login: Info: Login: user=") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("somebody stays signed in")
		}
	}
}

func (d *DovecotServer) write(t testing.TB, name, text string, mode os.FileMode) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(d.Dir, name), []byte(text), mode))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// freePorts finds some that nobody listens on. They are held until all are found, or the system could give one twice.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// writeCertificate makes a certificate that signs itself, good for an hour.
func writeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.house.example"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}
