package main

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/response"
)

// gatherReach makes what a notice tells one person of these events: which reached them, on
// which address, and by which means each could learn something. Where the message was
// kept its own content says so, else the findings about it do.
func gatherReach(ctx context.Context, reader *records.Reader, dir *people.Directory, person, campaign portcullis.ID, events []portcullis.ID, now time.Time) (response.Reach, error) {
	r := response.Reach{Person: person, Campaign: campaign, Name: string(person)}
	if p := dir.Person(person); p != nil {
		r.Person, r.Name, r.Languages, r.Addresses = p.ID, p.Name, p.Languages, p.Addresses
	}
	events = slices.Clone(events)
	slices.Sort(events)
	for _, id := range slices.Compact(events) {
		e, knew, err := receivedBy(ctx, reader, dir, r.Person, id)
		if errors.Is(err, records.ErrNotFound) { // retention or an erasure removed it
			continue
		}
		if err != nil {
			return r, err
		}
		if len(e.Forms) == 0 && !e.delivered { // another's copy: theirs to be told
			continue
		}
		if e.row.Recorded.After(now) { // a clock that was set back
			e.row.Recorded = now
		}
		r.Events = append(r.Events, e.Received)
		r.CouldKnow = earliest(r.CouldKnow, e.since())
		if knew {
			since, err := reader.KnewSince(ctx, id)
			if err != nil {
				return r, err
			}
			if since.IsZero() || since.After(now) {
				since = now
			}
			r.Knew = earliest(r.Knew, since)
		}
	}
	return r, nil
}

// receivedEvent is one event with its row.
type receivedEvent struct {
	response.Received
	row       records.Message
	delivered bool // to the person
}

// believed is how far back a date is believed that only the sender vouches for.
const believed = 5 * 365 * 24 * time.Hour

// since is from when on the message lay in our hands: when it came. A sender's own date
// counts where nothing better is known, but a Date of 1970 dates nothing.
func (e receivedEvent) since() time.Time {
	if !e.TimeKnown && (e.Time.After(e.row.Recorded) || e.row.Recorded.Sub(e.Time) > believed) {
		return e.row.Recorded
	}
	return e.Time
}

// receivedBy gathers one event, and whether something was found about it, so that it was
// known when it was recorded.
func receivedBy(ctx context.Context, reader *records.Reader, dir *people.Directory, person, id portcullis.ID) (e receivedEvent, knew bool, err error) {
	if e.row, err = reader.Message(ctx, id); err != nil {
		return e, false, err
	}
	e.Event, e.Time, e.TimeKnown = id, e.row.Time, e.row.TimeKnown
	if err := e.delivery(ctx, reader, person); err != nil {
		return e, false, err
	}
	verdict, _, err := reader.Verdict(ctx, id)
	if err != nil {
		return e, false, err
	}
	forms, borrowed := map[response.Form]bool{}, false
	for _, f := range verdict.Findings {
		if f.Attention != portcullis.Targeted || f.Severity <= portcullis.Informational {
			continue
		}
		knew = true
		e.Findings = append(e.Findings, f.ID)
		e.Evidence = append(e.Evidence, f.Evidence...)
		e.hosts(dir, f.Observables)
		formsOfRule(forms, f)
		borrowed = borrowed || borrowsName(f, person)
	}
	raw, kept, err := reader.Body(ctx, id)
	if err != nil {
		return e, knew, err
	}
	var m *message.Message
	if kept {
		m = message.Parse(raw, message.DefaultLimits())
		e.sender(m)
	}
	if !e.delivered { // it went to somebody else, and what it says is theirs
		if borrowed {
			e.Forms = []response.Form{response.NameUsed}
		}
		e.Evidence, e.Hosts = nil, nil
		return e, knew, nil
	}
	if m != nil {
		e.Subject = m.Subject()
		formsOfContent(forms, m)
	}
	for f := range forms {
		e.Forms = append(e.Forms, f)
	}
	return e, knew, nil
}

// delivery finds on which of the person's addresses the message came. One that is stored
// keyed is none that could be printed.
func (e *receivedEvent) delivery(ctx context.Context, reader *records.Reader, person portcullis.ID) error {
	list, err := reader.Deliveries(ctx, e.Event)
	for _, d := range list {
		if d.Person != person {
			continue
		}
		e.delivered = true
		if e.Address == "" && strings.Contains(d.Recipient, "@") {
			e.Address = d.Recipient
		}
	}
	return err
}

// borrowsName tells whether a finding says that somebody wrote in the person's name.
func borrowsName(f portcullis.Finding, person portcullis.ID) bool {
	rule, _, _ := strings.Cut(f.Rule, "@")
	return (rule == "mail/impersonation" || rule == "mail/hijack") && slices.Contains(f.People, person)
}

func (e *receivedEvent) sender(m *message.Message) {
	from := m.From()
	if len(from) == 0 {
		return
	}
	e.Sender = from[0].Addr
	if from[0].Name != "" {
		e.Sender = from[0].Name + " <" + from[0].Addr + ">"
	}
}

// hosts adds those of the findings that belong to nobody we know.
func (e *receivedEvent) hosts(dir *people.Directory, list []portcullis.Observable) {
	for _, o := range list {
		host := ""
		switch o.Type {
		case portcullis.TypeDomain:
			host = o.Value
		case portcullis.TypeURL:
			if u, err := url.Parse(o.Value); err == nil {
				host = u.Hostname()
			}
		}
		if host != "" && !dir.OwnDomain(host) && dir.KnownDomain(host) == nil && !slices.Contains(e.Hosts, host) {
			e.Hosts = append(e.Hosts, host)
		}
	}
}

// formsOfRule is what a finding alone says of the means.
func formsOfRule(forms map[response.Form]bool, f portcullis.Finding) {
	rule, _, _ := strings.Cut(f.Rule, "@")
	switch rule {
	case "mail/tracking", "mail/reconnaissance":
		forms[response.Tracker] = true
	case "mail/credential-form", "mail/brand":
		forms[response.CredentialForm] = true
	case "mail/attachment":
		forms[response.Attachment] = true
	case "mail/impersonation", "mail/hijack":
		forms[response.Reply] = true
	case "mail/lure", "mail/link-deception", "mail/indicator":
		forms[response.Link] = true
	}
}

// formsOfContent is what the message itself holds. Whatever it fetches when it is shown
// tells the server when and from where, so any remote content counts.
func formsOfContent(forms map[response.Form]bool, m *message.Message) {
	for _, p := range m.HTMLParts() {
		if p.IsAttachment() {
			continue
		}
		h := p.HTML()
		forms[response.Tracker] = forms[response.Tracker] || len(h.Remote) > 0
		forms[response.Link] = forms[response.Link] || len(h.Links) > 0
		for _, f := range h.Forms {
			forms[response.CredentialForm] = forms[response.CredentialForm] || f.Password
		}
	}
	for _, p := range m.Attachments() {
		if !strings.HasPrefix(p.MediaType, "image/") && !strings.HasPrefix(p.MediaType, "message/") { // a forwarded mail is no file that runs
			forms[response.Attachment] = true
		}
	}
	for f, there := range forms {
		if !there {
			delete(forms, f)
		}
	}
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
