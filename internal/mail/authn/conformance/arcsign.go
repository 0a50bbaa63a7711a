package conformance

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/authn/arc"
	"portcullis.example/portcullis/internal/mail/authn/dkim"
)

// RunARCSigningSuite runs the signing cases of the ValiMail suite: results,
// message signature and seal must be the suite's, white space aside.
//
// The b= of its seals is stale: they do not verify over the very fields the
// suite expects, and where the suite's later messages carry a set that an
// earlier case makes, the seal there is another. So a b= that differs counts as
// right if ours verifies and the suite's does not.
func RunARCSigningSuite(path string) (passed, total int, failures []string, err error) {
	return eachARC(path, func(doc *arcDocument, _ string, t arcTest) string {
		return doc.sign(t)
	})
}

func (doc *arcDocument) sign(t arcTest) string {
	block, _ := pem.Decode([]byte(doc.PrivateKey))
	if block == nil {
		return "the suite holds no key"
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return err.Error()
	}
	seconds, _ := strconv.ParseInt(t.Time, 10, 64)
	s := arc.Sealer{Domain: doc.Domain, Selector: doc.Selector, Key: key, ServID: t.ServID, Headers: strings.Split(t.SigHeaders, ":")}
	got, err := s.Seal(dkim.Split([]byte(t.Message)), chainStatus(t), time.Unix(seconds, 0))
	switch {
	case errors.Is(err, arc.ErrNoSeal) && strings.TrimSpace(t.AS) == "":
		return ""
	case err != nil:
		return err.Error()
	}
	return doc.compare(t, got)
}

func (doc *arcDocument) compare(t arcTest, got [3]string) string {
	want := [3]string{"ARC-Seal: " + t.AS, "ARC-Message-Signature: " + t.AMS, "ARC-Authentication-Results: " + t.AAR}
	for i := 1; i < 3; i++ {
		if squeeze(got[i]) != squeeze(want[i]) {
			return fmt.Sprintf("%s, want %s", squeeze(got[i]), squeeze(want[i]))
		}
	}
	if squeeze(got[0]) == squeeze(want[0]) {
		return ""
	}
	if cutB(got[0]) != cutB(want[0]) {
		return fmt.Sprintf("%s, want %s", squeeze(got[0]), squeeze(want[0]))
	}
	if !doc.sealHolds(t, got) {
		return "our seal does not verify"
	}
	if doc.sealHolds(t, want) {
		return "the suite's seal is another, and verifies"
	}
	return ""
}

// sealHolds verifies a set on top of its message. The seal of a failed chain
// stands for its own set only (RFC 8617 §5.1.2).
func (doc *arcDocument) sealHolds(t arcTest, set [3]string) bool {
	var top strings.Builder
	for _, field := range set {
		top.WriteString(strings.ReplaceAll(strings.TrimSpace(field), "\n", "\n ") + "\n")
	}
	if chainStatus(t) != arc.Fail {
		return arc.Validate(context.Background(), dkim.Split([]byte(top.String()+t.Message)), doc.zone()).Status == arc.Pass
	}
	fields := dkim.Split([]byte(top.String())).Fields
	tags, err := dkim.ParseSeal(&fields[0])
	if err != nil {
		return false
	}
	return dkim.VerifySeal(context.Background(), []*dkim.Field{&fields[2], &fields[1]}, &fields[0], tags, doc.zone()) == nil
}

// chainStatus is what the suite's Authentication-Results say of the chain.
func chainStatus(t arcTest) arc.Status {
	_, rest, _ := strings.Cut(t.Message, "arc=")
	for _, s := range []arc.Status{arc.Pass, arc.Fail} {
		if strings.HasPrefix(rest, string(s)) {
			return s
		}
	}
	return arc.None
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// cutB drops the value of b=.
func cutB(s string) string {
	head, rest, _ := strings.Cut(squeeze(s), ";b=")
	_, tail, _ := strings.Cut(rest, ";")
	return head + ";" + tail
}
