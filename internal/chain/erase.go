package chain

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Erase blanks the bodies of a log's entries about a subject and tells how many there
// were. The chain stays whole; see the package's comment.
func Erase(ctx context.Context, tx *sql.Tx, log, subject string) (int64, error) {
	return blank(ctx, tx, log, `subject=$2`, subject)
}

// EraseEntry blanks the body of one entry.
func EraseEntry(ctx context.Context, tx *sql.Tx, log string, seq int64) (int64, error) {
	return blank(ctx, tx, log, `seq=$2`, seq)
}

// EraseBefore blanks the bodies of a log's entries from before a time.
func EraseBefore(ctx context.Context, tx *sql.Tx, log string, before time.Time) (int64, error) {
	return blank(ctx, tx, log, `time<$2`, before.UnixMicro())
}

func blank(ctx context.Context, tx *sql.Tx, log, which string, arg any) (int64, error) {
	result, err := tx.ExecContext(ctx, `UPDATE chain_entry SET body=NULL, salt=NULL WHERE log=$1 AND body IS NOT NULL AND `+which, log, arg)
	if err != nil {
		return 0, fmt.Errorf("erase bodies of log %q: %w", log, err)
	}
	return result.RowsAffected()
}
