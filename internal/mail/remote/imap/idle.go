package imap

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"portcullis.example/portcullis/internal/mail/remote"
)

// longestIdle is after how long a connection that is waited on is used again: servers may hang up after 30
// minutes without a command (RFC 2177 §3), and what is between them and us forgets connections sooner.
const longestIdle = 25 * time.Minute

// Wait returns when a server says that there is new mail in one of the folders that new mail comes to, or after d.
// The other folders are looked at by Read.
func (s *Source) Wait(ctx context.Context, d time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, min(d, longestIdle))
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error // guarded by mu
	for _, a := range s.accounts {
		c := a.conn
		if c == nil || a.next == 0 || a.deaf || !c.caps.Has(imap.CapIdle) && !c.caps.Has(imap.CapIMAP4rev2) {
			continue
		}
		inbox, next := a.inbox, a.next
		wg.Go(func() {
			news, err := s.idle(waiting, ctx, c, inbox, next)
			if err != nil { // Read says what it is, and connects again
				mu.Lock()
				defer mu.Unlock()
				var said *imap.Error
				a.deaf, failed = errors.As(err, &said), err
			}
			if news || err != nil {
				cancel()
			}
		})
	}
	_ = remote.Sleep(waiting, d) // either way it is over
	cancel()
	wg.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return failed
}

// idle waits until the folder grows, or waiting ends; what it asks of the server it does within ctx.
func (s *Source) idle(waiting, ctx context.Context, c *connection, inbox string, next uint32) (news bool, err error) {
	defer contain(&err)
	defer c.under(ctx)()
	select {
	case <-c.news: // from before
	default:
	}
	data, err := s.examine(ctx, c, inbox)
	if err != nil {
		return false, err
	}
	if uint32(data.UIDNext) != next {
		return true, nil // it came between reading and waiting
	}
	c.guard.expect(answerBytes)
	cmd, err := c.Idle()
	if err != nil {
		return false, err
	}
	c.guard.relax()
	select {
	case <-waiting.Done():
	case <-c.news:
		news = true
	case <-c.Closed():
	}
	c.guard.expect(answerBytes)
	defer c.guard.relax()
	if err := cmd.Close(); err != nil {
		return news, err
	}
	return news, cmd.Wait()
}
