//go:build unix

package wire

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// psql runs psql against the gateway with a connection string.
func psql(t *testing.T, address, options, text string) (string, error) {
	t.Helper()
	host, port, _ := net.SplitHostPort(address)
	cmd := exec.Command("psql", "-qAtX", "-c", text, fmt.Sprintf("host=%s port=%s dbname=postgres %s", host, port, options))
	cmd.Env = append(os.Environ(), "PGPASSWORD=secret")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestTLSAndLogins(t *testing.T) {
	s := postgres(t)
	other, otherKey := filepath.Join(t.TempDir(), "o.crt"), filepath.Join(t.TempDir(), "o.key")
	writeCert(t, other, otherKey, "localhost")
	both := func(c *Config) {
		c.CertFile, c.KeyFile = s.cert, s.key
		c.UpstreamTLS, c.UpstreamCAFile, c.UpstreamName = tlsVerifyFull, s.cert, "localhost"
	}
	direct := "cannot reach" // TLS without asking is of PostgreSQL 17 and newer
	if s.major(t) >= 17 {
		direct = ""
	}
	for _, c := range []struct {
		name    string
		change  func(*Config)
		options string
		refused string // part of the message; "" passes
	}{
		{"scram, no TLS", nil, "user=clerk sslmode=disable", ""},
		{"md5", nil, "user=old sslmode=disable", ""},
		{"cleartext", nil, "user=plain sslmode=disable", ""},
		{"wrong database", nil, "user=clerk sslmode=disable dbname=nothing", `database "nothing" does not exist`},
		{"TLS, no certificate", nil, "user=clerk sslmode=require", "server does not support SSL"},
		{"TLS to the gateway only", func(c *Config) { c.CertFile, c.KeyFile = other, otherKey }, "user=clerk sslmode=verify-full sslrootcert=" + other, ""},
		{"TLS to PostgreSQL only", func(c *Config) { c.UpstreamTLS = tlsRequire }, "user=clerk sslmode=disable", ""},
		{"PostgreSQL's own pair: channel binding", both, "user=clerk sslmode=verify-full channel_binding=require sslrootcert=" + s.cert, ""},
		{"another pair: no channel binding", func(c *Config) { both(c); c.CertFile, c.KeyFile = other, otherKey }, "user=clerk sslmode=require channel_binding=require", "channel binding"},
		{"another pair, told so", func(c *Config) { both(c); c.CertFile, c.KeyFile = other, otherKey }, "user=clerk sslmode=require channel_binding=disable", ""},
		{"verify-ca ignores the name", func(c *Config) {
			c.UpstreamTLS, c.UpstreamCAFile, c.UpstreamName = tlsVerifyCA, s.cert, "elsewhere.example"
		}, "user=clerk sslmode=disable", ""},
		{"verify-full does not", func(c *Config) {
			c.UpstreamTLS, c.UpstreamCAFile, c.UpstreamName = tlsVerifyFull, s.cert, "elsewhere.example"
		}, "user=clerk sslmode=disable", "cannot reach"},
		{"verify-ca wants the authority", func(c *Config) { c.UpstreamTLS, c.UpstreamCAFile = tlsVerifyCA, other }, "user=clerk sslmode=disable", "cannot reach"},
		{"direct TLS to PostgreSQL", func(c *Config) { c.UpstreamTLS, c.UpstreamDirect = tlsRequire, true }, "user=clerk sslmode=disable", direct},
		{"TLS required", func(c *Config) { both(c); yes := true; c.RequireTLS = &yes }, "user=clerk sslmode=disable", "wants TLS"},
		{"Unix socket", func(c *Config) { c.Upstream = s.socket() }, "user=postgres sslmode=disable", ""},
		{"replication", nil, "user=postgres sslmode=disable replication=database", "replication does not pass"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := psql(t, gateway(t, &scripted{budget: -1}, c.change), c.options, "select 41+1")
			switch {
			case c.refused == "" && (err != nil || out != "42"):
				t.Errorf("%v: %s", err, out)
			case c.refused != "" && (err == nil || !strings.Contains(out, c.refused)):
				t.Errorf("want %q, got %v: %s", c.refused, err, out)
			}
		})
	}
	out, err := psql(t, gateway(t, &scripted{budget: -1}, nil), "user=clerk sslmode=disable password=wrong", "select 1")
	if err == nil || !strings.Contains(out, "password authentication failed") {
		t.Errorf("a wrong password: %v: %s", err, out)
	}
}

func TestDirectTLS(t *testing.T) {
	s := postgres(t)
	g := &scripted{budget: -1}
	address := gateway(t, g, func(c *Config) { c.CertFile, c.KeyFile, c.ClientCAFile = s.cert, s.key, s.cert })
	pair, err := tls.LoadX509KeyPair(s.cert, s.key)
	must(t, err)
	conf, err := pgx.ParseConfig("postgres://postgres@" + address + "/postgres?sslmode=require&sslnegotiation=direct")
	must(t, err)
	conf.TLSConfig.Certificates = []tls.Certificate{pair}
	conn, err := pgx.ConnectConfig(t.Context(), conf)
	must(t, err)
	must(t, conn.Ping(t.Context()))
	must(t, conn.Close(t.Context()))
	if len(g.starts) != 1 || !g.starts[0].TLS || g.starts[0].ClientCert != "localhost" {
		t.Errorf("starts %+v", g.starts)
	}
	without, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer without.Close()
	_, _ = without.Write(startPacket(major<<16, "user", "postgres"))
	_ = without.SetDeadline(time.Now().Add(10 * time.Second))
	answer, _ := io.ReadAll(without)
	if !strings.Contains(string(answer), "ALPN") {
		t.Errorf("direct TLS without ALPN got %q", answer)
	}
}

func startPacket(version uint32, params ...string) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 4), version)
	for _, p := range params {
		b = append(append(b, p...), 0)
	}
	b = append(b, 0)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

// dialRaw opens a connection that speaks bytes.
func dialRaw(t *testing.T, address string, first ...[]byte) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	for _, b := range first {
		_, err := conn.Write(b)
		must(t, err)
	}
	return conn
}

func TestVersions(t *testing.T) {
	postgres(t)
	address := gateway(t, &scripted{budget: -1}, nil)
	for _, minor := range []uint32{2, 9999} { // 3.9999 is what servers must answer with what they know
		conn := dialRaw(t, address, startPacket(major<<16|minor, "user", "postgres", "database", "postgres", "_pq_.unknown", "1"))
		in := newInbound(conn, newBuffers())
		var kinds []byte
		for len(kinds) == 0 || kinds[len(kinds)-1] != 'Z' {
			kind, frame, err := readFrame(in, maxLogin)
			must(t, err)
			if kind == 'E' {
				t.Fatalf("3.%d: %q", minor, frame)
			}
			kinds = append(kinds, kind)
		}
		if !strings.Contains(string(kinds), "v") || !strings.Contains(string(kinds), "K") {
			t.Errorf("3.%d: got messages %q", minor, kinds)
		}
	}
}

func TestGSSAndPlaintextBeforeTLS(t *testing.T) {
	s := postgres(t)
	address := gateway(t, &scripted{budget: -1}, func(c *Config) { c.CertFile, c.KeyFile = s.cert, s.key })
	request := func(code uint32) []byte {
		return binary.BigEndian.AppendUint32([]byte{0, 0, 0, 8}, code)
	}
	conn := dialRaw(t, address, request(codeGSS))
	var answer [1]byte
	_, err := io.ReadFull(conn, answer[:])
	must(t, err)
	if answer[0] != 'N' {
		t.Errorf("GSS encryption answered %q", answer)
	}
	conn = dialRaw(t, address, append(request(codeSSL), startPacket(major<<16, "user", "postgres")...))
	all, _ := io.ReadAll(conn)
	if strings.Contains(string(all), "server_version") {
		t.Error("plaintext sent before the handshake was taken")
	}
}

func TestMalformedStart(t *testing.T) {
	postgres(t)
	address := gateway(t, &scripted{budget: -1}, nil)
	for name, raw := range map[string][]byte{
		"HTTP":          []byte("GET / HTTP/1.1\r\n\r\n"),
		"2 GB":          {0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0},
		"short":         {0, 0, 0, 4, 0, 0, 0, 0},
		"protocol 2":    startPacket(2<<16, "user", "postgres"),
		"no user":       startPacket(3<<16, "database", "postgres"),
		"user twice":    startPacket(3<<16, "user", "postgres", "user", "clerk"),
		"no end":        {0, 0, 0, 13, 0, 3, 0, 0, 'u', 's', 'e', 'r', 0},
		"SSL for ever":  append(append(append(sslPacket(), sslPacket()...), sslPacket()...), sslPacket()...),
		"value no end":  {0, 0, 0, 14, 0, 3, 0, 0, 'u', 's', 'e', 'r', 0, 'x'},
		"rest after it": {0, 0, 0, 18, 0, 3, 0, 0, 'u', 's', 'e', 'r', 0, 'x', 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dialRaw(t, address, raw)
			answer, _ := io.ReadAll(conn)
			if !strings.Contains(string(answer), codeProtocol) {
				t.Errorf("answered %q", answer)
			}
		})
	}
}

func sslPacket() []byte { return binary.BigEndian.AppendUint32([]byte{0, 0, 0, 8}, codeSSL) }

func TestLoginTimeout(t *testing.T) {
	postgres(t)
	address := gateway(t, &scripted{budget: -1}, func(c *Config) { c.LoginSeconds = 1 })
	for _, first := range [][]byte{{}, {0, 0}, startPacket(major<<16, "user", "clerk", "database", "postgres")} {
		conn := dialRaw(t, address, first)
		if _, err := io.ReadAll(conn); isTimeout(err) {
			t.Errorf("after %q the connection stays open", first)
		}
	}
}

func TestBeginRefuses(t *testing.T) {
	postgres(t)
	g := &scripted{begin: &Refusal{Code: "28000", Message: "no purpose given", Hint: "Set application_name."}}
	out, err := psql(t, gateway(t, g, nil), "user=clerk sslmode=disable application_name=desk", "select 1")
	if err == nil || !strings.Contains(out, "no purpose given") {
		t.Errorf("%v: %s", err, out)
	}
	who := g.starts[0]
	if who.User != "clerk" || who.Database != "postgres" || who.Application != "desk" || who.Reported["server_encoding"] != "UTF8" || who.BackendPID == 0 {
		t.Errorf("who: %+v", who)
	}
	g.begin = context.DeadlineExceeded
	out, _ = psql(t, gateway(t, g, nil), "user=clerk sslmode=disable", "select 1")
	if strings.Contains(out, "deadline") || !strings.Contains(out, "could not judge") {
		t.Errorf("an internal error was told: %s", out)
	}
}

func TestTooManyClients(t *testing.T) {
	postgres(t)
	address := gateway(t, &scripted{budget: -1}, func(c *Config) { c.MaxConnections = 1 })
	connect(t, address, "")
	out, err := psql(t, address, "user=postgres sslmode=disable", "select 1")
	if err == nil || !strings.Contains(out, "too many clients") {
		t.Errorf("%v: %s", err, out)
	}
}
