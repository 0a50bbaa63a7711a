package archive

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"

	"portcullis.example/portcullis"
)

// valuesAtOnce is how many values one query reads: no result set stays open while the
// caller is at work with them.
const valuesAtOnce = 4096

// Value is a distinct value. Sealed says that it is stored keyed: what stands for it is given, of
// an address or a URL with what is in clear of it.
type Value struct {
	portcullis.Observable
	Sealed bool
	Cursor []byte // Values goes on behind it
}

// Values reads every distinct value that is stored, in whatever events, in the order of the index:
// a domain comes before those below it. It begins behind a cursor; nil is the beginning. Values
// stored meanwhile are among them if their place is still to come.
func (r *Reader) Values(ctx context.Context, cursor []byte) iter.Seq2[Value, error] {
	return func(yield func(Value, error) bool) {
		for {
			page, err := r.valuesPage(ctx, cursor)
			if err != nil {
				yield(Value{}, fmt.Errorf("read the stored values: %w", err))
				return
			}
			for _, v := range page {
				if cursor = v.Cursor; !yield(v, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// Newest changes whenever an event with new values is stored.
func (r *Reader) Newest(ctx context.Context) (num int64, err error) {
	if err := r.q.QueryRowContext(ctx, `SELECT coalesce(max(num), 0) FROM archive_event`).Scan(&num); err != nil {
		return 0, fmt.Errorf("read how far the archive is: %w", err)
	}
	return num, nil
}

// valuesPage reads rows behind a cursor and gives each key once: a value that many events hold has many
// rows. A page may end within those of one key; the next begins behind all of them.
func (r *Reader) valuesPage(ctx context.Context, cursor []byte) (page []Value, err error) {
	if cursor == nil {
		cursor = []byte{}
	}
	rows, err := r.q.QueryContext(ctx, `SELECT key, tail FROM archive_place WHERE key > $1 ORDER BY key LIMIT $2`, cursor, valuesAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var key, tail sql.RawBytes
		if err := rows.Scan(&key, &tail); err != nil {
			return nil, err
		}
		if n := len(page); n > 0 && bytes.Equal(page[n-1].Cursor, key) {
			continue
		}
		if len(key) == 0 || int(key[0]) >= len(kindTypes) || kindTypes[key[0]] == "" {
			return nil, errDamaged
		}
		o := portcullis.Observable{Type: kindTypes[key[0]], Value: decode(kind(key[0]), whole(key[1:], tail))}
		page = append(page, Value{Observable: o, Sealed: sealed(o), Cursor: bytes.Clone(key)})
	}
	return page, rows.Err()
}

// macLength is the length of what Key.mac writes.
const macLength = 1 + 26

// sealed tells whether a stored value is one that Key.Seal keyed.
func sealed(o portcullis.Observable) bool {
	switch o.Type {
	case portcullis.TypeEmail:
		at := strings.LastIndexByte(o.Value, '@')
		return at < 0 && isMAC(o.Value) || at >= 0 && isMAC(o.Value[:at])
	case portcullis.TypeSubject, portcullis.TypeMessageID:
		return isMAC(o.Value)
	case portcullis.TypeURL:
		if isMailto(o.Value) {
			at := strings.LastIndexByte(o.Value, '@')
			return at > len(mailtoScheme) && isMAC(o.Value[len(mailtoScheme):at])
		}
		at := strings.LastIndexAny(o.Value, "/?&;")
		return at >= 0 && isMAC(o.Value[at+1:])
	}
	return false
}

func isMAC(s string) bool {
	if len(s) != macLength || s[0] != '~' {
		return false
	}
	_, err := digits.DecodeString(s[1:])
	return err == nil
}
