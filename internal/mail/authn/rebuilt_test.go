package authn_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/authn"
)

// TestRebuilt: where a mailbox kept the text and not its bytes, that no signature fits says nothing.
func TestRebuilt(t *testing.T) {
	raw := strings.ReplaceAll(`DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=parliament.example; s=one;
 h=From:Subject; bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AAAA
From: Anna Keller <anna.keller@parliament.example>
Subject: budget

put together anew
`, "\n", "\r\n")
	for _, rebuilt := range []bool{false, true} {
		in := authn.Input{Raw: []byte(raw), FromDomains: []string{"parliament.example"}, Received: time.Unix(1_800_000_000, 0), Rebuilt: rebuilt}
		r := authn.Evaluate(t.Context(), in, authn.Zone{})
		if len(r.DKIM) != 1 {
			t.Fatalf("%d signatures", len(r.DKIM))
		}
		want := authn.BodyMismatch
		if rebuilt {
			want = authn.BodyUnknown
		}
		if r.DKIM[0].BodyHash != want || rebuilt == (r.DKIM[0].Result == authn.Fail) {
			t.Errorf("rebuilt %v: body %s, want %s; result %s (%s)", rebuilt, r.DKIM[0].BodyHash, want, r.DKIM[0].Result, r.DKIM[0].Reason)
		}
	}
}
