// Package dkim verifies DomainKeys Identified Mail signatures: RFC 6376 with
// RFC 8301 (no SHA-1, no short keys) and RFC 8463 (Ed25519). It holds what ARC
// shares with DKIM, too: tag lists, canonical forms, keys.
//
// It is our own rather than go-msgauth's for three needs of looking back at
// old mail: time is an input (a library that reads the clock calls every old
// signature expired, and no verdict would replay), what the body hash says is
// known without the DNS, and stores that rewrote CRLF to LF must not break a
// signature. The tests sign with go-msgauth and compare verdicts with it.
package dkim

import (
	"context"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// MaxSignatures are verified in one message; more only cost (RFC 6376 §8.4).
const MaxSignatures = 16

// Verification is what became of one signature.
type Verification struct {
	*Signature
	Status Status
	Reason string
	Body   BodyState
	Key    *Key // nil where none could be had
}

// Verify checks every DKIM-Signature in the order of the header, at most
// MaxSignatures; one more says that there were more. now is when
// the message was received; a zero time leaves x= out of account. r may be
// nil: Status is then Unknown where no fault shows without a key.
func Verify(ctx context.Context, m *Message, r lookup.Resolver, now time.Time) []Verification {
	var out []Verification
	for i := range m.Fields {
		f := &m.Fields[i]
		if !f.Is("DKIM-Signature") {
			continue
		}
		v := Verification{}
		var e *Error
		if v.Signature, e = parse(f); len(out) >= MaxSignatures {
			e = failed(Policy, "more than %d signatures; this and all below are not looked at", MaxSignatures)
			v.Signature.hash = 0
		}
		out = append(out, v)
		out[len(out)-1].setError(e)
		if len(out) > MaxSignatures {
			break
		}
	}
	for i := range out { // all lengths first, so that the body is read once
		out[i].Announce(m)
	}
	for i := range out {
		out[i].verify(ctx, m, r, now)
	}
	return out
}

func (v *Verification) setError(e *Error) {
	if e != nil && v.Status == "" {
		v.Status, v.Reason = e.Status, e.Reason
	}
}

// parse reads a DKIM-Signature and checks what ARC does not have (RFC 6376 §6.1.1).
func parse(f *Field) (*Signature, *Error) {
	s, e := ParseSignature(f)
	if s.Tags == nil {
		return s, e
	}
	s.Identity = s.Tags.value("i")
	if s.Identity == "" {
		s.Identity = "@" + s.Domain
	}
	if e != nil {
		return s, e
	}
	domain := lookup.ASCII(s.Identity[strings.LastIndexByte(s.Identity, '@')+1:])
	v, _ := s.Tags.Get("v")
	q, hasQ := s.Tags.Get("q")
	switch {
	case v != "1":
		return s, failed(PermError, "v=%q is not 1", clip(v))
	case !strings.Contains(s.Identity, "@") || domain != s.Domain && !strings.HasSuffix(domain, "."+s.Domain):
		return s, failed(PermError, "i=%q is not of d=%s", clip(s.Identity), s.Domain)
	case s.Covers("from") == 0:
		return s, failed(PermError, "h= does not name From")
	case hasQ && !listHas(dropSpace(q), "dns/txt"):
		return s, failed(PermError, "q=%q is not known", clip(q))
	}
	return s, nil
}

// verify goes on where parsing found no fault: body, expiry, key, header.
func (v *Verification) verify(ctx context.Context, m *Message, r lookup.Resolver, now time.Time) {
	v.Body = v.Signature.Body(m)
	switch {
	case v.Status != "":
	case m.Truncated:
		v.setError(failed(PermError, "more than %d header fields", maxFields))
	case v.Body == BodyMismatch:
		v.setError(failed(Fail, "the body is not what was signed"))
	case !now.IsZero() && !v.Expires.IsZero() && now.After(v.Expires):
		v.setError(failed(PermError, "the signature had expired"))
	}
	if v.Status != "" {
		return
	}
	key, e := v.Signature.Verify(ctx, m, r)
	v.Key = key
	v.setError(e)
	if v.Body == BodyPrefix {
		v.setError(failed(Policy, "text stands behind the %d octets signed (l=)", v.Length))
	}
	if v.Status == "" {
		v.Status = Pass
	}
}
