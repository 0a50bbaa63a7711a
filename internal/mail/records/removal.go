package records

import (
	"context"
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
func (w *Writer) Retain(ctx context.Context, before time.Time, limit int) ([]string, error) {
	ids, err := w.strings(ctx, `SELECT * FROM (SELECT id FROM mail_message WHERE time_known=1 AND time < $1 ORDER BY time LIMIT $2) a
		UNION SELECT * FROM (SELECT id FROM mail_message WHERE recorded < $1 ORDER BY recorded LIMIT $2) b`, before.UnixMicro(), limit)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		// Every run notes again what it judges with, so nothing left rests on these.
		return nil, w.exec(ctx, "removal", `DELETE FROM mail_input WHERE recorded < $1 AND kind IN ('people','config','model')
			AND recorded < (SELECT max(recorded) FROM mail_input i WHERE i.kind=mail_input.kind)`, before.UnixMicro())
	}
	for _, id := range ids {
		if err := w.Remove(ctx, portcullis.ID(id)); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// Remove deletes one message and all that hangs on it.
func (w *Writer) Remove(ctx context.Context, message portcullis.ID) error {
	hashes, err := w.strings(ctx, `SELECT facts FROM mail_verdict WHERE message=$1`, message)
	if err != nil {
		return err
	}
	groups, err := w.strings(ctx, `SELECT grp FROM mail_copy WHERE message=$1`, message)
	if err != nil {
		return err
	}
	for _, table := range []string{"mail_verdict", "mail_finding", "mail_concerns", "mail_body", "mail_band", "mail_copy", "mail_contact", "mail_delivery"} {
		if err := w.exec(ctx, "removal", `DELETE FROM `+table+` WHERE message=$1`, message); err != nil {
			return err
		}
	}
	for _, hash := range hashes {
		if err := w.exec(ctx, "removal", `DELETE FROM mail_facts WHERE hash=$1`, hash); err != nil {
			return err
		}
	}
	for _, group := range groups {
		if err := w.exec(ctx, "removal", `DELETE FROM mail_group WHERE id=$1 AND NOT EXISTS (SELECT 1 FROM mail_copy WHERE grp=$1)`, group); err != nil {
			return err
		}
	}
	return w.exec(ctx, "removal", `DELETE FROM mail_message WHERE id=$1`, message)
}
