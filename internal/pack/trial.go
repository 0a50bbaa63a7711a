package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis"
)

// Trial is what one measured run came to.
type Trial struct {
	Values     int           `json:"values"`
	Indicators int           `json:"indicators"`
	Planted    int           `json:"planted"` // of the values, those that are in the pack
	Found      int           `json:"found"`
	Workers    int           `json:"workers"`
	Took       time.Duration `json:"took_ns"` // of testing alone
	Rate       Rate          `json:"rate"`
}

// RunTrial makes a pack of so many domains and tests so many distinct registrable ones against it, of
// which every thousandth is in the pack. Nothing is stored; progress is told for every batch.
func RunTrial(ctx context.Context, values, indicators, workers int, opts Options, progress func(done int)) (t Trial, err error) {
	p, rate, err := trialPack(indicators, opts)
	if err != nil {
		return t, err
	}
	tester := NewTester(p, workers)
	t = Trial{Values: values, Indicators: indicators, Workers: tester.Workers(), Rate: rate}
	began, done := time.Now(), 0
	err = tester.Run(ctx, func(yield func(Value, error) bool) {
		for n := range values {
			v := trialDomain(n, "seen")
			if n%1000 == 0 && n/1000 < indicators {
				v = trialDomain(n/1000, "sealed")
				t.Planted++
			}
			if !yield(Value{Observable: v}, nil) {
				return
			}
		}
	}, func(b Batch) error {
		t.Found += len(b.Matches)
		done += len(b.Marks)
		progress(done)
		return nil
	})
	t.Took = time.Since(began)
	if err == nil && t.Found != t.Planted {
		err = errors.New("not every planted value was found")
	}
	return t, err
}

// trialPack makes a pack and reads it as a house would.
func trialPack(indicators int, opts Options) (p *Pack, r Rate, err error) {
	secret, verifier, err := MakeKey("trial.example")
	if err != nil {
		return nil, r, err
	}
	if opts.Signer, err = note.NewSigner(secret); err != nil {
		return nil, r, err
	}
	known, err := ReadVerifier(verifier)
	if err != nil {
		return nil, r, err
	}
	now := time.Now()
	opts.For, opts.TLP, opts.Created, opts.Until = "a trial", "TLP:AMBER", now, now.Add(time.Hour)
	made, err := Make(opts, trialItems(indicators))
	if err != nil {
		return nil, r, err
	}
	p, err = Read(bytes.NewReader(made.Bytes), note.VerifierList(known), now)
	return p, made.Rate, err
}

func trialItems(n int) (list []Item) {
	for i := range n {
		list = append(list, Item{Indicator: portcullis.Indicator{Pattern: trialDomain(i, "sealed")}, Text: "What the trial says."})
	}
	return list
}

func trialDomain(n int, what string) portcullis.Observable {
	return portcullis.Observable{Type: portcullis.TypeDomain, Value: fmt.Sprintf("%s-%d.example", what, n)}
}
