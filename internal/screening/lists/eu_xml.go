package lists

import (
	"bufio"
	"cmp"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// euEntity is one entry of the EU's consolidated financial sanctions list, version 1.1.
type euEntity struct {
	Logical    string `xml:"logicalId,attr"`
	Reference  string `xml:"euReferenceNumber,attr"`
	UN         string `xml:"unitedNationId,attr"`
	Designated string `xml:"designationDate,attr"`
	Subject    struct {
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
		Country string   `xml:"countryDescription,attr"`
		Code    string   `xml:"countryIso2Code,attr"`
		Remarks []string `xml:"remark"`
	} `xml:"citizenship"`
	Births  []euBirth `xml:"birthdate"`
	Address []struct {
		Country string   `xml:"countryDescription,attr"`
		Remarks []string `xml:"remark"`
	} `xml:"address"`
	Identifications []struct {
		Number  string   `xml:"number,attr"`
		Latin   string   `xml:"latinNumber,attr"`
		Code    string   `xml:"identificationTypeCode,attr"`
		Type    string   `xml:"identificationTypeDescription,attr"`
		Country string   `xml:"countryDescription,attr"`
		Remarks []string `xml:"remark"`
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
	Role   string `xml:"function,attr"`

	Remarks []string `xml:"remark"`
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

	Calendar string   `xml:"calendarType,attr"`
	Remarks  []string `xml:"remark"`
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
		addTo(&e.Nationalities, cmp.Or(known(c.Country), known(c.Code)))
		b.remarks(e, c.Remarks)
	}
	for _, a := range u.Address {
		addTo(&e.Countries, known(a.Country))
		b.remarks(e, a.Remarks)
	}
	for _, i := range u.Identifications {
		for _, number := range []string{i.Number, i.Latin} {
			b.identifier(e, documentKind(cmp.Or(i.Type, i.Code)), number, known(i.Country))
		}
		b.remarks(e, i.Remarks)
	}
	b.identifier(e, "un reference", u.UN, "")
	e.Updated = later(e.Updated, tidy(u.Designated))
	for _, r := range u.Regulations {
		b.program(e, r.Programme)
		e.Updated = later(e.Updated, tidy(r.Published))
	}
	b.remarks(e, u.Remarks)
	b.consequence(e, euFreeze)
	return nil
}

// labelled adds a remark that would not be understood by itself.
func (b *builder) labelled(e *screening.Entity, label, text string) {
	if text = tidy(text); text != "" {
		b.remark(e, label+": "+strings.TrimSuffix(text, ".")+".")
	}
}

func (b *builder) remarks(e *screening.Entity, texts []string) {
	for _, text := range texts {
		b.remark(e, text)
	}
}

// known drops what the list writes for a country it does not know.
func known(country string) string {
	if country = tidy(country); strings.EqualFold(country, "UNKNOWN") || country == "00" {
		return ""
	}
	return country
}

// lowQuality tells whether a remark beside a name calls it weak. The list says so in
// words, with slips of the pen, more often than by its attribute.
func lowQuality(remarks []string) bool {
	for _, r := range remarks {
		r = strings.ToLower(r)
		if strings.Contains(r, "low quality") || strings.Contains(r, "lo quality") || strings.Contains(r, "low-quality") || strings.Contains(r, "weak alias") {
			return true
		}
	}
	return false
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
	case strings.EqualFold(n.Strong, "false"), lowQuality(n.Remarks):
		kind = screening.NameWeakAlias
	case !latinOnly(text):
		kind = screening.NameOriginalScript
	case first:
		kind = screening.NamePrimary
	}
	if g := genderOf(n.Gender); g != "" {
		e.Gender = g
	}
	if !lowQuality(n.Remarks) { // what that remark says, the kind of the name does
		b.remarks(e, n.Remarks)
	}
	b.labelled(e, "Position", n.Role)
	b.name(e, screening.Name{Text: text, Kind: kind, Parts: parts}, line)
}

func (b *builder) euBirth(e *screening.Entity, d euBirth, line int) {
	addTo(&e.Countries, known(d.Where))
	b.remarks(e, d.Remarks)
	text, from, to := tidy(d.Date), strings.Trim(d.From, "0 "), strings.Trim(d.To, "0 ")
	switch {
	case d.Calendar != "" && !strings.EqualFold(d.Calendar, "GREGORIAN"):
		b.otherCalendar(e, d, line)
		return
	case text != "":
	case from != "" && to != "":
		text = d.From + " to " + d.To
	case from != "" || to != "":
		b.openRange(e, d.From, d.To, line)
		return
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

// otherCalendar keeps a date of another calendar as it stands: turning it into ours
// takes more than the year, and the list has ours beside it.
func (b *builder) otherCalendar(e *screening.Entity, d euBirth, line int) {
	text := strings.Trim(strings.Join([]string{d.Year, d.Month, d.Day}, "-"), "-")
	text = "Born " + cmp.Or(tidy(d.Date), text) + " (" + strings.ToLower(d.Calendar) + " calendar)."
	b.remark(e, text)
	b.note(e, line, "%s It is kept in the remarks and not compared", text)
}

// openRange keeps a range of years that has one end: what is compared has two.
func (b *builder) openRange(e *screening.Entity, from, to string, line int) {
	text := "Born in " + tidy(from) + " or later."
	if tidy(from) == "" {
		text = "Born in " + tidy(to) + " or earlier."
	}
	b.remark(e, text)
	b.note(e, line, "%s A range with one end is kept in the remarks and not compared", text)
}
