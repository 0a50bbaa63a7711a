package main

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strconv"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/observable"
)

// maxEntries bounds the observables kept of one message.
const maxEntries = 4000

// maxUnopened bounds how many bytes beyond other limits are searched for links. The
// verdict says that something was not read.
const maxUnopened = 8 << 20

// rawMessage is the part of what was found in bytes that were not taken apart.
const rawMessage = "message"

// observe lists every observable of a message in every form it takes, each
// once. What goes into the archive decides what a hunt can find.
func observe(in *mail.Input, received []message.Received) (entries []archive.Entry, more bool) {
	o := observer{in: in, seen: map[portcullis.Observable]bool{}}
	o.headers(received)
	for _, r := range in.Remote {
		o.url(r.Remote.URL, r.Kind, r.Part, r.Start, r.End)
	}
	for _, l := range in.Links {
		form := "link"
		if l.Kind != "html" && l.Kind != "text" {
			form = l.Kind
		}
		o.url(l.Raw, form, l.Part, l.Start, l.End)
	}
	o.texts()
	o.attachments()
	return o.entries, o.more
}

type observer struct {
	in      *mail.Input
	seen    map[portcullis.Observable]bool
	entries []archive.Entry
	more    bool // some were left out
}

func (o *observer) add(obs portcullis.Observable, form, part string, start, end int) {
	if obs.Value == "" || o.seen[obs] {
		return
	}
	if len(o.entries) >= maxEntries {
		o.more = true
		return
	}
	o.seen[obs] = true
	o.entries = append(o.entries, archive.Entry{Observable: obs, Form: form, Part: part, Start: start, End: end})
}

// url keeps a URL and everything nested in it.
func (o *observer) url(raw, form, part string, start, end int) {
	observable.Forms(raw, func(f observable.Form) {
		how := form
		if f.How != "" && f.How != "link" {
			how += ": " + f.How
		}
		o.add(f.Observable, how, part, start, end)
	})
}

var addressFields = []string{"From", "Sender", "Reply-To", "Return-Path", "To", "Cc", "Bcc", "Disposition-Notification-To", "Return-Receipt-To", "X-Confirm-Reading-To",
	"List-Unsubscribe", "Errors-To", "Resent-From", "Resent-Sender", "Mail-Followup-To"}

// writtenFields are searched as texts are: the name of a list, what the house's server says of the envelope, what
// programs and people put beside the subject.
var writtenFields = []string{"List-Id", "Received-SPF", "Comments", "Keywords", "Organization", "Thread-Topic"}

func (o *observer) headers(received []message.Received) {
	h := o.in.M.Header
	for _, name := range addressFields {
		part := "header:" + name
		for _, a := range h.Addresses(name) {
			o.address(a.Addr, part, a.Start, a.End)
			if strings.IndexByte(a.Name, '.') >= 0 { // another address, or a site, as the name
				o.links(a.Name, part, a.Start, a.End)
			}
		}
	}
	for _, f := range h {
		written := slices.ContainsFunc(writtenFields, func(name string) bool { return strings.EqualFold(name, f.Name) })
		if written || strings.Contains(f.Value, "://") {
			o.links(message.DecodeWords(f.Value), "header:"+f.Name, f.Start, f.End)
		}
	}
	o.enclosed()
	for i, f := range h.All("DKIM-Signature") {
		if d, ok := tagValue(f.Value, "d"); ok {
			o.domain(d, "signature", "header:DKIM-Signature"+ordinal(i), f.Start, f.End)
		}
	}
	for i, r := range received {
		part := "header:Received" + ordinal(i)
		if r.FromIP.IsValid() {
			o.add(portcullis.Observable{Type: portcullis.TypeIP, Value: r.FromIP.Unmap().String()}, "received", part, r.Field.Start, r.Field.End)
		}
		o.domain(r.From, "received", part, r.Field.Start, r.Field.End)
	}
	if ip, err := observable.IP(strings.Trim(h.Get("X-Originating-IP"), "[] ")); err == nil {
		o.add(portcullis.Observable{Type: portcullis.TypeIP, Value: ip}, "header", "header:X-Originating-IP", 0, 0)
	}
	if id, err := observable.MessageID(o.in.M.MessageID()); err == nil {
		o.add(portcullis.Observable{Type: portcullis.TypeMessageID, Value: id}, "header", "header:Message-ID", 0, 0)
		if _, host, ok := strings.Cut(id, "@"); ok {
			o.domain(host, "header", "header:Message-ID", 0, 0)
		}
	}
	if subject := observable.Subject(o.in.Subject); subject != "" {
		o.add(portcullis.Observable{Type: portcullis.TypeSubject, Value: subject}, "header", "header:Subject", 0, 0)
	}
	o.links(o.in.Subject, "header:Subject", 0, 0)
}

// enclosed keeps who sent the messages that are attached to this one, to whom, and what they are called.
func (o *observer) enclosed() {
	for _, p := range o.in.M.Parts {
		if len(p.Children) != 1 || strings.HasPrefix(p.MediaType, "multipart/") {
			continue
		}
		h, part := p.Children[0].Header, p.Path
		for _, name := range addressFields {
			for _, a := range h.Addresses(name) {
				o.address(a.Addr, part, 0, 0)
			}
		}
		if id, err := observable.MessageID(h.Get("Message-ID")); err == nil {
			o.add(portcullis.Observable{Type: portcullis.TypeMessageID, Value: id}, "attached message", part, 0, 0)
		}
		if subject := observable.Subject(h.Decoded("Subject")); subject != "" {
			o.add(portcullis.Observable{Type: portcullis.TypeSubject, Value: subject}, "attached message", part, 0, 0)
		}
	}
}

func ordinal(i int) string {
	if i == 0 {
		return ""
	}
	return "#" + strconv.Itoa(i)
}

// tagValue finds a tag of a DKIM-Signature (RFC 6376 §3.2).
func tagValue(list, tag string) (string, bool) {
	for field := range strings.SplitSeq(list, ";") {
		name, value, ok := strings.Cut(field, "=")
		if ok && strings.TrimSpace(name) == tag {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

func (o *observer) address(address, part string, start, end int) {
	canon, err := observable.Email(address)
	if err != nil {
		return
	}
	o.add(portcullis.Observable{Type: portcullis.TypeEmail, Value: canon}, "address", part, start, end)
	host := canon[strings.LastIndexByte(canon, '@')+1:]
	if o.seen[portcullis.Observable{Type: portcullis.TypeDomain, Value: host}] {
		return // most addresses of a message are at a few hosts
	}
	o.domain(host, "address", part, start, end)
}

func (o *observer) domain(name, form, part string, start, end int) {
	if !strings.Contains(name, ".") {
		return
	}
	if maybeIP(name) {
		if ip, err := observable.IP(strings.Trim(name, "[]")); err == nil {
			o.add(portcullis.Observable{Type: portcullis.TypeIP, Value: ip}, form, part, start, end)
			return
		}
	}
	if canon, err := observable.Domain(name); err == nil {
		o.add(portcullis.Observable{Type: portcullis.TypeDomain, Value: canon}, form, part, start, end)
	}
}

// maybeIP tells names that can be no IP address at little cost: no top-level domain
// begins with a digit (RFC 3696 §2).
func maybeIP(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return strings.ContainsAny(name, "[:") || last == "" || '0' <= last[0] && last[0] <= '9'
}

// texts searches all text, what is hidden and what is attached as well, for
// links and addresses that are no elements of their own.
func (o *observer) texts() {
	for _, p := range o.in.M.Parts {
		if len(p.Children) > 0 || !strings.HasPrefix(p.MediaType, "text/") && !p.IsHTML() {
			continue
		}
		text := p.Text()
		if h := p.HTML(); h != nil {
			if p.IsAttachment() || p.Nested {
				for _, l := range h.Links {
					o.url(l.URL, "link in an attachment", p.Path, l.Start, l.End)
				}
				for _, r := range h.Remote {
					o.url(r.URL, r.Kind+" in an attachment", p.Path, r.Start, r.End)
				}
			}
			for _, f := range h.Forms {
				o.url(f.Action, "form", p.Path, f.Start, f.End)
			}
			o.links(h.Text, p.Path, 0, 0)
			o.links(h.Hidden, p.Path, 0, 0)
			for _, s := range h.Scripts {
				o.links(s.Code, p.Path, s.Start, s.End)
			}
			for _, l := range h.Loose {
				o.links(l.Text, p.Path, l.Start, l.End)
			}
			continue
		}
		o.spelled(text, p.Path)
		at := func(i int) int { return i }
		if p.IsCalendar() {
			text, at = message.Unfolded(text)
		}
		for _, f := range observable.FindLinks(text) {
			o.found(f, p.Path, at(f.Start), at(f.End))
		}
	}
	o.unopened()
}

// spelled searches a text in which dots are written out, "example[dot]com", as people do who warn of it.
func (o *observer) spelled(text, part string) {
	if strings.Contains(text, "dot]") || strings.Contains(text, "dot)") || strings.Contains(text, "DOT]") || strings.Contains(text, "[.]") || strings.Contains(text, "DOT)") {
		o.links(observable.Refang(spacedDots.Replace(text)), part, 0, 0)
	}
}

// spacedDots closes the spaces that Refang, made for one value, leaves.
var spacedDots = strings.NewReplacer(" [dot] ", ".", " (dot) ", ".", " [DOT] ", ".", " (DOT) ", ".", " [.] ", ".")

// unopened searches what limits kept from being taken apart, and what stands around the parts, as it stands: who
// hides a link behind a thousand parts is to be found all the same.
func (o *observer) unopened() {
	left := maxUnopened
	for _, s := range append(o.in.M.Unopened(), o.in.M.Between()...) {
		s.End = min(s.End, s.Start+left)
		left -= s.End - s.Start
		for _, f := range observable.FindLinks(string(o.in.M.Raw[s.Start:s.End])) {
			o.found(f, rawMessage, s.Start+f.Start, s.Start+f.End)
		}
	}
}

// links searches a text whose place in the part is not known byte by byte.
func (o *observer) links(text, part string, start, end int) {
	for _, f := range observable.FindLinks(text) {
		o.found(f, part, start, end)
	}
}

func (o *observer) found(f observable.Found, part string, start, end int) {
	if f.Kind == "email" {
		o.address(f.URL, part, start, end)
		return
	}
	o.url(f.URL, "text", part, start, end)
}

func (o *observer) attachments() {
	for _, a := range o.in.Attachments {
		content := a.Part.Content()
		sum := sha256.Sum256(content)
		o.add(portcullis.Observable{Type: portcullis.TypeHash, Value: hex.EncodeToString(sum[:])}, "attachment", a.Part.Path, 0, 0)
		if !strings.HasPrefix(a.Part.MediaType, "image/") {
			o.oldHashes(content, a.Part.Path)
		}
		if name, err := observable.FileName(a.Part.FileName); err == nil {
			o.add(portcullis.Observable{Type: portcullis.TypeFileName, Value: name}, "attachment", a.Part.Path, 0, 0)
		}
		for _, u := range a.Report.URLs {
			o.url(u.URL, u.Where, a.Part.Path, 0, 0)
		}
		o.links(a.Report.Text, a.Part.Path, 0, 0)
	}
	o.members()
}

// members keeps what archives hold. It comes last: one of thousands of files must not keep out what else the mail has.
func (o *observer) members() {
	for _, a := range o.in.Attachments {
		for _, m := range a.Report.Members {
			o.add(portcullis.Observable{Type: portcullis.TypeHash, Value: m.SHA256}, "in an attachment", a.Part.Path, 0, 0)
			if name, err := observable.FileName(path.Base(strings.ReplaceAll(m.Name, `\`, "/"))); err == nil {
				o.add(portcullis.Observable{Type: portcullis.TypeFileName, Value: name}, "in an attachment", a.Part.Path, 0, 0)
			}
		}
	}
}

// oldHashes keeps the hashes that partners' lists still have most. Pictures, which are most of all
// attachments, are on none.
func (o *observer) oldHashes(content []byte, part string) {
	m, s := md5.Sum(content), sha1.Sum(content)
	o.add(portcullis.Observable{Type: portcullis.TypeHash, Value: hex.EncodeToString(m[:])}, "attachment", part, 0, 0)
	o.add(portcullis.Observable{Type: portcullis.TypeHash, Value: hex.EncodeToString(s[:])}, "attachment", part, 0, 0)
}
