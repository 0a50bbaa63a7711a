package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"portcullis.example/portcullis/internal/chain"
)

// eraser removes one name wherever it is kept.
type eraser struct {
	l       *Ledger
	tx      *sql.Tx
	name    string // folded
	removed int
}

// block is a stored block on its way.
type storedBlock struct {
	num    int64
	sealed []byte
}

func (e *eraser) contacts(ctx context.Context) error {
	blocks, err := e.read(ctx, `SELECT num, body FROM screening_contact ORDER BY num`)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if err := e.block(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (e *eraser) read(ctx context.Context, query string) (blocks []storedBlock, err error) {
	rows, err := e.tx.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read what is to be erased: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var b storedBlock
		if err := rows.Scan(&b.num, &b.sealed); err != nil {
			return nil, fmt.Errorf("read what is to be erased: %w", err)
		}
		blocks = append(blocks, b)
	}
	return blocks, rows.Err()
}

// block writes a block again without the name.
func (e *eraser) block(ctx context.Context, b storedBlock) error {
	plain, err := e.l.seal.open(blockKind, b.sealed)
	if err != nil {
		return err
	}
	var rest []byte
	count, gone := 0, 0
	err = eachContact(plain, func(_, raw []byte) error {
		var c Contact
		if err := json.Unmarshal(raw, &c); err != nil {
			return fmt.Errorf("decode a contact: %w", err)
		}
		if folded(c.Name) == e.name {
			gone++
			return nil
		}
		count++
		rest, err = appendContact(rest, c)
		return err
	})
	if err != nil || gone == 0 {
		return err
	}
	e.removed += gone
	if count == 0 {
		_, err = e.tx.ExecContext(ctx, `DELETE FROM screening_contact WHERE num=$1`, b.num)
	} else {
		_, err = e.tx.ExecContext(ctx, `UPDATE screening_contact SET count=$1, body=$2 WHERE num=$3`, count, e.l.seal.close(blockKind, rest), b.num)
	}
	if err != nil {
		return fmt.Errorf("erase a contact: %w", err)
	}
	return nil
}

func (e *eraser) hits(ctx context.Context) error {
	rows, err := e.tx.QueryContext(ctx, `SELECT id, body FROM screening_hit`)
	if err != nil {
		return fmt.Errorf("read hits: %w", err)
	}
	defer rows.Close()
	var gone []string
	for rows.Next() {
		var id string
		var sealed []byte
		if err := rows.Scan(&id, &sealed); err != nil {
			return fmt.Errorf("read hits: %w", err)
		}
		var h Hit
		if err := e.l.seal.openJSON(hitKind, sealed, &h); err != nil {
			return err
		}
		if folded(h.Name) == e.name {
			gone = append(gone, id)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read hits: %w", err)
	}
	for _, id := range gone {
		if _, err := e.tx.ExecContext(ctx, `DELETE FROM screening_hit WHERE id=$1`, id); err != nil {
			return fmt.Errorf("erase a hit: %w", err)
		}
		e.removed++
	}
	return nil
}

func (e *eraser) decisions(ctx context.Context) error {
	r, err := e.tx.ExecContext(ctx, `DELETE FROM screening_decision WHERE name_key=$1`, e.l.seal.nameKey(e.name))
	if err != nil {
		return fmt.Errorf("erase decisions: %w", err)
	}
	n, err := r.RowsAffected()
	e.removed += int(n)
	return err
}

// records blanks the entries of the log that hold the name.
func (e *eraser) records(ctx context.Context) error {
	for from := int64(1); ; {
		entries, err := chain.Entries(ctx, e.tx, Log, from, batch)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return nil
		}
		from = entries[len(entries)-1].Seq + 1
		for _, entry := range entries {
			holds, err := e.holds(entry)
			if err != nil {
				return fmt.Errorf("entry %d of the log: %w", entry.Seq, err)
			}
			if !holds {
				continue
			}
			if _, err := chain.EraseEntry(ctx, e.tx, Log, entry.Seq); err != nil {
				return err
			}
			e.removed++
		}
	}
}

func (e *eraser) holds(entry chain.Entry) (bool, error) {
	if entry.Erased() {
		return false, nil
	}
	var sealed struct {
		Sealed []byte `json:"sealed"`
	}
	if err := json.Unmarshal(entry.Body, &sealed); err != nil {
		return false, err
	}
	switch entry.Kind {
	case "screen":
		var items []item
		err := e.l.seal.openJSON(recordKind, sealed.Sealed, &items)
		return slices.ContainsFunc(items, func(i item) bool { return folded(i.Request.Name) == e.name }), err
	case "decide":
		var d sealedDecision
		err := e.l.seal.openJSON(decisionKind, sealed.Sealed, &d)
		return folded(d.Name) == e.name, err
	}
	return false, nil
}
