package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// Kind is what is to be done about a failure.
type Kind uint8

const (
	// Temporary failures go by: time-outs, lost connections, servers being restarted.
	Temporary Kind = iota
	// Throttled means that the server asks for fewer requests; see Failure.After.
	Throttled
	// Refused means that a password, token or right is not, or no longer, good.
	// Secrets have been read again already. It is tried again, but seldom: too many attempts lock accounts.
	Refused
	// Permanent failures do not go by until somebody changes something: a
	// mailbox that is not there, a certificate that is not trusted.
	Permanent
)

func (k Kind) String() string {
	return [...]string{"temporary", "throttled", "refused", "permanent"}[k]
}

// Failure is an error with what is to be done about it. Its text says so too.
type Failure struct {
	Kind    Kind
	Mailbox string        // whose mail is not read; "" is the whole source
	After   time.Duration // for Throttled: what the server asked for (Retry-After); 0: it did not say
	Err     error
	Remedy  string // what to do, a clause: "check password_file"
}

// Error never holds a secret, provided that Err does not.
func (f *Failure) Error() string {
	msg := f.Err.Error()
	if f.Mailbox != "" {
		msg = f.Mailbox + ": " + msg
	}
	if f.Remedy != "" {
		msg = strings.TrimRight(msg, ".") + "; " + f.Remedy
	}
	return msg
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Fail makes a Failure.
func Fail(kind Kind, remedy, format string, args ...any) *Failure {
	return &Failure{Kind: kind, Remedy: remedy, Err: fmt.Errorf(format, args...)}
}

// Failures takes joined errors apart. An error that is no Failure becomes one: Temporary where
// it is of the network, else Permanent.
func Failures(err error) (list []*Failure) {
	if err == nil {
		return nil
	}
	if f, ok := err.(*Failure); ok {
		return []*Failure{f}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			list = append(list, Failures(e)...)
		}
		return list
	}
	var f *Failure
	if errors.As(err, &f) {
		wrapped := *f
		wrapped.Err, wrapped.Remedy, wrapped.Mailbox = err, "", "" // the text of err says both already
		return []*Failure{&wrapped}
	}
	if IsNetwork(err) {
		return []*Failure{{Kind: Temporary, Err: err}}
	}
	return []*Failure{{Kind: Permanent, Err: err}}
}

// IsNetwork tells whether an error is of a connection rather than of what was said over it.
func IsNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}
