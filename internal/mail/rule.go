package mail

import (
	"fmt"

	"portcullis.example/portcullis"
)

// Rule is one way of looking at one message. Its function is pure: it reads the
// Input and returns what it can state, nothing when it has nothing to say.
type Rule struct {
	Name      string // "mail/impersonation"
	Version   int    // raised whenever the same input may lead to another statement
	Technique string // ATT&CK id a statement carries unless it names its own
	About     string // what it looks for, in one sentence an officer understands
	Judge     func(*Input) []Statement
}

// ID is the name with its version, as findings carry it.
func (r Rule) ID() string { return fmt.Sprintf("%s@%d", r.Name, r.Version) }

// Statement is what a rule says about a message before it becomes a finding.
//
// Points are what it adds to the message's score (see Config.Scoring); they may
// be negative for evidence of harmlessness. A statement with Attention Ordinary
// is always Informational: it may tag the message but asks for nobody's eye.
type Statement struct {
	Key         string // tells apart several statements of one rule about one message
	Points      int
	Attention   portcullis.Attention
	Severity    portcullis.Severity
	Confidence  portcullis.Confidence
	Technique   string
	Summary     string
	People      []portcullis.ID
	Evidence    []portcullis.Evidence
	Observables []portcullis.Observable
	Unknown     []string
	Flip        string
}

// rules are all rules in the order they are asked. Later rules may not rely on
// earlier ones: each sees the same Input.
func rules() []Rule {
	return []Rule{
		impersonationRule,
		reconnaissanceRule,
		lureRule,
		hijackRule,
		authenticationRule,
		linkRule, formRule, brandRule, senderRule, layoutRule, wordingRule, textRule,
		attachmentRule, registerRule, indicatorRule,
		structureRule,
	}
}

// finding turns a statement into a finding about the event.
func (s Statement) finding(r Rule, f *Facts) portcullis.Finding {
	technique := s.Technique
	if technique == "" {
		technique = r.Technique
	}
	severity := s.Severity
	if s.Attention == portcullis.Ordinary || severity == portcullis.SeverityUnknown {
		severity = portcullis.Informational
	}
	for i := range s.Evidence {
		s.Evidence[i].Event = portcullis.ID(f.Event)
	}
	return portcullis.Finding{
		ID:          portcullis.NewID("finding", r.ID(), f.Event, s.Key),
		Rule:        r.ID(),
		Time:        f.Time,
		Attention:   s.Attention,
		Severity:    severity,
		Confidence:  s.Confidence,
		Technique:   technique,
		Points:      s.Points,
		Summary:     s.Summary,
		People:      s.People,
		Evidence:    s.Evidence,
		Observables: s.Observables,
		Unknown:     s.Unknown,
		Flip:        s.Flip,
	}
}
