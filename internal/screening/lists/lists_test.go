package lists_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"portcullis.example/portcullis/internal/screening"
	"portcullis.example/portcullis/internal/screening/lists"
)

var update = flag.Bool("update", false, "write the golden files anew")

func read(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// formats are the invented files of every format.
var formats = []struct {
	name    string
	files   []string
	format  lists.Format // Auto: it must be found out
	mapping string
}{
	{"uk csv", []string{"uk.csv"}, lists.Auto, ""}, {"uk xml", []string{"uk.xml"}, lists.Auto, ""}, {"un xml", []string{"un.xml"}, lists.Auto, ""},
	{"eu xml", []string{"eu.xml"}, lists.Auto, ""}, {"eu csv", []string{"eu.csv"}, lists.Auto, ""}, {"eu journal csv", []string{"eu-journal.csv"}, lists.Auto, ""},
	{"ofac csv", []string{"alt.csv", "sdn.csv", "add.csv"}, lists.Auto, ""}, {"ofac advanced xml", []string{"ofac.xml"}, lists.Auto, ""},
	{"opensanctions csv", []string{"targets.csv"}, lists.Auto, ""}, {"opensanctions ftm json", []string{"ftm.json"}, lists.Auto, ""},
	{"fara xml", []string{"fara.xml"}, lists.Auto, ""}, {"firs", []string{"firs.csv"}, lists.FIRS, ""}, {"csv", []string{"own.csv"}, lists.CSV, "own.toml"},
}

func mapping(t testing.TB, name string) *lists.Mapping {
	t.Helper()
	if name == "" {
		return nil
	}
	m, err := lists.ReadMapping(bytes.NewReader(read(t, filepath.Join("testdata", name))))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFormats reads each format and compares all of what was read.
func TestFormats(t *testing.T) {
	var out bytes.Buffer
	for _, f := range formats {
		var files []lists.File
		for _, name := range f.files {
			files = append(files, lists.File{Name: name, Content: bytes.NewReader(read(t, filepath.Join("testdata", name)))})
		}
		l, err := lists.Read(t.Context(), files, lists.Options{Format: f.format, Mapping: mapping(t, f.mapping)})
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		if l.Files[0].Kind != f.name {
			t.Errorf("%s was taken for %s", f.name, l.Files[0].Kind)
		}
		fmt.Fprintf(&out, "== %s: list %s of %q, lost %d\n", f.name, l.Name, l.Published, l.Lost)
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
	const golden = "testdata/formats.golden"
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

// TestSamePerson: whatever the format, the same person is read.
func TestSamePerson(t *testing.T) {
	for _, f := range formats[:10] {
		var files []lists.File
		for _, name := range f.files {
			files = append(files, lists.File{Name: name, Content: bytes.NewReader(read(t, filepath.Join("testdata", name)))})
		}
		l, err := lists.Read(t.Context(), files, lists.Options{})
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		e := l.Entities[0]
		text := strings.ToLower(e.Names[0].Text)
		if e.Kind != screening.KindPerson || e.Names[0].Kind != screening.NamePrimary || !strings.Contains(text, "radomir") || !strings.Contains(text, "kestrelov") {
			t.Errorf("%s: first is %+v", f.name, e)
		}
		if len(e.Births) == 0 || len(e.Nationalities)+len(e.Countries) == 0 || len(e.Consequences) == 0 {
			t.Errorf("%s: something is missing in %+v", f.name, e)
		}
		weak := slices.ContainsFunc(e.Names, func(n screening.Name) bool { return n.Kind == screening.NameWeakAlias })
		if f.name != "opensanctions csv" && !weak {
			t.Errorf("%s: no weak alias among %+v", f.name, e.Names)
		}
	}
}

// TestRefused: what is not a whole file is refused, with the line at fault.
func TestRefused(t *testing.T) {
	uk := string(read(t, "testdata/uk.csv"))
	own := "id,name\n1,Radomir Kestrelov\n"
	for _, c := range []struct {
		name, text, want string
		format           lists.Format
	}{
		{"empty", "", "is empty", lists.Auto},
		{"no entries", uk[:strings.Index(uk, ",OZM0001")], "no entries", lists.Auto},
		{"column gone", strings.Replace(uk, ",D.O.B,", ",Day,", 1), `lacks the column "D.O.B"`, lists.Auto},
		{"cut in a row", uk[:len(uk)-70], ":8: the row has", lists.Auto},
		{"quote opened", strings.Replace(uk, "OZM0003,,,MORVANE", "OZM0003,,,\"MORVANE", 1), ":7: a quote in this row is not closed", lists.Auto},
		{"quote within", strings.Replace(uk, "KESTRELOFF", "KEST\"RELOFF", 1), ":4: a quote is broken", lists.Auto},
		{"other encoding", strings.Replace(uk, "KESTRELOFF", "KESTR\xe9LOFF", 1), ":4: field 5 is not UTF-8", lists.Auto},
		{"another format", uk, "format uk (uk csv), not un", lists.UN},
		{"no list", "hello\nworld\n", "none of the formats", lists.Auto},
		{"web page", "<!doctype html><html><body>Not found</body></html>", "none of the formats", lists.Auto},
		{"xml cut", string(read(t, "testdata/un.xml"))[:1500], "cut off", lists.Auto},
		{"xml broken", strings.Replace(string(read(t, "testdata/un.xml")), "</GENDER>", "</GENDRE>", 1), "not well-formed", lists.Auto},
		{"json cut", string(read(t, "testdata/ftm.json"))[:480], ":3: it is not one JSON object", lists.Auto},
		{"ofac cut", string(read(t, "testdata/sdn.csv"))[:320], "the row has", lists.Auto},
		{"no name column", "id,surname of cat\n1,x\n", "no column holds a name", lists.CSV},
		{"long row", own + "2,Ysolde Harnmark,extra\n", ":3: the row has 3 fields, the header 2", lists.CSV},
	} {
		_, err := lists.Read(t.Context(), []lists.File{{Name: "file", Content: strings.NewReader(c.text)}}, lists.Options{Format: c.format})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// TestProblems: what is wrong in one entry is told with its line, and the rest is kept.
func TestProblems(t *testing.T) {
	long := strings.Repeat("Longname ", 1200)
	text := "id,name,born,alias\n1,Radomir Kestrelov,31/02/1970,\n2,,1970,\n3,Ysolde Harnmark,sometime,\n4," + long + ",1980,\n5,Tindaro Vexley,1985-13-01,!!!\n6,Be\u202elisarda\u200b Quonset,,\n"
	l, err := lists.Read(t.Context(), []lists.File{{Name: "own.csv", Content: strings.NewReader(text)}}, lists.Options{Format: lists.CSV, Mapping: &lists.Mapping{Kind: "person"}})
	if err != nil {
		t.Fatal(err)
	}
	told := ""
	for _, p := range l.Problems {
		told += p.String() + "\n"
	}
	for _, want := range []string{"own.csv:2: 1: date of birth \"31/02/1970\": month 2 of 1970 has no day 31", "own.csv:3: 2: the entry has no name", "own.csv:4: 3: date of birth \"sometime\"",
		"own.csv:5: 4: a name of 10799 characters", "own.csv:6: 5: date of birth \"1985-13-01\": there is no month 13", "has no letters"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not told in:\n%s", want, told)
		}
	}
	if len(l.Entities) != 5 || l.Lost != 1 {
		t.Errorf("%d entries, %d lost", len(l.Entities), l.Lost)
	}
	if e := l.Entities[0]; e.Births[0] != (screening.PartialDate{Year: 1970, Month: 2}) {
		t.Errorf("got %+v", e)
	}
	if e := l.Entities[2]; utf8.RuneCountInString(e.Names[0].Text) > 1000 || !strings.Contains(e.Remarks, "Whole name: Longname") {
		t.Errorf("got a name of %d characters", len(e.Names[0].Text))
	}
	if e := l.Entities[4]; e.Names[0].Text != "Belisarda Quonset" {
		t.Errorf("got %q", e.Names[0].Text)
	}
}

func TestEncodings(t *testing.T) {
	for name, c := range map[string]struct{ text, encoding string }{
		"utf-8 with mark": {"\ufeffid,name\n1,Ysolde Härnmark\n", ""},
		"windows-1252":    {"id,name\n1,Ysolde H\xe4rnmark\n", "windows-1252"},
		"utf-16":          {"\xff\xfe" + utf16("id,name\n1,Ysolde Härnmark\n"), ""},
	} {
		l, err := lists.Read(t.Context(), []lists.File{{Name: "x.csv", Content: strings.NewReader(c.text)}}, lists.Options{Format: lists.CSV, Encoding: c.encoding})
		if err != nil || l.Entities[0].Names[0].Text != "Ysolde Härnmark" {
			t.Errorf("%s: got %+v, %v", name, l, err)
		}
	}
}

func utf16(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
		b.WriteByte(byte(r >> 8))
	}
	return b.String()
}

func TestDates(t *testing.T) {
	for text, want := range map[string]string{
		"03/07/1987": "1987-07-03", "1987-07-03": "1987-07-03", "1987-07": "1987-07", "11.4.1963": "1963-04-11", "14 Oct 1962": "1962-10-14", "Nov. 1973": "1973-11",
		"circa 1957": "about 1957", "1957 to 1959": "1957–1959", "1957-1959": "1957–1959", "dd/mm/1970": "1970", "00/00/1970": "1970", "19870703": "1987-07-03",
		"(a) 11.4.1963; (b) 11.4.1960": "1963-04-11 1960-04-11", "1979, 1980 or 1981": "1979 1980 1981", "1343 (Iranian Hijri calendar), 1964 or 1965 (Gregorian calendar)": "1964 1965",
		"2 December 1985": "1985-12-02", "29/02/2000": "2000-02-29", "1985-04-23T10:00:00": "1985-04-23", "Approximately (30-35 years old)": "", "": "",
		"29/02/1900": "1900-02", "1850-01-01": "1850-01-01", "0001": "",
	} {
		dates, _ := lists.ParseDates(text, lists.DayFirst)
		var got []string
		for _, d := range dates {
			got = append(got, lists.DateText(d))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if d, err := lists.ParseDate("07/03/1987", lists.MonthFirst); err != nil || d.Month != 7 {
		t.Errorf("month first: %+v, %v", d, err)
	}
}

func TestMappings(t *testing.T) {
	for text, want := range map[string]string{
		"sperator = \";\"":          "unknown key",
		"[columns]\nnome = [\"x\"]": "columns.nome",
		"dates = \"ymd\"":           "dates is",
		"separator = \";;\"":        "one character",
		"kind = \"dragon\"":         "kind is",
		"[influence]\nregister=\"X\"\n[consequence]\nmeasure=\"asset freeze\"": "never both",
		"separator = ": "line 1",
	} {
		if _, err := lists.ReadMapping(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// fuzz reads anything as one format. Nothing may panic, and what is read holds its limits.
func fuzz(f *testing.F, format lists.Format, m string, seeds ...string) {
	for _, s := range seeds {
		f.Add(read(f, filepath.Join("testdata", s)))
	}
	mapped := mapping(f, m)
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := lists.Read(t.Context(), []lists.File{{Name: "x", Content: bytes.NewReader(raw)}},
			lists.Options{Format: format, Mapping: mapped, Limits: lists.Limits{Bytes: 1 << 20, Entries: 50, Names: 20, Name: 60, Remarks: 200}})
		if err != nil {
			return
		}
		if len(l.Entities) == 0 || len(l.Entities) > 50 || l.SHA256 == "" {
			t.Fatalf("%d entries", len(l.Entities))
		}
		for _, e := range l.Entities {
			if e.ID == "" || e.List == "" || len(e.Names) == 0 || len(e.Names) > 20 || utf8.RuneCountInString(e.Remarks) > 200 {
				t.Errorf("got %+v", e)
			}
			for _, n := range e.Names {
				if n.Text == "" || utf8.RuneCountInString(n.Text) > 60 || !utf8.ValidString(n.Text) || n.Kind == "" {
					t.Errorf("got name %+v", n)
				}
			}
		}
	})
}

func FuzzUKCSV(f *testing.F)     { fuzz(f, lists.UK, "", "uk.csv") }
func FuzzUKXML(f *testing.F)     { fuzz(f, lists.UK, "", "uk.xml", "shapes/uk.xml") }
func FuzzUN(f *testing.F)        { fuzz(f, lists.UN, "", "un.xml") }
func FuzzEUXML(f *testing.F)     { fuzz(f, lists.EU, "", "eu.xml", "shapes/eu.xml") }
func FuzzEUCSV(f *testing.F)     { fuzz(f, lists.EU, "", "eu.csv", "shapes/eu.csv") }
func FuzzEUJournal(f *testing.F) { fuzz(f, lists.EU, "", "eu-journal.csv") }
func FuzzOFACCSV(f *testing.F) {
	fuzz(f, lists.OFAC, "", "sdn.csv", "alt.csv", "add.csv", "shapes/sdn.csv", "shapes/sdn_comments.csv")
}
func FuzzOFACXML(f *testing.F) { fuzz(f, lists.OFAC, "", "ofac.xml", "shapes/ofac.xml") }
func FuzzTargets(f *testing.F) { fuzz(f, lists.OpenSanctions, "", "targets.csv", "shapes/targets.csv") }
func FuzzFtM(f *testing.F)     { fuzz(f, lists.OpenSanctions, "", "ftm.json", "shapes/ftm.json") }
func FuzzFARA(f *testing.F) {
	fuzz(f, lists.FARA, "", "fara.xml", "shapes/fara-principals.csv", "shapes/fara-shortforms.csv")
}
func FuzzFIRS(f *testing.F)   { fuzz(f, lists.FIRS, "", "firs.csv", "shapes/firs.csv") }
func FuzzFITS(f *testing.F)   { fuzz(f, lists.FITS, "", "shapes/fits.csv") }
func FuzzMapped(f *testing.F) { fuzz(f, lists.CSV, "own.toml", "own.csv") }

func FuzzDates(f *testing.F) {
	f.Add("(a) 11.4.1963; (b) circa 1960")
	f.Fuzz(func(t *testing.T, text string) {
		dates, _ := lists.ParseDates(text, lists.DayFirst)
		for _, d := range dates {
			if d.Year < 1800 || d.Year > 2100 || d.Month < 0 || d.Month > 12 || d.Day < 0 || d.Day > 31 || d.Day > 0 && d.Month == 0 {
				t.Errorf("%q gives %+v", text, d)
			}
		}
	})
}
