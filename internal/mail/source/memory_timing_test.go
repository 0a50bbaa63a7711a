package source

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"
)

// BenchmarkMSG reads a message with an attachment of 4 MiB.
func BenchmarkMSG(b *testing.B) {
	m := newMSG().unicode(propSubject, "large").unicode(propBody, strings.Repeat("text ", 10_000))
	m.attach(0).stream(propAttachData, typeBinary, bytes.Repeat([]byte("data"), 1<<20)).close()
	raw := m.close().c.bytes()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		m, err := readCompoundMessage(readerAt(raw), 2*int64(len(raw)))
		must(b, err)
		m.render()
	}
}

// BenchmarkMemory reports the memory in use while a large mbox is read.
func BenchmarkMemory(b *testing.B) {
	path := b.TempDir() + "/a.mbox"
	writeMbox(b, path, 512<<20)
	for b.Loop() {
		peak := uint64(0)
		n := 0
		cfg := Config{Progress: func(int64) {
			if n++; n%64 == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.Sys)
			}
		}}
		err := Walk(b.Context(), []string{path}, cfg, func(Item) error { return nil }, func(p Problem) { b.Fatal(p) })
		must(b, err)
		b.ReportMetric(float64(peak)/(1<<20), "MiB-from-system")
	}
}

// BenchmarkLargeMessages reports the memory in use for messages of 60 MiB, near the default limit.
func BenchmarkLargeMessages(b *testing.B) {
	path := b.TempDir() + "/a.mbox"
	f, err := os.Create(path)
	must(b, err)
	for range 8 {
		_, err = f.WriteString(fromA + "Subject: large\n\n" + strings.Repeat("One line without an end. ", 60<<20/25) + "\n\n")
		must(b, err)
	}
	must(b, f.Close())
	for b.Loop() {
		n := 0
		err := Walk(b.Context(), []string{path}, Config{}, func(Item) error { n++; return nil }, func(p Problem) { b.Fatal(p) })
		must(b, err)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-from-system")
	}
}
