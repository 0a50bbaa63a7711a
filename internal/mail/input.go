package mail

import (
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/attach"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
)

// Limits of what is looked at in one message. A mail with more links than this
// is no letter; what is beyond is reported as unknown.
const (
	maxLinks  = 2000
	maxRemote = 2000
	maxPixels = 4 << 20 // decoded in search of QR codes; four pictures of a megapixel, or one page at 200 dpi
)

// Input is one message as the rules see it: parsed, its links unwrapped, its
// sender and recipients told apart. It is made once per message.
type Input struct {
	M      *message.Message
	F      *Facts
	People *people.Directory
	Cfg    *Config

	From         []message.Address // all authors; usually one
	Sender       message.Address   // the first author, zero if there is none
	SenderDomain string            // canonical (A-labels), "" if there is none
	SenderOrg    string            // its organisational domain
	ReplyTo      []message.Address
	Subject      string
	Body         string // what a reader sees of all text parts
	Links        []Link
	Remote       []Remote
	Attachments  []Attachment
	Targets      []portcullis.ID // protected people the mail was delivered to, or to their staff
	House        bool            // delivered to somebody at one of the house's own domains, or to a protected person

	model    TextModel
	pictures *attach.Pictures
	said     *spoken // what the text says, read when first asked for
	view     *linkView
	unknown  []string
	around   circumstances // see context.go
}

// Link is something a click follows, wherever it stands.
type Link struct {
	Part       string          // MIME path
	Kind       string          // "html", "text", or attach's "qr", "pdf-uri", "ics" …
	Text       string          // what the reader sees
	Raw        string          // as written
	URL        observable.Link // after link wrappers are undone
	Wrapper    string          // which wrapper was undone, "" none
	Domain     string          // canonical host
	Org        string          // its organisational domain
	Hidden     bool
	ImageOnly  bool
	Start, End int // in Part
}

// Remote is something a mail program fetches when it shows the message.
type Remote struct {
	message.Remote
	Part    string
	URL     observable.Link // after link wrappers are undone
	Wrapper string
	Domain  string
	Org     string
}

// Attachment is a part looked into.
type Attachment struct {
	Part   *message.Part
	Report *attach.Report
}

// NewInput prepares a message for the rules.
func (j *Judge) NewInput(m *message.Message, f *Facts) *Input {
	in := &Input{M: m, F: f, People: j.people, Cfg: &j.cfg, model: j.model, pictures: j.pictures}
	in.unknown = slices.Clone(f.Unknown)
	in.senders()
	in.recipients()
	in.Subject = m.Subject()
	in.Body = m.PlainText()
	in.contents()
	in.attachments()
	return in
}

func (in *Input) senders() {
	in.From = in.M.From()
	in.ReplyTo = in.M.Header.Addresses("Reply-To")
	if len(in.From) == 0 {
		return
	}
	in.Sender = in.From[0]
	domain, err := observable.Domain(in.Sender.Domain)
	if err != nil {
		return
	}
	in.SenderDomain, in.SenderOrg = domain, observable.OrgDomain(domain)
}

func (in *Input) recipients() {
	for _, r := range in.F.Recipients {
		if r.House || r.Person != "" {
			in.House = true
		}
		if r.Person != "" && !slices.Contains(in.Targets, r.Person) {
			in.Targets = append(in.Targets, r.Person)
		}
	}
}

// contents gathers links and remote content of all text parts.
func (in *Input) contents() {
	for _, p := range in.M.Parts {
		if p.IsAttachment() {
			continue
		}
		if h := p.HTML(); h != nil {
			in.htmlContents(p, h)
		} else if strings.HasPrefix(p.MediaType, "text/") {
			in.textContents(p)
		}
	}
}

func (in *Input) textContents(p *message.Part) {
	text, at := p.Text(), func(i int) int { return i }
	if p.IsCalendar() {
		text, at = message.Unfolded(text)
	}
	for _, found := range observable.FindLinks(text) {
		if found.Kind != "email" && !found.Weak {
			in.addLink(Link{Part: p.Path, Kind: "text", Text: text[found.Start:found.End], Raw: found.URL, Start: at(found.Start), End: at(found.End)})
		}
	}
}

func (in *Input) htmlContents(p *message.Part, h *message.HTML) {
	in.Links = slices.Grow(in.Links, min(len(h.Links), maxLinks))
	in.Remote = slices.Grow(in.Remote, min(len(h.Remote), maxRemote))
	for _, l := range h.Links {
		in.addLink(Link{Part: p.Path, Kind: "html", Text: l.Text, Raw: l.URL, Hidden: l.Hidden, ImageOnly: l.ImageOnly, Start: l.Start, End: l.End})
	}
	for _, r := range h.Remote {
		if len(in.Remote) >= maxRemote {
			in.unknown = append(in.unknown, "remote content beyond the first 2,000 items")
			return
		}
		u, chain, err := resolve(r.URL)
		if err != nil || u.Host == "" {
			continue
		}
		org := ""
		if n := len(in.Remote); n > 0 && in.Remote[n-1].Domain == u.Host {
			org = in.Remote[n-1].Org // as of most of them
		} else {
			org = observable.OrgDomain(u.Host)
		}
		in.Remote = append(in.Remote, Remote{Remote: r, Part: p.Path, URL: u, Wrapper: strings.Join(chain, ">"), Domain: u.Host, Org: org})
	}
}

func (in *Input) addLink(l Link) {
	if len(in.Links) >= maxLinks {
		if len(in.Links) == maxLinks {
			in.unknown = append(in.unknown, "links beyond the first 2,000")
		}
		return
	}
	u, chain, err := resolve(l.Raw)
	if err != nil {
		return
	}
	l.URL, l.Wrapper, l.Domain = u, strings.Join(chain, ">"), u.Host
	if n := len(in.Links); n > 0 && in.Links[n-1].Domain == u.Host {
		l.Org = in.Links[n-1].Org // as of most of them
	} else {
		l.Org = observable.OrgDomain(u.Host)
	}
	in.Links = append(in.Links, l)
}

// resolve takes off wrappers and takes apart what is in them. Some keep the URL to
// themselves and leave only its host readable.
func resolve(raw string) (target observable.Link, chain []string, err error) {
	target, chain, err = observable.Resolve(raw)
	if err != nil && len(chain) > 0 && !strings.ContainsAny(target.Raw, "/:") {
		target, err = observable.ParseURL("https://" + target.Raw + "/")
	}
	return target, chain, err
}

// attachments looks into what is attached, into pictures, which may hold QR codes, and into
// invitations, which mail programs act on wherever they stand. The links of those that
// are no attachments are among the contents already, with their place.
func (in *Input) attachments() {
	var budget *attach.Budget
	for _, p := range in.M.Parts {
		image := strings.HasPrefix(p.MediaType, "image/")
		if image && in.Cfg.Images < 0 {
			continue
		}
		attached := p.IsAttachment()
		if !attached && !image && !p.IsCalendar() || len(p.Children) > 0 {
			continue
		}
		if budget == nil {
			limits := attach.DefaultLimits()
			limits.Images, limits.ImagePixels = in.Cfg.Images, maxPixels
			budget = attach.NewBudget(limits)
			budget.Pictures = in.pictures
		}
		report := attach.Inspect(p.FileName, p.MediaType, p.Content(), budget)
		in.Attachments = append(in.Attachments, Attachment{Part: p, Report: report})
		for _, u := range report.URLs {
			if !attached && !image {
				break
			}
			in.addLink(Link{Part: p.Path, Kind: u.Where, Raw: u.URL})
		}
		for _, what := range report.Incomplete {
			in.unknown = append(in.unknown, "attachment "+p.Path+": "+what)
		}
	}
}

// maxUnread bounds how many of one message's unread parts are listed one by one.
const maxUnread = 20

// unknowns are the things that could not be known, sorted and each once. What no limit
// let us read is among them: it is asked for last, when all has been decoded.
func (in *Input) unknowns() []string {
	var unread []message.Defect
	if in.M != nil { // no indicator learnt later reads the message again
		unread = in.M.Unread()
	}
	for i, d := range unread {
		if i == maxUnread {
			in.unknown = append(in.unknown, fmt.Sprintf("the rest of %d more parts and fields beyond their limits", len(unread)-i))
			break
		}
		in.unknown = append(in.unknown, "what is not read of "+unreadPlace(d)+": "+d.Detail)
	}
	slices.Sort(in.unknown)
	return slices.Compact(in.unknown)
}

func unreadPlace(d message.Defect) string {
	switch {
	case strings.HasPrefix(d.Part, "header:"):
		return "the header field " + strings.TrimPrefix(d.Part, "header:")
	case d.Part == "" || d.Kind == message.TooManyParts || d.Kind == message.TooManyFields:
		return "the message"
	}
	return "part " + d.Part
}

// Unknown notes that something could not be known.
func (in *Input) Unknown(what string) { in.unknown = append(in.unknown, what) }

// HeaderEvidence points to the n-th field of a name, 0 being the first.
func (in *Input) HeaderEvidence(name string, n int, note string) portcullis.Evidence {
	for i, f := range in.M.Header.All(name) {
		if i == n {
			return portcullis.Evidence{Part: headerPart(name, n), Start: f.Start, End: f.End, Note: note}
		}
	}
	return portcullis.Evidence{Part: headerPart(name, n), Note: note}
}

func headerPart(name string, n int) string {
	if n == 0 {
		return "header:" + name
	}
	return "header:" + name + "#" + string(rune('0'+min(n, 9)))
}

// LinkEvidence points to where a link stands.
func LinkEvidence(l Link, note string) portcullis.Evidence {
	return portcullis.Evidence{Part: l.Part, Start: l.Start, End: l.End, Note: note}
}
