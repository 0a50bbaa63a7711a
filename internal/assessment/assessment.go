// Package assessment weighs rival explanations of a campaign and says, in words
// that mean a probability, how likely each is and how well founded that is.
//
// Five propositions are kept apart, each with hypotheses and evidence of its own:
// that these are one campaign, who the actor is, whether a state stands behind
// it, whether anything was accessed, and whether anything was taken. Being sure
// of one says nothing of another.
//
// Assess is pure: the same Case gives the same bytes, whatever order its evidence
// stands in. What was entered, by whom and when lies in a hash-chained log (see
// Writer), from which every assessment can be computed again.
//
// # How the weighing goes
//
// Echoes are dropped: what one origin says counts once, however many repeat it.
// The same claim from several origins is one fact, of which one is surer. The
// Admiralty grade of a source and of what it says gives a reliability r, and a
// fact's effective likelihood is r·L + (1−r)·baseline, where the baseline is what
// one would expect if the report had nothing to do with the truth. Facts that
// hang together are tempered. Bayes' rule does the rest; then priors and
// likelihoods are shaken, to see whether the word holds. See docs/ASSESSMENTS.md.
//
// # What it never does
//
// No actor is built in. Techniques alone never carry a statement past "realistic
// possibility". Who did it is left out unless it is asked for, and leaves the
// house only with an approver's name.
package assessment

import (
	"embed"
	"io/fs"
	"time"

	"portcullis.example/portcullis"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables, one folder per dialect.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return migrations // cannot happen: the folder is embedded
	}
	return sub
}

// Proposition is a statement that is assessed on its own.
type Proposition string

// The propositions.
const (
	OneCampaign     Proposition = "campaign" // these findings are one campaign
	Actor           Proposition = "actor"    // who did it
	StateAffiliated Proposition = "state"    // a state stands behind it
	Accessed        Proposition = "accessed" // something was got into
	Taken           Proposition = "taken"    // something was taken
)

// Propositions are all of them, in the order they are shown in.
func Propositions() []Proposition {
	return []Proposition{OneCampaign, Actor, StateAffiliated, Accessed, Taken}
}

// Attribution tells whether the proposition says who it was. Those are off by
// default, never stand in a form meant for a person, and are exported only with
// an approver's name.
func (p Proposition) Attribution() bool { return p == Actor || p == StateAffiliated }

// Statement is the proposition as a sentence about a hypothesis that holds.
func (p Proposition) Statement(title string) string {
	switch p {
	case OneCampaign:
		return "these findings are one campaign"
	case Actor:
		return "the actor is " + title
	case StateAffiliated:
		return "the actor is affiliated with a state"
	case Accessed:
		return "something was accessed"
	case Taken:
		return "something was taken"
	}
	return title
}

// Vertex is a corner of the Diamond Model of intrusion analysis (Caltagirone,
// Pendergast, Betz, 2013). Evidence on two corners is harder to fake than twice as
// much on one.
type Vertex string

// The vertices.
const (
	Adversary      Vertex = "adversary"
	Capability     Vertex = "capability"
	Infrastructure Vertex = "infrastructure"
	Victim         Vertex = "victim"
)

// Kinds of evidence that the rules treat apart. Any other word is allowed and
// means nothing special.
const (
	KindTechnique      = "technique"      // an ATT&CK technique
	KindInfrastructure = "infrastructure" // a host, an address, a provider, a registrar
	KindTool           = "tool"           // software that was used
	KindVictim         = "victim"         // whom it was aimed at
	KindPersona        = "persona"        // names, language, working hours
)

// Ids of the hypotheses that are always among the rivals.
const (
	Unknown   = "unknown"    // an actor like none listed
	Ordinary  = "ordinary"   // ordinary marketing or research
	FalseFlag = "false-flag" // somebody who wants it to look like another
)

// Hypothesis is one explanation. Those of a question shut each other out and
// leave nothing over.
type Hypothesis struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Holds tells that the proposition is true if this hypothesis is. Each listed
	// actor is such a hypothesis of its own.
	Holds bool `json:"holds,omitempty"`
	// Prior is the share given to it before any evidence; those of a question add
	// up to 1.
	Prior float64 `json:"prior"`
}

// Question is one proposition with its rival hypotheses.
type Question struct {
	Proposition Proposition  `json:"proposition"`
	Hypotheses  []Hypothesis `json:"hypotheses"`
}

// Evidence is one thing that somebody says, and how much each hypothesis would
// lead one to expect it.
type Evidence struct {
	ID   string `json:"id"`
	Hash string `json:"hash,omitempty"` // SHA-256 of the document or bytes it rests on, hex
	// Origin is who saw it first-hand. Two reports with one origin are one report.
	Origin string `json:"origin"`
	// Via is who repeated it to us; empty for the origin's own word.
	Via string `json:"via,omitempty"`
	// Claim is what is claimed, in a form that is equal where the claim is; two
	// origins with one claim confirm each other. Empty: a claim that nobody else makes.
	Claim  string    `json:"claim,omitempty"`
	Kind   string    `json:"kind,omitempty"`
	Vertex Vertex    `json:"vertex"`
	Grade  Grade     `json:"grade"`
	Time   time.Time `json:"time,omitzero"`
	Note   string    `json:"note,omitempty"` // one sentence
	// Group names evidence that hangs together and is tempered. Empty: the kind, if
	// it has one.
	Group string `json:"group,omitempty"`
	// Likelihood is, for each proposition it bears on, the rung of each hypothesis.
	// A hypothesis that is left out has the rung Even.
	Likelihood map[Proposition]map[string]Rung `json:"likelihood"`
}

// Case is everything an assessment rests on.
type Case struct {
	Campaign  portcullis.ID `json:"campaign"`
	Questions []Question    `json:"questions"`
	Evidence  []Evidence    `json:"evidence"`
	// Missing is what one would want to know and does not.
	Missing []string `json:"missing,omitempty"`
}

// Assessment is what a Case comes to.
type Assessment struct {
	Schema   int           `json:"schema"`
	Method   string        `json:"method"` // the rules it was made by
	Campaign portcullis.ID `json:"campaign"`
	// Case is the hash of what was weighed: echoes change it as little as the order does.
	Case    string   `json:"case"`
	Answers []Answer `json:"answers"`
	Echoes  []Echo   `json:"echoes,omitempty"`
	Missing []string `json:"missing,omitempty"`
}

// Answer is what one question comes to.
type Answer struct {
	Proposition Proposition `json:"proposition"`
	// Lead is the likeliest of the hypotheses for which the proposition holds.
	Lead       string    `json:"lead"`
	Statement  string    `json:"statement"`
	Likelihood Statement `json:"likelihood"`
	Confidence Analysis  `json:"confidence"` // stated apart: how well founded it is, not how likely
	Posteriors []Share   `json:"posteriors"` // before caps, likeliest first
	Without    []Without `json:"without,omitempty"`
	Matrix     Matrix    `json:"matrix"`
}

// Statement is a probability in words.
type Statement struct {
	// Word is the yardstick's, or a span of them ("unlikely to likely") where the
	// draws do not agree.
	Word   string  `json:"word"`
	Spans  bool    `json:"spans,omitempty"`
	Chance float64 `json:"chance"` // after caps
	Low    float64 `json:"low"`    // 5 % of draws are below, after caps
	High   float64 `json:"high"`   // 5 % of draws are above, after caps
	// Uncapped is what the weighing gave, for calibration.
	Uncapped float64 `json:"uncapped"`
	Agreed   float64 `json:"agreed"` // the largest share of draws in one band
	Caps     []Cap   `json:"caps,omitempty"`
}

// Cap is a rule that held a statement back.
type Cap struct {
	Rule   string  `json:"rule"`
	Below  float64 `json:"below"`
	Reason string  `json:"reason"`
}

// Share is one hypothesis with its probability.
type Share struct {
	Hypothesis string  `json:"hypothesis"`
	Title      string  `json:"title"`
	Prior      float64 `json:"prior"`
	Posterior  float64 `json:"posterior"`
}

// Without is what the chance of the lead would be without one origin.
type Without struct {
	Origin string  `json:"origin"`
	Chance float64 `json:"chance"`
}

// Echo is a report that was left out because its origin had spoken already.
type Echo struct {
	Evidence string `json:"evidence"`
	Of       string `json:"of"`
}
