package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/api"
)

// TokenPrefix begins every bearer token, so that programs that search for leaked secrets
// know one when they see it.
const TokenPrefix = "portcullis_"

// NewToken is a new bearer token: 256 random bits behind the prefix.
func NewToken() string { return TokenPrefix + newSecret() }

// token is one that is known: its hash, and whom it makes its bearer.
type token struct {
	hash    [sha256.Size]byte
	caller  api.Caller
	expires time.Time // zero: never
}

// readTokens reads the files of all tokens and tells all problems at once.
func readTokens(list []TokenConfig) (tokens []token, err error) {
	var errs []error
	for _, c := range list {
		secret, err := readSecret(c.File)
		if err != nil {
			errs = append(errs, fmt.Errorf("token %q: %w", c.Name, err))
			continue
		}
		if !strings.HasPrefix(secret, TokenPrefix) || len(secret) < len(TokenPrefix)+43 {
			errs = append(errs, fmt.Errorf("token %q: the file %s does not hold a token; `portcullis token make` writes one", c.Name, c.File))
			continue
		}
		expires, err := c.expiry()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		t := token{hash: sha256.Sum256([]byte(secret)), expires: expires}
		t.caller = api.Caller{Name: tokenName + c.Name, Roles: c.Roles, Scope: c.Scope, Via: api.ViaToken}
		for _, other := range tokens {
			if other.hash == t.hash {
				errs = append(errs, fmt.Errorf("token %q is the same as %q; make one for each, or nobody can tell who was there", c.Name, other.caller.Name))
			}
		}
		tokens = append(tokens, t)
	}
	return tokens, errors.Join(errs...)
}

// tokenName begins the name of every caller with a token, and of no person.
const tokenName = "token "

// expiry is the first moment at which the token is refused.
func (c TokenConfig) expiry() (time.Time, error) {
	if c.Expires == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, c.Expires)
	if err != nil {
		return time.Time{}, fmt.Errorf("token %q: expires is %q; want a day such as 2027-01-31", c.Name, c.Expires)
	}
	return day, nil
}

// readSecret reads a secret from a file that nobody but its owner can read.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()            // of what was opened, not of what the name now leads to
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file", path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %04o); chmod 600 it, and make a new secret if others may have", path, info.Mode().Perm())
	}
	const most = 4 << 10
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(raw))
	if secret == "" || len(raw) > most || strings.ContainsAny(secret, "\r\n \t\x00") {
		return "", fmt.Errorf("%s does not hold one secret in one line", path)
	}
	return secret, nil
}

// CheckSecretFile tells whether a file is there, holds something, and can be read by nobody but its owner.
func CheckSecretFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file", path)
	case info.Size() == 0:
		return fmt.Errorf("%s is empty", path)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s can be read by others (mode %04o); chmod 600 it, and make a new secret if others may have", path, info.Mode().Perm())
	}
	return nil
}

// CheckSecrets reads the files of all tokens and secrets as serving would, and tells all
// problems at once.
func (c Config) CheckSecrets() error {
	_, err := readTokens(c.Tokens)
	errs := []error{err}
	if c.OIDC.ClientSecretFile != "" {
		if _, err := readSecret(c.OIDC.ClientSecretFile); err != nil {
			errs = append(errs, fmt.Errorf("desk.oidc.client_secret_file: %w", err))
		}
	}
	if key := c.Witness.KeyFile; key != "" { // made on first use, so it need not be there
		if err := CheckSecretFile(key); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("desk.witness.key_file: %w", err))
		}
	}
	return errors.Join(errs...)
}

// bearer finds whose token it is. Every token is compared, whichever fits, and what is
// compared are hashes, so time tells nothing.
func (g *Guard) bearer(secret string) (api.Caller, bool) {
	hash := sha256.Sum256([]byte(secret))
	found := -1
	for i, t := range g.tokens {
		if subtle.ConstantTimeCompare(t.hash[:], hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return api.Caller{}, false
	}
	t := g.tokens[found]
	return t.caller, t.expires.IsZero() || g.deps.Now().Before(t.expires)
}

// withToken serves a request that brings an Authorization header, by that alone: a session
// that may also be there plays no part.
func (g *Guard) withToken(w http.ResponseWriter, r *http.Request, next http.Handler) {
	key := rateKey(clientAddress(r, g.proxies))
	if g.attempts.spent(key, g.deps.Now()) {
		tooMany(w, r)
		return
	}
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	caller, ok := api.Caller{}, false
	if strings.EqualFold(scheme, "Bearer") && len(secret) <= 200 && len(r.Header.Values("Authorization")) == 1 {
		caller, ok = g.bearer(strings.TrimSpace(secret))
	}
	if !ok {
		g.attempts.allow(key, g.deps.Now())
		g.deps.Log.Warn("a bearer token was refused", "from", addressFrom(r.Context()), "expired", caller.Name)
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 §3.1
		api.WriteProblem(w, api.Problemf(http.StatusUnauthorized, "This token is not known here, or no longer."))
		return
	}
	if !g.sessions.allow(caller.Name, g.deps.Now()) {
		tooMany(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	next.ServeHTTP(w, r.WithContext(api.WithCaller(r.Context(), caller)))
}
