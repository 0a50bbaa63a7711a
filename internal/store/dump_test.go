package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var dumpRowsWanted = [][]any{
	{nil, int64(0), int64(math.MinInt64), int64(math.MaxInt64)},
	{0.0, math.Inf(-1), math.SmallestNonzeroFloat64, -1.5},
	{"", "text with \x00 and \xff", []byte{}, []byte{0, 255}},
	{string(make([]byte, 70_000)), make([]byte, 200_000), nil, nil},
}

func writeDump(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	d, err := newDumpWriter(&b, dumpHeader{Schema: 1, Dialect: "sqlite", Versions: versions{"notes": 2}})
	must(t, err)
	must(t, d.table(dumpTable{Name: "x", Columns: []string{"a", "b", "c", "d"}, Last: 7}))
	for _, row := range dumpRowsWanted {
		must(t, d.row(row))
	}
	must(t, d.endTable())
	must(t, d.table(dumpTable{Name: "empty", Columns: []string{"a"}}))
	must(t, d.endTable())
	must(t, d.close())
	return b.Bytes()
}

// readDump reads all there is.
func readDump(data []byte) (tables []dumpTable, rows [][]any, err error) {
	d, err := newDumpReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = d.close() }()
	for {
		table, err := d.nextTable()
		if err != nil || table == nil {
			return tables, rows, err
		}
		tables = append(tables, *table)
		for read := uint64(0); ; read++ {
			row := make([]any, len(table.Columns))
			more, err := d.row(row, read)
			if err != nil {
				return nil, nil, err
			}
			if !more {
				break
			}
			rows = append(rows, row)
		}
	}
}

func TestDump(t *testing.T) {
	data := writeDump(t)
	must(t, verifyDump(bytes.NewReader(data), int64(len(data))))
	tables, rows, err := readDump(data)
	must(t, err)
	equal(t, "tables", len(tables), 2)
	equal(t, "last", tables[0].Last, 7)
	if !reflect.DeepEqual(rows, dumpRowsWanted) {
		t.Error("rows differ")
	}
}

// seal makes a file of records, as a forger would who gets the checksum right.
func seal(records []byte) []byte {
	zip, err := zstd.NewWriter(nil)
	if err != nil {
		return nil
	}
	file := append([]byte(dumpMagic), zip.EncodeAll(records, nil)...)
	sum := sha256.Sum256(file)
	return append(file, sum[:]...)
}

func TestDumpForged(t *testing.T) {
	header := "H\x0e{\"schema\":  1}"
	for name, c := range map[string]struct {
		records string
		want    error
	}{
		"nothing":         {"", ErrBadBackup},
		"no header":       {"Z\x00", ErrBadBackup},
		"no end":          {header, ErrBadBackup},
		"header too long": {"H\xff\xff\xff\xff\x0f", ErrBadBackup},
		"wrong count":     {header + "Z\x01", ErrBadBackup},
		"no columns":      {header + "T\x0c{\"name\":\"x\"}E\x00Z\x01", ErrBadBackup},
		"long value":      {header + "T\x1b{\"name\":\"x\",\"columns\":[\"\"]}Rt\xff\xff\xff\xff\xff\x0f", ErrBadBackup},
		"cut value":       {header + "T\x1b{\"name\":\"x\",\"columns\":[\"\"]}Rt\x80\x80\x10", ErrBadBackup},
		"unknown value":   {header + "T\x1b{\"name\":\"x\",\"columns\":[\"\"]}R?", ErrBadBackup},
		"unknown record":  {header + "T\x1b{\"name\":\"x\",\"columns\":[\"\"]}?", ErrBadBackup},
		"wrong rows":      {header + "T\x1b{\"name\":\"x\",\"columns\":[\"\"]}RnE\x02Z\x01", ErrBadBackup},
		"good":            {header + "T\x1b{\"name\":\"x\",\"columns\":[\"\"]}RnE\x01Z\x01", nil},
	} {
		file := seal([]byte(c.records))
		must(t, verifyDump(bytes.NewReader(file), int64(len(file))))
		if _, _, err := readDump(file); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := readDump(seal([]byte("H\x0e{\"schema\":  2}Z\x00")))
	wantError(t, err, "use a newer program")
}

// FuzzDump reads anything without panic, and memory bounded by what is there.
func FuzzDump(f *testing.F) {
	f.Add([]byte("H\x0e{\"schema\":  1}T\x1b{\"name\":\"x\",\"columns\":[\"\"]}RnRi\x05Rf12345678Rt\x01aRb\x01bE\x05Z\x01"))
	f.Fuzz(func(t *testing.T, records []byte) {
		_, rows, err := readDump(seal(records))
		if err == nil {
			var again []byte
			for _, row := range rows {
				for _, value := range row {
					if again, err = appendValue(again[:0], value); err != nil {
						t.Fatal(err)
					}
				}
			}
		} else if !errors.Is(err, ErrBadBackup) && !bytes.Contains([]byte(err.Error()), []byte("newer program")) {
			t.Fatal(err)
		}
	})
}
