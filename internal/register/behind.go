package register

import (
	"context"
	"sync"
	"time"

	"portcullis.example/portcullis/internal/register/ledger"
)

// behind records after the rows have left, while the policy only observes. What it could not
// record is a gap that it states. What is alike within a moment is recorded as one: a sync then serves
// all that happened meanwhile, and none of them costs more than its place in a list.
type behind struct {
	g *Guard

	mu      sync.Mutex // guards what follows
	room    *sync.Cond
	waiting map[alike]*[]uint64
	last    alike     // what was added last, and
	lastOf  *[]uint64 // where; nil: nothing
	voters  int       // that wait
	ended   bool

	wake chan struct{}
	done sync.WaitGroup
}

// alike is what disclosures recorded as one have in common.
type alike struct {
	principal, program, purpose string
	statement                   uint64
}

const (
	maxBehind = 1 << 18               // so many voters may wait; then rows wait too
	moment    = 20 * time.Millisecond // what a crash may lose
)

func startBehind(g *Guard) *behind {
	b := &behind{g: g, waiting: map[alike]*[]uint64{}, wake: make(chan struct{}, 1)}
	b.room = sync.NewCond(&b.mu)
	b.done.Go(b.run)
	return b
}

// record calls leave before it waits.
func (b *behind) record(leave func(), d *ledger.Disclosure) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.voters >= maxBehind && !b.ended {
		leave()
		b.room.Wait()
	}
	if key := (alike{d.Principal, d.Program, d.Purpose, d.Statement}); b.lastOf == nil || key != b.last {
		b.last, b.lastOf = key, b.waiting[key]
		if b.lastOf == nil {
			b.lastOf = new([]uint64)
			b.waiting[key] = b.lastOf
		}
	}
	*b.lastOf = append(*b.lastOf, d.Voters...)
	if b.voters == 0 {
		b.rouse()
	}
	b.voters += len(d.Voters)
	return nil
}

func (b *behind) rouse() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *behind) run() {
	for range b.wake {
		time.Sleep(moment)
		b.mu.Lock()
		batch, ended := b.waiting, b.ended
		b.waiting, b.lastOf, b.voters = make(map[alike]*[]uint64, len(batch)), nil, 0
		b.room.Broadcast()
		b.mu.Unlock()
		b.write(batch)
		if ended {
			return
		}
	}
}

// write records a moment; those of different people share syncs.
func (b *behind) write(batch map[alike]*[]uint64) {
	const most = 1 << 18 // of one record
	var all sync.WaitGroup
	for key, waiting := range batch {
		voters := *waiting
		all.Go(func() {
			for len(voters) > 0 {
				n := min(len(voters), most)
				d := ledger.Disclosure{Principal: key.principal, Program: key.program, Purpose: key.purpose, Statement: key.statement, Voters: voters[:n]}
				if err := b.g.book.Record(context.Background(), &d); err != nil {
					_ = b.g.ledgerFailed(context.Background(), err)
				} else {
					b.g.ledgerWorks(context.Background())
				}
				voters = voters[n:]
			}
		})
	}
	all.Wait()
}

// close waits until everything is recorded. Sessions have ended before.
func (b *behind) close() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	b.rouse()
	b.done.Wait()
}
