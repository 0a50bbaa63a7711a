package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// playedDesk is a desk over all mail of the shipped exercise, with one person's mail privileged.
func playedDesk(t *testing.T) *server {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	s := newDesk(t, filepath.Join(t.TempDir(), "data"), "../../examples/people.toml",
		"[mail]\ntrusted_relays = [\"mx.parliament.example\"]\n[[desk.standing]]\npeople = [\"person:p0001\"]\nprivileged = \"electoral secrecy\"\n")
	must(t, s.read(t.Context(), []string{"../../examples/exercise/mail"}))
	must(t, s.desk.catchUp(t.Context()))
	return s
}

func as(t *testing.T, c api.Caller) context.Context { return api.WithCaller(t.Context(), c) }

// widest is the campaign that reached most people.
func widest(t *testing.T, s *server) *campaigns.Summary {
	t.Helper()
	board, err := s.desk.board.get(t.Context())
	must(t, err)
	if len(board.campaigns) == 0 {
		t.Fatal("the exercise holds no campaign")
	}
	return slices.MaxFunc(board.campaigns, func(a, b *campaigns.Summary) int { return a.People - b.People })
}

// TestBoundsHoldOnPages shows each page to somebody who may see one person, and looks for the
// names of all others on it.
func TestBoundsHoldOnPages(t *testing.T) {
	s := playedDesk(t)
	c := widest(t, s)
	only := c.Persons[len(c.Persons)-1]
	for _, n := range s.notices(t) { // that somebody was told must not tell who
		_, err := s.desk.Document(as(t, api.Caller{Name: "r", Roles: []api.Role{api.Reader}, Via: api.ViaLocalLink}), n.ID, "md")
		must(t, err)
	}
	ctx := as(t, api.Caller{Name: "bounded", Roles: []api.Role{api.Analyst}, Via: api.ViaOIDC, Scope: api.Scope{People: []portcullis.ID{only}}})
	var pages = map[string]any{}
	show := func(name string, page any, err error) {
		t.Helper()
		must(t, err)
		pages[name] = page
	}
	campaign, err := s.desk.Campaign(ctx, c.ID)
	for i := range campaign.Members { // what attackers wrote to those within bounds may name anybody
		campaign.Members[i].Title, campaign.Members[i].From = "", ""
	}
	show("campaign", campaign, err)
	situation, err := s.desk.Situation(ctx)
	show("situation", situation, err)
	list, err := s.desk.Campaigns(ctx, web.CampaignQuery{State: "all", Limit: 50})
	show("campaigns", list, err)
	people, err := s.desk.People(ctx, web.PeopleQuery{Limit: 50})
	show("people", people, err)
	notices, err := s.desk.Notices(ctx, web.NoticeQuery{State: "all", Limit: 50})
	show("notices", notices, err)
	indicators, err := s.desk.Indicators(ctx, web.IndicatorQuery{Limit: 50})
	show("indicators", indicators, err)
	for name, page := range pages {
		raw, err := json.Marshal(page)
		must(t, err)
		for _, p := range s.desk.dir.People() {
			if p.ID != only && (strings.Contains(string(raw), p.Name) || strings.Contains(string(raw), string(p.ID)+`"`)) {
				t.Errorf("the page of %s names %s to somebody who may see %s alone", name, p.Name, only)
			}
		}
	}
	other := c.Persons[0]
	found, err := s.desk.Campaigns(ctx, web.CampaignQuery{State: "all", Limit: 50, Text: s.desk.dir.Person(other).Name})
	must(t, err)
	if found.Total != 0 {
		t.Errorf("searching for %s, who is out of bounds, finds %d campaigns", other, found.Total)
	}
}

func (s *server) notices(t *testing.T) []response.Notice {
	t.Helper()
	list, err := s.desk.noticeRecords().Notices(t.Context(), response.Query{})
	must(t, err)
	return list
}

// TestMembersSeeTheirOwn opens to members their own mail, and nobody else's pages.
func TestMembersSeeTheirOwn(t *testing.T) {
	s := playedDesk(t)
	c := widest(t, s)
	me := c.Persons[0]
	ctx := as(t, api.Caller{Name: "member", Roles: []api.Role{api.Member}, Person: me, Via: api.ViaOIDC})
	var forbidden *web.ForbiddenError
	if _, err := s.desk.Campaigns(ctx, web.CampaignQuery{Limit: 10}); !errors.As(err, &forbidden) {
		t.Errorf("a member lists campaigns: %v", err)
	}
	for _, n := range s.notices(t) {
		if _, err := s.desk.Notice(ctx, n.ID); err == nil {
			t.Errorf("a member reads the notice %s to %s before anybody was told", n.ID, n.Person)
		}
	}
	full, err := s.desk.campaignRecords().Campaign(t.Context(), c.ID)
	must(t, err)
	opened := 0
	for _, m := range full.Members {
		page, err := s.desk.Finding(ctx, strongest(m.Findings))
		switch own := slices.Contains(m.People, me); {
		case !own && err == nil:
			t.Errorf("a member opens %s, which went to %v", m.Event, m.People)
		case own && (err != nil || page.Unreadable != "" || page.Subject == ""):
			t.Errorf("a member cannot open their own mail: %v %s", err, page.Unreadable)
		case own:
			opened++
		}
	}
	if opened == 0 {
		t.Error("no mail of their own was there to be opened")
	}
}

// TestPrivilegedSubjects keeps the subject of privileged mail from lists, and opens the mail of
// nobody who is out of bounds although the finding names somebody within.
func TestPrivilegedSubjects(t *testing.T) {
	s := playedDesk(t)
	reader := as(t, api.Caller{Name: "reader", Roles: []api.Role{api.Reader}, Via: api.ViaOIDC})
	person, err := s.desk.Person(reader, "person:p0001")
	must(t, err)
	if len(person.Received) == 0 {
		t.Fatal("nothing reached the privileged person")
	}
	for _, r := range person.Received {
		if r.Title != "a privileged mail" || r.From != "somebody who is not shown" {
			t.Errorf("%q from %q of privileged mail is shown", r.Title, r.From)
		}
	}
	found, err := s.desk.mailRecords().Findings(t.Context(), records.Filter{})
	must(t, err)
	checked := 0
	for _, f := range found {
		boxes, err := s.desk.mailboxes(t.Context(), f.Message.ID)
		must(t, err)
		for _, p := range f.Finding.People {
			if slices.Contains(boxes, p) || len(boxes) == 0 {
				continue
			}
			checked++
			page, err := s.desk.Finding(as(t, api.Caller{Name: "b", Roles: []api.Role{api.Reader}, Via: api.ViaOIDC, Scope: api.Scope{People: []portcullis.ID{p}}}), f.Finding.ID)
			if err == nil && (page.Subject != "" || len(page.Sources) > 0) && !slices.Contains(page.To, s.desk.person(p)) {
				t.Errorf("%s lies with %v and is opened to a reader of %s", f.Finding.ID, boxes, p)
			}
		}
	}
	t.Logf("%d findings name somebody who did not get the mail", checked)
}

// TestWhatIsRefusedOrSeenIsWrittenDown reads the audit after looks and refusals.
func TestWhatIsRefusedOrSeenIsWrittenDown(t *testing.T) {
	s := playedDesk(t)
	c := widest(t, s)
	reader := as(t, api.Caller{Name: "reader", Roles: []api.Role{api.Reader}, Via: api.ViaOIDC})
	stranger := as(t, api.Caller{Name: "stranger", Roles: []api.Role{api.Analyst}, Via: api.ViaOIDC, Scope: api.Scope{Parties: []string{"none"}}})
	for range 3 { // an open page asks again and again
		_, err := s.desk.Campaign(reader, c.ID)
		must(t, err)
	}
	full, err := s.desk.campaignRecords().Campaign(t.Context(), c.ID)
	must(t, err)
	if _, err := s.desk.Finding(stranger, strongest(full.Members[0].Findings)); err == nil {
		t.Error("a stranger opens a finding")
	}
	if found, err := s.desk.Hunt(as(t, api.Caller{Name: "hunter", Roles: []api.Role{api.Analyst}, Via: api.ViaOIDC}), web.HuntQuery{Text: "someone@postbox.example", Limit: 10}); err != nil || !found.Personal || len(found.Hits) > 0 {
		t.Error("an address is hunted without a purpose")
	}
	answer := httptest.NewRecorder()
	s.followed(api.Handler(s.routes(s.desk.links, s.desk.office), s.mayCall)).ServeHTTP(answer, httptest.NewRequest("GET", "/api/v1/campaigns", nil).WithContext(stranger))
	if answer.Code != http.StatusForbidden {
		t.Errorf("a bounded caller lists campaigns: %d", answer.Code)
	}
	lines, err := access.Lines(t.Context(), s.app.store.DB(), 0, 100, true)
	must(t, err)
	count := map[string]int{}
	for _, l := range lines {
		name := l.Who + " " + l.Kind
		if l.Refused {
			name += " refused"
		}
		count[name]++
	}
	for name, want := range map[string]int{"reader see-campaigns": 1, "stranger see-campaigns refused": 1, "hunter hunt-person refused": 1, "stranger api refused": 1} {
		if count[name] != want {
			t.Errorf("the audit has %d entries %q, want %d: %v", count[name], name, want, count)
		}
	}
}

// TestProgramsSendNothing refuses tokens and analysts what lets a notice leave.
func TestProgramsSendNothing(t *testing.T) {
	s := &server{}
	send := api.Route{Method: "POST", Path: "/notices/{id}/send", Role: api.Reader}
	for _, c := range []struct {
		who  api.Caller
		want bool
	}{
		{api.Caller{Roles: []api.Role{api.Analyst}, Via: api.ViaToken}, false},
		{api.Caller{Roles: []api.Role{api.Approver}, Via: api.ViaToken}, false},
		{api.Caller{Roles: []api.Role{api.Analyst}, Via: api.ViaOIDC}, false},
		{api.Caller{Roles: []api.Role{api.Approver}, Via: api.ViaOIDC}, true},
		{api.Caller{Roles: []api.Role{api.Approver, api.Admin}, Via: api.ViaOIDC}, false},
	} {
		if got := s.mayCall(c.who, send); got != c.want {
			t.Errorf("%+v may send: %v", c.who, got)
		}
	}
}

// TestNothingIsForgottenBetween stops after mail was placed and before its campaigns were
// attended to, as a crash would, and demands the notices of those it reached.
func TestNothingIsForgottenBetween(t *testing.T) {
	s := playedDesk(t)
	c := widest(t, s)
	full, err := s.desk.campaignRecords().Campaign(t.Context(), c.ID)
	must(t, err)
	before := len(s.notices(t))
	last := full.Members[len(full.Members)-1]
	item, ok, err := s.desk.links.item(t.Context(), last.Event)
	if err != nil || !ok {
		t.Fatal(err)
	}
	var fresh portcullis.ID // of somebody whom the campaign had not reached
	for _, p := range s.desk.dir.People() {
		if !slices.Contains(c.Persons, p.ID) {
			fresh = p.ID
		}
	}
	must(t, s.app.tx(t.Context(), func(w *records.Writer) error {
		_, err := w.AddDelivery(t.Context(), records.Delivery{Message: item.Event, Source: "elsewhere", Recipient: "x@parliament.example", Person: fresh, Recorded: s.now()})
		return err
	}))
	// Placing anew and nothing else: here the program ends.
	must(t, s.app.store.Tx(t.Context(), func(tx *sql.Tx) error {
		return s.app.store.Enqueue(t.Context(), tx, topicFindings, string(item.Event), nil)
	}))
	_, err = s.desk.links.drain(t.Context())
	must(t, err)
	if len(s.notices(t)) != before {
		t.Fatal("placing drafted a notice by itself: this test shows nothing")
	}
	must(t, s.desk.catchUp(t.Context()))
	if !slices.ContainsFunc(s.notices(t), func(n response.Notice) bool { return n.Person == fresh && n.Campaign == c.ID }) {
		t.Errorf("%s was reached, and has no notice", fresh)
	}
}
