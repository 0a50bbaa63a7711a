package graph

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/remote/oauth"
	"portcullis.example/portcullis/internal/mail/remote/rest"
)

// Config is the table [sources.graph] of the configuration. The keys of oauth.Config stand in it too.
type Config struct {
	oauth.Config

	// Mailboxes are the addresses (user principal names) that are read, and no other.
	Mailboxes []string `toml:"mailboxes"`
	// Endpoint is Graph's address. Default https://graph.microsoft.com; national clouds have others.
	Endpoint string `toml:"endpoint"`

	// Include and Exclude choose folders by pattern of their path ("Inbox/Budget"): * is anything within a
	// level, ** at the end anything below. Default: all but drafts and outbox.
	Include []string `toml:"include"`
	Exclude []string `toml:"exclude"`

	// MaxMessage is up to how many bytes of a message are read. Default 64 MiB.
	MaxMessage int64 `toml:"max_message"`
	// TimeoutSeconds is how long the server may say nothing when it should. Default 90.
	TimeoutSeconds int `toml:"timeout_seconds"`
	// Parallel is how many messages of a mailbox are fetched at once. Default and most: 4, which is what Microsoft allows.
	Parallel int `toml:"parallel"`
	// RequestsPerMinute bounds what is asked of the server. Default 0: no bound.
	RequestsPerMinute int `toml:"requests_per_minute"`

	// Pull is a credential for taking messages out of mailboxes. Nothing uses it yet; it is never used to read.
	Pull *oauth.Config `toml:"pull"`
}

func (c Config) withDefaults() Config {
	c.Provider = oauth.Microsoft
	c.Endpoint = strings.TrimRight(or(c.Endpoint, "https://graph.microsoft.com"), "/")
	c.MaxMessage = or(c.MaxMessage, 64<<20)
	c.TimeoutSeconds = or(c.TimeoutSeconds, 90)
	c.Parallel = or(c.Parallel, 4)
	if len(c.Scopes) == 0 { // a refresh token's, or what was consented to: no right can be asked for here
		c.Scopes = []string{c.Endpoint + "/.default"}
		if c.RefreshTokenFile != "" {
			c.Scopes = []string{c.Endpoint + "/Mail.Read", "offline_access"}
		}
	}
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

// Paths are the paths in it, for the caller to make them relative to the configuration's folder.
func (c *Config) Paths() []*string {
	list := c.Config.Paths()
	if c.Pull != nil {
		list = append(list, c.Pull.Paths()...)
	}
	return list
}

// Validate tells all problems at once. It opens no secret.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Provider != "" && c.Provider != oauth.Microsoft {
		bad("provider is %q; leave it away", c.Provider)
	}
	d := c.withDefaults()
	errs = append(errs, d.Config.Validate(), d.validateMailboxes())
	if u, err := rest.Endpoint(d.Endpoint); err != nil {
		bad("endpoint: %w", err)
	} else if u.Path != "" {
		bad("endpoint is %q; want https://host without a path", d.Endpoint)
	}
	if d.MaxMessage < 1024 || d.TimeoutSeconds < 1 || d.Parallel < 1 || d.Parallel > 4 || d.RequestsPerMinute < 0 {
		bad("max_message, timeout_seconds, parallel and requests_per_minute: want at least 1024, 1, 1 to 4, and 0")
	}
	for _, pattern := range append(append([]string{}, d.Include...), d.Exclude...) {
		if _, err := path.Match(pattern, ""); err != nil {
			bad("the pattern %q of folders is not one: %v", pattern, err)
		}
	}
	if c.Pull != nil {
		pull := *c.Pull
		pull.Provider = oauth.Microsoft
		pull.Tenant, pull.Authority = or(pull.Tenant, d.Tenant), or(pull.Authority, d.Authority)
		if err := errors.Join(pull.Validate(), d.Apart(&pull)); err != nil {
			bad("pull: %w", err)
		}
	}
	return errors.Join(errs...)
}

const maxMailboxes = 10_000

func (c Config) validateMailboxes() error {
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
