package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/source"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/trial"
)

type learnCommand struct {
	Bad  []string `help:"Mail that was reported: files or folders. Repeatable; each path is a source with the same say." required:"" placeholder:"PATH" type:"path" sep:"none"`
	Good []string `help:"Legitimate mail, newsletters too. Repeatable: two or more kinds teach more than much of one." required:"" placeholder:"PATH" type:"path" sep:"none"`
	Raw  bool     `help:"Learn from the mail as it lies there, without removing what only tells collections apart."`
}

// Help teaches what the one-line help cannot.
func (learnCommand) Help() string {
	return `Trains the text model on the house's own mail and writes it to the data folder; later scans use it. The mail itself is not kept: the model holds words that occurred in several mails, with their weights, and can be read with any editor.

Newsletters, circulars and letters from the public belong to --good: what the model never saw as good it may take for bad. Verdicts given before stay as they are; scan --again judges with the new model.

Example:
  portcullis learn --data ./portcullis-data --bad ~/reported --good ~/newsletters --good ~/inbox.mbox`
}

// Run learns.
func (c *learnCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	cfg, err := loadConfig(g)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	a := &app{cfg: cfg, dir: cfg.Data}
	if err := a.place(false); err != nil {
		return err
	}
	training, unread, err := c.train(ctx, cfg)
	if errors.Is(err, mail.ErrOneSided) {
		return exitError{exitIncomplete, err}
	}
	if err != nil {
		return err
	}
	if err := writeModel(modelPath(a.dir), training.Model.Encode()); err != nil {
		return err
	}
	printTraining(std.out, training, modelPath(a.dir))
	return tellUnread(std.err, unread)
}

func (c *learnCommand) train(ctx context.Context, cfg Config) (*mail.Training, []source.Problem, error) {
	nobody, _, err := people.Parse("", strings.NewReader(""))
	if err != nil {
		return nil, nil, err
	}
	judging := cfg.Mail
	judging.Images = -1 // words are learnt, not pictures
	j := mail.NewJudge(nobody, judging, nil)
	var unread []source.Problem
	samples := func(yield func(mail.Sample, error) bool) {
		for _, side := range []struct {
			paths []string
			bad   bool
		}{{c.Bad, true}, {c.Good, false}} {
			for _, path := range side.paths {
				if !c.walk(ctx, j, path, side.bad, yield, &unread) {
					return
				}
			}
		}
	}
	training, err := mail.TrainModel(ctx, iter.Seq2[mail.Sample, error](samples), "learnt "+time.Now().UTC().Format(time.DateOnly))
	return training, unread, err
}

var errEnough = errors.New("enough")

// walk hands the mail below a path to yield one by one, so that memory does not
// grow with it, and reports whether to go on.
func (c *learnCommand) walk(ctx context.Context, j *mail.Judge, path string, bad bool, yield func(mail.Sample, error) bool, unread *[]source.Problem) bool {
	err := source.Walk(ctx, []string{path}, source.Config{}, func(i source.Item) error {
		raw := i.Raw
		if !c.Raw {
			raw = mail.Normalise(raw)
		}
		in := j.NewInput(message.Parse(raw, message.DefaultLimits()), trial.Facts(trial.Mail{Raw: raw}))
		if !yield(mail.Sample{Input: in, Bad: bad, Source: path}, nil) {
			return errEnough
		}
		return nil
	}, func(p source.Problem) { *unread = append(*unread, p) })
	if errors.Is(err, errEnough) {
		return false
	}
	if err != nil {
		return yield(mail.Sample{}, fmt.Errorf("read %s: %w", path, err))
	}
	return true
}

// writeModel replaces the model whole or not at all.
func writeModel(path string, encoded []byte) (err error) {
	fail := func(err error) error {
		return fmt.Errorf("write the text model %s: %w; the model before it is still in use", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fail(err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".text-model-")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(encoded)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fail(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fail(err)
	}
	return nil
}

func printTraining(out io.Writer, t *mail.Training, path string) {
	fmt.Fprintf(out, "Learnt from %s bad and %s good mails. Each fifth was judged by what the other four taught:\n\n", thousands(int64(t.Bad)), thousands(int64(t.Good)))
	for _, s := range t.Sources {
		what := "good mail thought bad"
		if s.Bad {
			what = "bad mail found"
		}
		fmt.Fprintf(out, "  %6.1f %%  %s  (%d of %d in %s)\n", 100*float64(s.Suspect)/float64(max(1, s.Mails)), what, s.Suspect, s.Mails, printable(s.Source))
	}
	var bad, good []string
	for _, f := range t.Strongest {
		if f.Weight > 0 {
			bad = append(bad, printable(f.Name))
		} else {
			good = append(good, printable(f.Name))
		}
	}
	fmt.Fprintf(out, "\nStrongest signs of bad mail:  %s\nStrongest signs of good mail: %s\n", strings.Join(bad, ", "), strings.Join(good, ", "))
	for _, w := range t.Warnings {
		fmt.Fprintf(out, "\nWarning: %s.\n", w)
	}
	fmt.Fprintf(out, "\nWritten to %s. The mail itself was not kept.\n", printable(path))
}

// tellUnread names what could not be read and makes it the exit status.
func tellUnread(out io.Writer, unread []source.Problem) error {
	if len(unread) == 0 {
		return nil
	}
	for _, p := range unread[:min(len(unread), maxProblems)] {
		fmt.Fprintln(out, printable(fmt.Sprintf("not read: %v", p)))
	}
	return exitError{exitIncomplete, nil}
}
