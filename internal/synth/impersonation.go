package synth

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ImpersonationClasses are the ways to pass for somebody, as they appear in Truth.Class.
func ImpersonationClasses() []string {
	return []string{
		"impersonation/exact", "impersonation/reordered", "impersonation/initials", "impersonation/title",
		"impersonation/nickname", "impersonation/transliterated", "impersonation/homoglyph", "impersonation/invisible",
		"impersonation/localpart",
		"impersonation/domain-homoglyph", "impersonation/domain-rnm", "impersonation/domain-missing",
		"impersonation/domain-added", "impersonation/domain-swapped", "impersonation/domain-tld",
		"impersonation/domain-word", "impersonation/domain-subdomain", "impersonation/domain-punycode",
		"impersonation/reply-to", "impersonation/dmarc", "impersonation/organisation",
	}
}

// Impersonation makes n messages of every class: somebody passes for a member,
// or for the house, towards colleagues, staff, ministers and colleagues abroad.
func Impersonation(seed uint64, h *House, n int) []Mail {
	d := newDraw(seed, "impersonation")
	var mails []Mail
	for _, class := range ImpersonationClasses() {
		for range n {
			mails = append(mails, h.impersonate(d, class))
		}
	}
	return inOrder(mails)
}

// inOrder sorts by time of delivery.
func inOrder(mails []Mail) []Mail {
	slices.SortStableFunc(mails, func(a, b Mail) int { return a.Time.Compare(b.Time) })
	return mails
}

func (h *House) impersonate(d *draw, class string) Mail {
	_, kind, _ := strings.Cut(class, "/")
	if kind == "organisation" {
		return h.impersonateHouse(d, class)
	}
	victim, shown := h.victim(d, kind)
	l := letter{when: d.day(), auth: one(d, []outcome{authPass, authPass, authNone})}
	h.disguiseSender(d, &l, kind, victim, shown)
	rcpt := one(d, h.others(victim))
	h.request(d, &l, victim, rcpt)
	return h.deliverTo(d, l, rcpt, Truth{Class: class, Impersonates: victim.Name, Malicious: true})
}

// victim picks a member whose name lends itself to the disguise.
func (h *House) victim(d *draw, kind string) (*Person, string) {
	members := h.members()
	hide := disguises[kind]
	if hide == nil {
		p := one(d, members)
		return p, p.Latin()
	}
	for range 200 {
		p := one(d, members)
		if shown := hide(d, p); shown != "" {
			return p, shown
		}
	}
	p := one(d, members)
	return p, p.Latin()
}

// disguiseSender fills in From, Reply-To and envelope.
func (h *House) disguiseSender(d *draw, l *letter, kind string, p *Person, shown string) {
	switch {
	case kind == "localpart":
		l.from = box{one(d, []string{"", "", "Office", "Private Office", "Members' Office"}), d.foreignAddress(p, true)}
	case lookalikes[kind] != nil:
		l.from = box{shown, p.Mailbox() + "@" + h.lookalike(d, kind)}
		l.envelope = p.Mailbox() + "@" + toASCII(l.from.domain())
	case kind == "reply-to":
		l.from = box{shown, p.Addresses[0]}
		l.replyTo = box{shown, d.foreignAddress(p, d.chance(60))}
		l.envelope = "bounce@" + own(d, hostWords) + ".test"
		l.auth = one(d, []outcome{authFail, authNone, authMissing})
	case kind == "dmarc":
		l.from = box{shown, p.Addresses[0]}
		l.envelope, l.auth = p.Addresses[0], authFail
		if d.chance(60) {
			l.envelope = "www-data@" + own(d, hostWords) + ".test"
		}
	default:
		l.from = box{shown, d.foreignAddress(p, d.chance(35))}
	}
	if strings.HasSuffix(l.from.domain(), ".test") && l.auth == authPass && d.chance(30) {
		l.sign = toASCII(l.from.domain())
	}
}

// lookalike makes a domain that is taken for one of the house's.
func (h *House) lookalike(d *draw, kind string) string {
	domains := h.Organisations[0].Domains
	if d.chance(25) {
		domains = slices.Concat(h.Organisations[1].Domains, domains)
	}
	for _, real := range domains {
		if fake := lookalikes[kind](d, real); fake != real {
			return fake
		}
	}
	return d.addedWord(h.Domain)
}

// foreignAddress is one the attacker made, with the name in it or not.
func (d *draw) foreignAddress(p *Person, named bool) string {
	providers := ownAll(d, freemail)
	if d.chance(25) {
		providers = []string{own(d, hostWords) + ".test"}
	}
	if !named {
		word := own(d, []string{"private.desk", "office", "contact", "myoffice", "urgent.mail", "direct", "personal", "secretary"})
		return word + d.letters("0123456789", d.between(2, 4)) + "@" + one(d, providers)
	}
	g, f := localPart(p.given.latin), localPart(p.family.latin)
	local := one(d, []string{g + "." + f, g + f, f + "." + g, g + "_" + f, g + "-" + f, g + "." + f + ".mp", f + g, "mp." + g + "." + f})
	if d.chance(35) {
		local += d.letters("0123456789", d.between(1, 3))
	}
	return local + "@" + one(d, providers)
}

// request writes the text: what the impostor wants.
func (h *House) request(d *draw, l *letter, as, to *Person) {
	l.lang = "en"
	if d.chance(65) {
		l.lang = to.Language
	}
	t := d.template("requests", l.lang, "")
	l.lang = t.lang
	host := own(d, hostWords) + "." + one(d, reservedTLDs[:2])
	if l.from.domain() != as.organisationDomain() && d.chance(30) {
		host = toASCII(l.from.domain())
	}
	s := append(d.occasion(l.lang, l.when), personal(to.Latin(), as.Latin())...)
	s = append(s, "{url}", "https://"+host+"/"+d.path(), "{private}", d.foreignAddress(as, true), "{house}", h.Name, "{country}", h.Country)
	var body string
	l.subject, body = s.template(t)
	l.text = d.letterText(l.lang, body, s)
	if d.chance(60) {
		l.text += "\n\n" + h.signature(as)
	}
	d.dress(l)
}

func (p *Person) organisationDomain() string { return domainOf(p.Addresses[0]) }

// path is that of a shared document.
func (d *draw) path() string {
	return one(d, []string{"d/", "s/", "doc/", "view/", "share/", "files/", ""}) + d.letters(idLetters, d.between(6, 16))
}

// dress gives a written letter the reply marks, HTML and quirks that mail has.
func (d *draw) dress(l *letter) {
	if d.chance(12) {
		l.subject = one(d, []string{"Re: ", "Fwd: ", "AW: ", "RE: "}) + l.subject
	}
	if d.chance(55) {
		l.html = d.html(l.text)
	}
	if l.html != "" && d.chance(10) {
		l.text = ""
	}
	l.when = l.when.In(one(d, zones))
}

// zones are fixed offsets, so that no time zone database is needed.
var zones = []*time.Location{
	time.UTC, time.FixedZone("", 3600), time.FixedZone("", 3600), time.FixedZone("", 7200), time.FixedZone("", -5*3600), time.FixedZone("", 8*3600),
}

var houseRoles = []string{"IT Service", "Whips' Office", "Press Office", "Secretariat", "Security Desk", "Office of the Speaker", "Travel Service", "Human Resources", "Committee Office", "Protocol", "Library", "Payroll"}

// impersonateHouse takes the name of the institution, not of a person.
func (h *House) impersonateHouse(d *draw, class string) Mail {
	org := h.Organisations[0]
	name := one(d, append([]string{org.Name}, org.Names...))
	if d.chance(25) {
		name = h.Organisations[1].Name
	}
	shown := name
	if d.chance(60) {
		role := own(d, houseRoles)
		shown = one(d, []string{name + " – " + role, role + ", " + name, name + " " + role, role + " | " + name})
	}
	rcpt := one(d, h.others(nil))
	l := letter{when: d.day(), lang: "en", auth: one(d, []outcome{authPass, authNone}), mailer: one(d, []string{"phpmailer", "outlook", "roundcube"})}
	if d.chance(60) {
		l.lang = rcpt.Language
	}
	l.from = box{shown, own(d, []string{"notice", "service", "office", "info", "secretariat", "desk", "no-reply", "admin"}) + "@" + own(d, hostWords) + "." + one(d, reservedTLDs[:2])}
	t := d.template("notices", l.lang, "")
	l.lang = t.lang
	s := append(d.occasion(l.lang, l.when), personal(rcpt.Latin(), name)...)
	s = append(s, "{house}", name, "{url}", fmt.Sprintf("https://%s/%s", l.from.domain(), d.path()))
	var body string
	l.subject, body = s.template(t)
	l.text = d.letterText(l.lang, body, s)
	d.dress(&l)
	return h.deliverTo(d, l, rcpt, Truth{Class: class, Impersonates: name, Malicious: true})
}
