package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/authn"
)

// Facts is everything judging a message needs besides its bytes. It is
// gathered before judging and stored by hash with the verdict, so that each
// revision replays byte for byte with the network off. What could not be known
// is in Unknown, never guessed.
type Facts struct {
	Schema     int         `json:"schema"`
	Event      string      `json:"event"` // id of the message
	Engine     string      `json:"engine"`
	People     string      `json:"people"`          // version of the directory
	Config     string      `json:"config"`          // hash of the scoring configuration
	Model      string      `json:"model,omitempty"` // hash of the text model
	Recipients []Recipient `json:"recipients"`      // whose mail it is, best known first
	Time       time.Time   `json:"time"`
	TimeKnown  bool        `json:"time_known"` // from a trusted Received field; else from Date, which the sender wrote
	BulkCopies bool        `json:"bulk_copies,omitempty"`

	Trusted    []authn.AuthResult `json:"trusted,omitempty"` // Authentication-Results of configured authserv-ids
	Authn      authn.Results      `json:"authn"`             // our own evaluation; without DNS mostly unknown
	Answers    json.RawMessage    `json:"answers,omitempty"` // the DNS answers it rests on
	History    History            `json:"history"`
	Thread     Thread             `json:"thread"`
	Indicators []Match            `json:"indicators,omitempty"` // kept indicators the message holds
	Unknown    []string           `json:"unknown,omitempty"`
}

// Recipient is somebody a copy of the message was delivered to.
type Recipient struct {
	Address  string        `json:"address,omitempty"`  // in clear for protected people's own addresses, keyed else
	Person   portcullis.ID `json:"person,omitempty"`   // the protected person, if it is one
	Relation string        `json:"relation,omitempty"` // "owner", "staff", "delegate"
	How      string        `json:"how"`                // "envelope", "delivered-to", "mailbox", "to", "unknown"
	House    bool          `json:"house,omitempty"`    // at one of the house's own domains
}

// History is what the archive knew of the sender when the message was judged:
// mail dated before it. It is what a stranger cannot forge.
type History struct {
	Known           bool      `json:"known"`        // false: there was no archive to ask
	SenderMails     int       `json:"sender_mails"` // from this address; of all counts only the latest mails are looked at: 24 of an address, 64 of a name, 100 of a domain
	SenderFirst     time.Time `json:"sender_first,omitzero"`
	SenderReached   int       `json:"sender_reached"` // distinct mailboxes of the house it wrote to
	DomainMails     int       `json:"domain_mails"`   // from the sender's organisational domain
	DomainFirst     time.Time `json:"domain_first,omitzero"`
	DomainReached   int       `json:"domain_reached"`
	ToRecipient     int       `json:"to_recipient"`     // from this address to one of these recipients
	DomainRecipient int       `json:"domain_recipient"` // from this domain to one of these recipients
	Replied         int       `json:"replied"`          // mails of these recipients to this address
	RepliedDomain   int       `json:"replied_domain"`   // … to this domain
	NameAddresses   int       `json:"name_addresses"`   // other addresses that used this display name towards the house
	NameOther       int       `json:"name_other"`       // mails from those other addresses
}

// Thread is what the archive knows of the mails this one answers.
type Thread struct {
	Known      bool      `json:"known"` // at least one referenced message is in the archive
	Mails      int       `json:"mails"`
	SenderInIt bool      `json:"sender_in_it"`         // the sender wrote or received one of them
	DomainInIt bool      `json:"domain_in_it"`         // somebody of its domain did
	NameInIt   string    `json:"name_in_it,omitempty"` // the domain of another address with the same display name in it
	Last       time.Time `json:"last,omitzero"`
	Domains    []string  `json:"domains,omitempty"` // of those who took part, at most 16
}

// Match is a kept indicator found in the message.
type Match struct {
	Indicator  portcullis.ID         `json:"indicator"`
	Observable portcullis.Observable `json:"observable"`
	Form       string                `json:"form"`
	Part       string                `json:"part"`
	Start      int                   `json:"start"`
	End        int                   `json:"end"`
	Source     string                `json:"source"`
	Marking    string                `json:"marking,omitempty"`
}

// Encode returns the stored form and its hash.
func (f *Facts) Encode() (hash string, encoded []byte, err error) {
	encoded, err = json.Marshal(f)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:]), encoded, nil
}
