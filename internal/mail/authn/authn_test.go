package authn

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

var testKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

const unsigned = "From: Ann <ann@mail.example.com>\r\nTo: ben@example.org\r\nSubject: budget\r\n\r\nHello\r\n"

func signed(t testing.TB, raw string, options dkim.SignOptions) []byte {
	t.Helper()
	options.Domain, options.Selector, options.Signer = "example.com", "s1", testKey
	options.BodyCanonicalization = dkim.CanonicalizationRelaxed
	var b bytes.Buffer
	if err := dkim.Sign(&b, strings.NewReader(raw), &options); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zone(dmarcRecord string) lookup.Zone {
	pub := base64.StdEncoding.EncodeToString(testKey.Public().(ed25519.PublicKey))
	return lookup.Zone{TXT: map[string][]string{
		"s1._domainkey.example.com": {"v=DKIM1; k=ed25519; p=" + pub},
		"mail.example.com":          {"v=spf1 ip4:192.0.2.0/24 -all"},
		"_dmarc.example.com":        {dmarcRecord},
	}}
}

func input(raw []byte) Input {
	return Input{
		Raw: raw, ClientIP: netip.MustParseAddr("192.0.2.1"), Helo: "mx.example.com", MailFrom: "bounce@mail.example.com",
		FromDomains: []string{"Mail.Example.com"}, Received: time.Now().Add(time.Minute).UTC(),
	}
}

func TestEvaluate(t *testing.T) {
	raw := signed(t, unsigned, dkim.SignOptions{})
	for _, tt := range []struct {
		name              string
		change            func(*Input, lookup.Zone)
		spf, dkim, dmarc  Result
		spfOK, dkimOK     bool
		dkimAlign, policy string
	}{
		{"all pass", func(*Input, lookup.Zone) {}, Pass, Pass, Pass, true, true, "relaxed", "reject"},
		{"strict", func(_ *Input, z lookup.Zone) { z.TXT["_dmarc.example.com"] = []string{"v=DMARC1; p=reject; adkim=s"} }, Pass, Pass, Pass, true, false, "relaxed", "reject"},
		{"foreign host", func(in *Input, _ lookup.Zone) { in.ClientIP = netip.MustParseAddr("198.51.100.1") }, Fail, Pass, Pass, false, true, "relaxed", "reject"},
		{"changed body", func(in *Input, _ lookup.Zone) { in.Raw = append(slices.Clone(in.Raw), "more\r\n"...) }, Pass, Fail, Pass, true, false, "relaxed", "reject"},
		{"both fail", func(in *Input, _ lookup.Zone) {
			in.ClientIP = netip.MustParseAddr("198.51.100.1")
			in.Raw = append(slices.Clone(in.Raw), "more\r\n"...)
		}, Fail, Fail, Fail, false, false, "relaxed", "reject"},
		{"forged author", func(in *Input, z lookup.Zone) {
			in.FromDomains = []string{"example.net"}
			z.TXT["_dmarc.example.net"] = []string{"v=DMARC1; p=quarantine"}
		}, Pass, Pass, Fail, false, false, "no", "quarantine"},
		{"second author", func(in *Input, z lookup.Zone) {
			in.FromDomains = append(in.FromDomains, "example.net")
			z.TXT["_dmarc.example.net"] = []string{"v=DMARC1; p=none"}
		}, Pass, Pass, Fail, false, false, "no", "none"},
		{"no policy", func(_ *Input, z lookup.Zone) { delete(z.TXT, "_dmarc.example.com") }, Pass, Pass, None, false, false, "relaxed", ""},
		{"address unknown, body changed", func(in *Input, _ lookup.Zone) {
			in.ClientIP, in.Raw = netip.Addr{}, append(slices.Clone(in.Raw), "more\r\n"...)
		}, Unknown, Fail, Unknown, false, false, "relaxed", "reject"},
		{"author behind many", func(in *Input, _ lookup.Zone) {
			in.FromDomains = append(slices.Repeat([]string{"mail.example.com"}, maxAuthors), "example.net")
		}, Pass, Pass, PermError, false, false, "no", ""},
		{"second From", func(in *Input, _ lookup.Zone) { in.Raw = append([]byte("From: x@example.net\r\n"), in.Raw...) }, Pass, Pass, PermError, false, false, "relaxed", ""},
	} {
		in, z := input(raw), zone("v=DMARC1; p=reject")
		tt.change(&in, z)
		got := Evaluate(context.Background(), in, z)
		if len(got.DKIM) != 1 {
			t.Fatalf("%s: %d signatures", tt.name, len(got.DKIM))
		}
		d := got.DKIM[0]
		if got.SPF.Result != tt.spf || d.Result != tt.dkim || got.DMARC.Result != tt.dmarc {
			t.Errorf("%s: SPF %s, DKIM %s (%s), DMARC %s (%s)", tt.name, got.SPF.Result, d.Result, d.Reason, got.DMARC.Result, got.DMARC.Reason)
		}
		if got.DMARC.SPFAligned != tt.spfOK || got.DMARC.DKIMAligned != tt.dkimOK || string(d.Aligned) != tt.dkimAlign || got.DMARC.Policy != tt.policy {
			t.Errorf("%s: %+v, signature aligned: %s", tt.name, got.DMARC, d.Aligned)
		}
	}
}

// With the network off the structure is still told, and all else is unknown.
func TestEvaluateWithoutResolver(t *testing.T) {
	raw := signed(t, unsigned, dkim.SignOptions{HeaderKeys: []string{"From", "From", "To"}})
	got := Evaluate(context.Background(), input(raw), nil)
	d := got.DKIM[0]
	if d.Result != Unknown || d.BodyHash != BodyMatch || d.Aligned != AlignedRelaxed || !d.SignedFrom || !d.Oversigned || d.Domain != "example.com" || d.Selector != "s1" {
		t.Errorf("DKIM: %+v", d)
	}
	if want := []string{FlagSubjectOpen}; !reflect.DeepEqual(d.Flags, want) {
		t.Errorf("flags %v, want %v", d.Flags, want)
	}
	if text := string(raw[d.Start:d.End]); !strings.HasPrefix(text, "DKIM-Signature:") || !strings.HasSuffix(text, "\n") {
		t.Errorf("offsets hold %q", text)
	}
	if got.SPF.Result != Unknown || got.SPF.Domain != "mail.example.com" || got.SPF.Aligned != AlignedStrict || got.DMARC.Result != Unknown || got.ARC.Result != None {
		t.Errorf("got %+v", got)
	}
	if len(got.Unknown) != 3 {
		t.Errorf("unknown: %q", got.Unknown)
	}
	broken := Evaluate(context.Background(), input(append(raw, "PS: click\r\n"...)), nil)
	if d := broken.DKIM[0]; d.Result != Fail || d.BodyHash != BodyMismatch {
		t.Errorf("a changed body needs no DNS to be known: %+v", d)
	}
}

func TestFlags(t *testing.T) {
	received := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	raw := "DKIM-Signature: v=1; a=rsa-sha1; d=example.net; s=s; h=To; bh=AAAA; b=AAAA; l=0; t=1800000000; x=1700000000\r\n" + unsigned
	got := Evaluate(context.Background(), Input{Raw: []byte(raw), FromDomains: []string{"example.com"}, Received: received}, nil)
	want := []string{FlagBodyLength, FlagExpired, FlagFuture, FlagUnsigned, FlagSHA1, FlagThirdParty, FlagSubjectOpen}
	if !reflect.DeepEqual(got.DKIM[0].Flags, want) {
		t.Errorf("flags %v, want %v", got.DKIM[0].Flags, want)
	}
	raw = "DKIM-Signature: v=1; a=rsa-sha1; d=example.net; s=s; h=From; bh=AAAA; b=AAAA; l=0; t=1800000000\r\nFrom: x@example.org\r\n" + unsigned
	got = Evaluate(context.Background(), Input{Raw: []byte(raw), FromDomains: []string{"example.com"}, Received: received}, nil)
	want = []string{FlagBodyLength, FlagFuture, FlagSHA1, FlagSecondFrom, FlagThirdParty, FlagSubjectOpen}
	if !reflect.DeepEqual(got.DKIM[0].Flags, want) {
		t.Errorf("flags %v, want %v", got.DKIM[0].Flags, want)
	}
}

// An old signature had not expired on the day it came.
func TestTimeIsAnInput(t *testing.T) {
	raw := signed(t, unsigned, dkim.SignOptions{Expiration: time.Now().Add(time.Hour)})
	in := input(raw)
	for offset, want := range map[time.Duration]Result{0: Pass, 2 * time.Hour: PermError} {
		in.Received = time.Now().Add(offset)
		got := Evaluate(context.Background(), in, zone("v=DMARC1; p=none")).DKIM[0]
		if got.Result != want || slices.Contains(got.Flags, FlagExpired) != (want != Pass) {
			t.Errorf("received %s later: %s %v, want %s", offset, got.Result, got.Flags, want)
		}
	}
	in.Received = time.Time{}
	if got := Evaluate(context.Background(), in, zone("v=DMARC1; p=none")).DKIM[0]; got.Result != Pass {
		t.Errorf("time unknown: %+v", got)
	}
}

// What a recorded evaluation says, a replay says byte for byte.
func TestReplay(t *testing.T) {
	in := input(signed(t, unsigned, dkim.SignOptions{}))
	rec := NewRecorder(zone("v=DMARC1; p=reject; np=none"))
	first, err := json.Marshal(Evaluate(context.Background(), in, rec))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(rec.Answers())
	if err != nil {
		t.Fatal(err)
	}
	var answers []Answer
	if err := json.Unmarshal(stored, &answers); err != nil {
		t.Fatal(err)
	}
	replay := NewRecorder(Recorded(answers))
	second, err := json.Marshal(Evaluate(context.Background(), in, replay))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Errorf("replay differs:\n%s\n%s", first, second)
	}
	if again, _ := json.Marshal(replay.Answers()); !bytes.Equal(again, stored) {
		t.Errorf("its record differs:\n%s\n%s", again, stored)
	}
}

func TestInternationalDomains(t *testing.T) {
	in := input([]byte(unsigned))
	in.FromDomains, in.MailFrom = []string{"bücher.example"}, "a@xn--bcher-kva.example"
	if got := Evaluate(context.Background(), in, nil); got.SPF.Aligned != AlignedStrict {
		t.Errorf("got %+v", got.SPF)
	}
}

func FuzzEvaluate(f *testing.F) {
	f.Add([]byte(unsigned), "a@example.com", "example.com")
	f.Add([]byte("ARC-Seal: i=1; cv=none; a=rsa-sha256; d=e.x; s=s; b=AA==\nARC-Message-Signature: i=1; a=rsa-sha256; d=e.x; s=s; h=from; bh=AAAA; b=AA==\nARC-Authentication-Results: i=1; x; none\n\n"), "", "")
	f.Fuzz(func(t *testing.T, raw []byte, mailFrom, author string) {
		in := Input{Raw: raw, ClientIP: netip.MustParseAddr("192.0.2.1"), Helo: "mx.example.com", MailFrom: mailFrom, FromDomains: []string{author}}
		for _, r := range []Resolver{nil, zone("v=DMARC1; p=reject")} {
			got := Evaluate(context.Background(), in, r)
			if got.SPF.Result == "" || got.DMARC.Result == "" || got.ARC.Result == "" {
				t.Fatalf("a result is missing: %+v", got)
			}
			encoded, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var back Results
			if err := json.Unmarshal(encoded, &back); err != nil || !reflect.DeepEqual(got, back) {
				t.Fatalf("read back as something else: %v\n%+v\n%+v", err, got, back)
			}
		}
	})
}

// BenchmarkEvaluate shows what a message costs in a scan without the network.
func BenchmarkEvaluate(b *testing.B) {
	long := strings.Replace(unsigned, "\r\n\r\n", "\r\n"+strings.Repeat("Received: from a.example by b.example\r\n\twith ESMTP id 1\r\n", 10)+"\r\n", 1) + strings.Repeat("A line of text that is about as long as they are.\r\n", 400)
	for name, raw := range map[string][]byte{"unsigned": []byte(long), "signed": signed(b, long, dkim.SignOptions{})} {
		in := input(raw)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				Evaluate(context.Background(), in, nil)
			}
		})
	}
}
