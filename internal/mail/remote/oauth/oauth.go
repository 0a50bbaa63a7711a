// Package oauth gets access tokens for reading mail, and keeps them fresh: OAuth
// 2.0 (RFC 6749) as Microsoft and Google want it of programs that run alone.
//
//   - An application signs in for itself with a secret, or with a certificate: it
//     signs an assertion (RFC 7523 §2.2, client_credentials).
//   - A service account of Google signs an assertion in the name of each mailbox
//     (RFC 7523 §2.1, domain-wide delegation).
//   - A refresh token, which somebody was given when signing in, is exchanged
//     (RFC 6749 §6). That is for one mailbox.
//
// Secrets are read from their files each time a token is fetched, so that a new
// one takes effect without a restart. Tokens are kept in memory only, and so is a refresh
// token that was given in place of the one in the file. An error says what to do and holds no secret.
//
// It was tested against local servers that answer as the vendors document; no real tenant was tried.
package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/rest"
)

// The providers. Other is a house's own server, or somebody else's, that is named by TokenURL.
const (
	Microsoft = "microsoft"
	Google    = "google"
	Other     = "other"
)

// Config says how a program signs in.
type Config struct {
	// Provider is "microsoft", "google" or "other". Graph and Gmail know it themselves.
	Provider string `toml:"provider"`

	// Tenant is the directory's id or domain, with Microsoft.
	Tenant string `toml:"tenant"`
	// Authority is Microsoft's login server. Default https://login.microsoftonline.com; national clouds have others.
	Authority string `toml:"authority"`
	// TokenURL is where tokens are fetched, if not where the provider says.
	TokenURL string `toml:"token_url"`

	// ClientID is the application's.
	ClientID string `toml:"client_id"`
	// ClientSecretFile holds the application's secret.
	ClientSecretFile string `toml:"client_secret_file"`
	// KeyFile holds the private RSA key (PEM) to CertificateFile, instead of a secret. Without CertificateFile the
	// certificate stands in the same file.
	KeyFile         string `toml:"key_file"`
	CertificateFile string `toml:"certificate_file"`
	// ServiceAccountFile is the JSON key of a Google service account that may act for the mailboxes.
	ServiceAccountFile string `toml:"service_account_file"`
	// RefreshTokenFile holds a refresh token of the one mailbox that is read.
	RefreshTokenFile string `toml:"refresh_token_file"`

	// CAFile holds the certificates that are trusted instead of the system's, in PEM.
	CAFile string `toml:"ca_file"`

	// Scopes are what is asked for. Graph and Gmail ask for reading mail, and nothing else.
	Scopes []string `toml:"scopes"`
}

// secrets are the files that hold some.
func (c *Config) secrets() []*string {
	return []*string{&c.ClientSecretFile, &c.KeyFile, &c.ServiceAccountFile, &c.RefreshTokenFile}
}

// Paths are the paths in it, for the caller to make them relative to the configuration's folder.
func (c *Config) Paths() []*string { return append(c.secrets(), &c.CertificateFile, &c.CAFile) }

// PerMailbox tells whether a token is good for one mailbox, not for all that the application may read.
func (c *Config) PerMailbox() bool { return c.ServiceAccountFile != "" || c.RefreshTokenFile != "" }

// Host names the server that tokens come from.
func (c *Config) Host() string {
	if u, err := rest.Endpoint(c.tokenURL()); err == nil {
		return u.Host
	}
	return ""
}

var tenants = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,250}$`)

func (c *Config) tokenURL() string {
	switch {
	case c.TokenURL != "", c.Provider == Other:
		return c.TokenURL
	case c.Provider == Google:
		return "https://oauth2.googleapis.com/token"
	}
	authority := c.Authority
	if authority == "" {
		authority = "https://login.microsoftonline.com"
	}
	return strings.TrimRight(authority, "/") + "/" + c.Tenant + "/oauth2/v2.0/token"
}

// Validate tells all problems at once. It opens no secret.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch c.Provider {
	case Microsoft:
		errs = append(errs, c.validateMicrosoft())
	case Google:
		errs = append(errs, c.validateGoogle())
	case Other:
		errs = append(errs, c.validateOther())
	default:
		bad("provider is %q; want %s, %s or %s", c.Provider, Microsoft, Google, Other)
	}
	if _, err := rest.Endpoint(c.tokenURL()); err != nil {
		bad("token_url or authority: %w", err)
	}
	for _, s := range c.Scopes {
		if s == "" || strings.ContainsAny(s, " \t\r\n\"\\") {
			bad("scopes: %q is none", s)
		}
	}
	if c.RefreshTokenFile != "" && c.ClientID == "" {
		bad("refresh_token_file needs client_id, the application that it was given to")
	}
	return errors.Join(errs...)
}

func (c *Config) validateMicrosoft() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.TokenURL == "" && !tenants.MatchString(c.Tenant) {
		bad("tenant is %q; want the directory's id or domain, as in house.example", c.Tenant)
	}
	if strings.EqualFold(c.Tenant, "common") || strings.EqualFold(c.Tenant, "organizations") || strings.EqualFold(c.Tenant, "consumers") {
		bad("tenant is %q; want the house's own directory, so that no other can answer for it", c.Tenant)
	}
	if c.ClientID == "" {
		bad("client_id is missing: which application signs in?")
	}
	switch {
	case c.ServiceAccountFile != "":
		bad("service_account_file is Google's; want client_secret_file, or key_file with certificate_file")
	case c.ClientSecretFile != "" && c.KeyFile != "":
		bad("client_secret_file and key_file are both set; keep one")
	case c.ClientSecretFile == "" && c.KeyFile == "" && c.RefreshTokenFile == "":
		bad("how does the application sign in? want client_secret_file, or key_file with certificate_file")
	case c.CertificateFile != "" && c.KeyFile == "":
		bad("certificate_file needs key_file")
	}
	return errors.Join(errs...)
}

func (c *Config) validateGoogle() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Tenant != "" || c.Authority != "" || c.KeyFile != "" || c.CertificateFile != "" {
		bad("tenant, authority, key_file and certificate_file are Microsoft's; want service_account_file, or refresh_token_file with client_id")
	}
	switch {
	case c.ServiceAccountFile != "" && (c.RefreshTokenFile != "" || c.ClientSecretFile != "" || c.ClientID != ""):
		bad("service_account_file says everything; client_id, client_secret_file and refresh_token_file do not go with it")
	case c.ServiceAccountFile == "" && c.RefreshTokenFile == "":
		bad("how does the program sign in? want service_account_file, or refresh_token_file with client_id and client_secret_file")
	}
	return errors.Join(errs...)
}

func (c *Config) validateOther() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.TokenURL == "" {
		bad("token_url is missing: where are tokens fetched? The provider's page /.well-known/openid-configuration says it as token_endpoint")
	}
	if c.Tenant != "" || c.Authority != "" || c.KeyFile != "" || c.CertificateFile != "" || c.ServiceAccountFile != "" {
		bad("tenant, authority, key_file, certificate_file and service_account_file are Microsoft's and Google's; want client_secret_file, or refresh_token_file")
	}
	if c.ClientID == "" {
		bad("client_id is missing: which application signs in?")
	}
	if c.ClientSecretFile == "" && c.RefreshTokenFile == "" {
		bad("how does the program sign in? want client_secret_file, or refresh_token_file")
	}
	return errors.Join(errs...)
}

// Apart refuses a second credential that is the first one: what may only read must not be able to do what the other may.
func (c *Config) Apart(other *Config) error {
	for _, mine := range c.secrets() {
		for _, theirs := range other.secrets() {
			if *mine != "" && *theirs != "" && sameFile(*mine, *theirs) {
				return fmt.Errorf("%s is named for reading and for pulling; they need credentials of their own, so that who reads can change nothing", *mine)
			}
		}
	}
	if c.ClientID != "" && strings.EqualFold(c.ClientID, other.ClientID) {
		return fmt.Errorf("client_id %s is named for reading and for pulling; rights are the application's, so they need one each", c.ClientID)
	}
	return nil
}

func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	one, err1 := os.Stat(a)
	two, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, two)
}

// Client fetches tokens. It is safe for many goroutines.
type Client struct {
	cfg    Config
	http   *http.Client
	mu     sync.Mutex
	bySelf map[string]*entry // guarded by mu; by subject
}

// entry is the token of one subject.
type entry struct {
	mu      sync.Mutex // guards the rest, and is held while a token is fetched
	token   string
	renewAt time.Time
	refresh string // given in place of the one in the file
}

// Open makes a Client. It connects when a token is first needed.
func Open(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	client, err := rest.HTTP(cfg.CAFile, fetchTimeout/2)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, http: client, bySelf: map[string]*entry{}}, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// For gives the tokens to read one mailbox. Where one token is good for all mailboxes, all get the same.
func (c *Client) For(mailbox string) remote.TokenSource {
	subject := ""
	if c.cfg.PerMailbox() {
		subject = mailbox
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.bySelf[subject]
	if e == nil {
		e = &entry{}
		c.bySelf[subject] = e
	}
	return remote.TokenFunc(func(ctx context.Context, renew bool) (string, error) { return c.token(ctx, e, subject, renew) })
}

// A token is renewed so long before it ends, so that no request is under way with one that has.
const (
	renewBefore     = 5 * time.Minute
	defaultLifetime = 10 * time.Minute // of a token whose answer does not say (RFC 6749 §5.1 only recommends it)
	fetchTimeout    = time.Minute
)

func (c *Client) token(ctx context.Context, e *entry, subject string, renew bool) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !renew && e.token != "" && time.Now().Before(e.renewAt) {
		return e.token, nil
	}
	e.token = ""
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	got, err := c.fetch(ctx, e, subject)
	if err != nil {
		return "", ofAll(err, subject)
	}
	life := got.lifetime()
	e.token, e.renewAt = got.AccessToken, time.Now().Add(life-min(renewBefore, life/4))
	if got.RefreshToken != "" {
		e.refresh = got.RefreshToken
	}
	return e.token, nil
}

// ofAll marks what keeps every mailbox from being read, since one token is good for all.
func ofAll(err error, subject string) error {
	var f *remote.Failure
	if subject != "" || !errors.As(err, &f) {
		return err
	}
	shared := *f
	shared.Err = &rest.SharedError{Err: f.Err}
	return &shared
}

// fetch gets a token. A refresh token that was given later than the one in the file and is refused gives way to that.
func (c *Client) fetch(ctx context.Context, e *entry, subject string) (*answer, error) {
	form, secrets, err := c.form(subject, e.refresh)
	if err != nil {
		return nil, &remote.Failure{Kind: remote.Refused, Err: err}
	}
	got, err := c.post(ctx, form, secrets)
	var f *remote.Failure
	if e.refresh == "" || !errors.As(err, &f) || f.Kind != remote.Refused {
		return got, err
	}
	e.refresh = ""
	return c.fetch(ctx, e, subject)
}

// form is what is asked, and the secrets in it.
func (c *Client) form(subject, refresh string) (form url.Values, secrets []string, err error) {
	form = url.Values{}
	scope := strings.Join(c.cfg.Scopes, " ")
	switch {
	case c.cfg.ServiceAccountFile != "":
		assertion, err := c.delegated(subject, scope)
		if err != nil {
			return nil, nil, err
		}
		form.Set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
		form.Set("assertion", assertion)
		return form, []string{assertion}, nil
	case c.cfg.RefreshTokenFile != "":
		if refresh == "" {
			if refresh, err = remote.Secret(c.cfg.RefreshTokenFile).Read(); err != nil {
				return nil, nil, err
			}
		}
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", refresh)
		secrets = append(secrets, refresh)
	default:
		form.Set("grant_type", "client_credentials")
	}
	if scope != "" {
		form.Set("scope", scope)
	}
	form.Set("client_id", c.cfg.ClientID)
	secret, err := c.identify(form)
	return form, append(secrets, secret), err
}

// identify says who asks: by a secret, by an assertion, or, for a public client, by nothing.
func (c *Client) identify(form url.Values) (secret string, err error) {
	switch {
	case c.cfg.ClientSecretFile != "":
		if secret, err = remote.Secret(c.cfg.ClientSecretFile).Read(); err == nil {
			form.Set("client_secret", secret)
		}
	case c.cfg.KeyFile != "":
		if secret, err = c.assertion(time.Now()); err == nil {
			form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			form.Set("client_assertion", secret)
		}
	}
	return secret, err
}
