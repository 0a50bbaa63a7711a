package register

import (
	"context"
	"slices"
	"sync"
	"time"

	"portcullis.example/portcullis/internal/register/ledger"
)

// behind records after the rows have left, while the policy only observes. What it could not
// record is a gap that it states.
type behind struct {
	g    *Guard
	in   chan *ledger.Disclosure
	done sync.WaitGroup
}

// maxBehind is how many disclosures may wait; then rows wait too.
const maxBehind = 1024

const gather = 5 * time.Millisecond

func startBehind(g *Guard) *behind {
	b := &behind{g: g, in: make(chan *ledger.Disclosure, maxBehind)}
	for range 512 { // all that wait share a sync
		b.done.Go(b.run)
	}
	return b
}

func (b *behind) record(ctx context.Context, d *ledger.Disclosure) error {
	own := *d
	own.Voters = slices.Clone(d.Voters)
	own.Time = time.Now()
	select {
	case b.in <- &own:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *behind) run() {
	for d := range b.in {
		time.Sleep(gather) // nobody waits for it, so more can share a sync
		if err := b.g.book.Record(context.Background(), d); err != nil {
			_ = b.g.ledgerFailed(context.Background(), err)
			continue
		}
		b.g.ledgerWorks(context.Background())
	}
}

// close waits until everything is recorded. Sessions have ended before.
func (b *behind) close() {
	close(b.in)
	b.done.Wait()
}
