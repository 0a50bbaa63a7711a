package response

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
)

// Log is the chain in which everything that happens to notices is kept.
const Log = "notices"

// Writer takes steps within one transaction. Each step appends to the chain in the same
// transaction: there is no step without its entry, and no entry without its step.
type Writer struct {
	Reader
	tx  *sql.Tx
	cfg Config
}

// NewWriter writes within tx, as things stand at now.
func NewWriter(tx *sql.Tx, cfg Config, now time.Time) *Writer {
	now = micro(now)
	return &Writer{Reader: Reader{q: tx, now: now}, tx: tx, cfg: cfg}
}

// Draft makes sure that there is a notice which tells what reached the person. Drafting
// the same again changes nothing. New content replaces that of a notice which has not
// left, and an approval lapses; what comes after a person was told, or after a person
// withdrew the notice, makes a notice of the next round about the new events alone. A
// notice that is being sent, or of which nobody knows whether it arrived, stays as it is
// until that is settled.
func (w *Writer) Draft(ctx context.Context, by api.Caller, reach Reach) (Notice, error) {
	const act = "draft a notice"
	if err := may(by, act, api.Analyst); err != nil {
		return Notice{}, err
	}
	if err := concerns(by, act, reach.Person); err != nil {
		return Notice{}, err
	}
	reach, err := reach.tidy(w.now)
	if err != nil {
		return Notice{}, err
	}
	if reach.Suspicion == "" {
		if reach.Suspicion, err = w.Suspected(ctx, reach.Person); err != nil {
			return Notice{}, err
		}
	}
	old, found, err := w.latest(ctx, reach.Campaign, reach.Person)
	switch {
	case err != nil:
		return Notice{}, err
	case !found:
		return w.insert(ctx, by, reach, 1)
	case old.State == Sending || old.State == Unclear:
		return old, nil
	case old.State == Sent || old.State == HandedOver || old.State == Withdrawn:
		return w.nextRound(ctx, by, old, reach)
	}
	return w.redraft(ctx, by, old, reach)
}

// nextRound drafts what no earlier round told.
func (w *Writer) nextRound(ctx context.Context, by api.Caller, old Notice, reach Reach) (Notice, error) {
	rounds, err := w.list(ctx, `WHERE campaign = $1 AND person = $2 ORDER BY round`, string(reach.Campaign), string(reach.Person))
	if err != nil {
		return Notice{}, err
	}
	for _, r := range rounds {
		reach = reach.without(r.Reach)
	}
	if len(reach.Events) == 0 {
		return old, nil
	}
	if reach.Knew.Before(old.Changed) { // of these events we knew after the last round was done
		reach.Knew = w.now
	}
	if first := firstOf(reach.Events); reach.CouldKnow.Before(first) {
		reach.CouldKnow = earlier(first, reach.Knew)
	}
	return w.insert(ctx, by, reach, old.Round+1)
}

func (w *Writer) insert(ctx context.Context, by api.Caller, reach Reach, round int) (Notice, error) {
	n := Notice{
		ID:      portcullis.NewID("notice", string(reach.Campaign), string(reach.Person), strconv.Itoa(round)),
		Version: 1, Campaign: reach.Campaign, Person: reach.Person, Round: round, State: Drafted,
		Reach: reach, Digest: reach.digest(), DraftedBy: by.Name, Drafted: w.now,
		Clock:     Clock{CouldKnow: reach.CouldKnow, Knew: reach.Knew, Due: w.due(reach.Knew)},
		ChangedBy: by.Name, Changed: w.now,
	}
	body, err := json.Marshal(n)
	if err != nil {
		return Notice{}, fmt.Errorf("store a notice: %w", err)
	}
	result, err := w.tx.ExecContext(ctx, `INSERT INTO response_notice (id, version, campaign, person, round, open, due, body)
		VALUES ($1, $2, $3, $4, $5, 1, $6, $7) ON CONFLICT DO NOTHING`,
		string(n.ID), n.Version, string(n.Campaign), string(n.Person), n.Round, n.Due.UnixMicro(), string(body))
	if err != nil {
		return Notice{}, fmt.Errorf("store a notice: %w", err)
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 { // somebody drafted it at the same moment
		return w.someoneElse(ctx, n.ID, 0, err)
	}
	return n.settled(w.now), w.log(ctx, "drafted", n, Happening{})
}

// due is when a person must have been told what we knew at that time.
func (w *Writer) due(knew time.Time) time.Time {
	return knew.Add(time.Duration(w.cfg.DeadlineHours) * time.Hour)
}

// redraft replaces the content of a notice that has not left. A clock only ever begins
// earlier: that we learn of it again is no excuse.
func (w *Writer) redraft(ctx context.Context, by api.Caller, n Notice, reach Reach) (Notice, error) {
	before, changed := n, false
	if digest := reach.digest(); digest != n.Digest {
		n.Digest, n.DraftedBy, n.Drafted, changed = digest, by.Name, w.now, true
	}
	if reach.CouldKnow.Before(n.CouldKnow) {
		n.CouldKnow, changed = reach.CouldKnow, true
	}
	if reach.Knew.Before(n.Knew) {
		if n.Due.Equal(w.due(n.Knew)) {
			n.Due = w.due(reach.Knew)
		}
		n.Knew, changed = reach.Knew, true
	}
	if !changed && reach.Suspicion == n.Reach.Suspicion {
		return n, nil
	}
	reach.CouldKnow, reach.Knew, n.Reach = n.CouldKnow, n.Knew, reach
	kind, h := "redrafted", Happening{}
	if n.ApprovedBy != "" && n.Digest != before.Digest {
		h.Reason = "the approval by " + n.ApprovedBy + " has lapsed: the content changed"
		n.ApprovedBy, n.Approved = "", time.Time{}
		if n.State == Approved {
			n.State = Drafted
		}
	}
	return w.store(ctx, by, n, kind, h)
}

// step is one person's act on one notice.
type step struct {
	act  string // "approve a notice"
	need []api.Role
	do   func(n *Notice) (kind string, h Happening, err error)
}

// take checks who, which and what, in this order, and stores the outcome.
func (w *Writer) take(ctx context.Context, by api.Caller, id portcullis.ID, version int, s step) (Notice, error) {
	if err := may(by, s.act, s.need...); err != nil {
		return Notice{}, err
	}
	n, err := w.Notice(ctx, id)
	if err != nil {
		return Notice{}, err
	}
	if err := concerns(by, s.act, n.Person); err != nil {
		return Notice{}, err
	}
	if n.Version != version {
		return Notice{}, n.conflict(version)
	}
	kind, h, err := s.do(&n)
	if err != nil {
		return Notice{}, err
	}
	return w.store(ctx, by, n, kind, h)
}

// may asks for a name and one of the roles.
func may(by api.Caller, act string, need ...api.Role) error {
	if strings.TrimSpace(by.Name) == "" {
		return &RoleError{Act: act, Why: "whoever acts has a name"}
	}
	if len(need) == 0 || slices.ContainsFunc(need, by.Has) {
		return nil
	}
	return &RoleError{Who: by.Name, Act: act, Need: need[0]}
}

// concerns asks for the person to be in the caller's own list of people, if there is one.
// Houses and parties are for whoever knows them to ask about.
func concerns(by api.Caller, act string, person portcullis.ID) error {
	if len(by.Scope.People) > 0 && !slices.Contains(by.Scope.People, person) {
		return &RoleError{Who: by.Name, Act: act, Why: "it concerns somebody outside their scope"}
	}
	return nil
}

func (n Notice) conflict(seen int) error {
	return &ConflictError{ID: n.ID, Seen: seen, Have: n.Version, State: n.State, By: n.ChangedBy, At: n.Changed}
}

// store writes a changed notice, if nobody was faster, and its entry.
func (w *Writer) store(ctx context.Context, by api.Caller, n Notice, kind string, h Happening) (Notice, error) {
	seen := n.Version
	n.Version, n.ChangedBy, n.Changed = seen+1, by.Name, w.now
	body, err := json.Marshal(n)
	if err != nil {
		return Notice{}, fmt.Errorf("store a notice: %w", err)
	}
	open := 0
	if n.Told.IsZero() && n.State != Withdrawn {
		open = 1
	}
	result, err := w.tx.ExecContext(ctx, `UPDATE response_notice SET version = $1, open = $2, due = $3, body = $4 WHERE id = $5 AND version = $6`,
		n.Version, open, n.Due.UnixMicro(), string(body), string(n.ID), seen)
	if err != nil {
		return Notice{}, fmt.Errorf("store a notice: %w", err)
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 {
		return w.someoneElse(ctx, n.ID, seen, err)
	}
	return n.settled(w.now), w.log(ctx, kind, n, h)
}

// someoneElse tells who was faster.
func (w *Writer) someoneElse(ctx context.Context, id portcullis.ID, seen int, err error) (Notice, error) {
	if err != nil {
		return Notice{}, fmt.Errorf("store a notice: %w", err)
	}
	have, err := w.Notice(ctx, id)
	if err != nil {
		return Notice{}, errors.Join(errors.New("somebody changed the notice at the same moment; look again before you act"), err)
	}
	return Notice{}, have.conflict(seen)
}

// log appends what happened to the chain.
func (w *Writer) log(ctx context.Context, kind string, n Notice, h Happening) error {
	h.Person, h.Campaign, h.Round, h.Version, h.State, h.Digest = n.Person, n.Campaign, n.Round, n.Version, n.State, n.Digest
	h.Events, h.CouldKnow, h.Knew, h.Told, h.Due = len(n.Reach.Events), n.CouldKnow, n.Knew, n.Told, n.Due
	return w.append(ctx, n.ChangedBy, kind, n.ID, h)
}

func (w *Writer) append(ctx context.Context, who, kind string, subject portcullis.ID, h Happening) error {
	body, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("keep what happened: %w", err)
	}
	_, err = chain.Append(ctx, w.tx, chain.Entry{Log: Log, Time: w.now, Who: who, Kind: kind, Subject: string(subject), Body: body})
	return err
}

// Happening is what the chain keeps of a step, beside who, when and which notice. All of
// it can be erased without breaking the chain.
type Happening struct {
	Person    portcullis.ID `json:"person,omitempty"`
	Campaign  portcullis.ID `json:"campaign,omitempty"`
	Round     int           `json:"round,omitempty"`
	Version   int           `json:"version,omitempty"`
	State     State         `json:"state,omitempty"`
	Digest    string        `json:"digest,omitempty"`
	Events    int           `json:"events,omitempty"`
	CouldKnow time.Time     `json:"could_know,omitzero"`
	Knew      time.Time     `json:"knew,omitzero"`
	Told      time.Time     `json:"told,omitzero"`
	Due       time.Time     `json:"due,omitzero"`

	Reason    string    `json:"reason,omitempty"`
	Until     time.Time `json:"until,omitzero"`
	Way       Way       `json:"way,omitempty"`
	To        string    `json:"to,omitempty"`
	MessageID string    `json:"message_id,omitempty"`
	Outcome   string    `json:"outcome,omitempty"`
	Format    string    `json:"format,omitempty"`
}
