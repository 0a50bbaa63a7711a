package campaigns

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
)

// Stand is how a campaign stands, without what is in it.
type Stand struct {
	Version    int
	MergedInto portcullis.ID // "" if it was not
	Listed     bool          // it has members, and concerns protected people: [Reader.Campaigns] lists it
}

// Stands are those of all campaigns there ever were: a cheap way to learn which have changed.
func (r *Reader) Stands(ctx context.Context) (map[portcullis.ID]Stand, error) {
	return r.stands(ctx, ``)
}

// StandsSince are those of the campaigns that were written after a [Reader.Turn].
func (r *Reader) StandsSince(ctx context.Context, turn int64) (map[portcullis.ID]Stand, error) {
	return r.stands(ctx, ` WHERE turn>$1`, turn)
}

func (r *Reader) stands(ctx context.Context, where string, args ...any) (map[portcullis.ID]Stand, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT id, version, merged_into, gone, ours FROM campaigns_campaign`+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read how campaigns stand: %w", err)
	}
	defer rows.Close()
	all := map[portcullis.ID]Stand{}
	for rows.Next() {
		var id portcullis.ID
		var s Stand
		var gone, ours int
		if err := rows.Scan(&id, &s.Version, &s.MergedInto, &gone, &ours); err != nil {
			return nil, fmt.Errorf("read how campaigns stand: %w", err)
		}
		s.Listed = gone == 0 && ours == 1
		all[id] = s
	}
	return all, rows.Err()
}

// Turn changes with every transaction that writes campaigns.
func (r *Reader) Turn(ctx context.Context) (turn int64, err error) {
	if err = r.q.QueryRowContext(ctx, `SELECT turn FROM campaigns_state WHERE id=1`).Scan(&turn); err != nil {
		return 0, fmt.Errorf("read whether campaigns changed: %w", err)
	}
	return turn, nil
}

// summariesAtOnce bounds how many ids stand in one statement.
const summariesAtOnce = 400

// Summaries are the campaigns with those ids, in no order; one that is not there is left out,
// and one that was merged is not followed.
func (r *Reader) Summaries(ctx context.Context, ids []portcullis.ID) (list []Summary, err error) {
	for part := range slices.Chunk(ids, summariesAtOnce) {
		places, args := make([]string, len(part)), make([]any, len(part))
		for i, id := range part {
			places[i], args[i] = fmt.Sprintf("$%d", i+1), string(id)
		}
		rows, err := r.rows(ctx, `WHERE id IN (`+strings.Join(places, ",")+`)`, args...)
		if err != nil {
			return nil, err
		}
		for _, c := range rows {
			list = append(list, c.Summary)
		}
	}
	return list, nil
}
