package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/synth"
)

const (
	operations    = 24
	publicLetters = 10_000
)

// campaigns scans houses in which operations run that are known, lets the program put the
// findings together, and compares pairs of mails.
func campaigns(ctx context.Context, b *bench, s *Section) error {
	seeds := reportingSeeds[:b.full(7, 2)]
	s.condition("Generated at odd seeds %v; per seed a house of %d people, %d operations of two to twenty mails in up to four waves, among %d everyday mails, neighbours on the same web space, the newsletters whose text was copied, circulars that quote two operations.", seeds, housePeople, operations, everydayMails)
	s.condition("A pair is two mails; it is right if both are of one operation. All mails of operations count, those that no rule found as well; circulars and forwarded mail do not.")
	var all, found pairs
	for _, seed := range seeds {
		b.say("  operations, seed %d", seed)
		h := synth.NewHouse(seed, housePeople)
		mails := slices.Concat(synth.Incidents(seed, h, operations), synth.Everyday(seed, h, everydayMails))
		groups, err := b.groups(ctx, h, mails)
		if err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
		one := compare(mails, groups, false)
		s.detail("seed %d: %s; of mails that a rule found: %s; alone or not found: %s", seed, one, compare(mails, groups, true), outside(mails, groups))
		all.add(one)
		found.add(compare(mails, groups, true))
	}
	s.claim("pairwise F1, all mails of operations", fmt.Sprintf("%.3f", all.f1()), "≥ 0.95", all.f1() >= 0.95)
	s.tell("precision, recall", "%.3f, %.3f", all.precision(), all.recall())
	s.tell("pairwise F1, mails that a rule found", "%.3f", found.f1())
	return b.publicLetters(ctx, s)
}

// publicLetters are near-identical letters of many people: no campaign of attack.
func (b *bench) publicLetters(ctx context.Context, s *Section) error {
	n := b.full(publicLetters, 2000)
	seed := reportingSeeds[0]
	h := synth.NewHouse(seed, housePeople)
	mails := synth.Letters(seed, h, n)
	b.say("  %d letters", n)
	began := time.Now()
	groups, err := b.groups(ctx, h, mails)
	if err != nil {
		return fmt.Errorf("letters: %w", err)
	}
	inside := 0
	for _, m := range mails {
		if groups[eventOf(m)] != "" {
			inside++
		}
	}
	s.claim(fmt.Sprintf("letters of %d that are in a campaign", n), fmt.Sprint(inside), "0", inside == 0)
	s.tell("time for the letters, scan and campaigns", "%.0f s", time.Since(began).Seconds())
	return nil
}

// groups scans mails and returns the campaign of each event that is in one.
func (b *bench) groups(ctx context.Context, h *synth.House, mails []synth.Mail) (map[portcullis.ID]string, error) {
	dir, err := b.folder("operations")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "data")
	if err := synth.WriteTree(filepath.Join(dir, "mail"), distinctPaths(mails)); err != nil {
		return nil, err
	}
	people, err := b.write("house.toml", h.PeopleTOML())
	if err != nil {
		return nil, err
	}
	config, err := b.write("config.toml", trusting(h))
	if err != nil {
		return nil, err
	}
	if _, o, err := b.scan(ctx, scanning{people: people, config: config, mail: filepath.Join(dir, "mail"), data: data}); err != nil {
		return nil, fmt.Errorf("%w: %s", err, tail(o.err))
	}
	if _, err := b.run(ctx, "campaigns", "settle", "--data", data, "--config", config); err != nil {
		return nil, err
	}
	return b.members(ctx, data, config)
}

// members asks the program for its campaigns.
func (b *bench) members(ctx context.Context, data, config string) (map[portcullis.ID]string, error) {
	o, err := b.run(ctx, "campaigns", "list", "--data", data, "--config", config, "--limit", "0", "--all", "--format", "json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Campaigns []struct {
			ID string `json:"id"`
		} `json:"campaigns"`
	}
	if err := json.Unmarshal([]byte(o.out), &list); err != nil {
		return nil, fmt.Errorf("read the campaigns: %w: %s", err, tail(o.out))
	}
	groups := map[portcullis.ID]string{}
	for _, c := range list.Campaigns {
		o, err := b.run(ctx, "campaigns", "show", c.ID, "--data", data, "--config", config, "--format", "json")
		if err != nil {
			return nil, err
		}
		var one struct {
			Members []struct {
				Event portcullis.ID `json:"event"`
			} `json:"members"`
		}
		if err := json.Unmarshal([]byte(o.out), &one); err != nil {
			return nil, fmt.Errorf("read campaign %s: %w: %s", c.ID, err, tail(o.out))
		}
		for _, m := range one.Members {
			groups[m.Event] = c.ID
		}
	}
	return groups, nil
}

// eventOf is the id under which the program knows a mail.
func eventOf(m synth.Mail) portcullis.ID {
	return portcullis.NewID("event", "mail", message.Parse(m.Raw, message.DefaultLimits()).Digest())
}

// outside counts the mails of operations that are in no campaign, by what the operator kept.
func outside(mails []synth.Mail, groups map[portcullis.ID]string) string {
	counts := map[string][2]int{}
	for _, m := range mails {
		if !m.Truth.Malicious {
			continue
		}
		c := counts[m.Truth.Class]
		if c[1]++; groups[eventOf(m)] == "" {
			c[0]++
		}
		counts[m.Truth.Class] = c
	}
	text := ""
	for _, class := range slices.Sorted(maps.Keys(counts)) {
		text += fmt.Sprintf("%s %d/%d ", strings.TrimPrefix(class, "incident/"), counts[class][0], counts[class][1])
	}
	return strings.TrimSpace(text)
}

// pairs counts pairs of mails.
type pairs struct{ right, said, truly int }

func (p *pairs) add(q pairs) {
	p.right, p.said, p.truly = p.right+q.right, p.said+q.said, p.truly+q.truly
}

func (p pairs) precision() float64 { return share(p.right, p.said) }
func (p pairs) recall() float64    { return share(p.right, p.truly) }

func (p pairs) f1() float64 { return share(2*p.right, p.said+p.truly) }

func (p pairs) String() string {
	return fmt.Sprintf("F1 %.3f (precision %.3f, recall %.3f, %d pairs)", p.f1(), p.precision(), p.recall(), p.truly)
}

func share(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

// compare counts over all mails, or over those that came into some campaign or alone but were
// found: with foundOnly a mail of an operation that is in no campaign is left out.
func compare(mails []synth.Mail, groups map[portcullis.ID]string, foundOnly bool) (p pairs) {
	type labelled struct{ truth, said string }
	var list []labelled
	for _, m := range mails {
		said := groups[eventOf(m)]
		if m.Truth.Background || foundOnly && said == "" || m.Truth.Campaign == "" && said == "" {
			continue
		}
		truth := ""
		if m.Truth.Malicious {
			truth = m.Truth.Campaign
		}
		list = append(list, labelled{truth, said})
	}
	for i, a := range list {
		for _, b := range list[:i] {
			same := a.truth != "" && a.truth == b.truth
			together := a.said != "" && a.said == b.said
			if same {
				p.truly++
			}
			if together {
				p.said++
			}
			if same && together {
				p.right++
			}
		}
	}
	return p
}
