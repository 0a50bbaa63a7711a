package campaigns

import (
	"errors"
	"fmt"
	"time"

	"portcullis.example/portcullis"
)

// Summary is a campaign in a list.
type Summary struct {
	ID         portcullis.ID        `json:"id"`
	Version    int                  `json:"version"`
	MergedInto portcullis.ID        `json:"merged_into,omitempty"`
	First      time.Time            `json:"first"`
	Last       time.Time            `json:"last"`
	Events     int                  `json:"events"`   // members that are no echoes
	Echoes     int                  `json:"echoes"`   // members that repeat another
	Findings   int                  `json:"findings"` // of all members
	People     int                  `json:"people"`
	Persons    []portcullis.ID      `json:"persons,omitempty"`    // who, in order of id; at most 5,000
	Techniques []string             `json:"techniques,omitempty"` // ATT&CK ids of its findings, in order
	Made       time.Time            `json:"made"`                 // when its first mails were put together
	Severity   portcullis.Severity  `json:"severity"`             // the highest of its findings
	Attention  portcullis.Attention `json:"attention"`
	Human      bool                 `json:"human"` // people merged or split it
	Changed    time.Time            `json:"changed"`
}

// Campaign is a campaign with all that is known of it.
type Campaign struct {
	Summary
	Members    []Member     `json:"members"` // by time
	Reasons    []Reason     `json:"reasons"` // why they belong together, strongest first
	Targets    []Target     `json:"targets"` // by when first reached
	Indicators []Indicator  `json:"indicators"`
	MergedFrom []MergedFrom `json:"merged_from,omitempty"`
	History    []Change     `json:"history,omitempty"`
}

// Member is one event of a campaign.
type Member struct {
	Event    portcullis.ID   `json:"event"`
	Sensor   string          `json:"sensor"`
	Time     time.Time       `json:"time"`
	People   []portcullis.ID `json:"people,omitempty"`
	Findings []FindingRef    `json:"findings,omitempty"`
	Echo     bool            `json:"echo,omitempty"`
	Why      []Reason        `json:"why,omitempty"`  // what holds it to the others
	With     portcullis.ID   `json:"with,omitempty"` // the member it is closest to
	Bits     float64         `json:"bits"`           // evidence for that, as log2 of odds
}

// The kinds of reasons.
const (
	ReasonInfrastructure = "infrastructure"
	ReasonContent        = "content"
	ReasonTiming         = "timing"
	ReasonTargets        = "targets"
	ReasonDecision       = "decision" // a person said so
	ReasonEcho           = "echo"
	ReasonAgainst        = "against" // speaks against it
)

// Reason is one ground in plain words, with its numbers.
type Reason struct {
	Kind  string                 `json:"kind"`
	Text  string                 `json:"text"` // "same tracker host news.example, seen in 6 of 41,208 mails"
	Bits  float64                `json:"bits"` // as log2 of odds; negative speaks against
	Value *portcullis.Observable `json:"value,omitempty"`
	Seen  int                    `json:"seen,omitempty"`  // mails that hold the value …
	Of    int                    `json:"of,omitempty"`    // … of so many
	Among int                    `json:"among,omitempty"` // members it is true of, where it is about the campaign
}

// Target is a person whom a campaign reached.
type Target struct {
	Person portcullis.ID   `json:"person"`
	First  time.Time       `json:"first"`
	Events []portcullis.ID `json:"events"`
}

// Indicator is a value by which a campaign can be found elsewhere.
type Indicator struct {
	Observable portcullis.Observable `json:"observable"`
	Role       string                `json:"role"`
	Members    int                   `json:"members"` // members that hold it
	Seen       int                   `json:"seen"`    // events that hold it
	Of         int                   `json:"of"`
	Bits       float64               `json:"bits"`             // how much sharing it says
	Source     string                `json:"source,omitempty"` // who told us, if somebody did
	Marking    string                `json:"marking,omitempty"`
}

// MergedFrom is a campaign that went up in another.
type MergedFrom struct {
	ID   portcullis.ID `json:"id"`
	When time.Time     `json:"when"`
}

// Change is one line of a campaign's history.
type Change struct {
	Num    int64         `json:"num"` // of the decision, for Undo; 0 if the machine did it
	When   time.Time     `json:"when"`
	Who    string        `json:"who"`  // "" is the machine
	What   string        `json:"what"` // "made", "grew", "merged", "split", "undone", "dissolved"
	Why    string        `json:"why,omitempty"`
	Other  portcullis.ID `json:"other,omitempty"`
	Undone bool          `json:"undone,omitempty"`
}

// Placement says where an item went.
type Placement struct {
	Event    portcullis.ID   `json:"event"`
	Campaign portcullis.ID   `json:"campaign,omitempty"` // "" if it stands alone so far
	Known    bool            `json:"known,omitempty"`    // it was there before; nothing changed
	New      bool            `json:"new,omitempty"`      // the campaign began with it
	Merged   []portcullis.ID `json:"merged,omitempty"`   // campaigns that it brought together
	With     portcullis.ID   `json:"with,omitempty"`
	Why      []Reason        `json:"why,omitempty"`
}

// Settled says what settling changed.
type Settled struct {
	Items     int           `json:"items"`
	Campaigns int           `json:"campaigns"`
	Made      int           `json:"made"`
	Merged    int           `json:"merged"`
	Dissolved int           `json:"dissolved"`
	Moved     int           `json:"moved"`   // items that changed their campaign
	Letters   int           `json:"letters"` // items of texts that many people signed
	Took      time.Duration `json:"took"`
}

// Query chooses campaigns. The zero value chooses all that stand.
type Query struct {
	Person       portcullis.ID
	Event        portcullis.ID // the campaign of this event
	Since, Until time.Time     // last seen after, first seen before
	Ordinary     bool          // those without a finding that concerns protected people too
	Limit        int           // 0: all
}

// Errors on which callers branch.
var (
	ErrNotFound = errors.New("there is no such campaign")
	ErrSelf     = errors.New("a campaign cannot be merged with itself")
)

// ChangedError says that somebody was faster: the campaign is no longer as the
// caller saw it.
type ChangedError struct {
	ID        portcullis.ID
	Saw, Is   int
	Who, What string // of the latest change
	When      time.Time
}

func (e *ChangedError) Error() string {
	who := e.Who
	if who == "" {
		who = "new evidence"
	}
	return fmt.Sprintf("%s has changed since you looked at it: you saw version %d, it is now %d (%s by %s at %s); look again and repeat what you still want",
		e.ID, e.Saw, e.Is, e.What, who, e.When.UTC().Format("2 Jan 2006 15:04 UTC"))
}

// RefusedError says that an act cannot be done as it was asked for, and why.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

func refusef(format string, args ...any) error {
	return &RefusedError{fmt.Sprintf(format, args...)}
}
