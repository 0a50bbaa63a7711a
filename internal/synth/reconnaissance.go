package synth

import (
	"fmt"
	"strings"
	"time"
)

// Reconnaissance makes campaigns that only want to know who opens a mail, from
// where and with what; each to 2–50 people of the house, posing as one of six
// kinds of sender. Every other campaign is groomed: List-Unsubscribe, an
// aligned DKIM signature and months of harmless mail from the attacker's own
// domain (Truth.Background). To each campaign comes one control of the same shape that
// is what it says: newsletters, invitations and surveys with ordinary tracking.
func Reconnaissance(seed uint64, h *House, campaigns int) []Mail {
	d := newDraw(seed, "reconnaissance")
	var mails []Mail
	for i := range campaigns {
		mails = append(mails, h.reconnaissance(d, i)...)
		mails = append(mails, h.control(d, i)...)
	}
	return inOrder(mails)
}

// campaignSizes is how many people a campaign reaches; small ones are commoner.
var campaignSizes = []int{2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 50}

// pretender is who a campaign says it is.
type pretender struct {
	kind   string
	name   string
	domain string
}

var poseKinds = []string{"newspaper", "thinktank", "ngo", "event", "colleague", "survey"}

// Senders nobody knows, and which are nobody.
var unknownSenders = map[string][]string{
	"newspaper": {"Causeway Observer|causewayobserver.example", "Continental Post|continental-post.example", "The Assembly Reporter|assemblyreporter.test", "Free Column Daily|freecolumn.example", "Border Gazette|bordergazette.example", "Meridian News|meridian-news.test"},
	"thinktank": {"Meridian Policy Lab|meridianpolicy.example", "Institute for Quiet Diplomacy|quietdiplomacy.example", "Delta Strategy Forum|deltastrategy.test", "Longview Centre|longviewcentre.example"},
	"ngo":       {"Open Cells Initiative|opencells.example", "Families Abroad Network|familiesabroad.example", "Witness Archive|witnessarchive.test", "Safe Passage Appeal|safepassage.example"},
	"event":     {"Summit Bureau|summitbureau.example", "Legislators' Week|legislatorsweek.example", "Forum Congress Office|forumcongress.test", "Dialogue Days|dialoguedays.example"},
	"survey":    {"Barometer Research|barometer-research.example", "Poll of Parliaments|pollofparliaments.example", "Civic Survey Unit|civicsurvey.test", "Legislative Study Group|legstudy.example"},
}

// pretender draws a pose. Some take the name of an outlet or partner that the
// house knows, on a domain that is not theirs.
func (h *House) pretender(d *draw, kind string) pretender {
	switch {
	case kind == "colleague":
		domain := own(d, hostWords) + ".test"
		if d.chance(40) {
			domain = h.lookalike(d, "domain-word")
		}
		return pretender{kind, one(d, h.members()).Latin(), domain}
	case kind == "newspaper" && d.chance(55), kind == "thinktank" && d.chance(30), kind == "ngo" && d.chance(30):
		known := one(d, h.Outlets)
		if kind != "newspaper" {
			known = one(d, h.Partners)
		}
		return pretender{kind, known.Name, d.pressDomain(known.Domains[0])}
	}
	o := organisations([]string{own(d, unknownSenders[kind])})[0]
	return pretender{kind, o.Name, o.Domains[0]}
}

// pressDomain is a domain that sounds like a known one.
func (d *draw) pressDomain(real string) string {
	before, l, _ := label(real)
	return before + l + own(d, []string{"-news", "-online", "-media", "-press", "-daily", "-mail", "news", "-letters", "-edition", "-live"}) + "." + one(d, reservedTLDs[:2])
}

var trackerWords = []string{"news-tracker", "cdn-media", "img-store", "static-edge", "content-pool", "pixelhost", "assets-web", "media-relay", "view-count", "reader-stats"}

func (h *House) reconnaissance(d *draw, i int) []Mail {
	groomed := i%2 == 0
	pose := h.pretender(d, poseKinds[i/2%len(poseKinds)])
	when := d.dayIn(240, 690)
	m := h.reconMailing(d, pose, when, groomed)
	id := fmt.Sprintf("recon-%d", i)
	readers := h.readers(d, campaignSizes[d.IntN(len(campaignSizes))])
	var mails []Mail
	if groomed {
		mails = h.grooming(d, m, readers, when, id)
	}
	return append(mails, h.send(d, m, readers, when, Truth{Class: "reconnaissance", Impersonates: pose.name, Campaign: id, Malicious: true}, true)...)
}

// reconMailing decides what the campaign sends.
func (h *House) reconMailing(d *draw, pose pretender, when time.Time, groomed bool) *mailing {
	m := &mailing{lang: "en", style: d.IntN(4), auth: authPass, mailer: one(d, []string{"esp", "phpmailer", "webmail", "outlook"})}
	if d.chance(35) {
		m.lang = one(d, []string{"de", "fr", "es", "pl", "uk", "zh"})
	}
	t := d.template("poses", m.lang, pose.kind)
	m.lang = t.lang
	s := append(d.occasion(m.lang, when), "{outlet}", pose.name)
	m.subject, m.intro = s.template(t)
	m.from = box{pose.name, own(d, []string{"newsletter", "editor", "briefing", "contact", "desk", "hello", "news", "info"}) + "@" + pose.domain}
	m.items = d.items(m.lang, d.between(1, 4), when)
	link, host := pose.domain, pose.domain
	if d.chance(50) {
		host = own(d, trackerWords) + "." + one(d, reservedTLDs[:2])
	}
	if pose.kind == "colleague" {
		m.from.addr = strings.ReplaceAll(localPart(strings.ReplaceAll(pose.name, " ", ".")), "..", ".") + "@" + pose.domain
		link = host
	}
	tracking := d.tracking(link, host)
	m.tracking = &tracking
	m.personalGreeting, m.personalSubject, m.shuffled = d.chance(50), d.chance(20), d.chance(15)
	if groomed && pose.kind != "colleague" {
		m.unsubscribe = "https://" + pose.domain
	}
	if groomed {
		m.sign = pose.domain
	}
	if d.chance(60) {
		m.footer = "You receive this message because your address is public. " + pose.name
	}
	return m
}

// readers picks people; half of the campaigns go after those with one topic.
func (h *House) readers(d *draw, n int) []*Person {
	people := h.others(nil)
	if d.chance(50) {
		topic := one(d, topicKeys())
		var critics []*Person
		for _, p := range people {
			for _, t := range p.Topics {
				if t == topic {
					critics = append(critics, p)
				}
			}
		}
		if len(critics) >= n {
			people = critics
		}
	}
	return some(d, people, n)
}

// grooming is the attacker's harmless mail beforehand, to some of the readers.
func (h *House) grooming(d *draw, m *mailing, readers []*Person, when time.Time, id string) []Mail {
	clean := *m
	clean.tracking, clean.personalSubject = nil, false
	var mails []Mail
	for issue := d.between(2, 5); issue > 0; issue-- {
		at := when.AddDate(0, 0, -issue*d.between(14, 40))
		clean.items = d.items(m.lang, 2, at)
		s := append(d.occasion(m.lang, at), "{outlet}", m.from.name)
		clean.subject, clean.intro = s.template(d.template("poses", m.lang, "newspaper"))
		group := some(d, readers, max(1, len(readers)*d.between(30, 100)/100))
		mails = append(mails, h.send(d, &clean, group, at, Truth{Class: "reconnaissance/grooming", Campaign: id, Background: true}, false)...)
	}
	return mails
}

// send delivers a mailing to its readers, over minutes or days.
func (h *House) send(d *draw, m *mailing, readers []*Person, when time.Time, truth Truth, sly bool) []Mail {
	gap := one(d, []int{20, 90, 600, 3600, 8 * 3600})
	wrapper, share := "", 0
	if d.chance(35) {
		wrapper, share = one(d, wrappers[:4]), d.between(30, 100)
		if m.tracking != nil && len(m.tracking.techniques) > 1 && d.chance(10) {
			wrapper = "mimecast" // tells nothing of the link but its host
		}
	}
	rotate := sly && d.chance(15)
	var mails []Mail
	for i, p := range readers {
		when = when.Add(time.Duration(d.between(1, gap)) * time.Second)
		mine := ""
		if d.chance(share) {
			mine = wrapper
		}
		addr := p.Addresses[0]
		if sly && d.chance(20) {
			addr = one(d, p.Addresses)
		}
		version := *m
		if rotate {
			version.from.addr = fmt.Sprintf("%s%d@%s", own(d, []string{"desk", "editor", "team", "office"}), i+1, m.from.domain())
		}
		l := version.copyFor(d, p.Latin(), addr, mine, when)
		mails = append(mails, h.deliverTo(d, l, p, truth))
	}
	return mails
}
