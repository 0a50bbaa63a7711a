package imap

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// bearer signs in with an access token: by OAUTHBEARER (RFC 7628), or by XOAUTH2, which Google and Microsoft made before it.
type bearer struct {
	mechanism, initial string
	refused            bool // the server has described an error
}

func newBearer(auth, user, token, host string, port int) *bearer {
	if auth == authX {
		return &bearer{mechanism: "XOAUTH2", initial: "user=" + user + "\x01auth=Bearer " + token + "\x01\x01"}
	}
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(user) // RFC 5801 §4, saslname
	return &bearer{mechanism: "OAUTHBEARER", initial: "n,a=" + name + ",\x01host=" + host + "\x01port=" + strconv.Itoa(port) + "\x01auth=Bearer " + token + "\x01\x01"}
}

// Start returns the initial response.
func (b *bearer) Start() (mech string, ir []byte, err error) {
	return b.mechanism, []byte(b.initial), nil
}

// Next takes the description of an error, and has the server end it: by %x01 (RFC 7628 §3.2.3). XOAUTH2 wants an empty line there, which
// the library writes as "=" (a form for initial responses only, RFC 9051 §6.2.2), and Dovecot refuses; it takes this.
// What is described is not kept: the server says a code and a text after it.
func (b *bearer) Next([]byte) ([]byte, error) {
	if b.refused {
		return nil, errors.New("the server goes on asking after it has refused the token")
	}
	b.refused = true
	return []byte{1}, nil
}

// refusal says that a server does not let somebody in.
type refusal struct {
	err   error
	again bool // it is worth another attempt at once
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// asRefusal tells a refusal from what only keeps the server from answering.
func asRefusal(err error) error {
	var said *imap.Error
	if !errors.As(err, &said) || notYet(err) != nil {
		return err
	}
	return &refusal{err: err}
}

// notYet returns an answer that is about the server's own state, not about what was asked (RFC 5530 §3): it is over in a while. nil: it is none.
func notYet(err error) *imap.Error {
	var said *imap.Error
	if errors.As(err, &said) && (throttled(string(said.Code), said.Text) || said.Code == imap.ResponseCodeUnavailable || said.Code == imap.ResponseCodeServerBug) {
		return said
	}
	return nil
}

// scrub takes a secret out of an error: a server may repeat what it was told, as it was or in the coding that it came in.
func scrub(err error, secret string) error {
	text := err.Error()
	clean := without(text, secret)
	if clean == text {
		return err
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return &refusal{err: errors.New(clean), again: refused.again}
	}
	return errors.New(clean)
}

// coded finds what may be base64 of a secret.
var coded = regexp.MustCompile(`[A-Za-z0-9+/]{4,}={0,2}`)

func without(text, secret string) string {
	if len(secret) < 4 {
		return text
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(secret) // RFC 9051 §4.3, quoted
	text = strings.NewReplacer(secret, "…", quoted, "…").Replace(text)
	return coded.ReplaceAllStringFunc(text, func(word string) string {
		raw, _ := base64.RawStdEncoding.DecodeString(strings.TrimRight(word, "=")) // as far as it goes: it may have been cut
		if strings.Contains(string(raw), secret) || strings.Contains(string(raw), "auth=Bearer ") {
			return "…"
		}
		return word
	})
}
