package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"portcullis.example/portcullis"
)

// The parts of MISP's core format (draft-dulaunoy-misp-core-format) that are read.
type mispEvent struct {
	Orgc      mispOrg         `json:"Orgc"`
	Tag       []mispTag       `json:"Tag"`
	Attribute json.RawMessage `json:"Attribute"`
	Object    []struct {
		Attribute json.RawMessage `json:"Attribute"`
		Deleted   bool            `json:"deleted"`
	} `json:"Object"`
}

type mispOrg struct {
	Name string `json:"name"`
}

type mispTag struct {
	Name string `json:"name"`
}

type mispAttribute struct {
	Type    string    `json:"type"`
	Value   string    `json:"value"`
	ToIDs   *bool     `json:"to_ids"`
	Deleted bool      `json:"deleted"`
	Tag     []mispTag `json:"Tag"`
	Event   struct {
		Orgc mispOrg   `json:"Orgc"`
		Tag  []mispTag `json:"Tag"`
	} `json:"Event"`
}

func (l *list) mispEvent(e *mispEvent, path string) {
	l.mispList(e.Attribute, path+".Attribute", e.Orgc.Name, tagMarking(e.Tag))
	for i, o := range e.Object {
		if o.Deleted {
			l.leaveOut(leftDeleted)
			continue
		}
		l.mispList(o.Attribute, fmt.Sprintf("%s.Object[%d].Attribute", path, i), e.Orgc.Name, tagMarking(e.Tag))
	}
}

func (l *list) mispAttributes(raw json.RawMessage, path string) { l.mispList(raw, path, "", "") }

// mispList reads a list of attributes, or a single one, one by one, so that a bad one
// spoils no other.
func (l *list) mispList(raw json.RawMessage, path, source, marked string) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return
	case raw[0] != '[':
		l.mispAttribute(raw, path, source, marked)
		return
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		l.problem(Problem{Path: path, Message: err.Error(), Remedy: "export the file again"})
		return
	}
	for i, item := range items {
		l.mispAttribute(item, fmt.Sprintf("%s[%d]", path, i), source, marked)
	}
}

func (l *list) mispAttribute(raw json.RawMessage, path, source, marked string) {
	var a mispAttribute
	if err := json.Unmarshal(raw, &a); err != nil {
		l.problem(Problem{Path: path, Message: fmt.Sprintf("not an attribute: %v", err), Remedy: "correct it or take it out"})
		return
	}
	switch {
	case a.Deleted:
		l.leaveOut(leftDeleted)
		return
	case a.ToIDs != nil && !*a.ToIDs:
		l.leaveOut(leftToIDS)
		return
	}
	if source == "" {
		source = a.Event.Orgc.Name
	}
	marked = stricter(marked, stricter(tagMarking(a.Event.Tag), tagMarking(a.Tag)))
	types, values := strings.Split(a.Type, "|"), []string{a.Value}
	if len(types) > 1 {
		values = strings.SplitN(a.Value, "|", len(types))
	}
	if len(values) != len(types) {
		l.problem(Problem{Path: path, Message: fmt.Sprintf("type %q, but the value %.80q is not as many parts", a.Type, a.Value), Remedy: "correct the value"})
		return
	}
	for i, t := range types {
		l.mispValue(a.Type, t, values[i], path, portcullis.Indicator{Source: source, Marking: marked})
	}
}

// mispContext are the types that only go along with the other half of a pair:
// a port, a registry value's content.
var mispContext = map[string]bool{"port": true, "filename": true}

func (l *list) mispValue(whole, part, value, path string, i portcullis.Indicator) {
	if whole != part && mispContext[part] {
		return // "filename|sha256": the name alone would match too much
	}
	t, ok := typeWords[strings.ToLower(part)]
	if !ok {
		l.problem(Problem{Path: path, Message: fmt.Sprintf("attributes of type %q are not looked for in mail", whole), Remedy: "nothing to do unless you expected them to be"})
		return
	}
	var err error
	if i.Pattern, err = patternOf(t, value); err != nil {
		l.problem(Problem{Path: path + ".value", Message: err.Error(), Remedy: "correct it or take it out"})
		return
	}
	l.add(i)
}

// tagMarking is the strictest TLP tag.
func tagMarking(tags []mispTag) (strictest string) {
	for _, t := range tags {
		if name := strings.ToLower(t.Name); strings.HasPrefix(name, "tlp:") {
			strictest = stricter(strictest, marking(name))
		}
	}
	return strictest
}
