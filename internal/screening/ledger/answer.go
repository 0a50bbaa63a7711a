package ledger

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"portcullis.example/portcullis/internal/screening"
	"portcullis.example/portcullis/internal/screening/lists"
)

// Request asks about one name. All but the name may be left out.
type Request struct {
	Name        string       `json:"name"`
	Schema      string       `json:"schema,omitempty"` // person, organisation, vessel, aircraft; "" is any
	Born        string       `json:"born,omitempty"`   // 1985, 1985-04, 1985-04-23
	Countries   []string     `json:"countries,omitempty"`
	Gender      string       `json:"gender,omitempty"`
	Identifiers []Identifier `json:"identifiers,omitempty"`
	Ref         string       `json:"ref,omitempty"` // the caller's own, such as a row's number
}

// Identifier is a number or code of what is looked for.
type Identifier struct {
	Kind    string `json:"kind,omitempty"`
	Value   string `json:"value"`
	Country string `json:"country,omitempty"`
}

// Limits of a request. Anything longer is no name.
const (
	MaxName    = 1000 // characters
	maxOthers  = 20   // countries, identifiers
	maxField   = 200
	mostSought = 100 // entries that are looked at for one request
)

// Outcomes of a request, and of one entry in an answer.
const (
	OutcomeMatch    = "match"
	OutcomePossible = "possible" // needs a birth date or nationality
	OutcomeNone     = "none"
)

// Answer is what the lists say about one request. Designations and registered
// influence are different things, and stand apart, each with an outcome of its own.
type Answer struct {
	Query        Request  `json:"query"`
	Outcome      string   `json:"outcome"`    // of designations
	Registered   string   `json:"registered"` // the same of registered influence
	Designations []Match  `json:"designations"`
	Influence    []Match  `json:"influence"`
	Notes        []string `json:"notes,omitempty"`
}

// Match is one entry of a list that the request may mean.
type Match struct {
	Outcome       string             `json:"outcome"`
	Score         float64            `json:"score"`      // 0–1, of name and everything else
	NameScore     float64            `json:"name_score"` // of the name alone
	List          ListRef            `json:"list"`
	ID            string             `json:"id"`
	Kind          screening.Kind     `json:"kind,omitempty"`
	Name          string             `json:"name"` // the entry's first
	Matched       string             `json:"matched"`
	MatchedKind   screening.NameKind `json:"matched_kind"`
	Alignment     []Aligned          `json:"alignment"`
	For           []string           `json:"for,omitempty"`
	Against       []string           `json:"against,omitempty"`
	Needs         string             `json:"needs,omitempty"`
	Consequences  []Consequence      `json:"consequences,omitempty"`
	Influence     *Influence         `json:"influence,omitempty"`
	Program       string             `json:"program,omitempty"`
	Births        []string           `json:"births,omitempty"`
	Nationalities []string           `json:"nationalities,omitempty"`
	Countries     []string           `json:"countries,omitempty"`
	Remarks       string             `json:"remarks,omitempty"`
	Updated       string             `json:"updated,omitempty"`
	Decision      *Decision          `json:"decision,omitempty"` // what somebody decided about this name and entry
}

// Aligned is one line of an alignment.
type Aligned struct {
	Query          string  `json:"query"`
	Entry          string  `json:"entry"`
	Transformation string  `json:"transformation"`
	Weight         float64 `json:"weight"`
	Score          float64 `json:"score"`
}

// Consequence is a measure that follows.
type Consequence struct {
	Measure string `json:"measure"`
	Detail  string `json:"detail,omitempty"`
}

// Influence is a registration. It carries no measure.
type Influence struct {
	Register  string `json:"register"`
	Tier      string `json:"tier,omitempty"`
	Principal string `json:"principal,omitempty"`
}

// Terms are what an answer depends on besides the lists.
type Terms struct {
	Matcher   string  `json:"matcher"`
	Threshold float64 `json:"threshold"`
	Floor     float64 `json:"floor"`
	Best      int     `json:"best"` // entries shown; 0 is all
}

// Check tells what is wrong with a request, all at once.
func (r Request) Check() error {
	var wrong []string
	name := strings.TrimSpace(r.Name)
	switch length := utf8.RuneCountInString(name); {
	case !utf8.ValidString(r.Name):
		wrong = append(wrong, "the name is not UTF-8")
	case name == "":
		wrong = append(wrong, "the name is empty")
	case length > MaxName:
		wrong = append(wrong, fmt.Sprintf("the name has %d characters; at most %d are compared", length, MaxName))
	case strings.IndexFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) < 0:
		wrong = append(wrong, "the name has no letters")
	}
	if _, err := lists.ParseDate(r.Born, lists.DayFirst); r.Born != "" && err != nil {
		wrong = append(wrong, fmt.Sprintf("born %q: %s", r.Born, strings.ReplaceAll(err.Error(), "\n", "; ")))
	}
	if _, ok := ParseSchema(r.Schema); !ok {
		wrong = append(wrong, fmt.Sprintf("schema %q: want person, organisation, vessel or aircraft", r.Schema))
	}
	if len(r.Countries) > maxOthers || len(r.Identifiers) > maxOthers {
		wrong = append(wrong, fmt.Sprintf("more than %d countries or identifiers", maxOthers))
	}
	for _, field := range append([]string{r.Gender, r.Ref, r.Born}, r.Countries...) {
		if len(field) > maxField {
			wrong = append(wrong, fmt.Sprintf("a field is longer than %d bytes", maxField))
		}
	}
	if wrong != nil {
		return &RefusedError{strings.Join(wrong, "; ")}
	}
	return nil
}

// ParseSchema reads the words for kinds of entry, those of FollowTheMoney among them.
func ParseSchema(word string) (screening.Kind, bool) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "", "any", "legalentity", "thing":
		return screening.KindUnknown, true
	case "person", "individual", "people":
		return screening.KindPerson, true
	case "organisation", "organization", "company", "entity", "publicbody":
		return screening.KindOrganisation, true
	case "vessel", "ship":
		return screening.KindVessel, true
	case "aircraft", "airplane":
		return screening.KindAircraft, true
	}
	return screening.KindUnknown, false
}

// query is the request as the matcher takes it. The request has been checked.
func (r Request) query() screening.Query {
	q := screening.Query{Name: strings.TrimSpace(r.Name), Countries: r.Countries, Gender: strings.ToLower(r.Gender)}
	q.Schema, _ = ParseSchema(r.Schema)
	if r.Born != "" {
		q.Born, _ = lists.ParseDate(r.Born, lists.DayFirst)
	}
	for _, i := range r.Identifiers {
		q.Identifiers = append(q.Identifiers, screening.Identifier{Kind: i.Kind, Value: i.Value, Country: i.Country})
	}
	return q
}

// answer is pure: the same index, request and terms give the same bytes.
func (x *loaded) answer(r Request, terms Terms) Answer {
	a := Answer{Query: r, Outcome: OutcomeNone, Registered: OutcomeNone, Designations: []Match{}, Influence: []Match{}}
	a.Notes = mixedScripts(r.Name)
	hidden := 0
	for _, hit := range x.index.Search(r.query(), mostSought) {
		outcome := outcomeOf(hit, terms.Threshold)
		if outcome == OutcomeNone {
			continue
		}
		group, so := &a.Designations, &a.Outcome
		if hit.Entity.Influence != nil {
			group, so = &a.Influence, &a.Registered
		}
		if terms.Best > 0 && len(*group) >= terms.Best {
			hidden++
			continue
		}
		*group = append(*group, x.match(hit, outcome))
		if *so != OutcomeMatch {
			*so = outcome
		}
	}
	if hidden > 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("%d more entries resemble the name; ask for all to see them", hidden))
	}
	return a
}

// outcomeOf asks more of a possible hit than that the matcher found it: the name by
// itself must reach the threshold, or every bearer of one common word would be told of.
func outcomeOf(hit screening.Hit, threshold float64) string {
	switch {
	case hit.Possible && hit.NameScore >= threshold:
		return OutcomePossible
	case hit.Possible:
		return OutcomeNone
	case hit.Score >= threshold:
		return OutcomeMatch
	}
	return OutcomeNone
}

func (x *loaded) match(hit screening.Hit, outcome string) Match {
	e := hit.Entity
	m := Match{
		Outcome: outcome, Score: rounded(hit.Score), NameScore: rounded(hit.NameScore), List: x.ref(e.List), ID: e.ID, Kind: e.Kind, Name: e.Names[0].Text,
		Matched: hit.Name.Text, MatchedKind: hit.Name.Kind, For: hit.For, Against: hit.Against,
		Program: e.Program, Nationalities: e.Nationalities, Countries: e.Countries, Updated: e.Updated,
	}
	if outcome == OutcomePossible {
		m.Needs = "a birth date or nationality"
	}
	for _, p := range hit.Alignment {
		m.Alignment = append(m.Alignment, Aligned{p.Query, p.Entry, p.Transformation, rounded(p.Weight), rounded(p.Score)})
	}
	for _, c := range e.Consequences {
		m.Consequences = append(m.Consequences, Consequence{string(c.Measure), c.Detail})
	}
	if i := e.Influence; i != nil {
		m.Influence = &Influence{i.Register, i.Tier, i.Principal}
	}
	for _, b := range e.Births {
		m.Births = append(m.Births, lists.DateText(b))
	}
	return m
}

// rounded drops what is noise in a score, so that it reads the same everywhere.
func rounded(f float64) float64 { return math.Round(f*1e4) / 1e4 }

// mixedScripts notes words that mix letters of scripts that look alike: nobody is called so.
func mixedScripts(name string) (notes []string) {
	for word := range strings.FieldsSeq(name) {
		var latin, cyrillic, greek bool
		for _, r := range word {
			latin = latin || unicode.Is(unicode.Latin, r)
			cyrillic = cyrillic || unicode.Is(unicode.Cyrillic, r)
			greek = greek || unicode.Is(unicode.Greek, r)
		}
		if latin && (cyrillic || greek) || cyrillic && greek {
			notes = append(notes, fmt.Sprintf("the word %q mixes letters of several scripts that look alike: somebody may have wanted it not to be found", word))
		}
	}
	return notes
}
