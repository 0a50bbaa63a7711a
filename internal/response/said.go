package response

import (
	"slices"
	"strings"
)

// How much of warnings stands in a notice, which is one page. The desk has all of them.
const (
	saidLength   = 400
	mostWarnings = 3
)

// saidAbout is what the text of a warning may use.
type saidAbout struct {
	Said, Days string // Days: of the messages that it is about, "" where it is about all
	One        bool   // of a single day
}

// warnings are what those who warned of these messages wrote, each once.
func (p *page) warnings(events []Received, key string, most, length int) (items []string) {
	about := map[string][]Received{}
	var texts []string
	for _, e := range events {
		for _, text := range e.Said {
			if about[text] == nil {
				texts = append(texts, text)
			}
			about[text] = append(about[text], e)
		}
	}
	for _, text := range texts[:min(len(texts), most)] {
		a := saidAbout{Said: p.quote(text, length)}
		if a.Said == "" {
			continue
		}
		if len(about[text]) < len(events) {
			a.Days, a.One = p.days(about[text])
		}
		items = append(items, p.say(key, a))
	}
	return items
}

// days names when messages came, each day once.
func (p *page) days(events []Received) (text string, one bool) {
	var list []string
	for _, e := range events[:min(len(events), rows)] {
		day := p.say("event_undated", nil)
		if !e.Time.IsZero() {
			day = p.day(e.Time, p.office.zone)
		}
		if !slices.Contains(list, day) {
			list = append(list, day)
		}
	}
	if len(events) > rows {
		list = append(list, "…")
	}
	return strings.Join(list, ", "), len(list) == 1
}
