package access

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// A hunt for somebody's address or a subject searches everybody's mail for a person or for
// what people write about. One asks and says what for, a second, with the role approver,
// agrees; then the one who asked may run that one hunt for a while. Each step, and each run,
// stands in the audit; where the address is a protected person's, among the looks at their mail.

const (
	kindAskHunt    = "ask-hunt"
	kindAgreeHunt  = "agree-hunt"
	kindRefuseHunt = "refuse-hunt"

	huntLife   = 8 * time.Hour // a working day, in which what was agreed to may be run
	maxPattern = 1000
)

// PersonalHunt is one asking and what became of it.
type PersonalHunt struct {
	ID        portcullis.ID   `json:"id"`
	Pattern   string          `json:"pattern"`
	People    []portcullis.ID `json:"people,omitempty"` // protected people whose address it is
	Purpose   string          `json:"purpose"`
	AskedBy   string          `json:"asked_by"`
	Asked     time.Time       `json:"asked"`
	DecidedBy string          `json:"decided_by,omitempty"` // "" while nobody has
	Decided   time.Time       `json:"decided,omitzero"`
	Approved  bool            `json:"approved"`
	Expires   time.Time       `json:"expires"` // of the asking, or of the hunt once approved
}

// Open tells whether it may be run now.
func (h PersonalHunt) Open(now time.Time) bool { return h.Approved && now.Before(h.Expires) }

// Waiting tells whether somebody can still decide.
func (h PersonalHunt) Waiting(now time.Time) bool { return h.DecidedBy == "" && now.Before(h.Expires) }

// ErrNoHunt is a hunt that the caller did not ask for, that nobody agreed to, or that is over.
var ErrNoHunt = errors.New("this hunt may not be run: nobody agreed to it, or its time is over; ask anew")

// AskHunt asks to hunt for an address or a subject. It runs a transaction of its own.
func (g *Guard) AskHunt(ctx context.Context, pattern, purpose string, people ...Subject) (PersonalHunt, error) {
	caller, _ := api.CallerFrom(ctx)
	purpose = strings.TrimSpace(purpose)
	if n := utf8.RuneCountInString(purpose); n < minReason || n > maxReason || !utf8.ValidString(purpose) || strings.ContainsRune(purpose, 0) {
		return PersonalHunt{}, fmt.Errorf("a purpose of %d to %d characters is needed: the second person decides by it, and it is kept", minReason, maxReason)
	}
	if pattern == "" || len(pattern) > maxPattern {
		return PersonalHunt{}, fmt.Errorf("what to look for must have 1 to %d bytes", maxPattern)
	}
	if err := g.Allow(ctx, AskHunt, Object{ID: "hunt", People: people}, nil); err != nil {
		return PersonalHunt{}, err
	}
	now := g.deps.Now()
	asked := PersonalHunt{ID: portcullis.NewID("hunt", rand.Text()), Pattern: pattern, Purpose: purpose, AskedBy: caller.Name, Asked: now, Expires: now.Add(askLife)}
	for _, p := range people {
		asked.People = append(asked.People, p.Person)
	}
	return asked, g.deps.Tx(ctx, func(tx *sql.Tx) error {
		if err := putHunt(ctx, tx, asked); err != nil {
			return err
		}
		return appendRecord(ctx, tx, kindAskHunt, string(asked.ID), record{People: asked.People}, map[string]string{"for": pattern, "purpose": purpose})
	})
}

// DecideHunt agrees or refuses, as the second person. It runs a transaction of its own.
func (g *Guard) DecideHunt(ctx context.Context, id portcullis.ID, agree bool, why string) (decided PersonalHunt, err error) {
	asked, err := huntByID(ctx, g.deps.DB, id)
	if err != nil {
		return PersonalHunt{}, err
	}
	if err := g.Allow(ctx, ApproveHunt, Object{ID: string(id), People: g.deps.Standings().Of(asked.People...), By: asked.AskedBy}, nil); err != nil {
		return PersonalHunt{}, err
	}
	caller, _ := api.CallerFrom(ctx)
	err = g.deps.Tx(ctx, func(tx *sql.Tx) error {
		now := g.deps.Now()
		decided = asked
		decided.DecidedBy, decided.Decided, decided.Approved, decided.Expires = caller.Name, now, agree, now.Add(huntLife)
		if err := settleHunt(ctx, tx, decided); err != nil {
			return err
		}
		kind := kindRefuseHunt
		if agree {
			kind = kindAgreeHunt
		}
		return appendRecord(ctx, tx, kind, string(id), record{People: asked.People}, map[string]any{"asked_by": asked.AskedBy, "until": decided.Expires.UTC(), "why": why})
	})
	return decided, err
}

// RunHunt allows who asked to run what was agreed to, and writes that they did before it
// returns: nothing may be searched where it fails.
func (g *Guard) RunHunt(ctx context.Context, id portcullis.ID) (PersonalHunt, error) {
	h, err := huntByID(ctx, g.deps.DB, id)
	if err != nil {
		return PersonalHunt{}, err
	}
	caller, _ := api.CallerFrom(ctx)
	if !samePerson(caller.Name, h.AskedBy) || !h.Open(g.deps.Now()) {
		return PersonalHunt{}, ErrNoHunt
	}
	return h, g.Allow(ctx, HuntPerson, Object{ID: string(id), People: g.deps.Standings().Of(h.People...)}, map[string]string{"agreed_by": h.DecidedBy})
}

// PersonalHunts are those that are not over: the caller's own, and those that the caller may
// decide about. The oldest first.
func (g *Guard) PersonalHunts(ctx context.Context) (list []PersonalHunt, err error) {
	now := g.deps.Now()
	all, err := queryHunts(ctx, g.deps.DB, `WHERE expires>$1 ORDER BY asked, id LIMIT 500`, now.UnixMicro())
	if err != nil {
		return nil, err
	}
	caller, _ := api.CallerFrom(ctx)
	for _, h := range all {
		decide := h.Waiting(now) && May(caller, ApproveHunt, Object{ID: string(h.ID), People: g.deps.Standings().Of(h.People...), By: h.AskedBy}).Allowed
		if decide || samePerson(caller.Name, h.AskedBy) {
			list = append(list, h)
		}
	}
	return list, nil
}

func huntByID(ctx context.Context, q querier, id portcullis.ID) (PersonalHunt, error) {
	list, err := queryHunts(ctx, q, `WHERE id=$1`, string(id))
	if err == nil && len(list) == 0 {
		err = ErrNoHunt
	}
	if err != nil {
		return PersonalHunt{}, err
	}
	return list[0], nil
}

// putHunt stores an asking, and forgets those that are over: what they looked for is about
// people, and the audit holds what has to be kept.
func putHunt(ctx context.Context, tx *sql.Tx, h PersonalHunt) error {
	people, err := json.Marshal(h.People)
	if err != nil {
		return fmt.Errorf("ask for a hunt: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM access_hunt WHERE expires<$1`, h.Asked.UnixMicro()); err != nil {
		return fmt.Errorf("ask for a hunt: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO access_hunt (id, pattern, people, purpose, asked_by, asked, decided_by, decided, approved, expires)
		VALUES ($1, $2, $3, $4, $5, $6, '', 0, 0, $7)`, string(h.ID), h.Pattern, string(people), h.Purpose, h.AskedBy, h.Asked.UnixMicro(), h.Expires.UnixMicro())
	if err != nil {
		return fmt.Errorf("ask for a hunt: %w", err)
	}
	return nil
}

// settleHunt writes the decision unless there is one: of two at the same time the later is told.
func settleHunt(ctx context.Context, tx *sql.Tx, h PersonalHunt) error {
	approved := 0
	if h.Approved {
		approved = 1
	}
	done, err := tx.ExecContext(ctx, `UPDATE access_hunt SET decided_by=$2, decided=$3, approved=$4, expires=$5 WHERE id=$1 AND decided_by='' AND expires>$3`,
		string(h.ID), h.DecidedBy, h.Decided.UnixMicro(), approved, h.Expires.UnixMicro())
	if err != nil {
		return fmt.Errorf("decide about a hunt: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrDecided, err)
	}
	return nil
}

func queryHunts(ctx context.Context, q querier, where string, args ...any) (list []PersonalHunt, err error) {
	rows, err := q.QueryContext(ctx, `SELECT id, pattern, people, purpose, asked_by, asked, decided_by, decided, approved, expires FROM access_hunt `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read hunts that were asked for: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var h PersonalHunt
		var people string
		var asked, decided, approved, expires int64
		if err := rows.Scan(&h.ID, &h.Pattern, &people, &h.Purpose, &h.AskedBy, &asked, &h.DecidedBy, &decided, &approved, &expires); err != nil {
			return nil, fmt.Errorf("read hunts that were asked for: %w", err)
		}
		if err := json.Unmarshal([]byte(people), &h.People); err != nil {
			return nil, fmt.Errorf("read hunts that were asked for: %w", err)
		}
		h.Asked, h.Expires, h.Approved = time.UnixMicro(asked).UTC(), time.UnixMicro(expires).UTC(), approved == 1
		if h.DecidedBy != "" {
			h.Decided = time.UnixMicro(decided).UTC()
		}
		list = append(list, h)
	}
	return list, rows.Err()
}

// eraseHunts removes the askings that are about a person's address.
func eraseHunts(ctx context.Context, tx *sql.Tx, person portcullis.ID) error {
	list, err := queryHunts(ctx, tx, ``)
	if err != nil {
		return err
	}
	for _, h := range list {
		if !slices.Contains(h.People, person) {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM access_hunt WHERE id=$1`, string(h.ID)); err != nil {
			return fmt.Errorf("erase %s from the hunts: %w", person, err)
		}
	}
	return nil
}
