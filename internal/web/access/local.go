package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis/internal/api"
)

const (
	linkLife = 10 * time.Minute
	keptUsed = 16 // links that are recognised as used or too old
)

// links are the links of the people of a single machine, one in force for each.
type links struct {
	names []string

	mu    sync.Mutex // guards all below
	fresh map[string]link
	old   []link // newest last
}

type link struct {
	name, hash string
	until      time.Time
}

func newLinks(names []string) *links { return &links{names: names, fresh: map[string]link{}} }

// mint makes a new link for a person; the one before is void.
func (l *links) mint(name string, now time.Time) (secret string) {
	secret = newSecret()
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, ok := l.fresh[name]; ok {
		l.retire(before)
	}
	l.fresh[name] = link{name, hashSecret(secret), now.Add(linkLife)}
	return secret
}

func (l *links) retire(used link) {
	l.old = append(l.old, used)
	if len(l.old) > keptUsed {
		l.old = l.old[1:]
	}
}

// take uses a link up. Renew tells that it was once good, so that its person deserves a
// new one. All are compared, each in constant time, whichever fits.
func (l *links) take(secret string, now time.Time) (name string, ok, renew bool) {
	hash := hashSecret(secret)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, candidate := range l.fresh {
		if sameSecret(candidate.hash, hash) {
			name, ok = candidate.name, now.Before(candidate.until)
			renew = true
		}
	}
	for _, candidate := range l.old {
		if sameSecret(candidate.hash, hash) {
			name, renew = candidate.name, true
		}
	}
	if f, current := l.fresh[name]; current && sameSecret(f.hash, hash) {
		delete(l.fresh, name)
		l.retire(f)
	}
	return name, ok, renew
}

// PrintLinks makes a link for each local person and shows it with Deps.Print. Whoever has a
// link is that person, once.
func (g *Guard) PrintLinks() {
	if g.oidc != nil {
		return
	}
	for _, name := range g.links.names {
		g.printLink(name)
	}
}

func (g *Guard) printLink(name string) {
	g.deps.Print(name, g.base+localPath+"?token="+g.links.mint(name, g.deps.Now()))
}

// signInLocal takes a printed link. It must be opened on this machine and by a person, not
// by another site (which could try tokens from the user's own browser), nor ahead of time by
// a browser that guesses what will be wanted, which would use the link up.
func (g *Guard) signInLocal(w http.ResponseWriter, r *http.Request) {
	key := rateKey(clientAddress(r, g.proxies))
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case g.oidc != nil || len(g.links.names) == 0:
		http.NotFound(w, r)
	case r.Method != http.MethodGet: // HEAD: only looks whether something is there
		w.WriteHeader(http.StatusNoContent)
	case !localRequest(r):
		g.refuse(w, r, http.StatusForbidden, "This link works on the machine that printed it, and not through a proxy.")
	case site != "" && site != "none" && site != "same-origin", r.Header.Get("Sec-Purpose") != "":
		g.refuse(w, r, http.StatusForbidden, "Copy the link into the browser's address bar; it cannot be opened from another page.")
	case g.attempts.spent(key, g.deps.Now()):
		tooMany(w, r)
	default:
		g.takeLink(w, r, key)
	}
}

func (g *Guard) takeLink(w http.ResponseWriter, r *http.Request, key string) {
	name, ok, renew := g.links.take(r.URL.Query().Get("token"), g.deps.Now())
	if !ok {
		g.attempts.allow(key, g.deps.Now())
		if renew {
			g.printLink(name)
		}
		g.deps.Log.Warn("a sign-in by local link was refused", "once good", renew)
		g.refuse(w, r, http.StatusForbidden, "This link has been used, is older than ten minutes, or is incomplete. Where Portcullis runs, a new one has been printed if this one was ever good; otherwise start it again.")
		return
	}
	caller := api.Caller{Name: name, Roles: []api.Role{api.Reader, api.Analyst, api.Approver}, Via: api.ViaLocalLink}
	if err := g.admit(r.Context(), w, r, "local\x1f"+name, caller, nil); err != nil {
		g.deps.Log.Error("a sign-in could not be stored", "error", err)
		g.printLink(name)
		g.refuse(w, r, http.StatusServiceUnavailable, "You could not be signed in because the store cannot be written to. A new link has been printed.")
		return
	}
	landing(w, "/")
}

// localRequest tells whether both ends of the connection are this machine and nothing stands
// between.
func localRequest(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() || forwarded(r) {
		return false
	}
	own, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	here, err := netip.ParseAddrPort(own.String())
	return err == nil && here.Addr().Unmap().IsLoopback()
}

// admit begins a session for somebody who has been recognised, and writes it to the audit in
// the same transaction.
func (g *Guard) admit(ctx context.Context, w http.ResponseWriter, r *http.Request, account string, c api.Caller, detail any) error {
	var s session
	err := g.deps.Tx(ctx, func(tx *sql.Tx) error {
		name, err := accountName(ctx, tx, account, c.Name, g.deps.Now())
		if err != nil {
			return err
		}
		c.Name = name
		if s, err = g.begin(ctx, tx, c, g.cookie(r, g.cookieName())); err != nil {
			return err
		}
		return Audit(api.WithCaller(ctx, c), tx, "sign-in", "desk", detail)
	})
	if err != nil {
		return err
	}
	g.setCookie(w, s)
	return nil
}

// nameTakenError is a sign-in under a name that belongs to another account.
type nameTakenError struct{ name string }

func (e *nameTakenError) Error() string {
	return fmt.Sprintf("the name %q belongs to another account", e.name)
}

// accountName is the name by which an account is known, for good: the one it had when it
// first signed in, and no other account may have one that reads the same. Provider's names
// can often be changed by those who bear them; that two approvals come from two people must
// not hang on that.
func accountName(ctx context.Context, tx *sql.Tx, account, name string, now time.Time) (string, error) {
	if strings.HasPrefix(foldName(name)+" ", tokenName) {
		return "", &nameTakenError{name}
	}
	var known string
	_, err := tx.ExecContext(ctx, `INSERT INTO access_account (account, name, folded, first) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		account, name, foldName(name), now.UnixMicro())
	if err == nil {
		err = tx.QueryRowContext(ctx, `SELECT name FROM access_account WHERE account=$1`, account).Scan(&known)
	}
	if errors.Is(err, sql.ErrNoRows) { // nothing was inserted, because the name is taken
		return "", &nameTakenError{name}
	}
	if err != nil {
		return "", fmt.Errorf("remember who signs in: %w", err)
	}
	return known, nil
}

// landingPage leads on after signing in. It is a page and not a redirect because of the
// strict cookie: a redirect would still count as caused by the provider's site (or by
// whatever held the link), and the browser would leave the cookie out; what this page asks
// for is our own request. It also takes the secret out of the address bar.
var landingPage = template.Must(template.New("landing").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Signed in</title>
<meta http-equiv="refresh" content="0;url={{.}}"></head>
<body><p>You are signed in. <a href="{{.}}">Go on to the desk</a>.</p></body></html>
`))

func landing(w http.ResponseWriter, to string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = landingPage.Execute(w, localTarget(to)) // a browser that hung up is nobody's error
}

// signOut ends the session, or all of the person's.
func (g *Guard) signOut(everywhere bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := sessionFrom(r.Context())
		if !ok {
			g.refuse(w, r, http.StatusUnauthorized, "You are not signed in.")
			return
		}
		if err := g.end(r.Context(), s, everywhere); err != nil {
			g.deps.Log.Error("a session could not be ended", "error", err)
			g.refuse(w, r, http.StatusServiceUnavailable, "You could not be signed out because the store cannot be written to. Close the browser, and try again.")
			return
		}
		g.setCookie(w, session{})
		w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
		http.Redirect(w, r, SignInPath, http.StatusSeeOther)
	})
}
