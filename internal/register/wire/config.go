package wire

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config is the gateway's part of the section [register].
type Config struct {
	// Listen is the address clients come to. Default 127.0.0.1:6432. An
	// address that other machines reach wants CertFile and KeyFile.
	Listen string `toml:"listen"`
	// CertFile and KeyFile (PEM) are for TLS with clients. Present
	// PostgreSQL's own pair: SCRAM-SHA-256-PLUS ties the login to the
	// server's certificate (RFC 5929 §4, tls-server-end-point), so that only
	// then channel_binding=require passes end to end, and the gateway knows
	// no password. With any other pair plain SCRAM-SHA-256 is offered; a
	// client that could bind must then be told channel_binding=disable, or
	// Upstream go without TLS, as PostgreSQL takes the missing offer for an attack.
	CertFile string `toml:"cert_file"`
	KeyFile  string `toml:"key_file"`
	// ClientCAFile (PEM) verifies certificates of clients that show one.
	ClientCAFile string `toml:"client_ca_file"`
	// RequireTLS refuses clients without TLS. Default: wherever Listen is
	// not a loopback address.
	RequireTLS *bool `toml:"require_tls"`

	// Upstream is PostgreSQL: host:port, or the path of its Unix socket.
	Upstream string `toml:"upstream"`
	// UpstreamTLS is "verify-full" (default for another machine), "verify-ca",
	// "require" (whoever answers), or "disable" (default for this machine).
	UpstreamTLS string `toml:"upstream_tls"`
	// UpstreamDirect begins TLS without asking first (PostgreSQL 17 and newer).
	UpstreamDirect bool `toml:"upstream_direct"`
	// UpstreamCAFile holds the certificates to trust (PEM). Default: the system's.
	UpstreamCAFile string `toml:"upstream_ca_file"`
	// UpstreamName is the name its certificate must be for. Default: the host of Upstream.
	UpstreamName string `toml:"upstream_name"`

	// Observing passes what the gateway cannot place (rows of a statement
	// that was prepared where it could not see it) instead of refusing it.
	Observing bool `toml:"-"`
	// AllowFunctionCall passes the fast-path function call, which libpq's
	// large objects use; AllowReplication passes replication start-ups.
	// Both carry data past every statement. Default: refused.
	AllowFunctionCall bool `toml:"allow_function_call"`
	AllowReplication  bool `toml:"allow_replication"`

	// MaxConnections is how many clients there may be. Default 5000.
	MaxConnections int `toml:"max_connections"`
	// MaxMessageMB bounds one message from a client other than COPY data.
	// MaxRowMB bounds a metered row. Default 64 each.
	MaxMessageMB int `toml:"max_message_mb"`
	MaxRowMB     int `toml:"max_row_mb"`
	// LoginSeconds is how long a client may take to log in. Default 60, PostgreSQL's own.
	LoginSeconds int `toml:"login_seconds"`
	// StallSeconds is after how long a client that takes none of its rows is
	// closed, and a PostgreSQL that takes no statement. Default 900.
	StallSeconds int `toml:"stall_seconds"`
}

const defaultListen = "127.0.0.1:6432"

// DefaultConfig has the defaults; Upstream must be given.
func DefaultConfig() Config {
	return Config{Listen: defaultListen, MaxConnections: 5000, MaxMessageMB: 64, MaxRowMB: 64, LoginSeconds: 60, StallSeconds: 900}
}

// Validate tells all that is wrong.
func (c *Config) Validate() error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf("register: "+format, args...)) }
	if _, _, err := net.SplitHostPort(c.Listen); err != nil && !unixPath(c.Listen) {
		bad("listen %q must be host:port or the path of a Unix socket", c.Listen)
	}
	if _, _, err := net.SplitHostPort(c.Upstream); err != nil && !unixPath(c.Upstream) {
		bad("upstream %q must be host:port of PostgreSQL or the path of its Unix socket", c.Upstream)
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		bad("cert_file and key_file belong together")
	}
	if c.requireTLS() && c.CertFile == "" {
		bad("listen %q reaches beyond this machine: set cert_file and key_file, or require_tls = false", c.Listen)
	}
	switch c.UpstreamTLS {
	case "", tlsDisable, tlsRequire, tlsVerifyCA, tlsVerifyFull:
	default:
		bad("upstream_tls %q must be disable, require, verify-ca or verify-full", c.UpstreamTLS)
	}
	for name, n := range map[string]int{"max_connections": c.MaxConnections, "max_message_mb": c.MaxMessageMB, "max_row_mb": c.MaxRowMB, "login_seconds": c.LoginSeconds, "stall_seconds": c.StallSeconds} {
		if n < 1 {
			bad("%s must be at least 1", name)
		}
	}
	if max(c.MaxMessageMB, c.MaxRowMB) > hugeSize>>20 {
		bad("max_message_mb and max_row_mb can be at most %d, as PostgreSQL's own", hugeSize>>20)
	}
	return errors.Join(all...)
}

// The ways to trust PostgreSQL, as libpq's sslmode names them.
const (
	tlsDisable    = "disable"
	tlsRequire    = "require"
	tlsVerifyCA   = "verify-ca"
	tlsVerifyFull = "verify-full"
)

// alpn is the protocol both sides name (PostgreSQL manual, "SSL Session
// Encryption"); with direct TLS it must be agreed on.
const alpn = "postgresql"

func unixPath(s string) bool { return filepath.IsAbs(s) }

func loopback(address string) bool {
	if unixPath(address) {
		return true
	}
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *Config) requireTLS() bool {
	if c.RequireTLS != nil {
		return *c.RequireTLS
	}
	return !loopback(c.Listen)
}

func (c *Config) login() time.Duration { return time.Duration(c.LoginSeconds) * time.Second }
func (c *Config) stall() time.Duration { return time.Duration(c.StallSeconds) * time.Second }
func (c *Config) maxMessage() int      { return c.MaxMessageMB << 20 }
func (c *Config) maxRow() int          { return c.MaxRowMB << 20 }

func (c *Config) upstreamMode() string {
	switch {
	case c.UpstreamTLS != "":
		return c.UpstreamTLS
	case loopback(c.Upstream):
		return tlsDisable
	}
	return tlsVerifyFull
}

// serverTLS is for clients; nil without a certificate.
func (c *Config) serverTLS() (*tls.Config, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("register: cert_file and key_file: %w", err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{alpn}, MinVersion: tls.VersionTLS12}
	if c.ClientCAFile != "" {
		if conf.ClientCAs, err = readCAs(c.ClientCAFile); err != nil {
			return nil, err
		}
		conf.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return conf, nil
}

// clientTLS is for PostgreSQL; nil without TLS.
func (c *Config) clientTLS() (*tls.Config, error) {
	mode := c.upstreamMode()
	if mode == tlsDisable {
		return nil, nil
	}
	host, _, _ := net.SplitHostPort(c.Upstream)
	conf := &tls.Config{ServerName: host, NextProtos: []string{alpn}, MinVersion: tls.VersionTLS12}
	if c.UpstreamName != "" {
		conf.ServerName = c.UpstreamName
	}
	if c.UpstreamCAFile != "" {
		var err error
		if conf.RootCAs, err = readCAs(c.UpstreamCAFile); err != nil {
			return nil, err
		}
	}
	switch mode {
	case tlsRequire:
		conf.InsecureSkipVerify = true
	case tlsVerifyCA:
		// The chain is verified, the name is not: crypto/tls does both or none.
		conf.InsecureSkipVerify = true
		conf.VerifyConnection = verifyChain(conf.RootCAs)
	}
	return conf, nil
}

func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		opts := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, cert := range state.PeerCertificates[1:] {
			opts.Intermediates.AddCert(cert)
		}
		_, err := state.PeerCertificates[0].Verify(opts)
		return err
	}
}

func readCAs(path string) (*x509.CertPool, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("register: read certificates to trust: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("register: %s holds no certificate in PEM", path)
	}
	return pool, nil
}

// sameCertificate says whether PostgreSQL shows the certificate we show.
func sameCertificate(ours *tls.Config, upstream net.Conn) bool {
	conn, ok := upstream.(*tls.Conn)
	if !ok || ours == nil {
		return false
	}
	peer := conn.ConnectionState().PeerCertificates
	return len(peer) > 0 && sha256.Sum256(peer[0].Raw) == sha256.Sum256(ours.Certificates[0].Certificate[0])
}

func network(address string) string {
	if unixPath(address) {
		return "unix"
	}
	return "tcp"
}

// hostOf is what a log may say of a peer.
func hostOf(conn net.Conn) string {
	if a := conn.RemoteAddr(); a != nil && !strings.HasPrefix(a.Network(), "unix") {
		return a.String()
	}
	return ""
}
