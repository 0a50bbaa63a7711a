package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/chain"
)

// Decision is what somebody decided about a name and an entry. It holds for that entry as
// it was: when the entry changes, the decision has ended.
type Decision struct {
	Num      int64     `json:"decision"`
	At       time.Time `json:"at"`
	Who      string    `json:"who"`
	List     string    `json:"list"`
	Entry    string    `json:"entry"`
	Name     string    `json:"name"`
	Same     bool      `json:"same"` // false: not the same person
	Why      string    `json:"why"`
	Ended    time.Time `json:"ended,omitzero"`
	EndedWhy string    `json:"ended_why,omitempty"`
}

// Deciding asks to remember a decision.
type Deciding struct {
	List  string `json:"list"`
	Entry string `json:"entry"`
	Name  string `json:"name"`
	Same  bool   `json:"same"`
	Why   string `json:"why"`
}

const (
	decisionKind = "decision"
	maxWhy       = 2000
)

type sealedDecision struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Decide remembers a decision, and ends an earlier one about the same.
func (l *Ledger) Decide(ctx context.Context, who string, d Deciding) (Decision, error) {
	d.Why = strings.TrimSpace(d.Why)
	if d.Why == "" || len(d.Why) > maxWhy {
		return Decision{}, refusedf("a decision needs a reason, of at most %d bytes", maxWhy)
	}
	if err := (Request{Name: d.Name}).Check(); err != nil {
		return Decision{}, err
	}
	_, hash, err := l.Entry(ctx, d.List, d.Entry)
	if err != nil {
		return Decision{}, err
	}
	sealed, err := l.seal.closeJSON(decisionKind, sealedDecision{d.Name, d.Why})
	if err != nil {
		return Decision{}, err
	}
	made := Decision{At: l.d.Now().UTC().Truncate(time.Microsecond), Who: who, List: d.List, Entry: d.Entry, Name: d.Name, Same: d.Same, Why: d.Why}
	err = l.d.Tx(ctx, func(tx *sql.Tx) error {
		key := l.seal.nameKey(d.Name)
		if _, err := tx.ExecContext(ctx, `UPDATE screening_decision SET ended=$1, ended_why='decided anew' WHERE list=$2 AND entry=$3 AND name_key=$4 AND ended=0`,
			made.At.UnixMicro(), d.List, d.Entry, key); err != nil {
			return fmt.Errorf("end the earlier decision: %w", err)
		}
		if err := tx.QueryRowContext(ctx, `INSERT INTO screening_decision (at, who, list, entry, entry_hash, name_key, same, body) VALUES ($1,$2,$3,$4,$5,$6,$7,$8) RETURNING num`,
			made.At.UnixMicro(), who, d.List, d.Entry, hash, key, number(d.Same), sealed).Scan(&made.Num); err != nil {
			return fmt.Errorf("store the decision: %w", err)
		}
		body, err := json.Marshal(map[string]any{"schema": 1, "decision": made.Num, "list": d.List, "entry": d.Entry, "entry_hash": hash, "same": d.Same, "sealed": sealed})
		if err != nil {
			return fmt.Errorf("encode the record: %w", err)
		}
		_, err = chain.Append(ctx, tx, chain.Entry{Log: Log, Time: made.At, Who: who, Kind: "decide", Subject: d.List + ":" + d.Entry, Body: body})
		return err
	})
	return made, err
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Decisions lists them, the latest first; with ended, those that no longer hold too.
func (l *Ledger) Decisions(ctx context.Context, ended bool) ([]Decision, error) {
	where := `ended=0`
	if ended {
		where = `1=1`
	}
	return l.decisions(ctx, where)
}

func (l *Ledger) decisions(ctx context.Context, where string, args ...any) (all []Decision, err error) {
	rows, err := l.d.DB.QueryContext(ctx, `SELECT num, at, who, list, entry, same, ended, ended_why, body FROM screening_decision WHERE `+where+` ORDER BY num DESC`, args...)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d Decision
		var at, same, ended int64
		var body []byte
		if err := rows.Scan(&d.Num, &at, &d.Who, &d.List, &d.Entry, &same, &ended, &d.EndedWhy, &body); err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
		var s sealedDecision
		if err := l.seal.openJSON(decisionKind, body, &s); err != nil {
			return nil, err
		}
		d.At, d.Same, d.Name, d.Why = time.UnixMicro(at).UTC(), same == 1, s.Name, s.Why
		if ended > 0 {
			d.Ended = time.UnixMicro(ended).UTC()
		}
		all = append(all, d)
	}
	return all, rows.Err()
}

// anyDecision tells whether any holds, which spares looking for each match.
func (l *Ledger) anyDecision(ctx context.Context) (bool, error) {
	var n int
	err := l.d.DB.QueryRowContext(ctx, `SELECT count(*) FROM screening_decision WHERE ended=0`).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read decisions: %w", err)
	}
	return n > 0, nil
}

// decided adds decisions that hold to an answer's matches, and returns them.
func (l *Ledger) decided(ctx context.Context, a *Answer) (found map[string]Decision, err error) {
	key := ""
	for _, group := range [][]Match{a.Designations, a.Influence} {
		for i := range group {
			m := &group[i]
			if key == "" {
				key = l.seal.nameKey(a.Query.Name)
			}
			list, err := l.decisions(ctx, `list=$1 AND entry=$2 AND name_key=$3 AND ended=0`, m.List.List, m.ID, key)
			if err != nil {
				return nil, err
			}
			if len(list) == 0 {
				continue
			}
			if found == nil {
				found = map[string]Decision{}
			}
			found[m.List.List+":"+m.ID] = list[0]
			m.Decision = &list[0]
		}
	}
	return found, nil
}
