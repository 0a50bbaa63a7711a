package mail

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// The comparison of copies: the same mail to several people whose remote URLs
// differ is individually tracked. One copy alone can never show that.
//
// That it is tracked is a fact, and informational: newsletters do it every day.
// Whether it is reconnaissance is judged in context, and context is only what
// the sender cannot forge: what the house knows of the sender from before, who
// among its people got the mail and who did not, whether anybody ever wrote
// back. A List-Unsubscribe header or an aligned signature of the sender's own
// domain prove nothing and are not looked at. The weights are log-odds in
// tenths, fixed by argument and not fitted:
//
//   - a mail that only protected people got, few of them, in a house that has
//     many mailboxes, was addressed by hand (+)
//   - a tracker nobody sees is there for the sender's sake alone (+), and fonts,
//     style sheets, prefetching, a host name or a read receipt of each reader's own
//     still more
//   - short text with a tracker is no newsletter: a newsletter has many links and
//     pictures (±); one individual link behind all others is for leaving a list (−)
//   - trackers of a known bulk sender or a mailing service, or on one other domain
//     with an envelope that is not the author's, as a provider's are (−); trackers
//     that the sender runs on its own domain, or elsewhere while sending itself (+)
//   - a sender whom the house never saw before (+), or whom its people wrote to
//     themselves (−), or who has often and for months written to many others in the
//     house (−). That it has written before, unanswered, proves nothing: whoever
//     means to watch can write harmlessly first
//   - letters of the kind that came to others at other times, in ones and twos:
//     a program writes them when somebody does something (−)
//   - nearly every copy from another address of one domain (+)
//   - recipients who share a committee or a topic beyond chance (+), by how
//     seldom chance would do it, and never much: so do readers of a specialist letter
//   - another rule found the sender to pose as somebody else (+)
//
// Known misses: a campaign that is sent to one person only (no second copy; the
// lure and impersonation rules must see it); copies that share neither text nor
// sender domain, because each reader gets a language, a wording or a sender of his
// own; one sent through a known bulk sender or a mailing service, or with the looks
// of a full newsletter; one whose operators first ran a real newsletter for many
// readers over months; copies more than four days apart that show nothing odd.
var compareRule = Rule{
	Name:      "mail/reconnaissance",
	Version:   1,
	Technique: "T1598.003",
	About:     "The same mail to several people, each copy with its own tracker.",
}

// GroupFacts is what a revision after comparing rests on; it is stored by hash
// as Facts are.
type GroupFacts struct {
	Schema int    `json:"schema"`
	Group  string `json:"group"`
	People string `json:"people"`
	Config string `json:"config"`
	Model  string `json:"model,omitempty"`
	Copies []Copy `json:"copies"`
}

// Encode returns the stored form and its hash.
func (g *GroupFacts) Encode() (hash string, encoded []byte, err error) {
	encoded, err = json.Marshal(g)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:]), encoded, nil
}

// Compare looks at the copies of one mail. It depends on the set of copies and
// not on their order, and returns at most one finding under the group's name: a
// group may hold several
// mailings of one sender, issues of a newsletter say, and the one that weighs
// most is stated.
func (j *Judge) Compare(name string, copies []Copy) []portcullis.Finding {
	var best *situation
	g := newGroup(copies)
	for _, m := range g.candidates() {
		t := track(m.copies)
		if len(t.slots) == 0 {
			continue
		}
		s := j.context(m, t, g)
		if best == nil || s.tenths > best.tenths {
			best = &s
		}
	}
	if best == nil {
		return nil
	}
	return []portcullis.Finding{best.finding(name, j.cfg)}
}

// mailing is copies in the order of time, one a reader.
type mailing []Copy

// candidate is what may be one mail to several readers.
type candidate struct {
	copies mailing
	within mailing // all that the sender sent in the same days
	drip   bool    // one after the other, over weeks
}

// group is all copies of one text by one sender, and its sendings.
type group struct {
	copies   []Copy
	sendings []mailing
}

func newGroup(copies []Copy) group { return group{copies, mailings(copies)} }

// candidates are the ways to see a group: each sending; within it the copies of
// one build, as a sender who mixes a harmless mail with a watching one has two in
// one sending; and all together, if it is letters that dripped in.
func (g group) candidates() (list []candidate) {
	for _, m := range g.sendings {
		list = append(list, candidate{copies: m, within: m})
		for _, part := range builds(m) {
			list = append(list, candidate{copies: part, within: m})
		}
	}
	if m := dripped(g.sendings); m != nil {
		list = append(list, candidate{copies: m, within: m, drip: true})
	}
	return list
}

// pause is how long a sender may rest within one sending. Campaigns are spread
// over days so as not to be noticed; few over longer, and those are looked at as
// dripped.
const pause = 96 * time.Hour

// mailings tells the sendings in a group apart. A reader gets a mailing once, so
// a second copy for the same reader belongs to another.
func mailings(copies []Copy) []mailing {
	copies = slices.Clone(copies)
	slices.SortFunc(copies, func(a, b Copy) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(string(a.Event), string(b.Event)))
	})
	var list []mailing
	var readers []map[string]bool // of each
	for _, c := range copies {
		reader := c.reader()
		if reader == "" {
			continue
		}
		into := 0
		for into < len(list) && (readers[into][reader] || c.Time.Sub(list[into][len(list[into])-1].Time) > pause) {
			into++
		}
		if into == len(list) {
			list, readers = append(list, nil), append(readers, map[string]bool{})
		}
		list[into] = append(list[into], c)
		readers[into][reader] = true
	}
	return list
}

// builds parts a sending by how its copies are made. It returns nothing where all
// are made alike.
func builds(m mailing) (parts []mailing) {
	if len(m) < 3 {
		return nil // a part is two at least
	}
	at := map[string]int{}
	for _, c := range m {
		key := c.build()
		i, ok := at[key]
		if !ok {
			i = len(parts)
			at[key], parts = i, append(parts, nil)
		}
		parts[i] = append(parts[i], c)
	}
	if len(parts) < 2 {
		return nil
	}
	return slices.DeleteFunc(parts, func(p mailing) bool { return len(p) < 2 })
}

// build names what a copy fetches and links to without what may be a reader's own:
// kinds, organisations, how deep the paths are, the names of parameters.
func (c *Copy) build() string {
	list := make([]string, 0, len(c.Resources))
	for _, r := range c.Resources {
		kind, org := slotParts(r.Slot)
		path, query, _ := strings.Cut(r.URL, "?")
		key := kind + " " + org + " " + itoa(strings.Count(path, "/"))
		for param := range strings.SplitSeq(query, "&") {
			name, _, _ := strings.Cut(param, "=")
			key += " " + name
		}
		list = append(list, key)
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// Letters that drip in: at least three readers, each got it once, at most two at
// a time, never longer than a fortnight between two.
const (
	dripReaders = 3
	dripPause   = 15 * 24 * time.Hour
)

// dripped joins sendings that look like one, handed out slowly, and returns nil
// if they do not.
func dripped(sendings []mailing) (all mailing) {
	if len(sendings) < 2 {
		return nil
	}
	readers := map[string]bool{}
	for _, m := range sendings {
		if len(m) > 2 {
			return nil
		}
		for _, c := range m {
			if readers[c.reader()] {
				return nil
			}
			readers[c.reader()] = true
			all = append(all, c)
		}
	}
	for i := range all[1:] {
		if all[i+1].Time.Sub(all[i].Time) > dripPause {
			return nil
		}
	}
	if len(all) < dripReaders {
		return nil
	}
	return all
}

// Revise adds what comparing found to the verdict on one copy: the findings of
// rule-by-rule judging stay, those of an earlier comparison are replaced.
func (j *Judge) Revise(base portcullis.Verdict, found []portcullis.Finding) portcullis.Verdict {
	findings := slices.DeleteFunc(slices.Clone(base.Findings), func(f portcullis.Finding) bool { return f.Rule == compareRule.ID() })
	return j.cfg.Verdict(append(findings, found...), base.Unknown)
}

// reader is who got the copy: the protected person, else the address.
func (c *Copy) reader() string {
	var names []string
	for _, r := range c.Recipients {
		if r.Person != "" {
			names = append(names, string(r.Person))
		} else if r.Address != "" {
			names = append(names, r.Address)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

func (s *situation) finding(group string, cfg Config) portcullis.Finding {
	t := s.tracking
	f := portcullis.Finding{
		ID: portcullis.NewID("finding", compareRule.ID(), group), Rule: compareRule.ID(), Time: s.first,
		Technique: compareRule.Technique, Evidence: t.evidence, Observables: t.urls, People: s.people,
		Severity: portcullis.Informational, Confidence: 90,
	}
	what := "each copy fetches its own images"
	if !t.hidden {
		what = "each copy has its own links"
	}
	f.Summary = fmt.Sprintf("The same mail reached %d people and %s: the sender learns who of them opened or followed it (%s).", t.readers, what, strings.Join(s.reasons, "; "))
	f.Flip = s.flip
	if f.Flip == "" {
		f.Flip = "identical remote URLs in all copies, or a sender whom the recipients have written to"
	}
	if s.tenths < threshold {
		return f
	}
	f.Attention, f.Severity = portcullis.Targeted, portcullis.Medium
	f.Confidence = portcullis.Confidence(min(95, 50+s.tenths/2))
	f.Points = cfg.scale(compareRule.Name, 60)
	if s.tenths >= threshold+20 {
		f.Severity = portcullis.High
		f.Points = cfg.scale(compareRule.Name, 80)
	}
	return f
}
