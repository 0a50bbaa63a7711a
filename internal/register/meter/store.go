package meter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Store keeps the counts of distinct voters where several guards share them, exactly. Rates, statements an
// hour, the brake and what supervisors decided are told by [Exchange], within a second or so.
type Store interface {
	// Begin starts a transaction that has the counts of these keys for itself until it ends. Keys are
	// sorted, so that two guards never wait for each other in a circle.
	Begin(ctx context.Context, keys []string) (StoreTx, error)
}

// StoreTx is one such transaction. Without Commit nothing of it happened.
type StoreTx interface {
	Head(key string) []byte // empty: nothing was counted yet
	// Pages gives the pages of a key that exist; without numbers all of them.
	Pages(ctx context.Context, key string, pages []uint64) (map[uint64][]byte, error)
	// Put writes a head and pages, and with it what the reservation of that number changed, if anything.
	Put(ctx context.Context, key string, head []byte, pages map[uint64][]byte, seq uint64, kept []byte) error
	// Kept gives what the reservations from one on have changed, Keep writes some again; nil forgets one.
	Kept(ctx context.Context, key string, from uint64) (map[uint64][]byte, error)
	Keep(ctx context.Context, key string, kept map[uint64][]byte) error
	Commit() error
	Rollback() error
}

// Share has the meter count in a store that other guards use too. Call it before anything else.
func (m *Meter) Share(s Store) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store = s
	clear(m.accounts)
	m.last = nil
}

func (c counted) String() string { return fmt.Sprintf("%d:%s%s", len(c.budget), c.budget, c.who) }

// session is a transaction with the trackers of an account.
type session struct {
	tx    StoreTx
	lines []line // the account's, with trackers read from the store
}

// join reads the counts of an account's budgets, as far as some voters need them.
func (m *Meter) join(ctx context.Context, s Subject, voters []uint64, now time.Time) (*session, *account, int64, error) {
	m.mu.Lock()
	if err := m.stale(); err != nil {
		m.mu.Unlock()
		return nil, nil, 0, err
	}
	at := m.at(now)
	a := m.account(s)
	j := &session{lines: slices.DeleteFunc(slices.Clone(a.lines), func(l line) bool { return l.limits.mask == 0 })}
	m.mu.Unlock()
	slices.SortFunc(j.lines, func(x, y line) int { return strings.Compare(x.of.String(), y.of.String()) })
	keys := make([]string, len(j.lines))
	for i, l := range j.lines {
		keys[i] = l.of.String()
	}
	var err error
	if j.tx, err = m.store.Begin(ctx, keys); err != nil {
		return nil, nil, 0, fmt.Errorf("shared budgets cannot be read, so nothing leaves: %w", err)
	}
	for i := range j.lines {
		l := &j.lines[i]
		if l.tracker, err = readTracker(ctx, j.tx, l.of.String(), voters); err != nil {
			return nil, nil, 0, errors.Join(fmt.Errorf("shared budget %q: %w", l.budget.Name, err), j.tx.Rollback())
		}
		at = max(at, l.tracker.latest())
	}
	return j, a, at, nil
}

// latest is the beginning of the newest slice: another guard's clock may be ahead, and time never goes back.
func (t *tracker) latest() int64 { return t.spans[t.cur].start }

func (m *Meter) reserveShared(ctx context.Context, s Subject, voters []uint64, now time.Time) (*Hold, *Stop, error) {
	ctx, end := context.WithTimeout(ctx, countWithin)
	defer end()
	j, a, at, err := m.join(ctx, s, voters, now)
	if err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	h := m.holds.begin(m, a, voters)
	h.shared = true
	why := m.fill(h, j.lines, at)
	m.countRows(a, int64(h.Allowed))
	m.mu.Unlock()
	for i := range h.marks {
		h.marks[i].seq = h.marks[i].tracker.seq
	}
	if err := j.end(ctx, h); err != nil {
		h.marks = nil // nothing was counted in the store
		return nil, nil, errors.Join(err, h.Cancel(ctx))
	}
	return h, why, nil
}

// end writes what has changed, and what gives it back.
func (j *session) end(ctx context.Context, h *Hold) error {
	changed := map[counted][]byte{}
	for i := range h.marks {
		changed[h.marks[i].of] = h.marks[i].kept(h.voters)
	}
	for i := range j.lines {
		t := j.lines[i].tracker
		if err := j.tx.Put(ctx, j.lines[i].of.String(), t.head(), t.encodePages(), t.seq, changed[j.lines[i].of]); err != nil {
			return errors.Join(fmt.Errorf("shared budgets cannot be written, so nothing leaves: %w", err), j.tx.Rollback())
		}
	}
	if err := j.tx.Commit(); err != nil {
		return fmt.Errorf("shared budgets cannot be written, so nothing leaves: %w", err)
	}
	return nil
}

func (m *Meter) leftShared(ctx context.Context, s Subject, now time.Time) ([]Left, error) {
	ctx, end := context.WithTimeout(ctx, countWithin)
	defer end()
	j, _, at, err := m.join(ctx, s, []uint64{}, now)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	all := leftOf(j.lines, at)
	m.mu.Unlock()
	return all, j.tx.Rollback()
}

// readTracker reads a tracker with the pages that some voters lie in.
func readTracker(ctx context.Context, tx StoreTx, key string, voters []uint64) (*tracker, error) {
	t := newTracker()
	t.shared = true
	if err := t.readHead(tx.Head(key)); err != nil {
		return nil, err
	}
	var want []uint64
	for _, v := range voters {
		want = append(want, v>>16)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if len(t.spans) == maxTags { // tags are about to be given anew, in every page
		want = nil
	} else if len(want) == 0 {
		return t, nil
	}
	pages, err := tx.Pages(ctx, key, want)
	if err != nil {
		return nil, err
	}
	for n, raw := range pages {
		p, err := readPage(raw, len(t.spans))
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", n, err)
		}
		t.pages.put(n, p)
	}
	return t, nil
}

// encodePages encodes the pages that were read: what may have changed lies in them.
func (t *tracker) encodePages() map[uint64][]byte {
	out := map[uint64][]byte{}
	for n, p := range t.pages.all() {
		out[n] = p.encode()
	}
	return out
}

var errHead = errors.New("the counts in the shared store are damaged; restore them from a backup of that database, or rebuild them from the ledgers")

// head encodes all of a tracker but its pages.
func (t *tracker) head() []byte {
	b := []byte{1}
	b = binary.AppendUvarint(b, uint64(t.gen))
	b = binary.AppendUvarint(b, t.seq)
	b = binary.AppendUvarint(b, uint64(t.cur))
	for _, s := range t.spans[1:] {
		b = binary.AppendUvarint(b, uint64(s.start/slice))
		b = binary.AppendUvarint(b, uint64((s.end-s.start)/slice))
		b = binary.AppendUvarint(b, uint64(s.n))
	}
	return b
}

func (t *tracker) readHead(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if b[0] != 1 {
		return fmt.Errorf("%w (version %d)", errHead, b[0])
	}
	b = b[1:]
	var n [3]uint64
	read := func() bool {
		for i := range n {
			v, k := binary.Uvarint(b)
			if k <= 0 || v > 1<<53 {
				return false
			}
			n[i], b = v, b[k:]
		}
		return true
	}
	if !read() {
		return errHead
	}
	t.gen, t.seq, t.cur = uint32(n[0]), n[1], uint8(n[2])
	for len(b) > 0 {
		if !read() || len(t.spans) == maxTags || n[0] > 1<<40 || n[1] > 1<<20 {
			return errHead
		}
		start := int64(n[0]) * slice
		t.spans = append(t.spans, span{start, start + int64(n[1])*slice, int64(n[2])})
	}
	if int(t.cur) >= len(t.spans) {
		return errHead
	}
	return nil
}

// encode writes a page: all 65,536 tags, or three bytes for each voter that has one.
func (p *page) encode() []byte {
	if p.dense != nil {
		return p.dense[:]
	}
	b := make([]byte, 0, 3*len(p.keys))
	for i, k := range p.keys {
		b = append(binary.LittleEndian.AppendUint16(b, k), p.tags[i])
	}
	return b
}

func readPage(b []byte, tags int) (*page, error) {
	p := &page{}
	if len(b) == 1<<16 {
		p.dense = new([1 << 16]uint8)
		copy(p.dense[:], b)
		for _, tag := range b {
			if int(tag) >= tags {
				return nil, errHead
			}
			if tag != 0 {
				p.n++
			}
		}
		return p, nil
	}
	if len(b)%3 != 0 || len(b) > 3*denseFrom {
		return nil, errHead
	}
	for i := 0; i < len(b); i += 3 {
		k, tag := binary.LittleEndian.Uint16(b[i:]), b[i+2]
		if tag == 0 || int(tag) >= tags || len(p.keys) > 0 && p.keys[len(p.keys)-1] >= k {
			return nil, errHead
		}
		p.keys, p.tags = append(p.keys, k), append(p.tags, tag)
	}
	return p, nil
}
