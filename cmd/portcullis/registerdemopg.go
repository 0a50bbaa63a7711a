package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// demoServer is a PostgreSQL of the demo's own, in its folder, on a free port of 127.0.0.1.
type demoServer struct {
	bin, dir string
	port     int
}

// findPostgres finds the newest server that is installed.
func findPostgres(ctx context.Context) (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is a good one
	best, newest := "", 0
	for _, f := range found {
		dir := filepath.Dir(f)
		if v, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil && v > newest {
			best, newest = dir, v
		}
	}
	if best != "" {
		return best, nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		if dir := strings.TrimSpace(string(out)); exists(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	return "", errors.New("no PostgreSQL server is installed: the demo starts one of its own and needs its programs (initdb, pg_ctl); on Debian: apt-get install postgresql")
}

// startPostgres starts a server in dir, which nobody else can reach but from this machine.
func startPostgres(ctx context.Context, dir string) (*demoServer, error) {
	if runtime.GOOS == "windows" {
		return nil, errors.New("the demo starts PostgreSQL as Unix does; use it on Linux or macOS")
	}
	bin, err := findPostgres(ctx)
	if err != nil {
		return nil, err
	}
	s := &demoServer{bin: bin, dir: filepath.Join(dir, "postgres")}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return nil, err
	}
	if err := giveToPostgres(dir, s.dir); err != nil {
		return nil, err
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := s.run(ctx, "initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"); err != nil {
		return nil, err
	}
	conf := fmt.Sprintf("port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\nlogging_collector = off\n", s.port)
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(conf)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return s, s.run(ctx, "pg_ctl", "-D", s.data(), "-l", filepath.Join(s.dir, "log"), "-w", "start")
}

func (s *demoServer) data() string { return filepath.Join(s.dir, "data") }

func (s *demoServer) url(user string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/postgres?sslmode=disable", user, s.port)
}

// stop ends the server, also after the demo was interrupted.
func (s *demoServer) stop() error {
	return s.run(context.Background(), "pg_ctl", "-D", s.data(), "-m", "immediate", "-w", "stop")
}

// run runs one of PostgreSQL's programs. What it says is told if it fails.
func (s *demoServer) run(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	said, err := os.CreateTemp("", "portcullis-demo-*") // a pipe would stay open with the server
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(said.Close(), os.Remove(said.Name())) }()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, said, said
	asPostgres(cmd)
	if err := cmd.Run(); err != nil {
		raw, _ := os.ReadFile(said.Name())
		return fmt.Errorf("%s: %w\n%s", name, err, raw)
	}
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
