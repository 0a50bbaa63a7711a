//go:build unix

package wire

import (
	"bytes"
	"slices"
	"testing"
)

// TestReadLine reads keys of COPY's rows in any order of columns, plain, escaped and quoted.
func TestReadLine(t *testing.T) {
	csv := CopyFormat{CSV: true}
	for _, c := range []struct {
		format  CopyFormat
		line    string
		columns []int
		want    []string // nil: the row cannot be read; "NULL" stands for NULL
		of      int      // so many columns, as PostgreSQL says; 0: it has not
	}{
		{line: "7\tAnn\t\tf", columns: []int{0}, want: []string{"7"}},
		{line: "7\tAnn\t\tf", columns: []int{0, 3}, want: []string{"7", "f"}},
		{line: "7\tAnn\t\tf", columns: []int{3, 0}, want: []string{"f", "7"}},
		{line: "7\tAnn\t\tf", columns: []int{2, 2, 1}, want: []string{"", "", "Ann"}},
		{line: "7\tAnn\t\tf", columns: []int{4}},
		{line: "7\tAnn\t\tf", columns: []int{0, 9}},
		{line: `7` + "\t" + `A\tb` + "\t" + `\N`, columns: []int{1, 2}, want: []string{"A\tb", "NULL"}},
		{line: "A\\\tb\tf", columns: []int{0, 1}, want: []string{"A\tb", "f"}},
		{line: "7\n8\tx", columns: []int{0}},
		{line: "", columns: []int{0}, want: []string{""}},
		{line: "", columns: []int{1}},
		{line: "7\tAnn\t1950-01-01\tx\tf", columns: []int{0, 4}, want: []string{"7", "f"}, of: 5},
		{line: "7\tAnn\t1950-01-01\tx\tf", columns: []int{3, 0, 4}, want: []string{"x", "7", "f"}, of: 5},
		{line: "7\tAnn\t1950-01-01\tx\t", columns: []int{4, 2}, want: []string{"", "1950-01-01"}, of: 5},
		{line: "7\tA\\tn\t1950-01-01\tx\tf", columns: []int{0, 4}, want: []string{"7", "f"}, of: 5},
		{line: "7", columns: []int{4}, of: 5},
		{line: "7\tf", columns: []int{3}, of: 5},
		{line: "7\tf", columns: []int{5}, of: 5},
		{format: csv, line: `7,"Ann, B",f`, columns: []int{0, 2}, want: []string{"7", "f"}},
		{format: csv, line: `7,"Ann, ""B""",f`, columns: []int{1, 0}, want: []string{`Ann, "B"`, "7"}},
		{format: csv, line: `7,,f`, columns: []int{1}, want: []string{"NULL"}},
		{format: csv, line: `7,"open`, columns: []int{1}},
		{format: CopyFormat{Delimiter: '|'}, line: "7\t|f", columns: []int{1}, want: []string{"f"}},
	} {
		a := current{result: &Result{Metered: true, KeyColumns: c.columns}}
		a.copying.text(c.format)
		a.copying.columns = c.of
		if refusal := a.prepare(); refusal != nil {
			t.Fatal(refusal)
		}
		var keys Keys
		keys.Reset(len(c.columns))
		ok := a.readLine(&keys, []byte(c.line))
		if ok != (c.want != nil) {
			t.Errorf("%q %v: read %v", c.line, c.columns, ok)
			continue
		}
		if got := texts(&keys); ok && !slices.Equal(got, c.want) {
			t.Errorf("%q %v: %q, want %q", c.line, c.columns, got, c.want)
		}
	}
}

// TestCut takes hidden columns off the ends of COPY's rows.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		csv  bool
		line string
		n    int
		want string
		ok   bool
	}{
		{false, "7\tAnn\tf", 0, "7\tAnn\tf", true}, {false, "7\tAnn\tf", 1, "7\tAnn", true}, {false, "7\tAnn\tf", 2, "7", true},
		{false, "7\tAnn\tf", 3, "", true}, {false, "7\tAnn\tf", 4, "", false}, {false, "", 1, "", true}, {false, "", 2, "", false},
		{false, "7\tA\\\tb\tf", 2, "7", true}, {false, "7\tA\\\tb\tf", 4, "", false},
		{true, `7,"a,b",f`, 1, `7,"a,b"`, true}, {true, `7,"a,b",f`, 2, "7", true},
	} {
		var state copyState
		state.text(CopyFormat{CSV: c.csv})
		if got, ok := state.cut([]byte(c.line), c.n); ok != c.ok || string(got) != c.want {
			t.Errorf("%q without the last %d: %q, %v", c.line, c.n, got, ok)
		}
	}
}

func texts(keys *Keys) (all []string) {
	for i := range keys.Len() {
		if keys.Null(i) {
			all = append(all, "NULL")
			continue
		}
		all = append(all, string(bytes.Clone(keys.Bytes(i))))
	}
	return all
}

// TestReadRow reads keys of DataRows in any order of columns.
func TestReadRow(t *testing.T) {
	row := func(values ...string) []byte {
		b := []byte{0, byte(len(values))}
		for _, v := range values {
			if v == "NULL" {
				b = append(b, 0xff, 0xff, 0xff, 0xff)
				continue
			}
			b = append(append(b, 0, 0, 0, byte(len(v))), v...)
		}
		return b
	}
	all := []string{"7", "Ann", "NULL", "", "f"}
	for _, columns := range [][]int{{0}, {4}, {0, 4}, {4, 0}, {2, 3, 3}, {1, 2}} {
		a := current{result: &Result{Metered: true, KeyColumns: columns}}
		if refusal := a.prepare(); refusal != nil {
			t.Fatal(refusal)
		}
		var keys Keys
		keys.Reset(len(columns))
		if !a.read(&keys, row(all...)) {
			t.Errorf("%v: not read", columns)
			continue
		}
		for i, got := range texts(&keys) {
			if got != all[columns[i]] {
				t.Errorf("%v: column %d is %q, want %q", columns, columns[i], got, all[columns[i]])
			}
		}
	}
	for _, columns := range [][]int{{5}, {0, 5}, {-1, 0}} {
		a := current{result: &Result{Metered: true, KeyColumns: columns}}
		_ = a.prepare()
		var keys Keys
		keys.Reset(len(columns))
		if a.read(&keys, row(all...)) {
			t.Errorf("%v: read from a row of five", columns)
		}
	}
}
