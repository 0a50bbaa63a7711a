package synth

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The shipped exercise: two years at the Parliament of Verania in which two operations
// run that have nothing to do with each other. One is loud: a newspaper that is
// none, four critics, three rounds. The other writes to one person at a time
// from a domain of its own, patiently; nothing about a single mail of it is worth a
// finding, and it shows only when a partner says, late, what to look for.

// Exercise is the mail of the exercise and what a partner sends in its course.
type Exercise struct {
	Start, End time.Time
	Mails      []Mail
	Feeds      []ExerciseFeed
}

// ExerciseFeed is a file of indicators that arrives at a time.
type ExerciseFeed struct {
	At            time.Time
	File, Source  string
	Marking, Text string
}

const (
	// ExerciseLoud and ExerciseQuiet are the operations, as in Truth.Campaign.
	ExerciseLoud  = "observer"
	ExerciseQuiet = "institute"

	quietSender  = "coastal-studies.example"
	quietTracker = "coastal-quarterly.example"
	loudTracker  = "reader-metrics.example"
)

// NewExercise makes it; the same bytes each time.
func NewExercise() Exercise {
	d := newDraw(exampleSeed+2, "exercise")
	h := ExampleHouse()
	inner := *h
	inner.People = slices.Clone(h.People[:24])
	s := scene{&inner, d}
	mails := slices.Concat(s.usual(), s.observer(), s.institute())
	return Exercise{Start: on(2024, time.January, 8, 0, 0), End: on(2026, time.January, 5, 0, 0), Mails: inOrder(mails), Feeds: exerciseFeeds()}
}

// usual is two years of ordinary mail.
func (s scene) usual() []Mail {
	var mails []Mail
	for len(mails) < 240 {
		mails = append(mails, s.h.story(s.d)...)
	}
	m := s.h.espMailing(s.d, s.h.Outlets[1], "en")
	for issue := range 8 {
		when := on(2024, time.January, 22, 6, 30).AddDate(0, 3*issue, 0)
		s.d.issue(m, "press", when)
		mails = append(mails, s.h.send(s.d, m, s.people(0, 1, 3, 5, 7), when, Truth{Class: "newsletter"}, false)...)
	}
	return append(mails, s.h.letters(s.d, s.people(1, 5, 7), 24, on(2025, time.February, 10, 8, 0))...)
}

// round is one sending of the loud operation.
type round struct {
	when    time.Time
	sender  string
	subject string
	intro   string
	readers []int
	home    map[int]bool // reached at the private address
}

var rounds = []round{
	{on(2024, time.May, 14, 7, 42), "lantern-courier-desk.example", "Before we print: your part in the Ozmark hearing",
		"On Thursday we print what the minutes of the closed hearing on Ozmark say about four members of your parliament. You are one of them, and we would like you to read the passage before our readers do.", []int{0, 1, 2, 3}, map[int]bool{2: true}},
	{on(2024, time.November, 19, 9, 5), "courier-lantern.test", "The Ozmark minutes: second part",
		"The second part of the minutes of the closed hearing on Ozmark has reached us, and again you are named in it. Please tell us by tomorrow noon whether the passage below is rendered fairly.", []int{0, 2, 12, 4}, map[int]bool{0: true}},
	{on(2025, time.June, 3, 8, 21), "lanterncourier-press.example", "Correction concerning you and the Ozmark port",
		"In our report on the port of Ozmark a sentence was put into your mouth that you did not say. The corrected version is below; we would be grateful for a word of yours before it goes out.", []int{1, 3, 9}, nil},
}

// observer is the loud operation.
func (s scene) observer() []Mail {
	kit := tracking{host: loudTracker, link: loudTracker, techniques: []string{"pixel1", "background"}, placement: "path", tokenKind: "hex", param: "r"}
	var mails []Mail
	for i, r := range rounds {
		kit.secret = fmt.Sprint("round", i)
		t := kit
		m := mailing{
			from: box{"The Lantern Courier", "newsdesk@" + r.sender}, subject: r.subject, intro: r.intro, lang: "en", style: 1, mailer: "phpmailer", auth: authPass,
			personalGreeting: true, sign: r.sender, footer: "The Lantern Courier, world desk", tracking: &t,
			items: []item{{"Read the passages that concern you", "Reserved for those who are named. The link is personal.", "minutes"}},
		}
		when := r.when
		for _, n := range r.readers {
			p := s.person(n)
			when = when.Add(time.Duration(s.d.between(200, 1900)) * time.Second)
			addr := p.Addresses[0]
			if r.home[n] && len(p.Addresses) > 1 {
				addr = p.Addresses[1]
			}
			l := m.copyFor(s.d, p.Latin(), addr, "", when)
			mails = append(mails, s.h.deliverTo(s.d, l, p, Truth{Class: "reconnaissance", Impersonates: "The Lantern Courier", Campaign: ExerciseLoud, Malicious: true}))
		}
	}
	return mails
}

// enquiries are the quiet operation's letters: to whom, and about what.
var enquiries = []struct {
	when    time.Time
	to      int
	home    bool
	subject string
	body    string
}{
	{on(2024, time.March, 12, 10, 14), 4, false, "Your speech on research cooperation", "I read your speech on research cooperation with great interest. Our institute is preparing a comparison of how five parliaments deal with the question, and your committee's way seems to be the most careful one. May I send you the draft when it is ready?"},
	{on(2024, time.May, 28, 14, 40), 7, false, "Electoral law: a question from abroad", "For a seminar on electoral law I am collecting examples of how registers are kept. Could you tell me in a line or two who decides in Verania which authorities may read the register?"},
	{on(2024, time.August, 6, 9, 31), 11, false, "Seminar on keeping registers", "A member of your parliament was kind enough to point me to you. We would like to invite the commission to a small seminar on keeping registers, with travel and stay paid for. The programme is not public yet."},
	{on(2024, time.October, 22, 16, 2), 5, false, "Fisheries: figures for the northern ports", "Our colleagues at the coast have put together figures on landings in the northern ports since 2015. Knowing of your work on fisheries, I thought you might like to see them before they are printed."},
	{on(2025, time.January, 30, 11, 27), 4, true, "Following up on our exchange", "I take the liberty of writing to your other address since the draft I promised is finished and I would like you to see it first. Whether and how you quote it is entirely up to you."},
	{on(2025, time.April, 9, 8, 50), 8, false, "Energy security round table", "The round table on energy security that we hold each spring will this time be on storage. Your office was recommended to us by several participants of last year. I enclose the note on which the evening will be based."},
	{on(2025, time.June, 24, 13, 15), 11, false, "Notes of the seminar", "As promised, the notes of the seminar on keeping registers. Two of the questions that were put to you are answered at the end; should anything be wrong, tell me and I will change it."},
	{on(2025, time.September, 2, 15, 44), 10, false, "An appointment in autumn", "I shall be in Verania in autumn and would be glad to meet for half an hour those who prepare the committee's papers. Would you know when the office is quiet?"},
	{on(2025, time.November, 25, 10, 5), 11, false, "Register seminar: participants' papers", "The papers of all participants are now in one place. Since some of them are not meant for the public, please sign in with your usual account to read them."},
}

// institute is the quiet operation.
func (s scene) institute() []Mail {
	from := box{"Mira Solberg, Institute of Coastal Studies", "m.solberg@" + quietSender}
	kit := tracking{host: quietTracker, secret: "coast", tokenKind: "short", param: "i"}
	var mails []Mail
	for _, e := range enquiries {
		p := s.person(e.to)
		addr := p.Addresses[0]
		if e.home && len(p.Addresses) > 1 {
			addr = p.Addresses[1]
		}
		l := letter{from: from, to: []box{{p.Name, addr}}, subject: e.subject, when: e.when, mailer: "outlook", lang: "en", auth: authPass, sign: quietSender}
		l.text = "Dear " + p.Latin() + ",\n\n" + e.body + "\n\nhttps://" + quietTracker + "/n/" + kit.token(addr, e.subject) + "\n\nWith best regards,\nMira Solberg\nInstitute of Coastal Studies"
		_, pixel := kit.hidden("named-image", addr+e.subject)
		l.html = strings.Replace(s.d.html(l.text), "</body>", pixel+"</body>", 1)
		mails = append(mails, s.h.deliverTo(s.d, l, p, Truth{Class: "patient", Campaign: ExerciseQuiet, Malicious: true}))
	}
	return mails
}

func exerciseFeeds() []ExerciseFeed {
	return []ExerciseFeed{
		{At: on(2024, time.June, 20, 9, 0), File: "feeds/house-reports.csv", Source: "own reports", Marking: "amber",
			Text: "type,value,comment\ndomain,lantern-courier-desk.example,reported by a member\n"},
		{At: on(2025, time.October, 6, 9, 0), File: "feeds/partner.json", Source: "partner team", Marking: "amber", Text: partnerFeed},
	}
}

// partnerFeed is a MISP event as a partner's platform exports it. Not all in it is
// right: one indicator is the house's own domain, one has no usable value.
const partnerFeed = `{
  "Event": {
    "uuid": "5f0c7f5e-1d0a-4c57-9d0e-2f6f9a0b7c11",
    "info": "Patient approach to people who keep electoral registers",
    "date": "2025-10-02",
    "Attribute": [
      {"uuid": "0b6f4d52-94b0-4f0e-8c6e-3f1f7e1f2a01", "type": "domain", "category": "Network activity", "value": "coastal-quarterly.example", "to_ids": true, "comment": "pictures and notes lie here"},
      {"uuid": "0b6f4d52-94b0-4f0e-8c6e-3f1f7e1f2a02", "type": "domain", "category": "Network activity", "value": "coastal-studies.example", "to_ids": true},
      {"uuid": "0b6f4d52-94b0-4f0e-8c6e-3f1f7e1f2a03", "type": "domain", "category": "Network activity", "value": "north-shore-papers.test", "to_ids": true},
      {"uuid": "0b6f4d52-94b0-4f0e-8c6e-3f1f7e1f2a04", "type": "domain", "category": "Network activity", "value": "parliament.example", "to_ids": true, "comment": "seen in the same mails"},
      {"uuid": "0b6f4d52-94b0-4f0e-8c6e-3f1f7e1f2a05", "type": "ip-dst", "category": "Network activity", "value": "not an address", "to_ids": true}
    ]
  }
}
`
