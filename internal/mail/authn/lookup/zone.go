package lookup

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Zone is a literal resolver: the whole DNS of a test in one value. Keys are
// canonical names. What is absent does not exist.
type Zone struct {
	TXT  map[string][]string
	A    map[string][]netip.Addr
	AAAA map[string][]netip.Addr
	MX   map[string][]MX
	PTR  map[string][]string // by address
	Fail map[string]bool     // names of which every question not answered above ends in ErrTemporary
}

func zoneAnswer[T any](z Zone, records map[string][]T, rtype, name string) ([]T, error) {
	name = Canonical(name)
	switch {
	case len(records[name]) > 0:
		return slices.Clone(records[name]), nil
	case z.Fail[name]:
		return nil, fmt.Errorf("%s %s: %w", rtype, name, ErrTemporary)
	case z.exists(name):
		return nil, fmt.Errorf("%s %s: %w", rtype, name, ErrNotFound)
	default:
		return nil, fmt.Errorf("%s %s: %w", rtype, name, ErrNoName)
	}
}

// exists tells whether the zone holds the name or one below it (RFC 8020).
func (z Zone) exists(name string) bool {
	return holds(z.TXT, name) || holds(z.A, name) || holds(z.AAAA, name) || holds(z.MX, name)
}

func holds[T any](records map[string]T, name string) bool {
	for owner := range records {
		if owner == name || strings.HasSuffix(owner, "."+name) {
			return true
		}
	}
	return false
}

// LookupTXT implements Resolver.
func (z Zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	return zoneAnswer(z, z.TXT, "TXT", name)
}

// LookupA implements Resolver.
func (z Zone) LookupA(_ context.Context, name string) ([]netip.Addr, error) {
	return zoneAnswer(z, z.A, "A", name)
}

// LookupAAAA implements Resolver.
func (z Zone) LookupAAAA(_ context.Context, name string) ([]netip.Addr, error) {
	return zoneAnswer(z, z.AAAA, "AAAA", name)
}

// LookupMX implements Resolver.
func (z Zone) LookupMX(_ context.Context, name string) ([]MX, error) {
	return zoneAnswer(z, z.MX, "MX", name)
}

// LookupAddr implements Resolver.
func (z Zone) LookupAddr(_ context.Context, addr netip.Addr) ([]string, error) {
	return zoneAnswer(z, z.PTR, "PTR", addr.Unmap().String())
}
