package mail

import (
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/names"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
)

// News and partner lures: a mail that says to come from an outlet, a partner or
// an institution that the house knows, while its domain, its authentication and
// its links say otherwise.
//
// Naming an outlet is what every press review does. Only who the mail says to
// *be* counts: the name shown as the sender, a sender's domain made to look like
// the outlet's, the outlet's own domain without its authentication, and, less,
// the name under the letter. Against it speaks what an honest sender in the
// outlet's name has and a liar cannot give away: links that lead to the outlet
// itself, a history with the recipients, a known bulk sender's domain.
// Weights are tenths of log-odds, fixed by argument.
//
// Known misses: an outlet that is not in the people file; a lure that shows a
// reporter's name alone, with the outlet only in the text.
var lureRule = Rule{
	Name:      "mail/lure",
	Version:   1,
	Technique: "T1598.003",
	About:     "A mail that says to come from a known outlet, partner or institution, while its domain, authentication and links say otherwise.",
	Judge:     judgeLure,
}

// claim is an organisation the message says to come from.
type claim struct {
	scale
	org      *people.Organisation
	how      []string
	evidence []portcullis.Evidence
}

func judgeLure(in *Input) []Statement {
	if in.Sender.Addr == "" {
		return nil
	}
	c := in.claimed()
	if c == nil {
		return nil
	}
	in.weighLinks(c)
	in.weighSender(c)
	askWeight(&c.scale, in.Writing().text)
	if c.tenths < worthALook && (!in.House || c.tenths <= 0) {
		return nil
	}
	return []Statement{in.lured(c)}
}

func (in *Input) lured(c *claim) Statement {
	s := Statement{
		Key: "lure", Evidence: c.evidence, People: slices.Clone(in.Targets), Observables: in.senderObservables(), Unknown: in.historyUnknown(),
		Flip: fmt.Sprintf("%s is a domain of %s, or most links lead there", in.SenderDomain, c.org.Name),
	}
	c.grade(&s)
	if s.Severity <= portcullis.Informational {
		s.Summary = fmt.Sprintf("This mail bears the name of %s: %s. It may well be honest: %s.", c.org.Name, strings.Join(c.how, "; "), c.because())
		return s
	}
	s.Summary = fmt.Sprintf("The mail says to come from %s and does not: %s (%s).", c.org.Name, strings.Join(c.how, "; "), c.because())
	if len(in.Attachments) > 0 && len(in.Links) == 0 {
		s.Technique = "T1566.001"
	} else if len(in.Links) > 0 {
		s.Technique = "T1566.002"
	}
	return s
}

// claimed finds the organisation the mail says to come from, nil if it is
// honest about it. Those of the house itself are the impersonation rule's.
func (in *Input) claimed() *claim {
	if known := in.People.KnownDomain(in.SenderDomain); known != nil {
		if known.Kind == people.KindOwn || known.Kind == people.KindBulk {
			return nil
		}
		return in.forged(known)
	}
	if who, _ := in.People.Whose(in.Sender.Addr); who != nil {
		return nil
	}
	c := in.claimedByName()
	return in.claimedByDomain(c)
}

// forged is mail from an organisation's true domain that is not its own.
func (in *Input) forged(o *people.Organisation) *claim {
	c := &claim{org: o, evidence: []portcullis.Evidence{in.HeaderEvidence("From", 0, "the stated sender")}}
	pass, known := in.Authenticated()
	switch {
	case known && !pass:
		c.weigh(34, fmt.Sprintf("%s did not send it: DMARC failed", in.SenderDomain))
		c.how = append(c.how, "the sender's address is forged")
	case !known && in.Unaligned():
		c.weigh(6, "it was sent from elsewhere: "+in.F.Authn.SPF.Domain)
		c.how = append(c.how, "the sender's address is not backed by a signature")
	default:
		return nil
	}
	return c
}

// claimedByName finds a known organisation in the display name.
func (in *Input) claimedByName() *claim {
	for _, m := range in.NamedIn() {
		o := m.Organisation
		if o == nil || o.Kind == people.KindOwn || o.Kind == people.KindBulk {
			continue
		}
		c := &claim{org: o, evidence: []portcullis.Evidence{in.HeaderEvidence("From", 0, "the sender: "+m.Why)}}
		c.how = []string{fmt.Sprintf("%q is shown as the sender, but the address is %s", in.Sender.Name, in.Sender.Addr)}
		switch {
		case m.Has(names.ClassHomoglyph), m.Has(names.ClassInvisible), unseen(in.Sender.Name), mixedLetters(in.Sender.Name):
			c.weigh(50, "the name is written with letters that only look like its own")
		case len(strings.Fields(m.Name)) < 2: // one word is many things
			c.weigh(6, "the name is shown before a foreign address")
		case m.Has(names.ClassPartial), m.Has(names.ClassTypo):
			c.weigh(10, "the name is shown, with a difference, before a foreign address")
		default:
			c.weigh(20, "the name is shown before a foreign address")
		}
		return c
	}
	return nil
}

// claimedByDomain adds a domain that looks like the organisation's.
func (in *Input) claimedByDomain(c *claim) *claim {
	for _, d := range in.SenderLike() {
		w := lookalikeWeight(d.DomainMatch)
		if w == 0 || d.Organisation.Kind == people.KindOwn || c != nil && c.org != d.Organisation {
			continue
		}
		how := fmt.Sprintf("%s is made to look like %s", observable.Unicode(in.SenderDomain), d.Domain)
		if c == nil { // the likeness alone, with nobody's name on it
			c = &claim{org: d.Organisation, evidence: []portcullis.Evidence{in.HeaderEvidence("From", 0, "the sender's domain")}}
			w -= 10
		}
		c.weigh(w-12, d.Why)
		c.how = append(c.how, how)
		return c
	}
	return c
}

// weighLinks weighs where the links lead: an honest mail in somebody's name leads
// to that somebody.
func (in *Input) weighLinks(c *claim) {
	to, all := in.linkedTo(c.org.Domains)
	switch {
	case to > 0 && to*2 >= all:
		c.weigh(-25, "most of its links lead to "+c.org.Name+" itself")
	case to > 0:
		c.weigh(-8, "some of its links lead to "+c.org.Name+" itself")
	case all > 0:
		c.weigh(10, "none of its links leads to "+c.org.Name)
		for i, l := range in.Links {
			if i > 20 || in.People.KnownDomain(l.Domain) != nil {
				break
			}
			if d := in.People.MatchDomain(l.Domain); len(d) > 0 && d[0].Organisation == c.org && lookalikeWeight(d[0].DomainMatch) > 0 && l.Org != in.SenderOrg {
				c.weigh(14, l.Domain+", which it links to, is made to look like "+d[0].Domain)
				c.evidence = append(c.evidence, LinkEvidence(l, "a look-alike of "+d[0].Domain))
				break
			}
		}
	}
	if says(in.Writing().signature, []string{strings.ToLower(c.org.Name)}) != "" {
		c.weigh(5, "it is signed in that name")
	}
}

// weighSender weighs what is known of who sent it and to whom.
func (in *Input) weighSender(c *claim) {
	h := in.F.History
	switch {
	case h.Replied > 0 || h.RepliedDomain > 1:
		c.weigh(-22, "the recipients have written to this sender before")
	case in.Correspondent(), h.DomainMails >= 12 && h.DomainReached >= 3:
		c.weigh(-14, "this sender has written here for long")
	case in.Stranger():
		c.weigh(5, "nobody here has had mail from this domain before")
	}
	switch {
	case len(in.Targets) > 0:
		c.weigh(5, "it went to a protected person")
	case !in.House:
		c.weigh(-12, "")
	}
	if in.List() {
		c.weigh(-8, "it came through a mailing list")
	}
	if people.Freemail(in.SenderDomain) {
		c.weigh(6, "anybody can open a mailbox there")
	}
	for _, r := range in.ReplyTo {
		if domain, err := observable.Domain(r.Domain); err == nil && in.People.KnownDomain(domain) == c.org {
			c.weigh(-8, "replies go to "+c.org.Name)
		}
	}
}
