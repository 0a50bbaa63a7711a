package hosted

import (
	"context"
	"errors"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/rest"
)

// TurnMessages is after how many messages a turn of one mailbox ends, unless turnBytes end it before.
const (
	TurnMessages = 2000
	turnBytes    = 256 << 20
)

// Turn is what is left of one turn of one mailbox, and what was handed on of it ever.
type Turn struct {
	Session  remote.Session
	key      string // of what was handed on, among the states
	seen     *rest.Seen
	messages int
	bytes    int64
}

// NewTurn begins a turn of so many messages. What was handed on is stored under key.
func NewTurn(session remote.Session, key string, messages int) *Turn {
	return &Turn{Session: session, key: key, messages: messages, bytes: turnBytes}
}

// Spent tells whether the turn is over.
func (t *Turn) Spent() bool { return t.messages <= 0 || t.bytes <= 0 }

// Pay counts a message of so many bytes.
func (t *Turn) Pay(bytes int) {
	t.messages--
	t.bytes -= int64(bytes)
}

// known is what was handed on of the mailbox.
func (t *Turn) known() *rest.Seen {
	if t.seen == nil {
		t.seen = rest.LoadSeen(t.key, t.Session.State)
	}
	return t.seen
}

// Page is how far one page of a list is dealt with. It is part of what is stored.
type Page struct {
	Done rest.IDs `json:"done,omitempty"` // which of its messages were handed on
	Past rest.IDs `json:"past,omitempty"` // which are done, and not to be remembered: drafts, what was gone or could not be read
}

// Mark notes that a message is dealt with.
func (p *Page) Mark(id string, handedOn bool) {
	if handedOn {
		p.Done = p.Done.With(id)
	} else {
		p.Past = p.Past.With(id)
	}
}

// Remember keeps in mind over pages what was handed on of one.
func (t *Turn) Remember(p *Page) error {
	if len(p.Done) == 0 {
		return nil
	}
	return t.known().Save(p.Done, t.Session.Advance)
}

// Fresh are the messages of a list that have not been dealt with, each once.
func Fresh[T any](t *Turn, p *Page, list []T, id func(T) string) (fresh []T) {
	in := map[string]bool{}
	for _, one := range list {
		id := id(one)
		if id == "" || in[id] || p.Done.Has(id) || p.Past.Has(id) {
			continue
		}
		if in[id] = true; !t.known().Has(id) {
			fresh = append(fresh, one)
		}
	}
	return fresh
}

// errCut says that a turn is over; it never leaves Hand.
var errCut = errors.New("the turn is over")

// Hand fetches messages, at most n at once, and hands them on; cut says that the turn is over before the last. It
// is rest.HandOn as far as the turn lasts; damaged is told of one of which the server gives nothing.
func Hand[T, R any](ctx context.Context, t *Turn, n int, list []T, stuck *rest.Stuck, id func(T) string,
	fetch func(context.Context, T) (R, error), take func(T, R) error, damaged func(item T, problem error, remedy string) error) (cut bool, err error) {
	if len(list) > t.messages {
		list, cut = list[:max(t.messages, 0)], true
	}
	err = rest.HandOn(ctx, n, list, stuck, id, fetch,
		func(item T, r R) error {
			if t.bytes <= 0 {
				return errCut
			}
			return take(item, r)
		},
		func(item T, err error) error {
			return damaged(item, rest.Cause(err), "it is damaged on the server; export it from the mailbox and scan the file")
		})
	if errors.Is(err, errCut) {
		return true, nil
	}
	return cut, err
}
