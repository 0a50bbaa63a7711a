package observable

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

const (
	maxDomain = 253 // RFC 1035 §2.3.4, without the root label and its length
	maxLabel  = 63
	maxInput  = 4096 // bytes looked at before mapping; UTS #46 may shorten what comes in
)

var (
	// strictNames maps as browsers do when they look a name up (UTS #46 §4.2,
	// non-transitional), but lets underscores and any hyphens pass as the DNS does.
	strictNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckJoiners(true),
		idna.CheckHyphens(false), idna.StrictDomainName(false), idna.Transitional(false))
	// looseNames only maps and encodes: a name that UTS #46 refuses can still stand in
	// a message, and some resolver will take it.
	looseNames = idna.New(idna.MapForLookup(), idna.ValidateLabels(false), idna.CheckJoiners(false),
		idna.CheckHyphens(false), idna.StrictDomainName(false), idna.Transitional(false))
	shownNames = idna.New(idna.MapForLookup(), idna.CheckHyphens(false), idna.StrictDomainName(false))
)

// newerMappings are where UTS #46 of today differs from the tables of Unicode 15.0 that
// golang.org/x/net/idna has: capital sharp s is no longer "ss", and the invisible Hangul
// fillers are ignored.
var newerMappings = strings.NewReplacer("\u1e9e", "ß", "\u115f", "", "\u1160", "", "\u3164", "", "\uffa0", "")

var errEmptyDomain = errors.New("domain is empty")

// Domain returns the canonical form of a domain name: lower-case A-labels (UTS #46
// non-transitional lookup), without a trailing dot.
//
// It is lenient where a name can exist in the DNS or in a link though IDNA forbids
// it: underscores, hyphens in any place, A-labels that do not decode. An IP address is not a
// domain; nor is a name whose last label is a number, for browsers read that as an
// IPv4 address or refuse it (WHATWG URL, "ends in a number checker").
func Domain(s string) (string, error) {
	name, err := domainOrNumber(s)
	if err != nil {
		return "", err
	}
	if endsInNumber(name) {
		return "", fmt.Errorf("domain %q: the last label is a number; give it as an IP address", s)
	}
	return name, nil
}

// domainOrNumber is Domain without the rule about numbers, for hosts of URLs,
// where 0x7f.1 is an address.
func domainOrNumber(s string) (string, error) {
	if len(s) > maxInput {
		return "", fmt.Errorf("domain of %d bytes: longer than any (%d)", len(s), maxInput)
	}
	name, plain := s, false
	switch classify(s) {
	case lowerASCII:
		plain = true
	case mixedASCII:
		name, plain = strings.ToLower(s), true
	}
	if plain && !strings.Contains(name, "xn--") {
		name = strings.TrimSuffix(name, ".")
		return name, checkLengths(name, s)
	}
	return mapName(s)
}

// mapName takes the slow way through UTS #46.
func mapName(s string) (string, error) {
	s = newerMappings.Replace(s)
	name, err := strictNames.ToASCII(s)
	if err != nil {
		name, _ = looseNames.ToASCII(strings.ToLower(s))
		if classify(name) == otherBytes {
			return "", fmt.Errorf("domain %q: %w", s, err)
		}
		name = strings.ToLower(name)
	}
	name = strings.TrimSuffix(name, ".")
	if i := forbiddenIn(name); i >= 0 {
		return "", fmt.Errorf("domain %q: %q cannot stand in a domain", s, name[i])
	}
	return name, checkLengths(name, s)
}

const (
	lowerASCII = iota // lower-case letters, digits, '-', '_', '.'
	mixedASCII        // the same with capitals
	otherASCII        // other ASCII that may stand in a host
	otherBytes
)

// classify tells which way a name has to go.
func classify(s string) int {
	class := lowerASCII
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_':
		case 'A' <= c && c <= 'Z':
			class = max(class, mixedASCII)
		case c < 0x80:
			class = otherASCII
		default:
			return otherBytes
		}
	}
	return class
}

// forbiddenIn returns the index of the first byte that the WHATWG URL standard
// forbids in a domain, or -1. Non-ASCII bytes are forbidden too: they should be gone.
func forbiddenIn(s string) int {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`#%/:<>?@[\]^|"`, s[i]) >= 0 {
			return i
		}
	}
	return -1
}

// checkLengths checks a canonical name; asked is what it came from.
func checkLengths(name, asked string) error {
	if name == "" {
		return errEmptyDomain
	}
	if len(name) > maxDomain {
		return fmt.Errorf("domain %.40q…: %d bytes, at most %d are possible", asked, len(name), maxDomain)
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			continue
		}
		switch n := i - start; {
		case n == 0:
			return fmt.Errorf("domain %q: an empty label", asked)
		case n > maxLabel:
			return fmt.Errorf("domain %q: a label of %d bytes, at most %d are possible", asked, n, maxLabel)
		}
		start = i + 1
	}
	return nil
}

// Unicode shows a canonical domain as people write it. What does not decode stays.
func Unicode(domain string) string {
	if !strings.Contains(domain, "xn--") {
		return domain
	}
	labels := strings.Split(domain, ".")
	for i, label := range labels {
		if u, err := shownNames.ToUnicode(label); err == nil {
			labels[i] = u
		}
	}
	return strings.Join(labels, ".")
}

// OrgDomain returns the registrable domain by the public suffix list (private
// section included), the domain itself if it is a suffix or an address.
func OrgDomain(domain string) string {
	if classify(domain) != lowerASCII {
		canonical, err := Domain(domain)
		if err != nil {
			return domain
		}
		domain = canonical
	}
	if isIP(domain) {
		return domain
	}
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return org
}

func isIP(s string) bool {
	if s == "" || strings.IndexByte(s, ':') < 0 && (s[len(s)-1] < '0' || s[len(s)-1] > '9') {
		return false // the common case, without an error to allocate
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// Parents calls fn with the domain and its parents, up to and including the
// registrable domain. An address or a public suffix has only itself.
func Parents(domain string, fn func(string)) {
	org := OrgDomain(domain)
	for {
		fn(domain)
		dot := strings.IndexByte(domain, '.')
		if len(domain) <= len(org) || dot < 0 {
			return
		}
		domain = domain[dot+1:]
	}
}

// ReverseHost returns the labels in reverse order, each followed by a dot:
// "a.news.example" becomes "example.news.a.". The domain and all below it, and nothing
// else, are then the keys with one prefix. An address stays as it is.
func ReverseHost(domain string) string {
	if domain == "" || isIP(domain) {
		return domain
	}
	out := make([]byte, 0, len(domain)+1)
	for end := len(domain); end >= 0; {
		dot := strings.LastIndexByte(domain[:end], '.')
		out = append(out, domain[dot+1:end]...)
		out = append(out, '.')
		end = dot
	}
	return string(out)
}

// plausible tells whether a canonical host is one that a reader takes for a domain
// without a scheme: under a suffix that ICANN manages, or under a name that is
// reserved but used (RFC 2606, RFC 6761, RFC 7686).
func plausible(host string) bool {
	dot := strings.LastIndexByte(host, '.')
	if dot <= 0 || !ldh(host) {
		return false
	}
	tld := host[dot+1:]
	switch tld {
	case "example", "test", "invalid", "onion":
		return true
	}
	if len(tld) < 2 || tld[0] >= '0' && tld[0] <= '9' {
		return false
	}
	if _, icann := publicsuffix.PublicSuffix(tld); !icann {
		return false
	}
	suffix, _ := publicsuffix.PublicSuffix(host)
	return len(suffix) < len(host)
}

// ldh tells whether every label is of letters, digits, inner hyphens and underscores.
func ldh(host string) bool {
	prev := byte('.')
	for i := range len(host) {
		c := host[i]
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_':
		case c == '-' && prev != '.':
		case c == '.' && prev != '.' && prev != '-':
		default:
			return false
		}
		prev = c
	}
	return prev != '.' && prev != '-' && len(host) <= maxDomain
}
