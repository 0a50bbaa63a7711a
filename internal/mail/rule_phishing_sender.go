package mail

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
)

// senderTraits look at who claims to write. Transport (relays, reverse names,
// the envelope) is left to authentication.
func (in *Input) senderTraits(t *tally) {
	from := in.HeaderEvidence("From", 0, in.Sender.Addr)
	if !in.domainTraits(t) {
		return
	}
	in.nameTraits(t)
	label := registered(in.SenderOrg)
	if oddLabel(label) || randomLocal(in.Sender.Local) {
		t.add(senderOdd, from)
	}
	if knownHosts().cheapSuffix(in.SenderDomain) {
		t.add(senderCheap, from)
	}
	if k := knownHosts().kind(in.SenderDomain, ""); k == hostHosting || k == hostBucket {
		t.add(senderHosting, from)
	}
	in.replyTraits(t)
	in.idTraits(t)
}

// domainTraits tell addresses that cannot receive an answer. It reports false
// where there is nothing more to look at.
func (in *Input) domainTraits(t *tally) bool {
	field := in.M.Header.Get("From")
	if in.Sender.Addr == "" || in.Sender.Domain == "" {
		t.add(senderNone, in.HeaderEvidence("From", 0, shorten(field)))
		return false
	}
	if in.SenderDomain == "" || !possible(in.SenderDomain) {
		t.add(senderNoTLD, in.HeaderEvidence("From", 0, in.Sender.Domain))
	}
	if strings.ContainsAny(in.Sender.Addr, " %()<>,;") || strings.Contains(field, ",(<") || strings.Contains(field, ",<") || strings.Count(field, "<") > 1 && len(in.From) < 2 || strings.Contains(field, " >") || strings.Contains(field, "_<") {
		t.add(senderMalformed, in.HeaderEvidence("From", 0, shorten(field)))
	}
	return in.SenderDomain != ""
}

// possible tells whether a domain lies under a suffix that exists.
func possible(domain string) bool {
	suffix, icann := publicsuffix.PublicSuffix(domain)
	if icann {
		return suffix != domain || strings.Contains(domain, ".")
	}
	if strings.Contains(suffix, ".") {
		return true
	}
	switch suffix { // reserved for examples and private use: they exist where they are used
	case "example", "test", "invalid", "localhost", "local", "internal", "lan", "home", "corp", "localdomain":
		return true
	}
	return false
}

// nameTraits look at the display name.
func (in *Input) nameTraits(t *tally) {
	name := in.Sender.Name
	if name == "" {
		return
	}
	e := in.HeaderEvidence("From", 0, shorten(name))
	var scan wordScan
	scan.read(name, false)
	if scan.fancy > 0 || scan.blind > 0 || scan.mixed > 0 || pictures(name) > 0 {
		t.add(senderFancy, e)
	}
	if strings.ContainsAny(name, "|*_~=#!%{}") || strings.HasSuffix(strings.TrimSpace(name), ",") {
		t.add(senderMarks, e)
	}
	if at := strings.LastIndexByte(name, '@'); at > 0 && strings.Contains(name[at:], ".") {
		if domain, err := observable.Domain(strings.Trim(firstWord(name[at+1:]), "\"'<>(),.;")); err == nil && observable.OrgDomain(domain) != in.SenderOrg {
			t.add(senderAddressName, e)
		}
	}
	if people.Freemail(in.SenderDomain) && deskName(name) {
		t.add(senderFreemail, e)
	}
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return word
}

// deskWords occur in the names of firms and offices and not of people.
var deskWords = wordSet(`team support service services account accounts billing security customer care department dept bank admin administrator helpdesk desk
 notification notifications alert alerts notice update payment payments invoice order orders delivery shipping office center centre group ltd inc llc gmbh company
 hr payroll kundenservice kundendienst soporte servicio cuenta atendimento suporte servico banco assistenza servizio klantenservice beveiliging
 confirmation verify verification reward rewards winner promo offer info noreply mail mailbox webmail server system`)

func wordSet(list string) map[uint64]bool {
	set := map[uint64]bool{}
	for _, w := range strings.Fields(list) {
		set[hashWord(w)] = true
	}
	return set
}

func deskName(name string) bool {
	var scan wordScan
	scan.read(name, false)
	for _, w := range scan.words {
		if deskWords[w.hash] {
			return true
		}
	}
	return false
}

// randomLocal tells a local part that a generator made.
func randomLocal(local string) bool {
	for part := range strings.FieldsFuncSeq(strings.ToLower(local), func(r rune) bool { return r == '.' || r == '-' || r == '_' || r == '+' || r == '=' }) {
		if len(part) >= 8 && oddLabel(part) && strings.Count(local, "=") == 0 {
			return true
		}
	}
	return false
}

// replyTraits: a list or a newsletter may take answers elsewhere, but hardly at
// a free mailbox.
func (in *Input) replyTraits(t *tally) {
	if len(in.ReplyTo) == 0 || in.SenderOrg == "" {
		return
	}
	domain, err := observable.Domain(in.ReplyTo[0].Domain)
	if err != nil || observable.OrgDomain(domain) == in.SenderOrg {
		if err == nil && people.Freemail(domain) && !strings.EqualFold(in.ReplyTo[0].Addr, in.Sender.Addr) {
			t.add(senderReplyFree, in.HeaderEvidence("Reply-To", 0, in.ReplyTo[0].Addr))
		}
		return
	}
	e := in.HeaderEvidence("Reply-To", 0, in.ReplyTo[0].Addr)
	if people.Freemail(domain) {
		t.add(senderReplyFree, e)
		return
	}
	t.add(senderReply, e)
}

// idTraits: a sender's own software names its own domain in the message id, and so do
// services that send for others; a bulk mailer script names nothing.
func (in *Input) idTraits(t *tally) {
	id := in.M.MessageID()
	e := in.HeaderEvidence("Message-ID", 0, shorten(id))
	if id == "" {
		t.add(senderNoID, e)
		return
	}
	_, right, ok := strings.Cut(id, "@")
	domain, err := observable.Domain(right)
	switch {
	case !ok || err != nil || !strings.Contains(domain, "."):
		t.add(senderIDOdd, e)
	case observable.OrgDomain(domain) != in.SenderOrg:
		t.add(senderID, e)
	}
}

// pictures counts emoji and symbols that stand for them.
func pictures(s string) int {
	n := 0
	for _, r := range s {
		if r >= 0x1F300 && r <= 0x1FAFF || r >= 0x2600 && r <= 0x27BF || r >= 0x1F1E6 && r <= 0x1F1FF || r == 0xFE0F || r >= 0x2B00 && r <= 0x2BFF || r >= 0x23E9 && r <= 0x23FF {
			n++
		}
	}
	return n
}
