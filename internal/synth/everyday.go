package synth

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Everyday makes n harmless messages of the kinds that fill mailboxes. None of
// it is an attack, and some of it looks like one: namesakes of members, members
// writing from home, genuine password resets, newsletters that track.
func Everyday(seed uint64, h *House, n int) []Mail {
	d := newDraw(seed, "everyday")
	var mails []Mail
	for len(mails) < n {
		mails = append(mails, h.story(d)...)
	}
	return inOrder(mails[:n])
}

// stories by weight: how many of a hundred decisions lead to each.
var stories = []struct {
	weight int
	tell   func(*House, *draw) []Mail
}{
	{11, (*House).colleague}, {12, (*House).constituent}, {5, (*House).namesake}, {9, (*House).thread},
	{7, (*House).calendar}, {5, (*House).newsletter}, {4, (*House).mailingList}, {8, (*House).receipt},
	{6, (*House).press}, {6, (*House).shop}, {5, (*House).reset}, {6, (*House).notification},
	{3, (*House).bounce}, {4, (*House).fromStaff}, {3, (*House).private},
	{2, (*House).behalf}, {2, (*House).via}, {1, (*House).viaList}, {1, (*House).district},
}

func (h *House) story(d *draw) []Mail {
	k := d.IntN(100)
	for _, s := range stories {
		if k -= s.weight; k < 0 {
			return s.tell(h, d)
		}
	}
	return h.colleague(d)
}

// plainLetter writes a letter between two named people.
func (d *draw) plainLetter(kind, lang, fromName, toName string, when time.Time, extra ...string) letter {
	t := d.template("everyday", lang, kind)
	lang = t.lang
	l := letter{when: when, lang: lang, auth: authPass}
	s := append(d.occasion(lang, when), personal(toName, fromName)...)
	s = append(s, extra...)
	var body string
	l.subject, body = s.template(t)
	l.text = d.letterText(lang, body, s)
	if d.chance(50) {
		l.html = d.html(l.text)
	}
	l.when = l.when.In(one(d, zones[:4]))
	return l
}

// single wraps one message as a story.
func single(m Mail) []Mail { return []Mail{m} }

// insiders are the people on the house's own mail system.
func (h *House) insiders() []*Person {
	var out []*Person
	for _, p := range h.others(nil) {
		if p.inHouse(h) {
			out = append(out, p)
		}
	}
	return out
}

func (h *House) colleague(d *draw) []Mail {
	pair := some(d, h.insiders(), 2)
	lang := "en"
	if pair[0].Language == pair[1].Language {
		lang = pair[0].Language
	}
	l := d.plainLetter("colleague", lang, pair[0].Latin(), pair[1].Latin(), d.day())
	l.from, l.internal = box{pair[0].Name, pair[0].Addresses[0]}, true
	if d.chance(40) {
		l.text += "\n\n" + h.signature(pair[0])
	}
	if private := pair[0].private(); private != "" && d.chance(10) {
		l.replyTo = box{pair[0].Name, private} // their own: nothing wrong with that
	}
	if d.chance(15) {
		third := one(d, h.others(pair[0]))
		l.cc = []box{{third.Name, third.Addresses[0]}}
	}
	return single(h.deliverTo(d, l, pair[1], Truth{Class: "colleague"}))
}

// private is an address of the person outside all institutions, if there is one.
func (p *Person) private() string {
	for _, a := range p.Addresses[1:] {
		if slices.Contains(freemail, domainOf(a)) {
			return a
		}
	}
	return ""
}

func (h *House) constituent(d *draw) []Mail {
	p := one(d, h.members())
	who := d.strangerIn(h.cultures, p.Language)
	if d.chance(40) {
		who = d.stranger(h.cultures)
	}
	lang := who.lang
	if d.chance(40) {
		lang = "en"
	}
	l := d.plainLetter("constituent", lang, who.full(), p.Latin(), d.day())
	l.from = box{who.full(), d.address(who.given.latin, who.family.latin, freemail)}
	if d.chance(10) {
		l.from.name = ""
	}
	return single(h.deliverTo(d, l, p, Truth{Class: "constituent"}))
}

// namesake is somebody with a member's very name who wants nothing of it.
func (h *House) namesake(d *draw) []Mail {
	pair := some(d, h.members(), 2)
	rcpt := pair[d.IntN(2)] // sometimes the bearer of the name is written to
	name := pair[0].Latin()
	l := d.plainLetter("namesake", "en", name, rcpt.Latin(), d.day())
	l.from = box{name, d.address(pair[0].given.latin, pair[0].family.latin, freemail)}
	if slices.Contains(pair[0].Addresses, l.from.addr) {
		l.from.addr = "the.other." + l.from.addr
	}
	return single(h.deliverTo(d, l, rcpt, Truth{Class: "namesake"}))
}

// thread goes to and fro between a member and a colleague or a stranger.
func (h *House) thread(d *draw) []Mail {
	a, b := h.correspondents(d)
	kind := "colleague"
	if a.person == nil && d.chance(50) {
		kind = "business"
	}
	return h.conversation(d, kind, a, b, d.between(2, 5), d.dayIn(0, 680), Truth{Class: "thread"})
}

// party is one side of a conversation. A stranger has no mailbox in the house.
type party struct {
	box    box
	person *Person
}

func (h *House) correspondents(d *draw) (a, b party) {
	p := one(d, h.members())
	b = party{box{p.Name, p.Addresses[0]}, p}
	if d.chance(50) {
		q := one(d, h.others(p))
		return party{box{q.Name, q.Addresses[0]}, q}, b
	}
	s := d.stranger(h.cultures)
	o := one(d, slices.Concat(h.Outlets, h.Partners))
	return party{box{s.full(), localPart(s.given.latin) + "." + localPart(s.family.latin) + "@" + o.Domains[0]}, nil}, b
}

// conversation makes the messages of a thread that the house's people received.
func (h *House) conversation(d *draw, kind string, a, b party, turns int, when time.Time, truth Truth) []Mail {
	opening := d.plainLetter(kind, "en", a.box.name, b.box.name, when)
	subject, quoted := opening.subject, ""
	var ids []string
	var mails []Mail
	for turn := range turns {
		if turn > 0 {
			a, b = b, a
		}
		l := opening
		if turn > 0 {
			l = d.plainLetter("reply", "en", a.box.name, b.box.name, when)
			l.subject, l.references = "Re: "+subject, slices.Clone(ids)
			l.text += "\n\n" + quoted
			if l.html != "" {
				l.html = d.html(l.text)
			}
		}
		l.from, l.to = a.box, []box{b.box}
		l.internal = a.person != nil && b.person != nil && a.person.inHouse(h) && b.person.inHouse(h)
		l.id = d.messageID(l.from.domain(), "webmail")
		ids = append(ids, l.id)
		quoted = quote(a.box, l.when, l.text)
		if b.person != nil {
			mails = append(mails, h.deliverTo(d, l, b.person, truth))
		}
		when = when.Add(time.Duration(d.between(600, 90000)) * time.Second)
	}
	return mails
}

// quote is the previous message as mailers quote it.
func quote(from box, when time.Time, text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = "> " + line
	}
	return fmt.Sprintf("On %s, %s wrote:\n%s", when.Format("2 Jan 2006 at 15:04"), from.name, strings.Join(lines, "\n"))
}

func (h *House) calendar(d *draw) []Mail {
	pair := some(d, h.insiders(), 2)
	when := d.day()
	title := own(d, meetings)
	l := letter{from: box{pair[0].Name, pair[0].Addresses[0]}, subject: title, when: when, internal: true, mailer: "outlook"}
	start := when.AddDate(0, 0, d.between(1, 9)).Truncate(time.Hour)
	ics := invitation(d, title, pair[0], pair[1], start, "Room "+fmt.Sprint(d.between(100, 499)))
	text := textPart(title+"\n"+start.Format("Monday 2 January, 15:04")+"\n", "plain", "utf-8", "8bit")
	cal := textPart(ics, "calendar", "utf-8", "base64")
	cal.fields[0] += "; method=REQUEST"
	body := group("alternative", text, cal)
	l.body = &body
	return single(h.deliverTo(d, l, pair[1], Truth{Class: "calendar"}))
}

var meetings = []string{"Committee preparation", "Jour fixe", "Coordination of speakers", "Constituency call", "Budget reading", "Rehearsal of the hearing", "Group meeting", "Walk-through of the new offices"}

// invitation is an iCalendar request (RFC 5546).
func invitation(d *draw, title string, from, to *Person, start time.Time, place string) string {
	return strings.Join([]string{
		"BEGIN:VCALENDAR", "PRODID:-//Invented//Calendar//EN", "VERSION:2.0", "METHOD:REQUEST", "BEGIN:VEVENT", "UID:" + d.uuid(),
		"DTSTAMP:" + start.Add(-48*time.Hour).UTC().Format("20060102T150405Z"), "DTSTART:" + start.UTC().Format("20060102T150405Z"),
		"DTEND:" + start.Add(time.Hour).UTC().Format("20060102T150405Z"), "SUMMARY:" + title, "LOCATION:" + place,
		"ORGANIZER;CN=" + from.Latin() + ":mailto:" + from.Addresses[0], "ATTENDEE;CN=" + to.Latin() + ";RSVP=TRUE:mailto:" + to.Addresses[0],
		"END:VEVENT", "END:VCALENDAR", "",
	}, "\n")
}

// newsletter is one issue to several members, tracked per subscriber.
func (h *House) newsletter(d *draw) []Mail {
	lang := one(d, []string{"en", "en", "de", "fr", "es"})
	when := d.day()
	m := h.espMailing(d, one(d, slices.Concat(h.Outlets, h.Partners)), lang)
	kind := "press"
	if d.chance(25) { // the house's own press office, without tracking
		kind, m.from, m.envelope = "house", box{h.Name + " Press Office", "press@" + h.Domain}, ""
		m.tracking, m.unsubscribe, m.sign, m.lang = nil, "", h.Domain, "en"
		m.footer = "Press Office, " + h.Name
	}
	d.issue(m, kind, when)
	return h.send(d, m, some(d, h.members(), d.between(2, 7)), when, Truth{Class: "newsletter"}, false)
}

func (h *House) mailingList(d *draw) []Mail {
	p := one(d, h.others(nil))
	who := d.stranger(h.cultures)
	l := d.plainLetter("list", "en", who.full(), "all", d.day())
	list := strings.Trim(strings.Fields(l.subject + " list")[0], "[]")
	host := "lists.parliamentary-clerks.example"
	l.from = box{who.full(), d.address(who.given.latin, who.family.latin, freemail)}
	l.to = []box{{"", list + "@" + host}}
	l.envelope = list + "-bounces@" + host
	l.extra = []string{"List-Id: <" + list + "." + host + ">", "List-Post: <mailto:" + list + "@" + host + ">", "Precedence: list"}
	l.text += "\n\n_______________________________________________\n" + list + " mailing list\nhttps://" + host + "/" + list
	l.html, l.auth = "", authFail // lists break DMARC
	return single(h.deliverTo(d, l, p, Truth{Class: "list"}))
}
