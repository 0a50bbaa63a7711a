package records

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Position returns how far a file was read, in the words of whoever stored it.
func (r *Reader) Position(ctx context.Context, file string) ([]byte, bool, error) {
	var position []byte
	err := r.q.QueryRowContext(ctx, `SELECT position FROM mail_source WHERE file=$1`, file).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read how far %s was scanned: %w", file, err)
	}
	return position, true, nil
}

// PutPosition stores how far a file has been read.
func (w *Writer) PutPosition(ctx context.Context, file string, position []byte) error {
	return w.exec(ctx, "how far a file was read",
		`INSERT INTO mail_source (file, position) VALUES ($1,$2) ON CONFLICT (file) DO UPDATE SET position=excluded.position`,
		file, string(position))
}
