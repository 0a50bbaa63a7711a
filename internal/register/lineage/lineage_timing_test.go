package lineage_test

import (
	"strconv"
	"testing"

	"portcullis.example/portcullis/internal/register/lineage"
)

const typical = "SELECT v.id, v.surname, w.name FROM voters v JOIN wards w ON w.id = v.ward WHERE v.surname LIKE 'Smi%' ORDER BY v.surname LIMIT 20"

func BenchmarkCached(b *testing.B) {
	a := newRegister(b, "BENCH").analyse(b, lineage.Options{})
	analyseOne(b, a, typical)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Analyse(typical, appPath); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	a := newRegister(b, "BENCH").analyse(b, lineage.Options{})
	analyseOne(b, a, typical)
	n := 0
	for b.Loop() {
		n++
		if _, err := a.Analyse(typical+" OFFSET "+strconv.Itoa(n), appPath); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewHarmless(b *testing.B) {
	a := newRegister(b, "BENCH").analyse(b, lineage.Options{})
	n := 0
	for b.Loop() {
		n++
		if _, err := a.Analyse("SELECT id, title FROM articles WHERE id = "+strconv.Itoa(n), appPath); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCatalogueChanged(b *testing.B) {
	r := newRegister(b, "BENCH")
	cat, err := lineage.Load(b.Context(), r.db)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := cat.Changed(b.Context(), r.db); err != nil {
			b.Fatal(err)
		}
	}
}
