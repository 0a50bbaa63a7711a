package imap

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"portcullis.example/portcullis/internal/mail/remote"
)

// Config is the table [sources.imap] of the configuration.
type Config struct {
	// Host is the server's name, as it stands in its certificate.
	Host string `toml:"host"`
	// Port is 993, or 143 with tls = "starttls" or "none", unless given.
	Port int `toml:"port"`
	// TLS is "implicit" (default), "starttls", or "none", which is refused but to this machine itself.
	TLS string `toml:"tls"`
	// CAFile holds the certificates that are trusted instead of the system's, in PEM.
	CAFile string `toml:"ca_file"`

	// Mailbox is the address whose mail it is; User is what is signed in with, if that is another name.
	Mailbox string `toml:"mailbox"`
	User    string `toml:"user"`
	// PasswordFile and TokenFile hold a password (for this program alone, where the server can make such) or
	// an OAuth 2.0 access token that something else keeps fresh.
	PasswordFile string `toml:"password_file"`
	TokenFile    string `toml:"token_file"`
	// Auth is "login", "plain", "xoauth2", "oauthbearer"; default: what the server offers, the last first where there is a token.
	Auth string `toml:"auth"`

	// Accounts and AccountsFile name several mailboxes, instead of Mailbox. The file holds [[accounts]].
	Accounts     []Account `toml:"accounts"`
	AccountsFile string    `toml:"accounts_file"`
	// MasterUser signs in with its own password as each of the mailboxes that are named here, and no other.
	MasterUser string `toml:"master_user"`
	// MasterBy is how: "name" (default: user*master, with MasterSeparator) or "authzid" (RFC 4616).
	MasterBy        string `toml:"master_by"`
	MasterSeparator string `toml:"master_separator"`

	// Include and Exclude choose folders by pattern: * is anything within a
	// level, ** anything. Default: all but drafts and what only shows again mail that lies elsewhere.
	Include []string `toml:"include"`
	Exclude []string `toml:"exclude"`
	// Shared reads folders of others that the mailbox has been given to see.
	Shared bool `toml:"shared"`

	// MaxMessage is up to how many bytes of a message are read. Default 64 MiB.
	MaxMessage int64 `toml:"max_message"`
	// TimeoutSeconds is how long a server may say nothing when it should. Default 90.
	TimeoutSeconds int `toml:"timeout_seconds"`
	// Connections is how many are kept open to hear of new mail at once (IDLE). Default 8; other mailboxes are asked in turn.
	Connections int `toml:"connections"`
	// RequestsPerMinute bounds what is asked of the server. Default 0: no bound.
	RequestsPerMinute int `toml:"requests_per_minute"`

	// Tokens gives access tokens where something in this program keeps them fresh.
	Tokens func(mailbox string) remote.TokenSource `toml:"-" json:"-"`
}

// Account is one mailbox of several.
type Account struct {
	Mailbox      string `toml:"mailbox"`
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	TokenFile    string `toml:"token_file"`
}

const (
	tlsImplicit = "implicit"
	tlsStart    = "starttls"
	tlsNone     = "none"

	authLogin  = "login"
	authPlain  = "plain"
	authX      = "xoauth2"
	authBearer = "oauthbearer"

	byName    = "name"
	byAuthzid = "authzid"

	maxAccounts     = 10_000
	maxAccountsFile = 4 << 20
)

func (c Config) withDefaults() Config {
	c.TLS = or(c.TLS, tlsImplicit)
	c.MasterBy, c.MasterSeparator = or(c.MasterBy, byName), or(c.MasterSeparator, "*")
	port := 993
	if c.TLS != tlsImplicit {
		port = 143
	}
	c.Port = or(c.Port, port)
	c.MaxMessage = or(c.MaxMessage, 64<<20)
	c.TimeoutSeconds = or(c.TimeoutSeconds, 90)
	c.Connections = or(c.Connections, 8)
	return c
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func (c Config) timeout() time.Duration { return time.Duration(c.TimeoutSeconds) * time.Second }

func (c Config) address() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// Paths are the paths in it, for the caller to make them relative to the configuration's folder.
func (c *Config) Paths() []*string {
	list := []*string{&c.CAFile, &c.PasswordFile, &c.TokenFile, &c.AccountsFile}
	for i := range c.Accounts {
		list = append(list, &c.Accounts[i].PasswordFile, &c.Accounts[i].TokenFile)
	}
	return list
}

// Validate tells all problems at once. It opens no secret.
func (c Config) Validate() error {
	d := c.withDefaults()
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if d.Host == "" || strings.ContainsAny(d.Host, "/ \t") {
		bad("host is %q; want the server's name, as in mail.house.example", d.Host)
	}
	if d.Port < 1 || d.Port > 65535 {
		bad("port is %d; want 1 to 65535", d.Port)
	}
	oneOf := func(key, value string, allowed ...string) {
		for _, a := range allowed {
			if a == value {
				return
			}
		}
		bad("%s is %q; want %s", key, value, strings.Join(allowed, ", "))
	}
	oneOf("tls", d.TLS, tlsImplicit, tlsStart, tlsNone)
	oneOf("auth", or(d.Auth, authPlain), authLogin, authPlain, authX, authBearer)
	oneOf("master_by", d.MasterBy, byName, byAuthzid)
	if d.TimeoutSeconds < 1 || d.Connections < 1 || d.MaxMessage < 1024 || d.RequestsPerMinute < 0 {
		bad("timeout_seconds, connections, max_message and requests_per_minute: want at least 1, 1, 1024 and 0")
	}
	for _, pattern := range append(append([]string{}, d.Include...), d.Exclude...) {
		if _, err := path.Match(pattern, ""); err != nil {
			bad("the pattern %q of folders is not one: %v", pattern, err)
		}
	}
	return errors.Join(append(errs, d.validateAccounts())...)
}

func (c Config) validateAccounts() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	several := len(c.Accounts) > 0 || c.AccountsFile != ""
	switch {
	case several && c.Mailbox != "":
		bad("mailbox and accounts are both set; keep one")
	case !several && c.Mailbox == "" && c.User == "":
		bad("mailbox is missing: whose mail is it?")
	case len(c.Accounts) > 0 && c.AccountsFile != "":
		bad("accounts and accounts_file are both set; keep one")
	}
	if c.MasterUser != "" && c.Auth != "" && c.Auth != authLogin && c.Auth != authPlain {
		bad("master_user needs a password: auth is %q; want login or plain", c.Auth)
	}
	if c.MasterUser != "" && c.MasterBy == byAuthzid && c.Auth == authLogin {
		bad("master_by = %q needs auth = %q", byAuthzid, authPlain)
	}
	seen := map[string]bool{}
	for _, a := range c.resolved(c.Accounts) {
		errs = append(errs, c.validateAccount(a))
		if seen[a.Mailbox] {
			bad("mailbox %q is named twice", a.Mailbox)
		}
		seen[a.Mailbox] = true
	}
	return errors.Join(errs...)
}

func (c Config) validateAccount(a Account) error {
	secrets := 0
	for _, set := range []bool{a.PasswordFile != "", a.TokenFile != "", c.Tokens != nil} {
		if set {
			secrets++
		}
	}
	switch {
	case a.Mailbox == "":
		return errors.New("an account has no mailbox: whose mail is it?")
	case strings.ContainsAny(a.Mailbox+a.User, "\r\n\x00"):
		return fmt.Errorf("mailbox %q: a name is one line", a.Mailbox)
	case secrets == 0:
		return fmt.Errorf("mailbox %q has no password_file and no token_file", a.Mailbox)
	case secrets > 1:
		return fmt.Errorf("mailbox %q has more than one of password_file, token_file and oauth; keep one", a.Mailbox)
	case c.Auth != "" && (c.Auth == authX || c.Auth == authBearer) == (a.PasswordFile != ""):
		return fmt.Errorf("mailbox %q: auth = %q does not go with the secret that is named", a.Mailbox, c.Auth)
	}
	return nil
}

// resolved fills in what accounts take from the source; without accounts, the one of the source itself.
func (c Config) resolved(list []Account) []Account {
	if len(list) == 0 && c.AccountsFile == "" {
		list = []Account{{Mailbox: or(c.Mailbox, c.User), User: c.User}}
	}
	out := make([]Account, len(list))
	for i, a := range list {
		a.User = or(a.User, a.Mailbox)
		if a.PasswordFile == "" && a.TokenFile == "" {
			a.PasswordFile, a.TokenFile = c.PasswordFile, c.TokenFile
		}
		out[i] = a
	}
	return out
}

// accounts are the mailboxes, of the file if one is named.
func (c Config) accounts() ([]Account, error) {
	if c.AccountsFile != "" {
		list, err := readAccounts(c.AccountsFile)
		if err != nil {
			return nil, err
		}
		c.Accounts, c.AccountsFile = list, ""
		c.Accounts = c.resolved(c.Accounts)
		return c.Accounts, c.Validate()
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.resolved(c.Accounts), nil
}

// readAccounts reads a file of [[accounts]]. Paths in it are relative to its folder.
func readAccounts(file string) ([]Account, error) {
	raw, err := os.ReadFile(file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("accounts_file: %w", err)
	case len(raw) > maxAccountsFile:
		return nil, fmt.Errorf("accounts_file %s is larger than %d MiB; is it the right file?", file, maxAccountsFile>>20)
	}
	var list struct {
		Accounts []Account `toml:"accounts"`
	}
	err = toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields().Decode(&list)
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		line, _ := strict.Errors[0].Position()
		return nil, fmt.Errorf("%s:%d: unknown key %q; want [[accounts]] with mailbox, user, password_file, token_file", file, line, strings.Join(strict.Errors[0].Key(), "."))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file, err)
	case len(list.Accounts) == 0:
		return nil, fmt.Errorf("%s names no accounts; want [[accounts]] with mailbox = \"…\"", file)
	case len(list.Accounts) > maxAccounts:
		return nil, fmt.Errorf("%s names %d accounts; want at most %d", file, len(list.Accounts), maxAccounts)
	}
	base := filepath.Dir(file)
	for i := range list.Accounts {
		for _, p := range []*string{&list.Accounts[i].PasswordFile, &list.Accounts[i].TokenFile} {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(base, *p)
			}
		}
	}
	return list.Accounts, nil
}
