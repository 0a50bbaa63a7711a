package observable

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// endsInNumber is WHATWG URL's "ends in a number checker": such a host is an
// IPv4 address or nothing.
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" || last[0] < '0' || last[0] > '9' {
		return false
	}
	if digits(last) {
		return true
	}
	_, err := ipv4Number(last)
	return err == nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// parseIPv4 reads the numeric forms that browsers accept: up to four parts, each
// decimal, octal (leading 0) or hexadecimal (leading 0x), the last filling what is left. So
// 3221225985, 0300.0.02.1 and 0xc0.513 are all 192.0.2.1.
func parseIPv4(host string) (netip.Addr, error) {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(parts) > 4 {
		return netip.Addr{}, fmt.Errorf("host %.80q: a number at the end, but no IPv4 address", host)
	}
	var value uint64
	for i, part := range parts {
		n, err := ipv4Number(part)
		if err != nil {
			return netip.Addr{}, fmt.Errorf("host %.80q: %w", host, err)
		}
		limit := uint64(255)
		if i == len(parts)-1 {
			limit = 1<<(8*(4-i)) - 1
			value += n
		} else {
			value += n << (8 * (3 - i))
		}
		if n > limit {
			return netip.Addr{}, fmt.Errorf("host %.80q: %s is too large for an IPv4 address", host, part)
		}
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), nil
}

// ipv4Number reads one part; "0x" alone is zero, as in browsers.
func ipv4Number(s string) (uint64, error) {
	base, body := 10, s
	switch {
	case strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X"):
		base, body = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base, body = 8, s[1:]
	}
	if body == "" && s != "" {
		return 0, nil
	}
	if body == "" || strings.IndexByte(body, '_') >= 0 || body[0] == '+' {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	n, err := strconv.ParseUint(body, base, 40)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of an IPv4 address", s)
	}
	return n, nil
}
