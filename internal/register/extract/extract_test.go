package extract_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"portcullis.example/portcullis/internal/register/copies"
	"portcullis.example/portcullis/internal/register/extract"
	"portcullis.example/portcullis/internal/register/honey"
)

var made = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// ledger notes what it is told.
type ledger struct {
	entries []extract.Entry
	keys    map[string]bool
	broken  bool
}

func (l *ledger) Note(_ context.Context, e extract.Entry) error {
	if l.broken {
		return errors.New("the disk is full")
	}
	l.entries = append(l.entries, e)
	return nil
}

func (l *ledger) Disclose(_ context.Context, _ extract.Entry, keys []string) error {
	for _, k := range keys {
		l.keys[k] = true
	}
	return nil
}

// registerFile writes n invented voters; sorted ones rise by their number.
func registerFile(t testing.TB, n int, sorted bool) string {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	var b bytes.Buffer
	b.WriteString("\ufeffvoter_no;surname;given_name;date_of_birth;street;house_no;town\n")
	for i := range n {
		id := 1_000_000 + r.IntN(8_000_000)
		if sorted {
			id = 1_000_000 + i*37
		}
		fmt.Fprintf(&b, "%d;Fam%c%c;Given%c;%s;Street %c;%d;\"Old; mere\"\n", id, 'a'+r.IntN(26), 'a'+r.IntN(26), 'a'+r.IntN(26),
			time.Date(1940, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(22000)).Format(time.DateOnly), 'A'+r.IntN(20), 1+r.IntN(90))
	}
	path := filepath.Join(t.TempDir(), "register.csv")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func options(t testing.TB, path string, to *ledger) (extract.Options, *age.X25519Identity) {
	t.Helper()
	src, err := extract.OpenCSV(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := honey.OpenBook(filepath.Join(t.TempDir(), "honey"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return extract.Options{
		Source: src, Columns: honey.Guess(src.Columns()), Book: b, Noter: to, Recipient: "Printers", Extract: "2026-03", Reason: "polling cards",
		OneIn: 100, Keys: []age.Recipient{id.Recipient()}, Out: filepath.Join(t.TempDir(), "extract.csv.age"), Now: made, Filter: true,
	}, id
}

func open(t testing.TB, path string, id age.Identity) [][]string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(raw), id)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestExtract(t *testing.T) {
	for _, sorted := range []bool{false, true} {
		t.Run(fmt.Sprintf("sorted %t", sorted), func(t *testing.T) {
			to := &ledger{keys: map[string]bool{}}
			o, id := options(t, registerFile(t, 5000, sorted), to)
			m, err := extract.Make(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			rows := open(t, o.Out, id)
			if len(rows) != 5051 || m.Receipt.Rows != 5050 || m.Set.Count != 50 {
				t.Errorf("%d rows, receipt %+v", len(rows), m.Receipt)
			}
			if len(to.entries) != 1 || to.entries[0].SHA256 != m.Receipt.SHA256 || to.entries[0].Rows != 5000 || len(to.keys) < 4900 {
				t.Errorf("the ledger has %+v and %d keys", to.entries, len(to.keys))
			}
			checkPlaces(t, o, rows[1:], to, sorted)
			checkFound(t, o, m, rows)
			if strings.Contains(string(m.Receipt.JSON()), "honey") {
				t.Error("the receipt tells of honey voters")
			}
		})
	}
}

// checkPlaces: the invented ones are watched, not in the ledger, and nothing about their places gives them away.
func checkPlaces(t *testing.T, o extract.Options, rows [][]string, to *ledger, sorted bool) {
	t.Helper()
	w, err := o.Book.Watch(nil)
	if err != nil {
		t.Fatal(err)
	}
	hits, firstHalf, last := 0, 0, ""
	for i, row := range rows {
		_, hit := w.HitPerson(honey.Person(o.Columns, row))
		if hit == to.keys[row[0]] {
			t.Errorf("honey voter %t, in the ledger %t: %v", hit, to.keys[row[0]], row)
		}
		if hit {
			hits++
			if i < len(rows)/2 {
				firstHalf++
			}
		}
		if sorted && row[0] < last {
			t.Errorf("%s comes after %s", row[0], last)
		}
		last = row[0]
	}
	if hits != 50 || firstHalf < 12 || firstHalf > 38 {
		t.Errorf("%d hits, %d in the first half", hits, firstHalf)
	}
}

// checkFound: find-copies names the extract when part of it turns up.
func checkFound(t *testing.T, o extract.Options, m *extract.Made, rows [][]string) {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows[1000:3000]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "leak.csv"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := o.Book.Key()
	if err != nil {
		t.Fatal(err)
	}
	sets, err := o.Book.Filters()
	if err != nil {
		t.Fatal(err)
	}
	sets = append(sets, copies.Set{Filter: m.Filter})
	var found []copies.Copy
	_, err = copies.Find(t.Context(), []string{dir}, copies.Config{Key: key, Sets: sets, Now: made, Found: func(c copies.Copy) { found = append(found, c) }})
	if err != nil || len(found) != 1 || found[0].Leaked() != "the extract 2026-03 for Printers" || found[0].Voters() < 1900 {
		t.Errorf("%+v %v", found, err)
	}
}

// TestSortedByTwo: in rows that are sorted by ward and street, honey voters stand in their ward and street.
func TestSortedByTwo(t *testing.T) {
	var rows []string
	for i := range 4000 {
		rows = append(rows, fmt.Sprintf("W%02d;Street %02d;%d;Fam%c;Given%c;%s", i%10, i/10%25, 1_000_000+i*7919%900_000, 'a'+i%23, 'a'+i%19,
			time.Date(1940, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i*37%22000).Format(time.DateOnly)))
	}
	slices.SortStableFunc(rows, func(a, b string) int { return strings.Compare(a[:13], b[:13]) })
	path := filepath.Join(t.TempDir(), "sorted.csv")
	if err := os.WriteFile(path, []byte("ward;street;voter_no;surname;given_name;date_of_birth\n"+strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, id := options(t, path, &ledger{keys: map[string]bool{}})
	if _, err := extract.Make(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	got := open(t, o.Out, id)[1:]
	w, err := o.Book.Watch(nil)
	if err != nil {
		t.Fatal(err)
	}
	ends, hits := 0, 0
	for i, row := range got {
		if i > 0 && row[0]+row[1] < got[i-1][0]+got[i-1][1] {
			t.Fatalf("%v after %v", row, got[i-1])
		}
		if _, hit := w.HitPerson(honey.Person(o.Columns, row)); hit {
			hits++
			if i+1 == len(got) || got[i+1][1] != row[1] {
				ends++
			}
		}
	}
	if hits != 40 || ends > 30 {
		t.Errorf("%d of %d honey voters stand at the end of their street", ends, hits)
	}
}

// TestFailures: nothing is left of an extract that could not be made.
func TestFailures(t *testing.T) {
	path := registerFile(t, 1000, false)
	for name, change := range map[string]func(*extract.Options, *ledger){
		"ledger": func(_ *extract.Options, l *ledger) { l.broken = true },
		"key":    func(o *extract.Options, _ *ledger) { o.Keys = nil },
		"there": func(o *extract.Options, _ *ledger) {
			if err := os.WriteFile(o.Out, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"why": func(o *extract.Options, _ *ledger) { o.Reason = "" },
	} {
		t.Run(name, func(t *testing.T) {
			to := &ledger{keys: map[string]bool{}}
			o, _ := options(t, path, to)
			change(&o, to)
			if _, err := extract.Make(t.Context(), o); err == nil {
				t.Fatal("it was made")
			}
			if sets, err := o.Book.Sets(); err != nil || len(sets) != 0 {
				t.Errorf("a set is left: %v %v", sets, err)
			}
			left, err := os.ReadDir(filepath.Dir(o.Out))
			if err != nil || len(left) > 1 || len(left) == 1 && name != "there" {
				t.Errorf("left: %v %v", left, err)
			}
		})
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("id;name;born\n1;A B;1970-01-01\n"))
	f.Add([]byte("\"a\nb\",c\n\"x"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "x.csv")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := extract.OpenCSV(path)
		if err != nil {
			return
		}
		columns := len(src.Columns())
		_ = src.Rows(t.Context(), func(row []string) error {
			if len(row) != columns {
				return io.ErrUnexpectedEOF
			}
			return nil
		})
	})
}

// TestVotersAtRiskStay: an entry that leaves only after two approvals is in no bulk copy, is not recorded as given out, and nobody who is
// invented has its number or its mark.
func TestVotersAtRiskStay(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,family,given,born,secret,hidden\n")
	for i := range 5000 {
		mark := "f"
		switch {
		case i == 77:
			mark = "yes; see file"
		case i%500 == 3:
			mark = "t"
		}
		fmt.Fprintf(&b, "%d,Fam%c%c,Given%c,%s,%s,%v\n", 1000+2*i, 'a'+i%26, 'a'+i/26%26, 'a'+i/7%26, time.Date(1940, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i*4).Format(time.DateOnly), mark, i == 99)
	}
	path := filepath.Join(t.TempDir(), "register.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	to := &ledger{keys: map[string]bool{}}
	o, id := options(t, path, to)
	o.Anonymous = []string{"secret", "hidden"}
	m, err := extract.Make(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if m.Receipt.LeftOut != 12 || to.entries[0].Rows != 4988 {
		t.Errorf("receipt %+v, entry %+v", m.Receipt, to.entries[0])
	}
	risk := map[string]bool{"1154": true, "1198": true}
	for i := 3; i < 5000; i += 500 {
		risk[fmt.Sprint(1000+2*i)] = true
	}
	for _, row := range open(t, o.Out, id)[1:] {
		if risk[row[0]] || row[4] != "f" {
			t.Errorf("it holds %v", row)
		}
	}
	for key := range risk {
		if to.keys[key] {
			t.Errorf("the ledger says that %s was given out", key)
		}
	}
	o.Anonymous, o.Out = []string{"secret", "at_risk"}, o.Out+"2"
	if _, err := extract.Make(t.Context(), o); err == nil || !strings.Contains(err.Error(), "at_risk") {
		t.Errorf("without the column: %v", err)
	}
}
