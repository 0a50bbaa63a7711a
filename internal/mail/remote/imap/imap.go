// Package imap reads mailboxes over IMAP (RFC 3501, RFC 9051): what lies there,
// then what comes.
//
// # Only reading
//
// Folders are opened with EXAMINE and bodies fetched with BODY.PEEK, so that no
// flag changes: nobody can see by a mailbox that it is read, and no mail turns
// read by it. No other command that could change anything is ever sent.
//
// # Going on
//
// A folder's state is its UIDVALIDITY, the last UID read, and its UIDNEXT and
// HIGHESTMODSEQ (RFC 7162) when it was read to the end. UIDs only grow (RFC 3501
// §2.3.1.1), so what is new lies above the last one; a folder whose UIDNEXT has not
// moved is not even opened. With another UIDVALIDITY all UIDs are void, and the
// folder is read from its beginning; the store knows the messages by what they say.
//
// QRESYNC would add which messages were expunged and which flags changed.
// Neither matters here, so CONDSTORE is used where offered and QRESYNC is not.
//
// # Turns
//
// Mailboxes are read in turns of a few thousand messages each, so that one of
// 200 GB keeps no other waiting.
package imap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"portcullis.example/portcullis/internal/mail/remote"
)

// A turn of one mailbox ends after so many messages or bytes.
const (
	turnMessages = 2000
	turnBytes    = 256 << 20
)

// Source reads the mailboxes of one configuration. It implements remote.Source and remote.Checker.
type Source struct {
	cfg      Config
	name     string
	accounts []*account
	limiter  *remote.Limiter
	settings settings

	mu     sync.Mutex
	closed bool                     // guarded by mu
	open   map[*connection]struct{} // guarded by mu
}

// settings are what tests shorten.
type settings struct {
	chunk int64 // bytes of a message that are asked for at once
	batch int64 // bytes of messages that are asked for at once
}

// account is one mailbox, and the connection to it while there is one.
type account struct {
	Account
	conn  *connection
	inbox string // the folder that is waited on, once known
	next  uint32 // its UIDNEXT when it was read last
	stuck stuck
	deaf  bool // the server refused IDLE
}

// stuck counts connections that were lost at the same message.
type stuck struct {
	folder string
	uid    uint32
	times  int
}

// at is how many connections were lost where a message was to be read.
func (s *stuck) at(folder string, uid uint32) int {
	if s.folder != folder || s.uid != uid {
		return 0
	}
	return s.times
}

func (s *stuck) lost(folder string, uid uint32) {
	*s = stuck{folder, uid, s.at(folder, uid) + 1}
}

// A message at which so many connections were lost is asked for alone, and one at which so many more were lost is left
// out, and that is told: there are servers that break down over a damaged message, and would keep all behind it from being read.
const (
	stuckAlone = 2
	stuckOver  = 8
)

// Open makes a Source; it connects when it is read.
func Open(name string, cfg Config) (*Source, error) {
	cfg = cfg.withDefaults()
	accounts, err := cfg.accounts()
	if err != nil {
		return nil, err
	}
	s := &Source{
		cfg: cfg, name: "imap:" + name, limiter: remote.NewLimiter(cfg.RequestsPerMinute), open: map[*connection]struct{}{},
		settings: settings{chunk: 4 << 20, batch: 8 << 20},
	}
	for _, a := range accounts {
		s.accounts = append(s.accounts, &account{Account: a})
	}
	return s, nil
}

// Name is "imap:" and the configured name.
func (s *Source) Name() string { return s.name }

// Mailboxes are the addresses of the accounts.
func (s *Source) Mailboxes() (list []string) {
	for _, a := range s.accounts {
		list = append(list, a.Mailbox)
	}
	return list
}

// Close cuts all connections.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.open {
		c.guard.cut(errClosed)
	}
	return nil
}

var errClosed = errors.New("the source was closed")

// folderState is what is stored of a folder.
type folderState struct {
	Validity uint32 `json:"uidvalidity"`
	UID      uint32 `json:"uid"`               // the last one read
	Next     uint32 `json:"uidnext,omitempty"` // when it was read to the end
	ModSeq   uint64 `json:"modseq,omitempty"`  // as well
}

func (f folderState) encode() json.RawMessage {
	raw, err := json.Marshal(f)
	if err != nil { // numbers only
		return nil
	}
	return raw
}

// key names a folder's state.
func (s *Source) key(a *account, folder string) string {
	return s.name + "\n" + a.Mailbox + "\n" + folder
}

// label is where a message lies, for people to find it again.
func (s *Source) label(a *account, folder string) string { return s.place(a) + "/" + folder }

// place is the label of a mailbox without a folder.
func (s *Source) place(a *account) string {
	if len(s.accounts) == 1 && s.cfg.AccountsFile == "" && len(s.cfg.Accounts) == 0 {
		return s.name
	}
	return s.name + "/" + a.Mailbox
}

// Read reads what is new in all mailboxes, in turns.
func (s *Source) Read(ctx context.Context, session remote.Session) error {
	var errs []error
	turn := make([]*account, 0, len(s.accounts))
	for _, a := range s.accounts {
		if session.Due(a.Mailbox) {
			turn = append(turn, a)
		}
	}
	for len(turn) > 0 {
		again, failed, err := s.readTurn(ctx, turn, session)
		if err != nil {
			return err
		}
		turn, errs = again, append(errs, failed...)
	}
	s.rest()
	return errors.Join(errs...)
}

// readTurn reads a turn of each mailbox, and returns those that have more, and what kept others from being read. A server
// that cannot be reached for one is not tried for the next: it is the same one.
func (s *Source) readTurn(ctx context.Context, turn []*account, session remote.Session) (again []*account, failed []error, err error) {
	var unreachable *dialError
	for _, a := range turn {
		if unreachable != nil && a.conn == nil {
			failed = append(failed, s.classify(a, unreachable))
			continue
		}
		more, err := s.readAccount(ctx, a, session)
		var stop *stopped
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case errors.As(err, &stop):
			return nil, nil, stop.err
		case err != nil:
			failed = append(failed, err)
			errors.As(err, &unreachable)
		case more:
			again = append(again, a)
		}
	}
	return again, failed, nil
}

// dialError says that a server could not be reached, before anybody was to sign in.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// stopped is an error of the session's, which ends Read at once.
type stopped struct{ err error }

func (e *stopped) Error() string { return e.err.Error() }

func stop(err error) error {
	if err == nil {
		return nil
	}
	return &stopped{err}
}

// rest closes the connections above those that may be kept.
func (s *Source) rest() {
	kept := 0
	for _, a := range s.accounts {
		if a.conn == nil {
			continue
		}
		if kept++; kept > s.cfg.Connections {
			s.leave(a)
		}
	}
}

// readAccount reads one turn of one mailbox, and says whether there is more. A connection that was lost
// since the last time is made again once: servers close what was idle for long.
func (s *Source) readAccount(ctx context.Context, a *account, session remote.Session) (more bool, err error) {
	reused := a.conn != nil
	more, err = s.turn(ctx, a, session)
	var stop *stopped
	if err != nil && reused && a.conn == nil && ctx.Err() == nil && !errors.As(err, &stop) && s.classify(a, err).Kind == remote.Temporary {
		more, err = s.turn(ctx, a, session)
	}
	if err == nil || errors.As(err, &stop) {
		return more, err
	}
	return false, s.classify(a, err)
}

// turn reads one turn over one connection.
func (s *Source) turn(ctx context.Context, a *account, session remote.Session) (more bool, err error) {
	defer contain(&err)
	c, err := s.connect(ctx, a)
	if err != nil {
		return false, err
	}
	defer c.under(ctx)()
	defer func() {
		if err != nil {
			err = c.cause(err)
			s.drop(a)
		}
	}()
	defer contain(&err)
	folders, err := s.folders(ctx, c, a)
	if err != nil {
		return false, fmt.Errorf("list folders: %w", err)
	}
	r := &reading{source: s, account: a, conn: c, session: session, messages: turnMessages, bytes: turnBytes}
	for _, f := range folders {
		if f.Skipped != "" {
			continue
		}
		unfinished, err := r.folder(ctx, f)
		if err != nil {
			return false, err
		}
		if more = more || unfinished; r.spent() {
			break
		}
	}
	session.Answered(a.Mailbox)
	return more || r.spent(), nil
}

// contain makes an error of a panic: what the library reads was written by a server, or by who stands between.
func contain(err *error) {
	if v := recover(); v != nil {
		*err = remote.Fail(remote.Temporary, "please report this", "the answer of the server could not be dealt with: %v", v)
	}
}

// Check signs in to every mailbox and lists its folders.
func (s *Source) Check(ctx context.Context, found func(remote.Folder)) error {
	var errs []error
	for _, a := range s.accounts {
		if err := s.check(ctx, a, found); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			errs = append(errs, s.classify(a, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Source) check(ctx context.Context, a *account, found func(remote.Folder)) (err error) {
	defer contain(&err)
	c, err := s.connect(ctx, a)
	if err != nil {
		return err
	}
	defer s.leave(a)
	defer c.under(ctx)()
	folders, err := s.folders(ctx, c, a)
	if err != nil {
		return c.cause(fmt.Errorf("list folders: %w", err))
	}
	for _, f := range folders {
		found(remote.Folder{Mailbox: a.Mailbox, Name: f.Name, Messages: f.messages(), Skipped: f.Skipped})
	}
	return nil
}

// ownerOf is whose mail lies in a folder: the account's, unless it lies in the part of the tree that
// shows other users' mail.
func (a *account) ownerOf(f folder) string {
	if f.Owner != "" {
		if at := strings.LastIndexByte(a.Mailbox, '@'); at >= 0 && !strings.Contains(f.Owner, "@") {
			return f.Owner + a.Mailbox[at:]
		}
		return f.Owner
	}
	return a.Mailbox
}
