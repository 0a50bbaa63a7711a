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
	Recipients []Recipient   `json:"recipients"`
	Resources  []Resource    `json:"resources,omitempty"`
	Known      string        `json:"known,omitempty"` // kind of the organisation the sender's domain belongs to: "own", "outlet", "partner", "bulk"
	History    History       `json:"history"`
	Shape      Layout        `json:"layout"`
	Author     uint16        `json:"author"`           // a short hash of the name it is signed with: tells authors apart, names nobody
	Claims     []string      `json:"claims,omitempty"` // rules that found the sender to be somebody else
}

// Layout is what a mail looks like, as far as it tells a letter from a
// newsletter.
type Layout struct {
	Words   int  `json:"words"`
	Links   int  `json:"links"`             // visible ones to follow
	Images  int  `json:"images"`            // visible ones
	Receipt bool `json:"receipt,omitempty"` // asks for a read receipt
}

// Resource is a remote URL or link of a copy, after wrappers are undone.
type Resource struct {
	URL    string `json:"url"`
	Slot   string `json:"slot"` // what it is aligned by: kind, organisational domain, ordinal
	Kind   string `json:"kind"` // "image", "css-background", …, "link"
	Hidden bool   `json:"hidden,omitempty"`
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
		Recipients: m.F.Recipients, History: m.F.History,
		Resources: resources(m), Known: m.knownSender(),
	}
	if len(c.Resources) == 0 {
		return c, Sketch{}, nil, false
	}
	c.Author = author(m)
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

// author tells apart who a mail is from as the reader sees it. Sixteen bits
// suffice to count authors and fit thousands of names each.
func author(m *Input) uint16 {
	return uint16(bandOf("author:" + strings.ToLower(m.Sender.Name)))
}

func layout(m *Input, words int) Layout {
	l := Layout{Words: words, Receipt: len(receiptHeaders(m)) > 0}
	for _, link := range m.Links {
		if !link.Hidden {
			l.Links++
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
// differs per recipient by itself and says nothing: it is left out.
func resources(m *Input) []Resource {
	var list []Resource
	for _, r := range m.Remote {
		if opaqueWrapper(r.URL) {
			continue
		}
		list = append(list, Resource{URL: canonicalURL(r.URL), Kind: r.Kind, Hidden: r.Hidden, Part: r.Part, Start: r.Start, End: r.End, Slot: r.Kind + " " + r.Org})
	}
	for _, l := range m.Links {
		if l.Domain == "" || opaqueWrapper(l.URL) {
			continue
		}
		list = append(list, Resource{URL: canonicalURL(l.URL), Kind: "link", Hidden: l.Hidden, Part: l.Part, Start: l.Start, End: l.End, Slot: "link " + l.Org})
	}
	if len(list) > maxResources {
		list = append(list[:maxResources/2], list[len(list)-maxResources/2:]...)
	}
	ordinal := map[string]int{}
	for i := range list {
		slot := list[i].Slot
		ordinal[slot]++
		list[i].Slot = slot + " " + itoa(ordinal[slot])
	}
	return list
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
