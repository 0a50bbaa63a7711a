package response

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/chain"
)

// At is the notice as it stands at a time: a delay may have run out, and its clock.
func (n Notice) At(now time.Time) Notice { return n.settled(now) }

// Each calls fn for every notice, in no order, until it returns false.
func (r *Reader) Each(ctx context.Context, fn func(Notice) bool) error {
	return r.each(ctx, "", nil, fn)
}

// Count is how many notices there are.
func (r *Reader) Count(ctx context.Context) (n int, err error) {
	if err = r.q.QueryRowContext(ctx, `SELECT count(*) FROM response_notice`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count notices: %w", err)
	}
	return n, nil
}

// Changed are the notices about which the log of notices has entries after a position, and
// the position of the last entry. Every step writes one, in the transaction in which it is
// taken. A negative position asks for the last one alone.
func (r *Reader) Changed(ctx context.Context, after int64) (ids []portcullis.ID, last int64, err error) {
	if after < 0 {
		entries, err := chain.Latest(ctx, r.q, Log, 0, 1)
		if err != nil || len(entries) == 0 {
			return nil, 0, err
		}
		return nil, entries[0].Seq, nil
	}
	for last = after; ; {
		entries, err := chain.Entries(ctx, r.q, Log, last, 1000)
		if err != nil {
			return nil, after, err
		}
		if len(entries) == 0 {
			slices.Sort(ids)
			return slices.Compact(ids), last, nil
		}
		for _, e := range entries {
			last = e.Seq
			if id := portcullis.ID(e.Subject); id.Kind() == "notice" {
				ids = append(ids, id)
			}
		}
	}
}

// noticesAtOnce bounds how many ids stand in one statement.
const noticesAtOnce = 400

// Those are the notices with those ids, in no order; one that is not there is left out.
func (r *Reader) Those(ctx context.Context, ids []portcullis.ID) (list []Notice, err error) {
	for part := range slices.Chunk(ids, noticesAtOnce) {
		places, args := make([]string, len(part)), make([]any, len(part))
		for i, id := range part {
			places[i], args[i] = fmt.Sprintf("$%d", i+1), string(id)
		}
		more, err := r.list(ctx, `WHERE id IN (`+strings.Join(places, ",")+`)`, args...)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}
