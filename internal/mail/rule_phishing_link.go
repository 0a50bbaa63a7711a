package mail

import (
	"encoding/base64"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
)

const maxJudgedLinks = 300 // of one mail; a letter has fewer, a newsletter repeats itself

// linkView is what the links of a mail have in common.
type linkView struct {
	web      int // that a click follows to the web, shown to the reader
	own      int // of these, to the sender's own domain
	orgs     map[string]int
	targets  map[string]bool
	main     string // the organisational domain most of them lead to
	longRuns int    // with long random strings
	mailto   int
	reader   string // the first address the mail is made out to, in small letters
}

func (in *Input) linkView() *linkView {
	if in.view != nil {
		return in.view
	}
	v := &linkView{orgs: map[string]int{}, targets: map[string]bool{}, reader: in.firstReader()}
	for _, l := range in.judgedLinks() {
		if l.URL.Scheme == "mailto" {
			v.mailto++
		}
		if l.Org == "" || l.Hidden {
			continue
		}
		v.web++
		v.orgs[l.Org]++
		if l.Org == in.SenderOrg {
			v.own++
		}
		if len(v.targets) < 40 {
			v.targets[l.Domain+l.URL.Path+l.URL.Query] = true
		}
		if randomPath(l.URL.Path) || randomPath(l.URL.Query) || randomPath(l.URL.Fragment) {
			v.longRuns++
		}
	}
	for org, n := range v.orgs {
		if n > v.orgs[v.main] || n == v.orgs[v.main] && org < v.main {
			v.main = org
		}
	}
	in.view = v
	return v
}

func (in *Input) judgedLinks() []Link { return in.Links[:min(len(in.Links), maxJudgedLinks)] }

func (in *Input) linkTraits(t *tally) {
	v := in.linkView()
	places := places{t: t, found: map[trait]*place{}, all: v.web}
	for i := range in.judgedLinks() {
		l := &in.Links[i]
		if l.Kind == "qr" {
			t.add(linkQR, LinkEvidence(*l, "leads to "+shorten(l.Raw)))
			t.observe(*l)
		}
		in.schemeTraits(&places, l)
		if l.Domain == "" || l.Hidden || l.Org != "" && l.Org == in.SenderOrg && !people.Freemail(l.Org) {
			continue
		}
		in.targetTraits(&places, l)
		in.hostTraits(&places, l)
		in.mismatch(t, l, v)
	}
	places.settle()
	in.linkSetTraits(t, v)
}

// places counts what kinds of place the links lead to. One shortened link among
// thirty is how a newsletter is written; a mail whose links all are shortened
// hides something. So a place counts from a quarter of the links on.
type places struct {
	t     *tally
	found map[trait]*place
	order []trait
	all   int
}

type place struct {
	n     int
	first portcullis.Evidence
	link  *Link
}

func (p *places) add(what trait, l *Link, note string) {
	if had := p.found[what]; had != nil {
		had.n++
		return
	}
	p.found[what] = &place{1, LinkEvidence(*l, note), l}
	p.order = append(p.order, what)
}

func (p *places) settle() {
	for _, what := range p.order {
		if had := p.found[what]; had.n*4 >= p.all {
			p.t.add(what, had.first)
			p.t.observe(*had.link)
		}
	}
}

// schemeTraits looks at links that carry their page in themselves, and at
// buttons that write a mail.
func (in *Input) schemeTraits(p *places, l *Link) {
	switch l.URL.Scheme {
	case "data", "blob", "vbscript", "javascript":
		if !strings.HasPrefix(strings.ToLower(l.URL.Raw), "data:image") {
			p.add(linkScheme, l, shorten(l.Raw))
		}
	case "mailto":
		address, _, _ := strings.Cut(l.URL.Path, "?")
		_, domain, _ := strings.Cut(address, "@")
		if l.Kind == "html" && people.Freemail(domain) && !strings.Contains(l.Text, "@") && !in.fromAddress(address) {
			p.add(linkMailto, l, "writes to "+shorten(address))
		}
	}
}

func (in *Input) fromAddress(address string) bool {
	return strings.EqualFold(in.Sender.Addr, strings.TrimSpace(address))
}

// targetTraits say what kind of place a link leads to.
func (in *Input) targetTraits(p *places, l *Link) {
	if in.People.KnownDomain(l.Domain) != nil {
		return
	}
	kind := knownHosts().kind(l.Domain, l.URL.Path)
	if what, ok := hostTraitsOf[kind]; ok {
		p.add(what, l, l.Domain)
	}
	if l.Wrapper != "" && redirects(l.Wrapper) || openRedirect(l) {
		p.add(linkRedirect, l, shorten(l.Raw))
	}
	if f := l.URL.Fragment; len(f) >= 8 && (strings.Contains(f, "@") || kind == hostBucket || randomPath(f) || holdsAddress(f)) {
		p.add(linkFragment, l, "#"+shorten(f))
	}
	if l.URL.User != "" && l.URL.Scheme != "mailto" {
		p.add(linkUserinfo, l, shorten(l.Raw))
	}
	if address := in.recipientAddress(); address != "" && strings.Contains(l.URL.Raw, "@") && strings.Contains(strings.ToLower(l.URL.Raw), address) {
		p.add(linkRecipient, l, "carries "+address)
	}
}

var hostTraitsOf = map[hostKind]trait{hostShortener: linkShort, hostBucket: linkBucket, hostHosting: linkHosting, hostForm: linkForm, hostGateway: linkGateway}

// redirects tells wrappers that anybody can use from gateways that protect a
// house: only the former are a sign of anything.
func redirects(chain string) bool {
	for name := range strings.SplitSeq(chain, ">") {
		switch name {
		case "google", "bing", "yahoo", "duckduckgo", "facebook", "vk", "ok", "yandex", "mailru", "webarchive", "googlecache", "steam", "reddit":
			return true
		}
	}
	return false
}

// openRedirect finds a whole address of another site in the parameters of a link.
func openRedirect(l *Link) bool {
	q := strings.ToLower(l.URL.Query)
	i := strings.Index(q, "=http")
	if i < 0 {
		return false
	}
	rest := q[i+1:]
	if j := strings.IndexByte(rest, '&'); j >= 0 {
		rest = rest[:j]
	}
	rest = strings.NewReplacer("%3a", ":", "%2f", "/").Replace(rest)
	target, err := observable.ParseURL(rest)
	return err == nil && target.Host != "" && observable.OrgDomain(target.Host) != l.Org
}

// hostTraits look at the name of the host itself.
func (in *Input) hostTraits(p *places, l *Link) {
	host := l.Domain
	switch {
	case l.URL.IP.IsValid():
		p.add(linkIP, l, host)
		return
	case strings.Contains(host, "xn--") && mixesScripts(observable.Unicode(host)):
		p.add(linkPunycode, l, observable.Unicode(host))
	}
	if knownHosts().cheapSuffix(host) {
		p.add(linkCheap, l, host)
	}
	if oddLabel(registered(l.Org)) {
		p.add(linkOdd, l, host)
	}
	if strings.Count(host, ".") >= 5 {
		p.add(linkDeep, l, host)
	}
	if loginPath(l.URL.Path) && in.speech().count[roleAccount] > 0 {
		p.add(linkLogin, l, host+shorten(l.URL.Path))
	}
	if port := l.URL.Port; port != "" && port != "8080" && port != "8443" {
		p.add(linkPort, l, host+":"+port)
	}
}

// loginPath tells the path of a page that asks who one is.
func loginPath(path string) bool {
	for part := range strings.FieldsFuncSeq(strings.ToLower(path), func(r rune) bool { return r == '/' || r == '-' || r == '_' || r == '.' }) {
		switch part {
		case "login", "signin", "logon", "auth", "sso", "owa", "session", "webmail", "verify", "verification", "password":
			return true
		}
	}
	return false
}

// mismatch compares what a link reads with where it leads. A mailing that
// counts clicks sends every link through one place of its own; that alone is no deception.
func (in *Input) mismatch(t *tally, l *Link, v *linkView) {
	if l.Kind != "html" || l.Text == "" || len(l.Text) > 300 {
		return
	}
	shown := shownHost(l.Text)
	if shown == "" {
		return
	}
	org := observable.OrgDomain(shown)
	if org == l.Org || l.Wrapper != "" && observable.OrgDomain(hostOf(l.Raw)) == org {
		return
	}
	e := LinkEvidence(*l, "reads "+shown+", leads to "+l.Domain)
	if org == in.SenderOrg || v.web > 3 && v.orgs[l.Org]*2 > v.web {
		t.add(linkMismatchTracked, e)
		return
	}
	t.add(linkMismatch, e)
	t.observe(*l)
}

// shownHost is the host that a link's text claims to lead to, "" if it claims none.
func shownHost(text string) string {
	text = strings.TrimSpace(text)
	if !strings.Contains(text, ".") || strings.Contains(text, "@") {
		return ""
	}
	first, _, _ := strings.Cut(text, " ")
	if len(first) != len(text) && !strings.Contains(first, "://") && !strings.HasPrefix(strings.ToLower(first), "www.") {
		return ""
	}
	for _, f := range observable.FindLinks(first) {
		if f.Kind != "email" && !f.Weak && f.Start <= 1 {
			return hostOf(f.URL)
		}
	}
	return ""
}

func hostOf(raw string) string {
	u, err := observable.ParseURL(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// linkSetTraits judge all links together.
func (in *Input) linkSetTraits(t *tally, v *linkView) {
	if v.web == 0 {
		return
	}
	whole := portcullis.Evidence{Part: in.textPath(), Note: v.main}
	if v.own == 0 && knownHosts().kind(v.main, "") == hostMailer {
		return
	}
	if in.SenderOrg != "" && v.own == 0 && in.hasHTMLLink() {
		t.add(linkElsewhere, whole)
	}
	if v.own*2 >= v.web && v.web >= 2 && !people.Freemail(in.SenderOrg) {
		t.add(mannerList, whole)
	}
	if v.own == 0 && in.hasHTMLLink() && (len(v.targets) == 1 || v.web >= 2 && len(v.orgs) == 1) {
		t.add(linkOneURL, whole)
	}
	if v.own == 0 && v.longRuns*2 > v.web {
		t.add(linkSpray, whole)
	}
}

func (in *Input) hasHTMLLink() bool {
	for _, l := range in.judgedLinks() {
		if l.Kind == "html" && l.Domain != "" {
			return true
		}
	}
	return false
}

// randomPath finds a long run of letters and digits without vowels' rhythm: the
// token of a mass mailing.
func randomPath(s string) bool {
	run, digits, upper, lower := 0, 0, 0, 0
	for i := 0; i <= len(s); i++ {
		c := byte(0)
		if i < len(s) {
			c = s[i]
		}
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'A' && c <= 'Z':
			upper++
		case c >= 'a' && c <= 'z':
			lower++
		default:
			if run >= 24 && (digits > 0 && upper > 0 && lower > 0 || digits*3 > run) {
				return true
			}
			run, digits, upper, lower = 0, 0, 0, 0
			continue
		}
		run++
	}
	return false
}

// mixesScripts tells a name whose labels mix Latin with letters drawn alike.
func mixesScripts(host string) bool {
	var scan wordScan
	scan.read(host, false)
	if scan.mixed > 0 {
		return true
	}
	for label := range strings.SplitSeq(host, ".") {
		odd, all := 0, 0
		for _, r := range label {
			all++
			if _, ok := looksLatin[r]; ok {
				odd++
			}
		}
		if odd > 0 && odd == all {
			return true
		}
	}
	return false
}

// holdsAddress tells whether a string is base64 of a mail address.
func holdsAddress(s string) bool {
	if len(s) > 400 {
		return false
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	return err == nil && strings.Contains(string(raw), "@") && strings.Contains(string(raw), ".")
}

func (in *Input) recipientAddress() string { return in.linkView().reader }

func (in *Input) firstReader() string {
	for _, a := range in.M.Header.Addresses("To") {
		if len(a.Local) > 1 && a.Addr != "" {
			return strings.ToLower(a.Addr)
		}
	}
	return ""
}

func shorten(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
