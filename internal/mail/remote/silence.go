package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Silence is a mailbox that has answered nothing for longer than it may: its
// mail is not seen, and whoever has silenced it (a withdrawn right, a changed
// password, a rule of the server's) has made the house blind there.
type Silence struct {
	Source, Mailbox string    // Mailbox is "" where the source has only one
	Since           time.Time // the last answer; where there was none, the first attempt
	Never           bool      // there was no answer ever
	Raised          time.Time // when it was noticed
	Reason          string    // the last failure, "" if none was told
	Back            time.Time // when it answered again; zero: it is silent still
}

// Health is what is remembered of a mailbox from run to run.
type Health struct {
	Answered time.Time `json:"answered,omitzero"` // last answer
	First    time.Time `json:"first"`             // first attempt
	Raised   time.Time `json:"raised,omitzero"`   // when its silence was raised; zero: it is not silent
	Since    time.Time `json:"since,omitzero"`    // of that silence
	Reason   string    `json:"reason,omitempty"`
}

// HealthKey is the key of a mailbox's Health among the states.
func HealthKey(source, mailbox string) string { return "health of " + source + "\n" + mailbox }

// rememberEvery is how often an answer is written down while all is well. It is
// also by how much Silence.Since may be early after a crash.
const rememberEvery = 5 * time.Minute

// listening keeps Health of one source.
type listening struct {
	source string
	after  time.Duration
	began  time.Time
	store  func(ctx context.Context, key string, state json.RawMessage, s *Silence) error
	mu     sync.Mutex
	boxes  map[string]*listened // guarded by mu
}

type listened struct {
	Health
	saved  time.Time // the Answered that is stored
	failed bool      // since the last answer, in this run
}

func newListening(w *Watching, name string, mailboxes []string, now time.Time) *listening {
	l := &listening{source: name, after: w.SilentAfter, began: now, store: w.Remember, boxes: map[string]*listened{}}
	for _, m := range mailboxes {
		l.boxes[m] = l.load(w.State, m, now)
	}
	return l
}

func (l *listening) load(state func(string) (json.RawMessage, bool), mailbox string, now time.Time) *listened {
	b := &listened{}
	if raw, ok := state(HealthKey(l.source, mailbox)); ok && json.Unmarshal(raw, &b.Health) == nil && !b.First.IsZero() {
		b.saved = b.Answered
		return b
	}
	b.Health = Health{First: now}
	return b
}

// box returns what is known of a mailbox; mu is held.
func (l *listening) box(mailbox string, now time.Time) *listened {
	b := l.boxes[mailbox]
	if b == nil {
		b = &listened{Health: Health{First: now}}
		l.boxes[mailbox] = b
	}
	return b
}

// answered notes an answer, and ends a silence.
func (l *listening) answered(ctx context.Context, mailbox string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.box(mailbox, now)
	b.Answered, b.failed, b.Reason = now, false, ""
	if b.Raised.IsZero() {
		if now.Sub(b.saved) < rememberEvery {
			return nil
		}
		return l.save(ctx, mailbox, b, nil)
	}
	s := &Silence{Source: l.source, Mailbox: mailbox, Since: b.Since, Never: b.Since.Equal(b.First), Raised: b.Raised, Back: now}
	before := b.Health
	b.Raised, b.Since = time.Time{}, time.Time{}
	if err := l.save(ctx, mailbox, b, s); err != nil {
		b.Health = before // it is told again with the next answer
		return err
	}
	return nil
}

// failed notes why a mailbox did not answer; "" stands for all.
func (l *listening) failed(f *Failure, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	reason := strings.TrimRight(f.Err.Error(), ".")
	if _, known := l.boxes[f.Mailbox]; known || f.Mailbox != "" {
		b := l.box(f.Mailbox, now)
		b.failed, b.Reason = true, reason
		return
	}
	for _, b := range l.boxes {
		b.failed, b.Reason = true, reason
	}
}

// check raises what has been silent for too long. What was not tried in this run yet is not
// called silent, however long the program was off.
func (l *listening) check(ctx context.Context, now time.Time) error {
	if l.after <= 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for mailbox, b := range l.boxes {
		since := b.First
		if b.Answered.After(since) {
			since = b.Answered
		}
		heard := since
		if !b.failed && l.began.After(heard) {
			heard = l.began
		}
		if !b.Raised.IsZero() || now.Sub(heard) < l.after {
			continue
		}
		b.Raised, b.Since = now, since
		s := &Silence{Source: l.source, Mailbox: mailbox, Since: since, Never: b.Answered.IsZero(), Raised: now, Reason: b.Reason}
		if err := l.save(ctx, mailbox, b, s); err != nil {
			b.Raised, b.Since = time.Time{}, time.Time{}
			return err
		}
	}
	return nil
}

// save stores a mailbox's Health, with the silence that begins or ends; mu is held.
func (l *listening) save(ctx context.Context, mailbox string, b *listened, s *Silence) error {
	raw, err := json.Marshal(b.Health)
	if err != nil {
		return fmt.Errorf("encode the health of %s: %w", l.source, err)
	}
	if err := l.store(ctx, HealthKey(l.source, mailbox), raw, s); err != nil {
		return err
	}
	b.saved = b.Answered
	return nil
}
