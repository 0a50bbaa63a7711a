package lists

import (
	"bufio"
	"encoding/xml"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// field is an element of any name.
type field struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

// readFARA reads the bulk files of the register under the US Foreign Agents Registration
// Act: registrants, foreign principals and short forms (the people who work for a
// registrant), each <ROW> with its fields, in ISO-8859-1. The files may be given together.
func readFARA(b *builder, in *bufio.Reader) error {
	return eachElement(in, func(e *element) error {
		if e.Name.Local != "ROW" {
			return nil
		}
		var row struct {
			Fields []field `xml:",any"`
		}
		if err := e.decode(&row); err != nil {
			return err
		}
		values := make(map[string]string, len(row.Fields))
		for _, f := range row.Fields {
			values[heading(f.XMLName.Local)] = tidy(f.Text)
		}
		return b.fara(func(name string) string { return values[name] }, e.line)
	})
}

// readFARACSV reads the same as CSV.
func readFARACSV(b *builder, in *bufio.Reader) error {
	t := newTable(in, ',', 0)
	if err := t.readHeader(); err != nil {
		return err
	}
	b.columns = t.header
	if err := t.require("Registration Number"); err != nil {
		return err
	}
	return eachRow(t, func() error { return b.fara(func(name string) string { return t.get(name) }, t.line) })
}

const faraRegister = "FARA"

func (b *builder) fara(get func(string) string, line int) error {
	number := get("registration number")
	if number == "" {
		b.lost(line, "the row has no registration number and is left out")
		return nil
	}
	switch {
	case get("foreign principal") != "":
		return b.faraPrincipal(get, number, line)
	case get("short form last name") != "":
		return b.faraPerson(get, number, line)
	case get("name") != "":
		return b.faraRegistrant(number, get("name"), get("business name"), get("registration date"), get("termination date"), line)
	}
	b.lost(line, "the row of registration %s names nobody and is left out", number)
	return nil
}

func (b *builder) faraRegistrant(number, name, business, from, until string, line int) error {
	e, err := b.registered(number, line)
	if err != nil {
		return err
	}
	b.name(e, screening.Name{Text: name, Kind: screening.NamePrimary}, line)
	b.name(e, screening.Name{Text: business, Kind: screening.NameAlias}, line)
	b.period(e, from, until)
	return nil
}

// registered is the entry of an id with its register set.
func (b *builder) registered(id string, line int) (*screening.Entity, error) {
	e, err := b.entity(id, line)
	if err == nil && e.Influence == nil {
		e.Influence = &screening.Influence{Register: faraRegister}
	}
	return e, err
}

// period says since when, and whether it has ended. The files write month/day/year.
func (b *builder) period(e *screening.Entity, from, until string) {
	if from != "" {
		e.Updated = later(e.Updated, isoDate(from, MonthFirst))
	}
	if until != "" {
		day := isoDate(until, MonthFirst)
		e.Updated = later(e.Updated, day)
		b.program(e, "registration ended "+day)
	}
}

// faraPrincipal makes an entry of the principal, and names it with the one who acts for it.
func (b *builder) faraPrincipal(get func(string) string, number string, line int) error {
	principal, country := get("foreign principal"), get("country location represented")
	if country == "" {
		country = get("country/location represented")
	}
	agent, err := b.registered(number, line)
	if err != nil {
		return err
	}
	b.name(agent, screening.Name{Text: get("registrant name"), Kind: screening.NamePrimary}, line)
	if !strings.Contains("; "+agent.Influence.Principal+";", "; "+principal+";") && len(agent.Influence.Principal) < 2000 {
		agent.Influence.Principal = strings.TrimPrefix(agent.Influence.Principal+"; "+principal, "; ")
	}
	e, err := b.registered(number+"/principal/"+shortHash(principal), line)
	if err != nil {
		return err
	}
	b.name(e, screening.Name{Text: principal, Kind: screening.NamePrimary}, line)
	e.Influence.Tier, e.Influence.Principal = "foreign principal", principal
	addTo(&e.Countries, country)
	b.period(e, get("fp registration date"), get("fp termination date"))
	b.remark(e, "Represented by "+get("registrant name")+" (registration "+number+").")
	return nil
}

func (b *builder) faraPerson(get func(string) string, number string, line int) error {
	given, family := get("short form first name"), get("short form last name")
	e, err := b.registered(number+"/person/"+shortHash(given, family), line)
	if err != nil {
		return err
	}
	e.Kind = screening.KindPerson
	n := screening.Name{Text: strings.TrimSpace(given + " " + family), Kind: screening.NamePrimary}
	if given != "" {
		n.Parts = []screening.Part{{Role: screening.RoleGiven, Text: given}, {Role: screening.RoleFamily, Text: family}}
	}
	b.name(e, n, line)
	e.Influence.Tier, e.Influence.Principal = "short form", "through "+get("registrant name")
	b.period(e, get("short form date"), get("short form termination date"))
	return nil
}
