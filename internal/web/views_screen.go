package web

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// ScreenQuery holds a name against the lists in force. Fields of the form: "name",
// "schema", "born", "country", "all". An empty Name asks for the lists alone.
type ScreenQuery struct {
	Name    string
	Schema  string // "" is anything; "person", "organisation", "vessel", "aircraft"
	Born    string // 1985, 1985-04, 1985-04-23
	Country string // by name or code
	All     bool   // every entry over the threshold instead of the best few
}

// ScreenOutcome is what a name came to: of all designations, of all registrations, of one entry.
type ScreenOutcome string

// The outcomes. A possible one needs a birth date or nationality before it is called more.
const (
	ScreenMatch    ScreenOutcome = "match"
	ScreenPossible ScreenOutcome = "possible"
	ScreenNone     ScreenOutcome = "none"
)

// Screening is ScreenQuery's answer. Designations and registered influence are different
// things: the first have consequences, the second forbid nothing.
type Screening struct {
	Lists        []ScreenList  // in force, by name; none are before the first was added
	Outcome      ScreenOutcome // of designations
	Registered   ScreenOutcome // of registered influence
	Designations []ScreenEntry // the best first, at most MaxRows
	Influence    []ScreenEntry // the same
	Notes        []string
	Threshold    float64 // score from which on a hit is a match
	Matcher      string  // version of what compares names
}

// ScreenList is one version of a list that is in force.
type ScreenList struct {
	Name      string // "uk"
	Version   int64
	Published string // as the list states it; may be empty
	Taken     time.Time
	By        string
	Entries   int
	SHA256    string
}

// ScreenEntry is an entry of a list that the name may mean.
type ScreenEntry struct {
	Outcome       ScreenOutcome
	Score         float64 // 0–1, of name and everything else
	NameScore     float64 // of the name alone
	ID            string
	Name          string // the entry's first
	Kind          string // "person"; may be empty
	Matched       string // which of its names fits
	MatchedKind   string // "alias", "original script"
	Parts         []ScreenPart
	For, Against  []string
	Needs         string // "a birth date or nationality"; of what is possible only
	Consequences  []string
	Register      *ScreenRegister // set for registered influence, and for nothing else
	Program       string
	Births        []string
	Nationalities []string
	Remarks       string
	Updated       string
	List          ScreenList // of which it is; who took it and how long it is are left out
	Decision      *ScreenDecision
}

// ScreenPart is one line of an alignment: which part of the name stands for which of the entry's.
type ScreenPart struct {
	Asked, Entry string  // either may be empty
	How          string  // the transformation in words
	Weight, Fit  float64 // 0–1: of the whole, and how well it fits
}

// ScreenRegister is a registration of influence.
type ScreenRegister struct{ Register, Tier, Principal string }

// ScreenDecision is what somebody decided about this name and entry before.
type ScreenDecision struct {
	Same     bool
	Who, Why string
	When     time.Time
}

// screenView is the model and what was asked.
type screenView struct {
	Screening
	Query ScreenQuery
	Ran   bool
}

func (s *site) screening(w http.ResponseWriter, r *http.Request) error {
	return s.screenWith(w, r, form{Name: "screen"}, ScreenQuery{})
}

// screen answers the form. Whom somebody is about to meet must not stand in an address, which
// browsers, proxies and their logs keep: so the name comes in the body, the answer is a page of
// its own that nothing keeps, and the title, which a history shows, does not name anybody.
func (s *site) screen(w http.ResponseWriter, r *http.Request) error {
	f, err := read(w, r, "screen")
	if err != nil {
		if f, ok := (form{Name: "screen"}).failed(err); ok {
			return s.screenWith(w, r, f, ScreenQuery{})
		}
		return err
	}
	q := ScreenQuery{Name: strings.TrimSpace(f.Value("name")), Schema: f.Value("schema"), Born: strings.TrimSpace(f.Value("born")),
		Country: strings.TrimSpace(f.Value("country")), All: f.Value("all") == "yes"}
	if q.Name == "" {
		f.Field, f.Error = "name", "Type the name to hold against the lists, in any script."
	}
	return s.screenWith(w, r, f, q)
}

// screenWith shows the answer, or the form with what is wrong in it.
func (s *site) screenWith(w http.ResponseWriter, r *http.Request, f form, q ScreenQuery) error {
	v := screenView{Query: q}
	if q.Name != "" && f.Error == "" {
		var err error
		v.Screening, err = s.Desk.Screen(r.Context(), q)
		if err != nil {
			var ok bool
			if f, ok = f.failed(err); !ok {
				return err
			}
		}
		v.Ran = err == nil && len(v.Lists) > 0
	}
	if !v.Ran {
		var err error
		if v.Screening, err = s.listsInForce(r.Context()); err != nil {
			return err
		}
	}
	return s.show(w, r, page{Name: "screen", Title: "Screening", Nav: "/screening", Body: v, Form: f, Status: statusOf(f)})
}

func (s *site) listsInForce(ctx context.Context) (Screening, error) {
	return s.Desk.Screen(ctx, ScreenQuery{})
}

// screenWord is an outcome in words: colour alone would tell nobody who does not see it.
func screenWord(o ScreenOutcome) string {
	switch o {
	case ScreenMatch:
		return "match"
	case ScreenPossible:
		return "possible"
	}
	return "no match"
}

func screenClass(o ScreenOutcome) string {
	switch o {
	case ScreenMatch:
		return "govuk-tag--red"
	case ScreenPossible:
		return "govuk-tag--yellow"
	}
	return "govuk-tag--grey"
}
