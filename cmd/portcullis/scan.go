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
	rejudge   bool // judge again what was judged with another people file

	turn *sync.Mutex      // nil, or shared with the other scanners of the same store: one writes at a time
	told func([]*arrived) // nil, or what hears of each message that is new, once it is stored
}

// batch is stored in one transaction, with how far its sources are read with it.
type batch struct {
	arrived   []*arrived
	bytes     int
	positions map[string]source.Position
	states    map[string]json.RawMessage  // of mailboxes on servers, by their keys
	rest      func(context.Context) error // nil, or what is to be done once all before it is stored
}

// scan reads all of args. It returns what it could not go on after; what could
// not be read is in the summary.
func (s *scanner) scan(ctx context.Context, args []string, cfg source.Config) error {
	return s.take(ctx, func(ctx context.Context, out chan<- *batch) error { return s.read(ctx, args, cfg, out) })
}

// take runs what fill gives through judging into the store.
func (s *scanner) take(ctx context.Context, fill func(context.Context, chan<- *batch) error) error {
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan *batch) // unbuffered: a batch more in memory saves nothing
	parsed := make(chan *batch)
	group.Go(func() error {
		defer close(batches)
		return fill(ctx, batches)
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
			if b.rest == nil {
				continue
			}
			if err := b.rest(ctx); err != nil {
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
	cfg.Skip = s.app.owns()
	if !s.fresh {
		cfg.Resume = s.resume(ctx)
	}
	walk := source.Walk
	if s.gatherer.bulk {
		walk = bulkWalk
	}
	err := walk(ctx, args, cfg, func(item source.Item) error {
		s.report.grew(item.Position.File)
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
		s.report.goesOn(file)
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
		a.messageID, a.received = a.m.MessageID(), a.m.Received()
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
	defer s.alone()()
	var counted counts
	var news []*arrived
	err := s.app.store.Tx(ctx, func(tx *sql.Tx) error {
		counted = counts{}
		w, aw := records.NewWriter(tx), archive.NewWriter(tx)
		defer w.Close()
		defer aw.Close()
		fresh, err := s.admit(ctx, w, b, &counted)
		if err != nil {
			return err
		}
		news = fresh
		each(fresh, s.judgeOne)
		if err := s.keep(ctx, w, aw, fresh); err != nil {
			return err
		}
		if err := s.app.announce(ctx, tx, judgementsOf(fresh)); err != nil {
			return err
		}
		if err := s.deliver(ctx, w, b.arrived); err != nil {
			return err
		}
		return errors.Join(s.putPositions(ctx, w, b), s.putStates(ctx, w, b.states))
	})
	if err != nil {
		return err
	}
	s.report.add(counted)
	if s.told != nil {
		s.told(news)
	}
	if s.unsettled += counted.fresh + counted.again; s.unsettled >= settleEvery {
		if err := s.settleAll(ctx); err != nil {
			return err
		}
	}
	s.meter.messages(len(b.arrived))
	if s.spool != nil {
		return s.spool.add(b.arrived)
	}
	return nil
}

// alone waits until no other scanner of the store writes, and returns what lets the next one.
func (s *scanner) alone() func() {
	if s.turn == nil {
		return func() {}
	}
	s.turn.Lock()
	return s.turn.Unlock
}

// admit tells new messages from known ones, in order, and gathers facts for the new.
func (s *scanner) admit(ctx context.Context, w *records.Writer, b *batch, counted *counts) (fresh []*arrived, err error) {
	now := s.now()
	judged := map[portcullis.ID]bool{} // in this batch
	for _, a := range b.arrived {
		if err := s.recognise(ctx, w, a, judged); err != nil {
			return nil, err
		}
		a.recipients = s.gatherer.recipientsOf(a)
		counted.messages++
		switch {
		case a.again:
			counted.again++
		case a.known:
			continue
		default:
			counted.fresh++
		}
		if err := s.gatherer.gather(ctx, w, a, now); err != nil {
			return nil, fmt.Errorf("%s: %w", a.item.Source, err)
		}
		judged[a.event] = true
		fresh = append(fresh, a)
	}
	return fresh, nil
}

// recognise tells whether a message is known, and whether it is to be judged again.
func (s *scanner) recognise(ctx context.Context, w *records.Writer, a *arrived, judged map[portcullis.ID]bool) (err error) {
	if a.known, err = w.Known(ctx, a.event); err != nil || !a.known || !s.rejudge || judged[a.event] {
		return err
	}
	revision, people, ok, err := w.JudgedWith(ctx, a.event)
	if err != nil || !ok || people == s.gatherer.base.people {
		return err
	}
	a.again, a.revision = true, revision+1
	return nil
}

// deliver notes where messages were found. A known message found in somebody
// else's mailbox is a copy more to compare.
func (s *scanner) deliver(ctx context.Context, w *records.Writer, list []*arrived) error {
	now := s.now()
	var fresh []records.Delivery
	for _, a := range list {
		if !a.known {
			fresh = append(fresh, a.deliveries(now)...)
		}
	}
	if err := w.AddDeliveries(ctx, fresh); err != nil {
		return err
	}
	for _, a := range list {
		if !a.known {
			continue
		}
		if a.remote && !s.rejudge {
			if there, err := s.delivered(ctx, w, a); err != nil || there {
				if err != nil {
					return err
				}
				continue
			}
		}
		if err := s.deliverKnown(ctx, w, a, now); err != nil {
			return err
		}
	}
	return nil
}

// deliverKnown notes where a known message was found. With another people file the
// readers may be others, so every place is a copy to compare again.
func (s *scanner) deliverKnown(ctx context.Context, w *records.Writer, a *arrived, now time.Time) error {
	list := a.deliveries(now)
	if s.rejudge {
		if err := w.ReplaceDeliveries(ctx, list); err != nil {
			return err
		}
	}
	for i, d := range list {
		added, err := w.AddDelivery(ctx, d)
		if err != nil {
			return err
		}
		if !added && !s.rejudge {
			continue
		}
		if err := w.Touch(ctx, a.event, a.recipients[i]); err != nil {
			return err
		}
	}
	return nil
}

// delivered tells whether a known message was found in the same mailbox before, be it in another
// folder or under another number: whoever files a mail away was not sent it twice, and a server
// that numbers its mail anew delivers none of it again.
func (s *scanner) delivered(ctx context.Context, w *records.Writer, a *arrived) (bool, error) {
	list, err := w.Deliveries(ctx, a.event)
	return slices.ContainsFunc(list, func(d records.Delivery) bool { return strings.HasPrefix(d.Source, a.item.Arg+"/") }), err
}

// deliveries are one row per recipient of one file.
func (a *arrived) deliveries(now time.Time) (list []records.Delivery) {
	source := text(a.item.Source)
	if !a.remote {
		source = sourceName(a.item)
	}
	for i, r := range a.recipients {
		d := records.Delivery{
			Message: a.event, Source: source, Offset: a.item.Offset,
			Recipient: r.Address, Person: r.Person, How: r.How, Recorded: now,
		}
		if i > 0 {
			d.Source += copySeparator + itoa(i)
		}
		list = append(list, d)
	}
	return list
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
	if within, ok := strings.CutPrefix(item.Source, filepath.Base(arg)); ok && (within == "" || within[0] == '!' || within[0] == '#') {
		return text(arg + filepath.FromSlash(within)) // the argument is the file, and the message one within it
	}
	return text(filepath.Join(arg, filepath.FromSlash(item.Source)))
}

// text is a name as PostgreSQL demands of text.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// judgeOne is what runs on all cores: pure, nothing but the message and its facts.
// What it comes to is encoded here as well, so that the transaction has only to write;
// the parsed message is not needed after that.
func (s *scanner) judgeOne(a *arrived) {
	a.input = s.judge.NewInput(a.m, a.facts)
	var more bool
	if a.entries, more = observe(a.input, a.received); more {
		left := "what a hunt would find in this message beyond its first " + thousands(maxEntries) + " links, names and addresses: it holds more than are kept"
		a.facts.Unknown = append(a.facts.Unknown, left)
		a.input.Unknown(left) // as judging again from the facts will have it
	}
	a.facts.Indicators = s.gatherer.match(a.entries)
	a.verdict = s.judge.JudgeInput(a.input)
	a.entries = s.gatherer.seal(a.entries)
	a.err = s.encode(a)
	a.targeted = len(a.input.Targets) > 0
	a.m, a.input, a.received = nil, nil, nil
}

// encode puts what judging came to in the form in which it is stored.
func (s *scanner) encode(a *arrived) error {
	hash, facts, err := a.facts.Encode()
	if err != nil {
		return fmt.Errorf("encode facts: %w", err)
	}
	a.verdict.Facts, a.verdict.Revision = hash, a.revision
	if a.judgement, err = records.NewJudgement(a.event, a.verdict, facts, a.facts.People); err != nil {
		return err
	}
	if c, sketch, exact, ok := s.judge.NewCopy(a.input, a.verdict); ok {
		if a.copied, err = records.PackCopy(c, sketch, exact); err != nil {
			return err
		}
		a.hasCopy = true
	}
	if s.spool != nil {
		a.line, err = encodeLine(lineOf(a.spooled(), a.verdict))
	}
	return err
}

// keep stores what judging came to.
func (s *scanner) keep(ctx context.Context, w *records.Writer, aw *archive.Writer, list []*arrived) error {
	judgements := make([]records.Judgement, 0, len(list))
	seen := make([]archive.Seen, 0, len(list))
	for _, a := range list {
		if a.err != nil {
			return fmt.Errorf("%s: %w", a.item.Source, a.err)
		}
		judgements = append(judgements, a.judgement)
		seen = append(seen, archive.Seen{Event: a.event, Time: a.facts.Time, Entries: a.entries})
	}
	if err := w.PutVerdicts(ctx, judgements, s.now()); err != nil {
		return err
	}
	for _, a := range list {
		if err := s.keepMore(ctx, w, aw, a); err != nil {
			return fmt.Errorf("%s: %w", a.item.Source, err)
		}
	}
	return aw.PutAll(ctx, seen)
}

func (s *scanner) keepMore(ctx context.Context, w *records.Writer, aw *archive.Writer, a *arrived) error {
	reason := s.keepReason(a.verdict)
	if a.hasCopy {
		if err := keepCopy(ctx, w, a); err != nil {
			return err
		}
		// Until copies are compared, the bytes of what protected people got stay as
		// well: a finding may come to rest on them.
		if reason == "" && s.app.cfg.Keep == keepFindings && a.targeted {
			reason = records.ForComparing
		}
	}
	if reason != "" {
		if err := w.PutBody(ctx, a.event, reason, a.item.Raw); err != nil {
			return err
		}
	}
	return aw.AddSightings(ctx, sightings(a.facts))
}

func keepCopy(ctx context.Context, w *records.Writer, a *arrived) error {
	if a.again {
		return w.ReplaceCopy(ctx, a.copied)
	}
	_, err := w.AddPacked(ctx, a.copied)
	return err
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

// stateKey stands for a mailbox on a server, whose name names a person.
func (s *scanner) stateKey(key string) string { return s.app.key.Text("state of " + key) }

func (s *scanner) putStates(ctx context.Context, w *records.Writer, states map[string]json.RawMessage) error {
	for key, state := range states {
		if err := w.PutPosition(ctx, s.stateKey(key), state); err != nil {
			return err
		}
	}
	return nil
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
