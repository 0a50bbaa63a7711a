package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// waiting is a record whose caller waits for it to be synced.
type waiting struct {
	rec    record
	frame  []byte
	period *period
	mapped []uint32    // numbers of keys that the period's file has to know first
	done   func(error) // is told the end, where nobody waits for it
}

// size is about how many bytes it takes.
func (w *waiting) size() int { return frameHeader + 64 + len(w.rec.voters)*4 + len(w.rec.entry) }

func (w *waiting) encode() { w.frame = appendFrame(make([]byte, 0, w.size()), &w.rec) }

// encodeLater permutes and encodes what nobody waits for. A number that is permuted alone waits for each of its loads; many go beside each other.
func encodeLater(items []*waiting) {
	var later []*waiting
	for _, w := range items {
		if w.done != nil {
			later = append(later, w)
		}
	}
	for len(later) > 0 {
		p, n := later[0].period, 0
		var all []uint32
		for ; n < len(later) && later[n].period == p; n++ {
			all = append(all, later[n].rec.voters...)
		}
		p.permutation.forwardAll(all)
		for _, w := range later[:n] {
			all = all[copy(w.rec.voters, all):]
			w.encode()
		}
		later = later[n:]
	}
}

// group is written and synced as one, by the caller that came first.
type group struct {
	items []*waiting
	bytes int
	hurry bool // somebody waits for it
	done  chan struct{}
	err   error
}

// commit puts a record into the log and returns when it is synced. All that come while one
// group is being synced make up the next: under load a sync serves many.
func (l *Ledger) commit(ctx context.Context, w *waiting) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g, leads, err := l.join(w)
	if err != nil {
		return err
	}
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

// maxUnled bounds how many groups wait for the one goroutine that leads those which nobody waits for: a disk that
// is slower than its callers must slow them down, not fill the memory.
const maxUnled = 4

// errBusy says that so much is waiting already that who comes now should wait too.
var errBusy = errors.New("too much is waiting to be written")

// commitLater is commit for who does not wait. One goroutine leads all groups that nobody waits for, as long as
// there are any.
func (l *Ledger) commitLater(w *waiting) error {
	_, _, err := l.join(w)
	return err
}

// yieldEvery keeps the runtime from taking the one who leads for one who never lets go, after whom it looks every 20 µs.
const yieldEvery = 8

func (l *Ledger) leadAll() {
	last := 1
	for n := 1; ; n++ {
		if n%yieldEvery == 0 {
			runtime.Gosched()
		}
		l.mu.Lock()
		if len(l.unled) == 0 {
			l.leading = false
			l.mu.Unlock()
			return
		}
		g := l.unled[0]
		l.unled = l.unled[1:]
		hurry := g.hurry
		l.mu.Unlock()
		if !hurry {
			gather(last)
		}
		l.lead(g)
		last = len(g.items)
	}
}

// Where many come at once it pays to wait for more before a sync, and nobody waits the longer for it: who came a
// moment later would wait for the next. It is as long as the last group was large (compare PostgreSQL's commit_delay).
const (
	gatherEach = 50 * time.Microsecond
	gatherMost = time.Millisecond
)

func gather(last int) {
	if d := min(time.Duration(last-1)*gatherEach, gatherMost); d > 0 {
		pause(d)
	}
}

// join adds a record to the group that is written next, and says whether the caller has to lead it.
func (l *Ledger) join(w *waiting) (g *group, leads bool, err error) {
	later := w.done != nil
	if !later {
		w.encode()
	}
	size := w.size()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil, false, ErrClosed
	}
	g = l.next
	if g == nil || g.bytes+size > maxWait {
		if later && len(l.unled) >= maxUnled {
			return nil, false, errBusy
		}
		g, leads = &group{done: make(chan struct{})}, true
		l.next = g
		l.leads.Add(1)
	}
	g.items, g.bytes, g.hurry = append(g.items, w), g.bytes+size, g.hurry || !later
	if leads && later {
		l.unled = append(l.unled, g)
		if !l.leading {
			l.leading = true
			go l.leadAll()
		}
	}
	return g, leads, nil
}

// lead writes a group and tells everybody in it.
func (l *Ledger) lead(g *group) {
	defer l.leads.Done()
	l.turn <- struct{}{}
	l.mu.Lock()
	if l.next == g {
		l.next = nil
	}
	l.mu.Unlock()
	encodeLater(g.items)
	g.err = l.write(g.items)
	<-l.turn
	close(g.done)
	for _, w := range g.items {
		if w.done != nil {
			w.done(g.err)
		}
	}
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
