package lists

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"io"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// readEUCSV reads the EU's consolidated list as CSV, version 1.1: semicolons, and a row
// for each name, birth date, document and address, with the entry's columns repeated. The
// published file has no column for the strength of an alias: only remarks tell.
func readEUCSV(b *builder, in *bufio.Reader) error {
	t := newTable(in, ';', 0)
	if err := t.readHeader(); err != nil {
		return err
	}
	b.columns = t.header
	if err := t.require("Entity_LogicalId", "NameAlias_WholeName", "Entity_SubjectType|Entity_SubjectType_ClassificationCode", "BirthDate_BirthDate"); err != nil {
		return err
	}
	return eachRow(t, func() error { return b.euRow(t) })
}

func (b *builder) euRow(t *table) error {
	if b.published == "" {
		b.published = isoDate(t.get("filegenerationdate"), DayFirst)
	}
	id := cmp.Or(t.get("entity eu referencenumber"), t.get("entity logicalid"))
	if id == "" {
		b.lost(t.line, "the row has no Entity_LogicalId and is left out")
		return nil
	}
	e, err := b.entity(id, t.line)
	if err != nil {
		return err
	}
	if e.Kind == "" {
		e.Kind = kindOf(t.get("entity subjecttype classificationcode", "entity subjecttype"))
	}
	b.euName(e, euName{
		Whole: t.get("namealias wholename"), First: t.get("namealias firstname"), Middle: t.get("namealias middlename"), Last: t.get("namealias lastname"),
		Strong: t.get("namealias strong"), Gender: t.get("namealias gender"), Role: t.get("namealias function"), Remarks: []string{t.get("namealias remark")},
	}, len(e.Names) == 0, t.line)
	b.euBirth(e, euBirth{
		Date: t.get("birthdate birthdate"), Day: t.get("birthdate day"), Month: t.get("birthdate month"), Year: t.get("birthdate year"),
		From: t.get("birthdate yearrangefrom"), To: t.get("birthdate yearrangeto"), Circa: t.get("birthdate circa"), Where: t.get("birthdate countrydescription"),
		Calendar: t.get("birthdate calendartype"), Remarks: []string{t.get("birthdate remark")},
	}, t.line)
	addTo(&e.Nationalities, cmp.Or(known(t.get("citizenship countrydescription")), known(t.get("citizenship countryiso2code"))))
	addTo(&e.Countries, known(t.get("address countrydescription", "address country")))
	b.identifiers(e, "un reference", []string{t.get("entity unitednationid")})
	for _, number := range []string{t.get("identification number"), t.get("identification latinnumber")} {
		b.identifier(e, documentKind(t.get("identification typedescription", "identification typecode")), number, known(t.get("identification countrydescription")))
	}
	b.remarks(e, []string{t.get("identification remark"), t.get("address remark"), t.get("citizenship remark")})
	b.program(e, t.get("entity regulation programme", "entity programme"))
	b.remark(e, t.get("entity remark"))
	b.consequence(e, euFreeze)
	e.Updated = later(later(e.Updated, isoDate(t.get("entity designationdate"), DayFirst)), isoDate(t.get("entity regulation publicationdate"), DayFirst))
	return nil
}

// readEUJournal reads an extract of the Official Journal: several CSV parts one after
// the other, each with its header, behind text that says what the columns mean. A header
// within that text is followed by the fence that ends it.
func readEUJournal(b *builder, in *bufio.Reader) error {
	before := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil && line == "" {
			return refuse(before, "no header line (celex,recordId,… or amendedCelex,…) is followed by data")
		}
		before++
		if !journalHeader(line) {
			continue
		}
		next, _ := in.Peek(3)
		if string(next) == "```" {
			continue
		}
		return b.journal(newTable(in, ',', before), line)
	}
}

func journalHeader(line string) bool {
	return strings.HasPrefix(line, "celex,recordId,") || strings.HasPrefix(line, "amendedCelex,")
}

// journal reads the parts. The rows of two layouts have different lengths.
func (b *builder) journal(t *table, header string) error {
	first, err := csv.NewReader(strings.NewReader(header)).Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return refuse(t.before, "the header is broken: %v", err)
	}
	t.setHeader(first)
	for {
		ok, err := t.read()
		if !ok || err != nil {
			return err
		}
		switch {
		case t.row[0] == "celex" || t.row[0] == "amendedCelex":
			t.setHeader(t.row)
			if err := t.require("programKey", "measure", "schema", "name", "alias", "birthDate", "nationality"); err != nil {
				return err
			}
			if len(b.columns) < len(t.header) {
				b.columns = t.header
			}
			continue
		case len(t.row) != len(t.header):
			return refuse(t.line, "the row has %d fields, the header %d: a quote or separator is broken here, or the file ends here", len(t.row), len(t.header))
		}
		if err := b.journalRow(t); err != nil {
			return err
		}
	}
}

func (b *builder) journalRow(t *table) error {
	act := t.get("amendedcelex", "celex")
	id := act + "/" + strings.ReplaceAll(t.get("annex"), " ", "") + "/" + t.get("recordid")
	name := t.get("name")
	if t.get("recordid") == "" {
		id += shortHash(name, t.get("schema"), t.get("birthdate"))
	} else if old, ok := b.byID[id]; ok && len(old.Names) > 0 && old.Names[0].Text != tidy(name) {
		id += "-" + shortHash(name, t.get("schema")) // the annex uses one number twice
	}
	e, err := b.entity(id, t.line)
	if err != nil {
		return err
	}
	e.Kind = kindOf(t.get("schema"))
	b.name(e, screening.Name{Text: name, Kind: screening.NamePrimary}, t.line)
	b.journalNames(e, t)
	for _, text := range cells(t.get("birthdate"), ';') {
		b.birth(e, text, DayFirst, t.line)
	}
	addTo(&e.Nationalities, cells(t.get("nationality"), ';')...)
	for _, c := range []string{"country", "jurisdiction", "flag"} {
		addTo(&e.Countries, cells(t.get(c), ';')...)
	}
	e.Gender = genderOf(t.get("gender"))
	for _, i := range [][2]string{{"passportnumber", "passport"}, {"idnumber", "national id"}, {"registrationnumber", "registration"}, {"taxnumber", "tax number"}, {"inncode", "inn"},
		{"ogrncode", "ogrn"}, {"leicode", "lei"}, {"swiftbic", "swift"}, {"imonumber", "imo"}, {"mmsi", "mmsi"}} {
		b.identifiers(e, i[1], cells(t.get(i[0]), ';'))
	}
	b.imposed(e, t.get("measure"))
	b.program(e, t.get("programkey"))
	b.remark(e, t.get("reason"))
	e.Updated = later(e.Updated, isoDate(t.get("startdate"), DayFirst))
	return nil
}

func (b *builder) journalNames(e *screening.Entity, t *table) {
	for _, c := range []struct {
		column string
		kind   screening.NameKind
	}{{"alias", screening.NameAlias}, {"weakalias", screening.NameWeakAlias}, {"previousname", screening.NameFormer}} {
		for _, text := range cells(t.get(c.column), ';') {
			text, dates := withoutLabels(text)
			b.name(e, screening.Name{Text: text, Kind: c.kind}, t.line)
			if found, err := ParseDates(dates, DayFirst); err == nil {
				for _, d := range found {
					b.born(e, d)
				}
			}
		}
	}
}

// withoutLabels cuts the prose off that annexes print behind an alias: "Name. Date of
// birth: 11.4.1963. Place of birth: …".
func withoutLabels(alias string) (name, born string) {
	for _, label := range []string{". Date of birth", " Date of birth:", ". Place of birth", ". Nationality", ". Passport"} {
		before, after, ok := strings.Cut(alias, label)
		if !ok {
			continue
		}
		if strings.Contains(label, "Date") {
			born, _, _ = strings.Cut(strings.TrimLeft(after, ": "), ". ")
		}
		alias = before
	}
	return alias, born
}
