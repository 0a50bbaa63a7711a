// Package authn says what SPF (RFC 7208), DKIM (RFC 6376, 8301, 8463), DMARC
// (RFC 9989) and ARC (RFC 8617) tell about a message. It gives evidence for
// the rules of mail and never decides by itself: a message that authenticates
// is only known to come from whoever owns the domain.
//
// Without a resolver, the usual case when old mail is judged, everything that
// needs no DNS is still stated (which domains signed, whether the body is
// still the one that was signed, whether a signature covers From and stands
// for the author's domain) and the rest is named in Results.Unknown. Nothing
// is guessed. Time is an input: an expired signature had not expired on the
// day it was received.
package authn

import (
	"net/netip"
	"time"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// Resolver answers DNS questions; see the package lookup for what exists.
type Resolver = lookup.Resolver

// Zone is a literal resolver for tests.
type Zone = lookup.Zone

// Answer is one recorded DNS answer.
type Answer = lookup.Answer

// Recorder keeps every answer that passes through it.
type Recorder = lookup.Recorder

// Recorded returns a resolver that answers from a record. What is not on the
// record is unknown, never absent.
func Recorded(answers []Answer) Resolver { return lookup.Recorded(answers) }

// NewRecorder returns a resolver that passes questions on to next and keeps all
// answers used, so that a verdict replays from Recorded(r.Answers()).
func NewRecorder(next Resolver) *Recorder { return lookup.NewRecorder(next) }

// NewLive returns a resolver that asks a DNS server, "" for the system's own. It
// is for operators who opted in: every question can tell the owner of a domain
// that somebody looked.
func NewLive(server string, timeout time.Duration) (Resolver, error) {
	live, err := lookup.NewLive(server, timeout)
	if err != nil {
		return nil, err
	}
	return live, nil
}

// Result is a result word of RFC 8601 §2.7, or Unknown.
type Result string

// The result words.
const (
	Pass      Result = "pass"
	Fail      Result = "fail"
	SoftFail  Result = "softfail"
	Neutral   Result = "neutral"
	None      Result = "none"
	Policy    Result = "policy"
	TempError Result = "temperror"
	PermError Result = "permerror"
	// Unknown says that it could not be found out, mostly for want of DNS.
	Unknown Result = "unknown"
)

// Input is what Evaluate needs of a message and its delivery.
type Input struct {
	Raw         []byte     // the message as received; line ends may be CRLF or LF
	ClientIP    netip.Addr // of the SMTP client; invalid where not known
	Helo        string
	MailFrom    string   // RFC 5321 reverse-path without brackets; empty for bounces
	FromDomains []string // of the authors in RFC 5322 From
	Received    time.Time
	// Rebuilt says that the body was put together anew from what a mailbox kept of it
	// (Outlook): that no signature fits it says nothing.
	Rebuilt bool
}

// Alignment says how close a domain, authenticated or not, is to the author's
// (RFC 9989 §4.4); of several authors, to the least close. Where the DNS gives no
// policy record the organisational domain is taken from the list of public
// suffixes, which is what RFC 7489 did and right but for large hierarchies.
type Alignment string

// The alignments.
const (
	AlignedNo      Alignment = "no"
	AlignedRelaxed Alignment = "relaxed" // same organisational domain
	AlignedStrict  Alignment = "strict"  // same domain
)

// BodyHash says whether the body is the one a signature was made over. It needs
// no DNS.
type BodyHash string

// The states of a body hash.
const (
	BodyMatch    BodyHash = "match"
	BodyMismatch BodyHash = "mismatch"
	BodyPrefix   BodyHash = "prefix"    // matches the first l= octets only: text was, or could be, added behind
	BodyUnknown  BodyHash = "unchecked" // algorithm not known, or the signature too broken to tell
)

// SPFResult is the result of check_host() (RFC 7208 §4).
type SPFResult struct {
	Result      Result    `json:"result"`
	Identity    string    `json:"identity,omitempty"` // "mailfrom" or "helo"
	Domain      string    `json:"domain,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Mechanism   string    `json:"mechanism,omitempty"`   // the directive that decided
	Explanation string    `json:"explanation,omitempty"` // the sender's words: untrusted
	Aligned     Alignment `json:"aligned,omitempty"`
}

// DKIMResult is the result for one signature, in the order of the header.
type DKIMResult struct {
	Result     Result    `json:"result"`
	Domain     string    `json:"domain,omitempty"`
	Selector   string    `json:"selector,omitempty"`
	Identity   string    `json:"identity,omitempty"` // i=
	Algorithm  string    `json:"algorithm,omitempty"`
	KeyBits    int       `json:"key_bits,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	BodyHash   BodyHash  `json:"body_hash,omitempty"`
	SignedFrom bool      `json:"signed_from,omitempty"`
	Oversigned bool      `json:"oversigned,omitempty"` // h= lists From more often than it occurs: none can be added
	Signed     time.Time `json:"signed,omitzero"`
	Expires    time.Time `json:"expires,omitzero"`
	Flags      []string  `json:"flags,omitempty"` // weaknesses, as the Flag constants
	Aligned    Alignment `json:"aligned,omitempty"`
	Start      int       `json:"start"` // of the field in Raw
	End        int       `json:"end"`
}

// Weaknesses of a signature that need no DNS, but for FlagWeakKey and FlagTestKey.
const (
	FlagBodyLength  = "body-length"   // l=: text can be added behind (RFC 6376 §8.2)
	FlagExpired     = "expired"       // x= had passed when the message was received
	FlagFuture      = "future"        // t= lies more than a day after the time received
	FlagUnsigned    = "from-unsigned" // From is not covered (RFC 6376 §5.4)
	FlagSHA1        = "sha1"          // RFC 8301 §3.1: must not verify
	FlagWeakKey     = "weak-key"      // RSA under 1,024 bits must not, under 2,048 should not be used
	FlagTestKey     = "test-key"      // t=y: the domain says it is only trying
	FlagSecondFrom  = "second-from"   // the message has a From that the signature does not cover
	FlagThirdParty  = "third-party"   // aligned with no author's domain
	FlagSubjectOpen = "subject-open"  // Subject is not covered
)

// DMARCResult is the result of RFC 9989 for the author's domain.
type DMARCResult struct {
	Result       Result `json:"result"`
	Domain       string `json:"domain,omitempty"`        // author's domain
	OrgDomain    string `json:"org_domain,omitempty"`    // by tree walk (§4.10.2)
	PolicyDomain string `json:"policy_domain,omitempty"` // where the record stands
	Policy       string `json:"policy,omitempty"`        // what the owner asks for this domain: none, quarantine, reject
	Testing      bool   `json:"testing,omitempty"`       // t=y: one level less is to be applied
	SPFAligned   bool   `json:"spf_aligned,omitempty"`   // passed and aligned
	DKIMAligned  bool   `json:"dkim_aligned,omitempty"`
	Reason       string `json:"reason,omitempty"`
}

// ARCResult is the result of validating a chain (RFC 8617 §5.2).
type ARCResult struct {
	Result     Result   `json:"result"` // pass, fail, none or unknown
	Sets       int      `json:"sets,omitempty"`
	Sealers    []string `json:"sealers,omitempty"`     // d= of the seals, oldest first
	OldestPass int      `json:"oldest_pass,omitempty"` // RFC 8617 §5.2: lowest instance from which on all message signatures verify; of a pass, 0: all do
	BodyHash   BodyHash `json:"body_hash,omitempty"`   // of the newest message signature
	Reason     string   `json:"reason,omitempty"`
}

// Results is all that could be found out about one message.
type Results struct {
	SPF     SPFResult    `json:"spf"`
	DKIM    []DKIMResult `json:"dkim,omitempty"`
	DMARC   DMARCResult  `json:"dmarc"`
	ARC     ARCResult    `json:"arc"`
	Unknown []string     `json:"unknown,omitempty"` // what could not be known, in words
}
