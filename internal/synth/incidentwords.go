package synth

import (
	"strings"
)

// Words from which operations get names and texts of their own: the pools of templates are
// too small for twenty operators who never saw each other's mail.

var coinFirst = strings.Fields("amber birch cinder delta ember fathom gable harrow inlet juniper kestrel larch moor nettle onyx plover quarry rowan sable thistle umber vesper willow yarrow zephyr alder basalt copper dune elm fern gorse heron ivory jasper knoll linden marl north opal pebble reed slate tarn upland vale wren")
var coinSecond = strings.Fields("bridge cast dock edge field gate hub isle junction key line mark net office point quarter relay stack tower unit vault works yard zone bay crest drift forge grove haven ink loft mill node orbit pier ridge site trail view wave")

// coined is a name nobody else has had, as operators register them.
func (d *draw) coined() string {
	return d.untaken(func() string {
		return one(d, coinFirst) + one(d, []string{"-", ""}) + one(d, coinSecond) + one(d, []string{"", "", d.letters("0123456789", 2)})
	})
}

// spliced is a domain that sounds like a known one, told apart from others by a coined word.
func (d *draw) spliced(real string) string {
	_, l, _ := label(real)
	return d.untaken(func() string {
		return l + one(d, []string{"-", "-news-", "-online-", "-press-"}) + one(d, coinSecond) + one(d, []string{"", d.letters("0123456789", 2)}) + "." + one(d, reservedTLDs[:2])
	})
}

// untaken draws until a name comes that was not drawn before: a domain has one owner.
func (d *draw) untaken(name func() string) string {
	if d.taken == nil {
		d.taken = map[string]bool{}
	}
	for {
		if n := name(); !d.taken[n] {
			d.taken[n] = true
			return n
		}
	}
}

var storyFrames = []string{
	"The {w} {g} has obtained {n} pages of correspondence between {p} and the {w} {g}.",
	"According to {p}, the {g} in {c} was told to keep {w} matters away from the committee.",
	"A {w} inquiry into the {g} will be opened before the recess, {p} confirmed on {y}.",
	"We would value your comment on the {w} passage about {c} before it goes to print.",
	"{n} witnesses from {c} describe how the {g} treated them after the {w} vote.",
	"Our correspondent in {c} has followed the {w} money for {n} months.",
	"The document names you, together with {p}, in connection with a {w} contract.",
	"Neither the {g} nor {p} answered our questions about the {w} meeting in {c}.",
	"Please find below what the {w} working group intends to publish on {y}.",
	"In the annex you will see {n} transfers to a {w} company registered in {c}.",
	"The delegation to {c} was accompanied by {p}, whose {w} role was never declared.",
	"It would help us greatly to know by {y} whether the {g} had your approval.",
	"Sources close to {p} speak of a {w} rift within the {g}.",
	"The {g} has moved its {w} archive from {c} without telling parliament.",
	"A recording of {n} minutes, made in {c}, leaves little doubt about the {w} plan.",
	"Families of those held in {c} ask that {p} be heard by your {w} committee.",
	"We hold back the {w} chapter until you have had the chance to read it.",
	"On {y} the {w} list of {n} names will be handed to the {g}.",
	"Colleagues have told us that you alone opposed the {w} clause on {c}.",
	"The {g} claims that {p} misread the {w} figures of the {c} office.",
}

var storyWords = map[string][]string{
	"{w}": strings.Fields("confidential provisional internal maritime diplomatic budgetary cultural regional undisclosed technical consular judicial academic bilateral electoral logistical agricultural medical archival statistical"),
	"{g}": strings.Fields("ministry port-authority foundation embassy institute consortium tribunal directorate bureau federation secretariat council shipyard university broadcaster agency chamber delegation"),
	"{c}": strings.Fields("Ozmark Port-Selin Varneth Kolvia Estermoor Tamrin Aldheim Brisk Norvale Quellin Sarvo Ulmet Dorrin Halvik Jemsk Lorwen"),
	"{p}": {"a former deputy director", "the deputy envoy", "two retired officials", "a port inspector", "the late treasurer's son", "an exiled editor", "a senior translator", "the registrar", "the auditor's office", "a shipping agent", "one of the guards", "the convener"},
	"{y}": strings.Fields("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
}

// story is a text nobody else writes: n sentences of the seed's own half.
func (d *draw) story(n int) []string {
	var out []string
	for _, frame := range some(d, ownAll(d, storyFrames), n) {
		out = append(out, d.told(frame))
	}
	return out
}

// told fills a sentence.
func (d *draw) told(frame string) string {
	for _, slot := range []string{"{w}", "{g}", "{c}", "{p}", "{y}"} {
		for strings.Contains(frame, slot) {
			frame = strings.Replace(frame, slot, strings.ReplaceAll(one(d, storyWords[slot]), "-", " "), 1)
		}
	}
	return strings.ReplaceAll(frame, "{n}", d.letters("23456789", 2))
}

// headline is a subject.
func (d *draw) headline() string {
	return d.told(own(d, []string{
		"Before we publish: the {w} papers from {c}", "Your name in the {w} annex", "{c}: {n} questions about the {g}", "Comment requested by {y}: {g} and the {w} vote",
		"Invitation to the {w} hearing on {c}", "The {g} responds to {p}", "Embargoed until {y}: {w} findings", "Draft on {c} for your eyes",
	}))
}
