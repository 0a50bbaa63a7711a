package response

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// SelfCheck is what came of somebody looking through an own mailbox, alone on an own
// machine. No office saw it, so nobody wrote it, approved it or knows of it.
type SelfCheck struct {
	Languages []string
	Messages  int64      // that were read
	Unread    int        // places that could not be read
	Why       []string   // the first reasons for that, as the program states them
	Encrypted int        // messages that say something only to who has the key
	Own       []string   // addresses that were taken to be the person's
	Ordinary  int        // messages that look like mass phishing, which nobody meant for this person
	Hunts     []Hunt     // what was looked for beside what the program knows by itself
	Events    []Received // in the order of time
	// Call is whom to call, as told by whoever gave the program to the person.
	Call string
}

// Hunt is what a partner's sealed pack says of itself.
type Hunt struct{ Issuer, For string }

type aboutCheck struct {
	about
	Messages, Issuer, For, Call, Own   string
	Unread, Encrypted, Hunts, Ordinary int
	One                                bool // message was read
}

// maxSaidAlone is all that a pack can hold: nobody else has the text for somebody who is alone with the page.
const maxSaidAlone = 9000

// maxCheckEvents is how many messages a page lists; the rest are counted.
const maxCheckEvents = 200

// SelfCheck composes the page for the person. It holds attackers' text only defanged, as a
// notice does.
func (o *Office) SelfCheck(c SelfCheck) (Document, error) {
	p := &page{language: o.languages.For(c.Languages, o.cfg.Language), office: o}
	a := aboutCheck{Messages: grouped(c.Messages), One: c.Messages == 1, Unread: c.Unread, Encrypted: c.Encrypted, Ordinary: c.Ordinary, Hunts: len(c.Hunts), Call: shorten(plain(cmp.Or(c.Call, o.cfg.Office)), 200)}
	a.Count, a.Came = len(c.Events), came(c.Events)
	a.More, a.Telephone = max(0, len(c.Events)-maxCheckEvents), o.cfg.Telephone
	if len(c.Events) > 0 {
		a.Last = p.day(c.Events[len(c.Events)-1].Time, o.zone)
	}
	d := p.document(p.say("check_title", a))
	d.Lead = p.say("check_lead", a)
	if len(c.Events) == 0 {
		d.Sections = append(d.Sections, Section{Heading: p.say("check_nothing_heading", a), Text: []string{p.say("check_nothing", a)}})
	} else {
		forms := formsOf(c.Events)
		d.Sections = append(d.Sections,
			Section{Heading: p.say("check_what_heading", a), Items: p.checked(c, a)},
			p.could("could", a.about, forms, true),
			Section{Heading: p.say("unknown_heading", a.about), Items: p.checkUnknown(c.Events, a)},
			Section{Heading: p.say("do_heading", a.about), Items: p.checkSteps(forms, a)})
	}
	d.Sections = append(d.Sections,
		Section{Heading: p.say("call_heading", a.about), Text: []string{p.say("check_call", a)}},
		Section{Heading: p.say("check_how_heading", a), Items: p.checkHow(c, a)})
	d.Foot = p.say("check_foot", a)
	return d, p.err
}

// checked lists the messages, and what was written for those who have them.
func (p *page) checked(c SelfCheck, a aboutCheck) (items []string) {
	for _, e := range c.Events[:min(len(c.Events), maxCheckEvents)] {
		items = append(items, p.event(e))
	}
	if a.More > 0 {
		items = append(items, p.say("check_more", a))
	}
	return append(items, p.warnings(c.Events, "check_said", len(c.Events), maxSaidAlone)...)
}

func (p *page) checkUnknown(events []Received, a aboutCheck) []string {
	items := []string{p.say("unknown_opened", a.about), p.say("check_unknown_elsewhere", a)}
	if slices.ContainsFunc(events, func(e Received) bool { return !e.TimeKnown }) {
		items = append(items, p.say("unknown_time", a.about))
	}
	return append(items, p.say("unknown_taken", a.about), p.say("unknown_who", a.about))
}

// checkSteps are what to do, the urgent first.
func (p *page) checkSteps(forms map[Form]bool, a aboutCheck) (items []string) {
	for _, c := range []struct {
		form Form
		key  string
	}{{CredentialForm, "do_form"}, {Attachment, "check_do_attachment"}, {Link, "check_do_link"}, {Reply, "check_do_reply"}, {Tracker, "check_do_tracker"}} {
		switch {
		case !forms[c.form]:
		case c.key == "do_form":
			items = append(items, p.say(c.key, a.about))
		default:
			items = append(items, p.say(c.key, a))
		}
	}
	return append(items, p.say("do_keep", a.about), p.say("do_elsewhere", a.about))
}

// checkHow says what was done, so that the answer can be weighed.
func (p *page) checkHow(c SelfCheck, a aboutCheck) (items []string) {
	items = append(items, p.say("check_how_rules", a))
	for _, h := range c.Hunts {
		a.Issuer, a.For = p.quote(h.Issuer, 100), p.quote(h.For, 200)
		items = append(items, p.say("check_how_pack", a))
	}
	if c.Ordinary > 0 {
		items = append(items, p.say("check_how_ordinary", a))
	}
	if len(c.Own) > 0 {
		a.Own = shorten(plain(strings.Join(c.Own, ", ")), 300)
		items = append(items, p.say("check_how_own", a))
	}
	if c.Encrypted > 0 {
		items = append(items, p.say("check_how_encrypted", a))
	}
	items = append(items, p.say("check_how_alone", a))
	if c.Unread > 0 {
		items = append(items, p.say("check_unread", a))
		for _, why := range c.Why {
			items = append(items, p.quote(why, 300))
		}
	}
	return append(items, p.say("check_how_kept", a))
}

// grouped writes a number as people read it.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
