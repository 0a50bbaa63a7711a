package lists_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/screening"
	"portcullis.example/portcullis/internal/screening/lists"
)

// shapes are invented entries in the shape that published files have, with what such
// files do that their documentation does not say.
var shapes = []struct {
	name   string
	files  []string
	format lists.Format
}{
	{"uk xml", []string{"uk.xml"}, lists.Auto}, {"eu xml", []string{"eu.xml"}, lists.Auto}, {"eu csv", []string{"eu.csv"}, lists.Auto},
	{"ofac advanced xml", []string{"ofac.xml"}, lists.Auto}, {"ofac csv", []string{"sdn_comments.csv", "sdn.csv"}, lists.Auto},
	{"opensanctions csv", []string{"targets.csv"}, lists.Auto}, {"opensanctions ftm json", []string{"ftm.json"}, lists.Auto},
	{"fara csv", []string{"fara-registrants.csv", "fara-principals.csv", "fara-shortforms.csv"}, lists.Auto},
	{"fits", []string{"fits.csv"}, lists.FITS}, {"firs", []string{"firs.csv"}, lists.FIRS},
}

func readShape(t testing.TB, format lists.Format, names ...string) *lists.List {
	t.Helper()
	var files []lists.File
	for _, name := range names {
		files = append(files, lists.File{Name: name, Content: bytes.NewReader(read(t, filepath.Join("testdata", "shapes", name)))})
	}
	l, err := lists.Read(t.Context(), files, lists.Options{Format: format})
	if err != nil {
		t.Fatalf("%v: %v", names, err)
	}
	return l
}

// TestShapes compares all of what is read of them.
func TestShapes(t *testing.T) {
	var out bytes.Buffer
	for _, s := range shapes {
		l := readShape(t, s.format, s.files...)
		if l.Files[0].Kind != s.name {
			t.Errorf("%s was taken for %s", s.name, l.Files[0].Kind)
		}
		fmt.Fprintf(&out, "== %s: list %s of %q, lost %d\n", s.name, l.Name, l.Published, l.Lost)
		for _, e := range l.Entities {
			raw, err := json.MarshalIndent(e, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s\n", raw)
		}
		for _, p := range l.Problems {
			fmt.Fprintln(&out, p)
		}
	}
	const golden = "testdata/shapes.golden"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := read(t, golden); !bytes.Equal(out.Bytes(), want) {
		t.Errorf("what is read differs from %s (-update writes it anew):\n%s", golden, out.Bytes())
	}
}

func kinds(e screening.Entity) string {
	var all []string
	for _, n := range e.Names {
		all = append(all, n.Text+" ("+string(n.Kind)+")")
	}
	return strings.Join(all, "; ")
}

func births(e screening.Entity) string {
	var all []string
	for _, d := range e.Births {
		all = append(all, lists.DateText(d))
	}
	return strings.Join(all, ", ")
}

func measures(e screening.Entity) string {
	var all []string
	for _, c := range e.Consequences {
		all = append(all, string(c.Measure))
	}
	return strings.Join(all, ", ")
}

func numbers(e screening.Entity) string {
	var all []string
	for _, i := range e.Identifiers {
		all = append(all, strings.TrimSpace(i.Kind+" "+i.Value+" "+i.Country))
	}
	return strings.Join(all, ", ")
}

// TestShapeDetails says what of the shapes matters most.
func TestShapeDetails(t *testing.T) {
	uk, eu, euCSV, ofac := readShape(t, lists.UK, "uk.xml"), readShape(t, lists.EU, "eu.xml"), readShape(t, lists.EU, "eu.csv"), readShape(t, lists.OFAC, "ofac.xml")
	sdn, targets, ftm := readShape(t, lists.OFAC, "sdn.csv", "sdn_comments.csv"), readShape(t, lists.OpenSanctions, "targets.csv"), readShape(t, lists.OpenSanctions, "ftm.json")
	fara, fits := readShape(t, lists.FARA, "fara-principals.csv"), readShape(t, lists.FITS, "fits.csv")
	for _, c := range []struct{ what, got, want string }{
		{"uk: the primary name first, whatever its case", kinds(uk.Entities[0]), "Radomir Andreyevich KESTRELOV (primary); Radmir KESTRELOV (alias); Rado (weak alias); Radomir KESTRELOFF (alias); Радомир Кестрелов (original script); رادومير كستريلوف (original script)"},
		{"uk: partial dates", births(uk.Entities[0]), "1971, 1972-03-09, 1973"},
		{"uk: measures by bars", measures(uk.Entities[0]), "asset freeze, travel ban, trust services, director disqualification"},
		{"uk: measures by indicators", measures(uk.Entities[1]), "transport sanction, transport sanction"},
		{"uk: no UniqueID", uk.Entities[1].ID, "OFSI-90002"},
		{"eu: strength in a remark and by attribute", kinds(eu.Entities[0]), "Radomir Andreyevich Kestrelov (primary); Rado (weak alias); Радомир Кестрелов (original script); The Falcon (weak alias)"},
		{"eu: other calendars and open ranges are not compared", births(eu.Entities[0]), "1971-03-09, about 1970–1973, 1972-08"},
		{"eu: unknown countries", strings.Join(eu.Entities[0].Nationalities, ","), "OZMARK"},
		{"eu: Latin numbers", numbers(eu.Entities[0]), "passport П1234567, passport P1234567, un reference OZi.001"},
		{"eu csv: names", kinds(euCSV.Entities[0]), "Radomir Andreyevich Kestrelov (primary); Rado (weak alias); Радомир Кестрелов (original script)"},
		{"eu csv: dates", births(euCSV.Entities[0]), "1971-03-09, about 1970–1973"},
		{"eu csv: unknown countries", strings.Join(euCSV.Entities[0].Nationalities, ","), "OZMARK"},
		{"ofac: names", kinds(ofac.Entities[0]), "Radomir Andreyevich KESTRELOV (primary); RADO (weak alias); Радомир Кестрелов (original script); VEXLEY (former)"},
		{"ofac: about, a month, a range", births(ofac.Entities[0]), "about 1971, 1972-03, 1973–1975"},
		{"ofac: nationality in words", strings.Join(ofac.Entities[0].Nationalities, ","), "Verania"},
		{"ofac: place of birth in words, area codes", strings.Join(ofac.Entities[0].Countries, ",") + "/" + strings.Join(ofac.Entities[2].Countries, ","), "Ozmark/Ozmark"},
		{"ofac: kinds", string(ofac.Entities[0].Kind + "," + ofac.Entities[1].Kind + "," + ofac.Entities[2].Kind), "person,vessel,organisation"},
		{"ofac: flags", strings.Join(ofac.Entities[1].Countries, ","), "Verania"},
		{"ofac: measures", measures(ofac.Entities[0]) + "/" + measures(ofac.Entities[2]), "asset freeze/other"},
		{"ofac: numbers", numbers(ofac.Entities[1]) + ", " + numbers(ofac.Entities[2]), "imo 9999991, swift QUONZZ00"},
		{"sdn: what the second file goes on with", births(sdn.Entities[0]) + "/" + numbers(sdn.Entities[0]) + "/" + kinds(sdn.Entities[0]), "1971-03-09, 1972-04-10/passport P1234567 Ozmark/Radomir KESTRELOV (primary); RADO THE FALCON (weak alias)"},
		{"sdn: a town is no country", strings.Join(sdn.Entities[1].Countries, ","), ""},
		{"targets: prose names no measure, a date is none", measures(targets.Entities[0]), "asset freeze, other"},
		{"targets: numbers", numbers(targets.Entities[1]), "imo 9999991, MMSI123456789"},
		{"ftm: what was lifted has no consequence", measures(ftm.Entities[0]), "other, asset freeze"},
		{"ftm: documents of their own", numbers(ftm.Entities[0]), "passport P1234567 zz, national id N-99-123"},
		{"fara: quotes within a field", fara.Entities[2].Names[0].Text, `Trade Club "Aurora" (TCA")`},
		{"fara: who was registered again", fara.Entities[4].Program + "/" + fara.Entities[2].Program, "/registration ended 2025-12-31"},
		{"fits: several principals", fits.Entities[0].Influence.Principal, "Ministry of Harbours; Quonset Bank"},
		{"fits: days since 1899", fits.Entities[0].Updated + "/" + fits.Entities[0].Program, "2025-12-09/ended 2023-03-15: Quonset Bank"},
	} {
		if c.got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, c.got, c.want)
		}
	}
	if len(ftm.Entities) != 1 || len(fara.Entities) != 5 || fara.Lost != 1 || len(fits.Entities) != 2 {
		t.Errorf("%d entries of ftm, %d of fara with %d lost, %d of fits", len(ftm.Entities), len(fara.Entities), fara.Lost, len(fits.Entities))
	}
}

// TestOtherFiles: what is not read says what is.
func TestOtherFiles(t *testing.T) {
	var book bytes.Buffer
	z := zip.NewWriter(&book)
	for _, name := range []string{"[Content_Types].xml", "xl/workbook.xml"} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "<x/>")
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	sdn := string(read(t, "testdata/shapes/sdn.csv"))
	for _, c := range []struct{ name, text, want string }{
		{"sdn.xml", `<sdnList xmlns="https://example.org/"><publshInformation/></sdnList>`, "sdn_advanced.xml"},
		{"ConList.xml", `<ArrayOfFinancialSanctionsTarget><FinancialSanctionsTarget/></ArrayOfFinancialSanctionsTarget>`, "UK Sanctions List instead"},
		{"ConList.csv", "Last Updated,04/03/2026\nName 6,Name 1,Title,DOB,Group Type,Alias Type,Group ID\n", "UK Sanctions List instead"},
		{"docs.csv", `"Date Stamped","Registrant Name","Registration Number","Document Type","Short Form Name"` + "\n", "index of documents"},
		{"fits.xlsx", book.String(), "save it as CSV"},
		{"latin.xml", "<Designations><Designation><UniqueID>1</UniqueID><Names><Name><Name6>H\xe4rn</Name6></Name></Names></Designation></Designations>", ":1: it is not UTF-8 here"},
		{"cut.csv", string(read(t, "testdata/shapes/fara-principals.csv"))[:600], "not closed"},
		{"sdn.csv", sdn[:len(sdn)-30], "is broken"},
	} {
		_, err := lists.Read(t.Context(), []lists.File{{Name: c.name, Content: strings.NewReader(c.text)}}, lists.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// TestCutRemarks: without the file that goes on, an entry says what may be missing.
func TestCutRemarks(t *testing.T) {
	l := readShape(t, lists.OFAC, "sdn.csv")
	if !slices.ContainsFunc(l.Problems, func(p lists.Problem) bool {
		return p.Entry == "101" && p.Line == 1 && strings.Contains(p.Text, "sdn_comments.csv")
	}) {
		t.Errorf("got %v", l.Problems)
	}
	dir := t.TempDir()
	for _, name := range []string{"sdn.csv", "sdn_comments.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), read(t, filepath.Join("testdata", "shapes", name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := lists.ReadFiles(t.Context(), []string{filepath.Join(dir, "sdn.csv")}, lists.Options{})
	if err != nil || len(l.Files) != 2 || len(l.Problems) > 0 {
		t.Errorf("got %d files, %v, %v", len(l.Files), l.Problems, err)
	}
	if m := readShape(t, lists.OFAC, "cons_prim.csv").Entities[0].Consequences; len(m) != 1 || m[0].Measure != screening.MeasureOther {
		t.Errorf("the consolidated list means %+v", m)
	}
}

// TestDeclaredEncodings: what the caller decodes is not decoded again.
func TestDeclaredEncodings(t *testing.T) {
	const body = "<ROWSET><ROW><Registration_Number>1</Registration_Number><Name>H\xe4rnmark</Name></ROW></ROWSET>"
	for name, c := range map[string]struct{ text, encoding string }{
		"declared":       {`<?xml version="1.0" encoding="ISO-8859-1"?>` + body, ""},
		"twice":          {`<?xml version="1.0" encoding="ISO-8859-1"?>` + body, "iso-8859-1"},
		"not declared":   {body, ""},
		"plain and UTF8": {strings.ReplaceAll(body, "\xe4", "ä"), ""},
		"utf-16":         {"\xff\xfe" + utf16(`<?xml version="1.0" encoding="utf-16"?>`+strings.ReplaceAll(body, "\xe4", "ä")), ""},
	} {
		l, err := lists.Read(t.Context(), []lists.File{{Name: "x.xml", Content: strings.NewReader(c.text)}}, lists.Options{Encoding: c.encoding})
		if err != nil || l.Entities[0].Names[0].Text != "Härnmark" {
			t.Errorf("%s: got %+v, %v", name, l, err)
		}
	}
}
