// Package graph reads mailboxes of Microsoft 365 and Exchange Online by
// Microsoft Graph.
//
// # Only reading, only who is named
//
// Only GET is sent, so no flag changes and no mail turns read. The permission is Mail.Read; that it reaches no
// mailbox but those that are named is for Exchange to enforce (docs/SOURCES.md). No other mailbox is asked for.
//
// # Going on
//
// Folders come by delta query, and messages by delta query per folder (learn.microsoft.com/graph/delta-query-messages):
// a round of pages, each with the link of the next, ends with a link that says later what has changed since.
// The state of a folder is the link of the page that is being read and which of its messages are done. What
// was handed on is remembered by its identifier, with immutable identifiers for the whole mailbox: a
// mail that is flagged or filed elsewhere is not fetched again, nor is a mailbox whose links have expired (410 Gone), which is
// listed again from the beginning.
//
// It was tested against local servers that answer as Microsoft documents; no real tenant was tried.
package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/oauth"
	"portcullis.example/portcullis/internal/mail/remote/rest"
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
	client   *rest.Client
	tokens   *oauth.Client
	accounts map[string]*account // by address
	settings settings

	closing context.Context
	close   context.CancelCauseFunc
}

// settings are what tests change.
type settings struct {
	page         int // messages of one page
	turnMessages int
}

// account is one mailbox.
type account struct {
	address string
	tokens  *rest.Tokens
	stuck   rest.Stuck
	quiet   map[string]*quiet // by folder
}

// Open makes a Source; it connects when it is read.
func Open(name string, cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Source{cfg: cfg, name: "graph:" + name, accounts: map[string]*account{}, settings: settings{page: 100, turnMessages: turnMessages}}
	tokens, err := oauth.Open(cfg.Config)
	if err != nil {
		return nil, err
	}
	s.tokens = tokens
	s.client, err = rest.New(rest.Options{
		Base: cfg.Endpoint + "/v1.0", CAFile: cfg.CAFile, Timeout: cfg.timeout(), Limiter: remote.NewLimiter(cfg.RequestsPerMinute), Explain: explain,
	})
	if err != nil {
		return nil, err
	}
	of := &rest.Tokens{Source: tokens.For(cfg.Mailboxes[0])} // one for all, or there is only one
	for _, m := range cfg.Mailboxes {
		s.accounts[m] = &account{address: m, tokens: of, quiet: map[string]*quiet{}}
	}
	s.closing, s.close = context.WithCancelCause(context.Background())
	return s, nil
}

// Name is "graph:" and the configured name.
func (s *Source) Name() string { return s.name }

// Mailboxes are the addresses.
func (s *Source) Mailboxes() []string { return s.cfg.Mailboxes }

var errClosed = errors.New("the source was closed")

// Close ends what is under way.
func (s *Source) Close() error {
	s.close(errClosed)
	s.client.Close()
	s.tokens.Close()
	return nil
}

// within ends with ctx or with the source.
func (s *Source) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.closing, cancel)
	return ctx, func() { stop(); cancel() }
}

// Wait returns after d: Graph tells of news only to servers that it can reach.
func (s *Source) Wait(ctx context.Context, d time.Duration) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	return remote.Sleep(ctx, d)
}

// Read reads what is new in all mailboxes, in turns.
func (s *Source) Read(ctx context.Context, session remote.Session) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	trees := map[string]*tree{}
	return rest.Turns(ctx, session, s.cfg.Mailboxes, func(ctx context.Context, session remote.Session, mailbox string) (bool, error) {
		r := &reading{source: s, account: s.accounts[mailbox], session: session, messages: s.settings.turnMessages, bytes: turnBytes}
		more, err := r.turn(ctx, trees[mailbox])
		if err == nil {
			trees[mailbox] = r.tree
			session.Answered(mailbox)
		}
		return more, err
	})
}

// Check lists the folders of every mailbox.
func (s *Source) Check(ctx context.Context, found func(remote.Folder)) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	nothing := remote.Session{
		Due:      func(string) bool { return true },
		State:    func(string) (json.RawMessage, bool) { return nil, false },
		Emit:     func(remote.Item) error { return nil },
		Advance:  func(string, json.RawMessage) error { return nil },
		Answered: func(string) {},
	}
	return rest.Turns(ctx, nothing, s.cfg.Mailboxes, func(ctx context.Context, session remote.Session, mailbox string) (bool, error) {
		r := &reading{source: s, account: s.accounts[mailbox], session: session}
		t, err := r.folders(ctx)
		if err != nil {
			return false, err
		}
		for _, f := range s.inOrder(t) {
			found(remote.Folder{Mailbox: mailbox, Name: f.path, Messages: f.Total, Skipped: f.skipped})
		}
		return false, nil
	})
}

// place is the label of a mailbox, and begins the label of each folder in it.
func (s *Source) place(a *account) string {
	if len(s.cfg.Mailboxes) == 1 {
		return s.name
	}
	return s.name + "/" + a.address
}

// header is what is sent with each request. Immutable identifiers stay when a message is filed elsewhere.
func (s *Source) header() http.Header {
	return http.Header{"Prefer": {`IdType="ImmutableId"`, fmt.Sprintf("odata.maxpagesize=%d", s.settings.page)}}
}

// noMailbox are words that say that it is not a message or folder that is not there.
var noMailbox = []string{
	"MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI", "MailboxNotHostedInExchangeOnline", "ErrorNonExistentMailbox", "ErrorInvalidUser",
	"Request_ResourceNotFound", "ResourceNotFound",
}

// explain says what is to be done about what Graph says; nil: what the status says.
// The words are those of learn.microsoft.com/graph/errors and of Exchange's ResponseCode.
func explain(e *rest.Error) *remote.Failure {
	const access = "the application needs Mail.Read (of kind application) with an administrator's consent, and the mailbox must be within its access policy"
	switch {
	case e.Has("ApplicationThrottled", "TooManyRequests", "activityLimitReached", "ErrorServerBusy", "ErrorTooManyObjectsOpened", "ErrorExceededConnectionCount", "MailboxConcurrency"):
		return &remote.Failure{Kind: remote.Throttled, After: e.After}
	case e.Has(noMailbox...):
		return &remote.Failure{Kind: remote.Permanent, Remedy: "there is no such mailbox in Exchange Online, or it has no licence: see the address in mailboxes"}
	case e.Has("ErrorMailboxMoveInProgress", "ErrorMailboxStoreUnavailable"):
		return &remote.Failure{Kind: remote.Temporary}
	case e.Status == http.StatusGone: // a link that expired at once again
		return &remote.Failure{Kind: remote.Temporary}
	case e.Status == http.StatusForbidden:
		return &remote.Failure{Kind: remote.Refused, Remedy: access}
	case e.Status == http.StatusUnauthorized:
		return &remote.Failure{Kind: remote.Refused, Remedy: "a new token was refused as well: " + access}
	}
	return nil
}
