package bench

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/authn/dkim"
	"portcullis.example/portcullis/internal/mail/authn/lookup"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/synth"
)

// rfc8463 is the message of RFC 8463 Appendix A.3, signed by one domain with
// Ed25519 and with RSA.
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

// rfc8463Zone publishes the keys of RFC 8463 Appendix A.2.
func rfc8463Zone() lookup.Zone {
	return lookup.Zone{TXT: map[string][]string{
		"brisbane._domainkey.football.example.com": {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
		"test._domainkey.football.example.com": {"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR" +
			"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lx" +
			"j+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"},
	}}
}

// vectors verifies the published DKIM vectors, signatures of the generator's own
// signer, and each of them again with a changed body.
func vectors(s *Section) {
	now := time.Unix(1528637999, 0)
	for _, algorithm := range []string{"ed25519-sha256", "rsa-sha256"} {
		good := verifies([]byte(rfc8463), rfc8463Zone(), algorithm, now)
		broken := verifies(bytes.Replace([]byte(rfc8463), []byte("hungry"), []byte("angry "), 1), rfc8463Zone(), algorithm, now)
		s.claim("DKIM "+algorithm+" (RFC 8463 A.3)", said(good, broken), "passes, fails when altered", good && !broken)
	}
	passed, all := signedByGenerator()
	s.claim("DKIM signatures of the generator", fmt.Sprintf("%d/%d", passed, all), "all pass, and fail when altered", passed == all && all > 0)
}

func said(good, broken bool) string {
	words := map[bool]string{true: "passes", false: "fails"}
	return words[good] + ", " + words[broken] + " when altered"
}

func verifies(raw []byte, zone lookup.Zone, algorithm string, now time.Time) bool {
	for _, v := range dkim.Verify(context.Background(), dkim.Split(raw), zone, now) {
		if v.Signature != nil && v.Algorithm == algorithm {
			return v.Status == dkim.Pass
		}
	}
	return false
}

func signedByGenerator() (passed, all int) {
	mails := synth.Reconnaissance(reportingSeeds[0], synth.NewHouse(reportingSeeds[0], 20), 8)
	zone := lookup.Zone{TXT: map[string][]string{}}
	for name, text := range synth.Zone(mails) {
		zone.TXT[name] = []string{text}
	}
	for _, m := range mails {
		if !bytes.Contains(m.Raw, []byte("a=ed25519-sha256")) || rewritten(m.Raw) {
			continue
		}
		all++
		altered := append(bytes.TrimRight(bytes.Clone(m.Raw), "\r\n"), "x\r\n"...)
		if verifies(m.Raw, zone, "ed25519-sha256", m.Time) && !verifies(altered, zone, "ed25519-sha256", m.Time) {
			passed++
		}
	}
	return passed, all
}

// rewritten tells whether a gateway changed links after the signature was checked,
// which breaks it.
func rewritten(raw []byte) bool {
	for _, p := range message.Parse(raw, message.DefaultLimits()).Parts {
		text := p.Text()
		for _, host := range []string{"safelinks.protection.outlook.com", "urldefense", "cudasvc.com", "mimecast"} {
			if strings.Contains(text, host) {
				return true
			}
		}
	}
	return false
}
