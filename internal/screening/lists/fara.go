package lists

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/xml"
	"io"
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
	var text io.Reader = in
	if head, _ := in.Peek(200); !bytes.Contains(head, []byte("encoding=")) {
		text = newLatin(in)
	}
	return eachElement(text, func(e *element) error {
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
		return b.fara(faraRow(values), e.line)
	})
}

// readFARACSV reads the same as CSV, which the register publishes with every field between
// quotes and those within a field left as they are.
func readFARACSV(b *builder, in *bufio.Reader) error {
	if first, _ := in.Peek(1); string(first) != `"` {
		return b.faraPlain(newTable(newLatin(in), ',', 0))
	}
	t := newQuotedTable(newLatin(in))
	if err := t.readHeader(); err != nil {
		return err
	}
	b.columns = t.header
	values := make(faraRow, len(t.header))
	for {
		row, err := t.next()
		if row == nil || err != nil {
			return err
		}
		if len(row) != len(t.header) {
			b.lost(t.line, "the row has %d fields, the header %d: a quote within one of them is not marked as such; the row is left out", len(row), len(t.header))
			continue
		}
		for i, h := range t.header {
			values[heading(h)] = tidy(row[i])
		}
		if err := b.fara(values, t.line); err != nil {
			return err
		}
	}
}

// faraPlain reads CSV as RFC 4180 has it, as a spreadsheet saves it.
func (b *builder) faraPlain(t *table) error {
	if err := t.readHeader(); err != nil {
		return err
	}
	b.columns = t.header
	values := make(faraRow, len(t.header))
	return eachRow(t, func() error {
		for i, h := range t.header {
			values[heading(h)] = tidy(t.row[i])
		}
		return b.fara(values, t.line)
	})
}

// faraRow is a row by its headings.
type faraRow map[string]string

// faraOther are what the CSV files, and for short forms the register's interface, call
// the fields of the XML files.
var faraOther = map[string]string{
	"fp registration date": "foreign principal registration date", "fp termination date": "foreign principal termination date",
	"country location represented": "country/location represented", "short form last name": "sf last name", "short form first name": "sf first name",
	"short form date": "shortform date", "short form termination date": "sf termination date",
}

func (r faraRow) get(name string) string { return cmp.Or(r[name], r[faraOther[name]]) }

const faraRegister = "FARA"

func (b *builder) fara(r faraRow, line int) error {
	get := r.get
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
	b.period(e, from, until, false)
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

const faraEnded = "registration ended "

// period says since when, and whether it has ended. The files write month/day/year. Who
// is registered twice is registered as long as one of the two has not ended.
func (b *builder) period(e *screening.Entity, from, until string, again bool) {
	if from != "" {
		e.Updated = later(e.Updated, isoDate(from, MonthFirst))
	}
	if until == "" {
		e.Program = ""
		return
	}
	day := isoDate(until, MonthFirst)
	e.Updated = later(e.Updated, day)
	if !again || strings.HasPrefix(e.Program, faraEnded) {
		e.Program = max(e.Program, faraEnded+day)
	}
}

// again tells whether the register has had the entry before.
func (b *builder) again(id string) bool { _, ok := b.byID[id]; return ok }

// faraPrincipal makes an entry of the principal, and names it with the one who acts for it.
func (b *builder) faraPrincipal(get func(string) string, number string, line int) error {
	principal, country := get("foreign principal"), get("country location represented")
	agent, err := b.registered(number, line)
	if err != nil {
		return err
	}
	b.name(agent, screening.Name{Text: get("registrant name"), Kind: screening.NamePrimary}, line)
	if !strings.Contains("; "+agent.Influence.Principal+";", "; "+principal+";") && len(agent.Influence.Principal) < 2000 {
		agent.Influence.Principal = strings.TrimPrefix(agent.Influence.Principal+"; "+principal, "; ")
	}
	id := number + "/principal/" + shortHash(principal)
	again := b.again(id)
	e, err := b.registered(id, line)
	if err != nil {
		return err
	}
	b.name(e, screening.Name{Text: principal, Kind: screening.NamePrimary}, line)
	e.Influence.Tier, e.Influence.Principal = "foreign principal", principal
	addTo(&e.Countries, country)
	b.period(e, get("fp registration date"), get("fp termination date"), again)
	b.remark(e, "Represented by "+get("registrant name")+" (registration "+number+").")
	return nil
}

func (b *builder) faraPerson(get func(string) string, number string, line int) error {
	given, family := get("short form first name"), get("short form last name")
	id := number + "/person/" + shortHash(given, family)
	again := b.again(id)
	e, err := b.registered(id, line)
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
	b.period(e, get("short form date"), get("short form termination date"), again)
	return nil
}
