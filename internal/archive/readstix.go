package archive

import (
	"encoding/json"
	"fmt"
	"strings"

	"portcullis.example/portcullis"
)

// stixObject is what is read of a STIX 2.0 or 2.1 object.
type stixObject struct {
	ID          string   `json:"id"`
	Type        string   `json:"type"`
	Name        string   `json:"name"`
	Pattern     string   `json:"pattern"`
	PatternType string   `json:"pattern_type"`
	ValidFrom   string   `json:"valid_from"`
	ValidUntil  string   `json:"valid_until"`
	Revoked     bool     `json:"revoked"`
	CreatedBy   string   `json:"created_by_ref"`
	Markings    []string `json:"object_marking_refs"`

	DefinitionType string `json:"definition_type"`
	Definition     struct {
		TLP string `json:"tlp"`
	} `json:"definition"`
}

// stixTypes are the types by which a list of STIX objects is known: STIX 2.1 §4, §6 and §7.2.
var stixTypes = wordSet(`indicator identity marking-definition relationship sighting report malware threat-actor
	campaign intrusion-set attack-pattern tool vulnerability infrastructure location note opinion grouping observed-data
	course-of-action extension-definition language-content malware-analysis incident
	domain-name url ipv4-addr ipv6-addr email-addr email-message file artifact network-traffic autonomous-system`)

// stixObservables are those that somebody may have meant to be looked for.
var stixObservables = wordSet(`observed-data domain-name url ipv4-addr ipv6-addr email-addr email-message file artifact`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// tlpMarkings are the ids of the TLP markings: STIX 2.1 §7.2.1.4 for TLP 1, OASIS's
// TLP 2.0 extension definition for the others.
var tlpMarkings = map[string]string{
	"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "TLP:CLEAR",
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "TLP:GREEN",
	"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "TLP:AMBER",
	"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "TLP:RED",
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "TLP:CLEAR",
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "TLP:GREEN",
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "TLP:AMBER",
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "TLP:AMBER+STRICT",
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "TLP:RED",
}

// stixObjects reads the indicators of a bundle, with the markings and sources that
// its other objects define.
func (l *list) stixObjects(raw []json.RawMessage, path string) {
	objects := make([]stixObject, len(raw))
	names, marks := map[string]string{}, map[string]string{}
	for i, one := range raw {
		o := &objects[i]
		if err := json.Unmarshal(one, o); err != nil {
			l.problem(Problem{Path: stixPath(path, i, len(raw)), Message: fmt.Sprintf("not a STIX object: %v", err), Remedy: "correct it or take it out"})
			o.Type = ""
			continue
		}
		switch o.Type {
		case "identity":
			names[o.ID] = o.Name
		case "marking-definition":
			if m := stricter(marking(o.Definition.TLP), marking(o.Name)); m != "" {
				marks[o.ID] = m
			}
		}
	}
	for i, o := range objects {
		switch {
		case o.Type == "indicator" && o.Revoked:
			l.leaveOut(leftRevoked)
		case o.Type == "indicator":
			l.stixIndicator(o, stixPath(path, i, len(raw)), names, marks)
		case stixObservables[o.Type]:
			l.leaveOut(leftObjects)
		}
	}
}

func stixPath(path string, i, n int) string {
	if n == 1 && !strings.HasSuffix(path, "objects") {
		return path
	}
	return fmt.Sprintf("%s[%d]", path, i)
}

func (l *list) stixIndicator(o stixObject, path string, names, marks map[string]string) {
	if path != "" && !strings.HasSuffix(path, " ") {
		path += "."
	}
	at := path + "pattern"
	if o.PatternType != "" && o.PatternType != "stix" {
		l.problem(Problem{Path: at, Message: fmt.Sprintf("a pattern of type %q", o.PatternType), Remedy: "only STIX patterns are read"})
		return
	}
	template := portcullis.Indicator{Source: names[o.CreatedBy]}
	for _, ref := range o.Markings {
		m := marks[ref]
		if known, ok := tlpMarkings[ref]; ok {
			m = known
		}
		template.Marking = stricter(template.Marking, m)
	}
	var err error
	if template.From, err = readTime(o.ValidFrom); err != nil {
		l.problem(Problem{Path: path + "valid_from", Message: err.Error(), Remedy: "the indicator is used without it"})
	}
	if template.Until, err = readTime(o.ValidUntil); err != nil {
		l.problem(Problem{Path: path + "valid_until", Message: err.Error(), Remedy: "the indicator is used without it"})
	}
	terms, err := parseStixPattern(o.Pattern)
	if err != nil {
		l.problem(Problem{Path: at, Message: err.Error(), Remedy: "only equalities joined by OR can be looked for"})
		return
	}
	for _, term := range terms {
		i := template
		if i.Pattern, err = term.pattern(); err != nil {
			l.problem(Problem{Path: at, Message: err.Error(), Remedy: "correct it or take it out"})
			continue
		}
		l.add(i)
	}
}

// stixPaths are the object paths that name what mail holds.
var stixPaths = map[string]portcullis.ObservableType{
	"domain-name:value": portcullis.TypeDomain, "url:value": portcullis.TypeURL,
	"ipv4-addr:value": portcullis.TypeIP, "ipv6-addr:value": portcullis.TypeIP,
	"email-addr:value":               portcullis.TypeEmail,
	"email-message:from_ref.value":   portcullis.TypeEmail,
	"email-message:sender_ref.value": portcullis.TypeEmail,
	"email-message:to_refs[*].value": portcullis.TypeEmail,
	"email-message:subject":          portcullis.TypeSubject,
	"email-message:message_id":       portcullis.TypeMessageID,
	"file:name":                      portcullis.TypeFileName,
	"network-traffic:dst_ref.value":  portcullis.TypeIP,
	"network-traffic:src_ref.value":  portcullis.TypeIP,
}

// pattern is what a comparison looks for.
func (t stixTerm) pattern() (portcullis.Observable, error) {
	path := strings.NewReplacer("'", "", `"`, "").Replace(t.path)
	kind, ok := stixPaths[path]
	if !ok && (strings.HasPrefix(path, "file:hashes.") || strings.HasPrefix(path, "artifact:hashes.")) {
		_, algorithm, _ := strings.Cut(path, "hashes.")
		kind, ok = typeWords[strings.ToLower(strings.ReplaceAll(algorithm, "-", ""))]
	}
	if !ok {
		return portcullis.Observable{}, fmt.Errorf("%.80s is not looked for in mail", t.path)
	}
	return patternOf(kind, t.value)
}
