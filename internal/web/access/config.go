package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// Config is the part of the configuration that says who may come to the desk.
type Config struct {
	// Listen is the address to listen on. Default 127.0.0.1:8480. Anything but a loopback
	// address needs OIDC and a PublicURL with https.
	Listen string `toml:"listen"`
	// PublicURL is what browsers call the desk. Default: http:// and Listen. Whether
	// cookies are marked Secure follows from it, never from a header.
	PublicURL string `toml:"public_url"`
	// Hosts are further names under which the desk answers. Any other Host header is
	// refused: a name that an attacker points at this machine (DNS rebinding) gets nothing.
	Hosts []string `toml:"hosts"`
	// TrustedProxies are addresses or networks whose X-Forwarded-For is believed. Default: none.
	TrustedProxies []string `toml:"trusted_proxies"`
	// IdleMinutes and SessionHours end a session: so long without a request, so long
	// altogether. Default 30 and 12.
	IdleMinutes  int `toml:"idle_minutes"`
	SessionHours int `toml:"session_hours"`
	// GlassMinutes is for how long privileged mail may be opened at most once two people have
	// said so; who asks says for how long they need it. Default and most: 480.
	GlassMinutes int `toml:"glass_minutes"`
	// Local are the people of a single machine, who sign in by a link that is printed on
	// start. Default: one, "local officer", where there is no OIDC. Acts that take two
	// people need two names here; give the second link to the second person.
	Local []string `toml:"local"`

	OIDC    OIDCConfig       `toml:"oidc"`
	Tokens  []TokenConfig    `toml:"token"`
	People  []StandingConfig `toml:"standing"`
	Witness WitnessConfig    `toml:"witness"`
}

// OIDCConfig names an OpenID Connect provider. Without Issuer there is none.
type OIDCConfig struct {
	Issuer   string `toml:"issuer"` // exactly as the provider writes it
	ClientID string `toml:"client_id"`
	// ClientSecretFile holds the secret; readable by its owner alone. "" is a public client, which PKCE protects.
	ClientSecretFile string   `toml:"client_secret_file"`
	Scopes           []string `toml:"scopes"`      // default openid, profile, email
	NameClaim        string   `toml:"name_claim"`  // names people; default email
	GroupClaim       string   `toml:"group_claim"` // default groups; dots go into objects
	// PersonClaim tells which protected person a member is: an id of the people file, or an
	// address of theirs (which the provider must have verified if the claim is email).
	PersonClaim string `toml:"person_claim"`
	// ACR, where set, are the authentication contexts of which the provider must assert one; how
	// providers say "with a second factor".
	ACR []string `toml:"acr"`
	// MaxAgeMinutes, where set, is how long ago the password or key may have been used.
	MaxAgeMinutes int          `toml:"max_age_minutes"`
	Roles         []RoleConfig `toml:"role"`
}

// RoleConfig gives roles, within a scope, to everyone of a group.
type RoleConfig struct {
	Group string     `toml:"group"`
	Roles []api.Role `toml:"roles"`
	api.Scope
}

// TokenConfig gives roles, within a scope, to whoever holds the token in a file.
type TokenConfig struct {
	Name    string     `toml:"name"`
	File    string     `toml:"file"` // readable by its owner alone; `portcullis token make` writes one
	Roles   []api.Role `toml:"roles"`
	Expires string     `toml:"expires"` // the first day on which it is refused: 2027-01-31. Default: never
	api.Scope
}

// StandingConfig says of people what the people file does not: to which house and party
// they belong, and whether their messages are privileged.
type StandingConfig struct {
	People     []portcullis.ID `toml:"people"`
	Houses     []string        `toml:"houses"` // default: the person's organisation
	Party      string          `toml:"party"`
	Privileged string          `toml:"privileged"` // the ground, such as "parliamentary privilege"; "" is not privileged
}

// WitnessConfig says where checkpoints of the logs go. Without Dir and URL nowhere.
type WitnessConfig struct {
	Dir     string `toml:"dir"`      // a folder that the desk's machine can add to, better on another machine
	URL     string `toml:"url"`      // gets each checkpoint by POST, as text; https
	KeyFile string `toml:"key_file"` // the signing key; made on first use; keep it out of the data folder
	Name    string `toml:"name"`     // of the key; default portcullis
	Minutes int    `toml:"minutes"`  // between checkpoints; default 60
}

const defaultLocal = "local officer"

// DefaultConfig is the desk of a single machine.
func DefaultConfig() Config {
	return Config{
		Listen: "127.0.0.1:8480", IdleMinutes: 30, SessionHours: 12, GlassMinutes: 480,
		OIDC:    OIDCConfig{Scopes: []string{"openid", "profile", "email"}, NameClaim: "email", GroupClaim: "groups"},
		Witness: WitnessConfig{Name: "portcullis", Minutes: 60},
	}
}

// Files are the paths in the configuration, for whoever resolves relative ones.
func (c *Config) Files() []*string {
	files := []*string{&c.OIDC.ClientSecretFile, &c.Witness.Dir, &c.Witness.KeyFile}
	for i := range c.Tokens {
		files = append(files, &c.Tokens[i].File)
	}
	return files
}

// locals are the people of a single machine; none where there is a provider.
func (c Config) locals() []string {
	if len(c.Local) == 0 && c.OIDC.Issuer == "" {
		return []string{defaultLocal}
	}
	return c.Local
}

// public is the address of the desk as browsers see it.
func (c Config) public() (*url.URL, error) {
	raw := c.PublicURL
	if raw == "" {
		raw = "http://" + c.Listen
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("desk.public_url is %q; want https://name or http://127.0.0.1:port, without a path", raw)
	}
	u.Path = ""
	return u, nil
}

// mapping is a hash of what gives people their roles; sessions made under another are void.
func (c Config) mapping() string {
	encoded, err := json.Marshal([]any{c.OIDC, c.locals(), c.People})
	if err != nil {
		return "" // cannot happen: plain values
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

func (c Config) idle() time.Duration     { return time.Duration(c.IdleMinutes) * time.Minute }
func (c Config) absolute() time.Duration { return time.Duration(c.SessionHours) * time.Hour }
func (c Config) glass() time.Duration    { return time.Duration(c.GlassMinutes) * time.Minute }

// Validate tells all problems at once.
func (c Config) Validate() error {
	errs := []error{c.validateListen(), c.OIDC.validate(), c.Witness.validate()}
	for name, v := range map[string]int{"idle_minutes": c.IdleMinutes, "session_hours": c.SessionHours, "glass_minutes": c.GlassMinutes} {
		if v < 1 {
			errs = append(errs, fmt.Errorf("desk.%s is %d; want at least 1", name, v))
		}
	}
	if c.GlassMinutes > 480 {
		errs = append(errs, fmt.Errorf("desk.glass_minutes is %d; want at most 480", c.GlassMinutes))
	}
	if _, err := parseProxies(c.TrustedProxies); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.validateLocal()...)
	errs = append(errs, validateTokens(c.Tokens)...)
	return errors.Join(errs...)
}

// validateListen keeps a desk that others can reach from being an open or a clear-text one.
func (c Config) validateListen() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("desk.listen is %q; want an address and a port, such as 127.0.0.1:8480", c.Listen)
	}
	u, err := c.public()
	if err != nil {
		return err
	}
	switch {
	case u.Scheme == "http" && !loopbackHost(u.Hostname()):
		return fmt.Errorf("desk.public_url is %s: cookies would cross the network in clear text; put TLS before the desk and write https", u)
	case len(c.locals()) > 0 && !loopbackHost(hostOf(c.Listen)):
		return fmt.Errorf("desk.listen is %s, which others can reach: sign-in by a local link is for 127.0.0.1 alone; configure [desk.oidc], or listen on 127.0.0.1", c.Listen)
	}
	return nil
}

func (c Config) validateLocal() (errs []error) {
	if len(c.Local) > 0 && c.OIDC.Issuer != "" {
		errs = append(errs, errors.New("desk.local and desk.oidc are both set: one person could then be two; keep one"))
	}
	seen := map[string]bool{}
	for _, name := range c.Local {
		folded := foldName(name)
		if name != cleanName(name) || folded == "" || seen[folded] {
			errs = append(errs, fmt.Errorf("desk.local has %q, which is empty, too long, given twice, or holds characters that do not show", name))
		}
		seen[folded] = true
	}
	return errs
}

func (o OIDCConfig) validate() error {
	if o.Issuer == "" {
		return nil
	}
	var errs []error
	if !safeURL(o.Issuer) {
		errs = append(errs, fmt.Errorf("desk.oidc.issuer is %q; want an https address", o.Issuer))
	}
	if o.ClientID == "" {
		errs = append(errs, errors.New("desk.oidc.client_id is empty; the provider gave you one when you registered the desk"))
	}
	if !slices.Contains(o.Scopes, "openid") {
		errs = append(errs, errors.New(`desk.oidc.scopes lacks "openid"`))
	}
	if o.NameClaim == "" || o.GroupClaim == "" {
		errs = append(errs, errors.New("desk.oidc.name_claim and group_claim must name claims"))
	}
	if len(o.Roles) == 0 {
		errs = append(errs, errors.New("[[desk.oidc.role]] is missing: nobody would get in"))
	}
	for _, r := range o.Roles {
		if r.Group == "" {
			errs = append(errs, errors.New("a [[desk.oidc.role]] has no group"))
		}
		errs = append(errs, validateRoles(fmt.Sprintf("group %q", r.Group), r.Roles))
		if slices.Contains(r.Roles, api.Member) && o.PersonClaim == "" {
			errs = append(errs, fmt.Errorf("group %q has the role member, but desk.oidc.person_claim does not say which person somebody is", r.Group))
		}
	}
	return errors.Join(errs...)
}

// validateRoles keeps administration and evidence apart already on paper; [May] does
// where two groups add up.
func validateRoles(who string, roles []api.Role) error {
	var errs []error
	if len(roles) == 0 {
		errs = append(errs, fmt.Errorf("%s has no roles", who))
	}
	for _, r := range roles {
		if !r.Known() {
			errs = append(errs, fmt.Errorf("%s has the role %q; want some of %v", who, r, api.Roles()))
		}
	}
	if slices.Contains(roles, api.Admin) && len(roles) > 1 {
		errs = append(errs, fmt.Errorf("%s is admin and something else: administrators cannot read evidence, so give other roles to other people", who))
	}
	return errors.Join(errs...)
}

func validateTokens(tokens []TokenConfig) (errs []error) {
	seen := map[string]bool{}
	for _, t := range tokens {
		if t.Name == "" || t.Name != cleanName(t.Name) || seen[foldName(t.Name)] {
			errs = append(errs, fmt.Errorf("[[desk.token]] name %q is empty, given twice, or holds characters that do not show", t.Name))
		}
		seen[foldName(t.Name)] = true
		if t.File == "" {
			errs = append(errs, fmt.Errorf("token %q has no file", t.Name))
		}
		if _, err := t.expiry(); err != nil {
			errs = append(errs, err)
		}
		errs = append(errs, validateRoles(fmt.Sprintf("token %q", t.Name), t.Roles))
		if slices.Contains(t.Roles, api.Approver) || slices.Contains(t.Roles, api.Member) {
			errs = append(errs, fmt.Errorf("token %q is approver or member: those are people", t.Name))
		}
	}
	return errs
}

func (w WitnessConfig) validate() error {
	var errs []error
	if w.URL != "" && !safeURL(w.URL) {
		errs = append(errs, fmt.Errorf("desk.witness.url is %q; want an https address", w.URL))
	}
	if (w.URL != "" || w.Dir != "") && w.KeyFile == "" {
		errs = append(errs, errors.New("desk.witness.key_file is empty: checkpoints are signed; name a file outside the data folder"))
	}
	if w.Minutes < 1 {
		errs = append(errs, fmt.Errorf("desk.witness.minutes is %d; want at least 1", w.Minutes))
	}
	if w.Name == "" || strings.ContainsAny(w.Name, " +\t\r\n") {
		errs = append(errs, fmt.Errorf("desk.witness.name is %q; want a word without + or spaces", w.Name))
	}
	return errors.Join(errs...)
}

// safeURL is one over which nobody between can read or answer: https, or this machine.
func safeURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && loopbackHost(u.Hostname()))
}

func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport
	}
	return host
}

// loopbackHost tells whether a host is this machine. localhost is by RFC 6761 §6.3.
func loopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
