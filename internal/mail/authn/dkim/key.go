package dkim

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// minRSA and goodRSA are what verifiers must and signers should use (RFC 8301 §3.2).
const (
	minRSA  = 1024
	goodRSA = 2048
)

// maxRSA bounds the work that a key from the DNS can ask for.
const maxRSA = 16384

// Key is a public key record (RFC 6376 §3.6.1).
type Key struct {
	Algorithm string // "rsa" or "ed25519"
	Public    crypto.PublicKey
	Bits      int
	Hashes    []string // h=; nil: all
	Email     bool     // s= admits mail
	Testing   bool     // t=y
	Strict    bool     // t=s: i= must name the very domain of d=
}

// Errors of ParseKey that are not syntax.
var (
	ErrRevoked = errors.New("the key was revoked")
	ErrWeak    = fmt.Errorf("the RSA key has fewer than %d bits (RFC 8301 §3.2)", minRSA)
)

// ParseKey reads a key record.
func ParseKey(txt string) (*Key, error) {
	tags, err := ParseTags(txt)
	if err != nil {
		return nil, err
	}
	if v, ok := tags.Get("v"); ok && (v != "DKIM1" || tags[0].Name != "v") {
		return nil, errors.New("v= is not DKIM1, or not first")
	}
	p, ok := tags.Get("p")
	switch {
	case !ok:
		return nil, errors.New("p= is missing")
	case p == "":
		return nil, ErrRevoked
	}
	k := &Key{Algorithm: "rsa", Email: true}
	if v := tags.value("k"); v != "" {
		k.Algorithm = strings.ToLower(v)
	}
	if v := tags.value("h"); v != "" {
		k.Hashes = strings.Split(v, ":")
	}
	if v := tags.value("s"); v != "" {
		k.Email = listHas(v, "*") || listHas(v, "email")
	}
	k.Testing, k.Strict = listHas(tags.value("t"), "y"), listHas(tags.value("t"), "s")
	return k, k.decode(dropSpace(p))
}

func listHas(list, item string) bool {
	for s := range strings.SplitSeq(list, ":") {
		if s == item {
			return true
		}
	}
	return false
}

func (k *Key) decode(p string) error {
	der, err := base64.StdEncoding.DecodeString(p)
	if err != nil {
		return fmt.Errorf("p=: %w", err)
	}
	switch k.Algorithm {
	case "ed25519": // RFC 8463 §4.2
		if len(der) != ed25519.PublicKeySize {
			return fmt.Errorf("p=: %d bytes, want %d", len(der), ed25519.PublicKeySize)
		}
		k.Public, k.Bits = ed25519.PublicKey(der), 256
		return nil
	case "rsa":
		return k.decodeRSA(der)
	default:
		return fmt.Errorf("k=%s is not known", clip(k.Algorithm))
	}
}

// decodeRSA takes both forms that are in use: RFC 6376 §3.6.1 says
// RSAPublicKey, its example and nearly every key are SubjectPublicKeyInfo (erratum 3017).
func (k *Key) decodeRSA(der []byte) error {
	var pub *rsa.PublicKey
	if parsed, err := x509.ParsePKIXPublicKey(der); err == nil {
		pub, _ = parsed.(*rsa.PublicKey)
	} else if pub, err = x509.ParsePKCS1PublicKey(der); err != nil {
		return errors.New("p=: no RSA public key")
	}
	if pub == nil {
		return errors.New("p=: no RSA public key")
	}
	k.Public, k.Bits = pub, pub.N.BitLen()
	switch {
	case k.Bits < minRSA:
		return ErrWeak
	case k.Bits > maxRSA:
		return fmt.Errorf("p=: RSA key of %d bits", k.Bits)
	}
	return nil
}

// verify checks a signature over a hash. Ed25519 signs the hash, too (RFC 8463 §3).
func (k *Key) verify(digest, sig []byte) error {
	switch pub := k.Public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest, sig)
	case ed25519.PublicKey:
		if ed25519.Verify(pub, digest, sig) {
			return nil
		}
	}
	return errors.New("bad signature")
}

// FetchKey asks for the key of a selector. Records at the name that are no keys
// (a wildcard's, say) are passed over; two keys are an error (RFC 6376 §3.6.2.2).
// Where a key is weak or revoked it is returned with the error, if it could be read.
func FetchKey(ctx context.Context, r lookup.Resolver, domain, selector string) (*Key, error) {
	txts, err := r.LookupTXT(ctx, selector+"._domainkey."+domain)
	if err != nil {
		return nil, err
	}
	var key *Key
	keyErr := errors.New("no key record at the name")
	found := 0
	for _, txt := range txts {
		k, err := ParseKey(txt)
		if len(txts) > 1 && err != nil && !strings.Contains(txt, "p=") {
			continue
		}
		key, keyErr = k, err
		found++
	}
	if found > 1 {
		return nil, errors.New("more than one key record at the name")
	}
	return key, keyErr
}

// Weak tells whether the key is shorter than what signers should use (RFC 8301 §3.2).
func (k *Key) Weak() bool { return k.Algorithm == "rsa" && k.Bits < goodRSA }
