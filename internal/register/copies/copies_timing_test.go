package copies_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/register/copies"
)

// BenchmarkFind reads files as they lie on a file server: prose, logs, tables, and among them
// copies of the register and lists of other people. The register has a million voters.
func BenchmarkFind(b *testing.B) {
	all, others := invent(1, 1_000_000), invent(2, 200_000)
	sets := []copies.Set{filterOf(b, "the register", all)}
	var prose, log bytes.Buffer
	for i := 0; prose.Len() < 12<<20; i++ {
		v := others[i%len(others)]
		fmt.Fprintf(&prose, "In %d the council of %s met %s %s at %s and resolved that the works in %s go on until they are done, as was said before.\n", 1900+i%120, v.Town, v.Given, v.Family, v.House, v.Street)
	}
	for i := 0; log.Len() < 12<<20; i++ {
		fmt.Fprintf(&log, "2026-02-%02dT10:%02d:%02dZ host%d app[%d]: request id=%08x user=%s status=200 bytes=%d\n", 1+i%28, i/60%60, i%60, i%9, i%30000, i*7919, others[i%1000].Family, i*37)
	}
	kinds := map[string][]byte{
		"prose": prose.Bytes(), "log": log.Bytes(),
		"copy":      csvOf(all[:200_000], ",", time.DateOnly, "ifgbshpt"),
		"strangers": csvOf(others, ",", time.DateOnly, "ifgbshpt"),
	}
	kinds["mixed"] = bytes.Join([][]byte{prose.Bytes(), log.Bytes(), kinds["copy"][:4<<20], kinds["strangers"][:4<<20]}, nil)
	for _, name := range []string{"prose", "log", "copy", "strangers", "mixed"} {
		raw := kinds[name]
		b.Run(name, func(b *testing.B) {
			dir := lay(b, map[string][]byte{"1": raw, "2": raw, "3": raw, "4": raw})
			b.SetBytes(4 * int64(len(raw)))
			before := cpu(b)
			for b.Loop() {
				if _, err := copies.Find(b.Context(), []string{dir}, copies.Config{Key: key(b), Sets: sets, Now: now, Workers: 2}); err != nil {
					b.Fatal(err)
				}
			}
			// what two cores of an idle machine would do
			b.ReportMetric(2*4*float64(len(raw))*float64(b.N)/1e6/(cpu(b)-before).Seconds(), "MB/s-two-cores")
		})
	}
}

// cpu is the processor time that was used so far.
func cpu(b *testing.B) time.Duration {
	raw, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		b.Skip("processor time is read from /proc")
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+2:]))
	var ticks int64
	for _, f := range fields[11:13] { // utime, stime (proc(5))
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// BenchmarkAdd makes a filter.
func BenchmarkAdd(b *testing.B) {
	all := invent(1, 100_000)
	for b.Loop() {
		filterOf(b, "the register", all)
	}
	b.ReportMetric(float64(len(all))*float64(b.N)/b.Elapsed().Seconds(), "voters/s")
}
