//go:build unix

// Package pgtest gives a test a PostgreSQL of its own: a cluster in a temporary folder, on a
// free port of 127.0.0.1, that ends with the test. It is for tests only.
package pgtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a running PostgreSQL.
type Server struct {
	Port int
	Dir  string
	Bin  string
	cred *syscall.Credential
}

// bin finds the newest installed server's programs, or takes those that PORTCULLIS_TEST_PGBIN names.
func bin() string {
	if dir := os.Getenv("PORTCULLIS_TEST_PGBIN"); dir != "" {
		return dir
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	best, version := "", 0
	for _, f := range found {
		dir := filepath.Dir(f)
		if v, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil && v > version {
			best, version = dir, v
		}
	}
	if best == "" {
		if p, err := exec.LookPath("initdb"); err == nil {
			best = filepath.Dir(p)
		}
	}
	return best
}

// Start starts a server with a superuser postgres and no passwords. Lines are added to postgresql.conf.
// A test is skipped where no server is installed, and fails so in CI.
func Start(t testing.TB, lines ...string) *Server {
	t.Helper()
	s := &Server{Bin: bin()}
	if s.Bin == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("CI needs PostgreSQL (apt-get install postgresql)")
		}
		t.Skip("needs an installed PostgreSQL (apt-get install postgresql)")
	}
	if s.Dir = tempDir(t); os.Geteuid() == 0 {
		s.cred = postgresUser(t, s.Dir)
	}
	s.run(t, "initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
	s.Port = freePort(t)
	conf := append([]string{
		fmt.Sprintf("port = %d", s.Port), "listen_addresses = '127.0.0.1'", "unix_socket_directories = '" + s.Dir + "'",
		"fsync = off", "max_connections = 200", "shared_buffers = 128MB", "logging_collector = off",
	}, lines...)
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(strings.Join(conf, "\n") + "\n")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.run(t, "pg_ctl", "-D", s.data(), "-l", filepath.Join(s.Dir, "log"), "-w", "start")
	t.Cleanup(func() { s.run(t, "pg_ctl", "-D", s.data(), "-m", "immediate", "-w", "stop") })
	return s
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

// URL is the address of a database for a user.
func (s *Server) URL(user, database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", user, s.Port, database)
}

// Addr is host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Client is the path of a client's program: the server's own, or where it came without (as in archives of servers), the installed one.
func (s *Server) Client(name string) string {
	own := filepath.Join(s.Bin, name)
	if _, err := os.Stat(own); err != nil {
		return name
	}
	return own
}

// PSQL runs statements as the superuser, straight.
func (s *Server) PSQL(t testing.TB, database, sql string) string {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), s.Client("psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", s.URL("postgres", database), "-c", sql)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *Server) run(t testing.TB, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.Bin, name), args...)
	cmd.Dir = s.Dir
	if s.cred != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	}
	out, err := os.CreateTemp("", "pgtest-*") // a pipe would stay open with the server
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(out.Name()) }()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	if said, _ := os.ReadFile(out.Name()); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said)
	}
	_ = out.Close()
}

func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// postgresUser gives a folder to the user postgres: the server refuses to run as root.
func postgresUser(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("as root, PostgreSQL needs a user postgres to run as")
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
