package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// Breaking the glass opens one privileged message to one person for a while. One asks and
// says why, a second, with the role approver, agrees; both are named to the member it
// concerns, at once, and stand in the audit. Nobody can do it alone, nor a program.

const (
	kindAskGlass    = "ask-glass"
	kindBreakGlass  = "break-glass"
	kindRefuseGlass = "refuse-glass"
	kindCloseGlass  = "close-glass"

	askLife   = 24 * time.Hour // in which somebody has to decide
	minReason = 10             // characters; "because" is no reason
	maxReason = 2000
)

// Glass is one asking and what became of it.
type Glass struct {
	ID        portcullis.ID   `json:"id"`
	Object    string          `json:"object"`
	People    []portcullis.ID `json:"people"` // whom it concerns, and who are told
	Reason    string          `json:"reason"`
	Wanted    time.Duration   `json:"wanted"` // for how long
	AskedBy   string          `json:"asked_by"`
	Asked     time.Time       `json:"asked"`
	DecidedBy string          `json:"decided_by,omitempty"` // "" while nobody has
	Decided   time.Time       `json:"decided,omitzero"`
	Approved  bool            `json:"approved"`
	Expires   time.Time       `json:"expires"` // of the asking, or of the access once approved
}

// Open tells whether it opens anything now.
func (g Glass) Open(now time.Time) bool { return g.Approved && now.Before(g.Expires) }

// Waiting tells whether somebody can still decide.
func (g Glass) Waiting(now time.Time) bool { return g.DecidedBy == "" && now.Before(g.Expires) }

// ErrDecided is an asking that somebody else has decided, or that is too old.
var ErrDecided = errors.New("this has been decided already, or is too old; ask anew")

// WantedError is an asking for longer than the configuration allows.
type WantedError struct{ Most time.Duration }

func (e *WantedError) Error() string {
	return fmt.Sprintf("it can be opened for %d minutes at most, and for at least one", int(e.Most.Minutes()))
}

// AskGlass asks to open a privileged object for a while. It runs a transaction of its own.
func (g *Guard) AskGlass(ctx context.Context, o Object, reason string, wanted time.Duration) (Glass, error) {
	caller, _ := api.CallerFrom(ctx)
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n < minReason || n > maxReason || !utf8.ValidString(reason) || strings.ContainsRune(reason, 0) {
		return Glass{}, fmt.Errorf("a reason of %d to %d characters is needed: the member will read it", minReason, maxReason)
	}
	if wanted < time.Minute || wanted > g.cfg.glass() {
		return Glass{}, &WantedError{g.cfg.glass()}
	}
	if !May(caller, SeeEvidence, o).BreakGlass {
		return Glass{}, &Refusal{AskGlass, no("There is no glass to break here: it is open to you already, or would not be after breaking it.")}
	}
	if err := g.Allow(ctx, AskGlass, o, nil); err != nil {
		return Glass{}, err
	}
	now := g.deps.Now()
	asked := Glass{ID: portcullis.NewID("glass", rand.Text()), Object: o.ID, Reason: reason, Wanted: wanted, AskedBy: caller.Name, Asked: now, Expires: now.Add(askLife)}
	for _, p := range o.People {
		asked.People = append(asked.People, p.Person)
	}
	return asked, g.deps.Tx(ctx, func(tx *sql.Tx) error {
		if err := putGlass(ctx, tx, asked); err != nil {
			return err
		}
		return appendRecord(ctx, tx, kindAskGlass, o.ID, record{Glass: asked.ID, People: asked.People}, map[string]string{"reason": reason, "for": wanted.String()})
	})
}

// DecideGlass agrees or refuses, as the second person. The members are told in the same
// transaction. It runs a transaction of its own.
func (g *Guard) DecideGlass(ctx context.Context, id portcullis.ID, agree bool) (decided Glass, err error) {
	asked, err := GlassByID(ctx, g.deps.DB, id)
	if err != nil {
		return Glass{}, err
	}
	if err := g.Allow(ctx, ApproveGlass, g.glassObject(asked), nil); err != nil {
		return Glass{}, err
	}
	caller, _ := api.CallerFrom(ctx)
	err = g.deps.Tx(ctx, func(tx *sql.Tx) error {
		now := g.deps.Now()
		decided = asked
		decided.DecidedBy, decided.Decided, decided.Approved = caller.Name, now, agree
		if agree {
			decided.Expires = now.Add(min(cmp.Or(asked.Wanted, g.cfg.glass()), g.cfg.glass()))
		}
		if err := settleGlass(ctx, tx, decided, now); err != nil {
			return err
		}
		kind := kindRefuseGlass
		if agree {
			kind = kindBreakGlass
			if err := g.deps.Announce(ctx, tx, decided); err != nil {
				return fmt.Errorf("announce to the member: %w", err)
			}
		}
		return appendRecord(ctx, tx, kind, asked.Object, record{Glass: asked.ID, People: asked.People},
			map[string]any{"asked_by": asked.AskedBy, "until": decided.Expires.UTC()})
	})
	return decided, err
}

// CloseGlass ends the access before its time; who asked and who agreed may.
func (g *Guard) CloseGlass(ctx context.Context, id portcullis.ID) error {
	asked, err := GlassByID(ctx, g.deps.DB, id)
	if err != nil {
		return err
	}
	caller, _ := api.CallerFrom(ctx)
	if !samePerson(caller.Name, asked.AskedBy) && !samePerson(caller.Name, asked.DecidedBy) {
		return &Refusal{ApproveGlass, no("Only who asked and who agreed can end this.")}
	}
	return g.deps.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE access_glass SET expires=$2 WHERE id=$1 AND expires>$2`, string(id), g.deps.Now().UnixMicro()); err != nil {
			return fmt.Errorf("close glass: %w", err)
		}
		return appendRecord(ctx, tx, kindCloseGlass, asked.Object, record{Glass: asked.ID, People: asked.People}, nil)
	})
}

// glassObject is what is decided about: the people as they stand now.
func (g *Guard) glassObject(asked Glass) Object {
	return Object{ID: asked.Object, People: g.deps.Standings().Of(asked.People...), By: asked.AskedBy}
}

// granted finds the caller's own breaking of the glass for the object, if one is in force.
func (g *Guard) granted(ctx context.Context, c api.Caller, o Object) (Glass, bool, error) {
	list, err := queryGlass(ctx, g.deps.DB, `WHERE object=$1 AND asked_by=$2 AND approved=1 AND expires>$3 ORDER BY expires DESC LIMIT 1`,
		o.ID, c.Name, g.deps.Now().UnixMicro())
	if err != nil || len(list) == 0 {
		return Glass{}, false, err
	}
	return list[0], true, nil
}

// WaitingGlass are the askings that somebody still has to decide, oldest first.
func (g *Guard) WaitingGlass(ctx context.Context) ([]Glass, error) {
	return queryGlass(ctx, g.deps.DB, `WHERE decided_by='' AND expires>$1 ORDER BY asked, id LIMIT 200`, g.deps.Now().UnixMicro())
}

// GlassByID finds one.
func GlassByID(ctx context.Context, q querier, id portcullis.ID) (Glass, error) {
	list, err := queryGlass(ctx, q, `WHERE id=$1`, string(id))
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("nobody asked to break the glass under the number %q", id)
	}
	if err != nil {
		return Glass{}, err
	}
	return list[0], nil
}

func putGlass(ctx context.Context, tx *sql.Tx, g Glass) error {
	people, err := json.Marshal(g.People)
	if err != nil {
		return fmt.Errorf("ask to break the glass: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO access_glass (id, object, people, reason, asked_by, asked, decided_by, decided, approved, expires, wanted)
		VALUES ($1, $2, $3, $4, $5, $6, '', 0, 0, $7, $8)`, string(g.ID), g.Object, string(people), g.Reason, g.AskedBy, g.Asked.UnixMicro(), g.Expires.UnixMicro(), g.Wanted.Microseconds())
	if err != nil {
		return fmt.Errorf("ask to break the glass: %w", err)
	}
	return nil
}

// settleGlass writes the decision unless there is one: of two at the same time the later
// is told.
func settleGlass(ctx context.Context, tx *sql.Tx, g Glass, now time.Time) error {
	approved := 0
	if g.Approved {
		approved = 1
	}
	done, err := tx.ExecContext(ctx, `UPDATE access_glass SET decided_by=$2, decided=$3, approved=$4, expires=$5 WHERE id=$1 AND decided_by='' AND expires>$6`,
		string(g.ID), g.DecidedBy, g.Decided.UnixMicro(), approved, g.Expires.UnixMicro(), now.UnixMicro())
	if err != nil {
		return fmt.Errorf("decide about the glass: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrDecided, err)
	}
	return nil
}

func queryGlass(ctx context.Context, q querier, where string, args ...any) (list []Glass, err error) {
	rows, err := q.QueryContext(ctx, `SELECT id, object, people, reason, asked_by, asked, decided_by, decided, approved, expires, wanted FROM access_glass `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read askings to break the glass: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var g Glass
		var people string
		var asked, decided, approved, expires, wanted int64
		if err := rows.Scan(&g.ID, &g.Object, &people, &g.Reason, &g.AskedBy, &asked, &g.DecidedBy, &decided, &approved, &expires, &wanted); err != nil {
			return nil, fmt.Errorf("read askings to break the glass: %w", err)
		}
		if err := json.Unmarshal([]byte(people), &g.People); err != nil {
			return nil, fmt.Errorf("read askings to break the glass: %w", err)
		}
		g.Asked, g.Expires, g.Approved = time.UnixMicro(asked).UTC(), time.UnixMicro(expires).UTC(), approved == 1
		g.Wanted = time.Duration(wanted) * time.Microsecond
		if g.DecidedBy != "" {
			g.Decided = time.UnixMicro(decided).UTC()
		}
		list = append(list, g)
	}
	return list, rows.Err()
}
