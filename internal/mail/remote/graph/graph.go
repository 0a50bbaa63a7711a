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
	"fmt"
	"net/http"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/hosted"
	"portcullis.example/portcullis/internal/mail/remote/rest"
)

// Source reads the mailboxes of one configuration. It implements remote.Source and remote.Checker.
type Source struct {
	*hosted.Source
	cfg      Config
	client   *rest.Client
	accounts map[string]*account // by address
	settings settings
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
	base, err := hosted.Open("graph", name, "/v1.0", cfg.Config, explain)
	if err != nil {
		return nil, err
	}
	s := &Source{Source: base, cfg: cfg, client: base.Client, accounts: map[string]*account{}, settings: settings{page: 100, turnMessages: hosted.TurnMessages}}
	of := &rest.Tokens{Source: base.Tokens.For(cfg.Mailboxes[0])} // one for all, or there is only one
	for _, m := range cfg.Mailboxes {
		s.accounts[m] = &account{address: m, tokens: of, quiet: map[string]*quiet{}}
	}
	return s, nil
}

// Read reads what is new in all mailboxes, in turns.
func (s *Source) Read(ctx context.Context, session remote.Session) error {
	ctx, cancel := s.Within(ctx)
	defer cancel()
	trees := map[string]*tree{}
	return rest.Turns(ctx, session, s.cfg.Mailboxes, func(ctx context.Context, session remote.Session, mailbox string) (bool, error) {
		r := s.reading(mailbox, session)
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
	ctx, cancel := s.Within(ctx)
	defer cancel()
	return rest.Turns(ctx, hosted.Look(), s.cfg.Mailboxes, func(ctx context.Context, session remote.Session, mailbox string) (bool, error) {
		r := s.reading(mailbox, session)
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

func (s *Source) reading(mailbox string, session remote.Session) *reading {
	a := s.accounts[mailbox]
	return &reading{source: s, account: a, session: session, left: hosted.NewTurn(session, s.treeKey(a)+"seen", s.settings.turnMessages)}
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
