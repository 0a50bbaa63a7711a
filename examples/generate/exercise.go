package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/synth"
)

// exercise adds the files of the exercise: its plan, one mbox a mailbox, what a
// partner sends, and what really happened, which is read only when it is over.
func exercise(files map[string][]byte) error {
	x := synth.NewExercise()
	byBox := map[string][]synth.Mail{}
	for _, m := range x.Mails {
		byBox[m.Mailbox] = append(byBox[m.Mailbox], m)
	}
	for box, mails := range byBox {
		var b bytes.Buffer
		if err := synth.WriteMbox(&b, mails); err != nil {
			return fmt.Errorf("write the exercise's mailbox of %s: %w", box, err)
		}
		files["exercise/mail/"+box+".mbox"] = b.Bytes()
	}
	for _, f := range x.Feeds {
		files["exercise/"+f.File] = []byte(f.Text)
	}
	truth, err := truthOf(x)
	if err != nil {
		return err
	}
	files["exercise/truth.json"], files["exercise/exercise.toml"] = truth, []byte(plan(x))
	return nil
}

// plan is exercise.toml.
func plan(x synth.Exercise) string {
	var b strings.Builder
	b.WriteString(planHead)
	fmt.Fprintf(&b, "start = %s\nend = %s\nseconds = 120 # how long it takes at --speed 1\npeople = \"../people.toml\"\nmail = \"mail\"\ntruth = \"truth.json\"\ntrusted_hosts = [\"mx.parliament.example\", \"mx.postbox.example\", \"mx.webmail.example\", \"mx.freepost.example\"]\n",
		x.Start.Format(time.RFC3339), x.End.Format(time.RFC3339))
	for _, f := range x.Feeds {
		fmt.Fprintf(&b, "\n[[feed]]\nat = %s\nfile = %q\nfrom = %q\nmarking = %q\n", f.At.Format(time.RFC3339), f.File, f.Source, f.Marking)
	}
	return b.String()
}

const planHead = `# An exercise at the Parliament of Verania: two years of mail in two minutes.
#
#   portcullis serve --exercise examples/exercise
#
# Written by "go run ./examples/generate"; change that, not this. truth.json says what
# really happened. Do not read it before you have played.

`

// truth is what really happened, for the score at the end.
type truth struct {
	Schema     int         `json:"schema"`
	Operations []operation `json:"operations"`
}

type operation struct {
	Name  string   `json:"name"`
	About string   `json:"about"`
	Hosts []string `json:"hosts"`
	Mails []sent   `json:"mails"`
}

type sent struct {
	Time   time.Time `json:"time"`
	Target string    `json:"target"` // address it was delivered to
	ID     string    `json:"message_id"`
}

func truthOf(x synth.Exercise) ([]byte, error) {
	t := truth{Schema: 1, Operations: []operation{
		{Name: synth.ExerciseLoud, About: "A newspaper that is none wrote to critics of the government of Ozmark, three times, to learn who reads it, where and with what.", Hosts: []string{"reader-metrics.example"}},
		{Name: synth.ExerciseQuiet, About: "Somebody at an institute that does not exist won the trust of people near the electoral register, one letter at a time.", Hosts: []string{"coastal-quarterly.example", "coastal-studies.example"}},
	}}
	for _, m := range x.Mails {
		for i := range t.Operations {
			if o := &t.Operations[i]; m.Truth.Campaign == o.Name {
				o.Mails = append(o.Mails, sent{m.Time.UTC(), strings.Join(m.Truth.Targets, ","), messageID(m.Raw)})
			}
		}
	}
	return json.MarshalIndent(t, "", "  ")
}

// messageID is the one of a generated mail, without brackets.
func messageID(raw []byte) string {
	_, rest, _ := bytes.Cut(raw, []byte("\r\nMessage-ID: <"))
	id, _, _ := bytes.Cut(rest, []byte(">"))
	return string(id)
}
