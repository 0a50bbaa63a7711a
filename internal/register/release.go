package register

import (
	"context"
	"errors"
	"slices"
	"time"

	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/meter"
	"portcullis.example/portcullis/internal/register/wire"
)

// Release is wire's: exactly as many rows leave as it says. In this order: whose rows they
// are; whether any of them may not leave; what the budgets have room for; the ledger,
// synced; and only then the rows.
func (s *session) Release(ctx context.Context, r *wire.Result, keys *wire.Keys) (int, error) {
	allowed, _, err := s.release(ctx, r, keys, nil)
	return allowed, err
}

// Promise is wire's: Release that leaves the sync to the ledger, where all rows may leave and nothing is wrong with it. In an
// emergency rows wait: should the ledger fail, they are recorded elsewhere and nobody's session ends.
func (s *session) Promise(ctx context.Context, r *wire.Result, keys *wire.Keys, kept func(error)) (allowed int, later bool, err error) {
	if s.g.behind != nil || s.g.cfg.SharedFile != "" || s.g.failing.Load() != 0 || s.g.meter.Emergency(s.g.clock.Now()) {
		kept = nil
	}
	return s.release(ctx, r, keys, kept)
}

// release is both; kept is nil for who waits.
func (s *session) release(ctx context.Context, r *wire.Result, keys *wire.Keys, kept func(error)) (allowed int, later bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := keys.Rows()
	j, ok := tagOf(r)
	if !ok || j.known == nil {
		return rows, false, nil
	}
	enforce := s.g.meter.Policy().Enforcing()
	limit, why := s.number(ctx, s.g.book, j, keys, rows, enforce)
	if j.keys == 0 {
		return s.outcome(limit, rows, why, enforce)
	}
	now := s.g.clock.Now()
	s.shared()
	hold, stop, err := s.g.meter.Reserve(ctx, j.subject, s.voters, now)
	if err != nil {
		if !enforce {
			return rows, false, s.uncountable(ctx, j, keys, now, err)
		}
		s.g.log.Error("budgets cannot be counted; nothing leaves", "error", err)
		return s.outcome(0, rows, &wire.Refusal{Code: codeStore, Message: "the register guard cannot count budgets, so nothing leaves", Hint: "Tell the register's operators: the store of shared budgets does not answer."}, enforce)
	}
	if n := s.rowsOf(hold.Allowed, limit); n < limit {
		limit, why = n, stopRefusal(stop)
	}
	voters, nearly := s.voters[:hold.Allowed], hold.Nearly
	later = kept != nil && why == nil && stop == nil && s.recordLater(j, voters, hold, kept)
	if !later {
		if err := s.record(ctx, j, keys, voters, now); err != nil {
			_ = hold.Cancel(context.WithoutCancel(ctx))
			return s.outcome(0, rows, s.g.ledgerFailed(ctx, err), enforce)
		}
		if err := hold.Commit(ctx); err != nil {
			return 0, false, err
		}
	}
	if stop != nil {
		s.leave()
		s.g.stopped(ctx, j, stop)
	} else if enforce {
		s.nearly = append(s.nearly, nearly...)
	}
	s.unusual(s.g.normals.Saw(j.subject, voters, now))
	allowed, _, err = s.outcome(limit, rows, why, enforce)
	return allowed, later, err
}

// recordLater has the ledger write down who is given what, and kept called once it is synced. False says that it does not:
// record finds out why.
func (s *session) recordLater(j *judgement, voters []uint64, hold *meter.Hold, kept func(error)) bool {
	if len(voters) == 0 {
		return false
	}
	g := s.g
	d := ledger.Disclosure{Principal: j.subject.Person, Program: j.subject.Program, Purpose: j.subject.Purpose, Statement: j.fingerprint, Voters: voters}
	return g.book.RecordLater(&d, func(err error) {
		if err == nil {
			_ = hold.Commit(context.Background()) // fails with a shared store only
			kept(nil)
			return
		}
		_ = hold.Cancel(context.Background())
		why := g.ledgerFailed(context.Background(), err)
		if !g.meter.Policy().Enforcing() {
			kept(nil)
			return
		}
		kept(why)
	}) == nil
}

// uncountable records rows that leave while the policy observes though nobody could count them: budgets miss them, the
// ledger does not.
func (s *session) uncountable(ctx context.Context, j *judgement, keys *wire.Keys, now time.Time, why error) error {
	if s.g.quiet.once("uncountable", time.Minute) {
		s.g.log.Error("budgets cannot be counted; while observing rows leave all the same", "error", why)
	}
	if err := s.record(ctx, j, keys, s.voters, now); err != nil {
		_ = s.g.ledgerFailed(ctx, err) // it states the gap
	}
	return nil
}

// shared is called before budgets are counted: shared ones are in a database.
func (s *session) shared() {
	if s.g.cfg.SharedFile != "" {
		s.leave()
	}
}

// unusual tells of unusual reading, of which there is little.
func (s *session) unusual(all []meter.Unusual) {
	if len(all) > 0 {
		s.leave()
		s.g.unusual(all)
	}
}

func hits(w Watch, voters []uint64) bool {
	for _, n := range voters {
		if _, hit := w.Hit(n); hit {
			return true
		}
	}
	return false
}

// outcome lets everything go while the policy observes.
func (s *session) outcome(limit, rows int, why *wire.Refusal, enforce bool) (allowed int, later bool, err error) {
	if why == nil || !enforce {
		return rows, false, nil
	}
	s.stopped = true
	return limit, false, why
}

// number turns keys into voters' numbers, and finds the first row that may not leave whatever the
// budgets say. A row counts every voter it rests on; s.ends says where each row's voters
// end if rows do not have one each.
func (s *session) number(ctx context.Context, book *ledger.Ledger, j *judgement, keys *wire.Keys, rows int, enforce bool) (limit int, why *wire.Refusal) {
	s.voters, s.ends = s.voters[:0], s.ends[:0]
	single := j.columns == 1 && j.keys == 1
	watch, risky := s.g.watch.Load(), len(s.g.known.Load().anonymous) > 0
	if single && watch == nil && !risky && s.integers(book, keys, rows) {
		return rows, nil
	}
	s.voters = s.voters[:0]
	for row := range rows {
		from := len(s.voters)
		if why = s.rowVoters(book, j, keys, row); why == nil && j.columns > j.keys {
			why = s.supported(j, keys, row)
		}
		if why == nil && (risky || j.columns > j.keys) {
			why = s.atRisk(ctx, j, keys, row, from)
		}
		if why != nil && enforce {
			s.voters = s.voters[:from]
			return row, why
		}
		if watch != nil && hits(*watch, s.voters[from:]) {
			s.leave()
			s.g.honey(*watch, j, s.voters[from:])
		}
		if !single || len(s.voters) != row+1 || len(s.ends) > 0 {
			s.fillEnds(row, from)
			s.ends = append(s.ends, len(s.voters))
		}
	}
	return rows, why
}

// integers numbers keys that are all small integers, one a row: the usual case. False says that
// one is not.
func (s *session) integers(book *ledger.Ledger, keys *wire.Keys, rows int) bool {
	s.voters = slices.Grow(s.voters, rows)
	for i := range rows {
		v, ok := keys.Int(i)
		if !ok {
			return false
		}
		n, err := book.NumberInteger(v)
		if err != nil {
			return false
		}
		s.voters = append(s.voters, n)
	}
	return true
}

// fillEnds makes up for the rows before, which had one voter each.
func (s *session) fillEnds(row, from int) {
	if len(s.ends) == 0 && row > 0 && from == row {
		for i := range row {
			s.ends = append(s.ends, i+1)
		}
	}
}

// rowsOf is how many whole rows the first n voters make.
func (s *session) rowsOf(n, limit int) int {
	if len(s.ends) == 0 {
		return min(n, limit)
	}
	for row, end := range s.ends {
		if end > n {
			return min(row, limit)
		}
	}
	return min(len(s.ends), limit)
}

// rowVoters appends the voters that a row rests on.
func (s *session) rowVoters(book *ledger.Ledger, j *judgement, keys *wire.Keys, row int) *wire.Refusal {
	at := row * j.columns
	for i := at; i < at+j.keys; i++ {
		var n uint64
		var err error
		if v, ok := keys.Int(i); ok {
			n, err = book.NumberInteger(v)
		} else if keys.Null(i) {
			continue
		} else {
			n, err = book.Number(keys.Bytes(i))
		}
		if err != nil {
			s.g.log.Error("a voter's key cannot be numbered; its row does not leave", "error", err)
			return &wire.Refusal{Code: codeStore, Message: "the register guard cannot write down whose record this is, so it does not leave", Hint: "Tell the register's operators: " + hintOfNumber(err)}
		}
		s.voters = append(s.voters, n)
	}
	return nil
}

func hintOfNumber(err error) string {
	if errors.Is(err, ledger.ErrFull) {
		return "the ledger has no number left for another key (others in the configuration)."
	}
	return "the log of the guard says why."
}

// supported tells whether an aggregate's row rests on enough voters.
func (s *session) supported(j *judgement, keys *wire.Keys, row int) *wire.Refusal {
	k := uint64(j.known.policy.GroupSize)
	for i, support := range j.supports {
		n, ok := keys.Int(row*j.columns + j.keys + i)
		if ok && (n >= k || n == 0 && support.Zero) {
			continue
		}
		return &wire.Refusal{Code: codeDenied, Message: "a group of the result rests on too few voters", Detail: "Counts and sums are given over groups of at least " + itoa(int(k)) + ".", Hint: "Group more coarsely, or leave small groups out with HAVING count(*) >= " + itoa(int(k)) + "."}
	}
	return nil
}

// atRisk stops a row of a voter whose entry is anonymous, unless two people approved it.
func (s *session) atRisk(ctx context.Context, j *judgement, keys *wire.Keys, row, from int) *wire.Refusal {
	next := from
	for i := range j.keys {
		if keys.Null(row*j.columns + i) {
			continue
		}
		n := s.voters[next]
		next++
		if !s.flagged(j, keys, row, i, n) {
			continue
		}
		s.leave() // the office may be writing
		if s.g.office.mayReadAnonymous(j.subject.Person, n, s.g.clock.Now()) {
			continue
		}
		s.g.refused(ctx, j.subject, j.fingerprint, anonymousRefusal)
		return anonymousRefusal
	}
	return nil
}

func (s *session) flagged(j *judgement, keys *wire.Keys, row, i int, n uint64) bool {
	// the statement may have been prepared before somebody was listed
	if _, listed := s.g.known.Load().anonymous[n]; listed {
		return true
	}
	if j.flags[i] < 0 {
		return false
	}
	at := row*j.columns + j.flags[i]
	if v, ok := keys.Int(at); ok {
		return v != 0
	}
	b := keys.Bytes(at)
	return len(b) > 0 && b[0] != 'f' && b[0] != 0
}

// record writes down who is given what, and returns when it is on the disk.
func (s *session) record(ctx context.Context, j *judgement, keys *wire.Keys, voters []uint64, now time.Time) error {
	if len(voters) == 0 {
		return nil
	}
	d := &ledger.Disclosure{Principal: j.subject.Person, Program: j.subject.Program, Purpose: j.subject.Purpose, Statement: j.fingerprint, Voters: voters}
	if s.g.behind != nil {
		return s.g.behind.record(s.leave, d)
	}
	s.leave()
	emergency := s.g.meter.Emergency(now)
	if emergency && s.g.failing.Load() != 0 && !s.g.quiet.once("first ledger", 10*time.Second) {
		return s.recordElsewhere(ctx, j, keys, len(voters)) // the first one's disk is asked now and then only
	}
	// a client that goes away must not leave it open whether its rows were recorded
	err := s.g.book.Record(context.WithoutCancel(ctx), d)
	if err == nil {
		s.g.ledgerWorks(ctx)
		return nil
	}
	if !emergency {
		return err
	}
	s.g.failing.CompareAndSwap(0, time.Now().UnixMicro())
	if elsewhere := s.recordElsewhere(ctx, j, keys, len(voters)); elsewhere != nil {
		return errors.Join(err, elsewhere)
	}
	return nil
}

// recordElsewhere writes to the second ledger, in a declared emergency.
func (s *session) recordElsewhere(ctx context.Context, j *judgement, keys *wire.Keys, n int) error {
	book, err := s.g.second.open()
	if err != nil {
		return err
	}
	first := s.voters
	defer func() { s.voters = first }()
	s.voters = nil
	for row := 0; row < keys.Rows() && len(s.voters) < n; row++ {
		if why := s.rowVoters(book, j, keys, row); why != nil {
			return why
		}
	}
	d := &ledger.Disclosure{Principal: j.subject.Person, Program: j.subject.Program, Purpose: j.subject.Purpose, Statement: j.fingerprint, Voters: s.voters[:n]}
	return book.Record(context.WithoutCancel(ctx), d)
}
