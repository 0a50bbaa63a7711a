package observable

import (
	"strings"
	"testing"
)

// urlCases are in and out of URL; many are the WHATWG standard's own examples of hosts.
var urlCases = []struct{ in, canon, host string }{
	{"http://example.com", "http://example.com/", "example.com"},
	{"HTTP://EXAMPLE.com:80/", "http://example.com/", "example.com"},
	{"https://example.com:443/a", "https://example.com/a", "example.com"},
	{"https://example.com:8443/a", "https://example.com:8443/a", "example.com"},
	{"https://example.com:0008443/a", "https://example.com:8443/a", "example.com"},
	{"https://example.com:/a", "https://example.com/a", "example.com"},
	{"https://user:pw@example.com/a", "https://example.com/a", "example.com"},
	{"https://www.bank.example@evil.example/a", "https://evil.example/a", "evil.example"},
	{"https://a@b@evil.example/", "https://evil.example/", "evil.example"},
	{"https://example.com/a#frag", "https://example.com/a", "example.com"},
	{"https://example.com/#", "https://example.com/", "example.com"},
	{"https://example.com?", "https://example.com/", "example.com"},
	{"https://example.com?q=1", "https://example.com/?q=1", "example.com"},
	{"https://example.com#?q=1", "https://example.com/", "example.com"},
	{"https:example.com/x", "https://example.com/x", "example.com"},
	{"https:/example.com/x", "https://example.com/x", "example.com"},
	{`https:\\example.com\x\y`, "https://example.com/x/y", "example.com"},
	{"https://////example.com/x", "https://example.com/x", "example.com"},
	{"//example.com/x", "https://example.com/x", "example.com"},
	{"  https://exa\nmple.com/\tx ", "https://example.com/x", "example.com"},
	{"https://example.com/a/./b/../c", "https://example.com/a/c", "example.com"},
	{"https://example.com/../../a", "https://example.com/a", "example.com"},
	{"https://example.com/a/..", "https://example.com/", "example.com"},
	{"https://example.com/a/%2e%2E/b/.", "https://example.com/b/", "example.com"},
	{"https://example.com/a/.../b", "https://example.com/a/.../b", "example.com"},
	{"https://example.com/%7euser/%41%2f", "https://example.com/~user/A%2F", "example.com"},
	{"https://example.com/100%", "https://example.com/100%25", "example.com"},
	{"https://example.com/%%34%31", "https://example.com/%2541", "example.com"},
	{"https://example.com/ü b?ü='x'", "https://example.com/%C3%BC%20b?%C3%BC=%27x%27", "example.com"},
	{"https://bücher.example/", "https://xn--bcher-kva.example/", "xn--bcher-kva.example"},
	{"https://b%C3%BCcher.example/", "https://xn--bcher-kva.example/", "xn--bcher-kva.example"},
	{"https://ex%61mple.com/", "https://example.com/", "example.com"},
	{"https://example。com/", "https://example.com/", "example.com"},
	{"https://example.com./", "https://example.com/", "example.com"},
	{"http://3221225985/", "http://192.0.2.1/", "192.0.2.1"},
	{"http://0xc0000201/", "http://192.0.2.1/", "192.0.2.1"},
	{"http://0300.0.2.1/", "http://192.0.2.1/", "192.0.2.1"},
	{"http://192.0x00.0002.1/", "http://192.0.2.1/", "192.0.2.1"},
	{"http://192.513/", "http://192.0.2.1/", "192.0.2.1"},
	{"http://192.0.2.1./", "http://192.0.2.1/", "192.0.2.1"},
	{"http://１９２.0.2.1/", "http://192.0.2.1/", "192.0.2.1"},
	{"http://[2001:DB8:0::1]:80/", "http://[2001:db8::1]/", "2001:db8::1"},
	{"http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/", "2001:db8::1"},
	{"http://[::ffff:192.0.2.1]/", "http://192.0.2.1/", "192.0.2.1"},
	{"http://a_b.example/", "http://a_b.example/", "a_b.example"},
	{"ftp://example.com:21/x", "ftp://example.com/x", "example.com"},
	{"smb://example.com/share", "smb://example.com/share", "example.com"},
	{"mailto:User@Example.com", "mailto:User@Example.com", ""},
	{"data:text/html,x", "data:text/html,x", ""},
	{"http://localhost/", "http://localhost/", "localhost"},
}

func TestURL(t *testing.T) {
	for _, c := range urlCases {
		canon, host, err := URL(c.in)
		if err != nil || canon != c.canon || host != c.host {
			t.Errorf("URL(%q) = %q, %q, %v; want %q, %q", c.in, canon, host, err, c.canon, c.host)
		}
	}
	for _, in := range []string{"", "example.com", "http://", "https:///", "http://a:b/", "http://a:65536/", "http://1.2.3.4.5/",
		"http://256.0.0.1/", "http://0x1ffffffff/", "http://[::1/", "http://[example]/", "http://a b/", "http://a%00b/", "http://.../",
		"http://a..b/", "1http://a/", "mailto:", "http://a.example/" + strings.Repeat("x", MaxURL)} {
		if canon, _, err := URL(in); err == nil {
			t.Errorf("URL(%.80q) = %.80q; want an error", in, canon)
		}
	}
}

func TestParseURL(t *testing.T) {
	l, err := ParseURL("https://www.bank.example:x@EVIL.example:8080/a/b?q=%41#top")
	if err != nil {
		t.Fatal(err)
	}
	if l.Scheme != "https" || l.User != "www.bank.example:x" || l.Host != "evil.example" || l.Port != "8080" ||
		l.Path != "/a/b" || l.Query != "q=A" || l.Fragment != "top" || l.IP.IsValid() {
		t.Errorf("%+v", l)
	}
}

func FuzzURL(f *testing.F) {
	for _, c := range urlCases {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		canon, host, err := URL(s)
		if err != nil {
			return
		}
		again, host2, err := URL(canon)
		if len(canon) > MaxURL {
			return
		}
		if err != nil || again != canon || host2 != host {
			t.Fatalf("URL(%q) = %q, %q; again %q, %q, %v", s, canon, host, again, host2, err)
		}
	})
}

func BenchmarkURL(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = URL("https://click.news.example.com/track/open.php?u=30117655&id=f7a9b1c0e2&e=ab12cd34ef")
	}
}
