package pack

import (
	"errors"
	"fmt"
	"time"
)

// Why a pack is not used. Each is what one person has to do something about.
var (
	// ErrUnsigned: nobody answers for it.
	ErrUnsigned = errors.New("the pack is not signed, so nobody answers for it; ask the issuer for the signed file")
	// ErrAltered: the signature is not of this text.
	ErrAltered = errors.New("the pack was altered after it was signed, or damaged on the way; ask the issuer for it again, and compare its SHA-256 by telephone")
	// ErrTooLarge: more than anybody would make.
	ErrTooLarge = fmt.Errorf("the pack is larger than %d MB, which is more than is read; ask the issuer to split it", MaxSize>>20)
	// ErrMatchesAll: it would say yes to everything.
	ErrMatchesAll = errors.New("the pack's filter lets everything through, so it does not do what it says; ask the issuer to make it again")
)

// FormatError is a pack that does not keep to its format.
type FormatError struct{ err error }

func formatError(format string, args ...any) error { return &FormatError{fmt.Errorf(format, args...)} }

func (e *FormatError) Error() string {
	return "this is no pack that can be used: " + e.err.Error() + "; ask the issuer for it again"
}

func (e *FormatError) Unwrap() error { return e.err }

// VersionError is a pack of another version.
type VersionError struct{ Have int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the pack is of version %d and this program reads version %d; use a newer program, or ask the issuer for the other version", e.Have, version)
}

// UnknownKeyError is a pack signed by somebody nobody here said to trust.
type UnknownKeyError struct{ Key string }

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("the pack is signed with the key %s, which is not trusted here: get the issuer's verifier key by another way (telephone, a visit), and say `portcullis pack trust add KEY`", e.Key)
}

// ExpiredError is a pack whose time is over.
type ExpiredError struct{ Until time.Time }

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("the pack expired on %s; ask the issuer for a new one", e.Until.Format("2 Jan 2006 15:04 UTC"))
}

// NotYetError is a pack from the future.
type NotYetError struct{ From time.Time }

func (e *NotYetError) Error() string {
	return fmt.Sprintf("the pack is valid only from %s on; look whether this machine's clock is right", e.From.Format("2 Jan 2006 15:04 UTC"))
}
