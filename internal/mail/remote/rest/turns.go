package rest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"portcullis.example/portcullis/internal/mail/remote"
)

// IsMailbox tells whether a name can be one of a mailbox: an address, and nothing that means something in a path.
func IsMailbox(name string) bool {
	at := strings.IndexByte(name, '@')
	return at > 0 && at < len(name)-1 && len(name) <= 320 && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`/?#%\'"<>`, r)
	})
}

// SharedError is what keeps all mailboxes of a source from being read, not one of them.
type SharedError struct{ Err error }

func (e *SharedError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SharedError) Unwrap() error { return e.Err }

// stopped is an error of the session's, which ends Read at once.
type stopped struct{ err error }

func (e *stopped) Error() string { return e.err.Error() }

func stop(err error) error {
	if err == nil {
		return nil
	}
	return &stopped{err}
}

// Turns reads mailboxes in turns, so that a large one keeps no other waiting: turn reads a part of one, and says
// whether there is more. What keeps one from being read keeps no other, unless it concerns them all: then
// they are not tried. It is a Source's Read.
func Turns(ctx context.Context, session remote.Session, mailboxes []string, turn func(ctx context.Context, session remote.Session, mailbox string) (more bool, err error)) error {
	inner := session
	inner.Emit = func(item remote.Item) error { return stop(session.Emit(item)) }
	inner.Advance = func(key string, state json.RawMessage) error { return stop(session.Advance(key, state)) }
	var due []string
	for _, m := range mailboxes {
		if session.Due(m) {
			due = append(due, m)
		}
	}
	var failed []error
	for len(due) > 0 {
		var again []string
		var shared error
		for _, m := range due {
			if shared != nil {
				failed = append(failed, ofMailbox(shared, m))
				continue
			}
			more, err := contained(ctx, inner, m, turn)
			var stopping *stopped
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.As(err, &stopping):
				return stopping.err
			case err != nil:
				failed = append(failed, ofMailbox(err, m))
				if errors.As(err, new(*SharedError)) || Unreachable(err) {
					shared = err
				}
			case more:
				again = append(again, m)
			}
		}
		due = again
	}
	return errors.Join(failed...)
}

// contained makes an error of a panic: what is read was written by strangers.
func contained(ctx context.Context, session remote.Session, mailbox string, turn func(context.Context, remote.Session, string) (bool, error)) (more bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = remote.Fail(remote.Temporary, "please report this", "the answer of the server could not be dealt with: %v", v)
		}
	}()
	return turn(ctx, session, mailbox)
}

// ofMailbox says whose failure it is.
func ofMailbox(err error, mailbox string) error {
	f := *remote.Failures(err)[0]
	f.Mailbox = mailbox
	return &f
}
