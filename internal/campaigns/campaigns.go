// Package campaigns puts findings together that one hand made, and takes them apart
// again. Spear-phishing never gives fifty mails to learn from, so it must work on
// two to five, and it must be able to say why.
//
// # What is compared
//
// An Item is one event with its findings, the values it holds and the role each
// plays ("remote", "sender", …), a MinHash signature of what it says and one of how it
// is built, whom it reached and when. Two items are weighed against each other by
// the odds that they would agree as they do if one hand made both, against that they
// would by chance. All evidence is in bits: doubling the odds is one bit.
//
//   - Infrastructure: a shared value counts log2(p·N/f), where p is how likely an
//     attacker is to use it again in that role and f/N how many mails hold it anyway. Mails
//     with no finding speak double for commonplace, since ordinary mail uses it; mails
//     with findings a fifth, since they may be the campaign itself. That allowance goes where the
//     value is a service's (a provider of mailboxes, rented web space), as ordinary mail or many
//     names under it show: then mails with findings count in full. Warninglists say commonplace outright. The strongest
//     value counts in full and the others little: a sender's domain, its signature and its
//     servers are one fact told three times.
//   - Content: what it says (rarity of the text, not of its words), how it is built, the
//     subject, the shape of links, the mail program, the name it is signed with.
//   - Circumstance: how close in time, and whether both were for people of one committee,
//     office or topic, by how few mails are for such people. Never enough by itself.
//
// Two items are linked if evidence of the first two kinds comes to coreBits and all together
// to linkBits. What keeps unrelated campaigns apart is in cluster.go: strongest links first,
// and two groups come together only if their members support it, so that no one weak
// link chains them.
//
// A letter that many people sign is no campaign: a text that twelve or more mails
// share under nearly as many names makes no links. The mail that somebody forwarded or
// reported is an echo: it follows the campaign of what it repeats, proves nothing and joins nothing.
//
// # Order, and people
//
// Put places one item at once by comparing it with its nearest neighbours under each rare
// value. Settle weighs all items again with the frequencies of now. Its outcome is a function
// of the set of items, frequencies and decisions, never of the order of arrival.
// Either way a value is held against the few items next to it in time, so that one
// seen a hundred thousand times costs no more than one seen ten times.
//
// What people decide (Merge, Split) is kept as decisions about events, stands above any
// evidence, and can be taken back (Undo). The ids of campaigns are opaque and stay with the greater
// part of their members; an id that was merged into another is followed for ever.
//
// The package owns its tables and is written against database/sql in statements that SQLite
// and PostgreSQL both take. Whoever calls it opens the transaction.
package campaigns

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"time"

	"portcullis.example/portcullis"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables, one folder per dialect.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return migrations // cannot happen: the folder is embedded
	}
	return sub
}

// Item is one event (a mail, later a sign-in …) with its findings, as correlation
// sees it. Addresses and other personal values are keyed by whoever makes it.
type Item struct {
	Event    portcullis.ID   `json:"event"`
	Sensor   string          `json:"sensor"`
	Time     time.Time       `json:"time"`
	Findings []FindingRef    `json:"findings"`
	People   []portcullis.ID `json:"people,omitempty"` // whom it reached
	Features []Feature       `json:"features"`

	// Text and Structure are MinHash signatures of the normalised body and of the
	// DOM, all of one length; empty where there is too little to compare.
	Text      []uint32 `json:"-"`
	Structure []uint32 `json:"-"`
	Words     int      `json:"words"`

	// Echo says that it repeats another mail: forwarded, reported, quoted whole.
	Echo bool `json:"echo,omitempty"`
}

// FindingRef is what correlation knows of a finding.
type FindingRef struct {
	ID        portcullis.ID        `json:"id"`
	Rule      string               `json:"rule"`
	Technique string               `json:"technique,omitempty"`
	Severity  portcullis.Severity  `json:"severity"`
	Attention portcullis.Attention `json:"attention"`
}

// Feature is a value and the role it plays in an item: one of the Role constants.
type Feature struct {
	Kind       string                `json:"kind"`
	Observable portcullis.Observable `json:"observable"`
}

// The roles a value can play. Any other word is taken as weak evidence.
const (
	RoleLink       = "link"       // host that a click leads to
	RoleRemote     = "remote"     // host that is fetched when the mail is shown
	RoleURL        = "url"        // whole URL that a click leads to
	RoleForm       = "form"       // host that a form is sent to
	RoleSender     = "sender"     // address or domain it claims to be from
	RoleReplyTo    = "reply-to"   // address or domain that answers go to
	RoleEnvelope   = "envelope"   // domain of the envelope sender
	RoleSignature  = "signature"  // domain that signed it
	RoleReceived   = "received"   // address or name of a server that handed it on
	RoleOrigin     = "origin"     // domain of its message id
	RoleZone       = "zone"       // organisational domain of a link or sender whose host lies below it
	RoleAttachment = "attachment" // hash of what is attached
	RoleFileName   = "filename"   // its name
	RoleSubject    = "subject"
	RoleName       = "name" // display name of the sender
	RolePath       = "path" // shape of a link's or tracker's path, its tokens left out
	RoleTool       = "tool" // program that wrote it, as it says
)

// Types of values that only correlation knows; the archive has none of them.
const (
	TypeName portcullis.ObservableType = "name"
	TypePath portcullis.ObservableType = "path"
	TypeTool portcullis.ObservableType = "tool"
)

// Archive is what is known of all events, with findings or without.
type Archive interface {
	// Total is how many events there are.
	Total(ctx context.Context) (int, error)
	// Frequency tells for each value in how many events it was seen; 0 where the
	// archive does not keep such values.
	Frequency(ctx context.Context, values []portcullis.Observable) ([]int, error)
	// Seen tells where a value was seen and who received it, oldest first, one
	// Sighting per recipient.
	Seen(ctx context.Context, value portcullis.Observable, limit int) ([]Sighting, error)
}

// Sighting is one event in which a value was seen, and one person or address it reached.
type Sighting struct {
	Event     portcullis.ID `json:"event"`
	Time      time.Time     `json:"time"`
	Recipient string        `json:"recipient,omitempty"` // as stored
	Person    portcullis.ID `json:"person,omitempty"`
}

// Resembling finds events whose body is like that of an event, with or without a finding.
// The event itself may be among them.
type Resembling interface {
	Like(ctx context.Context, event portcullis.ID, limit int) ([]Likeness, error)
}

// Likeness is an event whose body is like the one asked for.
type Likeness struct {
	Event     portcullis.ID `json:"event"`
	Time      time.Time     `json:"time"`
	Alike     float64       `json:"alike"` // 0–1
	Recipient string        `json:"recipient,omitempty"`
	Person    portcullis.ID `json:"person,omitempty"`
}

// Groups tells what a person has in common with others: committees, offices, topics.
type Groups interface {
	GroupsOf(person portcullis.ID) []string
}

// Deps is what correlation needs from elsewhere. Any of them may be nil: what it
// would have told is then taken as not known.
type Deps struct {
	Archive    Archive
	Resembling Resembling
	Groups     Groups
	Lists      *Warninglists // nil: OwnLists
	Now        func() time.Time
}

func (d Deps) now() time.Time {
	if d.Now == nil {
		return time.Now().UTC()
	}
	return d.Now().UTC()
}

// querier is *sql.DB or *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}
