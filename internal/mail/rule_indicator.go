package mail

import (
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
)

// Kept indicators: what somebody told the house to look for, found in a mail.
// Nothing is weighed here. Whoever keeps an indicator wants to know where it
// turns up; that it is commonplace was for the reading of the list to refuse.
var indicatorRule = Rule{
	Name:      "mail/indicator",
	Version:   1,
	Technique: "T1598",
	About:     "Domains, addresses and other indicators that the house keeps, found in a mail in whatever form.",
	Judge:     judgeIndicator,
}

// maxIndicators bounds what is stated of one message.
const maxIndicators = 50

func judgeIndicator(in *Input) []Statement {
	var list []Statement
	at := map[portcullis.ID]int{}
	for _, m := range in.F.Indicators {
		if i, ok := at[m.Indicator]; ok {
			if len(list[i].Evidence) < 5 {
				list[i].Evidence = append(list[i].Evidence, m.evidence())
			}
			continue
		}
		if len(list) == maxIndicators {
			in.Unknown(fmt.Sprintf("kept indicators beyond the first %d", maxIndicators))
			break
		}
		at[m.Indicator] = len(list)
		list = append(list, in.sighted(m))
	}
	return list
}

func (in *Input) sighted(m Match) Statement {
	s := Statement{
		Key: string(m.Indicator), Attention: portcullis.Targeted, Severity: portcullis.Medium, Points: 60, Confidence: 90,
		Technique: indicatorTechnique(m.Observable.Type), People: slices.Clone(in.Targets),
		Evidence: []portcullis.Evidence{m.evidence()}, Observables: []portcullis.Observable{m.Observable},
		Flip: "the indicator withdrawn, or not in the mail",
	}
	if in.House || len(in.Targets) > 0 {
		s.Severity, s.Points = portcullis.High, 80
	}
	source := "a source that is not to be named"
	if m.mayName() {
		source = m.Source
	}
	if source == "" {
		source = "a list without a name"
	}
	s.Summary = fmt.Sprintf("This mail holds %s, which is kept as an indicator (from %s).", defang(m.Observable), source)
	return s
}

// indicatorTechnique: what is fetched or followed serves phishing by link; a
// file's hash an attachment.
func indicatorTechnique(t portcullis.ObservableType) string {
	switch t {
	case portcullis.TypeHash, portcullis.TypeFileName:
		return "T1566.001"
	case portcullis.TypeEmail, portcullis.TypeSubject, portcullis.TypeMessageID:
		return "T1566"
	}
	return "T1598" // phishing for information: links and remote content
}

func (m Match) evidence() portcullis.Evidence {
	return portcullis.Evidence{Part: m.Part, Start: m.Start, End: m.End, Note: "seen in the form: " + m.Form}
}

// mayName tells whether the source may be named to everybody who reads findings
// (TLP 2.0: RED is for the named recipients, AMBER+STRICT for the organisation).
func (m Match) mayName() bool {
	mark := strings.ToUpper(strings.TrimSpace(m.Marking))
	mark = strings.TrimPrefix(strings.ReplaceAll(mark, " ", ""), "TLP:")
	return mark != "RED" && mark != "AMBER+STRICT"
}

// defang writes an observable so that no program makes a link of it.
func defang(o portcullis.Observable) string {
	switch o.Type {
	case portcullis.TypeHash, portcullis.TypeSubject, portcullis.TypeMessageID, portcullis.TypeFileName:
		return fmt.Sprintf("%.120q", o.Value)
	}
	value := o.Value
	for _, scheme := range []string{"http", "ftp"} {
		value = strings.ReplaceAll(value, scheme+"s://", strings.ReplaceAll(scheme, "t", "x")+"s://")
		value = strings.ReplaceAll(value, scheme+"://", strings.ReplaceAll(scheme, "t", "x")+"://")
	}
	value = strings.ReplaceAll(value, "@", "[@]")
	if strings.Contains(value, ":") && !strings.Contains(value, ".") {
		value = strings.ReplaceAll(value, ":", "[:]") // IPv6
	}
	return strings.ReplaceAll(value, ".", "[.]")
}
