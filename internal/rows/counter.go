package rows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Block is how many numbers a Counter takes at once. A sequence of PostgreSQL that
// it draws from must count in the same steps.
const Block = 256

// Counter gives out numbers for the rows of one table, in blocks, never one twice,
// not even that of a row that was removed. Where the database has sequences the view
// draws from one, which keeps no other transaction waiting; elsewhere it reads a
// table of one row. What a transaction leaves of its block is never used.
type Counter struct {
	View       string // gives id, the first number of the next block
	Table      string // with column next; empty where the view draws from a sequence
	Rows       string // the table that is counted, with column num
	next, last int64
}

// Next returns a number that no row has had.
func (c *Counter) Next(ctx context.Context, t *Tx) (int64, error) {
	if c.next == c.last {
		if err := c.take(ctx, t); err != nil {
			return 0, fmt.Errorf("take numbers for %s: %w", c.Rows, err)
		}
	}
	c.next++
	return c.next - 1, nil
}

func (c *Counter) take(ctx context.Context, t *Tx) error {
	err := t.QueryRowContext(ctx, `SELECT id FROM `+c.View).Scan(&c.next)
	if errors.Is(err, sql.ErrNoRows) { // the rows came from a database with sequences
		err = t.QueryRowContext(ctx, `INSERT INTO `+c.Table+` (next) SELECT coalesce(max(num),0)+$1 FROM `+c.Rows+` RETURNING next`, Block).Scan(&c.next)
	}
	if err != nil {
		return err
	}
	c.last = c.next + Block
	_, err = t.ExecContext(ctx, `UPDATE `+c.Table+` SET next=$1`, c.last)
	return err
}
