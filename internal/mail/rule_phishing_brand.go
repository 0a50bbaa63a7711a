package mail

import (
	_ "embed"
	"strings"
	"sync"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/attach"
	"portcullis.example/portcullis/internal/names"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
)

//go:embed rule_phishing_brands.txt
var brandText string

// brand is a name that mass phishing borrows.
type brand struct {
	names   []string
	weak    []bool // by name: an ordinary word
	domains []string
	labels  []string // of domains written "x.*"
}

var brands = sync.OnceValue(func() []brand {
	var list []brand
	for line := range strings.Lines(brandText) {
		titles, domains, ok := strings.Cut(line, "|")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		var b brand
		for name := range strings.SplitSeq(titles, ";") {
			name = strings.TrimSpace(name)
			strong, weak := strings.CutPrefix(name, "~")
			b.names, b.weak = append(b.names, strong), append(b.weak, weak)
		}
		for _, d := range strings.Fields(domains) {
			if label, any := strings.CutSuffix(d, ".*"); any {
				b.labels = append(b.labels, label)
			} else {
				b.domains = append(b.domains, d)
			}
		}
		list = append(list, b)
	}
	return list
})

// owns tells whether a domain is the brand's own. A brand's label under .com,
// .net, .org or a country's domain is taken to be registered by its owner, who
// polices exactly these; under the cheap new ones it proves nothing.
func (b *brand) owns(domain string) bool {
	for _, d := range b.domains {
		if domain == d || strings.HasSuffix(domain, "."+d) {
			return true
		}
	}
	org := observable.OrgDomain(domain)
	label, suffix, ok := strings.Cut(org, ".")
	if !ok {
		return false
	}
	last := suffix[strings.LastIndexByte(suffix, '.')+1:]
	switch {
	case last == "com", last == "net", last == "org", len(last) == 2 && !cheapCountry[last]:
	default:
		return false
	}
	for _, l := range b.labels {
		if l == label {
			return true
		}
	}
	return false
}

// cheapCountry are countries' domains that were given away or are sold to
// anybody as a word.
var cheapCountry = map[string]bool{"tk": true, "ml": true, "ga": true, "cf": true, "gq": true, "cc": true, "ws": true, "to": true, "pw": true, "su": true, "ly": true}

// strong tells whether the name that stands at the span is more than an
// ordinary word.
func (b *brand) strong(text string) bool {
	h := hashWord(text)
	for i, name := range b.names {
		if b.weak[i] && hashWord(name) == h {
			return false
		}
	}
	return true
}

// borrowed finds a brand in the display name, or in the subject, of a sender
// who is not it.
func (in *Input) borrowed(t *tally) {
	said := in.speech()
	pretext := said.pretext()
	if name := in.Sender.Name; name != "" {
		if i, text, ok := brandIn(name); ok && !brands()[i].owns(in.SenderDomain) {
			if brands()[i].strong(text) || pretext && bareName(name, text) {
				t.add(brandName, in.HeaderEvidence("From", 0, "calls itself "+text+" and writes from "+in.senderPlace()))
			}
		}
	}
	if i, _, ok := brandIn(in.Sender.Local); ok && in.SenderDomain != "" && !brands()[i].owns(in.SenderDomain) && pretext {
		t.add(brandLocal, in.HeaderEvidence("From", 0, "a well-known name before the @ of another's domain"))
	}
	in.brandInText(t, said, pretext)
	in.brandInHosts(t)
}

// bareName tells whether a display name is a brand's and says nothing else but
// what offices call themselves: "Apple Support", not "Apple Growers Weekly".
func bareName(name, brand string) bool {
	var all, own wordScan
	all.read(names.Skeleton(name), false)
	own.read(brand, false)
	for _, w := range own.words {
		deskless := true
		for i := range all.words {
			if all.words[i].hash == w.hash {
				all.words[i].hash, deskless = 0, false
			}
		}
		if deskless {
			return false
		}
	}
	for _, w := range all.words {
		if w.hash != 0 && !deskWords[w.hash] {
			return false
		}
	}
	return true
}

// brandInText takes the brand that the subject or the text names most often: who speaks of
// an account, a parcel or a prize of that brand, writes from elsewhere and
// leads elsewhere.
func (in *Input) brandInText(t *tally, said *spoken, pretext bool) {
	if !pretext || in.SenderDomain == "" {
		return
	}
	best, most := int16(-1), mention{}
	for i, m := range said.brands {
		b := brands()[i]
		if b.owns(in.SenderDomain) || in.leadsTo(&b) {
			continue
		}
		if m.subject && !most.subject || m.subject == most.subject && (m.times > most.times || m.times == most.times && i < best) {
			best, most = i, m
		}
	}
	if best < 0 {
		return
	}
	text := in.spanText(most.at)
	e := in.spanEvidence(most.at, "speaks for "+text+", and neither sender nor links are theirs")
	switch {
	case most.subject:
		t.add(brandSubject, e)
	case most.times >= 2 && brands()[best].strong(text):
		t.add(brandBody, e)
	}
}

// leadsTo tells whether a visible link goes to the brand.
func (in *Input) leadsTo(b *brand) bool {
	for _, l := range in.Links {
		if l.Domain != "" && !l.Hidden && b.owns(l.Domain) {
			return true
		}
	}
	return false
}

// brandInHosts finds a brand's label within the host of a link or of the sender
// that is not theirs: paypal.com.secure.example.
func (in *Input) brandInHosts(t *tally) {
	seen := map[string]bool{}
	look := func(domain string) (string, bool) {
		if domain == "" || seen[domain] || len(seen) > 40 {
			return "", false
		}
		seen[domain] = true
		return brandInHost(domain)
	}
	if name, ok := look(in.SenderDomain); ok {
		t.add(brandHost, in.HeaderEvidence("From", 0, name+" as part of another's domain"))
	}
	for _, l := range in.Links {
		if name, ok := look(l.Domain); ok && !l.Hidden {
			t.add(brandHost, LinkEvidence(l, name+" as part of another's domain: "+l.Domain))
		}
	}
}

// hostLabels are brand labels long enough not to occur within other words.
var hostLabels = sync.OnceValue(func() map[string]int {
	table := map[string]int{}
	for i, b := range brands() {
		for k, label := range b.labels {
			if len(label) >= 5 && (k >= len(b.weak) || !b.weak[k]) {
				table[label] = i
			}
		}
	}
	return table
})

func brandInHost(domain string) (string, bool) {
	if !strings.ContainsAny(domain, ".-") {
		return "", false
	}
	for part := range strings.FieldsFuncSeq(domain, func(r rune) bool { return r == '.' || r == '-' }) {
		if i, ok := hostLabels()[unleet(part)]; ok && !brands()[i].owns(domain) {
			return part, true
		}
	}
	return "", false
}

// unleet undoes digits set for letters.
func unleet(s string) string {
	if !strings.ContainsAny(s, "01345") {
		return s
	}
	return strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s").Replace(s)
}

// brandIn finds the first brand named in a short text.
func brandIn(text string) (index int16, name string, ok bool) {
	if text == "" || len(text) > 400 {
		return 0, "", false
	}
	for _, form := range [2]string{text, names.Skeleton(text)} {
		s := &spoken{brands: map[int16]mention{}, hits: map[uint64]bool{}}
		s.read(form, false)
		s.find(phrases())
		best := int16(-1)
		for i, m := range s.brands {
			if best < 0 || m.at.start < s.brands[best].at.start {
				best = i
			}
		}
		if best >= 0 {
			at := s.brands[best].at
			return best, form[at.start:at.end], true
		}
	}
	return 0, "", false
}

func (in *Input) senderPlace() string {
	if in.SenderDomain == "" {
		return "no domain at all"
	}
	return in.SenderDomain
}

// ownLogin states a page that imitates the house's own login, or a mail that
// asks in the house's name for a password elsewhere. Delivered to protected
// people this is an attack on them and not mass phishing.
func ownLogin(in *Input) (Statement, bool) {
	if len(in.Targets) == 0 || in.People.Empty() {
		return Statement{}, false
	}
	if in.SenderDomain != "" && in.People.OwnDomain(in.SenderDomain) {
		if pass, known := in.Authenticated(); pass || !known {
			return Statement{}, false // a colleague who passes a warning on
		}
	}
	for _, l := range in.Links {
		if l.Domain == "" || l.Hidden {
			continue
		}
		if m, ok := in.ownLookalike(l.Domain); ok {
			return in.ownStatement(l, "look-alike", 60, portcullis.High, 90,
				"leads to "+observable.Unicode(l.Domain)+", which looks like the house's own "+m.Domain+" ("+m.Class+")"), true
		}
		if user := strings.ToLower(l.URL.User); user != "" && in.namesOwnHost(user) {
			return in.ownStatement(l, "userinfo", 60, portcullis.High, 95, "shows an own host before the @ and leads to "+l.Domain), true
		}
		if shown := shownHost(l.Text); shown != "" && shown != l.Domain && in.People.OwnDomain(shown) && !in.People.OwnDomain(l.Domain) && l.Wrapper == "" {
			return in.ownStatement(l, "mismatch", 60, portcullis.High, 90, "reads "+shown+" and leads to "+l.Domain), true
		}
	}
	return in.ownNamed()
}

// ownLookalike matches a domain against the house's own domains and login hosts.
func (in *Input) ownLookalike(domain string) (names.DomainMatch, bool) {
	for _, m := range in.People.MatchDomain(domain) {
		if m.Organisation.Kind != people.KindOwn {
			continue
		}
		if m.Class == names.DomainExact || m.Class == names.DomainSubdomain {
			return names.DomainMatch{}, false
		}
		if m.Score >= 0.8 {
			return m.DomainMatch, true
		}
	}
	return names.DomainMatch{}, false
}

func (in *Input) namesOwnHost(user string) bool {
	for part := range strings.FieldsFuncSeq(user, func(r rune) bool { return r == ':' || r == '/' || r == '%' }) {
		if strings.Contains(part, ".") && in.People.OwnDomain(part) {
			return true
		}
	}
	return false
}

// ownNamed is for pages whose address imitates nothing: the mail speaks in the
// house's name of the reader's account, and leads to a stranger's page or
// brings the page along.
func (in *Input) ownNamed() (Statement, bool) {
	said := in.speech()
	if said.count[roleAccount] == 0 && !in.asksPassword() {
		return Statement{}, false
	}
	if !in.speaksForHouse() {
		return Statement{}, false
	}
	for _, a := range in.Attachments {
		if a.Report.Has(attach.KindHTMLForm) || a.Report.Has(attach.KindHTMLSmuggling) {
			s := in.ownStatement(Link{Part: a.Part.Path}, "page", 55, portcullis.High, 85, "brings a login page along as a file")
			s.Technique = "T1566.001"
			return s, true
		}
	}
	for _, l := range in.Links {
		if l.Domain != "" && !l.Hidden && !in.People.OwnDomain(l.Domain) && in.People.KnownDomain(l.Domain) == nil {
			return in.ownStatement(l, "named", 45, portcullis.Medium, 70, "speaks for the house of the reader's account and leads to "+l.Domain), true
		}
	}
	return Statement{}, false
}

// speaksForHouse tells whether the sender's name is the house's, and its domain is not.
func (in *Input) speaksForHouse() bool {
	if in.SenderDomain == "" || in.People.KnownDomain(in.SenderDomain) != nil {
		return false
	}
	for _, m := range in.People.MatchName(in.Sender.Name) {
		if m.Organisation != nil && m.Organisation.Kind == people.KindOwn && m.Score >= 0.8 {
			return true
		}
	}
	return false
}

// asksPassword finds a form for a password, in the mail or in a file it brings.
func (in *Input) asksPassword() bool {
	for _, a := range in.Attachments {
		if a.Report.Has(attach.KindHTMLForm) || a.Report.Has(attach.KindHTMLSmuggling) {
			return true
		}
	}
	for _, p := range in.M.HTMLParts() {
		for _, f := range p.HTML().Forms {
			if f.Password {
				return true
			}
		}
	}
	return false
}

func (in *Input) ownStatement(l Link, key string, points int, severity portcullis.Severity, sure portcullis.Confidence, note string) Statement {
	s := Statement{
		Key: "own-login-" + key, Points: points, Attention: portcullis.Targeted, Severity: severity, Confidence: sure,
		People:   in.Targets,
		Summary:  "This mail is after a password of the house: it " + note + ".",
		Evidence: []portcullis.Evidence{LinkEvidence(l, note), in.HeaderEvidence("From", 0, "the sender")},
		Flip:     "links to the house's own hosts only, or a sender at the house's own domain that passes DMARC",
	}
	if l.Domain != "" {
		s.Observables = []portcullis.Observable{{Type: portcullis.TypeURL, Value: canonicalURL(l.URL)}, {Type: portcullis.TypeDomain, Value: l.Domain}}
	}
	return s
}
