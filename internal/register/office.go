package register

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/meter"
)

// Office is where supervisors act. Every act is in the ledger before it takes effect, so what
// is in force can be found there again after a start.
type Office struct {
	book  *ledger.Ledger
	spare *spare // takes what the first ledger's disk does not; may be nil
	meter *meter.Meter
	now   func() time.Time

	mu       sync.Mutex // guards requests
	requests map[string]*Request
}

// What takes two people.
const (
	AskWhatRead  = "what-read" // whose records a person was given: staff monitoring
	AskAnonymous = "anonymous" // one anonymous entry, for one person
	AskEmergency = "emergency"
	AskRehearsal = "rehearsal" // an emergency in everything but effect
	AskBrake     = "brake"     // stop bulk reading for everyone
)

var asks = []string{AskWhatRead, AskAnonymous, AskEmergency, AskRehearsal, AskBrake}

// Request is what one supervisor asks for and another approves.
type Request struct {
	ID       string        `json:"id"`
	What     string        `json:"what"`
	Person   string        `json:"person,omitempty"` // whom it is about
	Voter    string        `json:"voter,omitempty"`  // the key of an anonymous entry
	By       string        `json:"by"`
	Reason   string        `json:"reason"`
	Made     time.Time     `json:"made"`
	For      time.Duration `json:"for"` // how long what was approved lasts
	Approver string        `json:"approver,omitempty"`
	Approved time.Time     `json:"approved,omitzero"`
}

// until is when what was approved ends.
func (r *Request) until() time.Time { return r.Approved.Add(r.For) }

const (
	waits    = 24 * time.Hour     // a request that nobody has approved by then is void
	longest  = 7 * 24 * time.Hour // what was approved to be seen can be seen for so long
	maxAsked = 10_000             // requests that are remembered
)

func newOffice(book *ledger.Ledger, spare *spare, m *meter.Meter, now func() time.Time) *Office {
	return &Office{book: book, spare: spare, meter: m, now: now, requests: map[string]*Request{}}
}

// takeUp brings back what supervisors had decided, as far as it is still in force.
func (o *Office) takeUp(ctx context.Context, view *ledger.View) error {
	now := o.now()
	kinds := []string{KindRequest, KindApproval, KindGrant, KindWithdrawn, KindReleased, KindEnded}
	for e, err := range view.Entries(ctx, now.AddDate(0, 0, -40), now.AddDate(1, 0, 0), kinds...) {
		if err != nil {
			return fmt.Errorf("register: what supervisors decided: %w", err)
		}
		o.again(e, now)
	}
	return nil
}

// again takes one entry of the ledger into force. What is over or no longer fits the policy is left out.
func (o *Office) again(e ledger.Entry, now time.Time) {
	var r Request
	var g meter.Grant
	switch e.Kind {
	case KindRequest, KindApproval:
		if json.Unmarshal(e.Detail, &r) != nil {
			return
		}
		o.requests[r.ID] = &r
		if e.Kind == KindApproval {
			r.For = max(0, r.until().Sub(now))
			_ = o.effect(&r, now)
		}
	case KindGrant:
		if json.Unmarshal(e.Detail, &g) == nil {
			_, _ = o.meter.Grant(g, now)
		}
	case KindWithdrawn:
		_ = o.meter.Withdraw(e.Text)
	case KindReleased:
		o.meter.Release()
	case KindEnded:
		o.meter.EndEmergency()
	}
}

// Act is what somebody wants done. Token is theirs; it says who they are.
type Act struct {
	Token   string      `json:"token"`
	Do      string      `json:"do"` // grant, withdraw, request, approve, release-brake, end-emergency, look, left, pending
	Grant   meter.Grant `json:"grant,omitzero"`
	Request Request     `json:"request,omitzero"`
	ID      string      `json:"id,omitempty"`
	Person  string      `json:"person,omitempty"`
	Text    string      `json:"text,omitempty"`
}

// Answer is what came of an act.
type Answer struct {
	ID       string       `json:"id,omitempty"`
	Text     string       `json:"text,omitempty"`
	Request  *Request     `json:"request,omitempty"`
	Left     []meter.Left `json:"left,omitempty"`
	Requests []Request    `json:"requests,omitempty"`
}

var errToken = errors.New("this token is no supervisor's: the policy lists them as [[supervisor]], `portcullis register token` makes one")

// Do acts for whoever holds the token.
func (o *Office) Do(ctx context.Context, a Act) (Answer, error) {
	by, ok := o.meter.Policy().SupervisorOf(a.Token)
	if !ok {
		return Answer{}, errToken
	}
	switch a.Do {
	case "grant":
		return o.grant(ctx, by, a.Grant)
	case "withdraw":
		return Answer{}, o.noted(ctx, ledger.Entry{Kind: KindWithdrawn, Principal: by, Text: a.ID}, func() error { return o.meter.Withdraw(a.ID) })
	case "request":
		return o.request(ctx, by, a.Request)
	case "approve":
		return o.approve(ctx, by, a.ID)
	case "release-brake":
		return Answer{}, o.noted(ctx, ledger.Entry{Kind: KindReleased, Principal: by, Text: a.Text}, func() error { o.meter.Release(); return nil })
	case "end-emergency":
		return Answer{}, o.noted(ctx, ledger.Entry{Kind: KindEnded, Principal: by, Text: a.Text}, func() error { o.meter.EndEmergency(); return nil })
	case "look":
		return o.look(ctx, by, a)
	case "left":
		left, err := o.meter.Left(ctx, o.meter.Policy().SubjectOf(a.Person, "other", ""), o.now())
		return Answer{Left: left}, err
	case "pending":
		return Answer{Requests: o.pending()}, nil
	}
	return Answer{}, fmt.Errorf("there is no act %q", a.Do)
}

// note writes into the ledger, or, so that an emergency can be declared when the ledger's disk is the
// trouble, into the second one.
func (o *Office) note(ctx context.Context, e ledger.Entry) error {
	err := o.book.Note(ctx, e)
	if err == nil || o.spare == nil {
		return err
	}
	book, other := o.spare.open()
	if other == nil {
		other = book.Note(ctx, e)
	}
	switch {
	case other == nil:
		return nil
	case errors.Is(other, errNoSpare):
		return err
	}
	return errors.Join(err, other)
}

// noted does something, for all guards that share a store, once the ledger has it.
func (o *Office) noted(ctx context.Context, e ledger.Entry, do func() error) error {
	if err := o.note(ctx, e); err != nil {
		return err
	}
	return o.meter.Decide(ctx, do)
}

func (o *Office) grant(ctx context.Context, by string, g meter.Grant) (Answer, error) {
	now := o.now()
	g.By, g.From, g.ID = by, now, ""
	err := o.meter.Decide(ctx, func() (err error) {
		g, err = o.meter.Grant(g, now)
		return err
	})
	if err != nil {
		return Answer{}, err
	}
	detail, _ := json.Marshal(g)
	text := fmt.Sprintf("%d more for %s %s until %s: %s", g.More, g.Per, g.Who, g.Until.UTC().Format(time.RFC3339), g.Reason)
	if err := o.note(ctx, ledger.Entry{Kind: KindGrant, Principal: by, Text: clip(text), Detail: detail}); err != nil {
		return Answer{}, errors.Join(err, o.meter.Decide(context.WithoutCancel(ctx), func() error { return o.meter.Withdraw(g.ID) }))
	}
	return Answer{ID: g.ID, Text: text}, nil
}

func (o *Office) request(ctx context.Context, by string, r Request) (Answer, error) {
	r.By, r.Made, r.Approver, r.Approved = by, o.now(), "", time.Time{}
	r.ID = fmt.Sprintf("%s-%x", r.What, r.Made.UnixNano())
	switch {
	case !slices.Contains(asks, r.What):
		return Answer{}, fmt.Errorf("nothing called %q can be asked for; want one of %s", r.What, strings.Join(asks, ", "))
	case strings.TrimSpace(r.Reason) == "":
		return Answer{}, errors.New("a request needs a reason")
	case (r.What == AskWhatRead || r.What == AskAnonymous) && r.Person == "":
		return Answer{}, errors.New("say about whom")
	case r.What == AskAnonymous && r.Voter == "":
		return Answer{}, errors.New("say which entry, by its key")
	case r.For <= 0 || r.For > longest:
		return Answer{}, fmt.Errorf("say for how long: more than nothing, at most %v", longest)
	}
	detail, _ := json.Marshal(r)
	if err := o.note(ctx, ledger.Entry{Kind: KindRequest, Principal: by, Text: clip(r.What + " " + r.Person + ": " + r.Reason), Detail: detail}); err != nil {
		return Answer{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.requests) >= maxAsked {
		return Answer{}, errors.New("too many requests are waiting")
	}
	o.requests[r.ID] = &r
	return Answer{ID: r.ID, Request: &r}, nil
}

// approve is the second person's word. What it allows begins now.
func (o *Office) approve(ctx context.Context, by, id string) (Answer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r, now := o.requests[id], o.now()
	switch {
	case r == nil:
		return Answer{}, fmt.Errorf("there is no request %q", id)
	case r.By == by:
		return Answer{}, errors.New("nobody approves what they asked for themselves; this takes two people")
	case r.Approver != "":
		return Answer{}, fmt.Errorf("%s approved it already", r.Approver)
	case now.Sub(r.Made) > waits:
		return Answer{}, errors.New("the request has waited for more than a day and is void; ask again")
	}
	next := *r
	next.Approver, next.Approved = by, now
	detail, _ := json.Marshal(next)
	kind := map[string]string{AskEmergency: KindEmergency, AskRehearsal: KindRehearsal, AskBrake: KindBrake}[r.What]
	if kind != "" { // what happened by its own name too, for whoever reads the ledger
		if err := o.note(ctx, ledger.Entry{Kind: kind, Principal: by, From: now.UTC(), Until: next.until().UTC(), Text: clip(next.By + " and " + by + ": " + next.Reason)}); err != nil {
			return Answer{}, err
		}
	}
	if err := o.meter.Decide(ctx, func() error { return o.effect(&next, now) }); err != nil {
		return Answer{}, err
	}
	if err := o.note(ctx, ledger.Entry{Kind: KindApproval, Principal: by, Text: id, Detail: detail}); err != nil {
		return Answer{}, err
	}
	*r = next
	return Answer{ID: id, Request: &next}, nil
}

// effect is what an approval brings about at once.
func (o *Office) effect(r *Request, now time.Time) (err error) {
	d := meter.Declaration{By: []string{r.By, r.Approver}, Reason: r.Reason, For: r.For}
	switch r.What {
	case AskRehearsal:
		d.Rehearsal = true
		_, err = o.meter.Declare(d, now)
	case AskEmergency:
		_, err = o.meter.Declare(d, now)
	case AskBrake:
		_, err = o.meter.Pull(d, now)
	}
	return err
}

// look notes that somebody asks the ledger. About a person at work it takes an approved request.
func (o *Office) look(ctx context.Context, by string, a Act) (Answer, error) {
	if a.ID == "" {
		return Answer{}, o.note(ctx, ledger.Entry{Kind: KindLook, Principal: by, Text: clip(a.Text)})
	}
	o.mu.Lock()
	r := o.requests[a.ID]
	var seen Request
	if r != nil {
		seen = *r
	}
	o.mu.Unlock()
	switch now := o.now(); {
	case r == nil:
		return Answer{}, fmt.Errorf("there is no request %q", a.ID)
	case seen.Approver == "":
		return Answer{}, fmt.Errorf("nobody has approved %s yet", a.ID)
	case now.After(seen.until()):
		return Answer{}, fmt.Errorf("%s was approved until %s; ask again", a.ID, seen.until().UTC().Format(time.RFC3339))
	case seen.Person != a.Person || seen.What != a.Request.What:
		return Answer{}, fmt.Errorf("%s was approved for %s of %q", a.ID, seen.What, seen.Person)
	}
	return Answer{Request: &seen}, o.note(ctx, ledger.Entry{Kind: KindLook, Principal: by, Text: clip(a.Text + " (" + a.ID + ")")})
}

// mayReadAnonymous tells whether two people approved that somebody reads one anonymous entry.
func (o *Office) mayReadAnonymous(person string, n uint64, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.requests {
		if r.What != AskAnonymous || r.Approver == "" || r.Person != person || now.After(r.until()) {
			continue
		}
		if m, err := o.book.Number([]byte(r.Voter)); err == nil && m == n {
			return true
		}
	}
	return false
}

// pending are requests that wait for a second person.
func (o *Office) pending() (all []Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.requests {
		if r.Approver == "" && o.now().Sub(r.Made) <= waits {
			all = append(all, *r)
		}
	}
	slices.SortFunc(all, func(a, b Request) int { return a.Made.Compare(b.Made) })
	return all
}
