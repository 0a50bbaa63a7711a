package meter

import (
	"context"
	"slices"
	"sync"
)

// Hold is what Reserve counted for rows that have not left yet. Commit or Cancel it, once.
type Hold struct {
	Allowed int    // so many of the rows may leave
	Nearly  []Left // bounds of which, with these rows, four fifths are used; each is told when it comes to that

	m       *Meter
	account *account
	voters  []uint64
	marks   []mark
	closed  bool
	spent   bool // too old to be given back exactly
	shared  bool // counted in a shared store

	next *Hold // opened after this one
}

// mark is what one tracker counted for a hold.
type mark struct {
	tracker *tracker
	of      counted
	gen     uint32
	cur     uint8
	before  []uint8 // the tag of each voter before
	seq     uint64  // of a shared tracker, after counting
}

// holds are kept in the order they were opened, from the oldest that is still open: whoever is
// cancelled must not give back voters that a later one was given for nothing because they
// were counted already.
type holds struct {
	first, last *Hold
	voters      int // that are kept because of open holds
	pool        sync.Pool
}

// maxHeld bounds the voters that are remembered for giving back. Beyond it the oldest
// hold loses the right: its budget stays used, which is never too little.
const maxHeld = 4 << 20

func (l *holds) begin(m *Meter, a *account, voters []uint64) *Hold {
	h, ok := l.pool.Get().(*Hold)
	if !ok {
		h = &Hold{}
	}
	*h = Hold{m: m, account: a, voters: append(h.voters[:0], voters...), marks: h.marks[:0]}
	if l.last == nil {
		l.first = h
	} else {
		l.last.next = h
	}
	l.last = h
	l.voters += len(voters)
	for f := l.first; l.voters > maxHeld && f != h; f = f.next {
		if !f.spent {
			f.spent = true
			l.voters -= len(f.voters)
			f.voters, f.marks = nil, nil
		}
	}
	return h
}

// take counts up to n voters in one budget.
func (h *Hold) take(l *line, n int, enforce bool) *Stop {
	t := l.tracker
	i := len(h.marks)
	if i < cap(h.marks) {
		h.marks = h.marks[:i+1]
	} else {
		h.marks = append(h.marks, mark{})
	}
	k := &h.marks[i]
	k.tracker, k.of, k.gen, k.cur = t, l.of, t.gen, t.cur
	k.before = slices.Grow(k.before[:0], n)[:n]
	bounds := l.limits
	if !enforce {
		bounds.mask = 0
	}
	taken, full, ok := t.take(h.voters[:n], k.before, &bounds)
	k.before = k.before[:taken]
	h.Allowed = taken
	switch {
	case !ok:
	case enforce:
		return nil
	default:
		if full, ok = t.room(l.limits.mask, &limits{of: beyond(l.limits.of)}); ok {
			return nil
		}
	}
	return h.m.stop(l, OverBudget, full.String(), l.limits.of[full], t.count[full], t.leaves(full))
}

// beyond are the bounds that only somebody over them reaches.
func beyond(of [windows]int64) [windows]int64 {
	for w := range of {
		of[w]++
	}
	return of
}

// leaves is when the oldest slice leaves a window.
func (t *tracker) leaves(w Window) int64 {
	first := farOff
	for tag := 1; tag < len(t.spans); tag++ {
		if t.in[tag]&(1<<w) != 0 && t.spans[tag].n > 0 {
			first = min(first, t.spans[tag].end+lengths[w])
		}
	}
	return first
}

// trim takes back what trackers counted beyond what the strictest of them allowed.
func (h *Hold) trim() {
	for i := range h.marks {
		k := &h.marks[i]
		for j := len(k.before) - 1; j >= h.Allowed; j-- {
			k.tracker.restore(h.voters[j], k.before[j], k.cur)
		}
		k.before = k.before[:min(len(k.before), h.Allowed)]
	}
	h.m.holds.voters -= len(h.voters) - h.Allowed
	h.voters = h.voters[:h.Allowed]
}

// Commit says that the rows have been recorded and leave. The hold is not to be used again.
func (h *Hold) Commit(context.Context) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.m.holds.close(h)
	return nil
}

// Cancel gives back what was counted: the rows do not leave. A voter whom somebody else was
// given meanwhile, counted against the same budget, stays counted. The hold is not to be used again.
// An error comes from a shared store only: what was counted then stays counted.
func (h *Hold) Cancel(ctx context.Context) error {
	var err error
	if h.shared {
		err = h.cancelShared(ctx)
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.m.countRows(h.account, -int64(h.Allowed))
	if !h.spent && !h.shared {
		h.undo()
	}
	h.m.holds.close(h)
	return err
}

func (h *Hold) undo() {
	for i := range h.marks {
		k := &h.marks[i]
		if k.tracker.gen != k.gen || k.tracker.cur == 0 {
			continue // tags were given anew since: what was counted stays
		}
		others := h.m.holds.others(h, k.tracker)
		for j := len(k.before) - 1; j >= 0; j-- {
			if v := h.voters[j]; !others[v] {
				k.tracker.restore(v, k.before[j], k.cur)
			}
		}
	}
}

// others are the voters whom other holds on the same tracker were given meanwhile.
func (l *holds) others(h *Hold, t *tracker) map[uint64]bool {
	var set map[uint64]bool
	for o := l.first; o != nil; o = o.next {
		if o == h || !slices.ContainsFunc(o.marks, func(k mark) bool { return k.tracker == t }) {
			continue
		}
		if set == nil {
			set = map[uint64]bool{}
		}
		for _, v := range o.voters {
			set[v] = true
		}
	}
	return set
}

// close ends a hold, and forgets all that no open hold can depend on any more.
func (l *holds) close(h *Hold) {
	h.closed = true
	for l.first != nil && l.first.closed {
		done := l.first
		if l.first = done.next; l.first == nil {
			l.last = nil
		}
		if !done.spent {
			l.voters -= len(done.voters)
		}
		done.next = nil
		if !done.spent {
			l.pool.Put(done)
		}
	}
}
