// Package remote reads mailboxes where they lie, on servers that are somebody
// else's: what every kind of server (IMAP, Graph, Gmail) has in common.
//
// A Source is one configured access to one server, for one mailbox or many. It
// only ever reads: it asks for nothing that changes a flag, moves or deletes.
// Watch runs a Source for as long as the program lives: it reads what is new,
// waits until something may be new, and reads again; it tries again what failed
// for a while only, more and more slowly, and says once what is wrong.
//
// # Nothing missed, nothing doubled
//
// Each Item carries the State that a later run goes on from. The caller stores
// both in one transaction. So after a crash a Source is told exactly how far
// what is stored reaches. Where a server cannot say what came since (a new
// UIDVALIDITY, an expired delta link), a Source reads again from the beginning:
// the caller knows a message by what it says and counts it once.
//
// # Secrets
//
// Passwords, tokens and keys are read from files that only their owner may
// read, see Secret. They are in no error, log, or String.
package remote

import (
	"context"
	"encoding/json"
	"time"

	"portcullis.example/portcullis/internal/mail/source"
)

// Source is access to mailboxes on one server. Read and Wait are called by one
// goroutine, one after the other.
type Source interface {
	// Name is the configured name behind its kind, "imap:members". It begins
	// Item.Source and every key of states.
	Name() string
	// Mailboxes names whose mail is read, as far as the configuration says: the
	// same names that Session.Answered is told. A source with one unnamed mailbox returns "".
	Mailboxes() []string
	// Read hands on everything that is new since the stored states, then
	// returns. It tries again nothing itself but what one connection more may
	// mend; Watch calls it again. What keeps one mailbox from being read keeps no
	// other: it goes on with the next and returns the errors joined, each a *Failure where its cause is known.
	// An error of Session.Emit or Session.Advance is returned at once, as it is.
	Read(ctx context.Context, s Session) error
	// Wait returns nil when something may be new (IDLE, push) or d has passed,
	// whichever comes first. An error means only that waiting failed: the next Read finds out why.
	Wait(ctx context.Context, d time.Duration) error
	// Close ends all connections. It may be called at any time, from any goroutine.
	Close() error
}

// Checker is a Source that can say what it would read, without reading mail.
type Checker interface {
	// Check signs in and calls found for each folder that would be read. What fails is returned joined, as of Read.
	Check(ctx context.Context, found func(Folder)) error
}

// Folder is what Check finds.
type Folder struct {
	Mailbox  string // whose
	Name     string
	Messages int64  // -1: not known
	Skipped  string // why it is not read, "" if it is
}

// Session is what one Read is given. All functions may be called from the
// goroutine of Read only.
type Session struct {
	// Due tells whether a mailbox may be tried now: not while its last failure asks for
	// patience. A source with several mailboxes asks before each and passes over those that are not.
	Due func(mailbox string) bool
	// State returns what was stored last under a key, or was emitted since. A key begins
	// with the source's name and names mailbox and folder: it never leaves the machine, and is stored hashed.
	State func(key string) (json.RawMessage, bool)
	// Emit hands on a message. It blocks while the store is behind.
	Emit func(Item) error
	// Advance stores a state without a message. All items emitted before are
	// stored before it or with it.
	Advance func(key string, state json.RawMessage) error
	// Problem tells what could not be read and will not be read by trying again
	// (one message, one folder). What is said again and again is reported once.
	Problem func(source.Problem)
	// Progress tells how far a mailbox is read.
	Progress func(Progress)
	// Answered tells that a mailbox, or a good part of it, has just been read, whether or
	// not anything was new; "" is the source's only one. Silence is measured from it, so that
	// signing in is not enough.
	Answered func(mailbox string)
}

// Item is a message and how far its source is read with it.
type Item struct {
	source.Item
	Key   string          // of the state
	State json.RawMessage // stored in the same transaction; nil: none
}

// Progress is how far one mailbox is read.
type Progress struct {
	Source, Mailbox string
	Folder          string
	Done, Of        int64 // messages; Of is 0 where the server does not say
}
