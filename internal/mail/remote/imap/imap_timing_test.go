package imap

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/testenv"
)

// BenchmarkRead reads a mailbox of 5,000 messages of 3 kB each over TLS.
func BenchmarkRead(b *testing.B) {
	const messages = 5000
	d := testenv.Dovecot(b, map[string]string{anna: "long secret"})
	for i := range messages {
		d.Deliver(b, anna, "INBOX", []byte(message(i, 3000)))
	}
	cfg := Config{Host: "127.0.0.1", Port: d.TLSPort, CAFile: d.CAFile, Mailbox: anna, PasswordFile: secretFile(b, "long secret")}
	for b.Loop() {
		s := newShelf()
		src, err := Open("members", cfg)
		if err != nil {
			b.Fatal(err)
		}
		if err := remote.Watch(b.Context(), src, s.watching()); err != nil {
			b.Fatal(err)
		}
		if len(s.items) != messages {
			b.Fatalf("%d messages", len(s.items))
		}
	}
	b.ReportMetric(float64(messages*b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkLargeMailbox reads 20 GiB out of a mailbox that tells of 200 GB, and reports the most memory in use while it does, that of the
// server that makes the mail up included: once of messages of 70 kB, once of 25 MiB, as mail with large attachments is.
func BenchmarkLargeMailbox(b *testing.B) {
	for name, size := range map[string]int64{"70kB": 70_000, "25MiB": 25 << 20} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f := huge(int(200_000_000_000/size), size)
				s := newShelf()
				w := s.watching()
				var count, bytes int64
				w.Emit = func(item remote.Item) error {
					count, bytes = count+1, bytes+int64(len(item.Raw))
					if bytes >= 20<<30 {
						return errFull
					}
					return nil
				}
				src, err := Open("members", f.config(b))
				if err != nil {
					b.Fatal(err)
				}
				if err := remote.Watch(b.Context(), src, w); !errors.Is(err, errFull) {
					b.Fatal(err)
				}
				_ = src.Close()
				b.SetBytes(bytes)
				b.ReportMetric(float64(count), "messages")
			}
			b.ReportMetric(float64(resident(b)), "MiB-most-resident")
		})
	}
}

// resident is the most memory that this process has had, in MiB, as Linux counts it.
func resident(b *testing.B) (most int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("there is no /proc here")
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, _ = fmt.Sscan(rest, &most)
		}
	}
	return most >> 10
}
