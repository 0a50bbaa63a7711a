package portcullis

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// ID names a thing: its kind, a colon, and 128 bits of a hash over its natural
// key, so that the same input always gets the same id.
type ID string

// NewID derives an id of the kind from the parts of a natural key. The parts
// are length-prefixed: ("ab","c") and ("a","bc") differ.
func NewID(kind string, parts ...string) ID {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return ID(kind + ":" + hex.EncodeToString(h.Sum(nil)[:16]))
}

// Kind is what stands before the colon.
func (id ID) Kind() string {
	kind, _, _ := strings.Cut(string(id), ":")
	return kind
}

// ObservableType is one of the kinds of value an event can hold.
type ObservableType string

// The types, named after the OCSF observable types they stand for.
const (
	TypeDomain    ObservableType = "domain"     // A-labels, lower case, no trailing dot
	TypeURL       ObservableType = "url"        // scheme and host lower case, A-labels, fragment dropped
	TypeEmail     ObservableType = "email"      // lower case, domain in A-labels
	TypeIP        ObservableType = "ip"         // netip.Addr.String, IPv4-mapped unmapped
	TypeCIDR      ObservableType = "cidr"       // netip.Prefix, masked
	TypeHash      ObservableType = "hash"       // hex, lower case; length tells MD5, SHA-1, SHA-256
	TypeSubject   ObservableType = "subject"    // decoded, NFKC, case folded, spaces joined, Re:/Fwd: removed
	TypeMessageID ObservableType = "message-id" // without angle brackets
	TypeFileName  ObservableType = "filename"   // decoded, NFC
)

// Observable is a typed value in canonical form.
type Observable struct {
	Type  ObservableType `json:"type"`
	Value string         `json:"value"`
}

func (o Observable) String() string { return string(o.Type) + ":" + o.Value }

// Confidence is 1–100 as in STIX 2.1; 0 means not stated.
type Confidence uint8

// Severity uses OCSF's severity_id.
type Severity uint8

const (
	SeverityUnknown Severity = iota
	Informational
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"unknown", "informational", "low", "medium", "high", "critical"}

func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// ParseSeverity reads the word that String writes.
func ParseSeverity(word string) (Severity, error) {
	for i, name := range severityNames {
		if name == word {
			return Severity(i), nil
		}
	}
	return 0, fmt.Errorf("severity %q: want one of %s", word, strings.Join(severityNames[1:], ", "))
}

// MarshalText writes the word, so that stored and printed forms need no table.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Severity) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSeverity(string(b))
	return err
}

// Action is what a gate would do with a message.
type Action uint8

const (
	Undecided Action = iota
	Pass             // deliver as it is
	Tag              // deliver, marked; nobody needs to look
	Hold             // keep back until a person has looked
	Refuse           // reject during SMTP
)

var actionNames = [...]string{"undecided", "pass", "tag", "hold", "refuse"}

func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("action(%d)", uint8(a))
}

// MarshalText writes the word.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the word that MarshalText writes.
func (a *Action) UnmarshalText(b []byte) error {
	for i, name := range actionNames {
		if name == string(b) {
			*a = Action(i)
			return nil
		}
	}
	return fmt.Errorf("action %q: want one of %s", b, strings.Join(actionNames[1:], ", "))
}

var attentionNames = [...]string{"ordinary", "targeted"}

func (a Attention) String() string {
	if int(a) < len(attentionNames) {
		return attentionNames[a]
	}
	return fmt.Sprintf("attention(%d)", uint8(a))
}

// MarshalText writes the word.
func (a Attention) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the word that MarshalText writes.
func (a *Attention) UnmarshalText(b []byte) error {
	for i, name := range attentionNames {
		if name == string(b) {
			*a = Attention(i)
			return nil
		}
	}
	return fmt.Errorf("attention %q: want ordinary or targeted", b)
}
