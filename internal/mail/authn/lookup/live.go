package lookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// Live asks a recursive resolver. It is used only where the operator opted in:
// a question tells the owner of the domain that somebody looked.
type Live struct {
	server string
	client dns.Client
}

// NewLive returns a resolver that asks server, an address with or without a
// port; empty takes the first of /etc/resolv.conf. The timeout is for one
// question, 0 means two seconds.
func NewLive(server string, timeout time.Duration) (*Live, error) {
	if server == "" {
		conf, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil {
			return nil, fmt.Errorf("find a DNS server: %w; name one in the configuration", err)
		}
		if len(conf.Servers) == 0 {
			return nil, errors.New("find a DNS server: /etc/resolv.conf names none; name one in the configuration")
		}
		server = net.JoinHostPort(conf.Servers[0], conf.Port)
	}
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "53")
	}
	return &Live{server: server, client: dns.Client{Timeout: timeout, UDPSize: 1232}}, nil
}

// query asks one question, over TCP where the answer does not fit into UDP.
func (l *Live) query(ctx context.Context, name string, rtype uint16) ([]dns.RR, error) {
	if _, ok := dns.IsDomainName(name); !ok {
		return nil, fmt.Errorf("%q: %w", name, ErrNoName)
	}
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), rtype)
	m.SetEdns0(1232, false)
	client := l.client
	reply, _, err := client.ExchangeContext(ctx, m, l.server)
	if err == nil && reply.Truncated {
		client.Net = "tcp"
		reply, _, err = client.ExchangeContext(ctx, m, l.server)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask %s for %s: %w: %w", l.server, name, ErrTemporary, err)
	case reply.Rcode == dns.RcodeNameError:
		return nil, fmt.Errorf("%s: %w", name, ErrNoName)
	case reply.Rcode != dns.RcodeSuccess:
		return nil, fmt.Errorf("%s: server says %s: %w", name, dns.RcodeToString[reply.Rcode], ErrTemporary)
	}
	return reply.Answer, nil
}

// records asks and picks the records of one type; CNAMEs before them are passed over.
func records[R dns.RR, T any](l *Live, ctx context.Context, name string, rtype uint16, pick func(R) (T, bool)) ([]T, error) {
	answer, err := l.query(ctx, name, rtype)
	if err != nil {
		return nil, err
	}
	var out []T
	for _, rr := range answer {
		if r, ok := rr.(R); ok {
			if v, ok := pick(r); ok {
				out = append(out, v)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	return out, nil
}

// LookupTXT implements Resolver.
func (l *Live) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return records(l, ctx, name, dns.TypeTXT, func(r *dns.TXT) (string, bool) {
		var text []byte
		for _, s := range r.Txt {
			text = append(text, unescapePresentation(s)...)
		}
		return string(text), true
	})
}

// LookupA implements Resolver.
func (l *Live) LookupA(ctx context.Context, name string) ([]netip.Addr, error) {
	return records(l, ctx, name, dns.TypeA, func(r *dns.A) (netip.Addr, bool) {
		a, ok := netip.AddrFromSlice(r.A)
		return a.Unmap(), ok
	})
}

// LookupAAAA implements Resolver.
func (l *Live) LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	return records(l, ctx, name, dns.TypeAAAA, func(r *dns.AAAA) (netip.Addr, bool) {
		return netip.AddrFromSlice(r.AAAA)
	})
}

// LookupMX implements Resolver.
func (l *Live) LookupMX(ctx context.Context, name string) ([]MX, error) {
	out, err := records(l, ctx, name, dns.TypeMX, func(r *dns.MX) (MX, bool) {
		return MX{Preference: r.Preference, Host: Canonical(r.Mx)}, true
	})
	slices.SortStableFunc(out, func(a, b MX) int { return int(a.Preference) - int(b.Preference) })
	return out, err
}

// LookupAddr implements Resolver.
func (l *Live) LookupAddr(ctx context.Context, addr netip.Addr) ([]string, error) {
	name, err := dns.ReverseAddr(addr.Unmap().WithZone("").String())
	if err != nil {
		return nil, fmt.Errorf("reverse name of %s: %w", addr, ErrNoName)
	}
	return records(l, ctx, name, dns.TypePTR, func(r *dns.PTR) (string, bool) {
		return Canonical(r.Ptr), true
	})
}

// unescapePresentation undoes the escapes that the dns package leaves in TXT
// strings: \DDD and a backslash before any other character (RFC 1035 §5.1).
func unescapePresentation(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		if i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]) {
			out = append(out, (s[i+1]-'0')*100+(s[i+2]-'0')*10+s[i+3]-'0')
			i += 3
			continue
		}
		i++
		out = append(out, s[i])
	}
	return out
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
