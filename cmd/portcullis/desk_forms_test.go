package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/assessment"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

var (
	formAnalyst  = api.Caller{Name: "ana", Roles: []api.Role{api.Analyst}, Via: api.ViaOIDC}
	formApprover = api.Caller{Name: "cem", Roles: []api.Role{api.Approver}, Via: api.ViaOIDC}
	formReader   = api.Caller{Name: "rea", Roles: []api.Role{api.Reader}, Via: api.ViaOIDC}
)

// TestUndoAtTheDesk takes back a merge and a split, tells the later of two, and refuses who may not.
func TestUndoAtTheDesk(t *testing.T) {
	s := playedDesk(t)
	ana := as(t, formAnalyst)
	whole, err := s.desk.campaignRecords().Campaign(t.Context(), widest(t, s).ID)
	must(t, err)
	apart, err := s.desk.Split(ana, web.SplitAct{Campaign: whole.ID, Version: whole.Version, Events: []portcullis.ID{whole.Members[0].Event, whole.Members[1].Event}, Why: "another hand"})
	must(t, err)
	must(t, s.desk.catchUp(t.Context()))
	a, err := s.desk.campaignRecords().Summary(t.Context(), whole.ID)
	must(t, err)
	b, err := s.desk.campaignRecords().Summary(t.Context(), apart)
	must(t, err)
	kept, err := s.desk.Merge(ana, web.MergeAct{Campaign: b.ID, Version: b.Version, Into: a.ID, IntoVersion: a.Version, Why: "the same hand"})
	must(t, err)
	must(t, s.desk.catchUp(t.Context()))
	page, err := s.desk.Campaign(ana, kept)
	must(t, err)
	at := slices.IndexFunc(page.Edits, func(e web.Edit) bool { return e.Decision > 0 })
	if at < 0 {
		t.Fatalf("the merge cannot be taken back: %+v", page.Edits)
	}
	act := web.UndoAct{Campaign: kept, Version: page.Version, Decision: page.Edits[at].Decision, Why: "it was not"}
	var forbidden *web.ForbiddenError
	if err := s.desk.Undo(as(t, formReader), act); !errors.As(err, &forbidden) {
		t.Errorf("a reader takes it back: %v", err)
	}
	stale := act
	stale.Version--
	var conflict *web.ConflictError
	if err := s.desk.Undo(ana, stale); !errors.As(err, &conflict) {
		t.Errorf("an older page takes it back: %v", err)
	}
	must(t, s.desk.Undo(ana, act))
	must(t, s.desk.catchUp(t.Context()))
	for _, was := range []campaigns.Summary{a, b} {
		is, err := s.desk.campaignRecords().Summary(t.Context(), was.ID)
		must(t, err)
		if is.ID != was.ID || is.Events != was.Events || is.People != was.People {
			t.Errorf("%s has %d events and %d people, want %d and %d", is.ID, is.Events, is.People, was.Events, was.People)
		}
	}
	var invalid *web.InvalidError
	page, err = s.desk.Campaign(ana, kept)
	must(t, err)
	act.Version = page.Version
	if err := s.desk.Undo(ana, act); !errors.As(err, &invalid) {
		t.Errorf("twice: %v", err)
	}
	act.Decision = 0
	for _, e := range page.Edits { // now the split
		if strings.HasPrefix(e.What, "split") && e.Decision > 0 {
			act.Decision = e.Decision
		}
	}
	must(t, s.desk.Undo(ana, act))
	must(t, s.desk.catchUp(t.Context()))
	if is, err := s.desk.campaignRecords().Summary(t.Context(), whole.ID); err != nil || is.Events != whole.Events {
		t.Errorf("after taking back the split it has %d events, want %d: %v", is.Events, whole.Events, err)
	}
	s.audited(t, "ana edit-campaigns", 4)
	s.audited(t, "rea edit-campaigns refused", 1)
}

// audited wants so many entries of a kind in the audit.
func (s *server) audited(t *testing.T, name string, want int) {
	t.Helper()
	lines, err := access.Lines(t.Context(), s.app.store.DB(), 0, 500, true)
	must(t, err)
	n := 0
	for _, l := range lines {
		full := l.Who + " " + l.Kind
		if l.Refused {
			full += " refused"
		}
		if full == name {
			n++
		}
	}
	if n != want {
		t.Errorf("the audit has %d entries %q, want %d", n, name, want)
	}
}

// TestNoticeFormsAtTheDesk marks and clears an account, ends a delay and withdraws a notice.
func TestNoticeFormsAtTheDesk(t *testing.T) {
	s := playedDesk(t)
	ana, cem := as(t, formAnalyst), as(t, formApprover)
	n := s.notices(t)[0]
	must(t, s.desk.Account(ana, web.AccountAct{Person: n.Person, Suspected: true, Why: "a sign-in from nowhere"}))
	page, err := s.desk.Notice(cem, n.ID)
	must(t, err)
	if !strings.Contains(page.MailRefused, "a sign-in from nowhere") {
		t.Errorf("mail is refused because %q", page.MailRefused)
	}
	var forbidden *web.ForbiddenError
	if err := s.desk.Account(ana, web.AccountAct{Person: n.Person, Why: "it is fine"}); !errors.As(err, &forbidden) {
		t.Errorf("an analyst clears it: %v", err)
	}
	must(t, s.desk.Account(cem, web.AccountAct{Person: n.Person, Why: "the password was changed"}))
	person, err := s.desk.Person(cem, n.Person)
	must(t, err)
	if person.Compromised {
		t.Error("cleared, and still marked")
	}
	version := func() int {
		t.Helper()
		is, err := s.desk.noticeRecords().Notice(t.Context(), n.ID)
		must(t, err)
		return is.Version
	}
	must(t, s.desk.Delay(cem, web.DelayAct{NoticeAct: web.NoticeAct{Notice: n.ID, Version: version()}, Until: s.now().Add(time.Hour), Why: "the police asked"}))
	must(t, s.desk.EndDelay(cem, web.NoticeAct{Notice: n.ID, Version: version()}))
	if err := s.desk.Withdraw(ana, web.WithdrawAct{NoticeAct: web.NoticeAct{Notice: n.ID, Version: version()}, Why: "it was a drill"}); !errors.As(err, &forbidden) {
		t.Errorf("an analyst withdraws: %v", err)
	}
	must(t, s.desk.Withdraw(cem, web.WithdrawAct{NoticeAct: web.NoticeAct{Notice: n.ID, Version: version()}, Why: "it was a drill"}))
	is, err := s.desk.noticeRecords().Notice(t.Context(), n.ID)
	must(t, err)
	if is.State != response.Withdrawn {
		t.Errorf("it is %s", is.State)
	}
	for name, want := range map[string]int{"ana suspect-account": 1, "cem clear-account": 1, "ana clear-account refused": 1, "cem delay-notice": 2, "cem approve-notice": 1, "ana approve-notice refused": 1} {
		s.audited(t, name, want)
	}
}

// TestEvidenceAtTheDesk enters evidence; the record replays, and the machine leaves it alone from then on.
func TestEvidenceAtTheDesk(t *testing.T) {
	s := playedDesk(t)
	ana := as(t, formAnalyst)
	c := widest(t, s)
	page, err := s.desk.Campaign(ana, c.ID)
	must(t, err)
	at := slices.IndexFunc(page.Assessment.Propositions, func(p web.Proposition) bool { return p.Key == string(assessment.Accessed) })
	if at < 0 || len(page.Assessment.Propositions[at].Rivals) < 3 {
		t.Fatalf("nothing can be entered: %+v", page.Assessment)
	}
	act := web.EvidenceAct{Campaign: c.ID, Version: page.Assessment.Version, Proposition: string(assessment.Accessed), Note: "The provider saw a sign-in.", Origin: "provider", Grade: "B2", Vertex: "victim", Likelihood: map[string]string{}}
	for i, r := range page.Assessment.Propositions[at].Rivals {
		act.Likelihood[r.Key] = []string{"expected", "rare"}[min(i, 1)]
	}
	var forbidden *web.ForbiddenError
	if err := s.desk.Weigh(as(t, formReader), act); !errors.As(err, &forbidden) {
		t.Errorf("a reader enters evidence: %v", err)
	}
	must(t, s.desk.Weigh(ana, act))
	var conflict *web.ConflictError
	if err := s.desk.Weigh(ana, act); !errors.As(err, &conflict) {
		t.Errorf("from a page that is old: %v", err)
	}
	page, err = s.desk.Campaign(ana, c.ID)
	must(t, err)
	if p := page.Assessment.Propositions[at]; p.Off != "" || !slices.ContainsFunc(p.Evidence, func(w web.Weighed) bool { return w.Text == act.Note && w.Grade == "B2" }) {
		t.Errorf("the matrix lacks it: %+v", p)
	}
	s.machineGoesOn(t, c.ID, act.Note)
	act.Version, act.Likelihood = page.Assessment.Version, map[string]string{"no such": "rare"} // the machine's entry since is no reason to begin anew
	var invalid *web.InvalidError
	if err := s.desk.Weigh(ana, act); !errors.As(err, &invalid) {
		t.Errorf("a hypothesis that is not there: %v", err)
	}
	again, err := assessment.NewReader(s.app.store.DB()).Replay(t.Context(), c.ID)
	must(t, err)
	if len(again.Differ) > 0 || again.Same < 2 {
		t.Errorf("replay: %+v", again)
	}
	s.audited(t, "ana assess", 1)
}

// machineGoesOn has the machine find less that holds a campaign together, after somebody entered
// a note: the machine's own entry follows, and the note stays.
func (s *server) machineGoesOn(t *testing.T, id portcullis.ID, note string) {
	t.Helper()
	full, err := s.desk.campaignRecords().Campaign(t.Context(), id)
	must(t, err)
	must(t, s.desk.weigh(t.Context(), full))
	if by, err := s.desk.weighedBy(t.Context(), id); err != nil || by == response.Machine {
		t.Errorf("the machine entered what was there already: %v", err)
	}
	full.Reasons = slices.DeleteFunc(full.Reasons, func(r campaigns.Reason) bool { return r.Kind == campaigns.ReasonInfrastructure })
	must(t, s.desk.weigh(t.Context(), full))
	if by, err := s.desk.weighedBy(t.Context(), id); err != nil || by != response.Machine {
		t.Errorf("the machine stopped weighing: last was %q, %v", by, err)
	}
	page, err := s.desk.Campaign(as(t, formAnalyst), id)
	must(t, err)
	hands := map[string]string{}
	for _, p := range page.Assessment.Propositions {
		for _, w := range p.Evidence {
			hands[w.Text] = w.By
		}
	}
	if hands[note] != formAnalyst.Name || !slices.Contains(slices.Collect(maps.Values(hands)), response.Machine) {
		t.Errorf("who entered what: %v", hands)
	}
}

// TestPersonalHuntAtTheDesk asks for an address, lets a second person agree, and runs it, by the
// pages' methods and by the routes.
func TestPersonalHuntAtTheDesk(t *testing.T) {
	s := playedDesk(t)
	ana, cem := as(t, formAnalyst), as(t, formApprover)
	deliveries, err := s.desk.mailRecords().Deliveries(t.Context(), busiest(t, s))
	must(t, err)
	address := deliveries[0].Recipient
	if found, err := s.desk.Hunt(ana, web.HuntQuery{Text: address, Limit: 10}); err != nil || !found.Personal || len(found.Hits) > 0 {
		t.Errorf("an address without a purpose: %+v, %v", found, err)
	}
	var forbidden *web.ForbiddenError
	var invalid *web.InvalidError
	if _, err := s.desk.AskHunt(ana, web.HuntAct{Text: "site.example", Why: "Incident 12, and more words"}); !errors.As(err, &invalid) {
		t.Errorf("what leads to nobody needs no second person: %v", err)
	}
	id, err := s.desk.AskHunt(ana, web.HuntAct{Text: address, Why: "Incident 12: who wrote to this member?"})
	must(t, err)
	if _, err := s.desk.Hunt(ana, web.HuntQuery{Request: id, Limit: 10}); !errors.As(err, &forbidden) {
		t.Errorf("before anybody agreed: %v", err)
	}
	if err := s.desk.DecideHunt(ana, web.DecideAct{Request: id, Grant: true}); !errors.As(err, &forbidden) {
		t.Errorf("who asked agrees: %v", err)
	}
	first, err := s.desk.Situation(cem)
	must(t, err)
	if len(first.Hunts) != 1 || first.Hunts[0].Text == "" || first.Hunts[0].Mine {
		t.Errorf("the approver sees %+v", first.Hunts)
	}
	answer := s.call(t, formApprover, "POST", "/api/v1/hunts/"+string(id)+"/decide", `{"agree": true}`)
	if answer.Code != http.StatusNoContent {
		t.Fatalf("agreeing by the route: %d %s", answer.Code, answer.Body)
	}
	found, err := s.desk.Hunt(ana, web.HuntQuery{Request: id, Limit: 10})
	must(t, err)
	if found.Searched == 0 {
		t.Errorf("nothing was searched: %+v", found)
	}
	if answer = s.call(t, formAnalyst, "POST", "/api/v1/hunts/"+string(id)+"/run", ``); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), `"schema":1`) {
		t.Errorf("running by the route: %d %.300s", answer.Code, answer.Body)
	}
	if answer = s.call(t, formApprover, "POST", "/api/v1/hunts/"+string(id)+"/decide", `{"agree": false, "why": "no"}`); answer.Code != http.StatusBadRequest {
		t.Errorf("refusing without a reason: %d", answer.Code)
	}
	for name, want := range map[string]int{"ana ask-hunt": 1, "cem agree-hunt": 1, "ana hunt-person": 2, "ana approve-hunt refused": 1} {
		s.audited(t, name, want)
	}
}

// busiest is a mail that a protected person got.
func busiest(t *testing.T, s *server) portcullis.ID {
	t.Helper()
	c, err := s.desk.campaignRecords().Campaign(t.Context(), widest(t, s).ID)
	must(t, err)
	return c.Members[0].Event
}

// call asks a route as somebody who has signed in.
func (s *server) call(t *testing.T, c api.Caller, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(as(t, c))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.followed(api.Handler(s.routes(s.desk.links, s.desk.office), s.mayCall)).ServeHTTP(w, r)
	return w
}

// TestNoticesAfterASplit splits a campaign whose people were told, and wants nobody told the
// same again, and nobody forgotten.
func TestNoticesAfterASplit(t *testing.T) {
	s := playedDesk(t)
	ana, cem := as(t, formAnalyst), as(t, formApprover)
	c := widest(t, s)
	told := map[portcullis.ID]map[portcullis.ID]bool{} // events by person
	for _, n := range s.notices(t) {
		if n.Campaign != c.ID {
			continue
		}
		must(t, s.desk.Approve(cem, web.NoticeAct{Notice: n.ID, Version: n.Version}))
		must(t, s.desk.MarkTold(cem, web.ToldAct{NoticeAct: web.NoticeAct{Notice: n.ID, Version: n.Version + 1}, How: "telephone", When: s.now()}))
		told[n.Person] = map[portcullis.ID]bool{}
		for _, e := range n.Reach.Events {
			told[n.Person][e.Event] = true
		}
	}
	full, err := s.desk.campaignRecords().Campaign(t.Context(), c.ID)
	must(t, err)
	if len(told) == 0 || len(full.Members) < 3 {
		t.Fatalf("%d were told of %d mails: this test shows nothing", len(told), len(full.Members))
	}
	var leave []portcullis.ID
	for _, m := range full.Members[:len(full.Members)/2] {
		leave = append(leave, m.Event)
	}
	before := s.notices(t)
	apart, err := s.desk.Split(ana, web.SplitAct{Campaign: c.ID, Version: full.Version, Events: leave, Why: "another hand"})
	must(t, err)
	must(t, s.desk.catchUp(t.Context()))
	after := s.notices(t)
	for _, was := range before { // what was said stays as it was said
		at := slices.IndexFunc(after, func(n response.Notice) bool { return n.ID == was.ID })
		if at < 0 || after[at].Told != was.Told || after[at].Digest != was.Digest && !was.Told.IsZero() {
			t.Errorf("the notice %s was changed by the split", was.ID)
		}
	}
	for _, n := range after {
		if !n.Told.IsZero() || n.Campaign != c.ID && n.Campaign != apart {
			continue
		}
		for _, e := range n.Reach.Events {
			if told[n.Person][e.Event] {
				t.Errorf("%s is to be told of %s again, as a mail of %s", n.Person, e.Event, n.Campaign)
			}
		}
	}
	for _, id := range []portcullis.ID{c.ID, apart} {
		s.everybodyKnows(t, id, after)
	}
	if page, err := s.desk.Campaign(ana, apart); err != nil || page.ID != apart {
		t.Errorf("the page of the new campaign: %v", err)
	}
}

// everybodyKnows wants each mail of a campaign in some notice to each of those it reached.
func (s *server) everybodyKnows(t *testing.T, id portcullis.ID, notices []response.Notice) {
	t.Helper()
	c, err := s.desk.campaignRecords().Campaign(t.Context(), id)
	must(t, err)
	for _, target := range c.Targets {
		for _, event := range target.Events {
			in := func(n response.Notice) bool {
				return n.Person == target.Person && n.State != response.Withdrawn && slices.ContainsFunc(n.Reach.Events, func(e response.Received) bool { return e.Event == event })
			}
			if !slices.ContainsFunc(notices, in) {
				t.Errorf("no notice tells %s of %s", target.Person, event)
			}
		}
	}
}

// BenchmarkAddIndicators adds 100,000 indicators in one request, as a feed.
func BenchmarkAddIndicators(b *testing.B) {
	b.Setenv("XDG_CONFIG_HOME", b.TempDir())
	s := newDesk(b, b.TempDir()+"/data", "../../examples/people.toml", "")
	ctx := api.WithCaller(b.Context(), boardOfficer)
	round := 0
	for b.Loop() {
		round++
		var feed bytes.Buffer
		for n := range 100_000 {
			fmt.Fprintf(&feed, "host%d.r%d.partner-feed.example\n", n, round)
		}
		added, err := s.desk.AddIndicators(ctx, web.IndicatorAct{Feed: feed.Bytes(), FeedName: "feed.txt", Source: "partner", Marking: "amber"})
		must(b, err)
		if added.New != 100_000 {
			b.Fatalf("added %d, refused %d", added.New, added.RefusedAll)
		}
	}
}

// No cell of the matrix shows the number of a rung for a word.
func TestRungsHaveWords(t *testing.T) {
	for r := assessment.Expected; r <= assessment.Excluded; r++ {
		if word := rungWord(r); strings.ContainsAny(word, "0123456789") || word == "" {
			t.Errorf("rung %d is %q", int(r), word)
		}
	}
	if exact, near := rungWord(assessment.Rare), rungWord(19); exact != "rare" || near != "about exceptional" {
		t.Errorf("%q, %q", exact, near)
	}
}
