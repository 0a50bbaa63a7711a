package observable

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	portcullis "portcullis.example/portcullis"
)

const (
	// maxLocal is more than RFC 5321 §4.5.3.1.1 allows (64): return paths of bulk
	// mail carry whole addresses in their local part.
	maxLocal     = 256
	maxMessageID = 998 // RFC 5322 §2.1.1, the longest line
)

// Email returns the canonical form of an address: lower case, composed (NFC), its
// domain in A-labels. Angle brackets, "mailto:" and a display name before the
// brackets go. Case in a local part may matter by RFC 5321 §2.4, but nowhere does.
func Email(s string) (string, error) {
	addr := bareAddress(s)
	at := strings.LastIndexByte(addr, '@')
	if at < 0 {
		return "", fmt.Errorf("address %.80q: no @", s)
	}
	local, err := localPart(addr[:at])
	if err != nil {
		return "", fmt.Errorf("address %.80q: %w", s, err)
	}
	domain, err := mailDomain(addr[at+1:])
	if err != nil {
		return "", fmt.Errorf("address %.80q: %w", s, err)
	}
	return local + "@" + domain, nil
}

func bareAddress(s string) string {
	s = strings.TrimSpace(s)
	if open := strings.LastIndexByte(s, '<'); open >= 0 && strings.HasSuffix(s, ">") {
		s = strings.TrimSpace(s[open+1 : len(s)-1])
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s, _, _ = strings.Cut(s[7:], "?")
		s, _ = unpercent(s)
	}
	return s
}

func localPart(s string) (string, error) {
	if n := len(s); n > 2 && s[0] == '"' && s[n-1] == '"' && dotAtom(s[1:n-1]) {
		s = s[1 : n-1] // quotes that change nothing
	}
	switch {
	case s == "":
		return "", errors.New("nothing before the @")
	case len(s) > maxLocal:
		return "", fmt.Errorf("%d bytes before the @, at most %d are taken", len(s), maxLocal)
	case dotAtom(s):
		return lower(s), nil
	case s[0] == '"' && len(s) > 2 && s[len(s)-1] == '"' && !strings.ContainsFunc(s, unicode.IsControl):
		return lower(s), nil
	}
	return "", fmt.Errorf("%.80q cannot stand before an @ without quotes", s)
}

// dotAtom is RFC 5322 §3.2.3 with RFC 6532's letters, and with dots anywhere, as some
// large providers of old handed them out.
func dotAtom(s string) bool {
	for _, r := range s {
		if r <= ' ' || r == 0x7f || r == utf8.RuneError ||
			r < 0x80 && strings.ContainsRune(`()<>[]:;@\,"`, r) || r >= 0x80 && !unicode.IsGraphic(r) {
			return false
		}
	}
	return s != ""
}

// lower folds case in the simple way and composes.
func lower(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return norm.NFC.String(strings.ToLower(s))
		}
	}
	return strings.ToLower(s)
}

// mailDomain is Domain with RFC 5321 §4.1.3 address literals.
func mailDomain(s string) (string, error) {
	if !strings.HasPrefix(s, "[") || !strings.HasSuffix(s, "]") {
		return Domain(s)
	}
	body := s[1 : len(s)-1]
	if len(body) > 5 && strings.EqualFold(body[:5], "IPv6:") {
		body = body[5:]
	}
	ip, err := IP(body)
	if err != nil {
		return "", err
	}
	return "[" + ip + "]", nil
}

// IP returns the canonical form of an address: brackets and zone go, IPv4-mapped
// IPv6 becomes IPv4.
func IP(s string) (string, error) {
	body := strings.TrimSpace(s)
	if strings.HasPrefix(body, "[") && strings.HasSuffix(body, "]") {
		body = body[1 : len(body)-1]
	}
	ip, err := netip.ParseAddr(body)
	if err != nil {
		return "", fmt.Errorf("IP address %.80q cannot be read; write it like 192.0.2.1 or 2001:db8::1", s) // the library's own words say less
	}
	return ip.WithZone("").Unmap().String(), nil
}

// CIDR returns the canonical form of a range: address/length with the host bits
// cleared. It also reads address/netmask.
func CIDR(s string) (string, error) {
	addr, length, ok := strings.Cut(strings.TrimSpace(s), "/")
	if !ok {
		return "", fmt.Errorf("range %.80q: no /; write it like 192.0.2.0/24", s)
	}
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return "", fmt.Errorf("range %.80q: %.60q is no IP address; write it like 192.0.2.0/24", s, addr)
	}
	bits, err := prefixLength(length)
	if err != nil {
		return "", fmt.Errorf("range %.80q: %w", s, err)
	}
	if ip.Is4In6() && bits >= 96 {
		ip, bits = ip.Unmap(), bits-96
	}
	prefix, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return "", fmt.Errorf("range %.80q: %w", s, err)
	}
	return prefix.String(), nil
}

// prefixLength reads "24" or "255.255.255.0".
func prefixLength(s string) (int, error) {
	if mask, err := netip.ParseAddr(s); err == nil && mask.Is4() {
		ones, bits := net.IPMask(mask.AsSlice()).Size()
		if bits == 0 {
			return 0, fmt.Errorf("%s is not a netmask", s)
		}
		return ones, nil
	}
	if len(s) > 3 || !digits(s) {
		return 0, fmt.Errorf("prefix length %.20q is not a number", s)
	}
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n, nil
}

// Hash returns the lower-case hexadecimal form of a digest. Its algorithm may stand
// before it ("sha256:…"), colons or blanks between its bytes.
func Hash(s string) (string, error) {
	body := strings.ToLower(strings.TrimSpace(s))
	if name, rest, ok := strings.Cut(body, ":"); ok && hashSize(name) > 0 {
		body = strings.TrimSpace(rest)
	}
	if strings.ContainsAny(body, ": ") {
		body = strings.NewReplacer(":", "", " ", "").Replace(body)
	}
	switch len(body) {
	case 32, 40, 64, 96, 128:
	default:
		return "", fmt.Errorf("hash %.80q: %d digits; MD5 has 32, SHA-1 40, SHA-256 64", s, len(body))
	}
	if _, err := hex.DecodeString(body); err != nil {
		return "", fmt.Errorf("hash %.80q: not hexadecimal", s)
	}
	return body, nil
}

// hashSize returns the number of hexadecimal digits of an algorithm's digest.
func hashSize(algorithm string) int {
	switch strings.ReplaceAll(algorithm, "-", "") {
	case "md5":
		return 32
	case "sha1":
		return 40
	case "sha256":
		return 64
	case "sha384":
		return 96
	case "sha512":
		return 128
	}
	return 0
}

// MessageID returns a message id without angle brackets and folding white space.
// Its case stays: it is opaque (RFC 5322 §3.6.4).
func MessageID(s string) (string, error) {
	id := strings.TrimSpace(s)
	if open := strings.IndexByte(id, '<'); open >= 0 {
		id = id[open+1:]
		if end := strings.IndexByte(id, '>'); end >= 0 {
			id = id[:end]
		}
	}
	id = strings.Join(strings.Fields(id), "")
	switch {
	case id == "":
		return "", errors.New("message id is empty")
	case len(id) > maxMessageID:
		return "", fmt.Errorf("message id of %d bytes: at most %d are taken", len(id), maxMessageID)
	case strings.ContainsFunc(id, unicode.IsControl):
		return "", fmt.Errorf("message id %.80q: contains control characters", id)
	}
	return id, nil
}

// FileName returns the canonical form of a file name: composed (NFC).
func FileName(s string) (string, error) {
	if s == "" {
		return "", errors.New("file name is empty")
	}
	return norm.NFC.String(s), nil
}

// Canonical returns the observable of the type with the value in canonical form.
func Canonical(t portcullis.ObservableType, value string) (portcullis.Observable, error) {
	form, err := canonicalValue(t, value)
	if err != nil {
		return portcullis.Observable{}, err
	}
	return portcullis.Observable{Type: t, Value: form}, nil
}

func canonicalValue(t portcullis.ObservableType, value string) (string, error) {
	switch t {
	case portcullis.TypeDomain:
		return Domain(strings.TrimSpace(value))
	case portcullis.TypeURL:
		canon, _, err := URL(value)
		return canon, err
	case portcullis.TypeEmail:
		return Email(value)
	case portcullis.TypeIP:
		return IP(value)
	case portcullis.TypeCIDR:
		return CIDR(value)
	case portcullis.TypeHash:
		return Hash(value)
	case portcullis.TypeSubject:
		if s := Subject(value); s != "" {
			return s, nil
		}
		return "", errors.New("subject is empty once Re: and the like are gone")
	case portcullis.TypeMessageID:
		return MessageID(value)
	case portcullis.TypeFileName:
		return FileName(value)
	}
	return "", fmt.Errorf("observable type %q: want one of domain, url, email, ip, cidr, hash, subject, message-id, filename", t)
}
