package trial

import (
	"context"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/testenv"
)

// BenchmarkJudge judges real phishing without decoding pictures; ns/op is per message.
func BenchmarkJudge(b *testing.B) {
	s, _, err := Read(context.Background(), "phishing", true, testenv.Data(b, "mail", "phishing"))
	if err != nil {
		b.Fatal(err)
	}
	dir, _, err := people.Parse("", strings.NewReader(""))
	if err != nil {
		b.Fatal(err)
	}
	model, err := mail.ShippedModel()
	if err != nil {
		b.Fatal(err)
	}
	cfg := mail.DefaultConfig()
	cfg.Images = -1
	j := mail.NewJudge(dir, cfg, model)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		m := s.Mails[i%len(s.Mails)]
		j.Judge(message.Parse(m.Raw, message.DefaultLimits()), Facts(m))
		i++
	}
}
