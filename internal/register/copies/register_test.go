package copies_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"portcullis.example/portcullis/internal/register/copies"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// voter is one of an invented register.
type voter struct {
	copies.Person
	Street, House, Postcode, Town string
}

var (
	givenNames  = strings.Fields("Anna Bruno Chloé Dmitri Elif Fátima Gustav Hanna Iñaki Jürgen Karin Łukasz Mónica Niels Olga Pedro Quirin Rosa Søren Teresa Ulla Viktor Wanda Xenia Yusuf Zoë Anne-Marie Jean-Luc")
	familyParts = strings.Fields("Berg Dal Feld Gran Holm Kess Lind Mar Nor Ost Pell Quist Ros Stein Tor Ulm Vals Wend Zell Ång")
	streetNames = strings.Fields("Mill Station Church High Lower Upper Garden Harbour Castle Market")
)

func invent(seed uint64, n int) []voter {
	r := rand.New(rand.NewPCG(seed, 7))
	all := make([]voter, n)
	for i := range all {
		v := &all[i]
		v.ID = fmt.Sprintf("%c%c%08d", 'A'+r.IntN(26), 'A'+r.IntN(26), r.IntN(100_000_000))
		v.Given = givenNames[r.IntN(len(givenNames))]
		v.Family = familyParts[r.IntN(20)] + strings.ToLower(familyParts[r.IntN(20)]) + strings.ToLower(familyParts[r.IntN(20)])
		v.Born = time.Date(1930, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(28_000)).Format(time.DateOnly)
		v.Street, v.House = streetNames[r.IntN(10)]+" Street", fmt.Sprint(1+r.IntN(200))
		v.Postcode, v.Town = fmt.Sprint(10_000+r.IntN(80_000)), "Oldmere"
	}
	return all
}

func key(t testing.TB) *copies.Key {
	t.Helper()
	k, err := copies.NewKey(bytes.Repeat([]byte{7}, copies.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func filterOf(t testing.TB, label string, all []voter) copies.Set {
	t.Helper()
	b := copies.NewBuilder(key(t), label, len(all))
	for _, v := range all {
		if err := b.Add(v.Person); err != nil {
			t.Fatal(err)
		}
	}
	return copies.Set{Filter: b.Filter(now)}
}

func csvOf(all []voter, sep, layout string, columns string) []byte {
	var b bytes.Buffer
	for _, v := range all {
		born, err := time.Parse(time.DateOnly, v.Born)
		if err != nil {
			panic(err)
		}
		cells := map[byte]string{'i': v.ID, 'g': v.Given, 'f': v.Family, 'b': born.Format(layout), 's': v.Street, 'h': v.House, 'p': v.Postcode, 't': v.Town}
		for i := range len(columns) {
			if i > 0 {
				b.WriteString(sep)
			}
			b.WriteString(cells[columns[i]])
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func sqlOf(all []voter) []byte {
	var b bytes.Buffer
	b.WriteString("INSERT INTO electors VALUES ")
	for i, v := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "('%s','%s','%s','%s','%s %s')", v.ID, v.Family, v.Given, v.Born, v.Street, v.House)
	}
	b.WriteString(";\n")
	return b.Bytes()
}

func jsonOf(all []voter, indent string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", indent)
	type record struct{ Number, Surname, GivenNames, DateOfBirth, Address string }
	var list []record
	for _, v := range all {
		list = append(list, record{v.ID, v.Family, v.Given, v.Born, v.Street + " " + v.House})
	}
	if err := enc.Encode(list); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func xmlOf(all []voter) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\"?>\n<register>\n")
	for _, v := range all {
		fmt.Fprintf(&b, "<voter no=\"%s\">\n <name><family>%s</family><given>%s</given></name>\n <born>%s</born>\n</voter>\n", v.ID, v.Family, v.Given, v.Born)
	}
	b.WriteString("</register>\n")
	return b.Bytes()
}

func zipped(files map[string][]byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, raw := range files {
		w, err := z.Create(name)
		if err != nil {
			panic(err)
		}
		if _, err := w.Write(raw); err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func gzipped(raw []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(raw); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func zstded(raw []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer func() { _ = w.Close() }()
	return w.EncodeAll(raw, nil)
}

func tarred(name string, raw []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(raw)), Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
		panic(err)
	}
	if _, err := w.Write(raw); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func utf16(raw []byte) []byte {
	out, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes(raw)
	if err != nil {
		panic(err)
	}
	return out
}

// latin1 replaces what the code page does not have.
func latin1(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("Ł"), []byte("L"))
	out, err := charmap.Windows1252.NewEncoder().Bytes(raw)
	if err != nil {
		panic(err)
	}
	return out
}

// xlsxOf is a workbook with shared strings and dates that are numbers with a style.
func xlsxOf(all []voter) []byte {
	var text, sheet bytes.Buffer
	text.WriteString(`<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`)
	sheet.WriteString(`<?xml version="1.0"?><worksheet><sheetData>`)
	n := 0
	str := func(col string, row int, s string) {
		fmt.Fprintf(&text, "<si><t>%s</t></si>", s)
		fmt.Fprintf(&sheet, `<c r="%s%d" t="s"><v>%d</v></c>`, col, row, n)
		n++
	}
	for i, v := range all {
		born, err := time.Parse(time.DateOnly, v.Born)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&sheet, `<row r="%d">`, i+1)
		str("A", i+1, v.ID)
		str("B", i+1, v.Family)
		str("C", i+1, v.Given)
		fmt.Fprintf(&sheet, `<c r="D%d" s="1"><v>%d</v></c>`, i+1, int(born.Sub(time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)).Hours()/24))
		str("E", i+1, v.Street+" "+v.House)
		sheet.WriteString(`</row>`)
	}
	text.WriteString(`</sst>`)
	sheet.WriteString(`</sheetData></worksheet>`)
	return zipped(map[string][]byte{
		"[Content_Types].xml": []byte(`<Types/>`), "xl/workbook.xml": []byte(`<workbook/>`),
		"xl/styles.xml":            []byte(`<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd\.mm\.yyyy"/></numFmts><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>`),
		"xl/sharedStrings.xml":     text.Bytes(),
		"xl/worksheets/sheet1.xml": sheet.Bytes(),
	})
}

func odsOf(all []voter) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0"?><office:document-content><table:table table:name="S">`)
	for _, v := range all {
		fmt.Fprintf(&b, `<table:table-row><table:table-cell office:value-type="string"><text:p>%s</text:p></table:table-cell><table:table-cell><text:p>%s</text:p></table:table-cell><table:table-cell office:value-type="date" office:date-value="%s"><text:p>shown otherwise</text:p></table:table-cell></table:table-row>`, v.Family, v.Given, v.Born)
	}
	b.WriteString(`</table:table></office:document-content>`)
	return zipped(map[string][]byte{"mimetype": []byte("application/vnd.oasis.opendocument.spreadsheet"), "content.xml": b.Bytes(), "META-INF/manifest.xml": []byte(`<m/>`)})
}

func htmlOf(all []voter) []byte {
	var b bytes.Buffer
	b.WriteString("<html><body><table class=\"wide\">\n")
	for _, v := range all {
		fmt.Fprintf(&b, "<tr>\n<td class=\"n\">%s</td>\n<td>%s</td>\n<td>%s</td><td>%s&nbsp;%s</td></tr>\n", v.Family, v.Given, v.Born, v.Street, v.House)
	}
	b.WriteString("</table></body></html>\n")
	return b.Bytes()
}

// lay writes files into a folder.
func lay(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, raw := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
