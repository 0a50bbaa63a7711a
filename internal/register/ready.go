package register

import (
	"context"

	"portcullis.example/portcullis/internal/register/lineage"
	"portcullis.example/portcullis/internal/register/meter"
	"portcullis.example/portcullis/internal/register/wire"
)

// ready is what was decided about the template that a session used last: most programs send
// the same look-up again and again. It holds as long as the catalogue, the policy and who asks are the same;
// what is counted is counted anew each time.
type ready struct {
	of      *template // nil: nothing
	known   *known
	who     meter.Subject
	results []wire.Result // of one statement; never changed
	tag     *judgement
}

// repeated decides about a text of a known template.
func (s *session) repeated(ctx context.Context, k *known, t *template, text string, simple bool) (wire.Decision, error) {
	send := s.cutter.fill(t, text)
	if !simple || s.ready.of != t || s.ready.known != k {
		return s.first(ctx, k, t, send, simple)
	}
	who, err := s.identity()
	if err != nil || who != s.ready.who {
		return s.first(ctx, k, t, send, simple)
	}
	s.g.learner.Add(who.Role, t.plan)
	if err := s.ask(ctx, s.ready.tag); err != nil {
		return wire.Decision{}, err
	}
	return wire.Decision{Results: s.ready.results, Text: send}, nil
}

// first decides, and keeps the decision if it may be given again as it is.
func (s *session) first(ctx context.Context, k *known, t *template, send string, simple bool) (wire.Decision, error) {
	s.ready = ready{}
	d, err := s.decide(ctx, k, []lineage.Plan{*t.plan}, send, simple)
	if err != nil || !simple || t.plan.Kind != lineage.Rows || len(d.Results) != 1 {
		return d, err
	}
	j, ok := tagOf(&d.Results[0])
	if !ok || j.known != k || !lasting(k.policy, j.subject) {
		return d, nil
	}
	s.ready = ready{of: t, known: k, who: j.subject, results: d.Results, tag: j}
	return d, nil
}

// lasting tells that a decision rests on nothing that has to be looked at, or told, each time.
func lasting(p *meter.Policy, who meter.Subject) bool {
	role, known := p.Role(who.Role)
	return (!known || !role.AllowedOnly) && len(p.MasksFor(who)) == 0
}
