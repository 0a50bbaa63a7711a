package synth

import "time"

// courier is the reconnaissance: a newspaper's name, four critics of Ozmark, and
// a tracker that tells them apart. Two of the copies passed a link wrapper.
func (s scene) courier() []Mail {
	truth := Truth{Class: "reconnaissance", Impersonates: "The Lantern Courier", Campaign: "courier", Malicious: true}
	mails := s.courierWave("courier", on(2025, time.May, 13, 7, 42), []int{0, 1, 2, 3}, truth)
	return append(mails, s.courierWave("courier2", on(2025, time.June, 4, 9, 5), []int{0, 2}, truth)...)
}

func (s scene) courierWave(kind string, when time.Time, readers []int, truth Truth) []Mail {
	domain := "lantern-courier-world.example"
	t := pool(s.d.templates("example"), "en", kind)[0]
	m := mailing{
		from: box{"The Lantern Courier", "newsdesk@" + domain}, subject: t.subject, intro: t.body, lang: "en", style: 1, mailer: "phpmailer", auth: authPass,
		personalGreeting: true, sign: domain, unsubscribe: "https://" + domain, footer: "The Lantern Courier, world desk",
		items: []item{{"Read the passages that concern you", "Reserved for the persons named. The link is personal.", "ozmark-port-contract"}, {"How the contract came about", "A chronology of three years.", "chronology"}},
		tracking: &tracking{host: "news-tracker.example", link: "news-tracker.example", techniques: []string{"pixel1", "background"},
			placement: "path", tokenKind: "hex", param: "r", secret: kind},
	}
	wrapped := map[int]string{1: "safelinks", 3: "urldefense3"}
	var mails []Mail
	for _, i := range readers {
		p := s.person(i)
		when = when.Add(time.Duration(s.d.between(200, 900)) * time.Second)
		addr := p.Addresses[0]
		if i == 2 { // she reads this at home
			addr = p.Addresses[1]
		}
		l := m.copyFor(s.d, p.Latin(), addr, wrapped[i], when)
		mails = append(mails, s.h.deliverTo(s.d, l, p, truth))
	}
	return mails
}

// jointLetter is written in Anna Keller's name to a colleague abroad.
func (s scene) jointLetter() []Mail {
	anna, asa := s.person(0), s.person(12)
	l := letter{from: box{"Anna Keller", "anna.keller@parliarnent.example"}, when: on(2025, time.September, 18, 16, 20), mailer: "webmail", auth: authPass}
	s.piece("jointletter", &l, asa.Latin(), anna.Latin(), "{url}", "https://docs-share.test/d/7Kq2vXb9", "{private}", "a.keller.office@postbox.example")
	l.text += "\n\n" + s.h.signature(anna)
	l.html = s.d.html(l.text)
	return single(s.h.deliverTo(s.d, l, asa, Truth{Class: "impersonation/domain-rnm", Impersonates: anna.Name, Malicious: true}))
}

// login is the credential phish, to an office manager.
func (s scene) login() []Mail {
	claire := s.person(9)
	l := letter{from: box{"Verania Parliament IT Service", "it-desk@webaccess.example"}, when: on(2025, time.October, 7, 13, 55), mailer: "phpmailer", auth: authPass}
	s.piece("login", &l, claire.Latin(), "IT Service")
	l.html = s.d.html(l.text) +
		`<p><a href="https://login.parliament-verania.example/owa/auth?u=Y2xhaXJlLmR1Ym9pcw">https://login.parliament.example/</a></p>`
	l.text += "\n\nhttps://login.parliament-verania.example/owa/auth?u=Y2xhaXJlLmR1Ym9pcw"
	return single(s.h.deliverTo(s.d, l, claire, Truth{Class: "credential/login-lookalike", Impersonates: s.h.Name, Malicious: true}))
}

// printing is a genuine order into which somebody writes with a new bank account.
func (s scene) printing() []Mail {
	claire := s.person(9)
	us, firm := box{claire.Name, claire.Addresses[0]}, box{"Print House North", "orders@printhousenorth.example"}
	turns := []struct {
		kind string
		from box
		when time.Time
	}{
		{"order", us, on(2025, time.July, 1, 9, 10)}, {"offer", firm, on(2025, time.July, 1, 14, 2)},
		{"delivered", firm, on(2025, time.July, 24, 11, 31)},
		{"bank", box{"Print House North", "orders@printhouse-north.test"}, on(2025, time.July, 28, 8, 47)},
	}
	var mails []Mail
	var ids []string
	quoted := ""
	for _, turn := range turns {
		l := letter{from: turn.from, when: turn.when, mailer: "webmail", auth: authPass, references: append([]string{}, ids...)}
		reader := claire.Latin()
		if turn.from == us {
			reader = firm.name
		}
		s.piece(turn.kind, &l, reader, turn.from.name, "{iban}", s.d.iban())
		if quoted != "" {
			l.text += "\n\n" + quoted
		}
		l.id = s.d.messageID(turn.from.domain(), "webmail")
		ids = append(ids, l.id)
		quoted = quote(turn.from, turn.when, l.text)
		if turn.from == us {
			continue
		}
		truth := Truth{Class: "thread", Campaign: "printing"}
		if turn.kind == "bank" {
			truth = Truth{Class: "hijack/bank-details", Impersonates: firm.name, Campaign: "printing", Malicious: true}
		}
		mails = append(mails, s.h.deliverTo(s.d, l, claire, truth))
	}
	return mails
}

// extract is a copy of the electoral register that stayed in a mailbox.
func (s scene) extract() []Mail {
	ngozi, gosia := s.person(11), s.person(7)
	l := letter{from: box{gosia.Name, gosia.Addresses[0]}, when: on(2024, time.November, 21, 17, 12), internal: true, mailer: "outlook"}
	s.piece("register", &l, ngozi.Latin(), gosia.Latin())
	l.attach = []part{attachment("ward7.xlsx", typeXlsx, xlsx(s.h.voters(s.d, 240)))}
	return single(s.h.deliverTo(s.d, l, ngozi, Truth{Class: "register/xlsx", Malicious: true}))
}

// traps look wrong and are not: a namesake, and the press office's own circular.
func (s scene) traps() []Mail {
	var mails []Mail
	for _, t := range []struct {
		kind string
		to   int
		when time.Time
	}{{"honey", 0, on(2024, time.August, 14, 19, 3)}, {"lights", 4, on(2025, time.January, 20, 10, 26)}} {
		l := letter{from: box{"Anna Keller", "anna.keller58@mailhub.example"}, when: t.when, mailer: "webmail", auth: authPass}
		s.piece(t.kind, &l, s.person(t.to).Latin(), "Anna Keller")
		mails = append(mails, s.h.deliverTo(s.d, l, s.person(t.to), Truth{Class: "namesake"}))
	}
	m := &mailing{from: box{"Parliament of Verania Press Office", "press@" + s.h.Domain}, lang: "en", style: 0, mailer: "webmail", sign: s.h.Domain, footer: "Press Office, Parliament of Verania"}
	for issue := range 3 {
		when := on(2024, time.April, 15, 8, 0).AddDate(0, 6*issue, 0)
		s.d.issue(m, "house", when)
		mails = append(mails, s.h.send(s.d, m, s.people(0, 1, 2, 4, 6), when, Truth{Class: "newsletter"}, false)...)
	}
	return mails
}
