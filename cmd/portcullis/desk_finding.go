package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// envelopeOf is what a list shows of a message.
type envelopeOf struct{ subject, from string }

// head reads subject and sender of a message; where its bytes were not kept, its domain stands for it.
func (d *deskService) head(ctx context.Context, event portcullis.ID) (h envelopeOf, err error) {
	raw, ok, err := d.mailRecords().Body(ctx, event)
	if err != nil {
		return h, err
	}
	if !ok {
		row, err := d.mailRecords().Message(ctx, event)
		return envelopeOf{subject: "a mail whose text was not kept", from: cmp.Or(row.Org, "somebody")}, err
	}
	m := message.Parse(raw[:headerEnd(raw)], message.DefaultLimits())
	h.subject = m.Subject()
	if from := m.From(); len(from) > 0 {
		h.from = strings.TrimSpace(from[0].Name + " <" + from[0].Addr + ">")
	}
	return h, nil
}

// headFor is head where the caller may read the message; a subject is part of it. Of privileged
// mail there is none here: the finding's own page says how it is opened.
func (d *deskService) headFor(ctx context.Context, event portcullis.ID, who []portcullis.ID) (envelopeOf, error) {
	switch decision := access.May(caller(ctx), access.SeeEvidence, d.about(event, who...)); {
	case decision.Allowed:
		return d.head(ctx, event)
	case decision.BreakGlass:
		return envelopeOf{subject: "a privileged mail", from: "somebody who is not shown"}, nil
	}
	return envelopeOf{}, nil
}

// headerEnd is where a message's header ends, behind the empty line. Mailboxes keep the
// line ends of the machine they lie on (RFC 4155), so either may stand there.
func headerEnd(raw []byte) int {
	for _, empty := range []string{"\r\n\r\n", "\n\n"} {
		if at := bytes.Index(raw, []byte(empty)); at >= 0 {
			return at + len(empty)
		}
	}
	return len(raw)
}

// Finding is a look at somebody's mail.
func (d *deskService) Finding(ctx context.Context, id portcullis.ID) (out web.Finding, err error) {
	reader := d.mailRecords()
	found, err := reader.Finding(ctx, id)
	if err != nil {
		return out, d.plain(err)
	}
	who, err := d.reached(ctx, found)
	if err != nil {
		return out, d.plain(err)
	}
	object, own := d.about(found.Finding.ID, who...), false
	if d.may(ctx, access.SeeCampaigns, object) != nil {
		if own, err = d.ownMail(ctx, found); err != nil {
			return out, d.plain(err)
		}
		if !own {
			return out, d.decide(ctx, access.SeeCampaigns, object) // which writes the refusal down
		}
	}
	out = web.Finding{Finding: found.Finding, Title: titleOf(found.Finding.Rule), About: mail.AboutRule(found.Finding.Rule)}
	out.Time = found.Message.Time // of this copy; a finding may rest on several
	if sees := d.sees(ctx); !caller(ctx).Scope.Unbounded() || own {
		out.People = seen(out.People, sees)
		out.Evidence = slices.DeleteFunc(slices.Clone(out.Evidence), func(e portcullis.Evidence) bool { return e.Event != "" && e.Event != found.Message.ID })
	}
	if out.To, err = d.readers(ctx, found); err != nil {
		return out, d.plain(err)
	}
	if list, err := d.campaignRecords().Campaigns(ctx, campaigns.Query{Event: found.Message.ID, Limit: 1, Ordinary: true}); err != nil {
		return out, d.plain(err)
	} else if len(list) > 0 && !own {
		out.Campaign = d.campaignRef(list[0].ID)
	}
	if err := d.beside(ctx, found, &out); err != nil {
		return out, d.plain(err)
	}
	return out, d.evidence(ctx, found, object, &out)
}

// reached are the protected people whom the message was delivered to or whom it concerns.
func (d *deskService) reached(ctx context.Context, found records.Found) ([]portcullis.ID, error) {
	who := slices.Clone(found.Finding.People)
	deliveries, err := d.mailRecords().Deliveries(ctx, found.Message.ID)
	if err != nil {
		return nil, err
	}
	for _, one := range deliveries {
		if one.Person != "" {
			who = append(who, one.Person)
		}
	}
	slices.Sort(who)
	return slices.Compact(who), nil
}

// mailboxes are the people in whose mailboxes this very message lies.
func (d *deskService) mailboxes(ctx context.Context, event portcullis.ID) (who []portcullis.ID, err error) {
	deliveries, err := d.mailRecords().Deliveries(ctx, event)
	for _, one := range deliveries {
		if one.Person != "" && !slices.Contains(who, one.Person) {
			who = append(who, one.Person)
		}
	}
	slices.Sort(who)
	return who, err
}

// ownMail tells whether the message lies in the caller's own mailbox, and they are a member.
func (d *deskService) ownMail(ctx context.Context, found records.Found) (bool, error) {
	who, err := d.mailboxes(ctx, found.Message.ID)
	c := caller(ctx)
	return err == nil && c.Has(api.Member) && c.Person != "" && slices.Contains(who, c.Person), err
}

// whose is what reading a message is decided by. Bounds and ownership hang on whose mailbox it
// lies in: a finding may rest on other copies and name other people, and that opens nothing.
// Privilege of anybody it concerns counts.
func (d *deskService) whose(ctx context.Context, found records.Found, object access.Object) (access.Object, error) {
	who, err := d.mailboxes(ctx, found.Message.ID)
	if err != nil {
		return object, err
	}
	lies := object
	lies.People = d.standings().Of(who...)
	if decision := access.May(caller(ctx), access.SeeEvidence, lies); !decision.Allowed && !decision.BreakGlass {
		return lies, nil
	}
	return object, nil
}

// readers are those of the caller's scope whom this very message was delivered to; a finding
// may rest on copies that went to others.
func (d *deskService) readers(ctx context.Context, found records.Found) (list []web.PersonRef, err error) {
	who, err := d.mailboxes(ctx, found.Message.ID)
	if err != nil {
		return nil, err
	}
	return d.persons(seen(who, d.sees(ctx)), 20), nil
}

// titleOf is a rule's name in words: "mail/lookalike-sender@2" is "Lookalike sender".
func titleOf(rule string) string {
	_, name, _ := strings.Cut(rule, "/")
	name, _, _ = strings.Cut(name, "@")
	name = strings.ReplaceAll(name, "-", " ")
	if name == "" {
		return rule
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// beside are the other findings on the same message.
func (d *deskService) beside(ctx context.Context, found records.Found, out *web.Finding) error {
	v, ok, err := d.mailRecords().Verdict(ctx, found.Message.ID)
	if err != nil || !ok {
		return err
	}
	for _, f := range v.Findings {
		if f.ID != found.Finding.ID && len(out.Beside) < 20 {
			out.Beside = append(out.Beside, web.BesideRow{ID: f.ID, Summary: f.Summary, Severity: f.Severity})
		}
	}
	return nil
}

// evidence adds the bytes, where the caller may see them. That is written down first.
func (d *deskService) evidence(ctx context.Context, found records.Found, object access.Object, out *web.Finding) error {
	object, err := d.whose(ctx, found, object)
	if err != nil {
		return d.plain(err)
	}
	if err := d.decide(ctx, access.SeeEvidence, object); err != nil {
		refused, ok := err.(*web.ForbiddenError)
		if !ok {
			return err
		}
		out.Unreadable, out.Ask = refused.Why, refused.Ask
		out.Evidence, out.Flip = nil, ""
		return nil
	}
	raw, ok, err := d.mailRecords().Body(ctx, found.Message.ID)
	switch {
	case err != nil:
		return d.plain(err)
	case !ok:
		out.Unreadable = "The message's bytes were not kept. What the finding says and where it was seen is below."
		return nil
	}
	m := message.Parse(raw, message.DefaultLimits())
	out.Subject = m.Subject()
	if from := m.From(); len(from) > 0 {
		out.From = strings.TrimSpace(from[0].Name + " <" + from[0].Addr + ">")
	}
	out.Sources = sourcesOf(m, raw, found.Message.ID, found.Finding.Evidence)
	return nil
}

// sourcesOf are the header and the parts of a message that evidence points to.
func sourcesOf(m *message.Message, raw []byte, event portcullis.ID, list []portcullis.Evidence) (out []web.Source) {
	byPart := map[string][]web.Mark{}
	for _, e := range list {
		if e.Event != "" && e.Event != event {
			continue // of another copy
		}
		part := e.Part
		if strings.HasPrefix(part, "header:") {
			part = "header"
		}
		byPart[part] = append(byPart[part], web.Mark{Start: e.Start, End: e.End, Note: e.Note})
	}
	header := bytes.TrimRight(raw[:headerEnd(raw)], "\r\n")
	first := window(web.Source{Part: "header", Title: "Header", Type: "message/rfc822-headers", Size: len(header), Marks: byPart["header"]}, header)
	if len(first.Marks) > 0 {
		out = append(out, first)
	}
	for _, p := range m.Parts {
		marks, ok := byPart[p.Path]
		if !ok || len(out) == 20 {
			continue
		}
		s := web.Source{Part: p.Path, Type: p.MediaType, Marks: marks}
		content := []byte(p.Text())
		switch {
		case p.IsHTML():
			s.Title = "Text, as HTML source"
		case strings.HasPrefix(p.MediaType, "text/"):
			s.Title = "Text"
		default:
			s.Title, content = cmp.Or(p.FileName, "Attachment"), p.Content()
			s.Binary = !utf8.Valid(content[:min(len(content), 4096)])
		}
		s.Size = len(content)
		out = append(out, window(s, content))
	}
	if len(first.Marks) == 0 { // whoever looks wants to see the evidence, and then the rest
		out = append(out, first)
	}
	return out
}

// window cuts what is too long to show to what lies around its first mark.
func window(s web.Source, content []byte) web.Source {
	s.Bytes = content
	if len(content) <= web.MaxSource {
		return s
	}
	begin := 0
	if len(s.Marks) > 0 {
		begin = max(0, s.Marks[0].Start-web.MaxSource/2)
	}
	begin = min(begin, len(content)-web.MaxSource)
	s.Offset, s.Bytes = begin, content[begin:begin+web.MaxSource]
	return s
}

// Person is one protected person.
func (d *deskService) Person(ctx context.Context, id portcullis.ID) (out web.Person, err error) {
	p := d.dir.Person(id)
	if p == nil {
		return out, web.ErrNotFound
	}
	if err := d.decide(ctx, access.SeePerson, d.about(p.ID, p.ID)); err != nil {
		return out, err
	}
	s, err := d.board.get(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	state := s.people[p.ID]
	if state == nil {
		state = &personState{id: p.ID}
	}
	out = web.Person{PersonRow: d.personRow(state), Self: caller(ctx).Person == p.ID, House: p.Organisation, Party: p.Party, Languages: p.Languages}
	for _, a := range p.Addresses {
		out.Addresses = append(out.Addresses, web.Address{Address: a, Kind: d.kindOf(a)})
	}
	if out.CompromisedWhy, err = d.noticeRecords().Suspected(ctx, p.ID); err != nil {
		return out, d.plain(err)
	}
	out.Compromised = out.CompromisedWhy != ""
	for _, n := range s.noticesOf(p.ID) {
		if len(out.Clocks) < 50 && !d.notYet(ctx, *n) {
			out.Clocks = append(out.Clocks, d.clock(*n))
		}
	}
	if err := d.receivedBy(ctx, p.ID, &out); err != nil {
		return out, d.plain(err)
	}
	return out, d.plain(d.standing(ctx, p.ID, &out))
}

func (d *deskService) kindOf(address string) string {
	if d.dir.OwnDomain(address[strings.LastIndexByte(address, '@')+1:]) {
		return "office"
	}
	return "personal"
}

// receivedBy lists what reached somebody, by the messages' strongest findings.
func (d *deskService) receivedBy(ctx context.Context, id portcullis.ID, out *web.Person) error {
	reader := d.mailRecords()
	list, err := reader.Findings(ctx, records.Filter{People: []portcullis.ID{id}, Limit: 3 * web.MaxRows})
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b records.Found) int { return b.Message.Time.Compare(a.Message.Time) })
	seen := map[portcullis.ID]bool{}
	for _, f := range list {
		if seen[f.Message.ID] {
			continue
		}
		seen[f.Message.ID] = true
		address, reached, err := d.addressOf(ctx, f.Message.ID, id)
		if err != nil {
			return err
		}
		if !reached { // a copy of it, or their name, went to somebody else
			continue
		}
		out.ReceivedTotal++
		if len(out.Received) == web.MaxRows {
			continue
		}
		row := web.Received{Finding: f.Finding.ID, Time: f.Message.Time, Severity: f.Finding.Severity, Learnt: learntOf(f.Finding), Address: address}
		who, err := d.mailboxes(ctx, f.Message.ID)
		if err != nil {
			return err
		}
		head, err := d.headFor(ctx, f.Message.ID, who)
		if err != nil {
			return err
		}
		row.Title, row.From = head.subject, head.from
		in, err := d.campaignRecords().Campaigns(ctx, campaigns.Query{Event: f.Message.ID, Limit: 1, Ordinary: true})
		if err != nil {
			return err
		}
		if len(in) > 0 {
			row.Campaign = d.campaignRef(in[0].ID)
		}
		out.Received = append(out.Received, row)
	}
	return nil
}

// addressOf is at which of their addresses somebody got a message, if they did.
func (d *deskService) addressOf(ctx context.Context, event, person portcullis.ID) (address string, reached bool, err error) {
	list, err := d.mailRecords().Deliveries(ctx, event)
	if err != nil {
		return "", false, fmt.Errorf("deliveries of %s: %w", event, err)
	}
	for _, one := range list {
		if one.Person == person {
			return one.Recipient, true, nil
		}
	}
	return "", false, nil
}

// learntOf says in a sentence what a mail could have learnt or got.
func learntOf(f portcullis.Finding) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(f.Rule, "mail/"), "@")
	switch name {
	case "reconnaissance":
		return "that it was opened, when, where (by the IP address), and with what device and program"
	case "phishing":
		return "a password, if one was typed in"
	case "attachment":
		return "whatever the computer holds, if the attachment was opened"
	case "impersonation", "lure", "hijack":
		return "what was answered; that a link was followed, when and from where"
	case "register-copy":
		return "the records that the copy holds"
	case "indicator":
		return "that it was opened or followed, when and from where"
	}
	return ""
}
