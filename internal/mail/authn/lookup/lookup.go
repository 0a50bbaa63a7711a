// Package lookup is the small part of the DNS that mail authentication asks:
// TXT, A, AAAA, MX and PTR records. It has a resolver that answers from a
// record of earlier answers, one that keeps such a record, a literal one for
// tests, and a live one that is used only where the operator opted in.
//
// A verdict must replay byte for byte with the network off, so every error
// belongs to one of a few kinds that a record can hold: there is no such name,
// no such record, no answer this time, or nobody asked.
package lookup

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// Errors of a Resolver. Anything else counts as ErrTemporary.
var (
	// ErrNotFound says the name or the record type does not exist (NXDOMAIN or an
	// empty answer, which RFC 7208 §4.6.4 both calls void).
	ErrNotFound = errors.New("no such DNS record")
	// ErrNoName is the ErrNotFound of a name that does not exist at all (NXDOMAIN).
	ErrNoName = fmt.Errorf("no such name: %w", ErrNotFound)
	// ErrTemporary says a server failed or did not answer in time.
	ErrTemporary = errors.New("DNS gave no answer; ask again later")
	// ErrUnknown says that the question was never asked while it could be, so
	// nothing is known: neither that the record exists nor that it does not.
	ErrUnknown = errors.New("DNS answer not on record")
)

// MX is one mail exchanger.
type MX struct {
	Preference uint16
	Host       string
}

// Resolver answers the questions of SPF, DKIM, DMARC and ARC. Names come
// without a trailing dot. An empty answer is ErrNotFound.
type Resolver interface {
	// LookupTXT returns one string per record, its character-strings joined
	// without spaces (RFC 7208 §3.3, RFC 6376 §3.6.2.2).
	LookupTXT(ctx context.Context, name string) ([]string, error)
	// LookupA returns IPv4 addresses.
	LookupA(ctx context.Context, name string) ([]netip.Addr, error)
	// LookupAAAA returns IPv6 addresses.
	LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error)
	// LookupMX returns mail exchangers in the order of their preference.
	LookupMX(ctx context.Context, name string) ([]MX, error)
	// LookupAddr returns the names that the reverse zone gives an address.
	LookupAddr(ctx context.Context, addr netip.Addr) ([]string, error)
}

// ASCII brings a domain into the form the DNS knows: A-labels, lower case, no
// trailing dot (RFC 7208 §4.3, RFC 8616 §4). What cannot be converted stays as it
// is and will match nothing.
func ASCII(domain string) string {
	for i := 0; i < len(domain); i++ {
		if domain[i] >= 0x80 {
			if a, err := idna.Lookup.ToASCII(strings.TrimSuffix(domain, ".")); err == nil {
				return a
			}
			break
		}
	}
	return Canonical(domain)
}

// Canonical returns the name in lower case without its trailing dot, the form
// under which answers are recorded.
func Canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}
