package mail

import (
	"errors"
	"fmt"
	"strings"
)

// Config is what an operator can tune about judging mail.
type Config struct {
	// TrustedAuthserv are the authserv-ids (RFC 8601 §2.5) whose
	// Authentication-Results are believed. Empty: none is.
	TrustedAuthserv []string `toml:"trusted_authserv" json:"trusted_authserv,omitempty"`
	// TrustedRelays are the names (with subdomains) of the house's own mail
	// servers. The topmost Received field written "by" one of them tells when
	// and from where a message came. Empty: the topmost field is used and the
	// time is flagged as untrusted.
	TrustedRelays []string `toml:"trusted_relays" json:"trusted_relays,omitempty"`
	// Claims are words that claim office or kinship with the house in a mail's
	// text, beside those built in ("my constituency office").
	Claims []string `toml:"claims" json:"claims,omitempty"`
	// Points replaces what a rule's statements add to the score, in percent of
	// their own: 0 switches a rule's influence off, 200 doubles it.
	Points map[string]int `toml:"points" json:"points,omitempty"`
	// Tag, Hold and Refuse are the scores from which on a message is tagged,
	// held, refused. Defaults 50, 80, 101 (nothing is refused unasked).
	Tag    int `toml:"tag" json:"tag"`
	Hold   int `toml:"hold" json:"hold"`
	Refuse int `toml:"refuse" json:"refuse"`
	// Images bounds how many images of one message are searched for QR codes.
	// Default 4; 0 uses the default, -1 switches it off.
	Images int `toml:"images" json:"images"`
	// NoModel switches the learned text model off.
	NoModel bool `toml:"no_model" json:"no_model,omitempty"`
}

// DefaultConfig is the configuration without a file.
func DefaultConfig() Config {
	return Config{Tag: 50, Hold: 80, Refuse: 101, Images: 4}
}

// Validate tells all problems at once.
func (c Config) Validate() error {
	var errs []error
	if c.Tag < 1 || c.Hold < c.Tag || c.Refuse < c.Hold {
		errs = append(errs, fmt.Errorf("mail: tag (%d), hold (%d) and refuse (%d) must rise and start at 1 or more; refuse above 100 switches refusing off", c.Tag, c.Hold, c.Refuse))
	}
	known := map[string]bool{}
	for _, name := range RuleNames() {
		known[name] = true
	}
	for name, percent := range c.Points {
		if !known[name] {
			errs = append(errs, fmt.Errorf("mail: points names rule %q, which does not exist; the rules are %s", name, strings.Join(RuleNames(), ", ")))
		}
		if percent < 0 || percent > 1000 {
			errs = append(errs, fmt.Errorf("mail: points of %q is %d; want a percentage of 0 to 1000", name, percent))
		}
	}
	return errors.Join(errs...)
}
