package web

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// now is when the fake desk's world stands.
var fakeNow = time.Date(2026, 5, 4, 14, 5, 0, 0, time.UTC)

func before(d time.Duration) time.Time { return fakeNow.Add(-d) }

const (
	hour  = time.Hour
	aDay  = 24 * time.Hour
	month = 30 * aDay
)

// fakeDesk is a desk over invented data: as much as a page may ask for, and
// totals as of 100,000 findings. Hostile, it puts attackers' text into every field.
type fakeDesk struct {
	hostile bool
	empty   bool
	huge    bool // a graph of more than the server draws
	few     int  // rows of each list at most, where a page is looked at many times; 0: as many as there are

	mu   sync.Mutex
	acts []string // guarded by mu
	err  error    // guarded by mu: what the next call answers
	// states of notices that acts changed, guarded by mu
	states map[portcullis.ID]NoticeState
	gone   portcullis.ID // guarded by mu: a campaign that went up in another while pages showed it
	feed   *Feed
}

var firstNames = []string{"Ada", "Bao", "Chiara", "Dag", "Esi", "Farid", "Greta", "Hana", "Ivo", "June", "Kofi", "Lena", "Mateo", "Nia", "Orla", "Pavel"}
var lastNames = []string{"Okafor", "Lindqvist", "Marchetti", "Haddad", "Novak", "Brandt", "Quaye", "Tanaka", "Whitlock", "Ferreira", "Sorensen", "Iyer", "Delacroix"}

func who(i int) PersonRef {
	offices := []string{"Member, Foreign Affairs Committee", "Member, Budget Committee", "Office of the Speaker", "Clerk of the Defence Committee", "Researcher"}
	return PersonRef{portcullis.ID(fmt.Sprintf("person:%04d", i)), firstNames[i%len(firstNames)] + " " + lastNames[(i*5)%len(lastNames)], offices[i%len(offices)]}
}

var campaignNames = []string{"Budget letters", "Embassy seminar", "Shared agenda", "Quiet pixel", "Invoice courier", "Delegation visas", "Press accreditation"}

func campaignOf(i int) CampaignRef {
	return CampaignRef{portcullis.ID(fmt.Sprintf("campaign:%04d", i)), campaignNames[i%len(campaignNames)]}
}

func findingID(i int) portcullis.ID { return portcullis.ID(fmt.Sprintf("finding:%04d", i)) }

// answer is what every call does first and last.
func answer[T any](f *fakeDesk, v T) (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.err; err != nil {
		f.err = nil
		var zero T
		return zero, err
	}
	if f.empty {
		var zero T
		v = zero
	}
	if f.few > 0 {
		shorten(reflect.ValueOf(&v).Elem(), f.few)
	}
	if f.hostile {
		n := 0
		attack(reflect.ValueOf(&v).Elem(), "", &n)
	}
	return v, nil
}

// shorten cuts every list within v.
func shorten(v reflect.Value, most int) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			shorten(v.Elem(), most)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				shorten(v.Field(i), most)
			}
		}
	case reflect.Slice:
		if v.Len() > most && v.Type().Elem().Kind() == reflect.Struct {
			v.Set(v.Slice(0, most))
		}
		for i := range v.Len() {
			shorten(v.Index(i), most)
		}
	}
}

func (f *fakeDesk) act(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.err; err != nil {
		f.err = nil
		return err
	}
	f.acts = append(f.acts, fmt.Sprintf(format, args...))
	if f.feed != nil {
		f.feed.Publish(Change{Topic: "notices"}, Change{Topic: "campaigns"}, Change{Topic: "situation"})
	}
	return nil
}

// mergeAway has a campaign go up in another, and tells the pages.
func (f *fakeDesk) mergeAway(id portcullis.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = id
	f.feed.Publish(Change{Topic: "campaigns"})
}

func (f *fakeDesk) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// attacks go into every field that a stranger could have written.
var attacks = []string{
	`<script>window.pwned=1;alert(1)</script>`, `"><img src=x onerror="window.pwned=1">`, `javascript:window.pwned=1`, "invoice\u202Efdp.exe\u202C",
	"zero\u200Bwidth\u200D\uFEFFtext\x00\x1b[31m", `{{.Name}} ${7*7} {{constructor.constructor('window.pwned=1')()}}`, `' onmouseover='window.pwned=1`,
	"</textarea></title></style><svg onload=window.pwned=1>", "line\r\nSet-Cookie: a=b\r\n\r\nbreak", "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u2067left\u2069", strings.Repeat("W", 10_000),
	strings.Repeat("long words ", 900), "\xff\xfe\xc0\xaf bytes", "e\u0301" + strings.Repeat("\u0336", 300),
}

// own fields are ours to write: states, keys and the next page.
var own = []string{"State", "Next", "Key", "Href", "Language", "Type", "Format"}

// attack walks a model and puts an attack behind each string in it.
func attack(v reflect.Value, field string, n *int) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			attack(v.Elem(), field, n)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				attack(v.Field(i), v.Type().Field(i).Name, n)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			attack(v.Index(i), field, n)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && v.CanSet() && !slices.Contains(own, field) {
			v.SetString(v.String() + attacks[*n%len(attacks)])
			*n++
		}
	}
}

func (f *fakeDesk) clock(i int) Clock {
	c := Clock{Notice: portcullis.ID(fmt.Sprintf("notice:%04d", i)), Person: who(i), Campaign: campaignOf(i % 3), State: []NoticeState{Drafted, Approved, Drafted, Delayed, Drafted}[i%5],
		Could: before(640*aDay + time.Duration(i)*hour), Knew: before(3 * aDay), Due: before(time.Duration(5-2*i) * 3 * hour)}
	if i > 3 {
		c.Knew = before(20 * hour)
	}
	if c.State == Delayed {
		c.Until, c.By = fakeNow.Add(30*hour), "Greta Brandt"
	}
	if i >= 12 {
		c.State, c.Told, c.How, c.By = Sent, before(time.Duration(i)*hour), "mail", "Greta Brandt"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s, ok := f.states[c.Notice]; ok {
		c.State = s
		if s.Told() {
			c.Told, c.How, c.By = fakeNow, "mail", "Ada Okafor"
		}
	}
	return c
}

func (f *fakeDesk) clocks(n int) (all []Clock) {
	for i := range n {
		all = append(all, f.clock(i))
	}
	return all
}

func campaignRow(i int) CampaignRow {
	severities := []portcullis.Severity{portcullis.High, portcullis.High, portcullis.Medium, portcullis.Low, portcullis.Informational}
	summaries := []string{"Letters that pose as the Budget Office lead to a page that asks for the house's password.",
		"Invitations to an embassy seminar carry a picture that differs from copy to copy.", "A calendar entry from a look-alike of the clerk's address.", "News digests that only open a tracking picture."}
	row := CampaignRow{CampaignRef: campaignOf(i), State: "open", Severity: severities[min(i, 4)], Summary: summaries[i%4], First: before(time.Duration(700-90*i) * aDay), Last: before(time.Duration(3+26*i) * hour),
		Events: 41 - 4*i, Findings: 63 - 5*i, People: 17 - 2*i, Untold: max(6-2*i, 0), Techniques: []string{"T1598.003", "T1566.002"}}
	if i < 2 {
		row.Beyond, row.Overdue = 5-2*i, 3-i
	}
	for k := range 24 {
		row.Spark = append(row.Spark, (k*7+i*3)%9*(k%3))
	}
	return row
}

func personRow(i int) PersonRow {
	severities := []portcullis.Severity{portcullis.High, portcullis.High, portcullis.Medium, portcullis.Medium, portcullis.Low}
	return PersonRow{PersonRef: who(i), Groups: []string{"Foreign Affairs Committee", "Delegation to the Assembly"}, Campaigns: max(3-i/2, 1), Events: max(9-i, 1), Last: before(time.Duration(2+5*i) * hour),
		Worst: severities[i%5], Untold: max(2-i/3, 0), Due: before(time.Duration(5-2*i) * 3 * hour), Overdue: i < 3, Compromised: i == 1}
}

func rowsOf[T any](n int, make func(int) T) (all []T) {
	for i := range n {
		all = append(all, make(i))
	}
	return all
}

func (f *fakeDesk) Situation(context.Context) (Situation, error) {
	a := Activity{Start: before(42 * aDay).Truncate(aDay), Step: aDay}
	for i := range 42 {
		t := (i * i * 7 % 5) * (i % 3)
		if i > 30 && i < 36 {
			t += 14 - 3*(i-33)*(i-33)/2
		}
		a.Targeted, a.Ordinary = append(a.Targeted, t), append(a.Ordinary, 180+(i*37)%90-(i%7)/5*120)
	}
	return answer(f, Situation{AsOf: fakeNow, Hunts: f.hunts(), Totals: Totals{100_000, 1_284, 7, 31, 3, 9, 4}, Clocks: f.clocks(8), Campaigns: rowsOf(5, campaignRow), People: rowsOf(8, personRow),
		Sensors: []Sensor{{"Mail: parliament gateway", before(2 * time.Minute), 9_412, 9_800, false, false, ""}, {"Mail: members' mailboxes", before(7 * time.Minute), 2_204, 2_100, false, false, ""},
			{"Sign-ins: identity provider", before(5 * hour), 0, 4_100, false, true, "nothing since 09:05; usually 170 an hour"}},
		Activity: a, Requests: []BreakGlass{f.request(false)}, Exercise: f.exercise()})
}

func (f *fakeDesk) exercise() *Exercise {
	if !f.hostile {
		return nil
	}
	return &Exercise{Name: "Two winters", At: before(200 * aDay), Speed: 500_000, Percent: 62, Score: []Score{{"Time to detect", "3 h", "of the first campaign"}, {"People missed", "2", "of 31"}}}
}

func (f *fakeDesk) request(mine bool) BreakGlass {
	return BreakGlass{ID: "request:1", Version: 2, Subject: findingID(3), What: "finding on mail to Esi Novak", Who: "Ivo Iyer", Why: "The mailbox may hold the reply we look for.", Asked: before(40 * time.Minute), For: 4 * hour, State: "waiting", Mine: mine}
}

func (f *fakeDesk) Campaigns(_ context.Context, q CampaignQuery) (Campaigns, error) {
	return answer(f, Campaigns{Rows: rowsOf(min(q.Limit, 20), campaignRow), Total: 10_000, Next: "p2"})
}

func (f *fakeDesk) Campaign(_ context.Context, id portcullis.ID) (Campaign, error) {
	if id == "campaign:none" {
		return Campaign{}, ErrNotFound
	}
	c := Campaign{CampaignRow: campaignRow(0), Version: 7, MergedFrom: []CampaignRef{campaignOf(6)}, MembersTotal: 41, TargetsTotal: 17, Undrafted: 4}
	f.mu.Lock()
	gone := f.gone == id
	f.mu.Unlock()
	if id == "campaign:0009" || gone { // a name that was merged away
		return answer(f, c)
	}
	c.ID = id
	c.Others = []Other{{campaignOf(1), 3, "shares a tracker host"}, {campaignOf(2), 9, "sent the same week"}}
	c.Timeline, c.Targets = fakeTimeline(), rowsOf(17, fakeTarget)
	c.Members = rowsOf(MaxRows, func(i int) Member {
		return Member{Event: portcullis.ID(fmt.Sprintf("event:%04d", i)), Finding: findingID(i), Time: before(600*aDay + time.Duration(i)*7*hour), Sensor: "mail", Title: "Re: Draft budget for your committee, second reading",
			From: "Budget Office <office@budget-parliament.example>", People: []PersonRef{who(i), who(i + 1)}, More: i % 4, Severity: portcullis.High, Why: "same tracker host, seen in 6 of 41,208 mails; bodies 93 % alike"}
	})
	c.Reasons = []Reason{{"Same tracker host, seen in 6 of 41,208 mails", "link", "img.seminar-news.example", 0.46, 6}, {"Bodies 93 % alike", "text", "", 0.27, 11},
		{"4 of 4 targets on the Foreign Affairs Committee", "targets", "", 0.18, 9}, {"Same signing domain, registered 9 days before", "sender", "budget-parliament.example", 0.09, 14}}
	c.Graph = f.graphOf()
	c.Indicators = rowsOf(6, fakeIndicator)
	c.Edits = []Edit{{before(3 * aDay), "Chiara Marchetti", "merged “Press accreditation” into it", "Same page behind both links.", 3}, {before(9 * aDay), "the machine", "began it", "two mails with one tracker host", 0}}
	c.Assessment = fakeAssessment()
	return answer(f, c)
}

func fakeTimeline() (all []Moment) {
	for i := range 22 {
		all = append(all, Moment{Time: before(700*aDay - time.Duration(i)*31*hour), Kind: "mail", Text: "Letter from the look-alike Budget Office", Count: 1 + i%5, Link: findingID(i)})
	}
	return append(all, Moment{before(4 * aDay), "indicator", "Partner feed: img.seminar-news.example", 1, ""}, Moment{before(4*aDay - hour), "campaign", "Reached out: 5 people found in the archive", 1, ""},
		Moment{before(3 * aDay), "campaign", "Merged “Press accreditation”", 1, campaignOf(6).ID}, Moment{before(2 * aDay), "assessment", "Weighed by Chiara Marchetti", 1, ""},
		Moment{before(30 * hour), "notice", "3 notices sent", 3, "notice:0012"}, Moment{before(5 * hour), "notice", "Notice to Ada Okafor sent", 1, "notice:0013"})
}

func fakeTarget(i int) Target {
	t := Target{Person: who(i), Groups: []string{"Foreign Affairs Committee", "Friends of the Assembly"}, Beyond: i%4 == 3, Due: before(time.Duration(5-i) * hour), Notice: portcullis.ID(fmt.Sprintf("notice:%04d", i))}
	t.State = []NoticeState{Sent, Drafted, Sent, "", HandedOver, Delayed, Approved}[i%7]
	for k := range 1 + i%5 {
		t.Times = append(t.Times, Touch{before(700*aDay - time.Duration(i*19+k*60)*hour), 1 + (i+k)%3, findingID(i + k)})
	}
	if i == 2 {
		t.Times = append(t.Times, Touch{before(4 * aDay), 1, findingID(90)})
	}
	return t
}

func (f *fakeDesk) graphOf() (g Graph) {
	kinds := []string{"domain", "url", "sender", "ip", "file"}
	values := []string{"img.seminar-news.example", "https://budget-parliament.example/login?u=3f9a", "office@budget-parliament.example", "198.51.100.24", "agenda.pdf"}
	nodes := 9
	if f.huge {
		nodes = 120
	}
	for i := range nodes {
		g.Nodes = append(g.Nodes, Node{portcullis.ID(fmt.Sprintf("observable:%d", i)), kinds[i%5], values[i%5], float64(4 - i%4)})
	}
	for i := range nodes * 2 {
		event := portcullis.ID(fmt.Sprintf("event:%04d", i))
		g.Nodes = append(g.Nodes, Node{event, "mail", "Re: Draft budget for your committee", 1})
		g.Edges = append(g.Edges, Edge{portcullis.ID(fmt.Sprintf("observable:%d", i%nodes)), event, "in"}, Edge{portcullis.ID(fmt.Sprintf("observable:%d", (i*i+1)%nodes)), event, "in"}, Edge{event, who(i % 17).ID, "reached"})
	}
	for i := range 17 {
		g.Nodes = append(g.Nodes, Node{who(i).ID, "person", who(i).Name, 2})
	}
	g.Total = len(g.Nodes)
	return g
}

func fakeAssessment() *Assessment {
	hypotheses := []Hypothesis{{"The group behind “Embassy seminar”", 0.10, 0.58, 0.68, 0.74, "likely or probable"}, {"An actor not known to us", 0.45, 0.14, 0.19, 0.28, "highly unlikely to unlikely"},
		{"Ordinary marketing or research", 0.35, 0.01, 0.03, 0.05, "remote chance"}, {"A false flag", 0.10, 0.04, 0.09, 0.17, "remote chance to highly unlikely"}}
	words := []string{"very likely", "as likely as not", "unlikely", "likely"}
	evidence := rowsOf(7, func(i int) Weighed {
		texts := []string{"Tracker host used 14 days apart in both", "Signing domain registered nine days before", "Page copies the house's own sign-in", "Partner report names the host", "Sent in working hours of several zones", "Bodies 93 % alike", "No reply address that works"}
		w := Weighed{Text: texts[i], Link: findingID(i), Grade: []string{"A1", "B2", "B2", "C3", "F6", "A2", "B3"}[i], Origin: []string{"own mail", "registry", "own mail", "partner", "own mail", "own mail", "own mail"}[i],
			Vertex: []string{"infrastructure", "infrastructure", "capability", "adversary", "victim", "capability", "victim"}[i], By: "Chiara Marchetti", At: before(2 * aDay)}
		for k := range 4 {
			w.Cells = append(w.Cells, Cell{words[(i+k)%4], 0.2 + 0.15*float64((i+k)%4), []int{2, 0, -2, 1}[(i+k)%4]})
		}
		if i == 5 {
			w.Note = "same origin as 1: counted once"
		}
		return w
	})
	return &Assessment{Version: 4, Head: "entry 31, 9f2c41d07a…", Calibration: "Calibrated on simulation only", Updated: before(2 * aDay), By: "Chiara Marchetti", Propositions: []Proposition{
		{Key: "one-campaign", Text: "These mails are one campaign", Word: "highly likely", Leading: "One campaign", Confidence: "moderate", Reasons: []string{"two independent origins", "one source graded C"},
			Hypotheses: []Hypothesis{{"One campaign", 0.3, 0.81, 0.86, 0.9, "highly likely"}, {"Two campaigns that share hosting", 0.4, 0.08, 0.11, 0.16, "highly unlikely"}, {"Chance", 0.3, 0.01, 0.03, 0.05, "remote chance"}}, Rivals: []Rival{{"holds", "One campaign"}, {"unknown", "Unknown"}, {"ordinary", "Ordinary marketing or research"}, {"false-flag", "Made to look like one"}}},
		{Key: "actor", Text: "Who is behind it", Word: "likely or probable", Leading: "The group behind “Embassy seminar”", Confidence: "low", Reasons: []string{"one origin carries most of it"}, Caps: []string{"“Almost certain” would need three independent origins on two vertices; there are two."}, Hypotheses: hypotheses, Evidence: evidence},
		{Key: "state-affiliated", Text: "The actor is affiliated with a state", Off: "off by default; an approver switches it on"},
		{Key: "accessed", Text: "Mailboxes were accessed", Word: "unlikely to realistic possibility", Leading: "Accessed", Confidence: "low", Hypotheses: []Hypothesis{{"Accessed", 0.2, 0.26, 0.33, 0.48, "unlikely to realistic possibility"}, {"Not accessed", 0.8, 0.52, 0.67, 0.74, "likely or probable"}}},
	}}
}

func (f *fakeDesk) People(_ context.Context, q PeopleQuery) (People, error) {
	return answer(f, People{Rows: rowsOf(min(q.Limit, 30), personRow), Total: 1_450, Next: "p2"})
}

func (f *fakeDesk) Person(ctx context.Context, id portcullis.ID) (Person, error) {
	caller, _ := api.CallerFrom(ctx)
	p := Person{PersonRow: personRow(1), Version: 3, Self: caller.Person == id, House: "Lower House", Party: "Meadow", Addresses: []Address{{"bao.marchetti@parliament.example", "office"}, {"bao.m@mail.example", "personal"}},
		Languages: []string{"English", "Italian"}, CompromisedWhy: "sign-in from two countries within an hour on 2 May", Clocks: f.clocks(3),
		Received: rowsOf(12, func(i int) Received {
			return Received{findingID(i), before(time.Duration(i*50) * hour), "bao.marchetti@parliament.example", "Budget Office <office@budget-parliament.example>", "Draft budget for your committee", campaignOf(i % 3), portcullis.High, "that it was opened, when, from which network"}
		}), ReceivedTotal: 12}
	if id == "person:0002" {
		p.Hold = &PrivilegeHold{before(30 * aDay), "Clerk of the House", "Correspondence with the ombudsman."}
	}
	p.ID = id
	if p.Self {
		p.Looks = []Look{{before(5 * hour), "Chiara Marchetti", "analyst", "campaign “Budget letters”", findingID(1), "opened the finding on “Draft budget”"}}
	}
	return answer(f, p)
}

func (f *fakeDesk) Finding(ctx context.Context, id portcullis.ID) (Finding, error) {
	caller, _ := api.CallerFrom(ctx)
	if slices.Contains(caller.Roles, api.Admin) {
		return Finding{}, &ForbiddenError{Why: "Administrators cannot read evidence.", Ask: id}
	}
	head := "Return-Path: <bounce@seminar-news.example>\r\nFrom: =?utf-8?q?Budget_Office?= <office@budget-parliament.example>\r\nTo: bao.marchetti@parliament.example\r\nSubject: Draft budget for your \u202Ecommittee\u202C\r\nDate: Mon, 3 Jun 2024 09:12:44 +0000\r\n\r\n"
	body := "<html><body><p>Dear Member,</p>\n<p>please <a href=\"https://budget-parliament.example/login?u=3f9a\">sign in</a> to read the draft.</p>\n<script>alert('this is inert')</script>\n<img src=\"https://img.seminar-news.example/p/3f9a.gif\" width=1 height=1>\nzero\u200Bwidth and tab\there\n</body></html>\n"
	mark := func(s, what, note string) Mark {
		i := strings.Index(s, what)
		return Mark{i, i + len(what), note}
	}
	if f.hostile {
		body += strings.Join(attacks, "\n")
	}
	return answer(f, Finding{Finding: portcullis.Finding{ID: id, Rule: "mail/copies-differ@3", Time: before(600 * aDay), Severity: portcullis.High, Confidence: 85, Technique: "T1598.003", Points: 45,
		Summary: "The picture's address differs in each of six copies, so opening one tells the sender who opened it.", Unknown: []string{"whether the picture was loaded: the proxy's log of that day is gone"}, Flip: "one more copy with the same address",
		Observables: []portcullis.Observable{{Type: portcullis.TypeDomain, Value: "img.seminar-news.example"}, {Type: portcullis.TypeURL, Value: "https://budget-parliament.example/login?u=3f9a"}}},
		Title: "A picture that knows who you are", About: "Compares the copies that different people got. It misses a mail of which we have one copy only.", Campaign: campaignOf(0), To: []PersonRef{who(1), who(2)},
		Subject: "Draft budget for your \u202Ecommittee\u202C", From: "Budget Office <office@budget-parliament.example>",
		Sources: []Source{{Part: "header", Title: "Header", Type: "message/rfc822", Bytes: []byte(head), Size: len(head), Marks: []Mark{mark(head, "<office@budget-parliament.example>", "looks like budget.parliament.example")}},
			{Part: "1.2", Title: "Text, as HTML source", Type: "text/html", Bytes: []byte(body), Size: len(body), Marks: []Mark{mark(body, "https://img.seminar-news.example/p/3f9a.gif", "differs from copy to copy"), mark(body, "width=1 height=1", "cannot be seen"), {90_000, 90_010, "further down"}}},
			{Part: "2", Title: "Attachment agenda.pdf", Type: "application/pdf", Bytes: []byte("%PDF-1.4\n\x00\x01\x02\xff and so on, many bytes of it"), Size: 4_096, Binary: true, Marks: []Mark{{0, 0, "the whole file is new to the archive"}}}},
		Beside: []BesideRow{{findingID(8), "The sender's domain was registered nine days before.", portcullis.Medium}}})
}

func (f *fakeDesk) Hunt(_ context.Context, q HuntQuery) (Hunt, error) {
	if q.Text == "" && q.Request == "" {
		return answer(f, Hunt{Requests: f.hunts()})
	}
	if strings.Contains(q.Text, "@") {
		return answer(f, Hunt{Personal: true, Requests: f.hunts()})
	}
	return answer(f, Hunt{Understood: []portcullis.Observable{{Type: portcullis.TypeDomain, Value: "seminar-news.example"}}, Total: 41, Searched: 41_208, Oldest: before(730 * aDay), Took: 412 * time.Millisecond, People: rowsOf(6, personRow), Beyond: 2,
		Hits: rowsOf(30, func(i int) Hit {
			forms := []string{"as it is", "redirector parameter", "base64 body", "punycode"}
			return Hit{portcullis.ID(fmt.Sprintf("event:%d", i)), findingID(i), before(time.Duration(i) * 20 * aDay), "https://out.example/?to=https%3A%2F%2Fimg.seminar-news.example%2Fp", forms[i%4], "1.2", who(i), "office@parliament.example", campaignOf(i % 2)}
		})})
}

func fakeIndicator(i int) IndicatorRow {
	return IndicatorRow{ID: portcullis.ID(fmt.Sprintf("indicator:%d", i)), Pattern: portcullis.Observable{Type: portcullis.TypeDomain, Value: fmt.Sprintf("img%d.seminar-news.example", i)}, Source: "partner-x", Marking: "amber",
		Added: before(time.Duration(i+4) * aDay), By: "Chiara Marchetti", Sightings: 41 - i, People: 9, Last: before(time.Duration(i) * 30 * aDay), Campaign: campaignOf(i % 2)}
}

func (f *fakeDesk) Indicators(_ context.Context, q IndicatorQuery) (Indicators, error) {
	return answer(f, Indicators{Rows: rowsOf(min(q.Limit, 25), fakeIndicator), Total: 12_004, Next: "p2", Feeds: []FeedRow{{"march.json", "partner-x", "amber", before(4 * aDay), "Chiara Marchetti", 812, 40, 3}}})
}

func (f *fakeDesk) Notices(_ context.Context, q NoticeQuery) (Notices, error) {
	return answer(f, Notices{Rows: f.clocks(min(q.Limit, 24)), Total: 31, Counts: map[NoticeState]int{Drafted: 7, Approved: 3, Delayed: 1, Sent: 18, HandedOver: 2}, Late: 3, Next: "p2"})
}

func (f *fakeDesk) Notice(_ context.Context, id portcullis.ID) (Notice, error) {
	var i int
	_, _ = fmt.Sscanf(string(id), "notice:%d", &i)
	n := Notice{Clock: f.clock(i), ID: id, Version: 5, Subject: "Mail that was meant to learn about you", To: "ada.okafor@parliament.example", Telephone: "+00 555 0100", ApprovedBy: "Greta Brandt", DelayedBy: "Greta Brandt", DelayedWhy: "The police asked us to wait for two days.",
		Sections: []Section{{"What reached you", []string{"Between 3 and 9 June 2024 four mails reached you at ada.okafor@parliament.example. They posed as letters of the Budget Office."}, []string{"3 June 2024, 09:12: “Draft budget for your committee”", "5 June 2024, 10:40: “Second reading”"}},
			{"What it could have learnt", []string{"If you opened one with pictures on: that you did, when, from which network and with which device."}, nil}, {"What we do not know", []string{"Whether you opened them."}, nil},
			{"What to do now", nil, []string{"Change nothing in your mailbox: we keep the mails as evidence.", "If you typed your password after a link in them, call us now."}}, {"Who to call", []string{"Security desk, +00 555 0100, day and night."}, nil}},
		History: []Step{{before(3 * aDay), "the machine", "drafted", "from 4 events"}, {before(2 * aDay), "Greta Brandt", "approved", ""}}}
	if i%5 == 1 {
		n.MailRefused = "the account may be compromised"
	}
	return answer(f, n)
}

func (f *fakeDesk) Document(context.Context, portcullis.ID, string) (Document, error) {
	return answer(f, Document{"notice/../2026\u202E.pdf", "application/pdf", []byte("%PDF-1.4 notice")})
}

func (f *fakeDesk) Contacts(ctx context.Context) (Contacts, error) {
	if c, _ := api.CallerFrom(ctx); c.Person == "" {
		return Contacts{}, &ForbiddenError{Why: "Only the member can see this."}
	}
	return answer(f, Contacts{Person: who(1), Since: before(90 * aDay), Until: fakeNow, Looked: 4_120, Total: 31, Unknown: []string{"mail deleted before the scan"}, Rows: rowsOf(20, func(i int) Contact {
		return Contact{who(i + 3).Name, fmt.Sprintf("source%d@mail.example", i), before(80 * aDay), before(aDay), 4 + i, "wrote in confidence"}
	})})
}

func (f *fakeDesk) Audit(context.Context, AuditQuery) (Audit, error) {
	mine := f.request(true)
	mine.ID = "request:2"
	return answer(f, Audit{Total: 8_400, Verified: true, Head: "entry 8400, 9f2c41d07a88…", Checkpoint: "portcullis.example/audit\n8400\nn0FfTLsO1wg=\n\n— desk Az3g…", Checked: before(10 * time.Minute), Next: "p2", Requests: []BreakGlass{f.request(false), mine}, Hunts: f.hunts(), GlassHours: 8,
		Holds: []HoldRow{{who(2), PrivilegeHold{before(30 * aDay), "Clerk of the House", "Correspondence with the ombudsman."}}},
		Rows: rowsOf(40, func(i int) AuditRow {
			return AuditRow{int64(8400 - i), before(time.Duration(i) * 11 * time.Minute), "Chiara Marchetti", "oidc", []string{"look", "merge", "approve", "hunt"}[i%4], "finding on mail to Bao Marchetti", findingID(i), "for campaign “Budget letters”", "9f2c41d07a88b1", i == 7}
		})})
}

func fakeList(i int) ScreenList {
	return ScreenList{Name: []string{"uk", "verania", "firs"}[i%3], Version: int64(4 + i), Published: []string{"2026-05-01", "2026-04-28", ""}[i%3], Taken: before(time.Duration(i+2) * aDay), By: "Greta Brandt", Entries: 5_821 - 1_900*i,
		SHA256: "f7f1229c858a23dd2cf9c080b093fa16c603003e289d71efd5d99107aa72dc96"}
}

func fakeEntry(i int) ScreenEntry {
	e := ScreenEntry{Outcome: ScreenMatch, Score: 0.97 - 0.06*float64(i), NameScore: 0.95 - 0.06*float64(i), ID: fmt.Sprintf("OZM000%d", i+1), Name: "RADOMIR ANDREYEVICH KESTRELOV", Kind: "person", Matched: "Kestreloff Radomir", MatchedKind: "alias",
		Parts: []ScreenPart{{"радомир", "radomir", "transliterated from Cyrillic", 0.42, 0.98}, {"кестрелов", "kestreloff", "transliterated from Cyrillic", 0.5, 0.93}, {"", "andreyevich", "only in the entry", 0.08, 0}},
		For:   []string{"born 1971-03-09, asked for 1971"}, Consequences: []string{"asset freeze", "travel ban", "director disqualification (Director Disqualification Sanction)"}, Program: "The Ozmark (Sanctions) Regulations",
		Births: []string{"1971-03-09", "1972-03"}, Nationalities: []string{"Ozmark"}, Updated: "2026-03-04", List: fakeList(i)}
	if i == 1 {
		e.Outcome, e.Needs, e.For, e.Consequences = ScreenPossible, "a birth date or nationality", nil, nil
		e.Against = []string{"the entry is of 1959, asked for 1971"}
		e.Decision = &ScreenDecision{Who: "Chiara Marchetti", Why: "Born in 1990; seen his passport.", When: before(9 * aDay)}
	}
	return e
}

func (f *fakeDesk) Screen(_ context.Context, q ScreenQuery) (Screening, error) {
	s := Screening{Lists: rowsOf(3, fakeList), Threshold: 0.835, Matcher: "1"}
	switch {
	case strings.HasPrefix(q.Born, "the day"):
		return Screening{}, &InvalidError{"born", "Write the birth date as 1985, 1985-04 or 1985-04-23."}
	case strings.HasPrefix(q.Name, "Anna"):
		s.Outcome, s.Registered = ScreenNone, ScreenNone
	case q.Name != "":
		s.Outcome, s.Registered, s.Notes = ScreenMatch, ScreenPossible, []string{"3 more entries resemble the name; ask for all to see them"}
		s.Designations = rowsOf(2, fakeEntry)
		paid := fakeEntry(1)
		paid.Name, paid.ID, paid.Register, paid.Decision = "Radomir Kestrel", "FIRS-2", &ScreenRegister{"FIRS", "Political influence", "Ozmark"}, nil
		paid.List = fakeList(2)
		s.Influence = []ScreenEntry{paid}
	}
	return answer(f, s)
}

func (f *fakeDesk) Merge(_ context.Context, a MergeAct) (portcullis.ID, error) {
	if a.Campaign == a.Into {
		return "", &InvalidError{"into", "A campaign cannot be merged with itself."}
	}
	return a.Into, f.act("merge %s@%d into %s@%d: %s", a.Campaign, a.Version, a.Into, a.IntoVersion, a.Why)
}

func (f *fakeDesk) Split(_ context.Context, a SplitAct) (portcullis.ID, error) {
	return "campaign:0042", f.act("split %s@%d %v: %s", a.Campaign, a.Version, a.Events, a.Why)
}

func (f *fakeDesk) AddIndicators(_ context.Context, a IndicatorAct) (Added, error) {
	if err := f.act("indicators %q feed %s (%d bytes) from %s marked %s for %s anyway %v", a.Patterns, a.FeedName, len(a.Feed), a.Source, a.Marking, a.Campaign, a.Anyway); err != nil {
		return Added{}, err
	}
	return answer(f, Added{New: 2, Known: 1, RefusedAll: 1, Refused: []Refusal{{3, "example.com", "matches nearly everything", 38_112}}, Sightings: 41, Searched: 41_208, Took: 380 * time.Millisecond, People: rowsOf(3, personRow), Campaigns: []CampaignRef{campaignOf(0)}})
}

func (f *fakeDesk) DraftNotices(_ context.Context, id portcullis.ID) (int, error) {
	return 4, f.act("draft for %s", id)
}

func (f *fakeDesk) set(a NoticeAct, s NoticeState, what string) error {
	if err := f.act("%s %s@%d", what, a.Notice, a.Version); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.states == nil {
		f.states = map[portcullis.ID]NoticeState{}
	}
	f.states[a.Notice] = s
	return nil
}

func (f *fakeDesk) Approve(_ context.Context, a NoticeAct) error {
	return f.set(a, Approved, "approve")
}
func (f *fakeDesk) Send(_ context.Context, a NoticeAct) error { return f.set(a, Sent, "send") }
func (f *fakeDesk) Delay(_ context.Context, a DelayAct) error {
	return f.set(a.NoticeAct, Delayed, fmt.Sprintf("delay until %s (%s)", a.Until.Format(time.RFC3339), a.Why))
}
func (f *fakeDesk) MarkTold(_ context.Context, a ToldAct) error {
	return f.set(a.NoticeAct, HandedOver, fmt.Sprintf("told %s at %s (%s)", a.How, a.When.Format(time.RFC3339), a.Note))
}
func (f *fakeDesk) AskBreakGlass(_ context.Context, a BreakGlassAct) (portcullis.ID, error) {
	return "request:3", f.act("ask %s for %s: %s", a.Subject, a.For, a.Why)
}
func (f *fakeDesk) DecideBreakGlass(_ context.Context, a DecideAct) error {
	return f.act("decide %s@%d grant %v: %s", a.Request, a.Version, a.Grant, a.Why)
}
func (f *fakeDesk) Undo(_ context.Context, a UndoAct) error {
	return f.act("undo %d in %s@%d: %s", a.Decision, a.Campaign, a.Version, a.Why)
}
func (f *fakeDesk) Weigh(_ context.Context, a EvidenceAct) error {
	return f.act("weigh %s@%d %s: %s (%s via %s, %s, %s) %v %s", a.Campaign, a.Version, a.Proposition, a.Note, a.Origin, a.Via, a.Grade, a.Vertex, a.Likelihood, a.Hash)
}
func (f *fakeDesk) EndDelay(_ context.Context, a NoticeAct) error {
	return f.set(a, Approved, "end the delay of")
}
func (f *fakeDesk) Withdraw(_ context.Context, a WithdrawAct) error {
	return f.set(a.NoticeAct, Withdrawn, "withdraw ("+a.Why+")")
}
func (f *fakeDesk) Settle(_ context.Context, a SettleAct) error {
	return f.set(a.NoticeAct, map[bool]NoticeState{true: Sent, false: Approved}[a.Arrived], fmt.Sprintf("settle %v (%s)", a.Arrived, a.Why))
}
func (f *fakeDesk) Account(_ context.Context, a AccountAct) error {
	return f.act("account of %s suspected %v: %s", a.Person, a.Suspected, a.Why)
}
func (f *fakeDesk) AskHunt(_ context.Context, a HuntAct) (portcullis.ID, error) {
	return "hunt:3", f.act("ask to hunt %q: %s", a.Text, a.Why)
}
func (f *fakeDesk) DecideHunt(_ context.Context, a DecideAct) error {
	return f.act("decide hunt %s grant %v: %s", a.Request, a.Grant, a.Why)
}
func (f *fakeDesk) hunts() []HuntRequest {
	return []HuntRequest{{ID: "hunt:1", Text: "press@mail.example", Who: "Chiara Marchetti", Why: "Incident 12: whom else did this sender write to?", Asked: before(hour), State: "waiting", Until: fakeNow.Add(23 * hour)},
		{ID: "hunt:2", Text: "subject:Invitation to a briefing", Who: "Officer", Why: "Incident 12", Asked: before(2 * hour), State: "agreed", Decided: "Greta Brandt", Until: fakeNow.Add(6 * hour), Mine: true}}
}
func (f *fakeDesk) Hold(_ context.Context, a HoldAct) error {
	return f.act("hold %s@%d set %v: %s", a.Person, a.Version, a.Set, a.Why)
}
