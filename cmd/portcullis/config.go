package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/screening/ledger"
	"portcullis.example/portcullis/internal/web/access"
)

// Config is the whole configuration file. Every key has a default; an unknown
// key is an error with its line.
type Config struct {
	// Data is the data folder. Default: portcullis below the platform's data folder.
	Data string `toml:"data"`
	// Database is a PostgreSQL address, or a path to a file that holds one (it
	// carries a password). Default: SQLite in the data folder.
	Database     string `toml:"database"`
	DatabaseFile string `toml:"database_file"`
	// People is the file of protected people.
	People string `toml:"people"`
	// KeyFile holds the key of stored addresses. It must not lie in the data
	// folder. Default: portcullis/archive.key below the platform's configuration folder.
	KeyFile string `toml:"key_file"`
	// Keep says of which messages the bytes are kept: "none", "findings", "all". Default "findings".
	Keep string `toml:"keep"`
	// RetentionDays is after how many days `retain` removes mail. Default 400.
	RetentionDays int `toml:"retention_days"`

	// Warninglists are folders of commonplace values in the MISP format, beside the
	// short list that is built in: what is on them ties no mails together and is refused as an indicator.
	Warninglists []string `toml:"warninglists"`

	Mail    mail.Config     `toml:"mail"`
	Notices response.Config `toml:"notices"`
	Desk    access.Config   `toml:"desk"`

	Screening ledger.Config `toml:"screening"`

	// Register is the guard before a register of voters, see docs/REGISTER.md. A file with this
	// section is for a process of its own: serve runs the guard and nothing else.
	Register register.Config `toml:"register"`

	// RegisterFindings are the folders in which guards of registers leave their findings
	// (DATA/findings of each), for the desk to take in.
	RegisterFindings []string `toml:"register_findings"`

	// Sources are mailboxes on servers, see docs/SOURCES.md.
	Sources []sourceConfig `toml:"sources"`
}

const (
	keepNone     = "none"
	keepFindings = "findings"
	keepAll      = "all"
)

func defaultConfig() Config {
	return Config{Keep: keepFindings, RetentionDays: 400, Mail: mail.DefaultConfig(), Notices: response.DefaultConfig(), Desk: access.DefaultConfig(), Screening: ledger.DefaultConfig(), Register: register.DefaultConfig()}
}

// loadConfig reads the file named by --config, or gives the defaults.
func loadConfig(g *Globals) (Config, error) {
	cfg := defaultConfig()
	if g.Config != "" {
		if err := decodeConfig(g.Config, &cfg); err != nil {
			return cfg, err
		}
	}
	if g.Data != "" {
		cfg.Data = g.Data
	}
	if err := cfg.Validate(); err != nil {
		return cfg, fmt.Errorf("configuration: %w", err)
	}
	return cfg, nil
}

func decodeConfig(path string, cfg *Config) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	decoder := toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields()
	err = decoder.Decode(cfg)
	var strict *toml.StrictMissingError
	var syntax *toml.DecodeError
	switch {
	case errors.As(err, &strict):
		var all []error
		for _, e := range strict.Errors {
			line, _ := e.Position()
			all = append(all, fmt.Errorf("%s:%d: unknown key %q; docs/DEPLOYING.md lists the keys", path, line, strings.Join(e.Key(), ".")))
		}
		return errors.Join(all...)
	case errors.As(err, &syntax):
		line, column := syntax.Position()
		return fmt.Errorf("%s:%d:%d: %w", path, line, column, err)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	cfg.anchor(filepath.Dir(path))
	return nil
}

// anchor makes relative paths relative to the configuration file's folder.
func (c *Config) anchor(base string) {
	c.Register.Anchor(base)
	paths := []*string{&c.Data, &c.People, &c.KeyFile, &c.DatabaseFile, &c.Notices.Languages, &c.Notices.Font, &c.Notices.SMTP.CAFile,
		&c.Notices.SMTP.PasswordFile, &c.Desk.OIDC.ClientSecretFile, &c.Desk.Witness.Dir, &c.Desk.Witness.KeyFile}
	for i := range c.RegisterFindings {
		paths = append(paths, &c.RegisterFindings[i])
	}
	for i := range c.Warninglists {
		paths = append(paths, &c.Warninglists[i])
	}
	for i := range c.Desk.Tokens {
		paths = append(paths, &c.Desk.Tokens[i].File)
	}
	for i := range c.Sources {
		paths = append(paths, c.Sources[i].paths()...)
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
}

// Validate tells all problems at once.
func (c Config) Validate() error {
	var errs []error
	if c.Keep != keepNone && c.Keep != keepFindings && c.Keep != keepAll {
		errs = append(errs, fmt.Errorf("keep is %q; want none, findings or all", c.Keep))
	}
	if c.RetentionDays < 1 {
		errs = append(errs, fmt.Errorf("retention_days is %d; want at least 1", c.RetentionDays))
	}
	if c.Database != "" && c.DatabaseFile != "" {
		errs = append(errs, errors.New("database and database_file are both set; keep one"))
	}
	if c.KeyFile != "" && c.Data != "" {
		if within(c.Data, c.KeyFile) {
			errs = append(errs, fmt.Errorf("key_file %s lies in the data folder: whoever takes the folder has the key too; put it elsewhere", c.KeyFile))
		}
	}
	errs = append(errs, validateSources(c.Sources), c.Mail.Validate(), c.Notices.Validate(), c.Desk.Validate(), c.Screening.Validate(), c.Register.Validate())
	return errors.Join(errs...)
}

// judging is the part of the configuration that verdicts depend on, by hash.
func (c Config) judging() (hash string, encoded []byte, err error) {
	encoded, err = json.Marshal(c.Mail)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:]), encoded, nil
}
