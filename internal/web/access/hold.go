package access

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"portcullis.example/portcullis"
)

// A hold puts a person's mail under privilege while it is asked whether the house's rules
// protect it: from then on a message is opened by breaking the glass only. It adds to what
// the configuration says ([StandingConfig].Privileged) and takes nothing of that back.

// Hold is one that stands.
type Hold struct {
	Person portcullis.ID `json:"person"`
	Since  time.Time     `json:"since"`
	By     string        `json:"by"`
	Why    string        `json:"why"`
}

// SetHold puts a person's mail on hold, in the caller's transaction. The caller was allowed
// [HoldMail] and writes the audit.
func SetHold(ctx context.Context, tx *sql.Tx, h Hold) error {
	h.Why = strings.TrimSpace(h.Why)
	if n := utf8.RuneCountInString(h.Why); n < minReason || n > maxReason || !utf8.ValidString(h.Why) || strings.ContainsRune(h.Why, 0) {
		return fmt.Errorf("a reason of %d to %d characters is needed", minReason, maxReason)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO access_hold (person, since, who, why) VALUES ($1,$2,$3,$4) ON CONFLICT (person) DO NOTHING`,
		string(h.Person), h.Since.UnixMicro(), h.By, h.Why)
	if err != nil {
		return fmt.Errorf("hold the mail of %s: %w", h.Person, err)
	}
	return nil
}

// LiftHold ends a hold; false where there was none.
func LiftHold(ctx context.Context, tx *sql.Tx, person portcullis.ID) (bool, error) {
	done, err := tx.ExecContext(ctx, `DELETE FROM access_hold WHERE person=$1`, string(person))
	if err != nil {
		return false, fmt.Errorf("lift the hold on the mail of %s: %w", person, err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// Holds lists those that stand, the oldest first.
func Holds(ctx context.Context, q querier) (list []Hold, err error) {
	rows, err := q.QueryContext(ctx, `SELECT person, since, who, why FROM access_hold ORDER BY since, person`)
	if err != nil {
		return nil, fmt.Errorf("read holds: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var h Hold
		var since int64
		if err := rows.Scan(&h.Person, &since, &h.By, &h.Why); err != nil {
			return nil, fmt.Errorf("read holds: %w", err)
		}
		h.Since = time.UnixMicro(since).UTC()
		list = append(list, h)
	}
	return list, rows.Err()
}

// WithHolds are the standings with the holds that were set at the desk.
func (s *Standings) WithHolds(list []Hold) *Standings {
	with := &Standings{dir: s.dir, said: make(map[portcullis.ID]StandingConfig, len(s.said)+len(list))}
	for id, said := range s.said {
		with.said[id] = said
	}
	for _, h := range list {
		said := with.said[h.Person]
		if said.Privileged == "" {
			said.Privileged = "on hold since " + h.Since.UTC().Format("2 Jan 2006")
		}
		with.said[h.Person] = said
	}
	return with
}
