// Package web is the desk: the pages on which people see who is being
// targeted, by which campaign, how sure that is and which clock runs, and on
// which they act.
//
// Attackers wrote much of what stands on these pages. So every page is made by
// html/template and nothing else; what a message holds arrives as bytes and is
// shown as visible text, never as HTML; and the policy sent with each page
// forbids inline script, inline style, frames, objects, anything from another
// host, and every way from a string to script (Trusted Types).
//
// Reading and acting need no script. Scripts add two things: pages that follow
// what happens, by server-sent events, and pictures larger than a drawing that
// the server makes. Each picture is an SVG drawn on the server with a sentence
// that says what it shows and a table that holds the same.
//
// The package knows no other part. It shows the view models of this file and
// views.go, which it gets through Desk; cmd implements Desk over the contexts.
package web

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portcullis.example/portcullis"
)

// Desk is everything the pages show and everything people do on them. Who asks
// is in the context (api.CallerFrom). An implementation checks role and scope
// itself — the pages only hide what would be refused — and appends to the audit
// log what was looked at and done.
//
// A read returns at most as many rows as the query's Limit, or the bound that
// the view model names, and says the total beside it, so that no page grows
// with the archive. An act on something that changes takes the Version that the
// person saw and returns a *ConflictError when it is no longer that.
//
// Errors: ErrNotFound, ErrUnavailable, *ForbiddenError, *ConflictError,
// *InvalidError, each perhaps wrapped. Any other becomes a page that says that
// something went wrong, with a number that the log has too.
type Desk interface {
	Situation(ctx context.Context) (Situation, error)
	Campaigns(ctx context.Context, q CampaignQuery) (Campaigns, error)
	// Campaign follows MergedInto: what it returns may have another ID than asked for.
	Campaign(ctx context.Context, id portcullis.ID) (Campaign, error)
	People(ctx context.Context, q PeopleQuery) (People, error)
	Person(ctx context.Context, id portcullis.ID) (Person, error)
	// Finding is a look at somebody's mail: it is written to the audit before
	// it returns, and fails if it cannot be.
	Finding(ctx context.Context, id portcullis.ID) (Finding, error)
	Hunt(ctx context.Context, q HuntQuery) (Hunt, error)
	Indicators(ctx context.Context, q IndicatorQuery) (Indicators, error)
	Notices(ctx context.Context, q NoticeQuery) (Notices, error)
	Notice(ctx context.Context, id portcullis.ID) (Notice, error)
	// Document is a notice as a file: format is "html", "pdf" or "md".
	Document(ctx context.Context, notice portcullis.ID, format string) (Document, error)
	// Contacts computes who wrote to the caller in confidence and may be in
	// danger now. It is for the member alone and is kept nowhere.
	Contacts(ctx context.Context) (Contacts, error)
	Audit(ctx context.Context, q AuditQuery) (Audit, error)
	// Screen holds a name against the lists in force, and keeps a record of that; who
	// asked is in the audit, the name is not. Without a name it answers the lists alone.
	Screen(ctx context.Context, q ScreenQuery) (Screening, error)

	// Merge puts one campaign into another and returns the one that remains.
	Merge(ctx context.Context, a MergeAct) (portcullis.ID, error)
	// Split takes events out of a campaign and returns the new one they make.
	Split(ctx context.Context, a SplitAct) (portcullis.ID, error)
	// Undo takes back a merge or split that somebody made.
	Undo(ctx context.Context, a UndoAct) error
	// Weigh enters a piece of evidence into a campaign's assessment.
	Weigh(ctx context.Context, a EvidenceAct) error
	AddIndicators(ctx context.Context, a IndicatorAct) (Added, error)
	// DraftNotices drafts a notice for everyone a campaign reached who has none, and returns how many.
	DraftNotices(ctx context.Context, campaign portcullis.ID) (int, error)
	Approve(ctx context.Context, a NoticeAct) error
	Delay(ctx context.Context, a DelayAct) error
	// EndDelay takes a delay back.
	EndDelay(ctx context.Context, a NoticeAct) error
	// Withdraw ends a notice that is not to leave at all.
	Withdraw(ctx context.Context, a WithdrawAct) error
	// Settle says whether a notice arrived of which the mail server's answer is not known.
	Settle(ctx context.Context, a SettleAct) error
	// Account says that a person's account may be in other hands, or is theirs again.
	Account(ctx context.Context, a AccountAct) error
	// Send sends an approved notice by the house's own mail server.
	Send(ctx context.Context, a NoticeAct) error
	// MarkTold records that the person was told by telephone or in person, or got the printed notice.
	MarkTold(ctx context.Context, a ToldAct) error
	// AskBreakGlass asks to see what the caller may not; DecideBreakGlass is the
	// second approval, by somebody else.
	AskBreakGlass(ctx context.Context, a BreakGlassAct) (portcullis.ID, error)
	DecideBreakGlass(ctx context.Context, a DecideAct) error
	// Hold sets or lifts a privilege hold on a person's mail.
	Hold(ctx context.Context, a HoldAct) error
	// AskHunt asks to hunt for somebody's address or a subject; DecideHunt is the second
	// approval, by somebody else. A hunt that was agreed to is run by HuntQuery.Request.
	AskHunt(ctx context.Context, a HuntAct) (portcullis.ID, error)
	DecideHunt(ctx context.Context, a DecideAct) error
}

// What a Desk answers when it cannot.
var (
	ErrNotFound    = errors.New("there is no such thing, or it lies outside your scope")
	ErrUnavailable = errors.New("the store does not answer")
)

// ForbiddenError says that the caller may not see or do this.
type ForbiddenError struct {
	Why string // a sentence to the caller: "Administrators cannot read evidence."
	// Ask is what a break-glass request would name; "" means none would help.
	Ask portcullis.ID
}

func (e *ForbiddenError) Error() string { return e.Why }

// ConflictError says that somebody else changed the thing first. Nothing was done.
type ConflictError struct {
	By   string
	When time.Time
	What string // what they did: "merged it into “Budget letters”"
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s changed it at %s: %s", e.By, e.When.UTC().Format(time.RFC3339), e.What)
}

// InvalidError says what is wrong with one field of a form. Field is the name
// of the form's field, as in the comments at the acts; "" means the whole form.
type InvalidError struct {
	Field string
	Why   string // a sentence that says what to do
}

func (e *InvalidError) Error() string {
	if e.Field == "" {
		return e.Why
	}
	return e.Field + ": " + e.Why
}

// What people ask for. Page is empty for the first page and otherwise the Next
// of the page before; Limit is set by the pages, never above MaxRows.

// MaxRows is the most rows a page asks for.
const MaxRows = 100

// CampaignQuery asks for campaigns, those seen last first.
type CampaignQuery struct {
	Text  string // part of name, summary or an indicator
	State string // "open" (the default), "closed", "all"
	Page  string
	Limit int
}

// PeopleQuery asks for people, those most at risk first.
type PeopleQuery struct {
	Text  string
	Page  string
	Limit int
}

// HuntQuery asks the archive for a value in every form it may have taken.
type HuntQuery struct {
	Text string // what was typed: an address, domain, URL, IP, hash, subject …; "" shows the empty form
	// Request is a hunt for an address or a subject that somebody agreed to; Text is not looked at then.
	Request  portcullis.ID
	From, To time.Time
	Page     string
	Limit    int
}

// IndicatorQuery asks for indicators, those added last first.
type IndicatorQuery struct {
	Text     string
	Campaign portcullis.ID
	Page     string
	Limit    int
}

// NoticeQuery asks for notices, overdue ones first, then those due soonest.
type NoticeQuery struct {
	State    string // "open" (the default: all but told), "overdue", a NoticeState, or "all"
	Campaign portcullis.ID
	Person   portcullis.ID
	Page     string
	Limit    int
}

// AuditQuery asks for the audit log, the latest first.
type AuditQuery struct {
	Who, Kind, Subject string
	Page               string
	Limit              int
}

// What people do. Each comment names the form's fields for InvalidError. Who
// does it is in the context.

// MergeAct: fields "into", "why". Both versions were seen by the person.
type MergeAct struct {
	Campaign portcullis.ID // goes
	Version  int
	Into     portcullis.ID // stays; may be the same by mistake, or not exist
	// IntoVersion is 0 when the person typed the id and saw no version.
	IntoVersion int
	Why         string
}

// SplitAct: fields "event", "why".
type SplitAct struct {
	Campaign portcullis.ID
	Version  int
	Events   []portcullis.ID
	Why      string
}

// UndoAct: fields "decision", "why".
type UndoAct struct {
	Campaign portcullis.ID
	Version  int
	Decision int64
	Why      string
}

// EvidenceAct: fields "note", "origin", "grade", "vertex", "likelihood", "hash".
type EvidenceAct struct {
	Campaign    portcullis.ID
	Version     int    // of the assessment; 0 where there was none
	Proposition string // Proposition.Key
	Note        string // one sentence: what was seen or said
	Origin      string // who saw it first-hand
	Via         string // who repeated it; may be empty
	Grade       string // Admiralty: "B2"
	Vertex      string
	Hash        string // SHA-256 of the document it rests on, in hex; may be empty
	// Likelihood is how much each hypothesis would lead one to expect it, by the
	// hypothesis's ID, in words of the ladder.
	Likelihood map[string]string
}

// IndicatorAct: fields "patterns", "feed", "source", "marking", "campaign". It
// holds lines that were typed, or a feed in any format the archive reads, or both.
type IndicatorAct struct {
	Patterns string // one a line
	Feed     []byte // a file, at most MaxFeed bytes
	FeedName string
	Source   string // who said so
	Marking  string // "red", "amber+strict", "amber", "green", "clear"
	Campaign portcullis.ID
	Anyway   bool // accept what was refused for hitting too much
}

// MaxFeed is how large a feed may be that comes through the form.
const MaxFeed = 8 << 20

// NoticeAct names a notice as the person saw it.
type NoticeAct struct {
	Notice  portcullis.ID
	Version int
}

// DelayAct: fields "until", "why". Both are needed.
type DelayAct struct {
	NoticeAct
	Until time.Time
	Why   string
}

// WithdrawAct: field "why".
type WithdrawAct struct {
	NoticeAct
	Why string
}

// SettleAct: fields "arrived", "why": how that is known.
type SettleAct struct {
	NoticeAct
	Arrived bool
	Why     string
}

// AccountAct: field "why".
type AccountAct struct {
	Person    portcullis.ID
	Suspected bool
	Why       string
}

// HuntAct: fields "q", "why".
type HuntAct struct {
	Text string // an address or a subject
	Why  string // what for
}

// ToldAct: fields "how", "when", "note".
type ToldAct struct {
	NoticeAct
	How  string // "telephone", "in person", "printed"
	When time.Time
	Note string
}

// BreakGlassAct: fields "why", "hours".
type BreakGlassAct struct {
	Subject portcullis.ID // what to see: a finding, an event, a person
	Why     string
	For     time.Duration
}

// DecideAct is the second person's answer: field "why" when it is refused.
type DecideAct struct {
	Request portcullis.ID
	Version int
	Grant   bool
	Why     string
}

// HoldAct: field "why".
type HoldAct struct {
	Person  portcullis.ID
	Version int
	Set     bool
	Why     string
}
