package lists

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"portcullis.example/portcullis/internal/screening"
)

// readTargets reads OpenSanctions' targets.simple.csv by its header, for columns have come
// and gone. Cells hold several values apart by semicolons.
func readTargets(b *builder, in *bufio.Reader) error {
	t := newTable(in, ',', 0)
	if err := t.readHeader(); err != nil {
		return err
	}
	b.columns = t.header
	if err := t.require("id", "schema", "name", "aliases", "birth_date", "countries", "identifiers", "sanctions"); err != nil {
		return err
	}
	return eachRow(t, func() error { return b.targetRow(t) })
}

func (b *builder) targetRow(t *table) error {
	id := t.get("id")
	if id == "" {
		b.lost(t.line, "the row has no id and is left out")
		return nil
	}
	e, err := b.entity(id, t.line)
	if err != nil {
		return err
	}
	e.Kind = schemaKind(t.get("schema"))
	b.name(e, screening.Name{Text: t.get("name"), Kind: screening.NamePrimary}, t.line)
	for _, alias := range cells(t.get("aliases"), ';') {
		b.name(e, screening.Name{Text: alias, Kind: screening.NameAlias}, t.line)
	}
	for _, date := range cells(t.get("birth date"), ';') {
		b.birth(e, date, DayFirst, t.line)
	}
	addTo(&e.Countries, cells(t.get("countries"), ';')...)
	for _, number := range cells(t.get("identifiers"), ';') {
		if imo, ok := strings.CutPrefix(number, "IMO"); ok && imo != "" && strings.Trim(imo, " 0123456789") == "" {
			b.identifier(e, "imo", imo, "")
			continue
		}
		b.identifier(e, "", number, "") // the file does not say of what kind
	}
	for _, sanction := range cells(t.get("sanctions"), ';') {
		b.targetSanction(e, sanction)
	}
	for _, program := range cells(t.get("program ids", "dataset"), ';') {
		b.program(e, program)
	}
	e.Updated = isoDate(t.get("last change", "last seen"), DayFirst)
	return nil
}

// targetSanction reads "programme - reason - status - 2022-03-01". A reason is prose, which
// names no measure even where it has the word: only short pieces are read for one. A cell
// may hold nothing but a date.
func (b *builder) targetSanction(e *screening.Entity, text string) {
	measure, said := screening.MeasureOther, false
	for piece := range strings.SplitSeq(text, " - ") {
		if piece = tidy(piece); piece == "" || isDay(piece) {
			continue
		}
		said = true
		if m := measureOf(piece); m != screening.MeasureOther && measure == screening.MeasureOther && len(piece) <= maxMeasureText {
			measure = m
		}
	}
	if said {
		b.consequence(e, screening.Consequence{Measure: measure, Detail: cut(tidy(text), maxDetail)})
	}
}

const (
	maxMeasureText = 60  // longer is prose
	maxDetail      = 300 // of what an answer says of a measure
)

// schemaKind reads a schema of FollowTheMoney.
func schemaKind(schema string) screening.Kind {
	switch strings.ToLower(schema) {
	case "person":
		return screening.KindPerson
	case "organization", "company", "publicbody":
		return screening.KindOrganisation
	case "vessel":
		return screening.KindVessel
	case "airplane":
		return screening.KindAircraft
	}
	return screening.KindUnknown // LegalEntity among them: a person or an organisation
}

// ftmSchemas are those of which entries are made.
var ftmSchemas = []string{"Person", "LegalEntity", "Organization", "Company", "PublicBody", "Vessel", "Airplane"}

// ftmEntity is one line of OpenSanctions' entities.ftm.json or targets.nested.json.
type ftmEntity struct {
	ID         string                       `json:"id"`
	Caption    string                       `json:"caption"`
	Schema     string                       `json:"schema"`
	Properties map[string][]json.RawMessage `json:"properties"`
	Datasets   []string                     `json:"datasets"`
	Target     *bool                        `json:"target"` // false: somebody an entry is linked to
	LastChange string                       `json:"last_change"`
	LastSeen   string                       `json:"last_seen"`
}

// linked tells whether the object is only there for what it has to do with an entry.
func (e ftmEntity) linked() bool {
	return e.Target != nil && !*e.Target && len(e.Properties["topics"]) == 0
}

// maxLine bounds one line of JSON.
const maxLine = 16 << 20

// readFtM reads FollowTheMoney entities, one JSON object a line. Sanctions stand within
// their entity (nested) or on lines of their own that point to it.
func readFtM(b *builder, in *bufio.Reader) error {
	var sanctions, documents []ftmEntity
	left := 0
	for line := 1; ; line++ {
		raw, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 {
			var e ftmEntity
			if err := json.Unmarshal(trimmed, &e); err != nil || !utf8.Valid(trimmed) {
				return refuse(line, "it is not one JSON object in UTF-8 (%v): the line is broken, or the file was cut off here", err)
			}
			switch {
			case e.Schema == "Sanction":
				sanctions = append(sanctions, e)
			case e.Schema == "Passport" || e.Schema == "Identification":
				documents = append(documents, e)
			case slices.Contains(ftmSchemas, e.Schema) && e.linked():
				left++
			case slices.Contains(ftmSchemas, e.Schema):
				if err := b.ftm(e, line); err != nil {
					return err
				}
			}
		}
		if err != nil {
			break
		}
	}
	for _, s := range sanctions {
		for _, id := range s.texts("entity") {
			if e := b.byID[id]; e != nil {
				b.ftmSanction(e, s)
			}
		}
	}
	for _, d := range documents {
		for _, id := range d.texts("holder") {
			if e := b.byID[id]; e != nil {
				b.ftmDocument(e, d)
			}
		}
	}
	if left > 0 {
		b.note(nil, 0, "%d objects are no targets but only linked to some (owners, relatives) and are left out", left)
	}
	return nil
}

// ftmDocument adds the number of an identity document that is an object of its own.
func (b *builder) ftmDocument(e *screening.Entity, d ftmEntity) {
	kind := "passport"
	if d.Schema != "Passport" {
		kind = documentKind(strings.Join(d.texts("type"), " "))
	}
	for _, number := range d.texts("number") {
		b.identifier(e, kind, number, strings.Join(d.texts("country"), ", "))
	}
}

func readLine(in *bufio.Reader) (line []byte, err error) {
	for {
		piece, err := in.ReadSlice('\n')
		line = append(line, piece...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
		if len(line) > maxLine {
			return nil, refuse(0, "a line is longer than %d MB", maxLine>>20)
		}
	}
}

// texts are the plain values of a property.
func (e ftmEntity) texts(property string) (list []string) {
	for _, raw := range e.Properties[property] {
		var s string
		if json.Unmarshal(raw, &s) == nil && s != "" {
			list = append(list, s)
		}
	}
	return list
}

// ftmNames are the properties that hold names.
var ftmNames = []struct {
	property string
	kind     screening.NameKind
}{{"name", screening.NamePrimary}, {"alias", screening.NameAlias}, {"previousName", screening.NameFormer}, {"weakAlias", screening.NameWeakAlias}}

// ftmNumbers are the properties that hold identifiers.
var ftmNumbers = []struct{ property, kind string }{{"passportNumber", "passport"}, {"idNumber", "national id"}, {"registrationNumber", "registration"}, {"taxNumber", "tax number"},
	{"innCode", "inn"}, {"ogrnCode", "ogrn"}, {"leiCode", "lei"}, {"swiftBic", "swift"}, {"imoNumber", "imo"}, {"mmsi", "mmsi"}, {"uscCode", "registration"}}

func (b *builder) ftm(f ftmEntity, line int) error {
	if f.ID == "" {
		b.lost(line, "the object has no id and is left out")
		return nil
	}
	e, err := b.entity(f.ID, line)
	if err != nil {
		return err
	}
	e.Kind = schemaKind(f.Schema)
	if f.Caption != "" {
		b.name(e, screening.Name{Text: f.Caption, Kind: screening.NamePrimary}, line)
	}
	for _, n := range ftmNames {
		for _, text := range f.texts(n.property) {
			kind := n.kind
			if kind == screening.NamePrimary && len(e.Names) > 0 {
				kind = screening.NameAlias
			}
			b.name(e, screening.Name{Text: text, Kind: kind}, line)
		}
	}
	for _, date := range f.texts("birthDate") {
		b.birth(e, date, DayFirst, line)
	}
	addTo(&e.Nationalities, f.texts("nationality")...)
	addTo(&e.Nationalities, f.texts("citizenship")...)
	for _, p := range []string{"country", "birthCountry", "jurisdiction", "flag", "mainCountry"} {
		addTo(&e.Countries, f.texts(p)...)
	}
	for _, g := range f.texts("gender") {
		e.Gender = genderOf(g)
	}
	for _, n := range ftmNumbers {
		b.identifiers(e, n.kind, f.texts(n.property))
	}
	for _, text := range f.texts("notes") {
		b.remark(e, text)
	}
	e.Updated = isoDate(f.LastChange, DayFirst)
	b.ftmTopics(e, f)
	for _, raw := range f.Properties["sanctions"] {
		var s ftmEntity
		if json.Unmarshal(raw, &s) == nil {
			s.LastSeen = cmp.Or(s.LastSeen, f.LastSeen)
			b.ftmSanction(e, s)
		}
	}
	return nil
}

// ended is when a sanction was lifted, if it was before the collection was made.
func (e ftmEntity) ended() string {
	seen := cmp.Or(e.LastSeen, e.LastChange)
	last := ""
	for _, day := range e.texts("endDate") {
		last = later(last, day)
	}
	if last == "" || seen == "" || last >= seen {
		return ""
	}
	return last
}

// ftmTopics keeps lobbying apart from sanctions.
func (b *builder) ftmTopics(e *screening.Entity, f ftmEntity) {
	for _, topic := range f.texts("topics") {
		switch topic {
		case "sanction":
			b.consequence(e, screening.Consequence{Measure: screening.MeasureOther, Detail: "listed as sanctioned"})
		case "debarment":
			b.consequence(e, screening.Consequence{Measure: screening.MeasureOther, Detail: "debarred from contracts"})
		case "export.control":
			b.consequence(e, screening.Consequence{Measure: screening.TradeRestriction, Detail: "export control"})
		case "role.lobby":
			e.Influence = &screening.Influence{Register: strings.Join(f.Datasets, ", ")}
		default:
			b.program(e, topic)
		}
	}
}

func (b *builder) ftmSanction(e *screening.Entity, s ftmEntity) {
	provisions := s.texts("provisions")
	if day := s.ended(); day != "" { // it has no consequence any more
		b.program(e, "ended "+day+": "+strings.Join(append(s.texts("authority"), append(s.texts("program"), provisions...)...), ", "))
		return
	}
	for _, text := range provisions {
		b.imposed(e, text)
	}
	for _, p := range []string{"programId", "program"} {
		for _, text := range s.texts(p) {
			b.program(e, text)
		}
	}
	if authority := strings.Join(s.texts("authority"), ", "); authority != "" && len(provisions) == 0 {
		b.consequence(e, screening.Consequence{Measure: screening.MeasureOther, Detail: "sanctioned by " + authority})
	}
	for _, text := range s.texts("reason") {
		b.remark(e, text)
	}
}
