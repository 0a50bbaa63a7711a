// Package source reads mail wherever it lies on disk: single messages, mbox
// files, Maildirs, Outlook's data files (.pst, .ost) and .msg, the exports of Takeout,
// Apple Mail and Thunderbird, journal reports, folders and archives of any of them, and
// standard input. It finds out by content which it is and hands on one raw
// message at a time, always in the same order and with memory bounded by the
// largest message, so that years of mail can be read on a small machine.
//
// What cannot be read is reported as a Problem that names the file, the offset
// and what to do; the rest is still read. Nothing here opens a socket, and
// names inside archives are labels only: nothing is ever written under them.
//
// # Order
//
// Arguments in the order given; in a folder by name, byte by byte; in a Maildir
// by file name over new and cur together; in an archive in its own order.
//
// # Once only
//
// A file that is reached twice (two overlapping arguments, a symbolic link) is
// read once: the real path decides, not the inode, because mail servers copy
// messages between folders by hard link and each of those is a delivery.
// Symbolic links are followed, unless they lead to a folder that they lie in or
// that was read before, so loops end. FIFOs, sockets and devices are never opened.
//
// # What is ignored without a Problem
//
// Empty files, tmp of a Maildir, special files met in folders, links to a folder
// that they lie in, resource forks (__MACOSX), and the index files of mail
// programs and desktops (see foreign in detect.go) unless their content is mail
// after all. Config.Ignored is told of each.
package source

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Config bounds the reading and says who hears about it. The zero value has the
// defaults.
type Config struct {
	// MaxMessage is the size in bytes up to which a message is read whole.
	// Default 64 MiB. Of a larger one the first MaxMessage bytes are emitted,
	// and a Problem tells that the rest was left out; a larger .msg file is
	// not read, as it cannot be understood in part.
	MaxMessage int64
	// MaxDepth is how many layers of packing (zip, tar, gzip …) may be nested. Default 4; a .tar.gz has two.
	MaxDepth int
	// MaxExpand is how many bytes one file may unpack to over all its layers. Default 64 GiB.
	MaxExpand int64
	// MaxRatio is how many times its packed size a member may unpack to, once past 100 MiB. Default 200.
	MaxRatio int64
	// MaxMembers is how many members of one archive are read. Default 1,000,000.
	MaxMembers int
	// MaxTemp bounds the temporary file that a zip or a data file without random access
	// (from standard input, or inside another archive) is kept in. Default 4 GiB.
	MaxTemp int64
	// TempDir is where that file is made, and removed again. Default os.TempDir.
	TempDir string
	// Stdin is read for the argument "-". Without it "-" is an error.
	Stdin io.Reader

	// Nested hands on messages that are attached to a message as items of their
	// own, behind the one that holds them; see Attached for what that is good
	// for, and what must not be believed of them. Default: they stay parts of it.
	Nested bool
	// Journal says that the arguments are journal mailboxes: each message in
	// them is a report of Exchange, and what is handed on is the message that it
	// reports on, with the true recipients. Only where nobody outside can write
	// to the mailbox; see openJournal. Default: reports are messages like others.
	Journal bool

	// Skip tells whether a file, by its real path, is passed over without a word.
	Skip func(file string) bool
	// Resume returns the position that was stored for a file, if any. The
	// package itself checks whether it still holds; see Position.
	Resume func(file string) (Position, bool)
	// Finished is told when a file was read to its end without a Problem. Its
	// position is Done; a run that is given it does not even open the file. A
	// run that goes on within a file reports Problems from there on only.
	Finished func(Position)
	// Progress is told the packed bytes dealt with so far, over all arguments;
	// it ends near what Size returns.
	Progress func(bytesRead int64)
	// Ignored is told of each file that is passed over as not being meant as mail.
	Ignored func(source string)
}

const (
	defaultMaxMessage = 64 << 20
	defaultMaxDepth   = 4
	defaultMaxExpand  = 64 << 30
	defaultMaxRatio   = 200
	defaultMaxMembers = 1_000_000
	defaultMaxTemp    = 4 << 30
)

func (c Config) withDefaults() Config {
	c.MaxMessage = orDefault(c.MaxMessage, defaultMaxMessage)
	c.MaxDepth = orDefault(c.MaxDepth, defaultMaxDepth)
	c.MaxExpand = orDefault(c.MaxExpand, defaultMaxExpand)
	c.MaxRatio = orDefault(c.MaxRatio, defaultMaxRatio)
	c.MaxMembers = orDefault(c.MaxMembers, defaultMaxMembers)
	c.MaxTemp = orDefault(c.MaxTemp, defaultMaxTemp)
	return c
}

func orDefault[T int | int64](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// Item is one message.
type Item struct {
	// Source is the path relative to the argument, with slashes: the
	// argument's own base name if it is a file, "-" for standard input,
	// "export.zip!inbox/1.eml" for a member of an archive. It is valid UTF-8
	// but may hold control characters.
	Source string
	// Arg is the argument it came from.
	Arg string
	// Offset is where the message begins in the unpacked file: its From_ line
	// in an mbox, 0 in a file that holds one message.
	Offset int64
	// Mailbox is the folder that holds it relative to the argument: the
	// Maildir, the mbox file without extension, the folder of the .eml; for
	// what lies directly in the argument, the argument's name. "" is unknown.
	Mailbox string
	// Envelope is what the container knows beside the message.
	Envelope Envelope
	// Raw is the message, without From_ line and mbox quoting. It is the
	// receiver's own copy.
	Raw []byte
	// Rebuilt says that Raw was made from the properties of a .msg file or a data
	// file of Outlook: signatures over the body cannot be checked on it.
	Rebuilt bool
	// Kept is what the mailbox says about where it keeps the message.
	Kept Kept
	// Nested is the path of the part that holds it, "2.1", where the message is
	// attached to another one, which was handed on just before; see Config.Nested.
	Nested string
	// Journal says that the message came out of a journal report, and that
	// Envelope is what the report states; see Config.Journal.
	Journal bool
	// Position is where a later run goes on after this item.
	Position Position
}

// Envelope is what a container knows about a message beside its text.
type Envelope struct {
	Sender     string    // From_ line, or sender of a .msg
	Recipients []string  // of a .msg or a journal report, blind copies included; of a data file whose copy it is
	Time       time.Time // From_ line (zone taken as UTC if it has none), .msg delivery time, Maildir file time
}

// Kept is where a mailbox keeps a message, as the owner sees it. It says what
// was done with the message after it came, never what the message is.
type Kept struct {
	Folder string   // "Inbox/Budget", in the owner's language; "" is unknown
	Labels []string // of Gmail, in its order, folders and stars included
	Thread string   // X-GM-THRID
	State  State
}

// State is what became of a message.
type State uint8

// What a mailbox can say.
const (
	Sent    State = 1 << iota // the owner sent it; it did not come in
	Draft                     // or began to write it
	Junk                      // held to be spam, by the owner or a program
	Deleted                   // in the bin, or marked as deleted and not yet purged
)

// Problem is something that could not be read.
type Problem struct {
	Source string
	Offset int64 // in the unpacked file
	Err    error
	Remedy string // what to do about it, a sentence
}

// Error names file, offset and what to do.
func (p Problem) Error() string {
	msg := fmt.Sprintf("%s: at byte %d: %v", p.Source, p.Offset, p.Err)
	if p.Remedy != "" {
		msg += ": " + p.Remedy
	}
	return msg
}

// Unwrap returns the cause.
func (p Problem) Unwrap() error { return p.Err }

// Walk reads all messages below args and calls emit for each, and problem for
// whatever could not be read. Both are called from Walk's own goroutine. It
// returns an error only where it had to stop: of ctx, or of emit. The latter is
// returned as it is.
func Walk(ctx context.Context, args []string, cfg Config, emit func(Item) error, problem func(Problem)) error {
	w := &walker{
		stopped: ctx.Err, cfg: cfg.withDefaults(), emit: emit, problem: problem,
		folders: map[string]bool{}, files: map[string]bool{},
	}
	for _, arg := range args {
		if err := w.argument(arg); err != nil {
			return err
		}
	}
	return nil
}
