//go:build unix

package message

import (
	"syscall"
	"testing"
	"time"
)

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchFolder reports messages per second of processor time, garbage collection
// included.
func benchFolder(b *testing.B, folder string, read func(*Message)) {
	raws, _ := mails(b, folder)
	size := 0
	for _, raw := range raws {
		size += len(raw)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	start := cpuTime()
	for b.Loop() {
		for _, raw := range raws {
			read(Parse(raw, DefaultLimits()))
		}
	}
	b.ReportMetric(float64(b.N*len(raws))/(cpuTime()-start).Seconds(), "msg/cpu-s")
}

func readAll(m *Message) {
	for _, p := range m.Parts {
		_ = p.Text()
		_ = p.HTML()
	}
}

func BenchmarkParse(b *testing.B) { benchFolder(b, "phishing", func(*Message) {}) }

func BenchmarkParseTextHTML(b *testing.B) {
	for _, folder := range []string{"phishing", "ham", "ham-2007", "newsletter-pairs"} {
		b.Run(folder, func(b *testing.B) { benchFolder(b, folder, readAll) })
	}
}

func BenchmarkDigest(b *testing.B) {
	benchFolder(b, "phishing", func(m *Message) { m.Digest() })
}

func BenchmarkDisagreements(b *testing.B) {
	benchFolder(b, "phishing", func(m *Message) { Disagreements(m) })
}
