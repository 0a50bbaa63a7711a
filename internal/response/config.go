package response

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"time"
)

// Config is the section [notices] of the configuration file.
type Config struct {
	// DeadlineHours is how long after we knew a person must have been told. Default 72.
	DeadlineHours int `toml:"deadline_hours"`
	// MaxDelayDays is for how long a notice may be delayed at a time. Default 30.
	MaxDelayDays int `toml:"max_delay_days"`
	// Approvers are the names who may approve on the command line: there the name of the
	// account on the machine counts. Default: nobody. Who signs in at the desk has roles.
	Approvers []string `toml:"approvers"`
	// House is whose notices these are, e.g. "Parliament of Verania".
	House string `toml:"house"`
	// Office, Telephone, Room and Hours say whom to call. Printed on every notice.
	Office    string `toml:"office"`
	Telephone string `toml:"telephone"`
	Room      string `toml:"room"`
	Hours     string `toml:"hours"`
	// Zone is in which times are printed, e.g. "Europe/Dublin". Default "UTC".
	Zone string `toml:"zone"`
	// Language is the one where a person's own has no file. Default "en".
	Language string `toml:"language"`
	// Languages is a folder with language files (xx.toml). English is built in.
	Languages string `toml:"languages"`
	// Font is a TrueType file (.ttf) for the PDF, where the shipped one lacks the
	// characters of a language. Default: the shipped one (Latin, Greek, Cyrillic,
	// Armenian, Georgian, Hebrew, Arabic).
	Font string `toml:"font"`
	SMTP SMTP   `toml:"smtp"`
}

// SMTP says through which server notices leave. Without Server nothing is sent by mail.
type SMTP struct {
	// Server is host:port of the operator's own server.
	Server string `toml:"server"`
	// TLS is "starttls" (default), "implicit", or "none", which is refused unless the
	// server is on this machine (a loopback address).
	TLS string `toml:"tls"`
	// ServerName is the name its certificate must be for. Default: the host of Server.
	ServerName string `toml:"server_name"`
	// CAFile holds the certificates to trust (PEM). Default: the system's.
	CAFile string `toml:"ca_file"`
	// User and PasswordFile log in. Default: no login.
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	// From is the sender, e.g. "Security desk <security@parliament.example>".
	From string `toml:"from"`
	// Hello is the name given in EHLO. Default: the domain of From.
	Hello string `toml:"hello"`
	// TimeoutSeconds bounds one sending. Default 120.
	TimeoutSeconds int `toml:"timeout_seconds"`
}

// The values of SMTP.TLS.
const (
	tlsStart    = "starttls"
	tlsImplicit = "implicit"
	tlsNone     = "none"
)

// DefaultConfig holds the defaults.
func DefaultConfig() Config {
	return Config{DeadlineHours: 72, MaxDelayDays: 30, Zone: "UTC", Language: "en", SMTP: SMTP{TLS: tlsStart, TimeoutSeconds: 120}}
}

// Validate tells all problems at once.
func (c Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("notices: "+format, args...)) }
	if c.DeadlineHours < 1 {
		wrong("deadline_hours is %d; want at least 1", c.DeadlineHours)
	}
	if c.MaxDelayDays < 1 {
		wrong("max_delay_days is %d; want at least 1", c.MaxDelayDays)
	}
	if _, err := time.LoadLocation(c.Zone); err != nil {
		wrong("zone %q is not known; write one such as \"Europe/Dublin\"", c.Zone)
	}
	if !isLanguage(c.Language) {
		wrong("language %q; want a code such as \"en\"", c.Language)
	}
	return errors.Join(append(errs, c.SMTP.Validate())...)
}

// Validate tells all problems at once. A section without server is in order.
func (s SMTP) Validate() error {
	if s.Server == "" {
		return nil
	}
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("notices.smtp: "+format, args...)) }
	host, port, err := net.SplitHostPort(s.Server)
	if err != nil || host == "" || port == "" {
		wrong("server %q; want host:port, e.g. \"mail.parliament.example:587\"", s.Server)
	}
	switch s.TLS {
	case tlsStart, tlsImplicit:
	case tlsNone:
		if !loopback(host) {
			wrong("tls is \"none\" and %s is not this machine: a notice would travel in clear; use \"starttls\" or \"implicit\"", host)
		}
	default:
		wrong("tls is %q; want starttls, implicit or none", s.TLS)
	}
	if _, err := mail.ParseAddress(s.From); err != nil {
		wrong("from %q is not an address: %v", s.From, err)
	}
	if strings.ContainsFunc(s.From, func(r rune) bool { return r > 0x7e && strings.ContainsRune(domainOf(s.From), r) }) {
		wrong("the domain of from has letters beyond ASCII; write it as xn--…")
	}
	if (s.User == "") != (s.PasswordFile == "") {
		wrong("user and password_file belong together")
	}
	if s.TimeoutSeconds < 1 {
		wrong("timeout_seconds is %d; want at least 1", s.TimeoutSeconds)
	}
	return errors.Join(errs...)
}

// loopback tells whether a host says that it is this machine. A name is what a resolver
// makes of it, so the connection's own address is asked again before anything is said.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

// isLanguage tells whether a tag can name a language file: letters, digits and hyphens.
func isLanguage(tag string) bool {
	for i, r := range tag {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && (r == '-' || r >= '0' && r <= '9')) {
			return false
		}
	}
	return len(tag) >= 2 && len(tag) <= 35
}
