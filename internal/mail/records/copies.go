package records

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/rows"
)

// Limits of looking for copies. A band that more messages share than this is
// commonplace text; a group beyond maxGroup is bulk mail, and comparing more of
// it teaches nothing. Both keep the work linear in the number of mails.
const (
	maxCandidates = 24
	maxGroup      = 400
)

// Group is the copies of one mail.
type Group struct {
	ID  string // from its first message; findings of comparisons are named by it
	num int64  // of its first message
}

// AddCopy stores what comparing needs of a message and puts it with the mails
// it is a copy of. It marks their group for comparison and returns its name. A mail
// that has no copy yet has nothing to be compared with.
func (w *Writer) AddCopy(ctx context.Context, c mail.Copy, sketch mail.Sketch, extra []int64) (group string, err error) {
	packed, err := PackCopy(c, sketch, extra)
	if err != nil {
		return "", err
	}
	return w.AddPacked(ctx, packed)
}

// PackedCopy is a copy in the form in which it is stored.
type PackedCopy struct {
	message portcullis.ID
	bands   []int64
	exact   int // of the bands, the last so many need no likeness
	sketch  mail.Sketch
	body    []byte
}

// PackCopy does the part of AddCopy that needs no store.
func PackCopy(c mail.Copy, sketch mail.Sketch, extra []int64) (PackedCopy, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return PackedCopy{}, fmt.Errorf("encode copy: %w", err)
	}
	return PackedCopy{c.Event, append(sketch.Bands(), extra...), len(extra), sketch, rows.Pack(body)}, nil
}

// AddPacked is AddCopy of a packed copy.
func (w *Writer) AddPacked(ctx context.Context, c PackedCopy) (group string, err error) {
	num, err := w.number(ctx, c.message)
	if err != nil {
		return "", err
	}
	groups, err := w.similar(ctx, c)
	if err != nil {
		return "", err
	}
	into := num
	if len(groups) > 0 {
		into = groups[0]
	}
	if err := w.exec(ctx, "copy", `INSERT INTO mail_copy (message, grp, sketch, bands, body) VALUES ($1,$2,$3,$4,$5)`+keepRow,
		num, into, c.sketch.Bytes(), bandBytes(c.bands), c.body); err != nil {
		return "", err
	}
	values := make([]any, 0, 2*len(c.bands))
	for _, band := range c.bands {
		values = append(values, band, num)
	}
	if _, err := w.tx.Insert(ctx, "copy", `INSERT INTO mail_band (band, message) VALUES `, keepRow, 2, values); err != nil {
		return "", err
	}
	if into == num {
		return groupID(c.message), nil
	}
	for _, other := range groups[1:] {
		if err := w.merge(ctx, into, other); err != nil {
			return "", err
		}
	}
	return w.grew(ctx, into)
}

// ReplaceCopy puts another copy in the place of that of a message that was judged again,
// and marks its group for comparison.
func (w *Writer) ReplaceCopy(ctx context.Context, c PackedCopy) error {
	num, err := w.number(ctx, c.message)
	if err != nil {
		return err
	}
	changed, err := w.tx.Exec(ctx, "copy", `UPDATE mail_copy SET body=$2 WHERE message=$1`, num, c.body)
	if err != nil {
		return err
	}
	if changed == 0 {
		_, err = w.AddPacked(ctx, c)
		return err
	}
	return w.exec(ctx, "group", `UPDATE mail_group SET dirty=1 WHERE num=(SELECT grp FROM mail_copy WHERE message=$1)`, num)
}

func groupID(first portcullis.ID) string { return string(portcullis.NewID("group", string(first))) }

// grew marks a group for comparison. It gets a row when its first message, which it
// is named after, is no longer alone.
func (w *Writer) grew(ctx context.Context, num int64) (group string, err error) {
	changed, err := w.tx.Exec(ctx, "group", `UPDATE mail_group SET dirty=1 WHERE num=$1`, num)
	if err == nil && changed == 0 {
		err = w.exec(ctx, "group", `INSERT INTO mail_group (num, id, dirty) SELECT num, id, 1 FROM mail_message WHERE num=$1`, num)
	}
	if err != nil {
		return "", err
	}
	var id []byte
	if err := w.tx.QueryRowContext(ctx, `SELECT id FROM mail_group WHERE num=$1`, num).Scan(&id); err != nil {
		return "", fmt.Errorf("read group: %w", err)
	}
	return groupID(rows.ID(id)), nil
}

// bandBytes packs bands, so that a removal finds their rows.
func bandBytes(bands []int64) []byte {
	b := make([]byte, 0, 8*len(bands))
	for _, band := range bands {
		b = binary.BigEndian.AppendUint64(b, uint64(band))
	}
	return b
}

// similar finds the groups of the messages that share a band and are alike. The
// groups come in the order of bands and of arrival.
func (w *Writer) similar(ctx context.Context, c PackedCopy) (groups []int64, err error) {
	args := make([]any, len(c.bands))
	for i, band := range c.bands {
		args[i] = band
	}
	answer, err := w.tx.QueryContext(ctx, w.similarQuery(len(c.bands)), args...)
	if err != nil {
		return nil, fmt.Errorf("look for copies: %w", err)
	}
	defer answer.Close()
	for answer.Next() {
		var band int
		var group int64
		var other sql.RawBytes
		if err := answer.Scan(&band, &group, &other); err != nil {
			return nil, fmt.Errorf("look for copies: %w", err)
		}
		if slices.Contains(groups, group) {
			continue
		}
		if band > len(c.bands)-c.exact || c.sketch.Likeness(mail.SketchFromBytes(other)) >= mail.SameMail {
			groups = append(groups, group)
		}
	}
	return groups, answer.Err()
}

// similarQuery asks for each band by itself, so that one that is commonplace
// text cannot crowd out the others. The limit is written out: a bound LIMIT makes
// SQLite prepare the statement again at every call.
func (w *Writer) similarQuery(bands int) string {
	if query, ok := w.similarTo[bands]; ok {
		return query
	}
	var parts []string
	for i := 1; i <= bands; i++ {
		parts = append(parts, fmt.Sprintf(
			`SELECT * FROM (SELECT %d AS n, c.grp, c.sketch FROM mail_band b JOIN mail_copy c ON c.message=b.message WHERE b.band=$%d ORDER BY b.message LIMIT %d) t%d`, i, i, maxCandidates, i))
	}
	query := strings.Join(parts, " UNION ALL ")
	w.similarTo[bands] = query
	return query
}

func (w *Writer) merge(ctx context.Context, into, from int64) error {
	if err := w.exec(ctx, "group", `UPDATE mail_copy SET grp=$1 WHERE grp=$2`, into, from); err != nil {
		return err
	}
	return w.exec(ctx, "group", `DELETE FROM mail_group WHERE num=$1`, from)
}

// Touch marks the group of a message for comparison again, because the message
// was delivered to somebody else too, and updates its recipients.
func (w *Writer) Touch(ctx context.Context, message portcullis.ID, r mail.Recipient) error {
	num, err := w.number(ctx, message)
	if err != nil {
		return err
	}
	var group int64
	var packed []byte
	err = w.tx.QueryRowContext(ctx, `SELECT grp, body FROM mail_copy WHERE message=$1`, num).Scan(&group, &packed)
	if err != nil {
		return ignoreNoRows(err)
	}
	c, err := unpackCopy(packed)
	if err != nil {
		return err
	}
	if !c.AddRecipient(r) {
		return nil
	}
	if err := w.putCopy(ctx, num, c); err != nil {
		return err
	}
	_, err = w.grew(ctx, group)
	return err
}

func (w *Writer) putCopy(ctx context.Context, num int64, c mail.Copy) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode copy: %w", err)
	}
	return w.exec(ctx, "copy", `UPDATE mail_copy SET body=$2 WHERE message=$1`, num, rows.Pack(body))
}

func unpackCopy(packed []byte) (c mail.Copy, err error) {
	body, err := rows.Unpack(packed)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("decode copy: %w", err)
	}
	return c, nil
}

// Dirty lists groups that grew since they were compared.
func (r *Reader) Dirty(ctx context.Context) (list []Group, err error) {
	answer, err := r.q.QueryContext(ctx, `SELECT num, id FROM mail_group WHERE dirty=1 ORDER BY num LIMIT 200`)
	if err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	defer answer.Close()
	for answer.Next() {
		var g Group
		var id []byte
		if err := answer.Scan(&g.num, &id); err != nil {
			return nil, fmt.Errorf("read groups: %w", err)
		}
		g.ID = groupID(rows.ID(id))
		list = append(list, g)
	}
	return list, answer.Err()
}

// Revised lists the members of a group whose verdict a comparison has changed before.
func (r *Reader) Revised(ctx context.Context, g Group) ([]portcullis.ID, error) {
	return r.ids(ctx, `SELECT m.id FROM mail_copy c JOIN mail_verdict v ON v.message=c.message JOIN mail_message m ON m.num=c.message
		WHERE c.grp=$1 AND v.latest=1 AND v.revision>0 ORDER BY m.id`, g.num)
}

// Settled says that a group was compared.
func (w *Writer) Settled(ctx context.Context, g Group) error {
	return w.exec(ctx, "group", `UPDATE mail_group SET dirty=0 WHERE num=$1`, g.num)
}

// Copies returns the members of a group, at most the first 400 by id.
func (r *Reader) Copies(ctx context.Context, g Group) (copies []mail.Copy, err error) {
	answer, err := r.q.QueryContext(ctx, fmt.Sprintf(`SELECT c.body FROM mail_copy c JOIN mail_message m ON m.num=c.message WHERE c.grp=$1 ORDER BY m.id LIMIT %d`, maxGroup), g.num)
	if err != nil {
		return nil, fmt.Errorf("read copies: %w", err)
	}
	defer answer.Close()
	for answer.Next() {
		var packed sql.RawBytes
		if err := answer.Scan(&packed); err != nil {
			return nil, fmt.Errorf("read copies: %w", err)
		}
		c, err := unpackCopy(packed)
		if err != nil {
			return nil, err
		}
		copies = append(copies, c)
	}
	return copies, answer.Err()
}
