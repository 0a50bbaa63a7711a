package synth

import (
	"fmt"
	"hash/fnv"
	"mime"
	"slices"
	"strings"
	"time"
)

// box is one address with the name shown before it.
type box struct{ name, addr string }

func (b box) domain() string { return domainOf(b.addr) }

func domainOf(addr string) string { return addr[strings.LastIndexByte(addr, '@')+1:] }

// String writes the box for a header. Names outside ASCII become encoded words.
func (b box) String() string {
	switch {
	case b.name == "":
		return b.addr
	case !isASCII(b.name):
		return foldWords(mime.BEncoding.Encode("utf-8", b.name)) + " <" + b.addr + ">"
	case strings.ContainsAny(b.name, `.,:;@()<>[]"\`):
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(b.name) + `" <` + b.addr + ">"
	default:
		return b.name + " <" + b.addr + ">"
	}
}

func foldWords(s string) string { return strings.ReplaceAll(s, "?= =?", "?=\r\n =?") }

func boxes(list []box) string {
	words := make([]string, len(list))
	for i, b := range list {
		words[i] = b.String()
	}
	return strings.Join(words, ",\r\n ")
}

// outcome is what the receiving gateway found out about the sender.
type outcome int

const (
	authPass    outcome = iota // SPF and DMARC pass
	authNone                   // the domain publishes nothing
	authFail                   // DMARC fails
	authMissing                // the gateway wrote no Authentication-Results
)

// server is a machine that hands mail over.
type server struct{ host, ip string }

// letter is a message before it is written down.
type letter struct {
	from, replyTo, sender box
	envelope              string // MAIL FROM; the From address if empty
	to, cc                []box
	subject               string
	when                  time.Time
	text, html            string
	lang                  string
	attach, embed         []part
	body                  *part    // instead of text, html and attachments
	extra                 []string // header lines
	mailer                string
	sign                  string // DKIM domain; unsigned if empty
	auth                  outcome
	id                    string   // Message-ID with brackets; invented if empty
	references            []string // ids of the thread so far
	internal              bool     // sent within the house
	rewritten             bool     // a gateway changed the links, so that the signature no longer holds
	server                server   // that hands it over; the envelope domain's own if empty
}

// mailers by the lines they add and the order in which they write fields.
var mailers = map[string]struct {
	lines []string
	order string
}{
	"outlook":     {[]string{"X-Mailer: Microsoft Outlook 16.0", "Thread-Index: AQHZ0mV1c2VyLWludmVudGVkLXRocmVhZA==", "Content-Language: en-US"}, "from to cc subject date message-id in-reply-to references"},
	"apple":       {[]string{"X-Mailer: Apple Mail (2.3774.600.62)"}, "from subject message-id date cc to references in-reply-to"},
	"thunderbird": {[]string{"User-Agent: Mozilla Thunderbird", "Content-Language: en-GB"}, "message-id date to references from subject in-reply-to cc"},
	"roundcube":   {[]string{"User-Agent: Roundcube Webmail/1.6.7"}, "date from to cc subject in-reply-to references message-id"},
	"webmail":     {nil, "references in-reply-to from date message-id subject to cc"},
	"phone":       {[]string{"X-Mailer: iPhone Mail (21F90)"}, "from date subject message-id references in-reply-to to cc"},
	"phpmailer":   {[]string{"X-Mailer: PHPMailer 6.9.1"}, "date to from subject message-id"},
	"esp":         {[]string{"X-Priority: 3"}, "from to subject date message-id"},
}

var handMailers = []string{"outlook", "apple", "thunderbird", "roundcube", "webmail", "phone"}

// deliver writes the letter as it lies in one person's mailbox.
func (h *House) deliver(d *draw, l letter, rcpt, mailbox string, truth Truth) Mail {
	raw := h.render(d, l, rcpt)
	return Mail{
		Path:    fmt.Sprintf("%s/%s-%s.eml", mailbox, l.when.Format("2006-01-02"), d.hex(10)),
		Mailbox: mailbox, Raw: raw, Truth: truth, Time: l.when,
	}
}

// deliverTo is deliver for a person of the house, at their first address.
func (h *House) deliverTo(d *draw, l letter, p *Person, truth Truth) Mail {
	if len(l.to) == 0 {
		l.to = []box{{p.Name, p.Addresses[0]}}
	}
	rcpt := p.Addresses[0]
	for _, b := range l.to {
		if slices.Contains(p.Addresses, b.addr) {
			rcpt = b.addr
		}
	}
	truth.Targets = append(truth.Targets, rcpt)
	return h.deliver(d, l, rcpt, p.Mailbox(), truth)
}

func (h *House) render(d *draw, l letter, rcpt string) []byte {
	if l.mailer == "" {
		l.mailer = one(d, handMailers)
	}
	if l.envelope == "" {
		l.envelope = l.from.addr
	}
	if l.id == "" {
		l.id = d.messageID(domainOf(l.envelope), l.mailer)
	}
	if l.lang == "" {
		l.lang = "en"
	}
	fields := l.ordered()
	mimeFields, body := l.content(d).render(d)
	fields = append(fields, "MIME-Version: 1.0")
	fields = append(fields, mimeFields...)
	fields = append(fields, l.extra...)
	var signature []string
	if l.sign != "" {
		signature = []string{dkimSign(l.sign, fields, l.asSent(body))}
	}
	trace := h.trace(d, l, rcpt)
	all := slices.Concat(trace, signature, fields)
	return append([]byte(strings.Join(all, "\r\n")+"\r\n\r\n"), body...)
}

// asSent stands for the body that was signed: what a wrapper changed on arrival
// passed at the gateway and can't be verified any more.
func (l *letter) asSent(body []byte) []byte {
	if l.rewritten {
		return append([]byte("before rewriting\r\n"), body...)
	}
	return body
}

// ordered gives the fields the mailer writes, in its order.
func (l *letter) ordered() []string {
	style := mailers[l.mailer]
	lines := map[string]string{
		"from": "From: " + l.from.String(), "to": "To: " + boxes(l.to), "subject": "Subject: " + headerText(l.subject),
		"date": "Date: " + l.when.Add(-4*time.Second).Format("Mon, 2 Jan 2006 15:04:05 -0700"), "message-id": "Message-ID: " + l.id,
	}
	if len(l.cc) > 0 {
		lines["cc"] = "Cc: " + boxes(l.cc)
	}
	if n := len(l.references); n > 0 {
		lines["references"] = "References: " + strings.Join(l.references, "\r\n ")
		lines["in-reply-to"] = "In-Reply-To: " + l.references[n-1]
	}
	var out []string
	for name := range strings.FieldsSeq(style.order) {
		if line := lines[name]; line != "" {
			out = append(out, line)
		}
	}
	if l.replyTo.addr != "" {
		out = append(out, "Reply-To: "+l.replyTo.String())
	}
	if l.sender.addr != "" {
		out = append(out, "Sender: "+l.sender.String())
	}
	return append(out, style.lines...)
}

// headerText encodes and folds unstructured text (RFC 2047, RFC 5322 §2.2.3).
func headerText(s string) string {
	if !isASCII(s) {
		return foldWords(mime.BEncoding.Encode("utf-8", s))
	}
	if len(s) > 66 {
		if i := strings.LastIndexByte(s[:66], ' '); i > 0 {
			return s[:i] + "\r\n" + s[i:]
		}
	}
	return s
}

// content is the MIME tree of text, HTML, pictures and files.
func (l *letter) content(d *draw) part {
	if l.body != nil {
		return *l.body
	}
	charset := d.charsetFor(l.lang)
	encoding := one(d, []string{"quoted-printable", "quoted-printable", "base64", "8bit"})
	var texts []part
	if l.text != "" || l.html == "" {
		texts = append(texts, textPart(l.text+"\n", "plain", charset, encoding))
	}
	if l.html != "" {
		texts = append(texts, group("related", append([]part{textPart(l.html+"\n", "html", charset, encoding)}, l.embed...)...))
	}
	return group("mixed", append([]part{group("alternative", texts...)}, l.attach...)...)
}

// messageID has the shape the mailer gives it.
func (d *draw) messageID(domain, mailer string) string {
	switch mailer {
	case "apple", "phone":
		return "<" + strings.ToUpper(d.uuid()) + "@" + domain + ">"
	case "thunderbird":
		return "<" + d.uuid() + "@" + domain + ">"
	case "roundcube":
		return "<" + d.hex(32) + "@" + domain + ">"
	case "esp":
		return "<" + d.letters("0123456789", 14) + "." + d.hex(16) + "@" + domain + ">"
	default:
		return "<" + d.letters(idLetters, 30) + "@mail." + domain + ">"
	}
}

// houseZone is what the house's gateway stamps.
var houseZone = time.FixedZone("", 3600)

// trace are the fields that the receiving side adds, newest first.
func (h *House) trace(d *draw, l letter, rcpt string) []string {
	gateway := h.gateway(rcpt)
	from := "mail." + domainOf(l.envelope)
	stamp := l.when.In(houseZone).Format("Mon, 2 Jan 2006 15:04:05 -0700")
	out := []string{"Delivered-To: " + rcpt, "Return-Path: <" + l.envelope + ">"}
	if l.internal {
		return append(out, fmt.Sprintf("Received: from inside.%s (inside.%[1]s [2001:db8:10::%x])\r\n by %s with ESMTPS id %s\r\n for <%s>; %s",
			h.Domain, d.between(1, 60), gateway, d.letters(idLetters, 12), rcpt, stamp))
	}
	ip := addressOf(domainOf(l.envelope))
	if l.server.ip != "" {
		from, ip = l.server.host, l.server.ip
	}
	out = append(out, fmt.Sprintf("Received: from %s (%[1]s [%s])\r\n by %s with ESMTPS id %s\r\n for <%s>; %s",
		from, ip, gateway, d.letters(idLetters, 12), rcpt, stamp))
	if l.auth != authMissing {
		out = append(out, "Authentication-Results: "+gateway+";"+l.results())
	}
	if d.chance(40) {
		out = append(out, fmt.Sprintf("Received: from [IPv6:2001:db8:%x::%x] by %s with ESMTPSA;\r\n %s",
			d.between(0x20, 0xffff), d.between(1, 0xffff), from, l.when.Add(-3*time.Second).Format("Mon, 2 Jan 2006 15:04:05 -0700")))
	}
	return out
}

// results is the rest of an Authentication-Results field (RFC 8601).
func (l *letter) results() string {
	envelope, from := toASCII(domainOf(l.envelope)), toASCII(l.from.domain())
	spf, dkim, dmarc := "pass", "none", "pass"
	if l.sign != "" {
		dkim = "pass header.d=" + l.sign
	}
	switch l.auth {
	case authNone:
		spf, dmarc = "none", "none"
	case authFail:
		dmarc = "fail"
		if envelope == from {
			spf = "fail"
		}
	}
	return fmt.Sprintf("\r\n spf=%s smtp.mailfrom=%s;\r\n dkim=%s;\r\n dmarc=%s header.from=%s", spf, envelope, dkim, dmarc, from)
}

// gateway is the host that takes mail for an address. Only that of the house is
// one whose results the house can trust.
func (h *House) gateway(rcpt string) string {
	domain := domainOf(rcpt)
	for _, o := range h.Organisations {
		if o.Own && slices.Contains(o.Domains, domain) {
			return h.AuthServID
		}
	}
	return "mx." + domain
}

// addressOf gives every domain a documentation address of its own.
func addressOf(domain string) string {
	f := fnv.New32a()
	f.Write([]byte(domain))
	sum := f.Sum32()
	net := []string{"192.0.2", "198.51.100", "203.0.113"}[sum%3]
	return fmt.Sprintf("%s.%d", net, 1+sum/3%254)
}

// signature is what people put below their mail.
func (h *House) signature(p *Person) string {
	lines := []string{p.Latin(), p.Role, p.Organisation}
	if p.Office != "" {
		lines = append(lines, p.Office)
	}
	return strings.Join(lines, "\n")
}
