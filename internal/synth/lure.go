package synth

import "slices"

// LureClasses are the trusted senders a lure may claim to be.
func LureClasses() []string {
	return []string{"lure/outlet", "lure/partner", "lure/institution", "lure/share"}
}

// Lure makes n messages of every class: somebody known is said to write, and
// the domain, the authentication and the links say otherwise.
func Lure(seed uint64, h *House, n int) []Mail {
	d := newDraw(seed, "lure")
	var mails []Mail
	for _, class := range LureClasses() {
		for range n {
			mails = append(mails, h.lure(d, class))
		}
	}
	return inOrder(mails)
}

func (h *House) lure(d *draw, class string) Mail {
	rcpt := one(d, h.others(nil))
	var claimed Organisation
	kind := "partner"
	switch class {
	case "lure/outlet":
		claimed, kind = one(d, h.Outlets), "outlet"
	case "lure/partner":
		claimed = one(d, h.Partners)
	case "lure/institution":
		claimed = one(d, h.Organisations[1:])
	default:
		p := one(d, h.members())
		for p == rcpt {
			p = one(d, h.members())
		}
		claimed, kind = Organisation{Name: p.Latin(), Domains: []string{h.Domain}}, "share"
	}
	l := letter{when: d.day(), auth: one(d, []outcome{authPass, authNone}), lang: "en", mailer: one(d, []string{"phpmailer", "webmail", "roundcube", "outlook"})}
	if d.chance(35) {
		l.lang = rcpt.Language
	}
	h.lureSender(d, &l, claimed)
	host := l.from.domain()
	if d.chance(60) || slices.Contains(claimed.Domains, host) {
		host = own(d, hostWords) + "." + one(d, reservedTLDs[:2])
	}
	t := d.template("lures", l.lang, kind)
	l.lang = t.lang
	s := append(d.occasion(l.lang, l.when), personal(rcpt.Latin(), claimed.Name)...)
	s = append(s, "{outlet}", claimed.Name, "{url}", "https://"+toASCII(host)+"/"+d.path())
	var body string
	l.subject, body = s.template(t)
	l.text = d.letterText(l.lang, body, s)
	d.dress(&l)
	return h.deliverTo(d, l, rcpt, Truth{Class: class, Impersonates: claimed.Name, Malicious: true})
}

// lureSender claims the name on a foreign address, on a similar domain, or on
// the true domain where authentication then fails.
func (h *House) lureSender(d *draw, l *letter, claimed Organisation) {
	local := own(d, []string{"editor", "news", "contact", "office", "desk", "press", "team", "info"})
	real := claimed.Domains[0]
	switch d.IntN(4) {
	case 0:
		l.from = box{claimed.Name, local + "@" + own(d, hostWords) + "." + one(d, reservedTLDs[:2])}
	case 1:
		l.from = box{claimed.Name, local + "@" + d.pressDomain(real)}
	case 2:
		kind := one(d, []string{"domain-missing", "domain-added", "domain-swapped", "domain-tld", "domain-punycode"})
		l.from = box{claimed.Name, local + "@" + toASCII(lookalikes[kind](d, real))}
	default:
		l.from = box{claimed.Name, local + "@" + real}
		l.envelope, l.auth = "daemon@"+own(d, hostWords)+".test", authFail
	}
}
