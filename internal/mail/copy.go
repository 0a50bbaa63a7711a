package mail

import (
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/observable"
)

// maxResources bounds what is kept of one copy. Trackers hide among the first
// and the last things a mail fetches; both ends are kept.
const maxResources = 160

// Copy is what comparing needs of one message: who got it, from whom, and what
// it would fetch. Copies of one mail share a group (see Sketch).
type Copy struct {
	Event      portcullis.ID `json:"event"`
	Time       time.Time     `json:"time"`
	Domain     string        `json:"domain"` // canonical sender domain
	Org        string        `json:"org"`
	Envelope   string        `json:"envelope,omitempty"` // organisational domain of the envelope sender, "" where it is not known
	Recipients []Recipient   `json:"recipients"`
	Resources  []Resource    `json:"resources,omitempty"`
	Known      string        `json:"known,omitempty"` // kind of the organisation the sender's domain belongs to: "own", "outlet", "partner", "bulk"
	History    History       `json:"history"`
	Shape      Layout        `json:"layout"`
	Opaque     int           `json:"opaque,omitempty"` // links that a gateway has rewritten beyond reading
	Author     uint16        `json:"author"`           // a short hash of the name it is signed with: tells authors apart, names nobody
	From       uint16        `json:"from,omitempty"`   // the same of the address
	Claims     []string      `json:"claims,omitempty"` // rules that found the sender to be somebody else
}

// Layout is what a mail looks like, as far as it tells a letter from a
// newsletter.
type Layout struct {
	Words   int  `json:"words"`
	Links   int  `json:"links"`             // visible ones to follow, in the part that has most: plain text repeats those of the HTML
	Images  int  `json:"images"`            // visible ones
	Receipt bool `json:"receipt,omitempty"` // asks for a read receipt
}

// Resource is a remote URL or link of a copy, after wrappers are undone.
type Resource struct {
	URL    string `json:"url"`
	Slot   string `json:"slot"` // what it is aligned by: kind, organisational domain, ordinal
	Kind   string `json:"kind"` // "image", "css-background", …, "link"
	Hidden bool   `json:"hidden,omitempty"`
	Host   bool   `json:"host,omitempty"` // a gateway left only the host readable
	Part   string `json:"part"`
	Start  int    `json:"start"`
	End    int    `json:"end"`
}

// AddRecipient adds somebody the same bytes were delivered to as well.
func (c *Copy) AddRecipient(r Recipient) bool {
	for _, have := range c.Recipients {
		if have.Person == r.Person && have.Address == r.Address {
			return false
		}
	}
	c.Recipients = append(c.Recipients, r)
	return true
}

// NewCopy takes from a judged message what comparing needs. It reports false
// where there is nothing to compare: no remote content, no link, nobody known
// to have got it.
func (j *Judge) NewCopy(m *Input, v portcullis.Verdict) (Copy, Sketch, []int64, bool) {
	c := Copy{
		Event: portcullis.ID(m.F.Event), Time: m.F.Time,
		Domain: m.SenderDomain, Org: m.SenderOrg,
		Envelope:   envelopeOrg(m),
		Recipients: m.F.Recipients, History: m.F.History,
		Known: m.knownSender(),
	}
	c.Resources, c.Opaque = resources(m)
	if len(c.Resources) == 0 {
		return c, Sketch{}, nil, false
	}
	c.Author, c.From = author(m)
	sketch, words := NewSketch(m.Body)
	sketch = sketch.By(c.Org)
	c.Shape = layout(m, words)
	for _, f := range v.Findings {
		if f.Attention == portcullis.Targeted && f.Severity >= portcullis.Low {
			rule, _, _ := strings.Cut(f.Rule, "@")
			c.Claims = append(c.Claims, rule)
		}
	}
	slices.Sort(c.Claims)
	c.Claims = slices.Compact(c.Claims)
	var exact []int64
	if id := m.M.MessageID(); id != "" {
		exact = append(exact, bandOf("message-id:"+id))
	}
	return c, sketch, exact, true
}

// author tells apart who a mail is from as the reader sees it, and the addresses
// it is sent from. Sixteen bits suffice to count them and fit thousands each.
func author(m *Input) (name, address uint16) {
	return uint16(bandOf("author:" + strings.ToLower(m.Sender.Name))), uint16(bandOf("from:" + strings.ToLower(m.Sender.Addr)))
}

// envelopeOrg is who carried the mail: the organisation of the envelope sender,
// as the receiving server noted it in Return-Path or among its results.
func envelopeOrg(m *Input) string {
	if org := orgOf(m.M.Header.Get("Return-Path")); org != "" {
		return org
	}
	for _, r := range m.F.Trusted {
		if r.Method == "spf" && r.Instance == 0 {
			return orgOf("@" + r.Domain())
		}
	}
	return ""
}

// orgOf is the organisation of an address, "" if it is none.
func orgOf(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return ""
	}
	domain, err := observable.Domain(strings.Trim(address[at+1:], "<> "))
	if err != nil {
		return ""
	}
	return observable.OrgDomain(domain)
}

func layout(m *Input, words int) Layout {
	l := Layout{Words: words, Receipt: len(receiptHeaders(m)) > 0}
	inPart := map[string]int{}
	for _, link := range m.Links {
		if !link.Hidden {
			inPart[link.Part]++
			l.Links = max(l.Links, inPart[link.Part])
		}
	}
	for _, r := range m.Remote {
		if r.Kind == "image" && !r.Hidden {
			l.Images++
		}
	}
	return l
}

// resources lists what copies are compared by. A wrapper that cannot be undone
// differs per recipient by itself and says nothing: it is counted and left out,
// but keeps its place, so that what follows it stays aligned with the other
// copies.
func resources(m *Input) (list []Resource, opaque int) {
	for _, r := range m.Remote {
		list = append(list, Resource{URL: comparableURL(r.URL), Kind: r.Kind, Hidden: r.Hidden, Part: r.Part, Start: r.Start, End: r.End, Slot: r.Kind + " " + r.Org})
	}
	for _, l := range m.Links {
		if l.Domain != "" {
			list = append(list, Resource{URL: comparableURL(l.URL), Kind: "link", Hidden: l.Hidden, Host: hostOnly(l), Part: l.Part, Start: l.Start, End: l.End, Slot: "link " + l.Org})
		}
	}
	ordinal := map[string]int{}
	for i := range list {
		slot := list[i].Slot
		ordinal[slot]++
		list[i].Slot = slot + " " + itoa(ordinal[slot])
	}
	read := slices.DeleteFunc(list, func(r Resource) bool { return r.URL == "" })
	opaque = len(list) - len(read)
	if len(read) > maxResources {
		read = append(read[:maxResources/2], read[len(read)-maxResources/2:]...)
	}
	return read, opaque
}

func (in *Input) knownSender() string {
	if in.SenderDomain == "" {
		return ""
	}
	if in.People.OwnDomain(in.SenderDomain) {
		return "own"
	}
	if o := in.People.KnownDomain(in.SenderDomain); o != nil {
		return o.Kind
	}
	return ""
}

// canonicalURL is the comparable form: two spellings of one address are one.
func canonicalURL(u observable.Link) string {
	canon, _, err := observable.URL(u.Raw)
	if err != nil {
		return u.Raw
	}
	return canon
}

// comparableURL is canonicalURL with the fragment, which no server is sent but
// the script of the page reads; it is "" where a wrapper hides the target.
func comparableURL(u observable.Link) string {
	if opaqueWrapper(u) {
		return ""
	}
	if u.Fragment != "" {
		return canonicalURL(u) + "#" + u.Fragment
	}
	return canonicalURL(u)
}

// hostOnly tells a link of which a gateway gave away no more than the host.
func hostOnly(l Link) bool {
	return l.Wrapper != "" && l.URL.Query == "" && (l.URL.Path == "" || l.URL.Path == "/")
}
