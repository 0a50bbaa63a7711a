package register

import (
	"context"
	"strings"

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
	seen    *Learned

	// texts of a template whose one value is an integer are known by what stands around it
	means      string // what the meaning of the text depends on
	head, tail string // "": not such a one
	send       []byte // where the text to send on is put together
}

// fits tells that a text is of the template, and means the same.
func (r *ready) fits(k *known, means, text string) bool {
	n := len(text) - len(r.head) - len(r.tail)
	if r.head == "" || n < 1 || n > maxDigits || r.known != k || r.means != means || text[:len(r.head)] != r.head || text[len(r.head)+n:] != r.tail {
		return false
	}
	for _, c := range []byte(text[len(r.head) : len(r.head)+n]) {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// keep notes how texts of the template are known at once. The cutter has just cut this one.
func (r *ready) keep(c *cutter, means, text string) {
	r.head, r.tail = "", ""
	if len(c.values) != 1 || !isDigit(text[c.values[0][0]]) {
		return
	}
	v := c.values[0]
	r.means, r.head, r.tail = means, strings.Clone(text[:v[0]]), strings.Clone(text[v[1]:])
}

// fill is the text to send on, "" for what came.
func (r *ready) fill(text string) string {
	if r.of.parts == nil {
		return ""
	}
	value := text[len(r.head) : len(text)-len(r.tail)]
	r.send = r.send[:0]
	for i, part := range r.of.parts {
		r.send = append(r.send, part...)
		if i < len(r.of.order) {
			r.send = append(r.send, value...)
		}
	}
	return string(r.send)
}

// againAtOnce decides about a text that fits what is ready. Not ok says that somebody else asks now.
func (s *session) againAtOnce(ctx context.Context, text string) (d wire.Decision, ok bool, err error) {
	who, err := s.identity()
	if err != nil || who != s.ready.who {
		return d, false, nil
	}
	s.g.learner.again(s.ready.seen)
	if err := s.ask(ctx, s.ready.tag); err != nil {
		return d, true, err
	}
	return wire.Decision{Results: s.ready.results, Text: s.ready.fill(text)}, true, nil
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
	s.ready.seen = s.g.learner.Add(who.Role, t.plan)
	s.ready.keep(&s.cutter, s.meansKey, text)
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
