package copies_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/register/copies"
)

// find looks through a folder and returns copies by their path in it, and problems.
func find(t testing.TB, dir string, cfg copies.Config) (map[string]copies.Copy, []string, copies.Total) {
	t.Helper()
	found := map[string]copies.Copy{}
	var problems []string
	if cfg.Key == nil && len(cfg.Sets) > 0 {
		cfg.Key = key(t)
	}
	cfg.Now = now
	cfg.Found = func(c copies.Copy) {
		rel, err := filepath.Rel(dir, c.Path)
		if err != nil {
			t.Error(err)
		}
		found[filepath.ToSlash(rel)] = c
	}
	cfg.Problem = func(name string, err error) { problems = append(problems, name+": "+err.Error()) }
	total, err := copies.Find(t.Context(), []string{dir}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return found, problems, total
}

// TestForms finds the same voters in every form in which registers lie about.
func TestForms(t *testing.T) {
	all := invent(1, 3000)
	part := all[500:1100]
	for name, raw := range map[string][]byte{
		"comma.csv":      csvOf(part, ",", time.DateOnly, "ifgbshpt"),
		"semicolon.csv":  csvOf(part, ";", "02.01.2006", "gfshptbi"),
		"american.csv":   csvOf(part, ",", "1/2/2006", "fgb"),
		"british.tsv":    csvOf(part, "\t", "02/01/2006", "fgb"),
		"packed.txt":     csvOf(part, "|", "20060102", "bgf"),
		"numbers.txt":    csvOf(part, ",", time.DateOnly, "i"),
		"utf16.txt":      utf16(csvOf(part, "\t", time.DateOnly, "fgb")),
		"latin1.csv":     latin1(csvOf(part, ";", "02.01.2006", "fgbsh")),
		"capitals.csv":   []byte(strings.ToUpper(string(csvOf(part, ";", "02.01.2006", "fgb")))),
		"dump.sql":       sqlOf(part),
		"list.json":      jsonOf(part, ""),
		"indented.json":  jsonOf(part, "  "),
		"export.xml":     xmlOf(part),
		"page.html":      htmlOf(part),
		"sheet.xlsx":     xlsxOf(part),
		"sheet.ods":      odsOf(part),
		"a.csv.gz":       gzipped(csvOf(part, ",", time.DateOnly, "ifgb")),
		"a.csv.zst":      zstded(csvOf(part, ",", time.DateOnly, "ifgb")),
		"a.zip":          zipped(map[string][]byte{"in/a.csv": csvOf(part, ",", time.DateOnly, "ifgb")}),
		"a.tar.gz":       gzipped(tarred("in/a.csv", csvOf(part, ",", time.DateOnly, "ifgb"))),
		"nested.zip":     zipped(map[string][]byte{"x.zip": zipped(map[string][]byte{"s.xlsx": xlsxOf(part)})}),
		"image-lies.png": csvOf(part, ",", time.DateOnly, "ifgb"),
	} {
		t.Run(name, func(t *testing.T) {
			found, problems, _ := find(t, lay(t, map[string][]byte{name: raw}), copies.Config{Sets: []copies.Set{filterOf(t, "the register", all)}})
			if len(problems) > 0 || len(found) != 1 {
				t.Fatalf("found %d, problems %v", len(found), problems)
			}
			for path, c := range found {
				if !strings.HasPrefix(path, name) {
					t.Errorf("found at %s", path)
				}
				if len(c.Of) != 1 || math.Abs(float64(c.Voters()-len(part))) > 30 {
					t.Errorf("%s: %d voters of %d; %+v", path, c.Voters(), len(part), c.Of)
				}
				if f := c.Finding(now); f.Rule != copies.Rule || !strings.Contains(f.Summary, "the register") || f.ID == "" {
					t.Errorf("finding %+v", f)
				}
			}
		})
	}
}

// TestQuiet: what is no copy is not told of.
func TestQuiet(t *testing.T) {
	all, others := invent(1, 20_000), invent(2, 2000)
	var log, invoices bytes.Buffer
	for i, v := range all[:3000] {
		fmt.Fprintf(&log, "%s 10:%02d:07 host app[%d]: user %s logged in from 192.0.2.%d\n", now.AddDate(0, 0, -i%300).Format(time.DateOnly), i%60, 1000+i, v.Family, i%250)
		fmt.Fprintf(&invoices, "%s,%s,%d,%d\n", "2024-03-01", v.Town, 10_000_000+i*37, i)
	}
	found, problems, _ := find(t, lay(t, map[string][]byte{
		"log.txt": log.Bytes(), "invoices.csv": invoices.Bytes(),
		"strangers.csv": csvOf(others, ",", time.DateOnly, "ifgb"),
		"names.csv":     csvOf(all[:2000], ",", "2006", "fgst"),
		"letter.txt":    []byte(all[5].Given + " " + all[5].Family + ", born " + all[5].Born + ", asked for a postal vote."),
		"empty.txt":     nil,
	}), copies.Config{Sets: []copies.Set{filterOf(t, "the register", all)}, AtLeast: 10})
	for name, c := range found {
		if name == "strangers.csv" && len(c.Of) == 0 && c.ShapeRows == 2000 {
			continue // a list of people, but none of ours
		}
		t.Errorf("%s is told to be a copy: %+v", name, c)
	}
	if len(problems) > 0 {
		t.Error(problems)
	}
}

// TestShape finds lists of people without any filter.
func TestShape(t *testing.T) {
	found, _, _ := find(t, lay(t, map[string][]byte{"a.csv": csvOf(invent(3, 400), ",", time.DateOnly, "ifgbshpt"), "few.csv": csvOf(invent(3, 12), ",", time.DateOnly, "ifgbshpt")}), copies.Config{})
	c := found["a.csv"]
	if len(found) != 1 || c.ShapeRows != 400 || len(c.Finding(now).Unknown) == 0 {
		t.Errorf("%+v", found)
	}
}

// TestWhichExtract: of a register and its extracts, the smallest that holds it all is named; honey voters name it for sure.
func TestWhichExtract(t *testing.T) {
	all, honey := invent(1, 10_000), invent(9, 10)
	north, south := all[:4000], all[4000:7000]
	sets := []copies.Set{filterOf(t, "the whole register", all), filterOf(t, "extract north", north), filterOf(t, "extract south", south)}
	marked := filterOf(t, "the copy for Printers", honey)
	marked.Honey = true
	sets = append(sets, marked)
	leak := append(append([]voter{}, south[100:900]...), honey[3], honey[7])
	found, _, _ := find(t, lay(t, map[string][]byte{
		"south.csv": csvOf(south[:500], ",", time.DateOnly, "ifgb"),
		"mixed.csv": csvOf(all[3000:5000], ",", time.DateOnly, "ifgb"),
		"leak.csv":  csvOf(leak, ",", time.DateOnly, "fgb"),
		"one.txt":   []byte("Dear " + honey[2].Given + " " + honey[2].Family + " (" + honey[2].Born + "),"),
	}), copies.Config{Sets: sets})
	if got := found["south.csv"].Of; len(got) == 0 || got[0].Label != "extract south" {
		t.Errorf("south: %+v", got)
	}
	if got := found["mixed.csv"].Of; len(got) == 0 || got[0].Label != "the whole register" {
		t.Errorf("mixed: %+v", got)
	}
	c := found["leak.csv"]
	if c.Leaked() != "the copy for Printers" || c.Of[0].Voters != 2 || math.Abs(float64(c.Voters()-800)) > 25 || !strings.Contains(c.Summary(), "Printers") {
		t.Errorf("leak: %+v", c)
	}
	if c := found["one.txt"]; c.Leaked() == "" {
		t.Errorf("one honey voter is enough: %+v", c)
	}
}

// TestDenseNumbers: where nearly every number is somebody's, numbers say nothing.
func TestDenseNumbers(t *testing.T) {
	all := invent(1, 20_000)
	for i := range all {
		all[i].ID = fmt.Sprint(1_000_000 + i)
	}
	found, _, _ := find(t, lay(t, map[string][]byte{"numbers.csv": csvOf(all[:5000], ",", time.DateOnly, "it")}), copies.Config{Sets: []copies.Set{filterOf(t, "dense", all)}})
	if len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

func TestFilterFile(t *testing.T) {
	all := invent(1, 500)
	set := filterOf(t, "the register", all)
	var b bytes.Buffer
	n, err := set.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatal(n, b.Len(), err)
	}
	for _, v := range all[:50] {
		for _, plain := range []string{v.ID, v.Family, v.Born} {
			if bytes.Contains(b.Bytes(), []byte(plain)) {
				t.Fatalf("%q stands in the filter", plain)
			}
		}
	}
	got, err := copies.Read(bytes.NewReader(b.Bytes()), key(t))
	if err != nil || got.Fingerprint() != set.Fingerprint() {
		t.Fatal(err)
	}
	for _, v := range all {
		if !got.HasID(v.ID) || !got.HasPerson(v.Person) {
			t.Fatalf("%+v is not in it", v)
		}
	}
	strange := 0
	for _, v := range invent(2, 5000) {
		if got.HasID(v.ID) || got.HasPerson(v.Person) {
			strange++
		}
	}
	if strange > 1 {
		t.Errorf("%d strangers are in it", strange)
	}
	other, err := copies.NewKey(bytes.Repeat([]byte{8}, copies.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := copies.Read(bytes.NewReader(b.Bytes()), other); err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("another key: %v", err)
	}
	damaged := bytes.Clone(b.Bytes())
	damaged[len(damaged)/2] ^= 1
	if _, err := copies.Read(bytes.NewReader(damaged), key(t)); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("damaged: %v", err)
	}
	if _, err := copies.Read(bytes.NewReader(b.Bytes()[:b.Len()-40]), key(t)); err == nil {
		t.Error("a filter cut off was read")
	}
}

// TestBadInput: what cannot be read is told of, and the rest is read.
func TestBadInput(t *testing.T) {
	all := invent(1, 200)
	good := csvOf(all, ",", time.DateOnly, "ifgb")
	packed := gzipped(good)
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	w, err := z.Create("zeros")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, 300<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	deep := good
	for range 8 {
		deep = gzipped(deep)
	}
	found, problems, _ := find(t, lay(t, map[string][]byte{
		"cut.gz": packed[:len(packed)*2/3], "cut.zip": zipped(map[string][]byte{"a.csv": good})[:100], "bomb.zip": bomb.Bytes(), "deep.gz": deep,
		"x.7z": append([]byte{'7', 'z', 0xbc, 0xaf, 0x27, 0x1c}, good...), "secret.age": []byte("age-encryption.org/v1\n-> X25519 x\n"), "good.csv": good,
	}), copies.Config{Sets: []copies.Set{filterOf(t, "the register", all)}})
	if _, ok := found["good.csv"]; !ok {
		t.Error("the good file was not found")
	}
	if _, ok := found["cut.gz"]; !ok {
		t.Errorf("what could be read of the cut file was not found: %v", found)
	}
	said := strings.Join(problems, "\n")
	for _, want := range []string{"cut.gz", "cut.zip", "bomb.zip", "deep", "unpack it", "encrypted"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing was said of %s in\n%s", want, said)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestOther hands mailboxes to the caller.
func TestOther(t *testing.T) {
	all := invent(1, 300)
	other := func(_ context.Context, name string, head []byte, open func() (io.ReaderAt, int64, error), emit func(string, io.Reader) error) (bool, error) {
		if !bytes.HasPrefix(head, []byte("From ")) {
			return false, nil
		}
		at, size, err := open()
		if err != nil {
			return true, err
		}
		return true, emit("1/list.csv.gz", io.NewSectionReader(at, 6, size-6))
	}
	found, problems, _ := find(t, lay(t, map[string][]byte{"box": append([]byte("From x"), gzipped(csvOf(all, ",", time.DateOnly, "fgb"))...)}), copies.Config{Sets: []copies.Set{filterOf(t, "the register", all)}, Other: other})
	if _, ok := found["box!1/list.csv.gz"]; !ok || len(problems) > 0 {
		t.Errorf("%v %v", found, problems)
	}
}

// TestResume: files that were looked through and have not changed are passed over, with the same result.
func TestResume(t *testing.T) {
	all := invent(1, 300)
	files := map[string][]byte{}
	for i := range 20 {
		files[fmt.Sprintf("%02d.csv", i)] = csvOf(all, ",", time.DateOnly, "fgb")
	}
	dir := lay(t, files)
	cfg := copies.Config{Sets: []copies.Set{filterOf(t, "the register", all)}, State: filepath.Join(t.TempDir(), "state")}
	first, _, _ := find(t, dir, cfg)
	f, err := os.OpenFile(cfg.State, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"path":"cut o`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "03.csv"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	second, _, total := find(t, dir, cfg)
	if total.Skipped != 19 || len(first) != 20 || len(second) != 19 {
		t.Errorf("%+v, %d then %d", total, len(first), len(second))
	}
	delete(first, "03.csv")
	a, _ := json.Marshal(first)
	b, _ := json.Marshal(second)
	if !bytes.Equal(a, b) {
		t.Errorf("%s\n%s", a, b)
	}
}
