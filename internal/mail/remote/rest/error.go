package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
)

// Error is what a service says is wrong. Graph has error.code as a word, Google has it as a number
// with error.status and reasons beside it (google.rpc.ErrorInfo, and errors[] of the older form).
type Error struct {
	Status  int
	Codes   []string // words for machines
	Message string   // for people, in one line, without secrets
	After   time.Duration
}

func (e *Error) Error() string {
	text := fmt.Sprintf("the server answers %d %s", e.Status, http.StatusText(e.Status))
	if len(e.Codes) > 0 {
		text += " (" + strings.Join(e.Codes, ", ") + ")"
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Has tells whether one of the words was said.
func (e *Error) Has(words ...string) bool {
	for _, code := range e.Codes {
		for _, word := range words {
			if strings.EqualFold(code, word) {
				return true
			}
		}
	}
	return false
}

// Said returns what a service said, nil if the error is none of a service.
func Said(err error) *Error {
	var said *Error
	if errors.As(err, &said) {
		return said
	}
	return nil
}

// refused reads an answer that is none.
func (c *Client) refused(response *http.Response, body io.Reader, token string) error {
	e := &Error{Status: response.StatusCode, After: remote.RetryAfter(response.Header, time.Now())}
	if e.Status >= 300 && e.Status < 400 {
		where := "another place"
		if u, err := url.Parse(response.Header.Get("Location")); err == nil && u.Host != "" {
			where = fmt.Sprintf("%.100q", without(u.Host, token))
		}
		return &remote.Failure{Kind: remote.Permanent, Err: fmt.Errorf("%w, and redirects to %s", e, where), Remedy: "it is not followed, for the token would go there; is endpoint right?"}
	}
	raw, _ := readUpTo(body, maxError, 0)        // the status alone says what is to be done
	e.parse([]byte(without(string(raw), token))) // before anything is cut: a part of it would not be found
	e.Message = Line(without(e.Message, token))  // as it is once escapes are undone
	for i, code := range e.Codes {
		e.Codes[i] = without(code, token)
	}
	if c.Explain != nil {
		if f := c.Explain(e); f != nil {
			if f.Err == nil {
				f.Err = e
			}
			return f
		}
	}
	return e.failure()
}

// without takes a token out of what a service says. What is shorter than any token may stand there by chance.
func without(text, token string) string {
	if len(token) < 4 {
		return text
	}
	return strings.ReplaceAll(text, token, "…")
}

// failure is what is to be done where the service's own words say nothing special.
func (e *Error) failure() *remote.Failure {
	f := &remote.Failure{Err: e}
	switch {
	case e.Status == http.StatusTooManyRequests, e.Status == statusBandwidth, e.Status == http.StatusServiceUnavailable && e.After > 0:
		f.Kind, f.After = remote.Throttled, e.After
	case e.Status == http.StatusUnauthorized:
		f.Kind, f.Remedy = remote.Refused, "a new token was refused as well: may this application still read?"
	case e.Status == http.StatusForbidden:
		f.Kind = remote.Refused
	case e.Status == http.StatusRequestTimeout, e.Status >= 500:
		f.Kind = remote.Temporary
	default:
		f.Kind = remote.Permanent
	}
	return f
}

// statusBandwidth is what Microsoft answers to an application that has taken too many bytes.
const statusBandwidth = 509

func (e *Error) parse(raw []byte) {
	var answer struct {
		Error struct {
			Code    json.RawMessage `json:"code"`
			Message string          `json:"message"`
			Status  string          `json:"status"`
			Errors  []struct {
				Reason string `json:"reason"`
			} `json:"errors"`
			Details []struct {
				Reason string `json:"reason"`
			} `json:"details"`
		} `json:"error"`
	}
	if json.Unmarshal(raw, &answer) != nil {
		return
	}
	said := answer.Error
	e.Message = said.Message
	var word string
	if json.Unmarshal(said.Code, &word) != nil {
		word = "" // a number: the status again
	}
	words := []string{word, said.Status}
	for _, one := range said.Errors {
		words = append(words, one.Reason)
	}
	for _, one := range said.Details {
		words = append(words, one.Reason)
	}
	for _, w := range words {
		if w = Line(w); w != "" && !e.Has(w) && len(e.Codes) < 8 {
			e.Codes = append(e.Codes, w)
		}
	}
}

// Line makes one line of what a server wrote, cut to a length that people read.
func Line(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))), " ")
	if runes := []rune(text); len(runes) > 300 {
		return string(runes[:300]) + "…"
	}
	return text
}

// network is about an error that the service has not put into words. Addresses are taken out: a link holds
// whose mailbox it is.
func (c *Client) network(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return &remote.Failure{Kind: remote.Temporary, Err: errSilent, Remedy: "something between may forget connections"}
	}
	return Network(err)
}

// Network says what is to be done about an error of a connection.
func Network(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var untrusted *tls.CertificateVerificationError
	var hostname x509.HostnameError
	var name *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &hostname):
		return &remote.Failure{Kind: remote.Permanent, Err: err, Remedy: "the endpoint must be the name in the server's certificate"}
	case errors.As(err, &untrusted):
		return &remote.Failure{Kind: remote.Permanent, Err: err, Remedy: "the certificate is not trusted: name the file of its authority with ca_file, if the server is the right one"}
	case errors.As(err, &name) && name.IsNotFound:
		return &remote.Failure{Kind: remote.Temporary, Err: err, Remedy: "is the endpoint written right?"}
	}
	return &remote.Failure{Kind: remote.Temporary, Err: err}
}

// Unreachable tells whether the service could not be reached at all, so that to ask it for the next mailbox is idle.
func Unreachable(err error) bool {
	var dial *net.OpError
	var name *net.DNSError
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &dial) && dial.Op == "dial" || errors.As(err, &name) || errors.As(err, &untrusted)
}
