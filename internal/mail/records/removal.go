package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
)

// Retain removes messages older than before with all that hangs on them, a
// bounded number at a time, and returns their ids. It is done when it returns none.
func (w *Writer) Retain(ctx context.Context, before time.Time, limit int) ([]string, error) {
	ids, err := w.strings(ctx, `SELECT id FROM mail_message WHERE time < $1 ORDER BY time LIMIT $2`, before.UnixMicro(), limit)
	if err != nil {
		return nil, err
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

// Erase removes a person: deliveries to them, what they wrote and received,
// every message that reached nobody else, and every finding about them alone.
// Messages that others got too stay, without a trace of this person; their
// earlier revisions and facts go, so that they cannot be replayed any more.
func (w *Writer) Erase(ctx context.Context, person portcullis.ID, addresses []string) (removed, kept []string, err error) {
	messages, err := w.strings(ctx, `SELECT message FROM mail_delivery WHERE person=$1 UNION SELECT message FROM mail_concerns WHERE person=$1`, person)
	if err != nil {
		return nil, nil, err
	}
	for _, address := range addresses {
		more, err := w.strings(ctx, `SELECT DISTINCT message FROM mail_contact WHERE sender=$1 OR recipient=$1`, address)
		if err != nil {
			return nil, nil, err
		}
		messages = append(messages, more...)
	}
	slices.Sort(messages)
	for _, id := range slices.Compact(messages) {
		gone, err := w.eraseFrom(ctx, portcullis.ID(id), person, addresses)
		if err != nil {
			return nil, nil, err
		}
		if gone {
			removed = append(removed, id)
		} else {
			kept = append(kept, id)
		}
	}
	return removed, kept, nil
}

func (w *Writer) eraseFrom(ctx context.Context, message, person portcullis.ID, addresses []string) (gone bool, err error) {
	if err := w.exec(ctx, "erasure", `DELETE FROM mail_delivery WHERE message=$1 AND person=$2`, message, person); err != nil {
		return false, err
	}
	for _, address := range addresses {
		if err := w.exec(ctx, "erasure", `DELETE FROM mail_contact WHERE message=$1 AND (sender=$2 OR recipient=$2)`, message, address); err != nil {
			return false, err
		}
	}
	alone, err := w.nobodyElse(ctx, message, addresses)
	if err != nil {
		return false, err
	}
	if alone {
		return true, w.Remove(ctx, message)
	}
	return false, errors.Join(w.scrubVerdict(ctx, message, person), w.scrubCopy(ctx, message, person, addresses))
}

// nobodyElse tells whether the erased person wrote the message, or no delivery
// of it is left.
func (w *Writer) nobodyElse(ctx context.Context, message portcullis.ID, addresses []string) (bool, error) {
	var left int
	var sender string
	err := w.QueryRowContext(ctx, `SELECT sender, (SELECT count(*) FROM mail_delivery WHERE message=$1) FROM mail_message WHERE id=$1`, message).Scan(&sender, &left)
	if err != nil {
		return false, fmt.Errorf("erase: %w", err)
	}
	return left == 0 || slices.Contains(addresses, sender), nil
}

// scrubVerdict leaves one revision, without the person.
func (w *Writer) scrubVerdict(ctx context.Context, message, person portcullis.ID) error {
	v, ok, err := w.Verdict(ctx, message)
	if err != nil || !ok {
		return err
	}
	hashes, err := w.strings(ctx, `SELECT facts FROM mail_verdict WHERE message=$1`, message)
	if err != nil {
		return err
	}
	for _, hash := range hashes {
		if err := w.exec(ctx, "erasure", `DELETE FROM mail_facts WHERE hash=$1`, hash); err != nil {
			return err
		}
	}
	if err := w.exec(ctx, "erasure", `DELETE FROM mail_verdict WHERE message=$1`, message); err != nil {
		return err
	}
	v.Findings = slices.DeleteFunc(v.Findings, func(f portcullis.Finding) bool { return len(f.People) == 1 && f.People[0] == person })
	for i := range v.Findings {
		v.Findings[i].People = slices.DeleteFunc(v.Findings[i].People, func(id portcullis.ID) bool { return id == person })
	}
	v.Facts = Erased
	if err := w.forgetFindings(ctx, message); err != nil {
		return err
	}
	return w.PutVerdict(ctx, message, v, nil, time.Now())
}

// Erased stands in place of the hash of facts that were erased.
const Erased = "erased"

func (w *Writer) scrubCopy(ctx context.Context, message, person portcullis.ID, addresses []string) error {
	var packed []byte
	err := w.QueryRowContext(ctx, `SELECT body FROM mail_copy WHERE message=$1`, message).Scan(&packed)
	if err != nil {
		return ignoreNoRows(err)
	}
	body, err := unpack(packed)
	if err != nil {
		return err
	}
	var c mail.Copy
	if err := json.Unmarshal(body, &c); err != nil {
		return fmt.Errorf("decode copy: %w", err)
	}
	c.Recipients = slices.DeleteFunc(c.Recipients, func(r mail.Recipient) bool {
		return r.Person == person || slices.Contains(addresses, r.Address)
	})
	if body, err = json.Marshal(c); err != nil {
		return fmt.Errorf("encode copy: %w", err)
	}
	return w.exec(ctx, "erasure", `UPDATE mail_copy SET body=$2 WHERE message=$1`, message, pack(body))
}
