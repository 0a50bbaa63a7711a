package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/observable"
)

// Traits are what a mail is put together with others by: the values it holds and the role each
// plays, a signature of what it says and one of how it is built. They are the same however often
// they are taken, and nothing in them depends on another mail.
type Traits struct {
	Features  []Trait
	Text      []uint32 // MinHash of the body without links, numbers and names of places to fill in; nil for less than minTraitWords
	Structure []uint32 // MinHash of the HTML's elements; nil for plain text
	Words     int
	Echo      bool // somebody of the house passes on what was received
}

// Trait is a value and its role. Addresses, names and subjects are in clear: whoever
// stores them keys them first.
type Trait struct {
	Kind       string // one of the Trait constants
	Observable portcullis.Observable
}

// The roles of values.
const (
	TraitLink       = "link"
	TraitRemote     = "remote"
	TraitURL        = "url"
	TraitForm       = "form"
	TraitSender     = "sender"
	TraitReplyTo    = "reply-to"
	TraitEnvelope   = "envelope"
	TraitSignature  = "signature"
	TraitReceived   = "received"
	TraitOrigin     = "origin"
	TraitZone       = "zone"
	TraitAttachment = "attachment"
	TraitFileName   = "filename"
	TraitSubject    = "subject"
	TraitName       = "name"
	TraitPath       = "path"
	TraitTool       = "tool"
)

// Types of traits that are no observables of the archive.
const (
	typeName portcullis.ObservableType = "name"
	typePath portcullis.ObservableType = "path"
	typeTool portcullis.ObservableType = "tool"
)

// Limits of one mail. The first of each kind are taken: what a newsletter has hundreds of says
// little after the first few.
const (
	traitHosts     = 30
	traitURLs      = 10
	traitPaths     = 6
	traitHops      = 4
	traitFiles     = 10
	minTraitWords  = 20
	textRows       = 64
	structureRows  = 32
	maxTags        = 3000
	maxTraitText   = 64 << 10
	maxTraitMarkup = 256 << 10
)

// NewTraits takes the traits of a mail. Values of the house itself and of organisations that the people
// file knows (outlets, partners, bulk senders) are left out: that two mails link to the same newspaper
// or came through the same office says nothing about who is behind them.
func NewTraits(in *Input) Traits {
	c := traitCollector{in: in, seen: map[Trait]bool{}, count: map[string]int{}}
	c.t.Echo = c.echo()
	c.senders()
	c.path()
	c.hosts()
	c.files()
	c.wording()
	c.t.Text, c.t.Words = textSignature(in.Body)
	c.t.Structure = structureSignature(in.M.Parts)
	return c.t
}

type traitCollector struct {
	in    *Input
	t     Traits
	seen  map[Trait]bool
	count map[string]int
}

func (c *traitCollector) add(kind string, typ portcullis.ObservableType, value string, most int) {
	t := Trait{kind, portcullis.Observable{Type: typ, Value: value}}
	if value == "" || c.seen[t] || c.count[kind] >= most {
		return
	}
	c.seen[t] = true
	c.count[kind]++
	c.t.Features = append(c.t.Features, t)
}

// known tells values that belong to the house or to organisations that are known to be genuine.
func (c *traitCollector) known(domain string) bool {
	return domain == "" || c.in.People.OwnDomain(domain) || c.in.People.KnownDomain(domain) != nil
}

func (c *traitCollector) domain(kind, name string) {
	if ip, err := observable.IP(strings.Trim(name, "[]")); err == nil {
		c.add(kind, portcullis.TypeIP, ip, traitHosts)
		return
	}
	canon, err := observable.Domain(name)
	if err != nil || !strings.Contains(canon, ".") || c.known(canon) {
		return
	}
	c.add(kind, portcullis.TypeDomain, canon, traitHosts)
	if org := observable.OrgDomain(canon); org != canon {
		c.add(TraitZone, portcullis.TypeDomain, org, traitHosts)
	}
}

// address takes an address and its domain. The address counts though its domain be known: an
// account at a partner may be in other hands.
func (c *traitCollector) address(kind, address string) {
	canon, err := observable.Email(address)
	if err != nil || c.ours(canon) {
		return
	}
	c.add(kind, portcullis.TypeEmail, canon, traitHosts)
	c.domain(kind, canon[strings.LastIndexByte(canon, '@')+1:])
}

func (c *traitCollector) ours(address string) bool {
	return c.in.People.OwnDomain(address[strings.LastIndexByte(address, '@')+1:]) || len(c.in.People.ByAddress(address)) > 0
}

func (c *traitCollector) senders() {
	in := c.in
	for _, a := range in.From {
		c.address(TraitSender, a.Addr)
	}
	for _, a := range in.ReplyTo {
		if !slices.ContainsFunc(in.From, func(f message.Address) bool { return strings.EqualFold(f.Addr, a.Addr) }) {
			c.address(TraitReplyTo, a.Addr)
		}
	}
	if name := foldName(in.Sender.Name); len(name) >= 4 && !strings.Contains(name, "@") && !c.t.Echo {
		c.add(TraitName, typeName, name, 1)
	}
	for _, a := range in.M.Header.Addresses("Return-Path") {
		c.domain(TraitEnvelope, a.Domain)
	}
	for _, f := range in.M.Header.All("DKIM-Signature") {
		for field := range strings.SplitSeq(f.Value, ";") {
			if tag, value, ok := strings.Cut(field, "="); ok && strings.TrimSpace(tag) == "d" {
				c.domain(TraitSignature, strings.TrimSpace(value))
			}
		}
	}
	if c.t.Echo {
		c.forwarded()
	}
}

func foldName(name string) string { return strings.Join(strings.Fields(strings.ToLower(name)), " ") }

// forwarded finds who wrote what an echo passes on: the senders of attached mails, and addresses
// from elsewhere that its text quotes.
func (c *traitCollector) forwarded() {
	for _, p := range c.in.M.Parts {
		if m := p.Embedded(); m != nil {
			for _, a := range m.From() {
				c.address(TraitSender, a.Addr)
			}
		}
	}
	for _, found := range observable.FindLinks(cut(c.in.Body, maxTraitText)) {
		if found.Kind == "email" {
			c.address(TraitSender, found.URL)
		}
	}
}

func cut(s string, most int) string {
	if len(s) > most {
		return s[:most]
	}
	return s
}

// path takes the servers that handed the mail on. Those below the house's own may be invented, but
// then by the same hand each time.
func (c *traitCollector) path() {
	for _, r := range c.in.M.Received() {
		if public(r.FromIP) {
			c.add(TraitReceived, portcullis.TypeIP, r.FromIP.Unmap().String(), traitHops)
		}
	}
	if ip, err := netip.ParseAddr(strings.Trim(c.in.M.Header.Get("X-Originating-IP"), "[] ")); err == nil && public(ip) {
		c.add(TraitReceived, portcullis.TypeIP, ip.Unmap().String(), traitHops+1)
	}
	if _, host, ok := strings.Cut(c.in.M.MessageID(), "@"); ok && !c.t.Echo {
		c.domain(TraitOrigin, strings.Trim(host, "<> "))
	}
}

func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsValid() && ip.IsGlobalUnicast() && !ip.IsPrivate()
}

func (c *traitCollector) hosts() {
	for _, r := range c.in.Remote {
		c.url(TraitRemote, r.URL, r.Domain)
	}
	for _, l := range c.in.Links {
		c.url(TraitLink, l.URL, l.Domain)
	}
	for _, p := range c.in.M.Parts {
		if p.IsAttachment() {
			continue
		}
		if h := p.HTML(); h != nil {
			for _, f := range h.Forms {
				if u, err := observable.ParseURL(f.Action); err == nil {
					c.domain(TraitForm, u.Host)
				}
			}
		}
	}
}

// url takes a link's host, and where it has a path of its own the whole of it and its shape.
func (c *traitCollector) url(kind string, u observable.Link, domain string) {
	switch {
	case u.Scheme == "mailto":
		address, _, _ := strings.Cut(u.Path, "?")
		c.address(TraitReplyTo, address)
		return
	case domain == "" || opaqueWrapper(u) || c.known(domain):
		return
	}
	c.domain(kind, domain)
	if len(u.Path) > 1 || u.Query != "" {
		if canon, _, err := observable.URL(u.Raw); err == nil {
			c.add(TraitURL, portcullis.TypeURL, canon, traitURLs)
		}
	}
	if shape, ok := pathShape(u); ok {
		c.add(TraitPath, typePath, shape, traitPaths)
	}
}

// pathShape is a URL's path and the names of its parameters with all that looks filled in left
// out: what the attacker's server expects. Shapes that any site has are none.
func pathShape(u observable.Link) (string, bool) {
	var b strings.Builder
	letters := 0
	for segment := range strings.SplitSeq(strings.Trim(u.Path, "/"), "/") {
		b.WriteByte('/')
		if segment == "" || filledIn(segment) {
			b.WriteByte('#')
			continue
		}
		b.WriteString(strings.ToLower(segment))
		letters += len(segment)
	}
	var keys []string
	for pair := range strings.SplitSeq(u.Query, "&") {
		if key, _, _ := strings.Cut(pair, "="); key != "" && !filledIn(key) && !strings.HasPrefix(key, "utm_") {
			keys = append(keys, strings.ToLower(key))
		}
	}
	slices.Sort(keys)
	if len(keys) > 0 {
		b.WriteString("?" + strings.Join(keys, "&"))
	}
	shape := b.String()
	return shape, letters >= 3 && len(shape) <= 120 && strings.Count(shape, "/")+len(keys) >= 2
}

// filledIn tells tokens, numbers and names of articles from fixed words.
func filledIn(segment string) bool {
	digits := 0
	for _, r := range segment {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return len(segment) > 24 || strings.Count(segment, "-") >= 2 || digits >= 3 || 3*digits >= len(segment)
}

// files takes what is attached. Pictures are left out: an attacker copies the logo of whom he imitates,
// and so does the next.
func (c *traitCollector) files() {
	for _, a := range c.in.Attachments {
		if strings.HasPrefix(a.Part.MediaType, "image/") || !a.Part.IsAttachment() {
			continue
		}
		sum := sha256.Sum256(a.Part.Content())
		c.add(TraitAttachment, portcullis.TypeHash, hex.EncodeToString(sum[:]), traitFiles)
		if name, err := observable.FileName(a.Part.FileName); err == nil {
			c.add(TraitFileName, portcullis.TypeFileName, strings.ToLower(name), traitFiles)
		}
	}
}

func (c *traitCollector) wording() {
	if subject := observable.Subject(c.in.Subject); len(subject) >= 8 {
		c.add(TraitSubject, portcullis.TypeSubject, subject, 1)
	}
	if c.t.Echo {
		return // the program is the forwarder's
	}
	for _, name := range []string{"X-Mailer", "User-Agent"} {
		tool := strings.Join(strings.Fields(c.in.M.Header.Decoded(name)), " ")
		c.add(TraitTool, typeTool, cut(tool, 100), 1)
	}
}

// forwardMarks stand where mail programs put what is passed on.
var forwardMarks = []string{
	"forwarded message", "original message", "begin forwarded message", "weitergeleitete nachricht", "ursprüngliche nachricht",
	"message transféré", "message d'origine", "mensaje reenviado", "messaggio inoltrato", "doorgestuurd bericht", "wiadomość przekazana", "пересылаемое сообщение", "переслане повідомлення",
}

// echo tells whether somebody of the house passes on what was received, to a colleague or to whoever
// looks after such mail. A stranger's "Fwd:" is a way of making a mail look trusted and no echo.
func (c *traitCollector) echo() bool {
	from, err := observable.Email(c.in.Sender.Addr)
	if err != nil || !c.ours(from) {
		return false
	}
	for _, p := range c.in.M.Parts {
		if p.MediaType == "message/rfc822" {
			return true
		}
	}
	body := strings.ToLower(cut(c.in.Body, 16<<10))
	return slices.ContainsFunc(forwardMarks, func(mark string) bool { return strings.Contains(body, mark) }) ||
		strings.Contains(body, "from:") && strings.Contains(body, "subject:") && strings.Contains(body, "sent:") ||
		strings.Contains(body, "from:") && strings.Contains(body, "subject:") && strings.Contains(body, "date:")
}

// textSignature is a MinHash over words and pairs of words, as [NewSketch] makes one, with
// more values: copies are alike or not, while texts of one hand are alike by degrees.
func textSignature(text string) (signature []uint32, words int) {
	text = cut(text, maxTraitText)
	m := newMinHash(textRows)
	var previous uint64
	for word := range strings.FieldsFuncSeq(text, unicode.IsSpace) {
		h, ok := wordHash(word)
		if !ok {
			continue
		}
		if n := m.unspaced(word); n > 0 {
			words, previous = words+n/2+1, 0
			continue
		}
		words++
		m.add(h)
		if previous != 0 {
			m.add(previous*31 + h)
		}
		previous = h
	}
	if words < minTraitWords {
		return nil, words
	}
	return m, words
}

// structureSignature is a MinHash over runs of three elements, with the names of their
// attributes, of the largest HTML part.
func structureSignature(parts []*message.Part) []uint32 {
	markup := ""
	for _, p := range parts {
		if p.IsHTML() && !p.IsAttachment() && !p.Nested && len(p.Text()) > len(markup) {
			markup = p.Text()
		}
	}
	if markup == "" {
		return nil
	}
	m := newMinHash(structureRows)
	z := html.NewTokenizer(strings.NewReader(cut(markup, maxTraitMarkup)))
	var run [3]uint64
	n := 0
	for ; n < maxTags; n++ {
		switch z.Next() {
		case html.ErrorToken:
			if n >= 8 {
				return m
			}
			return nil
		case html.StartTagToken, html.SelfClosingTagToken:
			run[0], run[1], run[2] = run[1], run[2], tagHash(z)
			m.add(run[0]*961 + run[1]*31 + run[2])
		}
	}
	return m
}

func tagHash(z *html.Tokenizer) uint64 {
	h := uint64(14695981039346656037)
	add := func(b []byte) {
		for _, c := range b {
			h = (h ^ uint64(c)) * 1099511628211 // FNV-1a
		}
		h = (h ^ '/') * 1099511628211
	}
	name, more := z.TagName()
	add(name)
	for more {
		var key []byte
		key, _, more = z.TagAttr()
		add(key)
	}
	return h
}

type minHash []uint32

func newMinHash(rows int) minHash {
	m := make(minHash, rows)
	for i := range m {
		m[i] = math.MaxUint32
	}
	return m
}

// add takes one feature, as Sketch.add does.
func (m minHash) add(h uint64) {
	for i := range m {
		h = h*0xbf58476d1ce4e5b9 + 0x9e3779b97f4a7c15
		h ^= h >> 29
		if v := uint32(h >> 32); v < m[i] {
			m[i] = v
		}
	}
}

// unspaced takes text of scripts without spaces between words as pairs of characters.
func (m minHash) unspaced(word string) (pairs int) {
	if !strings.ContainsFunc(word, unspaced) {
		return 0
	}
	var previous rune
	for _, r := range word {
		if !unspaced(r) {
			previous = 0
			continue
		}
		if previous != 0 {
			m.add(uint64(previous)<<32 | uint64(r))
			pairs++
		}
		previous = r
	}
	return pairs
}
