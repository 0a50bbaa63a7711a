package graph

import (
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"portcullis.example/portcullis/internal/mail/remote/hosted"
	"portcullis.example/portcullis/internal/mail/remote/oauth"
)

func TestConfig(t *testing.T) {
	good := Config{Config: hosted.Config{Config: oauth.Config{Tenant: "house.example", ClientID: "c", ClientSecretFile: "s"}, Mailboxes: []string{anna, bela}}}
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
	if d := (Config{Config: hosted.Config{Endpoint: "https://graph.cloud.example/"}}).withDefaults(); d.Scopes[0] != "https://graph.cloud.example/.default" {
		t.Errorf("scopes are %v", d.Scopes)
	}
}

// TestDecode reads a table: all keys stand in it beside one another, whatever they are kept in, and others are refused.
func TestDecode(t *testing.T) {
	const table = "tenant = \"house.example\"\nclient_id = \"c\"\nclient_secret_file = \"s\"\nmailboxes = [\"anna@house.example\"]\nmax_message = 2048\ninclude = [\"Inbox\"]\n[pull]\nclient_id = \"d\"\nclient_secret_file = \"t\"\n"
	var c Config
	if err := toml.NewDecoder(strings.NewReader(table)).DisallowUnknownFields().Decode(&c); err != nil {
		t.Fatal(err)
	}
	if c.Tenant != "house.example" || c.ClientSecretFile != "s" || len(c.Mailboxes) != 1 || c.MaxMessage != 2048 || len(c.Include) != 1 || c.Pull == nil || c.Pull.ClientID != "d" || c.Validate() != nil {
		t.Errorf("%+v, %v", c, c.Validate())
	}
	if list := c.Paths(); len(list) != 12 {
		t.Errorf("%d paths", len(list))
	}
	if err := toml.NewDecoder(strings.NewReader("nonsense = 1\n" + table)).DisallowUnknownFields().Decode(&Config{}); err == nil {
		t.Error("a key that there is not is taken")
	}
}
