package graph

import (
	"errors"
	"fmt"
	"path"

	"portcullis.example/portcullis/internal/mail/remote/hosted"
	"portcullis.example/portcullis/internal/mail/remote/oauth"
)

// Config is the table [sources.graph] of the configuration.
type Config struct {
	hosted.Config

	// Include and Exclude choose folders by pattern of their path ("Inbox/Budget"): * is anything within a
	// level, ** at the end anything below. Default: all but drafts and outbox.
	Include []string `toml:"include"`
	Exclude []string `toml:"exclude"`
}

// service is Graph's, unless a national cloud is named. Microsoft allows four requests at once for each mailbox.
var service = hosted.Service{Provider: oauth.Microsoft, Endpoint: "https://graph.microsoft.com", Parallel: 4}

func (c Config) withDefaults() Config {
	c.Config = c.Config.For(service)
	if len(c.Scopes) == 0 { // a refresh token's, or what was consented to: no right can be asked for here
		c.Scopes = []string{c.Endpoint + "/.default"}
		if c.RefreshTokenFile != "" {
			c.Scopes = []string{c.Endpoint + "/Mail.Read", "offline_access"}
		}
	}
	return c
}

// Validate tells all problems at once. It opens no secret.
func (c Config) Validate() error {
	errs := []error{c.withDefaults().Check(c.Config, service)}
	for _, pattern := range append(append([]string{}, c.Include...), c.Exclude...) {
		if _, err := path.Match(pattern, ""); err != nil {
			errs = append(errs, fmt.Errorf("the pattern %q of folders is not one: %w", pattern, err))
		}
	}
	return errors.Join(errs...)
}
