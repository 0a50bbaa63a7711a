package oauth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
)

// Clocks differ. An assertion is good from a little before now, for as long as the provider takes it.
const (
	clockSlack    = 30 * time.Second
	assertionLife = 5 * time.Minute
	delegatedLife = 30 * time.Minute // Google takes up to an hour
	minKeyBits    = 2048
)

// assertion signs who the application is, for Microsoft: PS256, and the certificate's SHA-256 in the header.
func (c *Client) assertion(now time.Time) (string, error) {
	key, certificate, err := c.pair()
	if err != nil {
		return "", err
	}
	if now.After(certificate.NotAfter) {
		return "", fmt.Errorf("the certificate ended on %s; make a new one, and add it to the application", certificate.NotAfter.UTC().Format("2 Jan 2006"))
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return "", fmt.Errorf("random number: %w", err)
	}
	thumbprint := sha256.Sum256(certificate.Raw)
	header := map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(thumbprint[:])}
	claims := map[string]any{
		"aud": c.cfg.tokenURL(), "iss": c.cfg.ClientID, "sub": c.cfg.ClientID, "jti": base64.RawURLEncoding.EncodeToString(id),
		"nbf": now.Add(-clockSlack).Unix(), "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	}
	return sign(key, header, claims)
}

// pair reads key and certificate, which must belong together.
func (c *Client) pair() (*rsa.PrivateKey, *x509.Certificate, error) {
	raw, err := remote.Secret(c.cfg.KeyFile).Bytes()
	if err != nil {
		return nil, nil, err
	}
	key, err := rsaKey(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("key_file %s: %w", c.cfg.KeyFile, err)
	}
	file := c.cfg.KeyFile
	if c.cfg.CertificateFile != "" {
		file = c.cfg.CertificateFile
		if raw, err = os.ReadFile(file); err != nil {
			return nil, nil, fmt.Errorf("certificate_file: %w", err)
		}
	}
	block := find(raw, "CERTIFICATE")
	if block == nil {
		return nil, nil, fmt.Errorf("%s holds no certificate in PEM; name it with certificate_file", file)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("the certificate in %s: %w", file, err)
	}
	if public, ok := certificate.PublicKey.(*rsa.PublicKey); !ok || !public.Equal(&key.PublicKey) {
		return nil, nil, fmt.Errorf("the certificate in %s is not that of the key in %s", file, c.cfg.KeyFile)
	}
	return key, certificate, nil
}

func find(raw []byte, kinds ...string) *pem.Block {
	for {
		block, rest := pem.Decode(raw)
		if block == nil {
			return nil
		}
		for _, kind := range kinds {
			if block.Type == kind {
				return block
			}
		}
		raw = rest
	}
}

// rsaKey reads a key. What the parser says of one that is broken is not told: it was made of a secret.
func rsaKey(raw []byte) (*rsa.PrivateKey, error) {
	block := find(raw, "PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY")
	if block == nil {
		return nil, errors.New("it holds no private key in PEM")
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("the key is encrypted; take the password off (openssl pkey), for nobody is there to type it")
	}
	var parsed any
	var err error
	if block.Type == "RSA PRIVATE KEY" {
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	} else {
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	switch {
	case err != nil && block.Type != "EC PRIVATE KEY":
		return nil, errors.New("the private key is damaged")
	case !ok:
		return nil, errors.New("the private key is not RSA, which is what the provider takes")
	case key.N.BitLen() < minKeyBits:
		return nil, fmt.Errorf("the private key has %d bits; want at least %d", key.N.BitLen(), minKeyBits)
	}
	return key, nil
}

// serviceAccount is what is used of a key file of Google's. Its token_uri is not: the file comes from elsewhere, and
// where secrets are sent is for the configuration to say.
type serviceAccount struct {
	Type  string `json:"type"`
	Email string `json:"client_email"`
	Key   string `json:"private_key"`
	KeyID string `json:"private_key_id"`
}

// delegated signs that the service account acts for a mailbox.
func (c *Client) delegated(subject, scope string) (string, error) {
	raw, err := remote.Secret(c.cfg.ServiceAccountFile).Bytes()
	if err != nil {
		return "", err
	}
	var account serviceAccount
	if json.Unmarshal(raw, &account) != nil || account.Type != "service_account" || account.Email == "" {
		return "", fmt.Errorf("service_account_file %s is no JSON key of a service account", c.cfg.ServiceAccountFile)
	}
	key, err := rsaKey([]byte(account.Key))
	if err != nil {
		return "", fmt.Errorf("service_account_file %s: %w", c.cfg.ServiceAccountFile, err)
	}
	now := time.Now()
	header := map[string]any{"alg": "RS256", "typ": "JWT", "kid": account.KeyID}
	claims := map[string]any{
		"iss": account.Email, "sub": subject, "scope": scope, "aud": c.cfg.tokenURL(),
		"iat": now.Add(-clockSlack).Unix(), "exp": now.Add(delegatedLife).Unix(),
	}
	return sign(key, header, claims)
}

// sign makes a JWT (RFC 7519, RFC 7515 §7.1).
func sign(key *rsa.PrivateKey, header, claims map[string]any) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("encode the header of an assertion: %w", err)
	}
	b, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode an assertion: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(b)
	digest := sha256.Sum256([]byte(text))
	var options crypto.SignerOpts = crypto.SHA256
	if header["alg"] == "PS256" { // RFC 7518 §3.5: the salt is as long as the hash
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	signature, err := key.Sign(rand.Reader, digest[:], options)
	if err != nil {
		return "", fmt.Errorf("sign an assertion: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
