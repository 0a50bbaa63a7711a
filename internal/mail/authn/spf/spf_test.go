package spf

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

func one(record string) lookup.Zone {
	return lookup.Zone{
		TXT: map[string][]string{
			"example.com":           {"unrelated", record},
			"_spf.example.net":      {"v=spf1 ip4:198.51.100.0/24 -all"},
			"why.example.net":       {"%{i} may not send for %{d}, says %{r} at %{t}"},
			"two.example.net":       {"v=spf1 -all", "v=spf1 +all"},
			"broken.example.net":    {"v=spf1 ipv4:192.0.2.1 -all"},
			"none.example.net":      {"nothing to see"},
			"long.host.example.org": {"v=spf1 +all"},
		},
		A:    map[string][]netip.Addr{"example.com": {netip.MustParseAddr("192.0.2.1")}},
		AAAA: map[string][]netip.Addr{"example.com": {netip.MustParseAddr("2001:db8::1")}},
		MX:   map[string][]lookup.MX{"example.com": {{Preference: 10, Host: "example.com"}}},
		PTR:  map[string][]string{"192.0.2.1": {"example.com"}},
		Fail: map[string]bool{"slow.example.net": true},
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		record, ip string
		want       Result
	}{
		{"v=spf1 a -all", "192.0.2.1", Pass},
		{"v=spf1 a -all", "::ffff:192.0.2.1", Pass},
		{"v=spf1 a -all", "2001:db8::1", Pass},
		{"v=spf1 a -all", "192.0.2.2", Fail},
		{"v=spf1 a/24 -all", "192.0.2.2", Pass},
		{"v=spf1 a//32 -all", "2001:db8:1::", Pass},
		{"v=spf1 mx ~all", "192.0.2.9", SoftFail},
		{"v=spf1 mx ~all", "192.0.2.1", Pass},
		{"v=spf1 ptr ?all", "192.0.2.1", Pass},
		{"v=spf1 include:_spf.example.net ?all", "198.51.100.7", Pass},
		{"v=spf1 include:_spf.example.net ?all", "192.0.2.1", Neutral},
		{"v=spf1 include:two.example.net -all", "192.0.2.1", PermError},
		{"v=spf1 include:broken.example.net -all", "192.0.2.1", PermError},
		{"v=spf1 include:none.example.net -all", "192.0.2.1", PermError},
		{"v=spf1 include:slow.example.net -all", "192.0.2.1", TempError},
		{"v=spf1 redirect=_spf.example.net", "203.0.113.1", Fail},
		{"v=spf1 redirect=none.example.net", "203.0.113.1", PermError},
		{"v=spf1", "203.0.113.1", Neutral},
		{"v=spf2 -all", "203.0.113.1", None},
		{"v=spf1 -all broken", "203.0.113.1", PermError},
		{"v=spf1 exists:%{i}.nowhere.example -all", "203.0.113.1", Fail},
	} {
		got := Check(context.Background(), one(tt.record), Request{IP: netip.MustParseAddr(tt.ip), Helo: "h.example.com", MailFrom: "a@Example.com"})
		if got.Result != tt.want {
			t.Errorf("%q from %s: %s (%s), want %s", tt.record, tt.ip, got.Result, got.Reason, tt.want)
		}
	}
}

func TestIdentityAndExplanation(t *testing.T) {
	ctx := context.Background()
	zone := one("v=spf1 exp=why.example.net -all")
	req := Request{IP: netip.MustParseAddr("203.0.113.9"), Helo: "example.com", Receiver: "mx.example.org", Time: time.Unix(7, 0)}
	got := Check(ctx, zone, req)
	if got.Result != Fail || got.Domain != "example.com" || got.Mechanism != "-all" {
		t.Errorf("HELO identity: %+v", got)
	}
	if want := "203.0.113.9 may not send for example.com, says mx.example.org at 7"; got.Explanation != want {
		t.Errorf("explanation %q, want %q", got.Explanation, want)
	}
	if got := Check(ctx, zone, Request{Helo: "example.com"}); got.Result != Unknown {
		t.Errorf("without an address: %+v", got)
	}
	if got := Check(ctx, lookup.Recorded(nil), req); got.Result != Unknown {
		t.Errorf("without answers: %+v", got)
	}
}

// A record that was only half recorded is unknown, never a fail.
func TestHalfRecorded(t *testing.T) {
	r := lookup.Recorded([]lookup.Answer{{Type: "TXT", Name: "example.com", Values: []string{"v=spf1 mx -all"}}})
	got := Check(context.Background(), r, Request{IP: netip.MustParseAddr("192.0.2.1"), Helo: "h.example", MailFrom: "a@example.com"})
	if got.Result != Unknown {
		t.Errorf("got %+v, want unknown", got)
	}
}

func TestParseErrors(t *testing.T) {
	for _, record := range []string{
		"v=spf1 a:", "v=spf1 a/33", "v=spf1 a//129", "v=spf1 a/024", "v=spf1 ip4:192.0.2", "v=spf1 ip4:2001:db8::1",
		"v=spf1 ip6:192.0.2.1", "v=spf1 ip6:fe80::1%eth0", "v=spf1 all:x", "v=spf1 include", "v=spf1 exists",
		"v=spf1 redirect=a.example redirect=b.example", "v=spf1 exp=", "v=spf1 a:%{x}.example", "v=spf1 a:%{d0}.example",
		"v=spf1 a:example.123", "v=spf1 1x=y", "v=spf1 foo=%", "v=spf1 \xc3\xa4", "v=spf1 " + strings.Repeat("a ", MaxRecord),
	} {
		if _, err := Parse(record); !errors.Is(err, ErrSyntax) {
			t.Errorf("%.60q: error %v, want a syntax error", record, err)
		}
	}
}

func TestLongExpansionLosesLabelsFromTheLeft(t *testing.T) {
	c := &check{ip: netip.MustParseAddr("192.0.2.1"), local: strings.Repeat("abcdefghi.", 40), domain: "example.com"}
	name, err := c.target(context.Background(), "%{l}host.example.org", "example.com", false)
	if err != nil || len(name) > 253 || !strings.HasSuffix(name, "host.example.org") {
		t.Errorf("%d bytes %q, %v", len(name), name, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=spf1 a:%{d2}/24//64 -all exp=x.%{i} redirect=_spf.example.com")
	f.Add("v=spf1 ip4:192.0.2.1/8 ip6:2001:db8::/32 ?ptr:example.com %{s}=%%")
	f.Fuzz(func(t *testing.T, record string) {
		rec, err := Parse(record)
		if err != nil {
			return
		}
		for _, d := range rec.Directives {
			if !strings.Contains(record, d.Text) {
				t.Errorf("directive %q is not in %q", d.Text, record)
			}
		}
		zone := one(record)
		Check(context.Background(), zone, Request{IP: netip.MustParseAddr("192.0.2.1"), Helo: "x", MailFrom: "a@example.com"})
	})
}

func BenchmarkCheck(b *testing.B) {
	zone := one("v=spf1 include:_spf.example.net a mx ip4:203.0.113.0/24 -all")
	req := Request{IP: netip.MustParseAddr("203.0.113.9"), Helo: "h.example.com", MailFrom: "a@example.com"}
	for b.Loop() {
		Check(context.Background(), zone, req)
	}
}
