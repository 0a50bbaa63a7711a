package records

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
)

// Limits of looking for copies. A band that more messages share than this is
// commonplace text; a group beyond maxGroup is bulk mail, and comparing more of
// it teaches nothing. Both keep the work linear in the number of mails.
const (
	maxCandidates = 24
	maxGroup      = 400
)

// AddCopy stores what comparing needs of a message and puts it with the mails
// it is a copy of. It marks the group for comparison and returns its name.
func (w *Writer) AddCopy(ctx context.Context, c mail.Copy, sketch mail.Sketch, extra []int64) (group string, err error) {
	bands := append(sketch.Bands(), extra...)
	groups, err := w.similar(ctx, bands, sketch, len(extra))
	if err != nil {
		return "", err
	}
	group = string(portcullis.NewID("group", string(c.Event)))
	if len(groups) > 0 {
		group = groups[0]
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode copy: %w", err)
	}
	if err := w.exec(ctx, "copy", `INSERT INTO mail_copy (message, grp, sketch, body) VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING`,
		c.Event, group, sketch.Bytes(), pack(body)); err != nil {
		return "", err
	}
	rows := make([]any, 0, 2*len(bands))
	for _, band := range bands {
		rows = append(rows, band, c.Event)
	}
	if err := w.execRows(ctx, "copy", `INSERT INTO mail_band (band, message) VALUES `, 2, rows); err != nil {
		return "", err
	}
	for _, other := range groups[min(1, len(groups)):] {
		if err := w.merge(ctx, group, other); err != nil {
			return "", err
		}
	}
	return group, w.exec(ctx, "group", `INSERT INTO mail_group (id, dirty) VALUES ($1,1) ON CONFLICT (id) DO UPDATE SET dirty=1`, group)
}

// similar finds the groups of the messages that share a band and are alike.
// The last exact bands (a message id, say) need no likeness. The groups come in
// the order of bands and ids, so that the result does not depend on the order of rows.
func (w *Writer) similar(ctx context.Context, bands []int64, sketch mail.Sketch, exact int) ([]string, error) {
	args := make([]any, len(bands))
	for i, band := range bands {
		args[i] = band
	}
	rows, err := w.QueryContext(ctx, similarQuery(len(bands)), args...)
	if err != nil {
		return nil, fmt.Errorf("look for copies: %w", err)
	}
	defer rows.Close()
	var groups []string
	seen := map[string]bool{}
	for rows.Next() {
		var band int
		var group string
		var other []byte
		if err := rows.Scan(&band, &group, &other); err != nil {
			return nil, fmt.Errorf("look for copies: %w", err)
		}
		alike := band > len(bands)-exact || sketch.Likeness(mail.SketchFromBytes(other)) >= mail.SameMail
		if alike && !seen[group] {
			seen[group] = true
			groups = append(groups, group)
		}
	}
	return groups, rows.Err()
}

// similarQuery asks for each band by itself, so that one that is commonplace
// text cannot crowd out the others. The limit is written out: a bound LIMIT makes
// SQLite prepare the statement again at every call.
func similarQuery(bands int) string {
	var parts []string
	for i := 1; i <= bands; i++ {
		parts = append(parts, fmt.Sprintf(
			`SELECT * FROM (SELECT %d AS n, c.grp, c.sketch FROM mail_band b JOIN mail_copy c ON c.message=b.message WHERE b.band=$%d ORDER BY b.message LIMIT %d) t%d`, i, i, maxCandidates, i))
	}
	return strings.Join(parts, " UNION ALL ")
}

func (w *Writer) merge(ctx context.Context, into, from string) error {
	if err := w.exec(ctx, "group", `UPDATE mail_copy SET grp=$1 WHERE grp=$2`, into, from); err != nil {
		return err
	}
	return w.exec(ctx, "group", `DELETE FROM mail_group WHERE id=$1`, from)
}

// Touch marks the group of a message for comparison again, because the message
// was delivered to somebody else too, and updates its recipients.
func (w *Writer) Touch(ctx context.Context, message portcullis.ID, r mail.Recipient) error {
	var group string
	var packed []byte
	err := w.QueryRowContext(ctx, `SELECT grp, body FROM mail_copy WHERE message=$1`, message).Scan(&group, &packed)
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
	if !c.AddRecipient(r) {
		return nil
	}
	if body, err = json.Marshal(c); err != nil {
		return fmt.Errorf("encode copy: %w", err)
	}
	if err := w.exec(ctx, "copy", `UPDATE mail_copy SET body=$2 WHERE message=$1`, message, pack(body)); err != nil {
		return err
	}
	return w.exec(ctx, "group", `UPDATE mail_group SET dirty=1 WHERE id=$1`, group)
}

// Dirty lists groups that grew since they were compared.
func (r *Reader) Dirty(ctx context.Context) ([]string, error) {
	return r.strings(ctx, `SELECT id FROM mail_group WHERE dirty=1 ORDER BY id LIMIT 200`)
}

// Revised lists the members of a group whose verdict a comparison has changed before.
func (r *Reader) Revised(ctx context.Context, group string) (events []portcullis.ID, err error) {
	ids, err := r.strings(ctx, `SELECT c.message FROM mail_copy c JOIN mail_message m ON m.id=c.message WHERE c.grp=$1 AND m.revision>0 ORDER BY c.message`, group)
	for _, id := range ids {
		events = append(events, portcullis.ID(id))
	}
	return events, err
}

// Settled says that a group was compared.
func (w *Writer) Settled(ctx context.Context, group string) error {
	return w.exec(ctx, "group", `UPDATE mail_group SET dirty=0 WHERE id=$1`, group)
}

// Copies returns the members of a group, at most the first 400 by id.
func (r *Reader) Copies(ctx context.Context, group string) (copies []mail.Copy, err error) {
	rows, err := r.q.QueryContext(ctx, fmt.Sprintf(`SELECT body FROM mail_copy WHERE grp=$1 ORDER BY message LIMIT %d`, maxGroup), group)
	if err != nil {
		return nil, fmt.Errorf("read copies: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var packed []byte
		if err := rows.Scan(&packed); err != nil {
			return nil, fmt.Errorf("read copies: %w", err)
		}
		body, err := unpack(packed)
		if err != nil {
			return nil, err
		}
		var c mail.Copy
		if err := json.Unmarshal(body, &c); err != nil {
			return nil, fmt.Errorf("decode copy: %w", err)
		}
		copies = append(copies, c)
	}
	return copies, rows.Err()
}

func (r *Reader) strings(ctx context.Context, query string, args ...any) (list []string, err error) {
	rows, err := r.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the store: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("read the store: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}
