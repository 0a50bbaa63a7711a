// Package portcullis holds the words that every part of the program shares:
// what a sensor saw (Event, Observable), what a rule states about it (Finding
// with Evidence), and what is done with it (Verdict, Indicator, Sighting).
//
// It imports the standard library only and does no I/O. Names follow the
// field: observable and finding as in OCSF, indicator, sighting and confidence
// as in STIX 2.1, technique as in MITRE ATT&CK.
package portcullis

import (
	"encoding/json"
	"time"
)

// Event is what a sensor saw. It is immutable.
type Event struct {
	ID          ID              `json:"id"` // from the sensor and the source's own id
	Sensor      string          `json:"sensor"`
	Time        time.Time       `json:"time"`
	Recorded    time.Time       `json:"recorded"`
	Observables []Observable    `json:"observables,omitempty"`
	Digest      string          `json:"digest"`           // SHA-256 of the normalised bytes, hex
	Detail      json.RawMessage `json:"detail,omitempty"` // an OCSF object; only its writer decodes it
}

// Evidence points to the bytes a statement rests on.
//
// Part names where: "header:From" (a header field of the message, "#1" behind
// it for the second one of that name), or a MIME path such as "1.2". Start and
// End are byte offsets: of a header into the raw message, of a text part into its
// text as UTF-8, of any other part into its decoded content. Both zero means the
// whole part.
type Evidence struct {
	Event ID     `json:"event,omitempty"`
	Part  string `json:"part"`
	Start int    `json:"start"`
	End   int    `json:"end"`
	Note  string `json:"note"`
}

// Attention keeps apart what a person must look at from what is only marked.
type Attention uint8

const (
	// Ordinary findings (mass phishing, spam) tag a message and ask for nobody's eye.
	Ordinary Attention = iota
	// Targeted findings concern a protected person or organisation.
	Targeted
)

// Finding is one rule's statement about one event, or about a group of copies.
type Finding struct {
	ID          ID           `json:"id"`   // from rule and event; from rule and group key for comparisons
	Rule        string       `json:"rule"` // "mail/lookalike-sender@2"
	Time        time.Time    `json:"time"`
	Attention   Attention    `json:"attention"`
	Severity    Severity     `json:"severity"`
	Confidence  Confidence   `json:"confidence"`
	Technique   string       `json:"technique,omitempty"` // ATT&CK id
	Points      int          `json:"points"`              // what it adds to the message's score; may be negative
	Summary     string       `json:"summary"`             // one sentence in plain words
	People      []ID         `json:"people,omitempty"`    // protected people it concerns
	Evidence    []Evidence   `json:"evidence,omitempty"`
	Observables []Observable `json:"observables,omitempty"`
	Unknown     []string     `json:"unknown,omitempty"` // what could not be known
	Flip        string       `json:"flip,omitempty"`    // the smallest change that would have flipped it; for analysts only, never exported
}

// Verdict is what judging a message came to. Revision 0 judges the message
// alone; each comparison of copies that changes it adds one.
type Verdict struct {
	Action   Action    `json:"action"` // Undecided is zero: a forgotten verdict is never a silent pass
	Score    uint8     `json:"score"`  // 0–100
	Revision int       `json:"revision"`
	Facts    string    `json:"facts"` // hash of the stored facts
	Findings []Finding `json:"findings"`
	Unknown  []string  `json:"unknown,omitempty"`
}

// Indicator is a pattern somebody holds to be of interest.
type Indicator struct {
	Pattern Observable `json:"pattern"`
	Source  string     `json:"source,omitempty"`  // who said so
	Marking string     `json:"marking,omitempty"` // TLP
	From    time.Time  `json:"from,omitzero"`
	Until   time.Time  `json:"until,omitzero"`
}

// ID is derived from the pattern and who said so: two sources may hold the
// same pattern under different markings.
func (i Indicator) ID() ID {
	return NewID("indicator", string(i.Pattern.Type), i.Pattern.Value, i.Source)
}

// Sighting says that an indicator was seen in an event.
type Sighting struct {
	Indicator, Event ID
	Time             time.Time
}
