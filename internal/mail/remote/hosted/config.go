// Package hosted is what the services have in common that keep mailboxes of many and are asked by HTTPS: Microsoft Graph and the Gmail
// API. It has their configuration, the connection, and what becomes of a page of messages.
package hosted

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/remote/oauth"
	"portcullis.example/portcullis/internal/mail/remote/rest"
)

// Config is what the tables [sources.graph] and [sources.gmail] have in common. The keys of oauth.Config stand in them too.
type Config struct {
	oauth.Config

	// Mailboxes are the addresses (with Microsoft: user principal names) that are read, and no other.
	Mailboxes []string `toml:"mailboxes"`
	// Endpoint is the service's address. Default: what Service says.
	Endpoint string `toml:"endpoint"`

	// MaxMessage is up to how many bytes of a message are read. Default 64 MiB.
	MaxMessage int64 `toml:"max_message"`
	// TimeoutSeconds is how long the server may say nothing when it should. Default 90.
	TimeoutSeconds int `toml:"timeout_seconds"`
	// Parallel is how many messages of a mailbox are fetched at once. Default 4; at most what Service says.
	Parallel int `toml:"parallel"`
	// RequestsPerMinute bounds what is asked of the server. Default 0: no bound.
	RequestsPerMinute int `toml:"requests_per_minute"`

	// Pull is a credential for taking messages out of mailboxes. Nothing uses it yet; it is never used to read.
	Pull *oauth.Config `toml:"pull"`
}

// Service is what differs between them as far as the configuration goes.
type Service struct {
	Provider string // of tokens
	Endpoint string // where it is, unless the configuration says otherwise
	Parallel int    // requests at once that it bears
}

const (
	defaultMessage  = 64 << 20
	defaultTimeout  = 90
	defaultParallel = 4
	maxMailboxes    = 10_000
)

// Or is the first that is not zero.
func Or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// For fills in what is not given.
func (c Config) For(s Service) Config {
	c.Provider = s.Provider
	c.Endpoint = strings.TrimRight(Or(c.Endpoint, s.Endpoint), "/")
	c.MaxMessage = Or(c.MaxMessage, defaultMessage)
	c.TimeoutSeconds = Or(c.TimeoutSeconds, defaultTimeout)
	c.Parallel = Or(c.Parallel, defaultParallel)
	return c
}

func (c Config) timeout() time.Duration { return time.Duration(c.TimeoutSeconds) * time.Second }

// Paths are the paths in it, for the caller to make them relative to the configuration's folder.
func (c *Config) Paths() []*string {
	list := c.Config.Paths()
	if c.Pull != nil {
		list = append(list, c.Pull.Paths()...)
	}
	return list
}

// Check tells all problems at once, of a configuration that is filled in; given is what it was before. It opens no secret.
func (c Config) Check(given Config, s Service) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if given.Provider != "" && given.Provider != s.Provider {
		bad("provider is %q; leave it away", given.Provider)
	}
	errs = append(errs, c.Config.Validate(), c.checkMailboxes())
	if u, err := rest.Endpoint(c.Endpoint); err != nil {
		bad("endpoint: %w", err)
	} else if u.Path != "" {
		bad("endpoint is %q; want https://host without a path", c.Endpoint)
	}
	if c.MaxMessage < 1024 || c.TimeoutSeconds < 1 || c.Parallel < 1 || c.Parallel > s.Parallel || c.RequestsPerMinute < 0 {
		bad("max_message, timeout_seconds, parallel and requests_per_minute: want at least 1024, 1, 1 to %d, and 0", s.Parallel)
	}
	return errors.Join(append(errs, c.checkPull())...)
}

// checkPull checks the credential for pulling, and that it is another.
func (c Config) checkPull() error {
	if c.Pull == nil {
		return nil
	}
	pull := *c.Pull
	pull.Provider = c.Provider
	pull.Tenant, pull.Authority = Or(pull.Tenant, c.Tenant), Or(pull.Authority, c.Authority)
	if err := errors.Join(pull.Validate(), c.Apart(&pull)); err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	return nil
}

func (c Config) checkMailboxes() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch {
	case len(c.Mailboxes) == 0:
		bad("mailboxes is missing: whose mail is read? Only those that are named are")
	case len(c.Mailboxes) > maxMailboxes:
		bad("mailboxes names %d; want at most %d", len(c.Mailboxes), maxMailboxes)
	case len(c.Mailboxes) > 1 && c.RefreshTokenFile != "":
		bad("refresh_token_file is one person's, and %d mailboxes are named; want one", len(c.Mailboxes))
	}
	seen := map[string]bool{}
	for _, m := range c.Mailboxes {
		if !rest.IsMailbox(m) {
			bad("mailbox %q: want an address", m)
		}
		if seen[strings.ToLower(m)] {
			bad("mailbox %q is named twice", m)
		}
		seen[strings.ToLower(m)] = true
	}
	return errors.Join(errs...)
}
