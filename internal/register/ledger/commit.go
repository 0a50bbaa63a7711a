package ledger

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// waiting is a record whose caller waits for it to be synced.
type waiting struct {
	rec    record
	frame  []byte
	period *period
	mapped []uint32 // numbers of keys that the period's file has to know first
}

// group is written and synced as one, by the caller that came first.
type group struct {
	items []*waiting
	bytes int
	done  chan struct{}
	err   error
}

// commit puts a record into the log and returns when it is synced. All that come while one
// group is being synced make up the next: under load a sync serves many.
func (l *Ledger) commit(ctx context.Context, w *waiting) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.frame = appendFrame(make([]byte, 0, frameHeader+64+len(w.rec.voters)*4+len(w.rec.entry)), &w.rec)
	l.mu.Lock()
	if l.done {
		l.mu.Unlock()
		return ErrClosed
	}
	g := l.next
	leads := g == nil || g.bytes+len(w.frame) > maxWait
	if leads {
		g = &group{done: make(chan struct{})}
		l.next = g
	}
	g.items, g.bytes = append(g.items, w), g.bytes+len(w.frame)
	l.mu.Unlock()
	if leads {
		l.lead(g)
		return g.err
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done(): // it may be written yet: then the ledger knows of rows that didn't leave
		return ctx.Err()
	}
}

func (l *Ledger) lead(g *group) {
	l.turn <- struct{}{}
	l.mu.Lock()
	if l.next == g {
		l.next = nil
	}
	l.mu.Unlock()
	if g.err = ErrClosed; !l.ended {
		g.err = l.write(g.items)
	}
	<-l.turn
	close(g.done)
}

// write has the turn.
func (l *Ledger) write(items []*waiting) error {
	if err := l.makeRoom(); err != nil {
		return err
	}
	for p, ids := range mappedBy(items) {
		if err := l.numbers.persist(p, ids); err != nil {
			return explain(err)
		}
	}
	frames := make([][]byte, 0, len(items)+1)
	step := l.step(items)
	for _, w := range step {
		frames = append(frames, w.frame)
	}
	var err error
	if l.buf, err = l.wal.write(frames, l.buf); err != nil {
		return explain(err)
	}
	hour := l.hour
	for _, w := range step {
		l.open.add(w.rec)
		if w.rec.kind == recordDisclosure {
			hour = max(hour, w.rec.time/microHour)
		}
	}
	if hour > l.hour && l.hour > 0 || l.open.pairs >= l.cfg.openPairs {
		l.seals.start(l)
		l.wal.purgeLogged(l)
	}
	l.hour = hour
	return nil
}

const microHour = int64(time.Hour / time.Microsecond)

func mappedBy(items []*waiting) map[*period][]uint32 {
	var by map[*period][]uint32
	for _, w := range items {
		if len(w.mapped) > 0 {
			if by == nil {
				by = map[*period][]uint32{}
			}
			by[w.period] = append(by[w.period], w.mapped...)
		}
	}
	return by
}

// clockSlack is how far the wall clock may run apart from the machine's between two writes
// before it counts as a step. Time synchronisation slews by at most 500 ppm.
const clockSlack = 2 * time.Second

// step puts an entry before the records if the wall clock stepped since the last write. The
// order of the ledger is that of its sequence numbers, so a step never disturbs it.
func (l *Ledger) step(items []*waiting) []*waiting {
	wall, elapsed := l.cfg.clock()
	last := l.last
	l.last = instant{wall, elapsed}
	if last.wall.IsZero() {
		return items
	}
	should := last.wall.Add(elapsed - last.elapsed).Round(0)
	off := wall.Round(0).Sub(should)
	if off.Abs() <= clockSlack+(elapsed-last.elapsed)/1000 {
		return items
	}
	w, err := Entry{
		Kind: KindClock, Time: wall, From: should.UTC(), Until: wall.Round(0).UTC(),
		Text: fmt.Sprintf("the wall clock stepped by %s", off.Round(time.Millisecond)),
	}.waiting()
	if err != nil { // a time no entry can hold
		return items
	}
	w.frame = appendFrame(nil, &w.rec)
	return append([]*waiting{w}, items...)
}

// explain says what to do about a write that failed.
func explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk under the ledger is full, nothing may be released; it goes on by itself once there is room: %w", err)
	}
	return fmt.Errorf("the ledger can't be written, nothing may be released: %w", err)
}
