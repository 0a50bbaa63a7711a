// Package gmail reads mailboxes of Gmail and Google Workspace by the Gmail API.
//
// # Only reading
//
// Only GET is sent, with the right gmail.readonly, so no label changes and no mail turns read. Only the mailboxes
// that are named are asked for.
//
// # Going on
//
// Before a mailbox is read for the first time its historyId is noted; then all messages are listed, then what its history says was
// added since (developers.google.com/workspace/gmail/api/guides/sync). The state is the historyId, the page that
// is read, and which of its messages are done. A history that has expired (404) has the mailbox listed again from the
// beginning. What was handed on is remembered by its identifier and not fetched again.
//
// It was tested against local servers that answer as Google documents; no real account was tried.
package gmail

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"time"

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
	labels  map[string]string // names by id
	total   int64             // messages in it, when it was begun
}

// Open makes a Source; it connects when it is read.
func Open(name string, cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	base, err := hosted.Open("gmail", name, "/gmail/v1", cfg.Config, explain)
	if err != nil {
		return nil, err
	}
	s := &Source{Source: base, cfg: cfg, client: base.Client, accounts: map[string]*account{}, settings: settings{page: 200, turnMessages: hosted.TurnMessages}}
	for _, m := range cfg.Mailboxes {
		s.accounts[m] = &account{address: m, tokens: &rest.Tokens{Source: base.Tokens.For(m)}}
	}
	return s, nil
}

// Read reads what is new in all mailboxes, in turns.
func (s *Source) Read(ctx context.Context, session remote.Session) error {
	ctx, cancel := s.Within(ctx)
	defer cancel()
	return rest.Turns(ctx, session, s.cfg.Mailboxes, func(ctx context.Context, session remote.Session, mailbox string) (bool, error) {
		r := s.reading(mailbox, session)
		more, err := r.turn(ctx)
		if err == nil {
			session.Answered(mailbox)
		}
		return more, err
	})
}

// Check asks every mailbox how much it holds.
func (s *Source) Check(ctx context.Context, found func(remote.Folder)) error {
	ctx, cancel := s.Within(ctx)
	defer cancel()
	return rest.Turns(ctx, hosted.Look(), s.cfg.Mailboxes, func(ctx context.Context, session remote.Session, mailbox string) (bool, error) {
		p, err := s.reading(mailbox, session).profile(ctx)
		if err != nil {
			return false, err
		}
		found(remote.Folder{Mailbox: mailbox, Name: allMail, Messages: p.Total})
		return false, nil
	})
}

func (s *Source) reading(mailbox string, session remote.Session) *reading {
	a := s.accounts[mailbox]
	return &reading{source: s, account: a, session: session, left: hosted.NewTurn(session, s.key(a)+"seen", s.settings.turnMessages)}
}

func (s *Source) key(a *account) string { return s.Name() + "\n" + a.address + "\n" }

func (r *reading) user() string { return "/users/" + url.PathEscape(r.account.address) }

// explain says what is to be done about what Gmail says; nil: what the status says. The words are those of
// developers.google.com/workspace/gmail/api/guides/handle-errors and of google.rpc.ErrorInfo.
func explain(e *rest.Error) *remote.Failure {
	switch {
	case e.Has("rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "quotaExceeded", "dailyLimitExceeded", "RESOURCE_EXHAUSTED"):
		return &remote.Failure{Kind: remote.Throttled, After: max(e.After, until(e.Message, time.Now()))}
	case e.Status == http.StatusTooManyRequests:
		return &remote.Failure{Kind: remote.Throttled, After: max(e.After, until(e.Message, time.Now()))}
	case e.Has("accessNotConfigured", "SERVICE_DISABLED"):
		return &remote.Failure{Kind: remote.Permanent, Remedy: "switch on the Gmail API in the project of the service account or application"}
	case e.Has("insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"):
		return &remote.Failure{Kind: remote.Refused, Remedy: "the token does not have the right " + readOnly + ": grant it, and nothing more"}
	case e.Has("domainPolicy"):
		return &remote.Failure{Kind: remote.Refused, Remedy: "the domain's administrator has switched Gmail or its API off for this mailbox"}
	case e.Status == http.StatusForbidden:
		return &remote.Failure{Kind: remote.Refused, Remedy: "may this credential read this mailbox? The address must be the one that the token is for"}
	case e.Status == http.StatusUnauthorized:
		return &remote.Failure{Kind: remote.Refused, Remedy: "a new token was refused as well: was the right withdrawn?"}
	}
	return nil
}

var retryAfter = regexp.MustCompile(`(?i)retry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)`)

// until reads how long Gmail asks to wait, which it says in the text: "User-rate limit exceeded. Retry after 2026-…Z".
func until(text string, now time.Time) time.Duration {
	m := retryAfter.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	at, err := time.Parse(time.RFC3339Nano, m[1])
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), 24*time.Hour)
}
