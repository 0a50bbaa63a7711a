package graph

import (
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/remote/oauth"
)

func TestConfig(t *testing.T) {
	good := Config{Config: oauth.Config{Tenant: "house.example", ClientID: "c", ClientSecretFile: "s"}, Mailboxes: []string{anna, bela}}
	for want, change := range map[string]func(*Config){
		"":                            func(*Config) {},
		"mailboxes is missing":        func(c *Config) { c.Mailboxes = nil },
		"named twice":                 func(c *Config) { c.Mailboxes = []string{anna, "ANNA@house.example"} },
		"want an address":             func(c *Config) { c.Mailboxes = []string{"a@b/../../c"} },
		"endpoint:":                   func(c *Config) { c.Endpoint = "http://graph.example" },
		"without a path":              func(c *Config) { c.Endpoint = "https://graph.example/v1.0" },
		"leave it away":               func(c *Config) { c.Provider = oauth.Google },
		"one person's":                func(c *Config) { c.RefreshTokenFile = "r" },
		"1 to 4":                      func(c *Config) { c.Parallel = 5 },
		"pattern":                     func(c *Config) { c.Include = []string{"["} },
		"pull: how does":              func(c *Config) { c.Pull = &oauth.Config{ClientID: "d"} },
		"credentials of their own":    func(c *Config) { c.Pull = &oauth.Config{ClientID: "d", ClientSecretFile: "./s"} },
		"so they need one each":       func(c *Config) { c.Pull = &oauth.Config{ClientID: "C", ClientSecretFile: "t"} },
		"tenant is \"organizations\"": func(c *Config) { c.Tenant = "organizations" },
	} {
		cfg := good
		change(&cfg)
		if err := cfg.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", want, err)
		}
	}
	if d := (Config{Endpoint: "https://graph.cloud.example/"}).withDefaults(); d.Scopes[0] != "https://graph.cloud.example/.default" {
		t.Errorf("scopes are %v", d.Scopes)
	}
}
