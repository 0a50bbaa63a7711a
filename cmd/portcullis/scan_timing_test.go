package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"portcullis.example/portcullis/internal/synth"
)

// BenchmarkScan is the whole way of a mail: read, parsed, judged, compared and
// stored, in a house of sixty, into a new store each time.
func BenchmarkScan(b *testing.B) {
	h := synth.NewHouse(2, 60)
	mails := append(synth.Everyday(2, h, 400), synth.Reconnaissance(2, h, 4)...)
	dir := b.TempDir()
	b.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	if err := synth.WriteTree(filepath.Join(dir, "mail"), mails); err != nil {
		b.Fatal(err)
	}
	people := filepath.Join(dir, "people.toml")
	if err := os.WriteFile(people, []byte(h.PeopleTOML()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		data := filepath.Join(dir, "data", itoa(n))
		var out, errs bytes.Buffer
		status := run(context.Background(), []string{"scan", "--quiet", "--people", people, "--data", data, filepath.Join(dir, "mail")}, stdio{nil, &out, &errs})
		if status != exitOK {
			b.Fatalf("status %d: %s%s", status, out.String(), errs.String())
		}
	}
	b.ReportMetric(float64(len(mails)*n)/b.Elapsed().Seconds(), "mails/s")
}
