package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Sign-in by OpenID Connect: the authorization code flow (OpenID Connect Core 1.0 §3.1) with
// PKCE (RFC 7636, S256), as RFC 9700 asks for. Each attempt has a state, a nonce and a
// verifier of its own, kept at the server under a cookie that the browser which began the
// attempt has and no other. So nobody can be signed in to an account that somebody else
// chose (login CSRF), no answer can be used twice, and a stolen code is worth nothing.

const (
	flowLife   = 10 * time.Minute
	maxFlows   = 2000 // begun and not come back
	askTimeout = 15 * time.Second
	maxAnswer  = 1 << 20 // of what the provider sends
	clockSkew  = 2 * time.Minute

	secureFlowCookie = "__Host-portcullis-sign-in"
	plainFlowCookie  = "portcullis-sign-in"
)

// provider is an OpenID Connect provider, asked for its addresses and keys when first
// needed: a desk starts although its provider is away.
type provider struct {
	cfg      OIDCConfig
	redirect string
	secret   string
	client   *http.Client
	now      func() time.Time

	mu    sync.Mutex // guards known
	known *endpoints
}

type endpoints struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newProvider(cfg OIDCConfig, redirect string, client *http.Client, now func() time.Time) (*provider, error) {
	p := &provider{cfg: cfg, redirect: redirect, client: client, now: now}
	if cfg.ClientSecretFile != "" {
		secret, err := readSecret(cfg.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("desk.oidc.client_secret_file: %w", err)
		}
		p.secret = secret
	}
	return p, nil
}

// outbound is a client for the few places the desk asks: bounded in time and size, and
// following nobody elsewhere.
func outbound() *http.Client {
	return &http.Client{
		Timeout:       askTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// limited bounds what an answer may hold, whatever client is given.
type limited struct{ under http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.under.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// asking is a context in which go-oidc and oauth2 use our client.
func (p *provider) asking(ctx context.Context) context.Context {
	c := *p.client
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = limited{c.Transport}
	return oidc.ClientContext(ctx, &c)
}

// endpoints asks the provider once; a failure is not remembered.
func (p *provider) endpoints(ctx context.Context) (*endpoints, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	found, err := oidc.NewProvider(p.asking(ctx), p.cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask the provider %s for its configuration: %w", p.cfg.Issuer, err)
	}
	for _, address := range []string{found.Endpoint().AuthURL, found.Endpoint().TokenURL} {
		if !safeURL(address) {
			return nil, fmt.Errorf("the provider %s names the address %q, which is not https", p.cfg.Issuer, address)
		}
	}
	p.known = &endpoints{
		oauth: oauth2.Config{ClientID: p.cfg.ClientID, ClientSecret: p.secret, Endpoint: found.Endpoint(), RedirectURL: p.redirect, Scopes: p.cfg.Scopes},
		// The keys are fetched outside of any request, when a token names one not seen yet.
		verifier: found.VerifierContext(p.asking(context.WithoutCancel(ctx)), &oidc.Config{ClientID: p.cfg.ClientID, Now: p.now}),
	}
	return p.known, nil
}

// flow is one attempt to sign in.
type flow struct {
	id, state, nonce, verifier, returnTo string
}

func (g *Guard) flowCookie() string {
	if g.secure {
		return secureFlowCookie
	}
	return plainFlowCookie
}

// startOIDC sends the browser to the provider.
func (g *Guard) startOIDC(w http.ResponseWriter, r *http.Request) {
	if g.oidc == nil {
		http.NotFound(w, r)
		return
	}
	ends, err := g.oidc.endpoints(r.Context())
	if err != nil {
		g.deps.Log.Error("sign-in is not possible", "error", err)
		g.refuse(w, r, http.StatusBadGateway, "The sign-in service does not answer. Try again in a moment; the operator's log says more.")
		return
	}
	f := flow{newSecret(), newSecret(), newSecret(), oauth2.GenerateVerifier(), wanted(r, r.URL.Query().Get("to"))}
	if err := g.deps.Tx(r.Context(), func(tx *sql.Tx) error { return g.keepFlow(r.Context(), tx, f) }); err != nil {
		g.deps.Log.Error("a sign-in could not be begun", "error", err)
		g.refuse(w, r, http.StatusServiceUnavailable, "The desk cannot reach its store. Try again in a moment.")
		return
	}
	// Lax, because the provider sends the browser back from its own site.
	http.SetCookie(w, &http.Cookie{Name: g.flowCookie(), Value: f.id, Path: "/", Secure: g.secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, MaxAge: int(flowLife.Seconds())})
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier)}
	if len(g.cfg.OIDC.ACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(g.cfg.OIDC.ACR, " ")))
	}
	if m := g.cfg.OIDC.MaxAgeMinutes; m > 0 {
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(m*60)))
	}
	http.Redirect(w, r, ends.oauth.AuthCodeURL(f.state, options...), http.StatusSeeOther)
}

func (g *Guard) keepFlow(ctx context.Context, tx *sql.Tx, f flow) error {
	now := g.deps.Now()
	if _, err := tx.ExecContext(ctx, `DELETE FROM access_flow WHERE expires<=$1 OR hash NOT IN
		(SELECT hash FROM access_flow ORDER BY expires DESC, hash LIMIT $2)`, now.UnixMicro(), maxFlows); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO access_flow (hash, state, nonce, verifier, return_to, expires) VALUES ($1, $2, $3, $4, $5, $6)`,
		hashSecret(f.id), hashSecret(f.state), f.nonce, f.verifier, f.returnTo, now.Add(flowLife).UnixMicro())
	return err
}

// takeFlow uses up the attempt that the browser's cookie names, whatever comes of it.
func (g *Guard) takeFlow(ctx context.Context, id string) (f flow, err error) {
	f.id = id
	var expires int64
	err = g.deps.Tx(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `DELETE FROM access_flow WHERE hash=$1 RETURNING state, nonce, verifier, return_to, expires`, hashSecret(id)).
			Scan(&f.state, &f.nonce, &f.verifier, &f.returnTo, &expires)
	})
	if errors.Is(err, sql.ErrNoRows) || err == nil && !g.deps.Now().Before(time.UnixMicro(expires)) {
		return f, refused("no sign-in was begun in this browser, or it took too long")
	}
	return f, err
}

// refusedError is a sign-in that is refused for a reason that may be told to whoever tries.
type refusedError struct{ why string }

func (e *refusedError) Error() string { return e.why }

func refused(why string) error { return &refusedError{why} }

// finishOIDC takes the provider's answer.
func (g *Guard) finishOIDC(w http.ResponseWriter, r *http.Request) {
	if g.oidc == nil || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	key := rateKey(clientAddress(r, g.proxies))
	if g.attempts.spent(key, g.deps.Now()) {
		tooMany(w, r)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: g.flowCookie(), Path: "/", Secure: g.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1})
	to, err := g.answered(w, r)
	if err == nil {
		landing(w, to)
		return
	}
	g.attempts.allow(key, g.deps.Now())
	g.deps.Log.Warn("a sign-in was refused", "error", err, "from", addressFrom(r.Context()))
	message := "You could not be signed in. Try again; the operator's log says why."
	if why, ok := errors.AsType[*refusedError](err); ok {
		message = "You could not be signed in: " + why.why + "."
	}
	g.refuse(w, r, http.StatusForbidden, message)
}

// answered checks the answer in the order in which it can be forged: the browser first,
// then the state, then what the provider itself says.
func (g *Guard) answered(w http.ResponseWriter, r *http.Request) (to string, err error) {
	id := g.cookie(r, g.flowCookie())
	if id == "" {
		return "", refused("no sign-in was begun in this browser, or it took too long")
	}
	f, err := g.takeFlow(r.Context(), id)
	if err != nil {
		return "", err
	}
	q := r.URL.Query()
	if err := checkAnswer(q, f, g.cfg.OIDC.Issuer); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	claims, err := g.oidc.redeem(ctx, q.Get("code"), f)
	if err != nil {
		return "", err
	}
	caller, account, err := g.callerOf(claims)
	if err != nil {
		return "", err
	}
	err = g.admit(r.Context(), w, r, account, caller, map[string]any{"roles": caller.Roles, "scope": caller.Scope, "person": caller.Person})
	if taken, ok := errors.AsType[*nameTakenError](err); ok {
		g.deps.Log.Error("two accounts have one name; choose a name_claim that is unique", "name", taken.name)
		err = refused("your name belongs to another account here; tell the operator")
	}
	return f.returnTo, err
}

// checkAnswer checks what came with the browser. iss is RFC 9207: an answer of another
// provider is told from ours by it, where providers send it.
func checkAnswer(q url.Values, f flow, issuer string) error {
	states, issuers := q["state"], q["iss"]
	switch {
	case len(states) != 1 || !sameSecret(hashSecret(states[0]), f.state):
		return refused("the answer does not belong to the sign-in that this browser began")
	case len(issuers) > 1 || len(issuers) == 1 && issuers[0] != issuer:
		return refused("the answer comes from another provider")
	case q.Has("error"):
		return refused(fmt.Sprintf("the provider said %.60q", cleanName(q.Get("error"))))
	case len(q["code"]) != 1 || q.Get("code") == "":
		return refused("the provider's answer is incomplete")
	}
	return nil
}

// redeem exchanges the code for an ID token and checks it (OpenID Connect Core 1.0 §3.1.3.7):
// signature, issuer, audience and expiry by go-oidc, the rest here.
func (p *provider) redeem(ctx context.Context, code string, f flow) (claims, error) {
	ends, err := p.endpoints(ctx)
	if err != nil {
		return claims{}, err
	}
	got, err := ends.oauth.Exchange(p.asking(ctx), code, oauth2.VerifierOption(f.verifier))
	if err != nil {
		return claims{}, fmt.Errorf("exchange the code: %w", err)
	}
	raw, ok := got.Extra("id_token").(string)
	if !ok {
		return claims{}, errors.New("the provider sent no ID token")
	}
	id, err := ends.verifier.Verify(ctx, raw)
	if err != nil {
		return claims{}, fmt.Errorf("ID token: %w", err)
	}
	if !sameSecret(id.Nonce, f.nonce) {
		return claims{}, errors.New("ID token: the nonce is not the one that was sent")
	}
	if id.AccessTokenHash != "" && id.VerifyAccessToken(got.AccessToken) != nil {
		return claims{}, errors.New("ID token: it belongs to another access token")
	}
	var c claims
	if err := id.Claims(&c.all); err != nil {
		return claims{}, fmt.Errorf("ID token: %w", err)
	}
	c.issuer, c.subject = id.Issuer, id.Subject
	return c, p.checkToken(id, c, p.now())
}

// checkToken checks what go-oidc leaves to us.
func (p *provider) checkToken(id *oidc.IDToken, c claims, now time.Time) error {
	party, hasParty := c.text("azp")
	switch {
	case id.Subject == "" || len(id.Subject) > 255:
		return errors.New("ID token: no subject")
	case hasParty && party != p.cfg.ClientID, !hasParty && len(id.Audience) > 1:
		return errors.New("ID token: it was made for another client")
	case id.IssuedAt.After(now.Add(clockSkew)):
		return errors.New("ID token: it is from the future; compare the clocks of the desk and the provider")
	}
	if len(p.cfg.ACR) > 0 {
		if acr, _ := c.text("acr"); !slices.Contains(p.cfg.ACR, acr) {
			return refused("the provider did not check you strongly enough; sign in there with a second factor")
		}
	}
	if m := p.cfg.MaxAgeMinutes; m > 0 {
		at, ok := c.at("auth_time").(float64)
		if !ok || now.Sub(time.Unix(int64(at), 0)) > time.Duration(m)*time.Minute+clockSkew {
			return refused("you signed in at the provider too long ago; sign out there and try again")
		}
	}
	return nil
}
