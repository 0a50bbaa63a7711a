package mail

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/authn"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/synth"
)

// memory is an archive held in memory: it gathers facts the way a scan does,
// so that the rules are measured on what they will really be given.
type memory struct {
	judge    *Judge
	dir      *people.Directory
	cfg      Config
	contacts []contact
	bySender map[string][]int
	byOrg    map[string][]int
	byName   map[string][]int
	toOrg    map[string][]int
	byID     map[string][]int // message id → contacts
	groups   [][]member
	byBand   map[int64][]int // band → group numbers
}

type contact struct {
	message, sender, org, name, rcpt, rcptOrg string
	time                                      time.Time
}

type member struct {
	copy    Copy
	sketch  Sketch
	path    string
	verdict portcullis.Verdict
}

func newMemory(t testing.TB, toml string, trusted ...string) *memory {
	t.Helper()
	// Problems are left aside: among thousands of invented people two share an address.
	dir, _, err := people.Parse("people.toml", strings.NewReader(toml))
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.TrustedAuthserv = trusted
	return &memory{
		judge: NewJudge(dir, cfg, nil), dir: dir, cfg: cfg,
		bySender: map[string][]int{}, byOrg: map[string][]int{}, byName: map[string][]int{}, toOrg: map[string][]int{}, byID: map[string][]int{}, byBand: map[int64][]int{},
	}
}

// gateways are whose results a house and its neighbour abroad would trust.
func gateways(h *synth.House) []string {
	list := []string{h.AuthServID}
	for _, o := range h.Organisations {
		for _, d := range o.Domains {
			list = append(list, "mx."+d)
		}
	}
	return list
}

func (w *memory) recipients(m *message.Message) (list []Recipient) {
	for _, name := range []string{"Delivered-To", "To"} {
		for _, a := range m.Header.Addresses(name) {
			canon, err := observable.Email(a.Addr)
			if err != nil {
				continue
			}
			r := Recipient{Address: canon, How: strings.ToLower(name), House: w.dir.OwnDomain(canon[strings.LastIndexByte(canon, '@')+1:])}
			if p, relation := w.dir.Whose(canon); p != nil {
				r.Person, r.Relation = p.ID, relation
			}
			list = append(list, r)
		}
		if len(list) > 0 {
			return list
		}
	}
	return []Recipient{{How: "unknown"}}
}

func (w *memory) facts(m *message.Message, id string, when time.Time) *Facts {
	f := &Facts{Schema: 1, Event: id, Engine: Engine, Time: when, TimeKnown: true, Recipients: w.recipients(m)}
	var fields []string
	for _, h := range m.Header.All("Authentication-Results") {
		fields = append(fields, h.Value)
	}
	f.Trusted = authn.ParseAuthResults(fields, w.cfg.TrustedAuthserv)
	in := authn.Input{Raw: m.Raw, Received: when, MailFrom: strings.Trim(m.Header.Get("Return-Path"), "<> "), ClientIP: netip.Addr{}}
	for _, from := range m.From() {
		in.FromDomains = append(in.FromDomains, from.Domain)
	}
	f.Authn = authn.Evaluate(context.Background(), in, nil)
	c := w.contact(m, id, when)
	f.History = w.history(c, f.Recipients, when)
	f.Thread = w.thread(c, m.References())
	w.remember(m, c, f.Recipients)
	return f
}

func (w *memory) contact(m *message.Message, id string, when time.Time) contact {
	c := contact{message: id, time: when}
	if from := m.From(); len(from) > 0 {
		c.sender, _ = observable.Email(from[0].Addr)
		if d, err := observable.Domain(from[0].Domain); err == nil {
			c.org = observable.OrgDomain(d)
		}
		c.name = strings.ToLower(strings.TrimSpace(from[0].Name))
	}
	return c
}

func (w *memory) remember(m *message.Message, c contact, rcpts []Recipient) {
	for _, r := range rcpts {
		c.rcpt = r.Address
		_, domain, _ := strings.Cut(r.Address, "@")
		c.rcptOrg = observable.OrgDomain(domain)
		i := len(w.contacts)
		w.contacts = append(w.contacts, c)
		w.bySender[c.sender] = append(w.bySender[c.sender], i)
		w.byOrg[c.org] = append(w.byOrg[c.org], i)
		w.byName[c.name] = append(w.byName[c.name], i)
		w.toOrg[c.rcptOrg] = append(w.toOrg[c.rcptOrg], i)
		w.byID[m.MessageID()] = append(w.byID[m.MessageID()], i)
	}
}

func (w *memory) history(c contact, rcpts []Recipient, before time.Time) History {
	h := History{Known: true}
	to := map[string]bool{}
	for _, r := range rcpts {
		to[r.Address] = true
	}
	h.SenderMails, h.SenderReached, h.ToRecipient, h.SenderFirst = w.seen(w.bySender[c.sender], to, before)
	h.DomainMails, h.DomainReached, h.DomainRecipient, h.DomainFirst = w.seen(w.byOrg[c.org], to, before)
	for _, i := range w.toOrg[c.org] {
		if k := w.contacts[i]; to[k.sender] && k.time.Before(before) {
			h.RepliedDomain++
			if k.rcpt == c.sender {
				h.Replied++
			}
		}
	}
	others := map[string]bool{}
	for _, i := range w.byName[c.name] {
		if k := w.contacts[i]; c.name != "" && k.sender != c.sender && k.time.Before(before) {
			others[k.sender] = true
			h.NameOther++
		}
	}
	h.NameAddresses = len(others)
	return h
}

func (w *memory) seen(list []int, to map[string]bool, before time.Time) (mails, reached, hit int, first time.Time) {
	messages, boxes := map[string]bool{}, map[string]bool{}
	for _, i := range list {
		k := w.contacts[i]
		if !k.time.Before(before) {
			continue
		}
		messages[k.message], boxes[k.rcpt] = true, true
		if to[k.rcpt] {
			hit++
		}
		if first.IsZero() || k.time.Before(first) {
			first = k.time
		}
	}
	return len(messages), len(boxes), hit, first
}

func (w *memory) thread(c contact, ids []string) (t Thread) {
	for _, id := range ids {
		list := w.byID[id]
		if len(list) == 0 {
			continue
		}
		t.Known = true
		t.Mails++
		for _, i := range list {
			k := w.contacts[i]
			t.SenderInIt = t.SenderInIt || k.sender == c.sender || k.rcpt == c.sender
			t.DomainInIt = t.DomainInIt || k.org == c.org || k.rcptOrg == c.org
			if k.name == c.name && c.name != "" && k.sender != c.sender {
				t.NameInIt = k.org
			}
			t.Domains = append(t.Domains, k.org, k.rcptOrg)
		}
	}
	slices.Sort(t.Domains)
	t.Domains = slices.Compact(t.Domains)
	return t
}

// look judges one message and puts it with its copies.
func (w *memory) look(raw []byte, id string, when time.Time) portcullis.Verdict {
	m := message.Parse(raw, message.Limits{})
	in := w.judge.NewInput(m, w.facts(m, id, when))
	v := w.judge.JudgeInput(in)
	if c, sketch, exact, ok := w.judge.NewCopy(in, v); ok {
		w.group(member{c, sketch, id, v}, exact)
	}
	return v
}

// group puts a copy with those it is alike to, as records does: into the first
// group that has one, and all others that have one are merged into it.
func (w *memory) group(m member, exact []int64) {
	bands := append(m.sketch.Bands(), exact...)
	var into []int
	for i, band := range bands {
		for _, g := range w.byBand[band] {
			if !slices.Contains(into, g) && (i >= len(bands)-len(exact) || w.alike(g, m.sketch)) {
				into = append(into, g)
			}
		}
	}
	if len(into) == 0 {
		into = append(into, len(w.groups))
		w.groups = append(w.groups, nil)
	}
	group := into[0]
	w.groups[group] = append(w.groups[group], m)
	for _, other := range into[1:] {
		w.groups[group] = append(w.groups[group], w.groups[other]...)
		w.groups[other] = nil
	}
	for band, groups := range w.byBand {
		if len(into) > 1 && slices.ContainsFunc(groups, func(g int) bool { return slices.Contains(into[1:], g) }) {
			w.byBand[band] = append(slices.DeleteFunc(groups, func(g int) bool { return slices.Contains(into, g) }), group)
		}
	}
	for _, band := range bands {
		if !slices.Contains(w.byBand[band], group) {
			w.byBand[band] = append(w.byBand[band], group)
		}
	}
}

func (w *memory) alike(g int, s Sketch) bool {
	for _, m := range w.groups[g] {
		if s.Likeness(m.sketch) >= SameMail {
			return true
		}
	}
	return false
}

// alarms are the findings above informational.
func alarms(v portcullis.Verdict) (list []portcullis.Finding) {
	for _, f := range v.Findings {
		if f.Severity > portcullis.Informational {
			list = append(list, f)
		}
	}
	return list
}
