package hosted

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/oauth"
	"portcullis.example/portcullis/internal/mail/remote/rest"
)

// Source is the part of a remote.Source that is the same with every service.
type Source struct {
	// Client asks the service, Tokens gets what it is asked with.
	Client *rest.Client
	Tokens *oauth.Client

	name    string
	cfg     Config
	closing context.Context
	close   context.CancelCauseFunc
}

// Open makes a Source of a configuration that is filled in and checked; it connects when it is read. kind and name make its name, path
// stands behind the endpoint in all addresses, explain is rest.Options.Explain.
func Open(kind, name, path string, cfg Config, explain func(*rest.Error) *remote.Failure) (*Source, error) {
	tokens, err := oauth.Open(cfg.Config)
	if err != nil {
		return nil, err
	}
	client, err := rest.New(rest.Options{
		Base: cfg.Endpoint + path, CAFile: cfg.CAFile, Timeout: cfg.timeout(), Limiter: remote.NewLimiter(cfg.RequestsPerMinute), Explain: explain,
	})
	if err != nil {
		return nil, err
	}
	s := &Source{Client: client, Tokens: tokens, name: kind + ":" + name, cfg: cfg}
	s.closing, s.close = context.WithCancelCause(context.Background())
	return s, nil
}

// Name is the kind and the configured name: "graph:house".
func (s *Source) Name() string { return s.name }

// Mailboxes are the addresses.
func (s *Source) Mailboxes() []string { return s.cfg.Mailboxes }

var errClosed = errors.New("the source was closed")

// Close ends what is under way.
func (s *Source) Close() error {
	s.close(errClosed)
	s.Client.Close()
	s.Tokens.Close()
	return nil
}

// Within ends with ctx or with the source.
func (s *Source) Within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.closing, cancel)
	return ctx, func() { stop(); cancel() }
}

// Wait returns after d: the services tell of news only to servers that they can reach, or by way of others that are not used.
func (s *Source) Wait(ctx context.Context, d time.Duration) error {
	ctx, cancel := s.Within(ctx)
	defer cancel()
	return remote.Sleep(ctx, d)
}

// Place is the label of a mailbox, and begins the label of each folder in it.
func (s *Source) Place(address string) string {
	if len(s.cfg.Mailboxes) == 1 {
		return s.name
	}
	return s.name + "/" + address
}

// Look is a session for looking at a mailbox: nothing is known, and nothing kept.
func Look() remote.Session {
	return remote.Session{
		Due:      func(string) bool { return true },
		State:    func(string) (json.RawMessage, bool) { return nil, false },
		Emit:     func(remote.Item) error { return nil },
		Advance:  func(string, json.RawMessage) error { return nil },
		Answered: func(string) {},
	}
}
