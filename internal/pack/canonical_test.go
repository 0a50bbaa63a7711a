package pack

import (
	"encoding/json"
	"strings"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/observable"
)

// canonicalVector is a value as it may be written or seen, and what is hashed for it.
type canonicalVector struct {
	Type  string `json:"type"`
	Raw   string `json:"raw"`
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// canonicalRaw are ways of writing values that have one canonical form each.
var canonicalRaw = []string{
	"domain:News-Tracker.Example.", "domain:Bücher.Example", "domain:STRASSE.example", "domain:straße.example", "domain:_dmarc.a--b.example", "domain:bücher。example",
	"url:HTTP://User:pw@News-Tracker.Example:80/a/../b/./c%7e%2f?x=%41&y=é'#part", "url:https://h.example", "url:https://h.example?", "url:https://h.example:0443?q=1", "url:https://h.example:8443/",
	`url:https:\\h.example\a\b?c=\d`, "url:https:h.example//a//b", "url:ftp://H.example:21/x/..", "url:mailto:A@B.example?subject=a b", "url:MAILTO:A@B.example?", "url:https://[2001:DB8:0::1]:443/",
	"url:http://0x7f.1/", "url:http://3221226219/", "url:https://h.example/a b\"<>`{|}^'[]", "url:https://h.example/%zz%c3%a9%2E%2e/x", "url:https://bücher.example/ü?ü", "url: https://h.example/a\n/b ", "url:wss://h.example:443/s",
	"url:https://H.example/A/*",
	"email:Anna.Keller@Example.ORG", `email:"Anna"@example.org`, `email:"a b"@example.org`, "email:Anna <anna@bücher.example>", "email:ÄNNE@example.org", "email:a@[IPv6:2001:DB8::1]",
	"email:@Mailer-Z4.test",
	"ip:::ffff:192.0.2.1", "ip:2001:DB8:0:0::1", "cidr:192.0.2.77/24", "cidr:192.0.2.77/255.255.255.0", "cidr:2001:db8::1/48",
	"hash:SHA256:9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08", "hash:d4:1d:8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42:7f",
	"subject:Re: AW[2]: Fwd:  Einladung\tzur ＡNHÖRUNG", "subject:[list] Re: Straße", "subject:Re: [EXTERNAL] *** SPAM! *** Fwd: Papers", "subject:[External]", "subject:\u202bإعادة: x\u200b y", "message-id: <20260302.KQ@sender-q.test> ",
	"filename:Annex of the Draft.PDF", "filename:U\u0308bersicht.Pdf",
}

// TestCanonicalVectors compares what is hashed for each way of writing with the file that other implementations are
// measured by: a value that is written in another way on the other side would never be found.
func TestCanonicalVectors(t *testing.T) {
	var list []canonicalVector
	for _, text := range canonicalRaw {
		kind, raw, _ := strings.Cut(text, ":")
		value, star := raw, ""
		if kind == "url" {
			value, star = strings.TrimSuffix(raw, "*"), raw[len(strings.TrimSuffix(raw, "*")):]
		}
		typ, prefix := portcullis.ObservableType(kind), ""
		if kind == "email" && raw[0] == '@' {
			typ, value, prefix = portcullis.TypeDomain, raw[1:], "@"
		}
		o, err := observable.Canonical(typ, value)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		in, err := inputOf(portcullis.Observable{Type: portcullis.ObservableType(kind), Value: prefix + o.Value + star})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		list = append(list, canonicalVector{kind, raw, string(in.Kind), in.Value})
	}
	out, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "canonical.json", append(out, '\n'))
}
