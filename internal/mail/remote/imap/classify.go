package imap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/rest"
)

// classify says what is to be done about an error of one mailbox.
func (s *Source) classify(a *account, err error) *remote.Failure {
	f := s.kindOf(a, err)
	f.Mailbox, f.Err = a.Mailbox, told(f.Err)
	return f
}

// toldError is an error in one line of a length that people read: what servers say goes into logs, findings and the store.
type toldError struct {
	text string
	err  error
}

func (e *toldError) Error() string { return e.text }
func (e *toldError) Unwrap() error { return e.err }

func told(err error) error {
	text := err.Error()
	if line := rest.Line(text); line != text {
		return &toldError{line, err}
	}
	return err
}

func (s *Source) kindOf(a *account, err error) *remote.Failure {
	var f *remote.Failure
	var refused *refusal
	var said *imap.Error
	var bye *byeError
	switch {
	case errors.As(err, &f):
		c := *f
		return &c
	case errors.As(err, &refused):
		return &remote.Failure{Kind: remote.Refused, Err: err, Remedy: a.remedy()}
	case errors.As(err, &said):
		return ofAnswer(err, string(said.Code), said.Text)
	case errors.As(err, &bye):
		code, text := codeOf(bye.text)
		return ofAnswer(err, code, text)
	}
	return s.ofNetwork(err)
}

// remedy is what to do where the server does not let the account in.
func (a *account) remedy() string {
	switch {
	case a.PasswordFile != "":
		return "see whether the secret in the file is right, whether the mailbox may be read by IMAP, and whether the server wants an app password or a token"
	case a.TokenFile != "":
		return "see whether the token in the file is still good and for this mailbox; whatever keeps it fresh may have stopped"
	}
	return "a new token was refused as well: see whether the application may still read this mailbox by IMAP, whether somebody withdrew that, and whether scopes are right"
}

// ofNetwork is about an error that the server has not put into words.
func (s *Source) ofNetwork(err error) *remote.Failure {
	var untrusted *tls.CertificateVerificationError
	var hostname x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var noTLS tls.RecordHeaderError
	var name *net.DNSError
	switch {
	case errors.As(err, &hostname):
		return &remote.Failure{Kind: remote.Permanent, Err: err, Remedy: "host must be the name in the server's certificate"}
	case errors.As(err, &untrusted), errors.As(err, &unknown):
		return &remote.Failure{Kind: remote.Permanent, Err: err, Remedy: "the certificate is not trusted: name the file of its authority with ca_file, if the server is the right one"}
	case errors.As(err, &noTLS):
		return &remote.Failure{Kind: remote.Permanent, Err: err, Remedy: `the port does not speak TLS: see port and tls = "starttls"`}
	case errors.As(err, &name) && name.IsNotFound:
		return &remote.Failure{Kind: remote.Temporary, Err: err, Remedy: "is host written right?"}
	case errors.Is(err, errTooMuch):
		return &remote.Failure{Kind: remote.Permanent, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &remote.Failure{Kind: remote.Temporary, Err: err, Remedy: "the server, or something between, does not answer"}
	}
	// What is left is of the connection, or of an answer that the library cannot read: a new connection may help.
	return &remote.Failure{Kind: remote.Temporary, Err: err}
}

// ofAnswer is about a NO, BAD or BYE.
func ofAnswer(err error, code, text string) *remote.Failure {
	if throttled(code, text) {
		return &remote.Failure{Kind: remote.Throttled, After: suggested(text), Err: err}
	}
	switch imap.ResponseCode(code) {
	case imap.ResponseCodeNoPerm, imap.ResponseCodeNonExistent, imap.ResponseCodePrivacyRequired:
		return &remote.Failure{Kind: remote.Permanent, Err: err}
	case imap.ResponseCodeAuthenticationFailed, imap.ResponseCodeAuthorizationFailed, imap.ResponseCodeExpired:
		return &remote.Failure{Kind: remote.Refused, Err: err}
	}
	return &remote.Failure{Kind: remote.Temporary, Err: err}
}

// throttled tells whether an answer asks for patience. No standard has one word for it: RFC 9051 §7.1 and RFC
// 5530 have LIMIT and INUSE; Gmail says THROTTLED, and OVERQUOTA with "bandwidth limits"; Exchange
// says "Request is throttled. Suggested Backoff Time: N milliseconds"; Yahoo says LIMIT "Rate limit hit".
func throttled(code, text string) bool {
	switch strings.ToUpper(code) {
	case "THROTTLED", "LIMIT", "INUSE", "OVERQUOTA":
		return true
	}
	text = strings.ToLower(text)
	for _, words := range []string{"throttl", "rate limit", "bandwidth limit", "too many simultaneous", "too many connections", "maximum number of connections", "backoff time", "try again later"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

var backoffTime = regexp.MustCompile(`(?i)backoff time:?\s*(\d{1,9})\s*(milliseconds|ms|seconds|s)`)

// suggested is how long a server asks to wait, 0 if it does not say.
func suggested(text string) time.Duration {
	m := backoffTime.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	if strings.HasPrefix(strings.ToLower(m[2]), "m") {
		return time.Duration(n) * time.Millisecond
	}
	return time.Duration(n) * time.Second
}

// codeOf takes the response code off a text.
func codeOf(text string) (code, rest string) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "[") {
		return "", text
	}
	code, rest, _ = strings.Cut(text[1:], "]")
	code, _, _ = strings.Cut(code, " ")
	return code, rest
}
