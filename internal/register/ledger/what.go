package ledger

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// voterSet is a set of dense numbers: integers, and those that stand for other keys.
type voterSet struct{ integers, mapped *roaring.Bitmap }

func newVoterSet() voterSet { return voterSet{roaring.New(), roaring.New()} }

func (s voterSet) add(n uint64) {
	if n >= mappedBit {
		s.mapped.Add(uint32(n - mappedBit))
	} else {
		s.integers.Add(uint32(n))
	}
}

func (s voterSet) len() int { return int(s.integers.GetCardinality() + s.mapped.GetCardinality()) }

func (s voterSet) all() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for it := s.integers.Iterator(); it.HasNext(); {
			if !yield(uint64(it.Next())) {
				return
			}
		}
		for it := s.mapped.Iterator(); it.HasNext(); {
			if !yield(mappedBit + uint64(it.Next())) {
				return
			}
		}
	}
}

// Notified are the voters whose record somebody was given.
type Notified struct {
	Principal   string
	From, To    time.Time
	Disclosures int
	// Gaps are the times of which the ledger cannot tell, erased months among them.
	Gaps []Gap

	set     voterSet
	numbers *numbers
}

// WhatRead tells whose records a principal was given between two times. It is about a
// person at work: who may ask is for the caller to settle, and to note.
func (v *View) WhatRead(ctx context.Context, principal string, from, to time.Time) (*Notified, error) {
	n := &Notified{Principal: principal, From: from, To: to, set: newVoterSet(), numbers: v.numbers}
	err := v.eachOf(ctx, principal, from, to, func(p *period, b *block) {
		for _, pair := range b.pairs {
			if inMinute(b.time(b.runs[pair&(1<<runBits-1)]), from, to) {
				n.Disclosures++
				n.set.add(p.inward(uint32(pair >> runBits)))
			}
		}
	})
	if err == nil {
		n.Gaps, err = v.Gaps(ctx, from, to)
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: what %q read: %w", principal, err)
	}
	n.Gaps = append(n.Gaps, v.erased(from, to)...)
	return n, nil
}

// eachOf calls fn for the blocks of a principal that can be read.
func (v *View) eachOf(ctx context.Context, principal string, from, to time.Time, fn func(*period, *block)) error {
	var b block
	for _, part := range v.parts {
		_, _, m := part.span()
		p := v.periods.known(m)
		i, known := slices.BinarySearch(part.names(), principal)
		if p == nil || !known || !overlaps(part, from, to) {
			continue
		}
		refs, err := part.blocks(i)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if !ref.within(from, to) {
				continue
			}
			if err := cmp.Or(ctx.Err(), v.block(ref, &b)); err != nil {
				return err
			}
			fn(p, &b)
		}
	}
	return nil
}

// Len is how many voters there are.
func (n *Notified) Len() int { return n.set.len() }

// Voters gives their keys. An error says of one number that its key isn't known any more; the rest follow.
func (n *Notified) Voters() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for number := range n.set.all() {
			key, ok := n.numbers.key(number)
			var err error
			if !ok {
				err = fmt.Errorf("the key of voter number %d is not in the ledger's numbers: restore them from a copy", number)
			}
			if !yield(key, err) {
				return
			}
		}
	}
}

// Export writes the voters' keys as CSV, for notification. Keys that are lost are counted in the error.
func (n *Notified) Export(w io.Writer) error {
	buffered := bufio.NewWriter(w)
	out := csv.NewWriter(buffered)
	err := out.Write([]string{"voter"})
	lost := 0
	for key, unknown := range n.Voters() {
		if err != nil {
			break
		}
		if unknown != nil {
			lost++
			continue
		}
		err = out.Write([]string{key})
	}
	out.Flush()
	if err = errors.Join(err, out.Error(), buffered.Flush()); err != nil {
		return fmt.Errorf("ledger: export: %w", err)
	}
	if lost > 0 {
		return fmt.Errorf("ledger: export: the keys of %d voters are not in the ledger's numbers: restore them from a copy", lost)
	}
	return nil
}

// Total is how much a principal was given by one program for one purpose.
type Total struct {
	Principal   string `json:"principal"`
	Program     string `json:"program"`
	Purpose     string `json:"purpose"`
	Disclosures int    `json:"disclosures"`
	Voters      int    `json:"voters"` // distinct; of erased periods none
}

// Totals counts between two times without naming a voter.
func (v *View) Totals(ctx context.Context, from, to time.Time) ([]Total, error) {
	totals := map[names]*Total{}
	sets := map[names]voterSet{}
	err := v.each(ctx, from, to, func(p *period, _ int64, b *block) error {
		t := totals[b.names]
		if t == nil {
			t = &Total{Principal: b.principal, Program: b.program, Purpose: b.purpose}
			totals[b.names], sets[b.names] = t, newVoterSet()
		}
		for _, pair := range b.pairs {
			if !inMinute(b.time(b.runs[pair&(1<<runBits-1)]), from, to) {
				continue
			}
			t.Disclosures++
			if p != nil {
				sets[b.names].add(p.inward(uint32(pair >> runBits)))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: totals: %w", err)
	}
	var all []Total
	for key, t := range totals {
		if t.Voters = sets[key].len(); t.Disclosures > 0 {
			all = append(all, *t)
		}
	}
	slices.SortFunc(all, func(a, b Total) int {
		return cmp.Or(cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Program, b.Program), cmp.Compare(a.Purpose, b.Purpose))
	})
	return all, nil
}

// each calls fn for every block that overlaps a span, in the order of the ledger, a whole
// bundle read at a time. The period is nil where its key is gone.
func (v *View) each(ctx context.Context, from, to time.Time, fn func(p *period, leaf int64, b *block) error) error {
	for _, part := range v.parts {
		if !overlaps(part, from, to) {
			continue
		}
		first, last, m := part.span()
		if err := v.eachLeaf(ctx, first, last, from, to, v.periods.known(m), fn); err != nil {
			return err
		}
	}
	return nil
}

func (v *View) eachLeaf(ctx context.Context, first, last int64, from, to time.Time, p *period, fn func(*period, int64, *block) error) error {
	var b block
	var leaves bundle
	for leaf := first; leaf < last; leaf++ {
		data, err := v.nextLeaf(&leaves, leaf, leaf == first)
		if err = cmp.Or(ctx.Err(), err); err != nil {
			return err
		}
		if len(data) == 0 || data[0] != leafBlock {
			continue
		}
		if err := decodeBlock(data, &b); err != nil {
			return fmt.Errorf("leaf %d is damaged (%w): verify the ledger", leaf, err)
		}
		if (blockRef{hour: b.hour}).within(from, to) {
			if err := fn(p, leaf, &b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *View) nextLeaf(leaves *bundle, leaf int64, first bool) (data []byte, err error) {
	if i := leaf - v.state.Size; i >= 0 {
		return v.extra[i], nil
	}
	if first || leaf%tileWidth == 0 {
		if *leaves, err = readBundle(filepath.Join(v.dir, "log"), leaf/tileWidth, v.state.Size); err != nil {
			return nil, err
		}
	}
	return leaves.leaf(int(leaf % tileWidth)), nil
}

// Rebuild hands on every disclosure since a time, for budgets after a restart: in the order
// of the ledger, by principal within it, with dense numbers and the time to the minute. Voters
// is valid until fn returns. Erased periods are left out.
func (v *View) Rebuild(ctx context.Context, since time.Time, fn func(*Disclosure) error) error {
	end := month(maxMonth).start()
	var r regrouped
	err := v.each(ctx, since, end, func(p *period, _ int64, b *block) error {
		if p == nil {
			return nil
		}
		r.fill(p, b)
		for i, run := range b.runs {
			voters := r.voters[r.ends[i]:r.ends[i+1]]
			if len(voters) == 0 || !inMinute(b.time(run), since, end) {
				continue
			}
			d := Disclosure{Principal: b.principal, Program: b.program, Purpose: b.purpose, Statement: run.statement, Time: b.time(run), Voters: voters}
			if err := fn(&d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ledger: rebuild: %w", err)
	}
	return nil
}

// regrouped are the pairs of a block by run, with dense numbers.
type regrouped struct {
	numbers []uint32
	voters  []uint64
	ends    []int // where each run begins, and the end
}

func (r *regrouped) fill(p *period, b *block) {
	r.numbers = r.numbers[:0]
	r.ends = append(r.ends[:0], make([]int, len(b.runs)+2)...)
	for _, pair := range b.pairs {
		r.numbers = append(r.numbers, uint32(pair>>runBits))
		r.ends[pair&(1<<runBits-1)+2]++
	}
	for i := 2; i < len(r.ends); i++ {
		r.ends[i] += r.ends[i-1]
	}
	p.permutation.backwardAll(r.numbers)
	r.voters = slices.Grow(r.voters[:0], len(b.pairs))[:len(b.pairs)]
	for i, pair := range b.pairs { // afterwards the beginnings have moved one place down
		at := &r.ends[pair&(1<<runBits-1)+1]
		r.voters[*at] = p.dense(r.numbers[i])
		*at++
	}
}
