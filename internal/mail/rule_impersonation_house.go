package mail

import (
	"fmt"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/names"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
)

// housePose reads the message as an impersonation of an institution that is the
// house's own: by its name in front of a foreign address, or by a domain made to
// look like its own, whatever name stands before it. Known organisations and
// mail that authenticates as one of them are not weighed.
func (in *Input) housePose() (pose, bool) {
	if known := in.People.KnownDomain(in.SenderDomain); known != nil {
		return pose{}, false
	}
	if who, _ := in.People.Whose(in.Sender.Addr); who != nil {
		return pose{}, false
	}
	p := pose{key: "house", evidence: []portcullis.Evidence{in.HeaderEvidence("From", 0, "the sender")}}
	in.weighHouseName(&p)
	in.weighHouseDomain(&p)
	if p.of == "" {
		return p, false
	}
	p.flip = "the domain " + in.SenderDomain + " is listed for " + p.of
	in.weighHouseReach(&p)
	askWeight(&p.scale, in.Writing().text)
	return p, true
}

// weighHouseName weighs an own organisation's name in the display name.
func (in *Input) weighHouseName(p *pose) {
	for _, m := range in.NamedIn() {
		if m.Organisation == nil || m.Organisation.Kind != people.KindOwn {
			continue
		}
		p.of = m.Organisation.Name
		p.how = fmt.Sprintf("%q is shown as the sender, but %s is not an address of it", in.Sender.Name, in.Sender.Addr)
		switch {
		case m.Has(names.ClassHomoglyph), m.Has(names.ClassInvisible):
			p.weigh(55, "its name is written with letters that only look like its own")
		case len(strings.Fields(m.Name)) < 2:
			p.weigh(6, "its name stands before a foreign address")
		default:
			p.weigh(20, "its name stands before a foreign address")
		}
		if service := saysAny(strings.ToLower(in.Sender.Name), serviceWords, furtherServiceWords); service != "" {
			p.weigh(10, fmt.Sprintf("it claims to be one of its offices (%q)", service))
		}
		return
	}
}

// serviceWords are offices by which machines and impostors write.
var serviceWords = []string{
	"it ", "it-", "it service", "helpdesk", "help desk", "service desk", "support", "security", "administrator", "admin", "payroll", "human resources", "hr ", "press", "secretariat", "protocol", "travel", "library", "whip", "speaker", "committee", "office", "service", "team", "desk", "webmail", "mail",
	"sicherheit", "verwaltung", "sekretariat", "pressestelle", "dienst", "büro", "sécurité", "secrétariat", "bureau", "seguridad", "secretaría", "oficina", "sicurezza", "segreteria", "ufficio", "biuro", "sekretariat", "kantoor", "безпек", "секретаріат", "служба", "безопасност", "办公室", "秘书",
}

// weighHouseDomain weighs a domain that looks like one of the house's.
func (in *Input) weighHouseDomain(p *pose) {
	for _, d := range in.SenderLike() {
		w := lookalikeWeight(d.DomainMatch)
		if d.Organisation.Kind != people.KindOwn || w == 0 {
			continue
		}
		p.of = d.Organisation.Name
		how := fmt.Sprintf("the mail comes from %s, which is made to look like %s", observable.Unicode(in.SenderDomain), d.Domain)
		if p.how == "" {
			p.how = how
		} else {
			p.how += "; " + how
		}
		p.weigh(w-15, d.Why)
		p.technique = "T1656"
		return
	}
}

func (in *Input) weighHouseReach(p *pose) {
	switch {
	case len(in.Targets) > 0:
		p.weigh(12, "it went to a protected person")
	case in.House:
		p.weigh(8, "it went to the house")
	default:
		p.weigh(-12, "")
	}
	h := in.F.History
	switch {
	case h.Replied > 0 || h.RepliedDomain > 0:
		p.weigh(-25, "the recipients have written to this sender before")
	case in.Correspondent() || h.DomainMails >= 12 && h.DomainReached >= 3:
		p.weigh(-15, "this sender has written here for long")
	case in.Stranger():
		p.weigh(5, "nobody here has had mail from this domain before")
	}
	if in.List() {
		p.weigh(-12, "it came through a mailing list")
	}
	var own []string
	for _, o := range in.People.Organisations() {
		if o.Kind == people.KindOwn {
			own = append(own, append(o.Domains, o.LoginHosts...)...)
		}
	}
	switch to, all := in.linkedTo(own); {
	case to > 0 && to*2 >= all:
		p.weigh(-10, "its links lead to the house itself")
	case all > 0 && to == 0:
		p.weigh(8, "none of its links leads to the house")
	}
}
