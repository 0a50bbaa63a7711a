package imap

import (
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
