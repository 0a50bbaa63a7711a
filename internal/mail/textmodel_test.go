package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
)

// lessons are mails of two kinds that differ in a few words.
func lessons(t *testing.T, n int) iter.Seq2[Sample, error] {
	t.Helper()
	dir, _, err := people.Parse("", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	j := NewJudge(dir, DefaultConfig(), nil)
	return func(yield func(Sample, error) bool) {
		for i := range n {
			bad := i%2 == 0
			text := fmt.Sprintf("the committee meets on %s about the harbour and the minutes of item number %s", word36(i), word36(i*7))
			if bad {
				text = fmt.Sprintf("your parcel of %s waits and the lottery pays number %s to you today", word36(i), word36(i*7))
			}
			in := j.NewInput(message.Parse([]byte("From: a@sender.example\nSubject: note\n\n"+text+"\n"), message.Limits{}), &Facts{})
			if !yield(Sample{in, bad, fmt.Sprint("source ", i%4)}, nil) {
				return
			}
		}
	}
}

func word36(i int) string { return strings.Repeat(string(rune('a'+i%26)), 2+i%5) }

func TestTrainModel(t *testing.T) {
	ctx := context.Background()
	training, err := TrainModel(ctx, lessons(t, 200), "lessons")
	if err != nil {
		t.Fatal(err)
	}
	again, err := TrainModel(ctx, lessons(t, 200), "lessons")
	if err != nil {
		t.Fatal(err)
	}
	if training.Model.Version() != again.Model.Version() {
		t.Error("the same mail in the same order gives another model")
	}
	for _, s := range training.Sources {
		if s.Bad && s.Suspect != s.Mails || !s.Bad && s.Suspect != 0 {
			t.Errorf("%s, bad %v: %d of %d thought bad", s.Source, s.Bad, s.Suspect, s.Mails)
		}
	}
	for s := range lessons(t, 10) {
		odds, strongest := training.Model.Score(s.Input)
		if (odds > 0) != s.Bad || len(strongest) == 0 {
			t.Errorf("bad %v has log-odds %.2f with %d reasons", s.Bad, odds, len(strongest))
		}
	}
	if training.Bad != 100 || training.Good != 100 || len(training.Warnings) == 0 {
		t.Errorf("%d bad, %d good, warnings %v: want 100 of each and a warning that they are few", training.Bad, training.Good, training.Warnings)
	}
}

// What stands in few mails may name somebody. It must not reach the model.
func TestModelKeepsNoRareWords(t *testing.T) {
	rare := func(yield func(Sample, error) bool) {
		n := 0
		for s, err := range lessons(t, 200) {
			if n++; n <= minMails-1 {
				s.Input.said = nil
				s.Input.Body += " confided by Aurelia Quimby "
			}
			if !yield(s, err) {
				return
			}
		}
	}
	training, err := TrainModel(context.Background(), rare, "lessons")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(bytes.ToLower(training.Model.Encode()), []byte("quimby")) {
		t.Error("the model holds a word of only three mails")
	}
}

func TestOneSided(t *testing.T) {
	onlyGood := func(yield func(Sample, error) bool) {
		for s, err := range lessons(t, 100) {
			if !s.Bad && !yield(s, err) {
				return
			}
		}
	}
	if _, err := TrainModel(context.Background(), onlyGood, "x"); !errors.Is(err, ErrOneSided) {
		t.Errorf("got %v", err)
	}
}

func TestModelRoundTrip(t *testing.T) {
	training, err := TrainModel(context.Background(), lessons(t, 100), "lessons")
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadModel(training.Model.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if back.Version() != training.Model.Version() || !bytes.Equal(back.Encode(), training.Model.Encode()) {
		t.Error("reading what was encoded gives another model")
	}
	for s := range lessons(t, 6) {
		a, _ := back.Score(s.Input)
		b, _ := training.Model.Score(s.Input)
		if a != b {
			t.Errorf("log-odds %v and %v", a, b)
		}
	}
}

func TestShippedModel(t *testing.T) {
	m, err := ShippedModel()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.(*Model).Weights); n < 1000 || n > maxVocabulary {
		t.Errorf("%d words", n)
	}
}

func FuzzReadModel(f *testing.F) {
	f.Add([]byte(`{"schema":1,"slope":1,"ceiling":2,"weights":{"verify account":1.5,"subject: hello":-1}}`))
	f.Add([]byte(`{"schema":1,"slope":-1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ReadModel(raw)
		if err != nil {
			return
		}
		again, err := ReadModel(m.Encode())
		if err != nil || again.Version() != m.Version() {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
	})
}
