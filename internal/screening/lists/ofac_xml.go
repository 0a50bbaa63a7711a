package lists

import (
	"bufio"
	"cmp"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// advanced is what a document in OFAC's advanced format refers to: values by type and
// number, places and documents by number. It stands before the parties.
type advanced struct {
	b         *builder
	values    map[string]map[string]string // "AliasType" → "1400" → "A.K.A."
	parents   map[string]string            // party subtype → party type
	areas     map[string]string            // area code → country
	places    map[string]string            // location → country
	documents map[string][]screening.Identifier
	byProfile map[string]*screening.Entity
}

type advancedDate struct {
	Year, Month, Day string
}

// advancedPeriod is a date, which the list always writes as a period: a day that begins
// and ends on itself, a year from January to December.
type advancedPeriod struct {
	Start, End advancedBound
}

type advancedBound struct {
	Approximate string `xml:"Approximate,attr"`
	From, To    advancedDate
}

type advancedParty struct {
	FixedRef string `xml:"FixedRef,attr"`
	Comment  string
	Profiles []struct {
		ID         string             `xml:"ID,attr"`
		SubType    string             `xml:"PartySubTypeID,attr"`
		Identities []advancedIdentity `xml:"Identity"`
		Features   []struct {
			Type     string `xml:"FeatureTypeID,attr"`
			Versions []struct {
				Comment string
				Periods []advancedPeriod `xml:"DatePeriod"`
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
	a := &advanced{b: b, values: map[string]map[string]string{}, parents: map[string]string{}, areas: map[string]string{}, places: map[string]string{},
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
	name, id, parent, described := e.Name.Local, e.attr("ID"), e.attr("PartyTypeID"), e.attr("Description")
	var text string
	if err := e.decode(&text); err != nil {
		return err
	}
	if a.values[name] == nil {
		a.values[name] = map[string]string{}
	}
	a.values[name][id] = tidy(text)
	switch name {
	case "PartySubType":
		a.parents[id] = parent
	case "AreaCode": // the text is a code, the description the country
		a.areas[id] = cmp.Or(tidy(described), tidy(text))
	}
	return nil
}

// place keeps the country of a location. An address names it by number or by area code;
// that of a nationality has it as its only part, in words.
func (a *advanced) place(e *element) error {
	id := e.attr("ID")
	var l struct {
		Countries []struct {
			ID string `xml:"CountryID,attr"`
		} `xml:"LocationCountry"`
		Areas []struct {
			ID string `xml:"AreaCodeID,attr"`
		} `xml:"LocationAreaCode"`
		Parts []struct {
			Type   string   `xml:"LocPartTypeID,attr"`
			Values []string `xml:"LocationPartValue>Value"`
		} `xml:"LocationPart"`
	}
	if err := e.decode(&l); err != nil {
		return err
	}
	var names []string
	for _, c := range l.Countries {
		names = append(names, a.values["Country"][c.ID])
	}
	for _, c := range l.Areas {
		names = append(names, a.areas[c.ID])
	}
	if len(l.Parts) == 1 && len(l.Parts[0].Values) > 0 && strings.EqualFold(cmp.Or(a.values["LocPartType"][l.Parts[0].Type], "Unknown"), "Unknown") {
		names = append(names, l.Parts[0].Values[0])
	}
	for _, name := range names {
		if name = determined(name); name != "" {
			a.places[id] = name
			break
		}
	}
	return nil
}

// determined drops what the list writes for a country it does not know.
func determined(country string) string {
	country = tidy(country)
	if strings.EqualFold(country, "undetermined") || strings.EqualFold(country, "none identified") {
		return ""
	}
	return strings.TrimPrefix(country, "Region: ")
}

func (a *advanced) document(e *element) error {
	identity := e.attr("IdentityID")
	i := screening.Identifier{Kind: documentKind(a.values["IDRegDocType"][e.attr("IDRegDocTypeID")]), Country: determined(a.values["Country"][e.attr("IssuedBy-CountryID")])}
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
		a.b.remark(e, p.Comment)
		for _, identity := range profile.Identities {
			a.identity(e, identity, x.line)
		}
		for _, f := range profile.Features {
			for _, v := range f.Versions {
				found := advancedFeature{kind: a.values["FeatureType"][f.Type], comment: v.Comment}
				for _, d := range v.Details {
					found.details = append(found.details, cmp.Or(tidy(d.Text), a.values["DetailReference"][d.Reference]))
				}
				for _, l := range v.Places {
					found.countries = append(found.countries, a.places[l.ID])
				}
				found.dates = v.Periods
				a.feature(e, found, x.line)
			}
		}
	}
	return nil
}

// advancedFeature is a feature with what it refers to.
type advancedFeature struct {
	kind, comment      string
	details, countries []string
	dates              []advancedPeriod
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

// text writes a period as ParseDates reads it.
func (p advancedPeriod) text() string {
	first, last := p.Start.From, p.End.To
	for _, other := range []advancedDate{p.Start.To, p.End.From} {
		if last.Year == "" {
			last = other
		}
	}
	switch {
	case last.Year == "" || last == first:
		return first.text()
	case last.Year != first.Year:
		return first.Year + " to " + last.Year
	case last.Month != first.Month:
		return first.Year // anywhere in that year
	}
	return first.Year + "-" + first.Month
}

func (p advancedPeriod) approximate() bool {
	return strings.EqualFold(p.Start.Approximate, "true") || strings.EqualFold(p.End.Approximate, "true")
}

// advancedNumbers are the features that hold identifiers, as their names begin.
var advancedNumbers = []struct{ begins, kind string }{
	{"digital currency address", ""}, {"swift/bic", "swift"}, {"email address", "email"}, {"bik ", "bik"}, {"d-u-n-s", "duns"}, {"isin", "isin"}, {"vessel call sign", "call sign"},
	{"other vessel call sign", "call sign"}, {"aircraft tail number", "registration"}, {"previous aircraft tail number", "registration"}, {"aircraft manufacturer", "serial number"},
	{"aircraft construction number", "serial number"}, {"aircraft mode s", "mode s"}, {"mmsi", "mmsi"}, {"phone number", "phone"}, {"website", "website"}, {"micex code", "micex"}, {"equity ticker", "ticker"},
}

func (a *advanced) feature(e *screening.Entity, f advancedFeature, line int) {
	b, lower := a.b, strings.ToLower(strings.TrimSpace(f.kind))
	switch {
	case lower == "birthdate":
		for _, d := range f.dates {
			b.births(e, d.text(), DayFirst, d.approximate(), line)
		}
	case strings.HasPrefix(lower, "nationality"), strings.HasPrefix(lower, "citizenship"):
		for _, c := range append(f.countries, f.details...) {
			addTo(&e.Nationalities, determined(c))
		}
	case lower == "gender":
		for _, d := range f.details {
			e.Gender = genderOf(d)
		}
	case lower == "place of birth":
		addTo(&e.Countries, f.countries...)
		for _, d := range f.details { // "Port Vane, Ozmark"
			if d != "" {
				b.remark(e, "Born in "+d+".")
			}
			addTo(&e.Countries, birthCountry(d))
		}
	case lower == "location", lower == "registration country":
		addTo(&e.Countries, f.countries...)
	case strings.HasSuffix(lower, "vessel flag"):
		for _, c := range append(f.countries, f.details...) {
			addTo(&e.Countries, determined(c))
		}
	case lower == "issuer name":
		for _, d := range f.details {
			b.name(e, screening.Name{Text: d, Kind: screening.NameAlias}, line)
		}
	default:
		a.number(e, lower, f)
	}
}

// number adds an identifier, or remarks what is none: a position, a directive, whom an
// entry is linked to.
func (a *advanced) number(e *screening.Entity, lower string, f advancedFeature) {
	for _, n := range advancedNumbers {
		if strings.HasPrefix(lower, n.begins) {
			a.b.identifiers(e, cmp.Or(n.kind, lower), f.details)
			return
		}
	}
	for _, d := range f.details {
		a.b.labelled(e, strings.TrimRight(tidy(f.kind), " :-"), d)
	}
	a.b.remark(e, f.comment)
}

// entry adds programs and measures to the party it is about.
func (a *advanced) entry(x *element) error {
	profile, list := x.attr("ProfileID"), x.attr("ListID")
	var s struct {
		Events []struct {
			Date    advancedDate
			Comment string
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
		a.b.remark(e, event.Comment)
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
		a.b.consequence(e, a.means(list))
	}
	return nil
}

// means is what being on the list means where the entry names no measure.
func (a *advanced) means(list string) screening.Consequence {
	if name := a.values["List"][list]; name != "" && !strings.HasPrefix(strings.ToUpper(name), "SDN") {
		return screening.Consequence{Measure: screening.MeasureOther, Detail: "the list is " + name + "; the programme says what is restricted"}
	}
	return ofacBlock
}
