package bench

import (
	"context"
	"fmt"

	"portcullis.example/portcullis/internal/trial"
)

// phishing measures the tagging of ordinary phishing. It judges in this process:
// learning has to be part of what is measured, and the store has not.
func phishing(ctx context.Context, b *bench, s *Section) error {
	dir, err := b.data()
	if err != nil {
		return err
	}
	corpus := ""
	if b.cfg.SpamAssassin != "" {
		if corpus, err = spamAssassinRoot(b.cfg.SpamAssassin); err != nil {
			return err
		}
	} else {
		s.condition("SpamAssassin's corpus was not named: its ham is not among the sources")
	}
	report, err := trial.Phishing(ctx, dir, corpus, nil)
	if err != nil {
		return err
	}
	s.condition("Each source split at its own median date; learnt on the earlier halves, judged on the later. Newsletters, too few to split, are judged whole")
	s.condition("Normalised before judging: line ends, list fields, footers and subject tags, Authentication-Results, X- fields, Received, dates, recipients")
	s.condition("Default thresholds, no history, no DNS")
	for i, p := range report.Phases {
		found, worst, where := p.Found()
		value := fmt.Sprintf("%.1f %% tagged; worst ham source %.1f %% (%s)", 100*found, 100*worst, where)
		if i < 3 {
			s.claim("Ordinary phishing "+p.Name, value, "≥ 70 % at ≤ 1 % in every ham source", found >= 0.70 && worst <= 0.01)
		} else {
			s.tell(p.Name, "%s", value)
		}
		for _, r := range p.Results {
			s.detail("%s: %s %d of %d tagged", p.Name, r.Source, r.Tagged, r.Mails)
		}
	}
	return nil
}
