package web

import (
	"time"

	"portcullis.example/portcullis"
)

// The view models: plain values, one struct per page. Zero times mean "not
// (yet)" or "not known". Text is shown as text, whoever wrote it. A bound in a
// comment is how many rows a page shows; more are cut, with the total said.

// PersonRef names somebody. ID is empty for an address that belongs to nobody we know.
type PersonRef struct {
	ID     portcullis.ID
	Name   string // or the address
	Office string // "Member, Foreign Affairs Committee"
}

// CampaignRef names a campaign; an empty ID means none.
type CampaignRef struct {
	ID   portcullis.ID
	Name string // a short handle made for people: "Budget letters"
}

// Situation is the first page: who is at risk and which clock runs.
type Situation struct {
	AsOf   time.Time
	Totals Totals
	// Clocks are notices not yet given: overdue first, then the soonest due. At most 12.
	Clocks []Clock
	// Campaigns are the open ones, most urgent first. At most 12.
	Campaigns []CampaignRow
	// People at risk, most urgent first. At most 12.
	People  []PersonRow
	Sensors []Sensor // at most 20
	// Activity is findings over the last weeks, for the picture.
	Activity Activity
	// Requests wait for the caller's second approval. At most 10.
	Requests []BreakGlass
	Hunts    []HuntRequest // the same for hunts
	Exercise *Exercise     // set while an exercise is replayed
}

// Totals stand at the top of the first page.
type Totals struct {
	Findings, Targeted int // all that is kept; those that concern protected people
	Campaigns          int // open
	People             int // at risk: reached by an open campaign
	Overdue            int // notices
	Running            int // notices not given, overdue ones included
	ToApprove          int // drafts
}

// Activity counts findings in equal steps from Start on.
type Activity struct {
	Start    time.Time
	Step     time.Duration
	Targeted []int
	Ordinary []int // of the same length
}

// Sensor is one source of events and how long it has been silent.
type Sensor struct {
	Name   string // "mail: parliament gateway"
	Last   time.Time
	Events int // in the last 24 hours
	Usual  int // in the same time of a usual day; 0 = not known
	// Mailbox says that Last is when a mailbox on a server last answered, whatever it had.
	Mailbox bool
	// Silent is set when it has been quiet for longer than it usually is.
	Silent bool
	Note   string // "no mail since 09:12; usually 40 an hour"
}

// Exercise is a replay that runs instead of the real thing.
type Exercise struct {
	Name    string
	At      time.Time // in the exercise's own time
	Speed   float64   // exercise seconds per second
	Done    bool
	Percent int
	Score   []Score
}

// Score is one measured thing of an exercise.
type Score struct{ Name, Value, Note string }

// NoticeState is where a notice stands.
type NoticeState string

// The states of a notice.
const (
	Drafted    NoticeState = "drafted"
	Approved   NoticeState = "approved"
	Delayed    NoticeState = "delayed"
	Sent       NoticeState = "sent"
	HandedOver NoticeState = "handed over" // told by telephone, in person, on paper
)

// More states of a notice.
const (
	Unclear   NoticeState = "unclear" // it may have left: a person has to find out
	Withdrawn NoticeState = "withdrawn"
)

// Told says whether the clock has stopped.
func (s NoticeState) Told() bool { return s == Sent || s == HandedOver }

// Clock is what one person has to be told about one campaign, and when we
// could have known, knew and told.
type Clock struct {
	Notice   portcullis.ID // its page; empty when not even drafted
	Person   PersonRef
	Campaign CampaignRef
	State    NoticeState
	Could    time.Time // when we could have known: the first event reached them
	Knew     time.Time // when a finding or hunt said so
	Due      time.Time // when they must be told
	Told     time.Time
	How      string    // "mail", "telephone", "in person", "printed"
	Until    time.Time // of a delay
	By       string    // who approved, delayed or told, whatever came last
}

// People is PeopleQuery's answer.
type People struct {
	Rows  []PersonRow
	Total int
	Next  string
}

// PersonRow is somebody in a list.
type PersonRow struct {
	PersonRef
	Groups    []string
	Campaigns int // open ones that reached them
	Events    int // that reached them in those
	Last      time.Time
	Worst     portcullis.Severity
	Untold    int
	Due       time.Time // the next one; zero when nothing is due
	Overdue   bool
	// Compromised is set when their account may be: never mail them about it.
	Compromised bool
}

// Person is one protected person.
type Person struct {
	PersonRow
	Version   int
	Self      bool // the caller is this person
	House     string
	Party     string
	Addresses []Address
	Languages []string
	// CompromisedWhy says what points to it: "sign-in from a new country on 3 May".
	CompromisedWhy string
	Hold           *PrivilegeHold
	// Received is what reached them, newest first, at most MaxRows.
	Received      []Received
	ReceivedTotal int
	Clocks        []Clock // at most 50
	// Looks are who looked at their mail; the newest first, at most MaxRows.
	// For the person alone and for auditors; nil hides the section.
	Looks []Look
}

// Address is one of a person's addresses.
type Address struct {
	Address string
	Kind    string // "office", "personal"
}

// PrivilegeHold keeps a person's mail from being read, by whom and why.
type PrivilegeHold struct {
	Since   time.Time
	By, Why string
}

// Received is one event that reached a person.
type Received struct {
	Finding  portcullis.ID // may be empty
	Time     time.Time
	Address  string // at which of theirs
	From     string
	Title    string
	Campaign CampaignRef
	Severity portcullis.Severity
	Learnt   string // what it could have learnt if opened
}

// Look is one view of somebody's mail.
type Look struct {
	When           time.Time
	Who, Role, Why string
	Subject        portcullis.ID
	What           string
}

// Finding is a statement with the bytes it rests on.
type Finding struct {
	portcullis.Finding
	Title      string // of the rule, in plain words
	About      string // what the rule looks for and what it misses
	Campaign   CampaignRef
	To         []PersonRef // whom the event reached, at most 20
	Subject    string
	From       string
	Sources    []Source    // at most 20
	Beside     []BesideRow // other findings on the same event, at most 20
	Unreadable string      // why no source is shown: privilege hold, role, not kept; "" when it is
	// Ask is what a break-glass request would name; "" means none would help.
	Ask portcullis.ID
}

// BesideRow is another finding on the same event.
type BesideRow struct {
	ID       portcullis.ID
	Summary  string
	Severity portcullis.Severity
}

// Source is a stretch of one part of a message, as bytes.
type Source struct {
	Part   string // "header:From", "1.2"
	Title  string // "Header", "Text, as HTML source"
	Type   string // media type; only shown
	Bytes  []byte // at most MaxSource; the pages cut what is longer
	Offset int    // of Bytes[0] within the part
	Size   int    // of the whole part
	Marks  []Mark // offsets within the part, as in portcullis.Evidence
	Binary bool   // shown as a hex dump
}

// MaxSource is how much of one part a page shows.
const MaxSource = 256 << 10

// Mark is a range that a statement rests on.
type Mark struct {
	Start, End int
	Note       string
}

// Hunt is HuntQuery's answer.
type Hunt struct {
	Understood []portcullis.Observable // how what was typed was read
	Hits       []Hit
	Total      int
	Next       string
	Searched   int // events looked through
	Oldest     time.Time
	Took       time.Duration
	People     []PersonRow // whom it reached, at most 50
	// Beyond counts those of them that no finding had named.
	Beyond int
	// Personal is set when an address or a subject was typed: it needs a purpose and a second person.
	Personal bool
	// Requests are hunts for addresses and subjects: the caller's own, and those the caller may decide about. At most 20.
	Requests []HuntRequest
	Refused  string // "matches 38,112 of 41,208 messages; name something rarer"
}

// Hit is one event in which the value was seen.
type Hit struct {
	Event    portcullis.ID
	Finding  portcullis.ID // may be empty
	Time     time.Time
	Value    string // as it stood there
	Form     string // "redirector parameter", "base64 body"
	Where    string // part of the message
	Person   PersonRef
	Address  string
	Campaign CampaignRef
}

// Indicators is IndicatorQuery's answer.
type Indicators struct {
	Rows  []IndicatorRow
	Total int
	Next  string
	Feeds []FeedRow // that were read last, at most 10
}

// IndicatorRow is one indicator.
type IndicatorRow struct {
	ID          portcullis.ID
	Pattern     portcullis.Observable
	Source      string
	Marking     string // TLP
	From, Until time.Time
	Added       time.Time
	By          string
	Sightings   int
	People      int
	Last        time.Time // sighting
	Campaign    CampaignRef
}

// FeedRow is a partner's list that was read.
type FeedRow struct {
	Name, Source, Marking string
	When                  time.Time
	By                    string
	New, Known, Refused   int
}

// Added is what became of indicators that were added.
type Added struct {
	New, Known int
	Refused    []Refusal   // at most 50
	RefusedAll int         // how many there were
	Sightings  int         // in all history
	People     []PersonRow // reached and not known before, at most 50
	Campaigns  []CampaignRef
	Searched   int
	Took       time.Duration
}

// Refusal is an indicator that was not taken.
type Refusal struct {
	Line  int // 0 when the format has none
	Value string
	Why   string
	Hits  int // how many messages it would hit; 0 when that is not the reason
}

// Notices is NoticeQuery's answer.
type Notices struct {
	Rows   []Clock
	Total  int
	Next   string
	Counts map[NoticeState]int // of everything in scope
	Late   int                 // overdue
}

// Notice is one notice to one person.
type Notice struct {
	Clock
	ID       portcullis.ID
	Version  int
	Subject  string    // of the mail
	Sections []Section // as the person reads it
	Language string
	// MailRefused says why it must not go by mail ("the account may be compromised"); "" lets it.
	MailRefused string
	To          string // address it would be mailed to
	Telephone   string // where the person can be called, if known
	DelayedBy   string
	DelayedWhy  string
	ApprovedBy  string
	History     []Step // oldest first, at most 100
}

// Section is one part of a notice: a heading, paragraphs, a list, in that order.
type Section struct {
	Heading    string
	Paragraphs []string
	List       []string
}

// Step is something that happened to a notice.
type Step struct {
	When      time.Time
	Who, What string
	Note      string
}

// Document is a file.
type Document struct {
	Name  string // "notice-2026-05-03.pdf"
	Type  string // media type
	Bytes []byte
}

// Contacts is who may be in danger because they wrote to the caller.
type Contacts struct {
	Person PersonRef
	Since  time.Time // mail was looked at from then on
	Until  time.Time
	Looked int // mails
	Rows   []Contact
	Total  int
	// Unknown says what could not be seen: "mail deleted before the scan".
	Unknown []string
}

// Contact is somebody who wrote.
type Contact struct {
	Name, Address string
	First, Last   time.Time
	Count         int
	Why           string // "wrote in confidence", "sent attachments"
}

// Audit is AuditQuery's answer.
type Audit struct {
	Rows  []AuditRow
	Total int
	Next  string
	// Verified is what checking the chain came to.
	Verified   bool
	Broken     string // the first entry that does not fit; "" when Verified
	Head       string // sequence and hash
	Checkpoint string // a signed note that a witness outside can keep; may be empty
	Checked    time.Time
	Requests   []BreakGlass  // at most 20, open ones first
	Hunts      []HuntRequest // at most 20
	Holds      []HoldRow     // at most 50
	// GlassHours is for how many hours the glass can be broken at most.
	GlassHours int
}

// AuditRow is one entry.
type AuditRow struct {
	Seq    int64
	Time   time.Time
	Who    string
	Via    string
	Kind   string
	What   string // the subject in words
	Link   portcullis.ID
	Detail string
	Hash   string
	Erased bool // the body was erased; the chain still holds
}

// BreakGlass is a request to see what the caller may not.
type BreakGlass struct {
	ID      portcullis.ID
	Version int
	Subject portcullis.ID
	What    string // the subject in words
	Who     string
	Why     string
	Asked   time.Time
	For     time.Duration
	State   string // "waiting", "granted", "refused", "over"
	Decided string // by whom
	Until   time.Time
	// Mine is set for the one who asked: somebody else must decide.
	Mine bool
}

// HuntRequest is a hunt for an address or a subject that somebody asked for.
type HuntRequest struct {
	ID      portcullis.ID
	Text    string
	Who     string
	Why     string
	Asked   time.Time
	State   string // "waiting", "agreed", "refused"
	Decided string // by whom
	Until   time.Time
	Mine    bool // the caller asked: somebody else must decide
}

// HoldRow is a privilege hold in a list.
type HoldRow struct {
	Person PersonRef
	PrivilegeHold
}
