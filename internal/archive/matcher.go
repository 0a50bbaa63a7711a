package archive

import (
	"net/netip"
	"strings"

	"portcullis.example/portcullis"
)

// Matcher matches entries of new events against kept indicators in memory. It
// matches what Hunt would find, and may be used by many goroutines at once.
type Matcher struct {
	list []portcullis.Indicator
	// Each map leads to the first of the indicators with a pattern, next to the
	// others: two sources may hold the same.
	next     []int32
	domains  map[string]int32
	urls     map[string]int32 // without http:// or https://
	prefixes map[string]int32 // up to the slash before the asterisk, the same
	emails   map[string]int32
	ips      map[netip.Addr]int32
	networks map[netip.Prefix]int32
	lengths  [2][]int // of networks, IPv4 and IPv6, that occur
	others   map[portcullis.Observable]int32
}

const none = -1

// NewMatcher prepares a list for matching.
func NewMatcher(list []portcullis.Indicator) *Matcher {
	m := &Matcher{
		list: list, next: make([]int32, len(list)),
		domains: map[string]int32{}, urls: map[string]int32{}, prefixes: map[string]int32{}, emails: map[string]int32{},
		ips: map[netip.Addr]int32{}, networks: map[netip.Prefix]int32{}, others: map[portcullis.Observable]int32{},
	}
	for i, ind := range list {
		m.add(int32(i), ind.Pattern)
	}
	return m
}

func (m *Matcher) add(i int32, p portcullis.Observable) {
	switch p.Type {
	case portcullis.TypeDomain:
		chain(m, m.domains, p.Value, i)
	case portcullis.TypeURL:
		url := withoutScheme(p.Value)
		if prefix, ok := strings.CutSuffix(url, "*"); ok && strings.HasSuffix(prefix, "/") {
			chain(m, m.prefixes, prefix, i)
			return
		}
		chain(m, m.urls, url, i)
	case portcullis.TypeEmail:
		chain(m, m.emails, p.Value, i)
	case portcullis.TypeIP:
		if ip, err := netip.ParseAddr(p.Value); err == nil {
			chain(m, m.ips, ip.Unmap(), i)
		}
	case portcullis.TypeCIDR:
		if n, err := netip.ParsePrefix(p.Value); err == nil {
			m.addLength(n)
			chain(m, m.networks, n.Masked(), i)
		}
	case portcullis.TypeFileName:
		chain(m, m.others, portcullis.Observable{Type: p.Type, Value: foldFileName(p.Value)}, i)
	default:
		chain(m, m.others, p, i)
	}
}

// chain puts an indicator before those with the same pattern.
func chain[K comparable](m *Matcher, index map[K]int32, key K, i int32) {
	m.next[i] = none
	if first, ok := index[key]; ok {
		m.next[i] = first
	}
	index[key] = i
}

func (m *Matcher) addLength(n netip.Prefix) {
	lengths := &m.lengths[family(n.Addr())]
	for _, have := range *lengths {
		if have == n.Bits() {
			return
		}
	}
	*lengths = append(*lengths, n.Bits())
}

func family(ip netip.Addr) int {
	if ip.Is4() {
		return 0
	}
	return 1
}

func withoutScheme(url string) string {
	if rest, ok := strings.CutPrefix(url, "http://"); ok {
		return rest
	}
	if rest, ok := strings.CutPrefix(url, "https://"); ok {
		return rest
	}
	return url
}

// Match calls fn for each indicator an entry (not yet sealed) matches.
func (m *Matcher) Match(e Entry, fn func(portcullis.Indicator)) {
	if len(m.list) == 0 {
		return
	}
	value := e.Observable.Value
	switch e.Observable.Type {
	case portcullis.TypeDomain:
		m.matchDomain(value, fn)
	case portcullis.TypeURL:
		m.matchURL(withoutScheme(value), fn)
	case portcullis.TypeEmail:
		tell(m, m.emails, value, fn)
		if at := strings.LastIndexByte(value, '@'); at > 0 {
			tell(m, m.emails, value[at:], fn)
		}
	case portcullis.TypeIP:
		m.matchIP(value, fn)
	case portcullis.TypeFileName:
		tell(m, m.others, portcullis.Observable{Type: e.Observable.Type, Value: foldFileName(value)}, fn)
	default:
		tell(m, m.others, e.Observable, fn)
	}
}

func tell[K comparable](m *Matcher, index map[K]int32, key K, fn func(portcullis.Indicator)) {
	i, ok := index[key]
	if !ok {
		return
	}
	for ; i != none; i = m.next[i] {
		fn(m.list[i])
	}
}

// matchDomain goes up to the last label. It does not stop at the registrable domain:
// somebody may hold a whole suffix to be of interest, and Hunt finds all below it too.
func (m *Matcher) matchDomain(domain string, fn func(portcullis.Indicator)) {
	for {
		tell(m, m.domains, domain, fn)
		dot := strings.IndexByte(domain, '.')
		if dot < 0 {
			return
		}
		domain = domain[dot+1:]
	}
}

func (m *Matcher) matchURL(url string, fn func(portcullis.Indicator)) {
	tell(m, m.urls, url, fn)
	if len(m.prefixes) == 0 {
		return
	}
	for i := range len(url) {
		if url[i] == '/' {
			tell(m, m.prefixes, url[:i+1], fn)
		}
	}
}

func (m *Matcher) matchIP(value string, fn func(portcullis.Indicator)) {
	ip, err := netip.ParseAddr(value)
	if err != nil {
		return
	}
	ip = ip.Unmap().WithZone("")
	tell(m, m.ips, ip, fn)
	for _, bits := range m.lengths[family(ip)] {
		if n, err := ip.Prefix(bits); err == nil {
			tell(m, m.networks, n, fn)
		}
	}
}
