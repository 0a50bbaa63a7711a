package dkim

import (
	"context"
	"crypto"
	"strings"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// VerifySeal checks an ARC-Seal over the fields it seals, in the order in which
// RFC 8617 §5.1.1 puts them; the seal itself comes last. Seals are always in
// relaxed form and have no h= and no body.
func VerifySeal(ctx context.Context, sealed []*Field, seal *Field, tags Tags, r lookup.Resolver) *Error {
	algorithm := tags.value("a")
	if algorithm != "rsa-sha256" && algorithm != "ed25519-sha256" {
		return failed(PermError, "a=%q is not known", clip(algorithm))
	}
	b, err := tags.base64("b")
	if err != nil {
		return failed(PermError, "%v", err)
	}
	key, e := fetchFor(ctx, r, lookup.ASCII(tags.value("d")), tags.value("s"), algorithm)
	if e != nil {
		return e
	}
	h := crypto.SHA256.New()
	h.Write(SealedData(sealed, seal, tags))
	if key.verify(h.Sum(nil), b) != nil {
		return failed(Fail, "the header is not what was sealed, or not by this key")
	}
	return nil
}

// SealedData is what an ARC-Seal signs.
func SealedData(sealed []*Field, seal *Field, tags Tags) []byte {
	dst := make([]byte, 0, 2048)
	for _, f := range sealed {
		dst = append(AppendRelaxed(dst, f), '\r', '\n')
	}
	bare := withoutB(seal, tags)
	return AppendRelaxed(dst, &bare)
}

// ParseSeal reads the tags of an ARC-Seal (RFC 8617 §4.1.3).
func ParseSeal(f *Field) (Tags, *Error) {
	tags, err := ParseTags(string(f.Value))
	if err != nil {
		return nil, failed(PermError, "%v", err)
	}
	if _, err := tags.timestamp("t"); err != nil {
		return tags, failed(PermError, "%v", err)
	}
	switch {
	case tags.has("h"):
		return tags, failed(PermError, "h= must not be in a seal")
	case !ValidDomain(tags.value("d")):
		return tags, failed(PermError, "d=%q is no domain", clip(tags.value("d")))
	case !ValidDomain(tags.value("s") + ".x"):
		return tags, failed(PermError, "s=%q is no selector", clip(tags.value("s")))
	}
	return tags, nil
}

// RelaxedBodyHash is the SHA-256 of the body in relaxed form.
func (m *Message) RelaxedBodyHash() []byte {
	key := bodyKey{true, crypto.SHA256}
	m.want(key, -1)
	return m.sum(key).full
}

// AppendSigned appends the named fields in relaxed form, each name taken from
// the bottom up (RFC 6376 §5.4.2): what a signature covers before its own field.
func (m *Message) AppendSigned(dst []byte, names []string) []byte {
	s := Signature{canon: canonicalization{headerRelaxed: true}}
	for _, name := range names {
		s.Headers = append(s.Headers, strings.ToLower(name))
	}
	return s.appendHeaders(dst, m)
}
