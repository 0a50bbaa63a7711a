package synth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// Every signing domain has one Ed25519 key (RFC 8463), derived from its name,
// so that the zone that publishes it needs no state and signatures are
// deterministic. These keys protect nothing.

const dkimSelector = "s1"

func dkimKey(domain string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("synth signing key of " + domain))
	return ed25519.NewKeyFromSeed(seed[:])
}

// DKIMRecord is the TXT record that a signing domain publishes.
func DKIMRecord(domain string) (name, text string) {
	public := dkimKey(domain).Public().(ed25519.PublicKey)
	return dkimSelector + "._domainkey." + domain, "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
}

var signingDomain = regexp.MustCompile(`DKIM-Signature: [^\n]*; d=([^;]+);`)

// Zone publishes the keys of every domain that signed one of the mails: TXT
// records by owner name.
func Zone(mails []Mail) map[string]string {
	zone := map[string]string{}
	for _, m := range mails {
		for _, found := range signingDomain.FindAllSubmatch(m.Raw, -1) {
			name, text := DKIMRecord(string(found[1]))
			zone[name] = text
		}
	}
	return zone
}

// signedFields are those a sender commonly signs.
var signedFields = []string{"from", "to", "subject", "date", "message-id", "reply-to", "list-unsubscribe", "mime-version", "content-type"}

// dkimSign makes the DKIM-Signature line for a header and body, relaxed/relaxed (RFC 6376 §3.4).
func dkimSign(domain string, fields []string, body []byte) string {
	bodyHash := sha256.Sum256(relaxedBody(body))
	var names, signed []string
	for _, name := range signedFields {
		if i := slices.IndexFunc(fields, func(f string) bool { return fieldName(f) == name }); i >= 0 {
			names = append(names, name)
			signed = append(signed, relaxedField(fields[i])+"\r\n")
		}
	}
	line := "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=" + domain + "; s=" + dkimSelector +
		";\r\n h=" + strings.Join(names, ":") + ";\r\n bh=" + base64.StdEncoding.EncodeToString(bodyHash[:]) + ";\r\n b="
	data := sha256.Sum256([]byte(strings.Join(signed, "") + relaxedField(line)))
	return line + base64.StdEncoding.EncodeToString(ed25519.Sign(dkimKey(domain), data[:]))
}

func fieldName(field string) string {
	name, _, _ := strings.Cut(field, ":")
	return strings.ToLower(name)
}

// relaxedField is RFC 6376 §3.4.2.
func relaxedField(field string) string {
	name, value, _ := strings.Cut(field, ":")
	return strings.ToLower(strings.TrimSpace(name)) + ":" + strings.Join(strings.Fields(value), " ")
}

// relaxedBody is RFC 6376 §3.4.4.
func relaxedBody(body []byte) []byte {
	var b bytes.Buffer
	for line := range bytes.Lines(body) {
		line = bytes.TrimRight(bytes.TrimRight(line, "\r\n"), " \t")
		space := false
		for _, c := range line {
			if c == ' ' || c == '\t' {
				space = true
				continue
			}
			if space {
				b.WriteByte(' ')
				space = false
			}
			b.WriteByte(c)
		}
		b.WriteString("\r\n")
	}
	out := b.Bytes()
	for bytes.HasSuffix(out, []byte("\r\n\r\n")) {
		out = out[:len(out)-2]
	}
	if string(out) == "\r\n" {
		return nil
	}
	return out
}
