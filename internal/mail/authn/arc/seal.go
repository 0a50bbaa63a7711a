package arc

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/authn/dkim"
)

// Sealer adds a set to the messages of one administrative domain (RFC 8617 §5.1).
type Sealer struct {
	Domain, Selector string
	Key              crypto.Signer // RSA or Ed25519
	ServID           string        // whose Authentication-Results are sealed
	Headers          []string      // that the message signature covers; From must be among them
}

// ErrNoSeal says that a message is not to be sealed: its chain has failed
// already, or is as long as it may be (§5.1 step 1, §4.2.1).
var ErrNoSeal = errors.New("the chain takes no further set")

// Seal returns the three fields to put on top of a message: seal, message
// signature, results, in this order, each ending in CRLF. status is what
// validating the chain came to, found by the caller since it may have known more
// than the DNS knows now.
func (s *Sealer) Seal(m *dkim.Message, status Status, now time.Time) ([3]string, error) {
	sets, res := collect(m)
	n := len(sets)
	switch {
	case n >= MaxSets, n > 0 && sets[n-1].declaredFailed():
		return [3]string{}, ErrNoSeal
	case res.Status == Fail && status != Fail:
		return [3]string{}, fmt.Errorf("seal: the chain is broken (%s) and cannot be %s", res.Reason, status)
	}
	results := s.results(m, n+1)
	signature, err := s.message(m, n+1, now)
	if err != nil {
		return [3]string{}, err
	}
	seal, err := s.seal(sets, status, results, signature, now)
	return [3]string{seal, signature, results}, err
}

// declaredFailed tells whether the newest seal says cv=fail.
func (s *set) declaredFailed() bool {
	if s.seal == nil {
		return false
	}
	tags, err := dkim.ParseTags(string(s.seal.Value))
	if err != nil {
		return false
	}
	cv, _ := tags.Get("cv")
	return cv == string(Fail)
}

// results gathers the results of ServID into one field (§4.1.1).
func (s *Sealer) results(m *dkim.Message, instance int) string {
	var parts []string
	for i := range m.Fields {
		f := &m.Fields[i]
		if !f.Is("Authentication-Results") {
			continue
		}
		id, rest, ok := strings.Cut(strings.Join(strings.Fields(string(f.Value)), " "), ";")
		if ok && strings.EqualFold(strings.TrimSpace(id), s.ServID) {
			parts = append(parts, strings.TrimSpace(rest))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	return fmt.Sprintf("%s: i=%d; %s; %s\r\n", fieldResults, instance, s.ServID, strings.Join(parts, "; "))
}

// message makes the ARC-Message-Signature, relaxed/relaxed (§4.1.2).
func (s *Sealer) message(m *dkim.Message, instance int, now time.Time) (string, error) {
	algorithm, err := s.algorithm()
	if err != nil {
		return "", err
	}
	bare := fmt.Sprintf("%s: a=%s;\r\n b=; bh=%s; c=relaxed/relaxed;\r\n d=%s; h=%s;\r\n i=%d; s=%s; t=%d\r\n",
		fieldMessage, algorithm, base64.StdEncoding.EncodeToString(m.RelaxedBodyHash()),
		s.Domain, strings.Join(s.Headers, ":"), instance, s.Selector, now.Unix())
	field := dkim.Split([]byte(bare)).Fields[0]
	data := m.AppendSigned(nil, s.Headers)
	return s.sign(bare, dkim.AppendRelaxed(data, &field))
}

// seal makes the ARC-Seal over all sets and the new one. A failed chain is
// sealed without the sets before, which cannot be relied on (§5.1.2).
func (s *Sealer) seal(sets []set, status Status, results, signature string, now time.Time) (string, error) {
	algorithm, err := s.algorithm()
	if err != nil {
		return "", err
	}
	bare := fmt.Sprintf("%s: a=%s;\r\n b=; cv=%s; d=%s; i=%d; s=%s;\r\n t=%d\r\n",
		fieldSeal, algorithm, status, s.Domain, len(sets)+1, s.Selector, now.Unix())
	added := dkim.Split([]byte(results + signature + bare)).Fields
	var fields []*dkim.Field
	if status != Fail {
		for i := range sets {
			fields = append(fields, sets[i].results, sets[i].message, sets[i].seal)
		}
	}
	fields = append(fields, &added[0], &added[1])
	tags, err := dkim.ParseTags(string(added[2].Value))
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return s.sign(bare, dkim.SealedData(fields, &added[2], tags))
}

func (s *Sealer) algorithm() (string, error) {
	switch s.Key.Public().(type) {
	case *rsa.PublicKey:
		return "rsa-sha256", nil
	case ed25519.PublicKey:
		return "ed25519-sha256", nil
	default:
		return "", errors.New("seal: the key is neither RSA nor Ed25519")
	}
}

// sign puts the signature over data into the field's empty b=.
func (s *Sealer) sign(field string, data []byte) (string, error) {
	digest := crypto.SHA256.New()
	digest.Write(data)
	var opts crypto.SignerOpts = crypto.SHA256
	if _, ok := s.Key.Public().(ed25519.PublicKey); ok {
		opts = crypto.Hash(0) // the hash is what is signed (RFC 8463 §3)
	}
	sig, err := s.Key.Sign(rand.Reader, digest.Sum(nil), opts)
	if err != nil {
		return "", fmt.Errorf("seal: sign: %w", err)
	}
	return strings.Replace(field, " b=;", " b="+fold(base64.StdEncoding.EncodeToString(sig))+";", 1), nil
}

// fold breaks a signature into lines of 72 characters, the first shorter by "b=".
func fold(sig string) string {
	var b strings.Builder
	for width := 70; len(sig) > width; width = 72 {
		b.WriteString(sig[:width] + "\r\n ")
		sig = sig[width:]
	}
	return b.String() + sig
}
