package lists

import (
	"bufio"
	"cmp"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// ukColumns are those that the reader rests on. The Individual-Entity-Ship column has had
// two names.
var ukColumns = []string{"Unique ID", "Name 6", "Name 1", "Name 2", "Name 3", "Name 4", "Name 5", "Name type", "Alias strength", "Name non-latin script",
	"Regime Name", "Designation Type|Individual, Entity, Ship|Group Type", "Sanctions Imposed", "D.O.B", "Nationality(/ies)", "Address Country",
	"Passport number", "National Identifier number", "Business registration number (s)", "IMO number", "Country of birth", "Gender"}

// readUKCSV reads the UK Sanctions List: a line with the report's date, a header, and
// rows that belong together by Unique ID, one per name and birth date and address.
func readUKCSV(b *builder, in *bufio.Reader) error {
	before := 0
	for {
		line, err := in.Peek(headSize)
		if err != nil && len(line) == 0 {
			return refuse(before+1, "the header line with the column \"Unique ID\" is missing")
		}
		first, _, _ := strings.Cut(string(line), "\n")
		if strings.Contains(strings.ToLower(first), "unique id") {
			break
		}
		if _, date, ok := strings.Cut(first, "Report Date:"); ok {
			b.published = isoDate(strings.Trim(date, " ,\r"), DayFirst)
		} else if _, date, ok := strings.Cut(first, "Last updated"); ok && b.published == "" {
			b.published = isoDate(strings.Trim(date, " ,:\r"), DayFirst)
		}
		if _, err := in.Discard(min(len(first)+1, len(line))); err != nil {
			return err
		}
		if before++; before > 5 {
			return refuse(before, "the header line with the column \"Unique ID\" is missing")
		}
	}
	t := newTable(in, ',', before)
	if err := t.readHeader(); err != nil {
		return err
	}
	b.columns = t.header
	if err := t.require(ukColumns...); err != nil {
		return err
	}
	return eachRow(t, func() error { return b.ukRow(t) })
}

// eachRow calls fn for every row.
func eachRow(t *table, fn func() error) error {
	for {
		ok, err := t.next()
		if !ok || err != nil {
			return err
		}
		if err := fn(); err != nil {
			return err
		}
	}
}

func (b *builder) ukRow(t *table) error {
	id := t.get("unique id")
	group := t.get("ofsi group id")
	switch {
	case id == "" && group == "":
		b.lost(t.line, "the row has neither Unique ID nor OFSI Group ID and is left out")
		return nil
	case id == "":
		id = "OFSI-" + group
		b.note(nil, t.line, "the row has no Unique ID; its OFSI Group ID %s stands in for it", group)
	}
	e, err := b.entity(id, t.line)
	if err != nil {
		return err
	}
	e.Kind = kindOf(t.get("designation type", "individual, entity, ship", "group type"))
	b.ukName(e, ukName{
		given:  [5]string{t.get("name 1"), t.get("name 2"), t.get("name 3"), t.get("name 4"), t.get("name 5")},
		family: t.get("name 6"), kind: t.get("name type"), strength: t.get("alias strength"), title: t.get("title"),
	}, t.line)
	b.name(e, screening.Name{Text: t.get("name non-latin script"), Kind: screening.NameOriginalScript, Script: isoScript(t.get("non-latin script type"))}, t.line)
	b.birth(e, t.get("d.o.b"), DayFirst, t.line)
	addTo(&e.Nationalities, cells(t.get("nationality(/ies)"), ';')...)
	addTo(&e.Countries, t.get("address country"), t.get("country of birth"), t.get("current believed flag of ship"))
	e.Gender = cmp.Or(genderOf(t.get("gender")), e.Gender)
	b.identifier(e, "passport", t.get("passport number"), "")
	b.identifier(e, "national id", t.get("national identifier number"), "")
	b.identifier(e, "registration", t.get("business registration number (s)"), "")
	b.identifier(e, "imo", t.get("imo number"), "")
	b.identifier(e, "un reference", t.get("un reference number"), "")
	b.imposed(e, t.get("sanctions imposed"))
	b.program(e, t.get("regime name"))
	b.remark(e, t.get("uk statement of reasons"))
	b.remark(e, t.get("other information"))
	e.Updated = later(e.Updated, isoDate(t.get("last updated", "date designated"), DayFirst))
	return nil
}

// later is the later of two dates in ISO form.
func later(a, b string) string { return max(a, b) }

// ukName is a name in the parts that the list keeps.
type ukName struct {
	given                         [5]string
	family, kind, strength, title string
}

func (b *builder) ukName(e *screening.Entity, n ukName, line int) {
	var words []string
	var parts []screening.Part
	for _, g := range n.given {
		if g = tidy(g); g != "" {
			words, parts = append(words, g), append(parts, screening.Part{Role: screening.RoleGiven, Text: g})
		}
	}
	if f := tidy(n.family); f != "" {
		words, parts = append(words, f), append(parts, screening.Part{Role: screening.RoleFamily, Text: f})
	}
	if e.Kind != screening.KindPerson {
		parts = nil
	}
	name := screening.Name{Text: strings.Join(words, " "), Kind: aliasKind(n.kind, n.strength), Parts: parts}
	if len(name.Parts) == 1 {
		name.Parts = nil
	}
	b.name(e, name, line)
}

// aliasKind reads the words of UK, UN and EU lists for what a name is.
func aliasKind(kind, strength string) screening.NameKind {
	kind, strength = strings.ToLower(tidy(kind)), strings.ToLower(tidy(strength))
	switch {
	case strings.Contains(strength, "low"), strings.Contains(strength, "weak"), strings.Contains(kind, "weak"), kind == "low":
		return screening.NameWeakAlias
	case kind == "primary name" || kind == "primary":
		return screening.NamePrimary
	case strings.Contains(kind, "f.k.a"), kind == "fka", strings.Contains(kind, "former"):
		return screening.NameFormer
	}
	return screening.NameAlias
}

// isoScript reads the name of a script as its ISO 15924 code.
func isoScript(name string) string {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "arabic":
		return "Arab"
	case "cyrillic":
		return "Cyrl"
	case "chinese simplified", "chinese (simplified)", "simplified chinese":
		return "Hans"
	case "chinese traditional", "chinese (traditional)", "traditional chinese":
		return "Hant"
	case "chinese", "han":
		return "Hani"
	case "hebrew":
		return "Hebr"
	case "greek":
		return "Grek"
	case "hangul", "korean":
		return "Kore"
	case "japanese":
		return "Jpan"
	case "latin":
		return "Latn"
	}
	return ""
}
