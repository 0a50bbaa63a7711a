package gmail

import (
	"errors"

	"portcullis.example/portcullis/internal/mail/remote/hosted"
	"portcullis.example/portcullis/internal/mail/remote/oauth"
)

// readOnly is the only right that is asked for.
const readOnly = "https://www.googleapis.com/auth/gmail.readonly"

// Config is the table [sources.gmail] of the configuration. Of a message that is larger than MaxMessage nothing is read; Gmail takes in less.
type Config struct {
	hosted.Config
}

var service = hosted.Service{Provider: oauth.Google, Endpoint: "https://gmail.googleapis.com", Parallel: 16}

func (c Config) withDefaults() Config {
	c.Config = c.Config.For(service)
	if len(c.Scopes) == 0 {
		c.Scopes = []string{readOnly}
	}
	return c
}

// Validate tells all problems at once. It opens no secret.
func (c Config) Validate() error {
	err := c.withDefaults().Check(c.Config, service)
	if len(c.Scopes) > 0 {
		err = errors.Join(err, errors.New("scopes: leave it away; gmail.readonly is asked for, and nothing else"))
	}
	return err
}
