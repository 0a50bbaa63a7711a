package synth

import (
	"fmt"
	"strings"
)

// Companies that write to everybody.
var shops = []string{
	"Blumen & Beet|blumenbeet.example", "Nordic Wool|nordicwool.example", "Corner Books|cornerbooks.example", "Papeterie Lune|papeterielune.example",
	"City Rail|cityrail.example", "Hotel Seeblick|hotelseeblick.example", "Office Supplies Direct|officesupplies.example", "Grand Cinema|grandcinema.example",
	"Velo Werkstatt|velowerkstatt.example", "Tea Merchants|teamerchants.example", "Stadtbad|stadtbad.example", "Ferry Lines|ferrylines.example",
}

// services where people have accounts.
var services = []string{"Cloudshelf|cloudshelf.example", "Parkwise|parkwise.example", "Streamery|streamery.example", "Docuboard|docuboard.example", "Runlog|runlog.example", "Photobarn|photobarn.example", "Library Union|libraryunion.example", "Tramcard|tramcard.example"}

func (h *House) receipt(d *draw) []Mail {
	return h.company(d, "receipt", one(d, organisations(ownAll(d, shops))), "orders")
}

// company sends a machine-made message to one person.
func (h *House) company(d *draw, kind string, o Organisation, local string) []Mail {
	p := one(d, h.others(nil))
	l := d.plainLetter(kind, "en", o.Name, p.Latin(), d.day(), "{url}", "https://"+o.Domains[0]+"/a/"+d.hex(24))
	l.from = box{o.Name, local + "@" + o.Domains[0]}
	l.mailer, l.sign = one(d, []string{"phpmailer", "esp", "webmail"}), o.Domains[0]
	addr := p.Addresses[0]
	if private := p.private(); private != "" && d.chance(60) {
		addr = private
	}
	l.to = []box{{p.Latin(), addr}}
	l.html = d.html(l.text)
	if d.chance(60) {
		l.html = strings.Replace(l.html, "</body>", `<img src="https://`+o.Domains[0]+"/open/"+d.hex(20)+`.gif" width="1" height="1" alt=""></body>`, 1)
	}
	return single(h.deliverTo(d, l, p, Truth{Class: kind}))
}

func (h *House) shop(d *draw) []Mail {
	return h.company(d, "shop", one(d, organisations(ownAll(d, shops))), "news")
}

func (h *House) reset(d *draw) []Mail {
	return h.company(d, "reset", one(d, organisations(ownAll(d, services))), "no-reply")
}

// notification comes from a service, or from the house's own systems.
func (h *House) notification(d *draw) []Mail {
	if d.chance(50) {
		return h.company(d, "notification", one(d, organisations(ownAll(d, services))), "notify")
	}
	p := one(d, h.insiders())
	name := h.Name + " " + one(d, []string{"Service", "IT Service", "Documents", "Facilities"})
	l := d.plainLetter("notification", "en", name, p.Latin(), d.day(), "{url}", "https://"+h.Organisations[0].LoginHosts[0]+"/doc/"+d.hex(12))
	l.from, l.internal = box{name, "no-reply@" + h.Domain}, true
	return single(h.deliverTo(d, l, p, Truth{Class: "notification"}))
}

// press is an enquiry by a reporter of a known outlet, or of one nobody listed.
func (h *House) press(d *draw) []Mail {
	p := one(d, h.members())
	who := d.stranger(h.cultures)
	o := one(d, h.Outlets)
	if d.chance(25) {
		o = organisations([]string{own(d, localPapers)})[0]
	}
	l := d.plainLetter("press", "en", who.full()+"\n"+o.Name, p.Latin(), d.day(), "{outlet}", o.Name)
	l.from = box{who.full(), localPart(who.given.latin) + "." + localPart(who.family.latin) + "@" + o.Domains[0]}
	if d.chance(30) {
		l.from.name += ", " + o.Name
	}
	l.sign = o.Domains[0]
	return single(h.deliverTo(d, l, p, Truth{Class: "press"}))
}

var localPapers = []string{"Valley Advertiser|valleyadvertiser.example", "Dorfzeitung|dorfzeitung.example", "L'Écho des Collines|echodescollines.example", "Student Radio Two|studentradio.example"}

// bounce is a delivery failure (RFC 3464) for something the person did send.
func (h *House) bounce(d *draw) []Mail {
	p := one(d, h.insiders())
	failed := d.address(one(d, h.cultures[0].given).latin, one(d, h.cultures[0].family).latin, freemail)
	l := letter{from: box{"Mail Delivery System", "mailer-daemon@" + h.Domain}, subject: "Undelivered Mail Returned to Sender", when: d.day(), internal: true, mailer: "webmail"}
	text := textPart("Your message to <"+failed+"> could not be delivered: the mailbox is full.\n", "plain", "us-ascii", "8bit")
	status := part{fields: []string{"Content-Type: message/delivery-status"}, body: []byte(toCRLF(fmt.Sprintf(
		"Reporting-MTA: dns; %s\n\nFinal-Recipient: rfc822; %s\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 mailbox full\n", h.AuthServID, failed)))}
	head := part{fields: []string{"Content-Type: text/rfc822-headers"}, body: []byte(toCRLF(fmt.Sprintf(
		"From: %s\nTo: %s\nSubject: Re: your letter\nMessage-ID: %s\n", box{ascii(p.Latin()), p.Addresses[0]}, failed, d.messageID(h.Domain, "webmail"))))}
	body := part{multi: "report; report-type=delivery-status", kids: []part{text, status, head}}
	l.body = &body
	return single(h.deliverTo(d, l, p, Truth{Class: "bounce"}))
}

// fromStaff is a note from an assistant to the member.
func (h *House) fromStaff(d *draw) []Mail {
	for _, i := range d.Perm(len(h.People)) {
		boss := &h.People[i]
		if len(boss.Staff) == 0 {
			continue
		}
		for j := range h.People {
			if p := &h.People[j]; p.ID == boss.Staff[0] {
				l := d.plainLetter("staff", "en", p.given.latin, boss.Latin(), d.day())
				l.from, l.internal = box{p.Name, p.Addresses[0]}, true
				return single(h.deliverTo(d, l, boss, Truth{Class: "staff"}))
			}
		}
	}
	return h.colleague(d)
}

// private is a member writing from their own private address, which people.toml knows.
func (h *House) private(d *draw) []Mail {
	for _, i := range d.Perm(len(h.People)) {
		p := &h.People[i]
		if addr := p.private(); addr != "" {
			rcpt := one(d, h.others(p))
			l := d.plainLetter("private", "en", p.given.latin, rcpt.Latin(), d.day())
			l.from = box{p.Latin(), addr}
			return single(h.deliverTo(d, l, rcpt, Truth{Class: "private"}))
		}
	}
	return h.colleague(d)
}

// Letters makes n copies of a campaign letter from the public, each from
// somebody else, most of them changed a little. All go to the same few members.
func Letters(seed uint64, h *House, n int) []Mail {
	d := newDraw(seed, "letters")
	return h.letters(d, some(d, h.members(), 3), n, d.dayIn(60, 600))
}
