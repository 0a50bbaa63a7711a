package mail

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/authn"
	"portcullis.example/portcullis/internal/names"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
)

// Impersonation: somebody writes under the name of a protected person, of the
// house, or from its domain, and is not that person or house.
//
// That a display name is a protected person's proves next to nothing. Names are
// shared: among 20,000 people stands nearly every common pair of given and
// family name, and each of their namesakes writes mail. So a bare name begins
// deep in doubt and context decides, weighed in tenths of log-odds fixed by
// argument:
//
//   - Deception speaks for itself. No mail program writes a Cyrillic letter into
//     a Latin name or a character that cannot be seen; nobody registers a domain
//     that differs in one letter from the house's by chance; nobody puts an
//     address of the house into a display name that is not theirs. Each is
//     nearly enough alone.
//   - A claim of office beside the name: in the display name, in the local part,
//     in the signature ("Member of Parliament"), in words that only somebody of
//     the house says of themselves. Namesakes don't make it.
//   - Where it goes: impostors write to those who know the person. The person
//     themselves they leave alone.
//   - What it asks for: another channel, money, secrecy, haste, papers. Any
//     honest mail may; together they are bounded.
//   - Who the sender was before: an address nobody had mail from, or one these
//     recipients wrote to themselves. A known correspondent is never exempt:
//     the weight falls and an informational statement stays.
//   - How rare the name is: how many protected people share it, whether the
//     surname is frequent, how many are protected at all.
//
// The person's true addresses are fine, and so are those of staff, delegates and
// the person's own organisation, unless the domain's authentication fails.
//
// Known misses: an impostor under the bare name of a person, who asks for
// nothing yet and claims nothing (the first friendly line of a longer fraud);
// a taken-over true account.
var impersonationRule = Rule{
	Name:      "mail/impersonation",
	Version:   1,
	Technique: "T1656",
	About:     "Somebody writes under the name of a protected person or of the house, or from its domain, and is not them.",
	Judge:     judgeImpersonation,
}

// techniqueSpoofing is ATT&CK's email spoofing: the true address, forged.
const techniqueSpoofing = "T1672"

// pose is one reading of a message as an impersonation.
type pose struct {
	scale
	of        string
	ids       []portcullis.ID
	how       string // what the sender did, in plain words
	technique string
	evidence  []portcullis.Evidence
	unknown   []string
	flip      string
	key       string
}

func judgeImpersonation(in *Input) []Statement {
	if in.People.Empty() || in.Sender.Addr == "" && in.Sender.Name == "" {
		return nil
	}
	var best *pose
	for _, p := range in.poses() {
		if best == nil || p.tenths > best.tenths {
			best = &p
		}
	}
	if best == nil || best.tenths < worthALook && !(in.House && best.tenths > -20) {
		return nil // a namesake, and nobody of the house is concerned
	}
	return []Statement{in.posed(best)}
}

// poses are the readings worth weighing.
func (in *Input) poses() []pose {
	if p, ok := in.ownAddress(); ok {
		return p
	}
	list := in.personPoses()
	if p, ok := in.housePose(); ok {
		list = append(list, p)
	}
	return list
}

// posed makes the statement.
func (in *Input) posed(p *pose) Statement {
	s := Statement{
		Key: p.key, Technique: p.technique, Evidence: p.evidence, Flip: p.flip,
		People: slices.Clone(p.ids), Unknown: append(p.unknown, in.historyUnknown()...),
		Observables: in.senderObservables(),
	}
	for _, id := range in.Targets {
		if !slices.Contains(s.People, id) {
			s.People = append(s.People, id)
		}
	}
	p.grade(&s)
	switch {
	case s.Severity > portcullis.Informational:
		s.Summary = fmt.Sprintf("Somebody poses as %s: %s (%s).", p.of, p.how, p.because())
	case p.key == "person":
		s.Summary = fmt.Sprintf("This mail bears the name of %s, but %s. It may be a namesake: %s.", p.of, p.how, p.because())
	default:
		s.Summary = fmt.Sprintf("This mail says to be of %s: %s. It may well be honest: %s.", p.of, p.how, p.because())
	}
	return s
}

func (in *Input) senderObservables() []portcullis.Observable {
	var list []portcullis.Observable
	for _, a := range append([]string{in.Sender.Addr}, replyAddresses(in)...) {
		if canon, err := observable.Email(a); err == nil {
			list = append(list, portcullis.Observable{Type: portcullis.TypeEmail, Value: canon})
		}
	}
	if in.SenderDomain != "" {
		list = append(list, portcullis.Observable{Type: portcullis.TypeDomain, Value: in.SenderDomain})
	}
	return list
}

func replyAddresses(in *Input) (list []string) {
	for _, r := range in.ReplyTo {
		if !strings.EqualFold(r.Addr, in.Sender.Addr) {
			list = append(list, r.Addr)
		}
	}
	return list
}

// ownAddress weighs mail that says to come from a true address of a protected
// person or from a domain of the house. It reports true where it does, and then
// no other reading is needed: whoever writes from within may have any name.
func (in *Input) ownAddress() ([]pose, bool) {
	owners := in.People.ByAddress(in.Sender.Addr)
	own := in.People.OwnDomain(in.SenderDomain)
	if len(owners) == 0 && !own {
		return nil, false
	}
	p := pose{key: "own-address", technique: techniqueSpoofing, of: "the house"}
	p.how = "the mail says to come from " + in.Sender.Addr
	p.evidence = []portcullis.Evidence{in.HeaderEvidence("From", 0, "the sender's stated address")}
	if len(owners) > 0 {
		p.of, p.ids = owners[0].Name, []portcullis.ID{owners[0].ID}
	} else if o := in.People.KnownDomain(in.SenderDomain); o != nil {
		p.of = o.Name
	}
	in.weighForgery(&p, len(owners) > 0 && !own && people.Freemail(in.SenderDomain))
	in.weighReplyTo(&p, owners)
	if p.tenths <= 0 {
		return nil, true
	}
	if in.List() {
		p.weigh(-25, "it came through a mailing list, which breaks authentication by itself")
	}
	askWeight(&p.scale, in.Writing().text)
	p.flip = "authentication of " + in.SenderDomain + " passes and replies go to the sender"
	return []pose{p}, true
}

// weighForgery weighs what is known of the stated domain's authentication.
func (in *Input) weighForgery(p *pose, private bool) {
	pass, known := in.Authenticated()
	switch {
	case known && pass:
		p.weigh(-40, "its domain's authentication passed")
	case known:
		p.weigh(45, fmt.Sprintf("%s did not send it: DMARC failed", in.SenderDomain))
		p.how += ", which is forged"
	case in.Unaligned():
		p.weigh(24, fmt.Sprintf("it was sent from elsewhere (%s) and carries no signature of %s", in.F.Authn.SPF.Domain, in.SenderDomain))
	}
	if private && p.tenths > 0 {
		p.weigh(-10, "a private mailbox may be forwarded, which breaks authentication")
	}
	if in.F.Authn.ARC.Result == authn.Pass && p.tenths > 0 {
		p.weigh(-10, "a forwarder vouches for it (ARC)")
	}
}

// weighReplyTo weighs that replies to a true address would go to a stranger.
func (in *Input) weighReplyTo(p *pose, owners []*people.Person) {
	for _, r := range in.ReplyTo {
		domain, err := observable.Domain(r.Domain)
		if err != nil || observable.OrgDomain(domain) == in.SenderOrg || in.People.KnownDomain(domain) != nil {
			continue
		}
		if who, _ := in.People.Whose(r.Addr); who != nil {
			continue
		}
		p.weigh(20, "replies would go to "+r.Addr+", which nobody of the house is known by")
		p.evidence = append(p.evidence, in.HeaderEvidence("Reply-To", 0, "where replies go"))
		named := slices.ContainsFunc(owners, func(o *people.Person) bool { return bears(r.Name, o) || names.LocalPart(r.Local, o.Name).Score > 0 })
		if named {
			p.weigh(10, "that address was given the same name")
		}
		if people.Freemail(domain) {
			p.weigh(5, "anybody can open a mailbox there")
		}
		return
	}
}

func bears(display string, p *people.Person) bool {
	for _, name := range append([]string{p.Name}, p.Names...) {
		if display != "" && names.Compare(display, name).Score > 0 {
			return true
		}
	}
	return false
}

// personPoses reads the message as one person's impersonation, for each person
// its sender's name resembles.
func (in *Input) personPoses() []pose {
	matches, fromLocal := in.NamedIn(), false
	if !hasPerson(matches) {
		matches, fromLocal = in.NamedInLocal(), true
	}
	var list []pose
	for _, m := range matches[:min(len(matches), 6)] {
		if m.Person == nil {
			continue
		}
		if in.entitled(m.Person) {
			return nil // it is one of these people, or somebody who may write for them
		}
		list = append(list, in.personPose(m, fromLocal))
	}
	return list
}

func hasPerson(matches []people.NameMatch) bool {
	return slices.ContainsFunc(matches, func(m people.NameMatch) bool { return m.Person != nil })
}

// entitled tells whether the sender's address may bear the person's name.
func (in *Input) entitled(p *people.Person) bool {
	if who, _ := in.People.Whose(in.Sender.Addr); who != nil {
		return true
	}
	o := in.People.KnownDomain(in.SenderDomain)
	return o != nil && p.Organisation != "" && strings.EqualFold(o.Name, p.Organisation)
}

func (in *Input) personPose(m people.NameMatch, fromLocal bool) pose {
	p := pose{key: "person", of: m.Person.Name, ids: []portcullis.ID{m.Person.ID}}
	p.how = fmt.Sprintf("%s is not one of the known addresses", in.Sender.Addr)
	p.evidence = []portcullis.Evidence{in.HeaderEvidence("From", 0, "the sender: "+m.Why)}
	p.flip = in.Sender.Addr + " is listed among the addresses of " + m.Person.Name + ", or another name is shown"
	in.weighName(&p, m, fromLocal)
	in.weighDomain(&p)
	in.weighClaim(&p, m.Person)
	in.weighReach(&p, m.Person)
	in.weighPast(&p)
	in.weighService(&p, m.Person)
	in.weighDetour(&p)
	askWeight(&p.scale, in.Writing().text)
	in.weighShape(&p)
	return p
}

// weighDetour weighs that the name stands at one foreign address and answers go to another:
// impostors change the address they send from and keep the mailbox they read. A person who
// shares the name answers where they write from; lists and services, which do this for
// a living, say that they are ones.
func (in *Input) weighDetour(p *pose) {
	h := in.M.Header
	if h.Get("List-Id") != "" || h.Get("List-Unsubscribe") != "" || h.Get("List-Post") != "" || h.Get("Precedence") != "" {
		return
	}
	for _, r := range in.ReplyTo {
		domain, err := observable.Domain(r.Domain)
		if err != nil || observable.OrgDomain(domain) == in.SenderOrg || in.People.KnownDomain(domain) != nil {
			continue
		}
		if who, _ := in.People.Whose(r.Addr); who != nil {
			continue
		}
		p.weigh(14, "answers would go to yet another address, at "+domain)
		p.evidence = append(p.evidence, in.HeaderEvidence("Reply-To", 0, "where answers go"))
		return
	}
}

// weighShape weighs what an impostor's letter has and a namesake's seldom: a few
// lines about the house's business around a link to somewhere unknown, a reply
// mark without a conversation.
func (in *Input) weighShape(p *pose) {
	w := in.Writing()
	if word := saysAny(w.text, businessWords, furtherBusinessWords); word != "" {
		p.weigh(12, fmt.Sprintf("it speaks of the house's business (%q)", word))
	}
	if phrase := saysAny(w.text, publicPhrases, furtherPublicPhrases); phrase != "" {
		p.weigh(-14, fmt.Sprintf("the writer speaks as one of the public (%q)", phrase))
	}
	abroad := slices.ContainsFunc(in.Links, func(l Link) bool { return l.Domain != "" && in.People.KnownDomain(l.Domain) == nil })
	switch words := len(strings.Fields(w.text)); {
	case abroad && words < 150:
		p.weigh(12, "it is a few lines around a link to an unknown place")
	case len(in.Links) > 0 || len(in.Attachments) > 0:
		p.weigh(4, "it has a link or a file")
	}
	if words := wordCount(w.text); words > 0 && words <= shortBait && !abroad && len(in.Attachments) == 0 && in.onlyWantsAnswer(w.text) {
		p.weigh(8, "it is a line or two that only want an answer")
	}
	if !w.quoted && len(in.M.References()) == 0 && replyMark(in.Subject) {
		p.weigh(6, "it is marked as a reply and answers nothing")
	}
}

// shortBait is the longest text, in words, that asks for an answer and nothing else.
const shortBait = 25

// onlyWantsAnswer tells the first line of the longer fraud: is somebody there, have they a minute. It
// asks nothing yet but haste or a favour.
func (in *Input) onlyWantsAnswer(text string) bool {
	if in.M.MessageID() != "" && len(in.M.References()) > 0 {
		return false // in a conversation such lines are daily
	}
	greek := strings.Contains(text, ";") && strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Greek, r) }) // its question mark
	return saysAny(text, asks[askHaste].phrases, furtherAsks[askHaste]) != "" && (greek || strings.ContainsAny(text, "?？؟"))
}

// wordCount is about how many words a text has: where no spaces are between them, one of two letters.
func wordCount(text string) int {
	joined := 0
	for _, r := range text {
		if r >= 0xe00 && unicode.In(r, unicode.Thai, unicode.Han, unicode.Hiragana, unicode.Katakana) {
			joined++
		}
	}
	return len(strings.Fields(text)) + joined/2
}

// replyMark tells a subject that says to be an answer or a forward.
func replyMark(subject string) bool {
	mark, _, ok := strings.Cut(strings.ToLower(strings.TrimSpace(subject)), ":")
	return ok && slices.Contains([]string{"re", "aw", "sv", "vs", "antw", "odp", "rif", "ref", "fwd", "fw", "wg", "tr", "rv", "回复", "答复", "回覆", "转发"}, mark)
}

// weighName weighs how the name is written and how common it is.
func (in *Input) weighName(p *pose, m people.NameMatch, fromLocal bool) {
	p.weigh(-15, "many people may have this name")
	switch {
	case fromLocal:
		p.weigh(-4, "only the address holds the name")
	case m.Has(names.ClassInvisible), unseen(in.Sender.Name):
		p.weigh(60, "the name holds characters that cannot be seen")
	case m.Has(names.ClassHomoglyph), mixedLetters(in.Sender.Name):
		p.weigh(50, "the name is written with letters of another script that look alike")
	case m.Has(names.ClassTypo):
		p.weigh(-10, "the name is spelt a little differently")
	case m.Has(names.ClassInitials):
		p.weigh(-3, "only an initial and the surname are given")
	case m.Has(names.ClassNickname), m.Has(names.ClassPartial):
		p.weigh(-4, "")
	}
	if !fromLocal && facelessLocal(in.Sender.Local) {
		p.weigh(20, fmt.Sprintf("the address itself (%s) is nobody's name", in.Sender.Local))
	}
	if m.Rarity.Whole > 1 {
		p.weigh(-3, fmt.Sprintf("%d protected people have this name", m.Rarity.Whole))
	}
	switch n := len(in.People.People()); {
	case n > 2000 && !in.House: // by chance alone one letter in few bears the name of one of so many
		p.weigh(-12, fmt.Sprintf("among %d protected people, namesakes are common", n))
	case n < 500: // whoever writes to so few under one of their names hardly does so by chance
		p.weigh(7, "")
	case m.Rarity.Common:
		p.weigh(-3, "")
	}
}

// weighDomain weighs a domain made to be taken for one of the house's.
func (in *Input) weighDomain(p *pose) {
	for _, d := range in.SenderLike() {
		if d.Organisation.Kind == people.KindOwn || d.Organisation.Kind == people.KindOther {
			if w := lookalikeWeight(d.DomainMatch); w > 0 {
				p.weigh(w+5, fmt.Sprintf("%s looks like %s (%s)", observable.Unicode(in.SenderDomain), d.Domain, d.Why))
				return
			}
		}
	}
	if people.Freemail(in.SenderDomain) {
		p.weigh(2, "")
	} else if in.familyDomain() {
		p.weigh(-20, fmt.Sprintf("%s is named after the sender's family, as a namesake's firm is", in.SenderOrg))
	}
	if at := strings.LastIndexByte(in.Sender.Name, '@'); at > 0 {
		if in.People.OwnDomain(strings.Trim(in.Sender.Name[at+1:], "<>'\") ")) {
			p.weigh(45, "the display name shows an address of the house that is not the sender's")
		}
	}
}

// familyDomain tells a domain named after the surname that the sender's name ends or begins with, and not the given
// name or an office beside it: a namesake's firm. Who makes a domain up for an impersonation takes the whole name, or the house's.
func (in *Input) familyDomain() bool {
	label, _, _ := strings.Cut(in.SenderOrg, ".")
	forms := names.Transliterate(in.Sender.Name)
	if len(forms) == 0 {
		return false
	}
	words := strings.Fields(forms[0])
	if len(words) < 2 || len(in.SenderLike()) > 0 {
		return false
	}
	first, last := strings.Contains(label, words[0]), strings.Contains(label, words[len(words)-1])
	surname := words[0]
	if last {
		surname = words[len(words)-1]
	}
	beside := strings.Trim(strings.Replace(label, surname, "", 1), "-0123456789") // keller-office: no firm is called so
	return first != last && len(surname) >= 5 && !slices.Contains(faceless, beside)
}

// lookalikeWeight is what a domain's likeness to a protected one is worth. The
// classes nobody hits by chance weigh most.
func lookalikeWeight(d names.DomainMatch) int {
	switch d.Class {
	case names.DomainHomoglyph, names.DomainPunycode, names.DomainSubdomainTrick, names.DomainStrokes:
		return 45
	case names.DomainMissing, names.DomainAdded, names.DomainSwapped, names.DomainReplaced, names.DomainVowel, names.DomainBitsquat, names.DomainHyphenation:
		return 34
	case names.DomainOtherTLD, names.DomainAddedWord:
		return 28
	}
	return 0
}

// weighClaim weighs claims of the person's office or of a place in the house.
func (in *Input) weighClaim(p *pose, who *people.Person) {
	own := in.claimsOf(who)
	w := in.Writing()
	local := strings.NewReplacer(".", " ", "_", " ", "-", " ").Replace(in.Sender.Local)
	behalf := saysAny(strings.ToLower(in.Sender.Name), behalfPhrases, furtherBehalfPhrases)
	switch {
	case behalf != "":
		p.weigh(24, fmt.Sprintf("the sender's name claims to write for the person (%q)", behalf))
	case !hasPerson(in.NamedIn()) && officeClaim(in.Sender.Name, own) != "":
		p.weigh(24, fmt.Sprintf("it shows an office (%q) where others show their name", in.Sender.Name))
	case officeClaim(in.Sender.Name, own) != "":
		p.weigh(24, fmt.Sprintf("the sender's name claims office (%q)", officeClaim(in.Sender.Name, own)))
	case in.Sender.Name != "" && facelessLocal(in.Sender.Name):
		p.weigh(20, fmt.Sprintf("it shows an office (%q) where others show their name", in.Sender.Name))
	case officeClaim(local, own) != "":
		p.weigh(14, fmt.Sprintf("the address claims office (%q)", officeClaim(local, own)))
	}
	if claim := officeClaim(w.signature, own); claim != "" {
		p.weigh(24, fmt.Sprintf("it is signed with an office (%q)", claim))
		if name := says(w.signature, in.houseNames()); name != "" && name != claim {
			p.weigh(8, fmt.Sprintf("and with the name of the house (%q)", name))
		}
	}
	if phrase := saysAny(w.text, selfPhrases, furtherSelfPhrases); phrase != "" {
		p.weigh(14, fmt.Sprintf("the writer claims a place in the house (%q)", phrase))
	} else if phrase := says(w.text, lowered(in.Cfg.Claims)); phrase != "" {
		p.weigh(14, fmt.Sprintf("the writer claims %q", phrase))
	}
	for _, theme := range slices.Concat(who.Committees, who.Topics) {
		if len(theme) > 3 && says(w.text, []string{strings.ToLower(theme)}) != "" {
			p.weigh(5, fmt.Sprintf("it is about %q, which is this person's business", theme))
			break
		}
	}
}

// weighReach weighs who got it.
func (in *Input) weighReach(p *pose, who *people.Person) {
	switch {
	case slices.Contains(in.Targets, who.ID) && len(in.Targets) == 1:
		p.weigh(-22, "it went to the bearer of the name")
	case len(in.Targets) > 0:
		p.weigh(14, "it went to somebody who may know the person")
	case in.House:
		p.weigh(8, "it went to the person's house")
	default:
		p.weigh(-8, "")
	}
}

// weighPast weighs what the archive knows of the sender.
func (in *Input) weighPast(p *pose) {
	h := in.F.History
	switch {
	case h.Replied > 0:
		p.weigh(-20, "the recipients have written to this address before")
	case in.Correspondent():
		p.weigh(-15, fmt.Sprintf("this address has written here %d times before", h.SenderMails))
	case h.Known && h.SenderMails == 0:
		p.weigh(4, "nobody here has had mail from this address before")
	}
	if h.NameAddresses > 0 && h.NameOther >= 3 && h.SenderMails == 0 {
		p.weigh(3, "this name has always written from another address")
	}
	if in.List() {
		p.weigh(-20, "it is a post to a mailing list")
	}
	if known := in.People.KnownDomain(in.SenderDomain); known != nil {
		p.weigh(-15, fmt.Sprintf("the sender's domain is that of %s", known.Name))
		if pass, _ := in.Authenticated(); pass {
			p.weigh(-15, "whose authentication passed")
		}
	}
}

// weighService weighs that a service sent it in the person's name and says so:
// it names itself beside the person, and replies go to the person.
func (in *Input) weighService(p *pose, who *people.Person) {
	for _, r := range in.ReplyTo {
		if owner, _ := in.People.Whose(r.Addr); owner == who {
			p.weigh(-18, "replies go to the person's own address")
			break
		}
	}
	label, _, _ := strings.Cut(in.SenderOrg, ".")
	if len(label) < 3 || len(in.NamedInLocal()) > 0 {
		return
	}
	shown := strings.ToLower(strings.ReplaceAll(in.Sender.Name, " ", ""))
	if strings.Contains(shown, label) {
		p.weigh(-26, "it names the service that sent it")
	}
}
