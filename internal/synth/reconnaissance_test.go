package synth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var resource = regexp.MustCompile(`https?://[^\s"'<>)]+`)

// remote lists what a copy links to and loads, wrappers undone; unsubscribe
// links don't count, since everybody's differ.
func remote(t *testing.T, m Mail) string {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := decoded(msg.Header, msg.Body)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, link := range resource.FindAllString(strings.ReplaceAll(text, "&amp;", "&"), -1) {
		link = unwrapped(link)
		if link != "" && !strings.Contains(link, "/u/") && !slices.Contains(all, link) {
			all = append(all, link)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func unwrapped(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return link
	}
	switch {
	case strings.HasSuffix(u.Host, "safelinks.protection.outlook.com"):
		return u.Query().Get("url")
	case u.Host == "linkprotect.cudasvc.com":
		return u.Query().Get("a")
	case u.Host == "urldefense.com":
		inner, _, _ := strings.Cut(strings.TrimPrefix(link, "https://urldefense.com/v3/__"), "__;")
		return inner
	case u.Host == "urldefense.proofpoint.com":
		escaped := u.Query().Get("u")
		plain, err := url.PathUnescape(strings.NewReplacer("-", "%", "_", "/").Replace(escaped))
		if err != nil {
			return escaped
		}
		return plain
	case u.Host == "protect-eu.mimecast.com":
		return ""
	}
	return link
}

// A campaign that could not tell its readers apart would be no campaign: every
// copy must differ from every other in what it links to or loads.
func TestCampaignsTrackEachReader(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	for _, seed := range []uint64{8, 9} {
		seen := map[string]map[string]bool{}
		copies := map[string]int{}
		for _, m := range Reconnaissance(seed, NewHouse(seed, 60), 24) {
			if m.Truth.Class != "reconnaissance" {
				continue
			}
			c := m.Truth.Campaign
			if seen[c] == nil {
				seen[c] = map[string]bool{}
			}
			seen[c][remote(t, m)] = true
			copies[c]++
		}
		if len(copies) != 24 {
			t.Errorf("seed %d: %d campaigns, want 24", seed, len(copies))
		}
		for c, n := range copies {
			if n < 2 || n > 50 || len(seen[c]) != n {
				t.Errorf("seed %d %s: %d copies, %d different", seed, c, n, len(seen[c]))
			}
		}
	}
}

// Half of the campaigns are groomed as careful attackers do it: signed,
// with a way to unsubscribe, and with earlier mail.
func TestHalfTheCampaignsAreGroomed(t *testing.T) {
	signed, history := map[string]bool{}, map[string]bool{}
	for _, m := range Reconnaissance(6, NewHouse(6, 60), 12) {
		switch m.Truth.Class {
		case "reconnaissance":
			if bytes.Contains(m.Raw, []byte("\r\nDKIM-Signature:")) {
				signed[m.Truth.Campaign] = true
			}
		case "reconnaissance/grooming":
			history[m.Truth.Campaign] = true
			if m.Truth.Malicious || !m.Truth.Background {
				t.Error("grooming counts as an attack")
			}
		}
	}
	if len(signed) != 6 || len(history) != 6 {
		t.Errorf("%d signed and %d with history, want 6 of 12", len(signed), len(history))
	}
}

// The signatures verify with the keys that Zone publishes, except where a
// wrapper changed the body on arrival.
func TestSignaturesVerify(t *testing.T) {
	mails := Everyday(2, NewHouse(2, 60), 200)
	zone := Zone(mails)
	signed, good := 0, 0
	for _, m := range mails {
		if !bytes.Contains(m.Raw, []byte("DKIM-Signature:")) {
			continue
		}
		signed++
		if verify(t, m.Raw, zone) {
			good++
		} else if !regexp.MustCompile(`safelinks|urldefense|cudasvc|mimecast`).MatchString(remoteRaw(t, m)) {
			t.Errorf("%s: signature does not verify", m.Path)
		}
	}
	if signed < 20 || good < signed/2 {
		t.Errorf("%d of %d signatures verify", good, signed)
	}
}

func remoteRaw(t *testing.T, m Mail) string {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := decoded(msg.Header, msg.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// verify is RFC 6376 §6.1 for the one form of signature made here.
func verify(t *testing.T, raw []byte, zone map[string]string) bool {
	t.Helper()
	head, body, _ := strings.Cut(string(raw), "\r\n\r\n")
	fields := strings.Split(regexp.MustCompile(`\r\n([ \t])`).ReplaceAllString(head, "$1"), "\r\n")
	i := slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, "DKIM-Signature:") })
	tags := map[string]string{}
	for tag := range strings.SplitSeq(strings.TrimPrefix(fields[i], "DKIM-Signature:"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(tag), "=")
		tags[name] = value
	}
	bodyHash := sha256.Sum256(relaxedBody([]byte(body)))
	if base64.StdEncoding.EncodeToString(bodyHash[:]) != tags["bh"] {
		return false
	}
	var data strings.Builder
	for name := range strings.SplitSeq(tags["h"], ":") {
		j := slices.IndexFunc(fields, func(f string) bool { return fieldName(f) == name })
		data.WriteString(relaxedField(fields[j]) + "\r\n")
	}
	data.WriteString(relaxedField(strings.TrimSuffix(fields[i], tags["b"])))
	sum := sha256.Sum256([]byte(data.String()))
	_, text, _ := strings.Cut(zone[tags["s"]+"._domainkey."+tags["d"]], "p=")
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := base64.StdEncoding.DecodeString(tags["b"])
	return err == nil && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, sum[:], signature)
}
