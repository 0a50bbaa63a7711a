package people

import (
	"path"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"portcullis.example/portcullis/internal/names"
)

// canonical is the form in which two spellings of one mailbox are equal. See the
// package comment for the rules.
func (d *Directory) canonical(addr string) string {
	addr = strings.TrimSpace(addr)
	at := strings.LastIndexByte(addr, '@')
	if at < 0 {
		return lowerASCII(addr)
	}
	local, domain := unquote(addr[:at]), asciiDomain(addr[at+1:])
	local = lowerASCII(norm.NFC.String(local))
	p := providers[domain]
	if plus := strings.IndexByte(local, '+'); plus > 0 && (p&plusTags != 0 || d.OwnDomain(domain)) {
		local = local[:plus]
	}
	if p&ignoresDots != 0 {
		local = strings.ReplaceAll(local, ".", "")
		domain = gmail
	}
	return local + "@" + domain
}

// unquote drops the quotes of a local part that needs none (RFC 5321 §4.1.2).
func unquote(local string) string {
	inner, ok := strings.CutPrefix(local, `"`)
	if inner, ok2 := strings.CutSuffix(inner, `"`); ok && ok2 && !strings.ContainsAny(inner, " \\\"(),:;<>@[]\t") {
		return inner
	}
	return local
}

// lowerASCII leaves other letters alone: folding them could make an address equal
// that is another's (the Kelvin sign folds to k).
func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return strings.Map(func(r rune) rune {
				if r >= 'A' && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}

// asciiDomain is domain in small A-labels without its root dot. Unicode is encoded
// as it is, not mapped: a domain with an invisible or a compatibility character
// equals none without.
func asciiDomain(domain string) string {
	domain = strings.TrimSuffix(strings.TrimSpace(domain), ".")
	small := lowerASCII(domain)
	for i := 0; i < len(small); i++ {
		if small[i] >= 0x80 {
			return encode(small)
		}
	}
	return small
}

func encode(domain string) string {
	low := strings.ToLower(norm.NFC.String(domain))
	if len(names.Invisible(domain)) > 0 || low != norm.NFKC.String(low) {
		low = domain
	}
	ascii, err := idna.Punycode.ToASCII(low)
	if err != nil {
		return domain
	}
	return ascii
}

// parent is domain without its first label.
func parent(domain string) string {
	_, rest, _ := strings.Cut(domain, ".")
	return rest
}

// pathParts lists what a mailbox mapping may call a source.
func pathParts(name string) []string {
	name = strings.ReplaceAll(name, "\\", "/")
	out := []string{name}
	parts := strings.Split(name, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		for part := parts[i]; part != ""; {
			out = append(out, part)
			ext := path.Ext(part)
			if ext == "" || ext == part || i != len(parts)-1 && len(out) > 64 {
				break
			}
			part = strings.TrimSuffix(part, ext)
		}
	}
	return out
}
