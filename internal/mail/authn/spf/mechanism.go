package spf

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// matches evaluates one mechanism (RFC 7208 §5).
func (c *check) matches(ctx context.Context, d *Directive, domain string) (bool, error) {
	switch d.Mechanism {
	case "all":
		return true, nil
	case "ip4", "ip6":
		return d.Network.Contains(c.ip), nil
	}
	target, err := c.target(ctx, d.Domain, domain, true)
	if err != nil {
		return false, err
	}
	switch d.Mechanism {
	case "include":
		return c.include(ctx, target)
	case "a":
		addrs, err := c.addresses(ctx, target, true)
		return c.contains(addrs, d), err
	case "mx":
		return c.mx(ctx, d, target)
	case "ptr":
		return c.ptr(ctx, target)
	default:
		return c.exists(ctx, target)
	}
}

// include maps the result of the included policy (§5.2).
func (c *check) include(ctx context.Context, target string) (bool, error) {
	v := verdict{result: None}
	var err error
	if queryable(target) {
		v, err = c.host(ctx, target)
	}
	if err == nil && v.result == None {
		err = permError("include of " + target + ", which has no SPF record (§5.2)")
	}
	return v.result == Pass, err
}

// addresses looks up the addresses of the client's family (§5). A name that
// does not exist has none; void says whether that counts against the limit.
func (c *check) addresses(ctx context.Context, name string, void bool) ([]netip.Addr, error) {
	if !queryable(name) {
		return nil, nil
	}
	ask := c.resolver.LookupAAAA
	if c.ip.Is4() {
		ask = c.resolver.LookupA
	}
	addrs, err := ask(ctx, name)
	if void {
		return addrs, c.tally(err)
	}
	return addrs, err
}

// tally counts a void lookup and turns every other error into a failure.
func (c *check) tally(err error) error {
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, lookup.ErrNotFound):
		return dnsFailure(err)
	}
	if c.void++; c.void > maxVoid {
		return permError("more than 2 void lookups (§4.6.4)")
	}
	return nil
}

func (c *check) mx(ctx context.Context, d *Directive, target string) (bool, error) {
	if !queryable(target) {
		return false, nil
	}
	exchangers, err := c.resolver.LookupMX(ctx, target)
	if err := c.tally(err); err != nil {
		return false, err
	}
	if len(exchangers) > maxNames {
		return false, permError(target + " has more than 10 MX records (§4.6.4)")
	}
	for _, mx := range exchangers {
		// The limit on void lookups is one on terms: the names behind an MX are not counted.
		addrs, err := c.addresses(ctx, strings.TrimSuffix(mx.Host, "."), false)
		if err != nil && !errors.Is(err, lookup.ErrNotFound) {
			return false, dnsFailure(err)
		}
		if c.contains(addrs, d) {
			return true, nil
		}
	}
	return false, nil
}

// ptr matches when a validated name is the target or below it (§5.5).
func (c *check) ptr(ctx context.Context, target string) (bool, error) {
	names, err := c.validated(ctx)
	return slices.ContainsFunc(names, func(name string) bool { return within(name, target) }), err
}

// exists asks for an A record whatever the client's family (§5.7).
func (c *check) exists(ctx context.Context, target string) (bool, error) {
	if !queryable(target) {
		return false, nil
	}
	addrs, err := c.resolver.LookupA(ctx, target)
	return len(addrs) > 0, c.tally(err)
}

// validated returns the names of the client that resolve back to it, among the
// first ten (§5.5). Errors of the DNS mean no name; only what was never asked
// is an error here.
func (c *check) validated(ctx context.Context) ([]string, error) {
	if c.namesLookedUp {
		return c.names, nil
	}
	names, err := c.resolver.LookupAddr(ctx, c.ip)
	if errors.Is(err, lookup.ErrUnknown) {
		return nil, dnsFailure(err)
	}
	for _, name := range names[:min(len(names), maxNames)] {
		name = strings.TrimSuffix(name, ".")
		addrs, err := c.addresses(ctx, name, false)
		if errors.Is(err, lookup.ErrUnknown) {
			return nil, dnsFailure(err)
		}
		if slices.Contains(addrs, c.ip) {
			c.names = append(c.names, name)
		}
	}
	c.namesLookedUp = true
	return c.names, nil
}

// validatedName is %{p}: the domain itself if validated, else a name below it,
// else any, else "unknown" (§7.3).
func (c *check) validatedName(ctx context.Context, domain string) (string, error) {
	names, err := c.validated(ctx)
	if err != nil || len(names) == 0 {
		return "unknown", err
	}
	for _, name := range names {
		if strings.EqualFold(name, domain) {
			return name, nil
		}
	}
	for _, name := range names {
		if within(name, domain) {
			return name, nil
		}
	}
	return names[0], nil
}

// within tells whether name is domain or below it.
func within(name, domain string) bool {
	n := len(name) - len(domain)
	return n >= 0 && strings.EqualFold(name[n:], domain) && (n == 0 || name[n-1] == '.')
}
