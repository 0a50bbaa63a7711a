package dkim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// rfc8463 is the message of RFC 8463 Appendix A.3, signed with both algorithms.
const rfc8463 = `DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
`

func rfc8463Zone() lookup.Zone {
	return lookup.Zone{TXT: map[string][]string{
		"brisbane._domainkey.football.example.com": {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
		"test._domainkey.football.example.com": {"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR" +
			"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lx" +
			"j+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"},
	}}
}

func TestRFC8463(t *testing.T) {
	for _, raw := range []string{rfc8463, strings.ReplaceAll(rfc8463, "\n", "\r\n")} {
		got := Verify(context.Background(), Split([]byte(raw)), rfc8463Zone(), time.Unix(1528637999, 0))
		if len(got) != 2 {
			t.Fatalf("%d signatures, want 2", len(got))
		}
		for _, v := range got {
			if v.Status != Pass || v.Body != BodyMatch {
				t.Errorf("%s: %s (%s), body %d", v.Algorithm, v.Status, v.Reason, v.Body)
			}
		}
	}
}

const mail = "From: Ann <ann@example.com>\r\nTo: ben@example.org\r\nSubject:  A  folded\r\n\tsubject \r\nX-Odd : y\r\n\r\n" +
	"Hello  there, \t\r\n\r\n a line\twith tabs\r\n.\r\n\r\n\r\n"

type signer struct {
	key    crypto.Signer
	record string
}

func signers(t testing.TB) map[string]signer {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	edPub, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	return map[string]signer{
		"rsa":       {rsaKey, "v=DKIM1; p=" + b64(der)},
		"rsa-pkcs1": {rsaKey, "k=rsa; p=" + b64(x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey))},
		"ed25519":   {edKey, "v=DKIM1; k=ed25519; p=" + b64(edPub)},
	}
}

func sign(t testing.TB, s signer, raw string, options dkim.SignOptions) string {
	t.Helper()
	options.Domain, options.Selector, options.Signer = "example.com", "sel", s.key
	var b bytes.Buffer
	if err := dkim.Sign(&b, strings.NewReader(raw), &options); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (s signer) zone() lookup.Zone {
	return lookup.Zone{TXT: map[string][]string{"sel._domainkey.example.com": {s.record}}}
}

// Everything go-msgauth signs verifies here, and every change to a message
// is judged as it judges it.
func TestAgainstGoMsgauth(t *testing.T) {
	changes := map[string]func(string) string{
		"none":            func(s string) string { return s },
		"body":            func(s string) string { return strings.Replace(s, "Hello", "Hallo", 1) },
		"spaces in body":  func(s string) string { return strings.Replace(s, "Hello  there", "Hello there", 1) },
		"blank end lines": func(s string) string { return s + "\r\n\r\n" },
		"no last newline": func(s string) string { return strings.TrimRight(s, "\r\n") },
		"header":          func(s string) string { return strings.Replace(s, "To: ben", "To: bob", 1) },
		"refolded":        func(s string) string { return strings.Replace(s, "A  folded\r\n\tsubject", "A folded subject", 1) },
		"name in capital": func(s string) string { return strings.Replace(s, "To: ben", "TO: ben", 1) },
		"second To":       func(s string) string { return strings.Replace(s, "To: ben", "To: eve@example.net\r\nTo: ben", 1) },
		"To below":        func(s string) string { return strings.Replace(s, "Subject:", "To: eve@example.net\r\nSubject:", 1) },
		"no body":         func(s string) string { return s[:strings.Index(s, "\r\n\r\n")+4] },
	}
	for name, s := range signers(t) {
		for _, canon := range []string{"simple/simple", "relaxed/relaxed", "simple/relaxed", "relaxed/simple"} {
			header, body, _ := strings.Cut(canon, "/")
			signed := sign(t, s, mail, dkim.SignOptions{HeaderCanonicalization: dkim.Canonicalization(header), BodyCanonicalization: dkim.Canonicalization(body)})
			for what, change := range changes {
				raw := change(signed)
				theirs, err := dkim.VerifyWithOptions(strings.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(string) ([]string, error) { return []string{s.record}, nil }})
				if err != nil || len(theirs) != 1 {
					t.Fatalf("%s %s %s: go-msgauth: %v", name, canon, what, err)
				}
				ours := Verify(context.Background(), Split([]byte(raw)), s.zone(), time.Time{})
				if len(ours) != 1 || (ours[0].Status == Pass) != (theirs[0].Err == nil) {
					t.Errorf("%s %s, change %s: we say %s (%s), go-msgauth %v", name, canon, what, ours[0].Status, ours[0].Reason, theirs[0].Err)
				}
			}
		}
	}
}

// A mail store that turned CRLF into LF must not break a signature.
func TestBareLF(t *testing.T) {
	s := signers(t)["ed25519"]
	for _, c := range []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed} {
		signed := sign(t, s, mail, dkim.SignOptions{HeaderCanonicalization: c, BodyCanonicalization: c})
		got := Verify(context.Background(), Split([]byte(strings.ReplaceAll(signed, "\r\n", "\n"))), s.zone(), time.Time{})
		if len(got) != 1 || got[0].Status != Pass {
			t.Errorf("%s: %+v", c, got[0])
		}
	}
}

// The structure of a signature is judged without the DNS.
func TestStructure(t *testing.T) {
	const good = "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=sel; h=From:Subject; bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=; b=AAAA\r\n"
	body := "From: a@example.com\r\n\r\n"
	edit := func(old, new string) string { return strings.Replace(good, old, new, 1) + body }
	received := time.Unix(2_000_000, 0)
	for _, tt := range []struct {
		name, raw string
		status    Status
		body      BodyState
		reason    string
	}{
		{"good", good + body, Unknown, BodyMatch, "not asked"},
		{"other body", good + body + "x\r\n", Fail, BodyMismatch, "body"},
		{"no version", edit("v=1; ", ""), PermError, BodyMatch, "v="},
		{"twice", edit("v=1", "v=1; v=1"), PermError, BodyUnchecked, "twice"},
		{"no From", edit("From:", "To:"), PermError, BodyMatch, "From"},
		{"sha1", edit("sha256", "sha1"), PermError, BodyMismatch, "sha1"},
		{"algorithm", edit("rsa-sha256", "rsa-md5"), PermError, BodyUnchecked, "a="},
		{"identity", edit("s=sel", "s=sel; i=@example.org"), PermError, BodyMatch, "i="},
		{"sub-identity", edit("s=sel", "s=sel; i=x@Mail.Example.com"), Unknown, BodyMatch, ""},
		{"suffix is no parent", edit("s=sel", "s=sel; i=x@badexample.com"), PermError, BodyMatch, "i="},
		{"bad domain", edit("d=example.com", "d=com"), PermError, BodyUnchecked, "d="},
		{"bad selector", edit("s=sel", "s=a..b"), PermError, BodyUnchecked, "s="},
		{"canonicalization", edit("s=sel", "s=sel; c=nofws"), PermError, BodyUnchecked, "c="},
		{"query", edit("s=sel", "s=sel; q=http"), PermError, BodyMatch, "q="},
		{"expired", edit("s=sel", "s=sel; t=1; x=1999999"), PermError, BodyMatch, "expired"},
		{"not yet", edit("s=sel", "s=sel; t=1; x=2000001"), Unknown, BodyMatch, ""},
		{"x before t", edit("s=sel", "s=sel; t=5; x=4"), PermError, BodyUnchecked, "x="},
		{"l too long", edit("s=sel", "s=sel; l=3"), Fail, BodyMismatch, "body"},
		{"l of all", edit("s=sel", "s=sel; l=2"), Unknown, BodyMatch, ""},
		{"negative l", edit("s=sel", "s=sel; l=-1"), PermError, BodyUnchecked, "l="},
	} {
		got := Verify(context.Background(), Split([]byte(tt.raw)), nil, received)
		if len(got) != 1 {
			t.Fatalf("%s: %d signatures", tt.name, len(got))
		}
		if g := got[0]; g.Status != tt.status || g.Body != tt.body || !strings.Contains(g.Reason, tt.reason) {
			t.Errorf("%s: %s, body %d, %q; want %s, %d, %q", tt.name, g.Status, g.Body, g.Reason, tt.status, tt.body, tt.reason)
		}
	}
}

// A signature with l= is still right when text was added, and then not a pass.
func TestBodyLength(t *testing.T) {
	m := Split([]byte("From: a@example.com\r\n\r\nabcdef\r\nmore\r\n"))
	key := bodyKey{hash: crypto.SHA256}
	for _, n := range []int64{0, 3, 8, 14} {
		m.want(key, n)
	}
	sum := m.sum(key)
	for _, n := range []int64{0, 3, 8, 14} {
		h := crypto.SHA256.New()
		h.Write([]byte("abcdef\r\nmore\r\n")[:n])
		if !bytes.Equal(sum.prefix[n], h.Sum(nil)) {
			t.Errorf("sum of the first %d octets is wrong", n)
		}
	}
	if sum.length != 14 {
		t.Errorf("length %d, want 14", sum.length)
	}
}

func TestKeys(t *testing.T) {
	rsaRecord := rfc8463Zone().TXT["test._domainkey.football.example.com"][0]
	short := "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL1g1rm5eFfpwZZ8GPkQ2tbp7gi2Vbvv6lLCFuUKJ0Y1nmYwu7oRYDWTaBRLIPvTqsBBEbhGf9oMSiHI/ur95nUCAwEAAQ=="
	for _, tt := range []struct {
		name, txt, want string
	}{
		{"revoked", "v=DKIM1; p=", "revoked"},
		{"no p", "v=DKIM1; k=rsa", "p= is missing"},
		{"version", strings.Replace(rsaRecord, "DKIM1", "DKIM2", 1), "v="},
		{"kind", strings.Replace(rsaRecord, "k=rsa", "k=dsa", 1), "k="},
		{"ed25519 size", "v=DKIM1; k=ed25519; p=AAAA", "bytes"},
		{"no base64", "v=DKIM1; p=*", "p="},
		{"no key", "v=DKIM1; p=AAAA", "no RSA"},
		{"short", short, "fewer than 1024"},
	} {
		if _, err := ParseKey(tt.txt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
	k, err := ParseKey(strings.Replace(rsaRecord, "k=rsa", "h=sha1 : sha256; s=tlsrpt; t=y:s", 1))
	if err != nil || !k.Testing || !k.Strict || k.Email || len(k.Hashes) != 2 || k.Bits != 1024 || !k.Weak() {
		t.Errorf("key %+v, %v", k, err)
	}
}

// Records that are not keys do not hide the one that is; two keys do.
func TestFetchKey(t *testing.T) {
	ctx := context.Background()
	zone := rfc8463Zone()
	name := "test._domainkey.football.example.com"
	key := zone.TXT[name][0]
	zone.TXT[name] = []string{"v=spf1 -all", key}
	if _, err := FetchKey(ctx, zone, "football.example.com", "test"); err != nil {
		t.Errorf("a stray record hides the key: %v", err)
	}
	zone.TXT[name] = []string{key, key}
	if _, err := FetchKey(ctx, zone, "football.example.com", "test"); err == nil {
		t.Error("two keys were taken for one")
	}
}

func TestManySignaturesAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s%d; h=From; bh=AAAA; b=AAAA\r\n", i)
	}
	b.WriteString("From: a@example.com\r\n\r\n")
	got := Verify(context.Background(), Split([]byte(b.String())), nil, time.Time{})
	if len(got) != MaxSignatures+1 || got[MaxSignatures].Status != Policy || got[MaxSignatures].Body != BodyUnchecked {
		t.Errorf("%d results, last %+v", len(got), got[len(got)-1])
	}
}

func FuzzParseTags(f *testing.F) {
	f.Add("v=1; a=rsa-sha256; b=ab cd;\r\n bh=x=;")
	f.Add("k=rsa; p=; t=y:s")
	f.Fuzz(func(t *testing.T, s string) {
		tags, err := ParseTags(s)
		if err != nil {
			return
		}
		for _, tag := range tags {
			if strings.Trim(s[tag.From:tag.To], space) != tag.Value {
				t.Errorf("%s=: bounds give %q, value is %q", tag.Name, s[tag.From:tag.To], tag.Value)
			}
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(rfc8463))
	f.Add([]byte("DKIM-Signature: v=1; a=rsa-sha256; d=e.x; s=s; h=From; l=1; bh=AAAA; b=AA==\nFrom:x\n\nbody"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Split(raw)
		end := 0
		for i := range m.Fields {
			if m.Fields[i].Start < end || m.Fields[i].End > len(raw) {
				t.Fatalf("field %d is out of order", i)
			}
			end = m.Fields[i].End
		}
		Verify(context.Background(), m, rfc8463Zone(), time.Time{})
	})
}

// FuzzCanonicalBody compares the streaming forms with plain ones.
func FuzzCanonicalBody(f *testing.F) {
	f.Add([]byte("a  b \r\n\r\n c\t\td\n\n"))
	f.Add([]byte("\r"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, relaxed := range []bool{false, true} {
			m := &Message{Body: body}
			key := bodyKey{relaxed, crypto.SHA256}
			m.want(key, -1)
			h := crypto.SHA256.New()
			h.Write(plainBody(body, relaxed))
			if !bytes.Equal(m.sum(key).full, h.Sum(nil)) {
				t.Errorf("relaxed %v: %q is hashed wrong", relaxed, body)
			}
		}
	})
}

func plainBody(body []byte, relaxed bool) []byte {
	lines := strings.Split(string(body), "\n")
	for i, line := range lines {
		if i < len(lines)-1 { // a CR at the very end is text
			line = strings.TrimSuffix(line, "\r")
		}
		if relaxed {
			line = strings.TrimRight(line, " \t")
			line = strings.Join(strings.FieldsFunc("x"+line, func(r rune) bool { return r == ' ' || r == '\t' }), " ")[1:]
		}
		lines[i] = line
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		if relaxed {
			return nil
		}
		return []byte("\r\n")
	}
	return []byte(strings.Join(lines, "\r\n") + "\r\n")
}

func BenchmarkSplit(b *testing.B) {
	raw := []byte("Received: x\r\n\tby y\r\n" + strings.Repeat("X-Header: some value of usual length\r\n", 30) + mail)
	b.ReportAllocs()
	for b.Loop() {
		Split(raw)
	}
}

func BenchmarkBodyHash(b *testing.B) {
	body := bytes.Repeat([]byte("This is a line of ordinary text,  with two spaces somewhere in it.\r\n"), 1000)
	for _, relaxed := range []bool{false, true} {
		b.Run(fmt.Sprintf("relaxed=%v", relaxed), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				m := &Message{Body: body}
				m.want(bodyKey{relaxed, crypto.SHA256}, -1)
				m.sum(bodyKey{relaxed, crypto.SHA256})
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for name, s := range signers(b) {
		raw := []byte(sign(b, s, mail, dkim.SignOptions{}))
		zone := s.zone()
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Verify(context.Background(), Split(raw), zone, time.Time{})
			}
		})
	}
}
