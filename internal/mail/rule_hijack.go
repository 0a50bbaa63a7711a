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

// Conversation hijack: a mail that joins a conversation and is not from those
// who hold it.
//
// That somebody new answers is daily life: colleagues are added, people write
// from their telephone. So a newcomer alone is informational. What makes the
// hijack is a newcomer who passes for one of those in the thread (the same name
// from another domain, a domain that looks like theirs), replies that would go
// elsewhere, and a new bank account. A colleague from a domain that is in the
// thread already is fine, and so is anybody's own listed address.
//
// Whether a mail answers a conversation is known only if the archive holds one
// of the mails it refers to. If not, that is stated as unknown; what a mail
// quotes of itself proves nothing. Weights are tenths of log-odds.
//
// Known misses: a hijack from the taken-over account itself; threads whose
// earlier mails were never scanned.
var hijackRule = Rule{
	Name:      "mail/hijack",
	Version:   1,
	Technique: "T1534",
	About:     "A mail that joins a conversation in somebody's name, diverts replies, or changes bank details.",
	Judge:     judgeHijack,
}

const techniqueStolenConversation = "T1566" // phishing, by a reply into somebody's thread

// intrusion is what speaks for a hijack.
type intrusion struct {
	scale
	how       []string
	technique string
	evidence  []portcullis.Evidence
	unknown   []string
}

func judgeHijack(in *Input) []Statement {
	if in.SenderDomain == "" || !in.House || in.listedSender() {
		return nil // a conversation of nobody who is protected is nobody's alarm
	}
	x := &intrusion{technique: techniqueStolenConversation}
	answers := in.answers()
	in.weighThread(x, answers)
	in.weighDiversion(x, answers)
	in.weighBank(x)
	in.weighAcquaintance(x, answers)
	if len(x.how) == 0 {
		return nil
	}
	in.weighKnown(x)
	if x.tenths <= 0 {
		return nil
	}
	return []Statement{in.intruded(x)}
}

// listedSender tells mail from a listed address or from within the house whose
// authentication did not fail.
func (in *Input) listedSender() bool {
	who, _ := in.People.Whose(in.Sender.Addr)
	if who == nil && !in.People.OwnDomain(in.SenderDomain) {
		return false
	}
	pass, known := in.Authenticated()
	return !known || pass
}

// answers tells whether the mail says to be a reply.
func (in *Input) answers() bool {
	return len(in.M.References()) > 0 || replyMark(in.Subject)
}

func (in *Input) intruded(x *intrusion) Statement {
	s := Statement{
		Key: "hijack", Technique: x.technique, People: slices.Clone(in.Targets), Evidence: x.evidence, Observables: in.senderObservables(),
		Unknown: append(x.unknown, in.historyUnknown()...),
		Flip:    in.Sender.Addr + " took part in the conversation before",
	}
	x.grade(&s)
	how := strings.Join(x.how, "; ")
	if s.Severity <= portcullis.Informational {
		s.Summary = fmt.Sprintf("In this conversation %s. That is often harmless (%s).", how, x.because())
		return s
	}
	s.Summary = fmt.Sprintf("Somebody may have broken into a conversation: %s. Check by telephone, under a number known from before (%s).", how, x.because())
	return s
}

// weighThread weighs the sender's place in the conversation.
func (in *Input) weighThread(x *intrusion, answers bool) {
	t := in.F.Thread
	if !t.Known {
		if answers {
			x.unknown = append(x.unknown, "the conversation it answers: none of the mails it refers to is in the archive")
		}
		return
	}
	if t.SenderInIt {
		return
	}
	if d, ok := in.threadDouble(); ok {
		w := 42
		if d.Class == names.DomainOtherTLD { // firms do own several
			w = 18
		}
		x.weigh(w, fmt.Sprintf("%s looks like %s, which takes part in the conversation", observable.Unicode(in.SenderDomain), d.Domain))
		x.how = append(x.how, fmt.Sprintf("%s joins a conversation from a domain made to look like a participant's", in.Sender.Addr))
	} else if t.DomainInIt && !people.Freemail(in.SenderDomain) {
		return // a colleague of somebody in it
	}
	x.evidence = append(x.evidence, in.threadEvidence(), in.HeaderEvidence("From", 0, "the newcomer"))
	if t.NameInIt != "" {
		x.weigh(34, fmt.Sprintf("the same name wrote in it from %s before", t.NameInIt))
		x.how = append(x.how, fmt.Sprintf("%s answers under the name of somebody in the conversation, from another address", in.Sender.Addr))
	}
	if len(x.how) == 0 {
		x.how = append(x.how, fmt.Sprintf("%s answers in a conversation in which nobody of %s took part", in.Sender.Addr, in.SenderDomain))
	}
	x.weigh(8, "the sender is new to the conversation")
}

// threadDouble finds a participant's domain that the sender's was made to look like.
func (in *Input) threadDouble() (names.DomainMatch, bool) {
	var entries []names.DomainEntry
	for i, d := range in.F.Thread.Domains {
		if d != in.SenderOrg && !people.Freemail(d) {
			entries = append(entries, names.DomainEntry{Key: i, Domain: d})
		}
	}
	if len(entries) == 0 {
		return names.DomainMatch{}, false
	}
	for _, m := range names.NewDomainIndex(entries).Lookup(in.SenderDomain) {
		if lookalikeWeight(m) > 0 {
			return m, true
		}
	}
	return names.DomainMatch{}, false
}

func (in *Input) threadEvidence() portcullis.Evidence {
	if in.M.Header.Get("In-Reply-To") != "" {
		return in.HeaderEvidence("In-Reply-To", 0, "the mail it answers")
	}
	return in.HeaderEvidence("References", 0, "the conversation it answers")
}

// weighDiversion weighs a reply whose own replies would go elsewhere. Lists and
// desks do that as well, so it needs a conversation, or a forged sender.
func (in *Input) weighDiversion(x *intrusion, answers bool) {
	pass, known := in.Authenticated()
	forged := known && !pass || in.Unaligned() && !in.List()
	if !answers && !forged {
		return
	}
	for _, r := range in.ReplyTo {
		domain, err := observable.Domain(r.Domain)
		if err != nil || observable.OrgDomain(domain) == in.SenderOrg || in.People.KnownDomain(domain) != nil || slices.Contains(in.F.Thread.Domains, observable.OrgDomain(domain)) || in.addressed(r.Addr) {
			continue
		}
		x.how = append(x.how, fmt.Sprintf("replies would go to %s instead of %s", r.Addr, in.Sender.Addr))
		x.evidence = append(x.evidence, in.HeaderEvidence("Reply-To", 0, "where replies would go"))
		x.weigh(12, "replies are diverted")
		if in.F.Thread.SenderInIt {
			x.weigh(8, "the conversation went to the sender's own address before")
		}
		if forged {
			x.weigh(18, fmt.Sprintf("%s does not stand behind the mail", in.SenderDomain))
		}
		if name := r.Name; name != "" && strings.EqualFold(name, in.Sender.Name) || people.Freemail(domain) {
			x.weigh(6, "the other address was made for it")
		}
		return
	}
}

// addressed tells whether the mail is also sent to the address, as a list's is.
func (in *Input) addressed(addr string) bool {
	for _, name := range []string{"To", "Cc"} {
		for _, a := range in.M.Header.Addresses(name) {
			if strings.EqualFold(a.Addr, addr) {
				return true
			}
		}
	}
	return false
}

// weighBank weighs a change of bank details: words for it, and an account number
// whose checksum holds.
func (in *Input) weighBank(x *intrusion) {
	text := in.Writing().text
	changed := says(text, newAccount)
	if changed == "" {
		return
	}
	x.how = append(x.how, "the mail gives new bank details")
	x.technique = "T1566"
	x.weigh(16, fmt.Sprintf("it speaks of a changed account (%q)", changed))
	if iban := findIBAN(in.Body); iban.valid {
		x.weigh(10, "it gives an account number ("+iban.text[:4]+"…)")
		x.evidence = append(x.evidence, in.bodyEvidence(iban.text, "the account number"))
	}
}

// bodyEvidence points to a text in the first part that shows it.
func (in *Input) bodyEvidence(text, note string) portcullis.Evidence {
	for _, p := range in.M.Parts {
		if p.IsAttachment() || len(p.Children) > 0 {
			continue
		}
		if i := strings.Index(p.Text(), text); i >= 0 {
			return portcullis.Evidence{Part: p.Path, Start: i, End: i + len(text), Note: note}
		}
	}
	return portcullis.Evidence{Part: "1", Note: note}
}

// weighAcquaintance weighs the claim to have met or talked, by somebody who never
// wrote here. Weak: people do meet.
func (in *Input) weighAcquaintance(x *intrusion, answers bool) {
	h := in.F.History
	if !h.Known || h.SenderMails > 0 || h.Replied > 0 || in.F.Thread.Known && (in.F.Thread.SenderInIt || in.F.Thread.DomainInIt) {
		return
	}
	phrase := says(in.Writing().text, acquaintance)
	if phrase == "" {
		return
	}
	x.how = append(x.how, fmt.Sprintf("the writer speaks of an earlier exchange (%q), but never wrote here before", phrase))
	x.weigh(6, "the acquaintance is claimed only")
	if answers && !in.F.Thread.Known {
		x.weigh(3, "it looks like an answer")
	}
	if slices.ContainsFunc(in.Links, func(l Link) bool { return l.Domain != "" && in.People.KnownDomain(l.Domain) == nil }) || len(in.Attachments) > 0 {
		x.weigh(5, "it has a link or a file")
	}
}

// weighKnown weighs what the archive knows of the sender and the recipients.
func (in *Input) weighKnown(x *intrusion) {
	h := in.F.History
	switch {
	case h.Replied > 0:
		x.weigh(-15, "the recipients have written to this address before")
	case in.Correspondent():
		x.weigh(-10, "the sender has written here for long")
	case h.Known && h.SenderMails == 0:
		x.weigh(4, "nobody here has had mail from this address before")
	}
	if len(in.Targets) > 0 {
		x.weigh(5, "it went to a protected person")
	}
	if in.List() {
		x.weigh(-25, "it came through a mailing list, where anybody answers")
	}
}
