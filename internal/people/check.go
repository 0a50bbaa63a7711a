package people

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"

	"portcullis.example/portcullis/internal/names"
)

// domains returns the domains of a field in canonical form, without the wrong ones.
func (b *builder) domains(r *record, field, kind string) (out []string) {
	for _, written := range r.list(field) {
		domain := asciiDomain(strings.TrimPrefix(written, "*."))
		switch suffix, icann := publicsuffix.PublicSuffix(domain); {
		case !validDomain(domain):
			b.problem(r.lineOf(field), field, fmt.Sprintf("%q is not a domain", written), "write it as in news.example, without http:// or @")
			continue
		case kind == KindOwn && Freemail(domain):
			b.problem(r.lineOf(field), field, fmt.Sprintf("anybody can get an address at %s", domain),
				"it can't be a domain of the house; put members' addresses there under their names")
			continue
		case suffix == domain && (icann || strings.Contains(domain, ".")):
			if kind == KindOwn {
				b.problem(r.lineOf(field), field, fmt.Sprintf("%s is a public suffix: others register names under it", domain), "name the domains of the house one by one")
				continue
			}
			b.warn(r.lineOf(field), field, fmt.Sprintf("%s is a public suffix: others register names under it", domain), "name the domain itself")
		}
		out = append(out, domain)
	}
	return out
}

// validDomain follows RFC 1035 §2.3.4 for sizes, and allows underscores, which
// exist.
func validDomain(domain string) bool {
	if len(domain) > 253 || !strings.Contains(domain, ".") {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}

func (b *builder) checkAddress(addr string, r *record, field string) bool {
	at := strings.LastIndexByte(addr, '@')
	switch {
	case at < 0:
		b.problem(r.lineOf(field), field, fmt.Sprintf("%q has no @", addr), "write a full address")
	case at == 0 || strings.ContainsAny(addr, " <>\t\n"):
		b.problem(r.lineOf(field), field, fmt.Sprintf("%q is not an address", addr), "write it as in name@parliament.example, without a display name")
	case !validDomain(asciiDomain(addr[at+1:])):
		b.problem(r.lineOf(field), field, fmt.Sprintf("%q has no valid domain", addr), "write a full address")
	case len(names.Invisible(addr)) > 0:
		b.problem(r.lineOf(field), field, fmt.Sprintf("%q holds an invisible character", addr), "type it anew")
	default:
		return true
	}
	return false
}

// checkPeople warns of names that would match everybody, or each other, and of
// organisations that are not there.
func (b *builder) checkPeople(d *Directory, records []*record) {
	organisations := map[string]bool{}
	for _, o := range d.organisations {
		organisations[strings.ToLower(o.Name)] = true
		for _, n := range o.Names {
			organisations[strings.ToLower(n)] = true
		}
	}
	faces := make(map[string]*Person, len(d.people))
	for i, p := range d.people {
		r := records[i]
		if p.Organisation != "" && len(organisations) > 0 && !organisations[strings.ToLower(p.Organisation)] {
			b.warn(r.lineOf("organisation"), "organisation", fmt.Sprintf("no organisation is called %q", p.Organisation), "add it as [[organisation]], or correct the name")
		}
		b.checkNames(p, r)
		b.checkFaces(faces, p, r)
	}
}

func (b *builder) checkNames(p *Person, r *record) {
	for i := -1; i < len(p.Names); i++ {
		field, name := "name", p.Name
		if i >= 0 {
			field, name = "names", p.Names[i]
		}
		if names.Words(name) == 0 || isLatinShort(name) {
			b.warn(r.lineOf(field), field, fmt.Sprintf("%q is too short to tell a person by", name), "write given name and surname")
		}
		if len(names.Invisible(name)) > 0 && field == "name" {
			b.warn(r.lineOf(field), field, fmt.Sprintf("%q holds an invisible character", name), "type it anew")
		}
	}
}

// isLatinShort holds for one short word of an alphabet. In Han or Hangul two
// characters are a whole name.
func isLatinShort(name string) bool {
	if strings.ContainsAny(name, " -") {
		return false
	}
	letters, bytes := utf8.RuneCountInString(name), len(name)
	return bytes < 3*letters && letters < 5
}

// checkFaces warns of two people whom a reader takes for each other.
func (b *builder) checkFaces(faces map[string]*Person, p *Person, r *record) {
	face := names.Fingerprint(p.Name)
	if face == "" {
		return
	}
	if other := faces[face]; other != nil {
		b.warn(r.lineOf("name"), "name", fmt.Sprintf("%q reads like %q (line %d)", p.Name, other.Name, other.Line),
			"if it is the same person make it one entry; if not, findings will name both")
		return
	}
	faces[face] = p
}
