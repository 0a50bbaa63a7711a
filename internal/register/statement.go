package register

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"portcullis.example/portcullis/internal/register/lineage"
	"portcullis.example/portcullis/internal/register/meter"
	"portcullis.example/portcullis/internal/register/wire"
)

// judgement is what the guard keeps of a statement until its rows have left.
type judgement struct {
	subject     meter.Subject
	plan        *lineage.Plan
	fingerprint uint64
	kind        lineage.Kind
	name        string // of a prepared statement or cursor that it takes back
	keys        int    // so many key columns, then
	supports    []lineage.Support
	flags       []int // for each key the place of its flag among the columns that are read; -1: look it up
	columns     int
	known       *known
	asked       bool // it counted as a statement already
	step        step // what it sets each time it runs

	// of a statement in which nothing is protected, and that may run again
	passed *meter.Policy // under which it was judged; nil: it runs once
	text   string
}

func tagOf(r *wire.Result) (*judgement, bool) {
	if r == nil {
		return nil, false
	}
	j, ok := r.Tag.(*judgement)
	return j, ok
}

// Statement is wire's: what may be sent on of a text, and what its rows will carry.
func (s *session) Statement(ctx context.Context, text string, simple bool) (wire.Decision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.g.known.Load()
	if simple && s.meansOf == k && s.ready.fits(k, s.meansKey, text) {
		if d, ok, err := s.againAtOnce(ctx, text); ok {
			return d, err
		}
	}
	d, err := s.statement(ctx, k, text, simple)
	s.erred = s.erred || err != nil && !simple // what came before in its pipeline is rolled back
	return d, err
}

// statement judges a text of which nothing is known yet.
func (s *session) statement(ctx context.Context, k *known, text string, simple bool) (wire.Decision, error) {
	if asksForLeft(text) {
		s.leave()
		return s.answerLeft(ctx)
	}
	means := s.settings(k)
	cut := s.cutter.cut(s.meansKey, text)
	if cut {
		if t, known := k.templates.get(s.cutter.key); t != nil {
			return s.repeated(ctx, k, t, text, simple)
		} else if known {
			cut = false
		}
	}
	s.leave()
	plans, err := k.analyser.Analyse(text, means)
	if err == nil && s.g.retry(ctx, plans) {
		k = s.g.known.Load()
		plans, err = k.analyser.Analyse(text, s.settings(k))
	}
	if err != nil {
		return s.unjudged(ctx, err)
	}
	if cut && len(plans) == 1 {
		t, err := s.cutter.learn(text, &plans[0], func(marked string) ([]lineage.Plan, error) { return k.analyser.Analyse(marked, s.settings(k)) })
		if err != nil {
			t = nil
		}
		k.templates.put(s.cutter.key, t)
	}
	return s.decide(ctx, k, plans, lineage.Join(plans), simple)
}

// decide makes the decision of the plans of a text; send is what goes on if any of it was rewritten.
func (s *session) decide(ctx context.Context, k *known, plans []lineage.Plan, send string, simple bool) (wire.Decision, error) {
	if plain(plans) {
		if simple || len(plans) != 1 {
			return wire.Pass(), nil
		}
		return wire.Decision{Results: []wire.Result{{Tag: &judgement{passed: k.policy, text: plans[0].Text}}}}, nil
	}
	said, pending := s.said, s.pending
	d := wire.Decision{Results: make([]wire.Result, len(plans))}
	for i := range plans {
		r, err := s.judge(ctx, k, &plans[i], simple)
		if err != nil { // then none of them runs
			s.said, s.pending = said, pending
			s.follow()
			return wire.Decision{}, err
		}
		d.Results[i] = r
		if plans[i].Rewritten {
			d.Text = send
		}
	}
	return d, nil
}

// plain tells that nothing of a text concerns the guard.
func plain(plans []lineage.Plan) bool {
	for i := range plans {
		p := &plans[i]
		if p.Kind != lineage.Pass || p.Rewritten || len(p.Sets) > 0 || len(p.Temp) > 0 || slices.Contains(followed, p.Statement) {
			return false
		}
	}
	return true
}

// followed are statements that take back names or settings.
var followed = []string{"TRANSACTION", "DEALLOCATE", "CLOSE_PORTAL", "DISCARD"}

// taken is the name that DEALLOCATE or CLOSE takes back.
func taken(p *lineage.Plan) string {
	if words := wordsOf(p.Text); len(words) > 0 && (p.Statement == "DEALLOCATE" || p.Statement == "CLOSE_PORTAL") {
		return unquote(words[len(words)-1])
	}
	return ""
}

// passes tells that nothing leaves by a statement that is protected, nor by what it prepares.
func passes(p *lineage.Plan) bool {
	return p.Kind == lineage.Pass || p.Kind == lineage.Prepare && p.Result == nil && !p.BlankErrors
}

// unjudged is a text that could not be analysed: refused, or while the policy observes let through unmetered and noted.
func (s *session) unjudged(ctx context.Context, err error) (wire.Decision, error) {
	var r *lineage.Refusal
	if !errors.As(err, &r) {
		s.g.log.Error("a statement could not be analysed", "user", s.who.User, "error", err)
		r = &lineage.Refusal{Code: codeInternal, Message: "the register guard could not analyse the statement"}
	}
	return wire.Pass(), s.refuse(ctx, 0, &wire.Refusal{Code: r.Code, Message: r.Message, Hint: r.Hint})
}

// judge decides about one statement.
func (s *session) judge(ctx context.Context, k *known, p *lineage.Plan, simple bool) (wire.Result, error) {
	if !followable(p) {
		return wire.Result{}, s.refuse(ctx, 0, savepointRefusal)
	}
	step := stepOf(p)
	if simple && p.Kind != lineage.Prepare { // others do so when they are bound, executed or fetched
		s.does(&step)
	}
	if len(p.Temp) > 0 {
		s.temp, s.meansOf = append(s.temp, p.Temp...), nil
	}
	print, _ := strconv.ParseUint(p.Fingerprint, 16, 64)
	s.blank = s.blank || p.BlankErrors
	switch {
	case passes(p):
		return s.named(ctx, p, wire.Result{Tag: &judgement{name: taken(p), step: step, passed: k.policy, text: p.Text}})
	case p.Kind == lineage.Refused:
		return wire.Result{}, s.refuse(ctx, print, lineageRefusal(p.Refusal))
	case p.Kind == lineage.Execute:
		return s.execute(ctx, p, print, simple)
	}
	who, err := s.identity()
	if err != nil {
		return wire.Result{}, s.refuse(ctx, print, unknownRefusal(err))
	}
	j := &judgement{subject: who, plan: p, fingerprint: print, kind: p.Kind, known: k, step: step, asked: simple && p.Kind != lineage.Prepare}
	if err := s.permitted(ctx, p, j); err != nil {
		return wire.Result{}, err
	}
	r := wire.Result{Tag: j}
	if r.Masks, err = s.masked(ctx, k.policy, j); err != nil {
		return wire.Result{}, err
	}
	if p.Result != nil {
		metered(p, j, &r)
	}
	return s.named(ctx, p, r)
}

// permitted asks the policy and the budget of statements.
func (s *session) permitted(ctx context.Context, p *lineage.Plan, j *judgement) error {
	s.g.learner.Add(j.subject.Role, p)
	if err := s.agreed(ctx, j.known.policy, j); err != nil || !j.asked {
		return err
	}
	return s.ask(ctx, j)
}

// agreed refuses a statement that is not one of those agreed on, to whom may have only those.
func (s *session) agreed(ctx context.Context, policy *meter.Policy, j *judgement) error {
	if role, ok := policy.Role(j.subject.Role); ok && role.AllowedOnly {
		if ok, why := policy.Allowed(j.subject, j.plan.Fingerprint, shapeOf(j.plan)); !ok {
			return s.refuse(ctx, j.fingerprint, notAllowed(why, j.plan.Fingerprint))
		}
	}
	return nil
}

// ask counts a statement that runs.
func (s *session) ask(ctx context.Context, j *judgement) error {
	now := s.g.clock.Now()
	s.shared()
	why, err := s.g.meter.Statement(ctx, j.subject, now)
	if err != nil {
		return s.uncounted(err)
	}
	s.unusual(s.g.normals.Asked(j.subject, now))
	if why == nil {
		return nil
	}
	s.leave()
	s.g.stopped(ctx, j, why)
	if s.g.meter.Policy().Enforcing() {
		return stopRefusal(why)
	}
	return nil
}

// uncounted is of a statement that cannot be counted, for the store that is shared with other guards is away.
func (s *session) uncounted(err error) error {
	if !s.g.meter.Policy().Enforcing() {
		return nil
	}
	s.g.log.Error("statements cannot be counted; none runs", "error", err)
	return &wire.Refusal{Code: codeStore, Message: "the register guard cannot count statements, so none over protected rows runs", Hint: "Tell the register's operators: the store of shared budgets does not answer."}
}

// masked says what is hidden from whoever asks, or refuses: what is masked cannot be searched by either, also where no row
// leaves and the answer is one bit.
func (s *session) masked(ctx context.Context, policy *meter.Policy, j *judgement) ([]wire.Mask, error) {
	masks, err := masksOf(policy.MasksFor(j.subject), j.plan)
	if err != nil {
		return nil, s.refuse(ctx, j.fingerprint, refusal(err))
	}
	return masks, nil
}

// metered describes the rows of a statement to wire.
func metered(p *lineage.Plan, j *judgement, r *wire.Result) {
	res := p.Result
	r.Hidden = res.Hidden
	r.KeyColumns = append(r.KeyColumns, res.KeyColumns...)
	j.keys, j.supports = len(res.KeyColumns), res.Supports
	for _, support := range res.Supports {
		r.KeyColumns = append(r.KeyColumns, support.Column)
	}
	for i := range res.KeyColumns {
		place := -1
		if i < len(res.HiddenFlags) && res.HiddenFlags[i] >= 0 {
			place = len(r.KeyColumns)
			r.KeyColumns = append(r.KeyColumns, res.HiddenFlags[i])
		}
		j.flags = append(j.flags, place)
	}
	j.columns = len(r.KeyColumns)
	r.KeyTypes = j.known.keyTypesOf(res)
	r.Copy = copyFormat(res.Copy)
	r.Metered = j.columns > 0
}

// masksOf finds which output columns are masked. A masked column within an expression or
// a condition would tell what the mask hides.
func masksOf(masks []meter.Mask, p *lineage.Plan) (out []wire.Mask, err error) {
	for _, m := range masks {
		for _, c := range p.Uses {
			if m.Column == c.Relation+"."+c.Name {
				return nil, maskRefusal(m.Column)
			}
		}
		if p.Result == nil {
			continue
		}
		for i, o := range p.Result.Outputs {
			if o.Plain != nil && m.Column == o.Plain.Relation+"."+o.Plain.Name {
				out = append(out, wire.Mask{Column: i, Kind: maskKinds[m.Show], Text: m.Text})
			}
			for _, c := range o.From {
				if o.Plain == nil && m.Column == c.Relation+"."+c.Name {
					return nil, maskRefusal(m.Column)
				}
			}
		}
	}
	return out, nil
}

var maskKinds = map[string]wire.MaskKind{"none": wire.MaskNull, "text": wire.MaskText, "year": wire.MaskYear}

// named remembers what SQL's PREPARE and DECLARE make. A name is not used for something else
// before SQL has taken it back: the second PREPARE would fail, and EXECUTE run the first.
func (s *session) named(ctx context.Context, p *lineage.Plan, r wire.Result) (wire.Result, error) {
	if p.Name == "" || p.Kind != lineage.Prepare {
		return r, nil
	}
	_, inUse := s.prepared[p.Name]
	if p.Cursor {
		_, inUse = s.cursors[p.Name]
	}
	if inUse {
		return wire.Result{}, s.refuse(ctx, 0, &wire.Refusal{Code: codeDuplicate, Message: "the name " + p.Name + " is in use for a prepared statement or cursor", Hint: "Take another name, or DEALLOCATE (CLOSE) it first and wait for the answer."})
	}
	later := r
	if j, ok := tagOf(&r); ok {
		run, made := *j, *j
		if run.kind == lineage.Prepare {
			run.kind = lineage.Rows
		}
		made.step = step{} // it sets nothing before it runs
		later.Tag, r.Tag = &run, &made
	}
	if p.Cursor {
		hold := strings.Contains(strings.ToUpper(p.Text), "WITH HOLD")
		made := wire.Result{Tag: r.Tag, Creates: &wire.Created{Name: p.Name, Cursor: true, Hold: hold, Decision: wire.Decision{Results: []wire.Result{later}}}}
		later.Creates = &wire.Created{Hold: hold}
		s.cursors[p.Name] = later
		return made, nil
	}
	d := wire.Decision{Results: []wire.Result{later}}
	s.prepared[p.Name] = d
	return wire.Result{Tag: r.Tag, Creates: &wire.Created{Name: p.Name, Decision: d}}, nil
}

// execute is EXECUTE and FETCH: metered as what was prepared.
func (s *session) execute(ctx context.Context, p *lineage.Plan, print uint64, simple bool) (wire.Result, error) {
	var r wire.Result
	known := false
	if p.Cursor {
		r, known = s.cursors[p.Name]
	} else if d, ok := s.prepared[p.Name]; ok {
		r, known = d.Results[0], true
	}
	r.Creates = nil
	if !known {
		return wire.Result{}, s.refuse(ctx, print, &wire.Refusal{Code: codeUndefined, Message: "the register guard does not know a prepared statement or cursor " + p.Name, Hint: "Prepare or declare it in this session, through the guard."})
	}
	j, ok := tagOf(&r)
	if ok && simple {
		s.does(&j.step)
	}
	if !ok || j.known == nil {
		return r, s.passesYet(ctx, j)
	}
	who, err := s.identity()
	if err != nil {
		return wire.Result{}, s.refuse(ctx, print, unknownRefusal(err))
	}
	if r, err = s.anew(ctx, r, j, who); err != nil {
		return wire.Result{}, err
	}
	again, _ := tagOf(&r)
	again.asked = true
	if p.Result != nil && p.Result.Copy != nil {
		r.Copy = copyFormat(p.Result.Copy)
	}
	return r, s.ask(ctx, again)
}

// Bind is wire's: a statement of the extended protocol counts when it is bound, under the
// purpose that is set by then. Rows of a Bind before it may still be on their way: they stay
// with whom they were bound for.
func (s *session) Bind(ctx context.Context, d *wire.Decision, _ wire.Parameters) (own *wire.Decision, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.erred = s.erred || err != nil }()
	for i := range d.Results {
		j, ok := tagOf(&d.Results[i])
		if ok {
			s.does(&j.step)
		}
		if !ok || j.known == nil || j.kind == lineage.Prepare {
			if err := s.passesYet(ctx, j); err != nil {
				return nil, err
			}
			continue
		}
		who, err := s.identity()
		if err != nil {
			if err := s.refuse(ctx, j.fingerprint, unknownRefusal(err)); err != nil {
				return nil, err
			}
			continue
		}
		if who != j.subject || s.policy != j.known.policy {
			r, err := s.anew(ctx, d.Results[i], j, who)
			if err != nil {
				return nil, err
			}
			own = &wire.Decision{Text: d.Text, Results: slices.Clone(d.Results), Tag: d.Tag}
			own.Results[i] = r // the extended protocol has one statement to a text
			j, _ = tagOf(&r)
		}
		if err := s.ask(ctx, j); err != nil {
			return nil, err
		}
	}
	return own, nil
}

// passesYet judges anew what was passed under an earlier policy: another one may protect what it reads.
func (s *session) passesYet(ctx context.Context, j *judgement) error {
	k := s.g.known.Load()
	if j == nil || j.passed == nil || j.passed == k.policy || slices.Equal(j.passed.Protected, k.policy.Protected) {
		return nil
	}
	s.leave()
	plans, err := k.analyser.Analyse(j.text, s.settings(k))
	if err == nil && !slices.ContainsFunc(plans, func(p lineage.Plan) bool { return !passes(&p) || p.Rewritten }) {
		return nil
	}
	return s.refuse(ctx, 0, preparedRefusal)
}

// anew judges what was prepared for whoever asks now. What is masked and what is allowed hangs on the role, the purpose and
// the policy: otherwise one could prepare as somebody who sees everything, and run it as somebody who may read much.
func (s *session) anew(ctx context.Context, r wire.Result, j *judgement, who meter.Subject) (wire.Result, error) {
	next := *j
	next.subject = who
	r.Tag = &next
	was, is := j.known.policy, s.policy
	if was == is && who.Role == j.subject.Role && who.Purpose == j.subject.Purpose {
		return r, nil
	}
	if !slices.Equal(was.Protected, is.Protected) {
		return r, s.refuse(ctx, j.fingerprint, preparedRefusal)
	}
	err := s.agreed(ctx, is, &next)
	if err == nil {
		r.Masks, err = s.masked(ctx, is, &next)
	}
	return r, err
}

// refuse notes a refusal. It returns it while the policy enforces, else nil.
func (s *session) refuse(ctx context.Context, print uint64, r *wire.Refusal) error {
	s.leave()
	s.g.refused(ctx, s.nameFor(), print, r)
	if s.g.meter.Policy().Enforcing() {
		return r
	}
	return nil
}

// nameFor is how the client stands in findings, also while it is nobody.
func (s *session) nameFor() meter.Subject {
	who, err := s.identity()
	if err != nil && who.Person == "" {
		who.Person = s.who.User
	}
	return who
}
