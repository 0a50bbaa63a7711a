package synth

import (
	"fmt"
	"slices"
	"time"
)

// control is the i-th mailing that looks like a campaign and is none.
func (h *House) control(d *draw, i int) []Mail {
	id := fmt.Sprintf("control-%d", i)
	switch i % 4 {
	case 0:
		return h.establishedNewsletter(d, id)
	case 1:
		return h.smallNewsletter(d, id)
	case 2:
		return h.conference(d, id)
	default:
		return h.survey(d, id)
	}
}

// espMailing is what an ordinary sender hands to its provider: tracked links,
// a pixel, a way to unsubscribe, everything signed.
func (h *House) espMailing(d *draw, o Organisation, lang string) *mailing {
	esp := one(d, h.Bulk)
	if d.chance(25) { // no list of such providers is complete
		esp = organisations([]string{own(d, otherBulk)})[0]
	}
	track := esp.Domains[len(esp.Domains)-1]
	m := &mailing{
		from: box{o.Name, one(d, []string{"newsletter", "news", "hello", "info"}) + "@" + o.Domains[0]}, lang: lang, style: d.IntN(4), mailer: "esp",
		envelope: "bounce-" + d.hex(8) + "@" + esp.Domains[0], sign: o.Domains[0], unsubscribe: "https://" + track,
		footer: "You are subscribed to mail from " + o.Name + ". Sent with " + esp.Name + ".", personalGreeting: d.chance(40),
	}
	m.tracking = &tracking{host: track, link: track, techniques: []string{one(d, []string{"pixel1", "pixel1", "pixel2", "hidden-img"})},
		placement: one(d, []string{"path", "query"}), tokenKind: one(d, []string{"hex", "uuid", "hash"}), param: one(d, tokenParams), secret: d.hex(8)}
	return m
}

// otherBulk are providers that people.toml does not list.
var otherBulk = []string{"Mailrunner|mailrunner.example,mrun.example", "Circulate|circulate.example,crcl.example", "Inkpost|inkpost.example,inkp.example", "Broadsheet Send|broadsheetsend.example,bss-go.example"}

// issue fills a mailing with the texts of one day.
func (d *draw) issue(m *mailing, kind string, when time.Time) {
	s := append(d.occasion(m.lang, when), "{outlet}", m.from.name)
	m.subject, m.intro = s.template(d.template("newsletters", m.lang, kind))
	m.items = d.items(m.lang, d.between(2, 5), when)
	if m.tracking != nil {
		m.tracking.secret = d.hex(8)
	}
}

// establishedNewsletter comes every fortnight to a good part of the house.
func (h *House) establishedNewsletter(d *draw, id string) []Mail {
	o := one(d, slices.Concat(h.Outlets, h.Partners))
	m := h.espMailing(d, o, "en")
	readers := some(d, h.others(nil), max(3, len(h.People)*d.between(20, 50)/100))
	var mails []Mail
	start, issues := d.dayIn(0, 300), d.between(5, 9)
	for n := range issues {
		d.issue(m, "press", start.AddDate(0, 0, 14*n))
		mails = append(mails, h.send(d, m, readers, start.AddDate(0, 0, 14*n), Truth{Class: "control/newsletter", Campaign: id}, false)...)
	}
	return mails
}

// smallNewsletter has three readers in the house and nobody has heard of it;
// what is there begins with its first issue.
func (h *House) smallNewsletter(d *draw, id string) []Mail {
	o := organisations([]string{own(d, smallSenders)})[0]
	m := h.espMailing(d, o, "en")
	readers := some(d, h.members(), 3)
	var mails []Mail
	start := d.dayIn(30, 500)
	if d.chance(50) { // they asked for it; the other half did so by telephone
		mails = h.joining(d, m, readers, start, id)
	}
	for n := range d.between(3, 6) {
		when := start.AddDate(0, 0, 7*n*d.between(1, 3))
		d.issue(m, "club", when)
		mails = append(mails, h.send(d, m, readers, when, Truth{Class: "control/small-newsletter", Campaign: id}, false)...)
	}
	return mails
}

var smallSenders = []string{
	"Friends of the Old Observatory|oldobservatory.example", "Bee Keepers' Circular|beecircular.example", "Chess in Parliament|chessclub.example", "Regional Museums Letter|regionalmuseums.example",
	"Choir of the Lower House|lowerhousechoir.example", "Alumni of the Harbour School|harbourschool.example", "River Walkers|riverwalkers.example", "Society for Letterpress|letterpress.example",
}

// conference is an invitation and a reminder, tracked by the organiser's provider.
func (h *House) conference(d *draw, id string) []Mail {
	o := organisations([]string{own(d, conferences)})[0]
	m := h.espMailing(d, o, "en")
	readers := some(d, h.others(nil), d.between(4, 20))
	when := d.dayIn(30, 650)
	var mails []Mail
	for n := range 2 {
		d.issue(m, "invitation", when.AddDate(0, 0, 10*n))
		mails = append(mails, h.send(d, m, readers, when.AddDate(0, 0, 10*n), Truth{Class: "control/conference", Campaign: id}, false)...)
	}
	return mails
}

var conferences = []string{
	"Congress on Cities and Water|citieswater.example", "Rural Broadband Days|ruralbroadband.example", "Legislative Drafting Week|draftingweek.example", "Forum on Care Work|careforum.example",
	"Archives Congress|archivescongress.example", "Energy Storage Fair|storagefair.example", "School Meals Summit|schoolmeals.example", "Open Data Days|opendatadays.example",
}

// survey is what constituents' associations and universities send.
func (h *House) survey(d *draw, id string) []Mail {
	o := organisations([]string{own(d, surveySenders)})[0]
	m := h.espMailing(d, o, "en")
	m.personalGreeting = true
	when := d.dayIn(30, 650)
	d.issue(m, "survey", when)
	m.items = m.items[:1]
	return h.send(d, m, some(d, h.members(), d.between(5, 20)), when, Truth{Class: "control/survey", Campaign: id}, false)
}

var surveySenders = []string{
	"Tenants' Association South|tenants-south.example", "University of the Lakes, Politics|lakes-university.example", "Parents' Council|parentscouncil.example", "Chamber of Small Shops|smallshops.example",
	"Cyclists' Union|cyclistsunion.example", "Patients' Forum|patientsforum.example", "Village Halls Federation|villagehalls.example", "Institute of Legislative Studies|legislative-studies.example",
}
