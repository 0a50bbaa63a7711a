package response

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
)

// Sending exactly once is more than SMTP promises: between the final dot and the
// server's answer there is a moment in which nobody knows. So it goes in three steps,
// like an outbox of one:
//
//  1. In a transaction the notice becomes "sending", its message id fixed.
//  2. The message is handed to the server.
//  3. In a transaction the answer is recorded: sent, approved as before, or unclear.
//
// A crash, or a store that goes away, between 1 and 3 leaves "sending". [Recover] makes
// that "unclear" once no attempt can be under way any more. What is unclear is never sent
// again by the program: a person looks into the server's log for the message id and says
// what they found ([Writer.Resolve]).

// Transactor opens transactions; *store.Store is one.
type Transactor interface {
	Tx(ctx context.Context, fn func(tx *sql.Tx) error) error
}

// recording is how long recording the server's answer may take.
const recording = 30 * time.Second

// Send sends an approved notice by mail to one of the person's own addresses; "" is the
// first. Where the account may be compromised it refuses. The notice returned says how it
// went; the error is what kept it from being sent, or recorded.
func (o *Office) Send(ctx context.Context, s Transactor, m Mailer, by api.Caller, id portcullis.ID, version int, to string) (Notice, error) {
	var n Notice
	var message []byte
	err := s.Tx(ctx, func(tx *sql.Tx) (err error) {
		n, message, err = o.start(ctx, NewWriter(tx, o.cfg, o.now()), by, id, version, to)
		return err
	})
	if err != nil {
		return Notice{}, err
	}
	ctx = context.WithoutCancel(ctx) // once begun it is brought to an end, whoever has gone meanwhile; the mailer has a limit of its own
	answer, sendErr := m.Send(ctx, bareAddress(o.cfg.SMTP.From), n.To, message)
	ctx, cancel := context.WithTimeout(ctx, recording)
	defer cancel()
	var done Notice
	err = s.Tx(ctx, func(tx *sql.Tx) (err error) {
		done, err = NewWriter(tx, o.cfg, o.now()).finish(ctx, by, n, answer, sendErr)
		return err
	})
	if err != nil {
		return n, errors.Join(sendErr, fmt.Errorf("%s was handed to the mail server, whose answer (%s) could not be recorded: %w; it stays \"sending\" and becomes \"unclear\", nothing sends it again by itself", n.ID, outcome(answer, sendErr), err))
	}
	return done, sendErr
}

// start is the first step. The message is written before the notice changes, so that
// what cannot be written is never "sending".
func (o *Office) start(ctx context.Context, w *Writer, by api.Caller, id portcullis.ID, version int, to string) (n Notice, message []byte, err error) {
	n, err = w.take(ctx, by, id, version, step{"send a notice", senders(), func(n *Notice) (string, Happening, error) {
		if n.State != Approved {
			return "", Happening{}, &StateError{n.ID, n.State, "sent", "approved"}
		}
		if err := o.maySend(ctx, w, *n, &to); err != nil {
			return "", Happening{}, err
		}
		n.State, n.Way, n.To, n.Started, n.Outcome = Sending, ByMail, to, w.now, ""
		n.MessageID = o.messageID(*n)
		written := *n
		written.Version++ // as it will be stored
		if message, err = o.mail(written, w.now); err != nil {
			return "", Happening{}, err
		}
		return "sending", Happening{Way: ByMail, To: to, MessageID: n.MessageID}, nil
	}})
	return n, message, err
}

// maySend asks everything that could forbid sending this notice by mail.
func (o *Office) maySend(ctx context.Context, w *Writer, n Notice, to *string) error {
	if o.cfg.SMTP.Server == "" {
		return &RefusedError{"no mail server is configured", "name one in the section [notices.smtp], or take the notice as a file and hand it over"}
	}
	why, err := w.Suspected(ctx, n.Person)
	if err != nil {
		return err
	}
	if why == "" {
		why = n.Reach.Suspicion
	}
	if why != "" {
		return &RefusedError{"the account may be in other hands (" + why + "), so whoever has it would read the notice", "tell the person by telephone or in person, and record it with `portcullis notices told`"}
	}
	if *to == "" && len(n.Reach.Addresses) > 0 {
		*to = n.Reach.Addresses[0]
	}
	if !slices.ContainsFunc(n.Reach.Addresses, func(a string) bool { return strings.EqualFold(a, *to) }) {
		return &RefusedError{fmt.Sprintf("%q is none of the person's own addresses", *to), "add it to the people file, or choose one of: " + strings.Join(n.Reach.Addresses, ", ")}
	}
	return w.approvalHolds(ctx, n)
}

// approvalHolds compares what is about to leave with what the chain says was approved: a
// row changed past the program does not leave.
func (w *Writer) approvalHolds(ctx context.Context, n Notice) error {
	entries, err := chain.About(ctx, w.q, Log, string(n.ID), 1000)
	if err != nil {
		return err
	}
	for _, e := range entries { // newest first
		if e.Kind != "approved" || e.Erased() {
			continue
		}
		var h Happening
		if err := unmarshal(e.Body, &h); err != nil {
			return err
		}
		if e.Who == n.ApprovedBy && h.Digest == n.Digest && h.Digest == n.Reach.digest() {
			return nil
		}
		break
	}
	return &RefusedError{fmt.Sprintf("%s is not what the log of notices says was approved", n.ID), "draft and approve it again; `portcullis notices audit` shows what was"}
}

// finish is the third step.
func (w *Writer) finish(ctx context.Context, by api.Caller, started Notice, answer string, sendErr error) (Notice, error) {
	n, err := w.Notice(ctx, started.ID)
	if err != nil {
		return Notice{}, err
	}
	if n.Version != started.Version || n.State != Sending {
		return Notice{}, n.conflict(started.Version)
	}
	n.Outcome = outcome(answer, sendErr)
	kind := "sent"
	_, refused := errors.AsType[*NotSentError](sendErr)
	switch {
	case sendErr == nil:
		n.State, n.Told = Sent, w.now
	case refused:
		kind, n.State = "not sent", Approved
	default: // only a mailer that is sure may say that nothing left
		kind, n.State = "unclear", Unclear
	}
	return w.store(ctx, by, n, kind, Happening{Way: ByMail, To: n.To, MessageID: n.MessageID, Outcome: n.Outcome})
}

func outcome(answer string, err error) string {
	if err != nil {
		return clip(plain(err.Error()), 500)
	}
	return answer
}

// bareAddress is the address of From without a name.
func bareAddress(from string) string {
	a, err := mail.ParseAddress(from)
	if err != nil {
		return from // Validate has seen to it that it can be parsed
	}
	return a.Address
}

// Recover makes what was being sent when the program ended "unclear": at the start of the
// program, and now and then. An attempt lasts at most as long as the configuration
// allows; one that began twice as long ago has ended, here or on another machine.
func (w *Writer) Recover(ctx context.Context) (unclear []Notice, err error) {
	longest := 2*time.Duration(w.cfg.SMTP.TimeoutSeconds)*time.Second + recording
	list, err := w.Notices(ctx, Query{State: Sending, Open: true})
	if err != nil {
		return nil, err
	}
	for _, n := range list {
		if w.now.Sub(n.Started) < longest {
			continue
		}
		n.State, n.Outcome = Unclear, "the program ended before the mail server's answer was recorded"
		n, err := w.store(ctx, api.Caller{Name: Machine}, n, "unclear", Happening{Way: ByMail, To: n.To, MessageID: n.MessageID, Outcome: n.Outcome})
		if err != nil {
			return unclear, err
		}
		unclear = append(unclear, n)
	}
	return unclear, nil
}
