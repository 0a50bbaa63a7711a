package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"portcullis.example/portcullis/internal/api"
)

// A session lives at the server. The cookie holds 256 random bits and nothing else; the
// table holds their hash, so that a stolen data folder opens no session. An id is always
// made here, at sign-in: one that a browser brings along is never taken over (session
// fixation).

const (
	secureCookie  = "__Host-portcullis" // the prefix ties it to this host, to / and to TLS (RFC 6265bis §4.1.3.2)
	plainCookie   = "portcullis"        // a single machine without TLS
	maxSessions   = 20                  // of one person; the oldest go
	touchInterval = time.Minute         // how exactly idleness is known
)

// session is one that is valid.
type session struct {
	id      string // what the cookie holds
	hash    string
	caller  api.Caller
	seen    time.Time
	expires time.Time
}

type sessionKey struct{}

func sessionFrom(ctx context.Context) (session, bool) {
	s, ok := ctx.Value(sessionKey{}).(session)
	return s, ok
}

// newSecret is 256 bits from the operating system, as text.
func newSecret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails, says crypto/rand
	return base64.RawURLEncoding.EncodeToString(raw)
}

// hashSecret is how a secret is stored and looked up. Secrets are random, so a plain hash
// does; looking one up by its hash tells nothing by its time.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// sameSecret compares without telling by its time where two differ.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// begin makes a session for the caller and ends the one the browser had.
func (g *Guard) begin(ctx context.Context, tx *sql.Tx, c api.Caller, old string) (session, error) {
	now := g.deps.Now()
	encoded, err := json.Marshal(c)
	if err != nil {
		return session{}, fmt.Errorf("begin session: %w", err)
	}
	s := session{id: newSecret(), caller: c, seen: now, expires: now.Add(g.cfg.absolute())}
	s.hash = hashSecret(s.id)
	for _, step := range []struct {
		text string
		args []any
	}{
		{`DELETE FROM access_session WHERE hash=$1 OR expires<=$2 OR seen<=$3`, []any{hashSecret(old), now.UnixMicro(), now.Add(-g.cfg.idle()).UnixMicro()}},
		{`DELETE FROM access_session WHERE name=$1 AND hash NOT IN
			(SELECT hash FROM access_session WHERE name=$1 ORDER BY created DESC, hash LIMIT $2)`, []any{c.Name, maxSessions - 1}},
		{`INSERT INTO access_session (hash, name, caller, mapping, created, seen, expires) VALUES ($1, $2, $3, $4, $5, $5, $6)`,
			[]any{s.hash, c.Name, string(encoded), g.mapping, now.UnixMicro(), s.expires.UnixMicro()}},
	} {
		if _, err := tx.ExecContext(ctx, step.text, step.args...); err != nil {
			return session{}, fmt.Errorf("begin session: %w", err)
		}
	}
	return s, nil
}

// find returns the valid session that a cookie's value names.
func (g *Guard) find(ctx context.Context, id string) (session, bool, error) {
	s := session{id: id, hash: hashSecret(id)}
	var caller, mapping string
	var seen, expires int64
	err := g.deps.DB.QueryRowContext(ctx, `SELECT caller, mapping, seen, expires FROM access_session WHERE hash=$1`, s.hash).
		Scan(&caller, &mapping, &seen, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("look up session: %w", err)
	}
	if err := json.Unmarshal([]byte(caller), &s.caller); err != nil {
		return s, false, fmt.Errorf("look up session: %w", err)
	}
	s.seen, s.expires = time.UnixMicro(seen), time.UnixMicro(expires)
	now := g.deps.Now()
	return s, mapping == g.mapping && now.Before(s.expires) && now.Sub(s.seen) < g.cfg.idle(), nil
}

// touch notes that the session is in use, at most once in a while. A store that cannot be
// written to must not keep people from reading, so a failure is logged and no more.
func (g *Guard) touch(ctx context.Context, s session) {
	now := g.deps.Now()
	if now.Sub(s.seen) < min(touchInterval, g.cfg.idle()/4) {
		return
	}
	err := g.deps.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE access_session SET seen=$2 WHERE hash=$1 AND seen<$2`, s.hash, now.UnixMicro())
		return err
	})
	if err != nil && ctx.Err() == nil {
		g.deps.Log.Warn("a session's last use could not be stored", "error", err)
	}
}

// end removes one session, or all of the person it belongs to.
func (g *Guard) end(ctx context.Context, s session, everywhere bool) error {
	kind, text, arg := "sign-out", `DELETE FROM access_session WHERE hash=$1`, s.hash
	if everywhere {
		kind, text, arg = "sign-out-everywhere", `DELETE FROM access_session WHERE name=$1`, s.caller.Name
	}
	return g.deps.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, text, arg); err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		return Audit(api.WithCaller(ctx, s.caller), tx, kind, "desk", nil)
	})
}

// Alive tells whether the session that a long answer began with is still valid: whoever
// streams asks now and then, and stops when it is not. A request without a session (a
// token's) is alive as long as its connection.
func (g *Guard) Alive(ctx context.Context) bool {
	s, ok := sessionFrom(ctx)
	if !ok {
		return true
	}
	_, valid, err := g.find(ctx, s.id)
	return err == nil && valid
}

func (g *Guard) cookieName() string {
	if g.secure {
		return secureCookie
	}
	return plainCookie
}

// setCookie gives the browser the session, or takes it away where s is the zero session.
// Strict: no request that another site causes carries it, links included. The cookie ends
// with the browser; how long the session lasts is decided here.
func (g *Guard) setCookie(w http.ResponseWriter, s session) {
	c := &http.Cookie{Name: g.cookieName(), Value: s.id, Path: "/", Secure: g.secure, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if s.id == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// cookie is the value of the browser's session cookie. Two of the name are none: one of them
// was put there by somebody else.
func (g *Guard) cookie(r *http.Request, name string) string {
	all := r.CookiesNamed(name)
	if len(all) != 1 || len(all[0].Value) > 100 {
		return ""
	}
	return all[0].Value
}

// The token of a form proves that it was a page of ours, in this session, that sent it. It is
// derived from the session's id, so it needs no storing, and masked anew each time it is
// written, so that compression cannot leak it (the BREACH attack).

func formSecret(id string) []byte {
	sum := sha256.Sum256([]byte("portcullis form token\x00" + id))
	return sum[:]
}

// FormToken is the value of the field [FormField] for a form of the request's session; "" when
// there is none.
func FormToken(ctx context.Context) string {
	s, ok := sessionFrom(ctx)
	if !ok {
		return ""
	}
	masked := make([]byte, 64)
	_, _ = rand.Read(masked[:32])
	subtle.XORBytes(masked[32:], masked[:32], formSecret(s.id))
	return base64.RawURLEncoding.EncodeToString(masked)
}

// checkFormToken tells whether the token was made for the session.
func checkFormToken(s session, token string) bool {
	if len(token) > 100 {
		return false
	}
	masked, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(masked) != 64 {
		return false
	}
	got := make([]byte, 32)
	subtle.XORBytes(got, masked[:32], masked[32:])
	return subtle.ConstantTimeCompare(got, formSecret(s.id)) == 1
}
