package meter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// kept is what a reservation changed in a shared count: it lies in the store for as long as somebody may cancel, so that
// giving back is exact whoever has counted since. The reservations of a count are a chain: one that is cancelled
// hands what it knew of a voter on to the next that has the same voter, and only where there is none the voter is
// given back.
type kept struct {
	gen    uint32 // of the tags
	cur    uint8  // the tag that voters got
	voters []uint64
	before []uint8 // the tag that each had
}

func (k *mark) kept(voters []uint64) []byte {
	if len(voters) == 0 {
		return nil
	}
	return kept{k.gen, k.cur, voters, k.before}.encode()
}

func (k kept) encode() []byte {
	b := binary.AppendUvarint(make([]byte, 0, 16+4*len(k.voters)), uint64(k.gen))
	b = append(b, k.cur)
	last := uint64(0)
	for i, v := range k.voters {
		b = binary.AppendVarint(b, int64(v-last))
		b = append(b, k.before[i])
		last = v
	}
	return b
}

func decodeKept(b []byte) (k kept, err error) {
	gen, n := binary.Uvarint(b)
	if n <= 0 || len(b) == n || gen > 1<<32-1 {
		return k, errHead
	}
	k.gen, k.cur, b = uint32(gen), b[n], b[n+1:]
	last := uint64(0)
	for len(b) > 0 {
		delta, n := binary.Varint(b)
		if n <= 0 || len(b) == n {
			return k, errHead
		}
		last += uint64(delta)
		k.voters, k.before, b = append(k.voters, last), append(k.before, b[n]), b[n+1:]
	}
	return k, nil
}

// cancelShared gives back what a hold has counted.
func (h *Hold) cancelShared(ctx context.Context) error {
	if len(h.marks) == 0 || len(h.voters) == 0 {
		return nil
	}
	ctx, end := context.WithTimeout(ctx, countWithin)
	defer end()
	keys := map[string]*mark{}
	for i := range h.marks {
		keys[h.marks[i].of.String()] = &h.marks[i]
	}
	tx, err := h.m.store.Begin(ctx, slices.Sorted(maps.Keys(keys)))
	if err != nil {
		return fmt.Errorf("give back what was counted: %w", err)
	}
	for key, k := range keys {
		if err := giveBack(ctx, tx, key, k.seq, h.voters); err != nil {
			return errors.Join(fmt.Errorf("give back what was counted: %w", err), tx.Rollback())
		}
	}
	return tx.Commit()
}

// giveBack takes one reservation out of a count.
func giveBack(ctx context.Context, tx StoreTx, key string, seq uint64, voters []uint64) error {
	chain, err := tx.Kept(ctx, key, seq)
	if err != nil {
		return err
	}
	if _, own := chain[seq]; !own {
		return nil // it has been so long that it was forgotten: it stays counted
	}
	t, err := readTracker(ctx, tx, key, voters)
	if err != nil {
		return err
	}
	changed, err := unlink(t, chain, seq)
	if err != nil {
		return err
	}
	return errors.Join(tx.Put(ctx, key, t.head(), t.encodePages(), 0, nil), tx.Keep(ctx, key, changed))
}

// unlink takes a reservation out of its chain: what it knew goes to the next that has the same voter, or back into the
// count. It gives the reservations that have changed; nil is the one that goes.
func unlink(t *tracker, chain map[uint64][]byte, seq uint64) (changed map[uint64][]byte, err error) {
	own, err := decodeKept(chain[seq])
	if err != nil {
		return nil, err
	}
	changed = map[uint64][]byte{seq: nil}
	if own.gen != t.gen {
		return changed, nil // tags were given anew since: it stays counted
	}
	open := map[uint64]uint8{} // what was before the first time it has each voter
	for i := len(own.voters) - 1; i >= 0; i-- {
		open[own.voters[i]] = own.before[i]
	}
	for _, later := range slices.Sorted(maps.Keys(chain)) {
		if later == seq || len(open) == 0 {
			continue
		}
		next, err := decodeKept(chain[later])
		if err != nil {
			return nil, err
		}
		taken := false
		for i, v := range next.voters {
			if before, has := open[v]; has && next.gen == own.gen {
				next.before[i], taken = before, true
				delete(open, v)
			}
		}
		if taken {
			changed[later] = next.encode()
		}
	}
	for v, before := range open {
		if own.cur == 0 || int(before) >= len(t.spans) || int(own.cur) >= len(t.spans) {
			return nil, errHead
		}
		t.restore(v, before, own.cur)
	}
	return changed, nil
}
