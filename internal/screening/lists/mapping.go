package lists

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"portcullis.example/portcullis/internal/screening"
)

// Mapping says which column of a CSV file is what. Headings are compared without regard
// to case; several columns may hold the same.
//
//	separator = ";"
//	dates = "dmy"
//	kind = "person"             # of every row, where no column says
//
//	[columns]
//	id = ["Number"]
//	name = ["Name"]             # or given and family
//	alias = ["Also known as"]
//
//	[influence]                 # the file is a register of influence, not a list of designations
//	register = "FIRS"
//
//	[consequence]               # what follows for every row
//	measure = "asset freeze"
type Mapping struct {
	Separator string              `toml:"separator"`
	Within    string              `toml:"within"` // what parts several values of one cell; ";" by default
	Dates     DateOrder           `toml:"dates"`
	Kind      string              `toml:"kind"`
	Columns   map[string][]string `toml:"columns"`
	Influence struct {
		Register string `toml:"register"`
		Tier     string `toml:"tier"`
	} `toml:"influence"`
	Consequence struct {
		Measure string `toml:"measure"`
		Detail  string `toml:"detail"`
	} `toml:"consequence"`
}

// columnNames are what a mapping may name, each with headings that go without saying.
var columnNames = map[string][]string{
	"id":           {"id", "number", "registration number", "registration id", "reference", "unique id", "entry id"},
	"name":         {"name", "full name", "registrant", "registrant name", "name of registrant", "entity name", "organisation", "organisation name"},
	"given":        {"given name", "given names", "first name", "forename", "forenames"},
	"middle":       {"middle name", "middle names"},
	"family":       {"family name", "last name", "surname"},
	"alias":        {"alias", "aliases", "aka", "also known as", "other names", "trading name", "trading names"},
	"weak":         {"weak alias", "weak aliases", "low quality alias"},
	"former":       {"former name", "former names", "previous name", "previous names"},
	"original":     {"original script", "name original script", "native name", "name non-latin script"},
	"kind":         {"kind", "type", "entity type", "schema", "registrant type"},
	"born":         {"born", "birth date", "date of birth", "dob", "birthdate", "d.o.b"},
	"nationality":  {"nationality", "nationalities", "citizenship"},
	"country":      {"country", "countries", "address country"},
	"gender":       {"gender", "sex"},
	"passport":     {"passport", "passport number"},
	"national_id":  {"national id", "national identifier"},
	"registration": {"company number", "business registration number"},
	"imo":          {"imo", "imo number"},
	"measure":      {"measure", "measures", "sanctions", "sanctions imposed", "consequence"},
	"program":      {"program", "programme", "regime", "regime name"},
	"remarks":      {"remarks", "reason", "reasons", "notes", "description", "activity", "activities"},
	"updated":      {"updated", "last updated", "date", "registration date", "start date"},
	"until":        {"end date", "termination date", "ceased"},
	"tier":         {"tier", "registration tier", "scheme tier"},
	"principal":    {"principal", "foreign principal", "foreign power", "foreign power name", "on behalf of", "specified person"},
}

// registerColumns are headings of the two registers of influence that would mean something else
// elsewhere. FITS exports a workbook that has the columns Name and Type twice: of the registrant,
// and further right of the one it acts for and of the activity.
var registerColumns = map[Format]map[string][]string{
	FITS: {"alias": {"known as", "trading name", "other names"}, "principal": {"name 2", "foreign principal"}, "registration": {"abn"},
		"remarks": {"type 3", "activity type"}, "updated": {"last updated"}, "until": {"end date", "cease date"}},
	FIRS: {"former": {"previous names"}, "country": {"country or territory of incorporation or main office"}, "registration": {"company registration number"},
		"principal": {"name of foreign power"}, "remarks": {"activity overview", "activity"}},
}

// maxMapping bounds a mapping file.
const maxMapping = 64 << 10

// ReadMapping reads a mapping in TOML. An unknown key is an error with its line.
func ReadMapping(in io.Reader) (*Mapping, error) {
	raw, err := io.ReadAll(io.LimitReader(in, maxMapping+1))
	if err != nil {
		return nil, fmt.Errorf("read mapping: %w", err)
	}
	if len(raw) > maxMapping {
		return nil, fmt.Errorf("a mapping of more than %d bytes is none", maxMapping)
	}
	var m Mapping
	err = toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields().Decode(&m)
	var strict *toml.StrictMissingError
	var syntax *toml.DecodeError
	switch {
	case errors.As(err, &strict):
		line, _ := strict.Errors[0].Position()
		return nil, fmt.Errorf("line %d: unknown key %q; docs/LISTS.md shows what a mapping holds", line, strings.Join(strict.Errors[0].Key(), "."))
	case errors.As(err, &syntax):
		line, column := syntax.Position()
		return nil, fmt.Errorf("line %d, character %d: %w", line, column, err)
	case err != nil:
		return nil, err
	}
	return &m, m.validate()
}

func (m *Mapping) validate() error {
	var errs []error
	for name := range m.Columns {
		if _, ok := columnNames[name]; !ok {
			errs = append(errs, fmt.Errorf("columns.%s is nothing that is kept; docs/LISTS.md lists what is", name))
		}
	}
	if m.Dates != "" && m.Dates != DayFirst && m.Dates != MonthFirst {
		errs = append(errs, fmt.Errorf("dates is %q; want %s or %s", m.Dates, DayFirst, MonthFirst))
	}
	if len(m.Separator) > 1 || len(m.Within) > 1 || strings.ContainsAny(m.Separator+m.Within, "\"\r\n") || m.Separator >= "\x80" || m.Within >= "\x80" {
		errs = append(errs, errors.New("separator and within are one character each, and no quote"))
	}
	if m.Kind != "" && kindOf(m.Kind) == "" {
		errs = append(errs, fmt.Errorf("kind is %q; want person, organisation, vessel or aircraft", m.Kind))
	}
	if m.Consequence.Measure != "" && m.Influence.Register != "" {
		errs = append(errs, errors.New("a file is a list of designations (consequence) or a register of influence (influence), never both"))
	}
	return errors.Join(errs...)
}

// readMapped reads CSV by a mapping, or by the usual headings.
func readMapped(b *builder, in *bufio.Reader) error {
	m := Mapping{}
	if b.o.Mapping != nil {
		m = *b.o.Mapping
	}
	head, _ := in.Peek(headSize)
	first, _, _ := bytes.Cut(head, []byte("\n"))
	comma := separator(first)
	if m.Separator != "" {
		comma = rune(m.Separator[0])
	}
	t := newTable(in, comma, 0)
	if err := t.readHeader(); err != nil {
		return err
	}
	b.columns = t.header
	r := &mappedReader{b: b, t: t, m: m, within: cmp.Or(m.Within, ";")[0], columns: map[string][]int{}}
	if err := r.resolve(); err != nil {
		return err
	}
	return eachRow(t, r.row)
}

type mappedReader struct {
	b       *builder
	t       *table
	m       Mapping
	within  byte
	columns map[string][]int
}

// resolve finds the columns. One that the mapping names must be there.
func (r *mappedReader) resolve() error {
	for name, usual := range columnNames {
		for _, h := range r.m.Columns[name] {
			i, ok := r.t.index[heading(h)]
			if !ok {
				return refuse(r.t.line, "the header lacks the column %q that the mapping names for %s", h, name)
			}
			r.columns[name] = append(r.columns[name], i)
		}
		if r.m.Columns != nil && len(r.m.Columns[name]) == 0 && r.b.o.Format == CSV {
			continue // a mapping says all
		}
		for _, h := range append(registerColumns[r.b.o.Format][name], usual...) {
			if i, ok := r.t.index[h]; ok && len(r.columns[name]) == 0 {
				r.columns[name] = append(r.columns[name], i)
			}
		}
	}
	if len(r.columns["name"]) == 0 && len(r.columns["family"]) == 0 {
		return refuse(r.t.line, "no column holds a name; a mapping (--map) says which does. The header is: %s", shorten(strings.Join(r.t.header, ", ")))
	}
	return nil
}

// all are the values of a column that may hold several.
func (r *mappedReader) all(name string) (values []string) {
	for _, i := range r.columns[name] {
		values = append(values, cells(r.t.row[i], r.within)...)
	}
	return values
}

// one is the value of a column that holds one.
func (r *mappedReader) one(name string) string {
	for _, i := range r.columns[name] {
		if v := tidy(r.t.row[i]); v != "" {
			return v
		}
	}
	return ""
}

func (r *mappedReader) row() error {
	b, line := r.b, r.t.line
	given, family, name := tidy(r.one("given")+" "+r.one("middle")), r.one("family"), r.one("name")
	id := r.one("id")
	if id == "" {
		principal := r.one("principal")
		if r.register() != "" {
			principal = r.one("registration") // one registrant acts for several, a row for each
		}
		id = "row-" + shortHash(name, given, family, r.one("born"), principal)
	}
	e, err := b.entity(id, line)
	if err != nil {
		return err
	}
	e.Kind = kindOf(cmp.Or(r.one("kind"), r.m.Kind))
	n := screening.Name{Text: name, Kind: screening.NamePrimary}
	if name == "" {
		n.Text = given + " " + family
	}
	if given != "" && family != "" {
		n.Parts = []screening.Part{{Role: screening.RoleGiven, Text: given}, {Role: screening.RoleFamily, Text: family}}
	}
	b.name(e, n, line)
	r.names(e)
	order := cmp.Or(r.m.Dates, DayFirst)
	for _, text := range r.all("born") {
		b.birth(e, text, order, line)
	}
	addTo(&e.Nationalities, r.all("nationality")...)
	addTo(&e.Countries, r.all("country")...)
	e.Gender = genderOf(r.one("gender"))
	for _, kind := range []string{"passport", "national_id", "registration", "imo"} {
		b.identifiers(e, strings.ReplaceAll(kind, "_", " "), r.all(kind))
	}
	b.program(e, r.one("program"))
	b.remark(e, r.one("remarks"))
	e.Updated = later(e.Updated, listDay(r.one("updated"), order))
	if until := r.one("until"); until != "" {
		text := "ended " + listDay(until, order)
		if p := r.one("principal"); p != "" { // others may go on
			text += ": " + p
		}
		b.program(e, text)
	}
	r.follows(e)
	return nil
}

func (r *mappedReader) names(e *screening.Entity) {
	for _, c := range []struct {
		column string
		kind   screening.NameKind
	}{{"alias", screening.NameAlias}, {"weak", screening.NameWeakAlias}, {"former", screening.NameFormer}, {"original", screening.NameOriginalScript}} {
		for _, text := range r.all(c.column) {
			r.b.name(e, screening.Name{Text: text, Kind: c.kind}, r.t.line)
		}
	}
}

// register is of which register of influence the file is, if of any.
func (r *mappedReader) register() string {
	if r.m.Influence.Register == "" && (r.b.o.Format == FIRS || r.b.o.Format == FITS) {
		return strings.ToUpper(string(r.b.o.Format))
	}
	return r.m.Influence.Register
}

// follows says what an entry means: registered influence, or measures.
func (r *mappedReader) follows(e *screening.Entity) {
	if register := r.register(); register != "" {
		if e.Influence == nil {
			e.Influence = &screening.Influence{Register: register}
		}
		joined(&e.Influence.Tier, cmp.Or(r.one("tier"), r.m.Influence.Tier))
		for _, p := range r.all("principal") {
			joined(&e.Influence.Principal, p)
		}
		return
	}
	for _, text := range r.all("measure") {
		r.b.imposed(e, text)
	}
	if m := r.m.Consequence; m.Measure != "" {
		r.b.consequence(e, screening.Consequence{Measure: measureOf(m.Measure), Detail: cmp.Or(m.Detail, m.Measure)})
	}
}

// maxJoined bounds what several rows of one registrant may add up to.
const maxJoined = 4000

// joined adds what a further row of the same registrant says.
func joined(all *string, text string) {
	switch {
	case text == "" || slices.Contains(strings.Split(*all, "; "), text) || len(*all)+len(text) > maxJoined:
	case *all == "":
		*all = text
	default:
		*all += "; " + text
	}
}

// listDay reads a date, which a spreadsheet may have saved as the number of days since
// the end of 1899.
func listDay(text string, order DateOrder) string {
	whole, _, _ := strings.Cut(strings.TrimSpace(text), ".") // what follows is the time of day
	if n, err := strconv.Atoi(whole); err == nil && n > 20_000 && n < 80_000 {
		return time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n).Format(time.DateOnly)
	}
	return isoDate(text, order)
}
