package pack

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// A STIX 2.1 bundle carries a pack as an artifact: bytes with a media type and their hash
// (§6.2), and beside it an identity and a note that say in words what the header says.

// MediaType is a pack's.
const MediaType = "application/vnd.portcullis.pack"

// stixNamespace is that of deterministic ids (STIX 2.1 §2.9).
var stixNamespace = [16]byte{0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7}

// tlpDefinitions are the marking definitions of TLP 2.0.
var tlpDefinitions = map[string]string{
	"TLP:CLEAR":        "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
	"TLP:GREEN":        "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
	"TLP:AMBER":        "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
	"TLP:AMBER+STRICT": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
	"TLP:RED":          "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}

type stixBundle struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Objects []any  `json:"objects"`
}

type stixArtifact struct {
	Type       string            `json:"type"`
	Spec       string            `json:"spec_version"`
	ID         string            `json:"id"`
	Marking    []string          `json:"object_marking_refs,omitempty"`
	MIME       string            `json:"mime_type"`
	PayloadBin string            `json:"payload_bin"`
	Hashes     map[string]string `json:"hashes"`
}

type stixNote struct {
	Type     string   `json:"type"`
	Spec     string   `json:"spec_version"`
	ID       string   `json:"id"`
	By       string   `json:"created_by_ref"`
	Created  string   `json:"created"`
	Modified string   `json:"modified"`
	Marking  []string `json:"object_marking_refs,omitempty"`
	Abstract string   `json:"abstract"`
	Content  string   `json:"content"`
	Refs     []string `json:"object_refs"`
}

type stixIdentity struct {
	Type     string `json:"type"`
	Spec     string `json:"spec_version"`
	ID       string `json:"id"`
	Created  string `json:"created"`
	Modified string `json:"modified"`
	Name     string `json:"name"`
	Class    string `json:"identity_class"`
}

// Bundle wraps a pack, whose signature stays as it is, in a STIX 2.1 bundle. The same pack
// gives the same bundle.
func Bundle(raw []byte) ([]byte, error) {
	h, digest, err := Describe(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	made := h.Created.UTC().Format("2006-01-02T15:04:05.000Z")
	marking := []string{tlpDefinitions[h.TLP]}
	artifact := stixArtifact{
		Type: "artifact", Spec: "2.1", ID: "artifact--" + uuid5(`{"hashes":{"SHA-256":"`+digest+`"}}`), Marking: marking,
		MIME: MediaType, PayloadBin: base64.StdEncoding.EncodeToString(raw), Hashes: map[string]string{"SHA-256": digest},
	}
	issuer := stixIdentity{Type: "identity", Spec: "2.1", ID: "identity--" + uuid5("portcullis issuer "+h.Key), Created: made, Modified: made, Name: h.Issuer, Class: "organization"}
	about := stixNote{
		Type: "note", Spec: "2.1", ID: "note--" + uuid5("portcullis pack note "+digest), By: issuer.ID, Created: made, Modified: made, Marking: marking,
		Abstract: "Sealed pack of indicators: " + h.For,
		Content: fmt.Sprintf("%s, signed with the key %s, valid until %s, %s indicators. The artifact holds the pack as it was signed; docs/PACK.md of Portcullis describes the format.",
			h.Issuer, h.Key, h.Until.UTC().Format(time.RFC3339), h.countText()),
		Refs: []string{artifact.ID},
	}
	bundle := stixBundle{Type: "bundle", ID: "bundle--" + uuid5("portcullis pack bundle "+digest), Objects: []any{issuer, artifact, about}}
	out, err := json.MarshalIndent(bundle, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the bundle: %w", err)
	}
	return append(out, '\n'), nil
}

// uuid5 is a name-based UUID (RFC 9562 §5.5).
func uuid5(name string) string {
	h := sha1.New()
	h.Write(stixNamespace[:])
	h.Write([]byte(name))
	u := h.Sum(nil)[:16]
	u[6], u[8] = u[6]&0x0f|0x50, u[8]&0x3f|0x80
	s := hex.EncodeToString(u)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// Unwrap gives the pack that a bundle carries, and what is no bundle as it is.
func Unwrap(raw []byte) ([]byte, error) {
	if !looksLikeBundle(raw) {
		return raw, nil
	}
	return fromBundle(raw)
}

func looksLikeBundle(raw []byte) bool {
	raw = bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(raw) > 0 && raw[0] == '{'
}

// fromBundle finds the one pack in a bundle.
func fromBundle(raw []byte) ([]byte, error) {
	var bundle struct {
		Objects []json.RawMessage `json:"objects"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), &bundle); err != nil {
		return nil, formatError("it begins like a STIX bundle and is none: %w", err)
	}
	var found []byte
	for _, object := range bundle.Objects {
		var o stixArtifact
		if json.Unmarshal(object, &o) != nil || o.Type != "artifact" || o.MIME != MediaType {
			continue // another object, of whatever shape
		}
		if found != nil {
			return nil, formatError("the bundle carries more than one pack; take them apart")
		}
		pack, err := base64.StdEncoding.DecodeString(o.PayloadBin)
		if err != nil || len(pack) == 0 {
			return nil, formatError("the bundle's artifact is not base64")
		}
		if want := o.Hashes["SHA-256"]; want != "" && want != digestOf(pack) {
			return nil, ErrAltered
		}
		found = pack
	}
	if found == nil {
		return nil, formatError("the bundle carries no pack (an artifact of the media type %s)", MediaType)
	}
	return found, nil
}
