package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"portcullis.example/portcullis/internal/mail/source"
)

// Watching says how a Source is run, and what becomes of what it reads. All
// functions but Remember are called from one goroutine.
type Watching struct {
	// Once ends when everything that is there has been read.
	Once bool
	// Attempts is how often in a row Once tries before it gives a mailbox up. Default 4.
	Attempts int
	// Every is after how long a source is asked again that has not said by itself
	// that something is new. Default 2 minutes.
	Every time.Duration
	// SilentAfter is after how long without an answer a mailbox is silent. Default 6 hours; below 0: never.
	SilentAfter time.Duration

	// State, Emit, Advance and Progress are those of Session.
	State    func(key string) (json.RawMessage, bool)
	Emit     func(Item) error
	Advance  func(key string, state json.RawMessage) error
	Progress func(Progress)
	// Problem is told once of what cannot be read.
	Problem func(source.Problem)
	// Failed is told of a failure when it begins, and again when it changes; not each time it is
	// met. again is after how long it is tried again; 0: not in this run.
	Failed func(f *Failure, again time.Duration)
	// Recovered is told when a mailbox answers that had failed.
	Recovered func(mailbox string)
	// Remember stores a mailbox's Health under a key, in one transaction with
	// the silence that began or, with Back, ended; nil: neither. It may be called at any time.
	Remember func(ctx context.Context, key string, state json.RawMessage, s *Silence) error
}

const (
	defaultEvery       = 2 * time.Minute
	defaultSilentAfter = 6 * time.Hour
	defaultAttempts    = 4
	maxProblems        = 10_000 // that are kept in mind, to tell each once
)

// Watch reads a source until ctx ends or, with Once, until everything there is
// has been read. It returns ctx's error, what Emit, Advance or Remember returned, or
// with Once the failures that remained, joined.
func Watch(ctx context.Context, src Source, w Watching) error {
	w.Every = orDefault(w.Every, defaultEvery)
	w.SilentAfter = orDefault(w.SilentAfter, defaultSilentAfter)
	w.Attempts = orDefault(w.Attempts, defaultAttempts)
	now := time.Now()
	r := &run{
		Watching: w, src: src, boxes: map[string]*box{}, told: map[string]bool{}, states: map[string]json.RawMessage{},
		listening: newListening(&w, src.Name(), src.Mailboxes(), now),
	}
	group, ctx := errgroup.WithContext(ctx)
	reading, done := context.WithCancel(ctx)
	group.Go(func() error { // a Read that hangs is silence too
		tick := time.NewTicker(max(min(w.SilentAfter/4, time.Minute), time.Second))
		defer tick.Stop()
		for {
			select {
			case <-reading.Done():
				return nil
			case <-tick.C:
				if err := r.listening.check(reading, time.Now()); err != nil && reading.Err() == nil {
					return err
				}
			}
		}
	})
	group.Go(func() error {
		defer done()
		return r.loop(ctx)
	})
	return group.Wait()
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// run is one Watch.
type run struct {
	Watching
	src       Source
	listening *listening
	boxes     map[string]*box
	told      map[string]bool            // Problems
	states    map[string]json.RawMessage // as they will be once all that was emitted is stored; nil: there is none
	fatal     error                      // of Emit, Advance or Remember
	moved     bool                       // something was emitted since failures were attended to
}

// box is how it stands with a mailbox.
type box struct {
	backoff  Backoff
	attempts int       // that failed in a row
	next     time.Time // not tried before
	told     string    // the failure that was told
	hopeless *Failure  // with Once: what trying again does not mend
	answered bool      // in the present Read
}

func (r *run) box(mailbox string) *box {
	b := r.boxes[mailbox]
	if b == nil {
		b = &box{}
		r.boxes[mailbox] = b
	}
	return b
}

func (r *run) loop(ctx context.Context) error {
	for {
		failures, err := r.read(ctx)
		if err != nil {
			return err
		}
		wait, over := r.attend(failures)
		if err := r.listening.check(ctx, time.Now()); err != nil {
			return err
		}
		if over {
			return r.remaining(failures)
		}
		if err := r.pause(ctx, wait, len(failures) > 0); err != nil {
			return err
		}
	}
}

// read calls Read once. The error is one that ends Watch.
func (r *run) read(ctx context.Context) ([]*Failure, error) {
	for _, b := range r.boxes {
		b.answered = false
	}
	err := r.src.Read(ctx, r.session(ctx))
	switch {
	case r.fatal != nil:
		return nil, r.fatal
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return Failures(err), nil
	}
	return nil, nil
}

func (r *run) session(ctx context.Context) Session {
	return Session{
		Due:      r.due,
		State:    r.state,
		Emit:     r.emit,
		Advance:  r.advance,
		Problem:  r.problem,
		Progress: r.Progress,
		Answered: func(mailbox string) { r.answered(ctx, mailbox) },
	}
}

func (r *run) due(mailbox string) bool {
	b := r.box(mailbox)
	if r.Once {
		return b.hopeless == nil
	}
	return !time.Now().Before(b.next)
}

// state is what the store will say once it is no longer behind.
func (r *run) state(key string) (json.RawMessage, bool) {
	state, known := r.states[key]
	if !known {
		if stored, ok := r.State(key); ok {
			state = stored
		}
		r.states[key] = state
	}
	return state, state != nil
}

func (r *run) emit(item Item) error {
	if err := r.stop(r.Emit(item)); err != nil {
		return err
	}
	r.moved = true
	if item.State != nil {
		r.states[item.Key] = item.State
	}
	return nil
}

func (r *run) advance(key string, state json.RawMessage) error {
	if err := r.stop(r.Advance(key, state)); err != nil {
		return err
	}
	r.states[key] = state
	return nil
}

// stop keeps an error that is not the source's: no patience helps against it.
func (r *run) stop(err error) error {
	if err != nil && r.fatal == nil {
		r.fatal = err
	}
	return err
}

func (r *run) problem(p source.Problem) {
	key := fmt.Sprint(p.Source, "\x00", p.Offset, "\x00", p.Err)
	if r.told[key] {
		return
	}
	if len(r.told) < maxProblems {
		r.told[key] = true
	}
	r.Problem(p)
}

func (r *run) answered(ctx context.Context, mailbox string) {
	r.box(mailbox).answered = true
	_ = r.stop(r.listening.answered(ctx, mailbox, time.Now())) // kept in r.fatal
}

// well forgets the failures of mailboxes that have answered and not failed after that.
func (r *run) well(failures []*Failure) {
	for mailbox, b := range r.boxes {
		if !b.answered || slices.ContainsFunc(failures, func(f *Failure) bool { return f.Mailbox == mailbox }) {
			continue
		}
		b.backoff.Reset()
		b.attempts, b.next, b.hopeless = 0, time.Time{}, nil
		if b.told != "" {
			b.told = ""
			r.Recovered(mailbox)
		}
	}
}

// attend notes failures and says how long to wait. With Once it also says whether it is over.
func (r *run) attend(failures []*Failure) (wait time.Duration, over bool) {
	wait, over = r.Every, r.Once
	now := time.Now()
	r.well(failures)
	for _, f := range failures {
		r.listening.failed(f, now)
		b := r.box(f.Mailbox)
		if r.moved { // a bad line is no reason to give up, as long as mail comes over it
			b.attempts = 0
			b.backoff.Reset()
		}
		b.attempts++
		again := b.backoff.Next(f)
		b.next = now.Add(again)
		wait = min(wait, again)
		if f.Kind == Refused || f.Kind == Permanent || b.attempts >= r.Attempts {
			b.hopeless = f
			if r.Once {
				again = 0
			}
		}
		if text := f.Error(); b.told != text {
			b.told = text
			r.Failed(f, again)
		}
		over = over && b.hopeless != nil
	}
	r.moved = false
	if len(failures) == 1 && failures[0].Mailbox == "" { // the whole source: its patience counts
		wait = r.boxes[""].next.Sub(now)
	}
	return wait, over
}

// pause waits for news. After a failure it sleeps instead, for a connection that is
// waited on may be the one that failed; unless most of the source is well, and may have news.
func (r *run) pause(ctx context.Context, d time.Duration, failed bool) error {
	if d = max(d, 0); r.Once || failed && !r.anyAnswered() {
		return Sleep(ctx, d)
	}
	before, floor := time.Now(), readFloor
	if r.src.Wait(ctx, d) != nil {
		floor = failedFloor
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return Sleep(ctx, min(max(floor-time.Since(before), 0), d))
}

// Between two looks at a source lies at least so much, however often it says that something is
// new; and more where waiting failed, perhaps at once and again and again: the next Read says why.
const (
	readFloor   = 300 * time.Millisecond
	failedFloor = 2 * time.Second
)

func (r *run) anyAnswered() bool {
	for _, b := range r.boxes {
		if b.answered {
			return true
		}
	}
	return false
}

// remaining are the failures of the last Read and those that were not tried in it any more.
func (r *run) remaining(failures []*Failure) error {
	errs := make([]error, 0, len(failures))
	for _, f := range failures {
		errs = append(errs, f)
	}
	for _, mailbox := range slices.Sorted(maps.Keys(r.boxes)) {
		if f := r.boxes[mailbox].hopeless; f != nil && !slices.Contains(failures, f) {
			errs = append(errs, f)
		}
	}
	return errors.Join(errs...)
}
