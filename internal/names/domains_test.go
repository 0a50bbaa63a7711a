package names

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/idna"
)

func TestDomainLookup(t *testing.T) {
	x := NewDomainIndex([]DomainEntry{{1, "parliament.example"}, {2, "dailycourier.test"}, {3, "bbq.example"}, {4, "mail.senate.example.org"},
		{5, "times.example"}, {6, "länderkammer.example"}, {7, "no domain"}, {8, ""}})
	for domain, want := range map[string]string{
		"parliament.example": DomainExact, "PARLIAMENT.EXAMPLE.": DomainExact, "mx.parliament.example": DomainSubdomain,
		"parliament.test": DomainOtherTLD, "parliarnent.example": DomainStrokes, "pаrliament.example": DomainHomoglyph, "pärliament.example": DomainHomoglyph,
		"par1iament.example": DomainHomoglyph, "parlament.example": DomainMissing, "parlliament.example": DomainAdded, "parliamnet.example": DomainSwapped,
		"parliement.example": DomainVowel, "parliamenf.example": DomainReplaced, "parnliament.example": DomainAdded, "parlia-ment.example": DomainHyphenation,
		"parliament-login.example": DomainAddedWord, "parliamentlogin.test": DomainAddedWord, "login-parliament.test": DomainAddedWord,
		"parliarnent-login.test": DomainAddedWord, "parliament-example.test": DomainAddedWord, "parliamentexample.test": DomainAddedWord,
		"parliament.example.evil.test": DomainSubdomainTrick, "parliament-example.evil.test": DomainSubdomainTrick,
		"sso.parliament.example-secure.test": DomainSubdomainTrick, "parliament.evil.test": DomainSubdomainTrick,
		"the-daily-courier.test": DomainAddedWord, "länderkammer.example": DomainExact,
		"bbc.example": "", "timer.example": "", "time.example": "", "times.test": "", "times-news.test": "", "ordinary.example": "", "other.senate.example.org": "", "a.b.c.d": "",
		"": "", "...": "", "example": "", "xn--.example": "", "localhost": "",
	} {
		m := x.Lookup(domain)
		if want == "" && len(m) > 0 || want != "" && (len(m) == 0 || m[0].Class != want) {
			t.Errorf("%q: got %+v, want %q", domain, m, want)
		}
	}
}

// domainAttacks write a protected label under suffix .example deceptively.
var domainAttacks = map[string]func(v *invented, label string) string{
	"homoglyph": func(v *invented, l string) string { return v.homoglyphs(l) + ".example" },
	"punycode": func(v *invented, l string) string {
		ascii, _ := idna.Punycode.ToASCII(v.homoglyphs(l))
		return ascii + ".example"
	},
	"rn-m": func(_ *invented, l string) string { return domainOf(changed(l, "m", "rn")) },
	"vv-w": func(_ *invented, l string) string { return domainOf(changed(l, "w", "vv")) },
	"digit": func(_ *invented, l string) string {
		return domainOf(changed(changed(l+" ", "l", "1"), " ", ""))
	},
	"missing": func(v *invented, l string) string { at := inner(v, l); return l[:at] + l[at+1:] + ".example" },
	"added":   func(v *invented, l string) string { at := inner(v, l); return l[:at] + "k" + l[at:] + ".example" },
	"doubled": func(v *invented, l string) string {
		at := inner(v, l)
		return l[:at] + l[at:at+1] + l[at:] + ".example"
	},
	"swapped":  func(v *invented, l string) string { return domainOf(swappedOnce(l)) },
	"replaced": func(v *invented, l string) string { at := inner(v, l); return l[:at] + "q" + l[at+1:] + ".example" },
	"vowel": func(v *invented, l string) string {
		if !strings.Contains(l, "a") {
			return ""
		}
		return domainOf(strings.Replace(l, "a", "e", 1))
	},
	"hyphen": func(v *invented, l string) string { at := inner(v, l); return l[:at] + "-" + l[at:] + ".example" },
	"tld": func(v *invented, l string) string {
		return l + v.pick([]string{".test", ".invalid", ".co.uk", ".info"})
	},
	"word": func(v *invented, l string) string {
		return l + "-" + v.pick([]string{"login", "mail", "secure", "xyzzy"}) + ".example"
	},
	"word-front": func(v *invented, l string) string {
		return v.pick([]string{"login", "mail", "my", "secure"}) + "-" + l + ".test"
	},
	"glued": func(v *invented, l string) string {
		return l + v.pick([]string{"login", "mail", "portal", "online"}) + ".test"
	},
	"trick":      func(_ *invented, l string) string { return l + ".example.evil.test" },
	"trick-":     func(_ *invented, l string) string { return l + "-example.evil.test" },
	"trick-deep": func(_ *invented, l string) string { return "www." + l + ".example.session.evil.test" },
}

func inner(v *invented, l string) int { return 1 + v.rnd.IntN(len(l)-2) }

func domainOf(label string) string {
	if label == "" || strings.HasPrefix(label, " ") {
		return ""
	}
	return label + ".example"
}

func swappedOnce(l string) string {
	for i := 2; i < len(l)-1; i++ {
		if l[i] != l[i+1] {
			return l[:i] + l[i+1:i+2] + l[i:i+1] + l[i+2:]
		}
	}
	return ""
}

// protectedDomains are n invented domains of 7 letters and more.
func protectedDomains(seed uint64, n int) []DomainEntry {
	v := newInvented(seed)
	out := make([]DomainEntry, n)
	for i := range out {
		_, s := v.name()
		out[i] = DomainEntry{i, foldMarks(strings.ToLower(s))[0] + ".example"}
	}
	return out
}

func TestDomainClassesAreFound(t *testing.T) {
	entries := protectedDomains(61, 1000)
	x := NewDomainIndex(entries)
	for name, write := range domainAttacks {
		v := newInvented(62)
		tried, found := 0, 0
		for i, e := range entries {
			domain := write(v, strings.TrimSuffix(e.Domain, ".example"))
			if domain == "" || domain == e.Domain {
				continue
			}
			tried++
			ok := false
			for _, m := range x.Lookup(domain) {
				ok = ok || m.Key == i || m.Domain == e.Domain
			}
			if ok {
				found++
			} else if tried-found < 4 {
				t.Logf("%s: missed %s as %s %v", name, e.Domain, domain, x.Lookup(domain))
			}
		}
		if tried < 50 || found*100 < tried*98 {
			t.Errorf("%s: %d of %d found", name, found, tried)
		}
	}
}

func TestOtherDomainsAreNotFound(t *testing.T) {
	x := NewDomainIndex(protectedDomains(63, 1000))
	v := newInvented(64)
	found := 0
	for i := range 20000 {
		domain := fmt.Sprintf("%s%s.%s", strings.ToLower(v.pick(inventedGiven[:30])), v.pick([]string{"works", "-media", "shop", "lab", "soft", "group", "-verein", "haus"}), v.pick([]string{"example", "test", "com", "org"}))
		if i%2 == 0 {
			domain = "mail." + strings.ToLower(v.pick([]string{"north", "blue", "river", "stone", "quick", "old"})) + domain
		}
		if m := x.Lookup(domain); len(m) > 0 {
			if found++; found < 5 {
				t.Logf("%s is taken for %+v", domain, m[0])
			}
		}
	}
	if found > 20 {
		t.Errorf("%d of 20000 found", found)
	}
}

func FuzzDomainLookup(f *testing.F) {
	x := NewDomainIndex([]DomainEntry{{1, "parliament.example"}, {2, "a-b.co.uk"}, {3, "xn--lnderkammer-m8a.example"}, {4, "co.uk"}})
	for _, s := range []string{"", ".", "a..b", "xn--a.example", "parliament-example.evil.test", "-.-", "пaрliament.example", "\xff.example", strings.Repeat("a-", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		found := x.Lookup(s)
		for i, m := range found {
			if m.Class == "" || m.Why == "" || m.Score < Floor || m.Score > 1 || i > 0 && m.Score > found[i-1].Score {
				t.Fatalf("%q: %+v", s, found)
			}
		}
		NewDomainIndex([]DomainEntry{{1, s}}).Lookup(s)
	})
}
