package assessment

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/chain"
)

// Stored is a result as it was kept.
type Stored struct {
	Assessment Assessment
	Seq        int64 // of its entry in the log
	At         time.Time
	Raw        []byte
}

// Latest is the last assessment of a campaign; ok is false if there is none.
func (r *Reader) Latest(ctx context.Context, campaign portcullis.ID) (s Stored, ok bool, err error) {
	row := r.q.QueryRowContext(ctx, `SELECT seq, at, body FROM assessment_result WHERE campaign = $1 ORDER BY seq DESC LIMIT 1`, string(campaign))
	return stored(row, campaign)
}

// At is the assessment that an entry of the log tells of.
func (r *Reader) At(ctx context.Context, campaign portcullis.ID, seq int64) (s Stored, ok bool, err error) {
	row := r.q.QueryRowContext(ctx, `SELECT seq, at, body FROM assessment_result WHERE campaign = $1 AND seq = $2`, string(campaign), seq)
	return stored(row, campaign)
}

func stored(row *sql.Row, campaign portcullis.ID) (s Stored, ok bool, err error) {
	var at int64
	var body string
	switch err := row.Scan(&s.Seq, &at, &body); {
	case errors.Is(err, sql.ErrNoRows):
		return s, false, nil
	case err != nil:
		return s, false, fmt.Errorf("read the assessment of %s: %w", campaign, err)
	}
	s.At, s.Raw = time.UnixMicro(at).UTC(), []byte(body)
	if err := json.Unmarshal(s.Raw, &s.Assessment); err != nil {
		return s, false, fmt.Errorf("the assessment of %s kept under entry %d is damaged: %w", campaign, s.Seq, err)
	}
	return s, true, nil
}

// Assessed lists the campaigns that have an assessment, with how many.
func (r *Reader) Assessed(ctx context.Context) (list []portcullis.ID, err error) {
	rows, err := r.q.QueryContext(ctx, `SELECT DISTINCT campaign FROM assessment_result ORDER BY campaign`)
	if err != nil {
		return nil, fmt.Errorf("list assessments: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list assessments: %w", err)
		}
		list = append(list, portcullis.ID(id))
	}
	return list, rows.Err()
}

// Replayed is what computing a campaign's assessments again came to.
type Replayed struct {
	Campaign portcullis.ID `json:"campaign"`
	Head     chain.Head    `json:"head"`
	Same     int           `json:"same"`             // byte for byte
	Differ   []string      `json:"differ,omitempty"` // one sentence for each that differs
	Erased   int           `json:"erased,omitempty"` // rest on what was erased from the log since, and cannot be computed
	Other    int           `json:"other,omitempty"`  // made by another method, which this program no longer has
}

// Replay checks the chain, computes every assessment of a campaign again from what
// the log held at that moment, and compares byte for byte.
func (r *Reader) Replay(ctx context.Context, campaign portcullis.ID) (out Replayed, err error) {
	out.Campaign = campaign
	if out.Head, err = chain.Verify(ctx, r.q, LogOf(campaign)); err != nil {
		return out, fmt.Errorf("replay the assessments of %s: %w", campaign, err)
	}
	s, erased := newState(campaign), false
	_, err = r.walk(ctx, campaign, func(e chain.Entry) error {
		if erased = erased || e.Erased(); erased {
			if e.Kind == entryAssessed {
				out.Erased++
			}
			return nil
		}
		if err := s.apply(e); err != nil || e.Kind != entryAssessed {
			return err
		}
		return r.again(ctx, &out, s.current(), e)
	})
	return out, err
}

// again compares one result.
func (r *Reader) again(ctx context.Context, out *Replayed, c Case, e chain.Entry) error {
	var was result
	if err := json.Unmarshal(e.Body, &was); err != nil {
		return err
	}
	if was.Method != Method {
		out.Other++
		return nil
	}
	kept, ok, err := r.At(ctx, c.Campaign, e.Seq)
	if err != nil {
		return err
	}
	now, err := canonical(Assess(c))
	if err != nil {
		return err
	}
	switch {
	case !ok:
		out.Differ = append(out.Differ, fmt.Sprintf("entry %d: the log tells of an assessment that is not kept", e.Seq))
	case digest(kept.Raw) != was.SHA256:
		out.Differ = append(out.Differ, fmt.Sprintf("entry %d: what is kept is not what was entered: it has been changed", e.Seq))
	case !bytes.Equal(now, kept.Raw):
		out.Differ = append(out.Differ, fmt.Sprintf("entry %d: computing it again gives something else", e.Seq))
	default:
		out.Same++
	}
	return nil
}
