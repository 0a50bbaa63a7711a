//go:build unix

package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/testenv"
)

// server is a PostgreSQL of the tests' own, with TLS and SCRAM. One serves
// the whole package.
type server struct {
	dir, bin string
	port     int
	cert     string
	key      string
	as       *syscall.SysProcAttr
}

var shared struct {
	once   sync.Once
	server *server
	why    string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.stop()
		os.RemoveAll(shared.server.dir)
	}
	os.Exit(code)
}

// postgres starts PostgreSQL, or skips where none is installed.
func postgres(t testing.TB) *server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.why = startPostgres(t) })
	if shared.server == nil {
		if testenv.CI() {
			t.Fatal(shared.why)
		}
		t.Skip(shared.why)
	}
	return shared.server
}

func startPostgres(t testing.TB) (*server, string) {
	bin := findBin()
	if bin == "" {
		return nil, "no initdb: install PostgreSQL, or set PORTCULLIS_TEST_PGBIN to its programs"
	}
	dir, err := os.MkdirTemp("", "wire")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	s := &server{dir: dir, bin: bin, port: freePort(t), as: unprivileged(t, dir)}
	data := filepath.Join(dir, "data")
	s.exec(t, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync")
	s.cert, s.key = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	writeCert(t, s.cert, s.key, "localhost")
	s.own(t, s.cert, s.key)
	conf := fmt.Sprintf("\nport=%d\nunix_socket_directories='%s'\nlisten_addresses='127.0.0.1'\nfsync=off\nmax_connections=120\nssl=on\nssl_cert_file='%s'\nssl_key_file='%s'\nlog_min_messages=fatal\n",
		s.port, dir, s.cert, s.key)
	appendFile(t, filepath.Join(data, "postgresql.conf"), conf)
	must(t, os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte("local all all trust\nhost all clerk all scram-sha-256\nhost all old all md5\nhost all plain all password\nhost all all all trust\nhost replication all all trust\n"), 0o644))
	s.exec(t, "pg_ctl", "-D", data, "-w", "-l", filepath.Join(dir, "log"), "start")
	s.sql(t, schema)
	return s, ""
}

// schema is an invented register.
const schema = `
create role clerk login password 'secret'; create role plain login password 'secret';
set password_encryption=md5; create role old login password 'secret'; reset password_encryption;
create table voter (id int primary key, name text, born date, code text, ref uuid);
insert into voter select n, 'Name '||n, date '1950-06-15' + n, 'C'||n, ('00000000-0000-0000-0000-'||lpad(n::text,12,'0'))::uuid from generate_series(1,20000) n;
create table other (n int); insert into other values (1),(2),(3);
grant all on voter, other to public;`

func findBin() string {
	if dir := os.Getenv("PORTCULLIS_TEST_PGBIN"); dir != "" {
		return dir
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

// unprivileged is who runs PostgreSQL, which refuses to be root.
func unprivileged(t testing.TB, dir string) *syscall.SysProcAttr {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	must(t, err)
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	must(t, os.Chown(dir, uid, gid))
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func (s *server) own(t testing.TB, files ...string) {
	if s.as == nil {
		return
	}
	for _, f := range files {
		must(t, os.Chown(f, int(s.as.Credential.Uid), int(s.as.Credential.Gid)))
	}
}

func (s *server) exec(t testing.TB, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.SysProcAttr, cmd.Dir = s.as, s.dir
	if program == "pg_ctl" { // the server it starts would keep a pipe open
		must(t, cmd.Run())
		return
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

func (s *server) stop() {
	cmd := exec.Command(filepath.Join(s.bin, "pg_ctl"), "-D", filepath.Join(s.dir, "data"), "-m", "immediate", "-w", "stop")
	cmd.SysProcAttr, cmd.Dir = s.as, s.dir
	_ = cmd.Run()
}

func (s *server) sql(t testing.TB, text string) string {
	t.Helper()
	out, err := exec.Command("psql", "-h", s.dir, "-p", strconv.Itoa(s.port), "-U", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text, "postgres").CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return string(out)
}

// major is PostgreSQL's version: 15, 18 …
func (s *server) major(t testing.TB) int {
	n, err := strconv.Atoi(strings.TrimSpace(s.sql(t, "select current_setting('server_version_num')::int / 10000")))
	must(t, err)
	return n
}

func (s *server) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }
func (s *server) socket() string  { return filepath.Join(s.dir, fmt.Sprintf(".s.PGSQL.%d", s.port)) }

// gateway runs a gateway before PostgreSQL and returns its address.
func gateway(t testing.TB, guard Guard, change func(*Config)) string {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Listen = "127.0.0.1:0"
	if shared.server != nil {
		cfg.Upstream = shared.server.address()
	}
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg, guard, slog.New(slog.NewTextHandler(testLog{t}, nil)))
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	l, err := g.Listen(ctx)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- g.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the gateway did not end")
		}
	})
	return l.Addr().String()
}

type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) { l.t.Log(string(b)); return len(b), nil }

func writeCert(t testing.TB, certFile, keyFile, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	pkcs, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	must(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	must(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs}), 0o600))
}

func appendFile(t testing.TB, path, text string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	defer f.Close()
	_, err = f.WriteString(text)
	must(t, err)
}

func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
