package archive

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/observable"
)

// ParsePattern reads what a person typed: what observable.Guess reads, "@domain" for
// every address at a domain, and a URL that ends in "/*" for every one that begins so.
func ParsePattern(s string) (portcullis.Observable, error) {
	s = strings.TrimSpace(s)
	if body, ok := strings.CutSuffix(s, "/*"); ok && strings.ContainsAny(body, "./[") {
		return prefixPattern(body)
	}
	plain := strings.TrimSpace(observable.Refang(s))
	for _, name := range []string{"", "email:", "address:"} {
		if domain, ok := strings.CutPrefix(plain, name+"@"); ok {
			canon, err := observable.Domain(domain)
			if err != nil {
				return portcullis.Observable{}, fmt.Errorf("addresses at %q: %w", domain, err)
			}
			return portcullis.Observable{Type: portcullis.TypeEmail, Value: "@" + canon}, nil
		}
	}
	o, err := observable.Guess(s)
	if err == nil && o.Type == portcullis.TypeDomain && strings.ContainsAny(o.Value, notInNames) {
		return portcullis.Observable{}, fmt.Errorf("%.80q is no domain; give one indicator at a time", s)
	}
	if err == nil {
		o = siteOf(o)
	}
	return o, err
}

// siteOf takes a URL without path or query for what a person means by it: the
// site, with everything on it.
func siteOf(o portcullis.Observable) portcullis.Observable {
	if o.Type != portcullis.TypeURL {
		return o
	}
	link, err := observable.ParseURL(o.Value)
	if err != nil || link.Path != "" && link.Path != "/" || link.Query != "" || link.Port != "" {
		return o
	}
	if link.IP.IsValid() {
		return portcullis.Observable{Type: portcullis.TypeIP, Value: link.IP.String()}
	}
	return portcullis.Observable{Type: portcullis.TypeDomain, Value: link.Host}
}

// notInNames are signs that a browser would let stand in a host, and a person's list
// has between two of them.
const notInNames = ",;|!$&'()*+=~`{}"

func prefixPattern(body string) (portcullis.Observable, error) {
	o, err := observable.Guess(body + "/")
	if err != nil {
		return o, err
	}
	if o.Type != portcullis.TypeURL || !strings.HasSuffix(o.Value, "/") {
		return portcullis.Observable{}, fmt.Errorf("%.80q: /* may stand behind a URL only", body+"/*")
	}
	o.Value += "*"
	return o, nil
}

// Personal tells whether a pattern asks about people rather than about machines: for
// addresses and subjects a purpose must be stated.
func Personal(p portcullis.Observable) bool {
	switch p.Type {
	case portcullis.TypeEmail, portcullis.TypeSubject:
		return true
	case portcullis.TypeURL:
		return strings.HasPrefix(p.Value, "mailto:")
	}
	return false
}

// lookup is a range of keys, or one.
type lookup struct {
	kind     kind
	exact    bool
	from, to []byte // to is not in it; nil: to the end
	prefix   []byte // longer than keys are: the whole key must begin so
	pattern  []byte // the whole key that counts as itself
	ipv6     bool   // IPv4 addresses, which lie among those of IPv6, are not meant
	how      string // of what is not the pattern itself
}

func (l lookup) matches(full []byte) (how string, ok bool) {
	if !bytes.HasPrefix(full, l.prefix) || l.ipv6 && bytes.HasPrefix(full, mapped) {
		return "", false
	}
	if bytes.Equal(full, l.pattern) {
		return MatchExact, true
	}
	return l.how, true
}

func one(k kind, value, how string) lookup {
	full := encode(k, value)
	key, _ := cut(full)
	l := lookup{kind: k, exact: true, from: key, how: how}
	if how == MatchExact {
		l.pattern = full
	}
	return l
}

func below(k kind, prefix []byte, how string) lookup {
	l := lookup{kind: k, from: prefix, how: how, prefix: prefix}
	if len(prefix) > keyHead {
		l.from = prefix[:keyHead]
	}
	l.to = after(l.from)
	return l
}

// lookupsFor says where a pattern has to be looked for.
func lookupsFor(p portcullis.Observable, key *Key) ([]lookup, error) {
	k, ok := kinds[p.Type]
	if !ok {
		return nil, fmt.Errorf("type %q is not one that the archive knows", p.Type)
	}
	switch k {
	case kindDomain:
		l := below(k, encode(k, p.Value), MatchSubdomain)
		l.pattern = l.prefix
		return []lookup{l}, nil
	case kindURL:
		return urlLookups(p.Value, key), nil
	case kindEmail:
		return emailLookups(p.Value, key), nil
	case kindCIDR:
		return networkLookups(p.Value)
	case kindMessageID:
		list := []lookup{one(k, p.Value, MatchExact)}
		if key != nil {
			list = append(list, one(k, key.MessageID(p.Value), MatchExact))
		}
		return list, nil
	case kindSubject:
		list := []lookup{one(k, p.Value, MatchExact)}
		if key != nil {
			list = append(list, one(k, key.Text(p.Value), MatchExact))
		}
		return list, nil
	}
	return []lookup{one(k, p.Value, MatchExact)}, nil
}

// otherScheme returns the URL with https for http or the reverse.
func otherScheme(url string) (string, bool) {
	if rest, ok := strings.CutPrefix(url, "http://"); ok {
		return "https://" + rest, true
	}
	if rest, ok := strings.CutPrefix(url, "https://"); ok {
		return "http://" + rest, true
	}
	return "", false
}

func urlLookups(url string, key *Key) (list []lookup) {
	other, web := otherScheme(url)
	if prefix, ok := strings.CutSuffix(url, "/*"); ok {
		list = append(list, below(kindURL, encodeURL(prefix+"/"), MatchPrefix))
		if web {
			list = append(list, below(kindURL, encodeURL(strings.TrimSuffix(other, "*")), MatchPrefix))
		}
		return list
	}
	list = append(list, one(kindURL, url, MatchExact))
	if web {
		list = append(list, one(kindURL, other, MatchScheme))
	}
	if key == nil {
		return list
	}
	if isMailto(url) {
		return append(list, one(kindURL, key.mailto(url, nil), MatchExact))
	}
	if sealed := key.URL(url); sealed != url {
		list = append(list, one(kindURL, sealed, MatchExact))
		if web {
			list = append(list, one(kindURL, key.URL(other), MatchScheme))
		}
	}
	return list
}

func emailLookups(address string, key *Key) []lookup {
	if domain, ok := strings.CutPrefix(address, "@"); ok {
		return []lookup{below(kindEmail, []byte(observable.ReverseHost(domain)+"@"), MatchDomain)}
	}
	list := []lookup{one(kindEmail, address, MatchExact)}
	if key != nil {
		list = append(list, one(kindEmail, key.Address(address), MatchExact))
	}
	return list
}

// mapped is how the keys of IPv4 addresses begin (RFC 4291 §2.5.5.2).
var mapped = []byte{asBytes, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}

func networkLookups(network string) ([]lookup, error) {
	prefix, err := netip.ParsePrefix(network)
	if err != nil {
		return nil, fmt.Errorf("network: %w; write it like 192.0.2.0/24", err)
	}
	bits := prefix.Bits()
	if prefix.Addr().Is4() {
		bits += 96
	}
	first := prefix.Masked().Addr().As16()
	last := first
	for i := bits; i < 128; i++ {
		last[i/8] |= 1 << (7 - i%8)
	}
	return []lookup{
		{kind: kindIP, ipv6: prefix.Addr().Is6(), from: append([]byte{asBytes}, first[:]...), to: append(append([]byte{asBytes}, last[:]...), 0), how: MatchRange},
		one(kindCIDR, network, MatchExact),
	}, nil
}
