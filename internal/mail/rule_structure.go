package mail

import (
	"fmt"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/message"
)

// A message that parsers read differently shows a filter one thing and a person
// another (ATT&CK T1027, Obfuscated Files or Information). Broken mail programs
// do it too, so this is evidence for the other rules and for whoever looks,
// never an alarm of its own.
var structureRule = Rule{
	Name:      "mail/structure",
	Version:   2,
	Technique: "T1027",
	About:     "A message built so that different programs read different things in it.",
	Judge:     judgeStructure,
}

const structurePoints = 5

func judgeStructure(in *Input) []Statement {
	if !in.M.Suspicious() {
		return nil
	}
	defects := append(message.Disagreements(in.M), twice(in.M)...)
	s := Statement{Confidence: 40, Flip: "one reading of the message's structure by all parsers"}
	for _, d := range defects {
		if d.Kind == message.ParsersDisagree && len(s.Evidence) < 5 {
			s.Evidence = append(s.Evidence, portcullis.Evidence{Part: d.Part, Start: d.Offset, End: d.Offset, Note: d.Detail})
		}
	}
	if len(s.Evidence) == 0 {
		return nil
	}
	s.Points = structurePoints
	s.Summary = fmt.Sprintf("Mail programs read this message in different ways (%s): it may show a filter one thing and a person another.", s.Evidence[0].Note)
	return []Statement{s}
}

// twice finds two fields that say different things about what a part is. Which one
// counts is each program's choice; that those we ask choose the same proves nothing.
func twice(m *message.Message) (list []message.Defect) {
	for _, d := range m.Defects {
		if d.Kind == message.ParsersDisagree && strings.HasPrefix(d.Detail, "two fields Content-") {
			list = append(list, d)
		}
	}
	return list
}
