package response

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// State is how far a notice is.
type State string

// The states.
const (
	Drafted    State = "drafted"
	Approved   State = "approved"
	Delayed    State = "delayed"
	Sending    State = "sending" // handed to the mail server, whose answer is not recorded yet
	Sent       State = "sent"
	HandedOver State = "handed over"
	Unclear    State = "unclear" // it may have left: a person has to find out
	Withdrawn  State = "withdrawn"
)

// Way is how a notice reached the person.
type Way string

// The ways.
const (
	ByMail      Way = "mail"
	ByTelephone Way = "telephone"
	InPerson    Way = "in person"
	OnPaper     Way = "paper" // a printed or downloaded notice, handed to them
)

// Notice is what one person is to be told about one campaign. A campaign that goes on
// after the person was told makes another notice, of the next round.
type Notice struct {
	ID        portcullis.ID `json:"id"`
	Version   int           `json:"version"`
	Campaign  portcullis.ID `json:"campaign,omitempty"`
	Person    portcullis.ID `json:"person"`
	Round     int           `json:"round"`
	State     State         `json:"state"`
	Reach     Reach         `json:"reach"`
	Digest    string        `json:"digest"` // of what the person will read
	DraftedBy string        `json:"drafted_by"`
	Drafted   time.Time     `json:"drafted"`

	ApprovedBy string    `json:"approved_by,omitempty"`
	Approved   time.Time `json:"approved,omitzero"`

	DelayReason string    `json:"delay_reason,omitempty"`
	DelayedBy   string    `json:"delayed_by,omitempty"`
	DelayUntil  time.Time `json:"delay_until,omitzero"`

	Way       Way       `json:"way,omitempty"`
	To        string    `json:"to,omitempty"`         // the address, or with whom was spoken
	MessageID string    `json:"message_id,omitempty"` // fixed before the first attempt, the same in all
	Started   time.Time `json:"started,omitzero"`     // of the last attempt
	Outcome   string    `json:"outcome,omitempty"`    // what the server said, what a person noted

	Clock
	ChangedBy string    `json:"changed_by"`
	Changed   time.Time `json:"changed"`
}

// Clock is when we could have known, when we knew, and when we told.
type Clock struct {
	CouldKnow time.Time `json:"could_know"`
	Knew      time.Time `json:"knew"`
	Told      time.Time `json:"told,omitzero"`
	Due       time.Time `json:"due"` // from when on it is overdue
	Overdue   bool      `json:"overdue"`
}

// settled is the notice as it stands at a time: a delay that has run out is none any
// more, and what is not told by its time is overdue.
func (n Notice) settled(now time.Time) Notice {
	if n.State == Delayed && !now.Before(n.DelayUntil) {
		n.State = n.beforeDelay()
	}
	n.Overdue = n.Told.IsZero() && n.State != Withdrawn && now.After(n.Due)
	return n
}

func (n Notice) beforeDelay() State {
	if n.ApprovedBy != "" {
		return Approved
	}
	return Drafted
}

// open tells whether the content may still change.
func (n Notice) open() bool { return n.State == Drafted || n.State == Approved || n.State == Delayed }

// ErrNotFound says that there is no such notice.
var ErrNotFound = errors.New("no such notice; `portcullis notices` lists them")

// RoleError says that somebody may not do what they asked for.
type RoleError struct {
	Who, Act string
	Need     api.Role // "" where the role is not the reason
	Why      string
}

func (e *RoleError) Error() string {
	who := e.Who
	if who == "" {
		who = "somebody without a name"
	}
	if e.Why != "" {
		return fmt.Sprintf("%s may not %s: %s", who, e.Act, e.Why)
	}
	return fmt.Sprintf("%s may not %s: that needs the role %s", who, e.Act, e.Need)
}

// ConflictError tells the later of two people that somebody was faster.
type ConflictError struct {
	ID         portcullis.ID
	Seen, Have int
	State      State
	By         string
	At         time.Time
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s changed %s while you looked at it (%s UTC, now %s, version %s; you saw %s): look again before you act",
		e.By, e.ID, e.At.UTC().Format("2006-01-02 15:04:05"), e.State, strconv.Itoa(e.Have), strconv.Itoa(e.Seen))
}

// StateError says that a step does not follow from where the notice is.
type StateError struct {
	ID         portcullis.ID
	State      State
	Act, After string // what was asked for; what it needs
}

func (e *StateError) Error() string {
	return fmt.Sprintf("%s is %s, so it cannot be %s: it must be %s", e.ID, e.State, e.Act, e.After)
}

// RefusedError says that a rule of the desk forbids a step, and what to do instead.
type RefusedError struct{ Why, Remedy string }

func (e *RefusedError) Error() string { return e.Why + "; " + e.Remedy }
