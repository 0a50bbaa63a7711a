package meter

import (
	"slices"
	"time"
)

// Window is one of the stretches of time that budgets bound.
type Window uint8

// The windows, shortest first.
const (
	Hour Window = iota
	Day
	Days30
	Year
	windows // how many there are
)

var windowNames = [windows]string{"hour", "day", "30 days", "year"}

func (w Window) String() string {
	if w < windows {
		return windowNames[w]
	}
	return "window?"
}

// lengths of the windows in microseconds.
var lengths = [windows]int64{hour, day, 30 * day, 365 * day}

const (
	minute = int64(time.Minute / time.Microsecond)
	hour   = 60 * minute
	day    = 24 * hour
	// slice is the finest piece of time that is told apart.
	slice = 5 * minute
	// maxTags is how many slices can be told apart at once: a tag is one byte, and 0 is nobody.
	maxTags = 256
)

// tracker counts exactly how many distinct voters were given out within each window.
//
// Of each voter it keeps one byte: the tag of the slice in which they were last given
// out. As each voter has one tag, the number of distinct voters in a window is the sum over
// the slices in it, and one look-up tells both whether a voter is new and for which
// windows. A set of bitmaps per window would need four look-ups and count the same.
//
// Its memory is bounded by the distinct voters of the longest window in use: three bytes each
// where they are scattered, and at most 64 KB for each 65,536 numbers once a subject has had
// more than one in sixty-four of them.
type tracker struct {
	pages book

	spans  []span // by tag; spans[0] is nobody
	cur    uint8  // tag of the slice that is now
	gen    uint32 // grows when tags are given anew
	seq    uint64 // grows with every change, so that shared copies can be told apart
	shared bool   // it is a copy of what a store has

	// what follows is derived for a time up to until.
	in    [maxTags]uint8 // bit w: the slice lies in window w
	count [windows]int64
	until int64
}

// span is a slice of time and how many voters were last given out in it. The end is excluded.
type span struct{ start, end, n int64 }

func newTracker() *tracker {
	return &tracker{spans: make([]span, 1, 8)}
}

// advance makes now the tracker's time: a new slice begins when the last has ended,
// and slices that have left a window stop counting in it.
func (t *tracker) advance(now int64) {
	if t.cur == 0 || now >= t.spans[t.cur].end {
		if len(t.spans) == maxTags {
			t.sweep(now)
		}
		start := now - now%slice
		t.spans = append(t.spans, span{start: start, end: start + slice})
		t.cur = uint8(len(t.spans) - 1)
		t.until = 0
	}
	if now >= t.until {
		t.derive(now)
	}
}

// derive finds which slices lie in which windows, and until when that stays so.
func (t *tracker) derive(now int64) {
	t.count, t.until = [windows]int64{}, t.spans[t.cur].end
	t.in = [maxTags]uint8{}
	for tag := 1; tag < len(t.spans); tag++ {
		s := t.spans[tag]
		for w := Year; w < windows; w-- { // wraps past Hour
			leaves := s.end + lengths[w]
			if now >= leaves {
				break // and the shorter windows were left before
			}
			t.in[tag] |= 1 << w
			t.count[w] += s.n
			t.until = min(t.until, leaves)
		}
	}
}

// grain is how fine the slices of an age are told apart. A slice that grows must not come
// back into a window that it has left, so each step waits until it cannot.
func grain(age int64) int64 {
	switch {
	case age < 2*hour:
		return slice
	case age < day+2*hour:
		return 3 * slice
	case age < 2*day+hour:
		return hour
	case age < 41*day:
		return day
	}
	return 10 * day
}

// sweep puts slices together that have grown old, forgets what is older than every
// window, and so makes room for new tags: at most some 220 remain.
func (t *tracker) sweep(now int64) {
	var remap [maxTags]uint8
	kept := []span{{}}
	for tag := 1; tag < len(t.spans); tag++ {
		s := t.spans[tag]
		if s.n == 0 || now >= s.end+lengths[Year] {
			continue
		}
		g := grain(now - s.end)
		start := s.start - s.start%g
		i := slices.IndexFunc(kept[1:], func(k span) bool { return k.start == start && k.end == start+g }) + 1
		if i == 0 {
			kept = append(kept, span{start: start, end: start + g})
			i = len(kept) - 1
		}
		kept[i].n += s.n
		remap[tag] = uint8(i)
	}
	for key, p := range t.pages.all() {
		if p.remap(&remap); p.empty() && !t.shared {
			t.pages.remove(key) // a shared one must be written empty
		}
	}
	t.spans, t.cur, t.until = kept, 0, 0
	t.gen++
}

// take counts voters up to the first that a window has no room for, and says how many
// that are and which window it was. Into before goes the tag each had before.
//
// Neighbours most often have the same tag, so those of one are counted together: left says how many
// more of it there is room for.
func (t *tracker) take(voters []uint64, before []uint8, limits *limits) (taken int, full Window, ok bool) {
	t.seq++
	var p *page
	number := ^uint64(0)
	from, run, left := t.cur, int64(0), int64(0)
	for i, v := range voters {
		if v>>16 != number {
			number = v >> 16
			p = t.pages.page(number)
		}
		at, tag := p.find(uint16(v))
		before[i] = tag
		if tag == t.cur {
			continue
		}
		if tag != from {
			t.move(from, t.cur, run)
			from, run, left = tag, 0, t.left(limits.mask&^t.in[tag], limits)
		}
		if run == left {
			t.move(from, t.cur, run)
			w, _ := t.room(limits.mask&^t.in[tag], limits)
			return i, w, false
		}
		run++
		p.put(at, uint16(v), tag == 0, t.cur)
	}
	t.move(from, t.cur, run)
	return len(voters), 0, true
}

// left is how many more the windows of a mask have room for.
func (t *tracker) left(mask uint8, limits *limits) int64 {
	n := farOff
	for w := Hour; w < windows; w++ {
		if mask&(1<<w) != 0 {
			n = min(n, max(0, limits.of[w]-t.count[w]))
		}
	}
	return n
}

// room tells whether one more fits into the windows of a mask.
func (t *tracker) room(mask uint8, limits *limits) (Window, bool) {
	for w := Hour; w < windows; w++ {
		if mask&(1<<w) != 0 && t.count[w] >= limits.of[w] {
			return w, false
		}
	}
	return 0, true
}

// move counts n voters to another slice.
func (t *tracker) move(from, to uint8, n int64) {
	added, lost := t.in[to]&^t.in[from], t.in[from]&^t.in[to]
	for w := Hour; w < windows; w++ {
		t.count[w] += n * (int64(added>>w&1) - int64(lost>>w&1))
	}
	if from != 0 {
		t.spans[from].n -= n
	}
	if to != 0 {
		t.spans[to].n += n
	}
}

// restore undoes take for one voter, unless it has been counted again since.
func (t *tracker) restore(v uint64, before, since uint8) {
	p := t.pages.page(v >> 16)
	at, tag := p.find(uint16(v))
	if tag != since || tag == before {
		return
	}
	t.seq++
	t.move(tag, before, 1)
	if before == 0 {
		p.remove(at, uint16(v))
		return
	}
	p.put(at, uint16(v), false, before)
}

// replay counts voters that were given out at an earlier time. A later time of the
// same voter stays.
func (t *tracker) replay(voters []uint64, at, now int64) {
	if now >= at+lengths[Year] {
		return
	}
	tag := t.tagAt(at, now)
	for _, v := range voters {
		p := t.pages.page(v >> 16)
		i, had := p.find(uint16(v))
		if had == tag || had != 0 && t.spans[had].end >= t.spans[tag].end {
			continue
		}
		t.move(had, tag, 1)
		p.put(i, uint16(v), had == 0, tag)
	}
	t.seq++
	t.until = 0
}

// tagAt finds or makes the slice for a time gone by.
func (t *tracker) tagAt(at, now int64) uint8 {
	g := grain(now - at)
	start := at - at%g
	for {
		for tag := 1; tag < len(t.spans); tag++ {
			if t.spans[tag].start <= at && at < t.spans[tag].end {
				return uint8(tag)
			}
		}
		if len(t.spans) == maxTags {
			t.sweep(now)
			continue
		}
		t.spans = append(t.spans, span{start: start, end: start + g})
		return uint8(len(t.spans) - 1)
	}
}

// bytes is the memory that the tracker holds, counted from its parts.
func (t *tracker) bytes() int64 {
	n := int64(maxTags+cap(t.spans)*24+cap(t.pages.near)*8) + 128
	for _, p := range t.pages.all() {
		n += 80 + int64(cap(p.keys)*2+cap(p.tags))
		if p.dense != nil {
			n += int64(len(p.dense))
		}
	}
	return n
}
