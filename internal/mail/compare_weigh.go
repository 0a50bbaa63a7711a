package mail

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/people"
)

// situation is the context of a tracked mail, with what speaks for and against.
type situation struct {
	people  []portcullis.ID
	tenths  int // log-odds of reconnaissance, in tenths
	reasons []string
	flip    string
	first   time.Time

	tracking tracking
}

func (s *situation) weigh(tenths int, reason string) {
	s.tenths += tenths
	s.reasons = append(s.reasons, reason)
}

const threshold = 30 // log-odds of 3: twenty to one

// context weighs one candidate of a group.
func (j *Judge) context(m candidate, t tracking, g group) situation {
	s := situation{first: m.copies[0].Time, tracking: t}
	links, images := 0, 0
	receipt, claims := false, false
	for _, c := range m.copies {
		links, images = max(links, c.Shape.Links), max(images, c.Shape.Images)
		receipt = receipt || c.Shape.Receipt
		claims = claims || len(c.Claims) > 0
		for _, r := range c.Recipients {
			if r.Person != "" {
				s.people = append(s.people, r.Person)
			}
		}
	}
	slices.Sort(s.people)
	s.people = slices.Compact(s.people)
	s.audience(m.within)
	s.device(t, receipt, links, images)
	s.carrier(j.people, m.copies, t)
	s.sender(m.copies, met(m.copies))
	s.occasion(m, g.sendings)
	s.addresses(m.copies)
	s.public(g.copies)
	s.shared(j.people, j.themes)
	if claims {
		s.weigh(35, "the sender poses as somebody else")
	}
	return s
}

// occasion tells a mailing from letters that a program writes when somebody does
// something: those come at all times, in ones and twos, to whoever did it.
func (s *situation) occasion(m candidate, all []mailing) {
	if m.drip {
		s.weigh(-25, "it came one by one over weeks, as automatic letters do")
		return
	}
	if len(m.within) > 3 {
		return
	}
	others := 0
	for _, sending := range all {
		for i := range sending {
			if len(sending) <= 3 && !m.within.reached(sending[i].reader()) {
				others++
			}
		}
	}
	tenths := m.within.chance()
	switch {
	case others >= 2 && others >= len(m.within) && (len(m.within) < 3 || !m.within.met()), others >= 12 && others >= 4*len(m.within):
		s.weigh(min(-15, tenths), fmt.Sprintf("%d more of the kind came to others at other times, as automatic letters do", others))
	case tenths < 0:
		s.weigh(tenths, "its few copies came so far apart that each may have an occasion of its own")
	}
}

// chance weighs how easily two or three letters, half a day and more apart, come
// together that have nothing to do with each other. To readers whom the domain
// has written to before they are less likely the first letter of a service that
// each of them has just begun to use.
func (m mailing) chance() int {
	if len(m) < 2 {
		return 0
	}
	apart := m[len(m)-1].Time.Sub(m[0].Time) / time.Duration(len(m)-1)
	met := m.met()
	switch {
	case apart <= 12*time.Hour:
		return 0
	case len(m) == 2 && !met:
		return -18
	case len(m) == 2 && apart > 48*time.Hour:
		return -12
	case len(m) == 3 && !met:
		return -10
	}
	return 0
}

// met tells that each reader had had mail from the sender's domain before.
func (m mailing) met() bool {
	return !slices.ContainsFunc(m, func(c Copy) bool { return c.History.DomainRecipient == 0 })
}

func (m mailing) reached(reader string) bool {
	return slices.ContainsFunc(m, func(c Copy) bool { return c.reader() == reader })
}

// addresses weighs that one sender writes to each reader from another address of
// the same domain, under the same name: filters that count by address see nothing.
func (s *situation) addresses(copies mailing) {
	froms, authors := map[uint16]bool{}, map[uint16]bool{}
	for _, c := range copies {
		froms[c.From], authors[c.Author] = true, true
	}
	if len(copies) >= 3 && len(authors) <= 2 && len(froms) >= 3 && len(froms)*10 >= len(copies)*6 && !people.Freemail(copies[0].Domain) {
		s.weigh(12, "nearly every copy came from another address of the same domain")
	}
}

// public recognises letters from the public: many people signed the same text,
// through a service that gives each letter a link of its own. Who spies on its
// readers writes to each under one name, or a few.
func (s *situation) public(all []Copy) {
	authors := map[uint16]bool{}
	for _, c := range all {
		authors[c.Author] = true
	}
	if len(authors) >= 8 && len(authors)*3 >= len(all) {
		s.weigh(-60, fmt.Sprintf("%d different people signed it: letters from the public", len(authors)))
	}
}

func (s *situation) audience(within mailing) {
	readers, protected := len(within), 0
	for _, c := range within {
		if slices.ContainsFunc(c.Recipients, func(r Recipient) bool { return r.Person != "" }) {
			protected++
		}
	}
	switch {
	case protected == 0:
		s.weigh(-100, "no protected person got it")
	case protected*5 >= readers*4 && readers <= 60:
		s.weigh(10, fmt.Sprintf("all but few of its %d readers are protected people", readers))
	case protected*2 >= readers && readers <= 60:
		s.weigh(5, fmt.Sprintf("%d of its %d readers are protected people", protected, readers))
	case readers > 60:
		s.weigh(-20, fmt.Sprintf("%d readers: bulk mail", readers))
	}
}

func (s *situation) device(t tracking, receipt bool, links, images int) {
	if t.hidden {
		s.weigh(8, "the tracker is hidden from the reader")
	} else {
		s.weigh(3, "the links are each reader's own")
	}
	if receipt {
		s.weigh(15, "it asks for a read receipt as well")
	}
	if t.odd != "" {
		s.weigh(18, "it watches by "+t.odd+", which no newsletter needs")
	}
	switch {
	case links >= 12 || images >= 6 || links >= 8 && images >= 3:
		s.weigh(-25, "it looks like a newsletter: many links or pictures")
	case links <= 4 && images <= 2:
		s.weigh(6, "it looks like a letter, yet is tracked like a mailing")
	default:
		s.weigh(3, "it has few links and pictures for a mailing")
	}
}

// carrier weighs whose the trackers are. Known bulk senders answer for their
// customers. Other organisations that track hand their mailings to a provider
// too, and then links and images alike lead to its domain, and the envelope bears
// its name or another's; who runs the trackers on the very domain that sends the
// mail, or sends it himself with the trackers kept elsewhere, wants to see the
// readers with his own eyes.
func (s *situation) carrier(dir *people.Directory, copies mailing, t tracking) {
	w := whose(dir, copies[0].Org, t.slots)
	if t.leaving && t.links > 1 && !t.hidden {
		s.weigh(-22, "only one of its links is the reader's own, as one for leaving a list is")
	}
	switch {
	case w.bulk != "" && w.hosts == 1:
		s.weigh(-30, "its trackers are those of "+w.bulk+", a known bulk sender")
	case w.bulk != "":
		s.weigh(-10, "some of its trackers are those of "+w.bulk+", a known bulk sender")
	case w.mailer && w.hosts == 1:
		s.weigh(-22, "all its trackers are those of a mailing service")
	case w.own > 0:
		s.weigh(12, "the sender runs the trackers on its own domain")
	case w.links > 0 && w.hosts == 1:
		s.elsewhere(copies)
	case w.images > 0 && w.links == 0:
		s.weigh(8, "only what is fetched unseen comes from elsewhere")
	}
}

// carriers counts where individual resources lie.
type carriers struct {
	bulk               string // a known bulk sender's name
	mailer             bool   // one is of a service that mails for many
	hosts              int
	own, links, images int
}

func whose(dir *people.Directory, sender string, slots []string) (w carriers) {
	hosts := map[string]bool{}
	for _, slot := range slots {
		kind, host := slotParts(slot)
		hosts[host] = true
		if o := dir.KnownDomain(host); o != nil && o.Kind == people.KindBulk {
			w.bulk = o.Name
		}
		w.mailer = w.mailer || knownHosts().kind(host, "") == hostMailer
		switch {
		case host == sender:
			w.own++
		case kind == "link":
			w.links++
		default:
			w.images++
		}
	}
	w.hosts = len(hosts)
	return w
}

// elsewhere weighs trackers that are all on one domain that is not the author's.
// A provider that tracks sends the mail too, and the envelope is not the
// author's. Where the envelope is lost, as in exported mail, little is known.
func (s *situation) elsewhere(copies mailing) {
	self, lost := true, true
	for _, c := range copies {
		self = self && c.Envelope == c.Org
		lost = lost && c.Envelope == ""
	}
	switch {
	case self:
		s.weigh(6, "all its trackers are on one other domain, which has no part in sending it")
	case lost:
		s.weigh(-4, "all its trackers are on one other domain")
	default:
		s.weigh(-22, "all its trackers are on one other domain, as a sending provider's are")
	}
}

// slotParts is the kind and the organisational domain that a slot names.
func slotParts(slot string) (kind, host string) {
	fields := strings.Fields(slot)
	if len(fields) < 2 {
		return "", ""
	}
	return fields[0], fields[1]
}

// met is the history as the first copy met it, when none of this mailing had
// arrived, and whether any of the readers wrote to the sender before theirs came.
func met(copies mailing) History {
	h := copies[0].History
	for _, c := range copies[1:] {
		h.Replied = max(h.Replied, c.History.Replied)
		h.RepliedDomain = max(h.RepliedDomain, c.History.RepliedDomain)
	}
	return h
}

func (s *situation) sender(copies mailing, h History) {
	for _, c := range copies {
		if c.Known != "" && len(c.Claims) == 0 { // a known domain that is forged helps nobody
			s.weigh(-40, "the sender is known: "+c.Known)
			s.flip = "the sender's domain not among the known ones"
			return
		}
	}
	days := 0
	if !h.DomainFirst.IsZero() {
		days = int(s.first.Sub(h.DomainFirst).Hours() / 24)
	}
	switch {
	case h.Replied > 0 || h.RepliedDomain > 1:
		s.weigh(-30, "a recipient has written to the sender before")
	case h.DomainReached >= 2*max(len(copies), 6) && h.DomainMails >= 5*h.DomainReached && days >= 120:
		s.weigh(-12, fmt.Sprintf("its domain has written often to %d mailboxes of the house before", h.DomainReached))
	case h.DomainReached >= 5*max(len(copies), 6) && days >= 90:
		// Grooming reaches those who are to be watched, and some around them. To write to five
		// times as many, and thirty at least, for months, shows the sender to half the house.
		s.weigh(-12, fmt.Sprintf("its domain has written to %d mailboxes of the house for months", h.DomainReached))
	case h.DomainReached >= 2*max(len(copies), 6):
		s.weigh(0, fmt.Sprintf("its domain has written to %d mailboxes of the house before", h.DomainReached))
	case h.DomainMails == 0:
		s.weigh(15, "the house has never had mail from this domain")
	case h.DomainMails >= 12 && days >= 180:
		s.weigh(0, fmt.Sprintf("its domain has written regularly for %d days, which a patient attacker sees to as well", days))
	default:
		s.weigh(5, "the house hardly knows the sender")
	}
}

// shared weighs a committee or topic that the readers have in common. The weight
// is the surprise: how seldom so many readers drawn by chance would share one of
// as many themes as there are.
func (s *situation) shared(dir *people.Directory, all map[string]int) {
	n := len(s.people)
	if n < 2 {
		return
	}
	count := map[string]int{}
	for _, id := range s.people {
		for _, theme := range themesOf(dir.Person(id)) {
			count[theme]++
		}
	}
	best, surprise := "", 0.0
	for theme, have := range count {
		if have < 2 || have*10 < n*8 {
			continue
		}
		expected := float64(len(all)) * math.Pow(float64(all[theme])/float64(max(len(dir.People()), 1)), float64(have))
		if got := -math.Log(expected); got > surprise || got == surprise && theme < best {
			best, surprise = theme, got
		}
	}
	if tenths := int(min(12, 10*surprise)); best != "" && tenths > 0 {
		s.weigh(tenths, fmt.Sprintf("%d of %d recipients share %q", count[best], n, best))
	}
}

// themesOf are a person's committees and topics, each once.
func themesOf(p *people.Person) []string {
	if p == nil {
		return nil
	}
	var themes []string
	for _, what := range slices.Concat(p.Committees, p.Topics) {
		themes = append(themes, strings.ToLower(what))
	}
	slices.Sort(themes)
	return slices.Compact(themes)
}

// themeCounts tells how many protected people share each theme.
func themeCounts(dir *people.Directory) map[string]int {
	count := map[string]int{}
	for _, p := range dir.People() {
		for _, theme := range themesOf(p) {
			count[theme]++
		}
	}
	return count
}
