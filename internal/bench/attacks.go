package bench

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/synth"
)

// reportingSeeds are odd: the generator's even and odd seeds share neither
// templates nor subjects nor wording, and rules are tuned on even ones only.
var reportingSeeds = []uint64{101, 211, 307, 401, 503, 601, 701}

// attack is one kind of generated attack.
type attack struct {
	name   string
	rule   string // whose finding it should be; "" if several share the work
	target float64
	make   func(seed uint64, h *synth.House, n int) []synth.Mail
	n      int // per class, or campaigns
}

func kinds() []attack {
	return []attack{
		{"impersonation", "mail/impersonation", 98, synth.Impersonation, 6},
		{"reconnaissance", "mail/reconnaissance", 95, synth.Reconnaissance, 24},
		{"lure", "mail/lure", 0, synth.Lure, 6},
		{"credential", "", 0, synth.Credential, 6},
		{"attachment", "mail/attachment", 0, synth.Attachments, 6},
		{"hijack", "mail/hijack", 0, synth.Hijack, 6},
		{"register", "mail/register-copy", 0, synth.RegisterCopies, 6},
	}
}

const housePeople, everydayMails, letterMails = 60, 400, 60

// attacks scans the house of every seed, once per kind of attack, with a
// background of everyday mail, and compares with what the generator knows.
func attacks(ctx context.Context, b *bench, s *Section) error {
	seeds := reportingSeeds[:b.full(5, 1)]
	s.condition("Generated at odd seeds %v; per seed a house of %d people, each kind of attack in its own store among %d everyday mails; \"found\" is a finding above informational on the message, \"marked\" that or a tag.", seeds, housePeople, everydayMails)
	s.condition("The house's own gateway is configured as trusted for Authentication-Results and Received, as it would be.")
	everyday := newScore()
	for _, k := range kinds() {
		score := newScore()
		for _, seed := range seeds {
			b.say("  %s, seed %d", k.name, seed)
			if err := b.attack(ctx, k, seed, score, everyday); err != nil {
				return fmt.Errorf("%s, seed %d: %w", k.name, seed, err)
			}
		}
		score.report(s, k)
	}
	for _, seed := range seeds {
		if err := b.letters(ctx, seed, everyday); err != nil {
			return fmt.Errorf("letters, seed %d: %w", seed, err)
		}
	}
	everyday.harmless(s, "everyday mail and campaign letters")
	return nil
}

// attack runs one kind in one house.
func (b *bench) attack(ctx context.Context, k attack, seed uint64, score, everyday *score) error {
	h := synth.NewHouse(seed, housePeople)
	made, usual := k.make(seed, h, k.n), synth.Everyday(seed, h, everydayMails)
	verdicts, err := b.scanHouse(ctx, h, slices.Concat(made, usual))
	if err != nil {
		return err
	}
	score.count(k.rule, seed, made, verdicts[:len(made)])
	everyday.count(k.rule, seed, usual, verdicts[len(made):])
	return nil
}

// letters are many alike from the public, which are no attack.
func (b *bench) letters(ctx context.Context, seed uint64, everyday *score) error {
	h := synth.NewHouse(seed, housePeople)
	mails := synth.Letters(seed, h, letterMails)
	verdicts, err := b.scanHouse(ctx, h, mails)
	if err != nil {
		return err
	}
	everyday.count("", seed, mails, verdicts)
	return nil
}

// scanHouse writes mails into the mailboxes of a house, scans them, and returns
// their verdicts in the order of mails.
func (b *bench) scanHouse(ctx context.Context, h *synth.House, mails []synth.Mail) ([]*verdictLine, error) {
	dir, err := b.folder("house")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	mails = distinctPaths(mails)
	if err := synth.WriteTree(dir, mails); err != nil {
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
	lines, o, err := b.scan(ctx, scanning{people: people, config: config, mail: dir})
	if err != nil {
		return nil, err
	}
	bySource := map[string]*verdictLine{}
	for i := range lines {
		bySource[lines[i].Source] = &lines[i]
	}
	verdicts := make([]*verdictLine, len(mails))
	for i, m := range mails {
		if verdicts[i] = bySource[m.Path]; verdicts[i] == nil {
			return nil, fmt.Errorf("no verdict on %s: %s", m.Path, tail(o.out))
		}
	}
	return verdicts, nil
}

// distinctPaths renames mails of different generators that would lie in one file.
func distinctPaths(mails []synth.Mail) []synth.Mail {
	taken := map[string]bool{}
	mails = slices.Clone(mails)
	for i := range mails {
		path, ext := mails[i].Path, filepath.Ext(mails[i].Path)
		for n := 2; taken[mails[i].Path]; n++ {
			mails[i].Path = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, ext), n, ext)
		}
		taken[mails[i].Path] = true
	}
	return mails
}

// trusting is a configuration that believes the house's own gateways.
func trusting(h *synth.House) string {
	gateways := []string{h.AuthServID}
	for _, o := range h.Organisations {
		for _, d := range o.Domains {
			gateways = append(gateways, "mx."+d)
		}
	}
	slices.Sort(gateways)
	quoted := `"` + strings.Join(slices.Compact(gateways), `", "`) + `"`
	return fmt.Sprintf("[mail]\ntrusted_authserv = [%s]\ntrusted_relays = [%s]\n", quoted, quoted)
}

// tally counts one class.
type tally struct{ all, found, byRule, marked int }

// campaign counts the copies of one campaign.
type campaign struct{ copies, found int }

// score compares verdicts with the truth.
type score struct {
	classes   map[string]*tally
	campaigns map[string]*campaign // malicious ones
	benign    int
	alarms    map[string]int // false ones by class
	benignOf  map[string]int
	missed    []string
	wrong     []string
}

func newScore() *score {
	return &score{classes: map[string]*tally{}, campaigns: map[string]*campaign{}, alarms: map[string]int{}, benignOf: map[string]int{}}
}

func (s *score) count(rule string, seed uint64, mails []synth.Mail, verdicts []*verdictLine) {
	for i, m := range mails {
		above := verdicts[i].above()
		switch {
		case m.Truth.Background:
		case m.Truth.Malicious:
			s.attack(rule, seed, m, verdicts[i])
		default:
			s.benign++
			s.benignOf[m.Truth.Class]++
			if len(above) > 0 {
				s.alarms[m.Truth.Class]++
				s.wrong = append(s.wrong, fmt.Sprintf("%s, seed %d, %s: %s", m.Truth.Class, seed, m.Path, strings.Join(above, ", ")))
			}
		}
	}
}

func (s *score) attack(rule string, seed uint64, m synth.Mail, v *verdictLine) {
	above := v.above()
	t := s.classes[m.Truth.Class]
	if t == nil {
		t = &tally{}
		s.classes[m.Truth.Class] = t
	}
	key := fmt.Sprint(seed, " ", m.Truth.Campaign)
	c := s.campaigns[key]
	if c == nil {
		c = &campaign{}
		s.campaigns[key] = c
	}
	t.all++
	c.copies++
	if len(above) > 0 || v.Action != "pass" {
		t.marked++
	}
	if len(above) == 0 {
		s.missed = append(s.missed, fmt.Sprintf("%s, seed %d, %s", m.Truth.Class, seed, m.Path))
		return
	}
	t.found++
	c.found++
	if slices.Contains(above, rule) {
		t.byRule++
	}
}

// most is how many misses and false alarms of a kind are listed.
const most = 12

func (s *score) report(out *Section, k attack) {
	var all, found, byRule, marked int
	for _, class := range sortedKeys(s.classes) {
		t := s.classes[class]
		all, found, byRule, marked = all+t.all, found+t.found, byRule+t.byRule, marked+t.marked
		out.detail("%s: found %s, marked %d", class, percent(t.found, t.all), t.marked)
	}
	if k.name == "reconnaissance" {
		s.reportCampaigns(out, k)
	} else if k.target > 0 {
		out.claim("Found: "+k.name, percent(found, all), fmt.Sprintf("at least %.0f %%", k.target), reaches(found, all, k.target))
	} else {
		out.tell("Found: "+k.name, "%s", percent(found, all))
	}
	if k.rule != "" {
		out.tell("… by "+k.rule, "%s", percent(byRule, all))
	}
	out.tell("… marked at least", "%s", percent(marked, all))
	for _, line := range s.missed[:min(len(s.missed), most)] {
		out.detail("missed: %s", line)
	}
	s.harmless(out, "harmless mail of the same shape ("+k.name+")")
}

// reportCampaigns counts whole campaigns: one is found if a copy of it is, since
// the comparison names all readers; how many copies carry the finding is told beside.
func (s *score) reportCampaigns(out *Section, k attack) {
	var found, whole, copies, marked int
	for _, key := range sortedKeys(s.campaigns) {
		c := s.campaigns[key]
		copies, marked = copies+c.copies, marked+c.found
		if c.found > 0 {
			found++
		}
		if c.found == c.copies {
			whole++
		}
	}
	out.claim("Found: reconnaissance campaigns", percent(found, len(s.campaigns)), fmt.Sprintf("at least %.0f %%", k.target), reaches(found, len(s.campaigns), k.target))
	out.tell("… with every copy marked", "%s", percent(whole, len(s.campaigns)))
	out.tell("… copies marked", "%s", percent(marked, copies))
}

func (s *score) harmless(out *Section, what string) {
	if s.benign == 0 {
		return
	}
	out.tell("False alarms: "+what, "%d of %d", len(s.wrong), s.benign)
	for _, class := range sortedKeys(s.alarms) {
		out.detail("false alarms on %s: %d of %d", class, s.alarms[class], s.benignOf[class])
	}
	for _, line := range s.wrong[:min(len(s.wrong), most)] {
		out.detail("false alarm: %s", line)
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
