package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/gmail"
	"portcullis.example/portcullis/internal/mail/remote/graph"
	"portcullis.example/portcullis/internal/mail/remote/imap"
	"portcullis.example/portcullis/internal/mail/remote/oauth"
)

// sourceConfig is one [[sources]] of the configuration: mailboxes on a server.
type sourceConfig struct {
	// Name tells it apart; it begins where its mail is said to lie.
	Name string `toml:"name"`
	// Kind is what is spoken to the server; the table of that name says how.
	Kind string `toml:"kind"`
	// EverySeconds is after how long the server is asked again where it does not tell by itself. Default 120.
	EverySeconds int `toml:"every_seconds"`
	// SilentAfterHours is after how long without an answer a mailbox is a finding. Default 6; below 0: never.
	SilentAfterHours int `toml:"silent_after_hours"`

	IMAP  *imap.Config  `toml:"imap"`
	Graph *graph.Config `toml:"graph"`
	Gmail *gmail.Config `toml:"gmail"`

	// OAuth gets the tokens for IMAP. Graph and Gmail have the same keys in their own table.
	OAuth *oauth.Config `toml:"oauth"`
}

// kinds open the sources of each kind.
var kinds = map[string]struct {
	given    func(*sourceConfig) bool
	validate func(*sourceConfig) error
	open     func(*sourceConfig) (remote.Source, error)
	paths    func(*sourceConfig) []*string
}{
	"imap": {
		given:    func(c *sourceConfig) bool { return c.IMAP != nil },
		validate: validateIMAP,
		open:     openIMAP,
		paths:    func(c *sourceConfig) []*string { return c.IMAP.Paths() },
	},
	"graph": {
		given:    func(c *sourceConfig) bool { return c.Graph != nil },
		validate: func(c *sourceConfig) error { return c.Graph.Validate() },
		open:     func(c *sourceConfig) (remote.Source, error) { return graph.Open(c.Name, *c.Graph) },
		paths:    func(c *sourceConfig) []*string { return c.Graph.Paths() },
	},
	"gmail": {
		given:    func(c *sourceConfig) bool { return c.Gmail != nil },
		validate: func(c *sourceConfig) error { return c.Gmail.Validate() },
		open:     func(c *sourceConfig) (remote.Source, error) { return gmail.Open(c.Name, *c.Gmail) },
		paths:    func(c *sourceConfig) []*string { return c.Gmail.Paths() },
	},
}

// validateIMAP checks the table, and where tokens come from.
func validateIMAP(c *sourceConfig) error {
	cfg := *c.IMAP
	if c.OAuth == nil {
		return cfg.Validate()
	}
	cfg.Tokens = func(string) remote.TokenSource { return nil } // whether there are any is all that is looked at
	signs := c.imapOAuth()
	err := errors.Join(cfg.Validate(), signs.Validate())
	if signs.RefreshTokenFile != "" && (len(cfg.Accounts) > 0 || cfg.AccountsFile != "") {
		err = errors.Join(err, errors.New("oauth: refresh_token_file is one person's, and several accounts are named"))
	}
	return err
}

func openIMAP(c *sourceConfig) (remote.Source, error) {
	cfg := *c.IMAP
	if c.OAuth != nil {
		tokens, err := oauth.Open(c.imapOAuth())
		if err != nil {
			return nil, err
		}
		cfg.Tokens = tokens.For
	}
	return imap.Open(c.Name, cfg)
}

// imapOAuth fills in the right to read by IMAP. Neither provider has one that is for reading only.
func (c *sourceConfig) imapOAuth() oauth.Config {
	cfg := *c.OAuth
	switch {
	case len(cfg.Scopes) > 0:
	case cfg.Provider == oauth.Google:
		cfg.Scopes = []string{"https://mail.google.com/"}
	case cfg.RefreshTokenFile != "":
		cfg.Scopes = []string{"https://outlook.office.com/IMAP.AccessAsUser.All", "offline_access"}
	default:
		cfg.Scopes = []string{"https://outlook.office365.com/.default"}
	}
	return cfg
}

var sourceNames = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// fullName is how a source is called wherever it is told of: "imap:members".
func (c *sourceConfig) fullName() string { return c.Kind + ":" + c.Name }

func (c *sourceConfig) every() time.Duration {
	return time.Duration(cmp.Or(c.EverySeconds, 120)) * time.Second
}

func (c *sourceConfig) silentAfter() time.Duration {
	return time.Duration(cmp.Or(c.SilentAfterHours, 6)) * time.Hour
}

func (c *sourceConfig) paths() []*string {
	var list []*string
	if c.OAuth != nil {
		list = c.OAuth.Paths()
	}
	if kind, ok := kinds[c.Kind]; ok && kind.given(c) {
		list = append(list, kind.paths(c)...)
	}
	return list
}

func (c *sourceConfig) open() (remote.Source, error) {
	src, err := kinds[c.Kind].open(c)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", c.fullName(), err)
	}
	return src, nil
}

// validate tells all problems at once.
func (c *sourceConfig) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !sourceNames.MatchString(c.Name) {
		bad("name is %q; want a-z, 0-9, - and _, at most 40", c.Name)
	}
	if c.EverySeconds != 0 && (c.EverySeconds < 5 || c.EverySeconds > 24*3600) {
		bad("every_seconds is %d; want 5 to 86400", c.EverySeconds)
	}
	if c.SilentAfterHours > 24*365 {
		bad("silent_after_hours is %d; want at most a year", c.SilentAfterHours)
	}
	kind, ok := kinds[c.Kind]
	switch {
	case !ok:
		bad("kind is %q; want one of %s", c.Kind, strings.Join(kindNames(), ", "))
	case !kind.given(c):
		bad("the table [sources.%s] is missing: where is the server?", c.Kind)
	default:
		errs = append(errs, kind.validate(c))
	}
	if c.OAuth != nil && c.Kind != "imap" {
		bad("[sources.oauth] is for IMAP; its keys stand in [sources.%s] itself", c.Kind)
	}
	for name, other := range kinds {
		if name != c.Kind && other.given(c) {
			bad("kind is %q, and there is a table [sources.%s]", c.Kind, name)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sources: %s: %w", c.Name, err)
	}
	return nil
}

func kindNames() (names []string) {
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func validateSources(list []sourceConfig) error {
	var errs []error
	seen := map[string]bool{}
	for i := range list {
		errs = append(errs, list[i].validate())
		if seen[list[i].Name] {
			errs = append(errs, fmt.Errorf("sources: two are called %q", list[i].Name))
		}
		seen[list[i].Name] = true
	}
	return errors.Join(errs...)
}

// chosenSources are those that are named, by their name with or without kind; all, if none is.
func chosenSources(list []sourceConfig, names []string) (chosen []sourceConfig, err error) {
	if len(list) == 0 {
		return nil, errors.New("the configuration names no [[sources]]; docs/SOURCES.md shows how, and --config FILE names the configuration")
	}
	if len(names) == 0 {
		return list, nil
	}
	for _, name := range names {
		i := slices.IndexFunc(list, func(c sourceConfig) bool { return c.Name == name || c.fullName() == name })
		if i < 0 {
			return nil, fmt.Errorf("the configuration has no source %q; it has %s", name, strings.Join(namesOf(list), ", "))
		}
		if !slices.ContainsFunc(chosen, func(c sourceConfig) bool { return c.Name == list[i].Name }) {
			chosen = append(chosen, list[i])
		}
	}
	return chosen, nil
}

func namesOf(list []sourceConfig) (names []string) {
	for i := range list {
		names = append(names, list[i].fullName())
	}
	return names
}
