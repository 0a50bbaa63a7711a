package spf

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// MaxRecord bounds the length of a record, which RFC 7208 §3.4 wants to fit
// into one UDP answer; TCP allows 64 KiB.
const MaxRecord = 16 << 10

// ErrSyntax is in every error of Parse.
var ErrSyntax = errors.New("SPF syntax error")

// Record is a parsed SPF record (RFC 7208 §4.6.1, §12).
type Record struct {
	Directives []Directive
	Redirect   string // domain-spec, unexpanded
	Exp        string // domain-spec, unexpanded
}

// Directive is a qualified mechanism.
type Directive struct {
	Qualifier byte   // '+', '-', '~' or '?'
	Mechanism string // lower case
	Domain    string // domain-spec, unexpanded; empty: the current domain
	Network   netip.Prefix
	Bits4     int // of "a" and "mx"
	Bits6     int
	Text      string // as written
}

// IsRecord tells whether a TXT record is an SPF record of version 1 (§4.5):
// the version is followed by a space or the end.
func IsRecord(txt string) bool {
	const version = "v=spf1"
	if len(txt) < len(version) || !strings.EqualFold(txt[:len(version)], version) {
		return false
	}
	return len(txt) == len(version) || txt[len(version)] == ' '
}

// Parse reads a whole record: a syntax error anywhere is an error, even behind
// a directive that would have matched (§4.6).
func Parse(txt string) (*Record, error) {
	if !IsRecord(txt) {
		return nil, fmt.Errorf("%w: no version v=spf1", ErrSyntax)
	}
	if len(txt) > MaxRecord {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrSyntax, len(txt), MaxRecord)
	}
	for i := 0; i < len(txt); i++ {
		if txt[i] < ' ' || txt[i] > '~' {
			return nil, fmt.Errorf("%w: byte 0x%02x at %d is not printable ASCII (§3.1)", ErrSyntax, txt[i], i)
		}
	}
	rec := new(Record)
	for term := range strings.SplitSeq(txt[len("v=spf1"):], " ") {
		if term == "" {
			continue
		}
		if err := rec.add(term); err != nil {
			return nil, fmt.Errorf("%w: term %.80q: %w", ErrSyntax, term, err)
		}
	}
	return rec, nil
}

// add parses a term. It is a modifier when "=" comes before any ":" or "/".
func (rec *Record) add(term string) error {
	i := strings.IndexAny(term, ":/=")
	if i >= 0 && term[i] == '=' {
		return rec.addModifier(term[:i], term[i+1:])
	}
	d, err := parseDirective(term)
	if err == nil {
		rec.Directives = append(rec.Directives, d)
	}
	return err
}

func (rec *Record) addModifier(name, value string) error {
	if !validName(name) {
		return fmt.Errorf("bad modifier name %q", name)
	}
	var slot *string
	switch strings.ToLower(name) {
	case "redirect":
		slot = &rec.Redirect
	case "exp":
		slot = &rec.Exp
	default:
		return checkMacros(value, true)
	}
	if *slot != "" {
		return errors.New("modifier given twice (§6)")
	}
	*slot = value
	return checkDomainSpec(value)
}

// validName: name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )
func validName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !alpha(s[i]) && (i == 0 || !digit(s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '.') {
			return false
		}
	}
	return s != ""
}

func parseDirective(term string) (Directive, error) {
	d := Directive{Qualifier: '+', Bits4: 32, Bits6: 128, Text: term}
	if strings.IndexByte("+-~?", term[0]) >= 0 {
		d.Qualifier, term = term[0], term[1:]
	}
	end := strings.IndexAny(term, ":/")
	if end < 0 {
		end = len(term)
	}
	d.Mechanism = strings.ToLower(term[:end])
	return d, d.parseArgument(term[end:])
}

// parseArgument reads what follows a mechanism's name, its ":" or "/" included.
func (d *Directive) parseArgument(arg string) (err error) {
	switch d.Mechanism {
	case "all":
		if arg != "" {
			err = errors.New("all takes no argument (§5.1)")
		}
	case "include", "exists":
		if !strings.HasPrefix(arg, ":") {
			return errors.New("needs a domain (§5.2, §5.7)")
		}
		err = d.setDomain(arg)
	case "ptr":
		err = d.setDomain(arg)
	case "a", "mx":
		if arg, err = d.cutDualCIDR(arg); err == nil {
			err = d.setDomain(arg)
		}
	case "ip4", "ip6":
		err = d.setNetwork(arg)
	default:
		err = errors.New("no such mechanism")
	}
	return err
}

func (d *Directive) setDomain(arg string) error {
	if arg == "" {
		return nil
	}
	if arg[0] != ':' {
		return errors.New("unexpected prefix length")
	}
	d.Domain = arg[1:]
	return checkDomainSpec(d.Domain)
}

// cutDualCIDR takes the dual-cidr-length off the end: a domain-spec may itself
// contain slashes, so only what ends the term is a length.
func (d *Directive) cutDualCIDR(arg string) (string, error) {
	rest, digits, ok := cutDigits(arg)
	if ok && strings.HasSuffix(rest, "/") {
		bits, err := parseBits(digits, 128)
		if err != nil {
			return "", err
		}
		d.Bits6, arg = bits, rest[:len(rest)-1]
		rest, digits, ok = cutDigits(arg)
	}
	if !ok {
		return arg, nil
	}
	bits, err := parseBits(digits, 32)
	d.Bits4 = bits
	return rest, err
}

// cutDigits splits "x/24" into "x" and "24".
func cutDigits(s string) (rest, digits string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 || i == len(s)-1 || strings.Trim(s[i+1:], "0123456789") != "" {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func parseBits(s string, limit int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n > limit || len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("bad prefix length %q", s)
	}
	return n, nil
}

func (d *Directive) setNetwork(arg string) error {
	if !strings.HasPrefix(arg, ":") {
		return errors.New("needs an address (§5.6)")
	}
	text, digits, hasBits := strings.Cut(arg[1:], "/")
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" || addr.Is4() != (d.Mechanism == "ip4") {
		return fmt.Errorf("bad %s address %q", d.Mechanism, text)
	}
	bits := addr.BitLen()
	if hasBits {
		if bits, err = parseBits(digits, addr.BitLen()); err != nil {
			return err
		}
	}
	d.Network = netip.PrefixFrom(addr, bits)
	return nil
}

func alpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func digit(c byte) bool { return '0' <= c && c <= '9' }
