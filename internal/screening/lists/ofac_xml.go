package lists

import (
	"bufio"
	"cmp"
	"fmt"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// advanced is what a document in OFAC's advanced format refers to: values by type and
// number, places and documents by number. It stands before the parties.
type advanced struct {
	b         *builder
	values    map[string]map[string]string // "AliasType" → "1400" → "A.K.A."
	parents   map[string]string            // party subtype → party type
	places    map[string]string            // location → country
	documents map[string][]screening.Identifier
	byProfile map[string]*screening.Entity
}

type advancedDate struct {
	Year, Month, Day string
}

type advancedParty struct {
	FixedRef string `xml:"FixedRef,attr"`
	Profiles []struct {
		ID         string             `xml:"ID,attr"`
		SubType    string             `xml:"PartySubTypeID,attr"`
		Identities []advancedIdentity `xml:"Identity"`
		Features   []struct {
			Type     string `xml:"FeatureTypeID,attr"`
			Versions []struct {
				Periods []struct {
					Start struct{ From, To advancedDate }
					End   struct{ From, To advancedDate }
				} `xml:"DatePeriod"`
				Details []struct {
					Text      string `xml:",chardata"`
					Reference string `xml:"DetailReferenceID,attr"`
				} `xml:"VersionDetail"`
				Places []struct {
					ID string `xml:"LocationID,attr"`
				} `xml:"VersionLocation"`
			} `xml:"FeatureVersion"`
		} `xml:"Feature"`
	} `xml:"Profile"`
}

type advancedIdentity struct {
	ID      string `xml:"ID,attr"`
	Aliases []struct {
		Type    string `xml:"AliasTypeID,attr"`
		Primary string `xml:"Primary,attr"`
		Low     string `xml:"LowQuality,attr"`
		Names   []struct {
			Parts []struct {
				Value struct {
					Text   string `xml:",chardata"`
					Group  string `xml:"NamePartGroupID,attr"`
					Script string `xml:"ScriptID,attr"`
				} `xml:"NamePartValue"`
			} `xml:"DocumentedNamePart"`
		} `xml:"DocumentedName"`
	} `xml:"Alias"`
	Groups []struct {
		ID   string `xml:"ID,attr"`
		Type string `xml:"NamePartTypeID,attr"`
	} `xml:"NamePartGroups>MasterNamePartGroup>NamePartGroup"`
}

// readOFACXML reads OFAC's advanced format (the Advanced Sanctions Data Model).
func readOFACXML(b *builder, in *bufio.Reader) error {
	a := &advanced{b: b, values: map[string]map[string]string{}, parents: map[string]string{}, places: map[string]string{},
		documents: map[string][]screening.Identifier{}, byProfile: map[string]*screening.Entity{}}
	inside := ""
	return eachElement(in, func(e *element) error {
		switch name := e.Name.Local; {
		case name == "DateOfIssue":
			var d advancedDate
			if err := e.decode(&d); err != nil {
				return err
			}
			b.published = isoDate(d.text(), DayFirst)
		case strings.HasSuffix(name, "Values"):
			inside = strings.TrimSuffix(name, "Values")
		case inside != "" && name == inside:
			return a.value(e)
		case name == "Locations", name == "IDRegDocuments", name == "DistinctParties", name == "SanctionsEntries":
			inside = ""
		case name == "Location":
			return a.place(e)
		case name == "IDRegDocument":
			return a.document(e)
		case name == "DistinctParty":
			return a.party(e)
		case name == "SanctionsEntry":
			return a.entry(e)
		}
		return nil
	})
}

func (d advancedDate) text() string {
	switch {
	case d.Year == "":
		return ""
	case d.Month == "":
		return d.Year
	case d.Day == "":
		return d.Year + "-" + d.Month
	}
	return d.Year + "-" + d.Month + "-" + d.Day
}

func (a *advanced) value(e *element) error {
	name, id, parent := e.Name.Local, e.attr("ID"), e.attr("PartyTypeID")
	var text string
	if err := e.decode(&text); err != nil {
		return err
	}
	if a.values[name] == nil {
		a.values[name] = map[string]string{}
	}
	a.values[name][id] = tidy(text)
	if name == "PartySubType" {
		a.parents[id] = parent
	}
	return nil
}

func (a *advanced) place(e *element) error {
	id := e.attr("ID")
	var l struct {
		Countries []struct {
			ID string `xml:"CountryID,attr"`
		} `xml:"LocationCountry"`
	}
	if err := e.decode(&l); err != nil {
		return err
	}
	for _, c := range l.Countries {
		if name := a.values["Country"][c.ID]; name != "" && !strings.EqualFold(name, "undetermined") {
			a.places[id] = name
		}
	}
	return nil
}

func (a *advanced) document(e *element) error {
	identity := e.attr("IdentityID")
	i := screening.Identifier{Kind: documentKind(a.values["IDRegDocType"][e.attr("IDRegDocTypeID")]), Country: a.values["Country"][e.attr("IssuedBy-CountryID")]}
	var d struct {
		Number string `xml:"IDRegistrationNo"`
	}
	if err := e.decode(&d); err != nil {
		return err
	}
	i.Value = tidy(d.Number)
	if number, ok := strings.CutPrefix(i.Value, "IMO "); ok {
		i.Kind, i.Value = "imo", number
	}
	a.documents[identity] = append(a.documents[identity], i)
	return nil
}

func (a *advanced) party(x *element) error {
	var p advancedParty
	if err := x.decode(&p); err != nil {
		return err
	}
	for _, profile := range p.Profiles {
		id := cmp.Or(p.FixedRef, profile.ID)
		if id == "" {
			a.b.lost(x.line, "a party has no FixedRef and is left out")
			continue
		}
		e, err := a.b.entity(id, x.line)
		if err != nil {
			return err
		}
		a.byProfile[profile.ID] = e
		e.Kind = a.kind(profile.SubType)
		for _, identity := range profile.Identities {
			a.identity(e, identity, x.line)
		}
		for _, f := range profile.Features {
			for _, v := range f.Versions {
				var details, countries, dates []string
				for _, d := range v.Details {
					details = append(details, cmp.Or(tidy(d.Text), a.values["DetailReference"][d.Reference]))
				}
				for _, l := range v.Places {
					countries = append(countries, a.places[l.ID])
				}
				for _, d := range v.Periods {
					dates = append(dates, span(d.Start.From, d.Start.To, d.End.From, d.End.To))
				}
				a.feature(e, a.values["FeatureType"][f.Type], details, countries, dates, x.line)
			}
		}
	}
	return nil
}

// kind goes by the party's type, or by the numbers the list has always used.
func (a *advanced) kind(subType string) screening.Kind {
	word := a.values["PartySubType"][subType]
	if k := kindOf(word); k != "" {
		return k
	}
	if k := kindOf(a.values["PartyType"][a.parents[subType]]); k != "" {
		return k
	}
	switch subType {
	case "1":
		return screening.KindVessel
	case "2":
		return screening.KindAircraft
	case "3":
		return screening.KindOrganisation
	case "4":
		return screening.KindPerson
	}
	return screening.KindUnknown
}

func (a *advanced) identity(e *screening.Entity, i advancedIdentity, line int) {
	roles := map[string]screening.Role{}
	for _, g := range i.Groups {
		roles[g.ID] = partRole(a.values["NamePartType"][g.Type], g.Type)
	}
	for _, alias := range i.Aliases {
		kind := screening.NameAlias
		switch {
		case strings.EqualFold(alias.Low, "true"):
			kind = screening.NameWeakAlias
		case strings.EqualFold(alias.Primary, "true"):
			kind = screening.NamePrimary
		case strings.HasPrefix(strings.ToUpper(a.values["AliasType"][alias.Type]), "F"):
			kind = screening.NameFormer
		}
		for _, documented := range alias.Names {
			var before, after []screening.Part // family names stand first in the file
			script := ""
			for _, p := range documented.Parts {
				part := screening.Part{Role: roles[p.Value.Group], Text: tidy(p.Value.Text)}
				script = isoScript(a.values["Script"][p.Value.Script])
				if part.Role == screening.RoleFamily {
					after = append(after, part)
				} else {
					before = append(before, part)
				}
			}
			a.b.name(e, a.written(e, append(before, after...), kind, script), line)
		}
	}
	for _, d := range a.documents[i.ID] {
		a.b.identifier(e, d.Kind, d.Value, d.Country)
	}
}

func (a *advanced) written(e *screening.Entity, parts []screening.Part, kind screening.NameKind, script string) screening.Name {
	var words []string
	for _, p := range parts {
		words = append(words, p.Text)
	}
	n := screening.Name{Text: tidy(strings.Join(words, " ")), Kind: kind, Script: script}
	if !latinOnly(n.Text) {
		n.Kind = screening.NameOriginalScript
	}
	if e.Kind == screening.KindPerson && len(parts) > 1 {
		n.Parts = parts
	}
	return n
}

func partRole(word, number string) screening.Role {
	switch word = strings.ToLower(word); {
	case strings.HasPrefix(word, "last"), word == "" && number == "1520":
		return screening.RoleFamily
	case strings.HasPrefix(word, "first"), strings.HasPrefix(word, "middle"), word == "" && (number == "1521" || number == "1522"):
		return screening.RoleGiven
	case strings.HasPrefix(word, "patronymic"):
		return screening.RolePatronymic
	}
	return screening.RoleOther
}

// span writes a period as ParseDates reads it.
func span(startFrom, startTo, endFrom, endTo advancedDate) string {
	first, last := startFrom, endTo
	if last.Year == "" {
		last = startTo
	}
	if last.Year == "" {
		last = endFrom
	}
	if last.Year == "" || last == first || last.Year == first.Year && last.Month != first.Month {
		if last.Year == first.Year && last.Month != first.Month {
			return first.Year // anywhere in that year
		}
		return first.text()
	}
	if last.Year == first.Year {
		return fmt.Sprintf("%s-%s", first.Year, first.Month)
	}
	return first.Year + " to " + last.Year
}

func (a *advanced) feature(e *screening.Entity, kind string, details, countries, dates []string, line int) {
	lower := strings.ToLower(kind)
	switch {
	case lower == "birthdate":
		for _, d := range dates {
			a.b.birth(e, d, DayFirst, line)
		}
	case strings.HasPrefix(lower, "nationality"), strings.HasPrefix(lower, "citizenship"):
		addTo(&e.Nationalities, countries...)
	case lower == "gender":
		for _, d := range details {
			e.Gender = genderOf(d)
		}
	case lower == "location", lower == "place of birth":
		addTo(&e.Countries, countries...)
	case lower == "vessel flag":
		addTo(&e.Countries, details...)
	case strings.Contains(lower, "digital currency"), strings.Contains(lower, "bic"), strings.Contains(lower, "email"):
		a.b.identifiers(e, lower, details)
	case lower == "title":
		for _, d := range details {
			a.b.remark(e, d)
		}
	}
}

// entry adds programs and measures to the party it is about.
func (a *advanced) entry(x *element) error {
	profile := x.attr("ProfileID")
	var s struct {
		Events []struct {
			Date advancedDate
		} `xml:"EntryEvent"`
		Measures []struct {
			Type    string `xml:"SanctionsTypeID,attr"`
			Comment string
		} `xml:"SanctionsMeasure"`
	}
	if err := x.decode(&s); err != nil {
		return err
	}
	e := a.byProfile[profile]
	if e == nil {
		a.b.note(nil, x.line, "a sanctions entry is about the profile %q, which the file does not hold", shorten(profile))
		return nil
	}
	for _, event := range s.Events {
		e.Updated = later(e.Updated, isoDate(event.Date.text(), DayFirst))
	}
	for _, m := range s.Measures {
		switch kind := a.values["SanctionsType"][m.Type]; {
		case strings.EqualFold(kind, "Program"), kind == "":
			a.b.program(e, m.Comment)
		default:
			a.b.consequence(e, screening.Consequence{Measure: measureOf(kind), Detail: kind})
		}
	}
	if len(e.Consequences) == 0 {
		a.b.consequence(e, ofacBlock)
	}
	return nil
}
