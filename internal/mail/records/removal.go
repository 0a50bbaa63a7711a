package records

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"portcullis.example/portcullis"
)

// Retain removes messages older than before with all that hangs on them, a
// bounded number at a time, and returns their ids. It is done when it returns none.
//
// How old a message is, only a trusted server's time tells. Where there is none,
// it is as old as its record: otherwise who writes a Date of 1970 has the
// evidence removed the same night, and who writes one of 2099 keeps people's
// data for good. A record is never younger than its message.
func (w *Writer) Retain(ctx context.Context, before time.Time, limit int) ([]portcullis.ID, error) {
	ids, err := w.ids(ctx, `SELECT * FROM (SELECT id FROM mail_message WHERE time_known=1 AND time < $1 ORDER BY time LIMIT $2) a
		UNION SELECT * FROM (SELECT id FROM mail_message WHERE recorded < $1 ORDER BY recorded LIMIT $2) b`, before.UnixMicro(), limit)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, w.retainOthers(ctx, before)
	}
	for _, id := range ids {
		if err := w.Remove(ctx, id); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// retainOthers removes what no message rests on any more. Every run notes again what
// it judges with, so nothing left rests on older inputs.
func (w *Writer) retainOthers(ctx context.Context, before time.Time) error {
	err := w.exec(ctx, "removal", `DELETE FROM mail_input WHERE recorded < $1 AND kind IN ('people','config','model')
		AND recorded < (SELECT max(recorded) FROM mail_input i WHERE i.kind=mail_input.kind)`, before.UnixMicro())
	if err != nil {
		return err
	}
	return w.exec(ctx, "removal", `DELETE FROM mail_informational WHERE last < (SELECT coalesce(min(num),0) FROM mail_message)`)
}

// Remove deletes one message and all that hangs on it.
func (w *Writer) Remove(ctx context.Context, message portcullis.ID) error {
	num, err := w.number(ctx, message)
	if err != nil {
		return ignoreNoRows(err)
	}
	w.forget()
	if err := w.removeFacts(ctx, num); err != nil {
		return err
	}
	if err := w.removeCopy(ctx, num); err != nil {
		return err
	}
	for _, table := range []string{"mail_verdict", "mail_finding", "mail_concerns", "mail_body", "mail_contact", "mail_delivery"} {
		if err := w.exec(ctx, "removal", `DELETE FROM `+table+` WHERE message=$1`, num); err != nil {
			return err
		}
	}
	delete(w.numbers, message)
	return w.exec(ctx, "removal", `DELETE FROM mail_message WHERE num=$1`, num)
}

// removeFacts deletes what comparisons of a message rest on.
func (w *Writer) removeFacts(ctx context.Context, num int64) error {
	clear(w.facts)
	return w.exec(ctx, "removal", `DELETE FROM mail_facts WHERE hash IN (SELECT facts FROM mail_verdict WHERE message=$1 AND revision>0)`, num)
}

// removeCopy takes a message out of its group.
func (w *Writer) removeCopy(ctx context.Context, num int64) error {
	var group int64
	var bands []byte
	err := w.tx.QueryRowContext(ctx, `SELECT grp, bands FROM mail_copy WHERE message=$1`, num).Scan(&group, &bands)
	if err != nil {
		return ignoreNoRows(err)
	}
	for band := range slices.Chunk(bands, 8) {
		if err := w.exec(ctx, "removal", `DELETE FROM mail_band WHERE band=$1 AND message=$2`, int64(binary.BigEndian.Uint64(band)), num); err != nil {
			return err
		}
	}
	if err := w.exec(ctx, "removal", `DELETE FROM mail_copy WHERE message=$1`, num); err != nil {
		return err
	}
	return w.exec(ctx, "removal", `DELETE FROM mail_group WHERE num=$1 AND NOT EXISTS (SELECT 1 FROM mail_copy WHERE grp=$1)`, group)
}
