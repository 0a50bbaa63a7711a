package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
)

// huntMail is one stored mail in which an indicator appeared. Its JSON form is
// part of the machine formats.
type huntMail struct {
	Schema       int                   `json:"schema"`
	Pattern      portcullis.Observable `json:"pattern"`
	Event        portcullis.ID         `json:"event"`
	Time         time.Time             `json:"time"`
	TimeKnown    bool                  `json:"time_known"` // false: as the sender wrote it
	SenderDomain string                `json:"sender_domain"`
	Score        uint8                 `json:"score"`
	Action       portcullis.Action     `json:"action"`
	Recipients   []huntRecipient       `json:"recipients"`
	Forms        []huntForm            `json:"forms"`
}

// huntRecipient is one place where the mail was delivered.
type huntRecipient struct {
	Person  portcullis.ID `json:"person,omitempty"`
	Name    string        `json:"name,omitempty"`
	Address string        `json:"address,omitempty"` // "~…" before the @ is a keyed one
	How     string        `json:"how"`
	Source  string        `json:"source"`
	Offset  int64         `json:"offset"`
}

// huntForm is a form in which the indicator appeared.
type huntForm struct {
	Observable portcullis.Observable `json:"observable"`
	Match      string                `json:"match"`
	Form       string                `json:"form"`
	Part       string                `json:"part"`
	Start      int                   `json:"start"`
	End        int                   `json:"end"`
}

// who is the recipient as people call them.
func (r huntRecipient) who() string {
	switch at := strings.LastIndexByte(r.Address, '@'); {
	case r.Name != "":
		return r.Name
	case r.Person != "":
		return string(r.Person)
	case r.Address == "":
		return "Recipient unknown"
	case r.Address[0] == '~' && at >= 0:
		return "Somebody at " + r.Address[at+1:] + " (" + r.Address[:min(9, at)] + "…)"
	}
	return r.Address
}

// huntTotals count what a hunt came to.
type huntTotals struct {
	Indicators int `json:"indicators"`
	Found      int `json:"found"`
	Mails      int `json:"mails"` // a mail with two of the indicators counts once
	People     int `json:"people"`
}

// huntPattern is what one indicator came to.
type huntPattern struct {
	Pattern portcullis.Observable `json:"pattern"`
	Mails   int                   `json:"mails"`
	People  int                   `json:"people"` // recipients that are told apart
	First   time.Time             `json:"first"`
	Last    time.Time             `json:"last"`
}

// huntOutput is a format. The mails of a pattern come in the order of time, then the pattern's sum.
type huntOutput interface {
	mail(huntMail) error
	found(huntPattern) error
	missed(portcullis.Observable) error
	end(huntTotals) error
}

// mailHunt joins what the archive finds to what is known of the mail.
type mailHunt struct {
	ctx    context.Context
	reader *records.Reader
	dir    *people.Directory
	since  time.Time
	limit  int
	out    huntOutput

	current huntPattern
	event   portcullis.ID
	at      time.Time
	forms   []huntForm
	whom    map[string]bool

	totals huntTotals
	mails  map[portcullis.ID]bool
	people map[string]bool
}

// run hunts and hands everything to the output.
func (h *mailHunt) run(r *archive.Reader, list []portcullis.Indicator) error {
	h.mails, h.people = map[portcullis.ID]bool{}, map[string]bool{}
	var patterns []portcullis.Observable
	seen := map[portcullis.Observable]bool{}
	for _, i := range list {
		if !seen[i.Pattern] {
			seen[i.Pattern] = true
			patterns = append(patterns, i.Pattern)
		}
	}
	hit := map[portcullis.Observable]bool{}
	err := r.Hunt(h.ctx, patterns, func(one archive.Hit) error {
		if one.Time.Before(h.since) {
			return nil
		}
		hit[one.Pattern] = true
		return h.hit(one)
	})
	if err == nil {
		err = h.flushPattern()
	}
	if err != nil {
		return err
	}
	h.totals = huntTotals{Indicators: len(patterns), Found: len(hit), Mails: len(h.mails), People: len(h.people)}
	for _, p := range patterns {
		if hit[p] {
			continue
		}
		if err := h.out.missed(p); err != nil {
			return err
		}
	}
	return nil
}

func (h *mailHunt) hit(one archive.Hit) error {
	if one.Pattern != h.current.Pattern {
		if err := h.flushPattern(); err != nil {
			return err
		}
		h.current, h.whom = huntPattern{Pattern: one.Pattern, First: one.Time}, map[string]bool{}
	} else if one.Event != h.event {
		if err := h.flushMail(); err != nil {
			return err
		}
	}
	h.event, h.at, h.current.Last = one.Event, one.Time, one.Time
	h.forms = append(h.forms, huntForm{one.Observable, one.Match, one.Form, one.Part, one.Start, one.End})
	return nil
}

func (h *mailHunt) flushPattern() error {
	if err := h.flushMail(); err != nil || h.current.Mails == 0 {
		return err
	}
	h.current.People = len(h.whom)
	err := h.out.found(h.current)
	h.current = huntPattern{}
	return err
}

// flushMail tells of the mail whose forms have been gathered.
func (h *mailHunt) flushMail() error {
	if len(h.forms) == 0 {
		return nil
	}
	m := huntMail{Schema: 1, Pattern: h.current.Pattern, Event: h.event, Time: h.at, Forms: h.forms}
	h.forms = nil
	h.current.Mails++
	h.mails[h.event] = true
	deliveries, err := h.reader.Deliveries(h.ctx, m.Event)
	if err != nil {
		return err
	}
	for _, d := range deliveries {
		source, _, _ := strings.Cut(d.Source, "\x00")
		r := huntRecipient{Person: d.Person, Address: d.Recipient, How: d.How, Source: source, Offset: d.Offset}
		if p := h.dir.Person(d.Person); d.Person != "" && p != nil {
			r.Name = p.Name
		}
		if who := string(r.Person) + "\x00" + r.Address; r.Person != "" || r.Address != "" {
			if r.Person != "" {
				who = string(r.Person)
			}
			h.whom[who], h.people[who] = true, true
		}
		if !slices.Contains(m.Recipients, r) {
			m.Recipients = append(m.Recipients, r)
		}
	}
	if h.limit > 0 && h.current.Mails > h.limit {
		return nil
	}
	if len(deliveries) == 0 { // of another sensor, or being removed
		return h.out.mail(m)
	}
	row, err := h.reader.Message(h.ctx, m.Event)
	if err != nil {
		return err
	}
	m.TimeKnown, m.Score, m.Action = row.TimeKnown, row.Score, row.Action
	m.SenderDomain = row.Org
	if at := strings.LastIndexByte(row.Sender, '@'); at >= 0 {
		m.SenderDomain = row.Sender[at+1:]
	}
	return h.out.mail(m)
}
