package arc

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/authn/dkim"
	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

const original = "Authentication-Results: lists.example.org; spf=pass smtp.mfrom=ann@example.com;\r\n\tdmarc=pass\r\n" +
	"From: Ann <ann@example.com>\r\nSubject: minutes\r\n\r\nHello\r\n"

func sealer(domain string) *Sealer {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte(domain[:1]), ed25519.SeedSize))
	return &Sealer{Domain: domain, Selector: "s", Key: key, ServID: "lists.example.org", Headers: []string{"From", "Subject"}}
}

func zone(sealers ...*Sealer) lookup.Zone {
	z := lookup.Zone{TXT: map[string][]string{}}
	for _, s := range sealers {
		pub := base64.StdEncoding.EncodeToString(s.Key.Public().(ed25519.PublicKey))
		z.TXT["s._domainkey."+s.Domain] = []string{"v=DKIM1; k=ed25519; p=" + pub}
	}
	return z
}

// pass puts one more set on a message.
func pass(t testing.TB, s *Sealer, raw string, status Status) string {
	t.Helper()
	set, err := s.Seal(dkim.Split([]byte(raw)), status, time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return set[0] + set[1] + set[2] + raw
}

func TestChain(t *testing.T) {
	a, b, c := sealer("a.example"), sealer("b.example"), sealer("c.example")
	z := zone(a, b, c)
	one := pass(t, a, original, None)
	two := pass(t, b, one, Pass)
	changed := strings.Replace(two, "Subject: minutes", "Subject: [list] minutes", 1)
	three := pass(t, c, changed, Pass)
	noKey := zone(a, c)
	for _, tt := range []struct {
		name, raw string
		r         lookup.Resolver
		want      Status
		sets      int
		oldest    int
	}{
		{"no chain", original, z, None, 0, 0},
		{"one", one, z, Pass, 1, 0},
		{"two", two, z, Pass, 2, 0},
		{"newest message signature broken", changed, z, Fail, 2, 0},
		{"sealed again after a change", three, z, Pass, 3, 3},
		{"body changed", three + "more\r\n", z, Fail, 3, 0},
		{"results changed", strings.Replace(three, "i=1; lists.example.org; spf=pass", "i=1; lists.example.org; spf=fail", 1), z, Fail, 3, 3},
		{"set missing", two[strings.Index(two, "ARC-Seal: a=ed25519-sha256;\r\n b="):][len("ARC-Seal:"):], z, Fail, 2, 0},
		{"a key is gone", three, noKey, Fail, 3, 3},
		{"network off", three, nil, Unknown, 3, 0},
		{"network off, body changed", three + "more\r\n", nil, Fail, 3, 0},
		{"nothing on record", three, lookup.Recorded(nil), Unknown, 3, 0},
	} {
		got := Validate(context.Background(), dkim.Split([]byte(tt.raw)), tt.r)
		if got.Status != tt.want || got.Sets != tt.sets || got.OldestPass != tt.oldest {
			t.Errorf("%s: %+v; want %s, %d sets, oldest pass %d", tt.name, got, tt.want, tt.sets, tt.oldest)
		}
	}
	if got := Validate(context.Background(), dkim.Split([]byte(three)), z).Sealers; !reflect.DeepEqual(got, []string{"a.example", "b.example", "c.example"}) {
		t.Errorf("sealers %v", got)
	}
}

func TestLengthOfChain(t *testing.T) {
	a := sealer("a.example")
	raw, status := original, None
	for range MaxSets {
		raw, status = pass(t, a, raw, status), Pass
	}
	if got := Validate(context.Background(), dkim.Split([]byte(raw)), zone(a)); got.Status != Pass || got.Sets != MaxSets {
		t.Errorf("%d sets: %+v", MaxSets, got)
	}
	if _, err := a.Seal(dkim.Split([]byte(raw)), Pass, time.Time{}); !errors.Is(err, ErrNoSeal) {
		t.Errorf("a set too many: %v, want ErrNoSeal", err)
	}
	more := strings.Replace(raw, "i=50;", "i=51;", 3)
	if got := Validate(context.Background(), dkim.Split([]byte(more)), zone(a)); got.Status != Fail {
		t.Errorf("instance 51: %+v", got)
	}
}

// A failed chain is sealed once, by its own set alone, and never again.
func TestSealingAFailedChain(t *testing.T) {
	a, b := sealer("a.example"), sealer("b.example")
	broken := strings.Replace(pass(t, a, original, None), "Hello", "Hallo", 1)
	sealed := pass(t, b, broken, Fail)
	got := Validate(context.Background(), dkim.Split([]byte(sealed)), zone(a, b))
	if got.Status != Fail || !strings.Contains(got.Reason, "cv=") {
		t.Errorf("%+v", got)
	}
	if _, err := a.Seal(dkim.Split([]byte(sealed)), Fail, time.Time{}); !errors.Is(err, ErrNoSeal) {
		t.Errorf("sealed again: %v, want ErrNoSeal", err)
	}
}

type otherKey struct{ crypto.Signer }

func (otherKey) Public() crypto.PublicKey { return "none" }

func TestSealRefusesOtherKeys(t *testing.T) {
	s := sealer("a.example")
	s.Key = otherKey{}
	if _, err := s.Seal(dkim.Split([]byte(original)), None, time.Time{}); err == nil {
		t.Error("no error")
	}
}

func FuzzValidate(f *testing.F) {
	a, b := sealer("a.example"), sealer("b.example")
	f.Add(pass(f, b, pass(f, a, original, None), Pass))
	f.Add("ARC-Seal: i=2; cv=none\nARC-Message-Signature: i=1;\nARC-Authentication-Results: i=; x\nFrom: x\n\n")
	z := zone(a, b)
	f.Fuzz(func(t *testing.T, raw string) {
		m := dkim.Split([]byte(raw))
		got := Validate(context.Background(), m, z)
		if got.Sets > MaxSets || got.Status == "" || got.OldestPass > got.Sets {
			t.Fatalf("%+v", got)
		}
		off := Validate(context.Background(), dkim.Split([]byte(raw)), nil)
		if off.Status == Pass || got.Status == Pass && off.Status != Unknown || (got.Status == None) != (off.Status == None) {
			t.Errorf("with keys %s, without %s", got.Status, off.Status)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	s := sealer("a.example")
	raw, status := original, None
	for n := 1; n <= 4; n++ {
		raw, status = pass(b, s, raw, status), Pass
		b.Run(fmt.Sprintf("sets=%d", n), func(b *testing.B) {
			for b.Loop() {
				Validate(context.Background(), dkim.Split([]byte(raw)), zone(s))
			}
		})
	}
}
