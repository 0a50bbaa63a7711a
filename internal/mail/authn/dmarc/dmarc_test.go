package dmarc

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// zone has a DMARC record for each pair of name and text.
func zone(pairs ...string) lookup.Zone {
	z := lookup.Zone{TXT: map[string][]string{}, A: map[string][]netip.Addr{}, Fail: map[string]bool{}}
	for i := 0; i < len(pairs); i += 2 {
		name := "_dmarc." + pairs[i]
		z.TXT[name] = append(z.TXT[name], pairs[i+1])
	}
	return z
}

const plain = "v=DMARC1; p=reject"

// The examples of RFC 9989 §4.4 (Table 1), Appendices B.1, B.3.1 and B.4.
func TestExamplesOfTheRFC(t *testing.T) {
	simple := zone("example.com", plain, "signing.example.com", plain)
	bank := zone("bank.example", plain+"; psd=y", "giant.bank.example", "v=DMARC1; p=quarantine")
	for _, tt := range []struct {
		name        string
		zone        lookup.Zone
		author      string
		spf, dkim   string
		org, policy string // domains
		result      Result
		bySPF       bool
		byDKIM      bool
	}{
		{"§4.4 relaxed", simple, "news.example.com", "foo.example.com", "", "example.com", "example.com", Pass, true, false},
		{"§4.4 strict", simple, "news.example.com", "news.example.com", "", "example.com", "example.com", Pass, true, false},
		{"§4.4 none", simple, "news.example.com", "foo.example.net", "", "example.com", "example.com", Fail, false, false},
		{"B.1.1 example 1", simple, "example.com", "example.com", "", "example.com", "example.com", Pass, true, false},
		{"B.1.1 example 2", simple, "example.com", "child.example.com", "", "example.com", "example.com", Pass, true, false},
		{"B.1.1 example 3", simple, "child.example.com", "example.net", "", "example.com", "example.com", Fail, false, false},
		{"B.1.2 example 1", simple, "example.com", "", "example.com", "example.com", "example.com", Pass, false, true},
		{"B.1.2 example 2", simple, "child.example.com", "", "example.com", "example.com", "example.com", Pass, false, true},
		{"B.1.2 example 3", simple, "child.example.com", "", "example.net", "example.com", "example.com", Fail, false, false},
		{"B.3.1", zone("example.com", "v=DMARC1; p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com"), "example.com", "mail.example.com", "example.com", "example.com", "example.com", Pass, true, true},
		{"B.4.1", simple, "example.com", "example.com", "signing.example.com", "example.com", "example.com", Pass, true, true},
		{"B.4.2", simple, "a.b.c.d.e.f.g.h.i.j.k.example.com", "example.com", "signing.example.com", "example.com", "example.com", Pass, true, true},
		{"B.4.3", bank, "giant.bank.example", "mail.giant.bank.example", "mail.mega.bank.example", "giant.bank.example", "giant.bank.example", Pass, true, false},
		{"B.4.3 without SPF", bank, "giant.bank.example", "", "mail.mega.bank.example", "giant.bank.example", "giant.bank.example", Fail, false, false},
	} {
		got := Evaluate(context.Background(), tt.zone, tt.author, list(tt.spf), list(tt.dkim))
		if got.Result != tt.result || got.OrgDomain != tt.org || got.PolicyDomain != tt.policy || got.SPF != tt.bySPF || got.DKIM != tt.byDKIM {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// The query lists of RFC 9989 §4.10 and Appendix B.4.2.
func TestTargets(t *testing.T) {
	for domain, want := range map[string]string{
		"a.b.c.d.e.f.g.h.i.j.mail.example.com": "a.b.c.d.e.f.g.h.i.j.mail.example.com g.h.i.j.mail.example.com h.i.j.mail.example.com i.j.mail.example.com j.mail.example.com mail.example.com example.com com",
		"a.b.c.d.e.f.g.h.i.j.k.example.com":    "a.b.c.d.e.f.g.h.i.j.k.example.com g.h.i.j.k.example.com h.i.j.k.example.com i.j.k.example.com j.k.example.com k.example.com example.com com",
		"a.b.c.d.e.f.example.com":              "a.b.c.d.e.f.example.com b.c.d.e.f.example.com c.d.e.f.example.com d.e.f.example.com e.f.example.com f.example.com example.com com",
		"example.com":                          "example.com com",
		"com":                                  "com",
	} {
		if got := strings.Join(targets(domain), " "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", domain, got, want)
		}
	}
}

// The three examples at the end of RFC 9989 §4.10.2, and what follows from its rules.
func TestOrganisationalDomain(t *testing.T) {
	for _, tt := range []struct {
		name, domain, want string
		zone               lookup.Zone
	}{
		{"first example", "a.mail.example.com", "example.com", zone("mail.example.com", plain, "example.com", plain)},
		{"second example", "a.mail.example.com", "mail.example.com", zone("mail.example.com", plain+"; psd=n", "example.com", plain)},
		{"last example", "a.mail.example.com", "example.com", zone("com", plain+"; psd=y")},
		{"rule 2 example", "mail.example.com", "mail.example.com", zone("example.com", plain+"; psd=y")},
		{"psd=y where the walk starts", "bank.example", "bank.example", zone("bank.example", plain+"; psd=y")},
		{"nothing", "a.b.example.com", "a.b.example.com", zone()},
		{"several records are none", "a.example.com", "a.example.com", zone("example.com", plain, "example.com", plain)},
		{"stray TXT", "a.example.com", "example.com", zone("example.com", "hello", "example.com", plain)},
	} {
		got, err := OrganisationalDomain(context.Background(), tt.zone, tt.domain)
		if err != nil || got != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.name, got, err, tt.want)
		}
	}
}

func TestPolicy(t *testing.T) {
	with := func(name, record string) lookup.Zone {
		z := zone(name, record)
		z.A["real.example.com"] = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
		return z
	}
	const full = "v=DMARC1; p=reject; sp=quarantine; np=none"
	for _, tt := range []struct {
		name   string
		zone   lookup.Zone
		author string
		policy string
		result Result
	}{
		{"p of the domain itself", with("example.com", full), "example.com", "reject", Fail},
		{"sp of an existing subdomain", with("example.com", full), "real.example.com", "quarantine", Fail},
		{"np of one that is not", with("example.com", full), "ghost.example.com", "none", Fail},
		{"np is absent", with("example.com", "v=DMARC1; p=reject; sp=none"), "ghost.example.com", "none", Fail},
		{"only p", with("example.com", plain), "ghost.example.com", "reject", Fail},
		{"sp of a subdomain's own record means nothing", with("a.example.com", full), "a.example.com", "reject", Fail},
		{"public suffix", with("example", full+"; psd=y"), "ghost.example", "none", Fail},
		{"bad p, reports", with("example.com", "v=DMARC1; p=refuse; rua=mailto:a@example.com"), "example.com", "none", Fail},
		{"bad p, no reports", with("example.com", "v=DMARC1; p=refuse"), "example.com", "", None},
		{"no p, reports", with("example.com", "v=DMARC1; rua=mailto:a@example.com"), "example.com", "none", Fail},
		{"bad sp, no reports", with("example.com", "v=DMARC1; p=reject; sp=?"), "example.com", "", None},
		{"no record", with("example.org", plain), "example.com", "", None},
		{"no domain", with("example.com", plain), "", "", PermError},
	} {
		got := Evaluate(context.Background(), tt.zone, tt.author, nil, nil)
		if got.Policy != tt.policy || got.Result != tt.result {
			t.Errorf("%s: %s, policy %q (%s); want %s, %q", tt.name, got.Result, got.Policy, got.Reason, tt.result, tt.policy)
		}
	}
}

func TestErrorsAreNoAbsence(t *testing.T) {
	ctx := context.Background()
	z := zone("example.com", plain)
	z.Fail["_dmarc.a.example.com"] = true
	if got := Evaluate(ctx, z, "a.example.com", nil, nil); got.Result != TempError {
		t.Errorf("a failing server: %+v", got)
	}
	if got := Evaluate(ctx, lookup.Recorded(nil), "example.com", nil, nil); got.Result != Unknown {
		t.Errorf("nothing on record: %+v", got)
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		txt  string
		want Record
	}{
		{"v=DMARC1", Record{PSD: 'u', FailureOptions: "0"}},
		{"V = DMARC1 ;p=None;t=Y;psd=N;", Record{Policy: "none", Testing: true, PSD: 'n', FailureOptions: "0"}},
		{"v=DMARC1; p=none; adkim=s; aspf=S; fo=1:d", Record{Policy: "none", StrictDKIM: true, StrictSPF: true, PSD: 'u', FailureOptions: "1:d"}},
		{"v=DMARC1; p=none; fo=0:1; psd=x; adkim=q; t=", Record{Policy: "none", PSD: 'u', FailureOptions: "0", Bad: []string{"fo", "psd", "adkim", "t"}}},
		{"v=DMARC1; p=none; p=reject", Record{Policy: "none", PSD: 'u', FailureOptions: "0", Bad: []string{"p"}}},
		{"v=DMARC1; p=none; pct=50; ri=1; x=y", Record{Policy: "none", PSD: 'u', FailureOptions: "0"}},
		{"v=DMARC1; p=none; rua=mailto:A@Example.COM!10m, https://example.com/x", Record{Policy: "none", PSD: 'u', FailureOptions: "0", Reports: true, AggregateURIs: "mailto:A@Example.COM!10m, https://example.com/x"}},
		{"v=DMARC1; p=none; rua=a@example.com", Record{Policy: "none", PSD: 'u', FailureOptions: "0", AggregateURIs: "a@example.com", Bad: []string{"rua"}}},
	} {
		got, err := Parse(tt.txt)
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%q:\n got %+v, %v\nwant %+v", tt.txt, got, err, tt.want)
		}
	}
	for _, txt := range []string{"", "p=none; v=DMARC1", "v=dmarc1; p=none", "v=DMARC1x; p=none", "v=DMARC12", " v=DMARC", "v=spf1 -all"} {
		if _, err := Parse(txt); !errors.Is(err, ErrNotDMARC) {
			t.Errorf("%q: %v, want ErrNotDMARC", txt, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=DMARC1; p=reject; sp=none; np=quarantine; adkim=s; rua=mailto:a@example.com; fo=1:d:s; psd=y; t=y")
	f.Add("v = DMARC1 ; ; p = none ;")
	f.Fuzz(func(t *testing.T, txt string) {
		rec, err := Parse(txt)
		if err != nil {
			return
		}
		if rec.Policy != "" && request(rec.Policy) == "" || strings.IndexByte("ynu", rec.PSD) < 0 || len(rec.Bad) > maxTags+1 {
			t.Errorf("%q: %+v", txt, rec)
		}
		Evaluate(context.Background(), zone("example.com", txt), "a.example.com", []string{"b.example.com"}, nil)
	})
}

func FuzzWalk(f *testing.F) {
	f.Add("a.b.c.d.e.f.g.h.i.j.k.example.com", uint8(2), true)
	f.Fuzz(func(t *testing.T, domain string, at uint8, suffix bool) {
		names := targets(domain)
		if len(names) > maxQueries || names[0] != domain {
			t.Fatalf("%q is asked %d times", domain, len(names))
		}
		psd := byte('u')
		if suffix {
			psd = 'y'
		}
		name := names[int(at)%len(names)]
		org := organisational(domain, []node{{name, &Record{PSD: psd}}})
		if !Within(domain, org) {
			t.Errorf("organisational domain %q of %q is not above it", org, domain)
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	z := zone("example.com", plain)
	for b.Loop() {
		Evaluate(context.Background(), z, "mail.example.com", []string{"bounce.example.com"}, []string{"example.com"})
	}
}
