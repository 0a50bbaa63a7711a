package synth

import (
	"fmt"
	"strings"
	"time"
)

// HijackClasses are the ways into somebody else's conversation.
func HijackClasses() []string {
	return []string{"hijack/newcomer", "hijack/bank-details", "hijack/reply-to", "hijack/acquaintance"}
}

// Hijack makes n conversations of every class. The genuine messages come first
// (Class "thread", harmless), then the one that does not belong.
func Hijack(seed uint64, h *House, n int) []Mail {
	d := newDraw(seed, "hijack")
	var mails []Mail
	for _, class := range HijackClasses() {
		for i := range n {
			mails = append(mails, h.hijack(d, class, fmt.Sprintf("%s-%d", class, i))...)
		}
	}
	return inOrder(mails)
}

func (h *House) hijack(d *draw, class, campaign string) []Mail {
	member := one(d, h.members())
	s := d.stranger(h.cultures)
	firm := organisations([]string{own(d, suppliers)})[0]
	other := party{box: box{s.full(), localPart(s.given.latin) + "." + localPart(s.family.latin) + "@" + firm.Domains[0]}}
	us := party{box{member.Name, member.Addresses[0]}, member}
	when := d.dayIn(10, 650)
	if class == "hijack/acquaintance" {
		return single(h.acquaintance(d, member, when, campaign))
	}
	thread := h.conversation(d, "business", other, us, 2*d.between(1, 2)+1, when, Truth{Class: "thread", Campaign: campaign})
	last := thread[len(thread)-1]
	return append(thread, h.intrude(d, class, last, other.box, member, campaign))
}

var suppliers = []string{"Print House North|printhousenorth.example", "Bureau Translation|bureautranslation.example", "Stage & Sound|stagesound.example", "Catering Ahorn|cateringahorn.example",
	"Webwerk|webwerk.example", "Survey Partners|surveypartners.example", "Moving Company Blau|umzugblau.example", "Legal Desk|legaldesk.example"}

// intrude answers the last genuine message in the other side's name.
func (h *House) intrude(d *draw, class string, last Mail, as box, member *Person, campaign string) Mail {
	kind := strings.ReplaceAll(strings.TrimPrefix(class, "hijack/"), "-", "")
	l := letter{when: last.Time.Add(time.Duration(d.between(3600, 200000)) * time.Second), lang: "en", auth: authPass}
	l.subject = headerOf(last.Raw, "Subject")
	if !strings.HasPrefix(l.subject, "Re: ") {
		l.subject = "Re: " + l.subject
	}
	l.references = []string{headerOf(last.Raw, "Message-ID")}
	switch {
	case kind == "replyto":
		l.from, l.auth, l.envelope = as, authFail, "x@"+own(d, hostWords)+".test"
		l.replyTo = box{as.name, strings.Replace(localOf(as.addr), ".", "", 1) + "@" + own(d, freemail)}
	case d.chance(50):
		kinds := []string{"domain-missing", "domain-added", "domain-swapped", "domain-tld", "domain-word"}
		l.from = box{as.name, localOf(as.addr) + "@" + lookalikes[one(d, kinds)](d, as.domain())}
	default:
		l.from = box{as.name, localOf(as.addr) + d.letters("0123456789", 2) + "@" + own(d, freemail)}
	}
	if kind == "bankdetails" {
		kind = "bank"
	}
	s := append(d.occasion("en", l.when), personal(member.Latin(), as.name)...)
	s = append(s, "{url}", "https://"+own(d, hostWords)+".test/"+d.path(), "{iban}", d.iban())
	l.text = d.letterText("en", s.fill(d.template("hijack", "en", kind).body), s) + "\n\n" + quote(as, last.Time, "Thank you, we will come back to you about this.")
	if d.chance(50) {
		l.html = d.html(l.text)
	}
	return h.deliverTo(d, l, member, Truth{Class: class, Impersonates: as.name, Campaign: campaign, Malicious: true})
}

func localOf(addr string) string { return addr[:strings.LastIndexByte(addr, '@')] }

// headerOf reads one unfolded field of a message made here.
func headerOf(raw []byte, name string) string {
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// iban has a valid checksum (ISO 13616) and the country code XX, which nobody has.
func (d *draw) iban() string {
	account := d.letters("0123456789", 18)
	rest := 0
	for _, c := range account + "333300" { // XX is 33 33
		rest = (rest*10 + int(c-'0')) % 97
	}
	all := fmt.Sprintf("XX%02d%s", 98-rest, account)
	return strings.Join([]string{all[:4], all[4:8], all[8:12], all[12:16], all[16:20], all[20:]}, " ")
}

// acquaintance is a stranger who says that they have met.
func (h *House) acquaintance(d *draw, member *Person, when time.Time, campaign string) Mail {
	s := d.stranger(h.cultures)
	l := letter{from: box{s.full(), d.address(s.given.latin, s.family.latin, ownAll(d, freemail))}, when: when, lang: "en", auth: authPass}
	words := append(d.occasion("en", when), personal(member.Latin(), s.full())...)
	words = append(words, "{url}", "https://"+own(d, hostWords)+".test/"+d.path())
	var body string
	l.subject, body = words.template(d.template("hijack", "en", "acquaintance"))
	l.text = d.letterText("en", body, words)
	d.dress(&l)
	return h.deliverTo(d, l, member, Truth{Class: "hijack/acquaintance", Campaign: campaign, Malicious: true})
}
