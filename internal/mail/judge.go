// Package mail judges messages and compares copies of them.
//
// Judging is pure: Judge(Message, Facts) gives a Verdict, Compare([]Copy) gives
// Findings, and neither does I/O. What they need to know of the world is in
// Facts, gathered beforehand. One rule_*.go per rule, its cases beside it.
//
// # Two kinds of attention
//
// Targeted findings concern a protected person or organisation and are meant
// for a person's eye. Ordinary findings (mass phishing, spam) are always
// informational: together they may tag a message, and nobody is asked to look.
//
// # The score
//
// Every statement carries points. A message's score is their sum, limited to
// 0–100, after each rule's share is scaled by Config.Points. Points are fixed
// beforehand, shown with every finding, and add up on paper: the officer who
// asks "why 62?" gets a list of numbers that sum to 62. A message is tagged at
// Config.Tag, held at Config.Hold, refused at Config.Refuse.
package mail

import (
	"cmp"
	"slices"
	"sort"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/attach"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
)

// Engine names the version of the judging code as a whole. It is part of the
// facts, so that a replay by another version is told apart.
const Engine = "mail/1"

// registerCopyRule is the one rule asked about files on a server.
const registerCopyRule = "mail/register-copy"

// Judge holds what all messages of a run are judged with. It is immutable and
// safe for concurrent use.
type Judge struct {
	people *people.Directory
	cfg    Config
	rules  []Rule
	model  TextModel
	themes map[string]int // how many protected people share a committee or topic

	pictures *attach.Pictures // what was found in those seen before
}

// TextModel is the learned model of rule_text.go; nil works without.
type TextModel interface {
	// Version is a hash of the weights.
	Version() string
	// Score gives the log-odds of phishing and the strongest features for and against.
	Score(in *Input) (logOdds float64, strongest []Feature)
	// Encode is the stored form, which ReadModel reads.
	Encode() []byte
}

// Feature is one word or trait that moved the text model.
type Feature struct {
	Name   string
	Weight float64
}

// NewJudge makes a judge. A nil directory protects nobody.
func NewJudge(dir *people.Directory, cfg Config, model TextModel) *Judge {
	if cfg.NoModel {
		model = nil
	}
	if dir == nil {
		dir = &people.Directory{}
	}
	return &Judge{people: dir, cfg: cfg, rules: rules(), model: model, themes: themeCounts(dir), pictures: new(attach.Pictures)}
}

// RuleNames lists the rules without their versions, sorted.
func RuleNames() []string {
	var names []string
	for _, r := range rules() {
		names = append(names, r.Name)
	}
	names = append(names, compareRule.Name)
	sort.Strings(names)
	return names
}

// Judge looks at one message.
func (j *Judge) Judge(m *message.Message, f *Facts) portcullis.Verdict {
	return j.JudgeInput(j.NewInput(m, f))
}

// JudgeInput is Judge for a message that is prepared already.
func (j *Judge) JudgeInput(in *Input) portcullis.Verdict {
	f := in.F
	var findings []portcullis.Finding
	for _, r := range j.rules {
		if f.BulkCopies && r.Name != registerCopyRule {
			continue // a file on a server has no sender to judge
		}
		for _, s := range r.Judge(in) {
			s.Points = j.cfg.scale(r.Name, s.Points)
			findings = append(findings, s.finding(r, f))
		}
	}
	return j.cfg.Verdict(findings, in.unknowns())
}

// Verdict adds up findings. It is what both judging and comparing end with.
func (c Config) Verdict(findings []portcullis.Finding, unknown []string) portcullis.Verdict {
	slices.SortStableFunc(findings, func(a, b portcullis.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.Points, a.Points), cmp.Compare(a.ID, b.ID))
	})
	sum := 0
	for _, f := range findings {
		sum += f.Points
	}
	score := min(max(sum, 0), 100)
	return portcullis.Verdict{
		Action:   c.action(score),
		Score:    uint8(score),
		Findings: findings,
		Unknown:  unknown,
	}
}

func (c Config) action(score int) portcullis.Action {
	switch {
	case score >= c.Refuse:
		return portcullis.Refuse
	case score >= c.Hold:
		return portcullis.Hold
	case score >= c.Tag:
		return portcullis.Tag
	default:
		return portcullis.Pass
	}
}

func (c Config) scale(rule string, points int) int {
	if percent, ok := c.Points[rule]; ok {
		return points * percent / 100
	}
	return points
}

// AboutRule says what a rule looks for, by the id that findings carry.
func AboutRule(id string) string {
	for _, r := range append(rules(), compareRule, SilenceRule) {
		if r.ID() == id {
			return r.About
		}
	}
	return "a rule of another version of this program"
}
