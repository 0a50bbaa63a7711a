package bench

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// legitimate counts targeted findings above informational on mail that nobody
// means harm with, while the names of 20,000 people lie in wait for collisions.
//
// Twice: the mail as it is, which reached nobody of the house; and, harder,
// every source as if it were the mailbox of a protected person, so that the
// context counts against the sender wherever rules ask for it.
func legitimate(ctx context.Context, b *bench, s *Section) error {
	list, err := b.collections()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(c collection) bool { return !c.ham })
	s.condition("%d invented people and the shipped text model are loaded; each source is scanned by itself into an empty store; mail is used as it is.", crowdSize)
	if b.cfg.SpamAssassin == "" {
		s.condition("SpamAssassin's ham is missing: name its folder with --spamassassin or PORTCULLIS_SPAMASSASSIN.")
	}
	people, err := b.crowd("")
	if err != nil {
		return err
	}
	alarms, messages := 0, 0
	for _, c := range list {
		n, err := b.alarmsOn(ctx, s, people, c, "")
		if err != nil {
			return err
		}
		alarms, messages = alarms+n, messages+c.n
		if c.name == "newsletter-pairs" {
			s.claim(fmt.Sprintf("Above informational: %s (%d)", c.name, c.n), fmt.Sprint(n), "0", n == 0)
		} else {
			s.tell(fmt.Sprintf("Above informational: %s (%d)", c.name, c.n), "%d", n)
		}
	}
	s.claim(fmt.Sprintf("Above informational: all ham (%d)", messages), fmt.Sprint(alarms), "at most 1", alarms <= 1)
	if err := b.received(ctx, s, list); err != nil {
		return err
	}
	return b.pairs(ctx, s)
}

// alarmsOn scans a source and lists what it found above informational.
func (b *bench) alarmsOn(ctx context.Context, s *Section, people string, c collection, how string) (int, error) {
	b.say("  %s%s: %d messages", c.name, how, c.n)
	lines, _, err := b.scan(ctx, scanning{people: people, mail: c.dir})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	n := 0
	for _, line := range lines {
		rules := line.above()
		if len(rules) == 0 {
			continue
		}
		n++
		s.detail("false alarm%s: %s/%s: %s", how, c.name, line.Source, strings.Join(rules, ", "))
	}
	return n, nil
}

// received puts each source into the mailbox of a protected person.
func (b *bench) received(ctx context.Context, s *Section, list []collection) error {
	total, messages := 0, 0
	for _, c := range list {
		if c.name == "newsletter-pairs" {
			continue // has its own, with two readers
		}
		extra := fmt.Sprintf("[mailboxes]\n%q = \"d00007\"\n", filepath.Base(c.dir))
		people, err := b.crowd(extra)
		if err != nil {
			return err
		}
		n, err := b.alarmsOn(ctx, s, people, c, " (received by a protected person)")
		if err != nil {
			return err
		}
		total, messages = total+n, messages+c.n
	}
	s.tell(fmt.Sprintf("Above informational: the same as a protected person's mailbox (%d)", messages), "%d", total)
	return nil
}

// pairs gives the newsletters that two subscribers got to two protected people,
// each copy into its reader's mailbox. That they track is true and should be
// said; that is all.
func (b *bench) pairs(ctx context.Context, s *Section) error {
	from, err := b.data("mail", "newsletter-pairs")
	if err != nil {
		return err
	}
	dir, n, err := b.splitPairs(from)
	if err != nil {
		return err
	}
	people, err := b.crowd("[mailboxes]\nu1 = \"d00011\"\nu2 = \"d00012\"\n")
	if err != nil {
		return err
	}
	lines, _, err := b.scan(ctx, scanning{people: people, mail: dir})
	if err != nil {
		return err
	}
	tracked, alarms := map[string]int{}, 0
	for _, line := range lines {
		if rules := line.above(); len(rules) > 0 {
			alarms++
			s.detail("false alarm on a newsletter pair: %s: %s", line.Source, strings.Join(rules, ", "))
		}
		if line.has("mail/reconnaissance") {
			tracked[filepath.Base(line.Source)]++
		}
	}
	maps.DeleteFunc(tracked, func(_ string, copies int) bool { return copies < 2 })
	s.claim("Newsletter pairs seen as individually tracked", fmt.Sprintf("%d of %d", len(tracked), n), "7 of 7", len(tracked) == n && n >= 7)
	s.claim("Above informational: newsletter pairs, both readers protected", fmt.Sprint(alarms), "0", alarms == 0)
	return nil
}

// splitPairs puts the copies into one folder per subscriber, under one name.
func (b *bench) splitPairs(from string) (dir string, n int, err error) {
	if dir, err = b.folder("pairs"); err != nil {
		return "", 0, err
	}
	files, err := messageFiles(from)
	if err != nil {
		return "", 0, err
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		reader := name[len(name)-2:]
		if reader != "u1" && reader != "u2" {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return "", 0, err
		}
		to := filepath.Join(dir, reader, strings.TrimRight(name[:len(name)-2], ".-")+".eml")
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return "", 0, err
		}
		if err := os.WriteFile(to, raw, 0o600); err != nil {
			return "", 0, err
		}
		if reader == "u1" {
			n++
		}
	}
	return dir, n, nil
}
