package pack_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"portcullis.example/portcullis/internal/pack"
)

// BenchmarkHash is one guess: argon2id, the derived tag, and looking it up.
func BenchmarkHash(b *testing.B) {
	for _, memory := range []uint32{256, 1024, pack.DefaultParams().Memory, 4096} {
		b.Run(fmt.Sprintf("%dKiB", memory), func(b *testing.B) {
			key := newKey(b, "cert.example")
			opts := options(key)
			opts.Params.Memory = memory
			p := read(b, makePack(b, opts, "domain:tracker-q7x.example").Bytes, key.known)
			tester := pack.NewTester(p, 1)
			n := 0
			for b.Loop() {
				n++
				if _, err := tester.Test(b.Context(), observed("domain:"+strconv.Itoa(n)+".example")); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "guesses/s")
		})
	}
}

// BenchmarkMillion tests distinct domains against a pack of 1,000 on all cores; PORTCULLIS_PACK_VALUES says how
// many, a million takes minutes: go test -run - -bench Million -benchtime 1x -timeout 1h.
func BenchmarkMillion(b *testing.B) {
	values := 10_000
	if n, err := strconv.Atoi(os.Getenv("PORTCULLIS_PACK_VALUES")); err == nil {
		values = n
	}
	for b.Loop() {
		trial, err := pack.RunTrial(b.Context(), values, 1000, runtime.GOMAXPROCS(0), pack.Options{Fast: true}, func(int) {})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(trial.Took.Seconds(), "s")
		b.ReportMetric(float64(values)/trial.Took.Seconds()/float64(trial.Workers), "guesses/s/core")
		b.ReportMetric(trial.Rate.Hashed, "best-guesses/s")
		b.ReportMetric(float64(trial.Found), "found")
	}
}

// BenchmarkRead reads a pack of 1,000 entries, its signature included.
func BenchmarkRead(b *testing.B) {
	key := newKey(b, "cert.example")
	var list []string
	for i := range 1000 {
		list = append(list, fmt.Sprintf("domain:d%d-kq.example = words", i))
	}
	raw := makePack(b, options(key), list...).Bytes
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		read(b, raw, key.known)
	}
}
