package authn

import (
	"context"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"portcullis.example/portcullis/internal/mail/authn/dkim"
)

// clockSkew is how far in the future a signature may have been made.
const clockSkew = 24 * time.Hour

// reportDKIM turns verifications into results.
func (e *evaluation) reportDKIM(ctx context.Context, signatures []dkim.Verification) {
	for i := range signatures {
		v := &signatures[i]
		d := DKIMResult{
			Result: Result(v.Status), Domain: text(v.Domain), Selector: text(v.Selector), Identity: text(v.Identity),
			Algorithm: text(v.Algorithm), Reason: text(v.Reason), BodyHash: bodyHash(v.Body),
			SignedFrom: v.Covers("from") > 0, Signed: v.Signed, Expires: v.Expires,
			Start: v.Field.Start, End: v.Field.End,
		}
		if v.Key != nil {
			d.KeyBits = v.Key.Bits
		}
		d.Oversigned = v.Covers("from") > e.m.Count("from")
		d.Aligned = e.aligned(ctx, d.Domain)
		d.Flags = e.flags(v, &d)
		if d.Result == Unknown {
			e.unknown("DKIM signature of %s: key %s._domainkey.%s was not asked for", d.Domain, d.Selector, d.Domain)
		}
		e.DKIM = append(e.DKIM, d)
	}
}

// flags names the weaknesses of a signature, in a fixed order.
func (e *evaluation) flags(v *dkim.Verification, d *DKIMResult) []string {
	at := e.in.Received
	from := v.Covers("from")
	var flags []string
	for _, w := range [...]struct {
		is   bool
		flag string
	}{
		{v.Length >= 0, FlagBodyLength},
		{!at.IsZero() && !v.Expires.IsZero() && at.After(v.Expires), FlagExpired},
		{!at.IsZero() && v.Signed.After(at.Add(clockSkew)), FlagFuture},
		{from == 0, FlagUnsigned},
		{strings.HasSuffix(v.Algorithm, "-sha1"), FlagSHA1},
		{v.Key != nil && v.Key.Weak(), FlagWeakKey},
		{v.Key != nil && v.Key.Testing, FlagTestKey},
		{from > 0 && e.m.Count("from") > from, FlagSecondFrom},
		{d.Aligned == AlignedNo && len(e.authors) > 0, FlagThirdParty},
		{v.Covers("subject") == 0 && e.m.Count("subject") > 0, FlagSubjectOpen},
	} {
		if w.is {
			flags = append(flags, w.flag)
		}
	}
	return flags
}

func bodyHash(b dkim.BodyState) BodyHash {
	switch b {
	case dkim.BodyMatch:
		return BodyMatch
	case dkim.BodyPrefix:
		return BodyPrefix
	case dkim.BodyMismatch:
		return BodyMismatch
	default:
		return BodyUnknown
	}
}

// registered is the domain directly below a public suffix. It stands in for the
// organisational domain where the DNS cannot be asked.
func registered(domain string) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return d
	}
	return domain
}
