package records

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/rows"
)

// Informational findings are in every message by the half dozen, and are asked for when
// somebody looks at one message, which names them all. So that one can still be
// looked up by its id, the beginnings of the ids of all messages that are stored together
// lie packed in one value, which is read through from end to end:
//
//	for each message
//	  its number, as the difference from the one before (zigzag varint)
//	  how many follow (varint), then four bytes of each id
//
// Entries of verdicts that a later revision replaced stay: who finds one asks the
// verdict.
type informational struct {
	packed        []byte
	last, highest int64
	count         int // position of the last message's count, which fits one byte
}

const (
	idBytes  = 4   // of an id: one of a million findings in 4,000 shares them with the one that is asked for
	mostMany = 127 // ids of one message in one entry: the count is one byte
)

// add notes an id; it reports false for one that is not a hash.
func (i *informational) add(num int64, id portcullis.ID) bool {
	_, digits, _ := strings.Cut(string(id), ":")
	var head [idBytes]byte
	if len(digits) < 2*idBytes || string(id.Kind()) != "finding" {
		return false
	}
	if _, err := hex.Decode(head[:], []byte(digits[:2*idBytes])); err != nil || strings.ToLower(digits) != digits {
		return false
	}
	if len(i.packed) == 0 || num != i.last || i.packed[i.count] == mostMany {
		i.packed = binary.AppendVarint(i.packed, num-i.last)
		i.last, i.highest, i.count = num, max(i.highest, num), len(i.packed)
		i.packed = append(i.packed, 0)
	}
	i.packed[i.count]++
	i.packed = append(i.packed, head[:]...)
	return true
}

// eachInformational calls fn with the number of each message and the beginnings of its ids.
func eachInformational(packed []byte, fn func(num int64, heads []byte) error) error {
	var num int64
	for len(packed) > 0 {
		delta, n := binary.Varint(packed)
		if n <= 0 || len(packed) == n || len(packed) < n+1+idBytes*int(packed[n]) {
			return errors.New("a stored list of findings is damaged; restore a backup")
		}
		num += delta
		size := idBytes * int(packed[n])
		if err := fn(num, packed[n+1:n+1+size]); err != nil {
			return err
		}
		packed = packed[n+1+size:]
	}
	return nil
}

// begins tells whether one of these ids may begin as asked.
func begins(heads []byte, digits string) bool {
	digits = digits[:min(len(digits), 2*idBytes)]
	for head := range slices.Chunk(heads, idBytes) {
		if strings.HasPrefix(hex.EncodeToString(head), digits) {
			return true
		}
	}
	return false
}

// candidates lists the messages that may have an informational finding whose id
// begins so; all that have any for "".
func (r *Reader) candidates(ctx context.Context, digits string) (list []int64, err error) {
	var after int64
	for {
		nums, packed, err := r.informationalAfter(ctx, after)
		if err != nil || nums == 0 {
			slices.Sort(list)
			return slices.Compact(list), err
		}
		after = nums
		err = eachInformational(packed, func(num int64, heads []byte) error {
			if begins(heads, digits) {
				list = append(list, num)
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
	}
}

func (r *Reader) informationalAfter(ctx context.Context, after int64) (num int64, packed []byte, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT num, ids FROM mail_informational WHERE num>$1 ORDER BY num LIMIT 1`, after).Scan(&num, &packed)
	if err = ignoreNoRows(err); err != nil {
		return 0, nil, fmt.Errorf("read findings: %w", err)
	}
	return num, packed, nil
}

// informational lists the informational findings that a filter lets through, most
// serious and newest first.
func (r *Reader) informational(ctx context.Context, f Filter) (list []Found, err error) {
	nums, err := r.mayHold(ctx, f)
	if err != nil {
		return nil, err
	}
	for _, num := range nums {
		of, err := r.informationalOf(ctx, num, f)
		if err != nil {
			return nil, err
		}
		list = append(list, of...)
	}
	slices.SortStableFunc(list, newestFirst)
	return list, nil
}

// mayHold lists the messages whose verdicts must be looked into.
func (r *Reader) mayHold(ctx context.Context, f Filter) ([]int64, error) {
	if f.Message != "" {
		return rows.Numbers(r.q.QueryContext(ctx, `SELECT num FROM mail_message WHERE id=$1`, rows.Key(f.Message)))
	}
	if len(f.People) == 0 {
		return r.candidates(ctx, "")
	}
	var list []int64
	for _, person := range f.People {
		nums, err := rows.Numbers(r.q.QueryContext(ctx, `SELECT DISTINCT message FROM mail_concerns WHERE person=$1 ORDER BY message`, string(person)))
		if err != nil {
			return nil, err
		}
		list = append(list, nums...)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

func (r *Reader) informationalOf(ctx context.Context, num int64, f Filter) (list []Found, err error) {
	ids, err := r.ids(ctx, `SELECT id FROM mail_message WHERE num=$1`, num)
	if err != nil || len(ids) == 0 {
		return nil, err // the message is gone
	}
	v, ok, err := r.Verdict(ctx, ids[0])
	if err != nil || !ok {
		return nil, err
	}
	var m Message
	for _, one := range v.Findings {
		if one.Severity >= portcullis.Low || !f.lets(one) {
			continue
		}
		if m.ID == "" {
			if m, err = r.Message(ctx, ids[0]); err != nil {
				return nil, err
			}
		}
		list = append(list, Found{Finding: one, Message: m})
	}
	return list, nil
}

// lets does to an informational finding what Filter.sql does to the others.
func (f Filter) lets(one portcullis.Finding) bool {
	at := one.Time.UnixMicro()
	switch {
	case !f.Since.IsZero() && at < f.Since.UnixMicro() && at >= 0,
		!f.Until.IsZero() && at >= f.Until.UnixMicro(),
		f.Rule != "" && !strings.HasPrefix(one.Rule, f.Rule+"@"):
		return false
	}
	return len(f.People) == 0 || slices.ContainsFunc(f.People, func(id portcullis.ID) bool { return slices.Contains(one.People, id) })
}
