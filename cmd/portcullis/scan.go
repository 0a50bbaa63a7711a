package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/mail/source"
)

// A batch commits together: so many messages, or so many bytes.
const (
	batchMessages = 256
	batchBytes    = 16 << 20
	settleEvery   = 16384 // messages after which copies are compared, so that what is kept for it stays bounded
)

// scanner runs messages from the sources through judging into the store:
//
//	source.Walk ─► batch ─► parse (all cores) ─► one transaction: gather facts
//	in input order, judge (all cores), store verdicts, copies, observables,
//	and how far each file was read
//
// While one batch is stored the next is read and parsed. Facts are gathered in
// the order of input, so that a second run over the same mail finds the same.
type scanner struct {
	app       *app
	judge     *mail.Judge
	gatherer  *gatherer
	spool     *spool // nil without --verdicts
	meter     *meter
	report    *summary
	now       func() time.Time
	unsettled int64
	fresh     bool // read every file again, whatever earlier runs have read
}

type batch struct {
	arrived   []*arrived
	bytes     int
	positions map[string]source.Position
}

// scan reads all of args. It returns what it could not go on after; what could
// not be read is in the summary.
func (s *scanner) scan(ctx context.Context, args []string, cfg source.Config) error {
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan *batch, 1)
	parsed := make(chan *batch, 1)
	group.Go(func() error {
		defer close(batches)
		return s.read(ctx, args, cfg, batches)
	})
	group.Go(func() error {
		defer close(parsed)
		for b := range batches {
			parseAll(b)
			select {
			case parsed <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	group.Go(func() error {
		for b := range parsed {
			if err := s.commit(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// read fills batches. Positions of files that were read to the end go with the
// batch that holds their last message.
func (s *scanner) read(ctx context.Context, args []string, cfg source.Config, out chan<- *batch) error {
	current := &batch{positions: map[string]source.Position{}}
	flush := func() error {
		if len(current.arrived) == 0 && len(current.positions) == 0 {
			return nil
		}
		select {
		case out <- current:
			current = &batch{positions: map[string]source.Position{}}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	cfg.Progress = s.meter.bytes
	cfg.Ignored = s.report.ignored
	cfg.Finished = func(p source.Position) { current.positions[p.File] = p }
	if !s.fresh {
		cfg.Resume = s.resume(ctx)
	}
	walk := source.Walk
	if s.gatherer.bulk {
		walk = bulkWalk
	}
	err := walk(ctx, args, cfg, func(item source.Item) error {
		current.arrived = append(current.arrived, &arrived{item: item})
		current.bytes += len(item.Raw)
		current.positions[item.Position.File] = item.Position
		if len(current.arrived) >= batchMessages || current.bytes >= batchBytes {
			return flush()
		}
		return nil
	}, s.report.problem)
	if err != nil {
		return err
	}
	return flush()
}

func (s *scanner) resume(ctx context.Context) func(string) (source.Position, bool) {
	reader := records.NewReader(s.app.store.DB())
	return func(file string) (p source.Position, ok bool) {
		raw, ok, err := reader.Position(ctx, s.positionKey(file))
		if err != nil || !ok || json.Unmarshal(raw, &p) != nil {
			return source.Position{}, false // read again: doubling is impossible, losing is not
		}
		s.report.resumed++
		p.File = file
		return p, true
	}
}

// positionKey stands for a file's path, which often holds a name, and tells apart what was read for other ends: a scan for bulk copies
// has not judged what it read.
func (s *scanner) positionKey(file string) string {
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	if s.gatherer.bulk {
		file = "bulk:" + file
	}
	return s.app.key.Text("position of " + file)
}

// parseAll parses a batch on all cores.
func parseAll(b *batch) {
	each(b.arrived, func(a *arrived) {
		a.m = message.Parse(a.item.Raw, message.DefaultLimits())
		a.event = portcullis.NewID("event", "mail", a.m.Digest())
	})
}

// each calls fn for all messages, on all cores.
func each(list []*arrived, fn func(*arrived)) {
	var wg sync.WaitGroup
	next := make(chan *arrived, len(list))
	for _, a := range list {
		next <- a
	}
	close(next)
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		wg.Go(func() {
			for a := range next {
				fn(a)
			}
		})
	}
	wg.Wait()
}

// commit stores one batch in one transaction.
func (s *scanner) commit(ctx context.Context, b *batch) error {
	var counted counts
	err := s.app.store.Tx(ctx, func(tx *sql.Tx) error {
		counted = counts{}
		w, aw := records.NewWriter(tx), archive.NewWriter(tx)
		defer w.Close()
		defer aw.Close()
		fresh, err := s.admit(ctx, w, b, &counted)
		if err != nil {
			return err
		}
		each(fresh, s.judgeOne)
		for _, a := range fresh {
			if err := s.keep(ctx, w, aw, a); err != nil {
				return fmt.Errorf("%s: %w", a.item.Source, err)
			}
		}
		return s.putPositions(ctx, w, b)
	})
	if err != nil {
		return err
	}
	s.report.add(counted)
	if s.unsettled += counted.fresh; s.unsettled >= settleEvery {
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	s.meter.messages(len(b.arrived))
	if s.spool != nil {
		return s.spool.add(b.arrived)
	}
	return nil
}

// admit tells new messages from known ones, in order, and gathers facts for the new.
func (s *scanner) admit(ctx context.Context, w *records.Writer, b *batch, counted *counts) (fresh []*arrived, err error) {
	now := s.now()
	for _, a := range b.arrived {
		known, err := w.Known(ctx, a.event)
		if err != nil {
			return nil, err
		}
		counted.messages++
		if !known {
			if err := s.gatherer.gather(ctx, w, a, now); err != nil {
				return nil, fmt.Errorf("%s: %w", a.item.Source, err)
			}
			counted.fresh++
			fresh = append(fresh, a)
		}
		if err := s.deliver(ctx, w, a, now, known); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// deliver notes where the message was found. A known message found in somebody
// else's mailbox is a copy more to compare.
func (s *scanner) deliver(ctx context.Context, w *records.Writer, a *arrived, now time.Time, known bool) error {
	recipients := s.gatherer.recipients(a.item, a.m.Header)
	for i, r := range recipients {
		d := records.Delivery{
			Message: a.event, Source: sourceName(a.item), Offset: a.item.Offset,
			Recipient: r.Address, Person: r.Person, How: r.How, Recorded: now,
		}
		if i > 0 {
			d.Source += copySeparator + itoa(i) // one row per recipient of one file
		}
		added, err := w.AddDelivery(ctx, d)
		if err != nil {
			return err
		}
		if added && known {
			if err := w.Touch(ctx, a.event, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// copySeparator stands between a path and which of its recipients a row is about.
const copySeparator = "\x1f"

// sourceName is where a message lies, for people to find it again.
func sourceName(item source.Item) string {
	if item.Arg == "-" {
		return "-"
	}
	arg, err := filepath.Abs(item.Arg)
	if err != nil {
		arg = item.Arg
	}
	if filepath.Base(arg) != item.Source {
		arg = filepath.Join(arg, filepath.FromSlash(item.Source))
	}
	return strings.ReplaceAll(strings.ToValidUTF8(arg, "\uFFFD"), "\x00", "\uFFFD") // as PostgreSQL demands of text
}

// judgeOne is what runs on all cores: pure, nothing but the message and its facts.
func (s *scanner) judgeOne(a *arrived) {
	a.input = s.judge.NewInput(a.m, a.facts)
	var more bool
	if a.entries, more = observe(a.input); more {
		a.facts.Unknown = append(a.facts.Unknown, "what a hunt would find in this message beyond its first "+thousands(maxEntries)+" links, names and addresses: it holds more than are kept")
	}
	a.facts.Indicators = s.gatherer.match(a.entries)
	a.verdict = s.judge.JudgeInput(a.input)
}

func (s *scanner) keep(ctx context.Context, w *records.Writer, aw *archive.Writer, a *arrived) error {
	hash, facts, err := a.facts.Encode()
	if err != nil {
		return fmt.Errorf("encode facts: %w", err)
	}
	a.verdict.Facts = hash
	now := s.now()
	if err := w.PutVerdict(ctx, a.event, a.verdict, facts, now); err != nil {
		return err
	}
	if reason := s.keepReason(a.verdict); reason != "" {
		if err := w.PutBody(ctx, a.event, reason, a.item.Raw); err != nil {
			return err
		}
	}
	if err := s.keepCopy(ctx, w, a); err != nil {
		return err
	}
	if err := aw.Put(ctx, a.event, a.facts.Time, s.gatherer.seal(a.entries)); err != nil {
		return err
	}
	return aw.AddSightings(ctx, sightings(a.facts))
}

// keepCopy puts a message with its copies. Until they are compared, the bytes of
// what protected people got stay as well: a finding may come to rest on them.
func (s *scanner) keepCopy(ctx context.Context, w *records.Writer, a *arrived) error {
	c, sketch, exact, ok := s.judge.NewCopy(a.input, a.verdict)
	if !ok {
		return nil
	}
	if _, err := w.AddCopy(ctx, c, sketch, exact); err != nil {
		return err
	}
	if s.app.cfg.Keep == keepFindings && len(a.input.Targets) > 0 {
		return w.PutBody(ctx, a.event, records.ForComparing, a.item.Raw)
	}
	return nil
}

// keepReason says why a message's bytes are kept, "" if they are not.
func (s *scanner) keepReason(v portcullis.Verdict) string {
	switch s.app.cfg.Keep {
	case keepAll:
		return keepAll
	case keepNone:
		return ""
	}
	for _, f := range v.Findings {
		if f.Severity > portcullis.Informational {
			return keepFindings
		}
	}
	return ""
}

func (s *scanner) putPositions(ctx context.Context, w *records.Writer, b *batch) error {
	for file, p := range b.positions {
		p.File = "" // a path names people; the key is enough to find it again
		raw, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("encode position: %w", err)
		}
		if err := w.PutPosition(ctx, s.positionKey(file), raw); err != nil {
			return err
		}
	}
	return nil
}

// settle compares every group that grew, and adds revisions to the verdicts
// that this changes.
func (s *scanner) settle(ctx context.Context) error {
	for {
		reader := records.NewReader(s.app.store.DB())
		groups, err := reader.Dirty(ctx)
		if err != nil {
			return err
		}
		if len(groups) == 0 {
			s.unsettled = 0
			return s.dropCompared(ctx)
		}
		err = s.app.store.Tx(ctx, func(tx *sql.Tx) error {
			w := records.NewWriter(tx)
			defer w.Close()
			var errs []error
			for _, group := range groups {
				errs = append(errs, s.settleGroup(ctx, w, group))
			}
			return errors.Join(errs...)
		})
		if err != nil {
			return err
		}
	}
}

// dropCompared removes the bytes that were kept for comparing only.
func (s *scanner) dropCompared(ctx context.Context) error {
	return s.app.store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.app.wipe(ctx, tx); err != nil {
			return err
		}
		w := records.NewWriter(tx)
		defer w.Close()
		return errors.Join(w.DropCompared(ctx, s.app.cfg.Keep == keepNone), s.app.wipeLess(ctx, tx))
	})
}

// settleGroup compares one group. Who is not, or no longer, among the copies
// that are compared loses what an earlier comparison found: the outcome depends
// on which mails there are, not on when they were compared.
func (s *scanner) settleGroup(ctx context.Context, w *records.Writer, group string) error {
	copies, err := w.Copies(ctx, group)
	if err != nil {
		return err
	}
	if len(copies) > 1 {
		if err := w.Refresh(ctx, copies); err != nil {
			return err
		}
	}
	base := s.gatherer.base
	facts := mail.GroupFacts{Schema: 1, Group: group, People: base.people, Config: base.config, Model: base.model, Copies: copies}
	found := s.judge.Compare(group, copies)
	events, err := w.Revised(ctx, group)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		for _, c := range copies {
			events = append(events, c.Event)
		}
		slices.Sort(events)
		events = slices.Compact(events)
	}
	if len(events) == 0 {
		return w.Settled(ctx, group)
	}
	hash, encoded, err := facts.Encode()
	if err != nil {
		return fmt.Errorf("encode group: %w", err)
	}
	for _, event := range events {
		if err := s.revise(ctx, w, event, foundFor(event, copies, found), hash, encoded); err != nil {
			return err
		}
	}
	return w.Settled(ctx, group)
}

// foundFor is what a comparison says of one message: nothing if it was not among
// the copies compared.
func foundFor(event portcullis.ID, copies []mail.Copy, found []portcullis.Finding) []portcullis.Finding {
	if !slices.ContainsFunc(copies, func(c mail.Copy) bool { return c.Event == event }) {
		return nil
	}
	return found
}

// revise adds a revision to one verdict, unless comparing changed nothing.
func (s *scanner) revise(ctx context.Context, w *records.Writer, event portcullis.ID, found []portcullis.Finding, hash string, facts []byte) error {
	current, ok, err := w.Verdict(ctx, event)
	if err != nil || !ok {
		return err
	}
	next := s.judge.Revise(current, found)
	next.Revision, next.Facts = current.Revision+1, hash
	if sameVerdict(current, next) {
		return nil
	}
	return w.PutVerdict(ctx, event, next, facts, s.now())
}

// sameVerdict compares all but revision and facts.
func sameVerdict(a, b portcullis.Verdict) bool {
	a.Revision, a.Facts = b.Revision, b.Facts
	return string(compactJSON(a)) == string(compactJSON(b))
}
