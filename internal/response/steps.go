package response

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
)

// maxReason bounds what a person writes beside a step.
const maxReason = 1000

// Approve lets a notice leave. Two people must have seen it: the approver may not be who
// drafted its present content. What the program drafted was seen by nobody, so there any
// approver is the first. And nobody approves what goes to themselves.
func (w *Writer) Approve(ctx context.Context, by api.Caller, id portcullis.ID, version int) (Notice, error) {
	const act = "approve this notice"
	return w.take(ctx, by, id, version, step{act, []api.Role{api.Approver}, func(n *Notice) (string, Happening, error) {
		switch {
		case n.State != Drafted:
			return "", Happening{}, &StateError{n.ID, n.State, "approved", "drafted"}
		case by.Name == Machine:
			return "", Happening{}, &RoleError{Who: by.Name, Act: act, Why: "that is the program's own name, and a person approves"}
		case n.DraftedBy != Machine && n.DraftedBy == by.Name:
			return "", Happening{}, &RoleError{Who: by.Name, Act: act, Why: "they drafted it, and nothing leaves on one person's word; another approver has to"}
		case by.Person != "" && by.Person == n.Person:
			return "", Happening{}, &RoleError{Who: by.Name, Act: act, Why: "it is about themselves; another approver has to"}
		}
		n.State, n.ApprovedBy, n.Approved = Approved, by.Name, w.now
		return "approved", Happening{}, nil
	}})
}

// Delay keeps a notice back until a time, for a reason that is kept. Until then it is not
// overdue; when the time has come it is again what it was before, and overdue.
func (w *Writer) Delay(ctx context.Context, by api.Caller, id portcullis.ID, version int, reason string, until time.Time) (Notice, error) {
	until = micro(until)
	return w.take(ctx, by, id, version, step{"delay a notice", []api.Role{api.Approver}, func(n *Notice) (string, Happening, error) {
		reason, err := because(reason, "a delay")
		longest := w.now.Add(time.Duration(w.cfg.MaxDelayDays) * 24 * time.Hour)
		switch {
		case !n.open():
			return "", Happening{}, &StateError{n.ID, n.State, "delayed", "drafted or approved"}
		case err != nil:
			return "", Happening{}, err
		case !until.After(w.now):
			return "", Happening{}, &RefusedError{"a delay needs an end that lies ahead", "name a day and time from now on"}
		case until.After(longest):
			return "", Happening{}, &RefusedError{fmt.Sprintf("a delay ends within %d days", w.cfg.MaxDelayDays), "name an earlier end; it can be delayed again, with a reason"}
		}
		n.State, n.DelayReason, n.DelayedBy, n.DelayUntil, n.Due = Delayed, reason, by.Name, until, until
		return "delayed", Happening{Reason: reason, Until: until}, nil
	}})
}

// EndDelay takes a delay back: the notice is what it was before, and due when it was.
func (w *Writer) EndDelay(ctx context.Context, by api.Caller, id portcullis.ID, version int) (Notice, error) {
	return w.take(ctx, by, id, version, step{"end a delay", []api.Role{api.Approver}, func(n *Notice) (string, Happening, error) {
		if n.State != Delayed {
			return "", Happening{}, &StateError{n.ID, n.State, "taken up again", "delayed"}
		}
		n.State, n.Due = n.beforeDelay(), w.due(n.Knew)
		n.DelayReason, n.DelayedBy, n.DelayUntil = "", "", time.Time{}
		return "delay ended", Happening{}, nil
	}})
}

// Withdraw ends a notice that is not to leave at all. The machine never drafts its events
// for this person and campaign again.
func (w *Writer) Withdraw(ctx context.Context, by api.Caller, id portcullis.ID, version int, reason string) (Notice, error) {
	return w.take(ctx, by, id, version, step{"withdraw a notice", []api.Role{api.Approver}, func(n *Notice) (string, Happening, error) {
		reason, err := because(reason, "withdrawing")
		switch {
		case !n.open():
			return "", Happening{}, &StateError{n.ID, n.State, "withdrawn", "drafted, approved or delayed"}
		case err != nil:
			return "", Happening{}, err
		}
		n.State, n.Outcome = Withdrawn, reason
		return "withdrawn", Happening{Reason: reason}, nil
	}})
}

// Handing says how somebody was told without mail.
type Handing struct {
	Way  Way       // ByTelephone, InPerson or OnPaper
	With string    // with whom was spoken, or who took it
	When time.Time // zero is now
	Note string
}

// Told records that an approved notice was told or handed over, by whom, to whom and
// when.
func (w *Writer) Told(ctx context.Context, by api.Caller, id portcullis.ID, version int, h Handing) (Notice, error) {
	return w.take(ctx, by, id, version, step{"record that a person was told", senders(), func(n *Notice) (string, Happening, error) {
		if h.When.IsZero() {
			h.When = w.now
		}
		h.When, h.With, h.Note = micro(h.When), strings.TrimSpace(clip(h.With, 200)), strings.TrimSpace(clip(h.Note, maxReason))
		switch {
		case n.State != Approved && n.State != Unclear:
			return "", Happening{}, &StateError{n.ID, n.State, "handed over", "approved"}
		case !slices.Contains([]Way{ByTelephone, InPerson, OnPaper}, h.Way):
			return "", Happening{}, &RefusedError{fmt.Sprintf("%q is no way to hand over a notice", h.Way), "say telephone, in person or paper"}
		case h.With == "":
			return "", Happening{}, &RefusedError{"it needs to be said with whom was spoken", "name the person, or who took it for them"}
		case h.When.After(w.now.Add(5 * time.Minute)):
			return "", Happening{}, &RefusedError{"a notice cannot have been told in the future", "name the time at which it was told"}
		case h.When.Before(n.Approved.Truncate(time.Minute)): // people write minutes
			return "", Happening{}, &RefusedError{"it was approved only after that time", "name the time at which the approved notice was told"}
		}
		n.State, n.Way, n.To, n.Told, n.Outcome = HandedOver, h.Way, h.With, h.When, h.Note
		return "handed over", Happening{Way: h.Way, To: h.With, Reason: h.Note}, nil
	}})
}

// Resolve says what a person found out about a notice whose sending is unclear. One that
// arrived was told when it was sent; one that did not is approved as before, and if it is
// sent again it carries the same message id.
func (w *Writer) Resolve(ctx context.Context, by api.Caller, id portcullis.ID, version int, arrived bool, how string) (Notice, error) {
	return w.take(ctx, by, id, version, step{"settle whether a notice arrived", senders(), func(n *Notice) (string, Happening, error) {
		how, err := because(how, "settling this")
		switch {
		case n.State != Unclear:
			return "", Happening{}, &StateError{n.ID, n.State, "settled", "unclear"}
		case err != nil:
			return "", Happening{}, err
		}
		n.State, n.Outcome = Approved, how
		if arrived {
			n.State, n.Told = Sent, n.Started
		}
		return "settled", Happening{Reason: how, MessageID: n.MessageID}, nil
	}})
}

// Took records that somebody took a notice out of the desk as a file. It changes nothing
// else: a file on somebody's desk has told nobody yet. Only approved content is taken
// without the mark of a draft.
func (w *Writer) Took(ctx context.Context, by api.Caller, id portcullis.ID, format string) (Notice, error) {
	if err := may(by, "take a notice", api.Reader); err != nil {
		return Notice{}, err
	}
	n, err := w.Notice(ctx, id)
	if err != nil {
		return Notice{}, err
	}
	h := Happening{Person: n.Person, Campaign: n.Campaign, Round: n.Round, Version: n.Version, State: n.State, Digest: n.Digest, Format: format}
	return n, w.append(ctx, by.Name, "taken", n.ID, h)
}

// Suspect says that a person's account may be in other hands: from now on no notice goes
// to any of their addresses.
func (w *Writer) Suspect(ctx context.Context, by api.Caller, person portcullis.ID, why string) error {
	const act = "say that an account may be compromised"
	if err := may(by, act, senders()...); err != nil {
		return err
	}
	if err := concerns(by, act, person); err != nil {
		return err
	}
	why, err := because(why, "it")
	if err != nil {
		return err
	}
	if _, err := w.tx.ExecContext(ctx, `INSERT INTO response_account (person, since, who, why) VALUES ($1, $2, $3, $4)
		ON CONFLICT (person) DO UPDATE SET since = excluded.since, who = excluded.who, why = excluded.why`,
		string(person), w.now.UnixMicro(), by.Name, why); err != nil {
		return fmt.Errorf("store the state of an account: %w", err)
	}
	if err := w.append(ctx, by.Name, "account suspected", accountSubject(person), Happening{Person: person, Reason: why}); err != nil {
		return err
	}
	return w.suspicion(ctx, by, person, why)
}

// suspicion puts it on the notices that have not left, or takes it off them.
func (w *Writer) suspicion(ctx context.Context, by api.Caller, person portcullis.ID, why string) error {
	list, err := w.Notices(ctx, Query{Person: person, Open: true})
	if err != nil {
		return err
	}
	for _, n := range list {
		if !n.open() || n.Reach.Suspicion == why {
			continue
		}
		n.Reach.Suspicion = why
		if _, err := w.store(ctx, by, n, "redrafted", Happening{Reason: why}); err != nil {
			return err
		}
	}
	return nil
}

// Clear says that a person's account is theirs again.
func (w *Writer) Clear(ctx context.Context, by api.Caller, person portcullis.ID, why string) error {
	const act = "say that an account is safe again"
	if err := may(by, act, api.Approver); err != nil {
		return err
	}
	if err := concerns(by, act, person); err != nil {
		return err
	}
	why, err := because(why, "it")
	if err != nil {
		return err
	}
	if _, err := w.tx.ExecContext(ctx, `DELETE FROM response_account WHERE person = $1`, string(person)); err != nil {
		return fmt.Errorf("store the state of an account: %w", err)
	}
	if err := w.append(ctx, by.Name, "account cleared", accountSubject(person), Happening{Person: person, Reason: why}); err != nil {
		return err
	}
	return w.suspicion(ctx, by, person, "")
}

// accountSubject stands in the chain for a person: a subject there cannot be erased.
func accountSubject(person portcullis.ID) portcullis.ID {
	return portcullis.NewID("account", string(person))
}

// Erase removes all notices of a person and blanks what the chain says of them. That
// something happened to these notices, when and by whom, stays.
func (w *Writer) Erase(ctx context.Context, person portcullis.ID) (removed int, err error) {
	list, err := w.list(ctx, `WHERE person = $1`, string(person))
	if err != nil {
		return 0, err
	}
	subjects := []portcullis.ID{accountSubject(person)}
	for _, n := range list {
		subjects = append(subjects, n.ID)
	}
	for _, s := range subjects {
		if _, err := chain.Erase(ctx, w.tx, Log, string(s)); err != nil {
			return 0, err
		}
	}
	for _, table := range []string{"response_notice", "response_account"} {
		if _, err := w.tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE person = $1`, string(person)); err != nil {
			return 0, fmt.Errorf("erase the notices of %s: %w", person, err)
		}
	}
	for _, n := range list {
		if err := w.append(ctx, Machine, "erased", n.ID, Happening{}); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// Retain removes notices that were done before a time. What the chain says of them
// stays: who was told what is asked years later.
func (w *Writer) Retain(ctx context.Context, before time.Time) (removed int, err error) {
	var old []portcullis.ID
	err = w.each(ctx, `WHERE open = 0`, nil, func(n Notice) bool {
		if n.Changed.Before(before) {
			old = append(old, n.ID)
		}
		return true
	})
	if err != nil {
		return 0, err
	}
	for _, id := range old {
		if _, err := w.tx.ExecContext(ctx, `DELETE FROM response_notice WHERE id = $1`, string(id)); err != nil {
			return 0, fmt.Errorf("remove old notices: %w", err)
		}
	}
	return len(old), nil
}

// senders are the roles that let what is approved leave.
func senders() []api.Role { return []api.Role{api.Analyst, api.Approver} }

// because wants a reason that says something.
func because(reason, what string) (string, error) {
	reason = strings.TrimSpace(clip(reason, maxReason))
	if len([]rune(reason)) < 3 {
		return "", &RefusedError{what + " needs a reason", "say why in a few words"}
	}
	return reason, nil
}
