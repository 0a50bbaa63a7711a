package lists

import (
	"bufio"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// readOFACCSV reads the files of OFAC's list that make it up, in any order: sdn.csv (12 fields), alt.csv
// (5 fields, names), add.csv (6 fields, addresses) and sdn_comments.csv (2 fields), joined by their first field.
// They have no header, write -0- for nothing, and end with a control-Z. The consolidated list of those who
// are no specially designated nationals has the same shape (cons_prim.csv and so on).
func readOFACCSV(b *builder, in *bufio.Reader) error {
	t := newTable(in, ',', 0)
	want := 0
	for {
		ok, err := t.next()
		if !ok || err != nil {
			return err
		}
		if want == 0 {
			want = len(t.row)
		}
		if len(t.row) != want {
			return refuse(t.line, "the row has %d fields where others have %d: a quote or separator is broken here, or the file ends here", len(t.row), want)
		}
		for i, f := range t.row {
			if i == want-1 && (want == 2 || len(f) >= maxOFACRemark) {
				continue // cut in the middle: the space at its edge belongs to it
			}
			if f = strings.TrimSpace(f); f == "-0-" {
				f = ""
			}
			t.row[i] = f
		}
		if t.row[0] == "" || strings.Trim(t.row[0], "0123456789") != "" {
			return refuse(t.line, "the row begins with %q, not with the number of an entry", shorten(t.row[0]))
		}
		if err := b.ofacRow(t); err != nil {
			return err
		}
	}
}

func (b *builder) ofacRow(t *table) error {
	e, err := b.entity(t.row[0], t.line)
	if err != nil {
		return err
	}
	switch len(t.row) {
	case 12:
		b.ofacEntry(e, t)
	case 5:
		kind := screening.NameAlias
		if strings.EqualFold(t.row[2], "fka") {
			kind = screening.NameFormer
		}
		b.ofacName(e, t.row[3], kind, t.line)
		b.ofacRemarks(e, t.row[4], t.line)
	case 6:
		addTo(&e.Countries, t.row[4])
	case 2:
		b.ofacComment(e, t.row[1], t.line)
	}
	return nil
}

func (b *builder) ofacEntry(e *screening.Entity, t *table) {
	r := t.row
	e.Kind = screening.KindOrganisation
	switch strings.ToLower(r[2]) {
	case "individual":
		e.Kind = screening.KindPerson
	case "vessel":
		e.Kind = screening.KindVessel
	case "aircraft":
		e.Kind = screening.KindAircraft
	}
	aliases := e.Names // alt.csv was read first
	e.Names = nil
	b.ofacName(e, r[1], screening.NamePrimary, t.line)
	for _, n := range aliases {
		b.ofacName(e, n.Text, n.Kind, t.line)
	}
	for program := range strings.SplitSeq(r[3], "] [") {
		b.program(e, strings.Trim(program, "[] "))
	}
	b.remark(e, r[4]) // title
	if r[5] != "" {
		b.identifier(e, "call sign", r[5], "")
	}
	addTo(&e.Countries, r[9]) // flag
	b.consequence(e, b.ofacMeans())
	b.ofacRemark(e, r[11], t.line)
}

// ofacMeans is what being on the list means: its rows do not say which of the two lists
// they are of, only its name does.
func (b *builder) ofacMeans() screening.Consequence {
	if strings.Contains(strings.ToLower(b.fileName), "prim.") {
		return ofacOther
	}
	return ofacBlock
}

// ofacBlock is what being on the list of specially designated nationals means.
var ofacBlock = screening.Consequence{Measure: screening.AssetFreeze, Detail: "property is blocked: the list is that of specially designated nationals"}

// ofacOther is what being on the other list means, which is of several kinds.
var ofacOther = screening.Consequence{Measure: screening.MeasureOther, Detail: "the list is the consolidated one of those who are not specially designated nationals; the programme says what is restricted"}

// ofacName parts "FAMILY, Given" of people.
func (b *builder) ofacName(e *screening.Entity, text string, kind screening.NameKind, line int) {
	n := screening.Name{Text: text, Kind: kind}
	family, given, ok := strings.Cut(text, ",")
	if family, given = tidy(family), tidy(given); ok && family != "" && given != "" && e.Kind == screening.KindPerson && !strings.Contains(given, ",") {
		n.Text = given + " " + family
		n.Parts = []screening.Part{{Role: screening.RoleGiven, Text: given}, {Role: screening.RoleFamily, Text: family}}
	}
	b.name(e, n, line)
}

// ofacRemarks reads what the list keeps in one field: "DOB 14 Oct 1962; POB …;
// nationality Mexico; Passport 123 (Mexico); a.k.a. 'DURA, Abu'.".
func (b *builder) ofacRemarks(e *screening.Entity, text string, line int) {
	for item := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(text), "."), ";") {
		item = strings.TrimPrefix(strings.TrimSpace(item), "alt. ")
		key, value, _ := strings.Cut(item, " ")
		switch key {
		case "DOB":
			b.birth(e, value, DayFirst, line)
		case "nationality", "citizen":
			addTo(&e.Nationalities, value)
		case "Gender":
			e.Gender = genderOf(value)
		case "POB":
			addTo(&e.Countries, birthCountry(value))
		case "a.k.a.":
			b.ofacName(e, strings.Trim(value, "' "), screening.NameWeakAlias, line)
		case "f.k.a.":
			b.ofacName(e, strings.Trim(value, "' "), screening.NameFormer, line)
		case "n.k.a.":
			b.ofacName(e, strings.Trim(value, "' "), screening.NameAlias, line)
		default:
			b.ofacIdentifier(e, item)
		}
	}
}

// ofacNumbers are the documents that remarks name, as they begin.
var ofacNumbers = []struct{ begins, kind string }{
	{"Passport ", "passport"}, {"National ID No. ", "national id"}, {"SSN ", "national id"}, {"Cedula No. ", "national id"}, {"C.U.R.P. ", "national id"},
	{"Identification Number ", "national id"}, {"R.F.C. ", "tax number"}, {"NIT # ", "tax number"}, {"RUC # ", "tax number"}, {"Tax ID No. ", "tax number"},
	{"Registration ID ", "registration"}, {"Registration Number ", "registration"}, {"Company Number ", "registration"}, {"Commercial Registry Number ", "registration"},
	{"SWIFT/BIC ", "swift"}, {"Vessel Registration Identification IMO ", "imo"}, {"Vessel Registration Identification ", "registration"}, {"MMSI ", "mmsi"},
	{"Legal Entity Number ", "lei"}, {"Email Address ", "email"}, {"Digital Currency Address - ", "digital currency address"},
}

func (b *builder) ofacIdentifier(e *screening.Entity, item string) {
	for _, n := range ofacNumbers {
		value, ok := strings.CutPrefix(item, n.begins)
		if !ok {
			continue
		}
		value, country, _ := strings.Cut(value, "(")
		country, _, _ = strings.Cut(country, ")")
		b.identifier(e, n.kind, value, country)
		return
	}
}

// birthCountry is the country of "Port Vane, Ozmark". A place without a comma is a country
// only if there is one of that name: a town taken for one would speak against its own people.
func birthCountry(place string) string {
	if i := strings.LastIndexByte(place, ','); i >= 0 {
		return determined(place[i+1:])
	}
	if len(screening.Country(place)) == 2 {
		return determined(place)
	}
	return ""
}
