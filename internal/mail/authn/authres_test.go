package authn

import (
	"fmt"
	"strings"
	"testing"
)

// line writes results in a short form.
func line(results []AuthResult) string {
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%s/%d %s=%s", r.ServID, r.Instance, r.Method, r.Result)
		if r.Reason != "" {
			fmt.Fprintf(&b, " reason=%q", r.Reason)
		}
		for _, p := range r.Properties {
			fmt.Fprintf(&b, " %s.%s=%s", p.Type, p.Name, p.Value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Most cases are the examples of RFC 8601 Appendix B.
func TestParseAuthResults(t *testing.T) {
	for _, tt := range []struct {
		name, header, trusted, want string
	}{
		{"B.2", "Authentication-Results: example.org 1; none", "example.org", ""},
		{"B.3", "Authentication-Results: example.com;\r\n          spf=pass smtp.mailfrom=example.net", "example.com",
			"example.com/0 spf=pass smtp.mailfrom=example.net\n"},
		{"B.4", "Authentication-Results: example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n spf=pass smtp.mailfrom=example.net", "example.com",
			"example.com/0 auth=pass smtp.auth=sender@example.net\nexample.com/0 spf=pass smtp.mailfrom=example.net\n"},
		{"B.5", "Authentication-Results: example.com; dkim=pass (good signature) header.d=example.com", "EXAMPLE.com",
			"example.com/0 dkim=pass header.d=example.com\n"},
		{"B.6", "Authentication-Results: example.com;\r\n dkim=pass reason=\"good signature\" header.i=@mail-router.example.net;\r\n dkim=fail reason=\"bad signature\" header.i=@newyork.example.com", "example.com",
			"example.com/0 dkim=pass reason=\"good signature\" header.i=@mail-router.example.net\nexample.com/0 dkim=fail reason=\"bad signature\" header.i=@newyork.example.com\n"},
		{"B.7", "Authentication-Results: foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n policy (A dot can go here) . (like that) expired\r\n (this surprised me) = (as I wasn't expecting it) 1362471462", "foo.example.net",
			"foo.example.net/0 dkim=fail\n"},
		{"untrusted", "Authentication-Results: evil.example; dkim=pass header.d=example.com", "example.com", ""},
		{"nobody trusted", "Authentication-Results: example.com; dkim=pass header.d=example.com", "", ""},
		{"value only", " example.com; dmarc=pass header.from=example.net", "example.com",
			"example.com/0 dmarc=pass header.from=example.net\n"},
		{"ARC", "ARC-Authentication-Results: i=2; mx.example.com; spf=softfail smtp.mailfrom=a@example.net; arc=pass (as.1.example=pass)", "mx.example.com",
			"mx.example.com/2 spf=softfail smtp.mailfrom=a@example.net\nmx.example.com/2 arc=pass\n"},
		{"ARC, instance out of bounds", "ARC-Authentication-Results: i=51; mx.example.com; spf=pass", "mx.example.com", ""},
		{"ARC, no instance", "ARC-Authentication-Results: mx.example.com; spf=pass", "mx.example.com", ""},
		{"no identifier, not trusted", "Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.net; dkim=none", "example.com", ""},
		{"no identifier", "Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.net; dkim=none (message not signed)\r\n header.d=none;dmarc=fail action=quarantine header.from=example.com;compauth=fail reason=000", NoServID,
			"(none)/0 spf=pass smtp.mailfrom=example.net\n(none)/0 dkim=none header.d=none\n(none)/0 dmarc=fail header.from=example.com\n(none)/0 compauth=fail reason=\"000\"\n"},
		{"the word in a comment is no identifier", "Authentication-Results: (none) evil.example; spf=pass", NoServID, ""},
		{"semicolons in quotes and comments", `Authentication-Results: example.com; dkim=fail (a; b (c; d)) reason="x; y=\"z\"" header.d=example.net`, "example.com",
			"example.com/0 dkim=fail reason=\"x; y=\\\"z\\\"\" header.d=example.net\n"},
		{"quoted local part", `Authentication-Results: example.com; spf=pass smtp.mailfrom="a b"@example.net`, "example.com",
			"example.com/0 spf=pass smtp.mailfrom=a b@example.net\n"},
		{"quoted identifier", `Authentication-Results: "example.com"; spf=pass`, "example.com", "example.com/0 spf=pass\n"},
		{"broken end", "Authentication-Results: example.com; spf=pass; dkim=pass (open", "example.com", "example.com/0 spf=pass\nexample.com/0 dkim=pass\n"},
		{"empty", "Authentication-Results:", "example.com", ""},
		{"only identifier", "Authentication-Results: example.com", "example.com", ""},
	} {
		if got := line(ParseAuthResults([]string{tt.header}, strings.Fields(tt.trusted))); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestAuthResultDomain(t *testing.T) {
	headers := []string{
		"Authentication-Results: other.example; spf=fail smtp.mailfrom=x@example.org",
		"Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=\"<A@Example.NET>\"; dkim=pass (2048-bit key) header.i=@Mail.example.org; dmarc=pass header.from=example.net; iprev=pass policy.iprev=192.0.2.1",
	}
	var got []string
	for _, r := range ParseAuthResults(headers, []string{"mx.example.com"}) {
		if r.Field != 1 {
			t.Errorf("field %d, want 1", r.Field)
		}
		got = append(got, r.Domain())
		if r.Method == "dkim" && r.Comment != "2048-bit key" {
			t.Errorf("comment %q", r.Comment)
		}
	}
	if want := "example.net mail.example.org example.net "; strings.Join(got, " ") != want {
		t.Errorf("domains %q, want %q", got, want)
	}
}

func FuzzParseAuthResults(f *testing.F) {
	f.Add("Authentication-Results: example.com; dkim=pass reason=\"x\" header.d=example.com (c)")
	f.Add("ARC-Authentication-Results: i=1; example.com; spf=pass smtp.mailfrom=\"\\")
	f.Fuzz(func(t *testing.T, header string) {
		got := ParseAuthResults([]string{header}, []string{"example.com", NoServID})
		if len(got) > maxFieldResults {
			t.Errorf("%d results", len(got))
		}
		for _, r := range got {
			if r.Method == "" || r.Result == "" {
				t.Errorf("%q: %+v", header, r)
			}
			r.Domain()
		}
	})
}

func BenchmarkParseAuthResults(b *testing.B) {
	headers := []string{
		"Authentication-Results: mx.example.com;\r\n dkim=pass (2048-bit key; unprotected) header.d=example.net header.i=@example.net header.b=abc;\r\n spf=pass (mx.example.com: domain of a@example.net designates 192.0.2.1 as permitted sender) smtp.mailfrom=a@example.net;\r\n dmarc=pass (p=REJECT) header.from=example.net",
		"Authentication-Results: elsewhere.example; spf=pass smtp.mailfrom=b@example.net",
	}
	trusted := []string{"mx.example.com"}
	b.ReportAllocs()
	for b.Loop() {
		ParseAuthResults(headers, trusted)
	}
}
