package dkim

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// Status is what became of a signature, in words of RFC 8601 §2.7.1, or Unknown.
type Status string

// The states.
const (
	Pass      Status = "pass"
	Fail      Status = "fail"
	Policy    Status = "policy"
	TempError Status = "temperror"
	PermError Status = "permerror"
	Unknown   Status = "unknown" // the key is not at hand
)

// BodyState is what the body hash says; no key is needed to know it.
type BodyState uint8

// The states of a body.
const (
	BodyUnchecked BodyState = iota
	BodyMatch
	BodyPrefix // the first l= octets match, and there are more
	BodyMismatch
)

// Error is why a signature did not verify.
type Error struct {
	Status Status
	Reason string
}

func (e *Error) Error() string { return string(e.Status) + ": " + e.Reason }

func failed(status Status, format string, args ...any) *Error {
	return &Error{status, fmt.Sprintf(format, args...)}
}

// maxHeaders bounds h=.
const maxHeaders = 1000

// Signature is a DKIM-Signature or an ARC-Message-Signature taken apart.
type Signature struct {
	Field     *Field
	Tags      Tags
	Domain    string
	Selector  string
	Algorithm string // a=
	Identity  string // i= of DKIM, "@d" where it is missing
	Headers   []string
	Signed    time.Time
	Expires   time.Time
	Length    int64 // l=; -1: all

	canon       canonicalization
	hash        crypto.Hash
	bodyHash, b []byte
}

// ParseSignature reads the tags that DKIM and ARC have in common and checks
// them (RFC 6376 §6.1.1). A Signature comes back even with an error, as far as
// it could be read.
func ParseSignature(f *Field) (*Signature, *Error) {
	s := &Signature{Field: f, Length: -1}
	tags, err := ParseTags(string(f.Value))
	if err != nil {
		return s, failed(PermError, "%v", err)
	}
	s.Tags = tags
	s.Domain, s.Selector, s.Algorithm = lookup.ASCII(tags.value("d")), tags.value("s"), tags.value("a")
	if e := s.parseNames(); e != nil {
		return s, e
	}
	return s, s.parseValues()
}

func (s *Signature) parseNames() *Error {
	switch {
	case !ValidDomain(s.Domain):
		return failed(PermError, "d=%q is no domain", clip(s.Domain))
	case !ValidDomain(s.Selector + ".x"):
		return failed(PermError, "s=%q is no selector", clip(s.Selector))
	}
	for name := range strings.SplitSeq(s.Tags.value("h"), ":") {
		if len(s.Headers) == maxHeaders {
			return failed(PermError, "h= has more than %d names", maxHeaders)
		}
		if name != "" {
			s.Headers = append(s.Headers, strings.ToLower(name))
		}
	}
	if len(s.Headers) == 0 {
		return failed(PermError, "h= is missing or empty")
	}
	return nil
}

func (s *Signature) parseValues() *Error {
	var err, errX error
	s.Signed, err = s.Tags.timestamp("t")
	s.Expires, errX = s.Tags.timestamp("x")
	if err = errors.Join(err, errX); err != nil {
		return failed(PermError, "%v", err)
	}
	if l, ok := s.Tags.Get("l"); ok {
		n, err := strconv.ParseInt(l, 10, 64)
		if err != nil || n < 0 {
			return failed(PermError, "l=%q is no length", clip(l))
		}
		s.Length = n
	}
	if !s.Expires.IsZero() && s.Expires.Before(s.Signed) {
		return failed(PermError, "x= lies before t=")
	}
	if c, ok := s.Tags.Get("c"); ok {
		if s.canon, ok = parseCanonicalization(c); !ok {
			return failed(PermError, "c=%q is not known", clip(c))
		}
	}
	return s.parseHashes()
}

func (s *Signature) parseHashes() *Error {
	var err error
	if s.bodyHash, err = s.Tags.base64("bh"); err != nil {
		return failed(PermError, "%v", err)
	}
	if s.b, err = s.Tags.base64("b"); err != nil {
		return failed(PermError, "%v", err)
	}
	switch s.Algorithm {
	case "rsa-sha256", "ed25519-sha256":
		s.hash = crypto.SHA256
	case "rsa-sha1":
		s.hash = crypto.SHA1
		return failed(PermError, "a=rsa-sha1 must not be used any more (RFC 8301 §3.1)")
	default:
		return failed(PermError, "a=%q is not known", clip(s.Algorithm))
	}
	return nil
}

// ValidDomain tells whether s can be a domain name of at least two labels.
// Underscores and UTF-8 (RFC 8616) are let through.
func ValidDomain(s string) bool {
	if len(s) > 253 || strings.IndexByte(s, '.') < 0 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if c < 0x80 && c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
		}
	}
	return true
}

// Covers returns how often h= names a field (lower case).
func (s *Signature) Covers(name string) int {
	n := 0
	for _, h := range s.Headers {
		if h == name {
			n++
		}
	}
	return n
}

// bodyKey is how the body is hashed; false where the algorithm is not known.
func (s *Signature) bodyKey() (bodyKey, bool) {
	return bodyKey{s.canon.bodyRelaxed, s.hash}, s.hash != 0 && s.bodyHash != nil
}

// Announce tells the message which sums of its body will be asked for, so that
// it is read once for many signatures.
func (s *Signature) Announce(m *Message) {
	if key, ok := s.bodyKey(); ok {
		m.want(key, s.Length)
	}
}

// Body compares the body with bh=. It needs no DNS.
func (s *Signature) Body(m *Message) BodyState {
	key, ok := s.bodyKey()
	if !ok {
		return BodyUnchecked
	}
	m.want(key, s.Length)
	sum := m.sum(key)
	got := sum.full
	if s.Length >= 0 && s.Length != sum.length {
		got = sum.prefix[s.Length] // nil where l= is more than there is: RFC 6376 §3.5
	}
	switch {
	case !bytes.Equal(got, s.bodyHash):
		return BodyMismatch
	case s.Length >= 0 && s.Length < sum.length:
		return BodyPrefix
	default:
		return BodyMatch
	}
}

// Verify fetches the key and checks the signature over the header. The body
// is Body's business.
func (s *Signature) Verify(ctx context.Context, m *Message, r lookup.Resolver) (*Key, *Error) {
	key, e := s.fetch(ctx, r)
	if e != nil {
		return key, e
	}
	h := s.hash.New()
	h.Write(s.data(m))
	if err := key.verify(h.Sum(nil), s.b); err != nil {
		return key, failed(Fail, "the header is not what was signed, or not by this key")
	}
	return key, nil
}

func (s *Signature) fetch(ctx context.Context, r lookup.Resolver) (*Key, *Error) {
	key, e := fetchFor(ctx, r, s.Domain, s.Selector, s.Algorithm)
	if e != nil {
		return key, e
	}
	if key.Strict && s.Identity != "" && lookup.ASCII(s.Identity[strings.LastIndexByte(s.Identity, '@')+1:]) != s.Domain {
		return key, failed(PermError, "the key is for d= itself, i= names a subdomain (t=s)")
	}
	return key, nil
}

// fetchFor fetches a key and checks that it serves for an algorithm.
func fetchFor(ctx context.Context, r lookup.Resolver, domain, selector, algorithm string) (*Key, *Error) {
	if r == nil {
		return nil, failed(Unknown, "the key was not asked for")
	}
	key, err := FetchKey(ctx, r, domain, selector)
	switch {
	case errors.Is(err, lookup.ErrUnknown):
		return nil, failed(Unknown, "%v", err)
	case errors.Is(err, lookup.ErrTemporary):
		return nil, failed(TempError, "%v", err)
	case err != nil:
		return key, failed(PermError, "key: %v", err)
	}
	keyAlg, hash, _ := strings.Cut(algorithm, "-")
	switch {
	case key.Algorithm != keyAlg:
		return key, failed(PermError, "the key is for %s, the signature uses %s", clip(key.Algorithm), clip(keyAlg))
	case key.Hashes != nil && !listHas(strings.Join(key.Hashes, ":"), hash):
		return key, failed(PermError, "the key does not admit %s", clip(hash))
	case !key.Email:
		return key, failed(PermError, "the key is not for mail (s=)")
	}
	return key, nil
}

// data is what was signed: the named fields, then the signature's own field
// with an empty b= (RFC 6376 §3.7).
func (s *Signature) data(m *Message) []byte {
	dst := s.appendHeaders(make([]byte, 0, 4096), m)
	bare := withoutB(s.Field, s.Tags)
	return s.canon.appendField(dst, &bare)
}

// appendHeaders appends the fields of h=, each name taken from the bottom up;
// one that is not there counts as empty (§5.4.2).
func (s *Signature) appendHeaders(dst []byte, m *Message) []byte {
	used := make(map[string]int, len(s.Headers))
	for _, name := range s.Headers {
		at := m.named()[name]
		used[name]++
		if n := len(at) - used[name]; n >= 0 {
			dst = append(s.canon.appendField(dst, &m.Fields[at[n]]), '\r', '\n')
		}
	}
	return dst
}

// withoutB is a field with the value of its b= tag cut out.
func withoutB(f *Field, tags Tags) Field {
	b := tags.find("b")
	if b == nil {
		return *f
	}
	prefix := len(f.Text) - len(f.Value)
	text := make([]byte, 0, len(f.Text))
	text = append(text, f.Text[:prefix+b.From]...)
	text = append(text, f.Text[prefix+b.To:]...)
	bare := *f
	bare.Text, bare.Value = text, text[prefix:]
	return bare
}
