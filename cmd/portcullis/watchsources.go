package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/source"
)

// sourceRun is what runSources needs.
type sourceRun struct {
	scan    *scanner
	sources []sourceConfig
	once    bool
	// rest is done when all that came is stored and nothing comes for a while: placing what was found, say. nil: nothing.
	rest func(context.Context) error
	tell sourceTeller
}

// sourceTeller is told how it goes. Its methods are called from many goroutines.
type sourceTeller interface {
	progress(remote.Progress)
	failed(source string, f *remote.Failure, again time.Duration)
	recovered(source, mailbox string)
	problem(source.Problem)
	silent(remote.Silence)
}

// runSources reads mailboxes on servers until ctx ends or, with once, until what is there is read. What
// one source cannot do keeps no other from being read: with once it is returned at the end, joined.
func runSources(ctx context.Context, r sourceRun) error {
	var opened []remote.Source
	defer func() {
		for _, src := range opened {
			_ = src.Close() // nothing is written to it
		}
	}()
	for i := range r.sources {
		src, err := r.sources[i].open()
		if err != nil {
			return exitError{exitIncomplete, err}
		}
		opened = append(opened, src)
	}
	f := newFeed(r.resting)
	var mu sync.Mutex
	var unread []error // guarded by mu
	err := r.scan.take(ctx, func(ctx context.Context, out chan<- *batch) error {
		reading, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		done := make(chan struct{})
		var wg sync.WaitGroup
		for i, src := range opened {
			wg.Go(func() {
				err := remote.Watch(reading, src, r.watching(reading, &r.sources[i], f))
				switch {
				case err == nil, reading.Err() != nil:
				case len(remote.Failures(err)) > 0 && ofSource(err):
					mu.Lock()
					unread = append(unread, fmt.Errorf("%s: %w", src.Name(), err))
					mu.Unlock()
				default:
					cancel(err)
				}
			})
		}
		go func() { wg.Wait(); close(done) }()
		err := f.fill(reading, done, out)
		cancel(err)
		wg.Wait()
		if cause := context.Cause(reading); err != nil && cause != nil {
			return cause
		}
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(unread...)
}

// ofSource tells what a source cannot do from what the store cannot.
func ofSource(err error) bool {
	var f *remote.Failure
	return errors.As(err, &f)
}

// resting compares copies, and does what is to be done after that.
func (r *sourceRun) resting(ctx context.Context) error {
	if err := r.scan.settle(ctx); err != nil || r.rest == nil {
		return err
	}
	return r.rest(ctx)
}

// watching says what becomes of what a source reads.
func (r *sourceRun) watching(ctx context.Context, c *sourceConfig, f *feed) remote.Watching {
	name := c.fullName()
	return remote.Watching{
		Once: r.once, Every: c.every(), SilentAfter: c.silentAfter(),
		State: r.scan.state(ctx),
		Emit: func(item remote.Item) error {
			return f.put(ctx, handed{item: &item, key: item.Key, state: item.State})
		},
		Advance: func(key string, state json.RawMessage) error {
			return f.put(ctx, handed{key: key, state: state})
		},
		Progress:  r.tell.progress,
		Problem:   r.tell.problem,
		Failed:    func(failure *remote.Failure, again time.Duration) { r.tell.failed(name, failure, again) },
		Recovered: func(mailbox string) { r.tell.recovered(name, mailbox) },
		Remember: func(ctx context.Context, key string, state json.RawMessage, s *remote.Silence) error {
			if err := r.scan.remember(ctx, key, state, s); err != nil {
				return err
			}
			if s != nil {
				r.tell.silent(*s)
			}
			return nil
		},
	}
}

// beside is a scanner of the same store that may run at the same time.
func (s *scanner) beside() *scanner {
	if s.turn == nil {
		s.turn = &sync.Mutex{}
	}
	return &scanner{app: s.app, judge: s.judge, gatherer: s.gatherer, meter: newMeter(io.Discard, 0), report: newSummary(time.Now()), now: s.now, turn: s.turn}
}

// sourceLog tells a log how it goes.
type sourceLog struct{ log *slog.Logger }

func (l sourceLog) progress(remote.Progress) {}

func (l sourceLog) failed(source string, f *remote.Failure, again time.Duration) {
	l.log.Warn("a mailbox could not be read; it is tried again", "source", source, "mailbox", f.Mailbox, "kind", f.Kind.String(), "error", f.Error(), "again", again.Round(time.Second).String())
}

func (l sourceLog) recovered(source, mailbox string) {
	l.log.Warn("a mailbox answers again", "source", source, "mailbox", mailbox)
}

func (l sourceLog) problem(p source.Problem) {
	l.log.Warn("something could not be read", "problem", p.Error())
}

func (l sourceLog) silent(s remote.Silence) {
	l.log.Warn("a mailbox was or is silent", "what", silenceText(s))
}

// state reads how far a mailbox was read.
func (s *scanner) state(ctx context.Context) func(string) (json.RawMessage, bool) {
	reader := records.NewReader(s.app.store.DB())
	return func(key string) (json.RawMessage, bool) {
		raw, ok, err := reader.Position(ctx, s.stateKey(key))
		if err != nil { // read again: doubling is impossible, losing is not
			return nil, false
		}
		return raw, ok
	}
}

// remember stores how it stands with a mailbox, and the silence that begins or ends with it.
func (s *scanner) remember(ctx context.Context, key string, state json.RawMessage, silence *remote.Silence) error {
	defer s.alone()()
	return s.app.store.Tx(ctx, func(tx *sql.Tx) error {
		w := records.NewWriter(tx)
		defer w.Close()
		if err := s.putStates(ctx, w, map[string]json.RawMessage{key: state}); err != nil || silence == nil {
			return err
		}
		return s.putSilence(ctx, w, *silence)
	})
}

// putSilence stores a silence as a finding. A finding is about an event, so the silence is one: it has no
// bytes, only when it began and whose mailbox it is. When it ends, the finding says so.
func (s *scanner) putSilence(ctx context.Context, w *records.Writer, silence remote.Silence) error {
	event := portcullis.NewID("event", "mail", "silence", silence.Source, silence.Mailbox, silence.Since.UTC().Format(time.RFC3339Nano))
	facts := &mail.Facts{
		Schema: 1, Event: string(event), Engine: mail.Engine, Time: silence.Raised.UTC(), TimeKnown: true,
		People: s.gatherer.base.people, Config: s.gatherer.base.config, Model: s.gatherer.base.model,
		Recipients: s.gatherer.resolve([]string{silence.Mailbox}, "mailbox"),
	}
	known, err := w.Known(ctx, event)
	if err != nil {
		return err
	}
	revision := 0
	switch {
	case !known:
		if err := s.addSilence(ctx, w, event, silence, facts.Recipients); err != nil {
			return err
		}
	default:
		current, ok, err := w.Verdict(ctx, event)
		if err != nil {
			return err
		}
		if ok {
			revision = current.Revision + 1
		}
	}
	hash, encoded, err := facts.Encode()
	if err != nil {
		return err
	}
	verdict := portcullis.Verdict{Action: portcullis.Pass, Revision: revision, Facts: hash, Findings: []portcullis.Finding{silenceFinding(event, silence, facts.Recipients)}}
	j, err := records.NewJudgement(event, verdict, encoded, facts.People)
	if err != nil {
		return err
	}
	return w.PutVerdicts(ctx, []records.Judgement{j}, s.now())
}

// addSilence stores the event. It counts as recorded when the mailbox answered last, so that it is not taken for mail that has arrived.
func (s *scanner) addSilence(ctx context.Context, w *records.Writer, event portcullis.ID, silence remote.Silence, whose []mail.Recipient) error {
	m := records.Message{ID: event, Time: silence.Raised.UTC(), TimeKnown: true, Recorded: silence.Since.UTC()}
	if err := w.AddMessage(ctx, m, nil); err != nil {
		return err
	}
	d := records.Delivery{Message: event, Source: text(silence.Source), How: "source", Recorded: silence.Since.UTC()}
	if len(whose) > 0 {
		d.Recipient, d.Person = whose[0].Address, whose[0].Person
	}
	_, err := w.AddDelivery(ctx, d)
	return err
}

func silenceFinding(event portcullis.ID, silence remote.Silence, whose []mail.Recipient) portcullis.Finding {
	rule := mail.SilenceRule
	f := portcullis.Finding{
		ID: portcullis.NewID("finding", rule.ID(), string(event)), Rule: rule.ID(), Time: silence.Raised.UTC(), Technique: rule.Technique,
		Attention: portcullis.Targeted, Severity: portcullis.Medium, Confidence: 90, Summary: silenceText(silence),
		Unknown: []string{"what came to the mailbox in that time", "why it fell silent: an expired password and a server that is down look the same as a right that somebody withdrew"},
		Flip:    "One answer of the server to a sign-in and a list of folders, before " + silence.Raised.UTC().Format("2 Jan 15:04 MST") + ".",
	}
	if !silence.Back.IsZero() {
		f.Severity = portcullis.Low
		f.Unknown = f.Unknown[1:]
	}
	for _, r := range whose {
		if r.Person != "" {
			f.People = append(f.People, r.Person)
		}
	}
	return f
}

// silenceText says it in a sentence.
func silenceText(s remote.Silence) string {
	const layout = "2 Jan 2006 15:04 MST"
	who := s.Source
	if s.Mailbox != "" {
		who = "The mailbox " + s.Mailbox + " (" + s.Source + ")"
	}
	switch {
	case !s.Back.IsZero():
		return fmt.Sprintf("%s answered nothing from %s to %s; it answers again, and what came meanwhile is being read.", who, s.Since.UTC().Format(layout), s.Back.UTC().Format(layout))
	case s.Never && s.Reason != "":
		return fmt.Sprintf("%s has never answered since %s: %s.", who, s.Since.UTC().Format(layout), s.Reason)
	case s.Reason != "":
		return fmt.Sprintf("%s has answered nothing since %s: %s.", who, s.Since.UTC().Format(layout), s.Reason)
	}
	return fmt.Sprintf("%s has answered nothing since %s.", who, s.Since.UTC().Format(layout))
}

// sourceStatus is how it stands with one mailbox, for the pages.
type sourceStatus struct {
	Source, Mailbox string
	Health          remote.Health // zero: it was never read
}

// sourceStatuses tells how it stands with all mailboxes of the configuration.
func (a *app) sourceStatuses(ctx context.Context) (list []sourceStatus, err error) {
	s := &scanner{app: a}
	state := s.state(ctx)
	for i := range a.cfg.Sources {
		src, err := a.cfg.Sources[i].open()
		if err != nil {
			return nil, err
		}
		for _, mailbox := range src.Mailboxes() {
			one := sourceStatus{Source: src.Name(), Mailbox: mailbox}
			if raw, ok := state(remote.HealthKey(one.Source, mailbox)); ok {
				if err := json.Unmarshal(raw, &one.Health); err != nil {
					one.Health = remote.Health{}
				}
			}
			list = append(list, one)
		}
		if err := src.Close(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
