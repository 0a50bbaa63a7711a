package mail

import (
	"fmt"
	"strconv"
	"strings"

	"portcullis.example/portcullis"
)

// Ordinary phishing is told by many small traits, none of which proves
// anything: a page on free hosting, a known name at a stranger's domain, words
// that hurry. Each trait has points, fixed beforehand, and what a message shows
// adds up. The rules of this family differ in where they look; each makes at
// most one ordinary statement that lists its traits with their points.
//
// Points come from the logic of the fraud first and were then weighed by hand,
// mostly on the earlier halves of the data at hand (docs/adr/0013 says where
// not), each legitimate source counting by itself:
// a trait that a newsletter of any source shows as often as phishing does gets
// none, however well it separates one pair of sources. No trait looks at dates,
// relays, or the recipient's address in a header.
//
// Known misses: a mail of a compromised correspondent in his own style; one that
// only asks for an answer; one in a language of which the word lists know
// nothing, with one plain link.
var (
	linkRule = Rule{
		Name: "mail/link-deception", Version: 1, Technique: "T1566.002", Judge: judgeLinks,
		About: "Links that hide where they lead: another target than shown, free hosting, shorteners, redirectors, codes in pictures.",
	}
	formRule = Rule{
		Name: "mail/credential-form", Version: 1, Technique: "T1566.002", Judge: judgeForms,
		About: "Forms and scripts in the mail itself or in a page it brings along.",
	}
	brandRule = Rule{
		Name: "mail/brand", Version: 1, Technique: "T1566.002", Judge: judgeBrands,
		About: "A well-known name, or the house's own login, used by somebody else.",
	}
	senderRule = Rule{
		Name: "mail/sender-deception", Version: 1, Technique: "T1566", Judge: judgeSender,
		About: "A sender who cannot be who the mail says: no usable address, answers that go elsewhere, disguised names.",
	}
	layoutRule = Rule{
		Name: "mail/layout", Version: 1, Technique: "T1566.002", Judge: judgeLayout,
		About: "A mail built to be seen by people and not by filters: text as pictures, hidden text, letters of other alphabets.",
	}
	wordingRule = Rule{
		Name: "mail/wording", Version: 1, Technique: "T1566", Judge: judgeWording,
		About: "What fraud has to say: accounts in danger, prizes, parcels, fees, fortunes, threats, in many languages.",
	}
)

// traitInfo is what a trait adds and what it is called.
type traitInfo struct {
	key    string
	points int
	says   string
}

// tally collects the traits that one rule finds in one message.
type tally struct {
	seen  [traits]bool
	found []trait
	sum   int
	ev    []portcullis.Evidence
	obs   []portcullis.Observable
}

const maxTraitEvidence = 12

func (t *tally) add(what trait, e portcullis.Evidence) {
	if t.seen[what] {
		return
	}
	t.seen[what] = true
	t.found = append(t.found, what)
	info := traitTable[what]
	t.sum += info.points
	if len(t.ev) < maxTraitEvidence {
		sign := "+"
		if info.points < 0 {
			sign = "" // comes with the number
		}
		e.Note = strings.TrimSpace(sign + strconv.Itoa(info.points) + " " + info.key + ": " + e.Note)
		t.ev = append(t.ev, e)
	}
}

// observe keeps where a dangerous link leads.
func (t *tally) observe(l Link) {
	if len(t.obs) < 5 && l.Domain != "" {
		t.obs = append(t.obs, portcullis.Observable{Type: portcullis.TypeURL, Value: canonicalURL(l.URL)})
	}
}

// statement is the ordinary statement that lists the traits.
func (t *tally) statement(key, lead string) (Statement, bool) {
	if len(t.found) == 0 {
		return Statement{}, false
	}
	var says []string
	most, worst := 0, trait(0)
	for _, f := range t.found {
		says = append(says, traitTable[f].says)
		if traitTable[f].points > most {
			most, worst = traitTable[f].points, f
		}
	}
	flip := "none of these traits"
	if most > 0 {
		flip = fmt.Sprintf("without %q, which adds most (%d)", traitTable[worst].key, most)
	}
	return Statement{
		Key: key, Points: t.sum, Confidence: portcullis.Confidence(min(90, max(20, 30+t.sum))),
		Summary: lead + strings.Join(says, "; ") + ".", Evidence: t.ev, Observables: t.obs, Flip: flip,
	}, true
}

func (t *tally) statements(key, lead string) []Statement {
	if s, ok := t.statement(key, lead); ok {
		return []Statement{s}
	}
	return nil
}

func judgeLinks(in *Input) []Statement {
	var t tally
	in.linkTraits(&t)
	return t.statements("links", "Its links: ")
}

func judgeForms(in *Input) []Statement {
	var t tally
	in.formTraits(&t)
	return t.statements("forms", "It brings a page along: ")
}

func judgeBrands(in *Input) []Statement {
	var t tally
	in.borrowed(&t)
	list := t.statements("brand", "It borrows a name: ")
	if s, ok := ownLogin(in); ok {
		list = append(list, s)
	}
	return list
}

func judgeSender(in *Input) []Statement {
	var t tally
	in.senderTraits(&t)
	return t.statements("sender", "Its sender: ")
}

func judgeLayout(in *Input) []Statement {
	var t tally
	in.layoutTraits(&t)
	return t.statements("layout", "Its make: ")
}

func judgeWording(in *Input) []Statement {
	var t tally
	in.wordingTraits(&t)
	return t.statements("wording", "Its words: ")
}

// spanText is the text of a phrase.
func (in *Input) spanText(at span) string {
	if at.subject {
		return in.Subject[at.start:at.end]
	}
	return in.Body[at.start:at.end]
}

// spanEvidence points to a phrase. Phrases are found in what the reader sees of
// all parts together; the first part that holds it as written is named, or the
// part the reader sees where markup stands within it.
func (in *Input) spanEvidence(at span, note string) portcullis.Evidence {
	if at.subject {
		return in.HeaderEvidence("Subject", 0, note)
	}
	return in.textEvidence(in.spanText(at), note)
}

func (in *Input) textEvidence(text, note string) portcullis.Evidence {
	for _, p := range in.M.Parts {
		if p.IsAttachment() || !strings.HasPrefix(p.MediaType, "text/") {
			continue
		}
		if i := strings.Index(p.Text(), text); i >= 0 {
			return portcullis.Evidence{Part: p.Path, Start: i, End: i + len(text), Note: note}
		}
	}
	return portcullis.Evidence{Part: in.textPath(), Note: note}
}

// textPath is the part that the reader sees.
func (in *Input) textPath() string {
	path := "1"
	for i := len(in.M.Parts) - 1; i >= 0; i-- {
		p := in.M.Parts[i]
		if !p.IsAttachment() && strings.HasPrefix(p.MediaType, "text/") {
			path = p.Path
		}
		if !p.IsAttachment() && p.MediaType == "text/html" {
			return p.Path
		}
	}
	return path
}
