package lists

import (
	"bufio"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// unEntry is one entry of the UN Security Council's consolidated list.
type unEntry struct {
	ID           string    `xml:"DATAID"`
	First        string    `xml:"FIRST_NAME"`
	Second       string    `xml:"SECOND_NAME"`
	Third        string    `xml:"THIRD_NAME"`
	Fourth       string    `xml:"FOURTH_NAME"`
	Original     string    `xml:"NAME_ORIGINAL_SCRIPT"`
	Regime       string    `xml:"UN_LIST_TYPE"`
	Reference    string    `xml:"REFERENCE_NUMBER"`
	Listed       string    `xml:"LISTED_ON"`
	Gender       string    `xml:"GENDER"`
	Comments     string    `xml:"COMMENTS1"`
	Updated      []string  `xml:"LAST_DAY_UPDATED>VALUE"`
	Nationality  []string  `xml:"NATIONALITY>VALUE"`
	PersonAlias  []unAlias `xml:"INDIVIDUAL_ALIAS"`
	EntityAlias  []unAlias `xml:"ENTITY_ALIAS"`
	PersonLives  []string  `xml:"INDIVIDUAL_ADDRESS>COUNTRY"`
	EntityLives  []string  `xml:"ENTITY_ADDRESS>COUNTRY"`
	BirthCountry []string  `xml:"INDIVIDUAL_PLACE_OF_BIRTH>COUNTRY"`
	Births       []unBirth `xml:"INDIVIDUAL_DATE_OF_BIRTH"`
	Documents    []struct {
		Type    string `xml:"TYPE_OF_DOCUMENT"`
		Number  string `xml:"NUMBER"`
		Issuing string `xml:"ISSUING_COUNTRY"`
		Issued  string `xml:"COUNTRY_OF_ISSUE"`
	} `xml:"INDIVIDUAL_DOCUMENT"`
}

type unAlias struct {
	Quality string `xml:"QUALITY"`
	Name    string `xml:"ALIAS_NAME"`
	Born    string `xml:"DATE_OF_BIRTH"`
}

type unBirth struct {
	Type string `xml:"TYPE_OF_DATE"`
	Date string `xml:"DATE"`
	Year string `xml:"YEAR"`
	From string `xml:"FROM_YEAR"`
	To   string `xml:"TO_YEAR"`
	Note string `xml:"NOTE"`
}

// readUN reads the UN Security Council's consolidated list.
func readUN(b *builder, in *bufio.Reader) error {
	return eachElement(in, func(e *element) error {
		switch e.Name.Local {
		case "CONSOLIDATED_LIST":
			b.published, _, _ = strings.Cut(e.attr("dateGenerated"), "T")
		case "INDIVIDUAL", "ENTITY":
			var entry unEntry
			if err := e.decode(&entry); err != nil {
				return err
			}
			kind := screening.KindOrganisation
			if e.Name.Local == "INDIVIDUAL" {
				kind = screening.KindPerson
			}
			return b.un(entry, kind, e.line)
		}
		return nil
	})
}

func (b *builder) un(u unEntry, kind screening.Kind, line int) error {
	id := tidy(u.ID)
	if id == "" {
		if id = tidy(u.Reference); id == "" {
			b.lost(line, "the entry has neither DATAID nor REFERENCE_NUMBER and is left out")
			return nil
		}
	}
	e, err := b.entity(id, line)
	if err != nil {
		return err
	}
	e.Kind, e.Gender = kind, genderOf(u.Gender)
	b.name(e, screening.Name{Text: strings.Join([]string{u.First, u.Second, u.Third, u.Fourth}, " "), Kind: screening.NamePrimary}, line)
	b.unNames(e, u, line)
	for _, d := range u.Births {
		b.unBirth(e, d, line)
	}
	addTo(&e.Nationalities, u.Nationality...)
	for _, countries := range [][]string{u.PersonLives, u.EntityLives, u.BirthCountry} {
		addTo(&e.Countries, countries...)
	}
	for _, d := range u.Documents {
		number, country := d.Number, d.Issuing
		if tidy(country) == "" {
			country = d.Issued
		}
		b.identifier(e, documentKind(d.Type), number, country)
	}
	b.program(e, u.Regime)
	b.identifier(e, "un reference", u.Reference, "")
	b.remark(e, u.Comments)
	// The list names no measures; they follow from the resolution of each regime.
	b.consequence(e, screening.Consequence{Measure: screening.MeasureOther, Detail: "measures of the Security Council's regime " + tidy(u.Regime) + "; the list names none, its resolution does"})
	e.Updated = tidy(u.Listed)
	for _, day := range u.Updated {
		e.Updated = later(e.Updated, tidy(day))
	}
	return nil
}

// unNames adds aliases, some of which hold several names apart by semicolons, and
// original-script names, which come in the same field by the dozen.
func (b *builder) unNames(e *screening.Entity, u unEntry, line int) {
	for _, list := range [][]unAlias{u.PersonAlias, u.EntityAlias} {
		for _, a := range list {
			for _, text := range cells(a.Name, ';') {
				b.name(e, screening.Name{Text: text, Kind: aliasKind(a.Quality, "")}, line)
			}
			b.birth(e, a.Born, DayFirst, line)
		}
	}
	for _, text := range cells(u.Original, ';') {
		b.name(e, screening.Name{Text: text, Kind: screening.NameOriginalScript}, line)
	}
}

func (b *builder) unBirth(e *screening.Entity, d unBirth, line int) {
	approximate := strings.HasPrefix(strings.ToUpper(d.Type), "APPROX")
	text := d.Date
	switch {
	case tidy(d.From) != "" && tidy(d.To) != "":
		text = d.From + " to " + d.To
	case tidy(text) == "":
		text = d.Year
	}
	if tidy(text) == "" { // the date is sometimes in the note
		if dates, err := ParseDates(d.Note, DayFirst); err == nil {
			for _, date := range dates {
				date.Approximate = date.Approximate || approximate
				b.born(e, date)
			}
		}
		return
	}
	b.births(e, text, DayFirst, approximate, line)
}

// documentKinds tell documents apart by what lists call them; the first that fits counts.
// Numbers are compared only with others of their kind.
var documentKinds = []struct{ kind, words string }{
	{"passport", "passport,passeport,pasaporte"},
	{"swift", "swift"},
	{"mmsi", "mmsi"},
	{"lei", "legal entity number,lei code"},
	{"tax number", "tax,r.f.c.,rfc,nit #,ruc #,rif #,fiscal,v.a.t.,vat ,n.i.f.,c.i.f."},
	{"registration", "regist,incorporation,company number,commercial,chamber of c,matricula,c.r. no,enterprise number,business,social credit,organization code"},
	{"national id", "national id,national foreign id,cedula,c.u.r.p,ssn,social security,identification number,personal id,d.n.i.,citizen's card,tazkira,kenyan id,c.u.i.,c.u.i.t.,n.i.e.,cnp,identidad,identification card"},
}

// documentKind reads what a list calls an identity document.
func documentKind(text string) string {
	lower := strings.ToLower(tidy(text))
	switch {
	case lower == "":
		return "document"
	case strings.HasPrefix(lower, "imo"):
		return "imo"
	}
	for _, d := range documentKinds {
		for word := range strings.SplitSeq(d.words, ",") {
			if strings.Contains(lower, word) {
				return d.kind
			}
		}
	}
	return lower
}
