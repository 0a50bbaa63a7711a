package web

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// maxQuery is how long anything typed into a search may be.
const maxQuery = 2000

// situation is the first page. Members have one of their own.
func (s *site) situation(w http.ResponseWriter, r *http.Request) error {
	if c, _ := api.CallerFrom(r.Context()); c.Person != "" && !c.Has(api.Reader) && !c.Has(api.Admin) {
		http.Redirect(w, r, "/people/"+url.PathEscape(string(c.Person)), http.StatusSeeOther)
		return nil
	}
	return s.situationWith(w, r, form{})
}

func (s *site) situationWith(w http.ResponseWriter, r *http.Request, f form) error {
	at := s.moment()
	m, err := s.Desk.Situation(r.Context())
	if err != nil {
		return err
	}
	return s.show(w, r, page{Name: "situation", Title: "Situation", Nav: "/", At: at, Topics: "situation,campaigns,notices,people", Form: f, Status: statusOf(f),
		Body: situationView{m, drawActivity(m.Activity, s.Zone)}, Scripts: scripts(len(m.Activity.Targeted) > 0, "chart.js")})
}

// situationView is the model and its picture.
type situationView struct {
	Situation
	Chart activityChart
}

func (s *site) campaigns(w http.ResponseWriter, r *http.Request) error {
	at := s.moment()
	q := CampaignQuery{Text: typed(r, "q"), State: oneOf(r.FormValue("state"), "open", "closed", "all"), Page: typed(r, "page"), Limit: 50}
	m, err := s.Desk.Campaigns(r.Context(), q)
	if err != nil {
		return err
	}
	return s.show(w, r, page{Name: "campaigns", Title: "Campaigns", Nav: "/campaigns", At: at, Topics: "campaigns",
		Body: struct {
			Campaigns
			Query CampaignQuery
		}{m, q}})
}

func (s *site) campaign(w http.ResponseWriter, r *http.Request) error {
	return s.campaignWith(w, r, form{})
}

// campaignView is the model and its pictures.
type campaignView struct {
	Campaign
	TimelineChart timelineChart
	TargetMap     targetMap
	Picture       graphPicture
	Bars          []propositionView
	Undoable      []option // decisions that can be taken back
}

// campaignWith shows a campaign, perhaps with what was wrong in one of its forms.
func (s *site) campaignWith(w http.ResponseWriter, r *http.Request, f form) error {
	at, asked := s.moment(), id(r)
	m, err := s.Desk.Campaign(r.Context(), asked)
	if err != nil {
		return err
	}
	if m.ID != asked && f.Name == "" { // it was merged: the old name leads to the new one
		http.Redirect(w, r, "/campaigns/"+url.PathEscape(string(m.ID))+"?done=moved", http.StatusSeeOther)
		return nil
	}
	v := campaignView{Campaign: m, TimelineChart: drawTimeline(m.Timeline, s.Zone), TargetMap: drawTargets(m.Targets, s.Zone), Picture: drawGraph(m.Graph)}
	for _, e := range m.Edits {
		if e.Decision > 0 {
			v.Undoable = append(v.Undoable, option{strconv.FormatInt(e.Decision, 10), short(e.When.In(s.Zone).Format("2 Jan 2006 15:04")+": "+e.What+", by "+e.Who, 100)})
		}
	}
	if m.Assessment != nil {
		v.Bars = viewPropositions(m.Assessment.Propositions)
	}
	return s.show(w, r, page{Name: "campaign", Title: visible(m.Name), Nav: "/campaigns", At: at, Topics: "campaigns,notices", Subject: string(m.ID),
		Body: v, Form: f, Status: statusOf(f), Scripts: scripts(len(m.Graph.Nodes) > drawnNodes, "graph.js")})
}

// graph is the whole graph of a campaign, for the script that draws more than
// the page does.
func (s *site) graph(w http.ResponseWriter, r *http.Request) error {
	m, err := s.Desk.Campaign(r.Context(), id(r))
	if err != nil {
		return err
	}
	type node struct {
		ID     portcullis.ID `json:"id"`
		Kind   string        `json:"kind"`
		Label  string        `json:"label"`
		Weight float64       `json:"weight"`
		Href   string        `json:"href,omitempty"`
	}
	type edge struct {
		From  portcullis.ID `json:"from"`
		To    portcullis.ID `json:"to"`
		Label string        `json:"label"`
	}
	answer := struct {
		Nodes []node `json:"nodes"`
		Edges []edge `json:"edges"`
	}{Nodes: []node{}, Edges: []edge{}}
	for _, n := range m.Graph.Nodes {
		answer.Nodes = append(answer.Nodes, node{n.ID, n.Kind, short(n.Label, 60), max(n.Weight, 1), linkTo(n.ID)})
	}
	for _, e := range m.Graph.Edges {
		answer.Edges = append(answer.Edges, edge{e.From, e.To, short(e.Label, 40)})
	}
	api.WriteJSON(w, http.StatusOK, answer)
	return nil
}

func (s *site) people(w http.ResponseWriter, r *http.Request) error {
	at := s.moment()
	q := PeopleQuery{Text: typed(r, "q"), Page: typed(r, "page"), Limit: 50}
	m, err := s.Desk.People(r.Context(), q)
	if err != nil {
		return err
	}
	return s.show(w, r, page{Name: "people", Title: "People", Nav: "/people", At: at, Topics: "people",
		Body: struct {
			People
			Query PeopleQuery
		}{m, q}})
}

func (s *site) person(w http.ResponseWriter, r *http.Request) error {
	return s.personWith(w, r, form{})
}

func (s *site) personWith(w http.ResponseWriter, r *http.Request, f form) error {
	at := s.moment()
	m, err := s.Desk.Person(r.Context(), id(r))
	if err != nil {
		return err
	}
	return s.show(w, r, page{Name: "person", Title: visible(m.Name), Nav: "/people", At: at, Topics: "people,notices", Subject: string(m.ID), Body: m, Form: f, Status: statusOf(f)})
}

func (s *site) finding(w http.ResponseWriter, r *http.Request) error {
	m, err := s.Desk.Finding(r.Context(), id(r))
	if err != nil {
		return err
	}
	v := findingView{Finding: m}
	for i, src := range m.Sources {
		v.Views = append(v.Views, viewSource(src, fmt.Sprintf("source-%d", i+1)))
	}
	return s.show(w, r, page{Name: "finding", Title: "Finding: " + visible(m.Title), Nav: "/campaigns", Body: v})
}

type findingView struct {
	Finding
	Views []sourceView
}

func (s *site) hunt(w http.ResponseWriter, r *http.Request) error {
	q := HuntQuery{Text: typed(r, "q"), Request: portcullis.ID(typed(r, "request")), Page: typed(r, "page"), Limit: MaxRows}
	v := huntView{Query: q, From: typed(r, "from"), To: typed(r, "to")}
	f, status := form{Name: "hunt", Values: r.Form}, 0
	var err error
	if v.Query.From, v.Query.To, err = s.span(v.From, v.To); err == nil {
		v.Hunt, err = s.Desk.Hunt(r.Context(), v.Query)
	}
	if err != nil {
		var ok bool
		if f, ok = f.failed(err); !ok {
			return err
		}
		status = statusOf(f)
	}
	v.Ran = (v.Query.Text != "" || v.Query.Request != "") && f.Error == "" && !v.Personal
	return s.show(w, r, page{Name: "hunt", Title: "Hunt", Nav: "/hunt", Body: v, Form: f, Status: status})
}

// huntWith shows again what was wrong in asking for a hunt.
func (s *site) huntWith(w http.ResponseWriter, r *http.Request, f form) error {
	v := huntView{Query: HuntQuery{Text: f.Value("q")}}
	v.Personal = true
	return s.show(w, r, page{Name: "hunt", Title: "Hunt", Nav: "/hunt", Body: v, Form: f, Status: statusOf(f)})
}

type huntView struct {
	Hunt
	Query    HuntQuery
	From, To string // as typed
	Ran      bool
}

// span reads two days; the second is included.
func (s *site) span(from, to string) (a, b time.Time, err error) {
	if a, err = s.day(from); err != nil {
		return a, b, &InvalidError{Field: "from", Why: "Write the day as 2026-05-31."}
	}
	if b, err = s.day(to); err != nil {
		return a, b, &InvalidError{Field: "to", Why: "Write the day as 2026-05-31."}
	}
	if !b.IsZero() {
		b = b.AddDate(0, 0, 1)
	}
	if !a.IsZero() && !b.IsZero() && !a.Before(b) {
		return a, b, &InvalidError{Field: "to", Why: "The last day lies before the first."}
	}
	return a, b, nil
}

func (s *site) day(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.ParseInLocation(time.DateOnly, text, s.Zone)
}

func (s *site) indicators(w http.ResponseWriter, r *http.Request) error {
	return s.indicatorsWith(w, r, form{}, nil)
}

func (s *site) indicatorsWith(w http.ResponseWriter, r *http.Request, f form, added *Added) error {
	at := s.moment()
	q := IndicatorQuery{Text: clipTyped(r.URL.Query().Get("q")), Campaign: portcullis.ID(clipTyped(r.URL.Query().Get("campaign"))), Page: clipTyped(r.URL.Query().Get("page")), Limit: 50}
	m, err := s.Desk.Indicators(r.Context(), q)
	if err != nil {
		return err
	}
	return s.show(w, r, page{Name: "indicators", Title: "Indicators", Nav: "/indicators", At: at, Topics: "indicators", Form: f, Status: statusOf(f),
		Body: struct {
			Indicators
			Query IndicatorQuery
			Added *Added
		}{m, q, added}})
}

func (s *site) notices(w http.ResponseWriter, r *http.Request) error {
	return s.noticeList(w, r, "notices", "Notices", "open")
}

// knew prints who knew what, when.
func (s *site) knew(w http.ResponseWriter, r *http.Request) error {
	return s.noticeList(w, r, "knew", "Who knew what, when", "all")
}

func (s *site) noticeList(w http.ResponseWriter, r *http.Request, name, title, usual string) error {
	at := s.moment()
	states := []string{usual, "open", "overdue", string(Drafted), string(Approved), string(Delayed), string(Sent), string(HandedOver), "all"}
	q := NoticeQuery{State: oneOf(r.FormValue("state"), states...), Campaign: portcullis.ID(typed(r, "campaign")),
		Person: portcullis.ID(typed(r, "person")), Page: typed(r, "page"), Limit: MaxRows}
	m, err := s.Desk.Notices(r.Context(), q)
	if err != nil {
		return err
	}
	return s.show(w, r, page{Name: name, Title: title, Nav: "/notices", At: at, Topics: "notices",
		Body: struct {
			Notices
			Query NoticeQuery
		}{m, q}})
}

func (s *site) notice(w http.ResponseWriter, r *http.Request) error {
	return s.noticeWith(w, r, form{})
}

func (s *site) noticeWith(w http.ResponseWriter, r *http.Request, f form) error {
	at := s.moment()
	m, err := s.Desk.Notice(r.Context(), id(r))
	if err != nil {
		return err
	}
	return s.show(w, r, page{Name: "notice", Title: "Notice to " + visible(m.Person.Name), Nav: "/notices", At: at, Topics: "notices", Subject: string(m.ID),
		Body: m, Form: f, Status: statusOf(f)})
}

// document sends a notice as a file, never to be shown within the desk: a
// notice in HTML is a page of its own, with a policy that lets it do nothing.
func (s *site) document(w http.ResponseWriter, r *http.Request) error {
	format := r.PathValue("format")
	if !slices.Contains([]string{"html", "pdf", "md"}, format) {
		return ErrNotFound
	}
	d, err := s.Desk.Document(r.Context(), id(r), format)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	w.Header().Set("Content-Type", d.Type)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(d.Name)}))
	_, _ = w.Write(d.Bytes)
	return nil
}

func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || odd(r) {
			return '-'
		}
		return r
	}, name)
}

func (s *site) contacts(w http.ResponseWriter, r *http.Request) error {
	m, err := s.Desk.Contacts(r.Context())
	if err != nil {
		return err
	}
	return s.show(w, r, page{Name: "contacts", Title: "Contacts in danger", Nav: "/people", Body: m})
}

func (s *site) audit(w http.ResponseWriter, r *http.Request) error { return s.auditWith(w, r, form{}) }

func (s *site) auditWith(w http.ResponseWriter, r *http.Request, f form) error {
	get := r.URL.Query()
	q := AuditQuery{Who: clipTyped(get.Get("who")), Kind: clipTyped(get.Get("kind")), Subject: clipTyped(get.Get("subject")), Page: clipTyped(get.Get("page")), Limit: MaxRows}
	m, err := s.Desk.Audit(r.Context(), q)
	if err != nil {
		return err
	}
	return s.show(w, r, page{Name: "audit", Title: "Audit", Nav: "/audit", Form: f, Status: statusOf(f),
		Body: struct {
			Audit
			Query AuditQuery
			Ask   string
		}{m, q, clipTyped(get.Get("ask"))}})
}

func (s *site) signIn(w http.ResponseWriter, r *http.Request) {
	err := s.show(w, r, page{Name: "signin", Title: "Sign in", Body: struct {
		Ways    []Way
		Why, To string // To is where to go then; whoever signs people in checks it
	}{s.SignIn, r.URL.Query().Get("why"), clipTyped(r.URL.Query().Get("to"))}})
	if err != nil {
		s.fail(w, r, err)
	}
}

// moment is what a page says it was made from: taken before the Desk is asked,
// so that what changes meanwhile is heard of.
func (s *site) moment() string {
	if s.Feed == nil {
		return ""
	}
	return s.Feed.now()
}

func id(r *http.Request) portcullis.ID { return portcullis.ID(clipTyped(r.PathValue("id"))) }

// typed is a value of the query, bounded.
func typed(r *http.Request, name string) string {
	return clipTyped(strings.TrimSpace(r.FormValue(name)))
}

func clipTyped(s string) string { return s[:min(len(s), maxQuery)] }

// oneOf is the value if it is among the words, otherwise the first of them.
func oneOf(value string, words ...string) string {
	if slices.Contains(words, value) {
		return value
	}
	return words[0]
}

func scripts(when bool, name string) []string {
	if when {
		return []string{name}
	}
	return nil
}
