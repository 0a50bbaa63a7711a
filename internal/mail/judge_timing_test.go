package mail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/synth"
	"portcullis.example/portcullis/internal/testenv"
)

// crowd protects as many people as a large legislature and its staff have.
func crowd(b *testing.B) *people.Directory {
	b.Helper()
	dir, _, err := people.Parse("people.toml", strings.NewReader(synth.Directory(2, 20_000)))
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

// phishingMails are real mails, for what judging costs on them.
func phishingMails(b *testing.B, n int) (raws [][]byte) {
	b.Helper()
	files, err := filepath.Glob(filepath.Join(testenv.Data(b, "mail", "phishing"), "*.eml"))
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files[:min(n, len(files))] {
		raw, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		raws = append(raws, raw)
	}
	return raws
}

func generatedMails(n int) (raws [][]byte) {
	for _, m := range synth.Everyday(2, synth.NewHouse(2, 40), n) {
		raws = append(raws, m.Raw)
	}
	return raws
}

func benchmarkJudge(b *testing.B, raws [][]byte, change func(*Config)) {
	model, err := ShippedModel()
	if err != nil {
		b.Fatal(err)
	}
	cfg := DefaultConfig()
	change(&cfg)
	j := NewJudge(crowd(b), cfg, model)
	f := &Facts{Schema: 1, Engine: Engine, Event: "event:00", Time: time.Unix(1.7e9, 0)}
	size := 0
	for _, raw := range raws {
		size += len(raw)
	}
	b.SetBytes(int64(size / len(raws)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		j.Judge(message.Parse(raws[i%len(raws)], message.DefaultLimits()), f)
		i++
	}
}

// BenchmarkJudge is one message, parsed and judged, with 20,000 people loaded.
func BenchmarkJudge(b *testing.B) {
	b.Run("everyday", func(b *testing.B) { benchmarkJudge(b, generatedMails(300), func(*Config) {}) })
	b.Run("phishing", func(b *testing.B) { benchmarkJudge(b, phishingMails(b, 1000), func(*Config) {}) })
	b.Run("phishing-without-images", func(b *testing.B) {
		benchmarkJudge(b, phishingMails(b, 1000), func(c *Config) { c.Images = -1 })
	})
	b.Run("phishing-without-model", func(b *testing.B) {
		benchmarkJudge(b, phishingMails(b, 1000), func(c *Config) { c.Images, c.NoModel = -1, true })
	})
}

// BenchmarkParse is what of it is reading the message.
func BenchmarkParse(b *testing.B) {
	raws := phishingMails(b, 1000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		message.Parse(raws[i%len(raws)], message.DefaultLimits()).PlainText()
		i++
	}
}

// BenchmarkRules tells the rules' share one by one.
func BenchmarkRules(b *testing.B) {
	raws := phishingMails(b, 300)
	model, err := ShippedModel()
	if err != nil {
		b.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Images = -1
	j := NewJudge(crowd(b), cfg, model)
	f := &Facts{Schema: 1, Engine: Engine, Event: "event:00", Time: time.Unix(1.7e9, 0)}
	for _, r := range rules() {
		b.Run(strings.TrimPrefix(r.Name, "mail/"), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				b.StopTimer()
				in := j.NewInput(message.Parse(raws[i%len(raws)], message.DefaultLimits()), f)
				b.StartTimer()
				r.Judge(in)
				i++
			}
		})
	}
}
