package lists

import (
	"bufio"
	"cmp"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// euEntity is one entry of the EU's consolidated financial sanctions list, version 1.1.
type euEntity struct {
	Logical   string `xml:"logicalId,attr"`
	Reference string `xml:"euReferenceNumber,attr"`
	Subject   struct {
		Code string `xml:"classificationCode,attr"`
		Word string `xml:"code,attr"`
	} `xml:"subjectType"`
	Remarks     []string `xml:"remark"`
	Regulations []struct {
		Programme string `xml:"programme,attr"`
		Published string `xml:"publicationDate,attr"`
	} `xml:"regulation"`
	Names       []euName `xml:"nameAlias"`
	Citizenship []struct {
		Country string `xml:"countryDescription,attr"`
		Code    string `xml:"countryIso2Code,attr"`
	} `xml:"citizenship"`
	Births  []euBirth `xml:"birthdate"`
	Address []struct {
		Country string `xml:"countryDescription,attr"`
	} `xml:"address"`
	Identifications []struct {
		Number  string `xml:"number,attr"`
		Code    string `xml:"identificationTypeCode,attr"`
		Type    string `xml:"identificationTypeDescription,attr"`
		Country string `xml:"countryDescription,attr"`
	} `xml:"identification"`
}

type euName struct {
	Whole  string `xml:"wholeName,attr"`
	First  string `xml:"firstName,attr"`
	Middle string `xml:"middleName,attr"`
	Last   string `xml:"lastName,attr"`
	Strong string `xml:"strong,attr"`
	Gender string `xml:"gender,attr"`
	Title  string `xml:"title,attr"`
}

type euBirth struct {
	Date  string `xml:"birthdate,attr"`
	Day   string `xml:"dayOfMonth,attr"`
	Month string `xml:"monthOfYear,attr"`
	Year  string `xml:"year,attr"`
	From  string `xml:"yearRangeFrom,attr"`
	To    string `xml:"yearRangeTo,attr"`
	Circa string `xml:"circa,attr"`
	Where string `xml:"countryDescription,attr"`
}

// euFreeze is what being on the list of financial sanctions means.
var euFreeze = screening.Consequence{Measure: screening.AssetFreeze, Detail: "the list is that of persons subject to EU financial sanctions"}

// readEUXML reads the EU's consolidated list.
func readEUXML(b *builder, in *bufio.Reader) error {
	return eachElement(in, func(e *element) error {
		switch e.Name.Local {
		case "export":
			b.published, _, _ = strings.Cut(e.attr("generationDate"), "T")
		case "sanctionEntity":
			var entry euEntity
			if err := e.decode(&entry); err != nil {
				return err
			}
			return b.eu(entry, e.line)
		}
		return nil
	})
}

func (b *builder) eu(u euEntity, line int) error {
	id := tidy(cmp.Or(u.Reference, u.Logical))
	if id == "" {
		b.lost(line, "the entry has neither euReferenceNumber nor logicalId and is left out")
		return nil
	}
	e, err := b.entity(id, line)
	if err != nil {
		return err
	}
	e.Kind = kindOf(cmp.Or(u.Subject.Code, u.Subject.Word))
	for i, n := range u.Names {
		b.euName(e, n, i == 0, line)
	}
	for _, d := range u.Births {
		b.euBirth(e, d, line)
	}
	for _, c := range u.Citizenship {
		addTo(&e.Nationalities, cmp.Or(c.Country, c.Code))
	}
	for _, a := range u.Address {
		addTo(&e.Countries, known(a.Country))
	}
	for _, i := range u.Identifications {
		b.identifier(e, documentKind(cmp.Or(i.Type, i.Code)), i.Number, known(i.Country))
	}
	for _, r := range u.Regulations {
		b.program(e, r.Programme)
		e.Updated = later(e.Updated, tidy(r.Published))
	}
	for _, text := range u.Remarks {
		b.remark(e, text)
	}
	b.consequence(e, euFreeze)
	return nil
}

// known drops what the list writes for a country it does not know.
func known(country string) string {
	if strings.EqualFold(tidy(country), "UNKNOWN") {
		return ""
	}
	return country
}

func (b *builder) euName(e *screening.Entity, n euName, first bool, line int) {
	var parts []screening.Part
	for _, p := range []screening.Part{{Role: screening.RoleGiven, Text: n.First}, {Role: screening.RoleGiven, Text: n.Middle}, {Role: screening.RoleFamily, Text: n.Last}} {
		if p.Text = tidy(p.Text); p.Text != "" {
			parts = append(parts, p)
		}
	}
	text := tidy(n.Whole)
	if text == "" {
		var words []string
		for _, p := range parts {
			words = append(words, p.Text)
		}
		text = strings.Join(words, " ")
	}
	if len(parts) < 2 || e.Kind != screening.KindPerson {
		parts = nil
	}
	kind := screening.NameAlias
	switch {
	case strings.EqualFold(n.Strong, "false"):
		kind = screening.NameWeakAlias
	case !latinOnly(text):
		kind = screening.NameOriginalScript
	case first:
		kind = screening.NamePrimary
	}
	if g := genderOf(n.Gender); g != "" {
		e.Gender = g
	}
	b.name(e, screening.Name{Text: text, Kind: kind, Parts: parts}, line)
}

func (b *builder) euBirth(e *screening.Entity, d euBirth, line int) {
	addTo(&e.Countries, known(d.Where))
	text := tidy(d.Date)
	switch {
	case text != "":
	case tidy(d.From) != "" && tidy(d.To) != "" && d.From != "0":
		text = d.From + " to " + d.To
	case tidy(d.Year) != "" && d.Year != "0":
		text = d.Year
		if m := tidy(d.Month); m != "" && m != "0" {
			text += "-" + m
			if day := tidy(d.Day); day != "" && day != "0" {
				text += "-" + day
			}
		}
	default:
		return
	}
	b.births(e, text, DayFirst, strings.EqualFold(d.Circa, "true"), line)
}
