package main

import (
	"context"
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/authn"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/mail/source"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
)

// gatherer collects the facts a message is judged with: whose mail it is, when
// it came, what the archive knows of its sender, what the house's own servers
// said about it.
type gatherer struct {
	cfg      mail.Config
	dir      *people.Directory
	key      archive.Key
	base     factsBase
	resolver authn.Resolver                  // nil: the network stays off
	bulk     bool                            // scan --bulk-copies
	matcher  atomic.Pointer[archive.Matcher] // of the indicators that are kept; those that come while mail is read are looked for from then on
}

// arrived is one message with all that judging it needs, and what that came to.
type arrived struct {
	item       source.Item
	remote     bool             // it lies on a server, in a mailbox that item.Arg names
	m          *message.Message // nil once it is judged
	messageID  string
	received   []message.Received
	event      portcullis.ID
	known      bool // it is in the store
	again      bool // and judged again, because the people file has changed
	revision   int  // of the verdict that judging makes
	recipients []mail.Recipient

	facts    *mail.Facts
	input    *mail.Input // nil once it is judged
	targeted bool        // a protected person got it
	verdict  portcullis.Verdict
	entries  []archive.Entry // sealed, once it is judged

	judgement records.Judgement
	copied    records.PackedCopy
	hasCopy   bool
	line      []byte // of --verdicts, nil for a known message
	err       error  // why it cannot be stored
}

const (
	maxRecipients = 50 // of one message that are told apart
	dateTolerance = 7 * 24 * time.Hour
)

// hops are the Received fields, if anybody but the sender can have written them: what is
// attached to a message was written by whoever attached it.
func (a *arrived) hops() []message.Received {
	if a.item.Nested != "" {
		return nil
	}
	return a.received
}

// stored is the form in which an address is kept: in clear if it is a protected
// person's own, keyed otherwise.
func (g *gatherer) stored(address string) string {
	canon, err := observable.Email(address)
	if err != nil {
		return ""
	}
	if g.ownAddress(canon) {
		return canon
	}
	return g.key.Address(canon)
}

func (g *gatherer) ownAddress(canon string) bool { return len(g.dir.ByAddress(canon)) > 0 }

// recipientsOf tells whose mail it is. Of a mailbox on a server that is known for certain, and
// what its fields say is not asked: some of them the sender wrote.
func (g *gatherer) recipientsOf(a *arrived) []mail.Recipient {
	if a.remote {
		if list := g.resolve([]string{a.item.Mailbox}, "mailbox"); len(list) > 0 {
			return list
		}
	}
	return g.recipients(a.item, a.m.Header)
}

// recipients tells whose mail it is, by the first source that knows: envelope,
// Delivered-To, the mailbox it lies in, To and Cc.
func (g *gatherer) recipients(item source.Item, h message.Header) []mail.Recipient {
	if item.Nested != "" {
		if r, ok := g.byMailbox(item); ok {
			return []mail.Recipient{r}
		}
		return g.named(h)
	}
	envelope := slices.Clone(item.Envelope.Recipients)
	for _, name := range []string{"Envelope-To", "X-Envelope-To", "X-Original-To"} {
		envelope = append(envelope, addressesOf(h, name)...)
	}
	if list := g.resolve(envelope, "envelope"); len(list) > 0 {
		return list
	}
	if list := g.resolve(addressesOf(h, "Delivered-To"), "delivered-to"); len(list) > 0 {
		return list
	}
	if r, ok := g.byMailbox(item); ok {
		return []mail.Recipient{r}
	}
	return g.named(h)
}

// named are those that the sender named.
func (g *gatherer) named(h message.Header) []mail.Recipient {
	if list := g.resolve(append(addressesOf(h, "To"), addressesOf(h, "Cc")...), "to"); len(list) > 0 {
		return list
	}
	return []mail.Recipient{{How: "unknown"}}
}

func addressesOf(h message.Header, name string) (list []string) {
	for _, a := range h.Addresses(name) {
		list = append(list, a.Addr)
	}
	return list
}

func (g *gatherer) resolve(addresses []string, how string) (list []mail.Recipient) {
	seen := map[string]bool{}
	for _, address := range addresses {
		canon, err := observable.Email(address)
		if err != nil || seen[canon] {
			continue
		}
		seen[canon] = true
		r := mail.Recipient{Address: g.stored(canon), How: how, House: g.dir.OwnDomain(canon[strings.LastIndexByte(canon, '@')+1:])}
		if p, relation := g.dir.Whose(canon); p != nil {
			r.Person, r.Relation = p.ID, relation
		}
		if list = append(list, r); len(list) == maxRecipients {
			break
		}
	}
	return list
}

// byMailbox asks the people file whose a mailbox is: by the whole path first,
// then by its last element.
func (g *gatherer) byMailbox(item source.Item) (mail.Recipient, bool) {
	box := item.Mailbox
	for _, name := range []string{box, lastElement(box), firstElement(box)} {
		if name == "" {
			continue
		}
		person, address, ok := g.dir.Mailbox(name)
		if !ok {
			continue
		}
		r := mail.Recipient{How: "mailbox", House: true, Address: g.stored(address)}
		if person != nil {
			r.Person, r.Relation = person.ID, people.Owner
			if r.Address == "" && len(person.Addresses) > 0 {
				r.Address = g.stored(person.Addresses[0])
			}
		}
		return r, true
	}
	return mail.Recipient{}, false
}

func lastElement(p string) string  { return p[strings.LastIndexByte(p, '/')+1:] }
func firstElement(p string) string { first, _, _ := strings.Cut(p, "/"); return first }

// when tells the time of a message and whether it can be believed: that of the
// topmost Received field if one of the house's own servers wrote it, else what
// the sender put into Date. A Date that is more than a week from the topmost
// Received gives way to it.
func (g *gatherer) when(a *arrived) (t time.Time, trusted bool) {
	item, m, received := a.item, a.m, a.hops()
	if len(received) > 0 && g.ownRelay(received[0].By) && !received[0].Time.IsZero() {
		return received[0].Time.UTC(), true
	}
	top := item.Envelope.Time
	if len(received) > 0 && !received[0].Time.IsZero() {
		top = received[0].Time
	}
	date, err := m.Header.Date()
	if err != nil || date.IsZero() {
		return top.UTC(), false
	}
	if !top.IsZero() && top.Sub(date).Abs() > dateTolerance {
		return top.UTC(), false
	}
	return date.UTC(), false
}

// trustedHop is the hop at which the mail entered the house. Our own servers'
// fields are followed from the top as long as each says that it got the mail
// from within: what stands below the first that got it from outside, the sender
// may have written, "by" one of our servers or not. Who calls itself one of ours
// from a public address is ours or a liar: then the client's address is unknown.
func (g *gatherer) trustedHop(received []message.Received) (hop message.Received, ok bool) {
	for i, r := range received {
		if !g.ownRelay(r.By) {
			break
		}
		hop, ok = r, true
		switch {
		case internal(r.FromIP), !r.FromIP.IsValid() && g.ownRelay(r.From):
			continue
		case g.ownRelay(r.From) && i+1 < len(received) && g.ownRelay(received[i+1].By):
			hop.FromIP = netip.Addr{}
		}
		break
	}
	return hop, ok
}

// internal tells addresses that nobody outside can have.
func internal(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast()
}

func (g *gatherer) ownRelay(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, relay := range g.cfg.TrustedRelays {
		relay = strings.ToLower(relay)
		if host == relay || strings.HasSuffix(host, "."+relay) {
			return true
		}
	}
	return false
}

// gather fills in the facts of a new message and stores who wrote to whom.
func (g *gatherer) gather(ctx context.Context, w *records.Writer, a *arrived, now time.Time) error {
	f := &mail.Facts{
		Schema: 1, Event: string(a.event), Engine: mail.Engine,
		People: g.base.people, Config: g.base.config, Model: g.base.model, BulkCopies: g.bulk,
		Recipients: a.recipients,
	}
	a.facts = f
	if f.Time, f.TimeKnown = g.when(a); !f.TimeKnown {
		f.Unknown = append(f.Unknown, "when it arrived: the time is what the sender wrote")
	}
	g.authenticate(ctx, a)
	ask := g.ask(a.m, f)
	var err error
	if f.History, err = w.History(ctx, ask); err != nil {
		return err
	}
	if refs := a.m.References(); len(refs) > 0 {
		keyed := make([]string, len(refs))
		for i, id := range refs {
			keyed[i] = g.messageID(id)
		}
		if f.Thread, err = w.Thread(ctx, ask, keyed); err != nil {
			return err
		}
	}
	return g.remember(ctx, w, a, ask, now)
}

// authenticate evaluates what the message itself shows and what trusted servers
// said of it.
func (g *gatherer) authenticate(ctx context.Context, a *arrived) {
	var fields []string
	for _, f := range a.m.Header.All("Authentication-Results") {
		fields = append(fields, f.Value)
	}
	if a.item.Nested == "" {
		a.facts.Trusted = authn.ParseAuthResults(fields, g.cfg.TrustedAuthserv)
	}
	in := authn.Input{Raw: a.m.Raw, Received: a.facts.Time, MailFrom: returnPath(a.m.Header), Rebuilt: a.item.Rebuilt}
	for _, from := range a.m.From() {
		in.FromDomains = append(in.FromDomains, from.Domain)
	}
	if hop, ok := g.trustedHop(a.hops()); ok {
		in.ClientIP, in.Helo = hop.FromIP, hop.From
	}
	resolver := g.resolver
	var recorder *authn.Recorder
	if resolver != nil {
		recorder = authn.NewRecorder(resolver)
		resolver = recorder
	}
	a.facts.Authn = authn.Evaluate(ctx, in, resolver)
	domainsOnly(a.facts)
	if recorder != nil {
		a.facts.Answers, _ = json.Marshal(recorder.Answers()) // plain values: cannot fail
	}
}

// domainsOnly drops the local parts of addresses from what authentication says:
// only domains are ever compared, and facts are kept of every message.
func domainsOnly(f *mail.Facts) {
	drop := func(s *string) {
		if strings.Contains(*s, "@") {
			*s = localPart.ReplaceAllString(*s, "@")
		}
	}
	for i := range f.Authn.DKIM {
		drop(&f.Authn.DKIM[i].Identity)
		drop(&f.Authn.DKIM[i].Reason)
	}
	drop(&f.Authn.SPF.Reason)
	drop(&f.Authn.SPF.Explanation)
	for i := range f.Trusted {
		drop(&f.Trusted[i].Reason)
		drop(&f.Trusted[i].Comment)
		for j := range f.Trusted[i].Properties {
			drop(&f.Trusted[i].Properties[j].Value)
		}
	}
}

// localPart is generous: quoted local parts (RFC 5321 §4.1.2) and SRS included.
var localPart = regexp.MustCompile(`(?:"[^"@]*"|[^\s"<>():;,]+)@`)

func returnPath(h message.Header) string {
	return strings.Trim(h.Get("Return-Path"), "<> \t")
}

// ask is what the archive is asked about the sender.
func (g *gatherer) ask(m *message.Message, f *mail.Facts) records.Ask {
	ask := records.Ask{Before: f.Time}
	if from := m.From(); len(from) > 0 {
		ask.Sender = g.stored(from[0].Addr)
		if domain, err := observable.Domain(from[0].Domain); err == nil {
			ask.Org = observable.OrgDomain(domain)
		}
		if name := strings.TrimSpace(from[0].Name); name != "" {
			ask.Name = g.key.Text(strings.ToLower(name))
		}
	}
	for _, r := range f.Recipients {
		if r.Address != "" {
			ask.Recipients = append(ask.Recipients, r.Address)
		}
	}
	return ask
}

// remember stores the message's row and its contacts.
func (g *gatherer) remember(ctx context.Context, w *records.Writer, a *arrived, ask records.Ask, now time.Time) error {
	put := w.AddMessage
	if a.again {
		put = w.ReplaceMessage
	}
	return put(ctx, records.Message{
		ID: a.event, Time: a.facts.Time, TimeKnown: a.facts.TimeKnown, Recorded: now, Size: len(a.m.Raw),
		MessageID: g.messageID(a.messageID), Sender: ask.Sender, Org: ask.Org,
	}, g.contacts(a, ask))
}

// contacts are the sender with each recipient, named in the header or known
// otherwise.
func (g *gatherer) contacts(a *arrived, ask records.Ask) (list []records.Contact) {
	if a.item.Nested != "" { // whoever attached it could have made it up
		return nil
	}
	seen := map[string]bool{}
	add := func(stored, org string) {
		if stored != "" && !seen[stored] && len(list) < maxRecipients {
			seen[stored] = true
			list = append(list, records.Contact{Sender: ask.Sender, Org: ask.Org, Name: ask.Name, Recipient: stored, RecipientOrg: org})
		}
	}
	for _, name := range []string{"To", "Cc"} {
		for _, to := range a.m.Header.Addresses(name) {
			if domain, err := observable.Domain(to.Domain); err == nil {
				add(g.stored(to.Addr), observable.OrgDomain(domain))
			}
		}
	}
	for _, r := range a.facts.Recipients {
		_, domain, _ := strings.Cut(r.Address, "@")
		add(r.Address, observable.OrgDomain(domain))
	}
	return list
}

// messageID is the form in which message ids are kept with their threads.
func (g *gatherer) messageID(id string) string {
	if id == "" {
		return ""
	}
	return g.key.Text("message id " + id)
}
