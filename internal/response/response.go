// Package response tells people what happened to them: it drafts a notice for each
// person whom a campaign reached, keeps the clock until they were told, has it approved
// by a named person, and sends it through the house's own mail server or hands it over.
// It writes briefings about a campaign, the audit of who knew what and when, and — for
// the member alone, never stored — the list of those who had written in confidence.
//
// What it tells comes in as plain values ([Reach], [Received]); it asks no other part of
// the program. It owns its tables, is written against database/sql in statements that
// SQLite and PostgreSQL both take, and whoever calls it opens the transaction.
//
// # States
//
//	drafted ──► approved ──► sending ──► sent
//	   ▲  │        │  │          ├─────► approved   the server refused: nothing left
//	   │  └──► delayed│          └─────► unclear ──► sent, or approved again, by a person
//	   │         until a date    └──► handed over   by telephone, in person, on paper
//	   └── approval lapses when the content changes
//
// and withdrawn, from any state before it left. Each step raises the version; a step
// that names another version than the stored one is refused with a [ConflictError], so
// the later of two people learns that somebody was faster.
//
// # Who may do what
//
// A notice is approved by somebody with the role approver who neither drafted it nor is
// the person it goes to. What is approved is a digest of the content. Nothing in a
// notice to a person names an actor or a state: [Reach] has no field for either.
package response

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// Machine is who drafts what nobody asked for by hand. Whoever approves that is the
// first person to look at it, so any approver may.
const Machine = "portcullis"

// Form is a way in which a message could learn or get something from its reader.
type Form string

// The forms. Each has its own sentences in the language files.
const (
	Tracker        Form = "tracker"    // remote content that reports when and where it is shown
	Link           Form = "link"       // leads to a page the sender controls
	Attachment     Form = "attachment" // a file that does something when opened
	CredentialForm Form = "form"       // asks for a password
	Reply          Form = "reply"      // wants an answer
	NameUsed       Form = "name-used"  // went to somebody else, in this person's name
)

// Forms are all of them, in the order in which notices tell of them.
func Forms() []Form { return []Form{NameUsed, Tracker, Link, CredentialForm, Attachment, Reply} }

// Received is one message that reached a person.
type Received struct {
	Event     portcullis.ID         `json:"event"`
	Time      time.Time             `json:"time"`
	TimeKnown bool                  `json:"time_known"`        // false: it is what the sender wrote
	Address   string                `json:"address,omitempty"` // which of the person's; "" if it is not known
	Sender    string                `json:"sender,omitempty"`  // as shown; attackers' text
	Subject   string                `json:"subject,omitempty"` // attackers' text
	Forms     []Form                `json:"forms,omitempty"`
	Hosts     []string              `json:"hosts,omitempty"` // of the sender's; printed so that nobody can click them
	Findings  []portcullis.ID       `json:"findings,omitempty"`
	Evidence  []portcullis.Evidence `json:"evidence,omitempty"`
	Said      []string              `json:"said,omitempty"` // what those who warned the house wrote for whoever has the message
}

// Reach is what is known of one person and one campaign.
type Reach struct {
	Person    portcullis.ID `json:"person"`
	Name      string        `json:"name"`
	Languages []string      `json:"languages,omitempty"` // in the order of preference
	Addresses []string      `json:"addresses,omitempty"` // all of the person's own; the first is where a notice goes
	Campaign  portcullis.ID `json:"campaign,omitempty"`  // "" for findings that are in none
	Events    []Received    `json:"events"`
	// CouldKnow is since when what we now know lay in our own hands; zero is the
	// first event. Knew is when somebody or something of ours first stated it; zero
	// is when the notice is drafted.
	CouldKnow time.Time `json:"could_know,omitzero"`
	Knew      time.Time `json:"knew,omitzero"`
	// Suspicion says why the person's account may be in other hands; "" is that
	// nothing speaks for it. See also Writer.Suspect.
	Suspicion string `json:"suspicion,omitempty"`
}

// Limits of what comes in. More is cut, and the notice says how many there are.
const (
	maxEvents   = 500
	maxText     = 2000 // bytes of one attackers' text
	maxEvidence = 20   // of one event
	maxHosts    = 10
	maxSaid     = 5
)

// tidy brings a reach into the one form it is stored and compared in: events in order of
// time, each once, texts and lists bounded, times in UTC to the microsecond.
func (r Reach) tidy(now time.Time) (Reach, error) {
	switch {
	case r.Person == "":
		return r, fmt.Errorf("a notice needs to say for whom: the person is empty")
	case len(r.Events) == 0:
		return r, fmt.Errorf("there is nothing to tell %s: no event reached them", r.Person)
	}
	r.Name = clip(r.Name, 200)
	r.Events = slices.Clone(r.Events)
	for i := range r.Events {
		r.Events[i] = r.Events[i].tidy()
	}
	slices.SortStableFunc(r.Events, func(a, b Received) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return strings.Compare(string(a.Event)+a.Address, string(b.Event)+b.Address)
	})
	r.Events = slices.CompactFunc(r.Events, func(a, b Received) bool { return a.Event == b.Event && a.Address == b.Address })
	r.Events = r.Events[:min(len(r.Events), maxEvents)]
	if r.Knew.IsZero() {
		r.Knew = now
	}
	if r.CouldKnow.IsZero() {
		r.CouldKnow = r.Events[0].Time
	}
	if r.CouldKnow.After(r.Knew) || r.CouldKnow.IsZero() { // a Date of next year is no excuse
		r.CouldKnow = r.Knew
	}
	r.CouldKnow, r.Knew = micro(r.CouldKnow), micro(r.Knew)
	return r, nil
}

func (e Received) tidy() Received {
	e.Time = micro(e.Time)
	e.Sender, e.Subject, e.Address = clip(e.Sender, maxText), clip(e.Subject, maxText), clip(e.Address, 320)
	e.Evidence = e.Evidence[:min(len(e.Evidence), maxEvidence)]
	e.Hosts = e.Hosts[:min(len(e.Hosts), maxHosts)]
	said := slices.Clone(e.Said[:min(len(e.Said), maxSaid)])
	for i := range said {
		said[i] = clip(said[i], maxText)
	}
	e.Said = said
	var forms []Form
	for _, f := range Forms() {
		if slices.Contains(e.Forms, f) {
			forms = append(forms, f)
		}
	}
	e.Forms = forms
	return e
}

// clip bounds a text at a character.
func clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xC0 == 0x80 {
		limit--
	}
	return s[:limit]
}

// micro is the precision in which times are stored.
func micro(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}

// digest is what an approval is about: everything the person will read, in whatever
// language. When we knew is no part of it, for that moves the clock and not the text. Nor
// is a suspicion: that the person should not use the account must not wait for another
// approval.
func (r Reach) digest() string {
	r.CouldKnow, r.Knew, r.Suspicion = time.Time{}, time.Time{}, ""
	raw, err := json.Marshal(r)
	if err != nil {
		return "" // plain values always marshal
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// without leaves out the events that another reach holds.
func (r Reach) without(told Reach) Reach {
	known := map[string]bool{}
	for _, e := range told.Events {
		known[string(e.Event)+"\x00"+e.Address] = true
	}
	r.Events = slices.DeleteFunc(slices.Clone(r.Events), func(e Received) bool { return known[string(e.Event)+"\x00"+e.Address] })
	return r
}
