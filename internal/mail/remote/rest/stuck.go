package rest

import (
	"context"
	"errors"
	"fmt"

	"portcullis.example/portcullis/internal/mail/remote"
)

// Stuck knows, for one mailbox, which message keeps those behind it from being read. There are servers that
// break down over a damaged message. The zero value is ready.
type Stuck struct {
	id      string
	times   int // that reading failed at it, in a row
	damaged int // messages in a row of which the server gave nothing
}

const (
	// over is after how many failures a message is left out, and that is told.
	over = 8
	// damagedInARow is how many messages in a row may be damaged. If there are more, it is not the messages.
	damagedInARow = 20
)

// failedAt counts a failure, and tells whether the message is to be left out. A failure that is not about the message
// (no token, no connection, too many requests) does not count.
func (s *Stuck) failedAt(id string, err error) bool {
	said := Said(err)
	if said == nil || said.Status < 500 || remote.Failures(err)[0].Kind != remote.Temporary {
		return false
	}
	if s.id != id {
		s.id, s.times = id, 0
	}
	s.times++
	return s.times >= over
}

// Damaged tells whether an error is about one message alone, which is left out then: the server answers that it is asked wrongly,
// which it does where it cannot make mail of what it holds.
func Damaged(err error) bool {
	said := Said(err)
	return said != nil && said.Status >= 400 && said.Status < 500 && remote.Failures(err)[0].Kind == remote.Permanent
}

// HandOn fetches messages, at most n at once, and hands them to take in their order; those of which the server gives nothing to leave.
// It ends with the first error; what stands before it has been handed on.
func HandOn[T, R any](ctx context.Context, n int, list []T, stuck *Stuck, id func(T) string,
	fetch func(context.Context, T) (R, error), take func(T, R) error, leave func(T, error) error) error {
	done := 0
	for {
		err := InOrder(ctx, n, list[done:], func(ctx context.Context, item T) (R, error) {
			r, err := fetch(ctx, item)
			if err != nil {
				err = &fetchError{err}
			}
			return r, err
		}, func(item T, r R) error {
			err := take(item, r)
			if err == nil {
				stuck.damaged = 0
				done++
			}
			return err
		})
		failed, ok := err.(*fetchError)
		if !ok {
			return err
		}
		switch err := failed.err; {
		case Damaged(err):
			if stuck.damaged++; stuck.damaged > damagedInARow {
				stuck.damaged = 0 // it goes on as far again the next time
				return fmt.Errorf("%d messages in a row: %w", damagedInARow, err)
			}
		case !stuck.failedAt(id(list[done]), err):
			return err
		}
		if err := leave(list[done], failed.err); err != nil {
			return err
		}
		done++
	}
}

type fetchError struct{ err error }

func (e *fetchError) Error() string { return e.err.Error() }

// Cause is what a service said of a message, in short.
func Cause(err error) error {
	if said := Said(err); said != nil {
		return fmt.Errorf("the server gives nothing of it: %w", said)
	}
	return errors.Join(err)
}
