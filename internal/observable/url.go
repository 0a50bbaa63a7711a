package observable

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// MaxURL is the longest URL that gets a canonical form. Longer ones occur (data
// URLs); Forms still looks into their first MaxURL bytes.
const MaxURL = 64 << 10

// Link is a URL taken apart as a browser does it (WHATWG URL standard), in
// canonical form but for Raw, User and Fragment.
type Link struct {
	Raw      string
	Scheme   string     // lower case
	User     string     // what stands before the last @ of the authority, as written; "" if nothing
	Host     string     // A-labels or address, IPv6 without brackets; "" if the scheme has none
	Port     string     // "" if the scheme's own
	Path     string     // begins with "/" if there is a host; all that follows the scheme otherwise
	Query    string     // without "?"
	Fragment string     // without "#", as written
	IP       netip.Addr // valid if Host is an address

	tail string // what follows the authority, as written
}

var (
	errNoScheme = errors.New("no scheme; begin it with https:// or http://")
	errNoHost   = errors.New("no host")
)

// URL returns the canonical form of a URL and its host. The canonical form has
// scheme and host in lower case, A-labels, addresses as browsers read them, no userinfo,
// no default port, no fragment, no dot segments, and RFC 3986 §6.2.2 applied to
// percent-encoding, so that two spellings of one URL are equal.
func URL(s string) (canon, host string, err error) {
	l, err := ParseURL(s)
	if err != nil {
		return "", "", err
	}
	return l.String(), l.Host, nil
}

// String is the canonical form.
func (l Link) String() string {
	if l.Host == "" {
		if l.Query == "" {
			return l.Scheme + ":" + l.Path
		}
		return l.Scheme + ":" + l.Path + "?" + l.Query
	}
	out := make([]byte, 0, len(l.Scheme)+len(l.Host)+len(l.Port)+len(l.Path)+len(l.Query)+8)
	out = append(append(out, l.Scheme...), "://"...)
	if l.IP.Is6() {
		out = append(append(append(out, '['), l.Host...), ']')
	} else {
		out = append(out, l.Host...)
	}
	if l.Port != "" {
		out = append(append(out, ':'), l.Port...)
	}
	out = append(out, l.Path...)
	if l.Query != "" {
		out = append(append(out, '?'), l.Query...)
	}
	return string(out)
}

// ParseURL takes a URL apart as leniently as browsers do: blanks around it and line
// breaks in it go, backslashes are slashes, any number of slashes may follow a web scheme. A
// URL that begins with two slashes is read as https, which is what a web mail page makes of it.
func ParseURL(s string) (Link, error) {
	if len(s) > MaxURL {
		return Link{}, fmt.Errorf("URL of %d bytes: longer than the limit of %d", len(s), MaxURL)
	}
	l := Link{Raw: s}
	s = stripBlanks(s)
	scheme, rest := cutScheme(s)
	if scheme == "" {
		if len(s) < 3 || !isSlash(s[0]) || !isSlash(s[1]) {
			return l, fmt.Errorf("URL %.80q: %w", s, errNoScheme)
		}
		scheme, rest = "https", s
	}
	l.Scheme = scheme
	if err := l.parseAfterScheme(rest); err != nil {
		return l, fmt.Errorf("URL %.80q: %w", s, err)
	}
	return l, nil
}

func (l *Link) parseAfterScheme(full string) error {
	var rest string
	rest, l.Fragment, _ = strings.Cut(full, "#")
	before, web := len(rest), isWeb(l.Scheme)
	switch {
	case web:
		for rest != "" && isSlash(rest[0]) {
			rest = rest[1:]
		}
	case strings.HasPrefix(rest, "//"):
		rest = rest[2:]
	default: // mailto:, data:, cid:, javascript: and the like have no host
		l.tail = full
		path, query, _ := strings.Cut(rest, "?")
		l.Path, l.Query = encode(path, pathSet), encode(query, querySet)
		if path == "" && query == "" {
			return errors.New("nothing after the scheme")
		}
		return nil
	}
	end := authorityEnd(rest, web)
	l.tail = full[before-len(rest)+end:]
	if err := l.parseAuthority(rest[:end]); err != nil {
		return err
	}
	path, query, _ := strings.Cut(rest[end:], "?")
	if web && strings.IndexByte(path, '\\') >= 0 {
		path = strings.ReplaceAll(path, `\`, "/")
	}
	l.Path, l.Query = cleanPath(encode(path, pathSet)), encode(query, querySet)
	return nil
}

func (l *Link) parseAuthority(a string) error {
	if at := strings.LastIndexByte(a, '@'); at >= 0 {
		l.User, a = a[:at], a[at+1:]
	}
	host, port, err := splitPort(a)
	if err != nil {
		return err
	}
	if l.Host, l.IP, err = parseHost(host); err != nil {
		return err
	}
	l.Port = port
	if port == defaultPort(l.Scheme) {
		l.Port = ""
	}
	return nil
}

// splitPort separates host and port; the port has no leading zeros.
func splitPort(a string) (host, port string, err error) {
	colon := strings.LastIndexByte(a, ':')
	if colon < 0 || strings.HasSuffix(a, "]") {
		return a, "", nil
	}
	host, port = a[:colon], strings.TrimLeft(a[colon+1:], "0")
	n := 0
	for i := range len(port) {
		c := port[i]
		if c < '0' || c > '9' || n > 65535 {
			return "", "", fmt.Errorf("port %.20q is not a number up to 65535", port)
		}
		n = n*10 + int(c-'0')
	}
	if n > 65535 {
		return "", "", fmt.Errorf("port %.20q is not a number up to 65535", port)
	}
	if port == "" && strings.TrimLeft(a[colon+1:], "0") != a[colon+1:] {
		port = "0"
	}
	return host, port, nil
}

// parseHost reads a host as browsers do (WHATWG URL, "host parser").
func parseHost(h string) (string, netip.Addr, error) {
	if h == "" {
		return "", netip.Addr{}, errNoHost
	}
	if h[0] == '[' {
		return parseIPv6(h)
	}
	if strings.IndexByte(h, '%') >= 0 {
		h, _ = unpercent(h)
	}
	name, err := domainOrNumber(h)
	if err != nil {
		return "", netip.Addr{}, err
	}
	if i := forbiddenIn(name); i >= 0 {
		return "", netip.Addr{}, fmt.Errorf("host %.80q: %q cannot stand in a host", h, name[i])
	}
	if !endsInNumber(name) {
		return name, netip.Addr{}, nil
	}
	ip, err := parseIPv4(name)
	if err != nil {
		return "", netip.Addr{}, err
	}
	return ip.String(), ip, nil
}

// parseIPv6 reads a bracketed literal. The zone goes, for it means nothing elsewhere; an
// IPv4-mapped address becomes the IPv4 address that is connected to.
func parseIPv6(h string) (string, netip.Addr, error) {
	body, ok := strings.CutSuffix(h[1:], "]")
	ip, err := netip.ParseAddr(body)
	if !ok || err != nil || !ip.Is6() {
		return "", netip.Addr{}, fmt.Errorf("host %.80q: not an IPv6 address in brackets", h)
	}
	ip = ip.WithZone("").Unmap()
	return ip.String(), ip, nil
}

// stripBlanks removes what the WHATWG parser removes: controls and spaces around,
// tabs and line breaks within.
func stripBlanks(s string) string {
	for s != "" && s[0] <= ' ' {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	if strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\t') >= 0 || strings.IndexByte(s, '\r') >= 0 {
		s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	}
	return s
}

// cutScheme returns the lower-case scheme and what follows its colon, or "" if s has none.
func cutScheme(s string) (scheme, rest string) {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return strings.ToLower(s[:i]), s[i+1:]
		default:
			return "", s
		}
	}
	return "", s
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

// isWeb tells the schemes that WHATWG calls special, whose slashes are forgiving.
func isWeb(scheme string) bool {
	switch scheme {
	case "http", "https", "ftp", "ws", "wss":
		return true
	}
	return false
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	case "ftp":
		return "21"
	}
	return ""
}

func authorityEnd(s string, web bool) int {
	for i := range len(s) {
		if s[i] == '/' || s[i] == '?' || web && s[i] == '\\' {
			return i
		}
	}
	return len(s)
}
