package synth

import (
	"fmt"
	"hash/fnv"
	"html"
	"slices"
	"strings"
	"time"
)

// Incidents makes n operations, each by an operator with servers, domains, a kit and
// texts of their own, in one to four waves of one to five mails over weeks. From one wave to
// the next an operator gives up some of that and keeps the rest, as operators do; what is kept
// differs (see habits). Truth.Campaign names the operation.
//
// Around them lies what makes telling them apart hard: web space that operators share
// with clubs and shops, providers that send for everybody, the true newsletter
// whose text a lure copied, the security desk's circular that quotes two
// operations, and a reader who forwards what came. Those carry no Truth.Campaign;
// circulars and forwarded mail are Background.
func Incidents(seed uint64, h *House, n int) []Mail {
	d := newDraw(seed, "incidents")
	var mails []Mail
	ops := make([]*operator, n)
	for i := range ops {
		ops[i] = h.operator(d, i)
		mails = append(mails, h.operate(d, ops[i])...)
	}
	mails = append(mails, h.neighbours(d, ops)...)
	mails = append(mails, h.circulars(d, ops)...)
	return inOrder(mails)
}

// habits are what operators keep from wave to wave.
var habits = []string{
	"same-all",     // nothing changes but the text
	"same-tracker", // another sender each time, the same host behind the links
	"same-server",  // other domains, one rented machine that sends it all
	"same-text",    // everything is new but what the mail says and how it is built
	"same-file",    // other names, the same document
	"same-reply",   // other free addresses, the same mailbox for the answers
}

// operator is who is behind one operation.
type operator struct {
	id, habit string
	poses     []pretender // whom the mails claim to be from, wave by wave
	hosts     []string    // behind the links
	machine   server
	provider  string // that sends for them, as for many others; "" if they send themselves
	kit       tracking
	mailer    string
	style     int
	story     []string
	file      part
	reply     box
	interest  string // whose topic the targets share
	seen      []string
}

func (h *House) operator(d *draw, i int) *operator {
	o := &operator{
		id: fmt.Sprintf("operation-%d", i), habit: habits[i%len(habits)], style: d.IntN(4), mailer: one(d, []string{"phpmailer", "webmail", "outlook", "roundcube"}),
		interest: one(d, topicKeys()), machine: d.rented("vps-" + d.hex(6) + "." + d.coined() + ".test"),
		reply: box{"", d.letters("abcdefghijklmnopqrstuvwxyz", 6) + d.letters("0123456789", 3) + "@" + own(d, freemail)},
	}
	o.kit = d.tracking("", "")
	o.kit.techniques = some(d, []string{"pixel1", "pixel2", "hidden-img", "background", "named-image"}, d.between(1, 2))
	o.kit.placement = one(d, []string{"path", "query", "split"})
	switch k := d.IntN(10); {
	case o.habit == "same-server":
	case k < 3: // web space shared with many
		o.machine = shared(d)
	case k < 5 && o.habit != "same-reply" && o.habit != "same-file":
		o.provider = one(d, h.Bulk).Domains[0]
	case k < 7:
		o.machine = server{}
	}
	o.story = d.story(5)
	o.file = d.payload()
	return o
}

// shared is web space that thousands rent.
func shared(d *draw) server {
	n := d.between(1, 2)
	return server{fmt.Sprintf("web%d.budgetspace.example", n), fmt.Sprintf("192.0.2.%d", 200+n)}
}

// rented is a machine that nobody else has. Its address is of the sixth version, for the
// documentation networks of the fourth are so small that two owners would get one address.
func (d *draw) rented(host string) server {
	return server{host, "2001:db8:" + d.hex(4) + ":" + d.hex(4) + "::" + d.hex(3)}
}

// serverOf is the machine that an operator's domain sends from, where it is that domain's only.
func serverOf(domain string) server {
	f := fnv.New32a()
	f.Write([]byte(domain))
	sum := f.Sum32()
	return server{"mail." + domain, fmt.Sprintf("2001:db8:%x:%x::1", sum>>16, sum&0xffff)}
}

// operate is all that the operator sends.
func (h *House) operate(d *draw, o *operator) []Mail {
	when := d.dayIn(60, 600)
	var mails []Mail
	waves := d.between(1, 4)
	if o.habit == "same-reply" || o.habit == "same-file" {
		waves = max(waves, 2)
	}
	for wave := range waves {
		h.prepare(d, o, wave)
		mails = append(mails, h.wave(d, o, wave, when)...)
		when = when.AddDate(0, 0, d.between(3, 45)).Add(time.Duration(d.IntN(36000)) * time.Second)
	}
	if len(mails) < 2 { // an operation of one mail joins nothing
		mails = append(mails, h.wave(d, o, waves-1, when)...)
	}
	return mails
}

// prepare changes what this operator's habit changes.
func (h *House) prepare(d *draw, o *operator, wave int) {
	if wave > 0 {
		switch o.habit {
		case "same-all":
			o.story = d.story(5)
			o.poses, o.hosts = append(o.poses, o.poses[0]), append(o.hosts, o.hosts[0])
			return
		case "same-text":
			o.machine, o.provider, o.mailer = d.rented("vps-"+d.hex(6)+"."+d.coined()+".test"), "", one(d, []string{"phpmailer", "webmail", "outlook"})
		default:
			o.story = d.story(5)
		}
	}
	host := d.coined() + "." + one(d, reservedTLDs[:2])
	if wave > 0 && o.habit == "same-tracker" {
		host = o.hosts[0]
	}
	o.poses, o.hosts = append(o.poses, h.pose(d, o)), append(o.hosts, host)
}

// pose is whom the next wave claims to be from.
func (h *House) pose(d *draw, o *operator) pretender {
	if o.habit == "same-reply" || o.habit == "same-file" || d.chance(25) {
		return h.poseAsColleague(d)
	}
	known := one(d, h.Outlets)
	if d.chance(40) {
		known = one(d, h.Partners)
	}
	return pretender{"newspaper", known.Name, d.spliced(known.Domains[0])}
}

// poseAsColleague takes the name of a member, at a domain of the operator's own or with a provider
// of mailboxes: there an address has one owner, so nobody gets one that another operator has.
func (h *House) poseAsColleague(d *draw) (as pretender) {
	d.untaken(func() string {
		as = pretender{"colleague", one(d, h.members()).Latin(), own(d, freemail)}
		if d.chance(50) {
			as.domain = d.coined() + ".test"
		}
		return as.address()
	})
	return as
}

// address is where one who poses as a colleague writes from.
func (p pretender) address() string {
	return localPart(strings.ReplaceAll(p.name, " ", ".")) + "@" + p.domain
}

// wave is the mail of one day or two.
func (h *House) wave(d *draw, o *operator, wave int, when time.Time) []Mail {
	var mails []Mail
	subject := d.headline()
	for _, p := range h.interested(d, o) {
		when = when.Add(time.Duration(d.between(30, 5000)) * time.Second)
		l := h.bait(d, o, wave, p, subject, when)
		mails = append(mails, h.deliverTo(d, l, p, Truth{Class: "incident/" + o.habit, Impersonates: o.poses[wave].name, Campaign: o.id, Malicious: true}))
	}
	return mails
}

// interested are the targets: mostly people with the operator's topic.
func (h *House) interested(d *draw, o *operator) []*Person {
	var close []*Person
	for _, p := range h.others(nil) {
		for _, t := range p.Topics {
			if t == o.interest {
				close = append(close, p)
			}
		}
	}
	n := one(d, []int{1, 1, 2, 2, 3, 4, 5})
	if len(close) < n || d.chance(25) {
		close = h.others(nil)
	}
	return some(d, close, n)
}

// bait is one mail of a wave.
func (h *House) bait(d *draw, o *operator, wave int, p *Person, subject string, when time.Time) letter {
	pose, host := o.poses[wave], o.hosts[wave]
	l := letter{subject: subject, when: when, lang: "en", mailer: o.mailer, server: o.machine, auth: authPass}
	l.from = box{pose.name, own(d, []string{"desk", "editor", "contact", "office"}) + "@" + pose.domain}
	if pose.kind == "colleague" {
		l.from.addr = pose.address()
	}
	if l.server.ip == "" && !slices.Contains(freemail, pose.domain) {
		l.server = serverOf(pose.domain)
	}
	addr := p.Addresses[0]
	l.to = []box{{p.Name, addr}}
	kit := o.kit
	kit.host, kit.link = host, host
	if o.provider != "" {
		l.envelope, l.sign, l.mailer, l.server = "bounce-"+d.hex(8)+"@"+o.provider, o.provider, "esp", server{}
		l.extra = append(l.extra, "List-Unsubscribe: <https://"+h.clicks(o.provider)+"/u/"+d.hex(16)+">")
	}
	switch {
	case o.habit == "same-file":
		l.attach = []part{o.file}
	case o.habit == "same-reply":
		l.replyTo = box{pose.name, o.reply.addr}
	}
	o.write(d, &l, &kit, p, addr)
	o.seen = append(o.seen, host)
	return l
}

// clicks is the host through which a provider counts.
func (h *House) clicks(provider string) string {
	for _, b := range h.Bulk {
		if b.Domains[0] == provider {
			return b.Domains[len(b.Domains)-1]
		}
	}
	return provider
}

// write fills in the text, built the way the operator builds mail.
func (o *operator) write(d *draw, l *letter, kit *tracking, p *Person, addr string) {
	link := ""
	if o.habit != "same-file" && o.habit != "same-reply" {
		link = kit.url(addr, d.coined())
	}
	greeting := "Dear " + p.Latin() + ","
	l.text = greeting + "\n\n" + strings.Join(o.story, " ")
	if link != "" {
		l.text += "\n\n" + link
	}
	l.text += "\n\n" + l.from.name
	if o.habit == "same-reply" {
		return
	}
	wrap := [][2]string{
		{`<table width="600"><tr><td>`, `</td></tr></table>`}, {`<div style="max-width:640px"><section>`, `</section></div>`},
		{`<center><table class="outer"><tbody><tr><td><span>`, `</span></td></tr></tbody></table></center>`}, {`<article>`, `</article>`},
	}[o.style]
	var b strings.Builder
	b.WriteString("<html><body>" + wrap[0] + "<p>" + html.EscapeString(greeting) + "</p>")
	for i, s := range o.story {
		if i%(o.style+1) == 0 {
			b.WriteString("<p>" + html.EscapeString(s) + "</p>")
		} else {
			b.WriteString("<div><em>" + html.EscapeString(s) + "</em></div>")
		}
	}
	if link != "" {
		b.WriteString(`<p><a href="` + html.EscapeString(link) + `">Read on</a></p>`)
		for _, t := range kit.techniques {
			_, hidden := kit.hidden(t, addr)
			b.WriteString(hidden)
		}
	}
	b.WriteString("<p>" + html.EscapeString(l.from.name) + "</p>" + wrap[1] + "</body></html>")
	l.html = b.String()
}

// payload is a document with a macro, the same bytes each time it is sent.
func (d *draw) payload() part {
	name := own(d, fileNames) + "_" + d.letters("0123456789", 4)
	return attachment(name+".docm", "application/vnd.ms-word.document.macroEnabled.12", docx("https://"+d.coined()+".test/"+d.hex(12), compoundFile(false)))
}

// neighbours are harmless people on the same web space, and the true senders whose
// newsletters the operators' texts were taken from.
func (h *House) neighbours(d *draw, ops []*operator) []Mail {
	var mails []Mail
	for range 30 {
		who := d.stranger(h.cultures)
		p := one(d, h.members())
		l := d.plainLetter("constituent", "en", who.full(), p.Latin(), d.day())
		l.from = box{who.full(), localPart(who.given.latin) + "@" + d.coined() + ".example"}
		l.server = shared(d)
		mails = append(mails, h.deliverTo(d, l, p, Truth{Class: "neighbour"}))
	}
	for _, o := range ops {
		if o.poses[0].kind == "newspaper" && d.chance(50) {
			mails = append(mails, h.original(d, o)...)
		}
	}
	return mails
}

// original is the newsletter of the outlet itself, with the text that the operator copied.
func (h *House) original(d *draw, o *operator) []Mail {
	when := d.dayIn(40, 500)
	for _, known := range append(h.Outlets[:len(h.Outlets):len(h.Outlets)], h.Partners...) {
		if known.Name == o.poses[0].name {
			m := h.espMailing(d, known, "en")
			d.issue(m, "press", when)
			m.intro = strings.Join(o.story, " ")
			return h.send(d, m, some(d, h.members(), d.between(3, 9)), when, Truth{Class: "newsletter"}, false)
		}
	}
	return nil
}

// circulars quote hosts of two operations in one mail; and readers pass on what they got.
func (h *House) circulars(d *draw, ops []*operator) []Mail {
	var mails []Mail
	desk := one(d, h.insiders())
	for range max(1, len(ops)/4) {
		pair := some(d, ops, 2)
		hosts := append(append([]string{}, pair[0].seen...), pair[len(pair)-1].seen...)
		when := d.dayIn(610, 690)
		for _, p := range some(d, h.insiders(), 4) {
			l := letter{from: box{"Security Desk", desk.Addresses[0]}, subject: "Hosts to watch for", when: when, auth: authPass, internal: true, lang: "en"}
			l.text = "Please tell us if you had mail with one of these addresses:\n\nhttps://" + strings.Join(hosts, "/\nhttps://") + "/\n\nThe Security Desk"
			mails = append(mails, h.deliverTo(d, l, p, Truth{Class: "echo/circular", Background: true}))
		}
	}
	for _, o := range ops {
		if d.chance(30) && len(o.seen) > 0 {
			p := one(d, h.insiders())
			l := letter{from: box{p.Latin(), p.Addresses[0]}, subject: "Fwd: is this genuine?", when: d.dayIn(610, 690), auth: authPass, internal: true, lang: "en"}
			l.text = "Can you have a look?\n\n> " + strings.Join(o.story, " ") + "\n> https://" + o.seen[0] + "/"
			mails = append(mails, h.deliverTo(d, l, desk, Truth{Class: "echo/forward", Background: true}))
		}
	}
	return mails
}
