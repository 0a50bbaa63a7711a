package response

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// Document is a page before it has a form: what HTML, PDF, Markdown and the mail are
// made from. Its texts are plain; whoever writes a form escapes them.
type Document struct {
	Language  string // tag, for the reader's program
	Direction string // "ltr" or "rtl"
	Title     string
	Marks     []string // what stands above everything: a draft, an account in other hands
	Lead      string
	Sections  []Section
	Foot      string

	unprintable string // what to say where the PDF's font lacks a character
}

// Section is a heading with what stands below it: paragraphs, then a list.
type Section struct {
	Heading string
	Text    []string
	Items   []string
}

// Office is what makes pages: whose they are, in which languages, in which zone.
type Office struct {
	cfg       Config
	languages *Languages
	zone      *time.Location
	font      []byte // the operator's; nil is the shipped one
	now       func() time.Time
}

// WithClock is the same office where it is another time: in an exercise what is sent was
// sent in the exercise's time.
func (o *Office) WithClock(now func() time.Time) *Office {
	other := *o
	other.now = now
	return &other
}

// NewOffice reads what the configuration names: language files and the font.
func NewOffice(cfg Config) (*Office, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	o := &Office{cfg: cfg, now: time.Now}
	var err error
	if o.zone, err = time.LoadLocation(cfg.Zone); err != nil {
		return nil, fmt.Errorf("notices: zone: %w", err)
	}
	if cfg.Languages == "" {
		o.languages, err = LoadLanguages(nil)
	} else {
		o.languages, err = LoadLanguages(os.DirFS(cfg.Languages))
	}
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	if cfg.Font != "" {
		if o.font, err = readFont(cfg.Font); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Config returns what the office was made with.
func (o *Office) Config() Config { return o.cfg }

// rows is how many events or people stand on one page; the rest is counted.
const rows = 6

// page collects texts and the first error, so that composing reads from top to bottom.
type page struct {
	*language
	office *Office
	err    error
}

func (p *page) say(key string, data any) string {
	text, err := p.fill(key, data)
	p.err = cmp.Or(p.err, err)
	return text
}

// about is what the texts of a notice may use.
type about struct {
	ID, ApprovedBy, Approved, Name, House, Office, Telephone, Room, Hours, Knew, Last string
	Version, Count, Came, More                                                        int // Came: of Count, those that came to the person
	NameOnly                                                                          bool
}

// line is what the text of one event may use.
type line struct{ Day, Clock, Address, Sender, Subject, Hosts string }

// Notice composes the page for one person, in their language. It holds as many of the
// messages as leave it one printed page.
func (o *Office) Notice(n Notice) (Document, error) {
	for shown := rows; ; shown-- {
		if d, err := o.notice(n, shown); err != nil || shown == 1 || d.lines() <= pageLines {
			return d, err
		}
	}
}

// One printed page of HTML has so many lines of so many characters.
const (
	pageLines  = 58
	lineLength = 105
)

// lines estimates how long a document is when it is printed.
func (d Document) lines() (n int) {
	long := func(text string) int { return (len([]rune(text)) + lineLength - 1) / lineLength }
	n = 4 + long(d.Lead) + 3*len(d.Marks)
	for _, s := range d.Sections {
		n += 2
		for _, t := range append(slices.Clone(s.Text), s.Items...) {
			n += long(t)
		}
	}
	return n
}

func (o *Office) notice(n Notice, rows int) (Document, error) {
	if len(n.Reach.Events) == 0 {
		return Document{}, fmt.Errorf("%s tells of no event", n.ID)
	}
	p := &page{language: o.languages.For(n.Reach.Languages, o.cfg.Language), office: o}
	a := p.about(n)
	forms := formsOf(n.Reach.Events)
	d := p.document(p.say("notice_title", a))
	if n.ApprovedBy == "" {
		d.Marks = append(d.Marks, p.say("draft_mark", a))
	}
	if n.Reach.Suspicion != "" {
		d.Marks = append(d.Marks, p.say("account_mark", a))
	}
	d.Lead = p.say("notice_lead", a)
	what := "what_heading"
	if a.NameOnly {
		what = "what_heading_name"
	}
	d.Sections = []Section{
		{Heading: p.say(what, a), Items: p.events(n.Reach.Events, rows, a)},
		p.could("could", a, forms, !a.NameOnly),
		{Heading: p.say("unknown_heading", a), Items: p.unknown(a, forms, n.Reach.Events)},
		{Heading: p.say("do_heading", a), Items: p.steps(a, forms, n.Reach.Suspicion != "")},
		{Heading: p.say("call_heading", a), Text: []string{p.say("call", a), p.say("call_check", a)}},
	}
	d.Foot = p.say("foot", a)
	return d, p.err
}

func (p *page) document(title string) Document {
	return Document{Language: p.Language, Direction: p.Direction, Title: title, unprintable: p.say("unprintable", nil)}
}

func (p *page) about(n Notice) about {
	c, zone := p.office.cfg, p.office.zone
	events := n.Reach.Events
	return about{
		ID: shortID(n.ID), Version: n.Version, ApprovedBy: plain(n.ApprovedBy), Approved: p.day(n.Approved, zone),
		Name: nameOf(n), House: c.House, Office: cmp.Or(c.Office, c.House, "Security desk"),
		Telephone: c.Telephone, Room: c.Room, Hours: c.Hours,
		Knew: p.day(n.Knew, zone), Last: p.day(events[len(events)-1].Time, zone), Count: len(events), Came: came(events),
		NameOnly: !slices.ContainsFunc(events, func(e Received) bool { return !slices.Equal(e.Forms, []Form{NameUsed}) }),
	}
}

// came counts those that were delivered: of the rest only the name was used.
func came(events []Received) (n int) {
	for _, e := range events {
		if !slices.Equal(e.Forms, []Form{NameUsed}) {
			n++
		}
	}
	return n
}

// nameOf is what a page calls the person.
func nameOf(n Notice) string { return shorten(plain(cmp.Or(n.Reach.Name, string(n.Person))), 80) }

// shortID is enough of an id for a person to read out.
func shortID(id portcullis.ID) string {
	_, hash, _ := strings.Cut(string(id), ":")
	return hash[:min(len(hash), 10)]
}

// events tells the first ones; a notice is one page.
func (p *page) events(events []Received, rows int, a about) (items []string) {
	for _, e := range events[:min(len(events), rows)] {
		items = append(items, p.event(e))
	}
	if a.More = len(events) - rows; a.More > 0 {
		items = append(items, p.say("events_more", a))
	}
	return append(items, p.warnings(events, "said", mostWarnings, saidLength)...)
}

func (p *page) event(e Received) string {
	l := line{Day: p.say("event_undated", nil), Address: shorten(plain(e.Address), 100), Sender: p.quote(e.Sender, 100), Subject: p.quote(e.Subject, 80)}
	if !e.Time.IsZero() {
		l.Day = p.day(e.Time, p.office.zone)
	}
	if e.TimeKnown {
		l.Clock = p.hour(e.Time, p.office.zone)
	}
	var hosts []string
	for _, h := range e.Hosts[:min(len(e.Hosts), 3)] {
		hosts = append(hosts, shorten(Defang(h), 60))
	}
	l.Hosts = strings.Join(hosts, ", ")
	key := "event"
	if slices.Equal(e.Forms, []Form{NameUsed}) {
		key = "event_name"
	}
	text := p.say(key, l)
	if !e.TimeKnown {
		text += " " + p.say("event_untimed", l)
	}
	return text
}

// quote puts attackers' text between marks, harmless and short.
func (p *page) quote(text string, limit int) string {
	if text = shorten(Defang(text), limit); text == "" {
		return ""
	}
	if rightToLeft(text) { // keep it from reordering what stands around it (UAX #9 §2.4)
		text = "\u2068" + text + "\u2069"
	}
	return p.say("quoted", text)
}

func formsOf(events []Received) map[Form]bool {
	forms := map[Form]bool{}
	for _, e := range events {
		for _, f := range e.Forms {
			forms[f] = true
		}
	}
	return forms
}

// could tells what the content could have learnt, by its kind. keys begins the names of
// the texts.
func (p *page) could(keys string, data any, forms map[Form]bool, intro bool) Section {
	s := Section{Heading: p.say(keys+"_heading", data)}
	for _, c := range []struct {
		form Form
		key  string
	}{{NameUsed, "_name"}, {Tracker, "_tracker"}, {Link, "_link"}, {CredentialForm, "_form"}, {Attachment, "_attachment"}, {Reply, "_reply"}} {
		switch {
		case !forms[c.form]:
		case c.form == NameUsed: // whether or not the person opened anything
			s.Text = append(s.Text, p.say(keys+c.key, data))
		default:
			s.Items = append(s.Items, p.say(keys+c.key, data))
		}
	}
	switch {
	case len(s.Items) > 0 && intro:
		s.Text = append(s.Text, p.say(keys+"_intro", data))
	case len(s.Items)+len(s.Text) == 0:
		s.Text = []string{p.say(keys+"_nothing", data)}
	}
	return s
}

func (p *page) unknown(a about, forms map[Form]bool, events []Received) (items []string) {
	if !a.NameOnly {
		items = append(items, p.say("unknown_opened", a), p.say("unknown_elsewhere", a))
	}
	if forms[NameUsed] {
		items = append(items, p.say("unknown_name", a))
	}
	if slices.ContainsFunc(events, func(e Received) bool { return !e.TimeKnown }) {
		items = append(items, p.say("unknown_time", a))
	}
	return append(items, p.say("unknown_taken", a), p.say("unknown_who", a))
}

// steps are what to do, the urgent first.
func (p *page) steps(a about, forms map[Form]bool, suspected bool) (items []string) {
	if suspected {
		items = append(items, p.say("do_account", a))
	}
	for _, c := range []struct {
		form Form
		key  string
	}{{CredentialForm, "do_form"}, {Attachment, "do_attachment"}, {NameUsed, "do_name"}, {Link, "do_link"}, {Reply, "do_reply"}, {Tracker, "do_tracker"}} {
		if forms[c.form] {
			items = append(items, p.say(c.key, a))
		}
	}
	if !a.NameOnly {
		items = append(items, p.say("do_keep", a), p.say("do_elsewhere", a))
	}
	return items
}

// Campaign is what a briefing tells of a campaign beside its notices.
type Campaign struct {
	ID    portcullis.ID
	Name  string // what the desk calls it; "" is its id
	Mails int
	First time.Time
	Last  time.Time
	Hosts []string
}

type aboutCampaign struct {
	ID, Name, First, Last, CouldKnow, Knew, Now string
	Mails, People, Told, Overdue, More          int
}

type aboutPerson struct {
	Name, First, Knew, Told, Due string
	Overdue, Withdrawn           bool
}

// Briefing composes the page about a campaign: what happened, whom it reached, when we
// could have known, knew and told. It names people, so it is for the desk and not for them.
func (o *Office) Briefing(c Campaign, notices []Notice, now time.Time) (Document, error) {
	return o.briefing(c, notices, now, 2*rows)
}

func (o *Office) briefing(c Campaign, notices []Notice, now time.Time, rows int) (Document, error) {
	if len(notices) == 0 {
		return Document{}, errors.New("there is nobody to brief about: the campaign reached no protected person")
	}
	p := &page{language: o.languages.For(nil, o.cfg.Language), office: o}
	a := p.aboutCampaign(c, notices, now)
	var events []Received
	for _, n := range notices {
		events = append(events, n.Reach.Events...)
	}
	d := p.document(p.say("brief_title", a))
	d.Marks = []string{p.say("brief_mark", a)}
	what := Section{Heading: p.say("brief_what_heading", a), Text: []string{p.say("brief_what", a), p.say("brief_clock", a) + " " + p.say("brief_told", a)}}
	d.Sections = append(d.Sections, what,
		Section{Heading: p.say("brief_people_heading", a), Items: p.people(notices, rows, a)},
		p.could("brief_could", a, formsOf(events), true))
	if hosts := p.hosts(c, events); len(hosts) > 0 {
		d.Sections = append(d.Sections, Section{Heading: p.say("brief_hosts_heading", a), Text: []string{strings.Join(hosts, ", ")}})
	}
	d.Sections = append(d.Sections, Section{Heading: p.say("brief_unknown_heading", a), Items: []string{
		p.say("brief_unknown_opened", a), p.say("brief_unknown_taken", a), p.say("brief_unknown_reach", a)}})
	d.Foot = p.say("brief_foot", a)
	return d, p.err
}

func (p *page) aboutCampaign(c Campaign, notices []Notice, now time.Time) aboutCampaign {
	zone := p.office.zone
	a := aboutCampaign{ID: shortID(c.ID), Name: shorten(plain(cmp.Or(c.Name, shortID(c.ID))), 80), Mails: c.Mails, Now: p.moment(now, zone)}
	people, told, mails := map[portcullis.ID]bool{}, map[portcullis.ID]bool{}, map[portcullis.ID]bool{}
	could, knew := notices[0].CouldKnow, notices[0].Knew
	for _, n := range notices {
		if people[n.Person] = true; n.Told.IsZero() { // told is who has no notice left to get
			told[n.Person] = false
		} else if _, seen := told[n.Person]; !seen {
			told[n.Person] = true
		}
		if n.Overdue {
			a.Overdue++
		}
		could, knew = earlier(could, n.CouldKnow), earlier(knew, n.Knew)
		for _, e := range n.Reach.Events {
			mails[e.Event] = true
			c.First, c.Last = earlier(c.First, e.Time), later(c.Last, e.Time)
		}
	}
	for _, all := range told {
		if all {
			a.Told++
		}
	}
	a.Mails, a.People = max(a.Mails, len(mails)), len(people)
	a.First, a.Last, a.CouldKnow, a.Knew = p.day(c.First, zone), p.day(c.Last, zone), p.day(could, zone), p.day(knew, zone)
	return a
}

// firstOf is the time of the first event that has one.
func firstOf(events []Received) (first time.Time) {
	for _, e := range events {
		first = earlier(first, e.Time)
	}
	return first
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// people tells of those who were told latest, or not at all, first.
func (p *page) people(notices []Notice, rows int, a aboutCampaign) (items []string) {
	notices = slices.Clone(notices)
	slices.SortStableFunc(notices, func(x, y Notice) int {
		if x.Overdue != y.Overdue {
			if x.Overdue {
				return -1
			}
			return 1
		}
		return cmp.Or(x.Told.Compare(y.Told), x.Due.Compare(y.Due), strings.Compare(x.Reach.Name, y.Reach.Name))
	})
	zone := p.office.zone
	for _, n := range notices[:min(len(notices), rows)] {
		one := aboutPerson{Name: nameOf(n), Knew: p.day(n.Knew, zone), Told: p.day(n.Told, zone), Due: p.day(n.Due, zone), Overdue: n.Overdue, Withdrawn: n.State == Withdrawn}
		one.First = cmp.Or(p.day(firstOf(n.Reach.Events), zone), p.say("event_undated", nil))
		items = append(items, p.say("brief_person", one))
	}
	if a.More = len(notices) - rows; a.More > 0 {
		items = append(items, p.say("brief_people_more", a))
	}
	return items
}

// maxHostsShown bounds a line of hosts on a page.
const maxHostsShown = 12

func (p *page) hosts(c Campaign, events []Received) (out []string) {
	all := slices.Clone(c.Hosts)
	for _, e := range events {
		all = append(all, e.Hosts...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	for _, h := range all[:min(len(all), maxHostsShown)] {
		out = append(out, shorten(Defang(h), 60))
	}
	return out
}

// rehearsals are what a text is tried with when its file is read.
func rehearsals(key string) []any {
	switch {
	case key == "quoted":
		return []any{"text"}
	case key == "event_undated" || key == "unprintable":
		return []any{nil}
	case key == "event" || key == "event_name" || key == "event_untimed":
		return []any{line{}}
	case key == "brief_person":
		return []any{aboutPerson{}}
	case key == "said" || key == "check_said":
		return []any{saidAbout{}}
	case strings.HasPrefix(key, "check_"):
		return []any{aboutCheck{}}
	case strings.HasPrefix(key, "brief_"):
		return []any{aboutCampaign{}}
	}
	return []any{about{}}
}
