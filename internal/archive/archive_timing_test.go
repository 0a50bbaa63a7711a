package archive_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/store"
)

// The archive of the benchmarks: events with the observables of an ordinary newsletter
// or letter, half of them of that one mail alone.
const (
	benchEvents = 40_000
	benchEach   = 25
)

func benchEntries(r *rand.Rand, n int) (list []archive.Entry) {
	add := func(t portcullis.ObservableType, value, form string) {
		list = append(list, entry(t, value, form, "1.2", 100*len(list), 100*len(list)+60))
	}
	sender := fmt.Sprintf("mail%d.sender%d.example", r.IntN(3), r.IntN(4000))
	add(portcullis.TypeDomain, sender, "address")
	add(portcullis.TypeEmail, fmt.Sprintf("~%026x@%s", r.Uint64(), sender), "address")
	add(portcullis.TypeMessageID, fmt.Sprintf("%016x.%d@%s", r.Uint64(), n, sender), "header")
	add(portcullis.TypeSubject, fmt.Sprintf("~%026x", r.Uint64()), "header")
	for range 3 {
		add(portcullis.TypeIP, fmt.Sprintf("203.0.%d.%d", r.IntN(256), r.IntN(256)), "received")
	}
	add(portcullis.TypeHash, fmt.Sprintf("%064x", r.Uint64()), "attachment")
	for len(list) < benchEach-1 {
		host := fmt.Sprintf("link%d.host%d.example", r.IntN(9), r.IntN(20000))
		add(portcullis.TypeURL, fmt.Sprintf("https://%s/track/%d/%016x?utm_source=letter", host, r.IntN(100), r.Uint64()), "link")
		add(portcullis.TypeDomain, host, "link")
	}
	add(portcullis.TypeDomain, "unsubscribe.example", `link: param "u" percent`)
	return list
}

// benchStore builds the archive once for all benchmarks. PORTCULLIS_BENCH_STORE names a
// folder to build it in and leave it, for measuring a fresh process.
var benchDir = sync.OnceValues(func() (string, error) {
	dir := os.Getenv("PORTCULLIS_BENCH_STORE")
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "portcullis-bench-"); err != nil {
			return "", err
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := benchDir(); err == nil && os.Getenv("PORTCULLIS_BENCH_STORE") == "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func benchStore(b *testing.B) *store.Store {
	b.Helper()
	dir, err := benchDir()
	must(b, err)
	cfg := sqliteConfig(b)
	cfg.Dir = dir
	s := open(b, cfg)
	var n int
	must(b, s.DB().QueryRowContext(b.Context(), `SELECT count(*) FROM archive_event`).Scan(&n))
	if n == 0 {
		fillBench(b, s)
	}
	return s
}

func fillBench(b *testing.B, s *store.Store) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 0; n < benchEvents; {
		must(b, s.Tx(b.Context(), func(tx *sql.Tx) error {
			w := archive.NewWriter(tx)
			defer w.Close()
			for range 250 {
				if err := w.Put(b.Context(), event(n), at(n), benchEntries(r, n)); err != nil {
					return err
				}
				n++
			}
			return nil
		}))
	}
}

// BenchmarkPut stores the observables of one mail, in batches as a scan does.
func BenchmarkPut(b *testing.B) {
	s := open(b, sqliteConfig(b))
	r := rand.New(rand.NewPCG(3, 4))
	n := 0
	for b.Loop() {
		must(b, s.Tx(b.Context(), func(tx *sql.Tx) error {
			w := archive.NewWriter(tx)
			defer w.Close()
			for range 256 {
				if err := w.Put(b.Context(), event(n), at(n), benchEntries(r, n)); err != nil {
					return err
				}
				n++
			}
			return nil
		}))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/mail")
}

func benchPatterns(n int) (list []portcullis.Observable) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range n {
		switch i % 5 {
		case 0:
			list = append(list, portcullis.Observable{Type: portcullis.TypeDomain, Value: fmt.Sprintf("bad%d.host%d.example", i, r.IntN(20000))})
		case 1:
			list = append(list, portcullis.Observable{Type: portcullis.TypeURL, Value: fmt.Sprintf("https://link1.host%d.example/%d", r.IntN(20000), i)})
		case 2:
			list = append(list, portcullis.Observable{Type: portcullis.TypeIP, Value: fmt.Sprintf("203.%d.%d.%d", r.IntN(20), r.IntN(256), i%256)})
		case 3:
			list = append(list, portcullis.Observable{Type: portcullis.TypeHash, Value: fmt.Sprintf("%064x", r.Uint64())})
		case 4:
			list = append(list, portcullis.Observable{Type: portcullis.TypeDomain, Value: fmt.Sprintf("sender%d.example", r.IntN(8000))})
		}
	}
	return list
}

func BenchmarkHunt(b *testing.B) {
	s := benchStore(b)
	file, err := os.Stat(filepath.Join(benchFolder(b), "portcullis.db"))
	must(b, err)
	for _, n := range []int{1, 100, 10_000} {
		patterns := benchPatterns(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			hits := 0
			for b.Loop() {
				hits = 0
				must(b, archive.NewReader(s.DB()).Hunt(b.Context(), patterns, func(archive.Hit) error { hits++; return nil }))
			}
			b.ReportMetric(float64(hits), "hits")
			b.ReportMetric(float64(file.Size())/(benchEvents*benchEach), "storedB/observable")
		})
	}
}

func benchFolder(b *testing.B) string {
	dir, err := benchDir()
	must(b, err)
	return dir
}

func BenchmarkMatch(b *testing.B) {
	var list []portcullis.Indicator
	for _, p := range benchPatterns(100_000) {
		list = append(list, portcullis.Indicator{Pattern: p})
	}
	for i := range 500 {
		list = append(list, portcullis.Indicator{Pattern: portcullis.Observable{Type: portcullis.TypeCIDR, Value: fmt.Sprintf("198.51.%d.0/%d", i%256, 20+i%5)}},
			portcullis.Indicator{Pattern: portcullis.Observable{Type: portcullis.TypeURL, Value: fmt.Sprintf("http://x%d.example/a/*", i)}})
	}
	m := archive.NewMatcher(list)
	r := rand.New(rand.NewPCG(7, 8))
	var entries []archive.Entry
	for n := range 1000 {
		entries = append(entries, benchEntries(r, n)...)
	}
	hits := 0
	for b.Loop() {
		for _, e := range entries {
			m.Match(e, func(portcullis.Indicator) { hits++ })
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(entries))/b.Elapsed().Seconds(), "entries/s")
}
