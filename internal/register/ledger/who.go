package ledger

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Reading says that a voter's record was given to somebody in the minute that begins at Time.
type Reading struct {
	Time      time.Time `json:"time"`
	Principal string    `json:"principal"`
	Program   string    `json:"program"`
	Purpose   string    `json:"purpose"`
	Statement uint64    `json:"statement,string"`
	Leaf      int64     `json:"leaf"` // -1: not sealed yet
}

// History is the answer to one voter.
type History struct {
	From       time.Time     `json:"from"`
	To         time.Time     `json:"to"`
	Resolution time.Duration `json:"resolution"`
	Readings   []Reading     `json:"readings"`
	// Gaps are the times of which the ledger cannot tell, erased months among them.
	Gaps []Gap `json:"gaps"`
}

// WhoRead tells to whom a voter's record was given between two times.
func (v *View) WhoRead(ctx context.Context, key []byte, from, to time.Time) (*History, error) {
	h := &History{From: from, To: to, Resolution: Resolution}
	var mu sync.Mutex
	g, ctx2 := errgroup.WithContext(ctx)
	g.SetLimit(2 * runtime.GOMAXPROCS(0)) // reading waits for the disk
	for _, p := range v.parts {
		if !overlaps(p, from, to) {
			continue
		}
		g.Go(func() error {
			found, err := v.whoReadIn(ctx2, p, key, from, to)
			mu.Lock()
			defer mu.Unlock()
			h.Readings = append(h.Readings, found...)
			return err
		})
	}
	err := g.Wait()
	if err == nil {
		h.Gaps, err = v.Gaps(ctx, from, to)
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: who read a voter's record: %w", err)
	}
	h.Gaps = append(h.Gaps, v.erased(from, to)...)
	slices.SortFunc(h.Readings, compareReadings)
	return h, nil
}

func compareReadings(a, b Reading) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Program, b.Program),
		cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Statement, b.Statement), cmp.Compare(a.Leaf, b.Leaf))
}

func overlaps(p part, from, to time.Time) bool {
	_, _, m := p.span()
	return m >= 0 && m.start().Before(to) && from.Before((m + 1).start())
}

// erased are the months whose key is gone.
func (v *View) erased(from, to time.Time) (gaps []Gap) {
	last := month(-1)
	for _, p := range v.parts {
		_, _, m := p.span()
		if m == last || !overlaps(p, from, to) || v.periods.known(m) != nil {
			continue
		}
		last = m
		gaps = append(gaps, Gap{latest(from, m.start()), earliest(to, (m + 1).start()), "the key of " + m.String() + " was destroyed or is missing"})
	}
	return gaps
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// numberIn is the permuted number of a voter's key in a period, if it can have been used there.
func (v *View) numberIn(p *period, key []byte) (uint32, bool) {
	n, ok := parseInteger(key)
	if !ok || n >= p.integers {
		if n, ok = v.numbers.find(key); !ok {
			return 0, false
		}
	}
	return p.outward(n)
}

func (v *View) whoReadIn(ctx context.Context, p part, key []byte, from, to time.Time) (found []Reading, err error) {
	_, _, m := p.span()
	period := v.periods.known(m)
	if period == nil {
		return nil, nil // erased: said among the gaps
	}
	number, ok := v.numberIn(period, key)
	if !ok {
		return nil, nil
	}
	hits, err := p.find(number)
	if err != nil {
		return nil, err
	}
	var b block
	for _, principal := range hits {
		refs, err := p.blocks(principal)
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			if number < ref.first || number > ref.last || !ref.within(from, to) {
				continue
			}
			if err := cmp.Or(ctx.Err(), v.block(ref, &b)); err != nil {
				return nil, err
			}
			found = v.readings(found, &b, ref.leaf, number, from, to)
		}
	}
	return found, nil
}

func (r blockRef) within(from, to time.Time) bool {
	return r.hour*3600 < to.Unix()+1 && from.Unix() < (r.hour+1)*3600
}

func (v *View) block(ref blockRef, b *block) error {
	data, err := v.leaf(ref.leaf, ref.offset, ref.size)
	if err != nil {
		return err
	}
	if err := decodeBlock(data, b); err != nil {
		return fmt.Errorf("leaf %d is damaged (%w): verify the ledger", ref.leaf, err)
	}
	return nil
}

// readings takes one voter's pairs out of a block.
func (v *View) readings(found []Reading, b *block, leaf int64, number uint32, from, to time.Time) []Reading {
	i, _ := slices.BinarySearch(b.pairs, pair(number)<<runBits)
	if leaf >= v.state.Size {
		leaf = -1
	}
	for ; i < len(b.pairs) && uint32(b.pairs[i]>>runBits) == number; i++ {
		r := b.runs[b.pairs[i]&(1<<runBits-1)]
		if at := b.time(r); inMinute(at, from, to) {
			found = append(found, Reading{at, b.principal, b.program, b.purpose, r.statement, leaf})
		}
	}
	return found
}

func (b *block) time(r run) time.Time { return time.Unix(b.hour*3600+int64(r.minute)*60, 0).UTC() }

// inMinute says whether a minute has something in common with a span.
func inMinute(at, from, to time.Time) bool {
	return at.Before(to) && at.Add(Resolution).After(from)
}
