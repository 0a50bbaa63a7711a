package trial

import (
	"context"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
)

// Phases are the ways the rules are tried on ordinary phishing.
const (
	WithoutModel = "without the text model"
	Shipped      = "with the shipped model"
	Learnt       = "after learning from the earlier halves"
	NaiveBayes   = "baseline: naive Bayes alone, threshold for 1 % on the earlier halves"
	TenWords     = "baseline: one of ten words"
)

// Phase is one row of figures: how every source fared one way.
type Phase struct {
	Name    string   `json:"name"`
	Results []Result `json:"results"`
}

// Report is what Phishing measured. All mail was normalised, every source split
// at its own median date, and the later halves judged. The newsletters, too few
// to split, are judged whole.
type Report struct {
	Phases []Phase
}

// Sources reads the real mail that is measured on. Without SpamAssassin's
// corpus its sources are left out.
func Sources(ctx context.Context, dataDir, spamassassin string) ([]Source, error) {
	var list []Source
	for _, one := range []struct {
		name string
		bad  bool
	}{{"phishing", true}, {"ham", false}, {"ham-2007", false}, {"newsletter-pairs", false}} {
		s, _, err := Read(ctx, one.name, one.bad, filepath.Join(dataDir, "mail", one.name))
		if err != nil {
			return nil, err
		}
		if len(s.Mails) == 0 {
			return nil, fmt.Errorf("there is no mail in %s", filepath.Join(dataDir, "mail", one.name))
		}
		list = append(list, s)
	}
	if spamassassin == "" {
		return list, nil
	}
	easy, err := ReadSpamAssassin("spamassassin easy ham", false, spamassassin, "easy-ham-1", "easy-ham-2")
	if err != nil {
		return nil, err
	}
	hard, err := ReadSpamAssassin("spamassassin hard ham", false, spamassassin, "hard-ham-1")
	if err != nil {
		return nil, err
	}
	return append(list, easy, hard), nil
}

const tooFewToSplit = 30

// Phishing measures ordinary phishing three ways and against two trivial
// baselines, and writes a table to out (nil: nowhere). It takes the folder of
// real mail, and the data folder of SpamAssassin's corpus or "".
func Phishing(ctx context.Context, dataDir, spamassassin string, out io.Writer) (*Report, error) {
	sources, err := Sources(ctx, dataDir, spamassassin)
	if err != nil {
		return nil, err
	}
	var earlier, later []Source
	for _, s := range sources {
		s = s.Normalised()
		if len(s.Mails) < tooFewToSplit {
			later = append(later, s)
			continue
		}
		e, l := s.Split()
		earlier, later = append(earlier, e), append(later, l)
	}
	report, err := phases(ctx, earlier, later)
	if err != nil {
		return nil, err
	}
	if out != nil {
		report.print(out)
	}
	return report, nil
}

func phases(ctx context.Context, earlier, later []Source) (*Report, error) {
	dir, _, err := people.Parse("", strings.NewReader(""))
	if err != nil {
		return nil, err
	}
	cfg := mail.DefaultConfig()
	plain := mail.NewJudge(dir, cfg, nil)
	shipped, err := mail.ShippedModel()
	if err != nil {
		return nil, err
	}
	learnt, err := mail.TrainModel(ctx, Samples(ctx, plain, earlier), "earlier halves")
	if err != nil {
		return nil, err
	}
	report := &Report{}
	for _, way := range []struct {
		name string
		j    *mail.Judge
	}{{WithoutModel, plain}, {Shipped, mail.NewJudge(dir, cfg, shipped)}, {Learnt, mail.NewJudge(dir, cfg, learnt.Model)}} {
		p := Phase{Name: way.name}
		for _, s := range later {
			r, err := Try(ctx, way.j, s, nil)
			if err != nil {
				return nil, err
			}
			p.Results = append(p.Results, r)
		}
		report.Phases = append(report.Phases, p)
	}
	report.Phases = append(report.Phases, baselines(plain, earlier, later)...)
	return report, nil
}

// Samples makes sources into what the model is trained on.
func Samples(ctx context.Context, j *mail.Judge, sources []Source) iter.Seq2[mail.Sample, error] {
	return func(yield func(mail.Sample, error) bool) {
		for _, s := range sources {
			for _, m := range s.Mails {
				if err := ctx.Err(); err != nil {
					yield(mail.Sample{}, err)
					return
				}
				in := j.NewInput(message.Parse(m.Raw, message.DefaultLimits()), Facts(m))
				if !yield(mail.Sample{Input: in, Bad: s.Bad, Source: s.Name}, nil) {
					return
				}
			}
		}
	}
}

// Found is the share of bad mail tagged, and Worst the highest share of tagged
// mail among the legitimate sources.
func (p Phase) Found() (found, worst float64, where string) {
	bad, tagged := 0, 0
	for _, r := range p.Results {
		if r.Bad {
			bad += r.Mails
			tagged += r.Tagged
		} else if where == "" || r.Rate() > worst {
			worst, where = r.Rate(), r.Source
		}
	}
	if bad > 0 {
		found = float64(tagged) / float64(bad)
	}
	return found, worst, where
}

func (r *Report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "Tagged, later halves, normalised")
	for _, s := range r.Phases[0].Results {
		fmt.Fprintf(w, "\t%s (%d)", s.Source, s.Mails)
	}
	fmt.Fprintln(w)
	for _, p := range r.Phases {
		fmt.Fprint(w, p.Name)
		for _, s := range p.Results {
			fmt.Fprintf(w, "\t%.1f %%", 100*s.Rate())
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}
