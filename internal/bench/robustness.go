package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"portcullis.example/portcullis/internal/mail/message"
)

// robustness scans every source of mail and accounts for every message: it has a
// verdict, or it is named as unread, or it was lost in silence.
func robustness(ctx context.Context, b *bench, s *Section) error {
	list, err := b.collections()
	if err != nil {
		return err
	}
	if b.cfg.SpamAssassin == "" {
		s.condition("SpamAssassin's public corpus is missing: name its folder with --spamassassin or PORTCULLIS_SPAMASSASSIN.")
	}
	var total account
	for _, c := range list {
		b.say("  %s: %d messages", c.name, c.n)
		a, err := b.accountFor(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		s.detail("%s: %d of %d judged, %d reported as unread, %d with parser disagreements", c.name, a.judged, a.messages, a.reported, a.disagreements)
		total.add(a)
	}
	for _, name := range total.silent {
		s.detail("unread in silence: %s", name)
	}
	for _, what := range total.panics {
		s.detail("%s", what)
	}
	s.claim("Messages judged", percent(total.judged, total.messages), "all", total.judged == total.messages)
	s.claim("Panics", fmt.Sprint(len(total.panics)), "0", len(total.panics) == 0)
	s.claim("Unread in silence", fmt.Sprint(len(total.silent)), "0", len(total.silent) == 0)
	s.tell("Messages that parsers disagree about", "%d", total.disagreements)
	return nil
}

// account is what became of the messages of one source.
type account struct {
	messages, judged, reported, disagreements int
	silent, panics                            []string
}

func (a *account) add(b account) {
	a.messages += b.messages
	a.judged += b.judged
	a.reported += b.reported
	a.disagreements += b.disagreements
	a.silent = append(a.silent, b.silent...)
	a.panics = append(a.panics, b.panics...)
}

func (b *bench) accountFor(ctx context.Context, c collection) (account, error) {
	a := account{messages: c.n}
	lines, o, err := b.scan(ctx, scanning{mail: c.dir})
	if err != nil {
		return a, err
	}
	for _, said := range [][]byte{o.out, o.err} {
		if strings.Contains(string(said), "panic") {
			a.panics = append(a.panics, c.name+": "+tail(said))
		}
	}
	judged := map[string]bool{}
	for _, line := range lines {
		judged[line.Source] = true
		for _, what := range line.Unknown {
			if strings.Contains(what, "panic") {
				a.panics = append(a.panics, line.Source+": "+what)
			}
		}
	}
	files, err := messageFiles(c.dir)
	if err != nil {
		return a, err
	}
	for _, file := range files {
		rel, err := filepath.Rel(c.dir, file)
		if err != nil {
			return a, err
		}
		switch rel = filepath.ToSlash(rel); {
		case judged[rel]:
			a.judged++
		case strings.Contains(string(o.out), rel):
			a.reported++
		default:
			a.silent = append(a.silent, c.name+"/"+rel)
		}
		disagreeing, err := disagreement(file)
		if err != nil {
			a.panics = append(a.panics, err.Error())
		}
		if disagreeing {
			a.disagreements++
		}
	}
	return a, nil
}

// disagreement asks whether other parsers would read a message differently.
func disagreement(file string) (yes bool, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic on %s: %v", file, v)
		}
	}()
	m := message.Parse(raw, message.DefaultLimits())
	if !m.Suspicious() {
		return false, nil
	}
	for _, d := range message.Disagreements(m) {
		if d.Kind == message.ParsersDisagree {
			return true, nil
		}
	}
	return false, nil
}
