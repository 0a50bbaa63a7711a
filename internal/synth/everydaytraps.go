package synth

import (
	"fmt"
	"slices"
	"time"
)

// Harmless mail in which a member's name stands at an address that is not
// theirs, or their address in mail that somebody else sent. All of it is daily life.

// behalf is an assistant writing for the member, under both names, from the house.
func (h *House) behalf(d *draw) []Mail {
	boss := one(d, h.members())
	staff := slices.DeleteFunc(h.insiders(), func(p *Person) bool { return !p.isStaff() })
	if len(staff) == 0 {
		return h.colleague(d)
	}
	aide := one(d, staff)
	rcpt := one(d, h.others(boss))
	l := d.plainLetter("behalf", "en", aide.Latin(), rcpt.Latin(), d.day())
	l.from = box{one(d, []string{"Office of " + boss.Latin(), aide.Latin() + " (Office " + boss.Latin() + ")"}), aide.Addresses[0]}
	l.internal = rcpt.inHouse(h)
	return single(h.deliverTo(d, l, rcpt, Truth{Class: "behalf"}))
}

// via is a service that names the colleague who did something in it.
func (h *House) via(d *draw) []Mail {
	pair := some(d, h.insiders(), 2)
	o := organisations([]string{own(d, services)})[0]
	l := d.plainLetter("via", "en", pair[0].Latin(), pair[1].Latin(), d.day(), "{url}", "https://"+o.Domains[0]+"/d/"+d.hex(20))
	l.from = box{one(d, []string{pair[0].Latin() + " via " + o.Name, pair[0].Latin() + " (" + o.Name + ")"}), "no-reply@" + o.Domains[0]}
	l.sign, l.mailer, l.html = o.Domains[0], "esp", d.html(l.text)
	if d.chance(50) {
		l.replyTo = box{pair[0].Latin(), pair[0].Addresses[0]}
	}
	return single(h.deliverTo(d, l, pair[1], Truth{Class: "via-service"}))
}

// viaList is a member's post to a list that writes its own address as sender,
// as lists do since DMARC (RFC 6377 §5 knows the trouble).
func (h *House) viaList(d *draw) []Mail {
	pair := some(d, h.insiders(), 2)
	host := "lists.parliamentary-clerks.example"
	l := d.plainLetter("list", "en", pair[0].Latin(), "all", d.day())
	l.from = box{pair[0].Latin() + " via drafting", "drafting@" + host}
	l.replyTo = box{pair[0].Latin(), pair[0].Addresses[0]}
	l.to, l.envelope = []box{{"", "drafting@" + host}}, "drafting-bounces@"+host
	l.extra = []string{"List-Id: <drafting." + host + ">", "Precedence: list"}
	return single(h.deliverTo(d, l, pair[1], Truth{Class: "list"}))
}

// district is a member's letter to the district, which colleagues get as well:
// the member's true address, sent by a provider and signed for the house.
func (h *House) district(d *draw) []Mail {
	p := one(d, h.members())
	when := d.day()
	m := h.espMailing(d, Organisation{Name: p.Latin(), Domains: []string{h.Domain}}, "en")
	m.from.addr = p.Addresses[0]
	s := append(d.occasion("en", when), personal("friends", p.Latin())...)
	m.subject, m.intro = s.template(d.template("everyday", "en", "district"))
	m.items = d.items("en", 2, when)
	readers := slices.DeleteFunc(some(d, h.members(), 4), func(q *Person) bool { return q == p })
	return h.send(d, m, readers, when, Truth{Class: "newsletter"}, false)
}

// joining is the society's answer to a reader who had asked to be put on the list.
func (h *House) joining(d *draw, m *mailing, readers []*Person, before time.Time, id string) []Mail {
	var mails []Mail
	for _, p := range readers {
		who := d.stranger(h.cultures)
		l := d.plainLetter("joining", "en", who.full(), p.Latin(), before.AddDate(0, 0, -d.between(3, 30)))
		l.from = box{who.full(), "secretary@" + m.from.domain()}
		l.references = []string{d.messageID(h.Domain, "outlook")}
		l.text += fmt.Sprintf("\n\n> Could you put me on the list for your circular?\n> %s", p.given.latin)
		l.html = ""
		mails = append(mails, h.deliverTo(d, l, p, Truth{Class: "thread", Campaign: id}))
	}
	return mails
}
