package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/authn"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/synth"
)

// speed measures messages per CPU-second: of this process while it judges, and of
// fresh processes that scan and store.
func speed(ctx context.Context, b *bench, s *Section) error {
	dir, err := b.data("mail", "phishing")
	if err != nil {
		return err
	}
	s.condition("CPU time is user and system time over all threads, garbage collection included. 20,000 people loaded; the phishing set; files in the page cache.")
	if err := b.judging(s, dir); err != nil {
		return err
	}
	if err := b.storing(ctx, s, dir); err != nil {
		return err
	}
	return b.linear(ctx, s)
}

// judging measures parsing, authentication and all rules, without a store.
func (b *bench) judging(s *Section, dir string) error {
	raws, err := readAll(dir)
	if err != nil {
		return err
	}
	if _, err := b.crowd(""); err != nil {
		return err
	}
	who, _, err := people.Parse("people.toml", strings.NewReader(b.who))
	if err != nil {
		return err
	}
	model, err := mail.ShippedModel()
	if err != nil {
		return fmt.Errorf("shipped text model: %w", err)
	}
	seconds := time.Duration(b.full(8, 2)) * time.Second
	cfg := mail.DefaultConfig()
	cfg.Images = -1
	bare, err := perSecond(raws, seconds, func() func([]byte) { return judgeWith(mail.NewJudge(who, cfg, model)) })
	if err != nil {
		return err
	}
	s.claim("Judged, without image decoding", fmt.Sprintf("%.0f messages per CPU-second", bare), "at least 1,000", bare >= 1000)
	whole, err := perSecond(raws, seconds, func() func([]byte) { return judgeWith(mail.NewJudge(who, mail.DefaultConfig(), model)) })
	if err != nil {
		return err
	}
	s.tell("Judged, with image decoding", "%.0f messages per CPU-second", whole)
	parsed, err := perSecond(raws, seconds/2, func() func([]byte) {
		return func(raw []byte) { message.Parse(raw, message.DefaultLimits()).PlainText() }
	})
	if err != nil {
		return err
	}
	s.tell("Parsed only", "%.0f messages per CPU-second", parsed)
	return nil
}

// judgeWith does to a message what a scan does, but for reading and storing.
func judgeWith(j *mail.Judge) func(raw []byte) {
	return func(raw []byte) {
		m := message.Parse(raw, message.DefaultLimits())
		f := &mail.Facts{Schema: 1, Engine: mail.Engine, Event: string(portcullis.NewID("event", "mail", m.Digest()))}
		f.Time, _ = m.Header.Date()
		in := authn.Input{Raw: m.Raw, Received: f.Time, MailFrom: strings.Trim(m.Header.Get("Return-Path"), "<> \t")}
		for _, from := range m.From() {
			in.FromDomains = append(in.FromDomains, from.Domain)
		}
		f.Authn = authn.Evaluate(context.Background(), in, nil)
		j.Judge(m, f)
	}
}

// perSecond goes over all messages, whole rounds, until so much CPU time has passed. What does
// it is made anew for each round: a judge remembers the pictures that it has seen.
func perSecond(raws [][]byte, atLeast time.Duration, fresh func() func([]byte)) (float64, error) {
	began, ok := cpuTime()
	if !ok {
		return 0, errors.New("this system does not tell the CPU time of a process")
	}
	for n := 0; ; {
		fn := fresh()
		for _, raw := range raws {
			fn(raw)
		}
		n += len(raws)
		now, _ := cpuTime()
		if used := now - began; used >= atLeast {
			return float64(n) / used.Seconds(), nil
		}
	}
}

// storing measures a whole scan. What starting with 20,000 people costs is
// measured by scanning one mail, told, and taken off.
func (b *bench) storing(ctx context.Context, s *Section, dir string) error {
	who, err := b.crowd("")
	if err != nil {
		return err
	}
	files, err := messageFiles(dir)
	if err != nil {
		return err
	}
	_, start, err := b.scan(ctx, scanning{people: who, mail: files[0]})
	if err != nil {
		return err
	}
	best := 0.0
	for range b.full(3, 1) {
		lines, o, err := b.scan(ctx, scanning{people: who, mail: dir})
		if err != nil {
			return err
		}
		best = max(best, float64(len(lines)-1)/(o.cpu-start.cpu).Seconds())
	}
	s.claim("Scanned: everything on, stored", fmt.Sprintf("%.0f messages per CPU-second", best), "at least 500", best >= 500)
	s.tell("… starting with 20,000 people, taken off", "%s CPU", milliseconds(start.cpu))
	return nil
}

// linear scans n, 2n and 4n mails: everyday ones, and letters that are all alike,
// which is the hard case for comparing copies.
func (b *bench) linear(ctx context.Context, s *Section) error {
	n := b.full(2000, 300)
	for _, c := range []struct {
		name string
		make func(seed uint64, h *synth.House, n int) []synth.Mail
	}{{"everyday mail", synth.Everyday}, {"near-identical letters", synth.Letters}} {
		var each []time.Duration
		for _, times := range []int{1, 2, 4} {
			cost, err := b.costPerMail(ctx, c.make, n*times)
			if err != nil {
				return err
			}
			each = append(each, cost)
		}
		growth := float64(each[2]) / float64(each[0])
		s.claim(fmt.Sprintf("CPU per mail at %d, %d, %d: %s", n, 2*n, 4*n, c.name),
			fmt.Sprintf("%.2f, %.2f, %.2f ms", ms(each[0]), ms(each[1]), ms(each[2])), "linear: grows under a quarter", growth < 1.25)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (b *bench) costPerMail(ctx context.Context, make func(seed uint64, h *synth.House, n int) []synth.Mail, n int) (time.Duration, error) {
	h := synth.NewHouse(reportingSeeds[0], housePeople)
	dir, err := b.folder("linear")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "all.mbox")
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	mails := make(reportingSeeds[0], h, n)
	if err := errors.Join(synth.WriteMbox(f, mails), f.Close()); err != nil {
		return 0, err
	}
	people, err := b.write("house.toml", h.PeopleTOML())
	if err != nil {
		return 0, err
	}
	lines, o, err := b.scan(ctx, scanning{people: people, mail: path})
	if err != nil {
		return 0, err
	}
	if len(lines) != len(mails) {
		return 0, fmt.Errorf("%d of %d mails judged: %s", len(lines), len(mails), tail(o.out))
	}
	return o.cpu / time.Duration(len(lines)), nil
}
