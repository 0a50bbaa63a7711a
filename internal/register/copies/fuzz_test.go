package copies_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/register/copies"
)

// FuzzFind gives any bytes to all readers: nothing may panic, take more than its limits, or find more
// voters than there are bytes for.
func FuzzFind(f *testing.F) {
	all := invent(1, 40)
	for _, raw := range [][]byte{
		csvOf(all, ",", time.DateOnly, "ifgb"), sqlOf(all[:3]), jsonOf(all[:3], " "), xmlOf(all[:3]), htmlOf(all[:3]), xlsxOf(all[:3]), odsOf(all[:3]),
		gzipped(csvOf(all[:3], ",", time.DateOnly, "fgb")), zstded([]byte("1970-01-01")), tarred("a", []byte("b")), utf16([]byte("a,b,31.12.1970")), []byte("BZh9"), []byte("\xfd7zXZ\x00"),
	} {
		f.Add(raw)
	}
	sets := []copies.Set{filterOf(f, "the register", all)}
	limits := copies.Limits{Depth: 4, Members: 50, Expand: 4 << 20, Memory: 1 << 20}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(dir, "x")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := copies.Find(t.Context(), []string{path}, copies.Config{
			Key: key(t), Sets: sets, AtLeast: 1, Workers: 1, Limits: limits, Now: now,
			Found: func(c copies.Copy) {
				if c.Voters() > len(all)+2 && len(c.Of) > 0 || c.First < -1 {
					t.Errorf("%+v", c)
				}
				_, _ = c.Finding(now), c.Event(now)
			},
			Problem: func(_ string, err error) {
				if bytes.Contains([]byte(err.Error()), []byte("failed: runtime error")) {
					t.Error(err)
				}
			},
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// FuzzFilter reads any bytes as a filter.
func FuzzFilter(f *testing.F) {
	set := filterOf(f, "the register", invent(1, 10))
	var b bytes.Buffer
	if _, err := set.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := copies.Read(bytes.NewReader(raw), key(t))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if _, err := got.WriteTo(&again); err != nil {
			t.Fatal(err)
		}
		if _, err := copies.Read(&again, key(t)); err != nil {
			t.Error(err)
		}
	})
}

// FuzzDate: whatever is read as a date is one.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"1970-12-31", "31.12.1970", "1/2/1970", "19701231", "31121970", "1.1.70"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if day, ok := copies.ParseDate(s); ok && (day < -1800*372 || day > 100_000*372) {
			t.Errorf("%q is %d", s, day)
		}
	})
}
